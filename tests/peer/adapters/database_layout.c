/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/sqlite/database_layout.h"
#include "codec/pack.h"
#include "tests/peer/adapters/database.h"

#include <stdio.h>
#include <string.h>

static const char BOOK[] =
    "PRAGMA page_size = 1024; PRAGMA encoding = 'UTF-16le'; PRAGMA auto_vacuum = 2;"
    "PRAGMA application_id = -77; PRAGMA user_version = 12;"
    "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL COLLATE NOCASE,"
    " born INTEGER CHECK (born > 1800), size AS (length(name)) STORED, UNIQUE (name, born));"
    "CREATE TABLE phones (person INTEGER REFERENCES people ON DELETE CASCADE, number TEXT,"
    " PRIMARY KEY (person, number)) WITHOUT ROWID;"
    "CREATE INDEX \"by \"\"upper\"\" name\" ON people (upper(name)) WHERE born IS NOT NULL;"
    "CREATE UNIQUE INDEX one ON phones (number);"
    "CREATE VIEW names AS SELECT name FROM people WHERE id IN (SELECT person FROM phones);"
    "CREATE TRIGGER named INSTEAD OF INSERT ON names BEGIN"
    " INSERT INTO people (name) VALUES (new.name); END;"
    "CREATE VIRTUAL TABLE search USING fts5(name, content='people', content_rowid='id');"
    "CREATE VIRTUAL TABLE area USING rtree(id, low, high);"
    "CREATE VIRTUAL TABLE words USING fts4(word);"
    "CREATE TRIGGER searched AFTER INSERT ON people BEGIN"
    " INSERT INTO search (rowid, name) VALUES (new.id, new.name); END;"
    "CREATE TABLE \"sp\xc3\xa4te's\" (k TEXT PRIMARY KEY, v ANY DEFAULT 'a;b') STRICT";

/* ---- What is done ---- */

static void pack(database *self, cf_buffer *out)
{
    sqlite3 *ours = NULL;

    expect_ok(cf_database_open(self->path, false, &ours, &self->error), self->error);
    expect_ok(cf_database_run(ours, "BEGIN", &self->error), self->error);
    cf_buffer_clear(out);
    expect_ok(cf_database_layout_pack(ours, out, &self->error), self->error);
    cf_database_close(&ours);
}

static cf_status make(cf_bytes value, cf_buffer *out, cf_error *error)
{
    cf_database_layout layout;
    cf_arena arena = {0};

    cf_buffer_clear(out);
    cf_status status = cf_database_layout_read(value, &arena, &layout, error);
    if (!status)
        status = cf_database_layout_make(&layout, out, error);
    cf_arena_release(&arena);
    return status;
}

/* What is made lies where another program has it. */
static void put(database *self, const cf_buffer *made)
{
    sqlite3_close(self->other);
    FILE *file = fopen(self->path, "wb");
    cr_assert(file);
    cr_assert_eq(fwrite(made->data, 1, made->size, file), made->size);
    fclose(file);
    cr_assert_eq(sqlite3_open(self->path, &self->other), SQLITE_OK);
}

typedef struct {
    uint64_t page_size, vacuum;
    const char *encoding;
    int64_t application, version;
    size_t elements;
} traits;
static const traits usual = {.page_size = 4096, .encoding = "UTF-8", .elements = 7};

static void pack_head(cf_buffer *out, const traits *of)
{
    cf_buffer_clear(out);
    cf_pack_array(out, of->elements);
    cf_pack_uint(out, of->page_size);
    cf_pack_text(out, cf_bytes_of_text(of->encoding));
    cf_pack_uint(out, of->vacuum);
    cf_pack_bool(out, false);
    cf_pack_int(out, of->application);
    cf_pack_int(out, of->version);
}

static cf_bytes value_of(cf_buffer *out, const traits *of, cf_bytes statement)
{
    pack_head(out, of);
    cf_pack_array(out, 1);
    cf_pack_text(out, statement);
    return cf_buffer_view(out);
}

