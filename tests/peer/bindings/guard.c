/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/guard.h"

#include "tests/support/expect.h"

static const cf_delete_word no_word = {0};

/* All of them older. */
static bool allows(cf_delete_word word, uint64_t gone, uint64_t items)
{
    return cf_guard_allows(word, &(cf_guard_count){gone, items, gone, items});
}

Test(guard, lets_ordinary_deletes_pass)
{
    cr_assert(allows(no_word, 0, 0));
    cr_assert(allows(no_word, 9, 9));
    cr_assert(allows(no_word, 11, 12));
    cr_assert(allows(no_word, 98, 99));
    cr_assert(allows(no_word, 50, 100));
    cr_assert(allows(no_word, 5000, 20000));
    cr_assert(allows(no_word, 50000, 100000));
}

Test(guard, stops_at_all_of_ten_and_at_more_than_half_of_a_hundred)
{
    cr_assert(!allows(no_word, 10, 10));
    cr_assert(!allows(no_word, 12, 12));
    cr_assert(!allows(no_word, 51, 100));
    cr_assert(!allows(no_word, 51, 101));
    cr_assert(!allows(no_word, 50001, 100000));
    cr_assert(!allows(no_word, 13, 12), "more than there were when the first was missed");
}

Test(guard, takes_a_percentage_of_what_is_no_hundred)
{
    static const struct {
        uint64_t percent, items, most;
    } asked[] = {{10, 37, 3}, {33, 10, 3}, {1, 99, 0}, {1, 100, 1}, {50, 199, 99}, {100, 37, 37}};

    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const cf_delete_word word = {true, true, asked[i].percent};

        cr_expect(allows(word, asked[i].most, asked[i].items), "%zu", i);
        cr_expect_not(allows(word, asked[i].most + 1, asked[i].items), "%zu", i);
    }
}

Test(guard, counts_only_what_is_older)
{
    cr_assert(cf_guard_allows(no_word, &(cf_guard_count){1000, 1150, 0, 150}));
    cr_assert(cf_guard_allows(no_word, &(cf_guard_count){1075, 1150, 75, 150}));
    cr_assert(!cf_guard_allows(no_word, &(cf_guard_count){76, 1150, 76, 150}));
    cr_assert(cf_guard_allows(no_word, &(cf_guard_count){1098, 1099, 98, 99}));
    cr_assert(!cf_guard_allows(no_word, &(cf_guard_count){12, 12, 0, 0}), "suddenly empty");
}

/* Else ages would be asked for where they say nothing, or not where they do. */
Test(guard, asks_for_no_ages_of_few)
{
    for (uint64_t items = 0; items < 300; items++)
        for (uint64_t gone = 0; gone <= items && cf_guard_are_few(gone); gone++)
            cr_assert_eq(cf_guard_allows(no_word, &(cf_guard_count){gone, items, gone, gone}),
                         allows(no_word, gone, items), "%d of %d", (int)gone, (int)items);
    cr_assert(cf_guard_are_few(50));
    cr_assert(!cf_guard_are_few(51));
}

Test(guard, takes_what_is_mostly_different_for_another)
{
    cr_assert(cf_guard_allows_others(no_word, 5, 10));
    cr_assert(cf_guard_allows_others(no_word, 2, 2));
    cr_assert(cf_guard_allows_others(no_word, 600, 100000));
    cr_assert(!cf_guard_allows_others(no_word, 6, 10));
    cr_assert(!cf_guard_allows_others(no_word, 3, 3));
    cr_assert(cf_guard_allows_others(cf_delete_word_all(), 10, 10));
}

static bool allows_fields(cf_delete_word word, uint64_t gone, uint64_t count, uint64_t left)
{
    return cf_guard_allows_fields(word, &(cf_guard_fields){gone, count, left, 0});
}

