/* SPDX-License-Identifier: Apache-2.0 */
/* What the loop's own files share: the waiting (loop.c), the connections to brokers, and the engine
 * that is opened, fails and is opened again. */
#ifndef CF_PEER_PROGRAM_LOOP_INSIDE_H
#define CF_PEER_PROGRAM_LOOP_INSIDE_H
#include "peer/program/callers.h"
#include "peer/account/heralds.h"
#include "peer/program/loop.h"
#include "peer/program/network_news.h"
#include "peer/program/verb.h"

#include <czmq.h>

struct cf_loop {
    cf_loop_options options;
    zloop_t *zloop;
    cf_jobs *jobs;
    int signals;
    cf_network_news news;
    uint64_t hastened_ms; /* when news last made the engine try */
    cf_home *home;
    cf_engine *engine;
    cf_error trouble; /* why there is no engine */
    unsigned failures;
    uint64_t reopen_ms;         /* 0: there is an engine, or none is wanted */
    cf_connection *link;        /* the engine's */
    uint64_t broker_number;     /* of the broker that it goes to */
    cf_heralds *heralds;        /* NULL: none goes out */
    int watched;                /* descriptor of the engine's watch; -1: none */
    cf_connection *connections; /* all of them */
    struct cf_run *run;
    cf_callers *callers;
    bool is_run_over;
    bool is_over;
    bool is_ending; /* after this turn */
    int signal;     /* that came; 0: none */
    int timer;      /* -1: none */
    uint64_t timer_ms;
};

void cf_loop_poll(cf_loop *loop, int descriptor, zloop_fn *handler);
void cf_loop_poll_no_more(cf_loop *loop, int descriptor);

/* The engine's link comes and goes with the broker that is set. */
void cf_loop_connect_engine(cf_loop *loop);
/* Heralds go out when something has a connection. Returns when to call again. */
uint64_t cf_loop_step_heralds(cf_loop *loop);
/* What a tick told the engine or a run is theirs to go on with. Returns when to call again. */
uint64_t cf_loop_wake_connections(cf_loop *loop);

/* False when the run in hand can't go on. */
bool cf_loop_step_engine(cf_loop *loop, uint64_t *deadline_ms);

static inline uint64_t cf_earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
