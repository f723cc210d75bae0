/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/small/card_below.h"

#include "tests/support/expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define SECOND_NS INT64_C(1000000000)
enum { ASKS_MS = 600000 };

small_world *machine;
lesser_disk share_disk;
small_device *first, *second;

/* Of the disk; for the device long enough to ask that. */
void passes(int64_t seconds)
{
    machine->now_ms += ASKS_MS;
    lesser_disk_set_clock(&share_disk, lesser_disk_clock(&share_disk) + seconds * SECOND_NS);
}

void both_sync(void)
{
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
}

void path_of(char path[256], const char *name)
{
    snprintf(path, 256, "%s/%s", machine->path, name);
}

static void make_bare(void)
{
    char bare[256];

    path_of(bare, "bare");
    cr_assert_eq(mkdir(bare, 0755), 0);
}

void swap_card(const char *goes_as, const char *comes)
{
    char shown[256], gone[256], come[256];
    struct stat above;

    cr_assert_eq(stat(first->folder, &above), 0);
    const struct timespec times[2] = {above.st_atim, above.st_mtim};
    snprintf(shown, sizeof shown, "%s/card", first->folder);
    path_of(gone, goes_as);
    path_of(come, comes);
    cr_assert_eq(rename(shown, gone), 0);
    cr_assert_eq(rename(come, shown), 0);
    cr_assert_eq(utimensat(AT_FDCWD, first->folder, times, 0), 0);
}

void take_out(void *context)
{
    (void)context;
    swap_card("card", "bare");
}

void put_back(void)
{
    swap_card("bare", "card");
}

/* The bare folder is of later than all that is on the card; then both devices have seen it. */
void card_begin(void)
{
    machine = small_world_new(17, 2);
    machine->guarded = true;
    first = &machine->devices[0];
    second = &machine->devices[1];
    lesser_disk_begin(&share_disk, machine);
    share_disk.is_remote = true;
    share_disk.fraction_ns = 1234567;
    small_device_crash(first);
    small_device_crash(second);
    user_makes(first, "card");
    user_writes_text(first, "card/a", "a");
    user_writes_text(first, "card/b", "b");
    user_makes(first, "card/in");
    user_writes_text(first, "card/in/c", "c");
    user_writes_text(first, "beside", "beside");
    passes(LONGER_THAN_REMEMBERED);
    cr_assert(small_device_sync(first));
    share_disk.no_ctimes = true; /* a mount, which is a rename here, changes none */
    make_bare();
    passes(LONGER_THAN_REMEMBERED);
    both_sync();
    user_writes_text(first, "beside", "later"); /* with which all that was noted is durable */
    both_sync();
    passes(LONGER_THAN_REMEMBERED);
}

void card_end(void)
{
    small_world_destroy(&machine);
}

void expect_card_held(void)
{
    const uint64_t entries = small_world_entries(machine);

    for (int i = 0; i < 2; i++) {
        small_device_sync(first);
        cr_assert(small_device_sync(second));
        passes(LONGER_THAN_REMEMBERED);
    }
    cr_expect(has_path(second, "card/a"), "a was removed elsewhere");
    cr_expect(has_path(second, "card/b"), "b was removed elsewhere");
    cr_expect(has_path(second, "card/in/c"), "in/c was removed elsewhere");
    cr_expect_eq(small_world_entries(machine), entries, "something was published");
}
