/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/quotas.h"
#include "broker/store/reserve.h"

#include <stdio.h>
#include <string.h>

#include "codec/hash.h"
#include "codec/limits.h"
#include "tests/broker/gateway_fixture.h"

enum { MINUTE_MS = 60000 };

/* Ann has a desk (an owner) and a lap (a member); the desk has a connection that said HELLO. */
typedef struct {
    broker_world *house;
    person account, desk, lap;
    caller *at_desk;
} ann;

static void call_from_desk(ann *a)
{
    a->at_desk = call_in(a->house, cf_keys_public(a->desk.keys)->curve);
    greet(a->house, a->at_desk, &a->account.user, NULL, 0);
}

static ann anns_house(void)
{
    ann a = {.house = a_house(), .account = an_account(1)};

    a.desk = a_device(2, &a.account.user);
    a.lap = a_device(3, &a.account.user);
    settle_in(a.house, &a.account, &a.desk, &a.lap);
    call_from_desk(&a);
    return a;
}

static void start_again(ann *a)
{
    house_crash(a->house);
    call_from_desk(a);
}

static void end(ann *a)
{
    house_end(a->house);
    person_end(&a->account);
    person_end(&a->desk);
    person_end(&a->lap);
}

static void set_quota(ann *a, uint64_t bytes)
{
    cf_error error;

    expect_ok(cf_quotas_set(a->house->quotas, &a->account.user, bytes, &error), error);
}

static uint64_t taken(ann *a)
{
    cf_quota_figures figures;
    cf_error error;

    expect_ok(cf_quotas_figures(a->house->quotas, &a->account.user, &figures, &error), error);
    return figures.entry_bytes + figures.blob_bytes;
}

static void write_and_publish(ann *a)
{
    write_change(&a->desk, "some body", NULL, 0);
    publish(a->house, a->at_desk, &a->desk);
}

/* The smallest quota at which so much may be taken by entries without blobs. */
static uint64_t quota_that_takes(uint64_t size)
{
    uint64_t quota = size;

    while (quota - 1 + (quota - 1) / 100 >= size)
        quota--;
    return quota;
}

