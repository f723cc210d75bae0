/* SPDX-License-Identifier: Apache-2.0 */
/* A card below a share that is taken out: what lay on it is held where the bare folder is as it was
 * when all was seen, by the share's own clock; whoever removes something changes the folder. */
#include "peer/bindings/disk_clock.h"
#include "tests/peer/small/card_below.h"
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <sys/stat.h>

#define SECOND_NS INT64_C(1000000000)
enum { MANY = 120 };

TestSuite(engine_below, .init = card_begin, .fini = card_end);

Test(engine_below, what_went_with_a_card_is_held)
{
    take_out(NULL);
    expect_card_held();
}

Test(engine_below, when_all_was_seen_outlives_the_process)
{
    small_device_crash(first);
    take_out(NULL);
    expect_card_held();
}

/* As after a reboot. */
Test(engine_below, when_all_was_seen_outlives_a_mount)
{
    share_disk.mounts++;
    small_device_crash(first);
    take_out(NULL);
    expect_card_held();
}

Test(engine_below, what_somebody_removed_goes)
{
    user_removes(first, "card/a");
    both_sync();
    cr_expect(!has_path(second, "card/a"));
    cr_expect(has_path(second, "card/b"));
}

/* A share shows that for a while: so did the look that saw everything. */
Test(engine_below, what_was_removed_shortly_before_all_was_seen_goes)
{
    const int64_t removed_ns = lesser_disk_clock(&share_disk);

    passes(LONGER_THAN_REMEMBERED / 3);
    both_sync();
    passes(LONGER_THAN_REMEMBERED);
    user_removes(first, "card/a");
    user_stamps(first, "card", (uint64_t)(removed_ns / SECOND_NS));
    both_sync();
    cr_expect(!has_path(second, "card/a"));
}

/* As of a share whose machine has started anew, without its card and without the time. */
Test(engine_below, what_went_with_a_card_is_held_though_the_clock_was_set_back)
{
    take_out(NULL);
    passes(-3600);
    expect_card_held();
}

Test(engine_below, what_is_removed_after_the_clock_was_set_back_goes)
{
    user_stamps(first, "card/a", LONG_AGO_S);
    both_sync();
    passes(LONGER_THAN_REMEMBERED);
    both_sync();
    passes(-2 * LONGER_THAN_REMEMBERED);
    user_removes(first, "card/a");
    both_sync();
    cr_expect(!has_path(second, "card/a"));
}

/* What is missing and not yet published was not seen: when it went is before the clock that would
 * be noted. */
Test(engine_below, what_waits_for_its_word_is_not_taken_for_a_card)
{
    for (int i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof name, "card/m%d", i);
        user_writes_text(second, name, name);
    }
    cr_assert(small_device_sync(second));
    both_sync();
    passes(LONGER_THAN_REMEMBERED);
    both_sync();
    passes(LONGER_THAN_REMEMBERED);
    for (int i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof name, "card/m%d", i);
        user_removes(first, name);
    }
    for (int i = 0; i < 2; i++) {
        passes(LONGER_THAN_REMEMBERED);
        small_device_sync(first);
    }
    cr_expect_eq(
        small_device_pending(first, cf_engine_binding_at(first->engine, 0), CF_PENDING_HELD), MANY);
    machine->guarded = false;
    both_sync();
    cr_expect(!has_path(second, "card/m0"));
}

/* Else that gives the folder another time, and the next look takes all for removed. */
Test(engine_below, nothing_comes_into_a_bare_folder_before_it_is_looked_at)
{
    user_writes_text(second, "card/new", "new");
    cr_assert(small_device_sync(second));
    share_disk.between = "/card";
    share_disk.happens = take_out;
    passes(LONGER_THAN_REMEMBERED);
    small_device_sync(first);
    cr_assert(!share_disk.between, "the card was not taken out");
    passes(LONGER_THAN_REMEMBERED);
    expect_card_held();
    cr_expect(!has_path(first, "card/new"), "what came lies where the card will cover it");
    put_back();
    cr_assert(small_device_sync(first));
    cr_expect(has_path(first, "card/new"), "what came is not there");
}

/* What is brought into the bare folder gives it another time, and the card covers it. */
Test(engine_below, what_comes_while_a_card_is_away_waits_for_it)
{
    take_out(NULL);
    expect_card_held();
    user_writes_text(second, "card/new", "new");
    user_makes(second, "card/more");
    user_writes_text(second, "card/more/deep", "deep");
    user_writes_text(second, "card/in/deep", "deep");
    cr_assert(small_device_sync(second));
    small_device_sync(first);
    cr_expect(!has_path(first, "card/new"));
    cr_expect(!has_path(first, "card/more"));
    cr_expect(!has_path(first, "card/in"));
    passes(LONGER_THAN_REMEMBERED);
    put_back();
    both_sync();
    cr_expect(has_path(first, "card/new"));
    cr_expect(has_path(first, "card/more/deep"));
    cr_expect(has_path(first, "card/in/deep"));
    take_out(NULL);
    expect_card_held();
    cr_expect(has_path(second, "card/in/deep"));
}

/* Soon: the disk's clock tells nothing yet. */
Test(engine_below, a_card_that_goes_again_soon_after_somebody_wrote_beneath_is_held)
{
    take_out(NULL);
    expect_card_held();
    user_writes_text(first, "card/late", "late");
    small_device_sync(first);
    cr_assert(small_device_sync(second));
    put_back();
    small_device_sync(first);
    take_out(NULL);
    expect_card_held();
    cr_expect(has_path(second, "card/late"), "what the card had covered was removed elsewhere");
    put_back();
    expect_card_held();
    cr_expect(has_path(second, "card/late"), "what the card covers was removed elsewhere");
}

