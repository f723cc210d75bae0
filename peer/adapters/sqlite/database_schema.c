/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/sqlite/database_schema.h"

#include "codec/limits.h"
#include "codec/pointer.h"
#include "peer/adapters/sqlite/database_references.h"
#include "peer/adapters/sqlite/database_triggers.h"

#include <stdlib.h>
#include <string.h>

/* ---- Columns and keys, as they stay ---- */

/* Rows are numbered, unless their key is natural: also those whose key is a tuple. */
static bool is_serial(const cf_database_table *table)
{
    return table->key_kind != CF_KEY_NATURAL;
}

/* A column of the key is a field as well where the key doesn't say all of it. */
static void choose_fields(cf_database_table *table)
{
    for (size_t i = 0; i < table->key_count; i++) {
        cf_database_column *column = &table->columns[table->keys[i]];

        column->required = true;
        if (table->key_kind != CF_KEY_TUPLE && !column->target &&
            column->collation == CF_COLLATION_BINARY)
            column->field = (cf_bytes){0};
    }
}

static int by_field(const void *left, const void *right)
{
    const cf_database_column *a = left, *b = right;
    int order = cf_bytes_compare(a->field, b->field);

    return order ? order : (a->key > b->key) - (a->key < b->key);
}

static void settle(cf_database_table *table, const size_t *places, cf_arena *arena)
{
    cf_database_column *columns = cf_arena_allocate(arena, table->count, sizeof *columns);

    choose_fields(table);
    memcpy(columns, table->columns, table->count * sizeof *columns);
    table->columns = columns;
    qsort(columns, table->count, sizeof *columns, by_field);
    for (size_t i = 0; i < table->count; i++) {
        if (columns[i].key)
            table->keys[columns[i].key - 1] = i;
        if (columns[i].target)
            columns[i].target = places[columns[i].target - 1];
    }
}

/* ---- For the merge ---- */

static void give_rules(const cf_database_schema *schema, const cf_database_table *table,
                       cf_arena *arena, cf_schema_table *out)
{
    cf_field_rule *rules = cf_arena_allocate(arena, table->count, sizeof *rules);
    cf_bytes *required = cf_arena_allocate(arena, table->count, sizeof *required);

    for (size_t i = 0; i < table->count; i++) {
        const cf_database_column *column = &table->columns[i];

        if (column->field.size && column->target)
            rules[out->field_count++] = (cf_field_rule){
                column->field, CF_MERGE_REFERENCE, schema->tables[column->target - 1].name,
                column->required || column->key || column->cascades};
        else if (column->field.size && column->last)
            rules[out->field_count++] = (cf_field_rule){column->field, CF_MERGE_WEAK, {0}, false};
        if (column->field.size && column->required && !column->preset)
            required[out->required_count++] = column->field;
    }
    out->fields = rules;
    out->required = required;
}

static bool has_field(const cf_database_table *table, cf_bytes field)
{
    for (size_t i = 0; i < table->count; i++)
        if (cf_bytes_equal(table->columns[i].field, field))
            return true;
    return false;
}

/* All columns of the tuple are synced: a tuple with another would hold rows back for what nobody
 * sees. */
static bool are_fields(const cf_database_table *table, const cf_found_unique *unique)
{
    bool all = unique->count > 0;

    for (size_t i = 0; all && i < unique->count; i++)
        all = has_field(table, unique->columns[i]);
    return all;
}

/* The key of several columns as a unique tuple; false: it is no such key, or compares by a
 * collation. */
static bool key_as_unique(const cf_database_table *table, cf_arena *arena, cf_found_unique *out)
{
    *out = (cf_found_unique){.columns =
                                 cf_arena_allocate(arena, table->key_count, sizeof *out->columns)};
    for (size_t i = 0; i < table->key_count; i++) {
        const cf_database_column *column = &table->columns[table->keys[i]];

        if (column->collation != CF_COLLATION_BINARY)
            return false;
        out->columns[out->count++] = column->field;
    }
    return table->key_kind == CF_KEY_TUPLE;
}

static void give_unique(const cf_database_table *table, const cf_found_table *found,
                        cf_arena *arena, cf_schema_table *out)
{
    cf_unique *all = cf_arena_allocate(arena, found->unique_count + 1, sizeof *all);
    cf_found_unique key;

    if (key_as_unique(table, arena, &key))
        all[out->unique_count++] = (cf_unique){.names = key.columns, .count = key.count};
    for (size_t i = 0; i < found->unique_count; i++)
        if (are_fields(table, &found->unique[i]))
            all[out->unique_count++] = (cf_unique){.names = found->unique[i].columns,
                                                   .count = found->unique[i].count,
                                                   .collations = found->unique[i].collations};
    out->unique = all;
}

