/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/adapters/database.h"

static database *here;

static void arrive(void)
{
    here = database_arrive();
}

static void leave(void)
{
    database_leave(&here);
}

TestSuite(database_schema, .init = arrive, .fini = leave);

static void declare(const char *sql)
{
    database_does(here, sql);
    expect_ok(database_read(here), here->error);
}

Test(database_schema, tells_counted_keys_from_natural_ones)
{
    declare("CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x);"
            "CREATE TABLE b (id INT PRIMARY KEY, x);"
            "CREATE TABLE c (id INTEGER PRIMARY KEY DESC, x);"
            "CREATE TABLE d (id INTEGER PRIMARY KEY, x) WITHOUT ROWID;"
            "CREATE TABLE e (id TEXT PRIMARY KEY, x ANY) STRICT;"
            "CREATE TABLE f (y TEXT, x TEXT, z, PRIMARY KEY (x, y));");
    expect_schema(here, "a(serial) /columns/x\n"
                        "b(natural) /columns/x\n"
                        "c(natural) /columns/x\n"
                        "d(natural) /columns/x\n"
                        "e(natural) /columns/x\n"
                        "f(natural) /columns/z\n");
    expect_notices(here, "");
}

Test(database_schema, names_what_it_cannot_sync)
{
    declare("CREATE TABLE keyless (a, b);"
            "CREATE TABLE sums (id INTEGER PRIMARY KEY, a, b GENERATED ALWAYS AS (a + 1),"
            " c GENERATED ALWAYS AS (a + 2) STORED);"
            "CREATE VIRTUAL TABLE boxes USING rtree(id, x1, x2);"
            "CREATE VIEW seen AS SELECT a FROM keyless;");
    expect_schema(here, "sums(serial) /columns/a\n");
    expect_notices(here,
                   "sums.b: a generated column: the database computes it by itself\n"
                   "sums.c: a generated column: the database computes it by itself\n"
                   "boxes: a virtual table: its content is not synced, and no trigger keeps it\n"
                   "keyless: it has no primary key, so nobody can say which row is which\n");
}

Test(database_schema, a_table_without_a_key_harms_nobody_unless_others_have_its_rows)
{
    const cf_schema_table tables[] = {{.name = cf_bytes_of_text("keyless")}};
    const cf_schema others = {tables, 1}, none = {0};

    declare("CREATE TABLE keyless (a, b); CREATE VIRTUAL TABLE boxes USING rtree(id, x1, x2);"
            "CREATE TABLE sums (id INTEGER PRIMARY KEY, a, b GENERATED ALWAYS AS (a + 1));");
    cr_assert_eq(here->schema.notice_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const cf_database_notice *notice = &here->schema.notices[i];
        const bool keyless = cf_bytes_equal(notice->name, tables[0].name);

        cr_expect(cf_database_notice_is_harmless(notice, NULL));
        cr_expect(cf_database_notice_is_harmless(notice, &none));
        cr_expect_eq(cf_database_notice_is_harmless(notice, &others), !keyless);
    }
}

Test(database_schema, a_column_whose_name_is_none_for_a_field_is_missing)
{
    declare("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE w (id INTEGER PRIMARY KEY, "
            "\"\xff\" TEXT)");
    cr_assert_eq(here->schema.notice_count, 1);
    cr_expect_not(cf_database_notice_is_harmless(&here->schema.notices[0], NULL));
}

static int compare(void *context, int a_size, const void *a, int b_size, const void *b)
{
    (void)context;
    return a_size != b_size ? a_size - b_size : memcmp(a, b, (size_t)a_size);
}

static void answer(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_value(context, values[0]);
}

Test(database_schema, names_what_needs_its_own_program)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

    sqlite3_create_collation(here->other, "ours", SQLITE_UTF8, NULL, compare);
    sqlite3_create_function(here->other, "fold", 1, flags, NULL, answer, NULL, NULL);
    declare("CREATE TABLE a (id INTEGER PRIMARY KEY, t TEXT); CREATE INDEX i ON a (t COLLATE ours);"
            "CREATE TABLE b (id INTEGER PRIMARY KEY, t TEXT); CREATE INDEX j ON b (fold(t));"
            "CREATE TABLE c (id INTEGER PRIMARY KEY, t TEXT);"
            "CREATE TRIGGER k AFTER INSERT ON c BEGIN UPDATE c SET t = fold(t); END;");
    expect_schema(here, "");
    expect_notices(here, "a: it is ordered in a way that only its own program knows\n"
                         "b: it can't be written here: unknown function: fold()\n"
                         "c: its trigger k can't be followed: no such function: fold\n");
}

