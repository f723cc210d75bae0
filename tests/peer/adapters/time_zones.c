/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/time_zones.h"

#include "tests/support/expect.h"

static void expect_zone(const char *name, const char *lines)
{
    cf_buffer is = {0}, expected = {0};

    cf_buffer_append_text(&expected,
                          "BEGIN:VTIMEZONE\nTZID:%s\nX-COUNTERFOIL-ZONE:MADE\n%sEND:VTIMEZONE\n",
                          name, lines);
    cr_assert(cf_time_zone_component(cf_bytes_of_text(name), &is), "%s", name);
    cr_assert(cf_bytes_equal(cf_buffer_view(&is), cf_buffer_view(&expected)), "%s is %.*s", name,
              (int)is.size, (const char *)is.data);
    cf_buffer_release(&is);
    cf_buffer_release(&expected);
}

Test(time_zones, changes_on_a_weekday_of_a_month)
{
    expect_zone("Europe/Berlin",
                "BEGIN:STANDARD\nDTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\n"
                "TZNAME:CET\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\n"
                "BEGIN:DAYLIGHT\nDTSTART:19700329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\n"
                "TZNAME:CEST\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT\n");
    expect_zone("America/New_York",
                "BEGIN:STANDARD\nDTSTART:19701101T020000\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\n"
                "TZNAME:EST\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nEND:STANDARD\n"
                "BEGIN:DAYLIGHT\nDTSTART:19700308T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\n"
                "TZNAME:EDT\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nEND:DAYLIGHT\n");
}

Test(time_zones, has_zones_that_never_change)
{
    expect_zone("Asia/Kolkata", "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZNAME:IST\n"
                                "TZOFFSETFROM:+0530\nTZOFFSETTO:+0530\nEND:STANDARD\n");
}

/* -1 h is the day before, 24 h the day after, unless that could be in the next month. */
Test(time_zones, moves_a_change_to_the_day_on_which_it_is)
{
    expect_zone("America/Nuuk",
                "BEGIN:STANDARD\nDTSTART:19701025T000000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\n"
                "TZNAME:-02\nTZOFFSETFROM:-0100\nTZOFFSETTO:-0200\nEND:STANDARD\n"
                "BEGIN:DAYLIGHT\nDTSTART:19700328T230000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SA;"
                "BYMONTHDAY=24,25,26,27,28,29,30\n"
                "TZNAME:-01\nTZOFFSETFROM:-0200\nTZOFFSETTO:-0100\nEND:DAYLIGHT\n");
    expect_zone("Africa/Cairo",
                "BEGIN:STANDARD\nDTSTART:19701029T235959\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1TH\n"
                "TZNAME:EET\nTZOFFSETFROM:+0300\nTZOFFSETTO:+0200\nEND:STANDARD\n"
                "BEGIN:DAYLIGHT\nDTSTART:19700424T000000\nRRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=-1FR\n"
                "TZNAME:EEST\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0300\nEND:DAYLIGHT\n");
}

Test(time_zones, knows_whole_names_only)
{
    static const char *const none[] = {"",
                                       " ",
                                       "Europe",
                                       "Europe/Berli",
                                       "urope/Berlin",
                                       "Europe/Berlin Europe/Bratislava",
                                       " Europe/Berlin",
                                       "A/B"};
    cf_buffer out = {0};

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect(!cf_time_zone_component(cf_bytes_of_text(none[i]), &out), "%s", none[i]);
    cr_expect_eq(out.size, 0);
    cr_expect(cf_time_zone_rule(cf_bytes_of_text("UTC")) != NULL);
}

/* A zone, a time on its clock as day and second, how much it is ahead of UTC, in minutes. */
Test(time_zones, tell_what_a_clock_shows)
{
    static const struct {
        const char *zone;
        int year, month, day, minute, ahead;
        bool back; /* the clock shows it at that time of UTC */
    } times[] = {
        {"Europe/Berlin", 2026, 1, 15, 720, 60, true},
        {"Europe/Berlin", 2026, 7, 15, 720, 120, true},
        {"Europe/Berlin", 2026, 3, 29, 119, 60, true},
        {"Europe/Berlin", 2026, 3, 29, 150, 60, false}, /* there is no 02:30: 03:30 is meant */
        {"Europe/Berlin", 2026, 3, 29, 180, 120, true},
        {"Europe/Berlin", 2026, 10, 25, 150, 120, true}, /* for the first time */
        {"Europe/Berlin", 2026, 10, 25, 180, 60, true},
        {"Europe/Dublin", 2026, 7, 15, 720, 60, true},
        {"Europe/Dublin", 2026, 12, 31, 1439, 0, true},
        {"America/New_York", 2026, 3, 8, 119, -300, true},
        {"America/New_York", 2026, 3, 8, 180, -240, true},
        {"America/New_York", 2026, 11, 1, 120, -300, true},
        {"Australia/Sydney", 2026, 1, 1, 0, 660, true},
        {"Australia/Sydney", 2026, 7, 1, 0, 600, true},
        {"Africa/Cairo", 2026, 10, 30, 60, 120, true},
        {"Asia/Kolkata", 2026, 10, 30, 60, 330, true},
        {"Etc/UTC", 2026, 10, 30, 60, 0, true},
    };

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const char *rule = cf_time_zone_rule(cf_bytes_of_text(times[i].zone));
        const int64_t day = cf_days_of(times[i].year, times[i].month, times[i].day);
        const int64_t wall = day * 86400 + times[i].minute * 60;
        const int64_t utc = cf_time_zone_utc(rule, wall);

        cr_expect_eq(wall - utc, times[i].ahead * 60, "%s %zu: %lld", times[i].zone, i,
                     (long long)(wall - utc) / 60);
        cr_expect_eq(cf_time_zone_wall(rule, utc) == wall, times[i].back, "%s %zu", times[i].zone,
                     i);
    }
}