/* So many tables of one column. */
static cf_bytes tables(cf_buffer *out, const traits *of, size_t count)
{
    pack_head(out, of);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++) {
        char text[40];

        snprintf(text, sizeof text, "CREATE TABLE t%zu (a)", i);
        cf_pack_text(out, cf_bytes_of_text(text));
    }
    return cf_buffer_view(out);
}

/* ---- What is to be so ---- */

Test(database_layout, makes_a_database_that_declares_what_another_one_does)
{
    static const char declared[] =
        "SELECT group_concat(type || ' ' || name || ' ' || ifnull(sql, ''), char(10)) FROM "
        "(SELECT * FROM sqlite_master WHERE name NOT GLOB '*_autoindex_*' ORDER BY name)";
    database *self = database_arrive(), *made = database_arrive();
    cf_buffer value = {0}, again = {0}, bytes = {0}, text = {0};
    sqlite3_stmt *all;

    database_does(self, BOOK);
    database_does(self, "PRAGMA journal_mode = WAL");
    database_does(self, "INSERT INTO people (name, born) VALUES ('Ann', 1950)");
    pack(self, &value);
    cr_assert(cf_database_layout_works(cf_buffer_view(&value)));
    expect_ok(make(cf_buffer_view(&value), &bytes, &made->error), made->error);
    put(made, &bytes);
    cr_assert_eq(sqlite3_prepare_v2(self->other, declared, -1, &all, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_step(all), SQLITE_ROW);
    cf_buffer_append_text(&text, "%s", (const char *)sqlite3_column_text(all, 0));
    cf_buffer_append(&text, "", 1);
    sqlite3_finalize(all);
    cr_assert(strstr((const char *)text.data, "search_config"));
    expect_query(made, declared, (const char *)text.data);
    expect_query(made, "SELECT count(*) FROM people", "0");
    expect_query(made, "PRAGMA integrity_check", "ok");
    expect_query(made, "PRAGMA page_size", "1024");
    expect_query(made, "PRAGMA encoding", "UTF-16le");
    expect_query(made, "PRAGMA auto_vacuum", "2");
    expect_query(made, "PRAGMA application_id", "-77");
    expect_query(made, "PRAGMA user_version", "12");
    expect_query(made, "PRAGMA journal_mode", "wal");
    database_does(made, "INSERT INTO names (name) VALUES ('Bob')");
    expect_query(made, "SELECT name || size FROM people WHERE id = 1", "Bob3");
    expect_query(made, "SELECT rowid FROM search WHERE search MATCH 'bob'", "1");
    pack(made, &again);
    cr_expect(cf_bytes_equal(cf_buffer_view(&value), cf_buffer_view(&again)));
    cf_buffer_release(&value);
    cf_buffer_release(&again);
    cf_buffer_release(&bytes);
    cf_buffer_release(&text);
    database_leave(&self);
    database_leave(&made);
}

Test(database_layout, declares_and_does_nothing_else)
{
    static const struct {
        const char *statement, *why;
    } refused[] = {
        {"", "declares no table"},
        {"CREATE TABLE", "declares no table"},
        {"SELECT 1", "declares no table"},
        {"ATTACH '/tmp/x' AS x", "declares no table"},
        {"INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)", "declares no table"},
        {"PRAGMA writable_schema = ON", "declares no table"},
        {"DROP TABLE a", "declares no table"},
        {" CREATE TABLE a (b)", "declares no table"},
        {"CREATE  TABLE a (b)", "declares no table"},
        {"CREATE TEMP TABLE a (b)", "declares no table"},
        {"CREATE TEMP TRIGGER a AFTER INSERT ON b BEGIN SELECT 1; END", "declares no table"},
        {"CREATE TABLE temp.a (b)", "not authorized"},
        {"CREATE VIEW temp.a AS SELECT 1", "not authorized"},
        {"CREATE TABLE other.a (b)", "unknown database other"},
        {"CREATE TABLE a AS SELECT 1", "not authorized"},
        {"CREATE TABLE a AS WITH RECURSIVE r(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM r) "
         "SELECT i "
         "FROM r",
         "not authorized"},
        {"CREATE TABLE a AS VALUES (1)", "not authorized"},
        {"CREATE TABLE a (b); ATTACH '/tmp/x' AS x", "more follows"},
        {"CREATE TABLE a (b); SELECT 1", "more follows"},
        {"CREATE TABLE sqlite_a (b)", "reserved"},
        {"CREATE TABLE a (b", "incomplete input"},
        {"CREATE INDEX a ON b (c)", "no such table"},
        {"CREATE TRIGGER a AFTER INSERT ON b BEGIN SELECT 1; END", "no such table"},
        {"CREATE VIRTUAL TABLE a USING nowhere(b)", "no such module: nowhere"},
        {"CREATE VIRTUAL TABLE temp.a USING fts5(b)", "not authorized"},
        {"CREATE TABLE a (b CHECK (nobody_has(b)))", "no such function"},
    };
    cf_buffer value = {0}, made = {0};
    cf_error error;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const cf_bytes statement = cf_bytes_of_text(refused[i].statement);

        error.text[0] = '\0';
        cr_expect_eq(make(value_of(&value, &usual, statement), &made, &error), CF_MALFORMED, "%s",
                     refused[i].statement);
        cr_expect(strstr(error.text, refused[i].why), "%s: %s", refused[i].statement, error.text);
        cr_expect_eq(made.size, 0);
        cr_expect(!cf_database_layout_works(cf_buffer_view(&value)));
    }
    expect_fails(
        make(value_of(&value, &usual, cf_bytes_of("CREATE TABLE a (b)\0", 19)), &made, &error),
        CF_MALFORMED);
    expect_fails(
        make(value_of(&value, &usual, cf_bytes_of_text("CREATE TABLE \xff (b)")), &made, &error),
        CF_MALFORMED);
    cf_buffer_release(&value);
    cf_buffer_release(&made);
}

