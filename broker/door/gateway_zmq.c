/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/gateway_zmq_connections.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/door/zap.h"
#include "broker/wire/frames_zmq.h"
#include "broker/wire/inflow_guard.h"
#include "codec/address.h"

enum {
    BATCH = 64,
    BACKLOG = 1024,
    RETRY_MS_MAX = 50, /* between tries to send to who isn't reading */
    MONITOR =
        ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_DISCONNECTED | CF_HANDSHAKE_FAILED,
    /* ZMQ_ZAP_ENFORCE_DOMAIN. zmq.h has it among its drafts, so czmq's call for it does nothing. */
    ENFORCE_ZAP = 93,
};

static void handle(cf_gateway_zmq *zmq, cf_zmq_message *message)
{
    cf_gateway_peer peer = {.routing_id = message->bytes[0]};

    if (message->count < 2 || peer.routing_id.size == 0 || peer.routing_id.size > CF_ROUTING_ID_MAX)
        return;
    zmq_msg_t *frame = &message->frame[1];
    int descriptor = message->descriptor;
    if (!cf_zap_key(zmq_msg_gets(frame, "User-Id"), peer.key.bytes))
        return; /* can't be: nobody gets in without */
    peer.address = cf_address_plain(zmq_msg_gets(frame, "Peer-Address"));
    if (!cf_gateway_zmq_hear(zmq, descriptor, peer.routing_id))
        return;
    bool may_stay = cf_gateway_handle(zmq->options.gateway, &peer, message->bytes + 1,
                                      message->count - 1, cf_gateway_zmq_now(zmq));
    bool has_session = cf_gateway_knows(zmq->options.gateway, peer.routing_id);
    cf_inflow_guard_grant(descriptor, has_session ? CF_WINDOW : 0);
    if (zmq->limits)
        cf_gateway_zmq_judge(zmq,
                             &(cf_utterance){descriptor, peer.routing_id, peer.address, may_stay,
                                             cf_gateway_refused_greeting(zmq->options.gateway)});
}

static void receive(cf_gateway_zmq *zmq, int most)
{
    cf_zmq_message message;

    for (int i = 0; i < most && cf_zmq_receive(zsock_resolve(zmq->socket), &message); i++) {
        handle(zmq, &message);
        cf_zmq_message_release(&message);
    }
}

static int on_socket(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    receive(context, BATCH);
    cf_gateway_zmq_wake(context);
    return 0;
}

static zmq_pollitem_t poll_item(const cf_gateway_zmq *zmq)
{
    return (zmq_pollitem_t){.socket = zsock_resolve(zmq->socket),
                            .events =
                                (short)(zmq->polls_output ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN)};
}

static void poll_socket(cf_gateway_zmq *zmq, bool output)
{
    zmq_pollitem_t item = poll_item(zmq);

    zloop_poller_end(zmq->options.loop, &item);
    zmq->polls_output = output;
    item = poll_item(zmq);
    zloop_poller(zmq->options.loop, &item, on_socket, zmq);
    zloop_poller_set_tolerant(zmq->options.loop, &item);
}

/* What came before a connection ended counts: it may be all that got through this time. */
static int on_monitor(zloop_t *loop, zsock_t *monitor, void *context)
{
    (void)loop;
    (void)monitor;
    receive(context, BATCH);
    cf_gateway_zmq_drain_monitor(context);
    cf_gateway_zmq_wake(context);
    return 0;
}

static cf_send_answer send_frames(void *context, cf_bytes destination, cf_frames *frames)
{
    cf_gateway_zmq *zmq = context;
    cf_send_answer answer = cf_zmq_send(zsock_resolve(zmq->socket), destination, frames);
    uint8_t size = (uint8_t)destination.size;

    zmq->has_sent = zmq->has_sent || answer == CF_SEND_DONE;
    if (answer == CF_SEND_GONE) { /* told later: the outbox is being walked */
        cf_buffer_append(&zmq->gone, &size, 1);
        cf_buffer_append(&zmq->gone, destination.data, size);
    }
    return answer;
}

static void tell_gone(cf_gateway_zmq *zmq)
{
    for (size_t at = 0; at < zmq->gone.size; at += 1U + zmq->gone.data[at])
        cf_gateway_gone(zmq->options.gateway,
                        cf_bytes_of(zmq->gone.data + at + 1, zmq->gone.data[at]));
    cf_buffer_clear(&zmq->gone);
}

