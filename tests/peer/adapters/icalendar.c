/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/icalendar.h"

#include "tests/peer/adapters/rows.h"

static cf_record_file rows;
static cf_error error;

static void leave(void)
{
    cf_record_file_release(&rows);
}

TestSuite(icalendar, .fini = leave);

static void read_bytes(cf_bytes bytes)
{
    leave();
    expect_ok(cf_icalendar_rows_read(bytes, &rows, &error), error);
}

static void read_text(const char *text)
{
    read_bytes(cf_bytes_of_text(text));
}

static cf_buffer written(cf_bytes before)
{
    cf_buffer out = {0};

    expect_ok(cf_icalendar_rows_write(before, rows.rows, rows.count, &out, &error), error);
    return out;
}

static void expect_change(const char *before, const char *wanted, const char *after)
{
    read_text(wanted);
    cf_buffer out = written(cf_bytes_of_text(before));
    expect_written(&out, after);
}

static cf_buffer printed(void)
{
    cf_buffer out = {0};

    print_rows(&rows, &out);
    return out;
}

#define CALENDAR(lines) "BEGIN:VCALENDAR\nVERSION:2.0\n" lines "END:VCALENDAR\n"
#define EVENT(lines) "BEGIN:VEVENT\nUID:1\nDTSTAMP:20240101T000000Z\n" lines "END:VEVENT\n"
#define TASK(lines) "BEGIN:VTODO\nUID:1\nDTSTAMP:20240101T000000Z\n" lines "END:VTODO\n"
#define AT(lines) EVENT("DTSTART;TZID=Europe/Berlin:20240108T090000\n" lines)
#define OCCURRENCE(lines) EVENT("RECURRENCE-ID;TZID=Europe/Berlin:20240115T090000\n" lines)

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
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        cf_buffer bytes = an_export(exports[i].name);

        read_bytes(cf_buffer_view(&bytes));
        cr_assert_eq(rows.count, exports[i].records, "%s", exports[i].name);
        expect_troubles(&rows, "");
        cf_buffer out = written(cf_buffer_view(&bytes));
        cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_buffer_view(&bytes)), "%s is\n%.*s",
                  exports[i].name, (int)out.size, (char *)out.data);
        cf_buffer_release(&out);
        cf_buffer_release(&bytes);
    }
}

static void expect_same_in(const char *file, const char *name)
{
    cf_buffer meant = printed(), out = written(cf_bytes_of_text(file)), again;

    again = written(cf_buffer_view(&out)); /* it is written once, and not again */
    cr_assert(cf_bytes_equal(cf_buffer_view(&again), cf_buffer_view(&out)), "%s", name);
    cf_buffer_release(&again);
    read_bytes(cf_buffer_view(&out));
    again = printed();
    cr_assert(cf_bytes_equal(cf_buffer_view(&meant), cf_buffer_view(&again)),
              "%s was\n%.*s\nand is\n%.*s\nin %.*s", name, (int)meant.size, (char *)meant.data,
              (int)again.size, (char *)again.data, (int)out.size, (char *)out.data);
    expect_troubles(&rows, "");
    cf_buffer_release(&meant);
    cf_buffer_release(&again);
    cf_buffer_release(&out);
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

static void expect_unchanged(cf_bytes bytes)
{
    leave();
    if (cf_icalendar_rows_read(bytes, &rows, &error))
        return;
    cf_buffer out = written(bytes);
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), bytes));
    cf_buffer_release(&out);
}

Test(icalendar, keeps_what_is_cut_or_damaged)
{
    spoil("google.ics", expect_unchanged);
    spoil("nextcloud.ics", expect_unchanged);
}

