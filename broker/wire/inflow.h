/* SPDX-License-Identifier: Apache-2.0 */
/* What was read from each connection and is not taken yet. libzmq keeps all frames of a message
 * until it is whole, and so a connection's bytes for as long as its sender likes: here they are
 * counted as they are read, and a connection ends that has more of them waiting than it may.
 *
 * A message that is taken was read before whatever waits. So what waits is no more than what was
 * read less what was taken, nor than what was read since as many messages ago as can wait whole:
 * thereby heartbeats, which are read and never taken, are forgotten. Decides; the guard ends. */
#ifndef CF_BROKER_WIRE_INFLOW_H
#define CF_BROKER_WIRE_INFLOW_H
#include "codec/bytes.h"

#include <stdbool.h>

enum { CF_INFLOW_MESSAGES = 17 }; /* of one connection, at most, that are whole and not taken */

typedef struct cf_inflow cf_inflow;

cf_inflow *cf_inflow_new(void);
void cf_inflow_destroy(cf_inflow **inflow);

/* A connection has this descriptor from now on, a stranger's; or none has. */
void cf_inflow_opened(cf_inflow *inflow, int descriptor);
void cf_inflow_closed(cf_inflow *inflow, int descriptor);

/* ZMTP, from the first byte on. The descriptor of the connection that is to end: this one, which
 * has too much waiting, or the one with the most of all strangers, who have too much together; -1
 * for none. */
int cf_inflow_read(cf_inflow *inflow, int descriptor, cf_bytes bytes);
/* A whole message was taken, whose frames cost so much together. */
void cf_inflow_taken(cf_inflow *inflow, int descriptor, uint64_t cost);
/* It may have `window` bytes waiting beyond what a stranger may; 0: it is a stranger. */
void cf_inflow_grant(cf_inflow *inflow, int descriptor, uint64_t window);
/* How often in a row this was asked since anything was read; 0: something was. */
unsigned cf_inflow_count_quiet(cf_inflow *inflow, int descriptor);
/* It was named by cf_inflow_read. Known until another has its descriptor. */
bool cf_inflow_is_over(const cf_inflow *inflow, int descriptor);

/* The other end broke it off, as the kernel told: a broker that refuses connections does, one that
 * can't read what was sealed for another key ends them. Known until another has its descriptor. */
void cf_inflow_broken_off(cf_inflow *inflow, int descriptor);
bool cf_inflow_is_broken_off(const cf_inflow *inflow, int descriptor);

/* What the other end says of itself, whoever it is. Known until another has its descriptor. */
typedef enum {
    CF_GREETING_NONE,    /* nothing yet */
    CF_GREETING_BEGUN,   /* ZeroMQ, as far as it came */
    CF_GREETING_CURVE,   /* ZeroMQ, with the encryption that brokers have */
    CF_GREETING_HTTP,    /* a web server, such as a captive portal */
    CF_GREETING_FOREIGN, /* something else */
} cf_greeting;
cf_greeting cf_inflow_greeting(const cf_inflow *inflow, int descriptor);

/* Of a frame of so many bytes, sealed by CURVE, with what keeping it takes. */
uint64_t cf_inflow_cost(size_t size);

#endif
