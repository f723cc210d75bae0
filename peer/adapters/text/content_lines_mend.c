/* SPDX-License-Identifier: Apache-2.0 */
/* What is whole in a text that is cut short. */
#include "peer/adapters/text/content_lines.h"

#include <stdlib.h>

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
