/* SPDX-License-Identifier: Apache-2.0 */
/* From the rule of a zone (POSIX, Base Definitions, 8.3: TZ) to its VTIMEZONE:
 *
 *   CET-1CEST,M3.5.0,M10.5.0/3      daylight from the last Sunday of March, 02:00, +0100 to +0200;
 *                                   standard from the last Sunday of October, 03:00, +0200 to +0100
 *   <-02>2<-01>,M3.5.0/-1,M10.5.0/0 one hour before the last Sunday of March: the Saturday from the
 *                                   24th to the 30th, 23:00 */
#include "peer/adapters/time_zones.h"

#include <stdlib.h>
#include <string.h>

enum { HOUR = 3600, DAY = 86400, NAME_MAX_SIZE = 12 };

/* When it changes, in the time before the change. */
typedef struct {
    int month, week, day;
    long second;
} change;

typedef struct {
    char names[2][NAME_MAX_SIZE]; /* of standard and of daylight time */
    long offsets[2];              /* east of UTC, in seconds */
    bool changes;
    change at[2]; /* to each of these */
} rule;

/* ---- Reading ---- */

static const char *read_name(const char *at, char out[NAME_MAX_SIZE])
{
    const bool quoted = *at == '<';
    const char *from = at + quoted;
    size_t size = strcspn(from, quoted ? ">" : "+-0123456789,");

    if (!size || size >= NAME_MAX_SIZE)
        return NULL;
    memcpy(out, from, size);
    out[size] = '\0';
    return from + size + quoted;
}

/* [+-]h[:mm], as seconds. */
static const char *read_time(const char *at, long *out)
{
    const long sign = *at == '-' ? -1 : 1;
    char *end;

    at += *at == '-' || *at == '+';
    *out = strtol(at, &end, 10) * HOUR;
    if (end == at)
        return NULL;
    if (*end == ':')
        *out += strtol(end + 1, &end, 10) * 60;
    *out *= sign;
    return end;
}

/* ,Mm.w.d[/time] */
static const char *read_change(const char *at, change *out)
{
    char *end;

    if (strncmp(at, ",M", 2) != 0)
        return NULL;
    out->month = (int)strtol(at + 2, &end, 10);
    out->week = *end == '.' ? (int)strtol(end + 1, &end, 10) : 0;
    out->day = *end == '.' ? (int)strtol(end + 1, &end, 10) : -1;
    out->second = 2 * HOUR;
    if (out->month < 1 || out->month > 12 || out->week < 1 || out->week > 5 || out->day < 0 ||
        out->day > 6)
        return NULL;
    return *end == '/' ? read_time(end + 1, &out->second) : end;
}

static bool read_rule(const char *text, rule *out)
{
    *out = (rule){0};
    text = read_name(text, out->names[0]);
    if (text)
        text = read_time(text, &out->offsets[0]);
    if (!text)
        return false;
    out->offsets[0] = -out->offsets[0];
    if (!*text)
        return true;
    out->changes = true;
    text = read_name(text, out->names[1]);
    out->offsets[1] = out->offsets[0] + HOUR;
    if (text && *text != ',') {
        text = read_time(text, &out->offsets[1]);
        out->offsets[1] = -out->offsets[1];
    }
    if (text)
        text = read_change(text, &out->at[1]);
    return text && read_change(text, &out->at[0]) != NULL;
}

/* ---- Writing ---- */

/* The days of the month on one of which it happens, all seven, and the weekday that it is then. */
typedef struct {
    int first, day;
    long second; /* of that day */
    bool moved;  /* it is not the day that the rule names */
} week;

static int days_in(int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1];
}

/* Where the time is before or behind the day it is another day; at the end of a month, when that
 * could be in the next one, the last second of the day is as good. */
static week week_of(const change *at)
{
    const int first = at->week == 5 ? days_in(at->month) - 6 : 7 * (at->week - 1) + 1;
    int days = (int)(at->second / DAY);
    long second = at->second % DAY;

    if (second < 0) {
        second += DAY;
        days--;
    }
    if (first + days < 1 || first + days + 6 > days_in(at->month))
        return (week){first, at->day, DAY - 1, false};
    return (week){first + days, (at->day + days + 7) % 7, second, days != 0};
}

/* In 1970, which began on a Thursday. */
static int day_in_1970(const change *at, const week *when)
{
    int before = 4, day = when->first;

    for (int month = 1; month < at->month; month++)
        before += days_in(month);
    while ((before + day - 1) % 7 != when->day)
        day++;
    return day;
}

