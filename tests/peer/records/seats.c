/* SPDX-License-Identifier: Apache-2.0 */
/* What a format allows once, said by several devices: as calendars and cards, whose lines are the
 * rows. */
#include "peer/records/seats.h"

#include <stdio.h>

#include "codec/pack.h"
#include "peer/adapters/icalendar.h"
#include "peer/adapters/record_format.h"
#include "peer/adapters/vcard.h"
#include "peer/records/record_resolve.h"
#include "tests/peer/records/text_world.h"
#include "tests/support/expect.h"

/* ---- What devices write ---- */

#define EVENT(lines)                                                                               \
    "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20240101T000000Z\n" lines          \
    "END:VEVENT\nEND:VCALENDAR\n"
#define CARD(lines) "BEGIN:VCARD\nVERSION:4.0\nUID:1\nFN:Ann\n" lines "END:VCARD\n"

static cf_error error;
static rule_world world;

static void enter(void)
{
    world = rule_world_of(&cf_schema_calendar);
}

static void leave(void)
{
    rule_world_end(&world);
}

TestSuite(seats, .init = enter, .fini = leave);

static cf_row_diff scan_of(cf_state *known, cf_rows *base, char device, uint64_t ms,
                           const char *text)
{
    return text_world_scan(&world, known, base, device, ms, text);
}

static void both_write(const char *before, const char *one, const char *other)
{
    text_world_both(&world, before, one, other, false);
}

static void both_write_the_second_later(const char *before, const char *one, const char *other)
{
    text_world_both(&world, before, one, other, true);
}

static size_t show(cf_buffer *text)
{
    return text_world_show(&world, text);
}

/* The lines that the row has, each of its name alone, and how many are listed. */
static void expect_shown(const char *lines, size_t listed)
{
    cf_buffer text = {0};
    size_t count = show(&text);

    char *rest = strdup(lines), *at = rest;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *again = *line ? strstr((char *)text.data, line) : NULL;

        if (!*line)
            continue;
        cr_assert_not_null(again, "%s is not in\n%s", line, (char *)text.data);
        char name[64];
        snprintf(name, sizeof name, "\n%.*s", (int)strcspn(line, ":;"), line);
        if (!strstr("\nATTENDEE\nCOMMENT\nX-TWO", name))
            cr_assert_null(strstr(strstr((char *)text.data, name) + 1, name), "twice in\n%s",
                           (char *)text.data);
    }
    cr_assert_eq(count, listed, "%zu are listed of\n%s", count, (char *)text.data);
    free(at);
    cf_buffer_release(&text);
}

