/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs in threads, see jobs.h: workers take jobs in the order in which they came, as long as there
 * is memory for the next one; what runs alone has a thread of its own. `work` runs there, `done` in
 * the owner's thread, in deliver() or at the end. */
#include "broker/platform/jobs.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "codec/bytes.h"

typedef struct {
    cf_job *first;
    cf_job **end;
} queue;

struct pool;

typedef struct {
    struct pool *pool;
    pthread_t thread;
    uint64_t began_ms; /* the job that it is in; 0: none */
    size_t need;       /* of that job */
    bool is_late;      /* and others took its place */
} worker;

typedef struct pool {
    cf_jobs jobs;
    pthread_mutex_t lock; /* guards all that follows up to `wake` */
    queue waiting, finished;
    size_t memory_left;
    bool ending;
    bool is_over;  /* nobody takes what ends any more */
    bool is_woken; /* the owner, though nothing may have finished */
    size_t alone;  /* jobs that run so */
    size_t workers_late;
    pthread_cond_t calm; /* none runs alone any more */
    pthread_cond_t wake;
    size_t memory;
    int event;
    size_t asked, count, most; /* workers: wanted, there are, there may be */
    size_t busy;               /* of them, in a job */
    worker workers[];
} pool;

static uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

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

static void announce(pool *self)
{
    uint64_t one = 1;

    while (write(self->event, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* With the lock. */
static void finish(pool *self, cf_job *job)
{
    bool first = !self->finished.first;

    queue_add(&self->finished, job);
    if (first && !self->is_woken)
        announce(self);
}

static bool can_start(const pool *self)
{
    return self->waiting.first && need_of(self, self->waiting.first) <= self->memory_left;
}

static void call_worker(pool *self);

/* Whoever takes a job calls one more worker if the next one can start too, so each that can is
 * taken, and nobody wakes for nothing. */
static void run_next(pool *self, worker *me)
{
    cf_job *job = queue_take(&self->waiting);
    size_t need = need_of(self, job);

    self->busy++;
    self->memory_left -= need;
    me->need = need;
    me->began_ms = clock_ms();
    if (can_start(self))
        call_worker(self);
    pthread_mutex_unlock(&self->lock);
    job->work(job);
    pthread_mutex_lock(&self->lock);
    if (!me->is_late)
        self->memory_left += need;
    self->workers_late -= me->is_late;
    me->is_late = false;
    me->began_ms = 0;
    self->busy--;
    finish(self, job);
}

static void *work_on(void *argument)
{
    worker *me = argument;
    pool *self = me->pool;

    pthread_mutex_lock(&self->lock);
    while (!self->ending) {
        if (can_start(self))
            run_next(self, me);
        else
            pthread_cond_wait(&self->wake, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* Signals are the main thread's: others take none. */
static int start_thread(pthread_t *out, void *(*run)(void *), void *argument)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(out, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

static int start_worker(pool *self)
{
    worker *one = &self->workers[self->count];

    one->pool = self;
    int number = start_thread(&one->thread, work_on, one);
    self->count += number == 0;
    return number;
}

/* With the lock: one that rests, or another one as long as fewer are there than are wanted, those
 * aside that wait for a disk. A process of one verb needs few of them, or none. */
static void call_worker(pool *self)
{
    if (self->busy < self->count || self->count - self->workers_late >= self->asked ||
        self->count == self->most || start_worker(self))
        pthread_cond_signal(&self->wake);
}

/* ---- Alone ---- */

typedef struct {
    pool *pool;
    cf_job *job;
} single;

static void *run_alone(void *argument)
{
    single own = *(single *)argument;

    free(argument);
    own.job->work(own.job);
    pthread_mutex_lock(&own.pool->lock);
    if (!own.pool->is_over)
        finish(own.pool, own.job);
    if (--own.pool->alone == 0)
        pthread_cond_signal(&own.pool->calm);
    pthread_mutex_unlock(&own.pool->lock);
    return NULL;
}

/* With the lock. */
static bool start_alone(pool *self, cf_job *job)
{
    single *own = cf_allocate(1, sizeof *own);
    pthread_t thread;

    *own = (single){self, job};
    if (self->ending || start_thread(&thread, run_alone, own)) {
        free(own);
        return false;
    }
    pthread_detach(thread);
    self->alone++;
    return true;
}

static void submit(cf_jobs *jobs, cf_job *job)
{
    pool *self = (pool *)jobs;

    job->dropped = false;
    pthread_mutex_lock(&self->lock);
    if (!job->alone || !start_alone(self, job)) {
        queue_add(&self->waiting, job);
        call_worker(self);
    }
    pthread_mutex_unlock(&self->lock);
}

/* ---- In the place of those that wait for a disk ---- */

static void find_late(pool *self, uint64_t now_ms, uint64_t late_ms)
{
    for (size_t i = 0; i < self->count; i++) {
        worker *one = &self->workers[i];

        if (!one->began_ms || one->is_late || now_ms - one->began_ms < late_ms)
            continue;
        one->is_late = true;
        self->workers_late++;
        self->memory_left += one->need;
    }
}

static void relieve(cf_jobs *jobs, uint64_t late_ms)
{
    pool *self = (pool *)jobs;

    pthread_mutex_lock(&self->lock);
    find_late(self, clock_ms(), late_ms);
    if (can_start(self))
        call_worker(self);
    pthread_mutex_unlock(&self->lock);
}

/* ---- What has ended ---- */

static void wake(cf_jobs *jobs)
{
    pool *self = (pool *)jobs;

    pthread_mutex_lock(&self->lock);
    if (!self->finished.first && !self->is_woken)
        announce(self);
    self->is_woken = true;
    pthread_mutex_unlock(&self->lock);
}

/* The event is set as long as there is something finished, or somebody woke the owner: all change
 * under the lock. */
static cf_job *take_finished(pool *self)
{
    uint64_t ignored;

    pthread_mutex_lock(&self->lock);
    cf_job *job = self->finished.first;
    const bool is_set = job || self->is_woken;
    self->finished.first = NULL;
    self->is_woken = false;
    while (is_set && read(self->event, &ignored, sizeof ignored) < 0 && errno == EINTR)
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
    for (size_t i = 0; i < self->count; i++)
        pthread_join(self->workers[i].thread, NULL);
}

/* False: one is left behind, and with it what it will touch when it ends. */
static bool await_alone(pool *self)
{
    struct timespec until;
    int number = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CF_JOBS_LEFT_MS / 1000;
    pthread_mutex_lock(&self->lock);
    while (self->alone && number == 0)
        number = pthread_cond_timedwait(&self->calm, &self->lock, &until);
    bool all = self->alone == 0;
    self->is_over = true;
    pthread_mutex_unlock(&self->lock);
    return all;
}

static void destroy(cf_jobs *jobs)
{
    pool *self = (pool *)jobs;
    cf_job *job;

    end_threads(self);
    bool all = await_alone(self);
    deliver(jobs);
    while ((job = queue_take(&self->waiting))) {
        job->dropped = true;
        job->done(job);
    }
    if (!all)
        return;
    close(self->event);
    pthread_cond_destroy(&self->calm);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

/* One, so that there is somebody whatever the system refuses later. */
static int start_first(pool *self)
{
    pthread_mutex_lock(&self->lock);
    int number = start_worker(self);
    pthread_mutex_unlock(&self->lock);
    return number;
}

/* What is waited for is so by a clock that nobody sets. */
static void make_calm(pool *self)
{
    pthread_condattr_t of;

    pthread_condattr_init(&of);
    pthread_condattr_setclock(&of, CLOCK_MONOTONIC);
    pthread_cond_init(&self->calm, &of);
    pthread_condattr_destroy(&of);
}

cf_status cf_jobs_threads_new(size_t threads, size_t memory, cf_jobs **out, cf_error *error)
{
    assert(threads > 0 && memory > 0);
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return cf_fail_errno(error, errno, "making an event descriptor");
    const size_t most = threads * CF_JOBS_RELIEF_TIMES;
    pool *self = cf_allocate(1, sizeof *self + most * sizeof self->workers[0]);
    self->jobs = (cf_jobs){submit, deliver, descriptor, wake, relieve, destroy};
    self->asked = threads;
    self->most = most;
    self->memory = self->memory_left = memory;
    self->event = event;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->wake, NULL);
    make_calm(self);
    int number = start_first(self);
    if (number) {
        destroy(&self->jobs);
        return cf_fail_errno(error, number, "starting a thread");
    }
    *out = &self->jobs;
    return CF_OK;
}
