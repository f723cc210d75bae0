/* SPDX-License-Identifier: Apache-2.0 */
/* Content lines: written as they were read; and whatever edits there are, each line that they wrote
 * is read again as it was meant. */
#include "tests/fuzz/target.h"

#include "peer/adapters/text/content_lines_edit.h"
#include "peer/adapters/text/content_text.h"

bool fuzz_seed(size_t number, cf_buffer *out)
{
    switch (number) {
    case 0:
        cf_buffer_append_text(out,
                              "BEGIN:VCARD\r\nVERSION:4.0\r\nitem1.TEL;TYPE=\"a,b\",c;PREF=1:+1\r\n"
                              "NOTE:folded\r\n  here\\, and\\nthere\r\nEND:VCARD\r\n");
        return true;
    case 1:
        cf_buffer_append_text(out,
                              "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nEND:VALARM\n"
                              "END:VEVENT\nEND:VCALENDAR");
        return true;
    case 2:
        cf_buffer_append_text(out, "\xef\xbb\xbf"
                                   "BEGIN:VCARD\nFN;ENCODING=QUOTED-PRINTABLE:a=\n b=C3=A9\n"
                                   "AGENT:\nBEGIN:VCARD\nEND:VCARD\nEND:VCARD\n");
        return true;
    default:
        return false;
    }
}

static void look_at_component(const cf_content_lines *lines, size_t index)
{
    const cf_component *component = &lines->components[index];

    fuzz_must(component->first <= component->last && component->last < lines->count);
    fuzz_must(component->depth < CF_COMPONENT_DEPTH_MAX);
    fuzz_must(lines->lines[component->first].kind == CF_LINE_BEGIN);
    fuzz_must(component->trouble || lines->lines[component->last].kind == CF_LINE_END);
    if (component->parent != CF_LINES_NONE) {
        const cf_component *parent = &lines->components[component->parent];

        fuzz_must(component->parent < index && parent->first < component->first);
        fuzz_must(parent->last >= component->last);
        fuzz_must(!component->trouble || parent->trouble);
    }
}

static void look_at_texts(const cf_content_line *line)
{
    cf_buffer said = {0}, spelled = {0}, again = {0};
    size_t at = 0;
    cf_bytes part;

    while (cf_content_part(line->value, ';', &at, &part)) {
        cf_content_text_read(part, &said);
        cf_quoted_printable_read(part, &again);
    }
    cf_content_text_write(cf_buffer_view(&said), &spelled);
    cf_buffer_clear(&again);
    cf_content_text_read(cf_buffer_view(&spelled), &again);
    for (size_t i = 0; i < said.size; i++)
        if (said.data[i] == '\r')
            goto done; /* a carriage return is written as a line end */
    fuzz_must(cf_bytes_equal(cf_buffer_view(&again), cf_buffer_view(&said)));
done:
    for (size_t i = 0; i < line->parameter_count; i++)
        for (at = 0; cf_parameter_part(line->parameters[i].value, &at, &part);)
            cf_parameter_read(part, &said);
    cf_buffer_release(&said);
    cf_buffer_release(&spelled);
    cf_buffer_release(&again);
}

/* All lines that can be are written anew, and read again. */
static void write_anew(const cf_content_lines *lines)
{
    cf_line_edits edits = {.lines = lines};
    cf_content_lines again;
    cf_buffer out = {0};
    cf_error error;

    for (size_t i = 0; i < lines->count; i++)
        if (lines->lines[i].kind == CF_LINE_PROPERTY)
            (void)cf_line_edits_replace(&edits, i, lines->lines[i].text, &error);
    cf_line_edits_write(&edits, &out);
    fuzz_must(!cf_content_lines_read(cf_buffer_view(&out), &again, &error));
    fuzz_must(again.count == lines->count);
    for (size_t i = 0; i < lines->count; i++)
        fuzz_must(cf_bytes_equal(again.lines[i].text, lines->lines[i].text));
    cf_content_lines_release(&again);
    cf_line_edits_release(&edits);
    cf_buffer_release(&out);
}

bool fuzz_run(cf_bytes input)
{
    cf_content_lines lines;
    cf_buffer out = {0};
    cf_error error;
    bool fine = true;

    if (cf_content_lines_read(input, &lines, &error))
        return false;
    cf_line_edits edits = {.lines = &lines};
    cf_line_edits_write(&edits, &out);
    fuzz_must(cf_bytes_equal(cf_buffer_view(&out), input));
    cf_buffer_release(&out);
    for (size_t i = 0; i < lines.component_count; i++)
        look_at_component(&lines, i);
    for (size_t i = 0; i < lines.count; i++) {
        look_at_texts(&lines.lines[i]);
        fine = fine && !lines.lines[i].trouble;
    }
    write_anew(&lines);
    cf_content_lines_release(&lines);
    return fine;
}
