/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's door: a ROUTER with CURVE, plugged into a zloop and belonging to its thread. It hands
 * in messages with the key that ZAP found, sends the outbox, and tells the gateway who has gone.
 * There is no thread of its own: what takes time, writing, is done by the actors of store and
 * blobs, whose deliveries end in cf_gateway_zmq_wake. */
#ifndef CF_BROKER_DOOR_GATEWAY_ZMQ_H
#define CF_BROKER_DOOR_GATEWAY_ZMQ_H
#include <czmq.h>

#include "broker/door/allowances.h"
#include "broker/gateway/gateway.h"
#include "broker/management/audit.h"

typedef struct cf_gateway_zmq cf_gateway_zmq;

/* Borrowed; what is pointed at outlives the door, but for the texts. */
typedef struct {
    const cf_env *env;
    zloop_t *loop;
    cf_gateway *gateway;
    cf_outbox *outbox;               /* the gateway's */
    const char *zap_domain;          /* of this gateway alone; cf_zap_start was called */
    const char *endpoint;            /* as below; NULL: none yet */
    cf_audit *audit;                 /* or NULL */
    const cf_allowances *allowances; /* of connections; NULL: none */
    cf_store *store;                 /* that knows from where members came; NULL: none does */
    const uint8_t *curve_public;     /* 32 bytes, raw, each */
    const uint8_t *curve_secret;
} cf_gateway_zmq_options;

/* CF_LOCKED when another program has the port, CF_USAGE when the endpoint is none of this machine.
 */
cf_status cf_gateway_zmq_new(const cf_gateway_zmq_options *options, cf_gateway_zmq **out,
                             cf_error *error);
void cf_gateway_zmq_destroy(cf_gateway_zmq **zmq);
/* On one more endpoint, tcp://ADDRESS:PORT, where the address may be *, every one of both families,
 * and the port 0; fails likewise. */
cf_status cf_gateway_zmq_listen(cf_gateway_zmq *zmq, const char *endpoint, uint16_t *port,
                                cf_error *error);
/* What it fails with, by the number of what the system says. */
cf_status cf_gateway_zmq_listen_failed(const char *endpoint, int number, cf_error *error);
/* Other bounds from now on, where it has any. */
void cf_gateway_zmq_set_allowances(cf_gateway_zmq *zmq, const cf_allowances *allowances);
/* The first that it listens on. */
uint16_t cf_gateway_zmq_port(const cf_gateway_zmq *zmq);

/* After anything was given to the gateway other than by this door: lets it work, and sends. */
void cf_gateway_zmq_wake(cf_gateway_zmq *zmq);

#endif
