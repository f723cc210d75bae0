/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a world. A connection keeps the order of what it carries and loses nothing in the
 * middle: a message that is lost ends it, as with TCP; now and then one comes twice. What was under
 * way then arrives or not, and the broker hears of the end later than the device does, so that a
 * device's next connection may overtake its last one. */
#include "tests/support/frames.h"
#include "tests/worlds/inside.h"
#include "tests/worlds/revocations.h"

#include <stdlib.h>

enum { PIPE = 48, GONE_MS = 2000 };

typedef struct packet {
    struct packet *next;
    uint64_t due_ms;
    cf_frames frames;
} packet;

typedef struct {
    packet *first, *last;
    size_t count;
    uint64_t busy_until_ms; /* with what is in it: of a slow line */
} pipe;

struct cable {
    cable *next;
    world *in;
    terminal *station; /* NULL: its end is closed */
    cf_hash curve;
    int from, to; /* numbers of device and broker */
    uint8_t routing_id[8];
    uint64_t gone_ms; /* when the broker hears that it is closed */
    pipe up, down;
};

/* ---- Pipes ---- */

static void drop_first(pipe *self)
{
    packet *first = self->first;

    self->first = first->next;
    if (!self->first)
        self->last = NULL;
    self->count--;
    cf_frames_release(&first->frames);
    free(first);
}

static void clear(pipe *self)
{
    while (self->first)
        drop_first(self);
}

static size_t size_of(const cf_frames *frames)
{
    size_t size = 0;

    for (size_t i = 0; i < frames->count; i++)
        size += frames->frame[i].size;
    return size;
}

/* When the last byte of it is through. */
static uint64_t carry(const world *in, pipe *self, size_t size)
{
    const uint64_t rate = in->plan.lag_ms ? in->bytes_per_second : 0;

    if (!rate)
        return in->now_ms;
    if (self->busy_until_ms < in->now_ms)
        self->busy_until_ms = in->now_ms;
    self->busy_until_ms += size * 1000 / rate;
    return self->busy_until_ms;
}

static cf_send_answer put(cable *wire, pipe *self, cf_frames *frames)
{
    world *in = wire->in;

    if (self->count >= PIPE)
        return CF_SEND_BLOCKED;
    packet *added = cf_allocate(1, sizeof *added);
    uint64_t due_ms = carry(in, self, size_of(frames)) +
                      (in->plan.lag_ms ? chance_below(&in->chance, in->plan.lag_ms + 1) : 0);

    added->due_ms = self->last && self->last->due_ms > due_ms ? self->last->due_ms : due_ms;
    added->frames = *frames;
    *frames = (cf_frames){0};
    if (self->last)
        self->last->next = added;
    else
        self->first = added;
    self->last = added;
    self->count++;
    return CF_SEND_DONE;
}

/* ---- Wires ---- */

static cable *wire_new(terminal *station)
{
    world *in = station->of->in;
    cable *self = cf_allocate(1, sizeof *self);

    *self = (cable){.in = in,
                    .station = station,
                    .curve = station->curve,
                    .from = station->of->number,
                    .to = station->broker};
    cf_put_u64(self->routing_id, ++in->connections);
    cable **at = &in->wires;
    while (*at)
        at = &(*at)->next;
    *at = self;
    return self;
}

static cf_bytes name_of(const cable *self)
{
    return cf_bytes_of(self->routing_id, sizeof self->routing_id);
}

static void wire_destroy(cable *self)
{
    cable **at = &self->in->wires;

    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    if (self->station)
        self->station->wire = NULL;
    clear(&self->up);
    clear(&self->down);
    free(self);
}

/* The device's end closes; what it had sent may still come through. */
static void hang_up(terminal *self)
{
    cable *wire = self->wire;

    if (!wire)
        return;
    world *in = wire->in;
    wire->station = NULL;
    self->wire = NULL;
    clear(&wire->down);
    while (wire->up.count && chance_below(&in->chance, 2))
        clear(&wire->up);
    wire->gone_ms = in->now_ms + (in->plan.lag_ms ? chance_below(&in->chance, GONE_MS) : 0);
}

static void lose(terminal *self, const char *why)
{
    cf_error error;

    hang_up(self);
    self->session = 0;
    cf_outbox_destroy(&self->outbox);
    self->outbox = cf_outbox_new();
    cf_fail(&error, CF_UNREACHABLE, "%s", why);
    cf_link_disconnected(self->link, &error, self->of->in->now_ms);
}

