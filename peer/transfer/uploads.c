/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/upload_inside.h"

#include <stdlib.h>

enum { TOLD_SHARE = 16 };

static bool has_ended(const cf_upload *one)
{
    return one->phase == CF_UPLOAD_IS_READY || one->phase == CF_UPLOAD_IS_FAILED;
}

cf_uploads *cf_uploads_new(cf_peer *peer)
{
    cf_uploads *uploads = cf_allocate(1, sizeof *uploads);

    uploads->peer = peer;
    return uploads;
}

static void drop(cf_uploads *uploads, cf_upload *one)
{
    if (has_ended(one) && !one->announced)
        uploads->untold--;
    cf_line_remove(&uploads->phases[one->phase], &one->place);
    cf_table_remove(&uploads->by_hash, &one->by_hash);
    cf_table_remove(&uploads->by_inode, &one->by_inode);
    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    cf_buffer_release(&one->before_leaves);
    cf_buffer_release(&one->known_leaves);
    cf_arena_release(&one->arena);
    free(one);
}

/* All of them, or those of one binding. */
static void drop_all(cf_uploads *uploads, const cf_binding *binding)
{
    for (int phase = 0; phase < CF_UPLOAD_PHASES; phase++)
        for (cf_place_in_line *at = uploads->phases[phase].first, *after; at; at = after) {
            cf_upload *one = cf_standing(at, cf_upload, place);

            after = at->after;
            if (!binding || one->binding == binding)
                drop(uploads, one);
        }
}

void cf_uploads_destroy(cf_uploads **uploads)
{
    if (!*uploads)
        return;
    drop_all(*uploads, NULL);
    cf_table_release(&(*uploads)->by_hash);
    cf_table_release(&(*uploads)->by_inode);
    free(*uploads);
    *uploads = NULL;
}

void cf_uploads_forget(cf_uploads *uploads, const cf_binding *binding)
{
    drop_all(uploads, binding);
}

