/* SPDX-License-Identifier: Apache-2.0 */
/* What one look at a table found is on other devices as a whole or not at all, though it takes
 * several entries, and whatever comes between them. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

enum { ACCOUNTS = 24, NOTE = 30000, TOTAL = ACCOUNTS * 100, PARTS_MIN = 2 };

/* ---- A bank ---- */

static void open_bank(small_world *in)
{
    table bank = {0};

    small_world_bind_tables(in);
    for (long id = 1; id <= ACCOUNTS; id++)
        table_add(&bank, id, 100, cf_bytes_of_text("new"));
    user_writes_table(&in->devices[0], &bank);
    settles_equal_by(small_world_tables_equal, in, "before", 0);
    table_release(&bank);
}

/* Money moves between all accounts, and each gets a note so long that they don't fit one entry. */
static void trade(small_device *self)
{
    cf_arena arena = {0};
    table bank = {0};

    cr_assert(user_reads_table(self, &bank));
    for (size_t i = 0; i < bank.count; i++) {
        cf_bytes note = noise_text(self->in, NOTE, &arena);
        long amount = (long)chance_below(&self->in->chance, 50);

        cf_buffer_clear(&bank.at[i].note);
        cf_buffer_append(&bank.at[i].note, note.data, note.size);
        bank.at[i].balance -= amount;
        bank.at[chance_below(&self->in->chance, bank.count)].balance += amount;
    }
    user_writes_table(self, &bank);
    table_release(&bank);
    cf_arena_release(&arena);
}

static void expect_balanced(const small_device *self, const char *when, unsigned long at)
{
    table bank = {0};
    long sum = 0;

    cr_assert(user_reads_table(self, &bank), "%s %lu", when, at);
    cr_assert_eq(bank.count, ACCOUNTS, "%s %lu", when, at);
    for (size_t i = 0; i < bank.count; i++)
        sum += bank.at[i].balance;
    cr_assert_eq(sum, TOTAL, "%s %lu: the sum is %ld", when, at, sum);
    table_release(&bank);
}

Test(engine_changesets, are_seen_whole_while_the_network_loses_connections)
{
    small_world *w = small_world_new(3, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_round_options round = {.kind = CF_ROUND_SYNC};

    open_bank(w);
    uint64_t entries = small_world_entries(w);
    w->loss = 200;
    for (unsigned step = 0; step < 20; step++) {
        if (step % 5 == 0)
            trade(a);
        small_device_round(a, &round, 2 + (unsigned)chance_below(&w->chance, 8));
        small_device_round(b, &round, 2 + (unsigned)chance_below(&w->chance, 8));
        expect_balanced(b, "step", step);
    }
    settles_equal_by(small_world_tables_equal, w, "at the end", 0);
    expect_balanced(b, "at the end", 0);
    cr_expect_gt(small_world_entries(w), entries + 4 * PARTS_MIN, "each took one entry");
    small_world_destroy(&w);
}

/* ---- Crashes ---- */

/* The process ends with some of the parts at the broker, or all, or none. True: with some. */
static bool crash_while_sending(unsigned seed)
{
    small_world *w = small_world_new(seed, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    table after = {0}, seen = {0};

    open_bank(w);
    uint64_t before = small_world_entries(w);
    trade(a);
    user_reads_table(a, &after);
    w->loss = 120;
    small_device_round(a, &(cf_round_options){.kind = CF_ROUND_SYNC}, 8);
    w->loss = 0;
    small_device_crash(a);
    uint64_t sent = small_world_entries(w);
    cr_assert(small_device_sync(b));
    expect_balanced(b, "seed", seed);
    settles_equal_by(small_world_tables_equal, w, "seed", seed);
    user_reads_table(b, &seen);
    cr_assert(tables_equal(&seen, &after), "seed %u: not as the user left it", seed);
    table_release(&seen);
    table_release(&after);
    bool some = sent > before && sent < small_world_entries(w);
    small_world_destroy(&w);
    return some;
}

Test(engine_changesets, are_sent_to_the_end_after_a_crash)
{
    unsigned some = 0;

    for (unsigned seed = 1; seed <= 24 || (some <= 1 && seed <= 240); seed++)
        some += crash_while_sending(seed);
    cr_assert_gt(some, 1, "no crash came between two parts");
}

static bool fails_at(bool publishes, unsigned long at)
{
    small_world *w = small_world_new(5, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1], *who = publishes ? a : b;
    table after = {0}, seen = {0};

    open_bank(w);
    trade(a);
    user_reads_table(a, &after);
    if (!publishes)
        cr_assert(small_device_sync(a));
    uint64_t first = who->faults.calls, entries = small_world_entries(w);
    who->faults = (disk_faults){.calls = first, .at = first + at, .status = CF_IO};
    small_device_sync(who);
    bool over = who->faults.calls < first + at;
    small_device_crash(who);
    expect_balanced(b, publishes ? "publishing" : "receiving", at);
    settles_equal_by(small_world_tables_equal, w, publishes ? "publishing" : "receiving", at);
    user_reads_table(b, &seen);
    cr_assert(tables_equal(&seen, &after), "%lu: not as the user left it", at);
    if (!publishes)
        cr_assert_eq(small_world_entries(w), entries, "receiving %lu: something was published", at);
    table_release(&seen);
    table_release(&after);
    small_world_destroy(&w);
    return over;
}

static void try_every(bool publishes)
{
    unsigned long at = 1;

    while (!fails_at(publishes, at))
        at++;
    cr_assert_gt(at, 3, "hardly anything was tried");
}

Test(engine_changesets, are_published_whole_or_again_where_the_disk_fails)
{
    try_every(true);
}

Test(engine_changesets, are_applied_whole_or_again_where_the_disk_fails)
{
    try_every(false);
}
