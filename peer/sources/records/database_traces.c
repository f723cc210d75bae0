/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a program may have written: file or log have another size, time or inode, or were written
 * so lately that a write hides in it. Who wrote last: a program that has emptied or removed its log
 * within two seconds; somebody who put a copy there, where no log went since, or the file is older
 * than it was; else nobody can tell. */
#include "peer/sources/records/database_traces.h"

#include "codec/clock.h"
#include "peer/merge/node_stat.h"

#include <stdlib.h>

/* When a name came or went in the folder; 0: nobody knows. A folder of another machine, or of
 * made-up numbers, may keep no times. */
static int64_t time_of(cf_files *files, const cf_folder *folder)
{
    cf_filesystem system;
    cf_error ignored;
    cf_stat stat;

    if (files->filesystem(files, folder, &system, &ignored) || system.is_remote || system.is_fuse ||
        system.renumbers || files->stat_folder(files, folder, &stat, &ignored))
        return 0;
    return stat.mtime_ns;
}

bool cf_database_stat_beside(cf_files *files, const char *path, const char *suffix, cf_stat *out,
                             int64_t *folder_ns)
{
    char *real = realpath(path, NULL); /* a log lies beside the file that a link leads to */
    cf_folder *folder = NULL;
    cf_buffer name = {0};
    cf_error ignored;
    cf_bytes last;

    cf_buffer_append_text(&name, "%s%s", real ? real : path, suffix);
    cf_buffer_append(&name, "", 1);
    bool there =
        cf_files_open_above(files, (const char *)name.data, &folder, &last, &ignored) == CF_OK &&
        files->stat(files, folder, last, out, &ignored) == CF_OK;
    if (there && folder_ns)
        *folder_ns = time_of(files, folder);
    files->close_folder(files, &folder);
    cf_buffer_release(&name);
    free(real);
    return there;
}

/* A write just now may leave no other trace than what this stat has. */
static bool is_fresh(const cf_files *files, const cf_stat *stat, uint64_t now_ms)
{
    int64_t age = cf_ns_of_ms(now_ms) - stat->mtime_ns;

    return (age <= 2 * files->tick_ns && age > -1000000000) ||
           cf_racy_by_clock(stat, cf_ns_of_ms(now_ms));
}

cf_database_traces cf_database_traces_of(cf_files *files, const char *path, uint64_t now_ms)
{
    cf_database_traces traces = {0};

    traces.there = cf_database_stat_beside(files, path, "", &traces.file, &traces.folder_ns);
    traces.logs = cf_database_stat_beside(files, path, "-wal", &traces.log, NULL);
    traces.fresh = (traces.there && is_fresh(files, &traces.file, now_ms)) ||
                   (traces.logs && is_fresh(files, &traces.log, now_ms));
    return traces;
}

bool cf_database_has_log(const cf_database_traces *traces)
{
    return traces->logs && traces->log.size > 0;
}

/* Each write moves the log's time. That of its inode moves by itself: a program of root's that
 * opens the log, as a look does, gives the log its owner anew. */
static bool log_differs(const cf_stat *before, const cf_stat *now)
{
    return !cf_stat_same_file(before, now) || before->size != now->size ||
           before->mtime_ns != now->mtime_ns;
}

bool cf_database_traces_differ(const cf_database_traces *before, const cf_database_traces *now)
{
    return before->fresh || before->there != now->there ||
           cf_database_has_log(before) != cf_database_has_log(now) ||
           (now->there && !cf_stat_unchanged(&before->file, &now->file)) ||
           (cf_database_has_log(now) && log_differs(&before->log, &now->log));
}

cf_database_writer cf_database_writer_of(const cf_database_traces *traces, int64_t kept_ns,
                                         bool older)
{
    const int64_t soon_ns = 2000000000;
    const int64_t later_ns = traces->folder_ns - traces->file.mtime_ns;
    const int64_t emptied_ns = traces->log.mtime_ns - traces->file.mtime_ns;
    const bool attributed = traces->file.ctime_ns > traces->folder_ns;

    if (cf_database_has_log(traces))
        return CF_DATABASE_UNTOLD;
    if (traces->logs && emptied_ns < 0)
        return CF_DATABASE_COPIED;
    if (traces->logs)
        return emptied_ns <= soon_ns ? CF_DATABASE_BY_PROGRAM : CF_DATABASE_UNTOLD;
    if (!traces->folder_ns)
        return CF_DATABASE_UNTOLD;
    if (later_ns < 0 || traces->file.mtime_ns < kept_ns || (older && attributed))
        return CF_DATABASE_COPIED;
    return later_ns <= soon_ns ? CF_DATABASE_BY_PROGRAM : CF_DATABASE_UNTOLD;
}
