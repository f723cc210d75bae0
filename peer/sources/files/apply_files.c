/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/apply_inside.h"

#include "broker/jobs.h"
#include "codec/content.h"
#include "peer/log/contents_small.h"

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

static void made(cf_job *job)
{
    making *self = (making *)job;
    const cf_applying_options *options = &self->applying->options;
    cf_task *task = self->task;

    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
    task->made = !self->status;
    if (self->status) {
        task->state = CF_TASK_FAILED;
        task->reason = cf_arena_text(&self->applying->arena, cf_bytes_of_text(self->error.text));
    }
    if (task->spoiled && task->leaves.size)
        cf_downloads_take(options->downloads, options->binding, task->step.shown->content);
    self->applying->jobs--;
    free(self);
}

/* The bytes, or the file that they were fetched into. False: not here yet. */
static bool find_content(cf_applying *applying, cf_task *task)
{
    cf_peer *peer = applying->options.peer;
    cf_buffer bytes = {0};
    cf_download download;
    cf_error error;
    cf_hash hash;
    uint64_t size;

    cf_bytes content = task->step.shown->content;
    if (cf_content_identity_read(content, &hash, &size, &error) == CF_OK && size <= CF_INLINE_MAX &&
        cf_contents_small(peer->contents, &applying->collection->id, &hash, &bytes, &error) ==
            CF_OK) {
        task->small = cf_arena_copy(&applying->arena, cf_buffer_view(&bytes));
        cf_buffer_release(&bytes);
        return true;
    }
    cf_buffer_release(&bytes);
    cf_download_answer answer = cf_downloads_want(applying->options.downloads,
                                                  applying->options.binding, content, &download);
    if (answer == CF_DOWNLOAD_READY) {
        snprintf(task->landing, sizeof task->landing, "%.*s", (int)download.name.size,
                 (const char *)download.name.data);
        task->leaves = cf_arena_copy(&applying->arena, download.leaves);
        return true;
    }
    task->state = CF_TASK_FAILED;
    task->waits = applying->result.waits = true;
    task->reason = answer == CF_DOWNLOAD_STARTED
                       ? "its content is on the way"
                       : cf_arena_text(&applying->arena, cf_bytes_of_text(download.reason));
    return false;
}

static void start_making(cf_applying *applying, cf_task *task)
{
    cf_env *env = (cf_env *)applying->options.peer->env;
    making *self = cf_allocate(1, sizeof *self);

    self->job = (cf_job){.work = make, .done = made, .memory = task->small.size};
    self->applying = applying;
    self->task = task;
    applying->jobs++;
    env->jobs->submit(env->jobs, &self->job);
}

/* Its file was fetched for another step of the batch: once that one has taken it, it is on the
 * disk, and is copied from there, in a later batch. */
static bool is_taken_in_batch(const cf_applying *applying, const cf_task *task)
{
    for (size_t i = applying->first; i < applying->end; i++) {
        const cf_task *other = &applying->tasks[i];

        if (other->leaves.size &&
            cf_bytes_equal(other->step.shown->content, task->step.shown->content))
            return true;
    }
    return false;
}

/* Starts what has to be written for a step, if it can be; returns how many bytes are. */
static uint64_t prepare(cf_applying *applying, cf_task *task)
{
    if (task->state != CF_TASK_WAITING || cf_task_is_prepared(task) ||
        is_taken_in_batch(applying, task) || !find_content(applying, task))
        return 0;
    start_making(applying, task);
    return task->small.size;
}

/* Takes the next steps, and starts what has to be written for them, and for what waits still. That
 * takes no place from them, and doesn't end the batch, or nobody would come whom it waits for. */
void cf_applying_start_batch(cf_applying *applying)
{
    uint64_t bytes = 0;

    for (size_t i = applying->first; i < applying->end; i++)
        bytes += prepare(applying, &applying->tasks[i]);
    for (size_t steps = 0;
         applying->end < applying->count && steps < BATCH_STEPS && bytes < BATCH_BYTES; steps++)
        bytes += prepare(applying, &applying->tasks[applying->end++]);
    applying->is_last = applying->end == applying->count;
}
