/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_include.h"

#include "peer/adapters/json_value.h"
#include "peer/adapters/record_format.h"
#include "tests/support/expect.h"

static cf_error error;

static void append_json(const char *text, cf_buffer *out)
{
    cf_json json;

    expect_ok(cf_json_read(cf_bytes_of_text(text), &json, &error), error);
    expect_ok(cf_json_value(&json, 0, out, &error), error);
    cf_json_release(&json);
}

/* Of a table, with a key and one value in a field. */
static bool is_in(const char *pattern, cf_format format, const char *table, const char *field,
                  const char *value)
{
    char *patterns[] = {(char *)pattern};
    cf_buffer key = {0}, packed = {0};
    const cf_binding binding = {.format = format, .include = patterns, .include_count = 1};

    append_json("\"u1\"", &key);
    append_json(value, &packed);
    cf_bytes values[] = {cf_buffer_view(&packed)};
    cf_row_field fields[] = {{cf_bytes_of_text(field), values, 1}};
    const cf_row row = {.table = cf_bytes_of_text(table),
                        .key = cf_buffer_view(&key),
                        .fields = fields,
                        .field_count = 1};
    bool in = cf_record_includes(&binding, &(cf_row_format){0}, &row);
    cf_buffer_release(&key);
    cf_buffer_release(&packed);
    return in;
}

static bool has(const char *pattern, const char *field, const char *value)
{
    return is_in(pattern, CF_FORMAT_VCARD, CF_TABLE_CONTACTS, field, value);
}

Test(record_include, takes_one_of_the_texts_in_an_object)
{
    static const char email[] = "{\"address\": \"ann@x\", \"contexts\": {\"work\": true}}";

    cr_assert(has("emails=ann@x", "/emails", email));
    cr_assert(has("emails=ann@*", "/emails", email));
    cr_assert(has("contacts//emails=ann@x", "/emails", email));
    cr_assert(!has("emails=ann", "/emails", email));
    cr_assert(!has("emails=address", "/emails", email), "the name of a member is no value");
    cr_assert(!has("emails=work", "/emails", email), "nor is it below");
    cr_assert(!has("phones=ann@x", "/emails", email));
}

Test(record_include, takes_a_text_however_deep_it_lies)
{
    static const char firm[] =
        "{\"count\": 3, \"name\": \"Acme\", \"units\": [{\"name\": \"Sales\"}, null, \"x\"]}";

    cr_assert(has("organizations=Acme", "/organizations", firm));
    cr_assert(has("organizations=Sales", "/organizations", firm));
    cr_assert(has("organizations=x", "/organizations", firm));
    cr_assert(!has("organizations=3", "/organizations", firm), "a number is no text");
    cr_assert(!has("organizations=", "/organizations", firm));
}

Test(record_include, takes_a_plain_value_as_it_is_read)
{
    cr_assert(has("name/full=Ann*", "/name/full", "\"Ann Lee\""));
    cr_assert(is_in("n=2", CF_FORMAT_JSON, CF_TABLE_RECORDS, "/n", "2"));
    cr_assert(!is_in("n=2", CF_FORMAT_JSON, CF_TABLE_RECORDS, "/n", "22"));
}

Test(record_include, takes_a_value_of_which_each_part_is_a_field)
{
    cr_assert(has("name=Ann*", "/name/full", "\"Ann Lee\""));
    cr_assert(has("name=Ann", "/name/components", "[{\"kind\": \"given\", \"value\": \"Ann\"}]"));
    cr_assert(has("a/b=x", "/a/b/c", "\"x\""));
    cr_assert(has("a=x", "/a/b/c", "\"x\""));
    cr_assert(!has("name/ful=Ann", "/name/full", "\"Ann\""));
    cr_assert(!has("nam=Ann", "/name/full", "\"Ann\""));
    cr_assert(!has("=Ann", "/name/full", "\"Ann\""));
    cr_assert(is_in("home=x", CF_FORMAT_JSON, CF_TABLE_RECORDS, "/columns/home/town", "\"x\""));
    cr_assert(is_in("a/b=x", CF_FORMAT_CSV, CF_TABLE_RECORDS, "/columns/a~1b", "\"x\""));
    cr_assert(!is_in("a=x", CF_FORMAT_CSV, CF_TABLE_RECORDS, "/columns/a~1b", "\"x\""));
    cr_assert(!is_in("columns=x", CF_FORMAT_CSV, CF_TABLE_RECORDS, "/columns/a", "\"x\""));
}

