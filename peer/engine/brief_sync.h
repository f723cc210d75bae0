/* SPDX-License-Identifier: Apache-2.0 */
/* A brief sync: one session with the broker, beside the engine's, that brings the log's entries
 * there and takes those of the member log and the catalog, until both have the same. For the
 * beginnings, when the engine can't go yet: a new user's account, a device that was just admitted.
 * A handler.
 */
#ifndef CF_PEER_ENGINE_BRIEF_SYNC_H
#define CF_PEER_ENGINE_BRIEF_SYNC_H
#include "peer/log/peer.h"

typedef struct cf_brief_sync cf_brief_sync;

typedef struct {
    const cf_env *env;
    cf_store *store;
    cf_hash user;
    cf_peer *peer;    /* takes what comes; NULL: nothing is taken */
    bool is_confined; /* to the member log and the catalog */
} cf_brief_sync_options;

cf_brief_sync *cf_brief_sync_new(const cf_brief_sync_options *options);
void cf_brief_sync_destroy(cf_brief_sync **brief);
cf_link *cf_brief_sync_link(const cf_brief_sync *brief);

/* How much has come: grows as long as it gets on. */
uint64_t cf_brief_sync_received(const cf_brief_sync *brief);
/* True when it has ended: CF_OK in `*status`, or why it could not. A broken connection is made
 * again, one that never was is not; nor where the clocks are so far apart that nothing is
 * published. */
bool cf_brief_sync_over(const cf_brief_sync *brief, cf_status *status, cf_error *error);

#endif
