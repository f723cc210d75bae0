/* SPDX-License-Identifier: Apache-2.0 */
/* How the schemas of several devices become one. */
#include "peer/records/schema_join.h"

#include "tests/peer/records/made_schema.h"
#include "tests/support/expect.h"

#include <stdio.h>

static void expect_table(const cf_schema_table *found, const char *words)
{
    cf_arena arena = {0};
    cf_schema_table expected = made_table(words, &arena);

    cr_assert(cf_schema_table_equal(found, &expected), "expected %s", words);
    cf_arena_release(&arena);
}

static void expect_joined(const char *first, const char *second, const char *expected)
{
    cf_arena arena = {0};
    cf_schema_table tables[] = {made_table(first, &arena), made_table(second, &arena)};
    cf_schema_table joined = cf_schema_join(tables, 2, &arena);

    expect_table(&joined, expected);
    cf_arena_release(&arena);
}

Test(schema_join, has_the_rules_of_all_and_the_constraints_that_all_have)
{
    expect_joined("p /a~", "p /b>q", "p /a~ /b>q");
    expect_joined("p # =/a =/b,/c !/a", "p # =/c,/b =/d !/a !/d", "p # =/b,/c !/a");
    expect_joined("p =/a", "p", "p");
    expect_joined("p", "p =/a !/a", "p");
    expect_joined("p =/a,/b^", "p =/b^,/a", "p =/a,/b^");
    expect_joined("p =/a^", "p =/a", "p");
}

Test(schema_join, lets_the_first_count_where_two_contradict)
{
    expect_joined("p # /a>q", "p /a>r", "p # /a>q");
    expect_joined("p /a>r", "p # /a>q", "p /a>r");
    expect_joined("p /a*", "p /a~", "p /a*");
}

Test(schema_join, lets_rows_go_with_others_only_where_all_say_so)
{
    expect_joined("p /a>>q", "p /a>>q", "p /a>>q");
    expect_joined("p /a>>q", "p /a>q", "p /a>q");
    expect_joined("p /a>q", "p /a>>q", "p /a>q");
    expect_joined("p /a>>q", "p", "p /a>>q");
    expect_joined("p", "p /a>>q", "p /a>>q");
    expect_joined("p /a>>q", "p /a>r", "p /a>>q");
}

static void expect_grown(const char *known, const char *before, const char *own,
                         const char *expected)
{
    cf_arena arena = {0};
    cf_schema was = made_schema(known, &arena), had = made_schema(before ? before : "", &arena);
    cf_schema has = made_schema(own, &arena), wanted = made_schema(expected, &arena);
    cf_schema grown = cf_schema_grow(&was, before ? &had : NULL, &has, &arena);
    cf_buffer packed[2] = {{0}, {0}};

    cf_schema_pack(&packed[0], &grown);
    cf_schema_pack(&packed[1], &wanted);
    cr_assert(cf_bytes_equal(cf_buffer_view(&packed[0]), cf_buffer_view(&packed[1])),
              "%s, %s -> %s: expected %s", known, before ? before : "(nothing)", own, expected);
    cf_buffer_release(&packed[0]);
    cf_buffer_release(&packed[1]);
    cf_arena_release(&arena);
}

Test(schema_join, takes_tables_that_a_source_has_more_and_keeps_those_it_lacks)
{
    expect_grown("", NULL, "p # /a>p", "p # /a>p");
    expect_grown("p #", NULL, "q =/a", "p #;q =/a");
    expect_grown("p #;q", "p #;q", "p #", "p #;q");
}

Test(schema_join, asks_less_of_all_when_a_source_that_joins_asks_less)
{
    expect_grown("p =/a !/a", NULL, "p /b>p =/c", "p /b>p");
}

/* Rows of a database are no contacts, whatever their table is called. */
Test(schema_join, keeps_a_table_as_it_is_whose_records_are_of_another_kind)
{
    cf_arena arena = {0};
    cf_schema_table known = made_table("p /a~", &arena), own = made_table("p /a~ /b>q", &arena);

    for (int other = 0; other < 2; other++) {
        own.kind = (uint8_t)(known.kind + other);
        const cf_schema grown =
            cf_schema_grow(&(cf_schema){&known, 1}, NULL, &(cf_schema){&own, 1}, &arena);
        cr_assert_eq(grown.count, 1);
        cr_expect_eq(grown.tables[0].kind, known.kind);
        expect_table(&grown.tables[0], other ? "p /a~" : "p /a~ /b>q");
    }
    cf_arena_release(&arena);
}

Test(schema_join, does_not_quarrel_about_what_goes_with_what)
{
    expect_grown("p /a>>q", NULL, "p /a>q", "p /a>q");
    expect_grown("p /a>q", "p /a>>q", "p /a>>q", "p /a>q");
    expect_grown("p /a>>q", "p /a>>q", "p /a>q", "p /a>q");
    expect_grown("p /a>q", "p /a>q", "p /a>>q", "p /a>>q");
}

