/* SPDX-License-Identifier: Apache-2.0 */
/* What a power cut leaves on a simulated disk: what was synced is there; of what was not, every
 * outcome comes, with some seed. */
#include <stdlib.h>
#include <string.h>

#include "tests/worlds/disk_program.h"

enum { SEEDS = 300, BLOCK = 4096 };

static program p;
static cf_buffer found;

static void leave(void)
{
    cf_buffer_release(&found);
}

TestSuite(disk_cuts, .fini = leave);

static bool holds(const char *path, cf_bytes bytes)
{
    cf_buffer_clear(&found);
    return disk_user_reads(p.disk, path, &found) && cf_bytes_equal(cf_buffer_view(&found), bytes);
}

static bool holds_text(const char *path, const char *text)
{
    return holds(path, cf_bytes_of_text(text));
}

/* How many seeds keep a new file whole, that was synced so. */
static int seeds_that_keep(synced_parts what)
{
    int kept = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        program_begins(&p, (disk_options){.seed = seed});
        program_makes(&p, "f", named("text"), what);
        program_crashes(&p);
        kept += holds_text("/home/f", "text");
        program_ends(&p);
    }
    return kept;
}

Test(disk_cuts, keep_what_was_synced_and_only_that_for_sure)
{
    static const synced_parts some[] = {SYNC_NOTHING, SYNC_FILE, SYNC_FOLDER};

    cr_assert_eq(seeds_that_keep(SYNC_BOTH), SEEDS);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        int kept = seeds_that_keep(some[i]);

        cr_assert(kept > 0, "%zu: %d", i, kept);
        cr_assert(kept < SEEDS, "%zu: %d", i, kept);
    }
}

Test(disk_cuts, find_the_name_with_the_file_where_file_systems_do_so)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        program_begins(&p, (disk_options){.seed = seed, .names_follow_files = true});
        program_makes(&p, "f", named("text"), SYNC_FILE);
        program_crashes(&p);
        cr_assert(holds_text("/home/f", "text"));
        program_ends(&p);
    }
}

/* ---- Contents ---- */

/* What became of "oooo", three blocks of it, that was cut and written again as "nnnn". */
typedef enum { OLD, NEW, MIXED, ZEROS, EMPTY, OTHER, FATES } fate;

static fate fate_of(const char *path)
{
    size_t counts[256] = {0};

    cf_buffer_clear(&found);
    cr_assert(disk_user_reads(p.disk, path, &found));
    for (size_t i = 0; i < found.size; i++)
        counts[found.data[i]]++;
    if (found.size == 0)
        return EMPTY;
    if (found.size != 3 * BLOCK || counts['o'] + counts['n'] + counts[0] != found.size)
        return OTHER;
    if (counts['o'] == found.size)
        return OLD;
    if (counts['n'] == found.size)
        return NEW;
    return counts[0] == found.size ? ZEROS : MIXED;
}

static cf_bytes filled(uint8_t byte)
{
    static uint8_t bytes[3 * BLOCK];

    memset(bytes, byte, sizeof bytes);
    return cf_bytes_of(bytes, sizeof bytes);
}

static void count_fates(bool synced, bool cut, int counts[FATES])
{
    cf_stat before, after;

    memset(counts, 0, FATES * sizeof *counts);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        program_begins(&p, (disk_options){.seed = seed});
        program_makes(&p, "f", filled('o'), SYNC_BOTH);
        cr_assert(disk_user_stat(p.disk, "/home/f", &before));
        p.now_ms += 1000;
        if (cut)
            disk_user_truncates(p.disk, "/home/f", 0);
        disk_user_patches(p.disk, "/home/f", 0, filled('n'));
        if (synced)
            disk_user_syncs(p.disk, "/home/f");
        program_crashes(&p);
        fate result = fate_of("/home/f");
        counts[result]++;
        cr_assert(disk_user_stat(p.disk, "/home/f", &after));
        cr_assert(result == OLD || !cf_stat_unchanged(&before, &after));
        program_ends(&p);
    }
}

