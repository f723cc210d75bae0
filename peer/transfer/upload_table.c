/* SPDX-License-Identifier: Apache-2.0 */
/* The table of contents on their way out, by content, by place and by phase. */
#include "peer/transfer/upload_table.h"

#include <stdlib.h>
#include <string.h>

/* ---- Who asked for one, and what is still coming of all ---- */

/* The file that the content was found in, and the folder that is to be looked at again. */
typedef struct {
    cf_hash_link by_file;
    cf_list_link beside; /* among those of its upload */
    cf_list_link place;  /* among those to be told */
    bool is_untold;
    cf_transfer_rank rank; /* of what has ended */
    bool is_over;          /* what it asked for failed: its file has to be read again */
    cf_upload *upload;     /* NULL: it is over, or published for another */
    cf_binding *binding;
    uint64_t folder;
    cf_stat stat;
    cf_hash hash;
    bool is_racy;
} asker;

/* A value of a database has no file. */
static uint64_t key_of_asker(const cf_stat *stat, const cf_hash *hash)
{
    return stat->inode ? stat->inode : cf_hash_bytes(0, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
}

static asker *find(const cf_uploads *uploads, const cf_upload_file *file)
{
    uint64_t key = key_of_asker(&file->stat, &file->hash);

    for (cf_hash_link *link = cf_hash_table_first(&uploads->askers, key); link;
         link = cf_hash_table_next(link)) {
        asker *one = cf_container_of(link, asker, by_file);

        if (one->binding == file->binding && one->folder == file->folder &&
            cf_stat_same_file(&one->stat, &file->stat) && cf_hash_equal(&one->hash, &file->hash))
            return one;
    }
    return NULL;
}

static void leave_upload(asker *one)
{
    if (one->upload)
        cf_list_remove(&one->upload->askers, &one->beside);
    one->upload = NULL;
}

static void be_told(cf_uploads *uploads, asker *one)
{
    if (!one->is_untold)
        return;
    cf_list_remove(&uploads->untold, &one->place);
    uploads->untold_counts[one->rank]--;
    one->is_untold = false;
}

static void drop(cf_uploads *uploads, asker *one)
{
    leave_upload(one);
    be_told(uploads, one);
    cf_hash_table_remove(&uploads->askers, &one->by_file);
    free(one);
}

void cf_upload_ask(cf_uploads *uploads, cf_upload *upload, const cf_upload_file *file)
{
    asker *one = find(uploads, file);

    if (one && one->upload == upload) {
        one->stat = file->stat;
        one->is_racy = file->is_racy;
        return;
    }
    if (one)
        drop(uploads, one);
    one = cf_allocate(1, sizeof *one);
    one->upload = upload;
    one->binding = file->binding;
    one->folder = file->folder;
    one->stat = file->stat;
    one->hash = file->hash;
    one->is_racy = file->is_racy;
    cf_list_add(&upload->askers, &one->beside);
    cf_hash_table_add(&uploads->askers, &one->by_file, key_of_asker(&file->stat, &file->hash));
}

void cf_upload_answered(cf_uploads *uploads, const cf_upload_file *file)
{
    asker *one = find(uploads, file);

    if (one)
        be_told(uploads, one);
}

void cf_upload_unask(cf_uploads *uploads, const cf_upload_file *file)
{
    asker *one = find(uploads, file);

    if (one)
        drop(uploads, one);
}

void cf_upload_unask_all(cf_uploads *uploads, const cf_binding *binding)
{
    for (cf_hash_link *link = cf_hash_table_walk(&uploads->askers, NULL), *after; link;
         link = after) {
        asker *one = cf_container_of(link, asker, by_file);

        after = cf_hash_table_walk(&uploads->askers, link);
        if (!binding || one->binding == binding)
            drop(uploads, one);
    }
}

void cf_upload_tell(cf_uploads *uploads, cf_upload *upload)
{
    for (cf_list_link *at = upload->askers.first; at; at = at->after) {
        asker *one = cf_container_of(at, asker, beside);

        be_told(uploads, one);
        one->is_over = upload->phase == CF_UPLOAD_IS_FAILED;
        one->is_untold = true;
        one->rank = upload->rank;
        cf_list_add(&uploads->untold, &one->place);
        uploads->untold_counts[one->rank]++;
    }
}

/* The upload's content is in the log, or given up: what is known of the files stays. */
static void let_go(cf_upload *upload)
{
    while (upload->askers.first)
        leave_upload(cf_container_of(upload->askers.first, asker, beside));
}

/* What was sent of it was checked against what was read at that moment. */
static bool is_ready_moment(const asker *one, const cf_stat *stat)
{
    return one->upload && one->upload->moves && one->upload->phase == CF_UPLOAD_IS_READY &&
           cf_stat_same_file(&one->stat, stat);
}

bool cf_uploads_recall(cf_uploads *uploads, const cf_stat *stat, cf_recalled *out)
{
    for (cf_hash_link *link = cf_hash_table_first(&uploads->askers, stat->inode), *after; link;
         link = after) {
        asker *one = cf_container_of(link, asker, by_file);

        after = cf_hash_table_next(link);
        bool as_it_was = cf_stat_unchanged(&one->stat, stat);
        if (!one->is_over && (as_it_was || is_ready_moment(one, stat))) {
            *out = (cf_recalled){one->hash, one->is_racy, !as_it_was, one->stat};
            return true;
        }
        if (!one->upload && !one->is_untold && cf_stat_same_file(&one->stat, stat))
            drop(uploads, one); /* of what the file was */
    }
    return false;
}

bool cf_uploads_may_seal(const cf_uploads *uploads)
{
    return uploads->peer->link && cf_link_is_connected(uploads->peer->link);
}

cf_upload_phase cf_uploads_last_coming(const cf_uploads *uploads)
{
    return cf_uploads_may_seal(uploads) ? CF_UPLOAD_IS_SEALING : CF_UPLOAD_IS_DELTA;
}

/* How many go on by themselves, or by the broker's doing, by their ranks: nobody knows when a disk
 * that hangs does. */
static void count_coming(const cf_uploads *uploads, size_t coming[CF_RANKS])
{
    memset(coming, 0, CF_RANKS * sizeof *coming);
    for (cf_list_link *at = uploads->tallies.first; at; at = at->after) {
        const cf_upload_tally *tally = cf_container_of(at, cf_upload_tally, place);

        for (cf_upload_phase phase = 0;
             !tally->binding->silence && phase <= cf_uploads_last_coming(uploads); phase++)
            for (size_t rank = 0; rank < CF_RANKS; rank++)
                coming[rank] += tally->counts[phase][rank];
    }
}

bool cf_uploads_lack_room(const cf_uploads *uploads)
{
    cf_link *link = uploads->peer->link;

    return link && !cf_transfer_is_idle(cf_link_transfer(link)) &&
           cf_transfer_lacks_room(cf_link_transfer(link));
}

bool cf_uploads_finished(cf_uploads *uploads, const cf_binding **binding, uint64_t *folder)
{
    size_t coming[CF_RANKS];

    count_coming(uploads, coming);
    uploads->telling =
        uploads->untold.count && (uploads->telling || cf_uploads_lack_room(uploads) ||
                                  cf_ranks_worth_telling(uploads->untold_counts, coming));
    if (!uploads->telling)
        return false;
    asker *one = cf_container_of(uploads->untold.first, asker, place);
    *binding = one->binding;
    *folder = one->folder;
    be_told(uploads, one);
    if (one->is_over)
        drop(uploads, one);
    return true;
}

/* ---- The table ---- */

uint64_t cf_upload_size(const cf_upload *one)
{
    if (one->is_patch)
        return one->patch_size;
    return one->is_rebased ? one->fresh_size : one->stat.size;
}

/* By what is to be sealed: of a patch that stands in the entry, nothing. */
static cf_transfer_rank rank_of(const cf_upload *one)
{
    return one->prepared.content.how.is_inline
               ? CF_RANK_SMALL
               : cf_transfer_rank_of(cf_upload_size(one) + CF_BLOB_OVERHEAD);
}

static cf_upload_tally *tally_of(cf_uploads *uploads, const cf_binding *binding)
{
    for (cf_list_link *at = uploads->tallies.first; at; at = at->after) {
        cf_upload_tally *tally = cf_container_of(at, cf_upload_tally, place);

        if (tally->binding == binding)
            return tally;
    }
    cf_upload_tally *added = cf_allocate(1, sizeof *added);

    added->binding = binding;
    cf_list_add(&uploads->tallies, &added->place);
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
        cf_list_remove(&uploads->tallies, &tally->place);
        free(tally);
    }
}

