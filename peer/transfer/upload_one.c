/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/upload_one.h"

#include "codec/delta.h"
#include "peer/log/contents.h"

/* ---- A small one, and one that the log has ---- */

enum { DELTA_WORTH = 512 };

static void fill_known(cf_upload *one, const cf_content_source *source)
{
    one->prepared.content = source->content;
    one->prepared.blobs = source->blobs;
    one->prepared.blob_count = source->blob_count;
}

/* The log has it: it is named again, nothing travels. */
cf_upload *cf_upload_name_again(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_peer *peer = uploads->peer;
    cf_content_source source;
    cf_arena arena = {0};
    cf_error ignored;

    if (!cf_contents_available(peer->contents, &file->binding->collection, &file->hash) ||
        cf_contents_get(peer->contents, &file->binding->collection, &file->hash, &arena, &source,
                        &ignored)) {
        cf_arena_release(&arena);
        return NULL;
    }
    cf_upload *one = cf_upload_add(uploads, file, CF_UPLOAD_IS_READY);
    cf_arena_release(&arena);
    cf_contents_get(peer->contents, &file->binding->collection, &file->hash, &one->arena, &source,
                    &ignored);
    fill_known(one, &source);
    return one;
}

/* Whether a patch on what the base has may be made: notes what that is. */
static bool read_before(cf_uploads *uploads, cf_upload *one, cf_bytes before)
{
    cf_error ignored;

    one->has_before =
        before.size &&
        !cf_content_identity_read(before, &one->before, &one->before_size, &ignored) &&
        cf_contents_available(uploads->peer->contents, &one->collection, &one->before) &&
        !cf_contents_find(uploads->peer->contents, &one->collection, &one->before,
                          &one->before_depth, &one->before_size, &ignored) &&
        one->before_depth < cf_content_depth_max(one->stat.size) &&
        one->before_depth < cf_content_depth_max(one->before_size);
    return one->has_before;
}

