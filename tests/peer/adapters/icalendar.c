/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/icalendar.h"

#include "tests/peer/adapters/calendars.h"

static cf_error error;

TestSuite(icalendar, .init = calendars_enter, .fini = text_rows_leave);

static const struct {
    const char *name;
    size_t records;
} exports[] = {{"google.ics", 2},
               {"apple.ics", 1},
               {"nextcloud.ics", 1},
               {"thunderbird.ics", 1},
               {"nextcloud-calendar.ics", 1},
               {"outlook.ics", 1}};

Test(icalendar, writes_every_export_as_it_was_read)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++)
        expect_export_unchanged(exports[i].name, exports[i].records);
}

Test(icalendar, says_the_same_in_a_new_file)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        cf_buffer bytes = an_export(exports[i].name);

        read_bytes(cf_buffer_view(&bytes));
        expect_same_in("", exports[i].name);
        expect_same_in(CALENDAR(""), exports[i].name);
        cf_buffer_release(&bytes);
    }
}

Test(icalendar, keeps_what_is_cut_or_damaged)
{
    spoil("google.ics", expect_unchanged);
    spoil("nextcloud.ics", expect_unchanged);
}

Test(icalendar, changes_one_line_and_nothing_else)
{
    expect_edit("google.ics", "SUMMARY:Stand-up\r\n", "SUMMARY:Sit-down\r\n");
    expect_edit("google.ics", "SUMMARY:Stand-up (an hour later)", "SUMMARY:Sit-down");
    expect_edit("google.ics", "DTEND;TZID=Europe/Berlin:20240108T093000",
                "DTEND;TZID=Europe/Berlin:20240108T094500");
    expect_edit("google.ics", "DTSTART;VALUE=DATE:20240501\r\nDTEND;VALUE=DATE:20240502",
                "DTSTART;VALUE=DATE:20240502\r\nDTEND;VALUE=DATE:20240503");
    expect_edit("google.ics", "EXDATE;TZID=Europe/Berlin:20240122T090000\r\n", "");
    expect_edit("google.ics", "STATUS:CONFIRMED", "STATUS:TENTATIVE");
    expect_edit("google.ics", "TRIGGER:-P0DT0H10M0S", "TRIGGER:-PT5M");
    expect_edit("apple.ics", "TRIGGER;VALUE=DATE-TIME:19760401T005545Z\r\n", "");
    expect_edit("apple.ics", "DESCRIPTION:Reminder", "DESCRIPTION:Hurry");
    expect_edit("google.ics", "RRULE:FREQ=WEEKLY;WKST=MO;UNTIL=20240630T215959Z;BYDAY=MO,WE",
                "RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=MO;WKST=MO");
    expect_edit("thunderbird.ics", "DURATION:PT1H30M", "DURATION:PT2H");
    expect_edit("thunderbird.ics", "CATEGORIES:Uni,Ringe\\, Ideale", "CATEGORIES:Uni");
    expect_edit("thunderbird.ics", "X-MOZ-GENERATION:1", "X-MOZ-GENERATION:2");
    expect_edit("nextcloud.ics", "DUE;TZID=Europe/Berlin:20240301T170000",
                "DUE;TZID=Europe/Berlin:20240302T170000");
    expect_edit("apple.ics", "TRANSP:OPAQUE", "TRANSP:TRANSPARENT");
    expect_edit("nextcloud-calendar.ics", "RDATE;TZID=Europe/Berlin:20240131T140000",
                "RDATE;TZID=Europe/Berlin:20240201T140000");
    expect_edit("nextcloud-calendar.ics", "X-NC-GROUP-ID:7\r\nBEGIN:VALARM",
                "X-NC-GROUP-ID:8\r\nBEGIN:VALARM");
    expect_edit("nextcloud-calendar.ics", "PARTSTAT=TENTATIVE:mailto:room2",
                "PARTSTAT=ACCEPTED:mailto:room2");
    expect_edit("nextcloud-calendar.ics", "SUMMARY:Reading circle\\, later",
                "SUMMARY:Reading circle\\, much later");
    expect_edit("nextcloud-calendar.ics", "REPEAT:2\r\n", "REPEAT:3\r\n");
    expect_edit("outlook.ics", "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
                "X-MICROSOFT-CDO-BUSYSTATUS:FREE");
    expect_edit("outlook.ics", "SUMMARY;LANGUAGE=en-gb:Budget", "SUMMARY;LANGUAGE=en-gb:Budgets");
}

