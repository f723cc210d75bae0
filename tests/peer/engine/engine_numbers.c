/* SPDX-License-Identifier: Apache-2.0 */
/* Two devices that count up have given one number twice: the row that came later gets another one.
 * Whenever that happens, whatever waits meanwhile, no row is shown in two places, and what a user
 * does to one is there in the end. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"
#include "tests/support/short_form.h"

#include <time.h>

enum { LONG = 80000, TOO_LONG = 33 << 20, TURNS = 40 };

static void adds(small_device *self, long id, long balance, cf_bytes note)
{
    table rows = {0};

    user_reads_table(self, &rows);
    table_add(&rows, id, balance, note);
    user_writes_table(self, &rows);
    table_release(&rows);
}

/* All from 1 on, their balances from this one on. */
static void adds_up_to(small_device *self, long last, long balance, const char *note)
{
    table rows = {0};

    user_reads_table(self, &rows);
    for (long id = 1; id <= last; id++)
        table_add(&rows, id, balance + id - 1, cf_bytes_of_text(note));
    user_writes_table(self, &rows);
    table_release(&rows);
}

static void replaces_note(small_device *self, long id, cf_bytes note)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    table_row *row = table_find(&rows, id);
    cr_assert_not_null(row);
    cf_buffer_clear(&row->note);
    cf_buffer_append(&row->note, note.data, note.size);
    user_writes_table(self, &rows);
    table_release(&rows);
}

/* Its user changes every row that is there: the balances are 1001 and so on. */
static size_t edits_all(small_device *self)
{
    table rows = {0};

    user_reads_table(self, &rows);
    for (size_t i = 0; i < rows.count; i++)
        rows.at[i].balance = 1001 + (long)i;
    user_writes_table(self, &rows);
    size_t count = rows.count;
    table_release(&rows);
    return count;
}

static bool has_balance(const small_device *self, long balance)
{
    table rows = {0};
    bool found = false;

    user_reads_table(self, &rows);
    for (size_t i = 0; i < rows.count; i++)
        found |= rows.at[i].balance == balance;
    table_release(&rows);
    return found;
}

static size_t count_rows(const small_device *self)
{
    table rows = {0};

    user_reads_table(self, &rows);
    size_t count = rows.count;
    table_release(&rows);
    return count;
}

static void expect_edits(small_world *w, size_t edits, size_t rows, unsigned long at)
{
    settles_equal_by(small_world_tables_equal, w, "after the edits", at);
    for (size_t i = 0; i < edits; i++)
        cr_expect(has_balance(&w->devices[0], 1001 + (long)i), "%lu: edit %zu is lost", at, i);
    cr_expect_eq(count_rows(&w->devices[0]), rows, "%lu: %zu rows", at, count_rows(&w->devices[0]));
}

