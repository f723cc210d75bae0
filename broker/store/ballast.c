/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/ballast.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/store/store_room.h"
#include "codec/limits.h"

#define STEP (4 * CF_MIB)

enum { PATH_SIZE = 4096 };

static const char *path_of(const char *folder, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    return path;
}

/* As large as it is useful now: 3 MiB of logs want 8, 9 want 20. */
static uint64_t wanted(const char *folder)
{
    char store[PATH_SIZE];

    return (cf_store_room_needed(path_of(folder, "store", store)) / STEP + 1) * STEP;
}

void cf_ballast_keep(const char *path)
{
    char name[PATH_SIZE];
    struct stat held = {0};
    const uint64_t size = wanted(path);

    if (stat(path_of(path, "ballast", name), &held) != 0)
        held.st_size = 0;
    if ((uint64_t)held.st_size >= size || cf_store_room(path) / 2 < size)
        return;
    int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return;
    if (fallocate(file, 0, 0, (off_t)size) != 0 && !held.st_size)
        unlink(name);
    close(file);
}

void cf_ballast_use(const char *path)
{
    char store[PATH_SIZE];

    if (!cf_store_room_to_open(path_of(path, "store", store)))
        cf_ballast_drop(path);
}

void cf_ballast_drop(const char *path)
{
    char name[PATH_SIZE];

    unlink(path_of(path, "ballast", name));
}
