/* SPDX-License-Identifier: Apache-2.0 */
/* What is not seen is not deleted: mass deletes wait for the user's word, on both sides. */
#include "peer/sources/files/debounce.h"
#include "tests/peer/small/guarded.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <unistd.h>

enum { MANY = 120, MOST = 70 };
enum { SERVED_MS = 9000, BETWEEN_MS = 400, JUDGED_MS = 9000 };
enum { WAVE = 60, WAVES = 6, WAVE_MS = 1000, MADE = FILES + (1 + 2 * WAVES) * WAVE };

Test(engine_guard, holds_back_a_mass_delete_here_until_the_word_is_said)
{
    small_world *w = a_guarded_world_of(1, MANY);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint64_t entries = small_world_entries(w);

    remove_files(b, MOST);
    cr_assert(small_world_settle(w));
    cr_expect_eq(small_world_entries(w), entries);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), MOST);
    cr_expect_eq(count_of(a, MANY), MANY);
    sync_with_the_word(b);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 0);
    cr_expect_gt(small_world_entries(w), entries);
    cr_assert(small_device_sync(a));
    cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_SPARED), MOST);
    sync_with_the_word(a);
    cr_expect_eq(count_of(a, MANY), MANY - MOST);
    small_world_destroy(&w);
}

/* Bit by bit: what is not there yet is few enough to go by itself. */
Test(engine_guard, holds_what_is_not_put_back_until_the_word_is_said)
{
    small_world *w = a_guarded_world_of(14, MANY);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    remove_files(b, MOST);
    cr_assert(small_world_settle(w));
    for (int back = 1; back < MOST; back += MOST / 3) {
        write_files(b, 0, back);
        cr_assert(small_world_settle(w));
        cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), (size_t)(MOST - back));
        cr_expect_eq(count_of(a, MANY), MANY);
        small_device_crash(b);
    }
    write_files(b, 0, MOST - 1);
    sync_with_the_word(b);
    cr_assert(small_world_settle(w));
    cr_expect_eq(count_of(a, MANY), MANY - 1);
    remove_files(b, MOST / 2);
    cr_assert(small_world_settle(w));
    cr_expect_eq(count_of(a, MANY), MANY - MOST / 2 - 1, "nothing is held any more");
    small_world_destroy(&w);
}

/* As soon as it was added, or copied there with its times. */
Test(engine_guard, holds_what_was_older_than_an_hour_when_it_was_brought)
{
    for (int brings = 0; brings < 2; brings++) {
        small_world *w = a_guarded_world_of(15, FILES);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        write_files(b, FILES, MANY);
        for (int k = FILES; k < MANY && brings; k++) {
            char name[16];

            name_file(k, name);
            user_stamps(b, name, (w->now_ms - 2 * CF_GUARD_YOUNG_MS) / 1000);
        }
        cr_assert(small_world_settle(w));
        for (int k = FILES; k < MANY; k++) {
            char name[16];

            name_file(k, name);
            user_removes(b, name);
        }
        cr_assert(small_world_settle(w));
        cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), brings ? MANY - FILES : 0);
        cr_expect_eq(count_of(a, MANY), brings ? MANY : FILES);
        small_world_destroy(&w);
    }
}

typedef enum { A_LINK, A_FOLDER, KINDS_WITHOUT_TIMES } kind_without_times;

/* On device `b`, with the time of two hours ago where it is brought. */
static void make_one(const small_world *in, small_device *b, kind_without_times kind,
                     const char *name, bool brings)
{
    if (kind == A_LINK)
        cr_assert(user_points(b, name, "target"));
    else
        user_makes(b, name);
    if (brings)
        user_stamps(b, name, (in->now_ms - 2 * CF_GUARD_YOUNG_MS) / 1000);
}

/* Nothing in the log tells when they were made but what their author says of it: whoever had wiped
 * a source of 200 files and 200 links just after it was added had lost all links elsewhere. */
