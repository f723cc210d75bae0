/* SPDX-License-Identifier: Apache-2.0 */
/* What does an act cost two devices that serve, while there is more and more of a thing? Processor
 * and memory are shown; what is counted may not grow. */
#include "bench/growth.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/lookups.h"
#include "codec/limits.h"

enum { DEVICES = 2, PROGRAMS = 3, STEPS = CF_GROWTH_STEPS, QUICK_UNITS = 9, UNITS = 100 };
#define REST_S 0.25
#define PATIENCE_S 10.0
/* Of a count, from the least to the most: 16 times as much would be 15. One look more or less at
 * the place of a save is a sixth of all; how many looks an act is seen in is the clock's. */
#define GROWTH_LIMIT 1.0
/* 1.5 times of what was measured: of each program itself, and of each thing, what it knows of that
 * beside what is in it. */
#define PROGRAM_MEMORY (36.0 * CF_MIB)
#define THING_MEMORY (12.0 * CF_KIB)

typedef struct {
    double of[CF_GROWTH_FIGURES];
} unit_cost;

typedef struct {
    const cf_bench *bench;
    const cf_growth_act *act;
    cf_growth growth;
    cf_lookups *lookups[PROGRAMS];
    size_t counts[STEPS];
    unit_cost costs[STEPS][PROGRAMS];
} trial;

/* ---- Measuring ---- */

/* The author, the receiver, the broker. */
static const cf_process *program(const trial *it, size_t index)
{
    const cf_scene *scene = &it->growth.scene;

    return index < DEVICES ? &scene->devices[index].serving : &scene->broker;
}

/* Of all that this program ran and that has ended, with its own reads and writes. */
static cf_status read_verbs(cf_figures *out, cf_error *error)
{
    struct rusage ended;

    cf_status status = cf_process_figures(&(cf_process){.id = getpid()}, out, error);
    getrusage(RUSAGE_CHILDREN, &ended);
    out->processor_s = (double)(ended.ru_utime.tv_sec + ended.ru_stime.tv_sec) +
                       (double)(ended.ru_utime.tv_usec + ended.ru_stime.tv_usec) / 1e6;
    return status;
}

/* Since each of them began, or since its lookups are counted. */
static cf_status read_costs(const trial *it, unit_cost out[PROGRAMS], cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < PROGRAMS; i++) {
        cf_figures found, ours = {0};

        status = cf_process_figures(program(it, i), &found, error);
        if (!status && i == 0 && it->act->runs)
            status = read_verbs(&ours, error);
        found.processor_s += ours.processor_s;
        found.calls += ours.calls;
        found.written += ours.written;
        out[i] = (unit_cost){{
            [CF_GROWTH_PROCESSOR] = found.processor_s,
            [CF_GROWTH_MEMORY] = (double)found.memory,
            [CF_GROWTH_CALLS] = (double)found.calls,
            [CF_GROWTH_LOOKUPS] = (double)cf_lookups_read(it->lookups[i]),
            [CF_GROWTH_WRITTEN] = (double)found.written,
        }};
    }
    return status;
}

static uint64_t lookups_of_devices(const trial *it)
{
    return cf_lookups_read(it->lookups[0]) + cf_lookups_read(it->lookups[1]);
}

/* Until the devices have not looked for anything for a while. */
static void rest(const trial *it)
{
    double end = cf_measure_now() + PATIENCE_S;
    uint64_t before, after = lookups_of_devices(it);

    do {
        before = after;
        cf_measure_wait(REST_S);
        after = lookups_of_devices(it);
    } while (after != before && cf_measure_now() < end);
}

/* A broker that has just begun is a process of its own. */
static cf_status begin(trial *it, cf_error *error)
{
    const pid_t before = it->growth.scene.broker.id;

    cf_status status = it->act->begin ? it->act->begin(&it->growth, error) : CF_OK;
    if (!status && it->growth.scene.broker.id != before)
        cf_lookups_add(it->lookups[PROGRAMS - 1], it->growth.scene.broker.id);
    if (it->act->begin)
        rest(it);
    return status;
}

static cf_status act_once(trial *it, size_t step, cf_samples samples[PROGRAMS][CF_GROWTH_FIGURES],
                          cf_error *error)
{
    unit_cost before[PROGRAMS], after[PROGRAMS];
    double things = it->act->each ? (double)it->counts[step] : 1;

    cf_status status = begin(it, error);
    if (!status)
        status = read_costs(it, before, error);
    if (!status)
        status = it->act->act(&it->growth, it->counts[step], error);
    if (it->act->each)
        rest(it);
    if (!status)
        status = read_costs(it, after, error);
    for (size_t i = 0; !status && i < PROGRAMS; i++)
        for (size_t j = 0; j < CF_GROWTH_FIGURES; j++)
            cf_samples_add(&samples[i][j], j == CF_GROWTH_MEMORY
                                               ? after[i].of[j]
                                               : (after[i].of[j] - before[i].of[j]) / things);
    return status;
}

