/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_making.h"

#include "codec/bulk.h"
#include "peer/bindings/base.h"
#include "peer/bindings/binding_report.h"
#include "peer/transfer/download_jobs.h"
#include "peer/transfer/known_copies.h"

#include <stdlib.h>

typedef enum {
    CF_MAKING_WHOLE,
    CF_MAKING_PATCH,
    CF_MAKING_PATCHING,
    CF_MAKING_COPYING,
    CF_MAKING_PROVING
} making_stage;

/* A file that was made, by itself or with a note. */
typedef struct {
    cf_file *file;
    cf_partial_file *partial;
    uint64_t size;
} product;

struct cf_making {
    cf_making_options options;
    cf_peer *peer;
    cf_chain chain;
    size_t left; /* of the chain, to be made: the one before is the next */
    making_stage step;
    cf_arena arena; /* of the step */
    cf_content_source source;
    product base, target;
    cf_file *patch;
    cf_fetch *fetch;
    cf_file_job *job;
    size_t fetches; /* begun */
    bool from_here, resumed, is_wrong;
    cf_stat stat;
    cf_buffer leaves;
};

/* ---- What it writes to ---- */

#define WORK_NAME "get-work" /* of files that have lost their names when they are written */

static cf_files *making_files(const cf_making *making)
{
    return making->peer->env->files;
}

static const cf_file *making_file(const product *made)
{
    return made->partial ? cf_partial_file_file(made->partial) : made->file;
}

static void making_release(cf_making *making, product *made)
{
    cf_partial_file_destroy(&made->partial);
    making_files(making)->close_file(making_files(making), &made->file);
    *made = (product){0};
}

/* A file that is gone with its handle. */
static cf_status making_create_unnamed(cf_making *making, const cf_folder *folder, uint64_t size,
                                       cf_file **out, cf_error *error)
{
    cf_files *files = making_files(making);
    cf_bytes name = cf_bytes_of_text(WORK_NAME);
    cf_file *file = NULL;
    cf_error ignored;

    files->unlink(files, folder, name, &ignored);
    cf_status status = files->create_file(files, folder, name, 0600, &file, error);
    if (!status)
        status = files->unlink(files, folder, name, error);
    if (!status && size)
        status = files->truncate(files, file, size, error);
    if (status)
        files->close_file(files, &file);
    else
        *out = file;
    return status;
}

/* A file by the name under which the content that is asked for is handed over. */
static cf_status making_create_named(cf_making *making, cf_file **out, cf_error *error)
{
    cf_files *files = making_files(making);
    const cf_folder *folder = making->options.binding->temporary;
    char name[CF_PARTIAL_FILE_NAME];

    cf_partial_file_remove(files, folder, &making->options.content);
    cf_partial_file_name(&making->options.content, false, name);
    return files->create_file(files, folder, cf_bytes_of_text(name), 0600, out, error);
}

/* What the last step makes has the name by which it is handed over, what others make has none.
 * `length`: how long the file is at first. */
static cf_status making_create_target(cf_making *making, uint64_t size, uint64_t length,
                                      cf_error *error)
{
    making->target.size = size;
    if (making->left > 1)
        return making_create_unnamed(making, making->options.binding->temporary, length,
                                     &making->target.file, error);
    cf_status status = making_create_named(making, &making->target.file, error);
    if (!status && length)
        status = making_files(making)->truncate(making_files(making), making->target.file, length,
                                                error);
    return status;
}

/* The content that the step makes. */
static const cf_hash *making_content(const cf_making *making)
{
    return &making->chain.at[making->left - 1].content;
}

static cf_hash plan_of(const cf_content_source *source)
{
    const cf_bytes parts[] = {
        cf_bytes_of(source->blobs, source->blob_count * sizeof *source->blobs),
        source->content.how.slices,
    };
    cf_sha256 *hasher = cf_sha256_new();

    cf_sha256_update(hasher, parts[0]);
    cf_sha256_update(hasher, parts[1]);
    cf_hash plan = cf_sha256_finish(hasher);
    cf_sha256_destroy(&hasher);
    return plan;
}

/* A target with a note of what has come of it, so that it can be gone on with. */
static cf_status making_open_partial(cf_making *making, cf_error *error)
{
    cf_partial_file_options options = {
        .env = making->peer->env,
        .folder = making->options.binding->temporary,
        .content = *making_content(making),
        .size = making->source.content.size,
        .plan = plan_of(&making->source),
        .blob_count = making->source.blob_count,
        .afresh = making->options.places.afresh,
    };

    cf_status status = cf_partial_file_open(&options, &making->target.partial, error);
    if (!status) {
        making->target.size = options.size;
        making->resumed |= cf_partial_file_is_resumed(making->target.partial);
    }
    return status;
}

