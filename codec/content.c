/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/content.h"

#include "codec/bulk.h"
#include "codec/pack.h"

#include <assert.h>
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

/* ---- The reference [hash, size, depth, how] and the identity [hash, size] ---- */

uint64_t cf_content_depth_max(uint64_t size)
{
    return size > CF_DELTA_LARGE ? CF_DELTA_DEPTH_LARGE : CF_DELTA_DEPTH_MAX;
}

static void pack_hash_and_size(cf_buffer *out, const cf_hash *hash, uint64_t size)
{
    cf_pack_bin(out, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
    cf_pack_uint(out, size);
}

static cf_status read_hash_and_size(cf_reader *reader, size_t parts, cf_hash *hash, uint64_t *size,
                                    cf_error *error)
{
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count != parts)
        status = cf_fail(error, CF_MALFORMED, "a content has %zu parts, not %zu", count, parts);
    if (!status)
        status = cf_read_bin_exact(reader, hash->bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, size, error);
    if (!status && *size > CF_FILE_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "a content is larger than files may be");
    return status;
}

void cf_content_identity_pack(cf_buffer *out, const cf_hash *hash, uint64_t size)
{
    cf_pack_array(out, 2);
    pack_hash_and_size(out, hash, size);
}

cf_status cf_content_identity_read(cf_bytes value, cf_hash *hash, uint64_t *size, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_hash read_hash;
    uint64_t read_size;

    cf_status status = read_hash_and_size(&reader, 2, &read_hash, &read_size, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (status)
        return status;
    *hash = read_hash;
    *size = read_size;
    return CF_OK;
}

cf_status cf_content_identity(cf_bytes reference, cf_buffer *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(reference);
    cf_hash hash;
    uint64_t size;

    cf_status status = read_hash_and_size(&reader, 4, &hash, &size, error);
    if (!status)
        cf_content_identity_pack(out, &hash, size);
    return status;
}

/* Does `next` go on where `last` ends? Then both are one slice. */
static bool joins(const cf_slice *last, const cf_slice *next)
{
    if (last->zeros || next->zeros)
        return last->zeros && next->zeros;
    return last->blob == next->blob && last->offset + last->length == next->offset;
}

void cf_slices_add(cf_slices *slices, cf_slice slice)
{
    assert(slice.length > 0);
    slices->length += slice.length;
    if (slices->count && joins(&slices->items[slices->count - 1], &slice)) {
        slices->items[slices->count - 1].length += slice.length;
        return;
    }
    *cf_one_more(slices->items, slices->count, slices->capacity) = slice;
}

void cf_slices_pack(const cf_slices *slices, cf_buffer *out)
{
    cf_pack_array(out, slices->count);
    for (size_t i = 0; i < slices->count; i++) {
        const cf_slice *slice = &slices->items[i];

        cf_pack_array(out, slice->zeros ? 1 : 3);
        if (!slice->zeros) {
            cf_pack_uint(out, slice->blob);
            cf_pack_uint(out, slice->offset);
        }
        cf_pack_uint(out, slice->length);
    }
}

void cf_slices_release(cf_slices *slices)
{
    free(slices->items);
    *slices = (cf_slices){0};
}

static cf_status read_slice(cf_reader *reader, cf_slice *out, cf_error *error)
{
    size_t count;

    *out = (cf_slice){0};
    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count != 1 && count != 3)
        status = cf_fail(error, CF_MALFORMED, "a slice has %zu parts", count);
    if (status)
        return status;
    out->zeros = count == 1;
    if (!out->zeros) {
        status = cf_read_uint(reader, &out->blob, error);
        if (!status)
            status = cf_read_uint(reader, &out->offset, error);
    }
    return status ? status : cf_read_uint(reader, &out->length, error);
}

static cf_status check_slice(const cf_slice *slice, size_t blob_count, cf_error *error)
{
    if (slice->length == 0)
        return cf_fail(error, CF_MALFORMED, "a slice is empty");
    if (slice->zeros)
        return CF_OK;
    if (slice->blob >= blob_count)
        return cf_fail(error, CF_MALFORMED, "a slice is of a blob that the header doesn't name");
    if (slice->length > CF_BLOB_MAX || slice->offset > CF_BLOB_MAX - slice->length)
        return cf_fail(error, CF_MALFORMED, "a slice goes beyond what a blob may hold");
    return CF_OK;
}

/* Walks the whole list; `how` gets it and how many bytes it makes. */
static cf_status read_slices(cf_reader *reader, size_t blob_count, cf_how *how, cf_error *error)
{
    cf_slice last = {0}, slice;
    const uint8_t *start = reader->at;
    size_t count;

    how->length = 0;
    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count == 0)
        status = cf_fail(error, CF_MALFORMED, "a content has no slices");
    for (size_t i = 0; !status && i < count; i++) {
        status = read_slice(reader, &slice, error);
        if (!status)
            status = check_slice(&slice, blob_count, error);
        if (!status && i > 0 && joins(&last, &slice))
            status = cf_fail(error, CF_MALFORMED, "neighbouring slices are not joined");
        if (status)
            return status;
        if (slice.length > CF_FILE_MAX - how->length)
            return cf_fail(error, CF_TOO_LARGE, "slices are more than files may hold");
        how->length += slice.length;
        last = slice;
    }
    if (!status)
        how->slices = cf_bytes_of(start, (size_t)(reader->at - start));
    return status;
}

