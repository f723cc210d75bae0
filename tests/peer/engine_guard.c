/* SPDX-License-Identifier: Apache-2.0 */
/* What is not seen is not deleted: mass deletes wait for the user's word, on both sides, and of a
 * root that is not what it was nothing is published. */
#include "tests/peer/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <unistd.h>

enum { FILES = 12, MANY = 120, MOST = 70 };

static void name_file(int number, char name[16])
{
    snprintf(name, 16, "file%d", number);
}

static void remove_files(device *self, int count)
{
    char name[16];

    for (int i = 0; i < count; i++) {
        name_file(i, name);
        user_removes(self, name);
    }
}

static void write_files(device *self, int first, int end)
{
    char name[16];

    for (int i = first; i < end; i++) {
        name_file(i, name);
        user_writes_text(self, name, name);
    }
}

/* They are the first device's. */
static world *a_world_with(uint64_t seed, int files)
{
    world *w = world_new(seed, 2);

    w->guarded = true;
    write_files(&w->devices[0], 0, files);
    cr_assert(world_settle(w));
    return w;
}

static world *a_world_with_files(uint64_t seed)
{
    return a_world_with(seed, FILES);
}

static int count_of(const device *self, int files)
{
    char name[16], token[64];
    int count = 0;

    for (int i = 0; i < files; i++) {
        name_file(i, name);
        count += device_token(self, name, token);
    }
    return count;
}

static int count_files(const device *self)
{
    return count_of(self, FILES);
}

static cf_status trouble(device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    cf_arena_release(&arena);
    return status.trouble;
}

static void sync_with_the_word(device *self)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};

    cr_assert(device_round(self, &options, TURNS_MAX));
}

Test(engine_guard, holds_back_a_mass_delete_here_until_the_word_is_said)
{
    world *w = a_world_with(1, MANY);
    device *a = &w->devices[0], *b = &w->devices[1];
    uint64_t entries = world_entries(w);

    remove_files(b, MOST);
    cr_assert(world_settle(w));
    cr_expect_eq(world_entries(w), entries);
    cr_expect_eq(device_pending(b, NULL, CF_PENDING_HELD), MOST);
    cr_expect_eq(count_of(a, MANY), MANY);
    sync_with_the_word(b);
    cr_expect_eq(device_pending(b, NULL, CF_PENDING_HELD), 0);
    cr_expect_gt(world_entries(w), entries);
    cr_assert(device_sync(a));
    cr_expect_eq(device_pending(a, NULL, CF_PENDING_SPARED), MOST);
    sync_with_the_word(a);
    cr_expect_eq(count_of(a, MANY), MANY - MOST);
    world_destroy(&w);
}

Test(engine_guard, lets_half_of_many_pass)
{
    world *w = a_world_with(2, MANY);

    remove_files(&w->devices[1], MANY / 2);
    cr_assert(world_settle(w));
    cr_expect_eq(count_of(&w->devices[0], MANY), MANY - MANY / 2);
    world_destroy(&w);
}

