/* SPDX-License-Identifier: Apache-2.0 */
/* Which files may be saved again within the step of their times, each rule at its ends. */
#include "peer/merge/node_stat.h"

#include <criterion/criterion.h>

#define SECOND INT64_C(1000000000)
#define NOW (1795179900 * SECOND) /* a whole second, as a coarse clock has it */

static cf_stat changed(int64_t ctime_ns)
{
    return (cf_stat){.ctime_ns = ctime_ns, .mtime_ns = NOW - 5000 * SECOND};
}

Test(racy, goes_by_the_last_change_or_where_none_is_kept_by_the_last_write)
{
    const cf_stat both = {.ctime_ns = 7, .mtime_ns = 5}, one = {.mtime_ns = 5};

    cr_expect_eq(cf_racy_time(&both), 7);
    cr_expect_eq(cf_racy_time(&one), 5);
}

Test(racy, takes_whole_hundredths_for_coarse)
{
    const int64_t coarse[] = {NOW, NOW + SECOND / 100, NOW - 3 * SECOND / 100, -SECOND};
    const int64_t fine[] = {NOW + 1, NOW - 1, NOW + SECOND / 1000, NOW + SECOND / 100 - 1};

    for (size_t i = 0; i < sizeof coarse / sizeof *coarse; i++) {
        const cf_stat stat = changed(coarse[i]);

        cr_expect(cf_racy_is_coarse(&stat), "%zu", i);
    }
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        const cf_stat stat = changed(fine[i]);

        cr_expect_not(cf_racy_is_coarse(&stat), "%zu", i);
    }
}

/* As long as it takes until the longest step, of two seconds, is over; no longer than ten minutes
 * ahead is any clock. */
Test(racy, waits_for_the_end_of_the_step)
{
    static const struct {
        int64_t ahead_ns;
        uint32_t wait_ms;
    } rows[] = {{0, 2010},
                {SECOND / 2, 2510},
                {CF_RACY_AHEAD_NS, 602010},
                {CF_RACY_AHEAD_NS + SECOND / 100, 0},
                {-SECOND / 100, 0},
                {-CF_RACY_AHEAD_NS, 0},
                {1, 0}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const cf_stat stat = changed(NOW + rows[i].ahead_ns);

        cr_expect_eq(cf_racy_wait_ms(&stat, NOW), rows[i].wait_ms, "%zu", i);
    }
}

typedef bool is_racy(const cf_stat *stat, int64_t now_ns);

static void expect_within(is_racy *is, const char *what, int64_t most_ns)
{
    const int64_t inside[] = {0, most_ns, -most_ns, most_ns / 2, -most_ns / 2},
                  outside[] = {most_ns + SECOND / 100, -most_ns - SECOND / 100, 2 * most_ns, 1, -1};

    for (size_t i = 0; i < 5; i++) {
        const cf_stat in = {.mtime_ns = NOW + inside[i]}, out = {.mtime_ns = NOW + outside[i]};

        cr_expect(is(&in, NOW), "%s: %lld", what, (long long)inside[i]);
        cr_expect_not(is(&out, NOW), "%s: %lld", what, (long long)outside[i]);
    }
}

/* Of the step that goes on, or the one beside; what came from elsewhere has another's clock. */
Test(racy, is_near_in_both_directions)
{
    const cf_stat elsewhere = {.ctime_ns = NOW, .mtime_ns = NOW - 2 * CF_RACY_AHEAD_NS};

    expect_within(cf_racy_by_clock, "by our clock", 2 * SECOND);
    expect_within(cf_racy_is_placed, "placed", CF_RACY_AHEAD_NS);
    cr_expect_not(cf_racy_is_placed(&elsewhere, NOW), "by the time that it was given");
    cr_expect(cf_racy_by_clock(&elsewhere, NOW), "by when it was put there");
}

/* A disk keeps any times. */
Test(racy, is_none_that_is_beyond_all_clocks)
{
    const int64_t ends[] = {INT64_MAX - INT64_MAX % SECOND, INT64_MIN - INT64_MIN % SECOND};

    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++) {
            const cf_stat stat = {.mtime_ns = ends[i]};
            const bool same = i == k;

            cr_expect_eq(cf_racy_by_clock(&stat, ends[k]), same, "%zu %zu", i, k);
            cr_expect_eq(cf_racy_is_placed(&stat, ends[k]), same, "%zu %zu", i, k);
            cr_expect_eq(cf_racy_wait_ms(&stat, ends[k]) > 0, same, "%zu %zu", i, k);
        }
}

/* A step and what the clocks may be apart. */
Test(racy, leaves_room_where_no_file_can_be_made)
{
    cr_expect_eq(cf_racy_now_by_clock(NOW), NOW - 10 * SECOND);
}
