/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/line.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

enum { BEGIN_MS = 1000000, BEAT_BYTES = 100 };

static bool look(cf_line *line, uint64_t received, uint64_t sent, uint64_t now_ms)
{
    return cf_line_look(line, &(cf_line_counts){.received = received, .acknowledged = sent},
                        now_ms);
}

Test(line, dies_30_seconds_after_the_last_byte)
{
    cf_line line = {0};

    cf_line_begin(&line, BEGIN_MS);
    for (uint64_t ms = 0; ms <= 60000; ms += CF_LINE_LOOK_MS) {
        look(&line, ms / 1000, 0, BEGIN_MS + ms); /* a byte a second */
        cr_expect_not(cf_line_is_dead(&line, BEGIN_MS + ms));
    }
    uint64_t ms = 60000;
    for (; ms < 60000 + CF_LINE_SILENT_MS; ms += CF_LINE_LOOK_MS) {
        look(&line, 60, 0, BEGIN_MS + ms);
        cr_expect_not(cf_line_is_dead(&line, BEGIN_MS + ms));
    }
    cr_expect_not(cf_line_is_dead(&line, BEGIN_MS + ms - 1));
    look(&line, 60, 0, BEGIN_MS + ms);
    cr_expect(cf_line_is_dead(&line, BEGIN_MS + ms));
}

/* The kernel of a broker that hangs acknowledges heartbeats, and nobody answers them. */
Test(line, is_not_kept_alive_by_heartbeats_that_nobody_answers)
{
    cf_line line = {0};
    uint64_t ms = 0;

    cf_line_begin(&line, BEGIN_MS);
    for (; ms < CF_LINE_SILENT_MS; ms += CF_LINE_LOOK_MS)
        look(&line, 0, ms / 12500 * BEAT_BYTES, BEGIN_MS + ms);
    look(&line, 0, ms / 12500 * BEAT_BYTES, BEGIN_MS + ms);
    cr_expect(cf_line_is_dead(&line, BEGIN_MS + ms));
}

/* 2 KB/s up, and the answer to a heartbeat waits behind 200 KB. */
Test(line, lives_while_what_is_sent_is_acknowledged)
{
    cf_line line = {0};

    cf_line_begin(&line, BEGIN_MS);
    for (uint64_t ms = 0; ms <= 120000; ms += CF_LINE_LOOK_MS) {
        bool moves = look(&line, 0, 2 * ms, BEGIN_MS + ms);
        cr_expect_eq(moves, ms > 0);
        cr_expect_not(cf_line_is_dead(&line, BEGIN_MS + ms));
    }
}

Test(line, does_not_move_by_heartbeats)
{
    cf_line line = {0};

    cf_line_begin(&line, BEGIN_MS);
    for (uint64_t ms = 0; ms <= 30000; ms += CF_LINE_LOOK_MS) {
        uint64_t beats = ms / 12500 * BEAT_BYTES;
        cr_expect_not(look(&line, beats, beats, BEGIN_MS + ms));
    }
}

/* A lid was open again after an hour: what came meanwhile was not read yet. */
Test(line, has_a_moment_after_a_sleep)
{
    cf_line line = {0};
    uint64_t now_ms = BEGIN_MS + 3600000;

    cf_line_begin(&line, BEGIN_MS);
    look(&line, 500, 500, BEGIN_MS + 1);
    look(&line, 500, 500, now_ms);
    cr_expect_not(cf_line_is_dead(&line, now_ms));
    now_ms += CF_LINE_LOOK_MS;
    look(&line, 500, 500, now_ms);
    cr_expect_not(cf_line_is_dead(&line, now_ms));
    now_ms += CF_LINE_LOOK_MS;
    look(&line, 500, 500, now_ms);
    cr_expect(cf_line_is_dead(&line, now_ms));
}

/* ---- Small packets pass, and large ones don't ---- */

enum { SEGMENT = 1448 };

