/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/splice.h"

#include "tests/peer/adapters/text.h"

static cf_splice splice;

static void leave(void)
{
    cf_splice_release(&splice);
}

TestSuite(splice, .fini = leave);

static void put(size_t offset, size_t length, const char *replacement)
{
    cf_splice_put(&splice, (cf_splice_edit){.offset = offset,
                                            .length = length,
                                            .replacement = cf_bytes_of_text(replacement)});
}

static void put_line(size_t offset, const char *line)
{
    cf_splice_put(&splice, (cf_splice_edit){.offset = offset,
                                            .replacement = cf_bytes_of_text(line),
                                            .line_end = "\r\n"});
}

/* What becomes of the text, behind what is in the buffer already. */
static void expect_result(const char *text, const char *wanted)
{
    cf_buffer out = {0}, whole = {0};

    cf_buffer_append_text(&out, "before ");
    cf_buffer_append_text(&whole, "before %s", wanted);
    *cf_buffer_reserve(&whole, 1) = '\0';
    cf_splice_write(&splice, cf_bytes_of_text(text), "\n", &out);
    expect_written(&out, (char *)whole.data);
    cf_buffer_release(&whole);
    leave();
}

Test(splice, writes_what_it_read)
{
    expect_result("", "");
    expect_result("abc", "abc");
}

Test(splice, replaces_inserts_and_takes_out)
{
    put(1, 2, "XYZ");
    put(4, 0, "-");
    put(5, 1, "");
    expect_result("abcdefg", "aXYZd-eg");
}

Test(splice, edits_at_both_ends_and_all_of_a_text)
{
    put(0, 0, "<");
    put(0, 1, "A");
    put(2, 1, "C");
    put(3, 0, ">");
    expect_result("abc", "<AbC>");
    put(0, 3, "");
    expect_result("abc", "");
    put(0, 0, "new");
    expect_result("", "new");
}

Test(splice, writes_in_the_order_of_the_text)
{
    for (size_t i = 26; i-- > 0;)
        put(i, 1, (char[]){(char)('A' + i), '\0'});
    expect_result("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

Test(splice, writes_insertions_at_one_place_as_they_came_before_what_is_replaced_there)
{
    put(1, 1, "X");
    put(1, 0, "1");
    put(1, 0, "2");
    put(2, 0, "3");
    expect_result("abc", "a12X3c");
}

Test(splice, takes_the_last_of_equal_edits)
{
    put(1, 1, "X");
    put(1, 1, "");
    put(1, 1, "Y");
    expect_result("abc", "aYc");
    put(1, 1, "X");
    put(1, 1, "");
    expect_result("abc", "ac");
}

Test(splice, takes_the_longest_of_edits_that_begin_together)
{
    put(0, 3, "");
    put(0, 1, "X");
    expect_result("abcd", "d");
}

Test(splice, takes_no_edit_within_what_is_replaced)
{
    put(2, 1, "X");
    put(2, 0, "Y");
    put(3, 4, "Z"); /* also one that goes on behind it */
    put(1, 3, "-");
    put(4, 0, "+");
    expect_result("abcdefgh", "a-+efgh");
}

Test(splice, does_as_its_header_says)
{
    put(1, 2, "X");
    put(2, 1, "Y");
    put(3, 0, "Z");
    put(2, 0, "W");
    expect_result("abcdef", "aXZdef");
}

Test(splice, ends_a_line_before_another_one)
{
    put_line(4, "c\n");
    put_line(4, "d\n");
    expect_result("a\nb\n", "a\nb\nc\nd\n");
    put_line(3, "c\n");
    put_line(3, "d\n");
    expect_result("a\nb", "a\nb\r\nc\nd\n");
    put(2, 1, "");
    put_line(3, "c\n");
    expect_result("a\nb", "a\nc\n");
}

Test(splice, ends_no_line_where_none_began)
{
    put_line(0, "a\n");
    expect_result("", "a\n");
    put_line(3, "a\n");
    expect_result("\xef\xbb\xbf", "\xef\xbb\xbf"
                                  "a\n");
    put(0, 1, "");
    put_line(1, "a\n");
    expect_result("x", "a\n");
}

Test(splice, ends_no_line_that_ends_with_what_the_caller_takes_for_an_end)
{
    static const char *const ends[] = {"\n", "\r\n"}, *const wanted[] = {"a\r\r\nb", "a\rb"};

    for (size_t i = 0; i < 2; i++) {
        cf_buffer out = {0};

        put_line(2, "b");
        cf_splice_write(&splice, cf_bytes_of_text("a\r"), ends[i], &out);
        expect_written(&out, wanted[i]);
        leave();
    }
}

Test(splice, copies_what_it_is_given)
{
    char text[] = "X";

    put(0, 1, text);
    text[0] = 'Y';
    expect_result("a", "X");
}
