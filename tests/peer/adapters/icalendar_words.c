/* SPDX-License-Identifier: Apache-2.0 */
/* What lines of events and tasks say in JSCalendar, and what it has no words for. */
#include "peer/adapters/icalendar.h"

#include "tests/peer/adapters/calendars.h"

#include <stdio.h>

TestSuite(icalendar_words, .init = calendars_enter, .fini = text_rows_leave);

Test(icalendar_words, reads_what_jscalendar_has_words_for)
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

Test(icalendar_words, reads_tasks)
{
    read_text(CALENDAR(
        TASK("DUE;VALUE=DATE:20240301\nSTATUS:IN-PROCESS\nPERCENT-COMPLETE:40\nDURATION:PT1H\n")));
    expect_rows(&rows,
                "\"1\" /due=\"2024-03-01T00:00:00\" /estimatedDuration=\"PT1H\" /percentComplete=40"
                " /progress=\"in-process\" /showWithoutTime=true\n");
    cr_assert(cf_bytes_equal(rows.rows[0].table, cf_bytes_of_text("tasks")));
    expect_same_in("", "task");
}

Test(icalendar_words, keeps_what_jscalendar_has_no_word_for)
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

Test(icalendar_words, reads_durations)
{
    static const char *const pairs[][2] = {{"P1W", "P7D"},       {"P1DT2H3M4S", "P1DT2H3M4S"},
                                           {"PT90M", "PT1H30M"}, {"PT24H", "P1D"},
                                           {"PT0S", "PT0S"},     {"P1D", "P1D"}};
    static const char *const broken[] = {"",     "P",   "PT",     "1D",    "P1",    "P1H",
                                         "PT1D", "P1M", "PT1S1H", "PT1H ", "-PT1H", "PT1234567890S",
                                         "PTH",  "PD"};

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

#define BERLIN(day, lines)                                                                         \
    CALENDAR(EVENT("DTSTART;TZID=Europe/Berlin:202610" day "T230000\n" lines "\n"))

/* Over a change of the clock: how long an event lasts, its end, and how that is spelled. Hours are
 * as they pass, days as a clock has them. */
Test(icalendar_words, lasts_as_long_over_a_change_of_the_clock)
{
    static const char *const ends[][3] = {
        {"PT8H", "DTEND;TZID=Europe/Berlin:20261025T060000", "PT8H"},
        {"P1D", "DTEND;TZID=Europe/Berlin:20261025T230000", "P1D"},
        {"PT25H", "DTEND;TZID=Europe/Berlin:20261025T230000", "P1D"},
        {"PT24H", "DTEND;TZID=Europe/Berlin:20261025T220000", "PT24H"},
        {"P1DT1H", "DTEND;TZID=Europe/Berlin:20261026T000000", "P1DT1H"},
        {"PT3H30M", "DTEND;TZID=Europe/Berlin:20261025T023000", "PT3H30M"},
        {"PT4H30M", NULL, "PT4H30M"}, /* 02:30 for the second time */
    };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char lasting[300], ending[300], wanted[300], field[40];

        snprintf(lasting, sizeof lasting, BERLIN("24", "DURATION:%s"), ends[i][0]);
        snprintf(ending, sizeof ending, BERLIN("24", "%s"), ends[i][1] ? ends[i][1] : "");
        snprintf(wanted, sizeof wanted,
                 "\"1\" /duration=\"%s\" /start=\"2026-10-24T23:00:00\" "
                 "/timeZone=\"Europe/Berlin\"\n",
                 ends[i][2]);
        for (int way = 0; way < (ends[i][1] ? 2 : 1); way++) {
            read_text(way ? ending : lasting);
            expect_rows(&rows, wanted);
            expect_unchanged(cf_bytes_of_text(way ? ending : lasting));
        }
        read_text(lasting);
        cf_buffer made = rewritten((cf_bytes){0}), now = {0};
        snprintf(field, sizeof field, "DURATION:%s", ends[i][2]);
        cr_expect(memmem(made.data, made.size, ends[i][1] ? ends[i][1] : field,
                         strlen(ends[i][1] ? ends[i][1] : field)),
                  "%s is %.*s", ends[i][0], (int)made.size, (const char *)made.data);
        read_bytes(cf_buffer_view(&made));
        now = printed();
        cr_expect(memmem(now.data, now.size, ends[i][2], strlen(ends[i][2])), "%s is %.*s",
                  ends[i][0], (int)now.size, (const char *)now.data);
        cf_buffer_release(&now);
        cf_buffer_release(&made);
    }
}

