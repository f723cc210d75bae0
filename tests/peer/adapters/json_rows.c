/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/json.h"

#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"
#include "tests/peer/adapters/rows.h"

static cf_record_file rows;
static cf_json_source source;
static cf_error error;

static void arrive(void)
{
    source = (cf_json_source){.table = cf_bytes_of_text("t"), .key = cf_bytes_of_text("id")};
}

static void leave(void)
{
    cf_record_file_release(&rows);
}

TestSuite(json_rows, .init = arrive, .fini = leave);

static void read_text(const char *text)
{
    leave();
    expect_ok(cf_json_rows_read(cf_bytes_of_text(text), &source, &rows, &error), error);
}

static void expect_change(const char *before, const char *wanted, const char *after)
{
    cf_buffer out = {0};

    read_text(wanted);
    expect_ok(
        cf_json_rows_write(cf_bytes_of_text(before), &source, rows.rows, rows.count, &out, &error),
        error);
    expect_written(&out, after);
}

Test(json_rows, reads_the_elements_of_an_array)
{
    source.pointer = cf_bytes_of_text("/people");
    read_text(
        "{\"people\": [{\"id\": 1, \"n\": \"Ada\", \"at\": {\"city\": \"L\", \"x/y\": [1, {}]}}, "
        "{\"id\": \"b\", \"none\": null, \"e\": {}}]}");
    expect_rows(&rows, "1 /columns/at/city=\"L\" /columns/at/x~1y=[1,{}] /columns/n=\"Ada\"\n"
                       "\"b\" /columns/e={} /columns/none=null\n");
}

Test(json_rows, reads_the_members_of_an_object)
{
    source.key = (cf_bytes){0};
    read_text("{\"a\": {\"x\": 1}, \"b\": {}}");
    expect_rows(&rows, "\"a\" /columns/x=1\n\"b\"\n");
}

Test(json_rows, reads_a_document_as_one_record)
{
    source.whole = true;
    read_text("{\"editor\": {\"size\": 12, \"\": {}}, \"on\": true}");
    expect_rows(&rows, "\"\" /columns/editor/={} /columns/editor/size=12 /columns/on=true\n");
    read_text("[1]");
    expect_rows(&rows, "\"\" /columns=[1]\n");
}

static void arrive_beside(void)
{
    source.pointer = cf_bytes_of_text("/data/items");
    source.beside = cf_bytes_of_text("u");
}

Test(json_rows, reads_what_stands_beside_the_records)
{
    arrive_beside();
    read_text(
        "{\"v\": 3, \"data\": {\"unit\": \"g\", \"items\": [{\"id\": 1}], \"of\": {\"x\": 1}}}");
    expect_rows(&rows, "\"\" /columns/data/of/x=1 /columns/data/unit=\"g\" /columns/v=3\n1\n");
    read_text("{\"data\": {\"items\": [{\"id\": 1}]}}");
    expect_rows(&rows, "1\n");
    read_text("{\"v\": 1, \"v\": 2, \"data\": {\"items\": [{\"id\": 1}]}}");
    expect_rows(&rows, "1\n");
    expect_troubles(&rows, "1 \"\" has a name twice: delete one of them\n");
    source.pointer = cf_bytes_of_text("/0/items");
    read_text("[{\"items\": [{\"id\": 1}], \"v\": 3}]");
    expect_rows(&rows, "1\n");
}

Test(json_rows, writes_what_stands_beside_the_records)
{
    static const char before[] =
        "{\"v\": 3, \"data\": {\"unit\": \"g\", \"items\": [{\"id\": 1}]}}";

    arrive_beside();
    expect_change(before, before, before);
    expect_change(before,
                  "{\"v\": 4, \"data\": {\"n\": 1, \"items\": [{\"id\": 1}, {\"id\": 2}]}, \"w\": "
                  "{\"x\": 1}}",
                  "{\"v\": 4, \"data\": {\"items\": [{\"id\": 1}, {\"id\": 2}], \"n\": 1}, "
                  "\"w\": {\"x\": 1}}");
    expect_change(before, "{\"data\": {\"items\": [{\"id\": 1}]}}",
                  "{\"data\": {\"items\": [{\"id\": 1}]}}");
    expect_change("{\"data\": {\"items\": []}}", before,
                  "{\"data\": {\"items\": [{\"id\": 1}], \"unit\": \"g\"}, \"v\": 3}");
    expect_change("", "{\"v\": 3, \"data\": {\"items\": []}}",
                  "{\n  \"data\": {\n    \"items\": []\n  },\n  \"v\": 3\n}\n");
}

