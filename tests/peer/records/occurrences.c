/* SPDX-License-Identifier: Apache-2.0 */
/* A series of events is moved on one device, and what is said of its single occurrences meant
 * where the series was: a cancelled occurrence stays cancelled, whoever comes later. */
#include <stdio.h>
#include <string.h>

#include "codec/pack.h"
#include "peer/adapters/icalendar.h"
#include "peer/records/record_resolve.h"
#include "tests/peer/records/text_world.h"
#include "tests/support/expect.h"

#define EVENT(lines)                                                                               \
    "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20240101T000000Z\n" lines          \
    "END:VEVENT\nEND:VCALENDAR\n"
#define BERLIN ";TZID=Europe/Berlin:"
#define YORK ";TZID=America/New_York:"
/* Mondays in January 2026. */
#define STARTS(when) "DTSTART" when "\n"
#define WITHOUT(when) "EXDATE" when "\n"
#define WEEKLY "RRULE:FREQ=WEEKLY\n"
#define DAILY "RRULE:FREQ=DAILY\n"
/* The series ends, and one of its occurrences is told by itself. */
#define AND_ONE(id, start)                                                                         \
    "END:VEVENT\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20240101T000000Z\nRECURRENCE-ID" id                  \
    "\nDTSTART" start "\nSUMMARY:other\n"

static rule_world world;

static void enter(void)
{
    world = rule_world_of(&cf_schema_calendar);
}

static void leave(void)
{
    rule_world_end(&world);
}

TestSuite(occurrences, .init = enter, .fini = leave);

/* Of the shown file when the series begins, which occurrences don't take place, and which are
 * other. */
static void expect_shown(const char *lines, size_t listed, const char *why)
{
    static const char *const names[] = {"DTSTART", "EXDATE", "RECURRENCE-ID", "RDATE", NULL};

    text_world_expect(&world, names, lines, listed, why);
}

/* Who shows it all, and looks at what he was given, has nothing to say. */
static void expect_quiet(const char *why)
{
    cf_rows *base = rule_world_applied(&world);
    cf_buffer text = {0};

    text_world_show(&world, &text);
    const cf_row_diff made =
        text_world_scan(&world, world.state, base, 'C', 80, (const char *)text.data);
    cr_assert_eq(made.count, 0, "%s: the same file says %zu changes", why, made.count);
    cf_buffer_release(&text);
    cf_rows_destroy(&base);
}

/* Before; by either; and what is to be shown. */
typedef struct {
    const char *why, *before, *one, *other, *shown;
} apart;

