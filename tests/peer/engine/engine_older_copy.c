/* SPDX-License-Identifier: Apache-2.0 */
/* An older copy of a folder in its place, on a disk that makes up the numbers of its files: what
 * was there at one moment of the past is not published as edits and deletions. */
#include "tests/peer/small/stick.h"

#include "peer/sources/files/draft.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

static void expect_it_is_held(int files)
{
    stick self;

    stick_begin(&self, files);
    write_since(self.first, "file0");
    write_since(self.second, "file1");
    write_since(self.first, "new");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    stick_put_back(&self, "file1");
    user_removes(self.first, "new");
    expect_stick_held(&self, true);
    cr_expect_eq(self.log_reads, 1, "%llu", (unsigned long long)self.log_reads);
    cr_expect_eq(self.file_reads, 0, "%llu", (unsigned long long)self.file_reads);
    expect_stick_held(&self, true);
    cr_expect(user_reads_as(self.second, "file0", "edited"));
    cr_expect(user_reads_as(self.second, "file1", "edited"));
    cr_expect(user_reads_as(self.second, "new", "edited"));
    cr_expect(user_reads_as(self.first, "file0", "file0"));
    sync_with_the_word(self.first);
    cr_assert(small_device_sync(self.second));
    cr_expect_eq(trouble(self.first), CF_OK);
    cr_expect(user_reads_as(self.second, "file0", "file0"));
    cr_expect(user_reads_as(self.second, "file1", "file1"));
    cr_expect(!user_reads_as(self.second, "new", "edited"));
    stick_end(&self);
}

Test(engine_older_copy, reverts_nothing_until_the_word_is_given)
{
    expect_it_is_held(4);
    expect_it_is_held(40);
    expect_it_is_held(120);
}

/* A limit for deletions is no word about edits. */
Test(engine_older_copy, is_not_sent_by_a_limit_for_deletions)
{
    const cf_round_options options = {.kind = CF_ROUND_SYNC, .word = {.given = true, .limit = 5}};
    stick self;

    stick_begin(&self, 6);
    write_since(self.first, "file0");
    write_since(self.first, "new");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    user_removes(self.first, "new");
    cr_assert(small_device_round(self.first, &options, SMALL_TURNS_MAX));
    cr_expect_eq(trouble(self.first), CF_UNSAFE);
    stick_end(&self);
}

/* What is edited on it later makes it no newer. */
Test(engine_older_copy, is_held_though_something_is_new_on_it)
{
    stick self;

    stick_begin(&self, 6);
    write_since(self.first, "file0");
    write_since(self.first, "new");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    user_removes(self.first, "new");
    user_writes_text(self.first, "file3", "since");
    user_writes_text(self.first, "newer", "since");
    expect_stick_held(&self, true);
    stick_end(&self);
}

Test(engine_older_copy, is_known_by_what_was_deleted_and_what_was_made_since)
{
    stick self;

    stick_begin(&self, 6);
    user_makes(self.first, "in");
    stick_put_back(&self, "in/old");
    cr_assert(small_world_settle(self.w));
    user_removes(self.first, "file2");
    user_removes(self.second, "in");
    cr_assert(small_world_settle(self.w));
    write_since(self.second, "new");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file2");
    user_makes(self.first, "in");
    stick_put_back(&self, "in/old");
    user_removes(self.first, "new");
    expect_stick_held(&self, true);
    cr_expect(user_reads_as(self.second, "new", "edited"));
    stick_end(&self);
}

/* An older copy lies there, and what was there aside. */
static void begin_with_older(stick *self)
{
    stick_begin(self, 6);
    write_since(self->first, "file0");
    write_since(self->first, "new");
    cr_assert(small_world_settle(self->w));
    cr_assert(user_moves(self->first, "file0", "../aside0"));
    cr_assert(user_moves(self->first, "new", "../aside1"));
    stick_put_back(self, "file0");
    stick_remount(self);
}

