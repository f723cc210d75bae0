/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that came from a disk which keeps no modes: no mode was ever agreed for them, so each
 * device has its own. Where a user then shuts such a folder, what others do in it arrives. */
#include "tests/worlds/scene.h"

#include <string.h>

enum { SEEDS = 400, SUCH_WORLDS = 12, CALLS = 40 };

enum { MAKE, REMOVE, MOVE_OUT, MOVE_IN, ACTS };

typedef struct {
    const char *path;
    uint32_t mode;
} wanted;

static void note_mode(void *context, const disk_thing *thing)
{
    wanted *of = context;

    if (strcmp(thing->path, of->path) == 0)
        of->mode = thing->stat.mode & 0777;
}

static uint32_t mode_of(const device *who, const char *path)
{
    wanted of = {.path = path};

    disk_walk(who->drive, who->folder, &(disk_walk_options){.skip = ".counterfoil"}, note_mode,
              &of);
    return of.mode;
}

/* NULL: not the first one's disk alone keeps no modes. */
static world *a_world_of_such_disks(uint64_t seed)
{
    world *w =
        world_new(&(world_plan){.seed = seed, .devices = 2, .brokers = 1, .lessens = true}, false);
    disk *first = w->devices[0].drive, *second = w->devices[1].drive;

    disk_user_makes_folder(first, "/things/d");
    disk_user_writes(first, "/things/d/old", "old");
    disk_user_makes_folder(second, "/things/e");
    disk_user_chmods(first, "/things/d", 0750);
    disk_user_chmods(second, "/things/e", 0750);
    if (mode_of(&w->devices[0], "d") == 0777 && mode_of(&w->devices[1], "e") == 0750)
        return w;
    world_destroy(&w);
    return NULL;
}

static void act(device *who, int what)
{
    if (what == MAKE)
        disk_user_makes_folder(who->drive, "/things/d/new");
    else if (what == REMOVE)
        disk_user_removes(who->drive, "/things/d/old");
    else if (what == MOVE_OUT)
        disk_user_moves(who->drive, "/things/d/old", "/things/e/old");
    else
        disk_user_moves(who->drive, "/things/e", "/things/d/e");
}

Test(shut, what_others_do_in_a_folder_without_an_agreed_mode_arrives)
{
    static const char *const trees[ACTS] = {
        [MAKE] = "d/\nd/new/\nd/old: old\ne/\n",
        [REMOVE] = "d/\ne/\n",
        [MOVE_OUT] = "d/\ne/\ne/old: old\n",
        [MOVE_IN] = "d/\nd/e/\nd/old: old\n",
    };
    int tried = 0;

    for (uint64_t seed = 1; seed <= SEEDS && tried < SUCH_WORLDS; seed++) {
        world *w = a_world_of_such_disks(seed);
        const int what = tried % ACTS;

        if (!w)
            continue;
        tried++;
        cr_assert(syncs(&w->devices[0]));
        cr_assert(syncs(&w->devices[1]));
        cr_assert(syncs(&w->devices[0]));
        disk_user_chmods(w->devices[1].drive, "/things/d", 0555);
        act(&w->devices[0], what);
        cr_expect(syncs(&w->devices[0]));
        cr_expect(syncs(&w->devices[1]), "seed %d", (int)seed);
        cr_expect_eq(mode_of(&w->devices[1], "d"), 0555, "the user shut it: %o",
                     mode_of(&w->devices[1], "d"));
        expect_tree(w, trees[what]);
        world_destroy(&w);
    }
    cr_expect_eq(tried, SUCH_WORLDS);
}

/* The process ends at any call while the folder is open for it: its user had shut it. */
Test(shut, such_a_folder_is_shut_again_after_a_power_cut)
{
    uint64_t seed = 1;
    world *w = NULL;

    for (; !w; seed++)
        w = a_world_of_such_disks(seed);
    world_destroy(&w);
    for (uint64_t call = 1; call <= CALLS; call++) {
        w = a_world_of_such_disks(seed - 1);
        device *one = &w->devices[0], *two = &w->devices[1];

        cr_assert(syncs(one));
        cr_assert(syncs(two));
        cr_assert(syncs(one));
        disk_user_chmods(two->drive, "/things/d", 0555);
        disk_sync(two->drive);
        act(one, MAKE);
        cr_expect(syncs(one));
        two->faults.at = two->faults.calls + call;
        two->faults.status = CF_IO;
        syncs(two);
        loses_power(two);
        cr_expect(syncs(two), "call %d", (int)call);
        cr_expect_eq(mode_of(two, "d"), 0555, "call %d: %o", (int)call, mode_of(two, "d"));
        expect_tree(w, "d/\nd/new/\nd/old: old\ne/\n");
        world_destroy(&w);
    }
}
