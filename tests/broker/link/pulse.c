/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/line.h"

#include "tests/support/expect.h"

enum { BEGIN_MS = 1000000, TRIP_MS = 40, DAY_MS = 24 * 3600 * 1000 };

/* Waits for the next time, speaks, and is answered if the line bears that silence. */
static bool beat(cf_pulse *pulse, uint64_t bears_ms, uint64_t *now_ms)
{
    const uint64_t due_ms = cf_pulse_due(pulse), silent_ms = due_ms - *now_ms;

    *now_ms = due_ms;
    cf_pulse_said(pulse, *now_ms);
    cr_expect_eq(cf_pulse_due(pulse), UINT64_MAX, "one at a time");
    if (silent_ms > bears_ms) {
        *now_ms += CF_PULSE_PATIENCE_MS;
        cr_expect(cf_pulse_is_forgotten(pulse, TRIP_MS * 1000, *now_ms));
        cf_pulse_lost(pulse, *now_ms);
        cf_pulse_begin(pulse, *now_ms);
        return false;
    }
    *now_ms += TRIP_MS;
    cf_pulse_moved(pulse, false, *now_ms);
    cf_pulse_moved(pulse, true, *now_ms);
    cr_expect_not(cf_pulse_is_awaited(pulse));
    return true;
}

static uint64_t pause_of(const cf_pulse *pulse, uint64_t now_ms)
{
    return cf_pulse_due(pulse) - now_ms;
}

Test(pulse, grows_from_5_seconds_to_4_minutes)
{
    cf_pulse pulse = {0};
    uint64_t now_ms = BEGIN_MS, before_ms = 0;
    size_t beats = 0;

    cf_pulse_begin(&pulse, now_ms);
    cr_expect_eq(pause_of(&pulse, now_ms), CF_PULSE_LEAST_MS);
    while (pause_of(&pulse, now_ms) < CF_PULSE_MOST_MS && beats++ < 100) {
        cr_expect_gt(pause_of(&pulse, now_ms), before_ms);
        before_ms = pause_of(&pulse, now_ms);
        cr_expect(beat(&pulse, CF_PULSE_MOST_MS, &now_ms));
    }
    cr_expect_eq(beats, 10);
    cr_expect(beat(&pulse, CF_PULSE_MOST_MS, &now_ms));
    cr_expect_eq(pause_of(&pulse, now_ms), CF_PULSE_MOST_MS);
}

/* Of some 450 bytes with their answers and TCP's: 170 KB. */
Test(pulse, beats_less_than_380_times_a_day)
{
    cf_pulse pulse = {0};
    uint64_t now_ms = BEGIN_MS;
    size_t beats = 0;

    cf_pulse_begin(&pulse, now_ms);
    for (; now_ms < BEGIN_MS + DAY_MS; beats++)
        cr_expect(beat(&pulse, CF_PULSE_MOST_MS, &now_ms));
    cr_expect_lt(beats, 380);
}

/* What passes is a sign of life, and puts the next one off. */
Test(pulse, says_nothing_while_something_passes)
{
    cf_pulse pulse = {0};
    uint64_t now_ms = BEGIN_MS;

    cf_pulse_begin(&pulse, now_ms);
    for (int i = 0; i < 100; i++) {
        now_ms += CF_PULSE_LEAST_MS - 1;
        cf_pulse_moved(&pulse, i % 2, now_ms);
        cr_expect_eq(pause_of(&pulse, now_ms), CF_PULSE_LEAST_MS, "nothing was learned");
    }
}

static size_t count_losses(cf_pulse *pulse, uint64_t bears_ms, uint64_t *now_ms, uint64_t until_ms)
{
    size_t losses = 0;

    while (*now_ms < until_ms)
        losses += !beat(pulse, bears_ms, now_ms);
    return losses;
}

