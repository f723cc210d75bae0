/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/lockable.h"

#include "broker/names.h"
#include "peer/log/catalog.h"
#include "peer/commands/sources.h"

static cf_status find_path(const cf_run *run, const char *given, cf_arena *arena, cf_lockable *out,
                           cf_error *error)
{
    cf_binding *binding;

    cf_status status = cf_source_of_path(run, given, arena, &binding, &out->path, error);
    if (status)
        return status;
    out->bound = binding;
    out->collection = binding->collection;
    out->name = cf_catalog_name(cf_loop_peer(run->loop), &binding->collection, arena);
    if (!out->path.size)
        return CF_OK;
    const cf_node *node = cf_nodes_at(binding->nodes, out->path);
    if (!node || !node->item_count)
        return cf_fail(error, CF_MISSING, "%s is not synced yet: `counterfoil sync` first", given);
    out->item = node->items[0];
    return CF_OK;
}

cf_status cf_lockable_named(const cf_run *run, const char *given, cf_arena *arena, cf_lockable *out,
                            cf_error *error)
{
    cf_catalog_collection found;

    *out = (cf_lockable){0};
    cf_status status = cf_catalog_find(cf_loop_peer(run->loop), given, arena, &found, error);
    if (status == CF_MISSING)
        return find_path(run, given, arena, out, error);
    if (status)
        return status;
    out->collection = found.id;
    out->name = found.name;
    out->bound = cf_source_of_collection(cf_loop_engine(run->loop), &found.id);
    return CF_OK;
}

typedef struct {
    cf_locks *locks;
    const cf_binding *binding;
    const cf_lease *lease;
    uint64_t found; /* 0: none */
} path_search;

static void compare_name(void *context, const cf_node *node)
{
    path_search *search = context;
    cf_error ignored;
    cf_id name;

    for (size_t i = 0; !search->found && i < node->item_count; i++)
        if (cf_locks_name(search->locks, &search->lease->collection, &node->items[i], &name,
                          &ignored) == CF_OK &&
            cf_id_equal(&name, &search->lease->name))
            search->found = node->number;
}

bool cf_lockable_path(cf_engine *engine, const cf_lease *lease, cf_buffer *path)
{
    path_search search = {.locks = cf_engine_locks(engine), .lease = lease};

    for (size_t i = 0; !search.found && i < cf_engine_binding_count(engine); i++) {
        search.binding = cf_engine_binding_at(engine, i);
        if (cf_id_equal(&search.binding->collection, &lease->collection))
            cf_nodes_each(search.binding->nodes, compare_name, &search);
    }
    if (search.found)
        cf_binding_path(search.binding, search.found, path);
    return search.found != 0;
}

const char *cf_lockable_text(const char *name, cf_bytes path, cf_arena *arena)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s%s", name, path.size ? ": " : "");
    cf_name_append(&text, path);
    const char *copy = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

cf_status cf_lock_await(const cf_run *run, uint64_t now_ms, uint64_t give_up_ms, cf_error *error)
{
    cf_broker_status broker;

    cf_engine_broker_status(cf_loop_engine(run->loop), &broker);
    if (!broker.set)
        return cf_fail(error, CF_UNREACHABLE, "there is no broker that could keep a lock");
    if (!broker.connected && broker.trouble)
        return cf_fail(error, broker.trouble == CF_FORGED ? CF_UNREACHABLE : broker.trouble,
                       "the broker: %s", broker.text);
    if (now_ms >= give_up_ms)
        return cf_fail(error, CF_UNREACHABLE, "no answer from the broker");
    return CF_OK;
}
