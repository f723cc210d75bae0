/* SPDX-License-Identifier: Apache-2.0 */
/* Where a broker is: the endpoint that it listens on, and the address that peers are told. */
#ifndef CF_BROKER_PROGRAM_ENDPOINT_H
#define CF_BROKER_PROGRAM_ENDPOINT_H
#include <stdbool.h>
#include <stddef.h>

#include "broker/platform/env.h"
#include "codec/address.h"

#define CF_DEFAULT_PORT 7817

enum {
    CF_LISTEN_MAX = 8,
    CF_LISTEN_ADDRESSES_MAX = 8, /* of one name; further ones are passed over */
    CF_LISTEN_ENDPOINTS_MAX = CF_LISTEN_MAX * CF_LISTEN_ADDRESSES_MAX,
};

/* A name stands for several addresses (localhost for 127.0.0.1 and ::1), of which this machine may
 * have some only: one of those that were given together is enough. */
typedef struct {
    char text[CF_ADDRESS_TEXT]; /* for ZeroMQ */
    size_t given;               /* of which --listen, from 0 on; ascending */
    bool is_of_name;            /* which may stand for others, too */
    bool is_open;               /* the system chooses the port, one for all of `given` */
} cf_endpoint;

/* `listen` may be empty, `advertise` NULL, and both leave out the port; what is not given is
 * derived: every address of this machine; of the first that is listened on its name or address, or
 * the host name; the port that is listened on. A name is looked up, an interface has an address. */
typedef struct {
    cf_endpoint endpoints[CF_LISTEN_ENDPOINTS_MAX];
    size_t count;
    cf_address advertised; /* without the key; port 0: the one that the system will choose */
} cf_endpoints;

/* A name without a dot is known in one house at most; it is told wherever it is printed. */
bool cf_endpoint_is_bare(const char *host);
#define CF_ENDPOINT_BARE_FORMAT                                                                    \
    "the address names this machine %s, and devices elsewhere may not know that name: say with "   \
    "--advertise how they reach it"

/* What can be said of either by itself, without asking the system: CF_USAGE. */
cf_status cf_endpoint_check_listen(const char *text, cf_error *error);
cf_status cf_endpoint_check_advertise(const char *text, cf_error *error);

/* CF_USAGE names the option, and what is wrong. Waits for the system's resolver. */
cf_status cf_endpoints_find(const char *const listen[CF_LISTEN_MAX], const char *advertise,
                            cf_endpoints *out, cf_error *error);

/* Listens on all of it for a moment, to know before anything is made whether that works; fails as
 * cf_gateway_zmq_listen does. */
cf_status cf_endpoints_try(const cf_endpoints *place, cf_error *error);

/* Says where every address of this machine is less than was asked for: its kernel has no IPv6. What
 * was given address by address is listened on as it is, or not at all. */
void cf_endpoints_tell(const cf_endpoints *place, const cf_env *env);

#endif
