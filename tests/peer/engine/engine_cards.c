/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of cards whose device's disk fails, or whose process ends, at every single call, or
 * whose user saves at that moment: what is there at the end is whole, the same everywhere, nothing
 * that was saved is lost, and nothing that we did ourselves was published. */
#include "tests/peer/small/small_cards.h"
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"
#include "tests/support/flagless.h"

#include <stdio.h>
#include <string.h>

enum { EVERY_READ = 3 };

static const char two_cards[] = "BEGIN:VCARD\nVERSION:3.0\nUID:five\nFN:Five\nNOTE:5\nEND:VCARD\n"
                                "BEGIN:VCARD\nVERSION:3.0\nUID:six\nFN:Six\nNOTE:6\nEND:VCARD\n";
static const char one_of_two[] = "BEGIN:VCARD\nVERSION:3.0\nUID:five\nFN:Five\nNOTE:V\nEND:VCARD\n";

static void prepare(small_world *in)
{
    small_device *a = &in->devices[0];

    small_world_bind_cards(in);
    user_writes_card(a, "1.vcf", "one", "One", "1");
    user_writes_card(a, "2.vcf", "two", "Two", "2");
    user_writes_card(a, "3.vcf", "three", "Three", "3");
    user_writes_card(a, "4.vcf", "four", "Four", "4");
    user_writes_text_card(a, "56.vcf", two_cards);
    settles_equal_by(small_world_cards_equal, in, "before", 0);
}

/* All that can be done to cards: changed, deleted, renamed, made, one of two in a file deleted. */
static void work(small_device *self)
{
    user_writes_card(self, "1.vcf", "one", "One", "I");
    user_removes_card(self, "2.vcf");
    user_moves_card(self, "3.vcf", "drei.vcf");
    user_writes_card(self, "drei.vcf", "three", "Drei", "3");
    user_writes_text_card(self, "56.vcf", one_of_two);
    user_writes_card(self, "7.vcf", "seven", "Seven", "7");
}

static const char worked[] = "five Five V\nfour Four 4\none One I\nseven Seven 7\nthree Drei 3\n";

/* One of them on both devices. */
static const char no_uid[] = "BEGIN:VCARD\nVERSION:3.0\nFN:Eight\nNOTE:8\nEND:VCARD\n";

static void work_without_uids(small_world *in)
{
    user_writes_text_card(&in->devices[0], "8.vcf", no_uid);
    user_writes_text_card(&in->devices[0], "9.vcf", no_uid);
    user_writes_text_card(&in->devices[1], "8.vcf", no_uid);
}

static const char filled[] =
    "6c2c36cd-c6df-3673-e09b-6f4f516a624f Eight 8\n"
    "d6e16441-23a9-d6f8-a8ad-f1ec1f997700 Eight 8\n"
    "five Five 5\nfour Four 4\none One 1\nsix Six 6\nthree Three 3\ntwo Two 2\n";

typedef struct {
    bool flagless;  /* rename takes no flags */
    bool publishes; /* else it receives */
    bool fills;     /* publishes cards that had no UID */
    disk_faults faults;
} trial;

/* Whether all of the work was done before the fault came. */
static bool is_tried(const trial *how)
{
    small_world *w = small_world_new(6, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1], *who = how->publishes ? a : b;
    unsigned long at = how->faults.at;

    if (how->flagless)
        make_flagless(&w->files, true);
    prepare(w);
    if (how->fills)
        work_without_uids(w);
    else
        work(a);
    if (!how->publishes)
        cr_assert(small_device_sync(a));
    uint64_t entries = small_world_entries(w), first = who->faults.calls;
    who->faults = how->faults;
    who->faults.calls = first;
    who->faults.at += first;
    small_device_sync(who);
    bool over = who->faults.calls < first + at;
    small_device_crash(who);
    settles_equal_by(small_world_cards_equal, w, how->publishes ? "publishing" : "receiving", at);
    cf_buffer cards = {0};
    small_device_cards(a, &cards);
    cr_assert(
        cf_bytes_equal(cf_buffer_view(&cards), cf_bytes_of_text(how->fills ? filled : worked)),
        "%lu: not as the user left it:\n%.*s", at, (int)cards.size, (const char *)cards.data);
    cf_buffer_release(&cards);
    if (!how->publishes)
        cr_assert_eq(small_world_entries(w), entries, "receiving %lu: something was published", at);
    cr_assert_eq(small_device_card_temporaries(who), 0, "%lu: something is left", at);
    small_world_destroy(&w);
    return over;
}

