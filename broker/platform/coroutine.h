/* SPDX-License-Identifier: Apache-2.0 */
/* A coroutine: work of the owner's thread that calls what may not return for long, a disk that
 * hangs. It is a job, on a thread of its own, and still uses what is the owner's: it runs only
 * while the owner waits for it in cf_coroutine_resume. What it does between cf_coroutine_leave and
 * cf_coroutine_enter, a system call, goes on beside the owner and touches nothing of his.
 *
 *     owner      resume: waits . . . . . . . does other things . . . . . resume: waits
 *     coroutine    runs, leave, a call that takes long . . wakes him . . . enter, runs
 *
 * Where jobs have no threads (cf_jobs_inline_new) it runs as they do, without a break. */
#ifndef CF_BROKER_PLATFORM_COROUTINE_H
#define CF_BROKER_PLATFORM_COROUTINE_H
#include "broker/platform/files.h"
#include "broker/platform/jobs.h"

typedef struct cf_coroutine cf_coroutine;

/* `run` is its work, `ended` is called once that is over, as `done` of a job is; both with the
 * context. `jobs` is to run it. */
typedef struct {
    cf_jobs *jobs;
    void (*run)(void *context);
    void (*ended)(void *context);
    void *context;
} cf_coroutine_options;

cf_coroutine *cf_coroutine_new(const cf_coroutine_options *options);
/* To be submitted by the caller, once. */
cf_job *cf_coroutine_job(cf_coroutine *coroutine);
/* After `ended` was called. */
void cf_coroutine_destroy(cf_coroutine **coroutine);

#define CF_COROUTINE_FOREVER UINT32_MAX

/* Waits while it runs, for patience_ms and until it is away, however short its calls are; of a call
 * for which he has waited so long no more. When that call returns, the descriptor of the owner's
 * jobs is readable: he is to resume it then. True: it is over, and `ended` will be called, or was.
 */
bool cf_coroutine_resume(cf_coroutine *coroutine, unsigned patience_ms);
/* When the owner had waited last, it was in the call in which it had been when he began to. */
bool cf_coroutine_hangs(const cf_coroutine *coroutine);

/* By the coroutine, around what may not return for long. */
void cf_coroutine_leave(cf_coroutine *coroutine);
void cf_coroutine_enter(cf_coroutine *coroutine);

/* `files` whose every call that asks a disk is made away from the owner. Who lists is called away,
 * too. Lives as long as the coroutine. */
cf_files *cf_coroutine_files(cf_coroutine *coroutine, cf_files *files);

#endif
