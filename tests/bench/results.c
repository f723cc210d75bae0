/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results.h"

#include <criterion/criterion.h>

static size_t exceeded_of(const cf_limited *limits, size_t count, bool judges_times)
{
    cf_results *results = cf_results_new();

    cf_results_begin(results, "weather", "whether it rains");
    for (size_t i = 0; i < count; i++)
        cf_results_limit(results, &limits[i]);
    const size_t exceeded = cf_results_exceeded(results, judges_times);
    cf_results_destroy(&results);
    return exceeded;
}

Test(results, judges_times_only_where_that_is_asked_for)
{
    static const cf_limited limits[] = {
        {"bytes within", .share = 1, .limit = 1},
        {"bytes beyond", .share = 1.1, .limit = 1},
        {"a time within", .share = 0.5, .limit = 1, .is_time = true},
        {"a time beyond", .share = 2, .limit = 1, .is_time = true},
        {"another one", .share = 3, .limit = 1, .is_time = true},
    };

    cr_assert_eq(exceeded_of(limits, 1, true), 0);
    cr_assert_eq(exceeded_of(limits, 5, false), 1);
    cr_assert_eq(exceeded_of(limits, 5, true), 3);
    cr_assert_eq(exceeded_of(&limits[2], 3, false), 0);
}
