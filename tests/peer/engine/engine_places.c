/* SPDX-License-Identifier: Apache-2.0 */
/* Things that take the place of what belongs into them, or of what they are in. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>

Test(engine_places, a_file_goes_into_a_new_folder_of_its_name)
{
    small_world *w = small_world_new(1, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "notes", "text");
    settles_equal(w);
    user_makes(a, "new");
    user_moves(a, "notes", "new/notes");
    user_moves(a, "new", "notes");
    settles_equal(w);
    cr_assert(holds(b, "notes/notes", "text"));
    small_world_destroy(&w);
}

Test(engine_places, a_folder_goes_into_a_new_one_of_its_name)
{
    small_world *w = small_world_new(2, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "d");
    user_writes_text(a, "d/f", "text");
    settles_equal(w);
    user_makes(a, "new");
    user_moves(a, "d", "new/old");
    user_moves(a, "new", "d");
    settles_equal(w);
    cr_assert(holds(b, "d/old/f", "text"));
    small_world_destroy(&w);
}

Test(engine_places, a_file_takes_the_place_of_its_folder)
{
    small_world *w = small_world_new(4, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "d");
    user_writes_text(a, "d/f", "text");
    settles_equal(w);
    user_moves(a, "d/f", "f");
    user_removes(a, "d");
    user_moves(a, "f", "d");
    settles_equal(w);
    cr_assert(holds(b, "d", "text"));
    small_world_destroy(&w);
}

enum { MANY = 110 };

static void write_many(small_device *self)
{
    char name[16];

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many%d", i);
        user_writes_text(self, name, name);
    }
}

/* More at once than go without a word: they are older than an hour. */
static void remove_many(small_device *self)
{
    char name[16];

    self->in->now_ms += CF_GUARD_YOUNG_MS;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "many%d", i);
        user_removes(self, name);
    }
}

Test(engine_places, what_waits_for_the_users_word_keeps_its_name)
{
    small_world *w = small_world_new(3, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "one", "1");
    user_writes_text(a, "two", "2");
    user_writes_text(a, "three", "3");
    write_many(a);
    settles_equal(w);
    user_removes(a, "one");
    user_removes(a, "two");
    user_removes(a, "three");
    remove_many(a);
    user_makes(a, "one");
    cr_assert(small_device_sync(a));
    w->guarded = true;
    small_device_sync(b);
    cr_assert(holds(b, "one", "1"), "it is hidden");
    w->guarded = false;
    settles_equal(w);
    small_world_destroy(&w);
}

