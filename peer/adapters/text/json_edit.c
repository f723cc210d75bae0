/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/json_edit.h"

#include <stdlib.h>
#include <string.h>

#include "peer/adapters/text/json_layout.h"

typedef enum {
    REPLACE,
    DELETE,
    ADD,
} edit_kind;

struct cf_json_edit {
    size_t node, order; /* order: in which the edits came */
    edit_kind kind;
    cf_bytes name, value; /* name: with its quotes */
};

void cf_json_edits_release(cf_json_edits *self)
{
    free(self->edits);
    cf_arena_release(&self->arena);
    *self = (cf_json_edits){0};
}

static void add(cf_json_edits *self, size_t node, edit_kind kind, cf_bytes name, cf_bytes value)
{
    self->edits = cf_grow(self->edits, &self->capacity, self->count + 1, sizeof *self->edits);
    self->edits[self->count] = (cf_json_edit){.node = node,
                                              .order = self->count,
                                              .kind = kind,
                                              .name = cf_arena_copy(&self->arena, name),
                                              .value = cf_arena_copy(&self->arena, value)};
    self->count++;
}

static cf_status check_value(cf_bytes value, size_t depth, cf_error *error)
{
    cf_json parsed;
    cf_status status = cf_json_read(value, &parsed, error);

    if (status) {
        cf_error_while(error, "what would be written");
        return status;
    }
    if (depth + parsed.depth > CF_JSON_DEPTH_MAX)
        status = cf_fail(error, CF_MALFORMED, "what would be written nests too deeply");
    cf_json_release(&parsed);
    return status;
}

cf_status cf_json_edits_replace(cf_json_edits *self, size_t node, cf_bytes value, cf_error *error)
{
    cf_status status = check_value(value, self->json->nodes[node].depth, error);

    if (!status)
        add(self, node, REPLACE, (cf_bytes){0}, value);
    return status;
}

void cf_json_edits_delete(cf_json_edits *self, size_t node)
{
    add(self, node, DELETE, (cf_bytes){0}, (cf_bytes){0});
}

cf_status cf_json_edits_add(cf_json_edits *self, size_t container, cf_bytes name, cf_bytes value,
                            cf_error *error)
{
    cf_buffer spelled = {0};
    cf_status status = check_value(value, (size_t)self->json->nodes[container].depth + 1, error);

    if (status)
        return status;
    if (self->json->nodes[container].type == CF_JSON_OBJECT)
        cf_json_write_text(name, &spelled);
    add(self, container, ADD, cf_buffer_view(&spelled), value);
    cf_buffer_release(&spelled);
    return CF_OK;
}

