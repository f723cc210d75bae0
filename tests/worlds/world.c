/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/rest.h"
#include "tests/worlds/inside.h"

#include "tests/support/whole_log.h"
#include "tests/worlds/asking.h"
#include "tests/worlds/causes.h"
#include "tests/worlds/held_up.h"
#include "tests/worlds/lost.h"
#include "tests/worlds/mounts.h"
#include "tests/worlds/records.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* 2026-01-01, in milliseconds. */
#define BEGINNING_MS UINT64_C(1767225600000)
enum { PAUSE_MS = 60000, JUMP_MS = 10000, SETTLE_ROUNDS = 16, LEASES_MS = 3600000 };
enum { SLOW_ONE_IN = 4, SLOWEST_KIB = 16, SLOW_KIB = 240 };

void world_tell(world *self, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->digest = self->digest * 1000003 + sum_of_bytes(cf_bytes_of_text(text)) + self->now_ms;
    if (self->traced)
        printf("%llu %s\n", (unsigned long long)(self->now_ms - BEGINNING_MS), text);
}

/* ---- Time ---- */

static void set_time(world *self, uint64_t now_ms)
{
    self->now_ms = now_ms;
    for (int i = 0; i < self->count; i++)
        device_set_clock(&self->devices[i], self->devices[i].skew_ms);
}

void world_wait(world *self, uint64_t ms)
{
    set_time(self, self->now_ms + ms);
}

static void pass_time(world *self, bool moved, uint64_t deadline)
{
    uint64_t due = network_due(self);

    self->still = moved ? 0 : self->still + 1;
    if (due < deadline)
        deadline = due;
    if (self->still < 3 || deadline <= self->now_ms + TURN_MS)
        deadline = self->now_ms + TURN_MS;
    else if (deadline > self->now_ms + JUMP_MS)
        deadline = self->now_ms + JUMP_MS;
    set_time(self, deadline);
}

void world_turn(world *self)
{
    uint64_t deadline = UINT64_MAX;
    bool moved = false;

    for (int i = 0; i < self->count; i++)
        if (self->devices[i].serves || self->devices[i].round)
            moved |= device_turn(&self->devices[i], &deadline);
    moved |= network_deliver_up(self);
    for (int i = 0; i < self->broker_count; i++)
        moved |= broker_pump(&self->brokers[i], &deadline);
    moved |= network_deliver_down(self);
    pass_time(self, moved, deadline);
}

/* ---- Rounds ---- */

static bool add_head(void *context, const cf_head *head)
{
    uint64_t *sum = context;

    *sum += sum_of_bytes(cf_bytes_of(head->hash.bytes, CF_HASH_SIZE));
    return true;
}

static uint64_t sum_of_log(device *self)
{
    cf_store *store = cf_home_store(self->home);
    uint64_t sum = 0;
    cf_error error;

    must(store->heads(store, cf_peer_user(device_peer(self)), add_head, &sum, &error), &error,
         "heads");
    return sum;
}

/* What its command line would say now. */
static void conclude(device *self)
{
    cf_link *link = cf_engine_link(self->engine);
    cf_buffer why = {0};

    bool is_clean = device_status_is_clean(self, &why);
    bool is_done = !self->in_trouble && !self->touched && link && cf_link_is_connected(link) &&
                   cf_link_is_idle(link);
    self->claims = is_done && is_clean;
    self->is_bereft = is_done && !is_clean && lost_is_all_it_waits_for(self);
    if (self->is_bereft)
        lost_note_records(self);
    self->is_held_up = is_done && !is_clean && is_held_up_by_its_user(self);
    self->claimed_of = sum_of_log(self);
    self->is_unsure &= !self->claims;
    if (self->claims)
        causes_look(self);
    if (self->claims)
        world_tell(self->in, "device %d: is in sync", self->number);
    else
        world_tell(self->in, "device %d: is not in sync: %.*s", self->number, (int)why.size,
                   (const char *)why.data);
    cf_buffer_release(&why);
    device_end_round(self);
    if (self->serves)
        return;
    if (chance_one_in(&self->chance, 3)) {
        bool claims = self->claims;

        device_restart(self, END_CALMLY);
        self->claims = claims && !self->touched; /* a user may work while it ends */
    } else {
        network_cut_device(self);
    }
}

bool world_sync(world *self, const world_round *round)
{
    unsigned open = round->set & ((1u << self->count) - 1);

    for (int i = 0; i < self->count; i++)
        if (open >> i & 1)
            device_begin_round(&self->devices[i], round);
    for (unsigned turn = 0; turn < round->turns && open; turn++) {
        world_turn(self);
        for (int i = 0; i < self->count; i++) {
            device *one = &self->devices[i];

            if (!(open >> i & 1) || (one->round && !cf_round_over(one->round, self->now_ms)))
                continue;
            open &= ~(1u << i);
            if (one->round)
                conclude(one);
        }
    }
    for (int i = 0; i < self->count; i++)
        if (open >> i & 1)
            device_end_round(&self->devices[i]);
    for (int i = 0; i < self->count; i++)
        asking_note_round(&self->devices[i]);
    return !open;
}

/* ---- Coming to rest ---- */

unsigned world_members(const world *self)
{
    unsigned set = 0;

    for (int i = 0; i < self->count; i++)
        if (!self->devices[i].is_out)
            set |= 1u << i;
    return set;
}

