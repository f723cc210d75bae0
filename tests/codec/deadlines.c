/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/deadlines.h"

#include "tests/support/expect.h"

enum { MANY = 200, TURNS = 5000 };

/* xorshift */
static uint32_t any(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

Test(deadlines, come_in_the_order_of_their_times)
{
    cf_deadlines deadlines = {0};
    cf_deadline all[MANY] = {{0}};
    uint64_t before = 0;
    uint32_t state = 1;

    for (size_t i = 0; i < MANY; i++)
        cf_deadlines_set(&deadlines, &all[i], any(&state) % 100);
    for (size_t i = 0; i < MANY; i++) {
        cf_deadline *first = cf_deadlines_due(&deadlines, 100);

        cr_assert(first);
        cr_expect_geq(first->at_ms, before);
        before = first->at_ms;
        cf_deadlines_set(&deadlines, first, UINT64_MAX);
        cr_expect_eq(first->place, 0);
    }
    cr_expect_null(cf_deadlines_due(&deadlines, UINT64_MAX));
    cf_deadlines_release(&deadlines);
}

Test(deadlines, are_due_from_their_time_on)
{
    cf_deadlines deadlines = {0};
    cf_deadline one = {0};

    cr_expect_eq(cf_deadlines_next(&deadlines), UINT64_MAX);
    cf_deadlines_set(&deadlines, &one, 7);
    cr_expect_eq(cf_deadlines_next(&deadlines), 7);
    cr_expect_null(cf_deadlines_due(&deadlines, 6));
    cr_expect_eq(cf_deadlines_due(&deadlines, 7), &one);
    cr_expect_eq(cf_deadlines_due(&deadlines, 7), &one, "until it is set anew");
    cf_deadlines_release(&deadlines);
}

/* Against looking at all of them. */
Test(deadlines, may_be_set_anew_and_taken_out_in_any_order)
{
    cf_deadlines deadlines = {0};
    cf_deadline all[MANY] = {{0}};
    uint64_t at_ms[MANY];
    uint32_t state = 2;

    memset(at_ms, 0xff, sizeof at_ms);
    for (size_t turn = 0; turn < TURNS; turn++) {
        const size_t i = any(&state) % MANY;
        uint64_t next = UINT64_MAX;

        at_ms[i] = any(&state) % 3 ? any(&state) % 1000 : UINT64_MAX;
        cf_deadlines_set(&deadlines, &all[i], at_ms[i]);
        for (size_t k = 0; k < MANY; k++)
            next = at_ms[k] < next ? at_ms[k] : next;
        cr_assert_eq(cf_deadlines_next(&deadlines), next, "turn %zu", turn);
    }
    cf_deadlines_release(&deadlines);
}

Test(deadlines, are_lowered_and_never_raised)
{
    uint64_t next_ms = UINT64_MAX;

    cf_deadline_lower(&next_ms, UINT64_MAX);
    cr_expect_eq(next_ms, UINT64_MAX);
    cf_deadline_lower(&next_ms, 7);
    cr_expect_eq(next_ms, 7);
    cf_deadline_lower(&next_ms, 8);
    cr_expect_eq(next_ms, 7);
    cf_deadline_lower(&next_ms, 7);
    cr_expect_eq(next_ms, 7);
    cf_deadline_lower(&next_ms, 0);
    cr_expect_eq(next_ms, 0);
    cr_expect_eq(cf_deadline_earlier(1, 2), 1);
    cr_expect_eq(cf_deadline_earlier(2, 1), 1);
    cr_expect_eq(cf_deadline_earlier(UINT64_MAX, 1), 1);
}
