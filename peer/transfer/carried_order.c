/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/carried_order.h"

#include <stdlib.h>

enum {
    WINDOW = 64,     /* entries that are read at once, */
    LOOKED_AT = 256, /* unless they name more blobs: so many are looked at in one step */
    AHEAD = 64, /* blobs that are lacking; before older ones are looked for, some have to come */
    RETRY_MS = 60000, /* after the disk refused something */
};

static uint64_t hash_of(const cf_hash *id)
{
    return cf_hash_bytes(0, cf_bytes_of(id->bytes, sizeof id->bytes));
}

/* Said once, however often it is tried. */
void cf_carried_in_trouble(cf_carried *self, const cf_error *why)
{
    const cf_env *env = self->options.peer->env;
    const bool is_known = strcmp(self->trouble.text, why->text) == 0;

    self->trouble = *why;
    self->retry_ms = cf_env_steady_ms(env) + RETRY_MS;
    if (!is_known)
        cf_report(env, CF_REPORT_WARNING, "blobs can't be kept here: %s; trying again every minute",
                  why->text);
}

cf_carried_blob *cf_carried_find(const cf_carried *self, const cf_hash *id)
{
    for (cf_hash_link *at = cf_hash_table_first(&self->table, hash_of(id)); at;
         at = cf_hash_table_next(at)) {
        cf_carried_blob *blob = cf_container_of(at, cf_carried_blob, link);

        if (cf_hash_equal(&blob->id, id))
            return blob;
    }
    return NULL;
}

/* ---- The order ---- */

static void put_first(cf_carried *self, cf_carried_blob *blob)
{
    blob->newer = NULL;
    blob->older = self->newest;
    *(self->newest ? &self->newest->newer : &self->oldest) = blob;
    self->newest = blob;
}

static void put_last(cf_carried *self, cf_carried_blob *blob)
{
    blob->older = NULL;
    blob->newer = self->oldest;
    *(self->oldest ? &self->oldest->older : &self->newest) = blob;
    self->oldest = blob;
}

static void take_out(cf_carried *self, cf_carried_blob *blob)
{
    *(blob->newer ? &blob->newer->older : &self->newest) = blob->older;
    *(blob->older ? &blob->older->newer : &self->oldest) = blob->newer;
    if (self->next == blob)
        self->next = blob->older;
}

void cf_carried_become(cf_carried *self, cf_carried_blob *blob, cf_carried_state state)
{
    self->is_crowded &= blob->state != CF_CARRIED_FETCHING;
    self->counts[blob->state]--;
    self->held_size -= blob->state == CF_CARRIED_HELD ? blob->size : 0;
    blob->state = state;
    self->counts[state]++;
    self->held_size += state == CF_CARRIED_HELD ? blob->size : 0;
    if (state == CF_CARRIED_LACKING)
        self->next = NULL;
}

void cf_carried_set_size(cf_carried *self, cf_carried_blob *blob, uint64_t size)
{
    self->used += size - blob->size;
    blob->size = size;
}

static void forget(cf_carried *self, cf_carried_blob *blob)
{
    cf_link *link = self->options.peer->link;

    if (blob->state == CF_CARRIED_FETCHING && link)
        cf_transfer_forget_want(cf_link_transfer(link), &blob->id);
    cf_carried_become(self, blob, CF_CARRIED_ABSENT);
    self->counts[CF_CARRIED_ABSENT]--;
    cf_carried_set_size(self, blob, 0);
    take_out(self, blob);
    cf_hash_table_remove(&self->table, &blob->link);
    free(blob);
}

static void drop(cf_carried *self, const cf_hash *id)
{
    cf_blobs *blobs = self->options.blobs;
    cf_error error;

    if (blobs->drop(blobs, cf_peer_user(self->options.peer), id, &error))
        cf_carried_in_trouble(self, &error);
}

void cf_carried_make_room(cf_carried *self)
{
    while (self->held_size > self->options.room) {
        const cf_hash id = self->oldest->id;

        forget(self, self->oldest);
        drop(self, &id);
        self->end = id;
        self->is_closed = self->drops_older = self->ends_new = true;
    }
}

void cf_carried_forget_all(cf_carried *self)
{
    while (self->newest)
        forget(self, self->newest);
    cf_hash_table_release(&self->table);
    free(self->old.at);
    free(self->new.at);
    self->old = self->new = (cf_carried_named){0};
    self->begun = self->is_closed = self->drops_older = self->is_swept = false;
}

