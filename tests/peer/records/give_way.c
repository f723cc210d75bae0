/* SPDX-License-Identifier: Apache-2.0 */
/* Which free value a row is shown with where another has the one that it wishes for. */
#include <stdlib.h>

#include "codec/limits.h"
#include "peer/records/row_instead.h"
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

/* What a device does, that knows what the first one made, or not even that, and nothing that others
 * did since. */
typedef struct {
    char device;
    uint64_t ms;
    const char *rows; /* that it has then */
    bool is_new;
} act;

enum { ACTS_MAX = 4 };

/* A writes the first rows at 10; then each does what it does. */
static void expect_shown_after(const char *tables, const char *first, const act acts[ACTS_MAX],
                               const char *expected)
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
    for (size_t i = 0; i < ACTS_MAX && acts[i].rows; i++) {
        cf_row_diff done;

        if (acts[i].is_new) {
            rule_world_write_apart(&world, acts[i].device, acts[i].ms, acts[i].rows);
            continue;
        }
        done = rule_world_scan(&world, known, base, acts[i].device, acts[i].ms, acts[i].rows);
        rule_world_publish(&world, &done);
    }
    expect_view(&world, expected);
    cf_rows_destroy(&base);
    cf_state_destroy(&known);
    rule_world_end(&world);
    cf_arena_release(&arena);
}

