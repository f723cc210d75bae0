/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/files_include.h"

#include <string.h>

#include "tests/support/expect.h"

static const char *answer(const char *const *patterns, size_t count, const char *path)
{
    static const char *const words[] = {"out", "pass", "in"};
    cf_bytes parts[16];
    size_t depth = 0, length = strlen(path);
    bool directory = path[length - 1] == '/';
    cf_include *include;
    cf_error error;

    expect_ok(cf_include_new(patterns, count, &include, &error), error);
    for (size_t at = 0; at < length; at += parts[depth++].size + 1)
        parts[depth] = cf_bytes_of(path + at, strcspn(path + at, "/"));
    cf_include_answer found = cf_include_match(include, parts, depth, directory);
    cf_include_destroy(&include);
    return words[found];
}

#define expect(pattern, path, word)                                                                \
    cr_assert_str_eq(answer((const char *[]){pattern}, 1, path), word, "%s with %s", path, pattern)

Test(include, takes_a_name_at_any_depth)
{
    expect("*.jpg", "a.jpg", "in");
    expect("*.jpg", "d/e/a.jpg", "in");
    expect("*.jpg", "a.png", "out");
    expect("*.jpg", "d/", "pass");
    expect("*.jpg", ".jpg", "in");
    expect("a?c", "abc", "in");
    expect("[a-c]x", "bx", "in");
    expect("[a-c]x", "dx", "out");
}

Test(include, takes_a_path_with_a_slash_from_the_top)
{
    expect("/a", "a", "in");
    expect("/a", "d/a", "out");
    expect("/a", "d/", "out");
    expect("d/a", "d/a", "in");
    expect("d/a", "d/", "pass");
    expect("d/a", "e/d/a", "out");
    expect("d/*", "d/x", "in");
    expect("d/*.c", "d/e/x.c", "out");
}

Test(include, takes_all_that_lies_in_a_directory_that_matches)
{
    expect("d", "d/", "in");
    expect("d", "d/e/f", "in");
    expect("d/", "d/e/f", "in");
    expect("d/", "d", "out");
    expect("d/", "x/d/", "in");
    expect("a/b", "a/b/c/d", "in");
}

Test(include, knows_two_stars_as_any_number_of_directories)
{
    expect("a/**/b", "a/b", "in");
    expect("a/**/b", "a/x/y/b", "in");
    expect("a/**/b", "b", "out");
    expect("a/**/b", "a/x/", "pass");
    expect("**/b", "x/b", "in");
    expect("a/**", "a/x", "in");
    expect("a/**", "a/", "pass");
    expect("a/**", "b", "out");
    expect("a/**/**/**/**/**/**/**/b", "a/x/x/x/x/x/x/x/x/x/x/c", "out");
}

Test(include, takes_everything_without_patterns_and_any_of_several)
{
    cr_assert_str_eq(answer(NULL, 0, "x/y"), "in");
    const char *two[] = {"*.jpg", "/docs/"};
    cr_assert_str_eq(answer(two, 2, "docs/x"), "in");
    cr_assert_str_eq(answer(two, 2, "a/x.jpg"), "in");
    cr_assert_str_eq(answer(two, 2, "a/docs"), "out");
}

Test(include, refuses_what_can_never_match)
{
    static const char *const patterns[] = {"", "/", "//", "a//b", "../a", "a/./b", "a/.."};
    cf_include *include = NULL;
    cf_error error;

    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        expect_fails(cf_include_new(&patterns[i], 1, &include, &error), CF_USAGE);
    cr_assert_null(include);
}

/* Longer than the room in which it is compared. */
Test(include, takes_no_name_that_no_file_can_have)
{
    char path[5001] = "";

    memset(path, 'a', 255);
    expect("*", path, "in");
    memset(path, 'a', 256);
    expect("*", path, "out");
    memset(path, 'a', 5000);
    expect("*", path, "out");
}