/* It is a patch, inline. */
static void become_patch(cf_uploads *uploads, cf_upload *one, cf_bytes patch)
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
static bool delta_small(cf_uploads *uploads, cf_upload *one, cf_bytes whole)
{
    cf_buffer base = {0}, patch = {0};
    cf_error ignored;
    bool made = false;

    if (whole.size >= DELTA_WORTH && one->before_size <= CF_INLINE_MAX &&
        cf_contents_small(uploads->peer->contents, &one->collection, &one->before, &base,
                          &ignored) == CF_OK) {
        cf_bytes source = cf_buffer_view(&base);
        cf_delta_encoding encoding = {
            .source = cf_reader_of_bytes(&source),
            .target = cf_reader_of_bytes(&whole),
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

cf_upload *cf_upload_small(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_upload *one = cf_upload_add(uploads, file, CF_UPLOAD_IS_READY);
    cf_bytes whole = cf_buffer_view(&file->read->whole);

    if (read_before(uploads, one, file->before) && delta_small(uploads, one, whole))
        return one;
    one->prepared.content.how = (cf_how){
        .is_inline = true, .bytes = cf_arena_copy(&one->arena, whole), .length = whole.size};
    return one;
}

/* ---- A large one ---- */

/* Deltas take much memory each; of what is sealed the pieces in hand are counted. */
enum { DELTAS_AT_A_TIME = 2, SEALING_AT_A_TIME = 16 };

static bool is_too_much(const cf_uploads *uploads, const cf_upload *one)
{
    return cf_upload_size(one) > uploads->most;
}

/* It is ready to be sealed: queued, or deferred. */
static void queue(cf_uploads *uploads, cf_upload *one)
{
    cf_upload_turn(uploads, one,
                   is_too_much(uploads, one) ? CF_UPLOAD_IS_DEFERRED : CF_UPLOAD_IS_QUEUED);
}

static void begin_delta(cf_uploads *uploads, cf_upload *one)
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
    if (one->delta)
        cf_upload_turn(uploads, one, CF_UPLOAD_IS_DELTA);
    else
        queue(uploads, one);
}

cf_upload *cf_upload_large(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_upload *one = cf_upload_add(uploads, file, CF_UPLOAD_IS_QUEUED);

    one->leaves = cf_arena_copy(&one->arena, cf_buffer_view(&file->read->leaves));
    one->moves = file->read->moves;
    if (read_before(uploads, one, file->before))
        cf_upload_turn(uploads, one, CF_UPLOAD_IS_EDIT);
    else
        queue(uploads, one);
    return one;
}

/* The bottom of the chain that the file's last version stands on, if its leaves are known. */
static bool find_known_whole(cf_uploads *uploads, cf_upload *one)
{
    cf_hash at = one->before;
    cf_error ignored;

    if (!one->before_size)
        return false;
    for (int i = 0; i <= CF_DELTA_DEPTH_MAX; i++) {
        if (!cf_contents_available(uploads->peer->contents, &one->collection, &at) ||
            cf_contents_get(uploads->peer->contents, &one->collection, &at, &one->arena,
                            &one->known, &ignored))
            return false;
        if (!one->known.content.how.is_patch)
            return cf_leaves_get(uploads->peer, &at, &one->known_leaves, &ignored) == CF_OK;
        at = one->known.content.how.base;
    }
    return false;
}

static cf_status open_run(cf_uploads *uploads, cf_upload *one, cf_file **out, cf_error *error)
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

static cf_status begin_sealing(cf_uploads *uploads, cf_upload *one, cf_error *error)
{
    cf_peer *peer = uploads->peer;
    cf_sealing_options options = {
        .env = peer->env,
        .transfer = cf_link_transfer(peer->link),
        .in_hand = &uploads->in_hand,
        .collection = one->collection,
        .size = cf_upload_size(one),
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
    one->is_sealed = true;
    one->epoch = options.epoch;
    cf_upload_turn(uploads, one, CF_UPLOAD_IS_SEALING);
    return CF_OK;
}

static void fail(cf_uploads *uploads, cf_upload *one, const cf_error *error)
{
    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    cf_upload_turn(uploads, one, CF_UPLOAD_IS_FAILED);
    if (error->status != CF_CHANGED && error->status != CF_MISSING)
        cf_report(uploads->peer->env, CF_REPORT_WARNING, "sending a file: %s", error->text);
}

static cf_status read_patch(cf_uploads *uploads, cf_upload *one, cf_error *error)
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
        cf_upload_turn(uploads, one, CF_UPLOAD_IS_READY);
        cf_delta_job_destroy(&one->delta);
    }
    files->close_file(files, &file);
    cf_buffer_release(&patch);
    return status;
}

static void end_delta(cf_uploads *uploads, cf_upload *one)
{
    cf_error error;

    if (!cf_delta_job_over(one->delta))
        return;
    if (cf_delta_job_result(one->delta, &one->patch_size, &error)) {
        cf_delta_job_destroy(&one->delta); /* the whole, then */
        queue(uploads, one);
    } else if (one->patch_size > CF_INLINE_MAX) {
        one->is_patch = true;
        queue(uploads, one);
    } else if (read_patch(uploads, one, &error)) {
        fail(uploads, one, &error);
    }
}

static void end_sealing(cf_uploads *uploads, cf_upload *one)
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
    cf_upload_turn(uploads, one, CF_UPLOAD_IS_READY);
}

void cf_upload_give_up(cf_uploads *uploads, cf_upload *one)
{
    cf_error over;

    one->is_sealed = false;
    cf_fail(&over, CF_CHANGED, "it is to be read again");
    fail(uploads, one, &over);
}

/* ---- Too much for now ---- */

/* What the broker has of a whole is not sent again when that goes on. A patch was taken by its
 * sealing: it is made again. */
static void defer_sealing(cf_uploads *uploads, cf_upload *one)
{
    if (cf_sealing_has_jobs(one->sealing))
        return;
    if (one->is_patch) {
        cf_upload_give_up(uploads, one);
        return;
    }
    cf_sealing_destroy(&one->sealing);
    queue(uploads, one);
}

