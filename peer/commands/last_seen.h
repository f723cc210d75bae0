/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's own entries tell of it: when it wrote last, and what it had seen by then. */
#ifndef CF_PEER_COMMANDS_LAST_SEEN_H
#define CF_PEER_COMMANDS_LAST_SEEN_H
#include "peer/peer.h"

typedef struct {
    uint64_t time_ms; /* of its newest entry; 0: it wrote none */
    uint64_t behind;  /* entries of others here that it had not seen by then */
} cf_last_seen;

cf_status cf_last_seen_of(cf_peer *peer, const cf_hash *device, cf_last_seen *out, cf_error *error);

#endif