Test(disk_cuts, leave_contents_old_or_new_or_something_between)
{
    int counts[FATES];

    count_fates(true, true, counts);
    cr_assert_eq(counts[NEW], SEEDS);
    count_fates(false, true, counts);
    cr_assert(counts[OLD]);
    cr_assert(counts[NEW]);
    cr_assert(counts[MIXED]);
    cr_assert(counts[ZEROS]);
    cr_assert(counts[EMPTY]);
    cr_assert_eq(counts[OTHER], 0);
    count_fates(false, false, counts);
    cr_assert(counts[OLD]);
    cr_assert(counts[NEW]);
    cr_assert(counts[MIXED]);
    cr_assert(counts[ZEROS]);
    cr_assert_eq(counts[OTHER] + counts[EMPTY], 0);
}

Test(disk_cuts, keep_attributes_only_with_a_sync)
{
    int kept = 0;
    cf_stat stat;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        program_begins(&p, (disk_options){.seed = seed});
        program_makes(&p, "f", named("text"), SYNC_BOTH);
        disk_user_chmods(p.disk, "/home/f", 0600);
        if (seed % 2)
            disk_user_syncs(p.disk, "/home/f");
        program_crashes(&p);
        cr_assert(disk_user_stat(p.disk, "/home/f", &stat));
        cr_assert(stat.mode == 0600 || (stat.mode == 0644 && seed % 2 == 0));
        kept += seed % 2 == 0 && stat.mode == 0600;
        program_ends(&p);
    }
    cr_assert(kept > 0);
    cr_assert(kept < SEEDS / 2);
}

/* ---- Names ---- */

Test(disk_cuts, keep_the_first_of_the_steps_in_a_folder)
{
    static const char *const names[] = {"/home/a", "/home/b", "/home/c", "/home/d"};
    int lengths[5] = {0};

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        int length = 0;

        program_begins(&p, (disk_options){.seed = seed});
        for (int i = 0; i < 4; i++)
            disk_user_touches(p.disk, names[i]);
        program_crashes(&p);
        while (length < 4 && program_has(&p, names[length]))
            length++;
        for (int i = length; i < 4; i++)
            cr_assert_not(program_has(&p, names[i]));
        lengths[length]++;
        program_ends(&p);
    }
    for (int i = 0; i < 5; i++)
        cr_assert_gt(lengths[i], 0, "%d", i);
}

Test(disk_cuts, lose_a_folder_whose_name_was_not_synced)
{
    int lost = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        program_begins(&p, (disk_options){.seed = seed});
        disk_user_makes_folder(p.disk, "/home/d");
        disk_user_writes(p.disk, "/home/d/f", "text");
        disk_user_syncs(p.disk, "/home/d/f");
        disk_user_syncs(p.disk, "/home/d");
        if (seed % 2)
            disk_user_syncs(p.disk, "/home");
        program_crashes(&p);
        bool kept = program_has(&p, "/home/d");
        cr_assert(kept || seed % 2 == 0);
        cr_assert(!kept || holds_text("/home/d/f", "text"));
        lost += !kept;
        program_ends(&p);
    }
    cr_assert(lost > 0);
    cr_assert(lost < SEEDS / 2);
}

/* `synced`: the folder that is, after a rename from one to another; NULL: none. Returns how many
 * seeds have the new place. */
static int seeds_that_moved(const char *synced)
{
    int moved = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        program_begins(&p, (disk_options){.seed = seed});
        disk_user_makes_folder(p.disk, "/home/from");
        disk_user_makes_folder(p.disk, "/home/to");
        disk_user_writes(p.disk, "/home/from/f", "text");
        disk_sync(p.disk);
        disk_user_moves(p.disk, "/home/from/f", "/home/to/f");
        if (synced)
            disk_user_syncs(p.disk, synced);
        program_crashes(&p);
        bool there = program_has(&p, "/home/to/f");
        cr_assert_neq(there, program_has(&p, "/home/from/f"));
        moved += there;
        program_ends(&p);
    }
    return moved;
}

