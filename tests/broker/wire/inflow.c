/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/inflow.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"

TestSuite(inflow, .timeout = 60);

enum { ANN = 5, BOB = 3, FRAME_HEADER = 9, GREETING = 64 };

static const uint8_t greeting[GREETING] = {0xff, [9] = 0x7f, 3};

static void get_in(cf_inflow *inflow, int descriptor)
{
    cf_inflow_opened(inflow, descriptor);
    cr_assert_eq(cf_inflow_read(inflow, descriptor, cf_bytes_of(greeting, sizeof greeting)), -1);
    cf_inflow_taken(inflow, descriptor, sizeof greeting); /* so that what follows is exact */
}

/* Who is to end. A frame in pieces of 8 KiB; the rest isn't read of who ends. */
static int read_frame(cf_inflow *inflow, int descriptor, uint64_t size)
{
    static const uint8_t zeros[8192];
    uint8_t header[FRAME_HEADER] = {2};
    int ended;

    cf_put_u64(header + 1, size);
    ended = cf_inflow_read(inflow, descriptor, cf_bytes_of(header, sizeof header));
    while (size && ended < 0) {
        size_t step = size < sizeof zeros ? (size_t)size : sizeof zeros;

        ended = cf_inflow_read(inflow, descriptor, cf_bytes_of(zeros, step));
        size -= step;
    }
    return ended;
}

/* One whose cost is this. */
static int read_cost(cf_inflow *inflow, int descriptor, uint64_t cost)
{
    uint64_t beside = cf_inflow_cost(CF_FRAME_MAX) - CF_FRAME_MAX;

    return read_frame(inflow, descriptor, cost - beside + 33);
}

Test(inflow, lets_a_stranger_have_two_frames_and_not_a_byte_more)
{
    cf_inflow *inflow = cf_inflow_new();

    get_in(inflow, ANN);
    cr_expect_eq(read_cost(inflow, ANN, CF_UNTAKEN_MAX), -1);
    cr_expect_not(cf_inflow_is_over(inflow, ANN));
    cr_expect_eq(read_frame(inflow, ANN, 0), ANN);
    cr_expect(cf_inflow_is_over(inflow, ANN));
    cr_expect_eq(read_frame(inflow, ANN, 0), ANN, "it stays so");
    cf_inflow_opened(inflow, ANN);
    cr_expect_not(cf_inflow_is_over(inflow, ANN), "another has its descriptor");
    cf_inflow_destroy(&inflow);
}

Test(inflow, counts_how_often_nothing_was_read)
{
    cf_inflow *inflow = cf_inflow_new();

    cr_expect_eq(cf_inflow_count_quiet(inflow, ANN), 0, "nobody has it");
    get_in(inflow, ANN);
    cr_expect_eq(cf_inflow_count_quiet(inflow, ANN), 0);
    cr_expect_eq(cf_inflow_count_quiet(inflow, ANN), 1);
    cr_expect_eq(cf_inflow_count_quiet(inflow, ANN), 2);
    cf_inflow_taken(inflow, ANN, 1);
    cr_expect_eq(cf_inflow_count_quiet(inflow, ANN), 3, "taking is not reading");
    read_frame(inflow, ANN, 0);
    cr_expect_eq(cf_inflow_count_quiet(inflow, ANN), 0);
    cr_expect_eq(cf_inflow_count_quiet(inflow, ANN), 1);
    cf_inflow_opened(inflow, ANN);
    cr_expect_eq(cf_inflow_count_quiet(inflow, ANN), 1, "it has not said a byte");
    cf_inflow_destroy(&inflow);
}

Test(inflow, lets_a_session_have_its_window_and_two_frames)
{
    cf_inflow *inflow = cf_inflow_new();

    get_in(inflow, ANN);
    cf_inflow_grant(inflow, ANN, CF_WINDOW);
    cr_expect_eq(read_cost(inflow, ANN, CF_WINDOW + CF_UNTAKEN_MAX), -1);
    cr_expect_eq(read_frame(inflow, ANN, 0), ANN);
    cf_inflow_destroy(&inflow);
}