Test(record_include, takes_the_uid_for_the_key_of_what_has_one)
{
    cr_assert(has("uid=u1", "/name/full", "\"Ann\""));
    cr_assert(!has("uid=u2", "/name/full", "\"Ann\""));
    cr_assert(is_in("uid=u*", CF_FORMAT_ICALENDAR, CF_TABLE_EVENTS, "/title", "\"A\""));
    cr_assert(is_in("tasks//uid=u1", CF_FORMAT_JSON, CF_TABLE_TASKS, "/title", "\"A\""));
    cr_assert(!is_in("uid=u1", CF_FORMAT_CSV, CF_TABLE_RECORDS, "/title", "\"A\""));
    cr_assert(!is_in("uid=u1", CF_FORMAT_SQLITE, CF_TABLE_CONTACTS, "/title", "\"A\""));
}

/* Of a table, with this key and nothing else. */
static bool is_keyed(const char *pattern, cf_format format, const char *named,
                     const cf_row_format *holds, const char *json)
{
    char *patterns[] = {(char *)pattern}, *keys[] = {(char *)named};
    cf_buffer key = {0};
    const cf_binding binding = {.format = format,
                                .include = patterns,
                                .include_count = 1,
                                .keys = keys,
                                .key_count = named ? 1 : 0};

    append_json(json, &key);
    const cf_row row = {.table = cf_bytes_of_text("t"), .key = cf_buffer_view(&key)};
    bool in = cf_record_includes(&binding, holds, &row);
    cf_buffer_release(&key);
    return in;
}

Test(record_include, takes_a_key_that_a_pointer_names_by_its_last_step)
{
    const cf_row_format none = {0};

    cr_assert(is_keyed("i/d=3", CF_FORMAT_JSON, "/of/i~1d", &none, "3"));
    cr_assert(!is_keyed("of=3", CF_FORMAT_JSON, "/of/i~1d", &none, "3"));
    cr_assert(is_keyed("id=3", CF_FORMAT_JSON, "id", &none, "3"));
    cr_assert(is_keyed("/of/id=3", CF_FORMAT_CSV, "/of/id", &none, "\"3\""),
              "a column is no pointer");
}

Test(record_include, takes_what_a_database_makes_its_keys_of)
{
    const cf_bytes one[] = {cf_bytes_of_text("id")};
    const cf_bytes two[] = {cf_bytes_of_text("id"), {0}, cf_bytes_of_text("day")};
    const cf_format_table tables[] = {{.name = cf_bytes_of_text("t"), .keys = one, .key_count = 1}};
    const cf_format_table others[] = {{.name = cf_bytes_of_text("t"), .keys = two, .key_count = 3}};
    const cf_row_format single = {.tables = tables, .count = 1};
    const cf_row_format several = {.tables = others, .count = 1};

    cr_assert(is_keyed("t//id=3", CF_FORMAT_SQLITE, NULL, &single, "3"));
    cr_assert(!is_keyed("t//id=3", CF_FORMAT_SQLITE, NULL, &single, "33"));
    cr_assert(!is_keyed("u//id=3", CF_FORMAT_SQLITE, NULL, &single, "3"));
    cr_assert(is_keyed("id=3", CF_FORMAT_SQLITE, NULL, &several, "[3, \"x\", \"mo\"]"));
    cr_assert(is_keyed("day=mo", CF_FORMAT_SQLITE, NULL, &several, "[3, \"x\", \"mo\"]"));
    cr_assert(!is_keyed("day=3", CF_FORMAT_SQLITE, NULL, &several, "[3, \"x\", \"mo\"]"));
    cr_assert(!is_keyed("id=3", CF_FORMAT_SQLITE, NULL, &several, "3"), "not such a key");
}
