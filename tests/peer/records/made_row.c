/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/made_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/pack.h"

static cf_bytes kept(cf_buffer *packed, cf_arena *arena)
{
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(packed));

    cf_buffer_release(packed);
    return copy;
}

cf_bytes made_text(const char *text, cf_arena *arena)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, cf_bytes_of_text(text));
    return kept(&packed, arena);
}

cf_bytes made_int(int64_t number, cf_arena *arena)
{
    cf_buffer packed = {0};

    cf_pack_int(&packed, number);
    return kept(&packed, arena);
}

cf_bytes made_value(cf_bytes word, cf_arena *arena)
{
    char *text = cf_arena_text(arena, word), *end;
    int64_t number = strtoll(text, &end, 10);

    if (*text && *end == '\0')
        return made_int(number, arena);
    for (char *blank = text; (blank = strchr(blank, '~'));)
        *blank = ' ';
    return made_text(text, arena);
}

/* The next word up to one of the stops, which is taken with it. */
static cf_bytes word(const char **at, const char *stops)
{
    size_t size = strcspn(*at, stops);
    cf_bytes taken = cf_bytes_of(*at, size);

    *at += size + ((*at)[size] != '\0');
    return taken;
}

static cf_row_field made_field(const char **at, cf_arena *arena)
{
    char pointer[64];
    cf_bytes name = word(at, "="), all = word(at, " ");
    const char *rest = cf_arena_text(arena, all);
    cf_bytes *values = cf_arena_allocate(arena, all.size + 1, sizeof *values);
    cf_row_field field = {.values = values};

    snprintf(pointer, sizeof pointer, "/%.*s", (int)name.size, (const char *)name.data);
    field.name = cf_arena_copy(arena, cf_bytes_of_text(pointer));
    while (*rest)
        values[field.count++] = made_value(word(&rest, ","), arena);
    return field;
}

static int by_name(const void *left, const void *right)
{
    const cf_row_field *a = left, *b = right;

    return cf_bytes_compare(a->name, b->name);
}

cf_row made_row(const char *words, cf_arena *arena)
{
    cf_row row = {.table = cf_arena_copy(arena, word(&words, " "))};
    cf_row_field *fields = cf_arena_allocate(arena, strlen(words) + 1, sizeof *fields);

    row.key = made_value(word(&words, " "), arena);
    while (*words)
        fields[row.field_count++] = made_field(&words, arena);
    qsort(fields, row.field_count, sizeof *fields, by_name);
    row.fields = fields;
    return row;
}

void made_print_value(cf_bytes value, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_error error;
    int64_t number;
    cf_bytes text;

    if (cf_read_int(&reader, &number, &error) == CF_OK) {
        cf_buffer_append_text(out, "%" PRId64, number);
        return;
    }
    reader = cf_reader_of(value);
    if (cf_read_text(&reader, &text, &error) == CF_OK) {
        cf_buffer_append(out, text.data, text.size);
        return;
    }
    for (size_t i = 0; i < value.size; i++)
        cf_buffer_append_text(out, "%02x", value.data[i]);
}

void made_print(const cf_row *row, cf_buffer *out)
{
    cf_buffer_append_text(out, "%.*s ", (int)row->table.size, (const char *)row->table.data);
    made_print_value(row->key, out);
    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *field = &row->fields[i];

        if (field->count == 0)
            continue;
        cf_buffer_append_text(out, " %.*s=", (int)field->name.size - 1,
                              (const char *)field->name.data + 1);
        for (size_t k = 0; k < field->count; k++) {
            cf_buffer_append_text(out, "%s", k ? "," : "");
            made_print_value(field->values[k], out);
        }
    }
}
