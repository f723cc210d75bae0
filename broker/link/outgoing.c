/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/outgoing_inside.h"

#include <stdlib.h>

#include "codec/limits.h"

enum { FLIGHTS_MAX = 1024 };

cf_outgoing *cf_outgoing_new(cf_store *store, const cf_hash *user, cf_sends sends)
{
    cf_outgoing *outgoing = cf_allocate(1, sizeof *outgoing);

    outgoing->store = store;
    outgoing->user = *user;
    outgoing->sends = sends;
    outgoing->drained = true;
    return outgoing;
}

void cf_outgoing_destroy(cf_outgoing **outgoing)
{
    if (!*outgoing)
        return;
    cf_replay_destroy(&(*outgoing)->replay);
    cf_arena_release(&(*outgoing)->arena);
    free((*outgoing)->flights);
    cf_hash_set_release(&(*outgoing)->came);
    cf_hash_set_release(&(*outgoing)->without);
    free((*outgoing)->ended);
    free((*outgoing)->leases);
    free(*outgoing);
    *outgoing = NULL;
}

void cf_outgoing_begin(cf_outgoing *outgoing, uint64_t window)
{
    cf_replay_destroy(&outgoing->replay);
    outgoing->replay = cf_replay_new(outgoing->store, &outgoing->user);
    outgoing->window = window;
    outgoing->count = outgoing->sent = outgoing->sent_size = 0;
    outgoing->ended_count = 0;
    outgoing->drained = false;
}

void cf_outgoing_carries(cf_outgoing *outgoing, uint64_t window)
{
    outgoing->carried = window;
}

uint64_t cf_outgoing_sent(const cf_outgoing *outgoing)
{
    return outgoing->sent_size;
}

void cf_outgoing_confine(cf_outgoing *outgoing, bool to_members)
{
    outgoing->is_confined = to_members;
}

cf_replay *cf_outgoing_replay(cf_outgoing *outgoing)
{
    return outgoing->replay;
}

bool cf_outgoing_came(cf_outgoing *outgoing, const cf_hash *entry)
{
    return !cf_hash_set_insert(&outgoing->came, entry);
}

bool cf_outgoing_has_come(const cf_outgoing *outgoing, const cf_hash *entry)
{
    return cf_hash_set_contains(&outgoing->came, entry);
}

void cf_outgoing_came_in_vain(cf_outgoing *outgoing, const cf_hash *entry)
{
    cf_hash_set_remove(&outgoing->came, entry);
}

void cf_outgoing_forget_came(cf_outgoing *outgoing)
{
    outgoing->came.count = 0;
}

void cf_outgoing_wake(cf_outgoing *outgoing)
{
    outgoing->drained = false;
}

void cf_outgoing_release(cf_outgoing *outgoing, bool waits_for_entry, bool waits_for_blobs)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        cf_flight *it = &outgoing->flights[i];
        if (it->state == CF_FLIGHT_HELD &&
            ((waits_for_entry && it->waits_for_entry) || (waits_for_blobs && it->waits_for_blobs)))
            it->state = CF_FLIGHT_READY;
    }
}

void cf_outgoing_blobs_changed(cf_outgoing *outgoing)
{
    cf_outgoing_release(outgoing, true, true);
}

void cf_outgoing_without(cf_outgoing *outgoing, const cf_hash *blob)
{
    cf_hash_set_insert(&outgoing->without, blob);
    cf_outgoing_release(outgoing, true, true);
}

static cf_leased *lease_of(const cf_outgoing *outgoing, const cf_id *collection)
{
    for (size_t i = 0; i < outgoing->lease_count; i++)
        if (cf_id_equal(&outgoing->leases[i].collection, collection))
            return &outgoing->leases[i];
    return NULL;
}

void cf_outgoing_locks_changed(cf_outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        cf_flight *it = &outgoing->flights[i];
        if (it->state == CF_FLIGHT_HELD && it->waits_for_lock) {
            it->state = CF_FLIGHT_READY;
            it->delay_ms = 0;
        }
    }
    cf_outgoing_release(outgoing, true, false);
}

void cf_outgoing_token(cf_outgoing *outgoing, const cf_id *collection, const cf_lease_token *token)
{
    cf_leased *lease = lease_of(outgoing, collection);

    if (!token && lease) {
        *lease = outgoing->leases[--outgoing->lease_count];
    } else if (token) {
        if (!lease) {
            lease = cf_one_more(outgoing->leases, outgoing->lease_count, outgoing->lease_capacity);
        }
        *lease = (cf_leased){*collection, *token};
    }
    cf_outgoing_locks_changed(outgoing);
}

bool cf_outgoing_is_locked(const cf_outgoing *outgoing, const cf_id *collection)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        const cf_flight *it = &outgoing->flights[i];
        if (it->waits_for_lock && cf_id_equal(&it->collection, collection))
            return true;
    }
    return false;
}

