/* SPDX-License-Identifier: Apache-2.0 */
/* However often a program writes to a source of records, and however large that is, it is looked at
 * for a fifth of the time; and where nothing is written, nothing is read. */
#include "tests/peer/small/small_table.h"
#include "tests/peer/small/small_inside.h"
#include "tests/support/bound_source.h"

#include "tests/support/expect.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

enum { WRITE_MS = 50, BUSY_MS = 40000, TABLE = 1, LOOKS_LEAST = 3, ASKED_TURNS = 200 };

/* ---- A clock that goes on while something is read ---- */

static struct {
    small_world *in;
    uint64_t read_ms; /* that one look takes */
    size_t looks;
    char log[200]; /* of the database; empty: there is none */
    cf_status (*read_at)(cf_files *files, const cf_file *file, uint64_t offset, void *into,
                         size_t size, size_t *got, cf_error *error);
} looked;

static void count_look(void)
{
    looked.looks++;
    looked.in->now_ms += looked.read_ms;
}

/* As root SQLite gives a log that it opens its owner again, and nobody's rights change. */
static int count_opening(sqlite3 *database, const char **text, const sqlite3_api_routines *api)
{
    (void)database, (void)text, (void)api;
    if (looked.log[0])
        cr_assert_eq(chown(looked.log, (uid_t)-1, (gid_t)-1), 0);
    count_look();
    return SQLITE_OK;
}

static void count_openings(small_world *w, uint64_t read_ms)
{
    looked.in = w;
    looked.read_ms = read_ms;
    looked.looks = 0;
    sqlite3_auto_extension((void (*)(void))count_opening);
}

/* ---- A database of the first device ---- */

static void run(sqlite3 *database, const char *statement)
{
    cr_assert_eq(sqlite3_exec(database, statement, NULL, NULL, NULL), SQLITE_OK, "%s: %s",
                 statement, sqlite3_errmsg(database));
}

static void path_of(const small_device *self, char path[160])
{
    snprintf(path, 160, "%s.db", self->folder);
}

static sqlite3 *make_database(const small_device *self, bool logs)
{
    sqlite3 *database;
    char path[160];

    path_of(self, path);
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    run(database, "PRAGMA synchronous = OFF");
    if (logs)
        run(database, "PRAGMA journal_mode = WAL");
    run(database, "CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER)");
    run(database, "INSERT INTO accounts VALUES ('ann', 0), ('bob', 0)");
    snprintf(looked.log, sizeof looked.log, "%s%s", logs ? path : "", logs ? "-wal" : "");
    return database;
}

static void bind_database(small_device *self)
{
    char path[160];

    path_of(self, path);
    bind_source(
        self->engine,
        &(bound_source){.collection = "bank",
                        .options = {.number = 2, .format = CF_FORMAT_SQLITE, .path = path}});
}

/* ---- Programs that write ---- */

static void write_balance(sqlite3 *database, uint64_t balance)
{
    char statement[120];

    snprintf(statement, sizeof statement, "UPDATE accounts SET balance = %llu WHERE id = 'ann'",
             (unsigned long long)balance);
    run(database, statement);
}

/* Of what the source has the last is shown by what is not told there. */
static void expect_all_told(small_device *self)
{
    uint64_t entries = small_world_entries(self->in);

    small_device_passes(self, 3 * BUSY_MS);
    uint64_t last = small_world_entries(self->in);
    cr_expect_gt(last, entries - 1);
    small_device_passes(self, BUSY_MS);
    cr_expect_eq(small_world_entries(self->in), last);
    cr_expect_eq(
        small_device_pending(self, cf_engine_binding_at(self->engine, TABLE), CF_PENDING_UNSENT),
        0);
}

static void expect_a_fifth(size_t looks, uint64_t read_ms, uint64_t passed_ms)
{
    cr_expect_geq(looks, LOOKS_LEAST);
    cr_expect_leq(looks * read_ms, passed_ms / 5 + read_ms, "%zu looks of %llu ms in %llu ms",
                  looks, (unsigned long long)read_ms, (unsigned long long)passed_ms);
}

Test(engine_resting, a_database_is_read_a_fifth_of_the_time)
{
    static const uint64_t sizes_ms[] = {100, 400, 1600};

    for (size_t i = 0; i < sizeof sizes_ms / sizeof *sizes_ms; i++) {
        small_world *w = small_world_new(71, 1);
        small_device *a = &w->devices[0];
        sqlite3 *database = make_database(a, false);

        bind_database(a);
        cr_assert(small_device_sync(a));
        small_device_serves(a);
        small_device_passes(a, BUSY_MS);
        count_openings(w, sizes_ms[i]);
        uint64_t began_ms = w->now_ms, entries = small_world_entries(w);
        for (uint64_t at = 0; w->now_ms < began_ms + BUSY_MS; at++) {
            write_balance(database, at + 1);
            small_device_passes(a, WRITE_MS);
        }
        expect_a_fifth(looked.looks, sizes_ms[i], w->now_ms - began_ms);
        cr_expect_geq(small_world_entries(w), entries + LOOKS_LEAST, "it is followed");
        expect_all_told(a);
        sqlite3_close(database);
        sqlite3_reset_auto_extension();
        small_world_destroy(&w);
    }
}