/* The mean, but for what is over twice the middle: a look that a device takes by the way. */
static double ordinary(const cf_samples *samples)
{
    double middle = cf_samples_median(samples), sum = 0;
    size_t count = 0;

    for (size_t i = 0; i < samples->count; i++)
        if (samples->values[i] <= 2 * middle) {
            sum += samples->values[i];
            count++;
        }
    return sum / (double)count;
}

static cf_status measure(trial *it, size_t step, cf_error *error)
{
    cf_samples samples[PROGRAMS][CF_GROWTH_FIGURES] = {0};
    size_t several = it->bench->quick ? QUICK_UNITS : UNITS;
    size_t units = it->act->units ? it->act->units : several;
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < units; i++)
        status = act_once(it, step, samples, error);
    for (size_t i = 0; i < PROGRAMS; i++)
        for (size_t j = 0; j < CF_GROWTH_FIGURES; j++) {
            if (!status)
                it->costs[step][i].of[j] = ordinary(&samples[i][j]);
            cf_samples_release(&samples[i][j]);
        }
    return status;
}

static void count_lookups(trial *it)
{
    for (size_t i = 0; i < PROGRAMS; i++)
        cf_lookups_add(it->lookups[i], program(it, i)->id);
    if (it->act->runs)
        cf_lookups_add(it->lookups[0], getpid());
}

cf_status cf_growth_open(const cf_bench *bench, cf_growth *out, cf_error *error)
{
    cf_scene *scene = &out->scene;

    *out = (cf_growth){.seed = 7};
    cf_status status = cf_scene_open(bench, "scene", scene, error);
    if (!status)
        status = cf_scene_join(scene, error);
    for (size_t i = 0; !status && i < DEVICES; i++)
        status = cf_scene_add(scene, i, error);
    for (size_t i = 0; !status && i < DEVICES; i++)
        status = cf_scene_serve(scene, i, error);
    return status;
}

void cf_growth_close(cf_growth *growth)
{
    for (size_t i = 0; i < growth->session_count; i++)
        cf_caller_close(&growth->sessions[i]);
    free(growth->sessions);
    cf_scene_close(&growth->scene, NULL);
}

static cf_status run(trial *it, cf_error *error)
{
    cf_status status = cf_growth_open(it->bench, &it->growth, error);

    for (size_t i = 0; i < PROGRAMS; i++)
        it->lookups[i] = cf_lookups_new();
    if (!status)
        count_lookups(it);
    for (size_t i = 0; !status && i < STEPS; i++) {
        if (it->act->prepare)
            status = it->act->prepare(&it->growth, i ? it->counts[i - 1] : 0, it->counts[i], error);
        rest(it);
        if (!status)
            status = measure(it, i, error);
    }
    for (size_t i = 0; i < PROGRAMS; i++)
        cf_lookups_destroy(&it->lookups[i]);
    if (it->act->end)
        it->act->end(&it->growth);
    cf_growth_close(&it->growth);
    if (status)
        cf_error_while(error, "%s", it->act->name);
    return status;
}

/* ---- What came out ---- */

static const struct {
    const char *name;
    cf_unit unit;
} figures[CF_GROWTH_FIGURES] = {
    [CF_GROWTH_PROCESSOR] = {"processor", CF_UNIT_SECONDS},
    [CF_GROWTH_MEMORY] = {"memory", CF_UNIT_BYTES},
    [CF_GROWTH_CALLS] = {"reads and writes", CF_UNIT_COUNT},
    [CF_GROWTH_LOOKUPS] = {"lookups", CF_UNIT_COUNT},
    [CF_GROWTH_WRITTEN] = {"bytes written", CF_UNIT_BYTES},
};

static double sum(const trial *it, size_t step, cf_growth_who who, size_t figure)
{
    double value = 0;

    for (size_t i = 0; i < PROGRAMS; i++)
        value += who & (1U << i) ? it->costs[step][i].of[figure] : 0;
    return value;
}

static const char *name_of(cf_growth_who who)
{
    return who == CF_GROWTH_DEVICES    ? "both devices"
           : who == CF_GROWTH_AUTHOR   ? "author"
           : who == CF_GROWTH_RECEIVER ? "receiver"
                                       : "broker";
}

