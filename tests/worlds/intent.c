/* SPDX-License-Identifier: Apache-2.0 */
/* Common acts, and the tree that users expect of them. */
#include "tests/worlds/scene.h"

/* Two devices that hold the same. */
static world *two_alike(uint64_t seed)
{
    world *w = a_world(seed, 2);
    disk *drive = w->devices[0].drive;

    disk_user_writes(drive, "/things/letter", "dear");
    disk_user_makes_folder(drive, "/things/photos");
    disk_user_writes(drive, "/things/photos/one", "1");
    disk_user_writes(drive, "/things/photos/two", "2");
    cr_assert(syncs(&w->devices[0]));
    cr_assert(syncs(&w->devices[1]));
    return w;
}

Test(intent, a_save_by_rename_is_an_edit)
{
    world *w = two_alike(1);

    disk_user_saves(w->devices[0].drive, "/things/letter", cf_bytes_of_text("dear Ann"),
                    DISK_SAVE_BY_RENAME);
    disk_user_moves(w->devices[1].drive, "/things/letter", "/things/photos/letter");
    expect_tree(w, "photos/\nphotos/letter: dear Ann\nphotos/one: 1\nphotos/two: 2\n");
    world_destroy(&w);
}

Test(intent, a_backup_save_is_an_edit_and_a_new_file)
{
    world *w = two_alike(2);

    disk_user_saves(w->devices[0].drive, "/things/letter", cf_bytes_of_text("dear Ann"),
                    DISK_SAVE_WITH_BACKUP);
    disk_user_moves(w->devices[1].drive, "/things/letter", "/things/mail");
    expect_tree(w, "letter~: dear\nmail: dear Ann\nphotos/\nphotos/one: 1\nphotos/two: 2\n");
    world_destroy(&w);
}

Test(intent, a_hard_link_is_another_file_elsewhere)
{
    world *w = two_alike(3);

    disk_user_links(w->devices[0].drive, "/things/letter", "/things/photos/letter");
    expect_tree(w, "letter: dear\nphotos/\nphotos/letter: dear\nphotos/one: 1\nphotos/two: 2\n");
    disk_user_writes(w->devices[1].drive, "/things/letter", "dear Bob");
    cr_assert(syncs(&w->devices[1]));
    expect_tree(w,
                "letter: dear Bob\nphotos/\nphotos/letter: dear\nphotos/one: 1\nphotos/two: 2\n");
    world_destroy(&w);
}

/* World 3500426: nobody can tell it from a move. */
Test(intent, an_edit_goes_with_a_file_that_got_a_second_link_and_lost_the_first)
{
    world *w = two_alike(11);

    disk_user_links(w->devices[0].drive, "/things/letter", "/things/mail");
    disk_user_removes(w->devices[0].drive, "/things/letter");
    disk_user_writes(w->devices[1].drive, "/things/letter", "dear Bob");
    expect_tree(w, "mail: dear Bob\nphotos/\nphotos/one: 1\nphotos/two: 2\n");
    world_destroy(&w);
}

Test(intent, what_is_added_to_a_folder_goes_where_another_moves_it)
{
    world *w = two_alike(4);

    disk_user_moves(w->devices[0].drive, "/things/photos", "/things/2026");
    disk_user_writes(w->devices[1].drive, "/things/photos/three", "3");
    expect_tree(w, "2026/\n2026/one: 1\n2026/three: 3\n2026/two: 2\nletter: dear\n");
    world_destroy(&w);
}

Test(intent, a_swap_of_two_files_is_a_swap)
{
    world *w = two_alike(5);

    disk_user_swaps(w->devices[0].drive, "/things/photos/one", "/things/photos/two");
    expect_tree(w, "letter: dear\nphotos/\nphotos/one: 2\nphotos/two: 1\n");
    world_destroy(&w);
}

/* World 2001056: nobody can see the swap, but for what another puts into one of them. */
Test(intent, what_is_added_to_an_empty_folder_goes_where_another_swaps_it)
{
    for (int first = 0; first < 2; first++) {
        world *w = two_alike(10);

        disk_user_makes_folder(w->devices[0].drive, "/things/a");
        disk_user_makes_folder(w->devices[0].drive, "/things/b");
        cr_assert(syncs(&w->devices[0]));
        cr_assert(syncs(&w->devices[1]));
        disk_user_swaps(w->devices[0].drive, "/things/a", "/things/b");
        disk_user_writes(w->devices[1].drive, "/things/a/added", "1");
        cr_assert(syncs(&w->devices[first]));
        expect_tree(w, "a/\nb/\nb/added: 1\nletter: dear\nphotos/\nphotos/one: 1\n"
                       "photos/two: 2\n");
        world_destroy(&w);
    }
}

