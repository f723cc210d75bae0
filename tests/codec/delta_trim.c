/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta_trim.h"

#include "codec/limits.h"
#include "codec/vcdiff.h"
#include "tests/codec/delta_contents.h"
#include "tests/support/expect.h"

#include <string.h>

#define SPANS_MAX 64

typedef struct {
    cf_delta_span spans[SPANS_MAX];
    size_t count;
} span_list;

static cf_status take(void *context, const cf_delta_span *span, cf_error *error)
{
    span_list *list = context;

    if (list->count == SPANS_MAX)
        return cf_fail(error, CF_TOO_LARGE, "enough spans");
    list->spans[list->count++] = *span;
    return CF_OK;
}

/* The spans of the two, which are checked to be what they say. */
static span_list trim(cf_bytes source, cf_bytes target)
{
    cf_error error;
    span_list list = {0};
    cf_reader_at of_source = cf_reader_of_bytes(&source), of_target = cf_reader_of_bytes(&target);
    uint64_t offset = 0;

    expect_ok(cf_delta_trim(&of_source, &of_target, take, &list, &error), error);
    for (size_t i = 0; i < list.count; i++) {
        const cf_delta_span *span = &list.spans[i];

        cr_assert_eq(span->target_offset, offset);
        cr_assert(span->target_size > 0);
        offset += span->target_size;
        cr_assert(span->source_offset + span->source_size <= source.size);
        if (!span->equal)
            continue;
        cr_assert(span->target_size <= CF_VCDIFF_WINDOW);
        cr_assert_eq(span->source_size, span->target_size);
        cr_assert(memcmp(source.data + span->source_offset, target.data + span->target_offset,
                         span->target_size) == 0);
    }
    cr_assert_eq(offset, target.size);
    return list;
}

/* What is asked of the C library, which empties it. */
static size_t allocated;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    allocated += count * size;
    return __real_calloc(count, size);
}

static cf_buffer random_content(size_t size)
{
    chance dice = {size};
    cf_buffer content = {0};

    append_random(&content, size, &dice);
    return content;
}

static void expect_span(const cf_delta_span *span, bool equal, uint64_t target_offset,
                        uint64_t target_size, uint64_t source_offset, uint64_t source_size)
{
    cr_assert_eq(span->equal, equal);
    cr_assert_eq(span->target_offset, target_offset);
    cr_assert_eq(span->target_size, target_size);
    cr_assert_eq(span->source_offset, source_offset);
    cr_assert_eq(span->source_size, source_size);
}

Test(trim, takes_as_much_memory_as_there_is_to_compare_up_to_a_bound)
{
    static const size_t sizes[] = {0, 2000, 60000, 3 * CF_MIB};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cf_buffer content = random_content(sizes[i]);
        size_t least = sizes[i] < CF_DELTA_TRIM_MEMORY / 2 ? sizes[i] : CF_DELTA_TRIM_MEMORY / 2;

        allocated = 0;
        trim(cf_buffer_view(&content), cf_buffer_view(&content));
        cr_expect_geq(allocated, 2 * least);
        cr_expect_leq(allocated, 2 * least + 16, "%zu of %zu", allocated, sizes[i]);
        cf_buffer_release(&content);
    }
}

Test(trim, gives_equal_contents_as_copies_only)
{
    cf_buffer content = random_content(20 * CF_MIB + 5);
    span_list list = trim(cf_buffer_view(&content), cf_buffer_view(&content));

    cr_assert_eq(list.count, 3);
    for (size_t i = 0; i < 3; i++)
        cr_assert(list.spans[i].equal);
    cr_assert_eq(trim(cf_bytes_of_text("same"), cf_bytes_of_text("same")).count, 1);
    cr_assert_eq(trim(cf_buffer_view(&content), cf_bytes_of(NULL, 0)).count, 0);
    cf_buffer_release(&content);
}

Test(trim, finds_each_overwritten_place)
{
    cf_buffer source = random_content(4 * CF_MIB), target = random_content(4 * CF_MIB);

    target.data[CF_MIB] ^= 1;
    target.data[CF_MIB + 100000] ^= 1; /* near the one before: one span */
    target.data[3 * CF_MIB - 1] ^= 1;
    span_list list = trim(cf_buffer_view(&source), cf_buffer_view(&target));
    cr_assert_eq(list.count, 5);
    expect_span(&list.spans[0], true, 0, CF_MIB, 0, CF_MIB);
    expect_span(&list.spans[1], false, CF_MIB, 25 * 4096, CF_MIB, 25 * 4096);
    expect_span(&list.spans[3], false, 3 * CF_MIB - 4096, 4096, 3 * CF_MIB - 4096, 4096);
    expect_span(&list.spans[4], true, 3 * CF_MIB, CF_MIB, 3 * CF_MIB, CF_MIB);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
}

