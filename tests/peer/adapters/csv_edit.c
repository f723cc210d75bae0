/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/csv_edit.h"

#include "tests/peer/adapters/text.h"

static cf_csv csv;
static cf_csv_edits edits;
static cf_error error;

static void leave(void)
{
    cf_csv_edits_release(&edits);
    cf_csv_release(&csv);
}

TestSuite(csv_edit, .fini = leave);

static void read_text(const char *text)
{
    expect_ok(cf_csv_read(cf_bytes_of_text(text), '\0', &csv, &error), error);
    edits = (cf_csv_edits){.csv = &csv};
}

static void set(size_t record, size_t column, const char *text)
{
    expect_ok(cf_csv_edits_set(&edits, record, column, cf_bytes_of_text(text), &error), error);
}

/* The first two fields; NULL: that one stays. */
static void change(size_t record, const char *first, const char *second)
{
    const cf_bytes texts[] = {first ? cf_bytes_of_text(first) : CF_CSV_KEPT,
                              second ? cf_bytes_of_text(second) : CF_CSV_KEPT};
    const cf_csv_new_fields fields = {.record = record, .texts = texts, .count = 2};

    expect_ok(cf_csv_edits_change(&edits, fields, &error), error);
}

static void append(const char *first, const char *second)
{
    const cf_bytes texts[] = {cf_bytes_of_text(first), cf_bytes_of_text(second ? second : "")};

    expect_ok(cf_csv_edits_append(&edits, texts, second ? 2 : 1, &error), error);
}

static void expect_result(const char *text)
{
    cf_buffer out = {0};

    cf_csv_edits_write(&edits, &out);
    expect_written(&out, text);
    leave();
}

Test(csv_edit, changes_one_field_and_nothing_else)
{
    cf_buffer before = an_export("google.csv");

    read_text((char *)before.data);
    set(1, 9, "+44 20 7946 9999");
    cf_buffer wanted = with_replaced((char *)before.data, "+44 20 7946 0001", "+44 20 7946 9999");
    *cf_buffer_reserve(&wanted, 1) = '\0';
    expect_result((char *)wanted.data);
    cf_buffer_release(&wanted);
    cf_buffer_release(&before);
}

Test(csv_edit, keeps_the_quoting_and_the_spelling_of_the_others)
{
    read_text("a;b;c\r\n\"1\"; 2 ;\"x\"\"\"\r\n\n3;4;5");
    set(2, 2, "8");
    change(1, "7", "9");
    expect_result("a;b;c\r\n\"7\";9;\"x\"\"\"\r\n\n3;4;8");
}

Test(csv_edit, quotes_what_must_be)
{
    read_text("a,b\n1,2\n3,4\n5,6\n7,8\n9,0\n");
    set(1, 1, "x,y");
    set(2, 1, "say \"z\"");
    set(3, 1, "one\ntwo");
    set(4, 1, " padded");
    set(5, 1, "semi;colon");
    expect_result(
        "a,b\n1,\"x,y\"\n3,\"say \"\"z\"\"\"\n5,\"one\ntwo\"\n7,\" padded\"\n9,semi;colon\n");
}

Test(csv_edit, takes_the_last_of_several_edits)
{
    read_text("a,b\n1,2\n");
    set(1, 1, "x");
    change(1, "y", NULL);
    expect_result("a,b\ny,2\n");
    read_text("a,b\n1,2\n");
    cf_csv_edits_delete(&edits, 1);
    set(1, 0, "x");
    expect_result("a,b\nx,2\n");
}

Test(csv_edit, leaves_a_record_as_it_is_of_which_all_fields_stay)
{
    read_text("a,b\n 1,2\n3,4\n");
    change(1, NULL, NULL);
    cr_assert_eq(edits.splice.count, 0);
    change(2, NULL, "5");
    expect_result("a,b\n 1,2\n3,5\n");
}

Test(csv_edit, fills_up_a_row_that_is_too_short)
{
    read_text("a,b,c\n1\n");
    set(1, 2, "x");
    expect_result("a,b,c\n1,,x\n");
}

Test(csv_edit, deletes_rows)
{
    read_text("a,b\r\n1,2\n3,4\r5,6");
    cf_csv_edits_delete(&edits, 2);
    expect_result("a,b\r\n1,2\n5,6");
    read_text("a,b\n1,2\n");
    set(1, 0, "x");
    cf_csv_edits_delete(&edits, 1);
    expect_result("a,b\n");
}

Test(csv_edit, appends_rows_in_the_style_of_the_last)
{
    read_text("a,b\r\n\"1\",2\r\n");
    append("3", "4");
    append("5", "");
    expect_result("a,b\r\n\"1\",2\r\n\"3\",4\r\n\"5\",\r\n");
    read_text("a,b\n1,2");
    append("3", "4");
    append("5", "6");
    expect_result("a,b\n1,2\n3,4\n5,6");
    read_text("");
    append("a", "b");
    append("1", "2");
    expect_result("a,b\n1,2\n");
}

Test(csv_edit, never_writes_a_row_that_would_tell_the_separator)
{
    read_text("sep=|");
    append("1", "2");
    expect_result("sep=|\n1|2\n");
    read_text("\xef\xbb\xbf");
    append("sep=", "");
    expect_result("\xef\xbb\xbf"
                  "\"sep=\",\n");
}

Test(csv_edit, appends_where_the_last_row_went)
{
    read_text("a,b\n1,2");
    cf_csv_edits_delete(&edits, 1);
    append("3", "4");
    expect_result("a,b\n3,4");
}

Test(csv_edit, writes_no_row_that_would_be_none)
{
    read_text("a\n1\n2\n");
    set(1, 0, "");
    append("", NULL);
    expect_result("a\n\"\"\n2\n\"\"\n");
}

Test(csv_edit, writes_nothing_that_is_no_text)
{
    static const char zero[] = {'a', 0};
    const cf_bytes bad[] = {cf_bytes_of_text("\xff"), cf_bytes_of(zero, 2)};

    read_text("a\n1\n");
    for (size_t i = 0; i < 2; i++) {
        expect_fails(cf_csv_edits_set(&edits, 1, 0, bad[i], &error), CF_MALFORMED);
        expect_fails(cf_csv_edits_append(&edits, &bad[i], 1, &error), CF_MALFORMED);
    }
    expect_result("a\n1\n");
}

Test(csv_edit, writes_no_field_beyond_the_limit)
{
    const size_t size = CF_CSV_RECORD_MAX / 4 + 1;
    uint8_t *text = cf_allocate(size, 1);

    memset(text, 'x', size);
    read_text("a\n1\n");
    expect_fails(cf_csv_edits_set(&edits, 1, 0, cf_bytes_of(text, size), &error), CF_TOO_LARGE);
    expect_ok(cf_csv_edits_set(&edits, 1, 0, cf_bytes_of(text, size - 1), &error), error);
    free(text);
}