static void compare(const trial *it, cf_growth_who who, size_t figure)
{
    char text[128], ours_name[64], theirs_name[64];

    snprintf(text, sizeof text, "%s: %s, %s", it->act->name, figures[figure].name, name_of(who));
    snprintf(theirs_name, sizeof theirs_name, "%zu %s", it->counts[0], it->act->thing);
    for (size_t i = 1; i < STEPS; i++) {
        cf_samples ours = {0}, theirs = {0};

        snprintf(ours_name, sizeof ours_name, "%zu %s", it->counts[i], it->act->thing);
        cf_samples_add(&ours, sum(it, i, who, figure));
        cf_samples_add(&theirs, sum(it, 0, who, figure));
        cf_results_compare(
            it->bench->results,
            &(cf_comparison){text, figures[figure].unit, ours_name, &ours, theirs_name, &theirs});
        cf_samples_release(&ours);
        cf_samples_release(&theirs);
    }
}

static void limit_growth(const trial *it, size_t figure)
{
    double least = sum(it, 0, it->act->who, figure), most = least;
    char text[128];

    for (size_t i = 1; i < STEPS; i++) {
        double value = sum(it, i, it->act->who, figure);

        most = value > most ? value : most;
    }
    snprintf(text, sizeof text, "%s: growth of %s", it->act->name, figures[figure].name);
    cf_results_limit(it->bench->results,
                     &(cf_limited){text, least > 0 ? (most - least) / least : 0, GROWTH_LIMIT,
                                   figures[figure].unit == CF_UNIT_SECONDS});
}

static void limit_shares(const trial *it)
{
    static const cf_growth_who each[DEVICES] = {CF_GROWTH_AUTHOR, CF_GROWTH_RECEIVER};
    double size = (double)(it->counts[STEPS - 1] * it->act->thing_size);
    char text[128];

    for (size_t i = 0; i < DEVICES; i++) {
        double share = sum(it, STEPS - 1, each[i], CF_GROWTH_WRITTEN) / size;

        compare(it, each[i], CF_GROWTH_WRITTEN);
        snprintf(text, sizeof text, "%s: bytes written by the %s, of all", it->act->name,
                 name_of(each[i]));
        cf_results_limit(it->bench->results, &(cf_limited){text, share, it->act->shares[i], false});
    }
}

static void limit_memory(const trial *it)
{
    const double things = (double)it->counts[STEPS - 1];
    const double each = PROGRAM_MEMORY + things * (THING_MEMORY + (double)it->act->thing_size);
    cf_samples found = {0};
    char text[128];

    cf_samples_add(&found, sum(it, STEPS - 1, it->act->who, CF_GROWTH_MEMORY));
    snprintf(text, sizeof text, "%s: memory, %s", it->act->name, name_of(it->act->who));
    cf_results_most(it->bench->results, text, &found,
                    each * (it->act->who == CF_GROWTH_DEVICES ? DEVICES : 1));
    cf_samples_release(&found);
}

static void tell(const trial *it)
{
    for (size_t i = 0; i < CF_GROWTH_FIGURES; i++)
        if (sum(it, 0, it->act->who, i) > 0) {
            compare(it, it->act->who, i);
            if (it->act->limited & (1U << i))
                limit_growth(it, i);
        } else if (it->act->limited & (1U << i)) {
            cf_results_skip(it->bench->results, "%s: %s can't be counted", it->act->name,
                            figures[i].name);
        }
    if (it->act->thing_size && sum(it, 0, it->act->who, CF_GROWTH_WRITTEN) > 0)
        limit_shares(it);
    limit_memory(it);
}

static cf_status run_acts(const cf_bench *bench, const cf_growth_act *acts, size_t count,
                          cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        trial it = {.bench = bench, .act = &acts[i]};

        for (size_t j = 0; j < STEPS; j++)
            it.counts[j] = j              ? it.counts[j - 1] * CF_GROWTH_SEVERAL
                           : bench->quick ? acts[i].quick
                                          : acts[i].least;
        if (it.counts[0] == 0)
            continue;
        status = run(&it, error);
        if (!status)
            tell(&it);
    }
    return status;
}

cf_status cf_bench_growth(const cf_bench *bench, cf_error *error)
{
    if (!cf_scene_possible(bench))
        return CF_OK;
    cf_status status = run_acts(bench, cf_growth_acts, cf_growth_act_count, error);
    if (!status)
        status = run_acts(bench, cf_growth_beside, cf_growth_beside_count, error);
    return status ? status : run_acts(bench, cf_growth_unrest, cf_growth_unrest_count, error);
}
