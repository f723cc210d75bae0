/* SPDX-License-Identifier: Apache-2.0 */
/* Passing: what frees room, or needs little, goes by an entry that the broker has no room for. A
 * broker takes a writer's chain in order, so the device goes on under a new writer, whose chain
 * doesn't come after that entry. Not in a member log or a catalog, and only so often: each writer
 * is a head for good, which every device has to name. Owned by the engine's thread. */
#ifndef CF_PEER_LOG_PASSING_H
#define CF_PEER_LOG_PASSING_H
#include "peer/log/peer.h"

enum {
    CF_PASSED_MAX = 4,     /* chains of a collection that are kept back at a time */
    CF_WRITERS_OF_ONE = 32 /* of this device there, beyond which it goes by nothing */
};

/* This entry was refused for want of room: is it the last writer's of its collection, and might a
 * smaller one be taken, what is written there from now on goes by it. */
cf_status cf_peer_pass(cf_peer *peer, const cf_head *refused, cf_error *error);

#endif
