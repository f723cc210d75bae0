/* SPDX-License-Identifier: Apache-2.0 */
/* Two devices and a broker in one process, with real folders. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <unistd.h>

Test(engine, brings_folders_edits_moves_and_deletes)
{
    small_world *w = small_world_new(2, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "d");
    user_makes(a, "d/e");
    user_writes_text(a, "d/e/one", "1");
    user_writes_text(a, "d/two", "2");
    user_writes_text(a, "three", "3");
    settles_equal(w);
    cr_assert(holds(b, "d/e/one", "1"));
    user_writes_text(b, "d/e/one", "one");
    user_moves(b, "d/two", "zwei");
    user_removes(b, "three");
    settles_equal(w);
    cr_assert(holds(a, "d/e/one", "one"));
    cr_assert(holds(a, "zwei", "2"));
    cr_assert(!holds(a, "three", "3"));
    user_moves(a, "d", "f");
    settles_equal(w);
    cr_assert(holds(b, "f/e/one", "one"));
    small_world_destroy(&w);
}

static size_t unsent(small_device *self)
{
    cf_broker_status status;

    cf_engine_broker_status(self->engine, &status);
    return status.unsent;
}

Test(engine, learns_that_the_broker_has_what_it_could_not_acknowledge)
{
    small_world *w = small_world_new(4, 2);
    small_device *a = &w->devices[0];

    user_writes_text(a, "a.txt", "hello");
    cr_assert(small_device_sync(a));
    cr_expect_eq(unsent(a), 0);
    user_writes_text(a, "b.txt", "more");
    a->deaf = true;
    small_device_sync(a);
    cr_expect_gt(unsent(a), 0);
    a->deaf = false;
    small_device_crash(a);
    settles_equal(w);
    cr_expect_eq(unsent(a), 0);
    small_world_destroy(&w);
}

/* While a session brings other things, which may take hours, too. */
Test(engine, learns_at_once_what_the_broker_shows)
{
    small_world *w = small_world_new(4, 2);
    small_device *a = &w->devices[0];

    user_writes_text(a, "a.txt", "hello");
    a->deaf = true;
    small_device_sync(a);
    a->deaf = false;
    user_writes_text(a, "b.txt", "more");
    small_device_unplug(a);
    small_device_crash(a);
    small_device_sync(a);
    cr_expect_eq(unsent(a), 2);
    a->offline = false;
    cf_link_start(cf_engine_link(a->engine));
    while (!cf_link_is_connected(cf_engine_link(a->engine)))
        small_device_passes(a, SMALL_TURN_MS);
    cr_assert_not(cf_link_is_idle(cf_engine_link(a->engine)));
    cr_expect_eq(unsent(a), 1);
    settles_equal(w);
    cr_expect_eq(unsent(a), 0);
    small_world_destroy(&w);
}

Test(engine, publishes_files_of_equal_content_in_one_batch)
{
    /* What was prepared for the first ended with it, and was read again for the second. */
    small_world *w = small_world_new(4, 2);

    user_writes_text(&w->devices[0], "one", "the same");
    user_writes_text(&w->devices[0], "two", "the same");
    user_writes_text(&w->devices[0], "three", "the same");
    settles_equal(w);
    cr_assert(holds(&w->devices[1], "three", "the same"));
    small_world_destroy(&w);
}

static uint64_t calls_of_a_sync(small_device *self)
{
    uint64_t before = self->faults.calls;

    self->faults.reads = true;
    cr_assert(small_device_sync(self));
    self->faults.reads = false;
    return self->faults.calls - before;
}

/* What was saved in the moment before its time was set is found by that. */
Test(engine, reads_a_file_once_whose_mode_or_time_it_has_set)
{
    small_world *w = small_world_new(7, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "a.txt", "hello");
    settles_equal(w);
    uint64_t idle = calls_of_a_sync(b);
    user_stamps(a, "a.txt", 1000000000);
    user_changes_mode(a, "a.txt", 0600);
    cr_assert(small_device_sync(a));
    uint64_t entries = small_world_entries(w);
    calls_of_a_sync(b);
    cr_expect_gt(calls_of_a_sync(b), idle);
    cr_expect_eq(calls_of_a_sync(b), idle);
    cr_expect_eq(small_world_entries(w), entries);
    small_world_destroy(&w);
}

/* Of root's devices comes what others can't read. */
Test(engine, gives_a_file_back_its_mode_that_it_could_not_read)
{
    enum { NOBODY = 65534 };
    char command[512];

    if (geteuid() != 0)
        cr_skip_test("only root can become somebody else");
    small_world *w = small_world_new(8, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer difference = {0};

    user_writes_text(a, "a.txt", "hello");
    snprintf(command, sizeof command, "chmod 755 %s && chown -R %d %s %s", w->path, NOBODY,
             b->home_path, b->folder);
    cr_assert_eq(system(command), 0);
    static const unsigned modes[] = {0644, 0, 0600};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        user_changes_mode(a, "a.txt", modes[i]);
        cr_assert(small_device_sync(a));
        cr_assert_eq(seteuid(NOBODY), 0);
        cr_assert(small_device_sync(b));
        cr_assert(small_device_sync(b));
        cr_assert_eq(seteuid(0), 0);
        cr_assert(small_world_equal(w, &difference), "mode %o: %.*s", modes[i],
                  (int)difference.size, (const char *)difference.data);
    }
    small_world_destroy(&w);
}

/* Apart, two folders get one name, and so do those in them. */
Test(engine, folders_in_folders_that_became_one_are_one)
{
    small_world *w = small_world_new(77, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "p");
    user_makes(a, "p/y");
    user_makes(a, "q");
    user_makes(a, "q/y");
    user_writes_text(a, "p/y/a", "of p");
    user_writes_text(a, "q/y/b", "of q");
    cr_assert(small_world_settle(w));
    small_device_unplug(b);
    cr_assert(user_moves(a, "p", "x"));
    cr_assert(user_moves(b, "q", "x"));
    cr_assert(small_device_sync(a));
    b->offline = false;
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++) {
        cr_expect(holds(&w->devices[i], "x/y/a", "of p"), "device %d", i);
        cr_expect(holds(&w->devices[i], "x/y/b", "of q"), "device %d", i);
    }
    small_world_destroy(&w);
}
