/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HOUR = 3600 };

const char *const cell_event_fields[CELL_EVENT_FIELDS] = {"title",    "description", "location",
                                                          "start",    "rrule",       "exdate",
                                                          "attendee", "updated",     "sequence"};

bool cells_is_stamp(const char *field)
{
    return strcmp(field, cell_event_fields[CELL_UPDATED]) == 0 ||
           strcmp(field, cell_event_fields[CELL_SEQUENCE]) == 0;
}

/* ---- Times ---- */

void cells_spell_time(int64_t seconds, char out[CELL_TIME])
{
    const time_t when = (time_t)seconds;
    struct tm parts;

    gmtime_r(&when, &parts);
    strftime(out, CELL_TIME, "%Y-%m-%dT%H:%M:%S", &parts);
}

int64_t cells_time(const char *spelled)
{
    struct tm parts = {0};

    if (sscanf(spelled, "%4d-%2d-%2dT%2d:%2d:%2d", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
               &parts.tm_hour, &parts.tm_min, &parts.tm_sec) != 6)
        return -1;
    parts.tm_year -= 1900;
    parts.tm_mon--;
    return timegm(&parts);
}

/* 20260105T090000 as 2026-01-05T09:00:00; an end that says more stays. */
static void spread(const char *compact, char out[CELL_TIME])
{
    snprintf(out, CELL_TIME, "%.4s-%.2s-%.2sT%.2s:%.2s:%.5s", compact, compact + 4, compact + 6,
             compact + 9, compact + 11, compact + 13);
}

static void shorten(const char *spelled, char out[CELL_TIME])
{
    size_t size = 0;

    for (; *spelled && size + 1 < CELL_TIME; spelled++)
        if (*spelled != '-' && *spelled != ':')
            out[size++] = *spelled;
    out[size] = '\0';
}

static bool is_compact(const char *value)
{
    return strlen(value) >= strlen("20260105T090000") && strlen(value) < CELL_TIME - 5;
}

/* ---- Reading ---- */

static const struct {
    const char *name;
    bool is_time;
} lines_of[CELL_EVENT_FIELDS] = {
    [CELL_TITLE] = {"SUMMARY", false},     [CELL_DESCRIPTION] = {"DESCRIPTION", false},
    [CELL_LOCATION] = {"LOCATION", false}, [CELL_START] = {"DTSTART", true},
    [CELL_RULE] = {"RRULE", false},        [CELL_CANCELLED] = {"EXDATE", true},
    [CELL_ATTENDEE] = {"ATTENDEE", false}, [CELL_UPDATED] = {"LAST-MODIFIED", true},
    [CELL_SEQUENCE] = {"SEQUENCE", false},
};

/* What the line says of the parameter, up to the next one; empty: nothing. */
static void take_parameter(const char *parameters, const char *name, char *out, size_t room)
{
    const char *at = strstr(parameters, name);

    *out = '\0';
    if (at)
        snprintf(out, room, "%.*s", (int)strcspn(at + strlen(name), ";"), at + strlen(name));
}

static void take_attendee(const char *parameters, const char *value, const char *key, cells *out)
{
    const char *address = strncmp(value, "mailto:", 7) == 0 ? value + 7 : value;
    char answer[24], name[64], text[160];

    take_parameter(parameters, ";PARTSTAT=", answer, sizeof answer);
    take_parameter(parameters, ";CN=", name, sizeof name);
    snprintf(text, sizeof text, "%.60s %s %s", address, answer, name);
    cells_add(out, key, cell_event_fields[CELL_ATTENDEE], text);
}

static void take_dates(char *values, const char *key, cell_event_field field, cells *out)
{
    char spelled[CELL_TIME];

    for (char *one; (one = cells_take(&values, ","));) {
        if (is_compact(one))
            spread(one, spelled);
        cells_add(out, key, cell_event_fields[field], is_compact(one) ? spelled : one);
    }
}

