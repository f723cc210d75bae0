/* SPDX-License-Identifier: Apache-2.0 */
/* A set of hashes: what is asked of it costs the same however many there are, and whoever chose
 * them. Plain data. */
#ifndef CF_BROKER_PLATFORM_HASH_SET_H
#define CF_BROKER_PLATFORM_HASH_SET_H
#include "codec/ids.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    cf_hash *hashes; /* in the order in which they came, but for the last, which takes the place of
                        one that is removed */
    size_t count, capacity;
    uint32_t *slots; /* an open-addressed table of their numbers, from 1 on; 0: free */
    size_t slot_count;
} cf_hash_set; /* {0} is empty */

bool cf_hash_set_contains(const cf_hash_set *set, const cf_hash *hash);
/* False when it was there. */
bool cf_hash_set_insert(cf_hash_set *set, const cf_hash *hash);
void cf_hash_set_remove(cf_hash_set *set, const cf_hash *hash);
void cf_hash_set_release(cf_hash_set *set);

#endif
