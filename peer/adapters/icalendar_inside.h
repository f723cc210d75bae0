/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of icalendar share. */
#ifndef CF_PEER_ADAPTERS_ICALENDAR_INSIDE_H
#define CF_PEER_ADAPTERS_ICALENDAR_INSIDE_H
#include "codec/value_build.h"
#include "peer/adapters/icalendar.h"
#include "peer/adapters/text/content_lines_edit.h"
#include "peer/adapters/vcard_inside.h"
#include "peer/records/schema.h"

/* ---- Times (icalendar_time.c) ---- */

/* A time as a wall clock shows it. */
typedef struct {
    int64_t seconds; /* since 0000-03-01, as if every day had 24 hours */
    bool date;       /* without a time of day */
    cf_bytes zone;   /* TZID; "Etc/UTC"; nothing: wherever one is */
} cf_calendar_time;

/* Of a line with no parameters but TZID and VALUE. */
bool cf_calendar_time_read(const cf_content_line *line, cf_calendar_time *out);
/* 20240108T090000Z, 20240108; without the zone. */
void cf_calendar_time_write(const cf_calendar_time *time, cf_buffer *out);
/* NAME;TZID=…:…, a whole line. */
void cf_calendar_time_line(const char *name, const cf_calendar_time *time, cf_buffer *out);
/* 2024-01-08T09:00:00 */
void cf_calendar_local_write(int64_t seconds, cf_buffer *out);
bool cf_calendar_local_read(cf_bytes text, int64_t *seconds);
bool cf_calendar_same_zone(const cf_calendar_time *a, const cf_calendar_time *b);

/* So many days on a wall clock, then so many seconds as they pass (RFC 5545, 3.3.6). */
typedef struct {
    int64_t days, seconds;
} cf_calendar_duration;

/* PnW, PnDTnHnMnS, without a sign. */
bool cf_calendar_duration_read(cf_bytes text, cf_calendar_duration *out);
void cf_calendar_duration_write(const cf_calendar_duration *duration, cf_buffer *out);
/* False: the wall clock shows the end twice, and it is the second time.
 *
 *     Europe/Berlin, 24 October 2026, 23:00, PT8H    06:00
 *     …, P1D                                         23:00
 *     …, PT4H30M                                     02:30, for the second time */
bool cf_calendar_duration_end(const cf_calendar_time *start, const cf_calendar_duration *duration,
                              cf_calendar_time *end);
/* As many days as fit, of two times of one zone; false: the end comes first. */
bool cf_calendar_duration_between(const cf_calendar_time *start, const cf_calendar_time *end,
                                  cf_calendar_duration *out);

/* ---- Values (icalendar_rule.c, icalendar_value.c) ---- */

void cf_calendar_append_case(cf_bytes text, bool upper, cf_buffer *out);
/* Letters of upper case, digits, hyphens. */
bool cf_calendar_is_word(cf_bytes text);
/* Appends the text as a JSON string in lower case. */
void cf_calendar_build_word(cf_value_builder *build, cf_bytes text);
/* 2024-01-08T09:00:00Z as 20240108T090000Z. */
void cf_calendar_compact(cf_bytes text, cf_buffer *out);

/* Replace what is in `out`; false: it can't be. The rule as a map: FREQ=WEEKLY;… and back. */
bool cf_calendar_rule_value(cf_bytes spelled, cf_buffer *out);
bool cf_calendar_rule_text(cf_bytes value, cf_buffer *out);
/* A component as [name, properties, components], and one after the other its lines, each with LF.
 */
bool cf_calendar_component_value(const cf_content_lines *lines, size_t component, cf_buffer *out);
bool cf_calendar_component_text(cf_bytes value, cf_buffer *out);
/* A VALARM. */
bool cf_calendar_alert_value(const cf_content_lines *lines, size_t component, cf_buffer *out);
bool cf_calendar_alert_text(cf_bytes value, cf_buffer *out);

/* ---- Properties (icalendar_properties.c) ---- */

typedef enum {
    CF_CALENDAR_TEXT, /* with parameters in /iCalParams */
    CF_CALENDAR_WORD, /* CONFIRMED is "confirmed" */
    CF_CALENDAR_NUMBER,
    CF_CALENDAR_STAMP,  /* a time in UTC */
    CF_CALENDAR_LENGTH, /* a duration, of a task */
    CF_CALENDAR_KEYWORDS,
    CF_CALENDAR_PLACE,
    CF_CALENDAR_RULE,
    CF_CALENDAR_OTHER,
} cf_calendar_form;

typedef struct {
    cf_vcard_property line; /* name, field, and how a text is written */
    cf_calendar_form form;
    bool set;
} cf_calendar_property;

extern const cf_calendar_property cf_calendar_other;
/* `task`: a VTODO. */
const cf_calendar_property *cf_calendar_property_named(bool task, cf_bytes name);
/* NULL: no line is written for this field alone. */
const cf_calendar_property *cf_calendar_property_of(bool task, cf_bytes field);
/* Replaces what is in `out`; false: it is to be taken as cf_calendar_other. */
bool cf_calendar_value(const cf_content_line *line, const cf_calendar_property *property,
                       cf_buffer *out);
bool cf_calendar_line(const cf_calendar_property *property, cf_bytes value, cf_bytes params,
                      cf_buffer *out);

/* ---- Components (icalendar_component.c, icalendar_edit.c) ---- */

typedef struct {
    const cf_calendar_property *property; /* NULL: a component, or an EXDATE */
    cf_bytes field, value;
    cf_bytes params;  /* of a text; .data NULL: none */
    size_t line;      /* of a component, its BEGIN */
    size_t component; /* or CF_LINES_NONE */
} cf_calendar_entry;

