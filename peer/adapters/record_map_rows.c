/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files of rows through a map. */
#include "peer/adapters/record_map_inside.h"

#include <string.h>

#include "peer/adapters/record_format.h"
#include "peer/adapters/value_map.h"

/* ---- What a file can hold ---- */

static bool has_field(const cf_format_table *fields, cf_bytes name)
{
    for (size_t i = 0; i < fields->field_count; i++)
        if (cf_bytes_equal(fields->fields[i].name, name))
            return true;
    return fields->whole;
}

cf_bytes cf_record_map_missing(const cf_record_map *map, const cf_format_table *fields)
{
    for (size_t i = 0; i < map->column_count; i++)
        if (map->columns[i].slot != CF_MAP_KEY && !has_field(fields, map->columns[i].field))
            return map->columns[i].name;
    return (cf_bytes){0};
}

static void meet_columns(cf_record_map *map, const cf_format_table *fields)
{
    for (size_t i = 0; i < map->slot_count; i++)
        map->slots[i].count = 0;
    for (size_t i = 0; i < map->column_count; i++) {
        cf_map_column *column = &map->columns[i];

        if (column->slot != CF_MAP_KEY && has_field(fields, column->field))
            map->slots[column->slot].columns[map->slots[column->slot].count++] = i;
    }
}

/* Objects hold all there is. */
static void hold_objects(const cf_record_map *map, cf_arena *arena, cf_row_format *out)
{
    const cf_schema *schema = cf_schema_known(map->table);
    cf_format_table *tables = cf_arena_allocate(arena, schema->count, sizeof *tables);

    for (size_t i = 0; i < schema->count; i++)
        tables[i] = (cf_format_table){.name = schema->tables[i].name, .whole = true};
    *out = (cf_row_format){.tables = tables, .count = schema->count};
}

void cf_record_map_meet(cf_record_map *map, const cf_format_table *fields, cf_arena *arena,
                        cf_row_format *out)
{
    cf_format_table *table = cf_arena_allocate(arena, 1, sizeof *table);
    cf_format_field *held = cf_arena_allocate(arena, map->slot_count, sizeof *held);

    if (!map->column_count) {
        hold_objects(map, arena, out);
        return;
    }
    meet_columns(map, fields);
    *table = (cf_format_table){.name = map->table, .fields = held};
    for (size_t i = 0; i < map->slot_count; i++) {
        const cf_bytes field = map->slots[i].field;

        if (map->slots[i].count &&
            (!table->field_count || !cf_bytes_equal(held[table->field_count - 1].name, field)))
            held[table->field_count++].name = cf_arena_copy(arena, field);
    }
    *out = (cf_row_format){.tables = table, .count = 1};
}

/* ---- Rows ---- */

static cf_bytes table_of(const cf_record_map *map, const cf_row *row)
{
    return map->column_count ? map->table : cf_map_object_table(map, row);
}

void cf_record_map_enter(const cf_record_map *map, cf_record_file *file)
{
    const cf_schema *schema = cf_schema_known(map->table);
    const bool several = !map->column_count && schema->count > 1;

    for (size_t i = 0; i < file->count; i++)
        file->rows[i].table = table_of(map, &file->rows[i]);
    for (size_t i = 0; i < file->trouble_count; i++) {
        file->troubles[i].known &= !several; /* nobody knows in which table */
        file->troubles[i].table = map->table;
    }
}

static const cf_map_column *column_named(const cf_record_map *map, cf_bytes field)
{
    for (size_t i = 0; i < map->column_count; i++)
        if (cf_bytes_equal(map->columns[i].field, field))
            return &map->columns[i];
    return NULL;
}

static cf_status give_row(const cf_record_map *map, cf_row *row, const cf_row *known,
                          cf_field_list *list, cf_arena *arena, cf_error *error)
{
    cf_status status = map->column_count ? cf_map_columns_give(map, row, known, list, arena, error)
                                         : cf_map_objects_give(map, row, list, arena, error);

    cf_field_list_take(list, arena, row);
    return status;
}

/* ---- Cells that say what can't be ---- */

