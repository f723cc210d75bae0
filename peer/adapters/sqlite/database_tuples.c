/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "codec/bulk.h"
#include "codec/hash_table.h"
#include "codec/pack.h"
#include "peer/adapters/sqlite/database_inside.h"
#include "peer/adapters/sqlite/database_tuples.h"
#include "peer/records/row_refs.h"

/* A row of the base, of the disk or of the view in one table. */
typedef struct {
    cf_hash_link by_tuple, by_key;
    cf_bytes tuple, key;
    bool taken; /* of the view: a row of the disk is that */
} known_row;

typedef struct {
    const cf_database_schema *schema;
    const cf_rows *base;
    const cf_row_view *view; /* NULL: nobody knows */
    cf_record_file *file;
    size_t place; /* the table */
    cf_hash_table tuples, keys;
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
    cf_hash_link *link = cf_hash_table_first(&self->tuples, cf_hash_bytes(0, tuple));

    while (link && !cf_bytes_equal(cf_container_of(link, known_row, by_tuple)->tuple, tuple))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, known_row, by_tuple) : NULL;
}

static bool is_taken(const giving *self, cf_bytes key)
{
    cf_hash_link *link = cf_hash_table_first(&self->keys, cf_hash_bytes(0, key));

    while (link && !cf_bytes_equal(cf_container_of(link, known_row, by_key)->key, key))
        link = cf_hash_table_next(link);
    return link != NULL;
}

static void know(giving *self, cf_bytes tuple, cf_bytes key)
{
    known_row *known = cf_arena_allocate(&self->arena, 1, sizeof *known);

    known->tuple = tuple;
    known->key = key;
    cf_hash_table_add(&self->tuples, &known->by_tuple, cf_hash_bytes(0, tuple));
    cf_hash_table_add(&self->keys, &known->by_key, cf_hash_bytes(0, key));
}

/* What stands for one column: of a reference the item of the row that it refers to, which has
 * another key elsewhere. */
static void pack_part(const giving *self, const cf_database_column *column, cf_bytes value,
                      cf_buffer *out)
{
    const cf_row *target = NULL;

    if (column->target) {
        const cf_bytes parent = self->schema->tables[column->target - 1].name;

        target = self->base ? cf_rows_find(self->base, parent, value) : NULL;
        if (!target && self->view)
            target = cf_row_view_find(self->view, parent, value);
    }
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

/* False: a row of the view may lack a column of its key. */
static bool pack_meaning(const giving *self, const cf_row *row, cf_buffer *parts)
{
    const cf_database_table *table = table_of(self);

    cf_pack_array(parts, 1 + table->key_count);
    cf_pack_text(parts, table->name);
    for (size_t i = 0; i < table->key_count; i++) {
        const cf_database_column *column = &table->columns[table->keys[i]];
        const cf_row_field *field = cf_row_field_named(row, column->field);

        if (!field || !field->count)
            return false;
        pack_part(self, column, field->values[0], parts);
    }
    return true;
}

/* Where it counts up from. */
static int64_t first_number(const giving *self, const cf_row *row)
{
    cf_buffer parts = {0};

    pack_meaning(self, row, &parts);
    cf_bytes packed = cf_buffer_view(&parts);
    cf_hash hash = cf_hash_of("tuple", &packed, 1);
    cf_buffer_release(&parts);
    return (int64_t)(cf_get_u64(hash.bytes) >> 2); /* room to count up */
}

static cf_bytes new_key(giving *self, const cf_row *row)
{
    int64_t number = first_number(self, row);
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
    cf_hash_table_release(&self->tuples);
    cf_hash_table_release(&self->keys);
    cf_arena_release(&self->arena);
}

void cf_database_give_keys(const cf_database_schema *schema, const cf_rows *base,
                           cf_record_file *file)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->tables[i].key_kind == CF_KEY_TUPLE)
            give(&(giving){.schema = schema, .base = base, .file = file, .place = i});
}

/* ---- Joins that others have ---- */

static bool is_new(const giving *self, size_t row)
{
    const cf_record_file *file = self->file;

    return file->places[row] == self->place &&
           !cf_rows_find(self->base, file->rows[row].table, file->rows[row].key);
}

static bool any_is_new(const giving *self)
{
    bool found = false;

    for (size_t i = 0; !found && i < self->file->count; i++)
        found = is_new(self, i);
    return found;
}

/* By what they join. In `of` only the view counts: what a row of it refers to is shown there. */
static void know_shown(giving *self)
{
    const giving of = {.schema = self->schema, .view = self->view, .place = self->place};

    for (size_t i = 0; i < cf_row_view_count(self->view); i++) {
        const cf_row *row = cf_row_view_at(self->view, i);
        cf_buffer meaning = {0};

        if (cf_bytes_equal(row->table, table_of(self)->name) &&
            !cf_rows_of_item(self->base, &row->item) && pack_meaning(&of, row, &meaning)) {
            known_row *known = cf_arena_allocate(&self->arena, 1, sizeof *known);

            *known = (known_row){.tuple = cf_arena_copy(&self->arena, cf_buffer_view(&meaning)),
                                 .key = cf_arena_copy(&self->file->arena, row->key)};
            cf_hash_table_add(&self->tuples, &known->by_tuple, cf_hash_bytes(0, known->tuple));
        }
        cf_buffer_release(&meaning);
    }
}

