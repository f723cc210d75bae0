/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_format.h"

#include "codec/pack.h"
#include "peer/adapters/csv.h"
#include "peer/adapters/icalendar.h"
#include "peer/adapters/json.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/text/json_document.h"
#include "peer/adapters/vcard.h"

#include <stdlib.h>
#include <string.h>

static const cf_schema_table tables[] = {
    {.name = {(const uint8_t *)CF_TABLE_RECORDS, sizeof CF_TABLE_RECORDS - 1},
     .kind = CF_KIND_RECORD},
    {.name = {(const uint8_t *)CF_TABLE_DOCUMENT, sizeof CF_TABLE_DOCUMENT - 1},
     .kind = CF_KIND_RECORD},
};
const cf_schema cf_schema_records = {tables, 2};

cf_status cf_record_options_check(const cf_record_options *options, cf_error *error)
{
    if (options->format == CF_FORMAT_CSV && !options->key_count)
        return cf_fail(error, CF_USAGE,
                       "--format csv needs --key COLUMN: which column says which row it is; or "
                       "--map FILE, where rows are contacts, events or tasks");
    if (options->format == CF_FORMAT_SQLITE && options->key_count)
        return cf_fail(error, CF_USAGE,
                       "--key does not go with --format sqlite: a database says "
                       "itself what its keys are");
    if (options->format == CF_FORMAT_JSON && options->key_count > 1)
        return cf_fail(error, CF_USAGE, "--format json takes one --key");
    if (options->key_count &&
        (options->format == CF_FORMAT_VCARD || options->format == CF_FORMAT_ICALENDAR))
        return cf_fail(error, CF_USAGE, "--format %s takes no --key: it is the UID",
                       cf_format_text(options->format));
    for (size_t i = 0; i < options->key_count; i++)
        if (!*options->keys[i])
            return cf_fail(error, CF_USAGE, "--key is empty");
    return CF_OK;
}

/* ---- CSV ---- */

static cf_csv_source csv_of(const cf_record_options *options, cf_arena *arena)
{
    cf_bytes *keys = cf_arena_allocate(arena, options->key_count, sizeof *keys);

    for (size_t i = 0; i < options->key_count; i++)
        keys[i] = cf_bytes_of_text(options->keys[i]);
    return (cf_csv_source){.table = tables[0].name,
                           .keys = keys,
                           .key_count = options->key_count,
                           .serial = options->serial && options->key_count == 1};
}

static bool is_text(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;
    cf_type type;

    return cf_read_type(&reader, &type, &ignored) == CF_OK &&
           (type == CF_TYPE_TEXT || type == CF_TYPE_ARRAY);
}

/* In a column every key is a text, unless all are numbers. */
static cf_status write_csv(cf_csv_document *document, bool serial, const cf_row *wanted,
                           size_t count, cf_buffer *out, cf_error *error)
{
    cf_arena arena = {0};
    cf_row *rows = cf_arena_allocate(&arena, count, sizeof *rows);
    cf_buffer text = {0}, key = {0};

    for (size_t i = 0; i < count; i++) {
        rows[i] = wanted[i];
        if (serial || is_text(rows[i].key))
            continue;
        cf_buffer_clear(&text);
        cf_buffer_clear(&key);
        cf_value_text(rows[i].key, &text);
        cf_pack_text(&key, cf_buffer_view(&text));
        rows[i].key = cf_arena_copy(&arena, cf_buffer_view(&key));
    }
    cf_status status = cf_csv_document_write(document, rows, count, out, error);
    cf_buffer_release(&text);
    cf_buffer_release(&key);
    cf_arena_release(&arena);
    return status;
}

/* ---- JSON ---- */

