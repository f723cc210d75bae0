/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/outgoing.h"

#include <stdlib.h>

#include "broker/platform/hash_set.h"
#include "codec/deadlines.h"
#include "codec/limits.h"

typedef enum {
    FLIGHT_READY, /* goes out when the window allows */
    FLIGHT_SENT,
    FLIGHT_HELD, /* until retry_ms */
} flight_state;

typedef struct {
    cf_head head;
    uint64_t position;
    size_t size;
    flight_state state;
    bool waits_for_entry; /* refused for a gap, or behind one that is held */
    bool waits_for_blobs;
    bool waits_for_lock;
    bool waits_for_room; /* on the other's disk, or of its user's quota */
    bool had_token;      /* when it was last sent */
    cf_id collection;
    uint64_t retry_ms;
    uint64_t delay_ms; /* 0: never refused */
} flight;

/* A lease that the own side has. */
typedef struct {
    cf_id collection;
    cf_lease_token token;
} leased;

struct cf_outgoing {
    cf_store *store;
    cf_hash user;
    cf_sends sends;
    cf_outgoing_withholds *withholds;
    void *context;    /* of that */
    bool is_confined; /* to the member log */
    cf_replay *replay;
    uint64_t window;  /* that the other grants, */
    uint64_t carried; /* and what the line takes at once; 0: all of that */
    flight *flights;  /* ascending by position */
    size_t count, capacity;
    size_t sent;      /* flights in FLIGHT_SENT */
    size_t sent_size; /* their bytes */
    bool drained;     /* the replay had nothing more */
    cf_hash_set came, without;
    leased *leases;
    size_t lease_count, lease_capacity;
    cf_id *ended; /* writers of whom an entry was refused for good */
    size_t ended_count, ended_capacity;
    cf_arena arena; /* of the entry in hand */
};

enum { FLIGHTS_MAX = 1024, RETRY_MS = 1000, RETRY_MS_MAX = 60000 };

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

void cf_outgoing_withhold(cf_outgoing *outgoing, cf_outgoing_withholds *withholds, void *context)
{
    outgoing->withholds = withholds;
    outgoing->context = context;
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

void cf_outgoing_forget_entry(cf_outgoing *outgoing, const cf_hash *entry)
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

static void release(cf_outgoing *outgoing, bool waits_for_entry, bool waits_for_blobs)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        flight *it = &outgoing->flights[i];
        if (it->state == FLIGHT_HELD &&
            ((waits_for_entry && it->waits_for_entry) || (waits_for_blobs && it->waits_for_blobs)))
            it->state = FLIGHT_READY;
    }
}

void cf_outgoing_blobs_changed(cf_outgoing *outgoing)
{
    release(outgoing, true, true);
}

void cf_outgoing_without(cf_outgoing *outgoing, const cf_hash *blob)
{
    cf_hash_set_insert(&outgoing->without, blob);
    release(outgoing, true, true);
}

static leased *lease_of(const cf_outgoing *outgoing, const cf_id *collection)
{
    for (size_t i = 0; i < outgoing->lease_count; i++)
        if (cf_id_equal(&outgoing->leases[i].collection, collection))
            return &outgoing->leases[i];
    return NULL;
}

void cf_outgoing_locks_changed(cf_outgoing *outgoing)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        flight *it = &outgoing->flights[i];
        if (it->state == FLIGHT_HELD && it->waits_for_lock) {
            it->state = FLIGHT_READY;
            it->delay_ms = 0;
        }
    }
    release(outgoing, true, false);
}

void cf_outgoing_token(cf_outgoing *outgoing, const cf_id *collection, const cf_lease_token *token)
{
    leased *lease = lease_of(outgoing, collection);

    if (!token && lease) {
        *lease = outgoing->leases[--outgoing->lease_count];
    } else if (token) {
        if (!lease) {
            lease = cf_one_more(outgoing->leases, outgoing->lease_count, outgoing->lease_capacity);
        }
        *lease = (leased){*collection, *token};
    }
    cf_outgoing_locks_changed(outgoing);
}

