/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_file.h"

#include "codec/pointer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void cf_record_file_release(cf_record_file *file)
{
    free(file->rows);
    free(file->places);
    free(file->troubles);
    cf_arena_release(&file->arena);
    *file = (cf_record_file){0};
}

cf_record_file cf_record_file_borrow(const cf_record_file *from)
{
    cf_record_file out = {.cut = from->cut,
                          .unended = from->unended,
                          .half_end = from->half_end,
                          .last_place = from->last_place,
                          .others = from->others,
                          .pins = from->pins,
                          .pin_count = from->pin_count,
                          .pins_hash = from->pins_hash};

    for (size_t i = 0; i < from->count; i++)
        cf_record_file_add(&out, &from->rows[i], from->places[i]);
    out.troubles = cf_grow(NULL, &out.trouble_capacity, from->trouble_count, sizeof *out.troubles);
    for (size_t i = 0; i < from->trouble_count; i++)
        out.troubles[out.trouble_count++] = from->troubles[i];
    return out;
}

bool cf_record_file_certain(const cf_record_file *file)
{
    for (size_t i = 0; i < file->trouble_count; i++)
        if (!file->troubles[i].known)
            return false;
    return !file->cut;
}

void cf_record_file_trouble(cf_record_file *file, size_t line, const cf_row *row, const char *text)
{
    cf_record_trouble trouble = {.line = line, .known = row != NULL};

    if (row) {
        trouble.table = cf_arena_copy(&file->arena, row->table);
        trouble.key = cf_arena_copy(&file->arena, row->key);
    }
    trouble.text = cf_arena_text(&file->arena, cf_bytes_of_text(text));
    *cf_one_more(file->troubles, file->trouble_count, file->trouble_capacity) = trouble;
}

void cf_record_file_cut(cf_record_file *file, size_t line, const cf_row *row, const char *text)
{
    cf_record_file_trouble(file, line, row, text);
    file->troubles[file->trouble_count - 1].known = false;
    file->troubles[file->trouble_count - 1].cut = true;
    file->cut = true;
}

void cf_record_file_take_cut(cf_record_file *file)
{
    for (size_t i = 0; i < file->trouble_count; i++)
        file->troubles[i].known |= file->troubles[i].cut;
    file->cut = false;
}

bool cf_row_lacks(const cf_row *row, const cf_row *before)
{
    for (size_t i = 0; i < before->field_count; i++) {
        const cf_row_field *field = cf_row_field_named(row, before->fields[i].name);

        if (before->fields[i].count > (field ? field->count : 0))
            return true;
    }
    return false;
}

void cf_record_file_add(cf_record_file *file, const cf_row *row, size_t place)
{
    size_t places = file->count; /* as many as rows */

    *cf_one_more(file->places, places, file->place_capacity) = place;
    *cf_one_more(file->rows, file->count, file->row_capacity) = *row;
}

static int compare_rows(const cf_row *a, const cf_row *b)
{
    int order = cf_bytes_compare(a->table, b->table);

    return order ? order : cf_bytes_compare(a->key, b->key);
}

/* All pointers are into one array, whose order decides between equals. */
static int by_key(const void *left, const void *right)
{
    const cf_row *a = *(const cf_row *const *)left, *b = *(const cf_row *const *)right;
    int order = compare_rows(a, b);

    return order ? order : a < b ? -1 : 1;
}

static const cf_row **sorted(const cf_row *rows, size_t count)
{
    const cf_row **pointers = cf_allocate(count, sizeof *pointers);

    for (size_t i = 0; i < count; i++)
        pointers[i] = &rows[i];
    if (count)
        qsort(pointers, count, sizeof *pointers, by_key);
    return pointers;
}

void cf_record_file_settle(cf_record_file *file, size_t (*line_of)(void *context, size_t place),
                           void *context)
{
    const cf_row **order = sorted(file->rows, file->count);
    bool *again = cf_allocate(file->count, sizeof *again);
    size_t kept = 0;

    for (size_t i = 1; i < file->count; i++)
        if (compare_rows(order[i - 1], order[i]) == 0)
            again[order[i] - file->rows] = true;
    for (size_t i = 0; i < file->count; i++) {
        if (again[i]) {
            cf_record_file_trouble(
                file, line_of(context, file->places[i]), &file->rows[i],
                "has the key of a record before it: give it another, or delete one of them");
            continue;
        }
        file->rows[kept] = file->rows[i];
        file->places[kept++] = file->places[i];
    }
    file->count = kept;
    free(order);
    free(again);
}

struct cf_field_item {
    cf_bytes name, value;
    size_t order;
    bool again; /* the field has the value already */
};

void cf_field_list_add(cf_field_list *list, cf_arena *arena, cf_bytes name, cf_bytes value)
{
    const size_t order = list->count;

    *cf_one_more(list->items, list->count, list->capacity) = (struct cf_field_item){
        .name = cf_arena_copy(arena, name), .value = cf_arena_copy(arena, value), .order = order};
}

