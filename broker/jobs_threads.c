/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/jobs.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "codec/bytes.h"

typedef struct {
    cf_job *first;
    cf_job **end;
} queue;

typedef struct {
    cf_jobs jobs;
    pthread_mutex_t lock; /* guards all that follows up to `wake` */
    queue waiting, finished;
    size_t memory_left;
    bool ending;
    pthread_cond_t wake;
    size_t memory;
    int event;
    size_t thread_count;
    pthread_t threads[];
} pool;

static void queue_add(queue *line, cf_job *job)
{
    job->next = NULL;
    if (!line->first)
        line->end = &line->first;
    *line->end = job;
    line->end = &job->next;
}

static cf_job *queue_take(queue *line)
{
    cf_job *job = line->first;

    if (job)
        line->first = job->next;
    return job;
}

static size_t need_of(const pool *self, const cf_job *job)
{
    return job->memory < self->memory ? job->memory : self->memory;
}

static void submit(cf_jobs *jobs, cf_job *job)
{
    pool *self = (pool *)jobs;

    job->dropped = false;
    pthread_mutex_lock(&self->lock);
    queue_add(&self->waiting, job);
    pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
}

static void announce(pool *self)
{
    uint64_t one = 1;

    while (write(self->event, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static bool can_start(const pool *self)
{
    return self->waiting.first && need_of(self, self->waiting.first) <= self->memory_left;
}

/* Whoever takes a job wakes one more worker if the next one can start too, so each that can is
 * taken, and nobody wakes for nothing. */
static void run_next(pool *self)
{
    cf_job *job = queue_take(&self->waiting);
    size_t need = need_of(self, job);

    self->memory_left -= need;
    if (can_start(self))
        pthread_cond_signal(&self->wake);
    pthread_mutex_unlock(&self->lock);
    job->work(job);
    pthread_mutex_lock(&self->lock);
    self->memory_left += need;
    bool first = !self->finished.first;
    queue_add(&self->finished, job);
    if (first)
        announce(self);
}

static void *worker(void *argument)
{
    pool *self = argument;

    pthread_mutex_lock(&self->lock);
    while (!self->ending) {
        if (can_start(self))
            run_next(self);
        else
            pthread_cond_wait(&self->wake, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* The event is set as long as there is something finished: both change under the lock. */
static cf_job *take_finished(pool *self)
{
    uint64_t ignored;

    pthread_mutex_lock(&self->lock);
    cf_job *job = self->finished.first;
    self->finished.first = NULL;
    while (job && read(self->event, &ignored, sizeof ignored) < 0 && errno == EINTR)
        ;
    pthread_mutex_unlock(&self->lock);
    return job;
}

static size_t deliver(cf_jobs *jobs)
{
    cf_job *job = take_finished((pool *)jobs);
    size_t count = 0;

    while (job) {
        cf_job *next = job->next;

        job->done(job);
        job = next;
        count++;
    }
    return count;
}

static int descriptor(cf_jobs *jobs)
{
    return ((pool *)jobs)->event;
}

static void end_threads(pool *self)
{
    pthread_mutex_lock(&self->lock);
    self->ending = true;
    pthread_cond_broadcast(&self->wake);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < self->thread_count; i++)
        pthread_join(self->threads[i], NULL);
}

static void destroy(cf_jobs *jobs)
{
    pool *self = (pool *)jobs;
    cf_job *job;

    end_threads(self);
    deliver(jobs);
    while ((job = queue_take(&self->waiting))) {
        job->dropped = true;
        job->done(job);
    }
    close(self->event);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* Signals are the main thread's: workers take none. */
static int start_threads(pool *self, size_t threads)
{
    sigset_t all, before;
    int number = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (self->thread_count < threads && number == 0) {
        number = pthread_create(&self->threads[self->thread_count], NULL, worker, self);
        self->thread_count += number == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

cf_status cf_jobs_threads_new(size_t threads, size_t memory, cf_jobs **out, cf_error *error)
{
    assert(threads > 0 && memory > 0);
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return cf_fail_errno(error, errno, "making an event descriptor");
    pool *self = cf_allocate(1, sizeof *self + threads * sizeof self->threads[0]);
    self->jobs = (cf_jobs){submit, deliver, descriptor, destroy};
    self->memory = self->memory_left = memory;
    self->event = event;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, NULL);
    int number = start_threads(self, threads);
    if (number) {
        destroy(&self->jobs);
        return cf_fail_errno(error, number, "starting threads");
    }
    *out = &self->jobs;
    return CF_OK;
}

void cf_jobs_destroy(cf_jobs **jobs)
{
    if (jobs && *jobs)
        (*jobs)->destroy(*jobs);
    if (jobs)
        *jobs = NULL;
}
