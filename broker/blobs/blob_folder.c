/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/blobs/blob_folder.h"

#include "broker/platform/descriptor.h"
#include "codec/bulk.h"
#include "codec/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Where blobs lie in the folder of their user ---- */

#define UPLOADS "uploads"
#define DAMAGED "damaged"

cf_blob_places cf_blob_places_of(const cf_hash *user, const cf_hash *id)
{
    cf_blob_places at;
    char user_hex[CF_BLOB_HEX + 1], id_hex[CF_BLOB_HEX + 1];

    cf_hex(cf_bytes_of(user->bytes, CF_HASH_SIZE), user_hex);
    cf_hex(cf_bytes_of(id->bytes, CF_HASH_SIZE), id_hex);
    snprintf(at.user, CF_BLOB_PATH, "%s", user_hex);
    snprintf(at.uploads, CF_BLOB_PATH, "%s/" UPLOADS, user_hex);
    snprintf(at.upload, CF_BLOB_PATH, "%s/" UPLOADS "/%s", user_hex, id_hex);
    snprintf(at.folder, CF_BLOB_PATH, "%s/%.2s", user_hex, id_hex);
    snprintf(at.file, CF_BLOB_PATH, "%s/%.2s/%s", user_hex, id_hex, id_hex);
    snprintf(at.damaged, CF_BLOB_PATH, "%s/" DAMAGED, user_hex);
    snprintf(at.aside, CF_BLOB_PATH, "%s/" DAMAGED "/%s", user_hex, id_hex);
    return at;
}

bool cf_blob_files_complete(int root, const cf_blob_places *at, uint64_t *size, cf_status *status,
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

/* NULL with errno. */
static DIR *open_folder(int at, const char *name)
{
    int descriptor = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *folder = descriptor < 0 ? NULL : fdopendir(descriptor);

    if (!folder && descriptor >= 0)
        close(descriptor);
    return folder;
}

/* False with errno. */
typedef bool entry_remover(int folder, const char *name);

static bool remove_file(int folder, const char *name)
{
    return unlinkat(folder, name, 0) == 0 || errno == ENOENT;
}

/* False with errno. A listing may pass over what is there while others are removed, so it is begun
 * again until it finds nothing. */
static bool empty_folder(int at, const char *name, entry_remover *remove_entry)
{
    DIR *folder = open_folder(at, name);
    bool worked = folder != NULL;

    for (bool found = true; worked && found; rewinddir(folder)) {
        const struct dirent *entry;

        found = false;
        while (worked && (entry = cf_descriptor_next_name(folder))) {
            found = true;
            worked = remove_entry(dirfd(folder), entry->d_name);
        }
        worked = worked && errno == 0;
    }
    int number = errno;
    if (folder)
        closedir(folder);
    errno = number;
    return worked;
}

static bool remove_folder(int folder, const char *name)
{
    return (empty_folder(folder, name, remove_file) && unlinkat(folder, name, AT_REMOVEDIR) == 0) ||
           (errno == ENOTDIR && remove_file(folder, name));
}

cf_status cf_blob_files_forget(int root, const char *name, cf_error *error)
{
    if (!empty_folder(root, name, remove_folder))
        return errno == ENOENT ? CF_OK : cf_fail_errno(error, errno, "removing a user's blobs");
    if (unlinkat(root, name, AT_REMOVEDIR) != 0 || fsync(root) != 0)
        return cf_fail_errno(error, errno, "removing a user's blobs");
    return CF_OK;
}

/* ---- Pieces that come in ---- */

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

static cf_status open_upload(int root, const cf_blob_places *at, int *file, uint64_t *size,
                             cf_error *error)
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

    if (!cf_descriptor_write_at(file, offset, bytes))
        return cf_fail_errno(error, errno, "writing a blob");
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

    for (uint64_t at = 0; !status && at < total;) {
        size_t size = 0;

        errno = EIO; /* of a file that became shorter */
        if (!cf_descriptor_read_at(file, at, buffer, CF_BLOB_STEP, &size) || size == 0)
            status = cf_fail_errno(error, errno, "reading a blob back");
        cf_sha256_update(hasher, cf_bytes_of(buffer, size));
        at += size;
    }
    cf_hash found = cf_sha256_finish(hasher);
    if (status == CF_OK && !cf_hash_equal(&found, id))
        status = cf_fail(error, CF_FORGED, "the bytes of a blob are not what its name says");
    cf_sha256_destroy(&hasher);
    free(buffer);
    return status;
}

/* A failed sync is not tried again: what is on the disk is unknown then, so it goes. What lies
 * aside goes before the whole one has its name: from then on that one may lie there, while it is
 * looked at once more. */
static cf_status finish_upload(int root, const cf_blob_places *at, int file, const cf_blob_put *put,
                               cf_error *error)
{
    cf_status status = check_name(file, put->total, &put->id, error);
    if (status == CF_OK && fsync(file) != 0)
        status = cf_fail_errno(error, errno, "syncing a blob");
    if (status == CF_OK)
        status = make_folder(root, at->folder, at->user, error);
    if (status == CF_OK)
        unlinkat(root, at->aside, 0);
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

static bool is_whole(int root, const char *path, const cf_hash *id)
{
    int file = openat(root, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat found;
    cf_error ignored;

    if (file < 0)
        return false;
    bool is = fstat(file, &found) == 0 &&
              check_name(file, (uint64_t)found.st_size, id, &ignored) == CF_OK;
    close(file);
    return is;
}

/* What is renamed is looked at once more: between somebody's look and this the damaged one may have
 * been set aside by another, and put again by a device. */
cf_status cf_blob_files_set_aside(int root, const cf_blob_places *at, const cf_hash *id,
                                  cf_error *error)
{
    cf_status status = make_folder(root, at->damaged, at->user, error);

    if (!status && renameat(root, at->file, root, at->aside) != 0)
        status = cf_fail_errno(error, errno, "setting a damaged blob aside");
    if (status)
        return status == CF_MISSING ? CF_OK : status;
    if (!is_whole(root, at->aside, id))
        return CF_OK;
    if (renameat(root, at->aside, root, at->file) != 0)
        return cf_fail_errno(error, errno, "putting a whole blob back");
    return cf_fail(error, CF_CHANGED, "the blob is whole");
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

cf_status cf_blob_files_put(int root, const cf_blob_put *put, cf_blob_held *held, cf_error *error)
{
    cf_blob_places at = cf_blob_places_of(&put->user, &put->id);
    int file = -1;

    cf_status status = cf_blob_put_check(put, error);
    if (status)
        return status;
    held->complete = cf_blob_files_complete(root, &at, &held->size, &status, error);
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
