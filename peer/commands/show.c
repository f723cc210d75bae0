/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "peer/commands/keep_shown.h"
#include "peer/commands/named_record.h"
#include "peer/commands/shown_record.h"
#include "peer/records/row_same.h"
#include "peer/commands/value_shown.h"
#include "peer/log/catalog.h"
#include "peer/log/record_names.h"
#include "peer/commands/verbs.h"

#include <stdlib.h>

/* What was asked for. */
typedef struct {
    cf_run *run;
    cf_peer *peer;
    cf_named_record named;
    cf_collection *collection;
    cf_hidden_names names;
    const cf_row_view *view; /* of these */
    cf_bytes called;         /* of what was typed the name of the record */
    cf_bytes field;          /* of it as people name it; nothing: all */
    uint64_t most;           /* of its history */
    cf_ids items;            /* that are called so */
    cf_arena arena;
} showing;

/* ---- Which are called so ---- */

static bool is_called(cf_bytes path, cf_bytes table, cf_bytes key, uint8_t kind)
{
    cf_buffer own = {0};

    cf_record_path(kind, table, key, &own);
    const bool same = cf_bytes_equal(cf_buffer_view(&own), path);
    cf_buffer_release(&own);
    return same;
}

/* One that can't be shown has the key that it wishes for. */
static void add_hidden(showing *self, cf_bytes path)
{
    size_t count;
    const cf_row_held *held = cf_row_view_held(self->view, &count);

    for (size_t i = 0; i < count; i++) {
        const cf_row *row = &held[i].row;

        if (!cf_id_equal(&row->item, &self->named.item) &&
            is_called(path, row->table, row->key, row->item.bytes[0]))
            cf_ids_add(&self->items, &row->item);
    }
}

static void add_if_was_called(void *context, const cf_id *item)
{
    showing *self = context;
    cf_buffer path = {0};

    if (!cf_item_is_record(item))
        return;
    cf_item_path(self->collection, item, &path);
    if (cf_bytes_equal(cf_buffer_view(&path), self->called))
        cf_ids_add(&self->items, item);
    cf_buffer_release(&path);
}

/* A record that is no more: by all of what was typed, or by what stands before one of the slashes;
 * a key may have some, and so may a field. */
static void find_former(showing *self)
{
    const cf_bytes path = self->named.path;

    for (size_t size = path.size; size && !self->items.count; size--) {
        if (size < path.size && path.data[size] != '/')
            continue;
        self->called = cf_bytes_of(path.data, size);
        cf_state_each(self->collection->state, add_if_was_called, self);
    }
}

/* KEY/FIELD. */
static void split_field(showing *self)
{
    const cf_bytes path = self->named.path;

    if (self->named.is_field)
        self->field = cf_bytes_of(path.data + 1, path.size - 1);
    else if (self->called.size && self->called.size < path.size)
        self->field =
            cf_bytes_of(path.data + self->called.size + 1, path.size - self->called.size - 1);
}

/* Of rows that are one (peer/records/row_same.h) the first tells of all. */
static void keep_first(showing *self)
{
    size_t kept = 0;

    for (size_t i = 0; i < self->items.count; i++) {
        const cf_id one = *cf_row_view_one(self->view, &self->items.at[i]);
        bool known = false;

        for (size_t k = 0; k < kept && !known; k++)
            known = cf_id_equal(&self->items.at[k], &one);
        if (!known)
            self->items.at[kept++] = one;
    }
    self->items.count = kept;
}

static cf_status say_missing(const showing *self, cf_error *error)
{
    const char *typed = self->run->options.arguments[0];

    if (self->named.bound)
        return cf_fail(error, CF_MISSING,
                       "%.100s is no record: `counterfoil log %.100s` tells of files", typed,
                       typed);
    return cf_fail(error, CF_MISSING,
                   "the log knows no record %s; `counterfoil status` lists what is not synced",
                   typed);
}

static cf_status find_items(showing *self, cf_error *error)
{
    const cf_named_record *named = &self->named;
    cf_id document;

    if (named->row.size)
        cf_ids_add(&self->items, &named->item);
    else if (!named->path.size && cf_record_named(self->collection, named->path, &document))
        cf_ids_add(&self->items, &document); /* a document that is one record has no key */
    else if (named->is_field)
        cf_ids_add(&self->items, &named->item);
    self->called = named->row.size ? named->row : named->path;
    add_hidden(self, self->called);
    if (!self->items.count)
        find_former(self);
    keep_first(self);
    split_field(self);
    return self->items.count ? CF_OK : say_missing(self, error);
}

