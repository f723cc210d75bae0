/* SPDX-License-Identifier: Apache-2.0 */
/* What does a save of 2 KiB cost two devices that serve, by saves before it, by files, by what lies
 * in its folder? Processor and memory are shown; what is counted may not grow. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/scene.h"
#include "bench/workload.h"

enum { SIZE = 2048, DEVICES = 2, STEPS = 3, SEVERAL = 4, WARM = 3, FILE_SIZE = 64 };
#define PATIENCE_S 30.0
#define LOOK_S 0.001
#define REST_S 0.5
#define GROWTH_LIMIT 0.25 /* of a count, from the least to the most */

/* Of one save, both devices together. */
typedef struct {
    double processor_s, calls, written, memory;
} unit_cost;

typedef struct {
    const cf_bench *bench;
    const char *act;     /* "a save, by files" */
    const char *thing;   /* "files" */
    size_t least, saves; /* things at 1 ×; saves that are measured */
    uint64_t seed;
    uint8_t bytes[SIZE];
    size_t counts[STEPS];
    unit_cost costs[STEPS];
} trial;

static bool shows(const trial *it, const char *path)
{
    uint8_t found[SIZE + 1];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, found, sizeof found);

    if (file >= 0)
        close(file);
    return size == SIZE && memcmp(found, it->bytes, SIZE) == 0;
}

static cf_status save(trial *it, const cf_scene *scene, cf_error *error)
{
    char saved[PATH_MAX], seen[PATH_MAX];

    snprintf(saved, sizeof saved, "%.4000s/saved/file", scene->devices[0].source.text);
    snprintf(seen, sizeof seen, "%.4000s/saved/file", scene->devices[1].source.text);
    cf_workload_fill(&it->seed, it->bytes, SIZE);
    double start = cf_measure_now();
    cf_status status = cf_workload_save(saved, cf_bytes_of(it->bytes, SIZE), error);
    while (!status && !shows(it, seen)) {
        if (cf_measure_now() > start + PATIENCE_S)
            return cf_fail(error, CF_UNREACHABLE, "a save is not visible after %.0f s", PATIENCE_S);
        cf_measure_wait(LOOK_S);
    }
    return status;
}

static cf_status save_often(trial *it, const cf_scene *scene, size_t count, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++)
        status = save(it, scene, error);
    cf_measure_wait(REST_S);
    return status;
}

static cf_status read_all(const cf_scene *scene, cf_figures *out, cf_error *error)
{
    cf_status status = CF_OK;

    *out = (cf_figures){0};
    for (size_t i = 0; !status && i < DEVICES; i++) {
        cf_figures one;

        status = cf_process_figures(&scene->devices[i].serving, &one, error);
        if (status)
            break;
        out->processor_s += one.processor_s;
        out->calls += one.calls;
        out->written += one.written;
        out->memory += one.memory;
    }
    return status;
}

static cf_status measure(trial *it, const cf_scene *scene, unit_cost *out, cf_error *error)
{
    cf_figures before, after;

    cf_status status = read_all(scene, &before, error);
    if (!status)
        status = save_often(it, scene, it->saves, error);
    if (!status)
        status = read_all(scene, &after, error);
    if (status)
        return status;
    double saves = (double)it->saves;
    *out = (unit_cost){(after.processor_s - before.processor_s) / saves,
                       (double)(after.calls - before.calls) / saves,
                       (double)(after.written - before.written) / saves, (double)after.memory};
    return CF_OK;
}

/* ---- Folders ---- */

static cf_status fill(const char *folder, size_t files, cf_error *error)
{
    char path[PATH_MAX];
    cf_status status = CF_OK;

    if (mkdir(folder, 0755) && errno != EEXIST)
        return cf_fail_errno(error, errno, "making %s", folder);
    for (size_t i = 0; !status && i < files; i++) {
        snprintf(path, sizeof path, "%.4000s/f%zu", folder, i);
        status = cf_workload_file(path, FILE_SIZE, i, error);
    }
    return status;
}

typedef cf_status make_source(const char *source, size_t count, cf_error *error);

static cf_status make_files(const char *source, size_t count, cf_error *error)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%.4000s/tree", source);
    cf_status status = cf_workload_tree(path, count, FILE_SIZE, 1, error);
    snprintf(path, sizeof path, "%.4000s/saved", source);
    return status ? status : fill(path, 0, error);
}

static cf_status make_folder(const char *source, size_t count, cf_error *error)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%.4000s/saved", source);
    return fill(path, count, error);
}

