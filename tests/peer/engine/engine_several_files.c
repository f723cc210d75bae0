/* SPDX-License-Identifier: Apache-2.0 */
/* Two folders of one collection on one device, and one on another: they end equal, with all that
 * was written in any of them. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { PLACES = 3, OWN = 9, SHARED = 3, STEPS = 60, SEEDS = 12, LARGE = 90000 };

typedef struct {
    small_world *w;
    small_device beside;
    small_device *places[PLACES];
    char written[OWN][40]; /* what its owner wrote last, at the beginning; empty: it is not there */
    char names[OWN][40];
    long counter;
} history;

/* Some are so large that they travel by themselves. */
static void save_own(history *self, int place, int file)
{
    cf_buffer bytes = {0};
    char text[40];

    snprintf(text, sizeof text, "%d wrote %ld.", place, ++self->counter);
    cf_buffer_append_text(&bytes, "%s", text);
    while (file < PLACES && bytes.size < LARGE)
        cf_buffer_append_text(&bytes, "%lx",
                              (unsigned long)chance_below(&self->w->chance, 1u << 30));
    if (user_saves(self->places[place], self->names[file], cf_buffer_view(&bytes),
                   (save_way)chance_below(&self->w->chance, 2)))
        strcpy(self->written[file], text);
    cf_buffer_release(&bytes);
}

static void edit_own(history *self, int place)
{
    int file = (int)chance_below(&self->w->chance, OWN / PLACES) * PLACES + place;
    small_device *at = self->places[place];
    char name[40];
    cf_buffer bytes = {0};

    if (self->written[file][0] && !user_reads(at, self->names[file], &bytes))
        return; /* a folder of that name may have moved it */
    cf_buffer_release(&bytes);
    switch (chance_below(&self->w->chance, 5)) {
    case 0:
        user_removes(at, self->names[file]);
        self->written[file][0] = '\0';
        break;
    case 1:
        snprintf(name, sizeof name, "%s%d-%ld", chance_below(&self->w->chance, 2) ? "d/" : "", file,
                 ++self->counter);
        user_makes(at, "d");
        if (self->written[file][0] && user_moves(at, self->names[file], name))
            strcpy(self->names[file], name);
        break;
    default:
        save_own(self, place, file);
        break;
    }
}

static void edit_shared(history *self, int place)
{
    char name[20], text[60];

    snprintf(name, sizeof name, "shared%d", (int)chance_below(&self->w->chance, SHARED));
    if (chance_below(&self->w->chance, 6) == 0) {
        user_removes(self->places[place], name);
        return;
    }
    snprintf(text, sizeof text, "%d wrote %ld into it", place, ++self->counter);
    user_saves(self->places[place], name, cf_bytes_of_text(text), SAVE_BY_RENAME);
}

static void suffer(history *self, small_device *one)
{
    switch (chance_below(&self->w->chance, 3)) {
    case 0:
        small_device_crash(one);
        break;
    case 1:
        one->offline = !one->offline;
        if (one->offline)
            small_device_unplug(one);
        break;
    default:
        one->faults =
            (disk_faults){.calls = one->faults.calls,
                          .at = one->faults.calls + 1 + chance_below(&self->w->chance, 60),
                          .once = chance_below(&self->w->chance, 2),
                          .status = CF_IO};
        small_device_round(one, &(cf_round_options){.kind = CF_ROUND_SYNC}, 60);
        small_device_crash(one);
        break;
    }
}

static void expect_equal(history *self, uint64_t seed)
{
    cf_buffer trees[PLACES] = {{0}, {0}, {0}};

    for (int i = 0; i < PLACES; i++) {
        small_device_tree(self->places[i], &trees[i]);
        cr_assert(cf_bytes_equal(cf_buffer_view(&trees[0]), cf_buffer_view(&trees[i])),
                  "seed %lu: place %d has\n%.*sthe first\n%.*s", (unsigned long)seed, i,
                  (int)trees[i].size, (const char *)trees[i].data, (int)trees[0].size,
                  (const char *)trees[0].data);
    }
    for (int i = 0; i < PLACES; i++)
        cf_buffer_release(&trees[i]);
    for (int file = 0; file < OWN; file++) {
        cf_buffer bytes = {0};
        bool there = user_reads(self->places[0], self->names[file], &bytes);

        cr_assert_eq(there, self->written[file][0] != '\0', "seed %lu: %s", (unsigned long)seed,
                     self->names[file]);
        if (there) {
            cr_assert(bytes.size >= strlen(self->written[file]), "seed %lu: %s is not '%s'",
                      (unsigned long)seed, self->names[file], self->written[file]);
            cr_assert(memcmp(bytes.data, self->written[file], strlen(self->written[file])) == 0,
                      "seed %lu: %s is not '%s'", (unsigned long)seed, self->names[file],
                      self->written[file]);
        }
        cf_buffer_release(&bytes);
    }
}