Test(database_layout, reads_no_layout_that_no_database_could_have)
{
    const cf_bytes table = cf_bytes_of_text("CREATE TABLE a (b)");
    static const traits bad[] = {
        {.page_size = 256, .encoding = "UTF-8", .elements = 7},
        {.page_size = 131072, .encoding = "UTF-8", .elements = 7},
        {.page_size = 5000, .encoding = "UTF-8", .elements = 7},
        {.page_size = 4096, .encoding = "UTF-16", .elements = 7},
        {.page_size = 4096, .encoding = "UTF-8' ; ATTACH '/tmp/x' AS x", .elements = 7},
        {.page_size = 4096, .encoding = "UTF-8", .elements = 7, .vacuum = 3},
        {.page_size = 4096, .encoding = "UTF-8", .elements = 7, .version = (int64_t)1 << 31},
        {.page_size = 4096,
         .encoding = "UTF-8",
         .elements = 7,
         .application = -((int64_t)1 << 31) - 1},
        {.page_size = 4096, .encoding = "UTF-8", .elements = 6},
    };
    cf_buffer value = {0}, made = {0};
    traits newer = usual;
    cf_error error;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_fails(make(value_of(&value, &bad[i], table), &made, &error), CF_MALFORMED);
    newer.elements = 8;
    value_of(&value, &newer, table);
    cf_pack_nil(&value);
    expect_ok(make(cf_buffer_view(&value), &made, &error), error);
    const cf_bytes whole = value_of(&value, &usual, table);
    for (size_t size = 0; size < whole.size; size++)
        cr_expect(make(cf_bytes_of(whole.data, size), &made, &error) != CF_OK, "%zu", size);
    expect_fails(make(tables(&value, &usual, 0), &made, &error), CF_MALFORMED);
    cf_buffer_release(&value);
    cf_buffer_release(&made);
}

Test(database_layout, has_statements_up_to_a_bound)
{
    cf_buffer value = {0}, made = {0};
    cf_error error;

    expect_ok(make(tables(&value, &usual, 2), &made, &error), error);
    traits small = usual;
    small.page_size = 512;
    expect_ok(make(tables(&value, &small, CF_DATABASE_STATEMENTS_MAX), &made, &error), error);
    expect_fails(make(tables(&value, &small, CF_DATABASE_STATEMENTS_MAX + 1), &made, &error),
                 CF_TOO_LARGE);
    cf_buffer_release(&value);
    cf_buffer_release(&made);
}

