/* SPDX-License-Identifier: Apache-2.0 */
/* What moves costs as much as it is, here and on the device that follows: half of a folder, chains
 * of names, folders in each other, names of one file. What is counted is how many stretches of the
 * product's code are run: the sources that look at moves and plan them are compiled for this test
 * so that each of them calls __sanitizer_cov_trace_pc; and what the disk is asked. */
#include "tests/peer/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

enum { SMALL = 100, CHAIN = 400, SHALLOW = 24, SIZES = 3 };

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

typedef uint64_t moves_work(int size);

/* Twice as many are about twice the work: n log n has some more, a square four times as much. */
static void expect_linear(moves_work *work, int smallest)
{
    uint64_t counts[SIZES];

    for (int i = 0; i < SIZES; i++)
        counts[i] = work(smallest << i);
    cr_expect_gt(counts[0], smallest, "nothing is counted");
    for (int i = 1; i < SIZES; i++)
        cr_expect_lt(counts[i], 3 * counts[i - 1], "%llu for %d, %llu for twice as many",
                     (unsigned long long)counts[i - 1], smallest << (i - 1),
                     (unsigned long long)counts[i]);
}

static void write_files(device *self, const char *folder, int files)
{
    char path[64];

    user_makes(self, folder);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/%s%d", folder, folder, i);
        user_writes_text(self, path, path);
    }
}

static void move_one(device *self, const char *from, const char *to)
{
    cr_assert(user_moves(self, from, to), "%s to %s", from, to);
}

static uint64_t work_of_both(world *w)
{
    uint64_t before = stretches;

    cr_assert(device_sync(&w->devices[0]));
    cr_assert(device_sync(&w->devices[1]));
    uint64_t counted = stretches - before;
    settles_equal(w);
    world_destroy(&w);
    return counted;
}

/* Every other file. */
static uint64_t move_half(int files, const char *to, int there)
{
    world *w = world_new(71, 2);
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

static uint64_t chain_work(int files)
{
    world *w = world_new(72, 2);
    char from[64], path[64];

    write_files(&w->devices[0], "h", files);
    settles_equal(w);
    for (int i = files; i-- > 0;) {
        snprintf(from, sizeof from, "h/h%d", i);
        snprintf(path, sizeof path, "h/h%d", i + 1);
        move_one(&w->devices[0], from, path);
    }
    return work_of_both(w);
}

Test(growth_moves, of_names_in_a_chain_is_linear, .timeout = 240)
{
    expect_linear(chain_work, CHAIN);
}

/* A file of many windows, of which one name more is made. */
static uint64_t link_calls(int names)
{
    world *w = world_new(74, 1);
    device *a = &w->devices[0];
    cf_buffer bytes = {0};
    char path[32];

    memset(cf_buffer_reserve(&bytes, 40 * CF_MIB), 'x', 40 * CF_MIB);
    user_writes(a, "file", bytes.data, 40 * CF_MIB);
    cf_buffer_release(&bytes);
    for (int i = 0; i < names; i++) {
        snprintf(path, sizeof path, "l%d", i);
        cr_assert(user_links(a, "file", path));
    }
    cr_assert(world_settle(w));
    cr_assert(user_links(a, "file", "another"));
    a->faults.reads = true;
    uint64_t before = a->faults.calls;
    cr_assert(device_sync(a));
    uint64_t calls = a->faults.calls - before;
    expect_nothing_pending(a);
    world_destroy(&w);
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
    world *w = world_new(73, 1);
    device *a = &w->devices[0];
    char path[2 * (SHALLOW << SIZES)] = "d";

    for (int i = 0; i < depth; i++) {
        user_makes(a, path);
        strcat(path, "/d");
    }
    cr_assert(world_settle(w));
    a->faults.reads = true;
    uint64_t before = a->faults.calls;
    cr_assert(device_sync(a));
    uint64_t calls = a->faults.calls - before;
    world_destroy(&w);
    return calls;
}

Test(growth_moves, of_a_look_at_folders_in_each_other_is_linear, .timeout = 240)
{
    expect_linear(quiet_calls, SHALLOW);
}
