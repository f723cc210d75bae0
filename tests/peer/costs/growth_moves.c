/* SPDX-License-Identifier: Apache-2.0 */
/* What moves costs as much as it is, here and on the device that follows: half of a folder, chains
 * of names, folders in each other, names of one file. What is counted is how many stretches of the
 * product's code are run: the sources that look at moves and plan them are compiled for this test
 * so that each of them calls __sanitizer_cov_trace_pc; and what the disk is asked. */
#include "tests/peer/small/small_checks.h"

#include "broker/platform/names.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SMALL = 100,
    LARGE = 600 * 1024,
    CHAIN = 400,
    SHALLOW = 24,
    DEEP = 100,
    SIZES = 3,
    WATCHED_MS = 9000
};

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

typedef uint64_t moves_work(int size);

static void expect_few(uint64_t work, uint64_t times, int size, uint64_t more, int larger)
{
    cr_expect_lt(more, times * work, "%llu for %d, %llu for %d", (unsigned long long)work, size,
                 (unsigned long long)more, larger);
}

/* Twice as many are about twice the work: n log n has some more, a square four times as much. The
 * short form passes over the size in the middle: four times as many are less than nine times the
 * work, where a square is sixteen times as much. */
static void expect_linear(moves_work *work, int smallest)
{
    uint64_t least = work(smallest);

    cr_expect_gt(least, (uint64_t)smallest, "nothing is counted");
    if (getenv("CF_ALL_CASES")) {
        uint64_t middle = work(2 * smallest);
        expect_few(least, 3, smallest, middle, 2 * smallest);
        expect_few(middle, 3, 2 * smallest, work(4 * smallest), 4 * smallest);
    } else {
        expect_few(least, 9, smallest, work(4 * smallest), 4 * smallest);
    }
}

static void write_files(small_device *self, const char *folder, int files)
{
    char path[64];

    user_makes(self, folder);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/%s%d", folder, folder, i);
        user_writes_text(self, path, path);
    }
}

static void move_one(small_device *self, const char *from, const char *to)
{
    cr_assert(user_moves(self, from, to), "%s to %s", from, to);
}

static uint64_t work_of_both(small_world *w)
{
    uint64_t before = stretches;

    cr_assert(small_device_sync(&w->devices[0]));
    cr_assert(small_device_sync(&w->devices[1]));
    uint64_t counted = stretches - before;
    settles_equal(w);
    small_world_destroy(&w);
    return counted;
}

/* Every other file. */
static uint64_t move_half(int files, const char *to, int there)
{
    small_world *w = small_world_new(71, 2);
    char from[64], path[64];

    write_files(&w->devices[0], "d", files);
    if (there)
        write_files(&w->devices[0], to, there);
    settles_equal(w);
    user_makes(&w->devices[0], to);
    for (int i = 0; i < files; i += 2) {
        snprintf(from, sizeof from, "d/d%d", i);
        snprintf(path, sizeof path, "%s/d%d", to, i);
        move_one(&w->devices[0], from, path);
    }
    return work_of_both(w);
}

static uint64_t to_a_subfolder(int files)
{
    return move_half(files, "d/sub", 0);
}

Test(growth_moves, of_half_of_a_folder_to_a_subfolder_is_linear, .timeout = 240)
{
    expect_linear(to_a_subfolder, SMALL);
}

static uint64_t to_a_full_folder(int files)
{
    return move_half(files, "e", files);
}

Test(growth_moves, of_half_of_a_folder_to_one_as_full_is_linear, .timeout = 240)
{
    expect_linear(to_a_full_folder, SMALL);
}

/* To two folders, in each of which two files have one name; then the folder goes. */
static uint64_t move_to_two(int files)
{
    static const char *const to[] = {"e", "f"};
    small_world *w = small_world_new(79, 2);
    char from[64], path[64];

    write_files(&w->devices[0], "d", files);
    user_makes(&w->devices[0], to[0]);
    user_makes(&w->devices[0], to[1]);
    settles_equal(w);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/both", to[i % 2]);
        user_writes_text(&w->devices[i / 2], path, i < 2 ? "one" : "other");
    }
    settles_equal(w);
    for (int i = 0; i < files; i++) {
        snprintf(from, sizeof from, "d/d%d", i);
        snprintf(path, sizeof path, "%s/d%d", to[i % 2], i);
        move_one(&w->devices[0], from, path);
    }
    user_removes(&w->devices[0], "d");
    return work_of_both(w);
}

Test(growth_moves, of_a_folder_to_two_others_is_linear, .timeout = 240)
{
    expect_linear(move_to_two, SMALL);
}