Test(icalendar, deletes_and_adds_records)
{
    expect_change(CALENDAR(AT("") OCCURRENCE("SUMMARY:x\n")),
                  CALENDAR("BEGIN:VEVENT\nUID:2\nDTSTART:20240101T100000Z\nDTEND:"
                           "20240101T110000Z\nLAST-MODIFIED:20240102T000000Z\nEND:VEVENT\n"),
                  CALENDAR("BEGIN:VEVENT\nUID:2\nDTSTAMP:20240102T000000Z\nDTSTART:"
                           "20240101T100000Z\nDTEND:20240101T110000Z\n"
                           "LAST-MODIFIED:20240102T000000Z\nEND:VEVENT\n"));
    expect_change("", CALENDAR(""), "");
}

static bool says(const cf_buffer *text, const char *what)
{
    return memmem(text->data, text->size, what, strlen(what)) != NULL;
}

/* As one that was made in JSON. */
Test(icalendar, describes_a_zone_that_has_a_name_only)
{
    cf_buffer one = {0}, two = {0}, again = {0};

    read_text(CALENDAR(EVENT("DTSTART;TZID=Europe/Berlin:20240101T100000\n")));
    expect_ok(cf_icalendar_rows_write((cf_bytes){0}, rows.rows, 1, &one, &error), error);
    cr_assert(says(&one, "TZID:Europe/Berlin\r\nX-COUNTERFOIL-ZONE:MADE\r\n"), "%.*s",
              (int)one.size, (const char *)one.data);
    expect_ok(cf_icalendar_rows_write(cf_buffer_view(&one), rows.rows, 1, &two, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&one), cf_buffer_view(&two)), "it is there already");
    read_bytes(cf_buffer_view(&one));
    cr_assert_eq(rows.count, 1);
    cr_assert_null(cf_row_field_named(&rows.rows[0], cf_bytes_of_text("/timeZones/Europe~1Berlin")),
                   "it says nothing that the name doesn't");
    read_text(CALENDAR(EVENT("DTSTART;TZID=A/B:20240101T100000\n")));
    expect_ok(cf_icalendar_rows_write((cf_bytes){0}, rows.rows, 1, &again, &error), error);
    cr_assert(!says(&again, "VTIMEZONE"));
    cf_buffer_release(&one);
    cf_buffer_release(&two);
    cf_buffer_release(&again);
}

static void expect_described(const char *before, const char *wanted)
{
    read_text(wanted);
    cf_buffer out = rewritten(cf_bytes_of_text(before));
    cr_assert(says(&out, "TZID:America/New_York\nX-COUNTERFOIL-ZONE:MADE\n"), "%.*s", (int)out.size,
              (const char *)out.data);
    cr_assert(!says(&out, "TZID:Europe/Berlin\n"), "the file does without");
    cf_buffer again = rewritten(cf_buffer_view(&out));
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_buffer_view(&again)), "it is there already");
    cf_buffer_release(&out);
    cf_buffer_release(&again);
}

/* By who has names of zones only. */
Test(icalendar, describes_a_zone_that_an_event_is_moved_to)
{
    expect_described(CALENDAR(AT("")),
                     CALENDAR(EVENT("DTSTART;TZID=America/New_York:20240108T090000\n")));
    expect_described(
        CALENDAR(AT("") OCCURRENCE("SUMMARY:x\n")),
        CALENDAR(AT("") OCCURRENCE("DTSTART;TZID=America/New_York:20240115T030000\nSUMMARY:x\n")));
    expect_described(CALENDAR(AT("")),
                     CALENDAR(AT("RDATE;TZID=America/New_York:20240115T030000\n")));
}

