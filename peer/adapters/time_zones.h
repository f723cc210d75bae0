/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the time zones that have names, as they are in force now (IANA's data, version
 * 2025b): the same on all devices, whatever these have installed. */
#ifndef CF_PEER_ADAPTERS_TIME_ZONES_H
#define CF_PEER_ADAPTERS_TIME_ZONES_H
#include "codec/bytes.h"

#include <stdbool.h>

/* As POSIX has it for TZ: "CET-1CEST,M3.5.0,M10.5.0/3" for Europe/Berlin. NULL: there is none of
 * that name. */
const char *cf_time_zone_rule(cf_bytes name);

/* Appends the VTIMEZONE of RFC 5545 that says the rule, lines with LF, with a property by which it
 * is known again as made here, and nobody's word. False, and nothing is appended: there is no such
 * zone. */
#define CF_TIME_ZONE_MADE "X-COUNTERFOIL-ZONE"
bool cf_time_zone_component(cf_bytes name, cf_buffer *out);

/* Days from 0000-03-01 of the Gregorian calendar, which was a Wednesday, and back. */
int64_t cf_days_of(int64_t year, int64_t month, int64_t day);
void cf_days_date(int64_t days, int *year, int *month, int *day);

/* From what a wall clock shows there to UTC, and back; both in seconds since 0000-03-01, as if
 * every day had 24 hours. Of a time that there is twice the first is meant, one that there is not
 * counts on from before the change (RFC 5545, 3.3.5). The rule is one that is known here. */
int64_t cf_time_zone_utc(const char *rule, int64_t wall);
int64_t cf_time_zone_wall(const char *rule, int64_t utc);

#endif
