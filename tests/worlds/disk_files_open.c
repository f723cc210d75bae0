/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/disk_inside.h"

#include <stdlib.h>

static cf_file *hold(const cf_folder *folder, cf_bytes name, disk_node *node, bool writes)
{
    cf_file *file = cf_allocate(1, sizeof *file);

    file->on = folder->on;
    file->node = node;
    file->epoch = folder->on->epoch;
    file->writes = writes;
    disk_join(cf_buffer_view(&folder->path), name, &file->path);
    disk_node_open(node, writes);
    return file;
}

static cf_status fail(const cf_file *file, int number, const char *what, cf_error *error)
{
    return disk_fail(cf_buffer_view(&file->path), (cf_bytes){0}, number, what, error);
}

static int may_open(const disk_node *node, unsigned how)
{
    if (node->kind == CF_FILE_LINK)
        return ELOOP;
    if (node->kind != CF_FILE_REGULAR)
        return EISDIR;
    return disk_allows(node, how) ? 0 : EACCES;
}

static cf_status open_with(const cf_folder *folder, cf_bytes name, bool writes, cf_file **out,
                           cf_error *error)
{
    disk_node *node;

    int number = disk_enter(folder, name, writes ? DISK_CHANGES : DISK_READS);
    if (number == 0)
        number = disk_find(folder->on, (disk_place){folder->node, name}, &node);
    if (number == 0)
        number = may_open(node, writes ? DISK_READ | DISK_WRITE : DISK_READ);
    if (number)
        return disk_fail_at(folder, name, number, "opening", error);
    *out = hold(folder, name, node, writes);
    return CF_OK;
}

static cf_status open_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error)
{
    (void)files;
    return open_with(folder, name, false, out, error);
}

static cf_status create_file(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                             cf_file **out, cf_error *error)
{
    disk_node *node;

    (void)files;
    int number = disk_enter(folder, name, DISK_ADDS);
    if (number == 0)
        number = disk_create(folder->on, (disk_place){folder->node, name}, CF_FILE_REGULAR,
                             mode & 07777 & ~(uint32_t)DISK_UMASK, &node);
    if (number)
        return disk_fail_at(folder, name, number, "making", error);
    *out = hold(folder, name, node, true);
    return CF_OK;
}

static cf_status reopen_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                             cf_error *error)
{
    (void)files;
    return open_with(folder, name, true, out, error);
}

static cf_status lock(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                      cf_error *error)
{
    cf_status status = open_with(folder, name, true, out, error);

    if (status == CF_MISSING)
        status = create_file(files, folder, name, 0600, out, error);
    if (status)
        return status;
    if ((*out)->node->is_locked) {
        files->close_file(files, out);
        return cf_fail(error, CF_LOCKED, "%s is in use by another process (simulated)",
                       files->shown(files, folder));
    }
    (*out)->node->is_locked = (*out)->locks = true;
    return CF_OK;
}

static void close_file(cf_files *files, cf_file **file)
{
    (void)files;
    if (!file || !*file)
        return;
    if ((*file)->locks && !disk_alive((*file)->node, (*file)->on, (*file)->epoch))
        (*file)->node->is_locked = false;
    disk_node_close((*file)->on, (*file)->node, (*file)->writes, (*file)->epoch);
    cf_buffer_release(&(*file)->path);
    free(*file);
    *file = NULL;
}

static int enter(const cf_file *file, disk_call call)
{
    int number = disk_alive(file->node, file->on, file->epoch);

    return number ? number : disk_fault(file->on, call);
}

static cf_status stat_file(cf_files *files, const cf_file *file, cf_stat *out, cf_error *error)
{
    (void)files;
    int number = enter(file, DISK_READS);
    if (number)
        return fail(file, number, "examining", error);
    *out = disk_stat_of(file->on, file->node);
    return CF_OK;
}

/* How much of it comes to pass before a fault. */
static size_t part_of(disk *self, size_t size)
{
    return disk_random(&self->fault_random, size + 1);
}

static cf_status read_at(cf_files *files, const cf_file *file, uint64_t offset, void *buffer,
                         size_t size, size_t *read, cf_error *error)
{
    (void)files;
    int number = enter(file, DISK_READS);
    if (number == EIO)
        disk_content_read(&file->node->now.content, offset, buffer, part_of(file->on, size));
    if (number)
        return fail(file, number, "reading", error);
    *read = disk_content_read(&file->node->now.content, offset, buffer, size);
    return CF_OK;
}

