/* SPDX-License-Identifier: Apache-2.0 */
/* A delta without the old content: of that only the leaf hashes are left. Leaves that are equal,
 * wherever they were, become COPY; all else becomes ADD. */
#ifndef CF_CODEC_DELTA_LEAVES_H
#define CF_CODEC_DELTA_LEAVES_H
#include "codec/ids.h"
#include "codec/source.h"

/* The leaves of a content, in order: all CF_LEAF_SIZE bytes, the last one what is left. */
typedef struct {
    const cf_hash *hashes;
    uint64_t size; /* of the content; the count of hashes follows from it */
} cf_delta_leaves;

/* Leaves in `size` bytes of content. */
uint64_t cf_delta_leaf_count(uint64_t size);

typedef struct {
    cf_delta_leaves source;
    cf_delta_leaves target;
    cf_source target_bytes; /* read once, only where it changed */
    cf_sink patch;
} cf_delta_leaf_encoding;

/* Writes a patch in the form of the log (CF_DELTA_LOG) with at most 1 MiB plus 16 bytes a leaf of
 * the source of memory. CF_TOO_LARGE when a content is over CF_FILE_MAX. */
cf_status cf_delta_encode_leaves(const cf_delta_leaf_encoding *encoding, cf_error *error);

#endif