static int on_timer(zloop_t *loop, int timer, void *context)
{
    cf_gateway_zmq *zmq = context;

    (void)loop;
    if (timer == zmq->timer) /* not one that was ended in this turn, which czmq calls still */
        zmq->timer = -1;
    cf_gateway_zmq_wake(zmq);
    return 0;
}

static void arm(cf_gateway_zmq *zmq, uint64_t at_ms, uint64_t now_ms)
{
    if (at_ms == UINT64_MAX || (zmq->timer >= 0 && zmq->timer_ms <= at_ms))
        return;
    if (zmq->timer >= 0)
        zloop_timer_end(zmq->options.loop, zmq->timer);
    zmq->timer_ms = at_ms;
    zmq->timer = zloop_timer(zmq->options.loop, at_ms > now_ms ? (size_t)(at_ms - now_ms) : 1, 1,
                             on_timer, zmq);
}

/* A ROUTER says that some pipe has room, not which. So the poller is asked as long as that helps;
 * then the blocked ones are tried by time, less and less often while they don't read. */
static uint64_t wait_for_room(cf_gateway_zmq *zmq, uint64_t now_ms)
{
    if (zmq->polls_output != zmq->has_sent)
        poll_socket(zmq, zmq->has_sent);
    if (zmq->has_sent)
        zmq->retry_ms = 1;
    else if (zmq->retry_ms < RETRY_MS_MAX)
        zmq->retry_ms *= 2;
    return now_ms + zmq->retry_ms;
}

void cf_gateway_zmq_wake(cf_gateway_zmq *zmq)
{
    uint64_t now_ms = 0, next_ms = 0;
    bool blocked = false;

    zmq->has_sent = false;
    for (int i = 0; i < BATCH && next_ms <= now_ms && !blocked; i++) {
        next_ms = cf_gateway_tick(zmq->options.gateway, cf_gateway_zmq_now(zmq));
        blocked = !cf_outbox_send(zmq->options.outbox, send_frames, zmq);
        tell_gone(zmq);
        now_ms = cf_gateway_zmq_steady(zmq); /* what says "at once" says so by the time it began */
    }
    cf_gateway_zmq_cut(zmq);
    if (blocked)
        next_ms = wait_for_room(zmq, now_ms);
    else if (zmq->polls_output)
        poll_socket(zmq, false);
    arm(zmq, next_ms, now_ms);
}

static void owner_gone(void *context, cf_bytes routing_id)
{
    cf_gateway_gone(((cf_gateway_zmq *)context)->options.gateway, routing_id);
}

static void watch_connections(cf_gateway_zmq *zmq)
{
    cf_connection_owners_options owners = {
        .unread = CF_ZMQ_HIGH_WATER + 1, /* and one that the ROUTER has taken in advance */
        .gone = owner_gone,
        .context = zmq};
    char name[64];

    snprintf(name, sizeof name, "inproc://gateway-%p", (void *)zmq);
    zmq_socket_monitor(zsock_resolve(zmq->socket), name, MONITOR);
    zmq->monitor = zsock_new(ZMQ_PAIR);
    zsock_set_rcvhwm(zmq->monitor, 0); /* the I/O thread must not wait for this one */
    zsock_connect(zmq->monitor, "%s", name);
    zmq->owners = cf_connection_owners_new(&owners);
    zloop_reader(zmq->options.loop, zmq->monitor, on_monitor, zmq);
    zloop_reader_set_tolerant(zmq->options.loop, zmq->monitor);
}

/* Nobody gets in while no handler runs. */
static cf_status enforce_zap(cf_gateway_zmq *zmq, cf_error *error)
{
    int yes = 1;

    zsock_set_zap_domain(zmq->socket, zmq->options.zap_domain);
    if (zmq_setsockopt(zsock_resolve(zmq->socket), ENFORCE_ZAP, &yes, sizeof yes) != 0)
        return cf_fail_errno(error, errno, "this libzmq can't keep strangers out");
    return CF_OK;
}

static cf_status prepare_socket(cf_gateway_zmq *zmq, cf_error *error)
{
    cf_zmq_keys keys = {zmq->options.curve_public, zmq->options.curve_secret, NULL};

    cf_zmq_configure(zsock_resolve(zmq->socket), &keys);
    zsock_set_router_mandatory(zmq->socket, 1);
    zsock_set_backlog(zmq->socket, BACKLOG);
    return enforce_zap(zmq, error);
}