void cells_read_event_line(char *line, const char *key, cells *out)
{
    char *value = strchr(line, ':'), *parameters;
    int field = 0;

    if (!value)
        return;
    *value++ = '\0';
    parameters = line + strcspn(line, ";");
    while (field < CELL_EVENT_FIELDS &&
           (strlen(lines_of[field].name) != (size_t)(parameters - line) ||
            strncmp(lines_of[field].name, line, (size_t)(parameters - line)) != 0))
        field++;
    if (field == CELL_ATTENDEE)
        take_attendee(parameters, value, key, out);
    else if (field < CELL_EVENT_FIELDS && lines_of[field].is_time)
        take_dates(value, key, (cell_event_field)field, out);
    else if (field < CELL_EVENT_FIELDS && *value)
        cells_add(out, key, cell_event_fields[field], value);
}

static void take_event(char *event, cells *out)
{
    const char *uid = strstr(event, "\nUID:");

    if (!uid)
        return;
    uid += strlen("\nUID:");
    char *key = strndup(uid, strcspn(uid, "\n"));
    cells_add(out, key, "", "");
    for (char *line; (line = cells_take(&event, "\n"));)
        cells_read_event_line(line, key, out);
    free(key);
}

void cells_read_events(cf_bytes text, cells *out)
{
    char *copy = cells_unfold(text), *rest = copy;

    for (char *event; (event = strstr(rest, "BEGIN:VEVENT\n"));) {
        char *end = strstr(event, "\nEND:VEVENT");

        if (!end)
            break;
        *end = '\0';
        rest = end + 1;
        take_event(event, out);
    }
    free(copy);
}

/* ---- Writing ---- */

static void write_attendee(const char *value, cf_buffer *out)
{
    char address[64] = "", answer[24] = "", name[64] = "", line[160], whom[80];

    sscanf(value, "%63s %23s %63s", address, answer, name);
    snprintf(line, sizeof line, "ATTENDEE;PARTSTAT=%s;CN=%s", answer, name);
    snprintf(whom, sizeof whom, "mailto:%s", address);
    cells_write_line(out, line, whom);
}

static void write_time(const char *name, const char *spelled, cf_buffer *out)
{
    char value[CELL_TIME];

    shorten(spelled, value);
    cf_buffer_append_text(out, "%s:%s\r\n", name, value);
}

static void write_field(cell_event_field field, const char *value, cf_buffer *out)
{
    char end[CELL_TIME];

    if (field == CELL_ATTENDEE) {
        write_attendee(value, out);
        return;
    }
    if (!lines_of[field].is_time) {
        cells_write_line(out, lines_of[field].name, value);
        return;
    }
    write_time(lines_of[field].name, value, out);
    if (field == CELL_UPDATED)
        write_time("DTSTAMP", value, out);
    cells_spell_time(cells_time(value) + HOUR, end);
    if (field == CELL_START)
        write_time("DTEND", end, out);
}

void cells_write_event(const cells *self, const char *key, cf_buffer *out)
{
    cf_buffer_append_text(out, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a calendar//EN\r\n"
                               "BEGIN:VEVENT\r\n");
    cells_write_line(out, "UID", key);
    for (int i = 0; i < CELL_EVENT_FIELDS; i++)
        for (size_t k = 0; k < self->count; k++)
            if (strcmp(self->all[k].key, key) == 0 &&
                strcmp(self->all[k].field, cell_event_fields[i]) == 0)
                write_field((cell_event_field)i, self->all[k].value, out);
    cf_buffer_append_text(out, "END:VEVENT\r\nEND:VCALENDAR\r\n");
}

/* ---- Its rules ---- */

static const cell_rule around[] = {
    {"VERSION", 1, 1, "not one VERSION"},
    {"PRODID", 1, 1, "not one PRODID"},
    {"CALSCALE", 0, 1, "more than one CALSCALE"},
    {"METHOD", 0, 1, "more than one METHOD"},
    {"BEGIN", 0, 0, "a component beside the event"},
};

