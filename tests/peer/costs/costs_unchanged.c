/* SPDX-License-Identifier: Apache-2.0 */
/* What a sync costs that finds nothing changed: each file is looked at, each folder listed, and no
 * byte of any is read; what it asks of its store and of the broker is the same among few files and
 * among many. */
#include "tests/peer/costs/costs_world.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>

static void sync_once(small_device *first)
{
    cr_assert(small_device_sync(first));
}

static void sync_with_an_edit(small_device *first)
{
    user_writes_text(first, "d0/f7", "edited");
    cr_assert(small_device_sync(first));
}

static tally cost_among(void *context, size_t files)
{
    small_world *in = small_world_new(31, 2);

    costs_begin(in);
    costs_make_files(&in->devices[0], files);
    costs_settle(in);
    costs_settle(in);
    const tally out = costs_of(in, *(costs_act **)context);
    small_world_destroy(&in);
    return out;
}

TestSuite(costs_unchanged, .timeout = 240);

Test(costs_unchanged, no_file_is_read)
{
    costs_act *act = sync_once;

    tally_expect_linear(
        "a sync", cost_among, &act,
        (const char *[]){
            "gets 1, stats 33, opens 7, lists 2, changes 1, reads 1, jobs 3, messages 2",
            "gets 1, stats 185, opens 10, lists 5, changes 1, reads 1, jobs 3, messages 2",
            "gets 1, stats 1417, opens 38, lists 33, changes 1, reads 1, jobs 3, messages 2"});
}

#define EDIT(stats, opens, lists)                                                                  \
    "gets 31, scans 9, shown 9, writes 11, records 22, stats " #stats ", opens " #opens            \
    ", lists " #lists ", changes 7, reads 2, puts 1, syncs 3, jobs 9, messages 18"

Test(costs_unchanged, nor_is_one_beside_a_file_that_was_edited)
{
    costs_act *act = sync_with_an_edit;

    tally_expect_linear("a sync of an edit", cost_among, &act,
                        (const char *[]){EDIT(44, 16, 2), EDIT(196, 19, 5), EDIT(1428, 47, 33)});
}
