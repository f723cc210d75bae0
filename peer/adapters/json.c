/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/json.h"

#include <stdlib.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/text/json_edit.h"

static bool is_blank(cf_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] != ' ' && (bytes.data[i] < '\t' || bytes.data[i] > '\r'))
            return false;
    return true;
}

/* All are objects, there is one, and none has it: not one that lost it, but another key was meant.
 */
static bool lacks_key(const cf_json *json, const cf_json_source *source, size_t container)
{
    const cf_json_node *at = &json->nodes[container];

    for (size_t child = container + 1; child < at->end; child = json->nodes[child].end)
        if (json->nodes[child].type != CF_JSON_OBJECT ||
            cf_json_member(json, child, source->key) != CF_JSON_NONE)
            return false;
    return at->children > 0;
}

/* `no object at /items has a member 'ID': the first one has id, name` */
static cf_status refuse_key(const cf_json *json, const cf_json_source *source, size_t container,
                            cf_error *error)
{
    enum { ENOUGH = 80 };
    const size_t end = json->nodes[container + 1].end;
    size_t child = container + 2;
    cf_buffer names = {0};
    cf_error ignored;

    for (; child < end && names.size < ENOUGH; child = json->nodes[child].end) {
        cf_buffer_append_text(&names, "%s", names.size ? ", " : "");
        if (cf_json_text(cf_json_spelled_name(json, child), &names, &ignored))
            break;
    }
    cf_status status = cf_fail(
        error, CF_MALFORMED, "no object at %.*s has a member '%.*s': the first one has %.*s%s",
        source->pointer.size ? (int)source->pointer.size : 1,
        source->pointer.size ? (const char *)source->pointer.data : "/", (int)source->key.size,
        (const char *)source->key.data, names.size ? (int)names.size : 4,
        names.size ? (const char *)names.data : "none", child < end ? " ..." : "");
    cf_buffer_release(&names);
    return status;
}

/* Finds the array or object of records; on failure nothing is left to release. */
static cf_status open_records(cf_bytes bytes, const cf_json_source *source, cf_json *json,
                              size_t *container, cf_error *error)
{
    const bool names = source->whole || source->key.size == 0;

    cf_status status = cf_json_read(bytes, json, error);
    if (status)
        return status;
    *container = source->whole ? 0 : cf_json_find(json, source->pointer);
    if (source->whole)
        return CF_OK;
    if (*container == CF_JSON_NONE)
        status = cf_fail(error, CF_MALFORMED,
                         "has nothing at %.*s: `add --key` says where its records are",
                         (int)source->pointer.size, (const char *)source->pointer.data);
    else if (json->nodes[*container].type != (names ? CF_JSON_OBJECT : CF_JSON_ARRAY))
        status =
            cf_fail(error, CF_MALFORMED,
                    "line %zu: an %s of records is expected here: `add --key` says where they are",
                    cf_json_line(json, *container), names ? "object" : "array");
    else if (!names && lacks_key(json, source, *container))
        status = refuse_key(json, source, *container, error);
    if (status)
        cf_json_release(json);
    return status;
}

/* Counts lines from one node to a later one, so that many troubles cost no more than one. */
typedef struct {
    const cf_json *json;
    size_t offset, line;
} line_counter;

static size_t line_of(void *context, size_t node)
{
    line_counter *self = context;

    for (; self->offset < self->json->nodes[node].offset; self->offset++)
        self->line += self->json->input.data[self->offset] == '\n';
    return self->line;
}

typedef struct {
    const cf_json *json;
    line_counter lines;
    const cf_json_source *source;
    cf_record_file *out;
    size_t without; /* the node that is none of the record's; CF_JSON_NONE: all are its */
    cf_field_list list;
    cf_buffer name, value;
} reading;

static cf_status add_field(reading *self, size_t node, cf_error *error)
{
    if (self->name.size > CF_FIELD_MAX)
        return cf_fail(error, CF_MALFORMED, "has a name that is too long: shorten it");
    cf_buffer_clear(&self->value);
    cf_status status = cf_json_value(self->json, node, &self->value, error);
    if (!status)
        cf_field_list_add(&self->list, &self->out->arena, cf_buffer_view(&self->name),
                          cf_buffer_view(&self->value));
    return status;
}

