/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/csv_edit.h"

#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"

void cf_csv_edits_release(cf_csv_edits *self)
{
    cf_splice_release(&self->splice);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* Without quotes the text would be read as another one, or trimmed. */
static bool must_quote(const cf_csv *csv, cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == (uint8_t)csv->separator || byte == '"' || byte == '\n' || byte == '\r')
            return true;
    }
    if (text.size >= 4 && memcmp(text.data, "sep=", 4) == 0)
        return true; /* in the first line it would tell the separator */
    return text.size && (is_blank(text.data[0]) || is_blank(text.data[text.size - 1]));
}

static void write_field(const cf_csv *csv, cf_bytes text, bool quoted, cf_buffer *out)
{
    if (!quoted && !must_quote(csv, text)) {
        cf_buffer_append(out, text.data, text.size);
        return;
    }
    cf_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"')
            cf_buffer_append(out, "\"", 1);
        cf_buffer_append(out, &text.data[i], 1);
    }
    cf_buffer_append(out, "\"", 1);
}

static bool is_kept(cf_bytes text)
{
    return text.size == SIZE_MAX;
}

/* The first `total` fields of the record, or of one that is like it, with those that are new. */
static void write_record(const cf_csv *csv, const cf_csv_new_fields *new, size_t total,
                         cf_buffer *out)
{
    const size_t fields = new->record < csv->count ? csv->records[new->record].fields : 0;
    cf_bytes *spelled = cf_allocate(fields, sizeof *spelled);

    if (fields)
        cf_csv_fields(csv, new->record, spelled);
    for (size_t column = 0; column < total; column++) {
        const size_t at = column - new->column; /* beyond the count where no field is new */
        cf_bytes old = column < fields ? spelled[column] : (cf_bytes){0};
        cf_bytes text = at < new->count ? new->texts[at] : CF_CSV_KEPT;

        if (column)
            cf_buffer_append(out, &csv->separator, 1);
        if (is_kept(text))
            cf_buffer_append(out, old.data, old.size);
        else /* a line that is empty would be no record */
            write_field(csv, text,
                        cf_csv_is_quoted(old) || (!fields && csv->is_quoted) ||
                            (total == 1 && !text.size),
                        out);
    }
    free(spelled);
}

static cf_status check_text(cf_bytes text, cf_error *error)
{
    if (text.size > CF_CSV_RECORD_MAX / 4) /* with its quotes doubled it leaves room for others */
        return cf_fail(error, CF_TOO_LARGE, "a field of %zu bytes is too long", text.size);
    if (!cf_utf8_valid(text) || (text.size && memchr(text.data, '\0', text.size)))
        return cf_fail(error, CF_MALFORMED, "what would be written isn't text");
    return CF_OK;
}

static cf_status check_texts(const cf_csv_new_fields *new, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; i < new->count && !status; i++)
        if (!is_kept(new->texts[i]))
            status = check_text(new->texts[i], error);
    return status;
}

static cf_bytes line_end_of(const cf_csv *csv, const cf_csv_record *record)
{
    const size_t from = record->offset + record->size;
    size_t at = from;

    if (at < csv->input.size && csv->input.data[at] == '\r')
        at++;
    if (at < csv->input.size && csv->input.data[at] == '\n')
        at++;
    return cf_bytes_of(csv->input.data + from, at - from);
}

/* What becomes of the record and its own line end. */
static void put(cf_csv_edits *self, size_t record, cf_bytes replacement)
{
    const cf_csv_record *at = &self->csv->records[record];

    cf_splice_put(&self->splice,
                  (cf_splice_edit){.offset = at->offset,
                                   .length = at->size + line_end_of(self->csv, at).size,
                                   .replacement = replacement});
}

cf_status cf_csv_edits_change(cf_csv_edits *self, cf_csv_new_fields new, cf_error *error)
{
    const cf_csv_record *record = &self->csv->records[new.record];
    const cf_bytes line_end = line_end_of(self->csv, record);
    cf_buffer out = {0};

    while (new.count && is_kept(new.texts[new.count - 1]))
        new.count--;
    if (new.count == 0)
        return CF_OK;
    cf_status status = check_texts(&new, error);
    if (!status && record->fields == 0)
        status = cf_fail(error, CF_TOO_LARGE, "line %zu %s", record->number, record->trouble);
    if (status)
        return status;
    const size_t last = new.column + new.count;
    write_record(self->csv, &new, last > record->fields ? last : record->fields, &out);
    cf_buffer_append(&out, line_end.data, line_end.size);
    put(self, new.record, cf_buffer_view(&out));
    cf_buffer_release(&out);
    return CF_OK;
}

cf_status cf_csv_edits_set(cf_csv_edits *self, size_t record, size_t column, cf_bytes text,
                           cf_error *error)
{
    return cf_csv_edits_change(
        self, (cf_csv_new_fields){.record = record, .column = column, .texts = &text, .count = 1},
        error);
}

void cf_csv_edits_delete(cf_csv_edits *self, size_t record)
{
    put(self, record, (cf_bytes){0});
}

/* Whether a record at the end of the file ends its line, as those before it do. */
static bool is_ended(const cf_csv *csv)
{
    const uint8_t *end = csv->input.data + csv->input.size;

    return csv->input.size == csv->start || end[-1] == '\n' || end[-1] == '\r';
}

cf_status cf_csv_edits_append(cf_csv_edits *self, const cf_bytes *texts, size_t count,
                              cf_error *error)
{
    const cf_csv *csv = self->csv;
    const cf_csv_new_fields new = {.record = csv->count - 1, .texts = texts, .count = count};
    cf_buffer out = {0};

    cf_status status = check_texts(&new, error);
    if (status)
        return status;
    write_record(csv, &new, count, &out);
    cf_buffer_append_text(&out, "%s", is_ended(csv) ? csv->line_end : "");
    cf_splice_put(&self->splice, (cf_splice_edit){.offset = csv->input.size,
                                                  .replacement = cf_buffer_view(&out),
                                                  .line_end = csv->line_end});
    cf_buffer_release(&out);
    return CF_OK;
}

void cf_csv_edits_write(cf_csv_edits *self, cf_buffer *out)
{
    cf_splice_write(&self->splice, self->csv->input, "\r\n", out);
}
