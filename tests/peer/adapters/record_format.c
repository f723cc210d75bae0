/* SPDX-License-Identifier: Apache-2.0 */
/* What any file of records does with what it has no place for. */
#include "peer/adapters/record_format.h"

#include "peer/adapters/value_map.h"
#include "tests/peer/adapters/rows.h"

static const char *const columns[] = {"land", "code"};

static cf_record_options format_of(cf_format format, size_t keys)
{
    return (cf_record_options){.format = format, .keys = columns, .key_count = keys};
}

/* Has the file show records of these keys, the last of which it is to leave out. */
static void expect_left_out(const cf_record_options *options, const char *before,
                            const char *const *keys, size_t count, const char *after)
{
    cf_row rows[4] = {0};
    bool refused[4] = {false};
    cf_record_file file = {0};
    cf_buffer out = {0};
    cf_arena arena = {0};
    cf_error error;

    for (size_t i = 0; i < count; i++) {
        cf_buffer key = {0};

        cr_assert(cf_value_of_json(cf_bytes_of_text(keys[i]), &key));
        rows[i] = (cf_row){.table = cf_bytes_of_text(CF_TABLE_RECORDS),
                           .key = cf_arena_copy(&arena, cf_buffer_view(&key))};
        cf_buffer_release(&key);
    }
    expect_ok(cf_record_format_show(options, cf_bytes_of_text(before), rows, count, refused, &out,
                                    &error),
              error);
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
