/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/debounce.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/expect.h"

static cf_debounce *debounce;

static void arrive(void)
{
    debounce = cf_debounce_new();
}

static void leave(void)
{
    cf_debounce_destroy(&debounce);
}

TestSuite(debounce, .init = arrive, .fini = leave);

static void expect_nothing(uint64_t now_ms)
{
    cf_debounce_due due = cf_debounce_take(debounce, now_ms);

    cr_assert(!due.all);
    cr_assert(due.places.count == 0);
    cf_look_places_release(&due.places);
}

static void expect_folder(uint64_t now_ms, uint64_t folder, cf_absence absence)
{
    cf_debounce_due due = cf_debounce_take(debounce, now_ms);

    cr_assert_eq(due.places.count, 1);
    cr_assert_eq(due.places.at[0].folder, folder);
    cr_assert_eq(due.places.at[0].absence, absence);
    cf_look_places_release(&due.places);
}

static void expect_all(uint64_t now_ms, cf_absence absence)
{
    cf_debounce_due due = cf_debounce_take(debounce, now_ms);

    cr_assert(due.all);
    cr_assert(due.places.count == 0);
    cr_assert_eq(due.absence, absence);
    cf_look_places_release(&due.places);
}

Test(debounce, sleeps_while_nothing_happens)
{
    cr_assert_eq(cf_debounce_next(debounce), CF_DEBOUNCE_NEVER);
    expect_nothing(UINT64_MAX - 1);
}

Test(debounce, looks_at_once_at_what_was_closed)
{
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 1000);
    cr_assert_eq(cf_debounce_next(debounce), 1000);
    expect_folder(1000, 7, CF_ABSENCE_WAITS);
    cr_assert_eq(cf_debounce_next(debounce), CF_DEBOUNCE_NEVER);
    expect_nothing(99999);
}

Test(debounce, waits_until_writing_rests)
{
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, 1000);
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, 1200);
    cr_assert_leq(cf_debounce_next(debounce), 1500);
    expect_nothing(1300);
    cr_assert_eq(cf_debounce_next(debounce), 1500);
    expect_nothing(1499);
    expect_folder(1500, 7, CF_ABSENCE_WAITS);
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, 2000);
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 2010);
    expect_folder(2010, 7, CF_ABSENCE_WAITS);
}

Test(debounce, does_not_wait_for_ever_while_writing_goes_on)
{
    for (uint64_t now = 1000; now < 4000; now += 100) {
        cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, now);
        expect_nothing(now);
    }
    expect_folder(4000, 7, CF_ABSENCE_WAITS);
}

Test(debounce, lets_an_absence_last)
{
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 1000);
    cr_assert_eq(cf_debounce_next(debounce), 4000);
    expect_nothing(3999);
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 3999);
    expect_nothing(4000);
    expect_folder(6999, 7, CF_ABSENCE_COUNTS);
    expect_nothing(99999);
}

Test(debounce, looks_at_what_came_before_what_went_counts)
{
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 1000);
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 1001);
    expect_folder(1001, 7, CF_ABSENCE_WAITS);
    cr_assert_eq(cf_debounce_next(debounce), 4000);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
}

Test(debounce, lets_each_name_have_its_own_time)
{
    const cf_bytes gone = cf_bytes_of_text("gone"), busy = cf_bytes_of_text("busy");

    cf_debounce_note(debounce, 7, gone, CF_EVENT_LEFT, 1000);
    for (uint64_t now = 1000; now < 2000; now += 100) {
        cf_debounce_note(debounce, 7, busy, CF_EVENT_ABSENT, now);
        expect_nothing(now);
    }
    cf_debounce_due due = cf_debounce_take(debounce, 2000);
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
        cf_debounce_note(debounce, 7, cf_bytes_of_text(name),
                         i ? CF_EVENT_ARRIVED : CF_EVENT_ABSENT, 1000);
    }
}