/* Removes what a whole further down the chain was fetched to. */
static void making_remove_bottom(cf_making *making)
{
    const cf_chain *chain = &making->chain;

    if (chain->count > 1 && !making->from_here && making->options.binding->temporary)
        cf_partial_file_remove(making_files(making), making->options.binding->temporary,
                               &chain->at[chain->count - 1].content);
}

/* Removes that and what has the name of the content. */
static void making_remove_files(cf_making *making)
{
    making_remove_bottom(making);
    if (making->options.binding->temporary)
        cf_partial_file_remove(making_files(making), making->options.binding->temporary,
                               &making->options.content);
}

#define RESUME_MIN (8 * CF_MIB) /* a smaller one is fetched again */

/* ---- Steps ---- */

static void fetch(cf_making *making, const cf_file *into, making_stage step)
{
    cf_fetch_options options = {
        .peer = making->peer,
        .collection = making->options.places.collection,
        .slices = making->source.content.how.slices,
        .blobs = making->source.blobs,
        .blob_count = making->source.blob_count,
        .file = into,
        .partial = making->target.partial,
        .hand = making->options.hand,
        .parts = making->options.parts,
        .length = making->chain.length,
        .most = making->options.most,
    };

    making->fetch = cf_fetch_new(&options);
    making->fetches++;
    making->step = step;
}

static void apply_patch(cf_making *making)
{
    const cf_how *how = &making->source.content.how;
    cf_patch_options options = {
        .env = making->peer->env,
        .base = making_file(&making->base),
        .base_size = making->base.size,
        .patch = how->bytes,
        .patch_file = making->patch,
        .patch_size = how->length,
        .target = making->target.file,
        .target_size = making->target.size,
    };

    making->job = cf_file_job_patch(&options);
    making->step = CF_MAKING_PATCHING;
}

/* The content that the step makes another one from. */
static const cf_hash *making_base(const cf_making *making)
{
    const cf_chain *chain = &making->chain;

    return making->left < chain->count ? &chain->at[making->left].content : &chain->base_content;
}

/* What can't be had is known better than when the chain was found: it is to be found anew. */
static bool is_from_base(const cf_making *making)
{
    return making_file(&making->base) &&
           cf_hash_equal(&making->source.content.how.base, making_base(making));
}

static cf_status begin_patch(cf_making *making, cf_error *error)
{
    const cf_content *content = &making->source.content;

    if (!is_from_base(making))
        return cf_fail(error, CF_CHANGED, "there is another way to make it now");
    cf_status status = making_create_target(making, content->size, 0, error);
    if (status)
        return status;
    if (content->how.is_inline) {
        apply_patch(making);
        return CF_OK;
    }
    status = making_create_unnamed(making, cf_home_temporary(making->peer->home),
                                   content->how.length, &making->patch, error);
    if (!status)
        fetch(making, making->patch, CF_MAKING_PATCH);
    return status;
}

static cf_status begin_whole(cf_making *making, cf_error *error)
{
    const cf_content *content = &making->source.content;
    cf_files *files = making_files(making);

    if (!content->how.is_inline && content->size >= RESUME_MIN) {
        cf_status status = making_open_partial(making, error);
        if (!status)
            fetch(making, cf_partial_file_file(making->target.partial), CF_MAKING_WHOLE);
        return status;
    }
    cf_status status = making_create_target(making, content->size, content->size, error);
    if (!status && !content->how.is_inline)
        fetch(making, making->target.file, CF_MAKING_WHOLE);
    else if (!status && content->size)
        status = files->write_at(files, making->target.file, 0, content->how.bytes, error);
    return status;
}

static cf_status begin_copy(cf_making *making, cf_error *error)
{
    cf_status status = making_create_named(making, &making->target.file, error);
    if (status)
        return status;
    making->target.size = making->base.size;
    cf_copy_options options = {making->peer->env, making_file(&making->base), making->target.file,
                               making->base.size};
    making->job = cf_file_job_copy(&options);
    making->step = CF_MAKING_COPYING;
    return CF_OK;
}

static cf_status prove(cf_making *making)
{
    making->job = cf_file_job_verify(making->peer->env, making_file(&making->base),
                                     &making->options.content, making->base.size);
    making->step = CF_MAKING_PROVING;
    return CF_OK;
}

static void end_step(cf_making *making)
{
    cf_fetch_destroy(&making->fetch);
    cf_file_job_destroy(&making->job);
    making_files(making)->close_file(making_files(making), &making->patch);
    making_release(making, &making->base);
    cf_arena_release(&making->arena);
    making->base = making->target;
    making->target = (product){0};
    making->left -= making->left > 0;
}

