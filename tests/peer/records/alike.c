/* SPDX-License-Identifier: Apache-2.0 */
/* Rows made apart that are one by themselves, and what follows them. */
#include "peer/records/record_one.h"
#include "peer/records/row_alike.h"
#include "peer/records/row_same.h"
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

static const char tags[] = "tag # /seen~ /used? /in>list =/name =/slug;list #";

static const cf_alike_choice all = {.unites = true};

/* How many rows are said to be others, of what A and B wrote apart. */
static size_t count_alike(rule_world *world, const cf_alike_choice *choice)
{
    cf_row_view *view = cf_row_view_new(world->state, world->schema);
    cf_change_draft draft = {.arena = &world->arena};
    size_t count;

    cf_row_draft_alike(&draft, world->state, world->schema, view, choice);
    const cf_change *changes = cf_change_draft_changes(&draft, &count);
    for (size_t i = 0; i < count; i++) {
        cr_expect(cf_bytes_equal(changes[i].field, cf_bytes_of_text(CF_FIELD_SAME)));
        cr_expect(changes[i].weak);
        cr_expect_eq(changes[i].over_count, 0);
    }
    cf_change_draft_release(&draft);
    cf_row_view_destroy(&view);
    return count;
}

static void expect_alike(const char *tables, const char *first, const char *second, size_t expected)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema(tables, &arena);
    rule_world world = rule_world_of(&schema);

    rule_world_write_apart(&world, 'A', 10, first);
    rule_world_write_apart(&world, 'B', 20, second);
    cr_expect_eq(count_alike(&world, &all), expected, "%s | %s", first, second);
    rule_world_end(&world);
    cf_arena_release(&arena);
}

Test(row_alike, are_of_one_text_and_differ_in_nothing_else)
{
    expect_alike(tags, "tag 1 name=t", "tag 2 name=t mark=b", 1);
    expect_alike(tags, "tag 1 name=t mark=b", "tag 1 name=t", 1);
    expect_alike(tags, "tag 1 name=t mark=a", "tag 1 name=t mark=b", 0);
    expect_alike(tags, "tag 1 name=t seen=1 used=1", "tag 2 name=t seen=2 used=2", 1);
    expect_alike(tags, "tag 1 name=7", "tag 2 name=7 mark=b", 0);
    expect_alike("tag # =/name,/of", "tag 1 name=t of=u", "tag 2 name=t of=u mark=b", 0);
    expect_alike("tag # /in>list =/name,/in;list #", "tag 1 name=t in=1;list 1 mark=l",
                 "tag 2 name=t mark=b in=1;list 1 mark=l", 0);
    expect_alike("tag =/name", "tag u name=t", "tag v name=t mark=b", 0);
}

Test(row_alike, are_compared_with_all_that_are_one_by_now)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema(tags, &arena);
    rule_world world = rule_world_of(&schema);

    rule_world_write_apart(&world, 'A', 10, "tag 1 name=t");
    rule_world_write_apart(&world, 'B', 20, "tag 2 name=t mark=b");
    rule_world_write_apart(&world, 'C', 30, "tag 3 name=t mark=c");
    cr_expect_eq(count_alike(&world, &all), 1, "the one or the other");
    rule_world_write_apart(&world, 'D', 40, "tag 4 name=t size=l");
    cr_expect_eq(count_alike(&world, &all), 2);
    rule_world_end(&world);
    cf_arena_release(&arena);
}

/* Of the second column it is the wish that counts, not what is shown in its stead. */
Test(row_alike, may_have_two_such_columns)
{
    expect_alike(tags, "tag 1 name=t slug=s", "tag 2 name=t slug=s mark=b", 1);
    expect_alike(tags, "tag 1 name=t slug=s", "tag 2 name=t slug=r mark=b", 0);
    expect_alike(tags, "tag 1 name=t;tag 2 slug=s mark=a", "tag 3 name=t slug=s", 1);
}

Test(row_alike, refer_to_one_row)
{
    expect_alike(tags, "tag 1 name=t in=1;list 1 mark=l", "tag 2 name=t in=1;list 1 mark=l", 1);
    expect_alike(tags, "tag 1 name=t in=1;list 1 mark=l", "tag 2 name=t in=1;list 1 mark=k", 0);
}

static bool is_first(void *context, const cf_row *row)
{
    return cf_bytes_equal(row->key, *(const cf_bytes *)context);
}

Test(row_alike, are_both_meant)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema(tags, &arena);
    rule_world world = rule_world_of(&schema);

    rule_world_write_apart(&world, 'A', 10, "tag 1 name=t");
    rule_world_write_apart(&world, 'B', 20, "tag 2 name=t mark=b");
    for (int64_t key = 1; key <= 2; key++) {
        cf_bytes number = made_int(key, &arena);

        cr_expect_eq(count_alike(&world, &(cf_alike_choice){.unites = true,
                                                            .is_meant = is_first,
                                                            .context = &number}),
                     0);
    }
    cr_expect_eq(count_alike(&world, &all), 1);
    rule_world_end(&world);
    cf_arena_release(&arena);
}

/* One act may be several entries: its second part has the name of a row that is in the first. A
 * later act is another one. */