static const apart merges[] = {
    {"moved, and cancelled where it was", EVENT(STARTS(BERLIN "20260105T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000")},
    {"moved with what was cancelled, and one more cancelled",
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY WITHOUT(BERLIN "20260112T100000")),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")
               WITHOUT(BERLIN "20260126T090000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000")
         WITHOUT(BERLIN "20260126T100000")},
    {"moved, and another one cancelled in the same line",
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY WITHOUT(BERLIN "20260112T100000")),
     EVENT(STARTS(BERLIN "20260105T090000")
               WEEKLY WITHOUT(BERLIN "20260112T090000,20260126T090000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000")
         WITHOUT(BERLIN "20260126T100000")},
    {"both cancelled the same, one where it is now", EVENT(STARTS(BERLIN "20260105T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY WITHOUT(BERLIN "20260112T100000")),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000")},
    {"in UTC", EVENT(STARTS(":20260105T090000Z") WEEKLY), EVENT(STARTS(":20260105T133000Z") WEEKLY),
     EVENT(STARTS(":20260105T090000Z") WEEKLY WITHOUT(":20260112T090000Z")),
     STARTS(":20260105T133000Z") WITHOUT(":20260112T133000Z")},
    {"a day gets hours", EVENT(STARTS(";VALUE=DATE:20260105") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY),
     EVENT(STARTS(";VALUE=DATE:20260105") WEEKLY WITHOUT(";VALUE=DATE:20260112")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000")},
    {"hours become a day", EVENT(STARTS(BERLIN "20260105T100000") WEEKLY),
     EVENT(STARTS(";VALUE=DATE:20260105") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY WITHOUT(BERLIN "20260112T100000")),
     STARTS(";VALUE=DATE:20260105") WITHOUT(";VALUE=DATE:20260112")},
    {"moved by a day", EVENT(STARTS(BERLIN "20260105T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260106T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     STARTS(BERLIN "20260106T090000") WITHOUT(BERLIN "20260113T090000")},
    {"from Sunday to Monday, and by an hour", EVENT(STARTS(BERLIN "20260104T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY),
     EVENT(STARTS(BERLIN "20260104T090000") WEEKLY WITHOUT(BERLIN "20260118T090000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260119T100000")},
    {"Mondays and Thursdays become Tuesdays and Thursdays",
     EVENT(STARTS(BERLIN "20260105T090000") "RRULE:FREQ=WEEKLY;BYDAY=MO,TH\n"),
     EVENT(STARTS(BERLIN "20260106T090000") "RRULE:FREQ=WEEKLY;BYDAY=TU,TH\n"),
     EVENT(STARTS(BERLIN "20260105T090000") "RRULE:FREQ=WEEKLY;BYDAY=MO,TH\n" WITHOUT(
         BERLIN "20260112T090000") WITHOUT(BERLIN "20260115T090000")),
     STARTS(BERLIN "20260106T090000") WITHOUT(BERLIN "20260113T090000")
         WITHOUT(BERLIN "20260115T090000")},
    {"begins a week later, and an hour", EVENT(STARTS(BERLIN "20260105T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260112T100000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260126T090000")),
     STARTS(BERLIN "20260112T100000") WITHOUT(BERLIN "20260126T100000")},
    {"every day, begins tomorrow", EVENT(STARTS(BERLIN "20260105T090000") DAILY),
     EVENT(STARTS(BERLIN "20260106T210000") DAILY),
     EVENT(STARTS(BERLIN "20260105T090000") DAILY WITHOUT(BERLIN "20260112T090000")),
     STARTS(BERLIN "20260106T210000") WITHOUT(BERLIN "20260112T210000")},
    {"every day, at the same moment in a zone where it is the day before",
     EVENT(STARTS(BERLIN "20260105T020000") DAILY), EVENT(STARTS(YORK "20260104T200000") DAILY),
     EVENT(STARTS(BERLIN "20260105T020000") DAILY WITHOUT(BERLIN "20260112T020000")),
     STARTS(YORK "20260104T200000") WITHOUT(YORK "20260111T200000")},
    {"every day, of another zone from tomorrow on", EVENT(STARTS(BERLIN "20260105T090000") DAILY),
     EVENT(STARTS(YORK "20260106T090000") DAILY),
     EVENT(STARTS(BERLIN "20260105T090000") DAILY WITHOUT(BERLIN "20260112T090000")),
     STARTS(YORK "20260106T090000") WITHOUT(YORK "20260112T090000")},
    {"every month", EVENT(STARTS(BERLIN "20260105T090000") "RRULE:FREQ=MONTHLY\n"),
     EVENT(STARTS(BERLIN "20260105T100000") "RRULE:FREQ=MONTHLY\n"),
     EVENT(
         STARTS(BERLIN "20260105T090000") "RRULE:FREQ=MONTHLY\n" WITHOUT(BERLIN "20260305T090000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260305T100000")},
    {"an occurrence is other, and the series moved", EVENT(STARTS(BERLIN "20260105T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T090000")
               WEEKLY AND_ONE(BERLIN "20260112T090000", BERLIN "20260112T150000")),
     STARTS(BERLIN "20260105T100000") "RECURRENCE-ID" BERLIN
                                      "20260112T100000\n" STARTS(BERLIN "20260112T150000")},
    {"one that is other goes along, and is edited where it was",
     EVENT(STARTS(BERLIN "20260105T090000")
               WEEKLY AND_ONE(BERLIN "20260112T090000", BERLIN "20260112T150000")),
     EVENT(STARTS(BERLIN "20260105T100000")
               WEEKLY AND_ONE(BERLIN "20260112T100000", BERLIN "20260112T150000")),
     EVENT(STARTS(BERLIN "20260105T090000")
               WEEKLY AND_ONE(BERLIN "20260112T090000", BERLIN "20260112T160000")),
     STARTS(BERLIN "20260105T100000") "RECURRENCE-ID" BERLIN
                                      "20260112T100000\n" STARTS(BERLIN "20260112T160000")},
    {"one that is other is edited as it goes along",
     EVENT(STARTS(BERLIN "20260105T090000")
               WEEKLY AND_ONE(BERLIN "20260112T090000", BERLIN "20260112T150000")),
     EVENT(STARTS(BERLIN "20260105T100000")
               WEEKLY AND_ONE(BERLIN "20260112T100000", BERLIN "20260112T160000")),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY
           "SUMMARY:x\n" AND_ONE(BERLIN "20260112T090000", BERLIN "20260112T150000")),
     STARTS(BERLIN "20260105T100000") "RECURRENCE-ID" BERLIN
                                      "20260112T100000\n" STARTS(BERLIN "20260112T160000")},
    {"what goes along is cancelled no more",
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY WITHOUT(BERLIN "20260112T100000")),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY), STARTS(BERLIN "20260105T100000")},
    /* What is not where its series was stays where it is. */
    {"what was no occurrence", EVENT(STARTS(BERLIN "20260105T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T150000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T150000")},
    {"several a day, by hours",
     EVENT(STARTS(BERLIN "20260105T090000") "RRULE:FREQ=DAILY;BYHOUR=9,17\n"),
     EVENT(STARTS(BERLIN "20260105T170000") "RRULE:FREQ=DAILY;BYHOUR=9,17\n"),
     EVENT(STARTS(BERLIN "20260105T090000") "RRULE:FREQ=DAILY;BYHOUR=9,17\n" WITHOUT(
         BERLIN "20260112T090000")),
     STARTS(BERLIN "20260105T170000") WITHOUT(BERLIN "20260112T090000")},
    {"every hour", EVENT(STARTS(BERLIN "20260105T090000") "RRULE:FREQ=HOURLY\n"),
     EVENT(STARTS(BERLIN "20260105T100000") "RRULE:FREQ=HOURLY\n"),
     EVENT(
         STARTS(BERLIN "20260105T090000") "RRULE:FREQ=HOURLY\n" WITHOUT(BERLIN "20260112T090000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T090000")},
    {"dates alone, no rule",
     EVENT(STARTS(BERLIN "20260105T090000") "RDATE" BERLIN "20260112T090000\n"),
     EVENT(STARTS(BERLIN "20260105T100000") "RDATE" BERLIN "20260112T090000\n"),
     EVENT(STARTS(BERLIN "20260105T090000") "RDATE" BERLIN
                                            "20260112T090000\n" WITHOUT(BERLIN "20260112T090000")),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T090000") "RDATE" BERLIN
                                                                        "20260112T090000\n"},
};

/* Both said something of one thing: before; by either; and what is to be shown if he is later. */
typedef struct {
    const char *why, *before, *one, *other, *one_is_later, *other_is_later;
} rivals;

static const rivals contests[] = {
    {"moved to another zone, and to another hour",
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     EVENT(STARTS(YORK "20260105T090000") WEEKLY WITHOUT(YORK "20260112T090000")),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY WITHOUT(BERLIN "20260112T100000")),
     STARTS(YORK "20260105T090000") WITHOUT(YORK "20260112T090000"),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000")},
    {"moved to two hours",
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     EVENT(STARTS(BERLIN "20260105T110000") WEEKLY WITHOUT(BERLIN "20260112T110000")),
     EVENT(STARTS(BERLIN "20260105T100000") WEEKLY WITHOUT(BERLIN "20260112T100000")),
     STARTS(BERLIN "20260105T110000") WITHOUT(BERLIN "20260112T110000"),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000")},
    {"an occurrence is cancelled that the other made another one, and moved the series",
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY),
     EVENT(STARTS(BERLIN "20260105T100000")
               WEEKLY AND_ONE(BERLIN "20260112T100000", BERLIN "20260112T150000")),
     EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")),
     STARTS(BERLIN "20260105T100000") "RECURRENCE-ID" BERLIN
                                      "20260112T100000\n" STARTS(BERLIN "20260112T150000"),
     STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000")},
};

/* By either, who is the later one in every second turn; in two of four he has heard of the other,
 * and doesn't show that yet. */
static void both_write(const char *before, const char *one, const char *other, int turn)
{
    leave();
    enter();
    text_world_both(&world, before, turn & 1 ? other : one, turn & 1 ? one : other, turn & 2);
}

Test(occurrences, go_with_their_series_whoever_is_later)
{
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++)
        for (int turn = 0; turn < 4; turn++) {
            both_write(merges[i].before, merges[i].one, merges[i].other, turn);
            expect_shown(merges[i].shown, 0, merges[i].why);
            expect_quiet(merges[i].why);
        }
}

Test(occurrences, go_with_the_series_that_is_shown)
{
    for (size_t i = 0; i < sizeof contests / sizeof *contests; i++)
        for (int turn = 0; turn < 4; turn++) {
            const rivals *of = &contests[i];

            both_write(of->before, of->one, of->other, turn);
            expect_shown(turn & 1 ? of->one_is_later : of->other_is_later, 1, of->why);
            expect_quiet(of->why);
        }
}

/* ---- What one device says by itself ---- */

/* A program that moves the start and leaves the exclusions: that is what its user sees. */
Test(occurrences, stay_where_their_own_program_left_them)
{
    text_world_write(
        &world, 'A', 10,
        EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")));
    text_world_write(
        &world, 'A', 20,
        EVENT(STARTS(BERLIN "20260105T100000") WEEKLY WITHOUT(BERLIN "20260112T090000")));
    expect_shown(STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T090000"), 0,
                 "as it said");
    expect_quiet("as it said");
    text_world_write(&world, 'A', 30,
                     EVENT(STARTS(BERLIN "20260105T100000")
                               WEEKLY WITHOUT(BERLIN "20260112T090000") "SUMMARY:x\n"));
    expect_shown(STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T090000"), 0, "a title");
}

static void merge_cancelled(void)
{
    leave();
    enter();
    text_world_both(
        &world, EVENT(STARTS(BERLIN "20260105T090000") WEEKLY),
        EVENT(STARTS(BERLIN "20260105T100000") WEEKLY),
        EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")), false);
}

Test(occurrences, are_taken_back_under_the_name_that_they_are_shown_by)
{
    merge_cancelled();
    text_world_write(&world, 'A', 40, EVENT(STARTS(BERLIN "20260105T100000") WEEKLY));
    expect_shown(STARTS(BERLIN "20260105T100000"), 0, "no exclusion");
    cf_rows *base = rule_world_applied(&world);
    const cf_row *row = cf_rows_next(base, NULL);
    const cf_row_refs refs = cf_row_refs_of(row, &world.arena);
    for (size_t i = 0; i < refs.count; i++)
        cr_expect(!cf_row_field_is_tie(refs.at[i].field), "nor how it was named");
    cf_rows_destroy(&base);
    text_world_write(&world, 'A', 50, EVENT(STARTS(BERLIN "20260105T090000") WEEKLY));
    expect_shown(STARTS(BERLIN "20260105T090000"), 0, "where it was, neither");
}

Test(occurrences, are_edited_under_the_name_that_they_are_shown_by)
{
    merge_cancelled();
    text_world_write(&world, 'A', 40,
                     EVENT(STARTS(BERLIN "20260105T100000")
                               WEEKLY AND_ONE(BERLIN "20260112T100000", BERLIN "20260112T150000")));
    expect_shown(STARTS(BERLIN "20260105T100000") "RECURRENCE-ID" BERLIN "20260112T100000\n" STARTS(
                     BERLIN "20260112T150000"),
                 0, "another one");
    expect_quiet("another one");
    text_world_write(&world, 'A', 50,
                     EVENT(STARTS(BERLIN "20260105T090000")
                               WEEKLY AND_ONE(BERLIN "20260112T090000", BERLIN "20260112T150000")));
    expect_shown(STARTS(BERLIN "20260105T090000") "RECURRENCE-ID" BERLIN "20260112T090000\n" STARTS(
                     BERLIN "20260112T150000"),
                 0, "what was cancelled there is not back");
}

Test(occurrences, go_on_with_the_next_move)
{
    static const char *const moved[] = {
        EVENT(STARTS(BERLIN "20260105T110000") WEEKLY WITHOUT(BERLIN "20260112T110000")),
        EVENT(STARTS(YORK "20260105T100000") WEEKLY WITHOUT(YORK "20260112T100000")),
        EVENT(STARTS(BERLIN "20260105T120000") WEEKLY WITHOUT(BERLIN "20260112T100000"))};
    static const char *const shown[] = {
        STARTS(BERLIN "20260105T110000") WITHOUT(BERLIN "20260112T110000"),
        STARTS(YORK "20260105T100000") WITHOUT(YORK "20260112T100000"),
        STARTS(BERLIN "20260105T120000") WITHOUT(BERLIN "20260112T100000")};

    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        merge_cancelled();
        text_world_write(&world, 'A', 40, moved[i]);
        expect_shown(shown[i], 0, moved[i]);
        expect_quiet(moved[i]);
    }
}

static void settle(const cf_keep *keep)
{
    const cf_dot dot = {.writer = {{'C'}}, .sequence = 90};
    cf_row_view *view = cf_row_view_new(world.state, world.schema);
    cf_arena *arena = &world.arena;
    size_t count;
    const cf_row_conflict *listed = cf_row_view_conflicts(view, &count);
    cr_assert_eq(count, 1);
    const cf_row agreed = cf_row_view_agree(view, listed->row, arena);
    const cf_row_contest contest = {world.state, &agreed,
                                    cf_schema_find(world.schema, agreed.table), listed, count};
    cf_change *chosen, *still;
    const size_t chosen_count = cf_row_resolve(&contest, keep, arena, &chosen);

    cr_assert_gt(chosen_count, 0);
    still = cf_arena_allocate(arena, chosen_count, sizeof *still);
    cr_assert_eq(cf_row_resolve_still(&contest, chosen, chosen_count, arena, still), chosen_count);
    cf_state_apply(world.state, &dot, (cf_time){.ms = 90}, still, chosen_count, NULL);
    cf_row_view_destroy(&view);
}

/* One cancels the 12th, and the other, who moved the series, made it another one. */
Test(occurrences, are_settled_under_whatever_name)
{
    static const char began[] = EVENT(STARTS(BERLIN "20260105T090000") WEEKLY);
    static const char other[] = EVENT(STARTS(BERLIN "20260105T100000") WEEKLY AND_ONE(
        BERLIN "20260112T100000", BERLIN "20260112T150000"));
    static const char cancelled[] =
        EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000"));
    static const char *const shown[] = {
        STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T100000"),
        STARTS(BERLIN "20260105T100000") "RECURRENCE-ID" BERLIN
                                         "20260112T100000\n" STARTS(BERLIN "20260112T150000")};

    for (int turn = 0; turn < 4; turn++)
        for (size_t number = 1; number <= 2; number++) {
            both_write(began, other, cancelled, turn);
            settle(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = number});
            expect_shown(shown[(turn & 1) ^ (number == 2)], 0, "what was kept");
            expect_quiet("what was kept");
        }
}

/* Programs before don't say by which start an exclusion is named: it stays where it is. */
Test(occurrences, that_old_programs_name_stay_where_they_are)
{
    text_world_write(&world, 'A', 10, EVENT(STARTS(BERLIN "20260105T090000") WEEKLY));
    cf_rows *base = rule_world_applied(&world);
    cf_row_diff old = text_world_scan(
        &world, world.state, base, 'B', 30,
        EVENT(STARTS(BERLIN "20260105T090000") WEEKLY WITHOUT(BERLIN "20260112T090000")));
    cf_change *kept = cf_arena_allocate(&world.arena, old.count, sizeof *kept);
    size_t count = 0;

    for (size_t i = 0; i < old.count; i++)
        if (!cf_row_field_is_tie(old.changes[i].field))
            kept[count++] = old.changes[i];
    cr_assert_eq(count + 1, old.count, "the exclusion, and by which start it is named");
    old.changes = kept;
    old.count = count;
    text_world_write(&world, 'A', 20, EVENT(STARTS(BERLIN "20260105T100000") WEEKLY));
    rule_world_publish(&world, &old);
    expect_shown(STARTS(BERLIN "20260105T100000") WITHOUT(BERLIN "20260112T090000"), 0, "as told");
    expect_quiet("as told");
    cf_rows_destroy(&base);
}

/* A series that is made again is a new life, without what was said of its occurrences. */
Test(occurrences, are_gone_with_their_series)
{
    merge_cancelled();
    text_world_write(&world, 'A', 40, "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n");
    cf_row_view *view = cf_row_view_new(world.state, world.schema);
    cr_expect_eq(cf_row_view_count(view), 0);
    cf_row_view_destroy(&view);
    text_world_write(&world, 'A', 50, EVENT(STARTS(BERLIN "20260105T090000") WEEKLY));
    expect_shown(STARTS(BERLIN "20260105T090000"), 0, "a new life");
}
