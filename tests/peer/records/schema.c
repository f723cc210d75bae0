/* SPDX-License-Identifier: Apache-2.0 */
/* What a format shows of a row, and when two rows say the same. */
#include "peer/records/schema.h"

#include "codec/pack.h"
#include "tests/peer/records/made_row.h"
#include "tests/support/expect.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const cf_field_rule fields[] = {
    {.name = NAME("/rev"), .merge = CF_MERGE_VOLATILE},
    {.name = NAME("/tel"), .merge = CF_MERGE_SET},
};
static const cf_schema_table card = {.name = NAME("card"), .fields = fields, .field_count = 2};

static void expect_same(const char *a, const char *b, bool same)
{
    cf_arena arena = {0};
    cf_row left = made_row(a, &arena), right = made_row(b, &arena);

    cr_assert_eq(cf_row_same(&card, &left, &right), same, "%s / %s", a, b);
    cr_assert_eq(cf_row_same(&card, &right, &left), same, "%s / %s", b, a);
    cf_arena_release(&arena);
}

Test(records_schema, compares_rows_as_a_change_of_them_would_be_published)
{
    expect_same("card u name=Ann", "card u name=Ann", true);
    expect_same("card u name=Ann", "card u name=Anna", false);
    expect_same("card u name=Ann", "card u", false);
    expect_same("card u name=Ann note=", "card u name=Ann", true);
    expect_same("card u name=Ann rev=1", "card u name=Ann rev=2", true);
    expect_same("card u name=Ann rev=1", "card u name=Ann", true);
    expect_same("card u tel=1,2", "card u tel=2,1", true);
    expect_same("card u tel=1,2", "card u tel=1", false);
    expect_same("card u tel=1,2", "card u", false);
    expect_same("card u name=1,2", "card u name=2,1", false);
}

static void expect_shown(const cf_row_format *format, const char *words, const char *expected)
{
    cf_arena arena = {0};
    cf_buffer text = {0};
    cf_row row = made_row(words, &arena), shown;

    if (cf_row_show(format, &row, &arena, &shown))
        made_print(&shown, &text);
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(expected)), "%s is %.*s",
              words, (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
    cf_arena_release(&arena);
}

Test(records_schema, shows_through_a_format_what_it_can_hold)
{
    const cf_format_field held[] = {{NAME("/name"), false}, {NAME("/tel"), true}};
    const cf_format_table table = {.name = NAME("card"), .fields = held, .field_count = 2};
    const cf_row_format csv = {.tables = &table, .count = 1}, all = {.whole = true};
    cf_bytes name = cf_bytes_of_text("card");

    expect_shown(&csv, "card u name=Ann note=x tel=1,2", "card u name=Ann tel=1");
    expect_shown(&csv, "person 1 name=Ann", "");
    expect_shown(&all, "card u name=Ann note=x tel=1,2", "card u name=Ann note=x tel=1,2");
    expect_shown(&all, "person 1 name=", "person 1");
    cr_assert(cf_format_holds(&csv, name, cf_bytes_of_text("/tel")));
    cr_assert_not(cf_format_holds(&csv, name, cf_bytes_of_text("/note")));
    cr_assert(cf_format_holds(&all, name, cf_bytes_of_text("/note")));
}

Test(records_schema, leaves_out_what_a_format_lacks_of_all_there_may_be)
{
    const cf_format_table tables[] = {
        {.name = NAME("card"), .whole = true, .without = NAME("/a/b")},
        {.name = NAME("person"), .lacks = true, .whole = true},
    };
    const cf_row_format json = {.whole = true, .tables = tables, .count = 2};
    cf_bytes card_name = cf_bytes_of_text("card"), person = cf_bytes_of_text("person");

    expect_shown(&json, "card u a=1 a/b=2 a/b/c=3 a/bc=4 a/c=5 ab=6", "card u a/bc=4 a/c=5 ab=6");
    expect_shown(&json, "person 1 name=Ann", "");
    expect_shown(&json, "phone 1 name=Ann", "phone 1 name=Ann");
    cr_assert(cf_format_holds(&json, card_name, cf_bytes_of_text("/a/bc")));
    cr_assert_not(cf_format_holds(&json, card_name, cf_bytes_of_text("/a")));
    cr_assert_not(cf_format_holds(&json, card_name, cf_bytes_of_text("/a/b/c")));
    cr_assert_not(cf_format_holds(&json, person, cf_bytes_of_text("/name")));
    cr_assert_not(cf_format_holds_table(&json, person));
    cr_assert(cf_format_holds_table(&json, cf_bytes_of_text("phone")));
}

