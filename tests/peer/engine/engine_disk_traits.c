/* SPDX-License-Identifier: Apache-2.0 */
/* A device whose disk keeps less than the others' disks do: what it can't keep is never published,
 * and comes back whole when a better disk takes its place. */
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <sys/stat.h>

enum { ODD_SECOND = 1500000001, STEP_S = 2 };
#define SECOND_NS INT64_C(1000000000)
#define STEP_NS (STEP_S * SECOND_NS)

static small_world *w;
static small_device *full, *less;

static struct stat lies_at(const small_device *self, const char *path)
{
    char at[256];
    struct stat stat;

    snprintf(at, sizeof at, "%s/%s", self->folder, path);
    cr_assert_eq(lstat(at, &stat), 0, "%s is not there", at);
    return stat;
}

static bool is_there(const small_device *self, const char *path)
{
    char at[256];
    struct stat stat;

    snprintf(at, sizeof at, "%s/%s", self->folder, path);
    return lstat(at, &stat) == 0;
}

/* The first device's disk keeps everything, the other's like a stick's. */
static void begin(bool refuses)
{
    w = small_world_new(3, 2);
    full = &w->devices[0];
    less = &w->devices[1];
    less->faults.lacks = (disk_lacks){
        .step_ns = STEP_NS, .modes = true, .refuses_modes = refuses, .links = true, .kind = 1};
    small_device_crash(less);
}

static void end(void)
{
    small_world_destroy(&w);
}

TestSuite(engine_disk_traits, .fini = end);

static void settle(void)
{
    cr_assert(small_world_settle(w));
}

/* Whatever is looked at, and however often: nobody did anything. */
static void expect_no_change(void)
{
    uint64_t entries = small_world_entries(w);

    settle();
    small_device_crash(less);
    settle();
    small_device_crash(full);
    settle();
    cr_expect_eq(small_world_entries(w), entries, "%d changes that nobody made",
                 (int)(small_world_entries(w) - entries));
}

static void expect_mode(const small_device *self, const char *path, unsigned mode)
{
    cr_expect_eq(lies_at(self, path).st_mode & 0777, mode, "%s of %d is %o", path, self->number,
                 lies_at(self, path).st_mode & 0777);
}

static void expect_second(const small_device *self, const char *path, long second)
{
    cr_expect_eq(lies_at(self, path).st_mtim.tv_sec, second, "%s of %d is of %ld", path,
                 self->number, lies_at(self, path).st_mtim.tv_sec);
}

static void makes_a_file(small_device *self, const char *path, unsigned mode)
{
    user_writes_text(self, path, "text");
    user_changes_mode(self, path, mode);
    user_stamps(self, path, ODD_SECOND);
}

static void what_comes_from_others_is_published_by_none(bool refuses)
{
    begin(refuses);
    makes_a_file(full, "a", 0640);
    user_makes(full, "d");
    user_changes_mode(full, "d", 0700);
    makes_a_file(full, "d/run", 0755);
    settle();
    expect_no_change();
    expect_mode(full, "a", 0640);
    expect_mode(full, "d", 0700);
    expect_second(full, "a", ODD_SECOND);
    cr_expect_eq(small_device_pending(less, NULL, CF_PENDING_SKIPPED), 0);
    cr_expect_eq(small_device_pending(less, NULL, CF_PENDING_UNAPPLIED), 0);
}

Test(engine_disk_traits, what_comes_from_others_is_published_by_none)
{
    what_comes_from_others_is_published_by_none(false);
}

Test(engine_disk_traits, so_it_is_where_setting_a_mode_is_refused)
{
    what_comes_from_others_is_published_by_none(true);
}

Test(engine_disk_traits, a_mode_that_others_change_is_agreed_on)
{
    begin(true);
    makes_a_file(full, "a", 0640);
    settle();
    user_changes_mode(full, "a", 0600);
    user_stamps(full, "a", ODD_SECOND + 2);
    settle();
    expect_no_change();
    expect_mode(full, "a", 0600);
    expect_second(full, "a", ODD_SECOND + 2);
}

Test(engine_disk_traits, an_edit_there_leaves_the_modes_of_the_others)
{
    begin(false);
    makes_a_file(full, "a", 0750);
    settle();
    user_writes_text(less, "a", "edited there");
    settle();
    expect_mode(full, "a", 0750);
    user_moves(less, "a", "b");
    settle();
    expect_mode(full, "b", 0750);
    expect_no_change();
}

