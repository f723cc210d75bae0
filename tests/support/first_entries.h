/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that are just born: of a user whom a broker is to know, or let in by an owner. */
#ifndef CF_TESTS_FIRST_ENTRIES_H
#define CF_TESTS_FIRST_ENTRIES_H
#include "broker/gateway/users.h"
#include "peer/log/birth.h"
#include "peer/log/peer.h"
#include "tests/support/faulty_disk.h"

/* The broker's users take all that the home has of its user's log. */
cf_status first_entries_bring(cf_home *home, cf_users *users, cf_store *store, cf_error *error);

/* Keys are drawn from the new device's environment; its owner lets it in as a member, at `now_ms`
 * by the owner's clock, and it is born. What fails ends the program. */
void first_entries_admit(cf_peer *owner, uint64_t now_ms, const cf_birth *birth);

/* Opens a home whose store is in memory, on a disk that may fail. What fails ends the program. */
cf_home *faulty_home(const cf_env *env, const char *path, cf_store_memory_disk *disk,
                     disk_faults *faults);

#endif