Test(database_schema, takes_unique_and_required_columns)
{
    declare("CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT UNIQUE NOT NULL, c DEFAULT 1 NOT NULL,"
            " d, e, f COLLATE NOCASE UNIQUE, UNIQUE (e, d), UNIQUE (id, d));"
            "CREATE UNIQUE INDEX i ON a (e COLLATE RTRIM, f);"
            "CREATE UNIQUE INDEX g ON a (d) WHERE e; CREATE UNIQUE INDEX h ON a (lower(d));");
    expect_schema(here, "a(serial) /columns/b! /columns/c==1 /columns/d /columns/e /columns/f "
                        "unique(/columns/e$,/columns/f^) unique(/columns/e,/columns/d) "
                        "unique(/columns/f^) unique(/columns/b)\n");
}

Test(database_schema, knows_defaults_as_the_column_has_them)
{
    declare(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT DEFAULT '5', c TEXT NOT NULL DEFAULT 5,"
        " d DEFAULT 'it''s', e REAL DEFAULT -1, f BOOLEAN DEFAULT TRUE, g BLOB DEFAULT 7,"
        " h VARCHAR(20) DEFAULT '' NOT NULL, i DEFAULT NULL);"
        "CREATE TABLE b (id INTEGER PRIMARY KEY, b INT DEFAULT 3.5, c DEFAULT CURRENT_TIMESTAMP,"
        " d DEFAULT (random()), e DEFAULT (1 + 1), f TEXT DEFAULT 'a' COLLATE NOCASE);"
        "INSERT INTO a DEFAULT VALUES;");
    expect_schema(here,
                  "a(serial) /columns/b=5 /columns/c==\"5\" /columns/d=\"it's\" /columns/e=-1.0"
                  " /columns/f=1 /columns/g=7 /columns/h==\"\" /columns/i\n"
                  "b(serial) /columns/b /columns/c /columns/d /columns/e"
                  " /columns/f=\"a\"\n");
    expect_database(here, "a 1 /columns/b=5 /columns/c=\"5\" /columns/d=\"it's\" /columns/e=-1.0 "
                          "/columns/f=1 /columns/g=7 /columns/h=\"\"\n");
}

Test(database_schema, follows_references_to_keys)
{
    declare("CREATE TABLE people (id INTEGER PRIMARY KEY, chief REFERENCES people);"
            "CREATE TABLE phones (id INTEGER PRIMARY KEY, person INT REFERENCES People (ID), n,"
            " gone REFERENCES nowhere (x));"
            "CREATE TABLE tags (name TEXT PRIMARY KEY);"
            "CREATE TABLE marks (person REFERENCES people, tag TEXT REFERENCES tags, n,"
            " PRIMARY KEY (person, tag));"
            "CREATE TABLE photos (person INTEGER PRIMARY KEY REFERENCES people, bytes BLOB);"
            "CREATE TABLE frames (id INTEGER PRIMARY KEY, photo REFERENCES photos);"
            "CREATE TABLE words (tag TEXT REFERENCES tags PRIMARY KEY, meaning TEXT);");
    expect_schema(here,
                  "frames(serial) /columns/photo>people\n"
                  "marks(tuple) /columns/n /columns/person!>>people /columns/tag!>>tags "
                  "unique(/columns/person,/columns/tag)\n"
                  "people(serial) /columns/chief>people\n"
                  "phones(serial) /columns/gone /columns/n /columns/person>people\n"
                  "photos(tuple) /columns/bytes /columns/person!>>people unique(/columns/person)\n"
                  "tags(natural)\n"
                  "words(natural) /columns/meaning /columns/tag!>>tags\n");
}

Test(database_schema, folds_keys_that_compare_without_case)
{
    declare("CREATE TABLE a (name TEXT COLLATE NOCASE PRIMARY KEY, x);"
            "CREATE TABLE b (name TEXT REFERENCES a, tail TEXT COLLATE RTRIM, "
            "PRIMARY KEY (name, tail)) WITHOUT ROWID;"
            "INSERT INTO a VALUES ('Ann É', 1); INSERT INTO b VALUES ('ANN', 'x  ');");
    expect_schema(here, "a(natural) /columns/name! /columns/x\nb(natural) /columns/tail!\n");
    expect_database(here, "a \"ann É\" /columns/name=\"Ann É\" /columns/x=1\n"
                          "b [\"ANN\",\"x\"] /columns/tail=\"x  \"\n");
}

Test(database_schema, tells_which_rows_go_with_the_one_that_they_refer_to)
{
    declare("CREATE TABLE p (id INTEGER PRIMARY KEY);"
            "CREATE TABLE q (id INTEGER PRIMARY KEY, a REFERENCES p ON DELETE CASCADE,"
            " b REFERENCES p ON DELETE SET NULL, c REFERENCES p, d NOT NULL REFERENCES p,"
            " e NOT NULL DEFAULT 1 REFERENCES p ON DELETE SET DEFAULT,"
            " f REFERENCES p ON DELETE RESTRICT ON UPDATE CASCADE);");
    expect_schema(here, "p(serial)\n"
                        "q(serial) /columns/a>>p /columns/b>p /columns/c>p /columns/d!>>p "
                        "/columns/e>>p==1 /columns/f>p\n");
}