static void put_right_one_back(stick *self)
{
    user_removes(self->first, "file0");
    cr_assert(user_moves(self->first, "../aside0", "file0"));
    cr_assert(user_moves(self->first, "../aside1", "new"));
}

/* The right one is put in its place again. */
Test(engine_older_copy, ends_when_what_was_there_is_back)
{
    stick self;

    begin_with_older(&self);
    expect_stick_held(&self, true);
    put_right_one_back(&self);
    const uint64_t entries = small_world_entries(self.w);
    cr_assert(small_device_sync(self.first));
    cr_expect_eq(trouble(self.first), CF_OK);
    cr_expect_eq(small_world_entries(self.w), entries);
    stick_end(&self);
}

/* A save with a backup moves the old file aside, under its number. */
static void save_with_backup(stick *self, const char *name)
{
    cr_assert(user_saves(self->first, name, cf_bytes_of_text("saved"), SAVE_WITH_BACKUP));
}

/* As it was before that. */
static void unsave(stick *self, const char *name)
{
    char backup[24];

    snprintf(backup, sizeof backup, "%s~", name);
    user_removes(self->first, name);
    cr_assert(user_moves(self->first, backup, name));
}

/* What the disk kept of that moment is on it, too. */
static void expect_unsaved(bool renumbers, int saved, bool edits, bool is_held)
{
    static const char *const names[] = {"file0", "file1"};
    stick self;

    stick_begin_on(&self, 6, renumbers);
    const int64_t then_ns = lesser_disk_clock(&self.disk);
    lesser_disk_set_clock(&self.disk, then_ns + 60 * 1000000000LL);
    for (int i = 0; i < saved; i++)
        save_with_backup(&self, names[i]);
    if (edits)
        write_since(self.first, "file2");
    cr_assert(small_world_settle(self.w));
    cr_assert(user_reads_as(self.second, "file0~", "file0"));
    stick_remount(&self);
    lesser_disk_set_clock(&self.disk, then_ns);
    for (int i = 0; i < saved; i++)
        unsave(&self, names[i]);
    if (edits)
        stick_put_back(&self, "file2");
    expect_stick_held(&self, is_held);
    cr_expect(user_reads_as(self.second, "file0", is_held ? "saved" : "file0"));
    stick_end(&self);
}

Test(engine_older_copy, is_known_though_saves_left_backups)
{
    expect_unsaved(true, 2, false, true);
    expect_unsaved(true, 1, true, true);
    expect_unsaved(false, 2, false, true);
    expect_unsaved(false, 1, true, true);
}

/* Later a backup is a file of its own, no draft of what its old name has: by its number it was
 * moved, over what that name had since. */
Test(engine_older_copy, is_known_by_its_numbers_though_saves_left_backups)
{
    static const char *const names[] = {"file0", "file1"};
    stick self;

    stick_begin_on(&self, 6, false);
    const int64_t then_ns = lesser_disk_clock(&self.disk);
    stick_pass_time(&self);
    for (int i = 0; i < 2; i++)
        save_with_backup(&self, names[i]);
    cr_assert(small_world_settle(self.w));
    self.w->now_ms += CF_DRAFT_MS;
    small_device_crash(self.first);
    stick_count_log_reads(&self);
    lesser_disk_set_clock(&self.disk, then_ns);
    for (int i = 0; i < 2; i++)
        unsave(&self, names[i]);
    expect_stick_held(&self, true);
    cr_expect(user_reads_as(self.second, "file0", "saved"));
    stick_end(&self);
}

/* `mv f~ f` is one thing that is done. */
Test(engine_older_copy, is_not_one_backup_that_is_moved_back)
{
    expect_unsaved(true, 1, false, false);
    expect_unsaved(false, 1, false, false);
}

/* ---- Where inode numbers last ---- */

