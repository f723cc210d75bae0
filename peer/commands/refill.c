/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/refill.h"

#include "broker/platform/names.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/record_format.h"
#include "peer/bindings/files_root.h"
#include "peer/sources/records/record_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEPTH_MAX = 256, TRIES_MAX = 100, TIME_TEXT = 40, COLUMNS_NAMED = 10 };
enum { SHUT = 1 << 16 }; /* beside a mode, which may be 0 */

typedef struct {
    cf_bytes path;
    bool is_folder;
    bool is_known; /* the log has its content, under another name */
    bool is_large; /* the log knows its content, perhaps, and not where that may be had */
} own_thing;

typedef struct {
    const cf_refill *of;
    cf_arena arena;
    own_thing *things; /* of a folder, ascending by path */
    cf_row *rows;      /* of records */
    size_t count, capacity;
    size_t columns;       /* in which records get back what they had */
    char name[TIME_TEXT]; /* of the folder for all that is put aside now */
    char shown[CF_ERROR_TEXT];
    cf_folder *root, *aside;
} putting;

/* ---- Where to ---- */

/* What is put aside is not to be lost with the power. */
static cf_status make_durable(cf_files *files, const cf_folder *folder, cf_error *error)
{
    return files->sync_folder(files, folder, error);
}

static cf_status open_or_make(cf_files *files, const cf_folder *parent, cf_bytes name,
                              cf_folder **out, cf_error *error)
{
    cf_status status = files->make_folder(files, parent, name, 0700, error);

    if (status && status != CF_CHANGED)
        return status;
    status = make_durable(files, parent, error);
    return status ? status : files->open_folder(files, parent, name, out, error);
}

/* One of its own, by the time: what was put aside before is left alone. */
static cf_status make_new(putting *self, const cf_folder *kept, cf_error *error)
{
    cf_files *files = self->of->peer->env->files;
    time_t now = (time_t)(self->of->peer->env->now_ms(self->of->peer->env->context) / 1000);
    cf_status status = CF_CHANGED;
    char text[24];
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%SZ", &utc);
    for (int i = 1; status == CF_CHANGED && i <= TRIES_MAX; i++) {
        snprintf(self->name, sizeof self->name, i == 1 ? "%s" : "%s-%d", text, i);
        status = files->make_folder(files, kept, cf_bytes_of_text(self->name), 0700, error);
    }
    if (!status)
        status = make_durable(files, kept, error);
    if (!status)
        status = files->open_folder(files, kept, cf_bytes_of_text(self->name), &self->aside, error);
    return status;
}

/* When the first thing goes there. */
static cf_status open_aside(putting *self, cf_error *error)
{
    const cf_refill *of = self->of;
    cf_files *files = of->peer->env->files;
    bool is_folder = cf_binding_is_folder(of->binding);
    const char *top = is_folder ? of->binding->path : cf_home_shown(of->peer->home);
    cf_folder *own = NULL, *kept = NULL;

    if (self->aside)
        return CF_OK;
    cf_status status = files->open_root(files, top, &self->root, error);
    if (!status && is_folder)
        status = open_or_make(files, self->root, cf_bytes_of_text(CF_OWN_FOLDER), &own, error);
    if (!status)
        status = open_or_make(files, own ? own : self->root, cf_bytes_of_text(CF_KEPT_FOLDER),
                              &kept, error);
    if (!status)
        status = make_new(self, kept, error);
    snprintf(self->shown, sizeof self->shown, "%s/%s" CF_KEPT_FOLDER "/%s", top,
             is_folder ? CF_OWN_FOLDER "/" : "", self->name);
    files->close_folder(files, &kept);
    files->close_folder(files, &own);
    return status;
}

static void name_it(const putting *self, const own_thing *thing)
{
    char shown[CF_NAME_SHOWN];

    cf_name_show(thing->path, shown);
    cf_say(&self->of->run->output, "%s: %s; it is kept in %s", shown,
           thing->is_known   ? "the log has it under another name"
           : thing->is_large ? "the log has no such version here, or its bytes may be nowhere else"
                             : "it is no version that the log has",
           self->shown);
}

/* ---- Files ---- */