static void sync_for(small_device *self, unsigned turns)
{
    small_device_round(self, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
}

/* The second device has the number 1 first, but says so only now: the first has given it, too, and
 * more. */
static small_world *a_number_given_twice(uint64_t seed, long rows)
{
    small_world *w = small_world_new(seed, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_world_count_up(w);
    small_world_bind_tables(w);
    settles_equal_by(small_world_tables_equal, w, "empty", 0);
    small_device_unplug(b);
    adds(b, 1, 20, cf_bytes_of_text("theirs"));
    sync_for(b, 60);
    for (long id = 1; id <= rows; id++)
        adds(a, id, 10 * id, cf_bytes_of_text("ours"));
    cr_assert(small_device_sync(a));
    small_device_unplug(a); /* it hears of nothing */
    b->offline = false;
    cr_assert(small_device_sync(b));
    a->offline = false;
    return w;
}

/* The same, where the other's is long, and the first has not heard of it; it may be lost until the
 * other is there again. */
static small_world *a_number_waits_for_a_long_value(uint64_t seed, bool lost, cf_arena *arena)
{
    small_world *w = small_world_new(seed, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_world_count_up(w);
    small_world_bind_tables(w);
    adds(b, 1, 20, noise_text(w, LONG, arena));
    cr_assert(small_device_sync(b));
    small_device_unplug(b);
    if (lost)
        small_world_loses_blobs(w);
    adds(a, 1, 10, cf_bytes_of_text("ours"));
    return w;
}

/* World 35002280: the row was shown under both numbers, and of two edits one was lost. */
Test(engine_numbers, a_row_keeps_its_number_while_the_one_that_takes_it_is_on_its_way)
{
    for (unsigned turns = 1; turns <= TURNS; turns += one_in_few(1, 3)) {
        cf_arena arena = {0};
        small_world *w = a_number_waits_for_a_long_value(41, turns % 2, &arena);
        small_device *a = &w->devices[0];

        sync_for(a, turns);
        expect_edits(w, edits_all(a), 2, turns);
        cf_arena_release(&arena);
        small_world_destroy(&w);
    }
}

Test(engine_numbers, a_row_keeps_its_number_while_what_was_done_to_it_is_on_its_way)
{
    for (unsigned turns = 1; turns <= TURNS; turns += one_in_few(1, 3)) {
        cf_arena arena = {0};
        small_world *w = a_number_given_twice(42, 1);
        small_device *a = &w->devices[0];

        replaces_note(a, 1, noise_text(w, LONG, &arena));
        sync_for(a, turns);
        expect_edits(w, edits_all(a), 2, turns);
        cf_arena_release(&arena);
        small_world_destroy(&w);
    }
}

Test(engine_numbers, a_row_keeps_its_number_while_what_was_done_to_it_cannot_be_told)
{
    cf_arena arena = {0};
    small_world *w = a_number_given_twice(43, 1);
    small_device *a = &w->devices[0];

    replaces_note(a, 1, noise_text(w, TOO_LONG, &arena));
    sync_for(a, 60);
    cr_expect_eq(count_rows(a), 1);
    replaces_note(a, 1, cf_bytes_of_text("short"));
    expect_edits(w, edits_all(a), 2, 0);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

Test(engine_numbers, rows_whose_deletion_is_held_do_not_come_back_under_other_numbers)
{
    small_world *w = a_number_given_twice(44, 12);
    small_device *a = &w->devices[0];
    table none = {0};

    user_writes_table(a, &none);
    w->guarded = true;
    sync_for(a, 60);
    cr_expect_eq(count_rows(a), 0);
    w->guarded = false;
    settles_equal_by(small_world_tables_equal, w, "deleted", 0);
    cr_expect_eq(count_rows(a), 1);
    cr_expect(has_balance(a, 20));
    small_world_destroy(&w);
}

/* Its user puts what stands under this number there, too, or takes it away from where it was. */
static void copies(small_device *self, long from, long to, bool moves)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    table_row *row = table_find(&rows, from);
    if (row && row->balance == 10 && moves)
        row->id = to;
    else if (row && row->balance == 10)
        table_add(&rows, to, row->balance, cf_bytes_of_text("ours"));
    user_writes_table(self, &rows);
    table_release(&rows);
}

Test(engine_numbers, a_row_that_its_user_gives_the_number_that_it_got_elsewhere_is_that_row)
{
    cf_arena arena = {0};
    small_world *w = a_number_waits_for_a_long_value(45, true, &arena);
    small_device *a = &w->devices[0];

    sync_for(a, 60);
    copies(a, 1, 2, true);
    uint64_t entries = small_world_entries(w);
    sync_for(a, 60);
    cr_expect_eq(small_world_entries(w), entries, "it was told of, or deleted");
    expect_edits(w, edits_all(a), 2, 0);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

Test(engine_numbers, a_row_that_looks_as_one_does_elsewhere_is_another_while_that_is_there)
{
    cf_arena arena = {0};
    small_world *w = a_number_waits_for_a_long_value(46, true, &arena);
    small_device *a = &w->devices[0];

    sync_for(a, 60);
    copies(a, 1, 2, false);
    sync_for(a, 60);
    cr_assert_eq(count_rows(a), 2);
    expect_edits(w, edits_all(a), 3, 0);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

static void deletes_from(small_device *self, long id, long to)
{
    table rows = {0};

    cr_assert(user_reads_table(self, &rows));
    for (; id <= to; id++)
        table_drop(&rows, id);
    user_writes_table(self, &rows);
    table_release(&rows);
}

/* Both have given the numbers up to `rows`. The other's are shown above these; and then the first
 * gives the next one, too, so that each of those moves up by one with the other's next sync. */
static small_world *numbers_that_move_up(uint64_t seed, long rows)
{
    small_world *w = small_world_new(seed, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_world_count_up(w);
    small_world_bind_tables(w);
    settles_equal_by(small_world_tables_equal, w, "empty", 0);
    small_device_unplug(b);
    adds_up_to(a, rows, 100, "ours");
    cr_assert(small_device_sync(a));
    small_device_unplug(a);
    adds_up_to(b, rows, 501, "theirs");
    sync_for(b, 60);
    b->offline = false;
    cr_assert(small_device_sync(b));
    small_device_unplug(b);
    cr_assert_eq(count_rows(b), 2 * (size_t)rows);
    adds(a, rows + 1, 7, cf_bytes_of_text("next"));
    sync_for(a, 60);
    a->offline = false;
    cr_assert(small_device_sync(a));
    b->offline = false;
    return w;
}

Test(engine_numbers, a_row_keeps_its_number_while_the_one_whose_number_it_gets_cannot_be_read)
{
    cf_arena arena = {0};
    small_world *w = numbers_that_move_up(47, 2);
    small_device *b = &w->devices[1];

    replaces_note(b, 4, noise_text(w, TOO_LONG, &arena));
    sync_for(b, 60);
    cr_expect(has_balance(b, 501), "it is nowhere");
    replaces_note(b, 4, cf_bytes_of_text("short"));
    expect_edits(w, edits_all(b), 5, 0);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

Test(engine_numbers, a_row_keeps_its_number_while_the_deletion_of_the_one_that_had_its_next_is_held)
{
    small_world *w = numbers_that_move_up(48, 5);
    small_device *b = &w->devices[1];

    deletes_from(b, 1, 4);
    deletes_from(b, 9, 10);
    sync_for(b, 60);
    cr_expect(has_balance(b, 503), "it is nowhere");
    settles_equal_by(small_world_tables_equal, w, "deleted", 0);
    cr_expect_eq(count_rows(b), 5);
    cr_expect(has_balance(b, 503));
    small_world_destroy(&w);
}

/* Seconds of work. */
static double takes(small_device *self, unsigned turns)
{
    clock_t began = clock();

    sync_for(self, turns);
    return (double)(clock() - began) / CLOCKS_PER_SEC;
}

/* The last one can't move, so none can. */
Test(engine_numbers, many_rows_that_wait_for_each_other_cost_no_more_than_others)
{
    enum { LOOKS = 20, FACTOR = 20 };
    const long rows = 4000 / one_in_few(1, 2);
    cf_arena arena = {0};
    small_world *w = numbers_that_move_up(49, rows);
    small_device *b = &w->devices[1];

    replaces_note(b, 2 * rows, noise_text(w, LONG, &arena));
    double waits = takes(b, LOOKS);
    cr_assert(small_device_sync(b));
    replaces_note(b, 2 * rows, cf_bytes_of_text("short"));
    double none_waits = takes(b, LOOKS);
    cr_expect_leq(waits, FACTOR * none_waits, "%.2f s instead of %.2f", waits, none_waits);
    settles_equal_by(small_world_tables_equal, w, "over", 0);
    cr_expect_eq(count_rows(b), 2 * (size_t)rows + 1);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}