Test(quotas, let_who_has_no_room_delete_a_little_and_bring_nothing_new)
{
    ann a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a whole blob in one piece");
    const cf_hash name = cf_sha256_of(piece);
    cf_message put = {.command = CF_COMMAND_PUT, .put = {name, 0, piece.size, piece}};
    char large[3000];

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    say(a.house, a.at_desk, &put);
    hear(a.house, a.at_desk, CF_COMMAND_STORED);
    for (int i = 0; i < 50; i++) { /* a hundredth of it takes a small entry */
        write_change(&a.desk, large, NULL, 0);
        publish(a.house, a.at_desk, &a.desk);
        hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    const uint64_t quota = taken(&a);
    set_quota(&a, quota);
    say(a.house, a.at_desk,
        &(cf_message){.command = CF_COMMAND_PUT, .put = {{"another"}, 0, 1000, piece}});
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    size_t more = 0;
    do {
        write_change(&a.desk, "it is deleted", NULL, 0);
        more += a.desk.wire.size;
        publish(a.house, a.at_desk, &a.desk);
        if (more <= quota / 100)
            hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    } while (more <= quota / 100);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_gt(taken(&a), quota, "one went beyond");
    cr_assert_leq(taken(&a), quota + quota / 100);
    end(&a);
}

/* A quota that was set far below what is taken. */
Test(quotas, let_who_has_far_more_than_its_quota_delete)
{
    ann a = anns_house();
    char large[3000];
    size_t more = 0;

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    for (int i = 0; i < 50; i++) {
        write_change(&a.desk, large, NULL, 0);
        publish(a.house, a.at_desk, &a.desk);
        hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    const uint64_t before = taken(&a);
    set_quota(&a, 1000);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10; i++) {
            write_change(&a.desk, "it is deleted", NULL, 0);
            more += a.desk.wire.size;
            publish(a.house, a.at_desk, &a.desk);
            hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
        }
        start_again(&a);
    }
    while (more <= 16384) {
        write_change(&a.desk, "it is deleted", NULL, 0);
        more += a.desk.wire.size;
        publish(a.house, a.at_desk, &a.desk);
        if (more <= 16384)
            hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_leq(taken(&a), before + 16384);
    end(&a);
}

Test(quotas, have_no_margin_for_what_names_a_blob)
{
    ann a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a whole blob in one piece");
    const cf_hash name = cf_sha256_of(piece);
    cf_message put = {.command = CF_COMMAND_PUT, .put = {name, 0, piece.size, piece}};

    say(a.house, a.at_desk, &put);
    hear(a.house, a.at_desk, CF_COMMAND_STORED);
    write_change(&a.desk, "some body", &name, 1);
    set_quota(&a, taken(&a) + a.desk.wire.size - 1);
    publish(a.house, a.at_desk, &a.desk);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    set_quota(&a, taken(&a) + a.desk.wire.size);
    publish(a.house, a.at_desk, &a.desk);
    hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    end(&a);
}

Test(quotas, take_the_last_byte_that_fits_and_refuse_the_next)
{
    ann a = anns_house();
    uint64_t before = taken(&a);

    write_change(&a.desk, "some body", NULL, 0);
    uint64_t size = a.desk.wire.size;
    cr_assert_gt(before, 0);
    set_quota(&a, quota_that_takes(before + size) - 1);
    publish(a.house, a.at_desk, &a.desk);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_eq(taken(&a), before);

    set_quota(&a, quota_that_takes(before + size));
    publish(a.house, a.at_desk, &a.desk);
    hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    cr_assert_eq(taken(&a), before + size);

    write_and_publish(&a);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    set_quota(&a, 0);
    publish(a.house, a.at_desk, &a.desk);
    hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    end(&a);
}

Test(quotas, count_what_is_under_way)
{
    ann a = anns_house();

    write_change(&a.desk, "some body", NULL, 0);
    set_quota(&a, taken(&a) + a.desk.wire.size + 10);
    publish(a.house, a.at_desk, &a.desk);
    write_and_publish(&a); /* before the first is committed */
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    end(&a);
}

Test(quotas, know_the_same_after_a_crash)
{
    ann a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a whole blob in one piece");
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {cf_sha256_of(piece), 0, piece.size, piece}};

    write_and_publish(&a);
    hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    say(a.house, a.at_desk, &put);
    hear(a.house, a.at_desk, CF_COMMAND_STORED);
    uint64_t sum = taken(&a);
    set_quota(&a, sum + 1);

    start_again(&a);
    cr_assert_eq(taken(&a), sum);
    write_and_publish(&a);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    end(&a);
}

static uint64_t seen_ms(ann *a)
{
    cf_quota_figures figures;
    cf_error error;

    expect_ok(cf_quotas_figures(a->house->quotas, &a->account.user, &figures, &error), error);
    return figures.seen_ms;
}

Test(quotas, tell_when_the_last_session_began_and_keep_that_once_a_minute)
{
    ann a = anns_house();
    const uint64_t first_ms = seen_ms(&a);

    cr_assert_eq(first_ms, a.house->now_ms);
    a.house->now_ms += 5000;
    call_from_desk(&a);
    cr_expect_eq(seen_ms(&a), first_ms + 5000);
    start_again(&a);
    cr_expect_geq(seen_ms(&a), first_ms, "at most a minute is forgotten");
    a.house->now_ms += 5000;
    call_from_desk(&a);
    cf_quotas_finish(a.house->quotas);
    start_again(&a);
    cr_expect_eq(seen_ms(&a), a.house->now_ms, "nothing is forgotten where it was stopped");
    a.house->now_ms -= 3600000; /* the clock was wrong */
    call_from_desk(&a);
    cr_expect_eq(seen_ms(&a), a.house->now_ms);
    end(&a);
}

Test(quotas, refuse_a_blob_at_its_first_piece)
{
    ann a = anns_house();
    cf_bytes first = cf_bytes_of_text("the first piece");
    cf_message put = {.command = CF_COMMAND_PUT, .put = {{"blob"}, 0, 1000, first}};

    uint64_t before = taken(&a);
    set_quota(&a, before + 999);
    say(a.house, a.at_desk, &put);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);

    set_quota(&a, before + 1000);
    say(a.house, a.at_desk, &put);
    hear(a.house, a.at_desk, CF_COMMAND_MISSING);
    cr_assert_eq(taken(&a), before + first.size);
    end(&a);
}

