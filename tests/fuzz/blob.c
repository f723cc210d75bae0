/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs, and the frames in them: the input is a frame, sealed by somebody who has the key, and,
 * once more, the sealed bytes themselves. */
#include "tests/fuzz/target.h"

#include "codec/blob.h"
#include "codec/compress.h"
#include "codec/limits.h"

#include <string.h>

static const cf_ring *the_ring(void)
{
    static cf_ring *ring;
    cf_hash user = fuzz_hash('u'), epoch = fuzz_hash('e'), key = fuzz_hash('k');
    cf_hash commitment = cf_commitment(&user, key.bytes);
    cf_error error;

    if (!ring) {
        ring = cf_ring_new(&user);
        cf_ring_expect(ring, &epoch, &commitment);
        fuzz_must(!cf_ring_give(ring, &epoch, key.bytes, &error));
    }
    return ring;
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    const cf_hash epoch = fuzz_hash('e');
    const cf_id collection = fuzz_id('c');
    const cf_seal_place place = {the_ring(), &epoch, &collection};
    cf_buffer plain = {0};
    cf_hash id;
    cf_error error;

    for (size_t i = 0; i < (number ? 5000 * number : 3); i++)
        cf_buffer_append(&plain, "text ", 5);
    if (number == 3) { /* the largest there is, of a few hundred bytes */
        cf_buffer_clear(&plain);
        memset(cf_buffer_reserve(&plain, CF_BLOB_MAX), 0, CF_BLOB_MAX);
        plain.size = CF_BLOB_MAX;
    }
    if (number != 2)
        cf_frame_pack(cf_buffer_view(&plain), out);
    if (number == 2)
        fuzz_must(!cf_blob_seal(&place, cf_buffer_view(&plain), out, &id, &error));
    cf_buffer_release(&plain);
    return number <= 3;
}

/* A zstd frame (RFC 8878) that says `says` bytes and gives `blocks` times 128 KiB of zeros. */
static void append_zstd(uint64_t says, size_t blocks, bool in_one_segment, cf_buffer *out)
{
    enum { SIZE_IN_8_BYTES = 0xc0, ONE_SEGMENT = 0x20, LARGEST_WINDOW = 0xff, LAST = 1, RLE = 2 };
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    const uint8_t head[] = {SIZE_IN_8_BYTES | (in_one_segment ? ONE_SEGMENT : 0), LARGEST_WINDOW};

    cf_buffer_append(out, magic, sizeof magic);
    cf_buffer_append(out, head, in_one_segment ? 1 : 2);
    for (int i = 0; i < 8; i++)
        cf_buffer_append(out, &(uint8_t){(uint8_t)(says >> 8 * i)}, 1);
    while (blocks--) {
        const uint32_t block = (128u << 10 << 3) | RLE | (blocks ? 0 : LAST);
        const uint8_t bytes[] = {(uint8_t)block, (uint8_t)(block >> 8), (uint8_t)(block >> 16), 0};

        cf_buffer_append(out, bytes, sizeof bytes);
    }
}

bool fuzz_bomb(size_t number, cf_buffer *out)
{
    static const struct {
        uint64_t says;
        size_t blocks;
        bool in_one_segment;
    } bombs[] = {
        {CF_BLOB_MAX + (128 << 10), CF_BLOB_MAX / (128 << 10) + 1, true},
        {CF_BLOB_MAX, CF_GIB / (128 << 10), true}, /* more than it says */
        {CF_BLOB_MAX, CF_GIB / (128 << 10), false},
        {UINT32_MAX, 4 * CF_GIB / (128 << 10), true},
        {CF_BLOB_MAX, 1, true}, /* and less */
    };
    enum { ZSTD = 1 };
    uint8_t head[CF_FRAME_OVERHEAD] = {[4] = ZSTD};
    cf_buffer data = {0};

    if (number >= sizeof bombs / sizeof *bombs)
        return false;
    append_zstd(bombs[number].says, bombs[number].blocks, bombs[number].in_one_segment, &data);
    cf_put_u32(head, (uint32_t)(data.size + sizeof head - 4));
    cf_put_u32(head + 5, (uint32_t)bombs[number].says);
    cf_buffer_append(out, head, sizeof head);
    cf_buffer_append(out, data.data, data.size);
    cf_buffer_release(&data);
    return true;
}

static bool check_frame(cf_bytes frame, size_t *size)
{
    cf_buffer plain = {0};
    cf_error error;
    bool taken = !cf_frame_read(frame, CF_BLOB_MAX, &plain, &error);

    fuzz_must(!taken || plain.size <= CF_BLOB_MAX);
    *size = plain.size;
    cf_buffer_release(&plain);
    return taken;
}

/* As a stranger with the key would: the sealing is right, what is in it is anything. A frame that
 * is taken by itself is a body unless it opens to too many times its sealed size. */
static void check_sealed(cf_bytes frame, bool is_frame, size_t size)
{
    const cf_hash epoch = fuzz_hash('e');
    const cf_id collection = fuzz_id('c');
    const cf_seal_place place = {the_ring(), &epoch, &collection};
    static const char associated[] = "counterfoil/1 body\0under";
    cf_buffer body = {0}, plain = {0};
    cf_seal_keys keys;
    cf_error error;

    fuzz_must(!cf_seal_keys_of(&place, CF_PURPOSE_BODY, &keys, &error));
    cf_seal(&keys, cf_bytes_of(associated, sizeof associated - 1), frame, &body);
    bool taken =
        !cf_body_open(&place, cf_bytes_of_text("under"), cf_buffer_view(&body), &plain, &error);
    fuzz_must(taken == (is_frame && size <= CF_BODY_GROWTH_MAX * body.size + CF_BODY_GROWTH_FREE));
    fuzz_must(!taken || plain.size <= CF_BODY_MAX);
    cf_buffer_release(&body);
    cf_buffer_release(&plain);
}

bool fuzz_run(cf_bytes input)
{
    const cf_id collection = fuzz_id('c');
    cf_hash id = cf_blob_id(input), epoch;
    cf_buffer piece = {0};
    cf_error error;
    size_t size;

    bool taken = check_frame(input, &size);
    check_sealed(input, taken, size);
    if (!cf_blob_epoch(input, &epoch, &error))
        fuzz_must(input.size >= sizeof epoch);
    if (!cf_blob_open(the_ring(), &collection, &id, input, &piece, &error)) {
        fuzz_must(piece.size > 0 && piece.size <= CF_BLOB_MAX);
        taken = true;
    }
    cf_buffer_release(&piece);
    return taken;
}
