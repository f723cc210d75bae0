/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/blob.h"

#include "codec/compress.h"

#include <assert.h>
#include <string.h>

/* format ‖ epoch name ‖ nonce ‖ sealed frame */
enum { FORMAT = 1, EPOCH_AT = 1, NONCE_AT = EPOCH_AT + CF_HASH_SIZE };
static_assert(NONCE_AT + CF_SEAL_OVERHEAD + CF_FRAME_OVERHEAD <= CF_BLOB_OVERHEAD,
              "a stored piece fits the limit of blobs");

cf_hash cf_blob_id(cf_bytes sealed)
{
    return cf_sha256_of(sealed);
}

size_t cf_blob_piece_size(uint64_t size)
{
    uint64_t piece = size < CF_BLOB_LARGE ? CF_BLOB_PIECE : CF_BLOB_PIECE_LARGE;

    while (piece < CF_BLOB_MAX && piece * CF_ENTRY_BLOBS_MAX < size)
        piece *= 2;
    return (size_t)piece;
}

/* domain ‖ user ‖ collection ‖ format ‖ epoch name */
static void blob_associated(const cf_seal_place *place, cf_buffer *out)
{
    cf_domain_append(out, "blob");
    cf_buffer_append(out, cf_ring_user(place->ring)->bytes, CF_HASH_SIZE);
    cf_buffer_append(out, place->collection->bytes, CF_ID_SIZE);
    cf_buffer_append(out, &(uint8_t){FORMAT}, 1);
    cf_buffer_append(out, place->epoch->bytes, CF_HASH_SIZE);
}

cf_status cf_blob_seal(const cf_seal_place *place, cf_bytes piece, cf_buffer *sealed, cf_hash *id,
                       cf_error *error)
{
    cf_buffer associated = {0}, frame = {0};
    cf_seal_keys keys;
    size_t start = sealed->size;

    if (piece.size == 0 || piece.size > CF_BLOB_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a piece of %zu bytes", piece.size);
    cf_status status = cf_seal_keys_of(place, CF_PURPOSE_BLOB, &keys, error);
    if (status)
        return status;
    blob_associated(place, &associated);
    cf_frame_pack(piece, &frame);
    cf_buffer_reserve(sealed, NONCE_AT + CF_SEAL_OVERHEAD + frame.size);
    cf_buffer_append(sealed, &(uint8_t){FORMAT}, 1);
    cf_buffer_append(sealed, place->epoch->bytes, CF_HASH_SIZE);
    cf_seal(&keys, cf_buffer_view(&associated), cf_buffer_view(&frame), sealed);
    *id = cf_blob_id(cf_bytes_of(sealed->data + start, sealed->size - start));
    cf_wipe(&keys, sizeof keys);
    cf_buffer_release(&associated);
    cf_buffer_release(&frame);
    return CF_OK;
}

cf_status cf_blob_epoch(cf_bytes sealed, cf_hash *epoch, cf_error *error)
{
    if (sealed.size < NONCE_AT + CF_SEAL_OVERHEAD || sealed.data[0] != FORMAT)
        return cf_fail(error, CF_MALFORMED, "a blob is cut short or of an unknown format");
    memcpy(epoch->bytes, sealed.data + EPOCH_AT, CF_HASH_SIZE);
    return CF_OK;
}

cf_status cf_blob_open(const cf_ring *ring, const cf_id *collection, const cf_hash *id,
                       cf_bytes sealed, cf_buffer *piece, cf_error *error)
{
    cf_buffer associated = {0}, frame = {0};
    cf_hash epoch, found = cf_blob_id(sealed);
    cf_seal_place place = {ring, &epoch, collection};
    cf_seal_keys keys;

    if (!cf_hash_equal(&found, id))
        return cf_fail(error, CF_FORGED, "a blob's bytes are not those of its name");
    cf_status status = cf_blob_epoch(sealed, &epoch, error);
    if (!status)
        status = cf_seal_keys_of(&place, CF_PURPOSE_BLOB, &keys, error);
    if (status)
        return status;
    blob_associated(&place, &associated);
    cf_bytes rest = cf_bytes_of(sealed.data + NONCE_AT, sealed.size - NONCE_AT);
    status = cf_unseal(&keys, cf_buffer_view(&associated), rest, &frame, error);
    if (!status)
        status = cf_frame_read(cf_buffer_view(&frame), CF_BLOB_MAX, piece, error);
    cf_wipe(&keys, sizeof keys);
    cf_buffer_release(&associated);
    cf_buffer_release(&frame);
    return status;
}
