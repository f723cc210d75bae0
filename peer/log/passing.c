/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/passing.h"

#include "broker/store/reserve.h"
#include "peer/log/unsent.h"

/* What is smaller, or names no blob, may be taken where this is not. */
static bool is_in_the_way(const cf_entry *entry)
{
    return entry->header.type == CF_ENTRY_CHANGE &&
           !cf_id_equal(&entry->header.collection, &cf_member_log_id) &&
           !cf_id_equal(&entry->header.collection, &cf_catalog_id) &&
           (entry->wire.size > CF_RESERVE_SMALL || entry->header.blob_count);
}

static cf_status read_entry(const cf_peer *peer, const cf_head *head, cf_arena *arena,
                            cf_entry *out, cf_error *error)
{
    cf_buffer wire = {0};

    cf_status status = cf_log_get(peer->log, head, &wire, error);
    if (!status)
        status = cf_entry_read(cf_arena_copy(arena, cf_buffer_view(&wire)), arena, out, error);
    cf_buffer_release(&wire);
    return status;
}

/* Of the heads of a collection the own ones, and those of them that the broker lacks. */
static cf_status list_own(const cf_peer *peer, const cf_id *collection, size_t *own,
                          cf_heads *unsent, cf_error *error)
{
    const cf_heads *heads = cf_author_heads(peer->author, collection);
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < heads->count; i++) {
        cf_arena arena = {0};
        cf_entry entry;

        status = read_entry(peer, &heads->heads[i], &arena, &entry, error);
        if (!status && cf_hash_equal(&entry.header.device, cf_peer_device(peer))) {
            ++*own;
            if (cf_unsent_holds(cf_home_store(peer->home), cf_peer_user(peer), &heads->heads[i]))
                cf_heads_insert(unsent, &heads->heads[i]);
        }
        cf_arena_release(&arena);
    }
    return status;
}

static cf_status pass(cf_peer *peer, const cf_id *collection, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_heads unsent = {0};
    cf_records records = {0};
    size_t own = 0;

    cf_status status = list_own(peer, collection, &own, &unsent, error);
    if (!status && unsent.count <= CF_PASSED_MAX && own < CF_WRITERS_OF_ONE) {
        cf_author_pass(peer->author, collection, &unsent, &records);
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    }
    cf_records_release(&records);
    cf_heads_release(&unsent);
    return status;
}

cf_status cf_peer_pass(cf_peer *peer, const cf_head *refused, cf_error *error)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_id writer;

    cf_status status = read_entry(peer, refused, &arena, &entry, error);
    if (!status && is_in_the_way(&entry) &&
        cf_author_writer(peer->author, &entry.header.collection, &writer) &&
        cf_id_equal(&writer, &refused->writer))
        status = pass(peer, &entry.header.collection, error);
    cf_arena_release(&arena);
    return status;
}
