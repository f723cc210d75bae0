/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CF_BROKER_PLATFORM_COROUTINE_INSIDE_H
#define CF_BROKER_PLATFORM_COROUTINE_INSIDE_H
#include "broker/platform/coroutine.h"
#include "codec/bytes.h"

#include <pthread.h>

struct cf_coroutine {
    cf_job job; /* the first: a job is its coroutine */
    cf_coroutine_options options;
    pthread_mutex_t lock; /* guards all up to `turned` */
    bool is_lent;         /* the owner waits: what is his may be used */
    bool is_away;
    bool is_over;
    bool is_due;        /* the owner has waited for long enough, and goes on at the next call */
    uint64_t calls;     /* so many times it was away */
    uint64_t looked_at; /* the call that it was in when the owner had waited last */
    pthread_cond_t turned;
    bool hangs;             /* it was in that one already when he began to */
    cf_files files, *asked; /* cf_coroutine_files; NULL: nobody has asked for them */
};

#endif
