/* SPDX-License-Identifier: Apache-2.0 */
/* Linear probing (Knuth, The Art of Computer Programming 3, 6.4, algorithms L and R): a hash stands
 * in the first slot that was free from its home on. At least half of the slots are free. */
#include "broker/platform/hash_set.h"

#include "codec/bytes.h"
#include "codec/hash_table.h"

#include <stdlib.h>

enum { SLOTS_MIN = 16 }; /* a power of two, as each number of slots */

static size_t home_of(const cf_hash_set *set, const cf_hash *hash)
{
    return cf_hash_hash(hash) & (set->slot_count - 1);
}

static size_t next_slot(const cf_hash_set *set, size_t slot)
{
    return (slot + 1) & (set->slot_count - 1);
}

/* Its slot, or the free one that it would have. */
static size_t slot_of(const cf_hash_set *set, const cf_hash *hash)
{
    size_t slot = home_of(set, hash);

    while (set->slots[slot] && !cf_hash_equal(&set->hashes[set->slots[slot] - 1], hash))
        slot = next_slot(set, slot);
    return slot;
}

static void double_slots(cf_hash_set *set)
{
    free(set->slots);
    set->slot_count = set->slot_count ? 2 * set->slot_count : SLOTS_MIN;
    set->slots = cf_allocate(set->slot_count, sizeof *set->slots);
    for (size_t i = 0; i < set->count; i++)
        set->slots[slot_of(set, &set->hashes[i])] = (uint32_t)(i + 1);
}

bool cf_hash_set_contains(const cf_hash_set *set, const cf_hash *hash)
{
    return set->count && set->slots[slot_of(set, hash)];
}

bool cf_hash_set_insert(cf_hash_set *set, const cf_hash *hash)
{
    if (cf_hash_set_contains(set, hash))
        return false;
    if (2 * (set->count + 1) > set->slot_count)
        double_slots(set);
    const size_t slot = slot_of(set, hash);
    *cf_one_more(set->hashes, set->count, set->capacity) = *hash;
    set->slots[slot] = (uint32_t)set->count;
    return true;
}

/* Those behind it whose home is not behind it come nearer to their homes. */
static void free_slot(cf_hash_set *set, size_t slot)
{
    const size_t mask = set->slot_count - 1;
    size_t hole = slot;

    for (size_t at = next_slot(set, slot); set->slots[at]; at = next_slot(set, at)) {
        const size_t home = home_of(set, &set->hashes[set->slots[at] - 1]);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            set->slots[hole] = set->slots[at];
            hole = at;
        }
    }
    set->slots[hole] = 0;
}

void cf_hash_set_remove(cf_hash_set *set, const cf_hash *hash)
{
    if (!cf_hash_set_contains(set, hash))
        return;
    const size_t slot = slot_of(set, hash);
    const uint32_t number = set->slots[slot];
    free_slot(set, slot);
    if (number < set->count) {
        const cf_hash *last = &set->hashes[set->count - 1];

        set->slots[slot_of(set, last)] = number;
        set->hashes[number - 1] = *last;
    }
    set->count--;
}

void cf_hash_set_release(cf_hash_set *set)
{
    free(set->hashes);
    free(set->slots);
    *set = (cf_hash_set){0};
}
