/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/hash_set.h"

#include "codec/bytes.h"

#include <stdlib.h>

static size_t place_of(const cf_hash_set *set, const cf_hash *hash)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cf_hash_compare(&set->hashes[middle], hash) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const cf_hash_set *set, size_t place, const cf_hash *hash)
{
    return place < set->count && cf_hash_equal(&set->hashes[place], hash);
}

bool cf_hash_set_contains(const cf_hash_set *set, const cf_hash *hash)
{
    return is_at(set, place_of(set, hash), hash);
}

bool cf_hash_set_insert(cf_hash_set *set, const cf_hash *hash)
{
    size_t place = place_of(set, hash);

    if (is_at(set, place, hash))
        return false;
    set->hashes = cf_grow(set->hashes, &set->capacity, set->count + 1, sizeof *set->hashes);
    memmove(&set->hashes[place + 1], &set->hashes[place],
            (set->count - place) * sizeof *set->hashes);
    set->hashes[place] = *hash;
    set->count++;
    return true;
}

void cf_hash_set_remove(cf_hash_set *set, const cf_hash *hash)
{
    size_t place = place_of(set, hash);

    if (!is_at(set, place, hash))
        return;
    set->count--;
    memmove(&set->hashes[place], &set->hashes[place + 1],
            (set->count - place) * sizeof *set->hashes);
}

void cf_hash_set_release(cf_hash_set *set)
{
    free(set->hashes);
    *set = (cf_hash_set){0};
}
