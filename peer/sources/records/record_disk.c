/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what was read is the file at one moment: it had rested, nobody has it open to write, and
 * name, number, size and times are the same before and after. Whether an exchange stands: what came
 * out has the bytes that were read, else a user saved in the last moment, and both go back. */
#include "peer/sources/records/record_disk.h"

#include "codec/clock.h"
#include "codec/content.h"
#include "peer/adapters/record_format.h"
#include "peer/bindings/displaced.h"
#include "peer/merge/node_stat.h"

enum { STEP = 1 << 20 };

/* ---- Reading ---- */

/* A change within two ticks of the last one may leave no trace in the times. */
bool cf_record_disk_at_rest(const cf_files *files, const cf_stat *stat, uint64_t now_ms)
{
    static const int64_t SECOND = 1000000000;
    int64_t age = cf_ns_of_ms(now_ms) - stat->ctime_ns;

    return age > 2 * files->tick_ns || age <= -SECOND;
}

static cf_status read_bytes(cf_files *files, const cf_file *file, uint64_t size, cf_buffer *out,
                            cf_error *error)
{
    cf_buffer_clear(out);
    while (out->size < size) {
        size_t wanted = size - out->size < STEP ? size - out->size : STEP, got;
        cf_status status = files->read_at(files, file, out->size, cf_buffer_reserve(out, wanted),
                                          wanted, &got, error);

        if (status)
            return status;
        out->size += got;
        if (got < wanted)
            return cf_fail(error, CF_CHANGED, "it became shorter while it was read");
    }
    return CF_OK;
}

/* Reads the file, and leaves it open: what was read holds once the file is shut. */
static cf_status open_whole(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *stat,
                            cf_buffer *out, cf_file **file, cf_error *error)
{
    cf_status status = files->open_file(files, folder, name, file, error);
    if (!status && files->writer(files, *file) == CF_WRITER_OPEN)
        status = cf_fail(error, CF_CHANGED, "it is being written");
    if (!status)
        status = files->stat_file(files, *file, stat, error);
    if (!status && stat->size > CF_RECORD_FILE_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "%.*s is larger than 64 MiB: split it",
                         (int)name.size, (const char *)name.data);
    if (!status)
        status = read_bytes(files, *file, stat->size, out, error);
    if (status)
        files->close_file(files, file);
    return status;
}

/* CF_CHANGED: somebody wrote to the file meanwhile, or does. */
static cf_status shut(cf_files *files, const cf_stat *stat, cf_file **file, cf_error *error)
{
    cf_status status = CF_OK;
    cf_stat after;

    if (files->writer(files, *file) == CF_WRITER_OPEN)
        status = cf_fail(error, CF_CHANGED, "it is being written");
    if (!status)
        status = files->stat_file(files, *file, &after, error);
    if (!status && !cf_stat_unchanged(stat, &after))
        status = cf_fail(error, CF_CHANGED, "it was changed while it was read");
    files->close_file(files, file);
    return status;
}

/* All of the file of that name, as it was at one moment. */
static cf_status read_whole(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *stat,
                            cf_buffer *out, cf_error *error)
{
    cf_file *file = NULL;

    cf_status status = open_whole(files, folder, name, stat, out, &file, error);
    return status ? status : shut(files, stat, &file, error);
}

/* CF_CHANGED: the file is not at rest, or another one took its name while it was read. CF_OK
 * without a file: there is none. */
static cf_status open_named(cf_record_disk *disk, const cf_record_reading *how, cf_file **file,
                            cf_error *error)
{
    cf_files *files = disk->files;
    cf_stat named;

    cf_status status = files->stat(files, disk->folder, disk->name, &named, error);
    if (status == CF_MISSING)
        return CF_OK;
    if (!status && named.kind != CF_FILE_REGULAR)
        return cf_fail(error, CF_UNSAFE,
                       "%.*s is no file: put the file itself there, no link or folder",
                       (int)disk->name.size, (const char *)disk->name.data);
    if (!status && !cf_record_disk_at_rest(files, &named, how->now_ms))
        return cf_fail(error, CF_CHANGED, "it was changed just now");
    if (!status)
        status =
            open_whole(files, disk->folder, disk->name, &disk->stat, &disk->bytes, file, error);
    if (!status && !cf_stat_unchanged(&named, &disk->stat)) {
        files->close_file(files, file);
        status = cf_fail(error, CF_CHANGED, "it was replaced while it was read");
    }
    return status == CF_MISSING ? (error->status = CF_CHANGED) : status;
}

