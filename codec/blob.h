/* SPDX-License-Identifier: Apache-2.0 */
/* A blob: one piece of content, compressed if that helps, sealed, and named by the SHA-256 of its
 * sealed bytes, so that who keeps it can check it without keys. The same piece in the same
 * collection and epoch gives the same blob. codec/PROTOCOL.md, "Blobs". */
#ifndef CF_CODEC_BLOB_H
#define CF_CODEC_BLOB_H
#include "codec/limits.h"
#include "codec/seal.h"

/* The name of sealed bytes: plain SHA-256, without a domain, as the command sha256sum says too.
 * For bytes that come in pieces: cf_sha256_new and so on. */
cf_hash cf_blob_id(cf_bytes sealed);
/* How a content of `size` bytes is cut: CF_BLOB_PIECE, or CF_BLOB_PIECE_LARGE, or as many times two
 * that CF_ENTRY_BLOBS_MAX pieces suffice; at most CF_BLOB_MAX. */
size_t cf_blob_piece_size(uint64_t size);

/* Seals one piece of 1 to CF_BLOB_MAX bytes; appends to `sealed`, `id` gets its name. */
cf_status cf_blob_seal(const cf_seal_place *place, cf_bytes piece, cf_buffer *sealed, cf_hash *id,
                       cf_error *error);
/* The epoch a blob was sealed in: it stands in the blob. CF_MALFORMED when cut short or of an
 * unknown format. */
cf_status cf_blob_epoch(cf_bytes sealed, cf_hash *epoch, cf_error *error);
/* Appends the piece. CF_FORGED when the bytes are not those of `id` (a broken transfer or store) or
 * do not open; CF_MISSING when the epoch's key is not known. */
cf_status cf_blob_open(const cf_ring *ring, const cf_id *collection, const cf_hash *id,
                       cf_bytes sealed, cf_buffer *piece, cf_error *error);

#endif
