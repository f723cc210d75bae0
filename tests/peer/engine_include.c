/* SPDX-License-Identifier: Apache-2.0 */
/* A device that asks for some of the files only: these come and go as on all devices, the others
 * stay in the log, and what lies here unasked for comes to no harm, nor does it harm elsewhere. */
#include "tests/peer/small_folder.h"
#include "tests/peer/small_inside.h"

#include "peer/adapters/files_root.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <sys/stat.h>

enum { BESIDE = 11, MANY = 12 };

/* ---- What is asked for ---- */

static cf_binding_options options_of(const device *self, const char *const *patterns, size_t count)
{
    return (cf_binding_options){.number = 1,
                                .collection = self->in->collection,
                                .path = self->folder,
                                .include = patterns,
                                .include_count = count};
}

/* Kept only: the process ends before it does anything about it. */
static cf_binding *save_include(device *self, const char *const *patterns, size_t count)
{
    cf_binding *binding = cf_engine_binding_at(self->engine, 0), *trial;
    cf_binding_options options = options_of(self, patterns, count);
    cf_error error;

    expect_ok(cf_binding_new(&options, &trial, &error), error);
    cf_binding_exchange(binding, trial);
    expect_ok(cf_binding_save(cf_engine_peer(self->engine), binding, &error), error);
    cf_binding_destroy(&trial, self->in->env.files);
    return binding;
}

static void include(device *self, const char *pattern)
{
    cf_engine_touch_binding(self->engine, save_include(self, &pattern, pattern ? 1 : 0));
}

/* ---- What is there ---- */

static void settle(world *w)
{
    cr_assert(world_settle(w), "the world does not come to rest");
}

/* 0: nothing is there. */
static unsigned mode_of(const device *self, const char *path)
{
    struct stat stat;
    char whole[400];

    snprintf(whole, sizeof whole, "%s/%s", self->folder, path);
    return lstat(whole, &stat) ? 0 : stat.st_mode & 0777;
}

static bool is_there(const device *self, const char *path)
{
    return mode_of(self, path) != 0;
}

static void expect_text(const device *self, const char *path, const char *text)
{
    cf_buffer bytes = {0};

    cr_assert(user_reads(self, path, &bytes), "%s is not there", path);
    cr_expect(cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(text)), "%s: %.*s", path,
              (int)bytes.size, (const char *)bytes.data);
    cf_buffer_release(&bytes);
}

static size_t count_texts(const device *self, const char *text)
{
    cf_buffer tree = {0};
    size_t count = 0;

    device_tree(self, &tree);
    cf_buffer_append(&tree, "", 1);
    for (const char *at = (const char *)tree.data; (at = strstr(at, text)); at++)
        count++;
    cf_buffer_release(&tree);
    return count;
}

static void expect_nothing_pending(device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        cr_expect(false, "%.*s: %s", (int)status.pending[i].path.size,
                  (const char *)status.pending[i].path.data, status.pending[i].reason);
    cf_arena_release(&arena);
}

/* The first has everything; the second asks for what the pattern says. */
static world *two(uint64_t seed, const char *pattern)
{
    world *w = world_new(seed, 2);

    if (pattern)
        include(&w->devices[1], pattern);
    return w;
}

/* ---- What comes ---- */

Test(engine_include, brings_what_is_asked_for_and_misses_nothing_else)
{
    world *w = two(1, "*.txt");
    device *a = &w->devices[0], *b = &w->devices[1];

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
    world_destroy(&w);
}

Test(engine_include, makes_the_way_to_what_comes_later)
{
    world *w = two(2, "/sub/deep/*.txt");
    device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "sub");
    user_makes(a, "sub/deep");
    user_makes(a, "sub/other");
    user_writes_text(a, "sub/other/no.txt", "no");
    user_writes_text(a, "sub/deep/no.bin", "no");
    settle(w);
    cr_expect(!is_there(b, "sub"));
    device_crash(b);
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
    world_destroy(&w);
}

/* ---- Moved elsewhere ---- */

