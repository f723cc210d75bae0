/* SPDX-License-Identifier: Apache-2.0 */
/* What looks like an older copy of a disk at first, and is none: somebody restores some of it. */
#include "tests/peer/small/stick.h"

#include "tests/support/expect.h"

#include <stdio.h>

/* The first of what was written since is there, and so it is no older copy. */
static void expect_restored(int files)
{
    stick self;

    stick_begin(&self, files);
    write_since(self.first, "file0");
    write_since(self.first, "file1");
    write_since(self.first, "file2");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    stick_put_back(&self, "file1");
    user_removes(self.first, "file3");
    expect_stick_held(&self, false);
    cr_expect(user_reads_as(self.second, "file0", "file0"));
    cr_expect(user_reads_as(self.second, "file2", "edited"));
    stick_end(&self);
}

Test(engine_no_older_copy, is_what_restores_some_of_what_was_changed)
{
    expect_restored(4);
    expect_restored(40);
    expect_restored(120);
}

/* One old version that is copied over a file is an edit, and the log is not asked for it. */
static void expect_one_restored(int files)
{
    stick self;

    stick_begin(&self, files);
    write_since(self.first, "file0");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    expect_stick_held(&self, false);
    cr_expect_eq(self.log_reads, 0);
    cr_expect(user_reads_as(self.second, "file0", "file0"));
    stick_end(&self);
}

Test(engine_no_older_copy, is_one_file_that_is_restored)
{
    expect_one_restored(4);
    expect_one_restored(40);
    expect_one_restored(120);
}

/* Files that were deleted, and came back, revert nothing. */
Test(engine_no_older_copy, is_what_came_back_alone)
{
    stick self;

    stick_begin(&self, 6);
    user_removes(self.first, "file0");
    user_removes(self.first, "file1");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    stick_put_back(&self, "file1");
    expect_stick_held(&self, false);
    cr_expect_eq(self.log_reads, 0);
    cr_expect(user_reads_as(self.second, "file0", "file0"));
    cr_expect(user_reads_as(self.second, "file1", "file1"));
    stick_end(&self);
}

/* `mv f~ f`: what the backup was is at another name. */
Test(engine_no_older_copy, is_a_backup_that_takes_its_files_place)
{
    stick self;

    stick_begin(&self, 6);
    cr_assert(user_moves(self.first, "file0", "file0~"));
    write_since(self.first, "file0");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    cr_assert(user_moves(self.first, "file0~", "file0"));
    expect_stick_held(&self, false);
    cr_expect(user_reads_as(self.second, "file0", "file0"));
    stick_end(&self);
}

/* Edits, deletions and what is new cost no reading of the log. */
static void expect_no_reading(int files)
{
    stick self;
    char name[16];

    stick_begin(&self, files);
    stick_remount(&self);
    for (int i = 0; i < files / 4; i++) {
        name_file(i, name);
        write_since(self.first, name);
        name_file(files / 2 + i, name);
        user_removes(self.first, name);
        snprintf(name, sizeof name, "new%d", i);
        write_since(self.first, name);
    }
    expect_stick_held(&self, false);
    cr_expect_eq(self.log_reads, 0);
    stick_end(&self);
}

Test(engine_no_older_copy, costs_nothing_where_nothing_went_back)
{
    expect_no_reading(8);
    expect_no_reading(80);
    expect_no_reading(120);
}

/* ---- Where inode numbers last ---- */

/* `mv a trash`, then `mv trash/a .`, and what was written meanwhile goes. */
static void expect_moved_back(int files, bool writes_elsewhere)
{
    stick self;

    stick_begin_on(&self, files, false);
    stick_pass_time(&self);
    cr_assert(user_moves(self.first, "file0", "../trash"));
    cr_assert(small_device_sync(self.first));
    stick_pass_time(&self);
    write_since(writes_elsewhere ? self.second : self.first, "new");
    cr_assert(small_world_settle(self.w));
    small_device_crash(self.first);
    stick_count_log_reads(&self);
    stick_pass_time(&self);
    cr_assert(user_moves(self.first, "../trash", "file0"));
    user_removes(self.first, "new");
    expect_stick_held(&self, false);
    cr_expect_eq(self.log_reads, 0, "%llu", (unsigned long long)self.log_reads);
    cr_expect(user_reads_as(self.second, "file0", "file0"));
    cr_expect(!user_reads_as(self.second, "new", "edited"));
    stick_end(&self);
}

Test(engine_no_older_copy, is_what_was_moved_out_and_in_again)
{
    expect_moved_back(6, false);
    expect_moved_back(40, false);
    expect_moved_back(120, false);
    expect_moved_back(6, true);
}

/* `cp -p` of the two that were edited last. */
Test(engine_no_older_copy, is_what_was_just_copied_over_its_files)
{
    stick self;

    stick_begin_on(&self, 6, false);
    stick_pass_time(&self);
    write_since(self.first, "file0");
    write_since(self.first, "file1");
    cr_assert(small_world_settle(self.w));
    small_device_crash(self.first);
    stick_count_log_reads(&self);
    stick_pass_time(&self);
    stick_put_back(&self, "file0");
    stick_put_back(&self, "file1");
    expect_stick_held(&self, false);
    cr_expect_eq(self.log_reads, 0);
    cr_expect(user_reads_as(self.second, "file0", "file0"));
    cr_expect(user_reads_as(self.second, "file1", "file1"));
    stick_end(&self);
}

/* `mv new0 new1`, `rm new2 new3`, of the four that were made last, while the disk's clock is
 * behind: what new1 has now it never had. */
Test(engine_no_older_copy, is_a_file_that_takes_the_place_of_another)
{
    stick self;
    char name[16];

    stick_begin_on(&self, 6, false);
    const int64_t then_ns = lesser_disk_clock(&self.disk);
    stick_pass_time(&self);
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "new%d", i);
        user_writes_text(self.first, name, name);
    }
    cr_assert(small_world_settle(self.w));
    write_since(self.first, "new0"); /* it has a history, and is no draft of new1 */
    cr_assert(small_world_settle(self.w));
    small_device_crash(self.first);
    lesser_disk_set_clock(&self.disk, then_ns);
    cr_assert(user_moves(self.first, "new0", "new1"));
    user_removes(self.first, "new2");
    user_removes(self.first, "new3");
    expect_stick_held(&self, false);
    cr_expect(user_reads_as(self.second, "new1", "edited"));
    cr_expect(!user_reads_as(self.second, "new2", "new2"));
    stick_end(&self);
}