static const struct {
    const char *before, *one, *other, *shown;
    size_t listed;
} events[] = {
    {"", "GEO:1.0;2.0\n", "GEO:3.0;4.0\n", "GEO:3.0;4.0\n", 1},
    {"", "GEO:1.0;2.0\n", "GEO:1.0;2.0\n", "GEO:1.0;2.0\n", 0},
    {"GEO:1.0;2.0\nX-A:1\n", "GEO:2.0;2.0\nX-A:2\n", "GEO:3.0;3.0\nX-A:3\n", "GEO:3.0;3.0\nX-A:3\n",
     2},
    {"", "LOCATION:a\n", "LOCATION:b\n", "LOCATION:b\n", 1},
    {"LOCATION:a\n", "LOCATION:b\n", "LOCATION:c\n", "LOCATION:c\n", 1},
    {"", "LOCATION:a\n", "LOCATION;LANGUAGE=de:b\n", "LOCATION;LANGUAGE=de:b\n", 1},
    {"", "LOCATION;LANGUAGE=de:a\n", "LOCATION:b\n", "LOCATION:b\n", 1},
    {"LOCATION:a\n", "LOCATION:b\n", "LOCATION;LANGUAGE=de:c\n", "LOCATION;LANGUAGE=de:c\n", 1},
    {"LOCATION;LANGUAGE=de:a\n", "LOCATION;LANGUAGE=de:b\n", "LOCATION:c\n", "LOCATION:c\n", 1},
    {"", "CLASS:PRIVATE\n", "CLASS;X-A=1:PUBLIC\n", "CLASS;X-A=1:PUBLIC\n", 1},
    {"", "PRIORITY:3\n", "PRIORITY;X-A=1:4\n", "PRIORITY;X-A=1:4\n", 1},
    {"", "PRIORITY;X-A=1:3\n", "PRIORITY:4\n", "PRIORITY:4\n", 1},
    {"", "STATUS:TENTATIVE\n", "STATUS:X-MAYBE\n", "STATUS:X-MAYBE\n", 1},
    {"", "SEQUENCE:12\nURL:a:1\n", "SEQUENCE;X-A=1:9\nGEO:1.0;2.0\n", "SEQUENCE:12\nURL:a:1\n", 0},
    {"", "RRULE:FREQ=DAILY\n", "RRULE:FREQ=WEEKLY\n", "RRULE:FREQ=WEEKLY\n", 1},
    {"", "SEQUENCE:12\nURL:a:1\n", "SEQUENCE:9\nGEO:1.0;2.0\n", "SEQUENCE:12\nURL:a:1\n", 0},
    {"", "LAST-MODIFIED;X-A=1:20240103T000000Z\n", "LAST-MODIFIED;X-A=1:20240102T000000Z\n",
     "LAST-MODIFIED;X-A=1:20240103T000000Z\n", 0},
    {"", "SEQUENCE;X-A=1:12\nURL:a:1\n", "SEQUENCE:5\nGEO:1.0;2.0\n", "SEQUENCE;X-A=1:12\n", 0},
    {"", "SEQUENCE:5\nURL:a:1\n", "SEQUENCE;X-A=1:12\n", "SEQUENCE;X-A=1:12\n", 0},
    {"", "SEQUENCE;X-A=1:5\nURL:a:1\n", "SEQUENCE:12\nGEO:1.0;2.0\n", "SEQUENCE:12\n", 0},
    {"SEQUENCE:3\n", "SEQUENCE;X-A=1:12\n", "SEQUENCE:5\nGEO:1.0;2.0\n", "SEQUENCE;X-A=1:12\n", 0},
    {"", "SEQUENCE;X-A=1:5\n", "SEQUENCE:5\nGEO:1.0;2.0\n", "SEQUENCE:5\n", 0},
    {"", "SEQUENCE:05\n", "SEQUENCE:12\nGEO:1.0;2.0\n", "SEQUENCE:12\n", 0},
    {"", "SEQUENCE:9a\n", "SEQUENCE:5\nGEO:1.0;2.0\n", "SEQUENCE:5\n", 0},
    {"", "LAST-MODIFIED;X-A=1:20240103T000000Z\n", "LAST-MODIFIED:20240102T000000Z\nGEO:1.0;2.0\n",
     "LAST-MODIFIED;X-A=1:20240103T000000Z\n", 0},
    {"", "LAST-MODIFIED:20240103T000000Z\nURL:a:1\n", "LAST-MODIFIED;X-A=1:20240102T000000Z\n",
     "LAST-MODIFIED:20240103T000000Z\n", 0},
    {"", "LAST-MODIFIED:never\n", "LAST-MODIFIED:20240102T000000Z\nGEO:1.0;2.0\n",
     "LAST-MODIFIED:20240102T000000Z\n", 0},
    {"", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.c\nATTENDEE:mailto:d@b.c\n",
     "ATTENDEE;PARTSTAT=DECLINED:MAILTO:A@b.c\nATTENDEE:mailto:e@b.c\n",
     "ATTENDEE;PARTSTAT=DECLINED:MAILTO:A@b.c\nATTENDEE:mailto:d@b.c\nATTENDEE:mailto:e@b.c\n", 1},
    {"COMMENT:a\nX-A:1\n", "COMMENT:b\nX-A:2\n", "COMMENT:a\nX-A:1\nCOMMENT:c\n",
     "COMMENT:b\nCOMMENT:c\nX-A:2\n", 0},
    {"GEO:1.0;2.0\n", "", "GEO:3.0;4.0\n", "GEO:3.0;4.0\n", 0},
    {"", "X-TWO:1\nX-TWO:2\n", "X-B:1\n", "X-TWO:1\nX-TWO:2\nX-B:1\n", 0},
    {"", "GEO:1.0;2.0\n", "COMMENT:a\n", "GEO:1.0;2.0\nCOMMENT:a\n", 0},
};

