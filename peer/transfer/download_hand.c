/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_hand.h"

static size_t find(const cf_hand *hand, const cf_hash *blob)
{
    size_t i = 0;

    while (i < hand->count && !cf_hash_equal(&hand->at[i].blob, blob))
        i++;
    return i;
}

bool cf_hand_take(cf_hand *hand, const cf_hash *blob, uint64_t size, cf_transfer_rank rank)
{
    if (!cf_in_hand_has_room(&hand->in_hand, rank, size) || find(hand, blob) < hand->count)
        return false;
    hand->at[hand->count].blob = *blob;
    hand->at[hand->count].size = size;
    hand->at[hand->count++].rank = rank;
    cf_in_hand_take(&hand->in_hand, rank, size);
    return true;
}

void cf_hand_resize(cf_hand *hand, const cf_hash *blob, uint64_t size)
{
    size_t i = find(hand, blob);

    cf_in_hand_drop(&hand->in_hand, hand->at[i].rank, hand->at[i].size);
    cf_in_hand_take(&hand->in_hand, hand->at[i].rank, size);
    hand->at[i].size = size;
}

void cf_hand_drop(cf_hand *hand, const cf_hash *blob)
{
    size_t i = find(hand, blob);

    cf_in_hand_drop(&hand->in_hand, hand->at[i].rank, hand->at[i].size);
    hand->at[i] = hand->at[--hand->count];
}
