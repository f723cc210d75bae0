/* SPDX-License-Identifier: Apache-2.0 */
/* Which name an occurrence has in a series that was moved. Only what was an occurrence, by its
 * clock, and is none now, gets another name: the start's time on the same day, or, where the series
 * goes by other weekdays, or by a zone in which it is another date, on the day that took its place.
 *
 *     9:00 to 10:00                      the 12th at 9:00: the 12th at 10:00
 *     weekly, Monday to Tuesday          Monday the 12th: Tuesday the 13th
 *     weekly, the 5th to the 19th        Monday the 26th: as it is, the series begins later
 *     daily, 2:00 in Berlin to 20:00 in New York, the day before     the 12th: the 11th
 *     by hours, or told at 15:00 beside a series at 9:00             as it is */
#include "peer/records/occurrence.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codec/pack.h"
#include "peer/records/row_instead.h"

enum { DAY = 86400, WEEK = 7, TEXT_SIZE = sizeof "2026-01-12T09:00:00" - 1 };

static const char prefix[] = "/recurrenceOverrides/";

/* ---- Times ---- */

static bool take(cf_bytes text, size_t from, size_t digits, int *out)
{
    *out = 0;
    for (size_t i = from; i < from + digits; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (text.data[i] - '0');
    }
    return true;
}

/* False: the year takes more than four digits. */
static bool write_time(int64_t seconds, char text[TEXT_SIZE + 1])
{
    const time_t clock = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&clock, &parts) || parts.tm_year < -1900 || parts.tm_year > 9999 - 1900)
        return false;
    return snprintf(text, TEXT_SIZE + 1, "%04u-%02u-%02uT%02u:%02u:%02u",
                    (unsigned)(parts.tm_year + 1900) % 10000, (unsigned)(parts.tm_mon + 1) % 100,
                    (unsigned)parts.tm_mday % 100, (unsigned)parts.tm_hour % 100,
                    (unsigned)parts.tm_min % 100, (unsigned)parts.tm_sec % 100) == TEXT_SIZE;
}

/* 2026-01-12T09:00:00, of a day that there is. */
static bool read_time(cf_bytes text, int64_t *seconds)
{
    char again[TEXT_SIZE + 1];
    struct tm parts = {0};

    if (text.size != TEXT_SIZE || !take(text, 0, 4, &parts.tm_year) ||
        !take(text, 5, 2, &parts.tm_mon) || !take(text, 8, 2, &parts.tm_mday) ||
        !take(text, 11, 2, &parts.tm_hour) || !take(text, 14, 2, &parts.tm_min) ||
        !take(text, 17, 2, &parts.tm_sec))
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon--;
    *seconds = timegm(&parts);
    return write_time(*seconds, again) && memcmp(again, text.data, TEXT_SIZE) == 0;
}

static int64_t day_of(int64_t seconds)
{
    return (seconds - ((seconds % DAY) + DAY) % DAY) / DAY;
}

static int64_t clock_of(int64_t seconds)
{
    return seconds - day_of(seconds) * DAY;
}

/* 1 for Sunday, 64 for Saturday; the first of January 1970 was a Thursday. */
static uint8_t weekday_of(int64_t day)
{
    return (uint8_t)(1 << (((day + 4) % WEEK + WEEK) % WEEK));
}

static bool read_time_value(cf_bytes value, int64_t *seconds)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes text;
    cf_error ignored;

    return value.size && cf_read_text(&reader, &text, &ignored) == CF_OK &&
           read_time(text, seconds);
}

/* ---- The series ---- */

/* The next member of a map of so many; false: there is no more, or it has no name. */
static bool next_member(cf_reader *reader, size_t *left, cf_bytes *name, cf_bytes *value)
{
    cf_error ignored;

    return *left > 0 && (*left)-- && cf_read_text(reader, name, &ignored) == CF_OK &&
           cf_read_value(reader, value, &ignored) == CF_OK;
}

static bool is_text(cf_bytes value, const char *text)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes found;
    cf_error ignored;

    return cf_read_text(&reader, &found, &ignored) == CF_OK &&
           cf_bytes_equal(found, cf_bytes_of_text(text));
}

/* The bits of [{"day": "mo"}…]; of no such list nothing. */
static uint8_t read_weekdays(cf_bytes value)
{
    static const char *const names[WEEK] = {"su", "mo", "tu", "we", "th", "fr", "sa"};
    cf_reader reader = cf_reader_of(value);
    size_t count = 0, left;
    uint8_t found = 0;
    cf_bytes name, member;
    cf_error ignored;

    if (cf_read_array(&reader, &count, &ignored))
        return 0;
    while (count-- > 0 && cf_read_map(&reader, &left, &ignored) == CF_OK)
        while (next_member(&reader, &left, &name, &member))
            for (size_t i = 0; i < WEEK; i++)
                if (cf_bytes_equal(name, cf_bytes_of_text("day")) && is_text(member, names[i]))
                    found = (uint8_t)(found | 1 << i);
    return found;
}

typedef struct {
    bool daily, weekly;
    bool leaves_hours; /* to the start: is by days or more, and has no hours of its own */
    uint8_t weekdays;
} rule;

