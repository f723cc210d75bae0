/* SPDX-License-Identifier: Apache-2.0 */
/* Whole components: deleted, inserted, and one made into another. */
#include "peer/adapters/icalendar_inside.h"

#include <stdlib.h>

void cf_calendar_delete(const cf_content_lines *lines, size_t component, cf_line_edits *edits)
{
    for (size_t i = lines->components[component].first; i <= lines->components[component].last; i++)
        cf_line_edits_delete(edits, i);
}

bool cf_calendar_is_whole(const cf_content_lines *lines)
{
    return lines->component_count && !lines->components[0].trouble &&
           lines->components[0].first == 0 && lines->components[0].last + 1 == lines->count;
}

void cf_calendar_insert(cf_line_edits *edits, size_t after, cf_bytes text)
{
    cf_content_lines lines;
    cf_error error;

    if (cf_content_lines_read(text, &lines, &error))
        return;
    for (size_t i = 0; i < lines.count && cf_calendar_is_whole(&lines); i++)
        (void)cf_line_edits_insert(edits, after, lines.lines[i].text, &error);
    cf_content_lines_release(&lines);
}

/* A line of the component that nobody claimed, with the same text or only the same name. */
static size_t find_line(const cf_content_lines *lines, size_t component, const bool *claimed,
                        const cf_content_line *line, bool by_name)
{
    const cf_component *own = &lines->components[component];

    for (size_t i = own->first + 1; i < own->last; i++) {
        const cf_content_line *at = &lines->lines[i];

        if (!claimed[i - own->first] && at->kind == CF_LINE_PROPERTY &&
            (by_name ? cf_bytes_equal(at->name, line->name) : cf_bytes_equal(at->text, line->text)))
            return i;
    }
    return CF_LINES_NONE;
}

void cf_calendar_change(const cf_content_lines *lines, size_t component,
                        const cf_content_lines *wanted, cf_line_edits *edits)
{
    const cf_component *own = &lines->components[component];
    bool *claimed = cf_allocate(own->last - own->first + 1, sizeof *claimed);
    cf_error error;

    for (int by_name = 0; by_name < 2; by_name++)
        for (size_t i = 1; i + 1 < wanted->count; i++) {
            cf_content_line *line = &wanted->lines[i];
            size_t at = line->kind == CF_LINE_PROPERTY
                            ? find_line(lines, component, claimed, line, by_name)
                            : CF_LINES_NONE;

            if (at != CF_LINES_NONE) {
                claimed[at - own->first] = true;
                line->kind = CF_LINE_BLANK; /* it has its place */
            }
            if (at != CF_LINES_NONE && by_name)
                (void)cf_line_edits_replace(edits, at, line->text, &error);
            else if (at == CF_LINES_NONE && by_name && line->kind == CF_LINE_PROPERTY)
                (void)cf_line_edits_insert(edits, own->last - 1, line->text, &error);
        }
    for (size_t i = own->first + 1; i < own->last; i++)
        if (!claimed[i - own->first] && lines->lines[i].kind == CF_LINE_PROPERTY)
            cf_line_edits_delete(edits, i);
    free(claimed);
}

bool cf_calendar_is_flat(const cf_content_lines *lines, size_t component)
{
    return component + 1 == lines->component_count ||
           lines->components[component + 1].first > lines->components[component].last;
}