static void try_every(trial how, unsigned step, uint64_t least)
{
    uint64_t count = 0;

    for (how.faults.at = 1; !is_tried(&how); how.faults.at += step)
        count++;
    cr_assert_geq(count, least, "hardly anything was tried");
}

Test(engine_cards, end_whole_after_a_crash_while_receiving)
{
    try_every((trial){.faults = {.status = CF_IO}}, 1, 30);
}

Test(engine_cards, end_whole_after_a_crash_where_rename_takes_no_flags)
{
    try_every((trial){.flagless = true, .faults = {.status = CF_IO}}, 1, 30);
}

Test(engine_cards, go_on_after_one_failure_where_rename_takes_no_flags)
{
    try_every((trial){.flagless = true, .faults = {.status = CF_FULL, .once = true}}, 1, 30);
}

Test(engine_cards, end_whole_after_a_crash_while_publishing)
{
    try_every((trial){.publishes = true, .faults = {.status = CF_IO}}, 1, 3);
}

Test(engine_cards, end_whole_after_a_crash_while_they_get_uids)
{
    try_every((trial){.publishes = true, .fills = true, .faults = {.status = CF_IO}}, 1, 10);
}

Test(engine_cards, go_on_after_one_failure_while_they_get_uids)
{
    try_every(
        (trial){.publishes = true, .fills = true, .faults = {.status = CF_FULL, .once = true}}, 1,
        10);
}

Test(engine_cards, go_on_after_one_call_that_fails)
{
    try_every((trial){.faults = {.status = CF_FULL, .once = true}}, 1, 30);
}

Test(engine_cards, go_on_after_one_reading_call_that_fails)
{
    try_every((trial){.faults = {.status = CF_IO, .once = true, .reads = true}}, EVERY_READ, 10);
}

/* ---- A user who is faster ---- */

static void save_meanwhile(void *context)
{
    user_writes_card(context, "one.vcf", "one", "Quick", "1");
    user_writes_card(context, "two.vcf", "two", "Quick", "2");
    user_writes_card(context, "new.vcf", "new", "Quick", "n");
}

/* What was saved at this call is there, everywhere, whatever was done elsewhere, and so is what was
 * deleted elsewhere. */
static bool is_saved(unsigned long at)
{
    small_world *w = small_world_new(7, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    prepare(w);
    work(a);
    cr_assert(small_device_sync(a));
    uint64_t first = b->faults.calls;
    b->faults = (disk_faults){
        .calls = first, .at = first + at, .reads = true, .meanwhile = save_meanwhile, .context = b};
    small_device_sync(b);
    bool over = b->faults.meanwhile != NULL;
    b->faults = (disk_faults){0};
    if (!over) {
        settles_equal_by(small_world_cards_equal, w, "meanwhile", at);
        for (int i = 0; i < w->count; i++) {
            cr_assert(small_device_has_card(&w->devices[i], "one Quick "), "%lu: device %d", at, i);
            cr_assert(small_device_has_card(&w->devices[i], "two Quick "), "%lu: device %d", at, i);
            cr_assert(small_device_has_card(&w->devices[i], "new Quick "), "%lu: device %d", at, i);
        }
    }
    small_world_destroy(&w);
    return over;
}

Test(engine_cards, lose_nothing_that_a_user_saves_at_any_moment)
{
    unsigned long at = 1;

    while (!is_saved(at))
        at += EVERY_READ;
    cr_assert_gt(at, 100, "hardly anything was tried");
}
