/* SPDX-License-Identifier: Apache-2.0 */
/* What locks.c, locks_session.c (what the broker says) and locks_kept.c (in the home) share. Nobody
 * else includes this. */
#ifndef CF_PEER_LOCKS_LOCKS_INSIDE_H
#define CF_PEER_LOCKS_LOCKS_INSIDE_H
#include "peer/locks/locks.h"

typedef struct cf_lock_names cf_lock_names;

struct cf_locks {
    cf_peer *peer;
    bool serves;
    cf_lock_names *names;
    cf_lock *own;
    size_t own_count, own_capacity;
    cf_lease *known; /* all in force, those of this device among them */
    size_t known_count, known_capacity;
    bool is_known, is_connected;
    int64_t clock_difference_ms; /* the broker's clock minus ours */
    uint64_t changes;
};

/* NULL: there is none of this request. */
cf_lock *cf_locks_at(const cf_locks *locks, const cf_id *request);
/* Says to the broker what is to be said of it in a session that knows nothing of it yet. */
void cf_locks_say(cf_locks *locks, const cf_lock *lock);
void cf_locks_say_alone(cf_locks *locks, const cf_id *collection, bool begins);
/* Has again what this device waits for, and the broker names as its own. */
void cf_locks_regain_awaited(cf_locks *locks);
/* That, and whatever else the broker names as this device's in its first word of a session. */
void cf_locks_regain_all(cf_locks *locks, uint64_t now_ms);
cf_status cf_locks_load(cf_locks *locks, cf_error *error);
/* In the home; failures are reported. */
void cf_locks_keep(cf_locks *locks, const cf_lock *lock);
void cf_locks_keep_known(cf_locks *locks);
void cf_locks_unkeep(cf_locks *locks, const cf_lock *lock);
/* The link forgets its token: what is published from now on is not published under it. */
void cf_locks_withdraw(const cf_locks *locks, const cf_lock *lock);
/* It is not in force any more: forgotten in the home, and its token by the link. */
void cf_locks_drop(cf_locks *locks, const cf_lock *lock);

#endif
