/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/upload_delta.h"

#include "codec/content.h"
#include "codec/delta.h"
#include "codec/delta_leaves.h"
#include "peer/bindings/base_prints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1 << 20, NAME_SIZE = 40 };

/* A patch of bytes that is larger may lack parts which went too far for it. */
enum { RATHER_LARGE = 64 << 10 };

struct cf_delta_job {
    cf_job job;
    const cf_env *env;
    const cf_home *home;
    cf_base_place place; /* of copies */
    cf_file *target;
    cf_delta_job_options options;
    char patch[NAME_SIZE];
    uint8_t key[CF_BLOCK_KEY]; /* of prints that are made of a copy */
    uint64_t written, limit;
    cf_file_bytes out;
    bool over;
    cf_status status;
    cf_error error;
};

static cf_status write_patch(void *context, const void *data, size_t size, cf_error *error)
{
    cf_delta_job *self = context;

    if (size > self->limit - self->written)
        return cf_fail(error, CF_TOO_LARGE, "the patch is not worth it");
    self->written += size;
    cf_sink sink = cf_sink_of_file(&self->out);
    return cf_sink_write(&sink, data, size, error);
}

static cf_base_cache cache_of(const cf_delta_job *self)
{
    return (cf_base_cache){self->env, self->home, &self->place};
}

/* The cache is trusted for nothing: bytes that are not what their name says are thrown away. */
static cf_status verify_base(cf_delta_job *self, const cf_file *base, cf_error *error)
{
    uint8_t *window = cf_allocate(WINDOW, 1);
    cf_content_hasher *hasher = cf_content_hasher_new(NULL);
    cf_status status = CF_OK;
    uint64_t size = 0;
    size_t read = 1;

    while (!status && read) {
        status =
            self->env->files->read_at(self->env->files, base, size, window, WINDOW, &read, error);
        if (!status)
            cf_content_hasher_update(hasher, cf_bytes_of(window, read));
        size += status ? 0 : read;
    }
    cf_hash hash = cf_content_hasher_finish(hasher, &size);
    if (!status && !cf_hash_equal(&hash, &self->options.before)) {
        const cf_base_cache cache = cache_of(self);

        cf_base_drop(&cache, &self->options.before);
        status = cf_fail(error, CF_MISSING, "the base's copy is damaged");
    }
    cf_content_hasher_destroy(&hasher);
    free(window);
    return status;
}

/* ---- The file, as its leaves say ----
 *
 * A user may change it, and change it back, while a patch is made: who looks then finds what was
 * hashed, and joins this job.
 *
 *     hashed: aaaa, patch made of: aaba, found in the end: aaaa */

typedef struct {
    cf_file_bytes bytes;
    uint64_t size;
    cf_bytes leaves;
    uint64_t index; /* of the leaf that is held */
    uint8_t leaf[CF_LEAF_SIZE];
} checked_bytes;

static cf_status hold_leaf(checked_bytes *self, uint64_t index, cf_error *error)
{
    uint64_t offset = index * CF_LEAF_SIZE, rest = self->size - offset;
    size_t size = rest < CF_LEAF_SIZE ? rest : CF_LEAF_SIZE;
    cf_reader_at file = cf_reader_of_file(&self->bytes, self->size);

    self->index = UINT64_MAX;
    cf_status status = cf_reader_at_read(&file, offset, self->leaf, size, error);
    if (!status && !cf_leaf_fits(self->leaves, index, cf_bytes_of(self->leaf, size)))
        status = cf_fail(error, CF_CHANGED, "the file was changed while it was sent");
    if (!status)
        self->index = index;
    return status;
}

static cf_status read_checked(void *context, uint64_t offset, void *buffer, size_t size,
                              cf_error *error)
{
    checked_bytes *self = context;
    uint8_t *out = buffer;

    while (size) {
        size_t at = offset % CF_LEAF_SIZE;
        size_t part = CF_LEAF_SIZE - at < size ? CF_LEAF_SIZE - at : size;

        cf_status status = self->index == offset / CF_LEAF_SIZE
                               ? CF_OK
                               : hold_leaf(self, offset / CF_LEAF_SIZE, error);
        if (status)
            return status;
        memcpy(out, self->leaf + at, part);
        out += part;
        offset += part;
        size -= part;
    }
    return CF_OK;
}

/* ---- The patch ---- */

