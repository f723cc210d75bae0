/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/partial_file.h"

#include "broker/platform/jobs.h"
#include "codec/limits.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES = 12, HEADER_SIZE = 8 + 8 + 8 + CF_HASH_SIZE, RECORD_SIZE = 4 };
#define PREFIX "get-"
#define NOTE ".done"
#define KEPT_MS (7 * CF_DAY_MS)
#define NOTE_EVERY (32 * CF_MIB)

static const uint8_t magic[8] = "cf-get\0\1";

struct cf_partial_file {
    cf_job job; /* one at a time; `saving` says whether */
    cf_partial_file_options options;
    cf_file *file, *note;
    bool *has; /* blobs that are noted */
    bool resumed, saving;
    uint64_t note_size;
    cf_buffer written, under_way; /* records: not noted yet, and those of the job */
    uint64_t unsaved;
    cf_status status;
    cf_error error;
};

void cf_partial_file_name(const cf_hash *content, bool note, char out[CF_PARTIAL_FILE_NAME])
{
    char digits[2 * NAME_BYTES + 1];

    cf_hex(cf_bytes_of(content->bytes, NAME_BYTES), digits);
    snprintf(out, CF_PARTIAL_FILE_NAME, "%s%s%s", PREFIX, digits, note ? NOTE : "");
}

void cf_partial_file_remove(cf_files *files, const cf_folder *folder, const cf_hash *content)
{
    char name[CF_PARTIAL_FILE_NAME];
    cf_error ignored;

    cf_partial_file_name(content, true, name);
    files->unlink(files, folder, cf_bytes_of_text(name), &ignored);
    cf_partial_file_name(content, false, name);
    files->unlink(files, folder, cf_bytes_of_text(name), &ignored);
}

bool cf_partial_file_is_awaited(cf_files *files, const cf_folder *folder, cf_bytes name,
                                uint64_t now_ms)
{
    cf_bytes prefix = cf_bytes_of_text(PREFIX), end = cf_bytes_of_text(NOTE);
    char note[CF_PARTIAL_FILE_NAME] = {0};
    cf_stat stat;
    cf_error ignored;

    if (name.size < prefix.size + end.size || name.size + end.size >= sizeof note ||
        memcmp(name.data, prefix.data, prefix.size) != 0)
        return false;
    memcpy(note, name.data, name.size);
    if (memcmp(note + name.size - end.size, end.data, end.size) != 0)
        memcpy(note + name.size, end.data, end.size);
    return files->stat(files, folder, cf_bytes_of_text(note), &stat, &ignored) == CF_OK &&
           (uint64_t)(stat.mtime_ns / 1000000) + KEPT_MS > now_ms;
}

/* ---- Opening ---- */

/* The note names the very file: another one of that name, however it came there, is not ours. */
static void pack_header(const cf_partial_file *partial, const cf_stat *stat,
                        uint8_t out[HEADER_SIZE])
{
    memcpy(out, magic, sizeof magic);
    cf_put_u64(out + 8, stat->inode);
    cf_put_u64(out + 16, (uint64_t)stat->birth_ns);
    memcpy(out + 24, partial->options.plan.bytes, CF_HASH_SIZE);
}

static void take_records(cf_partial_file *partial, cf_bytes note)
{
    for (size_t at = HEADER_SIZE; at + RECORD_SIZE <= note.size; at += RECORD_SIZE) {
        uint32_t blob = cf_get_u32(note.data + at);

        if (blob < partial->options.blob_count) {
            partial->has[blob] = true;
            partial->resumed = true;
        }
    }
}

static bool resume(cf_partial_file *partial, cf_bytes name, cf_bytes note_name)
{
    const cf_partial_file_options *options = &partial->options;
    cf_files *files = options->env->files;
    cf_buffer note = {0};
    uint8_t header[HEADER_SIZE];
    cf_stat stat;
    cf_error ignored;

    /* The file may have got the mode of the one that it was to be, on a disk that keeps modes. */
    files->set_mode(files, options->folder, name, 0600, &ignored);
    bool fits =
        files->reopen_file(files, options->folder, name, &partial->file, &ignored) == CF_OK &&
        files->stat_file(files, partial->file, &stat, &ignored) == CF_OK &&
        stat.size == options->size && stat.links == 1 &&
        cf_files_read(files, options->folder, note_name,
                      HEADER_SIZE + 2 * RECORD_SIZE * options->blob_count, &note,
                      &ignored) == CF_OK;
    if (fits) {
        pack_header(partial, &stat, header);
        fits = note.size >= HEADER_SIZE && memcmp(note.data, header, HEADER_SIZE) == 0 &&
               files->reopen_file(files, options->folder, note_name, &partial->note, &ignored) ==
                   CF_OK;
    }
    if (fits) {
        take_records(partial, cf_buffer_view(&note));
        partial->note_size = note.size - (note.size - HEADER_SIZE) % RECORD_SIZE;
    } else {
        files->close_file(files, &partial->file);
    }
    cf_buffer_release(&note);
    return fits;
}

