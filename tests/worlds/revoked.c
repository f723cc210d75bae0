/* SPDX-License-Identifier: Apache-2.0 */
/* A device is revoked in the midst of something. What is counted is turns: in each the broker's
 * loop goes round once, takes what has come, commits, ticks and sends. That nothing but a refusal
 * goes out to the device, and that it has no session any more, is looked at in each of them
 * (revocations.h). */
#include "peer/membership/membership.h"
#include "tests/worlds/inside.h"
#include "tests/worlds/revocations.h"
#include "tests/worlds/scene.h"

#include <sodium.h>
#include <stdio.h>

enum {
    SEEDS = 8,
    SAVES = 160,             /* of which the outcast has to hear one by one */
    SAVED = 4000,            /* bytes of each */
    LARGE = 3 * 1024 * 1024, /* in many pieces */
    SLOW = 64 * 1024,        /* bytes a second of a line that has a lag */
    LAG_MS = 20,             /* of such a line */
    IN_THE_MIDST = 30,       /* turns that it goes on with what it does, at most */
    TURNS_TO_TAKE = 1,       /* from the owner's word on, over a line without a lag */
    TURNS_TO_REFUSE = 1,     /* behind the one in which the broker took the revocation */
    ROUND_TRIPS = 1,         /* more of a line with a lag, for either: far from two seconds */
    A_WHILE = 30,
    AFTERWARDS = 400, /* turns in which it tries again */
    LEASE_MS = 600000,
};

typedef struct {
    world *w;
    device *owner, *other, *outcast;
    bool is_slow;   /* its lines are */
    uint64_t begun; /* so many entries the outcast had when it began */
} trouble;

/* What it is in the midst of. */
typedef struct {
    void (*prepare)(trouble *self);
    void (*begin)(trouble *self);
    bool (*is_at_it)(const trouble *self);
} business;

static world_broker *home_of(const trouble *self)
{
    return &self->w->brokers[self->w->home];
}

static void turn(const trouble *self)
{
    world_turn(self->w);
    cr_assert_eq(self->w->leaks.size, 0, "%.*s", (int)self->w->leaks.size,
                 (const char *)self->w->leaks.data);
}

static void turns(trouble *self, int count)
{
    while (count-- > 0)
        turn(self);
}

static void begin_round(device *who)
{
    who->serves = true;
    device_begin_round(who, &(world_round){0});
}

static void save_much(device *who, const char *path, size_t size)
{
    cf_buffer bytes = {0};

    who->env.random(who->env.context, cf_buffer_reserve(&bytes, size), size);
    bytes.size = size;
    cr_assert(disk_user_saves(who->drive, path, cf_buffer_view(&bytes), DISK_SAVE_IN_PLACE));
    cf_buffer_release(&bytes);
}

static uint64_t entries_in(cf_store *store, const trouble *self)
{
    uint64_t last = 0;
    cf_error error;

    expect_ok(store->last(store, cf_peer_user(device_peer(self->owner)), &last, &error), error);
    return last;
}

/* ---- What it is in the midst of ---- */

static void sync_outcast(trouble *self)
{
    self->begun = entries_in(cf_home_store(self->outcast->home), self);
    begin_round(self->outcast);
}

static void others_save_often(trouble *self)
{
    char path[32];

    for (int i = 0; i < SAVES; i++) {
        snprintf(path, sizeof path, "/things/%d", i);
        save_much(self->owner, path, SAVED);
        cr_assert(syncs(self->owner));
    }
}

/* Some of the entries have come, and others are still to be sent. */
static bool is_replayed_to(const trouble *self)
{
    const uint64_t here = entries_in(cf_home_store(self->outcast->home), self);

    return here > self->begun && here < self->begun + SAVES;
}

static void others_save_much(trouble *self)
{
    save_much(self->owner, "/things/large", LARGE);
    cr_assert(syncs(self->owner));
}

static bool downloads(const trouble *self)
{
    cf_flows flows;

    cf_engine_flows(self->outcast->engine, &flows);
    return flows.down.done && flows.down.left;
}

static void saves_much(trouble *self)
{
    save_much(self->outcast, "/things/large", LARGE);
    world_wait(self->w, 1000);
    begin_round(self->outcast);
}

static bool uploads(const trouble *self)
{
    cf_flows flows;

    cf_engine_flows(self->outcast->engine, &flows);
    return flows.up.done && flows.up.left;
}

