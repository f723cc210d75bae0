/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/jobs.h"

#include <poll.h>

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
