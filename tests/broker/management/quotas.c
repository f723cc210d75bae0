/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/management/quotas.h"

#include "codec/bulk.h"
#include "codec/limits.h"
#include "tests/broker/management/anns_house.h"

static void write_and_publish(household *a)
{
    write_change(&a->desk, "some body", NULL, 0);
    publish(a->world, a->at_desk, &a->desk);
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
    household a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a whole blob in one piece");
    const cf_hash name = cf_sha256_of(piece);
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {.id = name, .offset = 0, .total = piece.size, .bytes = piece}};
    char large[3000];

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    say(a.world, a.at_desk, &put);
    hear(a.world, a.at_desk, CF_COMMAND_STORED);
    for (int i = 0; i < 50; i++) { /* a hundredth of it takes a small entry */
        write_change(&a.desk, large, NULL, 0);
        publish(a.world, a.at_desk, &a.desk);
        hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    const uint64_t quota = taken(&a);
    set_quota(&a, quota);
    say(a.world, a.at_desk,
        &(cf_message){.command = CF_COMMAND_PUT,
                      .put = {.id = {"another"}, .offset = 0, .total = 1000, .bytes = piece}});
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    size_t more = 0;
    do {
        write_change(&a.desk, "it is deleted", NULL, 0);
        more += a.desk.wire.size;
        publish(a.world, a.at_desk, &a.desk);
        if (more <= quota / 100)
            hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    } while (more <= quota / 100);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_gt(taken(&a), quota, "one went beyond");
    cr_assert_leq(taken(&a), quota + quota / 100);
    household_end(&a);
}

/* A quota that was set far below what is taken. */
Test(quotas, let_who_has_far_more_than_its_quota_delete)
{
    household a = anns_house();
    char large[3000];
    size_t more = 0;

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    for (int i = 0; i < 50; i++) {
        write_change(&a.desk, large, NULL, 0);
        publish(a.world, a.at_desk, &a.desk);
        hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    const uint64_t before = taken(&a);
    set_quota(&a, 1000);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10; i++) {
            write_change(&a.desk, "it is deleted", NULL, 0);
            more += a.desk.wire.size;
            publish(a.world, a.at_desk, &a.desk);
            hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
        }
        start_again(&a);
    }
    while (more <= 16384) {
        write_change(&a.desk, "it is deleted", NULL, 0);
        more += a.desk.wire.size;
        publish(a.world, a.at_desk, &a.desk);
        if (more <= 16384)
            hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_leq(taken(&a), before + 16384);
    household_end(&a);
}

