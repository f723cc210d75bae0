/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: work that may wait for a disk or burns a CPU, done beside the loop that decides. The
 * product has a pool of threads, a world runs them one by one in an order drawn from its seed. */
#ifndef CF_BROKER_PLATFORM_JOBS_H
#define CF_BROKER_PLATFORM_JOBS_H
#include "codec/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cf_job cf_job;
typedef struct cf_job_line cf_job_line;

/* Embedded in what the caller owns; valid until `done` was called. */
struct cf_job {
    void (*work)(cf_job *job); /* on any thread; touches only the job's own data */
    void (*done)(cf_job *job); /* on the owner's thread, from `deliver` */
    size_t memory;             /* bytes that `work` needs; waits until the budget has them */
    bool alone;                /* it may never end, and is run beside all others, in no budget */
    bool dropped;              /* seen by `done`: the pool ended before `work` was called */
    cf_job *next;              /* the pool's, or its line's */
    cf_job_line *line;         /* the line's */
    void (*ended)(cf_job *job);
};

typedef struct cf_jobs cf_jobs;

enum { CF_JOBS_LEFT_MS = 1000 };
/* Of a pool that relieves its workers: at most so many times as it began with, so that seven disks
 * can hang with all of them. Those that run alone are threads beside these, one a job. */
enum { CF_JOBS_RELIEF_TIMES = 8 };

struct cf_jobs {
    void (*submit)(cf_jobs *jobs, cf_job *job);
    /* Calls `done` of what has finished; returns how many. Never blocks. */
    size_t (*deliver)(cf_jobs *jobs);
    /* Readable when there is something to deliver, for a poller; -1 in a world. */
    int (*descriptor)(cf_jobs *jobs);
    /* From any thread: the descriptor is readable until the next deliver. NULL: there are no other
     * threads. */
    void (*wake)(cf_jobs *jobs);
    /* Some work may be waiting for a disk that hangs: what of it was begun so long ago
     * keeps neither its worker nor its memory from others. Called again as long as that may be. */
    void (*relieve)(cf_jobs *jobs, uint64_t late_ms);
    /* Waits for what runs, then calls `done` of everything; what is submitted by those is dropped
     * at once. What runs alone is waited for only CF_JOBS_LEFT_MS: it is left behind then, and
     * its `done` never called. On the owner's thread. */
    void (*destroy)(cf_jobs *jobs);
};

/* A pool of `threads` workers with a memory budget in bytes. Jobs start in the order of submission:
 * one that waits for memory holds up those behind it, so that a large one gets its turn. A job that
 * needs more than the budget runs alone. */
cf_status cf_jobs_threads_new(size_t threads, size_t memory, cf_jobs **out, cf_error *error);
/* One thread, nothing parallel: `work` and `done` run inside deliver, in the order of submission,
 * or, with a seed other than 0, so many at a time, and in such an order, as are drawn from it. */
cf_jobs *cf_jobs_inline_new(uint64_t seed);
/* Of such a one: of what runs alone, that for which this is true does not answer as yet; NULL: all
 * does. */
typedef bool cf_job_hangs(void *context, cf_job *job);
void cf_jobs_inline_hang(cf_jobs *jobs, cf_job_hangs *is_hanging, void *context);
void cf_jobs_destroy(cf_jobs **jobs);
/* Waits until something has ended and delivers it: for an owner that can't go on before. */
void cf_jobs_await(cf_jobs *jobs);

/* Jobs that may wait for one disk: of them few are under way at once, the others in line. When it
 * hangs, all that the pool has would hang with it, those too that take the place of workers which
 * wait. All zero at first; of the owner's thread; outlives its jobs. */
struct cf_job_line {
    size_t begun, count; /* submitted to the pool; with those in line */
    cf_job *first, *last;
    size_t most; /* under way; changes when it likes */
    cf_jobs *jobs;
};
void cf_job_line_submit(cf_job_line *line, cf_jobs *jobs, size_t most, cf_job *job);

#endif
