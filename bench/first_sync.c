/* SPDX-License-Identifier: Apache-2.0 */
/* How long does a first sync take, from one device through the broker to another, beside a local
 * `rsync -a` of the same tree, and beside a copy that is made durable as ours is? */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/scene.h"
#include "bench/workload.h"
#include "codec/limits.h"

/* What doesn't shrink is sent as it is, with some bytes for each piece; of each file that, and a
 * signed entry with its share of a changeset. */
#define SEALED 1.02
enum { ENTRY = 450 };

typedef struct {
    const char *name;
    size_t count, size; /* files, bytes of each */
    int runs;           /* of a gibibyte each writes nine to the disk */
    /* MiB that they may have at one time: in small 1.5 times of what was measured, else what
     * system_memory holds them to */
    int sender, receiver, broker;
} amount;

typedef struct {
    const cf_bench *bench;
    amount amount;
    bool has_rsync;
    cf_samples both;          /* sent and received at the same time */
    cf_samples send, receive; /* one after the other */
    cf_samples rsync, copy;
    cf_samples sender_memory, receiver_memory, broker_memory;
    cf_samples sent, received; /* bytes */
} trial;

static cf_status fill_source(trial *it, cf_scene *scene, cf_error *error)
{
    const char *path = scene->devices[0].source.text;

    cf_status status = cf_workload_tree(path, it->amount.count, it->amount.size, 5, error);
    cf_workload_settle();
    return status;
}

/* A scene of two devices with a source full of files at the first one. */
static cf_status set_up(trial *it, cf_scene *scene, cf_error *error)
{
    cf_status status = cf_scene_open(it->bench, "scene", scene, error);
    if (!status)
        status = cf_scene_join(scene, error);
    if (!status)
        status = fill_source(it, scene, error);
    if (!status)
        status = cf_scene_add(scene, 0, error);
    if (!status) /* so that the second device can find the collection; nothing else is sent yet */
        status = cf_scene_add(scene, 1, error);
    return status;
}

static cf_status check_arrival(const trial *it, const cf_scene *scene, cf_error *error)
{
    size_t last = it->amount.count - 1;
    char ours[PATH_MAX], theirs[PATH_MAX];

    snprintf(ours, sizeof ours, "%.3900s/folder%zu/file%zu", scene->devices[0].source.text,
             last / 100, last);
    snprintf(theirs, sizeof theirs, "%.3900s/folder%zu/file%zu", scene->devices[1].source.text,
             last / 100, last);
    return cf_workload_equal(ours, theirs)
               ? CF_OK
               : cf_fail(error, CF_BROKEN, "the last file has not arrived");
}

static cf_status try_in_turn(trial *it, cf_error *error)
{
    cf_usage send, receive, broker;
    cf_scene scene;

    cf_status status = set_up(it, &scene, error);
    if (!status)
        status = cf_scene_sync(&scene, 0, &send, error);
    if (!status)
        status = cf_scene_sync(&scene, 1, &receive, error);
    if (!status)
        status = check_arrival(it, &scene, error);
    const double sent = cf_scene_traffic(&scene, 0, "bytes_sent");
    const double received = cf_scene_traffic(&scene, 1, "bytes_received");
    cf_scene_close(&scene, &broker);
    if (status)
        return status;
    cf_samples_add(&it->sent, sent);
    cf_samples_add(&it->received, received);
    cf_samples_add(&it->send, send.wall_s);
    cf_samples_add(&it->receive, receive.wall_s);
    cf_samples_add(&it->sender_memory, (double)send.memory);
    cf_samples_add(&it->receiver_memory, (double)receive.memory);
    cf_samples_add(&it->broker_memory, (double)broker.memory);
    return CF_OK;
}

static cf_status try_overlapped(trial *it, cf_error *error)
{
    cf_scene scene;

    cf_status status = set_up(it, &scene, error);
    if (!status)
        status = cf_scene_serve(&scene, 1, error);
    double start = cf_measure_now();
    if (!status)
        status = cf_scene_sync(&scene, 0, NULL, error);
    if (!status)
        status = cf_scene_sync(&scene, 1, NULL, error);
    double took = cf_measure_now() - start;
    if (!status)
        status = check_arrival(it, &scene, error);
    cf_scene_close(&scene, NULL);
    if (!status)
        cf_samples_add(&it->both, took);
    return status;
}

static cf_status run_copy(const char *const *words, cf_samples *samples, cf_error *error)
{
    const cf_command command = {.arguments = words};
    cf_usage used;

    cf_status status = cf_process_must(&command, &used, error);
    if (!status)
        cf_samples_add(samples, used.wall_s);
    return status;
}

static cf_status try_references(trial *it, cf_error *error)
{
    cf_bench_path from = cf_bench_path_of(it->bench, "from/"),
                  by_rsync = cf_bench_path_of(it->bench, "rsync/"),
                  by_copy = cf_bench_path_of(it->bench, "copy");
    const char *const rsync[] = {"rsync", "-a", from.text, by_rsync.text, NULL};
    const char *const copy[] = {
        "sh", "-c", "cp -a \"$1\" \"$2\" && sync -f \"$2\"", "sh", from.text, by_copy.text, NULL};

    cf_status status = cf_workload_tree(from.text, it->amount.count, it->amount.size, 5, error);
    cf_workload_settle();
    if (!status && it->has_rsync)
        status = run_copy(rsync, &it->rsync, error);
    cf_workload_settle();
    if (!status)
        status = run_copy(copy, &it->copy, error);
    cf_workload_remove(from.text);
    cf_workload_remove(by_rsync.text);
    cf_workload_remove(by_copy.text);
    cf_workload_settle();
    return status;
}

