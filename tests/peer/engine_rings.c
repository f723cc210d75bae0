/* SPDX-License-Identifier: Apache-2.0 */
/* Files that take each other's names: in a row, in pairs and all round, more of them than one batch
 * of steps takes. */
#include "tests/peer/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

enum { MANY = 600, LARGE = 100000 };

static void name_of(size_t i, char name[32])
{
    snprintf(name, 32, "f%05zu", i);
}

static void settles_equal(world *self)
{
    cf_buffer difference = {0};

    cr_assert(world_settle(self), "the world does not come to rest");
    cr_assert(world_equal(self, &difference), "%.*s", (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
}

/* Each holds its name. */
static world *named_world(void)
{
    world *w = world_new(5, 2);
    char name[32];

    for (size_t i = 0; i < MANY; i++) {
        name_of(i, name);
        user_writes_text(&w->devices[0], name, name);
    }
    settles_equal(w);
    return w;
}

static void move(world *self, size_t from, size_t to)
{
    char source[32], target[32];

    name_of(from, source);
    name_of(to, target);
    cr_assert(user_moves(&self->devices[0], source, target));
}

static void expect_holds(const world *self, size_t i, size_t wanted)
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
static void arrives(world *self)
{
    cr_assert(device_sync(&self->devices[0]));
    uint64_t entries = world_entries(self);
    cr_assert(device_sync(&self->devices[1]), "it does not come to its end");
    settles_equal(self);
    cr_expect_eq(world_entries(self), entries);
}

Test(engine_rings, go_round_whole, .timeout = 120)
{
    world *w = named_world();

    move(w, MANY - 1, MANY);
    for (size_t i = MANY - 1; i-- > 0;)
        move(w, i, i + 1);
    move(w, MANY, 0);
    arrives(w);
    expect_holds(w, 0, MANY - 1);
    for (size_t i = 1; i < MANY; i++)
        expect_holds(w, i, i - 1);
    world_destroy(&w);
}

Test(engine_rings, that_are_rows_make_room_whatever_their_direction, .timeout = 120)
{
    world *w = named_world();

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
    world_destroy(&w);
}

Test(engine_rings, of_two_change_places, .timeout = 120)
{
    world *w = named_world();
    char one[32], other[32];

    for (size_t i = 0; i < MANY / 2; i++) {
        name_of(i, one);
        name_of(MANY - 1 - i, other);
        cr_assert(user_swaps(&w->devices[0], one, other));
    }
    arrives(w);
    for (size_t i = 0; i < MANY; i++)
        expect_holds(w, i, MANY - 1 - i);
    world_destroy(&w);
}

static void write_large(world *self, size_t i)
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
    world *w = world_new(6, 2);

    user_writes_text(&w->devices[0], "f00000", "f00000");
    user_writes_text(&w->devices[0], "f00001", "f00001");
    settles_equal(w);
    cr_assert(user_swaps(&w->devices[0], "f00000", "f00001"));
    write_large(w, 0);
    write_large(w, 1);
    arrives(w);
    world_destroy(&w);
}

Test(engine_rings, with_one_content_far_apart_come_to_their_end, .timeout = 120)
{
    world *w = named_world();

    move(w, MANY - 1, MANY);
    for (size_t i = MANY - 1; i-- > 0;)
        move(w, i, i + 1);
    move(w, MANY, 0);
    write_large(w, 0);
    write_large(w, MANY - 1);
    arrives(w);
    for (size_t i = 1; i < MANY - 1; i++)
        expect_holds(w, i, i - 1);
    world_destroy(&w);
}

/* The first of the copies has what was fetched, and waits for a place that is freed by a step
 * behind the other copies; these wait for the first one. */
Test(engine_rings, with_one_content_wait_for_a_step_behind_them, .timeout = 120)
{
    world *w = world_new(1, 2);
    device *a = &w->devices[0];
    uint8_t *large = cf_allocate(1, 2 * LARGE);

    memset(large, 'y', 2 * LARGE);
    user_writes_text(a, "a", "text");
    settles_equal(w);
    user_writes(a, "one", large, 2 * LARGE);
    cr_assert(device_sync(a));
    user_moves(a, "a", "elsewhere");
    cr_assert(device_sync(a));
    user_writes(a, "a", large, 2 * LARGE);
    user_writes(a, "zwei", large, 2 * LARGE);
    memset(large, 'z', 2 * LARGE);
    user_writes(a, "elsewhere", large, 2 * LARGE);
    settles_equal(w);
    free(large);
    world_destroy(&w);
}
