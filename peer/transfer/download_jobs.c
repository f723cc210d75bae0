/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_jobs.h"

#include "broker/platform/jobs.h"
#include "codec/content.h"
#include "codec/delta.h"

#include <stdlib.h>

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
        .source = cf_reader_of_file(&base, options->base_size),
        .patch = options->patch_file ? cf_reader_of_file(&patch_file, options->patch_size)
                                     : cf_reader_of_bytes(&options->patch),
        .target = cf_sparse_sink_of_file(&target),
        .form = CF_DELTA_LOG,
        .target_max = options->target_size,
    };

    self->status = cf_delta_decode(&decoding, &self->error);
    if (!self->status)
        self->status = files->truncate(files, options->target, target.offset, &self->error);
}

cf_file_job *cf_file_job_patch(const cf_patch_options *options)
{
    return submit((cf_file_job){.env = options->env, .patch = *options}, patch,
                  CF_DELTA_LOG_DECODING_MEMORY);
}

/* ---- Copies ---- */

typedef struct {
    cf_files *files;
    const cf_file *from, *to;
    uint8_t *window;
} copying;

static cf_status copy_stretch(const copying *self, uint64_t at, uint64_t end, cf_error *error)
{
    cf_files *files = self->files;
    cf_status status = CF_OK;
    size_t read;

    for (; !status && at < end; at += read) {
        size_t size = end - at < CF_FILE_WINDOW ? (size_t)(end - at) : CF_FILE_WINDOW;

        status = files->read_at(files, self->from, at, self->window, size, &read, error);
        if (!status && read != size)
            status = cf_fail(error, CF_CHANGED, "a file became shorter while it was copied");
        if (!status)
            status =
                cf_files_write_sparse(files, self->to, at, cf_bytes_of(self->window, size), error);
    }
    return status;
}

/* Holes stay holes. */
static cf_status copy_data(const copying *self, uint64_t size, cf_error *error)
{
    cf_files *files = self->files;
    uint64_t from, to, at = 0;

    cf_status status = files->truncate(files, self->to, size, error);
    for (; !status && at < size; at = to) {
        status = files->next_data(files, self->from, at, &from, &to, error);
        if (!status && to <= at)
            status = cf_fail(error, CF_CHANGED, "a file became shorter while it was copied");
        if (status)
            break;
        if (to > size)
            to = size;
        status = copy_stretch(self, from > at ? from : at, to, error);
    }
    return status;
}

cf_status cf_file_copy(cf_files *files, const cf_file *from, const cf_file *to, uint64_t size,
                       cf_error *error)
{
    bool cloned = false;

    cf_status status = files->clone(files, from, to, &cloned, error);
    if (status || cloned)
        return status;
    copying self = {files, from, to, cf_allocate(CF_FILE_WINDOW, 1)};
    status = copy_data(&self, size, error);
    free(self.window);
    return status;
}

static void copy(cf_job *job)
{
    cf_file_job *self = (cf_file_job *)job;

    self->status = cf_file_copy(self->env->files, self->copy.from, self->copy.to, self->copy.size,
                                &self->error);
}

cf_file_job *cf_file_job_copy(const cf_copy_options *options)
{
    return submit((cf_file_job){.env = options->env, .copy = *options}, copy, CF_FILE_WINDOW);
}

/* ---- Proof ---- */

typedef struct {
    cf_files *files;
    const cf_file *file;
    uint64_t size;
    cf_content_hasher *hasher;
    uint8_t *window;
} proof;

static cf_status hash_data(const proof *self, uint64_t at, uint64_t to, cf_error *error)
{
    cf_files *files = self->files;
    cf_status status = CF_OK;
    size_t read;

    for (; !status && at < to; at += read) {
        size_t size = to - at < CF_FILE_WINDOW ? (size_t)(to - at) : CF_FILE_WINDOW;

        status = files->read_at(files, self->file, at, self->window, size, &read, error);
        if (!status && read != size)
            status = cf_fail(error, CF_CHANGED, "a file became shorter while it was checked");
        if (!status)
            cf_content_hasher_update(self->hasher, cf_bytes_of(self->window, size));
    }
    return status;
}

static cf_status hash_file(const proof *self, cf_error *error)
{
    cf_files *files = self->files;
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
            cf_content_hasher_zeros(self->hasher, from - at);
            at = from;
        }
        if (!status)
            status = hash_data(self, at, to, error);
        at = to;
    }
    return status;
}

cf_status cf_file_prove(cf_files *files, const cf_file *file, const cf_hash *content, uint64_t size,
                        cf_buffer *leaves, cf_error *error)
{
    proof self = {files, file, size, cf_content_hasher_new(leaves), cf_allocate(CF_FILE_WINDOW, 1)};
    uint64_t hashed;

    cf_status status = hash_file(&self, error);
    cf_hash hash = cf_content_hasher_finish(self.hasher, &hashed);
    if (!status && !cf_hash_equal(&hash, content))
        status = cf_fail(error, CF_FORGED, "what came is not what was meant");
    cf_content_hasher_destroy(&self.hasher);
    free(self.window);
    return status;
}

static void verify(cf_job *job)
{
    cf_file_job *self = (cf_file_job *)job;

    self->status = cf_file_prove(self->env->files, self->file, &self->content, self->size,
                                 &self->leaves, &self->error);
}

cf_file_job *cf_file_job_verify(const cf_env *env, const cf_file *file, const cf_hash *content,
                                uint64_t size)
{
    return submit((cf_file_job){.env = env, .file = file, .content = *content, .size = size},
                  verify, CF_FILE_WINDOW);
}

/* ---- Results ---- */

void cf_file_job_destroy(cf_file_job **job)
{
    if (!*job)
        return;
    while (!(*job)->over)
        cf_jobs_await((*job)->env->jobs);
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
