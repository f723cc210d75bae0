/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/jobs.h"

#include <stdlib.h>

#include "codec/bytes.h"

typedef struct {
    cf_jobs jobs;
    cf_job **waiting;
    size_t count, capacity;
    uint64_t seed;
} line;

static void submit(cf_jobs *jobs, cf_job *job)
{
    line *self = (line *)jobs;

    job->dropped = false;
    self->waiting = cf_grow(self->waiting, &self->capacity, self->count + 1, sizeof *self->waiting);
    self->waiting[self->count++] = job;
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

static cf_job *take(line *self)
{
    size_t at = drawn(self);
    cf_job *job = self->waiting[at];

    self->count--;
    for (size_t i = at; i < self->count; i++)
        self->waiting[i] = self->waiting[i + 1];
    return job;
}

/* At most what was there at the beginning: a job that submits the next one must not keep the
 * caller. With a seed only as many as are drawn, one at least. */
static size_t deliver(cf_jobs *jobs)
{
    line *self = (line *)jobs;
    size_t count = self->seed && self->count ? 1 + drawn(self) : self->count;

    for (size_t i = 0; i < count; i++) {
        cf_job *job = take(self);

        job->work(job);
        job->done(job);
    }
    return count;
}

static int descriptor(cf_jobs *jobs)
{
    (void)jobs;
    return -1;
}

static void destroy(cf_jobs *jobs)
{
    line *self = (line *)jobs;

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

    self->jobs = (cf_jobs){submit, deliver, descriptor, destroy};
    self->seed = seed;
    return &self->jobs;
}
