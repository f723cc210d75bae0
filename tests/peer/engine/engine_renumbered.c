/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that makes up the numbers of its files each time it is mounted: nothing was done by that,
 * and what was done while it was away is what it looks like. */
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

typedef struct {
    lesser_disk disk;
    small_world *w;
    small_device *first, *second;
} stick;

static void name_of(unsigned i, char out[16])
{
    snprintf(out, 16, "%sf%03u", i % 3 ? "" : "in/", i);
}

/* So many files of one size and time, known to both devices, and the disk has rested. */
static void begin(stick *self, unsigned files)
{
    char name[16];

    self->w = small_world_new(17, 2);
    self->first = &self->w->devices[0];
    self->second = &self->w->devices[1];
    lesser_disk_begin(&self->disk, self->w);
    self->disk.renumbers = true;
    small_device_crash(self->first);
    user_makes(self->first, "in");
    for (unsigned i = 0; i < files; i++) {
        name_of(i, name);
        user_writes_text(self->first, name, name + strlen(name) - 4);
    }
    cr_assert(small_device_sync(self->first));
    cr_assert(small_device_sync(self->second));
    lesser_disk_set_clock(&self->disk, lesser_disk_clock(&self->disk) + 10 * SECOND_NS);
    cr_assert(small_device_sync(self->first));
    cr_assert(small_device_sync(self->second));
}

/* Taken away and mounted again: each file has the number that another one had. (Both devices' files
 * lie on it.) */
static void remount(stick *self)
{
    lesser_disk_remount(&self->disk, 5);
    small_device_crash(self->first);
    small_device_crash(self->second);
}

static void end(stick *self)
{
    small_world_destroy(&self->w);
}

/* The second device's edit of what the first one has not touched. */
static void expect_apart(stick *self, unsigned files)
{
    char name[16];

    for (unsigned i = 4; i < files; i++) {
        name_of(i, name);
        cr_expect(user_reads_as(self->first, name, name + strlen(name) - 4), "%s", name);
        cr_expect(user_reads_as(self->second, name, name + strlen(name) - 4), "%s", name);
    }
}

static void expect_no_news(unsigned files)
{
    stick self;

    begin(&self, files);
    uint64_t entries = small_world_entries(self.w);
    remount(&self);
    self.disk.reads = 0;
    cr_assert(small_device_sync(self.first));
    cr_expect_eq(self.disk.reads, 0, "nothing is read for it");
    cr_assert(small_world_settle(self.w));
    cr_expect_eq(small_world_entries(self.w), entries, "and nothing is said");
    expect_apart(&self, files);
    end(&self);
}

Test(engine_renumbered, to_be_mounted_again_is_no_news)
{
    expect_no_news(6);
    expect_no_news(60);
    expect_no_news(300);
}

/* Elsewhere something is edited under its name meanwhile, and stays under it. */
Test(engine_renumbered, one_renamed_while_away_is_moved_and_no_other_is)
{
    stick self;

    begin(&self, 40);
    uint64_t entries = small_world_entries(self.w);
    remount(&self);
    cr_assert(user_moves(self.first, "f002", "renamed"));
    user_writes_text(self.second, "f005", "edited");
    cr_assert(small_device_sync(self.second));
    cr_assert(small_device_sync(self.first));
    cr_expect_eq(small_world_entries(self.w), entries + 2, "the edit, and the rename");
    cr_assert(small_world_settle(self.w));
    for (int i = 0; i < 2; i++) {
        const small_device *one = &self.w->devices[i];

        cr_expect(user_reads_as(one, "f005", "edited"));
        cr_expect(user_reads_as(one, "renamed", "f002"));
        cr_expect(user_reads_as(one, "f001", "f001"));
        cr_expect(user_reads_as(one, "in/f006", "f006"));
        cr_expect(user_reads_as(one, "f004", "f004"));
        cr_expect(!user_reads_as(one, "f002", "f002"));
    }
    end(&self);
}

/* It was a name that went and one that came with this content: an edit under the old name goes to
 * the new one. */
Test(engine_renumbered, a_rename_while_away_takes_an_edit_along)
{
    stick self;

    begin(&self, 12);
    remount(&self);
    cr_assert(user_moves(self.first, "f002", "in/renamed"));
    user_writes_text(self.second, "f002", "edited");
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    cr_assert(small_world_settle(self.w));
    cr_expect(user_reads_as(self.first, "in/renamed", "edited"));
    cr_expect(user_reads_as(self.second, "in/renamed", "edited"));
    end(&self);
}

