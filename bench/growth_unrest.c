/* SPDX-License-Identifier: Apache-2.0 */
/* Acts on what is written to without rest, and at a broker that has just begun. */
#include "bench/growth.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/workload.h"

/* ---- A database that a program writes to all the time ---- */

enum { WRITES_A_SECOND = 20, WRITES = 5 * WRITES_A_SECOND };
#define PATIENCE_S 60.0
#define LOOK_S 0.05

static cf_bench_path database_of(const cf_growth *growth, size_t device)
{
    cf_bench_path path;

    snprintf(path.text, sizeof path.text, "%.4000s.db", growth->scene.devices[device].source.text);
    return path;
}

/* With one number, for which `:number` stands. */
static cf_status run_sql(sqlite3 *database, const char *sql, size_t number, cf_error *error)
{
    bool done = true;

    while (done && *sql) {
        sqlite3_stmt *statement = NULL;

        done = sqlite3_prepare_v2(database, sql, -1, &statement, &sql) == SQLITE_OK;
        if (statement) {
            if (sqlite3_bind_parameter_count(statement))
                sqlite3_bind_int64(statement, 1, (sqlite3_int64)number);
            done = sqlite3_step(statement) == SQLITE_DONE;
        }
        sqlite3_finalize(statement);
    }
    return done ? CF_OK : cf_fail(error, CF_IO, "a database: %s", sqlite3_errmsg(database));
}

static cf_status open_database(const char *path, sqlite3 **out, cf_error *error)
{
    if (sqlite3_open(path, out) != SQLITE_OK)
        return cf_fail(error, CF_IO, "%s: %s", path, sqlite3_errmsg(*out));
    sqlite3_busy_timeout(*out, (int)(PATIENCE_S * 1000));
    return CF_OK;
}

static cf_status fill(const cf_growth *growth, size_t device, size_t rows, cf_error *error)
{
    sqlite3 *database = NULL;

    cf_status status = open_database(database_of(growth, device).text, &database, error);
    if (!status)
        status = run_sql(database,
                         "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, note TEXT);"
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                         " WHERE i < :number) INSERT OR IGNORE INTO notes"
                         " SELECT i, 'what is said of ' || i FROM n",
                         rows, error);
    sqlite3_close(database);
    return status;
}

static int read_note(void *out, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    *(size_t *)out = values[0] ? strtoul(values[0], NULL, 10) : 0;
    return 0;
}

/* The first row's, as the receiver has it. */
static bool shows(const cf_growth *growth, size_t number)
{
    sqlite3 *database = NULL;
    size_t found = 0;
    cf_error ignored;

    if (open_database(database_of(growth, 1).text, &database, &ignored) == CF_OK)
        sqlite3_exec(database, "SELECT note FROM notes WHERE id = 1", read_note, &found, NULL);
    sqlite3_close(database);
    return found == number;
}

static cf_status wait_until_shown(const cf_growth *growth, size_t number, cf_error *error)
{
    double end = cf_measure_now() + PATIENCE_S;

    while (!shows(growth, number)) {
        if (cf_measure_now() >= end)
            return cf_fail(error, CF_IO, "the receiver doesn't show what was written last");
        cf_measure_wait(LOOK_S);
    }
    return CF_OK;
}

static cf_status write_on(cf_growth *growth, size_t things, cf_error *error)
{
    sqlite3 *database = NULL;

    (void)things;
    cf_status status = open_database(database_of(growth, 0).text, &database, error);
    for (size_t i = 0; !status && i < WRITES; i++) {
        status = run_sql(database, "UPDATE notes SET note = :number WHERE id = 1", ++growth->made,
                         error);
        cf_measure_wait(1.0 / WRITES_A_SECOND);
    }
    sqlite3_close(database);
    return status ? status : wait_until_shown(growth, growth->made, error);
}

static cf_status make_database(cf_growth *growth, size_t from, size_t to, cf_error *error)
{
    cf_status status = fill(growth, 0, to, error);

    for (size_t i = 0; !status && from == 0 && i < 2; i++) {
        if (i)
            status = fill(growth, i, to, error);
        if (!status)
            status =
                cf_scene_add_rows(&growth->scene, i, database_of(growth, i).text, "sqlite", error);
        if (!status)
            status = cf_scene_sync(&growth->scene, i, NULL, error);
    }
    return status ? status : cf_growth_settle(growth, error);
}

/* ---- The first content that a broker takes after its start ---- */

static cf_status begin_broker(cf_growth *growth, cf_error *error)
{
    cf_status status = cf_scene_restart_broker(&growth->scene, error);

    return status ? status : cf_growth_settle(growth, error);
}

const cf_growth_act cf_growth_unrest[] = {
    {"5 s of writes to a database, by rows", "rows", 500, 0, 2, make_database, write_on,
     .who = CF_GROWTH_DEVICES, .limited = CF_GROWTH_BIT(LOOKUPS) | CF_GROWTH_BIT(WRITTEN)},
    {"100 KB sent first after a start, by blobs", "blobs", 25, 2, 3, cf_growth_make_blobs,
     cf_growth_send_content, .begin = begin_broker, .who = CF_GROWTH_BROKER,
     .limited = CF_GROWTH_BIT(CALLS) | CF_GROWTH_BIT(LOOKUPS)},
};
const size_t cf_growth_unrest_count = sizeof cf_growth_unrest / sizeof *cf_growth_unrest;
