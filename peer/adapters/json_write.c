/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into the text of a JSON document: a row's fields are the leaves of a tree; members that say
 * something else are edited, all other bytes stay. */
#include "peer/adapters/json.h"

#include "codec/pack.h"
#include "codec/pointer.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/key_text.h"
#include "peer/adapters/rewrite.h"
#include "peer/adapters/text/json_edit.h"

#include <stdlib.h>
#include <string.h>

/* One record as it should be: its fields, ascending by name, which are the leaves of a tree. */
/* ---- A document that is begun ---- */

static void begin_line(size_t depth, cf_buffer *out)
{
    cf_buffer_append_text(out, "\n%*s", 2 * (int)depth, "");
}

/* Appends what a blank file becomes: the document without any records, with what its pointer needs
 * around them. */
static void begin_document(const cf_json_source *source, cf_buffer *out)
{
    const cf_bytes pointer = source->whole ? (cf_bytes){0} : source->pointer;
    cf_buffer name = {0};
    size_t depth = 0;
    cf_bytes step;

    for (size_t at = 0; cf_pointer_next(pointer, &at, &step);) {
        cf_buffer_append_text(out, "{");
        begin_line(++depth, out);
        cf_buffer_clear(&name);
        cf_pointer_read(step, &name);
        cf_json_write_text(cf_buffer_view(&name), out);
        cf_buffer_append_text(out, ": ");
    }
    cf_buffer_append_text(out, source->whole || !source->key.size ? "{}" : "[]");
    while (depth) {
        begin_line(--depth, out);
        cf_buffer_append_text(out, "}");
    }
    cf_buffer_append_text(out, "\n");
    cf_buffer_release(&name);
}

/* ---- A record ---- */

typedef struct {
    const cf_json *json;
    cf_json_edits *edits;
    const cf_row_field *fields;
    size_t count;
    size_t key;     /* the member that is the key */
    size_t without; /* the node that is none of the record's; CF_JSON_NONE: all are its */
} writing;

typedef struct {
    size_t from, to; /* of the fields */
} range;

/* What is within one object, and which of it the document has: of a leaf its field, of a tree the
 * first of its fields, which may be the first of a tree in that one as well. */
typedef struct {
    range fields;
    bool *found;
} inside;