static void add_thing(void *context, cf_bytes path, bool is_folder, bool is_known)
{
    putting *self = context;

    *cf_one_more(self->things, self->count, self->capacity) = (own_thing){
        .path = cf_arena_copy(&self->arena, path), .is_folder = is_folder, .is_known = is_known};
}

static size_t split(cf_bytes path, cf_bytes names[DEPTH_MAX])
{
    size_t count = 0, at = 0;

    while (at <= path.size && count < DEPTH_MAX) {
        const uint8_t *from = path.data + at;
        const uint8_t *slash = memchr(from, '/', path.size - at);
        size_t size = slash ? (size_t)(slash - from) : path.size - at;

        names[count++] = cf_bytes_of(from, size);
        at += size + 1;
    }
    return at > path.size ? count : 0;
}

/* The same folders as those above it in the source. */
static cf_status open_above(putting *self, const cf_bytes *names, size_t count, cf_hold *out,
                            cf_error *error)
{
    cf_files *files = self->of->peer->env->files;
    cf_hold hold = {self->aside, NULL};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++) {
        cf_folder *below = NULL;

        status = open_or_make(files, hold.folder, names[i], &below, error);
        cf_hold_release(&hold, files);
        hold = (cf_hold){below, below};
    }
    *out = hold;
    return status;
}

typedef struct {
    const cf_folder *folder;
    cf_bytes name;
} place;

/* Makes a folder of our own writable for a moment. `mode`: the one that it had; 0: nothing was
 * done. */
static void open_for_move(cf_files *files, const place *at, uint32_t *mode)
{
    cf_stat now;
    cf_error ignored;

    *mode = 0;
    if (files->stat(files, at->folder, at->name, &now, &ignored) == CF_OK &&
        now.kind == CF_FILE_FOLDER && (now.mode & 0700) != 0700 &&
        files->set_mode(files, at->folder, at->name, (now.mode & 07777) | 0700, &ignored) == CF_OK)
        *mode = (now.mode & 07777) | SHUT;
}

static void shut_again(cf_files *files, const place *at, uint32_t mode)
{
    cf_error ignored;

    if (mode)
        files->set_mode(files, at->folder, at->name, mode & 07777, &ignored);
}

/* A folder says which one it is in, so it has to be writable itself where it moves. */
static cf_status rename_shut(cf_files *files, const place *above, const place *from,
                             const place *to, cf_error *error)
{
    uint32_t mode_above = 0, mode = 0;

    if (above->folder)
        open_for_move(files, above, &mode_above);
    open_for_move(files, from, &mode);
    cf_status status =
        cf_files_rename(files, from->folder, from->name, to->folder, to->name, error);
    shut_again(files, status ? from : to, mode);
    if (above->folder)
        shut_again(files, above, mode_above);
    return status;
}

static bool is_large(cf_files *files, const place *at)
{
    cf_stat now;
    cf_error ignored;

    return files->stat(files, at->folder, at->name, &now, &ignored) == CF_OK &&
           now.kind == CF_FILE_REGULAR && now.size > CF_INLINE_MAX;
}

static cf_status move(putting *self, own_thing *thing, cf_error *error)
{
    cf_files *files = self->of->peer->env->files;
    cf_bytes names[DEPTH_MAX];
    size_t count = split(thing->path, names);
    cf_hold above = {0}, from = {0}, to = {0};

    if (!count)
        return cf_fail(error, CF_TOO_LARGE, "it lies more than %d folders deep", DEPTH_MAX);
    cf_status status = open_aside(self, error);
    if (!status && count > 1)
        status = cf_hold_path(files, self->root, names, count - 2, &above, error);
    if (!status)
        status = cf_hold_path(files, self->root, names, count - 1, &from, error);
    if (!status)
        thing->is_large = is_large(files, &(place){from.folder, names[count - 1]});
    if (!status)
        status = open_above(self, names, count - 1, &to, error);
    if (!status)
        status = rename_shut(files, &(place){above.folder, names[count > 1 ? count - 2 : 0]},
                             &(place){from.folder, names[count - 1]},
                             &(place){to.folder, names[count - 1]}, error);
    if (!status)
        status = make_durable(files, to.folder, error);
    if (!status)
        status = make_durable(files, from.folder, error);
    cf_hold_release(&above, files);
    cf_hold_release(&from, files);
    cf_hold_release(&to, files);
    return status;
}

