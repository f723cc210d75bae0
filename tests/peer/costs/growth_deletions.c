/* SPDX-License-Identifier: Apache-2.0 */
/* A tree that goes, as `rm -r` has it: name by name, from the depth up, while both devices serve.
 * That it is gone costs as much as there was: here, where each name that vanished is looked for,
 * and there, where each goes. What is counted is how many stretches of the product's code are run
 * (the sources that look, judge and plan are compiled to tell of each); how often the receiver
 * brings a folder's names to the disk; and on which thread it has files unlinked and folders
 * removed. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include "peer/merge/covered.h"
#include "peer/sources/files/apply_inside.h"

#include <stdio.h>
#include <string.h>

enum { FEW = 32, SIZES = 3, BELOW = 4, FILES = 4, BATCH = 512, WATCHED_MS = 9000 };

static uint64_t stretches, synced, deletions;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

static cf_status count_sync(cf_files *files, const cf_folder *folder, cf_error *error)
{
    (void)files, (void)folder, (void)error;
    synced++;
    return CF_OK;
}

/* The engine's thread does steps; a disk that takes its time to free what a file held does so in
 * jobs. The linker brings calls here. */
static bool performs;
static uint64_t unlinked, unlinked_by_engine, removed, removed_by_engine;
static small_device *meanwhile; /* whose user puts another folder where one is about to go */

void __real_cf_applying_perform(cf_applying *applying);
void __wrap_cf_applying_perform(cf_applying *applying);

void __wrap_cf_applying_perform(cf_applying *applying)
{
    performs = true;
    __real_cf_applying_perform(applying);
    performs = false;
    if (meanwhile && applying->jobs) {
        user_removes(meanwhile, "goes");
        user_moves(meanwhile, "other", "goes");
        meanwhile = NULL;
    }
}

static uint64_t planned; /* groups, of those that are there again and after */

void __real_cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group,
                          cf_arena *arena, cf_plan *plan);
void __wrap_cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group,
                          cf_arena *arena, cf_plan *plan);

void __wrap_cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group,
                          cf_arena *arena, cf_plan *plan)
{
    planned++;
    __real_cf_plan_group(base, view, group, arena, plan);
}

static cf_status count_unlink(cf_files *files, const cf_folder *folder, cf_bytes name,
                              cf_error *error)
{
    unlinked++;
    unlinked_by_engine += performs;
    return cf_files_posix()->unlink(files, folder, name, error);
}

typedef void named(small_device *self, const char *path);

static void make_file(small_device *self, const char *path)
{
    user_writes_text(self, path, path);
}

/* node_modules/pNUMBER/lNUMBER, with files in each of them. */
static void each_file(small_device *self, int package, int library, named *visit)
{
    char path[64];

    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "node_modules/p%d/l%d/f%d", package, library, i);
        visit(self, path);
    }
}

static void make_packages(small_device *self, int folders)
{
    char path[64];

    user_makes(self, "node_modules");
    for (int i = 0; i < folders / (BELOW + 1); i++) {
        snprintf(path, sizeof path, "node_modules/p%d", i);
        user_makes(self, path);
        for (int k = 0; k < BELOW; k++) {
            snprintf(path, sizeof path, "node_modules/p%d/l%d", i, k);
            user_makes(self, path);
            each_file(self, i, k, make_file);
        }
    }
}

/* As fast as a disk is: all of it goes while the first of it is not yet looked for. */
static void remove_packages(small_device *self, int folders)
{
    char path[64];

    for (int i = 0; i < folders / (BELOW + 1); i++) {
        for (int k = 0; k < BELOW; k++) {
            each_file(self, i, k, user_removes);
            snprintf(path, sizeof path, "node_modules/p%d/l%d", i, k);
            user_removes(self, path);
            small_device_passes(self, SMALL_TURN_MS);
        }
        snprintf(path, sizeof path, "node_modules/p%d", i);
        user_removes(self, path);
    }
    user_removes(self, "node_modules");
}

