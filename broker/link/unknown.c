/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/unknown.h"

#include "codec/limits.h"

#include <assert.h>

static_assert(CF_COMMANDS <= 64, "a bit for each");

static uint64_t bit(cf_command command)
{
    return UINT64_C(1) << command;
}

bool cf_unknown_is(const cf_unknown *unknown, cf_command command, uint64_t now_ms)
{
    return now_ms < unknown->until_ms[command];
}

void cf_unknown_said(cf_unknown *unknown, cf_command command)
{
    unknown->out |= bit(command);
}

void cf_unknown_answered(cf_unknown *unknown, cf_command command)
{
    unknown->out &= ~bit(command);
}

bool cf_unknown_is_out(const cf_unknown *unknown, cf_command command)
{
    return unknown->out & bit(command);
}

bool cf_unknown_refused(cf_unknown *unknown, uint64_t now_ms, cf_command *which)
{
    if (!unknown->out)
        return false;
    *which = (cf_command)(63 - __builtin_clzll(unknown->out));
    cf_unknown_answered(unknown, *which);
    unknown->until_ms[*which] = now_ms + CF_UNKNOWN_FOR_MS;
    return true;
}
