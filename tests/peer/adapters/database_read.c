/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/adapters/database.h"

#include "codec/pack.h"
#include "peer/adapters/record_format.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static database *here;

static void arrive(void)
{
    here = database_arrive();
}

static void leave(void)
{
    database_leave(&here);
}

TestSuite(database_read, .init = arrive, .fini = leave);

static bool is_there(const char *suffix, off_t *size)
{
    char path[160];
    struct stat found;

    snprintf(path, sizeof path, "%s%s", here->path, suffix);
    if (stat(path, &found) != 0)
        return false;
    *size = found.st_size;
    return true;
}

Test(database_read, keeps_every_value_as_it_is)
{
    static const uint8_t text[] = "a\0b";
    sqlite3_stmt *insert;

    database_does(here, "CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    sqlite3_prepare_v2(here->other, "INSERT INTO t(v) VALUES (?)", -1, &insert, NULL);
    sqlite3_bind_text(insert, 1, (const char *)text, 3, SQLITE_STATIC);
    sqlite3_step(insert);
    sqlite3_finalize(insert);
    database_does(here, "INSERT INTO t(v) VALUES (9223372036854775807), (-9223372036854775808),"
                        "(1.0), (0.1), (9e999), ('5'), (x''), (x'00ff'), (NULL), ('')");
    expect_ok(database_read(here), here->error);
    cr_assert_eq(here->rows.count, 11);

    cf_buffer wanted = {0};
    cf_pack_text(&wanted, cf_bytes_of(text, 3));
    cf_pack_int(&wanted, INT64_MAX);
    cf_pack_int(&wanted, INT64_MIN);
    cf_pack_float(&wanted, 1.0);
    cf_pack_float(&wanted, 0.1);
    cf_pack_float(&wanted, __builtin_inf());
    cf_pack_text(&wanted, cf_bytes_of_text("5"));
    cf_pack_bin(&wanted, (cf_bytes){0});
    cf_pack_bin(&wanted, cf_bytes_of("\0\xff", 2));
    cf_pack_text(&wanted, (cf_bytes){0});
    cf_buffer found = {0};
    for (size_t i = 0; i < here->rows.count; i++)
        if (here->rows.rows[i].field_count)
            cf_buffer_append(&found, here->rows.rows[i].fields[0].values[0].data,
                             here->rows.rows[i].fields[0].values[0].size);
    cr_assert(cf_bytes_equal(cf_buffer_view(&found), cf_buffer_view(&wanted)));
    cr_assert_eq(here->rows.rows[9].field_count, 0); /* NULL */
    cf_buffer_release(&wanted);
    cf_buffer_release(&found);
}

Test(database_read, names_texts_that_are_no_unicode)
{
    database_does(here, "CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
                        "CREATE TABLE u (id TEXT PRIMARY KEY);"
                        "INSERT INTO t VALUES (1, CAST(x'ff41' AS TEXT)), (2, 'b');"
                        "INSERT INTO u VALUES (CAST(x'c3' AS TEXT)), (NULL)");
    expect_database(here, "t 2 /columns/v=\"b\"\n");
    expect_troubles(&here->rows,
                    "0 1 a text in it is no Unicode: store it as UTF-8, or as a BLOB\n"
                    "0 ? a row whose key is NULL, or no Unicode: give it another key\n"
                    "0 ? a row whose key is NULL, or no Unicode: give it another key\n");
}

Test(database_read, does_not_take_what_sqlite_put_for_bad_utf16)
{
    database_does(here, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (id INTEGER PRIMARY KEY, v);"
                        "INSERT INTO t VALUES (1, CAST(x'00d84100' AS TEXT)), (2, 'é')");
    expect_database(here, "t 2 /columns/v=\"é\"\n");
    expect_troubles(&here->rows,
                    "0 1 a text in it is no Unicode: store it as UTF-8, or as a BLOB\n");
}

Test(database_read, leaves_the_log_of_a_running_program)
{
    off_t before, after;

    database_does(here, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
                        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    cr_assert(is_there("-wal", &before));
    expect_database(here, "t 1\n");
    cr_assert(is_there("-wal", &after));
    cr_assert_eq(before, after);
    expect_query(here, "PRAGMA wal_checkpoint", "0");
}

Test(database_read, leaves_the_log_of_a_program_that_was_killed)
{
    off_t before, log, after;
    pid_t child = fork();

    if (child == 0) {
        sqlite3 *other;

        sqlite3_open(here->path, &other);
        sqlite3_exec(other,
                     "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY);"
                     "INSERT INTO t VALUES (1)",
                     NULL, NULL, NULL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    cr_assert(is_there("", &before));
    expect_database(here, "t 1\n");
    cr_assert(is_there("-wal", &log));
    cr_assert_gt(log, 0);
    cr_assert(is_there("", &after));
    cr_assert_eq(before, after);
}

Test(database_read, leaves_no_file_beside_one_at_rest)
{
    off_t ignored;

    database_does(here, "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY);"
                        "INSERT INTO t VALUES (1)");
    sqlite3_close(here->other);
    here->other = NULL;
    cr_assert_not(is_there("-wal", &ignored));
    expect_database(here, "t 1\n");
    cr_assert_not(is_there("-wal", &ignored));
    cr_assert_not(is_there("-shm", &ignored));
}

Test(database_read, reads_where_nothing_can_be_written)
{
    database_does(here, "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY);"
                        "INSERT INTO t VALUES (1)");
    sqlite3_close(here->other);
    here->other = NULL;
    cr_assert_eq(chmod(here->path, 0444), 0);
    cr_assert_eq(chmod(here->folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        bool rights = geteuid() != 0 || setuid(65534) == 0;

        _exit(!rights || database_read(here) || here->rows.count != 1);
    }
    int code = -1;
    waitpid(child, &code, 0);
    cr_assert_eq(chmod(here->folder, 0755), 0);
    cr_assert_eq(code, 0);
}

Test(database_read, waits_for_a_program_that_holds_it)
{
    database_does(here, "CREATE TABLE t (id INTEGER PRIMARY KEY); BEGIN EXCLUSIVE");
    expect_fails(database_read(here), CF_LOCKED);
    database_does(here, "COMMIT");
    expect_ok(database_read(here), here->error);
}

Test(database_read, rolls_back_what_a_crash_left_half_done)
{
    off_t ignored;
    pid_t child = fork();

    if (child == 0) {
        sqlite3 *other;

        sqlite3_open(here->path, &other);
        sqlite3_exec(
            other,
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'a');"
            "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN;"
            "UPDATE t SET v = 'b'; WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 "
            "FROM n WHERE i < 2000) INSERT INTO t SELECT i, hex(randomblob(200)) FROM n",
            NULL, NULL, NULL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    cr_assert(is_there("-journal", &ignored));
    expect_database(here, "t 1 /columns/v=\"a\"\n");
}

static void spoil_file(long at, const char *bytes)
{
    FILE *file = fopen(here->path, "r+b");

    fseek(file, at, SEEK_SET);
    fputs(bytes, file);
    fclose(file);
}

Test(database_read, says_what_is_damaged)
{
    database_does(here,
                  "CREATE TABLE t (id INTEGER PRIMARY KEY, v); WITH RECURSIVE n(i) AS (SELECT "
                  "1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i, "
                  "hex(randomblob(20)) FROM n");
    sqlite3_close(here->other);
    here->other = NULL;
    spoil_file(4096, "damaged damaged damaged");
    expect_fails(database_read(here), CF_MALFORMED);
    spoil_file(0, "no database");
    expect_fails(database_read(here), CF_MALFORMED);
    cr_assert_eq(truncate(here->path, 0), 0);
    expect_fails(database_read(here), CF_MALFORMED);
    unlink(here->path);
    expect_fails(database_read(here), CF_MISSING);
}

Test(database_read, gives_joins_the_keys_that_they_had)
{
    database_does(here, "CREATE TABLE a (id INTEGER PRIMARY KEY);"
                        "CREATE TABLE b (id INTEGER PRIMARY KEY);"
                        "CREATE TABLE j (a REFERENCES a, b REFERENCES b, PRIMARY KEY (a, b));"
                        "INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (1);"
                        "INSERT INTO j VALUES (1, 1), (2, 1);");
    expect_ok(database_read(here), here->error);
    cr_assert_eq(here->rows.count, 5);
    cf_row known = here->rows.rows[3];
    cf_buffer key = {0};
    cf_pack_int(&key, 77);
    cr_assert_not(cf_bytes_equal(known.key, here->rows.rows[4].key));
    known.key = cf_buffer_view(&key);
    cf_rows_put(here->base, &known);
    expect_ok(database_read(here), here->error);
    cr_assert(cf_bytes_equal(here->rows.rows[3].key, cf_buffer_view(&key)));
    cf_buffer_release(&key);
}

/* What one knows as 1 and the other as 5 is one row, so the joins with it are one. */
Test(database_read, gives_joins_of_one_row_one_key)
{
    database *there = database_arrive();
    cf_row person = {.table = cf_bytes_of_text("a"), .item = {{'r', 1}}};
    cf_buffer key = {0};
    const char *schema = "CREATE TABLE a (id INTEGER PRIMARY KEY);"
                         "CREATE TABLE j (a REFERENCES a, t TEXT, PRIMARY KEY (a, t));";

    database_does(here, schema);
    database_does(there, schema);
    database_does(here, "INSERT INTO a VALUES (1); INSERT INTO j VALUES (1, 'x')");
    database_does(there, "INSERT INTO a VALUES (5); INSERT INTO j VALUES (5, 'x')");
    cf_pack_int(&key, 1);
    person.key = cf_buffer_view(&key);
    cf_rows_put(here->base, &person);
    cf_buffer_clear(&key);
    cf_pack_int(&key, 5);
    person.key = cf_buffer_view(&key);
    cf_rows_put(there->base, &person);
    expect_ok(database_read(here), here->error);
    expect_ok(database_read(there), there->error);
    cr_assert(cf_bytes_equal(here->rows.rows[1].key, there->rows.rows[1].key));
    cf_buffer_release(&key);
    database_leave(&there);
}

static void append_pins(const cf_record_file *file, cf_buffer *out)
{
    for (size_t i = 0; i < file->pin_count; i++) {
        const cf_row_pin *pin = &file->pins[i];

        cf_buffer_append(out, pin->table.data, pin->table.size);
        cf_buffer_append_text(out, " ");
        cf_record_key_text(pin->key, out);
        for (size_t k = 0; k < pin->count; k++) {
            cf_buffer_append_text(out, " ");
            cf_buffer_append(out, pin->fields[k].data, pin->fields[k].size);
        }
        cf_buffer_append_text(out, "\n");
    }
}

static void expect_pins(const char *text)
{
    cf_buffer found = {0};

    expect_ok(database_read(here), here->error);
    append_pins(&here->rows, &found);
    cr_expect(cf_bytes_equal(cf_buffer_view(&found), cf_bytes_of_text(text)), "%.*s",
              (int)found.size, (const char *)found.data);
    cf_buffer_release(&found);
}

Test(database_read, tells_to_which_rows_those_of_other_tables_refer)
{
    database_does(
        here, "CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, a, b, UNIQUE(a, b));"
              "CREATE TABLE phones (id INTEGER PRIMARY KEY, person REFERENCES people);"
              "CREATE TABLE notes (person INTEGER REFERENCES People, mail REFERENCES people(Mail),"
              " x, y, z REFERENCES nobody(k), FOREIGN KEY (x, y) REFERENCES people(a, b))"
        /* a table without a key isn't synced */);
    expect_pins("");
    uint64_t none = here->rows.pins_hash;
    database_does(here,
                  "INSERT INTO people VALUES (1, 'ann', 1, 2), (2, 'bob', 1, 3), (3, 'cy', 0, 0);"
                  "INSERT INTO phones VALUES (1, 3);"
                  "INSERT INTO notes VALUES ('1', 'bob', 1, 3, 1), (7, NULL, NULL, 3, NULL)");
    expect_pins("people 2 /columns/a /columns/b\n"
                "people 2 /columns/mail\n"
                "people 1\n");
    cr_expect_neq(here->rows.pins_hash, none);
}

Test(database_read, tells_to_which_joins_those_of_other_tables_refer)
{
    database_does(here,
                  "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (k TEXT PRIMARY KEY);"
                  "CREATE TABLE j (a REFERENCES a, b REFERENCES b, PRIMARY KEY (a, b));"
                  "CREATE TABLE notes (a, b, FOREIGN KEY (a, b) REFERENCES j);"
                  "INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES ('x');"
                  "INSERT INTO j VALUES (1, 'x'), (2, 'x'); INSERT INTO notes VALUES (2, 'x')");
    expect_ok(database_read(here), here->error);
    cr_assert_eq(here->rows.pin_count, 1);
    const cf_row_pin *pin = &here->rows.pins[0];
    cr_assert_eq(pin->count, 2);
    for (size_t i = 0; i < here->rows.count; i++) {
        const cf_row *row = &here->rows.rows[i];
        const cf_row_field *field = cf_row_field_named(row, cf_bytes_of_text("/columns/a"));
        cf_buffer two = {0};

        cf_pack_int(&two, 2);
        if (field)
            cr_expect_eq(cf_bytes_equal(field->values[0], cf_buffer_view(&two)),
                         cf_bytes_equal(row->key, pin->key));
        cf_buffer_release(&two);
    }
}