Test(quotas, have_no_margin_for_what_names_a_blob)
{
    household a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a whole blob in one piece");
    const cf_hash name = cf_sha256_of(piece);
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {.id = name, .offset = 0, .total = piece.size, .bytes = piece}};

    say(a.world, a.at_desk, &put);
    hear(a.world, a.at_desk, CF_COMMAND_STORED);
    write_change(&a.desk, "some body", &name, 1);
    set_quota(&a, taken(&a) + a.desk.wire.size - 1);
    publish(a.world, a.at_desk, &a.desk);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    set_quota(&a, taken(&a) + a.desk.wire.size);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(quotas, take_the_last_byte_that_fits_and_refuse_the_next)
{
    household a = anns_house();
    uint64_t before = taken(&a);

    write_change(&a.desk, "some body", NULL, 0);
    uint64_t size = a.desk.wire.size;
    cr_assert_gt(before, 0);
    set_quota(&a, quota_that_takes(before + size) - 1);
    publish(a.world, a.at_desk, &a.desk);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_eq(taken(&a), before);

    set_quota(&a, quota_that_takes(before + size));
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    cr_assert_eq(taken(&a), before + size);

    write_and_publish(&a);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    set_quota(&a, 0);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(quotas, count_what_is_under_way)
{
    household a = anns_house();

    write_change(&a.desk, "some body", NULL, 0);
    set_quota(&a, taken(&a) + a.desk.wire.size + 10);
    publish(a.world, a.at_desk, &a.desk);
    write_and_publish(&a); /* before the first is committed */
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(quotas, know_the_same_after_a_crash)
{
    household a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a whole blob in one piece");
    cf_message put = {
        .command = CF_COMMAND_PUT,
        .put = {.id = cf_sha256_of(piece), .offset = 0, .total = piece.size, .bytes = piece}};

    write_and_publish(&a);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    say(a.world, a.at_desk, &put);
    hear(a.world, a.at_desk, CF_COMMAND_STORED);
    uint64_t sum = taken(&a);
    set_quota(&a, sum + 1);

    start_again(&a);
    cr_assert_eq(taken(&a), sum);
    write_and_publish(&a);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    household_end(&a);
}

static uint64_t seen_ms(household *a)
{
    cf_quota_figures figures;
    cf_error error;

    expect_ok(cf_quotas_figures(a->world->broker.quotas, &a->account.user, &figures, &error),
              error);
    return figures.seen_ms;
}

Test(quotas, tell_when_the_last_session_began_and_keep_that_once_a_minute)
{
    household a = anns_house();
    const uint64_t first_ms = seen_ms(&a);

    cr_assert_eq(first_ms, a.world->now_ms);
    a.world->now_ms += 5000;
    call_from_desk(&a);
    cr_expect_eq(seen_ms(&a), first_ms + 5000);
    start_again(&a);
    cr_expect_geq(seen_ms(&a), first_ms, "at most a minute is forgotten");
    a.world->now_ms += 5000;
    call_from_desk(&a);
    cf_quotas_finish(a.world->broker.quotas);
    start_again(&a);
    cr_expect_eq(seen_ms(&a), a.world->now_ms, "nothing is forgotten where it was stopped");
    a.world->now_ms -= 3600000; /* the clock was wrong */
    call_from_desk(&a);
    cr_expect_eq(seen_ms(&a), a.world->now_ms);
    household_end(&a);
}

Test(quotas, refuse_a_blob_at_its_first_piece)
{
    household a = anns_house();
    cf_bytes first = cf_bytes_of_text("the first piece");
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {.id = {"blob"}, .offset = 0, .total = 1000, .bytes = first}};

    uint64_t before = taken(&a);
    set_quota(&a, before + 999);
    say(a.world, a.at_desk, &put);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);

    set_quota(&a, before + 1000);
    say(a.world, a.at_desk, &put);
    hear(a.world, a.at_desk, CF_COMMAND_MISSING);
    cr_assert_eq(taken(&a), before + first.size);
    household_end(&a);
}

Test(quotas, say_that_a_blob_is_stored_though_there_is_no_room)
{
    household a = anns_house();
    cf_bytes piece = cf_bytes_of_text("a whole blob in one piece");
    cf_message put = {
        .command = CF_COMMAND_PUT,
        .put = {.id = cf_sha256_of(piece), .offset = 0, .total = piece.size, .bytes = piece}};

    say(a.world, a.at_desk, &put);
    hear(a.world, a.at_desk, CF_COMMAND_STORED);
    set_quota(&a, 1);
    say(a.world, a.at_desk, &put);
    hear(a.world, a.at_desk, CF_COMMAND_STORED);
    household_end(&a);
}

Test(quotas, let_an_owner_change_members_when_all_is_full)
{
    household a = anns_house();
    person phone = a_device(4, &a.account.user);
    client *at_account = connect_client(a.world, cf_keys_public(a.account.keys)->curve);

    set_quota(&a, 1);
    char large[17000]; /* more than what the small may go beyond */
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    write_change(&a.desk, large, NULL, 0);
    publish(a.world, a.at_desk, &a.desk);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    greet(a.world, at_account, &a.account.user, NULL, 0);
    let_in(&a.account, &phone, CF_ROLE_MEMBER);
    publish(a.world, at_account, &a.account);
    hear(a.world, at_account, CF_COMMAND_ACCEPTED);
    person_end(&phone);
    household_end(&a);
}

/* Whether an entry of the member log would be taken; nothing is brought. */
static bool takes_members(household *a, uint64_t size)
{
    cf_entry entry = {.header = {.user = a->account.user, .type = CF_ENTRY_MEMBER},
                      .wire = {.size = size}};
    cf_error error;

    if (cf_quotas_publish(a->world->broker.quotas, &entry, a->world->now_ms, &error))
        return false;
    cf_quotas_published(a->world->broker.quotas, &a->account.user, size, CF_APPEND_GAP);
    return true;
}

/* 20 KB are had, the quota is set to 1 KB: the member log gets 16 MiB beyond the 20. Once they are
 * freed it gets 16 MiB beyond the quota. */
