/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/jobs.h"

#include <poll.h>
#include <stdlib.h>

#include "codec/bytes.h"

void cf_jobs_destroy(cf_jobs **jobs)
{
    if (jobs && *jobs)
        (*jobs)->destroy(*jobs);
    if (jobs)
        *jobs = NULL;
}

void cf_jobs_await(cf_jobs *jobs)
{
    struct pollfd ends = {.fd = jobs->descriptor(jobs), .events = POLLIN};

    if (jobs->deliver(jobs) == 0 && ends.fd >= 0)
        poll(&ends, 1, -1);
}

/* ---- A line ---- */

static void begin(cf_job_line *line)
{
    while (line->first && line->begun < line->most) {
        cf_job *job = line->first;

        line->first = job->next;
        line->begun++;
        line->jobs->submit(line->jobs, job);
    }
}

static void end(cf_job *job)
{
    cf_job_line *line = job->line;

    line->begun--;
    line->count--;
    begin(line);
    job->ended(job);
}

void cf_job_line_submit(cf_job_line *line, cf_jobs *jobs, size_t most, cf_job *job)
{
    line->jobs = jobs;
    line->most = most;
    job->line = line;
    job->ended = job->done;
    job->done = end;
    job->next = NULL;
    if (line->first)
        line->last->next = job;
    else
        line->first = job;
    line->last = job;
    line->count++;
    begin(line);
}

/* ---- One thread ---- */

typedef struct {
    cf_jobs jobs;
    cf_job **waiting;
    size_t count, capacity;
    uint64_t seed;
    cf_job_hangs *hangs;
    void *context;
} line;

static void submit(cf_jobs *jobs, cf_job *job)
{
    line *self = (line *)jobs;

    job->dropped = false;
    *cf_one_more(self->waiting, self->count, self->capacity) = job;
}

/* xorshift64*: the order of a world's jobs needs no better. */
static size_t drawn(line *self)
{
    if (self->seed == 0)
        return 0;
    self->seed ^= self->seed >> 12;
    self->seed ^= self->seed << 25;
    self->seed ^= self->seed >> 27;
    return (size_t)((self->seed * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % self->count;
}

static cf_job *take_at(line *self, size_t at)
{
    cf_job *job = self->waiting[at];

    self->count--;
    for (size_t i = at; i < self->count; i++)
        self->waiting[i] = self->waiting[i + 1];
    return job;
}

static bool hangs(const line *self, cf_job *job)
{
    return self->hangs && job->alone && self->hangs(self->context, job);
}

static cf_job *take(line *self)
{
    const size_t first = drawn(self);

    for (size_t i = 0; i < self->count; i++) {
        const size_t at = (first + i) % self->count;

        if (!hangs(self, self->waiting[at]))
            return take_at(self, at);
    }
    return NULL;
}

/* At most what was there at the beginning: a job that submits the next one must not keep the
 * caller. With a seed only as many as are drawn, one at least. */
static size_t deliver(cf_jobs *jobs)
{
    line *self = (line *)jobs;
    size_t most = self->seed && self->count ? 1 + drawn(self) : self->count, count = 0;
    cf_job *job;

    while (count < most && self->count && (job = take(self))) {
        job->work(job);
        job->done(job);
        count++;
    }
    return count;
}

static int descriptor(cf_jobs *jobs)
{
    (void)jobs;
    return -1;
}

static void relieve(cf_jobs *jobs, uint64_t late_ms)
{
    (void)jobs;
    (void)late_ms;
}

void cf_jobs_inline_hang(cf_jobs *jobs, cf_job_hangs *is_hanging, void *context)
{
    line *self = (line *)jobs;

    self->hangs = is_hanging;
    self->context = context;
}

static void destroy(cf_jobs *jobs)
{
    line *self = (line *)jobs;

    self->hangs = NULL;
    while (self->count) {
        cf_job *job = take(self);

        job->dropped = true;
        job->done(job);
    }
    free(self->waiting);
    free(self);
}

cf_jobs *cf_jobs_inline_new(uint64_t seed)
{
    line *self = cf_allocate(1, sizeof *self);

    self->jobs = (cf_jobs){submit, deliver, descriptor, NULL, relieve, destroy};
    self->seed = seed;
    return &self->jobs;
}
