/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/tallies.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000, BURST = 5, KINDS_MAX = 1024 };

/* Lines as the log gets them, and the level of the last. */
static struct {
    cf_buffer text;
    size_t count;
    cf_report_level level;
    uint64_t now_ms;
} lines;

static void keep(void *context, cf_report_level level, const char *text)
{
    (void)context;
    cf_buffer_append_text(&lines.text, "%s\n", text);
    lines.count++;
    lines.level = level;
}

static uint64_t now_ms(void *context)
{
    (void)context;
    return lines.now_ms;
}

static cf_env env = {.report = keep, .now_ms = now_ms};

static void begin(void)
{
    env.repeats = cf_repeats_new();
}

static void end(void)
{
    cf_repeats_destroy(&env.repeats, &env);
    cf_buffer_release(&lines.text);
}

static bool says(const char *text)
{
    return memmem(lines.text.data, lines.text.size, text, strlen(text)) != NULL;
}

TestSuite(repeats, .init = begin, .fini = end);

Test(repeats, writes_a_few_of_a_kind_and_counts_the_rest_of_the_minute)
{
    for (int i = 0; i < BURST + 148; i++)
        cf_report(&env, CF_REPORT_WARNING, "user 6f1c20a9be47: blob %d is damaged", i);
    cr_assert_eq(lines.count, BURST);

    cr_assert_eq(cf_repeats_tick(env.repeats, &env, MINUTE_MS - 1), MINUTE_MS);
    cr_assert_eq(lines.count, BURST);
    cr_assert_eq(cf_repeats_tick(env.repeats, &env, MINUTE_MS), UINT64_MAX);
    cr_assert(says("user 6f1c20a9be47: blob 152 is damaged (148 more of these in the last "
                   "minute)\n"));
    cr_assert_eq(lines.count, BURST + 1);
    cr_assert_eq(lines.level, CF_REPORT_WARNING);

    lines.now_ms = MINUTE_MS;
    cf_report(&env, CF_REPORT_WARNING, "user 6f1c20a9be47: blob %d is damaged", 7);
    cr_assert_eq(lines.count, BURST + 2, "a new minute has lines of its own");
}

Test(repeats, says_a_minute_that_is_over_before_the_next_line)
{
    for (int i = 0; i <= BURST; i++)
        cf_report(&env, CF_REPORT_ERROR, "reading a log: %d", i);
    lines.now_ms = MINUTE_MS;
    cf_report(&env, CF_REPORT_ERROR, "reading a log: %d", 99);
    cr_assert(says("reading a log: 5 (1 more of these in the last minute)\nreading a log: 99\n"));
}

Test(repeats, counts_each_user_and_each_kind_by_itself)
{
    static const char *const users[] = {"6f1c20a9be47", "b00000000001"};

    for (int i = 0; i < 10; i++)
        for (int user = 0; user < 2; user++) {
            cf_report(&env, CF_REPORT_WARNING, "user %s: a blob is gone: %d", users[user], i);
            cf_report(&env, CF_REPORT_WARNING, "user %s: a log is damaged: %d", users[user], i);
        }
    cr_assert_eq(lines.count, 4 * BURST);
    cf_repeats_tick(env.repeats, &env, MINUTE_MS);
    cr_assert_eq(lines.count, 4 * BURST + 4);
    cr_assert(says("user b00000000001: a log is damaged: 9 (5 more of these"));
}

Test(repeats, knows_what_is_only_passed_on_by_its_text)
{
    for (int i = 0; i <= BURST; i++) {
        cf_report(&env, CF_REPORT_WARNING, "%s", "the socket was made anew");
        cf_report(&env, CF_REPORT_WARNING, "%s", "the disk is full");
    }
    cr_assert_eq(lines.count, 2 * BURST);
}

Test(repeats, is_as_grave_as_the_gravest_of_them)
{
    for (int i = 0; i < BURST; i++)
        cf_report(&env, CF_REPORT_NOTICE, "user 6f1c20a9be47: %d", i);
    cf_report(&env, CF_REPORT_NOTICE, "user 6f1c20a9be47: %d", 5);
    cf_report(&env, CF_REPORT_ERROR, "user 6f1c20a9be47: %d", 6);
    cf_report(&env, CF_REPORT_NOTICE, "user 6f1c20a9be47: %d", 7);
    cf_repeats_tick(env.repeats, &env, MINUTE_MS);
    cr_assert_eq(lines.level, CF_REPORT_ERROR);
}

Test(repeats, says_what_is_counted_when_the_process_ends)
{
    for (int i = 0; i < BURST + 3; i++)
        cf_report(&env, CF_REPORT_WARNING, "reading a log: %d", i);
    cf_repeats_destroy(&env.repeats, &env);
    cr_assert(says("reading a log: 7 (3 more of these in the last minute)\n"));
}

Test(repeats, loses_no_count_when_the_clock_is_set_back)
{
    lines.now_ms = 10 * MINUTE_MS;
    for (int i = 0; i < BURST + 3; i++)
        cf_report(&env, CF_REPORT_WARNING, "reading a log: %d", i);
    lines.now_ms = MINUTE_MS;
    cf_repeats_tick(env.repeats, &env, lines.now_ms);
    cr_assert(says("(3 more of these in the last minute)\n"));
}

Test(repeats, holds_a_bounded_memory_of_many_users)
{
    for (unsigned i = 0; i < 20000; i++)
        cf_report(&env, CF_REPORT_WARNING, "user %012x: a blob is gone", i);
    cr_assert_leq(lines.count, KINDS_MAX + BURST);
    cf_repeats_tick(env.repeats, &env, MINUTE_MS);
    cr_assert_leq(lines.count, KINDS_MAX + BURST + 1);
    cr_assert(says("(18971 more of these in the last minute)"));
}

Test(repeats, keeps_the_beginning_of_a_long_line)
{
    char text[900];

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i <= BURST; i++)
        cf_report(&env, CF_REPORT_WARNING, "long: %s", text);
    cf_repeats_tick(env.repeats, &env, MINUTE_MS);
    cr_assert(says("xxx (1 more of these in the last minute)\n"));
}