/* As logs are rotated, and then, perhaps, the first is begun anew; of its content `size` bytes. */
static uint64_t rotate(int files, size_t size)
{
    small_world *w = small_world_new(72, 2);
    cf_buffer noise = small_world_noise(w, size);
    char from[64], path[64];

    write_files(&w->devices[0], "h", files);
    settles_equal(w);
    for (int i = files; i-- > 0;) {
        snprintf(from, sizeof from, "h/h%d", i);
        snprintf(path, sizeof path, "h/h%d", i + 1);
        move_one(&w->devices[0], from, path);
    }
    if (size)
        user_writes(&w->devices[0], "h/h0", noise.data, noise.size);
    cf_buffer_release(&noise);
    return work_of_both(w);
}

static uint64_t chain_work(int files)
{
    return rotate(files, 0);
}

Test(growth_moves, of_names_in_a_chain_is_linear, .timeout = 240)
{
    expect_linear(chain_work, CHAIN);
}

/* All of them wait for what is read first. */
static uint64_t rotation_work(int files)
{
    return rotate(files, SMALL);
}

Test(growth_moves, of_names_in_a_chain_whose_first_is_new_is_linear, .timeout = 240)
{
    expect_linear(rotation_work, CHAIN);
}

/* And for what is sent first. */
static uint64_t large_rotation_work(int files)
{
    return rotate(files, LARGE);
}

Test(growth_moves, of_names_in_a_chain_whose_first_is_large_is_linear, .timeout = 240)
{
    expect_linear(large_rotation_work, CHAIN);
}

static void link_names(small_device *self, const char *start, int names)
{
    char path[64];

    for (int i = 0; i < names; i++) {
        snprintf(path, sizeof path, "%s%d", start, i);
        cr_assert(user_links(self, "d/file", path));
    }
}

/* A file with so many names, known to both. */
static small_world *world_of_names(int names)
{
    small_world *w = small_world_new(75, 2);

    user_makes(&w->devices[0], "d");
    user_makes(&w->devices[0], "e");
    user_writes_text(&w->devices[0], "d/file", "text");
    link_names(&w->devices[0], "d/l", names);
    settles_equal(w);
    return w;
}

static uint64_t as_many_names(int names)
{
    small_world *w = world_of_names(names);

    link_names(&w->devices[0], "d/m", names);
    return work_of_both(w);
}

Test(growth_moves, of_as_many_names_of_one_file_is_linear, .timeout = 240)
{
    expect_linear(as_many_names, CHAIN);
}

/* Every other one. */
static uint64_t names_that_move(int names)
{
    small_world *w = world_of_names(names);
    char from[64], path[64];

    for (int i = 0; i < names; i += 2) {
        snprintf(from, sizeof from, "d/l%d", i);
        snprintf(path, sizeof path, "e/n%d", names - i);
        move_one(&w->devices[0], from, path);
    }
    return work_of_both(w);
}

Test(growth_moves, of_names_of_one_file_that_get_others_is_linear, .timeout = 240)
{
    expect_linear(names_that_move, CHAIN);
}

static uint64_t names_that_go(int names)
{
    small_world *w = world_of_names(names);
    char path[64];

    for (int i = 0; i < names; i += 2) {
        snprintf(path, sizeof path, "d/l%d", i);
        user_removes(&w->devices[0], path);
    }
    return work_of_both(w);
}

Test(growth_moves, of_names_of_one_file_that_go_is_linear, .timeout = 240)
{
    expect_linear(names_that_go, SMALL);
}

/* Seen name by name, while the device serves. */
static uint64_t names_under_the_watch(int names)
{
    small_world *w = world_of_names(names);
    small_device *a = &w->devices[0];

    small_device_serves(a);
    small_device_passes(a, WATCHED_MS);
    uint64_t before = stretches;
    link_names(a, "d/m", names);
    small_device_passes(a, WATCHED_MS);
    uint64_t counted = stretches - before;
    settles_equal(w);
    small_world_destroy(&w);
    return counted;
}

Test(growth_moves, of_names_of_one_file_that_are_seen_to_come_is_linear, .timeout = 240)
{
    expect_linear(names_under_the_watch, SMALL);
}

/* A file of many windows, of which one name more is made. */
static uint64_t link_calls(int names)
{
    small_world *w = small_world_new(74, 1);
    small_device *a = &w->devices[0];
    cf_buffer bytes = {0};
    char path[32];

    memset(cf_buffer_reserve(&bytes, 40 * CF_MIB), 'x', 40 * CF_MIB);
    user_writes(a, "file", bytes.data, 40 * CF_MIB);
    cf_buffer_release(&bytes);
    for (int i = 0; i < names; i++) {
        snprintf(path, sizeof path, "l%d", i);
        cr_assert(user_links(a, "file", path));
    }
    cr_assert(small_world_settle(w));
    cr_assert(user_links(a, "file", "another"));
    a->faults.reads = true;
    uint64_t before = a->faults.calls;
    cr_assert(small_device_sync(a));
    uint64_t calls = a->faults.calls - before;
    expect_nothing_pending(a);
    small_world_destroy(&w);
    return calls;
}

