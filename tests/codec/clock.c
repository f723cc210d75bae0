/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/clock.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

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