/* A directory, too: what is in it is known again by its content. */
Test(engine_renumbered, a_directory_renamed_while_away_keeps_what_is_in_it)
{
    stick self;

    begin(&self, 30);
    remount(&self);
    cr_assert(user_moves(self.first, "in", "out"));
    user_writes_text(self.second, "in/f003", "edited");
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    cr_assert(small_world_settle(self.w));
    cr_expect(user_reads_as(self.first, "out/f003", "edited"));
    cr_expect(user_reads_as(self.second, "out/f006", "f006"));
    cr_expect(!user_reads_as(self.second, "in/f006", "f006"));
    end(&self);
}

/* One move, and nothing in it is read. */
static void expect_one_move(unsigned files)
{
    stick self;
    char name[16], moved[24];

    begin(&self, files);
    user_makes(self.first, "in/sub");
    user_writes_text(self.first, "in/sub/deep", "deep");
    user_points(self.first, "in/link", "sub/deep");
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    lesser_disk_set_clock(&self.disk, lesser_disk_clock(&self.disk) + 10 * SECOND_NS);
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    uint64_t entries = small_world_entries(self.w);
    remount(&self);
    self.disk.reads = 0;
    cr_assert(user_moves(self.first, "in", "out"));
    cr_assert(small_device_sync(self.first));
    cr_expect_eq(self.disk.reads, 0, "%llu", (unsigned long long)self.disk.reads);
    cr_expect_eq(small_world_entries(self.w), entries + 1);
    cr_assert(small_device_sync(self.second));
    for (unsigned i = 0; i < files; i += 3) {
        name_of(i, name);
        snprintf(moved, sizeof moved, "out/%s", name + 3);
        cr_expect(user_reads_as(self.second, moved, name + 3), "%s", moved);
        cr_expect(!user_reads_as(self.second, name, name + 3), "%s", name);
    }
    cr_expect(user_reads_as(self.second, "out/sub/deep", "deep"));
    cr_assert(small_world_settle(self.w));
    cr_expect_eq(small_world_entries(self.w), entries + 1, "and nothing more is said");
    end(&self);
}

Test(engine_renumbered, a_directory_renamed_while_away_is_one_move)
{
    expect_one_move(6);
    expect_one_move(60);
    expect_one_move(200);
}

/* In whichever of them an edit comes, it goes where that is now, or else to no other file. */
Test(engine_renumbered, directories_that_hold_the_same_are_told_by_their_files)
{
    stick self;

    begin(&self, 3);
    for (int i = 0; i < 2; i++) {
        const char *in = i ? "two" : "one", *file = i ? "two/f" : "one/f";

        user_makes(self.first, in);
        user_writes_text(self.first, file, in);
    }
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    lesser_disk_set_clock(&self.disk, lesser_disk_clock(&self.disk) + 10 * SECOND_NS);
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    remount(&self);
    cr_assert(user_moves(self.first, "one", "1"));
    cr_assert(user_moves(self.first, "two", "2"));
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    cr_expect(user_reads_as(self.second, "1/f", "one"));
    cr_expect(user_reads_as(self.second, "2/f", "two"));
    cr_expect(!user_reads_as(self.second, "one/f", "one"));
    cr_expect(!user_reads_as(self.second, "two/f", "two"));
    end(&self);
}

/* Names and sizes are those of the one that went, times are not: files that were written since, and
 * an edit of the old ones is none of them. */
Test(engine_renumbered, a_directory_with_the_same_names_is_another_one)
{
    stick self;

    begin(&self, 9);
    remount(&self);
    user_removes(self.first, "in");
    user_makes(self.first, "out");
    user_writes_text(self.first, "out/f000", "F000");
    user_writes_text(self.first, "out/f003", "F003");
    user_writes_text(self.first, "out/f006", "F006");
    user_writes_text(self.second, "in/f003", "edited");
    lesser_disk_set_clock(&self.disk, lesser_disk_clock(&self.disk) + 10 * SECOND_NS);
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    cr_assert(small_world_settle(self.w));
    cr_expect(user_reads_as(self.second, "out/f003", "F003"));
    cr_expect(user_reads_as(self.first, "in/f003", "edited"));
    end(&self);
}

/* While it stays mounted, too: a number that a name has not any more says nothing. */
Test(engine_renumbered, a_rename_while_it_is_mounted)
{
    stick self;

    begin(&self, 12);
    remount(&self);
    cr_assert(small_device_sync(self.first));
    cr_assert(user_moves(self.first, "f002", "renamed"));
    cr_assert(user_moves(self.first, "f001", "f002"));
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    cr_assert(small_world_settle(self.w));
    cr_expect(user_reads_as(self.second, "f002", "f001"));
    cr_expect(user_reads_as(self.second, "renamed", "f002"));
    cr_expect(!user_reads_as(self.second, "f001", "f001"));
    end(&self);
}

