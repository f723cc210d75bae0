/* SPDX-License-Identifier: Apache-2.0 */
/* What does a device pay that joins after a thousand edits of one file, beside one that joins where
 * the file was put as it is in the end? */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/scene.h"
#include "bench/workload.h"
#include "codec/limits.h"

enum { RUNS = 3, CHANGED = 100 };
/* The file, once, and the patches since it was sent whole: no tenth of it. */
#define RECEIVED 1.1
/* 1.5 times of what was measured: a program, and the file once in the chain that makes it. */
#define MEMORY (72.0 * CF_MIB)
static_assert((int)RUNS < (int)CF_SCENE_DEVICES, "each run joins a device");

typedef struct {
    const cf_bench *bench;
    size_t edits, size;
    uint8_t *bytes; /* of the file */
    uint64_t seed;
    cf_samples late_s, late_bytes, late_memory, plain_s, plain_bytes, plain_memory;
} trial;

static cf_status save(const trial *it, const cf_scene *scene, cf_error *error)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%.4000s/file", scene->devices[0].source.text);
    return cf_workload_save(path, cf_bytes_of(it->bytes, it->size), error);
}

static cf_status edit_often(trial *it, cf_scene *scene, cf_error *error)
{
    cf_status status = cf_scene_serve(scene, 0, error);

    for (size_t i = 0; !status && i < it->edits; i++) {
        uint64_t place;

        cf_workload_fill(&it->seed, &place, sizeof place);
        cf_workload_fill(&it->seed, it->bytes + place % (it->size - CHANGED), CHANGED);
        status = save(it, scene, error);
        if (!status)
            status = cf_scene_sync(scene, 0, NULL, error);
    }
    cf_scene_rest(scene, 0, NULL);
    return status;
}

static cf_status open_with_file(trial *it, cf_scene *scene, cf_error *error)
{
    cf_status status = cf_scene_open(it->bench, "scene", scene, error);
    if (!status)
        status = cf_scene_add(scene, 0, error);
    if (!status)
        status = save(it, scene, error);
    if (!status)
        status = cf_scene_sync(scene, 0, NULL, error);
    return status;
}

typedef struct {
    cf_samples *seconds, *bytes, *memory;
} figures;

/* One more device, from `add` on. */
static cf_status join(const trial *it, cf_scene *scene, const figures *out, cf_error *error)
{
    size_t device = scene->count;
    cf_usage used;
    char ours[PATH_MAX], theirs[PATH_MAX];

    cf_status status = cf_scene_join(scene, error);
    cf_workload_settle();
    double start = cf_measure_now();
    if (!status) /* brings the log, too */
        status = cf_scene_add(scene, device, error);
    if (!status)
        status = cf_scene_sync(scene, device, &used, error);
    double took = cf_measure_now() - start;
    if (status)
        return status;
    snprintf(ours, sizeof ours, "%.4000s/file", scene->devices[0].source.text);
    snprintf(theirs, sizeof theirs, "%.4000s/file", scene->devices[device].source.text);
    if (!cf_workload_equal(ours, theirs))
        return cf_fail(error, CF_BROKEN, "the file of %zu bytes has not arrived", it->size);
    cf_samples_add(out->seconds, took);
    cf_samples_add(out->bytes, cf_scene_traffic(scene, device, "bytes_received"));
    cf_samples_add(out->memory, (double)used.memory);
    return CF_OK;
}

/* Several devices, one after the other: they find the same log, so it is made once. */
static cf_status join_often(const trial *it, cf_scene *scene, const figures *out, cf_error *error)
{
    cf_status status = CF_OK;

    for (int i = 0; !status && i < (it->bench->quick ? 1 : RUNS); i++)
        status = join(it, scene, out, error);
    return status;
}

static cf_status run(trial *it, cf_error *error)
{
    const figures late = {&it->late_s, &it->late_bytes, &it->late_memory};
    const figures plain = {&it->plain_s, &it->plain_bytes, &it->plain_memory};
    cf_scene scene;

    cf_workload_fill(&it->seed, it->bytes, it->size);
    cf_status status = open_with_file(it, &scene, error);
    if (!status)
        status = edit_often(it, &scene, error);
    if (!status)
        status = join_often(it, &scene, &late, error);
    cf_scene_close(&scene, NULL);
    if (status)
        return status;
    status = open_with_file(it, &scene, error);
    if (!status)
        status = join_often(it, &scene, &plain, error);
    cf_scene_close(&scene, NULL);
    return status;
}

static void compare(const trial *it, const char *what, cf_unit unit, const cf_samples *ours,
                    const cf_samples *theirs)
{
    char line[128], name[64];

    snprintf(line, sizeof line, "a file of %zu MiB: %s", it->size >> 20, what);
    snprintf(name, sizeof name, "after %zu edits", it->edits);
    cf_results_compare(it->bench->results,
                       &(cf_comparison){line, unit, name, ours, "put as it is", theirs});
}

cf_status cf_bench_joiner(const cf_bench *bench, cf_error *error)
{
    trial it = {.bench = bench,
                .edits = bench->quick ? 20 : 1000,
                .size = bench->quick ? 4 * CF_MIB : 8 * CF_MIB,
                .seed = 7};
    cf_status status;

    if (!cf_scene_possible(bench))
        return CF_OK;
    it.bytes = cf_allocate(it.size, 1);
    status = run(&it, error);
    if (!status) {
        compare(&it, "add and first sync", CF_UNIT_SECONDS, &it.late_s, &it.plain_s);
        compare(&it, "bytes of blobs received", CF_UNIT_BYTES, &it.late_bytes, &it.plain_bytes);
        compare(&it, "memory", CF_UNIT_BYTES, &it.late_memory, &it.plain_memory);
        cf_results_most(bench->results, "received", &it.late_bytes, (double)it.size * RECEIVED);
        cf_results_most(bench->results, "memory", &it.late_memory, MEMORY);
    }
    cf_samples_release(&it.late_s);
    cf_samples_release(&it.late_bytes);
    cf_samples_release(&it.late_memory);
    cf_samples_release(&it.plain_s);
    cf_samples_release(&it.plain_bytes);
    cf_samples_release(&it.plain_memory);
    free(it.bytes);
    return status;
}
