/* SPDX-License-Identifier: Apache-2.0 */
/* What items are called where a broker keeps their locks: a keyed hash that tells it nothing,
 * computed once for each. codec/PROTOCOL.md, "Keys and sealing". */
#ifndef CF_PEER_LOCKS_LOCK_NAMES_H
#define CF_PEER_LOCKS_LOCK_NAMES_H
#include "codec/ring.h"

typedef struct cf_lock_names cf_lock_names;

/* The ring is borrowed. */
cf_lock_names *cf_lock_names_new(const cf_ring *ring);
void cf_lock_names_destroy(cf_lock_names **names);

/* CF_MISSING while the key of the first epoch isn't known. */
cf_status cf_lock_names_find(cf_lock_names *names, const cf_id *collection, const cf_id *item,
                             cf_id *out, cf_error *error);

#endif
