/* SPDX-License-Identifier: Apache-2.0 */
/* The token's record is what every change expects to find: who has read older leases writes
 * nothing. The record of a collection's own lease is what a publication expects. */
#include "broker/leases/lease_records.h"

#include "broker/leases/leases_pack.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE = 'l', TOKEN = 't', THING = 'c', THING_KEY_SIZE = 2 + 2 * CF_ID_SIZE };

static const uint8_t token_key[] = {TABLE, TOKEN};

typedef struct {
    cf_leases *leases;
    cf_status status;
    cf_error *error;
} loading;

static bool load_thing(void *context, cf_bytes key, cf_bytes value)
{
    loading *self = context;
    cf_id collection, name;

    if (key.size != THING_KEY_SIZE) {
        self->status = cf_fail(self->error, CF_BROKEN, "the key of a lease is damaged");
        return false;
    }
    memcpy(collection.bytes, key.data + 2, CF_ID_SIZE);
    memcpy(name.bytes, key.data + 2 + CF_ID_SIZE, CF_ID_SIZE);
    self->status = cf_leases_read(self->leases, &collection, &name, value, self->error);
    return !self->status;
}

static cf_status load_token(cf_store *store, const cf_hash *user, cf_leases *leases, cf_buffer *out,
                            cf_error *error)
{
    cf_status status =
        store->get(store, user, cf_bytes_of(token_key, sizeof token_key), out, error);

    if (status == CF_MISSING)
        return CF_OK;
    return status ? status : cf_leases_read_token(leases, cf_buffer_view(out), error);
}

cf_status cf_lease_records_load(cf_lease_records *keeper, cf_store *store, const cf_hash *user,
                                cf_error *error)
{
    const uint8_t things[] = {TABLE, THING};
    loading self = {cf_leases_new(), CF_OK, error};

    cf_buffer_clear(&keeper->token);
    cf_status status = load_token(store, user, self.leases, &keeper->token, error);
    if (!status)
        status =
            store->scan(store, user, cf_bytes_of(things, sizeof things), load_thing, &self, error);
    if (!status)
        status = self.status;
    if (status) {
        cf_leases_destroy(&self.leases);
        return status;
    }
    if (keeper->leases)
        cf_leases_move_waiters(self.leases, keeper->leases);
    cf_leases_destroy(&keeper->leases);
    keeper->leases = self.leases;
    return CF_OK;
}

void cf_lease_records_release(cf_lease_records *keeper)
{
    cf_leases_destroy(&keeper->leases);
    cf_buffer_release(&keeper->token);
}

/* The record of a thing as it is now; without leases there is none. */
static cf_kv record_of(const cf_leases *leases, const cf_id *collection, const cf_id *name,
                       cf_arena *arena)
{
    uint8_t key[THING_KEY_SIZE] = {TABLE, THING};
    cf_buffer value = {0};
    cf_kv record = {{0}, {0}};

    memcpy(key + 2, collection->bytes, CF_ID_SIZE);
    memcpy(key + 2 + CF_ID_SIZE, name->bytes, CF_ID_SIZE);
    record.key = cf_arena_copy(arena, cf_bytes_of(key, sizeof key));
    cf_leases_pack(leases, collection, name, &value);
    if (value.size)
        record.value = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return record;
}

void cf_lease_records_take(cf_lease_records *keeper, cf_arena *arena, cf_lease_change *out)
{
    cf_bytes key = cf_bytes_of(token_key, sizeof token_key);
    size_t capacity = 0;
    cf_kv *records = NULL;
    cf_id collection, name;

    *out = (cf_lease_change){.expected = {key, {0}}};
    if (keeper->token.size)
        out->expected.value = cf_arena_copy(arena, cf_buffer_view(&keeper->token));
    while (cf_leases_changed(keeper->leases, &collection, &name)) {
        const cf_kv record = record_of(keeper->leases, &collection, &name, arena);

        *cf_one_more(records, out->count, capacity) = record;
    }
    if (!out->count)
        return;
    cf_buffer_clear(&keeper->token);
    cf_leases_pack_token(keeper->leases, &keeper->token);
    *cf_one_more(records, out->count, capacity) =
        (cf_kv){key, cf_arena_copy(arena, cf_buffer_view(&keeper->token))};
    out->records = cf_arena_allocate(arena, out->count, sizeof *records);
    memcpy(out->records, records, out->count * sizeof *records);
    free(records);
}

cf_kv cf_lease_records_fence(const cf_lease_records *keeper, const cf_id *collection,
                             cf_arena *arena)
{
    static const cf_id whole;

    return record_of(keeper->leases, collection, &whole, arena);
}
