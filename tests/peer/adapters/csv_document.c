/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/csv_edit.h"

#include "tests/peer/adapters/text.h"

static cf_csv csv;
static cf_error error;

static void leave(void)
{
    cf_csv_release(&csv);
}

TestSuite(csv_document, .fini = leave);

static void read_text(const char *text)
{
    expect_ok(cf_csv_read(cf_bytes_of_text(text), '\0', &csv, &error), error);
}

static void expect_field(size_t record, size_t column, const char *said)
{
    cf_bytes *spelled = cf_allocate(csv.records[record].fields, sizeof *spelled);
    cf_buffer out = {0};

    cr_assert_lt(column, csv.records[record].fields);
    cf_csv_fields(&csv, record, spelled);
    cf_csv_field_read(spelled[column], &out);
    expect_written(&out, said);
    free(spelled);
}

/* Written as it was; and the fields, joined again, are the record. */
static void expect_unchanged(cf_bytes bytes)
{
    cf_buffer out = {0};

    if (cf_csv_read(bytes, '\0', &csv, &error)) {
        cr_assert_eq(error.status, CF_MALFORMED);
        return;
    }
    cf_csv_edits edits = {.csv = &csv};
    cf_csv_edits_write(&edits, &out);
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), bytes));
    for (size_t i = 0; i < csv.count; i++) {
        cf_bytes *spelled = cf_allocate(csv.records[i].fields, sizeof *spelled);

        cf_buffer_clear(&out);
        cf_csv_fields(&csv, i, spelled);
        for (size_t column = 0; column < csv.records[i].fields; column++) {
            if (column)
                cf_buffer_append(&out, &csv.separator, 1);
            cf_buffer_append(&out, spelled[column].data, spelled[column].size);
        }
        cr_assert(
            cf_bytes_equal(cf_buffer_view(&out),
                           cf_bytes_of(bytes.data + csv.records[i].offset, csv.records[i].size)));
        free(spelled);
    }
    cf_buffer_release(&out);
    leave();
}

static const struct {
    const char *name;
    char separator;
} exports[] = {
    {"google.csv", ','},          {"google-labels.csv", ','}, {"google-types.csv", ','},
    {"outlook.csv", ';'},         {"outlook-all.csv", ','},   {"thunderbird.csv", ','},
    {"thunderbird-all.csv", ','},
};

Test(csv_document, writes_every_export_as_it_was_read)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++) {
        cf_buffer bytes = an_export(exports[i].name);

        expect_ok(cf_csv_read(cf_buffer_view(&bytes), '\0', &csv, &error), error);
        cr_assert_eq(csv.separator, exports[i].separator);
        cr_assert_eq(csv.count, 3);
        for (size_t record = 0; record < csv.count; record++)
            cr_assert_null(csv.records[record].trouble);
        leave();
        expect_unchanged(cf_buffer_view(&bytes));
        cf_buffer_release(&bytes);
    }
}

Test(csv_document, keeps_what_is_cut_or_damaged)
{
    for (size_t i = 0; i < sizeof exports / sizeof *exports; i++)
        spoil(exports[i].name, expect_unchanged);
}

/* The first so many bytes have all their line ends. */
static void expect_whole(const char *text, size_t whole)
{
    const cf_bytes bytes = cf_bytes_of_text(text);

    read_text(text);
    cr_expect_eq(csv.unended, whole < bytes.size, "%s", text);
    cr_expect_eq(cf_csv_whole(bytes), whole, "%s", text);
    cf_csv_release(&csv);
}

Test(csv_document, takes_half_a_line_end_for_none)
{
    expect_whole("id,x\r\n1,a\r\n", 11);
    expect_whole("id,x\r\n1,a\r", 6);
    expect_whole("id,x\r\n1,a", 6);
    expect_whole("id,x\n1,a\r", 9); /* no line before it ends in CRLF */
    expect_whole("id,x\r1,a\r", 9);
    expect_whole("id,x\r1,a", 5);
    expect_whole("id,x\r\n", 6);
    expect_whole("id,x\r", 0); /* of one line nobody knows */
}

Test(csv_document, reads_quotes_separators_and_line_ends_in_fields)
{
    read_text("id,note\r\n1,\"a, \"\"b\"\"\r\nc\"\n2,5\" pipe\r3,\n");
    cr_assert_eq(csv.count, 4);
    expect_field(1, 1, "a, \"b\"\r\nc");
    expect_field(2, 1, "5\" pipe");
    expect_field(3, 1, "");
    cr_assert_eq(csv.records[2].number, 4);
    cr_assert_eq(csv.records[3].number, 5);
    expect_field(1, 0, "1");
}

Test(csv_document, finds_the_separator)
{
    static const struct {
        const char *text;
        char separator;
    } cases[] = {{"a;b;c\n1,5;2,5;3,5\n", ';'},
                 {"a\tb\n1, 2\t3\n", '\t'},
                 {"a|b\n1|2\n", '|'},
                 {"a,b\n1,2\n", ','},
                 {"one\ntwo\n", ','},
                 {"", ','},
                 {"\"x;y\",b\n\"1;2;3\",4\n", ','},
                 {"sep=;\r\na,b\r\n", ';'}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_text(cases[i].text);
        cr_assert_eq(csv.separator, cases[i].separator, "%s", cases[i].text);
        leave();
        expect_unchanged(cf_bytes_of_text(cases[i].text));
    }
    expect_ok(cf_csv_read(cf_bytes_of_text("a;b,c\n"), ',', &csv, &error), error);
    cr_assert_eq(csv.records[0].fields, 2);
}

