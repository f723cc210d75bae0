/* SPDX-License-Identifier: Apache-2.0 */
/* Held folders; names are in files_posix_names.c, open files in files_posix_open.c. */
#include "broker/files_posix.h"

#include "broker/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void cf_posix_show(const cf_folder *folder, cf_bytes name, char out[CF_NAME_SHOWN])
{
    cf_buffer path = {0};

    cf_buffer_append(&path, folder->path.data, folder->path.size);
    if (path.size == 0 || path.data[path.size - 1] != '/')
        cf_buffer_append(&path, "/", 1);
    cf_buffer_append(&path, name.data, name.size);
    cf_name_show(cf_buffer_view(&path), out);
    cf_buffer_release(&path);
}

cf_status cf_posix_fail_shown(const char *shown, const char *what, cf_error *error)
{
    int number = errno;

    cf_status status = cf_fail_errno(error, number, "%s %s", what, shown);
    switch (number) {
    case EEXIST:
    case ENOTEMPTY:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
        status = CF_CHANGED;
        break;
    case EXDEV:
        status = CF_USAGE;
        break;
    default:
        break;
    }
    error->status = status;
    return status;
}

cf_status cf_posix_fail(const cf_folder *folder, cf_bytes name, const char *what, cf_error *error)
{
    char shown[CF_NAME_SHOWN];
    int number = errno;

    cf_posix_show(folder, name, shown);
    errno = number;
    return cf_posix_fail_shown(shown, what, error);
}

cf_status cf_posix_fail_path(const char *path, const char *what, cf_error *error)
{
    char shown[CF_NAME_SHOWN];
    int number = errno;

    cf_name_show(cf_bytes_of_text(path), shown);
    errno = number;
    return cf_posix_fail_shown(shown, what, error);
}

cf_status cf_posix_name_of(const cf_folder *folder, cf_bytes name, cf_posix_name *out,
                           cf_error *error)
{
    char shown[CF_NAME_SHOWN];

    if (!cf_name_valid(name)) {
        cf_posix_show(folder, name, shown);
        return cf_fail(error, CF_MALFORMED, "%s: no file can have this name", shown);
    }
    memcpy(out->text, name.data, name.size);
    out->text[name.size] = '\0';
    return CF_OK;
}

int cf_posix_open(const cf_folder *folder, const char *name, int flags, uint32_t mode)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };

    return (int)syscall(SYS_openat2, folder->descriptor, name, &how, sizeof how);
}

static int64_t nanoseconds(struct statx_timestamp time)
{
    int64_t result;

    if (__builtin_mul_overflow(time.tv_sec, INT64_C(1000000000), &result) ||
        __builtin_add_overflow(result, (int64_t)time.tv_nsec, &result))
        return time.tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return result;
}

static cf_file_kind kind_of(uint16_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return CF_FILE_REGULAR;
    case S_IFDIR:
        return CF_FILE_FOLDER;
    case S_IFLNK:
        return CF_FILE_LINK;
    case S_IFIFO:
        return CF_FILE_FIFO;
    case S_IFSOCK:
        return CF_FILE_SOCKET;
    default:
        return CF_FILE_DEVICE;
    }
}

cf_stat cf_posix_stat(const struct statx *raw)
{
    return (cf_stat){
        .kind = kind_of(raw->stx_mode),
        .device = (uint64_t)raw->stx_dev_major << 32 | raw->stx_dev_minor,
        .inode = raw->stx_ino,
        .birth_ns = raw->stx_mask & STATX_BTIME ? nanoseconds(raw->stx_btime) : 0,
        .size = raw->stx_size,
        .mode = raw->stx_mode & 07777,
        .links = raw->stx_nlink,
        .mtime_ns = nanoseconds(raw->stx_mtime),
        .ctime_ns = nanoseconds(raw->stx_ctime),
    };
}

static cf_folder *folder_new(int descriptor, const cf_folder *parent, cf_bytes name)
{
    cf_folder *folder = cf_allocate(1, sizeof *folder);

    folder->descriptor = descriptor;
    if (parent) {
        cf_buffer_append(&folder->path, parent->path.data, parent->path.size);
        if (parent->path.size && parent->path.data[parent->path.size - 1] != '/')
            cf_buffer_append(&folder->path, "/", 1);
    }
    cf_buffer_append(&folder->path, name.data, name.size);
    cf_name_show(cf_buffer_view(&folder->path), folder->shown);
    return folder;
}

static cf_status open_root(cf_files *files, const char *path, cf_folder **out, cf_error *error)
{
    (void)files;
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return cf_posix_fail_path(path, "opening", error);
    *out = folder_new(descriptor, NULL, cf_bytes_of_text(path));
    return CF_OK;
}

static cf_status open_folder(cf_files *files, const cf_folder *parent, cf_bytes name,
                             cf_folder **out, cf_error *error)
{
    cf_posix_name text;

    (void)files;
    cf_status status = cf_posix_name_of(parent, name, &text, error);
    if (status)
        return status;
    int descriptor = cf_posix_open(parent, text.text, O_RDONLY | O_DIRECTORY, 0);
    if (descriptor < 0)
        return cf_posix_fail(parent, name, "opening", error);
    *out = folder_new(descriptor, parent, name);
    return CF_OK;
}

static cf_status make_folder(cf_files *files, const cf_folder *parent, cf_bytes name, uint32_t mode,
                             cf_error *error)
{
    cf_posix_name text;

    (void)files;
    cf_status status = cf_posix_name_of(parent, name, &text, error);
    if (status == CF_OK && mkdirat(parent->descriptor, text.text, mode) != 0)
        status = cf_posix_fail(parent, name, "making", error);
    return status;
}

