/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into the text of a CSV file: cells that say something else than the row are edited, rows
 * appended and deleted, all other bytes stay. A file without even a header gets one first
 * (csv_begin.c). */
#include "peer/adapters/csv.h"

#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/rewrite.h"
#include "peer/adapters/text/csv_edit.h"

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
    const cf_csv_new_fields new = {.record = record, .texts = self->spelled, .count = self->count};
    cf_buffer is = {0}, wanted = {0};
    cf_arena arena = {0};

    cf_csv_fields(&self->csv, record, self->spelled);
    for (size_t i = 0; i < self->count; i++) {
        cf_bytes spelled = self->spelled[i];

        self->spelled[i] = CF_CSV_KEPT;
        if (self->fields[i].size == 0)
            continue;
        cf_buffer_clear(&is);
        cf_buffer_clear(&wanted);
        cf_csv_field_read(spelled, &is);
        wanted_text(self, row, i, &wanted);
        if (!cf_bytes_equal(cf_buffer_view(&is), cf_buffer_view(&wanted)))
            self->spelled[i] = cf_arena_copy(&arena, cf_buffer_view(&wanted));
    }
    cf_status status = cf_csv_edits_change(edits, new, error);
    cf_arena_release(&arena);
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

static cf_status write_rows(cf_csv_document *self, cf_rewrite *rewrite, cf_csv_edits *edits,
                            cf_error *error)
{
    cf_status status = CF_OK;
    cf_rewrite_step step;

    while (!status && cf_rewrite_next(rewrite, &step))
        if (!step.wanted)
            cf_csv_edits_delete(edits, step.place);
        else if (step.is)
            status = change_row(self, step.place, step.wanted, edits, error);
        else if (cf_bytes_equal(step.wanted->table, self->source->table))
            status = append_row(self, step.wanted, edits, error);
    return status;
}

/* ---- A file ---- */

static cf_status write_table(cf_csv_document *self, const cf_row *rows, size_t count,
                             cf_buffer *out, cf_error *error)
{
    const cf_record_file *is;
    cf_status status = cf_csv_document_rows(self, &is, error);

    if (status)
        return status;
    cf_rewrite rewrite = cf_rewrite_of(is, rows, count, NULL);
    cf_csv_edits edits = {.csv = &self->csv};
    status = write_rows(self, &rewrite, &edits, error);
    if (!status)
        cf_csv_edits_write(&edits, out);
    cf_csv_edits_release(&edits);
    cf_rewrite_release(&rewrite);
    return status;
}

cf_status cf_csv_document_write(cf_csv_document *self, const cf_row *wanted, size_t count,
                                cf_buffer *out, cf_error *error)
{
    const cf_bytes before = self->csv.input;
    cf_csv_source source = *self->source;
    cf_buffer headed = {0};

    if (self->csv.count)
        return write_table(self, wanted, count, out, error);
    if (!count) {
        cf_buffer_append(out, before.data, before.size);
        return CF_OK;
    }
    cf_status status = cf_csv_document_begin(self, wanted, count, &headed, error);
    source.separator = self->csv.separator;
    if (!status)
        status = cf_csv_rows_write(cf_buffer_view(&headed), &source, wanted, count, out, error);
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
