/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/small_inside.h"
#include "tests/support/frames.h"

#include "broker/platform/jobs.h"
#include "codec/envelope.h"

#include <stdlib.h>

enum { LONG_MS = 10000, LONG_TURN_MS = 30 };

void small_device_disconnect(small_device *self)
{
    cf_error error;

    self->is_cut = false;
    if (!self->session)
        return;
    cf_gateway_gone(self->in->broker.gateway,
                    cf_bytes_of(self->routing_id, sizeof self->routing_id));
    self->session = 0;
    cf_fail(&error, CF_UNREACHABLE, "the connection broke");
    if (self->engine)
        cf_link_disconnected(cf_engine_link(self->engine), &error, small_world_steady(self->in));
    cf_outbox_destroy(&self->outbox);
    self->outbox = cf_outbox_new();
}

void small_device_unplug(small_device *self)
{
    self->offline = true;
    small_device_disconnect(self);
}

static bool is_cut(small_world *self)
{
    return self->loss && chance_below(&self->chance, 1000) < self->loss;
}

/* FETCH is a command that it doesn't know. */
static void grow_old(cf_buffer *message)
{
    uint8_t *at = message->size > 7 ? memmem(message->data, 7, "FETCH", 5) : NULL;

    if (at)
        at[4] = 'X';
}

static cf_send_answer to_gateway(void *context, cf_bytes destination, cf_frames *frames)
{
    small_device *self = context;
    cf_bytes views[CF_MESSAGE_FRAMES];

    (void)destination;
    self->is_cut |= is_cut(self->in);
    if (!self->session || self->is_cut)
        return CF_SEND_GONE;
    if (self->session == self->dead)
        return CF_SEND_DONE;
    if (self->in->is_old)
        grow_old(&frames->frame[0]);
    cf_gateway_handle(self->in->broker.gateway,
                      &(cf_gateway_peer){cf_bytes_of(self->routing_id, sizeof self->routing_id),
                                         self->curve, "world"},
                      views, frames_view(frames, views), self->in->now_ms);
    return CF_SEND_DONE;
}

static cf_send_answer to_device(void *context, cf_bytes destination, cf_frames *frames)
{
    small_world *self = context;
    cf_bytes views[CF_MESSAGE_FRAMES];

    for (int i = 0; i < self->count; i++) {
        small_device *one = &self->devices[i];

        if (!one->session || destination.size != sizeof one->routing_id ||
            memcmp(destination.data, one->routing_id, destination.size))
            continue;
        one->is_cut |= is_cut(self);
        if (one->deaf || one->session == one->dead)
            return CF_SEND_DONE;
        if (one->is_cut)
            return CF_SEND_GONE;
        cf_link_handle(cf_engine_link(one->engine), views, frames_view(frames, views),
                       small_world_steady(self), one->outbox);
        return CF_SEND_DONE;
    }
    return CF_SEND_GONE;
}

static void connect(small_device *self)
{
    uint64_t wanted = cf_link_session(cf_engine_link(self->engine));
    cf_error error;

    if (wanted == self->session)
        return;
    if (self->session)
        cf_gateway_gone(self->in->broker.gateway,
                        cf_bytes_of(self->routing_id, sizeof self->routing_id));
    self->session = 0;
    if (!wanted)
        return;
    if (self->offline) {
        cf_fail(&error, CF_UNREACHABLE, "no network");
        cf_link_disconnected(cf_engine_link(self->engine), &error, small_world_steady(self->in));
        return;
    }
    self->session = wanted;
    cf_put_u64(self->routing_id, ++self->in->connections);
}

static void hear(small_device *self)
{
    cf_error error;

    if (cf_engine_watch(self->engine))
        must(cf_watch_readable(cf_engine_watch(self->engine), &error), &error, "watch");
}

/* One turn of everything that this device has to do with; false: its engine can't go on. */
static bool turn(small_device *self)
{
    small_world *in = self->in;
    uint64_t deadline;
    cf_error error;

    if (self->hears_late)
        hear(self);
    in->env.jobs->deliver(in->env.jobs);
    if (!self->hears_late)
        hear(self);
    self->trouble = cf_engine_step(self->engine, small_world_time(in), &deadline, &error);
    if (self->trouble) {
        cf_report(&in->env, CF_REPORT_ERROR, "%s", error.text);
        return false;
    }
    cf_link_tick(cf_engine_link(self->engine), small_world_steady(in), self->outbox);
    connect(self);
    if (!cf_outbox_send(self->outbox, to_gateway, self) ||
        (self->session && cf_outbox_size(self->outbox)))
        small_device_disconnect(self);
    must(in->broker.store->commit(in->broker.store, &error), &error, "commit");
    cf_gateway_tick(in->broker.gateway, in->now_ms);
    cf_outbox_send(in->broker.outbox, to_device, in);
    for (int i = 0; i < in->count; i++)
        if (in->devices[i].is_cut)
            small_device_disconnect(&in->devices[i]);
    return true;
}

bool small_device_round(small_device *self, const cf_round_options *options, unsigned turns)
{
    cf_round *round = cf_round_begin(self->engine, options);
    bool over = false;

    for (unsigned i = 0; i < turns && !over && turn(self); i++) {
        self->in->now_ms += SMALL_TURN_MS;
        over = cf_round_over(round, small_world_steady(self->in));
    }
    cf_round_end(&round);
    return over;
}

/* A long time passes in longer turns: a minute of rest is 2,000 of them, not 20,000. */
void small_device_passes(small_device *self, uint64_t ms)
{
    const uint64_t end_ms = self->in->now_ms + ms;
    const uint64_t turn_ms = ms < LONG_MS ? SMALL_TURN_MS : LONG_TURN_MS;

    while (self->in->now_ms < end_ms && turn(self))
        self->in->now_ms += turn_ms;
}

void small_world_passes(small_world *self, uint64_t ms)
{
    for (uint64_t end_ms = self->now_ms + ms; self->now_ms < end_ms;)
        for (int i = 0; i < self->count; i++)
            small_device_passes(&self->devices[i], SMALL_TURN_MS);
}

bool small_device_sync(small_device *self)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC};

    if (!self->in->guarded)
        options.word = cf_delete_word_all();
    bool over = small_device_round(self, &options, SMALL_TURNS_MAX);
    if (self->trouble)
        small_device_crash(self);
    return over;
}
