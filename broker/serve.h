/* SPDX-License-Identifier: Apache-2.0 */
/* The running broker: one loop with the gateway's door, the deliveries of store and blobs, the
 * control socket and the signals that end it. */
#ifndef CF_BROKER_SERVE_H
#define CF_BROKER_SERVE_H
#include "broker/restraints.h"
#include "broker/env.h"

typedef struct {
    const cf_env *env;
    const char *data;
    const char *listen;    /* NULL: the default */
    const char *advertise; /* NULL: derived */
    cf_restraints restraints;
    bool closed; /* takes no new users */
    /* It is ready: the broker's line. */
    void (*ready)(void *context, const char *address);
    void *context;
} cf_serve_options;

/* Returns CF_OK after SIGTERM or SIGINT, which must be blocked in every thread. CF_LOCKED: another
 * has the directory. */
cf_status cf_serve(const cf_serve_options *options, cf_error *error);

#endif