Test(icalendar, reads_what_jscalendar_has_words_for)
{
    read_text(CALENDAR(AT(
        "DTEND;TZID=Europe/Berlin:20240108T103000\nSUMMARY;LANGUAGE=de:Treffen\\, kurz\n"
        "DESCRIPTION:a\\nb\nLOCATION:Raum 5\nSTATUS:CONFIRMED\nCLASS:CONFIDENTIAL\nTRANSP:OPAQUE\n"
        "PRIORITY:5\nSEQUENCE:2\nCREATED:20240101T000000Z\nLAST-MODIFIED:20240102T000000Z\n"
        "CATEGORIES:x,y\\,z\nRRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20240630T215959Z;BYDAY=MO,-1FR\n"
        "EXDATE;TZID=Europe/Berlin:20240122T090000\nX-FOO;A=b:c\\,d\n"
        "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER;RELATED=END:-PT15M\nDESCRIPTION:x\nEND:VALARM\n")
                           OCCURRENCE("DTSTART;TZID=Europe/"
                                      "Berlin:20240115T100000\nSUMMARY:later\nCATEGORIES:k\n")));
    expect_rows(
        &rows,
        "\"1\""
        " /"
        "alerts={\"action\":\"display\",\"trigger\":{\"offset\":\"-PT15M\",\"relativeTo\":\"end\"},"
        "\"iCalProps\":[[\"description\",{},\"unknown\",\"x\"]]}"
        " /created=\"2024-01-01T00:00:00Z\" /description=\"a\\nb\" /duration=\"PT1H30M\""
        " /freeBusyStatus=\"busy\" /iCalParams/summary={\"language\":\"de\"}"
        " /iCalProps=[\"x-foo\",{\"a\":\"b\"},\"unknown\",\"c\\\\,d\"]"
        " /keywords=\"x\",\"y,z\" /locations={\"name\":\"Raum 5\"} /priority=5 /privacy=\"secret\""
        " /recurrenceOverrides/"
        "2024-01-15T09:00:00={\"start\":\"2024-01-15T10:00:00\",\"title\":\"later\","
        "\"keywords\":[\"k\"],\"timeZone\":\"Europe/Berlin\"}"
        " /recurrenceOverrides/2024-01-22T09:00:00={\"excluded\":true}"
        " /recurrenceRules={\"byDay\":[{\"day\":\"mo\"},{\"day\":\"fr\",\"nthOfPeriod\":-1}],"
        "\"until\":\"2024-06-30T21:59:59Z\",\"interval\":2,\"frequency\":\"weekly\"}"
        " /sequence=2 /start=\"2024-01-08T09:00:00\" /status=\"confirmed\" "
        "/timeZone=\"Europe/Berlin\""
        " /title=\"Treffen, kurz\" /updated=\"2024-01-02T00:00:00Z\"\n");
}

#define ALARM(trigger) "BEGIN:VALARM\n" trigger "\nEND:VALARM\n"

/* What is read of such an alarm is written in just this way again. */
#define EXPECT_ALARM(trigger, alert)                                                               \
    do {                                                                                           \
        read_text(CALENDAR(EVENT(ALARM(trigger))));                                                \
        expect_rows(&rows, "\"1\" /alerts=" alert "\n");                                           \
        expect_same_in("", trigger);                                                               \
        expect_change(CALENDAR(EVENT("")), CALENDAR(EVENT(ALARM(trigger))),                        \
                      CALENDAR(EVENT(ALARM(trigger))));                                            \
    } while (0)

Test(icalendar, reads_when_alarms_go_off)
{
    EXPECT_ALARM("TRIGGER:-PT15M", "{\"trigger\":{\"offset\":\"-PT15M\"}}");
    EXPECT_ALARM("TRIGGER;RELATED=START:-PT15M",
                 "{\"trigger\":{\"offset\":\"-PT15M\",\"relativeTo\":\"start\"}}");
    EXPECT_ALARM("TRIGGER;RELATED=END:PT0S",
                 "{\"trigger\":{\"offset\":\"PT0S\",\"relativeTo\":\"end\"}}");
    EXPECT_ALARM("TRIGGER;VALUE=DURATION;RELATED=END:-P1D",
                 "{\"trigger\":{\"offset\":\"-P1D\",\"iCalParams\":{\"value\":\"duration\"},"
                 "\"relativeTo\":\"end\"}}");
    EXPECT_ALARM("TRIGGER;VALUE=DATE-TIME:20240102T030405Z",
                 "{\"trigger\":{\"when\":\"2024-01-02T03:04:05Z\"}}");
}

Test(icalendar, keeps_alarms_that_go_off_in_another_way)
{
    EXPECT_ALARM("TRIGGER;RELATED=X:PT0S",
                 "{\"iCalProps\":[[\"trigger\",{\"related\":\"X\"},\"unknown\",\"PT0S\"]]}");
    EXPECT_ALARM("TRIGGER;X-A=b:PT0S",
                 "{\"iCalProps\":[[\"trigger\",{\"x-a\":\"b\"},\"unknown\",\"PT0S\"]]}");
}

