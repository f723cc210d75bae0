/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a CSV file that have no key yet: they get one, made of what they say, so that two devices
 * which begin with the same file agree. */
#include "peer/adapters/csv.h"

#include <stdlib.h>

#include "peer/adapters/key_text.h"
#include "peer/adapters/text/csv_edit.h"

typedef struct {
    const cf_csv *csv;
    cf_csv_edits edits;
    cf_bytes *spelled;
    size_t column;  /* of the key */
    cf_rows *taken; /* the keys, each of a row of no table */
    cf_buffer text;
} filling;

static cf_bytes text_of(filling *self, cf_bytes spelled)
{
    cf_buffer_clear(&self->text);
    cf_csv_field_read(spelled, &self->text);
    return cf_buffer_view(&self->text);
}

/* That of the key, or the next one behind the last. */
static size_t find_column(filling *self, cf_bytes key)
{
    const size_t count = self->csv->records[0].fields;

    cf_csv_fields(self->csv, 0, self->spelled);
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(text_of(self, self->spelled[i]), key))
            return i;
    return count;
}

/* The record says something in the column of the key, so that no key is made for it. */
static bool has_key(filling *self, size_t record)
{
    return self->column < self->csv->records[record].fields &&
           text_of(self, self->spelled[self->column]).size;
}

static void take(filling *self, cf_bytes key)
{
    cf_rows_put(self->taken, &(cf_row){.key = key});
}

static void take_keys(filling *self)
{
    for (size_t i = 1; i < self->csv->count; i++) {
        if (self->csv->records[i].trouble)
            continue;
        cf_csv_fields(self->csv, i, self->spelled);
        if (has_key(self, i))
            take(self, cf_buffer_view(&self->text));
    }
}

static bool is_blank(cf_bytes text)
{
    size_t i = 0;

    while (i < text.size && (text.data[i] == ' ' || text.data[i] == '\t'))
        i++;
    return i == text.size;
}

/* All that the record says; false: nothing but blanks. */
static bool gather(filling *self, size_t record, cf_buffer *said)
{
    bool any = false;

    cf_buffer_clear(said);
    for (size_t i = 0; i < self->csv->records[record].fields; i++) {
        cf_bytes text = text_of(self, self->spelled[i]);

        cf_buffer_append_text(said, "%zu:", text.size);
        cf_buffer_append(said, text.data, text.size);
        any |= !is_blank(text);
    }
    return any;
}

static cf_status fill(filling *self, size_t record, cf_error *error)
{
    cf_buffer said = {0};
    char key[CF_KEY_MADE];
    size_t number = 0;
    cf_status status = CF_OK;

    if (gather(self, record, &said)) {
        do
            cf_key_made(cf_buffer_view(&said), number++, key);
        while (cf_rows_find(self->taken, (cf_bytes){0}, cf_bytes_of_text(key)));
        take(self, cf_bytes_of_text(key));
        status = cf_csv_edits_set(&self->edits, record, self->column, cf_bytes_of_text(key), error);
    }
    cf_buffer_release(&said);
    return status;
}

static cf_status fill_all(filling *self, cf_bytes key, cf_error *error)
{
    cf_status status = CF_OK;

    self->column = find_column(self, key);
    take_keys(self);
    if (self->column == self->csv->records[0].fields)
        status = cf_csv_edits_set(&self->edits, 0, self->column, key, error);
    for (size_t i = 1; i < self->csv->count && !status; i++) {
        if (self->csv->records[i].trouble)
            continue;
        cf_csv_fields(self->csv, i, self->spelled);
        if (!has_key(self, i))
            status = fill(self, i, error);
    }
    return status;
}

cf_status cf_csv_document_fill(const cf_csv_document *document, cf_buffer *out, cf_error *error)
{
    const cf_csv *csv = &document->csv;
    filling self = {.csv = csv, .edits = {.csv = csv}, .taken = cf_rows_new()};
    cf_status status = CF_OK;

    self.spelled = cf_allocate(CF_CSV_FIELDS_MAX, sizeof *self.spelled);
    if (csv->count && !csv->records[0].trouble && csv->records[0].fields < CF_CSV_FIELDS_MAX)
        status = fill_all(&self, document->source->keys[0], error);
    if (!status && self.edits.splice.count)
        cf_csv_edits_write(&self.edits, out);
    cf_csv_edits_release(&self.edits);
    cf_rows_destroy(&self.taken);
    cf_buffer_release(&self.text);
    free(self.spelled);
    return status;
}
