/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/json_edit.h"

#include "tests/peer/adapters/text.h"

static cf_json json;
static cf_json_edits edits;
static cf_error error;

static void leave(void)
{
    cf_json_edits_release(&edits);
    cf_json_release(&json);
}

TestSuite(json_edit, .fini = leave);

static void read_text(const char *text)
{
    expect_ok(cf_json_read(cf_bytes_of_text(text), &json, &error), error);
    edits = (cf_json_edits){.json = &json};
}

static size_t at(const char *pointer)
{
    size_t node = cf_json_find(&json, cf_bytes_of_text(pointer));

    cr_assert_neq(node, CF_JSON_NONE, "%s", pointer);
    return node;
}

static void replace(const char *pointer, const char *value)
{
    expect_ok(cf_json_edits_replace(&edits, at(pointer), cf_bytes_of_text(value), &error), error);
}

static void delete (const char *pointer)
{
    cf_json_edits_delete(&edits, at(pointer));
}

static void add(const char *pointer, const char *name, const char *value)
{
    expect_ok(cf_json_edits_add(&edits, at(pointer), cf_bytes_of_text(name),
                                cf_bytes_of_text(value), &error),
              error);
}

static void expect_result(const char *text)
{
    cf_buffer out = {0};

    cf_json_edits_write(&edits, &out);
    expect_written(&out, text);
    leave();
}

static const char tall[] = "{\n"
                           "    \"name\" : \"Ada\",\n"
                           "    \"born\" : 1815.0,\n"
                           "    \"tags\" : [1,  2],\n"
                           "    \"home\" : {\n"
                           "        \"city\" : \"London\"\n"
                           "    },\n"
                           "    \"none\" : {}\n"
                           "}\n";

Test(json_edit, writes_what_it_read)
{
    static const char *const texts[] = {tall, " [ ] ",
                                        "\xef\xbb\xbf"
                                        "1\r\n",
                                        "{\"a\":[{},[]],\"a\":1e5}"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        read_text(texts[i]);
        expect_result(texts[i]);
    }
}