Test(inflow, counts_what_is_taken_no_more)
{
    cf_inflow *inflow = cf_inflow_new();

    get_in(inflow, ANN);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(read_frame(inflow, ANN, CF_MIB + 33), -1, "%d", i);
        cf_inflow_taken(inflow, ANN, cf_inflow_cost(CF_MIB));
    }
    cr_expect_eq(read_cost(inflow, ANN, CF_UNTAKEN_MAX), -1);
    cr_expect_eq(read_frame(inflow, ANN, 0), ANN);
    cf_inflow_destroy(&inflow);
}

/* A small message that is taken forgives nothing of what comes after it. */
Test(inflow, counts_an_unfinished_message_behind_small_ones)
{
    cf_inflow *inflow = cf_inflow_new();

    get_in(inflow, ANN);
    for (int i = 1; i < CF_INFLOW_MESSAGES; i++)
        cr_assert_eq(read_frame(inflow, ANN, 34), -1);
    cr_assert_eq(read_cost(inflow, ANN, CF_UNTAKEN_MAX - CF_MIB), -1);
    for (int i = 1; i < CF_INFLOW_MESSAGES; i++)
        cf_inflow_taken(inflow, ANN, cf_inflow_cost(1));
    cr_expect_eq(read_cost(inflow, ANN, CF_MIB + CF_MIB / 2), ANN);
    cf_inflow_destroy(&inflow);
}

/* PING and PONG each five seconds, a month long; a message each quarter of an hour. */
Test(inflow, forgets_heartbeats)
{
    cf_inflow *inflow = cf_inflow_new();

    get_in(inflow, ANN);
    for (int i = 0; i < 30 * 24 * 4; i++) {
        for (int beat = 0; beat < 15 * 60 / 5; beat++) {
            cr_assert_eq(read_frame(inflow, ANN, 40), -1, "after %d messages", i);
            cr_assert_eq(read_frame(inflow, ANN, 38), -1, "after %d messages", i);
        }
        cr_assert_eq(read_frame(inflow, ANN, 100 + 33), -1);
        cf_inflow_taken(inflow, ANN, cf_inflow_cost(100));
    }
    cf_inflow_destroy(&inflow);
}

Test(inflow, ends_the_stranger_with_the_most_when_all_have_too_much)
{
    const uint64_t each = CF_STRANGERS_UNTAKEN_MAX / 64;
    cf_inflow *inflow = cf_inflow_new();
    int last = 100 + 63;

    for (int i = 100; i < last; i++) {
        get_in(inflow, i);
        cr_assert_eq(read_cost(inflow, i, i == 110 ? each + 4096 : each - 64), -1, "%d", i);
    }
    get_in(inflow, BOB);
    cf_inflow_grant(inflow, BOB, CF_WINDOW);
    cr_expect_eq(read_cost(inflow, BOB, CF_WINDOW), -1, "who has a session is no stranger");
    get_in(inflow, last);
    cr_assert_eq(read_cost(inflow, last, each - 4096), -1);
    cr_expect_eq(read_cost(inflow, last, 8192), 110, "not who came last");
    cr_expect_eq(read_cost(inflow, last, 8192), -1, "its share is free again");
    cf_inflow_destroy(&inflow);
}

Test(inflow, frees_what_strangers_had_when_they_leave)
{
    cf_inflow *inflow = cf_inflow_new();

    for (int i = 0; i < 200; i++) {
        get_in(inflow, ANN);
        cr_assert_eq(read_cost(inflow, ANN, CF_UNTAKEN_MAX), -1, "%d", i);
        if (i % 2)
            cf_inflow_closed(inflow, ANN);
    }
    for (int i = 0; i < 200; i++) {
        get_in(inflow, BOB);
        cr_assert_eq(read_cost(inflow, BOB, CF_UNTAKEN_MAX), -1, "%d", i);
        cf_inflow_grant(inflow, BOB, CF_WINDOW);
    }
    cf_inflow_destroy(&inflow);
}

/* However a frame's header is cut. */
Test(inflow, finds_frames_in_bytes_that_come_one_by_one)
{
    static const uint8_t frames[] = {0, 3, 1, 2, 3, 2, 0, 0, 0, 0, 0, 0, 0, 2, 9, 9, 0, 0, 0, 0};
    const uint64_t cost = sizeof frames + 4 * (cf_inflow_cost(1) - 36);
    cf_inflow *inflow = cf_inflow_new();

    get_in(inflow, ANN);
    for (uint64_t had = cost; had <= CF_UNTAKEN_MAX; had += cost)
        for (size_t i = 0; i < sizeof frames; i++)
            cr_assert_eq(cf_inflow_read(inflow, ANN, cf_bytes_of(frames + i, 1)), -1);
    for (size_t i = 0; i < sizeof frames; i++)
        cf_inflow_read(inflow, ANN, cf_bytes_of(frames + i, 1));
    cr_expect(cf_inflow_is_over(inflow, ANN));
    cf_inflow_destroy(&inflow);
}

