/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_map.h"

#include "codec/limits.h"
#include "tests/peer/adapters/text.h"

static cf_record_map *map;
static cf_error error;

static void leave(void)
{
    cf_record_map_destroy(&map);
}

TestSuite(record_map, .fini = leave);

static void read_map(cf_bytes text)
{
    expect_ok(cf_record_map_read(text, &map, &error), error);
}

static void expect_refused(const char *text, const char *said)
{
    expect_fails(cf_record_map_read(cf_bytes_of_text(text), &map, &error), CF_USAGE);
    cr_assert(strstr(error.text, said), "'%s' of '%s'", error.text, text);
}

Test(record_map, names_the_line_that_says_nothing)
{
    expect_refused("UID = /uid\n\n# ...\nName\n", "line 4: COLUMN = /POINTER is expected");
    expect_refused("UID = /uid\nName = /name/fool", "line 2: unknown pointer /name/fool");
    expect_refused("UID = /uid\nA = /phones/1/numbr",
                   "line 2: unknown pointer: an entry of /phones");
    expect_refused("UID = /uid\nA = /phones", "which of its entries");
    expect_refused("UID = /uid\nA = /keywords/home", "which of its entries");
    expect_refused("UID = /uid\nA = /keywords/1/name", "are texts");
    expect_refused("UID = /uid\nA = /name/full/x", "has no parts");
    expect_refused("UID = /uid\nA = /name/components", "which kind");
    expect_refused("UID = /uid\nUID = /kind", "line 2: the column UID stands there already");
    expect_refused("UID = /uid\nA = /kind\nB = /kind", "line 3: /kind is in the column A already");
    expect_refused("UID = /uid\nA = /vCardProps/1", "line 2: unknown pointer");
    expect_refused("UID = /uid\ntable events\n", "line 2: the table comes before");
    expect_refused("table things\n", "line 1: unknown table things");
    expect_refused("table events\nUID = /uid\nA = /phones/1/number", "line 3: unknown pointer");
    expect_refused("Name = /name/full\n", "no column is the key");
    expect_refused("\"A = /kind\n", "line 1: '=' and a pointer are expected");
    expect_refused("\xff = /kind\n", "no text");
}

Test(record_map, names_a_column_whose_name_is_too_long)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "UID = /uid\n");
    memset(cf_buffer_reserve(&text, CF_FIELD_MAX + 1), 'x', CF_FIELD_MAX + 1);
    text.size += CF_FIELD_MAX + 1;
    cf_buffer_append_text(&text, " = /kind\n");
    cf_buffer_append(&text, "", 1);
    expect_refused((const char *)text.data, "line 2: the column's name is too long");
    cf_buffer_release(&text);
}

Test(record_map, knows_what_its_columns_are_of)
{
    read_map(cf_bytes_of_text(
        "table tasks\r\n UID =/uid \r\n\"a \"\"b\"\" = /c\" = /title\nx = y = /description\n"));
    cr_assert_eq(cf_format_of_table(cf_record_map_table(map)), CF_FORMAT_ICALENDAR);
    cr_assert(cf_bytes_equal(cf_record_map_key(map), cf_bytes_of_text("UID")));
    cf_buffer header = {0};
    cf_record_map_header(map, &header);
    expect_written(&header, "UID,\"a \"\"b\"\" = /c\",x = y\n");
}

static void expect_default(cf_format holds, const char *const *names, size_t count,
                           const char *text)
{
    cf_buffer out = {0};
    cf_bytes columns[8];

    for (size_t i = 0; i < count; i++)
        columns[i] = cf_bytes_of_text(names[i]);
    expect_ok(cf_record_map_default(cf_adapter_of(holds), columns, count, &out, &error), error);
    read_map(cf_buffer_view(&out));
    expect_written(&out, text);
}

