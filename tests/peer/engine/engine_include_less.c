/* SPDX-License-Identifier: Apache-2.0 */
/* A device that asks for less than it did, or for more again: what it has of the rest is forgotten,
 * and met as by `add` when it is asked for once more. */
#include "tests/peer/small/included.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { MANY = 12 };

static small_world *two_with_many(uint64_t seed)
{
    small_world *w = two(seed, NULL);
    small_device *a = &w->devices[0];
    char name[40];

    w->guarded = true;
    user_makes(a, "docs");
    user_makes(a, "other");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "other/%d", i);
        user_writes_text(a, name, name);
    }
    user_writes_text(a, "docs/one", "one");
    settle(w);
    return w;
}

static void expect_deselected(small_world *w)
{
    small_device *a = &w->devices[0], *b = &w->devices[1];
    uint64_t entries = small_world_entries(w);

    settle(w);
    cr_expect_eq(small_world_entries(w), entries);
    expect_text(b, "other/3", "other/3");
    expect_nothing_pending(b);
    user_writes_text(b, "other/3", "edited");
    user_removes(b, "other/4");
    settle(w);
    cr_expect_eq(small_world_entries(w), entries);
    user_removes(b, "other");
    settle(w);
    cr_expect_eq(small_world_entries(w), entries);
    expect_text(a, "other/3", "other/3");
    expect_text(a, "other/4", "other/4");
    user_writes_text(b, "docs/one", "eins");
    user_writes_text(a, "other/5", "theirs");
    settle(w);
    expect_text(a, "docs/one", "eins");
    cr_expect(!is_there(b, "other"));
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include_less, forgets_what_it_no_longer_asks_for)
{
    small_world *w = two_with_many(10);

    include(&w->devices[1], "/docs/");
    expect_deselected(w);
}

Test(engine_include_less, forgets_it_after_a_restart)
{
    static const char *const docs = "/docs/";
    small_world *w = two_with_many(11);

    small_device_will_ask_for(&w->devices[1], &docs, 1);
    small_device_crash(&w->devices[1]);
    expect_deselected(w);
}

/* What is removed between the word and the next look, or in a folder whose look is under way. */
Test(engine_include_less, publishes_no_delete_of_what_it_no_longer_asks_for)
{
    small_world *w = two_with_many(12);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    w->guarded = false;
    user_removes(b, "other/1");
    user_writes_text(b, "other/2", "edited");
    small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()},
                       1);
    include(b, "/docs/");
    user_removes(b, "other");
    settle(w);
    small_device_crash(b);
    settle(w);
    expect_text(a, "other/7", "other/7");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* It asks for less, and for everything again before it has done anything about that: what its user
 * took away meanwhile comes back, as after an `add`. */
static void ask_for_less_meanwhile(uint64_t seed, bool crashes)
{
    static const char *const docs = "/docs/";
    small_world *w = two_with_many(seed);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    w->guarded = false;
    small_device_will_ask_for(b, &docs, 1);
    user_removes(b, "other/1");
    user_writes_text(b, "other/2", "edited");
    include(b, NULL);
    if (crashes)
        small_device_crash(b);
    settle(w);
    expect_text(a, "other/1", "other/1");
    expect_text(b, "other/1", "other/1");
    cr_expect_eq(count_texts(a, "other/2 (conflict"), 1, "both are kept");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include_less, publishes_no_delete_of_what_it_did_not_ask_for_meanwhile)
{
    ask_for_less_meanwhile(13, false);
}

Test(engine_include_less, publishes_no_delete_of_that_after_a_restart)
{
    ask_for_less_meanwhile(14, true);
}

/* It is in the middle of bringing files; what it forgets is looked at no more, or lies where it
 * still looks. */
static void change_mode_meanwhile(uint64_t seed, unsigned turns, const char *const patterns[2])
{
    small_world *w = two_with_many(seed);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    char name[40];

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "docs/more%d", i);
        user_writes_text(a, name, name);
    }
    cr_assert(small_device_sync(a));
    small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
    small_device_asks_for(b, patterns, 2);
    user_changes_mode(b, "other/3", 0600);
    user_changes_mode(b, "other", 0700);
    settle(w);
    cr_expect_eq(mode_of(a, "other/3"), 0644, "after %u turns", turns);
    cr_expect_eq(mode_of(a, "other"), 0755, "after %u turns", turns);
    expect_text(b, "docs/more3", "docs/more3");
    small_world_destroy(&w);
}

Test(engine_include_less, publishes_no_mode_of_what_it_no_longer_asks_for)
{
    static const char *const folder[] = {"/docs/", "/docs/more*"}, *const names[] = {"one",
                                                                                     "more*"};

    for (unsigned turns = 1; turns < 16; turns++) {
        change_mode_meanwhile(40 + turns, turns, folder);
        change_mode_meanwhile(60 + turns, turns, names);
    }
}