static void print_ties(const cf_row_format *format, cf_buffer *out)
{
    for (size_t i = 0; i < format->tie_count; i++) {
        const cf_row_tie *tie = &format->ties[i];

        cf_buffer_append_text(out, "%.*s>%.*s", (int)tie->child.size, (const char *)tie->child.data,
                              (int)tie->parent.size, (const char *)tie->parent.data);
        for (size_t k = 0; k < tie->count; k++)
            cf_buffer_append_text(out, " %.*s=%.*s", (int)tie->from[k].field.size,
                                  (const char *)tie->from[k].field.data, (int)tie->to[k].field.size,
                                  (const char *)tie->to[k].field.data);
        cf_buffer_append_text(out, "\n");
    }
}

/* By several columns, or by one that is merely unique: among tables that have the same columns. */
Test(database_schema, ties_rows_that_refer_otherwise_than_by_the_key)
{
    cf_buffer ties = {0};

    declare("CREATE TABLE o (id INTEGER PRIMARY KEY, a, b, UNIQUE (a, b));"
            "CREATE TABLE p (id INTEGER PRIMARY KEY, a, b UNIQUE, UNIQUE (a, b));"
            "CREATE TABLE q (id INTEGER PRIMARY KEY, x, y, z REFERENCES P (b), w REFERENCES o,"
            " FOREIGN KEY (x, y) REFERENCES p (a, b));"
            "CREATE TABLE r (id INTEGER PRIMARY KEY, x REFERENCES nowhere (b));");
    print_ties(&here->schema.format, &ties);
    expect_written(&ties, "q>p /columns/x=/columns/a /columns/y=/columns/b\n"
                          "q>p /columns/z=/columns/b\n");
}

Test(database_schema, survives_references_in_a_ring)
{
    declare("CREATE TABLE a (id INTEGER PRIMARY KEY REFERENCES b, x REFERENCES b);"
            "CREATE TABLE b (id INTEGER PRIMARY KEY REFERENCES a, x REFERENCES a);"
            "CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES c);");
    cr_assert_eq(here->schema.count, 3);
}

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

Test(database_schema, takes_references_that_are_named_as_if_they_were_declared)
{
    static const cf_named_reference named[] = {
        {NAME("phones"), NAME("PERSON"), NAME("People")},
        {NAME("phones"), NAME("owner"), NAME("people")},
        {NAME("phones"), NAME("n"), NAME("pairs")},
        {NAME("phones"), NAME("n"), NAME("keyless")},
        {NAME("nowhere"), NAME("n"), NAME("people")},
    };
    const cf_database_choice choice = {.references = named,
                                       .reference_count = sizeof named / sizeof *named};
    sqlite3 *ours;

    database_does(here, "CREATE TABLE people (id INTEGER PRIMARY KEY);"
                        "CREATE TABLE phones (id INTEGER PRIMARY KEY, person INTEGER, n);"
                        "CREATE TABLE pairs (a, b, PRIMARY KEY (a, b)); CREATE TABLE keyless (x);");
    cf_database_schema_release(&here->schema);
    expect_ok(cf_database_open(here->path, false, &ours, &here->error), here->error);
    expect_ok(cf_database_schema_read(ours, &choice, &here->schema, &here->error), here->error);
    cf_database_close(&ours);
    expect_schema(here, "pairs(natural)\npeople(serial)\n"
                        "phones(serial) /columns/n /columns/person>people\n");
    expect_notices(here, "phones: the map says that a column owner refers, which it doesn't have\n"
                         "phones: the map says that a column n refers, to a table whose key has "
                         "several columns\n"
                         "phones: the map says that a column n refers, to a table that isn't "
                         "synced\n"
                         "nowhere: the map says that a column n refers, but the table isn't "
                         "synced\n"
                         "keyless: it has no primary key, so nobody can say which row is which\n");
}

static bool is_a(const void *context, cf_bytes table)
{
    (void)context;
    return cf_bytes_equal(table, cf_bytes_of_text("a"));
}

