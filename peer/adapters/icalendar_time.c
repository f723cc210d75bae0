/* SPDX-License-Identifier: Apache-2.0 */
/* Dates, times and durations, as iCalendar and JSCalendar spell them: seconds on a wall clock, as
 * if every day had 24 hours, beside the name of a zone. */
#include "peer/adapters/icalendar_inside.h"

#include <string.h>

#include "peer/adapters/text/content_text.h"
#include "peer/adapters/time_zones.h"

enum { DAY = 86400 };

static bool take(cf_bytes text, size_t *at, size_t digits, int64_t *out)
{
    *out = 0;
    if (text.size - *at < digits)
        return false;
    for (size_t i = 0; i < digits; i++, ++*at) {
        if (text.data[*at] < '0' || text.data[*at] > '9')
            return false;
        *out = *out * 10 + (text.data[*at] - '0');
    }
    return true;
}

static bool skip(cf_bytes text, size_t *at, const char *letter)
{
    if (*letter && (*at >= text.size || text.data[*at] != (uint8_t)*letter))
        return false;
    *at += *letter != '\0';
    return true;
}

/* YYYY-MM-DD and HH:MM:SS with these separators; `separators` "" and "" for none. */
static bool read_date(cf_bytes text, size_t *at, const char *separator, int64_t *days)
{
    int64_t year, month, day;
    int back_year, back_month, back_day;

    if (!take(text, at, 4, &year) || !skip(text, at, separator) || !take(text, at, 2, &month) ||
        !skip(text, at, separator) || !take(text, at, 2, &day) || year < 1 || month < 1 ||
        month > 12 || day < 1 || day > 31)
        return false;
    *days = cf_days_of(year, month, day);
    cf_days_date(*days, &back_year, &back_month, &back_day);
    return back_month == month && back_day == day;
}