static int compare(const void *left, const void *right)
{
    const cf_json_edit *a = left, *b = right;

    if (a->node != b->node)
        return a->node < b->node ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

typedef struct {
    const cf_json_edits *edits;
    const cf_json *json;
    cf_json_layout layout;
    cf_buffer *out;
} writing;

static void append(const writing *self, cf_bytes bytes)
{
    cf_buffer_append(self->out, bytes.data, bytes.size);
}

/* The first edit of this node or a later one. */
static size_t edit_from(const cf_json_edits *edits, size_t node)
{
    size_t low = 0, high = edits->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (edits->edits[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What becomes of the node itself: the last REPLACE or DELETE of it, or NULL. */
static const cf_json_edit *fate_of(const writing *self, size_t node)
{
    const cf_json_edits *edits = self->edits;
    const cf_json_edit *found = NULL;

    for (size_t i = edit_from(edits, node); i < edits->count && edits->edits[i].node == node; i++)
        if (edits->edits[i].kind != ADD)
            found = &edits->edits[i];
    return found;
}

static bool has_line_end(cf_bytes bytes)
{
    return bytes.size && memchr(bytes.data, '\n', bytes.size);
}

static cf_bytes indent_within(cf_bytes lead)
{
    const uint8_t *newline = lead.size ? memrchr(lead.data, '\n', lead.size) : NULL;

    return newline ? cf_bytes_of(newline + 1, (size_t)(lead.data + lead.size - newline) - 1)
                   : (cf_bytes){0};
}

static void write_replaced(const writing *self, size_t node, cf_bytes value)
{
    const cf_json_node *old = &self->json->nodes[node];
    bool tall = self->layout.tall;

    if (old->children)
        tall = has_line_end(cf_json_member_lead(self->json, node + 1));
    else if (old->parent != CF_JSON_NONE)
        tall = has_line_end(cf_json_member_lead(self->json, old->parent + 1));
    cf_json_lay(value, &self->layout, tall, tall ? cf_json_indent(self->json, node) : (cf_bytes){0},
                self->out);
}

static void write_node(const writing *self, size_t node);

/* The white space behind a child: before the comma or bracket. */
static cf_bytes trail_of(const writing *self, size_t child)
{
    const cf_json_node *node = &self->json->nodes[child];
    size_t from = node->offset + node->size, end = from;

    while (cf_json_is_space(self->json->input.data[end]))
        end++;
    return cf_bytes_of(self->json->input.data + from, end - from);
}

/* Children in their order without the deleted ones, each with what stood before and behind it; the
 * first that is left stands where the first stood, and what stood before the closing bracket stays
 * there. */
typedef struct {
    const writing *writer;
    size_t container, written;
    size_t last;    /* the last child that the container had; 0: none */
    cf_bytes trail; /* of the child written last, which a comma may follow */
} children;

static void write_comma(children *self)
{
    if (self->written++ == 0)
        return;
    append(self->writer, self->trail);
    append(self->writer, cf_bytes_of_text(","));
    self->trail = (cf_bytes){0};
}

static void write_child(children *self, size_t child)
{
    const writing *writer = self->writer;
    const cf_json_node *node = &writer->json->nodes[child];
    size_t first = self->container + 1;

    write_comma(self);
    append(writer, cf_json_member_lead(writer->json, self->written == 1 ? first : child));
    if (node->name_size)
        cf_buffer_append(writer->out, writer->json->input.data + node->name,
                         node->offset - node->name);
    write_node(writer, child);
    if (node->end < writer->json->nodes[self->container].end)
        self->trail = trail_of(writer, child);
}

/* What stands before a new child: as before its neighbour, or as in the rest of the document. */
static cf_bytes lead_of_new(const children *self, cf_buffer *made)
{
    const writing *writer = self->writer;
    size_t first = self->container + 1;

    if (self->last) {
        cf_bytes lead = cf_json_member_lead(writer->json, first);

        if (self->written == 1 || has_line_end(lead))
            return lead;
        return self->last != first ? cf_json_member_lead(writer->json, self->last)
                                   : writer->layout.comma;
    }
    if (!writer->layout.tall)
        return self->written == 1 ? (cf_bytes){0} : writer->layout.comma;
    cf_bytes indent = cf_json_indent(writer->json, self->container);
    cf_buffer_append(made, writer->layout.line_end.data, writer->layout.line_end.size);
    cf_buffer_append(made, indent.data, indent.size);
    cf_buffer_append(made, writer->layout.unit.data, writer->layout.unit.size);
    return cf_buffer_view(made);
}

static void write_new(const children *self, const cf_json_edit *edit)
{
    const writing *writer = self->writer;
    cf_buffer made = {0};
    cf_bytes lead = lead_of_new(self, &made);

    append(writer, lead);
    append(writer, edit->name);
    if (edit->name.size)
        append(writer, self->last ? cf_json_colon(writer->json, self->last) : writer->layout.colon);
    cf_json_lay(edit->value, &writer->layout, has_line_end(lead), indent_within(lead), writer->out);
    cf_buffer_release(&made);
}

static void write_additions(children *self)
{
    const cf_json_edits *edits = self->writer->edits;

    for (size_t i = edit_from(edits, self->container);
         i < edits->count && edits->edits[i].node == self->container; i++) {
        if (edits->edits[i].kind != ADD)
            continue;
        write_comma(self);
        write_new(self, &edits->edits[i]);
    }
}

static void write_closing_space(const children *self)
{
    const writing *writer = self->writer;

    if (self->written == 0)
        return;
    if (self->last) {
        append(writer, trail_of(writer, self->last));
    } else if (writer->layout.tall) {
        append(writer, writer->layout.line_end);
        append(writer, cf_json_indent(writer->json, self->container));
    }
}

static void write_container(const writing *self, size_t container)
{
    const cf_json_node *node = &self->json->nodes[container];
    children state = {.writer = self, .container = container};

    cf_buffer_append(self->out, self->json->input.data + node->offset, 1);
    for (size_t child = container + 1; child < node->end; child = self->json->nodes[child].end) {
        const cf_json_edit *fate = fate_of(self, child);

        state.last = child;
        if (!fate || fate->kind != DELETE)
            write_child(&state, child);
    }
    write_additions(&state);
    write_closing_space(&state);
    cf_buffer_append(self->out, self->json->input.data + node->offset + node->size - 1, 1);
}

static void write_node(const writing *self, size_t node)
{
    const cf_json_edits *edits = self->edits;
    size_t from = edit_from(edits, node);
    const cf_json_edit *fate = fate_of(self, node);

    if (fate && fate->kind == REPLACE)
        write_replaced(self, node, fate->value);
    else if (from < edits->count && edits->edits[from].node < self->json->nodes[node].end)
        write_container(self, node);
    else
        append(self, cf_json_spelled(self->json, node));
}

void cf_json_edits_write(const cf_json_edits *self, cf_buffer *out)
{
    const cf_json *json = self->json;
    size_t from = json->nodes[0].offset, behind = from + json->nodes[0].size;

    if (self->count == 0) {
        cf_buffer_append(out, json->input.data, json->input.size);
        return;
    }
    qsort(self->edits, self->count, sizeof *self->edits, compare);
    const writing writer = {
        .edits = self, .json = json, .layout = cf_json_layout_of(json), .out = out};
    cf_buffer_append(out, json->input.data, from);
    write_node(&writer, 0);
    cf_buffer_append(out, json->input.data + behind, json->input.size - behind);
}
