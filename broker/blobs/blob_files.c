/* SPDX-License-Identifier: Apache-2.0 */
/* USER/xx/ID holds a complete blob, USER/uploads/ID what is held of one that is not,
 * USER/damaged/ID one that was set aside; xx are the first two digits of ID. What an upload wrote
 * may be lost in a crash and its file end in zeros then: the check of the whole against its name
 * finds that out. */
#include "broker/blobs/blob_folder.h"

#include "broker/platform/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_BYTES = 256 };

typedef struct {
    cf_blobs base;
    int root;
    int above; /* in which it lies, */
    char *name;
} blob_files;

/* Somebody removed or renamed the folder, and may have made another: what is there now takes its
 * place, under the descriptor that other threads use meanwhile. */
static void open_anew(const blob_files *self)
{
    if (mkdirat(self->above, self->name, 0700) == 0 && fsync(self->above)) {
        (void)unlinkat(self->above, self->name, AT_REMOVEDIR);
        return;
    }
    const int found = openat(self->above, self->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (found < 0)
        return;
    (void)dup3(found, self->root, O_CLOEXEC);
    close(found);
}

static int root_of(cf_blobs *base)
{
    const blob_files *self = (const blob_files *)base;
    struct stat held, there;

    if (fstat(self->root, &held) == 0 &&
        (fstatat(self->above, self->name, &there, 0) == 0
             ? there.st_ino != held.st_ino || there.st_dev != held.st_dev
             : errno == ENOENT))
        open_anew(self);
    return self->root;
}

/* On the disk, of the blob and of an upload of it. */
static cf_blob_usage taken_by(int root, const cf_blob_places *at)
{
    const char *const paths[] = {at->file, at->upload};
    cf_blob_usage taken = {0};
    struct stat found;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (fstatat(root, paths[i], &found, AT_SYMLINK_NOFOLLOW) == 0) {
            taken.size += (uint64_t)found.st_size;
            taken.count++;
        }
    return taken;
}

static void files_put(cf_blobs *base, const cf_blob_put *put)
{
    cf_blob_held held = {0};
    cf_error error = {0};

    cf_blob_places at = cf_blob_places_of(&put->user, &put->id);
    cf_blob_usage before = taken_by(root_of(base), &at);

    cf_status status = cf_blob_files_put(root_of(base), put, &held, &error);
    if (status == CF_MISSING) /* the folder of all, which is not the device's fault */
        status = error.status = CF_IO;
    cf_blob_held_note_change(&held, before, taken_by(root_of(base), &at));
    if (put->done)
        put->done(put->context, status, held, &error);
}

static cf_status files_held(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                            cf_blob_held *out, cf_error *error)
{
    cf_blob_places at = cf_blob_places_of(user, id);
    cf_blob_held held = {0};
    struct stat upload;
    cf_status status;

    held.complete = cf_blob_files_complete(root_of(base), &at, &held.size, &status, error);
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
    size_t got;

    if (!cf_descriptor_read_at(file, offset, cf_buffer_reserve(out, size), size, &got))
        return cf_fail_errno(error, errno, "reading a blob");
    out->size += got;
    return CF_OK;
}

static cf_status files_get(cf_blobs *base, const cf_hash *user, const cf_hash *id, uint64_t offset,
                           size_t size, cf_buffer *out, uint64_t *total, cf_error *error)
{
    cf_blob_places at = cf_blob_places_of(user, id);
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
static cf_status list_folder(int root, const char *path, cf_blob_info kind, cf_blob_visit *visit,
                             void *context, bool *wanted, cf_error *error)
{
    DIR *folder = NULL;
    const struct dirent *entry;
    struct stat found;

    cf_status status = open_list(root, path, &folder, error);
    if (status) /* it may be that of a user without blobs */
        return status == CF_MISSING ? CF_OK : status;
    while (*wanted && (entry = cf_descriptor_next_name(folder))) {
        cf_blob_info blob = kind;

        if (cf_unhex(entry->d_name, blob.id.bytes, CF_HASH_SIZE) &&
            fstatat(dirfd(folder), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0) {
            blob.size = (uint64_t)found.st_size;
            blob.stored_ms =
                (uint64_t)found.st_mtim.tv_sec * 1000 + (uint64_t)found.st_mtim.tv_nsec / 1000000;
            *wanted = visit(context, &blob);
        }
    }
    if (*wanted && errno)
        status = cf_fail_errno(error, errno, "listing blobs");
    closedir(folder);
    return status;
}

static cf_status files_list(cf_blobs *base, const cf_hash *user, uint8_t first,
                            cf_blob_visit *visit, void *context, cf_error *error)
{
    int root = root_of(base);
    cf_hash none = {0};
    cf_blob_places at = cf_blob_places_of(user, &none);
    bool wanted = true;

    const cf_blob_info upload = {0}, aside = {.is_aside = true}, blob = {.complete = true};
    cf_status status = CF_OK;

    if (!first)
        status = list_folder(root, at.uploads, upload, visit, context, &wanted, error);
    if (!first && !status && wanted)
        status = list_folder(root, at.damaged, aside, visit, context, &wanted, error);
    for (int i = first; status == CF_OK && wanted && i < 256; i++) {
        none.bytes[0] = (uint8_t)i;
        at = cf_blob_places_of(user, &none);
        status = list_folder(root, at.folder, blob, visit, context, &wanted, error);
    }
    return status;
}

/* Takes so many names that begin with a byte of an id; false: there may be more. */
static bool take_first_bytes(DIR *folder, size_t most, cf_blob_first_bytes *out)
{
    const struct dirent *entry = NULL;
    size_t taken = 0;

    while (taken <= most && (entry = cf_descriptor_next_name(folder))) {
        char digits[3] = {entry->d_name[0], entry->d_name[1]};
        cf_hash id;

        if (cf_unhex(digits, id.bytes, 1)) {
            cf_blob_first_bytes_add(out, &id);
            taken++;
        }
    }
    return !entry && errno == 0;
}

/* Two digits, or an upload's name. Too many uploads: any id may be there. */
static cf_status files_first_bytes(cf_blobs *base, const cf_hash *user, cf_blob_first_bytes *out,
                                   cf_error *error)
{
    static const cf_hash none;
    cf_blob_places at = cf_blob_places_of(user, &none);
    const char *const paths[] = {at.uploads, at.user};
    cf_blob_first_bytes found = {0};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        DIR *folder = NULL;
        cf_status status = open_list(root_of(base), paths[i], &folder, error);

        if (status == CF_MISSING)
            continue;
        if (status)
            return status;
        if (!take_first_bytes(folder, FIRST_BYTES, &found))
            memset(&found, 0xff, sizeof found);
        closedir(folder);
    }
    *out = found;
    return CF_OK;
}

static cf_status files_users(cf_blobs *base, cf_blob_user_visit *visit, void *context,
                             cf_error *error)
{
    DIR *folder = NULL;
    const struct dirent *entry;
    bool wanted = true;

    cf_status status = open_list(root_of(base), ".", &folder, error);
    if (status)
        return status;
    while (wanted && (entry = cf_descriptor_next_name(folder))) {
        cf_hash user;

        if (cf_unhex(entry->d_name, user.bytes, CF_HASH_SIZE))
            wanted = visit(context, &user);
    }
    if (wanted && errno)
        status = cf_fail_errno(error, errno, "listing the users of blobs");
    closedir(folder);
    return status;
}

static cf_status files_drop(cf_blobs *base, const cf_hash *user, const cf_hash *id, cf_error *error)
{
    cf_blob_places at = cf_blob_places_of(user, id);

    if ((unlinkat(root_of(base), at.file, 0) != 0 && errno != ENOENT) ||
        (unlinkat(root_of(base), at.upload, 0) != 0 && errno != ENOENT) ||
        (unlinkat(root_of(base), at.aside, 0) != 0 && errno != ENOENT))
        return cf_fail_errno(error, errno, "removing a blob");
    return CF_OK;
}

static cf_status files_drop_upload(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                                   cf_error *error)
{
    cf_blob_places at = cf_blob_places_of(user, id);

    if (unlinkat(root_of(base), at.upload, 0) != 0 && errno != ENOENT)
        return cf_fail_errno(error, errno, "removing an upload");
    return CF_OK;
}

static cf_status files_set_aside(cf_blobs *base, const cf_hash *user, const cf_hash *id,
                                 cf_error *error)
{
    cf_blob_places at = cf_blob_places_of(user, id);

    return cf_blob_files_set_aside(root_of(base), &at, id, error);
}

static cf_status files_forget(cf_blobs *base, const cf_hash *user, cf_error *error)
{
    cf_hash none = {0};
    cf_blob_places at = cf_blob_places_of(user, &none);

    return cf_blob_files_forget(root_of(base), at.user, error);
}

static void files_destroy(cf_blobs *base)
{
    blob_files *self = (blob_files *)base;

    close(self->root);
    close(self->above);
    free(self->name);
    free(self);
}

/* The folder in which `path` lies, and its name there. */
static cf_status open_above(blob_files *self, const char *path, cf_error *error)
{
    const char *slash = strrchr(path, '/');
    char *above =
        slash ? cf_text_copy_of(cf_bytes_of(path, (size_t)(slash - path) + 1)) : cf_text_copy(".");

    self->above = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->above < 0)
        cf_fail_errno(error, errno, "opening %s", above);
    free(above);
    self->name = cf_text_copy(slash ? slash + 1 : path);
    return self->above < 0 ? error->status : CF_OK;
}

cf_status cf_blob_files_open(const char *path, cf_blobs **out, cf_error *error)
{
    blob_files *self = cf_allocate(1, sizeof *self);

    self->root = self->above = -1;
    cf_status status = cf_durable_folder_open(path, &self->root, error);
    if (!status)
        status = open_above(self, path, error);
    if (status) {
        files_destroy(&self->base);
        return status;
    }
    self->base = (cf_blobs){
        .destroy = files_destroy,
        .put = files_put,
        .held = files_held,
        .first_bytes = files_first_bytes,
        .get = files_get,
        .list = files_list,
        .users = files_users,
        .drop = files_drop,
        .drop_upload = files_drop_upload,
        .set_aside = files_set_aside,
        .forget = files_forget,
    };
    *out = &self->base;
    return CF_OK;
}