Test(debounce, looks_at_all_of_a_directory_in_which_too_much_happens)
{
    note_many(CF_DEBOUNCE_NAMES_MAX);
    cf_debounce_due due = cf_debounce_take(debounce, 1000);
    cr_assert_eq(due.places.count, CF_DEBOUNCE_NAMES_MAX - 1);
    cf_look_places_release(&due.places);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
    note_many(CF_DEBOUNCE_NAMES_MAX + 1);
    due = cf_debounce_take(debounce, 1000);
    cr_assert_eq(due.places.count, 1);
    cr_assert_eq(due.places.at[0].name.size, 0);
    cf_look_places_release(&due.places);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
}

Test(debounce, has_the_folders_in_order)
{
    static const uint64_t numbers[] = {50, 3, 7, UINT64_MAX, 0, 7};

    for (size_t i = 0; i < 6; i++)
        cf_debounce_note(debounce, numbers[i], CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 10);
    cf_debounce_forget(debounce, 50);
    cf_debounce_forget(debounce, 51);
    cf_debounce_due due = cf_debounce_take(debounce, 10);
    cr_assert_eq(due.places.count, 4);
    cr_assert(due.places.at[0].folder == 0);
    cr_assert(due.places.at[1].folder == 3);
    cr_assert(due.places.at[2].folder == 7);
    cr_assert(due.places.at[3].folder == UINT64_MAX);
    cf_look_places_release(&due.places);
}

Test(debounce, looks_at_everything_once)
{
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN, 1000);
    cf_debounce_note(debounce, 8, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 1000);
    cf_debounce_note_all(debounce, CF_EVENT_WRITTEN, 1100);
    cr_assert_eq(cf_debounce_next(debounce), 1100);
    expect_all(1100, CF_ABSENCE_WAITS);
    expect_nothing(3999);
    expect_folder(4000, 8, CF_ABSENCE_COUNTS);
}

Test(debounce, looks_at_everything_again_when_something_vanished_nobody_knows_where)
{
    cf_debounce_note_all(debounce, CF_EVENT_LEFT, 1000);
    expect_all(1000, CF_ABSENCE_WAITS);
    cr_assert_eq(cf_debounce_next(debounce), 2000);
    expect_all(2000, CF_ABSENCE_MOVES);
    expect_nothing(3999);
    expect_all(4000, CF_ABSENCE_COUNTS);
    cr_assert_eq(cf_debounce_next(debounce), CF_DEBOUNCE_NEVER);
}

Test(debounce, believes_a_move_before_a_deletion)
{
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_LEFT, 1000);
    expect_nothing(1999);
    expect_folder(2000, 7, CF_ABSENCE_MOVES);
    expect_nothing(3999);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
}

Test(debounce, begins_anew_when_more_vanishes)
{
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_LEFT, 1000);
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 1900);
    expect_nothing(2899);
    expect_folder(2900, 7, CF_ABSENCE_MOVES);
}

static void expect_both(uint64_t now_ms, cf_absence first, cf_absence second)
{
    cf_debounce_due due = cf_debounce_take(debounce, now_ms);

    cr_assert_eq(due.places.count, 2);
    cr_assert_eq(due.places.at[0].absence, first);
    cr_assert_eq(due.places.at[1].absence, second);
    cf_look_places_release(&due.places);
}

Test(debounce, waits_with_the_directory_in_which_it_was)
{
    const cf_look_place top = {.folder = 1, .name = cf_bytes_of_text("d")};

    cf_debounce_note(debounce, 7, cf_bytes_of_text("x"), CF_EVENT_ABSENT, 1000);
    cf_debounce_note(debounce, 8, cf_bytes_of_text("y"), CF_EVENT_ABSENT, 1000);
    cf_debounce_note(debounce, 1, top.name, CF_EVENT_ABSENT, 2000);
    cf_debounce_wait_with(debounce, 7, &top);
    expect_folder(1000 + CF_DEBOUNCE_ABSENT_MS, 8, CF_ABSENCE_COUNTS);
    cf_debounce_wait_with(debounce, 7,
                          &(cf_look_place){.folder = 1, .name = cf_bytes_of_text("e")});
    expect_nothing(1999 + CF_DEBOUNCE_ABSENT_MS);
    cf_debounce_due due = cf_debounce_take(debounce, 2000 + CF_DEBOUNCE_ABSENT_MS);
    cr_assert_eq(due.places.count, 2);
    cr_expect_eq(due.places.at[0].folder, 1);
    cr_expect_eq(due.places.at[1].folder, 7);
    cr_expect_eq(due.places.at[1].absence, CF_ABSENCE_COUNTS);
    cf_look_places_release(&due.places);
}

