/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of devices that serve, with the watches of real folders. In the end each
 * directory that is there is watched, and no other; and what happens in any of them is seen,
 * without anybody looking at everything. */
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { DEVICES = 2, STEPS = 25, SEEDS = 12, NAMES = 4, PATH = 256, FOLDERS_MAX = 512 };
enum { REST_MS = 12000, COMING = 5 };
enum { KEPT = 60 }; /* files, so that a user never deletes most of what there is */
static const int64_t STEP_NS = INT64_C(10000000000);

typedef struct {
    char path[FOLDERS_MAX][PATH]; /* from the source's root, whose own is "" */
    uint64_t inode[FOLDERS_MAX];
    size_t count;
} folders;

static void find_folders(const small_device *self, const char *below, folders *out)
{
    char path[2 * PATH];
    struct stat stat_of;

    snprintf(path, sizeof path, "%s/%s", self->folder, below);
    DIR *folder = opendir(path);
    cr_assert(folder);
    cr_assert(stat(path, &stat_of) == 0);
    cr_assert(out->count < FOLDERS_MAX);
    out->inode[out->count] = stat_of.st_ino;
    snprintf(out->path[out->count++], PATH, "%s", below);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
            strcmp(entry->d_name, ".counterfoil")) {
            char inner[PATH];

            cr_assert_lt(snprintf(inner, sizeof inner, "%.120s%s%.120s", below, *below ? "/" : "",
                                  entry->d_name),
                         PATH);
            find_folders(self, inner, out);
        }
    closedir(folder);
}

/* ---- What users do ---- */

typedef struct {
    small_world *w;
    unsigned files; /* that were made */
} history;

static void name_in(history *self, const char *folder, char out[PATH])
{
    snprintf(out, PATH, "%.200s%s%c", folder, *folder ? "/" : "",
             'a' + (char)chance_below(&self->w->chance, NAMES));
}

static void write_in(history *self, small_device *one, const char *folder)
{
    char path[PATH], text[32];

    snprintf(path, sizeof path, "%.200s%sf%u", folder, *folder ? "/" : "", self->files);
    snprintf(text, sizeof text, "%u", self->files++);
    user_writes_text(one, path, text);
}

/* A directory with directories in it, which are all there before anybody hears of the first. */
static void make_tree(history *self, small_device *one, const char *folder)
{
    char path[PATH], inner[PATH];

    name_in(self, folder, path);
    user_makes(one, path);
    name_in(self, path, inner);
    user_makes(one, inner);
    write_in(self, one, inner);
}

static void act(history *self, small_device *one)
{
    static folders there;
    char path[PATH];

    there.count = 0;
    find_folders(one, "", &there);
    const char *folder = there.path[chance_below(&self->w->chance, there.count)];
    const char *other = there.path[chance_below(&self->w->chance, there.count)];
    switch (chance_below(&self->w->chance, 9)) {
    case 0:
    case 1:
        name_in(self, folder, path);
        user_makes(one, path);
        break;
    case 2:
        make_tree(self, one, folder);
        break;
    case 3:
    case 4:
        name_in(self, other, path);
        user_moves(one, folder, path);
        break;
    case 5:
        user_swaps(one, folder, other);
        break;
    case 6:
        if (*folder)
            user_removes(one, folder);
        break;
    case 7:
        snprintf(path, sizeof path, "../away%u", self->files++);
        if (*folder)
            user_moves(one, folder, path);
        break;
    default:
        write_in(self, one, folder);
        break;
    }
}

/* Or one of them is stopped for a while, and finds then what came and what its user did. */
static void pass(small_world *w)
{
    uint64_t ms = chance_below(&w->chance, chance_below(&w->chance, 2) ? 400 : 6000);

    switch (chance_below(&w->chance, 4)) {
    case 0:
        small_device_passes(&w->devices[chance_below(&w->chance, DEVICES)], ms);
        break;
    case 1:
        break;
    default:
        small_world_passes(w, ms);
        break;
    }
}

/* ---- What is watched ---- */

static size_t watched_inodes(const small_device *self, uint64_t *out)
{
    char path[64], line[256];
    size_t count = 0;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d",
             cf_watch_descriptor(cf_engine_watch(self->engine)));
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file)) {
        const char *inode = strstr(line, " ino:");

        if (strncmp(line, "inotify ", 8) == 0 && inode && count < FOLDERS_MAX)
            out[count++] = strtoull(inode + 5, NULL, 16);
    }
    fclose(file);
    return count;
}

static bool has(const uint64_t *at, size_t count, uint64_t wanted)
{
    for (size_t i = 0; i < count; i++)
        if (at[i] == wanted)
            return true;
    return false;
}

