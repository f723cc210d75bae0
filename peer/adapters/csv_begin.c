/* SPDX-License-Identifier: Apache-2.0 */
/* A header for a file that has none, and how a file is laid out for those that others make. */
#include "peer/adapters/csv.h"

#include <stdlib.h>
#include <string.h>

#include "codec/pointer.h"
#include "peer/adapters/text/csv_edit.h"

/* ---- How a file is laid out ---- */

static bool is_marked(cf_bytes bytes)
{
    return bytes.size >= sizeof CF_CSV_MARK - 1 &&
           memcmp(bytes.data, CF_CSV_MARK, sizeof CF_CSV_MARK - 1) == 0;
}

static cf_csv_column column_at(const cf_csv_document *self, size_t index, cf_arena *arena)
{
    cf_csv_column column = {0};

    for (size_t part = 0; part < self->source->key_count; part++)
        if (self->keys[part] == index)
            return (cf_csv_column){.is_key = true, .part = part};
    cf_column_name(self->fields[index], arena, &column.name);
    return column;
}

static bool is_told(const cf_csv_document *self)
{
    return self->csv.start > (is_marked(self->csv.input) ? sizeof CF_CSV_MARK - 1 : 0);
}

/* The header and all rows, those that say nothing as well. */
static bool is_quoted(const cf_csv *csv)
{
    cf_bytes *spelled = cf_allocate(CF_CSV_FIELDS_MAX, sizeof *spelled);
    bool quoted = true;

    for (size_t i = 0; quoted && i < csv->count; i++) {
        cf_csv_fields(csv, i, spelled);
        for (size_t column = 0; quoted && column < csv->records[i].fields; column++)
            quoted = cf_csv_is_quoted(spelled[column]);
    }
    free(spelled);
    return quoted;
}

bool cf_csv_document_layout(cf_csv_document *self, cf_csv_layout *out)
{
    cf_error ignored;

    if (!self->csv.count || cf_csv_document_header(self, &ignored))
        return false;
    cf_csv_column *columns = cf_arena_allocate(&self->arena, self->count, sizeof *columns);
    for (size_t i = 0; i < self->count; i++)
        columns[i] = column_at(self, i, &self->arena);
    *out = (cf_csv_layout){.separator = self->csv.separator,
                           .line_end = self->csv.line_end,
                           .is_marked = is_marked(self->csv.input),
                           .is_told = is_told(self),
                           .is_quoted = is_quoted(&self->csv),
                           .columns = columns,
                           .count = self->count};
    return true;
}

/* ---- A header ---- */

static int by_text(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

static size_t all_fields(const cf_row *rows, size_t count, cf_bytes **out)
{
    size_t found = 0, capacity = 0, kept = 0;
    cf_bytes *fields = NULL;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < rows[i].field_count; j++)
            *cf_one_more(fields, found, capacity) = rows[i].fields[j].name;
    if (found)
        qsort(fields, found, sizeof *fields, by_text);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || !cf_bytes_equal(fields[kept - 1], fields[i]))
            fields[kept++] = fields[i];
    *out = fields;
    return kept;
}

typedef struct {
    const cf_csv_source *source;
    cf_bytes *at;
    size_t count, capacity;
    bool *has_key; /* by its part: there is a column for it */
} names;

static void add_name(names *self, cf_bytes name)
{
    *cf_one_more(self->at, self->count, self->capacity) = name;
}

static bool is_key(const names *self, cf_bytes name)
{
    for (size_t i = 0; i < self->source->key_count; i++)
        if (cf_bytes_equal(self->source->keys[i], name))
            return true;
    return false;
}

static bool is_forgotten(const names *self, cf_bytes field)
{
    const cf_csv_source *source = self->source;

    return source->forgotten && cf_forgotten_has(source->forgotten, source->table, field);
}

static bool is_forgotten_column(const names *self, cf_bytes name)
{
    cf_buffer field = {0};

    cf_buffer_append_text(&field, CF_COLUMNS);
    cf_pointer_add(name, &field);
    bool forgotten = is_forgotten(self, cf_buffer_view(&field));
    cf_buffer_release(&field);
    return forgotten;
}

static void add_column(names *self, const cf_csv_column *column)
{
    if (!column->is_key) {
        if (!is_key(self, column->name) && !is_forgotten_column(self, column->name))
            add_name(self, column->name);
    } else if (column->part < self->source->key_count) {
        add_name(self, self->source->keys[column->part]);
        self->has_key[column->part] = true;
    }
}

/* Those of the key that aren't in the layout come first, then the layout's, then all others that
 * the rows have, by their names. */
static void find_names(names *self, const cf_row *rows, size_t count, cf_arena *arena)
{
    const cf_csv_source *source = self->source;
    const cf_csv_layout *layout = source->layout;
    cf_bytes *fields, name;

    self->has_key = cf_arena_allocate(arena, source->key_count, sizeof *self->has_key);
    for (size_t i = 0; layout && i < layout->count; i++)
        add_column(self, &layout->columns[i]);
    size_t laid = self->count, missing = 0;
    for (size_t i = 0; i < source->key_count; i++)
        if (!self->has_key[i]) {
            *cf_one_more_at(self->at, self->count, self->capacity, missing) = source->keys[i];
            missing++;
        }
    const size_t known = laid + missing;
    cf_bytes *order = cf_arena_allocate(arena, known, sizeof *order);
    memcpy(order, self->at, known * sizeof *order);
    qsort(order, known, sizeof *order, by_text);
    size_t found = all_fields(rows, count, &fields);
    for (size_t i = 0; i < found; i++)
        if (cf_column_name(fields[i], arena, &name) && !is_forgotten(self, fields[i]) &&
            !bsearch(&name, order, known, sizeof *order, by_text))
            add_name(self, name);
    free(fields);
}

static void lay_out(cf_csv_document *self, cf_buffer *out)
{
    const cf_csv_layout *layout = self->source->layout;

    if (!layout)
        return;
    if (!is_told(self))
        self->csv.separator = layout->separator;
    if (self->csv.input.size)
        return; /* how it begins, it says itself */
    self->csv.line_end = layout->line_end;
    self->csv.is_quoted = layout->is_quoted;
    if (layout->is_marked)
        cf_buffer_append_text(out, CF_CSV_MARK);
    if (layout->is_told)
        cf_buffer_append_text(out, "sep=%c%s", layout->separator, layout->line_end);
}

cf_status cf_csv_document_begin(cf_csv_document *self, const cf_row *rows, size_t count,
                                cf_buffer *out, cf_error *error)
{
    cf_csv_edits edits = {.csv = &self->csv};
    names header = {.source = self->source};
    cf_arena arena = {0};

    lay_out(self, out);
    find_names(&header, rows, count, &arena);
    cf_status status = cf_csv_edits_append(&edits, header.at, header.count, error);
    if (!status)
        cf_csv_edits_write(&edits, out);
    cf_csv_edits_release(&edits);
    cf_arena_release(&arena);
    free(header.at);
    return status;
}
