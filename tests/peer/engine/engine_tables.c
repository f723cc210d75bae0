/* SPDX-License-Identifier: Apache-2.0 */
/* Tables through many edits, while connections are lost, processes end, and disks fail or fill up:
 * in the end all devices show the same, everything that nobody deleted, and of each field what its
 * owner wrote last. */
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdlib.h>

enum { IDS = 14, STEPS = 70, LONG = 90000, SEEDS = 16 };

/* The first device writes balances, the second one notes, both of every row: so nothing of it is a
 * conflict, and what is there in the end is known. */
typedef struct {
    small_world *w;
    bool made[IDS], deleted[IDS];
    long balances[IDS];
    cf_buffer notes[IDS];
    long counter;
} history;

static table_row *row_of(history *self, table *rows, long id)
{
    table_row *row = table_find(rows, id);

    if (row || self->deleted[id])
        return row;
    if (self->made[id])
        return NULL; /* it is on its way */
    self->made[id] = true;
    cf_buffer_clear(&self->notes[id]);
    return table_add(rows, id, TABLE_NO_BALANCE, cf_bytes_of_text(""));
}

static void write_note(history *self, long id, table_row *row)
{
    cf_arena arena = {0};
    bool is_long = chance_below(&self->w->chance, 6) == 0;

    cf_buffer_clear(&row->note);
    cf_buffer_append_text(&row->note, "note %ld", ++self->counter);
    if (is_long) {
        cf_bytes noise = noise_text(self->w, LONG, &arena);

        cf_buffer_append(&row->note, noise.data, noise.size);
    }
    cf_buffer_clear(&self->notes[id]);
    cf_buffer_append(&self->notes[id], row->note.data, row->note.size);
    cf_arena_release(&arena);
}

static void edit(history *self, small_device *one)
{
    table rows = {0};

    user_reads_table(one, &rows);
    for (uint64_t edits = 1 + chance_below(&self->w->chance, 3); edits; edits--) {
        long id = (long)chance_below(&self->w->chance, IDS);
        table_row *row = row_of(self, &rows, id);

        if (!row)
            continue;
        if (chance_below(&self->w->chance, 12) == 0 && rows.count > 6) {
            self->deleted[id] = true;
            table_drop(&rows, id);
        } else if (one->number == 0) {
            row->balance = self->balances[id] = ++self->counter;
        } else {
            write_note(self, id, row);
        }
    }
    user_writes_table(one, &rows);
    table_release(&rows);
}

static void suffer(history *self, small_device *one)
{
    static const cf_status faults[] = {CF_IO, CF_FULL};

    switch (chance_below(&self->w->chance, 4)) {
    case 0:
        small_device_crash(one);
        break;
    case 1:
        small_broker_crash(self->w);
        break;
    default:
        one->faults =
            (disk_faults){.calls = one->faults.calls,
                          .at = one->faults.calls + 1 + chance_below(&self->w->chance, 40),
                          .once = chance_below(&self->w->chance, 2),
                          .reads = chance_below(&self->w->chance, 2),
                          .status = faults[chance_below(&self->w->chance, 2)]};
        small_device_round(one, &(cf_round_options){.kind = CF_ROUND_SYNC}, 60);
        small_device_crash(one);
        break;
    }
}

static void expect_as_written(const history *self, const table *rows, uint64_t seed)
{
    for (long id = 0; id < IDS; id++) {
        const table_row *row = table_find(rows, id);

        cr_assert(row || self->deleted[id] || !self->made[id], "seed %lu: row %ld is lost",
                  (unsigned long)seed, id);
        if (!row || self->deleted[id])
            continue; /* what was written last before a delete nobody may have seen */
        cr_assert(self->made[id], "seed %lu: row %ld was invented", (unsigned long)seed, id);
        cr_assert_eq(row->balance, self->balances[id], "seed %lu, row %ld: %ld, not %ld",
                     (unsigned long)seed, id, row->balance, self->balances[id]);
        cr_assert(cf_bytes_equal(cf_buffer_view(&row->note), cf_buffer_view(&self->notes[id])),
                  "seed %lu, row %ld: another note", (unsigned long)seed, id);
    }
}

static void try_history(uint64_t seed)
{
    history self = {.w = small_world_new(seed, 2)};
    small_world *w = self.w;
    cf_buffer difference = {0};
    table rows = {0};

    for (int id = 0; id < IDS; id++)
        self.balances[id] = TABLE_NO_BALANCE;
    small_world_bind_tables(w);
    w->loss = 15;
    for (int step = 0; step < STEPS; step++) {
        small_device *one = &w->devices[chance_below(&w->chance, 2)];
        uint64_t act = chance_below(&w->chance, 10);

        if (act < 4)
            edit(&self, one);
        else if (act < 9)
            small_device_round(
                one, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()},
                (unsigned)chance_below(&w->chance, 50));
        else
            suffer(&self, one);
        if (one->trouble)
            small_device_crash(one);
    }
    cr_assert(small_world_settle(w), "seed %lu: the world does not come to rest",
              (unsigned long)seed);
    cr_assert(small_world_tables_equal(w, &difference), "seed %lu: %.*s", (unsigned long)seed,
              (int)difference.size, (const char *)difference.data);
    user_reads_table(&w->devices[0], &rows);
    expect_as_written(&self, &rows, seed);
    table_release(&rows);
    cf_buffer_release(&difference);
    for (int id = 0; id < IDS; id++)
        cf_buffer_release(&self.notes[id]);
    small_world_destroy(&w);
}

Test(engine_tables, end_equal_with_all_that_was_written)
{
    const char *first = getenv("TABLES_SEED"), *count = getenv("TABLES_COUNT");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;

    for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : SEEDS); i++)
        try_history(from + i);
}