Test(engine_disk_traits, what_is_new_there_comes_without_a_mode)
{
    begin(false);
    user_writes_text(less, "a", "text");
    user_makes(less, "d");
    user_writes_text(less, "d/b", "text");
    settle();
    expect_no_change();
    cr_expect_neq(lies_at(full, "a").st_mode & 0777, 0777);
    user_changes_mode(full, "a", 0600);
    settle();
    expect_mode(full, "a", 0600);
    expect_no_change();
}

Test(engine_disk_traits, what_was_there_before_it_was_added_is_equal)
{
    begin(false);
    makes_a_file(full, "a", 0640);
    cr_assert(small_device_sync(full));
    makes_a_file(less, "a", 0600);
    settle();
    expect_mode(full, "a", 0640);
    expect_second(full, "a", ODD_SECOND);
    expect_no_change();
}

Test(engine_disk_traits, a_time_that_is_set_there_is_published)
{
    begin(false);
    makes_a_file(full, "a", 0640);
    settle();
    user_stamps(less, "a", ODD_SECOND + 100);
    settle();
    expect_second(full, "a", ODD_SECOND + 100 - 1); /* as that disk shows it */
    expect_mode(full, "a", 0640);
    expect_no_change();
}

static void gets_another_disk(small_device *self, disk_lacks lacks)
{
    self->faults.lacks = lacks;
    small_device_crash(self);
}

Test(engine_disk_traits, a_disk_that_keeps_less_than_it_did_is_learned_again)
{
    begin(false);
    gets_another_disk(less, (disk_lacks){.kind = 2});
    settle();
    less->faults.lacks.modes = true; /* the same disk */
    less->faults.lacks.step_ns = STEP_NS;
    makes_a_file(full, "b", 0600);
    cr_assert(small_device_sync(full));
    uint64_t entries = small_world_entries(w);
    settle();
    expect_mode(full, "b", 0600);
    expect_second(full, "b", ODD_SECOND);
    cr_expect_eq(small_world_entries(w), entries);
    expect_no_change();
}

/* ---- Times beyond those that it keeps ---- */

#define YEAR_1980 INT64_C(315532800)
#define YEAR_2038 INT64_C(2147483647)
#define YEAR_2050 INT64_C(2524608000)

static void begin_on(disk_lacks lacks)
{
    begin(false);
    gets_another_disk(less, lacks);
    settle();
}

static void expect_kept_elsewhere(const char *path, int64_t second)
{
    expect_no_change();
    expect_second(full, path, (long)second);
}

Test(engine_disk_traits, a_time_after_the_last_that_it_keeps_is_published_by_none)
{
    begin_on((disk_lacks){.step_ns = SECOND_NS, .latest_ns = YEAR_2038 * SECOND_NS, .kind = 2});
    makes_a_file(full, "a", 0640);
    makes_a_file(full, "b", 0640);
    user_stamps(full, "a", YEAR_2050);
    settle();
    expect_kept_elsewhere("a", YEAR_2050);
    user_stamps(full, "b", YEAR_2050 + 1);
    user_stamps(less, "a", ODD_SECOND);
    settle();
    expect_kept_elsewhere("a", ODD_SECOND);
    expect_kept_elsewhere("b", YEAR_2050 + 1);
    user_stamps(less, "b", YEAR_2038); /* as it is copied to a better disk */
    gets_another_disk(less, (disk_lacks){.kind = 3});
    settle();
    expect_second(less, "b", YEAR_2050 + 1);
    expect_kept_elsewhere("b", YEAR_2050 + 1);
}

/* The daemon shows what it was given, until it forgets that. */
Test(engine_disk_traits, a_time_that_is_cut_when_it_is_mounted_anew_is_published_by_none)
{
    begin_on((disk_lacks){.step_ns = SECOND_NS, .fuse = true, .kind = 2});
    makes_a_file(full, "a", 0640);
    user_stamps(full, "a", 86400);
    settle();
    expect_kept_elsewhere("a", 86400);
    less->faults.lacks.earliest_ns = YEAR_1980 * SECOND_NS;
    expect_kept_elsewhere("a", 86400);
    user_stamps(less, "a", ODD_SECOND);
    settle();
    expect_kept_elsewhere("a", ODD_SECOND);
}