/* After a greeting in small packets, which took a second. */
static void greet(cf_line *line, cf_line_counts *counts, uint64_t now_ms)
{
    cf_line_begin(line, now_ms);
    *counts =
        (cf_line_counts){.received = 2000, .acknowledged = 2000, .packets = 20, .segment = SEGMENT};
    cf_line_look(line, counts, now_ms + 1000);
}

/* Whether so it is, once nothing has moved for long. */
static bool waits_in_vain(cf_line *line, const cf_line_counts *counts, uint64_t *now_ms)
{
    const uint64_t end_ms = *now_ms + 1000 + CF_LINE_STUCK_MS;

    for (; *now_ms < end_ms; *now_ms += 1000) {
        cf_line_look(line, counts, *now_ms);
        cr_expect_not(*now_ms > end_ms - CF_LINE_STUCK_MS && cf_line_is_stuck(line, *now_ms));
    }
    cf_line_look(line, counts, end_ms);
    return cf_line_is_stuck(line, end_ms);
}

Test(line, drops_large_packets_where_what_comes_after_them_arrives)
{
    for (int goes = 0; goes < 2; goes++) {
        cf_line line = {0};
        cf_line_counts counts;
        uint64_t now_ms = BEGIN_MS;

        greet(&line, &counts, now_ms);
        counts.unacknowledged = goes ? 3 : 0;
        counts.went_beyond = goes ? 1 : 0;
        counts.came_beyond = goes ? 0 : 1;
        cr_assert(waits_in_vain(&line, &counts, &now_ms));
        cr_expect(cf_line_drops_large(&line));
    }
}

/* A line that died meanwhile looks alike, once. */
Test(line, drops_large_packets_where_a_second_connection_gets_stuck_by_them)
{
    cf_line line = {0};
    cf_line_counts counts;
    uint64_t now_ms = BEGIN_MS;

    for (int i = 0; i < 2; i++) {
        greet(&line, &counts, now_ms);
        counts.unacknowledged = 10;
        cr_assert(waits_in_vain(&line, &counts, &now_ms));
        cr_expect_eq(cf_line_drops_large(&line), i == 1);
    }
}

Test(line, does_not_drop_large_packets_of_which_one_has_passed)
{
    cf_line line = {0};
    cf_line_counts counts;
    uint64_t now_ms = BEGIN_MS;

    greet(&line, &counts, now_ms);
    counts.unacknowledged = 10;
    cr_assert(waits_in_vain(&line, &counts, &now_ms));
    cr_expect_not(cf_line_drops_large(&line));
    greet(&line, &counts, now_ms);
    counts.acknowledged += 3 * SEGMENT;
    counts.packets += 4;
    cf_line_look(&line, &counts, now_ms + 2000);
    cr_expect_not(waits_in_vain(&line, &counts, &now_ms), "it is dead then");
    greet(&line, &counts, now_ms);
    counts.unacknowledged = 10;
    cr_assert(waits_in_vain(&line, &counts, &now_ms));
    cr_expect_not(cf_line_drops_large(&line), "it died meanwhile");
}

/* A broker that hangs has a kernel, which acknowledges. */
Test(line, does_not_drop_large_packets_where_nobody_answers)
{
    cf_line line = {0};
    cf_line_counts counts;
    uint64_t now_ms = BEGIN_MS;

    greet(&line, &counts, now_ms);
    cr_expect_not(waits_in_vain(&line, &counts, &now_ms));
}

/* That was sending for 20 s. */
static cf_line line_of(uint64_t bytes_a_second, uint64_t round_trip_ms)
{
    cf_line line = {0};
    const cf_line_counts counts = {.acknowledged = 20 * bytes_a_second,
                                   .busy_us = 20000000,
                                   .round_trip_us = 1000 * round_trip_ms};

    cf_line_begin(&line, BEGIN_MS);
    cf_line_look(&line, &counts, BEGIN_MS + 60000);
    return line;
}

