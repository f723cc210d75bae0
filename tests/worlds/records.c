/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/records.h"

#include "codec/content.h"
#include "codec/pack.h"
#include "codec/terse.h"
#include "peer/adapters/record_format.h"
#include "peer/log/catalog_schema.h"
#include "peer/records/record_view.h"
#include "peer/records/seats.h"
#include "tests/support/bound_source.h"
#include "tests/worlds/disk_users.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_NUMBER = 2 };

static const struct {
    const char *name; /* and the collection's */
    const char *path, *folder;
    cf_format format;
} kinds[RECORDS_KINDS] = {
    [RECORDS_TABLE] = {"table", "/tables/table.csv", "/tables", CF_FORMAT_CSV},
    [RECORDS_NUMBERS] = {"numbers", "/tables/numbers.csv", "/tables", CF_FORMAT_CSV},
    [RECORDS_CARDS] = {"cards", "/cards", "/cards", CF_FORMAT_VCARD},
    [RECORDS_SETTINGS] = {"settings", "/settings/settings.json", "/settings", CF_FORMAT_JSON},
    [RECORDS_EVENTS] = {"events", "/events", "/events", CF_FORMAT_ICALENDAR},
};

const char *records_path(record_kind kind)
{
    return kinds[kind].path;
}

bool records_are_in(const world *self, record_kind kind)
{
    return self->plan.records >> kind & 1;
}

/* One file for each record, not one for all. */
static bool has_folder(record_kind kind)
{
    return kind == RECORDS_CARDS || kind == RECORDS_EVENTS;
}

static cf_id collection_of(device *of, record_kind kind)
{
    return collection_named(of->engine, kinds[kind].name);
}

/* ---- Binding ---- */

static void make_file(device *self, record_kind kind)
{
    disk_make_folder(self->drive, kinds[kind].folder);
    records_save_table(self, kind, &(cells){0}, true);
}

static void count_up(device *self)
{
    const cf_id collection = collection_of(self, RECORDS_NUMBERS);
    cf_schema_table table = cf_schema_records.tables[0];
    cf_schema schema = {&table, 1};
    cf_error error;

    table.serial = true;
    must(cf_catalog_write_schema(device_peer(self), &collection, &schema, device_now(self), &error),
         &error, "schema");
}

static void bind_one(device *self, record_kind kind)
{
    static const char *const keys[] = {"id"};
    bound_source what = {.collection = kinds[kind].name,
                         .files = self->env.files,
                         .options = {.number = FIRST_NUMBER + (uint32_t)kind,
                                     .format = kinds[kind].format,
                                     .path = kinds[kind].path,
                                     .keys = keys,
                                     .key_count = kinds[kind].format == CF_FORMAT_CSV}};
    cf_id instance;

    if (kind == RECORDS_NUMBERS && self->number == 0)
        count_up(self);
    if (has_folder(kind)) {
        disk_make_folder(self->drive, kinds[kind].path);
        chance_fill(&self->chance, instance.bytes, CF_ID_SIZE);
        what.instance = &instance;
    } else {
        make_file(self, kind);
    }
    bind_source(self->engine, &what);
}

void records_bind(device *self)
{
    for (record_kind kind = 0; kind < RECORDS_KINDS; kind++)
        if (records_are_in(self->in, kind))
            bind_one(self, kind);
    disk_sync(self->drive); /* a table that is made anew has not all columns */
}

cf_binding *records_binding(const device *of, record_kind kind)
{
    return source_numbered(of->engine, FIRST_NUMBER + (uint32_t)kind);
}

bool records_place_read(const char *place, record_kind *kind, char key[96])
{
    char name[16];

    if (sscanf(place, "%15[^/]/%95[^/]", name, key) != 2)
        return false;
    for (*kind = 0; *kind < RECORDS_KINDS; ++*kind)
        if (strcmp(kinds[*kind].name, name) == 0)
            return true;
    return false;
}

/* ---- Files ---- */

typedef struct {
    record_kind kind;
    bool beside;
    cells *out;
} reading;

