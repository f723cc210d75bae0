/* SPDX-License-Identifier: Apache-2.0 */
/* Times for people, where their clocks are half an hour beside the full one. */
#include "broker/platform/times.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <time.h>

/* 2026-11-20 13:05:10 in UTC; five hours and a half more here. */
static const uint64_t then = UINT64_C(1795179910000), minute = 60 * 1000;

static void enter_zone(void)
{
    setenv("TZ", "HERE-5:30", 1);
    tzset();
}

TestSuite(times, .init = enter_zone);

#define expect_shown(text, call)                                                                   \
    do {                                                                                           \
        char shown[CF_TIME_TEXT];                                                                  \
        call;                                                                                      \
        cr_expect_str_eq(shown, text);                                                             \
    } while (0)

Test(times, are_in_utc_where_programs_read_them)
{
    expect_shown("2026-11-20T13:05:10Z", cf_time_show(then, shown));
    expect_shown("1970-01-01T00:00:00Z", cf_time_show(999, shown));
}

Test(times, are_local_where_people_do)
{
    expect_shown("2026-11-20 18:35", cf_time_show_local(then, shown));
}

Test(times, say_by_which_minute_what_is_far_has_ended)
{
    expect_shown("18:36", cf_time_show_end(then, then - CF_TIME_NEAR_MS, shown));
    expect_shown("18:35", cf_time_show_end(then - 10000, then - 10000 - CF_TIME_NEAR_MS, shown));
    expect_shown("18:35:10", cf_time_show_end(then, then - CF_TIME_NEAR_MS + 1, shown));
    expect_shown("18:35:10", cf_time_show_end(then, then + CF_TIME_NEAR_MS, shown));
}

Test(times, say_since_when_to_the_second_while_that_is_near)
{
    expect_shown("18:35:10", cf_time_show_since(then, then, shown));
    expect_shown("18:35:10", cf_time_show_since(then, then + CF_TIME_NEAR_MS - 1, shown));
    expect_shown("18:35", cf_time_show_since(then, then + CF_TIME_NEAR_MS, shown));
}

/* The day here begins at 18:30 of the day before in UTC. */
Test(times, have_a_day_where_that_is_another_here)
{
    const uint64_t midnight = then + 5 * 60 * minute + 24 * minute + 50 * 1000;

    expect_shown("2026-11-21 00:00:00", cf_time_show_end(midnight, midnight - 1, shown));
    expect_shown("2026-11-21 00:00", cf_time_show_end(midnight, midnight - 5 * minute, shown));
    expect_shown("00:00", cf_time_show_since(midnight, midnight + 5 * minute, shown));
    expect_shown("2026-11-20 23:59",
                 cf_time_show_since(midnight - minute, midnight + 5 * minute, shown));
}