/* A record of that table under another key is none that stands there. */
Test(json_rows, writes_nothing_else_beside_the_records)
{
    static const char before[] = "{\"v\": 3, \"data\": {\"items\": [{\"id\": 1}]}}";
    const cf_bytes name = cf_bytes_of_text("/columns/v"), two = {(const uint8_t *)"\x02", 1};
    const cf_bytes key = {(const uint8_t *)"\xa1x", 2};
    const cf_row_field field = {name, &two, 1};
    cf_buffer out = {0};
    cf_row wanted[3];

    arrive_beside();
    read_text(before);
    cr_assert_eq(rows.count, 2);
    memcpy(wanted, rows.rows, 2 * sizeof *wanted);
    wanted[2] = (cf_row){.table = source.beside, .key = key, .fields = &field, .field_count = 1};
    expect_ok(cf_json_rows_write(cf_bytes_of_text(before), &source, wanted, 3, &out, &error),
              error);
    expect_written(&out, before);
}

Test(json_rows, names_what_it_cannot_take)
{
    read_text("[{\"id\": 1, \"a\": 1},\n {\"id\": 1},\n {\"a\": 2},\n 5,\n {\"id\": 2, \"x\": 1, "
              "\"x\": 2},\n"
              " {\"id\": [1]}, {\"id\": 3, \"s\": \"\\ud800\"},\n"
              " {\"id\": 4, \"d\": [[[[[[[[[]]]]]]]]]}, {\"id\": 5, \"d\": [[[[[[[[]]]]]]]]}]");
    expect_rows(&rows, "1 /columns/a=1\n5 /columns/d=[[[[[[[[]]]]]]]]\n");
    expect_troubles(
        &rows, "3 ? has no key: give it one\n4 ? is no object: records are, so make it one or "
               "delete it\n5 2 has a name twice: delete one of them\n"
               "6 ? has a key that is no text and no number: make it one\n"
               "6 3 a string holds half of a surrogate pair: write the other half, too\n"
               "7 4 a value nests too deeply: make it flatter\n"
               "2 1 has the key of a record before it: give it another, or delete one of them\n");
}

Test(json_rows, refuses_a_document_without_its_records)
{
    source.pointer = cf_bytes_of_text("/people");
    expect_fails(cf_json_rows_read(cf_bytes_of_text("{}"), &source, &rows, &error), CF_MALFORMED);
    cr_assert_str_eq(error.text, "has nothing at /people: `add --key` says where its records are");
    expect_fails(cf_json_rows_read(cf_bytes_of_text("{\n\"people\": {}}"), &source, &rows, &error),
                 CF_MALFORMED);
    cr_assert_str_eq(
        error.text,
        "line 2: an array of records is expected here: `add --key` says where they are");
    read_text(" \n");
    cr_assert_eq(rows.count, 0);
}

Test(json_rows, keeps_numbers_as_they_are)
{
    static const char *const numbers[] = {"0",
                                          "-1",
                                          "18446744073709551615",
                                          "-9223372036854775808",
                                          "0.1",
                                          "1e+23",
                                          "18446744073709551616",
                                          "12345678901234567890123",
                                          "0.10000000000000000001",
                                          "1e400",
                                          "-0.0",
                                          "1.5e-07",
                                          "123456789012345678901234567890.5"};
    source.whole = true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cf_buffer found = {0};

        read_text(numbers[i]);
        cf_value_json(rows.rows[0].fields[0].values[0], &found);
        expect_written(&found, numbers[i]);
    }
}

