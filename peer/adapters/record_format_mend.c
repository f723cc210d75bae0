/* SPDX-License-Identifier: Apache-2.0 */
/* What is whole in a file that is cut short. */
#include "peer/adapters/record_format.h"

#include "peer/adapters/text/content_lines.h"
#include "peer/adapters/text/csv_document.h"
#include "peer/adapters/text/json_document.h"

#include <stdlib.h>
#include <string.h>

static void mend_csv(cf_bytes bytes, cf_buffer *out)
{
    cf_buffer_append(out, bytes.data, cf_csv_whole(bytes));
}

static void mend_json(cf_bytes bytes, cf_buffer *out)
{
    cf_error ignored;
    cf_json json;

    if (cf_json_read(bytes, &json, &ignored))
        return; /* nobody knows which of it is whole */
    cf_json_release(&json);
    cf_buffer_append(out, bytes.data, bytes.size);
}

/* Which lines go: those of components without an end, but not those around others. */
static bool *find_cut(const cf_content_lines *lines, size_t depth)
{
    bool *cut = cf_allocate(lines->count + 1, sizeof *cut);

    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *at = &lines->components[i];
        const bool holds_others = at->depth < depth && cf_component_named(at, "VCALENDAR");

        for (size_t k = at->first; at->unended && !holds_others && k <= at->last; k++)
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

static bool ends_unended(const cf_content_lines *lines, size_t line)
{
    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *at = &lines->components[i];

        if (at->unended && at->depth == 0 && at->last == line)
            return cf_component_named(at, "VCALENDAR");
    }
    return false;
}

static cf_status mend_lines(cf_bytes bytes, bool calendar, cf_buffer *out, cf_error *error)
{
    cf_content_lines lines;

    cf_status status = cf_content_lines_read(bytes, &lines, error);
    if (status)
        return status;
    bool *cut = find_cut(&lines, calendar);
    cf_buffer_append(out, bytes.data, lines.start);
    for (size_t i = 0; i < lines.count; i++) {
        if (!cut[i])
            cf_buffer_append(out, lines.lines[i].raw.data, lines.lines[i].raw.size);
        if (calendar && ends_unended(&lines, i))
            cf_buffer_append_text(out, "END:VCALENDAR%s", lines.crlf ? "\r\n" : "\n");
    }
    free(cut);
    cf_content_lines_release(&lines);
    return CF_OK;
}

cf_status cf_record_format_mend(const cf_record_options *options, cf_bytes bytes, cf_buffer *out,
                                cf_error *error)
{
    if (options->format == CF_FORMAT_VCARD || options->format == CF_FORMAT_ICALENDAR)
        return mend_lines(bytes, options->format == CF_FORMAT_ICALENDAR, out, error);
    (options->format == CF_FORMAT_CSV ? mend_csv : mend_json)(bytes, out);
    return CF_OK;
}