Test(row_alike, were_made_with_the_text_in_one_act)
{
    static const struct {
        uint64_t ms, counter;
        size_t expected;
    } parts[] = {{20, 1, 1}, {20, 2, 0}, {21, 0, 0}};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        cf_arena arena = {0};
        const cf_schema schema = made_schema(tags, &arena);
        rule_world world = rule_world_of(&schema);
        cf_rows *base = cf_rows_new();

        rule_world_write_apart(&world, 'A', 10, "tag 1 name=t");
        const cf_row_diff made =
            rule_world_scan(&world, world.state, base, 'B', 20, "tag 2 name=t mark=b");
        for (size_t k = 0; k < made.count; k++) {
            const bool is_name = cf_bytes_equal(made.changes[k].field, cf_bytes_of_text("/name"));
            const cf_dot dot = {.writer = made.input->writer, .sequence = is_name ? 6 : 5};
            const cf_time time =
                is_name ? (cf_time){parts[i].ms, parts[i].counter} : (cf_time){20, 0};

            cf_state_apply(world.state, &dot, time, &made.changes[k], 1, NULL);
        }
        cr_expect_eq(count_alike(&world, &all), parts[i].expected, "%zu", i);
        cf_rows_destroy(&base);
        rule_world_end(&world);
        cf_arena_release(&arena);
    }
}

/* ---- What is named by a text ---- */

/* By the column /guid, which needn't be unique. */
static void expect_named(const char *first, const char *second, size_t expected)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema("item # /in>item;word", &arena);
    const cf_natural_key keys[] = {
        {cf_bytes_of_text("item"), cf_bytes_of_text("/guid")},
        {cf_bytes_of_text("word"), cf_bytes_of_text("/guid")},
        {cf_bytes_of_text("none"), cf_bytes_of_text("/guid")},
    };
    const cf_alike_choice choice = {.keys = keys, .key_count = sizeof keys / sizeof *keys};
    rule_world world = rule_world_of(&schema);

    rule_world_write_apart(&world, 'A', 10, first);
    rule_world_write_apart(&world, 'B', 20, second);
    cr_expect_eq(count_alike(&world, &choice), expected, "%s | %s", first, second);
    rule_world_end(&world);
    cf_arena_release(&arena);
}

Test(row_alike, are_one_by_what_names_them)
{
    expect_named("item 1 guid=g mark=a", "item 1 guid=g mark=b", 1);
    expect_named("item 1 guid=g mark=a;item 2 guid=h", "item 1 guid=h mark=b;item 2 guid=g mark=b",
                 2);
    expect_named("item 1 guid=g mark=a", "item 1 guid=h mark=b", 0);
    expect_named("item 1 name=g", "item 1 guid=g mark=b", 0);
    expect_named("item 1 guid=g mark=a;item 2 guid=g mark=c", "item 1 guid=g mark=b", 1);
    expect_named("item 1 guid=g mark=a;item 2 guid=g mark=c",
                 "item 1 guid=g mark=b;item 2 guid=g mark=d", 1);
    expect_named("item 1 guid=7 mark=a", "item 1 guid=7 mark=b", 0); /* a number */
    expect_named("word u guid=g", "word v guid=g", 0);               /* its key is it */
}

/* A program that shows the second as "g (2)" adds another one: the stead is said from then on. What
 * names the row is what it wishes for, still. */
Test(row_alike, are_named_by_what_gives_way)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema("item # =/guid", &arena);
    const cf_natural_key key = {cf_bytes_of_text("item"), cf_bytes_of_text("/guid")};
    const cf_alike_choice choice = {.keys = &key, .key_count = 1};
    rule_world world = rule_world_of(&schema);

    rule_world_write_apart(&world, 'A', 10, "item 1 guid=g mark=a");
    rule_world_write_apart(&world, 'B', 20, "item 2 guid=g mark=b");
    cf_rows *shown = rule_world_applied(&world);
    rule_world_write(&world, shown, 'C', 30,
                     "item 1 guid=g mark=a;item 2 guid=g~(2) mark=b;item 3 guid=h");
    cr_expect_eq(count_alike(&world, &choice), 1);
    cf_rows_destroy(&shown);
    rule_world_end(&world);
    cf_arena_release(&arena);
}

/* ---- What follows them ---- */

/* Of what joins one tag by a word, or a number, in each. */
static size_t drafted(const char *first, const char *second)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema("tag # =/name;join # /tag>tag =/tag,/what", &arena);
    rule_world world = rule_world_of(&schema);
    cf_change_draft draft = {.arena = &arena};
    size_t count;

    rule_world_write_apart(&world, 'A', 10, first);
    rule_world_write_apart(&world, 'B', 20, second);
    cf_row_view *view = cf_row_view_new(world.state, &schema);
    cf_row_draft_alike(&draft, world.state, &schema, view, &all);
    cf_row_draft_held_as_one(&draft, world.state, &schema, view);
    cf_change_draft_changes(&draft, &count);
    cf_change_draft_release(&draft);
    cf_row_view_destroy(&view);
    rule_world_end(&world);
    cf_arena_release(&arena);
    return count;
}

Test(row_alike, join_what_says_the_same)
{
    cr_expect_eq(
        drafted("tag 1 name=t;join 1 tag=1 what=red", "tag 2 name=t mark=b;join 2 tag=2 what=red"),
        2);
    cr_expect_eq(drafted("tag 1 name=t;join 1 tag=1 what=red mark=c",
                         "tag 2 name=t mark=b;join 2 tag=2 what=red mark=d"),
                 1);
    cr_expect_eq(
        drafted("tag 1 name=t;join 1 tag=1 what=3", "tag 2 name=t mark=b;join 2 tag=2 what=3"), 1,
        "places in a list");
    cr_expect_eq(
        drafted("tag 1 name=t;join 1 tag=1 what=red", "tag 2 name=t mark=b;join 2 tag=2 what=blue"),
        1);
}
