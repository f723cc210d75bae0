/* SPDX-License-Identifier: Apache-2.0 */
/* How soon is what is saved here visible on the other device, both serving, beside inotify with an
 * rsync to a local folder, and beside the five fsyncs in a row that durability costs at least? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/scene.h"
#include "bench/workload.h"
#include "codec/limits.h"

enum { SIZE = 4096, FSYNCS = 5 };
/* Of one program, whatever is saved: 1.5 times of what was measured. */
#define MEMORY (36.0 * CF_MIB)
#define PATIENCE_S 30.0
#define LOOK_S 0.0001
#define REST_S 0.05

typedef struct {
    const cf_bench *bench;
    bool has_rsync;
    uint64_t seed;
    uint8_t bytes[SIZE]; /* of the last save */
    cf_samples ours, rsync, fsyncs;
    cf_samples devices, broker; /* memory */
} trial;

static void change(trial *it)
{
    cf_workload_fill(&it->seed, it->bytes, SIZE);
}

static bool shows(const trial *it, const char *path)
{
    uint8_t found[SIZE + 1];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, found, sizeof found);

    if (file >= 0)
        close(file);
    return size == SIZE && memcmp(found, it->bytes, SIZE) == 0;
}

static cf_status save_and_watch(trial *it, const char *saved, const char *seen, cf_error *error)
{
    change(it);
    double start = cf_measure_now();
    cf_status status = cf_workload_save(saved, cf_bytes_of(it->bytes, SIZE), error);
    while (!status && !shows(it, seen)) {
        if (cf_measure_now() > start + PATIENCE_S)
            return cf_fail(error, CF_UNREACHABLE, "a save is not visible after %.0f s", PATIENCE_S);
        cf_measure_wait(LOOK_S);
    }
    if (!status)
        cf_samples_add(&it->ours, cf_measure_now() - start);
    return status;
}

/* As good a loop of inotify and rsync as can be: it is waiting, and the tree has one file. */
static cf_status save_and_rsync(trial *it, int watch, cf_error *error)
{
    cf_bench_path saved = cf_bench_path_of(it->bench, "watched/file"),
                  from = cf_bench_path_of(it->bench, "watched/"),
                  to = cf_bench_path_of(it->bench, "copied/");
    const char *const words[] = {"rsync", "-a", from.text, to.text, NULL};
    const cf_command command = {.arguments = words};
    char event[4096];
    cf_usage used;

    change(it);
    double start = cf_measure_now();
    cf_status status = cf_workload_save(saved.text, cf_bytes_of(it->bytes, SIZE), error);
    if (!status && read(watch, event, sizeof event) <= 0)
        status = cf_fail_errno(error, errno, "waiting for inotify");
    if (!status)
        status = cf_process_must(&command, &used, error);
    if (!status)
        cf_samples_add(&it->rsync, cf_measure_now() - start);
    return status;
}

