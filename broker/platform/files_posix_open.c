/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: read, written, synced, locked, cloned. What is no regular file is refused when it is
 * opened, and holds nobody up. */
#include "broker/platform/files_posix_inside.h"

#include "broker/platform/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct cf_file {
    int descriptor;
    char shown[CF_NAME_SHOWN];
};

/* O_NONBLOCK: a FIFO must not hold us up; it is refused here. */
static cf_status open_with(const cf_folder *folder, cf_bytes name, int flags, uint32_t mode,
                           cf_file **out, cf_error *error)
{
    cf_posix_name text;
    struct stat raw;

    cf_status status = cf_posix_name_of(folder, name, &text, error);
    if (status)
        return status;
    int descriptor = cf_posix_open(folder, text.text, flags | O_NONBLOCK | O_NOCTTY, mode);
    if (descriptor < 0 && (errno == ENXIO || errno == ENODEV))
        errno = EEXIST; /* a FIFO, a socket, a device */
    if (descriptor < 0)
        return cf_posix_fail(folder, name, flags & O_CREAT ? "making" : "opening", error);
    if (fstat(descriptor, &raw) != 0) {
        status = cf_posix_fail(folder, name, "examining", error);
        close(descriptor);
        return status;
    }
    cf_file *file = cf_allocate(1, sizeof *file);
    file->descriptor = descriptor;
    cf_posix_show(folder, name, file->shown);
    if (!S_ISREG(raw.st_mode)) {
        status = cf_fail(error, CF_CHANGED, "opening %s: not a regular file", file->shown);
        close(descriptor);
        free(file);
        return status;
    }
    *out = file;
    return CF_OK;
}

static cf_status open_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error)
{
    (void)files;
    return open_with(folder, name, O_RDONLY, 0, out, error);
}

static cf_status create_file(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                             cf_file **out, cf_error *error)
{
    (void)files;
    return open_with(folder, name, O_RDWR | O_CREAT | O_EXCL, mode & 07777, out, error);
}

static cf_status reopen_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                             cf_error *error)
{
    (void)files;
    return open_with(folder, name, O_RDWR, 0, out, error);
}

static cf_status refuse_locked(const cf_folder *folder, const cf_file *file, cf_error *error)
{
    char who[CF_HOLDER_MAX + 1] = "";
    size_t size = 0, shown = 0;

    if (!cf_descriptor_read_at(file->descriptor, 0, who, CF_HOLDER_MAX, &size))
        size = 0;
    while (shown < size && who[shown] >= ' ' && who[shown] <= '~')
        shown++;
    who[shown] = '\0';
    if (shown == 0)
        strcpy(who, "unknown");
    return cf_fail(error, CF_LOCKED, "%s is in use by another process (%s)",
                   cf_posix_folder_shown(folder), who);
}

/* On a full disk nothing is. */
static cf_status write_holder(const cf_file *file, cf_error *error)
{
    char who[24];

    snprintf(who, sizeof who, "%ld", (long)getpid());
    if ((ftruncate(file->descriptor, 0) == 0 &&
         cf_descriptor_write_at(file->descriptor, 0, cf_bytes_of_text(who))) ||
        errno == ENOSPC || errno == EDQUOT)
        return CF_OK;
    return cf_posix_fail_shown(file->shown, "writing", error);
}

/* The lock is the system's; who has it is written there for the message above only, where anything
 * can be written. */
static cf_status lock(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                      cf_error *error)
{
    cf_file *file = NULL;
    cf_status status = open_with(folder, name, O_RDWR | O_CREAT, 0600, &file, error);
    const bool reads_only = status && error->number == EROFS;
    if (reads_only)
        status = open_with(folder, name, O_RDONLY, 0, &file, error);
    if (status)
        return status;
    if (flock(file->descriptor, LOCK_EX | LOCK_NB) != 0)
        status = errno == EWOULDBLOCK ? refuse_locked(folder, file, error)
                                      : cf_posix_fail_shown(file->shown, "locking", error);
    else if (!reads_only)
        status = write_holder(file, error);
    if (status)
        files->close_file(files, &file);
    else
        *out = file;
    return status;
}

static void close_file(cf_files *files, cf_file **file)
{
    (void)files;
    if (!file || !*file)
        return;
    close((*file)->descriptor);
    free(*file);
    *file = NULL;
}

static cf_status stat_file(cf_files *files, const cf_file *file, cf_stat *out, cf_error *error)
{
    struct statx raw;

    (void)files;
    if (statx(file->descriptor, "", AT_EMPTY_PATH, CF_POSIX_STAT, &raw) != 0)
        return cf_posix_fail_shown(file->shown, "examining", error);
    *out = cf_posix_stat(&raw);
    return CF_OK;
}

static cf_status read_at(cf_files *files, const cf_file *file, uint64_t offset, void *buffer,
                         size_t size, size_t *read, cf_error *error)
{
    (void)files;
    if (!cf_descriptor_read_at(file->descriptor, offset, buffer, size, read))
        return cf_posix_fail_shown(file->shown, "reading", error);
    return CF_OK;
}

/* The file was to have this size. What the process may not is none of the disk's doing: another
 * process may (setrlimit(2), RLIMIT_FSIZE). */
