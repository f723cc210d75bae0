/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/csv.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/limits.h"
#include "peer/adapters/text/csv_document.h"
#include "tests/peer/adapters/rows.h"

static cf_record_file rows;
static cf_bytes keys[2];
static cf_csv_source source;
static cf_error error;

static void arrive(void)
{
    keys[0] = cf_bytes_of_text("id");
    keys[1] = cf_bytes_of_text("year");
    source = (cf_csv_source){.table = cf_bytes_of_text("t"), .keys = keys, .key_count = 1};
}

static void leave(void)
{
    cf_record_file_release(&rows);
}

TestSuite(csv_rows, .init = arrive, .fini = leave);

static void read_text(const char *text)
{
    leave();
    expect_ok(cf_csv_rows_read(cf_bytes_of_text(text), &source, &rows, &error), error);
}

/* `before`, made to show what `wanted` shows. */
static void expect_change(const char *before, const char *wanted, const char *after)
{
    cf_buffer out = {0};

    read_text(wanted);
    expect_ok(
        cf_csv_rows_write(cf_bytes_of_text(before), &source, rows.rows, rows.count, &out, &error),
        error);
    expect_written(&out, after);
}

Test(csv_rows, reads_rows_by_the_key)
{
    read_text("name,id,tel/fax\nAda,7,1\nBob,8,\n");
    expect_rows(&rows, "\"7\" /columns/name=\"Ada\" /columns/tel~1fax=\"1\"\n"
                       "\"8\" /columns/name=\"Bob\"\n");
    cr_assert(cf_record_file_certain(&rows));
}

Test(csv_rows, reads_keys_of_several_columns_and_counted_ones)
{
    source.key_count = 2;
    read_text("id,year,x\na,2024,1\na,2025,2\n");
    expect_rows(&rows, "[\"a\",\"2024\"] /columns/x=\"1\"\n[\"a\",\"2025\"] /columns/x=\"2\"\n");
    source.key_count = 1;
    source.serial = true;
    read_text("id,x\n7,1\n-8,2\n07,3\n9x,4\n99999999999999999999,5\n");
    expect_rows(&rows, "7 /columns/x=\"1\"\n-8 /columns/x=\"2\"\n");
    cr_assert_eq(rows.trouble_count, 3);
    cr_assert_str_eq(rows.troubles[0].text, "has a key that is no plain number: make it one");
}

Test(csv_rows, takes_what_says_nothing_for_no_row_but_at_a_cut)
{
    read_text("id,x\n1,a\n,\n \t,\n , \n\"\",\"\"\n4,d\n,\n \n");
    expect_rows(&rows, "\"1\" /columns/x=\"a\"\n\"4\" /columns/x=\"d\"\n");
    expect_troubles(&rows, "");
    read_text("id,x\n1,a\n,\n ,");
    expect_rows(&rows, "\"1\" /columns/x=\"a\"\n");
    expect_troubles(&rows, "");
    read_text("x,id\na,1\n,\n,");
    expect_rows(&rows, "\"1\" /columns/x=\"a\"\n");
    expect_troubles(&rows, "4 ? has no key: give it one\n");
}

Test(csv_rows, takes_a_key_of_blanks_in_quotes_for_one)
{
    static const char text[] = "id,x\n\" \",\n\"\t\",\n";

    read_text(text);
    expect_rows(&rows, "\" \"\n\"\\t\"\n");
    expect_change(text, "id,x\n\"\t\",\n\" \",q\n", "id,x\n\" \",q\n\"\t\",\n");
    expect_change("id,x\n1,a\n", "id,x\n1,a\n\"\t\",\n\" \",\n", "id,x\n1,a\n\"\t\",\n\" \",\n");
}

Test(csv_rows, names_what_it_cannot_take)
{
    read_text("id,x\n1,a\n1,b\n,c\n2\n3,\xff\n4,d\n");
    expect_rows(&rows, "\"1\" /columns/x=\"a\"\n\"4\" /columns/x=\"d\"\n");
    expect_troubles(
        &rows,
        "4 ? has no key: give it one\n5 \"2\" has fewer fields than the first row: add "
        "those that are missing\n"
        "6 ? isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`\n3 \"1\" has the "
        "key of a record before it: give it another, or delete one of them\n");
    cr_assert(!cf_record_file_certain(&rows));
    read_text("id,x\n1,a\n2\n");
    cr_assert(cf_record_file_certain(&rows));
}

