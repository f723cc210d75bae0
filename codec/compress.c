/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/compress.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

/* length u32 of all that follows but the padding ‖ method ‖ size in plain u32 ‖ data ‖ padding */
enum { METHOD_AT = 4, SIZE_AT = 5, DATA_AT = CF_FRAME_OVERHEAD };
enum { METHOD_STORED = 0, METHOD_ZSTD = 1 };

/* Text gains a tenth at the higher levels and costs three times as much there; of other data
 * neither is so sure. The highest one pays when there is much to look back to. */
enum { LEVEL = 3, LEVEL_TEXT = 6, LEVEL_LONG_TEXT = 9, LEVEL_PROBE = 1 };
enum { LONG_FROM = 512 * 1024, MEMORY = 4 << 20, LONG_MEMORY = 13 << 20 };
enum { PROBE_FROM = 64 * 1024, PROBE_COUNT = 8, PROBE_SIZE = 4096 };

static void must(bool worked)
{
    if (!worked) {
        fputs("counterfoil: libzstd failed\n", stderr);
        abort();
    }
}

/* Eight stretches from all over the bytes. */
static void take_samples(cf_bytes plain, uint8_t samples[PROBE_COUNT * PROBE_SIZE])
{
    size_t step = (plain.size - PROBE_SIZE) / (PROBE_COUNT - 1);

    for (size_t i = 0; i < PROBE_COUNT; i++)
        memcpy(samples + i * PROBE_SIZE, plain.data + i * step, PROBE_SIZE);
}

static bool looks_incompressible(const uint8_t *samples, size_t size)
{
    uint8_t packed[ZSTD_COMPRESSBOUND(PROBE_COUNT * PROBE_SIZE)];
    size_t packed_size = ZSTD_compress(packed, sizeof packed, samples, size, LEVEL_PROBE);

    return !ZSTD_isError(packed_size) && packed_size > size - size / 32;
}

/* No control characters but white space; bytes above 127 pass as UTF-8 would. */
static bool looks_like_text(const uint8_t *samples, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (samples[i] < 32 && samples[i] != '\n' && samples[i] != '\r' && samples[i] != '\t' &&
            samples[i] != '\f')
            return false;
    return true;
}

/* 0: not worth trying. */
static int level_for(cf_bytes plain)
{
    uint8_t samples[PROBE_COUNT * PROBE_SIZE];
    int text_level = plain.size < LONG_FROM ? LEVEL_TEXT : LEVEL_LONG_TEXT;

    if (plain.size == 0)
        return 0;
    if (plain.size < PROBE_FROM)
        return looks_like_text(plain.data, plain.size) ? text_level : LEVEL;
    take_samples(plain, samples);
    if (looks_incompressible(samples, sizeof samples))
        return 0;
    return looks_like_text(samples, sizeof samples) ? text_level : LEVEL;
}

/* Appends the compressed bytes when they are fewer; else false and nothing. */
static bool compress_into(cf_bytes plain, int level, cf_buffer *out)
{
    uint8_t *at = cf_buffer_reserve(out, plain.size);
    ZSTD_CCtx *context = ZSTD_createCCtx();

    must(context);
    size_t size = ZSTD_compressCCtx(context, at, plain.size - 1, plain.data, plain.size, level);
    ZSTD_freeCCtx(context);
    if (ZSTD_isError(size)) /* it wants more room than that */
        return false;
    out->size += size;
    return true;
}

size_t cf_frame_memory(size_t size)
{
    return size < LONG_FROM ? MEMORY : LONG_MEMORY;
}

void cf_frame_pack(cf_bytes plain, cf_buffer *out)
{
    size_t start = out->size;
    uint8_t *head = cf_buffer_reserve(out, CF_FRAME_OVERHEAD + plain.size);
    int level = level_for(plain);

    assert(plain.size <= UINT32_MAX - 16);
    head[METHOD_AT] = METHOD_STORED;
    cf_put_u32(head + SIZE_AT, (uint32_t)plain.size);
    out->size += CF_FRAME_OVERHEAD;
    if (level && compress_into(plain, level, out))
        out->data[start + METHOD_AT] = METHOD_ZSTD;
    else
        cf_buffer_append(out, plain.data, plain.size);
    cf_put_u32(out->data + start, (uint32_t)(out->size - start - METHOD_AT));
}

void cf_frame_pad(cf_buffer *frame, size_t size)
{
    if (frame->size >= size)
        return;
    memset(cf_buffer_reserve(frame, size - frame->size), 0, size - frame->size);
    frame->size = size;
}

/* The format of RFC 8878 only: the library reads older ones too. */
static bool begins_zstd_frame(cf_bytes data)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

    return data.size > sizeof magic && memcmp(data.data, magic, sizeof magic) == 0;
}

/* Exactly one zstd frame that says, and gives, exactly `size` bytes: nothing is written beyond. */
static cf_status decompress(cf_bytes data, size_t size, cf_buffer *plain, cf_error *error)
{
    if (size == 0 || !begins_zstd_frame(data) ||
        ZSTD_getFrameContentSize(data.data, data.size) != size ||
        ZSTD_findFrameCompressedSize(data.data, data.size) != data.size)
        return cf_fail(error, CF_MALFORMED, "compressed bytes don't say the size declared");
    size_t got = ZSTD_decompress(cf_buffer_reserve(plain, size), size, data.data, data.size);
    if (ZSTD_isError(got) || got != size)
        return cf_fail(error, CF_MALFORMED, "compressed bytes are damaged");
    plain->size += size;
    return CF_OK;
}

cf_status cf_frame_read(cf_bytes frame, size_t limit, cf_buffer *plain, cf_error *error)
{
    if (frame.size < CF_FRAME_OVERHEAD)
        return cf_fail(error, CF_MALFORMED, "a frame is cut short");
    size_t length = cf_get_u32(frame.data), size = cf_get_u32(frame.data + SIZE_AT);
    if (length < CF_FRAME_OVERHEAD - METHOD_AT || length > frame.size - METHOD_AT)
        return cf_fail(error, CF_MALFORMED, "a frame says it has %zu bytes", length);
    size_t end = METHOD_AT + length;
    if (!cf_bytes_are_zero(cf_bytes_of(frame.data + end, frame.size - end)))
        return cf_fail(error, CF_MALFORMED, "a frame's padding is not zero");
    if (size > limit)
        return cf_fail(error, CF_TOO_LARGE, "%zu bytes where %zu are the most", size, limit);
    cf_bytes data = cf_bytes_of(frame.data + DATA_AT, end - DATA_AT);
    switch (frame.data[METHOD_AT]) {
    case METHOD_STORED:
        if (data.size != size)
            return cf_fail(error, CF_MALFORMED, "a frame of %zu bytes holds %zu", size, data.size);
        cf_buffer_append(plain, data.data, data.size);
        return CF_OK;
    case METHOD_ZSTD:
        return decompress(data, size, plain, error);
    default:
        return cf_fail(error, CF_MALFORMED, "a frame is compressed in an unknown way");
    }
}
