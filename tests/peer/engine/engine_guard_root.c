/* SPDX-License-Identifier: Apache-2.0 */
/* Of a root that is not what it was nothing is published. */
#include "tests/peer/small/guarded.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char folder[160], away[160];
} root_paths;

static root_paths paths_of(const small_device *self)
{
    root_paths paths;

    snprintf(paths.folder, sizeof paths.folder, "%s", self->folder);
    snprintf(paths.away, sizeof paths.away, "%s-away", self->folder);
    return paths;
}

static void expect_told(small_device *self, const char *why)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    cr_assert(status.trouble_text);
    cr_expect(strstr(status.trouble_text, why), "%s", status.trouble_text);
    cf_arena_release(&arena);
}

static void expect_nothing_happens(small_world *w, cf_status expected)
{
    uint64_t entries = small_world_entries(w);

    for (int crash = 0; crash < 2; crash++) {
        for (int i = 0; i < 2; i++) {
            sync_with_the_word(&w->devices[0]);
            sync_with_the_word(&w->devices[1]);
        }
        cr_expect_eq(trouble(&w->devices[0]), expected);
        cr_expect_eq(small_world_entries(w), entries);
        cr_expect_eq(count_files(&w->devices[1]), FILES);
        small_device_crash(&w->devices[0]);
    }
}

/* After a process that had the root, and after one that never did. */
Test(engine_guard_root, publishes_nothing_of_a_root_that_is_missing)
{
    small_world *w = a_guarded_world(4);
    root_paths paths = paths_of(&w->devices[0]);

    small_device_crash(&w->devices[0]);
    cr_assert_eq(rename(paths.folder, paths.away), 0);
    expect_nothing_happens(w, CF_MISSING);
    cr_assert_eq(rename(paths.away, paths.folder), 0);
    user_writes_text(&w->devices[0], "back", "again");
    cr_assert(small_world_settle(w));
    cr_expect_eq(trouble(&w->devices[0]), CF_OK);
    cr_expect(small_world_equal(w, &(cf_buffer){0}));
    small_world_destroy(&w);
}

Test(engine_guard_root, publishes_nothing_of_an_empty_folder_in_the_roots_place)
{
    small_world *w = a_guarded_world(5);
    root_paths paths = paths_of(&w->devices[0]);

    small_device_crash(&w->devices[0]);
    cr_assert_eq(rename(paths.folder, paths.away), 0);
    user_makes(&w->devices[0], "");
    expect_nothing_happens(w, CF_UNSAFE);
    sync_with_the_word(&w->devices[0]);
    expect_told(&w->devices[0], "its .counterfoil is gone");
    small_world_destroy(&w);
}

Test(engine_guard_root, publishes_nothing_of_another_source_in_the_roots_place)
{
    small_world *w = a_guarded_world(6);
    root_paths here = paths_of(&w->devices[0]), there = paths_of(&w->devices[1]);
    uint64_t entries = small_world_entries(w);

    small_device_crash(&w->devices[0]);
    small_device_crash(&w->devices[1]);
    cr_assert_eq(rename(here.folder, here.away), 0);
    cr_assert_eq(rename(there.folder, here.folder), 0);
    sync_with_the_word(&w->devices[0]);
    cr_expect_eq(trouble(&w->devices[0]), CF_UNSAFE);
    cr_expect_eq(small_world_entries(w), entries);
    small_world_destroy(&w);
}

static uint64_t stats;

static cf_status count_stat(cf_files *files, const cf_folder *folder, cf_bytes name, cf_stat *out,
                            cf_error *error)
{
    stats++;
    return cf_files_posix()->stat(files, folder, name, out, error);
}

/* Which words say that it is another one is not asked of each file every few seconds. */
static void expect_asked_once(int files)
{
    small_world *w = a_guarded_world_of(6, files);
    root_paths here = paths_of(&w->devices[0]), there = paths_of(&w->devices[1]);

    small_device_crash(&w->devices[0]);
    small_device_crash(&w->devices[1]);
    cr_assert_eq(rename(here.folder, here.away), 0);
    cr_assert_eq(rename(there.folder, here.folder), 0);
    small_device_serves(&w->devices[0]);
    w->files.stat = count_stat;
    small_device_passes(&w->devices[0], 1000);
    cr_expect_eq(trouble(&w->devices[0]), CF_UNSAFE);
    stats = 0;
    small_device_passes(&w->devices[0], 120000);
    cr_expect_eq(trouble(&w->devices[0]), CF_UNSAFE);
    cr_expect_lt(stats, (uint64_t)2 * (uint64_t)files + 60, "%llu", (unsigned long long)stats);
    small_world_destroy(&w);
}

Test(engine_guard_root, asks_once_what_is_in_another_folder_in_the_roots_place)
{
    expect_asked_once(12);
    expect_asked_once(40);
    expect_asked_once(120);
}

/* While its folder is held open, it is moved away, and another one comes. */
Test(engine_guard_root, notices_that_the_root_was_replaced_under_a_running_process)
{
    small_world *w = a_guarded_world(7);
    root_paths paths = paths_of(&w->devices[0]);

    cr_assert_eq(rename(paths.folder, paths.away), 0);
    user_makes(&w->devices[0], "");
    expect_nothing_happens(w, CF_UNSAFE);
    small_world_destroy(&w);
}

/* What was struck at a folder's fsync, ended with 8, as if something might be deleted. */
Test(engine_guard_root, tells_names_that_can_not_be_made_durable_as_a_failure)
{
    small_world *w = a_guarded_world(9);
    small_device *here = &w->devices[0];
    uint64_t entries = small_world_entries(w);

    user_writes_text(here, "new", "new");
    here->faults = (disk_faults){
        .calls = here->faults.calls, .at = here->faults.calls + 1, .names = true, .status = CF_IO};
    small_device_sync(here);
    cr_expect_eq(trouble(here), CF_IO);
    cr_expect_eq(small_world_entries(w), entries, "what may not last was published");
    here->faults = (disk_faults){.calls = here->faults.calls};
    cr_assert(small_world_settle(w));
    cr_expect_eq(trouble(here), CF_OK);
    cr_expect(small_world_equal(w, &(cf_buffer){0}));
    small_world_destroy(&w);
}

Test(engine_guard_root, holds_what_vanished_from_a_root_that_is_there)
{
    small_world *w = a_guarded_world(8);
    uint64_t entries = small_world_entries(w);

    remove_files(&w->devices[0], FILES);
    cr_assert(small_world_settle(w));
    cr_expect_eq(small_world_entries(w), entries);
    cr_expect_eq(small_device_pending(&w->devices[0], NULL, CF_PENDING_HELD), FILES);
    cr_expect_eq(count_files(&w->devices[1]), FILES);
    small_world_destroy(&w);
}

Test(engine_guard_root, publishes_no_delete_after_a_failed_look)
{
    for (int at = 1; at < 60; at++) {
        small_world *w = a_guarded_world(9);
        small_device *a = &w->devices[0];
        uint64_t entries = small_world_entries(w);

        a->faults = (disk_faults){.calls = a->faults.calls, .reads = true, .status = CF_IO};
        a->faults.at = a->faults.calls + (uint64_t)at;
        sync_with_the_word(a);
        cr_assert_eq(small_world_entries(w), entries, "call %d", at);
        small_world_destroy(&w);
    }
}