/* A build tree: for an hour, on the device that made it and on the one that has it from there. */
Test(engine_guard, lets_pass_what_the_same_device_made_within_the_hour)
{
    const struct {
        uint64_t after_ms;
        bool goes;
    } cases[] = {{0, true}, {CF_GUARD_YOUNG_MS / 2, true}, {CF_GUARD_YOUNG_MS, false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world *w = a_world_with(11, FILES);
        device *a = &w->devices[0], *b = &w->devices[1];

        write_files(b, FILES, MANY);
        cr_assert(world_settle(w));
        w->now_ms += cases[i].after_ms;
        for (int k = FILES; k < MANY; k++) {
            char name[16];

            name_file(k, name);
            user_removes(b, name);
        }
        cr_assert(world_settle(w));
        cr_expect_eq(device_pending(b, NULL, CF_PENDING_HELD), cases[i].goes ? 0 : MANY - FILES);
        cr_expect_eq(count_of(a, MANY), cases[i].goes ? FILES : MANY, "after %d",
                     (int)cases[i].after_ms);
        cr_expect_eq(device_pending(a, NULL, CF_PENDING_SPARED), 0);
        world_destroy(&w);
    }
}

/* Two hours after both the receiver judges by what the entries say. */
Test(engine_guard, judges_what_comes_late_by_the_time_at_which_it_was_done)
{
    world *w = a_world_with(12, FILES);
    device *a = &w->devices[0], *b = &w->devices[1];

    write_files(b, FILES, MANY);
    cr_assert(world_settle(w));
    for (int k = FILES; k < MANY; k++) {
        char name[16];

        name_file(k, name);
        user_removes(b, name);
    }
    cr_assert(device_sync(b));
    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    cr_assert(device_sync(a));
    cr_expect_eq(count_of(a, MANY), FILES);
    cr_expect_eq(device_pending(a, NULL, CF_PENDING_SPARED), 0);
    world_destroy(&w);
}

/* What is new meanwhile grows older, too, and lets nothing go that is held. */
Test(engine_guard, holds_on_when_what_came_meanwhile_is_older)
{
    world *w = a_world_with(13, MANY);
    device *a = &w->devices[0], *b = &w->devices[1];

    remove_files(b, MOST);
    cr_assert(world_settle(w));
    write_files(b, MANY, 3 * MANY);
    cr_assert(world_settle(w));
    for (int crash = 0; crash < 2; crash++) {
        w->now_ms += 2 * CF_GUARD_YOUNG_MS;
        cr_assert(world_settle(w));
        cr_expect_eq(device_pending(b, NULL, CF_PENDING_HELD), MOST);
        cr_expect_eq(count_of(a, MANY), MANY);
        device_crash(b);
    }
    world_destroy(&w);
}

Test(engine_guard, holds_back_a_mass_delete_from_elsewhere)
{
    world *w = a_world_with_files(3);
    device *a = &w->devices[0], *b = &w->devices[1];

    remove_files(a, FILES);
    sync_with_the_word(a);
    cr_assert(device_sync(b));
    cr_expect_eq(count_files(b), FILES);
    cr_expect_eq(device_pending(b, NULL, CF_PENDING_SPARED), FILES);
    uint64_t entries = world_entries(w);
    cr_assert(world_settle(w));
    cr_expect_eq(world_entries(w), entries);
    device_crash(b);
    cr_assert(device_sync(b));
    cr_expect_eq(count_files(b), FILES, "a new process knows nothing of it");
    cr_expect_eq(device_pending(b, NULL, CF_PENDING_SPARED), FILES);
    sync_with_the_word(b);
    cr_expect_eq(device_pending(b, NULL, CF_PENDING_SPARED), 0);
    cr_expect_eq(count_files(b), 0);
    world_destroy(&w);
}

/* ---- The root ---- */

typedef struct {
    char folder[160], away[160];
} root_paths;

static root_paths paths_of(const device *self)
{
    root_paths paths;

    snprintf(paths.folder, sizeof paths.folder, "%s", self->folder);
    snprintf(paths.away, sizeof paths.away, "%s-away", self->folder);
    return paths;
}

static void expect_nothing_happens(world *w, cf_status expected)
{
    uint64_t entries = world_entries(w);

    for (int crash = 0; crash < 2; crash++) {
        for (int i = 0; i < 2; i++) {
            sync_with_the_word(&w->devices[0]);
            sync_with_the_word(&w->devices[1]);
        }
        cr_expect_eq(trouble(&w->devices[0]), expected);
        cr_expect_eq(world_entries(w), entries);
        cr_expect_eq(count_files(&w->devices[1]), FILES);
        device_crash(&w->devices[0]);
    }
}

/* After a process that had the root, and after one that never did. */
Test(engine_guard, publishes_nothing_of_a_root_that_is_missing)
{
    world *w = a_world_with_files(4);
    root_paths paths = paths_of(&w->devices[0]);

    device_crash(&w->devices[0]);
    cr_assert_eq(rename(paths.folder, paths.away), 0);
    expect_nothing_happens(w, CF_MISSING);
    cr_assert_eq(rename(paths.away, paths.folder), 0);
    user_writes_text(&w->devices[0], "back", "again");
    cr_assert(world_settle(w));
    cr_expect_eq(trouble(&w->devices[0]), CF_OK);
    cr_expect(world_equal(w, &(cf_buffer){0}));
    world_destroy(&w);
}

Test(engine_guard, publishes_nothing_of_an_empty_folder_in_the_roots_place)
{
    world *w = a_world_with_files(5);
    root_paths paths = paths_of(&w->devices[0]);

    device_crash(&w->devices[0]);
    cr_assert_eq(rename(paths.folder, paths.away), 0);
    user_makes(&w->devices[0], "");
    expect_nothing_happens(w, CF_UNSAFE);
    world_destroy(&w);
}

Test(engine_guard, publishes_nothing_of_another_source_in_the_roots_place)
{
    world *w = a_world_with_files(6);
    root_paths here = paths_of(&w->devices[0]), there = paths_of(&w->devices[1]);
    uint64_t entries = world_entries(w);

    device_crash(&w->devices[0]);
    device_crash(&w->devices[1]);
    cr_assert_eq(rename(here.folder, here.away), 0);
    cr_assert_eq(rename(there.folder, here.folder), 0);
    sync_with_the_word(&w->devices[0]);
    cr_expect_eq(trouble(&w->devices[0]), CF_UNSAFE);
    cr_expect_eq(world_entries(w), entries);
    world_destroy(&w);
}

/* While its folder is held open, it is moved away, and another one comes. */
Test(engine_guard, notices_that_the_root_was_replaced_under_a_running_process)
{
    world *w = a_world_with_files(7);
    root_paths paths = paths_of(&w->devices[0]);

    cr_assert_eq(rename(paths.folder, paths.away), 0);
    user_makes(&w->devices[0], "");
    expect_nothing_happens(w, CF_UNSAFE);
    world_destroy(&w);
}

/* What was struck at a folder's fsync, ended with 8, as if something might be deleted. */
Test(engine_guard, tells_names_that_can_not_be_made_durable_as_a_failure)
{
    world *w = a_world_with_files(9);
    device *here = &w->devices[0];
    uint64_t entries = world_entries(w);

    user_writes_text(here, "new", "new");
    here->faults = (disk_faults){
        .calls = here->faults.calls, .at = here->faults.calls + 1, .names = true, .status = CF_IO};
    device_sync(here);
    cr_expect_eq(trouble(here), CF_IO);
    cr_expect_eq(world_entries(w), entries, "what may not last was published");
    here->faults = (disk_faults){.calls = here->faults.calls};
    cr_assert(world_settle(w));
    cr_expect_eq(trouble(here), CF_OK);
    cr_expect(world_equal(w, &(cf_buffer){0}));
    world_destroy(&w);
}

Test(engine_guard, holds_what_vanished_from_a_root_that_is_there)
{
    world *w = a_world_with_files(8);
    uint64_t entries = world_entries(w);

    remove_files(&w->devices[0], FILES);
    cr_assert(world_settle(w));
    cr_expect_eq(world_entries(w), entries);
    cr_expect_eq(device_pending(&w->devices[0], NULL, CF_PENDING_HELD), FILES);
    cr_expect_eq(count_files(&w->devices[1]), FILES);
    world_destroy(&w);
}

Test(engine_guard, publishes_no_delete_after_a_failed_look)
{
    for (int at = 1; at < 60; at++) {
        world *w = a_world_with_files(9);
        device *a = &w->devices[0];
        uint64_t entries = world_entries(w);

        a->faults = (disk_faults){.calls = a->faults.calls, .reads = true, .status = CF_IO};
        a->faults.at = a->faults.calls + (uint64_t)at;
        sync_with_the_word(a);
        cr_assert_eq(world_entries(w), entries, "call %d", at);
        world_destroy(&w);
    }
}
