/* SPDX-License-Identifier: Apache-2.0 */
/* How a run of bytes is cut around what blobs have already. */
#include "peer/transfer/upload_cutting.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

enum { EDITS = 10, LEAVES = 2 * (EDITS + 1) };

static void number_leaves(uint8_t leaves[LEAVES][CF_HASH_SIZE], uint8_t first)
{
    for (uint8_t i = 0; i < LEAVES; i++)
        leaves[i][0] = (uint8_t)(first + i);
}

/* Every other leaf of so many is another one. */
static cf_cuts cut_around(size_t edits, size_t blob_count)
{
    uint8_t known_leaves[LEAVES][CF_HASH_SIZE] = {0}, leaves[LEAVES][CF_HASH_SIZE] = {0};
    const cf_content_source known = {.content.size = LEAVES * CF_LEAF_SIZE,
                                     .blob_count = blob_count};
    cf_cuts cuts = {0};

    number_leaves(known_leaves, 1);
    number_leaves(leaves, 1);
    for (size_t i = 0; i < edits; i++)
        leaves[2 * i][0] |= 0x80;
    cf_cut_run(&(cf_cut_options){.size = known.content.size,
                                 .leaves = cf_bytes_of(leaves, sizeof leaves),
                                 .known = &known,
                                 .known_leaves = cf_bytes_of(known_leaves, sizeof known_leaves)},
               &cuts);
    return cuts;
}

Test(cutting, reuses_what_is_known_as_long_as_one_entry_can_name_all)
{
    cf_cuts cuts = cut_around(EDITS, CF_ENTRY_BLOBS_MAX - EDITS);

    cr_expect_eq(cuts.known_bytes, (LEAVES - EDITS) * CF_LEAF_SIZE);
    cf_cuts_release(&cuts);
    cuts = cut_around(EDITS + 1, CF_ENTRY_BLOBS_MAX - EDITS);
    cr_expect_eq(cuts.known_bytes, 0);
    cr_assert_gt(cuts.count, 0);
    for (size_t i = 0; i < cuts.count; i++)
        cr_expect_not(cuts.at[i].is_known);
    cf_cuts_release(&cuts);
}

/* A run of 2 leaves and 10 bytes that has so many stretches of a known content of one leaf more,
 * each of 600 bytes, and as many new ones of 1. */
static cf_cuts cut_around_copies(size_t stretches, size_t blob_count)
{
    const cf_content_source known = {.content.size = 3 * CF_LEAF_SIZE, .blob_count = blob_count};
    cf_delta_copies copies = {0};
    cf_cuts cuts = {0};

    for (uint64_t i = 0; i < stretches; i++)
        *cf_one_more(copies.at, copies.count, copies.capacity) =
            (cf_delta_copy){.at = 601 * i + 1, .base = 602 * i, .size = 600};
    cf_cut_run(&(cf_cut_options){.size = 601 * stretches + 10, .known = &known, .copies = &copies},
               &cuts);
    cf_delta_copies_release(&copies);
    return cuts;
}

Test(cutting, reuses_stretches_at_any_place)
{
    cf_cuts cuts = cut_around_copies(3, 1);

    cr_assert_eq(cuts.count, 7);
    cr_expect_eq(cuts.known_bytes, 1800);
    for (uint64_t i = 0, at = 0; i < cuts.count; at += cuts.at[i++].size) {
        cr_expect_eq(cuts.at[i].offset, at);
        cr_expect_eq(cuts.at[i].is_known, i % 2 == 1);
        cr_expect_eq(cuts.at[i].size, i == 6 ? 10 : i % 2 ? 600 : 1);
        cr_expect_eq(cuts.at[i].known_offset, i % 2 ? i / 2 * 602 : 0);
    }
    cf_cuts_release(&cuts);
}

Test(cutting, reuses_no_stretches_that_are_too_scattered_for_one_entry)
{
    cf_cuts cuts = cut_around_copies(4000, 1);

    cr_expect_eq(cuts.known_bytes, 4000 * 600);
    cf_cuts_release(&cuts);
    cuts = cut_around_copies(4100, 1);
    cr_expect_eq(cuts.known_bytes, 0);
    cf_cuts_release(&cuts);
    cuts = cut_around_copies(100, CF_ENTRY_BLOBS_MAX - 100);
    cr_expect_eq(cuts.known_bytes, 0);
    cf_cuts_release(&cuts);
}
