/* SPDX-License-Identifier: Apache-2.0 */
/* When an event or a task is, said by two devices at once: what is shown one of them wrote, as a
 * whole. */
#include "peer/records/when.h"

#include <stdio.h>
#include <string.h>

#include "codec/pack.h"
#include "peer/records/record_resolve.h"
#include "tests/peer/records/text_world.h"
#include "tests/support/expect.h"

#define CALENDAR(kind, lines)                                                                      \
    "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:" kind "\nUID:1\nDTSTAMP:20240101T000000Z\n" lines        \
    "END:" kind "\nEND:VCALENDAR\n"
#define EVENT(lines) CALENDAR("VEVENT", lines)
#define TASK(lines) CALENDAR("VTODO", lines)
#define AT_NINE "DTSTART:20260110T090000Z\nDTEND:20260110T100000Z\n"
#define AT_ELEVEN "DTSTART:20260110T110000Z\nDTEND:20260110T120000Z\n"
#define THE_TENTH "DTSTART;VALUE=DATE:20260110\nDTEND;VALUE=DATE:20260111\n"

static rule_world world;

static void enter(void)
{
    world = rule_world_of(&cf_schema_calendar);
}

static void leave(void)
{
    rule_world_end(&world);
}

TestSuite(when, .init = enter, .fini = leave);

/* ---- The table ---- */

Test(when, is_said_by_fields_of_events_and_tasks)
{
    static const char *const fields[] = {
        "/start", "/due", "/duration", "/estimatedDuration", "/timeZone", "/showWithoutTime"};

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const cf_bytes field = cf_bytes_of_text(fields[i]);

        cr_expect_eq(cf_when_of_field(CF_KIND_EVENT, field), i + 1);
        cr_expect_eq(cf_when_of_field(CF_KIND_TASK, field), i + 1);
        cr_expect_eq(cf_when_of_field(CF_KIND_CONTACT, field), CF_WHEN_NONE);
        cr_expect_eq(cf_when_of_field(CF_KIND_ROW, field), CF_WHEN_NONE, "a column of any name");
    }
    cr_expect_eq(cf_when_of_field(CF_KIND_EVENT, cf_bytes_of_text("/title")), CF_WHEN_NONE);
}

/* ---- Both at once ---- */

/* What the text says of it, line by line. */
static void expect_when(const char *lines, size_t listed, const char *why)
{
    static const char *const names[] = {"DTSTART", "DTEND", "DURATION", "DUE", NULL};

    text_world_expect(&world, names, lines, listed, why);
}

/* Before, by either, and whether anything is listed, whoever is later. */
static const struct {
    const char *why, *before, *one, *other;
    size_t listed;
} events[] = {
    {"another day, and hours of the old one", AT_NINE,
     "DTSTART;VALUE=DATE:20260112\nDTEND;VALUE=DATE:20260113\n",
     "DTSTART:20260110T153000Z\nDTEND:20260110T170000Z\n", 1},
    {"the same day, and hours", AT_NINE, THE_TENTH, AT_ELEVEN, 1},
    {"a zone and none", AT_NINE,
     "DTSTART;TZID=America/New_York:20260112T080000\n"
     "DTEND;TZID=America/New_York:20260112T090000\n",
     "DTSTART:20260113T080000Z\nDTEND:20260113T090000Z\n", 1},
    {"a day that gets hours, and days", THE_TENTH,
     "DTSTART:20260112T080000Z\nDTEND:20260112T090000Z\n",
     "DTSTART;VALUE=DATE:20260115\nDTEND;VALUE=DATE:20260119\n", 1},
    {"the end, and the start", AT_NINE, "DTSTART:20260110T090000Z\nDTEND:20260110T113000Z\n",
     "DTSTART:20260110T083000Z\nDTEND:20260110T100000Z\n", 1},
    {"both the end", AT_NINE, "DTSTART:20260110T090000Z\nDTEND:20260110T110000Z\n",
     "DTSTART:20260110T090000Z\nDTEND:20260110T120000Z\n", 1},
    {"zones alone", AT_NINE,
     "DTSTART;TZID=Europe/Berlin:20260110T090000\nDTEND;TZID=Europe/Berlin:20260110T100000\n",
     "DTSTART;TZID=America/New_York:20260110T090000\n"
     "DTEND;TZID=America/New_York:20260110T100000\n",
     1},
    {"the end is taken away, and all moved", AT_NINE, "DTSTART:20260110T090000Z\n", AT_ELEVEN, 1},
    {"an end in a zone of its own, and none", AT_NINE,
     "DTSTART;TZID=Europe/Berlin:20260110T090000\nDTEND;TZID=America/New_York:20260110T100000\n",
     AT_ELEVEN, 1},
    {"a length, and an end", "DTSTART:20260110T090000Z\n",
     "DTSTART;VALUE=DATE:20260110\nDTEND;VALUE=DATE:20260112\n",
     "DTSTART:20260110T093000Z\nDTEND:20260110T100000Z\n", 1},
    {"the same", AT_NINE, AT_ELEVEN, AT_ELEVEN, 0},
};

