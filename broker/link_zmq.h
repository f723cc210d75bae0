/* SPDX-License-Identifier: Apache-2.0 */
/* A link's connection over ZeroMQ: a DEALER with CURVE that never reconnects by itself, since a
 * stream that goes on after a cut has lost its middle; each session gets a new socket. Plugs into a
 * zloop, and belongs to its thread. */
#ifndef CF_BROKER_LINK_ZMQ_H
#define CF_BROKER_LINK_ZMQ_H
#include <czmq.h>

#include "broker/link.h"
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
    /* Something came, or the time did, and the link has handled it; NULL when nobody asks. Not
     * called from cf_link_zmq_wake. */
    void (*came)(void *context);
    void *context;
} cf_link_zmq_options;

cf_link_zmq *cf_link_zmq_new(const cf_link_zmq_options *options);
/* Closes the connection, if any, without telling the link. */
void cf_link_zmq_destroy(cf_link_zmq **zmq);

/* After each of the owner's calls of the link, or several: ticks it, connects and sends. Events of
 * the link come from inside; a call that an event makes does nothing, since its round ends with one
 * anyhow. */
void cf_link_zmq_wake(cf_link_zmq *zmq);

#endif
