/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/sqlite/database_remake.h"

#include "peer/adapters/sqlite/database.h"
#include "peer/adapters/sqlite/database_layout.h"

#include <string.h>

/* Of a file that is shorter than its header says SQLite reads what is there, where its schema may
 * be written. Nothing writes it. */
static cf_status open_damaged(const char *path, sqlite3 **out, cf_error *error)
{
    cf_buffer name = {0};

    cf_buffer_append_text(&name, "file:");
    for (const char *at = path; *at; at++)
        cf_buffer_append_text(&name, strchr("%?#", *at) ? "%%%02X" : "%c", *at);
    cf_buffer_append(&name, "?immutable=1", sizeof "?immutable=1");
    int code = sqlite3_open_v2((const char *)name.data, out,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    cf_buffer_release(&name);
    return code ? cf_database_fail(*out, error)
                : cf_database_run(*out, "PRAGMA writable_schema = ON", error);
}

/* One number that the file has, given to the new one before anything is in that. */
static cf_status copy_number(sqlite3 *from, sqlite3 *to, const char *name, cf_error *error)
{
    cf_buffer sql = {0};
    int64_t number;

    cf_buffer_append_text(&sql, "PRAGMA %s", name);
    cf_buffer_append(&sql, "", 1);
    cf_status status = cf_database_number(from, (const char *)sql.data, &number, error);
    cf_buffer_clear(&sql);
    cf_buffer_append_text(&sql, "PRAGMA %s = %lld", name, (long long)number);
    cf_buffer_append(&sql, "", 1);
    if (!status)
        status = cf_database_run(to, (const char *)sql.data, error);
    cf_buffer_release(&sql);
    return status;
}

static cf_status copy_encoding(sqlite3 *from, sqlite3 *to, cf_error *error)
{
    cf_buffer sql = {0};
    sqlite3_stmt *statement = NULL;
    bool row = false;

    cf_status status =
        cf_database_prepare(from, cf_bytes_of_text("PRAGMA encoding"), &statement, error);
    if (!status)
        status = cf_database_step(statement, &row, error);
    if (row) {
        cf_bytes name = cf_database_text(statement, 0);

        cf_buffer_append_text(&sql, "PRAGMA encoding = '%.*s'", (int)name.size,
                              (const char *)name.data);
        cf_buffer_append(&sql, "", 1);
        status = cf_database_run(to, (const char *)sql.data, error);
    }
    sqlite3_finalize(statement);
    cf_buffer_release(&sql);
    return status;
}

static cf_status copy_traits(sqlite3 *from, sqlite3 *to, cf_error *error)
{
    static const char *const numbers[] = {"page_size", "auto_vacuum", "application_id",
                                          "user_version"};
    cf_status status = copy_encoding(from, to, error);

    for (size_t i = 0; !status && i < sizeof numbers / sizeof *numbers; i++)
        status = copy_number(from, to, numbers[i], error);
    return status;
}

/* What a virtual table keeps in tables of its own it makes itself. */
static cf_status is_made(sqlite3 *to, cf_bytes name, bool *out, cf_error *error)
{
    sqlite3_stmt *statement = NULL;

    cf_status status = cf_database_prepare(
        to, cf_bytes_of_text("SELECT 1 FROM sqlite_master WHERE name = ?1"), &statement, error);
    if (!status && sqlite3_bind_text(statement, 1, (const char *)name.data, (int)name.size, NULL))
        status = cf_database_fail(to, error);
    if (!status)
        status = cf_database_step(statement, out, error);
    sqlite3_finalize(statement);
    return status;
}

/* The first statement of the text, and nothing but a declaration. */
static cf_status declare(sqlite3 *to, cf_bytes sql, cf_error *error)
{
    sqlite3_stmt *statement = NULL;
    bool row;

    if (sql.size < 7 || sqlite3_strnicmp((const char *)sql.data, "CREATE ", 7) != 0)
        return cf_fail(error, CF_MALFORMED, "what it declares is damaged");
    cf_status status = cf_database_prepare(to, sql, &statement, error);
    if (!status)
        status = cf_database_step(statement, &row, error);
    sqlite3_finalize(statement);
    return status;
}

static cf_status copy_schema(sqlite3 *from, sqlite3 *to, size_t *count, cf_error *error)
{
    static const char ASKED[] =
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' "
        "ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'view' THEN 1 ELSE 2 END, rowid";
    sqlite3_stmt *statement = NULL;
    bool row = false;

    cf_status status = cf_database_prepare(from, cf_bytes_of_text(ASKED), &statement, error);
    if (!status)
        status = cf_database_step(statement, &row, error);
    while (!status && row) {
        bool made = false;

        status = is_made(to, cf_database_text(statement, 0), &made, error);
        if (!status && !made)
            status = declare(to, cf_database_text(statement, 1), error);
        ++*count;
        if (!status)
            status = cf_database_step(statement, &row, error);
    }
    sqlite3_finalize(statement);
    return status;
}

static cf_status take_bytes(sqlite3 *from, sqlite3 *to, cf_buffer *out, cf_error *error)
{
    bool logs;

    cf_status status = cf_database_logs(from, &logs, error);
    return status ? status : cf_database_bytes(to, logs, out, error);
}

cf_status cf_database_remake(const char *path, cf_buffer *out, cf_error *error)
{
    sqlite3 *from = NULL, *to = NULL;
    size_t count = 0;

    cf_status status = open_damaged(path, &from, error);
    if (!status && sqlite3_open(":memory:", &to))
        status = cf_database_fail(to, error);
    if (!status)
        status = copy_traits(from, to, error);
    if (!status)
        status = copy_schema(from, to, &count, error);
    if (!status && !count)
        status = cf_fail(error, CF_MALFORMED, "it declares no table");
    if (!status)
        status = take_bytes(from, to, out, error);
    cf_database_close(&from);
    cf_database_close(&to);
    return status;
}