Test(quotas, say_that_a_blob_is_stored_though_there_is_no_room)
{
    ann a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a whole blob in one piece");
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {cf_sha256_of(piece), 0, piece.size, piece}};

    say(a.house, a.at_desk, &put);
    hear(a.house, a.at_desk, CF_COMMAND_STORED);
    set_quota(&a, 1);
    say(a.house, a.at_desk, &put);
    hear(a.house, a.at_desk, CF_COMMAND_STORED);
    end(&a);
}

Test(quotas, let_an_owner_change_members_when_all_is_full)
{
    ann a = anns_house();
    person phone = a_device(4, &a.account.user);
    caller *at_account = call_in(a.house, cf_keys_public(a.account.keys)->curve);

    set_quota(&a, 1);
    char large[17000]; /* more than what the small may go beyond */
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    write_change(&a.desk, large, NULL, 0);
    publish(a.house, a.at_desk, &a.desk);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    greet(a.house, at_account, &a.account.user, NULL, 0);
    let_in(&a.account, &phone, CF_ROLE_MEMBER);
    publish(a.house, at_account, &a.account);
    hear(a.house, at_account, CF_COMMAND_ACCEPTED);
    person_end(&phone);
    end(&a);
}

/* Whether an entry of the member log would be taken; nothing is brought. */
static bool takes_members(ann *a, uint64_t size)
{
    cf_entry entry = {.header = {.user = a->account.user, .type = CF_ENTRY_MEMBER},
                      .wire = {.size = size}};
    cf_error error;

    if (cf_quotas_publish(a->house->quotas, &entry, a->house->now_ms, &error))
        return false;
    cf_quotas_published(a->house->quotas, &a->account.user, size, CF_APPEND_GAP);
    return true;
}

/* 20 KB are had, the quota is set to 1 KB: the member log gets 16 MiB beyond the 20. Once they are
 * freed it gets 16 MiB beyond the quota. */
Test(quotas, let_the_member_log_go_beyond_by_no_more_than_its_own)
{
    const uint64_t most = 16 * CF_MIB;
    ann a = anns_house();
    uint8_t bytes[20000];
    cf_error error;

    memset(bytes, 'x', sizeof bytes);
    const cf_bytes piece = cf_bytes_of(bytes, sizeof bytes);
    const cf_hash name = cf_sha256_of(piece);
    const uint64_t without = taken(&a), quota = without + 1000;
    say(a.house, a.at_desk,
        &(cf_message){.command = CF_COMMAND_PUT, .put = {name, 0, piece.size, piece}});
    hear(a.house, a.at_desk, CF_COMMAND_STORED);
    set_quota(&a, quota);
    cr_expect(takes_members(&a, most));
    cr_expect_not(takes_members(&a, most + 1));

    expect_ok(cf_quotas_dropping(a.house->quotas, &a.account.user, &error), error);
    expect_ok(a.house->blobs->drop(a.house->blobs, &a.account.user, &name, &error), error);
    cf_quotas_dropped(a.house->quotas, &a.account.user, (cf_blob_usage){1, piece.size});
    cr_expect(takes_members(&a, quota - without + most));
    cr_expect_not(takes_members(&a, quota - without + most + 1));
    expect_ok(a.house->store->commit(a.house->store, &error), error);

    write_change(&a.desk, "an edit", NULL, 0); /* what is freed once stays so */
    publish(a.house, a.at_desk, &a.desk);
    hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    const uint64_t left = quota - taken(&a);
    cr_expect(takes_members(&a, left + most));
    cr_expect_not(takes_members(&a, left + most + 1));
    start_again(&a);
    cr_expect(takes_members(&a, left + most));
    cr_expect_not(takes_members(&a, left + most + 1));
    end(&a);
}

