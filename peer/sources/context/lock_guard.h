/* SPDX-License-Identifier: Apache-2.0 */
/* What another device has locked in a source, as this one heeds it: files lose their write
 * permission here until the lock is over. The lock of a directory is one of all that is in it. */
#ifndef CF_PEER_SOURCES_CONTEXT_LOCK_GUARD_H
#define CF_PEER_SOURCES_CONTEXT_LOCK_GUARD_H
#include "peer/bindings/lifted.h"
#include "peer/locks/locks.h"

/* The lease of another that a node is under; NULL: none. The root is under none. */
const cf_lease *cf_lock_guard_of(cf_locks *locks, const cf_binding *binding, uint64_t node);
/* There is nothing of others here, and nothing was taken. */
bool cf_lock_guard_idles(const cf_locks *locks, const cf_binding *binding);
/* Takes and gives back what is due; the root is held, and nobody else works there. `*given`: the
 * permission of how many was given back. */
cf_status cf_lock_guard_apply(cf_peer *peer, cf_locks *locks, cf_binding *binding, size_t *given,
                              cf_error *error);
/* Gives all back: the source is synced no more. */
void cf_lock_guard_release(cf_peer *peer, cf_binding *binding);
/* "locked by desk until 15:02", in local time, in the arena. */
const char *cf_lock_guard_text(cf_peer *peer, const cf_lease *lease, cf_arena *arena);
/* Of a whole collection: "papers: locked by desk until 15:02". */
const char *cf_lock_guard_line(cf_peer *peer, const cf_lease *lease, cf_arena *arena);

#endif
