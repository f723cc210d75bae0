/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/clock.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

static const uint64_t now_ms = 1000 * CF_DAY_MS;

Test(clock, follows_the_wall_while_that_is_ahead)
{
    cf_time next = cf_time_after((cf_time){1000, 7}, 1001);

    cr_assert_eq(next.ms, 1001);
    cr_assert_eq(next.counter, 0);
}

Test(clock, never_goes_back_when_the_wall_does)
{
    cf_time seen = {1000, 7}, next = cf_time_after(seen, 10);

    cr_assert(cf_time_compare(next, seen) > 0);
    cr_assert_eq(next.ms, 1000);
}

Test(clock, counts_on_at_the_end_of_time)
{
    cf_time seen = cf_time_after((cf_time){0, 0}, UINT64_MAX);

    cr_assert_eq(seen.ms, CF_TIME_MS_MAX);
    cr_assert(cf_time_compare(cf_time_after(seen, UINT64_MAX), seen) > 0);
}

Test(clock, goes_on_from_what_is_a_day_ahead_and_no_more)
{
    cf_time ahead = {now_ms + CF_TIME_AHEAD_MS, 3}, beyond = {ahead.ms + 1, 3};

    cr_assert(cf_time_counts(ahead, now_ms));
    cr_assert(cf_time_compare(cf_time_after(ahead, now_ms), (cf_time){ahead.ms, 4}) == 0);
    cr_assert_not(cf_time_counts(beyond, now_ms));
    cr_assert(cf_time_compare(cf_time_after(beyond, now_ms), (cf_time){now_ms, 0}) == 0);
    cr_assert_not(cf_time_counts((cf_time){CF_TIME_MS_MAX, 0}, 0));
}

/* It would begin again at zero, before all that it has seen. */
Test(clock, stays_at_the_highest_counter)
{
    cf_time seen = {now_ms, UINT64_MAX};

    cr_assert(cf_time_compare(cf_time_after(seen, now_ms - 1), seen) == 0);
    cr_assert(cf_time_compare(cf_time_after(seen, now_ms + 1), seen) > 0);
}

Test(clock, gives_files_the_latest_time_that_they_can_have)
{
    cr_assert_eq(cf_ns_of_ms(1001), INT64_C(1001000000));
    cr_assert_geq(cf_ns_of_ms(CF_TIME_MS_MAX), INT64_MAX - 1000000);
    cr_assert_eq(cf_ns_of_ms(UINT64_MAX), cf_ns_of_ms(CF_TIME_MS_MAX));
}

Test(clock, tells_how_far_two_are_apart_whatever_they_say)
{
    const int64_t day = CF_DAY_MS;

    cr_assert_eq(cf_clock_difference_ms(now_ms + 5, now_ms), 5);
    cr_assert_eq(cf_clock_difference_ms(now_ms, now_ms + 5), -5);
    cr_assert_eq(cf_clock_difference_ms(UINT64_MAX, 0), INT64_MAX);
    cr_assert_eq(cf_clock_difference_ms(0, UINT64_MAX), -INT64_MAX);
    cr_assert_not(cf_clock_is_off(day));
    cr_assert_not(cf_clock_is_off(-day));
    cr_assert(cf_clock_is_off(day + 1));
    cr_assert(cf_clock_is_off(-day - 1));
    cr_assert(cf_clock_is_off(INT64_MIN));
}

Test(clock, writes_how_far_that_is)
{
    const struct {
        int64_t difference_ms;
        const char *text;
    } cases[] = {{(int64_t)CF_DAY_MS + 1, "24 hours"},
                 {-2 * (int64_t)CF_DAY_MS + 1, "2 days"},
                 {INT64_C(47) * 3600000 + 1, "47 hours"},
                 {-5 * (int64_t)CF_DAY_MS - 1, "5 days"},
                 {INT64_MIN, "106751991167 days"}};
    char text[CF_CLOCK_TEXT];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cf_clock_write_distance(cases[i].difference_ms, text);
        cr_assert_str_eq(text, cases[i].text);
    }
}
