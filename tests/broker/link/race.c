/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/lookup.h"

#include <string.h>

#include "codec/deadlines.h"
#include "tests/support/expect.h"

enum { BEGIN_MS = 1000000, NOBODY = CF_RACE_MAX };

/* "6 64" of a preference for IPv6: the families in the order in which they are tried. */
static void expect_order(const char *families, const char *tried)
{
    bool are_ipv6[64];
    size_t order[CF_RACE_MAX], count = strlen(families), last[2] = {0};

    for (size_t i = 0; i < count; i++)
        are_ipv6[i] = families[i] == '6';
    size_t taken = cf_race_order(are_ipv6, count, order);
    cr_expect_eq(taken, strlen(tried), "%s", families);
    for (size_t i = 0; i < taken; i++) {
        cr_expect_eq(families[order[i]], tried[i], "%s: the address at %zu", families, i);
        cr_expect_geq(order[i] + 1, last[are_ipv6[order[i]]] + 1,
                      "those of a family stay in order");
        last[are_ipv6[order[i]]] = order[i];
    }
}

Test(race, lets_the_families_take_turns)
{
    expect_order("", "");
    expect_order("6", "6");
    expect_order("44", "44");
    expect_order("6644", "6464");
    expect_order("4466", "4646");
    expect_order("66664", "64666");
    expect_order("46666", "46666");
    expect_order("66444", "64644");
}

Test(race, takes_eight_addresses_of_a_name)
{
    expect_order("66666666", "66666666");
    expect_order("666666666", "66666666");
    expect_order("66666666644444444", "64646464");
    expect_order("44444444444444446", "46444444");
}

/* NOBODY: none is due. */
static size_t start_at(cf_race *race, uint64_t ms)
{
    size_t racer = NOBODY;

    cf_race_start(race, BEGIN_MS + ms, &racer);
    return racer;
}

Test(race, starts_the_next_a_quarter_of_a_second_after_the_one_before)
{
    cf_race race;

    cf_race_begin(&race, 3);
    cr_expect_eq(start_at(&race, 0), 0);
    cr_expect_eq(start_at(&race, 0), NOBODY);
    cr_expect_eq(cf_race_due(&race), BEGIN_MS + CF_RACE_DELAY_MS);
    cr_expect_eq(start_at(&race, CF_RACE_DELAY_MS - 1), NOBODY);
    cr_expect_eq(start_at(&race, CF_RACE_DELAY_MS), 1);
    cr_expect_eq(start_at(&race, 2 * CF_RACE_DELAY_MS - 1), NOBODY);
    cr_expect_eq(start_at(&race, 2 * CF_RACE_DELAY_MS), 2);
    cr_expect_eq(start_at(&race, 3 * CF_RACE_DELAY_MS), NOBODY);
    cr_expect_eq(cf_race_due(&race), BEGIN_MS + CF_RACE_TRY_MS, "the first one's time is over");
}

Test(race, starts_the_next_at_once_where_one_failed)
{
    cf_race race;

    cf_race_begin(&race, 2);
    cr_expect_eq(start_at(&race, 0), 0);
    cf_race_drop(&race, 0);
    cr_expect_not(cf_race_is_lost(&race));
    cr_expect_eq(start_at(&race, 0), 1);
    cf_race_drop(&race, 1);
    cr_expect(cf_race_is_lost(&race));
    cr_expect_eq(cf_race_due(&race), UINT64_MAX);
}

Test(race, gives_each_ten_seconds_of_its_own)
{
    cf_race race;
    size_t racer = NOBODY;

    cf_race_begin(&race, 2);
    start_at(&race, 0);
    start_at(&race, CF_RACE_DELAY_MS);
    cr_expect_not(cf_race_overdue(&race, BEGIN_MS + CF_RACE_TRY_MS - 1, &racer));
    cr_expect(cf_race_overdue(&race, BEGIN_MS + CF_RACE_TRY_MS, &racer));
    cr_expect_eq(racer, 0);
    cf_race_drop(&race, 0);
    cr_expect_not(cf_race_overdue(&race, BEGIN_MS + CF_RACE_TRY_MS, &racer));
    cr_expect(cf_race_overdue(&race, BEGIN_MS + CF_RACE_DELAY_MS + CF_RACE_TRY_MS, &racer));
    cr_expect_eq(racer, 1);
}

/* Whose process was stopped, or slept with its machine, has not seen yet which of them connected.
 */
Test(race, gives_a_second_more_to_who_looks_late)
{
    const uint64_t late_ms = BEGIN_MS + CF_RACE_TRY_MS + CF_DEADLINE_LATE_MS;
    const uint64_t until_ms = late_ms + CF_DEADLINE_GRACE_MS;
    cf_race race;
    size_t racer = NOBODY;

    cf_race_begin(&race, 1);
    start_at(&race, 0);
    cr_expect_not(cf_race_overdue(&race, late_ms, &racer));
    cr_expect_eq(cf_race_due(&race), until_ms);
    cr_expect_not(cf_race_overdue(&race, until_ms - 1, &racer));
    cr_expect(cf_race_overdue(&race, until_ms, &racer));
    cf_race_begin(&race, 1);
    start_at(&race, 0);
    cr_expect(cf_race_overdue(&race, late_ms - 1, &racer), "a busy machine is not stopped");
}

/* The first is dropped, the second connects while the third is on its way, and speaks HTTP. */
Test(race, goes_on_where_the_winner_is_no_broker)
{
    cf_race race;

    cf_race_begin(&race, 4);
    start_at(&race, 0);
    cf_race_drop(&race, 0);
    cr_expect_eq(start_at(&race, 0), 1);
    cr_expect_eq(start_at(&race, CF_RACE_DELAY_MS), 2);
    cf_race_stop(&race, 1);
    cr_expect_not(cf_race_is_lost(&race));
    cf_race_resume(&race);
    cr_expect_eq(start_at(&race, CF_RACE_DELAY_MS), 2);
    cr_expect_eq(start_at(&race, CF_RACE_DELAY_MS), NOBODY);
    cr_expect_eq(start_at(&race, 2 * CF_RACE_DELAY_MS), 3);
    cf_race_stop(&race, 3);
    cf_race_resume(&race);
    cr_expect_eq(start_at(&race, 3 * CF_RACE_DELAY_MS), 2);
    cf_race_stop(&race, 2);
    cr_expect(cf_race_is_lost(&race));
}
