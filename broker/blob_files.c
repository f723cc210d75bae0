/* SPDX-License-Identifier: Apache-2.0 */
/* USER/xx/ID holds a complete blob, USER/uploads/ID what is held of one that is not; xx are the
 * first two digits of ID. What an upload wrote may be lost in a crash and its file end in zeros
 * then: the check of the whole against its name finds that out. */
#include "broker/blobs.h"

#include "broker/blob_files_forget.h"
#include "broker/durable_folder.h"
#include "codec/bulk.h"
#include "codec/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UPLOADS "uploads"
enum { HEX_SIZE = 2 * CF_HASH_SIZE, PATH_SIZE = 2 * HEX_SIZE + 32 };

typedef struct {
    cf_blobs base;
    int root;
} blob_files;

/* Where a blob's things are, below the root. */
typedef struct {
    char user[PATH_SIZE];
    char uploads[PATH_SIZE]; /* directory */
    char upload[PATH_SIZE];
    char folder[PATH_SIZE]; /* directory */
    char file[PATH_SIZE];
} places;

static places places_of(const cf_hash *user, const cf_hash *id)
{
    places at;
    char user_hex[HEX_SIZE + 1], id_hex[HEX_SIZE + 1];

    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), user_hex);
    cf_hex(cf_bytes_of(id->bytes, CF_HASH_SIZE), id_hex);
    snprintf(at.user, PATH_SIZE, "%s", user_hex);
    snprintf(at.uploads, PATH_SIZE, "%s/" UPLOADS, user_hex);
    snprintf(at.upload, PATH_SIZE, "%s/" UPLOADS "/%s", user_hex, id_hex);
    snprintf(at.folder, PATH_SIZE, "%s/%.2s", user_hex, id_hex);
    snprintf(at.file, PATH_SIZE, "%s/%.2s/%s", user_hex, id_hex, id_hex);
    return at;
}

static int root_of(cf_blobs *base)
{
    return ((blob_files *)base)->root;
}

static cf_status sync_folder(int root, const char *path, cf_error *error)
{
    int folder = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool failed = folder < 0 || fsync(folder) != 0;
    int number = errno;

    if (folder >= 0)
        close(folder);
    return failed ? cf_fail_errno(error, number, "syncing a folder of blobs") : CF_OK;
}

/* Makes a directory that lasts: its parent is synced when it is new. */
static cf_status make_folder(int root, const char *path, const char *parent, cf_error *error)
{
    if (mkdirat(root, path, 0700) == 0)
        return sync_folder(root, parent, error);
    return errno == EEXIST ? CF_OK : cf_fail_errno(error, errno, "making a folder of blobs");
}

static cf_status open_upload(int root, const places *at, int *file, uint64_t *size, cf_error *error)
{
    enum { FLAGS = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW };
    struct stat status;

    int found = openat(root, at->upload, FLAGS, 0600);
    if (found < 0 && errno == ENOENT) {
        if (make_folder(root, at->user, ".", error) ||
            make_folder(root, at->uploads, at->user, error))
            return error->status;
        found = openat(root, at->upload, FLAGS, 0600);
    }
    if (found < 0 || fstat(found, &status) != 0) {
        cf_fail_errno(error, errno, "opening an upload");
        if (found >= 0)
            close(found);
        return error->status;
    }
    *file = found;
    *size = (uint64_t)status.st_size;
    return CF_OK;
}

static cf_status write_piece(int file, cf_bytes bytes, uint64_t offset, uint64_t now_ms,
                             cf_error *error)
{
    struct timespec times[2] = {
        {(time_t)(now_ms / 1000), (long)(now_ms % 1000) * 1000000},
        {(time_t)(now_ms / 1000), (long)(now_ms % 1000) * 1000000},
    };

    while (bytes.size) {
        ssize_t written = pwrite(file, bytes.data, bytes.size, (off_t)offset);

        if (written < 0 && errno != EINTR)
            return cf_fail_errno(error, errno, "writing a blob");
        if (written > 0) {
            bytes.data += written;
            bytes.size -= (size_t)written;
            offset += (uint64_t)written;
        }
    }
    if (futimens(file, times) != 0)
        return cf_fail_errno(error, errno, "setting the time of a blob");
    return CF_OK;
}

/* Reads the whole back: pieces of before a restart were never hashed, or synced, here. */
static cf_status check_name(int file, uint64_t total, const cf_hash *id, cf_error *error)
{
    uint8_t *buffer = cf_allocate(1, CF_BLOB_STEP);
    cf_sha256 *hasher = cf_sha256_new();
    cf_status status = CF_OK;

    for (uint64_t at = 0; at < total;) {
        ssize_t size = pread(file, buffer, CF_BLOB_STEP, (off_t)at);

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0) {
            status = cf_fail_errno(error, size ? errno : EIO, "reading a blob back");
            break;
        }
        cf_sha256_update(hasher, cf_bytes_of(buffer, (size_t)size));
        at += (uint64_t)size;
    }
    cf_hash found = cf_sha256_finish(hasher);
    if (status == CF_OK && !cf_hash_equal(&found, id))
        status = cf_fail(error, CF_FORGED, "the bytes of a blob are not what its name says");
    cf_sha256_destroy(&hasher);
    free(buffer);
    return status;
}