/* What comes meanwhile goes to where it belongs. */
Test(engine_renumbered, an_edit_elsewhere_comes_after_it_was_mounted_again)
{
    stick self;

    begin(&self, 12);
    remount(&self);
    user_writes_text(self.second, "f004", "edited");
    user_removes(self.second, "f005");
    cr_assert(small_device_sync(self.second));
    cr_assert(small_device_sync(self.first));
    cr_expect(user_reads_as(self.first, "f004", "edited"));
    cr_expect(!user_reads_as(self.first, "f005", "f005"));
    expect_apart(&self, 4);
    end(&self);
}

/* By the watches: looks at parts, which begin at directories of which only the place is known. */
Test(engine_renumbered, who_serves_sees_what_is_moved)
{
    stick self;

    begin(&self, 12);
    remount(&self);
    small_device_serves(self.first);
    small_device_passes(self.first, 10000);
    cr_assert(user_moves(self.first, "f002", "in/renamed"));
    small_device_passes(self.first, 10000);
    cr_assert(user_moves(self.first, "in", "out"));
    small_device_passes(self.first, 10000);
    user_writes_text(self.first, "out/new", "new");
    small_device_passes(self.first, 10000);
    cr_assert(small_device_sync(self.second));
    cr_expect(user_reads_as(self.second, "out/renamed", "f002"));
    cr_expect(user_reads_as(self.second, "out/new", "new"));
    cr_expect(user_reads_as(self.second, "out/f006", "f006"));
    cr_expect(user_reads_as(self.second, "f004", "f004"));
    cr_expect(!user_reads_as(self.second, "in/f006", "f006"));
    end(&self);
}

/* Of two that have one content the one of the same name is it; what is edited and renamed is what
 * it looks like: new, and the other one gone. */
Test(engine_renumbered, what_was_renamed_and_edited_is_new)
{
    stick self;

    begin(&self, 12);
    remount(&self);
    cr_assert(user_moves(self.first, "f002", "renamed"));
    user_writes_text(self.first, "renamed", "longer than it was");
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    cr_assert(small_world_settle(self.w));
    cr_expect(user_reads_as(self.second, "renamed", "longer than it was"));
    cr_expect(!user_reads_as(self.second, "f002", "f002"));
    cr_expect(user_reads_as(self.second, "f001", "f001"));
    cr_expect(user_reads_as(self.second, "f004", "f004"));
    end(&self);
}

/* Of one size and time: only the numbers, or the content, tell that it is another. */
static void expect_replaced(bool swaps, bool remounts)
{
    stick self;

    begin(&self, 12);
    self.disk.no_ctimes = true;
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    if (remounts)
        remount(&self);
    if (swaps) {
        cr_assert(user_swaps(self.first, "f001", "f002"));
    } else {
        user_removes(self.first, "f001");
        cr_assert(user_moves(self.first, "f002", "f001"));
    }
    self.disk.reads = 0;
    cr_assert(small_device_sync(self.first));
    cr_assert(small_device_sync(self.second));
    cr_expect_geq(self.disk.reads, 1);
    cr_assert(small_world_settle(self.w));
    for (int i = 0; i < 2; i++) {
        const small_device *one = &self.w->devices[i];

        cr_expect(user_reads_as(one, "f001", "f002"));
        cr_expect_eq(user_reads_as(one, "f002", "f001"), swaps);
        cr_expect(user_reads_as(one, "f004", "f004"));
        cr_expect(user_reads_as(one, "in/f003", "f003"));
    }
    end(&self);
}

Test(engine_renumbered, another_of_one_size_and_time_put_in_its_place)
{
    expect_replaced(false, false);
}

Test(engine_renumbered, another_put_in_its_place_while_away)
{
    expect_replaced(false, true);
}

Test(engine_renumbered, two_of_one_size_and_time_changed_places)
{
    expect_replaced(true, false);
}

/* By the watches, which show only the two. */
Test(engine_renumbered, who_serves_sees_two_change_places)
{
    stick self;

    begin(&self, 12);
    self.disk.no_ctimes = true;
    small_device_serves(self.first);
    small_device_passes(self.first, 10000);
    cr_assert(user_swaps(self.first, "f001", "f002"));
    small_device_passes(self.first, 10000);
    cr_assert(small_device_sync(self.second));
    cr_expect(user_reads_as(self.second, "f001", "f002"));
    cr_expect(user_reads_as(self.second, "f002", "f001"));
    end(&self);
}

