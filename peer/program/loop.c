/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/loop_inside.h"

#include "broker/platform/jobs.h"
#include "codec/deadlines.h"
#include "codec/limits.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    JOB_THREADS = 16,
    HASTE_MS = 1000, /* between tries that news makes */
};
#define JOB_MEMORY ((size_t)(136 * CF_MIB))

/* ---- Signals ---- */

static void fill_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

static void block_signals(void)
{
    sigset_t set;

    fill_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void stop_at_once(int number)
{
    _exit(128 + number);
}

/* From now on a signal ends the process, wherever it is. */
static void unblock_signals(void)
{
    sigset_t set;

    signal(SIGINT, stop_at_once);
    signal(SIGTERM, stop_at_once);
    fill_signals(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int on_signal(zloop_t *zloop, zmq_pollitem_t *item, void *context)
{
    cf_loop *loop = context;
    struct signalfd_siginfo information;

    (void)zloop;
    (void)item;
    if (read(loop->signals, &information, sizeof information) != sizeof information)
        return 0;
    loop->signal = (int)information.ssi_signo;
    loop->run->stopping = true;
    cf_watchdog_note(loop->watchdog, 128 + loop->signal);
    unblock_signals();
    cf_loop_wake(loop);
    return 0;
}

/* ---- What comes ---- */

/* Jobs are delivered when everything goes on; till then their descriptor stays readable, which the
 * timer of now makes no matter. */
static int on_something(zloop_t *zloop, zmq_pollitem_t *item, void *context)
{
    (void)zloop;
    (void)item;
    cf_loop_wake(context);
    return 0;
}

static int on_news(zloop_t *zloop, zmq_pollitem_t *item, void *context)
{
    cf_loop *loop = context;
    (void)zloop;
    (void)item;
    if (!cf_network_news_take(&loop->news))
        return 0;
    if (!loop->haste_ms)
        loop->haste_ms = loop->hastened_ms + HASTE_MS;
    cf_loop_wake(loop);
    return 0;
}

/* An address comes first, and then the route without which it leads nowhere: the second is no less
 * news than the first. Returns when to call again. */
static uint64_t hasten(cf_loop *loop)
{
    const uint64_t now_ms = cf_loop_now(loop);

    if (!loop->haste_ms || !loop->engine)
        return UINT64_MAX;
    if (now_ms < loop->haste_ms)
        return loop->haste_ms;
    loop->haste_ms = 0;
    loop->hastened_ms = now_ms;
    cf_report(loop->options.env, CF_REPORT_DETAIL, "the network or the clock has changed");
    cf_loop_tell_connections(loop);
    cf_engine_check(loop->engine);
    return UINT64_MAX;
}

static void mounted(void *context, const char *place)
{
    cf_loop *loop = context;

    if (loop->engine)
        cf_engine_mounted(loop->engine, place);
}

static int on_mounts(zloop_t *zloop, zmq_pollitem_t *item, void *context)
{
    cf_loop *loop = context;

    (void)zloop;
    (void)item;
    cf_mount_news_take(loop->mounts, mounted, loop);
    cf_loop_wake(loop);
    return 0;
}

static int on_callers(zloop_t *zloop, zmq_pollitem_t *item, void *context)
{
    cf_loop *loop = context;

    (void)zloop;
    (void)item;
    cf_callers_readable(loop->callers);
    cf_loop_wake(loop);
    return 0;
}

void cf_loop_poll(cf_loop *loop, int descriptor, zloop_fn *handler)
{
    zmq_pollitem_t item = {.fd = descriptor, .events = ZMQ_POLLIN};

    zloop_poller(loop->zloop, &item, handler, loop);
    zloop_poller_set_tolerant(loop->zloop, &item);
}

void cf_loop_poll_no_more(cf_loop *loop, int descriptor)
{
    zmq_pollitem_t item = {.fd = descriptor, .events = ZMQ_POLLIN};

    zloop_poller_end(loop->zloop, &item);
}

static void pump(cf_loop *loop);

static int on_timer(zloop_t *zloop, int timer, void *context)
{
    cf_loop *loop = context;

    (void)zloop;
    (void)timer;
    loop->timer = -1;
    pump(loop);
    return loop->is_over ? -1 : 0;
}

static void arm(cf_loop *loop, uint64_t at_ms)
{
    uint64_t now_ms = cf_loop_now(loop);

    if (at_ms == UINT64_MAX || (loop->timer >= 0 && loop->timer_ms <= at_ms))
        return;
    if (loop->timer >= 0)
        zloop_timer_end(loop->zloop, loop->timer);
    loop->timer_ms = at_ms;
    loop->timer =
        zloop_timer(loop->zloop, at_ms > now_ms ? (size_t)(at_ms - now_ms) : 0, 1, on_timer, loop);
}

void cf_loop_wake(cf_loop *loop)
{
    arm(loop, 0);
}

/* ---- Whether the network is metered ---- */

static void find_network(cf_loop *loop)
{
    loop->network = cf_network_manager_open(cf_network_manager_bus());
    if (loop->network)
        cf_loop_poll(loop, cf_network_manager_descriptor(loop->network), on_something);
    cf_engine_ask_network(loop->engine);
}

static void leave_network(cf_loop *loop)
{
    if (loop->network)
        cf_loop_poll_no_more(loop, cf_network_manager_descriptor(loop->network));
    cf_network_manager_close(&loop->network);
}

static void step_network(cf_loop *loop, uint64_t *deadline_ms)
{
    if (!loop->engine || !cf_engine_asks_network(loop->engine)) {
        leave_network(loop);
        return;
    }
    if (!loop->network)
        find_network(loop);
    cf_engine_network_is(
        loop->engine, loop->network
                          ? cf_network_manager_step(loop->network, cf_loop_now(loop), deadline_ms)
                          : CF_NETWORK_UNKNOWN);
}

/* ---- The loop itself ---- */

cf_status cf_loop_new(const cf_loop_options *options, cf_loop **out, cf_error *error)
{
    sigset_t set;
    cf_jobs *jobs;

    block_signals(); /* before there are threads */
    cf_status status = cf_jobs_threads_new(JOB_THREADS, JOB_MEMORY, &jobs, error);
    if (status)
        return status;
    zsys_handler_set(NULL);
    cf_loop *loop = cf_allocate(1, sizeof *loop);
    loop->options = *options;
    loop->options.env->jobs = loop->jobs = jobs;
    cf_loop_lend_connections(loop);
    loop->zloop = zloop_new();
    zloop_set_nonstop(loop->zloop, true);
    loop->timer = loop->watched = -1;
    fill_signals(&set);
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    status = cf_watchdog_start(loop->signals, &loop->watchdog, error);
    if (status) {
        close(loop->signals);
        zloop_destroy(&loop->zloop);
        cf_jobs_destroy(&loop->jobs);
        loop->options.env->jobs = NULL;
        free(loop);
        return status;
    }
    cf_loop_poll(loop, loop->signals, on_signal);
    cf_loop_poll(loop, jobs->descriptor(jobs), on_something);
    loop->news = cf_network_news_open();
    if (loop->news.routes >= 0)
        cf_loop_poll(loop, loop->news.routes, on_news);
    if (loop->news.clock >= 0)
        cf_loop_poll(loop, loop->news.clock, on_news);
    loop->mounts = options->serves ? cf_mount_news_open() : NULL;
    if (loop->mounts)
        cf_loop_poll(loop, cf_mount_news_descriptor(loop->mounts), on_mounts);
    *out = loop;
    return CF_OK;
}

void cf_loop_destroy(cf_loop **loop)
{
    if (!*loop)
        return;
    cf_callers_destroy(&(*loop)->callers);
    cf_loop_close_engine(*loop, NULL);
    leave_network(*loop);
    cf_home_close(&(*loop)->home);
    (*loop)->options.env->files->close_file((*loop)->options.env->files, &(*loop)->serving);
    cf_jobs_destroy(&(*loop)->jobs);
    (*loop)->options.env->jobs = NULL;
    cf_watchdog_stop(&(*loop)->watchdog);
    close((*loop)->signals);
    zloop_destroy(&(*loop)->zloop);
    cf_network_news_close(&(*loop)->news);
    cf_mount_news_close(&(*loop)->mounts);
    free(*loop);
    *loop = NULL;
}

/* ---- Going on ---- */

/* Callers wait with this process for the home, each for its own time. */
static void pump_waiting(cf_loop *loop)
{
    uint64_t deadline_ms = UINT64_MAX;

    loop->is_over = loop->signal || !cf_loop_try_home(loop, &deadline_ms);
    if (loop->is_over) {
        cf_callers_end_all(loop->callers, NULL,
                           loop->failure.status ? &loop->failure : &loop->waiting);
        cf_callers_readable(loop->callers); /* their answers go out */
    } else if (loop->waiting.status) {
        arm(loop, cf_deadline_earlier(deadline_ms, cf_callers_step(loop->callers)));
    } else {
        loop->is_run_over = cf_run_start(loop->run);
    }
}

static void pump(cf_loop *loop)
{
    uint64_t deadline_ms = UINT64_MAX, run_ms = UINT64_MAX;

    loop->jobs->deliver(loop->jobs);
    if (loop->waiting.status)
        pump_waiting(loop);
    if (loop->waiting.status || loop->is_over)
        return;
    step_network(loop, &deadline_ms);
    cf_deadline_lower(&deadline_ms, hasten(loop));
    loop->is_over = loop->is_over || loop->signal || !cf_loop_step_engine(loop, &deadline_ms);
    if (loop->is_over)
        return;
    cf_loop_connect_engine(loop);
    cf_loop_wake_connections(loop);
    loop->is_run_over = loop->is_run_over || cf_run_step(loop->run, &run_ms);
    cf_deadline_lower(&deadline_ms, run_ms);
    cf_deadline_lower(&deadline_ms, cf_loop_step_notices(loop));
    if (loop->callers)
        cf_deadline_lower(&deadline_ms, cf_callers_step(loop->callers));
    cf_deadline_lower(&deadline_ms, cf_loop_wake_connections(loop));
    if (loop->is_ending && loop->callers)
        cf_callers_readable(loop->callers); /* the last answer goes out */
    loop->is_over =
        loop->is_ending || (loop->is_run_over && !cf_move_notices_are_out(loop->notices));
    arm(loop, deadline_ms);
}

/* It listens before it has the home: so a verb that comes then goes the way of all verbs beside
 * `serve`, and doesn't take the home first. */
static cf_status prepare_serving(cf_loop *loop, cf_error *error)
{
    cf_status status = cf_loop_begin_waiting(loop, error);
    if (!status)
        status = cf_callers_new(loop, loop->options.verbs, &loop->callers, error);
    if (!status)
        cf_loop_poll(loop, cf_callers_descriptor(loop->callers), on_callers);
    return status;
}

static cf_status prepare(cf_loop *loop, cf_error *error)
{
    cf_verb_needs needs = loop->run->verb->needs;
    cf_status status = CF_OK;

    if (needs >= CF_NEEDS_HOME)
        status = cf_loop_open_home(loop, error);
    if (!status && needs >= CF_NEEDS_PEER)
        status = cf_loop_open_engine(loop, error);
    return status;
}

cf_status cf_loop_execute(cf_loop *loop, struct cf_run *run, cf_error *error)
{
    loop->run = run;
    run->loop = loop;
    cf_status status = loop->options.serves ? prepare_serving(loop, error) : prepare(loop, error);
    if (status)
        return status;
    if (loop->options.serves || !cf_run_start(run)) {
        cf_loop_wake(loop);
        zloop_start(loop->zloop);
    }
    cf_run_end(run);
    if (loop->failure.status) {
        *error = loop->failure;
        return error->status;
    }
    if (loop->signal && run->verb->needs != CF_NEEDS_ALL)
        run->exit_code = 128 + loop->signal;
    /* What reads from a disk that hangs is not waited for. */
    if (loop->engine && cf_engine_is_any_silent(loop->engine)) {
        fflush(NULL);
        cf_watchdog_note(loop->watchdog, run->exit_code);
    }
    return CF_OK;
}

/* ---- For verbs ---- */

const cf_env *cf_loop_env(const cf_loop *loop)
{
    return loop->options.env;
}

uint64_t cf_loop_now(const cf_loop *loop)
{
    return cf_env_steady_ms(loop->options.env);
}

uint64_t cf_loop_time(const cf_loop *loop)
{
    return cf_env_now_ms(loop->options.env);
}

const char *cf_loop_home_path(const cf_loop *loop)
{
    return loop->options.home_path;
}

bool cf_loop_serves(const cf_loop *loop)
{
    return loop->options.serves;
}

cf_home *cf_loop_home(const cf_loop *loop)
{
    return loop->home;
}

cf_engine *cf_loop_engine(const cf_loop *loop)
{
    return loop->engine;
}

cf_peer *cf_loop_peer(const cf_loop *loop)
{
    return loop->engine ? cf_engine_peer(loop->engine) : NULL;
}

cf_status cf_loop_trouble(const cf_loop *loop, cf_error *error)
{
    if (loop->engine)
        return CF_OK;
    *error = loop->trouble;
    return loop->trouble.status ? loop->trouble.status
                                : cf_fail(error, CF_IO, "not ready: try again");
}
