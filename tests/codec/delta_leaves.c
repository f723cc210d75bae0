/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta_leaves.h"

#include "codec/ids.h"
#include "codec/limits.h"
#include "tests/codec/delta_contents.h"
#include "tests/support/expect.h"

#include <sodium.h>
#include <string.h>

/* Any hash will do here: the encoder only compares them. */
static cf_buffer hash_leaves(const cf_reader_at *content)
{
    static uint8_t leaf[CF_LEAF_SIZE];
    cf_error error;
    cf_buffer hashes = {0};

    for (uint64_t at = 0; at < content->size; at += CF_LEAF_SIZE) {
        size_t size = content->size - at < CF_LEAF_SIZE ? content->size - at : CF_LEAF_SIZE;

        expect_ok(cf_reader_at_read(content, at, leaf, size, &error), error);
        crypto_generichash(cf_buffer_reserve(&hashes, CF_HASH_SIZE), CF_HASH_SIZE, leaf, size, NULL,
                           0);
        hashes.size += CF_HASH_SIZE;
    }
    return hashes;
}

static cf_block_prints prints_of(cf_bytes content, cf_buffer *out)
{
    cf_block_prints prints = {.key = "known to nobody else", .size = content.size};
    const size_t block = cf_block_size(content.size);

    for (size_t at = 0; at < content.size; at += block) {
        size_t size = content.size - at < block ? content.size - at : block;

        cf_block_print(prints.key, cf_bytes_of(content.data + at, size),
                       cf_buffer_reserve(out, CF_BLOCK_PRINT));
        out->size += CF_BLOCK_PRINT;
    }
    prints.prints = cf_buffer_view(out);
    return prints;
}

static cf_status encode_with(const cf_block_prints *prints, cf_bytes source, cf_bytes target,
                             cf_buffer *patch, cf_error *error)
{
    cf_reader_at of_source = cf_reader_of_bytes(&source), of_target = cf_reader_of_bytes(&target);
    cf_buffer source_hashes = hash_leaves(&of_source), target_hashes = hash_leaves(&of_target);
    cf_delta_leaf_encoding encoding = {
        .source = {cf_buffer_view(&source_hashes), source.size},
        .target = {cf_buffer_view(&target_hashes), target.size},
        .prints = prints,
        .target_bytes = of_target,
        .patch = cf_sink_of_buffer(patch),
    };

    cf_status status = cf_delta_encode_leaves(&encoding, error);
    cf_buffer_release(&source_hashes);
    cf_buffer_release(&target_hashes);
    return status;
}

static size_t expect_round_trip_with(const cf_block_prints *prints, cf_bytes source,
                                     cf_bytes target)
{
    cf_error error;
    cf_buffer patch = {0}, result = {0};

    expect_ok(encode_with(prints, source, target, &patch, &error), error);
    expect_ok(
        decode_bytes(source, cf_buffer_view(&patch), CF_DELTA_LOG, target.size, &result, &error),
        error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&result), target));
    size_t size = patch.size;
    cf_buffer_release(&patch);
    cf_buffer_release(&result);
    return size;
}

static size_t expect_round_trip(cf_bytes source, cf_bytes target)
{
    return expect_round_trip_with(NULL, source, target);
}

static size_t expect_printed_round_trip(cf_bytes source, cf_bytes target)
{
    cf_buffer bytes = {0};
    cf_block_prints prints = prints_of(source, &bytes);

    size_t size = expect_round_trip_with(&prints, source, target);
    cf_buffer_release(&bytes);
    return size;
}

Test(leaves, copies_equal_ones_and_adds_the_rest)
{
    chance dice = {1};
    cf_buffer source = {0}, target = {0};

    append_random(&source, 20 * CF_MIB + 777, &dice);
    cf_buffer_append(&target, source.data, source.size);
    cr_assert(expect_round_trip(cf_buffer_view(&source), cf_buffer_view(&target)) < 100);
    target.data[5 * CF_MIB] ^= 1;
    target.data[11 * CF_MIB] ^= 1;
    cr_assert(expect_round_trip(cf_buffer_view(&source), cf_buffer_view(&target)) <
              2 * CF_LEAF_SIZE + 200);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
}

Test(leaves, finds_them_at_another_place)
{
    chance dice = {2};
    cf_buffer source = {0}, target = {0};

    append_random(&source, 6 * CF_MIB + 10, &dice);
    append_random(&target, 3 * CF_LEAF_SIZE, &dice);
    cf_buffer_append(&target, source.data, source.size);
    cf_buffer_append(&target, source.data + CF_LEAF_SIZE, CF_LEAF_SIZE);
    cr_assert(expect_round_trip(cf_buffer_view(&source), cf_buffer_view(&target)) <
              3 * CF_LEAF_SIZE + CF_LEAF_SIZE + 300);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
}

