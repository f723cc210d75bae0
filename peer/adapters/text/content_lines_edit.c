/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/content_lines_edit.h"

#include "peer/adapters/text/content_lines.h"
#include "peer/adapters/text/content_text.h"

#include <stdlib.h>
#include <string.h>

void cf_line_edits_release(cf_line_edits *self)
{
    cf_splice_release(&self->splice);
}

static cf_status check_line(cf_bytes text, cf_error *error)
{
    cf_arena arena = {0};
    cf_content_line line;

    if (text.size > CF_LINE_MAX / 2) /* with its folds it stays below the limit */
        return cf_fail(error, CF_TOO_LARGE, "a line of %zu bytes is too long", text.size);
    bool fine = cf_content_line_split(text, &arena, &line);
    cf_arena_release(&arena);
    if (!fine)
        return cf_fail(error, CF_MALFORMED, "what would be written %s", line.trouble);
    if (line.kind == CF_LINE_BLANK || memchr(text.data, '\n', text.size) ||
        memchr(text.data, '\r', text.size))
        return cf_fail(error, CF_MALFORMED, "what would be written isn't one line");
    if (cf_content_line_is_printable(text))
        return cf_fail(error, CF_MALFORMED, "quoted-printable is only read");
    return CF_OK;
}

/* How many octets fit: at most `room`, whole characters. */
static size_t fold_size(cf_bytes text, size_t at, size_t room)
{
    size_t size = room;

    while (size > 1 && (text.data[at + size] & 0xc0) == 0x80)
        size--;
    return size;
}

void cf_line_write(cf_bytes text, cf_line_style style, cf_buffer *out)
{
    const char *line_end = style.crlf ? "\r\n" : "\n";
    size_t at = 0, room = style.fold_at;

    while (room && text.size - at > room) {
        size_t size = fold_size(text, at, room);

        cf_buffer_append(out, text.data + at, size);
        cf_buffer_append_text(out, "%s%c", line_end, style.fold_with);
        at += size;
        room = style.fold_at - 1; /* the white space counts */
    }
    cf_buffer_append(out, text.data + at, text.size - at);
    cf_buffer_append_text(out, "%s", line_end);
}

static bool ends_line(cf_bytes text)
{
    return text.size && text.data[text.size - 1] == '\n';
}

static cf_line_style style_of(const cf_content_lines *lines, bool crlf)
{
    return (cf_line_style){.crlf = crlf, .fold_at = lines->fold_at, .fold_with = lines->fold_with};
}

static size_t offset_of(const cf_content_lines *lines, size_t line)
{
    return (size_t)(lines->lines[line].raw.data - lines->input.data);
}

static void put(cf_line_edits *self, size_t line, cf_bytes replacement)
{
    cf_splice_put(&self->splice, (cf_splice_edit){.offset = offset_of(self->lines, line),
                                                  .length = self->lines->lines[line].raw.size,
                                                  .replacement = replacement});
}

cf_status cf_line_edits_replace(cf_line_edits *self, size_t line, cf_bytes text, cf_error *error)
{
    const cf_bytes raw = self->lines->lines[line].raw;
    const bool ended = ends_line(raw);
    const bool crlf = ended ? raw.size > 1 && raw.data[raw.size - 2] == '\r' : self->lines->crlf;
    cf_buffer out = {0};

    cf_status status = check_line(text, error);
    if (status)
        return status;
    cf_line_write(text, style_of(self->lines, crlf), &out);
    if (!ended)
        out.size -= crlf ? 2 : 1;
    put(self, line, cf_buffer_view(&out));
    cf_buffer_release(&out);
    return CF_OK;
}

cf_status cf_line_edits_value(cf_line_edits *self, size_t index, cf_bytes value, cf_error *error)
{
    const cf_content_line *line = &self->lines->lines[index];
    cf_buffer text = {0};

    cf_buffer_append(&text, line->text.data, line->text.size - line->value.size);
    cf_buffer_append(&text, value.data, value.size);
    cf_status status = cf_line_edits_replace(self, index, cf_buffer_view(&text), error);
    cf_buffer_release(&text);
    return status;
}

