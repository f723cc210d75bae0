/* SPDX-License-Identifier: Apache-2.0 */
/* Locked during communication: while a user's log is replayed to somebody, whatever removes from it
 * (removing the user, compaction, collecting blobs) waits; and while one of these works, replays
 * wait. Shared and exclusive, by user, first come first served. Lives in the gateway's thread; it
 * is the process's own and is not kept. */
#ifndef CF_BROKER_GATEWAY_REPLAY_LOCK_H
#define CF_BROKER_GATEWAY_REPLAY_LOCK_H
#include "codec/ids.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct cf_replay_lock cf_replay_lock;

cf_replay_lock *cf_replay_lock_new(void);
void cf_replay_lock_destroy(cf_replay_lock **replay_lock);

/* ---- Shared: replays ---- */

/* False: an exclusive one has it or waits for it; try again when the gateway is woken. */
bool cf_replay_lock_enter(cf_replay_lock *replay_lock, const cf_hash *user);
void cf_replay_lock_leave(cf_replay_lock *replay_lock, const cf_hash *user);

/* ---- Exclusive: what removes ---- */

/* How long the replays under way may take once an exclusive one waits; those that don't end by then
 * are ended with their sessions (by the gateway's tick). */
enum { CF_REPLAY_LOCK_WAIT_MS = 10000 };

typedef struct cf_exclusion cf_exclusion;

/* Asks; `ready` is called when no replay is under way, possibly from inside. No replay of the user
 * begins from now on until cf_exclusion_end. A second one of the same user waits for the first. */
cf_exclusion *cf_exclusion_begin(cf_replay_lock *replay_lock, const cf_hash *user,
                                 uint64_t steady_ms, void (*ready)(void *context), void *context);
bool cf_exclusion_is_ready(const cf_exclusion *exclusion);
/* Also before it was ready; wake the gateway's sessions of the user after it. */
void cf_exclusion_end(cf_exclusion **exclusion);

/* Whether replays of this user are to be ended now, because somebody has waited long enough. */
bool cf_replay_lock_is_overdue(const cf_replay_lock *replay_lock, const cf_hash *user,
                               uint64_t steady_ms);
/* When that is the case for the next user; UINT64_MAX: for none. */
uint64_t cf_replay_lock_deadline(const cf_replay_lock *replay_lock);

#endif