Test(trim, finds_the_end_again_behind_an_insertion_and_a_removal)
{
    cf_buffer source = random_content(2 * CF_MIB), longer = {0};

    cf_buffer_append(&longer, source.data, CF_MIB + 10);
    cf_buffer_append_text(&longer, "12345");
    cf_buffer_append(&longer, source.data + CF_MIB + 10, CF_MIB - 10);
    span_list list = trim(cf_buffer_view(&source), cf_buffer_view(&longer));
    cr_assert_eq(list.count, 3);
    expect_span(&list.spans[0], true, 0, CF_MIB + 10, 0, CF_MIB + 10);
    expect_span(&list.spans[1], false, CF_MIB + 10, 5, CF_MIB + 10, 0);
    expect_span(&list.spans[2], true, CF_MIB + 15, CF_MIB - 10, CF_MIB + 10, CF_MIB - 10);

    list = trim(cf_buffer_view(&longer), cf_buffer_view(&source));
    cr_assert_eq(list.count, 2);
    expect_span(&list.spans[1], true, CF_MIB + 10, CF_MIB - 10, CF_MIB + 15, CF_MIB - 10);
    cf_buffer_release(&source);
    cf_buffer_release(&longer);
}

Test(trim, gives_what_was_appended_and_nothing_for_what_was_cut_off)
{
    cf_buffer source = random_content(CF_MIB), target = {0};

    cf_buffer_append(&target, source.data, source.size);
    cf_buffer_append_text(&target, "more");
    span_list list = trim(cf_buffer_view(&source), cf_buffer_view(&target));
    cr_assert_eq(list.count, 2);
    expect_span(&list.spans[1], false, CF_MIB, 4, CF_MIB, 0);
    list = trim(cf_buffer_view(&target), cf_buffer_view(&source));
    cr_assert_eq(list.count, 1);
    expect_span(&list.spans[0], true, 0, CF_MIB, 0, CF_MIB);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
}

Test(trim, covers_any_pair)
{
    chance dice = {9};

    for (int i = 0; i < 100; i++) {
        cf_buffer source = random_content(chance_below(&dice, 3 * CF_MIB)), target = {0};

        append_edited(&target, cf_buffer_view(&source), i % 8, &dice);
        trim(cf_buffer_view(&source), cf_buffer_view(&target));
        cf_buffer_release(&source);
        cf_buffer_release(&target);
    }
}

Test(trim, ends_with_the_error_of_its_taker)
{
    cf_error error;
    span_list full = {.count = SPANS_MAX};
    cf_bytes bytes = cf_bytes_of_text("some");
    cf_reader_at source = cf_reader_of_bytes(&bytes);

    expect_fails(cf_delta_trim(&source, &source, take, &full, &error), CF_TOO_LARGE);
}

/* Encodes and decodes a vast content of which a little changed; returns the patch's size. */
static uint64_t expect_vast_round_trip(uint64_t size, uint64_t changed_offset, cf_buffer *patch)
{
    cf_error error;
    vast_content before = {0}, after = {.changed_offset = changed_offset, .changed_size = 4096};
    cf_delta_figures figures;
    cf_delta_encoding encoding = {
        .source = vast_source(&before, size),
        .target = vast_source(&after, size),
        .patch = cf_sink_of_buffer(patch),
        .form = CF_DELTA_LOG,
        .figures = &figures,
    };

    expect_ok(cf_delta_encode(&encoding, &error), error);
    cr_assert(figures.memory < 16 * CF_MIB, "%zu bytes of memory", figures.memory);
    cr_assert(before.read <= size + CF_MIB, "the source was read again");
    cr_assert(after.read <= size + CF_MIB, "the target was read again");

    cf_bytes bytes = cf_buffer_view(patch);
    comparison result = {.expected = encoding.target};
    cf_delta_decoding decoding = {
        .source = encoding.source,
        .patch = cf_reader_of_bytes(&bytes),
        .target = comparing_sink(&result),
        .form = CF_DELTA_LOG,
        .target_max = size,
        .figures = &figures,
    };
    expect_ok(cf_delta_decode(&decoding, &error), error);
    cr_assert_eq(result.offset, size);
    cr_assert(figures.memory < 16 * CF_MIB, "%zu bytes of memory", figures.memory);
    return patch->size;
}

Test(trim, reads_once_and_takes_little_when_4_kib_of_256_mib_changed)
{
    cf_buffer patch = {0};

    cr_assert(expect_vast_round_trip(256 * CF_MIB, 100 * CF_MIB + 1234, &patch) < 8192);
    cf_buffer_release(&patch);
}

Test(trim, reaches_beyond_4_gib)
{
    cf_buffer patch = {0};

    expect_vast_round_trip(4 * CF_GIB + 96 * CF_MIB, 4 * CF_GIB + 50 * CF_MIB, &patch);
    cr_assert(patch.size < 30000);
    cf_buffer_release(&patch);
}
