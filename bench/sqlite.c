/* SPDX-License-Identifier: Apache-2.0 */
/* What does a look at a large database cost in which little changed, beside programs that compare
 * it with a copy of what it was? They are given that copy; we keep rows. */
#define SQLITE_ENABLE_SESSION
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/scene.h"
#include "bench/workload.h"
#include "peer/adapters/sqlite/database_rows.h"

enum { RUNS = 5, CHANGED = 100 };

typedef struct {
    const cf_bench *bench;
    int rows;
    bool has_sqldiff;
    cf_bench_path before;
    cf_samples sync_s, rest_s, read_s, session_s, sqldiff_s, sent, changeset;
} trial;

/* ---- The database ---- */

static cf_status run_sql(const char *path, const char *sql, cf_error *error)
{
    sqlite3 *database = NULL;
    cf_status status = CF_OK;

    if (sqlite3_open(path, &database) || sqlite3_exec(database, sql, NULL, NULL, NULL))
        status = cf_fail(error, CF_IO, "%s: %s", path, sqlite3_errmsg(database));
    sqlite3_close(database);
    return status;
}

static cf_status make(const trial *it, const char *path, cf_error *error)
{
    char sql[512];

    snprintf(
        sql, sizeof sql,
        "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
        " mail TEXT, born INTEGER, note TEXT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        "INSERT INTO people SELECT i, 'Person ' || i, 'p' || i || '@example.org', 1900 + i %% 100,"
        " hex(randomblob(20)) FROM n",
        it->rows);
    return run_sql(path, sql, error);
}

static cf_status change(const trial *it, const char *path, int run, cf_error *error)
{
    char sql[256];

    snprintf(sql, sizeof sql, "UPDATE people SET note = 'run %d of ' || id WHERE id %% %d = %d",
             run, it->rows / CHANGED, run % (it->rows / CHANGED));
    return run_sql(path, sql, error);
}

static cf_status copy(const char *from, const char *to, cf_error *error)
{
    const char *const words[] = {"cp", from, to, NULL};

    return cf_process_must(&(cf_command){.arguments = words}, &(cf_usage){0}, error);
}

/* ---- What is measured ---- */

/* All rows with what they say, as a look reads them. */
static cf_status read_rows(trial *it, const char *path, cf_error *error)
{
    cf_database_schema schema = {0};
    cf_record_file rows = {0};
    cf_rows *base = cf_rows_new();
    sqlite3 *database = NULL;
    double start = cf_measure_now();

    cf_status status = cf_database_open(path, false, &database, error);
    if (!status)
        status = cf_database_run(database, "BEGIN", error);
    if (!status)
        status = cf_database_schema_read(database, NULL, &schema, error);
    if (!status)
        status = cf_database_rows_read(database, &schema, base, &rows, error);
    cf_database_close(&database);
    cf_samples_add(&it->read_s, cf_measure_now() - start);
    if (!status && rows.count != (size_t)it->rows)
        status = cf_fail(error, CF_BROKEN, "%zu rows were read of %d", rows.count, it->rows);
    cf_record_file_release(&rows);
    cf_database_schema_release(&schema);
    cf_rows_destroy(&base);
    return status;
}

static cf_status session_diff(trial *it, const char *path, cf_error *error)
{
    sqlite3 *database = NULL;
    sqlite3_session *session = NULL;
    void *changeset = NULL;
    int size = 0;
    char sql[PATH_MAX + 32];
    double start = cf_measure_now();

    snprintf(sql, sizeof sql, "ATTACH '%.4000s' AS old", it->before.text);
    bool done = sqlite3_open(path, &database) == SQLITE_OK &&
                sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3session_create(database, "main", &session) == SQLITE_OK &&
                sqlite3session_attach(session, "people") == SQLITE_OK &&
                sqlite3session_diff(session, "old", "people", NULL) == SQLITE_OK &&
                sqlite3session_changeset(session, &size, &changeset) == SQLITE_OK;
    cf_samples_add(&it->session_s, cf_measure_now() - start);
    cf_samples_add(&it->changeset, size);
    sqlite3_free(changeset);
    sqlite3session_delete(session);
    sqlite3_close(database);
    return done ? CF_OK : cf_fail(error, CF_IO, "sqlite3session_diff failed");
}

