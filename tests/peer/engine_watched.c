/* SPDX-License-Identifier: Apache-2.0 */
/* A device that serves, with the watches of a real folder: what happens in a directory is seen
 * wherever it lies by now, and a move is a move at any moment. Time is the world's. */
#include "tests/peer/small_folder.h"

#include "tests/support/expect.h"

enum { QUIET_MS = 9000, LOOK_CALLS = 40, COMES_TURNS = 100 };

/* `known`: everything was looked at again, so that each directory is watched as what it is. */
static world *served_world(device **first, device **second, bool known)
{
    world *w = world_new(5, 2);

    *first = &w->devices[0];
    *second = &w->devices[1];
    user_makes(*first, "above");
    user_makes(*first, "above/a");
    user_writes_text(*first, "above/a/one", "1");
    user_writes_text(*first, "above/a/two", "2");
    user_makes(*first, "above/b");
    device_serves(*first);
    device_passes(*first, QUIET_MS);
    if (known)
        cr_assert(device_sync(*first));
    cr_assert(device_sync(*second));
    return w;
}

static bool has(const device *self, const char *path)
{
    char token[64];

    return device_token(self, path, token);
}

/* What comes by the watches alone: nothing else looks for it within minutes. */
static void expect_seen(device *first, device *second, const char *path)
{
    user_writes_text(first, path, "later");
    device_passes(first, QUIET_MS);
    cr_assert(device_sync(second));
    cr_expect(has(second, path), "%s is not seen", path);
}

Test(engine_watched, a_directory_that_was_moved_over_another)
{
    device *first, *second;
    world *w = served_world(&first, &second, true);

    cr_assert(user_moves(first, "above/a", "above/b"));
    device_passes(first, QUIET_MS);
    expect_seen(first, second, "above/b/later");
    cr_expect(has(second, "above/b/one") && !has(second, "above/a/one"));
    world_destroy(&w);
}

Test(engine_watched, two_that_swapped_their_names)
{
    device *first, *second;
    world *w = served_world(&first, &second, true);

    cr_assert(user_swaps(first, "above/a", "above/b"));
    device_passes(first, QUIET_MS);
    expect_seen(first, second, "above/b/later");
    expect_seen(first, second, "above/a/later");
    cr_expect(has(second, "above/b/one") && !has(second, "above/a/one"));
    world_destroy(&w);
}

/* Each is found by a look of its own, at a part, and is no node yet when it is watched. */
Test(engine_watched, two_that_were_made_one_after_the_other)
{
    device *first, *second;
    world *w = served_world(&first, &second, true);

    user_makes(first, "above/new");
    device_passes(first, QUIET_MS);
    user_makes(first, "above/a/new");
    device_passes(first, QUIET_MS);
    expect_seen(first, second, "above/new/later");
    expect_seen(first, second, "above/a/new/later");
    world_destroy(&w);
}

/* ---- A directory that comes ---- */

static void write_into_new(void *context)
{
    user_writes_text(context, "above/new/quick", "before it is watched");
}

/* The user was faster than the watch, at this call that brings the directory. False: there were
 * not so many calls. */
static bool writes_at_call(uint64_t call)
{
    device *first, *second;
    world *w = served_world(&first, &second, true);

    user_makes(second, "above/new");
    cr_assert(device_sync(second));
    first->faults.reads = true;
    first->faults.meanwhile = write_into_new;
    first->faults.context = first;
    first->faults.at = first->faults.calls + call;
    for (int turns = 0; turns < COMES_TURNS && !has(first, "above/new/quick"); turns++)
        device_passes(first, TURN_MS);
    bool reached = !first->faults.meanwhile, written = has(first, "above/new/quick");
    first->faults = (disk_faults){.calls = first->faults.calls};
    device_passes(first, COMES_TURNS * TURN_MS);
    cr_assert(device_sync(second));
    cr_expect(has(second, "above/new/quick") == written, "call %d", (int)call);
    world_destroy(&w);
    return reached;
}

Test(engine_watched, a_directory_that_comes_and_is_filled_before_it_is_watched)
{
    uint64_t call = 1;

    while (writes_at_call(call))
        call++;
    cr_expect_gt(call, 20);
}

/* ---- A file that is moved while another is looked for ---- */

static void move(void *context)
{
    cr_assert(user_moves(context, "above/a/two", "above/b/two"));
}

/* Another file has gone from there, for good, and its directory is looked at twice because of that.
 */
static void moves_during_a_look(uint64_t call, bool known)
{
    device *first, *second;
    world *w = served_world(&first, &second, known);

    user_writes_text(second, "above/a/two", "edited");
    user_removes(first, "above/a/one");
    first->faults.reads = true;
    first->faults.meanwhile = move;
    first->faults.context = first;
    first->faults.at = first->faults.calls + call;
    device_passes(first, QUIET_MS);
    first->faults = (disk_faults){.calls = first->faults.calls};
    if (!has(first, "above/b/two"))
        move(first);
    cr_assert(world_settle(w));
    cr_expect(has(first, "above/b/two") && !has(first, "above/a/two"), "call %d, %d", (int)call,
              known);
    world_destroy(&w);
}

Test(engine_watched, a_file_that_is_moved_while_another_is_found_to_be_gone)
{
    for (uint64_t call = 1; call <= LOOK_CALLS; call++) {
        moves_during_a_look(call, false);
        if (call % 4 == 0) /* what happens between two looks is heard of before the second */
            moves_during_a_look(call, true);
    }
}