/* ---- As text ---- */

static const char *device_of(showing *self, const cf_record_write *write)
{
    return cf_catalog_device_name(self->peer, &write->device, &self->arena);
}

static const char *name_of(showing *self, const cf_shown_record *record, cf_bytes field)
{
    char shown[CF_NAME_SHOWN];
    cf_buffer text = {0};

    cf_shown_field_text(record, field, &text);
    cf_name_show(cf_buffer_view(&text), shown);
    cf_buffer_release(&text);
    return cf_arena_text(&self->arena, cf_bytes_of_text(shown));
}

static bool is_asked_for(const showing *self, const cf_shown_record *record,
                         const cf_shown_value *one)
{
    return !self->field.size ||
           cf_shown_value_is_of(record, one->field, one->value.value, self->field);
}

/* A deletion is one of each field. */
static bool is_step(const showing *self, const cf_shown_record *record,
                    const cf_record_write *write)
{
    return cf_shown_write_is_data(write) && (!self->field.size || !write->field.size ||
                                             cf_shown_write_is_of(record, write, self->field));
}

static void print_value(showing *self, const cf_shown_record *record, const cf_shown_value *one,
                        const char *note)
{
    char time[CF_TIME_TEXT] = "";
    cf_buffer value = {0};

    if (!is_asked_for(self, record, one))
        return;
    (self->field.size ? cf_value_shown_append_whole
                      : cf_value_shown_append)(&one->value, "a row that is gone", &value);
    cf_buffer_append(&value, "", 1);
    if (one->by)
        cf_time_show(one->by->time_ms, time);
    cf_print(&self->run->output, "  %s%s: %s%s%s%s%s%s\n", name_of(self, record, one->field), note,
             (const char *)value.data, one->by ? "  (" : "",
             one->by ? device_of(self, one->by) : "", one->by ? ", " : "", one->by ? time : "",
             one->by ? ")" : "");
    cf_buffer_release(&value);
}

static void append_written(showing *self, const cf_record_write *write, cf_buffer *out)
{
    const cf_told_value value = cf_shown_value_of(&self->names, write, &self->arena);

    cf_value_shown_append(&value, write->value.size ? "a row that is gone" : "nothing", out);
}

/* ` "Ann"`, or ` "Ann", "Anja"`: what the write replaced. How many these are. */
static size_t append_replaced(showing *self, const cf_record_past *past,
                              const cf_record_write *write, cf_buffer *out)
{
    size_t count = 0;

    for (size_t i = 0; i < write->over_count; i++) {
        const cf_record_write *was = cf_record_past_find(past, write->field, &write->over[i]);

        if (!was || !was->value.size)
            continue;
        cf_buffer_append_text(out, "%s", count++ ? ", " : " ");
        append_written(self, was, out);
    }
    return count;
}

/* ` "Anna"`, or ` "Ann" -> "Anna"`, or ` "Anna" -> nothing`, or ` "Anna" stays, "Ann" is given up`.
 */
static void append_step(showing *self, const cf_record_past *past, const cf_record_write *write,
                        cf_buffer *out)
{
    const cf_record_write *kept =
        write->value.size ? NULL : cf_record_past_kept(past, (size_t)(write - past->at));

    if (kept) {
        cf_buffer_append_text(out, " ");
        append_written(self, kept, out);
        cf_buffer_append_text(out, " stays,");
        const size_t count = append_replaced(self, past, write, out);
        cf_buffer_append_text(out, " %s given up", count == 1 ? "is" : "are");
        return;
    }
    cf_buffer_append_text(out, append_replaced(self, past, write, out) ? " -> " : " ");
    append_written(self, write, out);
}

