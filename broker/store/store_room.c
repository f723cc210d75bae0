/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_room.h"

#include "broker/platform/descriptor.h"
#include "codec/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
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

/* ---- Ballast ---- */

#define STEP (4 * CF_MIB)
#define KEPT_MAX (64 * CF_MIB)

enum { PATH_SIZE = 64 };

static const char ballast[] = "ballast";

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

    return fstatat(folder, ballast, &held, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(held.st_mode)
               ? (uint64_t)held.st_size
               : 0;
}

static void hold(int folder, uint64_t size)
{
    int file = openat(folder, ballast, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (file < 0)
        return;
    if (fallocate(file, 0, 0, (off_t)size) != 0 && size_held(folder) == 0)
        unlinkat(folder, ballast, 0);
    close(file);
}

bool cf_ballast_keep(int folder)
{
    const uint64_t size = size_wanted(folder), held = size_held(folder);

    if (size > held)
        hold(folder, size);
    return size || held;
}

uint64_t cf_ballast_drop(int folder)
{
    const uint64_t held = size_held(folder);

    unlinkat(folder, ballast, 0);
    return held;
}

/* With what the disk keeps for root, if it takes one block more of this user than of others. */
static uint64_t room_of_this_user(int folder)
{
    char store[PATH_SIZE];
    struct statvfs disk;

    if (fstatvfs(folder, &disk) != 0)
        return UINT64_MAX;
    const uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    return disk.f_bfree > disk.f_bavail && can_take(store_of(folder, store), room + disk.f_frsize)
               ? (uint64_t)disk.f_bfree * disk.f_frsize
               : room;
}

/* What is held stays where it is too little with all that is free: others could take it before it
 * is held again, and on an ext4 it is free only when the journal was written. */
static uint64_t drop_if_enough(int folder, uint64_t needed)
{
    const uint64_t held = size_held(folder), room = room_of_this_user(folder);

    return room < needed && needed - room > held ? 0 : cf_ballast_drop(folder);
}

uint64_t cf_ballast_use_to_open(int folder)
{
    char store[PATH_SIZE];

    if (cf_store_room_to_open(store_of(folder, store)))
        return 0;
    return drop_if_enough(folder, cf_store_room_needed(store));
}

uint64_t cf_ballast_use_to_write(int folder)
{
    char store[PATH_SIZE];

    return drop_if_enough(folder, cf_store_room_needed_to_write(store_of(folder, store), 0));
}

void cf_ballast_take_back(int folder, uint64_t size)
{
    if (size)
        hold(folder, size);
}

/* ---- The reserve ---- */

#define LEAST (256 * CF_MIB)

uint64_t cf_reserve_of_contents(uint64_t whole)
{
    const uint64_t wanted = whole / 100 > LEAST ? whole / 100 : LEAST;

    return wanted < whole / 8 ? wanted : whole / 8;
}

/* Of what is needed beside: room for verbs, and for the small when the large are refused. */
#define BESIDE CF_MIB

static bool leaves(const cf_reserve *reserve, uint64_t size, uint64_t least)
{
    return reserve->room >= least && reserve->room - least >= size;
}

static uint64_t greater(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static uint64_t least_of_contents(const cf_reserve *reserve)
{
    return greater(cf_reserve_of_contents(reserve->whole), reserve->needed + 2 * BESIDE);
}

bool cf_reserve_takes_contents(const cf_reserve *reserve, uint64_t size)
{
    return leaves(reserve, size, least_of_contents(reserve));
}

bool cf_reserve_takes_entries(const cf_reserve *reserve, uint64_t size)
{
    const uint64_t contents = cf_reserve_of_contents(reserve->whole);

    return size <= CF_RESERVE_SMALL
               ? leaves(reserve, size, greater(contents / 40, reserve->needed))
               : leaves(reserve, size, greater(contents / 10, reserve->needed + BESIDE));
}

bool cf_reserve_is_scarce(const cf_reserve *reserve)
{
    const uint64_t least = least_of_contents(reserve);

    return reserve->room < greater(reserve->whole / 10, least + least / 4);
}

const char *cf_reserve_effect(const cf_reserve *reserve)
{
    if (!cf_reserve_takes_entries(reserve, 1))
        return "all that users send is refused";
    if (!cf_reserve_takes_entries(reserve, CF_RESERVE_SMALL + 1))
        return "all that users send is refused but small edits and deletions";
    if (!cf_reserve_takes_contents(reserve, 1))
        return "contents that users send are refused";
    return "users may be refused soon";
}