/* A failed sync is not tried again: what is on the disk is unknown then, so it goes. */
static cf_status finish_upload(int root, const places *at, int file, const cf_blob_put *put,
                               cf_error *error)
{
    cf_status status = check_name(file, put->total, &put->id, error);
    if (status == CF_OK && fsync(file) != 0)
        status = cf_fail_errno(error, errno, "syncing a blob");
    if (status == CF_OK)
        status = make_folder(root, at->folder, at->user, error);
    if (status == CF_OK && renameat(root, at->upload, root, at->file) != 0)
        status = cf_fail_errno(error, errno, "naming a blob");
    if (status) {
        unlinkat(root, at->upload, 0);
        return status;
    }
    status = sync_folder(root, at->folder, error);
    if (status)
        unlinkat(root, at->file, 0);
    return status;
}

/* Puts the piece into the upload's file, where it belongs there, and says how far that goes. */
static cf_status take_piece(int file, uint64_t *size, const cf_blob_put *put, cf_error *error)
{
    uint64_t before = *size, end = put->offset + put->bytes.size;

    if (before > put->total) { /* of another total, so not of this blob */
        if (ftruncate(file, 0) != 0)
            return cf_fail_errno(error, errno, "starting an upload over");
        before = 0;
    }
    *size = before;
    if (put->offset > before || (end <= before && end < put->total))
        return CF_OK;
    cf_status status = write_piece(file, put->bytes, put->offset, put->now_ms, error);
    if (status == CF_OK)
        *size = end;
    else if (ftruncate(file, (off_t)before) != 0) /* what was there is still good if this fails */
        cf_error_while(error, "shortening an upload");
    return status;
}

static bool is_complete(int root, const places *at, uint64_t *size, cf_status *status,
                        cf_error *error)
{
    struct stat found;

    *status = CF_OK;
    if (fstatat(root, at->file, &found, AT_SYMLINK_NOFOLLOW) == 0) {
        *size = (uint64_t)found.st_size;
        return true;
    }
    if (errno != ENOENT)
        *status = cf_fail_errno(error, errno, "looking for a blob");
    return false;
}

static cf_status put_piece(int root, const cf_blob_put *put, cf_blob_held *held, cf_error *error)
{
    places at = places_of(&put->user, &put->id);
    int file = -1;

    cf_status status = cf_blob_put_check(put, error);
    if (status)
        return status;
    held->complete = is_complete(root, &at, &held->size, &status, error);
    if (status || held->complete)
        return status;
    status = open_upload(root, &at, &file, &held->size, error);
    if (status)
        return status;
    status = take_piece(file, &held->size, put, error);
    if (status == CF_OK && held->size == put->total) {
        status = finish_upload(root, &at, file, put, error);
        held->complete = true;
    }
    close(file);
    return status;
}

/* On the disk, of the blob and of an upload of it. */
static int64_t taken_by(int root, const places *at)
{
    struct stat found;
    int64_t size = 0;

    if (fstatat(root, at->file, &found, AT_SYMLINK_NOFOLLOW) == 0)
        size += found.st_size;
    if (fstatat(root, at->upload, &found, AT_SYMLINK_NOFOLLOW) == 0)
        size += found.st_size;
    return size;
}

static void files_put(cf_blobs *base, const cf_blob_put *put)
{
    cf_blob_held held = {0};
    cf_error error = {0};

    places at = places_of(&put->user, &put->id);
    int64_t before = taken_by(root_of(base), &at);

    cf_status status = put_piece(root_of(base), put, &held, &error);
    held.change = taken_by(root_of(base), &at) - before;
    if (put->done)
        put->done(put->context, status, held, &error);
}

static cf_status files_held(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                            cf_blob_held *out, cf_error *error)
{
    places at = places_of(user, id);
    cf_blob_held held = {0};
    struct stat upload;
    cf_status status;

    held.complete = is_complete(root_of(base), &at, &held.size, &status, error);
    if (status)
        return status;
    if (!held.complete && fstatat(root_of(base), at.upload, &upload, AT_SYMLINK_NOFOLLOW) == 0)
        held.size = cf_blob_resume((uint64_t)upload.st_size);
    *out = held;
    return CF_OK;
}

/* Reads up to `size` bytes, fewer at the end of the file. */
static cf_status read_piece(int file, uint64_t offset, size_t size, cf_buffer *out, cf_error *error)
{
    uint8_t *at = cf_buffer_reserve(out, size);
    size_t got = 0;

    while (got < size) {
        ssize_t more = pread(file, at + got, size - got, (off_t)(offset + got));

        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return cf_fail_errno(error, errno, "reading a blob");
        if (more == 0)
            break;
        got += (size_t)more;
    }
    out->size += got;
    return CF_OK;
}

