/* SPDX-License-Identifier: Apache-2.0 */
/* What asks a disk, each call away from the coroutine's owner. All of it: who implements files may
 * know them by where they lie. */
#include "broker/platform/coroutine_inside.h"

#include <assert.h>

static cf_coroutine *of(cf_files *files)
{
    return (cf_coroutine *)((char *)files - offsetof(cf_coroutine, files));
}

static cf_files *leave(cf_files *files)
{
    cf_coroutine_leave(of(files));
    return of(files)->asked;
}

static cf_status enter(cf_files *files, cf_status status)
{
    cf_coroutine_enter(of(files));
    return status;
}

static cf_status make_root(cf_files *files, const char *path, uint32_t mode, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->make_root(real, path, mode, error));
}

static cf_status open_root(cf_files *files, const char *path, cf_folder **out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->open_root(real, path, out, error));
}

static cf_status open_folder(cf_files *files, const cf_folder *parent, cf_bytes name,
                             cf_folder **out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->open_folder(real, parent, name, out, error));
}

static cf_status open_below(cf_files *files, const cf_folder *parent, const cf_bytes *names,
                            size_t count, cf_folder **out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->open_below(real, parent, names, count, out, error));
}

static cf_status make_folder(cf_files *files, const cf_folder *parent, cf_bytes name, uint32_t mode,
                             cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->make_folder(real, parent, name, mode, error));
}

static void close_folder(cf_files *files, cf_folder **folder)
{
    cf_files *real = leave(files);

    real->close_folder(real, folder);
    enter(files, CF_OK);
}

static void rest_folder(cf_files *files, cf_folder *folder, const cf_folder *above)
{
    cf_files *real = leave(files);

    real->rest_folder(real, folder, above);
    enter(files, CF_OK);
}

static cf_status stat_folder(cf_files *files, const cf_folder *folder, cf_stat *out,
                             cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->stat_folder(real, folder, out, error));
}

static cf_status is_below(cf_files *files, const cf_folder *folder, const cf_folder *root,
                          bool *out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->is_below(real, folder, root, out, error));
}

static cf_status list_names(cf_files *files, const cf_folder *folder, cf_name_visit *visit,
                            void *context, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->list(real, folder, visit, context, error));
}

static cf_status sync_folder(cf_files *files, const cf_folder *folder, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->sync_folder(real, folder, error));
}

static cf_status free_bytes(cf_files *files, const cf_folder *folder, uint64_t *out,
                            uint64_t *whole, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->free_bytes(real, folder, out, whole, error));
}

static cf_status filesystem(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                            cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->filesystem(real, folder, out, error));
}

static int descriptor(cf_files *files, const cf_folder *folder)
{
    return of(files)->asked->descriptor(of(files)->asked, folder);
}

static const char *shown(cf_files *files, const cf_folder *folder)
{
    return of(files)->asked->shown(of(files)->asked, folder);
}

static cf_status stat_name(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                           cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->stat(real, folder, name, out, error));
}

static cf_status stat_now(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                          cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->stat_now(real, folder, name, out, error));
}

static bool readable(cf_files *files, const cf_folder *folder, cf_bytes name)
{
    cf_files *real = leave(files);

    const bool answer = real->readable(real, folder, name);
    enter(files, CF_OK);
    return answer;
}

static cf_status read_link(cf_files *files, const cf_folder *folder, cf_bytes name,
                           cf_buffer *target, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->read_link(real, folder, name, target, error));
}

static cf_status make_link(cf_files *files, const cf_folder *folder, cf_bytes name, cf_bytes target,
                           cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->make_link(real, folder, name, target, error));
}

static cf_status link_name(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                           const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->link(real, from_folder, from, to_folder, to, error));
}

static cf_status rename_name(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                             const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->rename(real, from_folder, from, to_folder, to, error));
}

static cf_status exchange(cf_files *files, const cf_folder *a_folder, cf_bytes a,
                          const cf_folder *b_folder, cf_bytes b, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->exchange(real, a_folder, a, b_folder, b, error));
}

static cf_status replace(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                         const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->replace(real, from_folder, from, to_folder, to, error));
}

static cf_status unlink_name(cf_files *files, const cf_folder *folder, cf_bytes name,
                             cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->unlink(real, folder, name, error));
}

static cf_status remove_folder(cf_files *files, const cf_folder *folder, cf_bytes name,
                               cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->remove_folder(real, folder, name, error));
}