cf_status cf_record_disk_read_end(cf_record_disk *disk, cf_file **file, cf_file_sync *sync)
{
    cf_status status = sync->status;

    if (status)
        disk->files->close_file(disk->files, file);
    else
        status = shut(disk->files, &disk->stat, file, &sync->error);
    disk->there = !status;
    return status;
}

cf_status cf_record_disk_read_begin(cf_files *files, const cf_folder *folder, cf_bytes name,
                                    const cf_record_reading *how, cf_record_disk *out,
                                    cf_file **file, cf_error *error)
{
    *out = (cf_record_disk){.files = files, .folder = folder, .name = name};
    *file = NULL;
    cf_status status = open_named(out, how, file, error);
    bool durable =
        how->only_looks || (how->synced && cf_node_stat_untouched(how->synced, &out->stat));
    if (!status && *file && durable) {
        status = shut(files, &out->stat, file, error);
        out->there = !status;
    }
    return status;
}

cf_status cf_record_disk_read_in(cf_files *files, const cf_folder *folder, cf_bytes name,
                                 const cf_record_reading *how, cf_record_disk *out, cf_error *error)
{
    cf_file *file;

    cf_status status = cf_record_disk_read_begin(files, folder, name, how, out, &file, error);
    if (status || !file)
        return status;
    cf_file_sync sync = {.file = file};
    cf_files_sync_each(files, &sync, 1);
    status = cf_record_disk_read_end(out, &file, &sync);
    if (status)
        *error = sync.error;
    return status;
}

cf_status cf_record_disk_read(cf_files *files, const char *path, const cf_record_reading *how,
                              cf_record_disk *out, cf_error *error)
{
    cf_folder *above = NULL;
    cf_bytes name;

    *out = (cf_record_disk){.files = files};
    cf_status status = cf_files_open_above(files, path, &above, &name, error);
    if (status)
        return status;
    status = cf_record_disk_read_in(files, above, name, how, out, error);
    out->opened = above;
    if (!status && out->there && !how->only_looks)
        status = files->sync_folder(files, out->folder, error);
    return status;
}

void cf_record_disk_release(cf_record_disk *disk)
{
    if (disk->files)
        disk->files->close_folder(disk->files, &disk->opened);
    cf_buffer_release(&disk->bytes);
    *disk = (cf_record_disk){0};
}

/* ---- Making what replaces a file ---- */

/* Our new file goes; the user's is not touched. */
static void unmake(const cf_record_disk *disk, const cf_record_replacement *replacement)
{
    cf_error ignored;

    disk->files->unlink(disk->files, replacement->folder, replacement->name, &ignored);
}

cf_status cf_record_disk_begin(const cf_record_disk *disk, const cf_record_replacement *replacement,
                               cf_bytes bytes, cf_file **out, cf_error *error)
{
    cf_files *files = disk->files;

    cf_status status = files->create_file(files, replacement->folder, replacement->name,
                                          disk->there ? 0600 : 0666, out, error);
    if (status)
        return status == CF_CHANGED ? (error->status = CF_IO) : status;
    status = files->write_at(files, *out, 0, bytes, error);
    if (!status && disk->there)
        status = files->set_file_mode(files, *out, disk->stat.mode & 0777, error);
    if (status) {
        files->close_file(files, out);
        unmake(disk, replacement);
    }
    return status;
}

cf_status cf_record_disk_end(const cf_record_disk *disk, cf_record_replacement *replacement,
                             cf_file **file, cf_file_sync *sync)
{
    cf_files *files = disk->files;
    cf_status status = sync->status;

    if (!status)
        status = files->stat_file(files, *file, &replacement->ours, &sync->error);
    files->close_file(files, file);
    if (status)
        unmake(disk, replacement);
    return status;
}