static cf_status fail_to_grow(const cf_file *file, const char *what, uint64_t size, cf_error *error)
{
    const int number = errno;
    struct rlimit limit;

    if (number == EFBIG && getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
        limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur)
        return cf_fail(error, CF_IO,
                       "%s %s: File too large: this process may write no more than %llu bytes of "
                       "a file (ulimit -f)",
                       what, file->shown, (unsigned long long)limit.rlim_cur);
    errno = number;
    return cf_posix_fail_shown(file->shown, what, error);
}

static cf_status write_at(cf_files *files, const cf_file *file, uint64_t offset, cf_bytes bytes,
                          cf_error *error)
{
    (void)files;
    if (!cf_descriptor_write_at(file->descriptor, offset, bytes))
        return fail_to_grow(file, "writing", offset + bytes.size, error);
    return CF_OK;
}

static cf_status truncate_file(cf_files *files, const cf_file *file, uint64_t size, cf_error *error)
{
    (void)files;
    if (ftruncate(file->descriptor, (off_t)size) != 0)
        return fail_to_grow(file, "setting the size of", size, error);
    return CF_OK;
}

static cf_status set_file_mode(cf_files *files, const cf_file *file, uint32_t mode, cf_error *error)
{
    (void)files;
    if (fchmod(file->descriptor, mode & 07777) != 0)
        return cf_posix_fail_shown(file->shown, "setting the mode of", error);
    return CF_OK;
}

static cf_status set_file_mtime(cf_files *files, const cf_file *file, int64_t mtime_ns,
                                cf_error *error)
{
    struct timespec times[2] = {{0}, cf_posix_time(mtime_ns)};
    struct stat now;

    (void)files;
    if (fstat(file->descriptor, &now) == 0) /* many FUSE file systems set both times, or none */
        times[0] = now.st_atim;
    else
        times[0].tv_nsec = UTIME_OMIT;
    if (futimens(file->descriptor, times) != 0)
        return cf_posix_fail_shown(file->shown, "setting the time of", error);
    return CF_OK;
}

bool cf_posix_sync(int descriptor)
{
    struct statvfs system;

    if (fsync(descriptor) == 0)
        return true;
    const int number = errno;
    const bool is_done = (number == EINVAL || number == EROFS) &&
                         fstatvfs(descriptor, &system) == 0 && system.f_flag & ST_RDONLY;
    errno = number;
    return is_done;
}

static cf_status sync_file(cf_files *files, const cf_file *file, cf_error *error)
{
    (void)files;
    if (!cf_posix_sync(file->descriptor))
        return cf_posix_fail_shown(file->shown, "making durable", error);
    return CF_OK;
}

/* Several files at once. Each is synced by itself, so that its errors are its own and nobody else's
 * writes are waited for, as syncfs(2) would; the journal of a file system takes those that come
 * together as one. */
enum { THREADS = 16 };

typedef struct {
    cf_files *files;
    cf_file_sync *syncs;
    size_t count;
    atomic_size_t next;
} syncing;

static void *sync_some(void *context)
{
    syncing *self = context;

    for (size_t i; (i = atomic_fetch_add(&self->next, 1)) < self->count;)
        self->syncs[i].status =
            self->files->sync_file(self->files, self->syncs[i].file, &self->syncs[i].error);
    return NULL;
}

/* What threads can't be had for, this one does. Signals are the main thread's. */
static void sync_files(cf_files *files, cf_file_sync *syncs, size_t count)
{
    syncing self = {.files = files, .syncs = syncs, .count = count};
    pthread_t threads[THREADS];
    size_t started = 0;
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < THREADS && started + 1 < count &&
           pthread_create(&threads[started], NULL, sync_some, &self) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sync_some(&self);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

static cf_status next_data(cf_files *files, const cf_file *file, uint64_t offset, uint64_t *from,
                           uint64_t *to, cf_error *error)
{
    struct stat raw;

    (void)files;
    if (fstat(file->descriptor, &raw) != 0)
        return cf_posix_fail_shown(file->shown, "examining", error);
    off_t end = raw.st_size;
    off_t data = lseek(file->descriptor, (off_t)offset, SEEK_DATA);
    off_t hole = data < 0 ? end : lseek(file->descriptor, data, SEEK_HOLE);
    if (data < 0 && errno == ENXIO) {
        data = end;
    } else if (data < 0 && (errno == EINVAL || errno == EOPNOTSUPP)) { /* it knows no holes */
        data = (off_t)offset < end ? (off_t)offset : end;
    } else if (data < 0 || (hole < 0 && errno != ENXIO)) {
        return cf_posix_fail_shown(file->shown, "looking for holes in", error);
    }
    *from = (uint64_t)data;
    *to = (uint64_t)(hole < 0 ? end : hole);
    return CF_OK;
}

static cf_writer_answer writer(cf_files *files, const cf_file *file)
{
    (void)files;
    if (fcntl(file->descriptor, F_SETLEASE, F_RDLCK) == 0) {
        fcntl(file->descriptor, F_SETLEASE, F_UNLCK);
        return CF_WRITER_NONE;
    }
    return errno == EAGAIN ? CF_WRITER_OPEN : CF_WRITER_UNKNOWN;
}

static cf_status clone_file(cf_files *files, const cf_file *source, const cf_file *target,
                            bool *cloned, cf_error *error)
{
    (void)files;
    if (ioctl(target->descriptor, FICLONE, source->descriptor) == 0) {
        *cloned = true;
        return CF_OK;
    }
    if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
        return cf_posix_fail_shown(target->shown, "cloning to", error);
    *cloned = false;
    return CF_OK;
}

void cf_posix_add_open_files(cf_files *files)
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
    files->clone = clone_file;
}
