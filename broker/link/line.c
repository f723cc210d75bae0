/* SPDX-License-Identifier: Apache-2.0 */
/* A line lives while bytes come or are acknowledged; it is stuck where no large packet ever passed
 * and packets stay unacknowledged. What it takes at once is what it carried lately: half a
 * second's worth a step, two seconds' a window. The pulse's pauses grow by half while they are
 * borne. */
#include "broker/link/line.h"

#include <errno.h>
#include <linux/tcp.h> /* the C library's own, which czmq takes, has fewer counts */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* ---- The kernel's counts ---- */

bool cf_line_count(int descriptor, cf_line_counts *out)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    if (descriptor < 0 || getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return false;
    *out =
        (cf_line_counts){.received = info.tcpi_bytes_received,
                         .acknowledged = info.tcpi_bytes_acked,
                         .busy_us = info.tcpi_busy_time,
                         .segment = info.tcpi_snd_mss,
                         .unacknowledged = info.tcpi_unacked,
                         .packets = (uint64_t)info.tcpi_data_segs_in + info.tcpi_data_segs_out,
                         .came_beyond = info.tcpi_rcv_ooopack,
                         .went_beyond = info.tcpi_sacked,
                         .round_trip_us = info.tcpi_min_rtt == UINT32_MAX ? 0 : info.tcpi_min_rtt};
    return true;
}

/* Who has no such address can't bind to it. */
bool cf_line_has_address(int descriptor)
{
    struct sockaddr_storage own = {0};
    socklen_t size = sizeof own;
    struct sockaddr_in *four = (struct sockaddr_in *)&own;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&own;

    if (descriptor < 0 || getsockname(descriptor, (struct sockaddr *)&own, &size) != 0 ||
        (own.ss_family != AF_INET && own.ss_family != AF_INET6))
        return true;
    *(own.ss_family == AF_INET ? &four->sin_port : &six->sin6_port) = 0;
    const int any = socket(own.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool is_gone =
        any >= 0 && bind(any, (struct sockaddr *)&own, size) != 0 && errno == EADDRNOTAVAIL;

    if (any >= 0)
        close(any);
    return !is_gone;
}

/* ---- The pulse ---- */

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
