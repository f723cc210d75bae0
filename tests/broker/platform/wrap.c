/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/wrap.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static void expect_lines(const char *text, size_t column, size_t indent, const char *expected)
{
    cf_buffer out = {0};

    cf_wrap(&out, text, column, indent);
    cr_expect(cf_bytes_equal(cf_buffer_view(&out), cf_bytes_of_text(expected)), "%.*s, not %s",
              (int)out.size, (const char *)out.data, expected);
    cf_buffer_release(&out);
}

#define TEN "123456789 "
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

Test(wrap, fills_a_line_to_its_last_column_and_no_further)
{
    expect_lines("", 0, 0, "\n");
    expect_lines("some words", 0, 0, "some words\n");
    expect_lines(SEVENTY "1234567890", 0, 0, SEVENTY "1234567890\n");
    expect_lines(SEVENTY "12345678901", 0, 4,
                 TEN TEN TEN TEN TEN TEN "123456789\n    12345678901\n");
    expect_lines(TEN "next", 70, 2, "123456789\n  next\n");
    expect_lines("word next", 90, 2, "word\n  next\n");
}

Test(wrap, keeps_brackets_together_where_a_line_has_room)
{
    expect_lines("verb [--one TWO] [--three [FOUR]]", 60, 7,
                 "verb [--one TWO]\n       [--three [FOUR]]\n");
    expect_lines("[" TEN SEVENTY "]", 0, 7, "[" SEVENTY "123456789\n       ]\n"); /* as words */
}

Test(wrap, takes_what_is_longer_than_a_line_whole)
{
    char word[100] = {0}, expected[110];

    memset(word, 'x', sizeof word - 1);
    snprintf(expected, sizeof expected, "%s\n", word);
    expect_lines(word, 0, 4, expected);
}

Test(wrap, ends_a_line_where_the_text_does)
{
    expect_lines("one\ntwo three", 0, 2, "one\n  two three\n");
    expect_lines("one\n\ntwo\n", 0, 0, "one\n\ntwo\n\n");
}