static cf_status sync_five_times(trial *it, cf_error *error)
{
    double start = cf_measure_now();

    for (int i = 0; i < FSYNCS; i++) {
        cf_bench_path path = cf_bench_path_of(it->bench, "synced%d", i);
        int file = open(path.text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        bool failed = file < 0 || write(file, it->bytes, SIZE) != SIZE || fsync(file);

        if (file >= 0)
            close(file);
        if (failed)
            return cf_fail_errno(error, errno, "writing %s", path.text);
    }
    cf_samples_add(&it->fsyncs, cf_measure_now() - start);
    return CF_OK;
}

static cf_status measure(trial *it, cf_scene *scene, int watch, cf_error *error)
{
    char saved[PATH_MAX], seen[PATH_MAX];
    cf_status status = CF_OK;

    snprintf(saved, sizeof saved, "%.4000s/file", scene->devices[0].source.text);
    snprintf(seen, sizeof seen, "%.4000s/file", scene->devices[1].source.text);
    for (int i = 0; !status && i < (it->bench->quick ? 10 : 200); i++) {
        status = save_and_watch(it, saved, seen, error);
        cf_measure_wait(REST_S);
        if (!status && it->has_rsync)
            status = save_and_rsync(it, watch, error);
        if (!status)
            status = sync_five_times(it, error);
    }
    return status;
}

static void compare(const trial *it, const char *what, double share, const char *theirs_name,
                    const cf_samples *theirs)
{
    cf_samples ours = {0}, reference = {0};

    if (!theirs->count)
        return;
    cf_samples_add(&ours, cf_samples_quantile(&it->ours, share));
    cf_samples_add(&reference, cf_samples_quantile(theirs, share));
    cf_results_compare(it->bench->results,
                       &(cf_comparison){what, CF_UNIT_SECONDS, "save to visible, both serving",
                                        &ours, theirs_name, &reference});
    cf_samples_release(&ours);
    cf_samples_release(&reference);
}

static void tell(const trial *it)
{
    static const char rsync[] = "inotify and rsync -a, local", fsyncs[] = "five fsyncs in a row";

    compare(it, "a save of 4 KiB: median", 0.5, fsyncs, &it->fsyncs);
    compare(it, "a save of 4 KiB: median", 0.5, rsync, &it->rsync);
    compare(it, "a save of 4 KiB: 95 of 100", 0.95, fsyncs, &it->fsyncs);
    compare(it, "a save of 4 KiB: 95 of 100", 0.95, rsync, &it->rsync);
}

/* What each took at most, once it has ended. */
static void close_and_weigh(trial *it, cf_scene *scene)
{
    cf_usage used;

    for (size_t i = 0; i < scene->count; i++) {
        used = (cf_usage){0};
        cf_scene_rest(scene, i, &used);
        cf_samples_add(&it->devices, (double)used.memory);
    }
    used = (cf_usage){0};
    cf_scene_close(scene, &used);
    cf_samples_add(&it->broker, (double)used.memory);
    cf_results_most(it->bench->results, "memory of a device that serves", &it->devices, MEMORY);
    cf_results_most(it->bench->results, "memory of the broker", &it->broker, MEMORY);
}

static cf_status set_up(trial *it, cf_scene *scene, cf_error *error)
{
    cf_status status = cf_scene_open(it->bench, "scene", scene, error);
    if (!status)
        status = cf_scene_join(scene, error);
    for (size_t i = 0; !status && i < 2; i++)
        status = cf_scene_add(scene, i, error);
    for (size_t i = 0; !status && i < 2; i++)
        status = cf_scene_serve(scene, i, error);
    return status;
}

static cf_status watch_folder(const cf_bench *bench, int *out, cf_error *error)
{
    cf_bench_path path = cf_bench_path_of(bench, "watched");

    if (mkdir(path.text, 0755))
        return cf_fail_errno(error, errno, "making %s", path.text);
    *out = inotify_init1(IN_CLOEXEC);
    if (*out < 0 || inotify_add_watch(*out, path.text, IN_MOVED_TO) < 0)
        return cf_fail_errno(error, errno, "watching %s", path.text);
    return CF_OK;
}

cf_status cf_bench_latency(const cf_bench *bench, cf_error *error)
{
    trial it = {.bench = bench, .seed = 6};
    char path[PATH_MAX];
    int watch = -1;
    cf_scene scene;

    if (!cf_scene_possible(bench))
        return CF_OK;
    it.has_rsync = cf_process_find("rsync", path);
    if (!it.has_rsync)
        cf_results_skip(bench->results, "the reference: rsync is not installed");
    cf_status status = set_up(&it, &scene, error);
    if (!status)
        status = watch_folder(bench, &watch, error);
    if (!status)
        status = measure(&it, &scene, watch, error);
    if (!status)
        tell(&it);
    if (watch >= 0)
        close(watch);
    close_and_weigh(&it, &scene);
    cf_samples_release(&it.ours);
    cf_samples_release(&it.rsync);
    cf_samples_release(&it.fsyncs);
    cf_samples_release(&it.devices);
    cf_samples_release(&it.broker);
    return status;
}
