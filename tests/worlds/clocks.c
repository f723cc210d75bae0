/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that are set in a live session, and in the midst of a sync: what was saved is accepted
 * soon, by the time that passes, whatever the time of day and the stamps of the disk say. */
#include "tests/worlds/scene.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    COUNT = 20,
    ACTS = 12,
    FILES = 6,
    CALLS = 60,
    SOON_MS = 20000, /* what is missing counts after 3 s, and messages lag */
    HALF_DAY_MS = 12 * 60 * 60 * 1000,
    LARGE = 200000,
};

static void sets_clock(chance *from, device *who)
{
    static const int64_t by_ms[] = {-31000, -260000, 31000, 260000, -150, -2000};
    int64_t skew_ms = who->skew_ms;

    switch (chance_below(from, 4)) {
    case 0:
        skew_ms = 0;
        break;
    case 1:
        skew_ms = (int64_t)chance_below(from, 2 * HALF_DAY_MS) - HALF_DAY_MS;
        break;
    default:
        skew_ms += by_ms[chance_below(from, sizeof by_ms / sizeof *by_ms)];
    }
    device_set_clock(who, skew_ms);
    world_tell(who->in, "its clock is %lld ms off", (long long)skew_ms);
}

typedef struct {
    chance from;
    device *who;
} meanwhile;

static void sets_clock_meanwhile(void *context)
{
    meanwhile *self = context;

    sets_clock(&self->from, self->who);
}

static void saves(chance *from, device *who)
{
    cf_buffer bytes = {0};
    char path[32];
    const size_t size = chance_one_in(from, 3) ? LARGE : 1 + chance_below(from, 3000);

    snprintf(path, sizeof path, "/things/%d", (int)chance_below(from, FILES));
    world_tell(who->in, "its user saves %s, %zu bytes", path, size);
    chance_fill(from, cf_buffer_reserve(&bytes, size), size);
    bytes.size = size;
    cr_assert(disk_user_saves(who->drive, path, cf_buffer_view(&bytes),
                              chance_one_in(from, 2) ? DISK_SAVE_IN_PLACE : DISK_SAVE_BY_RENAME));
    cf_buffer_release(&bytes);
}

static void expect_accepted_soon(uint64_t seed)
{
    world *w = world_new(&(world_plan){.seed = seed, .devices = 2, .brokers = 1, .lag_ms = 200},
                         getenv("CLOCKS_TRACE") != NULL);
    device *who = &w->devices[0];
    chance from = {seed * 7919 + 1};
    const world_round round = {.set = 1, .turns = TURNS_MAX};

    w->bytes_per_second = 0;
    who->serves = true;
    for (int i = 0; i < ACTS; i++) {
        meanwhile later = {{chance_next(&from)}, who};

        saves(&from, who);
        if (chance_one_in(&from, 2))
            sets_clock(&from, who);
        who->faults.reads = true;
        who->faults.meanwhile = sets_clock_meanwhile;
        who->faults.context = &later;
        who->faults.at = who->faults.calls + 1 + chance_below(&from, CALLS);
        const uint64_t entries = world_entries(w), began_ms = w->now_ms;
        cr_expect(world_sync(w, &round), "seed %llu, act %d: not in sync", (unsigned long long)seed,
                  i);
        cr_expect(who->claims, "seed %llu, act %d: not in sync", (unsigned long long)seed, i);
        cr_expect_leq(w->now_ms - began_ms, SOON_MS, "seed %llu, act %d: %llu ms",
                      (unsigned long long)seed, i, (unsigned long long)(w->now_ms - began_ms));
        cr_expect_gt(world_entries(w), entries, "seed %llu, act %d: nothing was sent",
                     (unsigned long long)seed, i);
        device_mend(who);
        world_wait(w, chance_below(&from, 2000));
    }
    world_destroy(&w);
}

Test(clocks_set, what_is_saved_is_accepted_soon_whatever_they_say, .timeout = 3600)
{
    const char *count = getenv("CLOCKS_COUNT"), *seed = getenv("CLOCKS_SEED");
    const uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;

    for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : COUNT); i++)
        expect_accepted_soon(first + i);
}
