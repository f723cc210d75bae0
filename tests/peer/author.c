/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/author.h"

#include "tests/support/expect.h"

static const cf_hash user = {.bytes = {9}};

typedef struct {
    cf_env env;
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_log *log;
    cf_keys *keys;
    cf_ring *ring;
    cf_author *author;
} desk;

static void some_random(void *context, void *out, size_t size)
{
    static int drawn;

    (void)context;
    memset(out, ++drawn, size);
}

static void open_author(desk *self)
{
    cf_error error;
    cf_author_options options = {&self->env, self->log, self->keys, self->ring};

    expect_ok(cf_author_open(&options, &self->author, &error), error);
}

static desk desk_new(void)
{
    const uint8_t instance[16] = {1}, seed[32] = {2};
    desk self = {.env.random = some_random, .disk = cf_store_memory_disk_new(instance)};
    cf_error error;

    self.store = cf_store_memory_new(self.disk);
    expect_ok(cf_log_open(self.store, &user, &self.log, &error), error);
    self.keys = cf_keys_new(seed);
    self.ring = cf_ring_new(&user);
    return self;
}

static void desk_release(desk *self)
{
    cf_author_destroy(&self->author);
    cf_ring_destroy(&self->ring);
    cf_keys_destroy(&self->keys);
    cf_log_destroy(&self->log);
    cf_store_destroy(&self->store);
    cf_store_memory_disk_destroy(&self->disk);
}

static void expect_time(const desk *self, uint64_t now_ms, cf_time time)
{
    cf_time next = cf_author_time(self->author, now_ms);

    cr_expect_eq(cf_time_compare(next, time), 0, "%llu.%u, and not %llu.%u",
                 (unsigned long long)next.ms, (unsigned)next.counter, (unsigned long long)time.ms,
                 (unsigned)time.counter);
}

/* The next entry of the chain of members; it isn't taken. */
static cf_header make(desk *self, cf_records *records, cf_arena *arena, cf_entry *out)
{
    cf_buffer wire = {0};
    cf_error error;
    cf_draft draft = {.collection = cf_member_log_id, .type = CF_ENTRY_MEMBER};

    expect_ok(cf_author_entry(self->author, &draft, &wire, records, &error), error);
    expect_ok(cf_entry_read(cf_arena_copy(arena, cf_buffer_view(&wire)), arena, out, &error),
              error);
    cf_buffer_release(&wire);
    return out->header;
}

/* The records of an entry are committed, without the entry. */
static cf_header write_down(desk *self)
{
    cf_records records = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    cf_header made = make(self, &records, &arena, &entry);
    expect_ok(self->store->write(self->store, &user, records.at, records.count, true, &error),
              error);
    cf_records_release(&records);
    cf_arena_release(&arena);
    return made;
}

Test(author, goes_on_from_the_latest_time_that_it_saw)
{
    desk self = desk_new();

    open_author(&self);
    expect_time(&self, 10, (cf_time){10, 0});
    cf_author_saw(self.author, (cf_time){1000, 5});
    expect_time(&self, 10, (cf_time){1000, 6});
    cf_author_saw(self.author, (cf_time){900, 9});
    expect_time(&self, 10, (cf_time){1000, 6});
    expect_time(&self, 2000, (cf_time){2000, 0});
    desk_release(&self);
}

Test(author, knows_that_time_when_it_begins_again)
{
    desk self = desk_new();

    open_author(&self);
    cf_author_saw(self.author, (cf_time){1000, 5});
    write_down(&self);
    cf_author_destroy(&self.author);
    open_author(&self);
    expect_time(&self, 10, (cf_time){1000, 6});
    desk_release(&self);
}

/* Of a home that was restored, or copied. */
Test(author, begins_a_new_chain_where_the_log_holds_another_end_of_its_own)
{
    desk self = desk_new();

    open_author(&self);
    cf_header before = write_down(&self);
    cf_author_destroy(&self.author);
    open_author(&self);
    cf_header after = write_down(&self);
    cr_expect_eq(after.sequence, 1);
    cr_expect_not(cf_id_equal(&after.writer, &before.writer));
    desk_release(&self);
}

Test(author, begins_a_new_chain_when_another_copy_went_on_with_its_own)
{
    desk self = desk_new();
    cf_arena arena = {0};
    cf_entry first, copied, own;

    open_author(&self);
    make(&self, NULL, &arena, &first);
    cf_author_took(self.author, &first);
    cf_header foreign = make(&self, NULL, &arena, &copied);
    cr_expect_eq(foreign.sequence, 2);
    cr_expect(cf_author_met(self.author, &copied));
    cf_header next = make(&self, NULL, &arena, &own);
    cr_expect_eq(next.sequence, 1);
    cr_expect_not(cf_id_equal(&next.writer, &foreign.writer));
    cf_arena_release(&arena);
    desk_release(&self);
}
