/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/transfer.h"

#include <assert.h>
#include <stdlib.h>

#include "codec/limits.h"

enum {
    BUCKETS = 1024,
    ASK_COUNT = 256,   /* ids in one HAVE */
    SENDING_COUNT = 8, /* uploads under way that keep the window full */
    RETRY_MS = 1000,
    RETRY_MS_MAX = 60000,
};

typedef enum {
    QUEUED,    /* the other has not been asked yet */
    ASKED,     /* HAVE is under way */
    SENDING,   /* pieces go out from `next` on */
    RECEIVING, /* pieces are asked for from `next` on */
} item_state;

typedef struct item item;

struct item {
    cf_hash id;
    bool upload;
    item_state state;
    uint64_t total;    /* of a download 0 until the first piece tells */
    uint64_t done;     /* acknowledged, or received */
    uint64_t next;     /* sent, or asked for */
    size_t answers;    /* BLOBs that are outstanding */
    bool stalled;      /* the owner has no piece at hand */
    bool forgotten;    /* freed when nobody walks the list and no answer names it any more */
    uint64_t retry_ms; /* not before */
    uint64_t delay_ms;
    item *next_in_bucket;
    item *before, *after;
};

typedef struct {
    item *first, *last;
} item_list;

struct cf_transfer {
    const cf_transfer_events *events;
    void *context;
    item *buckets[BUCKETS];
    item_list uploads, downloads;
    size_t asked;         /* ids in the HAVE that is under way */
    size_t sending;       /* uploads in SENDING */
    uint64_t window;      /* bytes of PUT that may be under way */
    uint64_t upload_size; /* sent and not acknowledged */
    size_t answers;       /* BLOBs that are outstanding */
    size_t offers, wants; /* not forgotten */
    size_t delayed;       /* items that were put off at some time */
    bool litter;          /* something was forgotten */
};

cf_transfer *cf_transfer_new(const cf_transfer_events *events, void *context)
{
    cf_transfer *transfer = cf_allocate(1, sizeof *transfer);

    transfer->events = events;
    transfer->context = context;
    return transfer;
}

static void free_list(item_list *list)
{
    for (item *it = list->first, *after; it; it = after) {
        after = it->after;
        free(it);
    }
}

void cf_transfer_destroy(cf_transfer **transfer)
{
    if (!*transfer)
        return;
    free_list(&(*transfer)->uploads);
    free_list(&(*transfer)->downloads);
    free(*transfer);
    *transfer = NULL;
}

static item **bucket_of(cf_transfer *transfer, const cf_hash *id)
{
    return &transfer->buckets[cf_get_u32(id->bytes) % BUCKETS];
}

static item *find(cf_transfer *transfer, const cf_hash *id, bool upload)
{
    item *it = *bucket_of(transfer, id);

    while (it && (it->forgotten || it->upload != upload || !cf_hash_equal(&it->id, id)))
        it = it->next_in_bucket;
    return it;
}

static item *find_asked(cf_transfer *transfer, const cf_hash *id)
{
    item *it = *bucket_of(transfer, id);

    while (it && (it->state != ASKED || !cf_hash_equal(&it->id, id)))
        it = it->next_in_bucket;
    return it;
}

static item *add(cf_transfer *transfer, const cf_hash *id, bool upload)
{
    item_list *list = upload ? &transfer->uploads : &transfer->downloads;
    item **bucket = bucket_of(transfer, id);
    item *it = cf_allocate(1, sizeof *it);

    it->id = *id;
    it->upload = upload;
    it->next_in_bucket = *bucket;
    *bucket = it;
    it->before = list->last;
    if (list->last)
        list->last->after = it;
    else
        list->first = it;
    list->last = it;
    *(upload ? &transfer->offers : &transfer->wants) += 1;
    return it;
}

/* Out of whatever was under way for it. */
static void settle(cf_transfer *transfer, item *it)
{
    if (it->upload && it->state == SENDING) {
        transfer->sending--;
        transfer->upload_size -= it->next - it->done;
    }
    transfer->answers -= it->answers;
    it->answers = 0;
}

