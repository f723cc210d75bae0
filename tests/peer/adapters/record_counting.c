/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys look like numbers that somebody counts up. */
#include "peer/adapters/key_text.h"

#include "codec/pack.h"
#include "tests/support/expect.h"

#include <string.h>

static void expect_counted(const char *words, bool counted)
{
    cf_arena arena = {0};
    cf_row rows[16] = {0};
    char *copy = (char *)cf_arena_text(&arena, cf_bytes_of_text(words)), *state;
    size_t count = 0;

    for (char *word = strtok_r(copy, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
        cf_buffer key = {0};

        if (*word == '#')
            cf_serial_key_pack(cf_bytes_of_text(word + 1), &key);
        else
            cf_pack_text(&key, cf_bytes_of_text(word));
        rows[count++].key = cf_arena_copy(&arena, cf_buffer_view(&key));
        cf_buffer_release(&key);
    }
    cr_expect_eq(cf_record_keys_count_up(rows, count), counted, "%s", words);
    cf_arena_release(&arena);
}

Test(record_counting, knows_numbers_that_ascend_or_leave_few_out)
{
    expect_counted("1 2 3", true);
    expect_counted("#1 #2 #3", true);
    expect_counted("1", true);
    expect_counted("0 17 4711", true);
    expect_counted("3 1 2", true);
    expect_counted("9223372036854775807", true);
}

Test(record_counting, takes_nothing_else_for_such)
{
    expect_counted("", false);
    expect_counted("4711 815", false);
    expect_counted("1 two 3", false);
    expect_counted("01 02", false);
    expect_counted("-1 2", false);
    expect_counted("+1", false);
    expect_counted("1.5", false);
    expect_counted("9223372036854775808", false);
    expect_counted("1 2 0x3", false);
}
