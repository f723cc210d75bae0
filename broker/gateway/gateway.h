/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway: the server's side of the protocol. A handler: no threads, no sockets, no clock. The
 * shell hands in each message with the routing id that its ROUTER gave and the CURVE key that ZAP
 * found, calls tick after every round (messages, deliveries of store and blobs, timers), and then
 * sends the outbox. codec/PROTOCOL.md, "Sessions", is normative.
 *
 * A session holds a bounded amount of memory: what waits for a client that isn't reading is at most
 * one window of answers, and beyond that the session is dropped. */
#ifndef CF_BROKER_GATEWAY_GATEWAY_H
#define CF_BROKER_GATEWAY_GATEWAY_H
#include "broker/blobs/blobs.h"
#include "broker/gateway/clocks.h"
#include "broker/platform/env.h"
#include "codec/address.h"
#include "broker/gateway/policy.h"
#include "broker/wire/outbox.h"
#include "broker/store/store_room.h"
#include "broker/store/store.h"
#include "broker/gateway/users.h"

typedef struct cf_gateway cf_gateway;

/* All are borrowed and outlive the gateway; the store's and the blobs' `done` come on this thread.
 */
typedef struct {
    const cf_env *env;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    size_t sessions_of_user; /* at the same time; 0: any number */
    cf_outbox *outbox;
    cf_room_left *room_left; /* NULL: there is always room */
    cf_blob_absent *absent;  /* NULL: nobody looks for it */
    void *context;           /* of these two */
} cf_gateway_options;

/* A device's own, until somebody manages it. */
cf_gateway *cf_gateway_new(const cf_gateway_options *options);
/* After it nothing of the store or the blobs may be delivered to it: destroy or drain those first.
 */
void cf_gateway_destroy(cf_gateway **gateway);

/* For who manages it: what handlers of messages get. */
cf_service *cf_gateway_service(cf_gateway *gateway);
/* From now on this is asked, which is borrowed; NULL: nobody manages it. */
void cf_gateway_manage(cf_gateway *gateway, const cf_policy *policy);

/* Another bound of users from now on; sessions that there are stay. */
void cf_gateway_limit_sessions(cf_gateway *gateway, size_t sessions_of_user);
/* What peers are told to connect to, once it is known: it answers LOCATE, and tells users that have
 * moved to another key from those that have not. */
void cf_gateway_advertise(cf_gateway *gateway, const cf_address *address);

typedef struct {
    cf_bytes routing_id; /* of the ROUTER, at most 32 bytes */
    cf_hash key;         /* CURVE, raw */
    const char *address; /* for messages to the operator */
} cf_gateway_peer;

/* One whole message. False: its connection is to be shut, who is there doesn't read. */
bool cf_gateway_handle(cf_gateway *gateway, const cf_gateway_peer *peer, const cf_bytes *frames,
                       size_t count, uint64_t now_ms);
/* Whether that was a greeting that was refused for good: who greets on costs its address more. */
bool cf_gateway_refused_greeting(const cf_gateway *gateway);
/* When somebody was last refused for want of room on the disk, 0: never; whom, and how often in
 * all. */
uint64_t cf_gateway_last_full(const cf_gateway *gateway, cf_hash *user, uint64_t *count);
/* Whether blobs can't be written for now, by the last piece that came: the disk fails. */
bool cf_gateway_blobs_fail(const cf_gateway *gateway, cf_error *why);
/* How many blobs were set aside as damaged since the start, because devices asked for them. */
uint64_t cf_gateway_set_aside(const cf_gateway *gateway);
#define CF_BLOBS_FAIL_FORMAT                                                                       \
    "the disk fails under the blobs, which devices keep and bring when it takes them again: look " \
    "at the disk, and start the broker again when it is mended: %s"
/* Sends what sessions may get, ends those that are over. Returns when to call again at the latest,
 * by the environment's clock that nobody sets (where it has none, by that of `now_ms`); at once
 * means: there is more to send as soon as the outbox has room. */
uint64_t cf_gateway_tick(cf_gateway *gateway, uint64_t now_ms);
/* The next connection that is to be cut, by the time of the last tick; false: none. Its device is
 * no member any more, or its user was removed, and it had time to hear so. Valid until the next
 * call. */
bool cf_gateway_next_cut(cf_gateway *gateway, cf_bytes *routing_id);
/* Whether this connection has a session. */
bool cf_gateway_knows(const cf_gateway *gateway, cf_bytes routing_id);
/* Another number than before if any connection's session began or ended since. */
uint64_t cf_gateway_changes(const cf_gateway *gateway);
/* The transport says that nobody is there any more (CF_SEND_GONE). */
void cf_gateway_gone(cf_gateway *gateway, cf_bytes routing_id);

/* Asks those of the user's devices that have a session for blobs that are missing here, which were
 * noted as wanted: the others hear of them when they begin one. */
void cf_gateway_ask(cf_gateway *gateway, const cf_hash *user, const cf_hash *blobs, size_t count);

/* Ends all sessions of the user, of which each is told that the user was removed, and what it let
 * in. */
void cf_gateway_expel(cf_gateway *gateway, const cf_hash *user, const char *why);

typedef struct {
    uint64_t sessions;
    uint64_t devices; /* different ones among them */
} cf_gateway_figures;
bool cf_gateway_has_session(const cf_gateway *gateway, const cf_hash *user, const cf_hash *device);
cf_gateway_figures cf_gateway_count(const cf_gateway *gateway);
/* What devices say of our clock; see clocks.h. */
cf_clocks_verdict cf_gateway_clock(const cf_gateway *gateway);
/* Our clock was set, and is so much later than it would be. */
void cf_gateway_clock_set(cf_gateway *gateway, int64_t later_ms);

#endif