Test(engine_guard, holds_links_and_folders_that_were_older_than_an_hour_when_they_were_brought)
{
    for (kind_without_times kind = 0; kind < KINDS_WITHOUT_TIMES; kind++)
        for (int brings = 0; brings < 2; brings++) {
            small_world *w = a_guarded_world_of(16, FILES);
            small_device *a = &w->devices[0], *b = &w->devices[1];
            char name[16];

            for (int k = FILES; k < MANY; k++) {
                name_file(k, name);
                make_one(w, b, kind, name, brings);
            }
            cr_assert(small_world_settle(w));
            for (int k = FILES; k < MANY; k++) {
                name_file(k, name);
                user_removes(b, name);
            }
            cr_assert(small_world_settle(w));
            cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), brings ? MANY - FILES : 0);
            sync_with_the_word(b); /* the other device judges by what the log says */
            cr_assert(small_device_sync(a));
            cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_SPARED),
                         brings ? MANY - FILES : 0);
            cr_expect_eq(count_of(a, FILES), FILES);
            small_world_destroy(&w);
        }
}

Test(engine_guard, lets_half_of_many_pass)
{
    small_world *w = a_guarded_world_of(2, MANY);

    remove_files(&w->devices[1], MANY / 2);
    cr_assert(small_world_settle(w));
    cr_expect_eq(count_of(&w->devices[0], MANY), MANY - MANY / 2);
    small_world_destroy(&w);
}

/* A build tree: for an hour, on the device that made it and on the one that has it from there. */
Test(engine_guard, lets_pass_what_the_same_device_made_within_the_hour)
{
    const struct {
        uint64_t after_ms;
        bool goes;
    } cases[] = {{0, true}, {CF_GUARD_YOUNG_MS / 2, true}, {CF_GUARD_YOUNG_MS, false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        small_world *w = a_guarded_world_of(11, FILES);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        write_files(b, FILES, MANY);
        cr_assert(small_world_settle(w));
        w->now_ms += cases[i].after_ms;
        for (int k = FILES; k < MANY; k++) {
            char name[16];

            name_file(k, name);
            user_removes(b, name);
        }
        cr_assert(small_world_settle(w));
        cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD),
                     cases[i].goes ? 0 : MANY - FILES);
        cr_expect_eq(count_of(a, MANY), cases[i].goes ? FILES : MANY, "after %d",
                     (int)cases[i].after_ms);
        cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_SPARED), 0);
        small_world_destroy(&w);
    }
}

/* Two hours after both the receiver judges by what the entries say. */
Test(engine_guard, judges_what_comes_late_by_the_time_at_which_it_was_done)
{
    small_world *w = a_guarded_world_of(12, FILES);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    write_files(b, FILES, MANY);
    cr_assert(small_world_settle(w));
    for (int k = FILES; k < MANY; k++) {
        char name[16];

        name_file(k, name);
        user_removes(b, name);
    }
    cr_assert(small_device_sync(b));
    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    cr_assert(small_device_sync(a));
    cr_expect_eq(count_of(a, MANY), FILES);
    cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_SPARED), 0);
    small_world_destroy(&w);
}

/* What is new meanwhile grows older, too, and lets nothing go that is held. */
Test(engine_guard, holds_on_when_what_came_meanwhile_is_older)
{
    small_world *w = a_guarded_world_of(13, MANY);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    remove_files(b, MOST);
    cr_assert(small_world_settle(w));
    write_files(b, MANY, 3 * MANY);
    cr_assert(small_world_settle(w));
    for (int crash = 0; crash < 2; crash++) {
        w->now_ms += 2 * CF_GUARD_YOUNG_MS;
        cr_assert(small_world_settle(w));
        cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), MOST);
        cr_expect_eq(count_of(a, MANY), MANY);
        small_device_crash(b);
    }
    small_world_destroy(&w);
}

Test(engine_guard, holds_back_a_mass_delete_from_elsewhere)
{
    small_world *w = a_guarded_world(3);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    remove_files(a, FILES);
    sync_with_the_word(a);
    cr_assert(small_device_sync(b));
    cr_expect_eq(count_files(b), FILES);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_SPARED), FILES);
    uint64_t entries = small_world_entries(w);
    cr_assert(small_world_settle(w));
    cr_expect_eq(small_world_entries(w), entries);
    small_device_crash(b);
    cr_assert(small_device_sync(b));
    cr_expect_eq(count_files(b), FILES, "a new process knows nothing of it");
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_SPARED), FILES);
    sync_with_the_word(b);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_SPARED), 0);
    cr_expect_eq(count_files(b), 0);
    small_world_destroy(&w);
}