static void give_format(const cf_database_table *table, cf_arena *arena, cf_format_table *out)
{
    cf_format_field *fields = cf_arena_allocate(arena, table->count, sizeof *fields);

    cf_format_preset *presets = cf_arena_allocate(arena, table->count, sizeof *presets);

    *out = (cf_format_table){
        .name = table->name, .fields = fields, .presets = presets, .counts_on = table->counts_on};
    for (size_t i = 0; i < table->count; i++) {
        const cf_database_column *column = &table->columns[i];

        if (column->field.size)
            fields[out->field_count++].name = column->field;
        if (column->field.size && column->given.size)
            presets[out->preset_count++] =
                (cf_format_preset){column->field, column->given, column->required};
    }
}

/* A key of numbers that others may have otherwise is made of nothing but itself. */
static void give_keys(const cf_database_table *table, cf_arena *arena, cf_format_table *out)
{
    cf_bytes *keys = cf_arena_allocate(arena, table->key_count, sizeof *keys);

    for (size_t i = 0; i < table->key_count; i++) {
        const cf_database_column *column = &table->columns[table->keys[i]];

        keys[i] = column->field.size ? (cf_bytes){0} : column->name;
    }
    out->keys = keys;
    out->key_count = table->key_kind == CF_KEY_TUPLE ? 0 : table->key_count;
}

/* ---- Foreign keys that are no references ---- */

bool cf_foreign_key_is_reference(const cf_database_table *table, const cf_foreign_key *key)
{
    for (size_t i = 0; key->count == 1 && i < table->count; i++)
        if (cf_sql_name_equal(table->columns[i].name, key->from[0]))
            return table->columns[i].target > 0;
    return false;
}

/* All of them are columns of it. */
static const cf_tied_column *row_columns(const cf_database_table *table, const cf_bytes *names,
                                         size_t count, cf_arena *arena)
{
    cf_tied_column *columns = cf_arena_allocate(arena, count, sizeof *columns);

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < table->count; k++)
            if (cf_sql_name_equal(table->columns[k].name, names[i]))
                columns[i] = (cf_tied_column){table->columns[k].field,
                                              table->columns[k].key ? table->columns[k].key - 1 : 0,
                                              table->key_count, table->columns[k].collation};
    return columns;
}

/* Its rows can't be without those that they refer to by this key, or go with them. */
static bool is_bond(const cf_database_table *table, const cf_foreign_key *key)
{
    bool bond = key->cascades;

    for (size_t i = 0; i < key->count; i++)
        for (size_t k = 0; k < table->count; k++)
            bond |= cf_sql_name_equal(table->columns[k].name, key->from[i]) &&
                    (table->columns[k].required || table->columns[k].key);
    return bond;
}

/* Nothing where the names are too long for a field. */
static cf_bytes tie_field(const cf_database_table *table, const cf_foreign_key *key,
                          cf_arena *arena)
{
    cf_buffer field = {0};

    cf_buffer_append_text(&field, is_bond(table, key) ? CF_FIELD_BOND : CF_FIELD_TIE);
    cf_pointer_write(key->parent, &field);
    for (size_t i = 0; i < key->count; i++) {
        cf_pointer_add(key->from[i], &field);
    }
    cf_bytes copy =
        field.size <= CF_FIELD_MAX ? cf_arena_copy(arena, cf_buffer_view(&field)) : (cf_bytes){0};
    cf_buffer_release(&field);
    return copy;
}

static const cf_database_table *parent_of(const cf_database_schema *schema,
                                          const cf_foreign_key *key)
{
    for (size_t i = 0; i < schema->count; i++)
        if (cf_sql_name_equal(schema->tables[i].name, key->parent))
            return &schema->tables[i];
    return NULL;
}

static void give_ties(cf_database_schema *schema)
{
    size_t room = 0;

    for (size_t i = 0; i < schema->count; i++)
        room += schema->tables[i].foreign_count;
    cf_row_tie *ties = cf_arena_allocate(&schema->arena, room, sizeof *ties);
    for (size_t i = 0; i < schema->count; i++)
        for (size_t k = 0; k < schema->tables[i].foreign_count; k++) {
            const cf_database_table *table = &schema->tables[i];
            const cf_foreign_key *key = &table->foreign[k];
            const cf_database_table *parent = parent_of(schema, key);

            if (!parent || cf_foreign_key_is_reference(table, key))
                continue;
            ties[schema->format.tie_count++] =
                (cf_row_tie){table->name,
                             parent->name,
                             row_columns(table, key->from, key->count, &schema->arena),
                             row_columns(parent, key->to, key->count, &schema->arena),
                             key->count,
                             tie_field(table, key, &schema->arena)};
        }
    schema->format.ties = ties;
}

