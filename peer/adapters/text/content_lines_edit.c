/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/content_lines_edit.h"

#include "peer/adapters/text/content_lines.h"
#include "peer/adapters/text/content_text.h"

#include <stdlib.h>
#include <string.h>

typedef enum {
    REPLACE,
    DELETE,
    INSERT,
} edit_kind;

struct cf_line_edit {
    size_t line;  /* that the edit is of; of INSERT: before which it comes */
    size_t order; /* in which the edits came */
    edit_kind kind;
    cf_bytes text;
};

void cf_line_edits_release(cf_line_edits *self)
{
    free(self->edits);
    cf_arena_release(&self->arena);
    *self = (cf_line_edits){0};
}

static void add(cf_line_edits *self, size_t line, edit_kind kind, cf_bytes text)
{
    self->edits = cf_grow(self->edits, &self->capacity, self->count + 1, sizeof *self->edits);
    self->edits[self->count] = (cf_line_edit){.line = line,
                                              .order = self->count,
                                              .kind = kind,
                                              .text = cf_arena_copy(&self->arena, text)};
    self->count++;
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

cf_status cf_line_edits_replace(cf_line_edits *self, size_t line, cf_bytes text, cf_error *error)
{
    cf_status status = check_line(text, error);

    if (!status)
        add(self, line, REPLACE, text);
    return status;
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
    cf_status status = check_line(text, error);

    if (!status)
        add(self, after == CF_LINES_NONE ? 0 : after + 1, INSERT, text);
    return status;
}

void cf_line_edits_delete(cf_line_edits *self, size_t line)
{
    add(self, line, DELETE, (cf_bytes){0});
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

static int compare(const void *left, const void *right)
{
    const cf_line_edit *a = left, *b = right;

    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->order < b->order ? -1 : 1;
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

static void write_replaced(const cf_content_line *line, cf_bytes text,
                           const cf_content_lines *lines, cf_buffer *out)
{
    cf_bytes raw = line->raw;
    bool crlf = ends_line(raw) ? raw.size > 1 && raw.data[raw.size - 2] == '\r' : lines->crlf;

    cf_line_write(text, style_of(lines, crlf), out);
    if (!ends_line(raw))
        out->size -= crlf ? 2 : 1;
}

/* What was read last may lack its line end; `begin` is where the lines begin in `out`. */
static void end_last_line(const cf_content_lines *lines, size_t begin, cf_buffer *out)
{
    if (out->size > begin && !ends_line(cf_buffer_view(out)))
        cf_buffer_append_text(out, "%s", lines->crlf ? "\r\n" : "\n");
}

/* The edits of one line, from `at` on; returns the next line's. */
static size_t write_edited(const cf_line_edits *self, size_t at, size_t begin, cf_buffer *out)
{
    const cf_content_lines *lines = self->lines;
    const cf_line_edit *last = NULL;
    size_t line = self->edits[at].line;

    for (; at < self->count && self->edits[at].line == line; at++) {
        const cf_line_edit *edit = &self->edits[at];

        if (edit->kind != INSERT) {
            last = edit;
            continue;
        }
        end_last_line(lines, begin, out);
        cf_line_write(edit->text, style_of(lines, lines->crlf), out);
    }
    if (last && last->kind == REPLACE)
        write_replaced(&lines->lines[line], last->text, lines, out);
    else if (!last && line < lines->count)
        cf_buffer_append(out, lines->lines[line].raw.data, lines->lines[line].raw.size);
    return at;
}

void cf_line_edits_write(const cf_line_edits *self, cf_buffer *out)
{
    const cf_content_lines *lines = self->lines;
    size_t from = 0, at = 0;

    if (self->count)
        qsort(self->edits, self->count, sizeof *self->edits, compare);
    cf_buffer_append(out, lines->input.data, lines->start);
    size_t begin = out->size;
    while (at < self->count) {
        size_t line = self->edits[at].line;

        for (; from < line; from++)
            cf_buffer_append(out, lines->lines[from].raw.data, lines->lines[from].raw.size);
        at = write_edited(self, at, begin, out);
        from = line + 1;
    }
    for (; from < lines->count; from++)
        cf_buffer_append(out, lines->lines[from].raw.data, lines->lines[from].raw.size);
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
