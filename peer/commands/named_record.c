/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/named_record.h"
#include "peer/commands/hidden_named.h"
#include "peer/commands/keep_shown.h"

#include <string.h>

#include "broker/platform/names.h"
#include "peer/commands/sources.h"
#include "peer/log/catalog_renamed.h"
#include "peer/log/catalog_schema.h"
#include "peer/log/record_names.h"

/* A row of a source that is shown under this name. */
static const cf_row *find_shown(const cf_rows *rows, cf_bytes name)
{
    const cf_row *row = NULL;
    cf_buffer path = {0};

    while ((row = cf_rows_next(rows, row))) {
        cf_buffer_clear(&path);
        cf_record_path(row->item.bytes[0], row->table, row->key, &path);
        if (cf_bytes_equal(cf_buffer_view(&path), name))
            break;
    }
    cf_buffer_release(&path);
    return row;
}

static bool is_record(cf_engine *engine, const cf_collection *collection, cf_bytes name, cf_id *out)
{
    const cf_row *row = NULL;

    for (size_t i = 0; !row && i < cf_engine_binding_count(engine); i++) {
        const cf_binding *binding = cf_engine_binding_at(engine, i);

        if (cf_id_equal(&binding->collection, &collection->id))
            row = find_shown(binding->rows, name);
    }
    if (row)
        *out = row->item;
    return row || cf_record_named(collection, name, out);
}

/* All of it, or what stands before one of its slashes; the longest first. */
static bool next_name(cf_bytes path, cf_bytes *name)
{
    if (!name->data) {
        *name = path;
        return path.size > 0;
    }
    do
        name->size--;
    while (name->size && name->data[name->size] != '/');
    return name->size > 0;
}

/* A key may have slashes, and so may a field. */
static void find_record(cf_engine *engine, const cf_collection *collection, cf_named_record *self)
{
    cf_bytes name = {0};

    while (!self->row.size && next_name(self->path, &name))
        if (is_record(engine, collection, name, &self->item))
            self->row = name;
}

/* In the first folder here that has it. */
static void find_file(cf_engine *engine, cf_named_record *self)
{
    for (size_t i = 0; !self->node && i < cf_engine_binding_count(engine); i++) {
        const cf_binding *binding = cf_engine_binding_at(engine, i);

        if (cf_format_is_records(binding->format) ||
            !cf_id_equal(&binding->collection, &self->collection))
            continue;
        while (self->path.size && self->path.data[self->path.size - 1] == '/')
            self->path.size--;
        self->bound = binding;
        self->node = cf_nodes_at(binding->nodes, self->path);
    }
}

/* The row that would be shown under this name, if the source here took it. */
static bool find_viewed(const cf_row_view *view, cf_bytes name, cf_id *out)
{
    cf_buffer path = {0};
    bool found = false;

    for (size_t i = 0; !found && i < cf_row_view_count(view); i++) {
        const cf_row *row = cf_row_view_at(view, i);

        cf_buffer_clear(&path);
        cf_record_path(row->item.bytes[0], row->table, row->key, &path);
        found = cf_bytes_equal(cf_buffer_view(&path), name);
        if (found)
            *out = row->item;
    }
    cf_buffer_release(&path);
    return found;
}

/* A row that is hidden has a name that is no other's. One that a database refuses goes by the key
 * that it would have there: it was made as tn/1, and `status` calls it tn/2. */
static void find_unshown(const cf_run *run, const cf_schema *schema, cf_named_record *self)
{
    cf_hidden_names names = {0};
    cf_bytes name = {0};
    cf_error ignored;

    if (self->row.size || self->node || !self->path.size)
        return;
    if (!schema->count && !memchr(self->path.data, '~', self->path.size))
        return;
    cf_status status = cf_hidden_names_know(run, &self->collection, &names, &ignored);
    while (!status && !self->row.size && next_name(self->path, &name))
        if (cf_hidden_names_find(&names, name, &self->item) ||
            (schema->count && find_viewed(names.view, name, &self->item)))
            self->row = name;
    cf_hidden_names_release(&names);
}

static bool find(const cf_run *run, const cf_collection *collection, const cf_schema *schema,
                 cf_bytes path, cf_named_record *out)
{
    out->path = path;
    find_record(cf_loop_engine(run->loop), collection, out);
    find_file(cf_loop_engine(run->loop), out);
    find_unshown(run, schema, out);
    out->is_table = cf_schema_find(schema, out->path);
    return out->row.size || out->node || out->is_table;
}

