/* SPDX-License-Identifier: Apache-2.0 */
/* What was deleted elsewhere, is held here, and is put back there: new files and folders in the
 * place of those that are held. */
#include "tests/peer/small/guarded.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 120, BESIDE = 3, SOME = 90, SERVED_MS = 12000 };
enum { MADE = MANY + 2 }; /* with `d` and `d/e`, in which they are */

static void name_inside(int number, char name[32])
{
    snprintf(name, 32, number % 2 ? "d/e/f%d" : "d/f%d", number);
}

/* Each says its name; `more` is what else. */
static void put_there(small_device *self, int first, int end, const char *more)
{
    char name[32], text[64];

    user_makes(self, "d");
    user_makes(self, "d/e");
    for (int i = first; i < end; i++) {
        name_inside(i, name);
        snprintf(text, sizeof text, "%s%s", name, more);
        user_writes_text(self, name, text);
    }
}

/* All are made on the last device, which deletes them with the user's word; the others hold them.
 */
static small_world *a_world_that_holds(uint64_t seed, int devices)
{
    small_world *w = small_world_new(seed, devices);
    small_device *last = &w->devices[devices - 1];

    w->guarded = true;
    write_files(last, 0, BESIDE);
    put_there(last, 0, MANY, "");
    cr_assert(small_world_settle(w));
    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    user_removes(last, "d");
    sync_with_the_word(last);
    for (int i = 0; i < devices - 1; i++) {
        cr_assert(small_device_sync(&w->devices[i]));
        cr_assert_eq(small_device_pending(&w->devices[i], NULL, CF_PENDING_SPARED), MADE);
    }
    return w;
}

static void expect_text(const small_device *self, const char *path, const char *text)
{
    cf_buffer bytes = {0};

    cr_expect(user_reads(self, path, &bytes), "%s is missing", path);
    cr_expect(cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(text)), "%s is %.*s", path,
              (int)bytes.size, (const char *)bytes.data);
    cf_buffer_release(&bytes);
}

static void expect_whole(small_world *w)
{
    cf_buffer difference = {0};

    for (int i = 0; i < w->count; i++) {
        small_device *at = &w->devices[i];

        cr_expect_eq(small_device_pending(at, NULL, CF_PENDING_SPARED), 0, "%d", i);
        cr_expect_eq(small_device_pending(at, NULL, CF_PENDING_UNAPPLIED), 0, "%d", i);
        cr_expect_not(small_device_has_line(at, "conflict"), "%d", i);
    }
    cr_expect(small_world_equal(w, &difference), "%.*s", (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
}

Test(engine_guard_back, takes_what_is_held_for_what_was_put_back)
{
    for (int crash = 0; crash < 2; crash++) {
        small_world *w = a_world_that_holds(51, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        put_there(b, 0, MANY, "");
        cr_assert(small_device_sync(b));
        if (crash)
            small_device_crash(a);
        uint64_t entries = small_world_entries(w);
        cr_assert(small_device_sync(a));
        cr_expect_eq(small_world_entries(w), entries, "there is nothing to tell");
        expect_whole(w);
        user_writes_text(b, "d/e/f7", "edited there");
        cr_assert(small_device_sync(b));
        cr_assert(small_device_sync(a));
        expect_text(a, "d/e/f7", "edited there");
        user_writes_text(a, "d/e/f9", "edited here");
        cr_assert(small_world_settle(w));
        expect_text(b, "d/e/f9", "edited here");
        expect_whole(w);
        small_world_destroy(&w);
    }
}

/* What was judged for them counts no more. */
Test(engine_guard_back, judges_anew_what_is_deleted_afterwards)
{
    small_world *w = a_world_that_holds(52, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    put_there(b, 0, MANY, "");
    cr_assert(small_world_settle(w));
    w->now_ms += 2 * CF_GUARD_YOUNG_MS;
    user_removes(b, "d/e");
    cr_assert(small_world_settle(w));
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 0);
    expect_whole(w);
    cr_expect_not(small_device_has_line(a, "d/e"));
    small_world_destroy(&w);
}

Test(engine_guard_back, puts_other_contents_over_what_is_held)
{
    small_world *w = a_world_that_holds(53, 2);
    small_device *a = &w->devices[0];

    put_there(&w->devices[1], 0, MANY, " anew");
    cr_assert(small_world_settle(w));
    expect_text(a, "d/f8", "d/f8 anew");
    expect_whole(w);
    small_world_destroy(&w);
}

Test(engine_guard_back, takes_an_edit_that_comes_with_what_was_put_back)
{
    small_world *w = a_world_that_holds(54, 2);
    small_device *b = &w->devices[1];

    put_there(b, 0, MANY, "");
    cr_assert(small_device_sync(b));
    user_writes_text(b, "d/e/f7", "edited there");
    cr_assert(small_world_settle(w));
    expect_text(&w->devices[0], "d/e/f7", "edited there");
    expect_whole(w);
    small_world_destroy(&w);
}

/* The rest is nowhere else, and few enough to go by itself. */
Test(engine_guard_back, holds_what_was_not_put_back_until_the_word_is_said)
{
    small_world *w = a_world_that_holds(55, 2);
    small_device *a = &w->devices[0];

    put_there(&w->devices[1], 0, SOME, "");
    for (int i = 0; i < 3; i++) {
        cr_assert(small_world_settle(w));
        cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_SPARED), MANY - SOME, "%d", i);
        expect_text(a, "d/f118", "d/f118");
        expect_text(a, "d/f8", i ? "edited" : "d/f8");
        user_writes_text(&w->devices[1], "d/f8", "edited");
        if (i == 1)
            small_device_crash(a);
    }
    sync_with_the_word(a);
    expect_whole(w);
    put_there(&w->devices[1], SOME, MANY, "");
    cr_assert(small_world_settle(w));
    expect_whole(w);
    small_world_destroy(&w);
}

/* Bit by bit, while the other one serves. */
Test(engine_guard_back, deletes_nothing_while_more_and_more_is_put_back)
{
    enum { STEP = 10 };
    small_world *w = a_world_that_holds(56, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    small_device_serves(a);
    for (int first = 0; first < MANY; first += STEP) {
        put_there(b, first, first + STEP, "");
        cr_assert(small_device_sync(b));
        small_device_passes(a, SERVED_MS);
        cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_SPARED),
                     (size_t)(MANY - first - STEP));
        expect_text(a, "d/f118", "d/f118");
        expect_text(a, "d/e/f119", "d/e/f119");
    }
    expect_whole(w);
    user_writes_text(b, "d/e/f7", "edited there");
    cr_assert(small_device_sync(b));
    small_device_passes(a, SERVED_MS);
    expect_text(a, "d/e/f7", "edited there");
    small_world_destroy(&w);
}

