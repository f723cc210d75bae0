/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/clock.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/limits.h"

int cf_time_compare(cf_time a, cf_time b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.counter > b.counter) - (a.counter < b.counter);
}

bool cf_time_counts(cf_time time, uint64_t now_ms)
{
    return time.ms <= now_ms || time.ms - now_ms <= CF_TIME_AHEAD_MS;
}

cf_time cf_time_after(cf_time seen, uint64_t now_ms)
{
    uint64_t now = now_ms < CF_TIME_MS_MAX ? now_ms : CF_TIME_MS_MAX;

    if (now > seen.ms || !cf_time_counts(seen, now))
        return (cf_time){now, 0};
    return (cf_time){seen.ms, seen.counter < UINT64_MAX ? seen.counter + 1 : UINT64_MAX};
}

int64_t cf_ns_of_ms(uint64_t ms)
{
    const uint64_t ns_per_ms = 1000000, most = INT64_MAX / ns_per_ms;

    return (int64_t)((ms < most ? ms : most) * ns_per_ms);
}

int64_t cf_clock_difference_ms(uint64_t theirs_ms, uint64_t ours_ms)
{
    const bool ahead = theirs_ms > ours_ms;
    const uint64_t distance = ahead ? theirs_ms - ours_ms : ours_ms - theirs_ms;
    const int64_t bounded = distance < INT64_MAX ? (int64_t)distance : INT64_MAX;

    return ahead ? bounded : -bounded;
}

bool cf_clock_is_off(int64_t difference_ms)
{
    return difference_ms > (int64_t)CF_DAY_MS || difference_ms < -(int64_t)CF_DAY_MS;
}

void cf_clock_write_distance(int64_t difference_ms, char text[CF_CLOCK_TEXT])
{
    const uint64_t ms = difference_ms < 0 ? -(uint64_t)difference_ms : (uint64_t)difference_ms;
    const uint64_t hours = (ms + 1800000) / 3600000;
    const bool days = hours >= 48;

    snprintf(text, CF_CLOCK_TEXT, "%" PRIu64 " %s", days ? (hours + 12) / 24 : hours,
             days ? "days" : "hours");
}
