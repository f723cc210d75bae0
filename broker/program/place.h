/* SPDX-License-Identifier: Apache-2.0 */
/* Where a broker is: the endpoint that it listens on, and the address that peers are told. */
#ifndef CF_BROKER_PROGRAM_PLACE_H
#define CF_BROKER_PROGRAM_PLACE_H
#include <stdbool.h>
#include <stddef.h>

#include "codec/address.h"

#define CF_DEFAULT_PORT 7817

enum { CF_LISTEN_MAX = 8 };

/* `listen` may be empty, `advertise` NULL, and both leave out the port; what is not given is
 * derived: every address of this machine; of the first that is listened on its name or address, or
 * the host name; the port that is listened on. A name is looked up, an interface has an address. */
typedef struct {
    char endpoints[CF_LISTEN_MAX][CF_ADDRESS_TEXT]; /* for ZeroMQ */
    size_t count;
    cf_address advertised; /* without the key; port 0: the one that the system will choose */
    bool is_guess;         /* a host name alone, which peers may not know */
} cf_place;

/* What can be said of either by itself, without asking the system: CF_USAGE. */
cf_status cf_place_check_listen(const char *text, cf_error *error);
cf_status cf_place_check_advertise(const char *text, cf_error *error);

/* CF_USAGE names the option, and what is wrong. Waits for the system's resolver. */
cf_status cf_place_find(const char *const listen[CF_LISTEN_MAX], const char *advertise,
                        cf_place *out, cf_error *error);

#endif