static void read_one(void *context, const disk_thing *thing)
{
    reading *self = context;
    const char *name = strrchr(kinds[self->kind].path, '/') + 1;
    const char *beside = strstr(thing->path, " (saved ");
    size_t size = beside ? (size_t)(beside - thing->path) : strlen(thing->path);

    if (thing->stat.kind != CF_FILE_REGULAR || self->beside != (beside != NULL))
        return;
    bool is_named =
        !has_folder(self->kind) && size == strlen(name) && memcmp(thing->path, name, size) == 0;

    if (self->kind == RECORDS_CARDS && size > 4 && memcmp(thing->path + size - 4, ".vcf", 4) == 0)
        cells_read_cards(thing->bytes, self->out);
    if (self->kind == RECORDS_EVENTS && size > 4 && memcmp(thing->path + size - 4, ".ics", 4) == 0)
        cells_read_events(thing->bytes, self->out);
    if (is_named && self->kind == RECORDS_SETTINGS)
        cells_read_settings(thing->bytes, self->out);
    else if (is_named)
        cells_read_table(thing->bytes, self->out);
}

static void read_kind(const device *of, record_kind kind, bool beside, cells *out)
{
    reading one = {kind, beside, out};

    *out = (cells){0};
    disk_walk(of->drive, kinds[kind].folder, &(disk_walk_options){.skip = ".counterfoil"}, read_one,
              &one);
    cells_sort(out);
}

void records_read(const device *of, record_kind kind, cells *out)
{
    read_kind(of, kind, false, out);
}

/* ---- Tokens ---- */

/* A value as the state has it. A row that is counted up is known by its values alone. */
static mark mark_of(record_kind kind, const char *key, const char *field, cf_bytes value)
{
    mark token;

    snprintf(token.text, sizeof token.text, "%c %s%s%.12s %016llx", kinds[kind].name[0],
             kind == RECORDS_NUMBERS ? "" : key, kind == RECORDS_NUMBERS ? "" : "/", field,
             (unsigned long long)sum_of_bytes(value));
    return token;
}

/* The identity of its content in the place of a long value. */
static void stand_for(cf_buffer *value)
{
    cf_buffer terse = {0};
    cf_bytes content = cf_terse_write(cf_buffer_view(value), &terse) ? cf_buffer_view(&terse)
                                                                     : cf_buffer_view(value);
    cf_hash hash = cf_content_hash(content);

    cf_buffer_clear(value);
    cf_content_identity_pack(value, &hash, content.size);
    cf_buffer_release(&terse);
}

static void visit_value(record_kind kind, const cell *one, record_visit *visit, void *context)
{
    cf_buffer value = {0};
    char place[96];

    cf_pack_text(&value, cf_bytes_of_text(one->value));
    if (value.size > CF_INLINE_MAX)
        stand_for(&value);
    mark record, token = mark_of(kind, one->key, one->field, cf_buffer_view(&value));
    snprintf(place, sizeof place, "%s/%s/%s", kinds[kind].name, one->key, one->field);
    if (kind == RECORDS_NUMBERS)
        snprintf(record.text, sizeof record.text, "numbers/%.*s", CLERKS_TAG, one->value);
    else
        snprintf(record.text, sizeof record.text, "%s/%.24s", kinds[kind].name, one->key);
    visit(context, place, &token, &record);
    cf_buffer_release(&value);
}

static void visit_all(const device *of, bool beside, record_visit *visit, void *context)
{
    cells there;

    for (record_kind kind = 0; kind < RECORDS_KINDS; kind++) {
        if (!records_are_in(of->in, kind))
            continue;
        read_kind(of, kind, beside, &there);
        for (size_t i = 0; i < there.count; i++)
            if (*there.all[i].field && !cells_is_stamp(there.all[i].field))
                visit_value(kind, &there.all[i], visit, context);
        cells_release(&there);
    }
}

bool records_count_up(const mark *record)
{
    const char *name = kinds[RECORDS_NUMBERS].name;

    return strncmp(record->text, name, strlen(name)) == 0;
}

void records_shown(const device *of, record_visit *visit, void *context)
{
    visit_all(of, false, visit, context);
}

void records_saved_beside(const device *of, record_visit *visit, void *context)
{
    visit_all(of, true, visit, context);
}

/* A line of a card that no field has a word for: the property's name is the field. */
static bool take_line(record_kind kind, const cf_row_conflict *one, cf_buffer *field,
                      cf_buffer *value)
{
    static const char set[] = "/vCardProps"; /* and, with a seat, an entry of it */
    const bool is_in_it =
        one->field.size >= strlen(set) && memcmp(one->field.data, set, strlen(set)) == 0;
    const cf_seat seat = cf_seat_of(CF_KIND_CONTACT, cf_bytes_of_text(set), one->value);

    if (!is_in_it || kind != RECORDS_CARDS || seat.kind == CF_SEAT_NONE || !seat.spelled)
        return false;
    for (size_t i = 0; i < seat.name.size; i++) {
        const char letter = (char)(seat.name.data[i] | 0x20);

        cf_buffer_append(field, seat.name.data[i] == '-' ? "-" : &letter, 1);
    }
    cf_pack_text(value, seat.text);
    return true;
}