Test(seats, show_one_line_of_what_an_event_may_have_once)
{
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        for (int later = 0; later < 2; later++) {
            char texts[3][400];
            const char *const lines[] = {events[i].before, events[i].one, events[i].other};

            for (size_t k = 0; k < 3; k++)
                snprintf(texts[k], sizeof texts[k], EVENT("%s"), lines[k]);
            (later ? both_write_the_second_later : both_write)(texts[0], texts[1], texts[2]);
            expect_shown(events[i].shown, events[i].listed);
            leave();
            enter();
        }
}

Test(seats, show_one_line_of_what_a_card_may_have_once)
{
    static const char *const cards[][4] = {
        {"", "BDAY:19800102\n", "BDAY:19800201\n", "BDAY:19800201\n"},
        {"BDAY:19800102\n", "BDAY:19800103\n", "BDAY:19800104\n", "BDAY:19800104\n"},
        {"", "BDAY:19800102\n", "BDAY;VALUE=text:about 1980\n", "BDAY;VALUE=text:about 1980\n"},
        {"", "BDAY;VALUE=text:about 1980\n", "BDAY:19800102\n", "BDAY:19800102\n"},
        {"", "TZ:+01\n", "TZ:+02\n", "TZ:+02\n"},
        {"", "GENDER:F\n", "GENDER:O\n", "GENDER:O\n"},
        {"", "DEATHDATE:20200101\n", "DEATHDATE:20200102\n", "DEATHDATE:20200102\n"},
    };

    for (size_t i = 0; i < sizeof cards / sizeof *cards; i++)
        for (int later = 0; later < 2; later++) {
            char texts[3][400];

            leave();
            world = rule_world_of(&cf_schema_contacts);
            for (size_t k = 0; k < 3; k++)
                snprintf(texts[k], sizeof texts[k], CARD("%s"), cards[i][k]);
            (later ? both_write_the_second_later : both_write)(texts[0], texts[1], texts[2]);
            expect_shown(cards[i][3], 1);
        }
}

/* A's user deletes the event with its field; it lives by B's line, though that says less. */
Test(seats, show_the_line_of_the_living_beside_a_greater_field_of_the_dead)
{
    cf_rows *none = cf_rows_new();
    const cf_row_diff before = scan_of(world.state, none, 'A', 10, EVENT(""));

    rule_world_publish(&world, &before);
    cf_rows *base = rule_world_applied(&world);
    const cf_row_diff lines = scan_of(world.state, base, 'B', 30, EVENT("SEQUENCE;X-A=1:5\n")),
                      field = scan_of(world.state, base, 'A', 20, EVENT("SEQUENCE:12\nURL:a:1\n"));
    rule_world_publish(&world, &field);
    cf_rows *shown = rule_world_applied(&world);
    const cf_row_diff deletion =
        scan_of(world.state, shown, 'A', 25, "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n");
    rule_world_publish(&world, &deletion);
    rule_world_publish(&world, &lines);
    expect_shown("SEQUENCE;X-A=1:5\n", 0);
    cf_rows_destroy(&shown);
    cf_rows_destroy(&base);
    cf_rows_destroy(&none);
}

/* ---- Beside each other in one file ---- */

static size_t lines_in(const char *lines, const char *text)
{
    size_t found = 0;
    char line[200];

    for (const char *at = lines; *at; at = strchr(at, '\n') + 1) {
        snprintf(line, sizeof line, "\n%.*s", (int)strcspn(at, "\n"), at);
        const char *there = strstr(text, line);
        cr_assert(there, "%s is not in\n%s", line, text);
        cr_assert(strchr("\r\n", there[strlen(line)]), "%s is not in\n%s", line, text);
        found++;
    }
    return found;
}

