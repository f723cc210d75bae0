/* SPDX-License-Identifier: Apache-2.0 */
/* What one act of a user in a table costs two devices that serve: as costs.c, beside few rows of
 * the same table and many. A save writes the table anew, so code goes through each row; calls
 * don't. */
#include "tests/peer/costs/costs_world.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

enum { BALANCE = 100, LONG_ROW = 3, LONG = 90000 };

typedef costs_act act;

/* One row has a value that is kept beside the table, and need not come again. */
static void fill(small_device *of, size_t rows)
{
    static uint8_t text[LONG];
    uint32_t number = 1;
    table all = {0};

    for (size_t i = 0; i < LONG; i++) {
        number = number * 1664525 + 1013904223;
        text[i] = (uint8_t)('a' + (number >> 24) % 26);
    }
    for (size_t i = 0; i < rows; i++)
        table_add(&all, (long)i, BALANCE,
                  i == LONG_ROW ? cf_bytes_of(text, LONG) : cf_bytes_of_text("note"));
    user_writes_table(of, &all);
    table_release(&all);
}

static tally cost_beside(void *context, size_t rows)
{
    small_world *in = small_world_new(33, 2);

    costs_begin(in);
    small_world_bind_tables(in);
    fill(&in->devices[0], rows);
    costs_settle(in);
    costs_serve(in);
    const tally out = costs_of(in, *(act **)context);
    cf_buffer difference = {0};
    cr_expect(small_world_tables_equal(in, &difference), "the tables differ");
    cf_buffer_release(&difference);
    small_world_destroy(&in);
    return out;
}

TestSuite(costs_tables, .timeout = 240);

#define COST(name, known) COSTS(name, known, known, known)
#define COSTS(name, ...)                                                                           \
    static void name(small_device *first);                                                         \
    Test(costs_tables, of_##name)                                                                  \
    {                                                                                              \
        act *done = name;                                                                          \
                                                                                                   \
        tally_expect_linear(#name, cost_beside, &done, (const char *[]){__VA_ARGS__});             \
    }                                                                                              \
    static void name(small_device *first)

COST(an_edit_of_a_row, "gets 37, scans 12, shown 14, writes 13, records 21, stats 52, opens 48, "
                       "changes 3, reads 4, puts 1, syncs 8, jobs 21, messages 16")
{
    table rows = {0};

    cr_assert(user_reads_table(first, &rows));
    table_find(&rows, 7)->balance++;
    user_writes_table(first, &rows);
    table_release(&rows);
}

/* The value is here already, of another row. */
COST(a_long_value_that_is_copied,
     "gets 43, scans 13, shown 15, writes 13, records 26, stats 53, opens 49, changes 4, reads 4, "
     "puts 2, syncs 9, jobs 21, messages 16")
{
    table rows = {0};

    cr_assert(user_reads_table(first, &rows));
    const cf_bytes value = cf_buffer_view(&table_find(&rows, LONG_ROW)->note);
    table_row *other = table_find(&rows, LONG_ROW + 1);
    cf_buffer_clear(&other->note);
    cf_buffer_append(&other->note, value.data, value.size);
    user_writes_table(first, &rows);
    table_release(&rows);
}

COST(a_new_row, "gets 37, scans 12, shown 14, writes 12, records 20, stats 52, opens 48, changes "
                "3, reads 4, puts 1, syncs 8, jobs 21, messages 16")
{
    table rows = {0};

    cr_assert(user_reads_table(first, &rows));
    table_add(&rows, 1000000, BALANCE, cf_bytes_of_text("new"));
    user_writes_table(first, &rows);
    table_release(&rows);
}

COST(a_row_that_is_deleted, "gets 37, scans 12, shown 14, writes 12, records 20, stats 52, opens "
                            "48, changes 3, reads 4, puts 1, syncs 8, jobs 21, messages 16")
{
    table rows = {0};

    cr_assert(user_reads_table(first, &rows));
    table_drop(&rows, 7);
    user_writes_table(first, &rows);
    table_release(&rows);
}

COST(a_table_that_is_saved_as_it_is, "gets 5, stats 40, opens 39, reads 1, syncs 2, jobs 19")
{
    table rows = {0};

    cr_assert(user_reads_table(first, &rows));
    user_writes_table(first, &rows);
    table_release(&rows);
}

COST(nothing, "stats 36, opens 36, jobs 18")
{
    (void)first;
}