Test(csv_rows, refuses_a_header_that_says_too_little)
{
    expect_fails(cf_csv_rows_read(cf_bytes_of_text("name,x\n1,2\n"), &source, &rows, &error),
                 CF_MALFORMED);
    cr_assert_str_eq(
        error.text,
        "has no column id, which is the key: give it back, or `counterfoil remove` "
        "the source and `counterfoil add SOURCE --existing --format csv --key` one that it has");
    expect_fails(cf_csv_rows_read(cf_bytes_of_text("id,x,x\n1,2,3\n"), &source, &rows, &error),
                 CF_MALFORMED);
    cr_assert_str_eq(error.text, "has two columns of the same name: rename one of them");
    expect_fails(cf_csv_rows_read(cf_bytes_of_text("id,\xff\n1,2\n"), &source, &rows, &error),
                 CF_MALFORMED);
    read_text("");
    cr_assert_eq(rows.count, 0);
}

Test(csv_rows, writes_what_was_read)
{
    static const char text[] =
        "\xef\xbb\xbfid;x;y\r\n\"1\"; a ;\r\n\n2;\"b\"\"\";c\n3\n,z,\n1;double;x";

    expect_change(text, text, text);
}

Test(csv_rows, changes_only_what_differs)
{
    expect_change("id;x;y\r\n\"1\";\"a\"; b \r\n2;c;d\r\n3;e;f", "id,x,y\n1,a, b \n2,q,d\n3,e,\n",
                  "id;x;y\r\n\"1\";\"a\"; b \r\n2;q;d\r\n3;e;");
}

Test(csv_rows, deletes_and_adds_rows)
{
    expect_change("x,id\na,1\nb,2\nc,3\n", "id,x\n3,c\n4,d\n1,a\n", "x,id\na,1\nc,3\nd,4\n");
}

Test(csv_rows, leaves_rows_in_trouble_alone)
{
    expect_change("id,x\n1,a\n1,b\n2\n", "id,x\n1,z\n2,y\n", "id,x\n1,z\n1,b\n2\n");
    expect_change("id,x\n2\n,c\n", "id,x\n", "id,x\n2\n,c\n");
}

Test(csv_rows, leaves_out_what_has_no_column)
{
    expect_change("id,x\n1,a\n", "id,x,other\n1,b,kept elsewhere\n", "id,x\n1,b\n");
}

Test(csv_rows, gives_an_empty_file_a_header)
{
    expect_change("", "id,b,a/c\n1,x,\n2,,y\n", "id,a/c,b\n1,,x\n2,y,\n");
    expect_change("", "id,b\n", "");
    expect_change("", "id,,b\n1,x,y\n", "id,,b\n1,x,y\n");
}

Test(csv_rows, writes_keys_of_several_columns)
{
    source.key_count = 2;
    expect_change("year,id,x\n", "id,year,x\nb,1,y\na,1,x\n", "year,id,x\n1,a,x\n1,b,y\n");
}

static cf_format_table format_of(const char *text, cf_arena *arena)
{
    cf_csv_document *document;
    cf_format_table format;

    expect_ok(cf_csv_document_read(cf_bytes_of_text(text), &source, &document, &error), error);
    expect_ok(cf_csv_document_format(document, arena, &format, &error), error);
    cf_csv_document_destroy(&document);
    return format;
}

Test(csv_rows, says_which_fields_it_holds)
{
    cf_arena arena = {0};
    cf_format_table format = format_of("a,id,b\n", &arena);

    cr_assert_eq(format.field_count, 2);
    cr_assert(!format.whole);
    expect_bytes(format.fields[0].name, "/columns/a");
    expect_bytes(format.fields[1].name, "/columns/b");
    format = format_of("", &arena);
    cr_assert(format.whole);
    cf_arena_release(&arena);
}

Test(csv_rows, has_no_column_for_what_is_within_an_object)
{
    const cf_bytes key = cf_bytes_of_text("\xa1"
                                          "1"),
                   value = cf_bytes_of_text("\xa1"
                                            "v");
    const cf_row_field fields[] = {{cf_bytes_of_text("/columns/a/b"), &value, 1},
                                   {cf_bytes_of_text("/columns/c"), &value, 1}};
    const cf_row row = {.table = source.table, .key = key, .fields = fields, .field_count = 2};
    cf_buffer out = {0};

    expect_ok(cf_csv_rows_write(cf_bytes_of_text(""), &source, &row, 1, &out, &error), error);
    expect_written(&out, "id,c\n1,v\n");
}

