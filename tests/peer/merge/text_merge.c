/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/text_merge.h"

#include "tests/support/expect.h"

#include <stdlib.h>
#include <string.h>

/* What comes of them; "" where they are not merged. */
static char *merged(const char *before, const char *shown, const char *other)
{
    cf_buffer out = {0};

    bool made = cf_text_merge(&(cf_text_versions){cf_bytes_of_text(before), cf_bytes_of_text(shown),
                                                  cf_bytes_of_text(other)},
                              &out);
    cr_expect_eq(made, out.size > 0);
    cf_buffer_append(&out, "", 1);
    return (char *)out.data;
}

static void expect_merged(const char *before, const char *shown, const char *other,
                          const char *expected)
{
    char *made = merged(before, shown, other);

    cr_expect_str_eq(made, expected, "'%s'", made);
    free(made);
}

Test(text_merge, makes_one_of_edits_in_different_places)
{
    expect_merged("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n");
    expect_merged("a\nb\nc\nd\ne\n", "b\nc\nd\ne\n", "a\nb\nc\nd\ne\nf\n", "b\nc\nd\ne\nf\n");
    expect_merged("a\r\nb\r\nc\r\nd\r\n", "A\r\nb\r\nc\r\nd\r\n", "a\r\nb\r\nc\r\nD\r\n",
                  "A\r\nb\r\nc\r\nD\r\n");
}

Test(text_merge, takes_an_edit_that_both_made_once)
{
    expect_merged("a\nb\nc\nd\n", "X\nb\nc\nd\n", "X\nb\nc\nD\n", "X\nb\nc\nD\n");
}

Test(text_merge, leaves_edits_that_touch)
{
    expect_merged("a\nb\nc\n", "A\nb\nc\n", "B\nb\nc\n", "");
    expect_merged("a\nb\nc\n", "a\nb\nc\nd\n", "a\nb\nc\ne\n", "");
    expect_merged("", "a\n", "b\n", "");
    expect_merged("a\nb\nc\n", "b\nc\n", "A\nb\nc\n", "");
}

Test(text_merge, leaves_lines_that_end_otherwise)
{
    expect_merged("a\nb\nc\nd\n", "A\r\nb\r\nc\r\nd\r\n", "a\nb\nc\nD\n", "");
    expect_merged("a\nb\nc\nd\n", "A\nb\r\nc\nd\n", "a\nb\nc\nD\n", "");
    expect_merged("a\r\nb\r\nc\r\nd\r\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n", "");
}

Test(text_merge, leaves_what_is_no_text)
{
    static const char before[] = "a\nb\0\nc\nd\n", shown[] = "A\nb\0\nc\nd\n",
                      other[] = "a\nb\0\nc\nD\n";
    cf_buffer out = {0};

    cr_expect_not(cf_text_merge(&(cf_text_versions){cf_bytes_of(before, sizeof before - 1),
                                                    cf_bytes_of(shown, sizeof shown - 1),
                                                    cf_bytes_of(other, sizeof other - 1)},
                                &out));
    cr_expect_eq(out.size, 0);
    cf_buffer_release(&out);
}

/* Where a library that looks at the beginning would not see it. */
Test(text_merge, leaves_what_has_a_zero_byte_far_behind)
{
    enum { LINES = 6000 };
    cf_buffer versions[3] = {{0}, {0}, {0}}, out = {0};

    for (int i = 0; i < 3; i++) {
        for (int line = 0; line < LINES; line++)
            cf_buffer_append_text(&versions[i], "%d\n", line);
        versions[i].data[versions[i].size - 3] = '\0';
    }
    versions[1].data[0] = 'a';
    versions[2].data[20] = 'b';
    cr_expect_not(cf_text_merge(&(cf_text_versions){cf_buffer_view(&versions[0]),
                                                    cf_buffer_view(&versions[1]),
                                                    cf_buffer_view(&versions[2])},
                                &out));
    for (int i = 0; i < 3; i++)
        cf_buffer_release(&versions[i]);
    cf_buffer_release(&out);
}
