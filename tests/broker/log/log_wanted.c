/* SPDX-License-Identifier: Apache-2.0 */
/* Which blobs are wanted: their keys come and go, and who is greeted asks for those that there are.
 */
#include "broker/log/log_tables.h"
#include "broker/platform/hash_set.h"

#include <rocksdb/c.h>

#include "tests/broker/people/diary.h"
#include "tests/support/scratch.h"

typedef struct {
    cf_hash_set blobs;
    size_t most; /* 0: any */
} asked;

static bool add_blob(void *context, const cf_hash *blob)
{
    asked *self = context;

    cr_expect(cf_hash_set_insert(&self->blobs, blob), "it came twice");
    return !self->most || self->blobs.count < self->most;
}

static size_t count_wanted(cf_log *log, size_t most)
{
    asked all = {.most = most};
    cf_error error;

    expect_ok(cf_log_wanted(log, add_blob, &all, &error), error);
    const size_t count = all.blobs.count;
    cf_hash_set_release(&all.blobs);
    return count;
}

static cf_hash blob_of(uint32_t number)
{
    cf_hash blob = {0};

    cf_put_u32(blob.bytes, number * 2654435761U);
    cf_put_u32(blob.bytes + 4, number);
    return blob;
}

static void want(cf_log *log, uint32_t from, uint32_t to)
{
    for (; from < to; from++) {
        cf_hash blob = blob_of(from);

        cf_log_want(log, &blob);
    }
}

static void store(cf_log *log, uint32_t from, uint32_t to)
{
    cf_error error;

    for (; from < to; from++) {
        cf_hash blob = blob_of(from);

        expect_ok(cf_log_stored(log, &blob, &error), error);
    }
}

/* ---- What it costs to ask ---- */

enum {
    TENTH = 100,
    MANY = CF_LOG_WANTED_KNOWN + 1,
    COUNT_ONLY = 2 /* of RocksDB's perf_level.h */
};

/* Keys that are no longer there, which asking for those that are passes. */
static uint64_t passed_when_asked(cf_log *log)
{
    rocksdb_perfcontext_t *perf = rocksdb_perfcontext_create();

    rocksdb_set_perf_level(COUNT_ONLY);
    rocksdb_perfcontext_reset(perf);
    cr_expect_eq(count_wanted(log, 0), 1);
    const uint64_t passed =
        rocksdb_perfcontext_metric(perf, rocksdb_internal_delete_skipped_count) +
        rocksdb_perfcontext_metric(perf, rocksdb_internal_key_skipped_count);
    rocksdb_perfcontext_destroy(perf);
    return passed;
}

Test(log_wanted, is_asked_at_the_same_cost_however_many_came)
{
    static const uint32_t came[] = {TENTH, 3 * TENTH, 10 * TENTH, 50 * TENTH};
    static const uint8_t instance[16] = "a store";
    static const cf_hash user = {"a user"};
    scratch *folder = scratch_new();
    const cf_store_options options = {.path = folder->path, .random = instance};
    const uint32_t stays = UINT32_MAX;
    cf_store *kept = NULL;
    cf_log *log = NULL;
    cf_error error;

    expect_ok(cf_store_rocksdb_open(&options, &kept, &error), error);
    expect_ok(cf_log_open(kept, &user, NULL, &log, &error), error);
    want(log, stays - 1, stays);
    expect_ok(kept->commit(kept, &error), error);
    cr_expect_eq(count_wanted(log, 0), 1);
    for (size_t i = 0; i < sizeof came / sizeof *came; i++) {
        const uint32_t from = i ? came[i - 1] : 0;

        want(log, from, came[i]);
        expect_ok(kept->commit(kept, &error), error);
        store(log, from, came[i]);
        expect_ok(kept->commit(kept, &error), error);
        const uint64_t passed = passed_when_asked(log);
        cr_expect_leq(passed, 20, "%llu after %u", (unsigned long long)passed, came[i]);
    }
    want(log, MANY, 3 * MANY);
    expect_ok(kept->commit(kept, &error), error);
    store(log, MANY, 3 * MANY);
    expect_ok(kept->commit(kept, &error), error);
    passed_when_asked(log);
    cr_expect_leq(passed_when_asked(log), 20, "once they are few they are known");
    cf_log_destroy(&log);
    cf_store_destroy(&kept);
    scratch_destroy(&folder);
}

/* ---- What is answered ---- */

Test(log_wanted, is_told_of_all_whatever_was_known_before)
{
    diary d = a_diary();

    found(&d);
    want(d.log, 0, 3);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 0), 3);
    want(d.log, 3, 5);
    cr_expect_eq(count_wanted(d.log, 0), 5);
    commit(&d);
    store(d.log, 1, 4);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 0), 2);
    diary_reopen(&d);
    cr_expect_eq(count_wanted(d.log, 0), 2);
    store(d.log, 0, 5);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 0), 0);
    diary_end(&d);
}

Test(log_wanted, is_not_what_came_while_it_was_being_noted)
{
    diary d = a_diary();

    found(&d);
    cr_expect_eq(count_wanted(d.log, 0), 0);
    want(d.log, 0, 1);
    store(d.log, 0, 1);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 0), 0);
    diary_reopen(&d);
    cr_expect_eq(count_wanted(d.log, 0), 0);
    diary_end(&d);
}

Test(log_wanted, is_what_an_entry_lacks_once_that_is_stored)
{
    static const cf_hash blob = {"a blob"};
    diary d = a_diary();

    found(&d);
    cr_expect_eq(count_wanted(d.log, 0), 0);
    d.has_blobs = false;
    write_change(&d.lap, "body", &blob, 1);
    cr_expect_eq(offer_without(&d, &d.lap, CF_BRINGER_AUTHOR, &blob).answer, CF_OFFER_NEW);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 0), 1);
    diary_end(&d);
}

/* As many as are known, and one more: they are read from the store until they are fewer. */
Test(log_wanted, is_told_of_all_also_when_they_are_many)
{
    diary d = a_diary();

    found(&d);
    cr_expect_eq(count_wanted(d.log, 0), 0);
    want(d.log, 0, MANY - 1);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 0), MANY - 1);
    want(d.log, MANY - 1, MANY);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 0), MANY);
    cr_expect_eq(count_wanted(d.log, 3), 3);
    cr_expect_eq(count_wanted(d.log, 0), MANY);
    store(d.log, 0, MANY - 2);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 0), 2);
    diary_end(&d);
}

Test(log_wanted, is_known_in_part_to_who_stopped_listening)
{
    diary d = a_diary();

    found(&d);
    want(d.log, 0, 5);
    commit(&d);
    cr_expect_eq(count_wanted(d.log, 2), 2);
    cr_expect_eq(count_wanted(d.log, 0), 5);
    cr_expect_eq(count_wanted(d.log, 2), 2);
    diary_end(&d);
}