static void expect_widened(const char *before, const char *after)
{
    static cf_format_field had_fields[2];
    static const cf_format_table table = {
        .name = {(const uint8_t *)"t", 1}, .fields = had_fields, .field_count = 2};
    static const cf_row_format had = {.tables = &table, .count = 1};
    cf_csv_document *document;
    cf_buffer out = {0};

    had_fields[0].name = cf_bytes_of_text("/columns/x");
    had_fields[1].name = cf_bytes_of_text("/columns/y");
    expect_ok(cf_csv_document_read(cf_bytes_of_text(before), &source, &document, &error), error);
    expect_ok(cf_csv_document_widen(document, &had, &out, &error), error);
    cf_csv_document_destroy(&document);
    expect_written(&out, after);
}

Test(csv_rows, goes_on_up_to_a_column_that_is_new)
{
    expect_widened("id;x;y;new\r\n1;\"a\";b\r\n\r\n2;c;d;e\n3;f;g\n",
                   "id;x;y;new\r\n1;\"a\";b;\r\n\r\n2;c;d;e\n3;f;g;\n");
    expect_widened("id,x,y,new,\n1,a,b,c\n2,a,b\n", "id,x,y,new,\n1,a,b,c,\n2,a,b,,\n");
}

Test(csv_rows, does_not_guess_what_a_row_lacks_that_ends_early)
{
    expect_widened("id,x,y,new\n1,a\n2\n", ""); /* a column that is none of the new ones */
    expect_widened("id,x,y\n1,a\n", "");
    expect_widened("id,x,new,y\n1,a\n1,a,b\n", "");
    expect_widened("x,y,new,id\n1,a\n1,a,b\n", ""); /* the key */
    expect_widened("id,x,y,new\n1,a,b", "");        /* it may have been cut off */
    expect_widened("id,x,y,new\n1,a,\"b\"c\n2,a,\xff\n3,a,b,c,d\n", "");
    expect_widened("", "");
    expect_widened("x,y,new\n1,a\n", ""); /* there is no key */
}

/* With the columns that others have: a, b, and one that the file has. */
static void expect_more_columns(const char *before, bool unended, const char *after)
{
    const cf_bytes names[] = {cf_bytes_of_text("a"), cf_bytes_of_text("b,c"),
                              cf_bytes_of_text("x")};
    const cf_new_columns columns = {names, 3, unended};
    cf_csv_document *document;
    cf_buffer out = {0};

    expect_ok(cf_csv_document_read(cf_bytes_of_text(before), &source, &document, &error), error);
    expect_ok(cf_csv_document_add_columns(document, &columns, &out, &error), error);
    cf_csv_document_destroy(&document);
    expect_written(&out, after);
}

Test(csv_rows, gets_columns_behind_its_own)
{
    expect_more_columns("id;x\r\n1;\"q\"\r\n\r\n2;\n", false,
                        "id;x;a;b,c\r\n1;\"q\";;\r\n\r\n2;;;\n");
    expect_more_columns("\xef\xbb\xbfx,id\n", false, "\xef\xbb\xbfx,id,a,\"b,c\"\n");
    expect_more_columns("id,y,a\n1,2,3\n", false, "id,y,a,\"b,c\",x\n1,2,3,,\n");
    expect_more_columns("id,x\n1,2", true, "id,x,a,\"b,c\"\n1,2,,");
}

Test(csv_rows, gets_no_columns_while_anything_is_wrong_with_its_rows)
{
    expect_more_columns("id,x\n1,2,stray\n", false, "");
    expect_more_columns("id,x\n1\n", false, "");
    expect_more_columns("id,x\n1,2", false, ""); /* it may have been cut off */
    expect_more_columns("", false, "");
    expect_more_columns("x,y\n1,2\n", false, ""); /* there is no key */
    expect_more_columns("a,x,\"b,c\",id\n1,2,3,4\n", false, "");
}

