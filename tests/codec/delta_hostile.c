/* SPDX-License-Identifier: Apache-2.0 */
/* Patches that are cut short, damaged or made to do harm. */
#include "codec/delta.h"

#include "codec/limits.h"
#include "codec/vcdiff.h"
#include "tests/codec/delta_contents.h"
#include "tests/codec/delta_secondary.h"
#include "tests/support/expect.h"

#include <lzma.h>
#include <string.h>

/* A valid patch with what it belongs to. */
typedef struct {
    cf_buffer source;
    cf_buffer target;
    cf_buffer patch;
    cf_delta_form form;
} sample;

enum { SAMPLES = 7 };

static void make_sample(sample *self, size_t size, cf_delta_form form)
{
    uint64_t seed = size;
    cf_error error;

    append_random(&self->source, size, &seed);
    append_edited(&self->target, cf_buffer_view(&self->source), 5, &seed);
    self->form = form;
    cf_bytes source = cf_buffer_view(&self->source), target = cf_buffer_view(&self->target);
    cf_delta_encoding encoding = {
        .source = cf_source_of_bytes(&source),
        .target = cf_source_of_bytes(&target),
        .patch = cf_sink_of_buffer(&self->patch),
        .form = form,
    };
    expect_ok(cf_delta_encode(&encoding, &error), error);
}

static void make_secondary_sample(sample *self, cf_bytes patch)
{
    append_secondary_source(&self->source);
    append_secondary_target(&self->target, cf_buffer_view(&self->source));
    cf_buffer_append(&self->patch, patch.data, patch.size);
    self->form = CF_DELTA_FILE;
}

static void make_samples(sample samples[SAMPLES])
{
    memset(samples, 0, SAMPLES * sizeof *samples);
    make_sample(&samples[0], 9000, CF_DELTA_LOG);
    make_sample(&samples[1], 9000, CF_DELTA_FILE);
    make_sample(&samples[2], 900000, CF_DELTA_LOG);
    make_sample(&samples[3], 900000, CF_DELTA_FILE);
    make_secondary_sample(&samples[4], cf_bytes_of(lzma_patch, sizeof lzma_patch));
    make_secondary_sample(&samples[5], cf_bytes_of(djw_patch, sizeof djw_patch));
    make_secondary_sample(&samples[6], cf_bytes_of(fgk_patch, sizeof fgk_patch));
}

static void release_samples(sample samples[SAMPLES])
{
    for (int i = 0; i < SAMPLES; i++) {
        cf_buffer_release(&samples[i].source);
        cf_buffer_release(&samples[i].target);
        cf_buffer_release(&samples[i].patch);
    }
}

static cf_status decode(const sample *self, cf_bytes patch, cf_buffer *result)
{
    cf_error error;

    cf_buffer_clear(result);
    return decode_bytes(cf_buffer_view(&self->source), patch, self->form, CF_MIB, result, &error);
}

Test(hostile, samples_are_good_to_begin_with)
{
    sample samples[SAMPLES];
    cf_buffer result = {0};

    make_samples(samples);
    for (int i = 0; i < SAMPLES; i++) {
        expect_fails(decode(&samples[i], cf_buffer_view(&samples[i].patch), &result), CF_OK);
        cr_assert(cf_bytes_equal(cf_buffer_view(&result), cf_buffer_view(&samples[i].target)));
    }
    cf_buffer_release(&result);
    release_samples(samples);
}

Test(hostile, log_takes_no_secondary_compressor)
{
    sample samples[SAMPLES];
    cf_buffer result = {0};

    make_samples(samples);
    for (int i = 4; i < SAMPLES; i++) {
        samples[i].form = CF_DELTA_LOG;
        expect_fails(decode(&samples[i], cf_buffer_view(&samples[i].patch), &result), CF_MALFORMED);
    }
    cf_buffer_release(&result);
    release_samples(samples);
}

