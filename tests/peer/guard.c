/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/guard.h"

#include "tests/support/expect.h"

static const cf_delete_word no_word = {0};

Test(guard, lets_ordinary_deletes_pass)
{
    cr_assert(cf_guard_allows(no_word, 0, 0));
    cr_assert(cf_guard_allows(no_word, 2, 2));
    cr_assert(cf_guard_allows(no_word, 8, 9));
    cr_assert(cf_guard_allows(no_word, 5, 10));
    cr_assert(cf_guard_allows(no_word, 500, 100000));
}

Test(guard, stops_at_half_at_all_and_at_many)
{
    cr_assert(!cf_guard_allows(no_word, 6, 10));
    cr_assert(!cf_guard_allows(no_word, 3, 3));
    cr_assert(!cf_guard_allows(no_word, 501, 100000));
}

Test(guard, yields_to_the_users_word_and_to_nothing_beyond_it)
{
    cf_delete_word word;
    cf_error error;

    cr_assert(cf_guard_allows(cf_delete_word_all(), 100000, 100000));
    expect_ok(cf_delete_word_read("20%", &word, &error), error);
    cr_assert(cf_guard_allows(word, 20, 100));
    cr_assert(!cf_guard_allows(word, 21, 100));
    expect_ok(cf_delete_word_read("7", &word, &error), error);
    cr_assert(cf_guard_allows(word, 7, 7));
    cr_assert(!cf_guard_allows(word, 8, 100000));
}

Test(guard, refuses_words_that_are_no_limit)
{
    cf_delete_word word;
    cf_error error;

    for (const char **text = (const char *[]){"", "x", "-1", "7x", "101%", "5%%", NULL}; *text;
         text++)
        expect_fails(cf_delete_word_read(*text, &word, &error), CF_USAGE);
}
