/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/csv_layout.h"

#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "codec/utf8.h"
#include "peer/adapters/record_file.h"
#include "peer/adapters/text/csv_document.h"

enum { ELEMENTS = 5 };

static const char separators[] = ",;\t|";
static const char *const line_ends[] = {"\n", "\r\n", "\r"};

/* ---- Writing ---- */

static void pack(cf_buffer *out, const cf_csv_layout *layout, size_t count)
{
    cf_pack_array(out, ELEMENTS + layout->is_quoted);
    cf_pack_text(out, cf_bytes_of(&layout->separator, 1));
    cf_pack_text(out, cf_bytes_of_text(layout->line_end));
    cf_pack_bool(out, layout->is_marked);
    cf_pack_bool(out, layout->is_told);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        if (layout->columns[i].is_key)
            cf_pack_uint(out, layout->columns[i].part);
        else
            cf_pack_text(out, layout->columns[i].name);
    if (layout->is_quoted) /* without it all is as before programs knew it */
        cf_pack_bool(out, true);
}

void cf_csv_layout_pack(cf_buffer *out, const cf_csv_layout *layout)
{
    cf_buffer value = {0};

    pack(&value, layout, layout->count);
    if (value.size > CF_LAYOUT_MAX) {
        cf_buffer_clear(&value);
        pack(&value, layout, 0);
    }
    cf_buffer_append(out, value.data, value.size);
    cf_buffer_release(&value);
}

/* ---- Reading ---- */

static cf_status read_separator(cf_reader *reader, char *out, cf_error *error)
{
    cf_bytes text;

    cf_status status = cf_read_text(reader, &text, error);
    if (status)
        return status;
    if (text.size != 1 || !memchr(separators, text.data[0], sizeof separators - 1))
        return cf_fail(error, CF_MALFORMED, "no separator of columns");
    *out = (char)text.data[0];
    return CF_OK;
}

static cf_status read_line_end(cf_reader *reader, const char **out, cf_error *error)
{
    cf_bytes text;

    cf_status status = cf_read_text(reader, &text, error);
    if (status)
        return status;
    for (size_t i = 0; i < sizeof line_ends / sizeof *line_ends; i++)
        if (cf_bytes_equal(text, cf_bytes_of_text(line_ends[i]))) {
            *out = line_ends[i];
            return CF_OK;
        }
    return cf_fail(error, CF_MALFORMED, "no line end");
}

static cf_status check_name(cf_bytes name, cf_error *error)
{
    cf_buffer field = {0};

    cf_column_field(name, &field);
    bool is_name = field.size <= CF_FIELD_MAX && cf_utf8_valid(name) &&
                   !(name.size && memchr(name.data, '\0', name.size));
    cf_buffer_release(&field);
    return is_name ? CF_OK : cf_fail(error, CF_MALFORMED, "no name of a column");
}

static cf_status read_column(cf_reader *reader, cf_csv_column *out, cf_error *error)
{
    cf_type type;

    *out = (cf_csv_column){0};
    cf_status status = cf_read_type(reader, &type, error);
    if (status)
        return status;
    out->is_key = type != CF_TYPE_TEXT;
    if (out->is_key)
        return cf_read_uint(reader, &out->part, error);
    status = cf_read_text(reader, &out->name, error);
    return status ? status : check_name(out->name, error);
}

static int by_column(const void *left, const void *right)
{
    const cf_csv_column *a = left, *b = right;

    if (a->is_key != b->is_key)
        return a->is_key ? -1 : 1;
    if (a->is_key)
        return (a->part > b->part) - (a->part < b->part);
    return cf_bytes_compare(a->name, b->name);
}

/* Of a file with two columns of one name nothing could be read. */
static cf_status check_once(const cf_csv_column *columns, size_t count, cf_error *error)
{
    cf_csv_column *order = cf_allocate(count, sizeof *order);
    cf_status status = CF_OK;

    if (count) {
        memcpy(order, columns, count * sizeof *order);
        qsort(order, count, sizeof *order, by_column);
    }
    for (size_t i = 1; !status && i < count; i++)
        if (by_column(&order[i - 1], &order[i]) == 0)
            status = cf_fail(error, CF_MALFORMED, "a column twice");
    free(order);
    return status;
}

static cf_status read_columns(cf_reader *reader, cf_arena *arena, cf_csv_layout *out,
                              cf_error *error)
{
    cf_status status = cf_read_array(reader, &out->count, error);

    if (!status && out->count > CF_CSV_FIELDS_MAX)
        status = cf_fail(error, CF_TOO_LARGE, "more columns than a file may have");
    if (status)
        return status;
    cf_csv_column *columns = cf_arena_allocate(arena, out->count, sizeof *columns);
    for (size_t i = 0; !status && i < out->count; i++)
        status = read_column(reader, &columns[i], error);
    out->columns = columns;
    return status ? status : check_once(columns, out->count, error);
}

cf_status cf_csv_layout_read(cf_bytes value, cf_arena *arena, cf_csv_layout *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_csv_layout found = {0};
    size_t elements = 0;

    if (value.size > CF_LAYOUT_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a layout of more than %llu bytes",
                       (unsigned long long)CF_LAYOUT_MAX);
    cf_status status = cf_read_array(&reader, &elements, error);
    if (!status && elements < ELEMENTS)
        status = cf_fail(error, CF_MALFORMED, "a layout that says too little");
    if (!status)
        status = read_separator(&reader, &found.separator, error);
    if (!status)
        status = read_line_end(&reader, &found.line_end, error);
    if (!status)
        status = cf_read_bool(&reader, &found.is_marked, error);
    if (!status)
        status = cf_read_bool(&reader, &found.is_told, error);
    if (!status)
        status = read_columns(&reader, arena, &found, error);
    if (!status && elements > ELEMENTS)
        status = cf_read_bool(&reader, &found.is_quoted, error);
    if (!status)
        *out = found;
    return status;
}
