/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_jobs.h"

#include "broker/jobs.h"
#include "codec/content.h"
#include "codec/delta.h"

#include <stdlib.h>

enum { WINDOW = 1 << 20 };

struct cf_file_job {
    cf_job job;
    const cf_env *env;
    bool over;
    cf_status status;
    cf_error error;
    cf_patch_options patch;
    cf_copy_options copy;
    const cf_file *file; /* to be verified */
    cf_hash content;
    uint64_t size;
    cf_buffer leaves;
};

static void done(cf_job *job)
{
    cf_file_job *self = (cf_file_job *)job;

    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
    self->over = true;
}

static cf_file_job *submit(cf_file_job what, void (*work)(cf_job *job), size_t memory)
{
    cf_file_job *self = cf_allocate(1, sizeof *self);

    *self = what;
    self->job = (cf_job){.work = work, .done = done, .memory = memory};
    self->env->jobs->submit(self->env->jobs, &self->job);
    return self;
}

/* ---- Patches ---- */

static void patch(cf_job *job)
{
    cf_file_job *self = (cf_file_job *)job;
    const cf_patch_options *options = &self->patch;
    cf_files *files = self->env->files;
    cf_file_bytes base = {files, options->base, 0}, patch_file = {files, options->patch_file, 0};
    cf_file_bytes target = {files, options->target, 0};
    cf_delta_decoding decoding = {
        .source = cf_source_of_file(&base, options->base_size),
        .patch = options->patch_file ? cf_source_of_file(&patch_file, options->patch_size)
                                     : cf_source_of_bytes(&options->patch),
        .target = cf_sink_of_file(&target),
        .form = CF_DELTA_LOG,
        .target_max = options->target_size,
    };

    self->status = cf_delta_decode(&decoding, &self->error);
}

cf_file_job *cf_file_job_patch(const cf_patch_options *options)
{
    return submit((cf_file_job){.env = options->env, .patch = *options}, patch,
                  CF_DELTA_LOG_DECODING_MEMORY);
}

/* ---- Copies ---- */

static cf_status copy_window(cf_files *files, const cf_copy_options *options, uint64_t at,
                             uint8_t *window, size_t size, cf_error *error)
{
    size_t read;

    cf_status status = files->read_at(files, options->from, at, window, size, &read, error);
    if (!status && read != size)
        status = cf_fail(error, CF_CHANGED, "a file became shorter while it was copied");
    return status ? status
                  : files->write_at(files, options->to, at, cf_bytes_of(window, size), error);
}

/* Holes stay holes. */
static cf_status copy_data(cf_files *files, const cf_copy_options *options, cf_error *error)
{
    uint8_t *window = cf_allocate(WINDOW, 1);
    uint64_t from, to, at = 0;

    cf_status status = files->truncate(files, options->to, options->size, error);
    while (!status && at < options->size) {
        status = files->next_data(files, options->from, at, &from, &to, error);
        if (!status && to <= at)
            status = cf_fail(error, CF_CHANGED, "a file became shorter while it was copied");
        if (status)
            break;
        if (at < from)
            at = from;
        if (to > options->size)
            to = options->size;
        for (size_t size; !status && at < to; at += size) {
            size = to - at < WINDOW ? (size_t)(to - at) : WINDOW;
            status = copy_window(files, options, at, window, size, error);
        }
    }
    free(window);
    return status;
}

static void copy(cf_job *job)
{
    cf_file_job *self = (cf_file_job *)job;
    cf_files *files = self->env->files;
    bool cloned = false;

    self->status = files->clone(files, self->copy.from, self->copy.to, &cloned, &self->error);
    if (!self->status && !cloned)
        self->status = copy_data(files, &self->copy, &self->error);
}

cf_file_job *cf_file_job_copy(const cf_copy_options *options)
{
    return submit((cf_file_job){.env = options->env, .copy = *options}, copy, WINDOW);
}

/* ---- Proof ---- */

static cf_status hash_data(cf_file_job *self, cf_content_hasher *hasher, uint8_t *window,
                           uint64_t at, uint64_t to, cf_error *error)
{
    cf_files *files = self->env->files;
    cf_status status = CF_OK;
    size_t read;

    for (; !status && at < to; at += read) {
        size_t size = to - at < WINDOW ? (size_t)(to - at) : WINDOW;

        status = files->read_at(files, self->file, at, window, size, &read, error);
        if (!status && read != size)
            status = cf_fail(error, CF_CHANGED, "a file became shorter while it was checked");
        if (!status)
            cf_content_hasher_update(hasher, cf_bytes_of(window, size));
    }
    return status;
}

static cf_status hash_file(cf_file_job *self, cf_content_hasher *hasher, cf_error *error)
{
    cf_files *files = self->env->files;
    uint8_t *window = cf_allocate(WINDOW, 1);
    cf_stat stat;
    uint64_t at = 0;

    cf_status status = files->stat_file(files, self->file, &stat, error);
    if (!status && stat.size != self->size)
        status = cf_fail(error, CF_FORGED, "what came is not as long as it should be");
    while (!status && at < self->size) {
        uint64_t from, to;

        status = files->next_data(files, self->file, at, &from, &to, error);
        if (!status && to <= at)
            status = cf_fail(error, CF_CHANGED, "a file became shorter while it was checked");
        if (!status && at < from) {
            cf_content_hasher_zeros(hasher, from - at);
            at = from;
        }
        if (!status)
            status = hash_data(self, hasher, window, at, to, error);
        at = to;
    }
    free(window);
    return status;
}

static void verify(cf_job *job)
{
    cf_file_job *self = (cf_file_job *)job;
    cf_content_hasher *hasher = cf_content_hasher_new(&self->leaves);
    uint64_t size;

    self->status = hash_file(self, hasher, &self->error);
    cf_hash hash = cf_content_hasher_finish(hasher, &size);
    if (!self->status && !cf_hash_equal(&hash, &self->content))
        self->status = cf_fail(&self->error, CF_FORGED, "what came is not what was meant");
    cf_content_hasher_destroy(&hasher);
}

cf_file_job *cf_file_job_verify(const cf_env *env, const cf_file *file, const cf_hash *content,
                                uint64_t size)
{
    return submit((cf_file_job){.env = env, .file = file, .content = *content, .size = size},
                  verify, WINDOW);
}

/* ---- Results ---- */

void cf_file_job_destroy(cf_file_job **job)
{
    if (!*job)
        return;
    while (!(*job)->over)
        (*job)->env->jobs->deliver((*job)->env->jobs);
    cf_buffer_release(&(*job)->leaves);
    free(*job);
    *job = NULL;
}

bool cf_file_job_over(const cf_file_job *job)
{
    return job->over;
}

cf_status cf_file_job_result(const cf_file_job *job, cf_error *error)
{
    if (job->status)
        *error = job->error;
    return job->status;
}

void cf_file_job_leaves(cf_file_job *job, cf_buffer *out)
{
    cf_buffer_release(out);
    *out = job->leaves;
    job->leaves = (cf_buffer){0};
}
