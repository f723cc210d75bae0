/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/adapters/database.h"

#include "codec/pack.h"

#include <sys/stat.h>

static database *here, *there;
static cf_database_outcome outcome;

static void arrive(void)
{
    here = database_arrive();
    there = database_arrive();
}

static void leave(void)
{
    cf_database_outcome_release(&outcome);
    database_leave(&here);
    database_leave(&there);
}

TestSuite(database_write, .init = arrive, .fini = leave);

/* Both have the schema; then each its rows, and both are read. */
static void make(const char *schema, const char *ours, const char *theirs)
{
    database_does(here, schema);
    database_does(there, schema);
    database_does(here, ours);
    database_does(there, theirs);
    expect_ok(database_read(here), here->error);
    expect_ok(database_read(there), there->error);
}

static void write_theirs(void)
{
    cf_database_outcome_release(&outcome);
    expect_ok(database_write(here, there, &outcome), here->error);
}

static const char things[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, v, w)";

Test(database_write, makes_it_show_other_rows)
{
    make(things, "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)",
         "INSERT INTO t VALUES (1, 'a', 1), (3, NULL, x'00'), (4, 0.5, -7)");
    write_theirs();
    cr_assert_eq(outcome.written, 3);
    expect_refusals(&outcome, "");
    expect_database(here, "t 1 /columns/v=\"a\" /columns/w=1\n"
                          "t 3 /columns/w=\"AA==\"\n"
                          "t 4 /columns/v=0.5 /columns/w=-7\n");
    expect_query(here, "PRAGMA integrity_check", "ok");
}

Test(database_write, writes_nothing_where_nothing_is_new)
{
    make(things, "INSERT INTO t VALUES (1, 'a', 1)", "INSERT INTO t VALUES (1, 'a', 1)");
    expect_query(here, "PRAGMA data_version", "1");
    write_theirs();
    cr_assert_eq(outcome.written, 0);
    expect_query(here, "PRAGMA data_version", "1");
}

Test(database_write, gives_way_to_a_user_who_was_faster)
{
    make(things, "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)",
         "INSERT INTO t VALUES (1, 'z', 1), (2, 'b', 2)");
    database_does(here, "UPDATE t SET v = 'user' WHERE id = 1");
    expect_fails(database_write(here, there, &outcome), CF_CHANGED);
    expect_query(here, "SELECT v FROM t WHERE id = 1", "user");
    expect_ok(database_read(here), here->error);
    database_does(here, "UPDATE t SET v = 'user' WHERE id = 2"); /* another row */
    write_theirs();
    expect_query(here, "SELECT group_concat(v) FROM t", "z,user");
}

Test(database_write, gives_way_to_a_row_that_refers_to_others_since)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE notes (t REFERENCES t)",
         "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (1, 'a'), (3, 'c')");
    database_does(here, "INSERT INTO notes VALUES (2)");
    expect_fails(database_write(here, there, &outcome), CF_CHANGED);
    expect_query(here, "SELECT group_concat(v) FROM t", "a,b");
    expect_ok(database_read(here), here->error);
    write_theirs();
    expect_query(here, "SELECT group_concat(v) FROM t", "a,c");
}

Test(database_write, gives_way_to_a_row_that_came_and_one_that_went)
{
    make(things, "INSERT INTO t VALUES (1, 'a', 1)", "INSERT INTO t VALUES (2, 'z', 1)");
    database_does(here, "INSERT INTO t VALUES (2, 'user', 1)");
    expect_fails(database_write(here, there, &outcome), CF_CHANGED);
    database_does(here, "DELETE FROM t");
    expect_fails(database_write(here, there, &outcome), CF_CHANGED);
    database_does(here, "INSERT INTO t VALUES (1, 'a', 1); ALTER TABLE t ADD COLUMN x");
    expect_fails(database_write(here, there, &outcome), CF_CHANGED);
}

/* Without an affinity 7 and 7.0 are two values, but one key. */
Test(database_write, changes_the_type_of_a_key)
{
    make("CREATE TABLE n (k PRIMARY KEY, v)", "INSERT INTO n VALUES (7, 'a')",
         "INSERT INTO n VALUES (7.0, 'a'), (8, 'b')");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT count(*) FROM n WHERE typeof(k) = 'real'", "1");
    expect_query(here, "SELECT count(*) FROM n", "2");
}

