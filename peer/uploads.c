/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/uploads.h"

#include "codec/delta.h"
#include "peer/contents_small.h"
#include "peer/upload_delta.h"
#include "peer/upload_sealing.h"

#include <stdlib.h>

enum { SEALING_AT_A_TIME = 3, DELTA_WORTH = 512 };

typedef enum { DELTA, QUEUED, SEALING, READY, FAILED } upload_phase;

typedef struct {
    upload_phase phase;
    bool announced; /* that it has ended */
    cf_binding *binding;
    uint64_t folder;
    cf_stat stat;
    cf_hash hash;
    cf_bytes name, leaves;
    cf_arena arena;
    cf_prepared prepared;

    bool has_before; /* what the base has in its place */
    cf_hash before;
    uint64_t before_size, before_depth;
    cf_buffer before_leaves;
    cf_delta_job *delta;
    bool is_patch; /* what is sealed is the patch */
    uint64_t patch_size;
    cf_sealing *sealing;
    cf_content_source known; /* a whole in the log whose leaves are known */
    cf_buffer known_leaves;
} upload;

struct cf_uploads {
    cf_peer *peer;
    upload **at;
    size_t count, capacity;
    uint64_t numbers;
    cf_upload_figures figures;
};

cf_uploads *cf_uploads_new(cf_peer *peer)
{
    cf_uploads *uploads = cf_allocate(1, sizeof *uploads);

    uploads->peer = peer;
    return uploads;
}