Test(engine_include, lets_go_what_moves_out_and_takes_what_moves_in)
{
    world *w = two(3, "/docs/");
    device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "docs");
    user_makes(a, "other");
    user_writes_text(a, "docs/goes", "goes");
    user_writes_text(a, "docs/stays", "stays");
    user_writes_text(a, "other/comes", "comes");
    settle(w);
    cr_expect(is_there(b, "docs/goes") && !is_there(b, "other"));
    user_moves(a, "docs/goes", "other/goes");
    user_moves(a, "other/comes", "docs/comes");
    settle(w);
    cr_expect(!is_there(b, "docs/goes") && !is_there(b, "other"));
    expect_text(b, "docs/comes", "comes");
    expect_text(b, "docs/stays", "stays");
    expect_text(a, "other/goes", "goes");
    expect_nothing_pending(b);
    world_destroy(&w);
}

Test(engine_include, follows_a_directory_out_and_in_with_all_that_is_in_it)
{
    world *w = two(4, "/docs/");
    device *a = &w->devices[0], *b = &w->devices[1];

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
    cr_expect(!is_there(b, "docs/d") && !is_there(b, "other"));
    expect_text(a, "other/d/e/out", "out");
    user_moves(a, "docs", "papers");
    settle(w);
    cr_expect(!is_there(b, "docs") && !is_there(b, "papers"));
    expect_text(a, "papers/f/g/in", "in");
    user_moves(a, "papers", "docs");
    settle(w);
    expect_text(b, "docs/f/g/in", "in");
    expect_nothing_pending(b);
    world_destroy(&w);
}

Test(engine_include, sorts_out_anew_what_is_in_a_directory_that_moves)
{
    world *w = two(5, "/a/*/x/");
    device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(a, "a");
    user_makes(a, "a/b");
    user_makes(a, "a/b/x");
    user_makes(a, "a/b/x/x");
    user_makes(a, "a/b/y");
    user_writes_text(a, "a/b/x/1", "1");
    user_writes_text(a, "a/b/x/x/2", "2");
    user_writes_text(a, "a/b/y/3", "3");
    settle(w);
    cr_expect(is_there(b, "a/b/x/1") && !is_there(b, "a/b/y"));
    user_moves(a, "a/b/x", "a/c"); /* only the inner x is asked for there */
    user_moves(a, "a/b/y", "a/b/x");
    settle(w);
    expect_text(b, "a/c/x/2", "2");
    expect_text(b, "a/b/x/3", "3");
    cr_expect(!is_there(b, "a/c/1"));
    expect_text(a, "a/c/1", "1");
    expect_nothing_pending(b);
    world_destroy(&w);
}

Test(engine_include, keeps_what_was_edited_here_when_it_moves_out_elsewhere)
{
    world *w = two(6, "*.txt");
    device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "a.txt", "a");
    settle(w);
    user_moves(a, "a.txt", "a.bin");
    user_writes_text(b, "a.txt", "edited here");
    settle(w);
    cr_expect_eq(count_texts(a, "edited here"), 1);
    expect_nothing_pending(b);
    world_destroy(&w);
}

/* ---- Moved here ---- */

Test(engine_include, publishes_a_move_out_as_a_move_and_leaves_the_file)
{
    world *w = two(7, "*.txt");
    device *a = &w->devices[0], *b = &w->devices[1];

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
    cr_expect(!is_there(a, "a.txt") && !is_there(a, "b.txt"));
    user_writes_text(b, "a.bin", "mine");
    user_writes_text(a, "new/b.bin", "theirs");
    settle(w);
    device_crash(b);
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
    world_destroy(&w);
}

Test(engine_include, publishes_a_move_into_a_folder_that_is_not_asked_for)
{
    world *w = two(8, "/docs/");
    device *a = &w->devices[0], *b = &w->devices[1];

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
    cr_expect(!is_there(a, "docs/one") && !is_there(a, "docs/sub"));
    cr_expect(!is_there(a, "other/own/mine"));
    expect_text(b, "other/one", "one");
    expect_text(b, "other/own/sub/two", "two");
    user_removes(b, "other");
    settle(w);
    expect_text(a, "other/own/sub/two", "two");
    expect_nothing_pending(b);
    world_destroy(&w);
}

