/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that rests keeps its number, behind which is something that lies on no disk: whoever
 * works with the number meanwhile is refused by the system, and meets nobody else's file. */
#include "broker/platform/files_posix.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

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
