/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/disk_clock.h"

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
