/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/line.h"

#include "codec/limits.h"

enum {
    MEASURE = 8192, /* bytes; fewer are mostly waited for, not sent */
    STEPS_A_SECOND = 2,
    STEPS_LEAST = 2, /* under way: one goes while the answer to the other comes */
    STEPS_UNKNOWN = 4,
    STEPS_LASTED = 16, /* of what a connection carried before it broke, */
    OUTLASTED = 4,     /* unless the one that there is has carried so many times as much */
    WINDOW_MS = 2000,
    FETCH_MEASURE_MS = 250,
    LATE_MS = 2 * CF_LINE_LOOK_MS, /* who looks that late slept, and knows nothing yet */
};
#define STEP_MIN (4 * CF_KIB)
#define ENTRY_UNKNOWN (128 * CF_KIB)

static uint64_t bytes_of(const cf_line_counts *counts)
{
    return counts->received + counts->acknowledged;
}

/* Who was fast may be elsewhere now: only what is less than the least step shows is believed. */
static uint64_t at_first(uint64_t rate)
{
    return rate < STEP_MIN * STEPS_A_SECOND ? rate : 0;
}

void cf_line_begin(cf_line *line, uint64_t now_ms)
{
    const uint64_t carried = bytes_of(&line->counts);

    *line = (cf_line){.lasted = !carried        ? line->lasted
                                : line->is_idle ? 0
                                                : carried,
                      .rate = at_first(line->rate),
                      .fetch_rate = at_first(line->fetch_rate),
                      .stuck = line->stuck,
                      .looked_ms = now_ms,
                      .alive_ms = now_ms};
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

/* Time in which nothing comes is not counted: over a long way it is spent waiting, and to wait for
 * little more would make less of it each time. */
static void measure_fetch(cf_line *line, const cf_line_counts *counts, uint64_t now_ms)
{
    const uint64_t came = counts->received - line->counts.received;
    const uint64_t ms = now_ms - line->looked_ms;

    if (!line->fetches || !came)
        return;
    line->fetched += came;
    line->fetched_ms += ms < CF_LINE_FETCH_MS ? ms : CF_LINE_FETCH_MS;
    if (line->fetched < MEASURE || line->fetched_ms < FETCH_MEASURE_MS)
        return;
    line->fetch_rate = line->fetched * 1000 / line->fetched_ms;
    line->fetched = line->fetched_ms = 0;
}

/* One passed where those of some time, more than one, were half full on average. */
static void note_large(cf_line *line, const cf_line_counts *counts)
{
    const uint64_t bytes = bytes_of(counts) - bytes_of(&line->counts);
    const uint64_t packets = counts->packets - line->counts.packets;

    if (bytes)
        line->beyond = counts->came_beyond;
    if (bytes >= 2 * counts->segment && 2 * bytes >= packets * counts->segment)
        line->carried_large = true;
    if (line->carried_large)
        line->stuck = 0;
}

bool cf_line_look(cf_line *line, const cf_line_counts *counts, uint64_t now_ms)
{
    const uint64_t all = bytes_of(counts);

    if (counts->received < line->counts.received ||
        counts->acknowledged < line->counts.acknowledged || counts->busy_us < line->counts.busy_us)
        return false;
    const bool moves = all >= line->moved + CF_LINE_BEATS;

    if (line->is_idle || counts->received != line->counts.received ||
        counts->acknowledged >= line->alive_sent + CF_LINE_BEATS) {
        line->alive_ms = now_ms;
        line->alive_sent = counts->acknowledged;
    } else if (now_ms > line->looked_ms + LATE_MS &&
               now_ms > line->alive_ms + CF_LINE_STUCK_MS - CF_LINE_LOOK_MS) {
        line->alive_ms = now_ms + CF_LINE_LOOK_MS - CF_LINE_STUCK_MS;
    }
    if (moves)
        line->moved = all;
    note_large(line, counts);
    measure(line, counts);
    measure_fetch(line, counts, now_ms);
    line->counts = *counts;
    line->looked_ms = now_ms;
    return moves;
}

bool cf_line_is_dead(const cf_line *line, uint64_t now_ms)
{
    return now_ms >= line->alive_ms + CF_LINE_SILENT_MS;
}

static bool has_hole(const cf_line *line)
{
    return line->counts.went_beyond || line->counts.came_beyond > line->beyond;
}

bool cf_line_is_stuck(const cf_line *line, uint64_t now_ms)
{
    return !line->carried_large && (line->counts.unacknowledged || has_hole(line)) &&
           now_ms >= line->alive_ms + CF_LINE_STUCK_MS;
}

bool cf_line_drops_large(cf_line *line)
{
    return ++line->stuck > 1 || has_hole(line);
}

/* 48 KB were carried, and then it broke: 4 KiB at a time, until 192 KB are. */
static bool breaks_at(const cf_line *line, uint64_t step)
{
    return line->lasted && bytes_of(&line->counts) < OUTLASTED * line->lasted &&
           step > line->lasted / STEPS_LASTED;
}

static uint64_t step_of(const cf_line *line, uint64_t rate)
{
    uint64_t step = CF_BLOB_STEP;

    while (step > STEP_MIN && (step > rate / STEPS_A_SECOND || breaks_at(line, step)))
        step /= 2;
    return step;
}

uint64_t cf_line_step(const cf_line *line)
{
    return step_of(line, line->rate);
}

uint64_t cf_line_fetch_step(const cf_line *line)
{
    return step_of(line, line->fetch_rate);
}

static uint64_t window_of(const cf_line *line, uint64_t rate)
{
    const uint64_t ms = WINDOW_MS + line->counts.round_trip_us / 1000;

    if (rate >= CF_WINDOW || ms >= CF_LINE_SILENT_MS)
        return CF_WINDOW;
    const uint64_t window = rate * ms / 1000;
    return window < CF_WINDOW ? window : CF_WINDOW;
}

uint64_t cf_line_window(const cf_line *line)
{
    const uint64_t step = cf_line_step(line), window = window_of(line, line->rate);

    if (!line->rate)
        return STEPS_UNKNOWN * step;
    return window < STEPS_LEAST * step ? STEPS_LEAST * step : window;
}

uint64_t cf_line_entry(const cf_line *line)
{
    const bool is_known = line->rate || breaks_at(line, ENTRY_UNKNOWN / STEPS_UNKNOWN);
    const uint64_t size = is_known ? cf_line_window(line) : ENTRY_UNKNOWN;

    return size < CF_PART_SIZE ? size : CF_PART_SIZE;
}

uint64_t cf_line_fetch_window(const cf_line *line)
{
    return line->fetch_rate ? window_of(line, line->fetch_rate)
                            : STEPS_UNKNOWN * cf_line_fetch_step(line);
}
