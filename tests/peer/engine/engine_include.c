/* SPDX-License-Identifier: Apache-2.0 */
/* A device that asks for some of the files only: these come and go as on all devices, the others
 * stay in the log, and what lies here unasked for comes to no harm, nor does it harm elsewhere. */
#include "tests/peer/small/included.h"

#include "tests/support/expect.h"

/* ---- What comes ---- */

Test(engine_include, brings_what_is_asked_for_and_misses_nothing_else)
{
    small_world *w = two(1, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "sub");
    user_makes(a, "sub/deep");
    user_makes(a, "sub/none");
    user_makes(a, "empty");
    user_writes_text(a, "a.txt", "a");
    user_writes_text(a, "b.bin", "b");
    user_writes_text(a, "sub/none/c.bin", "c");
    user_writes_text(a, "sub/deep/d.txt", "d");
    settle(w);
    expect_text(b, "a.txt", "a");
    expect_text(b, "sub/deep/d.txt", "d");
    cr_expect(!is_there(b, "b.bin"));
    cr_expect(!is_there(b, "sub/none"));
    cr_expect(!is_there(b, "empty"));
    expect_nothing_pending(b);
    user_writes_text(a, "b.bin", "b again");
    user_writes_text(a, "a.txt", "a again");
    settle(w);
    expect_text(b, "a.txt", "a again");
    cr_expect(!is_there(b, "b.bin"));
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include, makes_the_way_to_what_comes_later)
{
    small_world *w = two(2, "/sub/deep/*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "sub");
    user_makes(a, "sub/deep");
    user_makes(a, "sub/other");
    user_writes_text(a, "sub/other/no.txt", "no");
    user_writes_text(a, "sub/deep/no.bin", "no");
    settle(w);
    cr_expect(!is_there(b, "sub"));
    small_device_crash(b);
    user_writes_text(a, "sub/deep/yes.txt", "yes");
    settle(w);
    expect_text(b, "sub/deep/yes.txt", "yes");
    cr_expect(!is_there(b, "sub/other"));
    cr_expect(!is_there(b, "sub/deep/no.bin"));
    expect_nothing_pending(b);
    user_writes_text(b, "sub/deep/mine.txt", "mine");
    settle(w);
    expect_text(a, "sub/deep/mine.txt", "mine");
    user_removes(a, "sub");
    settle(w);
    cr_expect(!is_there(b, "sub"));
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* ---- Moved elsewhere ---- */

Test(engine_include, lets_go_what_moves_out_and_takes_what_moves_in)
{
    small_world *w = two(3, "/docs/");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "docs");
    user_makes(a, "other");
    user_writes_text(a, "docs/goes", "goes");
    user_writes_text(a, "docs/stays", "stays");
    user_writes_text(a, "other/comes", "comes");
    settle(w);
    cr_expect(is_there(b, "docs/goes"));
    cr_expect(!is_there(b, "other"));
    user_moves(a, "docs/goes", "other/goes");
    user_moves(a, "other/comes", "docs/comes");
    settle(w);
    cr_expect(!is_there(b, "docs/goes"));
    cr_expect(!is_there(b, "other"));
    expect_text(b, "docs/comes", "comes");
    expect_text(b, "docs/stays", "stays");
    expect_text(a, "other/goes", "goes");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include, follows_a_directory_out_and_in_with_all_that_is_in_it)
{
    small_world *w = two(4, "/docs/");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "docs");
    user_makes(a, "other");
    user_makes(a, "docs/d");
    user_makes(a, "docs/d/e");
    user_makes(a, "other/f");
    user_makes(a, "other/f/g");
    user_writes_text(a, "docs/d/e/out", "out");
    user_writes_text(a, "other/f/g/in", "in");
    settle(w);
    user_moves(a, "docs/d", "other/d");
    user_moves(a, "other/f", "docs/f");
    settle(w);
    expect_text(b, "docs/f/g/in", "in");
    cr_expect(!is_there(b, "docs/d"));
    cr_expect(!is_there(b, "other"));
    expect_text(a, "other/d/e/out", "out");
    user_moves(a, "docs", "papers");
    settle(w);
    cr_expect(!is_there(b, "docs"));
    cr_expect(!is_there(b, "papers"));
    expect_text(a, "papers/f/g/in", "in");
    user_moves(a, "papers", "docs");
    settle(w);
    expect_text(b, "docs/f/g/in", "in");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include, sorts_out_anew_what_is_in_a_directory_that_moves)
{
    small_world *w = two(5, "/a/*/x/");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "a");
    user_makes(a, "a/b");
    user_makes(a, "a/b/x");
    user_makes(a, "a/b/x/x");
    user_makes(a, "a/b/y");
    user_writes_text(a, "a/b/x/1", "1");
    user_writes_text(a, "a/b/x/x/2", "2");
    user_writes_text(a, "a/b/y/3", "3");
    settle(w);
    cr_expect(is_there(b, "a/b/x/1"));
    cr_expect(!is_there(b, "a/b/y"));
    user_moves(a, "a/b/x", "a/c"); /* only the inner x is asked for there */
    user_moves(a, "a/b/y", "a/b/x");
    settle(w);
    expect_text(b, "a/c/x/2", "2");
    expect_text(b, "a/b/x/3", "3");
    cr_expect(!is_there(b, "a/c/1"));
    expect_text(a, "a/c/1", "1");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include, keeps_what_was_edited_here_when_it_moves_out_elsewhere)
{
    small_world *w = two(6, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "a.txt", "a");
    settle(w);
    user_moves(a, "a.txt", "a.bin");
    user_writes_text(b, "a.txt", "edited here");
    settle(w);
    cr_expect_eq(count_texts(a, "edited here"), 1);
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* ---- Moved here ---- */

Test(engine_include, publishes_a_move_out_as_a_move_and_leaves_the_file)
{
    small_world *w = two(7, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "a.txt", "a");
    user_writes_text(a, "b.txt", "b");
    settle(w);
    user_moves(b, "a.txt", "a.bin");
    user_makes(b, "new");
    user_moves(b, "b.txt", "new/b.bin");
    settle(w);
    expect_text(a, "a.bin", "a");
    expect_text(a, "new/b.bin", "b");
    expect_text(b, "a.bin", "a");
    expect_text(b, "new/b.bin", "b");
    cr_expect(!is_there(a, "a.txt"));
    cr_expect(!is_there(a, "b.txt"));
    user_writes_text(b, "a.bin", "mine");
    user_writes_text(a, "new/b.bin", "theirs");
    settle(w);
    small_device_crash(b);
    settle(w);
    expect_text(a, "a.bin", "a");
    expect_text(b, "a.bin", "mine");
    expect_text(b, "new/b.bin", "b");
    user_removes(b, "a.bin");
    user_removes(b, "new");
    settle(w);
    expect_text(a, "a.bin", "a");
    expect_text(a, "new/b.bin", "theirs");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include, publishes_a_move_into_a_folder_that_is_not_asked_for)
{
    small_world *w = two(8, "/docs/");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "docs");
    user_makes(a, "docs/sub");
    user_writes_text(a, "docs/one", "one");
    user_writes_text(a, "docs/sub/two", "two");
    user_writes_text(a, "docs/three", "three");
    settle(w);
    user_makes(b, "other");
    user_makes(b, "other/own");
    user_writes_text(b, "other/own/mine", "mine");
    user_moves(b, "docs/one", "other/one");
    user_moves(b, "docs/sub", "other/own/sub");
    settle(w);
    expect_text(a, "other/one", "one");
    expect_text(a, "other/own/sub/two", "two");
    cr_expect(!is_there(a, "docs/one"));
    cr_expect(!is_there(a, "docs/sub"));
    cr_expect(!is_there(a, "other/own/mine"));
    expect_text(b, "other/one", "one");
    expect_text(b, "other/own/sub/two", "two");
    user_removes(b, "other");
    settle(w);
    expect_text(a, "other/own/sub/two", "two");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include, publishes_as_new_what_moves_in_here)
{
    small_world *w = two(9, "/docs/");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(b, "own");
    user_makes(b, "own/deep");
    user_writes_text(b, "own/deep/file", "file");
    settle(w);
    cr_expect(!is_there(a, "own"));
    user_makes(b, "docs");
    user_moves(b, "own", "docs/own");
    settle(w);
    expect_text(a, "docs/own/deep/file", "file");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* ---- What lies here unasked for ---- */

Test(engine_include, keeps_a_folder_for_what_is_not_asked_for_in_it)
{
    small_world *w = two(14, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "sub");
    user_makes(a, "sub/deep");
    user_writes_text(a, "sub/deep/a.txt", "a");
    settle(w);
    user_writes_text(b, "sub/deep/own.bin", "own");
    settle(w);
    user_removes(a, "sub");
    settle(w);
    expect_text(b, "sub/deep/own.bin", "own");
    cr_expect(!is_there(b, "sub/deep/a.txt"));
    cr_expect(!is_there(a, "sub"));
    expect_nothing_pending(b);
    user_writes_text(b, "sub/deep/new.txt", "new");
    settle(w);
    expect_text(a, "sub/deep/new.txt", "new");
    cr_expect(!is_there(a, "sub/deep/own.bin"));
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include, brings_files_into_a_folder_that_has_others)
{
    small_world *w = two(15, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(b, "sub");
    user_writes_text(b, "sub/own.bin", "own");
    settle(w);
    user_makes(a, "sub");
    user_writes_text(a, "sub/a.txt", "a");
    user_writes_text(a, "sub/own.bin", "theirs");
    settle(w);
    expect_text(b, "sub/a.txt", "a");
    expect_text(b, "sub/own.bin", "own");
    expect_text(a, "sub/own.bin", "theirs");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* ---- Two folders on one device ---- */

Test(engine_include, asks_for_other_files_in_another_folder)
{
    small_world *w = two(17, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1], beside = folder_beside(b, "*.bin");

    user_makes(a, "sub");
    user_writes_text(a, "sub/a.txt", "a");
    user_writes_text(a, "sub/b.bin", "b");
    settle(w);
    cr_expect(is_there(b, "sub/a.txt"));
    cr_expect(!is_there(b, "sub/b.bin"));
    cr_expect(is_there(&beside, "sub/b.bin"));
    cr_expect(!is_there(&beside, "sub/a.txt"));
    user_moves(&beside, "sub/b.bin", "sub/b.txt");
    settle(w);
    expect_text(b, "sub/b.txt", "b");
    expect_text(a, "sub/b.txt", "b");
    expect_text(&beside, "sub/b.txt", "b");
    user_removes(b, "sub/a.txt");
    settle(w);
    cr_expect(!is_there(a, "sub/a.txt"));
    expect_nothing_pending(b);
    small_world_destroy(&w);
}
