/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that are offered: HAVE asks which of them the broker lacks, PUT sends pieces of these
 * within the window. MISSING answers both, so no blob is asked for while an answer to one of its
 * PUTs is outstanding (cf_upload_missing). */
#include "broker/link/transfer_inside.h"

#include <assert.h>

#include "codec/limits.h"

enum { ASK_COUNT = 256 }; /* ids in one HAVE */

/* Uploads under way, of a rank and those above, with which the window is full: no more of the rank
 * is begun. */
static const size_t sending_counts[CF_RANKS] = {
    [CF_RANK_SMALL] = 32, [CF_RANK_MEDIUM] = 16, [CF_RANK_LARGE] = 12, [CF_RANK_HUGE] = 8};

static cf_transfer_item *find_asked(cf_transfer *transfer, const cf_hash *id)
{
    cf_transfer_item *item = cf_transfer_first_of(transfer, id);

    while (item && item->step != CF_BLOB_ASKED)
        item = cf_transfer_next_of(item);
    return item;
}

/* The one that PUTs of this blob, whose answers are outstanding, were sent for. */
static cf_transfer_item *find_put(cf_transfer *transfer, const cf_hash *id)
{
    cf_transfer_item *item = cf_transfer_first_of(transfer, id);

    while (item && (!item->upload || !item->answers))
        item = cf_transfer_next_of(item);
    return item;
}

static void tell_stored(cf_transfer *transfer, cf_transfer_item *item)
{
    cf_hash id = item->id;

    cf_transfer_drop(transfer, item);
    transfer->events->stored(transfer->context, &id);
}

static void start_sending(cf_transfer *transfer, cf_transfer_item *item, uint64_t held)
{
    item->step = CF_BLOB_SENDING;
    item->stalled = false;
    item->done = item->next = held < item->total ? held : 0;
    transfer->sending[item->rank]++;
}

/* Those asked for that the answer does not name are there, whole. */
static void finish_asking(cf_transfer *transfer)
{
    size_t left = transfer->asked;

    transfer->asked = 0;
    for (cf_transfer_item *item = transfer->uploads.first; item && left; item = item->after) {
        if (item->step != CF_BLOB_ASKED)
            continue;
        left--;
        item->step = CF_BLOB_QUEUED;
        if (!item->forgotten)
            tell_stored(transfer, item);
    }
}

/* The answer to HAVE: what it names is incomplete there. */
static cf_status on_asked(cf_transfer *transfer, const cf_message *message, cf_error *error)
{
    for (size_t i = 0; i < message->missing.blob_count; i++) {
        const cf_partial *partial = &message->missing.blobs[i];
        cf_transfer_item *item = find_asked(transfer, &partial->id);
        if (!item)
            return cf_fail(error, CF_MALFORMED, "MISSING names a blob that HAVE did not");
        transfer->asked--;
        if (item->forgotten)
            item->step = CF_BLOB_QUEUED;
        else
            start_sending(transfer, item, partial->held);
    }
    finish_asking(transfer);
    return CF_OK;
}

/* The answer to a PUT that was not a blob's last. Somebody else may send the same blob: then what
 * is held goes beyond what we sent. */
static void on_put(cf_transfer *transfer, const cf_partial *partial)
{
    cf_transfer_item *item = find_put(transfer, &partial->id);
    uint64_t held = partial->held;

    if (!item)
        return;
    item->answers--;
    if (item->step != CF_BLOB_SENDING || held >= item->total)
        return;
    transfer->upload_size -= item->next - item->done;
    transfer->progress += held > item->done;
    item->lacks_room &= held <= item->done;
    if (held > item->done || item->answers == 0)
        item->done = held;
    if (held > item->next || item->answers == 0) /* also back, to pieces that were not taken */
        item->next = held;
    transfer->upload_size += item->next - item->done;
}

/* A blob is asked for only when all its PUTs were answered, so the two kinds of answers can be told
 * apart. */
cf_status cf_upload_missing(cf_transfer *transfer, const cf_message *message, cf_error *error)
{
    const cf_partial *blobs = message->missing.blobs;
    size_t count = message->missing.blob_count;

    if (transfer->asked && (count == 0 || find_asked(transfer, &blobs[0].id)))
        return on_asked(transfer, message, error);
    for (size_t i = 0; i < count; i++)
        on_put(transfer, &blobs[i]);
    return CF_OK;
}