/* ---- Events ---- */

static cf_bytes text_in(cf_bytes map, const char *name)
{
    cf_reader reader = cf_reader_of(map);
    cf_bytes key, value, text = {0};
    size_t count;
    cf_error error;

    must(cf_read_map(&reader, &count, &error), &error, name);
    for (size_t i = 0; i < count; i++) {
        must(cf_read_text(&reader, &key, &error), &error, name);
        must(cf_read_value(&reader, &value, &error), &error, name);
        cf_reader inner = cf_reader_of(value);
        if (cf_bytes_equal(key, cf_bytes_of_text(name)))
            must(cf_read_text(&inner, &text, &error), &error, name);
    }
    return text;
}

static uint64_t number_in(cf_bytes map, const char *name)
{
    cf_reader reader = cf_reader_of(map);
    cf_bytes key, value;
    uint64_t number = 0;
    size_t count;
    cf_error error;

    must(cf_read_map(&reader, &count, &error), &error, name);
    for (size_t i = 0; i < count; i++) {
        must(cf_read_text(&reader, &key, &error), &error, name);
        must(cf_read_value(&reader, &value, &error), &error, name);
        cf_reader inner = cf_reader_of(value);
        if (cf_bytes_equal(key, cf_bytes_of_text(name)))
            must(cf_read_uint(&inner, &number, &error), &error, name);
    }
    return number;
}

static void append_text(cf_buffer *out, cf_bytes text)
{
    cf_buffer_append(out, text.data, text.size);
}

static void append_upper(cf_buffer *out, cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        const char letter = (char)(text.data[i] == '-' ? '-' : text.data[i] & ~0x20);

        cf_buffer_append(out, &letter, 1);
    }
}

/* ["attendee", {"cn": "v1"}, "unknown", "mailto:a@b"]    ATTENDEE;CN=v1:mailto:a@b */
static void spell_line(cf_bytes value, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes name, type, text;
    size_t count;
    cf_error error;

    must(cf_read_array(&reader, &count, &error), &error, "line");
    must(cf_read_text(&reader, &name, &error), &error, "line");
    append_upper(out, name);
    must(cf_read_map(&reader, &count, &error), &error, "line");
    for (size_t i = 0; i < count; i++) {
        must(cf_read_text(&reader, &name, &error), &error, "line");
        must(cf_read_text(&reader, &text, &error), &error, "line");
        cf_buffer_append_text(out, ";");
        append_upper(out, name);
        cf_buffer_append_text(out, "=");
        append_text(out, text);
    }
    must(cf_read_text(&reader, &type, &error), &error, "line");
    must(cf_read_text(&reader, &text, &error), &error, "line");
    cf_buffer_append_text(out, ":");
    append_text(out, text);
}

static void spell_rule(cf_bytes value, cf_buffer *out)
{
    cf_buffer_append_text(out, "RRULE:FREQ=");
    append_upper(out, text_in(value, "frequency"));
    cf_buffer_append_text(out, ";COUNT=%llu", (unsigned long long)number_in(value, "count"));
}

static bool begins_with(cf_bytes text, const char *beginning)
{
    return text.size >= strlen(beginning) && memcmp(text.data, beginning, strlen(beginning)) == 0;
}

/* An entry of a set of an event, as the line of a calendar says it. */
static bool take_entry(record_kind kind, const cf_row_conflict *one, cf_buffer *field,
                       cf_buffer *value)
{
    cf_buffer line = {0};
    cells said = {0};

    if (kind != RECORDS_EVENTS)
        return false;
    if (begins_with(one->field, "/iCalProps")) {
        spell_line(one->value, &line);
    } else if (begins_with(one->field, "/recurrenceRules")) {
        spell_rule(one->value, &line);
    } else if (begins_with(one->field, "/locations")) {
        cf_buffer_append_text(&line, "LOCATION:");
        append_text(&line, text_in(one->value, "name"));
    }
    cf_buffer_append(&line, "", 1);
    cells_read_event_line((char *)line.data, "", &said);
    const bool is_said = said.count == 1;
    if (is_said) {
        cf_buffer_append_text(field, "%s", said.all[0].field);
        cf_pack_text(value, cf_bytes_of_text(said.all[0].value));
    }
    cells_release(&said);
    cf_buffer_release(&line);
    return is_said;
}