Test(disk_cuts, leave_a_move_between_folders_done_or_not)
{
    int moved = seeds_that_moved(NULL);

    cr_assert(moved > 0);
    cr_assert(moved < SEEDS);
    cr_assert_eq(seeds_that_moved("/home/to"), SEEDS);
    cr_assert_eq(seeds_that_moved("/home/from"), SEEDS);
}

Test(disk_cuts, bring_back_what_was_removed_and_not_synced)
{
    int back = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        program_begins(&p, (disk_options){.seed = seed});
        disk_user_writes(p.disk, "/home/f", "text");
        disk_sync(p.disk);
        disk_user_unlinks(p.disk, "/home/f");
        if (seed % 2)
            disk_user_syncs(p.disk, "/home");
        program_crashes(&p);
        bool there = program_has(&p, "/home/f");
        cr_assert(!there || (seed % 2 == 0 && holds_text("/home/f", "text")));
        back += there;
        program_ends(&p);
    }
    cr_assert(back > 0);
    cr_assert(back < SEEDS / 2);
}

/* ---- What is open ---- */

Test(disk_cuts, leave_what_was_open_dead)
{
    cf_file *file = NULL;
    disk_hold *hold;
    bool below;
    size_t read;
    char bytes[8];

    program_begins(&p, (disk_options){.seed = 1});
    program_makes(&p, "f", named("text"), SYNC_BOTH);
    expect_ok(p.files->reopen_file(p.files, p.folder, named("f"), &file, &p.error), p.error);
    cr_assert(disk_user_opens(p.disk, "/home/f", true, &hold));
    disk_crash(p.disk);
    expect_fails(p.files->write_at(p.files, file, 0, named("x"), &p.error), CF_IO);
    expect_fails(p.files->read_at(p.files, file, 0, bytes, 4, &read, &p.error), CF_IO);
    expect_fails(p.files->sync_file(p.files, file, &p.error), CF_IO);
    expect_fails(p.files->sync_folder(p.files, p.folder, &p.error), CF_IO);
    expect_fails(p.files->unlink(p.files, p.folder, named("f"), &p.error), CF_IO);
    expect_fails(p.files->is_below(p.files, p.folder, p.folder, &below, &p.error), CF_IO);
    cr_assert_not(disk_user_writes_at(hold, 0, named("x")));
    p.files->close_file(p.files, &file);
    p.files->close_folder(p.files, &p.folder);
    disk_user_closes(&hold);
    program_opens(&p);
    cr_assert(holds_text("/home/f", "text"));
    program_ends(&p);
}

Test(disk_cuts, come_at_a_call_that_was_chosen)
{
    program_begins(&p, (disk_options){.seed = 1});
    disk_sync(p.disk);
    disk_cut_after(p.disk, 3); /* create, write, and no sync */
    cf_file *file = NULL;
    expect_ok(p.files->create_file(p.files, p.folder, named("f"), 0644, &file, &p.error), p.error);
    expect_ok(p.files->write_at(p.files, file, 0, named("text"), &p.error), p.error);
    expect_fails(p.files->sync_file(p.files, file, &p.error), CF_IO);
    expect_fails(p.files->sync_folder(p.files, p.folder, &p.error), CF_IO);
    expect_fails(p.files->unlink(p.files, p.folder, named("f"), &p.error), CF_IO);
    cr_assert(holds_text("/home/f", "text"));
    p.files->close_file(p.files, &file);
    program_crashes(&p);
    expect_ok(p.files->sync_folder(p.files, p.folder, &p.error), p.error);
    program_ends(&p);
}

