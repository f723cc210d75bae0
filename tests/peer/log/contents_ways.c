/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/contents_ways.h"

#include "codec/pack.h"
#include "tests/support/expect.h"

static const cf_hash user = {.bytes = {9}};
static const cf_content_key key = {{.bytes = {1}}, {.bytes = {2}}};

typedef struct {
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_log *log;
    cf_ways_table *table;
} shelf;

static shelf shelf_new(void)
{
    const uint8_t instance[16] = {1};
    shelf self = {.disk = cf_store_memory_disk_new(instance)};
    cf_error error;

    self.store = cf_store_memory_new(self.disk);
    expect_ok(cf_log_open(self.store, &user, NULL, &self.log, &error), error);
    self.table = cf_ways_table_new(self.log);
    return self;
}

static void shelf_release(shelf *self)
{
    cf_ways_table_destroy(&self->table);
    cf_log_destroy(&self->log);
    cf_store_destroy(&self->store);
    cf_store_memory_disk_destroy(&self->disk);
}

static void add_way(shelf *self, uint64_t sequence, bool is_void, cf_kv_list *records)
{
    cf_way way = {
        {.writer.bytes = {3}, .sequence = sequence, .hash.bytes = {4}}, sequence, is_void};

    cf_ways_add(self->table, &key, 100, &way, records);
}

static void add(shelf *self, uint64_t sequence, cf_kv_list *records)
{
    add_way(self, sequence, false, records);
}

static void commit(shelf *self, cf_kv_list *records)
{
    cf_error error;

    expect_ok(self->store->write(self->store, &user, records->at, records->count, true, &error),
              error);
    cf_kv_list_release(records);
    cf_ways_settle(self->table);
}

static cf_ways get(shelf *self)
{
    cf_ways ways = {0};
    cf_error error;

    expect_ok(cf_ways_get(self->table, &key, &ways, &error), error);
    return ways;
}

Test(contents_ways, are_all_of_them_known_before_and_after_the_commit)
{
    shelf self = shelf_new();
    cf_kv_list first = {0}, second = {0};
    cf_ways ways;
    cf_error error;

    expect_fails(cf_ways_get(self.table, &key, &ways, &error), CF_MISSING);
    add(&self, 1, &first);
    add(&self, 2, &second); /* of the same commit */
    add(&self, 2, &second);
    cr_expect_eq(get(&self).count, 2);
    cf_kv_list_add(&first, &second);
    commit(&self, &first);
    ways = get(&self);
    cr_expect_eq(ways.count, 2);
    cr_expect_eq(ways.size, 100);
    cr_expect_eq(ways.at[1].depth, 2);
    cf_kv_list_release(&second);
    shelf_release(&self);
}

Test(contents_ways, keep_the_first_and_the_latest_of_many)
{
    shelf self = shelf_new();
    cf_kv_list records = {0};

    for (uint64_t i = 1; i <= CF_WAYS_MAX + 3; i++)
        add(&self, i, &records);
    commit(&self, &records);
    cf_ways ways = get(&self);
    cr_expect_eq(ways.count, CF_WAYS_MAX);
    cr_expect_eq(ways.at[0].entry.sequence, 1);
    cr_expect_eq(ways.at[1].entry.sequence, 5);
    cr_expect_eq(ways.at[CF_WAYS_MAX - 1].entry.sequence, CF_WAYS_MAX + 3);
    shelf_release(&self);
}

/* One more than a program ever wrote. */
Test(contents_ways, of_a_damaged_record_are_none)
{
    enum { PARTS = 5, HEAD = 3 };
    shelf self = shelf_new();
    cf_kv_list records = {0};
    cf_buffer damaged = {0};
    cf_ways ways;
    cf_error error;

    for (uint64_t i = 1; i <= CF_WAYS_MAX; i++)
        add(&self, i, &records);
    cf_kv *last = &records.at[records.count - 1];
    cf_bytes whole = last->value;
    cf_pack_array(&damaged, (CF_WAYS_MAX + 1) * PARTS);
    cr_assert_eq(damaged.size, HEAD);
    size_t one = (whole.size - HEAD) / CF_WAYS_MAX;
    cf_buffer_append(&damaged, whole.data + HEAD, whole.size - HEAD);
    cf_buffer_append(&damaged, whole.data + whole.size - one, one);
    last->value = cf_buffer_view(&damaged);
    commit(&self, &records);
    expect_fails(cf_ways_get(self.table, &key, &ways, &error), CF_BROKEN);
    cf_buffer_release(&damaged);
    shelf_release(&self);
}

/* Whoever is shut out can't lead astray those who have another way. */
Test(contents_ways, of_void_entries_are_gone_only_where_there_is_no_other)
{
    shelf self = shelf_new();
    cf_kv_list records = {0};
    cf_ways ways;

    add_way(&self, 1, true, &records);
    add_way(&self, 2, true, &records);
    commit(&self, &records);
    ways = get(&self);
    cr_expect_eq(ways.count, 2);
    cr_expect(ways.at[1].is_void);
    cr_expect_eq(ways.at[1].depth, 2);
    add(&self, 3, &records);
    add_way(&self, 4, true, &records);
    commit(&self, &records);
    ways = get(&self);
    cr_expect_eq(ways.count, 1);
    cr_expect_eq(ways.at[0].entry.sequence, 3);
    cr_expect_not(ways.at[0].is_void);
    shelf_release(&self);
}