static void nothing(trouble *self)
{
    (void)self;
}

static const business in_a_replay = {others_save_often, sync_outcast, is_replayed_to},
                      in_a_download = {others_save_much, sync_outcast, downloads},
                      in_an_upload = {nothing, saves_much, uploads};

/* ---- Being revoked ---- */

static trouble a_trouble(uint64_t seed, int brokers)
{
    trouble made = {.is_slow = seed % 2};

    cr_assert_geq(sodium_init(), 0);
    made.w = world_new(&(world_plan){.seed = seed, .devices = 3, .brokers = brokers}, false);
    made.owner = &made.w->devices[0];
    made.other = &made.w->devices[1];
    made.outcast = &made.w->devices[2];
    return made;
}

static void revoke(trouble *self)
{
    const cf_hash id = *cf_peer_device(device_peer(self->outcast));
    cf_head head;
    cf_error error;

    expect_ok(cf_membership_revoke(&(cf_signatory){device_peer(self->owner), false},
                                   &(cf_limited){.device = &id}, &(cf_outgoers){&id, 1}, &head,
                                   &error),
              error);
    self->outcast->is_out = true;
}

static bool has_session(const trouble *self, const world_broker *at)
{
    device *who = self->outcast;

    return cf_gateway_has_session(at->broker.gateway, cf_peer_user(device_peer(who)),
                                  cf_peer_device(device_peer(who)));
}

static unsigned denials(const trouble *self)
{
    cf_broker_status status;

    cf_engine_broker_status(self->outcast->engine, &status);
    return status.denials;
}

/* Until the broker has it: after so many turns. */
static int await_revocation(trouble *self, const world_broker *at)
{
    int count = 0;

    for (; !revocations_has(at, &self->outcast->station.curve); count++) {
        cr_assert_lt(count, TURNS_MAX, "the broker never took it");
        turn(self);
    }
    return count;
}

/* Whatever the outcast does, each of both takes as long as a message or two: of the owner to the
 * broker, and of that to the outcast. */
static void expect_soon(const trouble *self, int turns, int most, const char *what)
{
    cr_expect_leq(turns, self->is_slow ? most + ROUND_TRIPS * 2 * LAG_MS / TURN_MS : most,
                  "seed %d: %s %d turns", (int)self->w->plan.seed, what, turns);
}

static void expect_taken_soon(trouble *self, const world_broker *at)
{
    expect_soon(self, await_revocation(self, at), TURNS_TO_TAKE, "the broker takes it after");
}

static void come_into_the_midst(trouble *self, const business *what)
{
    uint64_t more = chance_below(&self->w->chance, IN_THE_MIDST);

    if (self->is_slow) {
        self->w->plan.lag_ms = LAG_MS;
        self->w->bytes_per_second = SLOW;
    }
    what->begin(self);
    for (int i = 0; i < TURNS_MAX && !what->is_at_it(self); i++)
        turn(self);
    while (self->is_slow && more-- && what->is_at_it(self))
        turn(self);
}

/* Whether it was in the midst of that when the broker took the revocation. */
static bool is_cut_off(uint64_t seed, const business *what)
{
    trouble it = a_trouble(seed, 1);
    const world_broker *at = home_of(&it);

    what->prepare(&it);
    begin_round(it.owner);
    turns(&it, A_WHILE);
    come_into_the_midst(&it, what);
    revoke(&it);
    expect_taken_soon(&it, at);
    const bool was_at_it = what->is_at_it(&it);
    cr_expect_not(has_session(&it, at), "seed %d", (int)seed);
    int until = 0;
    for (; until < TURNS_MAX && !at->refusals; until++)
        turn(&it);
    expect_soon(&it, until, TURNS_TO_REFUSE, "it waits for its refusal for");
    for (int i = 0; i < TURNS_MAX && !denials(&it); i++)
        turn(&it);
    cr_expect_gt(denials(&it), 0, "seed %d: it doesn't know", (int)seed);
    turns(&it, AFTERWARDS);
    world_destroy(&it.w);
    return was_at_it;
}

static void expect_cut_off(const business *what)
{
    int in_the_midst = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        in_the_midst += is_cut_off(seed, what);
    cr_expect_geq(in_the_midst, SEEDS * 3 / 4, "%d of %d were in the midst of it", in_the_midst,
                  SEEDS);
}

Test(revoked, a_replay_ends_with_the_turn_in_which_the_revocation_comes)
{
    expect_cut_off(&in_a_replay);
}