Test(leaves, goes_on_through_many_alike)
{
    cf_buffer source = {0};

    memset(cf_buffer_reserve(&source, 16 * CF_MIB), 0, 16 * CF_MIB);
    source.size = 16 * CF_MIB;
    cr_assert(expect_round_trip(cf_buffer_view(&source), cf_buffer_view(&source)) < 100);
    cf_buffer_release(&source);
}

Test(leaves, works_for_any_pair)
{
    chance dice = {3};

    for (int i = 0; i < 60; i++) {
        cf_buffer source = {0}, target = {0};

        append_random(&source, chance_below(&dice, CF_MIB), &dice);
        append_edited(&target, cf_buffer_view(&source), i % 5, &dice);
        expect_round_trip(cf_buffer_view(&source), cf_buffer_view(&target));
        cf_buffer_release(&source);
        cf_buffer_release(&target);
    }
    expect_round_trip(cf_bytes_of(NULL, 0), cf_bytes_of(NULL, 0));
    expect_round_trip(cf_bytes_of(NULL, 0), cf_bytes_of_text("some"));
    expect_round_trip(cf_bytes_of_text("some"), cf_bytes_of(NULL, 0));
}

Test(leaves, must_fit_their_contents)
{
    cf_error error;
    cf_bytes bytes = cf_bytes_of_text("some");
    cf_reader_at source = cf_reader_of_bytes(&bytes);
    uint8_t hash[CF_HASH_SIZE] = {0};
    cf_buffer patch = {0};
    cf_delta_leaf_encoding good = {
        .source = {cf_bytes_of(hash, sizeof hash), 5},
        .target = {cf_bytes_of(hash, sizeof hash), 4},
        .target_bytes = source,
        .patch = cf_sink_of_buffer(&patch),
    };

    expect_ok(cf_delta_encode_leaves(&good, &error), error);
    cf_delta_leaf_encoding bad = good;
    bad.source.size = CF_FILE_MAX + 1;
    expect_fails(cf_delta_encode_leaves(&bad, &error), CF_TOO_LARGE);
    bad = good;
    bad.target.size = 5;
    expect_fails(cf_delta_encode_leaves(&bad, &error), CF_CHANGED);
    bad = good;
    bad.source.hashes.size--;
    expect_fails(cf_delta_encode_leaves(&bad, &error), CF_BROKEN);
    bad = good;
    bad.target.hashes.size = 0;
    expect_fails(cf_delta_encode_leaves(&bad, &error), CF_BROKEN);
    cf_buffer printed = {0};
    cf_block_prints prints = prints_of(cf_bytes_of_text("right"), &printed);
    good.prints = bad.prints = &prints;
    expect_ok(cf_delta_encode_leaves(&good, &error), error);
    prints.prints.size--;
    bad = good;
    expect_fails(cf_delta_encode_leaves(&bad, &error), CF_BROKEN);
    prints.prints.size++;
    prints.size = 4;
    expect_fails(cf_delta_encode_leaves(&bad, &error), CF_BROKEN);
    cf_buffer_release(&printed);
    cf_buffer_release(&patch);
}

Test(leaves, reach_beyond_4_gib)
{
    const uint64_t size = 32 * CF_GIB, leaves = size / CF_LEAF_SIZE;
    cf_error error;
    vast_content content = {0};
    cf_buffer hashes = {0}, patch = {0};

    /* Hashes without contents: every leaf is another one, the target has the last one first. */
    memset(cf_buffer_reserve(&hashes, (leaves + 1) * CF_HASH_SIZE), 0, (leaves + 1) * CF_HASH_SIZE);
    hashes.size = (leaves + 1) * CF_HASH_SIZE;
    for (uint64_t i = 0; i <= leaves; i++) {
        chance dice = {i % leaves};

        cf_put_u64(hashes.data + i * CF_HASH_SIZE, chance_below(&dice, UINT64_MAX));
    }
    cf_delta_leaf_encoding encoding = {
        .source = {{hashes.data + CF_HASH_SIZE, leaves * CF_HASH_SIZE}, size},
        .target = {{hashes.data, leaves * CF_HASH_SIZE}, size},
        .target_bytes = vast_source(&content, size),
        .patch = cf_sink_of_buffer(&patch),
    };
    expect_ok(cf_delta_encode_leaves(&encoding, &error), error);
    cr_assert(patch.size < size / (8 * CF_MIB) * 30);
    cr_assert_eq(content.read, 0);

    /* The first window copies the source's last leaf. */
    cf_bytes patch_bytes = cf_buffer_view(&patch);
    comparison result = {.expected = vast_source(&content, size), .offset = size - CF_LEAF_SIZE};
    cf_delta_decoding decoding = {
        .source = result.expected,
        .patch = cf_reader_of_bytes(&patch_bytes),
        .target = comparing_sink(&result),
        .form = CF_DELTA_LOG,
        .target_max = CF_LEAF_SIZE,
    };
    expect_fails(cf_delta_decode(&decoding, &error), CF_TOO_LARGE);
    cr_assert_eq(result.offset, size);
    cf_buffer_release(&hashes);
    cf_buffer_release(&patch);
}

