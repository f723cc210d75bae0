/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a file's numbers say what: inode and birth that it is the file; size and modification
 * time, beside these, that its bytes are as they were; the change time, beside these, that nobody
 * touched it. Times in whole hundredths of a second are coarse: a save as fast as their step shows
 * in none of them. */
#include "peer/merge/node_stat.h"

#include "codec/pack.h"
#include "peer/merge/rules.h"

cf_node_stat cf_node_stat_of(const cf_stat *stat)
{
    return (cf_node_stat){stat->device,   stat->inode, stat->size,  stat->birth_ns,  stat->mtime_ns,
                          stat->ctime_ns, stat->mode,  stat->links, .is_racy = false};
}

cf_stat cf_stat_of_node(const cf_node *node)
{
    const cf_node_stat *stat = &node->stat;
    cf_file_kind kind = node->kind == CF_KIND_DIRECTORY ? CF_FILE_FOLDER
                        : node->kind == CF_KIND_SYMLINK ? CF_FILE_LINK
                                                        : CF_FILE_REGULAR;

    return (cf_stat){
        .kind = kind,
        .device = stat->device,
        .inode = stat->inode,
        .birth_ns = stat->birth_ns,
        .size = stat->size,
        .mode = stat->mode,
        .links = stat->links,
        .mtime_ns = stat->mtime_ns,
        .ctime_ns = stat->ctime_ns,
    };
}

bool cf_node_stat_same_file(const cf_node_stat *known, const cf_stat *now)
{
    return known->inode == now->inode && known->birth_ns == now->birth_ns;
}

bool cf_node_stat_same_bytes(const cf_node_stat *known, const cf_stat *now)
{
    return cf_node_stat_same_file(known, now) && known->size == now->size &&
           known->mtime_ns == now->mtime_ns;
}

bool cf_node_stat_untouched(const cf_node_stat *known, const cf_stat *now)
{
    return cf_node_stat_same_bytes(known, now) && known->ctime_ns == now->ctime_ns;
}

void cf_node_distrust(cf_node *node)
{
    if (node->kind == CF_KIND_FILE)
        node->stat.ctime_ns = CF_CTIME_UNSEEN;
}

uint32_t cf_mode_of(cf_bytes value, uint32_t otherwise)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    uint64_t mode;

    return value.size && cf_read_uint(&reader, &mode, &ignored) == CF_OK ? (uint32_t)mode & 0777
                                                                         : otherwise;
}

bool cf_mtime_of(cf_bytes value, int64_t *mtime_ns)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return value.size && cf_read_int(&reader, mtime_ns, &ignored) == CF_OK;
}

/* ---- Coarse times ---- */

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