static bool read_clock(cf_bytes text, size_t *at, const char *separator, int64_t *seconds)
{
    int64_t hour, minute, second;

    if (!take(text, at, 2, &hour) || !skip(text, at, separator) || !take(text, at, 2, &minute) ||
        !skip(text, at, separator) || !take(text, at, 2, &second) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

static bool read_spelled(cf_bytes text, cf_calendar_time *out)
{
    int64_t days, clock = 0;
    size_t at = 0;

    if (!read_date(text, &at, "", &days))
        return false;
    out->date = at == text.size;
    if (!out->date && (!skip(text, &at, "T") || !read_clock(text, &at, "", &clock)))
        return false;
    if (at < text.size) {
        if (!skip(text, &at, "Z") || at < text.size || out->date || out->zone.size)
            return false;
        out->zone = cf_bytes_of_text("Etc/UTC");
    }
    out->seconds = days * DAY + clock;
    return true;
}

/* One name, as Outlook has it in quotes. */
static bool read_zone(cf_bytes spelled, cf_bytes *zone)
{
    const bool quoted =
        spelled.size > 2 && spelled.data[0] == '"' && spelled.data[spelled.size - 1] == '"';

    *zone = quoted ? cf_bytes_of(spelled.data + 1, spelled.size - 2) : spelled;
    return zone->size && !memchr(zone->data, ',', zone->size) &&
           !memchr(zone->data, '"', zone->size) && !memchr(zone->data, '^', zone->size);
}

bool cf_calendar_time_read(const cf_content_line *line, cf_calendar_time *out)
{
    cf_calendar_time time = {0};
    bool date = false;

    for (size_t i = 0; i < line->parameter_count; i++) {
        cf_bytes value = line->parameters[i].value;

        if (cf_line_word_is(line->parameters[i].name, "TZID")) {
            if (!read_zone(value, &time.zone))
                return false;
        } else if (!cf_line_word_is(line->parameters[i].name, "VALUE")) {
            return false;
        } else {
            date = cf_line_word_is(value, "DATE");
            if (!date && !cf_line_word_is(value, "DATE-TIME"))
                return false;
        }
    }
    if (cf_line_word_is(time.zone, "Etc/UTC") || line->group.size ||
        !read_spelled(line->value, &time) || time.date != date || (date && time.zone.size))
        return false;
    *out = time;
    return true;
}

static bool is_utc(const cf_calendar_time *time)
{
    return cf_bytes_equal(time->zone, cf_bytes_of_text("Etc/UTC"));
}

void cf_calendar_time_write(const cf_calendar_time *time, cf_buffer *out)
{
    int64_t clock = time->seconds % DAY;
    int year, month, day;

    cf_days_date(time->seconds / DAY, &year, &month, &day);
    cf_buffer_append_text(out, "%04d%02d%02d", year, month, day);
    if (!time->date)
        cf_buffer_append_text(out, "T%02d%02d%02d%s", (int)(clock / 3600), (int)(clock / 60 % 60),
                              (int)(clock % 60), is_utc(time) ? "Z" : "");
}

void cf_calendar_time_line(const char *name, const cf_calendar_time *time, cf_buffer *out)
{
    cf_buffer_append_text(out, "%s", name);
    if (time->date) {
        cf_buffer_append_text(out, ";VALUE=DATE");
    } else if (time->zone.size && !is_utc(time)) {
        cf_buffer_append_text(out, ";TZID=");
        cf_parameter_write(time->zone, out);
    }
    cf_buffer_append_text(out, ":");
    cf_calendar_time_write(time, out);
}

void cf_calendar_local_write(int64_t seconds, cf_buffer *out)
{
    int64_t clock = seconds % DAY;
    int year, month, day;

    cf_days_date(seconds / DAY, &year, &month, &day);
    cf_buffer_append_text(out, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
                          (int)(clock / 3600), (int)(clock / 60 % 60), (int)(clock % 60));
}

bool cf_calendar_local_read(cf_bytes text, int64_t *seconds)
{
    int64_t days, clock;
    size_t at = 0;

    if (!read_date(text, &at, "-", &days) || !skip(text, &at, "T") ||
        !read_clock(text, &at, ":", &clock) || at < text.size)
        return false;
    *seconds = days * DAY + clock;
    return true;
}

bool cf_calendar_same_zone(const cf_calendar_time *a, const cf_calendar_time *b)
{
    return a->date == b->date && cf_bytes_equal(a->zone, b->zone);
}

bool cf_calendar_duration_read(cf_bytes text, cf_calendar_duration *out)
{
    static const struct {
        char letter;
        bool time;
        int64_t size; /* days, or seconds */
    } units[] = {
        {'W', false, 7}, {'D', false, 1}, {'H', true, 3600}, {'M', true, 60}, {'S', true, 1}};
    size_t at = 0, unit = 0;
    bool time = false, any = false;

    *out = (cf_calendar_duration){0};
    if (!skip(text, &at, "P"))
        return false;
    while (at < text.size) {
        int64_t number = 0;
        size_t from = at;

        if (!time && text.data[at] == 'T') {
            time = true;
            any = false;
            at++;
            continue;
        }
        while (at < text.size && at - from < 9 && take(text, &(size_t){at}, 1, &(int64_t){0}))
            number = number * 10 + (text.data[at++] - '0');
        while (unit < 5 && at < text.size &&
               (units[unit].time != time || units[unit].letter != (char)text.data[at]))
            unit++;
        if (at == from || at >= text.size || unit == 5)
            return false;
        *(time ? &out->seconds : &out->days) += number * units[unit++].size;
        any = true;
        at++;
    }
    return any;
}

void cf_calendar_duration_write(const cf_calendar_duration *duration, cf_buffer *out)
{
    const int64_t days = duration->days, clock = duration->seconds;
    const struct {
        int64_t number;
        char letter;
    } parts[] = {{clock / 3600, 'H'}, {clock / 60 % 60, 'M'}, {clock % 60, 'S'}};

    cf_buffer_append_text(out, "P");
    if (days)
        cf_buffer_append_text(out, "%lldD", (long long)days);
    if (clock || !days)
        cf_buffer_append_text(out, "T");
    for (size_t i = 0; i < 3; i++)
        if (parts[i].number)
            cf_buffer_append_text(out, "%lld%c", (long long)parts[i].number, parts[i].letter);
    if (!days && !clock)
        cf_buffer_append_text(out, "0S");
}

/* NULL: its clock is never changed, or nobody knows when. */
static const char *changes_of(cf_bytes zone)
{
    return cf_bytes_equal(zone, cf_bytes_of_text("Etc/UTC")) ? NULL : cf_time_zone_rule(zone);
}

bool cf_calendar_duration_end(const cf_calendar_time *start, const cf_calendar_duration *duration,
                              cf_calendar_time *end)
{
    const char *rule = duration->seconds ? changes_of(start->zone) : NULL;

    *end = *start;
    end->seconds += duration->days * DAY;
    if (!rule) {
        end->seconds += duration->seconds;
        return true;
    }
    const int64_t utc = cf_time_zone_utc(rule, end->seconds) + duration->seconds;
    end->seconds = cf_time_zone_wall(rule, utc);
    return cf_time_zone_utc(rule, end->seconds) == utc;
}

bool cf_calendar_duration_between(const cf_calendar_time *start, const cf_calendar_time *end,
                                  cf_calendar_duration *out)
{
    const int64_t wall = end->seconds - start->seconds;
    const char *rule = wall < 0 ? NULL : changes_of(start->zone);

    *out = (cf_calendar_duration){.days = wall / DAY, .seconds = wall % DAY};
    if (!rule)
        return wall >= 0;
    do
        out->seconds = cf_time_zone_utc(rule, end->seconds) -
                       cf_time_zone_utc(rule, start->seconds + out->days * DAY);
    while (out->seconds < 0 && out->days-- > 0);
    return out->seconds >= 0;
}
