/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/clock.h"

#include "codec/limits.h"

int cf_time_compare(cf_time a, cf_time b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.counter > b.counter) - (a.counter < b.counter);
}

cf_time cf_time_after(cf_time seen, uint64_t now_ms)
{
    uint64_t now = now_ms < CF_TIME_MS_MAX ? now_ms : CF_TIME_MS_MAX;

    if (now > seen.ms)
        return (cf_time){now, 0};
    return (cf_time){seen.ms, seen.counter + 1};
}