#define TAKEN ", which another row has here: give one of the two another value, and sync"

Test(database_write, refuses_a_row_whose_key_another_has_and_writes_the_others)
{
    database_does(here, "CREATE TABLE n (k INT PRIMARY KEY, v); INSERT INTO n VALUES (7, 'a')");
    database_does(there, "CREATE TABLE n (k PRIMARY KEY, v);"
                         "INSERT INTO n VALUES (7, 'a'), ('7', 'text'), (8, 'b')");
    expect_ok(database_read(here), here->error);
    expect_ok(database_read(there), there->error);
    write_theirs();
    expect_refusals(&outcome, "n \"7\" UNIQUE constraint failed: n.k" TAKEN "\n");
    expect_query(here, "SELECT group_concat(k || v) FROM n", "7a,8b");
}

/* The schema has no word for an index of some rows only. */
Test(database_write, says_what_to_do_about_an_index_of_some_rows)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, f INTEGER);"
         "CREATE UNIQUE INDEX i ON t(v) WHERE f = 1",
         "INSERT INTO t VALUES (1, 'a', 1), (2, 'a', 0)", "");
    database_does(there,
                  "DROP INDEX i; INSERT INTO t VALUES (1, 'a', 1), (2, 'a', 0), (3, 'a', 1)");
    expect_ok(database_read(there), there->error);
    write_theirs();
    expect_refusals(&outcome, "t 3 UNIQUE constraint failed: t.v" TAKEN "\n");
}

Test(database_write, waits_for_a_program_that_writes)
{
    make(things, "INSERT INTO t VALUES (1, 'a', 1)", "");
    database_does(here, "BEGIN IMMEDIATE");
    expect_fails(database_write(here, there, &outcome), CF_LOCKED);
}

Test(database_write, names_rows_that_break_a_constraint_and_writes_the_others)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v CHECK (v <> 'bad'), w TEXT UNIQUE)",
         "INSERT INTO t VALUES (1, 'a', 'x')", "INSERT INTO t VALUES (2, 'b', 'y')");
    database_does(there, "PRAGMA ignore_check_constraints = ON;"
                         "INSERT INTO t VALUES (1, 'a', 'x'), (3, 'bad', 'z')");
    database_does(here, "DROP TABLE IF EXISTS u");
    expect_ok(database_read(there), there->error);
    write_theirs();
    expect_refusals(&outcome, "t 3 CHECK constraint failed: v <> 'bad'\n");
    expect_query(here, "SELECT group_concat(id) FROM t", "1,2");
}

Test(database_write, exchanges_unique_values)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)",
         "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')",
         "INSERT INTO t VALUES (1, 'b'), (2, 'a'), (3, 'd'), (5, 'c')");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT group_concat(id || v) FROM t", "1b,2a,3d,5c");
}

