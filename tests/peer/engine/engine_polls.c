/* SPDX-License-Identifier: Apache-2.0 */
/* Where nothing tells of a change, as on a share that another machine writes to, a source is
 * polled: what was done is seen within the period, by one look of those that cost no read. */
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_checks.h"

#include "peer/bindings/disk_traits.h"
#include "tests/support/expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
    PERIOD_MS = 60000,
    WHILE_MS = 8000, /* until what was seen is published; an absence has to last */
    BLIND_LEAST_MS = 450000,
};

static small_world *share(lesser_disk *disk, small_device **first, small_device **second,
                          bool is_remote)
{
    small_world *w = small_world_new(13, 2);

    *first = &w->devices[0];
    *second = &w->devices[1];
    lesser_disk_begin(disk, w);
    disk->unwatchable = true;
    disk->is_remote = is_remote;
    small_device_serves(*first); /* opened anew, on that disk */
    return w;
}

static void say(small_device *self, cf_poll_word word)
{
    cf_binding *binding = cf_engine_binding_at(self->engine, 0);
    cf_error error;

    binding->poll = word;
    expect_ok(cf_binding_save(cf_engine_peer(self->engine), binding, &error), error);
}

/* From a look on. */
static void expect_seen(small_device *first, small_device *second, uint64_t within_ms, bool seen)
{
    static int number;
    char name[16];

    snprintf(name, sizeof name, "new%d", number++);
    small_device_passes(first, 3 * PERIOD_MS);
    user_writes_text(first, name, name);
    small_device_passes(first, within_ms + WHILE_MS);
    cr_assert(small_device_sync(second));
    cr_expect_eq(has_path(second, name), seen, "%s", name);
}

Test(engine_polls, what_another_machine_wrote_is_seen_within_the_period)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = share(&disk, &first, &second, true);

    expect_seen(first, second, PERIOD_MS, true);
    expect_seen(first, second, PERIOD_MS, true);
    small_world_destroy(&w);
}

Test(engine_polls, a_disk_of_this_machine_is_not_polled)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = share(&disk, &first, &second, false);

    expect_seen(first, second, PERIOD_MS, false);
    small_world_destroy(&w);
}

/* It is kept, and holds where it is shorter and longer than the disk's own. */
Test(engine_polls, its_user_says_how_often)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = share(&disk, &first, &second, true);

    say(first, (cf_poll_word){true, 5000});
    small_device_serves(first);
    expect_seen(first, second, 5000, true);
    say(first, (cf_poll_word){true, 0});
    small_device_serves(first);
    expect_seen(first, second, 2 * PERIOD_MS, false);
    say(first, (cf_poll_word){0});
    small_device_serves(first);
    expect_seen(first, second, PERIOD_MS, true);
    small_world_destroy(&w);
}

Test(engine_polls, what_was_deleted_there_is_deleted_once_it_has_lasted)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = share(&disk, &first, &second, true);
    char path[256];

    user_writes_text(first, "a", "one");
    user_writes_text(first, "b", "two");
    small_device_passes(first, 2 * PERIOD_MS);
    cr_assert(small_device_sync(second));
    cr_assert(has_path(second, "a"));
    snprintf(path, sizeof path, "%s/a", first->folder);
    cr_assert_eq(unlink(path), 0);
    small_device_passes(first, PERIOD_MS + WHILE_MS);
    cr_assert(small_device_sync(second));
    cr_expect(!has_path(second, "a"));
    cr_expect(has_path(second, "b"));
    small_world_destroy(&w);
}

/* What was done so far is racy no longer. */
static void step_on(lesser_disk *disk)
{
    lesser_disk_set_clock(disk, lesser_disk_clock(disk) + 2 * INT64_C(1000000000));
}