/* A document that is one record has no key: its theme is listed as settings///theme, and may be
 * typed settings//theme. */
static void find_field(const cf_collection *collection, cf_arena *arena, cf_named_record *self)
{
    cf_buffer path = {0};

    if (!self->path.size || !cf_record_named(collection, (cf_bytes){0}, &self->item))
        return;
    self->is_field = true;
    if (self->path.data[0] == '/')
        return;
    cf_buffer_append_text(&path, "/");
    cf_buffer_append(&path, self->path.data, self->path.size);
    self->path = cf_arena_copy(arena, cf_buffer_view(&path));
    cf_buffer_release(&path);
}

/* The key without case, up to `end`, behind the name of its table; in the arena. */
static cf_bytes fold(cf_bytes path, size_t begin, size_t end, cf_arena *arena)
{
    uint8_t *copy = cf_arena_allocate(arena, path.size, 1);

    for (size_t i = 0; i < path.size; i++) {
        const uint8_t byte = path.data[i];

        copy[i] =
            i >= begin && i < end && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
    }
    return cf_bytes_of(copy, path.size);
}

/* A key that its database compares without case is known by small letters: tags/Home is tags/home,
 * and tags/Home/Colour is that row's Colour. */
static bool find_folded(const cf_run *run, const cf_collection *collection, const cf_schema *schema,
                        cf_bytes path, cf_arena *arena, cf_named_record *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        const cf_bytes table = schema->tables[i].name;
        size_t end = path.size;

        if (path.size <= table.size || path.data[table.size] != '/' ||
            memcmp(path.data, table.data, table.size) != 0)
            continue;
        for (; end > table.size; end--)
            if ((end == path.size || path.data[end] == '/') &&
                find(run, collection, schema, fold(path, table.size, end, arena), out) &&
                out->row.size >= end)
                return true;
    }
    *out = (cf_named_record){
        .collection = out->collection, .name = out->name, .path = path, .bound = out->bound};
    return false;
}

/* As it was typed; else as it would be if it was copied from what is shown. */
static void find_typed(const cf_run *run, const cf_collection *collection, const cf_schema *schema,
                       const char *typed, cf_arena *arena, cf_named_record *out)
{
    cf_bytes path = cf_arena_copy(arena, cf_bytes_of_text(typed));
    cf_buffer meant = {0};

    if (!find(run, collection, schema, path, out) && cf_name_read(path, &meant) &&
        !find(run, collection, schema, cf_arena_copy(arena, cf_buffer_view(&meant)), out) &&
        !find_folded(run, collection, schema, path, arena, out))
        find_field(collection, arena, out);
    cf_buffer_release(&meant);
}

cf_status cf_named_record_read(const cf_run *run, const char *named, cf_arena *arena,
                               cf_named_record *out, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const char *slashes = strstr(named, "//");
    cf_catalog_collection found;
    cf_collection *collection;
    cf_schema schema;

    *out = (cf_named_record){0};
    if (!slashes || slashes == named)
        return cf_fail(error, CF_MISSING,
                       "'%.200s' names no record: say COLLECTION//KEY, of a database "
                       "COLLECTION//TABLE/KEY; `counterfoil log` lists what was written",
                       named);
    const char *name = cf_arena_text(arena, cf_bytes_of(named, (size_t)(slashes - named)));
    cf_status status = cf_source_find_collection(run, name, arena, &found, error);
    if (status == CF_MISSING)
        cf_catalog_say_renamed(peer, name, error);
    if (!status)
        status = cf_keep_check(run, &found, error);
    if (!status)
        status = cf_peer_collection(peer, &found.id, &collection, error);
    if (!status)
        status = cf_catalog_schema(peer, &found.id, arena, &schema, error);
    if (status)
        return status;
    out->collection = found.id;
    out->name = found.name;
    find_typed(run, collection, &schema, slashes + 2, arena, out);
    return CF_OK;
}

bool cf_names_collection(const cf_run *run, const char *named, cf_arena *arena,
                         cf_named_record *out)
{
    cf_catalog_collection found;
    cf_error ignored;

    *out = (cf_named_record){0};
    if (cf_source_find_collection(run, named, arena, &found, &ignored))
        return false;
    out->collection = found.id;
    out->name = found.name;
    return true;
}