static size_t lower_bound(const writing *self, cf_bytes name)
{
    size_t low = 0, high = self->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_bytes_compare(self->fields[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The fields within `path`: those whose name goes on with a slash. */
static range within(const writing *self, cf_bytes path)
{
    cf_buffer bound = {0};
    range found;

    cf_buffer_append(&bound, path.data, path.size);
    cf_buffer_append(&bound, "/", 1);
    found.from = lower_bound(self, cf_buffer_view(&bound));
    bound.data[path.size] = '/' + 1;
    found.to = lower_bound(self, cf_buffer_view(&bound));
    cf_buffer_release(&bound);
    return found;
}

/* The field of exactly this name, or `count`. */
static size_t leaf(const writing *self, cf_bytes path)
{
    size_t at = lower_bound(self, path);

    return at < self->count && cf_bytes_equal(self->fields[at].name, path) ? at : self->count;
}

/* The next child of a path of `size` bytes, from the field `*at` on. */
typedef struct {
    cf_bytes path;
    range tree; /* empty: a leaf */
    size_t field;
} wanted_child;

static bool next_child(const writing *self, size_t size, size_t *at, size_t to, wanted_child *out)
{
    while (*at < to) {
        cf_bytes name = self->fields[*at].name;
        const uint8_t *token = name.data + size + 1;
        const uint8_t *slash = memchr(token, '/', name.size - size - 1);

        out->path = cf_bytes_of(name.data, slash ? (size_t)(slash - name.data) : name.size);
        out->tree = within(self, out->path);
        out->field = *at;
        if (slash) {
            *at = out->tree.to;
            return true;
        }
        ++*at;
        if (out->tree.from == out->tree.to)
            return true; /* else the tree itself comes, and the leaf gives way to it */
    }
    return false;
}

/* Appends what a path says as a JSON name, without its quotes being doubled up. */
static cf_bytes name_of(cf_bytes path, cf_buffer *out)
{
    size_t at = path.size;

    while (path.data[at - 1] != '/')
        at--;
    cf_buffer_clear(out);
    cf_pointer_read(cf_bytes_of(path.data + at, path.size - at), out);
    return cf_buffer_view(out);
}

static void build_members(const writing *self, cf_bytes path, range fields, bool first,
                          cf_buffer *out);

static void build(const writing *self, const wanted_child *child, cf_buffer *out)
{
    if (child->tree.from == child->tree.to) {
        cf_value_json(self->fields[child->field].values[0], out);
        return;
    }
    cf_buffer_append_text(out, "{");
    build_members(self, child->path, child->tree, true, out);
    cf_buffer_append_text(out, "}");
}

static void build_members(const writing *self, cf_bytes path, range fields, bool first,
                          cf_buffer *out)
{
    cf_buffer name = {0};
    wanted_child child;

    for (size_t at = fields.from; next_child(self, path.size, &at, fields.to, &child);) {
        if (!first)
            cf_buffer_append_text(out, ",");
        first = false;
        cf_json_write_text(name_of(child.path, &name), out);
        cf_buffer_append_text(out, ":");
        build(self, &child, out);
    }
    cf_buffer_release(&name);
}

static cf_status replace(const writing *self, size_t node, const wanted_child *child,
                         cf_error *error)
{
    cf_buffer is = {0}, text = {0};
    cf_status status = CF_OK;
    bool same = child->tree.from == child->tree.to &&
                !cf_json_value(self->json, node, &is, error) &&
                cf_bytes_equal(cf_buffer_view(&is), self->fields[child->field].values[0]);

    if (!same) {
        build(self, child, &text);
        status = cf_json_edits_replace(self->edits, node, cf_buffer_view(&text), error);
    }
    cf_buffer_release(&is);
    cf_buffer_release(&text);
    return status;
}

static cf_status write_object(const writing *self, size_t object, cf_bytes path, cf_error *error);

/* A member that the object has: `path` is its own. */
static cf_status write_member(const writing *self, size_t member, cf_bytes path, inside *within_it,
                              cf_error *error)
{
    const cf_json_node *node = &self->json->nodes[member];
    wanted_child child = {.path = path, .tree = within(self, path), .field = leaf(self, path)};

    if (child.tree.from < child.tree.to)
        within_it->found[child.tree.from - within_it->fields.from] = true;
    if (cf_json_leads_to(self->json, member, self->without))
        return write_object(self, member, path, error);
    if (child.tree.from < child.tree.to) {
        if (node->type == CF_JSON_OBJECT && node->children)
            return write_object(self, member, path, error);
        return replace(self, member, &child, error);
    }
    if (child.field == self->count) {
        cf_json_edits_delete(self->edits, member);
        return CF_OK;
    }
    within_it->found[child.field - within_it->fields.from] = true;
    return replace(self, member, &child, error);
}

static cf_status add_members(const writing *self, size_t object, cf_bytes path,
                             const inside *within_it, cf_error *error)
{
    const range fields = within_it->fields;
    cf_buffer name = {0}, text = {0};
    cf_status status = CF_OK;
    wanted_child child;

    for (size_t at = fields.from; !status && next_child(self, path.size, &at, fields.to, &child);) {
        bool tree = child.tree.from < child.tree.to;

        if (within_it->found[(tree ? child.tree.from : child.field) - fields.from])
            continue;
        cf_buffer_clear(&text);
        build(self, &child, &text);
        status = cf_json_edits_add(self->edits, object, name_of(child.path, &name),
                                   cf_buffer_view(&text), error);
    }
    cf_buffer_release(&name);
    cf_buffer_release(&text);
    return status;
}

static cf_status write_object(const writing *self, size_t object, cf_bytes path, cf_error *error)
{
    const cf_json *json = self->json;
    cf_buffer text = {0}, own = {0};
    inside within_it = {.fields = within(self, path)};
    cf_status status = CF_OK;

    within_it.found = cf_allocate(within_it.fields.to - within_it.fields.from, sizeof(bool));
    for (size_t child = object + 1; child < json->nodes[object].end && !status;
         child = json->nodes[child].end) {
        if (child == self->key || child == self->without)
            continue;
        cf_buffer_clear(&text);
        cf_buffer_clear(&own);
        status = cf_json_text(cf_json_spelled_name(json, child), &text, error);
        cf_buffer_append(&own, path.data, path.size);
        cf_pointer_add(cf_buffer_view(&text), &own);
        if (!status)
            status = write_member(self, child, cf_buffer_view(&own), &within_it, error);
    }
    if (!status)
        status = add_members(self, object, path, &within_it, error);
    free(within_it.found);
    cf_buffer_release(&text);
    cf_buffer_release(&own);
    return status;
}

/* The row's fields that say something and that JSON can hold; the caller frees them. */
static writing writing_of(const cf_json *json, cf_json_edits *edits, const cf_row *row)
{
    cf_row_field *fields = cf_allocate(row->field_count, sizeof *fields);
    writing made = {.json = json,
                    .edits = edits,
                    .fields = fields,
                    .key = CF_JSON_NONE,
                    .without = CF_JSON_NONE};

    for (size_t i = 0; i < row->field_count; i++) {
        cf_bytes name = row->fields[i].name, below;

        if (row->fields[i].count && (cf_bytes_equal(name, cf_bytes_of_text(CF_COLUMNS)) ||
                                     cf_pointer_below(name, CF_COLUMNS, &below)))
            fields[made.count++] = row->fields[i];
    }
    return made;
}

static void writing_release(writing *self)
{
    free((void *)self->fields);
}

static cf_status write_record(const cf_json *json, const cf_json_source *source, size_t record,
                              const cf_row *row, cf_json_edits *edits, cf_error *error)
{
    writing self = writing_of(json, edits, row);
    cf_bytes path = cf_bytes_of_text(CF_COLUMNS);
    wanted_child root = {.path = path, .tree = within(&self, path), .field = leaf(&self, path)};
    cf_status status = CF_OK;

    if (!source->whole && source->key.size)
        self.key = cf_json_member(json, record, source->key);
    if (json->nodes[record].type == CF_JSON_OBJECT &&
        (root.tree.from < root.tree.to || root.field == self.count))
        status = write_object(&self, record, path, error);
    else if (root.tree.from < root.tree.to || root.field < self.count)
        status = replace(&self, record, &root, error);
    writing_release(&self);
    return status;
}

static cf_status add_record(const cf_json *json, const cf_json_source *source, size_t container,
                            const cf_row *row, cf_json_edits *edits, cf_error *error)
{
    writing self = writing_of(json, edits, row);
    cf_bytes path = cf_bytes_of_text(CF_COLUMNS);
    cf_buffer text = {0}, name = {0};

    cf_buffer_append_text(&text, "{");
    if (source->key.size) {
        cf_json_write_text(source->key, &text);
        cf_buffer_append_text(&text, ":");
        cf_value_json(row->key, &text);
    }
    build_members(&self, path, within(&self, path), source->key.size == 0, &text);
    cf_buffer_append_text(&text, "}");
    cf_value_text(row->key, &name);
    cf_status status =
        cf_json_edits_add(edits, container, cf_buffer_view(&name), cf_buffer_view(&text), error);
    cf_buffer_release(&text);
    cf_buffer_release(&name);
    writing_release(&self);
    return status;
}

/* What stands beside the records; `row` NULL: nothing is to. */
static cf_status write_beside(const cf_json_records *records, const cf_row *row,
                              cf_json_edits *edits, cf_error *error)
{
    static const cf_row nothing;
    writing self = writing_of(&records->json, edits, row ? row : &nothing);

    self.without = records->container;
    cf_status status = write_object(&self, 0, cf_bytes_of_text(CF_COLUMNS), error);
    writing_release(&self);
    return status;
}

static cf_status remove_record(const cf_json_source *source, size_t record, cf_json_edits *edits,
                               cf_error *error)
{
    if (source->whole)
        return cf_json_edits_replace(edits, record, cf_bytes_of_text("{}"), error);
    cf_json_edits_delete(edits, record);
    return CF_OK;
}

/* Of that table the one with the empty text as key. */
static bool is_beside(const cf_json_records *records, const cf_row *row)
{
    static const uint8_t empty_text[] = {0xa0};

    return records->has_beside && cf_bytes_equal(row->table, records->source->beside) &&
           cf_bytes_equal(row->key, cf_bytes_of(empty_text, sizeof empty_text));
}

static cf_status write_step(const cf_json_records *records, cf_rewrite_step step,
                            cf_json_edits *edits, cf_error *error)
{
    const cf_json_source *source = records->source;

    if (is_beside(records, step.is ? step.is : step.wanted))
        return write_beside(records, step.wanted, edits, error);
    if (!step.wanted)
        return remove_record(source, step.place, edits, error);
    if (step.is)
        return write_record(&records->json, source, step.place, step.wanted, edits, error);
    return !source->whole && cf_bytes_equal(step.wanted->table, source->table)
               ? add_record(&records->json, source, records->container, step.wanted, edits, error)
               : CF_OK;
}

/* The records are begun first. */
static cf_status write_blank(const cf_json_records *records, const cf_row *rows, size_t count,
                             cf_buffer *out, cf_error *error)
{
    cf_buffer begun = {0};

    if (!count) {
        cf_buffer_append(out, records->bytes.data, records->bytes.size);
        return CF_OK;
    }
    begin_document(records->source, &begun);
    cf_status status =
        cf_json_rows_write(cf_buffer_view(&begun), records->source, rows, count, out, error);
    cf_buffer_release(&begun);
    return status;
}

cf_status cf_json_records_write(const cf_json_records *records, const cf_row *rows, size_t count,
                                cf_buffer *out, cf_error *error)
{
    if (records->is_blank)
        return write_blank(records, rows, count, out, error);
    cf_rewrite rewrite = cf_rewrite_of(&records->rows, rows, count, cf_key_otherwise);
    cf_json_edits edits = {.json = &records->json};
    cf_status status = CF_OK;
    cf_rewrite_step step;
    while (!status && cf_rewrite_next(&rewrite, &step))
        status = write_step(records, step, &edits, error);
    if (!status)
        cf_json_edits_write(&edits, out);
    cf_json_edits_release(&edits);
    cf_rewrite_release(&rewrite);
    return status;
}

cf_status cf_json_rows_write(cf_bytes before, const cf_json_source *source, const cf_row *rows,
                             size_t count, cf_buffer *out, cf_error *error)
{
    cf_json_records *records;
    cf_status status = cf_json_records_read(before, source, &records, error);

    if (status)
        return status;
    status = cf_json_records_write(records, rows, count, out, error);
    cf_json_records_destroy(&records);
    return status;
}
