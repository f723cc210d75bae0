/* SPDX-License-Identifier: Apache-2.0 */
/* What the blobs of a user take is counted, and the count is kept: blobs are listed as seldom as
 * can be. */
#include "tests/broker/management/anns_house.h"

#include <stdio.h>

#include "codec/bulk.h"

static unsigned lists, listed;
static cf_status (*real_list)(cf_blobs *blobs, const cf_hash *user, uint8_t first,
                              cf_blob_visit *visit, void *context, cf_error *error);

typedef struct {
    cf_blob_visit *visit;
    void *context;
} visiting;

static bool count_visit(void *context, const cf_blob_info *blob)
{
    visiting *it = context;

    listed++;
    return it->visit(it->context, blob);
}

static cf_status count_list(cf_blobs *blobs, const cf_hash *user, uint8_t first,
                            cf_blob_visit *visit, void *context, cf_error *error)
{
    visiting it = {visit, context};

    lists++;
    return real_list(blobs, user, first, count_visit, &it, error);
}

/* From now on: until the broker stops. */
static void count_lists(household *a)
{
    real_list = a->world->broker.blobs->list;
    a->world->broker.blobs->list = count_list;
    lists = listed = 0;
}

static cf_blob_usage said(household *a)
{
    cf_quota_figures figures;
    cf_error error;

    expect_ok(cf_quotas_figures(a->world->broker.quotas, &a->account.user, &figures, &error),
              error);
    return (cf_blob_usage){figures.blobs, figures.blob_bytes};
}

static void expect_exact(household *a)
{
    const cf_blob_usage kept = said(a);
    cf_blob_usage usage;
    cf_error error;

    expect_ok(cf_blobs_usage(a->world->broker.blobs, &a->account.user, &usage, &error), error);
    cr_expect_eq(kept.size, usage.size, "%llu for %llu", (unsigned long long)kept.size,
                 (unsigned long long)usage.size);
    cr_expect_eq(kept.count, usage.count);
}

/* A piece of a blob of 1,000 bytes; which one says its first byte. */
static void put_part(household *a, uint8_t blob, uint64_t offset)
{
    static const uint8_t part[300];

    say(a->world, a->at_desk,
        &(cf_message){.command = CF_COMMAND_PUT,
                      .put = {.id = {{blob}},
                              .offset = offset,
                              .total = 1000,
                              .bytes = cf_bytes_of(part, sizeof part)}});
}

/* Two parts of 300 lie there. The quota takes a blob of 1,000 beside one of them, and beside none
 * another. */
Test(quota_counts, take_the_room_of_uploads_that_were_given_up_an_hour_ago)
{
    const uint64_t hour_ms = 60 * MINUTE_MS;
    household a = anns_house();
    const uint64_t before = taken(&a);

    put_part(&a, 1, 0);
    hear(a.world, a.at_desk, CF_COMMAND_MISSING);
    a.world->now_ms += hour_ms / 2;
    put_part(&a, 2, 0);
    hear(a.world, a.at_desk, CF_COMMAND_MISSING);
    set_quota(&a, before + 1300);
    a.world->now_ms += hour_ms / 2 - 1;
    put_part(&a, 3, 0);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    cr_expect_eq(taken(&a), before + 600);
    a.world->now_ms += 1; /* it has looked within this minute */
    put_part(&a, 3, 0);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    a.world->now_ms += MINUTE_MS;
    put_part(&a, 3, 0);
    hear(a.world, a.at_desk, CF_COMMAND_MISSING);
    cr_expect_eq(taken(&a), before + 600, "the first has gone, the second and the third are there");
    expect_exact(&a);

    a.world->now_ms += 2 * hour_ms; /* who goes on himself loses nothing of his own */
    set_quota(&a, before + 600);
    put_part(&a, 2, 300);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    cr_expect_eq(taken(&a), before + 300);
    set_quota(&a, before + 1000);
    put_part(&a, 2, 300);
    hear(a.world, a.at_desk, CF_COMMAND_MISSING);
    cr_expect_eq(taken(&a), before + 600);
    expect_exact(&a);
    household_end(&a);
}

/* 260 of them; more go with the next look. */
Test(quota_counts, drop_no_more_than_256_uploads_at_once)
{
    household a = anns_house();
    const uint64_t before = taken(&a);

    for (uint8_t i = 0; i < 130; i++)
        for (uint8_t j = 0; j < 2; j++) {
            say(a.world, a.at_desk,
                &(cf_message){.command = CF_COMMAND_PUT,
                              .put = {.id = {{i, j}},
                                      .offset = 0,
                                      .total = 1000,
                                      .bytes = cf_bytes_of_text("x")}});
            hear(a.world, a.at_desk, CF_COMMAND_MISSING);
        }
    set_quota(&a, before + 260);
    a.world->now_ms += 60 * MINUTE_MS;
    put_part(&a, 255, 0);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    cr_expect_eq(taken(&a), before + 4);
    a.world->now_ms += MINUTE_MS;
    put_part(&a, 255, 0);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    cr_expect_eq(taken(&a), before);
    household_end(&a);
}