/* Each day once or twice a longer one is tried: the NAT may be another. */
Test(pulse, learns_what_the_line_bears)
{
    static const uint64_t bears_ms[] = {12000, 20000, 30000, 60000, 120000, 180000};

    for (size_t i = 0; i < sizeof bears_ms / sizeof *bears_ms; i++) {
        cf_pulse pulse = {0};
        uint64_t now_ms = BEGIN_MS;

        cf_pulse_begin(&pulse, now_ms);
        cr_expect_leq(count_losses(&pulse, bears_ms[i], &now_ms, BEGIN_MS + DAY_MS / 2), 3);
        cr_expect_eq(count_losses(&pulse, bears_ms[i], &now_ms, BEGIN_MS + DAY_MS - 600000), 0);
        cr_expect_leq(pause_of(&pulse, now_ms), bears_ms[i]);
        cr_expect_geq(pause_of(&pulse, now_ms), bears_ms[i] / 3);
        cr_expect_leq(count_losses(&pulse, bears_ms[i], &now_ms, BEGIN_MS + 2 * DAY_MS), 3);
    }
}

Test(pulse, begins_anew_after_a_loss_and_forgives_one)
{
    cf_pulse pulse = {0};
    uint64_t now_ms = BEGIN_MS;

    cf_pulse_begin(&pulse, now_ms);
    for (int i = 0; i < 20; i++)
        beat(&pulse, CF_PULSE_MOST_MS, &now_ms);
    cr_expect_not(beat(&pulse, 0, &now_ms));
    cr_expect_eq(pause_of(&pulse, now_ms), CF_PULSE_LEAST_MS);
    for (int i = 0; i < 20; i++)
        cr_expect(beat(&pulse, CF_PULSE_MOST_MS, &now_ms));
    cr_expect_eq(pause_of(&pulse, now_ms), CF_PULSE_MOST_MS);
}

/* A proxy ends a connection on which nothing passed for a minute, and says so. */
Test(pulse, learns_from_connections_that_end_by_themselves)
{
    cf_pulse pulse = {0};
    uint64_t now_ms = BEGIN_MS;

    cf_pulse_begin(&pulse, now_ms);
    for (int ends = 0; ends < 3; ends++)
        for (int i = 0; i < 20; i++)
            if (pause_of(&pulse, now_ms) <= 60000) {
                cr_expect(beat(&pulse, 60000, &now_ms));
            } else {
                cr_expect_lt(ends, 2);
                now_ms += 60000;
                cf_pulse_lost(&pulse, now_ms);
                cf_pulse_begin(&pulse, now_ms);
                break;
            }
    cr_expect_eq(pause_of(&pulse, now_ms), 40000);
}

Test(pulse, notices_soon_after_a_silence_that_nothing_arrives)
{
    cf_pulse pulse = {0};
    const uint64_t said_ms = BEGIN_MS + CF_PULSE_SILENCE_MS;

    cf_pulse_begin(&pulse, BEGIN_MS);
    cf_pulse_said(&pulse, said_ms);
    cf_pulse_said(&pulse, said_ms + 1000);
    cr_expect_not(cf_pulse_is_forgotten(&pulse, 0, said_ms + CF_PULSE_PATIENCE_MS - 1));
    cr_expect(cf_pulse_is_forgotten(&pulse, 0, said_ms + CF_PULSE_PATIENCE_MS));
    cr_expect_not(cf_pulse_is_forgotten(&pulse, 2500000, said_ms + 9999), "a line that is far");
    cr_expect(cf_pulse_is_forgotten(&pulse, 2500000, said_ms + 10000));
    cf_pulse_moved(&pulse, false, said_ms + 1);
    cr_expect_not(cf_pulse_is_forgotten(&pulse, 0, said_ms + DAY_MS), "it has arrived");
    cr_expect(cf_pulse_is_awaited(&pulse));
}

Test(pulse, is_patient_where_something_passed_a_moment_before)
{
    cf_pulse pulse = {0};

    cf_pulse_begin(&pulse, BEGIN_MS);
    cf_pulse_said(&pulse, BEGIN_MS + CF_PULSE_SILENCE_MS - 1);
    cr_expect_not(cf_pulse_is_forgotten(&pulse, 0, BEGIN_MS + DAY_MS));
}