static cf_status files_get(cf_blobs *base, const cf_hash *user, const cf_hash *id, uint64_t offset,
                           size_t size, cf_buffer *out, uint64_t *total, cf_error *error)
{
    places at = places_of(user, id);
    struct stat found;
    cf_status status = CF_OK;

    int file = openat(root_of(base), at.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return cf_fail_errno(error, errno, "opening a blob");
    if (fstat(file, &found) != 0)
        status = cf_fail_errno(error, errno, "opening a blob");
    if (status == CF_OK && offset < (uint64_t)found.st_size) {
        uint64_t rest = (uint64_t)found.st_size - offset;

        status = read_piece(file, offset, rest < size ? (size_t)rest : size, out, error);
    }
    if (status == CF_OK)
        *total = (uint64_t)found.st_size;
    close(file);
    return status;
}

static cf_status open_list(int root, const char *path, DIR **out, cf_error *error)
{
    int descriptor = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = descriptor < 0 ? NULL : fdopendir(descriptor);

    if (!folder) {
        cf_fail_errno(error, errno, "listing blobs");
        if (descriptor >= 0)
            close(descriptor);
        return error->status;
    }
    *out = folder;
    return CF_OK;
}

/* Goes through the files of one folder whose names are ids. */
static cf_status list_folder(int root, const char *path, bool complete, cf_blob_visit *visit,
                             void *context, bool *wanted, cf_error *error)
{
    DIR *folder = NULL;
    struct dirent *entry;
    struct stat found;

    cf_status status = open_list(root, path, &folder, error);
    if (status)
        return status;
    errno = 0;
    while (*wanted && (entry = readdir(folder))) {
        cf_blob_info blob = {.complete = complete};

        if (cf_unhex(entry->d_name, blob.id.bytes, CF_HASH_SIZE) &&
            fstatat(dirfd(folder), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0) {
            blob.size = (uint64_t)found.st_size;
            blob.stored_ms =
                (uint64_t)found.st_mtim.tv_sec * 1000 + (uint64_t)found.st_mtim.tv_nsec / 1000000;
            *wanted = visit(context, &blob);
        }
        errno = 0;
    }
    if (errno)
        status = cf_fail_errno(error, errno, "listing blobs");
    closedir(folder);
    return status;
}

static cf_status files_list(cf_blobs *base, const cf_hash *user, cf_blob_visit *visit,
                            void *context, cf_error *error)
{
    int root = root_of(base);
    cf_hash none = {0};
    places at = places_of(user, &none);
    bool wanted = true;

    cf_status status = list_folder(root, at.uploads, false, visit, context, &wanted, error);
    if (status == CF_MISSING) /* of a user without blobs */
        status = CF_OK;
    for (int i = 0; status == CF_OK && wanted && i < 256; i++) {
        none.bytes[0] = (uint8_t)i;
        at = places_of(user, &none);
        status = list_folder(root, at.folder, true, visit, context, &wanted, error);
        if (status == CF_MISSING)
            status = CF_OK;
    }
    return status;
}

static cf_status files_users(cf_blobs *base, cf_blob_user_visit *visit, void *context,
                             cf_error *error)
{
    DIR *folder = NULL;
    struct dirent *entry;
    bool wanted = true;

    cf_status status = open_list(root_of(base), ".", &folder, error);
    if (status)
        return status;
    errno = 0;
    while (wanted && (entry = readdir(folder))) {
        cf_hash user;

        if (cf_unhex(entry->d_name, user.bytes, CF_HASH_SIZE))
            wanted = visit(context, &user);
        errno = 0;
    }
    if (errno)
        status = cf_fail_errno(error, errno, "listing the users of blobs");
    closedir(folder);
    return status;
}

static cf_status files_drop(cf_blobs *base, const cf_hash *user, const cf_hash *id, cf_error *error)
{
    places at = places_of(user, id);

    if ((unlinkat(root_of(base), at.file, 0) != 0 && errno != ENOENT) ||
        (unlinkat(root_of(base), at.upload, 0) != 0 && errno != ENOENT))
        return cf_fail_errno(error, errno, "removing a blob");
    return CF_OK;
}

static cf_status files_forget(cf_blobs *base, const cf_hash *user, cf_error *error)
{
    cf_hash none = {0};
    places at = places_of(user, &none);

    return cf_blob_files_forget(root_of(base), at.user, error);
}

static void files_destroy(cf_blobs *base)
{
    close(root_of(base));
    free(base);
}

cf_status cf_blob_files_open(const char *path, cf_blobs **out, cf_error *error)
{
    int root = -1;

    cf_status status = cf_durable_folder_open(path, &root, error);
    if (status)
        return status;
    blob_files *self = cf_allocate(1, sizeof *self);
    self->base = (cf_blobs){
        .destroy = files_destroy,
        .put = files_put,
        .held = files_held,
        .get = files_get,
        .list = files_list,
        .users = files_users,
        .drop = files_drop,
        .forget = files_forget,
    };
    self->root = root;
    *out = &self->base;
    return CF_OK;
}
