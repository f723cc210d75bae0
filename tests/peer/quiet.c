/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/quiet.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/expect.h"

static cf_quiet *quiet;

static void arrive(void)
{
    quiet = cf_quiet_new();
}

static void leave(void)
{
    cf_quiet_destroy(&quiet);
}

TestSuite(quiet, .init = arrive, .fini = leave);

static void expect_nothing(uint64_t now_ms)
{
    cf_quiet_due due = cf_quiet_take(quiet, now_ms);

    cr_assert(!due.all && due.places.count == 0);
    cf_look_places_release(&due.places);
}

static void expect_folder(uint64_t now_ms, uint64_t folder, cf_absence absence)
{
    cf_quiet_due due = cf_quiet_take(quiet, now_ms);

    cr_assert_eq(due.places.count, 1);
    cr_assert_eq(due.places.at[0].folder, folder);
    cr_assert_eq(due.places.at[0].absence, absence);
    cf_look_places_release(&due.places);
}

static void expect_all(uint64_t now_ms, cf_absence absence)
{
    cf_quiet_due due = cf_quiet_take(quiet, now_ms);

    cr_assert(due.all && due.places.count == 0);
    cr_assert_eq(due.absence, absence);
    cf_look_places_release(&due.places);
}

Test(quiet, sleeps_while_nothing_happens)
{
    cr_assert_eq(cf_quiet_next(quiet), CF_QUIET_NEVER);
    expect_nothing(UINT64_MAX - 1);
}

Test(quiet, looks_at_once_at_what_was_closed)
{
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 1000);
    cr_assert_eq(cf_quiet_next(quiet), 1000);
    expect_folder(1000, 7, CF_ABSENCE_WAITS);
    cr_assert_eq(cf_quiet_next(quiet), CF_QUIET_NEVER);
    expect_nothing(99999);
}

Test(quiet, waits_until_writing_rests)
{
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, 1000);
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, 1200);
    cr_assert_eq(cf_quiet_next(quiet), 1500);
    expect_nothing(1499);
    expect_folder(1500, 7, CF_ABSENCE_WAITS);
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, 2000);
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 2010);
    expect_folder(2010, 7, CF_ABSENCE_WAITS);
}

Test(quiet, does_not_wait_for_ever_while_writing_goes_on)
{
    for (uint64_t now = 1000; now < 4000; now += 100) {
        cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, now);
        expect_nothing(now);
    }
    expect_folder(4000, 7, CF_ABSENCE_WAITS);
}

Test(quiet, lets_an_absence_last)
{
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 1000);
    cr_assert_eq(cf_quiet_next(quiet), 4000);
    expect_nothing(3999);
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 3999);
    expect_nothing(4000);
    expect_folder(6999, 7, CF_ABSENCE_COUNTS);
    expect_nothing(99999);
}

Test(quiet, looks_at_what_came_before_what_went_counts)
{
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 1000);
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 1001);
    expect_folder(1001, 7, CF_ABSENCE_WAITS);
    cr_assert_eq(cf_quiet_next(quiet), 4000);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
}

Test(quiet, lets_each_name_have_its_own_time)
{
    const cf_bytes gone = cf_bytes_of_text("gone"), busy = cf_bytes_of_text("busy");

    cf_quiet_note(quiet, 7, gone, CF_EVENT_LEFT, 1000);
    for (uint64_t now = 1000; now < 2000; now += 100) {
        cf_quiet_note(quiet, 7, busy, CF_EVENT_ABSENT, now);
        expect_nothing(now);
    }
    cf_quiet_due due = cf_quiet_take(quiet, 2000);
    cr_assert_eq(due.places.count, 1);
    cr_assert(cf_bytes_equal(due.places.at[0].name, gone));
    cr_assert_eq(due.places.at[0].absence, CF_ABSENCE_MOVES);
    cf_look_places_release(&due.places);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
    expect_folder(4900, 7, CF_ABSENCE_COUNTS);
}

static void note_many(size_t count)
{
    char name[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%zu", i);
        cf_quiet_note(quiet, 7, cf_bytes_of_text(name), i ? CF_EVENT_ARRIVED : CF_EVENT_ABSENT,
                      1000);
    }
}

Test(quiet, looks_at_all_of_a_directory_in_which_too_much_happens)
{
    note_many(CF_QUIET_NAMES_MAX);
    cf_quiet_due due = cf_quiet_take(quiet, 1000);
    cr_assert_eq(due.places.count, CF_QUIET_NAMES_MAX - 1);
    cf_look_places_release(&due.places);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
    note_many(CF_QUIET_NAMES_MAX + 1);
    due = cf_quiet_take(quiet, 1000);
    cr_assert_eq(due.places.count, 1);
    cr_assert_eq(due.places.at[0].name.size, 0);
    cf_look_places_release(&due.places);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
}