Test(database_schema, takes_only_what_is_wanted)
{
    sqlite3 *ours;
    cf_database_schema schema;
    cf_database_choice choice = {.wants = is_a};

    database_does(here, "CREATE TABLE a (id INTEGER PRIMARY KEY, b REFERENCES b);"
                        "CREATE TABLE b (id INTEGER PRIMARY KEY); CREATE TABLE keyless (x);");
    expect_ok(cf_database_open(here->path, false, &ours, &here->error), here->error);
    expect_ok(cf_database_schema_read(ours, &choice, &schema, &here->error), here->error);
    cr_assert_eq(schema.count, 1);
    cr_assert_eq(schema.tables[0].columns[1].target, 0);
    cr_assert_eq(schema.notice_count, 0);
    cf_database_schema_release(&schema);
    cf_database_close(&ours);
}

Test(database_schema, takes_the_last_value_where_it_is_told_and_time_says_something)
{
    static const char *const last[] = {"places.visits",  "PLACES.Last", "places.url",
                                       "places.owner",   "places.id",   "places.none",
                                       "nowhere.visits", "odd.name.n.m"};
    const cf_database_choice choice = {.last = last, .last_count = 8};
    sqlite3 *ours;

    database_does(here, "CREATE TABLE owners (id INTEGER PRIMARY KEY);"
                        "CREATE TABLE places (id INTEGER PRIMARY KEY, url TEXT UNIQUE,"
                        " visits INTEGER, last REAL, owner REFERENCES owners);"
                        "CREATE TABLE \"odd.name\" (id INTEGER PRIMARY KEY, \"n.m\");");
    cf_database_schema_release(&here->schema);
    expect_ok(cf_database_open(here->path, false, &ours, &here->error), here->error);
    expect_ok(cf_database_schema_read(ours, &choice, &here->schema, &here->error), here->error);
    cf_database_close(&ours);
    for (size_t i = 0; i < here->schema.schema.count; i++) {
        const cf_schema_table *table = &here->schema.schema.tables[i];
        size_t weak = 0;

        for (size_t k = 0; k < table->field_count; k++)
            weak += table->fields[k].merge == CF_MERGE_WEAK;
        cr_expect_eq(weak, cf_bytes_equal(table->name, cf_bytes_of_text("places"))     ? 2
                           : cf_bytes_equal(table->name, cf_bytes_of_text("odd.name")) ? 1
                                                                                       : 0);
    }
    expect_notices(here, "--last places.url: no two rows may have it alike\n"
                         "--last places.owner: it refers to other rows\n"
                         "--last places.id: it is a part of the key\n"
                         "--last places.none: no column that is synced is called so\n"
                         "--last nowhere.visits: no column that is synced is called so\n");
    for (size_t i = 0; i < here->schema.notice_count; i++)
        cr_expect(cf_database_notice_is_harmless(&here->schema.notices[i], NULL));
}

static bool is_not_people(const void *context, cf_bytes table)
{
    (void)context;
    return !cf_bytes_equal(table, cf_bytes_of_text("people"));
}

Test(database_schema, keys_are_the_same_whatever_is_wanted)
{
    sqlite3 *ours;
    cf_database_schema schema;
    cf_database_choice choice = {.wants = is_not_people};

    database_does(here, "CREATE TABLE people (id INTEGER PRIMARY KEY);"
                        "CREATE TABLE groups (name TEXT PRIMARY KEY);"
                        "CREATE TABLE members (person REFERENCES people, grp REFERENCES groups,"
                        " PRIMARY KEY (person, grp));"
                        "CREATE TABLE notes (person PRIMARY KEY REFERENCES people, text);");
    expect_ok(database_read(here), here->error);
    cr_assert_eq(here->schema.count, 4);
    expect_ok(cf_database_open(here->path, false, &ours, &here->error), here->error);
    expect_ok(cf_database_schema_read(ours, &choice, &schema, &here->error), here->error);
    cr_assert_eq(schema.count, 3);
    cr_expect_eq(schema.notice_count, 0);
    for (size_t i = 0; i < 3; i++) {
        const cf_database_table *all =
            cf_database_table_named(&here->schema, schema.tables[i].name);

        cr_expect_eq(schema.tables[i].key_kind, all->key_kind);
    }
    cr_expect_eq(cf_database_table_named(&schema, cf_bytes_of_text("members"))->key_kind,
                 CF_KEY_TUPLE);
    cf_database_schema_release(&schema);
    cf_database_close(&ours);
}

Test(database_schema, lists_no_search_index_that_a_trigger_keeps)
{
    declare("CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT);"
            "CREATE VIRTUAL TABLE kept USING fts5(title, content='notes', content_rowid='id');"
            "CREATE VIRTUAL TABLE stale USING fts5(title);"
            "CREATE TRIGGER k AFTER INSERT ON notes BEGIN"
            " INSERT INTO kept(rowid, title) VALUES (new.id, new.title); END;");
    expect_schema(here, "notes(serial) /columns/title\n");
    cr_assert_eq(here->schema.follower_count, 1);
    expect_notices(here,
                   "stale: a virtual table: its content is not synced, and no trigger keeps it\n");
}