/* ---- With prints of the blocks ---- */

static cf_buffer inserted(cf_bytes content, size_t at, size_t size, chance *dice)
{
    cf_buffer out = {0};

    cf_buffer_append(&out, content.data, at);
    append_random(&out, size, dice);
    cf_buffer_append(&out, content.data + at, content.size - at);
    return out;
}

Test(leaves, finds_what_was_shifted_by_a_few_bytes)
{
    static const size_t places[] = {0, 1, 4095, 4096, 70000, 2 * CF_MIB + 5, 5 * CF_MIB + 777};
    chance dice = {4};
    cf_buffer source = {0};

    append_random(&source, 5 * CF_MIB + 777, &dice);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        cf_buffer target = inserted(cf_buffer_view(&source), places[i], 100, &dice);
        size_t size = expect_printed_round_trip(cf_buffer_view(&source), cf_buffer_view(&target));

        cr_expect(size < CF_BLOCK_MIN + 400, "%zu at %zu", size, places[i]);
        size = expect_printed_round_trip(cf_buffer_view(&target), cf_buffer_view(&source));
        cr_expect(size < 2 * CF_BLOCK_MIN + 400, "%zu less at %zu", size, places[i]);
        cf_buffer_release(&target);
    }
    cf_buffer_release(&source);
}

Test(leaves, adds_two_blocks_where_one_was_overwritten)
{
    chance dice = {5};
    cf_buffer source = {0}, other = {0};

    append_random(&source, 10 * CF_MIB + 1, &dice);
    append_random(&other, CF_BLOCK_MIN, &dice);
    cf_buffer target = inserted(cf_buffer_view(&source), 0, 0, &dice);
    memcpy(target.data + 3 * CF_MIB + 77, other.data, other.size);
    cr_expect(expect_printed_round_trip(cf_buffer_view(&source), cf_buffer_view(&target)) <
              2 * CF_BLOCK_MIN + 200);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
    cf_buffer_release(&other);
}

Test(leaves, finds_what_was_moved_within)
{
    chance dice = {6};
    cf_buffer source = {0}, target = {0};

    append_random(&source, 8 * CF_MIB + 99, &dice);
    cf_buffer_append(&target, source.data, CF_MIB + 11);
    cf_buffer_append(&target, source.data + 2 * CF_MIB + 11, 3 * CF_MIB);
    cf_buffer_append(&target, source.data + CF_MIB + 11, CF_MIB);
    cf_buffer_append(&target, source.data + 5 * CF_MIB + 11, 3 * CF_MIB + 88);
    cr_expect(expect_printed_round_trip(cf_buffer_view(&source), cf_buffer_view(&target)) <
              6 * CF_BLOCK_MIN);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
}

Test(leaves, with_prints_work_for_any_pair)
{
    chance dice = {7};

    for (int i = 0; i < 60; i++) {
        cf_buffer source = {0}, target = {0};

        append_random(&source, chance_below(&dice, i % 3 ? CF_MIB : 3 * CF_BLOCK_MIN), &dice);
        append_edited(&target, cf_buffer_view(&source), i % 5, &dice);
        expect_printed_round_trip(cf_buffer_view(&source), cf_buffer_view(&target));
        cf_buffer_release(&source);
        cf_buffer_release(&target);
    }
    expect_printed_round_trip(cf_bytes_of(NULL, 0), cf_bytes_of_text("some"));
    expect_printed_round_trip(cf_bytes_of_text("some"), cf_bytes_of(NULL, 0));
    expect_printed_round_trip(cf_bytes_of_text("some"), cf_bytes_of_text("awesome"));
}

/* Its maker knows the checksum, but not the key. Each block of the target has the checksum of many
 * of the source, and is none of them. */
Test(leaves, are_not_deceived_by_equal_checksums)
{
    cf_error error;
    chance dice = {8};
    cf_buffer source = {0}, bytes = {0}, patch = {0}, result = {0};

    append_random(&source, 4 * CF_MIB, &dice);
    cf_block_prints prints = prints_of(cf_buffer_view(&source), &bytes);
    for (size_t at = 0; at < bytes.size; at += CF_BLOCK_PRINT)
        memset(bytes.data + at, 0, 4);
    cf_buffer target = {0};
    memset(cf_buffer_reserve(&target, 4 * CF_MIB), 0, 4 * CF_MIB);
    target.size = 4 * CF_MIB;
    expect_ok(
        encode_with(&prints, cf_buffer_view(&source), cf_buffer_view(&target), &patch, &error),
        error);
    expect_ok(decode_bytes(cf_buffer_view(&source), cf_buffer_view(&patch), CF_DELTA_LOG,
                           target.size, &result, &error),
              error);
    cr_expect(cf_bytes_equal(cf_buffer_view(&result), cf_buffer_view(&target)));
    cf_buffer_release(&source);
    cf_buffer_release(&target);
    cf_buffer_release(&bytes);
    cf_buffer_release(&patch);
    cf_buffer_release(&result);
}