/* ---- What is not synced ---- */

bool cf_database_notice_is_harmless(const cf_database_notice *notice, const cf_schema *known)
{
    return notice->kind == CF_NOTICE_COMPUTED ||
           (notice->kind == CF_NOTICE_KEYLESS && !(known && cf_schema_find(known, notice->name)));
}

static void note_refused(cf_schema_reading *self, const cf_found_table *found)
{
    if (found->unwanted)
        return;
    if (!found->virtual)
        cf_schema_notice(self, found->keyless ? CF_NOTICE_KEYLESS : CF_NOTICE_TROUBLE,
                         found->table.name, "%s", found->refused);
    else if (!found->followed)
        cf_schema_notice(self, CF_NOTICE_KEYLESS, found->table.name,
                         "a virtual table: its content is not synced, and no trigger keeps it");
}

/* ---- The whole ---- */

static void build(cf_schema_reading *self)
{
    cf_database_schema *schema = self->schema;
    size_t *places = cf_arena_allocate(&schema->arena, self->count, sizeof *places);
    cf_schema_table *tables = cf_arena_allocate(&schema->arena, self->count, sizeof *tables);
    cf_format_table *formats = cf_arena_allocate(&schema->arena, self->count, sizeof *formats);

    schema->tables = cf_arena_allocate(&schema->arena, self->count, sizeof *schema->tables);
    for (size_t i = 0; i < self->count; i++)
        if (self->tables[i].refused)
            note_refused(self, &self->tables[i]);
        else
            places[i] = ++schema->count;
    for (size_t i = 0; i < self->count; i++)
        if (places[i]) {
            schema->tables[places[i] - 1] = self->tables[i].table;
            settle(&schema->tables[places[i] - 1], places, &schema->arena);
        }
    for (size_t i = 0; i < self->count; i++) {
        if (!places[i])
            continue;
        const cf_database_table *table = &schema->tables[places[i] - 1];
        cf_schema_table *out = &tables[places[i] - 1];

        *out =
            (cf_schema_table){.name = table->name, .kind = CF_KIND_ROW, .serial = is_serial(table)};
        give_rules(schema, table, &schema->arena, out);
        give_unique(table, &self->tables[i], &schema->arena, out);
        give_format(table, &schema->arena, &formats[places[i] - 1]);
        give_keys(table, &schema->arena, &formats[places[i] - 1]);
    }
    schema->schema = (cf_schema){tables, schema->count};
    schema->format = (cf_row_format){.tables = formats, .count = schema->count};
    give_ties(schema);
}

cf_status cf_database_schema_read(sqlite3 *database, const cf_database_choice *choice,
                                  cf_database_schema *out, cf_error *error)
{
    static const cf_database_choice all;
    cf_schema_reading self = {.database = database, .schema = out};

    *out = (cf_database_schema){0};
    cf_status status =
        cf_database_number(database, "PRAGMA main.schema_version", &out->version, error);
    if (!status)
        status = cf_schema_find_tables(&self, choice ? choice : &all, error);
    if (!status)
        status = cf_schema_find_followers(&self, error);
    if (!status)
        status = cf_schema_find_references(&self, choice ? choice : &all, error);
    if (!status)
        build(&self);
    for (size_t i = 0; i < self.count; i++) {
        free(self.tables[i].table.columns);
        free(self.tables[i].unique);
    }
    free(self.tables);
    if (status) {
        cf_error_while(error, "reading what tables there are");
        cf_database_schema_release(out);
    }
    return status;
}

void cf_database_schema_release(cf_database_schema *schema)
{
    free(schema->notices);
    cf_arena_release(&schema->arena);
    *schema = (cf_database_schema){0};
}

const cf_database_table *cf_database_table_named(const cf_database_schema *schema, cf_bytes name)
{
    size_t low = 0, high = schema->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = cf_bytes_compare(schema->tables[middle].name, name);

        if (order == 0)
            return &schema->tables[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool cf_database_has_natural_key(const cf_database_schema *schema, cf_bytes table)
{
    const cf_database_table *found = cf_database_table_named(schema, table);

    for (size_t i = 0; found && i < found->count; i++)
        if (found->columns[i].names)
            return true;
    return false;
}