static void print_step(showing *self, const cf_shown_record *record, const cf_record_write *write)
{
    char id[2 * CF_HASH_SIZE + 1], time[CF_TIME_TEXT];
    cf_buffer step = {0};

    cf_hex(cf_bytes_of(write->entry.hash.bytes, CF_HASH_SIZE), id);
    id[CF_ENTRY_ID_TEXT] = '\0';
    cf_time_show(write->time_ms, time);
    if (write->field.size) {
        cf_buffer_append_text(&step, "%s:", name_of(self, record, write->field));
        append_step(self, &record->past, write, &step);
    } else {
        cf_buffer_append_text(&step, "deleted");
    }
    cf_buffer_append(&step, "", 1);
    cf_print(&self->run->output, "  %s %s %s %s\n", id, time, device_of(self, write),
             (const char *)step.data);
    cf_buffer_release(&step);
}

static void print_history(showing *self, const cf_shown_record *record)
{
    uint64_t left = self->most;

    for (size_t i = record->past.count; i-- > 0 && left;) {
        const cf_record_write *write = &record->past.at[i];

        if (!is_step(self, record, write))
            continue;
        if (left-- == self->most)
            cf_print(&self->run->output, "history, newest first:\n");
        print_step(self, record, write);
    }
}

static void print_record(showing *self, const cf_shown_record *record)
{
    char path[CF_NAME_SHOWN], title[CF_NAME_SHOWN];

    cf_name_show(record->path, path);
    cf_name_show(cf_bytes_of_text(record->title ? record->title : ""), title);
    cf_print(&self->run->output, "%s//%s%s%s%s%s%s\n", self->named.name, path,
             record->title ? " \"" : "", title, record->title ? "\"" : "",
             record->standing == CF_RECORD_IS_DELETED  ? ": deleted; it said"
             : record->standing == CF_RECORD_IS_HIDDEN ? ": hidden: "
                                                       : "",
             record->why ? record->why : "");
    for (size_t i = 0; i < record->value_count; i++)
        print_value(self, record, &record->values[i], "");
    for (size_t i = 0; i < record->other_count; i++)
        print_value(self, record, &record->others[i], ", not shown");
    print_history(self, record);
}

/* ---- As JSON ---- */

static void add_writer(showing *self, json_t *object, const cf_record_write *write)
{
    char id[2 * CF_HASH_SIZE + 1], time[CF_TIME_TEXT];

    if (!write)
        return;
    cf_hex(cf_bytes_of(write->entry.hash.bytes, CF_HASH_SIZE), id);
    id[CF_ENTRY_ID_TEXT] = '\0';
    cf_time_show(write->time_ms, time);
    json_object_set_new(object, "entry", json_string(id));
    json_object_set_new(object, "time", json_string(time));
    json_object_set_new(object, "device", json_string(device_of(self, write)));
}

static json_t *field_json(showing *self, const cf_shown_record *record, cf_bytes field)
{
    return cf_json_name(cf_bytes_of_text(name_of(self, record, field)));
}

static json_t *values_json(showing *self, const cf_shown_record *record, const cf_shown_value *at,
                           size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        if (!is_asked_for(self, record, &at[i]))
            continue;
        json_t *one = json_pack("{s:o, s:o}", "field", field_json(self, record, at[i].field),
                                "value", cf_value_shown_json(&at[i].value));
        add_writer(self, one, at[i].by);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *from_json(showing *self, const cf_shown_record *record, const cf_record_write *write)
{
    json_t *list = json_array();

    for (size_t i = 0; i < write->over_count; i++) {
        const cf_record_write *was =
            cf_record_past_find(&record->past, write->field, &write->over[i]);

        if (!was || !was->value.size)
            continue;
        const cf_told_value value = cf_shown_value_of(&self->names, was, &self->arena);
        json_array_append_new(list, cf_value_shown_json(&value));
    }
    return list;
}

static json_t *history_json(showing *self, const cf_shown_record *record)
{
    json_t *list = json_array();
    uint64_t left = self->most;

    for (size_t i = record->past.count; i-- > 0 && left;) {
        const cf_record_write *write = &record->past.at[i];
        const cf_told_value to = cf_shown_value_of(&self->names, write, &self->arena);
        json_t *one;

        if (!is_step(self, record, write))
            continue;
        one = json_pack("{s:s}", "change", write->field.size ? "written" : "deleted");
        add_writer(self, one, write);
        if (write->field.size) {
            json_object_set_new(one, "field", field_json(self, record, write->field));
            json_object_set_new(one, "from", from_json(self, record, write));
            json_object_set_new(one, "to", cf_value_shown_json(&to));
        }
        json_array_append_new(list, one);
        left--;
    }
    return list;
}

static json_t *record_json(showing *self, const cf_shown_record *record)
{
    static const char *const standings[] = {[CF_RECORD_IS_SHOWN] = "shown",
                                            [CF_RECORD_IS_HIDDEN] = "hidden",
                                            [CF_RECORD_IS_DELETED] = "deleted"};
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:s*, s:s*, s:o, s:o, s:o}", "collection", self->named.name,
                  "path", cf_json_name(record->path), "standing", standings[record->standing],
                  "why", record->why, "title", record->title, "values",
                  values_json(self, record, record->values, record->value_count), "not_shown",
                  values_json(self, record, record->others, record->other_count), "history",
                  history_json(self, record));

    return object;
}