Test(guard, counts_the_fields_of_a_document_and_lets_none_be_emptied)
{
    cf_delete_word eleven = {true, false, 11};

    cr_assert(allows_fields(no_word, 0, 0, 0));
    cr_assert(allows_fields(no_word, 1, 2, 1));
    cr_assert(allows_fields(no_word, 11, 12, 1));
    cr_assert(allows_fields(no_word, 50, 100, 50));
    cr_assert(allows_fields(no_word, 9, 9, 1), "others are there");
    cr_assert(!allows_fields(no_word, 1, 1, 0));
    cr_assert(!allows_fields(no_word, 9, 9, 0));
    cr_assert(!allows_fields(no_word, 10, 10, 1));
    cr_assert(!allows_fields(no_word, 51, 100, 49));
    cr_assert(cf_guard_allows_fields(no_word, &(cf_guard_fields){30, 80, 50, 20}));
    cr_assert(!cf_guard_allows_fields(no_word, &(cf_guard_fields){31, 80, 49, 20}));
    cr_assert(allows_fields(eleven, 11, 11, 0));
    cr_assert(!allows_fields(eleven, 12, 12, 0));
    cr_assert(allows_fields(cf_delete_word_all(), 1000, 1000, 0));
}

Test(guard, counts_the_values_of_a_column_and_a_word_only_allows_more)
{
    const cf_delete_word five = {.given = true, .limit = 5}, twelve = {.given = true, .limit = 12};

    cr_assert(cf_guard_allows_values(no_word, 0, 0));
    cr_assert(cf_guard_allows_values(no_word, 9, 9));
    cr_assert(cf_guard_allows_values(no_word, 11, 12));
    cr_assert(cf_guard_allows_values(no_word, 50, 100));
    cr_assert(!cf_guard_allows_values(no_word, 10, 10));
    cr_assert(!cf_guard_allows_values(no_word, 51, 100));
    cr_assert(cf_guard_allows_values(five, 8, 12), "it is an edit");
    cr_assert(!cf_guard_allows_values(five, 12, 12));
    cr_assert(cf_guard_allows_values(twelve, 12, 12));
    cr_assert(cf_guard_allows_values(cf_delete_word_all(), 1000, 1000));
}

Test(guard, yields_to_the_users_word_and_to_nothing_beyond_it)
{
    cf_delete_word word;
    cf_error error;

    cr_assert(allows(cf_delete_word_all(), 100000, 100000));
    expect_ok(cf_delete_word_read("20%", &word, &error), error);
    cr_assert(allows(word, 20, 100));
    cr_assert(!allows(word, 21, 100));
    expect_ok(cf_delete_word_read("7", &word, &error), error);
    cr_assert(allows(word, 7, 7));
    cr_assert(!allows(word, 8, 100000));
    expect_ok(cf_delete_word_read("0", &word, &error), error);
    cr_assert(allows(word, 0, 5));
    cr_assert(!allows(word, 1, 100000));
}

Test(guard, reads_limits_up_to_their_bounds)
{
    cf_delete_word word;
    cf_error error;

    for (const char **text = (const char *[]){"0", "4294967295", "0%", "100%", NULL}; *text; text++)
        expect_ok(cf_delete_word_read(*text, &word, &error), error);
    for (const char **text = (const char *[]){"", "x", "-1", "+1", " 1", "7x", "101%", "5%%", "%",
                                              "4294967296", "99999999999999999999", NULL};
         *text; text++)
        expect_fails(cf_delete_word_read(*text, &word, &error), CF_USAGE);
}

Test(guard, only_the_word_for_all_is_that)
{
    cr_expect(cf_delete_word_is_all(cf_delete_word_all()));
    cr_expect_not(cf_delete_word_is_all((cf_delete_word){false, false, UINT64_MAX}));
    cr_expect_not(cf_delete_word_is_all((cf_delete_word){true, true, UINT64_MAX}));
    cr_expect_not(cf_delete_word_is_all((cf_delete_word){true, false, UINT64_MAX - 1}));
}