static rule read_rule(cf_bytes value)
{
    static const char *const hours[] = {"byHour", "byMinute", "bySecond"};
    cf_reader reader = cf_reader_of(value);
    rule found = {0};
    size_t left = 0;
    bool has_hours = false;
    cf_bytes name, member;
    cf_error ignored;

    if (cf_read_map(&reader, &left, &ignored))
        return found;
    while (next_member(&reader, &left, &name, &member)) {
        if (cf_bytes_equal(name, cf_bytes_of_text("frequency"))) {
            found.daily = is_text(member, "daily");
            found.weekly = is_text(member, "weekly");
            found.leaves_hours = found.daily || found.weekly || is_text(member, "monthly") ||
                                 is_text(member, "yearly");
        } else if (cf_bytes_equal(name, cf_bytes_of_text("byDay"))) {
            found.weekdays = read_weekdays(member);
        }
        for (size_t i = 0; i < sizeof hours / sizeof *hours; i++)
            has_hours = has_hours || cf_bytes_equal(name, cf_bytes_of_text(hours[i]));
    }
    found.leaves_hours = found.leaves_hours && !has_hours;
    return found;
}

static void read_rules(cf_series *self, const cf_row_field *rules)
{
    bool weekly = true;

    self->recurs = rules != NULL;
    self->daily = rules != NULL;
    for (size_t i = 0; rules && i < rules->count; i++) {
        const rule one = read_rule(rules->values[i]);

        self->recurs = self->recurs && one.leaves_hours;
        self->daily = self->daily && one.daily && !one.weekdays;
        weekly = weekly && one.weekly;
        self->weekdays =
            (uint8_t)(self->weekdays |
                      (one.weekdays ? one.weekdays : weekday_of(day_of(self->seconds))));
    }
    if (!weekly)
        self->weekdays = 0;
}

static cf_bytes value_of(const cf_row *row, const char *name)
{
    const cf_row_field *field = cf_row_field_named(row, cf_bytes_of_text(name));

    return field ? field->values[0] : (cf_bytes){0};
}

cf_series cf_series_of(const cf_row *row)
{
    cf_series self = {.start = value_of(row, "/start"), .zone = value_of(row, "/timeZone")};

    if (!self.start.size) /* a task may begin when it is due */
        self.start = value_of(row, "/due");
    if (!read_time_value(self.start, &self.seconds))
        self.start = (cf_bytes){0};
    else
        read_rules(&self, cf_row_field_named(row, cf_bytes_of_text("/recurrenceRules")));
    return self;
}

cf_bytes cf_series_said(const cf_series *series, cf_arena *arena)
{
    const cf_row_instead said = {series->start, series->zone};

    return series->start.size ? cf_row_instead_pack(&said, arena) : (cf_bytes){0};
}

/* ---- One occurrence ---- */

static bool read_name(cf_bytes field, int64_t *seconds)
{
    const size_t size = sizeof prefix - 1;

    return field.size == size + TEXT_SIZE && memcmp(field.data, prefix, size) == 0 &&
           read_time(cf_bytes_of(field.data + size, TEXT_SIZE), seconds);
}

bool cf_field_is_occurrence(uint8_t kind, cf_bytes field)
{
    int64_t seconds;

    return (kind == CF_KIND_EVENT || kind == CF_KIND_TASK) && read_name(field, &seconds);
}

static bool has_day(const cf_series *series, int64_t day)
{
    return !series->weekdays || weekday_of(day) & series->weekdays;
}

/* By so many days, at most three, the weekday of the start was moved. */
static int64_t weekday_moved(const cf_series *series, int64_t from)
{
    const int64_t days = ((day_of(series->seconds) - from) % WEEK + WEEK) % WEEK;

    return days > WEEK / 2 ? days - WEEK : days;
}

/* The day that took the place of `day` in a series that began at `from` in this zone. */
static int64_t day_now(const cf_series *series, int64_t day, int64_t from, cf_bytes zone)
{
    const int64_t moved = day_of(series->seconds) - day_of(from);

    if (!has_day(series, day))
        return day + weekday_moved(series, day_of(from));
    if (series->daily && !cf_bytes_equal(zone, series->zone) && (moved == 1 || moved == -1))
        return day + moved;
    return day;
}

bool cf_occurrence_stands(const cf_series *series, cf_bytes field)
{
    int64_t named = 0;

    return !series->recurs || !read_name(field, &named) ||
           (clock_of(named) == clock_of(series->seconds) && has_day(series, day_of(named)));
}

cf_bytes cf_occurrence_now(const cf_series *series, cf_bytes field, cf_bytes said, cf_arena *arena)
{
    int64_t named = 0, from = 0;
    char text[sizeof prefix + TEXT_SIZE];
    cf_row_instead by;

    if (!said.size || cf_occurrence_stands(series, field) || !read_name(field, &named) ||
        !cf_row_instead_read(said, &by) || !read_time_value(by.value, &from) ||
        clock_of(named) != clock_of(from))
        return field;
    const int64_t day = day_now(series, day_of(named), from, by.wish);
    if (!has_day(series, day))
        return field;
    memcpy(text, prefix, sizeof prefix);
    return write_time(day * DAY + clock_of(series->seconds), text + sizeof prefix - 1)
               ? cf_arena_copy(arena, cf_bytes_of_text(text))
               : field;
}

cf_bytes cf_occurrence_shown_as(const cf_series *series, const cf_row_refs *refs, cf_bytes field,
                                cf_arena *arena)
{
    if (cf_occurrence_stands(series, field))
        return field;
    return cf_occurrence_now(series, field,
                             cf_row_refs_shown(refs, cf_row_instead_field(field, arena)), arena);
}
