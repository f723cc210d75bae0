/* SPDX-License-Identifier: Apache-2.0 */
/* How a database is laid out, as another device tells it: what can be made of it is whole, has no
 * row of any table that it declares, and is told again as it was. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "codec/pack.h"
#include "peer/adapters/sqlite/database.h"
#include "peer/adapters/sqlite/database_layout.h"

static void pack(cf_buffer *out, uint64_t page_size, const char *const *statements, size_t count)
{
    cf_pack_array(out, 7);
    cf_pack_uint(out, page_size);
    cf_pack_text(out, cf_bytes_of_text(page_size == 512 ? "UTF-16le" : "UTF-8"));
    cf_pack_uint(out, page_size == 1024 ? 1 : 0);
    cf_pack_bool(out, page_size != 4096);
    cf_pack_int(out, -1);
    cf_pack_int(out, 7);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        cf_pack_text(out, cf_bytes_of_text(statements[i]));
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    static const char *const book[] = {
        "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE CHECK (length(b) > "
        "0), "
        "c AS (upper(b)), d REFERENCES a (id))",
        "CREATE TABLE w (k PRIMARY KEY, v DEFAULT (1 + 2)) WITHOUT ROWID",
        "CREATE UNIQUE INDEX i ON a (lower(b)) WHERE d IS NOT NULL",
        "CREATE VIEW v AS SELECT b FROM a",
        "CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN INSERT INTO a (b) VALUES (new.b); END",
    };
    static const char *const search[] = {
        "CREATE VIRTUAL TABLE f USING fts5(a, b)",
        "CREATE VIRTUAL TABLE g USING fts4(a)",
        "CREATE VIRTUAL TABLE r USING rtree(id, low, high)",
        "CREATE TABLE \"x y\" (z INT) STRICT",
    };

    switch (number) {
    case 0:
        pack(out, 4096, book, sizeof book / sizeof *book);
        return true;
    case 1:
        pack(out, 512, book, 2);
        return true;
    case 2:
        pack(out, 1024, search, sizeof search / sizeof *search);
        return true;
    default:
        return false;
    }
}

/* What would be executed, or would take much more room than it takes itself. */
bool fuzz_bomb(size_t number, cf_buffer *out)
{
    static const char *const statements[] = {
        "CREATE TABLE a AS WITH RECURSIVE r(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM r) "
        "SELECT i "
        "FROM r",
        "CREATE TABLE a AS SELECT zeroblob(1000000000)",
        "ATTACH '/tmp/attached' AS x",
    };

    if (number < sizeof statements / sizeof *statements) {
        pack(out, 4096, &statements[number], 1);
        return true;
    }
    if (number > sizeof statements / sizeof *statements)
        return false;
    cf_buffer wide = {0};
    cf_buffer_append_text(&wide, "CREATE TABLE a (b");
    for (size_t i = 0; i < 1000; i++)
        cf_buffer_append_text(&wide, ", c%zu UNIQUE", i);
    cf_buffer_append(&wide, ")", sizeof ")");
    pack(out, 65536, (const char *const[]){(const char *)wide.data}, 1);
    cf_buffer_release(&wide);
    return true;
}

static sqlite3 *open_made(cf_buffer *made)
{
    sqlite3 *database = NULL;

    made->data[18] = made->data[19] = 1; /* what lies in memory has no log */
    fuzz_must(sqlite3_open(":memory:", &database) == SQLITE_OK);
    fuzz_must(sqlite3_deserialize(database, "main", made->data, (sqlite3_int64)made->size,
                                  (sqlite3_int64)made->size,
                                  SQLITE_DESERIALIZE_READONLY) == SQLITE_OK);
    return database;
}

static void expect_none(sqlite3 *database, const char *sql)
{
    cf_error error;
    int64_t found;

    fuzz_must(cf_database_number(database, sql, &found, &error) == CF_OK);
    fuzz_must(found == 0);
}

/* Its statements and all else but that it had a log. */
static void expect_told(sqlite3 *database, const cf_database_layout *layout)
{
    cf_database_layout told;
    cf_buffer value = {0};
    cf_arena arena = {0};
    cf_error error;

    fuzz_must(cf_database_layout_pack(database, &value, &error) == CF_OK);
    if (value.size) { /* spelled otherwise it may be over a bound */
        fuzz_must(cf_database_layout_read(cf_buffer_view(&value), &arena, &told, &error) == CF_OK);
        fuzz_must(told.page_size == layout->page_size && told.vacuum == layout->vacuum);
        fuzz_must(told.version == layout->version && told.application == layout->application);
        fuzz_must(strcmp(told.encoding, layout->encoding) == 0);
        fuzz_must(told.count <= layout->count);
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

bool fuzz_run(cf_bytes input)
{
    cf_database_layout layout;
    cf_buffer made = {0};
    cf_arena arena = {0};
    cf_error error;

    cf_status status = cf_database_layout_read(input, &arena, &layout, &error);
    if (!status)
        status = cf_database_layout_make(&layout, &made, &error);
    if (!status) {
        fuzz_must(made.size && made.size <= CF_DATABASE_MADE_MAX);
        sqlite3 *database = open_made(&made);
        fuzz_must(cf_database_inspect(database, &error) == CF_OK);
        expect_none(database, "SELECT count(*) FROM sqlite_temp_master");
        expect_none(database, "SELECT count(*) FROM pragma_database_list WHERE seq > 1");
        expect_told(database, &layout);
        sqlite3_close(database);
    } else {
        fuzz_must(!made.size);
    }
    cf_buffer_release(&made);
    cf_arena_release(&arena);
    return !status;
}