static uint64_t key_of(const cf_hash *hash)
{
    return cf_hash_bytes(0, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
}

/* The next one with this content, in whatever collection. */
static cf_upload *next_of_hash(const cf_uploads *uploads, const cf_hash *hash,
                               const cf_upload *previous)
{
    cf_table_link *link = previous ? cf_table_next(&previous->by_hash)
                                   : cf_table_first(&uploads->by_hash, key_of(hash));

    while (link && !cf_hash_equal(&cf_linked(link, cf_upload, by_hash)->hash, hash))
        link = cf_table_next(link);
    return link ? cf_linked(link, cf_upload, by_hash) : NULL;
}

static cf_upload *find(const cf_uploads *uploads, const cf_binding *binding, const cf_hash *hash)
{
    cf_upload *one = next_of_hash(uploads, hash, NULL);

    while (one && !cf_id_equal(&one->binding->collection, &binding->collection))
        one = next_of_hash(uploads, hash, one);
    return one;
}

cf_upload *cf_upload_add(cf_uploads *uploads, const cf_upload_file *file, cf_upload_phase phase)
{
    cf_upload *one = cf_allocate(1, sizeof *one);

    one->phase = phase;
    one->announced = phase == CF_UPLOAD_IS_READY;
    one->binding = file->binding;
    one->folder = file->folder;
    one->stat = file->stat;
    one->hash = file->hash;
    one->name = cf_arena_copy(&one->arena, file->name);
    one->prepared.content = (cf_content){.hash = file->hash, .size = file->stat.size};
    cf_line_add(&uploads->phases[phase], &one->place);
    cf_table_add(&uploads->by_hash, &one->by_hash, key_of(&file->hash));
    cf_table_add(&uploads->by_inode, &one->by_inode, file->stat.inode);
    return one;
}

void cf_upload_turn(cf_uploads *uploads, cf_upload *one, cf_upload_phase phase)
{
    cf_line_remove(&uploads->phases[one->phase], &one->place);
    one->phase = phase;
    cf_line_add(&uploads->phases[phase], &one->place);
    uploads->untold += has_ended(one);
    uploads->turns++;
}

static void give_up_those_of(cf_uploads *uploads, cf_upload_phase phase)
{
    for (cf_place_in_line *at = uploads->phases[phase].first, *after; at; at = after) {
        cf_upload *one = cf_standing(at, cf_upload, place);

        after = at->after;
        if (!one->is_sealed || cf_hash_equal(&one->epoch, &uploads->epoch))
            continue;
        if (has_ended(one) && !one->announced)
            uploads->untold--;
        one->announced = false;
        cf_upload_give_up(uploads, one);
    }
}

static void give_up_outdated(cf_uploads *uploads)
{
    cf_error ignored;
    cf_hash epoch;

    if (cf_peer_epoch(uploads->peer, &epoch, &ignored) || cf_hash_equal(&epoch, &uploads->epoch))
        return;
    uploads->epoch = epoch;
    give_up_those_of(uploads, CF_UPLOAD_IS_SEALING);
    give_up_those_of(uploads, CF_UPLOAD_IS_READY);
}

void cf_uploads_step(cf_uploads *uploads)
{
    uint64_t turns;

    give_up_outdated(uploads);
    do {
        turns = uploads->turns;
        for (cf_upload_phase phase = 0; phase < CF_UPLOAD_IS_READY; phase++)
            cf_upload_step(uploads, phase);
    } while (uploads->turns != turns);
}

/* ---- Questions ---- */

static cf_upload_answer answer_of(const cf_uploads *uploads, const cf_upload *one,
                                  const cf_prepared **out)
{
    switch (one->phase) {
    case CF_UPLOAD_IS_READY:
        *out = &one->prepared;
        return CF_UPLOAD_READY;
    case CF_UPLOAD_IS_QUEUED:
        return cf_uploads_may_seal(uploads) ? CF_UPLOAD_STARTED : CF_UPLOAD_WAITS;
    case CF_UPLOAD_IS_EDIT:
    case CF_UPLOAD_IS_DELTA:
    case CF_UPLOAD_IS_SEALING:
        return CF_UPLOAD_STARTED;
    case CF_UPLOAD_IS_FAILED:
    case CF_UPLOAD_PHASES:
        break;
    }
    return CF_UPLOAD_AGAIN;
}

cf_upload_answer cf_uploads_prepare(cf_uploads *uploads, const cf_upload_file *file,
                                    const cf_prepared **out)
{
    cf_upload *one = find(uploads, file->binding, &file->hash);

    if (one && one->phase == CF_UPLOAD_IS_FAILED && one->announced) {
        drop(uploads, one);
        one = NULL;
    }
    if (one)
        return answer_of(uploads, one, out);
    one = cf_upload_name_again(uploads, file);
    if (one)
        return answer_of(uploads, one, out);
    if (!file->read)
        return CF_UPLOAD_AGAIN;
    one = file->stat.size <= CF_INLINE_MAX ? cf_upload_small(uploads, file)
                                           : cf_upload_large(uploads, file);
    return answer_of(uploads, one, out);
}

void cf_uploads_published(cf_uploads *uploads, const cf_hash *hash)
{
    for (cf_upload *one = next_of_hash(uploads, hash, NULL), *after; one; one = after) {
        after = next_of_hash(uploads, hash, one);
        if (one->phase == CF_UPLOAD_IS_READY)
            drop(uploads, one);
    }
}

cf_bytes cf_uploads_leaves(const cf_uploads *uploads, const cf_hash *hash)
{
    for (const cf_upload *one = next_of_hash(uploads, hash, NULL); one;
         one = next_of_hash(uploads, hash, one))
        if (one->leaves.size)
            return one->leaves;
    return (cf_bytes){0};
}

bool cf_uploads_recall(const cf_uploads *uploads, const cf_stat *stat, cf_hash *hash)
{
    for (const cf_table_link *link = cf_table_first(&uploads->by_inode, stat->inode); link;
         link = cf_table_next(link)) {
        const cf_upload *one = cf_linked(link, cf_upload, by_inode);

        if (one->phase == CF_UPLOAD_IS_FAILED || !cf_stat_unchanged(&one->stat, stat))
            continue;
        *hash = one->hash;
        return true;
    }
    return false;
}

/* How many go on by themselves, or by the broker's doing. */
static size_t coming(const cf_uploads *uploads)
{
    const cf_line *phases = uploads->phases;
    size_t here = phases[CF_UPLOAD_IS_EDIT].count + phases[CF_UPLOAD_IS_DELTA].count;

    return cf_uploads_may_seal(uploads)
               ? here + phases[CF_UPLOAD_IS_QUEUED].count + phases[CF_UPLOAD_IS_SEALING].count
               : here;
}

static bool take_untold(cf_uploads *uploads, const cf_line *line, const cf_binding **binding,
                        uint64_t *folder)
{
    for (cf_place_in_line *at = line->first; at; at = at->after) {
        cf_upload *one = cf_standing(at, cf_upload, place);

        if (one->announced)
            continue;
        one->announced = true;
        uploads->untold--;
        *binding = one->binding;
        *folder = one->folder;
        return true;
    }
    return false;
}

bool cf_uploads_finished(cf_uploads *uploads, const cf_binding **binding, uint64_t *folder)
{
    /* To tell each of many by itself would have their directory listed as often. */
    uploads->telling =
        uploads->untold && (uploads->telling || uploads->untold * TOLD_SHARE >= coming(uploads));
    return uploads->telling &&
           (take_untold(uploads, &uploads->phases[CF_UPLOAD_IS_READY], binding, folder) ||
            take_untold(uploads, &uploads->phases[CF_UPLOAD_IS_FAILED], binding, folder));
}

bool cf_uploads_busy(const cf_uploads *uploads)
{
    return uploads->untold || coming(uploads);
}

bool cf_uploads_working(const cf_uploads *uploads)
{
    const cf_line *phases = uploads->phases;

    if (uploads->untold || phases[CF_UPLOAD_IS_EDIT].count || phases[CF_UPLOAD_IS_DELTA].count)
        return true;
    for (cf_place_in_line *at = phases[CF_UPLOAD_IS_SEALING].first; at; at = at->after)
        if (cf_sealing_has_jobs(cf_standing(at, cf_upload, place)->sealing))
            return true;
    return false;
}

cf_upload_figures cf_uploads_count(const cf_uploads *uploads)
{
    return uploads->figures;
}

/* ---- Events of the transfer ---- */

/* Those that are sealed, one after the other. */
static cf_sealing *next_sealing(const cf_uploads *uploads, cf_place_in_line **at)
{
    *at = *at ? (*at)->after : uploads->phases[CF_UPLOAD_IS_SEALING].first;
    return *at ? cf_standing(*at, cf_upload, place)->sealing : NULL;
}

bool cf_uploads_piece(cf_uploads *uploads, const cf_hash *blob, uint64_t offset, size_t size,
                      cf_buffer *out)
{
    cf_sealing *sealing;

    for (cf_place_in_line *at = NULL; (sealing = next_sealing(uploads, &at));)
        if (cf_sealing_piece(sealing, blob, offset, size, out))
            return true;
    return false;
}

void cf_uploads_stored(cf_uploads *uploads, const cf_hash *blob)
{
    cf_sealing *sealing;
    uint64_t size;

    uploads->delay[0] = '\0';
    for (cf_place_in_line *at = NULL; (sealing = next_sealing(uploads, &at));)
        if (cf_sealing_stored(sealing, blob, &size)) {
            uploads->figures.blobs++;
            uploads->figures.blob_bytes += size;
        }
}

void cf_uploads_refused(cf_uploads *uploads, const cf_hash *blob, const cf_error *why)
{
    cf_sealing *sealing;

    for (cf_place_in_line *at = NULL; (sealing = next_sealing(uploads, &at));)
        cf_sealing_refused(sealing, blob, why);
}

bool cf_uploads_delayed(cf_uploads *uploads, const cf_hash *blob, cf_bytes text)
{
    cf_sealing *sealing;
    char shown[CF_NAME_SHOWN];
    bool ours = false;

    for (cf_place_in_line *at = NULL; !ours && (sealing = next_sealing(uploads, &at));)
        ours = cf_sealing_offers(sealing, blob);
    cf_name_show(text.size ? text : cf_bytes_of_text("no reason given"), shown);
    if (!ours || strcmp(shown, uploads->delay) == 0)
        return false;
    memcpy(uploads->delay, shown, sizeof shown);
    return true;
}

const char *cf_uploads_delay(const cf_uploads *uploads)
{
    bool waits = uploads->phases[CF_UPLOAD_IS_SEALING].count > 0;

    return waits && uploads->delay[0] ? uploads->delay : NULL;
}