Test(csv_rows, gets_no_more_columns_than_a_file_may_have)
{
    static cf_bytes names[CF_CSV_FIELDS_MAX];
    cf_new_columns columns = {names, CF_CSV_FIELDS_MAX - 2, false};
    cf_csv_document *document;
    cf_arena arena = {0};

    for (size_t i = 0; i < CF_CSV_FIELDS_MAX; i++) {
        char name[16];

        snprintf(name, sizeof name, "column %zu", i);
        names[i] = cf_arena_copy(&arena, cf_bytes_of_text(name));
    }
    for (size_t more = 0; more < 2; more++, columns.count++) {
        cf_buffer out = {0};

        expect_ok(cf_csv_document_read(cf_bytes_of_text("id,x\n1,2\n"), &source, &document, &error),
                  error);
        expect_ok(cf_csv_document_add_columns(document, &columns, &out, &error), error);
        cr_expect_eq(out.size > 0, more == 0);
        cf_csv_document_destroy(&document);
        cf_buffer_release(&out);
    }
    names[0] = cf_bytes_of("\xff", 1);
    names[1] = cf_bytes_of("a\0b", 3);
    names[2] = (cf_bytes){0};
    columns.count = 3;
    expect_ok(cf_csv_document_read(cf_bytes_of_text("id,x\n1,2\n"), &source, &document, &error),
              error);
    cf_buffer out = {0};
    expect_ok(cf_csv_document_add_columns(document, &columns, &out, &error), error);
    cr_expect_eq(out.size, 0, "what is no name of a column");
    cf_csv_document_destroy(&document);
    cf_arena_release(&arena);
}

Test(csv_rows, survives_a_value_that_is_no_text)
{
    cf_buffer value = {0}, key = {0}, out = {0};

    cf_value_text(cf_bytes_of("\xc1", 1), &value); /* no msgpack at all */
    cr_assert_eq(value.size, 0);
    cf_buffer_append(&key,
                     "\xa1"
                     "1",
                     2);
    cf_buffer_append(&value, "\x92\x01\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", 11); /* [1, 0.1] */
    const cf_bytes values[] = {cf_buffer_view(&value)};
    const cf_row_field field = {cf_bytes_of_text("/columns/x"), values, 1};
    const cf_row row = {
        .table = source.table, .key = cf_buffer_view(&key), .fields = &field, .field_count = 1};
    expect_ok(cf_csv_rows_write(cf_bytes_of_text("id,x\n"), &source, &row, 1, &out, &error), error);
    expect_written(&out, "id,x\n1,\"[1,0.1]\"\n");
    cf_buffer_release(&value);
    cf_buffer_release(&key);
}

/* What was read is written as it was, however damaged; or nothing is read. */
static void expect_unchanged(cf_bytes bytes)
{
    cf_buffer out = {0};

    leave();
    if (cf_csv_rows_read(bytes, &source, &rows, &error))
        return;
    expect_ok(cf_csv_rows_write(bytes, &source, rows.rows, rows.count, &out, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), bytes));
    cf_buffer_release(&out);
}

Test(csv_rows, keeps_what_is_cut_or_damaged)
{
    keys[0] = cf_bytes_of_text("Name");
    spoil("google.csv", expect_unchanged);
}

Test(csv_rows, refuses_a_column_whose_name_is_too_long)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "id,");
    memset(cf_buffer_reserve(&text, CF_FIELD_MAX + 1), 'x', CF_FIELD_MAX + 1);
    text.size += CF_FIELD_MAX + 1;
    cf_buffer_append_text(&text, "\n1,2\n");
    expect_fails(cf_csv_rows_read(cf_buffer_view(&text), &source, &rows, &error), CF_MALFORMED);
    cr_assert_str_eq(error.text, "a column's name is too long: shorten it");
    cf_buffer_release(&text);
}

/* ---- How a file is laid out ---- */

static const cf_csv_column laid_columns[] = {
    {.name = {(const uint8_t *)"tel", 3}},
    {.is_key = true, .part = 0},
    {.name = {(const uint8_t *)"note", 4}},
};
static const cf_csv_layout laid = {
    .separator = ';', .line_end = "\r\n", .is_marked = true, .columns = laid_columns, .count = 3};

static cf_bytes packed(const cf_csv_layout *layout, cf_buffer *value)
{
    cf_buffer_clear(value);
    cf_csv_layout_pack(value, layout);
    return cf_buffer_view(value);
}

