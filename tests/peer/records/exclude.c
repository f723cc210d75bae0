/* SPDX-License-Identifier: Apache-2.0 */
/* A text, and the members of an object of the same name: a document has room for one of both. */
#include "peer/records/record_resolve.h"

#include "codec/pack.h"
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const cf_schema_table page = {.name = NAME("page"), .kind = CF_KIND_RECORD};
static const cf_schema pages = {&page, 1};

static rule_world world;
static cf_rows *base;

static void enter(void)
{
    world = rule_world_of(&pages);
    rule_world_write_apart(&world, 'A', 10, "page p name=x");
    base = rule_world_applied(&world);
}

static void leave(void)
{
    cf_rows_destroy(&base);
    rule_world_end(&world);
}

TestSuite(exclude, .init = enter, .fini = leave);

/* Both do this at once; then all have the base of what is shown. */
static void write_both(const char *one, const char *later)
{
    cf_row_diff other = rule_world_scan(&world, world.state, base, 'B', 30, later);

    rule_world_write(&world, base, 'A', 20, one);
    rule_world_publish(&world, &other);
    cf_rows_destroy(&base);
    base = rule_world_applied(&world);
}

/* What is shown of the page, and how much is listed beside that. */
static void expect_page(const char *words, size_t listed)
{
    cf_row_view *view = cf_row_view_new(world.state, &pages);
    cf_buffer found = {0};
    size_t count;

    cr_assert_eq(cf_row_view_count(view), 1);
    made_print(cf_row_view_at(view, 0), &found);
    cf_buffer_append(&found, "", 1);
    cr_expect_str_eq((char *)found.data, words);
    cf_row_view_conflicts(view, &count);
    cr_expect_eq(count, listed, "%s: %zu are listed", words, count);
    cf_buffer_release(&found);
    cf_row_view_destroy(&view);
}

/* Which of the conflicts' fields is settled so, by the version of a number. */
static void settle(const char *field, size_t number)
{
    cf_row_view *view = cf_row_view_new(world.state, &pages);
    size_t count, at = 0;
    const cf_row_conflict *listed = cf_row_view_conflicts(view, &count);
    cf_row agreed = cf_row_view_agree(view, listed->row, &world.arena);
    const cf_dot dot = {.writer = {{'D'}}, .sequence = 1};
    cf_change *chosen;

    while (at + 1 < count && !cf_bytes_equal(listed[at].field, cf_bytes_of_text(field)))
        at++;
    const cf_row_contest contest = {world.state, &agreed, &page, &listed[at], 1};
    size_t made = cf_row_resolve(&contest, &(cf_keep){.kind = CF_KEEP_NUMBER, .number = number},
                                 &world.arena, &chosen);
    cr_assert_gt(made, 0);
    cf_change *still = cf_arena_allocate(&world.arena, made, sizeof *still);
    cr_assert_eq(cf_row_resolve_still(&contest, chosen, made, &world.arena, still), made);
    cf_state_apply(world.state, &dot, (cf_time){90, 0}, still, made, NULL);
    cf_row_view_destroy(&view);
}

Test(exclude, shows_the_later_of_a_text_and_an_object_and_lists_the_other)
{
    write_both("page p name=x look/name=dark look/size=9", "page p name=x look=light");
    expect_page("page p look=light name=x", 2);
    rule_world_write(&world, base, 'A', 40, "page p name=y look=light");
    expect_page("page p look=light name=y", 2);
}

Test(exclude, shows_a_later_object_whole)
{
    write_both("page p name=x look=light", "page p name=x look/name/first=dark look/size=9");
    expect_page("page p look/name/first=dark look/size=9 name=x", 1);
}

Test(exclude, knows_members_by_whole_names)
{
    write_both("page p name=x look=light", "page p name=x looks=dark look-2=y look~2/a=z");
    expect_page("page p look=light look-2=y looks=dark look~2/a=z name=x", 0);
}

Test(exclude, brings_nothing_back_for_who_clears_what_is_shown)
{
    write_both("page p name=x look/name=dark", "page p name=x look=light");
    rule_world_write(&world, base, 'A', 40, "page p name=x");
    expect_page("page p name=x", 0);
}

Test(exclude, shows_just_what_a_user_put_in_the_place_of_a_text)
{
    write_both("page p name=x look/name=dark look/size=9", "page p name=x look=light");
    rule_world_write(&world, base, 'A', 40, "page p name=x look/name=grey");
    expect_page("page p look/name=grey name=x", 0);
}

Test(exclude, keeps_the_text_or_the_members_by_a_users_word)
{
    static const struct {
        const char *field;
        size_t number;
        const char *words;
        size_t listed;
    } ends[] = {
        {"/look/name", 1, "page p look=light name=x", 1},
        {"/look/name", 2, "page p look/name=dark look/size=9 name=x", 0},
    };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        write_both("page p name=x look/name=dark look/size=9", "page p name=x look=light");
        settle(ends[i].field, ends[i].number);
        expect_page(ends[i].words, ends[i].listed);
        leave();
        enter();
    }
}

Test(exclude, keeps_the_members_or_the_text_by_a_users_word)
{
    static const char *const left[] = {"page p look/name=light look/size=9 name=x",
                                       "page p look=light name=x"};

    for (size_t number = 1; number <= 2; number++) {
        write_both("page p name=x look=light", "page p name=x look/name=light look/size=9");
        settle("/look", number);
        expect_page(left[number - 1], 0);
        leave();
        enter();
    }
}
