/* SPDX-License-Identifier: Apache-2.0 */
/* Working out which versions can't be had costs an opening of each entry, however many files it
 * tells of, and a search for what is lacking alone; and while blobs come and go at the broker it is
 * not done again and again. */
#include "tests/peer/small/small_checks.h"

#include "peer/log/contents.h"
#include "peer/log/gone.h"
#include "tests/support/expect.h"

#include <stdio.h>

enum { SMALLEST = 50, SIZES = 3, LARGE = 600 * 1024, MINUTE_MS = 60000, QUIET_MS = 9000 };

/* The linker brings calls here. */
static uint64_t opened, searched, worked_out;

cf_status __real_cf_contents_open(cf_contents *contents, const cf_entry *entry, const cf_body **out,
                                  cf_error *error);
cf_status __wrap_cf_contents_open(cf_contents *contents, const cf_entry *entry, const cf_body **out,
                                  cf_error *error);

cf_status __wrap_cf_contents_open(cf_contents *contents, const cf_entry *entry, const cf_body **out,
                                  cf_error *error)
{
    opened++;
    return __real_cf_contents_open(contents, entry, out, error);
}

bool __real_cf_contents_available(cf_contents *contents, const cf_id *collection,
                                  const cf_hash *hash);
bool __wrap_cf_contents_available(cf_contents *contents, const cf_id *collection,
                                  const cf_hash *hash);

bool __wrap_cf_contents_available(cf_contents *contents, const cf_id *collection,
                                  const cf_hash *hash)
{
    searched++;
    return __real_cf_contents_available(contents, collection, hash);
}

cf_status __real_cf_gone_keep(cf_peer *peer, cf_error *error);
cf_status __wrap_cf_gone_keep(cf_peer *peer, cf_error *error);

cf_status __wrap_cf_gone_keep(cf_peer *peer, cf_error *error)
{
    worked_out++;
    return __real_cf_gone_keep(peer, error);
}

/* Its connection ends, and is made anew. */
static void reconnect(small_device *self)
{
    small_device_unplug(self);
    self->offline = false;
}

static void write_large(small_device *self)
{
    cf_buffer noise = small_world_noise(self->in, LARGE);

    user_writes(self, "large", noise.data, noise.size);
    cf_buffer_release(&noise);
}

/* So many small files beside a large one, of which the broker has lost an old version. */
static small_world *with_a_loss(int files)
{
    small_world *w = small_world_new(90, 2);
    small_device *first = &w->devices[0];
    char path[32];

    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "f%d", i);
        user_writes_text(first, path, path);
    }
    write_large(first);
    cr_assert(small_device_sync(first));
    write_large(first);
    cr_assert(small_device_sync(first));
    small_world_loses_blobs(w);
    reconnect(first);
    return w;
}

static uint64_t gone(const small_device *self)
{
    cf_arena arena = {0};
    cf_gone kept;
    cf_error error;

    expect_ok(cf_gone_recall(cf_engine_peer(self->engine), &arena, &kept, &error), error);
    const uint64_t count = kept.count;
    cf_arena_release(&arena);
    return count;
}

Test(growth_gone, opens_each_entry_once)
{
    uint64_t opens[SIZES], searches[SIZES];

    for (int i = 0; i < SIZES; i++) {
        small_world *w = with_a_loss(SMALLEST << i);

        opened = searched = 0;
        cr_assert(small_world_settle(w));
        cr_expect_eq(gone(&w->devices[0]), 1);
        opens[i] = opened;
        searches[i] = searched;
        small_world_destroy(&w);
    }
    cr_expect_gt(opens[0], 0, "nothing is counted");
    cr_expect_gt(searches[0], 0, "nothing is counted");
    for (int i = 1; i < SIZES; i++) {
        cr_expect_eq(opens[i], opens[0], "%d entries are opened among %d files", (int)opens[i],
                     SMALLEST << i);
        cr_expect_eq(searches[i], searches[0], "%d are searched for among %d", (int)searches[i],
                     SMALLEST << i);
    }
}

/* As when a device brings them one by one, or loses its connection again and again. */
Test(growth_gone, is_worked_out_once_a_minute_at_most)
{
    enum { TIMES = 20 };
    small_world *w = with_a_loss(1);
    small_device *first = &w->devices[0];

    small_device_serves(first);
    small_device_passes(first, 3 * MINUTE_MS);
    cr_expect_eq(gone(first), 1);
    const uint64_t before = w->now_ms;
    worked_out = 0;
    for (int i = 0; i < TIMES; i++) {
        reconnect(first);
        small_device_passes(first, QUIET_MS);
    }
    const uint64_t minutes = (w->now_ms - before) / MINUTE_MS + 1;
    cr_expect_leq(worked_out, minutes, "%d times in %d minutes", (int)worked_out, (int)minutes);
    small_device_passes(first, 2 * MINUTE_MS);
    worked_out = 0;
    small_device_passes(first, 5 * MINUTE_MS);
    cr_expect_eq(worked_out, 0, "nothing has changed");
    write_large(first);
    small_device_passes(first, QUIET_MS);
    small_world_loses_blobs(w);
    reconnect(first);
    small_device_passes(first, 3 * MINUTE_MS);
    cr_expect_eq(gone(first), 2, "it is forgotten");
    small_world_destroy(&w);
}
