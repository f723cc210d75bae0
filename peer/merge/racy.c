/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/racy.h"

static const int64_t COARSE_NS = 10000000, LONGEST_STEP_NS = 2000000000, MS_NS = 1000000,
                     CLOCKS_APART_NS = 8000000000;

int64_t cf_racy_time(const cf_stat *stat)
{
    return stat->ctime_ns ? stat->ctime_ns : stat->mtime_ns;
}

bool cf_racy_is_coarse(const cf_stat *stat)
{
    return cf_racy_time(stat) % COARSE_NS == 0;
}

cf_status cf_racy_now(cf_files *files, const cf_folder *folder, cf_bytes name, int64_t *out_ns,
                      cf_error *error)
{
    cf_file *file = NULL;
    cf_stat stat;
    cf_error ignored;

    files->unlink(files, folder, name, &ignored); /* left by a crash */
    cf_status status = files->create_file(files, folder, name, 0600, &file, error);
    if (status)
        return status;
    status = files->stat_file(files, file, &stat, error);
    files->close_file(files, &file);
    files->unlink(files, folder, name, &ignored);
    if (!status)
        *out_ns = cf_racy_time(&stat);
    return status;
}

/* By how much a time is after another one; times of a disk may be any. */
static int64_t ahead_of(int64_t time_ns, int64_t other_ns)
{
    int64_t ahead_ns;

    if (!__builtin_sub_overflow(time_ns, other_ns, &ahead_ns))
        return ahead_ns;
    return time_ns > other_ns ? INT64_MAX : INT64_MIN;
}

int64_t cf_racy_now_by_clock(int64_t now_ns)
{
    return now_ns - LONGEST_STEP_NS - CLOCKS_APART_NS;
}

uint32_t cf_racy_wait_ms(const cf_stat *stat, int64_t disk_ns)
{
    int64_t ahead_ns = ahead_of(cf_racy_time(stat), disk_ns);

    if (!cf_racy_is_coarse(stat) || ahead_ns < 0 || ahead_ns > CF_RACY_AHEAD_NS)
        return 0;
    return (uint32_t)((ahead_ns + LONGEST_STEP_NS + COARSE_NS) / MS_NS);
}

bool cf_racy_by_clock(const cf_stat *stat, int64_t now_ns)
{
    int64_t ahead_ns = ahead_of(cf_racy_time(stat), now_ns);

    return cf_racy_is_coarse(stat) && ahead_ns >= -LONGEST_STEP_NS && ahead_ns <= LONGEST_STEP_NS;
}

bool cf_racy_is_placed(const cf_stat *stat, int64_t now_ns)
{
    int64_t ahead_ns = ahead_of(stat->mtime_ns, now_ns);

    return cf_racy_is_coarse(stat) && ahead_ns >= -CF_RACY_AHEAD_NS && ahead_ns <= CF_RACY_AHEAD_NS;
}