Test(json_rows, knows_numbers_that_are_spelled_otherwise)
{
    static const char *const pairs[][2] = {
        {"1.0", "10e-1"}, {"1E2", "100.0"}, {"0.5", "5e-1"}, {"0.0", "0e999999999"}};

    source.whole = true;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        expect_change(pairs[i][0], pairs[i][1], pairs[i][0]);
    expect_change("1.0", "1", "1");
    expect_change("-0.0", "0", "0");
    expect_change("1e-400", "0.0", "0.0");
}

static const char people[] = "[\n"
                             "  { \"id\": 1, \"name\": \"Ad\\u0061\", \"size\": 1.70 },\n"
                             "  { \"id\": 2, \"home\": { \"city\": \"L\", \"code\": 1E0 } }\n"
                             "]\n";

Test(json_rows, writes_what_was_read)
{
    expect_change(people, people, people);
    expect_change("", "[]", "");
    source.key = (cf_bytes){0};
    expect_change("{\"a\": {\"x\": {}}}", "{\"a\": {\"x\": {}}}", "{\"a\": {\"x\": {}}}");
}

Test(json_rows, changes_only_what_differs)
{
    expect_change(
        people,
        "[{\"id\": 1, \"name\": \"Ada\", \"size\": 1.7, \"new\": {\"b\": 2, \"a\": 1}},"
        " {\"id\": 2, \"home\": {\"city\": \"P\", \"code\": 1.0, \"z/\": null}}]",
        "[\n"
        "  { \"id\": 1, \"name\": \"Ad\\u0061\", \"size\": 1.70, \"new\": {\"a\": 1, \"b\": 2} },\n"
        "  { \"id\": 2, \"home\": { \"city\": \"P\", \"code\": 1E0, \"z/\": null } }\n"
        "]\n");
}

Test(json_rows, deletes_and_adds_records)
{
    expect_change(people,
                  "[{\"id\": 3, \"name\": \"C\", \"o\": {\"p\": {\"q\": []}}}, {\"id\": 1, "
                  "\"name\": \"Ada\"}]",
                  "[\n"
                  "  { \"id\": 1, \"name\": \"Ad\\u0061\" },\n"
                  "  {\n"
                  "    \"id\": 3,\n"
                  "    \"name\": \"C\",\n"
                  "    \"o\": {\n"
                  "      \"p\": {\n"
                  "        \"q\": []\n"
                  "      }\n"
                  "    }\n"
                  "  }\n"
                  "]\n");
}

Test(json_rows, adds_a_member_that_comes_before_all_others_of_its_object)
{
    source.key = cf_bytes_of_text("id");
    expect_change("[{\"id\":1,\"a\":{\"z\":{\"y\":1}}}]",
                  "[{\"id\":1,\"a\":{\"b\":2,\"z\":{\"x\":3,\"y\":1}}}]",
                  "[{\"id\":1,\"a\":{\"z\":{\"y\":1,\"x\":3},\"b\":2}}]");
}

Test(json_rows, goes_from_value_to_object_and_back)
{
    expect_change("[{\"id\":1,\"a\":5,\"b\":{\"c\":1,\"d\":2}}]",
                  "[{\"id\":1,\"a\":{\"x\":1},\"b\":7}]", "[{\"id\":1,\"a\":{\"x\":1},\"b\":7}]");
    expect_change("[{\"id\":1,\"a\":{},\"b\":{\"c\":{\"d\":2}}}]",
                  "[{\"id\":1,\"a\":{\"x\":1},\"b\":{}}]", "[{\"id\":1,\"a\":{\"x\":1},\"b\":{}}]");
    expect_change("[{\"id\":1,\"b\":{\"c\":{\"d\":2}}}]", "[{\"id\":1}]", "[{\"id\":1}]");
}