/* The file of one device, whose user edits it: his lines stay as he made them. */
static void expect_kept(const char *const *texts, const char *const *lines, size_t count)
{
    cf_rows *base = cf_rows_new();

    for (size_t i = 0; i < count; i++) {
        cf_buffer text = {0};
        const cf_row_diff made = scan_of(world.state, base, 'A', 10 * (i + 1), texts[i]);

        rule_world_publish(&world, &made);
        rule_world_rebase(&world, base, &made);
        cr_assert_eq(show(&text), 0, "of one device nothing is listed: %s", (char *)text.data);
        cr_assert_gt(lines_in(lines[i], (char *)text.data), 0);
        const cf_row_diff again = scan_of(world.state, base, 'A', 10 * (i + 1) + 5, texts[i]);
        cr_assert_eq(again.count, 0, "there is no more to say of %s", texts[i]);
        cf_buffer_release(&text);
    }
    cf_rows_destroy(&base);
}

Test(seats, keep_what_one_author_has_beside_what_he_edits)
{
    static const char *const edits[][3] = {
        {"DESCRIPTION:a\nDESCRIPTION:b\n", "DESCRIPTION:c\nDESCRIPTION:b\n",
         "DESCRIPTION:c\nDESCRIPTION:d\n"},
        {"DESCRIPTION:a\n", "DESCRIPTION:a\nDESCRIPTION:b\n",
         "DESCRIPTION:a\nDESCRIPTION:b\nDESCRIPTION:c\n"},
        {"RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY\n", "RRULE:FREQ=MONTHLY\nRRULE:FREQ=WEEKLY\n",
         "RRULE:FREQ=MONTHLY\nRRULE:FREQ=YEARLY\n"},
        {"LOCATION:a\nLOCATION:b\n", "LOCATION:c\nLOCATION:b\n", "LOCATION:c\nLOCATION:d\n"},
        {"LOCATION:a\nLOCATION;LANGUAGE=de:b\n", "LOCATION:c\nLOCATION;LANGUAGE=de:b\n",
         "LOCATION:c\nLOCATION;LANGUAGE=de:d\n"},
        {"GEO:1.0;2.0\nGEO:3.0;4.0\n", "GEO:1.0;1.0\nGEO:3.0;4.0\n",
         "GEO:1.0;1.0\nGEO:3.0;4.0\nX-A:1\n"},
        {"ATTENDEE;CUTYPE=ROOM:mailto:a@b.c\nATTENDEE;CUTYPE=INDIVIDUAL:mailto:a@b.c\n",
         "ATTENDEE;CUTYPE=RESOURCE:mailto:a@b.c\nATTENDEE;CUTYPE=INDIVIDUAL:mailto:a@b.c\n",
         "ATTENDEE;CUTYPE=RESOURCE:mailto:a@b.c\nATTENDEE;CUTYPE=GROUP:mailto:a@b.c\n"},
        {"STATUS:CONFIRMED\nSTATUS:X\nSTATUS:Y\n", "STATUS:CONFIRMED\nSTATUS:Z\nSTATUS:Y\n",
         "STATUS:TENTATIVE\nSTATUS:Z\nSTATUS:Y\n"},
    };
    static const char *const cards[][3] = {
        {"BDAY:19800102\nBDAY;VALUE=text:about 1980\n",
         "BDAY:19800103\nBDAY;VALUE=text:about 1980\n",
         "BDAY:19800103\nBDAY;VALUE=text:in winter\n"},
        {"GENDER:F\nGENDER:O\n", "GENDER:M\nGENDER:O\n", "GENDER:M\nGENDER:N\n"},
    };
    size_t count = sizeof edits / sizeof *edits;

    for (size_t i = 0; i < count + sizeof cards / sizeof *cards; i++) {
        const bool card = i >= count;
        const char *const *lines = card ? cards[i - count] : edits[i];
        char texts[3][400];

        leave();
        world = rule_world_of(card ? &cf_schema_contacts : &cf_schema_calendar);
        for (size_t k = 0; k < 3; k++)
            if (card)
                snprintf(texts[k], sizeof texts[k], CARD("%s"), lines[k]);
            else
                snprintf(texts[k], sizeof texts[k], EVENT("%s"), lines[k]);
        expect_kept((const char *const[]){texts[0], texts[1], texts[2]}, lines, 3);
    }
}

