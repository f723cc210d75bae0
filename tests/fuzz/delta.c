/* SPDX-License-Identifier: Apache-2.0 */
/* Patches: the input is the form, the source and the patch. Never more than was signed comes out,
 * nor is more memory taken than allowed. */
#include "tests/fuzz/target.h"

#include "codec/delta.h"

enum { TARGET_MAX = 1 << 20, MEMORY_MAX = 32 << 20 };

static void sources(size_t number, cf_buffer *source, cf_buffer *target)
{
    for (uint32_t i = 0; i < 80; i++)
        cf_buffer_append_text(source, "line %u of the source\n", i * 7919);
    if (number == 2)
        return;
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
    const cf_delta_encoding encoding = {.source = cf_source_of_bytes(&from),
                                        .target = cf_source_of_bytes(&to),
                                        .patch = cf_sink_of_buffer(&patch),
                                        .form = form};
    fuzz_must(!cf_delta_encode(&encoding, &error));
    cf_buffer_append(out, &form, 1);
    fuzz_add_chunk(out, from);
    cf_buffer_append(out, patch.data, patch.size);
    cf_buffer_release(&source);
    cf_buffer_release(&target);
    cf_buffer_release(&patch);
    return number < 4;
}

bool fuzz_run(cf_bytes input)
{
    fuzz_input rest = {input};
    cf_delta_form form = fuzz_byte(&rest) % 2 ? CF_DELTA_FILE : CF_DELTA_LOG;
    cf_bytes source = fuzz_chunk(&rest), patch = rest.rest;
    cf_buffer target = {0};
    cf_delta_figures figures;
    cf_error error;

    const cf_delta_decoding decoding = {.source = cf_source_of_bytes(&source),
                                        .patch = cf_source_of_bytes(&patch),
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
