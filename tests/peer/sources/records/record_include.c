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
    bool in = cf_record_includes(&binding, &row);
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

Test(record_include, takes_the_uid_for_the_key_of_what_has_one)
{
    cr_assert(has("uid=u1", "/name/full", "\"Ann\""));
    cr_assert(!has("uid=u2", "/name/full", "\"Ann\""));
    cr_assert(is_in("uid=u*", CF_FORMAT_ICALENDAR, CF_TABLE_EVENTS, "/title", "\"A\""));
    cr_assert(is_in("tasks//uid=u1", CF_FORMAT_JSON, CF_TABLE_TASKS, "/title", "\"A\""));
    cr_assert(!is_in("uid=u1", CF_FORMAT_CSV, CF_TABLE_RECORDS, "/title", "\"A\""));
    cr_assert(!is_in("uid=u1", CF_FORMAT_SQLITE, CF_TABLE_CONTACTS, "/title", "\"A\""));
}