/* Its place is not free before the user has said it. */
Test(engine_places, what_waits_for_that_keeps_its_name_too)
{
    small_world *w = small_world_new(7, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    char name[] = "a";

    for (; name[0] <= 'j'; name[0]++)
        user_writes_text(a, name, name);
    user_writes_text(a, "comes", "c");
    user_writes_text(a, "goes", "g");
    write_many(a);
    settles_equal(w);
    for (name[0] = 'a'; name[0] <= 'j'; name[0]++)
        user_removes(a, name);
    remove_many(a);
    user_moves(a, "goes", "a");
    user_moves(a, "comes", "goes");
    cr_assert(small_device_sync(a));
    w->guarded = true;
    small_device_sync(b);
    cr_assert(holds(b, "a", "a"));
    cr_assert(holds(b, "goes", "g"), "it is hidden");
    cr_assert(holds(b, "comes", "c"));
    w->guarded = false;
    settles_equal(w);
    cr_assert(holds(b, "a", "g"));
    small_world_destroy(&w);
}

Test(engine_places, what_could_not_be_moved_is_deleted_where_it_lies)
{
    small_world *w = small_world_new(6, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "d");
    user_makes(a, "e");
    user_writes_text(a, "d/f", "text");
    settles_equal(w);
    user_moves(a, "d/f", "e/f");
    cr_assert(small_device_sync(a));
    b->faults = (disk_faults){
        .calls = b->faults.calls, .at = b->faults.calls + 1, .moves = true, .status = CF_FULL};
    small_device_sync(b);
    cr_assert(holds(b, "d/f", "text"), "it could be moved");
    user_removes(a, "e/f");
    cr_assert(small_device_sync(a));
    b->faults = (disk_faults){.calls = b->faults.calls};
    settles_equal(w);
    small_world_destroy(&w);
}

/* ---- Two folders go into each other, one of them under the name of a third ---- */

static void move_into(void *context)
{
    user_moves(context, "a", "c/y");
}

static bool moves_meanwhile(uint64_t at)
{
    small_world *w = small_world_new(5, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "a");
    user_makes(a, "a/b");
    user_makes(a, "c");
    settles_equal(w);
    user_makes(a, "y");
    settles_equal(w);
    user_moves(a, "c", "a/b/c");
    cr_assert(small_device_sync(a));
    uint64_t first = b->faults.calls;
    b->faults = (disk_faults){
        .calls = first, .at = first + at, .reads = true, .meanwhile = move_into, .context = b};
    small_device_sync(b);
    bool over = b->faults.calls < first + at;
    b->faults = (disk_faults){.calls = b->faults.calls};
    settles_equal(w);
    small_world_destroy(&w);
    return over;
}

Test(engine_places, what_is_shown_as_one_with_another_leaves_no_folder_behind)
{
    uint64_t at = 1;

    while (!moves_meanwhile(at))
        at++;
    cr_assert_gt(at, 10, "hardly anything was tried");
}

/* A rename changes the ctime, too: it doesn't hide an edit of which neither size nor mtime tells.
 */
Test(engine_places, sees_an_edit_that_a_move_hides)
{
    small_world *w = small_world_new(41, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    enum { MOMENT = 1600000000 };

    user_writes_text(a, "f", "one");
    user_stamps(a, "f", MOMENT);
    settles_equal(w);
    user_saves(a, "f", cf_bytes_of_text("two"), SAVE_IN_PLACE);
    user_stamps(a, "f", MOMENT);
    cr_assert(user_moves(a, "f", "g"));
    settles_equal(w);
    cr_expect(holds(b, "g", "two"), "nobody looked into it");
    cr_expect(holds(a, "g", "two"));
    small_world_destroy(&w);
}

/* And what was edited so is no base's, which another's edit may replace. */
Test(engine_places, keeps_an_edit_that_a_move_hides_when_another_comes)
{
    small_world *w = small_world_new(42, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    enum { MOMENT = 1600000000 };
    cf_buffer tree = {0};

    user_writes_text(a, "f", "one");
    user_stamps(a, "f", MOMENT);
    settles_equal(w);
    user_writes_text(b, "f", "three");
    cr_assert(small_device_sync(b));
    user_saves(a, "f", cf_bytes_of_text("two"), SAVE_IN_PLACE);
    user_stamps(a, "f", MOMENT);
    cr_assert(user_moves(a, "f", "g"));
    settles_equal(w);
    small_device_tree(a, &tree);
    cf_buffer_append(&tree, "", 1);
    cr_expect(strstr((const char *)tree.data, "conflict"), "one of both edits is lost:\n%s",
              (const char *)tree.data);
    cf_buffer_release(&tree);
    small_world_destroy(&w);
}

/* ---- A new folder that can't be read for a moment ---- */

/* True when it is over before call `at`, which fails if it asks whether something can be read. */
static bool syncs_unread(small_device *self, uint64_t at)
{
    uint64_t first = self->faults.calls;

    self->faults = (disk_faults){.calls = first,
                                 .at = first + at,
                                 .reads = true,
                                 .access = true,
                                 .once = true,
                                 .status = CF_IO};
    small_device_sync(self);
    bool over = self->faults.calls < first + at;
    self->faults = (disk_faults){.calls = self->faults.calls};
    return over;
}

static bool holds_what_waits(uint64_t at)
{
    small_world *w = small_world_new(43, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "old");
    user_makes(a, "old/k");
    user_writes_text(a, "old/k/g", "moved");
    settles_equal(w);
    user_makes(a, "d");
    user_makes(a, "d/e");
    user_writes_text(a, "d/e/f", "new");
    cr_assert(user_moves(a, "old/k", "d/e/k"));
    user_removes(a, "old");
    bool over = syncs_unread(a, at);
    settles_equal(w);
    cr_assert(holds(b, "d/e/f", "new"), "call %d", (int)at);
    cr_assert(holds(b, "d/e/k/g", "moved"), "call %d", (int)at);
    small_world_destroy(&w);
    return over;
}

Test(engine_places, what_lies_in_a_new_folder_waits_with_it)
{
    uint64_t at = 1;

    while (!holds_what_waits(at))
        at++;
    cr_assert_gt(at, 10, "hardly anything was tried");
}

static bool comes_by_itself(uint64_t at)
{
    small_world *w = small_world_new(44, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer difference = {0};

    settles_equal(w);
    user_makes(a, "d");
    user_makes(a, "d/e");
    user_points(a, "d/e/l", "anywhere");
    bool over = syncs_unread(a, at);
    small_device_sync(b);
    cr_assert(small_world_equal(w, &difference), "call %d: %.*s", (int)at, (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
    small_world_destroy(&w);
    return over;
}

Test(engine_places, what_could_not_be_read_for_a_moment_comes_by_itself)
{
    uint64_t at = 1;

    while (!comes_by_itself(at))
        at++;
    cr_assert_gt(at, 10, "hardly anything was tried");
}
