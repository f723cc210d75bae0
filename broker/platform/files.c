/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/platform/names.h"
#include "codec/arena.h"
#include "codec/secret.h"

bool cf_stat_same_file(const cf_stat *a, const cf_stat *b)
{
    return a->inode == b->inode && a->birth_ns == b->birth_ns &&
           (a->birth_ns != 0 || a->device == b->device);
}

bool cf_stat_unchanged(const cf_stat *a, const cf_stat *b)
{
    return cf_stat_same_file(a, b) && a->kind == b->kind && a->size == b->size &&
           a->mode == b->mode && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

bool cf_filesystem_equal(const cf_filesystem *a, const cf_filesystem *b)
{
    return a->device == b->device && a->type == b->type && a->id == b->id &&
           a->is_fuse == b->is_fuse && a->is_remote == b->is_remote &&
           a->renumbers == b->renumbers && a->is_read_only == b->is_read_only;
}

static cf_status too_long(const cf_folder *folder, cf_files *files, cf_bytes name, size_t limit,
                          cf_error *error)
{
    char shown[CF_NAME_SHOWN];

    cf_name_show(name, shown);
    return cf_fail(error, CF_TOO_LARGE, "%s/%s: longer than %zu bytes", files->shown(files, folder),
                   shown, limit);
}

bool cf_files_blame_disk(cf_error *error)
{
    const int number = error->number;

    if (number == EROFS)
        cf_fail(error, CF_IO, "this disk can't be written to; it is tried again once it can");
    else if (number == ENOSPC)
        cf_fail(error, CF_FULL, "this disk is full; it is tried again once there is room");
    else if (number == EDQUOT)
        cf_fail(error, CF_FULL, "your quota on this disk is used up; it is tried again");
    return number == EROFS || number == ENOSPC || number == EDQUOT;
}

enum { SMALL = 16 * 1024 };

cf_status cf_files_read(cf_files *files, const cf_folder *folder, cf_bytes name, size_t limit,
                        cf_buffer *out, cf_error *error)
{
    cf_file *file = NULL;
    cf_buffer bytes = {0};
    size_t read;

    cf_status status = files->open_file(files, folder, name, &file, error);
    if (status)
        goto done;
    /* Most files are small, and room for the largest one costs more than reading them. */
    for (size_t room = SMALL; status == CF_OK; room = limit + 1) {
        if (room > limit)
            room = limit + 1;
        cf_buffer_wipe(&bytes);
        cf_buffer_reserve(&bytes, room);
        status = files->read_at(files, file, 0, bytes.data, room, &read, error);
        bytes.size = status ? 0 : read;
        if (bytes.size < room || room > limit)
            break;
    }
    if (status == CF_OK && bytes.size > limit)
        status = too_long(folder, files, name, limit, error);
    if (status)
        goto done;
    cf_buffer_release(out);
    *out = bytes;
    bytes = (cf_buffer){0};
done:
    cf_buffer_release(&bytes);
    files->close_file(files, &file);
    return status;
}

/* The new file under its temporary name, durable. */
static cf_status write_beside(cf_files *files, const cf_folder *folder, cf_bytes name,
                              uint32_t mode, cf_bytes bytes, cf_error *error)
{
    cf_file *file = NULL;

    cf_status status = files->create_file(files, folder, name, mode, &file, error);
    if (status == CF_CHANGED) { /* left by a crash */
        status = files->unlink(files, folder, name, error);
        if (status == CF_OK)
            status = files->create_file(files, folder, name, mode, &file, error);
    }
    if (status == CF_OK)
        status = files->write_at(files, file, 0, bytes, error);
    if (status == CF_OK)
        status = files->sync_file(files, file, error);
    files->close_file(files, &file);
    return status;
}

cf_status cf_files_write(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                         cf_bytes bytes, cf_error *error)
{
    cf_buffer beside = {0};
    cf_error dropped;

    cf_buffer_append(&beside, name.data, name.size);
    cf_buffer_append_text(&beside, ".new");
    cf_bytes temporary = cf_buffer_view(&beside);

    cf_status status = write_beside(files, folder, temporary, mode, bytes, error);
    if (status == CF_OK)
        status = files->replace(files, folder, temporary, folder, name, error);
    if (status)
        files->unlink(files, folder, temporary, &dropped);
    else
        status = files->sync_folder(files, folder, error);
    cf_buffer_release(&beside);
    return status;
}

bool cf_files_has_failed(const cf_error *error)
{
    static const int failures[] = {
        0, /* no word of the system's */
        EIO,
        ESTALE,
        ENXIO,
        ENODEV,
        ENOTCONN,
        ETIMEDOUT,
        EHOSTDOWN,
        EREMOTEIO,
        EBADMSG,
        EHOSTUNREACH,
        ESHUTDOWN,
        EUCLEAN,
        EMFILE,
        ENFILE,
        ENOMEM,
        EAGAIN,
        EINTR,
        /* of shares, and of who serves them */
        ECONNRESET,
        ECONNABORTED,
        ECONNREFUSED,
        EPIPE,
        ENETDOWN,
        ENETUNREACH,
        ENETRESET,
        ENOLINK,
        ENOMEDIUM,
        EPROTO,
        ECOMM,
        ENOKEY,
        EKEYEXPIRED,
        ENOBUFS,
        ENOLCK,
    };

    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        if (error->status == CF_IO && error->number == failures[i])
            return true;
    return false;
}

void cf_files_sync_each(cf_files *files, cf_file_sync *syncs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        syncs[i].status = files->sync_file(files, syncs[i].file, &syncs[i].error);
}

typedef struct {
    cf_arena *arena;
    cf_folder_names names;
    size_t capacity;
} name_list;

static bool collect(void *context, cf_bytes name)
{
    name_list *list = context;

    *cf_one_more(list->names.at, list->names.count, list->capacity) =
        cf_arena_copy(list->arena, name);
    return true;
}

cf_status cf_files_names(cf_files *files, const cf_folder *folder, cf_arena *arena,
                         cf_folder_names *out, cf_error *error)
{
    name_list list = {.arena = arena};

    cf_status status = files->list(files, folder, collect, &list, error);
    if (status)
        free(list.names.at);
    else
        *out = list.names;
    return status;
}

static cf_status open_each(cf_files *files, const cf_folder *parent, const cf_bytes *names,
                           size_t count, cf_folder **out, cf_error *error)
{
    cf_folder *held = NULL, *below = NULL;
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        status = files->open_folder(files, held ? held : parent, names[i], &below, error);
        files->close_folder(files, &held);
        held = below;
        below = NULL;
    }
    if (!status)
        *out = held;
    return status;
}

