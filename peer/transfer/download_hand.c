/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_hand.h"

static size_t find(const cf_hand *hand, const cf_hash *blob)
{
    size_t i = 0;

    while (i < hand->count && !cf_hash_equal(&hand->at[i].blob, blob))
        i++;
    return i;
}

bool cf_hand_take(cf_hand *hand, const cf_hash *blob, uint64_t size)
{
    if (hand->count == CF_HAND_MAX || (hand->count && hand->bytes + size > CF_HAND_BYTES) ||
        find(hand, blob) < hand->count)
        return false;
    hand->at[hand->count].blob = *blob;
    hand->at[hand->count++].size = size;
    hand->bytes += size;
    return true;
}

void cf_hand_resize(cf_hand *hand, const cf_hash *blob, uint64_t size)
{
    size_t i = find(hand, blob);

    hand->bytes = hand->bytes - hand->at[i].size + size;
    hand->at[i].size = size;
}

void cf_hand_drop(cf_hand *hand, const cf_hash *blob)
{
    size_t i = find(hand, blob);

    hand->bytes -= hand->at[i].size;
    hand->at[i] = hand->at[--hand->count];
}
