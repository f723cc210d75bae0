/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks through which connection. A message comes with the routing id of its connection, which
 * no other has at the same time, and with a file descriptor, which tells nothing by itself: what a
 * connection had sent is still read when it has ended, and another may have its descriptor by then.
 * Of a connection that has ended only so many messages can be unread. So who was heard more often
 * than that through a descriptor since it was opened is the one that has it now, surely; until
 * then everybody who was heard through it may be. A routing id that was shut is remembered for as
 * long as something may still come of it. Decides; the shell shuts. */
#ifndef CF_BROKER_DOOR_CONNECTION_OWNERS_H
#define CF_BROKER_DOOR_CONNECTION_OWNERS_H
#include "codec/bytes.h"

#include <stdbool.h>

enum { CF_ROUTING_ID_MAX = 32 };

typedef struct cf_connection_owners cf_connection_owners;

/* Told of each whose connection is over. */
typedef void cf_connection_owner_gone(void *context, cf_bytes routing_id);

typedef struct {
    size_t unread; /* messages of one connection, at most, when its end is told */
    cf_connection_owner_gone *gone;
    void *context;
} cf_connection_owners_options;

cf_connection_owners *cf_connection_owners_new(const cf_connection_owners_options *options);
void cf_connection_owners_destroy(cf_connection_owners **owners);

/* A connection has this descriptor from now on, or none has. */
void cf_connection_owners_opened(cf_connection_owners *owners, int descriptor);
void cf_connection_owners_closed(cf_connection_owners *owners, int descriptor, uint64_t now_ms);

/* Whether it was heard through this descriptor since that was opened. If not, all that is known of
 * descriptors opened and closed has to be told before cf_connection_owners_heard. */
bool cf_connection_owners_knows(const cf_connection_owners *owners, int descriptor,
                                cf_bytes routing_id);
void cf_connection_owners_heard(cf_connection_owners *owners, int descriptor, cf_bytes routing_id);
/* Whether the descriptor is that of this one's connection. */
bool cf_connection_owners_is_sure(const cf_connection_owners *owners, int descriptor,
                                  cf_bytes routing_id);
/* Those that may have it, one after the other; empty at the end. */
cf_bytes cf_connection_owners_at(const cf_connection_owners *owners, int descriptor, size_t index);

/* Its connection was shut: nothing of it counts any more. */
void cf_connection_owners_shut(cf_connection_owners *owners, int descriptor, cf_bytes routing_id);
bool cf_connection_owners_is_shut(const cf_connection_owners *owners, int descriptor,
                                  cf_bytes routing_id, uint64_t now_ms);

#endif
