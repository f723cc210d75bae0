/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/codec/delta_contents.h"

#include <string.h>

#define BLOCK 4096

void append_random(cf_buffer *buffer, size_t size, chance *dice)
{
    uint8_t *bytes = cf_buffer_reserve(buffer, size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)chance_below(dice, 256);
    buffer->size += size;
}

/* Appends what an edit makes of `source`, of which up to `size` bytes at `at` are edited. */
static void edit(cf_buffer *target, cf_bytes source, size_t at, size_t size, chance *dice)
{
    size_t from = (size_t)chance_below(dice, source.size + 1);

    if (size > source.size - at)
        size = source.size - at;
    if (from > source.size - size)
        from = source.size - size;
    cf_buffer_append(target, source.data, at);
    switch (chance_below(dice, 5)) {
    case 0: /* inserted */
        append_random(target, size, dice);
        cf_buffer_append(target, source.data + at, size);
        break;
    case 1: /* overwritten */
        append_random(target, size, dice);
        break;
    case 2: /* repeated */
        cf_buffer_append(target, source.data + at, size);
        cf_buffer_append(target, source.data + at, size);
        break;
    case 3: /* brought from elsewhere */
        cf_buffer_append(target, source.data + from, size);
        break;
    default: /* removed */
        break;
    }
    cf_buffer_append(target, source.data + at + size, source.size - at - size);
}

void append_edited(cf_buffer *target, cf_bytes source, int edits, chance *dice)
{
    cf_buffer before = {0}, after = {0};

    cf_buffer_append(&before, source.data, source.size);
    while (edits-- > 0) {
        size_t at = (size_t)chance_below(dice, before.size + 1);
        size_t size = (size_t)chance_below(dice, chance_below(dice, 4) ? 300 : 100000);

        cf_buffer_clear(&after);
        edit(&after, cf_buffer_view(&before), at, size, dice);
        cf_buffer swapped = before;
        before = after;
        after = swapped;
    }
    cf_buffer_append(target, before.data, before.size);
    cf_buffer_release(&before);
    cf_buffer_release(&after);
}

static void fill_block(uint8_t block[BLOCK], uint64_t number)
{
    static uint8_t pattern[BLOCK];

    if (pattern[0] == 0) {
        chance dice = {1};

        for (size_t i = 0; i < BLOCK; i++)
            pattern[i] = (uint8_t)(1 + chance_below(&dice, 255));
    }
    memcpy(block, pattern, BLOCK);
    cf_put_u64(block + BLOCK / 2, chance_below(&(chance){number}, UINT64_MAX));
}

static cf_status read_vast(void *context, uint64_t offset, void *buffer, size_t size,
                           cf_error *error)
{
    vast_content *content = context;
    uint8_t block[BLOCK], *bytes = buffer;

    (void)error;
    content->read += size;
    for (size_t done = 0; done < size;) {
        uint64_t at = offset + done;
        size_t inside = at % BLOCK, step = BLOCK - inside;

        if (step > size - done)
            step = size - done;
        fill_block(step == BLOCK ? bytes + done : block, at / BLOCK);
        if (step < BLOCK)
            memcpy(bytes + done, block + inside, step);
        for (size_t i = 0; i < step && content->changed_size; i++) {
            if (at + step <= content->changed_offset ||
                at >= content->changed_offset + content->changed_size)
                break;
            if (at + i - content->changed_offset < content->changed_size)
                bytes[done + i] ^= 0x55;
        }
        done += step;
    }
    return CF_OK;
}

cf_reader_at vast_source(vast_content *content, uint64_t size)
{
    return (cf_reader_at){read_vast, content, size};
}

static cf_status compare(void *context, const void *data, size_t size, cf_error *error)
{
    comparison *self = context;
    const uint8_t *bytes = data;
    uint8_t expected[BLOCK];

    while (size) {
        size_t step = size < sizeof expected ? size : sizeof expected;
        cf_status status = cf_reader_at_read(&self->expected, self->offset, expected, step, error);

        if (status)
            return status;
        if (memcmp(expected, bytes, step) != 0)
            return cf_fail(error, CF_FORGED, "other bytes than expected");
        self->offset += step;
        bytes += step;
        size -= step;
    }
    return CF_OK;
}

cf_sink comparing_sink(comparison *with)
{
    return (cf_sink){compare, with};
}

cf_status decode_bytes(cf_bytes source, cf_bytes patch, cf_delta_form form, uint64_t target_max,
                       cf_buffer *target, cf_error *error)
{
    cf_delta_decoding decoding = {
        .source = cf_reader_of_bytes(&source),
        .patch = cf_reader_of_bytes(&patch),
        .target = cf_sink_of_buffer(target),
        .form = form,
        .target_max = target_max,
    };

    return cf_delta_decode(&decoding, error);
}
