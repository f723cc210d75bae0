/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs, and the frames in them: the input is a frame, sealed by somebody who has the key, and,
 * once more, the sealed bytes themselves. */
#include "tests/fuzz/target.h"

#include "codec/blob.h"
#include "codec/compress.h"
#include "codec/limits.h"

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
    if (number < 2)
        cf_frame_pack(cf_buffer_view(&plain), out);
    if (number == 2)
        fuzz_must(!cf_blob_seal(&place, cf_buffer_view(&plain), out, &id, &error));
    cf_buffer_release(&plain);
    return number <= 2;
}

static bool check_frame(cf_bytes frame)
{
    cf_buffer plain = {0};
    cf_error error;
    bool taken = !cf_frame_read(frame, CF_BLOB_MAX, &plain, &error);

    fuzz_must(!taken || plain.size <= CF_BLOB_MAX);
    cf_buffer_release(&plain);
    return taken;
}

/* As a stranger with the key would: the sealing is right, what is in it is anything. */
static bool check_sealed(cf_bytes frame)
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
    fuzz_must(!taken || plain.size <= CF_BODY_MAX);
    cf_buffer_release(&body);
    cf_buffer_release(&plain);
    return taken;
}

bool fuzz_run(cf_bytes input)
{
    const cf_id collection = fuzz_id('c');
    cf_hash id = cf_blob_id(input), epoch;
    cf_buffer piece = {0};
    cf_error error;

    bool taken = check_frame(input);
    fuzz_must(check_sealed(input) == taken);
    if (!cf_blob_epoch(input, &epoch, &error))
        fuzz_must(input.size >= sizeof epoch);
    if (!cf_blob_open(the_ring(), &collection, &id, input, &piece, &error)) {
        fuzz_must(piece.size > 0 && piece.size <= CF_BLOB_MAX);
        taken = true;
    }
    cf_buffer_release(&piece);
    return taken;
}
