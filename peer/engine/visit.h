/* SPDX-License-Identifier: Apache-2.0 */
/* A visit: one session with the broker, beside the engine's, that brings the log's entries there
 * and takes those of the member log and the catalog, until both have the same. For the beginnings,
 * when the engine can't go yet: a new user's account, a device that was just admitted. A handler.
 */
#ifndef CF_PEER_ENGINE_VISIT_H
#define CF_PEER_ENGINE_VISIT_H
#include "peer/log/peer.h"

typedef struct cf_visit cf_visit;

typedef struct {
    const cf_env *env;
    cf_store *store;
    cf_hash user;
    cf_peer *peer;    /* takes what comes; NULL: nothing is taken */
    bool is_confined; /* to the member log and the catalog */
} cf_visit_options;

cf_visit *cf_visit_new(const cf_visit_options *options);
void cf_visit_destroy(cf_visit **visit);
cf_link *cf_visit_link(const cf_visit *visit);

/* How much has come: grows as long as the visit gets on. */
uint64_t cf_visit_received(const cf_visit *visit);
/* True when it has ended: CF_OK in `*status`, or why it could not. A broken connection is made
 * again, one that never was is not; nor where the clocks are so far apart that nothing is
 * published. */
bool cf_visit_over(const cf_visit *visit, cf_status *status, cf_error *error);

#endif