Test(inflow, knows_nothing_of_descriptors_that_have_no_connection)
{
    cf_inflow *inflow = cf_inflow_new();

    cr_expect_eq(read_frame(inflow, ANN, CF_UNTAKEN_MAX + 1), -1);
    cf_inflow_taken(inflow, -1, 1);
    cf_inflow_grant(inflow, 1000, 1);
    cf_inflow_opened(inflow, -1);
    cf_inflow_closed(inflow, ANN);
    cr_expect_not(cf_inflow_is_over(inflow, -1));
    cf_inflow_destroy(&inflow);
}

/* In one go and byte by byte. */
static cf_greeting greeting_of(const char *bytes, size_t size, bool at_once)
{
    cf_inflow *inflow = cf_inflow_new();
    const size_t step = at_once ? size : 1;

    cf_inflow_opened(inflow, ANN);
    for (size_t at = 0; at < size; at += step)
        cf_inflow_read(inflow, ANN, cf_bytes_of((const uint8_t *)bytes + at, step));
    cf_inflow_closed(inflow, ANN);
    const cf_greeting found = cf_inflow_greeting(inflow, ANN);
    cf_inflow_opened(inflow, ANN);
    cr_expect_eq(cf_inflow_greeting(inflow, ANN), CF_GREETING_NONE, "another has its descriptor");
    cf_inflow_destroy(&inflow);
    return found;
}

Test(inflow, tells_who_greets)
{
    static const char curve[GREETING] = "\xff\0\0\0\0\0\0\0\1\x7f\3\0"
                                        "CURVE",
                      plain[GREETING] = "\xff\0\0\0\0\0\0\0\1\x7f\3\0"
                                        "NULL",
                      web[] = "HTTP/1.1 400 Bad Request", alert[] = "\x15\3\1\0\2\2\x32",
                      shell[] = "SSH-2.0-OpenSSH_9.2p1\r\n";
    cf_inflow *inflow = cf_inflow_new();

    for (int at_once = 0; at_once < 2; at_once++) {
        cr_expect_eq(greeting_of(curve, sizeof curve, at_once), CF_GREETING_CURVE);
        cr_expect_eq(greeting_of(plain, sizeof plain, at_once), CF_GREETING_FOREIGN);
        cr_expect_eq(greeting_of(web, sizeof web, at_once), CF_GREETING_HTTP);
        cr_expect_eq(greeting_of(alert, sizeof alert, at_once), CF_GREETING_FOREIGN);
        cr_expect_eq(greeting_of(shell, sizeof shell, at_once), CF_GREETING_FOREIGN);
        for (size_t size = 1; size < sizeof curve; size++)
            cr_expect_eq(greeting_of(curve, size, at_once), CF_GREETING_BEGUN);
    }
    cr_expect_eq(cf_inflow_greeting(inflow, -1), CF_GREETING_NONE);
    cr_expect_eq(cf_inflow_greeting(inflow, ANN), CF_GREETING_NONE);
    cf_inflow_destroy(&inflow);
}

Test(inflow, knows_what_was_broken_off_until_another_has_its_descriptor)
{
    cf_inflow *inflow = cf_inflow_new();

    cf_inflow_broken_off(inflow, ANN);
    cr_expect(!cf_inflow_is_broken_off(inflow, ANN), "nobody has it");
    cf_inflow_opened(inflow, ANN);
    cr_expect(!cf_inflow_is_broken_off(inflow, ANN));
    cf_inflow_broken_off(inflow, ANN);
    cf_inflow_closed(inflow, ANN);
    cr_expect(cf_inflow_is_broken_off(inflow, ANN));
    cf_inflow_opened(inflow, ANN);
    cr_expect(!cf_inflow_is_broken_off(inflow, ANN));
    cf_inflow_destroy(&inflow);
}
