/* SPDX-License-Identifier: Apache-2.0 */
/* The leases of this device, and what it knows of those of others. Its own are kept in the home: a
 * lease that one process was granted, another uses and gives back. Those of others are what the
 * broker said last, until they are over. Owned by the engine. */
#ifndef CF_PEER_LOCKS_LOCKS_H
#define CF_PEER_LOCKS_LOCKS_H
#include "codec/ring.h"
#include "peer/log/peer.h"

typedef struct cf_locks cf_locks;

typedef enum {
    CF_LOCK_ASKED,  /* no answer yet, or it waits for its turn */
    CF_LOCK_HELD,   /* in force */
    CF_LOCK_BUSY,   /* `holder` has it until `until_ms` */
    CF_LOCK_DENIED, /* see `why` */
    CF_LOCK_ENDING, /* given back, or being broken; no answer yet */
    CF_LOCK_OVER,
} cf_lock_state;

typedef struct {
    cf_id request; /* its name here */
    cf_id collection;
    cf_id item; /* all zero: the whole collection */
    cf_id name; /* as the broker knows it */
    uint64_t for_ms;
    bool shared, wait;
    bool renews; /* as long as this process lives */
    bool passes; /* it is of one act: who finds it in the home later gives it back */
    bool breaks; /* another's */
    bool was_forgotten;
    bool is_alone; /* this device communicates alone under it */
    cf_lock_state state;
    cf_lease_token token;
    uint64_t until_ms; /* by our clock */
    uint64_t renewed_ms;
    cf_hash holder;
    cf_error why;
} cf_lock;

/* In its time a lock is renewed so often, less once. */
enum { CF_LOCK_RENEWALS = 3 };

/* Reads what the home keeps. `serves`: what is held is renewed. */
cf_status cf_locks_open(cf_peer *peer, bool serves, uint64_t now_ms, cf_locks **out,
                        cf_error *error);
void cf_locks_close(cf_locks **locks);

/* ---- For verbs ---- */

typedef struct {
    cf_id collection;
    cf_id item;
    uint64_t for_ms;
    bool shared, wait, renews, passes;
} cf_lock_wish;

/* Asks for one; the answer shows in its state. CF_UNREACHABLE without a broker. */
cf_status cf_locks_ask(cf_locks *locks, const cf_lock_wish *wish, cf_id *request, cf_error *error);
/* Breaks what others have of it. */
cf_status cf_locks_break(cf_locks *locks, const cf_id *collection, const cf_id *item,
                         cf_id *request, cf_error *error);
/* What was granted, or asked for; it ends when the broker knows. */
void cf_locks_give_back(cf_locks *locks, const cf_id *request);
/* Says how long it shall last from now on. */
void cf_locks_renew(cf_locks *locks, const cf_id *request, uint64_t for_ms);
/* NULL: there is no such. Borrowed until the next step. */
const cf_lock *cf_locks_find(const cf_locks *locks, const cf_id *request);
/* The one of ours that is in force; NULL. */
const cf_lock *cf_locks_own(const cf_locks *locks, const cf_id *collection, const cf_id *item);
/* Tells the broker what the lock of a collection is for: this device communicates alone there from
 * now on, or from when it has it, in later sessions too; or no longer. */
void cf_locks_tell_alone(cf_locks *locks, const cf_id *collection, bool begins);
/* What is neither asked for nor held any more need not be known any more. */
void cf_locks_forget(cf_locks *locks, const cf_id *request);

/* All that are in force, as last heard, times by our clock. */
const cf_lease *cf_locks_all(const cf_locks *locks, size_t *count);
/* They were heard in this session, and what this device had forgotten of its own is had again. */
bool cf_locks_are_known(const cf_locks *locks);
/* The lease among them that is of this thing, of another device; NULL: none. */
const cf_lease *cf_locks_of_other(cf_locks *locks, const cf_id *collection, const cf_id *item);
/* The one of this device, also when it has forgotten it: its home was restored from a copy, say. To
 * ask without waiting is to have it again. NULL: none. */
const cf_lease *cf_locks_of_this(cf_locks *locks, const cf_id *collection, const cf_id *item);
/* Something inside of the collection is another's; it may be of interest what. */
bool cf_locks_any_inside(const cf_locks *locks, const cf_id *collection);
cf_status cf_locks_name(cf_locks *locks, const cf_id *collection, const cf_id *item, cf_id *out,
                        cf_error *error);
/* Rises with each change of what is in force. */
uint64_t cf_locks_changes(const cf_locks *locks);

/* ---- For the engine ---- */

void cf_locks_connected(cf_locks *locks, int64_t clock_difference_ms);
void cf_locks_lost(cf_locks *locks);
void cf_locks_answered(cf_locks *locks, const cf_message *answer, uint64_t now_ms);
/* Renews what is to be renewed, ends what is over. */
void cf_locks_step(cf_locks *locks, uint64_t now_ms, uint64_t *deadline);
/* The time of day is `by_ms` later than it would be, or earlier: leases last as long as they did.
 */
void cf_locks_clock_set(cf_locks *locks, int64_t by_ms);

#endif