static void expect_linear(uint64_t work(int folders))
{
    uint64_t counts[SIZES];

    for (int i = 0; i < SIZES; i++)
        counts[i] = work((BELOW + 1) * (FEW << i));
    cr_expect_gt(counts[0], FEW, "nothing is counted");
    for (int i = 1; i < SIZES; i++) /* what grows with its square comes near three times at these */
        cr_expect_lt(2 * counts[i], 5 * counts[i - 1], "%llu for %d, %llu for twice as many",
                     (unsigned long long)counts[i - 1], FEW << (i - 1),
                     (unsigned long long)counts[i]);
}

static small_world *world_of_packages(int folders)
{
    small_world *w = small_world_new(78, 2);

    user_writes_text(&w->devices[0], "stays", "it stays");
    make_packages(&w->devices[0], folders);
    settles_equal(w);
    small_device_serves(&w->devices[0]);
    small_device_passes(&w->devices[0], WATCHED_MS);
    return w;
}

static uint64_t work_of_author(int folders)
{
    small_world *w = world_of_packages(folders);

    const uint64_t before = stretches;
    remove_packages(&w->devices[0], folders);
    small_device_passes(&w->devices[0], WATCHED_MS);
    const uint64_t counted = stretches - before;
    settles_equal(w);
    cr_expect(!is_there(&w->devices[1], "node_modules"));
    small_world_destroy(&w);
    return counted;
}

Test(growth_deletions, that_are_seen_name_by_name_are_linear, .timeout = 240)
{
    expect_linear(work_of_author);
}

static void add_deletions(void *context, const cf_id *item)
{
    const cf_state *state = context;

    if (item->bytes[0] == CF_KIND_DIRECTORY)
        deletions += cf_deletion_count(state, cf_state_item(state, item));
}

/* Of all folders, in the author's state: each names the entries that delete it. */
static uint64_t deletions_of_folders(int folders)
{
    small_world *w = small_world_new(78, 1);
    small_device *author = &w->devices[0];
    cf_collection *collection;
    cf_error error;

    make_packages(author, folders);
    cr_assert(small_device_sync(author));
    user_removes(author, "node_modules");
    cr_assert(small_device_sync(author));
    expect_ok(
        cf_peer_collection(cf_engine_peer(author->engine), &w->collection, &collection, &error),
        error);
    deletions = 0;
    cf_state_each(collection->state, add_deletions, collection->state);
    small_world_destroy(&w);
    return deletions;
}

Test(growth_deletions, of_folders_are_told_by_the_entries_of_what_was_in_them, .timeout = 240)
{
    expect_linear(deletions_of_folders);
}

/* A folder that goes with all that was in it has no names to keep: only what it was in has. */
static uint64_t syncs_of_receiver(int folders)
{
    small_world *w = world_of_packages(folders);

    remove_packages(&w->devices[0], folders);
    small_device_passes(&w->devices[0], WATCHED_MS);
    w->files.sync_folder = count_sync;
    synced = 0;
    cr_assert(small_device_sync(&w->devices[1]));
    const uint64_t counted = synced;
    cr_expect(!is_there(&w->devices[1], "node_modules"));
    small_world_destroy(&w);
    return counted;
}

Test(growth_deletions, bring_few_folders_to_the_receivers_disk, .timeout = 240)
{
    for (int i = 0; i < SIZES; i++) {
        const int folders = (BELOW + 1) * (FEW << i);
        const int batches = folders * (FILES + 1) / BATCH + 1;
        const uint64_t counted = syncs_of_receiver(folders);

        cr_expect_gt(counted, 0, "nothing is counted");
        cr_expect_leq(counted, (uint64_t)(4 * batches), "%llu for %d folders",
                      (unsigned long long)counted, folders);
    }
}