Test(hostile, no_cut_gives_the_whole)
{
    static const int cut_samples[] = {0, 1, 4, 5, 6};
    sample samples[SAMPLES];
    cf_buffer result = {0};

    make_samples(samples);
    for (size_t i = 0; i < sizeof cut_samples / sizeof *cut_samples; i++) {
        const sample *self = &samples[cut_samples[i]];

        for (size_t size = 0; size < self->patch.size; size++) {
            cf_status status = decode(self, cf_bytes_of(self->patch.data, size), &result);

            cr_assert(status == CF_MALFORMED || (status == CF_OK && size >= 5 && result.size == 0),
                      "sample %d cut at %zu of %zu: status %d, %zu bytes", cut_samples[i], size,
                      self->patch.size, (int)status, result.size);
        }
    }
    cf_buffer_release(&result);
    release_samples(samples);
}

/* Damages a copy of the patch in one to five places. */
static void mutate(cf_buffer *patch, uint64_t *seed)
{
    for (uint64_t count = 1 + random_below(seed, 5); count > 0 && patch->size > 0; count--) {
        size_t near = patch->size < 64 ? patch->size : 64;
        size_t at = (size_t)random_below(seed, random_below(seed, 2) ? near : patch->size);
        size_t length = (size_t)random_below(seed, patch->size - at < 32 ? patch->size - at : 32);

        switch (random_below(seed, 6)) {
        case 0:
            patch->data[at] ^= (uint8_t)(1u << random_below(seed, 8));
            break;
        case 1:
            patch->data[at] = (uint8_t)random_below(seed, 256);
            break;
        case 2: /* makes a number longer */
            patch->data[at] |= 0x80;
            break;
        case 3:
            memset(patch->data + at, random_below(seed, 2) ? 0xff : 0, length);
            break;
        case 4: /* takes some out */
            memmove(patch->data + at, patch->data + at + length, patch->size - at - length);
            patch->size -= length;
            break;
        default: /* brings some of another place */
            memmove(patch->data + at, patch->data + random_below(seed, patch->size - length + 1),
                    length);
        }
    }
}

Test(hostile, mutants_are_refused_or_stay_in_their_bounds)
{
    sample samples[SAMPLES];
    uint64_t seed = 20;
    int taken = 0, refused = 0;
    cf_buffer mutant = {0}, result = {0};

    make_samples(samples);
    for (int i = 0; i < 5600; i++) {
        const sample *self = &samples[i % SAMPLES];

        cf_buffer_clear(&mutant);
        cf_buffer_append(&mutant, self->patch.data, self->patch.size);
        mutate(&mutant, &seed);
        if (decode(self, cf_buffer_view(&mutant), &result))
            refused++;
        else
            taken++;
        cr_assert(result.size <= CF_MIB);
    }
    cr_assert(refused > 1000 && taken > 100, "%d refused, %d taken", refused, taken);
    cf_buffer_release(&mutant);
    cf_buffer_release(&result);
    release_samples(samples);
}

/* --- Patches made by hand --- */

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
        .source = cf_source_of_bytes(&source_bytes),
        .patch = cf_source_of_bytes(&patch_bytes),
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

Test(hostile, bomb_ends_at_the_signed_size)
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

Test(hostile, windows_are_refused_for_what_they_claim)
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
Test(hostile, copies_from_the_target_are_refused_by_name)
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

Test(hostile, headers_are_refused_for_what_they_claim)
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
Test(hostile, a_note_is_as_long_as_the_command_writes_at_most)
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

Test(hostile, dictionaries_are_limited_to_what_the_command_uses)
{
    cr_assert_eq(decode_with_dictionary(28, 0).status, CF_OK); /* 64 MiB */
    cr_assert_eq(decode_with_dictionary(30, 0).status, CF_MALFORMED);
    cr_assert_eq(decode_with_dictionary(40, 0).status, CF_MALFORMED); /* 4 GiB */
}

Test(hostile, dictionaries_are_of_the_memory_that_is_allowed)
{
    outcome enough = decode_with_dictionary(28, 80 * CF_MIB);
    outcome less = decode_with_dictionary(28, 32 * CF_MIB);

    cr_expect_eq(enough.status, CF_OK, "%s", enough.error.text);
    cr_expect_gt(enough.memory, 64 * CF_MIB);
    cr_expect_eq(less.status, CF_TOO_LARGE, "%s", less.error.text);
    cr_expect_leq(less.memory, 32 * CF_MIB);
}
