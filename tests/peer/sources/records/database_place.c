/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/database_place.h"

#include "tests/support/expect.h"

static const cf_delete_word no_word = {0};

static cf_delete_word word_of(const char *text)
{
    cf_delete_word word;
    cf_error error;

    expect_ok(cf_delete_word_read(text, &word, &error), error);
    return word;
}

Test(database_place, lets_another_file_be_that_has_all_rows)
{
    const cf_database_standing standing = {.rows = 9, .changed = 4};
    cf_error error;

    expect_ok(cf_database_standing_check(&standing, no_word, &error), error);
}

Test(database_place, stops_where_a_row_is_missing_however_many_there_are)
{
    const cf_database_standing few = {.rows = 9, .missing = 1};
    const cf_database_standing many = {.rows = 100000, .missing = 1};
    const cf_database_standing table = {.rows = 100000, .gone = 1};
    cf_error error;

    expect_fails(cf_database_standing_check(&few, no_word, &error), CF_UNSAFE);
    expect_fails(cf_database_standing_check(&many, no_word, &error), CF_UNSAFE);
    expect_fails(cf_database_standing_check(&table, no_word, &error), CF_UNSAFE);
}

Test(database_place, stops_where_most_rows_say_something_else)
{
    const cf_database_standing standing = {.rows = 20, .changed = 11};
    cf_error error;

    expect_fails(cf_database_standing_check(&standing, no_word, &error), CF_UNSAFE);
}

Test(database_place, yields_to_the_users_word_and_to_nothing_beyond_it)
{
    const cf_database_standing standing = {.rows = 20, .missing = 5, .gone = 2, .changed = 7};
    cf_error error;

    expect_ok(cf_database_standing_check(&standing, cf_delete_word_all(), &error), error);
    expect_ok(cf_database_standing_check(&standing, word_of("7"), &error), error);
    expect_fails(cf_database_standing_check(&standing, word_of("6"), &error), CF_UNSAFE);
}

Test(database_place, tells_how_many_are_missing_and_what_to_do)
{
    const cf_database_standing standing = {.rows = 9, .missing = 8};
    cf_error error;

    expect_fails(cf_database_standing_check(&standing, no_word, &error), CF_UNSAFE);
    cr_assert(strstr(error.text, "8 of 9 rows are missing"));
    cr_assert(strstr(error.text, "Put the old one back, or say `sync --yes`"));
}
