/* SPDX-License-Identifier: Apache-2.0 */
/* There is room for one of each rank always, for few small ones of a rank beside any others, and
 * for more while all together stay within count and bytes. What has ended is told when it is a
 * sixteenth of what is still to come of its rank and those before. */
#include "peer/transfer/in_hand.h"

enum { TOLD_SHARE = 16 };

static size_t sum_of(const size_t counts[CF_RANKS])
{
    size_t sum = 0;

    for (size_t i = 0; i < CF_RANKS; i++)
        sum += counts[i];
    return sum;
}

/*     four pieces of 4 MiB of a film       16 MiB: no room for a fifth,
 *     one of 1 MiB of a photo beside       but for two of these,
 *     one of 100 KiB of a page beside      and for eight of these
 */
bool cf_in_hand_has_room(const cf_in_hand *hand, cf_transfer_rank rank, uint64_t size)
{
    uint64_t bytes = size;

    for (size_t i = 0; i < CF_RANKS; i++)
        bytes += hand->bytes[i];
    return hand->count[rank] == 0 ||
           (hand->count[rank] < CF_IN_HAND_OF_A_RANK &&
            hand->bytes[rank] + size <= CF_IN_HAND_BYTES_OF_A_RANK) ||
           (sum_of(hand->count) < CF_IN_HAND_COUNT && bytes <= CF_IN_HAND_BYTES);
}

void cf_in_hand_take(cf_in_hand *hand, cf_transfer_rank rank, uint64_t size)
{
    hand->count[rank]++;
    hand->bytes[rank] += size;
}

void cf_in_hand_drop(cf_in_hand *hand, cf_transfer_rank rank, uint64_t size)
{
    hand->count[rank]--;
    hand->bytes[rank] -= size;
}

bool cf_rank_has_place(const size_t counts[CF_RANKS], cf_transfer_rank rank, size_t most)
{
    return sum_of(counts) < most || counts[rank] < most / 2;
}

/*     60 films come, a page has ended      the page is told
 *     60 films come, a film has ended      it waits for three more
 */
bool cf_ranks_worth_telling(const size_t ended[CF_RANKS], const size_t coming[CF_RANKS])
{
    size_t told = 0, left = 0;

    for (size_t i = 0; i < CF_RANKS; i++) {
        told += ended[i];
        left += coming[i];
        if (ended[i] && told * TOLD_SHARE >= left)
            return true;
    }
    return false;
}

/* ---- Blobs in hand over all downloads ---- */

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

/* ---- The line in which they stand ---- */

void cf_list_add(cf_list *line, cf_list_link *place)
{
    *place = (cf_list_link){.before = line->last};
    *(line->last ? &line->last->after : &line->first) = place;
    line->last = place;
    line->count++;
}

void cf_list_remove(cf_list *line, cf_list_link *place)
{
    *(place->before ? &place->before->after : &line->first) = place->after;
    *(place->after ? &place->after->before : &line->last) = place->before;
    line->count--;
}
