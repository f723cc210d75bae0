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

/* Whether something may be made of what the base has: notes what that is. */
static bool read_before(cf_uploads *uploads, cf_upload *one, cf_bytes before)
{
    cf_error ignored;

    one->has_before =
        before.size &&
        !cf_content_identity_read(before, &one->before, &one->before_size, &ignored) &&
        cf_contents_available(uploads->peer->contents, &one->collection, &one->before) &&
        !cf_contents_find(uploads->peer->contents, &one->collection, &one->before,
                          &one->before_depth, &one->before_size, &ignored);
    return one->has_before;
}

/* The chain has room for one more patch. */
static bool may_be_patch(const cf_upload *one)
{
    return one->before_depth < cf_content_depth_max(one->stat.size) &&
           one->before_depth < cf_content_depth_max(one->before_size);
}

/* What goes is a patch, inline. */
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

    if (read_before(uploads, one, file->before) && may_be_patch(one) &&
        delta_small(uploads, one, whole))
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

/* The upload is ready to be sealed: queued, or deferred. */
static void queue(cf_uploads *uploads, cf_upload *one)
{
    cf_upload_set_phase(uploads, one,
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
        cf_upload_set_phase(uploads, one, CF_UPLOAD_IS_DELTA);
    else
        queue(uploads, one);
}

/* The chain is to begin anew, as known_copies.h says, and can. The supply of a patch is one more in
 * a row, and there has to be room for it. */
static bool may_be_rebased(cf_uploads *uploads, const cf_upload *one)
{
    cf_arena arena = {0};
    cf_known known = {0};

    if (may_be_patch(one) && one->before_depth + 1 < CF_DELTA_DEPTH_MAX)
        return false;
    const bool may = cf_known_find(uploads->peer, &one->collection, &one->before, &arena, &known);
    cf_known_release(&known);
    cf_arena_release(&arena);
    return may;
}

cf_upload *cf_upload_large(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_upload *one = cf_upload_add(uploads, file, CF_UPLOAD_IS_QUEUED);

    one->leaves = cf_arena_copy(&one->arena, cf_buffer_view(&file->read->leaves));
    one->moves = file->read->moves;
    one->fresh_size = one->stat.size;
    if (read_before(uploads, one, file->before))
        one->is_rebased = may_be_rebased(uploads, one);
    if (one->has_before && (one->is_rebased || may_be_patch(one)))
        cf_upload_set_phase(uploads, one, CF_UPLOAD_IS_EDIT);
    else
        queue(uploads, one);
    return one;
}

/* The whole that the file's last version stands on, if its leaves are known. */
static bool find_known_whole(cf_uploads *uploads, cf_upload *one)
{
    cf_error ignored;

    return one->before_size &&
           cf_known_whole(uploads->peer, &one->collection, &one->before, &one->arena,
                          &one->known.whole) &&
           cf_leaves_get(uploads->peer, &one->known.whole.content.hash, &one->known_leaves,
                         &ignored) == CF_OK;
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
    if (!one->is_patch && (one->is_rebased || find_known_whole(uploads, one))) {
        options.known = &one->known.whole;
        options.known_leaves = cf_buffer_view(&one->known_leaves);
        options.copies = one->is_rebased ? &one->known.copies : NULL;
    }
    one->sealing = cf_sealing_new(&options);
    one->is_sealed = true;
    one->epoch = options.epoch;
    cf_upload_set_phase(uploads, one, CF_UPLOAD_IS_SEALING);
    return CF_OK;
}

static void fail(cf_uploads *uploads, cf_upload *one, const cf_error *error)
{
    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    cf_upload_set_phase(uploads, one, CF_UPLOAD_IS_FAILED);
    if (error->status != CF_CHANGED && error->status != CF_MISSING)
        cf_report(uploads->peer->env, CF_REPORT_WARNING, "sending a file: %s", error->text);
}

static cf_status read_patch(cf_uploads *uploads, const cf_upload *one, cf_buffer *out,
                            cf_error *error)
{
    cf_files *files = uploads->peer->env->files;
    cf_file *file = NULL;

    cf_status status = cf_delta_job_take(one->delta, &file, error);
    if (!status)
        status = files->read_at(files, file, 0, cf_buffer_reserve(out, one->patch_size),
                                one->patch_size, &out->size, error);
    if (!status && out->size != one->patch_size)
        status = cf_fail(error, CF_IO, "a patch is shorter than it was");
    files->close_file(files, &file);
    return status;
}

static cf_status take_patch(cf_uploads *uploads, cf_upload *one, cf_error *error)
{
    cf_buffer patch = {0};

    cf_status status = read_patch(uploads, one, &patch, error);
    if (!status) {
        become_patch(uploads, one, cf_buffer_view(&patch));
        cf_upload_set_phase(uploads, one, CF_UPLOAD_IS_READY);
        cf_delta_job_destroy(&one->delta);
    }
    cf_buffer_release(&patch);
    return status;
}

/* What the file has of the whole below; false: that isn't known. */
static bool find_known(cf_uploads *uploads, cf_upload *one)
{
    cf_files *files = uploads->peer->env->files;
    cf_file *file = NULL;
    cf_error ignored;

    if (!cf_known_find(uploads->peer, &one->collection, &one->before, &one->arena, &one->known))
        return false;
    cf_status status = cf_delta_job_take(one->delta, &file, &ignored);
    if (!status) {
        cf_file_bytes bytes = {files, file, 0};
        const cf_reader_at patch = cf_reader_of_file(&bytes, one->patch_size);

        status = cf_known_go_on(&one->known, &patch, one->before_size, one->stat.size, &ignored);
    }
    files->close_file(files, &file);
    if (status)
        cf_known_release(&one->known);
    return status == CF_OK;
}

/* The whole, then, out of what the log has as far as that is known. */
static void queue_whole(cf_uploads *uploads, cf_upload *one)
{
    one->is_patch = false;
    if (one->is_rebased)
        one->fresh_size = one->stat.size - cf_known_leave_out_short(&one->known);
    queue(uploads, one);
}

/* Who has what the file was before takes the patch alone: one that has no room in an entry is
 * sealed before the whole is. */
static void rebase(cf_uploads *uploads, cf_upload *one)
{
    cf_how *as_patch = &one->prepared.as_patch;
    cf_buffer patch = {0};
    cf_error ignored;

    one->is_rebased = find_known(uploads, one);
    one->is_patch = one->is_rebased && one->patch_size > CF_INLINE_MAX;
    if (one->is_patch) {
        queue(uploads, one);
        return;
    }
    if (one->is_rebased && !read_patch(uploads, one, &patch, &ignored))
        *as_patch = (cf_how){.is_patch = true,
                             .base = one->before,
                             .is_inline = true,
                             .bytes = cf_arena_copy(&one->arena, cf_buffer_view(&patch)),
                             .length = patch.size};
    cf_buffer_release(&patch);
    cf_delta_job_destroy(&one->delta);
    queue_whole(uploads, one);
}

static void end_delta(cf_uploads *uploads, cf_upload *one)
{
    cf_error error;

    if (!cf_delta_job_over(one->delta))
        return;
    if (cf_delta_job_result(one->delta, &one->patch_size, &error)) {
        cf_delta_job_destroy(&one->delta); /* the whole, then */
        one->is_rebased = false;
        queue(uploads, one);
    } else if (one->is_rebased) {
        rebase(uploads, one);
    } else if (one->patch_size > CF_INLINE_MAX) {
        one->is_patch = true;
        find_known(uploads, one);
        queue(uploads, one);
    } else if (take_patch(uploads, one, &error)) {
        fail(uploads, one, &error);
    }
}

/* The patch of a whole that is still to be sealed. */
static void end_patch(cf_uploads *uploads, cf_upload *one, const cf_how *how, const cf_hash *blobs,
                      size_t count)
{
    cf_prepared *prepared = &one->prepared;

    prepared->as_patch = *how;
    prepared->patch_blobs = blobs;
    prepared->patch_blob_count = count;
    queue_whole(uploads, one);
}

static void end_sealing(cf_uploads *uploads, cf_upload *one)
{
    cf_prepared *prepared = &one->prepared;
    cf_slices slices = {0};
    cf_buffer packed = {0};
    cf_hash *blobs;
    size_t count;

    cf_sealing_result(one->sealing, &slices, &blobs, &count, &one->arena);
    cf_slices_pack(&slices, &packed);
    const cf_how how = {.is_patch = one->is_patch,
                        .base = one->before,
                        .slices = cf_arena_copy(&one->arena, cf_buffer_view(&packed)),
                        .length = slices.length};
    if (one->is_patch) {
        uploads->figures.deltas++;
        uploads->figures.delta_bytes += one->patch_size;
    }
    uploads->figures.reused_bytes += cf_sealing_reused(one->sealing);
    cf_slices_release(&slices);
    cf_buffer_release(&packed);
    cf_sealing_destroy(&one->sealing);
    cf_delta_job_destroy(&one->delta);
    if (one->is_patch && one->is_rebased) {
        end_patch(uploads, one, &how, blobs, count);
        return;
    }
    prepared->blobs = blobs;
    prepared->blob_count = count;
    prepared->content.how = how;
    prepared->content.depth = one->is_patch ? one->before_depth + 1 : 0;
    cf_upload_set_phase(uploads, one, CF_UPLOAD_IS_READY);
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
    return cf_rank_has_place(counts, rank, SEALING_AT_A_TIME);
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
