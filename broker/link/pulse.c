/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/pulse.h"

enum { DAY_MS = 24 * 3600 * 1000, ROUND_TRIPS = 4 };

static uint64_t pause_of(const cf_pulse *pulse)
{
    return pulse->pause_ms ? pulse->pause_ms : CF_PULSE_LEAST_MS;
}

void cf_pulse_begin(cf_pulse *pulse, uint64_t now_ms)
{
    pulse->moved_ms = now_ms;
    pulse->said_ms = 0;
    if (pulse->most_ms && now_ms >= pulse->capped_ms + DAY_MS)
        pulse->most_ms = 0;
}

/* 5 s, 7.5, 11.25, ... 4 minutes: eleven pauses, of 13 minutes together. */
static void stretch(cf_pulse *pulse)
{
    const uint64_t most_ms = pulse->most_ms ? pulse->most_ms : CF_PULSE_MOST_MS;
    const uint64_t longer_ms = pause_of(pulse) * 3 / 2;

    pulse->pause_ms = longer_ms < most_ms ? longer_ms : most_ms;
}

void cf_pulse_moved(cf_pulse *pulse, bool came, uint64_t now_ms)
{
    if (pulse->said_ms && !came) {
        pulse->is_carried = true;
        return;
    }
    if (pulse->said_ms && pulse->said_ms - pulse->moved_ms >= pause_of(pulse))
        stretch(pulse);
    pulse->said_ms = 0;
    pulse->moved_ms = now_ms;
}

void cf_pulse_said(cf_pulse *pulse, uint64_t now_ms)
{
    if (pulse->said_ms)
        return;
    pulse->said_ms = now_ms;
    pulse->is_carried = false;
}

bool cf_pulse_is_awaited(const cf_pulse *pulse)
{
    return pulse->said_ms != 0;
}

uint64_t cf_pulse_due(const cf_pulse *pulse)
{
    return pulse->said_ms ? UINT64_MAX : pulse->moved_ms + pause_of(pulse);
}

bool cf_pulse_is_forgotten(const cf_pulse *pulse, uint64_t round_trip_us, uint64_t now_ms)
{
    const uint64_t trips_ms = ROUND_TRIPS * round_trip_us / 1000;
    const uint64_t patience_ms = trips_ms > CF_PULSE_PATIENCE_MS ? trips_ms : CF_PULSE_PATIENCE_MS;

    return pulse->said_ms && !pulse->is_carried &&
           pulse->said_ms - pulse->moved_ms >= CF_PULSE_SILENCE_MS &&
           now_ms >= pulse->said_ms + patience_ms;
}

/* Found lost after 63 s of silence, and a while later after 60: so 40 s are the most that it bears.
 * Once may have been anything. */
void cf_pulse_lost(cf_pulse *pulse, uint64_t now_ms)
{
    const uint64_t silent_ms = (pulse->said_ms ? pulse->said_ms : now_ms) - pulse->moved_ms;
    const bool is_again =
        silent_ms >= pulse->failed_ms * 2 / 3 && silent_ms <= pulse->failed_ms * 3 / 2;

    cf_pulse_begin(pulse, now_ms);
    pulse->pause_ms = CF_PULSE_LEAST_MS;
    if (silent_ms < CF_PULSE_SILENCE_MS)
        return;
    if (is_again) {
        pulse->most_ms = silent_ms * 2 / 3;
        pulse->capped_ms = now_ms;
    }
    pulse->failed_ms = silent_ms;
}
