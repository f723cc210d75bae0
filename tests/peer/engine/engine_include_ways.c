/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that only lead to what a device asks for, and are renamed elsewhere to where one of
 * that name stands here already, or take each other's names: what is asked for is where it was
 * brought, and what lies in them unasked for stays where it is. */
#include "tests/peer/small/included.h"

#include "tests/support/expect.h"

#include <stdio.h>

static void expect_nothing_of_ours(const small_device *self)
{
    cr_expect_eq(count_texts(self, ".counterfoil"), 0);
}

/* ---- Where one stands already ---- */

static small_world *two_with_one_that_stands(uint64_t seed)
{
    small_world *w = two(seed, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "old");
    user_makes(a, "old/sub");
    user_makes(a, "old/sub/deep");
    user_writes_text(a, "old/1.txt", "1");
    user_writes_text(a, "old/no.bin", "no");
    user_writes_text(a, "old/sub/2.txt", "2");
    user_writes_text(a, "old/sub/deep/3.txt", "3");
    user_makes(b, "new");
    user_makes(b, "new/sub");
    user_writes_text(b, "new/own.bin", "own");
    user_writes_text(b, "new/sub/own.bin", "deep");
    settle(w);
    return w;
}

static void expect_settled(small_world *w)
{
    small_device *a = &w->devices[0], *b = &w->devices[1];

    settle(w);
    expect_text(b, "new/1.txt", "1");
    expect_text(b, "new/sub/2.txt", "2");
    expect_text(b, "new/sub/deep/3.txt", "3");
    expect_text(b, "new/own.bin", "own");
    expect_text(b, "new/sub/own.bin", "deep");
    expect_text(a, "new/1.txt", "1");
    expect_text(a, "new/no.bin", "no");
    expect_text(a, "new/sub/2.txt", "2");
    expect_text(a, "new/sub/deep/3.txt", "3");
    cr_expect(!is_there(a, "old"));
    cr_expect(!is_there(a, "new/own.bin"));
    expect_nothing_pending(b);
    expect_nothing_of_ours(b);
}

Test(engine_include_ways, settle_where_one_stands)
{
    small_world *w = two_with_one_that_stands(1);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_changes_mode(a, "old", 0700);
    user_moves(a, "old", "new");
    expect_settled(w);
    cr_expect(!is_there(b, "old"));
    cr_expect_eq(mode_of(b, "new"), 0700);
    user_writes_text(b, "new/1.txt", "eins");
    user_writes_text(b, "new/4.txt", "4");
    user_removes(b, "new/sub/deep");
    settle(w);
    expect_text(a, "new/1.txt", "eins");
    expect_text(a, "new/4.txt", "4");
    cr_expect(!is_there(a, "new/sub/deep/3.txt"));
    small_world_destroy(&w);
}

