/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that a device doesn't ask for any more go from there, but none before the broker is known to
 * have its long values: nobody else may have fetched them. A row's balance is the row that it
 * refers to. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "broker/upkeep/lost_blobs.h"
#include "codec/limits.h"
#include "peer/log/catalog_schema.h"
#include "tests/support/expect.h"

enum { PARENT = 1, CHILD, LONG, SHORT, ASKED_FOR, ROWS, PHOTO = 80000 };

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static void write_schema(small_device *self, const cf_id *collection)
{
    const cf_field_rule fields[] = {
        {NAME("/columns/balance"), CF_MERGE_REFERENCE, NAME("records"), false}};
    const cf_schema_table tables[] = {
        {.name = NAME("records"), .kind = CF_KIND_RECORD, .fields = fields, .field_count = 1}};
    const cf_schema schema = {tables, 1};
    cf_error error;

    expect_ok(cf_catalog_write_schema(cf_engine_peer(self->engine), collection, &schema,
                                      self->in->now_ms, &error),
              error);
}

/* Both have all rows. */
static small_world *a_world_with_photos(uint64_t seed)
{
    small_world *w = small_world_new(seed, 2);
    cf_arena arena = {0};
    table rows = {0};

    cr_assert(small_world_settle(w));
    small_world_bind_tables(w);
    write_schema(&w->devices[0], &cf_engine_binding_at(w->devices[0].engine, 1)->collection);
    table_add(&rows, PARENT, TABLE_NO_BALANCE, cf_bytes_of_text("parent"));
    table_add(&rows, CHILD, PARENT, noise_text(w, PHOTO, &arena));
    table_add(&rows, LONG, TABLE_NO_BALANCE, noise_text(w, PHOTO, &arena));
    table_add(&rows, SHORT, ASKED_FOR, cf_bytes_of_text("short"));
    table_add(&rows, ASKED_FOR, TABLE_NO_BALANCE, cf_bytes_of_text("asked for"));
    user_writes_table(&w->devices[0], &rows);
    settles_equal_by(small_world_tables_equal, w, "before", 0);
    table_release(&rows);
    cf_arena_release(&arena);
    return w;
}

static void asks_for_one(small_device *self)
{
    static const char *const pattern = "note=asked*";
    cf_binding *binding = cf_engine_binding_at(self->engine, 1), *trial;
    cf_binding_options options = {.number = binding->number,
                                  .collection = binding->collection,
                                  .format = binding->format,
                                  .path = binding->path,
                                  .include = &pattern,
                                  .include_count = 1,
                                  .keys = (const char *const *)binding->keys,
                                  .key_count = binding->key_count};
    cf_error error;

    expect_ok(cf_binding_new(&options, &trial, &error), error);
    expect_ok(cf_binding_change(cf_engine_peer(self->engine), binding, trial, &error), error);
    cf_binding_destroy(&trial, self->in->env.files);
    cf_engine_touch_binding(self->engine, binding);
}

/* Those that wait, and what they refer to. */
static void expect_waiting(const small_device *self)
{
    const cf_binding *binding = cf_engine_binding_at(self->engine, 1);

    cr_expect(user_has_row(self, PARENT));
    cr_expect(user_has_row(self, CHILD));
    cr_expect(user_has_row(self, LONG));
    cr_expect(user_has_row(self, ASKED_FOR));
    cr_expect(!user_has_row(self, SHORT));
    cr_expect_eq(small_device_pending(self, binding, CF_PENDING_WAITS), 3);
}

static void expect_gone(small_device *self)
{
    for (long id = PARENT; id < ROWS; id++)
        cr_expect_eq(user_has_row(self, id), id == ASKED_FOR, "row %ld", id);
    expect_nothing_pending(self);
}

Test(engine_leaving, go_when_the_broker_has_all_of_them)
{
    small_world *w = a_world_with_photos(51);
    small_device *some = &w->devices[1];

    asks_for_one(some);
    cr_assert(small_device_sync(some));
    expect_gone(some);
    small_world_destroy(&w);
}

Test(engine_leaving, wait_for_the_broker_with_what_they_refer_to)
{
    small_world *w = a_world_with_photos(52);
    small_device *some = &w->devices[1];

    small_device_unplug(some);
    asks_for_one(some);
    small_device_sync(some);
    expect_waiting(some);
    small_device_crash(some);
    small_device_sync(some);
    expect_waiting(some);
    some->offline = false;
    cr_assert(small_device_sync(some));
    expect_gone(some);
    cr_assert(small_world_settle(w));
    for (long id = PARENT; id < ROWS; id++)
        cr_expect(user_has_row(&w->devices[0], id), "row %ld", id);
    small_world_destroy(&w);
}

Test(engine_leaving, go_by_themselves_where_it_serves)
{
    small_world *w = a_world_with_photos(53);
    small_device *some = &w->devices[1];

    small_device_serves(some);
    small_device_unplug(some);
    asks_for_one(some);
    small_device_passes(some, 10000);
    expect_waiting(some);
    some->offline = false;
    small_device_passes(some, 120000);
    expect_gone(some);
    small_world_destroy(&w);
}

Test(engine_leaving, bring_back_what_the_broker_lost_before_they_go)
{
    small_world *w = a_world_with_photos(55);
    small_device *some = &w->devices[1];

    small_device_unplug(some);
    some->offline = false;
    size_t blobs = small_world_blobs(w);
    small_world_loses_blobs(w);
    cr_assert_eq(small_world_blobs(w), 0);
    small_device_serves(some);
    asks_for_one(some);
    for (int i = 0; i < SMALL_TURNS_MAX && user_has_row(some, LONG); i++)
        small_device_passes(some, SMALL_TURN_MS);
    cr_expect_eq(small_world_blobs(w), blobs, "it went with the last of it");
    expect_gone(some);
    small_world_destroy(&w);
}

/* It lacks more than it can say in one session, and this may be among that. */
Test(engine_leaving, wait_where_the_broker_can_not_name_all_that_it_lacks)
{
    small_world *w = a_world_with_photos(54);
    small_device *some = &w->devices[1];
    cf_lost_blobs missing = {0};
    cf_error error;

    missing.list = cf_allocate(CF_ENTRY_BLOBS_MAX, sizeof *missing.list);
    for (; missing.count < CF_ENTRY_BLOBS_MAX; missing.count++) {
        missing.list[missing.count].user = *cf_peer_user(cf_engine_peer(some->engine));
        cf_put_u32(missing.list[missing.count].blob.bytes, (uint32_t)missing.count + 1);
    }
    cf_lost_blobs_note(w->broker.users, NULL, w->broker.blobs, &missing);
    expect_ok(w->broker.store->commit(w->broker.store, &error), error);
    small_device_unplug(some);
    some->offline = false;
    asks_for_one(some);
    cr_assert(small_device_sync(some));
    expect_waiting(some);
    cf_lost_blobs_release(&missing);
    small_world_destroy(&w);
}
