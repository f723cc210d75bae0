/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/upload_inside.h"

#include <stdlib.h>

cf_uploads *cf_uploads_new(cf_peer *peer)
{
    cf_uploads *uploads = cf_allocate(1, sizeof *uploads);

    uploads->peer = peer;
    uploads->most = UINT64_MAX;
    return uploads;
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

static void drop(cf_uploads *uploads, cf_upload *one)
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

static void drop_all(cf_uploads *uploads, cf_upload_phase phase)
{
    for (cf_place_in_line *at = uploads->phases[phase].first, *after; at; at = after) {
        after = at->after;
        drop(uploads, cf_standing(at, cf_upload, place));
    }
}

void cf_uploads_destroy(cf_uploads **uploads)
{
    cf_uploads *self = *uploads;

    if (!self)
        return;
    for (cf_upload_phase phase = 0; phase < CF_UPLOAD_PHASES; phase++)
        drop_all(self, phase);
    cf_upload_unask_all(self, NULL);
    cf_table_release(&self->by_hash);
    cf_table_release(&self->by_place);
    cf_table_release(&self->askers);
    free(self);
    *uploads = NULL;
}

/* The files of the binding are not to be read any more: who else asked for what is in them begins
 * again, with a file of his own. */
static void forget_those_of(cf_uploads *uploads, cf_upload_phase phase, const cf_binding *binding)
{
    for (cf_place_in_line *at = uploads->phases[phase].first, *after; at; at = after) {
        cf_upload *one = cf_standing(at, cf_upload, place);

        after = at->after;
        if (one->binding != binding)
            continue;
        if (one->askers.count == 0)
            drop(uploads, one);
        else if (phase != CF_UPLOAD_IS_READY)
            cf_upload_give_up(uploads, one);
    }
}

void cf_uploads_forget(cf_uploads *uploads, const cf_binding *binding)
{
    cf_upload_unask_all(uploads, binding);
    for (cf_upload_phase phase = 0; phase <= CF_UPLOAD_IS_READY; phase++)
        forget_those_of(uploads, phase, binding);
}

static uint64_t key_of_place(const cf_binding *binding, uint64_t folder, cf_bytes name)
{
    return cf_hash_bytes(folder ^ (uint64_t)binding->number << 40, name);
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

static cf_upload *find(const cf_uploads *uploads, const cf_upload_file *file)
{
    cf_upload *one = next_of_hash(uploads, &file->hash, NULL);

    while (one && !cf_id_equal(&one->collection, &file->binding->collection))
        one = next_of_hash(uploads, &file->hash, one);
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

static void give_up_those_of(cf_uploads *uploads, cf_upload_phase phase)
{
    for (cf_place_in_line *at = uploads->phases[phase].first, *after; at; at = after) {
        cf_upload *one = cf_standing(at, cf_upload, place);

        after = at->after;
        if (one->is_sealed && !cf_hash_equal(&one->epoch, &uploads->epoch))
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
    drop_all(uploads, CF_UPLOAD_IS_FAILED);
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
    case CF_UPLOAD_IS_DEFERRED:
        return CF_UPLOAD_DEFERRED;
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

/* In hand already, or here in the log. */
static cf_upload *find_known(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_upload *one = find(uploads, file);

    if (one && one->phase == CF_UPLOAD_IS_FAILED) {
        drop(uploads, one);
        one = NULL;
    }
    return one ? one : cf_upload_name_again(uploads, file);
}

cf_upload_answer cf_uploads_prepare(cf_uploads *uploads, const cf_upload_file *file,
                                    const cf_prepared **out)
{
    cf_upload *one = find_known(uploads, file);

    if (!one && !file->read) {
        cf_upload_unask(uploads, file);
        return CF_UPLOAD_AGAIN;
    }
    if (!one)
        cf_uploads_overtake(uploads, file->binding, file->folder, file->name, &file->hash);
    if (!one)
        one = file->stat.size <= CF_INLINE_MAX ? cf_upload_small(uploads, file)
                                               : cf_upload_large(uploads, file);
    cf_upload_answer answer = answer_of(uploads, one, out);
    if (answer == CF_UPLOAD_READY)
        cf_upload_answered(uploads, file);
    else
        cf_upload_ask(uploads, one, file);
    return answer;
}

void cf_uploads_published(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_upload *one = find(uploads, file);

    if (one && one->phase == CF_UPLOAD_IS_READY)
        drop(uploads, one);
    cf_upload_unask(uploads, file);
}

cf_bytes cf_uploads_leaves(const cf_uploads *uploads, const cf_hash *hash)
{
    for (const cf_upload *one = next_of_hash(uploads, hash, NULL); one;
         one = next_of_hash(uploads, hash, one))
        if (one->leaves.size)
            return one->leaves;
    return (cf_bytes){0};
}

/* Those after this one are no work in hand. */
static cf_upload_phase last_coming(const cf_uploads *uploads)
{
    return cf_uploads_may_seal(uploads) ? CF_UPLOAD_IS_SEALING : CF_UPLOAD_IS_DELTA;
}

void cf_uploads_coming(const cf_uploads *uploads, size_t coming[CF_RANKS])
{
    memset(coming, 0, CF_RANKS * sizeof *coming);
    for (cf_place_in_line *at = uploads->tallies.first; at; at = at->after) {
        const cf_upload_tally *tally = cf_standing(at, cf_upload_tally, place);

        for (cf_upload_phase phase = 0; !tally->binding->silence && phase <= last_coming(uploads);
             phase++)
            for (size_t rank = 0; rank < CF_RANKS; rank++)
                coming[rank] += tally->counts[phase][rank];
    }
}

size_t cf_uploads_deferred(const cf_uploads *uploads)
{
    return uploads->phases[CF_UPLOAD_IS_DEFERRED].count;
}

bool cf_uploads_busy(const cf_uploads *uploads)
{
    size_t count = uploads->untold.count;

    for (cf_upload_phase phase = 0; phase <= last_coming(uploads); phase++)
        count += uploads->phases[phase].count;
    return count > 0;
}

bool cf_uploads_working(const cf_uploads *uploads)
{
    const cf_line *phases = uploads->phases;

    if (uploads->untold.count || phases[CF_UPLOAD_IS_EDIT].count ||
        phases[CF_UPLOAD_IS_DELTA].count)
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

cf_flow_count cf_uploads_flow(const cf_uploads *uploads)
{
    cf_flow_count flow = {.moved = uploads->moved, .left = uploads->queued};
    const cf_line *sealing = &uploads->phases[CF_UPLOAD_IS_SEALING];

    for (cf_place_in_line *at = sealing->first; at; at = at->after) {
        const cf_sealing *one = cf_standing(at, cf_upload, place)->sealing;
        const uint64_t partly = cf_sealing_partly(one);

        flow.moved += partly;
        flow.left += cf_sealing_left(one) - partly;
    }
    return flow;
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

bool cf_uploads_lack_room(const cf_uploads *uploads)
{
    cf_link *link = uploads->peer->link;

    return link && !cf_transfer_is_idle(cf_link_transfer(link)) &&
           cf_transfer_lacks_room(cf_link_transfer(link));
}

void cf_uploads_stored(cf_uploads *uploads, const cf_hash *blob)
{
    cf_sealing *sealing;
    uint64_t size;

    if (!cf_uploads_lack_room(uploads))
        uploads->delay[0] = '\0';
    for (cf_place_in_line *at = NULL; (sealing = next_sealing(uploads, &at));) {
        const uint64_t left = cf_sealing_left(sealing);

        if (!cf_sealing_stored(sealing, blob, &size))
            continue;
        uploads->figures.blobs++;
        uploads->figures.blob_bytes += size;
        uploads->moved += left - cf_sealing_left(sealing);
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
