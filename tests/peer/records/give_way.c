/* SPDX-License-Identifier: Apache-2.0 */
/* Which free value a row is shown with where another has the one that it wishes for. */
#include <stdlib.h>

#include "codec/limits.h"
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

static int by_text(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_row *)left)->key, ((const cf_row *)right)->key);
}

/* By its keys. */
static void expect_view(rule_world *world, const char *expected)
{
    cf_row_view *view = cf_row_view_new(world->state, world->schema);
    const size_t count = cf_row_view_count(view);
    cf_row *rows = cf_arena_allocate(&world->arena, count, sizeof *rows);
    cf_buffer text = {0};

    for (size_t i = 0; i < count; i++)
        rows[i] = *cf_row_view_at(view, i);
    qsort(rows, count, sizeof *rows, by_text);
    for (size_t i = 0; i < count; i++) {
        cf_buffer_append_text(&text, "%s", i ? ";" : "");
        made_print(&rows[i], &text);
    }
    cr_expect(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(expected)),
              "\n  shown    %.*s\n  expected %s", (int)text.size, (const char *)text.data,
              expected);
    cf_buffer_release(&text);
    cf_row_view_destroy(&view);
}

/* What A and B write apart, and what is shown of that. */
static void expect_shown(const char *tables, const char *first, const char *second,
                         const char *expected)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema(tables, &arena);
    rule_world world = rule_world_of(&schema);

    rule_world_write_apart(&world, 'A', 10, first);
    rule_world_write_apart(&world, 'B', 20, second);
    expect_view(&world, expected);
    rule_world_end(&world);
    cf_arena_release(&arena);
}

/* A writes twice, and B, who is new, between that; neither knows of the other. */
static void expect_shown_of_three(const char *tables, const char *first, const char *between,
                                  const char *last, const char *expected)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema(tables, &arena);
    rule_world world = rule_world_of(&schema);
    cf_state *known = cf_state_new();
    cf_rows *base = cf_rows_new();

    const cf_row_diff made = rule_world_scan(&world, known, base, 'A', 10, first);
    const cf_dot dot = {.writer = made.input->writer, .sequence = made.input->sequence};
    rule_world_publish(&world, &made);
    cf_state_apply(known, &dot, made.input->time, made.changes, made.count, NULL);
    rule_world_rebase(&world, base, &made);
    rule_world_write_apart(&world, 'B', 20, between);
    const cf_row_diff edited = rule_world_scan(&world, known, base, 'A', 30, last);
    rule_world_publish(&world, &edited);
    expect_view(&world, expected);
    cf_rows_destroy(&base);
    cf_state_destroy(&known);
    rule_world_end(&world);
    cf_arena_release(&arena);
}

/* The number of "t (2)" is no number of "t": in whichever order the two are looked at. */
Test(record_give_way, numbers_a_text_and_what_looks_like_its_second)
{
    static const char tag[] = "tag # =/name";

    expect_shown(tag, "tag 1 mark=a name=t~(2);tag 2 mark=b name=t",
                 "tag 1 mark=c name=t~(2);tag 2 mark=d name=t",
                 "tag 1 mark=a name=t (2);tag 2 mark=b name=t;"
                 "tag 3 mark=c name=t (2) (2);tag 4 mark=d name=t (3)");
    expect_shown(tag, "tag 1 mark=a name=t;tag 2 mark=b name=t~(2)",
                 "tag 1 mark=c name=t;tag 2 mark=d name=t~(2)",
                 "tag 1 mark=a name=t;tag 2 mark=b name=t (2);"
                 "tag 3 mark=c name=t (3);tag 4 mark=d name=t (2) (2)");
    /* the ids of the rows, and with them the order, come of what is in them */
    for (char mark = 'e'; mark <= 'z'; mark++) {
        char second[] = "tag 1 mark=? name=t~(2);tag 2 mark=d name=t";
        char expected[] = "tag 1 mark=a name=t (2);tag 2 mark=b name=t;"
                          "tag 3 mark=? name=t (2) (2);tag 4 mark=d name=t (3)";

        *strchr(second, '?') = *strchr(expected, '?') = mark;
        expect_shown(tag, "tag 1 mark=a name=t~(2);tag 2 mark=b name=t", second, expected);
    }
}

