/* SPDX-License-Identifier: Apache-2.0 */
/* What the loop's own files share: the waiting (loop.c), the connections to brokers, and the engine
 * that is opened, fails and is opened again. */
#ifndef CF_PEER_PROGRAM_LOOP_INSIDE_H
#define CF_PEER_PROGRAM_LOOP_INSIDE_H
#include "peer/program/callers.h"
#include "peer/account/move_notices.h"
#include "peer/program/loop.h"
#include "peer/program/mount_news.h"
#include "peer/program/network_manager.h"
#include "peer/program/network_news.h"
#include "peer/program/verb.h"
#include "peer/program/watchdog.h"

#include <czmq.h>

struct cf_loop {
    cf_loop_options options;
    zloop_t *zloop;
    cf_jobs *jobs;
    int signals;
    cf_watchdog *watchdog;
    cf_network_news news;
    cf_mount_news *mounts;       /* where it serves; NULL: this machine tells nothing of them */
    cf_network_manager *network; /* while the engine wants to know of it */
    uint64_t hastened_ms;        /* when news last made the engine try, */
    uint64_t haste_ms;           /* and when they are to do so again; 0: there are none */
    cf_file *serving;            /* the lock of the one process that serves the home, or waits to */
    cf_error waiting;            /* CF_LOCKED and who has the home that is waited for; or CF_OK */
    uint64_t waiting_since_ms;
    bool is_waiting_told;
    cf_error failure; /* why a wait for the home ended without it */
    cf_home *home;
    cf_engine *engine;
    cf_error trouble; /* why there is no engine */
    unsigned failures;
    uint64_t reopen_ms;         /* 0: there is an engine, or none is wanted */
    cf_connection *link;        /* the engine's */
    uint64_t broker_number;     /* of the broker that it goes to */
    uint64_t told_number;       /* of the other addresses that it knows */
    cf_move_notices *notices;   /* NULL: none goes out */
    int watched;                /* descriptor of the engine's watch; -1: none */
    cf_connection *connections; /* all of them */
    cf_connections lent;        /* how others make one */
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

/* Makes this the one process that serves the home, and lets it wait for the home. CF_LOCKED when
 * another serves it. */
cf_status cf_loop_begin_waiting(cf_loop *loop, cf_error *error);
/* Tries to open the home that is waited for, and the engine: when both are there, `waiting` is
 * CF_OK. False when that failed for another reason than that the home is in use. */
bool cf_loop_try_home(cf_loop *loop, uint64_t *deadline_ms);

/* Fills in `lent`. */
void cf_loop_lend_connections(cf_loop *loop);
/* The engine's link comes and goes with the broker that is set. */
void cf_loop_connect_engine(cf_loop *loop);
/* Notices of a move go out when something has a connection. Returns when to call again. */
uint64_t cf_loop_step_notices(cf_loop *loop);
/* What a tick told the engine or a run is theirs to go on with. Returns when to call again. */
uint64_t cf_loop_wake_connections(cf_loop *loop);
/* That this machine's addresses have changed. */
void cf_loop_tell_connections(cf_loop *loop);

/* False when the run in hand can't go on. */
bool cf_loop_step_engine(cf_loop *loop, uint64_t *deadline_ms);

#endif
