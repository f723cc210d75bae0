/* SPDX-License-Identifier: Apache-2.0 */
/* The home and the engine of a loop. Where another process has the home, the loop waits; where the
 * engine fails, a process that serves closes it and opens it again, later each time, and a process
 * of one verb ends. */
#include "codec/deadlines.h"
#include "peer/program/loop_inside.h"

enum { REOPEN_MS = 1000, REOPEN_MS_MAX = 60000 };

static int on_watch(zloop_t *zloop, zmq_pollitem_t *item, void *context)
{
    cf_loop *loop = context;
    cf_error error;

    (void)zloop;
    (void)item;
    if (loop->engine && cf_watch_readable(cf_engine_watch(loop->engine), &error))
        cf_report(loop->options.env, CF_REPORT_WARNING, "%s", error.text);
    cf_loop_wake(loop);
    return 0;
}

cf_status cf_loop_open_home(cf_loop *loop, cf_error *error)
{
    return cf_home_open(
        &(cf_home_options){.env = loop->options.env,
                           .path = loop->options.home_path,
                           .doing = loop->run && loop->run->verb ? loop->run->verb->name : NULL},
        &loop->home, error);
}

/* ---- A home that another process has ---- */

enum { TRY_MS = 50, TELL_MS = 10000 };

cf_status cf_loop_begin_waiting(cf_loop *loop, cf_error *error)
{
    loop->waiting_since_ms = cf_loop_now(loop);
    cf_fail(&loop->waiting, CF_LOCKED, "%s is being opened", loop->options.home_path);
    return cf_home_lock_serving(loop->options.env, loop->options.home_path, &loop->serving, error);
}

static void tell_waiting(cf_loop *loop)
{
    if (loop->is_waiting_told || cf_loop_now(loop) < loop->waiting_since_ms + TELL_MS)
        return;
    loop->is_waiting_told = true;
    cf_report(loop->options.env, CF_REPORT_NOTICE, "waiting: %s", loop->waiting.text);
}

/* The patience; if it isn't, when to try again. */
static bool is_over(const cf_loop *loop, uint64_t *deadline_ms)
{
    const uint64_t now_ms = cf_loop_now(loop), patience_ms = loop->options.patience_ms,
                   end_ms = patience_ms > UINT64_MAX - loop->waiting_since_ms
                                ? UINT64_MAX
                                : loop->waiting_since_ms + patience_ms;

    *deadline_ms = cf_deadline_earlier(now_ms + TRY_MS, end_ms);
    return now_ms >= end_ms;
}

bool cf_loop_try_home(cf_loop *loop, uint64_t *deadline_ms)
{
    cf_status status = cf_loop_open_home(loop, &loop->waiting);

    if (status == CF_LOCKED && !is_over(loop, deadline_ms)) {
        tell_waiting(loop);
        return true;
    }
    if (status == CF_LOCKED)
        cf_run_waited(loop->options.patience_ms, &loop->waiting);
    if (!status)
        status = cf_loop_open_engine(loop, &loop->waiting);
    if (status)
        loop->failure = loop->waiting;
    loop->waiting = (cf_error){0};
    return !status;
}

cf_status cf_loop_waiting(const cf_loop *loop, cf_error *error)
{
    if (loop->waiting.status)
        *error = loop->waiting;
    return loop->waiting.status;
}

/* ---- The engine ---- */

cf_status cf_loop_open_engine(cf_loop *loop, cf_error *error)
{
    cf_engine_options options = {loop->options.env, loop->home, loop->options.serves};

    cf_status status = cf_engine_open(&options, cf_loop_time(loop), &loop->engine, error);
    if (status)
        return status;
    loop->reopen_ms = 0;
    if (cf_engine_watch(loop->engine)) {
        loop->watched = cf_watch_descriptor(cf_engine_watch(loop->engine));
        cf_loop_poll(loop, loop->watched, on_watch);
    }
    cf_loop_wake(loop);
    return CF_OK;
}

void cf_loop_close_engine(cf_loop *loop, const struct cf_run *survivor)
{
    cf_error error;

    if (!loop->engine)
        return;
    cf_fail(&error, CF_IO, "stopped, because the engine had to be closed: try again");
    if (loop->trouble.status)
        error = loop->trouble;
    if (loop->callers)
        cf_callers_end_all(loop->callers, survivor, &error);
    cf_move_notices_destroy(&loop->notices);
    cf_disconnect(&loop->lent, &loop->link);
    if (loop->watched >= 0)
        cf_loop_poll_no_more(loop, loop->watched);
    loop->watched = -1;
    cf_engine_close(&loop->engine);
}

cf_status cf_loop_wipe_home(cf_loop *loop, const struct cf_run *survivor, cf_error *error)
{
    cf_loop_close_engine(loop, survivor);
    loop->reopen_ms = 0;
    loop->is_ending = true;
    return cf_home_wipe(&loop->home, error);
}

static void engine_failed(cf_loop *loop, const cf_error *error)
{
    uint64_t delay_ms = (uint64_t)REOPEN_MS << (loop->failures < 6 ? loop->failures : 6);

    if (delay_ms > REOPEN_MS_MAX)
        delay_ms = REOPEN_MS_MAX;
    loop->failures++;
    loop->trouble = *error;
    cf_loop_close_engine(loop, NULL);
    loop->reopen_ms = cf_loop_now(loop) + delay_ms;
    cf_report(loop->options.env, CF_REPORT_ERROR, "%s; trying again in %u s", error->text,
              (unsigned)(delay_ms / 1000));
}

static void reopen(cf_loop *loop)
{
    cf_store *store = cf_home_store(loop->home);
    cf_error error;

    cf_status status = store->reopen(store, &error);
    if (!status)
        status = cf_loop_open_engine(loop, &error);
    if (status) {
        engine_failed(loop, &error);
        return;
    }
    loop->trouble = (cf_error){0};
    cf_report(loop->options.env, CF_REPORT_NOTICE, "going on");
}

bool cf_loop_step_engine(cf_loop *loop, uint64_t *deadline_ms)
{
    uint64_t engine_ms = UINT64_MAX;
    cf_error error;

    if (loop->reopen_ms && cf_loop_now(loop) >= loop->reopen_ms)
        reopen(loop);
    if (loop->engine) {
        const uint64_t now_ms = cf_loop_now(loop), time_ms = cf_loop_time(loop);
        cf_status status = cf_engine_step(loop->engine, time_ms, &engine_ms, &error);

        if (engine_ms != UINT64_MAX) /* said by the time of day */
            engine_ms = now_ms + (engine_ms > time_ms ? engine_ms - time_ms : 0);

        if (status && !loop->options.serves) {
            cf_run_fail(loop->run, &error);
            return false;
        }
        if (status)
            engine_failed(loop, &error);
        else if (loop->failures && !loop->trouble.status && engine_ms > cf_loop_now(loop))
            loop->failures = 0;
    }
    cf_deadline_lower(deadline_ms, loop->engine ? engine_ms : UINT64_MAX);
    if (loop->reopen_ms)
        cf_deadline_lower(deadline_ms, loop->reopen_ms);
    return true;
}
