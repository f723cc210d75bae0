/* SPDX-License-Identifier: Apache-2.0 */
/* A mass deletion from elsewhere, at a device that serves: one act comes in several entries, the
 * first of which tell of few enough to go, and all of them are judged when no more comes. */
#include "tests/peer/small/guarded.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { NEW = 120, MOST = 110 };
enum { ALL = 300, PART = 60, PARTS = 3, APART_MS = 2000, SOON_MS = 1000, CALM_MS = 9000 };

/* The second device serves; all files are old. */
static small_world *a_served_world(uint64_t seed, small_device **first, small_device **second)
{
    small_world *w = a_guarded_world_of(seed, ALL);

    *first = &w->devices[0];
    *second = &w->devices[1];
    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    small_device_serves(*second);
    small_device_passes(*second, CALM_MS);
    return w;
}

static void remove_part(small_device *self, int part)
{
    remove_range(self, part * PART, (part + 1) * PART);
    sync_with_the_word(self);
}

static void write_beside(small_device *self, int i)
{
    user_writes_text(self, "beside", i % 2 ? "odd" : "even");
    cr_assert(small_device_sync(self));
}

static size_t held(const small_device *self)
{
    return small_device_pending(self, NULL, CF_PENDING_SPARED);
}

Test(engine_guard_elsewhere, is_judged_as_one)
{
    small_device *a, *b;
    small_world *w = a_served_world(24, &a, &b);

    for (int part = 0; part < PARTS; part++) {
        remove_part(a, part);
        small_device_passes(b, APART_MS);
    }
    small_device_passes(b, CALM_MS);
    cr_expect_eq(count_of(b, ALL), ALL);
    cr_expect_eq(held(b), PARTS * PART);
    small_world_destroy(&w);
}

/* Else each entry that comes would end that, and begin it again. */
Test(engine_guard_elsewhere, is_held_at_once_and_whatever_comes_then)
{
    small_device *a, *b;
    small_world *w = a_served_world(27, &a, &b);

    for (int part = 0; part < PARTS; part++)
        remove_part(a, part);
    small_device_passes(b, SOON_MS);
    cr_expect_eq(held(b), PARTS * PART);
    small_device_passes(b, CALM_MS);
    for (int i = 0; i < 4; i++) {
        write_beside(a, i);
        small_device_passes(b, SOON_MS);
        cr_expect_eq(held(b), PARTS * PART, "%d", i);
    }
    cr_expect_eq(count_of(b, ALL), ALL);
    small_world_destroy(&w);
}

/* Who asks how it stands has an answer. */
Test(engine_guard_elsewhere, is_not_awaited_of_a_folder_that_has_gone)
{
    small_device *a, *b;
    small_world *w = a_served_world(26, &a, &b);
    char aside[sizeof b->folder + 8];

    remove_part(a, 0);
    small_device_passes(b, SOON_MS);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_WAITS), PART);
    snprintf(aside, sizeof aside, "%s-aside", b->folder);
    cr_assert_eq(rename(b->folder, aside), 0);
    cr_expect(small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, 100));
    cr_assert_eq(rename(aside, b->folder), 0);
    small_device_passes(b, 2 * CALM_MS);
    cr_assert(small_device_sync(b));
    cr_expect_eq(count_of(b, ALL), ALL - PART);
    small_world_destroy(&w);
}

Test(engine_guard_elsewhere, is_not_awaited_for_ever)
{
    enum { TIMES = 40 };
    small_device *a, *b;
    small_world *w = a_served_world(25, &a, &b);

    remove_part(a, 0);
    for (int i = 0; i < TIMES; i++) {
        small_device_passes(b, APART_MS);
        write_beside(a, i);
    }
    cr_expect_eq(count_of(b, ALL), ALL - PART);
    small_world_destroy(&w);
}

/* Whoever made it, and when: a tree that was unpacked, sent, and removed within the hour. */
Test(engine_guard_elsewhere, counts_what_was_there_at_the_first_look)
{
    small_world *w = small_world_new(28, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    w->guarded = true;
    for (int i = 0; i < w->count; i++)
        cf_engine_binding_at(w->devices[i].engine, 0)->meets = CF_MEETS_OLD; /* as `add` has it */
    make_files(w, a, 0, NEW);
    cr_assert(small_device_sync(a));
    w->now_ms += APART_MS;
    cr_assert(small_device_sync(b));
    w->now_ms += APART_MS;
    make_files(w, a, NEW, 2 * NEW); /* its own affair */
    cr_assert(small_world_settle(w));
    remove_range(a, 0, MOST);
    remove_range(a, NEW, 2 * NEW);
    cr_assert(small_device_sync(a));
    cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_HELD), MOST);
    sync_with_the_word(a);
    cr_assert(small_device_sync(b));
    cr_expect_eq(held(b), MOST);
    cr_expect_eq(count_of(b, 2 * NEW), NEW);
    small_world_destroy(&w);
}
