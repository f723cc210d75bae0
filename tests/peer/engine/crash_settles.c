/* SPDX-License-Identifier: Apache-2.0 */
/* What a crash left is settled on a disk that fails once, and what an engine that ends in the midst
 * leaves does not stay. */
#include "tests/peer/small/crash_work.h"

#include "tests/support/expect.h"
#include "tests/support/flagless.h"
#include "tests/support/short_form.h"

enum { SETTLE_CALLS = 50, SERVING_CALLS = 80, TRIES_AGAIN_MS = 6200 };

typedef struct {
    bool renumbers; /* mounted anew in between */
    bool serves;    /* the next process goes on, and tries again by itself */
    bool in_steps;  /* two files change places in steps */
} settling;

/* Crashed at call `at`; call `later` of the next start, which may be one that reads, fails. */
static bool is_settled_later(const settling *how, unsigned long at, unsigned long later)
{
    small_world *w = small_world_new(5, 2);
    lesser_disk disk;
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer expected = {0}, tree = {0};

    if (how->in_steps)
        make_flagless(&w->files, true);
    if (how->renumbers) {
        lesser_disk_begin(&disk, w);
        disk.renumbers = true;
        small_device_crash(a);
        small_device_crash(b);
    }
    crash_work_prepare(w);
    if (how->renumbers)
        crash_work_rest(&disk, w);
    crash_work(a);
    small_device_tree(a, &expected);
    cr_assert(small_device_sync(a));
    const uint64_t entries = small_world_entries(w), first = b->faults.calls;
    b->faults = (disk_faults){.calls = first, .at = first + at, .status = CF_IO};
    small_device_sync(b);
    const bool over = b->faults.calls < first + at;
    b->serves = how->serves;
    small_device_crash(b);
    if (how->renumbers) {
        lesser_disk_remount(&disk, 5);
        small_device_crash(a);
    }
    b->faults = (disk_faults){.calls = b->faults.calls,
                              .at = b->faults.calls + later,
                              .reads = true,
                              .once = true,
                              .status = CF_IO};
    if (how->serves)
        small_device_passes(b, TRIES_AGAIN_MS);
    else
        small_device_sync(b);
    small_device_crash(b);
    b->faults.at = 0;
    settles_equal_by(small_world_equal, w, "settling", at * 1000 + later);
    small_device_tree(a, &tree);
    cr_assert(cf_bytes_equal(cf_buffer_view(&tree), cf_buffer_view(&expected)),
              "%lu, %lu: not as the user left it:\n%.*s", at, later, (int)tree.size,
              (const char *)tree.data);
    cr_assert_eq(small_world_entries(w), entries, "%lu, %lu: something was published", at, later);
    cf_buffer_release(&tree);
    cf_buffer_release(&expected);
    small_world_destroy(&w);
    return over;
}

static void settle_later(const settling *how)
{
    const unsigned long calls = how->serves ? SERVING_CALLS : SETTLE_CALLS;
    unsigned long at = 20;

    for (bool over = false; !over; at += one_in_few(13, 53))
        for (unsigned long later = 1 + at % 3; later < calls; later += 3)
            over = is_settled_later(how, at, later);
    cr_assert_gt(at, 50, "hardly anything was tried");
}

Test(crash_settles, nothing_is_settled_by_what_could_not_be_asked)
{
    settle_later(&(settling){0});
}

Test(crash_settles, nothing_is_settled_by_what_could_not_be_asked_in_steps)
{
    settle_later(&(settling){.in_steps = true});
}

Test(crash_settles, nothing_is_settled_by_what_could_not_be_asked_when_mounted_anew)
{
    settle_later(&(settling){.renumbers = true});
}

/* What a settling that failed had concluded so far is forgotten. */
Test(crash_settles, settling_is_tried_again_by_the_same_process)
{
    settle_later(&(settling){.serves = true});
}

/* ---- The end of an engine ---- */

/* While files that came are made, one of them can't be synced: nobody is there any more who brought
 * it, and it doesn't stay. */
Test(crash_settles, an_engine_ends_while_a_file_that_came_is_made)
{
    for (unsigned turns = 1; turns < 40; turns += one_in_few(3, 7))
        for (unsigned long at = 1; at < 14; at += 2) {
            small_world *w = small_world_new(7, 2);
            small_device *a = &w->devices[0], *b = &w->devices[1];
            cf_round_options sync = {.kind = CF_ROUND_SYNC};

            crash_work_prepare(w);
            crash_work(a);
            cr_assert(small_device_sync(a));
            small_device_round(b, &sync, turns);
            b->faults = (disk_faults){.calls = b->faults.calls,
                                      .at = b->faults.calls + at,
                                      .once = true,
                                      .status = CF_IO};
            small_device_crash(b);
            b->faults.at = 0;
            settles_equal_by(small_world_equal, w, "ended", turns * 100 + at);
            small_world_destroy(&w);
        }
}
