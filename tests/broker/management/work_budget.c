/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/prices.h"
#include "broker/management/work_budget.h"

#include <stdio.h>
#include <string.h>

#include "broker/door/allowances.h"
#include "codec/blob.h"
#include "tests/broker/people/broker_world.h"

enum { POINTS = 1000, MOST = POINTS * CF_WORK_BUDGET_S, SECOND_MS = 1000, PAGE = 256, MANY = 2000 };

static const cf_hash mad = {"mad"}, good = {"good"};

Test(budget, ends_beyond_what_may_be_owed_and_comes_back_with_time)
{
    cf_work_budget *budget = cf_work_budget_new(POINTS);

    cf_work_budget_charge(budget, &mad, MOST, 5000);
    cr_expect_not(cf_work_budget_is_over(budget, &mad, 5000));
    cf_work_budget_charge(budget, &mad, 2 * POINTS, 5000);
    cr_expect(cf_work_budget_is_over(budget, &mad, 5000));
    cr_expect_not(cf_work_budget_is_over(budget, &good, 5000));
    cr_expect(cf_work_budget_is_over(budget, &mad, 5000 + 2 * SECOND_MS - 1));
    cr_expect_not(cf_work_budget_is_over(budget, &mad, 5000 + 2 * SECOND_MS));
    cf_work_budget_destroy(&budget);
}

Test(budget, gives_back_no_more_than_is_owed)
{
    cf_work_budget *budget = cf_work_budget_new(POINTS);

    cf_work_budget_charge(budget, &good, -MOST, 0);
    cf_work_budget_charge(budget, &good, 10, 0);
    cf_work_budget_charge(budget, &good, -MOST, 0);
    cf_work_budget_charge(budget, &good, MOST + 1, 0);
    cr_expect(cf_work_budget_is_over(budget, &good, 0));
    cf_work_budget_charge(budget, &good, -1, 0);
    cr_expect_not(cf_work_budget_is_over(budget, &good, 0));
    cf_work_budget_destroy(&budget);
}

Test(budget, has_no_end_when_it_is_not_limited)
{
    cf_work_budget *budget = cf_work_budget_new(0);

    cf_work_budget_charge(budget, &mad, INT32_MAX, 0);
    cr_expect_not(cf_work_budget_is_over(budget, &mad, 0));
    cf_work_budget_destroy(&budget);
}

Test(budget, knows_how_long_no_session_begins)
{
    cf_work_budget *budget = cf_work_budget_new(POINTS);

    cf_work_budget_charge(budget, &mad, CF_WORK_BUDGET_BEGIN_S * POINTS, 7000);
    cr_expect_eq(cf_work_budget_wait_ms(budget, &mad, 7000), 0);
    cf_work_budget_charge(budget, &mad, 3 * POINTS, 7000);
    cr_expect_eq(cf_work_budget_wait_ms(budget, &mad, 7000), 3 * SECOND_MS);
    cr_expect_eq(cf_work_budget_wait_ms(budget, &mad, 7000 + SECOND_MS), 2 * SECOND_MS);
    cr_expect_eq(cf_work_budget_wait_ms(budget, &mad, 7000 + 3 * SECOND_MS), 0);
    cf_work_budget_destroy(&budget);
}

/* Who owes is not forgotten for others who don't. */
Test(budget, keeps_debts_among_many_users)
{
    cf_work_budget *budget = cf_work_budget_new(POINTS);

    cf_work_budget_charge(budget, &mad, MOST + 100, 0);
    for (uint32_t i = 0; i < 5000; i++) {
        cf_hash user = {{0}};

        cf_put_u64(user.bytes, i);
        cf_work_budget_charge(budget, &user, 1, i / 100);
    }
    cr_expect(cf_work_budget_is_over(budget, &mad, 50));
    cf_work_budget_destroy(&budget);
}

/* Two users, each with a desk that has said HELLO, at a broker that counts what it looks up. */
typedef struct {
    broker_world *world;
    person account, desk, lap;
    person other_account, other_desk, other_lap;
    client *at_desk, *at_other;
} neighbours;

static size_t blobs_looked_up, heads_read;
static cf_status (*inner_held)(cf_blobs *, const cf_hash *, const cf_hash *, cf_blob_held *,
                               cf_error *);
static cf_status (*inner_heads)(cf_store *, const cf_hash *, cf_head_visit *, void *, cf_error *);

