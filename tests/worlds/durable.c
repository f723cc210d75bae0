/* SPDX-License-Identifier: Apache-2.0 */
/* What a device has called in sync, a power cut doesn't take away again: neither what is there nor
 * that something is not. */
#include "tests/support/short_form.h"
#include "tests/worlds/history.h"
#include "tests/worlds/scene.h"

enum {
    SEEDS = 8,
    LOSING_SEEDS = 60 /* in one of which it is lost */
};

/* Both have a file and a folder, durably. */
static world *a_small_world_in(world *w)
{
    disk *drive = w->devices[0].drive;

    disk_user_writes(drive, "/things/old", "old");
    disk_user_makes_folder(drive, "/things/folder");
    cr_assert(syncs(&w->devices[0]));
    disk_sync(drive);
    return w;
}

static world *a_small_world(uint64_t seed)
{
    return a_small_world_in(a_world(seed, 2));
}

static void expect_to_stay(void (*act)(disk *drive), const char *tree)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world *w = a_small_world(seed);

        act(w->devices[0].drive);
        cr_assert(syncs(&w->devices[0]));
        loses_power(&w->devices[0]);
        expect_tree(w, tree);
        world_destroy(&w);
    }
}

static void make_link(disk *drive)
{
    disk_user_makes_link(drive, "/things/folder/link", "target");
}

Test(durable, a_symbolic_link)
{
    expect_to_stay(make_link, "folder/\nfolder/link: target\nold: old\n");
}

static void make_folders(disk *drive)
{
    disk_user_makes_folder(drive, "/things/folder/a");
    disk_user_makes_folder(drive, "/things/folder/a/b");
}

Test(durable, a_folder)
{
    expect_to_stay(make_folders, "folder/\nfolder/a/\nfolder/a/b/\nold: old\n");
}

static void make_file(disk *drive)
{
    disk_user_makes_folder(drive, "/things/folder/a");
    disk_user_writes(drive, "/things/folder/a/new", "new");
}

Test(durable, a_file_in_a_new_folder)
{
    expect_to_stay(make_file, "folder/\nfolder/a/\nfolder/a/new: new\nold: old\n");
}

static void move(disk *drive)
{
    disk_user_moves(drive, "/things/old", "/things/folder/moved");
}

Test(durable, a_move)
{
    expect_to_stay(move, "folder/\nfolder/moved: old\n");
}

static void remove_both(disk *drive)
{
    disk_user_removes(drive, "/things/old");
    disk_user_removes(drive, "/things/folder");
}

Test(durable, a_deletion)
{
    expect_to_stay(remove_both, "");
}

static uint32_t mode_of(const device *who, const char *path)
{
    cf_stat stat;

    cr_assert(disk_user_stat(who->drive, path, &stat), "no %s", path);
    return stat.mode & 0777;
}

/* Something is brought into it, for which it is lifted. The process dies at this call, and the next
 * one gives the mode back; a power cut may then leave it lifted, which is no change that anybody
 * made. False: there are not so many calls. */
static bool gives_back_after(uint64_t call)
{
    enum { SHUT = 0555, OPEN = 0755 };
    static const char folder[] = "/things/folder";
    world *w = a_small_world(call);
    device *here = &w->devices[0], *there = &w->devices[1];

    disk_user_chmods(here->drive, folder, SHUT);
    cr_assert(syncs(here));
    cr_assert(syncs(there));
    cr_assert_eq(mode_of(there, folder), SHUT);
    disk_user_chmods(here->drive, folder, OPEN);
    disk_user_writes(here->drive, "/things/folder/new", "new");
    disk_user_chmods(here->drive, folder, SHUT);
    cr_assert(syncs(here));
    there->faults = (disk_faults){
        .calls = there->faults.calls, .at = there->faults.calls + call, .status = CF_IO};
    (void)syncs(there);
    const bool was_made = there->faults.calls >= there->faults.at;
    device_mend(there);
    device_restart(there, END_KILLED);
    cr_expect(syncs(there), "call %d", (int)call);
    loses_power(there);
    cr_expect_eq(mode_of(there, folder), SHUT, "call %d: it is lost", (int)call);
    expect_tree(w, "folder/\nfolder/new: new\nold: old\n");
    cr_expect_eq(mode_of(here, folder), SHUT, "call %d: it is another one", (int)call);
    world_destroy(&w);
    return was_made;
}

