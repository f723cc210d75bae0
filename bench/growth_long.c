/* SPDX-License-Identifier: Apache-2.0 */
/* Acts of hours, each with the cost of a unit at some marks on the way: saves in a row, sessions
 * that say nothing. */
#include <ftw.h>
#include <stdio.h>

#include "bench/growth.h"

enum { PROGRAMS = 3, MARKS = 4, WINDOW = 200, QUICK_SHARE = 250, SESSIONS = 4992 };
/* Of several heartbeats of each session; with --quick. */
#define SILENCE_S 60.0
#define QUICK_S 5.0
#define REST_S 5.0

static const char *const names[PROGRAMS] = {"author", "receiver", "broker"};

static const cf_process *program(const cf_growth *growth, size_t index)
{
    const cf_scene *scene = &growth->scene;

    return index + 1 < PROGRAMS ? &scene->devices[index].serving : &scene->broker;
}

static cf_status read_all(const cf_growth *growth, cf_figures out[PROGRAMS], cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < PROGRAMS; i++)
        status = cf_process_figures(program(growth, i), &out[i], error);
    return status;
}

/* nftw brings no context. */
static uint64_t disk_bytes;

static int add_size(const char *path, const struct stat *found, int kind, struct FTW *place)
{
    (void)path;
    (void)kind;
    (void)place;
    disk_bytes += (uint64_t)found->st_blocks * 512;
    return 0;
}

static uint64_t kept_by(const cf_growth *growth, size_t index)
{
    const cf_scene *scene = &growth->scene;
    cf_bench_path broker;

    snprintf(broker.text, sizeof broker.text, "%.3900s/broker", scene->folder.text);
    disk_bytes = 0;
    nftw(index + 1 < PROGRAMS ? scene->devices[index].home.text : broker.text, add_size, 16,
         FTW_PHYS);
    return disk_bytes;
}

static void show(const cf_bench *bench, const char *what, cf_unit unit, const char *ours,
                 double value, const char *theirs, double first)
{
    cf_samples now = {0}, then = {0};

    cf_samples_add(&now, value);
    cf_samples_add(&then, first);
    cf_results_compare(bench->results,
                       &(cf_comparison){what, unit, ours, &now, theirs, theirs ? &then : NULL});
    cf_samples_release(&now);
    cf_samples_release(&then);
}

/* ---- Saves ---- */

typedef struct {
    char name[32];
    double wall_s;
    struct {
        double processor_s, calls, memory, kept;
    } of[PROGRAMS];
} mark;

/* The last saves before it, each. */
static cf_status reach(cf_growth *growth, size_t from, size_t to, mark *out, cf_error *error)
{
    size_t window = to - from < 2 * WINDOW ? (to - from) / 2 : WINDOW;
    cf_figures before[PROGRAMS], after[PROGRAMS];
    double start = 0;

    snprintf(out->name, sizeof out->name, "%zu saves", to);
    cf_status status = cf_growth_make_saves(growth, from, to - window, error);
    if (!status)
        status = read_all(growth, before, error);
    start = cf_measure_now();
    if (!status)
        status = cf_growth_make_saves(growth, to - window, to, error);
    out->wall_s = (cf_measure_now() - start) / (double)window;
    if (!status)
        status = read_all(growth, after, error);
    for (size_t i = 0; !status && i < PROGRAMS; i++) {
        out->of[i].processor_s = (after[i].processor_s - before[i].processor_s) / (double)window;
        out->of[i].calls = (double)(after[i].calls - before[i].calls) / (double)window;
        out->of[i].memory = (double)after[i].memory;
        out->of[i].kept = (double)kept_by(growth, i);
    }
    return status;
}

static void tell(const cf_bench *bench, const mark *now, const mark *first)
{
    const char *theirs = now == first ? NULL : first->name;
    char what[64];

    show(bench, "a save, until it is visible", CF_UNIT_SECONDS, now->name, now->wall_s, theirs,
         first->wall_s);
    for (size_t i = 0; i < PROGRAMS; i++) {
        snprintf(what, sizeof what, "a save: processor, %s", names[i]);
        show(bench, what, CF_UNIT_SECONDS, now->name, now->of[i].processor_s, theirs,
             first->of[i].processor_s);
        snprintf(what, sizeof what, "a save: reads and writes, %s", names[i]);
        show(bench, what, CF_UNIT_COUNT, now->name, now->of[i].calls, theirs, first->of[i].calls);
        snprintf(what, sizeof what, "memory, %s", names[i]);
        show(bench, what, CF_UNIT_BYTES, now->name, now->of[i].memory, theirs, first->of[i].memory);
        snprintf(what, sizeof what, "kept on the disk, %s", names[i]);
        show(bench, what, CF_UNIT_BYTES, now->name, now->of[i].kept, theirs, first->of[i].kept);
    }
}

cf_status cf_bench_saves(const cf_bench *bench, cf_error *error)
{
    static const size_t counts[MARKS] = {1000, 10 * 1000, 50 * 1000, 100 * 1000};
    cf_growth growth = {0};
    mark marks[MARKS];

    if (!cf_scene_possible(bench))
        return CF_OK;
    cf_status status = cf_growth_open(bench, &growth, error);
    for (size_t i = 0, made = 0; !status && i < MARKS; i++) {
        size_t count = bench->quick ? counts[i] / QUICK_SHARE : counts[i];

        status = reach(&growth, made, count, &marks[i], error);
        if (!status)
            tell(bench, &marks[i], &marks[0]);
        made = count;
    }
    cf_growth_close(&growth);
    return status;
}

/* ---- Silence ---- */

cf_status cf_bench_silence(const cf_bench *bench, cf_error *error)
{
    size_t count = bench->quick ? SESSIONS / QUICK_SHARE : SESSIONS;
    double silence_s = bench->quick ? QUICK_S : SILENCE_S;
    cf_growth growth = {0};
    cf_figures before, after;
    char name[32];

    if (!cf_scene_possible(bench))
        return CF_OK;
    cf_status status = cf_growth_open(bench, &growth, error);
    if (!status)
        status = cf_growth_make_sessions(&growth, 0, count, error);
    cf_measure_wait(REST_S);
    if (!status)
        status = cf_process_figures(&growth.scene.broker, &before, error);
    cf_measure_wait(silence_s);
    if (!status)
        status = cf_process_figures(&growth.scene.broker, &after, error);
    if (!status) {
        snprintf(name, sizeof name, "%zu sessions", count);
        show(bench, "a second of silence: processor, broker", CF_UNIT_SECONDS, name,
             (after.processor_s - before.processor_s) / silence_s, NULL, 0);
        show(bench, "a second of silence: reads and writes, broker", CF_UNIT_COUNT, name,
             (double)(after.calls - before.calls) / silence_s, NULL, 0);
        show(bench, "memory, broker", CF_UNIT_BYTES, name, (double)after.memory, NULL, 0);
    }
    cf_growth_close(&growth);
    return status;
}
