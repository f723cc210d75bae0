/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that are wanted: as many pieces are asked for at once as the line takes, and the owner gets
 * pieces in order only. The first FETCH of a session is a trial, behind which nothing is asked for
 * until its answer tells whether the broker knows FETCH. */
#include "broker/link/transfer_inside.h"

#include "codec/limits.h"

static cf_status check_piece(const cf_transfer_item *item, const cf_message *message,
                             cf_error *error)
{
    uint64_t total = message->blob.total, offset = message->blob.offset;
    size_t size = message->blob.bytes.size;

    if (total == 0 || total > CF_BLOB_MAX + CF_BLOB_OVERHEAD ||
        (item->total && item->total != total))
        return cf_fail(error, CF_MALFORMED, "BLOB says an impossible size");
    if (size == 0 || size > CF_BLOB_STEP || offset > total || size > total - offset)
        return cf_fail(error, CF_MALFORMED, "BLOB has a piece that lies beyond its end");
    return CF_OK;
}

cf_status cf_download_blob(cf_transfer *transfer, const cf_message *message, cf_error *error)
{
    cf_hash id = message->blob.id;
    cf_transfer_item *item = cf_transfer_find(transfer, &id, false);

    if (!item || !item->answers) /* taken back meanwhile */
        return CF_OK;
    cf_status status = check_piece(item, message, error);
    if (status)
        return status;
    item->answers--;
    transfer->asked_pieces--;
    item->total = message->blob.total;
    bool fits = message->blob.offset == item->done;
    if (fits)
        item->done += message->blob.bytes.size;
    if (item->answers == 0) /* whatever the pieces' sizes were */
        item->next = item->done;
    if (item->done == item->total)
        cf_transfer_drop(transfer, item);
    if (fits)
        transfer->events->received(transfer->context, &id, message->blob.offset,
                                   message->blob.total, message->blob.bytes);
    return CF_OK;
}

void cf_download_absent(cf_transfer *transfer, const cf_hash *absent)
{
    cf_hash id = *absent;
    cf_transfer_item *item = cf_transfer_find(transfer, &id, false);

    if (!item)
        return;
    cf_transfer_drop(transfer, item);
    transfer->events->absent(transfer->context, &id);
}

static bool may_ask(const cf_transfer_item *item, uint64_t now_ms)
{
    if (item->forgotten || item->retry_ms > now_ms)
        return false;
    if (item->total == 0) /* the first piece will tell */
        return item->answers == 0;
    return item->next < item->total;
}

enum {
    PIECES_LEAST = 2, /* one comes while the other is asked for */
    PIECES_MOST = CF_WINDOW / CF_BLOB_STEP,
};

static uint64_t piece_size(const cf_transfer *transfer, uint64_t now_ms)
{
    return transfer->piece_size && now_ms >= transfer->trial.again_ms ? transfer->piece_size
                                                                      : CF_BLOB_STEP;
}

/* What others save waits behind what was asked for. */
static size_t most_pieces(const cf_transfer *transfer, uint64_t size)
{
    const uint64_t window =
        transfer->brought && transfer->brought < CF_WINDOW ? transfer->brought : CF_WINDOW;
    const uint64_t allowed =
        transfer->down.rate && transfer->down.rate < window ? transfer->down.rate : window;
    const uint64_t pieces = allowed / size;

    if (pieces > PIECES_MOST)
        return PIECES_MOST;
    return pieces > PIECES_LEAST ? (size_t)pieces : PIECES_LEAST;
}

/* The blob's name is in all of them, and the offset in BLOB. */
void cf_download_note_trial(cf_transfer *transfer, const cf_message *message)
{
    const cf_hash *blob = &transfer->trial.blob;
    bool answers = false;

    if (transfer->trial.state != CF_TRIAL_OUT)
        return;
    if (message->command == CF_COMMAND_BLOB)
        answers = message->blob.offset == transfer->trial.offset &&
                  cf_hash_equal(&message->blob.id, blob);
    else if (message->command == CF_COMMAND_ABSENT)
        answers = cf_hash_equal(&message->absent.id, blob);
    else if (message->command == CF_COMMAND_REFUSED)
        answers = cf_bytes_equal(message->refused.request,
                                 cf_bytes_of_text(cf_command_name(CF_COMMAND_FETCH)));
    if (answers)
        transfer->trial.state = CF_TRIAL_PASSED;
}

/* What a piece brings counts when it came: until then nobody knows how much that is. */
static void ask(cf_transfer *transfer, cf_transfer_item *item, uint64_t size, cf_outbox *outbox)
{
    const bool fetches = size < CF_BLOB_STEP;
    const cf_message message = {.command = fetches ? CF_COMMAND_FETCH : CF_COMMAND_GET,
                                .get = {.id = item->id, .offset = item->next, .size = size}};

    cf_outbox_add(outbox, (cf_bytes){0}, &message);
    if (fetches && transfer->trial.state == CF_TRIAL_NONE) {
        transfer->trial.state = CF_TRIAL_OUT;
        transfer->trial.blob = item->id;
        transfer->trial.offset = item->next;
    }
    item->next += size;
    item->answers++;
    transfer->asked_pieces++;
}

void cf_download_pump(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox)
{
    const uint64_t size = piece_size(transfer, now_ms);
    const size_t limit = most_pieces(transfer, size);

    while (transfer->asked_pieces < limit && transfer->trial.state != CF_TRIAL_OUT) {
        cf_transfer_turn turn = cf_transfer_find_turn(&transfer->downloads, may_ask, now_ms);
        cf_transfer_item *item =
            cf_transfer_next(&turn, &transfer->down, transfer->passed_down, size);

        if (!item || !cf_transfer_allows(transfer, &transfer->down, now_ms))
            return;
        ask(transfer, item, size, outbox);
        cf_transfer_note_turn(&turn, item, &transfer->passed_down, size);
    }
}