Test(csv_rows, makes_a_file_as_it_is_laid_out)
{
    source.layout = &laid;
    expect_change("", "id,name,tel\n1,Ann,030\n2,Bob,\n",
                  "\xef\xbb\xbftel;id;note;name\r\n030;1;;Ann\r\n;2;;Bob\r\n");
    /* What is there of a file keeps its mark and its line end. */
    expect_change("\n", "id,name\n1,Ann\n", "\ntel;id;note;name\n;1;;Ann\n");
}

Test(csv_rows, tells_the_separator_where_the_first_file_does)
{
    cf_csv_layout told = laid;

    told.is_marked = false;
    told.is_told = true;
    source.layout = &told;
    expect_change("", "id,tel\n1,030\n", "sep=;\r\ntel;id;note\r\n030;1;\r\n");
    /* What is there of a file tells its own. */
    expect_change("sep=,\n", "id,tel\n1,030\n", "sep=,\ntel,id,note\n030,1,\n");
}

Test(csv_rows, quotes_every_field_where_the_first_file_does)
{
    cf_csv_layout quoted = laid;

    quoted.is_marked = false;
    quoted.is_quoted = true;
    source.layout = &quoted;
    expect_change("", "id,name,tel\n1,Ann,030\n2,Bob,\n",
                  "\"tel\";\"id\";\"note\";\"name\"\r\n"
                  "\"030\";\"1\";\"\";\"Ann\"\r\n\"\";\"2\";\"\";\"Bob\"\r\n");
    /* What is there of a file goes by itself. */
    expect_change("\n", "id,name\n1,Ann\n", "\ntel;id;note;name\n;1;;Ann\n");
}

Test(csv_rows, has_a_column_for_each_part_of_its_own_key_once)
{
    cf_csv_layout other = laid;
    const cf_csv_column columns[] = {{.name = cf_bytes_of_text("year")},
                                     {.is_key = true, .part = 7},
                                     {.name = cf_bytes_of_text("x")}};

    other.columns = columns;
    source.layout = &other;
    source.key_count = 2;
    expect_change("", "id,year,x\na,2024,1\n", "\xef\xbb\xbfid;year;x\r\na;2024;1\r\n");
}

static void expect_laid(const char *text, cf_csv_layout *out, cf_arena *arena, cf_buffer *value)
{
    cf_csv_document *document = NULL;
    cf_csv_layout found;

    expect_ok(cf_csv_document_read(cf_bytes_of_text(text), &source, &document, &error), error);
    cr_assert(cf_csv_document_layout(document, &found));
    packed(&found, value);
    cf_csv_document_destroy(&document);
    expect_ok(cf_csv_layout_read(cf_buffer_view(value), arena, out, &error), error);
}

