/* SPDX-License-Identifier: Apache-2.0 */
/* What gateway_zmq.c (messages) and gateway_zmq_connections.c (whose connection it is, and whether
 * it may stay) share. Nobody else includes this. */
#ifndef CF_BROKER_GATEWAY_ZMQ_INSIDE_H
#define CF_BROKER_GATEWAY_ZMQ_INSIDE_H
#include <netinet/in.h>

#include "broker/doorkeeper.h"
#include "broker/gateway_zmq.h"

enum {
    CF_ROUTING_ID_MAX = 32,
    CF_HANDSHAKE_FAILED =
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
};

/* Whose connection it is. */
typedef struct {
    uint8_t size; /* 0: nobody's */
    uint8_t routing_id[CF_ROUTING_ID_MAX];
    char address[INET6_ADDRSTRLEN];
} cf_connection;

struct cf_gateway_zmq {
    cf_gateway_zmq_options options;
    zsock_t *socket;
    zsock_t *monitor;
    uint16_t port;
    cf_connection *connections; /* by file descriptor: the monitor tells of an end by that */
    size_t count, capacity;
    cf_doorkeeper *doorkeeper; /* NULL: all may stay */
    bool has_failed;           /* a handshake, of the connection whose end is told next */
    int look_timer;
    cf_buffer gone; /* routing ids that a send did not find: size, bytes */
    bool polls_output;
    bool has_sent; /* something, in this round */
    int timer;     /* -1: none */
    uint64_t timer_ms;
    uint64_t retry_ms; /* delay of the next try to send what was blocked */
};

uint64_t cf_gateway_zmq_now(const cf_gateway_zmq *zmq);
/* Takes all that the monitor has told: connections begin and end. */
void cf_gateway_zmq_drain_monitor(cf_gateway_zmq *zmq);
/* A message came through this descriptor: the end of an older connection that had it was told
 * before. */
void cf_gateway_zmq_note_connection(cf_gateway_zmq *zmq, int descriptor, cf_bytes routing_id);
/* After a message, with a doorkeeper: whether the connection may stay. */
void cf_gateway_zmq_judge(const cf_gateway_zmq *zmq, int descriptor, cf_bytes routing_id);
/* Now and then: sessions also end without a message, and some are overdue. */
int cf_gateway_zmq_look(zloop_t *loop, int timer, void *context);

#endif