Test(engine_guard_back, goes_on_on_all_devices_that_hold)
{
    small_world *w = a_world_that_holds(57, 3);
    small_device *b = &w->devices[2];

    put_there(b, 0, MANY, "");
    cr_assert(small_world_settle(w));
    expect_whole(w);
    user_writes_text(b, "d/e/f7", "edited there");
    cr_assert(small_world_settle(w));
    expect_text(&w->devices[1], "d/e/f7", "edited there");
    expect_whole(w);
    small_world_destroy(&w);
}

static size_t count_copies(const small_device *self)
{
    cf_buffer tree = {0};
    size_t count = 0;

    small_device_tree(self, &tree);
    cf_buffer_append(&tree, "", 1);
    for (const char *at = (const char *)tree.data; (at = strstr(at, "conflict")); at++)
        count++;
    cf_buffer_release(&tree);
    return count;
}

/* Before this device hears of what was put back. */
Test(engine_guard_back, keeps_what_was_edited_here_meanwhile)
{
    for (int other = 0; other < 2; other++) {
        small_world *w = a_world_that_holds(58, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];
        cf_buffer difference = {0};

        put_there(b, 0, MANY, other ? " anew" : "");
        cr_assert(small_device_sync(b));
        user_writes_text(a, "d/e/f7", "edited here");
        cr_assert(small_world_settle(w));
        cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_SPARED), 0);
        cr_expect(small_world_equal(w, &difference), "%.*s", (int)difference.size,
                  (const char *)difference.data);
        cr_expect(small_device_has_line(a, " edited here"));
        cr_expect_eq(count_copies(a), 1);
        cf_buffer_release(&difference);
        small_world_destroy(&w);
    }
}

/* A file where a folder is held, and the other way round. */
Test(engine_guard_back, holds_what_is_of_another_kind)
{
    small_world *w = a_world_that_holds(59, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_makes(b, "d");
    user_writes_text(b, "d/e", "a file");
    user_makes(b, "d/f2");
    cr_assert(small_world_settle(w));
    expect_text(a, "d/e/f7", "d/e/f7");
    expect_text(a, "d/f2", "d/f2");
    cr_expect_eq(small_device_pending(a, NULL, CF_PENDING_SPARED), MADE - 1);
    sync_with_the_word(a);
    cr_assert(small_world_settle(w));
    expect_whole(w);
    small_world_destroy(&w);
}

/* And what is new beside them. */
Test(engine_guard_back, brings_modes_and_what_is_new_beside)
{
    small_world *w = a_world_that_holds(60, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    put_there(b, 0, MANY, "");
    user_changes_mode(b, "d/f8", 0600);
    user_writes_text(b, "d/new", "new");
    cr_assert(small_world_settle(w));
    cr_expect(small_device_has_line(a, "d/f8 600"));
    expect_text(a, "d/new", "new");
    expect_whole(w);
    small_world_destroy(&w);
}