static bool unlinks_in_jobs(small_world *w, uint64_t least)
{
    unlinked = unlinked_by_engine = 0;
    w->files.unlink = count_unlink;
    cr_assert(small_device_sync(&w->devices[1]));
    return unlinked >= least && unlinked_by_engine == 0;
}

Test(growth_deletions, hold_up_nobody_on_the_receivers_disk)
{
    small_world *w = small_world_new(79, 2);
    small_device *a = &w->devices[0];

    make_packages(a, FEW);
    settles_equal(w);
    for (int i = 0; i < FILES; i++)
        each_file(a, i, 0, user_removes);
    cr_assert(small_device_sync(a));
    cr_expect(unlinks_in_jobs(w, FILES * FILES), "%llu of %llu by the engine",
              (unsigned long long)unlinked_by_engine, (unsigned long long)unlinked);
    user_writes_text(a, "node_modules/p0/l1/f0", "another text");
    cr_assert(small_device_sync(a));
    cr_expect(unlinks_in_jobs(w, 1), "%llu of %llu by the engine",
              (unsigned long long)unlinked_by_engine, (unsigned long long)unlinked);
    expect_text(&w->devices[1], "node_modules/p0/l1/f0", "another text");
    small_world_destroy(&w);
}

/* ---- Folders ---- */

static cf_status count_removal(cf_files *files, const cf_folder *folder, cf_bytes name,
                               cf_error *error)
{
    removed++;
    removed_by_engine += performs;
    return cf_files_posix()->remove_folder(files, folder, name, error);
}

enum { AROUND = 40 };

static void removes_folders_in_jobs(int packages)
{
    const int folders = packages * (BELOW + 1) + 1;
    small_world *w = small_world_new(80, 2);

    make_packages(&w->devices[0], packages * (BELOW + 1));
    settles_equal(w);
    remove_packages(&w->devices[0], packages * (BELOW + 1));
    cr_assert(small_device_sync(&w->devices[0]));
    removed = removed_by_engine = 0;
    w->files.remove_folder = count_removal;
    cr_assert(small_device_sync(&w->devices[1]));
    cr_expect(!is_there(&w->devices[1], "node_modules"));
    cr_expect_eq(removed_by_engine, 0, "%llu of %llu by the engine",
                 (unsigned long long)removed_by_engine, (unsigned long long)removed);
    cr_expect_geq(removed, (uint64_t)folders);
    cr_expect_leq(removed, (uint64_t)(folders + AROUND), "%llu calls for %d folders",
                  (unsigned long long)removed, folders);
    small_world_destroy(&w);
}

Test(growth_deletions, of_folders_hold_up_nobody_either, .timeout = 240)
{
    for (int i = 0; i < SIZES; i++)
        removes_folders_in_jobs(FEW << i);
}

enum { DEEP = 60 };

/* Each of them waits for the one in it. */
Test(growth_deletions, of_folders_in_each_other_end_in_one_sync)
{
    small_world *w = small_world_new(81, 2);
    char path[2 * DEEP + 4] = "d";

    for (int i = 0; i < DEEP; i++, strcat(path, "/d"))
        user_makes(&w->devices[0], path);
    settles_equal(w);
    while (strlen(path) > 1) {
        path[strlen(path) - 2] = '\0';
        user_removes(&w->devices[0], path);
    }
    cr_assert(small_device_sync(&w->devices[0]));
    removed = removed_by_engine = 0;
    w->files.remove_folder = count_removal;
    cr_assert(small_device_sync(&w->devices[1]));
    cr_expect(!is_there(&w->devices[1], "d"));
    cr_expect_eq(removed_by_engine, 0);
    cr_expect_leq(removed, DEEP + AROUND);
    settles_equal(w);
    small_world_destroy(&w);
}

