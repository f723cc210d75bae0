/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what calendars and cards may have once: each property of the standards has a row. */
#include "peer/records/seats.h"

#include <string.h>

#include "codec/pack.h"
#include "peer/records/record.h"
#include "tests/support/expect.h"

/* RFC 5545, 8.3.2; RFC 7986, 5; RFC 6350, 10.3.1; RFC 6474, 6715, 8605, 9554. */
static const char *const calendar_names[] = {"CALSCALE",
                                             "METHOD",
                                             "PRODID",
                                             "VERSION",
                                             "ATTACH",
                                             "CATEGORIES",
                                             "CLASS",
                                             "COMMENT",
                                             "DESCRIPTION",
                                             "GEO",
                                             "LOCATION",
                                             "PRIORITY",
                                             "RESOURCES",
                                             "STATUS",
                                             "SUMMARY",
                                             "PERCENT-COMPLETE",
                                             "COMPLETED",
                                             "DTEND",
                                             "DUE",
                                             "DTSTART",
                                             "DURATION",
                                             "FREEBUSY",
                                             "TRANSP",
                                             "TZID",
                                             "TZNAME",
                                             "TZOFFSETFROM",
                                             "TZOFFSETTO",
                                             "TZURL",
                                             "ATTENDEE",
                                             "CONTACT",
                                             "ORGANIZER",
                                             "RELATED-TO",
                                             "RECURRENCE-ID",
                                             "URL",
                                             "UID",
                                             "EXDATE",
                                             "EXRULE",
                                             "RDATE",
                                             "RRULE",
                                             "ACTION",
                                             "REPEAT",
                                             "TRIGGER",
                                             "CREATED",
                                             "DTSTAMP",
                                             "LAST-MODIFIED",
                                             "SEQUENCE",
                                             "NAME",
                                             "COLOR",
                                             "REQUEST-STATUS",
                                             "REFRESH-INTERVAL",
                                             "SOURCE",
                                             "IMAGE",
                                             "CONFERENCE"};
static const char *const card_names[] = {"SOURCE",
                                         "KIND",
                                         "XML",
                                         "FN",
                                         "N",
                                         "NICKNAME",
                                         "PHOTO",
                                         "BDAY",
                                         "GENDER",
                                         "ANNIVERSARY",
                                         "ADR",
                                         "TEL",
                                         "EMAIL",
                                         "IMPP",
                                         "LANG",
                                         "TZ",
                                         "GEO",
                                         "TITLE",
                                         "ROLE",
                                         "LOGO",
                                         "ORG",
                                         "MEMBER",
                                         "RELATED",
                                         "CATEGORIES",
                                         "NOTE",
                                         "PRODID",
                                         "REV",
                                         "SOUND",
                                         "UID",
                                         "CLIENTPIDMAP",
                                         "URL",
                                         "VERSION",
                                         "KEY",
                                         "FBURL",
                                         "CALADRURI",
                                         "CALURI",
                                         "BIRTHPLACE",
                                         "DEATHPLACE",
                                         "DEATHDATE",
                                         "EXPERTISE",
                                         "HOBBY",
                                         "INTEREST",
                                         "CREATED",
                                         "LANGUAGE",
                                         "PRONOUNS",
                                         "GRAMGENDER",
                                         "CONTACT-URI",
                                         "SOCIALPROFILE",
                                         "ORG-DIRECTORY",
                                         "LABEL",
                                         "AGENT",
                                         "X-SOCIALPROFILE",
                                         "X-JABBER",
                                         "X-AIM",
                                         "X-ICQ",
                                         "X-MSN",
                                         "X-YAHOO",
                                         "X-SKYPE",
                                         "X-ABDATE",
                                         "X-ABRELATEDNAMES"};

Test(seats, are_those_of_calendars_and_cards)
{
    const cf_bytes lines = cf_bytes_of_text("/iCalProps"), cards = cf_bytes_of_text("/vCardProps");

    cr_expect(cf_set_has_seats(CF_KIND_EVENT, lines));
    cr_expect(cf_set_has_seats(CF_KIND_TASK, lines));
    cr_expect(cf_set_has_seats(CF_KIND_CONTACT, cards));
    cr_expect_not(cf_set_has_seats(CF_KIND_EVENT, cards));
    cr_expect_not(cf_set_has_seats(CF_KIND_CONTACT, lines));
    cr_expect_not(cf_set_has_seats(CF_KIND_ROW, lines), "a column may be called anything");
    cr_expect_not(cf_set_has_seats(CF_KIND_RECORD, lines));
    cr_expect_not(cf_set_has_seats(CF_KIND_EVENT, cf_bytes_of_text("/iCalProp")));
}