static cf_status encode_bytes(cf_delta_job *self, const cf_reader_at *target, cf_error *error)
{
    cf_files *files = self->env->files;
    const cf_base_cache cache = cache_of(self);
    cf_file *base = NULL;

    cf_status status = cf_base_open(&cache, &self->options.before, &base, error);
    if (status)
        return status;
    status = verify_base(self, base, error);
    if (!status) {
        cf_file_bytes from = {files, base, 0};
        cf_delta_encoding encoding = {
            .source = cf_reader_of_file(&from, self->options.before_size),
            .target = *target,
            .patch = {write_patch, self},
            .form = CF_DELTA_LOG,
        };

        status = cf_delta_encode(&encoding, error);
    }
    files->close_file(files, &base);
    return status;
}

static bool read_prints(const cf_delta_job *self, cf_buffer *kept, cf_block_prints *out)
{
    const cf_base_content before = {.hash = self->options.before,
                                    .size = self->options.before_size};
    const cf_base_cache cache = cache_of(self);
    cf_hold hold = {0};
    cf_error ignored;

    if (cf_base_hold(&cache, &hold, &ignored))
        return false;
    cf_status status =
        cf_base_prints_read(self->env->files, hold.folder, &before, kept, out, &ignored);
    cf_hold_release(&hold, self->env->files);
    return status == CF_OK;
}

/* From the leaves, and from prints if there are any. */
static cf_status encode_leaves(cf_delta_job *self, const cf_block_prints *prints,
                               const cf_reader_at *target, cf_error *error)
{
    const cf_delta_job_options *options = &self->options;

    if (!options->before_leaves.size)
        return cf_fail(error, CF_MISSING, "nothing of the base is kept");
    cf_delta_leaf_encoding encoding = {
        .source = {options->before_leaves, options->before_size},
        .target = {options->leaves, options->size},
        .prints = prints,
        .target_bytes = *target,
        .patch = {write_patch, self},
    };
    return cf_delta_encode_leaves(&encoding, error);
}

static cf_status encode_kept(cf_delta_job *self, const cf_reader_at *target, cf_error *error)
{
    cf_block_prints prints;
    cf_buffer kept = {0};

    cf_status status =
        encode_leaves(self, read_prints(self, &kept, &prints) ? &prints : NULL, target, error);
    cf_buffer_release(&kept);
    return status;
}

/* ---- Parts that went far ----
 *
 * A delta of bytes finds what moved by some MiB, prints find it anywhere:
 *
 *     40 MiB whose halves change places: 8 MiB of bytes, 2 KB of prints
 *
 * So where the first is large the second is made, too, and the smaller patch is taken. */

static cf_status print_copy(cf_delta_job *self, cf_buffer *prints, cf_error *error)
{
    const size_t block = cf_block_size(self->options.before_size);
    const cf_base_cache cache = cache_of(self);
    uint8_t *bytes = cf_allocate(block, 1);
    cf_file *base = NULL;

    cf_status status = cf_base_open(&cache, &self->options.before, &base, error);
    for (uint64_t at = 0; !status && at < self->options.before_size; at += block) {
        const uint64_t left = self->options.before_size - at;
        cf_file_bytes from = {self->env->files, base, 0};
        const cf_reader_at copy = cf_reader_of_file(&from, self->options.before_size);
        const size_t size = left < block ? (size_t)left : block;

        status = cf_reader_at_read(&copy, at, bytes, size, error);
        if (!status)
            cf_block_print(self->key, cf_bytes_of(bytes, size),
                           cf_buffer_reserve(prints, CF_BLOCK_PRINT));
        prints->size += status ? 0 : CF_BLOCK_PRINT;
    }
    self->env->files->close_file(self->env->files, &base);
    free(bytes);
    return status;
}

/* What a search takes for each block, and the print. */
static bool has_memory(uint64_t blocks)
{
    return blocks <= CF_DELTA_LOG_ENCODING_MEMORY / (2 * (32 + CF_BLOCK_PRINT));
}

