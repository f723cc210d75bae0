/* SPDX-License-Identifier: Apache-2.0 */
/* The running broker: one loop with the gateway's door, the deliveries of store and blobs, the
 * control socket and the signals that end it. */
#ifndef CF_BROKER_PROGRAM_SERVE_H
#define CF_BROKER_PROGRAM_SERVE_H
#include "broker/door/allowances.h"
#include "broker/platform/env.h"
#include "codec/address.h"

/* What may be decided anew while it runs. */
typedef struct {
    cf_allowances allowances;
    uint64_t quota; /* in bytes, of each who is invited without; 0: none */
    bool closed;    /* takes no new users */
} cf_serve_terms;

typedef struct {
    const cf_env *env;
    const char *data;
    const char *const *listen; /* CF_LISTEN_MAX, see broker/program/endpoint.h */
    const char *advertise;     /* NULL: derived */
    cf_serve_terms terms;
    bool existing; /* never makes a broker: CF_MISSING */
    /* At SIGHUP: the terms as they are to be from now on. */
    cf_status (*reread)(void *context, cf_serve_terms *terms, cf_error *error);
    /* It is ready: the broker's line. */
    void (*ready)(void *context, const char *address);
    void *context;
} cf_serve_options;

/* What is advertised: what is given, or else what `init` was given, which comes into `kept`. NULL:
 * neither, or that is damaged. */
const char *cf_serve_advertise(const cf_env *env, const char *data, const char *given,
                               char kept[CF_ADDRESS_TEXT]);

/* Returns CF_OK after SIGTERM or SIGINT, which, as SIGHUP, must be blocked in every thread.
 * CF_LOCKED: another has the directory. */
cf_status cf_serve(const cf_serve_options *options, cf_error *error);

#endif
