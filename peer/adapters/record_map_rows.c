/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files of rows through a map. */
#include "peer/adapters/record_map_inside.h"

#include <string.h>

#include "peer/adapters/record_format.h"

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
    const cf_schema *schema =
        cf_record_map_holds(map) == CF_FORMAT_VCARD ? &cf_schema_contacts : &cf_schema_calendar;
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
    const bool several = !map->column_count && cf_record_map_holds(map) == CF_FORMAT_ICALENDAR;

    for (size_t i = 0; i < file->count; i++)
        file->rows[i].table = table_of(map, &file->rows[i]);
    for (size_t i = 0; i < file->trouble_count; i++) {
        file->troubles[i].known &= !several; /* nobody knows in which table */
        file->troubles[i].table = map->table;
    }
}

static cf_status give_row(const cf_record_map *map, cf_row *row, const cf_row *known,
                          cf_field_list *list, cf_arena *arena, cf_error *error)
{
    cf_status status = map->column_count ? cf_map_columns_give(map, row, known, list, arena, error)
                                         : cf_map_objects_give(map, row, list, arena, error);

    cf_field_list_take(list, arena, row);
    return status;
}

void cf_record_map_give(cf_record_map *map, cf_record_file *file, const cf_rows *base,
                        const cf_row_view *view)
{
    cf_field_list list = {0};
    size_t kept = 0;

    cf_rows_destroy(&map->left);
    map->left = cf_rows_new();
    for (size_t i = 0; i < file->count; i++) {
        cf_row row = file->rows[i];
        const cf_row *known = cf_rows_find(base, row.table, row.key);
        cf_error error;

        if (!known)
            known = cf_row_view_find(view, row.table, row.key);
        if (give_row(map, &row, known, &list, &file->arena, &error)) {
            cf_record_file_trouble(file, 0, &row, error.text);
            cf_rows_put(map->left, &(cf_row){.key = row.key});
            continue;
        }
        file->rows[kept] = row;
        file->places[kept++] = file->places[i];
    }
    file->count = kept;
    cf_field_list_release(&list);
}

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
        out[made++] = row;
    }
    for (size_t i = 0; i < before->count; i++)
        if (is_left(map, before->rows[i].key))
            out[made++] = before->rows[i];
    cf_field_list_release(&list);
    cf_wanted_rows_release(&found);
    return made;
}
