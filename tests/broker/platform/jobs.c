/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/jobs.h"

#include <dirent.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/bytes.h"
#include "tests/support/expect.h"

enum { COUNT = 500, BUDGET = 100 };

typedef struct {
    atomic_size_t memory, highest, running;
    atomic_bool alone;
    size_t done, dropped;
} watcher;

typedef struct {
    cf_job job;
    watcher *watcher;
    size_t number;
    size_t *order, *order_count; /* NULL: nobody asks */
} task;

static void work(cf_job *job)
{
    task *self = (task *)job;
    watcher *seen = self->watcher;
    size_t now = atomic_fetch_add(&seen->memory, job->memory) + job->memory;
    size_t high = atomic_load(&seen->highest);

    while (now > high && !atomic_compare_exchange_weak(&seen->highest, &high, now))
        ;
    size_t others = atomic_fetch_add(&seen->running, 1);
    if (job->memory > BUDGET && others > 0)
        atomic_store(&seen->alone, false);
    poll(NULL, 0, self->number % 7 == 0);
    atomic_fetch_sub(&seen->running, 1);
    atomic_fetch_sub(&seen->memory, job->memory);
}

static void done(cf_job *job)
{
    task *self = (task *)job;

    self->watcher->done++;
    self->watcher->dropped += job->dropped;
    if (self->order)
        self->order[(*self->order_count)++] = self->number;
}

static void wait_for(cf_jobs *jobs, const watcher *seen, size_t count)
{
    struct pollfd readable = {.fd = jobs->descriptor(jobs), .events = POLLIN};

    while (seen->done < count) {
        cr_assert_eq(poll(&readable, 1, 10000), 1, "no job ended in 10 s");
        jobs->deliver(jobs);
    }
}

Test(jobs, keeps_to_the_memory_that_it_was_given)
{
    static task tasks[COUNT];
    watcher seen = {.alone = true};
    cf_jobs *jobs;
    cf_error error;

    expect_ok(cf_jobs_threads_new(8, BUDGET, &jobs, &error), error);
    for (size_t i = 0; i < COUNT; i++) {
        tasks[i] = (task){
            .job = {.work = work, .done = done, .memory = i % 90}, .watcher = &seen, .number = i};
        jobs->submit(jobs, &tasks[i].job);
    }
    wait_for(jobs, &seen, COUNT);
    cf_jobs_destroy(&jobs);
    cr_assert_leq(atomic_load(&seen.highest), BUDGET);
    cr_assert_eq(seen.dropped, 0);
}

Test(jobs, runs_one_that_is_larger_than_the_budget_alone)
{
    static task tasks[40];
    watcher seen = {.alone = true};
    cf_jobs *jobs;
    cf_error error;

    expect_ok(cf_jobs_threads_new(8, BUDGET, &jobs, &error), error);
    for (size_t i = 0; i < 40; i++) {
        tasks[i] = (task){.job = {.work = work, .done = done, .memory = i % 5 ? 20 : 3 * BUDGET},
                          .watcher = &seen,
                          .number = i};
        jobs->submit(jobs, &tasks[i].job);
    }
    wait_for(jobs, &seen, 40);
    cf_jobs_destroy(&jobs);
    cr_assert(atomic_load(&seen.alone));
}

Test(jobs, gives_every_job_back_when_the_pool_ends)
{
    static task tasks[COUNT];
    watcher seen = {.alone = true};
    cf_jobs *jobs;
    cf_error error;

    expect_ok(cf_jobs_threads_new(2, BUDGET, &jobs, &error), error);
    for (size_t i = 0; i < COUNT; i++) {
        tasks[i] = (task){.job = {.work = work, .done = done}, .watcher = &seen, .number = 7};
        jobs->submit(jobs, &tasks[i].job);
    }
    cf_jobs_destroy(&jobs);
    cr_assert_null(jobs);
    cr_assert_eq(seen.done, COUNT);
    cr_assert_gt(seen.dropped, 0);
    cr_assert_eq(atomic_load(&seen.running), 0);
}