/* Makes a patch of prints if that is smaller than what was made of bytes: then it is the job's. */
static bool look_farther(cf_delta_job *self, const cf_reader_at *target)
{
    cf_files *files = self->env->files;
    const cf_folder *temporary = cf_home_temporary(self->home);
    cf_delta_job farther = *self;
    cf_block_prints prints = {.size = self->options.before_size};
    cf_buffer made = {0};
    cf_file *patch = NULL;
    cf_error ignored;

    if (!cf_base_prints_fit(prints.size) || !has_memory(cf_block_count(prints.size)))
        return false;
    memcpy(prints.key, self->key, sizeof prints.key);
    farther.limit = self->written;
    farther.written = 0;
    snprintf(farther.patch, sizeof farther.patch, "patch-%llu-far",
             (unsigned long long)self->options.number);
    cf_bytes name = cf_bytes_of_text(farther.patch);
    files->unlink(files, temporary, name, &ignored);
    cf_status status = print_copy(self, &made, &ignored);
    prints.prints = cf_buffer_view(&made);
    if (!status)
        status = files->create_file(files, temporary, name, 0600, &patch, &ignored);
    farther.out = (cf_file_bytes){files, patch, 0};
    if (!status)
        status = encode_leaves(&farther, &prints, target, &ignored);
    files->close_file(files, &patch);
    cf_buffer_release(&made);
    files->unlink(files, temporary, cf_bytes_of_text(status ? farther.patch : self->patch),
                  &ignored);
    if (status)
        return false;
    memcpy(self->patch, farther.patch, sizeof self->patch);
    self->written = farther.written;
    return true;
}

static void work(cf_job *job)
{
    cf_delta_job *self = (cf_delta_job *)job;
    cf_files *files = self->env->files;
    const cf_folder *temporary = cf_home_temporary(self->home);
    cf_bytes name = cf_bytes_of_text(self->patch);
    cf_file *patch = NULL;
    cf_error ignored;
    checked_bytes *checked = cf_allocate(1, sizeof *checked);
    const cf_reader_at target = {read_checked, checked, self->options.size};

    *checked = (checked_bytes){.bytes = {files, self->target, 0},
                               .size = self->options.size,
                               .leaves = self->options.leaves,
                               .index = UINT64_MAX};
    files->unlink(files, temporary, name, &ignored); /* a crash has left it */
    cf_status status = files->create_file(files, temporary, name, 0600, &patch, &self->error);
    self->out = (cf_file_bytes){files, patch, 0};
    if (!status)
        status = encode_bytes(self, &target, &self->error);
    if (status == CF_MISSING && patch) {
        self->written = self->out.offset = 0;
        status = encode_kept(self, &target, &self->error);
    } else if ((status == CF_TOO_LARGE || (!status && self->written > RATHER_LARGE)) &&
               look_farther(self, &target)) {
        status = CF_OK;
    }
    files->close_file(files, &patch);
    free(checked);
    self->status = status;
}

static void done(cf_job *job)
{
    cf_delta_job *self = (cf_delta_job *)job;

    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
    self->env->files->close_file(self->env->files, &self->target);
    self->over = true;
}

cf_delta_job *cf_delta_job_start(const cf_delta_job_options *options, cf_error *error)
{
    cf_delta_job *self = cf_allocate(1, sizeof *self);
    cf_files *files = options->peer->env->files;
    cf_hold hold = {0};

    self->env = options->peer->env;
    self->home = options->peer->home;
    self->options = *options;
    self->limit = options->size / 2;
    snprintf(self->patch, sizeof self->patch, "patch-%llu", (unsigned long long)options->number);
    self->env->random(self->env->context, self->key, sizeof self->key);
    cf_status status = cf_binding_hold(options->binding, files, options->folder, &hold, error);
    if (!status)
        status = files->open_file(files, hold.folder, options->name, &self->target, error);
    cf_hold_release(&hold, files);
    if (status) {
        free(self);
        return NULL;
    }
    self->place = cf_base_place_copy(&options->binding->place);
    self->job = (cf_job){.work = work, .done = done, .memory = CF_DELTA_LOG_ENCODING_MEMORY};
    self->env->jobs->submit(self->env->jobs, &self->job);
    return self;
}

bool cf_delta_job_over(const cf_delta_job *job)
{
    return job->over;
}

void cf_delta_job_destroy(cf_delta_job **job)
{
    cf_error ignored;

    if (!*job)
        return;
    while (!(*job)->over)
        cf_jobs_await((*job)->env->jobs);
    (*job)->env->files->unlink((*job)->env->files, cf_home_temporary((*job)->home),
                               cf_bytes_of_text((*job)->patch), &ignored);
    cf_base_place_release(&(*job)->place);
    free(*job);
    *job = NULL;
}

cf_status cf_delta_job_result(const cf_delta_job *job, uint64_t *size, cf_error *error)
{
    if (job->status)
        *error = job->error;
    *size = job->written;
    return job->status;
}

cf_status cf_delta_job_take(cf_delta_job *job, cf_file **out, cf_error *error)
{
    return job->env->files->open_file(job->env->files, cf_home_temporary(job->home),
                                      cf_bytes_of_text(job->patch), out, error);
}
