/* SPDX-License-Identifier: Apache-2.0 */
/* Which occurrence of a record a component is: its RECURRENCE-ID, and the name made of that. */
#include "peer/adapters/icalendar_inside.h"

#include <string.h>

#include "peer/adapters/text/content_text.h"

#define LATER ";RANGE=THISANDFUTURE"

/* The time that a RECURRENCE-ID tells, whether this occurrence or all from it on are meant. */
static bool read_occurrence(const cf_content_line *line, cf_calendar_time *time, bool *later)
{
    cf_line_parameter others[CF_LINE_PARAMETERS_MAX];
    cf_content_line plain = *line;

    plain.group = (cf_bytes){0}; /* no name tells it */
    plain.parameters = others;
    plain.parameter_count = 0;
    *later = false;
    for (size_t i = 0; i < line->parameter_count; i++)
        if (!*later && cf_line_word_is(line->parameters[i].name, "RANGE") &&
            cf_line_word_is(line->parameters[i].value, "THISANDFUTURE"))
            *later = true;
        else
            others[plain.parameter_count++] = line->parameters[i];
    return cf_calendar_time_read(&plain, time);
}

static bool in_a_zone(const cf_calendar_time *time)
{
    return time->zone.size && !cf_bytes_equal(time->zone, cf_bytes_of_text("Etc/UTC"));
}

void cf_calendar_occurrence_name(const cf_calendar_component *main,
                                 const cf_calendar_component *occurrence, cf_buffer *out)
{
    const cf_content_line *line = &occurrence->lines->lines[occurrence->occurrence];
    const uint8_t *behind = line->name.data + line->name.size;
    cf_calendar_time time;
    bool later;

    if (!read_occurrence(line, &time, &later))
        cf_buffer_append(out, behind, (size_t)(line->value.data + line->value.size - behind));
    else if (!later && (main->started || main->due_line != CF_LINES_NONE) &&
             cf_calendar_same_zone(&time, &main->start))
        cf_calendar_local_write(time.seconds, out);
    else if (later || in_a_zone(&time))
        cf_calendar_time_line(later ? LATER : "", &time, out);
    else
        cf_buffer_append(out, line->value.data, line->value.size);
}

/* Whether it is the rest of one line, from behind the name on. */
static bool is_rest(cf_bytes name)
{
    cf_buffer text = {0};
    cf_arena arena = {0};
    cf_content_line line;

    cf_buffer_append_text(&text, "RECURRENCE-ID");
    cf_buffer_append(&text, name.data, name.size);
    bool fine = name.size && (name.data[0] == ';' || name.data[0] == ':') &&
                !memchr(name.data, '\n', name.size) && !memchr(name.data, '\r', name.size) &&
                cf_content_line_split(cf_buffer_view(&text), &arena, &line) &&
                line.kind == CF_LINE_PROPERTY && cf_line_named(&line, "RECURRENCE-ID");
    cf_arena_release(&arena);
    cf_buffer_release(&text);
    return fine;
}

void cf_calendar_occurrence_line(cf_bytes name, const cf_calendar_time *start, cf_buffer *out)
{
    cf_calendar_time time = *start;

    if (cf_calendar_local_read(name, &time.seconds)) {
        cf_calendar_time_line("RECURRENCE-ID", &time, out);
        return;
    }
    cf_buffer_append_text(out, "RECURRENCE-ID");
    if (is_rest(name)) {
        cf_buffer_append(out, name.data, name.size);
        return;
    }
    cf_buffer_append_text(out, name.size == 8 ? ";VALUE=DATE:" : ":");
    cf_content_text_write(name, out);
}