bool world_agrees(world *self)
{
    const device *first = NULL;

    for (int i = 0; i < self->count; i++) {
        device *one = &self->devices[i];

        if (one->is_out)
            continue;
        first = first ? first : one;
        if (!one->claims || one->claimed_of != first->claimed_of ||
            one->claimed_of != sum_of_log(one))
            return false;
    }
    return true;
}

uint64_t world_entries(world *self)
{
    return whole_log_entries(self->brokers[self->home].broker.store,
                             cf_peer_user(device_peer(&self->devices[0])));
}

static void list_all(void *context, cf_buffer *out)
{
    world *self = context;

    for (int i = 0; i < self->count; i++)
        if (!self->devices[i].is_out)
            device_tree(&self->devices[i], out);
}

/* With whichever device may. */
static bool goes_home(world *self)
{
    for (int i = 0; i < self->count; i++)
        if (!self->devices[i].is_out && world_move_home(self, &self->devices[i], self->home))
            return true;
    return false;
}

/* The user sees to it that all devices go to the same broker, and that it knows the user. */
static void gather(world *self)
{
    for (int i = 0; i < self->count; i++) {
        device *one = &self->devices[i];
        cf_error error;

        if (!one->is_out && one->station.broker != self->home)
            must(device_set_broker(one, self->brokers[self->home].line, &error), &error, "broker");
        device_connect(one);
    }
    if (!broker_knows_user(&self->brokers[self->home]))
        goes_home(self);
}

static bool is_anybody_astray(const world *self)
{
    for (int i = 0; i < self->count; i++) {
        const device *one = &self->devices[i];
        int at = one->station.broker;

        if (!one->is_out && at >= 0 && (at != self->home || !broker_knows_user(&self->brokers[at])))
            return true;
    }
    return false;
}

bool world_finds_home(world *self)
{
    bool found = is_anybody_astray(self) && goes_home(self);

    if (found)
        gather(self);
    return found;
}

void world_heal(world *self)
{
    self->plan.loss = self->plan.lag_ms = 0;
    for (int i = 0; i < self->count; i++) {
        device *one = &self->devices[i];

        one->offline = false;
        mounts_put_in(one);
        device_set_clock(one, 0);
        device_restart(one, END_CALMLY);
    }
    world_wait(self, LEASES_MS); /* no lock is left */
    gather(self);
}

static bool settle_once(void *context)
{
    world *self = context;
    world_round round = {.turns = TURNS_MAX};
    bool good = true;

    for (int i = 0; i < self->count; i++) {
        set_time(self, self->now_ms + PAUSE_MS);
        round.set = world_members(self) & 1u << i;
        good &= world_sync(self, &round);
    }
    round.set = world_members(self);
    return world_sync(self, &round) && good;
}

static uint64_t count_entries(void *context)
{
    return world_entries(context);
}

bool world_settle(world *self)
{
    return comes_to_rest(&(resting){.world = self,
                                    .round = settle_once,
                                    .list = list_all,
                                    .entries = count_entries,
                                    .rounds = SETTLE_ROUNDS});
}

/* ---- The world ---- */

device *world_add_device(world *self)
{
    world_round round = {.set = 1, .turns = TURNS_MAX};
    device *one = &self->devices[self->count];

    *one = (device){.in = self,
                    .number = self->count,
                    .has_cause = true,
                    .chance = chance_of_seed(self->plan.seed, 100 + (uint64_t)self->count)};
    one->serves = chance_one_in(&one->chance, 3);
    device_set_clock(one, 0);
    if (self->count)
        device_admit(&self->devices[0], one);
    else
        device_bear_user(one);
    self->count++;
    world_sync(self, &round);
    round.set = 1u << one->number;
    world_sync(self, &round);
    device_bind_folder(one);
    records_bind(one);
    return one;
}

world *world_new(const world_plan *plan, bool traced)
{
    world *self = cf_allocate(1, sizeof *self);
    chance kind = chance_of_seed(plan->seed, 9);

    self->modes_vary = plan->lessens && chance_one_in(&kind, 4);
    self->plan = *plan;
    self->plan.loss = self->plan.lag_ms = 0; /* not yet */
    if (chance_one_in(&kind, SLOW_ONE_IN))
        self->bytes_per_second = CF_KIB * (SLOWEST_KIB + chance_below(&kind, SLOW_KIB));
    self->traced = traced;
    self->chance = chance_of_seed(plan->seed, 1);
    self->now_ms = BEGINNING_MS;
    self->broker_count = plan->brokers;
    for (int i = 0; i < plan->brokers; i++) {
        self->brokers[i] = (world_broker){.in = self, .number = i};
        broker_open(&self->brokers[i]);
    }
    for (int i = 0; i < plan->devices; i++)
        world_add_device(self);
    for (int i = 0; i < plan->brokers; i++)
        broker_copy(&self->brokers[i]);
    self->plan = *plan;
    return self;
}

void world_destroy(world **self)
{
    world *w = *self;

    for (int i = 0; i < w->count; i++)
        device_destroy(&w->devices[i]);
    for (int i = 0; i < w->broker_count; i++)
        broker_close(&w->brokers[i]);
    cf_buffer_release(&w->unmade);
    cf_buffer_release(&w->trespass);
    cf_buffer_release(&w->leaks);
    ledger_release(&w->ledger);
    intents_release(&w->intents);
    free(w);
    *self = NULL;
}
