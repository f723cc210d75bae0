/* SPDX-License-Identifier: Apache-2.0 */
/* A set of hashes. Plain data. */
#ifndef CF_BROKER_PLATFORM_HASH_SET_H
#define CF_BROKER_PLATFORM_HASH_SET_H
#include "codec/ids.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    cf_hash *hashes; /* ascending */
    size_t count, capacity;
} cf_hash_set; /* {0} is empty */

bool cf_hash_set_contains(const cf_hash_set *set, const cf_hash *hash);
/* False when it was there. */
bool cf_hash_set_insert(cf_hash_set *set, const cf_hash *hash);
void cf_hash_set_remove(cf_hash_set *set, const cf_hash *hash);
void cf_hash_set_release(cf_hash_set *set);

#endif
