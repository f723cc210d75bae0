/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_open_files.h"

#include "broker/platform/descriptor.h"
#include "broker/store/store_tail.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 2, PAUSE_NS = 20000000 };
typedef enum { NEITHER, LOG, MANIFEST } kind;

typedef struct {
    int folder;
    bool found[MANIFEST + 1]; /* whole, under its name */
    bool is_blind;            /* the folder could not be read */
} search;

static kind kind_of(const char *name)
{
    const char *end = strrchr(name, '.');

    if (strncmp(name, "MANIFEST-", strlen("MANIFEST-")) == 0)
        return MANIFEST;
    return end && strcmp(end, ".log") == 0 ? LOG : NEITHER;
}

/* By what stat says of both: what a listing has of a name is another number on some file systems.
 */
static bool is_it(int folder, const char *name, const struct stat *open)
{
    struct stat named;

    return fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_ino == open->st_ino && named.st_dev == open->st_dev;
}

/* What was written up to `end` is sound there, or it can't be read. */
static bool is_sound(int folder, const char *name, off_t end)
{
    uint64_t whole = 0;
    bool is_whole;
    cf_error unread;

    return cf_store_tail_check(folder, name, &is_whole, &whole, &unread) || whole >= (uint64_t)end;
}

static kind kind_of_open(search *self, const struct stat *open, off_t end)
{
    const int folder = self->folder;
    const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = again < 0 ? NULL : fdopendir(again);
    const struct dirent *entry;
    kind found = NEITHER;

    while (names && !found && (entry = cf_descriptor_next_name(names)))
        if (kind_of(entry->d_name) && is_it(folder, entry->d_name, open) &&
            is_sound(folder, entry->d_name, end))
            found = kind_of(entry->d_name);
    self->is_blind |= !names;
    if (names)
        closedir(names);
    else if (again >= 0)
        close(again);
    return found;
}

static void look_at(search *self, int file)
{
    struct stat open;
    const int flags = fcntl(file, F_GETFL);
    const off_t end = lseek(file, 0, SEEK_CUR);

    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(file, &open) == 0 &&
        S_ISREG(open.st_mode))
        self->found[kind_of_open(self, &open, end)] = true;
}

static void find_lost(int folder, cf_store_lost_files *out)
{
    search self = {.folder = folder};
    DIR *files = opendir("/proc/self/fd");
    const struct dirent *entry;

    while (files && (entry = cf_descriptor_next_name(files)))
        look_at(&self, atoi(entry->d_name));
    const bool has_looked = files && !self.is_blind;
    *out =
        (cf_store_lost_files){has_looked && !self.found[LOG], has_looked && !self.found[MANIFEST]};
    if (files)
        closedir(files);
}

/* RocksDB may begin another one, or write, while they are looked at. */
void cf_store_find_lost(int folder, cf_store_lost_files *out)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};

    find_lost(folder, out);
    for (int tries = 0; tries < TRIES && (out->log || out->manifest); tries++) {
        nanosleep(&pause, NULL);
        find_lost(folder, out);
    }
}
