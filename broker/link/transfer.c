/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/transfer.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/link/transfer_inside.h"
#include "codec/deadlines.h"
#include "codec/limits.h"

#define MEDIUM_MAX (8 * CF_MIB)
#define LARGE_MAX (128 * CF_MIB)

cf_transfer_rank cf_transfer_rank_of(uint64_t left)
{
    if (left <= CF_BLOB_STEP)
        return CF_RANK_SMALL;
    return left <= MEDIUM_MAX ? CF_RANK_MEDIUM : left <= LARGE_MAX ? CF_RANK_LARGE : CF_RANK_HUGE;
}

cf_transfer *cf_transfer_new(const cf_transfer_events *events, void *context)
{
    cf_transfer *transfer = cf_allocate(1, sizeof *transfer);

    transfer->events = events;
    transfer->context = context;
    return transfer;
}

static void free_list(cf_transfer_list *list)
{
    for (cf_transfer_item *item = list->first, *after; item; item = after) {
        after = item->after;
        free(item);
    }
}

void cf_transfer_destroy(cf_transfer **transfer)
{
    if (!*transfer)
        return;
    free_list(&(*transfer)->uploads);
    free_list(&(*transfer)->downloads);
    cf_hash_table_release(&(*transfer)->by_id);
    free(*transfer);
    *transfer = NULL;
}

static void lower_rank(cf_transfer *transfer, cf_transfer_item *item, cf_transfer_rank rank)
{
    const bool is_counted = item->step == CF_BLOB_SENDING;

    if (rank >= item->rank)
        return;
    transfer->sending[item->rank] -= is_counted;
    item->rank = rank;
    transfer->sending[item->rank] += is_counted;
}

void cf_transfer_offer(cf_transfer *transfer, const cf_hash *blob, uint64_t total,
                       cf_transfer_rank rank)
{
    cf_transfer_item *item = cf_transfer_find(transfer, blob, true);

    assert(total > 0 && total <= CF_BLOB_MAX + CF_BLOB_OVERHEAD);
    if (!item) {
        item = cf_transfer_add(transfer, blob, true);
        item->total = total;
    }
    lower_rank(transfer, item, rank);
}

uint64_t cf_transfer_done(cf_transfer *transfer, const cf_hash *blob)
{
    const cf_transfer_item *item = cf_transfer_find(transfer, blob, true);

    return item ? item->done : 0;
}

void cf_transfer_ready(cf_transfer *transfer, const cf_hash *blob)
{
    cf_transfer_item *item = cf_transfer_find(transfer, blob, true);

    if (item)
        item->stalled = false;
}

static void forget(cf_transfer *transfer, const cf_hash *blob, bool upload)
{
    cf_transfer_item *item = cf_transfer_find(transfer, blob, upload);

    if (item)
        cf_transfer_drop(transfer, item);
}

void cf_transfer_forget_offer(cf_transfer *transfer, const cf_hash *blob)
{
    forget(transfer, blob, true);
}

void cf_transfer_forget_want(cf_transfer *transfer, const cf_hash *blob)
{
    forget(transfer, blob, false);
}

void cf_transfer_want(cf_transfer *transfer, const cf_hash *blob, uint64_t offset,
                      cf_transfer_rank rank)
{
    cf_transfer_item *item = cf_transfer_find(transfer, blob, false);

    if (!item) {
        item = cf_transfer_add(transfer, blob, false);
        item->done = item->next = offset;
    }
    lower_rank(transfer, item, rank);
}

bool cf_transfer_is_idle(const cf_transfer *transfer)
{
    return transfer->offers + transfer->wants == 0;
}

bool cf_transfer_is_offering(const cf_transfer *transfer)
{
    return transfer->offers > 0;
}

void cf_transfer_begin(cf_transfer *transfer, uint64_t window)
{
    transfer->window = window;
    transfer->held_ms = 0;
    transfer->asked = 0;
    transfer->delayed = 0;
    transfer->trial.state = CF_TRIAL_NONE;
    for (cf_transfer_item *item = transfer->uploads.first; item; item = item->after) {
        cf_transfer_settle(transfer, item);
        item->step = CF_BLOB_QUEUED;
        item->answers = 0;
        item->retry_ms = 0;
        item->lacks_room = false;
    }
    for (cf_transfer_item *item = transfer->downloads.first; item; item = item->after) {
        cf_transfer_settle(transfer, item);
        item->retry_ms = 0;
    }
}

void cf_transfer_carries(cf_transfer *transfer, uint64_t step, uint64_t window)
{
    assert(step > 0 && step <= CF_BLOB_STEP);
    transfer->step_size = step;
    transfer->carried = window;
}

void cf_transfer_brings(cf_transfer *transfer, uint64_t step, uint64_t window)
{
    assert(step > 0 && step <= CF_BLOB_STEP);
    transfer->piece_size = step;
    transfer->brought = window;
}

bool cf_transfer_tries_fetch(const cf_transfer *transfer)
{
    return transfer->trial.state == CF_TRIAL_OUT;
}

void cf_transfer_fetch_unsupported(cf_transfer *transfer, uint64_t until_ms)
{
    cf_transfer_item *item = cf_transfer_find(transfer, &transfer->trial.blob, false);
    transfer->trial.state = CF_TRIAL_NONE;
    transfer->trial.again_ms = until_ms;
    if (item)
        cf_transfer_settle(transfer, item);
}