static void compare(const trial *it, const char *what, cf_unit unit, const char *ours_name,
                    const cf_samples *ours, const char *theirs_name, const cf_samples *theirs)
{
    char line[128];

    snprintf(line, sizeof line, "%s: %s", it->amount.name, what);
    cf_results_compare(it->bench->results,
                       &(cf_comparison){line, unit, ours_name, ours, theirs_name,
                                        theirs && theirs->count ? theirs : NULL});
}

static void tell(const trial *it)
{
    compare(it, "to the other device", CF_UNIT_SECONDS, "sync to a device that serves", &it->both,
            "rsync -a", &it->rsync);
    compare(it, "to the other device, durable", CF_UNIT_SECONDS, "sync to a device that serves",
            &it->both, "cp -a; sync -f", &it->copy);
    compare(it, "sent only", CF_UNIT_SECONDS, "sync of the first device", &it->send,
            "cp -a; sync -f", &it->copy);
    compare(it, "received only", CF_UNIT_SECONDS, "sync of the second device", &it->receive,
            "cp -a; sync -f", &it->copy);
    compare(it, "memory of the sender", CF_UNIT_BYTES, "counterfoil", &it->sender_memory, NULL,
            NULL);
    compare(it, "memory of the receiver", CF_UNIT_BYTES, "counterfoil", &it->receiver_memory, NULL,
            NULL);
    compare(it, "memory of the broker", CF_UNIT_BYTES, "counterfoild", &it->broker_memory, NULL,
            NULL);
}

static void bound(const trial *it, const char *what, const cf_samples *found, double most)
{
    char line[128];

    snprintf(line, sizeof line, "%s: %s", it->amount.name, what);
    cf_results_most(it->bench->results, line, found, most);
}

static void judge(const trial *it)
{
    const amount *of = &it->amount;
    const double wire = (double)of->count * ((double)of->size * SEALED + ENTRY);

    bound(it, "bytes sent", &it->sent, wire);
    bound(it, "bytes received", &it->received, wire);
    bound(it, "memory of the sender", &it->sender_memory, (double)of->sender * CF_MIB);
    bound(it, "memory of the receiver", &it->receiver_memory, (double)of->receiver * CF_MIB);
    bound(it, "memory of the broker", &it->broker_memory, (double)of->broker * CF_MIB);
}

static void release(trial *it)
{
    cf_samples_release(&it->both);
    cf_samples_release(&it->send);
    cf_samples_release(&it->receive);
    cf_samples_release(&it->rsync);
    cf_samples_release(&it->copy);
    cf_samples_release(&it->sender_memory);
    cf_samples_release(&it->receiver_memory);
    cf_samples_release(&it->broker_memory);
    cf_samples_release(&it->sent);
    cf_samples_release(&it->received);
}

static cf_status try_amount(const cf_bench *bench, const amount *tried, bool has_rsync,
                            cf_error *error)
{
    trial it = {.bench = bench, .amount = *tried, .has_rsync = has_rsync};
    cf_status status = CF_OK;

    for (int i = 0; !status && i < tried->runs; i++) {
        status = try_references(&it, error);
        if (!status)
            status = try_overlapped(&it, error);
        cf_workload_settle();
        if (!status)
            status = try_in_turn(&it, error);
        cf_workload_settle();
    }
    if (!status) {
        tell(&it);
        judge(&it);
    }
    release(&it);
    return status;
}

cf_status cf_bench_first_sync(const cf_bench *bench, cf_error *error)
{
    static const amount full[] = {{"10,000 files of 4 KiB", 10000, 4 * CF_KIB, 3, 128, 128, 128},
                                  {"1,024 files of 1 MiB", 1024, CF_MIB, 2, 256, 256, 256},
                                  {"one file of 1 GiB", 1, CF_GIB, 2, 256, 256, 256}};
    static const amount quick[] = {{"200 files of 4 KiB", 200, 4 * CF_KIB, 1, 56, 48, 44},
                                   {"6 files of 1 MiB", 6, CF_MIB, 1, 60, 48, 44},
                                   {"one file of 16 MiB", 1, 16 * CF_MIB, 1, 76, 60, 44}};
    const amount *amounts = bench->quick ? quick : full;
    char path[PATH_MAX];
    bool has_rsync = cf_process_find("rsync", path);
    cf_status status = CF_OK;

    if (!cf_scene_possible(bench))
        return CF_OK;
    if (!has_rsync)
        cf_results_skip(bench->results, "the reference: rsync is not installed");
    for (size_t i = 0; !status && i < sizeof full / sizeof *full; i++)
        status = try_amount(bench, &amounts[i], has_rsync, error);
    return status;
}
