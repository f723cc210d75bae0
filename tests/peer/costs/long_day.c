/* SPDX-License-Identifier: Apache-2.0 */
/* A long day of two devices that serve: what a save costs, by what was saved before, by how much
 * lies beside it. Stores are the real ones on a disk: what they pass over that is no longer there
 * is counted by RocksDB. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_folder.h"

#include "peer/merge/node.h"
#include "peer/merge/state.h"
#include "peer/sources/files/files_identity.h"
#include "tests/support/expect.h"
#include "tests/support/temporary.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 3000, SAVES = 8, STORES = 8, SIZES = 3, COUNT_ONLY = 2 };

/* ---- Stores on a disk, where a small world asks for stores in memory ---- */

static struct {
    const cf_store_memory_disk *disk;
    char path[64];
} stores[STORES];
static int store_count;

static const char *path_of_store(const cf_store_memory_disk *disk)
{
    for (int i = 0; i < store_count; i++)
        if (stores[i].disk == disk)
            return stores[i].path;
    cr_assert_lt(store_count, STORES);
    stores[store_count].disk = disk;
    temporary_pattern(stores[store_count].path, sizeof stores[store_count].path,
                      "counterfoil-store");
    cr_assert(mkdtemp(stores[store_count].path));
    return stores[store_count++].path;
}

static void remove_stores(void)
{
    for (int i = 0; i < store_count; i++)
        folder_remove(stores[i].path);
    store_count = 0;
}

cf_store *__wrap_cf_store_memory_new(cf_store_memory_disk *disk);

cf_store *__wrap_cf_store_memory_new(cf_store_memory_disk *disk)
{
    uint8_t random[16] = {(uint8_t)(store_count + 1)};
    cf_store_options options = {.path = path_of_store(disk), .random = random};
    cf_store *store;
    cf_error error;

    expect_ok(cf_store_rocksdb_open(&options, &store, &error), error);
    return store;
}

/* ---- What is counted ---- */

typedef struct {
    uint64_t passed;   /* keys and values that are no longer there, at all stores */
    uint64_t scanned;  /* keys that are there, when tables are read through */
    uint64_t compared; /* nodes of the base and entries found, when a look decides */
    uint64_t walked;   /* nodes of the base that a folder is asked for */
    uint64_t read;     /* items of the state that are asked for, to see what is shown */
    uint64_t calls[2]; /* of each device, for files and its store */
} cost;

static uint64_t compared;

void __real_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);
void __wrap_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out);

void __wrap_cf_identity_decide(const cf_identity_input *input, cf_arena *arena, cf_identity *out)
{
    compared += input->node_count + input->listing->entry_count;
    __real_cf_identity_decide(input, arena, out);
}

static uint64_t items_read;

const cf_item *__real_cf_state_item(const cf_state *state, const cf_id *id);
const cf_item *__wrap_cf_state_item(const cf_state *state, const cf_id *id);

const cf_item *__wrap_cf_state_item(const cf_state *state, const cf_id *id)
{
    items_read++;
    return __real_cf_state_item(state, id);
}

static uint64_t children_walked;

const cf_node *__real_cf_nodes_next_child(const cf_nodes *nodes, uint64_t parent,
                                          const cf_node *previous);
const cf_node *__wrap_cf_nodes_next_child(const cf_nodes *nodes, uint64_t parent,
                                          const cf_node *previous);

const cf_node *__wrap_cf_nodes_next_child(const cf_nodes *nodes, uint64_t parent,
                                          const cf_node *previous)
{
    children_walked++;
    return __real_cf_nodes_next_child(nodes, parent, previous);
}

/* By turns in place and by a new file; and now and then a file comes and goes beside it. */
static void save(small_world *w, const char *path, int number)
{
    char text[32];

    snprintf(text, sizeof text, "save %d", number);
    user_saves(&w->devices[0], path, cf_bytes_of_text(text),
               number % 2 ? SAVE_BY_RENAME : SAVE_IN_PLACE);
    if (number % 4 == 0)
        user_writes_text(&w->devices[0], "d0/comes", text);
    if (number % 4 == 2)
        user_removes(&w->devices[0], "d0/comes");
    for (int i = 0; i < 1000 && !holds(&w->devices[1], path, text); i++)
        small_world_passes(w, SMALL_TURN_MS);
    cr_assert(holds(&w->devices[1], path, text), "%s", path);
}

