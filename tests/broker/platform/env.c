/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/env.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "codec/hash_table.h"
#include "tests/support/expect.h"

/* What the call writes to stderr. */
static void reported(const cf_env *env, cf_report_level level, const char *text, char *out,
                     size_t size)
{
    int ends[2], before = dup(STDERR_FILENO);

    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    cf_report(env, level, "%s: %d", text, 7);
    dup2(before, STDERR_FILENO);
    close(ends[1]);
    close(before);
    ssize_t got = read(ends[0], out, size - 1);
    close(ends[0]);
    cr_assert_geq(got, 0);
    out[got] = '\0';
}

/* With the same one in every run anybody could choose names that meet. */
Test(env, hashes_what_strangers_choose_with_a_key_of_its_own)
{
    const cf_bytes name = cf_bytes_of_text("chosen");
    cf_env env;

    const uint64_t before = cf_hash_keyed(name);
    cf_env_system(&env, "counterfoil", CF_REPORT_ERROR);
    const uint64_t first = cf_hash_keyed(name);
    cr_expect_neq(first, before);
    cf_env_system(&env, "counterfoil", CF_REPORT_ERROR); /* there are tables by now */
    cr_expect_eq(cf_hash_keyed(name), first);
}

Test(env, reports_up_to_the_level_that_was_asked_for)
{
    char line[4096], longest[3000];
    cf_env env;

    cf_env_system(&env, "counterfoil", CF_REPORT_WARNING);
    reported(&env, CF_REPORT_WARNING, "low on room", line, sizeof line);
    cr_assert_str_eq(line, "counterfoil: low on room: 7\n");
    reported(&env, CF_REPORT_NOTICE, "hello", line, sizeof line);
    cr_assert_str_empty(line);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    reported(&env, CF_REPORT_ERROR, longest, line, sizeof line);
    cr_assert_eq(line[strlen(line) - 1], '\n');
}

Test(env, knows_time_and_draws_random_numbers)
{
    uint8_t first[32], second[32];
    cf_env env;

    cr_assert_geq(sodium_init(), 0);
    cf_env_system(&env, "counterfoil", CF_REPORT_ERROR);
    env.random(env.context, first, sizeof first);
    env.random(env.context, second, sizeof second);
    cr_assert_arr_neq(first, second, sizeof first);
    uint64_t now = (uint64_t)time(NULL) * 1000;
    cr_assert(env.now_ms(env.context) + 2000 > now);
    cr_assert(env.now_ms(env.context) < now + 5000);
    cr_assert_not_null(env.files);
}
