/* SPDX-License-Identifier: Apache-2.0 */
/* Patches: the input is the form, the source and the patch. Never more than was signed comes out,
 * nor is more memory taken than allowed. */
#include "tests/fuzz/target.h"

#include "codec/delta.h"
#include "codec/vcdiff.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

enum { TARGET_MAX = 1 << 20, MEMORY_MAX = 32 << 20 };

static void sources(size_t number, cf_buffer *source, cf_buffer *target)
{
    for (uint32_t i = 0; i < 80; i++)
        cf_buffer_append_text(source, "line %u of the source\n", i * 7919);
    if (number == 2)
        return;
    if (number == 4) { /* as much as may come out, of a few bytes */
        memset(cf_buffer_reserve(target, TARGET_MAX), 'x', TARGET_MAX);
        target->size = TARGET_MAX;
        return;
    }
    cf_buffer_append(target, source->data, source->size / 2);
    cf_buffer_append_text(target, "what is new, ");
    for (int i = 0; i < 300; i++)
        cf_buffer_append(target, "again and ", number == 3 ? 1 : 10);
    cf_buffer_append(target, source->data + source->size / 2, source->size / 2);
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    cf_buffer source = {0}, target = {0}, patch = {0};
    uint8_t form = number % 2 ? CF_DELTA_FILE : CF_DELTA_LOG;
    cf_error error;

    sources(number, &source, &target);
    cf_bytes from = cf_buffer_view(&source), to = cf_buffer_view(&target);
    const cf_delta_encoding encoding = {.source = cf_reader_of_bytes(&from),
                                        .target = cf_reader_of_bytes(&to),
                                        .patch = cf_sink_of_buffer(&patch),
                                        .form = form};
    fuzz_must(!cf_delta_encode(&encoding, &error));
    cf_buffer_append(out, &form, 1);
    fuzz_add_chunk(out, from);
    cf_buffer_append(out, patch.data, patch.size);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
    cf_buffer_release(&patch);
    return number < 5;
}

static void put_number(cf_buffer *out, uint64_t number)
{
    uint8_t bytes[10];
    size_t at = sizeof bytes;

    do {
        at--;
        bytes[at] = (uint8_t)((number & 0x7f) | (at == sizeof bytes - 1 ? 0 : 0x80));
        number >>= 7;
    } while (number);
    cf_buffer_append(out, bytes + at, sizeof bytes - at);
}

/* A window that takes nothing from the source. */
static void put_window(cf_buffer *out, uint64_t target_size, bool is_packed, cf_bytes data,
                       cf_bytes instructions)
{
    cf_buffer body = {0};

    put_number(&body, target_size);
    put_number(&body, is_packed);
    put_number(&body, data.size);
    put_number(&body, instructions.size);
    put_number(&body, 0);
    cf_buffer_append(&body, data.data, data.size);
    cf_buffer_append(&body, instructions.data, instructions.size);
    put_number(out, 0);
    put_number(out, body.size);
    cf_buffer_append(out, body.data, body.size);
    cf_buffer_release(&body);
}

static void put_runs(cf_buffer *out, size_t windows, uint64_t size)
{
    cf_buffer instructions = {0};

    put_number(&instructions, 0); /* RUN, size follows */
    put_number(&instructions, size);
    while (windows--)
        put_window(out, size, false, cf_bytes_of("x", 1), cf_buffer_view(&instructions));
    cf_buffer_release(&instructions);
}

/* Data that say to be `says` bytes, and are `size` zeros that LZMA packed for a dictionary of so
 * many; the first of them are used. */
static void put_packed(cf_buffer *out, uint64_t says, size_t size, size_t used, uint32_t dictionary)
{
    lzma_options_lzma options;
    const lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    uint8_t *plain = cf_allocate(1, size), packed[65536];
    lzma_stream encoder = LZMA_STREAM_INIT;
    cf_buffer data = {0}, instructions = {0};

    fuzz_must(!lzma_lzma_preset(&options, 0));
    options.dict_size = dictionary;
    fuzz_must(lzma_stream_encoder(&encoder, filters, LZMA_CHECK_NONE) == LZMA_OK);
    encoder.next_in = plain;
    encoder.avail_in = size;
    encoder.next_out = packed;
    encoder.avail_out = sizeof packed;
    fuzz_must(lzma_code(&encoder, LZMA_SYNC_FLUSH) == LZMA_STREAM_END);
    put_number(&data, says);
    cf_buffer_append(&data, packed, (size_t)encoder.total_out);
    put_number(&instructions, 1); /* ADD, size follows */
    put_number(&instructions, used);
    put_window(out, used, true, cf_buffer_view(&data), cf_buffer_view(&instructions));
    lzma_end(&encoder);
    free(plain);
    cf_buffer_release(&data);
    cf_buffer_release(&instructions);
}

bool fuzz_bomb(size_t number, cf_buffer *out)
{
    enum { LZMA = 2 };
    const uint8_t form = number < 3 ? CF_DELTA_LOG : CF_DELTA_FILE;
    const uint8_t packing[] = {CF_VCDIFF_SECONDARY, LZMA};

    cf_buffer_append(out, &form, 1);
    fuzz_add_chunk(out, cf_bytes_of_text("a source"));
    cf_buffer_append(out, cf_vcdiff_header, CF_VCDIFF_MAGIC_SIZE);
    cf_buffer_append(out, number < 5 ? (const uint8_t[1]){0} : packing, number < 5 ? 1 : 2);
    switch (number) {
    case 0:
    case 3:
        put_runs(out, 1000, 8 << 20);
        return true;
    case 1:
    case 4:
        put_runs(out, 1000, 64 << 10);
        return true;
    case 2:
        put_runs(out, 1, UINT64_C(1) << 62);
        return true;
    case 5: /* as xdelta3 -9 has it */
        put_packed(out, 1000, 1000, 1000, 64 << 20);
        return true;
    case 6:
        put_packed(out, UINT64_C(1) << 40, 1000, 1000, 1 << 20);
        return true;
    case 7:
        put_packed(out, 24 << 20, 24 << 20, 1000, 16 << 20);
        return true;
    default:
        return false;
    }
}

bool fuzz_run(cf_bytes input)
{
    fuzz_input rest = {input};
    cf_delta_form form = fuzz_byte(&rest) % 2 ? CF_DELTA_FILE : CF_DELTA_LOG;
    cf_bytes source = fuzz_chunk(&rest), patch = rest.rest;
    cf_buffer target = {0};
    cf_delta_figures figures;
    cf_error error;

    const cf_delta_decoding decoding = {.source = cf_reader_of_bytes(&source),
                                        .patch = cf_reader_of_bytes(&patch),
                                        .target = cf_sink_of_buffer(&target),
                                        .form = form,
                                        .target_max = TARGET_MAX,
                                        .memory_max = MEMORY_MAX,
                                        .figures = &figures};
    bool taken = !cf_delta_decode(&decoding, &error);
    fuzz_must(target.size <= TARGET_MAX && figures.written == target.size);
    fuzz_must(figures.memory <= MEMORY_MAX);
    cf_buffer_release(&target);
    return taken;
}