Test(engine_include_ways, leave_what_is_not_asked_for_where_it_is)
{
    small_world *w = two_with_one_that_stands(2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(b, "old/sub/left.bin", "left");
    user_moves(a, "old", "new");
    expect_settled(w);
    expect_text(b, "old/sub/left.bin", "left");
    cr_expect(!is_there(b, "old/1.txt"));
    cr_expect(!is_there(b, "old/sub/deep"));
    user_moves(a, "new", "old"); /* and back, where that stands now */
    settle(w);
    expect_text(b, "old/1.txt", "1");
    expect_text(b, "old/sub/left.bin", "left");
    expect_text(b, "new/own.bin", "own");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* It takes over the directory that was just left, before what is in that has moved. */
Test(engine_include_ways, settle_while_another_comes_where_they_were)
{
    small_world *w = two_with_one_that_stands(8);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_moves(a, "old", "new");
    user_makes(a, "old");
    user_writes_text(a, "old/9.txt", "9");
    settle(w);
    expect_text(b, "new/1.txt", "1");
    expect_text(b, "new/sub/deep/3.txt", "3");
    expect_text(b, "new/own.bin", "own");
    expect_text(b, "old/9.txt", "9");
    cr_expect(!is_there(b, "old/1.txt"));
    cr_expect(!is_there(b, "old/sub"));
    expect_nothing_pending(b);
    expect_nothing_of_ours(b);
    small_world_destroy(&w);
}

Test(engine_include_ways, settle_below_one_that_is_renamed)
{
    small_world *w = two_with_one_that_stands(3);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(b, "new/was");
    user_writes_text(b, "new/was/own.bin", "own");
    user_makes(a, "up");
    user_moves(a, "old/sub", "up/was");
    user_moves(a, "old", "gone");
    user_moves(a, "up", "new");
    settle(w);
    expect_text(b, "new/was/2.txt", "2");
    expect_text(b, "new/was/own.bin", "own");
    expect_text(b, "gone/1.txt", "1");
    expect_nothing_pending(b);
    expect_nothing_of_ours(b);
    small_world_destroy(&w);
}

Test(engine_include_ways, settle_with_what_was_done_to_them_here)
{
    small_world *w = two_with_one_that_stands(4);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_moves(a, "old", "new");
    cr_assert(small_device_sync(a));
    user_writes_text(b, "old/1.txt", "eins");
    user_writes_text(b, "old/4.txt", "4");
    user_removes(b, "old/sub/deep/3.txt");
    settle(w);
    expect_text(a, "new/1.txt", "eins");
    expect_text(b, "new/4.txt", "4");
    expect_text(b, "new/own.bin", "own");
    cr_expect(!is_there(b, "old"));
    cr_expect(!is_there(a, "new/sub/deep/3.txt"));
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* Also with what is written to the one that is left, before all of it has moved. */
Test(engine_include_ways, settle_though_the_process_ends_at_any_write)
{
    for (unsigned long at = 1; at < 50; at++) {
        small_world *w = two_with_one_that_stands(100 + at);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        user_moves(a, "old", "new");
        cr_assert(small_device_sync(a));
        b->faults = (disk_faults){
            .calls = b->faults.calls, .at = b->faults.calls + at, .once = false, .status = CF_IO};
        small_device_round(
            b, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()}, 300);
        small_device_crash(b);
        bool late = at % 2 && is_there(b, "old");
        if (late)
            user_writes_text(b, "old/late.txt", "late");
        expect_settled(w);
        cr_expect(!is_there(b, "old"), "at %lu", at);
        for (int i = 0; late && i < 2; i++)
            expect_text(&w->devices[i], "new/late.txt", "late");
        small_world_destroy(&w);
    }
}

/* What moved elsewhere outlives its removal where it was, however far the move has come here. */
Test(engine_include_ways, lose_nothing_when_the_one_that_is_left_is_removed)
{
    for (unsigned turns = 1; turns < 30; turns++) {
        small_world *w = two_with_one_that_stands(200 + turns);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        user_moves(a, "old", "new");
        cr_assert(small_device_sync(a));
        small_device_round(
            b, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()}, turns);
        user_removes(b, "old");
        settle(w);
        expect_text(a, "new/no.bin", "no");
        expect_text(b, "new/own.bin", "own");
        cr_expect(is_there(a, "new/1.txt"), "after %u turns", turns);
        expect_nothing_pending(b);
        small_world_destroy(&w);
    }
}

/* World 12000631: its mode came with the next process. */
Test(engine_include_ways, have_the_mode_of_what_settles_where_they_stood_unasked)
{
    small_world *w = two(9, NULL);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "outer");
    user_makes(a, "outer/inner");
    settle(w);
    include(b, "*.txt");
    settle(w);
    user_changes_mode(a, "outer/inner", 0700);
    user_writes_text(a, "outer/inner/1.txt", "1");
    cr_assert(small_device_sync(a));
    cr_assert(small_device_sync(b));
    expect_text(b, "outer/inner/1.txt", "1");
    cr_expect_eq(mode_of(b, "outer/inner"), 0700);
    small_world_destroy(&w);
}

/* ---- Which take each other's places ---- */

