/* SPDX-License-Identifier: Apache-2.0 */
/* What any file of records does with what it has no place for. */
#include "peer/adapters/record_format.h"

#include "peer/adapters/key_text.h"
#include "peer/adapters/record_types.h"
#include "peer/adapters/value_map.h"
#include "tests/peer/adapters/rows.h"

static const char *const columns[] = {"land", "code"};

static cf_record_options format_of(cf_format format, size_t keys)
{
    return (cf_record_options){
        .adapter = cf_adapter_of(format), .keys = columns, .key_count = keys};
}

static cf_bytes key_of(const char *json, cf_arena *arena)
{
    cf_buffer key = {0};

    cr_assert(cf_value_of_json(cf_bytes_of_text(json), &key));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&key));
    cf_buffer_release(&key);
    return copy;
}

/* Has the file show records of these keys, the last of which it is to leave out. */
static void expect_left_out(const cf_record_options *options, const char *before,
                            const char *const *keys, size_t count, const char *after)
{
    cf_row rows[4] = {0};
    bool refused[4] = {false};
    cf_record_document *document;
    cf_record_file file = {0};
    cf_buffer out = {0};
    cf_arena arena = {0};
    cf_error error;

    for (size_t i = 0; i < count; i++)
        rows[i] =
            (cf_row){.table = cf_bytes_of_text(CF_TABLE_RECORDS), .key = key_of(keys[i], &arena)};
    expect_ok(cf_record_document_read(options, cf_bytes_of_text(before), &document, &error), error);
    expect_ok(cf_record_document_show(document, rows, count, refused, &out, &error), error);
    cf_record_document_destroy(&document);
    for (size_t i = 0; i < count; i++)
        cr_expect_eq(refused[i], i == count - 1, "%s", keys[i]);
    expect_ok(cf_record_format_read(options, cf_buffer_view(&out), &file, &error), error);
    cr_expect_eq(file.trouble_count, 0);
    cf_record_file_release(&file);
    cf_arena_release(&arena);
    expect_written(&out, after);
}

#define expect_left_out(options, before, after, ...)                                               \
    expect_left_out(options, before, (const char *const[]){__VA_ARGS__},                           \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), after)

Test(record_format, leaves_out_records_whose_keys_fill_other_columns)
{
    const cf_record_options one = format_of(CF_FORMAT_CSV, 1), two = format_of(CF_FORMAT_CSV, 2);

    expect_left_out(&one, "land,x\nDE,\n", "land,x\nDE,\n7,\n", "\"DE\"", "7", "[\"DE\",\"1\"]");
    expect_left_out(&one, "land,x\nDE,\n", "land,x\nDE,\n", "\"DE\"", "\"\"");
    expect_left_out(&two, "land,code\nDE,1\n", "land,code\nDE,1\nAT,\n", "[\"DE\",\"1\"]",
                    "[\"AT\",\"\"]", "\"AT\"");
    expect_left_out(&two, "land,code\nDE,1\n", "land,code\nDE,1\n", "[\"DE\",\"1\"]",
                    "[\"DE\",\"1\",\"2\"]");
}

Test(record_format, leaves_out_records_whose_keys_json_does_not_have)
{
    const cf_record_options keyed = format_of(CF_FORMAT_JSON, 1),
                            whole = format_of(CF_FORMAT_JSON, 0);

    expect_left_out(&keyed, "[{\"land\":\"DE\"}]", "[{\"land\":\"DE\"}]", "\"DE\"",
                    "[\"DE\",\"1\"]");
    expect_left_out(&whole, "{}", "{}", "\"\"", "\"DE\"");
}

/* ---- Keys as people read them ---- */

static void expect_otherwise(const char *key, const char *other)
{
    cf_arena arena = {0};
    cf_buffer found = {0}, json = {0};

    cr_expect_eq(cf_key_otherwise(key_of(key, &arena), &found), other != NULL, "%s", key);
    if (other)
        cf_value_json(cf_buffer_view(&found), &json);
    cf_buffer_release(&found);
    cf_arena_release(&arena);
    expect_written(&json, other ? other : "");
}

Test(record_format, knows_the_other_key_that_reads_the_same)
{
    static const char *const pairs[][2] = {
        {"1", "\"1\""},         {"-7.5", "\"-7.5\""},
        {"1e400", "\"1e400\""}, {"12345678901234567890123", "\"12345678901234567890123\""},
        {"true", "\"true\""},
    };
    static const char *const alone[] = {"\"007\"", "\"1.50\"",      "\"null\"", "\"a\"", "\"[1]\"",
                                        "\"\"",    "\"\\\"a\\\"\"", "[\"1\"]",  "\" 1\""};

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        expect_otherwise(pairs[i][0], pairs[i][1]);
        expect_otherwise(pairs[i][1], pairs[i][0]);
    }
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        expect_otherwise(alone[i], NULL);
}

/* What the document's records are, where these are known. */
static void expect_keys(const char *document, const char *const *known, const char *rows)
{
    const cf_record_options options = format_of(CF_FORMAT_JSON, 1);
    cf_state *state = cf_state_new();
    cf_row_view *view = cf_row_view_new(state, &cf_schema_records);
    cf_rows *base = cf_rows_new();
    cf_record_file file = {0};
    cf_arena arena = {0};
    cf_error error;

    for (; *known; known++)
        cf_rows_put(base, &(cf_row){.table = cf_bytes_of_text(CF_TABLE_RECORDS),
                                    .key = key_of(*known, &arena)});
    expect_ok(cf_record_format_read(&options, cf_bytes_of_text(document), &file, &error), error);
    cf_record_keys_give(&file, base, view);
    expect_rows(&file, rows);
    cf_record_file_release(&file);
    cf_rows_destroy(&base);
    cf_row_view_destroy(&view);
    cf_state_destroy(&state);
    cf_arena_release(&arena);
}

Test(record_format, takes_a_key_for_the_known_one_that_reads_the_same)
{
    static const char *const text[] = {"\"1\"", NULL}, *const both[] = {"\"1\"", "1", NULL};

    expect_keys("[{\"land\": 1}, {\"land\": 2}]", text, "\"1\"\n2\n");
    expect_keys("[{\"land\": 1}, {\"land\": \"1\"}]", text, "1\n\"1\"\n");
    expect_keys("[{\"land\": 1}]", both, "1\n");
}