/* As a date, a number, … can be said of any entry alone: a cell of several can't. */
static bool is_bad(const cf_map_column *column, cf_bytes text, cf_error *error)
{
    cf_buffer value = {0};

    if (column->slot == CF_MAP_KEY || !text.size || cf_cell_is_text(column) ||
        memmem(text.data, text.size, CF_MAP_BETWEEN, sizeof CF_MAP_BETWEEN - 1))
        return false;
    bool bad =
        cf_cell_write(column, (cf_bytes){0}, cf_cell_trim(column, text), &value, error) != CF_OK;
    cf_buffer_release(&value);
    return bad;
}

/* What the cell said of the known row, which has at most one value there; nothing: nobody knows. */
static bool said_before(const cf_row *known, const cf_row *shown, const cf_record_map *map,
                        const cf_map_column *column, cf_bytes *out)
{
    const cf_row_field *field =
        known ? cf_row_field_named(known, map->slots[column->slot].field) : NULL;
    const cf_row_field *cell = field ? cf_row_field_named(shown, column->field) : NULL;

    *out = cell && cell->count ? cell->values[0] : (cf_bytes){0};
    return !field || field->count < 2;
}

static void name_cell(cf_record_file *file, const cf_row *row, const cf_map_column *column,
                      cf_bytes text, cf_error *error)
{
    static const cf_row none; /* the row itself is not in trouble */
    cf_buffer key = {0};

    cf_error_while(error, "%.*s: '%.*s'", (int)column->name.size, (const char *)column->name.data,
                   (int)(text.size < 40 ? text.size : 40), (const char *)text.data);
    cf_record_file_trouble(file, 0, &none, error->text);
    cf_record_key_text(row->key, &key);
    file->troubles[file->trouble_count - 1].where =
        cf_arena_copy(&file->arena, cf_buffer_view(&key));
    cf_buffer_release(&key);
}

/* Of a row that can't be given: its cells with what was known in the place of those that say what
 * can't be, which are kept aside. False: there are none of these, or nobody knows what was.
 *
 *   anna, known as born 1980-05-17, "soon", ann@new   is   anna, "1980-05-17", ann@new
 */
static bool set_aside(cf_record_map *map, cf_record_file *file, cf_row *row, const cf_row *known)
{
    cf_field_list given = {0}, aside = {0};
    cf_arena *arena = &file->arena;
    cf_row shown = {0}, kept = {.key = row->key};
    bool any = false, fine = map->column_count > 0;

    if (known && fine) {
        cf_map_columns_take(map, NULL, known, &given, arena);
        cf_field_list_take(&given, arena, &shown);
    }
    for (size_t i = 0; i < row->field_count && fine; i++) {
        const cf_row_field *cell = &row->fields[i];
        const cf_map_column *column = column_named(map, cell->name);
        cf_bytes text = {0}, before = cell->values[0];
        cf_error error;

        if (column && cf_value_is_text(before, &text) && is_bad(column, text, &error)) {
            fine = said_before(known, &shown, map, column, &before);
            cf_field_list_add(&aside, arena, cell->name, cell->values[0]);
            any = true;
        }
        if (before.data)
            cf_field_list_add(&given, arena, cell->name, before);
    }
    if (any && fine) {
        cf_field_list_take(&given, arena, row);
        cf_field_list_take(&aside, arena, &kept);
        cf_rows_put(map->aside, &kept);
    }
    cf_field_list_release(&given);
    cf_field_list_release(&aside);
    return any && fine;
}

static void name_aside(const cf_record_map *map, cf_record_file *file, const cf_row *row)
{
    const cf_row *aside = cf_rows_find(map->aside, (cf_bytes){0}, row->key);

    for (size_t i = 0; i < aside->field_count; i++) {
        const cf_map_column *column = column_named(map, aside->fields[i].name);
        cf_bytes text = {0};
        cf_error error;

        if (cf_value_is_text(aside->fields[i].values[0], &text) && is_bad(column, text, &error))
            name_cell(file, row, column, text, &error);
    }
}