/* How the next of the chain is made. */
static cf_status find_source(cf_making *making, cf_error *error)
{
    cf_contents *contents = making->peer->contents;
    const cf_id *collection = &making->options.places.collection;

    if (making->chain.by_supplies &&
        cf_contents_get_patch(contents, collection, making_content(making), making_base(making),
                              &making->arena, &making->source, error) == CF_OK)
        return CF_OK;
    return cf_contents_get(contents, collection, making_content(making), &making->arena,
                           &making->source, error);
}

static cf_status begin_steps(cf_making *making, cf_error *error)
{
    cf_status status = CF_OK;

    if (making->left && !making->options.binding->temporary)
        return cf_fail(error, CF_MISSING, "the source can't be used at present");
    while (!status && making->left && !making->fetch && !making->job) {
        status = find_source(making, error);
        if (!status)
            status = making->source.content.how.is_patch ? begin_patch(making, error)
                                                         : begin_whole(making, error);
        if (!status && !making->fetch && !making->job)
            end_step(making); /* it stood in the log */
    }
    return status || making->fetch || making->job ? status : prove(making);
}

static bool is_in_the_way(const cf_making *making)
{
    const cf_making_options *options = &making->options;
    const cf_chain *chain = &making->chain;

    return options->taken(options->places.context, &options->content) ||
           (chain->count && !making->from_here &&
            options->taken(options->places.context, &chain->at[chain->count - 1].content));
}

static cf_status begin(cf_making *making, cf_error *error)
{
    cf_chain *chain = &making->chain;

    if (!making->options.binding->temporary)
        return cf_fail(error, CF_MISSING, "the source can't be used at present");
    cf_status status =
        cf_chain_find(&making->options.places, &making->options.content, chain, error);
    if (status)
        return status;
    making->from_here = chain->base != NULL;
    making->left = chain->count;
    making->base = (product){.file = chain->base, .size = chain->base_size};
    if (chain->by_blobs && !cf_fetch_possible(making->peer))
        return cf_fail(error, CF_UNREACHABLE, "waits for a broker");
    if (chain->length > *making->options.most)
        return cf_fail(error, CF_UNREACHABLE, CF_WAITS_METERED);
    if (chain->by_blobs &&
        cf_link_is_paused(making->peer->link, &making->options.places.collection))
        return cf_fail(error, CF_UNREACHABLE, CF_WAITS_PAUSED);
    if (is_in_the_way(making))
        return cf_fail(error, CF_LOCKED, "another download makes a part of it");
    status = chain->count ? begin_steps(making, error) : begin_copy(making, error);
    if (status)
        making_remove_files(making);
    return status;
}

cf_status cf_making_begin(const cf_making_options *options, cf_making **out, cf_error *error)
{
    cf_making *making = cf_allocate(1, sizeof *making);

    making->options = *options;
    making->peer = options->places.peer;
    cf_status status = begin(making, error);
    if (status)
        cf_making_destroy(&making);
    else
        *out = making;
    return status;
}

void cf_making_destroy(cf_making **making)
{
    if (!*making)
        return;
    cf_fetch_destroy(&(*making)->fetch);
    cf_file_job_destroy(&(*making)->job);
    making_files(*making)->close_file(making_files(*making), &(*making)->patch);
    making_release(*making, &(*making)->base);
    making_release(*making, &(*making)->target);
    cf_chain_release(&(*making)->chain);
    cf_arena_release(&(*making)->arena);
    cf_buffer_release(&(*making)->leaves);
    free(*making);
    *making = NULL;
}

/* ---- Going on ---- */

static cf_fetch_state fail(cf_making *making, const cf_error *error)
{
    const cf_chain *chain = &making->chain;
    const cf_base_cache cache = {making->peer->env, making->peer->home, &chain->cache};

    if (chain->base_is_cached && error->status != CF_FULL)
        cf_base_drop(&cache, &chain->base_content);
    making_remove_files(making);
    return CF_FETCH_FAILED;
}

static cf_fetch_state end_fetch(cf_making *making, cf_fetch_state state, cf_error *error)
{
    if (state == CF_FETCH_WORKING || state == CF_FETCH_ABSENT)
        return state;
    if (state == CF_FETCH_FAILED) /* what came before the blob that is wrong is as good as ever */
        return error->status == CF_FULL || error->status == CF_IO ? fail(making, error) : state;
    if (making->step == CF_MAKING_PATCH) {
        cf_fetch_destroy(&making->fetch);
        apply_patch(making);
        return CF_FETCH_WORKING;
    }
    end_step(making);
    return begin_steps(making, error) ? fail(making, error) : CF_FETCH_WORKING;
}