/* Their table is not unique, so they have what can't be here. */
Test(database_write, undoes_an_exchange_that_fails_in_the_middle)
{
    database_does(here, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)");
    database_does(there, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    database_does(here, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    database_does(there, "INSERT INTO t VALUES (1, 'b'), (2, 'a'), (3, 'a'), (4, 'new')");
    expect_ok(database_read(here), here->error);
    expect_ok(database_read(there), there->error);
    write_theirs();
    expect_refusals(&outcome, "t 3 UNIQUE constraint failed: t.v" TAKEN "\n");
    expect_query(here, "SELECT group_concat(id || v) FROM t", "1b,2a,3c,4new");
}

Test(database_write, holds_rows_back_with_those_that_refer_to_them)
{
    make("CREATE TABLE a (id INTEGER PRIMARY KEY, v CHECK (v <> 'bad'));"
         "CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a);"
         "CREATE TABLE c (id INTEGER PRIMARY KEY, b REFERENCES b)",
         "INSERT INTO a VALUES (1, 'x')",
         "PRAGMA ignore_check_constraints = ON;"
         "INSERT INTO a VALUES (1, 'x'), (2, 'bad'); INSERT INTO b VALUES (10, 2), (11, 1);"
         "INSERT INTO c VALUES (20, 10), (21, 11)");
    write_theirs();
    expect_refusals(&outcome, "a 2 CHECK constraint failed: v <> 'bad'\n"
                              "b 10 what it refers to can't be brought here\n"
                              "c 20 what it refers to can't be brought here\n");
    expect_query(here,
                 "SELECT group_concat(id) FROM (SELECT id FROM a UNION SELECT id FROM b "
                 "UNION SELECT id FROM c)",
                 "1,11,21");
}

Test(database_write, lets_no_row_refer_to_nothing_through_several_columns)
{
    make("CREATE TABLE a (x TEXT, y TEXT, v CHECK (v <> 'bad'), PRIMARY KEY (x, y));"
         "CREATE TABLE b (id INTEGER PRIMARY KEY, x, y, FOREIGN KEY (x, y) REFERENCES a)",
         "PRAGMA foreign_keys = OFF; INSERT INTO b VALUES (9, 'old', 'one');"
         "INSERT INTO a VALUES ('t', 'u', 'before')",
         "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;"
         "INSERT INTO b VALUES (9, 'old', 'one'); INSERT INTO a VALUES ('p', 'q', 'bad'), "
         "('r', 's', 'x'), ('t', 'u', 'after'); INSERT INTO b VALUES (1, 'p', 'q'), (2, 'r', 's')");
    write_theirs();
    expect_refusals(&outcome, "a [\"p\",\"q\"] CHECK constraint failed: v <> 'bad'\n"
                              "b 1 it refers to a row that is not here\n");
    expect_query(here, "SELECT group_concat(id) FROM b", "2,9");
    expect_query(here, "SELECT v FROM a WHERE x = 't'", "after");
}

Test(database_write, lets_go_what_others_refer_to_only_with_them)
{
    make("CREATE TABLE a (x TEXT, y TEXT, PRIMARY KEY (x, y));"
         "CREATE TABLE b (id INTEGER PRIMARY KEY, v, x, y, FOREIGN KEY (x, y) REFERENCES a)",
         "INSERT INTO a VALUES ('p', 'q'), ('r', 's');"
         "INSERT INTO b VALUES (1, CAST(x'ff' AS TEXT), 'p', 'q'), (2, 'v', 'r', 's')",
         "");
    write_theirs(); /* b 1 is in trouble and stays */
    expect_refusals(&outcome, "a [\"p\",\"q\"] rows that stay here refer to what it says\n"
                              "a [\"r\",\"s\"] rows that stay here refer to what it says\n");
    expect_query(here, "SELECT group_concat(id) FROM b", "1");
}

Test(database_write, keeps_what_a_row_refers_to_rather_than_the_row_as_it_was)
{
    make("CREATE TABLE g (name TEXT PRIMARY KEY COLLATE NOCASE, v);"
         "CREATE TABLE m (id INTEGER PRIMARY KEY, g REFERENCES g, n)",
         "INSERT INTO g VALUES ('Ann', 0), ('Bob', 0), ('Cy', 0);"
         "INSERT INTO m VALUES (1, 'ANN', 'x'), (2, 'Bob', 'x'), (3, 'Cy', 'x')",
         "INSERT INTO g VALUES ('Bob', 1); PRAGMA foreign_keys = OFF;"
         "INSERT INTO m VALUES (1, 'ANN', 'y'), (2, 'Bob', 'y'), (4, 'Dan', 'y')");
    write_theirs();
    expect_refusals(&outcome, "g \"ann\" rows that stay here refer to what it says\n"
                              "m 4 it refers to a row that is not here\n");
    expect_query(here, "SELECT group_concat(name || v) FROM g", "Ann0,Bob1");
    expect_query(here, "SELECT group_concat(id || g || n) FROM m", "1ANNy,2Boby");
}

Test(database_write, does_not_follow_what_deletions_would_do)
{
    make("CREATE TABLE a (id INTEGER PRIMARY KEY);"
         "CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a ON DELETE CASCADE)",
         "INSERT INTO a VALUES (1); INSERT INTO b VALUES (5, 1)",
         "PRAGMA foreign_keys = OFF; INSERT INTO b VALUES (5, 1)");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT count(*) FROM a", "0");
    expect_query(here, "SELECT count(*) FROM b", "1");
}

/* Which record a row is: its `v` says it, or its key. */
static void know_items(database *self)
{
    for (size_t i = 0; i < self->rows.count; i++) {
        cf_row *row = &self->rows.rows[i];
        const cf_row_field *v = cf_row_field_named(row, cf_bytes_of_text("/columns/v"));

        cf_bytes name = v ? v->values[0] : row->key;

        memcpy(row->item.bytes, row->table.data, 1);
        memcpy(row->item.bytes + 1, name.data, name.size);
        cf_rows_put(self->base, row);
    }
}

static const char choosy[] =
    "DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, v CHECK (v <> 'bad'))";

Test(database_write, shows_no_row_twice_whose_place_another_can_not_take)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
         "CREATE TABLE k (v PRIMARY KEY, t REFERENCES t) WITHOUT ROWID",
         "INSERT INTO k VALUES ('of a', 1)",
         "INSERT INTO t VALUES (1, 'bad'), (2, 'a'), (3, 'b'), (4, 'c');"
         "INSERT INTO k VALUES ('of a', 2), ('of bad', 1), ('new of a', 2), ('of c', 4)");
    database_does(here, choosy);
    database_does(here, "INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    expect_ok(database_read(here), here->error);
    know_items(here);
    know_items(there);
    write_theirs();
    expect_query(here, "SELECT group_concat(id || v) FROM t", "1a,2b,4c");
    expect_query(here, "SELECT group_concat(v || t) FROM k", "of a1,of c4");
    cr_assert_eq(outcome.count, 6);
}

Test(database_write, leaves_who_stays_no_child_of_another)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
         "CREATE TABLE k (v PRIMARY KEY, t REFERENCES t) WITHOUT ROWID",
         "INSERT INTO k VALUES ('of a', 1), ('of b', 3)",
         "INSERT INTO t VALUES (1, 'c'), (2, 'a'), (3, 'd'), (4, 'b');"
         "INSERT INTO k VALUES ('of a', 2), ('of b', 4), ('of c', 1)");
    database_does(here, "DROP TABLE t;"
                        "CREATE TABLE t (id INTEGER PRIMARY KEY, v CHECK (v <> 'a' OR id = 1));"
                        "INSERT INTO t VALUES (1, 'a'), (3, 'b')");
    expect_ok(database_read(here), here->error);
    know_items(here);
    know_items(there);
    write_theirs();
    expect_refusals(&outcome, "k \"of a\" what it refers to can't be brought here\n"
                              "t 1 rows that stay here refer to the one that is there\n"
                              "k \"of c\" what it refers to can't be brought here\n"
                              "t 2 CHECK constraint failed: v <> 'a' OR id = 1\n");
    expect_query(here, "SELECT group_concat(id || v) FROM t", "1a,3d,4b");
    expect_query(here, "SELECT group_concat(v || t) FROM k", "of a1,of b4");
}