/* ---- The verb ---- */

/* A name that was typed wrong is no field that says nothing. */
static cf_status say_unknown(const showing *self, cf_bytes names, cf_error *error)
{
    enum { NAMES_MAX = 120 };
    char field[CF_NAME_SHOWN], record[CF_NAME_SHOWN], known[CF_NAME_SHOWN];

    cf_name_show(self->field, field);
    cf_name_show(self->called, record);
    cf_name_show(names.size > NAMES_MAX ? cf_bytes_of(names.data, NAMES_MAX) : names, known);
    return cf_fail(error, CF_MISSING, "%s//%s has no field '%s': it has %s%s", self->named.name,
                   record, field, names.size ? known : "none", names.size > NAMES_MAX ? "..." : "");
}

static void show_one(showing *self, const cf_shown_record *record, json_t *list)
{
    if (self->run->json)
        json_array_append_new(list, record_json(self, record));
    else
        print_record(self, record);
}

static cf_status show_all(showing *self, cf_error *error)
{
    json_t *list = json_array();
    cf_status status = CF_OK;
    cf_buffer names = {0};
    size_t shown = 0;

    for (size_t i = 0; !status && i < self->items.count; i++) {
        cf_shown_record record;

        status = cf_shown_record_read(self->peer, self->collection, &self->names,
                                      &self->items.at[i], &self->arena, &record, error);
        if (!status &&
            (!self->field.size || cf_shown_field_find(&record, self->view, self->field, &names))) {
            show_one(self, &record, list);
            shown++;
        }
        cf_shown_record_release(&record);
    }
    if (!status && !shown)
        status = say_unknown(self, cf_buffer_view(&names), error);
    if (!status && self->run->json)
        cf_print_json(&self->run->output, json_incref(list));
    json_decref(list);
    cf_buffer_release(&names);
    return status;
}

static cf_status open(showing *self, cf_error *error)
{
    const char *limit = cf_options_value(&self->run->options, "number");
    cf_status status = cf_run_check_count(self->run, 1, 1, error);

    self->most = UINT64_MAX;
    if (!status && limit)
        status = cf_number_read(limit, &self->most, error);
    if (!status)
        status = cf_named_record_read(self->run, self->run->options.arguments[0], &self->arena,
                                      &self->named, error);
    if (!status)
        status = cf_peer_collection(self->peer, &self->named.collection, &self->collection, error);
    if (!status)
        status = cf_hidden_names_know(self->run, &self->named.collection, &self->names, error);
    if (status)
        return status;
    cf_keep_say(self->run, &self->named.collection);
    self->view = self->names.view;
    return CF_OK;
}

static cf_status start(cf_run *run, cf_error *error)
{
    showing self = {.run = run, .peer = cf_loop_peer(run->loop)};

    cf_status status = open(&self, error);
    if (!status)
        status = find_items(&self, error);
    if (!status)
        status = show_all(&self, error);
    cf_hidden_names_release(&self.names);
    free(self.items.at);
    cf_arena_release(&self.arena);
    return status;
}

static const cf_option options[] = {
    {"number", 'n', "N", "the newest N of its history only"},
    {0},
};

const cf_verb cf_verb_show = {
    .name = "show",
    .usage = "show COLLECTION//KEY[/FIELD] [-n N]",
    .summary = "Shows a record: what it says, what it doesn't show, and who wrote what",
    .more = "Of a database KEY is TABLE/KEY. A record that no source can show, and one that was "
            "deleted, is shown as well, with what it said last. Of several that are called so each "
            "is shown. With FIELD all of a long value is shown.",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .start = start,
};