static cf_status count_held(cf_blobs *blobs, const cf_hash *user, const cf_hash *id,
                            cf_blob_held *out, cf_error *error)
{
    blobs_looked_up++;
    return inner_held(blobs, user, id, out, error);
}

static cf_status count_heads(cf_store *store, const cf_hash *user, cf_head_visit *visit,
                             void *context, cf_error *error)
{
    heads_read++;
    return inner_heads(store, user, visit, context, error);
}

static neighbours two_users(void)
{
    neighbours n = {
        .world = a_broker_world(), .account = an_account(1), .other_account = an_account(4)};

    n.world->options.waste_per_second = POINTS;
    broker_world_crash(n.world);
    n.desk = a_device(2, &n.account.user);
    n.lap = a_device(3, &n.account.user);
    n.other_desk = a_device(5, &n.other_account.user);
    n.other_lap = a_device(6, &n.other_account.user);
    settle_in(n.world, &n.account, &n.desk, &n.lap);
    settle_in(n.world, &n.other_account, &n.other_desk, &n.other_lap);
    n.at_desk = connect_client(n.world, cf_keys_public(n.desk.keys)->curve);
    n.at_other = connect_client(n.world, cf_keys_public(n.other_desk.keys)->curve);
    greet(n.world, n.at_desk, &n.account.user, NULL, 0);
    greet(n.world, n.at_other, &n.other_account.user, NULL, 0);
    inner_held = n.world->broker.blobs->held;
    n.world->broker.blobs->held = count_held;
    inner_heads = n.world->broker.store->heads;
    n.world->broker.store->heads = count_heads;
    return n;
}

static void neighbours_end(neighbours *n)
{
    broker_world_end(n->world);
    person_end(&n->account);
    person_end(&n->desk);
    person_end(&n->lap);
    person_end(&n->other_account);
    person_end(&n->other_desk);
    person_end(&n->other_lap);
}

static void pass_over(broker_world *world, client *by)
{
    broker_world_settle(world);
    while (by->first < by->count)
        cf_frames_release(&by->letters[by->first++]);
    by->first = by->count = 0;
}

/* The desk asks for blobs until it isn't heard any more. */
static void ask_too_much(neighbours *n)
{
    static cf_hash ids[MANY];
    cf_message have = {.command = CF_COMMAND_HAVE, .have = {.ids = ids, .id_count = MANY}};

    for (int i = 0; i <= MOST / (MANY * CF_PRICE_BLOB); i++)
        say(n->world, n->at_desk, &have);
    pass_over(n->world, n->at_desk);
    blobs_looked_up = heads_read = 0;
    say(n->world, n->at_desk, &have);
}

static void expect_other_goes_on(neighbours *n)
{
    write_change(&n->other_desk, "as if nothing were", NULL, 0);
    publish(n->world, n->at_other, &n->other_desk);
    hear(n->world, n->at_other, CF_COMMAND_ACCEPTED);
}

Test(impatient_gateway, looks_up_no_blob_for_who_asks_too_much)
{
    neighbours n = two_users();

    ask_too_much(&n);
    hear(n.world, n.at_desk, CF_COMMAND_AGAIN);
    cr_expect_eq(blobs_looked_up, 0);
    cr_expect_eq(cf_gateway_count(n.world->broker.gateway).sessions, 1);
    expect_other_goes_on(&n);
    neighbours_end(&n);
}

static void bring_blobs(neighbours *n, int round, cf_hash ids[PAGE])
{
    char text[PAGE][32];
    cf_message have = {.command = CF_COMMAND_HAVE, .have = {.ids = ids, .id_count = PAGE}};

    for (int i = 0; i < PAGE; i++) {
        snprintf(text[i], sizeof text[i], "blob %d of %d", i, round);
        ids[i] = cf_blob_id(cf_bytes_of_text(text[i]));
    }
    say(n->world, n->at_desk, &have);
    for (int i = 0; i < PAGE; i++) {
        cf_bytes bytes = cf_bytes_of_text(text[i]);
        cf_message put = {.command = CF_COMMAND_PUT,
                          .put = {.id = ids[i], .offset = 0, .total = bytes.size, .bytes = bytes}};

        say(n->world, n->at_desk, &put);
    }
    pass_over(n->world, n->at_desk);
}

/* How many are missing of those that the desk asks after. */
static size_t ask(neighbours *n, const cf_hash *ids, size_t count)
{
    cf_message have = {.command = CF_COMMAND_HAVE, .have = {.ids = ids, .id_count = count}};

    say(n->world, n->at_desk, &have);
    return hear(n->world, n->at_desk, CF_COMMAND_MISSING).missing.blob_count;
}

