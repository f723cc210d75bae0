/* SPDX-License-Identifier: Apache-2.0 */
/* What the log tells of each device: when it wrote last, and what it had seen by then. The log is
 * read once, however many devices there are. */
#ifndef CF_PEER_COMMANDS_LAST_SEEN_H
#define CF_PEER_COMMANDS_LAST_SEEN_H
#include "peer/log/peer.h"

typedef struct {
    bool wrote;       /* else nobody has heard of it since it was let in */
    uint64_t time_ms; /* of its newest entry, or of the one that let it in; 0: not known */
    uint64_t behind;  /* entries of others here that it had not seen by then, if it wrote any: it
                         may have got them since */
} cf_last_seen;

typedef struct cf_sightings cf_sightings; /* of all devices, as of now */

/* The peer outlives it. */
cf_status cf_sightings_read(cf_peer *peer, cf_sightings **out, cf_error *error);
void cf_sightings_destroy(cf_sightings **sightings);
cf_last_seen cf_sightings_of(cf_sightings *sightings, const cf_hash *device);

#endif
