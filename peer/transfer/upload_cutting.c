/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/upload_cutting.h"

#include "codec/blob.h"
#include "codec/limits.h"

#include <stdlib.h>

static void add(cf_cuts *cuts, cf_upload_cut cut)
{
    *cf_one_more(cuts->at, cuts->count, cuts->capacity) = cut;
}

static void cut_fresh(cf_cuts *cuts, size_t piece_size, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at += piece_size) {
        uint64_t size = to - at < piece_size ? to - at : piece_size;

        add(cuts, (cf_upload_cut){.offset = at, .size = size});
    }
}

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, CF_HASH_SIZE);
}

/* The leaf of the known content that equals this one; the one at its own place first. */
typedef struct {
    cf_hash hash;
    uint64_t index;
} leaf_place;

static leaf_place *sort_leaves(const cf_cut_options *options, uint64_t count)
{
    leaf_place *places = cf_allocate(count, sizeof *places);

    for (uint64_t i = 0; i < count; i++) {
        memcpy(places[i].hash.bytes, options->known_leaves.data + i * CF_HASH_SIZE, CF_HASH_SIZE);
        places[i].index = i;
    }
    qsort(places, count, sizeof *places, by_hash);
    return places;
}

static bool find_leaf(const cf_cut_options *options, const leaf_place *places, uint64_t count,
                      uint64_t leaf, uint64_t *index)
{
    const uint8_t *hash = options->leaves.data + leaf * CF_HASH_SIZE;

    *index = leaf;
    if (leaf < count &&
        memcmp(hash, options->known_leaves.data + leaf * CF_HASH_SIZE, CF_HASH_SIZE) == 0)
        return true;
    const leaf_place *found = bsearch(hash, places, count, sizeof *places, by_hash);
    if (found)
        *index = found->index;
    return found != NULL;
}

/* What the known content has leaf by leaf is reused, the rest is cut. The last, short leaf of
 * either is left out of it: a leaf's hash says its length. Returns the number of fresh ones. */
static size_t cut_around_known(const cf_cut_options *options, size_t piece_size, cf_cuts *out)
{
    uint64_t known_count = options->known->content.size / CF_LEAF_SIZE, fresh_from = 0, index;
    leaf_place *places = sort_leaves(options, known_count);
    size_t known = 0;

    for (uint64_t i = 0; i < options->size / CF_LEAF_SIZE; i++) {
        if (!find_leaf(options, places, known_count, i, &index))
            continue;
        cut_fresh(out, piece_size, fresh_from, i * CF_LEAF_SIZE);
        fresh_from = (i + 1) * CF_LEAF_SIZE;
        add(out, (cf_upload_cut){.is_known = true,
                                 .offset = i * CF_LEAF_SIZE,
                                 .size = CF_LEAF_SIZE,
                                 .known_offset = index * CF_LEAF_SIZE});
        out->known_bytes += CF_LEAF_SIZE;
        known++;
    }
    cut_fresh(out, piece_size, fresh_from, options->size);
    free(places);
    return out->count - known;
}

/* As the copies say. Returns the number of fresh ones. */
static size_t cut_around_copies(const cf_cut_options *options, size_t piece_size, cf_cuts *out)
{
    uint64_t fresh_from = 0;

    for (size_t i = 0; i < options->copies->count; i++) {
        const cf_delta_copy *copy = &options->copies->at[i];

        cut_fresh(out, piece_size, fresh_from, copy->at);
        fresh_from = copy->at + copy->size;
        add(out, (cf_upload_cut){.is_known = true,
                                 .offset = copy->at,
                                 .size = copy->size,
                                 .known_offset = copy->base});
        out->known_bytes += copy->size;
    }
    cut_fresh(out, piece_size, fresh_from, options->size);
    return out->count - options->copies->count;
}

static bool known_is_useful(const cf_cut_options *options)
{
    const cf_content_source *known = options->known;

    if (!known || known->content.how.is_patch || known->content.how.is_inline)
        return false;
    return options->copies ||
           (options->leaves.size &&
            options->known_leaves.size == cf_leaf_count(known->content.size) * CF_HASH_SIZE);
}

/* Slices that one content has room for in its entry, some more than its pieces: a known one is of
 * as many as it lies in. */
enum { SCATTERED = 8192 };

/* False: what is known is too scattered for one entry. */
static bool cut_around(const cf_cut_options *options, size_t piece_size, cf_cuts *out)
{
    const cf_content_source *known = options->known;

    if (!options->copies)
        return cut_around_known(options, piece_size, out) + known->blob_count <= CF_ENTRY_BLOBS_MAX;
    const size_t slices = cf_slice_reader_of(known->content.how.slices).left;

    return cut_around_copies(options, piece_size, out) + known->blob_count <= CF_ENTRY_BLOBS_MAX &&
           out->count + slices <= SCATTERED;
}

void cf_cut_run(const cf_cut_options *options, cf_cuts *out)
{
    size_t piece_size = cf_blob_piece_size(options->size);

    if (known_is_useful(options) && !cut_around(options, piece_size, out)) {
        out->count = 0;
        out->known_bytes = 0;
    }
    if (out->count == 0)
        cut_fresh(out, piece_size, 0, options->size);
}

void cf_cuts_release(cf_cuts *cuts)
{
    free(cuts->at);
    *cuts = (cf_cuts){0};
}
