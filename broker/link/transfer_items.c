/* SPDX-License-Identifier: Apache-2.0 */
/* The blobs that are offered or wanted, and whose turn is next. */
#include "broker/link/transfer_inside.h"

#include <stdlib.h>

#include "codec/limits.h"

enum {
    RETRY_MS = 1000,
    RETRY_MS_MAX = 60000,
    SHARE = 3,   /* of low ranks, to each of higher ones */
    PASSING = 8, /* steps that low ranks may be before their share */
};

static cf_transfer_item *of_id(cf_hash_link *link, const cf_hash *id)
{
    while (link && !cf_hash_equal(&cf_container_of(link, cf_transfer_item, by_id)->id, id))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, cf_transfer_item, by_id) : NULL;
}

cf_transfer_item *cf_transfer_first_of(const cf_transfer *transfer, const cf_hash *id)
{
    return of_id(cf_hash_table_first(&transfer->by_id, cf_hash_hash(id)), id);
}

cf_transfer_item *cf_transfer_next_of(const cf_transfer_item *item)
{
    return of_id(cf_hash_table_next(&item->by_id), &item->id);
}

cf_transfer_item *cf_transfer_find(cf_transfer *transfer, const cf_hash *id, bool upload)
{
    cf_transfer_item *item = cf_transfer_first_of(transfer, id);

    while (item && (item->forgotten || item->upload != upload))
        item = cf_transfer_next_of(item);
    return item;
}

cf_transfer_item *cf_transfer_add(cf_transfer *transfer, const cf_hash *id, bool upload)
{
    cf_transfer_list *list = upload ? &transfer->uploads : &transfer->downloads;
    cf_transfer_item *item = cf_allocate(1, sizeof *item);

    item->id = *id;
    item->upload = upload;
    item->step = upload ? CF_BLOB_QUEUED : CF_BLOB_RECEIVING;
    item->rank = CF_RANK_HUGE;
    cf_hash_table_add(&transfer->by_id, &item->by_id, cf_hash_hash(id));
    item->before = list->last;
    *(list->last ? &list->last->after : &list->first) = item;
    list->last = item;
    *(upload ? &transfer->offers : &transfer->wants) += 1;
    return item;
}

static void remove_item(cf_transfer *transfer, cf_transfer_item *item)
{
    cf_transfer_list *list = item->upload ? &transfer->uploads : &transfer->downloads;

    cf_hash_table_remove(&transfer->by_id, &item->by_id);
    *(item->before ? &item->before->after : &list->first) = item->after;
    *(item->after ? &item->after->before : &list->last) = item->before;
    free(item);
}

void cf_transfer_sweep(cf_transfer *transfer, cf_transfer_list *list)
{
    for (cf_transfer_item *item = list->first, *after; item; item = after) {
        after = item->after;
        if (!item->forgotten)
            continue;
        if (item->step == CF_BLOB_ASKED || item->answers)
            transfer->litter = true;
        else
            remove_item(transfer, item);
    }
}

void cf_transfer_settle(cf_transfer *transfer, cf_transfer_item *item)
{
    if (item->step == CF_BLOB_SENDING) {
        transfer->sending[item->rank]--;
        transfer->upload_size -= item->next - item->done;
        item->step = CF_BLOB_QUEUED;
    }
    if (!item->upload) {
        transfer->asked_pieces -= item->answers;
        item->answers = 0;
    }
    item->next = item->done = item->upload ? 0 : item->done;
}

void cf_transfer_drop(cf_transfer *transfer, cf_transfer_item *item)
{
    cf_transfer_settle(transfer, item);
    item->forgotten = true;
    transfer->litter = true;
    *(item->upload ? &transfer->offers : &transfer->wants) -= 1;
}

void cf_transfer_delay(cf_transfer *transfer, cf_transfer_item *item, uint64_t now_ms)
{
    cf_transfer_settle(transfer, item);
    item->delay_ms = item->delay_ms ? item->delay_ms * 2 : RETRY_MS;
    if (item->delay_ms > RETRY_MS_MAX)
        item->delay_ms = RETRY_MS_MAX;
    item->retry_ms = now_ms + item->delay_ms;
    transfer->delayed++;
}

cf_transfer_turn cf_transfer_find_turn(const cf_transfer_list *list,
                                       bool (*can_go)(const cf_transfer_item *item,
                                                      uint64_t now_ms),
                                       uint64_t now_ms)
{
    cf_transfer_item *first[CF_RANKS] = {NULL};
    cf_transfer_turn turn = {NULL, NULL};
    size_t places[CF_RANKS] = {0}, place = 0;

    for (cf_transfer_item *item = list->first; item; item = item->after, place++)
        if (!first[item->rank] && can_go(item, now_ms)) {
            first[item->rank] = item;
            places[item->rank] = place;
        }
    for (size_t rank = 0, earliest = SIZE_MAX; rank < CF_RANKS; rank++) {
        if (!first[rank])
            continue;
        if (!turn.low) {
            turn.low = first[rank];
        } else if (places[rank] < earliest) {
            turn.high = first[rank];
            earliest = places[rank];
        }
    }
    return turn;
}

cf_transfer_item *cf_transfer_next(const cf_transfer_turn *turn, const cf_rate_limit *limit,
                                   uint64_t passed, uint64_t step)
{
    if (turn->low && turn->low->rank == CF_RANK_SMALL && limit->rate)
        return turn->low;
    return turn->high && passed >= PASSING * step ? turn->high : turn->low;
}

void cf_transfer_note_turn(const cf_transfer_turn *turn, const cf_transfer_item *item,
                           uint64_t *passed, uint64_t size)
{
    if (item == turn->high)
        *passed -= *passed < SHARE * size ? *passed : SHARE * size;
    else if (turn->high)
        *passed += size;
}

bool cf_transfer_allows(cf_transfer *transfer, cf_rate_limit *limit, uint64_t now_ms)
{
    if (cf_rate_limit_allows(limit, now_ms))
        return true;
    const uint64_t due_ms = cf_rate_limit_due(limit);
    if (!transfer->held_ms || due_ms < transfer->held_ms)
        transfer->held_ms = due_ms;
    return false;
}