/* ---- Bit by bit ---- */

/* What the second device did goes to the first one, and no time passes. */
static void sync_at_once(small_world *w)
{
    cr_assert(small_device_sync(&w->devices[1]));
    cr_assert(small_device_sync(&w->devices[0]));
}

/* 50 of 120, and 30 more. */
static small_world *a_world_that_lost_some(uint64_t seed, uint64_t after_ms)
{
    small_world *w = a_guarded_world_of(seed, MANY);

    w->now_ms += CF_RECENT_MS;
    remove_range(&w->devices[1], 0, 50);
    sync_at_once(w);
    cr_assert_eq(count_of(&w->devices[0], MANY), 70);
    w->now_ms += after_ms;
    remove_range(&w->devices[1], 50, 80);
    sync_at_once(w);
    return w;
}

Test(engine_guard, judges_what_goes_with_what_went_just_before)
{
    small_world *w = a_world_that_lost_some(21, CF_RECENT_MS / 4);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    for (int crash = 0; crash < 3; crash++) {
        cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 30, "%d", crash);
        cr_expect_eq(count_of(a, MANY), 70);
        w->now_ms += 10 * CF_RECENT_MS; /* what is held is held */
        if (crash)
            small_device_crash(b);
        sync_at_once(w);
    }
    sync_with_the_word(b);
    w->now_ms += CF_RECENT_MS;
    cr_assert(small_device_sync(a));
    cr_expect_eq(count_of(a, MANY), 40);
    small_world_destroy(&w);
}

/* They fall due one after the other. */
Test(engine_guard, judges_soon_what_goes_bit_by_bit_before_a_watch)
{
    small_world *w = a_guarded_world_of(16, MANY);
    small_device *b = &w->devices[1];

    small_device_serves(b);
    small_device_passes(b, SERVED_MS);
    for (int first = 0; first < MANY; first += MANY / 4) {
        remove_range(b, first, first + MANY / 4);
        small_device_passes(b, BETWEEN_MS);
    }
    small_device_passes(b, JUDGED_MS);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), MANY);
    small_world_destroy(&w);
}

/* More and more goes, and more still is made meanwhile: files numbered from `first` on. */
static void make_and_remove(const small_world *in, small_device *self, int first)
{
    int made = first + WAVE;

    make_files(in, self, first, made);
    small_device_passes(self, SERVED_MS);
    for (int wave = 0; wave < WAVES; wave++) {
        remove_range(self, first, first + WAVE);
        first += WAVE;
        small_device_passes(self, BETWEEN_MS);
        make_files(in, self, made, made + 2 * WAVE);
        made += 2 * WAVE;
        small_device_passes(self, WAVE_MS);
    }
    remove_range(self, first, made);
}

/* What was there before stays. */
Test(engine_guard, lets_go_what_was_made_while_more_and_more_went)
{
    small_world *w = a_guarded_world_of(17, FILES);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    small_device_serves(b);
    small_device_passes(b, SERVED_MS);
    make_and_remove(w, b, FILES);
    small_device_passes(b, CF_RECENT_MS);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 0);
    cr_assert(small_device_sync(a));
    cr_expect_eq(count_of(a, MADE), FILES);
    small_world_destroy(&w);
}

enum { FOLDERS = 60, NEW_FOLDERS = 200, STEP_MS = 50, STEPS = 8 };

/* By the world's clock, which has gone on. */
static void make_folders(const small_world *in, small_device *self, int from, int to)
{
    char name[16];

    for (; from < to; from++) {
        snprintf(name, sizeof name, "made%d", from);
        user_makes(self, name);
        user_stamps(self, name, in->now_ms / 1000);
    }
}

static void remove_folders(small_device *self, int from, int to)
{
    char name[16];

    for (; from < to; from++) {
        snprintf(name, sizeof name, "made%d", from);
        user_removes(self, name);
    }
}

/* The look that misses the first of them finds others that are new, and these go, too. Which look
 * that is is tried. */
