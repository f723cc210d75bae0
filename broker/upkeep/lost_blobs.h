/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that entries name, that once were here, and that are not any more: files that were lost
 * while the log was not. Noted as wanted, they are asked of the devices like those that never came.
 */
#ifndef CF_BROKER_UPKEEP_LOST_BLOBS_H
#define CF_BROKER_UPKEEP_LOST_BLOBS_H
#include "broker/blobs/blobs.h"
#include "broker/gateway/users.h"
#include "broker/management/quotas.h"

#include <stdatomic.h>

typedef struct {
    cf_hash user, blob;
} cf_lost_blob;

/* How many of a user's are missing, were asked of the devices, and did not come. */
typedef struct {
    cf_hash user;
    uint64_t count;
} cf_lost_blobs_owed;

typedef struct {
    cf_lost_blob *list;
    size_t count, capacity;
    cf_lost_blobs_owed *owed; /* of users of whom there are any */
    size_t owed_count, owed_capacity;
} cf_lost_blobs; /* {0} is empty */

/* Reads all logs; from any thread. Those that are wanted already are only counted. */
cf_status cf_lost_blobs_find(cf_store *store, cf_blobs *blobs, cf_lost_blobs *out, cf_error *error);
/* The same of one user, until it `stops`. */
cf_status cf_lost_blobs_find_of(cf_store *store, cf_blobs *blobs, const cf_hash *user,
                                const atomic_bool *stops, cf_lost_blobs *out, cf_error *error);
/* Those that are missing still are wanted from now on, and stay in the list: each session that
 * begins is told. `quotas` may be NULL. */
void cf_lost_blobs_note(cf_users *users, cf_quotas *quotas, cf_blobs *blobs,
                        cf_lost_blobs *missing);
/* For cf_lost_blobs_contains. */
void cf_lost_blobs_sort(cf_lost_blobs *missing);
bool cf_lost_blobs_contains(const cf_lost_blobs *missing, const cf_hash *user, const cf_hash *blob);
void cf_lost_blobs_release(cf_lost_blobs *missing);

#endif
