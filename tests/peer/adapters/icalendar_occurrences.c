/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/icalendar.h"

#include "peer/adapters/value_map.h"
#include "tests/peer/adapters/calendars.h"

TestSuite(icalendar_occurrences, .init = calendars_enter, .fini = text_rows_leave);

Test(icalendar_occurrences, changes_occurrences)
{
    static const char plain[] = CALENDAR(AT("RRULE:FREQ=WEEKLY\n"));
    static const char excluded[] =
        CALENDAR(AT("RRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Berlin:20240115T090000\n"));
    static const char changed[] = CALENDAR(AT("RRULE:FREQ=WEEKLY\n") EVENT(
        "RECURRENCE-ID;TZID=Europe/Berlin:20240115T090000\nSUMMARY:x\n"));

    expect_change(plain, excluded, excluded);
    expect_change(excluded, plain, plain);
    expect_change(changed, plain, plain);
    expect_change(changed, excluded, excluded);
    expect_change(
        plain, changed,
        CALENDAR(AT("RRULE:FREQ=WEEKLY\n") "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/"
                                           "Berlin:20240115T090000\n"
                                           "DTSTAMP:19700101T000000Z\nDTSTART;TZID=Europe/"
                                           "Berlin:20240115T090000\nSUMMARY:x\nEND:VEVENT\n"));
    expect_change(
        excluded, changed,
        CALENDAR(AT("RRULE:FREQ=WEEKLY\n") "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/"
                                           "Berlin:20240115T090000\n"
                                           "DTSTAMP:19700101T000000Z\nDTSTART;TZID=Europe/"
                                           "Berlin:20240115T090000\nSUMMARY:x\nEND:VEVENT\n"));
}

#define STAMPED AT("RRULE:FREQ=WEEKLY\nCREATED:20240102T000000Z\nLAST-MODIFIED:20240103T000000Z\n")
#define LATER(lines)                                                                               \
    "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20240115T090000\n" lines "END:VEVENT\n"

#define BEGUN "DTSTART;TZID=Europe/Berlin:20240115T090000\n"

Test(icalendar_occurrences, stamps_a_new_occurrence_with_the_last_change_that_is_told)
{
    expect_change(CALENDAR(STAMPED), CALENDAR(STAMPED LATER("SUMMARY:x\n")),
                  CALENDAR(STAMPED LATER("DTSTAMP:20240103T000000Z\n" BEGUN "SUMMARY:x\n")));
    expect_change(
        CALENDAR(STAMPED), CALENDAR(STAMPED LATER("CREATED:20240104T000000Z\n")),
        CALENDAR(STAMPED LATER("DTSTAMP:20240104T000000Z\n" BEGUN "CREATED:20240104T000000Z\n")));
}

Test(icalendar_occurrences, moves_occurrences_into_another_zone)
{
    expect_change(
        CALENDAR(AT("EXDATE;TZID=Europe/Berlin:20240122T090000\n") OCCURRENCE("SUMMARY:x\n")),
        CALENDAR(EVENT("DTSTART:20240108T090000Z\nEXDATE:20240122T090000Z\n")
                     EVENT("RECURRENCE-ID:20240115T090000Z\nSUMMARY:x\n")),
        CALENDAR(EVENT("DTSTART:20240108T090000Z\nEXDATE:20240122T090000Z\n")
                     EVENT("RECURRENCE-ID:20240115T090000Z\nSUMMARY:x\n")));
}

#define BERLIN_LIST(times) "EXDATE;TZID=Europe/Berlin:" times "\n"

/* As khal writes them, and Outlook: one line for all that are cancelled. */
Test(icalendar_occurrences, reads_and_edits_a_line_of_several_that_are_cancelled)
{
    static const char two[] =
        CALENDAR(AT(BERLIN_LIST("20240115T090000,20240122T090000") "SUMMARY:x\n"));
    static const char one[] = CALENDAR(AT(BERLIN_LIST("20240122T090000") "SUMMARY:x\n"));

    expect_alike(two, CALENDAR(AT(BERLIN_LIST("20240115T090000")
                                      BERLIN_LIST("20240122T090000") "SUMMARY:x\n")));
    read_text(two);
    expect_same_in("", "two in a line");
    expect_change(two, one, one);
    expect_change(two, CALENDAR(AT("SUMMARY:x\n")), CALENDAR(AT("SUMMARY:x\n")));
    expect_change(
        one, two,
        CALENDAR(AT(BERLIN_LIST("20240122T090000") "SUMMARY:x\n" BERLIN_LIST("20240115T090000"))));
    expect_change(CALENDAR(AT(BERLIN_LIST("20240115T090000,20240122T090000,20240129T090000"))),
                  CALENDAR(EVENT("DTSTART:20240108T090000Z\n"
                                 "EXDATE:20240115T090000Z,20240129T090000Z\n")),
                  CALENDAR(EVENT("DTSTART:20240108T090000Z\n"
                                 "EXDATE:20240115T090000Z,20240129T090000Z\n")));
    expect_change(two, CALENDAR(EVENT("DTSTART:20240108T090000Z\nSUMMARY:x\n")),
                  CALENDAR(EVENT("DTSTART:20240108T090000Z\nSUMMARY:x\n")));
}