/* A start that is moved over the change of the clock, or to another zone, is as long before its
 * end. */
Test(icalendar_words, lasts_as_long_elsewhere)
{
    expect_change(BERLIN("23", "DTEND;TZID=Europe/Berlin:20261024T070000"),
                  BERLIN("24", "DURATION:PT8H"),
                  BERLIN("24", "DTEND;TZID=Europe/Berlin:20261025T060000"));
    read_text(CALENDAR(EVENT("DTSTART;TZID=America/New_York:20261024T230000\nDURATION:PT8H\n")));
    cf_buffer made =
        rewritten(cf_bytes_of_text(BERLIN("24", "DTEND;TZID=Europe/Berlin:20261025T060000")));
    const char *const end = "\nDTEND;TZID=America/New_York:20261025T070000\n";
    cr_expect(memmem(made.data, made.size, end, strlen(end)), "%.*s", (int)made.size,
              (const char *)made.data);
    cf_buffer_release(&made);
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

Test(icalendar_words, reads_when_alarms_go_off)
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

Test(icalendar_words, keeps_alarms_that_go_off_in_another_way)
{
    EXPECT_ALARM("TRIGGER;RELATED=X:PT0S",
                 "{\"iCalProps\":[[\"trigger\",{\"related\":\"X\"},\"unknown\",\"PT0S\"]]}");
    EXPECT_ALARM("TRIGGER;X-A=b:PT0S",
                 "{\"iCalProps\":[[\"trigger\",{\"x-a\":\"b\"},\"unknown\",\"PT0S\"]]}");
}

Test(icalendar_words, writes_what_comes_twice_behind_what_it_repeats)
{
    read_text(CALENDAR(EVENT("SUMMARY:first\nSUMMARY:second\n")));
    expect_rows(&rows,
                "\"1\" /iCalProps=[\"summary\",{},\"unknown\",\"second\"] /title=\"first\"\n");
    expect_same_in("", "twice");
}

Test(icalendar_words, takes_the_lines_of_an_alarm_in_any_order)
{
    static const char *const alarms[] = {
        "BEGIN:VALARM\nACTION:EMAIL\nTRIGGER:-PT5M\nATTENDEE:mailto:a\nATTENDEE:mailto:b\n"
        "SUMMARY:x\nX-C;X-D=1;X-E=2:1\nEND:VALARM\n",
        "BEGIN:VALARM\nX-C;X-E=2;X-D=1:1\nATTENDEE:mailto:b\nSUMMARY:x\nATTENDEE:mailto:a\n"
        "TRIGGER:-PT5M\nACTION:EMAIL\nEND:VALARM\n"};
    char text[2][600];

    for (size_t i = 0; i < 2; i++)
        snprintf(text[i], sizeof text[i], CALENDAR(AT("%s")), alarms[i]);
    expect_alike(text[0], text[1]);
}

Test(icalendar_words, takes_what_a_component_holds_in_any_order)
{
    static const char one[] = CALENDAR(EVENT(
        "BEGIN:X-A\nX-B:1\nX-C:2\nBEGIN:X-D\nX:1\nEND:X-D\nBEGIN:X-E\nX:1\nEND:X-E\nEND:X-A\n"));
    static const char other[] = CALENDAR(EVENT(
        "BEGIN:X-A\nBEGIN:X-E\nX:1\nEND:X-E\nBEGIN:X-D\nX:1\nEND:X-D\nX-C:2\nX-B:1\nEND:X-A\n"));

    expect_change(one, other, one);
    expect_change(other, one, other);
}

Test(icalendar_words, takes_the_first_start_that_can_be_read)
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

/* How a parameter is spelled, and one that says nothing, is no reason to have no word for the line:
 * it would be another one where it is written anew. */
Test(icalendar_words, takes_a_parameter_that_says_nothing_for_none)
{
    static const char *const pairs[][2] = {
        {"DTSTART;:20240109T093000\nX-A:1", "DTSTART:20240109T093000\nX-A:1"},
        {"DTSTART;:20240109T093000\nDTEND:20240109T120000", "DTSTART:20240109T093000\n"
                                                            "DTEND:20240109T120000"},
        {"DTSTART;VALUE=\"DATE\":20240109", "DTSTART;VALUE=DATE:20240109"},
        {"DTSTART;TYPE=;TZID=\"A\":20240109T093000", "DTSTART;TZID=A:20240109T093000"},
        {"DTSTART:20240109T093000\nDURATION;:PT1H", "DTSTART:20240109T093000\nDURATION:PT1H"},
        {"DTSTART:20240109T093000\nEXDATE;:20240110T093000",
         "DTSTART:20240109T093000\nEXDATE:20240110T093000"},
        {"STATUS;TYPE=,:CONFIRMED", "STATUS:CONFIRMED"},
        {"CATEGORIES;\"\":a,b", "CATEGORIES:a,b"},
        {"RRULE;;:FREQ=DAILY", "RRULE:FREQ=DAILY"},
        {"BEGIN:VALARM\nACTION;:DISPLAY\nTRIGGER;RELATED=\"END\":-PT5M\nEND:VALARM",
         "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER;RELATED=END:-PT5M\nEND:VALARM"},
    };
    char text[2][300];

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (size_t way = 0; way < 2; way++)
            snprintf(text[way], sizeof text[way], CALENDAR(EVENT("%s\n")), pairs[i][way]);
        expect_alike(text[0], text[1]);
        read_text(text[0]);
        expect_same_in("", text[0]);
    }
}

