/* SPDX-License-Identifier: Apache-2.0 */
/* What a user moves and takes away between two looks. */
#include "tests/worlds/scene.h"

/* The edited file comes in a later part of the look than the folder that is gone. */
Test(moves, a_file_that_is_moved_out_of_its_folder_and_edited_outlives_the_folder)
{
    world *w = a_world(1, 2);
    disk *drive = w->devices[0].drive;

    disk_user_makes_folder(drive, "/things/outer");
    disk_user_makes_folder(drive, "/things/outer/inner");
    disk_user_writes(drive, "/things/outer/inner/file", "as it was");
    cr_assert(syncs(&w->devices[0]));
    cr_assert(syncs(&w->devices[1]));
    disk_user_moves(drive, "/things/outer/inner/file", "/things/file");
    disk_user_patches(drive, "/things/file", 9, cf_bytes_of_text(", and more"));
    disk_user_removes(drive, "/things/outer");
    cr_assert(syncs(&w->devices[0]));
    expect_tree(w, "file: as it was, and more\n");
    world_destroy(&w);
}

/* World 970022: each waited for the other to go first, and nobody was told of either. */
Test(moves, a_file_takes_the_place_of_the_folder_that_it_was_in)
{
    world *w = a_world(3, 2);
    disk *drive = w->devices[0].drive;

    disk_user_makes_folder(drive, "/things/box");
    disk_user_writes(drive, "/things/box/letter", "as it was");
    cr_assert(syncs(&w->devices[0]));
    cr_assert(syncs(&w->devices[1]));
    disk_user_moves(drive, "/things/box/letter", "/things/aside");
    disk_user_removes(drive, "/things/box");
    disk_user_moves(drive, "/things/aside", "/things/box");
    disk_user_patches(drive, "/things/box", 9, cf_bytes_of_text(", and more"));
    cr_assert(syncs(&w->devices[0]));
    expect_tree(w, "box: as it was, and more\n");
    world_destroy(&w);
}

/* Two folders of one name are one on the disk. Then one of them turns out to lie deep in the other,
 * and it may be the one for which the folder on the disk stays. */
static void moves_one_folder_into_its_namesake(uint64_t seed)
{
    world *w = a_world(seed, 3);
    disk *first = w->devices[0].drive;

    disk_user_makes_folder(first, "/things/other");
    disk_user_makes_folder(first, "/things/other/inner");
    disk_user_writes(first, "/things/other/kept", "in the one");
    disk_user_makes_folder(first, "/things/name");
    for (int i = 0; i < w->count; i++)
        cr_assert(syncs(&w->devices[i]));
    w->devices[1].offline = true;
    network_cut_device(&w->devices[1]);
    disk_user_removes(first, "/things/name");
    disk_user_moves(first, "/things/other", "/things/name");
    disk_user_moves(w->devices[1].drive, "/things/name", "/things/other/inner/deep");
    disk_user_writes(w->devices[2].drive, "/things/name/added", "in the other");
    w->devices[0].offline = true; /* it hears of that after it has said what it did */
    network_cut_device(&w->devices[0]);
    cr_assert(syncs(&w->devices[2]));
    w->devices[0].offline = false;
    cr_assert(syncs(&w->devices[0]));
    cr_assert(syncs(&w->devices[2]));
    expect_tree(w, "name/\n"
                   "name/inner/\n"
                   "name/inner/deep/\n"
                   "name/inner/deep/added: in the other\n"
                   "name/kept: in the one\n");
    world_destroy(&w);
}

Test(moves, of_two_folders_that_are_one_here_one_goes_into_the_other)
{
    for (uint64_t seed = 1; seed <= 6; seed++)
        moves_one_folder_into_its_namesake(seed);
}

/* World 14000426. */
Test(moves, a_link_that_is_kept_beside_the_file_that_replaces_it_is_no_conflict)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        world *w = a_world(seed, 2);
        disk *drive = w->devices[0].drive;

        disk_user_makes_link(drive, "/things/name", "target");
        cr_assert(syncs(&w->devices[0]));
        cr_assert(syncs(&w->devices[1]));
        disk_user_saves(drive, "/things/name", cf_bytes_of_text("text"), DISK_SAVE_WITH_BACKUP);
        world_wait(w, 100);
        disk_user_writes(drive, "/things/other", "more");
        world_sync(w, &(world_round){.set = 1, .turns = TURNS_MAX});
        expect_tree(w, "name: text\nname~: target\nother: more\n");
        world_destroy(&w);
    }
}