void cf_transfer_without_fetch(cf_transfer *transfer, uint64_t until_ms)
{
    transfer->trial.again_ms = until_ms;
}

bool cf_transfer_fetches(const cf_transfer *transfer)
{
    return transfer->asked_pieces > 0;
}

uint64_t cf_transfer_progress(const cf_transfer *transfer)
{
    return transfer->progress;
}

static cf_status status_of_code(cf_bytes code)
{
    if (cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_FORGED)))
        return CF_FORGED;
    if (cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_MALFORMED)))
        return CF_MALFORMED;
    return CF_DENIED;
}

static void on_refused(cf_transfer *transfer, const cf_message *message, uint64_t now_ms)
{
    bool upload =
        cf_bytes_equal(message->refused.request, cf_bytes_of_text(cf_command_name(CF_COMMAND_PUT)));
    cf_hash id;
    cf_error why;

    if (message->refused.name.size != sizeof id.bytes)
        return;
    memcpy(id.bytes, message->refused.name.data, sizeof id.bytes);
    cf_transfer_item *item =
        upload ? cf_upload_refused(transfer, &id) : cf_transfer_find(transfer, &id, false);
    if (!item)
        return;
    if (message->refused.later) {
        if (upload || item->retry_ms <= now_ms) /* of pieces each is refused */
            cf_transfer_delay(transfer, item, now_ms);
        item->lacks_room = cf_message_is_for_room(message->refused.code);
        transfer->events->delayed(transfer->context, &id, message->refused.code,
                                  message->refused.text);
        return;
    }
    cf_transfer_drop(transfer, item);
    cf_fail(&why, status_of_code(message->refused.code), "%.*s", (int)message->refused.text.size,
            (const char *)message->refused.text.data);
    transfer->events->refused(transfer->context, &id, &why);
}

cf_status cf_transfer_handle(cf_transfer *transfer, const cf_message *message, uint64_t now_ms,
                             cf_error *error)
{
    cf_download_note_trial(transfer, message);
    switch (message->command) {
    case CF_COMMAND_MISSING:
        return cf_upload_missing(transfer, message, error);
    case CF_COMMAND_STORED:
        cf_upload_stored(transfer, &message->stored.id);
        return CF_OK;
    case CF_COMMAND_BLOB:
        return cf_download_blob(transfer, message, error);
    case CF_COMMAND_ABSENT:
        cf_download_absent(transfer, &message->absent.id);
        return CF_OK;
    default:
        assert(message->command == CF_COMMAND_REFUSED);
        on_refused(transfer, message, now_ms);
        return CF_OK;
    }
}

void cf_transfer_limit(cf_transfer *transfer, uint64_t up, uint64_t down)
{
    cf_rate_limit_set(&transfer->up, up);
    cf_rate_limit_set(&transfer->down, down);
}

void cf_transfer_passed(cf_transfer *transfer, uint64_t up, uint64_t down)
{
    cf_rate_limit_take(&transfer->up, up);
    cf_rate_limit_take(&transfer->down, down);
}

bool cf_transfer_is_held_back(const cf_transfer *transfer)
{
    return transfer->held_ms != 0;
}

void cf_transfer_pump(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox)
{
    transfer->held_ms = 0;
    cf_upload_pump(transfer, now_ms, outbox);
    cf_download_pump(transfer, now_ms, outbox);
    if (transfer->litter) {
        transfer->litter = false;
        cf_transfer_sweep(transfer, &transfer->uploads);
        cf_transfer_sweep(transfer, &transfer->downloads);
    }
}

bool cf_transfer_is_waiting(const cf_transfer *transfer)
{
    return transfer->asked || transfer->upload_size || transfer->asked_pieces ||
           transfer->trial.state == CF_TRIAL_OUT;
}

uint64_t cf_transfer_expects(const cf_transfer *transfer)
{
    return transfer->wants || transfer->asked_pieces ? CF_WINDOW : 0;
}

static uint64_t earliest(const cf_transfer_list *list, uint64_t now_ms, uint64_t deadline)
{
    for (const cf_transfer_item *item = list->first; item; item = item->after) {
        if (!item->forgotten && item->retry_ms > now_ms)
            cf_deadline_lower(&deadline, item->retry_ms);
    }
    return deadline;
}

void cf_transfer_try_room(cf_transfer *transfer)
{
    for (cf_transfer_item *item = transfer->uploads.first; item; item = item->after)
        if (item->lacks_room) {
            item->lacks_room = false;
            item->retry_ms = 0;
        }
}

bool cf_transfer_lacks_room(const cf_transfer *transfer)
{
    bool lacks = transfer->wants == 0 && !cf_transfer_is_waiting(transfer);

    for (const cf_transfer_item *item = transfer->uploads.first; lacks && item; item = item->after)
        lacks = item->forgotten || item->lacks_room;
    return lacks;
}

uint64_t cf_transfer_deadline(const cf_transfer *transfer, uint64_t now_ms)
{
    const uint64_t held_ms = transfer->held_ms ? transfer->held_ms : UINT64_MAX;

    if (!transfer->delayed)
        return held_ms;
    return earliest(&transfer->downloads, now_ms, earliest(&transfer->uploads, now_ms, held_ms));
}