/* Appends "/NAME", escaped as in a JSON Pointer. */
static cf_status append_token(const cf_json *json, size_t node, cf_buffer *out, cf_error *error)
{
    cf_buffer text = {0};
    cf_status status = cf_json_text(cf_json_spelled_name(json, node), &text, error);

    if (!status)
        cf_pointer_add(cf_buffer_view(&text), out);
    cf_buffer_release(&text);
    return status;
}

/* The fields of a node and of what is within, `name` being that of the node. */
static cf_status add_fields(reading *self, size_t node, size_t key, cf_error *error)
{
    const cf_json_node *at = &self->json->nodes[node];
    const size_t size = self->name.size;
    cf_status status = CF_OK;

    if (at->type != CF_JSON_OBJECT || (at->children == 0 && size >= sizeof CF_COLUMNS))
        return add_field(self, node, error);
    for (size_t child = node + 1; child < at->end && !status;
         child = self->json->nodes[child].end) {
        if (child == key || child == self->without)
            continue;
        if (self->json->nodes[child].repeated)
            return cf_fail(error, CF_MALFORMED, "has a name twice: delete one of them");
        status = append_token(self->json, child, &self->name, error);
        if (!status)
            status = add_fields(self, child, key, error);
        self->name.size = size;
    }
    return status;
}

