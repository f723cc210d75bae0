/* SPDX-License-Identifier: Apache-2.0 */
/* What all calls on files need of a held folder: its descriptor, a name in it, what errors call it.
 *
 * A folder that rests keeps its number, behind which is something that lies on no disk: whoever
 * works with the number meanwhile is refused by the system, and meets nobody else's file. */
#include "broker/platform/files_posix_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* Of a folder that rested and is away there is no descriptor. */
static cf_status fail_in_folder(const char *shown, const char *what, cf_error *error)
{
    if (errno != EBADF)
        return cf_posix_fail_shown(shown, what, error);
    (void)cf_fail_errno(error, ESTALE, "%s %s", what, shown);
    return error->status = CF_CHANGED;
}

cf_status cf_posix_fail(const cf_folder *folder, cf_bytes name, const char *what, cf_error *error)
{
    char shown[CF_NAME_SHOWN];
    int number = errno;

    cf_posix_show(folder, name, shown);
    errno = number;
    return fail_in_folder(shown, what, error);
}

const char *cf_posix_folder_shown(const cf_folder *folder)
{
    pthread_mutex_lock(&folder->shown->mutex);
    if (!folder->shown->text[0])
        cf_name_show(cf_buffer_view(&folder->path), folder->shown->text);
    pthread_mutex_unlock(&folder->shown->mutex);
    return folder->shown->text;
}

cf_status cf_posix_fail_folder(const cf_folder *folder, const char *what, cf_error *error)
{
    int number = errno;
    const char *shown = cf_posix_folder_shown(folder);

    errno = number;
    return fail_in_folder(shown, what, error);
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

    if (!cf_name_on_disk(name)) {
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

    return (int)syscall(SYS_openat2, cf_posix_descriptor(folder), name, &how, sizeof how);
}

static int64_t nanoseconds(struct statx_timestamp time)
{
    int64_t result;

    if (__builtin_mul_overflow(time.tv_sec, INT64_C(1000000000), &result) ||
        __builtin_add_overflow(result, (int64_t)time.tv_nsec, &result))
        return time.tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return result;
}

struct timespec cf_posix_time(int64_t time_ns)
{
    int64_t seconds = time_ns / 1000000000, rest = time_ns % 1000000000;

    if (rest < 0) {
        seconds--;
        rest += 1000000000;
    }
    return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
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
    enum { STATX_BLOCK = 512 };

    return (cf_stat){
        .kind = kind_of(raw->stx_mode),
        .device = (uint64_t)raw->stx_dev_major << 32 | raw->stx_dev_minor,
        .inode = raw->stx_ino,
        .birth_ns = raw->stx_mask & STATX_BTIME ? nanoseconds(raw->stx_btime) : 0,
        .size = raw->stx_size,
        .allocated = raw->stx_blocks * STATX_BLOCK,
        .mode = raw->stx_mode & 07777,
        .links = raw->stx_nlink,
        .mtime_ns = nanoseconds(raw->stx_mtime),
        .ctime_ns = nanoseconds(raw->stx_ctime),
        .is_mount = raw->stx_attributes & STATX_ATTR_MOUNT_ROOT,
    };
}

static bool stat_of(int descriptor, cf_stat *out)
{
    struct statx raw;

    if (statx(descriptor, "", AT_EMPTY_PATH, CF_POSIX_STAT, &raw) != 0)
        return false;
    *out = cf_posix_stat(&raw);
    return true;
}

/* True: the number of the folder stands for `descriptor`, which this closes. */
static bool put(const cf_folder *folder, int descriptor)
{
    const bool done = dup3(descriptor, folder->descriptor, O_CLOEXEC) >= 0;

    close(descriptor);
    return done;
}

void cf_posix_rest_folder(cf_files *files, cf_folder *folder, const cf_folder *above)
{
    cf_posix_rest *rest = folder->rest;

    (void)files;
    pthread_mutex_lock(&rest->mutex);
    if (!atomic_load(&rest->is_resting) && stat_of(folder->descriptor, &rest->stat)) {
        const int nothing = eventfd(0, EFD_CLOEXEC);

        rest->above = above;
        atomic_store(&rest->is_resting, nothing >= 0 && put(folder, nothing));
    }
    pthread_mutex_unlock(&rest->mutex);
}

static int open_below(const cf_folder *folder, const cf_folder *above)
{
    const cf_bytes whole = cf_buffer_view(&folder->path), start = cf_buffer_view(&above->path);
    const bool has_slash = start.size && start.data[start.size - 1] == '/';
    const size_t skipped = start.size + !has_slash;
    cf_buffer names = {0};

    cf_buffer_append(&names, whole.data + skipped, whole.size - skipped);
    cf_buffer_append(&names, "", 1);
    const int opened = cf_posix_open(above, (const char *)names.data, O_RDONLY | O_DIRECTORY, 0);
    cf_buffer_release(&names);
    return opened;
}

static int open_again(const cf_folder *folder)
{
    const cf_posix_rest *rest = folder->rest;
    cf_buffer path = {0};
    cf_stat now;

    if (rest->above)
        return open_below(folder, rest->above);
    cf_buffer_append(&path, folder->path.data, folder->path.size);
    cf_buffer_append(&path, "", 1);
    const int opened = open((const char *)path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cf_buffer_release(&path);
    if (opened < 0 || (stat_of(opened, &now) && cf_stat_same_file(&rest->stat, &now)))
        return opened;
    close(opened);
    return -1;
}

static bool wake(const cf_folder *folder)
{
    cf_posix_rest *rest = folder->rest;

    pthread_mutex_lock(&rest->mutex);
    if (atomic_load(&rest->is_resting)) {
        const int opened = open_again(folder);

        if (opened >= 0 && put(folder, opened))
            atomic_store(&rest->is_resting, false);
    }
    const bool is_awake = !atomic_load(&rest->is_resting);
    pthread_mutex_unlock(&rest->mutex);
    return is_awake;
}

int cf_posix_descriptor(const cf_folder *folder)
{
    return !atomic_load(&folder->rest->is_resting) || wake(folder) ? folder->descriptor : -1;
}
