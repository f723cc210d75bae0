/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/times.h"

#include <stdbool.h>
#include <time.h>

void cf_time_show(uint64_t ms, char text[CF_TIME_TEXT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(text, CF_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void cf_time_show_local(uint64_t ms, char text[CF_TIME_TEXT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;

    localtime_r(&seconds, &parts);
    strftime(text, CF_TIME_TEXT, "%Y-%m-%d %H:%M", &parts);
}

static void show_local(time_t at, uint64_t now_ms, bool in_seconds, char text[CF_TIME_TEXT])
{
    time_t now = (time_t)(now_ms / 1000);
    struct tm then, today;

    localtime_r(&at, &then);
    localtime_r(&now, &today);
    bool is_today = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
    strftime(text, CF_TIME_TEXT,
             in_seconds ? (is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S")
             : is_today ? "%H:%M"
                        : "%Y-%m-%d %H:%M",
             &then);
}

void cf_time_show_end(uint64_t ms, uint64_t now_ms, char text[CF_TIME_TEXT])
{
    bool is_near = ms < now_ms + CF_TIME_NEAR_MS;

    show_local((time_t)(is_near ? ms / 1000 : (ms / 1000 + 59) / 60 * 60), now_ms, is_near, text);
}

void cf_time_show_since(uint64_t ms, uint64_t now_ms, char text[CF_TIME_TEXT])
{
    show_local((time_t)(ms / 1000), now_ms, now_ms < ms + CF_TIME_NEAR_MS, text);
}
