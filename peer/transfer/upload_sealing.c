/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/upload_sealing.h"

#include "broker/platform/jobs.h"
#include "codec/blob.h"
#include "codec/compress.h"
#include "peer/transfer/upload_cutting.h"

#include <assert.h>
#include <stdlib.h>

typedef enum { FRESH, UNDER_WAY, OFFERED, STORED, ZEROS, KNOWN } piece_state;

typedef struct {
    piece_state state;
    cf_upload_cut cut;
    cf_hash id;
    bool is_again;         /* `id` is what has to come out */
    cf_transfer_rank rank; /* UNDER_WAY, OFFERED: as which it is in hand */
    cf_buffer sealed;      /* OFFERED */
} piece;

struct cf_sealing {
    cf_sealing_options options;
    piece *pieces;
    size_t count;
    size_t next; /* the first that was not started */
    piece
        *offered[CF_IN_HAND_MAX]; /* in no order: what a look at all costs, however many settled */
    size_t offered_count;
    size_t jobs, settled;  /* jobs under way; pieces that need nothing more */
    uint64_t reused, left; /* bytes */
    cf_error error;
    bool failed;
};

/* Pieces that were sealed before. */
static void take_pieces(cf_sealing *sealing)
{
    sealing->count = sealing->options.again_count;
    sealing->pieces = cf_allocate(sealing->count, sizeof *sealing->pieces);
    for (size_t i = 0; i < sealing->count; i++) {
        const cf_sealed_piece *again = &sealing->options.again[i];

        sealing->pieces[i] = (piece){.state = FRESH,
                                     .cut = {.offset = again->offset, .size = again->size},
                                     .id = again->id,
                                     .is_again = true};
        sealing->left += again->size;
    }
}

static void cut_run(cf_sealing *sealing)
{
    const cf_sealing_options *options = &sealing->options;
    cf_cuts cuts = {0};

    cf_cut_run(&(cf_cut_options){options->size, options->leaves, options->known,
                                 options->known_leaves, options->copies},
               &cuts);
    sealing->pieces = cf_allocate(cuts.count, sizeof *sealing->pieces);
    sealing->count = cuts.count;
    for (size_t i = 0; i < cuts.count; i++) {
        const cf_upload_cut *cut = &cuts.at[i];

        sealing->pieces[i] = (piece){.state = cut->is_known ? KNOWN : FRESH, .cut = *cut};
        sealing->settled += cut->is_known;
        sealing->left += cut->is_known ? 0 : cut->size;
    }
    sealing->reused = cuts.known_bytes;
    cf_cuts_release(&cuts);
}

cf_sealing *cf_sealing_new(const cf_sealing_options *options)
{
    cf_sealing *sealing = cf_allocate(1, sizeof *sealing);

    sealing->options = *options;
    if (options->again_count)
        take_pieces(sealing);
    else
        cut_run(sealing);
    return sealing;
}

static void offer(cf_sealing *sealing, piece *one)
{
    assert(sealing->offered_count < CF_IN_HAND_MAX);
    one->state = OFFERED;
    sealing->offered[sealing->offered_count++] = one;
    cf_transfer_offer(sealing->options.transfer, &one->id, one->sealed.size, one->rank);
}

static void take_off(cf_sealing *sealing, const piece *one)
{
    size_t i = 0;

    while (i < sealing->offered_count && sealing->offered[i] != one)
        i++;
    if (i < sealing->offered_count)
        sealing->offered[i] = sealing->offered[--sealing->offered_count];
}

/* The piece is in hand no more. */
static void let_go(cf_sealing *sealing, piece *one, piece_state state)
{
    take_off(sealing, one);
    one->state = state;
    cf_buffer_release(&one->sealed);
    cf_in_hand_drop(sealing->options.in_hand, one->rank, one->cut.size);
}