/* The first one edits all that is in other/, and the second has so many turns to bring that. */
static void bring_others(small_device *from, small_device *to, unsigned turns)
{
    char name[40];

    for (int k = 0; k < MANY; k++) {
        snprintf(name, sizeof name, "other/%d", k);
        user_writes_text(from, name, "theirs");
    }
    cr_assert(small_device_sync(from));
    small_device_round(to, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
}

/* In the middle of bringing just that; all of it, or all but one in the same folder. */
Test(engine_include_less, leaves_what_was_on_its_way_old_or_new)
{
    for (unsigned i = 2; i < 24; i++) {
        unsigned turns = i / 2;
        small_world *w = two_with_many(80 + i);
        small_device *a = &w->devices[0], *b = &w->devices[1];
        char name[40];

        bring_others(a, b, turns);
        include(b, i % 2 ? "/docs/" : "7");
        settle(w);
        for (int k = 0; k < MANY; k++) {
            snprintf(name, sizeof name, "other/%d", k);
            expect_text(a, name, "theirs");
            cr_expect(is_there(b, name), "after %u turns: %s", turns, name);
        }
        expect_nothing_pending(b);
        small_world_destroy(&w);
    }
}

/* What came while it brought things is planned when these are in their places, and not before it
 * has forgotten the rest. */
Test(engine_include_less, leaves_what_is_there_though_more_has_come)
{
    for (unsigned turns = 1; turns < 12; turns++) {
        small_world *w = two_with_many(110 + turns);
        small_device *a = &w->devices[0], *b = &w->devices[1];
        char name[40];

        bring_others(a, b, turns);
        for (int k = 0; k < MANY; k += 2) {
            snprintf(name, sizeof name, "other/%d", k);
            user_removes(a, name);
        }
        user_writes_text(a, "docs/one", "eins");
        cr_assert(small_device_sync(a));
        user_writes_text(b, "other/3", "mine");
        include(b, "/docs/");
        settle(w);
        for (int k = 0; k < MANY; k++) {
            snprintf(name, sizeof name, "other/%d", k);
            cr_expect(is_there(b, name), "after %u turns: %s", turns, name);
        }
        expect_text(b, "docs/one", "eins");
        small_world_destroy(&w);
    }
}

Test(engine_include_less, stops_at_any_write_while_it_forgets)
{
    for (unsigned long at = 1; at < 8; at++) {
        small_world *w = two_with_many(20 + at);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        include(b, "/docs/");
        user_removes(b, "other");
        b->faults = (disk_faults){
            .calls = b->faults.calls, .at = b->faults.calls + at, .once = false, .status = CF_IO};
        small_device_round(
            b, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()}, 30);
        small_device_crash(b);
        w->guarded = false;
        settle(w);
        expect_text(a, "other/7", "other/7");
        expect_text(b, "docs/one", "one");
        small_world_destroy(&w);
    }
}

Test(engine_include_less, meets_again_what_it_asks_for_once_more)
{
    small_world *w = two_with_many(13);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    include(b, "/docs/");
    settle(w);
    user_writes_text(b, "other/1", "mine");
    user_removes(b, "other/2");
    user_writes_text(b, "other/own", "own");
    user_writes_text(a, "other/3", "theirs");
    user_writes_text(a, "other/new", "new");
    settle(w);
    include(b, NULL);
    settle(w);
    cf_buffer difference = {0};
    cr_expect(small_world_equal(w, &difference), "%.*s", (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
    expect_text(b, "other/0", "other/0");
    expect_text(b, "other/2", "other/2");
    expect_text(b, "other/own", "own");
    expect_text(b, "other/new", "new");
    cr_expect_eq(count_texts(a, "(conflict "), 2);
    cr_expect_eq(count_texts(a, "theirs"), 1);
    cr_expect_eq(count_texts(a, "mine"), 1);
    small_world_destroy(&w);
}

Test(engine_include_less, holds_back_too_many_that_move_out_elsewhere)
{
    small_world *w = two_with_many(16);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    include(b, "/other/");
    settle(w);
    w->guarded = false;
    user_moves(a, "other", "moved");
    cr_assert(small_device_sync(a));
    w->guarded = true;
    cr_assert(small_device_sync(b));
    expect_text(b, "other/3", "other/3");
    w->guarded = false;
    settle(w);
    cr_expect(!is_there(b, "other"));
    cr_expect(!is_there(b, "moved"));
    expect_text(a, "moved/3", "other/3");
    small_world_destroy(&w);
}
