/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/vcdiff.h"

#include <assert.h>
#include <string.h>

enum {
    NUMBER_MAX = 9,   /* bytes of a number of 63 bits */
    OPCODE_ADD = 1,   /* size follows */
    OPCODE_COPY = 19, /* size follows; the address counts from the source segment's start */
    CHECKSUM_BASE = 65521,
    CHECKSUM_RUN = 5552, /* bytes whose sums fit 32 bits */
};

const uint8_t cf_vcdiff_header[CF_VCDIFF_HEADER_SIZE] = {0xd6, 0xc3, 0xc4, 0, 0};

bool cf_vcdiff_number(cf_bytes bytes, size_t *at, uint64_t *number)
{
    uint64_t value = 0;

    for (size_t i = *at; i < bytes.size && i - *at < NUMBER_MAX; i++) {
        value = value << 7 | (bytes.data[i] & 0x7f);
        if (bytes.data[i] & 0x80)
            continue;
        *at = i + 1;
        *number = value;
        return true;
    }
    return false;
}

uint32_t cf_vcdiff_checksum(uint32_t so_far, cf_bytes bytes)
{
    uint32_t low = so_far & 0xffff, high = so_far >> 16;

    for (size_t done = 0; done < bytes.size;) {
        size_t end = bytes.size - done < CHECKSUM_RUN ? bytes.size : done + CHECKSUM_RUN;

        for (; done < end; done++) {
            low += bytes.data[done];
            high += low;
        }
        low %= CHECKSUM_BASE;
        high %= CHECKSUM_BASE;
    }
    return high << 16 | low;
}

/* A small text of bytes that is put together before it is written. */
typedef struct {
    uint8_t bytes[64];
    size_t size;
} words;

static void put_byte(words *self, unsigned byte)
{
    assert(self->size < sizeof self->bytes);
    self->bytes[self->size++] = (uint8_t)byte;
}

static void put_number(words *self, uint64_t number)
{
    for (int shift = 7 * (NUMBER_MAX - 1); shift > 0; shift -= 7)
        if (number >> shift)
            put_byte(self, 0x80 | (number >> shift & 0x7f));
    put_byte(self, number & 0x7f);
}

static void put_checksum(words *self, uint32_t checksum)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        put_byte(self, checksum >> shift & 0xff);
}

typedef struct {
    uint64_t target_size;
    const uint64_t *source_offset; /* of a segment as long as the target window; or NULL */
    cf_bytes data;
    words instructions;
    words addresses;
    const uint32_t *checksum;
} window;

static cf_status write_window(const cf_sink *sink, const window *self, cf_error *error)
{
    words start = {0}, body = {0};

    put_number(&body, self->target_size);
    put_byte(&body, 0); /* no section is compressed */
    put_number(&body, self->data.size);
    put_number(&body, self->instructions.size);
    put_number(&body, self->addresses.size);
    if (self->checksum)
        put_checksum(&body, *self->checksum);

    put_byte(&start, (self->source_offset ? CF_VCDIFF_FROM_SOURCE : 0u) |
                         (self->checksum ? CF_VCDIFF_CHECKSUM : 0u));
    if (self->source_offset) {
        put_number(&start, self->target_size);
        put_number(&start, *self->source_offset);
    }
    put_number(&start,
               body.size + self->data.size + self->instructions.size + self->addresses.size);

    const cf_bytes parts[] = {
        {start.bytes, start.size},
        {body.bytes, body.size},
        self->data,
        {self->instructions.bytes, self->instructions.size},
        {self->addresses.bytes, self->addresses.size},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        cf_status status = cf_sink_write(sink, parts[i].data, parts[i].size, error);

        if (status)
            return status;
    }
    return CF_OK;
}

cf_status cf_vcdiff_write_copy(const cf_sink *sink, uint64_t source_offset, uint64_t size,
                               const uint32_t *checksum, cf_error *error)
{
    window self = {
        .target_size = size,
        .source_offset = &source_offset,
        .checksum = checksum,
    };

    assert(size > 0 && size <= CF_VCDIFF_WINDOW);
    put_byte(&self.instructions, OPCODE_COPY);
    put_number(&self.instructions, size);
    put_number(&self.addresses, 0);
    return write_window(sink, &self, error);
}

cf_status cf_vcdiff_write_add(const cf_sink *sink, cf_bytes bytes, const uint32_t *checksum,
                              cf_error *error)
{
    window self = {.target_size = bytes.size, .data = bytes, .checksum = checksum};

    assert(bytes.size <= CF_VCDIFF_WINDOW);
    if (bytes.size) {
        put_byte(&self.instructions, OPCODE_ADD);
        put_number(&self.instructions, bytes.size);
    }
    return write_window(sink, &self, error);
}

static cf_status skip_header(cf_vcdiff_mover *mover, cf_error *error)
{
    if (mover->start_size < CF_VCDIFF_HEADER_SIZE)
        return CF_OK;
    if (memcmp(mover->start, cf_vcdiff_header, CF_VCDIFF_HEADER_SIZE) != 0)
        return cf_fail(error, CF_BROKEN, "xdelta3 wrote a header that is not plain");
    mover->past_header = true;
    mover->start_size = 0;
    return CF_OK;
}

/* Writes the window's start once all of it is there. */
static cf_status move_start(cf_vcdiff_mover *mover, cf_error *error)
{
    cf_bytes start = {mover->start, mover->start_size};
    uint64_t size, offset, body;
    size_t at = 1;
    words moved = {0};

    put_byte(&moved, start.data[0]);
    if (start.data[0] & CF_VCDIFF_FROM_SOURCE) {
        if (!cf_vcdiff_number(start, &at, &size) || !cf_vcdiff_number(start, &at, &offset))
            return CF_OK;
        put_number(&moved, size);
        put_number(&moved, offset + mover->distance);
    }
    if (!cf_vcdiff_number(start, &at, &body))
        return CF_OK;
    put_number(&moved, body);
    mover->body = body;
    mover->start_size = 0;
    return cf_sink_write(mover->sink, moved.bytes, moved.size, error);
}

cf_status cf_vcdiff_move(cf_vcdiff_mover *mover, cf_bytes bytes, cf_error *error)
{
    cf_status status = CF_OK;

    while (bytes.size && !status) {
        size_t taken = 1;

        if (mover->body) {
            taken = bytes.size < mover->body ? bytes.size : (size_t)mover->body;
            mover->body -= taken;
            status = cf_sink_write(mover->sink, bytes.data, taken, error);
        } else if (mover->start_size == sizeof mover->start) {
            status = cf_fail(error, CF_BROKEN, "xdelta3 wrote a window without an end");
        } else {
            mover->start[mover->start_size++] = *bytes.data;
            status = mover->past_header ? move_start(mover, error) : skip_header(mover, error);
        }
        bytes.data += taken;
        bytes.size -= taken;
    }
    return status;
}
