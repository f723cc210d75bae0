/* SPDX-License-Identifier: Apache-2.0 */
/* Held folders; names are in files_posix_names.c, open files in files_posix_open.c, what all
 * need of a folder in files_posix_folder.c. */
#include "broker/platform/files_posix_inside.h"

#include "broker/platform/descriptor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static cf_folder *folder_new(int descriptor, const cf_folder *parent, cf_bytes name)
{
    cf_folder *folder =
        cf_allocate(1, sizeof *folder + sizeof *folder->rest + sizeof *folder->shown);

    folder->descriptor = descriptor;
    folder->rest = (cf_posix_rest *)(folder + 1);
    folder->shown = (cf_posix_shown *)(folder->rest + 1);
    if (parent) {
        cf_buffer_append(&folder->path, parent->path.data, parent->path.size);
        if (parent->path.size && parent->path.data[parent->path.size - 1] != '/')
            cf_buffer_append(&folder->path, "/", 1);
    }
    cf_buffer_append(&folder->path, name.data, name.size);
    pthread_mutex_init(&folder->shown->mutex, NULL);
    pthread_mutex_init(&folder->rest->mutex, NULL);
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

/* As much of the way as one call takes, and the folder there. */
static cf_status open_stretch(const cf_folder *parent, const cf_bytes *names, size_t count,
                              size_t *taken, cf_folder **out, cf_error *error)
{
    char path[PATH_MAX];
    size_t size = 0, i = 0;
    cf_posix_name text;

    for (; i < count && size + names[i].size + 2 <= sizeof path; i++) {
        cf_status status = cf_posix_name_of(parent, names[i], &text, error);

        if (status)
            return status;
        if (size)
            path[size++] = '/';
        memcpy(path + size, names[i].data, names[i].size);
        size += names[i].size;
    }
    path[size] = '\0';
    int descriptor = cf_posix_open(parent, path, O_RDONLY | O_DIRECTORY, 0);
    if (descriptor < 0)
        return cf_posix_fail(parent, cf_bytes_of(path, size), "opening", error);
    *out = folder_new(descriptor, parent, cf_bytes_of(path, size));
    *taken = i;
    return CF_OK;
}

/* The kernel follows the names as it would one by one: beneath the folder, through no link. */
static cf_status open_below(cf_files *files, const cf_folder *parent, const cf_bytes *names,
                            size_t count, cf_folder **out, cf_error *error)
{
    cf_folder *held = NULL, *below = NULL;
    cf_status status = CF_OK;

    for (size_t at = 0, taken = 0; !status && at < count; at += taken) {
        status = open_stretch(held ? held : parent, names + at, count - at, &taken, &below, error);
        files->close_folder(files, &held);
        held = below;
        below = NULL;
    }
    if (!status)
        *out = held;
    return status;
}

static cf_status make_folder(cf_files *files, const cf_folder *parent, cf_bytes name, uint32_t mode,
                             cf_error *error)
{
    cf_posix_name text;

    (void)files;
    cf_status status = cf_posix_name_of(parent, name, &text, error);
    if (status == CF_OK && mkdirat(cf_posix_descriptor(parent), text.text, mode) != 0)
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
    pthread_mutex_destroy(&(*folder)->rest->mutex);
    pthread_mutex_destroy(&(*folder)->shown->mutex);
    free(*folder);
    *folder = NULL;
}

static cf_status stat_folder(cf_files *files, const cf_folder *folder, cf_stat *out,
                             cf_error *error)
{
    struct statx raw;

    (void)files;
    if (statx(cf_posix_descriptor(folder), "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, CF_POSIX_STAT,
              &raw) != 0)
        return cf_posix_fail_folder(folder, "examining", error);
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
        status = cf_posix_fail_folder(folder, "finding the way up from", error);
    while (status == CF_OK && !(found = same_place(&here, goal))) {
        int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (up < 0 || fstat(up, &above) != 0)
            status = cf_posix_fail_folder(folder, "finding the way up from", error);
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
    if (fstat(cf_posix_descriptor(root), &goal) != 0)
        return cf_posix_fail_folder(root, "examining", error);
    return climb(fcntl(cf_posix_descriptor(folder), F_DUPFD_CLOEXEC, 0), &goal, folder, out, error);
}

/* A deleted directory that is still held lists as empty: that must not look like one. */
static cf_status still_there(const cf_folder *folder, cf_error *error)
{
    struct stat raw;

    if (fstat(cf_posix_descriptor(folder), &raw) != 0)
        return cf_posix_fail_folder(folder, "listing", error);
    if (raw.st_nlink == 0)
        return cf_fail(error, CF_MISSING, "listing %s: it was deleted",
                       cf_posix_folder_shown(folder));
    return CF_OK;
}

/* A descriptor of its own: the place in a directory belongs to the open file. */
static cf_status list(cf_files *files, const cf_folder *folder, cf_name_visit *visit, void *context,
                      cf_error *error)
{
    const struct dirent *entry;

    (void)files;
    int descriptor = openat(cf_posix_descriptor(folder), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return cf_posix_fail_folder(folder, "listing", error);
    DIR *stream = fdopendir(descriptor);
    if (!stream) {
        close(descriptor);
        return cf_posix_fail_folder(folder, "listing", error);
    }
    while ((entry = cf_descriptor_next_name(stream)))
        if (!visit(context, cf_bytes_of_text(entry->d_name)))
            break;
    cf_status status = CF_OK;
    if (!entry && errno)
        status = cf_posix_fail_folder(folder, "listing", error);
    closedir(stream);
    return status ? status : still_there(folder, error);
}

static cf_status sync_folder(cf_files *files, const cf_folder *folder, cf_error *error)
{
    (void)files;
    if (!cf_posix_sync(cf_posix_descriptor(folder)))
        return cf_posix_fail_folder(folder, "making durable", error);
    return CF_OK;
}

static cf_status free_bytes(cf_files *files, const cf_folder *folder, uint64_t *out,
                            uint64_t *whole, cf_error *error)
{
    struct statvfs room;

    (void)files;
    if (fstatvfs(cf_posix_descriptor(folder), &room) != 0)
        return cf_posix_fail_folder(folder, "asking for the room left at", error);
    *out = (uint64_t)room.f_bavail * room.f_frsize;
    if (whole)
        *whole = (uint64_t)room.f_blocks * room.f_frsize;
    return CF_OK;
}

/* What statfs calls the type. FUSE is whatever its daemon does: the daemon may be anywhere, and
 * most number what they are asked for in the order in which they are. */
enum {
    IS_FUSE = 1,
    IS_REMOTE = 2,
    RENUMBERS = 4,
};
static const struct {
    uint32_t type;
    unsigned traits;
} file_system_types[] = {
    {0x65735546, IS_FUSE | RENUMBERS},   /* FUSE, virtiofs */
    {0x4d44, RENUMBERS},                 /* vfat */
    {0x2011bab0, RENUMBERS},             /* exFAT */
    {0x6969, IS_REMOTE},                 /* NFS */
    {0x517b, IS_REMOTE | RENUMBERS},     /* SMB */
    {0xff534d42, IS_REMOTE | RENUMBERS}, /* CIFS */
    {0xfe534d42, IS_REMOTE | RENUMBERS}, /* SMB2 */
    {0x01021997, IS_REMOTE | RENUMBERS}, /* 9P */
    {0x00c36400, IS_REMOTE},             /* Ceph */
    {0x5346414f, IS_REMOTE},             /* OpenAFS */
    {0x6b414653, IS_REMOTE},             /* AFS of the kernel */
    {0x73757245, IS_REMOTE},             /* Coda */
    {0x01161970, IS_REMOTE},             /* GFS2 */
    {0x7461636f, IS_REMOTE},             /* OCFS2 */
    {0x0bd00bd0, IS_REMOTE},             /* Lustre */
    {0x47504653, IS_REMOTE},             /* GPFS */
    {0x786f4256, IS_REMOTE | RENUMBERS}, /* folders of a VirtualBox host */
    {0xbacbacbc, IS_REMOTE | RENUMBERS}, /* folders of a VMware host */
    {0x73717368, RENUMBERS},             /* squashfs: a number is a place in the image, */
    {0xe0f5e1e2, RENUMBERS},             /* as in EROFS, */
    {0x9660, RENUMBERS},                 /* ISO 9660, */
    {0x15013346, RENUMBERS},             /* UDF, */
    {0x28cd3d45, RENUMBERS},             /* cramfs */
    {0x7275, RENUMBERS},                 /* and romfs */
};

cf_posix_type cf_posix_type_of(uint32_t type)
{
    unsigned traits = 0;

    for (size_t i = 0; i < sizeof file_system_types / sizeof file_system_types[0]; i++)
        if (file_system_types[i].type == type)
            traits = file_system_types[i].traits;
    return (cf_posix_type){traits & IS_FUSE, traits & IS_REMOTE, traits & RENUMBERS};
}

/* mergerfs answers for each of its files, and has no other mark: mergerfs(1), "XATTRS". */
static bool is_union(int descriptor)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return getxattr(path, "user.mergerfs.basepath", NULL, 0) > 0;
}

static cf_status filesystem(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                            cf_error *error)
{
    struct statfs told;
    cf_stat stat = {0};
    uint64_t id;

    if (fstatfs(cf_posix_descriptor(folder), &told) != 0)
        return cf_posix_fail_folder(folder, "asking for the file system of", error);
    cf_status status = stat_folder(files, folder, &stat, error);
    if (status)
        return status;
    static_assert(sizeof told.f_fsid == sizeof id, "statfs tells 64 bits");
    memcpy(&id, &told.f_fsid, sizeof id);
    const cf_posix_type type = cf_posix_type_of((uint32_t)told.f_type);
    *out = (cf_filesystem){
        .device = stat.device,
        .type = (uint32_t)told.f_type,
        .id = id,
        .is_fuse = type.is_fuse,
        .is_remote = type.is_remote,
        .renumbers = type.renumbers,
        .is_read_only = told.f_flags & ST_RDONLY,
        .is_union = type.is_fuse && is_union(cf_posix_descriptor(folder)),
    };
    return CF_OK;
}

static int descriptor_of(cf_files *files, const cf_folder *folder)
{
    (void)files;
    return cf_posix_descriptor(folder);
}

static const char *shown_of(cf_files *files, const cf_folder *folder)
{
    (void)files;
    return cf_posix_folder_shown(folder);
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
    .open_below = open_below,
    .make_folder = make_folder,
    .close_folder = close_folder,
    .rest_folder = cf_posix_rest_folder,
    .stat_folder = stat_folder,
    .is_below = is_below,
    .list = list,
    .sync_folder = sync_folder,
    .free_bytes = free_bytes,
    .filesystem = filesystem,
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