static void both_write(const char *kind, const char *before, const char *one, const char *other,
                       bool knows)
{
    const char *const lines[] = {before, one, other};
    const bool task = strcmp(kind, "VTODO") == 0;
    char texts[3][600];

    leave();
    enter();
    for (size_t i = 0; i < 3; i++)
        if (task)
            snprintf(texts[i], sizeof texts[i], TASK("%s"), lines[i]);
        else
            snprintf(texts[i], sizeof texts[i], EVENT("%s"), lines[i]);
    text_world_both(&world, texts[0], texts[1], texts[2], knows);
}

Test(when, is_as_one_of_both_says)
{
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        for (int turn = 0; turn < 4; turn++) {
            const char *first = turn & 1 ? events[i].other : events[i].one,
                       *later = turn & 1 ? events[i].one : events[i].other;

            both_write("VEVENT", events[i].before, first, later, turn & 2);
            expect_when(later, events[i].listed, events[i].why);
        }
}

Test(when, is_of_a_task_as_one_of_both_says)
{
    static const char *const tasks[][3] = {
        {"DUE:20260110T090000Z\n", "DUE;VALUE=DATE:20260112\n", "DUE:20260110T153000Z\n"},
        {"DTSTART:20260110T090000Z\nDUE:20260110T100000Z\n",
         "DTSTART;VALUE=DATE:20260110\nDUE;VALUE=DATE:20260112\n",
         "DTSTART:20260110T093000Z\nDUE:20260110T120000Z\n"},
        {"DTSTART:20260110T090000Z\nDUE:20260110T100000Z\n",
         "DTSTART;TZID=Europe/Berlin:20260110T090000\nDUE;TZID=Europe/Berlin:20260110T100000\n",
         "DTSTART:20260109T090000Z\nDUE:20260110T100000Z\n"},
    };

    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        for (int turn = 0; turn < 4; turn++) {
            const char *first = tasks[i][turn & 1 ? 2 : 1], *later = tasks[i][turn & 1 ? 1 : 2];

            both_write("VTODO", tasks[i][0], first, later, turn & 2);
            expect_when(later, 1, later);
        }
}

Test(when, is_no_matter_of_who_changes_something_else)
{
    both_write("VEVENT", AT_NINE, "DTSTART;VALUE=DATE:20260112\nDTEND;VALUE=DATE:20260113\n",
               AT_NINE "SUMMARY:x\n", false);
    expect_when("DTSTART;VALUE=DATE:20260112\nDTEND;VALUE=DATE:20260113\n", 0, "a title");
}

/* ---- Afterwards ---- */

static const cf_id a = {{'A'}}, b = {{'B'}};

static void settle(const cf_keep *keep)
{
    const cf_dot dot = {.writer = {{'C'}}, .sequence = 90};
    cf_row_view *view = cf_row_view_new(world.state, world.schema);
    cf_arena *arena = &world.arena;
    size_t count;
    const cf_row_conflict *listed = cf_row_view_conflicts(view, &count);
    cr_assert_gt(count, 0);
    const cf_row agreed = cf_row_view_agree(view, listed->row, arena);
    const cf_row_contest contest = {world.state, &agreed,
                                    cf_schema_find(world.schema, agreed.table), listed, count};
    cf_change *chosen, *still;
    const size_t chosen_count = cf_row_resolve(&contest, keep, arena, &chosen);

    cr_assert_gt(chosen_count, 0);
    for (size_t i = 1; i < count; i++)
        cr_assert(cf_row_conflicts_are_one(contest.table, listed, &listed[i]));
    still = cf_arena_allocate(arena, chosen_count, sizeof *still);
    cr_assert_eq(cf_row_resolve_still(&contest, chosen, chosen_count, arena, still), chosen_count);
    cf_state_apply(world.state, &dot, (cf_time){.ms = 90}, still, chosen_count, NULL);
    cf_row_view_destroy(&view);
}

