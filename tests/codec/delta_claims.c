/* SPDX-License-Identifier: Apache-2.0 */
/* Patches made by hand that claim more than there is, or than is allowed. */
#include "codec/delta.h"

#include "codec/limits.h"
#include "codec/vcdiff.h"
#include "tests/support/expect.h"

#include <lzma.h>
#include <string.h>

static void put_number(cf_buffer *buffer, uint64_t number)
{
    uint8_t bytes[10];
    size_t at = sizeof bytes;

    do {
        at--;
        bytes[at] = (uint8_t)((number & 0x7f) | (at == sizeof bytes - 1 ? 0 : 0x80));
        number >>= 7;
    } while (number);
    cf_buffer_append(buffer, bytes + at, sizeof bytes - at);
}

typedef struct {
    unsigned indicator;
    uint64_t source_size, source_offset; /* with indicator 1 or 2 */
    uint64_t target_size;
    unsigned delta_indicator;
    uint64_t data_claimed, instructions_claimed; /* on top of what there is */
    cf_bytes data, instructions;
} wild_window;

static void put_window(cf_buffer *patch, const wild_window *window)
{
    cf_buffer body = {0};

    put_number(&body, window->target_size);
    put_number(&body, window->delta_indicator);
    put_number(&body, window->data.size + window->data_claimed);
    put_number(&body, window->instructions.size + window->instructions_claimed);
    put_number(&body, 0);
    uint64_t claimed = body.size + window->data.size + window->data_claimed +
                       window->instructions.size + window->instructions_claimed;
    cf_buffer_append(&body, window->data.data, window->data.size);
    cf_buffer_append(&body, window->instructions.data, window->instructions.size);

    put_number(patch, window->indicator);
    if (window->indicator & 3) {
        put_number(patch, window->source_size);
        put_number(patch, window->source_offset);
    }
    put_number(patch, claimed);
    cf_buffer_append(patch, body.data, body.size);
    cf_buffer_release(&body);
}

static const cf_bytes one_byte = {(const uint8_t *)"x", 1};

/* A window of `size` times "x". */
static void put_run(cf_buffer *patch, uint64_t size)
{
    cf_buffer instructions = {0};

    put_number(&instructions, 0); /* RUN, size follows */
    put_number(&instructions, size);
    put_window(patch, &(wild_window){.target_size = size,
                                     .data = one_byte,
                                     .instructions = cf_buffer_view(&instructions)});
    cf_buffer_release(&instructions);
}

static cf_status count_bytes(void *context, const void *data, size_t size, cf_error *error)
{
    (void)data;
    (void)error;
    *(uint64_t *)context += size;
    return CF_OK;
}

typedef struct {
    cf_status status;
    uint64_t written;
    size_t memory;
    cf_error error;
} outcome;

static outcome decode_within(const cf_buffer *patch, cf_delta_form form, uint64_t target_max,
                             size_t memory_max)
{
    cf_bytes source_bytes = cf_bytes_of_text("a short source"), patch_bytes = cf_buffer_view(patch);
    cf_delta_figures figures;
    outcome found = {0};
    cf_delta_decoding decoding = {
        .source = cf_reader_of_bytes(&source_bytes),
        .patch = cf_reader_of_bytes(&patch_bytes),
        .target = {count_bytes, &found.written},
        .form = form,
        .target_max = target_max,
        .memory_max = memory_max,
        .figures = &figures,
    };

    found.status = cf_delta_decode(&decoding, &found.error);
    found.memory = figures.memory;
    cr_assert_eq(found.written, figures.written);
    return found;
}

static outcome decode_wild(const cf_buffer *patch, cf_delta_form form, uint64_t target_max)
{
    return decode_within(patch, form, target_max, 0);
}

Test(claims, bomb_ends_at_the_signed_size)
{
    cf_buffer patch = {0};

    cf_buffer_append(&patch, cf_vcdiff_header, CF_VCDIFF_HEADER_SIZE);
    for (int i = 0; i < 1000; i++)
        put_run(&patch, 8 * CF_MIB);
    cr_assert(patch.size < 30000);
    outcome found = decode_wild(&patch, CF_DELTA_LOG, 25 * CF_MIB);
    cr_assert_eq(found.status, CF_TOO_LARGE);
    cr_assert_eq(found.written, 24 * CF_MIB);
    cr_assert(found.memory < 10 * CF_MIB);
    cf_buffer_release(&patch);
}