static void try_history(uint64_t seed)
{
    history self = {.w = small_world_new(seed, 2)};

    self.beside = folder_beside(&self.w->devices[0], NULL);
    self.places[0] = &self.w->devices[0];
    self.places[1] = &self.beside;
    self.places[2] = &self.w->devices[1];
    for (int file = 0; file < OWN; file++)
        snprintf(self.names[file], sizeof self.names[file], "%d", file);
    self.w->loss = 15;
    for (int step = 0; step < STEPS; step++) {
        small_device *one = &self.w->devices[chance_below(&self.w->chance, 2)];
        int place = (int)chance_below(&self.w->chance, PLACES);

        switch (chance_below(&self.w->chance, 10)) {
        case 0:
        case 1:
        case 2:
            edit_own(&self, place);
            break;
        case 3:
            edit_shared(&self, place);
            break;
        case 4:
            suffer(&self, one);
            break;
        default:
            self.w->now_ms += 3000;
            small_device_round(
                one, &(cf_round_options){.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()},
                (unsigned)chance_below(&self.w->chance, 50));
            break;
        }
        if (one->trouble)
            small_device_crash(one);
    }
    cr_assert(small_world_settle(self.w), "seed %lu: the world does not come to rest",
              (unsigned long)seed);
    expect_equal(&self, seed);
    small_world_destroy(&self.w);
}

Test(engine_several_files, end_equal_with_all_that_was_written)
{
    const char *first = getenv("SEVERAL_SEED"), *count = getenv("SEVERAL_COUNT");
    uint64_t from = first ? strtoull(first, NULL, 10) : 1;

    for (uint64_t i = 0; i < (count ? strtoull(count, NULL, 10) : SEEDS); i++)
        try_history(from + i);
}

/* ---- Without a network ---- */

static void sync_once(small_world *w)
{
    w->now_ms += 60000;
    cr_assert(small_device_sync(&w->devices[0]));
}

Test(engine_several_files, follow_each_other_without_a_broker)
{
    small_world *w = small_world_new(5, 1);
    small_device *a = &w->devices[0], beside = folder_beside(a, NULL);

    small_device_unplug(a);
    user_makes(a, "d");
    user_writes_text(a, "d/one", "1");
    user_writes_text(&beside, "two", "2");
    sync_once(w);
    expect_text(&beside, "d/one", "1");
    expect_text(a, "two", "2");
    user_moves(&beside, "d/one", "d/eins");
    user_writes_text(a, "two", "zwei");
    sync_once(w);
    expect_text(a, "d/eins", "1");
    expect_text(&beside, "two", "zwei");
    cr_expect(!is_there(a, "d/one"));
    user_removes(&beside, "d");
    sync_once(w);
    cr_expect(!is_there(a, "d/eins"));
    small_world_destroy(&w);
}

Test(engine_several_files, keep_both_of_two_edits)
{
    small_world *w = small_world_new(6, 1);
    small_device *a = &w->devices[0], beside = folder_beside(a, NULL);
    cf_buffer trees[2] = {{0}, {0}};

    user_writes_text(a, "one", "1");
    sync_once(w);
    user_writes_text(a, "one", "mine");
    user_writes_text(&beside, "one", "theirs");
    sync_once(w);
    sync_once(w);
    small_device_tree(a, &trees[0]);
    small_device_tree(&beside, &trees[1]);
    cr_assert(cf_bytes_equal(cf_buffer_view(&trees[0]), cf_buffer_view(&trees[1])));
    cf_buffer_append(&trees[0], "", 1);
    cr_expect_not_null(strstr((char *)trees[0].data, "mine"));
    cr_expect_not_null(strstr((char *)trees[0].data, "theirs"));
    cr_expect_not_null(strstr((char *)trees[0].data, "(conflict "));
    cf_buffer_release(&trees[0]);
    cf_buffer_release(&trees[1]);
    small_world_destroy(&w);
}