Test(database_layout, has_bytes_up_to_a_bound)
{
    cf_buffer value = {0}, made = {0}, text = {0};
    cf_error error;
    const size_t around = value_of(&value, &usual, cf_bytes_of("", 0)).size + 4; /* of its length */

    cf_buffer_append_text(&text, "CREATE TABLE a (b /* ");
    while (text.size < CF_DATABASE_LAYOUT_MAX - around - 4)
        cf_buffer_append(&text, "-", 1);
    cf_buffer_append_text(&text, " */)");
    cr_assert_eq(value_of(&value, &usual, cf_buffer_view(&text)).size, CF_DATABASE_LAYOUT_MAX);
    expect_ok(make(cf_buffer_view(&value), &made, &error), error);
    text.data[text.size - 1] = ' ';
    cf_buffer_append_text(&text, ")");
    expect_fails(make(value_of(&value, &usual, cf_buffer_view(&text)), &made, &error),
                 CF_TOO_LARGE);
    cf_buffer_release(&value);
    cf_buffer_release(&made);
    cf_buffer_release(&text);
}

/* A page each, and one for what they declare. */
Test(database_layout, makes_so_many_pages_before_the_first_row)
{
    traits large = usual;
    cf_buffer value = {0}, made = {0};
    cf_error error;

    large.page_size = 65536;
    const size_t pages = CF_DATABASE_MADE_MAX / large.page_size;
    expect_ok(make(tables(&value, &large, pages - 1), &made, &error), error);
    cr_expect_eq(made.size, CF_DATABASE_MADE_MAX);
    expect_fails(make(tables(&value, &large, pages), &made, &error), CF_TOO_LARGE);
    cr_expect_eq(made.size, 0);
    cf_buffer_release(&value);
    cf_buffer_release(&made);
}

Test(database_layout, is_told_of_no_database_that_is_over_a_bound_or_declares_nothing)
{
    database *self = database_arrive();
    cf_buffer value = {0}, sql = {0};

    database_does(self, "PRAGMA user_version = 3");
    pack(self, &value);
    cr_expect_eq(value.size, 0);
    cf_buffer_append_text(&sql, "BEGIN;");
    for (size_t i = 0; i < CF_DATABASE_STATEMENTS_MAX; i++)
        cf_buffer_append_text(&sql, "CREATE VIEW v%zu AS SELECT %zu;", i, i);
    cf_buffer_append_text(&sql, "COMMIT");
    cf_buffer_append(&sql, "", 1);
    database_does(self, (const char *)sql.data);
    pack(self, &value);
    cr_expect_gt(value.size, 0);
    database_does(self, "CREATE VIEW more AS SELECT 0");
    pack(self, &value);
    cr_expect_eq(value.size, 0);
    cf_buffer_release(&sql);
    database_leave(&self);

    self = database_arrive();
    cf_buffer_append_text(&sql, "CREATE TABLE a (b /* %*s */)", (int)CF_DATABASE_LAYOUT_MAX, "");
    cf_buffer_append(&sql, "", 1);
    database_does(self, (const char *)sql.data);
    pack(self, &value);
    cr_expect_eq(value.size, 0);
    cf_buffer_release(&sql);
    cf_buffer_release(&value);
    database_leave(&self);
}

static void shout(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_value(context, values[0]);
}

/* Only its own program has the function. */
Test(database_layout, does_not_work_where_its_own_program_is_needed)
{
    database *self = database_arrive();
    cf_buffer value = {0};

    sqlite3_create_function(self->other, "shout", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                            shout, NULL, NULL);
    database_does(self, "CREATE TABLE a (b)");
    pack(self, &value);
    cr_expect(cf_database_layout_works(cf_buffer_view(&value)));
    database_does(self, "CREATE INDEX loud ON a (shout(b))");
    pack(self, &value);
    cr_expect(!cf_database_layout_works(cf_buffer_view(&value)));
    cf_buffer_release(&value);
    database_leave(&self);
}