static bool is_lost(world *self)
{
    return self->plan.loss && chance_below(&self->chance, 10000) < self->plan.loss;
}

/* It comes twice, as no TCP has it, but whoever speaks to us might. */
static bool is_doubled(world *self)
{
    return is_lost(self);
}

/* ---- Telling ---- */

static cf_message *read_frames(const cf_frames *frames, cf_arena *arena)
{
    cf_message *message = cf_arena_allocate(arena, 1, sizeof *message);
    cf_error ignored;

    return frames_read(frames, arena, message, &ignored) ? NULL : message;
}

static void tell(const cable *self, const char *arrow, const cf_frames *frames,
                 const cf_message *message)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < frames->count; i++)
        sum = sum * 31 + sum_of_bytes(cf_buffer_view(&frames->frame[i]));
    world_tell(self->in, "%d %s %d: %s %016llx", self->from, arrow, self->to,
               message ? cf_command_name(message->command) : "?", (unsigned long long)sum);
}

static void note_promise(world_broker *self, const cf_message *message)
{
    if (message && message->command == CF_COMMAND_ACCEPTED)
        promises_add_entry(&self->promises, &message->accepted.head);
    else if (message && message->command == CF_COMMAND_STORED)
        promises_add_blob(&self->promises, &message->stored.id);
}

/* ---- Sending ---- */

static cf_send_answer send_up(void *context, cf_bytes destination, cf_frames *frames)
{
    terminal *self = context;

    (void)destination;
    return self->wire ? put(self->wire, &self->wire->up, frames) : CF_SEND_GONE;
}

static cf_send_answer send_on(world_broker *self, cable *wire, cf_frames *frames)
{
    cf_arena arena = {0};
    const cf_message *message = read_frames(frames, &arena);

    note_promise(self, message);
    if (wire->down.count < PIPE)
        revocations_sent(self, &wire->curve, message);
    cf_arena_release(&arena);
    return put(wire, &wire->down, frames);
}

static cf_send_answer send_down(void *context, cf_bytes destination, cf_frames *frames)
{
    world_broker *self = context;

    for (cable *at = self->in->wires; at; at = at->next)
        if (at->to == self->number && at->station && cf_bytes_equal(name_of(at), destination)) {
            return send_on(self, at, frames);
        }
    return CF_SEND_GONE;
}

/* ---- Stations ---- */

void station_open(terminal *self, device *of, cf_link *link, const uint8_t curve[32], int broker)
{
    *self = (terminal){.of = of, .broker = broker, .link = link, .outbox = cf_outbox_new()};
    memcpy(self->curve.bytes, curve, CF_HASH_SIZE);
}

void station_close(terminal *self)
{
    hang_up(self);
    cf_outbox_destroy(&self->outbox);
    *self = (terminal){0};
}

static bool connect(terminal *self)
{
    uint64_t wanted = cf_link_session(self->link);

    if (wanted == self->session)
        return false;
    hang_up(self);
    self->session = wanted;
    if (!wanted)
        return true;
    if (self->of->offline || self->broker < 0)
        lose(self, "no network");
    else
        self->wire = wire_new(self);
    return true;
}

bool station_pump(terminal *self, uint64_t *deadline)
{
    uint64_t at_ms = cf_link_tick(self->link, self->of->in->now_ms, self->outbox);
    bool moved = connect(self);

    if (at_ms < *deadline)
        *deadline = at_ms;
    if (self->wire && self->of->offline) {
        lose(self, "the network went away");
        return true;
    }
    size_t before = cf_outbox_size(self->outbox);
    if (self->wire)
        cf_outbox_send(self->outbox, send_up, self);
    return moved || cf_outbox_size(self->outbox) != before;
}

/* ---- Delivering ---- */

static void hand_to_gateway(cable *self)
{
    world *in = self->in;
    const packet *first = self->up.first;
    cf_arena arena = {0};
    cf_bytes views[CF_MESSAGE_FRAMES];
    const size_t count = frames_view(&first->frames, views);
    bool again;

    do {
        again = is_doubled(in);
        tell(self, "->", &first->frames, read_frames(&first->frames, &arena));
        cf_gateway_handle(in->brokers[self->to].broker.gateway,
                          &(cf_gateway_peer){name_of(self), self->curve, "world"}, views, count,
                          in->now_ms);
    } while (again);
    cf_arena_release(&arena);
    drop_first(&self->up);
}

