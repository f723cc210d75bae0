/* SPDX-License-Identifier: Apache-2.0 */
/* What a row says that is one with another, and of which rows it says nothing. */
#include <stdlib.h>

#include "peer/records/row_same.h"
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

Test(row_same, says_a_row)
{
    cf_arena arena = {0};
    const cf_id item = {{'r', 1, 2, 3}};
    const cf_bytes said = cf_row_same_pack(&item, &arena);
    cf_id read;

    cr_assert(cf_row_same_read(said, &read));
    cr_expect(cf_id_equal(&read, &item));
    cr_expect(cf_row_field_is_tie(cf_bytes_of_text(CF_FIELD_SAME)),
              "older programs take it for a tie");
    cr_expect_not(cf_reference_item(said, &read), "that refers to no row");
    for (size_t size = 0; size < said.size; size++)
        cr_expect_not(cf_row_same_read(cf_bytes_of(said.data, size), &read), "cut at %zu", size);
    cf_arena_release(&arena);
}

/* What others wrote may be anything. */
Test(row_same, reads_nothing_else)
{
    static const uint8_t wrong[][6] = {
        {0x92, 0xa1, '@', 0xc4, 0}, {0x91, 0xa1, '='},    {0x92, 0xa1, '=', 1},
        {0x92, 0xa1, '=', 0xc4, 0}, {0x93, 0xa1, '=', 1}, {0x01},
    };
    static const size_t sizes[] = {5, 3, 4, 5, 4, 1};
    cf_id read;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        cr_expect_not(cf_row_same_read(cf_bytes_of(wrong[i], sizes[i]), &read), "%zu", i);
}

static cf_id item_at(const cf_row_view *view, const char *table, bool second)
{
    cf_id found[2] = {{{0}}};
    size_t count = 0;

    for (size_t i = 0; i < cf_row_view_count(view); i++)
        if (cf_bytes_equal(cf_row_view_at(view, i)->table, cf_bytes_of_text(table)))
            found[count++] = cf_row_view_at(view, i)->item;
    cr_assert(count == 2 || (count == 1 && !second), "%s: %zu", table, count);
    return found[second];
}

/* `from` says that it is `to`, and how many rows there are then. */
static size_t rows_after(rule_world *world, const cf_id *from, const cf_id *to, uint64_t sequence)
{
    const cf_dot dot = {.writer = {{'Z'}}, .sequence = sequence};
    const cf_change said = {.item = *from,
                            .field = cf_bytes_of_text(CF_FIELD_SAME),
                            .value = cf_row_same_pack(to, &world->arena),
                            .weak = true};

    cf_state_apply(world->state, &dot, (cf_time){100 + sequence, 0}, &said, 1, NULL);
    cf_row_view *view = cf_row_view_new(world->state, world->schema);
    const size_t count = cf_row_view_count(view);
    cf_row_view_destroy(&view);
    return count;
}

/* Who doesn't know what it is deletes it with a row. */
static size_t rows_without(rule_world *world, const cf_id *from, uint64_t sequence)
{
    const cf_dot dot = {.writer = {{'Y'}}, .sequence = 1};
    const cf_cover cover = {cf_bytes_of_text(CF_FIELD_SAME),
                            {.writer = {{'Z'}}, .sequence = sequence}};
    cf_change deletion = {.item = *from, .field = cf_bytes_of_text(CF_FIELD_DELETED)};
    cf_buffer value = {0};

    cf_covers_pack(&value, &cover, 1);
    deletion.value = cf_buffer_view(&value);
    cf_state_apply(world->state, &dot, (cf_time){200, 0}, &deletion, 1, NULL);
    cf_row_view *view = cf_row_view_new(world->state, world->schema);
    const size_t count = cf_row_view_count(view);
    cf_row_view_destroy(&view);
    cf_buffer_release(&value);
    return count;
}

/* A mistaken device says it of itself, of nothing, of a row of another table, of natural keys. */
Test(row_same, is_of_counted_rows_of_one_table)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema("tag # =/name;list #;card", &arena);
    rule_world world = rule_world_of(&schema);
    const cf_id nothing = {{'r', 9}};

    rule_world_write_apart(&world, 'A', 10, "tag 1 mark=a name=t;list 1 mark=l;card u mark=c");
    rule_world_write_apart(&world, 'B', 20, "tag 1 mark=b name=t;card v mark=d");
    cf_row_view *view = cf_row_view_new(world.state, &schema);
    const cf_id one = item_at(view, "tag", false), other = item_at(view, "tag", true);
    const cf_id list = item_at(view, "list", false);
    const cf_id card = item_at(view, "card", false), second = item_at(view, "card", true);
    cf_row_view_destroy(&view);
    cr_expect_eq(rows_after(&world, &one, &one, 1), 5);
    cr_expect_eq(rows_after(&world, &one, &nothing, 2), 5);
    cr_expect_eq(rows_after(&world, &one, &list, 3), 5);
    cr_expect_eq(rows_after(&world, &card, &second, 4), 5);
    cr_expect_eq(rows_after(&world, &one, &other, 5), 4);
    cr_expect_eq(rows_without(&world, &one, 5), 4, "what was said is not undone");
    cr_expect_eq(rows_after(&world, &other, &one, 6), 4, "each says it of the other");
    rule_world_end(&world);
    cf_arena_release(&arena);
}
