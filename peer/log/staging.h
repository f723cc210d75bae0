/* SPDX-License-Identifier: Apache-2.0 */
/* A home in the making: it takes its place whole or not at all, so that a beginning that fails
 * leaves nothing behind. It lies beside its place, under another name, and is renamed; where the
 * place is an empty folder, which may be a mount point and can't be replaced then, it lies inside
 * of that, and its parts are moved up.
 *
 * Once a code may have been used for it, it stays, so that the next try with the same code and
 * place goes on where this one ended: with the same keys, and the same words at the broker's door.
 */
#ifndef CF_PEER_LOG_STAGING_H
#define CF_PEER_LOG_STAGING_H
#include "peer/log/home.h"

typedef struct cf_staging cf_staging;

/* CF_CHANGED when there is a home already, or the place is taken by something else; CF_LOCKED when
 * another process is making one. `code` names the code that it is for, NULL: none. What an earlier
 * try left for another code is taken away, and that is reported. */
cf_status cf_staging_begin(const cf_env *env, const char *home_path, const cf_hash *code,
                           cf_staging **out, cf_error *error);
cf_home *cf_staging_home(const cf_staging *staging);
/* What an earlier try for this code said at the door; size 0: there was none. */
cf_bytes cf_staging_said(const cf_staging *staging);
/* The account's secret, CF_PHRASE_SECRET bytes, that an earlier try kept. */
cf_status cf_staging_secret(const cf_staging *staging, uint8_t *secret, cf_error *error);

/* Before the code is used: makes sure of the room that the rest needs, and keeps what is about to
 * be said, and the account's secret (NULL: none), durably. From then on the home in the making
 * stays until it is finished, or given up. */
cf_status cf_staging_keep(cf_staging *staging, cf_bytes said, const uint8_t *secret,
                          cf_error *error);
bool cf_staging_is_kept(const cf_staging *staging);
/* The code lets nobody in: there is nothing to go on with. */
void cf_staging_give_up(cf_staging *staging);

/* Gives the room back that was kept for what follows. */
void cf_staging_make_room(cf_staging *staging);
/* Closes the home and puts it in its place, durably. Takes the staging. */
cf_status cf_staging_finish(cf_staging **staging, cf_error *error);
/* Takes away what was made, unless it is kept; NULL is fine. */
void cf_staging_abandon(cf_staging **staging);

#endif
