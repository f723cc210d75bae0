/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/author.h"

#include "codec/limits.h"
#include "tests/support/expect.h"

static const cf_hash user = {.bytes = {9}}, phone = {.bytes = {8}};

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
    expect_ok(cf_log_open(self.store, &user, NULL, &self.log, &error), error);
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
static cf_header make(desk *self, cf_kv_list *records, cf_arena *arena, cf_entry *out)
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

static void commit(desk *self, cf_kv_list *records)
{
    cf_error error;

    if (records->count)
        expect_ok(self->store->write(self->store, &user, records->at, records->count, true, &error),
                  error);
    cf_kv_list_release(records);
}

/* The records of an entry are committed, without the entry. */
static cf_header write_down(desk *self)
{
    cf_kv_list records = {0};
    cf_arena arena = {0};
    cf_entry entry;

    cf_header made = make(self, &records, &arena, &entry);
    commit(self, &records);
    cf_arena_release(&arena);
    return made;
}

/* An entry of this device comes, and with it what is to be known of its time. */
static void see_of(desk *self, const cf_hash *device, cf_time time, uint64_t now_ms)
{
    cf_kv_list records = {0};

    cf_author_saw(self->author, device, time, now_ms, &records);
    commit(self, &records);
}

static void see(desk *self, cf_time time, uint64_t now_ms)
{
    see_of(self, &phone, time, now_ms);
}

static void begin_again(desk *self)
{
    cf_author_destroy(&self->author);
    open_author(self);
}

Test(author, goes_on_from_the_latest_time_that_it_saw)
{
    desk self = desk_new();

    open_author(&self);
    expect_time(&self, 10, (cf_time){10, 0});
    see(&self, (cf_time){1000, 5}, 10);
    expect_time(&self, 10, (cf_time){1000, 7});
    see(&self, (cf_time){900, 9}, 10);
    expect_time(&self, 10, (cf_time){1000, 7});
    expect_time(&self, 2000, (cf_time){2000, 0});
    desk_release(&self);
}

/* Nothing of its own was written since. */
Test(author, knows_that_time_when_it_begins_again)
{
    desk self = desk_new();

    open_author(&self);
    see(&self, (cf_time){1000, 5}, 10);
    begin_again(&self);
    expect_time(&self, 10, (cf_time){1000, 7});
    desk_release(&self);
}

static void expect_ahead(const desk *self, size_t count, uint64_t time_ms)
{
    const cf_author_clock *clock = cf_author_clock_of(self->author);

    cr_assert_eq(clock->ahead_count, count);
    cr_expect(count == 0 || clock->ahead[0].time_ms == time_ms);
    cr_expect(count == 0 || cf_hash_equal(&clock->ahead[0].device, &phone));
}

Test(author, does_not_follow_a_clock_that_is_over_a_day_ahead_and_names_it)
{
    desk self = desk_new();

    open_author(&self);
    see(&self, (cf_time){1000, 5}, 10);
    see(&self, (cf_time){CF_TIME_MS_MAX, UINT64_MAX}, 10);
    for (int i = 0; i < 2; i++) {
        expect_time(&self, 10, (cf_time){1000, 7});
        expect_ahead(&self, 1, CF_TIME_MS_MAX);
        begin_again(&self);
    }
    see(&self, (cf_time){9, 0}, 20); /* an older one, that comes late */
    expect_ahead(&self, 1, CF_TIME_MS_MAX);
    see(&self, (cf_time){30, 0}, 20);
    expect_ahead(&self, 0, 0);
    begin_again(&self);
    expect_ahead(&self, 0, 0);
    desk_release(&self);
}

Test(author, follows_its_own_clock_again_when_that_was_ahead_and_is_mended)
{
    desk self = desk_new();

    open_author(&self);
    see(&self, (cf_time){CF_TIME_MS_MAX, 0}, CF_TIME_MS_MAX);
    expect_time(&self, CF_TIME_MS_MAX, (cf_time){CF_TIME_MS_MAX, 2});
    expect_time(&self, 10, (cf_time){10, 0});
    see(&self, (cf_time){10, 0}, 10);
    expect_time(&self, CF_TIME_MS_MAX - CF_TIME_AHEAD_MS,
                (cf_time){CF_TIME_MS_MAX - CF_TIME_AHEAD_MS, 0});
    begin_again(&self);
    expect_time(&self, 10, (cf_time){10, 2});
    desk_release(&self);
}

/* What names them all stays small, and is read again. */
Test(author, names_no_more_than_some_of_those_that_are_ahead)
{
    desk self = desk_new();

    open_author(&self);
    for (uint8_t i = 0; i <= CF_AHEAD_NAMED; i++)
        see_of(&self, &(cf_hash){.bytes = {i + 1}}, (cf_time){CF_TIME_MS_MAX, 0}, 10);
    cr_expect_eq(cf_author_clock_of(self.author)->ahead_count, (size_t)CF_AHEAD_NAMED);
    begin_again(&self);
    cr_expect_eq(cf_author_clock_of(self.author)->ahead_count, (size_t)CF_AHEAD_NAMED);
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
