/* SPDX-License-Identifier: Apache-2.0 */
/* A device that serves, and programs that save beside a file and rename over it. Time is the
 * world's. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

enum {
    QUIET_MS = 9000,
    ONE_ROUND = 300,
    SAVES = 3,
    STEP_MS = 100,
    STEPS = 60,
    LARGE = 600 * 1024,
    RESTED_MS = 3200,
    PAUSES = 9,
    ROUNDS = 200
};
static const uint64_t PAUSE_MS[PAUSES] = {0, 100, 400, 700, 1000, 1500, 2600, 3200, 5000};

/* What was told twice is no draft, and is moved. */
typedef enum { RENAMED_OVER, AFTER_A_BACKUP, WRITTEN_ON, TOLD_TWICE, TOLD_TWICE_WRITTEN_ON } save;

static void expect_never_missing(small_device *first, small_device *second, uint64_t ms,
                                 const char *what)
{
    char token[64];

    for (uint64_t past = 0; past < ms; past += STEP_MS) {
        small_device_passes(first, STEP_MS);
        cr_assert(small_device_sync(second));
        cr_assert(small_device_token(second, "one", token), "%s: it is missing elsewhere", what);
    }
}

static void saves_beside(save how, uint64_t pause_ms)
{
    small_world *w = small_world_new(5, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    char what[64], gone[64];

    user_writes_text(first, "one", "1");
    small_device_serves(first);
    small_device_passes(first, QUIET_MS);
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));

    snprintf(what, sizeof what, "save %d, pause %d ms", (int)how, (int)pause_ms);
    for (int i = 0; i < SAVES; i++) {
        user_writes_text(first, "one~",
                         i % 2              ? "odd"
                         : how < TOLD_TWICE ? "even, and longer"
                                            : "first");
        expect_never_missing(first, second, pause_ms, what);
        if (how >= TOLD_TWICE) {
            user_writes_text(first, "one~", i % 2 ? "odd again" : "even, and longer");
            expect_never_missing(first, second, pause_ms, what);
        }
        if (how == WRITTEN_ON || how == TOLD_TWICE_WRITTEN_ON)
            user_writes_text(first, "one~", i % 2 ? "odd to the end" : "even, and whole");
        if (how == AFTER_A_BACKUP)
            cr_assert(user_moves(first, "one", "one.bak"));
        cr_assert(user_moves(first, "one~", "one"));
        const uint64_t entries = small_world_entries(w);
        expect_never_missing(first, second, i + 1 < SAVES ? pause_ms : STEPS * STEP_MS, what);
        if (pause_ms >= RESTED_MS)
            cr_expect_eq(small_world_entries(w), entries + 1, "%s: it is told in parts", what);
    }
    const bool is_written_on = how == WRITTEN_ON || how == TOLD_TWICE_WRITTEN_ON;
    cr_expect(small_device_has_line(second, is_written_on ? "even, and whole" : "even, and longer"),
              "%s", what);
    cr_expect_not(small_device_token(second, "one~", gone), "%s", what);
    small_world_destroy(&w);
}

/* On the disk the name is never free, and so nobody else may see that it is, whatever of the file
 * that takes it was told before. */
Test(engine_replaced, a_file_that_is_renamed_over_another_is_never_missing)
{
    for (save how = RENAMED_OVER; how <= TOLD_TWICE_WRITTEN_ON; how++)
        for (size_t i = 0; i < PAUSES; i++)
            saves_beside(how, PAUSE_MS[i]);
}

/* What is told of a large file comes before its bytes, and what has its place before it is whole
 * would be half of it. */
