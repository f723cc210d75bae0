/* SPDX-License-Identifier: Apache-2.0 */
/* A lookup: the addresses that an endpoint's host has now. Of a name they are asked of the system,
 * in a job: that may take half a minute where no name server answers. On its owner's thread. */
#ifndef CF_BROKER_LINK_LOOKUP_H
#define CF_BROKER_LINK_LOOKUP_H
#include <sys/socket.h>

#include "broker/link/race.h"
#include "broker/platform/jobs.h"
#include "codec/address.h"

typedef struct {
    struct sockaddr_storage address;
    char endpoint[CF_ADDRESS_TEXT]; /* as tcp://192.0.2.1:7817 */
} cf_found_address;

/* In the order in which they are to be tried; none: `why` says it. */
typedef struct {
    cf_found_address addresses[CF_RACE_MAX];
    size_t count;
    char why[128];
} cf_found;

typedef struct cf_lookup cf_lookup;

/* Of a tcp://HOST:PORT. Without `jobs` a name has no address. */
cf_lookup *cf_lookup_begin(cf_jobs *jobs, const char *endpoint);
/* Whatever was found is not wanted any more. */
void cf_lookup_destroy(cf_lookup **lookup);
const char *cf_lookup_endpoint(const cf_lookup *lookup);
/* NULL: it goes on. Borrowed. */
const cf_found *cf_lookup_found(const cf_lookup *lookup);

#endif
