/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/results.h"

#include <criterion/criterion.h>

static size_t exceeded_of(const cf_limited *limits, size_t count, double strictness,
                          bool judges_times)
{
    cf_results *results = cf_results_new(strictness);

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

    cr_assert_eq(exceeded_of(limits, 1, 1, true), 0);
    cr_assert_eq(exceeded_of(limits, 5, 1, false), 1);
    cr_assert_eq(exceeded_of(limits, 5, 1, true), 3);
    cr_assert_eq(exceeded_of(&limits[2], 3, 1, false), 0);
}

Test(results, are_judged_by_so_much_of_each_limit)
{
    static const cf_limited limits[] = {
        {"a third", .share = 1, .limit = 3},
        {"a half", .share = 1.5, .limit = 3},
        {"two thirds", .share = 2, .limit = 3},
        {"two thirds of a time", .share = 2, .limit = 3, .is_time = true},
    };

    cr_assert_eq(exceeded_of(limits, 4, 1, true), 0);
    cr_assert_eq(exceeded_of(limits, 4, 0.5, true), 2);
    cr_assert_eq(exceeded_of(limits, 4, 0.5, false), 1);
    cr_assert_eq(exceeded_of(limits, 4, 0.01, false), 3);
}

/* Of several runs the one that took the most. */
static size_t exceeded_by(double first, double second, double most)
{
    cf_results *results = cf_results_new(1);
    cf_samples found = {0};

    cf_results_begin(results, "weather", "whether it rains");
    cf_results_most(results, "nothing", &found, most);
    cf_samples_add(&found, first);
    cf_samples_add(&found, second);
    cf_results_most(results, "rain", &found, most);
    const size_t exceeded = cf_results_exceeded(results, false);
    cf_samples_release(&found);
    cf_results_destroy(&results);
    return exceeded;
}

Test(results, judges_the_most_that_was_found)
{
    cr_assert_eq(exceeded_by(50, 100, 100), 0);
    cr_assert_eq(exceeded_by(50, 101, 100), 1);
    cr_assert_eq(exceeded_by(101, 50, 100), 1);
}