/* What is compared without case is taken in both cases, and so is what is free. */
Test(record_give_way, numbers_a_text_in_whatever_case)
{
    static const char tag[] = "tag # =/name^";

    expect_shown(tag, "tag 1 mark=a name=home", "tag 1 mark=b name=Home",
                 "tag 1 mark=a name=home;tag 2 mark=b name=Home (2)");
    expect_shown(tag, "tag 1 mark=b name=Home", "tag 1 mark=a name=home",
                 "tag 1 mark=b name=Home;tag 2 mark=a name=home (2)");
    expect_shown(tag, "tag 1 mark=a name=home;tag 2 mark=c name=HOME~(2)", "tag 1 mark=b name=Home",
                 "tag 1 mark=a name=home;tag 2 mark=c name=HOME (2);tag 3 mark=b name=Home (3)");
    expect_shown("tag # =/name", "tag 1 mark=a name=home", "tag 1 mark=b name=Home",
                 "tag 1 mark=a name=home;tag 2 mark=b name=Home");
}

/* What was found of one column of a tuple is not known of another. */
Test(record_give_way, numbers_columns_of_one_tuple_apart)
{
    expect_shown("step # =/place,/name",
                 "step 1 mark=a name=t place=5;step 2 mark=b name=t place=6;"
                 "step 3 mark=c name=7 place=5;step 4 mark=d name=7 place=6",
                 "step 1 mark=e name=t place=5;step 2 mark=f name=t place=6;"
                 "step 3 mark=g name=7 place=5;step 4 mark=h name=7 place=6",
                 "step 1 mark=a name=t place=5;step 2 mark=b name=t place=6;"
                 "step 3 mark=c name=7 place=5;step 4 mark=d name=7 place=6;"
                 "step 5 mark=e name=t (2) place=5;step 6 mark=f name=t (2) place=6;"
                 "step 7 mark=g name=8 place=5;step 8 mark=h name=8 place=6");
}

/* 2 is another one's of the same kind, 3 one's in the same list. */
Test(record_give_way, finds_what_is_free_in_both_tuples)
{
    static const char *const tables[] = {"step # =/list,/place =/kind,/place",
                                         "step # =/kind,/place =/list,/place"};

    for (size_t i = 0; i < 2; i++)
        expect_shown(tables[i],
                     "step 1 mark=a list=1 kind=9 place=1;step 2 mark=b list=2 kind=1 place=2;"
                     "step 3 mark=c list=1 kind=9 place=3",
                     "step 1 mark=d list=1 kind=1 place=1",
                     "step 1 kind=9 list=1 mark=a place=1;step 2 kind=1 list=2 mark=b place=2;"
                     "step 3 kind=9 list=1 mark=c place=3;step 4 kind=1 list=1 mark=d place=4");
}

static void append_step(cf_buffer *out, int key, char mark, const char *name, int place)
{
    cf_buffer_append_text(out, "%sstep %d mark=%c name=%s place=%d", out->size ? ";" : "", key,
                          mark, name, place);
}

/* A text as long as an entry takes gets no number, and its place gives way, to one that is
 * higher: 6 is told nothing of places by the search for texts that passed there. */
Test(record_give_way, goes_on_with_another_column_where_a_text_is_too_long)
{
    static const char tables[] = "step # =/place,/name !/name";
    char name[CF_INLINE_MAX - 3 + 1] = ""; /* behind the head of the text */

    cf_arena arena = {0};

    memset(name, 'x', sizeof name - 1);
    for (int low = 5; low <= 6; low++) {
        cf_buffer first = {0}, second = {0}, shown = {0};

        append_step(&first, 1, 'a', name, low);
        append_step(&first, 2, 'b', name, 11 - low);
        append_step(&second, 1, 'c', name, low);
        append_step(&second, 2, 'd', name, 11 - low);
        append_step(&shown, 1, 'a', name, low);
        append_step(&shown, 2, 'b', name, 11 - low);
        append_step(&shown, 3, 'c', name, 8);
        append_step(&shown, 4, 'd', name, 7);
        expect_shown(tables, cf_arena_text(&arena, cf_buffer_view(&first)),
                     cf_arena_text(&arena, cf_buffer_view(&second)),
                     cf_arena_text(&arena, cf_buffer_view(&shown)));
        cf_buffer_release(&first);
        cf_buffer_release(&second);
        cf_buffer_release(&shown);
    }
    cf_arena_release(&arena);
}

/* What it got since in another column that is unique, and that nobody else claims, is no matter. */
Test(record_give_way, leaves_a_value_to_who_got_it_first)
{
    expect_shown_of_three("step # =/code =/name", "step 1 mark=a name=t code=1",
                          "step 1 mark=b name=t code=2", "step 1 mark=a name=t code=9",
                          "step 1 code=9 mark=a name=t;step 2 code=2 mark=b name=t (2)");
    /* where each got one of two first, the one that has both sooner */
    expect_shown_of_three("step # =/code =/name", "step 1 mark=a name=t code=1",
                          "step 1 mark=b name=t code=9", "step 1 mark=a name=t code=9",
                          "step 1 code=1 mark=a name=t (2);step 2 code=9 mark=b name=t");
}