/* A blob's id, and the room that there was; empty: none. One without a room is of before there was
 * any beside it. */
static const char end_name[] = "carried-end";

/* With another room there may be one for it. */
void cf_carried_recall_end(cf_carried *self)
{
    const size_t size = sizeof self->end.bytes;
    cf_buffer kept = {0};
    cf_error ignored; /* it costs a blob */

    if (cf_home_get(self->options.peer->home, end_name, &kept, &ignored) == CF_OK &&
        kept.size == size + 8 && cf_get_u64(kept.data + size) == self->options.room)
        memcpy(self->end.bytes, kept.data, size);
    cf_buffer_release(&kept);
}

void cf_carried_keep_end(cf_carried *self)
{
    static const cf_hash none;
    cf_buffer kept = {0};
    cf_error error;

    self->ends_new = false;
    if (!cf_hash_equal(&self->end, &none)) {
        cf_buffer_append(&kept, self->end.bytes, sizeof self->end.bytes);
        cf_put_u64(cf_buffer_reserve(&kept, 8), self->options.room);
        kept.size += 8;
    }
    if (cf_home_set(self->options.peer->home, end_name, cf_buffer_view(&kept), &error))
        cf_carried_in_trouble(self, &error);
    cf_buffer_release(&kept);
}

/* ---- What the log names ---- */

typedef struct {
    cf_carried_named *named;
    uint64_t end;  /* the position after the last that is wanted, */
    size_t left;   /* and how many are */
    uint64_t seen; /* the position after the last that there was */
    bool is_cut;   /* there were more, which name too many */
} reading;

/* What can't be read the store's own check names. */
static bool note_entry(void *context, uint64_t position, cf_bytes wire)
{
    reading *self = context;
    cf_carried_named *named = self->named;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    if (position >= self->end || !self->left)
        return false;
    self->is_cut = named->count >= LOOKED_AT;
    if (self->is_cut)
        return false;
    self->left--;
    self->seen = position + 1;
    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK && entry.header.blob_count) {
        named->at = cf_grow(named->at, &named->capacity, named->count + entry.header.blob_count,
                            sizeof *named->at);
        memcpy(named->at + named->count, entry.header.blobs,
               entry.header.blob_count * sizeof *named->at);
        named->count += entry.header.blob_count;
    }
    cf_arena_release(&arena);
    return true;
}

static cf_status read_named(const cf_carried *self, uint64_t begin, reading *more, cf_error *error)
{
    cf_store *store = cf_log_store(self->options.peer->log);

    more->seen = begin;
    more->left = WINDOW;
    more->named->count = more->named->done = 0;
    return store->read(store, cf_peer_user(self->options.peer), begin, note_entry, more, error);
}

static cf_carried_blob *new_blob(cf_carried *self, const cf_hash *id)
{
    cf_blobs *blobs = self->options.blobs;
    cf_carried_blob *blob = cf_allocate(1, sizeof *blob);
    cf_blob_held held = {0};
    cf_error error;

    blob->id = *id;
    blob->state = CF_CARRIED_LACKING;
    self->counts[CF_CARRIED_LACKING]++;
    cf_hash_table_add(&self->table, &blob->link, hash_of(id));
    if (blobs->held(blobs, cf_peer_user(self->options.peer), id, &held, &error))
        cf_carried_in_trouble(self, &error);
    if (held.complete) {
        cf_carried_set_size(self, blob, held.size);
        cf_carried_become(self, blob, CF_CARRIED_HELD);
    } else {
        blob->from = held.size;
    }
    return blob;
}

/* The blob is the newest now, also where an older entry named it before. */
static void take_new(cf_carried *self, const cf_hash *id)
{
    cf_carried_blob *blob = cf_carried_find(self, id);

    if (blob)
        take_out(self, blob);
    else
        blob = new_blob(self, id);
    put_first(self, blob);
    if (blob->state == CF_CARRIED_LACKING)
        self->next = blob;
}

