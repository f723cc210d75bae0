/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/upload_inside.h"

#include <stdlib.h>

enum { TOLD_SHARE = 16 };

cf_uploads *cf_uploads_new(cf_peer *peer)
{
    cf_uploads *uploads = cf_allocate(1, sizeof *uploads);

    uploads->peer = peer;
    return uploads;
}

static void drop(cf_uploads *uploads, size_t index)
{
    cf_upload *one = uploads->at[index];

    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    cf_buffer_release(&one->before_leaves);
    cf_buffer_release(&one->known_leaves);
    cf_arena_release(&one->arena);
    free(one);
    uploads->at[index] = uploads->at[--uploads->count];
}

void cf_uploads_destroy(cf_uploads **uploads)
{
    if (!*uploads)
        return;
    while ((*uploads)->count)
        drop(*uploads, 0);
    free((*uploads)->at);
    free(*uploads);
    *uploads = NULL;
}

void cf_uploads_forget(cf_uploads *uploads, const cf_binding *binding)
{
    for (size_t i = uploads->count; i-- > 0;)
        if (uploads->at[i]->binding == binding)
            drop(uploads, i);
}

static cf_upload *find(const cf_uploads *uploads, const cf_binding *binding, const cf_hash *hash)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (cf_hash_equal(&uploads->at[i]->hash, hash) &&
            cf_id_equal(&uploads->at[i]->binding->collection, &binding->collection))
            return uploads->at[i];
    return NULL;
}

cf_upload *cf_upload_add(cf_uploads *uploads, const cf_upload_file *file, cf_upload_phase phase)
{
    cf_upload *one = cf_allocate(1, sizeof *one);

    one->phase = phase;
    one->binding = file->binding;
    one->folder = file->folder;
    one->stat = file->stat;
    one->hash = file->hash;
    one->name = cf_arena_copy(&one->arena, file->name);
    one->prepared.content = (cf_content){.hash = file->hash, .size = file->stat.size};
    uploads->at = cf_grow(uploads->at, &uploads->capacity, uploads->count + 1, sizeof one);
    uploads->at[uploads->count++] = one;
    return one;
}
void cf_uploads_step(cf_uploads *uploads)
{
    uploads->sealing = 0;
    for (size_t i = 0; i < uploads->count; i++)
        uploads->sealing += uploads->at[i]->phase == CF_UPLOAD_IS_SEALING;
    for (size_t i = 0; i < uploads->count; i++)
        cf_upload_step(uploads, uploads->at[i]);
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
    case CF_UPLOAD_IS_DELTA:
    case CF_UPLOAD_IS_SEALING:
        return CF_UPLOAD_STARTED;
    case CF_UPLOAD_IS_FAILED:
        break;
    }
    return CF_UPLOAD_AGAIN;
}

cf_upload_answer cf_uploads_prepare(cf_uploads *uploads, const cf_upload_file *file,
                                    const cf_prepared **out)
{
    cf_upload *one = find(uploads, file->binding, &file->hash);

    if (one && one->phase == CF_UPLOAD_IS_FAILED && one->announced) {
        for (size_t i = 0; i < uploads->count; i++)
            if (uploads->at[i] == one) {
                drop(uploads, i);
                break;
            }
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
    for (size_t i = uploads->count; i-- > 0;)
        if (uploads->at[i]->phase == CF_UPLOAD_IS_READY &&
            cf_hash_equal(&uploads->at[i]->hash, hash))
            drop(uploads, i);
}

cf_bytes cf_uploads_leaves(const cf_uploads *uploads, const cf_hash *hash)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (cf_hash_equal(&uploads->at[i]->hash, hash) && uploads->at[i]->leaves.size)
            return uploads->at[i]->leaves;
    return (cf_bytes){0};
}

bool cf_uploads_recall(const cf_uploads *uploads, const cf_stat *stat, cf_hash *hash)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (uploads->at[i]->phase != CF_UPLOAD_IS_FAILED &&
            cf_stat_unchanged(&uploads->at[i]->stat, stat)) {
            *hash = uploads->at[i]->hash;
            return true;
        }
    return false;
}

static bool has_ended(const cf_upload *one)
{
    return one->phase == CF_UPLOAD_IS_READY || one->phase == CF_UPLOAD_IS_FAILED;
}

static bool is_busy(const cf_uploads *uploads, const cf_upload *one)
{
    if (has_ended(one))
        return !one->announced;
    return one->phase == CF_UPLOAD_IS_DELTA || cf_uploads_may_seal(uploads);
}

/* To tell each of many by itself would have their directory listed as often. */
static bool is_worth_telling(const cf_uploads *uploads)
{
    size_t ended = 0, coming = 0;

    for (size_t i = 0; i < uploads->count; i++) {
        const cf_upload *one = uploads->at[i];

        ended += has_ended(one) && !one->announced;
        coming += !has_ended(one) && is_busy(uploads, one);
    }
    return ended * TOLD_SHARE >= coming;
}

bool cf_uploads_finished(cf_uploads *uploads, const cf_binding **binding, uint64_t *folder)
{
    uploads->telling = uploads->telling || is_worth_telling(uploads);
    for (size_t i = 0; i < uploads->count && uploads->telling; i++) {
        cf_upload *one = uploads->at[i];

        if (!has_ended(one) || one->announced)
            continue;
        one->announced = true;
        *binding = one->binding;
        *folder = one->folder;
        return true;
    }
    uploads->telling = false;
    return false;
}

bool cf_uploads_busy(const cf_uploads *uploads)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (is_busy(uploads, uploads->at[i]))
            return true;
    return false;
}

bool cf_uploads_working(const cf_uploads *uploads)
{
    for (size_t i = 0; i < uploads->count; i++) {
        const cf_upload *one = uploads->at[i];

        if (has_ended(one) ? !one->announced
                           : one->phase == CF_UPLOAD_IS_DELTA ||
                                 (one->sealing && cf_sealing_has_jobs(one->sealing)))
            return true;
    }
    return false;
}

cf_upload_figures cf_uploads_count(const cf_uploads *uploads)
{
    return uploads->figures;
}

/* ---- Events of the transfer ---- */

bool cf_uploads_piece(cf_uploads *uploads, const cf_hash *blob, uint64_t offset, size_t size,
                      cf_buffer *out)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (uploads->at[i]->sealing &&
            cf_sealing_piece(uploads->at[i]->sealing, blob, offset, size, out))
            return true;
    return false;
}

void cf_uploads_stored(cf_uploads *uploads, const cf_hash *blob)
{
    uint64_t size;

    for (size_t i = 0; i < uploads->count; i++)
        if (uploads->at[i]->sealing && cf_sealing_stored(uploads->at[i]->sealing, blob, &size)) {
            uploads->figures.blobs++;
            uploads->figures.blob_bytes += size;
        }
}

void cf_uploads_refused(cf_uploads *uploads, const cf_hash *blob, const cf_error *why)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (uploads->at[i]->sealing)
            cf_sealing_refused(uploads->at[i]->sealing, blob, why);
}
