/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/json_edit.h"

#include <stdlib.h>
#include <string.h>

/* A change among the children of a container. */
struct cf_json_child {
    size_t container, order; /* order: in which the changes came */
    cf_bytes name, value;    /* of a new child, the name with its quotes; both empty: one is gone */
};

void cf_json_edits_release(cf_json_edits *self)
{
    free(self->children);
    free(self->gone);
    cf_splice_release(&self->splice);
    *self = (cf_json_edits){0};
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

/* With the name, where the node is a member. */
static size_t begin_of(const cf_json *json, size_t node)
{
    return json->nodes[node].name_size ? json->nodes[node].name : json->nodes[node].offset;
}

/* With the white space before it. */
static size_t lead_from(const cf_json *json, size_t node)
{
    return begin_of(json, node) - cf_json_member_lead(json, node).size;
}

static size_t end_of(const cf_json *json, size_t node)
{
    return (size_t)json->nodes[node].offset + json->nodes[node].size;
}

/* The white space behind a child: before the comma or bracket. */
static cf_bytes trail_of(const cf_json *json, size_t child)
{
    size_t from = end_of(json, child), end = from;

    while (cf_json_is_space(json->input.data[end]))
        end++;
    return cf_bytes_of(json->input.data + from, end - from);
}

static const cf_json_layout *layout_of(cf_json_edits *self)
{
    if (!self->has_layout)
        self->layout = cf_json_layout_of(self->json);
    self->has_layout = true;
    return &self->layout;
}

/* ---- Collecting ---- */

static void put(cf_json_edits *self, size_t from, size_t to, cf_bytes replacement)
{
    cf_splice_put(
        &self->splice,
        (cf_splice_edit){.offset = from, .length = to - from, .replacement = replacement});
}

/* Children of a new value are on lines of their own where those of the old one were, or, of one
 * that had none, the node itself is; in a document that was nothing else they are. */
static bool is_tall(const cf_json *json, size_t node)
{
    const cf_json_node *old = &json->nodes[node];

    if (old->children)
        return has_line_end(cf_json_member_lead(json, node + 1));
    return old->parent == CF_JSON_NONE || has_line_end(cf_json_member_lead(json, old->parent + 1));
}

cf_status cf_json_edits_replace(cf_json_edits *self, size_t node, cf_bytes value, cf_error *error)
{
    const cf_json_node *old = &self->json->nodes[node];
    cf_buffer laid = {0};

    cf_status status = check_value(value, old->depth, error);
    if (status)
        return status;
    const bool tall = is_tall(self->json, node);
    cf_json_lay(value, layout_of(self), tall,
                tall ? cf_json_indent(self->json, node) : (cf_bytes){0}, &laid);
    put(self, old->offset, end_of(self->json, node), cf_buffer_view(&laid));
    if (self->gone)
        self->gone[node] = false;
    cf_buffer_release(&laid);
    return CF_OK;
}

static void add(cf_json_edits *self, size_t container, cf_bytes name, cf_bytes value)
{
    const struct cf_json_child child = {.container = container,
                                        .order = self->count,
                                        .name = cf_arena_copy(&self->splice.arena, name),
                                        .value = cf_arena_copy(&self->splice.arena, value)};

    *cf_one_more(self->children, self->count, self->capacity) = child;
}

void cf_json_edits_delete(cf_json_edits *self, size_t node)
{
    if (!self->gone)
        self->gone = cf_allocate(self->json->count, sizeof *self->gone);
    self->gone[node] = true;
    add(self, self->json->nodes[node].parent, (cf_bytes){0}, (cf_bytes){0});
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
    add(self, container, cf_buffer_view(&spelled), value);
    cf_buffer_release(&spelled);
    return CF_OK;
}

/* ---- Writing ---- */

static int compare(const void *left, const void *right)
{
    const struct cf_json_child *a = left, *b = right;

    if (a->container != b->container)
        return a->container < b->container ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* The children of one container as they should be: those that stay, each with what stood before and
 * behind it, and then those that are new. The first that is left stands where the first stood, and
 * what stood before the closing bracket stays there. */
typedef struct {
    cf_json_edits *edits;
    const cf_json *json;
    size_t container;
    size_t last;    /* the last child that the container had; 0: none */
    size_t stays;   /* the last child that stays; 0: none */
    cf_bytes trail; /* of the child before the next new one: the space that a comma follows */
    cf_buffer tail; /* what comes behind the last child that stays */
} children;

/* Cuts the children out that are gone before `child`, which stays, up to another that stays or to
 * the bracket: of [1, 2, 3] without 2 it is " 2,", without 1 and 2 "1, 2, ". */
static void cut_before(const children *self, size_t child)
{
    const cf_json *json = self->json;

    if (self->stays)
        put(self->edits, lead_from(json, json->nodes[self->stays].end), lead_from(json, child),
            (cf_bytes){0});
    else
        put(self->edits, begin_of(json, self->container + 1), begin_of(json, child), (cf_bytes){0});
}

static void cut_gone(children *self)
{
    const cf_json_node *nodes = self->json->nodes;
    const bool *gone = self->edits->gone;

    for (size_t child = self->container + 1; child < nodes[self->container].end;
         child = nodes[child].end) {
        if (!gone || !gone[child]) {
            if (self->stays != self->last)
                cut_before(self, child);
            self->stays = child;
        }
        self->last = child;
    }
    if (self->stays != self->last && self->stays)
        self->trail = trail_of(self->json, self->stays);
}

static void append(children *self, cf_bytes bytes)
{
    cf_buffer_append(&self->tail, bytes.data, bytes.size);
}

/* What stands before a new child: as before its neighbour, or as in the rest of the document. */
static cf_bytes lead_of_new(const children *self, bool first, cf_buffer *made)
{
    const cf_json_layout *layout = layout_of(self->edits);
    const size_t old = self->container + 1;

    if (self->last) {
        cf_bytes lead = cf_json_member_lead(self->json, old);

        if (first || has_line_end(lead))
            return lead;
        return self->last != old ? cf_json_member_lead(self->json, self->last) : layout->comma;
    }
    if (!layout->tall)
        return first ? (cf_bytes){0} : layout->comma;
    cf_bytes indent = cf_json_indent(self->json, self->container);
    cf_buffer_append(made, layout->line_end.data, layout->line_end.size);
    cf_buffer_append(made, indent.data, indent.size);
    cf_buffer_append(made, layout->unit.data, layout->unit.size);
    return cf_buffer_view(made);
}

static void append_new(children *self, const struct cf_json_child *new)
{
    const cf_json_layout *layout = layout_of(self->edits);
    const bool first = !self->stays && !self->tail.size;
    cf_buffer made = {0};

    if (!first) {
        append(self, self->trail);
        append(self, cf_bytes_of_text(","));
        self->trail = (cf_bytes){0};
    }
    cf_bytes lead = lead_of_new(self, first, &made);
    append(self, lead);
    append(self, new->name);
    if (new->name.size)
        append(self, self->last ? cf_json_colon(self->json, self->last) : layout->colon);
    cf_json_lay(new->value, layout, has_line_end(lead), indent_within(lead), &self->tail);
    cf_buffer_release(&made);
}

static void change_children(cf_json_edits *edits, const struct cf_json_child *changes, size_t count)
{
    const cf_json *json = edits->json;
    children self = {.edits = edits, .json = json, .container = changes->container};
    const size_t bracket = end_of(json, self.container) - 1;

    cut_gone(&self);
    for (size_t i = 0; i < count; i++)
        if (changes[i].value.size)
            append_new(&self, &changes[i]);
    if (!self.last && layout_of(edits)->tall) {
        append(&self, edits->layout.line_end);
        append(&self, cf_json_indent(json, self.container));
    }
    put(edits, self.stays ? end_of(json, self.stays) : json->nodes[self.container].offset + 1,
        self.last && (self.stays || self.tail.size) ? end_of(json, self.last) : bracket,
        cf_buffer_view(&self.tail));
    cf_buffer_release(&self.tail);
}

void cf_json_edits_write(cf_json_edits *self, cf_buffer *out)
{
    size_t at = 0, next;

    if (self->count)
        qsort(self->children, self->count, sizeof *self->children, compare);
    for (; at < self->count; at = next) {
        for (next = at; next < self->count; next++)
            if (self->children[next].container != self->children[at].container)
                break;
        change_children(self, &self->children[at], next - at);
    }
    cf_splice_write(&self->splice, self->json->input, "", out);
}
