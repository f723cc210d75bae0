/* SPDX-License-Identifier: Apache-2.0 */
/* What is withheld of a chain: its end alone, and in the place of that the others are told of the
 * entry before it. */
#include "peer/log/withheld.h"

#include "tests/support/expect.h"

static const cf_id ann = {{1}}, bob = {{2}};

static cf_head head_of(const cf_id *writer, uint64_t sequence)
{
    return (cf_head){*writer, sequence, {{(uint8_t)sequence, writer->bytes[0]}}};
}

/* Entries 5 to 7 of Ann's chain. */
static cf_withheld_part ends_of_ann(void)
{
    return (cf_withheld_part){.first = 5, .last = head_of(&ann, 7), .before = head_of(&ann, 4)};
}

Test(withheld, has_what_lies_from_its_first_entry_to_its_last)
{
    cf_withheld_part part = ends_of_ann();
    const cf_withheld withheld = {.at = &part, .count = 1};

    for (uint64_t sequence = 1; sequence < 10; sequence++) {
        const cf_head anns = head_of(&ann, sequence), bobs = head_of(&bob, sequence);

        cr_expect_eq(cf_withheld_has(&withheld, &anns), sequence >= 5 && sequence <= 7, "%d",
                     (int)sequence);
        cr_expect_not(cf_withheld_has(&withheld, &bobs), "%d", (int)sequence);
    }
    cr_expect_eq(cf_withheld_count(&withheld), 3);
}

Test(withheld, is_named_by_the_entry_before_it)
{
    cf_withheld_part parts[2] = {ends_of_ann(), {.first = 1, .last = head_of(&bob, 2)}};
    const cf_withheld withheld = {.at = parts, .count = 2};
    const cf_head all[2] = {parts[0].last, parts[1].last};
    cf_heads heads = {0};

    cf_heads_add(&heads, all, 2);
    cf_withheld_leave_out(&withheld, &heads);
    cr_expect_eq(heads.count, 1, "Bob's chain has nothing before");
    cr_expect(cf_heads_contain(&heads, &parts[0].before));
    cf_heads_release(&heads);
}

/* The log goes on behind what was withheld by another branch, or has not come so far. */
Test(withheld, leaves_heads_that_it_does_not_have)
{
    cf_withheld_part part = ends_of_ann();
    const cf_withheld withheld = {.at = &part, .count = 1};
    const cf_head all[2] = {head_of(&ann, 3), head_of(&bob, 7)};
    cf_heads heads = {0};

    cf_heads_add(&heads, all, 2);
    cf_withheld_leave_out(&withheld, &heads);
    cr_expect_eq(heads.count, 2);
    cr_expect(cf_heads_contain(&heads, &all[0]));
    cr_expect(cf_heads_contain(&heads, &all[1]));
    cf_heads_release(&heads);
}