static bool has_ended(const cf_outgoing *outgoing, const cf_id *writer)
{
    for (size_t i = 0; i < outgoing->ended_count; i++) {
        if (cf_id_equal(&outgoing->ended[i], writer))
            return true;
    }
    return false;
}

/* The blobs of the entry that it must do without. */
static const cf_hash *without_of(cf_outgoing *outgoing, const cf_entry *entry, size_t *count)
{
    cf_hash *ids = NULL;

    *count = 0;
    if (outgoing->without.count == 0 || entry->header.blob_count == 0)
        return NULL;
    ids = cf_arena_allocate(&outgoing->arena, entry->header.blob_count, sizeof *ids);
    for (size_t i = 0; i < entry->header.blob_count; i++) {
        if (cf_hash_set_contains(&outgoing->without, &entry->header.blobs[i]))
            ids[(*count)++] = entry->header.blobs[i];
    }
    return ids;
}

static void send_entry(cf_outgoing *outgoing, cf_flight *it, const cf_entry *entry,
                       cf_outbox *outbox)
{
    size_t count = 0;
    const cf_hash *without = without_of(outgoing, entry, &count);
    const cf_leased *lease = lease_of(outgoing, &entry->header.collection);
    cf_message message = {
        .command = CF_COMMAND_PUBLISH,
        .publish = {.token = lease ? &lease->token : NULL,
                    .without = without,
                    .without_count = count,
                    .entry = entry->wire},
    };

    it->had_token = lease != NULL;
    cf_outbox_add(outbox, (cf_bytes){0}, &message);
    it->state = CF_FLIGHT_SENT;
    outgoing->sent++;
    outgoing->sent_size += it->size;
}

static bool window_allows(const cf_outgoing *outgoing, size_t size)
{
    const uint64_t window = outgoing->carried && outgoing->carried < outgoing->window
                                ? outgoing->carried
                                : outgoing->window;

    return outgoing->sent == 0 || outgoing->sent_size + size <= window;
}

static bool is_locked(const cf_flight *it)
{
    return it->state == CF_FLIGHT_HELD && it->waits_for_lock;
}

static bool is_short_of_room(const cf_flight *it)
{
    return it->state == CF_FLIGHT_HELD && it->waits_for_room;
}

/* What waits for a lock, or for room, holds up nothing else, however much it is. */
static bool has_room(const cf_outgoing *outgoing)
{
    size_t waiting = 0;

    if (outgoing->count < FLIGHTS_MAX)
        return true;
    for (size_t i = 0; i < outgoing->count; i++)
        waiting += is_locked(&outgoing->flights[i]) || is_short_of_room(&outgoing->flights[i]);
    return outgoing->count - waiting < FLIGHTS_MAX;
}

static bool may_take_more(const cf_outgoing *outgoing)
{
    return window_allows(outgoing, 1) && has_room(outgoing);
}

/* An earlier entry of the same writer that has not gone out. */
static const cf_flight *held_before(const cf_outgoing *outgoing, const cf_flight *end,
                                    const cf_id *writer)
{
    for (const cf_flight *it = outgoing->flights; it < end; it++) {
        if (it->state != CF_FLIGHT_SENT && cf_id_equal(&it->head.writer, writer))
            return it;
    }
    return NULL;
}

typedef struct {
    cf_outgoing *outgoing;
    cf_outbox *outbox;
    cf_flight *again; /* NULL: an entry that goes out for the first time */
    bool stopped;     /* by the window */
    cf_status status;
    cf_error *error;
} visit;

/* False when no more may go out now. */
static bool send_new(cf_outgoing *outgoing, uint64_t position, const cf_entry *entry,
                     cf_outbox *outbox)
{
    cf_flight *it = cf_one_more(outgoing->flights, outgoing->count, outgoing->capacity);
    *it = (cf_flight){.head = cf_head_of(entry),
                      .position = position,
                      .size = entry->wire.size,
                      .collection = entry->header.collection};
    const cf_flight *before = held_before(outgoing, it, &it->head.writer);
    if (before) {
        it->state = before->state;
        it->waits_for_entry = true;
        it->waits_for_lock = before->waits_for_lock;
        it->waits_for_room = before->waits_for_room;
    } else if (window_allows(outgoing, it->size)) {
        send_entry(outgoing, it, entry, outbox);
    }
    return it->state != CF_FLIGHT_READY && may_take_more(outgoing);
}

static bool is_sent(const cf_outgoing *outgoing, const cf_entry *entry)
{
    return (outgoing->sends == CF_SENDS_ALL && !outgoing->is_confined) ||
           (outgoing->sends != CF_SENDS_NOTHING && entry->header.type == CF_ENTRY_MEMBER);
}

