/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/guard.h"

#include "tests/support/expect.h"

enum { NOW = 1000000 };

static cf_id id_of(uint8_t number)
{
    return (cf_id){{1, number}};
}

static void add(cf_recent_deletions *recent, uint8_t number, uint64_t at_ms, uint64_t born_ms)
{
    cf_recent_deletion one = {id_of(number), at_ms, born_ms, number % 2 == 0};

    cf_recent_add(recent, &one, 1, at_ms);
}

static void expect(const cf_recent_deletions *recent, uint64_t now_ms, uint64_t items,
                   uint64_t older)
{
    cf_recent_count counted = cf_recent_counted(recent, NULL, 0, now_ms);

    cr_expect_eq(counted.items, items, "%d", (int)counted.items);
    cr_expect_eq(counted.older, older, "%d", (int)counted.older);
}

Test(recent_deletions, counts_for_a_minute_what_was_there_a_minute_before)
{
    cf_recent_deletions recent = {0};

    add(&recent, 4, NOW, 0);
    add(&recent, 3, NOW, NOW - CF_RECENT_MS);
    add(&recent, 6, NOW, NOW - CF_RECENT_MS + 1);
    expect(&recent, NOW, 2, 1);
    expect(&recent, NOW + 1, 3, 2);
    expect(&recent, NOW + CF_RECENT_MS - 1, 3, 2);
    expect(&recent, NOW + CF_RECENT_MS, 0, 0);
    add(&recent, 8, NOW + CF_RECENT_MS, 0);
    cr_expect_eq(recent.count, 1, "the others are forgotten");
    cf_recent_release(&recent);
}

/* The first look at them, and one more because they could not be told. */
Test(recent_deletions, counts_each_once_and_none_that_is_missing_still)
{
    const cf_id missing[] = {id_of(9), id_of(2), id_of(40), id_of(2)};
    cf_recent_deletion many[] = {{id_of(5), NOW, 0, true},
                                 {id_of(2), NOW, 0, true},
                                 {id_of(9), NOW, 0, true},
                                 {id_of(2), NOW, 0, true}};
    cf_recent_deletions recent = {0};

    cf_recent_add(&recent, many, 4, NOW);
    expect(&recent, NOW, 3, 3);
    cf_recent_add(&recent, many, 4, NOW);
    expect(&recent, NOW, 3, 3);
    for (size_t i = 1; i < recent.count; i++)
        cr_expect_lt(cf_id_compare(&recent.at[i - 1].item, &recent.at[i].item), 0);
    cr_expect_eq(cf_recent_counted(&recent, missing, 4, NOW).items, 1);
    cf_recent_release(&recent);
}

Test(recent_deletions, forgets_what_a_clock_that_was_set_back_makes_late)
{
    cf_recent_deletions recent = {0};

    add(&recent, 2, NOW, 0);
    expect(&recent, NOW - CF_RECENT_MS + 1, 1, 1);
    expect(&recent, NOW - CF_RECENT_MS, 0, 0);
    cf_recent_release(&recent);
}
