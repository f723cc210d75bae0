/* SPDX-License-Identifier: Apache-2.0 */
/* Files that take each other's names: in a row, in pairs and all round, more of them than one batch
 * of steps takes. */
#include "tests/peer/small/small_checks.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 600, LARGE = 100000 };

static void name_of(size_t i, char name[32])
{
    snprintf(name, 32, "f%05zu", i);
}

/* Each holds its name. */
static small_world *named_world(void)
{
    small_world *w = small_world_new(5, 2);
    char name[32];

    for (size_t i = 0; i < MANY; i++) {
        name_of(i, name);
        user_writes_text(&w->devices[0], name, name);
    }
    settles_equal(w);
    return w;
}

static void move(small_world *self, size_t from, size_t to)
{
    char source[32], target[32];

    name_of(from, source);
    name_of(to, target);
    cr_assert(user_moves(&self->devices[0], source, target));
}

static void expect_holds(const small_world *self, size_t i, size_t wanted)
{
    char name[32], text[32];
    cf_buffer bytes = {0};

    name_of(i, name);
    name_of(wanted, text);
    cr_expect(user_reads(&self->devices[1], name, &bytes), "%s is not there", name);
    cr_expect(cf_bytes_equal(cf_buffer_view(&bytes), cf_bytes_of_text(text)), "%s holds %.*s", name,
              (int)bytes.size, (const char *)bytes.data);
    cf_buffer_release(&bytes);
}

/* What the user did is done, by nothing but moves, and nobody says anything about it. */
static void arrives(small_world *self)
{
    cr_assert(small_device_sync(&self->devices[0]));
    uint64_t entries = small_world_entries(self);
    cr_assert(small_device_sync(&self->devices[1]), "it does not come to its end");
    settles_equal(self);
    cr_expect_eq(small_world_entries(self), entries);
}

Test(engine_rings, go_round_whole, .timeout = 120)
{
    small_world *w = named_world();

    move(w, MANY - 1, MANY);
    for (size_t i = MANY - 1; i-- > 0;)
        move(w, i, i + 1);
    move(w, MANY, 0);
    arrives(w);
    expect_holds(w, 0, MANY - 1);
    for (size_t i = 1; i < MANY; i++)
        expect_holds(w, i, i - 1);
    small_world_destroy(&w);
}

Test(engine_rings, that_are_rows_make_room_whatever_their_direction, .timeout = 120)
{
    small_world *w = named_world();

    for (size_t i = MANY; i-- > 0;)
        move(w, i, i + 1);
    arrives(w);
    for (size_t i = 1; i <= MANY; i++)
        expect_holds(w, i, i - 1);
    for (size_t i = 0; i < MANY; i++)
        move(w, i + 1, i);
    arrives(w);
    for (size_t i = 0; i < MANY; i++)
        expect_holds(w, i, i);
    small_world_destroy(&w);
}

Test(engine_rings, of_two_change_places, .timeout = 120)
{
    small_world *w = named_world();
    char one[32], other[32];

    for (size_t i = 0; i < MANY / 2; i++) {
        name_of(i, one);
        name_of(MANY - 1 - i, other);
        cr_assert(user_swaps(&w->devices[0], one, other));
    }
    arrives(w);
    for (size_t i = 0; i < MANY; i++)
        expect_holds(w, i, MANY - 1 - i);
    small_world_destroy(&w);
}

static void write_large(small_world *self, size_t i)
{
    uint8_t *large = cf_allocate(1, LARGE);
    char name[32];

    for (size_t k = 0; k < LARGE; k++)
        large[k] = (uint8_t)(k * 2654435761u >> 24);
    name_of(i, name);
    user_writes(&self->devices[0], name, large, LARGE);
    free(large);
}

/* The same large content for two of them comes once, and whoever has it waits for the other. */
Test(engine_rings, of_two_that_get_one_content_come_to_their_end)
{
    small_world *w = small_world_new(6, 2);

    user_writes_text(&w->devices[0], "f00000", "f00000");
    user_writes_text(&w->devices[0], "f00001", "f00001");
    settles_equal(w);
    cr_assert(user_swaps(&w->devices[0], "f00000", "f00001"));
    write_large(w, 0);
    write_large(w, 1);
    arrives(w);
    small_world_destroy(&w);
}