static void run_inline(uint64_t seed, size_t order[COUNT])
{
    static task tasks[COUNT];
    watcher seen = {.alone = true};
    size_t count = 0;
    cf_jobs *jobs = cf_jobs_inline_new(seed);

    for (size_t i = 0; i < COUNT; i++) {
        tasks[i] = (task){.job = {.work = work, .done = done},
                          .watcher = &seen,
                          .number = i,
                          .order = order,
                          .order_count = &count};
        jobs->submit(jobs, &tasks[i].job);
    }
    cr_assert_eq(jobs->descriptor(jobs), -1);
    size_t some = jobs->deliver(jobs), all = some;
    if (seed) {
        cr_assert(some > 0, "%zu at once", some);
        cr_assert(some < COUNT, "%zu at once", some);
    }
    while (all < COUNT && (some = jobs->deliver(jobs)) > 0)
        all += some;
    cr_assert_eq(jobs->deliver(jobs), 0);
    cf_jobs_destroy(&jobs);
    cr_assert_eq(all, COUNT);
    cr_assert_eq(count, COUNT);
}

Test(jobs, runs_inline_in_the_order_that_the_seed_draws)
{
    size_t first[COUNT], again[COUNT], other[COUNT], plain[COUNT];

    run_inline(0, plain);
    run_inline(42, first);
    run_inline(42, again);
    run_inline(43, other);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_eq(plain[i], i);
    cr_assert_arr_eq(first, again, sizeof first);
    cr_assert_arr_neq(first, other, sizeof first);
    cr_assert_arr_neq(first, plain, sizeof first);
}

typedef struct {
    cf_job job;
    cf_jobs *jobs;
    size_t left;
} chain;

static void nothing(cf_job *job)
{
    (void)job;
}

static void submit_again(cf_job *job)
{
    chain *self = (chain *)job;

    if (self->left && self->left--)
        self->jobs->submit(self->jobs, job);
}

Test(jobs, lets_done_submit_the_next_one)
{
    chain link = {.job = {.work = nothing, .done = submit_again}, .left = 3};

    link.jobs = cf_jobs_inline_new(0);
    link.jobs->submit(link.jobs, &link.job);
    cr_assert_eq(link.jobs->deliver(link.jobs), 1);
    cr_assert_eq(link.left, 2);
    cf_jobs_destroy(&link.jobs); /* the rest is dropped, and asked for no more */
    cr_assert_eq(link.left, 0);
}

/* ---- What may never end ---- */

typedef struct {
    cf_job job;
    int gate; /* ends when this has something to read; -1: at once */
    bool *is_done;
} gated;

static void wait_at_gate(cf_job *job)
{
    gated *self = (gated *)job;
    struct pollfd readable = {.fd = self->gate, .events = POLLIN};

    while (self->gate >= 0 && poll(&readable, 1, -1) < 1)
        ;
}

static void note_done(cf_job *job)
{
    *((gated *)job)->is_done = true;
}

static void submit_gated(cf_jobs *jobs, gated *self, int gate, bool alone, bool *is_done)
{
    *is_done = false;
    *self = (gated){
        .job = {.work = wait_at_gate, .done = note_done, .alone = alone, .memory = alone ? 0 : 60},
        .gate = gate,
        .is_done = is_done};
    jobs->submit(jobs, &self->job);
}

static bool ends(cf_jobs *jobs, const bool *is_done, int patience_ms)
{
    struct pollfd readable = {.fd = jobs->descriptor(jobs), .events = POLLIN};

    while (!*is_done && poll(&readable, 1, patience_ms) == 1)
        jobs->deliver(jobs);
    return *is_done;
}

Test(jobs, what_runs_alone_holds_up_nothing_and_is_left_behind)
{
    static gated stuck, other; /* the first outlives its pool */
    static bool is_stuck_done, is_done;
    cf_jobs *jobs;
    cf_error error;
    int gate[2];

    cr_assert_eq(pipe(gate), 0);
    expect_ok(cf_jobs_threads_new(1, BUDGET, &jobs, &error), error);
    submit_gated(jobs, &stuck, gate[0], true, &is_stuck_done);
    submit_gated(jobs, &other, -1, false, &is_done);
    cr_expect(ends(jobs, &is_done, 10000));
    cr_expect(!is_stuck_done);
    static const cf_jobs *left_behind; /* what the thread will touch stays */
    left_behind = jobs;
    cf_jobs_destroy(&jobs);
    cr_expect(!is_stuck_done);
    cr_expect(left_behind);
    cr_assert_eq(write(gate[1], "x", 1), 1);
}