Test(engine_replaced, a_large_file_takes_the_place_when_it_is_whole)
{
    static const char *const backups[] = {NULL, "one.bak", "bak/one"};
    const size_t ways = sizeof backups / sizeof *backups;

    for (size_t i = 0; i < 4 * ways; i++) {
        const char *backup = backups[i % ways];
        const bool is_told = i / ways % 2, serves = i / ways / 2;
        small_world *w = small_world_new(6, 2);
        small_device *first = &w->devices[0], *second = &w->devices[1];
        char before[64], after[64], seen[64];
        cf_buffer large = small_world_noise(w, LARGE);

        user_makes(first, "bak");
        user_writes_text(first, "one", "1");
        if (is_told)
            user_writes_text(first, "one~", "its first line");
        if (serves) {
            small_device_serves(first);
            small_device_passes(first, QUIET_MS);
        }
        cr_assert(small_device_sync(first));
        if (is_told)
            user_writes_text(first, "one~", "its second line"); /* and so is no draft */
        cr_assert(small_device_sync(first));
        cr_assert(small_device_sync(second));
        cr_assert(small_device_token(first, "one", before));

        user_writes(first, "one~", large.data, large.size);
        if (backup)
            cr_assert(user_moves(first, "one", backup));
        cr_assert(user_moves(first, "one~", "one"));
        cr_assert(small_device_token(first, "one", after));
        unsigned rounds = 0;
        do {
            cr_assert_lt(rounds++, ROUNDS, "%zu: it waits for ever", i);
            if (serves)
                small_device_passes(first, STEP_MS);
            else
                small_device_round(first, &(cf_round_options){.kind = CF_ROUND_SYNC}, 1);
            cr_assert(small_device_sync(second));
            cr_assert(small_device_token(second, "one", seen), "%zu: it is missing elsewhere", i);
            cr_assert(!strcmp(seen, before) || !strcmp(seen, after), "%zu: %s", i, seen);
        } while (strcmp(seen, after) != 0);
        cr_assert(small_world_settle(w));
        cr_expect_eq(small_device_token(second, backup ? backup : "one~", seen), !!backup);
        cf_buffer_release(&large);
        small_world_destroy(&w);
    }
}

/* It was told twice, and so is no draft: it waits for its bytes, and what it left goes when it is
 * told to have left. */
Test(engine_replaced, a_large_file_takes_the_place_from_a_folder_that_goes)
{
    enum { NOTHING, FILE_THEN, LINK_THEN, THINGS };

    for (int way = 0; way < 2 * THINGS; way++) {
        const bool serves = way % 2;
        const int then = way / 2;
        small_world *w = small_world_new(7, 2);
        small_device *first = &w->devices[0], *second = &w->devices[1];
        cf_buffer large = small_world_noise(w, LARGE), larger = small_world_noise(w, LARGE + 1);
        cf_buffer difference = {0}, shown = {0};
        char after[64], seen[64];

        user_makes(first, "e");
        user_writes_text(first, "e/x", "its first line");
        user_writes_text(first, "f", "1");
        if (serves) {
            small_device_serves(first);
            small_device_passes(first, QUIET_MS);
        }
        cr_assert(small_world_settle(w));
        user_writes(first, "e/x", large.data, large.size);
        cr_assert(small_world_settle(w));
        user_writes(first, "e/x", larger.data, larger.size);
        cr_assert(user_moves(first, "e/x", "f"));
        user_removes(first, "e");
        if (then == FILE_THEN)
            user_writes_text(first, "e", "a file now");
        if (then == LINK_THEN)
            user_points(first, "e", "f");
        cr_assert(small_device_token(first, "f", after));
        cr_assert(small_world_settle(w));
        if (serves) {
            small_device_passes(first, QUIET_MS);
            cr_assert(small_world_settle(w));
        }
        small_device_crash(first); /* what it keeps is whole */
        cr_assert(small_world_settle(w));
        cr_assert(small_device_token(second, "f", seen));
        cr_expect_str_eq(seen, after);
        cr_assert(small_world_equal(w, &difference), "%.*s", (int)difference.size,
                  (const char *)difference.data);
        small_device_tree(second, &shown);
        cf_buffer_append(&shown, "", 1);
        cr_expect_not(small_device_has_line(second, "e/"));
        cr_expect_not(strstr((const char *)shown.data, "conflict"), "%s", (char *)shown.data);
        cr_expect_eq(small_device_token(second, "e", seen), then != NOTHING);
        cf_buffer_release(&shown);
        cf_buffer_release(&difference);
        cf_buffer_release(&larger);
        cf_buffer_release(&large);
        small_world_destroy(&w);
    }
}

/* ---- Folders ---- */

/* The old folder goes when what was in it has left it, and that is in the new one, and is read
 * first. */