Test(impatient_gateway, looks_only_for_blobs_that_may_be_there)
{
    neighbours n = two_users();
    static cf_hash ids[MANY];

    for (size_t i = 0; i < MANY; i++)
        ids[i].bytes[0] = (uint8_t)i;
    cr_expect_eq(ask(&n, ids, MANY), MANY);
    cr_expect_eq(blobs_looked_up, 0);
    bring_blobs(&n, 0, ids);
    blobs_looked_up = 0;
    cr_expect_eq(ask(&n, ids, PAGE), 0);
    cr_expect_eq(blobs_looked_up, PAGE);
    neighbours_end(&n);
}

Test(impatient_gateway, begins_no_session_for_who_asked_too_much)
{
    neighbours n = two_users();
    cf_message hello = hello_of(&n.account.user);

    ask_too_much(&n);
    hear(n.world, n.at_desk, CF_COMMAND_AGAIN);
    for (int i = 0; i < 5; i++) { /* each is answered, at once */
        cf_message answer;

        say(n.world, n.at_desk, &hello);
        answer = hear(n.world, n.at_desk, CF_COMMAND_REFUSED);
        cr_expect(answer.refused.later);
        cr_expect(cf_bytes_equal(answer.refused.code, cf_bytes_of_text(CF_REFUSED_BUSY)));
        cr_expect_not_null(
            memmem(answer.refused.text.data, answer.refused.text.size, "again in 22 seconds", 19));
    }
    cr_expect_eq(heads_read, 0);
    n.world->now_ms += CF_WORK_BUDGET_S * SECOND_MS;
    say(n.world, n.at_desk, &hello);
    hear(n.world, n.at_desk, CF_COMMAND_WELCOME);
    neighbours_end(&n);
}

Test(impatient_gateway, checks_no_more_signatures_of_who_forges)
{
    neighbours n = two_users();
    int refused = 0;

    write_change(&n.desk, "some body", NULL, 0);
    n.desk.wire.data[n.desk.wire.size - 10 - sizeof "some body"] ^= 1;
    for (int i = 0; i < 1000; i++) {
        publish(n.world, n.at_desk, &n.desk);
        broker_world_settle(n.world);
        refused +=
            cf_gateway_knows(n.world->broker.gateway, cf_bytes_of_text(n.at_desk->routing_id));
    }
    cr_expect_leq(refused, MOST / CF_PRICE_FORGED + 1);
    cr_expect_geq(refused, 1);
    expect_other_goes_on(&n);
    neighbours_end(&n);
}

Test(impatient_gateway, is_tired_of_garbage_and_of_sessions)
{
    neighbours n = two_users();
    cf_message hello = hello_of(&n.account.user);
    cf_bytes garbage = cf_bytes_of_text("\xff\xff\xff");

    heads_read = 0;
    for (int i = 0; i < 1000; i++) {
        say_bytes(n.world, n.at_desk, &garbage, 1);
        say(n.world, n.at_desk, &hello);
        pass_over(n.world, n.at_desk);
    }
    cr_expect_leq(heads_read, MOST / (CF_PRICE_GARBAGE + CF_PRICE_GREETING) + 1);
    expect_other_goes_on(&n);
    neighbours_end(&n);
}

/* How often the desk says it until it isn't heard any more. */
static int64_t asks_until_unheard(neighbours *n, const cf_message *question)
{
    cf_bytes desk = cf_bytes_of_text(n->at_desk->routing_id);
    int64_t asks = 0;

    while (cf_gateway_knows(n->world->broker.gateway, desk) && asks < 2 * MOST) {
        say(n->world, n->at_desk, question);
        pass_over(n->world, n->at_desk);
        asks++;
    }
    return asks;
}

static void expect_tires(const cf_message *question, int64_t price)
{
    neighbours n = two_users();

    cr_expect_leq(asks_until_unheard(&n, question), MOST / price + 2, "%s",
                  cf_command_name(question->command));
    expect_other_goes_on(&n);
    neighbours_end(&n);
}