static cf_status set_mode(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                          cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->set_mode(real, folder, name, mode, error));
}

static cf_status set_mtime(cf_files *files, const cf_folder *folder, cf_bytes name,
                           int64_t mtime_ns, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->set_mtime(real, folder, name, mtime_ns, error));
}

static cf_status open_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->open_file(real, folder, name, out, error));
}

static cf_status create_file(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                             cf_file **out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->create_file(real, folder, name, mode, out, error));
}

static cf_status reopen_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                             cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->reopen_file(real, folder, name, out, error));
}

static cf_status lock_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->lock(real, folder, name, out, error));
}

static void close_file(cf_files *files, cf_file **file)
{
    cf_files *real = leave(files);

    real->close_file(real, file);
    enter(files, CF_OK);
}

static cf_status stat_file(cf_files *files, const cf_file *file, cf_stat *out, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->stat_file(real, file, out, error));
}

static cf_status read_at(cf_files *files, const cf_file *file, uint64_t offset, void *buffer,
                         size_t size, size_t *read, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->read_at(real, file, offset, buffer, size, read, error));
}

static cf_status write_at(cf_files *files, const cf_file *file, uint64_t offset, cf_bytes bytes,
                          cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->write_at(real, file, offset, bytes, error));
}

static cf_status cut(cf_files *files, const cf_file *file, uint64_t size, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->truncate(real, file, size, error));
}

static cf_status set_file_mode(cf_files *files, const cf_file *file, uint32_t mode, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->set_file_mode(real, file, mode, error));
}

static cf_status set_file_mtime(cf_files *files, const cf_file *file, int64_t mtime_ns,
                                cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->set_file_mtime(real, file, mtime_ns, error));
}

static cf_status sync_file(cf_files *files, const cf_file *file, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->sync_file(real, file, error));
}

static void sync_files(cf_files *files, cf_file_sync *syncs, size_t count)
{
    cf_files *real = leave(files);

    real->sync_files(real, syncs, count);
    enter(files, CF_OK);
}

static cf_status next_data(cf_files *files, const cf_file *file, uint64_t offset, uint64_t *from,
                           uint64_t *to, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->next_data(real, file, offset, from, to, error));
}

static cf_writer_answer writer(cf_files *files, const cf_file *file)
{
    cf_files *real = leave(files);

    const cf_writer_answer answer = real->writer(real, file);
    enter(files, CF_OK);
    return answer;
}

static cf_status clone_file(cf_files *files, const cf_file *source, const cf_file *target,
                            bool *cloned, cf_error *error)
{
    cf_files *real = leave(files);

    return enter(files, real->clone(real, source, target, cloned, error));
}

/* Where there is no shorter way, or nothing to rest, that stays so. */
cf_files *cf_coroutine_files(cf_coroutine *self, cf_files *files)
{
    assert(!self->asked || self->asked == files);
    self->asked = files;
    self->files = (cf_files){
        .make_root = make_root,
        .open_root = open_root,
        .open_folder = open_folder,
        .open_below = files->open_below ? open_below : NULL,
        .make_folder = make_folder,
        .close_folder = close_folder,
        .rest_folder = files->rest_folder ? rest_folder : NULL,
        .stat_folder = stat_folder,
        .is_below = is_below,
        .list = list_names,
        .sync_folder = sync_folder,
        .free_bytes = free_bytes,
        .filesystem = filesystem,
        .descriptor = descriptor,
        .shown = shown,
        .stat = stat_name,
        .stat_now = stat_now,
        .readable = readable,
        .read_link = read_link,
        .make_link = make_link,
        .link = link_name,
        .rename = rename_name,
        .exchange = exchange,
        .replace = replace,
        .unlink = unlink_name,
        .remove_folder = remove_folder,
        .set_mode = set_mode,
        .set_mtime = set_mtime,
        .open_file = open_file,
        .create_file = create_file,
        .reopen_file = reopen_file,
        .lock = lock_file,
        .close_file = close_file,
        .stat_file = stat_file,
        .read_at = read_at,
        .write_at = write_at,
        .truncate = cut,
        .set_file_mode = set_file_mode,
        .set_file_mtime = set_file_mtime,
        .sync_file = sync_file,
        .sync_files = sync_files,
        .next_data = next_data,
        .writer = writer,
        .clone = clone_file,
        .tick_ns = files->tick_ns,
    };
    return &self->files;
}