Test(line, takes_in_one_step_what_it_carries_in_half_a_second)
{
    static const struct {
        uint64_t bytes_a_second, step;
    } cases[] = {{500, 4 * CF_KIB},         {2000, 4 * CF_KIB},    {16000, 4 * CF_KIB},
                 {16384, 8 * CF_KIB},       {125000, 32 * CF_KIB}, {512 * CF_KIB, CF_BLOB_STEP},
                 {1000000000, CF_BLOB_STEP}};
    cf_line line = {0};

    cr_expect_eq(cf_line_step(&line), 4 * CF_KIB, "nobody knows yet");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        line = line_of(cases[i].bytes_a_second, 0);
        cr_expect_eq(cf_line_step(&line), cases[i].step, "%llu",
                     (unsigned long long)cases[i].bytes_a_second);
        cf_line_begin(&line, BEGIN_MS + 70000);
        cr_expect_eq(cf_line_step(&line), 4 * CF_KIB, "another connection, of which nobody knows");
    }
}

static cf_line broken_after(uint64_t bytes, bool is_idle)
{
    cf_line line = {0};

    cf_line_begin(&line, BEGIN_MS);
    line.is_idle = is_idle;
    look(&line, 1000, bytes - 1000, BEGIN_MS + 1000);
    cf_line_begin(&line, BEGIN_MS + 2000);
    return line;
}

Test(line, loses_little_where_it_breaks)
{
    static const struct {
        uint64_t lasted, step;
    } cases[] = {{2000, 4 * CF_KIB},
                 {48000, 4 * CF_KIB},
                 {128 * CF_KIB, 8 * CF_KIB},
                 {512 * CF_KIB, 32 * CF_KIB},
                 {100 * CF_MIB, CF_BLOB_STEP}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cf_line line = broken_after(cases[i].lasted, false);

        line.rate = 1000000000;
        cr_expect_eq(cf_line_step(&line), cases[i].step, "after %llu bytes",
                     (unsigned long long)cases[i].lasted);
        cf_line_begin(&line, BEGIN_MS + 3000);
        line.rate = 1000000000;
        cr_expect_eq(cf_line_step(&line), cases[i].step, "of one that carried nothing");
    }
}

Test(line, is_trusted_again_when_it_has_outlasted_what_broke)
{
    cf_line line = broken_after(48000, false);

    look(&line, 0, 191999, BEGIN_MS + 3000);
    line.rate = 1000000000;
    cr_expect_eq(cf_line_step(&line), 4 * CF_KIB);
    look(&line, 0, 192000, BEGIN_MS + 4000);
    line.rate = 1000000000;
    cr_expect_eq(cf_line_step(&line), CF_BLOB_STEP);
}

/* One that ended while nothing was under way lost nothing. */
Test(line, did_not_break_where_nothing_was_owed)
{
    cf_line line = broken_after(48000, true);

    line.rate = 1000000000;
    cr_expect_eq(cf_line_step(&line), CF_BLOB_STEP);
}

/* Two seconds wait before an edit; a round trip is no wait, and makes no line slower. */
Test(line, has_two_seconds_and_a_round_trip_under_way)
{
    static const struct {
        uint64_t bytes_a_second, round_trip_ms, window;
    } cases[] = {{500, 0, 8 * CF_KIB},
                 {16000, 0, 32000},
                 {16000, 2500, 72000},
                 {125000, 40, 255000},
                 {2000000, 0, 4000000},
                 {CF_WINDOW / 2 + 1, 0, CF_WINDOW},
                 {UINT64_MAX / 20000000, 0, CF_WINDOW},
                 {16000, UINT32_MAX / 1000, CF_WINDOW}};
    cf_line line = {0};

    cr_expect_eq(cf_line_window(&line), 16 * CF_KIB, "nobody knows yet");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        line = line_of(cases[i].bytes_a_second, cases[i].round_trip_ms);
        cr_expect_eq(cf_line_window(&line), cases[i].window, "%llu",
                     (unsigned long long)cases[i].bytes_a_second);
    }
    line = (cf_line){.rate = UINT64_MAX};
    cr_expect_eq(cf_line_window(&line), CF_WINDOW);
}

