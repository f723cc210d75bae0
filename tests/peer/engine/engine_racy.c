/* SPDX-License-Identifier: Apache-2.0 */
/* Saves of one size that the disk's times can't tell apart: the last one is sent by the next look,
 * and what is racy is read once more, not for ever. */
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_cards.h"
#include "tests/peer/small/small_folder.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

static small_world *racy_world(lesser_disk *disk, small_device **first, small_device **second)
{
    small_world *w = small_world_new(11, 2);

    *first = &w->devices[0];
    *second = &w->devices[1];
    lesser_disk_begin(disk, w);
    return w;
}

static void steps_on(lesser_disk *disk)
{
    lesser_disk_set_clock(disk, lesser_disk_clock(disk) + 2 * SECOND_NS);
}

/* How often files are read in a look in which nothing was done. */
static uint64_t reads_of_a_look(small_device *self, const lesser_disk *disk)
{
    uint64_t before = disk->reads;

    cr_assert(small_device_sync(self));
    return disk->reads - before;
}

static void expect_each_save_sent(bool no_ctimes)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);
    char text[16];

    disk.no_ctimes = no_ctimes;
    for (int i = 100; i < 120; i++) {
        snprintf(text, sizeof text, "saved %d", i);
        user_writes_text(first, "a", text);
        if (i % 7 == 6)
            steps_on(&disk);
        cr_assert(small_device_sync(first));
        cr_assert(small_device_sync(second));
        cr_expect(user_reads_as(second, "a", text), "%s is not sent", text);
    }
    small_world_destroy(&w);
}

Test(engine_racy, each_save_of_one_size_within_a_step_is_sent)
{
    expect_each_save_sent(false);
}

Test(engine_racy, each_save_is_sent_where_only_writes_have_a_time)
{
    expect_each_save_sent(true);
}

/* After the look that follows the end of the step. */
static void expect_reads(unsigned files)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);
    char name[16];

    for (unsigned i = 0; i < files; i++) {
        snprintf(name, sizeof name, "f%u", i);
        user_writes_text(first, name, name);
    }
    cr_assert(small_device_sync(first));
    cr_expect_eq(reads_of_a_look(first, &disk), files, "while the step goes on");
    steps_on(&disk);
    cr_expect_eq(reads_of_a_look(first, &disk), files, "when it is over");
    cr_expect_eq(reads_of_a_look(first, &disk), 0, "and not for ever");
    small_device_crash(first);
    cr_expect_eq(reads_of_a_look(first, &disk), 0, "nor by another process");
    small_world_destroy(&w);
}

Test(engine_racy, what_is_racy_is_read_once_more_when_the_step_is_over)
{
    expect_reads(1);
    expect_reads(40);
    expect_reads(300);
}

Test(engine_racy, is_known_to_another_process)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);

    user_writes_text(first, "a", "one");
    cr_assert(small_device_sync(first));
    user_writes_text(first, "a", "two");
    small_device_crash(first);
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    cr_expect(user_reads_as(second, "a", "two"));
    small_world_destroy(&w);
}

static uint64_t reads_of_a_while(small_device *self, const lesser_disk *disk, uint64_t ms)
{
    uint64_t before = disk->reads;

    small_device_passes(self, ms);
    return disk->reads - before;
}

/* By itself: nothing happens that a watch could tell. */
Test(engine_racy, who_serves_reads_once_more_when_the_step_is_over)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);

    small_device_serves(first);
    small_device_passes(first, 10000);
    user_writes_text(first, "a", "one");
    small_device_passes(first, 1000);
    steps_on(&disk);
    cr_expect_eq(reads_of_a_while(first, &disk, 4000), 1);
    cr_expect_eq(reads_of_a_while(first, &disk, 300000), 0, "and then not again");
    cr_assert(small_device_sync(second));
    cr_expect(user_reads_as(second, "a", "one"));
    small_world_destroy(&w);
}

/* Saved at 100 s, the clock set back to 97 s, read, and saved again when it shows 100 s. */
Test(engine_racy, a_clock_that_was_set_back_hides_no_save)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);
    int64_t at_ns = lesser_disk_clock(&disk);

    user_writes_text(first, "a", "one");
    lesser_disk_set_clock(&disk, at_ns - 3 * SECOND_NS);
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(first));
    lesser_disk_set_clock(&disk, at_ns);
    user_writes_text(first, "a", "two");
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    cr_expect(user_reads_as(second, "a", "two"));
    small_world_destroy(&w);
}

/* A camera's time, hours ahead: it counts as old, or each look would read all of it. */
Test(engine_racy, what_is_far_ahead_is_read_once)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);
    int64_t at_ns = lesser_disk_clock(&disk);

    user_writes_text(first, "a", "one");
    lesser_disk_set_clock(&disk, at_ns - 9 * 3600 * SECOND_NS);
    cr_assert(small_device_sync(first));
    cr_expect_eq(reads_of_a_look(first, &disk), 0);
    small_world_destroy(&w);
}

/* Where no file can be made to be compared with, our clock has to do: it is not said to be clean.
 */
Test(engine_racy, a_save_is_sent_where_nothing_can_be_made)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);

    lesser_disk_set_clock(&disk, (int64_t)w->now_ms / 1000 * SECOND_NS);
    disk.unmakeable = true;
    user_writes_text(first, "a", "one");
    cr_assert(small_device_sync(first));
    user_writes_text(first, "a", "two");
    cr_assert(small_device_sync(first));
    disk.unmakeable = false;
    cr_assert(small_device_sync(second));
    cr_expect(user_reads_as(second, "a", "two"));
    small_world_destroy(&w);
}

