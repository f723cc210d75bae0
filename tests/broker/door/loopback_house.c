/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/door/loopback_house.h"

#include <string.h>

#include "broker/wire/frames_zmq.h"

static uint64_t real_now(void *context)
{
    (void)context;
    return (uint64_t)zclock_time();
}

void allow(house *h, const person *who)
{
    cf_zap_allow(h->zap, DOMAIN, cf_keys_public(who->keys)->curve);
}

void open_undecided(house *h)
{
    static const uint8_t seed[32] = "the gateway's seed";
    cf_error error;

    zsys_handler_set(NULL);
    meeting_open(&h->m);
    h->m.env.now_ms = real_now;
    h->keys = cf_keys_new(seed);
    h->loop = zloop_new();
    cf_gateway_zmq_options door = {.env = &h->m.env,
                                   .loop = h->loop,
                                   .gateway = h->m.broker.gateway,
                                   .outbox = h->m.broker.outbox,
                                   .zap_domain = DOMAIN,
                                   .endpoint = "tcp://127.0.0.1:0",
                                   .allowances = h->allowances,
                                   .curve_public = cf_keys_public(h->keys)->curve,
                                   .curve_secret = cf_keys_curve_secret(h->keys)};
    expect_ok(cf_gateway_zmq_new(&door, &h->door, &error), error);
    snprintf(h->address.host, sizeof h->address.host, "127.0.0.1");
    h->address.port = cf_gateway_zmq_port(h->door);
    memcpy(h->address.key, cf_keys_public(h->keys)->curve, sizeof h->address.key);
}

void decide(house *h)
{
    cf_error error;

    expect_ok(cf_zap_start(&h->m.env, NULL, &h->zap, &error), error);
    allow(h, &h->m.desk);
}

void open_house(house *h)
{
    open_undecided(h);
    decide(h);
}

void close_house(house *h)
{
    cf_gateway_zmq_destroy(&h->door);
    zloop_destroy(&h->loop);
    cf_zap_destroy(&h->zap);
    cf_keys_destroy(&h->keys);
    meeting_close(&h->m);
}

static void wake(void *context)
{
    house *h = context;

    for (size_t i = 0; i < h->connection_count; i++)
        cf_link_zmq_wake(h->connections[i]);
}

cf_link_zmq *connect_to(house *h, attendee *self, const cf_address *address)
{
    cf_link_zmq_options options = {.env = &h->m.env,
                                   .loop = h->loop,
                                   .link = self->link,
                                   .address = address,
                                   .curve_public = cf_keys_public(self->who->keys)->curve,
                                   .curve_secret = cf_keys_curve_secret(self->who->keys),
                                   .came = wake,
                                   .context = h};
    cf_link_zmq *zmq = cf_link_zmq_new(&options);

    cr_assert_lt(h->connection_count, sizeof h->connections / sizeof *h->connections);
    h->connections[h->connection_count++] = zmq;
    cf_link_start(self->link);
    cf_link_zmq_wake(zmq);
    return zmq;
}

void hang_up(house *h, cf_link_zmq **zmq)
{
    size_t i = 0;

    while (h->connections[i] != *zmq)
        i++;
    h->connections[i] = h->connections[--h->connection_count];
    cf_link_zmq_destroy(zmq);
}

typedef struct {
    house *h;
    bool (*holds)(void *context);
    void *context;
    bool held;
    int64_t end_ms;
} waiting;

static int look(zloop_t *loop, int timer, void *context)
{
    waiting *self = context;
    cf_error error;

    (void)loop;
    (void)timer;
    /* The memory store commits when it is told to. */
    expect_ok(self->h->m.broker.store->commit(self->h->m.broker.store, &error), error);
    cf_gateway_zmq_wake(self->h->door);
    wake(self->h);
    self->held = self->holds(self->context);
    return self->held || zclock_mono() > self->end_ms ? -1 : 0;
}

bool wait_for(house *h, bool (*holds)(void *context), void *context)
{
    waiting self = {h, holds, context, false, zclock_mono() + 10000};
    int timer = zloop_timer(h->loop, 5, 0, look, &self);

    zloop_start(h->loop);
    zloop_timer_end(h->loop, timer);
    return self.held;
}

void *a_raw_socket(house *h, const person *who)
{
    cf_zmq_keys keys = {cf_keys_public(who->keys)->curve, cf_keys_curve_secret(who->keys),
                        h->address.key};
    void *socket = zmq_socket(zsys_init(), ZMQ_DEALER);

    cf_zmq_configure(socket, &keys);
    return socket;
}

void connect_raw(house *h, void *socket)
{
    char endpoint[CF_ADDRESS_TEXT];

    cf_address_endpoint(&h->address, endpoint);
    cr_assert_eq(zmq_connect(socket, endpoint), 0);
}