/* ---- Settled ---- */

/* Of the only contest there is. False: there is no such version. */
static bool settle(const cf_keep *keep)
{
    const cf_dot dot = {.writer = {{'C'}}, .sequence = 40};
    cf_row_view *view = cf_row_view_new(world.state, world.schema);
    cf_arena *arena = &world.arena;
    size_t count;
    const cf_row_conflict *listed = cf_row_view_conflicts(view, &count);
    cr_assert_gt(count, 0);
    const cf_row agreed = cf_row_view_agree(view, listed->row, arena);
    const cf_row_contest contest = {world.state, &agreed, world.schema->tables, listed, count};
    cf_change *chosen, *still;
    const size_t chosen_count = cf_row_resolve(&contest, keep, arena, &chosen);

    for (size_t i = 1; i < count; i++)
        cr_assert(cf_row_conflicts_are_one(contest.table, listed, &listed[i]));
    still = cf_arena_allocate(arena, chosen_count, sizeof *still);
    if (chosen_count)
        cr_assert_eq(cf_row_resolve_still(&contest, chosen, chosen_count, arena, still),
                     chosen_count);
    cf_state_apply(world.state, &dot, (cf_time){.ms = 40}, still, chosen_count, NULL);
    cf_row_view_destroy(&view);
    return chosen_count > 0;
}

static const cf_id a = {{'A'}}, b = {{'B'}};

/* Before, by A, by B, which of both is shown. */
static const struct {
    bool card;
    const char *before, *one, *other;
    bool shows_one;
} contests[] = {
    {false, "", "GEO:1.0;2.0\n", "GEO:3.0;4.0\n", false},
    {false, "", "GEO:1.0;2.0\nGEO:5.0;6.0\n", "GEO:3.0;4.0\n", false},
    {false, "", "X-MOOD:good\n", "X-MOOD:better\n", false},
    {false, "", "ORGANIZER:mailto:a@b.c\n", "ORGANIZER;CN=Bert:mailto:d@b.c\n", false},
    {false, "", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.c\n",
     "ATTENDEE;PARTSTAT=DECLINED:MAILTO:A@b.c\n", false},
    {false, "", "URL:a:1\n", "URL:a:2\n", false},
    {false, "", "LOCATION:a\n", "LOCATION:b\n", false},
    {false, "", "LOCATION:a\n", "LOCATION;LANGUAGE=de:b\n", false},
    {false, "", "LOCATION;LANGUAGE=de:a\n", "LOCATION:b\n", false},
    {false, "", "PRIORITY:3\n", "PRIORITY;X-A=1:4\n", false},
    {false, "", "RRULE:FREQ=DAILY\n", "RRULE:FREQ=WEEKLY\n", false},
    {true, "", "BDAY:19800102\n", "BDAY:19800201\n", false},
    {true, "", "BDAY:19800102\n", "BDAY;VALUE=text:about 1980\n", false},
    {true, "", "BDAY;VALUE=text:about 1980\n", "BDAY:19800102\n", false},
    {true, "", "TZ:+01\n", "TZ:+02\n", false},
    {true, "", "X-SPOUSE:Bert\n", "X-SPOUSE:Robert\n", false},
};