Test(intent, an_edit_outlives_a_deletion_that_did_not_see_it)
{
    world *w = two_alike(6);

    disk_user_removes(w->devices[0].drive, "/things/photos");
    disk_user_writes(w->devices[1].drive, "/things/photos/one", "one");
    expect_tree(w, "letter: dear\nphotos/\nphotos/one: one\n");
    world_destroy(&w);
}

Test(intent, folders_moved_into_each_other_are_not_lost)
{
    world *w = two_alike(7);

    disk_user_makes_folder(w->devices[0].drive, "/things/a");
    disk_user_makes_folder(w->devices[0].drive, "/things/b");
    disk_user_writes(w->devices[0].drive, "/things/a/in a", "a");
    disk_user_writes(w->devices[0].drive, "/things/b/in b", "b");
    cr_assert(syncs(&w->devices[0]));
    cr_assert(syncs(&w->devices[1]));
    disk_user_moves(w->devices[0].drive, "/things/a", "/things/b/a");
    disk_user_moves(w->devices[1].drive, "/things/b", "/things/a/b");
    cr_assert(syncs(&w->devices[0]));
    cr_assert(syncs(&w->devices[1]));
    expect_tree(w, "b/\nb/a/\nb/a/in a: a\nb/in b: b\nletter: dear\nphotos/\nphotos/one: 1\n"
                   "photos/two: 2\n");
    world_destroy(&w);
}

/* World 1001565: the file waited for the end of what had its new name, and the link was told of. */
Test(intent, another_thing_in_the_place_of_what_waits_elsewhere_is_no_conflict)
{
    world *w = two_alike(9);
    world_round one = {.set = 1, .turns = TURNS_MAX};
    disk *drive = w->devices[0].drive;

    w->devices[0].serves = true;
    disk_user_makes_folder(drive, "/things/box");
    disk_user_writes(drive, "/things/photos/three", "3");
    world_sync(w, &one);
    disk_user_swaps(drive, "/things/box", "/things/photos/three");
    disk_user_removes(drive, "/things/photos/three");
    disk_user_makes_link(drive, "/things/photos/three", "target");
    world_sync(w, &one);
    expect_tree(w, "box: 3\nletter: dear\nphotos/\nphotos/one: 1\nphotos/three: target\n"
                   "photos/two: 2\n");
    world_destroy(&w);
}

/* To say that the one is gone takes two looks, and a file that was saved just now delays the
 * second: till then nobody hears of the other either. */
Test(intent, another_thing_in_the_place_of_one_is_no_conflict)
{
    world *w = two_alike(8);
    world_round one = {.set = 1, .turns = TURNS_MAX};
    disk *drive = w->devices[0].drive;

    disk_user_removes(drive, "/things/letter");
    disk_user_makes_link(drive, "/things/letter", "photos");
    disk_user_removes(drive, "/things/photos/one");
    disk_user_makes_folder(drive, "/things/photos/one");
    disk_user_writes(drive, "/things/photos/one/half", "0.5");
    disk_user_writes(drive, "/things/photos/two", "saved just now");
    world_sync(w, &one);
    expect_tree(w, "letter: photos\nphotos/\nphotos/one/\nphotos/one/half: 0.5\n"
                   "photos/two: saved just now\n");
    world_destroy(&w);
}

/* World 15900049: where a look could not see all, what is missing is not gone yet. */
Test(intent, another_thing_in_the_place_of_one_that_a_failing_disk_hides)
{
    for (uint64_t call = 1; call <= 100; call++) {
        world *w = two_alike(call);
        device *one = &w->devices[0];

        disk_user_makes_folder(one->drive, "/things/empty");
        cr_assert(syncs(one));
        disk_user_removes(one->drive, "/things/empty");
        disk_user_makes_link(one->drive, "/things/empty", "photos");
        one->faults = (disk_faults){.calls = one->faults.calls,
                                    .reads = true,
                                    .at = one->faults.calls + call,
                                    .once = true,
                                    .status = CF_IO};
        syncs(one);
        device_mend(one);
        expect_tree(w, "empty: photos\nletter: dear\nphotos/\nphotos/one: 1\nphotos/two: 2\n");
        world_destroy(&w);
    }
}