Test(json_rows, writes_inner_fields_before_the_value_in_their_place)
{
    static const uint8_t one[] = {1};
    const cf_bytes value = {one, 1};
    const cf_row_field fields[] = {{cf_bytes_of_text("/columns/a"), &value, 1},
                                   {cf_bytes_of_text("/columns/a-b"), &value, 1},
                                   {cf_bytes_of_text("/columns/a/x"), &value, 1},
                                   {cf_bytes_of_text("/columns/gone"), NULL, 0},
                                   {cf_bytes_of_text("/table"), &value, 1}};
    const cf_row row = {.table = source.table, .key = value, .fields = fields, .field_count = 5};
    cf_buffer out = {0};

    expect_ok(cf_json_rows_write(cf_bytes_of_text("[]"), &source, &row, 1, &out, &error), error);
    read_text((*cf_buffer_reserve(&out, 1) = '\0', (char *)out.data));
    expect_rows(&rows, "1 /columns/a-b=1 /columns/a/x=1\n");
    cf_buffer_release(&out);
    expect_ok(cf_json_rows_write(cf_bytes_of_text("[{\"id\":1,\"a\":1}]"), &source, &row, 1, &out,
                                 &error),
              error);
    expect_written(&out, "[{\"id\":1,\"a\":{\"x\":1},\"a-b\":1}]");
}

Test(json_rows, leaves_records_in_trouble_alone)
{
    static const char text[] =
        "[{\"id\":1,\"x\":1,\"x\":2},{\"x\":3},4,{\"id\":2},{\"id\":2,\"x\":5}]";

    expect_change(text, "[{\"id\":1},{\"id\":2,\"y\":6}]",
                  "[{\"id\":1,\"x\":1,\"x\":2},{\"x\":3},4,{\"id\":2,\"y\":6},{\"id\":2,\"x\":5}]");
    expect_change(text, "[]", "[{\"id\":1,\"x\":1,\"x\":2},{\"x\":3},4,{\"id\":2,\"x\":5}]");
}

Test(json_rows, writes_members_of_an_object_and_whole_documents)
{
    source.key = (cf_bytes){0};
    expect_change("{\"a\":{\"x\":1},\"b\":{\"x\":2}}", "{\"b\":{\"x\":3},\"c\":{\"y\":4}}",
                  "{\"b\":{\"x\":3},\"c\":{\"y\":4}}");
    source.whole = true;
    expect_change("{\"a\":{\"x\":1,\"y\":2},\"b\":[1]}", "{\"a\":{\"x\":1,\"z\":5},\"b\":[1,2]}",
                  "{\"a\":{\"x\":1,\"z\":5},\"b\":[1,2]}");
    expect_change("{\"a\":1}", "", "{}");
    expect_change("[1]", "{\"a\":1}", "{\"a\":1}");
    expect_change("{\"a\":1}", "[2]", "[2]");
}

Test(json_rows, writes_a_document_that_says_nothing)
{
    source.whole = true;
    source.key = (cf_bytes){0};
    expect_change("", "{}", "{}\n");
    expect_change(" \n", "{}", "{}\n");
    expect_change("", "[]", "[]\n");
    expect_change("", "null", "null\n");
    expect_change("{\"a\":1}", "{}", "{}");
    expect_change("", "", "");
}

Test(json_rows, begins_a_blank_file_with_what_is_around_its_records)
{
    source.pointer = cf_bytes_of_text("/people");
    expect_change("", "{\"people\":[{\"id\":1}]}",
                  "{\n  \"people\": [\n    {\n      \"id\": 1\n    }\n  ]\n}\n");
    expect_change("", "{\"people\":[]}", "");
    source.key = (cf_bytes){0};
    expect_change("\n", "{\"people\":{\"ann\":{\"v\":1}}}",
                  "{\n  \"people\": {\n    \"ann\": {\n      \"v\": 1\n    }\n  }\n}\n");
    source.pointer = cf_bytes_of_text("/a~1b/c~0\"/0/");
    expect_change("", "{\"a/b\":{\"c~\\\"\":{\"0\":{\"\":{\"x\":{}}}}}}",
                  "{\n  \"a/b\": {\n    \"c~\\\"\": {\n      \"0\": {\n        \"\": {\n"
                  "          \"x\": {}\n        }\n      }\n    }\n  }\n}\n");
}

/* What was read is written as it was, however damaged; or nothing is read. */
static void expect_unchanged(cf_bytes bytes)
{
    cf_buffer out = {0};

    leave();
    if (cf_json_rows_read(bytes, &source, &rows, &error))
        return;
    expect_ok(cf_json_rows_write(bytes, &source, rows.rows, rows.count, &out, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&out), bytes));
    cf_buffer_release(&out);
}

