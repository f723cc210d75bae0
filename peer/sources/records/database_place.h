/* SPDX-License-Identifier: Apache-2.0 */
/* Where a database lies: whether its program may have written it, and whether it is still the one
 * that was synced. */
#ifndef CF_PEER_SOURCES_RECORDS_DATABASE_PLACE_H
#define CF_PEER_SOURCES_RECORDS_DATABASE_PLACE_H
#include "peer/adapters/sqlite/database_rows.h"
#include "peer/sources/records/medium.h"

/* ---- Traces of its program ---- */

typedef struct {
    bool there, logs; /* the file, and a write-ahead log beside it */
    cf_stat file, log;
    bool fresh; /* a write soon after may leave no other trace */
} cf_database_traces;

/* By stat alone: to open the file would drop the locks of a connection. */
cf_database_traces cf_database_traces_of(cf_files *files, const char *path, uint64_t now_ms);
bool cf_database_traces_differ(const cf_database_traces *before, const cf_database_traces *now);

/* ---- Which database it is ---- */

typedef struct {
    cf_hash file;    /* and what its program says that it is; zero: nothing is known */
    uint32_t writes; /* how many there were, at least: an older copy that is put back has less */
} cf_database_identity;

typedef struct {
    bool known;
    cf_database_identity is, kept; /* the latter in the home */
} cf_database_place;               /* {0} is none yet */

/* Whether the table is to be synced here; the context is the binding. */
bool cf_database_is_wanted(const void *context, cf_bytes table);

/* Rows of the base, and which of them are not in the database. */
typedef struct {
    size_t rows;
    size_t missing; /* the table is there, the row isn't */
    size_t gone;    /* with their table */
    size_t changed; /* under its key the row says something else */
} cf_database_standing;

/* CF_UNSAFE, if it is of another file than was synced: rows are missing in it, however few, or more
 * are changed than the guard lets pass, and the user's word doesn't cover that. Pure. */
cf_status cf_database_standing_check(const cf_database_standing *standing, cf_delete_word word,
                                     cf_error *error);

/* CF_UNSAFE: another file stands in its place that may not be taken for the one that was synced:
 * nothing is done with it, nothing deleted. `*lacks`: rows of the base are not in it. Tables that
 * are gone are named in `file`. A medium without a peer knows nothing of it. */
cf_status cf_database_place_check(cf_database_place *place, const cf_medium *medium,
                                  const cf_stat *stat, sqlite3 *database,
                                  const cf_database_schema *schema, cf_record_file *file,
                                  bool *lacks, cf_error *error);
/* Into the commit that agrees with it. */
void cf_database_place_keep(cf_database_place *place, const cf_binding *binding,
                            cf_records *records);

#endif
