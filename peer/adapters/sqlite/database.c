/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/sqlite/database.h"

#include "codec/hash_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_PATIENCE_MS = 150, WRITE_PATIENCE_MS = 1000 };

static cf_status fail_damaged(cf_bytes why, cf_error *error)
{
    return cf_fail(error, CF_MALFORMED,
                   "the database is damaged: %.*s; bring back a copy, or save what `sqlite3 FILE "
                   ".recover` finds",
                   (int)why.size, (const char *)why.data);
}

cf_status cf_database_fail(sqlite3 *database, cf_error *error)
{
    int code = database ? sqlite3_errcode(database) : SQLITE_NOMEM;
    const char *text = database ? sqlite3_errmsg(database) : "out of memory";

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return cf_fail(error, CF_LOCKED, "another program has the database in hand");
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
        return fail_damaged(cf_bytes_of_text(text), error);
    case SQLITE_NOTADB:
        return cf_fail(error, CF_MALFORMED,
                       "it is no SQLite database: put back the one that was here, or name another");
    case SQLITE_SCHEMA:
        return cf_fail(error, CF_CHANGED, "its schema was changed just now");
    case SQLITE_TOOBIG:
        return cf_fail(error, CF_TOO_LARGE, "%s", text);
    case SQLITE_FULL:
        return cf_fail(error, CF_FULL, "%s", text);
    default:
        return cf_fail(error, CF_IO, "%s", text);
    }
}

cf_status cf_database_run(sqlite3 *database, const char *sql, cf_error *error)
{
    return sqlite3_exec(database, sql, NULL, NULL, NULL) ? cf_database_fail(database, error)
                                                         : CF_OK;
}

cf_status cf_database_prepare(sqlite3 *database, cf_bytes sql, sqlite3_stmt **out, cf_error *error)
{
    *out = NULL;
    if (sql.size > INT32_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a statement of more than 2 GiB");
    return sqlite3_prepare_v2(database, (const char *)sql.data, (int)sql.size, out, NULL)
               ? cf_database_fail(database, error)
               : CF_OK;
}

cf_status cf_database_step(sqlite3_stmt *statement, bool *row, cf_error *error)
{
    int code = sqlite3_step(statement);

    *row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE
               ? CF_OK
               : cf_database_fail(sqlite3_db_handle(statement), error);
}

cf_status cf_database_number(sqlite3 *database, const char *sql, int64_t *out, cf_error *error)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;

    *out = 0;
    cf_status status = cf_database_prepare(database, cf_bytes_of_text(sql), &statement, error);
    if (!status)
        status = cf_database_step(statement, &row, error);
    if (row)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

/* Zeros, where the file is shorter. */
static cf_status read_header(sqlite3 *database, uint8_t *out, int size, int at, cf_error *error)
{
    sqlite3_file *file = NULL;

    int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK && file && file->pMethods)
        code = file->pMethods->xRead(file, out, size, at);
    return code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ
               ? CF_OK
               : cf_fail(error, CF_IO, "its header can't be read");
}

cf_status cf_database_logs(sqlite3 *database, bool *out, cf_error *error)
{
    enum { WRITER_AT = 18, LOGS = 2 };
    uint8_t writer = 0;

    cf_status status = read_header(database, &writer, 1, WRITER_AT, error);
    *out = writer == LOGS;
    return status;
}

cf_status cf_database_writes(sqlite3 *database, uint32_t *out, cf_error *error)
{
    enum { COUNTER_AT = 24 }; /* big-endian */
    uint8_t counter[4] = {0};

    cf_status status = read_header(database, counter, sizeof counter, COUNTER_AT, error);
    *out = (uint32_t)counter[0] << 24 | (uint32_t)counter[1] << 16 | (uint32_t)counter[2] << 8 |
           counter[3];
    return status;
}

static int hash_file(sqlite3_file *file, sqlite3_int64 size, uint64_t *out)
{
    enum { PIECE = 64 << 10 };
    uint8_t *piece = cf_allocate(PIECE, 1);
    int code = SQLITE_OK;

    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += PIECE) {
        const int count = size - at < PIECE ? (int)(size - at) : PIECE;

        code = file->pMethods->xRead(file, piece, count, at);
        *out = cf_hash_bytes(*out, cf_bytes_of(piece, (size_t)count));
    }
    free(piece);
    return code;
}

cf_status cf_database_content(sqlite3 *database, uint64_t *out, cf_error *error)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;

    assert(sqlite3_get_autocommit(database));
    *out = 0;
    int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK && file && file->pMethods)
        code = file->pMethods->xFileSize(file, &size);
    if (code == SQLITE_OK && size > 0 && size <= CF_DATABASE_CONTENT_MAX) {
        *out = 1;
        code = hash_file(file, size, out);
    }
    return code == SQLITE_OK || code == SQLITE_IOERR_SHORT_READ
               ? CF_OK
               : cf_fail(error, CF_IO, "it can't be read");
}