/* Two devices that serve a source that was made so, at rest. */
static cf_status open_scene(trial *it, make_source *make, size_t count, cf_scene *scene,
                            cf_error *error)
{
    cf_status status = cf_scene_open(it->bench, "scene", scene, error);
    if (!status)
        status = cf_scene_join(scene, error);
    if (!status)
        status = cf_scene_add(scene, 0, error);
    if (!status)
        status = make(scene->devices[0].source.text, count, error);
    if (!status)
        status = cf_scene_sync(scene, 0, NULL, error);
    if (!status)
        status = cf_scene_add(scene, 1, error);
    for (size_t i = 0; !status && i < DEVICES; i++)
        status = cf_scene_serve(scene, i, error);
    return status ? status : save_often(it, scene, WARM, error);
}

/* ---- Acts ---- */

static cf_status run_by_saves(trial *it, cf_error *error)
{
    cf_scene scene;
    size_t saved = WARM;

    cf_status status = open_scene(it, make_folder, 1, &scene, error);
    for (size_t i = 0; !status && i < STEPS; i++) {
        status = save_often(it, &scene, it->counts[i] > saved ? it->counts[i] - saved : 0, error);
        saved = it->counts[i];
        if (!status)
            status = measure(it, &scene, &it->costs[i], error);
        saved += it->saves;
    }
    cf_scene_close(&scene, NULL);
    return status;
}

static cf_status run_by_source(trial *it, make_source *make, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < STEPS; i++) {
        cf_scene scene;

        status = open_scene(it, make, it->counts[i], &scene, error);
        if (!status)
            status = measure(it, &scene, &it->costs[i], error);
        cf_scene_close(&scene, NULL);
    }
    return status;
}

/* ---- What came out ---- */

static void compare(const trial *it, const char *what, cf_unit unit, const double values[STEPS])
{
    char text[128], ours_name[64], theirs_name[64];
    cf_samples ours = {0}, theirs = {0};

    for (size_t i = 1; i < STEPS; i++) {
        snprintf(text, sizeof text, "%s: %s", it->act, what);
        snprintf(ours_name, sizeof ours_name, "%zu %s", it->counts[i], it->thing);
        snprintf(theirs_name, sizeof theirs_name, "%zu %s", it->counts[0], it->thing);
        cf_samples_add(&ours, values[i]);
        cf_samples_add(&theirs, values[0]);
        cf_results_compare(it->bench->results,
                           &(cf_comparison){text, unit, ours_name, &ours, theirs_name, &theirs});
        cf_samples_release(&ours);
        cf_samples_release(&theirs);
    }
}

static void limit(const trial *it, const char *what, const double values[STEPS])
{
    char text[128];
    double most = values[0];

    for (size_t i = 1; i < STEPS; i++)
        most = values[i] > most ? values[i] : most;
    snprintf(text, sizeof text, "%s: growth of %s", it->act, what);
    cf_results_limit(
        it->bench->results,
        &(cf_limited){text, values[0] > 0 ? (most - values[0]) / values[0] : 0, GROWTH_LIMIT});
}

static void tell(const trial *it)
{
    double processor[STEPS], calls[STEPS], written[STEPS], memory[STEPS];

    for (size_t i = 0; i < STEPS; i++) {
        processor[i] = it->costs[i].processor_s;
        calls[i] = it->costs[i].calls;
        written[i] = it->costs[i].written;
        memory[i] = it->costs[i].memory;
    }
    compare(it, "processor, both devices", CF_UNIT_SECONDS, processor);
    compare(it, "memory, both devices", CF_UNIT_BYTES, memory);
    if (calls[0] <= 0) {
        cf_results_skip(it->bench->results, "what is counted: only root can read it");
        return;
    }
    compare(it, "reads and writes", CF_UNIT_COUNT, calls);
    compare(it, "bytes written", CF_UNIT_BYTES, written);
    limit(it, "reads and writes", calls);
    limit(it, "bytes written", written);
}

static trial begin(const cf_bench *bench, const char *act, const char *thing, size_t least)
{
    trial it = {.bench = bench,
                .act = act,
                .thing = thing,
                .least = bench->quick ? least / 16 : least,
                .saves = bench->quick ? 8 : 100,
                .seed = 7};

    for (size_t i = 0; i < STEPS; i++)
        it.counts[i] = i ? it.counts[i - 1] * SEVERAL : it.least;
    return it;
}

cf_status cf_bench_growth(const cf_bench *bench, cf_error *error)
{
    if (!cf_scene_possible(bench))
        return CF_OK;
    trial saves = begin(bench, "a save, by saves before it", "saves", 250);
    trial files = begin(bench, "a save, by files", "files", 1600);
    trial folder = begin(bench, "a save, by what lies in its folder", "files in it", 400);

    cf_status status = run_by_saves(&saves, error);
    if (status)
        return status;
    tell(&saves);
    status = run_by_source(&files, make_files, error);
    if (status)
        return status;
    tell(&files);
    status = run_by_source(&folder, make_folder, error);
    if (!status)
        tell(&folder);
    return status;
}
