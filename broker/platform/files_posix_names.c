/* SPDX-License-Identifier: Apache-2.0 */
/* Names in held folders: looked at, linked, renamed, removed, given other modes and times; none of
 * these calls follows a link. Beside them make_root, which takes a path. */
#include "broker/platform/files_posix_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A folder that was just made is durable in the one above. Where that can't be read it can't be
 * synced either. */
static cf_status sync_above(const char *path, cf_error *error)
{
    cf_buffer name = {0};

    cf_buffer_append_text(&name, "%s/..", path);
    cf_buffer_append(&name, "", 1);
    int above = open((const char *)name.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_good = above < 0 ? errno == EACCES : fsync(above) == 0;
    cf_status status =
        is_good ? CF_OK : cf_posix_fail_path((const char *)name.data, "making durable", error);
    if (above >= 0)
        close(above);
    cf_buffer_release(&name);
    return status;
}

static cf_status make_root(cf_files *files, const char *path, uint32_t mode, cf_error *error)
{
    cf_buffer part = {0};
    cf_status status = CF_OK;

    (void)files;
    for (const char *slash = path; !status && slash;) {
        slash = strchr(slash + 1, '/');
        cf_buffer_clear(&part);
        cf_buffer_append(&part, path, slash ? (size_t)(slash - path) : strlen(path));
        cf_buffer_append(&part, "", 1);
        if (mkdir((const char *)part.data, mode) == 0)
            status = sync_above((const char *)part.data, error);
        else if (errno != EEXIST)
            status = cf_posix_fail_path((const char *)part.data, "making", error);
    }
    cf_buffer_release(&part);
    return status;
}

static cf_status examine(const cf_folder *folder, cf_bytes name, int flags, cf_stat *out,
                         cf_error *error)
{
    cf_posix_name text;
    struct statx raw;

    cf_status status = cf_posix_name_of(folder, name, &text, error);
    if (status)
        return status;
    if (statx(cf_posix_descriptor(folder), text.text, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | flags,
              CF_POSIX_STAT, &raw) != 0)
        return cf_posix_fail(folder, name, "examining", error);
    *out = cf_posix_stat(&raw);
    return CF_OK;
}

static cf_status stat_name(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                           cf_error *error)
{
    (void)files;
    return examine(folder, name, 0, out, error);
}

static cf_status stat_now(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                          cf_error *error)
{
    (void)files;
    return examine(folder, name, AT_STATX_FORCE_SYNC, out, error);
}

static bool readable(cf_files *files, const cf_folder *folder, cf_bytes name)
{
    cf_posix_name text;
    cf_error dropped;

    (void)files;
    return cf_posix_name_of(folder, name, &text, &dropped) == CF_OK &&
           faccessat(cf_posix_descriptor(folder), text.text, R_OK,
                     AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0;
}

static cf_status read_link(cf_files *files, const cf_folder *folder, cf_bytes name,
                           cf_buffer *target, cf_error *error)
{
    enum { ROOM = 65536 }; /* Linux has 4095 bytes at most */
    cf_posix_name text;

    (void)files;
    cf_status status = cf_posix_name_of(folder, name, &text, error);
    if (status)
        return status;
    uint8_t *into = cf_buffer_reserve(target, ROOM);
    ssize_t size = readlinkat(cf_posix_descriptor(folder), text.text, (char *)into, ROOM);
    if (size < 0 && errno == EINVAL)
        errno = EEXIST; /* it is no link */
    if (size < 0)
        return cf_posix_fail(folder, name, "reading the link", error);
    target->size += (size_t)size;
    return CF_OK;
}

static cf_status make_link(cf_files *files, const cf_folder *folder, cf_bytes name, cf_bytes target,
                           cf_error *error)
{
    cf_posix_name text;
    cf_buffer points = {0};

    (void)files;
    cf_status status = cf_posix_name_of(folder, name, &text, error);
    if (status)
        return status;
    cf_buffer_append(&points, target.data, target.size);
    cf_buffer_append(&points, "", 1);
    errno = EINVAL;
    if (memchr(points.data, '\0', points.size) != points.data + target.size ||
        symlinkat((const char *)points.data, cf_posix_descriptor(folder), text.text) != 0)
        status = cf_posix_fail(folder, name, "making the link", error);
    cf_buffer_release(&points);
    return status;
}

typedef struct {
    const cf_folder *folder;
    cf_bytes name;
} place;

/* A file system without links, or without flags, has one of many words for that. */
static bool is_unknown_here(int number)
{
    return number == EINVAL || number == ENOSYS || number == EOPNOTSUPP;
}

static bool is_not_linked_here(int number)
{
    return is_unknown_here(number) || number == EPERM || number == EMLINK || number == EXDEV;
}

static cf_status link_name(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                           const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_posix_name from_text, to_text;

    (void)files;
    cf_status status = cf_posix_name_of(from_folder, from, &from_text, error);
    if (status == CF_OK)
        status = cf_posix_name_of(to_folder, to, &to_text, error);
    if (status)
        return status;
    if (linkat(cf_posix_descriptor(from_folder), from_text.text, cf_posix_descriptor(to_folder),
               to_text.text, 0) == 0)
        return CF_OK;
    const bool cannot = is_not_linked_here(errno);
    status = cf_posix_fail(to_folder, to, "linking to", error);
    return cannot ? (error->status = CF_UNSAFE) : status;
}

static cf_status rename_with(place from, place to, unsigned flags, const char *what,
                             cf_error *error)
{
    cf_posix_name from_text, to_text;

    cf_status status = cf_posix_name_of(from.folder, from.name, &from_text, error);
    if (status == CF_OK)
        status = cf_posix_name_of(to.folder, to.name, &to_text, error);
    if (status)
        return status;
    if (renameat2(cf_posix_descriptor(from.folder), from_text.text, cf_posix_descriptor(to.folder),
                  to_text.text, flags) == 0)
        return CF_OK;
    const bool cannot = flags && is_unknown_here(errno);
    status = cf_posix_fail(to.folder, to.name, what, error);
    return cannot ? (error->status = CF_UNSAFE) : status;
}

static cf_status rename_name(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                             const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    (void)files;
    return rename_with((place){from_folder, from}, (place){to_folder, to}, RENAME_NOREPLACE,
                       "renaming to", error);
}

static cf_status exchange(cf_files *files, const cf_folder *a_folder, cf_bytes a,
                          const cf_folder *b_folder, cf_bytes b, cf_error *error)
{
    (void)files;
    return rename_with((place){a_folder, a}, (place){b_folder, b}, RENAME_EXCHANGE,
                       "exchanging with", error);
}

static cf_status replace(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                         const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    (void)files;
    return rename_with((place){from_folder, from}, (place){to_folder, to}, 0, "replacing", error);
}

static cf_status unlink_with(const cf_folder *folder, cf_bytes name, int flags, cf_error *error)
{
    cf_posix_name text;

    cf_status status = cf_posix_name_of(folder, name, &text, error);
    if (status == CF_OK && unlinkat(cf_posix_descriptor(folder), text.text, flags) != 0)
        status = cf_posix_fail(folder, name, "removing", error);
    return status;
}

static cf_status unlink_name(cf_files *files, const cf_folder *folder, cf_bytes name,
                             cf_error *error)
{
    (void)files;
    return unlink_with(folder, name, 0, error);
}

static cf_status remove_folder(cf_files *files, const cf_folder *folder, cf_bytes name,
                               cf_error *error)
{
    (void)files;
    return unlink_with(folder, name, AT_REMOVEDIR, error);
}

static cf_status set_mode(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                          cf_error *error)
{
    cf_posix_name text;

    (void)files;
    cf_status status = cf_posix_name_of(folder, name, &text, error);
    if (status == CF_OK &&
        fchmodat(cf_posix_descriptor(folder), text.text, mode & 07777, AT_SYMLINK_NOFOLLOW) != 0)
        status = cf_posix_fail(folder, name, "setting the mode of", error);
    return status;
}

static cf_status set_mtime(cf_files *files, const cf_folder *folder, cf_bytes name,
                           int64_t mtime_ns, cf_error *error)
{
    cf_posix_name text;
    struct timespec times[2] = {{0}, cf_posix_time(mtime_ns)};
    struct stat now;

    (void)files;
    cf_status status = cf_posix_name_of(folder, name, &text, error);
    if (status)
        return status;
    if (fstatat(cf_posix_descriptor(folder), text.text, &now, AT_SYMLINK_NOFOLLOW) == 0)
        times[0] = now.st_atim; /* many FUSE file systems set both times, or none */
    else
        times[0].tv_nsec = UTIME_OMIT;
    if (utimensat(cf_posix_descriptor(folder), text.text, times, AT_SYMLINK_NOFOLLOW) != 0)
        status = cf_posix_fail(folder, name, "setting the time of", error);
    return status;
}

void cf_posix_add_names(cf_files *files)
{
    files->make_root = make_root;
    files->stat = stat_name;
    files->stat_now = stat_now;
    files->readable = readable;
    files->read_link = read_link;
    files->make_link = make_link;
    files->link = link_name;
    files->rename = rename_name;
    files->exchange = exchange;
    files->replace = replace;
    files->unlink = unlink_name;
    files->remove_folder = remove_folder;
    files->set_mode = set_mode;
    files->set_mtime = set_mtime;
}