static bool visit_entry(void *context, uint64_t position, cf_bytes wire)
{
    visit *self = context;
    cf_outgoing *outgoing = self->outgoing;
    cf_entry entry;

    cf_arena_release(&outgoing->arena);
    self->status = cf_entry_read(wire, &outgoing->arena, &entry, self->error);
    if (self->status)
        return false;
    if (self->again) {
        send_entry(outgoing, self->again, &entry, self->outbox);
        return false;
    }
    if (cf_hash_set_contains(&outgoing->came, &entry.hash)) {
        cf_hash_set_remove(&outgoing->came, &entry.hash);
        return true;
    }
    if (has_ended(outgoing, &entry.header.writer) || !is_sent(outgoing, &entry))
        return true;
    self->stopped = !send_new(outgoing, position, &entry, self->outbox);
    return !self->stopped;
}

static cf_status send_again(cf_outgoing *outgoing, uint64_t now_ms, cf_outbox *outbox,
                            cf_error *error)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        cf_flight *it = &outgoing->flights[i];
        bool is_due =
            it->state == CF_FLIGHT_READY || (it->state == CF_FLIGHT_HELD && it->retry_ms <= now_ms);
        if (!is_due || held_before(outgoing, it, &it->head.writer))
            continue;
        it->state = CF_FLIGHT_READY;
        if (!window_allows(outgoing, it->size))
            break;
        visit self = {outgoing, outbox, it, false, CF_OK, error};
        cf_status status = outgoing->store->read(outgoing->store, &outgoing->user, it->position,
                                                 visit_entry, &self, error);
        if (!status)
            status = self.status;
        if (status)
            return status;
    }
    return CF_OK;
}

/* One that only the window keeps back. */
static bool has_ready(const cf_outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        const cf_flight *it = &outgoing->flights[i];
        if (it->state == CF_FLIGHT_READY && !held_before(outgoing, it, &it->head.writer))
            return true;
    }
    return false;
}

cf_status cf_outgoing_pump(cf_outgoing *outgoing, uint64_t now_ms, cf_outbox *outbox,
                           cf_error *error)
{
    visit self = {outgoing, outbox, NULL, false, CF_OK, error};
    cf_status status = CF_OK;

    if (outgoing->sent < outgoing->count)
        status = send_again(outgoing, now_ms, outbox, error);
    if (!status && !outgoing->drained && may_take_more(outgoing) && !has_ready(outgoing)) {
        status = cf_replay_next(outgoing->replay, visit_entry, &self, error);
        if (!status)
            status = self.status;
        outgoing->drained = !self.stopped && !cf_replay_rests(outgoing->replay);
    }
    if (status)
        cf_error_while(error, "reading the own log");
    return status;
}

bool cf_outgoing_is_locked_out(const cf_outgoing *outgoing,
                               bool (*is_anothers)(void *context, const cf_id *collection),
                               void *context)
{
    bool locked_out = outgoing->drained && outgoing->count > 0;

    for (size_t i = 0; locked_out && i < outgoing->count; i++)
        locked_out = is_locked(&outgoing->flights[i]) &&
                     is_anothers(context, &outgoing->flights[i].collection);
    return locked_out;
}

bool cf_outgoing_waits_for_room(const cf_outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->count; i++)
        if (is_short_of_room(&outgoing->flights[i]))
            return true;
    return false;
}

void cf_outgoing_try_room(cf_outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        cf_flight *it = &outgoing->flights[i];

        if (is_short_of_room(it)) {
            it->state = CF_FLIGHT_READY;
            it->waits_for_room = it->waits_for_entry = false;
        }
    }
}

bool cf_outgoing_lacks_room(const cf_outgoing *outgoing)
{
    bool lacks = false;

    for (size_t i = 0; i < outgoing->count; i++) {
        const cf_flight *it = &outgoing->flights[i];

        const bool waits =
            it->state == CF_FLIGHT_HELD && (it->waits_for_room || it->waits_for_entry);
        const bool is_behind =
            it->state == CF_FLIGHT_READY && held_before(outgoing, it, &it->head.writer);

        if (!waits && !is_behind)
            return false;
        lacks |= waits && it->waits_for_room;
    }
    return outgoing->drained && lacks;
}

bool cf_outgoing_is_done(const cf_outgoing *outgoing)
{
    return outgoing->drained && outgoing->count == 0;
}

bool cf_outgoing_is_waiting(const cf_outgoing *outgoing)
{
    return outgoing->sent > 0;
}

uint64_t cf_outgoing_deadline(const cf_outgoing *outgoing, uint64_t now_ms)
{
    uint64_t deadline = UINT64_MAX;

    for (size_t i = 0; outgoing->sent < outgoing->count && i < outgoing->count; i++) {
        const cf_flight *it = &outgoing->flights[i];
        if (it->state == CF_FLIGHT_HELD && it->retry_ms > now_ms && it->retry_ms < deadline)
            deadline = it->retry_ms;
    }
    return deadline;
}