Test(database_write, refuses_values_that_the_database_would_alter)
{
    database_does(here, "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)");
    database_does(there, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    database_does(there, "INSERT INTO t VALUES (1, '5'), (2, 'five')");
    expect_ok(database_read(here), here->error);
    expect_ok(database_read(there), there->error);
    write_theirs();
    expect_refusals(&outcome, "t 1 this database would make other values of it\n");
    expect_query(here, "SELECT group_concat(id || typeof(v)) FROM t", "2text");
}

Test(database_write, refuses_what_no_database_has)
{
    cf_buffer value = {0}, key = {0};
    cf_bytes values[2];
    cf_row_field field = {cf_bytes_of_text("/columns/v"), values, 1};
    cf_row rows[2] = {{.table = cf_bytes_of_text("t"), .fields = &field, .field_count = 1}};
    cf_database_outcome found;

    make(things, "", "");
    cf_pack_bool(&value, true);
    cf_pack_int(&key, 1);
    values[0] = cf_buffer_view(&value);
    rows[0].key = cf_buffer_view(&key);
    rows[1] = rows[0];
    rows[1].table = cf_bytes_of_text("elsewhere");
    expect_ok(cf_database_rows_write(here->path, &here->schema, here->base, &here->rows, rows, 2,
                                     &found, &here->error),
              here->error);
    expect_refusals(&found, "elsewhere 1 there is no such table here\n"
                            "t 1 a database can't hold a value of it, or its key\n");
    cr_assert_eq(found.written, 0);
    cf_database_outcome_release(&found);
    cf_buffer_release(&value);
    cf_buffer_release(&key);
}

Test(database_write, leaves_triggers_off)
{
    make(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE log (id INTEGER PRIMARY KEY, w);"
        "CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO log(w) VALUES (new.v); END;"
        "CREATE TRIGGER b AFTER UPDATE ON t BEGIN UPDATE t SET v = v || '!' WHERE id = new.id; END;"
        "CREATE TRIGGER c BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'no'); END",
        "INSERT INTO t VALUES (1, 'a'), (2, 'b'); DELETE FROM log",
        "INSERT INTO t VALUES (1, 'z'), (3, 'c'); DELETE FROM log;");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT group_concat(id || v) FROM t", "1z,3c");
    expect_query(here, "SELECT count(*) FROM log", "0");
}

static const char searched[] =
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, seen INT);"
    "CREATE TABLE log (id INTEGER PRIMARY KEY, w);"
    "CREATE VIRTUAL TABLE find USING fts5(title, content='notes', content_rowid='id');"
    "CREATE TRIGGER a AFTER INSERT ON notes BEGIN"
    " INSERT INTO find(rowid, title) VALUES (new.id, new.title);"
    " UPDATE notes SET seen = 99 WHERE id = new.id; INSERT INTO log(w) VALUES ('in'); END;"
    "CREATE TRIGGER b AFTER DELETE ON notes BEGIN"
    " INSERT INTO find(find, rowid, title) VALUES ('delete', old.id, old.title); END;"
    "CREATE TRIGGER c AFTER UPDATE OF title ON notes BEGIN"
    " INSERT INTO find(find, rowid, title) VALUES ('delete', old.id, old.title);"
    " INSERT INTO find(rowid, title) VALUES (new.id, new.title); END;";

