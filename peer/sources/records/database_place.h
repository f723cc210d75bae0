/* SPDX-License-Identifier: Apache-2.0 */
/* Where a database lies: whether it is still the one that was synced. Rows that are missing in
 * another file were not deleted:
 *
 *     the file was written to since: whatever is missing was deleted, as far as the guard lets it
 *     another file with all 40 rows, 1 of them edited:  taken for the same database, moved
 *     another file, 1 of the 40 rows is missing:        another database, CF_UNSAFE
 *     the bytes that it had last week, 9 rows fewer:    an older copy, CF_UNSAFE
 *     a copy over it, 1 row says what it said once:     the same, whatever its bytes */
#ifndef CF_PEER_SOURCES_RECORDS_DATABASE_PLACE_H
#define CF_PEER_SOURCES_RECORDS_DATABASE_PLACE_H
#include "peer/adapters/sqlite/database_rows.h"
#include "peer/sources/records/database_rewound.h"
#include "peer/sources/records/database_traces.h"
#include "peer/sources/records/database_undone.h"
#include "peer/sources/records/medium.h"

typedef struct {
    cf_hash file;     /* and what its program says that it is; zero: nothing is known */
    uint32_t writes;  /* how many there were, at least: an older copy that is put back has less */
    uint64_t content; /* of its bytes, which a write-ahead log leaves uncounted; 0: unknown */
    bool logs;        /* a write-ahead log lay beside it, with news or without */
    int64_t mtime_ns; /* of the file */
    uint32_t pages;   /* that the database had, with what its log has; 0: unknown */
} cf_database_identity;

/* What a file held, without its log, and when. */
typedef struct {
    cf_stat stat;
    uint32_t writes;
    uint64_t content; /* a hash of all of it; 0: unknown */
} cf_database_sight;

/* To be asked outside of a transaction: it may take long, and its program may write meanwhile. */
cf_status cf_database_see(cf_files *files, const char *path, sqlite3 *database,
                          cf_database_sight *out, cf_error *error);
/* How many pages the database has, as a look sees it; 0: it may become smaller by itself. */
cf_status cf_database_pages(sqlite3 *database, uint32_t *out, cf_error *error);
/* The content, if nobody wrote to the file since; else 0. */
uint64_t cf_database_still(cf_files *files, const char *path, sqlite3 *database,
                           const cf_database_sight *seen);

enum { CF_DATABASE_CONTENTS = 32 };

typedef struct {
    bool known;
    cf_database_identity is, kept; /* the latter in the home */
    cf_database_sight seen;        /* before the transaction of the look; set by it */
    int64_t copied_ns; /* the file's time when a copy lay there; held: INT64_MAX; 0: none */
    uint64_t contents[CF_DATABASE_CONTENTS]; /* that it had when it was synced, the last one last */
    size_t content_count;
    bool is_of_look; /* the last of them was found by a look, and nothing was synced since */
    bool agrees;     /* the last look found the rows of the base in it, and no others */
} cf_database_place; /* {0} is none yet */

/* Rows of the base, and which of them are not in the database. */
typedef struct {
    size_t rows;
    size_t missing; /* the table is there, the row isn't */
    size_t gone;    /* with their table */
    size_t changed; /* under its key the row says something else */
    size_t back;    /* that the base has not */
    bool older;     /* it is what was synced before, byte for byte, or */
    bool rewound;   /* row by row, but for what was written to it since */
    bool shrank;    /* it has less pages than it had */
    bool counts;    /* no edit made it so: it counts other writes, or was copied */
    bool fewer;   /* it is the same file, and counts less writes: a copy lies there, with others */
    bool copied;  /* a copy lies over it, though nobody knows of when */
    bool closed;  /* its program just wrote it, and knew of all that was synced */
    bool written; /* the log beside it has commits, and the file is as they left it */
    bool weighed; /* whose work is undone is known: */
    cf_database_undone undone;
    const char *source; /* as it is typed after a verb */
    bool sends;         /* that only does so: nothing is brought back to it */
} cf_database_standing;

/* CF_UNSAFE, if it is of another file than was synced: rows are missing in it, however few, or more
 * are changed than the guard lets pass (of an older copy: any came back, or more are others than
 * one takes back by hand; of one that its program just wrote, any more than that; but what this
 * device itself took away may be back, and be taken away once more; of one that counts fewer
 * writes any), and the user's word doesn't cover that. Pure. */
cf_status cf_database_standing_check(const cf_database_standing *standing, cf_delete_word word,
                                     cf_error *error);

/* CF_UNSAFE: another file stands in its place that may not be taken for the one that was synced:
 * nothing is done with it, nothing deleted. `*lacks`: rows of the base are not in it. Tables that
 * are gone are named in `file`. A medium without a peer knows nothing of it. */
cf_status cf_database_place_check(cf_database_place *place, const cf_medium *medium,
                                  const cf_database_traces *traces, sqlite3 *database,
                                  const cf_database_schema *schema, cf_record_file *file,
                                  bool *lacks, cf_error *error);
/* Into the commit that agrees with it. */
void cf_database_place_keep(cf_database_place *place, const cf_binding *binding,
                            cf_kv_list *records);

#endif
