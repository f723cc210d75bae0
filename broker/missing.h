/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that entries name, that once were here, and that are not any more: files that were lost
 * while the log was not. Noted as wanted, they are asked of the devices like those that never came.
 */
#ifndef CF_BROKER_MISSING_H
#define CF_BROKER_MISSING_H
#include "broker/blobs.h"
#include "broker/users.h"

typedef struct {
    cf_hash user, blob;
} cf_missing_blob;

typedef struct {
    cf_missing_blob *list;
    size_t count, capacity;
} cf_missing; /* {0} is empty */

/* Reads all logs; from any thread. Those that are wanted already are passed over. */
cf_status cf_missing_find(cf_store *store, cf_blobs *blobs, cf_missing *out, cf_error *error);
/* Those that are missing still are wanted from now on; each session that begins is told. */
void cf_missing_note(cf_users *users, cf_blobs *blobs, const cf_missing *missing);
void cf_missing_release(cf_missing *missing);

#endif