/* The key's value; `*member` is where it stands in the record. */
static cf_status read_key(const reading *self, size_t record, size_t *member, cf_buffer *out,
                          cf_error *error)
{
    const cf_json *json = self->json;
    cf_buffer text = {0};
    cf_status status = CF_OK;

    *member = CF_JSON_NONE;
    if (!self->source->whole && self->source->key.size) {
        *member = cf_json_member(json, record, self->source->key);
        if (*member == CF_JSON_NONE)
            return cf_fail(error, CF_MALFORMED, "has no key: give it one");
        if (json->nodes[*member].type >= CF_JSON_ARRAY || json->nodes[*member].type == CF_JSON_NULL)
            return cf_fail(error, CF_MALFORMED,
                           "has a key that is no text and no number: make it one");
        return cf_json_value(json, *member, out, error);
    }
    if (!self->source->whole)
        status = cf_json_text(cf_json_spelled_name(json, record), &text, error);
    if (!status)
        cf_pack_text(out, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return status;
}

/* Names of members are texts always, other keys are as they are. */
static cf_status read_serial(const reading *self, size_t record, size_t *member, cf_buffer *out,
                             cf_error *error)
{
    cf_status status = read_key(self, record, member, out, error);
    cf_arena arena = {0};
    int64_t number;
    cf_bytes text;
    cf_error ignored;

    if (status || !self->source->serial)
        return status;
    cf_bytes key = cf_arena_copy(&arena, cf_buffer_view(out));
    cf_reader reader = cf_reader_of(key);
    if (cf_read_int(&reader, &number, &ignored)) {
        reader = cf_reader_of(key);
        cf_buffer_clear(out);
        if (*member != CF_JSON_NONE || cf_read_text(&reader, &text, &ignored) ||
            !cf_serial_key_pack(text, out))
            status = cf_fail(error, CF_MALFORMED, "has a key that is no plain number: make it one");
    }
    cf_arena_release(&arena);
    return status;
}

static void read_record(reading *self, size_t record)
{
    cf_row row = {.table = cf_arena_copy(&self->out->arena, self->source->table)};
    size_t member = CF_JSON_NONE;
    cf_buffer key = {0};
    bool known = false;
    cf_error error;
    cf_status status = CF_OK;

    if (!self->source->whole && self->json->nodes[record].type != CF_JSON_OBJECT)
        status =
            cf_fail(&error, CF_MALFORMED, "is no object: records are, so make it one or delete it");
    if (!status)
        status = read_serial(self, record, &member, &key, &error);
    known = !status;
    row.key = cf_arena_copy(&self->out->arena, cf_buffer_view(&key));
    cf_buffer_clear(&self->name);
    cf_buffer_append_text(&self->name, CF_COLUMNS);
    if (!status && self->json->nodes[record].repeated)
        status =
            cf_fail(&error, CF_MALFORMED,
                    "has the key of a record before it: give it another, or delete one of them");
    if (!status)
        status = add_fields(self, record, member, &error);
    cf_field_list_take(&self->list, &self->out->arena, &row);
    if (status)
        cf_record_file_trouble(self->out, line_of(&self->lines, record), known ? &row : NULL,
                               error.text);
    else
        cf_record_file_add(self->out, &row, record);
    cf_buffer_release(&key);
}

/* Every node that leads to the container is an object. */
static bool has_beside(const cf_json *json, const cf_json_source *source, size_t container)
{
    size_t node = container;

    while (json->nodes[node].parent != CF_JSON_NONE) {
        node = json->nodes[node].parent;
        if (json->nodes[node].type != CF_JSON_OBJECT)
            return false;
    }
    return source->beside.size && container != 0;
}

static void read_beside(reading *self, size_t container)
{
    cf_row row = {.table = cf_arena_copy(&self->out->arena, self->source->beside)};
    cf_buffer key = {0};
    cf_error error;

    cf_pack_text(&key, (cf_bytes){0});
    row.key = cf_arena_copy(&self->out->arena, cf_buffer_view(&key));
    cf_buffer_release(&key);
    cf_buffer_clear(&self->name);
    cf_buffer_append_text(&self->name, CF_COLUMNS);
    self->without = container;
    cf_status status = add_fields(self, 0, CF_JSON_NONE, &error);
    self->without = CF_JSON_NONE;
    cf_field_list_take(&self->list, &self->out->arena, &row);
    if (status)
        cf_record_file_trouble(self->out, 1, &row, error.text);
    else if (row.field_count)
        cf_record_file_add(self->out, &row, 0);
}

static void read_records(const cf_json *json, const cf_json_source *source, size_t container,
                         cf_record_file *out)
{
    reading self = {
        .json = json, .lines = {json, 0, 1}, .source = source, .out = out, .without = CF_JSON_NONE};

    if (source->whole) {
        read_record(&self, 0);
    } else {
        if (has_beside(json, source, container))
            read_beside(&self, container);
        for (size_t child = container + 1; child < json->nodes[container].end;
             child = json->nodes[child].end)
            read_record(&self, child);
    }
    cf_field_list_release(&self.list);
    cf_buffer_release(&self.name);
    cf_buffer_release(&self.value);
    self.lines = (line_counter){json, 0, 1};
    cf_record_file_settle(out, line_of, &self.lines);
}

cf_status cf_json_records_read(cf_bytes bytes, const cf_json_source *source, cf_json_records **out,
                               cf_error *error)
{
    cf_json_records *records = cf_allocate(1, sizeof *records);
    cf_status status = CF_OK;

    records->source = source;
    records->bytes = bytes;
    records->is_blank = is_blank(bytes);
    if (!records->is_blank)
        status = open_records(bytes, source, &records->json, &records->container, error);
    if (status) {
        free(records);
        return status;
    }
    if (!records->is_blank) {
        records->has_beside =
            !source->whole && has_beside(&records->json, source, records->container);
        read_records(&records->json, source, records->container, &records->rows);
    }
    *out = records;
    return CF_OK;
}

void cf_json_records_destroy(cf_json_records **records)
{
    if (!*records)
        return;
    if (!(*records)->is_blank)
        cf_json_release(&(*records)->json);
    cf_record_file_release(&(*records)->rows);
    free(*records);
    *records = NULL;
}

const cf_record_file *cf_json_records_rows(const cf_json_records *records)
{
    return &records->rows;
}

cf_status cf_json_rows_read(cf_bytes bytes, const cf_json_source *source, cf_record_file *out,
                            cf_error *error)
{
    cf_json_records *records;
    cf_status status = cf_json_records_read(bytes, source, &records, error);

    if (status)
        return status;
    *out = records->rows;
    records->rows = (cf_record_file){0};
    cf_json_records_destroy(&records);
    return CF_OK;
}