static void hand_to_link(cable *self)
{
    packet *first = self->down.first;
    terminal *to = self->station;
    cf_frames frames = first->frames;
    cf_arena arena = {0};
    cf_bytes views[CF_MESSAGE_FRAMES];
    const size_t count = frames_view(&frames, views);
    bool again;

    first->frames = (cf_frames){0};
    drop_first(&self->down);
    const cf_message *message = read_frames(&frames, &arena);
    revocations_heard(&self->in->brokers[self->to], to->of, message);
    to->of->is_unsure |= message && message->command == CF_COMMAND_ENTRY;
    do {
        again = is_doubled(self->in);
        tell(self, "<-", &frames, message);
        cf_link_handle(to->link, views, count, self->in->now_ms, to->outbox);
    } while (again && to->session == cf_link_session(to->link));
    cf_arena_release(&arena);
    cf_frames_release(&frames);
}

static bool is_due(const pipe *self, uint64_t now_ms)
{
    return self->first && self->first->due_ms <= now_ms;
}

bool network_deliver_up(world *self)
{
    bool moved = false;

    for (cable *at = self->wires, *next; at; at = next) {
        next = at->next;
        while (is_due(&at->up, self->now_ms)) {
            moved = true;
            if (at->station && is_lost(self)) {
                world_tell(self, "%d -> %d: lost", at->from, at->to);
                lose(at->station, "the connection broke");
                break;
            }
            hand_to_gateway(at);
        }
        if (!at->station && !at->up.count && at->gone_ms <= self->now_ms) {
            cf_gateway_gone(self->brokers[at->to].broker.gateway, name_of(at));
            wire_destroy(at);
        }
    }
    return moved;
}

bool network_deliver_down(world *self)
{
    bool moved = false;

    for (cable *at = self->wires; at; at = at->next)
        while (at->station && at->station->session == cf_link_session(at->station->link) &&
               is_due(&at->down, self->now_ms)) {
            moved = true;
            if (is_lost(self)) {
                world_tell(self, "%d <- %d: lost", at->from, at->to);
                lose(at->station, "the connection broke");
                break;
            }
            hand_to_link(at);
        }
    return moved;
}

static uint64_t due_of(const pipe *self, uint64_t before)
{
    return self->first && self->first->due_ms < before ? self->first->due_ms : before;
}

uint64_t network_due(const world *self)
{
    uint64_t due = UINT64_MAX;

    for (const cable *at = self->wires; at; at = at->next) {
        due = due_of(&at->up, due_of(&at->down, due));
        if (!at->station && at->gone_ms < due)
            due = at->gone_ms;
    }
    return due;
}

/* What the door does: with all that is under way to it. */
static void cut(world_broker *self, cf_bytes routing_id)
{
    for (cable *at = self->in->wires; at; at = at->next)
        if (at->to == self->number && at->station && cf_bytes_equal(name_of(at), routing_id)) {
            world_tell(self->in, "%d <- %d: cut", at->from, at->to);
            lose(at->station, "the broker ended the connection");
            return;
        }
}

bool broker_pump(world_broker *self, uint64_t *deadline)
{
    uint64_t now_ms = self->in->now_ms;
    cf_bytes routing_id;
    cf_error error;

    bool moved = self->jobs->deliver(self->jobs) > 0;
    must(self->broker.store->commit(self->broker.store, &error), &error, "the broker's commit");
    uint64_t at_ms = cf_gateway_tick(self->broker.gateway, now_ms);
    if (at_ms < *deadline)
        *deadline = at_ms;
    at_ms = cf_management_tick(self->broker.management, now_ms);
    if (at_ms < *deadline)
        *deadline = at_ms;
    size_t before = cf_outbox_size(self->broker.outbox);
    cf_outbox_send(self->broker.outbox, send_down, self);
    while (cf_gateway_next_cut(self->broker.gateway, &routing_id))
        cut(self, routing_id);
    revocations_look(self);
    return moved || cf_outbox_size(self->broker.outbox) != before;
}

/* ---- Ends ---- */

void network_cut_device(device *self)
{
    if (self->station.wire)
        lose(&self->station, "the connection broke");
}

void network_cut_broker(world_broker *self)
{
    for (cable *at = self->in->wires, *next; at; at = next) {
        next = at->next;
        if (at->to != self->number)
            continue;
        if (at->station)
            lose(at->station, "the broker went away");
        wire_destroy(at);
    }
}