Test(engine_guard, lets_go_what_came_in_the_look_that_missed_the_first, .timeout = 240)
{
    for (uint64_t before = 0; before < STEPS; before++) {
        small_world *w = a_guarded_world_of(27, FILES);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        w->now_ms += 2 * CF_GUARD_YOUNG_MS;
        small_device_serves(b);
        small_device_passes(b, SERVED_MS);
        make_folders(w, b, 0, 2 * FOLDERS);
        small_device_passes(b, SERVED_MS);
        remove_folders(b, 0, FOLDERS);
        small_device_passes(b, CF_DEBOUNCE_ABSENT_MS - BETWEEN_MS);
        remove_folders(b, FOLDERS, 2 * FOLDERS);
        small_device_passes(b, BETWEEN_MS - before * STEP_MS);
        make_folders(w, b, 2 * FOLDERS, NEW_FOLDERS + 2 * FOLDERS);
        small_device_passes(b, (before + 1) * STEP_MS);
        remove_folders(b, 2 * FOLDERS, NEW_FOLDERS + 2 * FOLDERS);
        small_device_passes(b, JUDGED_MS);
        cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 0, "made %d ms before",
                     (int)before * STEP_MS);
        cr_assert(small_device_sync(a));
        cr_expect_eq(count_of(a, FILES), FILES);
        small_world_destroy(&w);
    }
}

/* All of it goes in the end, what was there before with it. */
Test(engine_guard, holds_all_that_there_was_whatever_was_made_meanwhile)
{
    small_world *w = a_guarded_world_of(18, FILES);
    small_device *b = &w->devices[1];

    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    small_device_serves(b);
    small_device_passes(b, SERVED_MS);
    make_and_remove(w, b, FILES);
    remove_range(b, 0, FILES);
    small_device_passes(b, CF_RECENT_MS);
    cr_expect_geq(small_device_pending(b, NULL, CF_PENDING_HELD), FILES);
    small_device_crash(b);
    cr_assert(small_device_sync(b));
    cr_expect_geq(small_device_pending(b, NULL, CF_PENDING_HELD), FILES);
    small_world_destroy(&w);
}

Test(engine_guard, forgets_after_a_minute_what_went)
{
    small_world *w = a_world_that_lost_some(22, CF_RECENT_MS);

    cr_expect_eq(small_device_pending(&w->devices[1], NULL, CF_PENDING_HELD), 0);
    cr_expect_eq(count_of(&w->devices[0], MANY), 40);
    small_world_destroy(&w);
}

Test(engine_guard, spares_here_what_is_deleted_bit_by_bit_elsewhere)
{
    small_world *w = a_guarded_world_of(23, MANY);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    for (int i = 0; i < 2; i++) {
        remove_range(a, i ? 50 : 0, i ? 80 : 50);
        sync_with_the_word(a);
        cr_assert(small_device_sync(b));
    }
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_SPARED), 30);
    cr_expect_eq(count_of(b, MANY), 70);
    small_world_destroy(&w);
}

Test(engine_guard, holds_the_last_of_ten_that_go_one_by_one)
{
    small_world *w = a_guarded_world(24);

    w->now_ms += CF_RECENT_MS;
    for (int i = 0; i < FILES; i++) {
        remove_range(&w->devices[1], i, i + 1);
        sync_at_once(w);
    }
    cr_expect_eq(small_device_pending(&w->devices[1], NULL, CF_PENDING_HELD), 1);
    cr_expect_eq(count_files(&w->devices[0]), 1);
    small_world_destroy(&w);
}

/* One device puts files there, the other one takes them away. */
Test(engine_guard, lets_files_pass_through)
{
    small_world *w = a_guarded_world_of(25, 1);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    for (int i = 1; i < MANY; i++) {
        write_files(a, i, i + 1);
        cr_assert(small_device_sync(a));
        cr_assert(small_device_sync(b));
        remove_range(b, i - 1, i);
        sync_at_once(w);
        cr_assert_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 0, "%d", i);
    }
    cr_expect_eq(count_of(a, MANY), 1);
    small_world_destroy(&w);
}

/* Of what is held others say nothing. */
Test(engine_guard, lets_go_what_is_young_beside_what_is_held)
{
    small_world *w = a_guarded_world_of(26, MANY);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    w->now_ms += CF_RECENT_MS;
    write_files(b, MANY, 2 * MANY);
    remove_range(b, 0, MOST);
    sync_at_once(w);
    cr_assert_eq(small_device_pending(b, NULL, CF_PENDING_HELD), MOST);
    remove_range(b, MANY, 2 * MANY);
    sync_at_once(w);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), MOST);
    cr_expect_eq(count_of(a, 2 * MANY), MANY);
    remove_range(b, MOST, MANY);
    sync_at_once(w);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), MANY, "all that there is");
    cr_expect_eq(count_of(a, 2 * MANY), MANY);
    small_world_destroy(&w);
}

