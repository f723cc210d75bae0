/* SPDX-License-Identifier: Apache-2.0 */
/* Where blobs lie in the folder of their user, whether one is whole there, and the end of them
 * all. */
#include "broker/blobs/blob_files_inside.h"

#include "broker/platform/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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
