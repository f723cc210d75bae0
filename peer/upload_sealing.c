/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/upload_sealing.h"

#include "broker/jobs.h"
#include "codec/blob.h"
#include "codec/compress.h"

#include <stdlib.h>

enum { IN_HAND_MAX = 16 };
#define IN_HAND_BYTES (8 * CF_MIB)

typedef enum { FRESH, UNDER_WAY, OFFERED, STORED, ZEROS, KNOWN } piece_state;

typedef struct {
    piece_state state;
    uint64_t offset, size;
    uint64_t known_offset; /* KNOWN: where it begins in the known content */
    cf_hash id;
    cf_buffer sealed; /* OFFERED */
} piece;

struct cf_sealing {
    cf_sealing_options options;
    size_t piece_size;
    piece *pieces;
    size_t count, capacity;
    size_t next;    /* the first that was not started */
    size_t in_hand; /* under way or offered */
    uint64_t in_hand_bytes;
    size_t jobs, settled; /* jobs under way; pieces that need nothing more */
    uint64_t reused;
    cf_error error;
    bool failed;
};

/* ---- Cutting ---- */

static void add_piece(cf_sealing *sealing, piece added)
{
    sealing->pieces =
        cf_grow(sealing->pieces, &sealing->capacity, sealing->count + 1, sizeof added);
    sealing->pieces[sealing->count++] = added;
}

static void cut_fresh(cf_sealing *sealing, uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at += sealing->piece_size) {
        uint64_t size = to - at < sealing->piece_size ? to - at : sealing->piece_size;

        add_piece(sealing, (piece){.state = FRESH, .offset = at, .size = size});
    }
}

