/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/catalog_schema.h"

#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/adapters/record_format.h"
#include "peer/records/record_facts.h"
#include "peer/records/schema_join.h"

#include <stdlib.h>
#include <string.h>

#define FIELD_SCHEMA "/schema/"

/* ---- Names ---- */

static cf_bytes field_of(cf_bytes table, cf_arena *arena)
{
    cf_buffer field = {0};

    cf_buffer_append(&field, FIELD_SCHEMA, sizeof FIELD_SCHEMA - 1);
    cf_pointer_write(table, &field);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&field));
    cf_buffer_release(&field);
    return copy;
}

static bool is_of_schema(cf_bytes field)
{
    size_t size = sizeof FIELD_SCHEMA - 1;

    return field.size > size && memcmp(field.data, FIELD_SCHEMA, size) == 0;
}

/* ---- Reading ---- */

typedef struct {
    const cf_state *state;
    cf_arena *arena;
    cf_row_facts facts;
    cf_schema_table *tables;
    size_t count, capacity;
} reading;

static int best_first(const void *a, const void *b)
{
    return -cf_row_fact_compare(a, b);
}

/* What one field says: the writes that count together. One that is damaged says nothing. */
static cf_status read_field(reading *self, size_t first, size_t end, cf_error *error)
{
    cf_bytes field = cf_state_field_name(self->state, self->facts.at[first].write.field);
    cf_schema_table *tables = cf_arena_allocate(self->arena, end - first, sizeof *tables);
    size_t count = 0;

    qsort(&self->facts.at[first], end - first, sizeof *self->facts.at, best_first);
    for (size_t i = first; i < end; i++) {
        const cf_row_fact *fact = &self->facts.at[i];
        cf_bytes value = cf_arena_copy(self->arena, fact->write.value);

        if (!fact->live && self->facts.lives)
            continue;
        cf_status status = cf_schema_table_read(value, self->arena, &tables[count], error);
        if (status == CF_DENIED)
            return status;
        count += !status && cf_bytes_equal(field_of(tables[count].name, self->arena), field);
    }
    if (!count)
        return CF_OK;
    *cf_one_more(self->tables, self->count, self->capacity) =
        cf_schema_join(tables, count, self->arena);
    return CF_OK;
}

static cf_status read_fields(reading *self, const cf_item *item, cf_error *error)
{
    cf_status status = CF_OK;

    cf_row_facts_load(self->state, item, &self->facts);
    for (size_t first = 0, end; !status && first < self->facts.count; first = end) {
        end = cf_row_facts_end(&self->facts, first);
        if (is_of_schema(cf_state_field_name(self->state, self->facts.at[first].write.field)))
            status = read_field(self, first, end, error);
    }
    return status;
}

static bool has_table(const reading *self, cf_bytes name)
{
    const cf_schema found = {self->tables, self->count};

    return cf_schema_find(&found, name) != NULL;
}

/* What texts show is the same whatever the format, so that each can be translated into others. */
static void add_known(reading *self)
{
    const cf_schema *const known[] = {&cf_schema_contacts, &cf_schema_calendar, &cf_schema_records};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (size_t k = 0; k < known[i]->count; k++)
            if (!has_table(self, known[i]->tables[k].name)) {
                *cf_one_more(self->tables, self->count, self->capacity) = known[i]->tables[k];
            }
}

/* Whether the collection's tables are those of its databases alone. */
static bool has_own_tables(const cf_collection *catalog, const cf_id *item, cf_arena *arena)
{
    cf_reader reader = cf_reader_of(cf_catalog_value(catalog, item, CF_CATALOG_FORMAT));
    cf_bytes text;
    cf_format format;
    cf_error ignored;

    return cf_read_text(&reader, &text, &ignored) == CF_OK &&
           cf_format_of_text(cf_arena_text(arena, text), &format, &ignored) == CF_OK &&
           cf_adapter_has_own_tables(cf_adapter_of(format));
}

static int by_name(const void *a, const void *b)
{
    return cf_bytes_compare(((const cf_schema_table *)a)->name, ((const cf_schema_table *)b)->name);
}

/* `all`: also what every collection has. */
static cf_status read_schema(const cf_collection *catalog, const cf_id *item, bool all,
                             cf_arena *arena, cf_schema *out, cf_error *error)
{
    reading self = {.state = catalog->state, .arena = arena};
    const cf_item *held = cf_state_item(catalog->state, item);

    cf_status status = held ? read_fields(&self, held, error) : CF_OK;
    if (!status) {
        if (all && !has_own_tables(catalog, item, arena))
            add_known(&self);
        cf_schema_table *tables = cf_arena_allocate(arena, self.count, sizeof *tables);
        if (self.count) {
            qsort(self.tables, self.count, sizeof *tables, by_name);
            memcpy(tables, self.tables, self.count * sizeof *tables);
        }
        *out = (cf_schema){tables, self.count};
    }
    free(self.tables);
    cf_row_facts_release(&self.facts);
    return status;
}