static void close_folder(cf_files *files, cf_folder **folder)
{
    (void)files;
    if (!folder || !*folder)
        return;
    close((*folder)->descriptor);
    cf_buffer_release(&(*folder)->path);
    free(*folder);
    *folder = NULL;
}

static cf_status stat_folder(cf_files *files, const cf_folder *folder, cf_stat *out,
                             cf_error *error)
{
    struct statx raw;

    (void)files;
    if (statx(folder->descriptor, "", AT_EMPTY_PATH, CF_POSIX_STAT, &raw) != 0)
        return cf_posix_fail_shown(folder->shown, "examining", error);
    *out = cf_posix_stat(&raw);
    return CF_OK;
}

static bool same_place(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Climbs from `at`, which it closes, to the top. */
static cf_status climb(int at, const struct stat *goal, const cf_folder *folder, bool *out,
                       cf_error *error)
{
    struct stat here, above;
    cf_status status = CF_OK;
    bool found = false;

    if (at < 0 || fstat(at, &here) != 0)
        status = cf_posix_fail_shown(folder->shown, "finding the way up from", error);
    while (status == CF_OK && !(found = same_place(&here, goal))) {
        int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (up < 0 || fstat(up, &above) != 0)
            status = cf_posix_fail_shown(folder->shown, "finding the way up from", error);
        close(at);
        at = up;
        if (status == CF_OK && same_place(&here, &above))
            break;
        here = above;
    }
    if (at >= 0)
        close(at);
    if (status == CF_OK)
        *out = found;
    return status;
}

static cf_status is_below(cf_files *files, const cf_folder *folder, const cf_folder *root,
                          bool *out, cf_error *error)
{
    struct stat goal;

    (void)files;
    if (fstat(root->descriptor, &goal) != 0)
        return cf_posix_fail_shown(root->shown, "examining", error);
    return climb(fcntl(folder->descriptor, F_DUPFD_CLOEXEC, 0), &goal, folder, out, error);
}

/* A deleted directory that is still held lists as empty: that must not look like one. */
static cf_status still_there(const cf_folder *folder, cf_error *error)
{
    struct stat raw;

    if (fstat(folder->descriptor, &raw) != 0)
        return cf_posix_fail_shown(folder->shown, "listing", error);
    if (raw.st_nlink == 0)
        return cf_fail(error, CF_MISSING, "listing %s: it was deleted", folder->shown);
    return CF_OK;
}

/* A descriptor of its own: the place in a directory belongs to the open file. */
static cf_status list(cf_files *files, const cf_folder *folder, cf_name_visit *visit, void *context,
                      cf_error *error)
{
    const struct dirent *entry;

    (void)files;
    int descriptor = openat(folder->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return cf_posix_fail_shown(folder->shown, "listing", error);
    DIR *stream = fdopendir(descriptor);
    if (!stream) {
        close(descriptor);
        return cf_posix_fail_shown(folder->shown, "listing", error);
    }
    while ((entry = cf_descriptor_next_name(stream)))
        if (!visit(context, cf_bytes_of_text(entry->d_name)))
            break;
    cf_status status = CF_OK;
    if (!entry && errno)
        status = cf_posix_fail_shown(folder->shown, "listing", error);
    closedir(stream);
    return status ? status : still_there(folder, error);
}

static cf_status sync_folder(cf_files *files, const cf_folder *folder, cf_error *error)
{
    (void)files;
    if (fsync(folder->descriptor) != 0)
        return cf_posix_fail_shown(folder->shown, "making durable", error);
    return CF_OK;
}

static cf_status free_bytes(cf_files *files, const cf_folder *folder, uint64_t *out,
                            uint64_t *whole, cf_error *error)
{
    struct statvfs room;

    (void)files;
    if (fstatvfs(folder->descriptor, &room) != 0)
        return cf_posix_fail_shown(folder->shown, "asking for the room left at", error);
    *out = (uint64_t)room.f_bavail * room.f_frsize;
    if (whole)
        *whole = (uint64_t)room.f_blocks * room.f_frsize;
    return CF_OK;
}

static int descriptor_of(cf_files *files, const cf_folder *folder)
{
    (void)files;
    return folder->descriptor;
}

static const char *shown_of(cf_files *files, const cf_folder *folder)
{
    (void)files;
    return folder->shown;
}

/* The kernel stamps files with the time of its last tick. */
static int64_t tick_ns(void)
{
    struct timespec resolution;

    if (clock_getres(CLOCK_REALTIME_COARSE, &resolution) != 0)
        return INT64_C(10000000);
    return resolution.tv_sec * INT64_C(1000000000) + resolution.tv_nsec;
}

static cf_files system_files = {
    .open_root = open_root,
    .open_folder = open_folder,
    .make_folder = make_folder,
    .close_folder = close_folder,
    .stat_folder = stat_folder,
    .is_below = is_below,
    .list = list,
    .sync_folder = sync_folder,
    .free_bytes = free_bytes,
    .descriptor = descriptor_of,
    .shown = shown_of,
};

static void prepare(void)
{
    cf_posix_add_names(&system_files);
    cf_posix_add_open_files(&system_files);
    system_files.tick_ns = tick_ns();
    signal(SIGIO, SIG_IGN);
}

cf_files *cf_files_posix(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, prepare);
    return &system_files;
}
