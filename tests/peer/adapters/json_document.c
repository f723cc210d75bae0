/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/json_document.h"

#include "tests/peer/adapters/text.h"

static cf_json json;
static cf_error error;

static void leave(void)
{
    cf_json_release(&json);
}

TestSuite(json_document, .fini = leave);

static void read_text(const char *text)
{
    expect_ok(cf_json_read(cf_bytes_of_text(text), &json, &error), error);
}

static void expect_value(const char *pointer, const char *spelled)
{
    size_t node = cf_json_find(&json, cf_bytes_of_text(pointer));

    cr_assert_neq(node, CF_JSON_NONE, "%s", pointer);
    expect_bytes(cf_json_spelled(&json, node), spelled);
}

static void expect_nothing(const char *pointer)
{
    cr_assert_eq(cf_json_find(&json, cf_bytes_of_text(pointer)), CF_JSON_NONE, "%s", pointer);
}

/* RFC 6901, 5. */
Test(json_document, finds_what_a_pointer_names)
{
    static const struct {
        const char *pointer, *spelled;
    } cases[] = {{"/foo", "[\"bar\", \"baz\"]"},
                 {"/foo/0", "\"bar\""},
                 {"/foo/1", "\"baz\""},
                 {"/", "0"},
                 {"/a~1b", "1"},
                 {"/c%d", "2"},
                 {"/e^f", "3"},
                 {"/g|h", "4"},
                 {"/i\\j", "5"},
                 {"/k\"l", "6"},
                 {"/ ", "7"},
                 {"/m~0n", "8"}};

    read_text(
        "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4,\n"
        " \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_value(cases[i].pointer, cases[i].spelled);
    expect_bytes(cf_json_spelled(&json, cf_json_find(&json, cf_bytes_of_text(""))),
                 (const char *)json.input.data);
    expect_nothing("foo");
    expect_nothing("/foo/2");
    expect_nothing("/foo/01");
    expect_nothing("/foo/-");
    expect_nothing("/foo/");
    expect_nothing("/foo/0/x");
    expect_nothing("/bar");
}

Test(json_document, keeps_numbers_as_they_are_spelled)
{
    read_text("[0.1, 12345678901234567890123, 1E400, -0, 1.0]");
    expect_value("/0", "0.1");
    expect_value("/1", "12345678901234567890123");
    expect_value("/2", "1E400");
    expect_value("/3", "-0");
    expect_value("/4", "1.0");
}

Test(json_document, knows_children_parents_and_lines)
{
    read_text("{\"a\": [1, {\"b\": null}],\n \"c\": true}");
    cr_assert_eq(json.count, 6);
    cr_assert_eq(json.nodes[0].children, 2);
    cr_assert_eq(json.nodes[1].end, 5);
    cr_assert_eq(json.nodes[4].type, CF_JSON_NULL);
    cr_assert_eq(json.nodes[4].parent, 3);
    cr_assert_eq(json.nodes[4].depth, 3);
    cr_assert_eq(json.depth, 3);
    cr_assert_eq(cf_json_line(&json, 5), 2);
    expect_bytes(cf_json_spelled_name(&json, 5), "\"c\"");
}

static void expect_text(const char *spelled, const char *said)
{
    cf_buffer out = {0};

    expect_ok(cf_json_text(cf_bytes_of_text(spelled), &out, &error), error);
    expect_written(&out, said);
}

Test(json_document, reads_strings)
{
    expect_text("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t");
    expect_text("\"\\u00e9\\u20AC\\ud83d\\ude00\\u0041\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
                                                           "A");
}

Test(json_document, refuses_to_read_half_of_a_surrogate_pair)
{
    static const char *const halves[] = {"\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83dx\"",
                                         "\"\\ud83d\\u0041\""};
    cf_buffer out = {0};

    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        read_text(halves[i]);
        leave();
        expect_fails(cf_json_text(cf_bytes_of_text(halves[i]), &out, &error), CF_MALFORMED);
    }
    cf_buffer_release(&out);
}

Test(json_document, writes_strings_that_it_reads)
{
    static const char text[] = "a\"\\/\b\f\n\r\t\x01 \xc3\xa9";
    cf_buffer out = {0}, again = {0};

    cf_json_write_text(cf_bytes_of(text, sizeof text), &out); /* with its NUL */
    read_text((*cf_buffer_reserve(&out, 1) = '\0', (char *)out.data));
    expect_ok(cf_json_text(cf_json_spelled(&json, 0), &again, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&again), cf_bytes_of(text, sizeof text)));
    cf_buffer_release(&out);
    cf_buffer_release(&again);
}

Test(json_document, marks_names_that_come_twice)
{
    read_text("{\"a\": 1, \"b\": {\"a\": 2, \"c\": 0}, \"\\u0061\": 3, \"a\": 4}");
    cr_assert_eq(json.repeated, 2);
    cr_assert(!json.nodes[1].repeated);
    cr_assert(!json.nodes[3].repeated);
    cr_assert(json.nodes[5].repeated);
    cr_assert(json.nodes[6].repeated);
    expect_value("/a", "1");
}