static cf_json_source json_of(const cf_record_options *options, cf_arena *arena)
{
    cf_json_source source = {.table = tables[0].name,
                             .whole = options->key_count == 0,
                             .serial = options->serial && options->key_count};
    const char *key = options->key_count ? options->keys[0] : "";
    cf_buffer name = {0};

    if (*key == '/')
        source.pointer = cf_bytes_of(key, (size_t)(strrchr(key, '/') - key));
    if (source.pointer.size && !options->map)
        source.beside = tables[1].name;
    cf_record_key_name(CF_FORMAT_JSON, key, &name);
    source.key = cf_arena_copy(arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    return source;
}

/* ---- A document ---- */

static bool is_blank(cf_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (!memchr(" \t\r\n", bytes.data[i], 4))
            return false;
    return true;
}

struct cf_record_document {
    const cf_record_options *options;
    cf_bytes bytes;
    cf_arena arena; /* of the sources */
    cf_csv_source csv_source;
    cf_json_source json_source;
    cf_vcard_document *vcard; /* of these one */
    cf_icalendar_document *icalendar;
    cf_csv_document *csv;
    cf_json_records *json;
};

static cf_status split(cf_record_document *self, cf_error *error)
{
    switch (self->options->format) {
    case CF_FORMAT_VCARD:
        return cf_vcard_document_read(self->bytes, self->options->cards, &self->vcard, error);
    case CF_FORMAT_ICALENDAR:
        return cf_icalendar_document_read(self->bytes, &self->icalendar, error);
    case CF_FORMAT_CSV:
        self->csv_source = csv_of(self->options, &self->arena);
        return cf_csv_document_read(self->bytes, &self->csv_source, &self->csv, error);
    default:
        self->json_source = json_of(self->options, &self->arena);
        return cf_json_records_read(self->bytes, &self->json_source, &self->json, error);
    }
}

cf_status cf_record_document_read(const cf_record_options *options, cf_bytes bytes,
                                  cf_record_document **out, cf_error *error)
{
    cf_record_document *self = cf_allocate(1, sizeof *self);

    self->options = options;
    self->bytes = bytes;
    cf_status status = split(self, error);
    if (status)
        cf_record_document_destroy(&self);
    else
        *out = self;
    return status;
}

void cf_record_document_destroy(cf_record_document **document)
{
    cf_record_document *self = *document;

    if (!self)
        return;
    cf_vcard_document_destroy(&self->vcard);
    cf_icalendar_document_destroy(&self->icalendar);
    cf_csv_document_destroy(&self->csv);
    cf_json_records_destroy(&self->json);
    cf_arena_release(&self->arena);
    free(self);
    *document = NULL;
}

const cf_record_options *cf_record_document_options(const cf_record_document *document)
{
    return document->options;
}

cf_bytes cf_record_document_bytes(const cf_record_document *document)
{
    return document->bytes;
}

/* ---- What it can hold ---- */

/* Every table there may be; what stands beside records only where these have a place of their own.
 */
static cf_row_format json_format(const cf_record_options *options, cf_arena *arena)
{
    const cf_json_source source = json_of(options, arena);
    cf_format_table *table = cf_arena_allocate(arena, 1, sizeof *table);
    cf_buffer without = {0};

    cf_buffer_append_text(&without, CF_COLUMNS);
    cf_buffer_append(&without, source.pointer.data, source.pointer.size);
    *table = (cf_format_table){.name = tables[1].name,
                               .lacks = !source.beside.size,
                               .whole = true,
                               .without = cf_arena_copy(arena, cf_buffer_view(&without))};
    cf_buffer_release(&without);
    return (cf_row_format){.whole = true, .tables = table, .count = 1};
}

void cf_record_format_holds(const cf_record_options *options, cf_arena *arena, cf_row_format *out)
{
    static const cf_format_table calendar[] = {
        {.name = {(const uint8_t *)CF_TABLE_EVENTS, sizeof CF_TABLE_EVENTS - 1},
         .whole = true,
         .speak = cf_icalendar_speak},
        {.name = {(const uint8_t *)CF_TABLE_TASKS, sizeof CF_TABLE_TASKS - 1},
         .whole = true,
         .speak = cf_icalendar_speak},
    };

    *out = (cf_row_format){.whole = true};
    if (options->format == CF_FORMAT_JSON && !options->map)
        *out = json_format(options, arena);
    if (options->format == CF_FORMAT_JSON && options->map)
        cf_record_map_meet(options->map, NULL, arena, out);
    if (options->format == CF_FORMAT_ICALENDAR)
        *out = (cf_row_format){.tables = calendar, .count = 2};
    if (options->format != CF_FORMAT_VCARD)
        return;
    cf_format_table *table = cf_arena_allocate(arena, 1, sizeof *table);
    *table = cf_vcard_format(arena);
    *out = (cf_row_format){.tables = table, .count = 1};
}

cf_status cf_record_document_holds(cf_record_document *document, cf_arena *arena,
                                   cf_row_format *out, cf_error *error)
{
    if (!document->csv) {
        cf_record_format_holds(document->options, arena, out);
        return CF_OK;
    }
    cf_format_table *table = cf_arena_allocate(arena, 1, sizeof *table);
    cf_status status = cf_csv_document_format(document->csv, arena, table, error);
    *out = (cf_row_format){.tables = table, .count = 1};
    if (!status && document->options->map)
        cf_record_map_meet(document->options->map, table, arena, out);
    return status;
}

/* ---- Reading and writing ---- */

/* As they stand there, whatever a map makes of them. */
static cf_status rows_of(cf_record_document *self, const cf_record_file **out, cf_error *error)
{
    if (self->csv)
        return cf_csv_document_rows(self->csv, out, error);
    *out = self->vcard       ? cf_vcard_document_rows(self->vcard)
           : self->icalendar ? cf_icalendar_document_rows(self->icalendar)
                             : cf_json_records_rows(self->json);
    return CF_OK;
}

cf_status cf_record_document_rows(cf_record_document *document, cf_record_file *out,
                                  cf_error *error)
{
    const cf_record_options *options = document->options;
    const cf_record_file *rows;
    cf_status status = rows_of(document, &rows, error);

    if (status)
        return status;
    *out = cf_record_file_borrow(rows);
    if (options->map && (document->csv || document->json))
        cf_record_map_enter(options->map, out);
    return CF_OK;
}

static cf_status read_records(const cf_record_options *options, cf_bytes bytes, cf_record_file *out,
                              cf_error *error)
{
    cf_arena arena = {0};
    cf_status status;

    if (options->format == CF_FORMAT_CSV) {
        cf_csv_source source = csv_of(options, &arena);

        status = cf_csv_rows_read(bytes, &source, out, error);
    } else {
        cf_json_source source = json_of(options, &arena);

        status = cf_json_rows_read(bytes, &source, out, error);
    }
    cf_arena_release(&arena);
    return status;
}

cf_status cf_record_format_read(const cf_record_options *options, cf_bytes bytes,
                                cf_record_file *out, cf_error *error)
{
    if (options->format == CF_FORMAT_VCARD)
        return cf_vcard_rows_read_by(bytes, options->cards, out, error);
    if (options->format == CF_FORMAT_ICALENDAR)
        return cf_icalendar_rows_read(bytes, out, error);
    cf_status status = read_records(options, bytes, out, error);
    if (!status && options->map)
        cf_record_map_enter(options->map, out);
    return status;
}

static cf_status write_records(cf_record_document *self, const cf_row *wanted, size_t count,
                               cf_buffer *out, cf_error *error)
{
    return self->csv ? write_csv(self->csv, self->csv_source.serial, wanted, count, out, error)
                     : cf_json_records_write(self->json, wanted, count, out, error);
}

static cf_status write_mapped(cf_record_document *self, const cf_row *wanted, size_t count,
                              cf_buffer *out, cf_error *error)
{
    const cf_record_file *is;
    cf_row_format ignored;
    cf_arena arena = {0};

    cf_status status = cf_record_document_holds(self, &arena, &ignored, error);
    if (!status)
        status = rows_of(self, &is, error);
    if (!status) {
        cf_row *rows = cf_arena_allocate(&arena, count + is->count, sizeof *rows);

        count = cf_record_map_take(self->options->map, is, wanted, count, &arena, rows);
        status = write_records(self, rows, count, out, error);
    }
    cf_arena_release(&arena);
    return status;
}

/* Through the map, into a file that has its header. */
static cf_status write_headed(const cf_record_options *options, const cf_row *wanted, size_t count,
                              cf_buffer *out, cf_error *error)
{
    cf_record_document *document = NULL;
    cf_buffer headed = {0};

    cf_record_map_header(options->map, &headed);
    cf_status status = cf_record_document_read(options, cf_buffer_view(&headed), &document, error);
    if (!status)
        status = write_mapped(document, wanted, count, out, error);
    cf_record_document_destroy(&document);
    cf_buffer_release(&headed);
    return status;
}

cf_status cf_record_document_write(cf_record_document *document, const cf_row *wanted, size_t count,
                                   cf_buffer *out, cf_error *error)
{
    if (document->vcard)
        return cf_vcard_document_write(document->vcard, wanted, count, out, error);
    if (document->icalendar) {
        cf_icalendar_document_write(document->icalendar, wanted, count, out);
        return CF_OK;
    }
    if (!document->options->map)
        return write_records(document, wanted, count, out, error);
    return document->csv && count && is_blank(document->bytes)
               ? write_headed(document->options, wanted, count, out, error)
               : write_mapped(document, wanted, count, out, error);
}

cf_status cf_record_document_fill(cf_record_document *document, const cf_row_format *had,
                                  const cf_rows *base, cf_buffer *out, cf_error *error)
{
    if (document->vcard)
        return cf_vcard_document_fill(document->vcard, base, out, error);
    if (!document->csv)
        return CF_OK;
    if (document->options->map)
        return cf_csv_document_fill(document->csv, out, error);
    return had ? cf_csv_document_widen(document->csv, had, out, error) : CF_OK;
}

/* ---- For people ---- */

void cf_record_key_name(cf_format format, const char *key, cf_buffer *out)
{
    if (format == CF_FORMAT_JSON && *key == '/')
        cf_json_step(cf_bytes_of_text(strrchr(key, '/') + 1), out);
    else
        cf_buffer_append_text(out, "%s", key);
}

void cf_record_key_text(cf_bytes key, cf_buffer *out)
{
    cf_value_text(key, out);
}

void cf_record_field_text(cf_bytes field, cf_buffer *out)
{
    size_t prefix = sizeof CF_COLUMNS; /* with the slash behind it */

    if (field.size > prefix && memcmp(field.data, CF_COLUMNS "/", prefix) == 0)
        field = cf_bytes_of(field.data + prefix, field.size - prefix);
    else if (field.size && field.data[0] == '/')
        field = cf_bytes_of(field.data + 1, field.size - 1);
    for (size_t i = 0; i < field.size; i++) {
        bool escaped = field.data[i] == '~' && i + 1 < field.size &&
                       (field.data[i + 1] == '0' || field.data[i + 1] == '1');

        if (escaped)
            cf_buffer_append(out, field.data[++i] == '0' ? "~" : "/", 1);
        else
            cf_buffer_append(out, &field.data[i], 1);
    }
}
