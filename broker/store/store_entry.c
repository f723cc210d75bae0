/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_entry.h"

static bool copy_wire(void *context, uint64_t position, cf_bytes wire)
{
    (void)position;
    cf_buffer_append(context, wire.data, wire.size);
    return false;
}

cf_status cf_store_wire(cf_store *store, const cf_hash *user, const cf_head *entry, cf_buffer *wire,
                        cf_error *error)
{
    uint64_t position;
    cf_status status = store->find(store, user, entry, &position, error);

    if (!status)
        status = store->read(store, user, position, copy_wire, wire, error);
    return status;
}

cf_status cf_store_entry(cf_store *store, const cf_hash *user, const cf_head *entry,
                         cf_buffer *wire, cf_arena *arena, cf_entry *out, cf_error *error)
{
    cf_status status = cf_store_wire(store, user, entry, wire, error);

    if (!status)
        status = cf_entry_read(cf_buffer_view(wire), arena, out, error);
    return status;
}

cf_status cf_store_entry_at(cf_store *store, const cf_hash *user, uint64_t position,
                            cf_buffer *wire, cf_arena *arena, cf_entry *out, cf_error *error)
{
    cf_status status = store->read(store, user, position, copy_wire, wire, error);

    if (!status)
        status = cf_entry_read(cf_buffer_view(wire), arena, out, error);
    return status;
}

cf_status cf_store_holds(cf_store *store, const cf_hash *user, const cf_head *entry, bool *held,
                         cf_error *error)
{
    uint64_t position;
    cf_status status = store->find(store, user, entry, &position, error);

    *held = status == CF_OK;
    return status == CF_MISSING ? CF_OK : status;
}

cf_head cf_head_before(const cf_header *header)
{
    return (cf_head){header->writer, header->sequence - 1, header->previous};
}
