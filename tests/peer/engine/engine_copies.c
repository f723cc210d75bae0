/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are alike. A folder that was copied, and then deleted where it was: its files are
 * known by their contents only once they are read, after it is known that their folder is gone. And
 * two names of one file. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

static small_world *a_world_with_a_folder(void)
{
    small_world *w = small_world_new(7, 2);
    small_device *here = &w->devices[0];

    user_makes(here, "sub");
    user_makes(here, "sub/deep");
    user_writes_text(here, "sub/two", "two");
    user_writes_text(here, "sub/deep/three", "three");
    user_writes_text(here, "one", "one");
    cr_assert(small_world_settle(w));
    return w;
}

static void copy_and_delete(small_device *self)
{
    user_makes(self, "elsewhere");
    user_makes(self, "elsewhere/deep");
    user_writes_text(self, "elsewhere/two", "two");
    user_writes_text(self, "elsewhere/deep/three", "three");
    user_removes(self, "sub");
}

static void expect_moved(small_world *w)
{
    cf_buffer difference = {0};
    char token[64];

    cr_expect(small_world_settle(w));
    cr_expect(small_world_equal(w, &difference), "%.*s", (int)difference.size,
              (char *)difference.data);
    cr_expect(small_device_token(&w->devices[1], "elsewhere/two", token));
    cr_expect(small_device_token(&w->devices[1], "elsewhere/deep/three", token));
    cr_expect_not(small_device_token(&w->devices[0], "sub/two", token));
    cr_expect_not(small_device_token(&w->devices[1], "sub/deep/three", token));
    cf_buffer_release(&difference);
}

/* The folder's node was dropped with the first part of the look, its files' nodes stayed in it till
 * the next one: asked where they had been, the program crashed; what was committed by then kept
 * these files out of sync for ever, and brought the folder back. */
Test(engine_copies, moves_what_was_copied_before_its_folder_was_deleted)
{
    small_world *w = a_world_with_a_folder();

    copy_and_delete(&w->devices[0]);
    expect_moved(w);
    small_world_destroy(&w);
}

Test(engine_copies, goes_on_after_a_crash_between_the_parts_of_such_a_look)
{
    for (uint64_t at = 1; at < 400; at += 3) {
        small_world *w = a_world_with_a_folder();
        small_device *here = &w->devices[0];

        copy_and_delete(here);
        here->faults = (disk_faults){.at = at, .status = CF_IO};
        small_device_round(here, &(cf_round_options){.kind = CF_ROUND_SYNC}, 200);
        bool struck = here->faults.calls >= at;
        small_device_crash(here);
        expect_moved(w);
        small_world_destroy(&w);
        if (!struck)
            break;
    }
}

/* Two names of one file have one mode: to set one's set the other's as well, which was published at
 * the next look as something that a user had done. */
Test(engine_copies, gives_one_of_two_links_a_mode_of_its_own)
{
    small_world *w = small_world_new(9, 2);
    small_device *here = &w->devices[0], *there = &w->devices[1];

    user_writes_text(here, "f", "text");
    cr_assert(small_world_settle(w));
    cr_assert(user_links(there, "f", "g"));
    cr_assert(small_world_settle(w));
    user_changes_mode(here, "f", 0600);
    cr_expect(small_world_settle(w));
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(mode_of(&w->devices[i], "f"), 0600);
        cr_expect_eq(mode_of(&w->devices[i], "g"), 0644);
    }
    small_world_destroy(&w);
}