enum { CF_CALENDAR_TIMES = 5 };
extern const char *const cf_calendar_time_fields[CF_CALENDAR_TIMES];

typedef struct {
    const cf_content_lines *lines;
    size_t component;
    bool task;
    cf_bytes uid;      /* a text; nothing: it has none */
    size_t occurrence; /* line of its RECURRENCE-ID, or CF_LINES_NONE */
    size_t stamp;      /* of its DTSTAMP, or CF_LINES_NONE */
    bool started;
    cf_calendar_time start;            /* where it has none, of a task the due time */
    cf_bytes times[CF_CALENDAR_TIMES]; /* values of cf_calendar_time_fields; .data NULL: none */
    size_t start_line, end_line, duration_line, due_line; /* or CF_LINES_NONE */
    cf_calendar_entry *entries;
    size_t count, capacity;
    const char *trouble;
    size_t trouble_number;
} cf_calendar_component;

#define CF_CALENDAR_LINES_MAX 10000 /* of one component */
/* Where a component says more than so much, a line of exclusions is told as it is spelled:
 * elsewhere each of them takes a line, and these must have room. */
#define CF_CALENDAR_SAID_MAX (CF_CALENDAR_LINES_MAX / 2)

/* What is read is in the arena, except for the array of entries. */
void cf_calendar_component_read(const cf_content_lines *lines, size_t component, cf_arena *arena,
                                cf_calendar_component *out);
void cf_calendar_component_release(cf_calendar_component *component);
void cf_calendar_component_fields(const cf_calendar_component *component, cf_field_list *list,
                                  cf_arena *arena);

/* The field of a text's parameters. */
cf_bytes cf_calendar_params_field(const cf_calendar_property *property, cf_arena *arena);

/* Edits the component so that it says what the row says, but for its occurrences. */
void cf_calendar_component_write(const cf_calendar_component *component, const cf_row *row,
                                 cf_line_edits *edits);
/* Its times, of which new ones come behind the line `after`. Gives the start; true: it is told in
 * another zone than it was. */
bool cf_calendar_times_write(const cf_calendar_component *component, const cf_row *row,
                             size_t after, cf_line_edits *edits, cf_calendar_time *start);
/* The start that a component has when it says what the row says, that of the one that is `there`
 * (NULL: none is) where that says so already; false: none. */
bool cf_calendar_wanted_start(const cf_row *row, const cf_calendar_component *there,
                              cf_calendar_time *out);
/* Inserts a whole component, lines with LF, behind the line `after`, unless it is broken. */
void cf_calendar_insert(cf_line_edits *edits, size_t after, cf_bytes text);
void cf_calendar_delete(const cf_content_lines *lines, size_t component, cf_line_edits *edits);

/* ---- Occurrences (icalendar_override.c) ---- */

/* The name of an occurrence: its time, where it is told as the start of the main component is, else
 * the value as it is spelled, with the parameters where those say more: ";TZID=…:…". What is no
 * time is told as it stands there: ":soon". */
void cf_calendar_occurrence_name(const cf_calendar_component *main,
                                 const cf_calendar_component *occurrence, cf_buffer *out);
/* RECURRENCE-ID of the occurrence of this name; a time is told as `start` is. */
void cf_calendar_occurrence_line(cf_bytes name, const cf_calendar_time *start, cf_buffer *out);

/* ---- Files (icalendar.c, icalendar_write.c) ---- */

#define CF_CALENDAR_OVERRIDES "/recurrenceOverrides/"
#define CF_CALENDAR_ZONES "/timeZones/"

/* One row with all the components that it is made of. */
typedef struct {
    size_t main;
    size_t first, count; /* of its occurrences, components in `occurrences` below */
} cf_calendar_item;

typedef struct {
    cf_calendar_item *items; /* a row's place is the index of its item */
    size_t *occurrences;
    size_t count, capacity, occurrence_count, occurrence_capacity;
} cf_calendar_items;
void cf_calendar_items_release(cf_calendar_items *items);

struct cf_icalendar_document {
    cf_content_lines lines;
    cf_record_file rows;
    cf_calendar_items items;
};

/* ---- Overrides (icalendar_override.c) ---- */

/* All fields of a component as one map. */
bool cf_calendar_override_value(const cf_calendar_component *component, cf_buffer *out);
/* And back. */
cf_row cf_calendar_override_row(cf_bytes value, bool task, cf_arena *arena);
/* All that a component of this occurrence says: what the value says, or, where that is a patch of
 * the series, all of the series with it. */
cf_row cf_calendar_override_whole(const cf_row *series, cf_bytes name, cf_bytes value, bool task,
                                  cf_arena *arena);
/* "/timeZones/ID", the name escaped as in a JSON Pointer. */
void cf_calendar_pointer(const char *prefix, cf_bytes name, cf_buffer *out);
/* And back; nothing: another field. */
cf_bytes cf_calendar_pointer_name(const char *prefix, cf_bytes field, cf_arena *arena);

/* The VTIMEZONEs of a file, by their TZID (icalendar_component.c). */
typedef struct {
    struct cf_calendar_zone *items;
    size_t count, capacity;
    cf_arena arena;
} cf_calendar_zones;
cf_calendar_zones cf_calendar_zones_of(const cf_content_lines *lines);
void cf_calendar_zones_release(cf_calendar_zones *zones);
/* The zone as a value; .data NULL: there is none of this name, or one that was made here
 * (time_zones.h), which says nothing that its name doesn't. */
cf_bytes cf_calendar_zone_value(const cf_calendar_zones *zones, cf_bytes name);
/* There is one, whoever made it. */
bool cf_calendar_zone_is_there(const cf_calendar_zones *zones, cf_bytes name);

#endif
