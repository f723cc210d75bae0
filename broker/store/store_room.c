/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_room.h"

#include "broker/platform/descriptor.h"
#include "codec/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPARE (1 * CF_MIB)  /* its manifest, options and messages */
#define VERB (2 * CF_MIB)   /* what one writes, beside what was written already */
#define AMPLE (64 * CF_MIB) /* as large as its logs become */

uint64_t cf_store_room(const char *path)
{
    struct statvfs room;
    char *parent = cf_text_copy(path);
    bool is_known = statvfs(path, &room) == 0 || statvfs(dirname(parent), &room) == 0;

    free(parent);
    return is_known ? (uint64_t)room.f_bavail * room.f_frsize : UINT64_MAX;
}

/* Who may use what a disk keeps, and how much of that there is, only the disk knows. */
static bool can_take(const char *path, uint64_t size)
{
    char *parent = cf_text_copy(path);
    int trial = open(path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

    if (trial < 0 && errno == ENOENT)
        trial = open(dirname(parent), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    free(parent);
    const bool is_taken = trial >= 0 && fallocate(trial, 0, 0, (off_t)size) == 0;
    if (trial >= 0)
        close(trial);
    return is_taken;
}

bool cf_store_room_has(const char *path, uint64_t needed)
{
    return cf_store_room(path) >= needed || can_take(path, needed);
}

static bool is_log(const char *name)
{
    size_t size = strlen(name);

    return size > 4 && strcmp(name + size - 4, ".log") == 0;
}

static bool is_any(const char *name)
{
    (void)name;
    return true;
}

static uint64_t size_of(const char *path, bool (*counts)(const char *name))
{
    DIR *folder = opendir(path);
    uint64_t sum = 0;
    struct stat stat;

    for (const struct dirent *entry; folder && (entry = cf_descriptor_next_name(folder));)
        if (counts(entry->d_name) && fstatat(dirfd(folder), entry->d_name, &stat, 0) == 0)
            sum += (uint64_t)stat.st_size;
    if (folder)
        closedir(folder);
    return sum;
}

static uint64_t size_of_logs(const char *path)
{
    return size_of(path, is_log);
}

uint64_t cf_store_room_needed(const char *path)
{
    return SPARE + 2 * size_of_logs(path);
}

bool cf_store_room_to_open(const char *path)
{
    return cf_store_room_has(path, cf_store_room_needed(path));
}

uint64_t cf_store_room_to_go_on(const char *path)
{
    const uint64_t logs = size_of_logs(path), to_write = SPARE + 2 * VERB + logs,
                   to_open = SPARE + 2 * logs;

    return to_write > to_open ? to_write : to_open;
}

/* A copy of the logs, what they hold in tables of the copy, and a log and tables of the new one;
 * tables of the damaged one are linked. */
uint64_t cf_store_room_to_repair(const char *path)
{
    return 4 * SPARE + size_of(path, is_any) + 3 * size_of_logs(path);
}

static uint64_t needed_beside_logs(size_t size)
{
    return SPARE + 2 * (uint64_t)size;
}

/* The logs have what is in memory and will be written to tables. */
uint64_t cf_store_room_needed_to_write(const char *path, size_t size)
{
    return needed_beside_logs(size) + size_of_logs(path);
}

bool cf_store_room_to_write(const char *path, size_t size)
{
    uint64_t room = cf_store_room(path);

    return room >= AMPLE + needed_beside_logs(size) ||
           cf_store_room_has(path, cf_store_room_needed_to_write(path, size));
}
