/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/flow.h"

#include "tests/support/expect.h"

#include <criterion/criterion.h>

enum { SIZE = 1000000, SECOND = 1000, PER_SECOND = 100 };

/* Looks each second of [from_s, to_s], in each of which so many bytes move. */
static void moves(cf_flow *flow, uint64_t *moved, uint64_t from_s, uint64_t to_s, uint64_t bytes)
{
    for (uint64_t at = from_s; at <= to_s; at++) {
        *moved += bytes;
        cf_flow_look(flow, &(cf_flow_count){*moved, SIZE - *moved}, at * SECOND);
    }
}

static cf_flow begun(uint64_t *moved)
{
    cf_flow flow = {0};

    *moved = 0;
    cf_flow_look(&flow, &(cf_flow_count){0, SIZE}, 0);
    return flow;
}

Test(flow, tells_what_has_moved_and_how_fast)
{
    uint64_t moved;
    cf_flow flow = begun(&moved);

    moves(&flow, &moved, 1, 10, PER_SECOND);
    cf_flow_shown shown = cf_flow_show(&flow, 10 * SECOND);
    cr_expect_eq(shown.done, 10 * PER_SECOND);
    cr_expect_eq(shown.left, SIZE - 10 * PER_SECOND);
    cr_expect_eq(shown.taken_ms, 10 * SECOND);
    cr_expect_eq(shown.rate, PER_SECOND);
    cr_expect_eq(cf_flow_seconds_left(&shown), (SIZE - 10 * PER_SECOND) / PER_SECOND);
}

Test(flow, knows_no_rate_before_two_seconds)
{
    uint64_t moved;
    cf_flow flow = begun(&moved);

    cf_flow_shown shown = cf_flow_show(&flow, 0);
    cr_expect_eq(shown.rate, 0);
    cr_expect_eq(cf_flow_seconds_left(&shown), 0);
    moves(&flow, &moved, 1, 1, PER_SECOND);
    cr_expect_eq(cf_flow_show(&flow, SECOND).rate, 0);
    cr_expect_eq(cf_flow_show(&flow, 2 * SECOND).rate, PER_SECOND / 2);
}

Test(flow, only_the_last_seconds_count)
{
    uint64_t moved;
    cf_flow flow = begun(&moved);

    moves(&flow, &moved, 1, 100, 10 * PER_SECOND);
    cr_expect_eq(cf_flow_show(&flow, 100 * SECOND).rate, 10 * PER_SECOND);
    moves(&flow, &moved, 101, 100 + CF_FLOW_SECONDS / 2, 0);
    cr_expect_eq(cf_flow_show(&flow, (100 + CF_FLOW_SECONDS / 2) * SECOND).rate, 5 * PER_SECOND);
    moves(&flow, &moved, 101 + CF_FLOW_SECONDS / 2, 100 + CF_FLOW_SECONDS, 0);
    cr_expect_eq(cf_flow_show(&flow, (100 + CF_FLOW_SECONDS) * SECOND).rate, 0,
                 "nothing moves, and a time is told");
    moves(&flow, &moved, 201, 204, PER_SECOND);
    cr_expect_eq(cf_flow_show(&flow, 204 * SECOND).rate, PER_SECOND);
}

/* Nobody looked, as no event came. */
Test(flow, seconds_without_a_look_moved_nothing)
{
    uint64_t moved;
    cf_flow flow = begun(&moved);

    moves(&flow, &moved, 1, 4, PER_SECOND);
    cr_expect_eq(cf_flow_show(&flow, 8 * SECOND).rate, PER_SECOND / 2);
    cr_expect_eq(cf_flow_show(&flow, 60 * SECOND).rate, 0);
    moves(&flow, &moved, 60, 60, PER_SECOND);
    cr_expect_eq(cf_flow_show(&flow, 61 * SECOND).rate, PER_SECOND / 2);
}

/* A connection broke: what was on its flow in parts is asked for, and goes on from there. */
Test(flow, what_goes_again_counts_once)
{
    uint64_t moved;
    cf_flow flow = begun(&moved);

    moves(&flow, &moved, 1, 4, PER_SECOND);
    cf_flow_look(&flow, &(cf_flow_count){0, SIZE}, 4 * SECOND);
    cr_expect_eq(cf_flow_show(&flow, 4 * SECOND).done, 4 * PER_SECOND);
    cf_flow_look(&flow, &(cf_flow_count){4 * PER_SECOND, SIZE - 4 * PER_SECOND}, 4 * SECOND);
    cr_expect_eq(cf_flow_show(&flow, 4 * SECOND).done, 4 * PER_SECOND);
    cr_expect_eq(cf_flow_show(&flow, 4 * SECOND).rate, PER_SECOND);
}

Test(flow, begins_anew_when_nothing_was_left)
{
    uint64_t moved;
    cf_flow flow = begun(&moved);

    moves(&flow, &moved, 1, 4, PER_SECOND);
    cf_flow_look(&flow, &(cf_flow_count){moved, 0}, 5 * SECOND);
    cf_flow_shown shown = cf_flow_show(&flow, 5 * SECOND);
    cr_expect_eq(shown.left, 0);
    cr_expect_eq(shown.done, 0);
    cf_flow_look(&flow, &(cf_flow_count){moved, SIZE}, 100 * SECOND);
    cf_flow_look(&flow, &(cf_flow_count){moved + 7, SIZE - 7}, 101 * SECOND);
    shown = cf_flow_show(&flow, 101 * SECOND);
    cr_expect_eq(shown.done, 7);
    cr_expect_eq(shown.taken_ms, SECOND);
    cr_expect_eq(shown.rate, 0, "of what moved before");
}

Test(flow, time_left_is_rounded_up)
{
    cr_expect_eq(cf_flow_seconds_left(&(cf_flow_shown){.left = 1, .rate = 100}), 1);
    cr_expect_eq(cf_flow_seconds_left(&(cf_flow_shown){.left = 100, .rate = 100}), 1);
    cr_expect_eq(cf_flow_seconds_left(&(cf_flow_shown){.left = 101, .rate = 100}), 2);
}