static void unlink_item(cf_transfer *transfer, item *it)
{
    item_list *list = it->upload ? &transfer->uploads : &transfer->downloads;
    item **place = bucket_of(transfer, &it->id);

    while (*place != it)
        place = &(*place)->next_in_bucket;
    *place = it->next_in_bucket;
    *(it->before ? &it->before->after : &list->first) = it->after;
    *(it->after ? &it->after->before : &list->last) = it->before;
    free(it);
}

static void drop(cf_transfer *transfer, item *it)
{
    settle(transfer, it);
    it->forgotten = true;
    if (it->state != ASKED)
        it->state = QUEUED;
    transfer->litter = true;
    *(it->upload ? &transfer->offers : &transfer->wants) -= 1;
}

/* What was forgotten while the other was being asked for it stays until the answer came. */
static void sweep(cf_transfer *transfer, item_list *list)
{
    for (item *it = list->first, *after; it; it = after) {
        after = it->after;
        if (it->forgotten && it->state != ASKED)
            unlink_item(transfer, it);
    }
}

void cf_transfer_offer(cf_transfer *transfer, const cf_hash *blob, uint64_t total)
{
    assert(total > 0 && total <= CF_BLOB_MAX + CF_BLOB_OVERHEAD);
    if (!find(transfer, blob, true))
        add(transfer, blob, true)->total = total;
}

void cf_transfer_ready(cf_transfer *transfer, const cf_hash *blob)
{
    item *it = find(transfer, blob, true);

    if (it)
        it->stalled = false;
}

void cf_transfer_forget(cf_transfer *transfer, const cf_hash *blob)
{
    item *upload = find(transfer, blob, true);
    item *download = find(transfer, blob, false);

    if (upload)
        drop(transfer, upload);
    if (download)
        drop(transfer, download);
}

void cf_transfer_want(cf_transfer *transfer, const cf_hash *blob, uint64_t offset)
{
    if (find(transfer, blob, false))
        return;
    item *it = add(transfer, blob, false);
    it->state = RECEIVING;
    it->done = it->next = offset;
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
    transfer->asked = 0;
    transfer->delayed = 0;
    for (item *it = transfer->uploads.first; it; it = it->after) {
        settle(transfer, it);
        it->state = QUEUED;
        it->done = it->next = 0;
        it->retry_ms = 0;
    }
    for (item *it = transfer->downloads.first; it; it = it->after) {
        settle(transfer, it);
        it->next = it->done;
        it->retry_ms = 0;
    }
}

static void tell_stored(cf_transfer *transfer, item *it)
{
    cf_hash id = it->id;

    drop(transfer, it);
    transfer->events->stored(transfer->context, &id);
}

static void start_sending(cf_transfer *transfer, item *it, uint64_t held)
{
    it->state = SENDING;
    it->done = it->next = held;
    transfer->sending++;
}

/* Those asked for that the answer does not name are there, whole. */
static void finish_asking(cf_transfer *transfer)
{
    size_t left = transfer->asked;

    transfer->asked = 0;
    for (item *it = transfer->uploads.first; it && left; it = it->after) {
        if (it->state != ASKED)
            continue;
        left--;
        it->state = QUEUED;
        if (!it->forgotten)
            tell_stored(transfer, it);
    }
}

/* The answer to HAVE: what it names is incomplete there. */
static cf_status on_asked(cf_transfer *transfer, const cf_message *message, cf_error *error)
{
    for (size_t i = 0; i < message->missing.blob_count; i++) {
        const cf_partial *partial = &message->missing.blobs[i];
        item *it = find_asked(transfer, &partial->id);
        if (!it)
            return cf_fail(error, CF_MALFORMED, "MISSING names a blob that HAVE did not");
        if (partial->held >= it->total)
            return cf_fail(error, CF_MALFORMED, "MISSING names a blob that is there");
        transfer->asked--;
        if (it->forgotten)
            it->state = QUEUED;
        else
            start_sending(transfer, it, partial->held);
    }
    finish_asking(transfer);
    return CF_OK;
}

/* Somebody else may send the same blob: then what is held goes beyond what we sent. */
static void advance(cf_transfer *transfer, item *it, uint64_t held)
{
    if (held <= it->done || held >= it->total)
        return;
    transfer->upload_size -= it->next - it->done;
    it->done = held;
    if (it->next < held)
        it->next = held;
    transfer->upload_size += it->next - it->done;
}