static size_t rows_named(bool card, const char *name)
{
    size_t found = 0;

    for (size_t i = 0; i < cf_property_rule_count; i++)
        found += cf_property_rules[i].card == card && !strcmp(cf_property_rules[i].name, name);
    return found;
}

Test(seats, have_a_row_for_each_property_of_the_standards)
{
    size_t count = sizeof calendar_names / sizeof *calendar_names;
    size_t cards = sizeof card_names / sizeof *card_names;

    for (size_t i = 0; i < count; i++)
        cr_assert_eq(rows_named(false, calendar_names[i]), 1, "%s", calendar_names[i]);
    for (size_t i = 0; i < cards; i++)
        cr_assert_eq(rows_named(true, card_names[i]), 1, "%s", card_names[i]);
    cr_assert_eq(cf_property_rule_count, count + cards);
    for (size_t i = 0; i < cf_property_rule_count; i++)
        cr_assert_eq(strncmp(cf_property_rules[i].section, "RFC ", 4), 0);
}

Test(seats, know_what_may_be_once_whatever_the_case)
{
    cr_assert_eq(cf_property_times(false, cf_bytes_of_text("geo")), CF_TIMES_ONCE);
    cr_assert_eq(cf_property_times(true, cf_bytes_of_text("Geo")), CF_TIMES_ALONE);
    cr_assert_eq(cf_property_times(false, cf_bytes_of_text("Last-Modified")), CF_TIMES_GREATEST);
    cr_assert_eq(cf_property_times(false, cf_bytes_of_text("attendee")), CF_TIMES_ADDRESS);
    cr_assert_eq(cf_property_times(false, cf_bytes_of_text("comment")), CF_TIMES_MANY);
    cr_assert_eq(cf_property_times(false, cf_bytes_of_text("x-mood")), CF_TIMES_ALONE);
    cr_assert_eq(cf_property_times(true, cf_bytes_of_text("bday")), CF_TIMES_ONCE);
    cr_assert_eq(cf_property_times(true, cf_bytes_of_text("x-jabber")), CF_TIMES_MANY);
    const cf_seat big = {.name = cf_bytes_of_text("GEO")},
                  small = {.name = cf_bytes_of_text("geo")};
    cr_assert(cf_seat_alike(&big, &small));
}

Test(seats, order_numbers_by_what_they_are)
{
    cr_assert_lt(cf_spelled_compare(cf_bytes_of_text("9"), cf_bytes_of_text("12")), 0);
    cr_assert_gt(cf_spelled_compare(cf_bytes_of_text("20261102T090000Z"),
                                    cf_bytes_of_text("20261101T090000Z")),
                 0);
    for (uint64_t low = 0, high = 1; high < UINT64_MAX / 3; low = high, high *= 3) {
        cf_buffer a = {0}, b = {0};

        cf_pack_uint(&a, low);
        cf_pack_uint(&b, high);
        cr_assert_lt(cf_greatest_compare(cf_buffer_view(&a), cf_buffer_view(&b)), 0);
        cr_assert_gt(cf_greatest_compare(cf_buffer_view(&b), cf_buffer_view(&a)), 0);
        cf_buffer_release(&a);
        cf_buffer_release(&b);
    }
}

Test(seats, order_lines_and_what_fields_say)
{
    static const struct {
        const char *line, *time;
        uint64_t number;
        int order;
    } pairs[] = {
        {"12", NULL, 5, 1},
        {"5", NULL, 12, -1},
        {"012", NULL, 13, -1},
        {"12", NULL, 12, 0},
        {"00", NULL, 0, 0},
        {"9a", NULL, 5, -1},
        {"", NULL, 0, -1},
        {"18446744073709551616", NULL, UINT64_MAX, 1},
        {"20240103T000000Z", "2024-01-02T00:00:00Z", 0, 1},
        {"20240102T000000Z", "2024-01-02T00:00:00Z", 0, 0},
        {"2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", 0, -1},
        {"20240103", "2024-01-02T00:00:00Z", 0, 1},
        {"never", "2024-01-02T00:00:00Z", 0, -1},
        {"", "", 0, -1},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cf_buffer value = {0};

        if (pairs[i].time)
            cf_pack_text(&value, cf_bytes_of_text(pairs[i].time));
        else
            cf_pack_uint(&value, pairs[i].number);
        const int order =
            cf_spelled_compare_value(cf_bytes_of_text(pairs[i].line), cf_buffer_view(&value));
        cr_expect_eq((order > 0) - (order < 0), pairs[i].order, "%s", pairs[i].line);
        cf_buffer_release(&value);
    }
}