static cf_status read_slowly(cf_files *files, const cf_file *file, uint64_t offset, void *into,
                             size_t size, size_t *got, cf_error *error)
{
    static const char table_begins[] = "id,balance";

    cf_status status = looked.read_at(files, file, offset, into, size, got, error);
    if (!status && offset == 0 && *got >= sizeof table_begins - 1 &&
        memcmp(into, table_begins, sizeof table_begins - 1) == 0) /* and no mark of a folder */
        count_look();
    return status;
}

/* A served table of one row, each look at which takes so long. */
static small_world *slow_table(uint64_t read_ms, table *rows)
{
    small_world *w = small_world_new(72, 1);
    small_device *a = &w->devices[0];

    small_world_bind_tables(w);
    table_add(rows, 1, 0, cf_bytes_of_text("ann"));
    user_writes_table(a, rows);
    cr_assert(small_device_sync(a));
    small_device_serves(a);
    small_device_passes(a, BUSY_MS);
    looked.in = w;
    looked.read_ms = read_ms;
    looked.looks = 0;
    looked.read_at = a->env.files->read_at;
    a->env.files->read_at = read_slowly;
    return w;
}

static void write_table(small_device *self, table *rows, long balance)
{
    rows->at[0].balance = balance;
    user_writes_table(self, rows);
}

Test(engine_resting, a_text_is_read_a_fifth_of_the_time)
{
    static const uint64_t sizes_ms[] = {100, 400, 1600};

    for (size_t i = 0; i < sizeof sizes_ms / sizeof *sizes_ms; i++) {
        table rows = {0};
        small_world *w = slow_table(sizes_ms[i], &rows);
        small_device *a = &w->devices[0];

        uint64_t began_ms = w->now_ms, entries = small_world_entries(w);
        for (long at = 0; w->now_ms < began_ms + BUSY_MS; at++) {
            write_table(a, &rows, at + 1);
            small_device_passes(a, WRITE_MS);
        }
        expect_a_fifth(looked.looks, sizes_ms[i], w->now_ms - began_ms);
        cr_expect_geq(small_world_entries(w), entries + LOOKS_LEAST, "it is followed");
        expect_all_told(a);
        table_release(&rows);
        small_world_destroy(&w);
    }
}

/* ---- `status` beside it ---- */

static bool tells(small_device *self)
{
    return small_device_round(self, &(cf_round_options){.kind = CF_ROUND_TELL}, ASKED_TURNS);
}

static size_t count_waiting(small_device *self)
{
    return small_device_pending(self, cf_engine_binding_at(self->engine, TABLE), CF_PENDING_WAITS);
}

Test(engine_resting, one_that_rests_is_told_of_without_a_look)
{
    table rows = {0};
    small_world *w = slow_table(5000, &rows);
    small_device *a = &w->devices[0];

    write_table(a, &rows, 1);
    cr_assert(tells(a));
    cr_expect_eq(looked.looks, 1, "what was written before is looked at: %zu", looked.looks);
    cr_expect_eq(count_waiting(a), 0);
    write_table(a, &rows, 2);
    for (int i = 0; i < 3; i++)
        cr_assert(tells(a));
    cr_expect_eq(looked.looks, 1, "%zu looks", looked.looks);
    cr_expect_eq(count_waiting(a), 1, "what isn't known isn't in sync");
    small_device_passes(a, BUSY_MS);
    cr_expect_eq(looked.looks, 2);
    cr_expect_eq(count_waiting(a), 0);
    table_release(&rows);
    small_world_destroy(&w);
}

/* ---- Nothing is written ---- */

/* What is written next begins its log anew, which is as long as before then. */

Test(engine_resting, a_log_that_nobody_writes_to_is_not_read)
{
    small_world *w = small_world_new(73, 1);
    small_device *a = &w->devices[0];
    sqlite3 *database = make_database(a, true);

    bind_database(a);
    cr_assert(small_device_sync(a));
    small_device_serves(a);
    count_openings(w, 0);
    for (uint64_t at = 1; at <= 3; at++) {
        uint64_t entries = small_world_entries(w);

        write_balance(database, at);
        small_device_passes(a, BUSY_MS);
        cr_expect_eq(small_world_entries(w), entries + 1, "what is written is told");
        looked.looks = 0;
        small_device_passes(a, BUSY_MS);
        cr_expect_eq(looked.looks, 0, "and read once more: %zu times", looked.looks);
        run(database, "PRAGMA wal_checkpoint(RESTART)");
        small_device_passes(a, BUSY_MS);
    }
    sqlite3_close(database);
    sqlite3_reset_auto_extension();
    small_device_passes(a, BUSY_MS);
    small_world_destroy(&w);
}