static void drop(cf_uploads *uploads, size_t index)
{
    upload *one = uploads->at[index];

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

static upload *find(const cf_uploads *uploads, const cf_binding *binding, const cf_hash *hash)
{
    for (size_t i = 0; i < uploads->count; i++)
        if (cf_hash_equal(&uploads->at[i]->hash, hash) &&
            cf_id_equal(&uploads->at[i]->binding->collection, &binding->collection))
            return uploads->at[i];
    return NULL;
}

static upload *add(cf_uploads *uploads, const cf_upload_file *file, upload_phase phase)
{
    upload *one = cf_allocate(1, sizeof *one);

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

/* ---- What needs no transfer ---- */

static void fill_known(upload *one, const cf_content_source *source)
{
    one->prepared.content = source->content;
    one->prepared.blobs = source->blobs;
    one->prepared.blob_count = source->blob_count;
}

/* The log has it: it is named again, nothing travels. */
static bool name_again(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_peer *peer = uploads->peer;
    cf_content_source source;
    cf_arena arena = {0};
    cf_error ignored;

    if (cf_contents_get(peer->contents, &file->binding->collection, &file->hash, &arena, &source,
                        &ignored)) {
        cf_arena_release(&arena);
        return false;
    }
    upload *one = add(uploads, file, READY);
    one->announced = true;
    cf_arena_release(&arena);
    cf_contents_get(peer->contents, &file->binding->collection, &file->hash, &one->arena, &source,
                    &ignored);
    fill_known(one, &source);
    return true;
}

static bool read_before(cf_uploads *uploads, upload *one, cf_bytes before)
{
    cf_error ignored;

    one->has_before =
        before.size &&
        !cf_content_identity_read(before, &one->before, &one->before_size, &ignored) &&
        !cf_contents_find(uploads->peer->contents, &one->binding->collection, &one->before,
                          &one->before_depth, &one->before_size, &ignored) &&
        one->before_depth < cf_content_depth_max(one->stat.size) &&
        one->before_depth < cf_content_depth_max(one->before_size);
    return one->has_before;
}

static void become_patch(cf_uploads *uploads, upload *one, cf_bytes patch)
{
    cf_content *content = &one->prepared.content;

    content->depth = one->before_depth + 1;
    content->how = (cf_how){.is_patch = true,
                            .base = one->before,
                            .is_inline = true,
                            .bytes = cf_arena_copy(&one->arena, patch),
                            .length = patch.size};
    uploads->figures.deltas++;
    uploads->figures.delta_bytes += patch.size;
}

/* An edit of a small file: the log itself has the base. */
static bool delta_small(cf_uploads *uploads, upload *one, cf_bytes whole)
{
    cf_buffer base = {0}, patch = {0};
    cf_error ignored;
    bool made = false;

    if (whole.size >= DELTA_WORTH && one->before_size <= CF_INLINE_MAX &&
        cf_contents_small(uploads->peer->contents, &one->binding->collection, &one->before, &base,
                          &ignored) == CF_OK) {
        cf_bytes source = cf_buffer_view(&base);
        cf_delta_encoding encoding = {
            .source = cf_source_of_bytes(&source),
            .target = cf_source_of_bytes(&whole),
            .patch = cf_sink_of_buffer(&patch),
            .form = CF_DELTA_LOG,
        };

        made = cf_delta_encode(&encoding, &ignored) == CF_OK && patch.size < whole.size / 2;
        if (made)
            become_patch(uploads, one, cf_buffer_view(&patch));
    }
    cf_buffer_release(&base);
    cf_buffer_release(&patch);
    return made;
}

static upload *prepare_small(cf_uploads *uploads, const cf_upload_file *file)
{
    upload *one = add(uploads, file, READY);
    cf_bytes whole = cf_buffer_view(&file->read->whole);

    one->announced = true;
    if (read_before(uploads, one, file->before) && delta_small(uploads, one, whole))
        return one;
    one->prepared.content.how = (cf_how){
        .is_inline = true, .bytes = cf_arena_copy(&one->arena, whole), .length = whole.size};
    return one;
}

/* ---- Large files ---- */

static void begin_delta(cf_uploads *uploads, upload *one)
{
    cf_error error;

    cf_leaves_get(uploads->peer, &one->before, &one->before_leaves, &error);
    cf_delta_job_options options = {
        .peer = uploads->peer,
        .binding = one->binding,
        .folder = one->folder,
        .name = one->name,
        .size = one->stat.size,
        .leaves = one->leaves,
        .before = one->before,
        .before_size = one->before_size,
        .before_leaves = cf_buffer_view(&one->before_leaves),
        .number = ++uploads->numbers,
    };
    one->delta = cf_delta_job_start(&options, &error);
    one->phase = one->delta ? DELTA : QUEUED;
}

static upload *begin_large(cf_uploads *uploads, const cf_upload_file *file)
{
    upload *one = add(uploads, file, QUEUED);

    one->leaves = cf_arena_copy(&one->arena, cf_buffer_view(&file->read->leaves));
    if (read_before(uploads, one, file->before))
        begin_delta(uploads, one);
    return one;
}

/* The bottom of the chain that the file's last version stands on, if its leaves are known. */
static bool find_known_whole(cf_uploads *uploads, upload *one)
{
    cf_hash at = one->before;
    cf_error ignored;

    if (!one->before_size)
        return false;
    for (int i = 0; i <= CF_DELTA_DEPTH_MAX; i++) {
        if (cf_contents_get(uploads->peer->contents, &one->binding->collection, &at, &one->arena,
                            &one->known, &ignored))
            return false;
        if (!one->known.content.how.is_patch)
            return cf_leaves_get(uploads->peer, &at, &one->known_leaves, &ignored) == CF_OK;
        at = one->known.content.how.base;
    }
    return false;
}

static cf_status open_run(cf_uploads *uploads, upload *one, cf_file **out, cf_error *error)
{
    cf_files *files = uploads->peer->env->files;
    cf_hold hold = {0};

    if (one->is_patch)
        return cf_delta_job_take(one->delta, out, error);
    cf_status status = cf_binding_hold(one->binding, files, one->folder, &hold, error);
    if (!status)
        status = files->open_file(files, hold.folder, one->name, out, error);
    cf_hold_release(&hold, files);
    return status;
}

static cf_status begin_sealing(cf_uploads *uploads, upload *one, cf_error *error)
{
    cf_peer *peer = uploads->peer;
    cf_sealing_options options = {
        .env = peer->env,
        .transfer = cf_link_transfer(peer->link),
        .collection = one->binding->collection,
        .size = one->is_patch ? one->patch_size : one->stat.size,
        .leaves = one->is_patch ? (cf_bytes){0} : one->leaves,
    };

    cf_status status = cf_peer_epoch(peer, &options.epoch, error);
    if (!status)
        status = open_run(uploads, one, &options.file, error);
    if (!status)
        status = cf_ring_extract(peer->ring, &options.epoch, &options.ring, error);
    if (status) {
        peer->env->files->close_file(peer->env->files, &options.file);
        return status;
    }
    if (!one->is_patch && find_known_whole(uploads, one)) {
        options.known = &one->known;
        options.known_leaves = cf_buffer_view(&one->known_leaves);
    }
    one->sealing = cf_sealing_new(&options);
    one->phase = SEALING;
    return CF_OK;
}

static void fail(cf_uploads *uploads, upload *one, const cf_error *error)
{
    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    one->phase = FAILED;
    if (error->status != CF_CHANGED && error->status != CF_MISSING)
        cf_report(uploads->peer->env, CF_REPORT_WARNING, "sending a file: %s", error->text);
}

static cf_status read_patch(cf_uploads *uploads, upload *one, cf_error *error)
{
    cf_files *files = uploads->peer->env->files;
    cf_file *file = NULL;
    cf_buffer patch = {0};
    size_t read;

    cf_status status = cf_delta_job_take(one->delta, &file, error);
    if (!status)
        status = files->read_at(files, file, 0, cf_buffer_reserve(&patch, one->patch_size),
                                one->patch_size, &read, error);
    if (!status && read != one->patch_size)
        status = cf_fail(error, CF_IO, "a patch is shorter than it was");
    if (!status) {
        become_patch(uploads, one, cf_bytes_of(patch.data, read));
        one->phase = READY;
        cf_delta_job_destroy(&one->delta);
    }
    files->close_file(files, &file);
    cf_buffer_release(&patch);
    return status;
}

static void end_delta(cf_uploads *uploads, upload *one)
{
    cf_error error;

    if (!cf_delta_job_over(one->delta))
        return;
    if (cf_delta_job_result(one->delta, &one->patch_size, &error)) {
        cf_delta_job_destroy(&one->delta); /* the whole, then */
        one->phase = QUEUED;
    } else if (one->patch_size > CF_INLINE_MAX) {
        one->is_patch = true;
        one->phase = QUEUED;
    } else if (read_patch(uploads, one, &error)) {
        fail(uploads, one, &error);
    }
}

static void end_sealing(cf_uploads *uploads, upload *one)
{
    cf_content *content = &one->prepared.content;
    cf_slices slices = {0};
    cf_buffer packed = {0};
    cf_hash *blobs;

    cf_sealing_result(one->sealing, &slices, &blobs, &one->prepared.blob_count, &one->arena);
    one->prepared.blobs = blobs;
    cf_slices_pack(&slices, &packed);
    content->how = (cf_how){.slices = cf_arena_copy(&one->arena, cf_buffer_view(&packed)),
                            .length = slices.length};
    if (one->is_patch) {
        content->depth = one->before_depth + 1;
        content->how.is_patch = true;
        content->how.base = one->before;
        uploads->figures.deltas++;
        uploads->figures.delta_bytes += one->patch_size;
    }
    uploads->figures.reused_bytes += cf_sealing_reused(one->sealing);
    cf_slices_release(&slices);
    cf_buffer_release(&packed);
    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    one->phase = READY;
}

static size_t sealing_count(const cf_uploads *uploads)
{
    size_t count = 0;

    for (size_t i = 0; i < uploads->count; i++)
        count += uploads->at[i]->phase == SEALING;
    return count;
}

static bool may_seal(const cf_uploads *uploads)
{
    return uploads->peer->link && cf_link_is_connected(uploads->peer->link);
}

static void step_one(cf_uploads *uploads, upload *one)
{
    cf_error error;

    if (one->phase == DELTA)
        end_delta(uploads, one);
    if (one->phase == QUEUED && may_seal(uploads) && sealing_count(uploads) < SEALING_AT_A_TIME &&
        begin_sealing(uploads, one, &error))
        fail(uploads, one, &error);
    if (one->phase != SEALING)
        return;
    switch (cf_sealing_step(one->sealing, &error)) {
    case CF_SEALING_WORKING:
        break;
    case CF_SEALING_DONE:
        end_sealing(uploads, one);
        break;
    case CF_SEALING_FAILED:
        fail(uploads, one, &error);
        break;
    }
}

void cf_uploads_step(cf_uploads *uploads)
{
    for (size_t i = 0; i < uploads->count; i++)
        step_one(uploads, uploads->at[i]);
}

/* ---- Questions ---- */

static cf_upload_answer answer_of(const cf_uploads *uploads, const upload *one,
                                  const cf_prepared **out)
{
    switch (one->phase) {
    case READY:
        *out = &one->prepared;
        return CF_UPLOAD_READY;
    case QUEUED:
        return may_seal(uploads) ? CF_UPLOAD_STARTED : CF_UPLOAD_WAITS;
    case DELTA:
    case SEALING:
        return CF_UPLOAD_STARTED;
    case FAILED:
        break;
    }
    return CF_UPLOAD_AGAIN;
}

cf_upload_answer cf_uploads_prepare(cf_uploads *uploads, const cf_upload_file *file,
                                    const cf_prepared **out)
{
    upload *one = find(uploads, file->binding, &file->hash);

    if (one && one->phase == FAILED && one->announced) {
        for (size_t i = 0; i < uploads->count; i++)
            if (uploads->at[i] == one) {
                drop(uploads, i);
                break;
            }
        one = NULL;
    }
    if (one)
        return answer_of(uploads, one, out);
    if (name_again(uploads, file))
        return answer_of(uploads, uploads->at[uploads->count - 1], out);
    if (!file->read)
        return CF_UPLOAD_AGAIN;
    one = file->stat.size <= CF_INLINE_MAX ? prepare_small(uploads, file)
                                           : begin_large(uploads, file);
    return answer_of(uploads, one, out);
}

void cf_uploads_published(cf_uploads *uploads, const cf_hash *hash)
{
    for (size_t i = uploads->count; i-- > 0;)
        if (uploads->at[i]->phase == READY && cf_hash_equal(&uploads->at[i]->hash, hash))
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
        if (uploads->at[i]->phase != FAILED && cf_stat_unchanged(&uploads->at[i]->stat, stat)) {
            *hash = uploads->at[i]->hash;
            return true;
        }
    return false;
}

bool cf_uploads_finished(cf_uploads *uploads, const cf_binding **binding, uint64_t *folder)
{
    for (size_t i = 0; i < uploads->count; i++) {
        upload *one = uploads->at[i];

        if ((one->phase != READY && one->phase != FAILED) || one->announced)
            continue;
        one->announced = true;
        *binding = one->binding;
        *folder = one->folder;
        return true;
    }
    return false;
}

bool cf_uploads_busy(const cf_uploads *uploads)
{
    for (size_t i = 0; i < uploads->count; i++) {
        const upload *one = uploads->at[i];

        if (one->phase == DELTA || one->phase == SEALING ||
            (one->phase == QUEUED && may_seal(uploads)) || !one->announced)
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