static bool lies_in(cf_bytes path, cf_bytes folder)
{
    return folder.size && path.size > folder.size && path.data[folder.size] == '/' &&
           memcmp(path.data, folder.data, folder.size) == 0;
}

/* A folder goes with all that is in it, unless that may not be asked for. */
static cf_status move_things(putting *self, cf_error *error)
{
    bool whole = !cf_include_limits(self->of->binding->matcher);
    cf_bytes moved = {0};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < self->count; i++) {
        own_thing *thing = &self->things[i];

        if (!lies_in(thing->path, moved) && (whole || !thing->is_folder)) {
            status = move(self, thing, error);
            moved = whole && thing->is_folder ? thing->path : moved;
        }
        if (!status && !thing->is_folder)
            name_it(self, thing);
    }
    return status;
}

static cf_status put_files_aside(putting *self, cf_error *error)
{
    cf_comparison ignored;

    cf_status status =
        cf_compare_folder(self->of->peer, self->of->binding, add_thing, self, &ignored, error);
    self->of->binding->meets |= CF_MEETS_OLD;
    return status ? status : move_things(self, error);
}

/* ---- Rows ---- */

static void add_row(void *context, const cf_row *row)
{
    putting *self = context;

    *cf_one_more(self->rows, self->count, self->capacity) = cf_row_copy(row, &self->arena);
}

static void name_column(void *context, cf_bytes field, size_t count)
{
    putting *self = context;
    const bool is_column = cf_adapter_of(self->of->binding->format)->mapping == CF_MAPPING_COLUMNS;
    cf_buffer name = {0};
    char shown[CF_NAME_SHOWN];

    if (++self->columns > COLUMNS_NAMED)
        return;
    cf_record_field_text(field, &name);
    cf_name_show(cf_buffer_view(&name), shown);
    cf_say(
        &self->of->run->output,
        "%s %s: %zu record%s get%s back what the log has there; what else was done to %s is kept",
        is_column ? "column" : "member", shown, count, count == 1 ? "" : "s", count == 1 ? "s" : "",
        count == 1 ? "it" : "them");
    cf_buffer_release(&name);
}

static void append_cell(cf_buffer *out, cf_bytes text, bool first)
{
    cf_buffer_append_text(out, first ? "\"" : ",\"");
    for (size_t i = 0; i < text.size; i++)
        cf_buffer_append(out, text.data[i] == '"' ? "\"\"" : (const char *)&text.data[i],
                         text.data[i] == '"' ? 2 : 1);
    cf_buffer_append(out, "\"", 1);
}

/* Of several values what JSON says of them. */
static void append_values(cf_buffer *out, const cf_row_field *field)
{
    cf_buffer text = {0};

    if (field && field->count == 1)
        cf_value_text(field->values[0], &text);
    for (size_t i = 0; field && field->count > 1 && i < field->count; i++) {
        cf_buffer_append_text(&text, i ? "," : "[");
        cf_value_json(field->values[i], &text);
    }
    if (field && field->count > 1)
        cf_buffer_append_text(&text, "]");
    append_cell(out, cf_buffer_view(&text), false);
    cf_buffer_release(&text);
}

/* The names of all fields that rows of the table have, once each. */
static size_t fields_of(const putting *self, cf_bytes table, cf_bytes *names)
{
    size_t count = 0;

    for (size_t i = 0; i < self->count; i++)
        for (size_t k = 0;
             cf_bytes_equal(self->rows[i].table, table) && k < self->rows[i].field_count; k++) {
            size_t at = 0;

            while (at < count && !cf_bytes_equal(names[at], self->rows[i].fields[k].name))
                at++;
            if (at == count)
                names[count++] = self->rows[i].fields[k].name;
        }
    return count;
}

