/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that one device deletes, so large that several entries tell of it, and the other moves:
 * it is in the new place with all its files, whoever of them comes first. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"
#include "tests/support/short_form.h"

#include <stdio.h>

enum { FOLDERS = 4, FILES = 500 };

typedef void named(small_device *self, const char *path);

static void make_file(small_device *self, const char *path)
{
    user_writes_text(self, path, path);
}

static void expect_file(small_device *self, const char *path)
{
    char token[64];

    cr_expect(small_device_token(self, path, token), "%s is not there", path);
}

static void expect_none(small_device *self, const char *path)
{
    char token[64];

    cr_expect_not(small_device_token(self, path, token), "%s is there", path);
}

static void each_file(small_device *self, const char *top, named *visit)
{
    char path[64];

    for (int i = 0; i < FOLDERS; i++)
        for (int k = 0; k < FILES; k++) {
            snprintf(path, sizeof path, "%s/in/%d/%d", top, i, k);
            visit(self, path);
        }
}

static small_world *a_world_with_a_large_folder(void)
{
    small_world *w = small_world_new(83, 2);
    char path[64];

    user_makes(&w->devices[0], "d");
    user_makes(&w->devices[0], "d/in");
    for (int i = 0; i < FOLDERS; i++) {
        snprintf(path, sizeof path, "d/in/%d", i);
        user_makes(&w->devices[0], path);
    }
    each_file(&w->devices[0], "d", make_file);
    cr_assert(small_world_settle(w));
    return w;
}

static void expect_equal(small_world *w)
{
    cf_buffer difference = {0};

    cr_expect(small_world_settle(w));
    cr_expect(small_world_equal(w, &difference), "%.*s", (int)difference.size,
              (char *)difference.data);
    cf_buffer_release(&difference);
}

/* The first device deletes, the second moves. */
static void meet(small_world *w, unsigned first)
{
    const uint64_t before = small_world_entries(w);

    small_device_sync(&w->devices[first]);
    small_device_sync(&w->devices[!first]);
    cr_expect_gt(small_world_entries(w), before + 3, "the deletion is one entry, or two");
    expect_equal(w);
}

/* In the short form the device that deletes comes first in one test, who moves in the next. */
Test(engine_moved_folders, keep_all_their_files, .timeout = 120)
{
    for (unsigned first = 0; first < 2; first += one_in(1, 2, 2)) {
        small_world *w = a_world_with_a_large_folder();

        user_removes(&w->devices[0], "d");
        cr_assert(user_moves(&w->devices[1], "d", "kept"));
        meet(w, first);
        each_file(&w->devices[0], "kept", expect_file);
        each_file(&w->devices[0], "d", expect_none);
        small_world_destroy(&w);
    }
}

Test(engine_moved_folders, leave_what_was_not_moved_deleted, .timeout = 120)
{
    for (unsigned first = 2 - one_in(2, 1, 1); first < 2; first++) {
        small_world *w = a_world_with_a_large_folder();

        user_removes(&w->devices[0], "d");
        cr_assert(user_moves(&w->devices[1], "d/in/2", "kept"));
        meet(w, first);
        expect_file(&w->devices[0], "kept/0");
        expect_file(&w->devices[0], "kept/499");
        each_file(&w->devices[0], "d", expect_none);
        small_world_destroy(&w);
    }
}

/* ---- In which order it is told ---- */

typedef struct {
    const cf_state *state;
    uint64_t before, last, deleted, named; /* entries: the last of before, and of all; the last that
                                              deletes, the first since that gives a name */
} order;

static void note_order(void *context, const cf_id *item)
{
    order *self = context;
    const cf_item *is = cf_state_item(self->state, item);

    for (size_t i = 0; i < cf_item_write_count(is); i++) {
        const cf_write write = cf_state_write(self->state, is, i);
        const uint64_t entry = write.dot.sequence;

        self->last = entry > self->last ? entry : self->last;
        if (write.field == CF_FIELD_NUMBER_DELETED && entry > self->deleted)
            self->deleted = entry;
        if (write.field == CF_FIELD_NUMBER_NAME && entry > self->before && entry < self->named)
            self->named = entry;
    }
}

/* Files are renamed over others, and more than one entry tells of it: nobody is told of the new
 * names first, and shows both meanwhile. */
Test(engine_moved_folders, tell_first_of_what_is_renamed_over, .timeout = 120)
{
    small_world *w = a_world_with_a_large_folder();
    small_device *author = &w->devices[0];
    order told = {.named = UINT64_MAX};
    cf_collection *collection;
    cf_error error;
    char from[64], to[64];

    expect_ok(
        cf_peer_collection(cf_engine_peer(author->engine), &w->collection, &collection, &error),
        error);
    told.state = collection->state;
    cf_state_each(told.state, note_order, &told);
    told = (order){.state = told.state, .before = told.last, .named = UINT64_MAX};
    w->now_ms += CF_DAY_MS; /* else they are saves */
    for (int i = 0; i < FILES; i++)
        for (int k = 0; k < FOLDERS; k += 2) {
            snprintf(from, sizeof from, "d/in/%d/%d", k, i);
            snprintf(to, sizeof to, "d/in/%d/%d", k + 1, i);
            cr_assert(user_moves(author, from, to));
        }
    cr_assert(small_device_sync(author));
    cf_state_each(told.state, note_order, &told);
    cr_assert_gt(told.last, told.before + 1, "one entry tells of all");
    cr_assert_lt(told.named, UINT64_MAX, "nothing was renamed");
    cr_expect_leq(told.deleted, told.named, "%llu deletes, %llu names before",
                  (unsigned long long)told.deleted, (unsigned long long)told.named);
    expect_equal(w);
    small_world_destroy(&w);
}
