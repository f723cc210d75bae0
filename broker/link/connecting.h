/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting: from an endpoint's name to a socket that has a connection. Its addresses are looked
 * up and race (lookup.h), each with a DEALER of its own; the first that connects is taken.
 * Plugs into a zloop, and belongs to its thread. */
#ifndef CF_BROKER_LINK_CONNECTING_H
#define CF_BROKER_LINK_CONNECTING_H
#include <czmq.h>

#include "broker/platform/env.h"
#include "broker/wire/frames_zmq.h"
#include "codec/address.h"

typedef struct cf_connecting cf_connecting;

/* Lookups under way: each waits for a name server of its time, in a thread. */
enum { CF_LOOKUPS_MAX = 4 };

/* All are borrowed, and outlive it. `came`: cf_connecting_step has something to do. */
typedef struct {
    const cf_env *env;
    zloop_t *loop;
    cf_zmq_keys keys;
    bool is_silent; /* the caller asks for signs of life, ZeroMQ doesn't */
    void (*came)(void *context);
    void *context;
} cf_connecting_options;

/* What is told of a connection that was reset before its broker said anything. */
#define CF_BROKEN_OFF                                                                              \
    "it broke the connection off: it takes no more from here for now, or ends just now"

/* How far the one came that came furthest: what is told of an endpoint with several addresses. */
typedef enum {
    CF_REACH_NO_ROUTE,
    CF_REACH_SILENT,
    CF_REACH_REFUSED,
    CF_REACH_CONNECTED,
} cf_reach;

typedef enum { CF_CONNECTING, CF_CONNECTED, CF_CONNECTING_FAILED } cf_connecting_state;

typedef struct {
    zsock_t *socket, *monitor; /* the taker's */
    int descriptor;
} cf_connected;

cf_connecting *cf_connecting_new(const cf_connecting_options *options);
void cf_connecting_destroy(cf_connecting **connecting);

/* Begins with the endpoint's addresses, which are looked up anew. */
void cf_connecting_begin(cf_connecting *connecting, const char *endpoint, uint64_t now_ms);
/* Goes on with the addresses that did not fail yet: the one that connected was no broker. */
void cf_connecting_resume(cf_connecting *connecting);
bool cf_connecting_has_more(const cf_connecting *connecting);
/* Closes what is under way. */
void cf_connecting_stop(cf_connecting *connecting);
/* Starts what is due; `next_ms`: when to call again. */
cf_connecting_state cf_connecting_step(cf_connecting *connecting, uint64_t now_ms,
                                       uint64_t *next_ms);
/* Of CF_CONNECTED, once. */
void cf_connecting_take(cf_connecting *connecting, cf_connected *out);
/* Of CF_CONNECTING_FAILED. */
const char *cf_connecting_why(const cf_connecting *connecting, cf_reach *reach);

#endif