static void append_table(putting *self, cf_bytes table, cf_buffer *out)
{
    size_t most = 0;

    for (size_t i = 0; i < self->count; i++)
        most += self->rows[i].field_count;
    cf_bytes *names = cf_arena_allocate(&self->arena, most, sizeof *names);
    size_t count = fields_of(self, table, names);
    append_cell(out, cf_bytes_of_text("key"), true);
    for (size_t i = 0; i < count; i++) {
        cf_buffer text = {0};

        cf_record_field_text(names[i], &text);
        append_cell(out, cf_buffer_view(&text), false);
        cf_buffer_release(&text);
    }
    cf_buffer_append_text(out, "\r\n");
    for (size_t i = 0; i < self->count; i++) {
        cf_buffer key = {0};

        if (!cf_bytes_equal(self->rows[i].table, table))
            continue;
        cf_value_text(self->rows[i].key, &key);
        append_cell(out, cf_buffer_view(&key), true);
        for (size_t k = 0; k < count; k++)
            append_values(out, cf_row_field_named(&self->rows[i], names[k]));
        cf_buffer_append_text(out, "\r\n");
        cf_buffer_release(&key);
    }
}

/* NAME.csv, of a database NAME.TABLE.csv. */
static cf_status write_table(putting *self, cf_bytes table, cf_error *error)
{
    const cf_binding *binding = self->of->binding;
    cf_files *files = self->of->peer->env->files;
    const bool is_named = cf_adapter_has_own_tables(cf_adapter_of(binding->format));
    cf_buffer name = {0}, text = {0};

    cf_buffer_append_text(&name, "%s", cf_binding_file_name(binding));
    for (size_t i = 0; is_named && i <= table.size; i++)
        cf_buffer_append(&name,
                         i && table.data[i - 1] == '/' ? "_"
                         : i                           ? (const char *)&table.data[i - 1]
                                                       : ".",
                         1);
    cf_buffer_append_text(&name, ".csv");
    append_table(self, table, &text);
    cf_status status = cf_files_write(files, self->aside, cf_buffer_view(&name), 0600,
                                      cf_buffer_view(&text), error);
    cf_buffer_release(&name);
    cf_buffer_release(&text);
    return status;
}

static bool is_first_of_table(const putting *self, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (cf_bytes_equal(self->rows[i].table, self->rows[index].table))
            return false;
    return true;
}

/* As it is: it is cut short, damaged, or something else altogether. */
static cf_status keep_file(void *context, cf_bytes name, cf_bytes bytes, cf_error *error)
{
    putting *self = context;

    cf_status status = open_aside(self, error);
    if (!status)
        status = cf_files_write(self->of->peer->env->files, self->aside, name, 0600, bytes, error);
    if (!status) {
        char shown[CF_NAME_SHOWN];

        cf_name_show(name, shown);
        cf_say(&self->of->run->output,
               "%s: it can't be read as a whole; as it was it is kept in %s", shown, self->shown);
    }
    return status;
}

static cf_status put_rows_aside(putting *self, cf_error *error)
{
    const cf_refill *of = self->of;
    const bool has_rows = cf_adapter_has_own_tables(cf_adapter_of(of->binding->format));

    const cf_refill_visitor visitor = {add_row, name_column, keep_file, self};
    cf_status status = cf_record_source_refill(of->peer, of->binding, &visitor, of->records, error);
    if (self->columns > COLUMNS_NAMED)
        cf_say(&of->run->output, "and %zu more", self->columns - COLUMNS_NAMED);
    if (!status && self->count)
        status = open_aside(self, error);
    for (size_t i = 0; !status && i < self->count; i++)
        if (is_first_of_table(self, i))
            status = write_table(self, self->rows[i].table, error);
    for (size_t i = 0; !status && i < self->count; i++) {
        cf_buffer path = {0};

        cf_binding_row_path(of->binding, has_rows ? CF_KIND_ROW : CF_KIND_RECORD,
                            self->rows[i].table, self->rows[i].key, &path);
        name_it(self, &(own_thing){.path = cf_buffer_view(&path)});
        cf_buffer_release(&path);
    }
    return status;
}

cf_status cf_refill_put_aside(const cf_refill *refill, size_t *count, cf_error *error)
{
    putting self = {.of = refill};
    cf_files *files = refill->peer->env->files;

    cf_status status = cf_format_is_records(refill->binding->format)
                           ? put_rows_aside(&self, error)
                           : put_files_aside(&self, error);
    *count = self.count;
    if (status)
        cf_error_while(error, "putting aside what lies in %s", refill->binding->path);
    files->close_folder(files, &self.aside);
    files->close_folder(files, &self.root);
    free(self.things);
    free(self.rows);
    cf_arena_release(&self.arena);
    return status;
}
