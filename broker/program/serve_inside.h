/* SPDX-License-Identifier: Apache-2.0 */
/* What serve.c, serve_looks.c (what is due and looked at now and then) and serve_requests.c (what
 * is asked through the control socket) share. Nobody else includes this. */
#ifndef CF_BROKER_PROGRAM_SERVE_INSIDE_H
#define CF_BROKER_PROGRAM_SERVE_INSIDE_H
#include "broker/door/gateway_zmq.h"
#include "broker/management/authority.h"
#include "broker/platform/control.h"
#include "broker/platform/jobs.h"
#include "broker/program/serve.h"
#include "broker/program/verbs_users.h"
#include "broker/upkeep/search.h"
#include "broker/upkeep/sweep.h"

enum { CF_ERRAND_MEMORY = 1 << 20 };

typedef struct {
    const cf_serve_options *options;
    cf_serve_terms terms;
    cf_broker_data broker_data;
    char address[CF_ADDRESS_TEXT];
    cf_desk desk;
    cf_outbox *outbox;
    cf_gateway *gateway;
    cf_authority *authority;
    cf_gateway_zmq *door;
    cf_control *control;
    cf_jobs *jobs;
    cf_sweep *sweep;
    cf_search *search;
    size_t errands;            /* under way */
    struct errand *removals;   /* of them, those that wait for replays to end */
    struct errand *unfinished; /* removals that failed, and are tried again */
    uint64_t full_ms;          /* when a user was last refused for want of room, as it was seen */
    bool is_scarce;            /* room on the disk, as it was told */
    bool lacks_descriptors;    /* the same of them */
    bool store_fails;          /* writing to it, as it was told, */
    bool store_failed;         /* and nothing is written to it any more */
    bool is_damaged;           /* the store, as it was told */
    bool is_displaced;         /* the data directory is not at its path, as it was told */
    uint64_t blobs_inode;      /* of their folder, as it was last seen */
    bool lacks_blobs;          /* there is no folder of them now */
    uint64_t missed;           /* blobs that devices missed, which `status` doesn't know of yet, */
    uint64_t set_aside;        /* and that were damaged, as of the last look */
    size_t verifies;           /* errands that write what `status` knows */
    int64_t clock_offset_ms;   /* of the time of day, against what counts on */
    zloop_t *loop;
    int signals;         /* -1: none */
    uint32_t stopped_by; /* the signal; 0: it goes on */
} cf_broker;

/* Says when room on the disk becomes scarce, and when there is enough again. */
void cf_broker_look_at_room(cf_broker *self);
/* Says once what is damaged in the store: what is met when files are written anew nobody else
 * tells. */
void cf_broker_look_at_damage(cf_broker *self);
/* A timer of the loop, whose context is the broker: counts of the log, blobs that nothing names,
 * room, descriptors, the clock. */
int cf_broker_tick(zloop_t *loop, int timer, void *context);
/* The time of day minus the time since the machine was started: the same as long as nobody sets the
 * clock. */
int64_t cf_broker_clock_offset_ms(const cf_env *env);

/* Callbacks of the control socket; `context` is the broker. A verb that takes long goes on beside
 * the loop, also when its caller goes away. */
void cf_broker_request(void *context, cf_control_call *call, const cf_control_request *request);
void cf_broker_abandoned(void *context, cf_control_call *call);
/* Waits for those under way; those that have not begun are given up. */
void cf_broker_finish_errands(cf_broker *self);

#endif