Test(jobs, what_runs_alone_is_delivered_when_it_ends)
{
    gated one;
    bool is_done;
    cf_jobs *jobs;
    cf_error error;

    expect_ok(cf_jobs_threads_new(1, BUDGET, &jobs, &error), error);
    submit_gated(jobs, &one, -1, true, &is_done);
    cr_expect(ends(jobs, &is_done, 10000));
    submit_gated(jobs, &one, -1, true, &is_done);
    cf_jobs_destroy(&jobs);
    cr_expect(is_done);
}

static size_t count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    size_t count = 0;

    cr_assert(tasks);
    for (const struct dirent *one; (one = readdir(tasks));)
        count += one->d_name[0] != '.';
    closedir(tasks);
    return count;
}

Test(jobs, begins_a_worker_only_for_what_no_other_one_can_take)
{
    enum { THREADS = 4 };
    gated each[THREADS], one;
    bool is_each_done[THREADS], is_done;
    const size_t others = count_threads();
    cf_jobs *jobs;
    cf_error error;
    int gate[2];

    cr_assert_eq(pipe(gate), 0);
    expect_ok(cf_jobs_threads_new(THREADS, 100 * BUDGET, &jobs, &error), error);
    for (int i = 0; i < 20; i++) {
        submit_gated(jobs, &one, -1, false, &is_done);
        cr_assert(ends(jobs, &is_done, 10000));
    }
    cr_expect_eq(count_threads(), others + 1, "one after the other is one worker's");
    for (size_t i = 0; i + 1 < THREADS; i++)
        submit_gated(jobs, &each[i], gate[0], false, &is_each_done[i]);
    submit_gated(jobs, &one, -1, false, &is_done);
    cr_expect(ends(jobs, &is_done, 10000), "the last worker waits for one of the others");
    cr_expect_eq(count_threads(), others + THREADS);
    submit_gated(jobs, &each[THREADS - 1], gate[0], false, &is_each_done[THREADS - 1]);
    submit_gated(jobs, &one, -1, false, &is_done);
    cr_expect(!ends(jobs, &is_done, 100), "there are more workers than were asked for");
    cr_assert_eq(write(gate[1], "x", 1), 1);
    cf_jobs_destroy(&jobs);
    close(gate[0]);
    close(gate[1]);
}

/* All workers, and all memory, wait for something: others take their places, as often as the bound
 * allows and no more, and go when all is well again. */
Test(jobs, relieves_workers_that_wait)
{
    enum { THREADS = 2, MOST = THREADS * CF_JOBS_RELIEF_TIMES };
    static gated stuck[MOST], other;
    static bool is_stuck_done[MOST], is_done;
    cf_jobs *jobs;
    cf_error error;
    int gate[2];

    cr_assert_eq(pipe(gate), 0);
    expect_ok(cf_jobs_threads_new(THREADS, BUDGET, &jobs, &error), error);
    for (size_t i = 0; i < MOST; i++) {
        submit_gated(jobs, &stuck[i], gate[0], false, &is_stuck_done[i]);
        if (i + 1 == MOST)
            break;
        submit_gated(jobs, &other, -1, false, &is_done);
        for (int tries = 0; tries < 1000 && !ends(jobs, &is_done, 10); tries++)
            jobs->relieve(jobs, 0);
        cr_assert(is_done, "%zu wait", i + 1);
    }
    submit_gated(jobs, &other, -1, false, &is_done);
    for (int tries = 0; tries < 20 && !is_done; tries++) {
        jobs->relieve(jobs, 0);
        ends(jobs, &is_done, 10);
    }
    cr_expect(!is_done, "there are more threads than the bound");
    cr_assert_eq(write(gate[1], "x", 1), 1);
    cr_expect(ends(jobs, &is_done, 10000));
    cf_jobs_destroy(&jobs);
    for (size_t i = 0; i < MOST; i++)
        cr_expect(is_stuck_done[i]);
}
