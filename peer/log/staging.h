/* SPDX-License-Identifier: Apache-2.0 */
/* A home in the making: it lies beside its place, under another name, and takes the place whole or
 * not at all, so that a beginning that fails leaves nothing behind. */
#ifndef CF_PEER_LOG_STAGING_H
#define CF_PEER_LOG_STAGING_H
#include "peer/log/home.h"

typedef struct cf_staging cf_staging;

/* CF_CHANGED when there is a home already, or the place is taken by something else; CF_LOCKED when
 * another process is making one. */
cf_status cf_staging_begin(const cf_env *env, const char *home_path, cf_staging **out,
                           cf_error *error);
cf_home *cf_staging_home(const cf_staging *staging);
/* Closes the home and puts it in its place, durably. Takes the staging. */
cf_status cf_staging_finish(cf_staging **staging, cf_error *error);
/* Takes away what was made; NULL is fine. */
void cf_staging_abandon(cf_staging **staging);

#endif
