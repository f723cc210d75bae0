/* SPDX-License-Identifier: Apache-2.0 */
/* The format csv: rows under a header, whatever separates their columns. */
#include "peer/adapters/record_adapter.h"

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/adapters/csv.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/text/csv_document.h"

#include <string.h>

/* Names of several columns; `Dear Ann, ...` is a table, too, as far as its first line tells, but
 * not `{"name": "Ann", ...`. */
static bool looks(cf_bytes bytes)
{
    const cf_bytes text = cf_format_beginning(bytes);
    const uint8_t *end = text.size ? memchr(text.data, '\n', text.size) : NULL;
    const size_t size = end ? (size_t)(end - text.data) : text.size;

    if (cf_adapter_json.looks(bytes))
        return false;
    for (size_t i = 0; i < size; i++)
        if (strchr(",;\t", text.data[i]) && text.data[i])
            return !memchr(text.data, '\0', text.size);
    return false;
}

/* ---- Reading ---- */

typedef struct {
    const cf_record_options *options;
    cf_csv_source source;
    cf_csv_layout layout; /* of a file that is made, if the source has one */
    cf_csv_document *document;
} csv_file;

static cf_csv_source source_of(const cf_record_options *options, cf_arena *arena)
{
    cf_bytes *keys = cf_arena_allocate(arena, options->key_count, sizeof *keys);

    for (size_t i = 0; i < options->key_count; i++)
        keys[i] = cf_bytes_of_text(options->keys[i]);
    return (cf_csv_source){.table = cf_bytes_of_text(CF_TABLE_RECORDS),
                           .keys = keys,
                           .key_count = options->key_count,
                           .renamed = &options->renamed,
                           .forgotten = &options->forgotten,
                           .serial = options->serial && options->key_count == 1};
}

static cf_status read(const cf_record_options *options, cf_bytes bytes, cf_record_file *out,
                      cf_error *error)
{
    cf_arena arena = {0};
    cf_csv_source source = source_of(options, &arena);

    cf_status status = cf_csv_rows_read(bytes, &source, out, error);
    cf_arena_release(&arena);
    return status;
}

/* One that is of a newer program, or damaged, says nothing. */
static void know_layout(csv_file *self, cf_arena *arena)
{
    const cf_record_options *options = self->options;
    cf_error ignored;

    if (options->layout.size && !options->map &&
        cf_csv_layout_read(options->layout, arena, &self->layout, &ignored) == CF_OK)
        self->source.layout = &self->layout;
}

static cf_status open_file(const cf_record_options *options, cf_bytes bytes, cf_arena *arena,
                           void **out, cf_error *error)
{
    csv_file *self = cf_arena_allocate(arena, 1, sizeof *self);

    *self = (csv_file){.options = options, .source = source_of(options, arena)};
    know_layout(self, arena);
    cf_status status = cf_csv_document_read(bytes, &self->source, &self->document, error);
    if (!status)
        *out = self;
    return status;
}

static void close_file(void *file)
{
    cf_csv_document_destroy(&((csv_file *)file)->document);
}

static cf_status rows(void *file, const cf_record_file **out, cf_error *error)
{
    return cf_csv_document_rows(((csv_file *)file)->document, out, error);
}

static cf_status holds(const cf_record_options *options, void *file, cf_arena *arena,
                       cf_row_format *out, cf_error *error)
{
    csv_file *self = file;

    *out = (cf_row_format){.whole = true};
    if (!self)
        return CF_OK;
    cf_format_table *table = cf_arena_allocate(arena, 1, sizeof *table);
    cf_status status = cf_csv_document_format(self->document, arena, table, error);
    *out = (cf_row_format){.tables = table, .count = 1};
    if (!status && options->map)
        cf_record_map_meet(options->map, table, arena, out);
    return status;
}

/* What a map's columns are called is said by that. */
static void lay(void *file, cf_bytes bytes, cf_buffer *out)
{
    csv_file *self = file;
    cf_csv_layout layout;

    (void)bytes;
    if (!self->options->map && cf_csv_document_layout(self->document, &layout))
        cf_csv_layout_pack(out, &layout);
}

/* ---- Writing ---- */

