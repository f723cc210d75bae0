/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/rate_limit.h"

enum {
    PARTS = 1000, /* of a byte: what a rate of 1 byte in a second brings in a millisecond */
    STEP_LEAST = 4096,
    ELAPSED_MAX_MS = 1 << 20, /* with CF_RATE_MAX 2^60 parts */
};

#define TAKEN_MAX (UINT64_C(1) << 40) /* bytes at once; nobody sends as many */

static int64_t full(const cf_rate_limit *limit)
{
    return (int64_t)limit->rate * PARTS;
}

void cf_rate_limit_set(cf_rate_limit *limit, uint64_t rate)
{
    const bool begins = !limit->rate;

    limit->rate = rate;
    if (begins || limit->level > full(limit))
        limit->level = full(limit);
    if (limit->level < -full(limit))
        limit->level = -full(limit);
}

bool cf_rate_limit_allows(cf_rate_limit *limit, uint64_t now_ms)
{
    if (!limit->rate)
        return true;
    uint64_t elapsed_ms = limit->now_ms && now_ms > limit->now_ms ? now_ms - limit->now_ms : 0;
    if (elapsed_ms > ELAPSED_MAX_MS)
        elapsed_ms = ELAPSED_MAX_MS;
    limit->now_ms = now_ms;
    limit->level += (int64_t)(limit->rate * elapsed_ms);
    if (limit->level > full(limit))
        limit->level = full(limit);
    return limit->level > 0;
}

void cf_rate_limit_take(cf_rate_limit *limit, uint64_t bytes)
{
    const int64_t parts = (int64_t)(bytes < TAKEN_MAX ? bytes : TAKEN_MAX) * PARTS;

    if (limit->rate)
        limit->level = limit->level < INT64_MIN / 2 + parts ? INT64_MIN / 2 : limit->level - parts;
}

uint64_t cf_rate_limit_due(const cf_rate_limit *limit)
{
    if (!limit->rate || limit->level > 0)
        return limit->now_ms;
    const uint64_t wait_ms = (uint64_t)-limit->level / limit->rate + 1;
    return limit->now_ms + (wait_ms < ELAPSED_MAX_MS ? wait_ms : ELAPSED_MAX_MS);
}

uint64_t cf_rate_limit_step(const cf_rate_limit *limit, uint64_t most)
{
    if (!limit->rate || limit->rate / 2 > most)
        return most;
    return limit->rate / 2 < STEP_LEAST ? STEP_LEAST : limit->rate / 2;
}