/* Each once, also where it comes back into the line at its end. */
static void queue_anew(cf_uploads *uploads, cf_upload_phase phase)
{
    for (size_t left = uploads->phases[phase].count; left; left--) {
        cf_upload *one = cf_container_of(uploads->phases[phase].first, cf_upload, place);

        queue(uploads, one);
        if (one->phase != phase)
            cf_upload_tell(uploads, one);
    }
}

void cf_uploads_defer_over(cf_uploads *uploads, uint64_t most)
{
    uploads->most = most;
    queue_anew(uploads, CF_UPLOAD_IS_QUEUED);
    queue_anew(uploads, CF_UPLOAD_IS_DEFERRED);
}

static void step_sealing(cf_uploads *uploads, cf_upload *one)
{
    cf_error error;

    if (is_too_much(uploads, one) && cf_sealing_left(one->sealing)) {
        defer_sealing(uploads, one);
        return;
    }
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

/* What is read from a disk that hangs keeps no place. */
static size_t count_answering(const cf_list *line, size_t counts[CF_RANKS])
{
    size_t count = 0;

    for (cf_list_link *at = line->first; at; at = at->after) {
        const cf_upload *one = cf_container_of(at, cf_upload, place);
        const bool answers = !one->binding || !one->binding->silence;

        counts[one->rank] += answers;
        count += answers;
    }
    return count;
}

static bool has_place(const cf_uploads *uploads, cf_transfer_rank rank)
{
    size_t counts[CF_RANKS] = {0};

    count_answering(&uploads->phases[CF_UPLOAD_IS_SEALING], counts);
    return cf_turns_have_place(counts, rank, SEALING_AT_A_TIME);
}

static void step_queued(cf_uploads *uploads, cf_upload *one)
{
    cf_error error;

    if (cf_uploads_may_seal(uploads) && has_place(uploads, one->rank) &&
        begin_sealing(uploads, one, &error))
        fail(uploads, one, &error);
}

static void step_edit(cf_uploads *uploads, cf_upload *one)
{
    size_t counts[CF_RANKS] = {0};

    if (count_answering(&uploads->phases[CF_UPLOAD_IS_DELTA], counts) < DELTAS_AT_A_TIME)
        begin_delta(uploads, one);
}

bool cf_uploads_read_base(const cf_uploads *uploads, const cf_hash *hash)
{
    for (cf_list_link *at = uploads->phases[CF_UPLOAD_IS_DELTA].first; at; at = at->after)
        if (cf_hash_equal(&cf_container_of(at, cf_upload, place)->before, hash))
            return true;
    return false;
}

/* There is no room for any of those that wait. */
static bool are_full(const cf_uploads *uploads, const bool is_full[CF_RANKS])
{
    size_t rank = 0;

    while (rank < CF_RANKS && (is_full[rank] || !uploads->counts[CF_UPLOAD_IS_QUEUED][rank]))
        rank++;
    return rank == CF_RANKS;
}

void cf_upload_step(cf_uploads *uploads, cf_upload_phase phase)
{
    static void (*const steps[CF_UPLOAD_PHASES])(cf_uploads * uploads, cf_upload * one) = {
        [CF_UPLOAD_IS_EDIT] = step_edit,
        [CF_UPLOAD_IS_DELTA] = end_delta,
        [CF_UPLOAD_IS_QUEUED] = step_queued,
        [CF_UPLOAD_IS_SEALING] = step_sealing,
    };
    const bool waits = phase == CF_UPLOAD_IS_EDIT || phase == CF_UPLOAD_IS_QUEUED;
    bool is_full[CF_RANKS] = {false};

    if (!steps[phase])
        return;
    for (cf_list_link *at = uploads->phases[phase].first, *after; at; at = after) {
        cf_upload *one = cf_container_of(at, cf_upload, place);

        after = at->after;
        if (waits && ((one->binding && one->binding->silence) || is_full[one->rank]))
            continue; /* others need not wait for its disk */
        steps[phase](uploads, one);
        if (!waits || one->phase != phase)
            continue;
        is_full[one->rank] = true;
        if (phase == CF_UPLOAD_IS_EDIT || !cf_uploads_may_seal(uploads) ||
            are_full(uploads, is_full))
            break;
    }
}