static const cell_rule within[] = {
    {"UID", 1, 1, "not one UID"},
    {"DTSTAMP", 1, 1, "not one DTSTAMP"},
    {"DTSTART", 1, 1, "not one DTSTART"},
    {"DTEND", 1, 1, "not one DTEND"},
    {"DURATION", 0, 0, "a DURATION beside its DTEND"},
    {"SUMMARY", 0, 1, "more than one SUMMARY"},
    {"DESCRIPTION", 0, 1, "more than one DESCRIPTION"},
    {"LOCATION", 0, 1, "more than one LOCATION"},
    {"RRULE", 0, 1, "more than one RRULE"},
    {"LAST-MODIFIED", 0, 1, "more than one LAST-MODIFIED"},
    {"SEQUENCE", 0, 1, "more than one SEQUENCE"},
    {"CREATED", 0, 1, "more than one CREATED"},
    {"STATUS", 0, 1, "more than one STATUS"},
    {"RECURRENCE-ID", 0, 0, "a RECURRENCE-ID"},
    {"BEGIN", 0, 0, "a component within it"},
};

/* Two of one field that differ in no more than what comes behind a space. */
static bool is_said_twice(const cells *all, const char *field)
{
    for (size_t i = 0; i < all->count; i++)
        for (size_t k = 0; k < i; k++) {
            const char *one = all->all[i].value, *other = all->all[k].value;
            const size_t size = strcspn(one, " ");

            if (strcmp(all->all[i].field, field) == 0 && strcmp(all->all[k].field, field) == 0 &&
                size == strcspn(other, " ") && strncmp(one, other, size) == 0)
                return true;
        }
    return false;
}

static const char *is_no_hour(const char *event, const cells *all)
{
    const cell *start = all->count ? cells_find(all, all->all[0].key, "start") : NULL;
    const char *line = strstr(event, "\nDTEND:");
    char end[CELL_TIME] = "", spelled[CELL_TIME];

    if (line)
        snprintf(end, sizeof end, "%.*s", (int)strcspn(line + strlen("\nDTEND:"), "\n"),
                 line + strlen("\nDTEND:"));
    if (!start || !is_compact(end))
        return "no times";
    spread(end, spelled);
    return cells_time(spelled) == cells_time(start->value) + HOUR ? NULL : "another length";
}

/* `event`: its lines, the first of which begins it. */
static const char *event_is_wrong(char *event, const cells *all)
{
    const char *wrong = is_no_hour(event, all);

    if (is_said_twice(all, cell_event_fields[CELL_ATTENDEE]))
        wrong = "an ATTENDEE twice";
    if (is_said_twice(all, cell_event_fields[CELL_CANCELLED]))
        wrong = "an EXDATE twice";
    char *lines = event;
    cells_take(&lines, "\n");
    const char *broken = cells_broken_rule(lines, within, sizeof within / sizeof *within);
    return broken ? broken : wrong;
}

const char *cells_event_is_wrong(cf_bytes text)
{
    static const char begin[] = "BEGIN:VCALENDAR\n", end[] = "\nEND:VCALENDAR\n";
    static const char first[] = "BEGIN:VEVENT\n", last[] = "\nEND:VEVENT";
    char *copy = cells_unfold(text), *event = strstr(copy, first), *behind = strstr(copy, last);
    const size_t size = strlen(copy);
    const char *wrong = "not one event, from its beginning to its end";
    cf_buffer rest = {0};
    cells all = {0};

    if (size > strlen(begin) + strlen(end) && strncmp(copy, begin, strlen(begin)) == 0 && event &&
        behind && event < behind && strcmp(copy + size - strlen(end), end) == 0) {
        cells_read_events(text, &all);
        cf_buffer_append(&rest, copy + strlen(begin), (size_t)(event - copy) - strlen(begin));
        cf_buffer_append(&rest, behind + strlen(last) + 1,
                         strlen(behind) > strlen(last) + strlen(end)
                             ? strlen(behind) - strlen(last) - strlen(end)
                             : 0);
        rest.size -= rest.size > 0;
        cf_buffer_append(&rest, "", 1);
        *behind = '\0';
        wrong = event_is_wrong(event, &all);
        if (!wrong)
            wrong = cells_broken_rule((char *)rest.data, around, sizeof around / sizeof *around);
    }
    cf_buffer_release(&rest);
    cells_release(&all);
    free(copy);
    return wrong;
}
