/* SPDX-License-Identifier: Apache-2.0 */
/* All of a log: how much that is, and a copy that is carried by hand. What fails ends the program.
 */
#ifndef CF_TESTS_WHOLE_LOG_H
#define CF_TESTS_WHOLE_LOG_H
#include "broker/store/store.h"
#include "peer/log/peer.h"

/* The sum of the sequence numbers of its heads: another one where something was appended. */
uint64_t whole_log_entries(cf_store *store, const cf_hash *user);

/* In the order of the store. */
typedef struct {
    cf_buffer *wires;
    size_t count, capacity;
} parcel; /* {0} is empty */
parcel parcel_of_log(cf_home *home, const cf_hash *user);
void parcel_release(parcel *self);
/* All at once. */
cf_status parcel_take(const parcel *self, cf_peer *to, cf_error *error);

#endif