Test(engine_include_ways, are_not_hidden_with_what_is_not_asked_for)
{
    small_world *w = two(5, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "dir");
    user_makes(a, "dir/in");
    user_writes_text(a, "dir/in/1.txt", "1");
    user_writes_text(a, "dir/2.txt", "2");
    settle(w);
    user_writes_text(b, "dir/own.bin", "own");
    user_makes(a, "made");
    user_moves(a, "dir/in", "made/in");
    user_removes(a, "dir");
    user_moves(a, "made", "dir");
    settle(w);
    expect_text(b, "dir/in/1.txt", "1");
    expect_text(b, "dir/own.bin", "own");
    cr_expect(!is_there(b, "dir/2.txt"));
    cr_expect(!is_there(a, "dir/own.bin"));
    expect_nothing_pending(b);
    expect_nothing_of_ours(b);
    small_world_destroy(&w);
}

static void expect_swapped(small_world *w, unsigned long at)
{
    small_device *a = &w->devices[0], *b = &w->devices[1];

    settle(w);
    for (int i = 0; i < 2; i++) {
        expect_text(&w->devices[i], "one/2.txt", "2");
        expect_text(&w->devices[i], "two/1.txt", "1");
        expect_text(&w->devices[i], "two/x.txt", "x of one");
        expect_text(&w->devices[i], "one/x.txt", "x of two");
    }
    cr_expect_eq(count_texts(b, ".txt"), 4, "at %lu", at);
    cr_expect_eq(count_texts(a, ".txt"), 4, "at %lu", at);
    expect_nothing_pending(b);
    expect_nothing_of_ours(b);
}

/* At every write of it, too. */
static void swap(uint64_t seed, const char *const *patterns, size_t count, unsigned long at)
{
    small_world *w = two(seed + at, NULL);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_device_asks_for(b, patterns, count);
    user_makes(a, "one");
    user_makes(a, "two");
    user_writes_text(a, "one/1.txt", "1");
    user_writes_text(a, "two/2.txt", "2");
    user_writes_text(a, "one/x.txt", "x of one");
    user_writes_text(a, "two/x.txt", "x of two");
    settle(w);
    user_swaps(a, "one", "two");
    cr_assert(small_device_sync(a));
    b->faults = (disk_faults){
        .calls = b->faults.calls, .at = at ? b->faults.calls + at : 0, .status = CF_IO};
    small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()},
                       300);
    small_device_crash(b);
    expect_swapped(w, at);
    small_world_destroy(&w);
}

Test(engine_include_ways, swap)
{
    static const char *const text[] = {"*.txt"};

    for (unsigned long at = 0; at < 60; at++)
        swap(300, text, 1, at);
}

Test(engine_include_ways, swap_with_all_that_is_in_them)
{
    static const char *const both[] = {"/one/", "/two/"};

    for (unsigned long at = 0; at < 30; at++)
        swap(400, both, 2, at);
}

/* ---- To where nothing leads ---- */

Test(engine_include_ways, go_where_what_is_above_them_is_not_here)
{
    static const char *const patterns[] = {"/a/*/b/", "/c/"};
    small_world *w = two(6, NULL);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_device_asks_for(b, patterns, 2);
    user_makes(a, "a");
    user_makes(a, "c");
    user_makes(a, "c/sub");
    user_writes_text(a, "c/file", "file");
    settle(w);
    cr_expect(is_there(b, "c/file"));
    cr_expect(!is_there(b, "a"));
    user_moves(a, "c", "a/c");
    settle(w);
    cr_expect(!is_there(b, "c"));
    cr_expect(!is_there(b, "a"));
    expect_text(a, "a/c/file", "file");
    user_makes(a, "a/c/b");
    user_writes_text(a, "a/c/b/in", "in");
    settle(w);
    expect_text(b, "a/c/b/in", "in");
    cr_expect(!is_there(b, "a/c/file"));
    expect_nothing_pending(b);
    small_world_destroy(&w);
}
