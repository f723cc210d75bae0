/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/line.h"

#include "codec/limits.h"

enum {
    MEASURE = 8192, /* bytes; fewer are mostly waited for, not sent */
    STEPS_A_SECOND = 2,
    STEPS_LEAST = 2, /* under way: one goes while the answer to the other comes */
    STEPS_UNKNOWN = 4,
    WINDOW_MS = 2000,
    LATE_MS = 2 * CF_LINE_LOOK_MS, /* who looks that late slept, and knows nothing yet */
};
#define STEP_MIN (4 * CF_KIB)
#define STEP_UNKNOWN (32 * CF_KIB)

void cf_line_begin(cf_line *line, uint64_t now_ms)
{
    *line = (cf_line){.rate = line->rate, .looked_ms = now_ms, .alive_ms = now_ms};
}

/* 10 000 bytes that took 5 s are 2000 a second, however long nothing was sent between them. */
static void measure(cf_line *line, const cf_line_counts *counts)
{
    const uint64_t sent = counts->acknowledged - line->measured.acknowledged;
    const uint64_t us = counts->busy_us - line->measured.busy_us;

    if (sent < MEASURE)
        return;
    line->rate = us ? sent * 1000000 / us : UINT64_MAX;
    line->rate += !line->rate;
    line->measured = *counts;
}

bool cf_line_look(cf_line *line, const cf_line_counts *counts, uint64_t now_ms)
{
    const uint64_t all = counts->received + counts->acknowledged;

    if (counts->received < line->counts.received ||
        counts->acknowledged < line->counts.acknowledged || counts->busy_us < line->counts.busy_us)
        return false;
    const bool moves = all >= line->moved + CF_LINE_BEATS;

    if (counts->received != line->counts.received ||
        counts->acknowledged >= line->alive_sent + CF_LINE_BEATS) {
        line->alive_ms = now_ms;
        line->alive_sent = counts->acknowledged;
    } else if (now_ms > line->looked_ms + LATE_MS &&
               now_ms > line->alive_ms + CF_LINE_SILENT_MS - CF_LINE_LOOK_MS) {
        line->alive_ms = now_ms + CF_LINE_LOOK_MS - CF_LINE_SILENT_MS;
    }
    if (moves)
        line->moved = all;
    measure(line, counts);
    line->counts = *counts;
    line->looked_ms = now_ms;
    return moves;
}

bool cf_line_is_dead(const cf_line *line, uint64_t now_ms)
{
    return now_ms >= line->alive_ms + CF_LINE_SILENT_MS;
}

uint64_t cf_line_step(const cf_line *line)
{
    uint64_t step = line->rate ? CF_BLOB_STEP : STEP_UNKNOWN;

    while (line->rate && step > STEP_MIN && step > line->rate / STEPS_A_SECOND)
        step /= 2;
    return step;
}

uint64_t cf_line_window(const cf_line *line)
{
    const uint64_t step = cf_line_step(line);
    const uint64_t ms = WINDOW_MS + line->counts.round_trip_us / 1000;

    if (!line->rate)
        return STEPS_UNKNOWN * step;
    if (line->rate >= CF_WINDOW || ms >= CF_LINE_SILENT_MS)
        return CF_WINDOW;
    const uint64_t window = line->rate * ms / 1000;
    return window < STEPS_LEAST * step ? STEPS_LEAST * step
           : window < CF_WINDOW        ? window
                                       : CF_WINDOW;
}
