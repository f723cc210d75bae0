/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that are set while a device has a session: what its user saves is accepted soon after, by
 * the clock that nobody sets, whatever the time of day does, at the device, at the broker or both.
 */
#include "tests/peer/small/small_checks.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    COUNT = 30,
    ACTS = 14,
    FILES = 5,
    QUIET_MS = 8000,
    SOON_MS = 20000, /* an absence counts after 3 s, a write without an end after 3, locks take 2 */
    HOUR_MS = 60 * 60 * 1000,
    LARGE = 200000,
    STEP = 4096,
};

static void name_of(uint64_t number, char name[32])
{
    snprintf(name, 32, "%s%d", number % 2 ? "in/" : "", (int)number);
}

static void saves(small_world *w, small_device *self)
{
    const size_t size = chance_below(&w->chance, 3) ? 1 + chance_below(&w->chance, 3000) : LARGE;
    cf_buffer noise = small_world_noise(w, size);
    char name[32];

    name_of(chance_below(&w->chance, FILES), name);
    user_saves(self, name, cf_buffer_view(&noise), (save_way)chance_below(&w->chance, SAVE_WAYS));
    cf_buffer_release(&noise);
}

/* A program writes, and closes the file after the clock was set. */
static int begins_to_save(small_world *w, small_device *self)
{
    char name[32], path[256];

    name_of(chance_below(&w->chance, FILES), name);
    snprintf(path, sizeof path, "%s/%s", self->folder, name);
    int file = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0644);
    const uint64_t noise = chance_below(&w->chance, UINT64_MAX);
    cr_assert_eq(write(file, &noise, sizeof noise), (ssize_t)sizeof noise);
    return file;
}

static int64_t jump_of(small_world *w)
{
    static const int64_t jumps_ms[] = {-150,         -2000,       -31000, -260000, -HOUR_MS,
                                       -3 * HOUR_MS, 3 * HOUR_MS, 260000, 31000,   2000};

    return jumps_ms[chance_below(&w->chance, sizeof jumps_ms / sizeof *jumps_ms)];
}

/* No time passes on the other clock. */
static void set_all_clocks(small_world *w, int64_t by_ms)
{
    small_world_steady(w);
    w->now_ms += (uint64_t)by_ms;
    w->seen_ms = w->now_ms;
}

static void sets_a_clock(small_world *w)
{
    switch (chance_below(&w->chance, 4)) {
    case 0:
        w->skew_ms = 0;
        break;
    case 1:
        set_all_clocks(w, jump_of(w));
        break;
    case 2:
        w->skew_ms = jump_of(w);
        break;
    default: /* the broker's alone */
        w->skew_ms -= jump_of(w);
        if (w->skew_ms > 12 * HOUR_MS || w->skew_ms < -12 * HOUR_MS)
            w->skew_ms = 0;
        set_all_clocks(w, -w->skew_ms);
    }
}

static void happens(small_world *w, small_device *self, int *writing)
{
    char from[32], to[32];

    switch (chance_below(&w->chance, 8)) {
    case 0:
    case 1:
        sets_a_clock(w);
        break;
    case 2:
        name_of(chance_below(&w->chance, FILES), from);
        user_removes(self, from);
        break;
    case 3:
        name_of(chance_below(&w->chance, FILES), from);
        name_of(chance_below(&w->chance, FILES), to);
        user_moves(self, from, to);
        break;
    case 4:
        if (*writing >= 0)
            close(*writing);
        *writing = begins_to_save(w, self);
        break;
    case 5:
        if (*writing >= 0)
            close(*writing);
        *writing = -1;
        break;
    default:
        saves(w, self);
    }
}

static void passes(small_world *w, small_device *first, small_device *second, uint64_t ms)
{
    for (const uint64_t end_ms = small_world_steady(w) + ms; small_world_steady(w) < end_ms;) {
        small_device_passes(first, 30);
        small_device_passes(second, 30);
    }
}

static bool is_sent(small_device *self)
{
    return cf_link_is_connected(cf_engine_link(self->engine)) &&
           cf_link_is_idle(cf_engine_link(self->engine));
}

static void expect_accepted_soon(uint64_t seed)
{
    small_world *w = small_world_new(seed, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    cf_buffer difference = {0};
    int writing = -1;

    user_makes(first, "in");
    small_device_serves(first);
    small_device_serves(second);
    passes(w, first, second, QUIET_MS);
    if (seed % 2) /* a clock is set in the midst of a large file */
        cf_link_carries(cf_engine_link(first->engine), STEP, STEP, CF_WINDOW);
    for (int i = 0; i < ACTS; i++) {
        happens(w, first, &writing);
        if (chance_below(&w->chance, 3))
            passes(w, first, second, 1 + chance_below(&w->chance, 2000));
        if (chance_below(&w->chance, 6))
            continue;
        if (writing >= 0)
            close(writing);
        writing = -1;
        passes(w, first, second, SOON_MS);
        cr_expect(is_sent(first), "seed %llu, act %d: something is not sent",
                  (unsigned long long)seed, i);
        cr_expect(small_world_equal(w, &difference), "seed %llu, act %d: %.*s",
                  (unsigned long long)seed, i, (int)difference.size, (const char *)difference.data);
    }
    if (writing >= 0)
        close(writing);
    cf_buffer_release(&difference);
    small_world_destroy(&w);
}

Test(engine_clocks, what_is_saved_is_accepted_soon_whatever_the_clocks_do, .timeout = 3600)
{
    const char *count = getenv("CLOCKS_COUNT"), *seed = getenv("CLOCKS_SEED");
    const uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;

    for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : COUNT); i++)
        expect_accepted_soon(first + i);
}
