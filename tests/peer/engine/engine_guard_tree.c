/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that is moved out of the source before a watch: one name vanishes, and all that was in
 * it goes. */
#include "peer/sources/files/debounce.h"
#include "tests/peer/small/guarded.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum {
    BESIDE = 50,
    IN_IT = 50,
    FEWER = 30,
    SERVED_MS = 9000,
    JUST_BEFORE_MS = 300,
    POLL_MS = 5000
};

/* 30 of 100 may go by themselves, with 50 that are on their way out they may not. */
Test(engine_guard_tree, counts_all_that_was_in_a_folder_that_is_missing_with_what_goes)
{
    small_world *w = a_guarded_world_of(1, BESIDE);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "tree");
    for (int i = 0; i < IN_IT; i++) {
        char name[16];

        snprintf(name, sizeof name, "tree/%d", i);
        user_writes_text(a, name, name);
    }
    cr_assert(small_world_settle(w));
    w->now_ms += 2 * CF_RECENT_MS;
    small_device_serves(b);
    small_device_passes(b, SERVED_MS);
    remove_range(b, 0, FEWER);
    small_device_passes(b, CF_DEBOUNCE_ABSENT_MS - JUST_BEFORE_MS);
    cr_assert(user_moves(b, "tree", "../tree moved out"));
    small_device_passes(b, SERVED_MS);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), FEWER + IN_IT + 1);
    small_world_destroy(&w);
}