/* Of some saves, each alone, together. */
static cost cost_of_saves(small_world *w, const char *path)
{
    rocksdb_perfcontext_t *perf = rocksdb_perfcontext_create();
    cost before = {.compared = compared, .read = items_read, .walked = children_walked}, out;

    for (int i = 0; i < w->count; i++) {
        w->devices[i].faults.reads = true;
        before.calls[i] = w->devices[i].faults.calls;
    }
    rocksdb_set_perf_level(COUNT_ONLY);
    rocksdb_perfcontext_reset(perf);
    for (int i = 0; i < SAVES; i++) {
        save(w, path, i);
        small_world_passes(w, SETTLE_MS);
    }
    out = (cost){
        .passed = rocksdb_perfcontext_metric(perf, rocksdb_internal_delete_skipped_count) +
                  rocksdb_perfcontext_metric(perf, rocksdb_internal_recent_skipped_count),
        .scanned = rocksdb_perfcontext_metric(perf, rocksdb_internal_key_skipped_count),
        .compared = compared - before.compared,
        .read = items_read - before.read,
        .walked = children_walked - before.walked,
    };
    for (int i = 0; i < w->count; i++) {
        out.calls[i] = w->devices[i].faults.calls - before.calls[i];
        w->devices[i].faults.reads = false;
    }
    rocksdb_perfcontext_destroy(perf);
    return out;
}

static void expect_equal(const char *what, const uint64_t counts[SIZES])
{
    for (int i = 1; i < SIZES; i++)
        cr_expect_leq(counts[i], counts[0] + counts[0] / 8 + 2 * SAVES,
                      "%s: %llu at first, %llu at the size %d", what, (unsigned long long)counts[0],
                      (unsigned long long)counts[i], i);
}

static void tell(const cost costs[SIZES])
{
    for (int i = 0; i < SIZES; i++)
        fprintf(stderr,
                "size %d: dead %llu, scanned %llu, compared %llu, read %llu, walked %llu, calls "
                "%llu and %llu\n",
                i, (unsigned long long)costs[i].passed, (unsigned long long)costs[i].scanned,
                (unsigned long long)costs[i].compared, (unsigned long long)costs[i].read,
                (unsigned long long)costs[i].walked, (unsigned long long)costs[i].calls[0],
                (unsigned long long)costs[i].calls[1]);
}

static void expect_same(const cost costs[SIZES])
{
    uint64_t counts[SIZES];

    if (getenv("LONG_DAY_LOUD"))
        tell(costs);
    for (int i = 0; i < SIZES; i++)
        counts[i] = costs[i].passed;
    expect_equal("dead keys passed", counts);
    for (int i = 0; i < SIZES; i++)
        counts[i] = costs[i].scanned;
    expect_equal("keys scanned", counts);
    for (int i = 0; i < SIZES; i++)
        counts[i] = costs[i].compared;
    expect_equal("nodes and entries compared", counts);
    for (int i = 0; i < SIZES; i++)
        counts[i] = costs[i].read;
    expect_equal("items read", counts);
    for (int i = 0; i < SIZES; i++)
        counts[i] = costs[i].walked;
    expect_equal("nodes walked", counts);
    for (int i = 0; i < SIZES; i++)
        counts[i] = costs[i].calls[0];
    expect_equal("calls of the author", counts);
    for (int i = 0; i < SIZES; i++)
        counts[i] = costs[i].calls[1];
    expect_equal("calls of the receiver", counts);
}

static void fill(small_world *w, const char *folder, int files)
{
    char path[64];

    user_makes(&w->devices[0], folder);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/f%d", folder, i);
        user_writes_text(&w->devices[0], path, path);
    }
}

/* Which serves, at rest. */
static small_world *begin(int folders, int files_each)
{
    small_world *w = small_world_new(9, 2);
    char folder[16];

    for (int i = 0; i < folders; i++) {
        snprintf(folder, sizeof folder, "d%d", i);
        fill(w, folder, files_each);
    }
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++)
        small_device_serves(&w->devices[i]);
    small_world_passes(w, 3 * SETTLE_MS);
    save(w, "d0/f0", -1);
    small_world_passes(w, SETTLE_MS);
    return w;
}

static void end(small_world *w)
{
    small_world_destroy(&w);
    remove_stores();
}

Test(long_day, a_save_costs_the_same_however_many_went_before)
{
    static const int before[SIZES] = {0, 60, 240};
    small_world *w = begin(1, 4);
    cost costs[SIZES];
    int saved = 0;

    for (int i = 0; i < SIZES; i++) {
        for (; saved < before[i]; saved++)
            save(w, "d0/f1", saved);
        small_world_passes(w, SETTLE_MS);
        costs[i] = cost_of_saves(w, "d0/f1");
    }
    expect_same(costs);
    end(w);
}

Test(long_day, a_save_costs_the_same_however_many_folders_there_are)
{
    cost costs[SIZES];

    for (int i = 0; i < SIZES; i++) {
        small_world *w = begin(8 << (2 * i), 4);

        costs[i] = cost_of_saves(w, "d0/f1");
        end(w);
    }
    expect_same(costs);
}

Test(long_day, a_save_costs_the_same_however_many_files_lie_beside_it)
{
    cost costs[SIZES];

    for (int i = 0; i < SIZES; i++) {
        small_world *w = begin(1, 32 << (2 * i));

        costs[i] = cost_of_saves(w, "d0/f1");
        end(w);
    }
    expect_same(costs);
}