void cf_database_name(cf_bytes name, cf_buffer *sql)
{
    cf_buffer_append(sql, "\"", 1);
    for (size_t i = 0; i < name.size; i++)
        cf_buffer_append(sql, name.data[i] == '"' ? "\"\"" : (const char *)&name.data[i],
                         name.data[i] == '"' ? 2 : 1);
    cf_buffer_append(sql, "\"", 1);
}

cf_bytes cf_database_text(sqlite3_stmt *statement, int column)
{
    const void *text = sqlite3_column_text(statement, column);

    return cf_bytes_of(text, text ? (size_t)sqlite3_column_bytes(statement, column) : 0);
}

/* ---- Opening ---- */

/* As a log of a running program is, or of one that crashed: it stays as it is. A log that only this
 * connection made is taken away again when it ends. */
static void leave_the_log(sqlite3 *database)
{
    const char *file = sqlite3_db_filename(database, "main");
    struct stat log;

    if (file && stat(sqlite3_filename_wal(file), &log) == 0 && log.st_size > 0)
        sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

static cf_status set_up(sqlite3 *database, bool writes, cf_error *error)
{
    int64_t pages;

    sqlite3_busy_timeout(database, writes ? WRITE_PATIENCE_MS : READ_PATIENCE_MS);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL); /* but temporary ones */
    if (!writes)
        leave_the_log(database);
    /* The rows are what they are, whatever refers to them: what was done to others arrives, too. */
    cf_status status = cf_database_run(database,
                                       "PRAGMA foreign_keys = OFF; PRAGMA synchronous = FULL;"
                                       "PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;"
                                       "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0",
                                       error);
    return status ? status : cf_database_number(database, "PRAGMA schema_version", &pages, error);
}

static cf_status open_as(const char *name, int flags, bool writes, sqlite3 **out, cf_error *error)
{
    int code =
        sqlite3_open_v2(name, out, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    cf_status status = code ? cf_database_fail(*out, error) : set_up(*out, writes, error);

    if (status)
        cf_database_close(out);
    return status;
}

/* What can't be changed by anybody is read without any lock; a log would be ignored, so there must
 * be none. */
static bool is_immutable(const char *path)
{
    cf_buffer log = {0};
    struct stat found;

    cf_buffer_append_text(&log, "%s-wal", path);
    cf_buffer_append(&log, "", 1);
    bool immutable = access(path, W_OK) != 0 && access(path, R_OK) == 0 &&
                     stat((const char *)log.data, &found) != 0;
    cf_buffer_release(&log);
    return immutable;
}

static cf_status open_immutable(const char *path, sqlite3 **out, cf_error *error)
{
    cf_buffer name = {0};

    cf_buffer_append_text(&name, "file:");
    for (const char *at = path; *at; at++)
        cf_buffer_append_text(&name, strchr("%?#", *at) ? "%%%02X" : "%c", *at);
    cf_buffer_append(&name, "?immutable=1", sizeof "?immutable=1");
    cf_status status =
        open_as((const char *)name.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, false, out, error);
    cf_buffer_release(&name);
    return status;
}

cf_status cf_database_open(const char *path, bool writes, sqlite3 **out, cf_error *error)
{
    struct stat found;

    *out = NULL;
    if (stat(path, &found) != 0)
        return cf_fail(error, CF_MISSING, "%s is not there", path);
    if (!S_ISREG(found.st_mode))
        return cf_fail(error, CF_UNSAFE, "%s is no file", path);
    if (found.st_size == 0)
        return cf_fail(error, CF_MALFORMED, "the database is empty: no table was made in it yet");
    /* Not to read only: who reads also takes away the files that it had to make beside it, and
     * rolls back what a program that crashed left half done, as the next to open it would. */
    cf_status status = open_as(path, SQLITE_OPEN_READWRITE, writes, out, error);
    return status == CF_IO && !writes && is_immutable(path) ? open_immutable(path, out, error)
                                                            : status;
}

void cf_database_close(sqlite3 **database)
{
    sqlite3_close_v2(*database);
    *database = NULL;
}

/* Before what is wrong stands which database it is, and there is one. */
static cf_bytes last_line(cf_bytes text)
{
    size_t at = text.size;

    while (at && text.data[at - 1] != '\n')
        at--;
    return cf_bytes_of(text.data + at, text.size - at);
}

cf_status cf_database_inspect(sqlite3 *database, cf_error *error)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;

    cf_status status =
        cf_database_prepare(database, cf_bytes_of_text("PRAGMA quick_check(1)"), &statement, error);
    if (!status)
        status = cf_database_step(statement, &row, error);
    if (!status && row) {
        const cf_bytes found = cf_database_text(statement, 0);

        if (!cf_bytes_equal(found, cf_bytes_of_text("ok")))
            status = fail_damaged(last_line(found), error);
    }
    sqlite3_finalize(statement);
    return status;
}