/* The cells that are kept aside stay as they are. */
static void put_aside_back(const cf_record_map *map, cf_row *cells, cf_arena *arena)
{
    const cf_row *aside = cf_rows_find(map->aside, (cf_bytes){0}, cells->key);
    cf_field_list list = {0};

    if (!aside)
        return;
    for (size_t i = 0; i < cells->field_count; i++)
        if (!cf_row_field_named(aside, cells->fields[i].name))
            cf_field_list_add(&list, arena, cells->fields[i].name, cells->fields[i].values[0]);
    for (size_t i = 0; i < aside->field_count; i++)
        cf_field_list_add(&list, arena, aside->fields[i].name, aside->fields[i].values[0]);
    cf_field_list_take(&list, arena, cells);
    cf_field_list_release(&list);
}

/* ---- All rows ---- */

/* False: the row is in trouble. */
static bool give(cf_record_map *map, cf_record_file *file, cf_row *row, const cf_row *known,
                 cf_field_list *list)
{
    const cf_row cells = *row;
    cf_row rest = cells;
    cf_error error, ignored;

    if (give_row(map, row, known, list, &file->arena, &error) == CF_OK)
        return true;
    if (set_aside(map, file, &rest, known) &&
        give_row(map, &rest, known, list, &file->arena, &ignored) == CF_OK) {
        *row = rest;
        name_aside(map, file, row);
        return true;
    }
    cf_rows_drop(map->aside, (cf_bytes){0}, cells.key);
    cf_record_file_trouble(file, 0, &cells, error.text);
    cf_rows_put(map->left, &(cf_row){.key = cells.key});
    return false;
}

void cf_record_map_give(cf_record_map *map, cf_record_file *file, const cf_rows *base,
                        const cf_row_view *view)
{
    cf_field_list list = {0};
    size_t kept = 0;

    cf_rows_destroy(&map->left);
    cf_rows_destroy(&map->aside);
    map->left = cf_rows_new();
    map->aside = cf_rows_new();
    for (size_t i = 0; i < file->count; i++) {
        cf_row row = file->rows[i];
        const cf_row *known = cf_rows_find(base, row.table, row.key);

        if (!known)
            known = cf_row_view_find(view, row.table, row.key);
        if (!give(map, file, &row, known, &list))
            continue;
        file->rows[kept] = row;
        file->places[kept++] = file->places[i];
    }
    file->count = kept;
    cf_field_list_release(&list);
}

/* The cells of this key say what can't be: the row is in trouble, and left as it is. */
static bool is_left(const cf_record_map *map, cf_bytes key)
{
    return cf_rows_find(map->left, (cf_bytes){0}, key) != NULL;
}

static const cf_row *find_by_key(const cf_wanted_rows *before, cf_bytes key)
{
    size_t low = 0, high = before->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_bytes_compare(before->rows[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < before->count && cf_bytes_equal(before->rows[low]->key, key) ? before->rows[low]
                                                                              : NULL;
}

size_t cf_record_map_take(const cf_record_map *map, const cf_record_file *before,
                          const cf_row *rows, size_t count, cf_arena *arena, cf_row *out)
{
    cf_wanted_rows found = cf_wanted_rows_of(before->rows, before->count); /* all of one table */
    cf_field_list list = {0};
    size_t made = 0;

    for (size_t i = 0; i < count; i++) {
        const cf_row *is = find_by_key(&found, rows[i].key);
        cf_row row = {.table = cf_bytes_of_text(CF_TABLE_RECORDS), .key = rows[i].key};

        if (is_left(map, row.key) ||
            (map->column_count && !cf_bytes_equal(rows[i].table, map->table)))
            continue;
        if (map->column_count)
            cf_map_columns_take(map, is, &rows[i], &list, arena);
        else
            cf_map_objects_take(map, is, &rows[i], &list, arena);
        cf_field_list_take(&list, arena, &row);
        put_aside_back(map, &row, arena);
        out[made++] = row;
    }
    for (size_t i = 0; i < before->count; i++)
        if (is_left(map, before->rows[i].key))
            out[made++] = before->rows[i];
    cf_field_list_release(&list);
    cf_wanted_rows_release(&found);
    return made;
}
