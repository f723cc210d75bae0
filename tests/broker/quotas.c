/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/quotas.h"

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

Test(quotas, take_the_last_byte_that_fits_and_refuse_the_next)
{
    ann a = anns_house();
    uint64_t before = taken(&a);

    write_change(&a.desk, "some body", NULL, 0);
    uint64_t size = a.desk.wire.size;
    cr_assert_gt(before, 0);
    set_quota(&a, before + size - 1);
    publish(a.house, a.at_desk, &a.desk);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    cr_assert_eq(taken(&a), before);

    set_quota(&a, before + size);
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
    write_and_publish(&a);
    hear_refusal(a.house, a.at_desk, CF_REFUSED_QUOTA);
    greet(a.house, at_account, &a.account.user, NULL, 0);
    let_in(&a.account, &phone, CF_ROLE_MEMBER);
    publish(a.house, at_account, &a.account);
    hear(a.house, at_account, CF_COMMAND_ACCEPTED);
    person_end(&phone);
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