/* What came from another device has that one's time: a save here may get the same. */
Test(engine_racy, a_save_over_what_has_just_come_is_sent)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);

    disk.no_ctimes = true;
    user_writes_text(first, "a", "one");
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    user_writes_text(second, "a", "two");
    cr_assert(small_device_sync(second));
    cr_assert(small_device_sync(first));
    cr_expect(user_reads_as(first, "a", "two"));
    small_world_destroy(&w);
}

typedef struct {
    small_device *of;
    const char *text;
} late_save;

static void save_late(void *context)
{
    const late_save *late = context;

    user_writes_text(late->of, "a", late->text);
}

static bool is_anywhere(small_world *w, const char *text)
{
    cf_buffer tree = {0};
    bool found = true;

    for (int i = 0; i < w->count; i++) {
        cf_buffer_clear(&tree);
        small_device_tree(&w->devices[i], &tree);
        cf_buffer_append(&tree, "", 1);
        found &= strstr((const char *)tree.data, text) != NULL;
    }
    cf_buffer_release(&tree);
    return found;
}

/* Whichever of the calls it comes before: what came from elsewhere does not replace it as if it was
 * the base's, which has the same size and time. */
Test(engine_racy, what_comes_replaces_no_save_of_the_same_moment)
{
    for (uint64_t call = 1; call < 60; call++) {
        lesser_disk disk;
        small_device *first, *second;
        small_world *w = racy_world(&disk, &first, &second);
        late_save late = {.text = "two"};

        late.of = first;
        user_writes_text(first, "a", "one");
        cr_assert(small_device_sync(first));
        cr_assert(small_device_sync(second));
        user_writes_text(second, "a", "other");
        cr_assert(small_device_sync(second));
        first->faults = (disk_faults){.at = call, .meanwhile = save_late, .context = &late};
        cr_assert(small_device_sync(first));
        if (first->faults.meanwhile) {
            small_world_destroy(&w);
            break;
        }
        first->faults = (disk_faults){0};
        cr_assert(small_world_settle(w));
        cr_expect(is_anywhere(w, "two"), "call %u: the save is lost", (unsigned)call);
        small_world_destroy(&w);
    }
}

/* In place: the same file. */
static void save_table(small_device *self, long balance)
{
    int file = user_opens_table(self);

    cr_assert(dprintf(file, "id,balance,note\n1,%ld,note\n", balance) > 0);
    close(file);
}

static long balance_in(const small_device *self)
{
    table what = {0};

    long balance =
        user_reads_table(self, &what) && table_find(&what, 1) ? table_find(&what, 1)->balance : 0;
    table_release(&what);
    return balance;
}

/* Where no watch tells of the second save, the look that comes by itself finds it. */
Test(engine_racy, a_file_of_records_is_looked_at_again)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);

    disk.unwatchable = true;
    small_world_bind_tables(w);
    user_writes_table(first, &(table){0});
    small_device_serves(first);
    small_device_passes(first, 10000);
    lesser_disk_set_clock(&disk, (int64_t)w->now_ms / 1000 * SECOND_NS);
    save_table(first, 10);
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    cr_assert_eq(balance_in(second), 10);
    save_table(first, 11);
    small_device_passes(first, 20000);
    cr_assert(small_device_sync(second));
    cr_expect_eq(balance_in(second), 11);
    small_world_destroy(&w);
}

static void save_card(const small_device *self, const char *uid, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s.cards/%s.vcf", self->folder, uid);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    cr_assert(fprintf(file, "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%s\r\nFN:%s\r\nEND:VCARD\r\n", uid,
                      name) > 0);
    fclose(file);
}

static bool has_card_of(small_device *self, const char *name)
{
    cf_buffer cards = {0};

    small_device_cards(self, &cards);
    cf_buffer_append(&cards, "", 1);
    const bool found = strstr((const char *)cards.data, name);
    cf_buffer_release(&cards);
    return found;
}

/* The same of a file in a folder of them. */
Test(engine_racy, a_card_is_looked_at_again)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);

    disk.unwatchable = true;
    small_world_bind_cards(w);
    small_device_serves(first);
    small_device_passes(first, 10000);
    lesser_disk_set_clock(&disk, (int64_t)w->now_ms / 1000 * SECOND_NS);
    save_card(first, "one", "Ann");
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    save_card(first, "one", "Bob");
    small_device_passes(first, 20000);
    cr_assert(small_device_sync(second));
    cr_expect(has_card_of(second, "Bob"));
    small_world_destroy(&w);
}

/* The folder's time doesn't show it, and yet it is not told before its name is durable. */
Test(engine_racy, a_card_that_is_made_in_the_step_of_the_look_before_is_made_durable)
{
    lesser_disk disk;
    small_device *first, *second;
    small_world *w = racy_world(&disk, &first, &second);

    small_world_bind_cards(w);
    cr_assert(small_world_settle(w));
    lesser_disk_set_clock(&disk, (int64_t)w->now_ms / 1000 * SECOND_NS);
    save_card(first, "one", "Ann");
    cr_assert(small_device_sync(first));
    save_card(first, "two", "Bob");
    first->faults = (disk_faults){.at = 1, .names = true, .status = CF_IO};
    small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_expect(has_card_of(second, "Ann"));
    cr_expect(!has_card_of(second, "Bob"), "it may be gone after a power cut");
    first->faults = (disk_faults){0};
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    cr_expect(has_card_of(second, "Bob"));
    small_world_destroy(&w);
}