static void visit_conflict(record_kind kind, const cf_row_conflict *one, record_visit *visit,
                           void *context)
{
    cf_buffer key = {0}, field = {0}, value = {0};
    char place[96];

    if (kind == RECORDS_SETTINGS)
        cf_buffer_append_text(&key, "%s", cells_settings);
    else
        cf_record_key_text(one->row->key, &key);
    if (!take_line(kind, one, &field, &value) && !take_entry(kind, one, &field, &value)) {
        cf_record_field_text(one->field, &field);
        cf_buffer_append(&value, one->value.data, one->value.size);
    }
    cf_buffer_append(&key, "", 1);
    cf_buffer_append(&field, "", 1);
    mark token =
        mark_of(kind, (const char *)key.data, (const char *)field.data, cf_buffer_view(&value));
    snprintf(place, sizeof place, "%s/%s/%s", kinds[kind].name, (const char *)key.data,
             (const char *)field.data);
    visit(context, place, &token, &(mark){0});
    cf_buffer_release(&key);
    cf_buffer_release(&field);
    cf_buffer_release(&value);
}

static void visit_conflicts(device *of, record_kind kind, record_visit *visit, void *context)
{
    cf_id id = collection_of(of, kind);
    cf_collection *collection;
    cf_arena arena = {0};
    cf_schema schema;
    cf_error error;
    size_t count;

    must(cf_peer_collection(device_peer(of), &id, &collection, &error), &error, "collection");
    must(cf_catalog_schema(device_peer(of), &id, &arena, &schema, &error), &error, "schema");
    cf_row_view *view = cf_row_view_new(collection->state, &schema);
    const cf_row_conflict *conflicts = cf_row_view_conflicts(view, &count);
    for (size_t i = 0; i < count; i++)
        visit_conflict(kind, &conflicts[i], visit, context);
    cf_row_view_destroy(&view);
    cf_arena_release(&arena);
}

void records_listed(const device *of, record_visit *visit, void *context)
{
    for (record_kind kind = 0; kind < RECORDS_KINDS; kind++)
        if (records_are_in(of->in, kind))
            visit_conflicts((device *)of, kind, visit, context);
}

/* ---- Rules ---- */

static void look_at_file(void *context, const disk_thing *thing)
{
    cf_buffer *why = context;
    const char *end = strrchr(thing->path, '.'), *wrong = NULL;

    if (thing->stat.kind != CF_FILE_REGULAR || !end || why->size)
        return;
    if (strcmp(end, ".vcf") == 0)
        wrong = cells_card_is_wrong(thing->bytes);
    else if (strcmp(end, ".ics") == 0)
        wrong = cells_event_is_wrong(thing->bytes);
    if (wrong)
        cf_buffer_append_text(why, "%s has %s:\n%.*s", thing->path, wrong, (int)thing->bytes.size,
                              (const char *)thing->bytes.data);
}

bool records_keep_rules(const device *of, cf_buffer *why)
{
    for (record_kind kind = 0; kind < RECORDS_KINDS; kind++)
        if (has_folder(kind) && records_are_in(of->in, kind))
            disk_walk(of->drive, kinds[kind].folder, &(disk_walk_options){.skip = ".counterfoil"},
                      look_at_file, why);
    return why->size == 0;
}

/* ---- As text ---- */

static bool take_all(void *context, record_kind kind, const char *key)
{
    (void)context, (void)kind, (void)key;
    return true;
}

void records_list(const device *of, cf_buffer *out)
{
    records_list_some(of, take_all, NULL, out);
}

void records_list_some(const device *of, record_choice *takes, void *context, cf_buffer *out)
{
    cells there;

    for (record_kind kind = 0; kind < RECORDS_KINDS; kind++) {
        if (!records_are_in(of->in, kind))
            continue;
        records_read(of, kind, &there);
        for (size_t i = 0; i < there.count; i++) {
            const cell *one = &there.all[i];

            if (cells_is_stamp(one->field) || !takes(context, kind, one->key))
                continue;
            cf_buffer_append_text(out, "%s %s %s %zu %.24s %016llx\n", kinds[kind].name, one->key,
                                  one->field, strlen(one->value), one->value,
                                  (unsigned long long)sum_of_bytes(cf_bytes_of_text(one->value)));
        }
        cells_release(&there);
    }
}

void records_dump(const device *of, cf_buffer *out)
{
    static const char *const folders[] = {"/tables", "/cards", "/settings", "/events"};

    for (size_t i = 0; of->in->plan.records && i < sizeof folders / sizeof *folders; i++)
        disk_dump(of->drive, folders[i], &(disk_dump_options){.skip = ".counterfoil"}, out);
}
