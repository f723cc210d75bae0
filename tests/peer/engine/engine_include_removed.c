/* SPDX-License-Identifier: Apache-2.0 */
/* A device that asks for some folders only, as /docs/: what its user removes there is told to the
 * others as by any device, though it was first sought wherever nobody asks for it. */
#include "tests/peer/small/included.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { QUIET_MS = 9000, MANY = 12 };

static void expect_equal(small_world *w, const char *after)
{
    cf_buffer difference = {0};

    cr_expect(small_world_equal(w, &difference), "%s: %.*s", after, (int)difference.size,
              difference.size ? (const char *)difference.data : "");
    cf_buffer_release(&difference);
}

/* Both have all of it, though the second asks for no more. */
static small_world *two_with_docs(uint64_t seed)
{
    small_world *w = two(seed, "/docs/");
    small_device *b = &w->devices[1];

    user_makes(b, "docs");
    user_makes(b, "docs/empty");
    user_makes(b, "docs/full");
    user_writes_text(b, "docs/full/one", "one");
    user_writes_text(b, "docs/full/two", "two");
    user_writes_text(b, "docs/three", "three");
    user_writes_text(b, "docs/stays", "stays");
    cr_assert(user_points(b, "docs/link", "target"));
    settles_equal(w);
    return w;
}

/* ---- What is removed here ---- */

static const char *const removed[] = {"docs/three", "docs/link", "docs/empty", "docs/full/one",
                                      "docs/full"};
enum { REMOVED = sizeof removed / sizeof removed[0] };

Test(engine_include_removed, is_told_to_the_others)
{
    small_world *w = two_with_docs(1);

    for (size_t i = 0; i < REMOVED; i++) {
        user_removes(&w->devices[1], removed[i]);
        settle(w);
        cr_expect(!is_there(&w->devices[0], removed[i]), "%s is there", removed[i]);
        expect_equal(w, removed[i]);
        expect_nothing_pending(&w->devices[1]);
    }
    expect_text(&w->devices[0], "docs/stays", "stays");
    small_world_destroy(&w);
}

Test(engine_include_removed, is_told_when_it_was_removed_while_no_process_ran)
{
    for (size_t i = 0; i < REMOVED; i++) {
        small_world *w = two_with_docs(2 + i);

        user_removes(&w->devices[1], removed[i]);
        small_device_crash(&w->devices[1]);
        settles_equal(w);
        expect_nothing_pending(&w->devices[1]);
        small_world_destroy(&w);
    }
}

/* Each directory is watched from the first look on, and is listed again all the same. */
Test(engine_include_removed, is_told_by_one_that_serves_and_begins_to)
{
    for (size_t i = 0; i < REMOVED; i++) {
        small_world *w = two_with_docs(20 + i);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        user_removes(b, removed[i]);
        small_device_serves(b);
        small_device_passes(b, QUIET_MS);
        cr_assert(small_device_sync(a));
        expect_equal(w, removed[i]);
        user_removes(b, "docs/stays");
        small_device_passes(b, QUIET_MS);
        cr_assert(small_device_sync(a));
        expect_equal(w, "docs/stays");
        small_world_destroy(&w);
    }
}

/* They are listed twice, before they are known: what happens in them later is seen all the same. */
Test(engine_include_removed, leaves_what_is_new_beside_it_watched)
{
    small_world *w = two_with_docs(29);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_removes(b, "docs/three");
    user_makes(b, "docs/new");
    user_makes(b, "docs/new/deep");
    user_writes_text(b, "docs/new/deep/one", "one");
    small_device_serves(b);
    small_device_passes(b, QUIET_MS);
    user_writes_text(b, "docs/new/deep/later", "later");
    user_writes_text(b, "docs/full/later", "later");
    small_device_passes(b, QUIET_MS);
    cr_assert(small_device_sync(a));
    expect_text(a, "docs/new/deep/later", "later");
    expect_equal(w, "later");
    user_removes(b, "docs/new/deep");
    small_device_passes(b, QUIET_MS);
    cr_assert(small_device_sync(a));
    expect_equal(w, "docs/new/deep");
    small_world_destroy(&w);
}

/* Of these a look that missed any would take one for another. */
Test(engine_include_removed, is_told_apart_from_what_was_moved_in_and_out)
{
    small_world *w = two_with_docs(30);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(b, "other");
    user_removes(b, "docs/three");
    cr_assert(user_moves(b, "docs/full/one", "docs/empty/one"));
    cr_assert(user_moves(b, "docs/full/two", "other/two"));
    settle(w);
    cr_expect(!is_there(a, "docs/three"));
    cr_expect(!is_there(a, "docs/full/one"));
    cr_expect(!is_there(a, "docs/full/two"));
    expect_text(a, "docs/empty/one", "one");
    expect_text(a, "other/two", "two");
    expect_text(b, "other/two", "two");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include_removed, is_held_where_it_is_too_much_at_once)
{
    small_world *w = two(34, "/docs/");
    small_device *a = &w->devices[0], *b = &w->devices[1];
    const cf_binding *source = cf_engine_binding_at(b->engine, 0);
    char name[40];

    user_makes(a, "docs");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "docs/%d", i);
        user_writes_text(a, name, name);
    }
    settles_equal(w);
    w->guarded = true;
    user_removes(b, "docs");
    cr_assert(small_device_sync(b));
    cr_assert(small_device_sync(a));
    expect_text(a, "docs/3", "docs/3");
    cr_expect_geq(small_device_pending(b, source, CF_PENDING_HELD), 1);
    w->guarded = false;
    settles_equal(w);
    cr_expect(!is_there(a, "docs"));
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* ---- What others do meanwhile ---- */

/* World 5180. */
Test(engine_include_removed, folder_is_made_again_for_what_came_into_it)
{
    small_world *w = two_with_docs(31);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_removes(b, "docs/empty");
    user_writes_text(a, "docs/empty/new", "new");
    cr_assert(small_device_sync(a));
    settles_equal(w);
    expect_text(a, "docs/empty/new", "new");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* World 5005. */
Test(engine_include_removed, link_gives_its_name_to_a_file_though_it_was_removed_elsewhere)
{
    small_world *w = two_with_docs(32);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_removes(b, "docs/link");
    user_writes_text(b, "docs/link", "a file");
    user_removes(a, "docs/link");
    cr_assert(small_device_sync(a));
    settles_equal(w);
    expect_text(a, "docs/link", "a file");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* World 5099. */
Test(engine_include_removed, file_leaves_its_conflict_copy_where_it_is)
{
    small_world *w = two_with_docs(33);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "docs/three", "theirs");
    cr_assert(small_device_sync(a));
    user_writes_text(b, "docs/three", "mine");
    settles_equal(w);
    cr_assert_eq(count_texts(a, "docs/three (conflict"), 1);
    user_removes(b, "docs/three");
    settles_equal(w);
    cr_expect(!is_there(a, "docs/three"));
    cr_expect_eq(count_texts(a, "docs/three (conflict"), 1);
    expect_nothing_pending(b);
    small_world_destroy(&w);
}
