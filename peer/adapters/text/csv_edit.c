/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/csv_edit.h"

#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"

#define DELETED SIZE_MAX /* instead of a column */

struct cf_csv_edit {
    size_t record, column;
    size_t order; /* in which the edits came */
    cf_bytes text;
};

void cf_csv_edits_release(cf_csv_edits *self)
{
    free(self->edits);
    cf_buffer_release(&self->appended);
    cf_arena_release(&self->arena);
    *self = (cf_csv_edits){0};
}

static void add(cf_csv_edits *self, size_t record, size_t column, cf_bytes text)
{
    self->edits = cf_grow(self->edits, &self->capacity, self->count + 1, sizeof *self->edits);
    self->edits[self->count] = (cf_csv_edit){.record = record,
                                             .column = column,
                                             .order = self->count,
                                             .text = cf_arena_copy(&self->arena, text)};
    self->count++;
}

static cf_status check_text(cf_bytes text, cf_error *error)
{
    if (text.size > CF_CSV_RECORD_MAX / 4) /* with its quotes doubled it leaves room for others */
        return cf_fail(error, CF_TOO_LARGE, "a field of %zu bytes is too long", text.size);
    if (!cf_utf8_valid(text) || (text.size && memchr(text.data, '\0', text.size)))
        return cf_fail(error, CF_MALFORMED, "what would be written isn't text");
    return CF_OK;
}

cf_status cf_csv_edits_set(cf_csv_edits *self, size_t record, size_t column, cf_bytes text,
                           cf_error *error)
{
    cf_status status = check_text(text, error);

    if (!status && self->csv->records[record].fields == 0)
        status = cf_fail(error, CF_TOO_LARGE, "line %zu %s", self->csv->records[record].number,
                         self->csv->records[record].trouble);
    if (!status)
        add(self, record, column, text);
    return status;
}

void cf_csv_edits_delete(cf_csv_edits *self, size_t record)
{
    add(self, record, DELETED, (cf_bytes){0});
}

static bool must_quote(const cf_csv *csv, cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == (uint8_t)csv->separator || byte == '"' || byte == '\n' || byte == '\r')
            return true;
    }
    if (text.size >= 4 && memcmp(text.data, "sep=", 4) == 0)
        return true; /* in the first line it would tell the separator */
    return text.size && (text.data[0] == ' ' || text.data[text.size - 1] == ' ');
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

static bool is_quoted(cf_bytes spelled)
{
    return spelled.size && spelled.data[0] == '"';
}

static void append_record(cf_csv_edits *self, const cf_bytes *texts, size_t count)
{
    const cf_csv *csv = self->csv;
    size_t like = csv->count ? csv->records[csv->count - 1].fields : 0;
    cf_bytes *spelled = cf_allocate(like, sizeof *spelled);

    if (like)
        cf_csv_fields(csv, csv->count - 1, spelled);
    if (self->appended_count++)
        cf_buffer_append_text(&self->appended, "%s", csv->line_end);
    for (size_t i = 0; i < count; i++) {
        /* A line that is empty would be no record. */
        bool quoted = (i < like && is_quoted(spelled[i])) || (count == 1 && texts[i].size == 0);

        if (i)
            cf_buffer_append(&self->appended, &csv->separator, 1);
        write_field(csv, texts[i], quoted, &self->appended);
    }
    free(spelled);
}

cf_status cf_csv_edits_append(cf_csv_edits *self, const cf_bytes *texts, size_t count,
                              cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; i < count && !status; i++)
        status = check_text(texts[i], error);
    if (!status)
        append_record(self, texts, count);
    return status;
}

static int compare(const void *left, const void *right)
{
    const cf_csv_edit *a = left, *b = right;

    if (a->record != b->record)
        return a->record < b->record ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* The fields of one record with its edits, which are sorted by column. */
static void write_fields(const cf_csv *csv, size_t record, const cf_csv_edit *edits, size_t count,
                         cf_buffer *out)
{
    size_t fields = csv->records[record].fields, last = edits[count - 1].column + 1, at = 0;
    size_t total = last > fields ? last : fields;
    cf_bytes *spelled = cf_allocate(fields, sizeof *spelled);

    cf_csv_fields(csv, record, spelled);
    for (size_t column = 0; column < total; column++) {
        const cf_csv_edit *edit = NULL;
        cf_bytes old = column < fields ? spelled[column] : (cf_bytes){0};

        for (; at < count && edits[at].column == column; at++)
            edit = &edits[at];
        if (column)
            cf_buffer_append(out, &csv->separator, 1);
        if (edit)
            write_field(csv, edit->text, is_quoted(old) || (total == 1 && !edit->text.size), out);
        else
            cf_buffer_append(out, old.data, old.size);
    }
    free(spelled);
}

/* What lies between the records, line ends and blank lines, from `from` up to the next record. */
static size_t write_up_to(const cf_csv *csv, size_t from, size_t to, cf_buffer *out)
{
    cf_buffer_append(out, csv->input.data + from, to - from);
    return to;
}

/* Behind the record's own line end. */
static size_t behind(const cf_csv *csv, const cf_csv_record *record)
{
    size_t at = record->offset + record->size;

    if (at < csv->input.size && csv->input.data[at] == '\r')
        at++;
    if (at < csv->input.size && csv->input.data[at] == '\n')
        at++;
    return at;
}

static bool ends_line(const cf_buffer *out)
{
    return out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r';
}

/* `begin` is where the document begins in `out`. */
static void write_appended(const cf_csv_edits *self, size_t begin, cf_buffer *out)
{
    const cf_csv *csv = self->csv;
    bool ended = csv->input.size == csv->start || csv->input.data[csv->input.size - 1] == '\n' ||
                 csv->input.data[csv->input.size - 1] == '\r';

    if (self->appended_count == 0)
        return;
    bool marked = csv->input.size >= 3 && memcmp(csv->input.data, "\xef\xbb\xbf", 3) == 0;
    if (out->size > begin + (marked ? 3 : 0) && !ends_line(out))
        cf_buffer_append_text(out, "%s", csv->line_end);
    cf_buffer_append(out, self->appended.data, self->appended.size);
    if (ended)
        cf_buffer_append_text(out, "%s", csv->line_end);
}

void cf_csv_edits_write(cf_csv_edits *self, cf_buffer *out)
{
    const cf_csv *csv = self->csv;
    size_t begin = out->size, from = write_up_to(csv, 0, csv->start, out);

    if (self->count)
        qsort(self->edits, self->count, sizeof *self->edits, compare);
    for (size_t at = 0; at < self->count;) {
        size_t index = self->edits[at].record, next = at;
        const cf_csv_record *record = &csv->records[index];

        while (next < self->count && self->edits[next].record == index)
            next++;
        write_up_to(csv, from, record->offset, out);
        if (self->edits[next - 1].column == DELETED) {
            from = behind(csv, record);
        } else {
            write_fields(csv, index, &self->edits[at], next - at, out);
            from = record->offset + record->size;
        }
        at = next;
    }
    write_up_to(csv, from, csv->input.size, out);
    write_appended(self, begin, out);
}