static uint64_t leaf_end(uint64_t leaf, uint64_t size)
{
    uint64_t end = (leaf + 1) * CF_LEAF_SIZE;

    return end < size ? end : size;
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

static const leaf_place *find_leaf(const leaf_place *places, size_t count, cf_bytes leaves,
                                   uint64_t leaf, uint64_t known_count, cf_bytes known,
                                   leaf_place *same)
{
    const uint8_t *hash = leaves.data + leaf * CF_HASH_SIZE;

    if (leaf < known_count && memcmp(hash, known.data + leaf * CF_HASH_SIZE, CF_HASH_SIZE) == 0) {
        same->index = leaf;
        return same;
    }
    return bsearch(hash, places, count, sizeof *places, by_hash);
}

/* What the known content has leaf by leaf is reused, the rest is cut. The last, short leaf of
 * either is left out of it: a leaf's hash says its length. */
static void cut_around_known(cf_sealing *sealing)
{
    const cf_sealing_options *options = &sealing->options;
    uint64_t known_size = options->known->content.size, fresh_from = 0;
    uint64_t known_count = known_size / CF_LEAF_SIZE, count = options->size / CF_LEAF_SIZE;
    leaf_place *places = cf_allocate(known_count, sizeof *places);

    for (uint64_t i = 0; i < known_count; i++) {
        memcpy(places[i].hash.bytes, options->known_leaves.data + i * CF_HASH_SIZE, CF_HASH_SIZE);
        places[i].index = i;
    }
    qsort(places, known_count, sizeof *places, by_hash);
    for (uint64_t i = 0; i < count; i++) {
        leaf_place same;
        const leaf_place *found = find_leaf(places, known_count, options->leaves, i, known_count,
                                            options->known_leaves, &same);

        if (!found)
            continue;
        cut_fresh(sealing, fresh_from, i * CF_LEAF_SIZE);
        fresh_from = leaf_end(i, options->size);
        add_piece(sealing, (piece){.state = KNOWN,
                                   .offset = i * CF_LEAF_SIZE,
                                   .size = CF_LEAF_SIZE,
                                   .known_offset = found->index * CF_LEAF_SIZE});
        sealing->settled++;
        sealing->reused += CF_LEAF_SIZE;
    }
    cut_fresh(sealing, fresh_from, options->size);
    free(places);
}

static bool known_is_useful(const cf_sealing *sealing)
{
    const cf_sealing_options *options = &sealing->options;

    return options->known && !options->known->content.how.is_patch &&
           !options->known->content.how.is_inline && options->leaves.size &&
           options->known_leaves.size == cf_leaf_count(options->known->content.size) * CF_HASH_SIZE;
}

cf_sealing *cf_sealing_new(const cf_sealing_options *options)
{
    cf_sealing *sealing = cf_allocate(1, sizeof *sealing);

    sealing->options = *options;
    sealing->piece_size = cf_blob_piece_size(options->size);
    if (known_is_useful(sealing))
        cut_around_known(sealing);
    size_t fresh = sealing->count - sealing->settled;
    if (sealing->settled && fresh + options->known->blob_count > CF_ENTRY_BLOBS_MAX) {
        sealing->count = sealing->settled = 0; /* too scattered for one entry */
        sealing->reused = 0;
    }
    if (sealing->count == 0)
        cut_fresh(sealing, 0, options->size);
    return sealing;
}

static void drop_job(cf_sealing *sealing)
{
    sealing->options.env->jobs->deliver(sealing->options.env->jobs);
}

void cf_sealing_destroy(cf_sealing **sealing)
{
    if (!*sealing)
        return;
    (*sealing)->failed = true;
    while ((*sealing)->jobs)
        drop_job(*sealing);
    for (size_t i = 0; i < (*sealing)->count; i++) {
        piece *one = &(*sealing)->pieces[i];

        if (one->state == OFFERED)
            cf_transfer_forget_offer((*sealing)->options.transfer, &one->id);
        cf_buffer_release(&one->sealed);
    }
    cf_files *files = (*sealing)->options.env->files;
    files->close_file(files, &(*sealing)->options.file);
    cf_ring_destroy(&(*sealing)->options.ring);
    free((*sealing)->pieces);
    free(*sealing);
    *sealing = NULL;
}

/* ---- Jobs ---- */

typedef struct {
    cf_job job;
    cf_sealing *sealing;
    size_t index;
    bool zeros;
    cf_hash id;
    cf_buffer sealed;
    cf_status status;
    cf_error error;
} seal_job;

static bool all_zero(cf_bytes bytes)
{
    return bytes.size && bytes.data[0] == 0 &&
           memcmp(bytes.data, bytes.data + 1, bytes.size - 1) == 0;
}

static cf_status check_leaves(const cf_sealing *sealing, const piece *one, cf_bytes bytes,
                              cf_error *error)
{
    if (!sealing->options.leaves.size)
        return CF_OK;
    for (size_t at = 0; at < bytes.size; at += CF_LEAF_SIZE) {
        size_t size = bytes.size - at < CF_LEAF_SIZE ? bytes.size - at : CF_LEAF_SIZE;

        if (!cf_leaf_fits(sealing->options.leaves, (one->offset + at) / CF_LEAF_SIZE,
                          cf_bytes_of(bytes.data + at, size)))
            return cf_fail(error, CF_CHANGED, "the file was changed while it was sent");
    }
    return CF_OK;
}

static cf_status read_piece(cf_files *files, const cf_file *file, const piece *one, cf_buffer *out,
                            cf_error *error)
{
    size_t read;

    cf_status status = files->read_at(files, file, one->offset, cf_buffer_reserve(out, one->size),
                                      one->size, &read, error);
    if (!status && read != one->size)
        status = cf_fail(error, CF_CHANGED, "the file became shorter while it was sent");
    if (!status)
        out->size = read;
    return status;
}

static void work(cf_job *job)
{
    seal_job *self = (seal_job *)job;
    const cf_sealing_options *options = &self->sealing->options;
    const piece *one = &self->sealing->pieces[self->index];
    cf_seal_place place = {options->ring, &options->epoch, &options->collection};
    cf_buffer plain = {0};

    self->status = read_piece(options->env->files, options->file, one, &plain, &self->error);
    if (!self->status)
        self->status = check_leaves(self->sealing, one, cf_buffer_view(&plain), &self->error);
    if (!self->status && all_zero(cf_buffer_view(&plain)))
        self->zeros = true;
    else if (!self->status)
        self->status =
            cf_blob_seal(&place, cf_buffer_view(&plain), &self->sealed, &self->id, &self->error);
    cf_buffer_release(&plain);
}

static void settle(cf_sealing *sealing, piece *one, piece_state state)
{
    one->state = state;
    cf_buffer_release(&one->sealed);
    sealing->settled++;
    sealing->in_hand--;
    sealing->in_hand_bytes -= one->size;
}

static void done(cf_job *job)
{
    seal_job *self = (seal_job *)job;
    cf_sealing *sealing = self->sealing;
    piece *one = &sealing->pieces[self->index];

    sealing->jobs--;
    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
    if (self->status && !sealing->failed) {
        sealing->failed = true;
        sealing->error = self->error;
    }
    if (sealing->failed) {
        cf_buffer_release(&self->sealed);
        one->state = FRESH;
    } else if (self->zeros) {
        settle(sealing, one, ZEROS);
    } else {
        one->state = OFFERED;
        one->id = self->id;
        one->sealed = self->sealed;
        cf_transfer_offer(sealing->options.transfer, &one->id, one->sealed.size);
    }
    free(self);
}

static void start(cf_sealing *sealing, size_t index)
{
    seal_job *self = cf_allocate(1, sizeof *self);
    piece *one = &sealing->pieces[index];

    one->state = UNDER_WAY;
    sealing->in_hand++;
    sealing->in_hand_bytes += one->size;
    sealing->jobs++;
    self->job =
        (cf_job){.work = work, .done = done, .memory = 3 * one->size + cf_frame_memory(one->size)};
    self->sealing = sealing;
    self->index = index;
    sealing->options.env->jobs->submit(sealing->options.env->jobs, &self->job);
}

cf_sealing_state cf_sealing_step(cf_sealing *sealing, cf_error *error)
{
    if (sealing->failed) {
        *error = sealing->error;
        return sealing->jobs ? CF_SEALING_WORKING : CF_SEALING_FAILED;
    }
    for (; sealing->next < sealing->count && sealing->in_hand < IN_HAND_MAX &&
           (sealing->in_hand == 0 || sealing->in_hand_bytes < IN_HAND_BYTES);
         sealing->next++)
        if (sealing->pieces[sealing->next].state == FRESH)
            start(sealing, sealing->next);
    return sealing->settled == sealing->count ? CF_SEALING_DONE : CF_SEALING_WORKING;
}

bool cf_sealing_has_jobs(const cf_sealing *sealing)
{
    return sealing->jobs > 0;
}

/* ---- The result ---- */

/* The known content's slices for a stretch of it. */
static void copy_known(const cf_sealing *sealing, const piece *one, cf_slices *slices)
{
    cf_slice_reader reader = cf_slice_reader_of(sealing->options.known->content.how.slices);
    uint64_t at = 0, from = one->known_offset, to = from + one->size;
    cf_slice slice;

    while (at < to && cf_slice_next(&reader, &slice)) {
        uint64_t end = at + slice.length;
        uint64_t first = at > from ? at : from, last = end < to ? end : to;

        if (first < last) {
            if (!slice.zeros)
                slice.offset += first - at;
            slice.length = last - first;
            cf_slices_add(slices, slice);
        }
        at = end;
    }
}

void cf_sealing_result(const cf_sealing *sealing, cf_slices *slices, cf_hash **blobs, size_t *count,
                       cf_arena *arena)
{
    size_t known = sealing->reused ? sealing->options.known->blob_count : 0;
    cf_hash *ids = cf_arena_allocate(arena, known + sealing->count, sizeof *ids);

    if (known)
        memcpy(ids, sealing->options.known->blobs, known * sizeof *ids);
    *count = known;
    for (size_t i = 0; i < sealing->count; i++) {
        const piece *one = &sealing->pieces[i];

        if (one->state == KNOWN) {
            copy_known(sealing, one, slices);
            continue;
        }
        cf_slices_add(
            slices, (cf_slice){.zeros = one->state == ZEROS, .blob = *count, .length = one->size});
        if (one->state == STORED)
            ids[(*count)++] = one->id;
    }
    *blobs = ids;
}

uint64_t cf_sealing_reused(const cf_sealing *sealing)
{
    return sealing->reused;
}

/* ---- Events ---- */

static piece *find_offered(cf_sealing *sealing, const cf_hash *blob)
{
    for (size_t i = sealing->next; i-- > 0;) {
        piece *one = &sealing->pieces[i];

        if (one->state == OFFERED && cf_hash_equal(&one->id, blob))
            return one;
    }
    return NULL;
}

bool cf_sealing_piece(cf_sealing *sealing, const cf_hash *blob, uint64_t offset, size_t size,
                      cf_buffer *out)
{
    const piece *found = find_offered(sealing, blob);

    if (!found || offset > found->sealed.size || size > found->sealed.size - offset)
        return false;
    cf_buffer_append(out, found->sealed.data + offset, size);
    return true;
}

bool cf_sealing_stored(cf_sealing *sealing, const cf_hash *blob, uint64_t *size)
{
    bool any = false;

    *size = 0;
    for (piece *found; (found = find_offered(sealing, blob)); any = true) {
        *size += found->sealed.size;
        settle(sealing, found, STORED); /* equal pieces are one blob */
    }
    return any;
}

bool cf_sealing_refused(cf_sealing *sealing, const cf_hash *blob, const cf_error *why)
{
    if (!find_offered(sealing, blob))
        return false;
    for (piece *found; (found = find_offered(sealing, blob));)
        found->state = FRESH;
    sealing->failed = true;
    sealing->error = *why;
    return true;
}
