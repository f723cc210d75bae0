/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs whose puts are done by a few threads of their own, so that an upload waits for no entry's
 * commit and no entry for an upload. The pieces of one blob stay in order. `done` is called back on
 * the owner's thread by cf_blob_actor_deliver; all other calls go straight to the inner cf_blobs.
 */
#ifndef CF_BROKER_BLOBS_BLOB_ACTOR_H
#define CF_BROKER_BLOBS_BLOB_ACTOR_H
#include "broker/blobs/blobs.h"

typedef struct cf_blob_actor cf_blob_actor;

/* Takes `*inner`, whatever the outcome. */
cf_status cf_blob_actor_new(cf_blobs **inner, size_t threads, cf_blob_actor **out, cf_error *error);
/* Does what was put, then ends; what is not delivered by then is never answered. */
void cf_blob_actor_destroy(cf_blob_actor **actor);

/* The blobs to give to handlers; the actor's own, not to be destroyed. */
cf_blobs *cf_blob_actor_blobs(cf_blob_actor *actor);
/* Readable when there is something to deliver. */
int cf_blob_actor_descriptor(const cf_blob_actor *actor);
/* Calls `done` of the puts that have ended; returns how many. Never blocks. */
size_t cf_blob_actor_deliver(cf_blob_actor *actor);
/* Waits until nothing is under way, and delivers. */
void cf_blob_actor_finish(cf_blob_actor *actor);

#endif
