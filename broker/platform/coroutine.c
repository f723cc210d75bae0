/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/coroutine_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define NO_CALL UINT64_MAX

static struct timespec time_in(unsigned ms)
{
    enum { NS_A_MS = 1000000, NS_A_SECOND = 1000000000 };
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * NS_A_MS;
    at.tv_sec += at.tv_nsec / NS_A_SECOND;
    at.tv_nsec %= NS_A_SECOND;
    return at;
}

void cf_coroutine_leave(cf_coroutine *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_away = true;
    self->calls++;
    if (self->is_due)
        pthread_cond_broadcast(&self->turned);
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

/* He has waited for this call. */
static bool is_looked_at(const cf_coroutine *self)
{
    return self->is_away && self->calls == self->looked_at;
}

/* Until it is over, or the time has come and it is away, or it still is where it was. */
static void wait_for(cf_coroutine *self, unsigned patience_ms)
{
    const bool forever = patience_ms == CF_COROUTINE_FOREVER;
    const struct timespec until = time_in(forever ? 0 : patience_ms);

    self->is_due = false;
    while (!self->is_over &&
           (forever || !(self->is_away && (self->is_due || is_looked_at(self))))) {
        if (forever || self->is_due)
            pthread_cond_wait(&self->turned, &self->lock);
        else
            self->is_due = pthread_cond_timedwait(&self->turned, &self->lock, &until) == ETIMEDOUT;
    }
    self->is_due = false;
}

bool cf_coroutine_resume(cf_coroutine *self, unsigned patience_ms)
{
    pthread_mutex_lock(&self->lock);
    const uint64_t at_first = self->is_away ? self->calls : NO_CALL;
    self->is_lent = true;
    pthread_cond_broadcast(&self->turned);
    if (self->options.jobs->wake)
        wait_for(self, patience_ms);
    self->looked_at = self->is_away ? self->calls : NO_CALL;
    self->hangs = self->looked_at != NO_CALL && self->looked_at == at_first;
    self->is_lent = false;
    const bool is_over = self->is_over;
    pthread_mutex_unlock(&self->lock);
    return is_over;
}

bool cf_coroutine_hangs(const cf_coroutine *self)
{
    return self->hangs;
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