/* Still above the quota: 50 KB were had, 20 KB are, and beside these 16 KiB may come. */
Test(quotas, give_no_room_back_that_was_freed_above_the_quota)
{
    ann a = anns_house();
    uint8_t bytes[30000];
    char text[3000];
    cf_error error;
    size_t more = 0;

    memset(bytes, 'x', sizeof bytes);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const cf_bytes piece = cf_bytes_of(bytes, sizeof bytes);
    const cf_hash name = cf_sha256_of(piece);
    say(a.house, a.at_desk,
        &(cf_message){.command = CF_COMMAND_PUT, .put = {name, 0, piece.size, piece}});
    hear(a.house, a.at_desk, CF_COMMAND_STORED);
    for (int i = 0; i < 7; i++) {
        write_change(&a.desk, text, NULL, 0);
        publish(a.house, a.at_desk, &a.desk);
        hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    set_quota(&a, 1000);
    expect_ok(cf_quotas_dropping(a.house->quotas, &a.account.user, &error), error);
    expect_ok(a.house->blobs->drop(a.house->blobs, &a.account.user, &name, &error), error);
    cf_quotas_dropped(a.house->quotas, &a.account.user, (cf_blob_usage){1, piece.size});
    const uint64_t before = taken(&a);
    while (more <= 16384) {
        write_change(&a.desk, "it is deleted", NULL, 0);
        more += a.desk.wire.size;
        publish(a.house, a.at_desk, &a.desk);
        if (more <= 16384)
            hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_leq(taken(&a), before + 16384);
    end(&a);
}

Test(quotas, hold_back_who_brings_more_entries_than_a_minute_has)
{
    ann a = anns_house();

    a.house->entries_per_minute = 10;
    start_again(&a);
    for (int i = 0; i < 10; i++) {
        write_and_publish(&a);
        hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    write_and_publish(&a);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_BUSY);
    a.house->now_ms += MINUTE_MS / 10 - 1;
    publish(a.house, a.at_desk, &a.desk);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_BUSY);
    a.house->now_ms += 1;
    publish(a.house, a.at_desk, &a.desk);
    hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    end(&a);
}

Test(quotas, bound_the_connections_of_a_user)
{
    ann a = anns_house();
    cf_message hello = {.command = CF_COMMAND_HELLO, .hello = {1, a.account.user, NULL, 0, false}};

    a.house->sessions_of_user = 1;
    start_again(&a);
    caller *at_lap = call_in(a.house, cf_keys_public(a.lap.keys)->curve);
    say(a.house, at_lap, &hello);
    hear_refusal(a.house, at_lap, CF_REFUSED_BUSY);
    call_from_desk(&a); /* again: its own old one makes room */

    cf_gateway_gone(a.house->gateway, cf_bytes_of_text(a.at_desk->routing_id));
    cf_gateway_gone(a.house->gateway, cf_bytes_of_text("c0"));
    greet(a.house, at_lap, &a.account.user, NULL, 0);
    end(&a);
}

/* ---- What blobs take is kept ---- */

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
static void count_lists(ann *a)
{
    real_list = a->house->blobs->list;
    a->house->blobs->list = count_list;
    lists = listed = 0;
}

static cf_blob_usage said(ann *a)
{
    cf_quota_figures figures;
    cf_error error;

    expect_ok(cf_quotas_figures(a->house->quotas, &a->account.user, &figures, &error), error);
    return (cf_blob_usage){figures.blobs, figures.blob_bytes};
}

static void expect_exact(ann *a)
{
    const cf_blob_usage kept = said(a);
    cf_blob_usage usage;
    cf_error error;

    expect_ok(cf_blobs_usage(a->house->blobs, &a->account.user, &usage, &error), error);
    cr_expect_eq(kept.size, usage.size, "%llu for %llu", (unsigned long long)kept.size,
                 (unsigned long long)usage.size);
    cr_expect_eq(kept.count, usage.count);
}

/* A piece of a blob of 1,000 bytes; which one says its first byte. */
static void put_part(ann *a, uint8_t blob, uint64_t offset)
{
    static const uint8_t part[300];

    say(a->house, a->at_desk,
        &(cf_message){.command = CF_COMMAND_PUT,
                      .put = {{{blob}}, offset, 1000, cf_bytes_of(part, sizeof part)}});
}

/* Two parts of 300 lie there. The quota takes a blob of 1,000 beside one of them, and beside none
 * another. */
Test(quotas, take_the_room_of_uploads_that_were_given_up_an_hour_ago)
{
    const uint64_t hour_ms = 60 * MINUTE_MS;
    ann a = anns_house();
    const uint64_t before = taken(&a);

    put_part(&a, 1, 0);
    hear(a.house, a.at_desk, CF_COMMAND_MISSING);
    a.house->now_ms += hour_ms / 2;
    put_part(&a, 2, 0);
    hear(a.house, a.at_desk, CF_COMMAND_MISSING);
    set_quota(&a, before + 1300);
    a.house->now_ms += hour_ms / 2 - 1;
    put_part(&a, 3, 0);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_expect_eq(taken(&a), before + 600);
    a.house->now_ms += 1; /* it has looked within this minute */
    put_part(&a, 3, 0);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    a.house->now_ms += MINUTE_MS;
    put_part(&a, 3, 0);
    hear(a.house, a.at_desk, CF_COMMAND_MISSING);
    cr_expect_eq(taken(&a), before + 600, "the first has gone, the second and the third are there");
    expect_exact(&a);

    a.house->now_ms += 2 * hour_ms; /* who goes on himself loses nothing of his own */
    set_quota(&a, before + 600);
    put_part(&a, 2, 300);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_expect_eq(taken(&a), before + 300);
    set_quota(&a, before + 1000);
    put_part(&a, 2, 300);
    hear(a.house, a.at_desk, CF_COMMAND_MISSING);
    cr_expect_eq(taken(&a), before + 600);
    expect_exact(&a);
    end(&a);
}

/* 260 of them; more go with the next look. */
Test(quotas, drop_no_more_than_256_uploads_at_once)
{
    ann a = anns_house();
    const uint64_t before = taken(&a);

    for (uint8_t i = 0; i < 130; i++)
        for (uint8_t j = 0; j < 2; j++) {
            say(a.house, a.at_desk,
                &(cf_message){.command = CF_COMMAND_PUT,
                              .put = {{{i, j}}, 0, 1000, cf_bytes_of_text("x")}});
            hear(a.house, a.at_desk, CF_COMMAND_MISSING);
        }
    set_quota(&a, before + 260);
    a.house->now_ms += 60 * MINUTE_MS;
    put_part(&a, 255, 0);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_expect_eq(taken(&a), before + 4);
    a.house->now_ms += MINUTE_MS;
    put_part(&a, 255, 0);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_expect_eq(taken(&a), before);
    end(&a);
}

static void put_one(ann *a)
{
    static unsigned number;
    char text[32];

    snprintf(text, sizeof text, "blob %u", ++number);
    cf_bytes piece = cf_bytes_of_text(text);
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {cf_sha256_of(piece), 0, piece.size, piece}};
    say(a->house, a->at_desk, &put);
    hear(a->house, a->at_desk, CF_COMMAND_STORED);
}