Test(engine_include, publishes_as_new_what_moves_in_here)
{
    world *w = two(9, "/docs/");
    device *a = &w->devices[0], *b = &w->devices[1];

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
    world_destroy(&w);
}

/* ---- To ask for less ---- */

static world *two_with_many(uint64_t seed)
{
    world *w = two(seed, NULL);
    device *a = &w->devices[0];
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

static void expect_narrowed(world *w)
{
    device *a = &w->devices[0], *b = &w->devices[1];
    uint64_t entries = world_entries(w);

    settle(w);
    cr_expect_eq(world_entries(w), entries);
    expect_text(b, "other/3", "other/3");
    expect_nothing_pending(b);
    user_writes_text(b, "other/3", "edited");
    user_removes(b, "other/4");
    settle(w);
    cr_expect_eq(world_entries(w), entries);
    user_removes(b, "other");
    settle(w);
    cr_expect_eq(world_entries(w), entries);
    expect_text(a, "other/3", "other/3");
    expect_text(a, "other/4", "other/4");
    user_writes_text(b, "docs/one", "eins");
    user_writes_text(a, "other/5", "theirs");
    settle(w);
    expect_text(a, "docs/one", "eins");
    cr_expect(!is_there(b, "other"));
    expect_nothing_pending(b);
    world_destroy(&w);
}

Test(engine_include, forgets_what_it_no_longer_asks_for)
{
    world *w = two_with_many(10);

    include(&w->devices[1], "/docs/");
    expect_narrowed(w);
}

Test(engine_include, forgets_it_after_a_restart)
{
    static const char *const docs = "/docs/";
    world *w = two_with_many(11);

    save_include(&w->devices[1], &docs, 1);
    device_crash(&w->devices[1]);
    expect_narrowed(w);
}

/* What is removed between the word and the next look, or in a folder whose look is under way. */
Test(engine_include, publishes_no_delete_of_what_it_no_longer_asks_for)
{
    world *w = two_with_many(12);
    device *a = &w->devices[0], *b = &w->devices[1];

    w->guarded = false;
    user_removes(b, "other/1");
    user_writes_text(b, "other/2", "edited");
    device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()}, 1);
    include(b, "/docs/");
    user_removes(b, "other");
    settle(w);
    device_crash(b);
    settle(w);
    expect_text(a, "other/7", "other/7");
    expect_nothing_pending(b);
    world_destroy(&w);
}

/* In the middle of bringing other files, too. */
Test(engine_include, publishes_no_mode_of_what_it_no_longer_asks_for)
{
    for (unsigned turns = 1; turns < 16; turns++) {
        world *w = two_with_many(40 + turns);
        device *a = &w->devices[0], *b = &w->devices[1];
        char name[40];

        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "docs/more%d", i);
            user_writes_text(a, name, name);
        }
        cr_assert(device_sync(a));
        device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
        include(b, "/docs/");
        user_changes_mode(b, "other/3", 0600);
        settle(w);
        cr_expect_eq(mode_of(a, "other/3"), 0644, "after %u turns", turns);
        expect_text(b, "docs/more3", "docs/more3");
        world_destroy(&w);
    }
}

Test(engine_include, stops_at_any_write_while_it_forgets)
{
    for (unsigned long at = 1; at < 8; at++) {
        world *w = two_with_many(20 + at);
        device *a = &w->devices[0], *b = &w->devices[1];

        include(b, "/docs/");
        user_removes(b, "other");
        b->faults = (disk_faults){
            .calls = b->faults.calls, .at = b->faults.calls + at, .once = false, .status = CF_IO};
        device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()},
                     30);
        device_crash(b);
        w->guarded = false;
        settle(w);
        expect_text(a, "other/7", "other/7");
        expect_text(b, "docs/one", "one");
        world_destroy(&w);
    }
}

