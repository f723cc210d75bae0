/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/disk_clock.h"

#include <string.h>

/* Steps of the clocks by which kernels give times, and of times that are cut: exFAT's and FAT's. */
#define TICK_NS INT64_C(20000000)
#define FINE_STEP_NS INT64_C(10000000)
#define COARSE_STEP_NS INT64_C(2000000000)

static const char CLOCK_NAME[] = "clock";

int64_t cf_disk_clock(cf_files *files, const cf_folder *temporary)
{
    const cf_bytes name = cf_bytes_of_text(CLOCK_NAME);
    cf_file *file = NULL;
    cf_stat made = {0};
    cf_error ignored;

    (void)files->unlink(files, temporary, name, &ignored); /* a crash has left it */
    cf_status status = files->create_file(files, temporary, name, 0600, &file, &ignored);
    files->close_file(files, &file);
    if (!status)
        status = files->stat(files, temporary, name, &made, &ignored);
    (void)files->unlink(files, temporary, name, &ignored);
    return status ? 0 : made.mtime_ns;
}

int64_t cf_disk_folder_changed(const cf_stat *folder)
{
    return folder->mtime_ns > folder->ctime_ns ? folder->mtime_ns : folder->ctime_ns;
}

static bool is_fine(int64_t time_ns)
{
    return time_ns % FINE_STEP_NS != 0;
}

bool cf_disk_is_settled(int64_t changed_ns, int64_t clock_ns)
{
    return is_fine(changed_ns) || cf_disk_is_before(changed_ns, clock_ns);
}

bool cf_disk_is_before(int64_t changed_ns, int64_t clock_ns)
{
    const int64_t step_ns = is_fine(changed_ns) ? TICK_NS : COARSE_STEP_NS;
    int64_t latest_ns;

    return !__builtin_add_overflow(changed_ns, step_ns, &latest_ns) && latest_ns < clock_ns;
}

/* ---- Times of directories without what is mounted there ---- */

enum { PARTS = 3 };

bool cf_bare_times_have(const cf_bare_times *times, uint64_t folder, int64_t changed_ns)
{
    for (size_t i = 0; i < times->count; i++)
        if (times->at[i].folder == folder && times->at[i].changed_ns == changed_ns)
            return true;
    return false;
}

bool cf_bare_times_have_folder(const cf_bare_times *times, uint64_t folder)
{
    for (size_t i = 0; i < times->count; i++)
        if (times->at[i].folder == folder)
            return true;
    return false;
}

bool cf_bare_times_have_inode(const cf_bare_times *times, uint64_t folder, uint64_t inode)
{
    for (size_t i = 0; i < times->count; i++)
        if (times->at[i].folder == folder && times->at[i].inode == inode)
            return true;
    return false;
}

static void drop(cf_bare_times *times, size_t index)
{
    times->count--;
    memmove(&times->at[index], &times->at[index + 1], (times->count - index) * sizeof *times->at);
}

static void drop_oldest_of(cf_bare_times *times, uint64_t folder)
{
    size_t of_one = 0, oldest = 0;

    for (size_t i = times->count; i-- > 0;)
        if (times->at[i].folder == folder) {
            of_one++;
            oldest = i;
        }
    if (of_one == CF_BARE_TIMES_OF_ONE)
        drop(times, oldest);
}

bool cf_bare_times_add(cf_bare_times *times, cf_bare_time noted)
{
    if (cf_bare_times_have(times, noted.folder, noted.changed_ns))
        return false;
    drop_oldest_of(times, noted.folder);
    if (times->count == CF_BARE_TIMES_MAX)
        drop(times, 0);
    times->at[times->count++] = noted;
    return true;
}

void cf_bare_times_pack(const cf_bare_times *times, cf_buffer *out)
{
    cf_pack_array(out, PARTS * times->count);
    for (size_t i = 0; i < times->count; i++) {
        cf_pack_uint(out, times->at[i].folder);
        cf_pack_int(out, times->at[i].changed_ns);
        cf_pack_uint(out, times->at[i].inode);
    }
}

cf_status cf_bare_times_read(cf_reader *reader, cf_bare_times *times, cf_error *error)
{
    size_t count = 0;

    *times = (cf_bare_times){0};
    cf_status status = cf_read_array(reader, &count, error);
    if (!status && (count % PARTS || count > PARTS * CF_BARE_TIMES_MAX))
        status =
            cf_fail(error, CF_MALFORMED, "times of %zu directories are too many", count / PARTS);
    while (!status && times->count < count / PARTS) {
        cf_bare_time *time = &times->at[times->count++];

        status = cf_read_uint(reader, &time->folder, error);
        if (!status)
            status = cf_read_int(reader, &time->changed_ns, error);
        if (!status)
            status = cf_read_uint(reader, &time->inode, error);
    }
    return status;
}