Test(engine_replaced, folder_with_what_was_in_the_one_whose_place_it_takes)
{
    small_world *w = small_world_new(1, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    cf_buffer difference = {0};

    user_makes(first, "old");
    user_writes_text(first, "old/file", "1");
    user_makes(first, "new");
    cr_assert(small_world_settle(w));
    cr_assert(user_moves(first, "old/file", "new/file"));
    user_removes(first, "old");
    cr_assert(user_moves(first, "new", "old"));
    user_writes_text(first, "old/file", "and changed");
    cr_assert(small_world_settle(w));
    cr_assert(small_world_equal(w, &difference), "%.*s", (int)difference.size,
              (const char *)difference.data);
    cr_assert(small_device_has_line(second, "old/file"));
    cr_assert_not(small_device_has_line(second, "new/"));
    cf_buffer_release(&difference);
    small_world_destroy(&w);
}

/* What is gone comes the deepest first, not by number. */
Test(engine_replaced, a_file_takes_the_place_while_a_tree_goes)
{
    small_world *w = small_world_new(8, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    cf_round_options once = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    char after[64], seen[64];

    user_writes_text(first, "f", "1");
    user_writes_text(first, "g", "its first line");
    cr_assert(small_device_sync(first));
    user_makes(first, "d");
    user_makes(first, "d/e");
    user_writes_text(first, "d/e/x", "x");
    user_writes_text(first, "d/e/y", "y");
    user_writes_text(first, "d/e/z", "z");
    cr_assert(small_world_settle(w));
    for (int lines = 2; lines < 4; lines++) { /* and so is no draft */
        user_writes_text(first, "g", lines == 2 ? "its second line" : "its third line");
        cr_assert(small_world_settle(w));
    }
    cr_assert(user_moves(first, "g", "f"));
    cr_assert(small_device_token(first, "f", after));
    user_removes(first, "d");
    const uint64_t entries = small_world_entries(w);
    small_device_round(first, &once, ONE_ROUND);
    cr_expect_eq(small_world_entries(w), entries + 1, "%d: it was told by a second look",
                 (int)(small_world_entries(w) - entries));
    cr_assert(small_device_sync(second));
    cr_assert(small_device_token(second, "f", seen));
    cr_expect_str_eq(seen, after);
    cr_expect_not(small_device_token(second, "g", seen));
    small_world_destroy(&w);
}

/* Whoever heard of the folder first would have two things of one name: a conflict. */
static void folder_takes_the_place(bool of_link)
{
    small_world *w = small_world_new(9, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];

    if (of_link)
        cr_assert(user_points(first, "one", "target"));
    else
        user_writes_text(first, "one", "1");
    cr_assert(small_world_settle(w));
    small_device_serves(first);
    small_device_passes(first, QUIET_MS);
    cr_assert(user_moves(first, "one", "one~"));
    user_makes(first, "one");
    const uint64_t entries = small_world_entries(w);
    for (int i = 0; i < STEPS; i++) {
        small_device_passes(first, STEP_MS);
        cr_assert(small_device_sync(second));
        cr_assert_not(small_device_has_line(second, "conflict"), "link %d, step %d", of_link, i);
    }
    cr_expect(small_device_has_line(second, "one/ "));
    cr_expect(small_device_has_line(second, "one~ "));
    cr_expect_eq(small_world_entries(w), entries + 1, "link %d: it is told in parts", of_link);
    small_world_destroy(&w);
}

Test(engine_replaced, a_folder_comes_with_the_move_of_what_was_there)
{
    folder_takes_the_place(false);
    folder_takes_the_place(true);
}

/* ---- For how long a new file is a draft ---- */

static cf_id item_of(const small_device *self, const char *name)
{
    const cf_node *node = cf_nodes_child(cf_engine_binding_at(self->engine, 0)->nodes, CF_NODE_ROOT,
                                         cf_bytes_of_text(name));

    cr_assert_not_null(node, "%s is not there", name);
    return node->items[0];
}

/* A file takes the place of another, `ms` after it was told. */
static void expect_replaced(uint64_t ms, bool is_edit)
{
    small_world *w = small_world_new(10, 2);
    small_device *first = &w->devices[0];

    user_writes_text(first, "f", "first");
    cr_assert(small_world_settle(w));
    user_writes_text(first, "f.tmp", "second, and longer");
    const uint64_t told_ms = w->now_ms;
    cr_assert(small_world_settle(w));
    const cf_id file = item_of(first, "f"), draft = item_of(first, "f.tmp");

    user_removes(first, "f");
    cr_assert(user_moves(first, "f.tmp", "f"));
    w->now_ms = told_ms + ms;
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++) {
        const cf_id shown = item_of(&w->devices[i], "f");

        cr_expect(cf_id_equal(&shown, is_edit ? &file : &draft), "after %d ms, on %d", (int)ms, i);
        expect_text(&w->devices[i], "f", "second, and longer");
        cr_expect_not(is_there(&w->devices[i], "f.tmp"));
    }
    small_world_destroy(&w);
}

/* Told at 12:00:00: until 12:09:59 an edit of the other file, from 12:10:01 on a move. */
Test(engine_replaced, what_was_told_is_a_draft_for_ten_minutes)
{
    enum { TEN_MINUTES_MS = 600000, MOMENT_MS = 1000 };

    expect_replaced(TEN_MINUTES_MS - MOMENT_MS, true);
    expect_replaced(TEN_MINUTES_MS + MOMENT_MS, false);
}