/* What can't be told as the start is stays, the whole line of it, as it is spelled. */
Test(icalendar_occurrences, leaves_a_line_that_names_one_in_another_way)
{
    static const char *const times[] = {"20240115T090000,20240122T090000Z", "20240115T090000,soon",
                                        "20240115T090000,20240122"};
    char text[400];

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        snprintf(text, sizeof text, CALENDAR(AT("EXDATE;TZID=Europe/Berlin:%s\n")), times[i]);
        read_text(text);
        expect_bytes(rows.rows[0].fields[0].name, "/iCalProps");
        expect_bytes(rows.rows[0].fields[1].name, "/start"); /* none that is cancelled */
        expect_same_in("", times[i]);
    }
}

/* So that each still has room for a line of its own where another file is written. */
Test(icalendar_occurrences, tells_no_more_that_are_cancelled_than_have_room_for_lines)
{
    enum { MOST = 5000 };

    for (size_t count = MOST; count <= MOST + 1; count++) {
        cf_buffer text = {0};

        cf_buffer_append_text(&text, "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n"
                                     "DTSTART:20240101T090000\nEXDATE:");
        for (size_t i = 0; i < count; i++)
            cf_buffer_append_text(&text, "%s20240101T%02zu%02zu%02zu", i ? "," : "", i / 3600,
                                  i / 60 % 60, i % 60);
        cf_buffer_append_text(&text, "\nEND:VEVENT\nEND:VCALENDAR\n");
        cf_buffer_append(&text, "", 1);
        read_text((const char *)text.data);
        cr_expect_eq(rows.rows[0].field_count, count > MOST ? 2 : 1 + MOST, "%zu", count);
        cf_buffer_release(&text);
    }
}

Test(icalendar_occurrences, reads_an_occurrence_of_what_is_elsewhere)
{
    read_text(CALENDAR(OCCURRENCE("SUMMARY:x\n")));
    expect_rows(&rows,
                "\"1\" /recurrenceId=\";TZID=Europe/Berlin:20240115T090000\" /title=\"x\"\n");
    expect_same_in("", "an occurrence");
}

/* What the line says beyond its time: in which zone that is, and that all later ones are meant. */
static void expect_occurrence(const char *line, const char *name)
{
    char text[600], wanted[400];

    snprintf(text, sizeof text, CALENDAR(AT("") EVENT("RECURRENCE-ID%s\n" BEGUN "SUMMARY:x\n")),
             line);
    snprintf(wanted, sizeof wanted,
             "\"1\" /recurrenceOverrides/%s={\"start\":\"2024-01-15T09:00:00\",\"title\":\"x\","
             "\"timeZone\":\"Europe/Berlin\"} /start=\"2024-01-08T09:00:00\" "
             "/timeZone=\"Europe/Berlin\"\n",
             name);
    read_text(text);
    expect_rows(&rows, wanted);
    expect_same_in("", line);
    expect_same_in(CALENDAR(AT("")), line);
}

Test(icalendar_occurrences, names_an_occurrence_by_all_that_its_line_says)
{
    expect_occurrence(";TZID=Europe/Berlin:20240115T090000", "2024-01-15T09:00:00");
    expect_occurrence(":20240115T080000Z", "20240115T080000Z");
    expect_occurrence(";VALUE=DATE:20240115", "20240115");
    expect_occurrence(";TZID=America/New_York:20240115T030000",
                      ";TZID=America~1New_York:20240115T030000");
    expect_occurrence(";TZID=Europe/Berlin;RANGE=THISANDFUTURE:20240115T090000",
                      ";RANGE=THISANDFUTURE;TZID=Europe~1Berlin:20240115T090000");
    expect_occurrence(";RANGE=THISANDFUTURE:20240115T080000Z",
                      ";RANGE=THISANDFUTURE:20240115T080000Z");
    expect_occurrence(";VALUE=DATE;RANGE=THISANDFUTURE:20240115",
                      ";RANGE=THISANDFUTURE;VALUE=DATE:20240115");
    expect_occurrence(";X-A=\"b:c\":20240115T080000Z", ";X-A=\"b:c\":20240115T080000Z");
}

