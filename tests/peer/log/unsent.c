/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker does not have yet. */
#include "peer/log/unsent.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <rocksdb/c.h>
#include <stdio.h>

enum { COUNT_ONLY = 2, SIZES = 3 };

static const cf_hash user = {{'u'}};

typedef struct {
    scratch *scratch;
    cf_store *store;
    cf_env env;
} home;

static home make_home(void)
{
    static const uint8_t random[16] = {1};
    home self = {.scratch = scratch_new()};
    char path[128];
    uint64_t epoch;
    cf_error error;

    cf_env_system(&self.env, "test", CF_REPORT_ERROR);
    snprintf(path, sizeof path, "%s/store", self.scratch->path);
    cf_store_options options = {.path = path, .random = random};
    expect_ok(cf_store_rocksdb_open(&options, &self.store, &error), error);
    expect_ok(self.store->acquire(self.store, &user, &epoch, &error), error);
    return self;
}

static void end_home(home *self)
{
    cf_store_destroy(&self->store);
    scratch_destroy(&self->scratch);
}

static cf_head entry_of(uint8_t writer, uint64_t sequence)
{
    return (cf_head){{{writer}}, sequence, {{writer, (uint8_t)sequence}}};
}

static void write_down(home *self, const cf_kv_list *records)
{
    cf_error error;

    expect_ok(self->store->write(self->store, &user, records->at, records->count, false, &error),
              error);
}

static void make(home *self, uint8_t writer, uint64_t sequence)
{
    cf_head entry = entry_of(writer, sequence);
    cf_kv_list records = {0};
    cf_unsent unsent;
    cf_error error;

    expect_ok(cf_unsent_load(self->store, &user, &unsent, &error), error);
    cf_unsent_add(&unsent, &entry);
    cf_unsent_put(&unsent, &records);
    write_down(self, &records);
    cf_kv_list_release(&records);
    cf_unsent_release(&unsent);
}

static void forget(home *self, uint8_t writer, uint64_t sequence)
{
    cf_head entry = entry_of(writer, sequence);

    cf_unsent_forget(&self->env, self->store, &user, &entry);
}

static bool holds(home *self, uint8_t writer, uint64_t sequence)
{
    cf_head entry = entry_of(writer, sequence);

    return cf_unsent_holds(self->store, &user, &entry);
}

static uint64_t count(home *self)
{
    cf_unsent unsent;
    cf_error error;

    expect_ok(cf_unsent_load(self->store, &user, &unsent, &error), error);
    uint64_t found = cf_unsent_count(&unsent);
    cf_unsent_release(&unsent);
    return found;
}

Test(unsent, is_what_was_made_until_the_broker_has_it)
{
    home self = make_home();

    make(&self, 1, 4);
    make(&self, 2, 1);
    make(&self, 2, 2);
    cr_expect_eq(count(&self), 3);
    forget(&self, 1, 4);
    cr_expect(!holds(&self, 1, 4));
    cr_expect(holds(&self, 2, 1));
    cr_expect(holds(&self, 2, 2));
    cr_expect(!holds(&self, 2, 3));
    cr_expect(!holds(&self, 3, 1));
    cr_expect_eq(count(&self), 2);
    forget(&self, 2, 2);
    cr_expect_eq(count(&self), 0, "what comes before goes with what comes after");
    end_home(&self);
}

Test(unsent, of_another_branch_is_not_taken_for_this_one)
{
    home self = make_home();
    cf_head other = entry_of(1, 4);

    make(&self, 1, 4);
    other.hash.bytes[5] = 'x';
    cf_unsent_forget(&self.env, self.store, &user, &other);
    cr_expect(holds(&self, 1, 4));
    cr_expect_not(cf_unsent_holds(self.store, &user, &other));
    end_home(&self);
}

Test(unsent, can_be_cleared)
{
    home self = make_home();

    make(&self, 1, 4);
    make(&self, 2, 1);
    cf_unsent_clear(&self.env, self.store, &user, NULL);
    cr_expect_eq(count(&self), 0);
    end_home(&self);
}

static bool note_size(void *context, cf_bytes key, cf_bytes value)
{
    (void)value;
    cr_expect_eq(key.size, 1, "an old key is left");
    ++*(size_t *)context;
    return true;
}

/* A home of before has a key for each entry. */
Test(unsent, is_read_from_an_older_home_once)
{
    static const uint8_t table = CF_TABLE_UNSENT;
    home self = make_home();
    cf_kv_list records = {0};
    cf_arena arena = {0};
    size_t keys = 0;
    cf_error error;

    for (uint64_t sequence = 3; sequence <= 5; sequence++) {
        cf_head entry = entry_of(1, sequence);

        cf_kv_list_put(&records, cf_key_entry(&arena, CF_TABLE_UNSENT, &entry),
                       cf_bytes_of_text(""));
    }
    write_down(&self, &records);
    cf_kv_list_release(&records);
    cr_expect_eq(count(&self), 3);
    cr_expect(holds(&self, 1, 3));
    cr_expect(holds(&self, 1, 5));
    cr_expect(!holds(&self, 1, 6));
    make(&self, 1, 6);
    cr_expect_eq(count(&self), 4);
    expect_ok(self.store->scan(self.store, &user, cf_bytes_of(&table, 1), note_size, &keys, &error),
              error);
    cr_expect_eq(keys, 1);
    cf_arena_release(&arena);
    end_home(&self);
}

/* Keys and values that are no longer there, which the store passes. */
static uint64_t passed_when_asked(home *self)
{
    rocksdb_perfcontext_t *perf = rocksdb_perfcontext_create();
    cf_heads shown = {0};

    rocksdb_set_perf_level(COUNT_ONLY);
    rocksdb_perfcontext_reset(perf);
    cr_expect_eq(count(self), 0);
    cf_unsent_shown(&self->env, self->store, &user, &shown);
    cf_unsent_clear(&self->env, self->store, &user, NULL);
    uint64_t passed = rocksdb_perfcontext_metric(perf, rocksdb_internal_delete_skipped_count) +
                      rocksdb_perfcontext_metric(perf, rocksdb_internal_key_skipped_count) +
                      rocksdb_perfcontext_metric(perf, rocksdb_internal_recent_skipped_count);
    rocksdb_perfcontext_destroy(perf);
    return passed;
}

Test(unsent, costs_the_same_however_much_was_sent)
{
    static const uint64_t sent[SIZES] = {10, 100, 1000};
    home self = make_home();
    uint64_t passed[SIZES], sequence = 0;

    for (int i = 0; i < SIZES; i++) {
        while (sequence < sent[i]) {
            make(&self, 1, ++sequence);
            forget(&self, 1, sequence);
        }
        passed[i] = passed_when_asked(&self);
        cr_expect_leq(passed[i], 10, "%llu after %llu", (unsigned long long)passed[i],
                      (unsigned long long)sequence);
    }
    end_home(&self);
}
