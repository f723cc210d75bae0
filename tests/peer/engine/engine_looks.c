/* SPDX-License-Identifier: Apache-2.0 */
/* A look at records compares what is there with what was agreed, and is short where nothing was
 * done. Whatever was done, it sees. */
#include "peer/sources/records/record_source_inside.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

enum { ROWS = 6, ENGINE_TABLE = 1 };

static void take(small_device *self, table *rows)
{
    *rows = (table){0};
    cr_assert(user_reads_table(self, rows));
}

static void edit_one(table *rows)
{
    table_find(rows, 2)->balance = 77;
}

static void empty_one(table *rows)
{
    table_find(rows, 2)->balance = TABLE_NO_BALANCE;
}

static void add_one(table *rows)
{
    table_add(rows, ROWS + 1, 7, cf_bytes_of_text("new"));
}

static void drop_one(table *rows)
{
    table_drop(rows, 3);
}

static void drop_one_and_add_one(table *rows)
{
    table_drop(rows, 3);
    add_one(rows);
}

static void swap_two(table *rows)
{
    table_row *a = table_find(rows, 1), *b = table_find(rows, 4);
    long balance = a->balance;

    a->balance = b->balance;
    b->balance = balance;
}

static void reorder(table *rows)
{
    table_row first = rows->at[0];

    rows->at[0] = rows->at[rows->count - 1];
    rows->at[rows->count - 1] = first;
}

static void do_nothing(table *rows)
{
    (void)rows;
}

static const struct {
    const char *name;
    void (*act)(table *rows);
    bool says_something;
} acts[] = {
    {"edit one", edit_one, true},
    {"empty one", empty_one, true},
    {"add one", add_one, true},
    {"drop one", drop_one, true},
    {"drop one and add one", drop_one_and_add_one, true},
    {"swap two", swap_two, true},
    {"reorder", reorder, false},
    {"do nothing", do_nothing, false},
};

static small_world *agreed_world(void)
{
    small_world *w = small_world_new(11, 2);
    table rows = {0};

    small_world_bind_tables(w);
    for (long id = 1; id <= ROWS; id++)
        table_add(&rows, id, 10 * id, cf_bytes_of_text("note"));
    user_writes_table(&w->devices[0], &rows);
    table_release(&rows);
    cr_assert(small_world_settle(w));
    return w;
}

static void act_on(small_device *self, size_t act, table *after)
{
    take(self, after);
    acts[act].act(after);
    user_writes_table(self, after);
}

static void expect_shown(small_world *w, const table *wanted, const char *act)
{
    for (int i = 0; i < w->count; i++) {
        table seen;

        take(&w->devices[i], &seen);
        cr_expect(tables_equal(&seen, wanted), "%s: device %d shows something else", act, i);
        table_release(&seen);
    }
}

Test(engine_looks, see_whatever_a_user_did)
{
    for (size_t act = 0; act < sizeof acts / sizeof *acts; act++)
        for (int who = 0; who < 2; who++) {
            small_world *w = agreed_world();
            uint64_t entries = small_world_entries(w);
            table after;

            act_on(&w->devices[who], act, &after);
            cr_assert(small_world_settle(w), "%s", acts[act].name);
            expect_shown(w, &after, acts[act].name);
            cr_expect_eq(small_world_entries(w) > entries, acts[act].says_something, "%s",
                         acts[act].name);
            table_release(&after);
            small_world_destroy(&w);
        }
}

/* The balance of one row, changed on one side; whatever is done on the other at once. */
Test(engine_looks, bring_what_others_did_beside_it)
{
    for (size_t act = 0; act < sizeof acts / sizeof *acts; act++) {
        small_world *w = agreed_world();
        table after, other;

        act_on(&w->devices[0], act, &after);
        take(&w->devices[1], &other);
        table_find(&other, 5)->balance = table_find(&after, 5)->balance = 55;
        user_writes_table(&w->devices[1], &other);
        cr_assert(small_world_settle(w), "%s", acts[act].name);
        expect_shown(w, &after, acts[act].name);
        table_release(&after);
        table_release(&other);
        small_world_destroy(&w);
    }
}

static size_t conflicts_of(small_device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, ENGINE_TABLE), &arena,
                     &status);
    size_t count = status.conflict_count;
    cf_arena_release(&arena);
    return count;
}

static void set_balance(small_device *self, long balance)
{
    table rows;

    take(self, &rows);
    table_find(&rows, 2)->balance = balance;
    user_writes_table(self, &rows);
    table_release(&rows);
}

/* Both write the same, so that what is shown stays while what it is made of changes: the next edit
 * replaces both. */
Test(engine_looks, agree_on_a_write_that_changes_nothing_to_be_seen)
{
    small_world *w = agreed_world();
    small_device *a = &w->devices[0], *b = &w->devices[1];

    set_balance(a, 5);
    set_balance(b, 5);
    cr_assert(small_world_settle(w));
    set_balance(a, 6);
    cr_assert(small_world_settle(w));
    cr_expect_eq(conflicts_of(a), 0);
    cr_expect_eq(conflicts_of(b), 0);
    small_world_destroy(&w);
}

/* Neither has seen the other's when it writes. */
Test(engine_looks, agree_on_two_writes_of_one_value)
{
    small_world *w = agreed_world();
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint64_t entries = small_world_entries(w);

    small_device_unplug(b);
    set_balance(b, 5);
    small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, 60);
    set_balance(a, 5);
    cr_assert(small_device_sync(a));
    b->offline = false;
    cr_assert(small_world_settle(w));
    cr_expect_eq(small_world_entries(w), entries + 2, "one of them was never written");
    set_balance(a, 6);
    cr_assert(small_world_settle(w));
    cr_expect_eq(conflicts_of(a), 0);
    cr_expect_eq(conflicts_of(b), 0);
    small_world_destroy(&w);
}

/* Else what was written last is shown, and the other one listed. */
Test(engine_looks, list_what_two_wrote_apart)
{
    small_world *w = agreed_world();
    small_device *a = &w->devices[0], *b = &w->devices[1];

    set_balance(a, 5);
    set_balance(b, 6);
    cr_assert(small_world_settle(w));
    cr_expect_eq(conflicts_of(a), 1);
    cr_expect_eq(conflicts_of(b), 1);
    small_world_destroy(&w);
}

/* Of a source that is written to all the time a fifth of the time is spent on looking, and however
 * large it is, it is looked at. */
Test(engine_looks, are_followed_by_a_rest)
{
    const uint64_t began = 1000000;

    cr_expect_eq(cf_record_source_rest(began, began), began);
    cr_expect_eq(cf_record_source_rest(began, began + 200), began + 200 + 800);
    cr_expect_eq(cf_record_source_rest(began, began + 60000), began + 60000 + 30000);
    cr_expect_eq(cf_record_source_rest(began, began + UINT32_MAX), began + UINT32_MAX + 30000);
    cr_expect_eq(cf_record_source_rest(began, began - 5000), began - 5000,
                 "the clock was set back");
}
