/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/lesser_disk.h"

#include "codec/clock.h"

#include <string.h>
#include <time.h>

static const int64_t SECOND_NS = 1000000000, LONGEST_TEST_NS = 200 * 1000000000LL;

static int64_t real_now(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* A time that was set, by whomever, is cut. */
static int64_t time_shown(const lesser_disk *self, int64_t real_ns)
{
    size_t i = self->move_count;

    if (real_ns < self->began_ns || real_ns > self->began_ns + LONGEST_TEST_NS)
        return real_ns - real_ns % SECOND_NS;
    while (i > 1 && self->moves[i - 1].real_ns > real_ns)
        i--;
    return self->moves[i - 1].to_ns + self->fraction_ns;
}

static uint64_t number_shown(lesser_disk *self, uint64_t inode)
{
    for (size_t i = 0; i < self->seen_count; i++)
        if (self->seen[i] == inode)
            return i + 2;
    self->seen[self->seen_count++] = inode;
    return self->seen_count + 1;
}

static cf_status show(lesser_disk *self, cf_stat *stat, cf_status status)
{
    if (status)
        return status;
    stat->mtime_ns = time_shown(self, stat->mtime_ns);
    stat->ctime_ns = self->no_ctimes ? stat->mtime_ns : time_shown(self, stat->ctime_ns);
    if (stat->birth_ns)
        stat->birth_ns = time_shown(self, stat->birth_ns);
    if (self->renumbers) {
        stat->inode = number_shown(self, stat->inode);
        stat->birth_ns = 0;
    }
    return CF_OK;
}

static cf_status stat_folder(cf_files *files, const cf_folder *folder, cf_stat *out,
                             cf_error *error)
{
    return show(files->context, out, cf_files_posix()->stat_folder(files, folder, out, error));
}

static cf_status stat_name(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                           cf_error *error)
{
    return show(files->context, out, cf_files_posix()->stat(files, folder, name, out, error));
}

static cf_status stat_file(cf_files *files, const cf_file *file, cf_stat *out, cf_error *error)
{
    return show(files->context, out, cf_files_posix()->stat_file(files, file, out, error));
}

static cf_status create_file(cf_files *files, const cf_folder *folder, cf_bytes name, uint32_t mode,
                             cf_file **out, cf_error *error)
{
    if (((lesser_disk *)files->context)->unmakeable)
        return cf_fail(error, CF_FULL, "nothing can be made");
    return cf_files_posix()->create_file(files, folder, name, mode, out, error);
}

static cf_status open_file(cf_files *files, const cf_folder *folder, cf_bytes name, cf_file **out,
                           cf_error *error)
{
    const char *path = files->shown(files, folder);

    ((lesser_disk *)files->context)->reads +=
        strstr(path, "/folder") && !strstr(path, "/.counterfoil");
    return cf_files_posix()->open_file(files, folder, name, out, error);
}

static void happen(lesser_disk *self, const char *path)
{
    const size_t size = strlen(path), end = self->between ? strlen(self->between) : 0;

    if (!end || size < end || strcmp(path + size - end, self->between) != 0)
        return;
    self->between = NULL;
    self->happens(self->context);
}

static cf_status list(cf_files *files, const cf_folder *folder, cf_name_visit *visit, void *context,
                      cf_error *error)
{
    const char *path = files->shown(files, folder);

    ((lesser_disk *)files->context)->listings +=
        strstr(path, "/folder") && !strstr(path, "/.counterfoil");
    cf_status status = cf_files_posix()->list(files, folder, visit, context, error);
    happen(files->context, path);
    return status;
}

static cf_status filesystem(cf_files *files, const cf_folder *folder, cf_filesystem *out,
                            cf_error *error)
{
    cf_status status = cf_files_posix()->filesystem(files, folder, out, error);

    if (!status) {
        out->renumbers = ((lesser_disk *)files->context)->renumbers;
        out->is_remote = ((lesser_disk *)files->context)->is_remote;
        out->device += ((lesser_disk *)files->context)->mounts;
    }
    return status;
}

static int descriptor(cf_files *files, const cf_folder *folder)
{
    lesser_disk *self = files->context;

    self->watched++;
    return self->unwatchable ? -1
           : self->deaf      ? self->elsewhere
                             : cf_files_posix()->descriptor(files, folder);
}

void lesser_disk_begin(lesser_disk *self, small_world *in)
{
    *self = (lesser_disk){.in = in, .began_ns = real_now(CLOCK_REALTIME) - LONGEST_TEST_NS / 2};
    in->files.context = self;
    in->files.filesystem = filesystem;
    in->files.list = list;
    in->files.descriptor = descriptor;
    in->files.stat_folder = stat_folder;
    in->files.stat = stat_name;
    in->files.stat_file = stat_file;
    in->files.create_file = create_file;
    in->files.open_file = open_file;
    lesser_disk_set_clock(self, cf_ns_of_ms(in->now_ms) + LONGEST_TEST_NS);
}

/* What was done so far has an earlier real time than what is done from now on. The kernel gives
 * files the coarse time, or, once somebody has asked for theirs, the fine one. */
void lesser_disk_set_clock(lesser_disk *self, int64_t now_ns)
{
    const struct timespec tick = {.tv_nsec = 500000};
    const int64_t before_ns = real_now(CLOCK_REALTIME);
    int64_t real_ns;

    while ((real_ns = real_now(CLOCK_REALTIME_COARSE)) <= before_ns)
        nanosleep(&tick, NULL);
    self->moves[self->move_count].real_ns = real_ns;
    self->moves[self->move_count++].to_ns = now_ns - now_ns % SECOND_NS;
}

int64_t lesser_disk_clock(const lesser_disk *self)
{
    return self->moves[self->move_count - 1].to_ns;
}

void lesser_disk_remount(lesser_disk *self, size_t unlike)
{
    memset(self->seen, 0xff, sizeof self->seen);
    self->seen_count = unlike;
}
