/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/database.h"

#include <sqlite3.h>
#include <stddef.h>

#define COUNTED_TO(what)                                                                           \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " what ")"

static const char make_bookmarks[] =
    "CREATE TABLE places (id INTEGER PRIMARY KEY, url LONGVARCHAR UNIQUE, title LONGVARCHAR,"
    " visits INTEGER DEFAULT 0, last REAL);"
    "CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, type INTEGER, place INTEGER REFERENCES places,"
    " parent INTEGER REFERENCES bookmarks, position INTEGER, guid TEXT);"
    "CREATE UNIQUE INDEX guids ON bookmarks (guid);"
    "CREATE INDEX order_in_parent ON bookmarks (parent, position);" COUNTED_TO(
        ":rows / 2") "INSERT INTO places SELECT i, 'https://example.org/' || hex(randomblob(8)) || "
                     "'/' || i,"
                     " 'Page ' || i, i % 50, 0.5 + i FROM n;" COUNTED_TO(
                         ":rows / 2") "INSERT INTO bookmarks SELECT i, i % 3, i, CASE i WHEN 1 "
                                      "THEN NULL ELSE i / 50 + 1 END, i % 50,"
                                      " hex(randomblob(6)) || i FROM n;";

static const char change_bookmarks[] = "UPDATE places SET visits = visits + 1, last = last + 0.25"
                                       " WHERE id % (:rows / 200) = :run % (:rows / 200)";

static const char make_notes[] =
    "CREATE TABLE notes (id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL,"
    " changed INTEGER);"
    "CREATE VIRTUAL TABLE search USING fts5(title, body, content='notes', content_rowid='rowid');"
    "CREATE TRIGGER notes_in AFTER INSERT ON notes BEGIN"
    " INSERT INTO search(rowid, title, body) VALUES (new.rowid, new.title, new.body); END;"
    "CREATE TRIGGER notes_out AFTER DELETE ON notes BEGIN"
    " INSERT INTO search(search, rowid, title, body)"
    " VALUES ('delete', old.rowid, old.title, old.body); END;"
    "CREATE TRIGGER notes_up AFTER UPDATE ON notes BEGIN"
    " INSERT INTO search(search, rowid, title, body)"
    " VALUES ('delete', old.rowid, old.title, old.body);"
    " INSERT INTO search(rowid, title, body) VALUES (new.rowid, new.title, new.body); "
    "END;" COUNTED_TO(":rows") "INSERT INTO notes SELECT lower(hex(randomblob(16))), 'Note ' || i,"
                               " 'What was said on day ' || i || ' about matter ' || i % 977, "
                               "1700000000 + i FROM n;";

static const char change_notes[] =
    "UPDATE notes SET body = body || ' and again', changed = changed + :run + 1"
    " WHERE rowid % (:rows / 100) = :run % (:rows / 100)";

static const char make_people[] =
    "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, mail TEXT,"
    " born INTEGER, note TEXT);"
    "CREATE TABLE phones (id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL"
    " REFERENCES people(id) ON DELETE CASCADE, kind TEXT, number TEXT NOT NULL);" COUNTED_TO(
        ":rows / 2") "INSERT INTO people SELECT i, 'Person ' || i, 'p' || i || '@example.org', "
                     "1900 + i % 100,"
                     " hex(randomblob(20)) FROM n;" COUNTED_TO(
                         ":rows / 2") "INSERT INTO phones SELECT i, i, 'home', '+49 30 ' || i FROM "
                                      "n;";

static const char change_people[] = "UPDATE phones SET number = '+49 89 ' || :run || '-' || id"
                                    " WHERE id % (:rows / 200) = :run % (:rows / 200)";

const cf_bench_schema cf_bench_schemas[CF_BENCH_SCHEMAS] = {
    {"bookmarks", {"places", "bookmarks"}, make_bookmarks, change_bookmarks},
    {"notes with a search index", {"notes"}, make_notes, change_notes},
    {"address book", {"people", "phones"}, make_people, change_people},
};

static void bind(sqlite3_stmt *statement, const char *name, int value)
{
    int index = sqlite3_bind_parameter_index(statement, name);

    if (index)
        sqlite3_bind_int(statement, index, value);
}

/* All of it in one transaction. */
static cf_status run_sql(const char *path, const char *sql, int rows, int run, cf_error *error)
{
    sqlite3 *database = NULL;
    cf_status status = CF_OK;
    bool done = sqlite3_open(path, &database) == SQLITE_OK &&
                sqlite3_exec(database, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;

    while (done && *sql) {
        sqlite3_stmt *statement = NULL;

        done = sqlite3_prepare_v2(database, sql, -1, &statement, &sql) == SQLITE_OK;
        if (statement) {
            bind(statement, ":rows", rows);
            bind(statement, ":run", run);
            done = sqlite3_step(statement) == SQLITE_DONE;
        }
        sqlite3_finalize(statement);
    }
    if (!done || sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        status = cf_fail(error, CF_IO, "%s: %s", path, sqlite3_errmsg(database));
    sqlite3_close(database);
    return status;
}

cf_status cf_bench_database_make(const cf_bench_schema *schema, const char *path, int rows,
                                 cf_error *error)
{
    return run_sql(path, schema->make, rows, 0, error);
}

cf_status cf_bench_database_change(const cf_bench_schema *schema, const char *path, int rows,
                                   int run, cf_error *error)
{
    return run_sql(path, schema->change, rows, run, error);
}
