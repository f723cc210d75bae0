/* SPDX-License-Identifier: Apache-2.0 */
/* Leases in the home: each of this device's by itself, synced, and in one record, unsynced, what
 * the broker said last of all in force. A record that can't be read is passed over: the broker
 * tells of the lease again. */
#include "peer/locks/locks_inside.h"

#include "codec/pack.h"
#include "peer/log/tables.h"

#include <stdlib.h>

/* A lock of one act has an element more, which earlier builds take for damage, and so for none. */
enum { OWN_ELEMENTS = 8, PASSING_ELEMENTS = 9, KNOWN_ELEMENTS = 6 };

#define KNOWN "leases" /* what the broker said last of all in force */

static void write_records(cf_locks *locks, const cf_kv *record, bool synced)
{
    cf_store *store = cf_home_store(locks->peer->home);
    cf_error error;

    if (store->write(store, cf_peer_user(locks->peer), record, 1, synced, &error))
        cf_report(locks->peer->env, CF_REPORT_WARNING, "keeping a lock: %s", error.text);
}

/* ---- Own ---- */

static cf_bytes key_of(cf_arena *arena, const cf_lock *lock)
{
    return cf_key_collection(arena, CF_TABLE_LOCK, &lock->request);
}

static void pack_id(cf_buffer *out, const cf_id *id)
{
    cf_pack_bin(out, cf_bytes_of(id->bytes, CF_ID_SIZE));
}

void cf_locks_keep(cf_locks *locks, const cf_lock *lock)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_array(&value, lock->passes ? PASSING_ELEMENTS : OWN_ELEMENTS);
    pack_id(&value, &lock->collection);
    pack_id(&value, &lock->item);
    pack_id(&value, &lock->name);
    cf_pack_uint(&value, lock->for_ms);
    cf_pack_bool(&value, lock->shared);
    cf_pack_uint(&value, lock->token.generation);
    cf_pack_uint(&value, lock->token.counter);
    cf_pack_uint(&value, lock->until_ms);
    if (lock->passes)
        cf_pack_bool(&value, true);
    write_records(locks, &(cf_kv){key_of(&arena, lock), cf_buffer_view(&value)}, true);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_locks_unkeep(cf_locks *locks, const cf_lock *lock)
{
    cf_arena arena = {0};

    write_records(locks, &(cf_kv){key_of(&arena, lock), {0}}, false);
    cf_arena_release(&arena);
}

void cf_locks_withdraw(const cf_locks *locks, const cf_lock *lock)
{
    static const cf_id whole;

    if (locks->peer->link && cf_id_equal(&lock->item, &whole))
        cf_link_token(locks->peer->link, &lock->collection, NULL);
}

void cf_locks_drop(cf_locks *locks, const cf_lock *lock)
{
    if (lock->state != CF_LOCK_HELD)
        return;
    cf_locks_unkeep(locks, lock);
    cf_locks_withdraw(locks, lock);
}

static cf_status read_own(cf_bytes value, cf_lock *lock, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    size_t count;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && count != OWN_ELEMENTS && count != PASSING_ELEMENTS)
        status = cf_fail(error, CF_MALFORMED, "%zu elements", count);
    if (!status)
        status = cf_read_bin_exact(&reader, lock->collection.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(&reader, lock->item.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(&reader, lock->name.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_uint(&reader, &lock->for_ms, error);
    if (!status)
        status = cf_read_bool(&reader, &lock->shared, error);
    if (!status)
        status = cf_read_uint(&reader, &lock->token.generation, error);
    if (!status)
        status = cf_read_uint(&reader, &lock->token.counter, error);
    if (!status)
        status = cf_read_uint(&reader, &lock->until_ms, error);
    if (!status && count == PASSING_ELEMENTS)
        status = cf_read_bool(&reader, &lock->passes, error);
    return status ? status : cf_read_end(&reader, error);
}

static bool load_own(void *context, cf_bytes key, cf_bytes value)
{
    cf_locks *locks = context;
    cf_lock lock = {.state = CF_LOCK_HELD};
    cf_error ignored;

    if (key.size != 1 + CF_ID_SIZE || read_own(value, &lock, &ignored))
        return true;
    memcpy(lock.request.bytes, key.data + 1, CF_ID_SIZE);
    *cf_one_more(locks->own, locks->own_count, locks->own_capacity) = lock;
    return true;
}

/* ---- Those in force ---- */

void cf_locks_keep_known(cf_locks *locks)
{
    cf_arena arena = {0};
    cf_buffer value = {0};

    cf_pack_array(&value, locks->known_count);
    for (size_t i = 0; i < locks->known_count; i++) {
        const cf_lease *lease = &locks->known[i];

        cf_pack_array(&value, KNOWN_ELEMENTS);
        pack_id(&value, &lease->collection);
        pack_id(&value, &lease->name);
        cf_pack_bin(&value, cf_bytes_of(lease->holder.bytes, CF_HASH_SIZE));
        cf_pack_uint(&value, lease->until_ms);
        cf_pack_bool(&value, lease->shared);
        cf_pack_uint(&value, lease->since_ms);
    }
    write_records(locks, &(cf_kv){cf_key_meta(&arena, KNOWN), cf_buffer_view(&value)}, false);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static cf_status read_known(cf_reader *reader, cf_lease *lease, cf_error *error)
{
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count != KNOWN_ELEMENTS)
        status = cf_fail(error, CF_MALFORMED, "%zu elements", count);
    if (!status)
        status = cf_read_bin_exact(reader, lease->collection.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(reader, lease->name.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(reader, lease->holder.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_uint(reader, &lease->until_ms, error);
    if (!status)
        status = cf_read_bool(reader, &lease->shared, error);
    if (!status)
        status = cf_read_uint(reader, &lease->since_ms, error);
    return status;
}

/* A record that is damaged says nothing: the broker says it again. */
static void read_all_known(cf_locks *locks, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    size_t count = 0;

    if (cf_read_array(&reader, &count, &ignored))
        return;
    for (size_t i = 0; i < count; i++) {
        cf_lease lease;

        if (read_known(&reader, &lease, &ignored))
            return;
        *cf_one_more(locks->known, locks->known_count, locks->known_capacity) = lease;
    }
}

cf_status cf_locks_load(cf_locks *locks, cf_error *error)
{
    cf_store *store = cf_home_store(locks->peer->home);
    const cf_hash *user = cf_peer_user(locks->peer);
    const uint8_t table = CF_TABLE_LOCK;
    cf_buffer value = {0};
    cf_arena arena = {0};

    cf_status status = store->scan(store, user, cf_bytes_of(&table, 1), load_own, locks, error);
    if (!status)
        status = store->get(store, user, cf_key_meta(&arena, KNOWN), &value, error);
    if (!status)
        read_all_known(locks, cf_buffer_view(&value));
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    return status == CF_MISSING ? CF_OK : status;
}
