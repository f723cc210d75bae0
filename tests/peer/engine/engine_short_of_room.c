/* SPDX-License-Identifier: Apache-2.0 */
/* A broker whose disk is nearly full: who syncs is told at once. */
#include "tests/peer/small/small_checks.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

#include <stdlib.h>

enum { LARGE = 5000, BLOBS_SIZE = 3 * CF_MIB, TURNS_ENOUGH = 600 /* 1.8 seconds */ };

static const cf_reserve plenty = {.room = 60 * CF_MIB, .whole = 64 * CF_MIB};
/* Small entries are taken, large ones are not. */
static const cf_reserve little = {
    .room = 6 * CF_MIB, .whole = 64 * CF_MIB, .needed = 5 * CF_MIB + CF_MIB / 2};

static void write_noise(small_device *self, const char *path)
{
    uint8_t bytes[LARGE];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)chance_below(&self->in->chance, 256);
    user_writes(self, path, bytes, sizeof bytes);
}

/* It ends by itself, long before it would give up. */
static void sync_soon(small_device *self)
{
    const cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};

    cr_assert(small_device_round(self, &options, TURNS_ENOUGH), "it waits for room");
}

static small_world *two_with_files(void)
{
    small_world *w = small_world_new(11, 2);

    w->room = plenty;
    user_writes_text(&w->devices[0], "old", "old");
    user_writes_text(&w->devices[0], "edited", "one");
    settles_equal(w);
    return w;
}

/* What was refused is asked for anew by each sync, of a device that serves, too: one is enough. */
Test(engine_short_of_room, a_sync_asks_again)
{
    small_world *w = two_with_files();
    small_device *first = &w->devices[0], *second = &w->devices[1];

    w->room = little;
    write_noise(first, "large");
    sync_soon(first);
    user_writes_text(first, "edited", "two");
    sync_soon(first);
    w->room = plenty;
    sync_soon(first);
    small_device_sync(second);
    cr_expect(is_there(second, "large"));
    cr_expect(holds_bytes(second, "edited", cf_bytes_of_text("two")));
    small_world_destroy(&w);
}

/* An entry that waits is the reason still when another one is taken. */
Test(engine_short_of_room, its_reason_stays_while_it_waits)
{
    small_world *w = two_with_files();
    small_device *first = &w->devices[0];
    cf_broker_status broker;

    w->room = little;
    write_noise(first, "large");
    sync_soon(first);
    user_removes(first, "old");
    sync_soon(first);
    cf_engine_broker_status(first->engine, &broker);
    cr_expect(broker.delay[0]);
    cr_expect_eq(broker.unsent, 2);
    w->room = plenty;
    settles_equal(w);
    cf_engine_broker_status(first->engine, &broker);
    cr_expect_not(broker.delay[0]);
    cr_expect_not(is_there(&w->devices[1], "old"));
    small_world_destroy(&w);
}

/* In blobs, of which several are refused one after the other. */
Test(engine_short_of_room, a_sync_ends_when_contents_have_no_room)
{
    small_world *w = two_with_files();
    small_device *first = &w->devices[0];
    uint8_t *bytes = malloc(BLOBS_SIZE);

    cr_assert(bytes);
    for (size_t i = 0; i < BLOBS_SIZE; i++)
        bytes[i] = (uint8_t)chance_below(&w->chance, 256);
    w->room = little;
    user_writes(first, "large", bytes, BLOBS_SIZE);
    sync_soon(first);
    write_noise(first, "inline");
    sync_soon(first);
    w->room = plenty;
    sync_soon(first);
    small_device_sync(&w->devices[1]);
    cr_expect(is_there(&w->devices[1], "inline"));
    cr_expect(holds_bytes(&w->devices[1], "large", cf_bytes_of(bytes, BLOBS_SIZE)));
    free(bytes);
    small_world_destroy(&w);
}