Test(json_document, names_line_and_column_of_what_is_wrong)
{
    static const struct {
        const char *text, *trouble;
    } cases[] = {
        {"", "line 1, column 1: a value is expected here"},
        {"{\n  \"a\": 1,\n}", "line 3, column 1: a name in quotes is expected here"},
        {"[1 2]", "line 1, column 4: a comma or ] is expected here"},
        {"{\"a\" 1}", "line 1, column 6: a colon is expected here"},
        {"{\"a\": 1", "line 1, column 8: it is cut short: a comma or } is expected here"},
        {"[1,\n tru", "line 2, column 5: it is cut short: a value is expected here"},
        {"[1,\n txu", "line 2, column 2: a value is expected here"},
        {"[\"\xc3\xa9", "line 1, column 5: it is cut short: a string isn't closed"},
        {"[\"\xc3", "line 1, column 3: it is cut short: a string isn't closed"},
        {"[\"\xe2\x82", "line 1, column 3: it is cut short: a string isn't closed"},
        {"[\"\xff", "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`"},
        {"[] \xc3", "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`"},
        {" \n", "line 2, column 1: a value is expected here"},
        {"[01]", "line 1, column 3: a comma or ] is expected here"},
        {"[1.]", "line 1, column 4: a digit is expected here"},
        {"[1e]", "line 1, column 4: a digit is expected here"},
        {"[.5]", "line 1, column 2: a value is expected here"},
        {"[-]", "line 1, column 3: a value is expected here"},
        {"[+1]", "line 1, column 2: a value is expected here"},
        {"[tru]", "line 1, column 2: a value is expected here"},
        {"\"a", "line 1, column 3: it is cut short: a string isn't closed"},
        {"\"a\nb\"", "line 1, column 3: a string holds a control character"},
        {"\"\\x\"", "line 1, column 3: no escape begins so"},
        {"\"\\u00g0\"", "line 1, column 6: a hexadecimal digit is expected here"},
        {"1 1", "line 1, column 3: there is something behind the document's end"},
        {"[1,]", "line 1, column 4: a value is expected here"},
        {"[NaN]", "line 1, column 2: NaN stands here, and JSON has no such number: write null"},
        {"[1, Infinity]", "line 1, column 5: Infinity stands here, and JSON has no such number: "
                          "write null or a text"},
        {"[-Infinity]", "line 1, column 3: Infinity stands here, and JSON has no such number: "
                        "write null or a text"},
        {"[Na]", "line 1, column 2: a value is expected here"},
        {"{\n  // x\n  \"a\": 1}",
         "line 2, column 3: a comment stands here, and JSON has none: take it out"},
        {"[1 /* x */]", "line 1, column 4: a comment stands here, and JSON has none: take it out"},
        {"{} // x", "line 1, column 4: a comment stands here, and JSON has none: take it out"},
        {"[/]", "line 1, column 2: a value is expected here"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_fails(cf_json_read(cf_bytes_of_text(cases[i].text), &json, &error), CF_MALFORMED);
        cr_assert_str_eq(error.text, cases[i].trouble);
    }
    expect_fails(cf_json_read(cf_bytes_of_text("\"\xff\""), &json, &error), CF_MALFORMED);
    cr_assert_str_eq(error.text,
                     "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`");
    expect_fails(cf_json_read(cf_bytes_of("\xff\xfe{\0}\0", 6), &json, &error), CF_MALFORMED);
    cr_assert_str_eq(
        error.text,
        "is UTF-16, and only UTF-8 is read: convert it, as with `iconv -f UTF-16 -t UTF-8`");
}

Test(json_document, passes_over_a_byte_order_mark)
{
    read_text("\xef\xbb\xbf {\"a\": 1}");
    expect_value("/a", "1");
}

Test(json_document, nests_no_deeper_than_the_limit)
{
    cf_buffer text = {0};

    for (int i = 0; i < CF_JSON_DEPTH_MAX; i++)
        cf_buffer_append_text(&text, "[");
    cf_buffer_append_text(&text, "1");
    for (int i = 0; i < CF_JSON_DEPTH_MAX; i++)
        cf_buffer_append_text(&text, "]");
    expect_ok(cf_json_read(cf_buffer_view(&text), &json, &error), error);
    leave();
    cf_buffer_clear(&text);
    for (int i = 0; i < 1000000; i++)
        cf_buffer_append(&text, "[", 1);
    expect_fails(cf_json_read(cf_buffer_view(&text), &json, &error), CF_MALFORMED);
    cr_assert_str_eq(error.text, "line 1, column 66: this nests too deeply: make it flatter");
    cf_buffer_release(&text);
}

Test(json_document, refuses_more_values_than_the_limit)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "[1");
    for (size_t nodes = 2; nodes < CF_JSON_NODES_MAX; nodes++)
        cf_buffer_append(&text, ",1", 2);
    cf_buffer_append_text(&text, "]");
    expect_ok(cf_json_read(cf_buffer_view(&text), &json, &error), error);
    cr_assert_eq(json.count, CF_JSON_NODES_MAX);
    leave();
    text.size--;
    cf_buffer_append_text(&text, ",1]");
    expect_fails(cf_json_read(cf_buffer_view(&text), &json, &error), CF_MALFORMED);
    cf_buffer_release(&text);
}

/* The bytes behind the text are never looked at. */
Test(json_document, refuses_a_file_that_is_too_large)
{
    static const uint8_t text[] = "[1]";

    expect_fails(cf_json_read(cf_bytes_of(text, CF_JSON_INPUT_MAX + 1), &json, &error),
                 CF_TOO_LARGE);
}
