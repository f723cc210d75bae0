/* SPDX-License-Identifier: Apache-2.0 */
/* What follows when the member log has grown: own work that is void now is new work, and the keys
 * of other devices are seen to. */
#include "peer/engine/engine_inside.h"
#include "peer/membership/epochs.h"

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

/* What this device wrote and what counts for nothing, because it has another role now, is its
 * user's work all the same: the base forgets that it was agreed on, so that it lies on the disk as
 * something new, and isn't deleted there because the state lost it. */
static cf_status keep_undone(cf_engine *engine, cf_error *error)
{
    cf_peer *peer = engine->peer;
    cf_store *store = cf_home_store(engine->home);
    size_t count = cf_registry_count(cf_log_registry(peer->log));
    search undone = {.peer = peer, .error = error};
    cf_kv_list records = {0};
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
    cf_kv_list_release(&records);
    free(undone.dots);
    return status;
}

/* ---- Keys ---- */

/* A key that is in use now, after there was none, lets go what waited for it. */
static void notice_key(cf_engine *engine)
{
    cf_error ignored;
    cf_hash epoch;
    bool may_seal = cf_peer_epoch(engine->peer, &epoch, &ignored) == CF_OK;

    for (size_t i = 0; may_seal && !engine->may_seal && i < engine->count; i++)
        cf_source_look_again(&engine->sources[i], engine->now_ms);
    engine->may_seal = may_seal;
}

/* Once for each state of the member log that is as the broker has it. */
static cf_status hand_out_keys(cf_engine *engine, cf_error *error)
{
    cf_peer *peer = engine->peer;
    size_t count = cf_registry_count(cf_log_registry(peer->log));

    if (!peer->link || count == engine->handed_out || !cf_link_has_all_but_paused(peer->link) ||
        engine->inbox_count || engine->context.silent)
        return CF_OK;
    cf_status status = cf_epochs_hand_out(peer, error);
    engine->handed_out = cf_registry_count(cf_log_registry(peer->log));
    engine->context.activity += engine->handed_out != count;
    if (status != CF_DENIED)
        return status;
    cf_report(engine->env, CF_REPORT_WARNING, "content keys of other devices: %s", error->text);
    return CF_OK;
}

cf_status cf_engine_hand_out_keys(cf_engine *engine, cf_error *error)
{
    cf_status status = keep_undone(engine, error);

    if (!status)
        status = hand_out_keys(engine, error);
    if (!status)
        notice_key(engine);
    return status;
}