Test(quotas, let_the_member_log_go_beyond_by_no_more_than_its_own)
{
    const uint64_t most = 16 * CF_MIB;
    household a = anns_house();
    uint8_t bytes[20000];
    cf_error error;

    memset(bytes, 'x', sizeof bytes);
    const cf_bytes piece = cf_bytes_of(bytes, sizeof bytes);
    const cf_hash name = cf_sha256_of(piece);
    const uint64_t without = taken(&a), quota = without + 1000;
    say(a.world, a.at_desk,
        &(cf_message){.command = CF_COMMAND_PUT,
                      .put = {.id = name, .offset = 0, .total = piece.size, .bytes = piece}});
    hear(a.world, a.at_desk, CF_COMMAND_STORED);
    set_quota(&a, quota);
    cr_expect(takes_members(&a, most));
    cr_expect_not(takes_members(&a, most + 1));

    expect_ok(cf_quotas_dropping(a.world->broker.quotas, &a.account.user, &error), error);
    expect_ok(a.world->broker.blobs->drop(a.world->broker.blobs, &a.account.user, &name, &error),
              error);
    cf_quotas_dropped(a.world->broker.quotas, &a.account.user, (cf_blob_usage){1, piece.size});
    cr_expect(takes_members(&a, quota - without + most));
    cr_expect_not(takes_members(&a, quota - without + most + 1));
    expect_ok(a.world->broker.store->commit(a.world->broker.store, &error), error);

    write_change(&a.desk, "an edit", NULL, 0); /* what is freed once stays so */
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    const uint64_t left = quota - taken(&a);
    cr_expect(takes_members(&a, left + most));
    cr_expect_not(takes_members(&a, left + most + 1));
    start_again(&a);
    cr_expect(takes_members(&a, left + most));
    cr_expect_not(takes_members(&a, left + most + 1));
    household_end(&a);
}

/* Still above the quota: 50 KB were had, 20 KB are, and beside these 16 KiB may come. */
Test(quotas, give_no_room_back_that_was_freed_above_the_quota)
{
    household a = anns_house();
    uint8_t bytes[30000];
    char text[3000];
    cf_error error;
    size_t more = 0;

    memset(bytes, 'x', sizeof bytes);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const cf_bytes piece = cf_bytes_of(bytes, sizeof bytes);
    const cf_hash name = cf_sha256_of(piece);
    say(a.world, a.at_desk,
        &(cf_message){.command = CF_COMMAND_PUT,
                      .put = {.id = name, .offset = 0, .total = piece.size, .bytes = piece}});
    hear(a.world, a.at_desk, CF_COMMAND_STORED);
    for (int i = 0; i < 7; i++) {
        write_change(&a.desk, text, NULL, 0);
        publish(a.world, a.at_desk, &a.desk);
        hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    set_quota(&a, 1000);
    expect_ok(cf_quotas_dropping(a.world->broker.quotas, &a.account.user, &error), error);
    expect_ok(a.world->broker.blobs->drop(a.world->broker.blobs, &a.account.user, &name, &error),
              error);
    cf_quotas_dropped(a.world->broker.quotas, &a.account.user, (cf_blob_usage){1, piece.size});
    const uint64_t before = taken(&a);
    while (more <= 16384) {
        write_change(&a.desk, "it is deleted", NULL, 0);
        more += a.desk.wire.size;
        publish(a.world, a.at_desk, &a.desk);
        if (more <= 16384)
            hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    hear_refusal(a.world, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_leq(taken(&a), before + 16384);
    household_end(&a);
}

Test(quotas, hold_back_who_brings_more_entries_than_a_minute_has)
{
    household a = anns_house();

    a.world->options.entries_per_minute = 10;
    start_again(&a);
    for (int i = 0; i < 10; i++) {
        write_and_publish(&a);
        hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    }
    write_and_publish(&a);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_BUSY);
    a.world->now_ms += MINUTE_MS / 10 - 1;
    publish(a.world, a.at_desk, &a.desk);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_BUSY);
    a.world->now_ms += 1;
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(quotas, bound_the_connections_of_a_user)
{
    household a = anns_house();
    cf_message hello = hello_of(&a.account.user);

    a.world->options.sessions_of_user = 1;
    start_again(&a);
    client *at_lap = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    say(a.world, at_lap, &hello);
    hear_refusal(a.world, at_lap, CF_REFUSED_BUSY);
    call_from_desk(&a); /* again: its own old one makes room */

    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(a.at_desk->routing_id));
    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text("c0"));
    greet(a.world, at_lap, &a.account.user, NULL, 0);
    household_end(&a);
}
