/* SPDX-License-Identifier: Apache-2.0 */
/* Content: a big value (a file, a photo) is named by its hash and reached through a content
 * reference [hash, size, depth, how]. The hash is a SHA-256 tree over leaves of CF_LEAF_SIZE, so
 * that leaves can be checked, reused and patched one by one. codec/PROTOCOL.md, "Content references
 * and the content hash". */
#ifndef CF_CODEC_CONTENT_H
#define CF_CODEC_CONTENT_H
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/ids.h"
#include "codec/limits.h"

/* --- The hash --- */

cf_hash cf_content_hash(cf_bytes content);
cf_hash cf_leaf_hash(cf_bytes leaf);
uint64_t cf_leaf_count(uint64_t size);

/* For content that comes in pieces of any size. */
typedef struct cf_content_hasher cf_content_hasher;
/* `leaves` gets each leaf's hash (32 bytes) appended when it is complete; NULL: not wanted. */
cf_content_hasher *cf_content_hasher_new(cf_buffer *leaves);
void cf_content_hasher_update(cf_content_hasher *hasher, cf_bytes bytes);
/* As that many zero bytes, at a fraction of the work: for holes in files. */
void cf_content_hasher_zeros(cf_content_hasher *hasher, uint64_t size);
/* The hash and size of all that came. Nothing may follow but destroy. */
cf_hash cf_content_hasher_finish(cf_content_hasher *hasher, uint64_t *size);
void cf_content_hasher_destroy(cf_content_hasher **hasher);

/* CF_FORGED unless these are the leaf hashes (32 bytes each) of the content; then each leaf can be
 * checked alone: leaf `i` fits when its cf_leaf_hash is the i-th. */
cf_status cf_leaves_check(cf_bytes leaves, uint64_t size, const cf_hash *content, cf_error *error);
bool cf_leaf_fits(cf_bytes leaves, uint64_t index, cf_bytes leaf);

/* --- The identity: what the state holds of a content, as a canonical value [hash, size] --- */

void cf_content_identity_pack(cf_buffer *out, const cf_hash *hash, uint64_t size);
cf_status cf_content_identity_read(cf_bytes value, cf_hash *hash, uint64_t *size, cf_error *error);
/* From a whole content reference (checked before with cf_content_read) to its identity. */
cf_status cf_content_identity(cf_bytes reference, cf_buffer *out, cf_error *error);

/* --- The reference --- */

/* A stretch of bytes: out of the plain bytes of the entry's blob number `blob`, or zeros. */
typedef struct {
    bool zeros;
    uint64_t blob;   /* index into the header's blob ids */
    uint64_t offset; /* in the blob's plain bytes */
    uint64_t length; /* at least 1 */
} cf_slice;

/* A list being made; neighbours are joined. {0} is empty. */
typedef struct {
    cf_slice *items;
    size_t count, capacity;
    uint64_t length; /* of all slices */
} cf_slices;
void cf_slices_add(cf_slices *slices, cf_slice slice);
void cf_slices_pack(const cf_slices *slices, cf_buffer *out);
void cf_slices_release(cf_slices *slices);

/* How to get the bytes. They are the content itself, or a VCDIFF patch that makes it from `base`.
 */
typedef struct {
    bool is_patch;
    cf_hash base; /* content hash; for a patch */
    bool is_inline;
    cf_bytes bytes;  /* the bytes when inline, at most CF_INLINE_MAX */
    cf_bytes slices; /* else a packed list: cf_slices_pack writes it, cf_slice_next reads it */
    uint64_t length; /* of the bytes, inline or by slices; filled by the readers */
} cf_how;

typedef struct {
    cf_hash hash;
    uint64_t size;
    uint64_t depth; /* 0 when whole; patches in a row else */
    cf_how how;
} cf_content;

/* One after the other out of a checked list; begin with cf_slice_reader_of. False at the end. */
typedef struct {
    cf_bytes rest;
    size_t left;
} cf_slice_reader;
cf_slice_reader cf_slice_reader_of(cf_bytes slices);
bool cf_slice_next(cf_slice_reader *reader, cf_slice *out);

/* The content is a whole of which a slice begins within a blob: out of what another content was
 * sealed for. */
bool cf_content_is_pieced(const cf_content *content);

/* `content` is sound: what cf_content_read would refuse is the caller's mistake. */
void cf_content_pack(cf_buffer *out, const cf_content *content);
void cf_how_pack(cf_buffer *out, const cf_how *how);
/* Reads and checks; borrows from `value`, allocates nothing. `blob_count` is how many blobs the
 * entry's header names. CF_TOO_LARGE beyond CF_FILE_MAX or the depth allowed. */
cf_status cf_content_read(cf_bytes value, size_t blob_count, cf_content *out, cf_error *error);
/* The last part alone, as a supply carries it. */
cf_status cf_how_read(cf_bytes value, size_t blob_count, cf_how *out, cf_error *error);

/* The longest chain of patches for a content of this size: CF_DELTA_DEPTH_MAX or _LARGE. */
uint64_t cf_content_depth_max(uint64_t size);

#endif