cf_status cf_gateway_zmq_listen_failed(const char *endpoint, int number, cf_error *error)
{
    if (number == EADDRINUSE)
        return cf_fail(error, CF_LOCKED, "listening on %s: another program has this port",
                       endpoint);
    if (number == ENODEV || number == EADDRNOTAVAIL || number == EINVAL || number == EAFNOSUPPORT)
        return cf_fail(error, CF_USAGE, "listening on %s: this machine has no such address",
                       endpoint);
    return cf_fail_errno(error, number, "listening on %s", endpoint);
}

/* With IPv6 every address is one of both families; where the kernel has none, of IPv4. */
static bool is_of_ipv6(const char *endpoint)
{
    return strchr(endpoint, '[') || strncmp(endpoint, "tcp://*:", 8) == 0;
}

cf_status cf_gateway_zmq_listen(cf_gateway_zmq *zmq, const char *endpoint, uint16_t *port,
                                cf_error *error)
{
    zsock_set_ipv6(zmq->socket, is_of_ipv6(endpoint));
    if (zmq_bind(zsock_resolve(zmq->socket), endpoint) != 0)
        return cf_gateway_zmq_listen_failed(endpoint, errno, error);
    char *last = zsock_last_endpoint(zmq->socket);
    *port = (uint16_t)atoi(strrchr(last, ':') + 1);
    freen(last);
    if (!zmq->port)
        zmq->port = *port;
    return CF_OK;
}

cf_status cf_gateway_zmq_new(const cf_gateway_zmq_options *options, cf_gateway_zmq **out,
                             cf_error *error)
{
    cf_gateway_zmq *zmq = cf_allocate(1, sizeof *zmq);

    zmq->options = *options;
    zmq->timer = zmq->look_timer = -1;
    zmq->retry_ms = 1;
    zmq->socket = cf_zmq_socket(ZMQ_ROUTER);
    if (!zmq->socket) {
        free(zmq);
        return cf_fail_errno(error, errno, "making a socket");
    }
    watch_connections(zmq);
    cf_status status = prepare_socket(zmq, error);
    if (!status && options->endpoint)
        status = cf_gateway_zmq_listen(zmq, options->endpoint, &zmq->port, error);
    if (status) {
        cf_gateway_zmq_destroy(&zmq);
        return status;
    }
    if (options->allowances)
        zmq->limits = cf_connection_limits_new(options->allowances);
    if (zmq->limits && options->store)
        cf_door_members_recall(options->env, options->store, zmq->limits);
    zmq->look_timer =
        zloop_timer(options->loop, CF_GATEWAY_ZMQ_LOOK_MS, 0, cf_gateway_zmq_look, zmq);
    zmq->options.endpoint = zmq->options.zap_domain = NULL;
    poll_socket(zmq, false);
    *out = zmq;
    return CF_OK;
}

void cf_gateway_zmq_set_allowances(cf_gateway_zmq *zmq, const cf_allowances *allowances)
{
    if (zmq->limits)
        cf_connection_limits_set(zmq->limits, allowances);
}

void cf_gateway_zmq_destroy(cf_gateway_zmq **zmq)
{
    cf_gateway_zmq *self = *zmq;

    if (!self)
        return;
    zmq_pollitem_t item = poll_item(self);
    zloop_poller_end(self->options.loop, &item);
    zloop_reader_end(self->options.loop, self->monitor);
    if (self->timer >= 0)
        zloop_timer_end(self->options.loop, self->timer);
    if (self->look_timer >= 0)
        zloop_timer_end(self->options.loop, self->look_timer);
    cf_gateway_zmq_keep_members(self, 0);
    cf_connection_limits_destroy(&self->limits);
    zmq_socket_monitor(zsock_resolve(self->socket), NULL, 0);
    zsock_destroy(&self->socket);
    zsock_destroy(&self->monitor);
    cf_connection_owners_destroy(&self->owners);
    free(self->connections);
    free(self->arrivals);
    cf_buffer_release(&self->gone);
    free(self);
    *zmq = NULL;
}

uint16_t cf_gateway_zmq_port(const cf_gateway_zmq *zmq)
{
    return zmq->port;
}