bool cf_outgoing_is_locked(const cf_outgoing *outgoing, const cf_id *collection)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        const flight *it = &outgoing->flights[i];
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

static void send_entry(cf_outgoing *outgoing, flight *it, const cf_entry *entry, cf_outbox *outbox)
{
    size_t count = 0;
    const cf_hash *without = without_of(outgoing, entry, &count);
    const leased *lease = lease_of(outgoing, &entry->header.collection);
    cf_message message = {
        .command = CF_COMMAND_PUBLISH,
        .publish = {.token = lease ? &lease->token : NULL,
                    .without = without,
                    .without_count = count,
                    .entry = entry->wire},
    };

    it->had_token = lease != NULL;
    cf_outbox_add(outbox, (cf_bytes){0}, &message);
    it->state = FLIGHT_SENT;
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

static bool is_locked(const flight *it)
{
    return it->state == FLIGHT_HELD && it->waits_for_lock;
}

static bool is_short_of_room(const flight *it)
{
    return it->state == FLIGHT_HELD && it->waits_for_room;
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
static const flight *held_before(const cf_outgoing *outgoing, const flight *end,
                                 const cf_id *writer)
{
    for (const flight *it = outgoing->flights; it < end; it++) {
        if (it->state != FLIGHT_SENT && cf_id_equal(&it->head.writer, writer))
            return it;
    }
    return NULL;
}

typedef struct {
    cf_outgoing *outgoing;
    cf_outbox *outbox;
    flight *again; /* NULL: an entry that goes out for the first time */
    bool stopped;  /* by the window */
    cf_status status;
    cf_error *error;
} visit;

/* False when no more may go out now. */
static bool send_new(cf_outgoing *outgoing, uint64_t position, const cf_entry *entry,
                     cf_outbox *outbox)
{
    flight *it = cf_one_more(outgoing->flights, outgoing->count, outgoing->capacity);
    *it = (flight){.head = cf_head_of(entry),
                   .position = position,
                   .size = entry->wire.size,
                   .collection = entry->header.collection};
    const flight *before = held_before(outgoing, it, &it->head.writer);
    if (before) {
        it->state = before->state;
        it->waits_for_entry = true;
        it->waits_for_lock = before->waits_for_lock;
        it->waits_for_room = before->waits_for_room;
    } else if (window_allows(outgoing, it->size)) {
        send_entry(outgoing, it, entry, outbox);
    }
    return it->state != FLIGHT_READY && may_take_more(outgoing);
}

static bool is_sent(const cf_outgoing *outgoing, const cf_entry *entry)
{
    const cf_head head = cf_head_of(entry);

    if (outgoing->withholds && outgoing->withholds(outgoing->context, &head))
        return false;
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
        flight *it = &outgoing->flights[i];
        bool is_due =
            it->state == FLIGHT_READY || (it->state == FLIGHT_HELD && it->retry_ms <= now_ms);
        if (!is_due || held_before(outgoing, it, &it->head.writer))
            continue;
        it->state = FLIGHT_READY;
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
        const flight *it = &outgoing->flights[i];
        if (it->state == FLIGHT_READY && !held_before(outgoing, it, &it->head.writer))
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
        outgoing->drained = !self.stopped && !cf_replay_has_more(outgoing->replay);
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
        flight *it = &outgoing->flights[i];

        if (is_short_of_room(it)) {
            it->state = FLIGHT_READY;
            it->waits_for_room = it->waits_for_entry = false;
        }
    }
}

bool cf_outgoing_lacks_room(const cf_outgoing *outgoing)
{
    bool lacks = false;

    for (size_t i = 0; i < outgoing->count; i++) {
        const flight *it = &outgoing->flights[i];

        const bool waits = it->state == FLIGHT_HELD && (it->waits_for_room || it->waits_for_entry);
        const bool is_behind =
            it->state == FLIGHT_READY && held_before(outgoing, it, &it->head.writer);

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
        const flight *it = &outgoing->flights[i];
        if (it->state == FLIGHT_HELD && it->retry_ms > now_ms)
            cf_deadline_lower(&deadline, it->retry_ms);
    }
    return deadline;
}

/* ---- What is said of it ---- */

static flight *find(cf_outgoing *outgoing, const cf_hash *hash)
{
    for (size_t i = 0; i < outgoing->count; i++) {
        if (cf_hash_equal(&outgoing->flights[i].head.hash, hash))
            return &outgoing->flights[i];
    }
    return NULL;
}

static void land(cf_outgoing *outgoing, flight *it)
{
    if (it->state != FLIGHT_SENT)
        return;
    it->state = FLIGHT_READY;
    outgoing->sent--;
    outgoing->sent_size -= it->size;
}

static void take_away(cf_outgoing *outgoing, flight *it)
{
    size_t after = (size_t)(outgoing->flights + outgoing->count - it) - 1;

    land(outgoing, it);
    memmove(it, it + 1, after * sizeof *it);
    outgoing->count--;
}

bool cf_outgoing_accepted(cf_outgoing *outgoing, const cf_head *entry)
{
    flight *it = find(outgoing, &entry->hash);

    if (!it)
        return false;
    bool was_refused = it->delay_ms > 0;
    take_away(outgoing, it);
    if (was_refused)
        release(outgoing, true, false);
    return true;
}

static void end_writer(cf_outgoing *outgoing, const cf_id *writer)
{
    *cf_one_more(outgoing->ended, outgoing->ended_count, outgoing->ended_capacity) = *writer;
    for (size_t i = outgoing->count; i-- > 0;) {
        if (cf_id_equal(&outgoing->flights[i].head.writer, writer))
            take_away(outgoing, &outgoing->flights[i]);
    }
}

/* What comes after an entry that waits for a lock, or for room, waits for the same. */
static void follow_before(const cf_outgoing *outgoing, flight *end)
{
    for (const flight *it = outgoing->flights; it < end; it++)
        if (cf_id_equal(&it->head.writer, &end->head.writer)) {
            end->waits_for_lock |= it->waits_for_lock;
            end->waits_for_room |= it->waits_for_room;
        }
}

static void hold(cf_outgoing *outgoing, flight *it, cf_bytes code, uint64_t now_ms)
{
    land(outgoing, it);
    it->state = FLIGHT_HELD;
    it->waits_for_entry = cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_GAP));
    it->waits_for_blobs = cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_BLOBS));
    it->waits_for_lock = cf_bytes_equal(code, cf_bytes_of_text(CF_REFUSED_LOCKED));
    it->waits_for_room = cf_message_is_for_room(code);
    if (it->waits_for_entry)
        follow_before(outgoing, it);
    it->delay_ms = it->delay_ms ? it->delay_ms * 2 : RETRY_MS;
    if (it->delay_ms > RETRY_MS_MAX)
        it->delay_ms = RETRY_MS_MAX;
    it->retry_ms = now_ms + it->delay_ms;
}

bool cf_outgoing_refused(cf_outgoing *outgoing, const cf_message *message, uint64_t now_ms,
                         cf_head *entry)
{
    cf_hash hash;
    flight *it = NULL;

    if (message->refused.name.size == sizeof hash.bytes) {
        memcpy(hash.bytes, message->refused.name.data, sizeof hash.bytes);
        it = find(outgoing, &hash);
    }
    if (!it || it->state != FLIGHT_SENT)
        return false;
    *entry = it->head;
    /* There will be no room for it while this session lasts; all else goes on. */
    bool is_over =
        cf_bytes_equal(message->refused.code, cf_bytes_of_text(CF_REFUSED_TOO_MANY_CHAINS));
    if (message->refused.later && !is_over) {
        bool is_stale = it->had_token &&
                        cf_bytes_equal(message->refused.code, cf_bytes_of_text(CF_REFUSED_LOCKED));
        cf_id collection = it->collection;

        hold(outgoing, it, message->refused.code, now_ms);
        if (is_stale) /* at once, without it */
            cf_outgoing_token(outgoing, &collection, NULL);
    } else
        end_writer(outgoing, &entry->writer);
    return true;
}
