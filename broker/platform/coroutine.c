/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/coroutine_inside.h"

#include <stdlib.h>
#include <time.h>

#define NO_CALL UINT64_MAX

static void wait_ms(cf_coroutine *self, unsigned ms)
{
    enum { NS_A_MS = 1000000, NS_A_SECOND = 1000000000 };
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * NS_A_MS;
    until.tv_sec += until.tv_nsec / NS_A_SECOND;
    until.tv_nsec %= NS_A_SECOND;
    pthread_cond_timedwait(&self->turned, &self->lock, &until);
}

void cf_coroutine_leave(cf_coroutine *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_away = true;
    self->calls++;
    pthread_mutex_unlock(&self->lock);
}

void cf_coroutine_enter(cf_coroutine *self)
{
    cf_jobs *jobs = self->options.jobs;

    pthread_mutex_lock(&self->lock);
    self->is_away = false;
    if (!self->is_lent && jobs->wake)
        jobs->wake(jobs);
    while (!self->is_lent && jobs->wake)
        pthread_cond_wait(&self->turned, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

/* It is in the same call as at the last look, which takes long. */
static bool is_stuck(const cf_coroutine *self)
{
    return self->is_away && self->calls == self->looked_at;
}

bool cf_coroutine_resume(cf_coroutine *self, unsigned patience_ms)
{
    pthread_mutex_lock(&self->lock);
    self->is_lent = true;
    pthread_cond_broadcast(&self->turned);
    while (self->options.jobs->wake && !self->is_over &&
           (patience_ms == CF_COROUTINE_FOREVER || !is_stuck(self))) {
        self->looked_at = self->is_away ? self->calls : NO_CALL;
        wait_ms(self, patience_ms);
    }
    self->is_lent = false;
    const bool is_over = self->is_over;
    pthread_mutex_unlock(&self->lock);
    return is_over;
}

static void work(cf_job *job)
{
    cf_coroutine *self = (cf_coroutine *)job;

    if (self->is_over)
        return; /* a world may call it twice */
    cf_coroutine_enter(self);
    self->options.run(self->options.context);
    pthread_mutex_lock(&self->lock);
    self->is_over = true;
    pthread_cond_broadcast(&self->turned);
    pthread_mutex_unlock(&self->lock);
}

static void done(cf_job *job)
{
    cf_coroutine *self = (cf_coroutine *)job;

    self->options.ended(self->options.context);
}

/* What is waited for is so by a clock that nobody sets. */
static void make_condition(pthread_cond_t *out)
{
    pthread_condattr_t of;

    pthread_condattr_init(&of);
    pthread_condattr_setclock(&of, CLOCK_MONOTONIC);
    pthread_cond_init(out, &of);
    pthread_condattr_destroy(&of);
}

cf_coroutine *cf_coroutine_new(const cf_coroutine_options *options)
{
    cf_coroutine *self = cf_allocate(1, sizeof *self);

    self->job = (cf_job){.work = work, .done = done, .alone = true};
    self->options = *options;
    self->is_away = true; /* it has not begun */
    self->looked_at = NO_CALL;
    pthread_mutex_init(&self->lock, NULL);
    make_condition(&self->turned);
    return self;
}

cf_job *cf_coroutine_job(cf_coroutine *self)
{
    return &self->job;
}

void cf_coroutine_destroy(cf_coroutine **self)
{
    if (!*self)
        return;
    pthread_cond_destroy(&(*self)->turned);
    pthread_mutex_destroy(&(*self)->lock);
    free(*self);
    *self = NULL;
}
