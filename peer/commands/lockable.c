/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/lockable.h"

#include "broker/platform/names.h"
#include "peer/log/catalog.h"
#include "peer/log/record_names.h"
#include "peer/commands/named_record.h"
#include "peer/commands/sources.h"
#include "peer/sources/records/card_file.h"

static cf_status fail_unsynced(const char *given, cf_error *error)
{
    return cf_fail(error, CF_MISSING, "%s is not synced yet: `counterfoil sync` first", given);
}

/* The file of a card is as good a name as the card's key. */
static cf_status take_card(const cf_run *run, const char *given, const cf_record_paths *records,
                           cf_lockable *out, cf_error *error)
{
    cf_collection *collection;
    const cf_bytes path = records->at[0];

    if (records->count > 1)
        return cf_fail(error, CF_USAGE, "%s holds %zu records: lock one of them, as %s//%.*s",
                       given, records->count, out->name, (int)path.size, (const char *)path.data);
    cf_status status =
        cf_peer_collection(cf_loop_peer(run->loop), &out->collection, &collection, error);
    if (!status && !cf_record_named(collection, path, &out->item))
        status = fail_unsynced(given, error);
    out->path = path;
    return status;
}

static cf_status find_path(const cf_run *run, const char *given, cf_arena *arena, cf_lockable *out,
                           cf_error *error)
{
    cf_record_paths records;
    cf_binding *binding;

    cf_status status = cf_source_of_path(run, given, arena, &binding, &out->path, error);
    if (status)
        return status;
    out->bound = binding;
    out->collection = binding->collection;
    out->name = cf_catalog_name(cf_loop_peer(run->loop), &binding->collection, arena);
    if (!out->path.size)
        return CF_OK;
    status =
        cf_card_file_records(cf_loop_peer(run->loop), binding, out->path, arena, &records, error);
    if (status || records.count)
        return status ? status : take_card(run, given, &records, out, error);
    const cf_node *node = cf_nodes_at(binding->nodes, out->path);
    if (!node || !node->item_count)
        return fail_unsynced(given, error);
    out->item = node->items[0];
    return CF_OK;
}

/* A record by itself, not a field of one. */
static cf_status take_record(const cf_run *run, const char *given, const cf_named_record *record,
                             cf_lockable *out, cf_error *error)
{
    if (record->row.size < record->path.size)
        return cf_fail(error, CF_USAGE, "%s: a field has no lock of its own: lock %s//%.*s", given,
                       record->name, (int)record->row.size, (const char *)record->row.data);
    out->collection = record->collection;
    out->name = record->name;
    out->path = record->path;
    out->item = record->item;
    out->bound = cf_source_of_collection(cf_loop_engine(run->loop), &record->collection);
    return CF_OK;
}

/* COLLECTION//PATH, of a folder of files. */
static cf_status take_file(const char *given, const cf_named_record *file, cf_lockable *out,
                           cf_error *error)
{
    if (!file->node || !file->node->item_count)
        return cf_fail(error, CF_MISSING,
                       "%s: no such file in '%s', or it is not synced yet: `counterfoil sync` "
                       "first",
                       given, file->name);
    out->bound = file->bound;
    out->collection = file->collection;
    out->name = file->name;
    out->path = file->path;
    out->item = file->node->items[0];
    return CF_OK;
}

static cf_status find_record(const cf_run *run, const char *given, cf_arena *arena,
                             cf_lockable *out, cf_error *error)
{
    cf_named_record record;

    cf_status status = cf_named_record_read(run, given, arena, &record, error);
    if (status == CF_MISSING)
        return find_path(run, given, arena, out, error);
    if (status)
        return status;
    if (record.row.size)
        return take_record(run, given, &record, out, error);
    if (!record.path.size) /* NAME// */
        return cf_lockable_named(run, record.name, arena, out, error);
    status = find_path(run, given, arena, out, error);
    if (status == CF_MISSING && record.bound)
        return take_file(given, &record, out, error);
    return status == CF_MISSING
               ? cf_fail(error, CF_MISSING,
                         "%s: no such record in '%s', or it is not synced yet: `counterfoil sync` "
                         "first",
                         given, record.name)
               : status;
}

cf_status cf_lockable_named(const cf_run *run, const char *given, cf_arena *arena, cf_lockable *out,
                            cf_error *error)
{
    cf_catalog_collection found;

    *out = (cf_lockable){0};
    cf_status status = cf_catalog_find(cf_loop_peer(run->loop), given, arena, &found, error);
    if (status == CF_MISSING) {
        status = find_record(run, given, arena, out, error);
        if (status == CF_MISSING)
            cf_source_explain_missing(run, given, error);
        return status;
    }
    if (status)
        return status;
    out->collection = found.id;
    out->name = found.name;
    out->bound = cf_source_of_collection(cf_loop_engine(run->loop), &found.id);
    return CF_OK;
}