Test(records_schema, has_rules_for_each_kind_under_those_of_the_table)
{
    const cf_field_rule own = {.name = NAME("/phones"), .merge = CF_MERGE_LATEST};
    cf_schema_table plain = cf_schema_contacts.tables[0], other = plain;

    other.fields = &own;
    other.field_count = 1;
    cr_assert_eq(cf_schema_field(&plain, own.name).merge, CF_MERGE_SET);
    cr_assert_eq(cf_schema_field(&other, own.name).merge, CF_MERGE_LATEST);
    cr_assert_eq(cf_schema_field(&plain, cf_bytes_of_text("/updated")).merge, CF_MERGE_VOLATILE);
    cr_assert_eq(cf_schema_field(&plain, cf_bytes_of_text("/name/full")).merge, CF_MERGE_LATEST);
    cr_assert_eq(cf_schema_field(&cf_schema_calendar.tables[1], cf_bytes_of_text("/alerts")).merge,
                 CF_MERGE_SET);
    cr_assert_eq(cf_schema_field(&card, cf_bytes_of_text("/phones")).merge, CF_MERGE_LATEST);
}

static const cf_bytes email[] = {NAME("/email")}, both[] = {NAME("/name"), NAME("/born")};
static const cf_collation nocase[] = {CF_COLLATION_NOCASE};
static const cf_unique unique[] = {{.names = both, .count = 2},
                                   {.names = email, .count = 1, .collations = nocase}};
static const cf_field_rule own[] = {{.name = NAME("/tel"), .merge = CF_MERGE_SET},
                                    {NAME("/boss"), CF_MERGE_REFERENCE, NAME("person"), true}};
static const cf_schema_table two[] = {
    {.name = NAME("person"),
     .kind = CF_KIND_ROW,
     .serial = true,
     .fields = own,
     .field_count = 2,
     .unique = unique,
     .unique_count = 2,
     .required = email,
     .required_count = 1},
    {.name = NAME("card"), .kind = CF_KIND_CONTACT},
};

Test(records_schema, is_read_as_it_was_packed_whatever_its_order)
{
    const cf_schema schema = {two, 2};
    cf_buffer packed = {0}, again = {0};
    cf_arena arena = {0};
    cf_error error;
    cf_schema read;

    cf_schema_pack(&packed, &schema);
    expect_ok(cf_value_check(cf_buffer_view(&packed), &error), error);
    expect_ok(cf_schema_read(cf_buffer_view(&packed), &arena, &read, &error), error);
    cf_schema_pack(&again, &read);
    cr_assert(cf_bytes_equal(cf_buffer_view(&packed), cf_buffer_view(&again)));
    const cf_schema_table *person = cf_schema_find(&read, two[0].name);
    cr_assert(person->serial);
    cr_assert_eq(cf_schema_field(person, own[0].name).merge, CF_MERGE_SET);
    cr_assert(cf_bytes_equal(cf_schema_field(person, own[1].name).table, two[0].name));
    cr_assert_eq(person->unique_count, 2);
    cr_assert_eq(cf_unique_collation(&person->unique[0], 0), CF_COLLATION_BINARY);
    cr_assert_eq(cf_unique_collation(&person->unique[1], 0), CF_COLLATION_NOCASE);
    cr_assert(cf_bytes_equal(person->required[0], email[0]));
    cr_assert_eq(cf_schema_find(&read, two[1].name)->kind, CF_KIND_CONTACT);
    cf_buffer_release(&packed);
    cf_buffer_release(&again);
    cf_arena_release(&arena);
}