cf_status cf_line_edits_insert(cf_line_edits *self, size_t after, cf_bytes text, cf_error *error)
{
    const cf_content_lines *lines = self->lines;
    cf_splice_edit edit = {.offset = lines->start, .line_end = lines->crlf ? "\r\n" : "\n"};
    cf_buffer out = {0};

    cf_status status = check_line(text, error);
    if (status)
        return status;
    if (after != CF_LINES_NONE)
        edit.offset = offset_of(lines, after) + lines->lines[after].raw.size;
    cf_line_write(text, style_of(lines, lines->crlf), &out);
    edit.replacement = cf_buffer_view(&out);
    cf_splice_put(&self->splice, edit);
    cf_buffer_release(&out);
    return CF_OK;
}

void cf_line_edits_delete(cf_line_edits *self, size_t line)
{
    put(self, line, (cf_bytes){0});
}

void cf_line_edits_list(cf_line_edits *self, size_t line, const bool *kept, size_t count,
                        cf_bytes more)
{
    cf_bytes list = self->lines->lines[line].value, part;
    size_t at = 0, left = 0;
    cf_buffer value = {0};
    cf_error error;

    for (size_t i = 0; i < count && cf_content_part(list, ',', &at, &part); i++) {
        if (!kept[i])
            continue;
        cf_buffer_append_text(&value, left++ ? "," : "");
        cf_buffer_append(&value, part.data, part.size);
    }
    if (more.size) {
        cf_buffer_append_text(&value, left ? "," : "");
        cf_buffer_append(&value, more.data, more.size);
    }
    if (left == 0 && more.size == 0)
        cf_line_edits_delete(self, line);
    else if (left < count || more.size)
        (void)cf_line_edits_value(self, line, cf_buffer_view(&value), &error);
    cf_buffer_release(&value);
}

void cf_line_edits_write(cf_line_edits *self, cf_buffer *out)
{
    cf_splice_write(&self->splice, self->lines->input, "\n", out);
}

/* ---- What is whole in a text that is cut short ---- */

/* Whether nothing but other components is in it, so that it goes on with those that are whole. */
static bool is_around(const cf_component *at, const char *around)
{
    return around && at->depth == 0 && cf_component_named(at, around);
}

/* Which lines go: those of components without an end, but not those around others. */
static bool *find_cut(const cf_content_lines *lines, const char *around)
{
    bool *cut = cf_allocate(lines->count + 1, sizeof *cut);

    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *at = &lines->components[i];

        for (size_t k = at->first; at->unended && !is_around(at, around) && k <= at->last; k++)
            cut[k] = true;
    }
    if (lines->count && lines->lines[lines->count - 1].kind != CF_LINE_END) {
        const cf_content_line *last = &lines->lines[lines->count - 1];

        cut[lines->count - 1] |=
            cf_content_line_is_cut(lines, lines->count - 1) ||
            (last->component != CF_LINES_NONE && last->raw.data[last->raw.size - 1] != '\n');
    }
    return cut;
}

/* The component around others has no end, and this is its last line. */
static bool ends_unended(const cf_content_lines *lines, size_t line, const char *around)
{
    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *at = &lines->components[i];

        if (at->unended && at->depth == 0 && at->last == line)
            return is_around(at, around);
    }
    return false;
}

cf_status cf_content_lines_mend(cf_bytes bytes, const char *around, cf_buffer *out, cf_error *error)
{
    cf_content_lines lines;

    cf_status status = cf_content_lines_read(bytes, &lines, error);
    if (status)
        return status;
    bool *cut = find_cut(&lines, around);
    cf_buffer_append(out, bytes.data, lines.start);
    for (size_t i = 0; i < lines.count; i++) {
        if (!cut[i])
            cf_buffer_append(out, lines.lines[i].raw.data, lines.lines[i].raw.size);
        if (ends_unended(&lines, i, around))
            cf_buffer_append_text(out, "END:%s%s", around, lines.crlf ? "\r\n" : "\n");
    }
    free(cut);
    cf_content_lines_release(&lines);
    return CF_OK;
}
