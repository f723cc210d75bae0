/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/polling.h"

#include <inttypes.h>
#include <stdio.h>

cf_status cf_poll_word_of(uint64_t period_ms, cf_poll_word *out, cf_error *error)
{
    if (period_ms && (period_ms < CF_POLL_MIN_MS || period_ms > CF_POLL_MAX_MS))
        return cf_fail(error, CF_USAGE,
                       "a source is polled every 1s to 1h, or, with 0, not at all");
    *out = (cf_poll_word){true, period_ms};
    return CF_OK;
}

bool cf_poll_wants(const cf_filesystem *system)
{
    return system->is_fuse || system->is_remote;
}

uint64_t cf_poll_period(cf_poll_word word, bool is_remote)
{
    return word.given ? word.period_ms : is_remote ? CF_POLL_REMOTE_MS : 0;
}

void cf_poll_show(uint64_t period_ms, char text[CF_POLL_TEXT])
{
    const bool whole = period_ms % 1000 == 0;

    snprintf(text, CF_POLL_TEXT, "%" PRIu64 "%s", whole ? period_ms / 1000 : period_ms,
             !period_ms ? ""
             : whole    ? "s"
                        : "ms");
}
