/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_map_inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"
#include "codec/utf8.h"
#include "peer/records/schema.h"

/* ---- Lines ---- */

static cf_bytes trimmed(cf_bytes text)
{
    while (text.size && strchr(" \t\r", text.data[0]))
        text = cf_bytes_of(text.data + 1, text.size - 1);
    while (text.size && strchr(" \t\r", text.data[text.size - 1]))
        text.size--;
    return text;
}

/* A name in quotes, or up to the equals sign with a pointer behind it. */
static cf_status split(const cf_map_reading *self, cf_bytes *name, cf_bytes *pointer)
{
    cf_bytes line = self->line;
    cf_buffer said = {0};
    size_t at = 0;

    if (line.data[0] == '"') {
        for (at = 1; at < line.size &&
                     (line.data[at] != '"' || (at + 1 < line.size && line.data[at + 1] == '"'));
             at++) {
            at += line.data[at] == '"';
            cf_buffer_append(&said, &line.data[at], 1);
        }
        *name = cf_arena_copy(&self->map->arena, cf_buffer_view(&said));
        cf_buffer_release(&said);
        at = at < line.size ? at + 1 : at;
        *pointer = trimmed(cf_bytes_of(line.data + at, line.size - at));
        if (!pointer->size || pointer->data[0] != '=')
            return CF_MAP_FAIL(self, "'=' and a pointer are expected behind the column in quotes");
        *pointer = trimmed(cf_bytes_of(pointer->data + 1, pointer->size - 1));
    } else {
        for (*pointer = (cf_bytes){0}; at < line.size && !pointer->size; at++) {
            cf_bytes rest = trimmed(cf_bytes_of(line.data + at + 1, line.size - at - 1));

            if (line.data[at] == '=' && rest.size && rest.data[0] == '/')
                *pointer = rest;
        }
        *name = trimmed(cf_bytes_of(line.data, at ? at - 1 : 0));
    }
    if (!pointer->size || pointer->data[0] != '/')
        return CF_MAP_FAIL(self, "COLUMN = /POINTER is expected, or table NAME");
    return name->size ? CF_OK : CF_MAP_FAIL(self, "the column has no name");
}

static bool same_leaf(const cf_map_column *a, const cf_map_column *b)
{
    if (a->slot != b->slot || a->depth != b->depth || !cf_bytes_equal(a->component, b->component))
        return false;
    for (size_t i = 0; i < a->depth; i++)
        if (!cf_bytes_equal(a->path[i], b->path[i]))
            return false;
    return true;
}

static cf_status take_column(const cf_map_reading *self)
{
    cf_record_map *map = self->map;
    cf_map_column column = {0};
    cf_buffer field = {0};
    cf_bytes pointer;

    cf_status status = split(self, &column.name, &pointer);
    if (!status)
        status = cf_map_take_pointer(self, pointer, &column);
    if (status)
        return status;
    for (size_t i = 0; i < map->column_count; i++) {
        if (cf_bytes_equal(map->columns[i].name, column.name))
            return CF_MAP_FAIL(self, "the column %.*s stands there already", (int)column.name.size,
                               (const char *)column.name.data);
        if (same_leaf(&map->columns[i], &column))
            return CF_MAP_FAIL(self, "%.*s is in the column %.*s already", (int)pointer.size,
                               (const char *)pointer.data, (int)map->columns[i].name.size,
                               (const char *)map->columns[i].name.data);
    }
    cf_column_field(column.name, &field);
    column.field = cf_arena_copy(&map->arena, cf_buffer_view(&field));
    cf_buffer_release(&field);
    if (column.field.size > CF_FIELD_MAX)
        return CF_MAP_FAIL(self, "the column's name is too long");
    *cf_one_more(map->columns, map->column_count, map->column_capacity) = column;
    return CF_OK;
}

/* The next word, or what stands in quotes; false: there is none. */
static bool next_word(cf_bytes *line, cf_bytes *word)
{
    const bool quoted = line->size && line->data[0] == '"';
    size_t end = quoted;

    while (end < line->size && (quoted ? line->data[end] != '"' : !strchr(" \t", line->data[end])))
        end++;
    *word = cf_bytes_of(line->data + quoted, end > quoted ? end - quoted : 0);
    end += quoted && end < line->size;
    *line = trimmed(cf_bytes_of(line->data + end, line->size - end));
    return word->size > 0;
}

static cf_status take_reference(const cf_map_reading *self)
{
    cf_record_map *map = self->map;
    cf_named_reference found;
    cf_bytes line = self->line, word;

    next_word(&line, &word);
    if (!next_word(&line, &found.table) || !next_word(&line, &found.column) ||
        !next_word(&line, &found.parent) || line.size)
        return CF_MAP_FAIL(self, "refers TABLE COLUMN TABLE is expected");
    *cf_one_more(map->references, map->reference_count, map->reference_capacity) = found;
    return CF_OK;
}

static bool begins_with(cf_bytes line, const char *word)
{
    size_t size = strlen(word);

    return line.size >= size && memcmp(line.data, word, size) == 0 &&
           !memchr(line.data, '=', line.size);
}