/* Each by half of what is left, by a process that serves; and by one that begins anew. */
/* Where the files that go begin and end, each time; the first of them pass. */
typedef struct {
    int old, ends[4];
    size_t held;
} going;

static void expect_held_with_the_first(const going *these, bool anew)
{
    small_world *w = a_guarded_world_of(30, these->old);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    for (int i = 0, at = 0; i < 4 && these->ends[i]; at = these->ends[i++]) {
        remove_range(b, at, these->ends[i]);
        w->now_ms += 10000;
        sync_at_once(w);
        if (anew) {
            small_device_crash(a);
            small_device_crash(b);
        }
    }
    cr_assert(small_device_sync(b));
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), these->held, "%d", anew);
    cr_expect_eq(count_of(a, these->old), these->old - these->ends[0]);
    small_world_destroy(&w);
}

Test(engine_guard, judges_what_goes_with_what_went_before_the_process_began)
{
    const going halves = {400, {198, 297, 346, 371}, 173}, few = {110, {40, 80}, 40};

    for (int anew = 0; anew < 2; anew++) {
        expect_held_with_the_first(&halves, anew);
        expect_held_with_the_first(&few, anew);
    }
}

/* They are there again: ordinary deletions go as ever. */
Test(engine_guard, ends_with_what_is_held_what_had_gone_before)
{
    small_world *w = a_guarded_world_of(31, 400);
    small_device *b = &w->devices[1];

    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    small_device_serves(b);
    small_device_passes(b, 10000);
    remove_range(b, 0, 198);
    small_device_passes(b, 8000);
    remove_range(b, 198, 240);
    small_device_passes(b, 8000);
    cr_assert_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 42);
    write_files(b, 198, 240);
    small_device_passes(b, 8000);
    cr_assert_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 0);
    w->now_ms += 10 * CF_RECENT_MS;
    small_device_passes(b, 2000);
    remove_range(b, 300, 310);
    small_device_passes(b, 8000);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 0);
    small_world_destroy(&w);
}

Test(engine_guard, takes_nothing_for_young_because_the_clock_was_set_back)
{
    for (int hours = 0; hours < 12; hours += 11) {
        small_world *w = a_guarded_world_of(32, 400);
        small_device *a = &w->devices[0];

        w->now_ms += 10 * CF_GUARD_YOUNG_MS;
        write_files(a, 400, 401);
        cr_assert(small_world_settle(w));
        w->now_ms -= (uint64_t)hours * CF_GUARD_YOUNG_MS;
        remove_range(a, 0, 390);
        cr_assert(small_device_sync(a));
        cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_HELD), 390, "%d", hours);
        small_world_destroy(&w);
    }
}

/* As many others in their place; each look is that of a new process. */
Test(engine_guard, lets_nothing_go_of_all_that_there_was)
{
    small_world *w = a_guarded_world(28);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    remove_range(a, 0, FILES);
    write_files(a, FILES, 3 * FILES);
    for (int i = 0; i < 3; i++) {
        cr_assert(small_device_sync(a));
        cr_assert(small_device_sync(b));
        cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_HELD), FILES, "%d", i);
        cr_expect_eq(count_of(b, 3 * FILES), 3 * FILES);
        small_device_crash(a);
    }
    small_world_destroy(&w);
}

Test(engine_guard, lets_go_here_what_who_deleted_it_had_just_made)
{
    small_world *w = a_guarded_world_of(27, MANY);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    make_files(w, a, MANY, 2 * MANY);
    cr_assert(small_device_sync(a));
    cr_assert(small_device_sync(b));
    remove_range(a, 0, MOST);
    remove_range(a, MANY, 2 * MANY);
    sync_with_the_word(a);
    cr_assert(small_device_sync(b));
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_SPARED), MOST);
    cr_expect_eq(count_of(b, 2 * MANY), MANY);
    small_world_destroy(&w);
}