static void commit(ann *a)
{
    cf_error error;

    expect_ok(a->house->store->commit(a->house->store, &error), error);
}

/* As it does when it is told to stop. */
static void stop_and_start(ann *a)
{
    cf_quotas_finish(a->house->quotas);
    commit(a);
    start_again(a);
    count_lists(a);
}

static void kill_and_start(ann *a)
{
    start_again(a);
    count_lists(a);
}

static ann with_blobs(unsigned count)
{
    ann a = anns_house();

    for (unsigned i = 0; i < count; i++)
        put_one(&a);
    return a;
}

Test(quotas, list_no_blob_after_a_stop)
{
    for (unsigned count = 10; count <= 160; count *= 4) {
        ann a = with_blobs(count);

        stop_and_start(&a);
        cr_expect_eq(said(&a).count, count);
        put_one(&a);
        cr_expect_eq(said(&a).count, count + 1);
        cr_expect_eq(lists, 0, "%u blobs listed of %u", listed, count);
        expect_exact(&a);
        end(&a);
    }
}

static cf_status (*store_write)(cf_store *store, const cf_hash *user, const cf_record *records,
                                size_t count, bool synced, cf_error *error);
static cf_status (*store_commit)(cf_store *store, cf_error *error);
static size_t writes, syncs;

