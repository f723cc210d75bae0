/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that entries name, that once were here, and that are not any more: files that were lost
 * while the log was not. Noted as wanted, they are asked of the devices like those that never came.
 */
#ifndef CF_BROKER_UPKEEP_MISSING_H
#define CF_BROKER_UPKEEP_MISSING_H
#include "broker/blobs/blobs.h"
#include "broker/gateway/quotas.h"
#include "broker/gateway/users.h"

#include <stdatomic.h>

typedef struct {
    cf_hash user, blob;
} cf_missing_blob;

/* How many of a user's are missing, were asked of the devices, and did not come. */
typedef struct {
    cf_hash user;
    uint64_t count;
} cf_missing_owed;

typedef struct {
    cf_missing_blob *list;
    size_t count, capacity;
    cf_missing_owed *owed; /* of users of whom there are any */
    size_t owed_count, owed_capacity;
} cf_missing; /* {0} is empty */

/* Reads all logs; from any thread. Those that are wanted already are only counted. */
cf_status cf_missing_find(cf_store *store, cf_blobs *blobs, cf_missing *out, cf_error *error);
/* The same of one user, until it `stops`. */
cf_status cf_missing_find_of(cf_store *store, cf_blobs *blobs, const cf_hash *user,
                             const atomic_bool *stops, cf_missing *out, cf_error *error);
/* Those that are missing still are wanted from now on, and stay in the list: each session that
 * begins is told. `quotas` may be NULL. */
void cf_missing_note(cf_users *users, cf_quotas *quotas, cf_blobs *blobs, cf_missing *missing);
/* For cf_missing_contains. */
void cf_missing_sort(cf_missing *missing);
bool cf_missing_contains(const cf_missing *missing, const cf_hash *user, const cf_hash *blob);
void cf_missing_release(cf_missing *missing);

#endif
