/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/ballast.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "broker/store/store_room.h"
#include "codec/limits.h"

#define STEP (4 * CF_MIB)
#define KEPT_MAX (64 * CF_MIB)

enum { PATH_SIZE = 64 };

static const char name[] = "ballast";

static const char *store_of(int folder, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "/proc/self/fd/%d/store", folder);
    return path;
}

/* 3 MiB of logs want 8, 9 want 20. */
uint64_t cf_ballast_size(uint64_t needed, uint64_t room, uint64_t kept)
{
    const uint64_t size = (needed / STEP + 1) * STEP, with_kept = size + kept;

    if (kept <= KEPT_MAX && room / 2 >= with_kept)
        return with_kept;
    return room / 2 >= size ? size : 0;
}

static uint64_t size_wanted(int folder)
{
    char store[PATH_SIZE];
    struct statvfs disk;

    if (fstatvfs(folder, &disk) != 0)
        return 0;
    return cf_ballast_size(
        cf_store_room_needed(store_of(folder, store)), (uint64_t)disk.f_bavail * disk.f_frsize,
        disk.f_bfree > disk.f_bavail ? (uint64_t)(disk.f_bfree - disk.f_bavail) * disk.f_frsize
                                     : 0);
}

static uint64_t size_held(int folder)
{
    struct stat held;

    return fstatat(folder, name, &held, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(held.st_mode)
               ? (uint64_t)held.st_size
               : 0;
}

static void hold(int folder, uint64_t size)
{
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (file < 0)
        return;
    if (fallocate(file, 0, 0, (off_t)size) != 0 && size_held(folder) == 0)
        unlinkat(folder, name, 0);
    close(file);
}

bool cf_ballast_keep(int folder)
{
    const uint64_t size = size_wanted(folder), held = size_held(folder);

    if (size > held)
        hold(folder, size);
    return size || held;
}

uint64_t cf_ballast_use(int folder)
{
    char store[PATH_SIZE];

    return cf_store_room_to_open(store_of(folder, store)) ? 0 : cf_ballast_drop(folder);
}

uint64_t cf_ballast_drop(int folder)
{
    const uint64_t held = size_held(folder);

    unlinkat(folder, name, 0);
    return held;
}

void cf_ballast_take_back(int folder, uint64_t size)
{
    if (size)
        hold(folder, size);
}