/* Nobody looked at it between. */
Test(engine_disk_traits, so_it_is_when_it_is_mounted_anew_to_be_copied)
{
    begin_on((disk_lacks){.step_ns = SECOND_NS, .fuse = true, .kind = 2});
    makes_a_file(full, "a", 0640);
    user_stamps(full, "a", 86400);
    settle();
    user_stamps(less, "a", YEAR_1980);
    gets_another_disk(less, (disk_lacks){.kind = 3});
    settle();
    expect_second(less, "a", 86400);
    expect_kept_elsewhere("a", 86400);
}

Test(engine_disk_traits, a_time_that_a_rename_sets_is_published_by_none)
{
    begin_on((disk_lacks){.stamps = true, .kind = 2});
    makes_a_file(full, "a", 0640);
    settle();
    expect_kept_elsewhere("a", ODD_SECOND);
    user_writes_text(full, "a", "edited");
    user_stamps(full, "a", ODD_SECOND + 2);
    settle();
    expect_kept_elsewhere("a", ODD_SECOND + 2);
    user_moves(full, "a", "b");
    settle();
    expect_kept_elsewhere("b", ODD_SECOND + 2);
}

Test(engine_disk_traits, so_it_is_when_a_rename_begins_to_set_times)
{
    begin_on((disk_lacks){.kind = 2});
    less->faults.lacks.stamps = true; /* the same disk */
    makes_a_file(full, "a", 0640);
    settle();
    expect_kept_elsewhere("a", ODD_SECOND);
}

static void gets_a_better_disk(small_device *self)
{
    gets_another_disk(self, (disk_lacks){.kind = self->faults.lacks.kind + 1});
}

/* As when all of it is copied to another disk: as the stick showed it. */
static void copies(small_device *self, const char *path)
{
    user_changes_mode(self, path, 0777);
    if (S_ISREG(lies_at(self, path).st_mode))
        user_stamps(self, path, (uint64_t)(lies_at(self, path).st_mtim.tv_sec / STEP_S * STEP_S));
}

Test(engine_disk_traits, what_was_agreed_comes_back_whole_on_a_better_disk)
{
    begin(false);
    makes_a_file(full, "a", 0640);
    user_makes(full, "d");
    user_changes_mode(full, "d", 0750);
    makes_a_file(full, "d/b", 0600);
    settle();
    uint64_t entries = small_world_entries(w);
    copies(less, "d/b");
    copies(less, "d");
    copies(less, "a");
    gets_a_better_disk(less);
    settle();
    cr_expect_eq(small_world_entries(w), entries);
    const small_device *both[] = {full, less};
    for (size_t i = 0; i < 2; i++) {
        expect_mode(both[i], "a", 0640);
        expect_mode(both[i], "d", 0750);
        expect_mode(both[i], "d/b", 0600);
        expect_second(both[i], "a", ODD_SECOND);
        expect_second(both[i], "d/b", ODD_SECOND);
    }
    user_changes_mode(less, "a", 0644);
    settle();
    expect_mode(full, "a", 0644);
}

Test(engine_disk_traits, a_link_that_it_cannot_make_is_named_and_comes_on_a_better_disk)
{
    begin(false);
    user_writes_text(full, "a", "text");
    cr_assert(user_points(full, "link", "a"));
    settle();
    cr_expect_eq(small_device_pending(less, NULL, CF_PENDING_SKIPPED), 1);
    expect_no_change();
    cr_expect(is_there(full, "link"));
    gets_a_better_disk(less);
    settle();
    cr_expect(is_there(full, "link"));
    cr_expect(is_there(less, "link"));
    cr_expect_eq(small_device_pending(less, NULL, CF_PENDING_SKIPPED), 0);
}

Test(engine_disk_traits, a_link_that_is_lost_with_a_better_disk_is_no_deletion)
{
    begin(false);
    gets_a_better_disk(less);
    user_writes_text(full, "a", "text");
    cr_assert(user_points(full, "link", "a"));
    settle();
    cr_assert(is_there(less, "link"));
    user_removes(less, "link"); /* what is copied has none */
    less->faults.lacks.kind++;
    less->faults.lacks.links = true;
    small_device_crash(less);
    settle();
    cr_expect(is_there(full, "link"));
    cr_expect_eq(small_device_pending(less, NULL, CF_PENDING_SKIPPED), 1);
}