static cf_status sqldiff(trial *it, const char *path, cf_error *error)
{
    cf_bench_path output = cf_bench_path_of(it->bench, "diff.sql");
    const char *const words[] = {"sqldiff", it->before.text, path, NULL};
    cf_usage used;

    if (!it->has_sqldiff)
        return CF_OK;
    cf_status status =
        cf_process_must(&(cf_command){.arguments = words, .output = output.text}, &used, error);
    if (!status)
        cf_samples_add(&it->sqldiff_s, used.wall_s);
    return status;
}

static cf_status sync_it(cf_scene *scene, cf_samples *out, cf_error *error)
{
    cf_usage used = {0};

    cf_workload_settle();
    cf_status status = cf_scene_sync(scene, 0, &used, error);
    if (!status)
        cf_samples_add(out, used.wall_s);
    return status;
}

static cf_status measure(trial *it, cf_scene *scene, int run, cf_error *error)
{
    const char *path = scene->devices[0].source.text;

    cf_status status = copy(path, it->before.text, error);
    if (!status)
        status = change(it, path, run, error);
    if (!status)
        status = sync_it(scene, &it->sync_s, error);
    if (!status)
        cf_samples_add(&it->sent, cf_scene_traffic(scene, 0, "bytes_sent"));
    if (!status)
        status = sync_it(scene, &it->rest_s, error);
    if (!status)
        status = read_rows(it, path, error);
    if (!status)
        status = session_diff(it, path, error);
    return status ? status : sqldiff(it, path, error);
}

static cf_status run(trial *it, cf_error *error)
{
    cf_samples first = {0};
    cf_scene scene;

    cf_status status = cf_scene_open(it->bench, "scene", &scene, error);
    if (!status)
        status = make(it, scene.devices[0].source.text, error);
    if (!status)
        status = cf_scene_add_file(&scene, 0, "sqlite", error);
    if (!status)
        status = sync_it(&scene, &first, error);
    for (int i = 0; !status && i < (it->bench->quick ? 1 : RUNS); i++)
        status = measure(it, &scene, i, error);
    if (!status)
        cf_results_compare(it->bench->results, &(cf_comparison){"first sync", CF_UNIT_SECONDS,
                                                                "counterfoil", &first, NULL, NULL});
    cf_samples_release(&first);
    cf_scene_close(&scene, NULL);
    return status;
}

/* ---- What came out ---- */

static void compare(const trial *it, const char *what, cf_unit unit, const cf_samples *ours,
                    const char *theirs_name, const cf_samples *theirs)
{
    char line[160];

    snprintf(line, sizeof line, "%d of %d rows changed: %s", CHANGED, it->rows, what);
    cf_results_compare(it->bench->results, &(cf_comparison){line, unit, "counterfoil", ours,
                                                            theirs ? theirs_name : NULL, theirs});
}

static void tell(const trial *it)
{
    const cf_samples *sqldiff_s = it->has_sqldiff ? &it->sqldiff_s : NULL;

    compare(it, "sync, the whole program", CF_UNIT_SECONDS, &it->sync_s, "sqldiff", sqldiff_s);
    compare(it, "sync where nothing is new", CF_UNIT_SECONDS, &it->rest_s, "sqldiff", sqldiff_s);
    compare(it, "reading all rows", CF_UNIT_SECONDS, &it->read_s, "sqlite3session_diff",
            &it->session_s);
    compare(it, "bytes sent", CF_UNIT_BYTES, &it->sent, "its changeset", &it->changeset);
}

cf_status cf_bench_sqlite(const cf_bench *bench, cf_error *error)
{
    char found[PATH_MAX];
    trial it = {.bench = bench,
                .rows = bench->quick ? 10000 : 100000,
                .has_sqldiff = cf_process_find("sqldiff", found),
                .before = cf_bench_path_of(bench, "before.db")};

    if (!cf_scene_possible(bench))
        return CF_OK;
    cf_status status = run(&it, error);
    if (!status)
        tell(&it);
    cf_samples_release(&it.sync_s);
    cf_samples_release(&it.rest_s);
    cf_samples_release(&it.read_s);
    cf_samples_release(&it.session_s);
    cf_samples_release(&it.sqldiff_s);
    cf_samples_release(&it.sent);
    cf_samples_release(&it.changeset);
    return status;
}
