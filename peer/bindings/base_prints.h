/* SPDX-License-Identifier: Apache-2.0 */
/* Prints of a large content's blocks (codec/block_prints.h): what the cache of bases has of a file
 * of which it has no copy, so that a delta is small wherever bytes were put in or taken out. They
 * lie where copies lie, as `HASH.blk`:
 *
 *     "CFPRINT1", the key, the content's size (8 bytes), the prints, SHA-256 of all before
 *
 * Made by the job that would have made the copy, of bytes that are the leaves' of the content; of
 * what is as it was before, the prints stay. As copies they are a cache: swept, and never synced.
 */
#ifndef CF_PEER_BINDINGS_BASE_PRINTS_H
#define CF_PEER_BINDINGS_BASE_PRINTS_H
#include "broker/platform/files.h"
#include "codec/block_prints.h"
#include "codec/ids.h"

#define CF_BASE_PRINTS_MIN CF_MIB /* smaller contents have none */

/* A content, and the hashes of its leaves. */
typedef struct {
    cf_hash hash;
    uint64_t size;
    cf_bytes leaves;
} cf_base_content;

bool cf_base_content_has_leaves(const cf_base_content *content);
/* This leaf of `now` is not the one that `before` has there. */
bool cf_base_leaf_changed(const cf_base_content *before, const cf_base_content *now, uint64_t leaf);
size_t cf_base_leaf_size(const cf_base_content *content, uint64_t leaf);

/* Whether a content of this size has prints, and how large the file of them is. */
bool cf_base_prints_fit(uint64_t size);
uint64_t cf_base_prints_bytes(uint64_t size);

/* Borrows from `*kept`, which gets all of the file. CF_MISSING: there is none, or it is damaged or
 * another content's, and has been taken away. From any thread. */
cf_status cf_base_prints_read(cf_files *files, const cf_folder *folder,
                              const cf_base_content *content, cf_buffer *kept, cf_block_prints *out,
                              cf_error *error);

typedef struct {
    cf_files *files;
    const cf_folder *folder; /* of the copies */
    const cf_file *file;     /* what it holds is `now`, as far as is known */
    cf_base_content now;
    cf_base_content before;    /* whose prints are given up for these; size 0: none */
    uint8_t key[CF_BLOCK_KEY]; /* where those of before aren't there: random */
} cf_base_prints_options;

/* From any thread. CF_CHANGED when the file does not hold `now`. */
cf_status cf_base_prints_make(const cf_base_prints_options *options, cf_error *error);

#endif