Test(database_write, keeps_a_search_index_up_to_date)
{
    make(searched, "INSERT INTO notes VALUES (1, 'apple tree', 0), (2, 'pear tree', 0)",
         "INSERT INTO notes VALUES (1, 'apple pie', 7), (3, 'plum tree', 0); DELETE FROM log");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT group_concat(rowid) FROM find WHERE find MATCH 'tree'", "3");
    expect_query(here, "SELECT group_concat(rowid) FROM find WHERE find MATCH 'pie'", "1");
    database_does(here, "INSERT INTO find(find) VALUES ('integrity-check')");
    expect_query(here, "SELECT group_concat(seen) FROM notes", "99,99");
    expect_query(here, "SELECT count(*) FROM log", "0"); /* theirs has none */
    expect_query(here, "PRAGMA integrity_check", "ok");
    expect_query(here, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'", "3");
}

Test(database_write, follows_triggers_into_tables_without_keys)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE log (w);"
         "CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.v); END;",
         "", "INSERT INTO t VALUES (1, 'a')");
    write_theirs();
    expect_query(here, "SELECT group_concat(w) FROM log", "a");
}

/* What a statement says of conflicts holds in the triggers that it fires, too. */
Test(database_write, leaves_it_to_a_trigger_what_becomes_of_its_conflicts)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE words (w UNIQUE);"
         "CREATE TRIGGER a AFTER INSERT ON t BEGIN"
         " INSERT OR IGNORE INTO words VALUES (new.v); END;"
         "CREATE TRIGGER b AFTER UPDATE ON t BEGIN"
         " INSERT OR REPLACE INTO words VALUES (new.v); END;",
         "INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (1, 'b'), (2, 'b'), (3, 'a')");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT group_concat(id || v) FROM t", "1b,2b,3a");
    expect_query(here, "SELECT count(*) FROM words", "2");
}