bool cf_field_list_has(const cf_field_list *list, cf_bytes name)
{
    for (size_t i = 0; i < list->count; i++)
        if (cf_bytes_equal(list->items[i].name, name))
            return true;
    return false;
}

static int by_name(const void *left, const void *right)
{
    const struct cf_field_item *a = left, *b = right;
    int order = cf_bytes_compare(a->name, b->name);

    return order ? order : a->order < b->order ? -1 : 1;
}

static int by_value(const void *left, const void *right)
{
    const struct cf_field_item *a = left, *b = right;
    int order = cf_bytes_compare(a->name, b->name);

    order = order ? order : cf_bytes_compare(a->value, b->value);
    return order ? order : a->order < b->order ? -1 : 1;
}

/* The items are sorted by their names. */
static bool has_sets(const cf_field_list *list)
{
    for (size_t i = 1; i < list->count; i++)
        if (cf_bytes_equal(list->items[i].name, list->items[i - 1].name))
            return true;
    return false;
}

static void mark_again(cf_field_list *list)
{
    qsort(list->items, list->count, sizeof *list->items, by_value);
    for (size_t i = 1; i < list->count; i++)
        list->items[i].again = cf_bytes_equal(list->items[i].name, list->items[i - 1].name) &&
                               cf_bytes_equal(list->items[i].value, list->items[i - 1].value);
}

void cf_field_list_take(cf_field_list *list, cf_arena *arena, cf_row *row)
{
    cf_row_field *fields = cf_arena_allocate(arena, list->count, sizeof *fields);
    cf_bytes *values = cf_arena_allocate(arena, list->count, sizeof *values);
    size_t count = 0, used = 0;

    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, by_name);
    if (has_sets(list)) {
        mark_again(list);
        qsort(list->items, list->count, sizeof *list->items, by_name);
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct cf_field_item *item = &list->items[i];

        if (count == 0 || !cf_bytes_equal(fields[count - 1].name, item->name))
            fields[count++] = (cf_row_field){.name = item->name, .values = values + used};
        if (item->again)
            continue;
        values[used++] = item->value;
        fields[count - 1].count++;
    }
    row->fields = fields;
    row->field_count = count;
    list->count = 0;
}

void cf_field_list_release(cf_field_list *list)
{
    free(list->items);
    *list = (cf_field_list){0};
}

cf_wanted_rows cf_wanted_rows_of(const cf_row *rows, size_t count)
{
    return (cf_wanted_rows){
        .rows = sorted(rows, count), .taken = cf_allocate(count, sizeof(bool)), .count = count};
}

void cf_wanted_rows_release(cf_wanted_rows *wanted)
{
    free(wanted->rows);
    free(wanted->taken);
    *wanted = (cf_wanted_rows){0};
}

/* Its place; as many as there are: it isn't wanted. */
static size_t place_of(const cf_wanted_rows *wanted, cf_bytes table, cf_bytes key)
{
    const cf_row looked_for = {.table = table, .key = key};
    size_t low = 0, high = wanted->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_rows(wanted->rows[middle], &looked_for) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < wanted->count && compare_rows(wanted->rows[low], &looked_for) == 0;
    return found ? low : wanted->count;
}

const cf_row *cf_wanted_rows_take(cf_wanted_rows *wanted, cf_bytes table, cf_bytes key)
{
    size_t place = place_of(wanted, table, key);

    if (place == wanted->count)
        return NULL;
    wanted->taken[place] = true;
    return wanted->rows[place];
}

const cf_row *cf_wanted_rows_take_left(cf_wanted_rows *wanted, cf_bytes table, cf_bytes key)
{
    size_t place = place_of(wanted, table, key);

    return place == wanted->count || wanted->taken[place] ? NULL
                                                          : cf_wanted_rows_take(wanted, table, key);
}

void cf_column_field(cf_bytes name, cf_buffer *out)
{
    cf_buffer_append_text(out, CF_COLUMNS);
    cf_pointer_add(name, out);
}

bool cf_column_name(cf_bytes field, cf_arena *arena, cf_bytes *out)
{
    cf_buffer name = {0};
    cf_bytes step;

    if (!cf_pointer_below(field, CF_COLUMNS, &step) || memchr(step.data, '/', step.size))
        return false;
    cf_pointer_read(step, &name);
    *out = cf_arena_copy(arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    return true;
}

/* ---- How files begin ---- */

static bool begins(cf_bytes bytes, const char *with)
{
    const size_t size = strlen(with);

    return bytes.size >= size && strncasecmp((const char *)bytes.data, with, size) == 0;
}

cf_bytes cf_format_beginning(cf_bytes bytes)
{
    size_t at = begins(bytes, "\xef\xbb\xbf") ? 3 : 0;

    while (at < bytes.size && strchr(" \t\r\n", bytes.data[at]) && bytes.data[at])
        at++;
    return cf_bytes_of(bytes.data + at, bytes.size - at);
}

bool cf_format_begins(cf_bytes bytes, const char *with)
{
    return begins(cf_format_beginning(bytes), with);
}
