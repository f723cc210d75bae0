/* SPDX-License-Identifier: Apache-2.0 */
/* A store whose writing is done by a thread of its own: append only sends; the thread drains what
 * has arrived into one commit, and `done` is called back on the owner's thread by
 * cf_store_actor_deliver. Reads go straight to the inner store. After a failed commit the thread
 * opens the store again by itself, at most once a second, when there is something to append. */
#ifndef CF_BROKER_STORE_STORE_ACTOR_H
#define CF_BROKER_STORE_STORE_ACTOR_H
#include "broker/store/store.h"

typedef struct cf_store_actor cf_store_actor;

/* Takes `*inner`, whatever the outcome. */
cf_status cf_store_actor_new(cf_store **inner, cf_store_actor **out, cf_error *error);
/* Commits what was appended, then ends; what is not delivered by then is never answered. */
void cf_store_actor_destroy(cf_store_actor **actor);

/* The store to give to handlers; the actor's own, not to be destroyed. All its writing calls belong
 * to the owner's thread. acquire and write wait for the thread; commit waits until all that was
 * appended is durable, and delivers. */
cf_store *cf_store_actor_store(cf_store_actor *actor);
/* Readable when there is something to deliver. */
int cf_store_actor_descriptor(const cf_store_actor *actor);
/* Calls `done` of what has been committed; returns how many. Never blocks. */
size_t cf_store_actor_deliver(cf_store_actor *actor);

#endif