static void put_one(household *a)
{
    static unsigned number;
    char text[32];

    snprintf(text, sizeof text, "blob %u", ++number);
    cf_bytes piece = cf_bytes_of_text(text);
    cf_message put = {
        .command = CF_COMMAND_PUT,
        .put = {.id = cf_sha256_of(piece), .offset = 0, .total = piece.size, .bytes = piece}};
    say(a->world, a->at_desk, &put);
    hear(a->world, a->at_desk, CF_COMMAND_STORED);
}

static void commit(household *a)
{
    cf_error error;

    expect_ok(a->world->broker.store->commit(a->world->broker.store, &error), error);
}

/* As it does when it is told to stop. */
static void stop_and_start(household *a)
{
    cf_quotas_finish(a->world->broker.quotas);
    commit(a);
    start_again(a);
    count_lists(a);
}

static void kill_and_start(household *a)
{
    start_again(a);
    count_lists(a);
}

static household with_blobs(unsigned count)
{
    household a = anns_house();

    for (unsigned i = 0; i < count; i++)
        put_one(&a);
    return a;
}

Test(quota_counts, list_no_blob_after_a_stop)
{
    for (unsigned count = 10; count <= 160; count *= 4) {
        household a = with_blobs(count);

        stop_and_start(&a);
        cr_expect_eq(said(&a).count, count);
        put_one(&a);
        cr_expect_eq(said(&a).count, count + 1);
        cr_expect_eq(lists, 0, "%u blobs listed of %u", listed, count);
        expect_exact(&a);
        household_end(&a);
    }
}

static cf_status (*store_write)(cf_store *store, const cf_hash *user, const cf_kv *records,
                                size_t count, bool synced, cf_error *error);
static cf_status (*store_commit)(cf_store *store, cf_error *error);
static size_t writes, syncs;

static cf_status count_write(cf_store *store, const cf_hash *user, const cf_kv *records,
                             size_t count, bool synced, cf_error *error)
{
    writes++;
    syncs += synced;
    return store_write(store, user, records, count, synced, error);
}

static cf_status count_commit(cf_store *store, cf_error *error)
{
    syncs++;
    return store_commit(store, error);
}

Test(quota_counts, are_all_doubted_with_one_sync)
{
    enum { OTHERS = 4 };
    household a = anns_house();
    person accounts[OTHERS], desks[OTHERS], laps[OTHERS];
    cf_quota_figures figures;
    cf_error error;

    taken(&a);
    for (uint8_t i = 0; i < OTHERS; i++) {
        accounts[i] = an_account((uint8_t)(10 + 3 * i));
        desks[i] = a_device((uint8_t)(11 + 3 * i), &accounts[i].user);
        laps[i] = a_device((uint8_t)(12 + 3 * i), &accounts[i].user);
        settle_in(a.world, &accounts[i], &desks[i], &laps[i]);
        expect_ok(cf_quotas_figures(a.world->broker.quotas, &accounts[i].user, &figures, &error),
                  error);
    }
    cf_quotas_finish(a.world->broker.quotas);
    cf_store *store = a.world->broker.store;
    store_write = store->write;
    store_commit = store->commit;
    store->write = count_write;
    store->commit = count_commit;
    writes = syncs = 0;
    cf_quotas_doubt_all(a.world->broker.quotas, a.world->broker.users);
    cr_expect_eq(writes, OTHERS + 1);
    cr_expect_eq(syncs, 1);
    cf_quotas_doubt_all(a.world->broker.quotas, a.world->broker.users);
    cr_expect_eq(writes, OTHERS + 1);
    cr_expect_eq(syncs, 1, "nothing is kept any more");
    store->write = store_write;
    store->commit = store_commit;
    for (int i = 0; i < OTHERS; i++) {
        person_end(&accounts[i]);
        person_end(&desks[i]);
        person_end(&laps[i]);
    }
    household_end(&a);
}

Test(quota_counts, list_blobs_once_after_a_kill)
{
    for (unsigned count = 10; count <= 160; count *= 4) {
        household a = with_blobs(count);

        stop_and_start(&a);
        put_one(&a);
        kill_and_start(&a);
        cr_expect_eq(said(&a).count, count + 1);
        cr_expect_eq(said(&a).count, count + 1);
        cr_expect_eq(lists, 1);
        cr_expect_eq(listed, count + 1);
        expect_exact(&a);
        commit(&a);
        kill_and_start(&a);
        cr_expect_eq(said(&a).count, count + 1);
        cr_expect_eq(lists, 0, "nothing was put since");
        household_end(&a);
    }
}