cf_status cf_record_disk_make(const cf_record_disk *disk, cf_record_replacement *replacement,
                              cf_bytes bytes, cf_error *error)
{
    cf_file *file = NULL;

    cf_status status = cf_record_disk_begin(disk, replacement, bytes, &file, error);
    if (status)
        return status;
    cf_file_sync sync = {.file = file};
    cf_files_sync_each(disk->files, &sync, 1);
    status = cf_record_disk_end(disk, replacement, &file, &sync);
    if (status)
        *error = sync.error;
    return status;
}

static cf_displaced displaced_by(const cf_record_disk *disk, const cf_record_replacement *by)
{
    return (cf_displaced){disk->files, by->folder, by->name, disk->folder, disk->name};
}

bool cf_record_disk_give_up(const cf_record_disk *disk, const cf_record_replacement *replacement)
{
    cf_files *files = disk->files;
    const cf_displaced displaced = displaced_by(disk, replacement);
    cf_error ignored;
    cf_stat now;

    if (cf_displaced_is_torn(&displaced))
        return false;
    cf_status status = files->stat(files, replacement->folder, replacement->name, &now, &ignored);
    if (!status && cf_stat_same_file(&now, &replacement->ours))
        status = files->unlink(files, replacement->folder, replacement->name, &ignored);
    else if (!status)
        return false;
    return !status || status == CF_MISSING;
}

/* ---- Putting a file in its place ---- */

/* What was displaced is the file that was read, with its bytes, and nobody writes to it. */
static bool is_as_read(const cf_record_disk *disk, const cf_record_replacement *by)
{
    cf_buffer bytes = {0};
    cf_error ignored;
    cf_stat stat;

    bool same = read_whole(disk->files, by->folder, by->name, &stat, &bytes, &ignored) == CF_OK &&
                cf_stat_same_file(&stat, &disk->stat) && stat.mtime_ns == disk->stat.mtime_ns &&
                cf_bytes_equal(cf_buffer_view(&bytes), cf_buffer_view(&disk->bytes));
    cf_buffer_release(&bytes);
    return same;
}

/* Somebody has the file open for writing, or it can't be opened, so that nobody can tell. */
static bool is_written(const cf_record_disk *disk)
{
    cf_files *files = disk->files;
    cf_file *file = NULL;
    cf_error ignored;

    bool written = files->open_file(files, disk->folder, disk->name, &file, &ignored) ||
                   files->writer(files, file) == CF_WRITER_OPEN;
    files->close_file(files, &file);
    return written;
}

/* Puts our file in the place of the one that was read. Where what comes out is not what was read, a
 * user saved it in the last moment: both are put back. */
static cf_status exchange(const cf_record_disk *disk, const cf_record_replacement *by,
                          cf_error *error)
{
    cf_node_stat known = cf_node_stat_of(&by->ours);
    cf_displaced displaced = displaced_by(disk, by);

    if (is_written(disk))
        return cf_fail(error, CF_CHANGED, "it is being written");
    cf_status status = cf_displaced_swap(&displaced, &known, error);
    if (status)
        return status == CF_MISSING ? (error->status = CF_CHANGED) : status;
    if (is_as_read(disk, by))
        return CF_OK;
    status = cf_displaced_exchange(&displaced, &known, error);
    return status ? status : cf_fail(error, CF_CHANGED, "it was saved in the last moment");
}

/* Where a file was read ours is exchanged with that; where none was, ours gets the name only if the
 * name is free still. */
static cf_status put_in_place(const cf_record_disk *disk, const cf_record_replacement *by,
                              cf_error *error)
{
    cf_files *files = disk->files;

    if (!disk->there)
        return cf_files_place(files, by->folder, by->name, disk->folder, disk->name, error);
    cf_status status = exchange(disk, by, error);
    return status ? status : files->unlink(files, by->folder, by->name, error);
}

/* Our file stands there, unless a user has put something there since: that is not what was written.
 */
static void see_ours(cf_record_disk *disk, const cf_stat *ours)
{
    cf_error ignored;

    disk->there =
        disk->files->stat(disk->files, disk->folder, disk->name, &disk->stat, &ignored) == CF_OK &&
        cf_stat_same_file(&disk->stat, ours) && disk->stat.size == ours->size &&
        disk->stat.mtime_ns == ours->mtime_ns;
}