Test(csv_document, passes_over_the_line_that_tells_the_separator)
{
    read_text("sep=;\r\na;b\r\n");
    cr_assert_eq(csv.count, 1);
    cr_assert_eq(csv.records[0].number, 2);
    expect_field(0, 0, "a");
}

Test(csv_document, passes_over_blank_lines)
{
    read_text("a,b\n\n1,2\n\r\n");
    cr_assert_eq(csv.count, 2);
    cr_assert_eq(csv.records[1].number, 3);
}

Test(csv_document, names_a_ragged_or_damaged_row_and_reads_the_others)
{
    read_text("a,b\n1\n1,2,3\n\"x\"y,2\n1,\xff\n1,2\n");
    cr_assert_str_eq(csv.records[1].trouble,
                     "has fewer fields than the first row: add those that are missing");
    cr_assert_str_eq(csv.records[2].trouble,
                     "has more fields than the first row: put quotes around what is one field");
    cr_assert_str_eq(csv.records[3].trouble,
                     "has text behind a closing quote: double a quote that is part of the text");
    cr_assert_str_eq(csv.records[4].trouble,
                     "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`");
    cr_assert_null(csv.records[5].trouble);
    leave();
    expect_ok(cf_csv_read(cf_bytes_of("a,\0\n", 4), '\0', &csv, &error), error);
    cr_assert_str_eq(csv.records[0].trouble, "holds a NUL byte: take it out");
}

Test(csv_document, refuses_a_quote_that_is_not_closed)
{
    expect_fails(cf_csv_read(cf_bytes_of_text("a,b\n\n1,\"2\n3,4\n"), '\0', &csv, &error),
                 CF_MALFORMED);
    cr_assert_str_eq(error.text, "line 3: a quote isn't closed: close it");
    expect_fails(cf_csv_read(cf_bytes_of_text("a,\"\"\""), '\0', &csv, &error), CF_MALFORMED);
}

Test(csv_document, refuses_utf_16)
{
    expect_fails(cf_csv_read(cf_bytes_of("\xff\xfe"
                                         "a\0",
                                         4),
                             '\0', &csv, &error),
                 CF_MALFORMED);
}

Test(csv_document, names_a_row_of_10_MB_and_reads_the_next)
{
    const size_t size = 10 << 20;
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "a,b\n1,");
    memset(cf_buffer_reserve(&text, size), 'x', size);
    text.size += size;
    cf_buffer_append_text(&text, "\n1,2\n");
    expect_ok(cf_csv_read(cf_buffer_view(&text), '\0', &csv, &error), error);
    cr_assert_str_eq(csv.records[1].trouble, "is longer than 8 MiB: shorten it");
    cr_assert_eq(csv.records[1].fields, 0);
    expect_field(2, 1, "2");
    cf_csv_edits edits = {.csv = &csv};
    expect_fails(cf_csv_edits_set(&edits, 1, 0, cf_bytes_of_text("x"), &error), CF_TOO_LARGE);
    cf_csv_edits_release(&edits);
    leave();
    cf_buffer_release(&text);
}

Test(csv_document, names_a_row_with_too_many_fields)
{
    cf_buffer text = {0};

    for (size_t i = 0; i < CF_CSV_FIELDS_MAX; i++)
        cf_buffer_append_text(&text, ",");
    expect_ok(cf_csv_read(cf_buffer_view(&text), ',', &csv, &error), error);
    cr_assert_str_eq(csv.records[0].trouble, "has more than 4096 fields: delete some");
    cr_assert_eq(csv.records[0].fields, 0);
    leave();
    text.size--;
    expect_ok(cf_csv_read(cf_buffer_view(&text), ',', &csv, &error), error);
    cr_assert_eq(csv.records[0].fields, CF_CSV_FIELDS_MAX);
    cf_buffer_release(&text);
}

Test(csv_document, refuses_more_rows_than_the_limit)
{
    const size_t size = 2 * (CF_CSV_RECORDS_MAX + 1);
    cf_buffer text = {0};

    cf_buffer_reserve(&text, size);
    for (text.size = 0; text.size < size; text.size += 2)
        memcpy(text.data + text.size, "1\n", 2);
    expect_fails(cf_csv_read(cf_buffer_view(&text), ',', &csv, &error), CF_TOO_LARGE);
    text.size -= 2;
    expect_ok(cf_csv_read(cf_buffer_view(&text), ',', &csv, &error), error);
    cf_buffer_release(&text);
}

/* The bytes behind the text are never looked at. */
Test(csv_document, refuses_a_file_that_is_too_large)
{
    static const uint8_t text[] = "a,b\n";

    expect_fails(cf_csv_read(cf_bytes_of(text, CF_CSV_INPUT_MAX + 1), ',', &csv, &error),
                 CF_TOO_LARGE);
}
