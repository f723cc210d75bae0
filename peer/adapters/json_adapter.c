/* SPDX-License-Identifier: Apache-2.0 */
/* The format json: a document, or the records in one. */
#include "peer/adapters/record_adapter.h"

#include "codec/pointer.h"
#include "peer/adapters/json.h"
#include "peer/adapters/text/json_document.h"

#include <string.h>

static bool looks(cf_bytes bytes)
{
    return cf_format_begins(bytes, "{") || cf_format_begins(bytes, "[");
}

/* ---- Reading ---- */

typedef struct {
    cf_json_source source;
    cf_json_records *records;
} json_file;

static cf_json_source source_of(const cf_record_options *options, cf_arena *arena)
{
    cf_json_source source = {.table = cf_bytes_of_text(CF_TABLE_RECORDS),
                             .whole = options->key_count == 0,
                             .serial = options->serial && options->key_count};
    const char *key = options->key_count ? options->keys[0] : "";
    cf_buffer name = {0};

    if (*key == '/')
        source.pointer = cf_bytes_of(key, (size_t)(strrchr(key, '/') - key));
    if (source.pointer.size && !options->map)
        source.beside = cf_bytes_of_text(CF_TABLE_DOCUMENT);
    cf_record_key_name(&cf_adapter_json, key, &name);
    source.key = cf_arena_copy(arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    return source;
}

static cf_status read(const cf_record_options *options, cf_bytes bytes, cf_record_file *out,
                      cf_error *error)
{
    cf_arena arena = {0};
    cf_json_source source = source_of(options, &arena);

    cf_status status = cf_json_rows_read(bytes, &source, out, error);
    cf_arena_release(&arena);
    return status;
}

static cf_status open_file(const cf_record_options *options, cf_bytes bytes, cf_arena *arena,
                           void **out, cf_error *error)
{
    json_file *self = cf_arena_allocate(arena, 1, sizeof *self);

    *self = (json_file){.source = source_of(options, arena)};
    cf_status status = cf_json_records_read(bytes, &self->source, &self->records, error);
    if (!status)
        *out = self;
    return status;
}

static void close_file(void *file)
{
    cf_json_records_destroy(&((json_file *)file)->records);
}

static cf_status rows(void *file, const cf_record_file **out, cf_error *error)
{
    (void)error;
    *out = cf_json_records_rows(((json_file *)file)->records);
    return CF_OK;
}

/* Every table there may be; what stands beside records only where these have a place of their own;
 * and of records what has another name than the member that is their key. */
static cf_row_format format_of(const cf_record_options *options, cf_arena *arena)
{
    const cf_json_source source = source_of(options, arena);
    cf_format_table *tables = cf_arena_allocate(arena, 2, sizeof *tables);
    cf_buffer without = {0};

    cf_buffer_append_text(&without, CF_COLUMNS);
    cf_buffer_append(&without, source.pointer.data, source.pointer.size);
    tables[0] = (cf_format_table){.name = cf_bytes_of_text(CF_TABLE_DOCUMENT),
                                  .lacks = !source.beside.size,
                                  .whole = true,
                                  .without = cf_arena_copy(arena, cf_buffer_view(&without))};
    cf_buffer_clear(&without);
    cf_buffer_append_text(&without, CF_COLUMNS);
    cf_pointer_add(source.key, &without);
    tables[1] = (cf_format_table){.name = source.table,
                                  .whole = true,
                                  .without = cf_arena_copy(arena, cf_buffer_view(&without))};
    cf_buffer_release(&without);
    return (cf_row_format){.whole = true, .tables = tables, .count = source.key.size ? 2 : 1};
}

static cf_status holds(const cf_record_options *options, void *file, cf_arena *arena,
                       cf_row_format *out, cf_error *error)
{
    (void)file;
    (void)error;
    if (options->map)
        cf_record_map_meet(options->map, NULL, arena, out);
    else
        *out = format_of(options, arena);
    return CF_OK;
}

/* ---- Writing ---- */

static cf_status write(void *file, const cf_row *wanted, size_t count, cf_buffer *out,
                       cf_error *error)
{
    return cf_json_records_write(((json_file *)file)->records, wanted, count, out, error);
}

/* A document has no key, and each of its objects one of one part. */
static bool keeps(const cf_record_options *options, cf_bytes table, cf_bytes key)
{
    return cf_record_is_document(&cf_adapter_json, options->key_count, table)
               ? !cf_record_key_says_any(key, 1)
               : cf_record_key_parts(key) == 1;
}

static cf_status mend(cf_bytes bytes, cf_buffer *out, cf_error *error)
{
    cf_error ignored;
    cf_json json;

    (void)error;
    if (cf_json_read(bytes, &json, &ignored))
        return CF_OK; /* nobody knows which of it is whole */
    cf_json_release(&json);
    cf_buffer_append(out, bytes.data, bytes.size);
    return CF_OK;
}

static const cf_record_adapter records = {
    .read = read,
    .open = open_file,
    .close = close_file,
    .rows = rows,
    .write = write,
    .holds = holds,
    .keeps = keeps,
    .mend = mend,
};

static const char *const tables[] = {CF_TABLE_RECORDS, CF_TABLE_DOCUMENT, CF_TABLE_CONTACTS,
                                     CF_TABLE_EVENTS,  CF_TABLE_TASKS,    NULL};

const cf_adapter cf_adapter_json = {
    .name = "json",
    .what = "records",
    .item = "record",
    .usage =
        "--format json alone: the document is one record; --key NAME: it is an array of objects "
        "with this member; --key /POINTER/NAME: the array is there; --key /POINTER/: an object "
        "is there whose member names are the keys. A collection may be csv here and json there. "
        "Contacts, events and tasks are JSContact or JSCalendar objects, an array of them or an "
        "object of them by UID.",
    .storage = CF_STORAGE_FILE,
    .keying = CF_KEYING_MEMBER,
    .mapping = CF_MAPPING_OBJECTS,
    .cutting = CF_CUTTING_NONE,
    .tables = tables,
    .tables_text = "records and the document (or contacts, events, tasks)",
    .schema = &cf_schema_records,
    .looks = looks,
    .is_vague = true,
    .records = &records,
};