static void expect_settled(size_t index, bool apart, const cf_keep *keep, bool one)
{
    const char *const lines[] = {contests[index].before, contests[index].one,
                                 contests[index].other};
    char texts[3][400];

    leave();
    world = rule_world_of(contests[index].card ? &cf_schema_contacts : &cf_schema_calendar);
    for (size_t k = 0; k < 3; k++)
        if (contests[index].card)
            snprintf(texts[k], sizeof texts[k], CARD("%s"), lines[k]);
        else
            snprintf(texts[k], sizeof texts[k], EVENT("%s"), lines[k]);
    (apart ? both_write_the_second_later : both_write)(texts[0], texts[1], texts[2]);
    cr_assert(settle(keep), "%s", lines[1]);
    cf_buffer text = {0};
    cr_assert_eq(show(&text), 0, "nothing is listed of\n%s", (char *)text.data);
    cr_assert_gt(lines_in(one ? lines[1] : lines[2], (char *)text.data), 0);
    for (const char *at = one ? lines[2] : lines[1]; *at; at = strchr(at, '\n') + 1) {
        char line[200];

        snprintf(line, sizeof line, "\n%.*s", (int)strcspn(at, "\n"), at);
        cr_assert_null(strstr((char *)text.data, line), "%s is in\n%s", line, (char *)text.data);
    }
    cf_buffer_release(&text);
}

/* A wrote the first, B the second and is later. */
Test(seats, settle_which_of_both_is_there)
{
    for (size_t i = 0; i < sizeof contests / sizeof *contests; i++)
        for (int apart = 0; apart < 2; apart++) {
            const bool one = contests[i].shows_one;

            expect_settled(i, apart, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 1}, one);
            expect_settled(i, apart, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 2}, !one);
            expect_settled(i, apart, &(cf_keep){.kind = CF_KEEP_MINE, .writer = &a}, true);
            expect_settled(i, apart, &(cf_keep){.kind = CF_KEEP_MINE, .writer = &b}, false);
            expect_settled(i, apart, &(cf_keep){.kind = CF_KEEP_THEIRS, .writer = &a}, false);
            expect_settled(i, apart, &(cf_keep){.kind = CF_KEEP_THEIRS, .writer = &b}, true);
        }
}

Test(seats, settle_nothing_by_a_version_that_there_is_not)
{
    both_write(EVENT(""), EVENT("GEO:1.0;2.0\n"), EVENT("GEO:3.0;4.0\n"));
    const cf_id c = {{'C'}};
    const cf_keep none[] = {{.kind = CF_KEEP_NUMBER, .number = 3},
                            {.kind = CF_KEEP_NUMBER},
                            {.kind = CF_KEEP_MINE, .writer = &c},
                            {.kind = CF_KEEP_BOTH}};

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_not(settle(&none[i]));
    expect_shown("GEO:3.0;4.0\n", 1);
}

/* Of a field two versions are listed beside the line that is shown instead of both. */
Test(seats, settle_a_field_beside_which_a_line_is_shown)
{
    for (unsigned number = 1; number <= 3; number++) {
        leave();
        enter();
        cf_rows *none = cf_rows_new();
        const cf_row_diff before = scan_of(world.state, none, 'A', 10, EVENT(""));

        rule_world_publish(&world, &before);
        cf_rows *base = rule_world_applied(&world);
        const cf_row_diff made[] = {
            scan_of(world.state, base, 'A', 20, EVENT("LOCATION:a\n")),
            scan_of(world.state, base, 'B', 30, EVENT("LOCATION:b\n")),
            scan_of(world.state, base, 'C', 35, EVENT("LOCATION;LANGUAGE=de:c\n"))};
        for (size_t i = 0; i < 3; i++)
            rule_world_publish(&world, &made[i]);
        expect_shown("LOCATION;LANGUAGE=de:c\n", 2);
        cr_expect(settle(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = number}));
        cf_buffer text = {0};
        cr_expect_eq(show(&text), 0, "%s", (char *)text.data);
        cr_expect_eq(strstr((char *)text.data, "LOCATION;LANGUAGE=de:c") != NULL, number == 1, "%s",
                     (char *)text.data);
        cr_expect_eq((strstr((char *)text.data, "LOCATION:a") != NULL) +
                         (strstr((char *)text.data, "LOCATION:b") != NULL),
                     number > 1, "%s", (char *)text.data);
        cf_buffer_release(&text);
        cf_rows_destroy(&base);
        cf_rows_destroy(&none);
    }
}