Test(json_rows, keeps_what_is_cut_or_damaged)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s", people);
    spoil_bytes(text, expect_unchanged);
    cf_buffer_release(&text);
}

Test(json_rows, names_a_member_whose_name_is_too_long)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "[{\"id\": 1, \"");
    memset(cf_buffer_reserve(&text, CF_FIELD_MAX + 1), 'x', CF_FIELD_MAX + 1);
    text.size += CF_FIELD_MAX + 1;
    cf_buffer_append(&text, "\": 2}]", 6);
    cf_buffer_append(&text, "", 1);
    read_text((const char *)text.data);
    expect_troubles(&rows, "1 1 has a name that is too long: shorten it\n");
    cf_buffer_release(&text);
}

Test(json_rows, keeps_keys_as_they_are_spelled)
{
    expect_change("[{\"id\":1,\"a\":1},{\"id\":\"2\",\"a\":1}]",
                  "[{\"id\":\"1\",\"a\":2},{\"id\":2,\"a\":2}]",
                  "[{\"id\":1,\"a\":2},{\"id\":\"2\",\"a\":2}]");
    expect_change("[{\"id\":1,\"a\":1,\"a\":2}]", "[{\"id\":\"1\",\"a\":3}]",
                  "[{\"id\":1,\"a\":1,\"a\":2}]");
    expect_change("[{\"id\":1},{\"id\":\"1\"}]", "[{\"id\":\"1\",\"a\":2},{\"id\":1,\"a\":3}]",
                  "[{\"id\":1,\"a\":3},{\"id\":\"1\",\"a\":2}]");
    expect_change("[{\"id\":1},{\"id\":\"1\"}]", "[{\"id\":\"1\",\"a\":2}]",
                  "[{\"id\":\"1\",\"a\":2}]");
    source.key = (cf_bytes){0};
    expect_change("{\"1\":{\"a\":1}}", "{\"1\":{\"a\":2}}", "{\"1\":{\"a\":2}}");
}

/* Numbers, a text, bytes that are one number, another, and none, infinity, a float, and containers
 * of these, one of which has a name that is no text. */
Test(json_rows, builds_of_a_value_what_json_makes_of_it)
{
    static const struct {
        const char *bytes;
        size_t size;
    } values[] = {
        {"\xc0", 1},
        {"\xc3", 1},
        {"\x07", 1},
        {"\xff", 1},
        {"\xa3"
         "a\"\n",
         4},
        {"\xc4\x01"
         "7",
         3},
        {"\xc4\x04"
         "0.10",
         6},
        {"\xc4\x07"
         "1e99999",
         9},
        {"\xc4\x02\xff\x00", 4},
        {"\xc4\x00", 2},
        {"\xcb\x7f\xf0\0\0\0\0\0\0", 9},
        {"\xcb\x3f\xf8\0\0\0\0\0\0", 9},
        {"\xcb\x80\0\0\0\0\0\0\0", 9},
        {"\x92\xc4\x01\xff\x81\xa1"
         "a\x90",
         9},
        {"\x82\x05\x06\xa1"
         "b\xc4\x01"
         "8",
         8},
        {"\x82\x05\x06\xa1"
         "5\x07",
         6},
        {"\xc1", 1},
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const cf_bytes value = cf_bytes_of(values[i].bytes, values[i].size);
        cf_buffer json = {0}, read = {0}, built = {0};
        cf_value_builder build = {0};

        cf_value_json(value, &json);
        const bool fine = cf_value_of_json(cf_buffer_view(&json), &read);
        cf_build_json(&build, value);
        cr_expect_eq(!cf_build_finish(&build, &built, &error), fine, "value %zu", i);
        cr_expect(!fine || cf_bytes_equal(cf_buffer_view(&read), cf_buffer_view(&built)),
                  "value %zu: %.*s", i, (int)json.size, (const char *)json.data);
        cf_buffer_release(&json);
        cf_buffer_release(&read);
        cf_buffer_release(&built);
    }
}