Test(growth_moves, of_one_more_link_reads_the_file_once, .timeout = 240)
{
    uint64_t few = link_calls(4), more = link_calls(8), many = link_calls(16);

    cr_expect_lt(more, few + 40, "%llu, %llu", (unsigned long long)few, (unsigned long long)more);
    cr_expect_lt(many, more + 80, "%llu, %llu", (unsigned long long)more, (unsigned long long)many);
}

/* What the disk is asked when nothing has changed. */
static uint64_t quiet_calls(int depth)
{
    small_world *w = small_world_new(73, 1);
    small_device *a = &w->devices[0];
    char path[2 * (SHALLOW << SIZES)] = "d";

    for (int i = 0; i < depth; i++) {
        user_makes(a, path);
        strcat(path, "/d");
    }
    cr_assert(small_world_settle(w));
    a->faults.reads = true;
    uint64_t before = a->faults.calls;
    cr_assert(small_device_sync(a));
    uint64_t calls = a->faults.calls - before;
    small_world_destroy(&w);
    return calls;
}

Test(growth_moves, of_a_look_at_folders_in_each_other_is_linear, .timeout = 240)
{
    expect_linear(quiet_calls, SHALLOW);
}

/* Paths that were rendered for a person to read. The linker brings calls here. */
static uint64_t rendered;

void __real_cf_name_show(cf_bytes name, char out[CF_NAME_SHOWN]);
void __wrap_cf_name_show(cf_bytes name, char out[CF_NAME_SHOWN]);

void __wrap_cf_name_show(cf_bytes name, char out[CF_NAME_SHOWN])
{
    rendered++;
    __real_cf_name_show(name, out);
}

/* Of folders that are in order nobody reads. */
static uint64_t paths_of_a_look(int depth)
{
    uint64_t before = rendered;

    quiet_calls(depth);
    return rendered - before;
}

Test(growth_moves, of_folders_in_each_other_renders_no_path_for_nobody, .timeout = 240)
{
    uint64_t few = paths_of_a_look(SHALLOW), more = paths_of_a_look(2 * SHALLOW),
             many = paths_of_a_look(4 * SHALLOW);

    cr_expect_gt(few, 0, "nothing is counted");
    cr_expect_lt(more, few + SHALLOW / 2, "%llu, %llu", (unsigned long long)few,
                 (unsigned long long)more);
    cr_expect_lt(many, few + SHALLOW / 2, "%llu, %llu", (unsigned long long)few,
                 (unsigned long long)many);
}

/* What both disks are asked when folders in each other are made here, and followed. */
static uint64_t calls_of_a_first_sync(int depth)
{
    small_world *w = small_world_new(76, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    char path[2 * (DEEP << SIZES)] = "d", there[sizeof b->folder + sizeof path];

    for (int i = 0; i < depth; i++) {
        user_makes(a, path);
        strcat(path, "/d");
    }
    a->faults.reads = b->faults.reads = true;
    uint64_t before = a->faults.calls + b->faults.calls;
    cr_assert(small_device_sync(a));
    cr_assert(small_device_sync(b));
    uint64_t calls = a->faults.calls + b->faults.calls - before;
    path[strlen(path) - strlen("/d")] = '\0';
    snprintf(there, sizeof there, "%s/%s", b->folder, path);
    cr_assert_eq(access(there, F_OK), 0, "it has not come");
    small_world_destroy(&w);
    return calls;
}

Test(growth_moves, of_folders_in_each_other_that_are_followed_is_linear, .timeout = 240)
{
    expect_linear(calls_of_a_first_sync, DEEP);
}

/* Made here, and followed. The way to each of them is a square of the depth; whatever is done on
 * the way for all of it once more is a cube. */
static uint64_t first_sync(int depth)
{
    small_world *w = small_world_new(74, 2);
    char path[32 * (SHALLOW << SIZES)] = "a folder of some letters";

    for (int i = 0; i < depth; i++) {
        user_makes(&w->devices[0], path);
        strcat(path, "/another of more letters");
    }
    return work_of_both(w);
}

Test(growth_moves, of_a_first_look_at_folders_in_each_other_is_a_square_at_most, .timeout = 240)
{
    uint64_t counts[SIZES];

    for (int i = 0; i < SIZES; i++)
        counts[i] = first_sync(SHALLOW << i);
    for (int i = 1; i < SIZES; i++)
        cr_expect_lt(counts[i], 5 * counts[i - 1], "%llu for %d, %llu for twice as deep",
                     (unsigned long long)counts[i - 1], SHALLOW << (i - 1),
                     (unsigned long long)counts[i]);
}