Test(impatient_gateway, is_tired_of_questions)
{
    static const cf_hash nobody;
    cf_message query = {.command = CF_COMMAND_QUERY},
               locate = {.command = CF_COMMAND_LOCATE, .locate = {.user = nobody}},
               report = {.command = CF_COMMAND_REPORT},
               get = {.command = CF_COMMAND_GET, .get = {.id = nobody}};

    cf_message hello = {.command = CF_COMMAND_HELLO, .hello = {.version = CF_PROTOCOL_VERSION + 1}};
    cf_message chains = {.command = CF_COMMAND_CHAINS, .chains = {.devices = &nobody, .count = 1}};

    expect_tires(&hello, CF_PRICE_ANEW);
    expect_tires(&query, CF_PRICE_QUESTION);
    expect_tires(&chains, CF_PRICE_QUESTION);
    expect_tires(&locate, CF_PRICE_REPORT);
    expect_tires(&report, CF_PRICE_REPORT);
    expect_tires(&get, CF_PRICE_ABSENT);
}

Test(impatient_gateway, is_tired_of_an_entry_that_it_has)
{
    static char body[4 * CF_PRICE_HELD_SIZE];
    neighbours n = two_users();

    memset(body, 'b', sizeof body - 1);
    write_change(&n.desk, body, NULL, 0);
    publish(n.world, n.at_desk, &n.desk);
    hear(n.world, n.at_desk, CF_COMMAND_ACCEPTED);
    cf_message again = {.command = CF_COMMAND_PUBLISH,
                        .publish = {.entry = cf_buffer_view(&n.desk.wire)}};
    cr_expect_leq(asks_until_unheard(&n, &again), MOST / (CF_PRICE_HELD + 4) + 2);
    expect_other_goes_on(&n);
    neighbours_end(&n);
}

/* All within one millisecond. */
Test(impatient_gateway, never_tires_of_who_brings_blobs_that_no_entry_names_yet,
     .disabled = CF_SANITIZED)
{
    neighbours n = two_users();
    cf_hash ids[PAGE];

    for (int round = 0; round < 2 * MOST / (PAGE * CF_PRICE_BLOB); round++)
        bring_blobs(&n, round, ids);
    cr_expect(cf_gateway_knows(n.world->broker.gateway, cf_bytes_of_text(n.at_desk->routing_id)));
    neighbours_end(&n);
}

Test(impatient_gateway, never_tires_of_who_brings_what_it_asked_for, .disabled = CF_SANITIZED)
{
    neighbours n = two_users();
    cf_hash ids[PAGE];
    cf_message have = {.command = CF_COMMAND_HAVE, .have = {.ids = ids, .id_count = PAGE}};

    for (int round = 0; round < 3 * MOST / (PAGE * CF_PRICE_BLOB); round++) {
        bring_blobs(&n, round, ids);
        say(n.world, n.at_desk, &have); /* of an upload that is gone on with: all are there */
        hear(n.world, n.at_desk, CF_COMMAND_MISSING);
        write_change(&n.desk, "some body", ids, PAGE);
        publish(n.world, n.at_desk, &n.desk);
        hear(n.world, n.at_desk, CF_COMMAND_ACCEPTED);
        pass_over(n.world, n.at_desk);
    }
    neighbours_end(&n);
}

/* As a device does that has nothing to bring and gets nothing, with all the heads that a session
 * may name. */
Test(impatient_gateway, never_tires_of_who_comes_with_much_and_finds_nothing_to_do)
{
    enum { PAGES = CF_HEADS_MAX / CF_HEADS_PAGE };
    static cf_head heads[CF_HEADS_PAGE];
    neighbours n = two_users();
    cf_authority *authority = n.world->broker.authority;
    client *again = connect_client(n.world, cf_keys_public(n.desk.keys)->curve);
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION,
                                  .user = n.account.user,
                                  .heads = heads,
                                  .head_count = CF_HEADS_PAGE,
                                  .more = true}};
    cf_message subscribe = {.command = CF_COMMAND_SUBSCRIBE, .subscribe = {.credit = CF_WINDOW}};

    for (size_t i = 0; i < CF_HEADS_PAGE; i++)
        heads[i].sequence = i + 1;
    uint64_t before = cf_authority_owed(authority, &n.account.user, n.world->now_ms);
    for (int page = 0; page < PAGES; page++) {
        hello.hello.more = page + 1 < PAGES;
        say(n.world, again, &hello);
    }
    hear(n.world, again, CF_COMMAND_WELCOME);
    say(n.world, again, &subscribe);
    hear(n.world, again, CF_COMMAND_SUBSCRIBED);
    uint64_t after = cf_authority_owed(authority, &n.account.user, n.world->now_ms);
    cr_expect_lt(after - before, cf_allowances_default.waste_per_second * CF_WORK_BUDGET_S / 10);
    neighbours_end(&n);
}