Test(engine_rings, with_one_content_far_apart_come_to_their_end, .timeout = 120)
{
    small_world *w = named_world();

    move(w, MANY - 1, MANY);
    for (size_t i = MANY - 1; i-- > 0;)
        move(w, i, i + 1);
    move(w, MANY, 0);
    write_large(w, 0);
    write_large(w, MANY - 1);
    arrives(w);
    for (size_t i = 1; i < MANY - 1; i++)
        expect_holds(w, i, i - 1);
    small_world_destroy(&w);
}

/* The first of the copies has what was fetched, and waits for a place that is freed by a step
 * behind the other copies; these wait for the first one. */
Test(engine_rings, with_one_content_wait_for_a_step_behind_them, .timeout = 120)
{
    small_world *w = small_world_new(1, 2);
    small_device *a = &w->devices[0];
    uint8_t *large = cf_allocate(1, 2 * LARGE);

    memset(large, 'y', 2 * LARGE);
    user_writes_text(a, "a", "text");
    settles_equal(w);
    user_writes(a, "one", large, 2 * LARGE);
    cr_assert(small_device_sync(a));
    user_moves(a, "a", "elsewhere");
    cr_assert(small_device_sync(a));
    user_writes(a, "a", large, 2 * LARGE);
    user_writes(a, "zwei", large, 2 * LARGE);
    memset(large, 'z', 2 * LARGE);
    user_writes(a, "elsewhere", large, 2 * LARGE);
    settles_equal(w);
    free(large);
    small_world_destroy(&w);
}

/* ---- What is to go round is replaced by the user first ---- */

typedef struct {
    small_device *user;
    char token[64]; /* of what he saved */
} replacement;

static void replace_both(void *context)
{
    replacement *self = context;

    user_moves(self->user, "d", "kept");
    user_makes(self->user, "d");
    if (user_saves(self->user, "f", cf_bytes_of_text("mine"), SAVE_BY_RENAME))
        cr_assert(small_device_token(self->user, "f", self->token));
}

static void expect_kept(small_world *self, const char *token, uint64_t at)
{
    cf_buffer tree = {0};

    for (size_t i = 0; i < 2; i++) {
        small_device_tree(&self->devices[i], &tree);
        cr_expect(memmem(tree.data, tree.size, token, strlen(token)), "at %d: lost on %zu", (int)at,
                  i);
        cf_buffer_clear(&tree);
    }
    cf_buffer_release(&tree);
}

static void expect_nothing_waits(small_device *self, uint64_t at)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        cr_expect_fail("at %d: %s", (int)at, status.pending[i].reason);
    cf_arena_release(&arena);
}

/* Neither can step aside, since neither is what the step was planned for. An engine planned them
 * once more, without a look at what is there now, and then again, and had no end. */
Test(engine_rings, whose_members_are_not_what_they_were_are_looked_at, .timeout = 120)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    bool goes_on = true;

    for (uint64_t at = 1; goes_on; at++) {
        small_world *w = small_world_new(1, 2);
        small_device *user = &w->devices[1];
        disk_faults *faults = &user->faults;
        replacement his = {.user = user};

        user_makes(&w->devices[0], "d");
        user_writes_text(&w->devices[0], "f", "base");
        settles_equal(w);
        cr_assert(user_swaps(&w->devices[0], "d", "f"));
        cr_assert(small_device_sync(&w->devices[0]));
        faults->reads = true;
        faults->at = faults->calls + at;
        faults->meanwhile = replace_both;
        faults->context = &his;
        cr_expect(small_device_round(user, &options, 300));
        expect_nothing_waits(user, at);
        goes_on = !faults->meanwhile;
        *faults = (disk_faults){.calls = faults->calls};
        settles_equal(w);
        expect_kept(w, his.token, at);
        small_world_destroy(&w);
    }
}

/* What was edited is read, and so told behind what is not; a link is not. Neither may wait for the
 * other: it was so for good. */
Test(engine_rings, of_links_and_a_file_that_is_edited_come_to_their_end)
{
    for (int links = 1; links <= 3; links++) {
        small_world *w = small_world_new(8, 2);
        small_device *user = &w->devices[0];
        const char *const names[] = {"d/a", "b", "e/c", "f"};

        user_makes(user, "d");
        user_makes(user, "e");
        for (int i = 0; i < links; i++)
            cr_assert(user_points(user, names[i], names[i]));
        user_writes_text(user, names[links], "file");
        settles_equal(w);
        for (int i = links; i > 0; i--)
            cr_assert(user_swaps(user, names[i], names[i - 1]));
        user_writes_text(user, names[0], "edited");
        settles_equal(w);
        cr_expect(user_reads_as(&w->devices[1], names[0], "edited"), "%d links", links);
        small_world_destroy(&w);
    }
}
