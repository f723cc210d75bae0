/* SPDX-License-Identifier: Apache-2.0 */
/* Calendars as texts, for the tests of iCalendar. */
#ifndef CF_TESTS_PEER_ADAPTERS_CALENDARS_H
#define CF_TESTS_PEER_ADAPTERS_CALENDARS_H
#include "peer/adapters/icalendar.h"
#include "tests/peer/adapters/text_rows.h"

static inline void calendars_enter(void)
{
    static const text_format format = {cf_icalendar_rows_read, cf_icalendar_rows_write, false};

    text_rows_enter(&format);
}

#define CALENDAR(lines) "BEGIN:VCALENDAR\nVERSION:2.0\n" lines "END:VCALENDAR\n"
#define EVENT(lines) "BEGIN:VEVENT\nUID:1\nDTSTAMP:20240101T000000Z\n" lines "END:VEVENT\n"
#define TASK(lines) "BEGIN:VTODO\nUID:1\nDTSTAMP:20240101T000000Z\n" lines "END:VTODO\n"
#define AT(lines) EVENT("DTSTART;TZID=Europe/Berlin:20240108T090000\n" lines)
#define OCCURRENCE(lines) EVENT("RECURRENCE-ID;TZID=Europe/Berlin:20240115T090000\n" lines)

#endif
