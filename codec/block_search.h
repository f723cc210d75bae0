/* SPDX-License-Identifier: Apache-2.0 */
/* Finds blocks of one content, of which only prints are kept, in another one, at any offset. */
#ifndef CF_CODEC_BLOCK_SEARCH_H
#define CF_CODEC_BLOCK_SEARCH_H
#include "codec/block_prints.h"
#include "codec/source.h"

typedef struct cf_block_search cf_block_search;

/* Borrows both. Takes 2 MiB of memory, and at most 32 bytes a block. */
cf_block_search *cf_block_search_new(const cf_block_prints *source, const cf_source *target);
void cf_block_search_destroy(cf_block_search **search);

/* So many bytes of the target from `at` on are the source's from `source` on. */
typedef struct {
    uint64_t at;
    uint64_t source;
    uint64_t size; /* 0: there is none */
} cf_block_match;

/* The first block that begins in the target at or behind `from` and before `to`, which are less
 * than CF_LEAF_SIZE + 1 apart. Tried first is what stands in the source at `next`, where the last
 * match ended. Whoever makes checksums meet on purpose ends the search at every offset, so that it
 * hashes no more than some four times the target. */
cf_status cf_block_search_find(cf_block_search *search, uint64_t from, uint64_t to, uint64_t next,
                               cf_block_match *out, cf_error *error);

#endif
