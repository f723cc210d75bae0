/* SPDX-License-Identifier: Apache-2.0 */
/* How a batch begins: which steps it has, whether their contents are here, and the jobs that make
 * their files (apply_make.c). Of several steps that ask for one content the last one gets the file
 * that came, when all others have copied it. */
#include "peer/sources/files/apply_inside.h"

#include "broker/platform/jobs.h"
#include "peer/bindings/disk_trial.h"
#include "peer/log/contents.h"
#include "peer/transfer/download_jobs.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH_STEPS = 512 };
#define BATCH_BYTES (64 * CF_MIB)

typedef struct {
    cf_job job;
    cf_applying *applying;
    cf_task *task;
    cf_status status;
    cf_error error;
} making;

static void make(cf_job *job)
{
    making *self = (making *)job;

    self->status =
        cf_task_make(cf_applying_files(self->applying), self->applying->options.binding->temporary,
                     self->task, &self->error);
}

static void made(cf_job *job);

static void start_making(cf_applying *applying, cf_task *task)
{
    making *self = cf_allocate(1, sizeof *self);
    size_t memory = task->original[0] ? CF_FILE_WINDOW : task->small.size;

    self->job = (cf_job){.work = make, .done = made, .memory = memory};
    self->applying = applying;
    self->task = task;
    task->traits = applying->options.binding->traits;
    cf_applying_submit(applying, &self->job);
}

/* The last of them lets the one begin that takes what they copied from: its mode may be one with
 * which nobody reads. */
static void copied(cf_applying *applying, cf_asked_content *asked)
{
    cf_task *taker = asked->taker;

    if (--asked->copying || !taker)
        return;
    asked->taker = NULL;
    start_making(applying, taker);
}

/* What is not durable is not gone on with. At the end nobody brings anything any more. */
static void throw_away(cf_applying *applying, const cf_task *task)
{
    const cf_applying_options *options = &applying->options;
    cf_files *files = cf_applying_files(applying);
    const char *const names[] = {task->partial, task->original};
    cf_error ignored;

    if (!applying->ends && (task->partial[0] || task->original[0]))
        cf_downloads_take(options->downloads, options->binding, task->step.shown->content);
    for (size_t i = 0; applying->ends && i < sizeof names / sizeof *names; i++)
        if (names[i][0])
            files->unlink(files, options->binding->temporary, cf_bytes_of_text(names[i]), &ignored);
}

static void made(cf_job *job)
{
    making *self = (making *)job;
    cf_applying *applying = self->applying;
    const cf_applying_options *options = &applying->options;
    cf_task *task = self->task;

    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
    task->made = !self->status;
    if (self->status) {
        uint64_t size = task->asked ? task->asked->size : task->small.size;

        options->binding->is_disk_doubted |=
            cf_disk_explain_size(cf_applying_files(applying), options->binding->temporary, size,
                                 &options->binding->traits, &self->error);
        task->is_of_disk = cf_files_blame_disk(&self->error);
        task->state = CF_TASK_FAILED;
        task->reason = cf_arena_text(&applying->arena, cf_bytes_of_text(self->error.text));
    }
    if (task->spoiled)
        throw_away(applying, task);
    applying->jobs--;
    free(self);
    if (task->original[0])
        copied(applying, task->asked);
}

/* Of a file that came: for the last that asks, or to copy. False: the disk has no room for that. */
static bool share(cf_applying *applying, cf_task *task, const cf_download *came, uint64_t under_way)
{
    const cf_asked_content *asked = task->asked;
    char *file = asked->askers ? task->original : task->partial;
    cf_error error;

    if (asked->askers &&
        cf_downloads_leave_reserve(applying->options.downloads, applying->options.binding,
                                   asked->size, under_way, &error)) {
        task->is_of_disk = cf_files_blame_disk(&error) || error.status == CF_FULL;
        task->reason = cf_arena_text(&applying->arena, cf_bytes_of_text(error.text));
        return false;
    }
    snprintf(file, CF_PARTIAL_FILE_NAME, "%.*s", (int)came->name.size,
             (const char *)came->name.data);
    task->leaves = cf_arena_copy(&applying->arena, came->leaves);
    return true;
}

static bool is_small(cf_applying *applying, cf_task *task)
{
    const cf_asked_content *asked = task->asked;
    cf_buffer bytes = {0};
    cf_error ignored;

    bool small = asked && asked->size <= CF_INLINE_MAX &&
                 cf_contents_small(applying->options.peer->contents, &applying->collection->id,
                                   &asked->hash, &bytes, &ignored) == CF_OK;
    if (small)
        task->small = cf_arena_copy(&applying->arena, cf_buffer_view(&bytes));
    cf_buffer_release(&bytes);
    return small;
}

/* The bytes, or the file that they were fetched into. False: not here yet. */
static bool find_content(cf_applying *applying, cf_task *task, uint64_t under_way)
{
    cf_download came;

    if (is_small(applying, task))
        return true;
    cf_download_answer answer = cf_downloads_want(
        applying->options.downloads, applying->options.binding, task->step.shown->content, &came);
    if (answer == CF_DOWNLOAD_READY && share(applying, task, &came, under_way))
        return true;
    task->state = CF_TASK_FAILED;
    task->waits = answer != CF_DOWNLOAD_FAILED || !came.is_too_large;
    task->is_of_disk |= answer == CF_DOWNLOAD_FAILED && came.is_of_disk;
    applying->result.waits |= task->waits;
    if (answer != CF_DOWNLOAD_READY)
        task->reason = answer == CF_DOWNLOAD_STARTED
                           ? CF_ON_THE_WAY
                           : cf_arena_text(&applying->arena, cf_bytes_of_text(came.reason));
    return false;
}

/* Starts what has to be written for a step, if it can be; returns how many bytes are. */
static uint64_t prepare(cf_applying *applying, cf_task *task, uint64_t under_way)
{
    cf_asked_content *asked = task->asked;

    if (task->state != CF_TASK_WAITING || cf_task_is_prepared(task))
        return 0;
    if (asked)
        asked->askers--;
    if (!find_content(applying, task, under_way))
        return 0;
    if (task->partial[0] && asked->copying) {
        asked->taker = task;
        return 0;
    }
    if (task->original[0])
        asked->copying++;
    start_making(applying, task);
    return task->original[0] ? asked->size : task->small.size;
}

/* Takes the next steps, and starts what has to be written for them. What waits still takes no place
 * from them, or nobody would come whom it waits for. */
void cf_applying_start_batch(cf_applying *applying)
{
    const cf_env *env = applying->options.peer->env;
    uint64_t bytes = 0;

    applying->place.now_ms = env->now_ms(env->context); /* the batch before may have taken long */
    for (size_t steps = 0;
         applying->end < applying->count && steps < BATCH_STEPS && bytes < BATCH_BYTES; steps++)
        bytes += prepare(applying, &applying->tasks[applying->end++], bytes);
    applying->is_last = applying->end == applying->count;
}
