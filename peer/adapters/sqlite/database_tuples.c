/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "codec/hash.h"
#include "codec/pack.h"
#include "peer/adapters/sqlite/database_inside.h"
#include "peer/merge/table.h"
#include "peer/records/row_refs.h"

/* A row of the base or of the disk in one table. */
typedef struct {
    cf_table_link by_tuple, by_key;
    cf_bytes tuple, key;
} known_row;

typedef struct {
    const cf_database_schema *schema;
    const cf_rows *base;
    cf_record_file *file;
    size_t place; /* the table */
    cf_table tuples, keys;
    cf_arena arena;
} giving;

static const cf_database_table *table_of(const giving *self)
{
    return &self->schema->tables[self->place];
}

static cf_bytes tuple_of(giving *self, const cf_row *row)
{
    const cf_database_table *table = table_of(self);
    cf_buffer tuple = {0};

    for (size_t i = 0; i < table->key_count; i++) {
        const cf_database_column *column = &table->columns[table->keys[i]];
        const cf_row_field *field = cf_row_field_named(row, column->field);

        if (field)
            cf_collation_fold(column->collation, field->values[0], &tuple);
    }
    cf_bytes copy = cf_arena_copy(&self->arena, cf_buffer_view(&tuple));
    cf_buffer_release(&tuple);
    return copy;
}

static known_row *with_tuple(const giving *self, cf_bytes tuple)
{
    cf_table_link *link = cf_table_first(&self->tuples, cf_hash_bytes(0, tuple));

    while (link && !cf_bytes_equal(cf_linked(link, known_row, by_tuple)->tuple, tuple))
        link = cf_table_next(link);
    return link ? cf_linked(link, known_row, by_tuple) : NULL;
}

static bool is_taken(const giving *self, cf_bytes key)
{
    cf_table_link *link = cf_table_first(&self->keys, cf_hash_bytes(0, key));

    while (link && !cf_bytes_equal(cf_linked(link, known_row, by_key)->key, key))
        link = cf_table_next(link);
    return link != NULL;
}

static void know(giving *self, cf_bytes tuple, cf_bytes key)
{
    known_row *known = cf_arena_allocate(&self->arena, 1, sizeof *known);

    known->tuple = tuple;
    known->key = key;
    cf_table_add(&self->tuples, &known->by_tuple, cf_hash_bytes(0, tuple));
    cf_table_add(&self->keys, &known->by_key, cf_hash_bytes(0, key));
}

/* What stands for one column: of a reference the item of the row that it refers to, which has
 * another key elsewhere. */
static void pack_part(const giving *self, const cf_database_column *column, cf_bytes value,
                      cf_buffer *out)
{
    const cf_row *target =
        column->target
            ? cf_rows_find(self->base, self->schema->tables[column->target - 1].name, value)
            : NULL;

    if (target)
        cf_reference_pack_item(out, &target->item);
    else
        cf_collation_fold(column->collation, value, out);
}

static cf_bytes packed_key(giving *self, int64_t number)
{
    cf_buffer key = {0};

    cf_pack_int(&key, number);
    cf_bytes copy = cf_arena_copy(&self->file->arena, cf_buffer_view(&key));
    cf_buffer_release(&key);
    return copy;
}

static cf_bytes new_key(giving *self, const cf_row *row)
{
    const cf_database_table *table = table_of(self);
    cf_buffer parts = {0};

    cf_pack_array(&parts, 1 + table->key_count);
    cf_pack_text(&parts, table->name);
    for (size_t i = 0; i < table->key_count; i++) {
        const cf_database_column *column = &table->columns[table->keys[i]];
        const cf_row_field *field = cf_row_field_named(row, column->field);

        pack_part(self, column, field->values[0], &parts);
    }
    cf_bytes packed = cf_buffer_view(&parts);
    cf_hash hash = cf_hash_of("tuple", &packed, 1);
    cf_buffer_release(&parts);
    int64_t number = (int64_t)(cf_get_u64(hash.bytes) >> 2); /* room to count up */
    cf_bytes key = packed_key(self, number);
    while (is_taken(self, key))
        key = packed_key(self, ++number);
    return key;
}

static void give(giving *self)
{
    cf_record_file *file = self->file;

    for (const cf_row *row = NULL; (row = cf_rows_next(self->base, row));)
        if (cf_bytes_equal(row->table, table_of(self)->name))
            know(self, tuple_of(self, row), row->key);
    for (size_t i = 0; i < file->count; i++) {
        if (file->places[i] != self->place)
            continue;
        known_row *known = with_tuple(self, tuple_of(self, &file->rows[i]));
        if (known)
            file->rows[i].key = cf_arena_copy(&file->arena, known->key);
    }
    for (size_t i = 0; i < file->count; i++)
        if (file->places[i] == self->place && !file->rows[i].key.size) {
            file->rows[i].key = new_key(self, &file->rows[i]);
            know(self, tuple_of(self, &file->rows[i]), file->rows[i].key);
        }
    cf_table_release(&self->tuples);
    cf_table_release(&self->keys);
    cf_arena_release(&self->arena);
}

void cf_database_give_keys(const cf_database_schema *schema, const cf_rows *base,
                           cf_record_file *file)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->tables[i].key_kind == CF_KEY_TUPLE)
            give(&(giving){.schema = schema, .base = base, .file = file, .place = i});
}
