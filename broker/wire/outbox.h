/* SPDX-License-Identifier: Apache-2.0 */
/* An outbox: the messages that a handler wants sent, in order for each destination. The shell sends
 * what its socket takes; what would block stays, so that a handler can see who isn't reading. A
 * destination is the routing id of a ROUTER, or empty: the one peer of a link. */
#ifndef CF_BROKER_WIRE_OUTBOX_H
#define CF_BROKER_WIRE_OUTBOX_H
#include "codec/message.h"

typedef struct cf_outbox cf_outbox;

typedef enum {
    CF_SEND_DONE,
    CF_SEND_BLOCKED, /* its pipe is full: try again later */
    CF_SEND_GONE,    /* nobody is there */
} cf_send_answer;

/* Sends all frames or nothing. It may take buffers by zeroing them in `frames`. */
typedef cf_send_answer cf_outbox_sender(void *context, cf_bytes destination, cf_frames *frames);

cf_outbox *cf_outbox_new(void);
void cf_outbox_destroy(cf_outbox **outbox);

/* Encodes and queues. */
void cf_outbox_add(cf_outbox *outbox, cf_bytes destination, const cf_message *message);

/* Offers every message to the sender, the oldest first; after one that blocked the others of its
 * destination wait, too. True when nothing is left. */
bool cf_outbox_send(cf_outbox *outbox, cf_outbox_sender *sender, void *context);

/* Bytes of memory, about, that wait for one destination, and in all. */
size_t cf_outbox_waiting(const cf_outbox *outbox, cf_bytes destination);
size_t cf_outbox_size(const cf_outbox *outbox);
/* Forgets what waits for a destination. */
void cf_outbox_discard(cf_outbox *outbox, cf_bytes destination);

#endif