/* The engine has looked, the job has not begun: what it finds then is not the base's. */
Test(growth_deletions, leave_a_folder_that_took_the_place_of_one_that_goes)
{
    small_world *w = small_world_new(82, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "goes");
    user_makes(a, "other");
    user_writes_text(a, "stays", "it stays");
    settles_equal(w);
    user_removes(a, "goes");
    cr_assert(small_device_sync(a));
    meanwhile = b;
    removed = 0;
    w->files.remove_folder = count_removal;
    small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, SMALL_TURNS_MAX);
    cr_assert_null(meanwhile, "nothing was removed in a job");
    cr_expect(is_there(b, "goes"), "it was removed, though it is another");
    cr_expect_eq(removed, 0);
    settles_equal(w);
    cr_expect(is_there(a, "goes"));
    cr_expect(!is_there(a, "other"));
    small_world_destroy(&w);
}

/* ---- Held, and put back ---- */

static uint64_t work_of_sync(small_device *self)
{
    const uint64_t before = stretches;

    cr_assert(small_device_sync(self));
    return stretches - before;
}

typedef void tree_maker(small_device *self, int folders);

/* Each folder in the one before, with a file. */
static void make_nest(small_device *self, int folders)
{
    char path[1024] = "node_modules", file[1100];
    size_t size = strlen(path);

    for (int i = 0; i < folders; i++) {
        user_makes(self, path);
        for (int k = 0; k < FILES; k++) {
            snprintf(file, sizeof file, "%s/f%d", path, k);
            user_writes_text(self, file, file);
        }
        size += (size_t)snprintf(path + size, sizeof path - size, "/n");
    }
}

/* Of who holds what was deleted, and takes it for what is there again. `*first`: of the same, when
 * it came. */
static uint64_t work_of_meeting(tree_maker *make, int folders, uint64_t *first)
{
    small_world *w = small_world_new(80, 2);
    small_device *holds = &w->devices[0], *puts_back = &w->devices[1];
    const cf_round_options word = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};

    w->guarded = true;
    user_writes_text(puts_back, "stays", "it stays");
    make(puts_back, folders);
    cr_assert(small_device_sync(puts_back));
    *first = work_of_sync(holds);
    settles_equal(w);
    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    user_removes(puts_back, "node_modules");
    small_device_round(puts_back, &word, SMALL_TURNS_MAX);
    cr_assert(small_device_sync(holds));
    cr_assert_gt(small_device_pending(holds, NULL, CF_PENDING_SPARED), (size_t)folders);
    make(puts_back, folders);
    cr_assert(small_device_sync(puts_back));
    planned = 0;
    const uint64_t counted = work_of_sync(holds);
    cr_expect_eq(small_device_pending(holds, NULL, CF_PENDING_SPARED), 0);
    settles_equal(w);
    small_world_destroy(&w);
    return counted;
}

static uint64_t work_of_meeting_packages(int folders)
{
    uint64_t first;

    return work_of_meeting(make_packages, folders, &first);
}

Test(growth_deletions, that_are_held_and_put_back_are_linear, .timeout = 240)
{
    expect_linear(work_of_meeting_packages);
}

/* The way to each folder is a square of the depth, as when they came. */
Test(growth_deletions, that_are_held_in_each_other_are_put_back_as_they_came, .timeout = 240)
{
    uint64_t first[SIZES], counts[SIZES], plans[SIZES];

    for (int i = 0; i < SIZES; i++) {
        counts[i] = work_of_meeting(make_nest, FEW << i, &first[i]);
        plans[i] = planned;
    }
    for (int i = 1; i < SIZES; i++) {
        cr_expect_lt(2 * plans[i], 5 * plans[i - 1], "%llu groups planned, then %llu",
                     (unsigned long long)plans[i - 1], (unsigned long long)plans[i]);
        cr_expect_lt(counts[i] * first[i - 1] * 2, 3 * counts[i - 1] * first[i],
                     "%llu for %d deep, and %llu when they came; %llu for twice as deep, and %llu",
                     (unsigned long long)counts[i - 1], FEW << (i - 1),
                     (unsigned long long)first[i - 1], (unsigned long long)counts[i],
                     (unsigned long long)first[i]);
    }
}
