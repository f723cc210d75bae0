/* SPDX-License-Identifier: Apache-2.0 */
/* Times for people: milliseconds since 1970 in, text out. */
#ifndef CF_BROKER_PLATFORM_TIMES_H
#define CF_BROKER_PLATFORM_TIMES_H
#include <stdint.h>

/* RFC 3339, UTC, in seconds. */
enum { CF_TIME_TEXT = 32 };
void cf_time_show(uint64_t ms, char text[CF_TIME_TEXT]);
/* Local time, with its day, in minutes: "2026-11-20 14:05". */
void cf_time_show_local(uint64_t ms, char text[CF_TIME_TEXT]);
/* When a lock or the like ends, in local time: "15:02", the minute by which it has ended, counted
 * from the second that cf_time_show shows (13:01:01 is 13:02). What is near has seconds,
 * "15:01:20". The day stands before it unless that is today. */
#define CF_TIME_NEAR_MS UINT64_C(120000)
void cf_time_show_end(uint64_t ms, uint64_t now_ms, char text[CF_TIME_TEXT]);
/* When it began, the same way. */
void cf_time_show_since(uint64_t ms, uint64_t now_ms, char text[CF_TIME_TEXT]);

#endif