cf_status cf_catalog_schema(cf_peer *peer, const cf_id *collection, cf_arena *arena, cf_schema *out,
                            cf_error *error)
{
    cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, collection->bytes);
    cf_collection *catalog = NULL;

    cf_status status = cf_catalog_open(peer, &catalog, error);
    if (!status)
        status = read_schema(catalog, &item, true, arena, out, error);
    if (status)
        cf_error_while(error, "reading the schema of '%s'",
                       cf_catalog_collection_called(catalog, collection, arena));
    return status;
}

/* ---- Writing ---- */

typedef struct {
    cf_bytes field, value;
} table_write;

static int by_field(const void *a, const void *b)
{
    return cf_bytes_compare(((const table_write *)a)->field, ((const table_write *)b)->field);
}

void cf_catalog_write_tables(cf_catalog_writing *writing, const cf_schema *schema,
                             const cf_schema *known)
{
    table_write *writes = cf_arena_allocate(&writing->arena, schema->count, sizeof *writes);
    size_t count = 0;

    for (size_t i = 0; i < schema->count; i++) {
        const cf_schema_table *table = &schema->tables[i];
        const cf_schema_table *now = known ? cf_schema_find(known, table->name) : NULL;
        cf_buffer value = {0};

        cf_bytes field = field_of(table->name, &writing->arena);

        if (field.size > CF_FIELD_MAX || (now && cf_schema_table_equal(now, table)))
            continue;
        cf_schema_table_pack(&value, table);
        writes[count++] =
            (table_write){field, cf_arena_copy(&writing->arena, cf_buffer_view(&value))};
        cf_buffer_release(&value);
    }
    if (count)
        qsort(writes, count, sizeof *writes, by_field);
    for (size_t i = 0; i < count; i++)
        cf_catalog_write(writing, writes[i].field, writes[i].value);
}

cf_status cf_catalog_write_schema(cf_peer *peer, const cf_id *collection, const cf_schema *schema,
                                  uint64_t now_ms, cf_error *error)
{
    cf_catalog_writing self = {0};
    cf_schema known;

    cf_status status =
        cf_catalog_begin(&self, peer, CF_CATALOG_COLLECTION, collection->bytes, error);
    if (!status)
        status = read_schema(self.catalog, &self.item, true, &self.arena, &known, error);
    if (!status) {
        cf_catalog_write_tables(&self, schema, &known);
        if (self.count)
            status = cf_catalog_publish(&self, now_ms, error);
    }
    cf_catalog_writing_release(&self);
    return status;
}

/* ---- Layouts ---- */

static const char *layout_field(cf_format format, cf_arena *arena)
{
    cf_buffer field = {0};

    cf_buffer_append_text(&field, "/layout/%s", cf_format_text(format));
    const char *text = cf_arena_text(arena, cf_buffer_view(&field));
    cf_buffer_release(&field);
    return text;
}

cf_status cf_catalog_layout(cf_peer *peer, const cf_id *collection, cf_format format,
                            cf_arena *arena, cf_bytes *out, cf_error *error)
{
    const cf_id item = cf_catalog_item(CF_CATALOG_COLLECTION, collection->bytes);
    cf_collection *catalog;

    cf_status status = cf_catalog_open(peer, &catalog, error);
    if (status)
        return status;
    cf_bytes value = cf_catalog_value(catalog, &item, layout_field(format, arena));
    *out = value.size > cf_adapter_of(format)->layout_max ? (cf_bytes){0}
                                                          : cf_arena_copy(arena, value);
    return CF_OK;
}

cf_status cf_catalog_write_layout(cf_peer *peer, const cf_id *collection, cf_format format,
                                  cf_bytes layout, uint64_t now_ms, cf_error *error)
{
    cf_catalog_writing self = {0};

    cf_status status =
        cf_catalog_begin(&self, peer, CF_CATALOG_COLLECTION, collection->bytes, error);
    if (!status) {
        cf_catalog_write(&self, cf_bytes_of_text(layout_field(format, &self.arena)), layout);
        status = cf_catalog_publish(&self, now_ms, error);
    }
    cf_catalog_writing_release(&self);
    return status;
}