Test(csv_rows, tells_how_a_file_is_laid_out)
{
    cf_csv_document *document = NULL;
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_csv_layout found;

    expect_laid("\xef\xbb\xbfsep=;\r\na/b;id;\r\n1;2;3\r\n", &found, &arena, &value);
    cr_assert(found.is_marked);
    cr_assert(found.is_told);
    cr_assert(found.separator == ';');
    cr_assert(found.count == 3);
    cr_assert_str_eq(found.line_end, "\r\n");
    cr_assert(cf_bytes_equal(found.columns[0].name, cf_bytes_of_text("a/b")));
    cr_assert(found.columns[1].is_key);
    cr_assert(!found.columns[2].is_key);
    cr_assert(!found.columns[2].name.size);
    expect_laid("id\n1\n", &found, &arena, &value);
    cr_assert(!found.is_marked);
    cr_assert(!found.is_told);
    cr_assert(!found.is_quoted);
    cr_assert(found.separator == ',');
    const size_t size = value.size;
    expect_laid("\"id\"\n\"1\"\n", &found, &arena, &value);
    cr_assert(found.is_quoted);
    cr_assert_eq(value.size, size + 1, "where they aren't, it says nothing of that");
    expect_laid("\"id\",\"x\"\n\"1\",\"2\"\n\"3\",4\n", &found, &arena, &value);
    cr_assert(!found.is_quoted, "a field is not");
    for (const char *const *text = (const char *const[]){"", "\n", "x,y\n", NULL}; *text; text++) {
        expect_ok(cf_csv_document_read(cf_bytes_of_text(*text), &source, &document, &error), error);
        cr_expect(!cf_csv_document_layout(document, &found), "%s", *text);
        cf_csv_document_destroy(&document);
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

Test(csv_rows, reads_no_layout_that_no_file_could_have)
{
    cf_csv_column columns[] = {{.name = cf_bytes_of_text("x")}, {.name = cf_bytes_of_text("x")}};
    cf_csv_layout bad = laid, found;
    cf_arena arena = {0};
    cf_buffer value = {0}, cut = {0};

    const cf_bytes whole = packed(&laid, &value);
    expect_ok(cf_csv_layout_read(whole, &arena, &found, &error), error);
    for (size_t size = 0; size < whole.size; size++) {
        cf_buffer_clear(&cut);
        cf_buffer_append(&cut, whole.data, size);
        cr_expect(cf_csv_layout_read(cf_buffer_view(&cut), &arena, &found, &error) != CF_OK);
    }
    bad.separator = 'x';
    expect_fails(cf_csv_layout_read(packed(&bad, &value), &arena, &found, &error), CF_MALFORMED);
    bad = laid;
    bad.line_end = "\n\n";
    expect_fails(cf_csv_layout_read(packed(&bad, &value), &arena, &found, &error), CF_MALFORMED);
    bad = laid;
    bad.is_quoted = true;
    packed(&bad, &value);
    value.data[value.size - 1] = 1;
    expect_fails(cf_csv_layout_read(cf_buffer_view(&value), &arena, &found, &error), CF_MALFORMED);
    bad = (cf_csv_layout){.separator = ',', .line_end = "\n", .columns = columns, .count = 2};
    expect_fails(cf_csv_layout_read(packed(&bad, &value), &arena, &found, &error), CF_MALFORMED);
    columns[1] = (cf_csv_column){.name = cf_bytes_of("\0", 1)};
    expect_fails(cf_csv_layout_read(packed(&bad, &value), &arena, &found, &error), CF_MALFORMED);
    cf_buffer_release(&value);
    cf_buffer_release(&cut);
    cf_arena_release(&arena);
}

Test(csv_rows, lays_out_as_many_bytes_of_columns_as_the_limit)
{
    enum { NAME = 1000, COUNT = 33 };
    char names[COUNT][NAME + 1];
    cf_csv_column columns[COUNT];
    cf_csv_layout wide = laid, found;
    cf_arena arena = {0};
    cf_buffer value = {0};

    for (size_t i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "%0*zu", NAME, i);
        columns[i] = (cf_csv_column){.name = cf_bytes_of_text(names[i])};
    }
    wide.columns = columns;
    wide.count = COUNT - 1;
    const size_t size = packed(&wide, &value).size;
    wide.count = COUNT;
    columns[COUNT - 1].name.size = CF_LAYOUT_MAX - size - 3; /* str 16 */
    cr_assert_eq(packed(&wide, &value).size, CF_LAYOUT_MAX);
    expect_ok(cf_csv_layout_read(cf_buffer_view(&value), &arena, &found, &error), error);
    cr_assert_eq(found.count, COUNT);
    cf_buffer_append(&value, "\xc0", 1);
    expect_fails(cf_csv_layout_read(cf_buffer_view(&value), &arena, &found, &error), CF_TOO_LARGE);
    columns[COUNT - 1].name.size++;
    expect_ok(cf_csv_layout_read(packed(&wide, &value), &arena, &found, &error), error);
    cr_assert_eq(found.count, 0, "the columns are left out");
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

Test(csv_rows, lays_out_as_many_columns_as_a_file_can_have)
{
    cf_csv_column *columns = cf_allocate(CF_CSV_FIELDS_MAX + 1, sizeof *columns);
    cf_csv_layout wide = laid, found;
    cf_arena arena = {0};
    cf_buffer value = {0};

    for (size_t i = 0; i <= CF_CSV_FIELDS_MAX; i++)
        columns[i] = (cf_csv_column){.is_key = true, .part = i};
    wide.columns = columns;
    wide.count = CF_CSV_FIELDS_MAX;
    expect_ok(cf_csv_layout_read(packed(&wide, &value), &arena, &found, &error), error);
    wide.count++;
    expect_fails(cf_csv_layout_read(packed(&wide, &value), &arena, &found, &error), CF_TOO_LARGE);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
    free(columns);
}