Test(debounce, looks_at_both_ends_of_a_move_together)
{
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_LEFT, 1000);
    cf_debounce_note(debounce, 3, CF_WHOLE_FOLDER, CF_EVENT_ARRIVED, 1000);
    expect_folder(1000, 3, CF_ABSENCE_WAITS);
    cf_debounce_hold(debounce, &(cf_look_place){.folder = 7}, &(cf_look_place){.folder = 3}, 1001);
    cf_debounce_note(debounce, 3, CF_WHOLE_FOLDER, CF_EVENT_WRITTEN,
                     1900); /* which looks at it a little later */
    expect_nothing(1999);
    expect_both(2000, CF_ABSENCE_WAITS, CF_ABSENCE_MOVES);
}

Test(debounce, waits_for_a_move_that_nobody_saw)
{
    cf_debounce_hold(debounce, &(cf_look_place){.folder = 3}, &(cf_look_place){.folder = 7}, 1000);
    expect_nothing(1999);
    expect_both(2000, CF_ABSENCE_MOVES, CF_ABSENCE_WAITS);
    cr_assert_eq(cf_debounce_next(debounce), CF_DEBOUNCE_NEVER);
}

Test(debounce, spreads_full_rescans)
{
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t random = i * 4294967u;
        uint64_t watched = cf_debounce_rescan(5, true, random) - 5;
        uint64_t blind = cf_debounce_rescan(5, false, random) - 5;

        cr_assert(watched >= 2700000);
        cr_assert(watched <= 4500000);
        cr_assert(blind >= 450000);
        cr_assert(blind <= 750000);
    }
    cr_assert_neq(cf_debounce_rescan(0, true, 1), cf_debounce_rescan(0, true, 2000));
}

Test(debounce, polls_within_the_period)
{
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t next = cf_debounce_poll(5, 60000, i * 4294967u) - 5;

        cr_assert(next >= 45000);
        cr_assert(next <= 60000);
    }
    cr_assert_eq(cf_debounce_poll(5, 60000, 0) - 5, 60000);
    cr_assert_neq(cf_debounce_poll(0, 60000, 1), cf_debounce_poll(0, 60000, 2000));
    cr_assert_eq(cf_debounce_poll(5, 0, 1), CF_DEBOUNCE_NEVER);
}

Test(debounce, waits_for_an_absence_that_nobody_saw)
{
    cf_debounce_miss(debounce, &(cf_look_place){.folder = 7}, 1000);
    cf_debounce_miss(debounce, &(cf_look_place){.folder = 7}, 2000);
    expect_nothing(3999);
    expect_folder(4000, 7, CF_ABSENCE_COUNTS);
    cf_debounce_note(debounce, 7, CF_WHOLE_FOLDER, CF_EVENT_ABSENT, 5000);
    cf_debounce_miss(debounce, &(cf_look_place){.folder = 7}, 5001);
    expect_folder(8000, 7, CF_ABSENCE_COUNTS);
}

/* Of a file that was changed at 1000. */
static uint64_t open_look_at(uint64_t now_ms)
{
    const cf_look_place place = {.folder = 7, .name = cf_bytes_of_text("open")};

    cf_debounce_note_unread(debounce, &place, now_ms - 1000, now_ms);
    uint64_t next_ms = cf_debounce_next(debounce);
    expect_nothing(next_ms - 1);
    expect_folder(next_ms, 7, CF_ABSENCE_WAITS);
    expect_nothing(UINT64_MAX - 1);
    return next_ms;
}