Test(revoked, so_does_a_download)
{
    expect_cut_off(&in_a_download);
}

Test(revoked, so_does_an_upload)
{
    expect_cut_off(&in_an_upload);
}

/* ---- Locks ---- */

static cf_id asks_for_lock(device *who)
{
    cf_lock_wish wish = {.collection = who->in->collection, .for_ms = LEASE_MS, .wait = true};
    cf_id request;
    cf_error error;

    expect_ok(cf_locks_ask(cf_engine_locks(who->engine), &wish, &request, &error), error);
    return request;
}

static bool has_lock(device *who, const cf_id *request)
{
    const cf_lock *lock = cf_locks_find(cf_engine_locks(who->engine), request);

    return lock && lock->state == CF_LOCK_HELD;
}

/* One of them has the lock, and the other waits for it. */
static trouble a_trouble_about_a_lock(uint64_t seed, device **holder, cf_id *held, cf_id *awaited,
                                      bool outcast_holds)
{
    trouble made = a_trouble(2 * seed, 1);
    device *waiting = outcast_holds ? made.other : made.outcast;

    *holder = outcast_holds ? made.outcast : made.other;
    save_much(made.owner, "/things/file", SAVED);
    cr_assert(syncs(made.owner));
    for (int i = 0; i < made.w->count; i++)
        begin_round(&made.w->devices[i]);
    turns(&made, A_WHILE);
    *held = asks_for_lock(*holder);
    turns(&made, A_WHILE);
    *awaited = asks_for_lock(waiting);
    turns(&made, A_WHILE);
    cr_assert(has_lock(*holder, held));
    cr_assert_not(has_lock(waiting, awaited));
    return made;
}

Test(revoked, a_lock_goes_on_to_who_waits_for_it)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        device *holder;
        cf_id held, awaited;
        trouble it = a_trouble_about_a_lock(seed, &holder, &held, &awaited, true);

        revoke(&it);
        expect_taken_soon(&it, home_of(&it));
        turns(&it, TURNS_TO_REFUSE);
        cr_expect(has_lock(it.other, &awaited), "seed %d", (int)seed);
        world_destroy(&it.w);
    }
}

Test(revoked, who_waits_for_a_lock_gets_it_no_more)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        device *holder;
        cf_id held, awaited;
        trouble it = a_trouble_about_a_lock(seed, &holder, &held, &awaited, false);

        revoke(&it);
        expect_taken_soon(&it, home_of(&it));
        cf_locks_give_back(cf_engine_locks(holder->engine), &held);
        turns(&it, AFTERWARDS);
        cr_expect_not(has_lock(it.outcast, &awaited), "seed %d", (int)seed);
        cr_expect_gt(denials(&it), 0, "seed %d", (int)seed);
        world_destroy(&it.w);
    }
}

/* ---- Several brokers ---- */

static void expect_no_session(const trouble *self, int at, uint64_t seed)
{
    cr_expect_not(has_session(self, &self->w->brokers[at]), "seed %d, broker %d", (int)seed, at);
}

/* The user has left one of them, where the outcast is still, or is again. */
Test(revoked, each_broker_of_the_user_ends_it_in_the_turn_in_which_it_hears)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        trouble it = a_trouble(2 * seed, 2);
        cf_error error;

        save_much(it.owner, "/things/file", SAVED);
        cr_assert(syncs(it.owner));
        begin_round(it.outcast);
        turns(&it, A_WHILE);
        cr_expect(has_session(&it, &it.w->brokers[0]));
        cr_assert(world_move_home(it.w, it.owner, 1));
        begin_round(it.owner);
        turns(&it, A_WHILE);
        cr_expect(has_session(&it, &it.w->brokers[0]) || has_session(&it, &it.w->brokers[1]));
        revoke(&it);
        expect_taken_soon(&it, &it.w->brokers[1]);
        expect_no_session(&it, 1, seed);
        device_tells(it.owner, 0);
        await_revocation(&it, &it.w->brokers[0]);
        expect_no_session(&it, 0, seed);
        for (int at = 0; at < 2; at++) {
            const size_t before = it.w->brokers[at].refusals;

            expect_ok(device_set_broker(it.outcast, it.w->brokers[at].line, &error), error);
            turns(&it, AFTERWARDS);
            cr_expect_gt(it.w->brokers[at].refusals, before, "seed %d", (int)seed);
        }
        world_destroy(&it.w);
    }
}
