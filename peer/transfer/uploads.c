/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/upload_one.h"

#include <stdlib.h>

cf_uploads *cf_uploads_new(cf_peer *peer)
{
    cf_uploads *uploads = cf_allocate(1, sizeof *uploads);

    uploads->peer = peer;
    uploads->most = UINT64_MAX;
    return uploads;
}

static void drop_all(cf_uploads *uploads, cf_upload_phase phase)
{
    for (cf_list_link *at = uploads->phases[phase].first, *after; at; at = after) {
        after = at->after;
        cf_upload_drop(uploads, cf_container_of(at, cf_upload, place));
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
    cf_hash_table_release(&self->by_hash);
    cf_hash_table_release(&self->by_place);
    cf_hash_table_release(&self->askers);
    free(self);
    *uploads = NULL;
}

/* The files of the binding are not to be read any more: who else asked for what is in them begins
 * again, with a file of his own. */
static void forget_those_of(cf_uploads *uploads, cf_upload_phase phase, const cf_binding *binding)
{
    for (cf_list_link *at = uploads->phases[phase].first, *after; at; at = after) {
        cf_upload *one = cf_container_of(at, cf_upload, place);

        after = at->after;
        if (one->binding != binding)
            continue;
        if (one->askers.count == 0)
            cf_upload_drop(uploads, one);
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

static void give_up_those_of(cf_uploads *uploads, cf_upload_phase phase)
{
    for (cf_list_link *at = uploads->phases[phase].first, *after; at; at = after) {
        cf_upload *one = cf_container_of(at, cf_upload, place);

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
    uint64_t phase_changes;

    give_up_outdated(uploads);
    do {
        phase_changes = uploads->phase_changes;
        for (cf_upload_phase phase = 0; phase < CF_UPLOAD_IS_READY; phase++)
            cf_upload_step(uploads, phase);
    } while (uploads->phase_changes != phase_changes);
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
    cf_upload *one = cf_upload_find(uploads, file);

    if (one && one->phase == CF_UPLOAD_IS_FAILED) {
        cf_upload_drop(uploads, one);
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
    cf_upload *one = cf_upload_find(uploads, file);

    if (one && one->phase == CF_UPLOAD_IS_READY)
        cf_upload_drop(uploads, one);
    cf_upload_unask(uploads, file);
}

cf_bytes cf_uploads_leaves(const cf_uploads *uploads, const cf_hash *hash)
{
    for (const cf_upload *one = cf_upload_next(uploads, hash, NULL); one;
         one = cf_upload_next(uploads, hash, one))
        if (one->leaves.size)
            return one->leaves;
    return (cf_bytes){0};
}

void cf_uploads_keep(const cf_uploads *uploads, const cf_hash *hash, cf_kv_list *records)
{
    for (const cf_upload *one = cf_upload_next(uploads, hash, NULL); one;
         one = cf_upload_next(uploads, hash, one))
        if (one->is_patch && one->known.copies.count)
            cf_known_put(hash, &one->known, records);
}

size_t cf_uploads_deferred(const cf_uploads *uploads)
{
    return uploads->phases[CF_UPLOAD_IS_DEFERRED].count;
}

bool cf_uploads_busy(const cf_uploads *uploads)
{
    size_t count = uploads->untold.count;

    for (cf_upload_phase phase = 0; phase <= cf_uploads_last_coming(uploads); phase++)
        count += uploads->phases[phase].count;
    return count > 0;
}

bool cf_uploads_working(const cf_uploads *uploads)
{
    const cf_list *phases = uploads->phases;

    if (uploads->untold.count || phases[CF_UPLOAD_IS_EDIT].count ||
        phases[CF_UPLOAD_IS_DELTA].count)
        return true;
    for (cf_list_link *at = phases[CF_UPLOAD_IS_SEALING].first; at; at = at->after)
        if (cf_sealing_has_jobs(cf_container_of(at, cf_upload, place)->sealing))
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
    const cf_list *sealing = &uploads->phases[CF_UPLOAD_IS_SEALING];

    for (cf_list_link *at = sealing->first; at; at = at->after) {
        const cf_sealing *one = cf_container_of(at, cf_upload, place)->sealing;
        const uint64_t partly = cf_sealing_partly(one);

        flow.moved += partly;
        flow.left += cf_sealing_left(one) - partly;
    }
    return flow;
}

/* ---- Events of the transfer ---- */

/* Those that are sealed, one after the other. */
static cf_sealing *next_sealing(const cf_uploads *uploads, cf_list_link **at)
{
    *at = *at ? (*at)->after : uploads->phases[CF_UPLOAD_IS_SEALING].first;
    return *at ? cf_container_of(*at, cf_upload, place)->sealing : NULL;
}

bool cf_uploads_piece(cf_uploads *uploads, const cf_hash *blob, uint64_t offset, size_t size,
                      cf_buffer *out)
{
    cf_sealing *sealing;

    for (cf_list_link *at = NULL; (sealing = next_sealing(uploads, &at));)
        if (cf_sealing_piece(sealing, blob, offset, size, out))
            return true;
    return false;
}

void cf_uploads_stored(cf_uploads *uploads, const cf_hash *blob)
{
    cf_sealing *sealing;
    uint64_t size;

    if (!cf_uploads_lack_room(uploads))
        uploads->delay[0] = '\0';
    for (cf_list_link *at = NULL; (sealing = next_sealing(uploads, &at));) {
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

    for (cf_list_link *at = NULL; (sealing = next_sealing(uploads, &at));)
        cf_sealing_refused(sealing, blob, why);
}

bool cf_uploads_delayed(cf_uploads *uploads, const cf_hash *blob, cf_bytes text)
{
    cf_sealing *sealing;
    char shown[CF_NAME_SHOWN];
    bool ours = false;

    for (cf_list_link *at = NULL; !ours && (sealing = next_sealing(uploads, &at));)
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

/* ---- Prepared contents ---- */

cf_status cf_prepared_in_log(cf_peer *peer, const cf_id *collection, const cf_hash *hash,
                             cf_arena *arena, const cf_prepared **out, cf_error *error)
{
    cf_content_source source;

    cf_status status = cf_contents_get(peer->contents, collection, hash, arena, &source, error);
    if (status)
        return status;
    cf_prepared *prepared = cf_arena_allocate(arena, 1, sizeof *prepared);
    *prepared = (cf_prepared){
        .content = source.content, .blobs = source.blobs, .blob_count = source.blob_count};
    *out = prepared;
    return CF_OK;
}

uint64_t cf_prepared_size(const cf_prepared *prepared)
{
    const cf_how *how = &prepared->content.how;

    return how->is_inline ? how->bytes.size : how->slices.size;
}

cf_bytes cf_prepared_reference(const cf_prepared *prepared, size_t first_blob, cf_arena *arena)
{
    cf_content content = prepared->content;
    cf_slices slices = {0};
    cf_buffer packed = {0}, reference = {0};

    if (!content.how.is_inline) {
        cf_slice_reader reader = cf_slice_reader_of(content.how.slices);
        cf_slice slice;

        while (cf_slice_next(&reader, &slice)) {
            slice.blob += slice.zeros ? 0 : first_blob;
            cf_slices_add(&slices, slice);
        }
        cf_slices_pack(&slices, &packed);
        content.how.slices = cf_buffer_view(&packed);
    }
    cf_content_pack(&reference, &content);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&reference));
    cf_slices_release(&slices);
    cf_buffer_release(&packed);
    cf_buffer_release(&reference);
    return copy;
}

cf_status cf_prepared_add_supply(const cf_prepared *prepared, cf_publication *publication,
                                 uint64_t now_ms, cf_error *error)
{
    cf_buffer packed = {0};
    cf_dot ignored;

    if (!prepared->as_patch.length)
        return CF_OK;
    cf_how_pack(&packed, &prepared->as_patch);
    cf_supply supply = {prepared->content.hash, cf_buffer_view(&packed)};
    const cf_body body = {.time = cf_publication_time(publication, now_ms),
                          .part = 1,
                          .parts = 1,
                          .supplies = &supply,
                          .supply_count = 1};
    cf_status status = cf_publication_add(publication, &body, prepared->patch_blobs,
                                          prepared->patch_blob_count, &ignored, error);
    cf_buffer_release(&packed);
    return status;
}

void cf_blob_list_add(cf_blob_list *list, const cf_prepared *prepared)
{
    if (!prepared->blob_count)
        return;
    list->at =
        cf_grow(list->at, &list->capacity, list->count + prepared->blob_count, sizeof *list->at);
    memcpy(list->at + list->count, prepared->blobs, prepared->blob_count * sizeof *list->at);
    list->count += prepared->blob_count;
}

void cf_blob_list_release(cf_blob_list *list)
{
    free(list->at);
    *list = (cf_blob_list){0};
}