static cf_status count_write(cf_store *store, const cf_hash *user, const cf_record *records,
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

Test(quotas, are_all_doubted_with_one_sync)
{
    enum { OTHERS = 4 };
    ann a = anns_house();
    person accounts[OTHERS], desks[OTHERS], laps[OTHERS];
    cf_quota_figures figures;
    cf_error error;

    taken(&a);
    for (uint8_t i = 0; i < OTHERS; i++) {
        accounts[i] = an_account((uint8_t)(10 + 3 * i));
        desks[i] = a_device((uint8_t)(11 + 3 * i), &accounts[i].user);
        laps[i] = a_device((uint8_t)(12 + 3 * i), &accounts[i].user);
        settle_in(a.house, &accounts[i], &desks[i], &laps[i]);
        expect_ok(cf_quotas_figures(a.house->quotas, &accounts[i].user, &figures, &error), error);
    }
    cf_quotas_finish(a.house->quotas);
    cf_store *store = a.house->store;
    store_write = store->write;
    store_commit = store->commit;
    store->write = count_write;
    store->commit = count_commit;
    writes = syncs = 0;
    cf_quotas_doubt_all(a.house->quotas, a.house->users);
    cr_expect_eq(writes, OTHERS + 1);
    cr_expect_eq(syncs, 1);
    cf_quotas_doubt_all(a.house->quotas, a.house->users);
    cr_expect_eq(writes, OTHERS + 1);
    cr_expect_eq(syncs, 1, "nothing is kept any more");
    store->write = store_write;
    store->commit = store_commit;
    for (int i = 0; i < OTHERS; i++) {
        person_end(&accounts[i]);
        person_end(&desks[i]);
        person_end(&laps[i]);
    }
    end(&a);
}

Test(quotas, list_blobs_once_after_a_kill)
{
    for (unsigned count = 10; count <= 160; count *= 4) {
        ann a = with_blobs(count);

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
        end(&a);
    }
}

static void write_record(ann *a, cf_bytes value)
{
    cf_record record = {cf_bytes_of("qb", 2), value};
    cf_error error;

    expect_ok(a->house->store->write(a->house->store, &a->account.user, &record, 1, true, &error),
              error);
}

Test(quotas, list_blobs_of_a_store_of_before_once)
{
    static const uint8_t any[18];

    for (size_t size = 0; size <= sizeof any; size++) {
        ann a = with_blobs(10);

        write_record(&a, size ? cf_bytes_of(any, size - 1) : (cf_bytes){0});
        if (size == 17) {
            end(&a);
            continue; /* a record's size */
        }
        kill_and_start(&a);
        cr_expect_eq(said(&a).count, 10);
        cr_expect_eq(lists, 1);
        commit(&a);
        kill_and_start(&a);
        cr_expect_eq(said(&a).count, 10);
        cr_expect_eq(lists, 0);
        end(&a);
    }
}

Test(quotas, keep_what_has_not_changed_for_ten_minutes)
{
    ann a = with_blobs(10);

    stop_and_start(&a);
    put_one(&a);
    for (unsigned minute = 0; minute <= 10; minute++) {
        a.house->now_ms += MINUTE_MS;
        cf_quotas_tick(a.house->quotas, a.house->now_ms);
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
        a.house->now_ms += MINUTE_MS;
        cf_quotas_tick(a.house->quotas, a.house->now_ms);
    }
    commit(&a);
    kill_and_start(&a);
    cr_expect_eq(said(&a).count, 12);
    cr_expect_eq(lists, 0);
    end(&a);
}

/* Its answer is still to come. */
Test(quotas, keep_nothing_while_a_piece_is_under_way)
{
    ann a = with_blobs(3);
    cf_error error;

    stop_and_start(&a);
    expect_ok(cf_quotas_put(a.house->quotas, &a.account.user, 5, 5, &error), error);
    stop_and_start(&a);
    cr_expect_eq(said(&a).count, 3);
    cr_expect_eq(lists, 1);
    end(&a);
}

Test(quotas, give_no_room_to_who_brings_blobs_before_a_kill)
{
    ann a = with_blobs(3);
    cf_bytes piece = cf_bytes_of_text("one more");
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {cf_sha256_of(piece), 0, piece.size, piece}};

    stop_and_start(&a);
    put_one(&a);
    put_one(&a);
    set_quota(&a, taken(&a));
    kill_and_start(&a);
    say(a.house, a.at_desk, &put);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    end(&a);
}

