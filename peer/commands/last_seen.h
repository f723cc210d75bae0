/* SPDX-License-Identifier: Apache-2.0 */
/* What the log tells of a device: when it wrote last, and what it had seen by then. */
#ifndef CF_PEER_COMMANDS_LAST_SEEN_H
#define CF_PEER_COMMANDS_LAST_SEEN_H
#include "peer/log/peer.h"

typedef struct {
    bool wrote;       /* else nobody has heard of it since it was let in */
    uint64_t time_ms; /* of its newest entry, or of the one that let it in; 0: not known */
    uint64_t behind;  /* entries of others here that it had not seen by then, if it wrote any: it
                         may have got them since */
} cf_last_seen;

cf_status cf_last_seen_of(cf_peer *peer, const cf_hash *device, cf_last_seen *out, cf_error *error);

#endif