static cf_status begin(cf_partial_file *partial, cf_bytes name, cf_bytes note_name, cf_error *error)
{
    const cf_partial_file_options *options = &partial->options;
    cf_files *files = options->env->files;
    uint8_t header[HEADER_SIZE];
    cf_stat stat;

    cf_partial_file_remove(files, options->folder, &options->content);
    cf_status status =
        files->create_file(files, options->folder, name, 0600, &partial->file, error);
    if (!status)
        status = files->truncate(files, partial->file, options->size, error);
    if (!status)
        status = files->stat_file(files, partial->file, &stat, error);
    if (!status)
        status = files->create_file(files, options->folder, note_name, 0600, &partial->note, error);
    if (!status) {
        pack_header(partial, &stat, header);
        status = files->write_at(files, partial->note, 0, cf_bytes_of(header, HEADER_SIZE), error);
        partial->note_size = HEADER_SIZE;
    }
    if (status)
        cf_partial_file_remove(files, options->folder, &options->content);
    return status;
}

cf_status cf_partial_file_open(const cf_partial_file_options *options, cf_partial_file **out,
                               cf_error *error)
{
    cf_partial_file *partial = cf_allocate(1, sizeof *partial);
    char name[CF_PARTIAL_FILE_NAME], note_name[CF_PARTIAL_FILE_NAME];
    cf_status status = CF_OK;

    partial->options = *options;
    partial->has = cf_allocate(options->blob_count + 1, sizeof *partial->has);
    cf_partial_file_name(&options->content, false, name);
    cf_partial_file_name(&options->content, true, note_name);
    if (options->afresh || !resume(partial, cf_bytes_of_text(name), cf_bytes_of_text(note_name)))
        status = begin(partial, cf_bytes_of_text(name), cf_bytes_of_text(note_name), error);
    partial->options.folder = NULL;
    if (status)
        cf_partial_file_destroy(&partial);
    else
        *out = partial;
    return status;
}

void cf_partial_file_destroy(cf_partial_file **partial)
{
    if (!*partial)
        return;
    const cf_env *env = (*partial)->options.env;
    while ((*partial)->saving)
        cf_jobs_await(env->jobs);
    env->files->close_file(env->files, &(*partial)->file);
    env->files->close_file(env->files, &(*partial)->note);
    cf_buffer_release(&(*partial)->written);
    cf_buffer_release(&(*partial)->under_way);
    free((*partial)->has);
    free(*partial);
    *partial = NULL;
}

const cf_file *cf_partial_file_file(const cf_partial_file *partial)
{
    return partial->file;
}

bool cf_partial_file_is_resumed(const cf_partial_file *partial)
{
    return partial->resumed;
}

bool cf_partial_file_has(const cf_partial_file *partial, size_t blob)
{
    return partial->has[blob];
}

/* ---- Noting ---- */

void cf_partial_file_wrote(cf_partial_file *partial, size_t blob, uint64_t size)
{
    uint8_t record[RECORD_SIZE];

    cf_put_u32(record, (uint32_t)blob);
    cf_buffer_append(&partial->written, record, sizeof record);
    partial->unsaved += size;
}

/* First the bytes, then the word that they are there. */
static void work(cf_job *job)
{
    cf_partial_file *self = (cf_partial_file *)job;
    cf_files *files = self->options.env->files;

    self->status = files->sync_file(files, self->file, &self->error);
    if (!self->status)
        self->status = files->write_at(files, self->note, self->note_size,
                                       cf_buffer_view(&self->under_way), &self->error);
    if (!self->status)
        self->status = files->sync_file(files, self->note, &self->error);
}

static void done(cf_job *job)
{
    cf_partial_file *self = (cf_partial_file *)job;

    self->saving = false;
    self->note_size += self->under_way.size;
    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
}

static void save(cf_partial_file *partial)
{
    cf_buffer swap = partial->under_way;

    partial->under_way = partial->written;
    partial->written = swap;
    cf_buffer_clear(&partial->written);
    partial->unsaved = 0;
    partial->saving = true;
    partial->job = (cf_job){.work = work, .done = done};
    partial->options.env->jobs->submit(partial->options.env->jobs, &partial->job);
}

cf_status cf_partial_file_step(cf_partial_file *partial, bool all, bool *busy, cf_error *error)
{
    if (!partial->saving && !partial->status && partial->written.size &&
        (all || partial->unsaved >= NOTE_EVERY))
        save(partial);
    *busy = partial->saving;
    if (!partial->saving && partial->status)
        *error = partial->error;
    return partial->saving ? CF_OK : partial->status;
}