/* An occurrence that is in another zone than its series comes into a new file, too. */
Test(icalendar, describes_the_zone_of_an_occurrence_in_a_new_file)
{
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Asia/Tokyo"};
    cf_buffer out = {0};
    char line[100];

    read_text(CALENDAR(AT("RRULE:FREQ=DAILY\n")
                           OCCURRENCE("DTSTART;TZID=America/New_York:20240115T030000\n")
                               EVENT("RECURRENCE-ID;TZID=Europe/Berlin:20240116T090000\n"
                                     "DTSTART;TZID=Asia/Tokyo:20240116T170000\n")
                                   EVENT("RECURRENCE-ID;TZID=Europe/Berlin:20240117T090000\n"
                                         "DTSTART;TZID=America/New_York:20240117T030000\n")));
    expect_ok(cf_icalendar_rows_write((cf_bytes){0}, rows.rows, 1, &out, &error), error);
    *cf_buffer_reserve(&out, 1) = '\0';
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        snprintf(line, sizeof line, "TZID:%s\r\n", zones[i]);
        const char *found = strstr((char *)out.data, line);
        cr_assert(found, "%s is not described in\n%s", zones[i], (char *)out.data);
        cr_assert_null(strstr(found + 1, line), "%s twice in\n%s", zones[i], (char *)out.data);
    }
    cf_buffer_release(&out);
}

Test(icalendar, stamps_a_new_event_with_the_change_that_the_log_has)
{
    cf_buffer out = {0};

    read_text(CALENDAR("BEGIN:VEVENT\nUID:2\nDTSTART:20240101T100000Z\nEND:VEVENT\n"));
    cf_row row = rows.rows[0];
    row.changed_ms = UINT64_C(1704164645999);
    expect_ok(cf_icalendar_rows_write((cf_bytes){0}, &row, 1, &out, &error), error);
    cr_assert(says(&out, "DTSTAMP:20240102T030405Z\r\n"), "%.*s", (int)out.size,
              (const char *)out.data);
    row.changed_ms = UINT64_MAX;
    out.size = 0;
    expect_ok(cf_icalendar_rows_write((cf_bytes){0}, &row, 1, &out, &error), error);
    cr_assert(says(&out, "DTSTAMP:19700101T000000Z\r\n"));
    cf_buffer_release(&out);
}

#define STAMP(lines, stamp) "BEGIN:VEVENT\nUID:1\nDTSTAMP:" stamp "\n" lines "END:VEVENT\n"

static void expect_stamped(const char *before, const char *wanted, const char *after)
{
    cf_buffer out = {0};

    read_text(wanted);
    cf_row row = rows.rows[0];
    row.changed_ms = UINT64_C(1704164645999); /* 2024-01-02 03:04:05 */
    expect_ok(cf_icalendar_rows_write(cf_bytes_of_text(before), &row, 1, &out, &error), error);
    expect_written(&out, after);
}

/* DTSTAMP is no field. */
Test(icalendar, stamps_what_it_changes_with_the_change_unless_its_own_is_later)
{
    static const char on_monday[] = CALENDAR(AT("SUMMARY:a\n")),
                      later[] = CALENDAR(STAMP("SUMMARY:a\n", "20240102T030406Z")),
                      local[] = CALENDAR(STAMP("SUMMARY:a\n", "20240101T000000"));

    expect_stamped(on_monday, CALENDAR(AT("SUMMARY:b\n")),
                   CALENDAR(STAMP("DTSTART;TZID=Europe/Berlin:20240108T090000\nSUMMARY:b\n",
                                  "20240102T030405Z")));
    expect_stamped(on_monday, on_monday, on_monday);
    expect_stamped(later, CALENDAR(EVENT("SUMMARY:b\n")),
                   CALENDAR(STAMP("SUMMARY:b\n", "20240102T030406Z")));
    expect_stamped(local, CALENDAR(EVENT("SUMMARY:b\n")),
                   CALENDAR(STAMP("SUMMARY:b\n", "20240101T000000")));
#define AGAIN "DTSTART;TZID=Europe/Berlin:20240115T090000\n"
    expect_stamped(CALENDAR(AT("") OCCURRENCE(AGAIN "SUMMARY:a\n")),
                   CALENDAR(AT("") OCCURRENCE(AGAIN "SUMMARY:b\n")),
                   CALENDAR(AT("") STAMP("RECURRENCE-ID;TZID=Europe/Berlin:20240115T090000\n" AGAIN
                                         "SUMMARY:b\n",
                                         "20240102T030405Z")));
}

