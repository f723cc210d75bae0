/* SPDX-License-Identifier: Apache-2.0 */
/* A link's connection over ZeroMQ: a DEALER with CURVE that never reconnects by itself, since a
 * stream that goes on after a cut has lost its middle; each session gets a new socket. Plugs into a
 * zloop, and belongs to its thread. */
#ifndef CF_BROKER_LINK_LINK_ZMQ_H
#define CF_BROKER_LINK_LINK_ZMQ_H
#include <czmq.h>

#include "broker/link/link.h"
#include "codec/address.h"

typedef struct cf_link_zmq cf_link_zmq;

/* All are borrowed; `link` and the keys outlive the connection, the address is copied. */
typedef struct {
    const cf_env *env;
    zloop_t *loop;
    cf_link *link;
    const cf_address *address;
    const uint8_t *curve_public; /* 32 bytes, raw, each */
    const uint8_t *curve_secret;
    /* Something came and the link has handled it; the owner is to wake the connection soon. Not
     * called from cf_link_zmq_wake. */
    void (*came)(void *context);
    void *context;
} cf_link_zmq_options;

cf_link_zmq *cf_link_zmq_new(const cf_link_zmq_options *options);
/* Closes the connection, if any, without telling the link. */
void cf_link_zmq_destroy(cf_link_zmq **zmq);

/* Other addresses of the same server, of the same key: each is tried, once and in turn, before a
 * session that found nobody is lost; the first of all that answers is used until it doesn't. */
enum { CF_LINK_ELSEWHERE_MAX = 8 };
void cf_link_zmq_try_also(cf_link_zmq *zmq, const cf_address *addresses, size_t count);
/* The one in use: of a session, by which it was reached. */
void cf_link_zmq_address(const cf_link_zmq *zmq, cf_address *out);

/* The machine's addresses have changed: a connection that goes out by one that is gone is lost, and
 * another may do at once. Not to be called from `came`. */
void cf_link_zmq_network_changed(cf_link_zmq *zmq);

/* After something came, after the owner's own calls of the link, and when its time has come: ticks
 * the link, connects and sends. Returns when its time comes next, in ms; UINT64_MAX: with an event
 * only. It is the owner who waits for that: czmq calls a timer that is due even after a handler of
 * the same turn has ended it, so none may belong to what can be destroyed in a turn. */
uint64_t cf_link_zmq_wake(cf_link_zmq *zmq);

#endif
