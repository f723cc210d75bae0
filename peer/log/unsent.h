/* SPDX-License-Identifier: Apache-2.0 */
/* Own entries that the broker does not have yet, as the home notes them. Not synced when they are
 * taken back: after a crash the broker is asked again. */
#ifndef CF_PEER_LOG_UNSENT_H
#define CF_PEER_LOG_UNSENT_H
#include "broker/env.h"
#include "codec/heads.h"
#include "peer/log/tables.h"

/* Whether the broker, as far as is known, lacks this one. */
bool cf_unsent_holds(cf_store *store, const cf_hash *user, const cf_head *entry);
/* The broker has this one. */
void cf_unsent_forget(const cf_env *env, cf_store *store, const cf_hash *user,
                      const cf_head *entry);
/* It shows these heads: what is in the past of one that is held here, too, it has. */
void cf_unsent_shown(const cf_env *env, cf_store *store, const cf_hash *user,
                     const cf_heads *shown);
/* It has all that there are. */
void cf_unsent_clear(const cf_env *env, cf_store *store, const cf_hash *user);

#endif
