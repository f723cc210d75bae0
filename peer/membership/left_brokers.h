/* SPDX-License-Identifier: Apache-2.0 */
/* Brokers that the user has left with this device, and of which it has not brought yet what they
 * alone may have. Kept in the home, so that it is tried again until it is done or given up. */
#ifndef CF_PEER_MEMBERSHIP_LEFT_BROKERS_H
#define CF_PEER_MEMBERSHIP_LEFT_BROKERS_H
#include "codec/address.h"
#include "peer/log/home.h"

enum { CF_LEFT_BROKERS_MAX = 8 }; /* beyond that the first ones are given up */

typedef struct {
    struct {
        cf_address broker;
        char trouble[CF_ERROR_TEXT]; /* of the last try; "": there was none yet */
    } at[CF_LEFT_BROKERS_MAX];
    size_t count;
} cf_left_brokers;

cf_status cf_left_brokers_read(cf_home *home, cf_left_brokers *out, cf_error *error);
/* NULL when there is nothing to bring from this broker (any more). */
const char *cf_left_brokers_trouble(const cf_left_brokers *left, const cf_address *broker);

/* Each is durable at return. */
cf_status cf_left_brokers_note(cf_home *home, const cf_address *broker, cf_error *error);
/* It could not be done; `why` is not empty. */
cf_status cf_left_brokers_tried(cf_home *home, const cf_address *broker, const char *why,
                                cf_error *error);
/* It is done, or the user is there again. */
cf_status cf_left_brokers_settle(cf_home *home, const cf_address *broker, cf_error *error);
cf_status cf_left_brokers_give_up(cf_home *home, cf_error *error);

#endif
