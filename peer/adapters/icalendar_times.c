/* SPDX-License-Identifier: Apache-2.0 */
/* The times of a component, which are told together: DTSTART, DTEND or DURATION, DUE. */
#include "peer/adapters/icalendar_inside.h"

#include "peer/adapters/value_map.h"

enum { DAY = 86400 };

typedef struct {
    const cf_calendar_component *component;
    const cf_row *row;
    cf_line_edits *edits;
    cf_calendar_time start;
    cf_buffer text;
} times;

static void replace(times *self, size_t line)
{
    cf_error error;

    (void)cf_line_edits_replace(self->edits, line, cf_buffer_view(&self->text), &error);
}

static void insert(times *self, size_t after)
{
    cf_error error;

    (void)cf_line_edits_insert(self->edits, after, cf_buffer_view(&self->text), &error);
}

static bool read_local(const cf_row *row, const char *field, int64_t *seconds)
{
    cf_bytes text;

    return cf_value_is_text(cf_vcard_plain(row, cf_bytes_of_text(field)), &text) &&
           cf_calendar_local_read(text, seconds);
}

static bool read_duration(const cf_row *row, cf_calendar_duration *duration, cf_bytes *text)
{
    return cf_value_is_text(cf_vcard_plain(row, cf_bytes_of_text("/duration")), text) &&
           cf_calendar_duration_read(*text, duration);
}

/* What is to be told without a time of day, and can be: the hours of a start, or of an end after
 * the day, have no place in a date.
 *
 *     without time, midnight, 2 days         DTSTART;VALUE=DATE, DTEND;VALUE=DATE
 *     without time, midnight, 1 hour         DTSTART;VALUE=DATE: it is within that day
 *     without time, 15:30, or 1 day 1 hour   DTSTART:…T153000, and the end is as it was */
static bool is_day(const cf_row *row)
{
    static const char *const fields[] = {"/start", "/due"};
    cf_bytes said = cf_vcard_plain(row, cf_bytes_of_text("/showWithoutTime"));
    bool day = said.size == 1 && said.data[0] == 0xc3;
    cf_calendar_duration duration;
    cf_bytes text;
    int64_t seconds;

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        day = day && (!read_local(row, fields[i], &seconds) || seconds % DAY == 0);
    return day && (!read_duration(row, &duration, &text) || duration.seconds % DAY == 0 ||
                   (duration.days == 0 && duration.seconds < DAY));
}

static bool times_differ(const cf_calendar_component *component, const cf_row *row)
{
    for (size_t i = 0; i < CF_CALENDAR_TIMES; i++)
        if (!cf_value_same(cf_vcard_plain(row, cf_bytes_of_text(cf_calendar_time_fields[i])),
                           component->times[i]))
            return true;
    return false;
}

bool cf_calendar_wanted_start(const cf_row *row, const cf_calendar_component *there,
                              cf_calendar_time *out)
{
    cf_bytes zone = cf_vcard_plain(row, cf_bytes_of_text("/timeZone"));

    if (there && there->started && !times_differ(there, row)) {
        *out = there->start;
        return true;
    }
    *out = (cf_calendar_time){.date = is_day(row)};
    if (!out->date)
        cf_value_is_text(zone, &out->zone);
    return read_local(row, "/start", &out->seconds);
}

/* The line in place of the one that was there, or behind `after`; an empty text takes it away. */
static void write_time(times *self, size_t line, size_t after)
{
    if (line != CF_LINES_NONE && self->text.size == 0)
        cf_line_edits_delete(self->edits, line);
    else if (line != CF_LINES_NONE)
        replace(self, line);
    else if (self->text.size)
        insert(self, after);
}

/* DTEND, or DURATION where that is what there is, or no clock shows the end. A day's end is a day:
 * hours would be none. */
static void write_end(times *self, bool started, size_t after)
{
    const cf_calendar_component *component = self->component;
    const bool lasting = component->duration_line != CF_LINES_NONE;
    cf_calendar_duration duration;
    cf_calendar_time end;
    cf_bytes text;

    cf_buffer_clear(&self->text);
    if (started && !component->task && read_duration(self->row, &duration, &text)) {
        if (lasting || !cf_calendar_duration_end(&self->start, &duration, &end))
            cf_buffer_append_text(&self->text, "DURATION:%.*s", (int)text.size,
                                  (const char *)text.data);
        else if (!end.date || duration.seconds % DAY == 0)
            cf_calendar_time_line("DTEND", &end, &self->text);
    }
    write_time(self, lasting ? component->duration_line : component->end_line, after);
}

static void write_times(times *self, bool started, size_t after)
{
    const cf_calendar_component *component = self->component;
    cf_calendar_time due;

    cf_buffer_clear(&self->text);
    if (started)
        cf_calendar_time_line("DTSTART", &self->start, &self->text);
    write_time(self, component->start_line, after);
    write_end(self, started,
              component->start_line == CF_LINES_NONE ? after : component->start_line);
    due = self->start;
    cf_buffer_clear(&self->text);
    if (component->task && read_local(self->row, "/due", &due.seconds))
        cf_calendar_time_line("DUE", &due, &self->text);
    write_time(self, component->due_line, after);
}

bool cf_calendar_times_write(const cf_calendar_component *component, const cf_row *row,
                             size_t after, cf_line_edits *edits, cf_calendar_time *start)
{
    times self = {.component = component, .row = row, .edits = edits};
    bool started = cf_calendar_wanted_start(row, component, &self.start);

    *start = self.start;
    if (times_differ(component, row))
        write_times(&self, started, after);
    cf_buffer_release(&self.text);
    return started && component->started && !cf_calendar_same_zone(start, &component->start);
}