static bool is_text(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    cf_type type;

    return cf_read_type(&reader, &type, &ignored) == CF_OK &&
           (type == CF_TYPE_TEXT || type == CF_TYPE_ARRAY);
}

/* In a column every key is a text, unless all are numbers. */
static cf_status write(void *file, const cf_row *wanted, size_t count, cf_buffer *out,
                       cf_error *error)
{
    csv_file *self = file;
    cf_arena arena = {0};
    cf_row *shown = cf_arena_allocate(&arena, count, sizeof *shown);
    cf_buffer text = {0}, key = {0};

    for (size_t i = 0; i < count; i++) {
        shown[i] = wanted[i];
        if (self->source.serial || is_text(shown[i].key))
            continue;
        cf_buffer_clear(&text);
        cf_buffer_clear(&key);
        cf_value_text(shown[i].key, &text);
        cf_pack_text(&key, cf_buffer_view(&text));
        shown[i].key = cf_arena_copy(&arena, cf_buffer_view(&key));
    }
    cf_status status = cf_csv_document_write(self->document, shown, count, out, error);
    cf_buffer_release(&text);
    cf_buffer_release(&key);
    cf_arena_release(&arena);
    return status;
}

static cf_status fill(void *file, const cf_format_known *known, cf_buffer *out, cf_error *error)
{
    csv_file *self = file;

    if (self->options->map)
        return cf_csv_document_fill(self->document, out, error);
    if (self->options->columns.count) /* that widens all rows */
        return cf_csv_document_add_columns(self->document, &self->options->columns, out, error);
    return known->had ? cf_csv_document_widen(self->document, known->had, out, error) : CF_OK;
}

/* A file can have the row if its key has as many parts as `--key` names, and any of them says
 * something. */
static bool keeps(const cf_record_options *options, cf_bytes table, cf_bytes key)
{
    const size_t parts = cf_record_key_parts(key);

    (void)table;
    return parts == options->key_count && cf_record_key_says_any(key, parts);
}

static cf_status mend(cf_bytes bytes, cf_buffer *out, cf_error *error)
{
    (void)error;
    cf_buffer_append(out, bytes.data, cf_csv_whole(bytes));
    return CF_OK;
}

static const cf_record_adapter records = {
    .read = read,
    .open = open_file,
    .close = close_file,
    .rows = rows,
    .write = write,
    .fill = fill,
    .holds = holds,
    .lay = lay,
    .begin = cf_record_map_header,
    .keeps = keeps,
    .mend = mend,
};

static const char *const tables[] = {CF_TABLE_RECORDS, CF_TABLE_CONTACTS, CF_TABLE_EVENTS,
                                     CF_TABLE_TASKS, NULL};

const cf_adapter cf_adapter_csv = {
    .name = "csv",
    .what = "records",
    .item = "record",
    .usage =
        "--format csv --key COLUMN: a CSV file, record by record, field by field. The column "
        "tells which row it is; of several all do. Columns may be separated by commas, "
        "semicolons, tabs (TSV) or bars. A key that is counted up (1, 2, 3 ...) is a serial one: "
        "rows made apart under one number are two, and one of them is given the next free "
        "number. --serial and --natural say which it is. Where such rows meet others, --rows "
        "says whether those of one number are the same.\n"
        "Contacts, events and tasks may be a table, too: --map FILE says which columns stand for "
        "what, one a line, COLUMN = POINTER: UID = /uid, Name = /name/full, Mobile = "
        "/phones/mobile/number, E-mail 1 = /emails/1/address; the manual has all of it.\n"
        "Without --map the columns of well-known exports are known, and such an export may be a "
        "new collection of contacts.\n"
        "What the table can't hold stays where it is.",
    .storage = CF_STORAGE_FILE,
    .keying = CF_KEYING_COLUMNS,
    .mapping = CF_MAPPING_COLUMNS,
    .cutting = CF_CUTTING_LINE,
    .tables = tables,
    .tables_text = "records (or contacts, events, tasks)",
    .schema = &cf_schema_records,
    .guesses_types = true,
    .guesses_counting = true,
    .layout_max = CF_LAYOUT_MAX,
    .looks = looks,
    .is_vague = true,
    .records = &records,
};
