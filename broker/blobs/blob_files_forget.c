/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/blobs/blob_files_forget.h"

#include "broker/platform/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

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