static void enter(cf_uploads *uploads, cf_upload *one, cf_upload_phase phase)
{
    one->phase = phase;
    one->rank = rank_of(one);
    cf_list_add(&uploads->phases[phase], &one->place);
    uploads->counts[phase][one->rank]++;
    tally(uploads, one);
    one->queued = phase == CF_UPLOAD_IS_QUEUED ? cf_upload_size(one) : 0;
    uploads->queued += one->queued;
}

static void leave(cf_uploads *uploads, cf_upload *one)
{
    cf_list_remove(&uploads->phases[one->phase], &one->place);
    uploads->counts[one->phase][one->rank]--;
    tally_no_more(uploads, one);
    uploads->queued -= one->queued;
}

void cf_upload_drop(cf_uploads *uploads, cf_upload *one)
{
    let_go(one);
    leave(uploads, one);
    cf_hash_table_remove(&uploads->by_hash, &one->by_hash);
    cf_hash_table_remove(&uploads->by_place, &one->by_place);
    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    cf_buffer_release(&one->before_leaves);
    cf_buffer_release(&one->known_leaves);
    cf_known_release(&one->known);
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
    cf_hash_link *link = previous ? cf_hash_table_next(&previous->by_hash)
                                  : cf_hash_table_first(&uploads->by_hash, key_of(hash));

    while (link && !cf_hash_equal(&cf_container_of(link, cf_upload, by_hash)->hash, hash))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, cf_upload, by_hash) : NULL;
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
    cf_hash_table_add(&uploads->by_hash, &one->by_hash, key_of(&file->hash));
    cf_hash_table_add(&uploads->by_place, &one->by_place,
                      key_of_place(file->binding, file->folder, file->name));
    return one;
}

void cf_upload_set_phase(cf_uploads *uploads, cf_upload *one, cf_upload_phase phase)
{
    leave(uploads, one);
    enter(uploads, one, phase);
    uploads->phase_changes++;
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
    for (cf_hash_link *link =
             cf_hash_table_first(&uploads->by_place, key_of_place(binding, folder, name));
         link && name.size; link = cf_hash_table_next(link)) {
        cf_upload *one = cf_container_of(link, cf_upload, by_place);

        if (waits(one) && one->binding == binding && one->folder == folder &&
            cf_bytes_equal(one->name, name) && !(by && cf_hash_equal(&one->hash, by)))
            cf_upload_set_phase(uploads, one, CF_UPLOAD_IS_FAILED);
    }
}
