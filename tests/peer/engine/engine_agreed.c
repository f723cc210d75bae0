/* SPDX-License-Identifier: Apache-2.0 */
/* What a device wrote into its table before it crashed is no work of its user, though others have
 * changed it again by the time it looks. */
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <string.h>
#include <unistd.h>

enum { ROWS = 6, CALLS_MAX = 400 };

/* The process of `b` ends at a call of the first look that brings it a's work; a works on, and what
 * it does reaches b before b looks again, whose table is open for writing meanwhile. False: the
 * look had no such call. */
static bool crash_at(uint64_t call)
{
    const cf_round_options round = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    small_world *w = small_world_new(7, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer difference = {0};
    table rows = {0};

    small_world_bind_tables(w);
    user_writes_rows(a, ROWS, 1, 0);
    cr_assert(small_world_settle(w));
    user_writes_rows(a, ROWS, 2, 3);
    cr_assert(small_device_sync(a));
    b->faults = (disk_faults){.at = call, .status = CF_IO};
    small_device_round(b, &round, 40);
    bool struck = b->faults.calls >= call;
    small_device_crash(b);
    user_writes_rows(a, ROWS, 3, 0);
    cr_assert(small_device_sync(a));
    uint64_t entries = small_world_entries(w);
    int open_file = user_opens_table(b);
    small_device_round(b, &round, 40);
    close(open_file);
    cr_assert(small_world_settle(w), "call %lu: the world does not come to rest",
              (unsigned long)call);
    cr_assert(small_world_tables_equal(w, &difference), "call %lu: %.*s", (unsigned long)call,
              (int)difference.size, (const char *)difference.data);
    cr_expect_eq(small_world_entries(w), entries, "call %lu: published what nobody did",
                 (unsigned long)call);
    user_reads_table(b, &rows);
    cr_expect_eq(rows.count, ROWS);
    for (size_t i = 0; i < rows.count; i++)
        cr_expect_eq(rows.at[i].balance, 3, "call %lu: row %ld", (unsigned long)call,
                     rows.at[i].id);
    table_release(&rows);
    cf_buffer_release(&difference);
    small_world_destroy(&w);
    return struck;
}

Test(engine_agreed, what_was_written_before_a_crash_is_agreed)
{
    uint64_t call = 1;

    while (call < CALLS_MAX && crash_at(call))
        call++;
    cr_expect_gt(call, 10, "nothing was struck");
}

/* ---- Numbers that changed hands ---- */

static void write_one(small_device *self, long balance)
{
    table rows = {0};

    table_add(&rows, 1, balance, cf_bytes_of_text("note"));
    user_writes_table(self, &rows);
    table_release(&rows);
}

static bool edits(small_device *self, long balance, cf_bytes note)
{
    table rows = {0};
    bool found = false;

    user_reads_table(self, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.at[i].balance != balance)
            continue;
        cf_buffer_clear(&rows.at[i].note);
        cf_buffer_append(&rows.at[i].note, note.data, note.size);
        found = true;
    }
    if (found)
        user_writes_table(self, &rows);
    table_release(&rows);
    return found;
}

static void expect_row(small_device *self, long balance, cf_bytes note, uint64_t call)
{
    table rows = {0};
    size_t found = 0;

    user_reads_table(self, &rows);
    for (size_t i = 0; i < rows.count; i++)
        found +=
            rows.at[i].balance == balance && cf_bytes_equal(cf_buffer_view(&rows.at[i].note), note);
    cr_expect_eq(found, 1, "call %lu: %ld, %.9s stands there %zu times", (unsigned long)call,
                 balance, (const char *)note.data, found);
    cr_expect_eq(rows.count, 2, "call %lu: %zu rows", (unsigned long)call, rows.count);
    table_release(&rows);
}

/* Both have counted to 1; b's row makes room for a's, and b ends at a call of that look. Its user
 * edits a's row before b looks again, by a value that may have to be sent for itself. */
static bool crash_in_exchange_at(uint64_t call, size_t size)
{
    const cf_bytes note = cf_bytes_of_text("note");
    const cf_round_options round = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    small_world *w = small_world_new(7, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_arena arena = {0};
    cf_bytes edit = noise_text(w, size, &arena);

    small_world_count_up(w);
    small_world_bind_tables(w);
    cr_assert(small_world_settle(w));
    write_one(a, 10);
    cr_assert(small_device_sync(a));
    write_one(b, 20);
    b->faults = (disk_faults){.at = call, .status = CF_IO};
    small_device_round(b, &round, 40);
    bool struck = b->faults.calls >= call;
    small_device_crash(b);
    bool edited = edits(b, 10, edit);
    cr_assert(small_world_settle(w), "call %lu: the world does not come to rest",
              (unsigned long)call);
    for (size_t i = 0; i < 2; i++) {
        expect_row(&w->devices[i], 10, edited ? edit : note, call);
        expect_row(&w->devices[i], 20, note, call);
    }
    cf_arena_release(&arena);
    small_world_destroy(&w);
    return struck;
}

/* The base knew b's row as 1 still, and as 2, too: the edit counted as one of b's own row, which
 * was lost by it (worlds 11000108). */
Test(engine_agreed, a_row_that_made_room_before_a_crash_is_where_it_was_put)
{
    static const size_t sizes[] = {20, 100000};

    for (size_t i = 0; i < 2; i++) {
        uint64_t call = 1;

        while (call < CALLS_MAX && crash_in_exchange_at(call, sizes[i]))
            call++;
        cr_expect_gt(call, 10, "nothing was struck");
    }
}
