/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/refold.h"

#include "peer/log/peer.h"

#include <stdlib.h>

typedef struct {
    cf_peer *peer;
    bool write;
    const cf_ids *only;  /* NULL: all */
    cf_kv_list *records; /* NULL: they go nowhere, or are written */
    cf_refolded *out;
    cf_status status;
    cf_error *error;
} folding;

static cf_collection *collection_of(folding *self, const cf_id *id)
{
    cf_refolded *out = self->out;

    for (size_t i = 0; i < out->count; i++)
        if (cf_id_equal(&out->at[i]->id, id))
            return out->at[i];
    cf_collection *made = cf_collection_new(id, &self->peer->rules);
    *cf_one_more(out->at, out->count, out->capacity) = made;
    return made;
}

static bool is_wanted(const folding *self, const cf_entry *entry)
{
    bool wanted = !self->only;

    for (size_t i = 0; self->only && !wanted && i < self->only->count; i++)
        wanted = cf_id_equal(&self->only->at[i], &entry->header.collection);
    return wanted && entry->header.type != CF_ENTRY_MEMBER;
}

/* Items are compared as a whole; the rest is noted as it comes. */
static void keep(folding *self, const cf_kv_list *records)
{
    for (size_t i = 0; self->records && i < records->count; i++) {
        const cf_kv *record = &records->at[i];

        if (record->key.data[0] == CF_TABLE_ITEM)
            continue;
        if (record->value.data)
            cf_kv_list_put(self->records, record->key, record->value);
        else
            cf_kv_list_delete(self->records, record->key);
    }
}

/* It was when it came. */
static void saw_already(void *context, const cf_entry *entry, cf_time time, cf_kv_list *records)
{
    (void)context;
    (void)entry;
    (void)time;
    (void)records;
}

static cf_status fold(folding *self, const cf_entry *entry)
{
    cf_peer *peer = self->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_folding how = cf_peer_folding(peer);
    cf_kv_list records = {0};
    bool is_void;

    how.saw = saw_already;
    cf_status status = cf_log_is_void(peer->log, entry, &is_void, self->error);
    if (!status)
        status = cf_collection_fold(collection_of(self, &entry->header.collection), &how, entry,
                                    is_void, &records, self->error);
    if (status == CF_MISSING || status == CF_DENIED) /* it waits, as the record says */
        status = CF_OK;
    if (!status && self->write && records.count)
        status =
            store->write(store, cf_peer_user(peer), records.at, records.count, false, self->error);
    if (!status)
        keep(self, &records);
    cf_kv_list_release(&records);
    return status;
}

static bool fold_entry(void *context, uint64_t position, cf_bytes wire)
{
    folding *self = context;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error damage;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &damage) == CF_OK && is_wanted(self, &entry))
        self->status = fold(self, &entry);
    cf_arena_release(&arena);
    return self->status == CF_OK;
}

static cf_status fold_all(folding *self)
{
    cf_store *store = cf_home_store(self->peer->home);

    cf_status status =
        store->read(store, cf_peer_user(self->peer), 1, fold_entry, self, self->error);
    return status ? status : self->status;
}

cf_status cf_refold(cf_peer *peer, bool write, cf_refolded *out, cf_error *error)
{
    folding self = {.peer = peer, .write = write, .out = out, .error = error};

    cf_status status = fold_all(&self);
    cf_contents_settle(peer->contents);
    return status;
}

static bool drop_key(void *context, cf_bytes key, cf_bytes value)
{
    (void)value;
    cf_kv_list_delete(context, key);
    return true;
}

/* What waited is read with the rest; what can't be read yet is noted again. */
static cf_status forget_waiting(cf_peer *peer, const cf_ids *collections, cf_kv_list *records,
                                cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < collections->count; i++)
        status = store->scan(store, cf_peer_user(peer),
                             cf_key_collection(&arena, CF_TABLE_WAITING, &collections->at[i]),
                             drop_key, records, error);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_refold_some(cf_peer *peer, const cf_ids *collections, cf_kv_list *records,
                         cf_refolded *out, cf_error *error)
{
    folding self = {
        .peer = peer, .only = collections, .records = records, .out = out, .error = error};

    cf_status status = forget_waiting(peer, collections, records, error);
    return status ? status : fold_all(&self);
}

void cf_refolded_release(cf_refolded *refolded)
{
    for (size_t i = 0; i < refolded->count; i++)
        cf_collection_destroy(&refolded->at[i]);
    free(refolded->at);
    *refolded = (cf_refolded){0};
}

cf_status cf_table_clear(cf_peer *peer, cf_table_letter table, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    const uint8_t prefix = (uint8_t)table;
    cf_kv_list records = {0};

    cf_status status =
        store->scan(store, cf_peer_user(peer), cf_bytes_of(&prefix, 1), drop_key, &records, error);
    if (!status && records.count)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, false, error);
    cf_kv_list_release(&records);
    return status;
}