static cf_status find_place(const cf_run *run, const char *given, cf_arena *arena, cf_lockable *out,
                            cf_error *error)
{
    cf_named_record named;
    cf_binding *binding;

    *out = (cf_lockable){0};
    if (cf_named_record_read(run, given, arena, &named, error) == CF_OK) {
        out->collection = named.collection;
        out->name = named.name;
        out->path = named.path;
        return CF_OK;
    }
    cf_status status = cf_source_of_path(run, given, arena, &binding, &out->path, error);
    if (status)
        return status;
    out->collection = binding->collection;
    out->name = cf_catalog_name(cf_loop_peer(run->loop), &binding->collection, arena);
    return CF_OK;
}

typedef struct {
    const cf_collection *collection;
    cf_bytes path;
    cf_buffer called;
    cf_ids *items;
} gone_search;

static void add_if_called(void *context, const cf_id *item)
{
    gone_search *self = context;

    cf_buffer_clear(&self->called);
    cf_item_path(self->collection, item, &self->called);
    if (cf_bytes_equal(cf_buffer_view(&self->called), self->path))
        cf_ids_add(self->items, item);
}

cf_status cf_lockable_gone(const cf_run *run, const char *given, cf_arena *arena, cf_lockable *out,
                           cf_ids *items, cf_error *error)
{
    cf_collection *collection = NULL;

    cf_status status = find_place(run, given, arena, out, error);
    if (!status)
        status = cf_peer_collection(cf_loop_peer(run->loop), &out->collection, &collection, error);
    if (status)
        return status;
    gone_search self = {.collection = collection, .path = out->path, .items = items};
    cf_state_each(collection->state, add_if_called, &self);
    cf_buffer_release(&self.called);
    return items->count ? CF_OK : cf_fail(error, CF_MISSING, "nothing was ever called %s", given);
}

typedef struct {
    cf_locks *locks;
    const cf_lease *lease;
    uint64_t found; /* 0: none */
    bool is_found;  /* among what is gone: */
    cf_id gone;
} path_search;

static bool is_leased(const path_search *search, const cf_id *item)
{
    cf_error ignored;
    cf_id name;

    return cf_locks_name(search->locks, &search->lease->collection, item, &name, &ignored) ==
               CF_OK &&
           cf_id_equal(&name, &search->lease->name);
}

static void compare_name(void *context, const cf_node *node)
{
    path_search *search = context;

    for (size_t i = 0; !search->found && i < node->item_count; i++)
        if (is_leased(search, &node->items[i]))
            search->found = node->number;
}

static bool find_leased(path_search *search, const cf_binding *binding, cf_buffer *path)
{
    const cf_row *row = NULL;

    cf_nodes_each(binding->nodes, compare_name, search);
    if (search->found) {
        cf_binding_path(binding, search->found, path);
        return true;
    }
    while ((row = cf_rows_next(binding->rows, row)))
        if (is_leased(search, &row->item)) {
            cf_binding_row_path(binding, row->item.bytes[0], row->table, row->key, path);
            return true;
        }
    return false;
}

static void compare_item(void *context, const cf_id *item)
{
    path_search *search = context;

    if (!search->is_found && is_leased(search, item)) {
        search->is_found = true;
        search->gone = *item;
    }
}

/* It is in no base any more. */
static bool find_gone(path_search *search, cf_engine *engine, cf_buffer *path)
{
    cf_collection *collection;
    cf_error ignored;

    if (cf_peer_collection(cf_engine_peer(engine), &search->lease->collection, &collection,
                           &ignored))
        return false;
    cf_state_each(collection->state, compare_item, search);
    if (search->is_found)
        cf_item_path(collection, &search->gone, path);
    return search->is_found;
}

bool cf_lockable_path(cf_engine *engine, const cf_lease *lease, cf_buffer *path)
{
    path_search search = {.locks = cf_engine_locks(engine), .lease = lease};
    bool found = false, is_bound = false;

    for (size_t i = 0; !found && i < cf_engine_binding_count(engine); i++) {
        const cf_binding *binding = cf_engine_binding_at(engine, i);

        if (!cf_id_equal(&binding->collection, &lease->collection))
            continue;
        is_bound = true;
        found = find_leased(&search, binding, path);
    }
    return found || (is_bound && find_gone(&search, engine, path));
}

const char *cf_lockable_text(const char *name, cf_bytes path, cf_arena *arena)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s%s", name, path.size ? ": " : "");
    cf_name_append_shown(&text, path);
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