static void expect_watched(const small_device *self, uint64_t seed)
{
    static folders there;
    static uint64_t watched[FOLDERS_MAX];

    there.count = 0;
    find_folders(self, "", &there);
    size_t count = watched_inodes(self, watched);
    for (size_t i = 0; i < there.count; i++)
        cr_expect(has(watched, count, there.inode[i]), "seed %lu, device %d: %s is not watched",
                  (unsigned long)seed, self->number, there.path[i]);
    for (size_t i = 0; i < count; i++)
        cr_expect(has(there.inode, there.count, watched[i]),
                  "seed %lu, device %d: what is watched is not there", (unsigned long)seed,
                  self->number);
}

static void expect_equal(small_world *w, uint64_t seed, const char *when)
{
    cf_buffer difference = {0};

    bool equal = small_world_equal(w, &difference);
    cr_expect(equal, "seed %lu, %s:\n%.*s", (unsigned long)seed, when, (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
}

/* The watches alone tell of that: nobody looks at everything within an hour. */
static void expect_seen_everywhere(history *self, small_device *one, uint64_t seed)
{
    static folders there;

    there.count = 0;
    find_folders(one, "", &there);
    for (size_t i = 0; i < there.count; i++)
        write_in(self, one, there.path[i]);
    small_world_passes(self->w, REST_MS);
    expect_equal(self->w, seed, "after a file in each directory");
}

/* `disk`: its numbers are those of a mount, in which nothing tells a directory but its place, and
 * what the watches told. NULL: they last. */
static void try_history(uint64_t seed, lesser_disk *disk)
{
    history self = {.w = small_world_new(seed, DEVICES)};

    if (disk) {
        lesser_disk_begin(disk, self.w);
        disk->renumbers = true;
    }
    for (int i = 0; i < KEPT; i++)
        write_in(&self, &self.w->devices[0], "");
    for (int i = 0; i < DEVICES; i++)
        small_device_serves(&self.w->devices[i]);
    small_world_passes(self.w, REST_MS);
    for (int step = 0; step < STEPS; step++) {
        act(&self, &self.w->devices[chance_below(&self.w->chance, DEVICES)]);
        pass(self.w);
        if (disk)
            lesser_disk_set_clock(disk, lesser_disk_clock(disk) + STEP_NS);
    }
    small_world_passes(self.w, 4 * REST_MS);
    expect_equal(self.w, seed, "at rest");
    for (int i = 0; i < DEVICES; i++)
        expect_watched(&self.w->devices[i], seed);
    for (int i = 0; i < DEVICES; i++)
        expect_seen_everywhere(&self, &self.w->devices[i], seed);
    small_world_destroy(&self.w);
}

static uint64_t number_in(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

Test(engine_watched_histories, each_directory_is_watched_and_no_other)
{
    uint64_t first = number_in("WATCHED_SEED", 1), count = number_in("WATCHED_COUNT", SEEDS);

    for (uint64_t seed = first; seed < first + count; seed++)
        try_history(seed, NULL);
}

/* What was one directory's number may be another's by now, as where two changed places. */
Test(engine_watched_histories, each_directory_is_watched_where_numbers_do_not_last)
{
    uint64_t first = number_in("WATCHED_SEED", 1), count = number_in("WATCHED_COUNT", SEEDS);
    static lesser_disk disk;

    for (uint64_t seed = first; seed < first + count; seed++)
        try_history(seed, &disk);
}

/* The watch of the one above tells of them too, and so they are looked at: what is renamed in them
 * before that is told by their own. */
Test(engine_watched_histories, directories_that_come_are_watched_before_they_are_looked_at)
{
    static folders there;
    history self = {.w = small_world_new(1, DEVICES)};
    small_device *first = &self.w->devices[0], *second = &self.w->devices[1];
    char path[PATH];

    for (int i = 0; i < DEVICES; i++)
        small_device_serves(&self.w->devices[i]);
    small_world_passes(self.w, REST_MS);
    for (int i = 0; i < COMING; i++) {
        snprintf(path, sizeof path, "d%d", i);
        user_makes(first, path);
    }
    cr_assert(small_device_sync(first));
    for (int turns = 0; turns < SMALL_TURNS_MAX && there.count <= 1; turns++) {
        small_device_passes(second, SMALL_TURN_MS);
        there.count = 0;
        find_folders(second, "", &there);
    }
    cr_expect_eq(there.count, 1 + COMING);
    expect_watched(second, 1);
    small_world_destroy(&self.w);
}