/* ---- Renamed while it is served ---- */

enum {
    LOOKS_AT_MOVED = 3
}; /* of a file, since a rename may hide an edit; what is in a directory
      needs none */

static void expect_moved(unsigned files, const char *from, const char *to, const char *edited,
                         const char *there)
{
    stick self;
    cf_buffer difference = {0};

    begin(&self, files);
    small_device_serves(self.first);
    small_device_passes(self.first, 10000);
    uint64_t entries = small_world_entries(self.w);
    self.disk.reads = 0;
    cr_assert(user_moves(self.first, from, to));
    small_device_passes(self.first, 2000);
    cr_expect_leq(self.disk.reads, LOOKS_AT_MOVED, "%u files: %llu reads", files,
                  (unsigned long long)self.disk.reads);
    cr_expect_eq(small_world_entries(self.w), entries + 1, "it is told at once, as one");
    user_writes_text(self.second, edited, "edited");
    cr_assert(small_device_sync(self.second));
    small_device_passes(self.first, 10000);
    cr_expect_eq(small_world_entries(self.w), entries + 2, "the rename, and the edit");
    cr_expect(user_reads_as(self.first, there, "edited"));
    cr_expect(!user_reads_as(self.first, edited, "edited"));
    cr_assert(small_world_settle(self.w));
    cr_expect(user_reads_as(self.second, there, "edited"));
    cr_expect(small_world_equal(self.w, &difference), "%s", (const char *)difference.data);
    cf_buffer_release(&difference);
    end(&self);
}

/* An edit that comes from elsewhere, of what was there by its old name, goes to the new one. */
Test(engine_renumbered, a_file_renamed_while_it_is_served_is_moved)
{
    expect_moved(12, "f002", "renamed", "f002", "renamed");
    expect_moved(12, "f002", "in/f002", "f002", "in/f002");
}

/* It needs no reading, whatever is in it. */
Test(engine_renumbered, a_directory_renamed_while_it_is_served_is_moved)
{
    expect_moved(6, "in", "out", "in/f003", "out/f003");
    expect_moved(60, "in", "out", "in/f003", "out/f003");
    expect_moved(300, "in", "out", "in/f003", "out/f003");
}

/* It is the same file, whatever is in it by then. */
Test(engine_renumbered, a_file_renamed_and_edited_while_it_is_served_is_moved)
{
    stick self;

    begin(&self, 12);
    small_device_serves(self.first);
    small_device_passes(self.first, 10000);
    cr_assert(user_moves(self.first, "f002", "between"));
    cr_assert(user_moves(self.first, "between", "renamed"));
    user_writes_text(self.first, "renamed", "longer than it was");
    user_writes_text(self.second, "f002", "edited elsewhere");
    small_device_passes(self.first, 10000);
    cr_assert(small_device_sync(self.second));
    cr_assert(small_world_settle(self.w));
    for (int i = 0; i < 2; i++) {
        char token[64];

        cr_expect(small_device_token(&self.w->devices[i], "renamed", token));
        cr_expect(!small_device_token(&self.w->devices[i], "f002", token),
                  "both have edited one file");
    }
    end(&self);
}

/* Into a directory that nobody watched when it came: what went and what came are seen together. */
Test(engine_renumbered, files_moved_into_a_new_directory_while_it_is_served)
{
    stick self;

    begin(&self, 12);
    small_device_serves(self.first);
    small_device_passes(self.first, 10000);
    cr_assert(user_moves(self.first, "f001", "f001~")); /* an event, so that the look is later */
    user_makes(self.first, "new");
    cr_assert(user_moves(self.first, "f002", "new/f002"));
    cr_assert(user_moves(self.first, "in", "new/in"));
    small_device_passes(self.first, 2000);
    user_writes_text(self.second, "f002", "edited");
    user_writes_text(self.second, "in/f003", "edited");
    cr_assert(small_device_sync(self.second));
    small_device_passes(self.first, 10000);
    cr_assert(small_world_settle(self.w));
    for (int i = 0; i < 2; i++) {
        const small_device *one = &self.w->devices[i];

        cr_expect(user_reads_as(one, "new/f002", "edited"));
        cr_expect(user_reads_as(one, "new/in/f003", "edited"));
        cr_expect(!user_reads_as(one, "f002", "edited"));
        cr_expect(!user_reads_as(one, "in/f003", "edited"));
    }
    end(&self);
}