Test(durable, the_mode_of_a_folder_in_which_its_owner_may_not_write)
{
    enum { CALLS_MIN = 10 };
    uint64_t call = 1;

    while (gives_back_after(call))
        call++;
    cr_expect_gt(call, CALLS_MIN);
}

static void save_by_rename(disk *drive)
{
    disk_user_saves(drive, "/things/old", cf_bytes_of_text("newer"), DISK_SAVE_BY_RENAME);
}

Test(durable, a_save_by_rename)
{
    expect_to_stay(save_by_rename, "folder/\nold: newer\n");
}

/* The next seed whose disk, of the first device, knows no births. */
static uint64_t next_without_births(uint64_t seed)
{
    bool found = false;

    while (!found) {
        world *w = a_world(++seed, 1);
        cf_stat stat;

        found = disk_user_stat(w->devices[0].drive, "/things", &stat) && !stat.birth_ns;
        world_destroy(&w);
    }
    return seed;
}

static world *a_coarse_world(uint64_t seed)
{
    return world_new(&(world_plan){.seed = seed, .devices = 2, .brokers = 1, .lessens = true},
                     false);
}

/* The next seed whose disk, of the first device, cuts times to 2 s, of births as of others. */
static uint64_t next_with_coarse_times(uint64_t seed)
{
    bool found = false;

    while (!found) {
        world *w = a_coarse_world(++seed);
        cf_stat stat;

        world_wait(w, 1000);
        disk_user_writes(w->devices[0].drive, "/things/old", "old");
        found = disk_user_stat(w->devices[0].drive, "/things/old", &stat) &&
                stat.birth_ns == (int64_t)(w->devices[0].clock_ms / 2000) * 2000000000;
        world_destroy(&w);
    }
    return seed;
}

static void add_things(world *w)
{
    disk *drive = w->devices[0].drive;

    world_wait(w,
               2000 - w->devices[0].clock_ms % 2000); /* what is done in the next second as well */
    disk_user_makes_link(drive, "/things/link", "target");
    disk_user_writes(drive, "/things/folder/in it", "1");
    cr_assert(syncs(&w->devices[0]));
    disk_sync(drive);
}

static void replace_link(disk *drive)
{
    disk_user_removes(drive, "/things/link");
    disk_user_makes_link(drive, "/things/link", "other");
}

static void replace_file(disk *drive)
{
    disk_user_removes(drive, "/things/folder/in it");
    disk_user_writes(drive, "/things/folder/in it", "2");
}

static void replace_folder(disk *drive)
{
    disk_user_removes(drive, "/things/folder");
    disk_user_makes_folder(drive, "/things/folder");
}

typedef struct {
    void (*replaces)(disk *drive);
    const char *tree;
} replacement;

static const replacement replacements[] = {
    {replace_link, "folder/\nfolder/in it: 1\nlink: other\nold: old\n"},
    {replace_file, "folder/\nfolder/in it: 2\nlink: target\nold: old\n"},
    {replace_folder, "folder/\nlink: target\nold: old\n"}};

static void expect_replaced_to_stay(world *w, const replacement *act)
{
    add_things(w);
    act->replaces(w->devices[0].drive);
    cr_assert(syncs(&w->devices[0]));
    loses_power(&w->devices[0]);
    expect_tree(w, act->tree);
    world_destroy(&w);
}

/* World 15000546: where no births are known, what is made under the number of what was removed
 * looks like that, edited. */
Test(durable, another_thing_under_the_same_name_and_number)
{
    for (uint64_t i = 0, seed = 0; i < 5 * SEEDS; i++) {
        seed = next_without_births(seed);
        expect_replaced_to_stay(a_small_world(seed), &replacements[i % 3]);
    }
}

