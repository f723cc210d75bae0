/* SPDX-License-Identifier: Apache-2.0 */
/* What devices say of the broker's clock. */
#include "broker/gateway/clocks.h"

#include <criterion/criterion.h>

#include "codec/limits.h"

#define AHEAD (2 * (int64_t)CF_DAY_MS)

static cf_hash device(unsigned number)
{
    return (cf_hash){{(uint8_t)number, (uint8_t)(number >> 8)}};
}

static bool hear(cf_clocks *clocks, unsigned number, int64_t difference_ms)
{
    const cf_hash key = device(number);

    return cf_clocks_heard(clocks, &key, difference_ms);
}

Test(clocks, believes_nobody_alone)
{
    cf_clocks *clocks = cf_clocks_new();

    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, 0);
    cr_expect(hear(clocks, 1, AHEAD));
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, 0);
    cr_expect(hear(clocks, 2, AHEAD + 5));
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).count, 2);
    cf_clocks_destroy(&clocks);
}

Test(clocks, is_right_where_as_many_say_so)
{
    cf_clocks *clocks = cf_clocks_new();

    hear(clocks, 1, -AHEAD);
    hear(clocks, 2, -AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, -AHEAD);
    hear(clocks, 3, 0);
    hear(clocks, 4, (int64_t)CF_DAY_MS);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, 0);
    hear(clocks, 3, -AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, -AHEAD);
    cf_clocks_destroy(&clocks);
}

Test(clocks, does_not_add_those_ahead_to_those_behind)
{
    cf_clocks *clocks = cf_clocks_new();

    hear(clocks, 1, AHEAD);
    hear(clocks, 2, -AHEAD);
    hear(clocks, 3, 0);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, 0);
    hear(clocks, 4, AHEAD);
    hear(clocks, 5, AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, AHEAD, "3 of 5");
    cf_clocks_destroy(&clocks);
}

Test(clocks, counts_a_device_once_and_names_it_once)
{
    cf_clocks *clocks = cf_clocks_new();

    cr_expect(hear(clocks, 1, AHEAD));
    cr_expect_not(hear(clocks, 1, AHEAD));
    cr_expect_eq(cf_clocks_judge(clocks).all, 1);
    cr_expect_not(hear(clocks, 1, 0));
    cr_expect(hear(clocks, 1, AHEAD));
    cf_clocks_destroy(&clocks);
}

Test(clocks, remembers_so_many_and_forgets_who_was_not_heard_for_longest)
{
    cf_clocks *clocks = cf_clocks_new();

    for (unsigned i = 0; i < CF_CLOCKS_MAX; i++)
        hear(clocks, i, i ? 0 : AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).all, CF_CLOCKS_MAX);
    cr_expect_not(hear(clocks, 0, AHEAD), "known still");
    hear(clocks, 1000, 0);
    cr_expect_not(hear(clocks, 0, AHEAD), "1 was heard before it");
    cr_expect_eq(cf_clocks_judge(clocks).all, CF_CLOCKS_MAX);
    for (unsigned i = 1; i <= CF_CLOCKS_MAX; i++)
        hear(clocks, 2000 + i, -AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, -AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).count, CF_CLOCKS_MAX);
    cr_expect(hear(clocks, 0, AHEAD));
    cf_clocks_destroy(&clocks);
}

Test(clocks, follows_its_own_when_that_is_set)
{
    cf_clocks *clocks = cf_clocks_new();

    hear(clocks, 1, 0);
    hear(clocks, 2, 0);
    cf_clocks_set(clocks, -AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, AHEAD);
    cf_clocks_set(clocks, AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, 0);
    hear(clocks, 1, INT64_MAX);
    hear(clocks, 2, INT64_MAX);
    cf_clocks_set(clocks, -AHEAD);
    cr_expect_eq(cf_clocks_judge(clocks).difference_ms, INT64_MAX);
    cf_clocks_destroy(&clocks);
}