/* Walking through all of the document, with an edit in its last place, changes nothing before. */
Test(json_edit, changes_one_value_and_nothing_else)
{
    static const struct {
        const char *pointer, *old, *new;
    } cases[] = {{"/name", "\"Ada\"", "\"Ada Lovelace\""},
                 {"/born", "1815.0", "12345678901234567890.10"},
                 {"/tags/1", "2]", "3]"},
                 {"/home/city", "\"London\"", "null"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cf_buffer wanted = with_replaced(tall, cases[i].old, cases[i].new);
        char value[64];

        snprintf(value, sizeof value, "%s", cases[i].new);
        if (strchr(value, ']'))
            *strchr(value, ']') = '\0';
        *cf_buffer_reserve(&wanted, 1) = '\0';
        read_text(tall);
        replace(cases[i].pointer, value);
        expect_result((char *)wanted.data);
        cf_buffer_release(&wanted);
    }
}

Test(json_edit, adds_members_as_their_neighbours_are)
{
    read_text(tall);
    add("", "new", "[1,{\"x\":2}]");
    add("/home", "code", "\"SW1\"");
    add("/none", "some", "{\"deep\":[]}");
    add("/tags", "", "3");
    expect_result("{\n"
                  "    \"name\" : \"Ada\",\n"
                  "    \"born\" : 1815.0,\n"
                  "    \"tags\" : [1,  2,  3],\n"
                  "    \"home\" : {\n"
                  "        \"city\" : \"London\",\n"
                  "        \"code\" : \"SW1\"\n"
                  "    },\n"
                  "    \"none\" : {\n"
                  "        \"some\" : {\n"
                  "            \"deep\" : []\n"
                  "        }\n"
                  "    },\n"
                  "    \"new\" : [\n"
                  "        1,\n"
                  "        {\n"
                  "            \"x\" : 2\n"
                  "        }\n"
                  "    ]\n"
                  "}\n");
}

Test(json_edit, adds_on_one_line_where_the_document_is_one)
{
    read_text("{\"a\":1,\"b\":[]}");
    add("", "c", "{\"d\": [1, 2]}");
    add("/b", "", "7");
    add("/b", "", "8");
    expect_result("{\"a\":1,\"b\":[7,8],\"c\":{\"d\":[1,2]}}");
    read_text("[{\"a\": 1, \"b\": 2}, {\"a\": 3}]");
    add("/1", "b", "[4,5]");
    add("", "", "{\"a\":6}");
    expect_result("[{\"a\": 1, \"b\": 2}, {\"a\": 3, \"b\": [4, 5]}, {\"a\": 6}]");
}

Test(json_edit, keeps_the_line_ends_of_the_document)
{
    read_text("[\r\n\t{}\r\n]\r\n");
    add("", "", "{\"a\":1}");
    add("/0", "b", "2");
    expect_result("[\r\n\t{\r\n\t\t\"b\": 2\r\n\t},\r\n\t{\r\n\t\t\"a\": 1\r\n\t}\r\n]\r\n");
}

Test(json_edit, fills_an_empty_document)
{
    read_text("{}\n");
    add("", "a", "[1]");
    expect_result("{\n  \"a\": [\n    1\n  ]\n}\n");
}

Test(json_edit, deletes_with_the_comma)
{
    static const struct {
        const char *first, *second, *result;
    } cases[] = {{"/0", NULL, "[2, 3 ]"}, {"/1", NULL, "[1, 3 ]"}, {"/2", NULL, "[1, 2 ]"},
                 {"/0", "/1", "[3 ]"},    {"/1", "/2", "[1 ]"},    {"/0", "/2", "[2 ]"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_text("[1, 2, 3 ]");
        delete (cases[i].first);
        if (cases[i].second)
            delete (cases[i].second);
        expect_result(cases[i].result);
    }
    read_text("{\n  \"a\": 1 ,\n  \"b\": 2\n}");
    delete ("/b");
    expect_result("{\n  \"a\": 1\n}");
    read_text("{\n  \"a\": 1 ,\n  \"b\": 2\n}");
    delete ("/a");
    delete ("/b");
    expect_result("{}");
}

Test(json_edit, deletes_and_adds_in_one_place)
{
    read_text("[ 1, 2 ]");
    delete ("/0");
    delete ("/1");
    add("", "", "3");
    add("", "", "4");
    expect_result("[ 3, 4 ]");
    read_text("{\n  \"a\": 1,\n  \"b\": 2\n}");
    delete ("/b");
    add("", "c", "3");
    expect_result("{\n  \"a\": 1,\n  \"c\": 3\n}");
}

Test(json_edit, takes_the_last_edit_of_a_node_and_none_within_what_goes)
{
    read_text("{\"a\": {\"b\": 1}, \"c\": [2]}");
    replace("/a/b", "5");
    delete ("/a");
    replace("/a", "6");
    add("/c", "", "3");
    replace("/c/0", "4");
    delete ("/c");
    expect_result("{\"a\": 6}");
}

Test(json_edit, replaces_the_root)
{
    read_text(" {\"a\": 1}\n");
    replace("", "[1,2]");
    expect_result(" [1, 2]\n");
    read_text("{}\n");
    replace("", "[1,2]");
    expect_result("[\n  1,\n  2\n]\n");
}

Test(json_edit, spells_new_names)
{
    read_text("{\"a\":1}");
    add("", "q\"\n", "2");
    expect_result("{\"a\":1,\"q\\\"\\n\":2}");
}

Test(json_edit, writes_nothing_that_is_no_json)
{
    static const char *const texts[] = {"", "1,2", "{", "\"\n\"", "1}", "nul"};

    read_text("[1]");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        expect_fails(cf_json_edits_replace(&edits, 1, cf_bytes_of_text(texts[i]), &error),
                     CF_MALFORMED);
        expect_fails(
            cf_json_edits_add(&edits, 0, cf_bytes_of_text(""), cf_bytes_of_text(texts[i]), &error),
            CF_MALFORMED);
    }
    expect_result("[1]");
}

Test(json_edit, writes_nothing_that_nests_too_deeply)
{
    cf_buffer text = {0};

    for (int i = 0; i < CF_JSON_DEPTH_MAX; i++)
        cf_buffer_append_text(&text, "[");
    for (int i = 0; i < CF_JSON_DEPTH_MAX; i++)
        cf_buffer_append_text(&text, "]");
    read_text("[1]");
    expect_ok(cf_json_edits_replace(&edits, 1, cf_buffer_view(&text), &error), error);
    leave();
    read_text("[[1]]");
    expect_fails(cf_json_edits_replace(&edits, 2, cf_buffer_view(&text), &error), CF_MALFORMED);
    expect_fails(cf_json_edits_add(&edits, 1, cf_bytes_of_text(""), cf_buffer_view(&text), &error),
                 CF_MALFORMED);
    cf_buffer_release(&text);
}