/* A line that there is a word for becomes one that there is none for, and back: in an event, in one
 * of its occurrences, in a task. */
Test(icalendar_words, changes_between_words_and_what_there_is_none_for)
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
         "Berlin:20240102T100000,20240103T100000Z\n"},
        {"DTSTART;TZID=Europe/Berlin:20240101T100000\nDUE;TZID=Europe/Berlin:20240101T110000\n",
         "DTSTART;TZID=Europe/Berlin:20240101T100000\nDUE:20240101T110000Z\n"},
        {"BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nEND:VALARM\n",
         "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER;X-A=1:-PT5M\nEND:VALARM\n"},
    };
    static const char *const around[][2] = {
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n", "END:VEVENT\nEND:VCALENDAR\n"},
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20240101T000000Z\nEND:VEVENT\nBEGIN:"
         "VEVENT\nUID:"
         "1\nRECURRENCE-ID;RANGE=THISANDFUTURE:20240102T000000Z\n",
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

/* Of what counts once the first line is the value, and the second one stays as it is. */
Test(icalendar_words, keeps_both_lines_of_what_counts_once_when_they_change_places)
{
    static const char *const lines[][2] = {{"SUMMARY:x\n", "SUMMARY;X-A=1:y\n"},
                                           {"DESCRIPTION:x\n", "DESCRIPTION:y\n"},
                                           {"STATUS:CONFIRMED\n", "STATUS:TENTATIVE\n"},
                                           {"PRIORITY:5\n", "PRIORITY:6\n"}};
    char one[300], other[300];

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(one, sizeof one, CALENDAR(AT("%s%s")), lines[i][0], lines[i][1]);
        snprintf(other, sizeof other, CALENDAR(AT("%s%s")), lines[i][1], lines[i][0]);
        expect_change(one, other, other);
        expect_change(other, one, one);
    }
}

/* The last day of a rule is a date, as its start is; a number that JSON would say otherwise is
 * none.
 */
Test(icalendar_words, reads_ends_and_numbers_of_rules_as_they_are)
{
    static const char *const lines[] = {"RRULE:FREQ=DAILY;UNTIL=20240630\n",
                                        "RRULE:FREQ=DAILY;COUNT=010\n"};
    static const char *const said[] = {"\"until\":\"2024-06-30\"", "COUNT=010"};

    for (size_t i = 0; i < 2; i++) {
        char text[600];

        snprintf(text, sizeof text, CALENDAR(AT("%s")), lines[i]);
        read_text(text);
        cf_buffer out = printed();
        *cf_buffer_reserve(&out, 1) = '\0';
        cr_expect_not_null(strstr((char *)out.data, said[i]), "%s", (char *)out.data);
        cf_buffer_release(&out);
        expect_same_in("", lines[i]);
    }
}
