/* SPDX-License-Identifier: Apache-2.0 */
/* A device that joins gets the log before the key to it, which an owner's device publishes last:
 * all of it waits, and is folded then. Counted are the records of its private store, and the most
 * of them in one write. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_inside.h"

#include "peer/log/tables.h"
#include "tests/support/expect.h"

#include <stdio.h>

enum { SIZES = 3, FEW = 20, SAVES = 4, MANY = 2000, AT_ONCE = 12000 };

static uint64_t items, most;
static cf_status (*store_writes)(cf_store *store, const cf_hash *user, const cf_kv *records,
                                 size_t count, bool durable, cf_error *error);

static cf_status count_write(cf_store *store, const cf_hash *user, const cf_kv *records,
                             size_t count, bool durable, cf_error *error)
{
    for (size_t i = 0; i < count; i++)
        items += records[i].key.data[0] == CF_TABLE_ITEM;
    most = count > most ? count : most;
    return store_writes(store, user, records, count, durable, error);
}

static small_world *world_of_one(void)
{
    return small_world_new(83, 1);
}

/* The second device: it has had no home before. */
static void joins(small_world *w)
{
    small_device *newcomer = &w->devices[1];

    w->count = 2;
    *newcomer = (small_device){.in = w, .number = 1};
    small_device_admit(&w->devices[0], newcomer);
    cr_assert(small_device_sync(&w->devices[0]));
    cf_store *store = cf_home_store(newcomer->home);
    store_writes = store->write;
    store->write = count_write;
    items = most = 0;
    cr_assert(small_device_sync(newcomer));
    cr_assert_gt(items, 0, "nothing waited");
}

static void write_files(small_device *self, int count, int save)
{
    char path[32], text[32];

    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "f%d", i);
        snprintf(text, sizeof text, "%d, saved %d times", i, save);
        user_writes_text(self, path, text);
    }
    cr_assert(small_device_sync(self));
}

Test(growth_newcomer, saves_an_item_once_however_many_entries_name_it)
{
    uint64_t counts[SIZES];

    for (int k = 0; k < SIZES; k++) {
        small_world *w = world_of_one();

        for (int save = 1; save <= SAVES << k; save++)
            write_files(&w->devices[0], FEW, save);
        joins(w);
        counts[k] = items;
        small_device_bind_folder(&w->devices[1]);
        settles_equal(w);
        small_world_destroy(&w);
    }
    for (int k = 1; k < SIZES; k++)
        cr_expect_leq(counts[k], 2 * counts[0], "%llu after %d saves, %llu after %d",
                      (unsigned long long)counts[0], SAVES, (unsigned long long)counts[k],
                      SAVES << k);
}

/* What is on its way to the disk is in memory. */
Test(growth_newcomer, writes_a_long_log_piece_by_piece, .timeout = 240)
{
    for (int k = 0; k < SIZES; k++) {
        small_world *w = world_of_one();

        write_files(&w->devices[0], MANY << k, 1);
        joins(w);
        cr_expect_geq(items, (uint64_t)MANY << k);
        cr_expect_leq(most, AT_ONCE, "%llu records in one write, of %d files",
                      (unsigned long long)most, MANY << k);
        small_world_destroy(&w);
    }
}