static known_row *shown_as(const giving *self, const cf_row *row)
{
    cf_buffer meaning = {0};

    known_row *known =
        pack_meaning(self, row, &meaning) ? with_tuple(self, cf_buffer_view(&meaning)) : NULL;
    cf_buffer_release(&meaning);
    return known && !known->taken ? known : NULL;
}

static void keep_key(giving *self, cf_bytes key)
{
    known_row *known = cf_arena_allocate(&self->arena, 1, sizeof *known);

    known->key = key;
    cf_hash_table_add(&self->keys, &known->by_key, cf_hash_bytes(0, key));
}

/* What refers to the row from a table that isn't synced names it by its key. */
static void give_pins(giving *self, const cf_bytes *before)
{
    const cf_record_file *file = self->file;
    cf_row_pin *pins = (cf_row_pin *)file->pins;
    known_row *moved = cf_arena_allocate(&self->arena, file->count, sizeof *moved);
    cf_hash_table all = {0};

    for (size_t i = 0; file->pin_count && i < file->count; i++) {
        if (file->places[i] != self->place || cf_bytes_equal(before[i], file->rows[i].key))
            continue;
        moved[i] = (known_row){.tuple = before[i], .key = file->rows[i].key};
        cf_hash_table_add(&all, &moved[i].by_tuple, cf_hash_bytes(0, before[i]));
    }
    for (size_t p = 0; all.count && p < file->pin_count; p++) {
        cf_hash_link *link = cf_bytes_equal(pins[p].table, table_of(self)->name)
                                 ? cf_hash_table_first(&all, cf_hash_bytes(0, pins[p].key))
                                 : NULL;

        while (link &&
               !cf_bytes_equal(cf_container_of(link, known_row, by_tuple)->tuple, pins[p].key))
            link = cf_hash_table_next(link);
        if (link)
            pins[p].key = cf_container_of(link, known_row, by_tuple)->key;
    }
    cf_hash_table_release(&all);
}

/* A key that another row takes now goes on counting. */
static void give_shown(giving *self)
{
    cf_record_file *file = self->file;
    bool *given = cf_arena_allocate(&self->arena, file->count, sizeof *given);
    cf_bytes *before = cf_arena_allocate(&self->arena, file->count, sizeof *before);

    for (size_t i = 0; i < file->count; i++)
        before[i] = file->rows[i].key;
    know_shown(self);
    for (const cf_row *row = NULL; (row = cf_rows_next(self->base, row));)
        if (cf_bytes_equal(row->table, table_of(self)->name))
            keep_key(self, row->key);
    for (size_t i = 0; i < file->count; i++) {
        known_row *known = is_new(self, i) ? shown_as(self, &file->rows[i]) : NULL;

        given[i] = known && !is_taken(self, known->key);
        if (!given[i])
            continue;
        known->taken = true;
        file->rows[i].key = known->key;
        keep_key(self, known->key);
    }
    for (size_t i = 0; i < file->count; i++)
        if (!given[i] && is_new(self, i)) {
            if (is_taken(self, file->rows[i].key))
                file->rows[i].key = new_key(self, &file->rows[i]);
            keep_key(self, file->rows[i].key);
        }
    give_pins(self, before);
    cf_hash_table_release(&self->tuples);
    cf_hash_table_release(&self->keys);
    cf_arena_release(&self->arena);
}

void cf_database_joins_give(const cf_database_schema *schema, cf_record_file *file,
                            const cf_rows *base, const cf_row_view *view)
{
    for (size_t i = 0; i < schema->count; i++) {
        giving self = {.schema = schema, .base = base, .view = view, .file = file, .place = i};

        if (schema->tables[i].key_kind == CF_KEY_TUPLE && any_is_new(&self))
            give_shown(&self);
    }
}

bool cf_database_joins(const cf_database_schema *schema, cf_bytes table)
{
    const cf_database_table *found = cf_database_table_named(schema, table);

    return found && found->key_kind == CF_KEY_TUPLE;
}

bool cf_database_joins_by(const cf_database_schema *schema, cf_bytes table, cf_bytes field,
                          cf_bytes value, cf_buffer *out)
{
    const cf_database_table *found = cf_database_table_named(schema, table);

    for (size_t i = 0; found && found->key_kind == CF_KEY_TUPLE && i < found->key_count; i++) {
        const cf_database_column *column = &found->columns[found->keys[i]];

        if (!cf_bytes_equal(column->field, field))
            continue;
        cf_collation_fold(column->collation, value, out);
        return true;
    }
    return false;
}

cf_bytes cf_database_join_key(const cf_database_schema *schema, const cf_row *row,
                              const cf_rows *base, cf_arena *arena)
{
    const cf_database_table *table = cf_database_table_named(schema, row->table);
    const giving self = {.schema = schema, .base = base, .place = (size_t)(table - schema->tables)};
    cf_buffer key = {0};

    cf_pack_int(&key, first_number(&self, row));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&key));
    cf_buffer_release(&key);
    return copy;
}