Test(icalendar_occurrences, names_an_occurrence_at_no_time_by_what_stands_there)
{
    static const char *const rests[] = {
        ":", ":a,b", ":a\\,b;c", ":garbage1", ":20240115", ":2024-01-15T09:00:00", ";:a"};

    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++)
        expect_occurrence(rests[i], rests[i]);
    read_text(CALENDAR(EVENT("RECURRENCE-ID:\nSUMMARY:x\n")));
    expect_rows(&rows, "\"1\" /recurrenceId=\":\" /title=\"x\"\n");
    expect_same_in("", "no time, of what is elsewhere");
    read_text(CALENDAR(AT("") EVENT("a.RECURRENCE-ID;TZID=Europe/Berlin:20240115T090000\n" BEGUN)));
    expect_same_in("", "a time in a group");
}

Test(icalendar_occurrences, writes_of_an_occurrences_name_no_line_but_one)
{
    static const char *const names[] = {";X=1:2\nSUMMARY:y", ";X=1:2\rSUMMARY:y", ";X\nSUMMARY:y",
                                        "2\nSUMMARY:y", ";"};
    char field[100];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(field, sizeof field, "/recurrenceOverrides/%s", names[i]);
        cf_buffer out =
            rewritten_with(CALENDAR(EVENT("SUMMARY:x\n")), "events", field, "{\"title\":\"z\"}");
        cf_buffer_append(&out, "", 1);
        cr_assert(!strstr((char *)out.data, "\nSUMMARY:y"), "%s", (char *)out.data);
        cr_assert(!strstr((char *)out.data, "\rSUMMARY:y"), "%s", (char *)out.data);
        cr_assert(strstr((char *)out.data, "\nRECURRENCE-ID:"), "%s", (char *)out.data);
        cf_buffer_release(&out);
    }
}

Test(icalendar_occurrences, takes_the_lines_of_an_occurrence_in_any_order)
{
    static const char one[] = CALENDAR(AT("") OCCURRENCE(
        "ATTENDEE:mailto:a\nATTENDEE:mailto:b\nX-C:1\nCATEGORIES:x,y\n"
        "BEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\nBEGIN:VALARM\nTRIGGER:-PT1M\nEND:VALARM\n"));
    static const char other[] = CALENDAR(AT("") OCCURRENCE(
        "CATEGORIES:y,x\nX-C:1\nATTENDEE:mailto:b\nATTENDEE:mailto:a\n"
        "BEGIN:VALARM\nTRIGGER:-PT1M\nEND:VALARM\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\n"));

    expect_alike(one, other);
}

/* ---- Patches, which only tell what is other than in the series ---- */

#define SERIES_LINES                                                                               \
    "DTEND;TZID=Europe/Berlin:20240108T100000\nRRULE:FREQ=WEEKLY\nSUMMARY:s\nLOCATION:l\n"         \
    "CATEGORIES:a,b\nX-A:1\nRDATE:20250101T090000Z\nCREATED:20240101T000000Z\n"

/* `patch` are the lines of a component that would be read as one. */
static void expect_patch(const char *patch, const char *lines)
{
    static const char series[] = CALENDAR(AT(SERIES_LINES));
    char wanted[900], expected[900];

    snprintf(wanted, sizeof wanted, CALENDAR(AT(SERIES_LINES) LATER("%s")), patch);
    snprintf(expected, sizeof expected,
             CALENDAR(AT(SERIES_LINES) LATER("DTSTAMP:20240101T000000Z\n%s")), lines);
    expect_change(series, wanted, expected);
}