Test(icalendar, brings_the_zone_along)
{
    static const char zone[] = "BEGIN:VTIMEZONE\nTZID:A/"
                               "B\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+"
                               "0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";
    char wanted[1000], after[1000];

    snprintf(wanted, sizeof wanted, CALENDAR("%s" EVENT("DTSTART;TZID=A/B:20240101T100000\n")),
             zone);
    snprintf(after, sizeof after,
             CALENDAR("X-A:1\n%s" TASK("") EVENT("DTSTART;TZID=A/B:20240101T100000\n")), zone);
    read_text(wanted);
    rows.rows[0].key = cf_bytes_of_text("\xa1"
                                        "1");
    cf_buffer out = {0};
    /* The task stays: it is in trouble. */
    expect_ok(cf_icalendar_rows_write(cf_bytes_of_text(CALENDAR("X-A:1\n" TASK("broken\n"))),
                                      rows.rows, 1, &out, &error),
              error);
    cf_buffer expected = with_replaced(after, TASK(""), TASK("broken\n"));
    cf_buffer stamped = {0};
    *cf_buffer_reserve(&expected, 1) = '\0';
    cf_buffer_append_text(&stamped, "%s", (char *)expected.data);
    char *stamp = strstr((char *)expected.data, "BEGIN:VEVENT");
    memcpy(strstr(stamp, "20240101T000000Z"), "19700101T000000Z", 16);
    expect_written(&out, (char *)expected.data);
    cf_buffer_release(&expected);
    cf_buffer_release(&stamped);
}

#define ZONE(name) "BEGIN:VTIMEZONE\nTZID:" name "\nEND:VTIMEZONE\n"

Test(icalendar, brings_all_zones_along)
{
    static const char event[] =
        AT("DTEND;TZID=America/New_York:20240108T060000\nEXDATE;TZID=A:20240109T090000\n")
            EVENT("RECURRENCE-ID:20240115T080000Z\nDTSTART;TZID=\"B, C\":20240115T100000\n");
    static const char *const zones[] = {ZONE("Europe/Berlin"), ZONE("America/New_York"), ZONE("A"),
                                        ZONE("B\\, C")};
    char text[1200];

    snprintf(text, sizeof text, "BEGIN:VCALENDAR\n%s%s%s%s%s%sEND:VCALENDAR\n", zones[0], zones[1],
             zones[2], zones[3], ZONE("D"), event);
    read_text(text);
    cf_buffer out = rewritten(cf_bytes_of_text(CALENDAR("")));
    for (size_t i = 0; i < 4; i++)
        cr_assert(memmem(out.data, out.size, zones[i], strlen(zones[i])), "%s is in\n%.*s",
                  zones[i], (int)out.size, (char *)out.data);
    cr_assert(!memmem(out.data, out.size, "TZID:D", 6));
    cf_buffer_release(&out);
    expect_same_in("", "zones");
}

Test(icalendar, names_what_it_cannot_take_and_leaves_it_alone)
{
    static const char text[] = "stray\n" CALENDAR("broken\n" EVENT("SUMMARY:a\n") EVENT(
        "SUMMARY:b\n") "BEGIN:VEVENT\nSUMMARY:no uid\nEND:VEVENT\n"
                       "BEGIN:VEVENT\nUID:2\nno colon\nEND:VEVENT\n"
                       "BEGIN:VEVENT\nUID:3\nEND:VEVENT\nBEGIN:VEVENT\nUID:3\nRECURRENCE-ID:"
                       "20240101T000000Z\nEND:VEVENT\n"
                       "BEGIN:VEVENT\nUID:3\nRECURRENCE-ID:20240101T000000Z\nEND:VEVENT\n"
                       "BEGIN:VTODO\nUID:ok\nEND:VTODO\n"
                       "BEGIN:VEVENT\nUID:half\n");

    read_text(text);
    expect_rows(&rows, "\"ok\"\n");
    expect_troubles(
        &rows,
        "1 ? has no colon behind its name: mend the line, or delete it\n"
        "4 ? has no colon behind its name: mend the line, or delete it\n"
        "15 ? has no UID: give it one of its own, as `vdirsyncer repair` does\n"
        "10 \"1\" has the key of a record before it: give it another, or delete one of them\n"
        "20 \"2\" has no colon behind its name: mend the line, or delete it\n"
        "29 \"3\" has an occurrence twice: delete one of them\n"
        "36 \"half\" BEGIN has no END: the rest is missing, save it again\n");
    cr_assert(!cf_record_file_certain(&rows));
    expect_change(text, CALENDAR(AT("") "BEGIN:VTODO\nUID:ok\nEND:VTODO\n"), text);
}