/* For the one that was dropped last there is no more room than there was then. */
static void take_old(cf_carried *self, const cf_hash *id)
{
    if (cf_carried_find(self, id))
        return;
    cf_carried_blob *blob = new_blob(self, id);
    put_last(self, blob);
    if (blob->state == CF_CARRIED_LACKING && cf_hash_equal(id, &self->end)) {
        forget(self, blob);
        self->is_closed = self->drops_older = true;
        return;
    }
    if (blob->state == CF_CARRIED_LACKING && self->counts[CF_CARRIED_LACKING] == 1)
        self->next = blob;
}

static bool has_new(const cf_carried *self)
{
    return self->new.done < self->new.count;
}

/* Entries that came since: their blobs are fetched first. */
static cf_status look_at_new(cf_carried *self, cf_error *error)
{
    reading more = {.named = &self->new, .end = UINT64_MAX};
    size_t left = LOOKED_AT;

    cf_status status = has_new(self) ? CF_OK : read_named(self, self->high, &more, error);
    if (status)
        return status;
    if (more.seen) {
        self->grew = more.seen > self->high;
        self->high = more.seen;
    }
    self->drops_older |= self->new.count && !self->options.room;
    for (; self->options.room && has_new(self) && left; left--)
        take_new(self, &self->new.at[self->new.done++]);
    if (!self->options.room)
        self->new.done = self->new.count;
    cf_carried_make_room(self);
    return CF_OK;
}

/* The entries just before those that were read: fewer where these would name too many blobs. */
static cf_status read_old(cf_carried *self, cf_error *error)
{
    reading before = {.named = &self->old, .end = self->low, .is_cut = true};
    cf_status status = CF_OK;
    uint64_t begin = self->low;

    for (uint64_t window = WINDOW; !status && window && before.is_cut; window /= 2) {
        begin = self->low > window ? self->low - window : 1;
        before.is_cut = false;
        status = read_named(self, begin, &before, error);
    }
    if (!status)
        self->low = begin;
    return status;
}

static bool wants_old(const cf_carried *self)
{
    return !cf_carried_is_through(self) && self->counts[CF_CARRIED_LACKING] < AHEAD;
}

static cf_status look_at_old(cf_carried *self, cf_error *error)
{
    cf_status status = self->old.count ? CF_OK : read_old(self, error);

    for (size_t left = LOOKED_AT; !status && self->old.count && wants_old(self) && left; left--) {
        take_old(self, &self->old.at[--self->old.count]);
        cf_carried_make_room(self);
    }
    return status;
}

/* ---- What lies there, and is none of these ---- */

typedef struct {
    cf_carried *carried;
    bool any;
} strangers;

static bool drop_stranger(void *context, const cf_blob_info *info)
{
    strangers *self = context;

    if (cf_carried_find(self->carried, &info->id))
        return true;
    self->any |= info->complete;
    drop(self->carried, &info->id);
    return true;
}

/* Once all that is to be there is known: a size that was allowed before may have been larger. */
static void sweep(cf_carried *self)
{
    cf_blobs *blobs = self->options.blobs;
    strangers found = {.carried = self};
    cf_error error;

    self->is_swept = true;
    if (blobs->list(blobs, cf_peer_user(self->options.peer), 0, drop_stranger, &found, &error))
        cf_carried_in_trouble(self, &error);
    self->drops_older |= found.any;
}

/* ---- One look ---- */

static cf_status begin(cf_carried *self, cf_error *error)
{
    cf_store *store = cf_log_store(self->options.peer->log);
    uint64_t last = 0;

    cf_status status = store->last(store, cf_peer_user(self->options.peer), &last, error);
    if (status)
        return status;
    self->begun = true;
    self->low = self->high = last + 1;
    self->is_closed = self->options.room == 0;
    return CF_OK;
}

bool cf_carried_is_through(const cf_carried *self)
{
    return self->begun && (self->is_closed || (self->low == 1 && !self->old.count));
}

bool cf_carried_looks(const cf_carried *self)
{
    return !self->begun || self->grew || has_new(self) || wants_old(self);
}

cf_status cf_carried_look(cf_carried *self, cf_error *error)
{
    cf_status status = self->begun ? CF_OK : begin(self, error);

    if (!status && (self->grew || has_new(self)))
        status = look_at_new(self, error);
    if (!status && wants_old(self))
        status = look_at_old(self, error);
    if (!status && cf_carried_is_through(self) && !has_new(self) && !self->is_swept)
        sweep(self);
    return status;
}
