/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/csv_inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/text/csv_edit.h"

static int by_text(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

/* What a row says in a column: of the part `index` of the key, or of a field. */
static void wanted_text(const cf_csv_document *self, const cf_row *row, size_t column,
                        cf_buffer *out)
{
    cf_reader reader = cf_reader_of(row->key);
    const cf_csv_source *source = self->source;
    cf_bytes part = row->key;
    size_t count = 0, index = 0;
    cf_error error;

    if (self->fields[column].size) {
        const cf_row_field *field = cf_row_field_named(row, self->fields[column]);

        if (field)
            cf_value_text(field->values[0], out);
        return;
    }
    while (self->keys[index] != column)
        index++;
    if (source->key_count > 1) {
        if (cf_read_array(&reader, &count, &error) || index >= count)
            return;
        for (size_t i = 0; i <= index; i++)
            if (cf_read_value(&reader, &part, &error))
                return;
    }
    cf_value_text(part, out);
}

static cf_status change_row(cf_csv_document *self, size_t record, const cf_row *row,
                            cf_csv_edits *edits, cf_error *error)
{
    cf_buffer is = {0}, wanted = {0};
    cf_status status = CF_OK;

    cf_csv_fields(&self->csv, record, self->spelled);
    for (size_t i = 0; i < self->count && !status; i++) {
        if (self->fields[i].size == 0)
            continue;
        cf_buffer_clear(&is);
        cf_buffer_clear(&wanted);
        cf_csv_field_read(self->spelled[i], &is);
        wanted_text(self, row, i, &wanted);
        if (!cf_bytes_equal(cf_buffer_view(&is), cf_buffer_view(&wanted)))
            status = cf_csv_edits_set(edits, record, i, cf_buffer_view(&wanted), error);
    }
    cf_buffer_release(&is);
    cf_buffer_release(&wanted);
    return status;
}

static cf_status append_row(cf_csv_document *self, const cf_row *row, cf_csv_edits *edits,
                            cf_error *error)
{
    cf_buffer *texts = cf_allocate(self->count, sizeof *texts);

    for (size_t i = 0; i < self->count; i++) {
        wanted_text(self, row, i, &texts[i]);
        self->spelled[i] = cf_buffer_view(&texts[i]);
    }
    cf_status status = cf_csv_edits_append(edits, self->spelled, self->count, error);
    for (size_t i = 0; i < self->count; i++)
        cf_buffer_release(&texts[i]);
    free(texts);
    return status;
}

static cf_status write_rows(cf_csv_document *self, cf_wanted_rows *wanted, cf_csv_edits *edits,
                            cf_error *error)
{
    const cf_record_file *found = &self->rows;
    cf_status status = CF_OK;

    for (size_t i = 0; i < found->count && !status; i++) {
        const cf_row *row = cf_wanted_rows_take(wanted, found->rows[i].table, found->rows[i].key);

        if (row)
            status = change_row(self, found->places[i], row, edits, error);
        else
            cf_csv_edits_delete(edits, found->places[i]);
    }
    cf_wanted_rows_leave(wanted, found);
    for (size_t i = 0; i < wanted->count && !status; i++)
        if (!wanted->taken[i] && cf_bytes_equal(wanted->rows[i]->table, self->source->table))
            status = append_row(self, wanted->rows[i], edits, error);
    return status;
}

/* ---- A header for a file that has none ---- */

/* False: it is none of a column, or within an object. */
static bool column_of(cf_bytes field, cf_arena *arena, cf_bytes *out)
{
    const size_t prefix = sizeof CF_COLUMNS; /* with its slash */
    uint8_t *name = cf_arena_allocate(arena, field.size, 1);
    size_t size = 0;

    if (field.size < prefix || memcmp(field.data, CF_COLUMNS "/", prefix) != 0 ||
        memchr(field.data + prefix, '/', field.size - prefix))
        return false;
    for (size_t i = prefix; i < field.size; i++) {
        bool escaped = field.data[i] == '~' && i + 1 < field.size;

        name[size++] = escaped ? (field.data[i + 1] == '1' ? '/' : '~') : field.data[i];
        i += escaped;
    }
    *out = cf_bytes_of(name, size);
    return true;
}

static size_t all_fields(const cf_row *rows, size_t count, cf_bytes **out)
{
    size_t found = 0, capacity = 0, kept = 0;
    cf_bytes *fields = NULL;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rows[i].field_count; j++) {
            fields = cf_grow(fields, &capacity, found + 1, sizeof *fields);
            fields[found++] = rows[i].fields[j].name;
        }
    if (found)
        qsort(fields, found, sizeof *fields, by_text);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || !cf_bytes_equal(fields[kept - 1], fields[i]))
            fields[kept++] = fields[i];
    *out = fields;
    return kept;
}

/* The file behind what the document has, which is no record. */
static cf_status write_header(const cf_csv_document *self, const cf_row *rows, size_t count,
                              cf_buffer *out, cf_error *error)
{
    const cf_csv_source *source = self->source;
    cf_csv_edits edits = {.csv = &self->csv};
    cf_arena arena = {0};
    cf_bytes *fields = NULL;

    size_t found = all_fields(rows, count, &fields), columns = source->key_count;
    cf_bytes *names = cf_arena_allocate(&arena, columns + found, sizeof *names);
    memcpy(names, source->keys, columns * sizeof *names);
    for (size_t i = 0; i < found; i++)
        columns += column_of(fields[i], &arena, &names[columns]);
    cf_status status = cf_csv_edits_append(&edits, names, columns, error);
    if (!status)
        cf_csv_edits_write(&edits, out);
    cf_csv_edits_release(&edits);
    cf_arena_release(&arena);
    free(fields);
    return status;
}

static cf_status write_table(cf_csv_document *self, const cf_row *rows, size_t count,
                             cf_buffer *out, cf_error *error)
{
    const cf_record_file *is;
    cf_status status = cf_csv_document_rows(self, &is, error);

    if (status)
        return status;
    cf_wanted_rows wanted = cf_wanted_rows_of(rows, count);
    cf_csv_edits edits = {.csv = &self->csv};
    status = write_rows(self, &wanted, &edits, error);
    if (!status)
        cf_csv_edits_write(&edits, out);
    cf_csv_edits_release(&edits);
    cf_wanted_rows_release(&wanted);
    return status;
}

cf_status cf_csv_document_write(cf_csv_document *self, const cf_row *wanted, size_t count,
                                cf_buffer *out, cf_error *error)
{
    const cf_bytes before = self->csv.input;
    cf_buffer headed = {0};

    if (self->csv.count)
        return write_table(self, wanted, count, out, error);
    if (!count) {
        cf_buffer_append(out, before.data, before.size);
        return CF_OK;
    }
    cf_status status = write_header(self, wanted, count, &headed, error);
    if (!status)
        status =
            cf_csv_rows_write(cf_buffer_view(&headed), self->source, wanted, count, out, error);
    cf_buffer_release(&headed);
    return status;
}

cf_status cf_csv_rows_write(cf_bytes before, const cf_csv_source *source, const cf_row *wanted,
                            size_t count, cf_buffer *out, cf_error *error)
{
    cf_csv_document *self = NULL;

    cf_status status = cf_csv_document_read(before, source, &self, error);
    if (!status)
        status = cf_csv_document_write(self, wanted, count, out, error);
    cf_csv_document_destroy(&self);
    return status;
}