Test(schema_join, makes_the_change_that_a_program_made_to_its_tables)
{
    expect_grown("p /a>q", "p /a>q", "p /a>q /b>q =/c !/d", "p /a>q /b>q =/c !/d");
    expect_grown("p /a>q =/c !/d", "p /a>q =/c !/d", "p", "p");
    expect_grown("p /a>q", "p /a>q", "p /a>r", "p /a>r");
    expect_grown("p", "p", "p #", "p #");
    expect_grown("p =/a", "p =/a", "p =/a,/b", "p =/a,/b");
}

Test(schema_join, a_table_that_a_source_lost_is_referred_to_elsewhere_still)
{
    expect_grown("p /a>q;q", "p /a>q;q", "p", "p /a>q;q");
    expect_grown("p /a>>q;q", "p /a>>q;q", "p", "p /a>>q;q");
    expect_grown("p /a>q;q", "p /a>q;q", "p;q", "p;q");
    expect_grown("p /a>q;q", "p /a>q;q", "p /a~", "p /a~;q");
}

Test(schema_join, leaves_what_others_changed_meanwhile)
{
    expect_grown("p", "p /a>q =/a !/a", "p /a>q =/a !/a", "p");
    expect_grown("p /a>r /b~ =/b !/b", "p /a>q", "p /a>q", "p /a>r /b~ =/b !/b");
    expect_grown("p /a>r", "p /a>q", "p /a>s", "p /a>r");
    expect_grown("p #", "p", "p", "p #");
}

Test(schema_join, comes_to_rest_between_devices_whatever_they_have)
{
    static const char *const own[] = {"p # /a>q =/a !/b;q", "p # /a>r /c~ =/a =/d;r"};
    cf_arena arena = {0};
    cf_schema known = {0}, has[2] = {made_schema(own[0], &arena), made_schema(own[1], &arena)};
    cf_buffer packed[2] = {{0}, {0}};

    for (int turn = 0; turn < 4; turn++)
        known = cf_schema_grow(&known, turn < 2 ? NULL : &has[turn % 2], &has[turn % 2], &arena);
    cf_schema_pack(&packed[0], &known);
    for (int turn = 0; turn < 2; turn++)
        known = cf_schema_grow(&known, &has[turn], &has[turn], &arena);
    cf_schema_pack(&packed[1], &known);
    cr_assert(cf_bytes_equal(cf_buffer_view(&packed[0]), cf_buffer_view(&packed[1])));
    cf_buffer_release(&packed[0]);
    cf_buffer_release(&packed[1]);
    cf_arena_release(&arena);
}

static void print_difference(const cf_schema_difference *found, cf_buffer *out)
{
    cf_buffer_append(out, found->table.data, found->table.size);
    for (size_t i = 0; i < found->fields.count; i++)
        cf_buffer_append(out, found->fields.names[i].data, found->fields.names[i].size);
    cf_buffer_append(out, ";", 1);
}

static void expect_differences(const char *known, const char *own, const char *expected)
{
    cf_arena arena = {0};
    cf_schema all = made_schema(known, &arena), has = made_schema(own, &arena);
    cf_buffer told = {0};
    size_t count;
    const cf_schema_difference *found = cf_schema_differences(&all, &has, &arena, &count);

    memset(cf_arena_allocate(&arena, 1, 512), 0xff, 512); /* they lie in what is theirs */
    for (size_t i = 0; i < count; i++)
        print_difference(&found[i], &told);
    cr_assert(cf_bytes_equal(cf_buffer_view(&told), cf_bytes_of_text(expected)), "%.*s",
              (int)told.size, (const char *)told.data);
    cf_buffer_release(&told);
    cf_arena_release(&arena);
}

Test(schema_join, lists_what_is_different_and_nothing_else)
{
    expect_differences("p # /a>q =/a,/b !/b;q", "p # /a>q =/b,/a !/b;q", "");
    expect_differences("p;q", "p", "");
    expect_differences("p # /a>q =/a !/b", "p /a>r =/c !/d", "p;p/a;p/c;p/a;p/d;p/b;");
    expect_differences("p", "p =/a,/b", "p/a/b;");
    expect_differences("p =/a =/b =/c =/d !/a !/b !/c", "p", "p/a;p/b;p/c;p/d;p/a;p/b;p/c;");
    expect_differences("p", "p =/a =/b =/c =/d !/a !/b !/c", "p/a;p/b;p/c;p/d;p/a;p/b;p/c;");
    expect_differences("p /a>>q /b>q /c>>q", "p /a>q /b>>q /c>>q", "p/a;p/b;");
}
