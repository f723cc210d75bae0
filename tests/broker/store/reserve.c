/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_room.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

Test(reserve, is_a_hundredth_or_256_mib_but_an_eighth_of_a_small_disk)
{
    const uint64_t mib = CF_MIB, gib = 1024 * mib;

    cr_expect_eq(cf_reserve_of_contents(100 * gib), gib);
    cr_expect_eq(cf_reserve_of_contents(10 * gib), 256 * mib);
    cr_expect_eq(cf_reserve_of_contents(2 * gib), 256 * mib);
    cr_expect_eq(cf_reserve_of_contents(800 * mib), 100 * mib);
    cr_expect_eq(cf_reserve_of_contents(0), 0);
}

Test(reserve, is_left_by_contents_first_and_by_entries_later)
{
    const uint64_t whole = 800 * CF_MIB, least = 100 * CF_MIB;
    cf_reserve left = {.room = least + 5, .whole = whole};

    cr_expect(cf_reserve_takes_contents(&left, 5));
    cr_expect_not(cf_reserve_takes_contents(&left, 6));
    left.room = least - 1;
    cr_expect_not(cf_reserve_takes_contents(&left, 0));
    cr_expect(cf_reserve_takes_entries(&left, 1000));
    left.room = least / 10 + 5000;
    cr_expect(cf_reserve_takes_entries(&left, 5000));
    cr_expect_not(cf_reserve_takes_entries(&left, 5001));
    cr_expect_not(cf_reserve_takes_entries(&left, UINT64_MAX));
    left.room = least / 40 + 5;
    cr_expect(cf_reserve_takes_entries(&left, 5), "deletions, when larger ones are refused");
    cr_expect_not(cf_reserve_takes_entries(&left, 6));
    left = (cf_reserve){.room = whole - 5, .whole = whole, .needed = whole - 5};
    cr_expect_not(cf_reserve_takes_contents(&left, 1), "the store could not be opened again");
    cr_expect_not(cf_reserve_takes_entries(&left, 1));
}

/* Of 100 GiB contents leave one. */
Test(reserve, is_told_from_10_percent_free_on)
{
    cf_reserve left = {.whole = 100 * 1024 * CF_MIB};

    left.room = left.whole / 1000 * 101;
    cr_expect_not(cf_reserve_is_scarce(&left));
    left.room = left.whole / 1000 * 99;
    cr_expect(cf_reserve_is_scarce(&left));
    cr_expect_str_eq(cf_reserve_effect(&left), "users may be refused soon");
}

Test(reserve, is_told_before_anything_is_refused)
{
    for (uint64_t whole = 16 * CF_MIB; whole <= 64 * 1024 * CF_MIB; whole *= 2)
        for (uint64_t logs = 0; logs <= 64; logs += 8) {
            cf_reserve left = {.whole = whole, .needed = (1 + 2 * logs) * CF_MIB};

            for (left.room = 0; left.room < whole; left.room += whole / 256) {
                const bool takes_all = cf_reserve_takes_contents(&left, whole / 256) &&
                                       cf_reserve_takes_entries(&left, CF_RESERVE_SMALL + 1) &&
                                       cf_reserve_takes_entries(&left, 1);

                cr_assert(takes_all || cf_reserve_is_scarce(&left), "%llu of %llu MiB, logs %llu",
                          (unsigned long long)left.room >> 20, (unsigned long long)whole >> 20,
                          (unsigned long long)logs);
            }
        }
}
