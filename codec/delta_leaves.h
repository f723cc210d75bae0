/* SPDX-License-Identifier: Apache-2.0 */
/* A delta without the old content: of that only the leaf hashes are left, and prints of its blocks.
 * Leaves that are equal, wherever they were, become COPY, and blocks at any offset; all else
 * becomes ADD. */
#ifndef CF_CODEC_DELTA_LEAVES_H
#define CF_CODEC_DELTA_LEAVES_H
#include "codec/block_prints.h"
#include "codec/reader_at.h"

/* The leaves of a content, in order: of CF_LEAF_SIZE bytes each, the last one of what is left. */
typedef struct {
    cf_bytes hashes; /* CF_HASH_SIZE bytes each, as a cf_content_hasher gives them */
    uint64_t size;   /* of the content */
} cf_delta_leaves;

typedef struct {
    cf_delta_leaves source;
    cf_delta_leaves target;
    /* Of the source. A print that is not its block's makes a patch of another content. NULL: only
     * leaves are found again. */
    const cf_block_prints *prints;
    cf_reader_at target_bytes; /* read only where leaves changed, once or twice */
    cf_sink patch;
} cf_delta_leaf_encoding;

/* Writes a patch in the form of the log (CF_DELTA_LOG) with at most 2 MiB, 16 bytes a leaf and 32 a
 * print of the source of memory. CF_TOO_LARGE when a content is over CF_FILE_MAX, CF_CHANGED when
 * `target_bytes` is not as long as its leaves say, CF_BROKEN when there are not as many hashes, or
 * prints, as the size needs. */
cf_status cf_delta_encode_leaves(const cf_delta_leaf_encoding *encoding, cf_error *error);

#endif
