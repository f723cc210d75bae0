/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that are renamed elsewhere to where here, unasked for, a file of that name stands: it
 * stays, they wait, and say so. Of what is in them, what is asked for where they are to go counts
 * meanwhile. */
#include "tests/peer/small/included.h"

#include "tests/support/expect.h"

/* One name can't have both, and the file is nobody else's business. */
Test(engine_include_waits, where_a_file_stands_and_says_so)
{
    small_world *w = two(7, "*.txt");
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_arena arena = {0};
    cf_binding_status status;

    user_makes(a, "old");
    user_writes_text(a, "old/1.txt", "1");
    settle(w);
    user_writes_text(b, "new", "mine");
    user_moves(a, "old", "new");
    settle(w);
    expect_text(b, "new", "mine");
    expect_text(b, "old/1.txt", "1");
    cf_engine_status(b->engine, cf_engine_binding_at(b->engine, 0), &arena, &status);
    cr_expect_eq(status.pending_count, 1);
    cr_expect_eq(count_texts(b, ".counterfoil"), 0);
    user_moves(b, "new", "mine");
    settle(w);
    expect_text(b, "new/1.txt", "1");
    expect_nothing_pending(b);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

/* Elsewhere `old` becomes `new`, where here a file stands. */
static void moves_where_a_file_stands(small_device *a, small_device *b)
{
    user_writes_text(b, "new", "mine");
    user_moves(a, "old", "new");
    cr_assert(small_device_sync(a));
    small_device_sync(b);
    expect_text(b, "new", "mine");
}

/* World 12001786: it went when the next process began. */
Test(engine_include_waits, without_what_is_not_asked_for_where_they_are_to_go)
{
    static const char *const patterns[] = {"/old*", "sub/"};
    small_world *w = two(10, NULL);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_device_asks_for(b, patterns, 2);
    user_makes(a, "old");
    user_makes(a, "old/deep");
    user_writes_text(a, "old/1.txt", "1");
    user_writes_text(a, "old/deep/2.txt", "2");
    settle(w);
    moves_where_a_file_stands(a, b);
    cr_expect(!is_there(b, "old/1.txt"));
    cr_expect(!is_there(b, "old/deep/2.txt"));
    expect_text(a, "new/deep/2.txt", "2");
    user_moves(b, "new", "mine");
    settle(w);
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

/* The second device asks for one of the two where they are, and for the other where they are to
 * go. */
static small_world *asks_for_either(uint64_t seed)
{
    static const char *const patterns[] = {"/old/*.bin", "/new/*.txt"};
    small_world *w = two(seed, NULL);
    small_device *a = &w->devices[0];

    small_device_asks_for(&w->devices[1], patterns, 2);
    user_makes(a, "old");
    user_writes_text(a, "old/1.txt", "1");
    user_writes_text(a, "old/2.bin", "2");
    settle(w);
    return w;
}

typedef enum { GOES_ON, ENDS, MOVES_IT_HIMSELF } meanwhile;

/* Where they lie now nobody asks for it, and the next process would know nothing of it. */
static void comes_with_its_directory(uint64_t seed, meanwhile what)
{
    small_world *w = asks_for_either(seed);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    moves_where_a_file_stands(a, b);
    if (what == ENDS)
        small_device_crash(b);
    small_device_sync(b);
    expect_text(b, "new", "mine");
    cr_expect_eq(count_texts(b, ".txt") + count_texts(b, ".bin"), 0);
    user_moves(b, "new", "mine");
    if (what == MOVES_IT_HIMSELF)
        user_moves(b, "old", "new");
    settle(w);
    expect_text(b, "new/1.txt", "1");
    cr_expect_eq(count_texts(b, ".txt") + count_texts(b, ".bin"), 1);
    expect_text(a, "new/2.bin", "2");
    expect_nothing_pending(b);
    small_world_destroy(&w);
}

Test(engine_include_waits, with_what_is_asked_for_where_they_are_to_go)
{
    comes_with_its_directory(11, GOES_ON);
    comes_with_its_directory(12, ENDS);
    comes_with_its_directory(13, MOVES_IT_HIMSELF);
}

Test(engine_include_waits, no_more_once_its_directory_is_there)
{
    small_world *w = asks_for_either(14);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_moves(a, "old", "new");
    cr_assert(small_device_sync(a));
    cr_assert(small_device_sync(b));
    expect_text(b, "new/1.txt", "1");
    cr_expect(!is_there(b, "new/2.bin"));
    cr_expect(!is_there(b, "old"));
    small_world_destroy(&w);
}

/* ---- What may be the last copy ---- */

enum { SIZE = 200000 };

/* One has a file that the other didn't ask for, and the broker has lost it. */
static small_world *a_world_with_a_last_copy(uint64_t seed, char large[SIZE])
{
    static const char *const texts[] = {"/old/*.txt", "/new/*.txt"};
    static const char *const old[] = {"/old/"};
    small_world *w = two(seed, NULL);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    for (size_t i = 0; i < SIZE; i++)
        large[i] = (char)chance_below(&w->chance, 256);
    small_device_asks_for(a, texts, 2);
    small_device_asks_for(b, old, 1);
    user_makes(a, "old");
    user_writes_text(a, "old/1.txt", "1");
    settle(w);
    user_writes(b, "old/2.bin", large, SIZE);
    settle(w);
    cr_assert(is_there(b, "old/2.bin"));
    cr_assert(!is_there(a, "old/2.bin"));
    small_device_unplug(b);
    return w;
}

/* It went with the file, which was asked for no more where others had moved it. */
Test(engine_include_waits, for_the_broker_to_have_what_may_be_the_last_copy)
{
    static char large[SIZE];
    small_world *w = a_world_with_a_last_copy(60, large);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_moves(a, "old", "new");
    cr_assert(small_device_sync(a));
    small_world_loses_blobs(w);
    b->offline = false;
    cr_assert(small_device_sync(b));
    cr_expect(!is_there(b, "old/2.bin"), "it goes by itself");
    cr_assert(small_world_blobs(w), "it is nowhere");
    include(a, NULL);
    settle(w);
    cr_expect(holds_bytes(a, "new/2.bin", cf_bytes_of(large, SIZE)));
    small_world_destroy(&w);
}

/* What users delete goes, whoever has it. */
Test(engine_include_waits, for_nobody_to_have_what_is_deleted)
{
    static char large[SIZE];
    small_world *w = a_world_with_a_last_copy(61, large);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    include(a, NULL);
    settle(w);
    small_device_unplug(b);
    user_removes(a, "old");
    cr_assert(small_device_sync(a));
    small_world_loses_blobs(w);
    b->offline = false;
    cr_assert(small_device_sync(b));
    cr_expect_not(is_there(b, "old"));
    cr_expect_eq(small_world_blobs(w), 0);
    small_world_destroy(&w);
}
