/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_format.h"

#include "codec/pack.h"
#include "peer/adapters/csv.h"
#include "peer/adapters/icalendar.h"
#include "peer/adapters/json.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/text/json_document.h"
#include "peer/adapters/vcard.h"

#include <string.h>

static const cf_schema_table tables[] = {
    {.name = {(const uint8_t *)CF_TABLE_RECORDS, sizeof CF_TABLE_RECORDS - 1},
     .kind = CF_KIND_RECORD},
};
const cf_schema cf_schema_records = {tables, 1};

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
static cf_status write_csv(const cf_record_options *options, cf_bytes before, const cf_row *wanted,
                           size_t count, cf_buffer *out, cf_error *error)
{
    cf_arena arena = {0};
    cf_csv_source source = csv_of(options, &arena);
    cf_row *rows = cf_arena_allocate(&arena, count, sizeof *rows);
    cf_buffer text = {0}, key = {0};

    for (size_t i = 0; i < count; i++) {
        rows[i] = wanted[i];
        if (source.serial || is_text(rows[i].key))
            continue;
        cf_buffer_clear(&text);
        cf_buffer_clear(&key);
        cf_value_text(rows[i].key, &text);
        cf_pack_text(&key, cf_buffer_view(&text));
        rows[i].key = cf_arena_copy(&arena, cf_buffer_view(&key));
    }
    cf_status status = cf_csv_rows_write(before, &source, rows, count, out, error);
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
    cf_record_key_name(CF_FORMAT_JSON, key, &name);
    source.key = cf_arena_copy(arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    return source;
}

/* ---- Any ---- */

static bool is_blank(cf_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (!memchr(" \t\r\n", bytes.data[i], 4))
            return false;
    return true;
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
        return cf_vcard_rows_read(bytes, out, error);
    if (options->format == CF_FORMAT_ICALENDAR)
        return cf_icalendar_rows_read(bytes, out, error);
    cf_status status = read_records(options, bytes, out, error);
    if (!status && options->map)
        cf_record_map_enter(options->map, out);
    return status;
}

static cf_status write_records(const cf_record_options *options, cf_bytes before,
                               const cf_row *wanted, size_t count, cf_buffer *out, cf_error *error)
{
    cf_arena arena = {0};

    if (options->format == CF_FORMAT_CSV)
        return write_csv(options, before, wanted, count, out, error);
    cf_json_source source = json_of(options, &arena);
    cf_status status = cf_json_rows_write(before, &source, wanted, count, out, error);
    cf_arena_release(&arena);
    return status;
}

/* Through the map, into a file that has its header. */
static cf_status write_mapped(const cf_record_options *options, cf_bytes before,
                              const cf_row *wanted, size_t count, cf_buffer *out, cf_error *error)
{
    cf_record_file is = {0};
    cf_row_format ignored;
    cf_arena arena = {0};
    cf_buffer headed = {0};

    if (is_blank(before) && count && options->format == CF_FORMAT_CSV) {
        cf_record_map_header(options->map, &headed);
        before = cf_buffer_view(&headed);
    }
    cf_status status = cf_record_format_holds(options, before, &arena, &ignored, error);
    if (!status)
        status = read_records(options, before, &is, error);
    if (!status) {
        cf_row *rows = cf_arena_allocate(&arena, count + is.count, sizeof *rows);

        count = cf_record_map_take(options->map, &is, wanted, count, &arena, rows);
        status = write_records(options, before, rows, count, out, error);
    }
    cf_record_file_release(&is);
    cf_buffer_release(&headed);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_record_format_write(const cf_record_options *options, cf_bytes before,
                                 const cf_row *wanted, size_t count, cf_buffer *out,
                                 cf_error *error)
{
    if (options->format == CF_FORMAT_VCARD)
        return cf_vcard_rows_write(before, wanted, count, out, error);
    if (options->format == CF_FORMAT_ICALENDAR)
        return cf_icalendar_rows_write(before, wanted, count, out, error);
    return options->map ? write_mapped(options, before, wanted, count, out, error)
                        : write_records(options, before, wanted, count, out, error);
}

cf_status cf_record_format_fill(const cf_record_options *options, cf_bytes bytes,
                                const cf_row_format *had, cf_buffer *out, cf_error *error)
{
    cf_arena arena = {0};
    cf_status status = CF_OK;

    if (options->format != CF_FORMAT_CSV)
        return CF_OK;
    cf_csv_source source = csv_of(options, &arena);
    if (options->map)
        status = cf_csv_rows_fill(bytes, &source, out, error);
    else if (had)
        status = cf_csv_rows_widen(bytes, &source, had, out, error);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_record_format_holds(const cf_record_options *options, cf_bytes bytes, cf_arena *arena,
                                 cf_row_format *out, cf_error *error)
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
    if (options->format == CF_FORMAT_JSON && options->map)
        cf_record_map_meet(options->map, NULL, arena, out);
    if (options->format == CF_FORMAT_JSON)
        return CF_OK;
    if (options->format == CF_FORMAT_ICALENDAR) {
        *out = (cf_row_format){.tables = calendar, .count = 2};
        return CF_OK;
    }
    cf_format_table *table = cf_arena_allocate(arena, 1, sizeof *table);
    if (options->format == CF_FORMAT_VCARD) {
        *table = cf_vcard_format(arena);
        *out = (cf_row_format){.tables = table, .count = 1};
        return CF_OK;
    }
    cf_csv_source source = csv_of(options, arena);
    cf_status status = cf_csv_rows_format(bytes, &source, arena, table, error);
    *out = (cf_row_format){.tables = table, .count = 1};
    if (!status && options->map)
        cf_record_map_meet(options->map, table, arena, out);
    return status;
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