cf_status cf_record_disk_place(cf_record_disk *disk, const cf_record_replacement *replacement,
                               cf_error *error)
{
    cf_status status = put_in_place(disk, replacement, error);

    if (!status)
        see_ours(disk, &replacement->ours);
    return status;
}

cf_status cf_record_disk_delete(cf_record_disk *disk, const cf_record_replacement *by,
                                cf_error *error)
{
    cf_files *files = disk->files;
    cf_displaced displaced = displaced_by(disk, by);

    if (is_written(disk))
        return cf_fail(error, CF_CHANGED, "it is being written");
    cf_status status =
        cf_files_rename(files, disk->folder, disk->name, by->folder, by->name, error);
    if (status)
        return status == CF_MISSING ? (error->status = CF_CHANGED) : status;
    if (is_as_read(disk, by)) {
        disk->there = false;
        return files->unlink(files, by->folder, by->name, error);
    }
    status = cf_displaced_return(&displaced, error);
    return status ? status : cf_fail(error, CF_CHANGED, "it was saved in the last moment");
}

/* ---- After a crash ---- */

/* Whether what lies under the temporary name has one of these hashes. CF_MISSING: nothing does. */
static cf_status know(const cf_displaced *displaced, const cf_hash *known, size_t count,
                      bool *is_known, cf_error *error)
{
    cf_buffer bytes = {0};
    cf_stat stat;

    *is_known = false;
    cf_status status = read_whole(displaced->files, displaced->temporary, displaced->temporary_name,
                                  &stat, &bytes, error);
    if (!status) {
        cf_hash hash = cf_content_hash(cf_buffer_view(&bytes));

        for (size_t i = 0; i < count; i++)
            *is_known |= cf_hash_equal(&known[i], &hash);
    }
    cf_buffer_release(&bytes);
    return status;
}

/* What lies under the temporary name goes if its hash is known; else it returns. `*returned` is set
 * only then. */
static cf_status clear_one(const cf_displaced *displaced, const cf_hash *known, size_t count,
                           bool *returned, cf_error *error)
{
    cf_files *files = displaced->files;
    bool is_known;

    cf_status status = know(displaced, known, count, &is_known, error);
    if (status)
        return status == CF_MISSING ? CF_OK : status;
    if (is_known)
        return files->unlink(files, displaced->temporary, displaced->temporary_name, error);
    *returned = true;
    return cf_displaced_return(displaced, error);
}

cf_status cf_record_disk_is_anew(const cf_record_disk *disk, const cf_record_replacement *left,
                                 const cf_hash *known, size_t count, bool *anew, cf_error *error)
{
    cf_displaced aside = displaced_by(disk, left);
    char room[CF_SWAPPED_NAME];
    bool swapped, is_known;

    *anew = false;
    cf_status status = cf_displaced_finish(&aside, NULL, &swapped, error);
    if (status != CF_CHANGED)
        return status;
    aside.temporary_name = cf_displaced_aside(&aside, room);
    status = know(&aside, known, count ? 1 : 0, &is_known, error);
    *anew = !status && !is_known;
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_record_disk_clear(const cf_record_disk *disk, const cf_record_replacement *left,
                               const cf_hash *known, size_t count, cf_record_left *found,
                               cf_error *error)
{
    const cf_displaced displaced = displaced_by(disk, left);
    cf_displaced aside = displaced;
    char room[CF_SWAPPED_NAME];
    bool swapped, anew = false, saved = false;

    cf_status status = cf_displaced_finish(&displaced, NULL, &swapped, error);
    if (status == CF_CHANGED) {
        aside.temporary_name = cf_displaced_aside(&displaced, room);
        status = clear_one(&aside, known, count ? 1 : 0, &anew, error);
    }
    if (!status)
        status = clear_one(&displaced, known, count, &saved, error);
    *found = anew ? CF_RECORD_LEFT_ANEW : saved ? CF_RECORD_LEFT_SAVED : CF_RECORD_LEFT_NOTHING;
    return status;
}
