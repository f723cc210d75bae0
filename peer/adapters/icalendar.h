/* SPDX-License-Identifier: Apache-2.0 */
/* Events and tasks of iCalendar files (RFC 5545), one or many: rows of the tables "events" and
 * "tasks" with the UID as key and the properties of JSCalendar (RFC 8984). DTSTART, its zone and
 * DTEND are /start, /timeZone, /showWithoutTime and /duration, RRULE is an entry of
 * /recurrenceRules (an `until` in UTC ends with Z), a VALARM one of /alerts. What happens at one
 * occurrence is the field /recurrenceOverrides/ID: {"excluded": true} of an EXDATE, or of a
 * component with a RECURRENCE-ID the map of all its fields. ID is the time, as /start; where it is
 * told in another zone, is of all that follow or is no time, the line from its parameters on:
 * ";RANGE=THISANDFUTURE;TZID=Europe/Berlin:20240115T090000". A map that says only what is other
 * than in the series, as JSCalendar does, becomes a component with all that the series says.
 *
 * A property that there is no word for is a value of /iCalProps: [name, parameters, "unknown",
 * value as spelled], a component one of /iCalComponents: [name, properties, components]. Parameters
 * of a plain value NAME are in the field /iCalParams/NAME. The zones that
 * any of its lines name are in /timeZones/ID, as components. A zone that
 * has a name only is described where a new component is the first to name it; that says nothing
 * more (time_zones.h). DTSTAMP is no field: a new component gets the time of its last change, as
 * the row tells it or the log, one that is edited that of the log, unless its own is later. */
#ifndef CF_PEER_ADAPTERS_ICALENDAR_H
#define CF_PEER_ADAPTERS_ICALENDAR_H
#include "peer/adapters/record_file.h"

/* CF_MALFORMED or CF_TOO_LARGE: nothing of the file can be taken. */
cf_status cf_icalendar_rows_read(cf_bytes bytes, cf_record_file *out, cf_error *error);
/* Appends the file. What is new goes into the first calendar that there is, else into one of its
 * own. */
cf_status cf_icalendar_rows_write(cf_bytes before, const cf_row *wanted, size_t count,
                                  cf_buffer *out, cf_error *error);

/* A file for both: it is split once, its rows are read once. Borrows the bytes. */
typedef struct cf_icalendar_document cf_icalendar_document;
cf_status cf_icalendar_document_read(cf_bytes bytes, cf_icalendar_document **out, cf_error *error);
void cf_icalendar_document_destroy(cf_icalendar_document **document);
const cf_record_file *cf_icalendar_document_rows(const cf_icalendar_document *document);
void cf_icalendar_document_write(const cf_icalendar_document *document, const cf_row *wanted,
                                 size_t count, cf_buffer *out);

/* As cf_format_speak. */
bool cf_icalendar_speak(const cf_row *row, cf_arena *arena, cf_bytes *spoken);

#endif