Test(when, is_settled_as_a_whole)
{
    const cf_keep second[] = {{.kind = CF_KEEP_NUMBER, .number = 1},
                              {.kind = CF_KEEP_MINE, .writer = &b},
                              {.kind = CF_KEEP_THEIRS, .writer = &a}};
    const cf_keep first[] = {{.kind = CF_KEEP_NUMBER, .number = 2},
                             {.kind = CF_KEEP_MINE, .writer = &a},
                             {.kind = CF_KEEP_THEIRS, .writer = &b}};

    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        for (size_t k = 0; events[i].listed && k < 6; k++) {
            both_write("VEVENT", events[i].before, events[i].one, events[i].other, k & 1);
            settle(k < 3 ? &first[k] : &second[k - 3]);
            expect_when(k < 3 ? events[i].one : events[i].other, 0, events[i].why);
        }
}

/* An edit of what is shown leaves the other whole, and of something else says nothing of it. */
Test(when, stays_whole_beside_a_later_edit)
{
    both_write("VEVENT", AT_NINE, THE_TENTH, AT_ELEVEN, false);
    text_world_write(&world, 'B', 40, EVENT(AT_ELEVEN "SUMMARY:x\n"));
    expect_when(AT_ELEVEN, 1, "a title");
    text_world_write(&world, 'B', 50,
                     EVENT("DTSTART:20260110T130000Z\nDTEND:20260110T140000Z\nSUMMARY:x\n"));
    expect_when("DTSTART:20260110T130000Z\nDTEND:20260110T140000Z\n", 1, "moved again");
    settle(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = 2});
    expect_when(THE_TENTH, 0, "the other");
}

/* He makes it what the other said, by hand. */
Test(when, is_settled_by_who_says_the_same)
{
    both_write("VEVENT", AT_NINE, THE_TENTH, AT_ELEVEN, false);
    text_world_write(&world, 'B', 40, EVENT(THE_TENTH));
    expect_when(THE_TENTH, 0, "the other's");
}

/* Three who each move it: the others are versions of one conflict. */
Test(when, is_one_of_three)
{
    both_write("VEVENT", AT_NINE, AT_NINE, AT_NINE, false);
    cf_rows *base = rule_world_applied(&world);
    const cf_row_diff made[] = {
        text_world_scan(&world, world.state, base, 'A', 40, EVENT(THE_TENTH)),
        text_world_scan(&world, world.state, base, 'B', 50,
                        EVENT("DTSTART:20260110T110000Z\nDTEND:20260110T113000Z\n")),
        text_world_scan(&world, world.state, base, 'C', 60, EVENT(AT_ELEVEN))};

    for (size_t i = 0; i < 3; i++)
        rule_world_publish(&world, &made[i]);
    expect_when(AT_ELEVEN, 2, "the last");
    settle(&(cf_keep){.kind = CF_KEEP_MINE, .writer = &b});
    expect_when("DTSTART:20260110T110000Z\nDTEND:20260110T113000Z\n", 0, "the second");
    cf_rows_destroy(&base);
}

/* A writes all of when it is, in fields that B has not. */
Test(when, is_gone_with_the_row)
{
    both_write("VEVENT", AT_NINE, THE_TENTH, AT_ELEVEN, false);
    text_world_write(&world, 'B', 40, "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n");
    cf_row_view *view = cf_row_view_new(world.state, world.schema);
    cr_expect_eq(cf_row_view_count(view), 0, "nothing that was listed has it back");
    cf_row_view_destroy(&view);
}