/* False: it was over before call `at`, which fails if it asks whether something can be read. */
static bool swaps_unread(uint64_t at)
{
    world *w = two_alike(1);
    device *one = &w->devices[0];
    uint64_t first = one->faults.calls;

    disk_user_swaps(one->drive, "/things/photos", "/things/letter");
    one->faults = (disk_faults){.calls = first,
                                .reads = true,
                                .access = true,
                                .at = first + at,
                                .once = true,
                                .status = CF_IO};
    syncs(one);
    bool struck = one->faults.calls >= first + at;
    device_mend(one);
    expect_tree(w, "letter/\nletter/one: 1\nletter/two: 2\nphotos: dear\n");
    world_destroy(&w);
    return struck;
}

/* World 29000353: the folder was seen where the file had been, and could not be read there: only of
 * the file it was told that it is where the folder was. */
Test(intent, two_that_are_swapped_and_one_can_t_be_read_for_a_moment)
{
    for (uint64_t at = 1; swaps_unread(at); at++)
        ;
}

/* False: it was over before call `at`, which fails if it reads. */
static bool saves_unseen(uint64_t at)
{
    world *w = two_alike(1);
    world_round round = {.set = 1, .turns = TURNS_MAX};
    device *one = &w->devices[0];
    cf_buffer there = {0};

    one->serves = true;
    world_sync(w, &round);
    uint64_t first = one->faults.calls;
    disk_user_writes(one->drive, "/things/photos/three", "saved just now");
    one->faults = (disk_faults){
        .calls = first, .reads = true, .at = first + at, .once = true, .status = CF_IO};
    bool says_so = world_sync(w, &round) && one->claims;
    bool struck = one->faults.calls >= first + at;
    device_mend(one);
    if (says_so) {
        cr_assert(syncs(&w->devices[1]));
        cr_assert(disk_user_reads(w->devices[1].drive, "/things/photos/three", &there),
                  "it is in sync, and others have nothing of it: call %d", (int)at);
    }
    cf_buffer_release(&there);
    world_destroy(&w);
    return struck;
}

/* World 33000961: a look at one folder failed, and nobody was told of it. */
Test(intent, what_could_not_be_looked_at_is_not_in_sync)
{
    for (uint64_t at = 1; saves_unseen(at); at++)
        ;
}

static void end_while_making(uint64_t call, device_end how)
{
    world *w = two_alike(call);
    device *one = &w->devices[0], *two = &w->devices[1];

    disk_user_makes_folder(one->drive, "/things/folder");
    cr_assert(syncs(one));
    two->faults.at = two->faults.calls + call;
    two->faults.status = CF_IO;
    syncs(two);
    device_restart(two, how);
    disk_user_removes(one->drive, "/things/folder");
    cr_assert(syncs(one));
    expect_tree(w, "letter: dear\nphotos/\nphotos/one: 1\nphotos/two: 2\n");
    world_destroy(&w);
}

/* Its process ends at any call of making the folder, and hears that it is deleted before it looks:
 * it lies there, and nobody made it here. */
Test(intent, a_folder_that_was_being_made_is_deleted_for_good)
{
    for (uint64_t call = 1; call <= 60; call++) {
        end_while_making(call, END_KILLED);
        end_while_making(call, END_POWER_CUT);
    }
}

static bool holds(const device *who, const char *path)
{
    cf_stat ignored;

    return disk_user_stat(who->drive, path, &ignored);
}

/* World 8000319: while a folder comes that is there already, its user moves a file. The place of
 * that folder alone is looked at again: the file is missing there, and that it is gone is not to be
 * told before it was sought everywhere. */
