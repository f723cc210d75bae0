/* SPDX-License-Identifier: Apache-2.0 */
/* What is paused rests until that ends, by the time of day; what is kept of it is read with care.
 */
#include "peer/engine/pauses.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <stdio.h>

TestSuite(engine_pauses, .timeout = 120);

static void pause_for(small_device *self, const cf_id *collection, uint64_t ms)
{
    const uint64_t now_ms = cf_env_now_ms(&self->env);
    cf_pauses pauses;
    cf_error error;

    expect_ok(cf_pauses_recall(self->home, &pauses, &error), error);
    expect_ok(cf_pauses_add(&pauses, collection, now_ms + ms, &error), error);
    expect_ok(cf_pauses_keep(self->home, &pauses, now_ms, &error), error);
    cf_pauses_release(&pauses);
    cf_engine_use_pauses(self->engine);
}

static bool is_there(const small_device *self, const char *name)
{
    cf_buffer ignored = {0};

    const bool is = user_reads(self, name, &ignored);
    cf_buffer_release(&ignored);
    return is;
}

static void rests_for_its_time(bool whole)
{
    enum { FOR_MS = 60000 };
    small_world *w = small_world_new(7, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    const cf_id *collection = whole ? NULL : &cf_engine_binding_at(first->engine, 0)->collection;
    cf_buffer difference = {0};

    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    pause_for(first, collection, FOR_MS);
    user_writes(first, "here", "1", 1);
    user_writes(second, "there", "2", 1);
    small_device_sync(second);
    small_device_sync(first);
    small_device_passes(first, FOR_MS / 2);
    small_device_sync(second);
    cr_expect(!is_there(second, "here"));
    cr_expect(!is_there(first, "there"));
    small_device_crash(first); /* it is kept */
    small_device_sync(first);
    small_device_passes(first, FOR_MS / 4);
    cr_expect(!is_there(first, "there"));
    small_device_passes(first, FOR_MS / 2);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    cr_expect(is_there(second, "here"));
    cr_expect(small_world_equal(w, &difference));
    cf_buffer_release(&difference);
    small_world_destroy(&w);
}

Test(engine_pauses, a_device_rests_for_its_time)
{
    rests_for_its_time(true);
}

Test(engine_pauses, a_collection_rests_for_its_time)
{
    rests_for_its_time(false);
}

Test(engine_pauses, are_kept_up_to_their_bound_and_not_believed_where_they_are_damaged)
{
    small_world *w = small_world_new(7, 1);
    cf_home *home = w->devices[0].home;
    cf_pauses pauses = {0};
    cf_id collection = {0};
    cf_error error;

    for (uint64_t i = 0; i < CF_PAUSES_MAX; i++) {
        cf_put_u64(collection.bytes, i);
        expect_ok(cf_pauses_add(&pauses, &collection, i ? 1000 : CF_PAUSED_UNTIL_RESUMED, &error),
                  error);
    }
    expect_ok(cf_pauses_add(&pauses, &collection, 2000, &error), error);
    cf_put_u64(collection.bytes, CF_PAUSES_MAX);
    expect_fails(cf_pauses_add(&pauses, &collection, 1000, &error), CF_TOO_LARGE);
    expect_ok(cf_pauses_keep(home, &pauses, 0, &error), error);
    cf_pauses_release(&pauses);
    expect_ok(cf_pauses_recall(home, &pauses, &error), error);
    cr_expect_eq(pauses.count, CF_PAUSES_MAX);
    expect_ok(cf_pauses_keep(home, &pauses, 1000, &error), error);
    cf_pauses_release(&pauses);
    expect_ok(cf_pauses_recall(home, &pauses, &error), error);
    cr_expect_eq(pauses.count, 2); /* those that aren't over */
    cr_expect(cf_pauses_find(&pauses, NULL, UINT64_MAX - 1) != NULL);
    cf_pauses_end(&pauses, NULL);
    cr_expect(!cf_pauses_find(&pauses, NULL, 0));
    cf_pauses_release(&pauses);
    cf_buffer many = {0};
    for (uint64_t i = 0; i < 3 * (CF_PAUSES_MAX + 1); i++)
        cf_buffer_append(&many, &i, sizeof i);
    expect_ok(cf_home_set(home, "pauses", cf_buffer_view(&many), &error), error);
    expect_fails(cf_pauses_recall(home, &pauses, &error), CF_BROKEN);
    cf_buffer_release(&many);
    expect_ok(cf_home_set(home, "pauses", cf_bytes_of_text("damaged"), &error), error);
    expect_fails(cf_pauses_recall(home, &pauses, &error), CF_BROKEN);
    cr_expect_eq(pauses.count, 0);
    small_world_destroy(&w);
}

/* ---- In the midst of a look ---- */

/* What is missed is looked for once more before it is told. Paused after so many turns, with the
 * file put back before that look has ended; true: it had been told by then. */
static bool is_paused_in_a_look(unsigned turns)
{
    small_world *w = small_world_new(7, 2);
    small_device *first = &w->devices[0];

    for (int i = 0; i < 20; i++) {
        char name[24];

        snprintf(name, sizeof name, "file%d", i);
        user_writes_text(first, name, name);
    }
    cr_assert(small_world_settle(w));
    small_device_serves(first);
    cr_assert(small_device_sync(first));
    small_device_passes(first, 5000);
    const uint64_t entries = small_world_entries(w);
    const cf_id collection = cf_engine_binding_at(first->engine, 0)->collection;
    cr_assert(user_moves(first, "file3", "../aside"));
    small_device_passes(first, 3 * turns);
    pause_for(first, &collection, 60000);
    small_device_passes(first, 300);
    const bool told = small_world_entries(w) != entries;
    cr_assert(user_moves(first, "../aside", "file3"));
    small_device_passes(first, 70000);
    cr_expect(told || small_world_entries(w) == entries, "%u turns: told of a file that is there",
              turns);
    small_world_destroy(&w);
    return told;
}

Test(engine_pauses, end_a_look_that_is_under_way)
{
    unsigned low = 1, high = 8000;

    while (high - low > 1) {
        const unsigned middle = (low + high) / 2;

        *(is_paused_in_a_look(middle) ? &high : &low) = middle;
    }
    for (unsigned turns = high > 40 ? high - 40 : 1; turns < high; turns += 2)
        is_paused_in_a_look(turns);
}