Test(icalendar_occurrences, writes_all_of_an_occurrence_that_a_patch_tells)
{
    expect_patch("SUMMARY:x\n", BEGUN "DTEND;TZID=Europe/Berlin:20240115T100000\nLOCATION:l\n"
                                      "SUMMARY:x\nX-A:1\nCATEGORIES:a,b\n");
    expect_patch("DTSTART;TZID=Europe/Berlin:20240116T120000\nCATEGORIES:c\n",
                 "DTSTART;TZID=Europe/Berlin:20240116T120000\n"
                 "DTEND;TZID=Europe/Berlin:20240116T130000\nLOCATION:l\nSUMMARY:s\nX-A:1\n"
                 "CATEGORIES:c\n");
    expect_patch("DTSTART;TZID=Europe/Berlin:20240116T120000\n"
                 "DTEND;TZID=Europe/Berlin:20240116T140000\nSUMMARY:x\n",
                 "DTSTART;TZID=Europe/Berlin:20240116T120000\n"
                 "DTEND;TZID=Europe/Berlin:20240116T140000\nSUMMARY:x\n");
}

/* ---- Patches of a part of what the series says ---- */

/* `lines` are those of the component, behind its start and end, of an occurrence that is patched so
 * in a series of these lines. */
static void expect_parts(const char *series, const char *patch, const char *lines)
{
    const cf_bytes name = cf_bytes_of_text("/recurrenceOverrides/2024-01-15T09:00:00");
    cf_buffer value = {0}, out = {0};
    char before[900], wanted[900];
    cf_field_list list = {0};
    cf_arena arena = {0};
    cf_error error;

    snprintf(before, sizeof before, CALENDAR(AT("%s")), series);
    snprintf(wanted, sizeof wanted, CALENDAR(AT("%s") LATER("DTSTAMP:19700101T000000Z\n%s")),
             series, lines);
    read_text(before);
    cf_row row = rows.rows[0];
    for (size_t i = 0; i < row.field_count; i++)
        for (size_t k = 0; k < row.fields[i].count; k++)
            cf_field_list_add(&list, &arena, row.fields[i].name, row.fields[i].values[k]);
    cr_assert(cf_value_of_json(cf_bytes_of_text(patch), &value));
    cf_field_list_add(&list, &arena, name, cf_buffer_view(&value));
    cf_field_list_take(&list, &arena, &row);
    expect_ok(cf_icalendar_rows_write(cf_bytes_of_text(before), &row, 1, &out, &error), error);
    cf_buffer_append(&out, "", 1);
    cr_expect_str_eq((char *)out.data, wanted, "%s", patch);
    cf_buffer_release(&value);
    cf_buffer_release(&out);
    cf_field_list_release(&list);
    cf_arena_release(&arena);
}

#define ALARM(trigger) "BEGIN:VALARM\nTRIGGER:" trigger "\nEND:VALARM\n"

Test(icalendar_occurrences, has_the_part_that_a_patch_names)
{
    expect_parts("LOCATION:l\n", "{\"locations/a/name\": \"hall\"}", BEGUN "LOCATION:hall\n");
    expect_parts("LOCATION:l\nSUMMARY:s\n", "{\"locations/a\": null, \"title\": \"x\"}",
                 BEGUN "SUMMARY:x\n");
    expect_parts("CATEGORIES:a,b\n",
                 "{\"keywords/a\": null, \"keywords/c~1d\": true, \"keywords/e\": false}",
                 BEGUN "CATEGORIES:b,c/d\n");
    expect_parts("SUMMARY:s\n", "{\"keywords/c\": true}", BEGUN "SUMMARY:s\nCATEGORIES:c\n");
    expect_parts(ALARM("-PT5M"), "{\"alerts/a/trigger/offset\": \"-PT1H\"}", BEGUN ALARM("-PT1H"));
}

/* Nobody knows which of two is meant, nor what is where nothing is. */
Test(icalendar_occurrences, is_as_its_series_where_a_patch_names_no_part)
{
    expect_parts(ALARM("-PT5M") ALARM("-PT7M"), "{\"alerts/a/trigger/offset\": \"-PT1H\"}",
                 BEGUN ALARM("-PT5M") ALARM("-PT7M"));
    expect_parts("LOCATION:l\n", "{\"locations/a/name/b\": \"x\"}", BEGUN "LOCATION:l\n");
    expect_parts("LOCATION:l\n", "{\"locations/a/of/b\": \"x\"}", BEGUN "LOCATION:l\n");
    expect_parts("LOCATION:l\n", "{\"locations/\": \"x\"}", BEGUN "LOCATION:l\n");
    expect_parts("SUMMARY:s\n", "{\"title/a\": \"x\", \"locations/a/name\": \"x\"}",
                 BEGUN "SUMMARY:s\n");
}