/* A writes twice, and B, who is new, between that; neither knows of the other. */
static void expect_shown_of_three(const char *tables, const char *first, const char *between,
                                  const char *last, const char *expected)
{
    const act acts[ACTS_MAX] = {{'B', 20, between, true}, {'A', 30, last, false}};

    expect_shown_after(tables, first, acts, expected);
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

/* Of list 1 the places 2 and 3 are another's, as 5 was told on its way to 4: of the lists in which
 * place 2 is free that says nothing, and 6 is in the next one. Whichever of the two is looked at
 * first. */
Test(record_give_way, tells_of_one_column_what_it_found_of_that_alone)
{
    for (char mark = 'f'; mark <= 'o'; mark++) {
        char second[] = "step 1 mark=? list=1 place=1 kind=4;step 2 mark=e list=0 place=2 kind=7";
        char expected[] = "step 1 kind=1 list=1 mark=a place=1;step 2 kind=2 list=1 mark=b place=2;"
                          "step 3 kind=3 list=1 mark=c place=3;step 4 kind=7 list=0 mark=d place=9;"
                          "step 5 kind=4 list=1 mark=? place=4;step 6 kind=7 list=2 mark=e place=2";

        *strchr(second, '?') = *strchr(expected, '?') = mark;
        expect_shown("step # =/list,/place =/kind,/list",
                     "step 1 mark=a list=1 place=1 kind=1;step 2 mark=b list=1 place=2 kind=2;"
                     "step 3 mark=c list=1 place=3 kind=3;step 4 mark=d list=0 place=9 kind=7",
                     second, expected);
    }
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

/* ---- Who goes back ---- */

/* 3 was step 3's before, and is step 2's by now, which gave way to it: nobody wishes for 3. */
Test(record_give_way, goes_back_to_nothing_that_another_was_given)
{
    expect_shown_of_three("step # =/place", "step 1 mark=a place=3",
                          "step 1 mark=b place=2;step 2 mark=c place=2", "step 1 mark=a place=2",
                          "step 1 mark=b place=2;step 2 mark=c place=3;step 3 mark=a place=4");
}

/* The first one makes room where that gives the other one all that it wishes for. */
Test(record_give_way, makes_room_only_for_who_has_all_else)
{
    static const char table[] = "step # =/place =/name";
    static const char first[] = "step 1 mark=f place=3 name=f;step 2 mark=o place=1 name=o";
    static const char moved[] = "step 1 mark=f place=2 name=f;step 2 mark=o place=1 name=o";

    /* else it has that */
    expect_shown_after(
        table, first,
        (const act[ACTS_MAX]){{'A', 20, moved, false},
                              {'B', 30,
                               "step 1 mark=f place=3 name=f;step 2 mark=o place=2 "
                               "name=o;step 3 mark=n place=1 name=n",
                               false}},
        "step 1 mark=f name=f place=3;step 2 mark=o name=o place=2;step 3 mark=n name=n place=1");
    /* another one has the name */
    expect_shown_after(table, first,
                       (const act[ACTS_MAX]){{'A', 20,
                                              "step 1 mark=f place=2 name=f;step 2 mark=o place=1 "
                                              "name=o;step 3 mark=z place=7 name=t",
                                              false},
                                             {'B', 30,
                                              "step 1 mark=f place=3 name=f;step 2 mark=o place=2 "
                                              "name=t;step 3 mark=n place=1 name=n",
                                              false}},
                       "step 1 mark=f name=f place=2;step 2 mark=o name=o place=3;step 3 mark=z "
                       "name=t place=7;step 4 mark=n name=n place=1");
    /* the first one itself has the name, and keeps that */
    expect_shown_after(
        table, first,
        (const act[ACTS_MAX]){{'A', 20, moved, false},
                              {'B', 30,
                               "step 1 mark=f place=3 name=f;step 2 mark=o place=2 "
                               "name=f;step 3 mark=n place=1 name=n",
                               false}},
        "step 1 mark=f name=f place=2;step 2 mark=o name=o place=3;step 3 mark=n name=n place=1");
}

/* z has the place, too, among its own kind, and has been nowhere else. */
Test(record_give_way, makes_room_where_nobody_else_is)
{
    static const char moved[] = "step 1 mark=f list=1 kind=1 place=2;"
                                "step 2 mark=o list=1 kind=2 place=1;"
                                "step 3 mark=z list=9 kind=2 place=2";
    static const char after[] = "step 1 mark=f list=1 kind=1 place=3;"
                                "step 2 mark=o list=1 kind=2 place=2;"
                                "step 3 mark=n list=1 kind=5 place=1";

    expect_shown_after("step # =/list,/place =/kind,/place",
                       "step 1 mark=f list=1 kind=1 place=3;step 2 mark=o list=1 kind=2 place=1",
                       (const act[ACTS_MAX]){{'A', 20, moved, false}, {'B', 30, after, false}},
                       "step 1 kind=1 list=1 mark=f place=2;step 2 kind=2 list=1 mark=o place=3;"
                       "step 3 kind=2 list=9 mark=z place=2;step 4 kind=5 list=1 mark=n place=1");
}

/* Who went back once does not go back in another column, too. */
Test(record_give_way, makes_room_once)
{
    static const char moved[] = "step 1 mark=f place=2 name=t;step 2 mark=o place=1 name=o;"
                                "step 3 mark=p place=5 name=p";
    static const char by_place[] = "step 1 mark=f place=3 name=f;step 2 mark=o place=2 name=o;"
                                   "step 3 mark=p place=5 name=p;step 4 mark=n place=1 name=n";
    static const char by_name[] = "step 1 mark=f place=3 name=f;step 2 mark=o place=1 name=o;"
                                  "step 3 mark=p place=5 name=t;step 4 mark=m place=8 name=p";
    static const char first[] = "step 1 mark=f place=3 name=f;step 2 mark=o place=1 name=o;"
                                "step 3 mark=p place=5 name=p";

    expect_shown_after(
        "step # =/place =/name", first,
        (const act[ACTS_MAX]){
            {'A', 20, moved, false}, {'B', 30, by_place, false}, {'C', 40, by_name, false}},
        "step 1 mark=f name=t place=3;step 2 mark=o name=o place=2;step 3 mark=p name=t (2) "
        "place=5;step 4 mark=n name=n place=1;step 5 mark=m name=p place=8");
    expect_shown_after("step # =/place =/name", first,
                       (const act[ACTS_MAX]){{'A', 20, moved, false},
                                             {'C', 30, by_name, false},
                                             {'B', 40, by_place, false}},
                       "step 1 mark=f name=f place=2;step 2 mark=o name=o place=3;step 3 mark=p "
                       "name=t place=5;step 4 mark=m name=p place=8;step 5 mark=n name=n place=1");
}

/* What the other one wishes for, too, and nobody has yet is no matter. */
Test(record_give_way, makes_room_for_who_comes_before_others_in_all_else)
{
    expect_shown_after(
        "step # =/place =/name",
        "step 1 mark=f place=3 name=f;step 2 mark=o place=1 name=o;step 3 mark=q place=5 name=q",
        (const act[ACTS_MAX]){
            {'A', 20,
             "step 1 mark=f place=2 name=f;step 2 mark=o place=1 name=o;step 3 mark=q place=5 "
             "name=q",
             false},
            {'B', 30,
             "step 1 mark=f place=3 name=f;step 2 mark=o place=2 name=t;step 3 mark=q place=5 "
             "name=q;step 4 mark=n place=1 name=n",
             false},
            {'C', 40,
             "step 1 mark=f place=3 name=f;step 2 mark=o place=1 name=o;step 3 mark=q place=2 "
             "name=t",
             false}},
        "step 1 mark=f name=f place=3;step 2 mark=o name=t place=2;step 3 mark=q name=q "
        "place=5;step 4 mark=n name=n place=1");
}

Test(record_give_way, makes_no_room_by_having_nothing)
{
    expect_shown_after(
        "step # =/place", "step 1 mark=f;step 2 mark=o place=1",
        (const act[ACTS_MAX]){
            {'A', 20, "step 1 mark=f place=2;step 2 mark=o place=1", false},
            {'B', 30, "step 1 mark=f;step 2 mark=o place=2;step 3 mark=n place=1", false}},
        "step 1 mark=f place=2;step 2 mark=o place=3;step 3 mark=n place=1");
}

static void publish_raised(rule_world *world, const cf_id *item)
{
    static const uint8_t one = 1;
    const cf_change raised = {.item = *item,
                              .field = cf_field_fixed(CF_FIELD_NUMBER_LEVEL),
                              .value = cf_bytes_of(&one, 1),
                              .weak = true};
    const cf_dot dot = {.writer = {{'P'}}, .sequence = 1};

    cf_state_apply(world->state, &dot, (cf_time){.ms = 25}, &raised, 1, NULL);
}

/* Only among equals: not where the first one was pinned, nor where the other one is there for the
 * sake of a row that refers to it alone. */
Test(record_give_way, makes_room_among_equals_alone)
{
    for (int way = 0; way < 3; way++) {
        static const char *const expected[] = {"step 1 mark=f place=3;note 1 mark=n step=2;step 2 "
                                               "mark=o place=2;step 3 mark=n place=1",
                                               "step 1 mark=f place=2;note 1 mark=n step=2;step 2 "
                                               "mark=o place=3;step 3 mark=n place=1",
                                               "step 1 mark=f place=2;note 1 mark=n step=2;step 2 "
                                               "mark=o place=3;step 3 mark=n place=1"};
        cf_arena arena = {0};
        const cf_schema schema = made_schema("step # =/place;note # /step>step", &arena);
        rule_world world = rule_world_of(&schema);
        cf_rows *base = cf_rows_new();

        const cf_row_diff made = rule_world_write(&world, base, 'A', 10, "step 1 mark=f place=3");
        rule_world_rebase(&world, base, &made);
        const cf_row_diff other =
            rule_world_write(&world, base, 'B', 11, "step 1 mark=f place=3;step 2 mark=o place=1");
        rule_world_rebase(&world, base, &other);
        const cf_row_diff noted =
            rule_world_scan(&world, world.state, base, 'C', 40,
                            "step 1 mark=f place=3;step 2 mark=o place=1;note 1 mark=n step=2");
        const cf_row_diff moved = rule_world_scan(&world, world.state, base, 'A', 20,
                                                  "step 1 mark=f place=2;step 2 mark=o place=1");
        const cf_row_diff after =
            rule_world_write(&world, base, 'B', 30,
                             "step 1 mark=f place=3;step 2 mark=o place=2;step 3 mark=n place=1");
        rule_world_rebase(&world, base, &after);
        if (way == 1)
            publish_raised(&world, &made.changes[0].item);
        if (way == 2)
            rule_world_write(&world, base, 'B', 35, "step 1 mark=f place=3;step 3 mark=n place=1");
        rule_world_publish(&world, &moved);
        rule_world_publish(&world, &noted);
        expect_view(&world, expected[way]);
        cf_rows_destroy(&base);
        rule_world_end(&world);
        cf_arena_release(&arena);
    }
}

/* Who was given something else in one tuple doesn't have others make room in the next one. */
Test(record_give_way, makes_no_room_for_who_moves_on_anyway)
{
    expect_shown_after(
        "step # =/code,/list =/code,/place",
        "step 1 mark=f code=3 list=1 place=2;step 2 mark=o code=7 list=1 place=1",
        (const act[ACTS_MAX]){
            {'A', 20, "step 1 mark=f code=7 list=1 place=2;step 2 mark=o code=7 list=1 place=1",
             false},
            {'B', 30,
             "step 1 mark=f code=3 list=1 place=2;step 2 mark=o code=7 list=1 place=2;"
             "step 3 mark=n code=7 list=9 place=1",
             false}},
        "step 1 code=7 list=1 mark=f place=2;step 2 code=7 list=2 mark=o place=3;step 3 code=7 "
        "list=9 mark=n place=1");
}

/* ---- What is free ---- */

/* What was given to a row that is held back with its parent is free again, and so is what was found
 * behind that. Of pages those of link 2, which is held back, are. */
Test(record_give_way, finds_free_what_a_row_was_given_that_is_held_back_since)
{
    static const char tables[] = "link # /page>page =/page !/page;page #;step # /link>link =/place";

    expect_shown_after(
        tables, "page 1 mark=p",
        (const act[ACTS_MAX]){
            {'A', 20,
             "page 1 mark=p;link 1 mark=a page=1;step 1 mark=x place=5;"
             "step 2 mark=y place=6",
             false},
            {'B', 30, "page 1 mark=p;link 1 mark=b page=1;step 1 mark=r place=5 link=1", false},
            {'C', 40, "page 1 mark=p;step 1 mark=s place=5", false}},
        "page 1 mark=p;link 1 mark=a page=1;step 1 mark=x place=5;step 2 mark=y place=6;step 3 "
        "mark=s place=7");
    expect_shown_after(
        "link # /page>page =/page !/page;page #;step # /link>link =/name", "page 1 mark=p",
        (const act[ACTS_MAX]){
            {'A', 20,
             "page 1 mark=p;link 1 mark=a page=1;step 1 mark=x name=t;"
             "step 2 mark=y name=t~(2)",
             false},
            {'B', 30, "page 1 mark=p;link 1 mark=b page=1;step 1 mark=r name=t link=1", false},
            {'C', 40, "page 1 mark=p;step 1 mark=s name=t", false}},
        "page 1 mark=p;step 1 mark=x name=t;link 1 mark=a page=1;step 2 mark=y name=t (2);step 3 "
        "mark=s name=t (3)");
    expect_shown_after(
        tables, "page 1 mark=p;step 1 mark=s place=9",
        (const act[ACTS_MAX]){
            {'A', 20,
             "page 1 mark=p;step 1 mark=s place=9;link 1 mark=a page=1;step 2 mark=x place=5;"
             "step 3 mark=y place=8",
             false},
            {'B', 30,
             "page 1 mark=p;step 1 mark=s place=9;link 1 mark=b page=1;step 2 mark=r place=8 "
             "link=1",
             false},
            {'C', 40, "page 1 mark=p;step 1 mark=s place=5", false}},
        "page 1 mark=p;step 1 mark=s place=9;link 1 mark=a page=1;step 2 mark=x place=5;step 3 "
        "mark=y place=8");
}

/* Behind the largest number there is none; what is less than none counts up, too. */
Test(record_give_way, counts_from_the_least_number_to_the_largest)
{
    static const char table[] = "step # =/place";

    expect_shown(table, "step 1 mark=a place=9223372036854775807",
                 "step 1 mark=b place=9223372036854775807",
                 "step 1 mark=a place=9223372036854775807;step 2 mark=b");
    expect_shown(table,
                 "step 1 mark=a place=9223372036854775806;step 2 mark=b place=9223372036854775807",
                 "step 1 mark=c place=9223372036854775806",
                 "step 1 mark=a place=9223372036854775806;step 2 mark=b "
                 "place=9223372036854775807;step 3 mark=c");
    expect_shown(table, "step 1 mark=a place=-5", "step 1 mark=b place=-5",
                 "step 1 mark=a place=-5;step 2 mark=b place=-4");
}

/* A tuple in which the row has nothing blocks nothing. */
Test(record_give_way, asks_no_tuple_in_which_it_has_nothing)
{
    expect_shown("tag # =/name =/list,/name", "tag 1 mark=a name=t", "tag 1 mark=b name=t",
                 "tag 1 mark=a name=t;tag 2 mark=b name=t (2)");
}

/* What one tuple passed says nothing of the other: d is the second of its kind. */
Test(record_give_way, leaves_no_word_of_what_another_tuple_passed)
{
    static const char tables[] = "tag # =/list,/name =/kind,/name";

    expect_shown_after(
        tables, "tag 1 mark=a list=1 kind=1 name=t",
        (const act[ACTS_MAX]){{'B', 20,
                               "tag 1 mark=b list=1 kind=5 name=t~(2);tag 2 mark=e list=1 kind=6 "
                               "name=t~(3)",
                               true},
                              {'C', 30, "tag 1 mark=c list=1 kind=1 name=t", true},
                              {'D', 40, "tag 1 mark=d list=2 kind=1 name=t", true}},
        "tag 1 kind=1 list=1 mark=a name=t;tag 2 kind=6 list=1 mark=e name=t (3);tag 3 kind=5 "
        "list=1 mark=b name=t (2);tag 4 kind=1 list=1 mark=c name=t (4);tag 5 kind=1 list=2 mark=d "
        "name=t (2)");
}

/* ---- References ---- */

/* The row that shows this mark. */
static const cf_row *marked(const cf_row_view *view, const char *mark, cf_arena *arena)
{
    const cf_bytes text = made_text(mark, arena);
    const cf_row *found = NULL;

    for (size_t i = 0; !found && i < cf_row_view_count(view); i++) {
        const cf_row_field *field =
            cf_row_field_named(cf_row_view_at(view, i), cf_bytes_of_text("/mark"));

        if (field && cf_bytes_equal(field->values[0], text))
            found = cf_row_view_at(view, i);
    }
    cr_assert_not_null(found);
    return found;
}

/* Somebody says weakly that the link Q, which is of the person P, has this in the stead of P. */
static void say_instead(rule_world *world, cf_bytes value)
{
    const cf_dot dot = {.writer = {"somebody"}, .sequence = 1};
    const cf_time time = {.ms = 90};
    cf_row_view *view = cf_row_view_new(world->state, world->schema);
    const cf_row_instead said = {
        .value = value,
        .wish = cf_reference_to(&marked(view, "P", &world->arena)->item, value, &world->arena)};
    const cf_change change = {.item = marked(view, "Q", &world->arena)->item,
                              .field = cf_row_instead_field(cf_bytes_of_text("/of"), &world->arena),
                              .value = cf_row_instead_pack(&said, &world->arena),
                              .weak = true};

    cf_state_apply(world->state, &dot, time, &change, 1, NULL);
    cf_row_view_destroy(&view);
}

/* Only nothing stands in the stead of a reference: what stands there may be of a time when the
 * column referred to nothing. */
Test(record_give_way, takes_no_value_for_a_reference)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema("person #;link # /of>person =/of", &arena);
    rule_world world = rule_world_of(&schema);

    rule_world_write_apart(&world, 'A', 10, "person 1 mark=P;link 1 mark=Q of=1");
    say_instead(&world, made_int(7, &arena));
    expect_view(&world, "link 1 mark=Q of=1;person 1 mark=P");
    rule_world_end(&world);
    world = rule_world_of(&schema);
    rule_world_write_apart(&world, 'A', 10, "person 1 mark=P;link 1 mark=Q of=1");
    say_instead(&world, (cf_bytes){0});
    expect_view(&world, "link 1 mark=Q;person 1 mark=P");
    rule_world_end(&world);
    cf_arena_release(&arena);
}