/* Which of them it left durable, as bits. */
static unsigned cut_among_syncs(uint64_t seed, uint64_t calls)
{
    static const char *const paths[] = {"/home/a", "/home/b", "/home/c"};
    enum { COUNT = sizeof paths / sizeof *paths };
    cf_file *files[COUNT] = {0};
    cf_file_sync all[COUNT];
    unsigned durable = 0;

    program_begins(&p, (disk_options){.seed = seed});
    for (int i = 0; i < COUNT; i++) {
        expect_ok(p.files->create_file(p.files, p.folder, named(strrchr(paths[i], '/') + 1), 0644,
                                       &files[i], &p.error),
                  p.error);
        expect_ok(p.files->write_at(p.files, files[i], 0, named("text"), &p.error), p.error);
        all[i] = (cf_file_sync){.file = files[i]};
    }
    expect_ok(p.files->sync_folder(p.files, p.folder, &p.error), p.error);
    disk_cut_after(p.disk, calls);
    p.files->sync_files(p.files, all, COUNT);
    for (int i = 0; i < COUNT; i++) {
        durable |= all[i].status ? 0 : 1u << i;
        p.files->close_file(p.files, &files[i]);
    }
    program_crashes(&p);
    for (int i = 0; i < COUNT; i++)
        cr_assert(!(durable >> i & 1) || holds_text(paths[i], "text"), "%s", paths[i]);
    program_ends(&p);
    return durable;
}

Test(disk_cuts, leave_any_of_the_files_that_are_synced_together)
{
    unsigned seen = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (uint64_t calls = 1; calls <= 4; calls++)
            seen |= 1u << cut_among_syncs(seed, calls);
    cr_assert_eq(seen, 0xff, "%x", seen);
}

/* ---- Syncs that fail ---- */

static cf_status sync_badly(cf_file *file)
{
    disk_set_rates(p.disk, &(disk_rates){.syncs = 1000000});
    cf_status status = p.files->sync_file(p.files, file, &p.error);
    disk_set_rates(p.disk, NULL);
    return status;
}

static void see_spoiled(void *context, const disk_thing *thing)
{
    bool *any = context;

    *any |= thing->is_spoiled;
}

static bool is_spoiled(const char *folder)
{
    bool any = false;

    disk_walk(p.disk, folder, &(disk_walk_options){.no_bytes = true}, see_spoiled, &any);
    return any;
}

Test(disk_cuts, find_that_a_failed_sync_is_not_made_good_by_the_next_one)
{
    int kept = 0, lost = 0, evicted = 0, lost_unseen = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cf_file *file = NULL;

        program_begins(&p, (disk_options){.seed = seed});
        program_makes(&p, "f", filled('o'), SYNC_BOTH);
        expect_ok(p.files->reopen_file(p.files, p.folder, named("f"), &file, &p.error), p.error);
        expect_ok(p.files->write_at(p.files, file, 0, filled('n'), &p.error), p.error);
        expect_fails(sync_badly(file), CF_IO);
        bool looks_good = fate_of("/home/f") == NEW;
        evicted += !looks_good;
        expect_ok(p.files->sync_file(p.files, file, &p.error), p.error);
        if (seed % 2) { /* what helps is to write it again */
            expect_ok(p.files->write_at(p.files, file, 0, filled('n'), &p.error), p.error);
            expect_ok(p.files->sync_file(p.files, file, &p.error), p.error);
        }
        p.files->close_file(p.files, &file);
        program_crashes(&p);
        fate result = fate_of("/home/f");
        cr_assert(result == NEW || (seed % 2 == 0 && (result == OLD || result == MIXED)));
        kept += seed % 2 == 0 && result == NEW;
        lost += result != NEW;
        cr_assert_eq(is_spoiled("/home"), looks_good && result != NEW);
        lost_unseen += looks_good && result != NEW;
        program_ends(&p);
    }
    cr_assert(kept > 0);
    cr_assert(lost > 0);
    cr_assert(evicted > 0);
    cr_assert(lost_unseen > 0);
}
