/* SPDX-License-Identifier: Apache-2.0 */
/* A device that keeps what it has sources of, and sessions that a verb confines. */
#include "codec/limits.h"
#include "peer/log/keeping.h"
#include "peer/membership/left_brokers.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

TestSuite(engine_keep, .timeout = 120);

static const cf_id elsewhere = {{0xff}};

static void keep(small_device *self, cf_keeping keeping)
{
    cf_error error;

    expect_ok(cf_keeping_set(self->home, keeping, &error), error);
    cf_engine_use_keep(self->engine);
}

Test(engine_keep, carries_what_it_has_sources_of_and_is_the_same_there)
{
    small_world *w = small_world_new(11, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    cf_buffer difference = {0};

    keep(second, CF_KEEPING_BOUND);
    cr_expect_not(cf_engine_keeps_all(second->engine));
    cr_expect_not(cf_engine_carries(second->engine, &elsewhere));
    cr_expect(
        cf_engine_carries(second->engine, &cf_engine_binding_at(second->engine, 0)->collection));
    user_writes(first, "one", (const uint8_t *)"one", 3);
    cr_assert(small_device_sync(first));
    user_writes(second, "two", (const uint8_t *)"two", 3);
    cr_assert(small_device_sync(second));
    cr_assert(small_device_sync(first));
    cr_expect(small_world_equal(w, &difference), "%.*s", (int)difference.size, difference.data);
    cf_engine_want(second->engine, &elsewhere);
    cr_expect(cf_engine_carries(second->engine, &elsewhere));
    cf_engine_want(second->engine, NULL);
    cr_expect_not(cf_engine_carries(second->engine, &elsewhere));
    keep(second, CF_KEEPING_ALL);
    cr_expect(cf_engine_carries(second->engine, &elsewhere));
    cr_assert(small_device_sync(second));
    cf_buffer_release(&difference);
    small_world_destroy(&w);
}

/* What it is to bring to the broker where the user is now is of all collections, whatever it keeps,
 * and whatever a verb names: until that is done, or given up. */
Test(engine_keep, carries_all_while_something_is_left_behind)
{
    small_world *w = small_world_new(14, 1);
    small_device *only = &w->devices[0];
    cf_engine *engine = only->engine;
    const cf_address left = {.host = "broker.example", .port = 7819};
    cf_error error;

    keep(only, CF_KEEPING_BOUND);
    cf_engine_move(engine, true);
    cr_expect(cf_engine_carries(engine, &elsewhere));
    expect_ok(cf_left_brokers_note(only->home, &left, &error), error);
    cf_engine_move(engine, false);
    cr_expect(cf_engine_carries(engine, &elsewhere));
    cr_expect_not(cf_engine_keeps_all(engine));
    cf_engine_confine(engine, &cf_engine_binding_at(engine, 0)->collection, 1);
    cr_expect(cf_engine_carries(engine, &elsewhere));
    cf_engine_confine(engine, NULL, 0);
    expect_ok(cf_left_brokers_give_up(only->home, &error), error);
    cf_engine_use_keep(engine);
    cr_expect_not(cf_engine_carries(engine, &elsewhere));
    cr_assert(small_device_sync(only));
    small_world_destroy(&w);
}

/* So many a device says that it keeps; of more it carries all. */
Test(engine_keep, is_confined_to_2048_collections_at_most)
{
    static cf_id ids[CF_KEPT_MAX + 1];
    small_world *w = small_world_new(12, 1);
    cf_engine *engine = w->devices[0].engine;

    for (size_t i = 0; i <= CF_KEPT_MAX; i++)
        cf_put_u64(ids[i].bytes, i + 1);
    cf_engine_confine(engine, ids, CF_KEPT_MAX);
    cr_expect(cf_engine_carries(engine, &ids[CF_KEPT_MAX - 1]));
    cr_expect_not(cf_engine_carries(engine, &elsewhere));
    cr_assert(small_device_sync(&w->devices[0]));
    cf_engine_confine(engine, ids, CF_KEPT_MAX + 1);
    cr_expect(cf_engine_carries(engine, &elsewhere));
    cr_assert(small_device_sync(&w->devices[0]));
    cf_engine_confine(engine, NULL, 0);
    small_world_destroy(&w);
}

/* ---- What a greeting reads ---- */

static size_t reads;
static __typeof__(((cf_store *)NULL)->read) plain_read;

static cf_status counting_read(cf_store *store, const cf_hash *user, uint64_t from,
                               cf_entry_visit *visit, void *context, cf_error *error)
{
    reads++;
    return plain_read(store, user, from, visit, context, error);
}

static size_t reads_of_a_session(small_device *self, cf_keeping keeping)
{
    keep(self, keeping);
    cr_assert(small_device_sync(self));
    reads = 0;
    cf_link_begin_anew(cf_engine_link(self->engine));
    cr_assert(small_device_sync(self));
    return reads;
}

/* Where a head lies the log knows. */
Test(engine_keep, reads_no_entry_to_say_what_it_has)
{
    small_world *w = small_world_new(13, 1);
    small_device *only = &w->devices[0];
    cf_store *store = cf_home_store(only->home);

    user_writes(only, "one", (const uint8_t *)"one", 3);
    cr_assert(small_device_sync(only));
    plain_read = store->read;
    store->read = counting_read;
    const size_t of_all = reads_of_a_session(only, CF_KEEPING_ALL);
    cr_expect_leq(reads_of_a_session(only, CF_KEEPING_BOUND), of_all);
    store->read = plain_read;
    small_world_destroy(&w);
}