static void write_record(household *a, cf_bytes value)
{
    cf_kv record = {cf_bytes_of("qb", 2), value};
    cf_error error;

    expect_ok(a->world->broker.store->write(a->world->broker.store, &a->account.user, &record, 1,
                                            true, &error),
              error);
}

Test(quota_counts, list_blobs_of_a_store_of_before_once)
{
    static const uint8_t any[18];

    for (size_t size = 0; size <= sizeof any; size++) {
        household a = with_blobs(10);

        write_record(&a, size ? cf_bytes_of(any, size - 1) : (cf_bytes){0});
        if (size == 17) {
            household_end(&a);
            continue; /* a record's size */
        }
        kill_and_start(&a);
        cr_expect_eq(said(&a).count, 10);
        cr_expect_eq(lists, 1);
        commit(&a);
        kill_and_start(&a);
        cr_expect_eq(said(&a).count, 10);
        cr_expect_eq(lists, 0);
        household_end(&a);
    }
}

Test(quota_counts, keep_what_has_not_changed_for_ten_minutes)
{
    household a = with_blobs(10);

    stop_and_start(&a);
    put_one(&a);
    for (unsigned minute = 0; minute <= 10; minute++) {
        a.world->now_ms += MINUTE_MS;
        cf_quotas_tick(a.world->broker.quotas, a.world->now_ms);
        if (minute == 9) { /* seen to be changed at minute 0 */
            commit(&a);
            kill_and_start(&a);
            cr_expect_eq(said(&a).count, 11);
            cr_expect_eq(lists, 1);
            put_one(&a);
            break;
        }
    }
    for (unsigned minute = 0; minute <= 10; minute++) {
        a.world->now_ms += MINUTE_MS;
        cf_quotas_tick(a.world->broker.quotas, a.world->now_ms);
    }
    commit(&a);
    kill_and_start(&a);
    cr_expect_eq(said(&a).count, 12);
    cr_expect_eq(lists, 0);
    household_end(&a);
}

/* Its answer is still to come. */
Test(quota_counts, keep_nothing_while_a_piece_is_under_way)
{
    household a = with_blobs(3);
    cf_error error;

    stop_and_start(&a);
    expect_ok(cf_quotas_put(a.world->broker.quotas, &a.account.user, 5, 5, &error), error);
    stop_and_start(&a);
    cr_expect_eq(said(&a).count, 3);
    cr_expect_eq(lists, 1);
    household_end(&a);
}

Test(quota_counts, give_no_room_to_who_brings_blobs_before_a_kill)
{
    household a = with_blobs(3);
    cf_bytes piece = cf_bytes_of_text("one more");
    cf_message put = {
        .command = CF_COMMAND_PUT,
        .put = {.id = cf_sha256_of(piece), .offset = 0, .total = piece.size, .bytes = piece}};

    stop_and_start(&a);
    put_one(&a);
    put_one(&a);
    set_quota(&a, taken(&a));
    kill_and_start(&a);
    say(a.world, a.at_desk, &put);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    household_end(&a);
}

Test(quota_counts, take_what_was_listed_unless_something_changed_meanwhile)
{
    household a = with_blobs(3);
    cf_quotas *quotas = a.world->broker.quotas;
    cf_blob_usage wrong = {7, 7000};
    cf_error error;

    uint64_t before = cf_quotas_changes(quotas, &a.account.user);
    put_one(&a);
    cf_quotas_recounted(quotas, &a.account.user, before, wrong);
    expect_exact(&a);
    before = cf_quotas_changes(quotas, &a.account.user);
    expect_ok(cf_quotas_put(quotas, &a.account.user, 5, 5, &error), error);
    cr_expect_eq(cf_quotas_changes(quotas, &a.account.user), 0);
    cf_quotas_recounted(quotas, &a.account.user, before, wrong);
    cf_quotas_recounted(quotas, &a.account.user, 0, wrong);
    cf_quotas_was_put(quotas, &a.account.user, 5, &(cf_blob_held){0});
    expect_exact(&a);
    before = cf_quotas_changes(quotas, &a.account.user);
    cf_quotas_recounted(quotas, &a.account.user, before, wrong);
    cr_expect_eq(said(&a).size, 7000);
    household_end(&a);
}

/* Whoever was removed may come again, with the same account, while his blobs are still listed. */
Test(quota_counts, take_no_count_that_was_made_of_an_earlier_user)
{
    household a = anns_house();
    cf_quotas *quotas = a.world->broker.quotas;

    cf_quotas_forget(quotas, &a.account.user);
    uint64_t before = cf_quotas_changes(quotas, &a.account.user);
    cf_quotas_forget(quotas, &a.account.user);
    cf_quotas_changes(quotas, &a.account.user);
    cf_quotas_recounted(quotas, &a.account.user, before, (cf_blob_usage){1000, 10});
    cr_expect_eq(said(&a).size, 0);
    household_end(&a);
}
