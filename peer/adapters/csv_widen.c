/* SPDX-License-Identifier: Apache-2.0 */
/* New columns of a CSV file: rows that end before them get empty cells there, and those that other
 * sources have come behind its own. */
#include "peer/adapters/csv.h"

#include "codec/limits.h"
#include "codec/utf8.h"
#include "peer/adapters/text/csv_edit.h"

#include <stdlib.h>
#include <string.h>

/* ---- Columns that a user wrote into the first line ---- */

/* The columns from this one on are new. */
static size_t first_new(const cf_csv_document *self, const cf_row_format *had)
{
    size_t first = self->count;

    while (first && self->fields[first - 1].size &&
           !cf_format_holds(had, self->source->table, self->fields[first - 1]))
        first--;
    return first;
}

static cf_status widen(const cf_csv_document *self, size_t first, cf_csv_edits *edits,
                       cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 1; i < self->csv.count && !status; i++)
        if (self->csv.records[i].ends_early && self->csv.records[i].fields >= first)
            status = cf_csv_edits_set(edits, i, self->count - 1, cf_bytes_of("", 0), error);
    return status;
}

cf_status cf_csv_document_widen(cf_csv_document *self, const cf_row_format *had, cf_buffer *out,
                                cf_error *error)
{
    cf_status status = CF_OK;

    if (cf_csv_document_header(self, error))
        return CF_OK; /* who reads it says why not */
    cf_csv_edits edits = {.csv = &self->csv};
    if (self->csv.count && cf_format_holds_table(had, self->source->table))
        status = widen(self, first_new(self, had), &edits, error);
    if (!status && edits.splice.count)
        cf_csv_edits_write(&edits, out);
    cf_csv_edits_release(&edits);
    return status;
}

/* ---- Columns that others have ---- */

/* Each row ends where the header does, and so does the file, as far as anybody knows. */
static bool is_even(const cf_csv_document *self, bool unended)
{
    bool even = unended || !self->csv.unended;

    for (size_t i = 0; i < self->csv.count && even; i++)
        even = !self->csv.records[i].trouble;
    return even;
}

static bool is_name(cf_bytes name)
{
    return name.size && cf_utf8_valid(name) && !memchr(name.data, '\0', name.size);
}

/* As it stands in the first line, also where the log calls the column something else. */
static bool has_column(cf_csv_document *self, cf_bytes name)
{
    cf_buffer text = {0};
    bool found = false;

    cf_csv_fields(&self->csv, 0, self->spelled);
    for (size_t i = 0; i < self->count && !found; i++) {
        cf_buffer_clear(&text);
        cf_csv_field_read(self->spelled[i], &text);
        found = cf_bytes_equal(cf_buffer_view(&text), name);
    }
    cf_buffer_release(&text);
    return found;
}

cf_status cf_csv_document_add_columns(cf_csv_document *self, const cf_new_columns *columns,
                                      cf_buffer *out, cf_error *error)
{
    cf_csv_edits edits = {.csv = &self->csv};

    if (!self->csv.count || cf_csv_document_header(self, error) ||
        !is_even(self, columns->unended) || self->count + columns->count > CF_CSV_FIELDS_MAX)
        return CF_OK;
    cf_bytes *names = cf_allocate(columns->count, sizeof *names);
    cf_csv_new_fields header = {.column = self->count, .texts = names};
    for (size_t i = 0; i < columns->count; i++)
        if (is_name(columns->at[i]) && !has_column(self, columns->at[i]))
            names[header.count++] = columns->at[i];
    cf_status status = cf_csv_edits_change(&edits, header, error);
    const size_t last = self->count + header.count - 1;
    for (size_t i = 1; i < self->csv.count && header.count && !status; i++)
        status = cf_csv_edits_set(&edits, i, last, cf_bytes_of("", 0), error);
    if (!status && edits.splice.count)
        cf_csv_edits_write(&edits, out);
    cf_csv_edits_release(&edits);
    free(names);
    return status;
}
