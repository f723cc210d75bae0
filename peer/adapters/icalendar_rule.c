/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of recurrence: FREQ=WEEKLY;BYDAY=MO and the map that JSCalendar has of it. */
#include "peer/adapters/icalendar_inside.h"

#include <stdio.h>
#include <string.h>

#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"

typedef enum {
    RULE_WORD,
    RULE_NUMBER,
    RULE_NUMBERS,
    RULE_MONTHS, /* a leap month has an L: texts */
    RULE_DAYS,
    RULE_UNTIL,
} rule_form;

static const struct {
    const char *part, *name;
    rule_form form;
} rule_parts[] = {{"FREQ", "frequency", RULE_WORD},
                  {"UNTIL", "until", RULE_UNTIL},
                  {"COUNT", "count", RULE_NUMBER},
                  {"INTERVAL", "interval", RULE_NUMBER},
                  {"BYSECOND", "bySecond", RULE_NUMBERS},
                  {"BYMINUTE", "byMinute", RULE_NUMBERS},
                  {"BYHOUR", "byHour", RULE_NUMBERS},
                  {"BYDAY", "byDay", RULE_DAYS},
                  {"BYMONTHDAY", "byMonthDay", RULE_NUMBERS},
                  {"BYYEARDAY", "byYearDay", RULE_NUMBERS},
                  {"BYWEEKNO", "byWeekNo", RULE_NUMBERS},
                  {"BYMONTH", "byMonth", RULE_MONTHS},
                  {"BYSETPOS", "bySetPosition", RULE_NUMBERS},
                  {"WKST", "firstDayOfWeek", RULE_WORD},
                  {"RSCALE", "rscale", RULE_WORD},
                  {"SKIP", "skip", RULE_WORD}};
enum { RULE_PARTS = sizeof rule_parts / sizeof *rule_parts };

void cf_calendar_append_case(cf_bytes text, bool upper, cf_buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (!upper && byte >= 'A' && byte <= 'Z')
            byte = (uint8_t)(byte + ('a' - 'A'));
        else if (upper && byte >= 'a' && byte <= 'z')
            byte = (uint8_t)(byte - ('a' - 'A'));
        cf_buffer_append(out, &byte, 1);
    }
}

bool cf_calendar_is_word(cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!((text.data[i] >= 'A' && text.data[i] <= 'Z') || text.data[i] == '-' ||
              (text.data[i] >= '0' && text.data[i] <= '9')))
            return false;
    return text.size > 0;
}

/* -999999 to 999999, without what JSON would not say again. */
static bool is_number(cf_bytes text)
{
    size_t at = text.size && text.data[0] == '-';

    if (at == text.size || text.size - at > 6 || text.data[at] == '0')
        return text.size == 1 && text.data[0] == '0';
    for (; at < text.size; at++)
        if (text.data[at] < '0' || text.data[at] > '9')
            return false;
    return true;
}

static cf_bytes next_part(cf_bytes text, char separator, size_t *at)
{
    size_t from = *at, end = from;

    while (end < text.size && text.data[end] != (uint8_t)separator)
        end++;
    *at = end + 1;
    return cf_bytes_of(text.data + from, end - from);
}

void cf_calendar_build_word(cf_value_builder *build, cf_bytes text)
{
    cf_buffer word = {0};

    cf_calendar_append_case(text, false, &word);
    cf_build_text(build, cf_buffer_view(&word));
    cf_buffer_release(&word);
}

static bool add_number(cf_bytes text, cf_value_builder *build)
{
    const bool is_negative = text.size && text.data[0] == '-';
    int64_t number = 0;

    if (!is_number(text))
        return false;
    for (size_t i = is_negative; i < text.size; i++)
        number = number * 10 + (text.data[i] - '0');
    cf_build_int(build, is_negative ? -number : number);
    return true;
}

/* "2TU" as {"day": "tu", "nthOfPeriod": 2}. */
static bool add_day(cf_bytes text, cf_value_builder *build)
{
    cf_bytes day, nth;

    if (text.size < 2)
        return false;
    day = cf_bytes_of(text.data + text.size - 2, 2);
    nth = cf_bytes_of(text.data, text.size - 2);
    if (!cf_calendar_is_word(day) || (nth.size && !is_number(nth)))
        return false;
    cf_build_map(build);
    cf_build_name(build, "day");
    cf_calendar_build_word(build, day);
    if (nth.size) {
        cf_build_name(build, "nthOfPeriod");
        add_number(nth, build);
    }
    cf_build_end(build);
    return true;
}

