/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/hash_set.h"

#include "tests/support/expect.h"

#include <stdlib.h>
#include <string.h>

enum { HASHES = 600, STEPS = 40000 };

static cf_hash hash_number(size_t number)
{
    cf_hash hash = {0};

    memcpy(hash.bytes, &number, sizeof number);
    return hash;
}

/* The same said of it by a list of who is in. */
static void expect_as(const cf_hash_set *set, const bool *in)
{
    size_t count = 0;

    for (size_t i = 0; i < HASHES; i++) {
        const cf_hash hash = hash_number(i);

        cr_assert_eq(cf_hash_set_contains(set, &hash), in[i], "%zu", i);
        count += in[i];
    }
    cr_assert_eq(set->count, count);
    for (size_t i = 0; i < set->count; i++) {
        size_t number;

        memcpy(&number, set->hashes[i].bytes, sizeof number);
        cr_assert(number < HASHES, "%zu is listed", number);
        cr_assert(in[number], "%zu is listed", number);
    }
}

/* Now it grows, now it shrinks. */
Test(hash_set, has_what_was_inserted_and_not_removed)
{
    cf_hash_set set = {0};
    bool in[HASHES] = {0};
    uint64_t state = 1;

    for (size_t step = 0; step < STEPS; step++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const size_t number = (state >> 33) % HASHES;
        const bool grows = (state >> 20) % 8 < (step / 4000 % 2 ? 2 : 6);
        const cf_hash hash = hash_number(number);

        if (grows)
            cr_assert_eq(cf_hash_set_insert(&set, &hash), !in[number]);
        else
            cf_hash_set_remove(&set, &hash);
        in[number] = grows;
        if (step % 500 == 0 || step + 1 == STEPS)
            expect_as(&set, in);
    }
    cf_hash_set_release(&set);
    memset(in, 0, sizeof in);
    expect_as(&set, in);
}

/* Who lists them sees them as they came. */
Test(hash_set, lists_what_came_in_its_order)
{
    cf_hash_set set = {0};

    for (size_t i = HASHES; i-- > 0;) {
        const cf_hash hash = hash_number(i);

        cf_hash_set_insert(&set, &hash);
        cf_hash_set_insert(&set, &hash);
    }
    for (size_t i = 0; i < HASHES; i++) {
        const cf_hash hash = hash_number(HASHES - 1 - i);

        cr_expect(cf_hash_equal(&set.hashes[i], &hash), "%zu", i);
    }
    cf_hash_set_release(&set);
}

Test(hash_set, is_empty_at_first)
{
    cf_hash_set set = {0};
    const cf_hash hash = hash_number(1);

    cr_expect_not(cf_hash_set_contains(&set, &hash));
    cf_hash_set_remove(&set, &hash);
    cr_expect_eq(set.count, 0);
    cf_hash_set_release(&set);
}
