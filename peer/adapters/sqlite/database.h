/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a database of SQLite that its program uses meanwhile. To read changes nothing:
 * no checkpoint, no file left beside it that was not there. Connections are short: an open one
 * keeps its program from cleaning up after itself. While one is open, nothing else in this process
 * may open and close the file, since that would drop the connection's locks. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_H
#include "codec/arena.h"
#include "codec/error.h"

#include <sqlite3.h>

/* So large a file is looked through by each look. */
#define CF_DATABASE_CONTENT_MAX ((sqlite3_int64)256 << 20)

/* CF_LOCKED: another program is writing it, or holds it for itself. CF_MALFORMED: it is no
 * database, or damaged. CF_MISSING, CF_IO. */
cf_status cf_database_open(const char *path, bool writes, sqlite3 **out, cf_error *error);
void cf_database_close(sqlite3 **database);

/* The status of what failed last, in words: CF_LOCKED and CF_MALFORMED as above, CF_CHANGED: its
 * schema was changed meanwhile, CF_TOO_LARGE, CF_FULL, CF_IO. */
cf_status cf_database_fail(sqlite3 *database, cf_error *error);
/* Several statements at once, whose rows are nobody's. */
cf_status cf_database_run(sqlite3 *database, const char *sql, cf_error *error);
/* To be finalized by the caller; NULL on a failure. */
cf_status cf_database_prepare(sqlite3 *database, cf_bytes sql, sqlite3_stmt **out, cf_error *error);
/* `*row`: there is one more. */
cf_status cf_database_step(sqlite3_stmt *statement, bool *row, cf_error *error);
/* The first column of the first row, an integer; 0 of no row. */
cf_status cf_database_number(sqlite3 *database, const char *sql, int64_t *out, cf_error *error);

/* How often it was written, as its file counts: never less than before, as long as it is the same.
 * With a write-ahead log it may stay the same. What is read is as of the transaction. */
cf_status cf_database_writes(sqlite3 *database, uint32_t *out, cf_error *error);

/* Whether its file says that writes go through a write-ahead log, be there one or not. */
cf_status cf_database_logs(sqlite3 *database, bool *out, cf_error *error);

/* A hash of the file, without its write-ahead log. Each write that the file counts makes another
 * one of it, so that an equal one is a copy; one that went through a log may bring back an earlier
 * one. 0: it is empty, or too large. To be asked outside of a transaction, which would keep its
 * program from writing; so what it is of may have changed meanwhile. */
cf_status cf_database_content(sqlite3 *database, uint64_t *out, cf_error *error);

/* Whether commits lie in its write-ahead log, and the file has each page as the last of them that
 * wrote it left it: so its program made the file what it is. False also where the log is too large
 * to be looked through. */
bool cf_database_log_is_in_file(sqlite3 *database);
/* Whether SQLite has put all commits of the log into the file, and the file has other pages:
 * somebody else wrote it while its program has it open. To be asked within a transaction that has
 * read, in which no program puts anything there. */
bool cf_database_log_is_overwritten(sqlite3 *database);

/* Appends "NAME", with the quotes. */
void cf_database_name(cf_bytes name, cf_buffer *sql);
/* Of one column of the row: borrowed until the next step. */
cf_bytes cf_database_text(sqlite3_stmt *statement, int column);

/* Looks for damage, which may have made rows vanish. CF_MALFORMED names what it found. */
cf_status cf_database_inspect(sqlite3 *database, cf_error *error);

#endif
