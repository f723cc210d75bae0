/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/crash_work.h"

#include "tests/support/expect.h"

enum { LARGE = 150000 };

void write_large(small_device *self, const char *path, uint8_t seed)
{
    cf_buffer bytes = {0};
    uint32_t state = seed;

    uint8_t *at = cf_buffer_reserve(&bytes, LARGE);
    for (size_t i = 0; i < LARGE; i++)
        at[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
    bytes.size = LARGE;
    cr_assert(user_saves(self, path, cf_buffer_view(&bytes), SAVE_BY_RENAME));
    cf_buffer_release(&bytes);
}

void crash_work_prepare(small_world *in)
{
    small_device *a = &in->devices[0];

    user_makes(a, "d");
    user_makes(a, "old");
    user_writes_text(a, "one", "1");
    user_writes_text(a, "two", "2");
    user_writes_text(a, "three", "3");
    user_writes_text(a, "inner", "inner");
    user_writes_text(a, "left", "left");
    user_writes_text(a, "right", "right");
    user_writes_text(a, "d/five", "5");
    user_writes_text(a, "d/sub", "s");
    user_writes_text(a, "d/gone", "g");
    user_writes_text(a, "old/six", "6");
    write_large(a, "large", 1);
    settles_equal_by(small_world_equal, in, "before", 0);
}

void crash_work(small_device *self)
{
    user_writes_text(self, "one", "one");
    user_writes_text(self, "d/sub", "new sub");
    user_removes(self, "d/gone");
    user_moves(self, "two", "d/zwei");
    user_removes(self, "three");
    user_swaps(self, "left", "right");
    user_removes(self, "old");
    user_changes_mode(self, "d/five", 0700);
    user_stamps(self, "d/five", 1000000000);
    user_makes(self, "new");
    user_writes_text(self, "new/seven", "7");
    user_points(self, "link", "d/five");
    user_makes(self, "outer");
    user_moves(self, "inner", "outer/inner");
    user_moves(self, "outer", "inner");
    write_large(self, "large", 2);
    write_large(self, "new/other", 3);
}

void crash_work_rest(lesser_disk *disk, small_world *in)
{
    const int64_t LATER_NS = INT64_C(10000000000);

    lesser_disk_set_clock(disk, lesser_disk_clock(disk) + LATER_NS);
    settles_equal_by(small_world_equal, in, "rested", 0);
}