void cf_sealing_destroy(cf_sealing **sealing)
{
    if (!*sealing)
        return;
    (*sealing)->failed = true;
    while ((*sealing)->jobs)
        cf_jobs_await((*sealing)->options.env->jobs);
    while ((*sealing)->offered_count) {
        piece *one = (*sealing)->offered[0];

        cf_transfer_forget_offer((*sealing)->options.transfer, &one->id);
        let_go(*sealing, one, FRESH);
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

/* `bytes` are of the run from `from` on, where a leaf begins. */
static cf_status check_leaves(const cf_sealing *sealing, uint64_t from, cf_bytes bytes,
                              cf_error *error)
{
    for (size_t at = 0; at < bytes.size; at += CF_LEAF_SIZE) {
        size_t size = bytes.size - at < CF_LEAF_SIZE ? bytes.size - at : CF_LEAF_SIZE;

        if (!cf_leaf_fits(sealing->options.leaves, (from + at) / CF_LEAF_SIZE,
                          cf_bytes_of(bytes.data + at, size)))
            return cf_fail(error, CF_CHANGED, "the file was changed while it was sent");
    }
    return CF_OK;
}

static cf_status read_run(const cf_sealing *sealing, uint64_t from, size_t size, cf_buffer *out,
                          cf_error *error)
{
    cf_files *files = sealing->options.env->files;
    size_t read;

    cf_status status = files->read_at(files, sealing->options.file, from,
                                      cf_buffer_reserve(out, size), size, &read, error);
    if (!status && read != size)
        status = cf_fail(error, CF_CHANGED, "the file became shorter while it was sent");
    if (!status)
        out->size = read;
    return status;
}

/* A piece between copies begins and ends anywhere: the leaves that it lies in are read. `*plain`
 * borrows from `*out`. */
static cf_status read_piece(const cf_sealing *sealing, const piece *one, cf_buffer *out,
                            cf_bytes *plain, cf_error *error)
{
    const uint64_t size = sealing->options.size, end = one->cut.offset + one->cut.size;
    const bool has_leaves = sealing->options.leaves.size > 0;
    const uint64_t before = has_leaves ? one->cut.offset % CF_LEAF_SIZE : 0;
    const uint64_t rest = has_leaves ? (CF_LEAF_SIZE - end % CF_LEAF_SIZE) % CF_LEAF_SIZE : 0;
    const uint64_t to = rest < size - end ? end + rest : size;

    cf_status status = read_run(sealing, one->cut.offset - before,
                                (size_t)(to - one->cut.offset + before), out, error);
    if (!status && has_leaves)
        status = check_leaves(sealing, one->cut.offset - before, cf_buffer_view(out), error);
    if (!status)
        *plain = cf_bytes_of(out->data + before, one->cut.size);
    return status;
}

static void work(cf_job *job)
{
    seal_job *self = (seal_job *)job;
    const cf_sealing_options *options = &self->sealing->options;
    const piece *one = &self->sealing->pieces[self->index];
    cf_seal_place place = {options->ring, &options->epoch, &options->collection};
    cf_buffer read = {0};
    cf_bytes plain;

    self->status = read_piece(self->sealing, one, &read, &plain, &self->error);
    if (!self->status && !one->is_again && cf_bytes_are_zero(plain))
        self->zeros = true;
    else if (!self->status)
        self->status = cf_blob_seal(&place, plain, &self->sealed, &self->id, &self->error);
    if (!self->status && one->is_again && !cf_hash_equal(&self->id, &one->id))
        self->status = cf_fail(&self->error, CF_FORGED, "another blob comes out than before");
    cf_buffer_release(&read);
}

static void settle(cf_sealing *sealing, piece *one, piece_state state)
{
    let_go(sealing, one, state);
    sealing->settled++;
    sealing->left -= one->cut.size;
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
        let_go(sealing, one, FRESH);
    } else if (self->zeros) {
        settle(sealing, one, ZEROS);
    } else {
        one->id = self->id;
        one->sealed = self->sealed;
        offer(sealing, one);
    }
    free(self);
}

static void start(cf_sealing *sealing, size_t index, cf_transfer_rank rank)
{
    seal_job *self = cf_allocate(1, sizeof *self);
    piece *one = &sealing->pieces[index];

    one->state = UNDER_WAY;
    one->rank = rank;
    cf_in_hand_take(sealing->options.in_hand, rank, one->cut.size);
    sealing->jobs++;
    self->job =
        (cf_job){.work = work,
                 .done = done,
                 .memory = 3 * one->cut.size + 2 * CF_LEAF_SIZE + cf_frame_memory(one->cut.size)};
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
    const cf_transfer_rank rank = cf_transfer_rank_of(sealing->left + CF_BLOB_OVERHEAD);
    for (; sealing->next < sealing->count; sealing->next++) {
        const piece *one = &sealing->pieces[sealing->next];

        if (one->state != FRESH)
            continue;
        if (!cf_in_hand_has_room(sealing->options.in_hand, rank, one->cut.size))
            break;
        start(sealing, sealing->next, rank);
    }
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
    uint64_t at = 0, from = one->cut.known_offset, to = from + one->cut.size;
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

/* Leaves out of the blobs those that no slice is of. */
static void leave_out_unused(cf_slices *slices, cf_hash *blobs, size_t *count)
{
    uint64_t *places = cf_allocate(*count + 1, sizeof *places); /* 1 more than the new one */
    size_t kept = 0;

    for (size_t i = 0; i < slices->count; i++)
        if (!slices->items[i].zeros)
            places[slices->items[i].blob] = 1;
    for (size_t i = 0; i < *count; i++)
        if (places[i]) {
            blobs[kept] = blobs[i];
            places[i] = ++kept;
        }
    for (size_t i = 0; i < slices->count; i++)
        if (!slices->items[i].zeros)
            slices->items[i].blob = places[slices->items[i].blob] - 1;
    *count = kept;
    free(places);
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
            slices,
            (cf_slice){.zeros = one->state == ZEROS, .blob = *count, .length = one->cut.size});
        if (one->state == STORED)
            ids[(*count)++] = one->id;
    }
    leave_out_unused(slices, ids, count);
    *blobs = ids;
}

uint64_t cf_sealing_reused(const cf_sealing *sealing)
{
    return sealing->reused;
}

/* Of 4 MiB that were sealed into 1 MiB, of which the broker has a half: 2 MiB. */
static uint64_t part_of(const cf_sealing *sealing, const piece *one)
{
    const uint64_t done = cf_transfer_done(sealing->options.transfer, &one->id);

    return one->cut.size * done / one->sealed.size;
}

uint64_t cf_sealing_left(const cf_sealing *sealing)
{
    return sealing->left;
}

uint64_t cf_sealing_partly(const cf_sealing *sealing)
{
    uint64_t partly = 0;

    for (size_t i = 0; i < sealing->offered_count; i++)
        partly += part_of(sealing, sealing->offered[i]);
    return partly;
}

/* ---- Events ---- */

static piece *find_offered(cf_sealing *sealing, const cf_hash *blob)
{
    for (size_t i = 0; i < sealing->offered_count; i++)
        if (cf_hash_equal(&sealing->offered[i]->id, blob))
            return sealing->offered[i];
    return NULL;
}

bool cf_sealing_offers(cf_sealing *sealing, const cf_hash *blob)
{
    return find_offered(sealing, blob) != NULL;
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
        let_go(sealing, found, FRESH);
    sealing->failed = true;
    sealing->error = *why;
    return true;
}