Test(record_map, names_what_refers_to_what)
{
    const cf_named_reference *references;
    size_t count;

    read_map(
        cf_bytes_of_text("refers phones person people\nrefers \"my notes\"  \"of whom\" people\n"));
    references = cf_record_map_references(map, &count);
    cr_assert_eq(count, 2);
    cr_assert(cf_bytes_equal(references[0].parent, cf_bytes_of_text("people")));
    cr_assert(cf_bytes_equal(references[1].table, cf_bytes_of_text("my notes")));
    cr_assert(cf_bytes_equal(references[1].column, cf_bytes_of_text("of whom")));
    cf_record_map_destroy(&map);
    expect_refused("refers phones person\n", "line 1: refers TABLE COLUMN TABLE");
    expect_refused("refers a b c d\n", "line 1: refers TABLE COLUMN TABLE");
}

Test(record_map, knows_the_columns_of_exports)
{
    static const char *const google[] = {"First Name",      "Nickname", "E-mail 2 - Value",
                                         "Phone 1 - Label", "Whatever", "Given Name"};

    expect_default(CF_FORMAT_VCARD, google, 6,
                   "table contacts\nFirst Name = /name/components/given\n"
                   "Nickname = /nicknames/*/name\nE-mail 2 - Value = /emails/2/address\n"
                   "Phone 1 - Label = /phones/1/label\nUID = /uid\n");
}

static const char *exporter_of(const char *const *names)
{
    cf_bytes columns[8];
    size_t count = 0;

    for (; names[count]; count++)
        columns[count] = cf_bytes_of_text(names[count]);
    return cf_record_map_exporter(columns, count);
}

Test(record_map, knows_whose_export_it_is)
{
    static const char *const google[] = {"given name", "Group Membership", "Name", "Family Name",
                                         NULL};
    static const char *const outlook[] = {"First Name",   "Last Name",      "Title",
                                          "Mobile Phone", "E-mail Address", NULL};
    static const char *const members[] = {"First Name", "Last Name", "E-mail Address", "Number",
                                          NULL};

    cr_assert_str_eq(exporter_of(google), "Google");
    cr_assert_str_eq(exporter_of(outlook), "Outlook");
    cr_assert_null(exporter_of(members));
    cr_assert_null(exporter_of(members + 4));
}

Test(record_map, knows_the_columns_of_other_countries)
{
    static const char *const british[] = {"Display Name", "Home County", "Work Post Code",
                                          "Organisation"};

    expect_default(CF_FORMAT_VCARD, british, 4,
                   "table contacts\nDisplay Name = /name/full\n"
                   "Home County = /addresses/home/components/region\n"
                   "Work Post Code = /addresses/work/components/postcode\n"
                   "Organisation = /organizations/*/name\nUID = /uid\n");
}

Test(record_map, leaves_dates_alone_that_it_would_have_to_guess)
{
    static const char *const outlook[] = {"First Name", "Last Name", "E-mail Address",
                                          "Mobile Phone", "Birthday"};

    expect_default(CF_FORMAT_VCARD, outlook, 5,
                   "table contacts\nFirst Name = /name/components/given\n"
                   "Last Name = /name/components/surname\n"
                   "E-mail Address = /emails/1/address\nMobile Phone = /phones/mobile/number\n"
                   "UID = /uid\n");
}

Test(record_map, has_columns_for_a_new_file)
{
    expect_default(CF_FORMAT_ICALENDAR, NULL, 0,
                   "table events\nUID = /uid\nTitle = /title\nStart = /start\n"
                   "Time zone = /timeZone\nDuration = /duration\nAll day = /showWithoutTime\n"
                   "Location = /locations/*/name\nDescription = /description\n"
                   "Status = /status\nCategories = /keywords/*\n");
}

Test(record_map, refuses_a_table_that_it_knows_nothing_of)
{
    const cf_bytes columns[] = {cf_bytes_of_text("UID"), cf_bytes_of_text("Whatever")};
    cf_buffer out = {0};

    expect_fails(cf_record_map_default(cf_adapter_of(CF_FORMAT_VCARD), columns, 2, &out, &error),
                 CF_USAGE);
    cf_buffer_release(&out);
}