static void append_offset(const char *name, long offset, cf_buffer *out)
{
    const long size = labs(offset);

    cf_buffer_append_text(out, "%s:%s%02ld%02ld\n", name, offset < 0 ? "-" : "+", size / HOUR,
                          size % HOUR / 60);
}

static void append_recurrence(const change *at, const week *when, cf_buffer *out)
{
    static const char *const days[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

    cf_buffer_append_text(out, "RRULE:FREQ=YEARLY;BYMONTH=%d;BYDAY=", at->month);
    if (!when->moved)
        cf_buffer_append_text(out, "%d", at->week == 5 ? -1 : at->week);
    cf_buffer_append_text(out, "%s", days[when->day]);
    for (int i = 0; when->moved && i < 7; i++)
        cf_buffer_append_text(out, "%s%d", i ? "," : ";BYMONTHDAY=", when->first + i);
    cf_buffer_append_text(out, "\n");
}

static void append_part(const rule *of, size_t to, cf_buffer *out)
{
    const char *kind = to ? "DAYLIGHT" : "STANDARD";
    const change *at = &of->at[to];

    cf_buffer_append_text(out, "BEGIN:%s\n", kind);
    if (of->changes) {
        const week when = week_of(at);

        cf_buffer_append_text(out, "DTSTART:1970%02d%02dT%02ld%02ld%02ld\n", at->month,
                              day_in_1970(at, &when), when.second / HOUR, when.second % HOUR / 60,
                              when.second % 60);
        append_recurrence(at, &when, out);
    } else {
        cf_buffer_append_text(out, "DTSTART:19700101T000000\n");
    }
    cf_buffer_append_text(out, "TZNAME:%s\n", of->names[to]);
    append_offset("TZOFFSETFROM", of->changes ? of->offsets[!to] : of->offsets[0], out);
    append_offset("TZOFFSETTO", of->offsets[to], out);
    cf_buffer_append_text(out, "END:%s\n", kind);
}

bool cf_time_zone_component(cf_bytes name, cf_buffer *out)
{
    const char *text = cf_time_zone_rule(name);
    rule found;

    if (!text || !read_rule(text, &found))
        return false;
    cf_buffer_append_text(out, "BEGIN:VTIMEZONE\nTZID:%.*s\n" CF_TIME_ZONE_MADE ":MADE\n",
                          (int)name.size, (const char *)name.data);
    append_part(&found, 0, out);
    if (found.changes)
        append_part(&found, 1, out);
    cf_buffer_append_text(out, "END:VTIMEZONE\n");
    return true;
}

/* ---- Clocks ---- */

/* Days since 0000-03-01 of the Gregorian calendar: Howard Hinnant, "chrono-compatible low-level
 * date algorithms", 2013. */
int64_t cf_days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
}

void cf_days_date(int64_t days, int *year, int *month, int *day)
{
    int64_t era = days / 146097, of_era = days - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t part = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * part + 2) / 5 + 1);
    *month = (int)(part < 10 ? part + 3 : part - 9);
    *year = (int)(years + era * 400 + (*month <= 2));
}

/* When it changes in that year, on the wall clock of before. The last week of a month is counted
 * from its end. */
static int64_t change_in(const change *at, int64_t year)
{
    const bool last = at->week == 5;
    const int64_t first = last ? cf_days_of(year + at->month / 12, at->month % 12 + 1, 1) - 7
                               : cf_days_of(year, at->month, 1 + 7 * (at->week - 1));
    const int64_t weekday = (first + 3) % 7;

    return (first + (at->day - weekday + 7) % 7) * DAY + at->second;
}

/* East of UTC, at that moment of UTC. */
static long offset_at(const rule *of, int64_t utc)
{
    int year, month, day;

    if (!of->changes)
        return of->offsets[0];
    cf_days_date((utc + of->offsets[0]) / DAY, &year, &month, &day);
    const int64_t begins = change_in(&of->at[1], year) - of->offsets[0];
    const int64_t ends = change_in(&of->at[0], year) - of->offsets[1];
    const bool daylight = begins < ends ? utc >= begins && utc < ends : utc >= begins || utc < ends;

    return of->offsets[daylight];
}

int64_t cf_time_zone_utc(const char *text, int64_t wall)
{
    rule of;

    (void)read_rule(text, &of);
    const bool daylight = of.changes && of.offsets[1] > of.offsets[0];
    const long most = of.offsets[daylight], least = of.offsets[of.changes && !daylight];

    return wall - (offset_at(&of, wall - most) == most ? most : least);
}

int64_t cf_time_zone_wall(const char *text, int64_t utc)
{
    rule of;

    (void)read_rule(text, &of);
    return utc + offset_at(&of, utc);
}