static cf_status write_at(cf_files *files, const cf_file *file, uint64_t offset, cf_bytes bytes,
                          cf_error *error)
{
    (void)files;
    int number = file->writes ? disk_alive(file->node, file->on, file->epoch) : EBADF;
    if (number == 0) {
        number = disk_fault(file->on, DISK_ADDS);
        if (number)
            bytes.size = file->on->is_cut ? 0 : part_of(file->on, bytes.size);
        int written = disk_write(file->on, file->node, offset, bytes);
        number = number ? number : written;
    }
    return number ? fail(file, number, "writing", error) : CF_OK;
}

static cf_status truncate_file(cf_files *files, const cf_file *file, uint64_t size, cf_error *error)
{
    (void)files;
    int number = file->writes ? enter(file, DISK_CHANGES) : EINVAL;
    if (number == 0)
        number = disk_truncate(file->on, file->node, size);
    return number ? fail(file, number, "setting the size of", error) : CF_OK;
}

static cf_status set_file_mode(cf_files *files, const cf_file *file, uint32_t mode, cf_error *error)
{
    (void)files;
    int number = enter(file, DISK_CHANGES);
    if (number == 0)
        number = disk_set_mode(file->on, file->node, mode);
    return number ? fail(file, number, "setting the mode of", error) : CF_OK;
}

static cf_status set_file_mtime(cf_files *files, const cf_file *file, int64_t mtime_ns,
                                cf_error *error)
{
    (void)files;
    int number = enter(file, DISK_CHANGES);
    if (number == 0)
        number = disk_set_mtime(file->on, file->node, mtime_ns);
    return number ? fail(file, number, "setting the time of", error) : CF_OK;
}

static cf_status sync_file(cf_files *files, const cf_file *file, cf_error *error)
{
    disk *self = file->on;

    (void)files;
    int number = enter(file, DISK_SYNCS);
    if (number == EIO && !self->is_cut)
        disk_node_sync_fails(self, file->node);
    if (number)
        return fail(file, number, "making durable", error);
    disk_node_sync(file->node);
    if (self->options.names_follow_files)
        disk_steps_commit(self, file->node->place_step);
    return CF_OK;
}

/* In any order, so that a power cut may leave any of them behind. */
static void sync_files(cf_files *files, cf_file_sync *syncs, size_t count)
{
    size_t *order = cf_allocate(count, sizeof *order);

    for (size_t i = 0; i < count; i++) {
        size_t at = disk_random(&syncs[i].file->on->fault_random, i + 1);

        order[i] = order[at];
        order[at] = i;
    }
    for (size_t i = 0; i < count; i++)
        cf_files_sync_each(files, &syncs[order[i]], 1);
    free(order);
}

static cf_status next_data(cf_files *files, const cf_file *file, uint64_t offset, uint64_t *from,
                           uint64_t *to, cf_error *error)
{
    (void)files;
    int number = enter(file, DISK_READS);
    if (number)
        return fail(file, number, "looking for holes in", error);
    disk_content_next(&file->node->now.content, offset, from, to);
    return CF_OK;
}

static cf_writer_answer writer(cf_files *files, const cf_file *file)
{
    (void)files;
    if (disk_alive(file->node, file->on, file->epoch) || file->node->is_foreign)
        return CF_WRITER_UNKNOWN;
    return file->node->open_writers ? CF_WRITER_OPEN : CF_WRITER_NONE;
}

static cf_status clone(cf_files *files, const cf_file *source, const cf_file *target, bool *cloned,
                       cf_error *error)
{
    (void)files;
    int number = enter(target, DISK_ADDS);
    if (number == 0)
        number = disk_alive(source->node, source->on, source->epoch);
    if (number == 0 && (source->on != target->on || !target->writes))
        number = EXDEV;
    if (number == 0)
        number = disk_clone(target->on, source->node, target->node);
    if (number == ENOSPC || number == EIO || number == ESTALE)
        return fail(target, number, "cloning to", error);
    *cloned = number == 0;
    return CF_OK;
}

void disk_add_open_files(cf_files *files)
{
    files->open_file = open_file;
    files->create_file = create_file;
    files->reopen_file = reopen_file;
    files->lock = lock;
    files->close_file = close_file;
    files->stat_file = stat_file;
    files->read_at = read_at;
    files->write_at = write_at;
    files->truncate = truncate_file;
    files->set_file_mode = set_file_mode;
    files->set_file_mtime = set_file_mtime;
    files->sync_file = sync_file;
    files->sync_files = sync_files;
    files->next_data = next_data;
    files->writer = writer;
    files->clone = clone;
}
