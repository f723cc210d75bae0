/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/content_lines_edit.h"

#include "tests/peer/adapters/content_lines_text.h"

static cf_error error;

TestSuite(content_lines_edit, .fini = lines_leave);

Test(content_lines_edit, passes_over_a_byte_order_mark)
{
    lines_read_text("\xef\xbb\xbf"
                    "BEGIN:VCARD\r\nEND:VCARD");
    cr_assert_eq(lines.component_count, 1);
    expect_ok(cf_line_edits_insert(&edits, CF_LINES_NONE, cf_bytes_of_text("X:1"), &error), error);
    cf_buffer out = lines_written();
    expect_written(&out, "\xef\xbb\xbf"
                         "X:1\r\nBEGIN:VCARD\r\nEND:VCARD");
}

static size_t line_named(const char *name)
{
    size_t i = 0;

    while (i < lines.count && !cf_line_named(&lines.lines[i], name))
        i++;
    cr_assert_lt(i, lines.count, "there is no %s", name);
    return i;
}

Test(content_lines_edit, changes_one_value_and_nothing_else)
{
    cf_buffer before = an_export("apple.vcf");

    lines_read_bytes(cf_buffer_view(&before));
    expect_ok(
        cf_line_edits_value(&edits, line_named("TITLE"), cf_bytes_of_text("Cider maker"), &error),
        error);
    cf_buffer out = lines_written();
    cf_buffer wanted = with_replaced((char *)before.data, "TITLE:Grower", "TITLE:Cider maker");
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), cf_buffer_view(&wanted)));
    cf_buffer_release(&wanted);
    cf_buffer_release(&out);
    lines_leave();
    cf_buffer_release(&before);
}

Test(content_lines_edit, inserts_replaces_and_deletes)
{
    lines_read_text("A:1\r\nB:2\nC:3");
    expect_ok(cf_line_edits_insert(&edits, 0, cf_bytes_of_text("A2:x"), &error), error);
    expect_ok(cf_line_edits_insert(&edits, 0, cf_bytes_of_text("A3:y"), &error), error);
    expect_ok(cf_line_edits_replace(&edits, 1, cf_bytes_of_text("B;P=1:z"), &error), error);
    expect_ok(cf_line_edits_insert(&edits, 2, cf_bytes_of_text("D:4"), &error), error);
    cf_line_edits_delete(&edits, 0);
    cf_buffer out = lines_written();
    expect_written(&out, "A2:x\r\nA3:y\r\nB;P=1:z\nC:3\r\nD:4\r\n");
}

Test(content_lines_edit, takes_the_last_of_several_edits)
{
    lines_read_text("A:1\nB:2\n");
    cf_line_edits_delete(&edits, 0);
    expect_ok(cf_line_edits_value(&edits, 0, cf_bytes_of_text("3"), &error), error);
    expect_ok(cf_line_edits_value(&edits, 1, cf_bytes_of_text("4"), &error), error);
    cf_line_edits_delete(&edits, 1);
    cf_buffer out = lines_written();
    expect_written(&out, "A:3\n");
}

Test(content_lines_edit, keeps_a_missing_newline_at_the_end)
{
    lines_read_text("A:1\nB:2");
    expect_ok(cf_line_edits_value(&edits, 1, cf_bytes_of_text("3"), &error), error);
    cf_buffer out = lines_written();
    expect_written(&out, "A:1\nB:3");
    lines_leave();
    lines_read_text("A:1");
    cf_line_edits_delete(&edits, 0);
    expect_ok(cf_line_edits_insert(&edits, 0, cf_bytes_of_text("B:2"), &error), error);
    out = lines_written();
    expect_written(&out, "B:2\r\n");
}

Test(content_lines_edit, fills_an_empty_file)
{
    lines_read_text("");
    expect_ok(cf_line_edits_insert(&edits, CF_LINES_NONE, cf_bytes_of_text("A:1"), &error), error);
    cf_buffer out = lines_written();
    expect_written(&out, "A:1\r\n");
}

#define FORTY "0123456789012345678901234567890123456789"

Test(content_lines_edit, folds_as_the_file_does)
{
    lines_read_text("A:" FORTY "\r\n\t" FORTY "\r\nB:\r\n");
    expect_ok(cf_line_edits_value(&edits, 1, cf_bytes_of_text(FORTY FORTY), &error), error);
    cf_buffer out = lines_written();
    expect_written(&out, "A:" FORTY "\r\n\t" FORTY "\r\nB:" FORTY
                         "012345678901234567890123456789012\r\n\t3456789\r\n");
    lines_leave();
    lines_read_text("A:" FORTY FORTY "\nB:\n");
    expect_ok(cf_line_edits_value(&edits, 1, cf_bytes_of_text(FORTY FORTY), &error), error);
    out = lines_written();
    expect_written(&out, "A:" FORTY FORTY "\nB:" FORTY FORTY "\n");
}

Test(content_lines_edit, folds_at_75_octets_and_never_within_a_character)
{
    cf_buffer text = {0}, out = {0};

    cf_buffer_append_text(&text, "N:");
    for (int i = 0; i < 100; i++)
        cf_buffer_append_text(&text, "€");
    cf_line_write(cf_buffer_view(&text), (cf_line_style){true, 75, ' '}, &out);
    for (size_t from = 0; from < out.size;) {
        size_t end = from;

        while (out.data[end] != '\r')
            end++;
        cr_assert_leq(end - from, 75);
        cr_assert_gt(end - from, from + 80 < out.size ? 72 : 0);
        cr_assert_neq(out.data[from + (from > 0)] & 0xc0, 0x80);
        from = end + 2;
    }
    cf_buffer_release(&text);
    cf_buffer_release(&out);
}

Test(content_lines_edit, writes_no_line_that_would_be_read_as_another)
{
    static const char *const texts[] = {"",         " ",     "no colon",
                                        "A:1\nB:2", "A:1\r", "A:\xff",
                                        "A;B=\":1", " A:1",  "A;ENCODING=QUOTED-PRINTABLE:a="};

    lines_read_text("A:1\n");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        expect_fails(cf_line_edits_insert(&edits, 0, cf_bytes_of_text(texts[i]), &error),
                     CF_MALFORMED);
        expect_fails(cf_line_edits_replace(&edits, 0, cf_bytes_of_text(texts[i]), &error),
                     CF_MALFORMED);
    }
    expect_fails(cf_line_edits_value(&edits, 0, cf_bytes_of_text("a\nB:2"), &error), CF_MALFORMED);
    cf_buffer out = lines_written();
    expect_written(&out, "A:1\n");
}

Test(content_lines_edit, writes_no_line_beyond_the_limit)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "A:");
    memset(cf_buffer_reserve(&text, CF_LINE_MAX / 2), 'x', CF_LINE_MAX / 2);
    text.size += CF_LINE_MAX / 2;
    lines_read_text("");
    expect_fails(cf_line_edits_insert(&edits, CF_LINES_NONE, cf_buffer_view(&text), &error),
                 CF_TOO_LARGE);
    text.size -= 2;
    expect_ok(cf_line_edits_insert(&edits, CF_LINES_NONE, cf_buffer_view(&text), &error), error);
    cf_buffer_release(&text);
}
