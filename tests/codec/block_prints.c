/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/block_prints.h"

#include "tests/codec/delta_contents.h"
#include "tests/support/expect.h"

#include <sodium.h>
#include <string.h>

Test(block_prints, are_as_many_as_a_content_needs)
{
    cr_expect_eq(cf_block_size(0), CF_BLOCK_MIN);
    cr_expect_eq(cf_block_count(0), 0);
    cr_expect_eq(cf_block_count(1), 1);
    cr_expect_eq(cf_block_count(CF_BLOCK_MIN), 1);
    cr_expect_eq(cf_block_count(CF_BLOCK_MIN + 1), 2);
}

Test(block_prints, are_never_more_than_fit_into_memory)
{
    cr_expect_eq(cf_block_size(4 * CF_GIB), CF_BLOCK_MIN);
    cr_expect_eq(cf_block_count(4 * CF_GIB), CF_BLOCKS_MAX);
    cr_expect_eq(cf_block_size(4 * CF_GIB + 1), 2 * CF_BLOCK_MIN);
    cr_expect_eq(cf_block_size(32 * CF_GIB), CF_LEAF_SIZE / 2);
    cr_expect_eq(cf_block_count(32 * CF_GIB), CF_BLOCKS_MAX);
    cr_expect_eq(cf_block_size(32 * CF_GIB + 1), 0);
    cr_expect_eq(cf_block_count(CF_FILE_MAX), 0);
}

Test(block_prints, have_a_checksum_that_moves_on)
{
    chance dice = {1};
    cf_buffer bytes = {0};

    append_random(&bytes, 10000, &dice);
    for (size_t size = 1; size < 5000; size += 613) {
        cf_block_window window = cf_block_window_of(cf_bytes_of(bytes.data, size));

        for (size_t at = 0; at + size < bytes.size; at++) {
            cr_assert_eq(window.sum, cf_block_checksum(cf_bytes_of(bytes.data + at, size)));
            cf_block_window_move(&window, bytes.data[at], bytes.data[at + size]);
        }
    }
    cf_buffer_release(&bytes);
}

Test(block_prints, differ_by_key_and_by_each_bit)
{
    uint8_t key[CF_BLOCK_KEY] = {1}, other[CF_BLOCK_KEY] = {2};
    uint8_t block[300] = {0}, print[CF_BLOCK_PRINT], changed[CF_BLOCK_PRINT];
    const cf_bytes bytes = cf_bytes_of(block, sizeof block);

    randombytes_buf_deterministic(key, sizeof key, (const uint8_t[randombytes_SEEDBYTES]){1});
    cf_block_print(key, bytes, print);
    cf_block_print(other, bytes, changed);
    cr_expect_neq(memcmp(print + 4, changed + 4, sizeof print - 4), 0);
    for (size_t bit = 0; bit < 8 * sizeof block; bit++) {
        block[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cf_block_print(key, bytes, changed);
        cr_assert_neq(memcmp(print + 4, changed + 4, sizeof print - 4), 0);
        cr_assert_neq(memcmp(print, changed, 4), 0);
        block[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