Test(quotas, take_what_was_listed_unless_something_changed_meanwhile)
{
    ann a = with_blobs(3);
    cf_quotas *quotas = a.house->quotas;
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
    end(&a);
}

/* Whoever was removed may come again, with the same account, while his blobs are still listed. */
Test(quotas, take_no_count_that_was_made_of_an_earlier_user)
{
    ann a = anns_house();
    cf_quotas *quotas = a.house->quotas;

    cf_quotas_forget(quotas, &a.account.user);
    uint64_t before = cf_quotas_changes(quotas, &a.account.user);
    cf_quotas_forget(quotas, &a.account.user);
    cf_quotas_changes(quotas, &a.account.user);
    cf_quotas_recounted(quotas, &a.account.user, before, (cf_blob_usage){1000, 10});
    cr_expect_eq(said(&a).size, 0);
    end(&a);
}

/* ---- The reserve ---- */

Test(reserve, is_a_hundredth_or_256_mib_but_an_eighth_of_a_small_disk)
{
    const uint64_t mib = CF_MIB, gib = 1024 * mib;

    cr_expect_eq(cf_reserve_of_contents(100 * gib), gib);
    cr_expect_eq(cf_reserve_of_contents(10 * gib), 256 * mib);
    cr_expect_eq(cf_reserve_of_contents(2 * gib), 256 * mib);
    cr_expect_eq(cf_reserve_of_contents(800 * mib), 100 * mib);
    cr_expect_eq(cf_reserve_of_contents(0), 0);
}

Test(reserve, is_left_by_contents_first_and_by_entries_later)
{
    const uint64_t whole = 800 * CF_MIB, least = 100 * CF_MIB;
    cf_reserve left = {.room = least + 5, .whole = whole};

    cr_expect(cf_reserve_takes_contents(&left, 5));
    cr_expect_not(cf_reserve_takes_contents(&left, 6));
    left.room = least - 1;
    cr_expect_not(cf_reserve_takes_contents(&left, 0));
    cr_expect(cf_reserve_takes_entries(&left, 1000));
    left.room = least / 10 + 5000;
    cr_expect(cf_reserve_takes_entries(&left, 5000));
    cr_expect_not(cf_reserve_takes_entries(&left, 5001));
    cr_expect_not(cf_reserve_takes_entries(&left, UINT64_MAX));
    left.room = least / 40 + 5;
    cr_expect(cf_reserve_takes_entries(&left, 5), "deletions, when larger ones are refused");
    cr_expect_not(cf_reserve_takes_entries(&left, 6));
    left = (cf_reserve){.room = whole - 5, .whole = whole, .needed = whole - 5};
    cr_expect_not(cf_reserve_takes_contents(&left, 1), "the store could not be opened again");
    cr_expect_not(cf_reserve_takes_entries(&left, 1));
}

/* Of 100 GiB contents leave one. */
Test(reserve, is_told_from_10_percent_free_on)
{
    cf_reserve left = {.whole = 100 * 1024 * CF_MIB};

    left.room = left.whole / 1000 * 101;
    cr_expect_not(cf_reserve_is_scarce(&left));
    left.room = left.whole / 1000 * 99;
    cr_expect(cf_reserve_is_scarce(&left));
    cr_expect_str_eq(cf_reserve_effect(&left), "users may be refused soon");
}

Test(reserve, is_told_before_anything_is_refused)
{
    for (uint64_t whole = 16 * CF_MIB; whole <= 64 * 1024 * CF_MIB; whole *= 2)
        for (uint64_t logs = 0; logs <= 64; logs += 8) {
            cf_reserve left = {.whole = whole, .needed = (1 + 2 * logs) * CF_MIB};

            for (left.room = 0; left.room < whole; left.room += whole / 256) {
                const bool takes_all = cf_reserve_takes_contents(&left, whole / 256) &&
                                       cf_reserve_takes_entries(&left, CF_RESERVE_SMALL + 1) &&
                                       cf_reserve_takes_entries(&left, 1);

                cr_assert(takes_all || cf_reserve_is_scarce(&left), "%llu of %llu MiB, logs %llu",
                          (unsigned long long)left.room >> 20, (unsigned long long)whole >> 20,
                          (unsigned long long)logs);
            }
        }
}
