/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in and out of a ZeroMQ socket without blocking, for the shells of link and gateway. */
#ifndef CF_BROKER_WIRE_FRAMES_ZMQ_H
#define CF_BROKER_WIRE_FRAMES_ZMQ_H
#include <czmq.h>

#include "broker/wire/outbox.h"

/* A routing id and one frame more than a message may have, so that too many are seen. */
enum { CF_ZMQ_FRAMES = CF_MESSAGE_FRAMES + 2 };
/* Messages of one connection that wait in each direction. */
enum { CF_ZMQ_HIGH_WATER = 16 };
/* A connection of which a server has read nothing for so long is over: one without a session, which
 * has something to say, and one with, which says something now and then (broker/link/line.h). */
enum { CF_ZMQ_SILENT_MS = 20000, CF_ZMQ_SESSION_SILENT_MS = 300000 };
static_assert(CF_ZMQ_SILENT_MS <= CF_ZMQ_SESSION_SILENT_MS, "a session bears more");
/* A connection that is not secured after so long is over, for either side. */
enum { CF_ZMQ_HANDSHAKE_MS = 30000 };
/* What a socket that was closed had taken may still go out for so long, where a network takes it.
 * With none libzmq aborts the process when the other side ends the connection at the same moment,
 * amid a message (https://github.com/zeromq/libzmq/issues/3442): a broker that refuses somebody
 * does. */
enum { CF_ZMQ_LINGER_MS = 200 };

typedef struct {
    zmq_msg_t frame[CF_ZMQ_FRAMES];
    cf_bytes bytes[CF_ZMQ_FRAMES]; /* of the frames; borrowed from them */
    size_t count;                  /* what was beyond is dropped */
    int descriptor;                /* that it came through; -1: none */
} cf_zmq_message;

/* False when there is none. What came waits no more, as inflow.h counts. */
bool cf_zmq_receive(void *socket, cf_zmq_message *out);
void cf_zmq_message_release(cf_zmq_message *message);

/* To the peer of that routing id of a ROUTER; empty: of a DEALER. Takes the frames when it is
 * CF_SEND_DONE. */
cf_send_answer cf_zmq_send(void *socket, cf_bytes destination, cf_frames *frames);

/* One of ours. */
zsock_t *cf_zmq_socket(int type);

/* What a socket's monitor tells; false: nothing now. */
typedef struct {
    uint16_t number; /* ZMQ_EVENT_… */
    int32_t value;   /* a descriptor, for one */
} cf_zmq_event;
bool cf_zmq_next_event(zsock_t *monitor, cf_zmq_event *out);

/* CURVE with raw keys, and what all of our sockets have in common: a short linger, high-water
 * marks, a largest frame. A client asks now and then for a sign of life (ZMTP's PING), which the
 * server's ZeroMQ gives by itself. `server_key` NULL: we are the server. */
typedef struct {
    const uint8_t *public_key;
    const uint8_t *secret_key;
    const uint8_t *server_key;
} cf_zmq_keys;
void cf_zmq_configure(void *socket, const cf_zmq_keys *keys);

#endif
