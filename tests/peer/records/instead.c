/* SPDX-License-Identifier: Apache-2.0 */
/* What a row says of a column that gives way: its field, its value, and their bounds. */
#include <stdlib.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/records/row_instead.h"
#include "peer/records/row_refs.h"
#include "tests/peer/records/made_row.h"
#include "tests/peer/records/made_schema.h"
#include "tests/support/expect.h"

static cf_bytes long_text(size_t size, cf_arena *arena)
{
    char *letters = cf_arena_allocate(arena, size, 1);
    cf_buffer packed = {0};

    memset(letters, 'x', size);
    cf_pack_text(&packed, cf_bytes_of(letters, size));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

Test(row_instead, belongs_to_a_column)
{
    cf_arena arena = {0};
    const cf_bytes column = cf_bytes_of_text("/columns/pos");
    const cf_bytes field = cf_row_instead_field(column, &arena);

    cr_expect(cf_bytes_equal(field, cf_bytes_of_text("/tie//columns/pos")));
    cr_expect(cf_bytes_equal(cf_row_instead_column(field), column));
    cr_expect(cf_row_field_is_tie(field), "older programs take it for a tie");
    cr_expect_eq(cf_row_instead_column(cf_bytes_of_text("/tie/person/mail")).size, 0);
    cr_expect_eq(cf_row_instead_column(cf_bytes_of_text("/tie//")).size, 0);
    cf_arena_release(&arena);
}

/* Five more bytes than the column's. */
Test(row_instead, has_a_name_that_a_field_can_have)
{
    cf_arena arena = {0};
    char column[CF_FIELD_MAX] = "/";

    memset(column + 1, 'c', sizeof column - 1);
    cr_expect_eq(cf_row_instead_field(cf_bytes_of(column, CF_FIELD_MAX - 5), &arena).size,
                 CF_FIELD_MAX);
    cr_expect_eq(cf_row_instead_field(cf_bytes_of(column, CF_FIELD_MAX - 4), &arena).size, 0);
    cf_arena_release(&arena);
}

Test(row_instead, says_a_value_or_nothing)
{
    cf_arena arena = {0};
    const cf_row_instead before = {.value = made_int(2, &arena)}, empty = {{0}, {0}};
    const cf_row_instead pinned = {made_text("home (2)", &arena), made_text("home", &arena)};
    cf_row_instead read;

    cr_assert(cf_row_instead_read(cf_row_instead_pack(&before, &arena), &read));
    cr_expect(cf_bytes_equal(read.value, before.value));
    cr_expect_eq(read.wish.size, 0);
    cr_assert(cf_row_instead_read(cf_row_instead_pack(&empty, &arena), &read));
    cr_expect_eq(read.value.size, 0);
    cr_assert(cf_row_instead_read(cf_row_instead_pack(&pinned, &arena), &read));
    cr_expect(cf_bytes_equal(read.value, pinned.value));
    cr_expect(cf_bytes_equal(read.wish, pinned.wish));
    cf_arena_release(&arena);
}

/* What it wishes for may be a row, and that alone of all lists; what stands there instead may not.
 */
Test(row_instead, wishes_for_a_row)
{
    cf_arena arena = {0};
    const cf_id item = {"a row"};
    const cf_bytes to = cf_reference_to(&item, (cf_bytes){0}, &arena);
    const cf_bytes nowhere = cf_reference_to(NULL, made_int(5, &arena), &arena);
    const cf_row_instead wishes[] = {{.wish = to}, {.wish = nowhere}};
    const cf_row_instead instead = {.value = to}, both = {.value = to, .wish = nowhere};
    cf_row_instead read;

    for (size_t i = 0; i < 2; i++) {
        cr_assert(cf_row_instead_read(cf_row_instead_pack(&wishes[i], &arena), &read));
        cr_expect_eq(read.value.size, 0);
        cr_expect(cf_bytes_equal(read.wish, wishes[i].wish));
    }
    cr_expect_eq(cf_row_instead_pack(&instead, &arena).size, 0);
    cr_expect_eq(cf_row_instead_pack(&both, &arena).size, 0);
    cf_arena_release(&arena);
}

Test(row_instead, says_no_more_than_an_entry_takes)
{
    cf_arena arena = {0};
    enum { AROUND = 1 + 2 + 3 }; /* the list, "=", the head of the text */
    const cf_row_instead most = {.value = long_text(CF_INLINE_MAX - AROUND, &arena)};
    const cf_row_instead more = {.value = long_text(CF_INLINE_MAX - AROUND + 1, &arena)};

    cr_expect_eq(cf_row_instead_pack(&most, &arena).size, CF_INLINE_MAX);
    cr_expect_eq(cf_row_instead_pack(&more, &arena).size, 0);
    cf_arena_release(&arena);
}

/* What others wrote may be anything. */
Test(row_instead, reads_nothing_else)
{
    static const uint8_t wrong[][6] = {
        {0x92, 0xa1, '@', 1},
        {0x91, 0xa1, '='},
        {0x94, 0xa1, '=', 1, 2, 3},
        {0x92, 0xa1, '=', 0x91, 1},
        {0x92, 0xa1, '=', 0x80},
        {0x93, 0xa1, '=', 1, 0x90},
        {0x93, 0xa1, '=', 0xc0, 0x91, 1},
        {0x01},
    };
    static const size_t sizes[] = {4, 3, 6, 5, 4, 5, 6, 1};
    cf_row_instead read;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        cr_expect_not(cf_row_instead_read(cf_bytes_of(wrong[i], sizes[i]), &read), "%zu", i);
}

Test(row_instead, is_of_columns_of_which_the_latest_value_counts_and_of_references)
{
    cf_arena arena = {0};
    const cf_schema_table table = made_table("item # /list>list /seen? /tel* =/list,/pos =/seen "
                                             "=/tel",
                                             &arena);

    cr_expect(cf_column_gives_way(&table, cf_bytes_of_text("/pos")));
    cr_expect(cf_column_gives_way(&table, cf_bytes_of_text("/list")));
    cr_expect(cf_column_refers(&table, cf_bytes_of_text("/list")));
    cr_expect_not(cf_column_refers(&table, cf_bytes_of_text("/pos")));
    cr_expect_not(cf_column_gives_way(&table, cf_bytes_of_text("/seen")));
    cr_expect_not(cf_column_gives_way(&table, cf_bytes_of_text("/tel")));
    cr_expect_not(cf_column_gives_way(&table, cf_bytes_of_text("/title")));
    cf_arena_release(&arena);
}
