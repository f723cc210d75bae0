/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/json_layout.h"

#include <string.h>

static cf_bytes space_before(const cf_json *json, size_t offset)
{
    size_t from = offset;

    while (from > 0 && cf_json_is_space(json->input.data[from - 1]))
        from--;
    return cf_bytes_of(json->input.data + from, offset - from);
}

cf_bytes cf_json_lead(const cf_json *json, size_t node)
{
    return space_before(json, json->nodes[node].offset);
}

cf_bytes cf_json_member_lead(const cf_json *json, size_t node)
{
    const cf_json_node *at = &json->nodes[node];

    return space_before(json, at->name_size ? at->name : at->offset);
}

cf_bytes cf_json_colon(const cf_json *json, size_t node)
{
    const cf_json_node *at = &json->nodes[node];
    size_t from = at->name + at->name_size;

    return cf_bytes_of(json->input.data + from, at->offset - from);
}

cf_bytes cf_json_indent(const cf_json *json, size_t node)
{
    const uint8_t *input = json->input.data;
    size_t line = json->nodes[node].offset, end;

    while (line > 0 && input[line - 1] != '\n')
        line--;
    for (end = line; input[end] == ' ' || input[end] == '\t'; end++)
        ;
    return cf_bytes_of(input + line, end - line);
}

static const uint8_t *last_line_end(cf_bytes space)
{
    return space.size ? memrchr(space.data, '\n', space.size) : NULL;
}

/* From the first container whose children stand on lines of their own. */
static void learn_lines(const cf_json *json, size_t child, cf_bytes lead, cf_json_layout *layout)
{
    const uint8_t *newline = last_line_end(lead);
    cf_bytes own = cf_json_indent(json, json->nodes[child].parent);
    size_t indent = (size_t)(lead.data + lead.size - newline) - 1;
    bool carriage = newline > lead.data && newline[-1] == '\r';

    layout->tall = true;
    layout->line_end = cf_bytes_of(newline - carriage, (size_t)1 + carriage);
    if (indent > own.size)
        layout->unit = cf_bytes_of(newline + 1 + own.size, indent - own.size);
    else
        layout->unit = (cf_bytes){0};
}

cf_json_layout cf_json_layout_of(const cf_json *json)
{
    cf_json_layout layout = {.line_end = cf_bytes_of_text("\n"), .unit = cf_bytes_of_text("  ")};
    bool lines = false, inline_seen = false;

    for (size_t i = 1; i < json->count && !(lines && layout.colon.data && layout.comma.data); i++) {
        cf_bytes lead = cf_json_member_lead(json, i);
        bool first = json->nodes[i].parent == i - 1;

        if (!layout.colon.data && json->nodes[i].name_size)
            layout.colon = cf_json_colon(json, i);
        if (last_line_end(lead)) {
            if (!lines)
                learn_lines(json, i, lead, &layout);
            lines = true;
        } else {
            inline_seen = true;
            if (!first && !layout.comma.data)
                layout.comma = cf_bytes_of(lead.data, lead.size);
        }
    }
    if (!lines && !inline_seen)
        layout.tall = true;
    if (!layout.colon.data)
        layout.colon = cf_bytes_of_text(layout.tall || layout.comma.size ? ": " : ":");
    if (!layout.comma.data)
        layout.comma = cf_bytes_of_text(layout.colon.size > 1 ? " " : "");
    return layout;
}

static void append(cf_buffer *out, cf_bytes bytes)
{
    cf_buffer_append(out, bytes.data, bytes.size);
}

static size_t string_end(cf_bytes text, size_t at)
{
    for (at++; text.data[at] != '"'; at++)
        at += text.data[at] == '\\';
    return at + 1;
}

static size_t skip_space(cf_bytes text, size_t at)
{
    while (at < text.size && cf_json_is_space(text.data[at]))
        at++;
    return at;
}

typedef struct {
    const cf_json_layout *layout;
    bool tall;
    cf_bytes indent;
    size_t depth;
    cf_buffer *out;
} laying;

static void next_line(const laying *self)
{
    append(self->out, self->layout->line_end);
    append(self->out, self->indent);
    for (size_t i = 0; i < self->depth; i++)
        append(self->out, self->layout->unit);
}

/* One byte that isn't in a string; returns how many of the text it took. */
static size_t lay_byte(laying *self, cf_bytes text, size_t at)
{
    uint8_t byte = text.data[at];
    bool opens = byte == '{' || byte == '[', closes = byte == '}' || byte == ']';

    if (byte == ':') {
        append(self->out, self->layout->colon);
        return 1;
    }
    if (closes) {
        self->depth--;
        if (self->tall)
            next_line(self);
    }
    cf_buffer_append(self->out, &byte, 1);
    if (opens) {
        size_t inside = skip_space(text, at + 1);

        if (text.data[inside] == '}' || text.data[inside] == ']') {
            cf_buffer_append(self->out, &text.data[inside], 1);
            return inside + 1 - at;
        }
        self->depth++;
    }
    if ((opens || byte == ',') && self->tall)
        next_line(self);
    else if (byte == ',')
        append(self->out, self->layout->comma);
    return 1;
}

void cf_json_lay(cf_bytes text, const cf_json_layout *layout, bool tall, cf_bytes indent,
                 cf_buffer *out)
{
    laying self = {.layout = layout, .tall = tall, .indent = indent, .out = out};

    for (size_t at = skip_space(text, 0); at < text.size; at = skip_space(text, at)) {
        if (text.data[at] != '"') {
            at += lay_byte(&self, text, at);
            continue;
        }
        size_t end = string_end(text, at);
        cf_buffer_append(out, text.data + at, end - at);
        at = end;
    }
}
