/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/csv.h"

#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "codec/utf8.h"

void cf_csv_document_destroy(cf_csv_document **document)
{
    cf_csv_document *self = *document;

    if (!self)
        return;
    cf_csv_release(&self->csv);
    cf_record_file_release(&self->rows);
    free(self->spelled);
    cf_arena_release(&self->arena);
    free(self);
    *document = NULL;
}

cf_status cf_csv_document_read(cf_bytes bytes, const cf_csv_source *source, cf_csv_document **out,
                               cf_error *error)
{
    cf_csv_document *self = cf_allocate(1, sizeof *self);

    self->source = source;
    cf_status status = cf_csv_read(bytes, source->separator, &self->csv, error);
    if (status)
        cf_csv_document_destroy(&self);
    else
        *out = self;
    return status;
}

/* ---- Its header ---- */

static cf_bytes read_field(cf_csv_document *self, cf_bytes spelled)
{
    cf_buffer text = {0};

    cf_csv_field_read(spelled, &text);
    cf_bytes copy = cf_arena_copy(&self->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

static cf_status find_keys(cf_csv_document *self, const cf_bytes *names, cf_error *error)
{
    const cf_csv_source *source = self->source;

    self->keys = cf_arena_allocate(&self->arena, source->key_count, sizeof *self->keys);
    for (size_t i = 0; i < source->key_count; i++) {
        size_t column = 0;

        while (column < self->count && !cf_bytes_equal(names[column], source->keys[i]))
            column++;
        if (column == self->count)
            return cf_fail(error, CF_MALFORMED,
                           "has no column %.*s, which is the key: give it back, or `counterfoil "
                           "remove` the source and `counterfoil add SOURCE --existing --format csv "
                           "--key` one that it "
                           "has",
                           (int)source->keys[i].size, (const char *)source->keys[i].data);
        self->keys[i] = column;
        self->fields[column] = (cf_bytes){0};
    }
    return CF_OK;
}

static int by_text(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

static cf_status check_columns(const cf_csv_document *self, cf_error *error)
{
    cf_bytes *order = cf_allocate(self->count, sizeof *order);
    cf_status status = CF_OK;

    memcpy(order, self->fields, self->count * sizeof *order);
    qsort(order, self->count, sizeof *order, by_text);
    for (size_t i = 0; i < self->count && !status; i++) {
        if (order[i].size > CF_FIELD_MAX)
            status = cf_fail(error, CF_MALFORMED, "a column's name is too long: shorten it");
        else if (i && cf_bytes_equal(order[i - 1], order[i]))
            status = cf_fail(error, CF_MALFORMED,
                             "has two columns of the same name: rename one of them");
    }
    free(order);
    return status;
}

static bool has_name(const cf_bytes *names, size_t count, cf_bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(names[i], name))
            return true;
    return false;
}

/* What a column is called in the log: a name that it had before, unless another one has that now.
 */
static cf_bytes meant_by(const cf_csv_document *self, const cf_bytes *names, cf_bytes name)
{
    const cf_renamed_columns *renamed = self->source->renamed;

    for (size_t i = 0; renamed && i < renamed->count; i++)
        if (cf_bytes_equal(renamed->at[i].name, name) &&
            !has_name(names, self->count, renamed->at[i].before))
            return renamed->at[i].before;
    return name;
}

static void name_fields(cf_csv_document *self, const cf_bytes *names)
{
    for (size_t i = 0; i < self->count; i++) {
        cf_buffer field = {0};

        cf_column_field(meant_by(self, names, names[i]), &field);
        self->fields[i] = cf_arena_copy(&self->arena, cf_buffer_view(&field));
        cf_buffer_release(&field);
    }
}

static cf_status read_header(cf_csv_document *self, cf_error *error)
{
    const cf_csv_record *header = &self->csv.records[0];
    cf_bytes *names;

    if (header->trouble)
        return cf_fail(error, CF_MALFORMED, "line %zu, with the columns' names, %s", header->number,
                       header->trouble);
    self->count = header->fields;
    self->spelled = cf_allocate(CF_CSV_FIELDS_MAX, sizeof *self->spelled);
    self->fields = cf_arena_allocate(&self->arena, self->count, sizeof *self->fields);
    names = cf_arena_allocate(&self->arena, self->count, sizeof *names);
    cf_csv_fields(&self->csv, 0, self->spelled);
    for (size_t i = 0; i < self->count; i++)
        names[i] = read_field(self, self->spelled[i]);
    name_fields(self, names);
    cf_status status = check_columns(self, error);
    return status ? status : find_keys(self, names, error);
}

cf_status cf_csv_document_header(cf_csv_document *self, cf_error *error)
{
    if (!self->is_headed && self->csv.count)
        read_header(self, &self->header);
    self->is_headed = true;
    if (self->header.status)
        *error = self->header;
    return self->header.status;
}

/* ---- Its rows ---- */

/* The key of the record whose fields are in `spelled`; NULL or what is wrong with it. */
static const char *read_key(const cf_csv_document *self, cf_buffer *key)
{
    const cf_csv_source *source = self->source;
    const char *trouble = "has no key: give it one";
    cf_buffer text = {0};

    if (source->key_count > 1)
        cf_pack_array(key, source->key_count);
    for (size_t i = 0; i < source->key_count; i++) {
        cf_buffer_clear(&text);
        cf_csv_field_read(self->spelled[self->keys[i]], &text);
        if (text.size)
            trouble = NULL;
        if (!source->serial)
            cf_pack_text(key, cf_buffer_view(&text));
        else if (text.size && !cf_serial_key_pack(cf_buffer_view(&text), key))
            trouble = "has a key that is no plain number: make it one";
    }
    cf_buffer_release(&text);
    return trouble;
}

static void read_fields(cf_csv_document *self, cf_field_list *list, cf_arena *arena)
{
    cf_buffer text = {0}, value = {0};

    for (size_t i = 0; i < self->count; i++) {
        if (self->fields[i].size == 0)
            continue;
        cf_buffer_clear(&text);
        cf_buffer_clear(&value);
        cf_csv_field_read(self->spelled[i], &text);
        cf_pack_text(&value, cf_buffer_view(&text));
        if (text.size)
            cf_field_list_add(list, arena, self->fields[i], cf_buffer_view(&value));
    }
    cf_buffer_release(&text);
    cf_buffer_release(&value);
}

/* The line is UTF-8, and long enough to have all columns of the key. */
static bool has_key_columns(const cf_csv_document *self, const cf_csv_record *record)
{
    bool all = cf_utf8_valid(cf_bytes_of(self->csv.input.data + record->offset, record->size));

    for (size_t i = 0; i < self->source->key_count; i++)
        all = all && self->keys[i] < record->fields;
    return all;
}

/* The last line may be the beginning of a row that is cut short, whose key is still to come. */
static bool may_get_key(const cf_csv_document *self, size_t index)
{
    bool may = false;

    for (size_t i = 0; i < self->source->key_count; i++)
        may = may || self->keys[i] + 1 >= self->csv.records[index].fields;
    return may && self->csv.unended && index + 1 == self->csv.count;
}

/* As sheets have them at their ends: separators and blanks. A key of blanks is one in quotes alone,
 * as it is written here:
 *     ` , ,`  nothing      `" ",,`  the row " "      `"",,`  nothing */
static bool says_nothing(const cf_csv_document *self, size_t index, bool keyless)
{
    const cf_csv_record *record = &self->csv.records[index];
    const uint8_t *at = self->csv.input.data + record->offset;

    for (size_t i = 0; i < record->size; i++)
        if (at[i] != (uint8_t)self->csv.separator && at[i] != ' ' && at[i] != '\t' &&
            !(keyless && at[i] == '"'))
            return false;
    return !may_get_key(self, index);
}

static void read_row(cf_csv_document *self, size_t index, cf_field_list *list, cf_record_file *out)
{
    const cf_csv_record *record = &self->csv.records[index];
    cf_row row = {.table = cf_arena_copy(&out->arena, self->source->table)};
    const char *keyless = "has no key: give it one";
    cf_buffer key = {0};

    if (has_key_columns(self, record)) {
        cf_csv_fields(&self->csv, index, self->spelled);
        keyless = read_key(self, &key);
    }
    row.key = cf_arena_copy(&out->arena, cf_buffer_view(&key));
    if (says_nothing(self, index, keyless != NULL)) {
        cf_buffer_release(&key);
        return;
    }
    if (record->trouble || keyless) {
        cf_record_file_trouble(out, record->number, keyless ? NULL : &row,
                               record->trouble ? record->trouble : keyless);
    } else {
        read_fields(self, list, &out->arena);
        cf_field_list_take(list, &out->arena, &row);
        cf_record_file_add(out, &row, index);
    }
    cf_buffer_release(&key);
}

static size_t line_of(void *context, size_t record)
{
    return ((cf_csv_document *)context)->csv.records[record].number;
}

cf_status cf_csv_document_rows(cf_csv_document *self, const cf_record_file **out, cf_error *error)
{
    cf_field_list list = {0};
    cf_status status = cf_csv_document_header(self, error);

    if (status)
        return status;
    for (size_t i = 1; !self->has_rows && i < self->csv.count; i++)
        read_row(self, i, &list, &self->rows);
    cf_field_list_release(&list);
    if (!self->has_rows) {
        cf_record_file_settle(&self->rows, line_of, self);
        self->rows.unended = self->csv.unended;
        self->rows.half_end = self->csv.half_end;
        self->rows.last_place = self->csv.count - 1;
    }
    self->has_rows = true;
    *out = &self->rows;
    return CF_OK;
}

cf_status cf_csv_rows_read(cf_bytes bytes, const cf_csv_source *source, cf_record_file *out,
                           cf_error *error)
{
    cf_csv_document *self = NULL;
    const cf_record_file *rows;

    cf_status status = cf_csv_document_read(bytes, source, &self, error);
    if (!status)
        status = cf_csv_document_rows(self, &rows, error);
    if (!status) {
        *out = self->rows;
        self->rows = (cf_record_file){0};
    }
    cf_csv_document_destroy(&self);
    return status;
}

cf_status cf_csv_document_format(cf_csv_document *self, cf_arena *arena, cf_format_table *out,
                                 cf_error *error)
{
    cf_status status = cf_csv_document_header(self, error);

    if (status)
        return status;
    cf_format_field *fields = cf_arena_allocate(arena, self->count, sizeof *fields);
    *out = (cf_format_table){.name = cf_arena_copy(arena, self->source->table),
                             .whole = self->csv.count == 0,
                             .fields = fields};
    for (size_t i = 0; i < self->count; i++)
        if (self->fields[i].size)
            fields[out->field_count++].name = cf_arena_copy(arena, self->fields[i]);
    return CF_OK;
}