Test(engine_include, meets_again_what_it_asks_for_once_more)
{
    world *w = two_with_many(13);
    device *a = &w->devices[0], *b = &w->devices[1];

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
    cr_expect(world_equal(w, &difference), "%.*s", (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
    expect_text(b, "other/0", "other/0");
    expect_text(b, "other/2", "other/2");
    expect_text(b, "other/own", "own");
    expect_text(b, "other/new", "new");
    cr_expect_eq(count_texts(a, "(conflict "), 2);
    cr_expect_eq(count_texts(a, "theirs"), 1);
    cr_expect_eq(count_texts(a, "mine"), 1);
    world_destroy(&w);
}

/* ---- What lies here unasked for ---- */

Test(engine_include, keeps_a_folder_for_what_is_not_asked_for_in_it)
{
    world *w = two(14, "*.txt");
    device *a = &w->devices[0], *b = &w->devices[1];

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
    world_destroy(&w);
}

Test(engine_include, brings_files_into_a_folder_that_has_others)
{
    world *w = two(15, "*.txt");
    device *a = &w->devices[0], *b = &w->devices[1];

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
    world_destroy(&w);
}

Test(engine_include, holds_back_too_many_that_move_out_elsewhere)
{
    world *w = two_with_many(16);
    device *a = &w->devices[0], *b = &w->devices[1];

    include(b, "/other/");
    settle(w);
    w->guarded = false;
    user_moves(a, "other", "moved");
    cr_assert(device_sync(a));
    w->guarded = true;
    cr_assert(device_sync(b));
    expect_text(b, "other/3", "other/3");
    w->guarded = false;
    settle(w);
    cr_expect(!is_there(b, "other") && !is_there(b, "moved"));
    expect_text(a, "moved/3", "other/3");
    world_destroy(&w);
}

/* ---- Two folders on one device ---- */

static void bind_beside(device *self, device *beside, const char *pattern)
{
    cf_peer *peer = cf_engine_peer(self->engine);
    cf_files *files = self->in->env.files;
    cf_binding *binding;
    cf_folder *root;
    cf_error error;

    *beside = (device){.in = self->in, .number = self->number};
    snprintf(beside->folder, sizeof beside->folder, "%.100s-beside", self->folder);
    mkdir(beside->folder, 0755);
    cf_binding_options options = options_of(beside, &pattern, 1);
    options.number = BESIDE;
    expect_ok(cf_binding_new(&options, &binding, &error), error);
    world_fill(self->in, binding->instance.bytes, CF_ID_SIZE);
    expect_ok(files->open_root(files, beside->folder, &root, &error), error);
    expect_ok(cf_root_make(files, root, &binding->instance, &error), error);
    files->close_folder(files, &root);
    expect_ok(cf_binding_save(peer, binding, &error), error);
    expect_ok(cf_engine_take_binding(self->engine, binding, &error), error);
}

Test(engine_include, asks_for_other_files_in_another_folder)
{
    world *w = two(17, "*.txt");
    device *a = &w->devices[0], *b = &w->devices[1], beside;

    bind_beside(b, &beside, "*.bin");
    user_makes(a, "sub");
    user_writes_text(a, "sub/a.txt", "a");
    user_writes_text(a, "sub/b.bin", "b");
    settle(w);
    cr_expect(is_there(b, "sub/a.txt") && !is_there(b, "sub/b.bin"));
    cr_expect(is_there(&beside, "sub/b.bin") && !is_there(&beside, "sub/a.txt"));
    user_moves(&beside, "sub/b.bin", "sub/b.txt");
    settle(w);
    expect_text(b, "sub/b.txt", "b");
    expect_text(a, "sub/b.txt", "b");
    expect_text(&beside, "sub/b.txt", "b");
    user_removes(b, "sub/a.txt");
    settle(w);
    cr_expect(!is_there(a, "sub/a.txt"));
    expect_nothing_pending(b);
    world_destroy(&w);
}