/* A third value doesn't know of the second, as in any field; what is kept of all ends it. */
Test(seats, settle_what_was_edited_since)
{
    both_write(EVENT(""), EVENT("GEO:1.0;2.0\n"), EVENT("GEO:3.0;4.0\n"));
    cf_rows *base = rule_world_applied(&world);
    const cf_row_diff made = scan_of(world.state, base, 'B', 35, EVENT("GEO:5.0;6.0\n"));

    rule_world_publish(&world, &made);
    expect_shown("GEO:5.0;6.0\n", 1);
    cr_expect(settle(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = 1}));
    expect_shown("GEO:5.0;6.0\n", 0);
    cf_rows_destroy(&base);
}

/* Of A's, which is to be kept, another device says meanwhile that it goes: then B's stays. */
Test(seats, settle_nothing_that_would_leave_nothing)
{
    both_write(EVENT(""), EVENT("GEO:1.0;2.0\n"), EVENT("GEO:3.0;4.0\n"));
    cf_arena *arena = &world.arena;
    cf_row_view *view = cf_row_view_new(world.state, world.schema);
    size_t count;
    const cf_row_conflict *listed = cf_row_view_conflicts(view, &count);
    const cf_row agreed = cf_row_view_agree(view, listed->row, arena);
    const cf_row_conflict kept = {.row = listed->row, /* what is listed goes with the state */
                                  .field = cf_arena_copy(arena, listed->field),
                                  .value = cf_arena_copy(arena, listed->value)};
    cf_row_contest contest = {world.state, &agreed, world.schema->tables, listed, count};
    cf_change *second, still[2];

    cr_assert_eq(
        cf_row_resolve(&contest, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = 2}, arena, &second),
        1);
    cr_assert(settle(&(cf_keep){.kind = CF_KEEP_NUMBER, .number = 1}));
    cf_row_view *after = cf_row_view_new(world.state, world.schema);
    const cf_row now = cf_row_view_agree(after, cf_row_view_at(after, 0), arena);
    contest.agreed = &now;
    contest.listed = &kept;
    contest.count = 1;
    cr_expect_eq(cf_row_resolve_still(&contest, second, 1, arena, still), 0);
    cf_row_view_destroy(&after);
    cf_row_view_destroy(&view);
}

/* ---- Logs and bases of before ---- */

/* A set that two lines made is one as before, so that a base has what it had. */
Test(seats, read_two_lines_of_a_set_as_two_values)
{
    cf_record_file file = {0};

    expect_ok(
        cf_icalendar_rows_read(cf_bytes_of_text(EVENT("LOCATION:a\nRRULE:FREQ=DAILY\nLOCATION:b\n"
                                                      "RRULE:FREQ=WEEKLY\n")),
                               &file, &error),
        error);
    static const char *const sets[] = {"/locations", "/recurrenceRules"};
    for (size_t i = 0; i < 2; i++) {
        const cf_row_field *set = cf_row_field_named(&file.rows[0], cf_bytes_of_text(sets[i]));

        cr_assert_eq(set->count, 2, "%s", sets[i]);
    }
    cr_assert_null(cf_row_field_named(&file.rows[0], cf_bytes_of_text("/iCalProps")));
    cf_record_file_release(&file);
}

/* And the format shows both. */
Test(seats, show_all_values_of_a_set_that_two_lines_made)
{
    cf_arena arena = {0};
    cf_row_format format;
    cf_record_options options = {.adapter = cf_adapter_of(CF_FORMAT_ICALENDAR)};
    const char *text = EVENT("LOCATION:a\nLOCATION:b\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY\n");

    cf_record_format_holds(&options, &arena, &format);
    world.format = &format;
    expect_kept(
        (const char *const[]){text, text},
        (const char *const[]){"LOCATION:a\nLOCATION:b\n", "RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY\n"},
        2);
    cf_arena_release(&arena);
}

