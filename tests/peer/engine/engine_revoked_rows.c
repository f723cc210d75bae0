/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of rows when a device is shut out. */
#include "tests/peer/small/shut_out.h"

#include "tests/peer/small/small_table.h"
#include "tests/support/expect.h"

static long balance_of(const small_device *self, long id)
{
    table all = {0};

    user_reads_table(self, &all);
    const table_row *row = table_find(&all, id);
    long balance = row ? row->balance : TABLE_NO_BALANCE;
    table_release(&all);
    return balance;
}

static void write_row(small_device *self, long id, long balance)
{
    table all = {0};

    user_reads_table(self, &all);
    table_drop(&all, id);
    table_add(&all, id, balance, cf_bytes_of_text("a note"));
    user_writes_table(self, &all);
    table_release(&all);
}

static size_t count_of(const small_device *self, long balance)
{
    table all = {0};
    size_t count = 0;

    user_reads_table(self, &all);
    for (size_t i = 0; i < all.count; i++)
        count += all.at[i].balance == balance;
    table_release(&all);
    return count;
}

/* All have row 1, and the owner hears of nothing more. The heads are those that will count. */
static scene a_table(uint64_t seed, bool counted, cf_heads *heads)
{
    scene s = a_scene(seed);

    if (counted)
        small_world_count_up(s.w);
    small_world_bind_tables(s.w);
    write_row(s.owner, 1, 10);
    cr_assert(small_world_settle(s.w));
    *heads = heads_of(s.owner, &s.id);
    small_device_unplug(s.owner);
    return s;
}

/* The suspect makes a row, and the other, who has heard of it, edits it. */
static void edit_the_suspects(const scene *s, long id)
{
    write_row(s->suspect, id, 70);
    cr_assert(small_device_sync(s->suspect));
    cr_assert(small_device_sync(s->other));
    write_row(s->other, id, 77);
    cr_assert(small_device_sync(s->other));
}

static void shut_out(scene *s, cf_heads *heads)
{
    revoke(s->owner, &s->id, heads);
    s->owner->offline = false;
    sync_both(s);
    cf_heads_release(heads);
}

/* Beside row 1, which is as it was. */
static void expect_all(scene *s, size_t count, const long (*balances)[2])
{
    for (small_device *each = s->owner; each; each = each == s->owner ? s->other : NULL) {
        cr_expect_eq(balance_of(each, 1), 10);
        for (size_t i = 0; i < count; i++)
            cr_expect_eq((long)count_of(each, balances[i][0]), balances[i][1], "of %ld",
                         balances[i][0]);
    }
}

/* World 1000488: the row of a device that is shut out went with all that was made of it since. */
Test(engine_revoked_rows, leaves_a_row_that_somebody_has_edited_since)
{
    cf_heads heads;
    scene s = a_table(1, false, &heads);

    write_row(s.suspect, 7, 70);
    write_row(s.suspect, 8, 80);
    cr_assert(small_device_sync(s.suspect));
    cr_assert(small_device_sync(s.other));
    cr_assert_eq(balance_of(s.other, 8), 80);
    write_row(s.other, 7, 77);
    cr_assert(small_device_sync(s.other));
    shut_out(&s, &heads);
    expect_all(&s, 3, (const long[][2]){{77, 1}, {70, 0}, {80, 0}});
    cr_expect_eq(balance_of(s.owner, 7), 77);
    scene_end(&s);
}

/* World 40723: it said "in sync" first, and told of the row only in the sync that followed. */
Test(engine_revoked_rows, tells_of_it_in_the_same_sync)
{
    cf_heads heads;
    scene s = a_table(4, false, &heads);

    edit_the_suspects(&s, 7);
    revoke(s.owner, &s.id, &heads);
    s.owner->offline = false;
    cr_assert(small_device_sync(s.owner));
    cr_assert(small_device_sync(s.other));
    cr_assert(small_device_sync(s.owner));
    cr_expect_eq(balance_of(s.owner, 7), 77);
    cf_heads_release(&heads);
    scene_end(&s);
}

/* World 3500305: another row has got its number meanwhile, and took its place. */
Test(engine_revoked_rows, leaves_it_also_where_another_row_has_its_number)
{
    cf_heads heads;
    scene s = a_table(2, true, &heads);

    edit_the_suspects(&s, 2);
    write_row(s.owner, 2, 20);
    shut_out(&s, &heads);
    expect_all(&s, 3, (const long[][2]){{77, 1}, {20, 1}, {70, 0}});
    scene_end(&s);
}

/* World 29000975: it had been given another number, which who edited it made its own: only of what
 * table it was nobody said any more. */
Test(engine_revoked_rows, leaves_it_also_where_somebody_gave_it_its_number)
{
    cf_heads heads;
    scene s = a_table(3, true, &heads);

    write_row(s.other, 2, 20);
    cr_assert(small_device_sync(s.other));
    write_row(s.suspect, 2, 70);
    cr_assert(small_device_sync(s.suspect));
    cr_assert(small_device_sync(s.other));
    cr_assert_eq(balance_of(s.other, 3), 70);
    write_row(s.other, 3, 77);
    cr_assert(small_device_sync(s.other));
    shut_out(&s, &heads);
    expect_all(&s, 3, (const long[][2]){{77, 1}, {20, 1}, {70, 0}});
    scene_end(&s);
}
