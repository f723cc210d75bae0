/* SPDX-License-Identifier: Apache-2.0 */
/* The hash; content_reference.c has the reference. */
#include "codec/content.h"

#include "codec/bulk.h"

#include <stdlib.h>

/* leaf = SHA-256(domain "leaf" ‖ bytes)
 * content = SHA-256(domain "content" ‖ the leaves' hashes ‖ size as u64) */
struct cf_content_hasher {
    cf_sha256 *leaf, *whole;
    cf_buffer *leaves;
    uint64_t size;
    size_t filled; /* bytes of the leaf under way */
    bool knows_zeros;
    cf_hash zeros; /* of a leaf of zeros */
};

uint64_t cf_leaf_count(uint64_t size)
{
    return size / CF_LEAF_SIZE + (size % CF_LEAF_SIZE != 0);
}

cf_hash cf_leaf_hash(cf_bytes leaf)
{
    cf_sha256 *hasher = cf_sha256_new();

    cf_sha256_update_domain(hasher, "leaf");
    cf_sha256_update(hasher, leaf);
    cf_hash hash = cf_sha256_finish(hasher);
    cf_sha256_destroy(&hasher);
    return hash;
}

cf_content_hasher *cf_content_hasher_new(cf_buffer *leaves)
{
    cf_content_hasher *hasher = cf_allocate(1, sizeof *hasher);

    hasher->leaf = cf_sha256_new();
    hasher->whole = cf_sha256_new();
    hasher->leaves = leaves;
    cf_sha256_update_domain(hasher->leaf, "leaf");
    cf_sha256_update_domain(hasher->whole, "content");
    return hasher;
}

static void add_leaf(cf_content_hasher *hasher, const cf_hash *hash)
{
    cf_sha256_update(hasher->whole, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
    if (hasher->leaves)
        cf_buffer_append(hasher->leaves, hash->bytes, CF_HASH_SIZE);
}

static void end_leaf(cf_content_hasher *hasher)
{
    cf_hash hash = cf_sha256_finish(hasher->leaf);

    cf_sha256_update_domain(hasher->leaf, "leaf");
    add_leaf(hasher, &hash);
    hasher->filled = 0;
}

void cf_content_hasher_update(cf_content_hasher *hasher, cf_bytes bytes)
{
    while (bytes.size) {
        size_t room = CF_LEAF_SIZE - hasher->filled;
        size_t step = bytes.size < room ? bytes.size : room;

        cf_sha256_update(hasher->leaf, cf_bytes_of(bytes.data, step));
        hasher->filled += step;
        hasher->size += step;
        if (hasher->filled == CF_LEAF_SIZE)
            end_leaf(hasher);
        bytes = cf_bytes_of(bytes.data + step, bytes.size - step);
    }
}

void cf_content_hasher_zeros(cf_content_hasher *hasher, uint64_t size)
{
    static const uint8_t zeros[CF_LEAF_SIZE];

    while (size) {
        if (hasher->filled == 0 && size >= CF_LEAF_SIZE) {
            if (!hasher->knows_zeros)
                hasher->zeros = cf_leaf_hash(cf_bytes_of(zeros, sizeof zeros));
            hasher->knows_zeros = true;
            add_leaf(hasher, &hasher->zeros);
            hasher->size += CF_LEAF_SIZE;
            size -= CF_LEAF_SIZE;
            continue;
        }
        size_t room = CF_LEAF_SIZE - hasher->filled;
        size_t step = size < room ? (size_t)size : room;
        cf_content_hasher_update(hasher, cf_bytes_of(zeros, step));
        size -= step;
    }
}

static cf_hash end_whole(cf_sha256 *whole, uint64_t size)
{
    uint8_t number[8];

    cf_put_u64(number, size);
    cf_sha256_update(whole, cf_bytes_of(number, sizeof number));
    return cf_sha256_finish(whole);
}

cf_hash cf_content_hasher_finish(cf_content_hasher *hasher, uint64_t *size)
{
    if (hasher->filled)
        end_leaf(hasher);
    *size = hasher->size;
    return end_whole(hasher->whole, hasher->size);
}

void cf_content_hasher_destroy(cf_content_hasher **hasher)
{
    if (!*hasher)
        return;
    cf_sha256_destroy(&(*hasher)->leaf);
    cf_sha256_destroy(&(*hasher)->whole);
    free(*hasher);
    *hasher = NULL;
}

cf_hash cf_content_hash(cf_bytes content)
{
    cf_content_hasher *hasher = cf_content_hasher_new(NULL);
    uint64_t size;

    cf_content_hasher_update(hasher, content);
    cf_hash hash = cf_content_hasher_finish(hasher, &size);
    cf_content_hasher_destroy(&hasher);
    return hash;
}

cf_status cf_leaves_check(cf_bytes leaves, uint64_t size, const cf_hash *content, cf_error *error)
{
    if (leaves.size % CF_HASH_SIZE || leaves.size / CF_HASH_SIZE != cf_leaf_count(size))
        return cf_fail(error, CF_FORGED, "%zu bytes of leaf hashes for another size", leaves.size);
    cf_sha256 *whole = cf_sha256_new();
    cf_sha256_update_domain(whole, "content");
    cf_sha256_update(whole, leaves);
    cf_hash hash = end_whole(whole, size);
    cf_sha256_destroy(&whole);
    if (!cf_hash_equal(&hash, content))
        return cf_fail(error, CF_FORGED, "leaf hashes are of another content");
    return CF_OK;
}

bool cf_leaf_fits(cf_bytes leaves, uint64_t index, cf_bytes leaf)
{
    if (index >= leaves.size / CF_HASH_SIZE)
        return false;
    cf_hash hash = cf_leaf_hash(leaf);
    return memcmp(hash.bytes, leaves.data + index * CF_HASH_SIZE, CF_HASH_SIZE) == 0;
}
