/* SPDX-License-Identifier: Apache-2.0 */
/* Prints of the blocks of a content: what is kept of it where its bytes are not, so that equal
 * stretches are found again wherever they went, as rsync finds them (Tridgell, "Efficient
 * Algorithms for Sorting and Synchronization", 1999, chapter 3). A print is
 *
 *     a rolling checksum of 4 bytes (Rabin-Karp modulo 2^32), big-endian, then
 *     16 bytes of Poly1305 under a random key that never leaves the home
 *
 * Poly1305 under one secret key is a universal hash (Bernstein, "The Poly1305-AES message
 * authentication code", 2005): nobody who doesn't see the prints can make two blocks that have one.
 * So who wrote a file can't have a delta of the file be taken for another one. */
#ifndef CF_CODEC_BLOCK_PRINTS_H
#define CF_CODEC_BLOCK_PRINTS_H
#include "codec/bytes.h"
#include "codec/limits.h"
#include "codec/reader_at.h"

enum { CF_BLOCK_KEY = 32, CF_BLOCK_PRINT = 20, CF_BLOCK_MIN = 4096, CF_BLOCKS_MAX = 1 << 20 };

/* In order; the last block of a content may be shorter than the others. */
typedef struct {
    uint8_t key[CF_BLOCK_KEY];
    uint64_t size;   /* of the content */
    cf_bytes prints; /* CF_BLOCK_PRINT bytes each, cf_block_count(size) of them; none: not kept */
} cf_block_prints;

/* The bytes of a block of a content of this size: the smallest power of two from CF_BLOCK_MIN on
 * that makes at most CF_BLOCKS_MAX of them; 4 KiB up to 4 GiB, below a leaf always. 0: the content
 * is too large to have prints. */
size_t cf_block_size(uint64_t size);
uint64_t cf_block_count(uint64_t size);

uint32_t cf_block_checksum(cf_bytes block);
void cf_block_print(const uint8_t key[CF_BLOCK_KEY], cf_bytes block, uint8_t out[CF_BLOCK_PRINT]);

/* The checksum of a window of bytes that moves on by one. */
typedef struct {
    uint32_t sum;
    uint32_t weight; /* of a byte that has just left the window */
} cf_block_window;

cf_block_window cf_block_window_of(cf_bytes bytes);
void cf_block_window_move(cf_block_window *window, uint8_t leaves, uint8_t comes);

/* ---- The search ---- */

/* Finds blocks of one content, of which only prints are kept, in another one, at any offset. */
typedef struct cf_block_search cf_block_search;

/* Borrows both. Takes 2 MiB of memory, and at most 32 bytes a block. */
cf_block_search *cf_block_search_new(const cf_block_prints *source, const cf_reader_at *target);
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