Test(debounce, looks_at_what_stays_open_when_it_has_rested_for_twice_as_long)
{
    cr_expect_eq(open_look_at(1001), 1001 + CF_DEBOUNCE_WRITTEN_MS);
    cr_expect_eq(open_look_at(1300), 1600);
    cr_expect_eq(open_look_at(1301), 1602);
    cr_expect_eq(open_look_at(31000), 61000);
    cr_expect_eq(open_look_at(60999), 60999 + 59999);
}

Test(debounce, looks_at_all_that_stays_open_for_long_together)
{
    cr_expect_eq(open_look_at(61000), 120000);
    cr_expect_eq(open_look_at(119999), 120000);
    cr_expect_eq(open_look_at(120000), 180000);
}

Test(debounce, a_write_or_a_closing_comes_before_the_next_look_at_what_is_open)
{
    const cf_look_place place = {.folder = 7, .name = cf_bytes_of_text("open")};

    cf_debounce_note_unread(debounce, &place, 50000, 100000);
    cf_debounce_note(debounce, 7, place.name, CF_EVENT_WRITTEN, 110000);
    cr_expect_eq(cf_debounce_next(debounce), 110000 + CF_DEBOUNCE_WRITTEN_MS);
    cf_debounce_note(debounce, 7, place.name, CF_EVENT_ARRIVED, 110010);
    cr_expect_eq(cf_debounce_next(debounce), 110010);
    cf_debounce_note_unread(debounce, &place, 50000, 110010);
    expect_folder(110010, 7, CF_ABSENCE_WAITS);
    cr_expect_eq(cf_debounce_next(debounce), CF_DEBOUNCE_NEVER);
}

Test(debounce, what_is_written_to_all_the_time_is_looked_at_no_more_often_for_being_open)
{
    const cf_look_place place = {.folder = 7, .name = cf_bytes_of_text("open")};
    size_t looks = 0;

    for (uint64_t now_ms = 1000; now_ms < 31000; now_ms += 100) {
        cf_debounce_note(debounce, 7, place.name, CF_EVENT_WRITTEN, now_ms);
        cf_debounce_due due = cf_debounce_take(debounce, now_ms);
        if (due.places.count) {
            looks++;
            cf_debounce_note_unread(debounce, &place, 100, now_ms);
        }
        cf_look_places_release(&due.places);
    }
    cr_expect_leq(looks, 30000 / CF_DEBOUNCE_WRITTEN_MAX);
}

/* ---- What changes without rest ---- */

static const cf_look_place log_place = {.folder = 7, .name = {(const uint8_t *)"log", 3}};

