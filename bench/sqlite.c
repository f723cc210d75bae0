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
#include "bench/database.h"
#include "bench/scene.h"
#include "bench/workload.h"
#include "codec/limits.h"
#include "peer/adapters/sqlite/database_rows.h"

enum { RUNS = 5 };
/* 1.5 times of what was measured: a program, and of each row what it says, and the base's print. */
#define MEMORY (32.0 * CF_MIB)
#define ROW_MEMORY 7000

/* Of programs that were run: how long, how busy, how large. */
typedef struct {
    cf_samples wall_s, processor_s, memory;
} runs;

typedef struct {
    const cf_bench *bench;
    const cf_bench_schema *schema;
    int rows;
    bool has_sqldiff;
    cf_bench_path before;
    runs first, sync, rest, sqldiff;
    cf_samples read_s, session_s, sent, changeset;
} trial;

static void add_run(runs *out, const cf_usage *used)
{
    cf_samples_add(&out->wall_s, used->wall_s);
    cf_samples_add(&out->processor_s, used->processor_s);
    cf_samples_add(&out->memory, (double)used->memory);
}

static void release_runs(runs *out)
{
    cf_samples_release(&out->wall_s);
    cf_samples_release(&out->processor_s);
    cf_samples_release(&out->memory);
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
                sqlite3session_create(database, "main", &session) == SQLITE_OK;
    for (int i = 0; done && i < CF_BENCH_TABLES && it->schema->tables[i]; i++)
        done = sqlite3session_attach(session, it->schema->tables[i]) == SQLITE_OK &&
               sqlite3session_diff(session, "old", it->schema->tables[i], NULL) == SQLITE_OK;
    done = done && sqlite3session_changeset(session, &size, &changeset) == SQLITE_OK;
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
        add_run(&it->sqldiff, &used);
    return status;
}

static cf_status sync_it(cf_scene *scene, runs *out, cf_error *error)
{
    cf_usage used = {0};

    cf_workload_settle();
    cf_status status = cf_scene_sync(scene, 0, &used, error);
    if (!status)
        add_run(out, &used);
    return status;
}

static cf_status measure(trial *it, cf_scene *scene, int run, cf_error *error)
{
    const char *path = scene->devices[0].source.text;

    cf_status status = copy(path, it->before.text, error);
    if (!status)
        status = cf_bench_database_change(it->schema, path, it->rows, run, error);
    if (!status)
        status = sync_it(scene, &it->sync, error);
    if (!status)
        cf_samples_add(&it->sent, cf_scene_traffic(scene, 0, "bytes_sent"));
    if (!status)
        status = sync_it(scene, &it->rest, error);
    if (!status)
        status = read_rows(it, path, error);
    if (!status)
        status = session_diff(it, path, error);
    return status ? status : sqldiff(it, path, error);
}

static cf_status run(trial *it, cf_error *error)
{
    cf_scene scene;

    cf_status status = cf_scene_open(it->bench, "scene", &scene, error);
    if (!status)
        status = cf_bench_database_make(it->schema, scene.devices[0].source.text, it->rows, error);
    if (!status)
        status = cf_scene_add_file(&scene, 0, "sqlite", error);
    if (!status)
        status = sync_it(&scene, &it->first, error);
    for (int i = 0; !status && i < (it->bench->quick ? 1 : RUNS); i++)
        status = measure(it, &scene, i, error);
    cf_scene_close(&scene, NULL);
    return status;
}

/* ---- What came out ---- */

static void compare(const trial *it, const char *what, cf_unit unit, const cf_samples *ours,
                    const char *theirs_name, const cf_samples *theirs)
{
    char line[160];

    snprintf(line, sizeof line, "%s, %d of %d rows changed: %s", it->schema->name, CF_BENCH_CHANGED,
             it->rows, what);
    cf_results_compare(it->bench->results, &(cf_comparison){line, unit, "counterfoil", ours,
                                                            theirs ? theirs_name : NULL, theirs});
}

static void tell(const trial *it)
{
    const runs *theirs = it->has_sqldiff ? &it->sqldiff : NULL;
    const cf_samples *wall_s = theirs ? &theirs->wall_s : NULL;
    const cf_samples *processor_s = theirs ? &theirs->processor_s : NULL;

    compare(it, "first sync", CF_UNIT_SECONDS, &it->first.wall_s, NULL, NULL);
    compare(it, "memory of that", CF_UNIT_BYTES, &it->first.memory, NULL, NULL);
    compare(it, "sync, the whole program", CF_UNIT_SECONDS, &it->sync.wall_s, "sqldiff", wall_s);
    compare(it, "processor time of that", CF_UNIT_SECONDS, &it->sync.processor_s, "sqldiff",
            processor_s);
    compare(it, "memory of that", CF_UNIT_BYTES, &it->sync.memory, "sqldiff",
            theirs ? &theirs->memory : NULL);
    compare(it, "sync where nothing is new", CF_UNIT_SECONDS, &it->rest.wall_s, "sqldiff", wall_s);
    compare(it, "processor time of that", CF_UNIT_SECONDS, &it->rest.processor_s, "sqldiff",
            processor_s);
    compare(it, "reading all rows", CF_UNIT_SECONDS, &it->read_s, "sqlite3session_diff",
            &it->session_s);
    compare(it, "the same", CF_UNIT_SECONDS, &it->read_s, "sqldiff", wall_s);
    compare(it, "bytes sent", CF_UNIT_BYTES, &it->sent, "its changeset", &it->changeset);
}

static void bound(const trial *it, const char *what, const cf_samples *found, double most)
{
    char line[160];

    snprintf(line, sizeof line, "%s, %d rows: %s", it->schema->name, it->rows, what);
    cf_results_most(it->bench->results, line, found, most);
}

static void judge(const trial *it)
{
    const double memory = MEMORY + it->rows * ROW_MEMORY;

    /* No more than SQLite's own changeset has, which is neither sealed nor signed. */
    bound(it, "bytes sent", &it->sent, cf_samples_median(&it->changeset));
    bound(it, "memory of the first sync", &it->first.memory, memory);
    bound(it, "memory of a sync", &it->sync.memory, memory);
}

static void release(trial *it)
{
    release_runs(&it->first);
    release_runs(&it->sync);
    release_runs(&it->rest);
    release_runs(&it->sqldiff);
    cf_samples_release(&it->read_s);
    cf_samples_release(&it->session_s);
    cf_samples_release(&it->sent);
    cf_samples_release(&it->changeset);
}

cf_status cf_bench_sqlite(const cf_bench *bench, cf_error *error)
{
    char found[PATH_MAX];
    bool has_sqldiff = cf_process_find("sqldiff", found);
    cf_status status = CF_OK;

    if (!cf_scene_possible(bench))
        return CF_OK;
    for (size_t i = 0; !status && i < CF_BENCH_SCHEMAS; i++) {
        trial it = {.bench = bench,
                    .schema = &cf_bench_schemas[i],
                    .rows = bench->quick ? 2500 : 100000,
                    .has_sqldiff = has_sqldiff,
                    .before = cf_bench_path_of(bench, "before.db")};

        status = run(&it, error);
        if (!status) {
            tell(&it);
            judge(&it);
        }
        release(&it);
    }
    return status;
}
