/* SPDX-License-Identifier: Apache-2.0 */
/* What a look costs where nothing changed, or one file: no file that is as it was is opened,
 * however many there are, also by a process that begins anew; each folder is listed once; and a
 * save that a watch tells of lists no folder but its own. */
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { SIZES = 3, SMALL = 250, IN_ONE = 50, LATER_MS = 60000, SOON_MS = 5000 };
/* Of one that is saved: is it still written to, what holds it, its delta. */
enum { OPENED_MAX = 3 };

static lesser_disk disk;

static void name_of(char path[64], int i)
{
    snprintf(path, 64, "d%d/f%d", i / IN_ONE, i);
}

static small_world *world_of(int files)
{
    small_world *in = small_world_new(31, 1);
    small_device *first = &in->devices[0];

    lesser_disk_begin(&disk, in);
    small_device_crash(first);
    for (int i = 0; i < files; i++) {
        char path[64];

        if (i % IN_ONE == 0) {
            snprintf(path, sizeof path, "d%d", i / IN_ONE);
            user_makes(first, path);
        }
        name_of(path, i);
        user_writes_text(first, path, path);
    }
    in->now_ms += LATER_MS; /* no file is racy then */
    lesser_disk_set_clock(&disk, lesser_disk_clock(&disk) + LATER_MS * INT64_C(1000000));
    cr_assert(small_device_sync(first));
    cr_assert_eq(disk.reads, (uint64_t)files, "the first look reads each file once");
    return in;
}

static void forget_counts(void)
{
    disk.reads = disk.listings = 0;
}

Test(growth_unchanged, a_look_opens_nothing_that_is_as_it_was)
{
    for (int files = SMALL; files <= SMALL << (2 * (SIZES - 1)); files *= 4) {
        small_world *in = world_of(files);
        small_device *first = &in->devices[0];
        const uint64_t folders = 1 + (uint64_t)(files / IN_ONE);

        forget_counts();
        cr_assert(small_device_sync(first));
        cr_expect_eq(disk.reads, 0, "%d files: %llu were opened", files,
                     (unsigned long long)disk.reads);
        cr_expect_eq(disk.listings, folders, "%d files in %llu folders: %llu listings", files,
                     (unsigned long long)folders, (unsigned long long)disk.listings);
        small_device_crash(first);
        forget_counts();
        cr_assert(small_device_sync(first));
        cr_expect_eq(disk.reads, 0, "%d files: a new process opened %llu", files,
                     (unsigned long long)disk.reads);
        small_world_destroy(&in);
    }
}

Test(growth_unchanged, a_save_opens_its_file_alone)
{
    for (int files = SMALL; files <= SMALL << (2 * (SIZES - 1)); files *= 4) {
        small_world *in = world_of(files);
        small_device *first = &in->devices[0];

        small_device_serves(first);
        small_device_passes(first, SOON_MS);
        forget_counts();
        const uint64_t entries = small_world_entries(in);
        user_writes_text(first, "d1/f51", "saved");
        small_device_passes(first, SOON_MS);
        cr_expect_eq(small_world_entries(in), entries + 1, "it was not sent");
        cr_expect_leq(disk.reads, OPENED_MAX, "%d files: %llu were opened", files,
                      (unsigned long long)disk.reads);
        cr_expect(disk.reads, "what is sent was not read");
        cr_expect_leq(disk.listings, 1, "%d files: %llu folders were listed", files,
                      (unsigned long long)disk.listings);
        small_world_destroy(&in);
    }
}
