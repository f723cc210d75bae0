/* SPDX-License-Identifier: Apache-2.0 */
/* Where a broker is: the endpoint that it listens on, and the address that peers are told. */
#ifndef CF_BROKER_PLACE_H
#define CF_BROKER_PLACE_H
#include "codec/address.h"

#define CF_DEFAULT_PORT 7817

/* `listen` and `advertise` may be NULL, and leave out the port; what is not given is derived: every
 * address of this machine, its host name, the port that is listened on. */
typedef struct {
    char endpoint[CF_ADDRESS_TEXT]; /* for ZeroMQ */
    cf_address advertised;          /* with the key; port 0: the one that the system will choose */
} cf_place;
cf_status cf_place_find(const char *listen, const char *advertise, const uint8_t key[32],
                        cf_place *out, cf_error *error);

#endif
