/* SPDX-License-Identifier: Apache-2.0 */
/* The table of contents on their way out, by content, by place and by phase. */
#include "peer/transfer/upload_inside.h"

#include <stdlib.h>

uint64_t cf_upload_size(const cf_upload *one)
{
    return one->is_patch ? one->patch_size : one->stat.size;
}

cf_transfer_rank cf_upload_rank(const cf_upload *one)
{
    return one->prepared.content.how.is_inline
               ? CF_RANK_SMALL
               : cf_transfer_rank_of(cf_upload_size(one) + CF_BLOB_OVERHEAD);
}

static cf_upload_tally *tally_of(cf_uploads *uploads, const cf_binding *binding)
{
    for (cf_place_in_line *at = uploads->tallies.first; at; at = at->after) {
        cf_upload_tally *tally = cf_standing(at, cf_upload_tally, place);

        if (tally->binding == binding)
            return tally;
    }
    cf_upload_tally *added = cf_allocate(1, sizeof *added);

    added->binding = binding;
    cf_line_add(&uploads->tallies, &added->place);
    return added;
}

static void tally(cf_uploads *uploads, cf_upload *one)
{
    if (one->phase >= CF_UPLOAD_IS_DEFERRED)
        return;
    one->tally = tally_of(uploads, one->binding);
    one->tally->counts[one->phase][one->rank]++;
    one->tally->count++;
}

static void tally_no_more(cf_uploads *uploads, cf_upload *one)
{
    cf_upload_tally *tally = one->tally;

    one->tally = NULL;
    if (!tally)
        return;
    tally->counts[one->phase][one->rank]--;
    if (--tally->count == 0) {
        cf_line_remove(&uploads->tallies, &tally->place);
        free(tally);
    }
}

static void enter(cf_uploads *uploads, cf_upload *one, cf_upload_phase phase)
{
    one->phase = phase;
    one->rank = cf_upload_rank(one);
    cf_line_add(&uploads->phases[phase], &one->place);
    uploads->counts[phase][one->rank]++;
    tally(uploads, one);
    one->queued = phase == CF_UPLOAD_IS_QUEUED ? cf_upload_size(one) : 0;
    uploads->queued += one->queued;
}

static void leave(cf_uploads *uploads, cf_upload *one)
{
    cf_line_remove(&uploads->phases[one->phase], &one->place);
    uploads->counts[one->phase][one->rank]--;
    tally_no_more(uploads, one);
    uploads->queued -= one->queued;
}

void cf_upload_drop(cf_uploads *uploads, cf_upload *one)
{
    cf_upload_let_go(one);
    leave(uploads, one);
    cf_table_remove(&uploads->by_hash, &one->by_hash);
    cf_table_remove(&uploads->by_place, &one->by_place);
    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    cf_buffer_release(&one->before_leaves);
    cf_buffer_release(&one->known_leaves);
    cf_arena_release(&one->arena);
    free(one);
}

static uint64_t key_of_place(const cf_binding *binding, uint64_t folder, cf_bytes name)
{
    return cf_hash_bytes(folder ^ (uint64_t)binding->number << 40, name);
}

static uint64_t key_of(const cf_hash *hash)
{
    return cf_hash_bytes(0, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
}

cf_upload *cf_upload_next(const cf_uploads *uploads, const cf_hash *hash, const cf_upload *previous)
{
    cf_table_link *link = previous ? cf_table_next(&previous->by_hash)
                                   : cf_table_first(&uploads->by_hash, key_of(hash));

    while (link && !cf_hash_equal(&cf_linked(link, cf_upload, by_hash)->hash, hash))
        link = cf_table_next(link);
    return link ? cf_linked(link, cf_upload, by_hash) : NULL;
}

cf_upload *cf_upload_find(const cf_uploads *uploads, const cf_upload_file *file)
{
    cf_upload *one = cf_upload_next(uploads, &file->hash, NULL);

    while (one && !cf_id_equal(&one->collection, &file->binding->collection))
        one = cf_upload_next(uploads, &file->hash, one);
    return one;
}

cf_upload *cf_upload_add(cf_uploads *uploads, const cf_upload_file *file, cf_upload_phase phase)
{
    cf_upload *one = cf_allocate(1, sizeof *one);

    one->collection = file->binding->collection;
    one->binding = file->binding;
    one->folder = file->folder;
    one->stat = file->stat;
    one->hash = file->hash;
    one->name = cf_arena_copy(&one->arena, file->name);
    one->prepared.content = (cf_content){.hash = file->hash, .size = file->stat.size};
    enter(uploads, one, phase);
    cf_table_add(&uploads->by_hash, &one->by_hash, key_of(&file->hash));
    cf_table_add(&uploads->by_place, &one->by_place,
                 key_of_place(file->binding, file->folder, file->name));
    return one;
}

void cf_upload_turn(cf_uploads *uploads, cf_upload *one, cf_upload_phase phase)
{
    leave(uploads, one);
    enter(uploads, one, phase);
    uploads->turns++;
    if (phase == CF_UPLOAD_IS_READY || phase == CF_UPLOAD_IS_FAILED ||
        phase == CF_UPLOAD_IS_DEFERRED)
        cf_upload_tell(uploads, one);
}

/* Nothing of it is on its way yet. */
static bool waits(const cf_upload *one)
{
    return one->phase == CF_UPLOAD_IS_EDIT || one->phase == CF_UPLOAD_IS_QUEUED ||
           one->phase == CF_UPLOAD_IS_DEFERRED;
}

/* Whoever else has that content looks at his file again. */
void cf_uploads_overtake(cf_uploads *uploads, const cf_binding *binding, uint64_t folder,
                         cf_bytes name, const cf_hash *by)
{
    for (cf_table_link *link =
             cf_table_first(&uploads->by_place, key_of_place(binding, folder, name));
         link && name.size; link = cf_table_next(link)) {
        cf_upload *one = cf_linked(link, cf_upload, by_place);

        if (waits(one) && one->binding == binding && one->folder == folder &&
            cf_bytes_equal(one->name, name) && !(by && cf_hash_equal(&one->hash, by)))
            cf_upload_turn(uploads, one, CF_UPLOAD_IS_FAILED);
    }
}