static cf_fetch_state end_proof(cf_making *making, cf_error *error)
{
    cf_file_job_leaves(making->job, &making->leaves);
    if (making_files(making)->stat_file(making_files(making), making_file(&making->base),
                                        &making->stat, error))
        return fail(making, error);
    making_remove_bottom(making);
    return CF_FETCH_DONE;
}

/* What the patch in blobs copies of a whole: an edit of what was made may want to know. */
static void keep_known(const cf_making *making)
{
    cf_peer *peer = making->peer;
    cf_store *store = cf_home_store(peer->home);
    const cf_how *how = &making->source.content.how;
    cf_file_bytes bytes = {making_files(making), making->patch, 0};
    const cf_reader_at patch = cf_reader_of_file(&bytes, how->length);
    cf_known known = {0};
    cf_arena arena = {0};
    cf_kv_list records = {0};
    cf_error ignored;

    if (!making->patch)
        return;
    if (cf_known_find(peer, &making->options.places.collection, &how->base, &arena, &known) &&
        !cf_known_go_on(&known, &patch, making->base.size, making->target.size, &ignored)) {
        cf_known_put(making_content(making), &known, &records);
        store->write(store, cf_peer_user(peer), records.at, records.count, false, &ignored);
    }
    cf_kv_list_release(&records);
    cf_known_release(&known);
    cf_arena_release(&arena);
}

static cf_fetch_state go_on(cf_making *making, cf_error *error)
{
    if (making->fetch)
        return end_fetch(making, cf_fetch_step(making->fetch, error), error);
    if (!cf_file_job_over(making->job))
        return CF_FETCH_WORKING;
    if (cf_file_job_result(making->job, error)) {
        making->is_wrong = error->status == CF_FORGED || error->status == CF_MALFORMED;
        return fail(making, error);
    }
    if (making->step == CF_MAKING_PROVING)
        return end_proof(making, error);
    keep_known(making);
    end_step(making);
    return begin_steps(making, error) ? fail(making, error) : CF_FETCH_WORKING;
}

/* A fetch that was just begun asks for something, too: no event would bring us here again. */
cf_fetch_state cf_making_step(cf_making *making, cf_error *error)
{
    cf_fetch_state state;
    size_t fetches;

    do {
        fetches = making->fetches;
        state = go_on(making, error);
    } while (state == CF_FETCH_WORKING && making->fetches > fetches);
    return state;
}

bool cf_making_busy(const cf_making *making)
{
    return making->fetch ? cf_fetch_busy(making->fetch) : !cf_file_job_over(making->job);
}

bool cf_making_hungry(const cf_making *making)
{
    return making->fetch && cf_fetch_hungry(making->fetch);
}

bool cf_making_is_stopped(const cf_making *making)
{
    return making->fetch && cf_fetch_is_stopped(making->fetch);
}

bool cf_making_is_paused(const cf_making *making)
{
    return making->fetch && cf_fetch_is_paused(making->fetch);
}

/* What may be made of something else than its hash says: by patches, or of pieces that patches led
 * to. The last of a chain that doesn't begin on this disk is a whole. */
static size_t count_doubtful(const cf_making *making)
{
    const cf_chain *chain = &making->chain;

    return making->from_here || chain->at[chain->count - 1].is_pieced ? chain->count
                                                                      : chain->count - 1;
}

bool cf_making_is_unmade(const cf_making *making)
{
    return making->is_wrong && count_doubtful(making) > 0;
}

bool cf_making_knows_wholes(const cf_making *making)
{
    cf_contents *contents = making->peer->contents;
    bool knows = false;

    for (size_t i = 0; i < count_doubtful(making); i++) {
        const cf_hash *content = &making->chain.at[i].content;

        if (cf_contents_has_whole(contents, &making->options.places.collection, content))
            knows |= cf_contents_doubt(contents, content);
    }
    return knows;
}

void cf_making_doubt(const cf_making *making)
{
    for (size_t i = 0; i < count_doubtful(making); i++)
        cf_contents_doubt(making->peer->contents, &making->chain.at[i].content);
}

bool cf_making_used_disk(const cf_making *making)
{
    return making->from_here || making->resumed;
}

bool cf_making_needs(const cf_making *making, const cf_hash *content)
{
    const cf_chain *chain = &making->chain;

    return !making->from_here && cf_hash_equal(&chain->at[chain->count - 1].content, content);
}

bool cf_making_reads_base(const cf_making *making, const cf_hash *content)
{
    return making->chain.base_is_cached && cf_hash_equal(&making->chain.base_content, content);
}

void cf_making_result(cf_making *making, cf_stat *stat, cf_buffer *leaves)
{
    *stat = making->stat;
    cf_buffer_release(leaves);
    *leaves = making->leaves;
    making->leaves = (cf_buffer){0};
}

cf_fetch *cf_making_fetch(cf_making *making)
{
    return making->fetch;
}
