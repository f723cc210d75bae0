/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta.h"

#include "tests/codec/delta_contents.h"
#include "tests/support/expect.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

static const cf_delta_form forms[] = {CF_DELTA_LOG, CF_DELTA_FILE};

static cf_delta_figures encode(cf_bytes source, cf_bytes target, cf_delta_form form,
                               size_t memory_max, cf_buffer *patch)
{
    cf_error error;
    cf_delta_figures figures;
    cf_delta_encoding encoding = {
        .source = cf_reader_of_bytes(&source),
        .target = cf_reader_of_bytes(&target),
        .patch = cf_sink_of_buffer(patch),
        .form = form,
        .memory_max = memory_max,
        .figures = &figures,
    };

    expect_ok(cf_delta_encode(&encoding, &error), error);
    cr_assert_eq(figures.written, patch->size);
    return figures;
}

static void expect_round_trip(cf_bytes source, cf_bytes target, cf_delta_form form,
                              size_t memory_max)
{
    cf_error error;
    cf_buffer patch = {0}, result = {0};
    cf_delta_figures figures = encode(source, target, form, memory_max, &patch);

    if (memory_max)
        cr_assert(figures.memory <= memory_max);
    expect_ok(decode_bytes(source, cf_buffer_view(&patch), form, target.size, &result, &error),
              error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&result), target));
    if (target.size) {
        cf_buffer_clear(&result);
        expect_fails(
            decode_bytes(source, cf_buffer_view(&patch), form, target.size - 1, &result, &error),
            CF_TOO_LARGE);
        cr_assert(result.size < target.size);
    }
    cf_buffer_release(&patch);
    cf_buffer_release(&result);
}

Test(delta, gives_back_any_target)
{
    chance dice = {1};

    for (int i = 0; i < 120; i++) {
        cf_buffer source = {0}, target = {0};

        append_random(&source, (size_t)chance_below(&dice, i % 4 ? 40000 : 2 * MIB), &dice);
        append_edited(&target, cf_buffer_view(&source), 1 + i % 7, &dice);
        expect_round_trip(cf_buffer_view(&source), cf_buffer_view(&target), forms[i / 2 % 2],
                          i % 5 ? 0 : 8 * MIB);
        cf_buffer_release(&source);
        cf_buffer_release(&target);
    }
}

Test(delta, works_from_nothing_and_to_nothing)
{
    chance dice = {2};
    cf_buffer some = {0};

    append_random(&some, 100000, &dice);
    for (int i = 0; i < 2; i++) {
        expect_round_trip(cf_buffer_view(&some), cf_bytes_of(NULL, 0), forms[i], 0);
        expect_round_trip(cf_bytes_of(NULL, 0), cf_buffer_view(&some), forms[i], 0);
        expect_round_trip(cf_bytes_of(NULL, 0), cf_bytes_of(NULL, 0), forms[i], 0);
        expect_round_trip(cf_buffer_view(&some), cf_buffer_view(&some), forms[i], 0);
        expect_round_trip(cf_bytes_of_text("a"), cf_bytes_of_text("b"), forms[i], 0);
    }
    cf_buffer_release(&some);
}

Test(delta, is_small_when_little_changed)
{
    chance dice = {3};
    cf_buffer source = {0}, target = {0}, patch = {0};

    append_random(&source, 3 * MIB, &dice);
    cf_buffer_append(&target, source.data, MIB);
    append_random(&target, 1000, &dice); /* inserted: all behind it is at another offset */
    cf_buffer_append(&target, source.data + MIB, 2 * MIB);
    memset(target.data + 2 * MIB, 0, 100);
    memset(target.data + 5 * MIB / 2, 1, 100);
    for (int i = 0; i < 2; i++) {
        cf_buffer_clear(&patch);
        encode(cf_buffer_view(&source), cf_buffer_view(&target), forms[i], 0, &patch);
        cr_assert(patch.size < 1700, "%zu bytes", patch.size);
    }
    cf_buffer_release(&source);
    cf_buffer_release(&target);
    cf_buffer_release(&patch);
}

