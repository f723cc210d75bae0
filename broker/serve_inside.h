/* SPDX-License-Identifier: Apache-2.0 */
/* What serve.c and serve_requests.c (what is asked through the control socket) share. Nobody else
 * includes this. */
#ifndef CF_BROKER_SERVE_INSIDE_H
#define CF_BROKER_SERVE_INSIDE_H
#include "broker/control.h"
#include "broker/gateway_zmq.h"
#include "broker/jobs.h"
#include "broker/serve.h"
#include "broker/sweep.h"
#include "broker/verbs_users.h"

enum { CF_ERRAND_MEMORY = 1 << 20 };

typedef struct {
    const cf_serve_options *options;
    cf_restraints restraints;
    cf_premises premises;
    char address[CF_ADDRESS_TEXT];
    cf_desk desk;
    cf_outbox *outbox;
    cf_gateway *gateway;
    cf_gateway_zmq *door;
    cf_control *control;
    cf_jobs *jobs;
    cf_sweep *sweep;
    size_t errands;            /* under way */
    struct errand *removals;   /* of them, those that wait for replays to end */
    struct errand *unfinished; /* removals that failed, and are tried again */
    zloop_t *loop;
    int signals; /* -1: none */
    bool stops;
} cf_broker;

/* Callbacks of the control socket; `context` is the broker. A verb that takes long goes on beside
 * the loop, also when its caller goes away. */
void cf_broker_request(void *context, cf_control_call *call, const cf_control_request *request);
void cf_broker_abandoned(void *context, cf_control_call *call);
/* Waits for those under way; those that have not begun are given up. */
void cf_broker_finish_errands(cf_broker *self);

#endif