/* Nothing was done: as often as it is looked at, no file is read, whatever there is. */
static void expect_no_reads(unsigned files)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = share(&disk, &first, &second, true);
    char name[16];

    for (unsigned i = 0; i < files; i++) {
        snprintf(name, sizeof name, "f%u", i);
        user_writes_text(first, name, name);
    }
    small_device_passes(first, 2 * PERIOD_MS);
    step_on(&disk);
    small_device_passes(first, 2 * PERIOD_MS);
    uint64_t before = disk.reads, looks = disk.listings;
    small_device_passes(first, 6 * PERIOD_MS);
    cr_expect_eq(disk.reads - before, 0, "%u files", files);
    cr_expect(disk.listings - looks >= 6, "%llu looks",
              (unsigned long long)(disk.listings - looks));
    cr_expect(disk.listings - looks <= 10, "%llu looks",
              (unsigned long long)(disk.listings - looks));
    user_writes_text(first, "f0", "other");
    step_on(&disk);
    before = disk.reads;
    small_device_passes(first, PERIOD_MS + WHILE_MS);
    cr_expect(disk.reads - before >= 1, "%u files: %llu reads", files,
              (unsigned long long)(disk.reads - before));
    cr_expect(disk.reads - before <= 2, "%u files: %llu reads", files,
              (unsigned long long)(disk.reads - before));
    small_world_destroy(&w);
}

Test(engine_polls, only_what_has_changed_is_read)
{
    expect_no_reads(1);
    expect_no_reads(40);
    expect_no_reads(300);
}

/* ---- Renamed elsewhere, while nothing tells of it ---- */

static void move(void *context)
{
    cr_assert(user_moves(context, "z/x", "a/x"));
}

/* In the midst of a look, from a folder that is listed later to one that was listed before, or the
 * other way round: one move, which takes an edit along. */
static void expect_moved(const char *between, bool renumbers)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = small_world_new(13, 2);

    first = &w->devices[0];
    second = &w->devices[1];
    lesser_disk_begin(&disk, w);
    disk.is_remote = disk.deaf = true;
    disk.renumbers = renumbers;
    disk.elsewhere = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    user_makes(first, "a");
    user_makes(first, "z");
    user_writes_text(first, "z/x", "one");
    user_writes_text(first, "z/y", "another one");
    small_device_serves(first);
    small_device_passes(first, 2 * PERIOD_MS);
    cr_assert(small_device_sync(second));
    cr_assert(has_path(second, "z/x"));
    step_on(&disk);
    small_device_passes(first, 2 * PERIOD_MS);
    uint64_t entries = small_world_entries(w);
    disk.happens = move;
    disk.context = first;
    disk.between = between;
    small_device_passes(first, PERIOD_MS + WHILE_MS);
    cr_assert_null(disk.between);
    user_writes_text(second, "z/x", "edited");
    cr_assert(small_device_sync(second));
    small_device_passes(first, 2 * PERIOD_MS + WHILE_MS);
    cr_expect_eq(small_world_entries(w), entries + 2, "the edit, and the move");
    cr_assert(small_device_sync(second));
    for (int i = 0; i < 2; i++) {
        cr_expect(has_path(&w->devices[i], "a/x"), "%d", i);
        cr_expect_not(has_path(&w->devices[i], "z/x"), "%d", i);
    }
    close(disk.elsewhere);
    small_world_destroy(&w);
}

Test(engine_polls, a_file_renamed_between_what_is_listed)
{
    expect_moved("/folder0", false);
    expect_moved("/folder0", true);
    expect_moved("/folder0/a", false);
    expect_moved("/folder0/a", true);
    expect_moved("/folder0/z", false);
    expect_moved("/folder0/z", true);
}

Test(engine_polls, from_a_second_to_an_hour)
{
    const uint64_t good[] = {0, CF_POLL_MIN_MS, CF_POLL_MAX_MS},
                   bad[] = {1, CF_POLL_MIN_MS - 1, CF_POLL_MAX_MS + 1, UINT64_MAX};
    char text[CF_POLL_TEXT];
    cf_poll_word word;
    cf_error error;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        expect_ok(cf_poll_word_of(good[i], &word, &error), error);
        cr_expect(word.given);
        cr_expect(word.period_ms == good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(cf_poll_word_of(bad[i], &word, &error), CF_USAGE);
    cf_poll_show(60000, text);
    cr_expect_str_eq(text, "60s");
    cf_poll_show(1500, text);
    cr_expect_str_eq(text, "1500ms");
    cf_poll_show(0, text);
    cr_expect_str_eq(text, "0");
}