static cf_status take_line(cf_map_reading *self)
{
    static const char *const tables[] = {CF_TABLE_CONTACTS, CF_TABLE_EVENTS, CF_TABLE_TASKS};
    static const char word[] = "table ";
    cf_bytes line = self->line;

    if (!line.size || line.data[0] == '#')
        return CF_OK;
    if (begins_with(line, "refers "))
        return take_reference(self);
    if (!begins_with(line, word))
        return take_column(self);
    line = trimmed(cf_bytes_of(line.data + sizeof word - 1, line.size - (sizeof word - 1)));
    if (self->map->column_count)
        return CF_MAP_FAIL(self, "the table comes before the columns");
    for (size_t i = 0; i < 3; i++)
        if (cf_bytes_equal(line, cf_bytes_of_text(tables[i]))) {
            self->map->table = cf_bytes_of_text(tables[i]);
            return CF_OK;
        }
    return CF_MAP_FAIL(self, "unknown table %.*s: contacts, events or tasks", (int)line.size,
                       (const char *)line.data);
}

/* ---- A map ---- */

static int by_order(const void *left, const void *right)
{
    const cf_map_slot *a = left, *b = right;
    int order = cf_bytes_compare(a->field, b->field);

    if (!order)
        order = (a->which > b->which) - (a->which < b->which);
    if (!order)
        order = (a->word_count < b->word_count) - (a->word_count > b->word_count);
    if (!order)
        order = (a->place > b->place) - (a->place < b->place);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* The columns still have the numbers of the slots before they are sorted. */
static void sort_slots(cf_record_map *map)
{
    cf_map_slot *before;

    if (!map->slot_count)
        return;
    before = cf_allocate(map->slot_count, sizeof *before);
    memcpy(before, map->slots, map->slot_count * sizeof *before);
    qsort(map->slots, map->slot_count, sizeof *map->slots, by_order);
    for (size_t i = 0; i < map->column_count; i++) {
        size_t slot = 0;

        if (map->columns[i].slot == CF_MAP_KEY)
            continue;
        while (!cf_map_same_slot(&map->slots[slot], &before[map->columns[i].slot]))
            slot++;
        map->columns[i].slot = slot;
    }
    free(before);
}

static cf_status check(const cf_record_map *map, cf_error *error)
{
    return map->column_count && !cf_record_map_key(map).size
               ? cf_fail(error, CF_USAGE,
                         "no column is the key, which says which record a row is: COLUMN = /uid")
               : CF_OK;
}

cf_status cf_record_map_read(cf_bytes text, cf_record_map **out, cf_error *error)
{
    cf_record_map *map = cf_allocate(1, sizeof *map);
    cf_map_reading self = {.map = map, .error = error};
    cf_status status = CF_OK;

    map->table = cf_bytes_of_text(CF_TABLE_CONTACTS);
    map->left = cf_rows_new();
    map->aside = cf_rows_new();
    if (!cf_utf8_valid(text) || (text.size && memchr(text.data, '\0', text.size)))
        status = cf_fail(error, CF_USAGE, "it is no text");
    text = cf_arena_copy(&map->arena, text);
    if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        text = cf_bytes_of(text.data + 3, text.size - 3);
    for (size_t at = 0; at < text.size && !status;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
        size_t next = end ? (size_t)(end - text.data) : text.size;

        self.line = trimmed(cf_bytes_of(text.data + at, next - at));
        self.number++;
        status = take_line(&self);
        at = next + 1;
    }
    if (!status)
        status = check(map, error);
    if (status) {
        cf_record_map_destroy(&map);
        return status;
    }
    sort_slots(map);
    for (size_t i = 0; i < map->slot_count; i++)
        map->slots[i].columns =
            cf_arena_allocate(&map->arena, map->column_count, sizeof *map->slots[i].columns);
    *out = map;
    return CF_OK;
}

void cf_record_map_destroy(cf_record_map **map)
{
    if (!*map)
        return;
    cf_rows_destroy(&(*map)->left);
    cf_rows_destroy(&(*map)->aside);
    free((*map)->references);
    free((*map)->columns);
    free((*map)->slots);
    cf_arena_release(&(*map)->arena);
    free(*map);
    *map = NULL;
}

cf_bytes cf_record_map_table(const cf_record_map *map)
{
    return map->table;
}

bool cf_map_is_contacts(const cf_record_map *map)
{
    return cf_map_kind(map->table) == CF_KIND_CONTACT;
}

const cf_named_reference *cf_record_map_references(const cf_record_map *map, size_t *count)
{
    *count = map->reference_count;
    return map->references;
}

cf_bytes cf_record_map_key(const cf_record_map *map)
{
    for (size_t i = 0; i < map->column_count; i++)
        if (map->columns[i].slot == CF_MAP_KEY)
            return map->columns[i].name;
    return (cf_bytes){0};
}

bool cf_record_map_names(const cf_record_map *map, cf_bytes column)
{
    for (size_t i = 0; i < map->column_count; i++)
        if (cf_bytes_equal(map->columns[i].name, column))
            return true;
    return false;
}