/* World 20234: where all times are cut, so does what is made in the second of the other's birth. */
Test(durable, another_thing_under_the_same_name_and_number_and_of_the_same_second)
{
    for (uint64_t i = 0, seed = 0; i < 5 * SEEDS; i++) {
        seed = next_with_coarse_times(seed);
        expect_replaced_to_stay(a_small_world_in(a_coarse_world(seed)), &replacements[i % 3]);
    }
}

static void work_elsewhere(disk *drive)
{
    disk_user_writes(drive, "/things/new", "new");
    disk_user_saves(drive, "/things/old", cf_bytes_of_text("edited"), DISK_SAVE_BY_RENAME);
    disk_user_moves(drive, "/things/folder/moved", "/things/moved");
    disk_user_removes(drive, "/things/folder/gone");
    disk_user_makes_folder(drive, "/things/folder/a");
    disk_user_writes(drive, "/things/folder/a/deep", "deep");
}

/* The process ends at this call of what it does to its disk, begins again and finds what it did,
 * and then the power goes. */
static void receive_and_end_at(uint64_t seed, uint64_t call)
{
    world *w = a_small_world(seed);
    device *here = &w->devices[0], *there = &w->devices[1];

    disk_user_writes(here->drive, "/things/folder/moved", "moved");
    disk_user_writes(here->drive, "/things/folder/gone", "gone");
    cr_assert(syncs(here));
    cr_assert(syncs(there));
    disk_sync(there->drive);
    work_elsewhere(here->drive);
    cr_assert(syncs(here));
    there->faults.at = there->faults.calls + call;
    there->faults.status = CF_IO;
    syncs(there);
    device_restart(there, END_KILLED);
    syncs(there);
    loses_power(there);
    expect_tree(w,
                "folder/\nfolder/a/\nfolder/a/deep: deep\nmoved: moved\nnew: new\nold: edited\n");
    world_destroy(&w);
}

Test(durable, what_came_before_the_process_ended)
{
    for (uint64_t call = 1; call <= 80; call += one_in_few(1, 2))
        for (uint64_t seed = 0; seed < 2; seed++)
            receive_and_end_at(call + 100 * seed, call);
}

static bool has_new(const device *who)
{
    cf_buffer now = {0};

    disk_user_reads(who->drive, "/things/new", &now);
    bool has = cf_bytes_equal(cf_buffer_view(&now), cf_bytes_of_text("new"));
    cf_buffer_release(&now);
    return has;
}

/* Whether the power takes of the file what a sync said was durable, after one that failed. */
static bool is_spoiled(uint64_t seed)
{
    world *w = a_small_world(seed);
    device *here = &w->devices[0], *there = &w->devices[1];

    disk_user_writes(here->drive, "/things/new", "new");
    disk_set_rates(here->drive, &(disk_rates){.syncs = 500000});
    syncs(here);
    device_mend(here);
    bool was_read = has_new(here); /* else the disk shows what it has at once */
    cr_assert(syncs(here));
    cr_assert(syncs(there));
    cr_expect_eq(has_new(there), was_read);
    loses_power(here);
    bool spoiled = was_read && !has_new(here);
    cr_assert(syncs(here));
    cr_assert(syncs(there));
    cr_expect_eq(has_new(there), was_read, "seed %lu: nobody saved that", (unsigned long)seed);
    user_finds_spoiled(here);
    expect_tree_of(w, here);
    cr_expect_eq(has_new(there), was_read && !spoiled);
    world_destroy(&w);
    return spoiled;
}

/* What was read of it was in memory still: that is what others get, and no stat shows that the disk
 * has something else. So that passes for no edit, until a user saves the file. */
Test(durable, not_what_a_disk_lost_that_called_it_durable_but_what_others_got)
{
    int spoiled = 0;

    for (uint64_t seed = 1; seed <= LOSING_SEEDS && !spoiled; seed++)
        spoiled += is_spoiled(seed);
    cr_expect(spoiled > 0);
}

/* World 26000206: a failed fsync takes bytes for written that never will be. The next one
 * succeeded, and what had been fetched went to its place without them. */