/* Every PUT of a blob that is whole is answered so, not only the last. */
void cf_upload_stored(cf_transfer *transfer, const cf_hash *id)
{
    cf_transfer_item *item = find_put(transfer, id);

    if (!item)
        return;
    item->answers--;
    if (!item->forgotten)
        tell_stored(transfer, item);
}

cf_transfer_item *cf_upload_refused(cf_transfer *transfer, const cf_hash *id)
{
    cf_transfer_item *item = find_put(transfer, id);

    if (!item)
        return NULL;
    item->answers--;
    return item->forgotten || item->step != CF_BLOB_SENDING ? NULL : item;
}

static bool has_place(const cf_transfer *transfer, cf_transfer_rank rank)
{
    size_t count = 0;

    for (size_t i = rank; i < CF_RANKS; i++)
        count += transfer->sending[i];
    return count < sending_counts[rank];
}

static bool may_ask(cf_transfer *transfer, const cf_transfer_item *item, uint64_t now_ms)
{
    return has_place(transfer, item->rank) && !item->forgotten && item->step == CF_BLOB_QUEUED &&
           item->retry_ms <= now_ms && !find_put(transfer, &item->id) &&
           !find_asked(transfer, &item->id);
}

static void ask(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox)
{
    cf_hash ids[ASK_COUNT];
    size_t count = 0;

    if (transfer->asked)
        return;
    for (cf_transfer_item *item = transfer->uploads.first; item && count < ASK_COUNT;
         item = item->after) {
        if (!may_ask(transfer, item, now_ms))
            continue;
        item->step = CF_BLOB_ASKED;
        ids[count++] = item->id;
    }
    if (count == 0)
        return;
    transfer->asked = count;
    cf_message message = {.command = CF_COMMAND_HAVE, .have = {.ids = ids, .id_count = count}};
    cf_outbox_add(outbox, (cf_bytes){0}, &message);
}

/* What lies before an edit that is saved meanwhile, and what a connection that breaks may have
 * carried for nothing, is two seconds of a slow line. */
static bool has_room(const cf_transfer *transfer, size_t size)
{
    const uint64_t window = transfer->carried && transfer->carried < transfer->window
                                ? transfer->carried
                                : transfer->window;

    return !transfer->upload_size || transfer->upload_size + size <= window;
}

static uint64_t step_of(const cf_transfer *transfer)
{
    return cf_rate_limit_step(&transfer->up,
                              transfer->step_size ? transfer->step_size : CF_BLOB_STEP);
}

static bool has_piece(const cf_transfer_item *item, uint64_t now_ms)
{
    (void)now_ms;
    return item->step == CF_BLOB_SENDING && !item->stalled && item->next < item->total;
}

/* False when the window is full, or the limit reached. */
static bool send_piece(cf_transfer *transfer, const cf_transfer_turn *turn, cf_transfer_item *item,
                       cf_buffer *piece, uint64_t now_ms, cf_outbox *outbox)
{
    const uint64_t left = item->total - item->next, step = step_of(transfer);
    const size_t size = (size_t)(left < step ? left : step);

    if (!has_room(transfer, size) || !cf_transfer_allows(transfer, &transfer->up, now_ms))
        return false;
    cf_buffer_clear(piece);
    if (!transfer->events->piece(transfer->context, &item->id, item->next, size, piece)) {
        item->stalled = true;
        return true;
    }
    if (item->step != CF_BLOB_SENDING) /* forgotten by the owner */
        return true;
    assert(piece->size == size);
    cf_message message = {
        .command = CF_COMMAND_PUT,
        .put = {.id = item->id,
                .offset = item->next,
                .total = item->total,
                .bytes = cf_buffer_view(piece)},
    };
    cf_outbox_add(outbox, (cf_bytes){0}, &message);
    cf_rate_limit_take(&transfer->up, size);
    item->next += size;
    item->answers++;
    transfer->upload_size += size;
    cf_transfer_note_turn(turn, item, &transfer->passed_up, size);
    return true;
}

void cf_upload_pump(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox)
{
    cf_buffer piece = {0};
    cf_transfer_item *item;
    cf_transfer_turn turn;

    ask(transfer, now_ms, outbox);
    do {
        turn = cf_transfer_find_turn(&transfer->uploads, has_piece, now_ms);
        item = cf_transfer_next(&turn, &transfer->up, transfer->passed_up, step_of(transfer));
    } while (item && send_piece(transfer, &turn, item, &piece, now_ms, outbox));
    cf_buffer_release(&piece);
}
