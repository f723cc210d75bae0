/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/loop.h"

#include "broker/jobs.h"
#include "broker/link_zmq.h"
#include "codec/limits.h"
#include "peer/callers.h"
#include "peer/verb.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    JOB_THREADS = 16,
    REOPEN_MS = 1000,
    REOPEN_MS_MAX = 60000,
};
#define JOB_MEMORY ((size_t)(136 * CF_MIB))

struct cf_connection {
    cf_link *link;
    cf_link_zmq *zmq;
    cf_connection *next;
};

struct cf_loop {
    cf_loop_options options;
    zloop_t *zloop;
    cf_jobs *jobs;
    int signals;
    cf_home *home;
    cf_engine *engine;
    cf_error trouble; /* why there is no engine */
    unsigned failures;
    uint64_t reopen_ms;         /* 0: there is an engine, or none is wanted */
    cf_connection *link;        /* the engine's */
    int watched;                /* descriptor of the engine's watch; -1: none */
    cf_connection *connections; /* all of them */
    struct cf_run *run;
    cf_callers *callers;
    bool is_over;
    int signal; /* that came; 0: none */
    int timer;  /* -1: none */
    uint64_t timer_ms;
};

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
    unblock_signals();
    cf_loop_wake(loop);
    return 0;
}

/* ---- What comes ---- */

static int on_something(zloop_t *zloop, zmq_pollitem_t *item, void *context)
{
    (void)zloop;
    (void)item;
    cf_loop_wake(context);
    return 0;
}

/* Jobs are delivered when everything goes on; till then their descriptor stays readable, which the
 * timer of now makes no matter. */
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

static int on_callers(zloop_t *zloop, zmq_pollitem_t *item, void *context)
{
    cf_loop *loop = context;

    (void)zloop;
    (void)item;
    cf_callers_readable(loop->callers);
    cf_loop_wake(loop);
    return 0;
}

static void poll_descriptor(cf_loop *loop, int descriptor, zloop_fn *handler)
{
    zmq_pollitem_t item = {.fd = descriptor, .events = ZMQ_POLLIN};

    zloop_poller(loop->zloop, &item, handler, loop);
    zloop_poller_set_tolerant(loop->zloop, &item);
}

static void poll_no_more(cf_loop *loop, int descriptor)
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

/* ---- Connections ---- */

static void came(void *context)
{
    cf_loop_wake(context);
}

cf_connection *cf_loop_connect(cf_loop *loop, const cf_connection_options *options)
{
    cf_connection *connection = cf_allocate(1, sizeof *connection);

    connection->link = options->link;
    connection->zmq = cf_link_zmq_new(&(cf_link_zmq_options){.env = loop->options.env,
                                                             .loop = loop->zloop,
                                                             .link = options->link,
                                                             .address = options->address,
                                                             .curve_public = options->curve_public,
                                                             .curve_secret = options->curve_secret,
                                                             .came = came,
                                                             .context = loop});
    connection->next = loop->connections;
    loop->connections = connection;
    cf_loop_wake(loop);
    return connection;
}

void cf_loop_disconnect(cf_loop *loop, cf_connection **connection)
{
    if (!*connection)
        return;
    cf_connection **at = &loop->connections;
    while (*at != *connection)
        at = &(*at)->next;
    *at = (*connection)->next;
    cf_link_zmq_destroy(&(*connection)->zmq);
    free(*connection);
    *connection = NULL;
}

static cf_status read_address(cf_loop *loop, cf_address *out, cf_error *error)
{
    cf_buffer line = {0};

    cf_status status = cf_home_get(loop->home, CF_HOME_BROKER, &line, error);
    cf_buffer_append(&line, "", 1);
    if (!status)
        status = cf_address_read((const char *)line.data, out, error);
    cf_buffer_release(&line);
    return status;
}

/* The engine's link, which comes and goes with the broker that is set. */
static void connect_engine(cf_loop *loop)
{
    cf_link *link = loop->engine && loop->run->verb->connects ? cf_engine_link(loop->engine) : NULL;
    cf_address address;
    cf_error error;

    if (loop->link && loop->link->link != link)
        cf_loop_disconnect(loop, &loop->link);
    if (!link || loop->link)
        return;
    if (read_address(loop, &address, &error)) {
        cf_report(loop->options.env, CF_REPORT_ERROR, "the broker's address: %s", error.text);
        return;
    }
    const cf_keys *keys = cf_engine_peer(loop->engine)->keys;
    loop->link =
        cf_loop_connect(loop, &(cf_connection_options){.link = link,
                                                       .address = &address,
                                                       .curve_public = cf_keys_public(keys)->curve,
                                                       .curve_secret = cf_keys_curve_secret(keys)});
}

/* What a tick told the engine or a run is theirs to go on with. */
static void wake_connections(cf_loop *loop)
{
    for (cf_connection *at = loop->connections; at; at = at->next) {
        uint64_t session = cf_link_session(at->link);
        bool connected = cf_link_is_connected(at->link);

        cf_link_zmq_wake(at->zmq);
        if (session != cf_link_session(at->link) || connected != cf_link_is_connected(at->link))
            cf_loop_wake(loop);
    }
}