/* MISSING answers HAVE, and every PUT but the last of a blob. */
static cf_status on_missing(cf_transfer *transfer, const cf_message *message, cf_error *error)
{
    const cf_partial *first = message->missing.blobs;

    if (transfer->asked && (message->missing.blob_count == 0 || find_asked(transfer, &first->id)))
        return on_asked(transfer, message, error);
    for (size_t i = 0; i < message->missing.blob_count; i++) {
        item *it = find(transfer, &message->missing.blobs[i].id, true);
        if (it && it->state == SENDING)
            advance(transfer, it, message->missing.blobs[i].held);
    }
    return CF_OK;
}

static cf_status check_piece(const item *it, const cf_message *message, cf_error *error)
{
    uint64_t total = message->blob.total, offset = message->blob.offset;
    size_t size = message->blob.bytes.size;

    if (total == 0 || total > CF_BLOB_MAX + CF_BLOB_OVERHEAD || (it->total && it->total != total))
        return cf_fail(error, CF_MALFORMED, "BLOB says an impossible size");
    if (size == 0 || size > CF_BLOB_STEP || offset > total || size > total - offset)
        return cf_fail(error, CF_MALFORMED, "BLOB has a piece that lies beyond its end");
    return CF_OK;
}

static cf_status on_blob(cf_transfer *transfer, const cf_message *message, cf_error *error)
{
    cf_hash id = message->blob.id;
    item *it = find(transfer, &id, false);

    if (!it || !it->answers) /* taken back meanwhile */
        return CF_OK;
    cf_status status = check_piece(it, message, error);
    if (status)
        return status;
    it->answers--;
    transfer->answers--;
    it->total = message->blob.total;
    bool fits = message->blob.offset == it->done;
    if (fits)
        it->done += message->blob.bytes.size;
    if (it->answers == 0 || it->next < it->done)
        it->next = it->done;
    if (it->done == it->total)
        drop(transfer, it);
    if (fits)
        transfer->events->received(transfer->context, &id, message->blob.offset,
                                   message->blob.total, message->blob.bytes);
    return CF_OK;
}

static void on_absent(cf_transfer *transfer, const cf_hash *absent)
{
    cf_hash id = *absent;
    item *it = find(transfer, &id, false);

    if (!it)
        return;
    drop(transfer, it);
    transfer->events->absent(transfer->context, &id);
}

static void retry_later(cf_transfer *transfer, item *it, uint64_t now_ms)
{
    settle(transfer, it);
    it->state = it->upload ? QUEUED : RECEIVING;
    it->next = it->upload ? 0 : it->done;
    if (it->upload)
        it->done = 0;
    it->delay_ms = it->delay_ms ? it->delay_ms * 2 : RETRY_MS;
    if (it->delay_ms > RETRY_MS_MAX)
        it->delay_ms = RETRY_MS_MAX;
    it->retry_ms = now_ms + it->delay_ms;
    transfer->delayed++;
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
    item *it = find(transfer, &id, upload);
    if (!it || (upload && it->state != SENDING))
        return; /* a later piece of what was refused already */
    if (message->refused.later) {
        retry_later(transfer, it, now_ms);
        return;
    }
    drop(transfer, it);
    cf_fail(&why, status_of_code(message->refused.code), "%.*s", (int)message->refused.text.size,
            (const char *)message->refused.text.data);
    transfer->events->refused(transfer->context, &id, &why);
}

cf_status cf_transfer_handle(cf_transfer *transfer, const cf_message *message, uint64_t now_ms,
                             cf_error *error)
{
    item *it = NULL;

    switch (message->command) {
    case CF_COMMAND_MISSING:
        return on_missing(transfer, message, error);
    case CF_COMMAND_STORED:
        it = find(transfer, &message->stored.id, true);
        if (it)
            tell_stored(transfer, it);
        return CF_OK;
    case CF_COMMAND_BLOB:
        return on_blob(transfer, message, error);
    case CF_COMMAND_ABSENT:
        on_absent(transfer, &message->absent.id);
        return CF_OK;
    default:
        assert(message->command == CF_COMMAND_REFUSED);
        on_refused(transfer, message, now_ms);
        return CF_OK;
    }
}