Test(quiet, has_the_folders_in_order)
{
    static const uint64_t numbers[] = {50, 3, 7, UINT64_MAX, 0, 7};

    for (size_t i = 0; i < 6; i++)
        cf_quiet_note(quiet, numbers[i], CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 10);
    cf_quiet_forget(quiet, 50);
    cf_quiet_forget(quiet, 51);
    cf_quiet_due due = cf_quiet_take(quiet, 10);
    cr_assert_eq(due.places.count, 4);
    cr_assert(due.places.at[0].folder == 0 && due.places.at[1].folder == 3 &&
              due.places.at[2].folder == 7 && due.places.at[3].folder == UINT64_MAX);
    cf_look_places_release(&due.places);
}

Test(quiet, looks_at_everything_once)
{
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, 1000);
    cf_quiet_note(quiet, 8, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 1000);
    cf_quiet_note_all(quiet, CF_EVENT_WRITTEN, 1100);
    cr_assert_eq(cf_quiet_next(quiet), 1100);
    expect_all(1100, CF_ABSENCE_WAITS);
    expect_nothing(3999);
    expect_folder(4000, 8, CF_ABSENCE_COUNTS);
}

Test(quiet, looks_at_everything_again_when_something_vanished_nobody_knows_where)
{
    cf_quiet_note_all(quiet, CF_EVENT_LEFT, 1000);
    expect_all(1000, CF_ABSENCE_WAITS);
    cr_assert_eq(cf_quiet_next(quiet), 2000);
    expect_all(2000, CF_ABSENCE_MOVES);
    expect_nothing(3999);
    expect_all(4000, CF_ABSENCE_COUNTS);
    cr_assert_eq(cf_quiet_next(quiet), CF_QUIET_NEVER);
}

Test(quiet, believes_a_move_before_a_deletion)
{
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_LEFT, 1000);
    expect_nothing(1999);
    expect_folder(2000, 7, CF_ABSENCE_MOVES);
    expect_nothing(3999);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
}

Test(quiet, begins_anew_when_more_vanishes)
{
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_LEFT, 1000);
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 1900);
    expect_nothing(2899);
    expect_folder(2900, 7, CF_ABSENCE_MOVES);
}

static void expect_both(uint64_t now_ms, cf_absence first, cf_absence second)
{
    cf_quiet_due due = cf_quiet_take(quiet, now_ms);

    cr_assert_eq(due.places.count, 2);
    cr_assert_eq(due.places.at[0].absence, first);
    cr_assert_eq(due.places.at[1].absence, second);
    cf_look_places_release(&due.places);
}

Test(quiet, looks_at_both_ends_of_a_move_together)
{
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_LEFT, 1000);
    cf_quiet_note(quiet, 3, CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 1000);
    expect_folder(1000, 3, CF_ABSENCE_WAITS);
    cf_quiet_hold(quiet, &(cf_look_place){.folder = 7}, &(cf_look_place){.folder = 3}, 1001);
    cf_quiet_note(quiet, 3, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN,
                  1900); /* which looks at it a little later */
    expect_nothing(1999);
    expect_both(2000, CF_ABSENCE_WAITS, CF_ABSENCE_MOVES);
}

Test(quiet, waits_for_a_move_that_nobody_saw)
{
    cf_quiet_hold(quiet, &(cf_look_place){.folder = 3}, &(cf_look_place){.folder = 7}, 1000);
    expect_nothing(1999);
    expect_both(2000, CF_ABSENCE_MOVES, CF_ABSENCE_WAITS);
    cr_assert_eq(cf_quiet_next(quiet), CF_QUIET_NEVER);
}

Test(quiet, spreads_full_rescans)
{
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t random = i * 4294967u;
        uint64_t watched = cf_quiet_rescan(5, true, random) - 5;
        uint64_t blind = cf_quiet_rescan(5, false, random) - 5;

        cr_assert(watched >= 2700000 && watched <= 4500000);
        cr_assert(blind >= 450000 && blind <= 750000);
    }
    cr_assert_neq(cf_quiet_rescan(0, true, 1), cf_quiet_rescan(0, true, 2000));
}

Test(quiet, waits_for_an_absence_that_nobody_saw)
{
    cf_quiet_miss(quiet, &(cf_look_place){.folder = 7}, 1000);
    cf_quiet_miss(quiet, &(cf_look_place){.folder = 7}, 2000);
    expect_nothing(3999);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
    cf_quiet_note(quiet, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 5000);
    cf_quiet_miss(quiet, &(cf_look_place){.folder = 7}, 5001);
    expect_folder(8000, 7, CF_ABSENCE_COUNTS);
}
