/* SPDX-License-Identifier: Apache-2.0 */
/* What the columns of a CSV file stand for, where its collection or its header tells. */
#include "peer/adapters/record_format.h"
#include "peer/adapters/text/csv_document.h"
#include "peer/commands/addition_inside.h"

typedef struct {
    cf_csv csv;
    cf_bytes *names; /* in the arena; of no columns: there is no such file yet, or it is empty */
    size_t count;
} sheet;

static cf_status read_sheet(cf_addition *self, cf_bytes bytes, sheet *out, cf_error *error)
{
    cf_status status = cf_csv_read(bytes, '\0', &out->csv, error);

    if (status || !out->csv.count)
        return status;
    if (out->csv.records[0].trouble)
        return cf_fail(error, CF_MALFORMED, "line %zu, with the columns' names, %s",
                       out->csv.records[0].number, out->csv.records[0].trouble);
    out->count = out->csv.records[0].fields;
    out->names = cf_arena_allocate(&self->arena, CF_CSV_FIELDS_MAX, sizeof *out->names);
    cf_csv_fields(&out->csv, 0, out->names);
    for (size_t i = 0; i < out->count; i++) {
        cf_buffer name = {0};

        cf_csv_field_read(out->names[i], &name);
        out->names[i] = cf_arena_copy(&self->arena, cf_buffer_view(&name));
        cf_buffer_release(&name);
    }
    return CF_OK;
}

/* ---- A table of nobody knows what ---- */

static bool has_uid(const sheet *file)
{
    for (size_t i = 0; i < file->count; i++)
        if (cf_bytes_equal(file->names[i], cf_bytes_of_text("UID")))
            return true;
    return false;
}

static cf_status refuse(const cf_addition *self, const sheet *file, cf_error *error)
{
    enum { ENOUGH = 90 };
    cf_buffer names = {0};
    size_t i = 0;

    for (; i < file->count && names.size + file->names[i].size < ENOUGH; i++) {
        cf_buffer_append_text(&names, i ? ", " : "");
        cf_buffer_append(&names, file->names[i].data, file->names[i].size);
    }
    cf_status status =
        cf_fail(error, CF_USAGE,
                "--format %s needs --key COLUMN, which says which row it is%s%.*s%s; or --map "
                "FILE, where rows are contacts, events or tasks",
                cf_format_text(self->format), names.size ? ": " : "", (int)names.size,
                names.size ? (const char *)names.data : "", i < file->count ? " ..." : "");
    cf_buffer_release(&names);
    return status;
}

static cf_status recognise(cf_addition *self, const sheet *file, cf_error *error)
{
    const char *program = self->is_new ? cf_record_map_exporter(file->names, file->count) : NULL;

    if (!program)
        return refuse(self, file, error);
    self->holds = cf_format_of_table(cf_bytes_of_text(CF_TABLE_CONTACTS));
    if (!self->run->quiet)
        cf_say(&self->run->output,
               "%s has the columns of %s's export: its rows are contacts (--key COLUMN: plain "
               "records)%s",
               self->path, program,
               has_uid(file) ? "" : "; a column UID is added, which says which row is whose");
    return CF_OK;
}

/* ---- What stands for what ---- */

/* Which columns say anything, in the arena. */
static const bool *find_said(cf_addition *self, const sheet *file)
{
    cf_bytes *spelled = cf_arena_allocate(&self->arena, CF_CSV_FIELDS_MAX, sizeof *spelled);
    bool *said = cf_arena_allocate(&self->arena, file->count, sizeof *said);

    for (size_t i = 1; i < file->csv.count; i++) {
        if (file->csv.records[i].trouble)
            continue;
        cf_csv_fields(&file->csv, i, spelled);
        for (size_t column = 0; column < file->count && column < file->csv.records[i].fields;
             column++)
            said[column] |= spelled[column].size > 0;
    }
    return said;
}

/* Columns without a place elsewhere, if there is anything in them. */
static void say_left(cf_addition *self, const sheet *file, const cf_record_map *map)
{
    const bool *said = find_said(self, file);
    cf_buffer names = {0};

    for (size_t i = 0; i < file->count; i++)
        if (said[i] && !cf_record_map_names(map, file->names[i])) {
            cf_buffer_append_text(&names, names.size ? ", " : "");
            cf_buffer_append(&names, file->names[i].data, file->names[i].size);
        }
    if (names.size && !self->run->quiet)
        cf_say(&self->run->output,
               "what stands for nothing known (--map FILE says for what) stays on this device: "
               "%.*s",
               (int)names.size, (const char *)names.data);
    cf_buffer_release(&names);
}

static cf_status check_columns(cf_addition *self, const cf_record_map *map, const sheet *file,
                               cf_error *error)
{
    cf_format_field *fields = cf_arena_allocate(&self->arena, file->count, sizeof *fields);
    cf_format_table table = {.fields = fields, .field_count = file->count};

    for (size_t i = 0; i < file->count; i++) {
        cf_buffer field = {0};

        cf_column_field(file->names[i], &field);
        fields[i].name = cf_arena_copy(&self->arena, cf_buffer_view(&field));
        cf_buffer_release(&field);
    }
    cf_bytes missing = file->count ? cf_record_map_missing(map, &table) : (cf_bytes){0};
    return missing.size ? cf_fail(error, CF_USAGE, "%s has no column '%.*s', which the map names",
                                  self->path, (int)missing.size, (const char *)missing.data)
                        : CF_OK;
}

/* The map that goes without saying. */
static cf_status choose_default(cf_addition *self, const sheet *file, cf_error *error)
{
    cf_buffer text = {0};

    cf_status status =
        cf_record_map_default(cf_adapter_of(self->holds), file->names, file->count, &text, error);
    self->map = cf_arena_text(&self->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return status;
}

bool cf_addition_is_translated(const cf_addition *self)
{
    return cf_adapter_is_mapped(cf_adapter_of(self->format)) && cf_adapter_of(self->holds)->columns;
}

static cf_status choose(cf_addition *self, const sheet *file, cf_error *error)
{
    const bool said = self->map != NULL;
    cf_record_map *map = NULL;

    cf_status status = said ? CF_OK : choose_default(self, file, error);
    if (status) {
        cf_error_while(error, "%s", self->path);
        return status;
    }
    status = cf_record_map_read(cf_bytes_of_text(self->map), &map, error);
    if (!status)
        status = check_columns(self, map, file, error);
    if (!status && !said)
        say_left(self, file, map);
    if (!status) {
        self->keys[0] = cf_arena_text(&self->arena, cf_record_map_key(map));
        self->key_count = 1;
    }
    cf_record_map_destroy(&map);
    return status;
}

cf_status cf_addition_choose_columns(cf_addition *self, cf_bytes bytes, cf_error *error)
{
    sheet file = {0};

    cf_status status = read_sheet(self, bytes, &file, error);
    if (status)
        cf_error_while(error, "%s", self->path);
    if (!status && !cf_addition_is_translated(self))
        status = recognise(self, &file, error);
    if (status)
        status = cf_addition_refuse_unlike(self, status, error);
    if (!status)
        status = choose(self, &file, error);
    cf_csv_release(&file.csv);
    return status;
}