static cf_status read_bytes_or_slices(cf_reader *reader, size_t blob_count, cf_how *how,
                                      cf_error *error)
{
    cf_type type;

    cf_status status = cf_read_type(reader, &type, error);
    if (status)
        return status;
    if (type != CF_TYPE_BIN)
        return read_slices(reader, blob_count, how, error);
    status = cf_read_bin(reader, &how->bytes, error);
    if (!status && how->bytes.size > CF_INLINE_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "%zu bytes inline", how->bytes.size);
    how->is_inline = true;
    how->length = how->bytes.size;
    return status;
}

/* Both a patch and a list of slices are arrays; a patch begins with the base's hash. */
static bool is_patch(cf_reader reader)
{
    cf_error ignored;
    size_t count;
    cf_type type;

    return cf_read_array(&reader, &count, &ignored) == CF_OK && count > 0 &&
           cf_read_type(&reader, &type, &ignored) == CF_OK && type == CF_TYPE_BIN;
}

static cf_status read_how(cf_reader *reader, size_t blob_count, cf_how *how, cf_error *error)
{
    size_t count;

    *how = (cf_how){.is_patch = is_patch(*reader)};
    if (!how->is_patch)
        return read_bytes_or_slices(reader, blob_count, how, error);
    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count != 2)
        status = cf_fail(error, CF_MALFORMED, "a patch has %zu parts", count);
    if (!status)
        status = cf_read_bin_exact(reader, how->base.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = read_bytes_or_slices(reader, blob_count, how, error);
    if (!status && how->length == 0)
        status = cf_fail(error, CF_MALFORMED, "a patch is empty");
    return status;
}

cf_status cf_how_read(cf_bytes value, size_t blob_count, cf_how *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_how how;

    cf_status status = read_how(&reader, blob_count, &how, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (!status)
        *out = how;
    return status;
}

static cf_status check_content(const cf_content *content, cf_error *error)
{
    if (!content->how.is_patch && content->how.length != content->size)
        return cf_fail(error, CF_MALFORMED, "a content's bytes are not as many as its size");
    if (content->how.is_patch != (content->depth > 0))
        return cf_fail(error, CF_MALFORMED, "a content's depth does not fit how it is made");
    if (content->depth > cf_content_depth_max(content->size))
        return cf_fail(error, CF_TOO_LARGE, "too many patches in a row");
    return CF_OK;
}

cf_status cf_content_read(cf_bytes value, size_t blob_count, cf_content *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_content content;

    cf_status status = read_hash_and_size(&reader, 4, &content.hash, &content.size, error);
    if (!status)
        status = cf_read_uint(&reader, &content.depth, error);
    if (!status)
        status = read_how(&reader, blob_count, &content.how, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (!status)
        status = check_content(&content, error);
    if (!status)
        *out = content;
    return status;
}

void cf_how_pack(cf_buffer *out, const cf_how *how)
{
    if (how->is_patch) {
        cf_pack_array(out, 2);
        cf_pack_bin(out, cf_bytes_of(how->base.bytes, CF_HASH_SIZE));
    }
    if (how->is_inline)
        cf_pack_bin(out, how->bytes);
    else
        cf_pack_raw(out, how->slices);
}

bool cf_content_is_pieced(const cf_content *content)
{
    cf_slice_reader reader = cf_slice_reader_of(content->how.slices);
    cf_slice slice;

    if (content->how.is_patch || content->how.is_inline)
        return false;
    while (cf_slice_next(&reader, &slice))
        if (!slice.zeros && slice.offset)
            return true;
    return false;
}

void cf_content_pack(cf_buffer *out, const cf_content *content)
{
    cf_pack_array(out, 4);
    pack_hash_and_size(out, &content->hash, content->size);
    cf_pack_uint(out, content->depth);
    cf_how_pack(out, &content->how);
}

cf_slice_reader cf_slice_reader_of(cf_bytes slices)
{
    cf_reader reader = cf_reader_of(slices);
    cf_error ignored;
    size_t count;

    if (cf_read_array(&reader, &count, &ignored))
        return (cf_slice_reader){0};
    return (cf_slice_reader){cf_bytes_of(reader.at, (size_t)(reader.end - reader.at)), count};
}

bool cf_slice_next(cf_slice_reader *reader, cf_slice *out)
{
    cf_reader rest = cf_reader_of(reader->rest);
    cf_error ignored;

    if (reader->left == 0 || read_slice(&rest, out, &ignored))
        return false;
    reader->rest = cf_bytes_of(rest.at, (size_t)(rest.end - rest.at));
    reader->left--;
    return true;
}
