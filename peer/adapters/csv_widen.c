/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a CSV file that end before its new columns: they get empty cells there. */
#include "peer/adapters/csv_inside.h"

#include "peer/adapters/text/csv_edit.h"

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
    if (!status && edits.count)
        cf_csv_edits_write(&edits, out);
    cf_csv_edits_release(&edits);
    return status;
}
