/* SPDX-License-Identifier: Apache-2.0 */
/* Two devices and a broker in one process, with real folders. */
#include "tests/peer/small_folder.h"

#include "tests/support/expect.h"

static void settles_equal(world *self)
{
    cf_buffer difference = {0};

    cr_assert(world_settle(self), "the world does not come to rest");
    cr_assert(world_equal(self, &difference), "%.*s", (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
}

static bool holds(const device *self, const char *path, const char *text)
{
    cf_buffer bytes = {0};
    bool equal = user_reads(self, path, &bytes) &&
                 cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(text));

    cf_buffer_release(&bytes);
    return equal;
}

Test(engine, brings_a_file_to_the_other_device)
{
    world *w = world_new(1, 2);

    user_writes_text(&w->devices[0], "a.txt", "hello");
    settles_equal(w);
    cr_assert(holds(&w->devices[1], "a.txt", "hello"));
    world_destroy(&w);
}

Test(engine, brings_folders_edits_moves_and_deletes)
{
    world *w = world_new(2, 2);
    device *a = &w->devices[0], *b = &w->devices[1];

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
    world_destroy(&w);
}

Test(engine, keeps_both_of_two_edits)
{
    world *w = world_new(3, 2);
    cf_buffer tree = {0};

    user_writes_text(&w->devices[0], "a.txt", "old");
    settles_equal(w);
    user_writes_text(&w->devices[0], "a.txt", "mine");
    user_writes_text(&w->devices[1], "a.txt", "theirs");
    settles_equal(w);
    device_tree(&w->devices[0], &tree);
    cf_buffer_append(&tree, "", 1);
    cr_assert_not_null(strstr((char *)tree.data, "mine"));
    cr_assert_not_null(strstr((char *)tree.data, "theirs"));
    cr_assert_not_null(strstr((char *)tree.data, "(conflict "));
    cf_buffer_release(&tree);
    world_destroy(&w);
}

static size_t unsent(device *self)
{
    cf_broker_status status;

    cf_engine_broker_status(self->engine, &status);
    return status.unsent;
}

Test(engine, learns_that_the_broker_has_what_it_could_not_acknowledge)
{
    world *w = world_new(4, 2);
    device *a = &w->devices[0];

    user_writes_text(a, "a.txt", "hello");
    cr_assert(device_sync(a));
    cr_expect_eq(unsent(a), 0);
    user_writes_text(a, "b.txt", "more");
    a->deaf = true;
    device_sync(a);
    cr_expect_gt(unsent(a), 0);
    a->deaf = false;
    device_crash(a);
    settles_equal(w);
    cr_expect_eq(unsent(a), 0);
    world_destroy(&w);
}

Test(engine, publishes_files_of_equal_content_in_one_batch)
{
    /* What was prepared for the first ended with it, and was read again for the second. */
    world *w = world_new(4, 2);

    user_writes_text(&w->devices[0], "one", "the same");
    user_writes_text(&w->devices[0], "two", "the same");
    user_writes_text(&w->devices[0], "three", "the same");
    settles_equal(w);
    cr_assert(holds(&w->devices[1], "three", "the same"));
    world_destroy(&w);
}