/* A task that is due no more, and begins no more: what was listed of either is gone, too. */
Test(when, is_cleared_as_a_whole)
{
    both_write("VTODO", "DUE:20260110T090000Z\n", "DUE;VALUE=DATE:20260112\n",
               "DUE:20260110T153000Z\n", false);
    text_world_write(&world, 'B', 40, TASK("SUMMARY:x\n"));
    expect_when("", 0, "nothing");
    cf_row_view *view = cf_row_view_new(world.state, world.schema);
    const cf_row_field *day =
        cf_row_field_named(cf_row_view_at(view, 0), cf_bytes_of_text("/showWithoutTime"));
    cr_expect_null(day, "of what was listed nothing is left");
    cf_row_view_destroy(&view);
}

/* ---- Entries of before ---- */

static void write_old(char device, uint64_t ms, const char *field, const char *value)
{
    const cf_bytes table = cf_bytes_of_text(CF_TABLE_EVENTS);
    const cf_dot dot = {.writer = {{(uint8_t)device}}, .sequence = ms};
    cf_rows *base = rule_world_applied(&world);
    cf_buffer key = {0}, packed = {0};
    size_t at = 0;

    cf_pack_text(&key, cf_bytes_of_text("1"));
    cf_pack_text(&packed, cf_bytes_of_text(value));
    const cf_row *row = cf_rows_find(base, table, cf_buffer_view(&key));
    const cf_row_refs refs = cf_row_refs_of(row, &world.arena);
    const cf_row_ref *shown = cf_row_refs_next(&refs, cf_bytes_of_text(field), &at);
    const cf_change change = {.item = row->item,
                              .field = cf_bytes_of_text(field),
                              .value = cf_arena_copy(&world.arena, cf_buffer_view(&packed)),
                              .over = shown ? &shown->dot : NULL,
                              .over_count = shown ? 1 : 0};
    cf_state_apply(world.state, &dot, (cf_time){.ms = ms}, &change, 1, NULL);
    cf_buffer_release(&key);
    cf_buffer_release(&packed);
    cf_rows_destroy(&base);
}

/* Programs before wrote what was changed alone: what goes on from that is not in conflict. */
Test(when, is_what_entries_of_single_fields_say_one_after_the_other)
{
    text_world_write(&world, 'A', 10, EVENT(AT_NINE));
    write_old('B', 20, "/start", "2026-01-10T09:30:00");
    write_old('A', 30, "/duration", "PT2H");
    expect_when("DTSTART:20260110T093000Z\nDTEND:20260110T113000Z\n", 0, "by fields");
}

/* An old program's end, which is later, takes no start away; nor does who keeps it. */
Test(when, has_its_start_beside_an_end_of_before)
{
    for (size_t number = 1; number <= 2; number++) {
        leave();
        enter();
        text_world_write(&world, 'A', 10, EVENT(AT_NINE));
        cf_rows *base = rule_world_applied(&world);
        const cf_row_diff moved =
            text_world_scan(&world, world.state, base, 'A', 20, EVENT(AT_ELEVEN));

        write_old('B', 30, "/duration", "PT2H");
        rule_world_publish(&world, &moved);
        expect_when(AT_ELEVEN, 1, "what says the start");
        settle(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = number});
        expect_when(number == 1 ? AT_ELEVEN : "DTSTART:20260110T110000Z\nDTEND:20260110T130000Z\n",
                    0, "with its start");
        cf_rows_destroy(&base);
    }
}

/* A changeset may end one entry and begin the next within a row. Of the whole that loses no part is
 * shown. */
Test(when, is_one_where_its_changeset_takes_two_entries)
{
    for (uint64_t ms = 18; ms <= 40; ms += 22) {
        leave();
        enter();
        text_world_write(&world, 'A', 10, EVENT(AT_NINE));
        cf_rows *base = rule_world_applied(&world);
        const cf_row_diff whole =
            text_world_scan(&world, world.state, base, 'A', 20, EVENT(THE_TENTH));
        const cf_row_diff other =
            text_world_scan(&world, world.state, base, 'B', ms, EVENT(AT_ELEVEN));

        for (size_t i = 0; i < whole.count; i++) {
            const cf_dot dot = {.writer = {{'A'}}, .sequence = 20 + i};

            cf_state_apply(world.state, &dot, (cf_time){20, (uint32_t)i}, &whole.changes[i], 1,
                           NULL);
        }
        rule_world_publish(&world, &other);
        expect_when(ms < 20 ? THE_TENTH : AT_ELEVEN, 1, "all parts or none");
        cf_rows_destroy(&base);
    }
}
