/* SPDX-License-Identifier: Apache-2.0 */
/* One file or link, made in the temporary folder, in a job: bytes, mode and time, synced, so that
 * it only has to be put into its place. A download that can't be synced, or whose copy proves
 * wrong, is spoiled, and not gone on with. */
#include "codec/content.h"
#include "codec/pack.h"
#include "peer/sources/files/apply_inside.h"
#include "peer/merge/node_stat.h"
#include "peer/transfer/download_jobs.h"

enum { FILE_MODE = 0644 };

static cf_status finish_file(cf_files *files, cf_task *task, const cf_file *file, cf_error *error)
{
    const cf_shown *shown = task->step.shown;
    uint32_t kept = task->step.node ? task->step.node->stat.mode : FILE_MODE;
    cf_status status = CF_OK;
    int64_t mtime;

    if (!task->traits.loses_modes)
        status = files->set_file_mode(files, file, cf_mode_of(shown->mode, kept), error);
    if (!status && !task->traits.loses_times && cf_mtime_of(shown->mtime, &mtime))
        status = files->set_file_mtime(files, file, mtime, error);
    if (!status) {
        status = files->sync_file(files, file, error);
        task->spoiled = status != CF_OK;
    }
    if (!status)
        status = files->stat_file(files, file, &task->made_stat, error);
    return status;
}

static cf_status make_small(cf_files *files, const cf_folder *temporary, cf_task *task,
                            cf_error *error)
{
    cf_bytes name = cf_bytes_of_text(task->temporary);
    cf_file *file = NULL;
    cf_error ignored;

    cf_status status = files->create_file(files, temporary, name, 0600, &file, error);
    if (!status && task->small.size)
        status = files->write_at(files, file, 0, task->small, error);
    if (!status)
        status = finish_file(files, task, file, error);
    if (status && file)
        files->unlink(files, temporary, name, &ignored);
    files->close_file(files, &file);
    return status;
}

static cf_status finish_download(cf_files *files, const cf_folder *temporary, cf_task *task,
                                 cf_error *error)
{
    cf_file *file = NULL;
    cf_status status = CF_OK;

    /* A try before this one may have given it the mode of a file that nobody writes to. */
    if (!task->traits.loses_modes)
        status = files->set_mode(files, temporary, cf_bytes_of_text(task->partial), 0600, error);
    if (!status)
        status =
            files->reopen_file(files, temporary, cf_bytes_of_text(task->partial), &file, error);
    if (!status)
        status = finish_file(files, task, file, error);
    files->close_file(files, &file);
    return status;
}

/* The file was proved when it came: the copy is, now. */
static cf_status make_copy(cf_files *files, const cf_folder *temporary, cf_task *task,
                           cf_error *error)
{
    const cf_asked_content *asked = task->asked;
    cf_bytes name = cf_bytes_of_text(task->temporary);
    cf_file *from = NULL, *file = NULL;
    cf_buffer leaves = {0};
    cf_error ignored;

    cf_status status =
        files->open_file(files, temporary, cf_bytes_of_text(task->original), &from, error);
    if (!status)
        status = files->create_file(files, temporary, name, 0600, &file, error);
    if (!status)
        status = cf_file_copy(files, from, file, asked->size, error);
    if (!status)
        status = cf_file_prove(files, file, &asked->hash, asked->size, &leaves, error);
    bool spoiled = status == CF_FORGED || status == CF_CHANGED;
    if (!status)
        status = finish_file(files, task, file, error);
    task->spoiled = spoiled; /* not by a copy that isn't durable */
    if (status && file)
        files->unlink(files, temporary, name, &ignored);
    files->close_file(files, &from);
    files->close_file(files, &file);
    cf_buffer_release(&leaves);
    return status;
}

static cf_status make_link(cf_files *files, const cf_folder *temporary, cf_task *task,
                           cf_error *error)
{
    cf_bytes name = cf_bytes_of_text(task->temporary);
    cf_error ignored;

    if (task->traits.loses_symlinks)
        return cf_fail(error, CF_IO, "this disk keeps no links");
    cf_status status = files->make_link(files, temporary, name, task->small, error);
    if (status)
        return status;
    status = files->stat(files, temporary, name, &task->made_stat, error);
    if (status)
        files->unlink(files, temporary, name, &ignored);
    return status;
}

cf_status cf_task_make(cf_files *files, const cf_folder *temporary, cf_task *task, cf_error *error)
{
    if (task->step.shown->kind == CF_KIND_SYMLINK)
        return make_link(files, temporary, task, error);
    if (task->original[0])
        return make_copy(files, temporary, task, error);
    return task->partial[0] ? finish_download(files, temporary, task, error)
                            : make_small(files, temporary, task, error);
}