/* A snapshot of the disk keeps when its files were last touched. */
static void expect_snapshot_held(int files)
{
    stick self;

    stick_begin_on(&self, files, false);
    const int64_t then_ns = lesser_disk_clock(&self.disk);
    stick_pass_time(&self);
    write_since(self.first, "file0");
    write_since(self.second, "file1");
    write_since(self.first, "new");
    cr_assert(small_world_settle(self.w));
    small_device_crash(self.first);
    stick_count_log_reads(&self);
    lesser_disk_set_clock(&self.disk, then_ns);
    stick_put_back(&self, "file0");
    stick_put_back(&self, "file1");
    user_removes(self.first, "new");
    expect_stick_held(&self, true);
    cr_expect(user_reads_as(self.second, "file0", "edited"));
    cr_expect(user_reads_as(self.second, "new", "edited"));
    stick_end(&self);
}

Test(engine_older_copy, is_a_snapshot_where_numbers_last)
{
    expect_snapshot_held(4);
    expect_snapshot_held(40);
    expect_snapshot_held(120);
}

/* ---- While it stays there ---- */

/* Who serves looks at it ever more seldom, and reads the log once, until either changes: after 1,
 * 3, 7, 15, 31, 63 minutes, and then each hour. */
Test(engine_older_copy, is_looked_at_ever_more_seldom)
{
    enum { MINUTES = 4 * 60 };
    const uint64_t minute_ms = 60000;
    stick self;

    stick_begin(&self, 6);
    write_since(self.first, "file0");
    write_since(self.first, "new");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    user_removes(self.first, "new");
    small_device_serves(self.first);
    stick_count_log_reads(&self);
    small_device_passes(self.first, minute_ms / 2);
    cr_expect_eq(trouble(self.first), CF_UNSAFE);
    cr_expect_eq(self.log_reads, 1, "%llu", (unsigned long long)self.log_reads);
    const uint64_t one_look = self.disk.listings;
    self.disk.listings = 0;
    for (int i = 0; i < MINUTES; i++)
        small_device_passes(self.first, minute_ms);
    cr_expect_gt(self.disk.listings, 0);
    cr_expect_leq(self.disk.listings, 10 * one_look, "%llu",
                  (unsigned long long)self.disk.listings);
    cr_expect_eq(self.log_reads, 1, "%llu", (unsigned long long)self.log_reads);
    write_since(self.second, "newer");
    cr_assert(small_device_sync(self.second));
    cr_assert(small_device_sync(self.first));
    cr_expect_eq(self.log_reads, 2, "%llu", (unsigned long long)self.log_reads);
    stick_put_back(&self, "file1");
    stick_put_back(&self, "newest");
    cr_assert(small_device_sync(self.first));
    cr_expect_eq(self.log_reads, 3, "%llu", (unsigned long long)self.log_reads);
    cr_expect_eq(trouble(self.first), CF_UNSAFE);
    stick_end(&self);
}

static void expect_over_when_mounted(bool is_above)
{
    stick self;

    begin_with_older(&self);
    const uint64_t entries = small_world_entries(self.w);
    small_device_serves(self.first);
    small_device_passes(self.first, 1200000);
    cr_expect_eq(trouble(self.first), CF_UNSAFE);
    put_right_one_back(&self);
    lesser_disk_remount(&self.disk, 5);
    cf_engine_mounted(self.first->engine, is_above ? self.w->path : self.first->folder);
    small_device_passes(self.first, 2000);
    cr_expect_eq(trouble(self.first), CF_OK, "%d", is_above);
    write_since(self.first, "newer");
    small_device_passes(self.first, 20000);
    cr_expect_eq(small_world_entries(self.w), entries + 1);
    stick_end(&self);
}

/* The right disk is mounted where the older one lay, and nobody has to wait for an hour. */
Test(engine_older_copy, is_over_at_once_when_the_right_disk_is_mounted)
{
    expect_over_when_mounted(false);
    expect_over_when_mounted(true);
}