Test(icalendar, reads_tasks)
{
    read_text(CALENDAR(
        TASK("DUE;VALUE=DATE:20240301\nSTATUS:IN-PROCESS\nPERCENT-COMPLETE:40\nDURATION:PT1H\n")));
    expect_rows(&rows,
                "\"1\" /due=\"2024-03-01T00:00:00\" /estimatedDuration=\"PT1H\" /percentComplete=40"
                " /progress=\"in-process\" /showWithoutTime=true\n");
    cr_assert(cf_bytes_equal(rows.rows[0].table, cf_bytes_of_text("tasks")));
    expect_same_in("", "task");
}

Test(icalendar, keeps_what_jscalendar_has_no_word_for)
{
    static const char *const lines[] = {"DTSTART;X=1:20240108T090000",
                                        "DTSTART:20240230T090000",
                                        "DTSTART;TZID=\"a,b\":20240108T090000",
                                        "DTSTART;VALUE=DATE;TZID=x:20240108",
                                        "DTSTART:20240108",
                                        "DURATION:PT1H",
                                        "DTEND:20240108T090000",
                                        "STATUS:Confirmed",
                                        "STATUS;X=1:CONFIRMED",
                                        "PRIORITY:05",
                                        "PRIORITY:high",
                                        "CREATED:20240101T000000",
                                        "CREATED;TZID=x:20240101T000000",
                                        "RRULE:FREQ=DAILY;X-NEW=1",
                                        "RRULE:FREQ=DAILY;FREQ=DAILY",
                                        "RRULE:COUNT=x",
                                        "RRULE:FREQ=DAILY;BYDAY=",
                                        "RRULE:FREQ=DAILY;UNTIL=2024",
                                        "EXDATE:20240108T090000,20240109T090000",
                                        "CATEGORIES;X=1:a,b",
                                        "LOCATION;ALTREP=\"x\":y",
                                        "g.LOCATION:y",
                                        "DUE:20240108T090000"};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[300];

        snprintf(text, sizeof text, CALENDAR(EVENT("%s\n")), lines[i]);
        read_text(text);
        cr_assert_eq(rows.count, 1);
        cr_assert_eq(rows.rows[0].field_count, 1, "%s", lines[i]);
        expect_bytes(rows.rows[0].fields[0].name, "/iCalProps");
        expect_same_in("", lines[i]);
    }
}

Test(icalendar, reads_durations)
{
    static const char *const pairs[][2] = {{"P1W", "P7D"},       {"P1DT2H3M4S", "P1DT2H3M4S"},
                                           {"PT90M", "PT1H30M"}, {"PT24H", "P1D"},
                                           {"PT0S", "PT0S"},     {"P1D", "P1D"}};
    static const char *const broken[] = {"",       "P",     "PT",    "1D",
                                         "P1",     "P1H",   "PT1D",  "P1M",
                                         "PT1S1H", "PT1H ", "-PT1H", "PT1234567890S"};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[300], wanted[300];

        snprintf(text, sizeof text, CALENDAR(EVENT("DTSTART:20240108T090000\nDURATION:%s\n")),
                 pairs[i][0]);
        snprintf(wanted, sizeof wanted, "\"1\" /duration=\"%s\" /start=\"2024-01-08T09:00:00\"\n",
                 pairs[i][1]);
        read_text(text);
        expect_rows(&rows, wanted);
        expect_unchanged(cf_bytes_of_text(text));
    }
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char text[300];

        snprintf(text, sizeof text, CALENDAR(EVENT("DTSTART:20240108T090000\nDURATION:%s\n")),
                 broken[i]);
        read_text(text);
        cr_assert_eq(rows.rows[0].field_count, 2, "%s", broken[i]);
        expect_bytes(rows.rows[0].fields[0].name, "/iCalProps");
    }
}

static void expect_edit(const char *name, const char *old, const char *new)
{
    cf_buffer before = an_export(name), after = with_replaced((char *)before.data, old, new);

    read_bytes(cf_buffer_view(&after));
    cf_buffer out = written(cf_buffer_view(&before));
    *cf_buffer_reserve(&after, 1) = '\0';
    expect_written(&out, (char *)after.data);
    cf_buffer_release(&after);
    cf_buffer_release(&before);
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
    cf_buffer out = written(cf_bytes_of_text(CALENDAR("")));
    for (size_t i = 0; i < 4; i++)
        cr_assert(memmem(out.data, out.size, zones[i], strlen(zones[i])), "%s is in\n%.*s",
                  zones[i], (int)out.size, (char *)out.data);
    cr_assert(!memmem(out.data, out.size, "TZID:D", 6));
    cf_buffer_release(&out);
    expect_same_in("", "zones");
}