Test(durable, what_was_fetched_and_could_not_be_synced_is_fetched_again)
{
    enum { SIZE = 350000, SEEDS_OF_FAULTS = 40 };
    const disk_rates bad = {.syncs = 400000};

    for (uint64_t seed = 1; seed <= SEEDS_OF_FAULTS; seed++) {
        world *w = a_world(seed, 2);
        device *author = &w->devices[0], *other = &w->devices[1];
        cf_buffer bytes = {0};

        author->env.random(author->env.context, cf_buffer_reserve(&bytes, SIZE), SIZE);
        bytes.size = SIZE;
        cr_assert(disk_user_saves(author->drive, "/things/large", cf_buffer_view(&bytes),
                                  DISK_SAVE_IN_PLACE));
        cr_assert(syncs(author));
        other->serves = true;
        disk_set_rates(other->drive, &bad);
        syncs(other);
        device_mend(other);
        cr_assert(syncs(other));
        expect_tree_of(w, author);
        cf_buffer_release(&bytes);
        world_destroy(&w);
    }
}

/* A user's acts, of which not all are seen where one call that reads fails. */
static void act(disk *drive)
{
    enum { SIZE = 350000 };
    cf_buffer bytes = {0};

    for (uint32_t i = 0; i < SIZE / sizeof i; i++)
        cf_buffer_append(&bytes, &i, sizeof i);
    disk_user_saves(drive, "/things/large", cf_buffer_view(&bytes), DISK_SAVE_BY_RENAME);
    cf_buffer_release(&bytes);
    disk_user_moves(drive, "/things/gone", "/things/folder/moved");
    make_file(drive);
    disk_user_makes_folder(drive, "/things/folder/a/b");
}

static void expect_acts(const device *who, uint64_t call, const char *what)
{
    static const char *const there[] = {"/things/large", "/things/folder/moved",
                                        "/things/folder/a/new", "/things/folder/a/b"};
    cf_stat stat;

    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        cr_expect(disk_user_stat(who->drive, there[i], &stat), "call %lu: %s: no %s",
                  (unsigned long)call, what, there[i]);
    cr_expect_not(disk_user_stat(who->drive, "/things/gone", &stat), "call %lu: %s",
                  (unsigned long)call, what);
}

typedef enum { BY_AUTHOR, BY_SERVING_AUTHOR, BY_RECEIVER } reader;

static bool syncs_but_for(device *who, uint64_t call, cf_status status, bool *was_made)
{
    who->faults = (disk_faults){.calls = who->faults.calls,
                                .at = who->faults.calls + call,
                                .status = status,
                                .reads = true,
                                .once = true};
    const bool says_so = syncs(who);
    *was_made = who->faults.calls >= who->faults.at;
    device_mend(who);
    return says_so;
}

/* A call that reads fails once, with a large file to be sent beside: the device asks again, or says
 * what it doesn't know. True: the call was made. */
static bool read_but_for(uint64_t call, cf_status status, reader by)
{
    world *w = a_small_world(call);
    device *here = &w->devices[0], *there = &w->devices[1];
    bool was_made;

    here->serves = by == BY_SERVING_AUTHOR;
    disk_user_writes(here->drive, "/things/gone", "moved");
    cr_assert(syncs(here));
    cr_assert(syncs(there));
    act(here->drive);
    if (by == BY_RECEIVER)
        cr_assert(syncs(here));
    device *one = by == BY_RECEIVER ? there : here;
    if (syncs_but_for(one, call, status, &was_made) && syncs(there))
        expect_acts(there, call, "it says that all is in sync");
    device_restart(one, END_CALMLY); /* a store that failed goes on failing */
    cr_expect(syncs(here), "call %lu", (unsigned long)call);
    cr_expect(syncs(there), "call %lu", (unsigned long)call);
    expect_acts(there, call, "in the end");
    world_destroy(&w);
    return was_made;
}

/* World 60406: what could not be listed was passed over by a look at the directory above. */
Test(durable, nothing_is_called_in_sync_that_could_not_be_read)
{
    const unsigned stride = one_in_few(1, 3);

    for (reader by = BY_AUTHOR; by <= BY_RECEIVER; by++)
        for (uint64_t call = 1; read_but_for(call, CF_IO, by); call += stride)
            ;
    for (uint64_t call = 1; read_but_for(call, CF_FULL, BY_AUTHOR); call += stride)
        ;
}