/* What fails is tried again name by name: the error tells which of them it is. */
cf_status cf_files_open_below(cf_files *files, const cf_folder *parent, const cf_bytes *names,
                              size_t count, cf_folder **out, cf_error *error)
{
    if (count > 1 && files->open_below &&
        files->open_below(files, parent, names, count, out, error) == CF_OK)
        return CF_OK;
    return open_each(files, parent, names, count, out, error);
}

static cf_status remove_folder(cf_files *files, const cf_folder *above, cf_bytes name,
                               cf_error *error)
{
    cf_folder *folder = NULL;
    cf_arena arena = {0};
    cf_folder_names names = {0};

    cf_status status = files->open_folder(files, above, name, &folder, error);
    if (!status)
        status = cf_files_names(files, folder, &arena, &names, error);
    for (size_t i = 0; !status && i < names.count; i++)
        status = cf_files_remove(files, folder, names.at[i], error);
    files->close_folder(files, &folder);
    free(names.at);
    cf_arena_release(&arena);
    return status ? status : files->remove_folder(files, above, name, error);
}

cf_status cf_files_remove(cf_files *files, const cf_folder *folder, cf_bytes name, cf_error *error)
{
    cf_status status = files->unlink(files, folder, name, error);

    if (status == CF_CHANGED)
        status = remove_folder(files, folder, name, error);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_files_open_above(cf_files *files, const char *path, cf_folder **out, cf_bytes *name,
                              cf_error *error)
{
    cf_buffer above = {0};
    size_t end = strlen(path), start;

    while (end && path[end - 1] == '/')
        end--;
    for (start = end; start && path[start - 1] != '/';)
        start--;
    cf_bytes last = cf_bytes_of(path + start, end - start);
    if (!cf_name_valid(last))
        return cf_fail(error, CF_USAGE, "%s is no path of a folder that can be made", path);
    cf_buffer_append(&above, start ? path : ".", start ? start : 1);
    cf_buffer_append(&above, "", 1);
    cf_status status = files->open_root(files, (const char *)above.data, out, error);
    cf_buffer_release(&above);
    if (!status)
        *name = last;
    return status;
}

/* How many of the bytes lie in one block of the file. */
static size_t in_block(uint64_t offset, size_t size)
{
    const size_t left = (size_t)(CF_HOLE_BLOCK - offset % CF_HOLE_BLOCK);

    return left < size ? left : size;
}

cf_status cf_files_write_sparse(cf_files *files, const cf_file *file, uint64_t offset,
                                cf_bytes bytes, cf_error *error)
{
    cf_status status = CF_OK;
    size_t from = 0, to = 0, size;

    for (; !status && to < bytes.size; to += size) {
        size = in_block(offset + to, bytes.size - to);
        if (!cf_bytes_are_zero(cf_bytes_of(bytes.data + to, size)))
            continue;
        if (from < to)
            status = files->write_at(files, file, offset + from,
                                     cf_bytes_of(bytes.data + from, to - from), error);
        from = to + size;
    }
    if (!status && from < to)
        status = files->write_at(files, file, offset + from,
                                 cf_bytes_of(bytes.data + from, to - from), error);
    return status;
}

static cf_status read_source(void *context, uint64_t offset, void *buffer, size_t size,
                             cf_error *error)
{
    cf_file_bytes *bytes = context;
    size_t read;

    cf_status status =
        bytes->files->read_at(bytes->files, bytes->file, offset, buffer, size, &read, error);
    if (status)
        return status;
    return read == size ? CF_OK : cf_fail(error, CF_CHANGED, "a file became shorter while read");
}

cf_reader_at cf_reader_of_file(cf_file_bytes *bytes, uint64_t size)
{
    return (cf_reader_at){.read = read_source, .context = bytes, .size = size};
}

static cf_status write_sink(void *context, const void *data, size_t size, cf_error *error)
{
    cf_file_bytes *bytes = context;

    cf_status status = bytes->files->write_at(bytes->files, bytes->file, bytes->offset,
                                              cf_bytes_of(data, size), error);
    if (status == CF_OK)
        bytes->offset += size;
    return status;
}

cf_sink cf_sink_of_file(cf_file_bytes *bytes)
{
    return (cf_sink){.write = write_sink, .context = bytes};
}

static cf_status write_sparse_sink(void *context, const void *data, size_t size, cf_error *error)
{
    cf_file_bytes *bytes = context;

    cf_status status = cf_files_write_sparse(bytes->files, bytes->file, bytes->offset,
                                             cf_bytes_of(data, size), error);
    if (status == CF_OK)
        bytes->offset += size;
    return status;
}

cf_sink cf_sparse_sink_of_file(cf_file_bytes *bytes)
{
    return (cf_sink){.write = write_sparse_sink, .context = bytes};
}

/* ---- Renaming ---- */

/* Names that are new, on file systems whose rename takes no flags. */

typedef struct {
    const cf_folder *folder;
    cf_bytes name;
} place;

static cf_status taken(cf_files *files, place at, cf_error *error)
{
    char shown[CF_NAME_SHOWN];

    cf_name_show(at.name, shown);
    return cf_fail(error, CF_CHANGED, "renaming to %s/%s: File exists",
                   files->shown(files, at.folder), shown);
}

static cf_status look_and_rename(cf_files *files, place from, place to, cf_error *error)
{
    cf_stat there;

    cf_status status = files->stat(files, to.folder, to.name, &there, error);
    if (!status)
        return taken(files, to, error);
    if (status != CF_MISSING)
        return status;
    return files->replace(files, from.folder, from.name, to.folder, to.name, error);
}

static bool is_same_file(cf_files *files, place a, place b)
{
    cf_stat at_a, at_b;
    cf_error ignored;

    return files->stat(files, a.folder, a.name, &at_a, &ignored) == CF_OK &&
           files->stat(files, b.folder, b.name, &at_b, &ignored) == CF_OK &&
           cf_stat_same_file(&at_a, &at_b);
}

/* CF_UNSAFE: it can't be linked, or the file system makes up a number for each name, and the file
 * would seem to be another one. */
static cf_status link_and_unlink(cf_files *files, place from, place to, cf_error *error)
{
    cf_error ignored;

    cf_status status = files->link(files, from.folder, from.name, to.folder, to.name, error);
    if (status)
        return status;
    if (!is_same_file(files, from, to)) {
        files->unlink(files, to.folder, to.name, &ignored);
        return cf_fail(error, CF_UNSAFE, "a link is another file here");
    }
    status = files->unlink(files, from.folder, from.name, error);
    if (status && is_same_file(files, from, to))
        files->unlink(files, to.folder, to.name, &ignored);
    return status;
}

cf_status cf_files_rename(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                          const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_status status = files->rename(files, from_folder, from, to_folder, to, error);

    if (status == CF_UNSAFE)
        status = look_and_rename(files, (place){from_folder, from}, (place){to_folder, to}, error);
    return status;
}

cf_status cf_files_place(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                         const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    const place here = {from_folder, from}, there = {to_folder, to};

    cf_status status = files->rename(files, from_folder, from, to_folder, to, error);
    if (status == CF_UNSAFE)
        status = link_and_unlink(files, here, there, error);
    if (status == CF_UNSAFE)
        status = look_and_rename(files, here, there, error);
    return status;
}