/* Each sync begins a connection of which nobody knows, and its log is for good. */
Test(line, has_large_entries_unless_it_is_slow_or_breaks)
{
    cf_line line = {0};

    cr_expect_eq(cf_line_entry(&line), 128 * CF_KIB, "nobody knows yet");
    line = line_of(2000, 0);
    cr_expect_eq(cf_line_entry(&line), 8 * CF_KIB);
    line = line_of(125000, 40);
    cr_expect_eq(cf_line_entry(&line), 255000);
    line = line_of(3000000, 0);
    cr_expect_eq(cf_line_entry(&line), CF_PART_SIZE);
    line = broken_after(48000, false);
    cr_expect_eq(cf_line_entry(&line), 16 * CF_KIB);
}

/* The kernel gives a new connection the number of one that was closed. */
Test(line, is_not_that_of_another_connection_with_its_descriptor)
{
    cf_line line = line_of(16000, 0), before = line;
    const cf_line_counts other = {.received = 100, .acknowledged = 100, .busy_us = 1};

    cr_expect_not(cf_line_look(&line, &other, BEGIN_MS + 61000));
    cr_expect_eq(line.rate, before.rate);
    cr_expect_eq(line.counts.acknowledged, before.counts.acknowledged);
}

/* 125 000 bytes a second. */
Test(line, asks_for_what_it_brings_in_two_seconds)
{
    cf_line line = {0};
    uint64_t now_ms = BEGIN_MS;

    cf_line_begin(&line, now_ms);
    cr_expect_eq(cf_line_fetch_window(&line), 16 * CF_KIB, "nobody knows yet");
    cr_expect_eq(cf_line_fetch_step(&line), 4 * CF_KIB);
    line.fetches = true;
    for (uint64_t bytes = 0; bytes < 500000; bytes += 12500, now_ms += 100)
        look(&line, bytes, 0, now_ms);
    cr_expect_geq(cf_line_fetch_window(&line), 240000);
    cr_expect_leq(cf_line_fetch_window(&line), 270000);
    cr_expect_eq(cf_line_fetch_step(&line), 32 * CF_KIB);
    cf_line_begin(&line, now_ms);
    cr_expect_eq(cf_line_fetch_window(&line), 16 * CF_KIB, "it may be over another line");
}

/* A line that is known to be slow stays so: at 2000 bytes a second 16 KiB would be eight. */
Test(line, that_is_slow_is_so_over_the_next_connection)
{
    cf_line line = line_of(2000, 0);

    line.fetch_rate = 2000;
    cf_line_begin(&line, BEGIN_MS + 70000);
    cr_expect_eq(cf_line_window(&line), 8 * CF_KIB);
    cr_expect_leq(cf_line_fetch_window(&line), 4 * CF_KIB);
}

/* A proxy hides a round trip of 4.5 s: what is asked for comes at once, and then nothing does. */
Test(line, is_not_slow_for_being_far)
{
    cf_line line = {0};
    uint64_t now_ms = BEGIN_MS, bytes = 0, window;

    cf_line_begin(&line, now_ms);
    line.fetches = true;
    for (int i = 0; i < 20; i++) {
        window = cf_line_fetch_window(&line);
        bytes += window < 2 * CF_BLOB_STEP ? 2 * CF_BLOB_STEP : window;
        now_ms += CF_LINE_FETCH_MS;
        look(&line, bytes, 0, now_ms);
        for (int idle = 0; idle < 8; idle++, now_ms += CF_LINE_FETCH_MS)
            look(&line, bytes, 0, now_ms);
    }
    cr_expect_eq(cf_line_fetch_window(&line), CF_WINDOW);
}

Test(line, is_not_slow_where_nothing_is_asked_for)
{
    cf_line line = {0};

    cf_line_begin(&line, BEGIN_MS);
    for (uint64_t i = 1; i < 100; i++)
        look(&line, 200 * i, 0, BEGIN_MS + i * CF_LINE_LOOK_MS);
    cr_expect_eq(cf_line_fetch_window(&line), 16 * CF_KIB);
}
