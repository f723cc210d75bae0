/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/seal.h"

#include "codec/compress.h"
#include "codec/limits.h"

#include <string.h>

static void make_nonce(const cf_seal_keys *keys, cf_bytes associated, cf_bytes plain,
                       uint8_t nonce[CF_NONCE_SIZE])
{
    uint8_t hashes[2 * CF_HASH_SIZE], hash[CF_KEY_SIZE];
    cf_hash under = cf_sha256_of(associated), what = cf_sha256_of(plain);

    memcpy(hashes, under.bytes, CF_HASH_SIZE);
    memcpy(hashes + CF_HASH_SIZE, what.bytes, CF_HASH_SIZE);
    cf_key_derive(keys->nonce, "nonce", cf_bytes_of(hashes, sizeof hashes), hash);
    memcpy(nonce, hash, CF_NONCE_SIZE);
}

void cf_seal(const cf_seal_keys *keys, cf_bytes associated, cf_bytes plain, cf_buffer *out)
{
    uint8_t *at = cf_buffer_reserve(out, plain.size + CF_SEAL_OVERHEAD);

    make_nonce(keys, associated, plain, at);
    cf_bulk_encrypt(keys->seal, at, associated, plain, at + CF_NONCE_SIZE);
    out->size += plain.size + CF_SEAL_OVERHEAD;
}

cf_status cf_unseal(const cf_seal_keys *keys, cf_bytes associated, cf_bytes sealed, cf_buffer *out,
                    cf_error *error)
{
    if (sealed.size < CF_SEAL_OVERHEAD)
        return cf_fail(error, CF_FORGED, "sealed bytes are cut short");
    size_t size = sealed.size - CF_SEAL_OVERHEAD;
    cf_bytes rest = cf_bytes_of(sealed.data + CF_NONCE_SIZE, sealed.size - CF_NONCE_SIZE);
    uint8_t *at = cf_buffer_reserve(out, size);
    if (!cf_bulk_decrypt(keys->seal, sealed.data, associated, rest, at))
        return cf_fail(error, CF_FORGED, "sealed bytes don't open under their key");
    out->size += size;
    return CF_OK;
}

cf_status cf_seal_keys_of(const cf_seal_place *place, cf_purpose purpose, cf_seal_keys *out,
                          cf_error *error)
{
    cf_status status =
        cf_ring_derive(place->ring, place->epoch, place->collection, purpose, out->seal, error);

    return status ? status
                  : cf_ring_derive(place->ring, place->epoch, place->collection, CF_PURPOSE_NONCE,
                                   out->nonce, error);
}

/* The associated data of a body: domain ‖ header up to its last element. */
static void body_associated(cf_bytes sealed_under, cf_buffer *out)
{
    cf_domain_append(out, "body");
    cf_buffer_append(out, sealed_under.data, sealed_under.size);
}

/* Who has little to send can make nobody hold much more. */
static size_t most_from(size_t sealed)
{
    size_t most = CF_BODY_GROWTH_MAX * sealed + CF_BODY_GROWTH_FREE;

    return most < CF_BODY_MAX ? most : CF_BODY_MAX;
}

/* How large a frame must be for readers to take what is in it. */
static size_t frame_for(size_t plain)
{
    size_t beyond = plain > CF_BODY_GROWTH_FREE ? plain - CF_BODY_GROWTH_FREE : 0;
    size_t sealed = (beyond + CF_BODY_GROWTH_MAX - 1) / CF_BODY_GROWTH_MAX;

    return sealed > CF_SEAL_OVERHEAD ? sealed - CF_SEAL_OVERHEAD : 0;
}

cf_status cf_body_seal(const cf_seal_place *place, cf_bytes sealed_under, cf_bytes plain,
                       cf_buffer *out, cf_error *error)
{
    cf_buffer associated = {0}, frame = {0};
    cf_seal_keys keys;

    if (plain.size > CF_BODY_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a body of %zu bytes", plain.size);
    cf_status status = cf_seal_keys_of(place, CF_PURPOSE_BODY, &keys, error);
    if (status)
        return status;
    body_associated(sealed_under, &associated);
    cf_frame_pack(plain, &frame);
    cf_frame_pad(&frame, frame_for(plain.size));
    cf_seal(&keys, cf_buffer_view(&associated), cf_buffer_view(&frame), out);
    cf_wipe(&keys, sizeof keys);
    cf_buffer_release(&associated);
    cf_buffer_release(&frame);
    return CF_OK;
}

cf_status cf_body_open(const cf_seal_place *place, cf_bytes sealed_under, cf_bytes body,
                       cf_buffer *plain, cf_error *error)
{
    cf_buffer associated = {0}, frame = {0};
    cf_seal_keys keys;

    cf_status status = cf_seal_keys_of(place, CF_PURPOSE_BODY, &keys, error);
    if (status)
        return status;
    body_associated(sealed_under, &associated);
    status = cf_unseal(&keys, cf_buffer_view(&associated), body, &frame, error);
    if (!status)
        status = cf_frame_read(cf_buffer_view(&frame), most_from(body.size), plain, error);
    cf_wipe(&keys, sizeof keys);
    cf_buffer_release(&associated);
    cf_buffer_release(&frame);
    return status;
}