Test(records_schema, has_a_place_for_tuples_without_case_behind_owned_fields_that_are_none)
{
    cf_schema_table table = {
        .name = NAME("p"), .kind = CF_KIND_ROW, .unique = unique + 1, .unique_count = 1};
    cf_schema_table plain = table, read;
    const cf_unique binary = {.names = email, .count = 1};
    cf_buffer packed = {0};
    cf_arena arena = {0};
    cf_error error;

    plain.unique = &binary;
    cr_assert_not(cf_schema_table_equal(&table, &plain));
    cf_schema_table_pack(&packed, &table);
    cr_assert_eq(packed.data[0], 0x98, "an older program says that it knows less");
    expect_ok(cf_schema_table_read(cf_buffer_view(&packed), &arena, &read, &error), error);
    cr_assert(cf_schema_table_equal(&table, &read));
    packed.data[0]++;
    expect_fails(cf_schema_table_read(cf_buffer_view(&packed), &arena, &read, &error), CF_DENIED);
    packed.data[0]--;
    packed.data[packed.size - 1] = CF_COLLATIONS;
    expect_fails(cf_schema_table_read(cf_buffer_view(&packed), &arena, &read, &error), CF_DENIED);
    packed.data[packed.size - 1] = CF_COLLATION_BINARY;
    expect_fails(cf_schema_table_read(cf_buffer_view(&packed), &arena, &read, &error),
                 CF_MALFORMED);
    cf_buffer_release(&packed);
    cf_arena_release(&arena);
}

Test(records_schema, refuses_what_is_cut_or_of_a_newer_program)
{
    const cf_schema schema = {two, 2};
    cf_buffer packed = {0}, changed = {0};
    cf_arena arena = {0};
    cf_error error;
    cf_schema read;

    cf_schema_pack(&packed, &schema);
    for (size_t size = 0; size < packed.size; size++)
        expect_fails(cf_schema_read(cf_bytes_of(packed.data, size), &arena, &read, &error),
                     CF_MALFORMED);
    for (size_t i = 0; i < packed.size; i++) { /* what is taken is canonical */
        packed.data[i] ^= 0x21;
        cf_buffer_clear(&changed);
        if (cf_schema_read(cf_buffer_view(&packed), &arena, &read, &error) == CF_OK) {
            cf_schema_pack(&changed, &read);
            cr_assert(cf_bytes_equal(cf_buffer_view(&packed), cf_buffer_view(&changed)), "%zu", i);
        }
        packed.data[i] ^= 0x21;
    }
    cf_schema_table strange = {.name = NAME("x"), .kind = 'z'};
    cf_buffer_clear(&changed);
    cf_schema_pack(&changed, &(cf_schema){&strange, 1});
    expect_fails(cf_schema_read(cf_buffer_view(&changed), &arena, &read, &error), CF_DENIED);
    cf_buffer_release(&packed);
    cf_buffer_release(&changed);
    cf_arena_release(&arena);
}

static bool is_kind_field(uint8_t kind, const char *field, cf_merge expected)
{
    cf_merge merge;

    return cf_kind_field(kind, cf_bytes_of_text(field), &merge) && merge == expected;
}

/* Many events share what a zone means, and no user changes that. */
Test(records_schema, knows_the_properties_of_cards_and_events_alone)
{
    cf_merge ignored;

    cr_expect(is_kind_field(CF_KIND_CONTACT, "/emails", CF_MERGE_SET));
    cr_expect(is_kind_field(CF_KIND_EVENT, "/alerts", CF_MERGE_SET));
    cr_expect(is_kind_field(CF_KIND_TASK, "/timeZones/Europe~1Rome", CF_MERGE_VOLATILE));
    cr_expect(!cf_kind_field(CF_KIND_CONTACT, cf_bytes_of_text("/timeZones/x"), &ignored));
    cr_expect(!cf_kind_field(CF_KIND_RECORD, cf_bytes_of_text("/emails"), &ignored));
}