/* A write as programs before seats made it: an entry by the value. */
static void write_old(char device, uint64_t ms, const char *set, const char *json_name,
                      const char *text)
{
    cf_bytes table = cf_bytes_of_text(CF_TABLE_EVENTS);
    const cf_dot dot = {.writer = {{(uint8_t)device}}, .sequence = ms};
    cf_buffer key = {0}, value = {0}, field = {0};
    char entry[CF_ENTRY_NAME_MAX];

    cf_pack_text(&key, cf_bytes_of_text("1"));
    cf_pack_array(&value, 4);
    cf_pack_text(&value, cf_bytes_of_text(json_name));
    cf_pack_map(&value, 0);
    cf_pack_text(&value, cf_bytes_of_text("unknown"));
    cf_pack_text(&value, cf_bytes_of_text(text));
    cf_record_ids_product.entry(NULL, cf_buffer_view(&value), 0, entry);
    cf_buffer_append_text(&field, "%s/%s", set, entry);
    const cf_change change = {
        .item = cf_record_ids_product.natural(NULL, cf_schema_find(&cf_schema_calendar, table),
                                              cf_buffer_view(&key)),
        .field = cf_arena_copy(&world.arena, cf_buffer_view(&field)),
        .value = cf_arena_copy(&world.arena, cf_buffer_view(&value))};
    cf_state_apply(world.state, &dot, (cf_time){.ms = ms}, &change, 1, NULL);
    cf_buffer_release(&key);
    cf_buffer_release(&value);
    cf_buffer_release(&field);
}

Test(seats, take_entries_that_are_named_by_their_values_for_the_same_thing)
{
    cf_rows *none = cf_rows_new();
    cf_row_diff made = scan_of(world.state, none, 'A', 10, EVENT(""));

    rule_world_publish(&world, &made);
    write_old('A', 20, "/iCalProps", "geo", "1.0;2.0");
    write_old('B', 30, "/iCalProps", "geo", "3.0;4.0");
    expect_shown("GEO:3.0;4.0\n", 1);
    cf_rows *base = rule_world_applied(&world);
    made =
        scan_of(world.state, base, 'B', 40, EVENT("GEO:5.0;6.0\n")); /* edited by a new program */
    rule_world_publish(&world, &made);
    expect_shown("GEO:5.0;6.0\n", 1);
    cf_rows_destroy(&base);
    base = rule_world_applied(&world);
    made = scan_of(world.state, base, 'B', 50, EVENT(""));
    rule_world_publish(&world, &made);
    cf_buffer text = {0};
    cr_expect_eq(show(&text), 0);
    cr_expect_null(strstr((char *)text.data, "GEO"), "what was listed goes, too, not back:\n%s",
                   (char *)text.data);
    cf_buffer_release(&text);
    cf_rows_destroy(&base);
    cf_rows_destroy(&none);
}

Test(seats, change_nothing_of_a_base_of_before)
{
    cf_rows *none = cf_rows_new();
    cf_row_diff made = scan_of(world.state, none, 'A', 10, EVENT(""));

    rule_world_publish(&world, &made);
    write_old('A', 20, "/iCalProps", "geo", "1.0;2.0");
    write_old('A', 20, "/iCalProps", "x-mood", "good");
    cf_rows *base = rule_world_applied(&world);
    made = scan_of(world.state, base, 'A', 30, EVENT("GEO:1.0;2.0\nX-MOOD:good\n"));
    cr_assert_eq(made.count, 0, "what is as it was is no change");
    made = scan_of(world.state, base, 'A', 30, EVENT("GEO:2.0;2.0\nX-MOOD:bad\n"));
    cr_assert_eq(made.count, 2, "an edit of each entry, under the name that it has");
    cf_rows_destroy(&base);
    cf_rows_destroy(&none);
}
