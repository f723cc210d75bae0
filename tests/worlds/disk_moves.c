/* SPDX-License-Identifier: Apache-2.0 */
/* Files that nobody removes are never lost nor doubled by a power cut, whatever is moved where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/worlds/disk_program.h"

enum { SEEDS = 1500, ACTS = 40, FILES = 6, PLACES = 9 };

/* Three folders, in each of which there may be three. */
static const char *const folders[PLACES] = {"/home/a",   "/home/b",   "/home/c",
                                            "/home/a/d", "/home/b/d", "/home/c/d",
                                            "/home/a/e", "/home/b/e", "/home/a/d/e"};

static uint64_t state;

static uint64_t some(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

static const char *a_path(char path[64])
{
    snprintf(path, 64, "%s/%llu", folders[some(PLACES)], (unsigned long long)some(FILES));
    return path;
}

static void act(program *p)
{
    char from[64], to[64];
    cf_stat stat;

    switch (some(8)) {
    case 0:
    case 1:
        disk_user_makes_folder(p->disk, folders[some(PLACES)]);
        break;
    case 2:
    case 3:
        if (!program_has(p, a_path(to)))
            disk_user_moves(p->disk, a_path(from), to);
        break;
    case 4:
        if (!program_has(p, strcpy(to, folders[some(PLACES)])))
            disk_user_moves(p->disk, folders[some(PLACES)], to);
        break;
    case 5:
        disk_user_swaps(p->disk, some(2) ? a_path(from) : strcpy(from, folders[some(PLACES)]),
                        some(2) ? a_path(to) : strcpy(to, folders[some(PLACES)]));
        break;
    case 6: /* a second name instead of the first */
        if (disk_user_stat(p->disk, a_path(from), &stat) && stat.kind == CF_FILE_REGULAR &&
            disk_user_links(p->disk, from, a_path(to)))
            disk_user_unlinks(p->disk, from);
        break;
    default:
        strcpy(from, folders[some(PLACES)]);
        if (some(2))
            disk_user_syncs(p->disk, from);
        else if (disk_user_stat(p->disk, from, &stat) && stat.kind == CF_FILE_FOLDER)
            disk_user_unlinks(p->disk, from); /* if it is empty */
    }
}

static void note(void *context, const disk_thing *thing)
{
    int *times = context;

    if (thing->stat.kind == CF_FILE_REGULAR) {
        cr_assert(thing->bytes.size == 1);
        cr_assert(thing->bytes.data[0] < FILES);
        times[thing->bytes.data[0]] += thing->stat.links == 1 ? 2 : 1; /* a link in the making */
    }
}

static void expect_all(const program *p, uint64_t seed, const char *when)
{
    int times[FILES] = {0};

    cr_assert(disk_walk(p->disk, "/home", &(disk_walk_options){0}, note, times));
    for (int i = 0; i < FILES; i++)
        cr_assert_eq(times[i], 2, "seed %d, %s: file %d has %d names", (int)seed, when, i,
                     times[i]);
}

Test(disk_moves, lose_and_double_nothing_in_a_power_cut)
{
    size_t differences = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cf_buffer before = {0}, after = {0};
        char path[64];
        program p;

        state = seed;
        program_begins(&p, (disk_options){.seed = seed});
        disk_user_makes_folder(p.disk, "/home/a");
        for (uint8_t i = 0; i < FILES; i++) {
            snprintf(path, sizeof path, "/home/a/%d", i);
            disk_user_saves(p.disk, path, cf_bytes_of(&i, 1), DISK_SAVE_IN_PLACE);
        }
        disk_sync(p.disk);
        for (uint64_t i = some(ACTS); i < ACTS; i++)
            act(&p);
        expect_all(&p, seed, "before the cut");
        program_tree(&p, &before);
        program_crashes(&p);
        expect_all(&p, seed, "after it");
        program_tree(&p, &after);
        differences += !cf_bytes_equal(cf_buffer_view(&before), cf_buffer_view(&after));
        cf_buffer_release(&before);
        cf_buffer_release(&after);
        program_ends(&p);
    }
    cr_assert_gt(differences, SEEDS / 4);
}

Test(disk_moves, empty_a_folder_before_it_goes)
{
    for (uint64_t seed = 0; seed < SEEDS / 10; seed++) {
        program p;

        program_begins(&p, (disk_options){.seed = seed});
        disk_user_makes_folder(p.disk, "/home/a");
        disk_user_makes_folder(p.disk, "/home/b");
        disk_user_writes(p.disk, "/home/a/f", "text");
        disk_sync(p.disk);
        disk_user_moves(p.disk, "/home/a/f", "/home/b/f");
        cr_assert(disk_user_unlinks(p.disk, "/home/a"));
        disk_user_syncs(p.disk, "/home");
        program_crashes(&p);
        cr_assert(program_has(&p, "/home/b/f"));
        cr_assert_not(program_has(&p, "/home/a"));
        program_ends(&p);
    }
}