Test(icalendar, changes_occurrences)
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
                                           "DTSTAMP:19700101T000000Z\nSUMMARY:x\nEND:VEVENT\n"));
    expect_change(
        excluded, changed,
        CALENDAR(AT("RRULE:FREQ=WEEKLY\n") "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/"
                                           "Berlin:20240115T090000\n"
                                           "DTSTAMP:19700101T000000Z\nSUMMARY:x\nEND:VEVENT\n"));
}

#define STAMPED AT("RRULE:FREQ=WEEKLY\nCREATED:20240102T000000Z\nLAST-MODIFIED:20240103T000000Z\n")
#define LATER(lines)                                                                               \
    "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20240115T090000\n" lines "END:VEVENT\n"

Test(icalendar, stamps_a_new_occurrence_with_the_last_change_that_is_told)
{
    expect_change(CALENDAR(STAMPED), CALENDAR(STAMPED LATER("SUMMARY:x\n")),
                  CALENDAR(STAMPED LATER("DTSTAMP:20240103T000000Z\nSUMMARY:x\n")));
    expect_change(CALENDAR(STAMPED), CALENDAR(STAMPED LATER("CREATED:20240104T000000Z\n")),
                  CALENDAR(STAMPED LATER("DTSTAMP:20240104T000000Z\nCREATED:20240104T000000Z\n")));
}

Test(icalendar, moves_occurrences_into_another_zone)
{
    expect_change(
        CALENDAR(AT("EXDATE;TZID=Europe/Berlin:20240122T090000\n") OCCURRENCE("SUMMARY:x\n")),
        CALENDAR(EVENT("DTSTART:20240108T090000Z\nEXDATE:20240122T090000Z\n")
                     EVENT("RECURRENCE-ID:20240115T090000Z\nSUMMARY:x\n")),
        CALENDAR(EVENT("DTSTART:20240108T090000Z\nEXDATE:20240122T090000Z\n")
                     EVENT("RECURRENCE-ID:20240115T090000Z\nSUMMARY:x\n")));
}

Test(icalendar, reads_an_occurrence_of_what_is_elsewhere)
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

    snprintf(text, sizeof text, CALENDAR(AT("") EVENT("RECURRENCE-ID%s\nSUMMARY:x\n")), line);
    snprintf(wanted, sizeof wanted,
             "\"1\" /recurrenceOverrides/%s={\"title\":\"x\"} /start=\"2024-01-08T09:00:00\" "
             "/timeZone=\"Europe/Berlin\"\n",
             name);
    read_text(text);
    expect_rows(&rows, wanted);
    expect_same_in("", line);
    expect_same_in(CALENDAR(AT("")), line);
}

Test(icalendar, names_an_occurrence_by_all_that_its_line_says)
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

Test(icalendar, writes_what_comes_twice_behind_what_it_repeats)
{
    read_text(CALENDAR(EVENT("SUMMARY:first\nSUMMARY:second\n")));
    expect_rows(&rows,
                "\"1\" /iCalProps=[\"summary\",{},\"unknown\",\"second\"] /title=\"first\"\n");
    expect_same_in("", "twice");
}

