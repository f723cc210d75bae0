/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/engine/engine_inside.h"

#include <stdlib.h>

/* ---- What this device wrote and counts for nothing ---- */

typedef struct {
    cf_peer *peer;
    cf_dot *dots;
    size_t count, capacity;
    cf_status status;
    cf_error *error;
} search;

static bool visit(void *context, uint64_t position, cf_bytes wire)
{
    search *self = context;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error damage;
    bool is_void = false;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &damage) == CF_OK &&
        entry.header.type == CF_ENTRY_CHANGE &&
        cf_hash_equal(&entry.header.device, cf_peer_device(self->peer)))
        self->status = cf_log_is_void(self->peer->log, &entry, &is_void, self->error);
    if (!self->status && is_void) {
        *cf_one_more(self->dots, self->count, self->capacity) = cf_entry_dot(&entry);
    }
    cf_arena_release(&arena);
    return self->status == CF_OK;
}

/* Given another role. Who was shut out shows nothing that others did, nor that its own work is
 * gone: its folder stays as it is. */
static bool may_have_some(const cf_peer *peer)
{
    const cf_registry *registry = cf_log_registry(peer->log);

    for (size_t i = 0; i < cf_registry_count(registry); i++) {
        const cf_operation *operation = cf_registry_operation(registry, i);

        if (operation->kind == CF_MEMBER_ROLE &&
            cf_hash_equal(&operation->device, cf_peer_device(peer)))
            return true;
    }
    return false;
}

/* ---- What the base says of it ---- */

static bool is_undone(const void *context, const cf_dot *dot)
{
    const search *undone = context;

    for (size_t i = 0; i < undone->count; i++)
        if (cf_dot_equal(&undone->dots[i], dot))
            return true;
    return false;
}

cf_status cf_engine_keep_undone(cf_engine *engine, cf_error *error)
{
    cf_peer *peer = engine->peer;
    cf_store *store = cf_home_store(engine->home);
    size_t count = cf_registry_count(cf_log_registry(peer->log));
    search undone = {.peer = peer, .error = error};
    cf_records records = {0};
    cf_status status = CF_OK;

    if (count == engine->kept || !may_have_some(peer)) {
        engine->kept = count;
        return CF_OK;
    }
    status = store->read(store, cf_peer_user(peer), 1, visit, &undone, error);
    if (!status)
        status = undone.status;
    for (size_t i = 0; !status && undone.count && i < engine->count; i++)
        cf_source_forget(&engine->sources[i], is_undone, &undone, &records);
    if (!status && records.count)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    if (!status)
        engine->kept = count;
    cf_records_release(&records);
    free(undone.dots);
    return status;
}