/* Nothing is written, and nothing is allocated for what the window claims. */
static void expect_refused(const wild_window *window, cf_delta_form form, cf_status expected)
{
    cf_buffer patch = {0};

    cf_buffer_append(&patch, cf_vcdiff_header, CF_VCDIFF_HEADER_SIZE);
    put_window(&patch, window);
    outcome found = decode_wild(&patch, form, CF_GIB);
    cr_assert_eq(found.status, expected, "status %d", (int)found.status);
    cr_assert_eq(found.written, 0);
    cr_assert(found.memory < CF_MIB, "%zu bytes", found.memory);
    cf_buffer_release(&patch);
}

Test(claims, windows_are_refused_for_what_they_claim)
{
    const uint64_t huge = UINT64_C(1) << 62;
    const wild_window too_large = {.target_size = 8 * CF_MIB + 1};
    const wild_window far_too_large = {.target_size = 16 * CF_MIB + 1};
    const wild_window windows[] = {
        {.indicator = CF_VCDIFF_FROM_TARGET, .source_size = 0, .target_size = 1},
        {.indicator = CF_VCDIFF_FROM_SOURCE, .source_size = 15, .target_size = 1},
        {.indicator = CF_VCDIFF_FROM_SOURCE, .source_size = 10, .source_offset = 5},
        {.indicator = CF_VCDIFF_FROM_SOURCE, .source_size = 1, .source_offset = UINT64_MAX - 9},
        {.indicator = CF_VCDIFF_FROM_SOURCE, .source_size = huge, .source_offset = 1},
        {.target_size = 1, .data_claimed = 100},
        {.target_size = 1, .data_claimed = huge},
        {.target_size = 1, .data_claimed = huge * 2, .instructions_claimed = huge * 2},
        {.target_size = 1, .delta_indicator = 1},
        {.target_size = 100, .data = one_byte, .instructions = {(const uint8_t *)"\x02", 1}},
        {.target_size = huge},
        {.target_size = UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        expect_refused(&windows[i], CF_DELTA_LOG, CF_MALFORMED);
        expect_refused(&windows[i], CF_DELTA_FILE, CF_MALFORMED);
    }
    expect_refused(&too_large, CF_DELTA_LOG, CF_TOO_LARGE);
    expect_refused(&far_too_large, CF_DELTA_FILE, CF_TOO_LARGE);
}

/* By us, and not by a library that only hasn't learned it yet. */
Test(claims, copies_from_the_target_are_refused_by_name)
{
    const wild_window window = {.indicator = CF_VCDIFF_FROM_TARGET, .target_size = 1};
    cf_buffer patch = {0};

    cf_buffer_append(&patch, cf_vcdiff_header, CF_VCDIFF_HEADER_SIZE);
    put_window(&patch, &window);
    outcome found = decode_wild(&patch, CF_DELTA_LOG, CF_GIB);
    cr_assert_eq(found.status, CF_MALFORMED);
    cr_assert_not_null(strstr(found.error.text, "copies from its target"), "%s", found.error.text);
    cf_buffer_release(&patch);
}

Test(claims, headers_are_refused_for_what_they_claim)
{
    static const struct {
        const char *bytes;
        size_t size;
    } headers[] = {
        {"", 0},
        {"\xd6\xc3\xc4\x00", 4},
        {"\xd6\xc3\xc4\x53\x00\x00", 6},                                  /* another version */
        {"\xd6\xc3\xc4\x00\x02\x05\x04\x03\x00\x00\x00\x00\x00", 13},     /* a code table */
        {"\xd6\xc3\xc4\x00\x08\x00", 6},                                  /* an unknown bit */
        {"\xd6\xc3\xc4\x00\x04", 5},                                      /* no size */
        {"\xd6\xc3\xc4\x00\x04\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 14}, /* a note of 2^63 */
        {"\xd6\xc3\xc4\x00\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 16},
        {"\xd6\xc3\xc4\x00\x04\x20note", 10}, /* longer than the patch */
        {"\xd6\xc3\xc4\x00\x01\x63\x00", 7},  /* an unknown compressor */
    };
    cf_buffer patch = {0};

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        cf_buffer_clear(&patch);
        cf_buffer_append(&patch, headers[i].bytes, headers[i].size);
        outcome found = decode_wild(&patch, CF_DELTA_FILE, CF_GIB);
        cr_assert_eq(found.status, CF_MALFORMED, "header %zu", i);
        cr_assert(found.memory < CF_MIB);
    }
    cf_buffer_release(&patch);
}

/* There is nothing behind it, which xdelta3 finds out with all of it in memory. */
Test(claims, a_note_is_as_long_as_the_command_writes_at_most)
{
    enum { NOTE_MAX = 65536 };
    static const uint8_t note[NOTE_MAX + 1];
    cf_buffer patch = {0};

    for (size_t size = NOTE_MAX; size <= NOTE_MAX + 1; size++) {
        cf_buffer_clear(&patch);
        cf_buffer_append(&patch, "\xd6\xc3\xc4\x00\x04", 5);
        put_number(&patch, size);
        cf_buffer_append(&patch, note, size);
        outcome found = decode_wild(&patch, CF_DELTA_FILE, CF_GIB);
        cr_expect_eq(found.status == CF_OK || !strstr(found.error.text, "note"), size == NOTE_MAX,
                     "%zu: %s", size, found.error.text);
    }
    cf_buffer_release(&patch);
}

/* "xxx…" as an .xz stream whose header asks for a dictionary of 2^(code / 2 + 12) bytes or so. */
static size_t compress_run(uint8_t *stream, size_t capacity, size_t size, uint8_t code)
{
    enum { STREAM_HEADER = 12 };
    static uint8_t run[4096];
    lzma_options_lzma options;
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_stream encoder = LZMA_STREAM_INIT;

    cr_assert(size <= sizeof run);
    memset(run, 'x', size);
    cr_assert(!lzma_lzma_preset(&options, 0));
    cr_assert_eq(lzma_stream_encoder(&encoder, filters, LZMA_CHECK_NONE), LZMA_OK);
    encoder.next_in = run;
    encoder.avail_in = size;
    encoder.next_out = stream;
    encoder.avail_out = capacity;
    cr_assert_eq(lzma_code(&encoder, LZMA_SYNC_FLUSH), LZMA_STREAM_END);
    size_t used = (size_t)encoder.total_out;
    lzma_end(&encoder);
    uint8_t *block = stream + STREAM_HEADER;
    size_t header = ((size_t)block[0] + 1) * 4;
    uint8_t *property = memchr(block, LZMA_FILTER_LZMA2, header);
    cr_assert_eq(property[1], 1);
    property[2] = code;
    uint32_t checksum = lzma_crc32(block, header - 4, 0);
    memcpy(block + header - 4, &checksum, 4);
    return used;
}

static outcome decode_with_dictionary(uint8_t code, size_t memory_max)
{
    static const uint8_t header[] = {0xd6, 0xc3, 0xc4, 0, CF_VCDIFF_SECONDARY, 2 /* LZMA */};
    enum { SIZE = 1000 };
    uint8_t stream[512];
    cf_buffer patch = {0}, data = {0}, instructions = {0};

    put_number(&data, SIZE);
    cf_buffer_append(&data, stream, compress_run(stream, sizeof stream, SIZE, code));
    put_number(&instructions, 1); /* ADD, size follows */
    put_number(&instructions, SIZE);
    cf_buffer_append(&patch, header, sizeof header);
    put_window(&patch, &(wild_window){.target_size = SIZE,
                                      .delta_indicator = 1, /* the data are compressed */
                                      .data = cf_buffer_view(&data),
                                      .instructions = cf_buffer_view(&instructions)});
    outcome found = decode_within(&patch, CF_DELTA_FILE, CF_MIB, memory_max);
    cf_buffer_release(&patch);
    cf_buffer_release(&data);
    cf_buffer_release(&instructions);
    return found;
}

Test(claims, dictionaries_are_limited_to_what_the_command_uses)
{
    cr_assert_eq(decode_with_dictionary(28, 0).status, CF_OK); /* 64 MiB */
    cr_assert_eq(decode_with_dictionary(30, 0).status, CF_MALFORMED);
    cr_assert_eq(decode_with_dictionary(40, 0).status, CF_MALFORMED); /* 4 GiB */
}

Test(claims, dictionaries_are_of_the_memory_that_is_allowed)
{
    outcome enough = decode_with_dictionary(28, 80 * CF_MIB);
    outcome less = decode_with_dictionary(28, 32 * CF_MIB);

    cr_expect_eq(enough.status, CF_OK, "%s", enough.error.text);
    cr_expect_gt(enough.memory, 64 * CF_MIB);
    cr_expect_eq(less.status, CF_TOO_LARGE, "%s", less.error.text);
    cr_expect_leq(less.memory, 32 * CF_MIB);
}
