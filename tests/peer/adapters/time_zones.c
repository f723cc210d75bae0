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
