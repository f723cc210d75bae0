/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/rate_limit.h"

#include "tests/support/expect.h"

enum { BEGIN_MS = 1000000, RATE = 10240, STEP = 4096 };

/* Steps of that size that go within so long, looked for each millisecond. */
static uint64_t steps_within(cf_rate_limit *limit, uint64_t from_ms, uint64_t span_ms)
{
    uint64_t steps = 0;

    for (uint64_t ms = 0; ms < span_ms; ms++)
        while (cf_rate_limit_allows(limit, from_ms + ms)) {
            cf_rate_limit_take(limit, STEP);
            steps++;
        }
    return steps;
}

Test(rate_limit, lets_no_more_pass_than_it_says_but_a_second_and_a_step)
{
    cf_rate_limit limit = {0};

    cf_rate_limit_set(&limit, RATE);
    const uint64_t bytes = steps_within(&limit, BEGIN_MS, 60000) * STEP;
    cr_expect_leq(bytes, 61 * RATE + STEP);
    cr_expect_geq(bytes, 60 * RATE);
}

Test(rate_limit, lets_everything_pass_where_there_is_none)
{
    cf_rate_limit limit = {0};

    cf_rate_limit_take(&limit, UINT64_MAX);
    cr_expect(cf_rate_limit_allows(&limit, BEGIN_MS));
    cr_expect_eq(cf_rate_limit_step(&limit, STEP), STEP);
}

Test(rate_limit, says_when_a_debt_is_paid)
{
    cf_rate_limit limit = {0};

    cf_rate_limit_set(&limit, RATE);
    cr_expect(cf_rate_limit_allows(&limit, BEGIN_MS));
    cf_rate_limit_take(&limit, 4 * RATE); /* a second's worth was there */
    cr_expect_not(cf_rate_limit_allows(&limit, BEGIN_MS));
    const uint64_t due_ms = cf_rate_limit_due(&limit);
    cr_expect_eq(due_ms, BEGIN_MS + 3001);
    cr_expect_not(cf_rate_limit_allows(&limit, due_ms - 1));
    cr_expect(cf_rate_limit_allows(&limit, due_ms));
}

Test(rate_limit, saves_up_no_more_than_a_second)
{
    cf_rate_limit limit = {0};

    cf_rate_limit_set(&limit, RATE);
    cr_expect(cf_rate_limit_allows(&limit, BEGIN_MS));
    cf_rate_limit_take(&limit, RATE);
    cr_expect(cf_rate_limit_allows(&limit, UINT64_MAX));
    cf_rate_limit_take(&limit, RATE);
    cr_expect_not(cf_rate_limit_allows(&limit, UINT64_MAX));
}

Test(rate_limit, does_not_mind_a_clock_that_goes_back)
{
    cf_rate_limit limit = {0};

    cf_rate_limit_set(&limit, RATE);
    cr_expect(cf_rate_limit_allows(&limit, BEGIN_MS));
    cf_rate_limit_take(&limit, 2 * RATE);
    cr_expect_not(cf_rate_limit_allows(&limit, BEGIN_MS - 500));
    cr_expect(cf_rate_limit_allows(&limit, BEGIN_MS + 2000));
}

Test(rate_limit, keeps_its_count_at_the_largest_rate_and_debt)
{
    cf_rate_limit limit = {0};

    cf_rate_limit_set(&limit, CF_RATE_MAX);
    cr_expect(cf_rate_limit_allows(&limit, BEGIN_MS));
    for (int i = 0; i < 100000; i++)
        cf_rate_limit_take(&limit, UINT64_MAX);
    cr_expect_not(cf_rate_limit_allows(&limit, BEGIN_MS));
    cr_expect_gt(cf_rate_limit_due(&limit), BEGIN_MS);
    cf_rate_limit_set(&limit, CF_RATE_MIN); /* a debt of a second's worth is left */
    cr_expect_not(cf_rate_limit_allows(&limit, BEGIN_MS + 1000));
    cr_expect(cf_rate_limit_allows(&limit, BEGIN_MS + 1001));
}

Test(rate_limit, cuts_what_goes_at_once_to_half_a_second)
{
    cf_rate_limit limit = {0};

    cf_rate_limit_set(&limit, CF_RATE_MIN);
    cr_expect_eq(cf_rate_limit_step(&limit, 262144), 4096);
    cf_rate_limit_set(&limit, 100000);
    cr_expect_eq(cf_rate_limit_step(&limit, 262144), 50000);
    cf_rate_limit_set(&limit, CF_RATE_MAX);
    cr_expect_eq(cf_rate_limit_step(&limit, 262144), 262144);
}