static bool may_ask(const item *it, uint64_t now_ms)
{
    return !it->forgotten && it->state == QUEUED && it->retry_ms <= now_ms;
}

static void ask(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox)
{
    cf_hash ids[ASK_COUNT];
    size_t count = 0;

    if (transfer->asked || transfer->sending >= SENDING_COUNT)
        return;
    for (item *it = transfer->uploads.first; it && count < ASK_COUNT; it = it->after) {
        if (!may_ask(it, now_ms))
            continue;
        it->state = ASKED;
        ids[count++] = it->id;
    }
    if (count == 0)
        return;
    transfer->asked = count;
    cf_message message = {.command = CF_COMMAND_HAVE, .have = {ids, count}};
    cf_outbox_add(outbox, (cf_bytes){0}, &message);
}

/* False when the window is full. */
static bool send_pieces(cf_transfer *transfer, item *it, cf_buffer *piece, cf_outbox *outbox)
{
    while (!it->forgotten && !it->stalled && it->next < it->total) {
        uint64_t left = it->total - it->next;
        size_t size = (size_t)(left < CF_BLOB_STEP ? left : CF_BLOB_STEP);
        if (transfer->upload_size && transfer->upload_size + size > transfer->window)
            return false;
        cf_buffer_clear(piece);
        if (!transfer->events->piece(transfer->context, &it->id, it->next, size, piece)) {
            it->stalled = true;
            break;
        }
        if (it->forgotten)
            break;
        assert(piece->size == size);
        cf_message message = {.command = CF_COMMAND_PUT,
                              .put = {it->id, it->next, it->total, cf_buffer_view(piece)}};
        cf_outbox_add(outbox, (cf_bytes){0}, &message);
        it->next += size;
        transfer->upload_size += size;
    }
    return true;
}

static void send_uploads(cf_transfer *transfer, cf_outbox *outbox)
{
    cf_buffer piece = {0};
    size_t left = transfer->sending;

    for (item *it = transfer->uploads.first; it && left; it = it->after) {
        if (it->forgotten || it->state != SENDING)
            continue;
        left--;
        if (!send_pieces(transfer, it, &piece, outbox))
            break;
    }
    cf_buffer_release(&piece);
}

static void ask_downloads(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox)
{
    size_t limit = CF_WINDOW / CF_BLOB_STEP;

    for (item *it = transfer->downloads.first; it && transfer->answers < limit; it = it->after) {
        if (it->forgotten || it->retry_ms > now_ms)
            continue;
        /* Its size is known from the first piece on. */
        while (transfer->answers < limit && (it->total ? it->next < it->total : it->answers == 0)) {
            cf_message message = {.command = CF_COMMAND_GET, .get = {it->id, it->next}};
            cf_outbox_add(outbox, (cf_bytes){0}, &message);
            it->next += CF_BLOB_STEP;
            it->answers++;
            transfer->answers++;
        }
    }
}

void cf_transfer_pump(cf_transfer *transfer, uint64_t now_ms, cf_outbox *outbox)
{
    ask(transfer, now_ms, outbox);
    send_uploads(transfer, outbox);
    ask_downloads(transfer, now_ms, outbox);
    if (transfer->litter) {
        transfer->litter = false;
        sweep(transfer, &transfer->uploads);
        sweep(transfer, &transfer->downloads);
    }
}

bool cf_transfer_is_waiting(const cf_transfer *transfer)
{
    return transfer->asked || transfer->upload_size || transfer->answers;
}

static uint64_t earliest(const item_list *list, uint64_t now_ms, uint64_t deadline)
{
    for (const item *it = list->first; it; it = it->after) {
        if (!it->forgotten && it->retry_ms > now_ms && it->retry_ms < deadline)
            deadline = it->retry_ms;
    }
    return deadline;
}

uint64_t cf_transfer_deadline(const cf_transfer *transfer, uint64_t now_ms)
{
    if (!transfer->delayed)
        return UINT64_MAX;
    return earliest(&transfer->downloads, now_ms, earliest(&transfer->uploads, now_ms, UINT64_MAX));
}