Test(icalendar, says_that_it_holds_what_is_never_synced)
{
    read_text("BEGIN:VCALENDAR\r\nBEGIN:VJOURNAL\r\nUID:1\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n");
    cr_assert(rows.others && !rows.count && !rows.trouble_count);
    read_text("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    cr_assert(!rows.others);
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

/* Replaces what is in `out` by the event that has this field. */
static void write_field(const char *field, const char *json, cf_buffer *out)
{
    static const char text[] = CALENDAR(EVENT("SUMMARY:x\n"));
    cf_buffer value = {0};
    cf_json parsed;

    expect_ok(cf_json_read(cf_bytes_of_text(json), &parsed, &error), error);
    expect_ok(cf_json_value(&parsed, 0, &value, &error), error);
    const cf_bytes values[] = {cf_buffer_view(&value)};
    const cf_row_field fields[] = {{cf_bytes_of_text(field), values, 1}};
    const cf_row row = {.table = cf_bytes_of_text("events"),
                        .key = cf_bytes_of_text("\xa1"
                                                "1"),
                        .fields = fields,
                        .field_count = 1};
    cf_buffer_clear(out);
    expect_ok(cf_icalendar_rows_write(cf_bytes_of_text(text), &row, 1, out, &error), error);
    cf_json_release(&parsed);
    cf_buffer_release(&value);
}

static void expect_not_written(const char *field, const char *json)
{
    cf_buffer out = {0};

    write_field(field, json, &out);
    expect_written(&out, CALENDAR(EVENT("")));
}

Test(icalendar, writes_of_an_occurrences_name_no_line_but_one)
{
    static const char *const names[] = {";X=1:2\nSUMMARY:y", ";X=1:2\rSUMMARY:y", ";X\nSUMMARY:y",
                                        "2\nSUMMARY:y", ";"};
    cf_buffer out = {0};
    char field[100];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(field, sizeof field, "/recurrenceOverrides/%s", names[i]);
        write_field(field, "{\"title\":\"z\"}", &out);
        cf_buffer_append(&out, "", 1);
        cr_assert(!strstr((char *)out.data, "\nSUMMARY:y") &&
                      !strstr((char *)out.data, "\rSUMMARY:y"),
                  "%s", (char *)out.data);
        cr_assert(strstr((char *)out.data, "\nRECURRENCE-ID:"), "%s", (char *)out.data);
    }
    cf_buffer_release(&out);
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

Test(icalendar, takes_the_lines_of_an_occurrence_in_any_order)
{
    static const char one[] = CALENDAR(AT("") OCCURRENCE(
        "ATTENDEE:mailto:a\nATTENDEE:mailto:b\nX-C:1\nCATEGORIES:x,y\n"
        "BEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\nBEGIN:VALARM\nTRIGGER:-PT1M\nEND:VALARM\n"));
    static const char other[] = CALENDAR(AT("") OCCURRENCE(
        "CATEGORIES:y,x\nX-C:1\nATTENDEE:mailto:b\nATTENDEE:mailto:a\n"
        "BEGIN:VALARM\nTRIGGER:-PT1M\nEND:VALARM\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\n"));

    read_text(one);
    cf_buffer meant = printed();
    read_text(other);
    cf_buffer again = printed();
    cr_assert(cf_bytes_equal(cf_buffer_view(&meant), cf_buffer_view(&again)));
    expect_change(one, other, one);
    cf_buffer_release(&meant);
    cf_buffer_release(&again);
}

Test(icalendar, takes_the_lines_of_an_alarm_in_any_order)
{
    static const char *const alarms[] = {
        "BEGIN:VALARM\nACTION:EMAIL\nTRIGGER:-PT5M\nATTENDEE:mailto:a\nATTENDEE:mailto:b\n"
        "SUMMARY:x\nX-C;X-D=1;X-E=2:1\nEND:VALARM\n",
        "BEGIN:VALARM\nX-C;X-E=2;X-D=1:1\nATTENDEE:mailto:b\nSUMMARY:x\nATTENDEE:mailto:a\n"
        "TRIGGER:-PT5M\nACTION:EMAIL\nEND:VALARM\n"};
    char text[2][600];

    for (size_t i = 0; i < 2; i++)
        snprintf(text[i], sizeof text[i], CALENDAR(AT("%s")), alarms[i]);
    read_text(text[0]);
    cf_buffer meant = printed();
    read_text(text[1]);
    cf_buffer again = printed();
    cr_assert(cf_bytes_equal(cf_buffer_view(&meant), cf_buffer_view(&again)), "%.*s and %.*s",
              (int)meant.size, (char *)meant.data, (int)again.size, (char *)again.data);
    expect_change(text[0], text[1], text[0]);
    cf_buffer_release(&meant);
    cf_buffer_release(&again);
}

Test(icalendar, takes_what_a_component_holds_in_any_order)
{
    static const char one[] = CALENDAR(EVENT(
        "BEGIN:X-A\nX-B:1\nX-C:2\nBEGIN:X-D\nX:1\nEND:X-D\nBEGIN:X-E\nX:1\nEND:X-E\nEND:X-A\n"));
    static const char other[] = CALENDAR(EVENT(
        "BEGIN:X-A\nBEGIN:X-E\nX:1\nEND:X-E\nBEGIN:X-D\nX:1\nEND:X-D\nX-C:2\nX-B:1\nEND:X-A\n"));

    expect_change(one, other, one);
    expect_change(other, one, other);
}

Test(icalendar, takes_the_first_start_that_can_be_read)
{
    static const char twice[] = "DTSTART;TZID=Europe/Berlin:never\n"
                                "DTSTART;TZID=Europe/Berlin:20240116T090000\n";
    char text[600];

    snprintf(text, sizeof text, CALENDAR(EVENT("%s")), twice);
    read_text(text);
    expect_rows(&rows, "\"1\" /iCalProps=[\"dtstart\",{\"tzid\":\"Europe/Berlin\"},\"unknown\","
                       "\"never\"] /start=\"2024-01-16T09:00:00\" "
                       "/timeZone=\"Europe/Berlin\"\n");
    snprintf(text, sizeof text, CALENDAR(AT("") OCCURRENCE("%s")), twice);
    read_text(text);
    expect_same_in("", "two starts");
}

/* A line that there is a word for becomes one that there is none for, and back: in an event, in one
 * of its occurrences, in a task. */
Test(icalendar, changes_between_words_and_what_there_is_none_for)
{
    static const char *const lines[][2] = {
        {"LAST-MODIFIED:20240113T070000Z\n", "LAST-MODIFIED:garbage\n"},
        {"CREATED:20240113T070000Z\n", "CREATED;X-A=1:20240113T070000Z\n"},
        {"DTSTART;TZID=Europe/Berlin:20240101T100000\nDTEND;TZID=Europe/Berlin:20240101T110000\n",
         "DTSTART;TZID=Europe/Berlin:20240101T100000\nDTEND;TZID=America/"
         "New_York:20240101T110000\n"},
        {"DTSTART;TZID=Europe/Berlin:20240101T100000\nDURATION:PT1H\n",
         "DTSTART;TZID=Europe/Berlin:20240101T100000\nDURATION:-PT1H\n"},
        {"DTSTART;TZID=Europe/Berlin:20240101T100000\nDTEND;TZID=Europe/Berlin:20240101T110000\n",
         "DTSTART;TZID=Europe/Berlin:20240101T100000\nDTEND:20240101T110000Z\n"},
        {"DTSTART;TZID=Europe/Berlin:20240101T100000\n", "DTSTART;TZID=\"a,b\":20240101T100000\n"},
        {"SEQUENCE:1\n", "SEQUENCE:a\n"},
        {"PRIORITY:1\n", "PRIORITY;X-A=1:1\n"},
        {"STATUS:CONFIRMED\n", "STATUS;X-A=1:CONFIRMED\n"},
        {"TRANSP:OPAQUE\n", "TRANSP;X-A=1:OPAQUE\n"},
        {"CATEGORIES:a,b\n", "CATEGORIES;LANGUAGE=de:a,b\n"},
        {"LOCATION:a\n", "LOCATION;LANGUAGE=de:a\n"},
        {"RRULE:FREQ=DAILY\n", "RRULE;X-A=1:FREQ=DAILY\n"},
        {"RRULE:FREQ=DAILY\n", "RRULE:FREQ=DAILY;X-A=1\n"},
        {"SUMMARY:a\n", "SUMMARY;LANGUAGE=de:b\n"},
        {"DTSTART;TZID=Europe/Berlin:20240101T100000\nEXDATE;TZID=Europe/Berlin:20240102T100000\n",
         "DTSTART;TZID=Europe/Berlin:20240101T100000\nEXDATE;TZID=Europe/"
         "Berlin:20240102T100000,20240103T100000\n"},
        {"DTSTART;TZID=Europe/Berlin:20240101T100000\nDUE;TZID=Europe/Berlin:20240101T110000\n",
         "DTSTART;TZID=Europe/Berlin:20240101T100000\nDUE:20240101T110000Z\n"},
        {"BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nEND:VALARM\n",
         "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER;X-A=1:-PT5M\nEND:VALARM\n"},
    };
    static const char *const around[][2] = {
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n", "END:VEVENT\nEND:VCALENDAR\n"},
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20240101T000000Z\nEND:VEVENT\nBEGIN:"
         "VEVENT\nUID:"
         "1\nRECURRENCE-ID:20240102T000000Z\n",
         "END:VEVENT\nEND:VCALENDAR\n"},
        {"BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\n", "END:VTODO\nEND:VCALENDAR\n"}};
    char text[2][1000];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (size_t at = 0; at < 3; at++) {
            for (size_t way = 0; way < 2; way++)
                snprintf(text[way], sizeof text[way], "%s%s%s", around[at][0], lines[i][way],
                         around[at][1]);
            for (size_t way = 0; way < 2; way++) {
                read_text(text[way]);
                expect_same_in(text[!way], text[way]);
            }
        }
}
