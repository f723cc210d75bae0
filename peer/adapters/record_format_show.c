/* SPDX-License-Identifier: Apache-2.0 */
/* What was written says what it should: it is read again, before anything takes the file's place.
 */
#include "peer/adapters/record_adapter.h"

#include <stdlib.h>

typedef struct {
    cf_record_document *document;
    const cf_record_options *options;
    const cf_row *wanted;
    size_t count;
    bool *refused;
    bool has_words; /* for some values only */
} showing;

static const cf_schema_table *table_of(const cf_row *row)
{
    const cf_schema_table *table = cf_schema_find(&cf_schema_contacts, row->table);

    return table ? table : cf_schema_find(&cf_schema_calendar, row->table);
}

/* What the file shows by itself where a row is refused. */
static cf_status rows_instead(const showing *self, cf_record_file *was, cf_row *rows, size_t *count,
                              cf_error *error)
{
    cf_status status = cf_record_document_rows(self->document, was, error);

    *count = 0;
    if (status)
        return status;
    cf_wanted_rows known = cf_wanted_rows_of(was->rows, was->count);
    for (size_t i = 0; i < self->count; i++) {
        const cf_row *row = &self->wanted[i];

        if (self->refused[i])
            row = cf_wanted_rows_take(&known, row->table, row->key);
        if (row)
            rows[(*count)++] = *row;
    }
    cf_wanted_rows_release(&known);
    return CF_OK;
}

/* Marks what the bytes don't say; `*more`: there was such a row. */
static cf_status check(showing *self, cf_bytes bytes, bool *more, cf_error *error)
{
    cf_record_file file = {0};

    *more = false;
    if (!self->has_words && cf_bytes_equal(bytes, cf_record_document_bytes(self->document)))
        return CF_OK;
    cf_status status = cf_record_format_read(self->options, bytes, &file, error);
    if (status)
        return status;
    cf_wanted_rows found = cf_wanted_rows_of(file.rows, file.count);
    for (size_t i = 0; i < self->count; i++) {
        const cf_row *row = &self->wanted[i];
        const cf_schema_table *table = table_of(row);
        const cf_row *is = cf_wanted_rows_take(&found, row->table, row->key);

        if (!self->has_words || self->refused[i] || !table || (is && cf_row_same(table, is, row)))
            continue;
        self->refused[i] = *more = true;
    }
    cf_wanted_rows_release(&found);
    cf_record_file_release(&file);
    return CF_OK;
}

/* Marks what has no place; whether there was such a row. */
static bool refuse_keys(const showing *self)
{
    bool any = false;

    for (size_t i = 0; i < self->count; i++) {
        self->refused[i] =
            !cf_record_format_keeps(self->options, self->wanted[i].table, self->wanted[i].key);
        any |= self->refused[i];
    }
    return any;
}

/* Writes all that is wanted, or what there is instead, and checks it. */
static cf_status show(showing *self, bool instead, cf_buffer *out, bool *more, cf_error *error)
{
    cf_row *rows = cf_allocate(self->count, sizeof *rows);
    const cf_row *shown = instead ? rows : self->wanted;
    size_t count = self->count;
    cf_record_file was = {0};
    cf_status status = CF_OK;

    cf_buffer_clear(out);
    if (instead)
        status = rows_instead(self, &was, rows, &count, error);
    if (!status)
        status = cf_record_document_write(self->document, shown, count, out, error);
    if (!status)
        status = check(self, cf_buffer_view(out), more, error);
    cf_record_file_release(&was);
    free(rows);
    return status;
}

cf_status cf_record_document_show(cf_record_document *document, const cf_row *wanted, size_t count,
                                  bool *refused, cf_buffer *out, cf_error *error)
{
    const cf_record_options *options = cf_record_document_options(document);
    showing self = {document, options, wanted, count, refused, false};
    bool more = refuse_keys(&self);
    cf_status status;

    self.has_words = options->adapter->records->speak;
    do
        status = show(&self, more, out, &more, error);
    while (!status && more);
    return status;
}
