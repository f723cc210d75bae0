/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of two tables of one collection on one device, and a third on another one: in
 * the end all hold what was written last, and nothing else. */
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { BESIDE = 12, IDS = 12, STEPS = 70, SEEDS = 16, PLACES = 3 };

/* The tables of the first device, and the one of the second. Each field of each row has one of them
 * that writes it: so nothing is a conflict, and what is there in the end is known. */
typedef struct {
    small_world *w;
    small_device beside;
    small_device *places[PLACES];
    bool made[IDS], deleted[IDS];
    long balances[IDS], notes[IDS];
    long counter;
} history;

static table_row *row_of(history *self, table *rows, long id)
{
    table_row *row = table_find(rows, id);

    if (row || self->deleted[id] || self->made[id])
        return row; /* NULL: it is on its way, or gone */
    self->made[id] = true;
    return table_add(rows, id, TABLE_NO_BALANCE, cf_bytes_of_text(""));
}

static void edit(history *self, int place)
{
    table rows = {0};

    user_reads_table(self->places[place], &rows);
    for (uint64_t edits = 1 + chance_below(&self->w->chance, 4); edits; edits--) {
        long id = (long)chance_below(&self->w->chance, IDS);
        table_row *row = row_of(self, &rows, id);

        if (!row)
            continue;
        if (chance_below(&self->w->chance, 14) == 0 && rows.count > 6) {
            self->deleted[id] = true;
            table_drop(&rows, id);
            continue;
        }
        if (id % PLACES == place)
            row->balance = self->balances[id] = ++self->counter;
        if ((id + 1) % PLACES == place) {
            self->notes[id] = ++self->counter;
            cf_buffer_clear(&row->note);
            cf_buffer_append_text(&row->note, "note %ld", self->notes[id]);
        }
    }
    user_writes_table(self->places[place], &rows);
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
        one->offline = !one->offline;
        if (one->offline)
            small_device_unplug(one);
        break;
    default:
        one->faults =
            (disk_faults){.calls = one->faults.calls,
                          .at = one->faults.calls + 1 + chance_below(&self->w->chance, 60),
                          .once = chance_below(&self->w->chance, 2),
                          .reads = chance_below(&self->w->chance, 2),
                          .status = faults[chance_below(&self->w->chance, 2)]};
        small_device_round(one, &(cf_round_options){.kind = CF_ROUND_SYNC}, 60);
        small_device_crash(one);
        break;
    }
}

static void expect_row(const history *self, const table *rows, long id, uint64_t seed)
{
    const table_row *row = table_find(rows, id);
    char note[40] = "";

    cr_assert(row || self->deleted[id] || !self->made[id], "seed %lu: row %ld is lost",
              (unsigned long)seed, id);
    if (!row || self->deleted[id])
        return; /* what was written last before a delete nobody may have seen */
    cr_assert(self->made[id], "seed %lu: row %ld was invented", (unsigned long)seed, id);
    if (self->notes[id])
        snprintf(note, sizeof note, "note %ld", self->notes[id]);
    cr_assert_eq(row->balance, self->balances[id], "seed %lu, row %ld: %ld, not %ld",
                 (unsigned long)seed, id, row->balance, self->balances[id]);
    cr_assert(cf_bytes_equal(cf_buffer_view(&row->note), cf_bytes_of_text(note)),
              "seed %lu, row %ld: another note", (unsigned long)seed, id);
}

static void begin_history(history *self, uint64_t seed)
{
    *self = (history){.w = small_world_new(seed, 2)};
    self->beside = table_beside(&self->w->devices[0]);
    self->places[0] = &self->w->devices[0];
    self->places[1] = &self->beside;
    self->places[2] = &self->w->devices[1];
    for (int id = 0; id < IDS; id++)
        self->balances[id] = TABLE_NO_BALANCE;
    small_world_bind_tables(self->w);
    small_device_bind_table(&self->w->devices[0],
                            &(table_place){.at = &self->beside, .number = BESIDE});
    self->w->loss = 15;
}

static void try_history(uint64_t seed)
{
    history self;

    begin_history(&self, seed);
    for (int step = 0; step < STEPS; step++) {
        small_device *one = &self.w->devices[chance_below(&self.w->chance, 2)];
        uint64_t act = chance_below(&self.w->chance, 10);

        if (act < 4)
            edit(&self, (int)chance_below(&self.w->chance, PLACES));
        else if (act < 9)
            small_device_round(
                one, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()},
                (unsigned)chance_below(&self.w->chance, 50));
        else
            suffer(&self, one);
        if (one->trouble)
            small_device_crash(one);
    }
    cr_assert(small_world_settle(self.w), "seed %lu: the world does not come to rest",
              (unsigned long)seed);
    for (int place = 0; place < PLACES; place++) {
        table rows = {0};

        user_reads_table(self.places[place], &rows);
        for (long id = 0; id < IDS; id++)
            expect_row(&self, &rows, id, seed);
        table_release(&rows);
    }
    small_world_destroy(&self.w);
}

Test(engine_several_histories, end_equal_with_all_that_was_written)
{
    const char *first = getenv("SEVERAL_SEED"), *count = getenv("SEVERAL_COUNT");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;

    for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : SEEDS); i++)
        try_history(from + i);
}
