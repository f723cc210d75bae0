/* SPDX-License-Identifier: Apache-2.0 */
/* The traces that a database's program leaves beside its file: whether it may have written since,
 * and who wrote last. */
#ifndef CF_PEER_SOURCES_RECORDS_DATABASE_TRACES_H
#define CF_PEER_SOURCES_RECORDS_DATABASE_TRACES_H
#include "broker/platform/files.h"

typedef struct {
    bool there, logs; /* the file, and a write-ahead log beside it */
    cf_stat file, log;
    int64_t folder_ns; /* when a name in its folder came or went; 0: unknown, or it tells nothing */
    bool fresh;        /* a write soon after may leave no other trace */
} cf_database_traces;

/* By stat alone: to open the file would drop the locks of a connection. */
cf_database_traces cf_database_traces_of(cf_files *files, const char *path, uint64_t now_ms);
bool cf_database_traces_differ(const cf_database_traces *before, const cf_database_traces *now);
/* One with news: an empty log is as if there were none. */
bool cf_database_has_log(const cf_database_traces *traces);
/* The file at `path` with `suffix`, beside the one that a link leads to. `folder_ns`, which may be
 * NULL: as in the traces. */
bool cf_database_stat_beside(cf_files *files, const char *path, const char *suffix, cf_stat *out,
                             int64_t *folder_ns);

/* Who wrote last to a database that has a write-ahead log, and has none beside it now, or an empty
 * one: its program takes the log away, or empties it, when it has written what was in it, so the
 * folder's time, or the log's, is later, soon after.
 *
 *     the program ends:  file 12:00:00.1, folder 12:00:00.2
 *     it empties it:     file 12:00:00.1, log 12:00:00.2
 *     `cp old F` then:   file 12:05:00.0, log 12:00:00.2
 *     `cp old F` then:   file 12:05:00.0, folder 12:00:00.2
 *     `cp -p old F`:     file 11:50:00.0, before it was when it was synced */
typedef enum {
    CF_DATABASE_UNTOLD,
    CF_DATABASE_BY_PROGRAM,
    CF_DATABASE_COPIED,
} cf_database_writer;
/* `kept_ns`: the file's time when it was synced, 0: none is known. `older`: it is, byte for byte,
 * what was synced before; then who gave it times or rights after its program had closed it copied
 * it, too. Pure. */
cf_database_writer cf_database_writer_of(const cf_database_traces *traces, int64_t kept_ns,
                                         bool older);

#endif