static bool add_until(cf_bytes text, cf_value_builder *build)
{
    cf_content_line line = {.value = text};
    cf_line_parameter date = {cf_bytes_of_text("VALUE"), cf_bytes_of_text("DATE")};
    cf_calendar_time time;
    cf_buffer out = {0};

    if (text.size == 8) {
        line.parameters = &date;
        line.parameter_count = 1;
    }
    if (!cf_calendar_time_read(&line, &time))
        return false;
    cf_calendar_local_write(time.seconds, &out);
    if (time.date)
        out.size = 10; /* a date alone stays one */
    if (time.zone.size)
        cf_buffer_append_text(&out, "Z");
    cf_build_text(build, cf_buffer_view(&out));
    cf_buffer_release(&out);
    return true;
}

static bool add_list(rule_form form, cf_bytes text, cf_value_builder *build)
{
    bool fine = true;

    cf_build_array(build);
    for (size_t at = 0; fine && at <= text.size;) {
        cf_bytes part = next_part(text, ',', &at);

        if (form == RULE_DAYS) {
            fine = add_day(part, build);
        } else if (form == RULE_MONTHS) {
            fine = cf_calendar_is_word(part);
            cf_build_text(build, part);
        } else {
            fine = add_number(part, build);
        }
    }
    cf_build_end(build);
    return fine;
}

static bool add_part(rule_form form, cf_bytes text, cf_value_builder *build)
{
    switch (form) {
    case RULE_WORD:
        cf_calendar_build_word(build, text);
        return cf_calendar_is_word(text);
    case RULE_NUMBER:
        return add_number(text, build);
    case RULE_UNTIL:
        return add_until(text, build);
    default:
        return add_list(form, text, build);
    }
}

bool cf_calendar_rule_value(cf_bytes spelled, cf_buffer *out)
{
    cf_value_builder build = {0};
    bool fine = true;
    cf_error ignored;

    cf_build_map(&build);
    for (size_t at = 0; fine && at <= spelled.size;) {
        cf_bytes part = next_part(spelled, ';', &at);
        const uint8_t *equals = part.size ? memchr(part.data, '=', part.size) : NULL;
        size_t i = 0, size = equals ? (size_t)(equals - part.data) : 0;

        while (i < RULE_PARTS &&
               !cf_bytes_equal(cf_bytes_of(part.data, size), cf_bytes_of_text(rule_parts[i].part)))
            i++;
        if (i == RULE_PARTS || !equals) {
            fine = false;
            break;
        }
        cf_build_name(&build, rule_parts[i].name);
        fine = add_part(rule_parts[i].form, cf_bytes_of(equals + 1, part.size - size - 1), &build);
    }
    if (!fine) {
        cf_build_release(&build);
        return false;
    }
    cf_build_end(&build);
    return !cf_build_finish(&build, out, &ignored); /* no part twice */
}

void cf_calendar_compact(cf_bytes text, cf_buffer *out)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != ':' && text.data[i] != '-')
            cf_buffer_append(out, &text.data[i], 1);
}

static bool write_part(rule_form form, cf_bytes value, cf_buffer *out)
{
    cf_value_walk walk = cf_value_walk_of(value);
    cf_bytes none, element, text, nth;
    size_t count = 0;

    if (form == RULE_NUMBER) {
        cf_value_json(value, out);
        return true;
    }
    if (form == RULE_WORD || form == RULE_UNTIL) {
        if (!cf_value_is_text(value, &text))
            return false;
        if (form == RULE_UNTIL)
            cf_calendar_compact(text, out);
        else
            cf_calendar_append_case(text, true, out);
        return true;
    }
    while (!walk.map && cf_value_next(&walk, &none, &element)) {
        cf_buffer_append_text(out, count++ ? "," : "");
        if (form == RULE_NUMBERS) {
            cf_value_json(element, out);
        } else if (form == RULE_MONTHS) {
            cf_value_text(element, out);
        } else {
            if (cf_value_member(element, "nthOfPeriod", &nth))
                cf_value_json(nth, out);
            if (cf_value_member_text(element, "day", &text))
                cf_calendar_append_case(text, true, out);
        }
    }
    return count > 0;
}

bool cf_calendar_rule_text(cf_bytes value, cf_buffer *out)
{
    cf_buffer again = {0};
    bool fine = true;
    cf_bytes part;

    cf_buffer_clear(out);
    for (size_t i = 0; i < RULE_PARTS && fine; i++) {
        if (!cf_value_member(value, rule_parts[i].name, &part))
            continue;
        cf_buffer_append_text(out, "%s%s=", out->size ? ";" : "", rule_parts[i].part);
        fine = write_part(rule_parts[i].form, part, out);
    }
    fine = fine && cf_calendar_rule_value(cf_buffer_view(out), &again);
    cf_buffer_release(&again);
    return fine;
}