Test(database_write, lets_the_database_fill_in_what_a_row_lacks)
{
    database_does(here, "CREATE TABLE t (id INTEGER PRIMARY KEY, v, x NOT NULL DEFAULT 'preset')");
    database_does(there, "CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    database_does(here, "INSERT INTO t VALUES (1, 'a', 'own')");
    database_does(there, "INSERT INTO t VALUES (1, 'z'), (2, 'b')");
    expect_ok(database_read(here), here->error);
    expect_ok(database_read(there), there->error);
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT group_concat(v || x) FROM t", "zown,bpreset");
}

static const char preset[] =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v, x NOT NULL DEFAULT 'preset')";

/* Ours has the value, theirs none; ours is known as the record of this number. */
static void make_emptied(const char *schema, uint8_t number)
{
    database_does(here, schema);
    database_does(there, "CREATE TABLE t (id INTEGER PRIMARY KEY, v, x)");
    database_does(here, "INSERT INTO t VALUES (1, 'a', 'own')");
    database_does(there, "INSERT INTO t(id, v) VALUES (1, 'z')");
    expect_ok(database_read(here), here->error);
    expect_ok(database_read(there), there->error);
    cf_row known = here->rows.rows[0];
    known.item.bytes[0] = number;
    cf_rows_put(here->base, &known);
}

Test(database_write, gives_no_default_for_a_value_that_was_emptied)
{
    make_emptied(preset, 0);
    write_theirs();
    expect_refusals(&outcome, "t 1 NOT NULL constraint failed: t.x\n");
    expect_query(here, "SELECT v || x FROM t", "aown");
}

Test(database_write, gives_another_record_the_default_and_not_what_was_there)
{
    make_emptied(preset, 1);
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT v || x FROM t", "zpreset");
}

Test(database_write, refuses_where_a_constraint_would_make_do)
{
    make_emptied("CREATE TABLE t (id INTEGER PRIMARY KEY, v,"
                 " x NOT NULL ON CONFLICT REPLACE DEFAULT 'preset')",
                 0);
    write_theirs();
    expect_refusals(&outcome, "t 1 NOT NULL constraint failed: t.x\n");
    expect_query(here, "SELECT v || x FROM t", "aown");
}

Test(database_write, exchanges_values_though_a_constraint_would_delete_rows)
{
    make("CREATE TABLE t (id INTEGER PRIMARY KEY, v UNIQUE ON CONFLICT REPLACE)",
         "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (1, 'b'), (2, 'a')");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT group_concat(id || v) FROM t", "1b,2a");
}

Test(database_write, changes_the_case_of_a_key_that_has_none)
{
    make("CREATE TABLE t (name TEXT COLLATE NOCASE PRIMARY KEY, v)",
         "INSERT INTO t VALUES ('Ann', 1), ('bob', 2)", "INSERT INTO t VALUES ('ANN', 3)");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT group_concat(name || v) FROM t", "ANN3");
}

Test(database_write, brings_joins_of_two_rows)
{
    make("CREATE TABLE a (id INTEGER PRIMARY KEY);"
         "CREATE TABLE j (a REFERENCES a, t TEXT, n, PRIMARY KEY (a, t)) WITHOUT ROWID",
         "INSERT INTO a VALUES (1), (2); INSERT INTO j VALUES (1, 'x', 0), (2, 'x', 0)",
         "INSERT INTO a VALUES (1), (2); INSERT INTO j VALUES (1, 'x', 5), (2, 'y', 0)");
    write_theirs();
    expect_refusals(&outcome, "");
    expect_query(here, "SELECT group_concat(a || t || n) FROM j", "1x5,2y0");
}

Test(database_write, leaves_a_log_to_a_program_that_runs)
{
    struct stat before, after;

    make("PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY)", "",
         "INSERT INTO t VALUES (1)");
    database_does(here, "PRAGMA wal_checkpoint(TRUNCATE)");
    cr_assert_eq(stat(here->path, &before), 0);
    write_theirs();
    expect_query(here, "SELECT count(*) FROM t", "1");
    cr_assert_eq(stat(here->path, &after), 0);
    cr_assert_eq(before.st_size, after.st_size);
    cr_assert_eq(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
    cr_assert_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}