/* ---- Home and engine ---- */

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
    loop->zloop = zloop_new();
    zloop_set_nonstop(loop->zloop, true);
    loop->timer = loop->watched = -1;
    fill_signals(&set);
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    poll_descriptor(loop, loop->signals, on_signal);
    poll_descriptor(loop, jobs->descriptor(jobs), on_something);
    *out = loop;
    return CF_OK;
}

void cf_loop_destroy(cf_loop **loop)
{
    if (!*loop)
        return;
    cf_callers_destroy(&(*loop)->callers);
    cf_loop_close_engine(*loop, NULL);
    cf_home_close(&(*loop)->home);
    cf_jobs_destroy(&(*loop)->jobs);
    (*loop)->options.env->jobs = NULL;
    close((*loop)->signals);
    zloop_destroy(&(*loop)->zloop);
    free(*loop);
    *loop = NULL;
}

cf_status cf_loop_open_home(cf_loop *loop, cf_error *error)
{
    return cf_home_open(
        &(cf_home_options){.env = loop->options.env, .path = loop->options.home_path}, &loop->home,
        error);
}

cf_status cf_loop_open_engine(cf_loop *loop, cf_error *error)
{
    cf_engine_options options = {loop->options.env, loop->home, loop->options.serves};

    cf_status status = cf_engine_open(&options, cf_loop_now(loop), &loop->engine, error);
    if (status)
        return status;
    loop->reopen_ms = 0;
    if (cf_engine_watch(loop->engine)) {
        loop->watched = cf_watch_descriptor(cf_engine_watch(loop->engine));
        poll_descriptor(loop, loop->watched, on_watch);
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
    cf_loop_disconnect(loop, &loop->link);
    if (loop->watched >= 0)
        poll_no_more(loop, loop->watched);
    loop->watched = -1;
    cf_engine_close(&loop->engine);
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

/* ---- Going on ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* False when the run in hand can't go on. */
static bool step_engine(cf_loop *loop, uint64_t *deadline_ms)
{
    uint64_t engine_ms = UINT64_MAX;
    cf_error error;

    if (loop->reopen_ms && cf_loop_now(loop) >= loop->reopen_ms)
        reopen(loop);
    if (loop->engine) {
        cf_status status = cf_engine_step(loop->engine, cf_loop_now(loop), &engine_ms, &error);

        if (status && !loop->options.serves) {
            cf_run_fail(loop->run, &error);
            return false;
        }
        if (status)
            engine_failed(loop, &error);
        else if (loop->failures && !loop->trouble.status && engine_ms > cf_loop_now(loop))
            loop->failures = 0;
    }
    *deadline_ms = earlier(*deadline_ms, loop->engine ? engine_ms : UINT64_MAX);
    if (loop->reopen_ms)
        *deadline_ms = earlier(*deadline_ms, loop->reopen_ms);
    return true;
}

static void pump(cf_loop *loop)
{
    uint64_t deadline_ms = UINT64_MAX, run_ms = UINT64_MAX;

    loop->jobs->deliver(loop->jobs);
    loop->is_over = loop->is_over || loop->signal || !step_engine(loop, &deadline_ms);
    if (loop->is_over)
        return;
    connect_engine(loop);
    wake_connections(loop);
    loop->is_over = cf_run_step(loop->run, &run_ms);
    deadline_ms = earlier(deadline_ms, run_ms);
    if (loop->callers)
        deadline_ms = earlier(deadline_ms, cf_callers_step(loop->callers));
    wake_connections(loop);
    arm(loop, deadline_ms);
}

static cf_status prepare(cf_loop *loop, cf_error *error)
{
    cf_verb_needs needs = loop->run->verb->needs;
    cf_status status = CF_OK;

    if (needs >= CF_NEEDS_HOME)
        status = cf_loop_open_home(loop, error);
    if (!status && needs >= CF_NEEDS_PEER)
        status = cf_loop_open_engine(loop, error);
    if (!status && loop->options.serves) {
        status = cf_callers_new(loop, &loop->callers, error);
        if (!status)
            poll_descriptor(loop, cf_callers_descriptor(loop->callers), on_callers);
    }
    return status;
}

cf_status cf_loop_execute(cf_loop *loop, struct cf_run *run, cf_error *error)
{
    loop->run = run;
    run->loop = loop;
    cf_status status = prepare(loop, error);
    if (status)
        return status;
    if (!cf_run_start(run)) {
        cf_loop_wake(loop);
        zloop_start(loop->zloop);
    }
    cf_run_end(run);
    if (loop->signal && run->verb->needs != CF_NEEDS_ALL)
        run->exit_code = 128 + loop->signal;
    return CF_OK;
}

/* ---- For verbs ---- */

const cf_env *cf_loop_env(const cf_loop *loop)
{
    return loop->options.env;
}

uint64_t cf_loop_now(const cf_loop *loop)
{
    return loop->options.env->now_ms(loop->options.env->context);
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
