/* SPDX-License-Identifier: Apache-2.0 */
/* A source that only receives, in which something of its own lies in the way. */
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>

/* What a round asks the disk and the store, where so many files are different here and were changed
 * elsewhere. */
static uint64_t calls_of_round(int different)
{
    small_world *w = small_world_new(3, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    char path[32];

    cf_engine_binding_at(second->engine, 0)->mode = CF_MODE_RECEIVE;
    for (int i = 0; i < 16; i++) {
        snprintf(path, sizeof path, "file%d", i);
        user_writes_text(first, path, "theirs");
        if (i < different)
            user_writes_text(second, path, "of its own");
    }
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    second->faults.reads = true;
    const uint64_t before = second->faults.calls;
    cr_assert(small_device_sync(second));
    const uint64_t calls = second->faults.calls - before;
    cr_expect_eq(small_device_pending(second, NULL, CF_PENDING_UNSENT), (size_t)different);
    small_world_destroy(&w);
    return calls;
}

/* Nothing that such a look finds is told to anybody: another one at once would find the same. */
Test(engine_receives, looks_once_at_what_is_different_here)
{
    const uint64_t none = calls_of_round(0), one = calls_of_round(1);
    const uint64_t few = calls_of_round(4), many = calls_of_round(16);

    cr_expect_leq(one, none + 60);
    cr_expect_leq(few, one + 3 * 40);
    cr_expect_leq(many, few + 12 * 40);
}
