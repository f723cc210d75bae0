/* SPDX-License-Identifier: Apache-2.0 */
/* The format icalendar: events and tasks. */
#include "peer/adapters/record_adapter.h"

#include "peer/adapters/icalendar.h"
#include "peer/adapters/text/content_lines_edit.h"

static bool looks(cf_bytes bytes)
{
    return cf_format_begins(bytes, "BEGIN:VCALENDAR");
}

static cf_status read(const cf_record_options *options, cf_bytes bytes, cf_record_file *out,
                      cf_error *error)
{
    (void)options;
    return cf_icalendar_rows_read(bytes, out, error);
}

static cf_status open_file(const cf_record_options *options, cf_bytes bytes, cf_arena *arena,
                           void **out, cf_error *error)
{
    cf_icalendar_document *document;

    (void)options;
    (void)arena;
    cf_status status = cf_icalendar_document_read(bytes, &document, error);
    if (!status)
        *out = document;
    return status;
}

static void close_file(void *file)
{
    cf_icalendar_document *document = file;

    cf_icalendar_document_destroy(&document);
}

static cf_status rows(void *file, const cf_record_file **out, cf_error *error)
{
    (void)error;
    *out = cf_icalendar_document_rows(file);
    return CF_OK;
}

static cf_status write(void *file, const cf_row *wanted, size_t count, cf_buffer *out,
                       cf_error *error)
{
    (void)error;
    cf_icalendar_document_write(file, wanted, count, out);
    return CF_OK;
}

static cf_status holds(const cf_record_options *options, void *file, cf_arena *arena,
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

    (void)options;
    (void)file;
    (void)arena;
    (void)error;
    *out = (cf_row_format){.tables = calendar, .count = 2};
    return CF_OK;
}

static cf_status mend(cf_bytes bytes, cf_buffer *out, cf_error *error)
{
    return cf_content_lines_mend(bytes, "VCALENDAR", out, error);
}

static const cf_record_adapter records = {
    .read = read,
    .open = open_file,
    .close = close_file,
    .rows = rows,
    .write = write,
    .holds = holds,
    .mend = mend,
    .speak = cf_icalendar_speak,
};

static const char *const tables[] = {CF_TABLE_EVENTS, CF_TABLE_TASKS, NULL};

const cf_adapter cf_adapter_icalendar = {
    .name = "icalendar",
    .what = "events and tasks",
    .item = "event or task",
    .usage =
        "--format icalendar: events and tasks, in one file or in a folder of files as "
        "vdirsyncer, khal and todoman use it. The UID says which one it is. Elsewhere they may "
        "be csv or json.",
    .storage = CF_STORAGE_FILE_OR_FOLDER,
    .keying = CF_KEYING_UID,
    .mapping = CF_MAPPING_NONE,
    .cutting = CF_CUTTING_PARTS,
    .extension = ".ics",
    .tables = tables,
    .tables_text = "events and tasks",
    .schema = &cf_schema_calendar,
    .columns = &cf_known_events,
    .looks = looks,
    .records = &records,
};
