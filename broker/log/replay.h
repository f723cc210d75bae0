/* SPDX-License-Identifier: Apache-2.0 */
/* A replay: sends a log to another one. From what the other named (its heads, its answers to rungs)
 * it finds where to begin; from there everything goes in arrival order, which is causal, and what
 * is appended meanwhile follows. The other may get an entry that it holds. codec/PROTOCOL.md,
 * "Sessions, heads and replay". */
#ifndef CF_BROKER_LOG_REPLAY_H
#define CF_BROKER_LOG_REPLAY_H
#include "broker/log/rungs.h"
#include "broker/store/store.h"
#include "codec/heads.h"

typedef struct cf_replay cf_replay;

cf_replay *cf_replay_new(cf_store *store, const cf_hash *user);
void cf_replay_destroy(cf_replay **replay);

/* The other holds this entry and its past. `held` says whether we do; if not, it is of no use. */
cf_status cf_replay_holds(cf_replay *replay, const cf_head *entry, bool *held, cf_error *error);
/* The other's rungs, in its order, page after page: takes of each branch the highest that is held
 * here, and adds it to `held`. */
cf_status cf_replay_rungs(cf_replay *replay, const cf_head *rungs, size_t count, cf_heads *held,
                          cf_error *error);
/* Only these collections, and always the member log and the catalog; without a call, all. */
void cf_replay_select(cf_replay *replay, const cf_id *collections, size_t count);

/* Finds the start. */
cf_status cf_replay_begin(cf_replay *replay, cf_error *error);
/* Visits what is to be sent, from where the last call stopped. The visitor has taken an entry when
 * it returns, whatever it returns. */
cf_status cf_replay_next(cf_replay *replay, cf_entry_visit *visit, void *context, cf_error *error);
/* The last call stopped by itself, after 4,096 entries that are not to be sent: there is more. */
bool cf_replay_has_more(const cf_replay *replay);
/* This position needn't be sent: the other brought that entry itself. */
void cf_replay_skip(cf_replay *replay, uint64_t position);
/* Entries of this collection are kept back from now on; and no longer: those that were come first
 * then, in their order, whatever is held from now on. */
void cf_replay_hold(cf_replay *replay, const cf_id *collection);
void cf_replay_release(cf_replay *replay, const cf_id *collection);
/* How many entries of it are kept back, as far as the log was read. */
size_t cf_replay_kept_back(const cf_replay *replay, const cf_id *collection);
/* Of how many collections some are. */
size_t cf_replay_count_kept(const cf_replay *replay);
/* Some were, and are to be sent. */
bool cf_replay_owes(const cf_replay *replay);
/* The position where the next call begins, beyond what is kept back or owed. */
uint64_t cf_replay_position(const cf_replay *replay);

#endif