Test(delta, repeats_itself_only_in_a_file)
{
    cf_buffer target = {0}, log = {0}, file = {0};

    for (int i = 0; i < 10000; i++)
        cf_buffer_append_text(&target, "row %d of many rows\n", i % 10);
    encode(cf_bytes_of(NULL, 0), cf_buffer_view(&target), CF_DELTA_FILE, 0, &file);
    encode(cf_bytes_of(NULL, 0), cf_buffer_view(&target), CF_DELTA_LOG, 0, &log);
    cr_assert(file.size < 1000, "%zu bytes", file.size);
    cr_assert(log.size > target.size);
    cf_buffer_release(&target);
    cf_buffer_release(&log);
    cf_buffer_release(&file);
}

Test(delta, checksums_of_a_file_tell_another_source)
{
    chance dice = {4};
    cf_error error;
    cf_buffer source = {0}, target = {0}, patch = {0}, result = {0};

    append_random(&source, MIB, &dice);
    append_edited(&target, cf_buffer_view(&source), 3, &dice);
    encode(cf_buffer_view(&source), cf_buffer_view(&target), CF_DELTA_FILE, 0, &patch);
    source.data[MIB - 1000] ^= 1;
    expect_fails(decode_bytes(cf_buffer_view(&source), cf_buffer_view(&patch), CF_DELTA_FILE,
                              UINT64_MAX, &result, &error),
                 CF_MALFORMED);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
    cf_buffer_release(&patch);
    cf_buffer_release(&result);
}

static cf_status refuse_much(void *context, const void *data, size_t size, cf_error *error)
{
    uint64_t *left = context;

    (void)data;
    if (size > *left)
        return cf_fail(error, CF_FULL, "enough");
    *left -= size;
    return CF_OK;
}

static cf_status refuse_reading(void *context, uint64_t offset, void *buffer, size_t size,
                                cf_error *error)
{
    (void)buffer;
    if (offset + size > *(uint64_t *)context)
        return cf_fail(error, CF_CHANGED, "it has become shorter");
    memset(buffer, 7, size);
    return CF_OK;
}

Test(delta, ends_with_the_error_of_a_callback)
{
    chance dice = {5};
    uint64_t left = 50000, readable = MIB;
    cf_error error;
    cf_buffer target = {0};

    append_random(&target, 2 * MIB, &dice);
    cf_bytes bytes = cf_buffer_view(&target);
    cf_delta_encoding encoding = {
        .source = {refuse_reading, &readable, MIB},
        .target = cf_reader_of_bytes(&bytes),
        .patch = {refuse_much, &left},
        .form = CF_DELTA_LOG,
    };
    expect_fails(cf_delta_encode(&encoding, &error), CF_FULL);
    cr_assert_str_eq(error.text, "enough");
    for (readable = 0; readable < MIB; readable += MIB / 7) {
        left = UINT64_MAX;
        expect_fails(cf_delta_encode(&encoding, &error), CF_CHANGED);
    }
    cf_buffer_release(&target);
}

Test(delta, keeps_to_its_memory)
{
    chance dice = {6};
    cf_error error;
    cf_buffer source = {0}, target = {0};

    append_random(&source, 24 * MIB, &dice);
    append_random(&target, 1, &dice);
    cf_buffer_append(&target, source.data, source.size);
    target.data[20 * MIB] ^= 1;
    for (int i = 0; i < 6; i++)
        expect_round_trip(cf_buffer_view(&source), cf_buffer_view(&target), forms[i % 2],
                          (8 + 16 * (size_t)(i / 2)) * MIB);
    cf_buffer patch = {0}, result = {0};
    encode(cf_buffer_view(&source), cf_buffer_view(&target), CF_DELTA_LOG, 0, &patch);
    cf_bytes source_bytes = cf_buffer_view(&source), patch_bytes = cf_buffer_view(&patch);
    cf_delta_decoding decoding = {
        .source = cf_reader_of_bytes(&source_bytes),
        .patch = cf_reader_of_bytes(&patch_bytes),
        .target = cf_sink_of_buffer(&result),
        .form = CF_DELTA_LOG,
        .target_max = target.size,
        .memory_max = MIB,
    };
    expect_fails(cf_delta_decode(&decoding, &error), CF_TOO_LARGE);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
    cf_buffer_release(&patch);
    cf_buffer_release(&result);
}