Test(icalendar, says_that_it_holds_what_is_never_synced)
{
    read_text("BEGIN:VCALENDAR\r\nBEGIN:VJOURNAL\r\nUID:1\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n");
    cr_assert(rows.others);
    cr_assert(!rows.count);
    cr_assert(!rows.trouble_count);
    read_text("BEGIN:VCALENDAR\nBEGIN:X-NOTE\nEND:X-NOTE\nEND:VCALENDAR\n");
    cr_assert(rows.others);
    read_text("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:a\nBEGIN:STANDARD\nEND:STANDARD\n"
              "END:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nBEGIN:X-NOTE\nEND:X-NOTE\nEND:VEVENT\n"
              "BEGIN:VTODO\nUID:2\nEND:VTODO\nEND:VCALENDAR\n");
    cr_assert(!rows.others);
    cr_assert_eq(rows.count, 2);
}

/* A program took the one file for another: the event was not meant to go. */
Test(icalendar, says_nothing_of_what_is_gone_where_there_is_no_calendar)
{
    read_text("BEGIN:VCARD\nVERSION:4.0\nUID:2\nFN:Ann\nEND:VCARD\n");
    expect_troubles(&rows, "1 ? begins no calendar, and there is none in the file: save it again, "
                           "or delete it if what it held may go\n");
    cr_assert(!cf_record_file_certain(&rows));
    cr_assert(!rows.others);
}

/* An event may be meant, or be in it. */
Test(icalendar, is_in_doubt_of_what_has_a_wrong_begin_or_end)
{
    read_text("BEGIN:VCALENDAR\nBEGIN:VEVNT\nUID:1\nEND:VEVENT\nEND:VCALENDAR\n");
    cr_expect(!rows.count);
    cr_expect(!cf_record_file_certain(&rows));
    read_text("BEGIN:VCALENDAR\nBEGIN:VJOURNAL\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\nEND:VCALENDAR\n");
    cr_expect(!rows.count);
    cr_expect(!cf_record_file_certain(&rows));
}

Test(icalendar, names_an_event_with_too_many_lines)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "BEGIN:VEVENT\nUID:1\n");
    for (int i = 0; i < 10000; i++)
        cf_buffer_append_text(&text, "X-%d:1\n", i);
    cf_buffer_append_text(&text, "END:VEVENT\n");
    read_bytes(cf_buffer_view(&text));
    expect_troubles(&rows, "1 \"1\" has too many lines: delete some\n");
    cf_buffer_release(&text);
}

static void expect_not_written(const char *field, const char *json)
{
    cf_buffer out = rewritten_with(CALENDAR(EVENT("SUMMARY:x\n")), "events", field, json);

    expect_written(&out, CALENDAR(EVENT("")));
}

Test(icalendar, writes_nothing_that_would_be_something_else)
{
    expect_not_written("/iCalProps", "[\"uid\",{},\"unknown\",\"2\"]");
    expect_not_written("/iCalProps", "[\"recurrence-id\",{},\"unknown\",\"2\"]");
    expect_not_written("/iCalProps", "[\"end\",{},\"unknown\",\"VEVENT\"]");
    expect_not_written("/iCalProps", "[\"x\",{},\"unknown\",\"a\\nEND:VEVENT\"]");
    expect_not_written("/iCalComponents", "[\"x\\nEND:VEVENT\",[],[]]");
    expect_not_written("/iCalComponents", "[\"x\",[[\"end\",{},\"unknown\",\"X\"]],[]]");
    expect_not_written("/alerts", "{\"action\":\"x\\nEND:VALARM\"}");
    expect_not_written("/alerts", "{\"action\":\"x\\nbroken\"}");
    expect_not_written("/status", "\"a\\nEND:VEVENT\"");
    expect_not_written("/priority", "\"a\"");
    expect_not_written("/priority", "-1");
    expect_not_written("/created", "\"2024-01-01T00:00:00\"");
    expect_not_written("/recurrenceRules", "{\"frequency\":\"daily;x=1\"}");
    expect_not_written("/recurrenceRules", "{\"byDay\":[{\"day\":\"mo\\nX:1\"}]}");
    expect_not_written("/duration", "\"PT1H\"");
    expect_not_written("/start", "\"2024-01-01\"");
    expect_not_written("/recurrenceOverrides/x", "{\"excluded\":true}");
}