/* The next one has waited for nothing yet. */
Test(engine_older_copy, is_looked_at_soon_when_it_is_another_one)
{
    const uint64_t minute_ms = 60000;
    stick self;

    begin_with_older(&self);
    small_device_serves(self.first);
    small_device_passes(self.first, 40 * minute_ms);
    cr_expect_eq(trouble(self.first), CF_UNSAFE);
    put_right_one_back(&self);
    cf_engine_mounted(self.first->engine, self.first->folder);
    small_device_passes(self.first, 2000);
    cr_assert_eq(trouble(self.first), CF_OK);
    cr_assert(user_moves(self.first, "file0", "../aside0"));
    cr_assert(user_moves(self.first, "new", "../aside1"));
    stick_put_back(&self, "file0");
    cf_engine_mounted(self.first->engine, self.first->folder);
    small_device_passes(self.first, 2000);
    cr_assert_eq(trouble(self.first), CF_UNSAFE);
    put_right_one_back(&self);
    for (int i = 0; i < 3; i++)
        small_device_passes(self.first, minute_ms);
    cr_expect_eq(trouble(self.first), CF_OK);
    stick_end(&self);
}

/* ---- What an older copy shows of a later time ---- */

/* A file that was moved out and in again since the copy was made is another item, and as it was. */
Test(engine_older_copy, is_one_though_a_file_was_away_since)
{
    stick self;

    stick_begin(&self, 12);
    write_since(self.first, "file0");
    write_since(self.second, "file1");
    write_since(self.first, "new");
    cr_assert(small_world_settle(self.w));
    cr_assert(user_moves(self.first, "file3", "../trash"));
    cr_assert(small_world_settle(self.w));
    cr_assert(user_moves(self.first, "../trash", "file3"));
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    stick_put_back(&self, "file1");
    user_removes(self.first, "new");
    expect_stick_held(&self, true);
    cr_expect(user_reads_as(self.second, "file0", "edited"));
    cr_expect(user_reads_as(self.second, "new", "edited"));
    stick_end(&self);
}

/* What was put there since may have an older time than what went: out of an archive. */
Test(engine_older_copy, is_one_though_what_came_since_is_of_an_older_time)
{
    stick self;

    stick_begin(&self, 12);
    user_removes(self.first, "file2");
    cr_assert(small_world_settle(self.w));
    write_since(self.second, "new");
    user_stamps(self.second, "new", 500);
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file2");
    user_removes(self.first, "new");
    expect_stick_held(&self, true);
    cr_expect(user_reads_as(self.second, "new", "edited"));
    stick_end(&self);
}

/* One content, another, and the first again, with its time. */
Test(engine_older_copy, is_one_though_a_content_returned_since)
{
    stick self;

    stick_begin(&self, 12);
    write_since(self.first, "file0");
    write_since(self.first, "new");
    write_since(self.first, "file5");
    cr_assert(small_world_settle(self.w));
    stick_put_back(&self, "file5");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    user_removes(self.first, "new");
    expect_stick_held(&self, true);
    cr_expect(user_reads_as(self.second, "file0", "edited"));
    stick_end(&self);
}

static void writes_alike(small_device *who)
{
    user_writes_text(who, "file3", "alike");
    user_stamps(who, "file3", 700);
}

/* What is here is here since this device wrote it: that tells of nothing else of the other. */
Test(engine_older_copy, is_one_though_another_device_had_written_a_file_alike)
{
    stick self;

    stick_begin(&self, 12);
    writes_alike(self.first);
    cr_assert(small_device_sync(self.first));
    writes_alike(self.second);
    write_since(self.second, "new");
    cr_assert(small_world_settle(self.w));
    write_since(self.first, "file0");
    write_since(self.first, "file3");
    cr_assert(small_world_settle(self.w));
    stick_remount(&self);
    stick_put_back(&self, "file0");
    writes_alike(self.first);
    user_removes(self.first, "new");
    expect_stick_held(&self, true);
    cr_expect(user_reads_as(self.second, "file3", "edited"));
    stick_end(&self);
}