Test(intent, a_move_is_no_deletion_where_only_a_part_is_looked_at)
{
    world *w = two_alike(9);
    device *one = &w->devices[0], *other = &w->devices[1];

    other->serves = true;
    disk_user_makes_folder(one->drive, "/things/new");
    disk_user_makes_folder(other->drive, "/things/new");
    disk_user_moves(other->drive, "/things/letter", "/things/photos/letter");
    cr_assert(syncs(one)); /* the other one runs, and hears of it */
    world_wait(w, 1000);
    for (int turn = 0; turn < 20; turn++)
        world_turn(w);
    cr_expect(holds(one, "/things/letter") || holds(one, "/things/photos/letter"));
    cr_assert(syncs(one));
    cr_expect(holds(one, "/things/letter") || holds(one, "/things/photos/letter"));
    expect_tree(w, "new/\nphotos/\nphotos/letter: dear\nphotos/one: 1\nphotos/two: 2\n");
    world_destroy(&w);
}

static void move_a_folder(void *context)
{
    disk *drive = context;

    disk_user_moves(drive, "/things/photos/album/three", "/things/photos/three");
    disk_user_removes(drive, "/things/photos/album");
    disk_user_moves(drive, "/things/drafts", "/things/photos/album");
}

/* A folder that is moved while it is listed is seen at two places, and what was at the other is
 * asked for: the look has an end all the same. */
Test(intent, a_folder_that_is_moved_in_the_middle_of_a_look)
{
    for (uint64_t call = 1; call <= 40; call++) {
        world *w = two_alike(call);
        device *one = &w->devices[0];

        disk_user_makes_folder(one->drive, "/things/drafts");
        disk_user_makes_folder(one->drive, "/things/photos/album");
        disk_user_writes(one->drive, "/things/photos/album/three", "3");
        cr_assert(syncs(one));
        cr_assert(syncs(&w->devices[1]));
        one->faults.reads = true;
        one->faults.meanwhile = move_a_folder;
        one->faults.context = one->drive;
        one->faults.at = one->faults.calls + call;
        syncs(one);
        device_mend(one);
        expect_tree(w, "letter: dear\nphotos/\nphotos/album/\nphotos/one: 1\nphotos/three: 3\n"
                       "photos/two: 2\n");
        world_destroy(&w);
    }
}

/* A user who moves a folder over an empty one, and perhaps moves it on. */
typedef struct {
    device *user;
    uint64_t gap;     /* calls between the two */
    const char *tree; /* what he has then */
} two_moves;

static void move_on(void *context)
{
    two_moves *self = context;

    disk_user_moves(self->user->drive, "/things/empty", "/things/photos/new");
    self->tree = "letter: dear\nphotos/\nphotos/new/\nphotos/new/three: 3\nphotos/one: 1\n"
                 "photos/two: 2\n";
}

static void move_over_another(void *context)
{
    two_moves *self = context;

    disk_user_moves(self->user->drive, "/things/drafts", "/things/empty");
    self->tree = "empty/\nempty/three: 3\nletter: dear\nphotos/\nphotos/one: 1\nphotos/two: 2\n";
    self->user->faults.at = self->user->faults.calls + self->gap;
    self->user->faults.meanwhile = move_on;
}

static void looks_while_it_is_moved(uint64_t call, uint64_t gap)
{
    world *w = two_alike(call);
    device *one = &w->devices[0];
    two_moves moves = {one, gap, NULL};

    disk_user_makes_folder(one->drive, "/things/drafts");
    disk_user_writes(one->drive, "/things/drafts/three", "3");
    disk_user_makes_folder(one->drive, "/things/empty");
    cr_assert(syncs(one));
    cr_assert(syncs(&w->devices[1]));
    one->faults.reads = true;
    one->faults.meanwhile = move_over_another;
    one->faults.context = &moves;
    one->faults.at = one->faults.calls + call;
    syncs(one);
    device_mend(one);
    if (moves.tree)
        expect_tree(w, moves.tree);
    world_destroy(&w);
}

/* World 8000782: what was in it was taken for something in the other one, which was gone. */
Test(intent, a_folder_that_is_moved_over_an_empty_one_in_the_middle_of_a_look)
{
    for (uint64_t call = 1; call <= 40; call++)
        looks_while_it_is_moved(call, 1000);
}

/* Where a look began there was another one, which was not seen from above any more. */
Test(intent, a_folder_that_is_moved_twice_in_the_middle_of_a_look)
{
    for (uint64_t call = 18; call <= 20; call++)
        for (uint64_t gap = 20; gap <= 40; gap += 2)
            looks_while_it_is_moved(call, gap);
}
