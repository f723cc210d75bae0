/* SPDX-License-Identifier: Apache-2.0 */
/* Whose connection it is, and whether it may stay. For gateway_zmq.c alone, which has the messages.
 */
#ifndef CF_BROKER_DOOR_GATEWAY_ZMQ_CONNECTIONS_H
#define CF_BROKER_DOOR_GATEWAY_ZMQ_CONNECTIONS_H
#include <netinet/in.h>

#include "broker/door/connection_limits.h"
#include "broker/door/connection_owners.h"
#include "broker/door/door_members.h"
#include "broker/door/gateway_zmq.h"

enum {
    CF_HANDSHAKE_FAILED =
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
};

/* What has a descriptor, as the kernel tells. */
typedef struct {
    uint64_t cookie;     /* no other socket ever has it; 0: not known */
    uint8_t address[16]; /* IPv6, or IPv4 mapped into it */
    char text[INET6_ADDRSTRLEN];
} cf_gateway_connection;

/* It was told that it came, and perhaps that it went, and not yet looked at. */
typedef struct {
    int descriptor;
    bool has_gone;
    cf_gateway_connection seen; /* this one, or what had the descriptor next */
} cf_arrival;

struct cf_gateway_zmq {
    cf_gateway_zmq_options options;
    zsock_t *socket;
    zsock_t *monitor;
    uint16_t port;
    cf_connection_owners *owners;
    cf_connection_limits *limits;       /* NULL: all may stay */
    uint64_t kept_news, kept_ms;        /* what the store has of it, and since when */
    cf_gateway_connection *connections; /* by file descriptor */
    size_t count, capacity;
    cf_arrival *arrivals; /* since the monitor was drained; with limits only */
    size_t arrival_count, arrival_capacity;
    bool has_failed; /* a handshake, of the connection whose end is told next */
    int look_timer;
    bool has_moved;          /* a connection began or ended since the last look */
    uint64_t looked_changes; /* of the gateway's sessions, at the last look */
    cf_buffer gone;          /* routing ids that a send did not find: size, bytes */
    bool polls_output;
    bool has_sent; /* something, in this round */
    int timer;     /* -1: none */
    uint64_t timer_ms;
    uint64_t retry_ms; /* delay of the next try to send what was blocked */
};

/* The time of day, for what is written; and by a clock that nobody sets, for deadlines. */
uint64_t cf_gateway_zmq_now(const cf_gateway_zmq *zmq);
uint64_t cf_gateway_zmq_steady(const cf_gateway_zmq *zmq);
/* Takes all that the monitor has told: connections begin and end. */
void cf_gateway_zmq_drain_monitor(cf_gateway_zmq *zmq);
/* A message came through this descriptor, to be told before it is looked at. False: it counts for
 * nothing, its connection was shut. */
bool cf_gateway_zmq_hear(cf_gateway_zmq *zmq, int descriptor, cf_bytes routing_id);

/* What was said through it, and may be judged. */
typedef struct {
    int descriptor;
    cf_bytes routing_id;
    const char *address;   /* that the message came from; NULL: not known */
    bool may_stay;         /* by what the gateway says */
    bool greeting_refused; /* for good */
} cf_utterance;
/* After a message, with limits: whether the connection may stay. */
void cf_gateway_zmq_judge(cf_gateway_zmq *zmq, const cf_utterance *said);
/* Those that the gateway wants cut, with what the transport holds for them. */
void cf_gateway_zmq_cut(cf_gateway_zmq *zmq);
/* Has the store know from where members came, where that is news, and `rest_ms` after the last time
 * at the earliest. */
void cf_gateway_zmq_keep_members(cf_gateway_zmq *zmq, uint64_t rest_ms);
enum { CF_GATEWAY_ZMQ_LOOK_MS = 1000 };
/* At these intervals: sessions also end without a message, some are overdue, and some connections
 * are silent. */
int cf_gateway_zmq_look(zloop_t *loop, int timer, void *context);

#endif