/* Something came to the folder above, too: whose the folder beneath is, no number tells then. */
Test(engine_below, a_card_that_goes_again_after_an_edit_came_for_what_lies_beneath_is_held)
{
    take_out(NULL);
    expect_card_held();
    user_writes_text(first, "card/late", "late");
    small_device_sync(first);
    cr_assert(small_device_sync(second));
    passes(LONGER_THAN_REMEMBERED);
    user_writes_text(second, "card/late", "edited");
    cr_assert(small_device_sync(second));
    small_device_sync(first);
    user_writes_text(first, "above", "above");
    put_back();
    small_device_crash(first);
    small_device_sync(first);
    take_out(NULL);
    expect_card_held();
    cr_expect(has_path(second, "card/late"));
}

/* As a camera's card has one folder, and all in it. */
static void only_in_is_on_the_card(void)
{
    user_removes(first, "card/a");
    user_removes(first, "card/b");
    for (int i = 0; i < 2; i++) {
        both_sync();
        passes(LONGER_THAN_REMEMBERED);
    }
    take_out(NULL);
    small_device_sync(first);
}

/* A folder in the place of one of the card's, though nothing is in it. */
Test(engine_below, a_folder_made_and_removed_beneath_tells_nothing)
{
    only_in_is_on_the_card();
    passes(LONGER_THAN_REMEMBERED);
    user_makes(first, "card/in");
    small_device_sync(first);
    user_removes(first, "card/in");
    small_device_sync(first);
    put_back();
    both_sync();
    take_out(NULL);
    small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "card/in/c"));
}

/* An empty folder on the card, which is taken out, and another one in its place. */
static void make_none_beneath(void)
{
    user_makes(first, "card/none");
    for (int i = 0; i < 2; i++) {
        both_sync();
        passes(LONGER_THAN_REMEMBERED);
    }
    take_out(NULL);
    expect_card_held();
    user_makes(first, "card/none");
    small_device_sync(first);
}

/* The card has it, whatever was made and removed in its place. */
Test(engine_below, an_empty_folder_made_and_removed_beneath_tells_nothing)
{
    make_none_beneath();
    passes(LONGER_THAN_REMEMBERED);
    user_removes(first, "card/none");
    for (int i = 0; i < 2; i++) {
        small_device_sync(first);
        passes(LONGER_THAN_REMEMBERED);
    }
    cr_assert(small_device_sync(second));
    cr_expect(is_there(second, "card/none"), "what the card has was removed elsewhere");
}

static void card_goes_in_and_out_of_slot(void)
{
    char slot[256], empty[256];

    snprintf(slot, sizeof slot, "%s/slot", first->folder);
    path_of(empty, "empty");
    cr_assert_eq(rename(slot, empty), 0);
    cr_assert_eq(mkdir(slot, 0755), 0);
    user_writes_text(first, "slot/old", "old");
    user_stamps(first, "slot/old", LONG_AGO_S);
    both_sync();
    cr_assert(has_path(second, "slot/old"));
    user_removes(first, "slot");
    cr_assert_eq(rename(empty, slot), 0);
    small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "slot/old"), "what went with a card was removed elsewhere");
}

/* However soon after it was made. */
Test(engine_below, a_folder_that_was_seen_empty_is_known_again)
{
    user_makes(first, "slot");
    small_device_sync(first);
    card_goes_in_and_out_of_slot();
    card_goes_in_and_out_of_slot();
}

Test(engine_below, empty_folders_that_are_gone_make_room_for_others)
{
    machine->guarded = false;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < CF_BARE_TIMES_MAX / 2; i++) {
            char name[16];

            snprintf(name, sizeof name, "e%d", i);
            if (turn)
                user_removes(first, name);
            else
                user_makes(first, name);
        }
        both_sync();
    }
    machine->guarded = true;
    user_makes(first, "slot");
    both_sync();
    card_goes_in_and_out_of_slot();
}

/* Its directory is another one then. */
Test(engine_below, a_folder_that_stands_for_one_that_is_held_is_removed_as_elsewhere)
{
    make_none_beneath();
    cr_assert(small_device_has_line(first, "card/none"));
    user_removes(second, "card/none");
    cr_assert(small_device_sync(second));
    small_device_sync(first);
    cr_expect_not(small_device_has_line(first, "card/none"), "it stands there for good");
}

/* What is missing is sure with the second look, and the folder shows the same then. */
Test(engine_below, what_somebody_removes_from_a_bare_folder_goes)
{
    take_out(NULL);
    expect_card_held();
    user_writes_text(first, "card/late", "late");
    user_makes(first, "card/new");
    user_writes_text(first, "card/new/one", "one");
    for (int i = 0; i < 2; i++) {
        small_device_sync(first);
        cr_assert(small_device_sync(second));
        passes(LONGER_THAN_REMEMBERED);
    }
    cr_assert(has_path(second, "card/late"));
    cr_assert(has_path(second, "card/new/one"));
    user_removes(first, "card/late");
    user_removes(first, "card/new/one");
    for (int i = 0; i < 2; i++) {
        small_device_sync(first);
        cr_assert(small_device_sync(second));
    }
    cr_expect(!has_path(second, "card/late"));
    cr_expect(!has_path(second, "card/new/one"));
    cr_expect(has_path(second, "card/a"));
}