/* A look at it, and at others, is over. */
static void ends_at(int places, uint64_t now_ms)
{
    cf_look_places looked = {0};

    cf_look_places_add(&looked, log_place.folder, log_place.name, CF_ABSENCE_WAITS);
    for (int i = 1; i < places; i++)
        cf_look_places_add(&looked, 100 + (uint64_t)i, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
    cf_debounce_end(debounce, &looked, now_ms);
    cf_look_places_release(&looked);
}

/* It changes every 20 ms for a minute; each look at it costs so much. How many looks, and when the
 * last one began. */
static int looks_of(uint64_t cost_ms, uint64_t *last_ms)
{
    const uint64_t begin = 1000000, minute = 60000;
    int looks = 0;

    for (uint64_t now = begin; now < begin + minute; now += 20)
        cf_debounce_note(debounce, 7, log_place.name, CF_EVENT_ARRIVED, now);
    for (uint64_t now = begin; cf_debounce_next(debounce) != CF_DEBOUNCE_NEVER;) {
        now = cf_debounce_next(debounce) > now ? cf_debounce_next(debounce) : now;
        cf_debounce_due due = cf_debounce_take(debounce, now);

        cr_assert_eq(due.places.count, 1);
        cf_look_places_release(&due.places);
        cr_expect_eq(cf_debounce_rests(debounce, &log_place, now), 0);
        cf_debounce_begin(debounce, &log_place, now);
        *last_ms = now - begin;
        now += cost_ms;
        ends_at(1, now);
        looks++;
        if (now < begin + minute)
            cf_debounce_note(debounce, 7, log_place.name, CF_EVENT_ARRIVED, now);
    }
    return looks;
}

Test(debounce, looks_at_what_never_rests_at_ten_times_what_that_costs)
{
    static const uint64_t costs[] = {50, 200, 1000};

    for (size_t i = 0; i < 3; i++) {
        uint64_t last_ms = 0;
        int looks = looks_of(costs[i], &last_ms), expected = (int)(60000 / (10 * costs[i]));

        cr_expect_geq(looks, expected, "%d", looks);
        cr_expect_leq(looks, expected + 2 + (int)(2000 / (10 * costs[i])), "%d of %d", looks,
                      expected);
        cr_expect_gt(last_ms, 60000 - 20, "the last state is not looked at");
        cf_debounce_end_rests(debounce);
    }
}

Test(debounce, looks_at_once_at_what_costs_little_or_has_rested)
{
    uint64_t last_ms, now = 1000000;

    cr_expect_geq(looks_of(CF_DEBOUNCE_COST_MIN - 1, &last_ms), 60000 / CF_DEBOUNCE_COST_MIN);
    cf_debounce_end_rests(debounce);
    for (int i = 0; i < 5; i++, now += 31000) {
        cf_debounce_begin(debounce, &log_place, now);
        ends_at(1, now + 3000);
        cr_expect_eq(cf_debounce_rests(debounce, &log_place, now + 3000), 0, "%d", i);
    }
}

/* Sending is at work, too; what waits for others is not; a look at many is no dear look at each. */
Test(debounce, counts_what_is_at_work_there)
{
    const cf_look_place folder = {.folder = 7};

    for (int i = 0; i < 2; i++) {
        cf_debounce_begin(debounce, &log_place, 1000);
        cf_debounce_goes_on(debounce, &log_place, false);
        ends_at(1, 1010);
        cf_debounce_begin(debounce, &folder, 2000);
        ends_at(1, 2000);
    }
    cr_expect_eq(cf_debounce_rests(debounce, &log_place, 2000), 10000,
                 "twice a second, once of it free");
    cf_debounce_end_rests(debounce);
    for (int i = 0; i < 20; i++) {
        cf_debounce_begin(debounce, &log_place, 50000);
        cf_debounce_goes_on(debounce, &log_place, true);
        ends_at(1, 90000);
        cf_debounce_begin(debounce, &log_place, 100000);
        ends_at(1000, 110000);
    }
    cr_expect_eq(cf_debounce_rests(debounce, &log_place, 110000), 0);
}

Test(debounce, holds_up_no_absence_and_nothing_else_there)
{
    const cf_look_place other = {.folder = 7, .name = {(const uint8_t *)"other", 5}};

    for (int i = 0; i < 3; i++) {
        cf_debounce_begin(debounce, &log_place, 10000);
        ends_at(1, 20000);
    }
    cr_expect_gt(cf_debounce_rests(debounce, &log_place, 20000), 100000);
    cr_expect_eq(cf_debounce_rests(debounce, &other, 20000), 0);
    cf_debounce_note(debounce, 7, other.name, CF_EVENT_ARRIVED, 20000);
    cr_expect_eq(cf_debounce_next(debounce), 20000);
    expect_folder(20000, 7, CF_ABSENCE_WAITS);
    cf_debounce_note(debounce, 7, log_place.name, CF_EVENT_ABSENT, 21000);
    cr_expect_eq(cf_debounce_next(debounce), 24000);
    expect_folder(24000, 7, CF_ABSENCE_COUNTS);
    for (int i = 0; i < 9; i++) { /* however dear */
        cf_debounce_begin(debounce, &log_place, 30000);
        ends_at(1, 9000000);
    }
    cr_expect_eq(cf_debounce_rests(debounce, &log_place, 9000000), CF_DEBOUNCE_REST_MAX);
}

/* ---- What can't be read for what is done to it ---- */

static const cf_look_place busy_file = {.folder = 7, .name = {(const uint8_t *)"busy", 4}};

static uint64_t waited(uint64_t now_ms)
{
    return cf_debounce_waited_ms(debounce, &busy_file, now_ms);
}

static void ends_look(bool still, const cf_look_places *looked, uint64_t now_ms)
{
    if (still)
        cf_debounce_note_waits(debounce, &busy_file, now_ms);
    cf_debounce_end_waits(debounce, looked);
}

Test(debounce, knows_since_when_a_file_waits_to_be_read)
{
    cf_look_places here = {0}, folder = {0}, other = {0};
    const cf_look_places *const looks[] = {&here, &folder, NULL};

    cf_look_places_add(&here, 7, busy_file.name, CF_ABSENCE_WAITS);
    cf_look_places_add(&folder, 7, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
    cf_look_places_add(&other, 7, cf_bytes_of_text("b"), CF_ABSENCE_WAITS);
    cf_look_places_add(&other, 8, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
    cr_expect_eq(waited(1000), 0);
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        ends_look(true, looks[i], 1000);
        cr_expect_eq(waited(1000), 0);
        ends_look(true, looks[i], 5000);
        ends_look(false, &other, 6000);
        cr_expect_eq(waited(9000), 8000, "since the first");
        ends_look(false, looks[i], 9000);
        cr_expect_eq(waited(9500), 0, "look %zu: it was read", i);
    }
    expect_nothing(9500);
    cf_debounce_note_waits(debounce, &busy_file, 1000);
    expect_nothing(2000);
    cr_expect_eq(waited(2000), 1000, "it is not forgotten meanwhile");
    cf_debounce_set_back(debounce, 500);
    cr_expect_eq(waited(1500), 1000);
    note_many(CF_DEBOUNCE_NAMES_MAX + 1);
    cr_expect_eq(waited(2000), 1500, "others are joined, what waits is not");
    cf_look_places_release(&here);
    cf_look_places_release(&folder);
    cf_look_places_release(&other);
}

/* A look at a file, whose content is being sent when the clock is set forth: with
 * the second time it would rest for 269 s. */
enum { FORTH_MS = 31000 };

static void sends_while_the_clock_is_set(uint64_t *now_ms)
{
    const cf_look_place file = {.folder = 7, .name = cf_bytes_of_text("a")};
    cf_look_places looked = {0};

    cf_look_places_add(&looked, 7, file.name, CF_ABSENCE_WAITS);
    cf_debounce_begin(debounce, &file, *now_ms);
    cf_debounce_goes_on(debounce, &file, false);
    *now_ms += 10 + FORTH_MS;
    cf_debounce_set_forth(debounce, FORTH_MS);
    cf_debounce_begin(debounce, &(cf_look_place){.folder = 7}, *now_ms); /* it has been sent */
    cf_debounce_end(debounce, &looked, *now_ms);
    cr_expect_eq(cf_debounce_rests(debounce, &file, *now_ms), 0);
    cf_look_places_release(&looked);
}

Test(debounce, takes_no_set_clock_for_what_a_look_costs)
{
    uint64_t now_ms = 1000;

    for (int i = 0; i < 3; i++)
        sends_while_the_clock_is_set(&now_ms);
}

/* ---- Places ---- */

Test(debounce, places_are_asked_for_once_with_the_strongest_word)
{
    cf_look_places places = {0};

    cf_look_places_add(&places, 1, cf_bytes_of_text("a"), CF_ABSENCE_MOVES);
    cf_look_places_add(&places, 1, cf_bytes_of_text("a"), CF_ABSENCE_COUNTS);
    cf_look_places_add(&places, 1, cf_bytes_of_text("a"), CF_ABSENCE_WAITS);
    cf_look_places_add(&places, 1, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
    cf_look_places_sort(&places);
    cr_assert_eq(places.count, 2);
    cr_expect_eq(places.at[0].name.size, 0);
    cr_expect_eq(places.at[1].absence, CF_ABSENCE_COUNTS);
    cf_look_places_release(&places);
}
