/* SPDX-License-Identifier: Apache-2.0 */
/* Who is dismissed by the gateway hears of it, whatever the reason; and what a device may send. */
#include "broker/gateway/gateway.h"

#include "tests/broker/people/broker_world.h"

/* It hears AGAIN and nothing else, and has no session any more. */
static void expect_dismissed(household *a)
{
    hear(a->world, a->at_lap, CF_COMMAND_AGAIN);
    hear_nothing(a->world, a->at_lap);
    cr_expect_not(
        cf_gateway_knows(a->world->broker.gateway, cf_bytes_of_text(a->at_lap->routing_id)));
    cr_expect(cf_gateway_knows(a->world->broker.gateway, cf_bytes_of_text(a->at_desk->routing_id)));
}

Test(gateway_sessions, tells_who_sends_what_only_brokers_send)
{
    household a = a_greeted_household();
    cf_message subscribed = {.command = CF_COMMAND_SUBSCRIBED};

    say(a.world, a.at_lap, &subscribed);
    expect_dismissed(&a);
    household_end(&a);
}

/* What a device may send in a session; whoever adds a message says here who sends it. */
static const bool by_devices[CF_COMMANDS] = {
    [CF_COMMAND_HELLO] = true,     [CF_COMMAND_SUBSCRIBE] = true, [CF_COMMAND_CREDIT] = true,
    [CF_COMMAND_PUBLISH] = true,   [CF_COMMAND_HAVE] = true,      [CF_COMMAND_PUT] = true,
    [CF_COMMAND_GET] = true,       [CF_COMMAND_FETCH] = true,     [CF_COMMAND_LOCK] = true,
    [CF_COMMAND_RENEW] = true,     [CF_COMMAND_UNLOCK] = true,    [CF_COMMAND_LOCKS] = true,
    [CF_COMMAND_ALONE] = true,     [CF_COMMAND_LOCATE] = true,    [CF_COMMAND_GUEST] = true,
    [CF_COMMAND_ADMIT] = true,     [CF_COMMAND_REPORT] = true,    [CF_COMMAND_QUERY] = true,
    [CF_COMMAND_CLOCK] = true,     [CF_COMMAND_LACKING] = true,   [CF_COMMAND_CHAINS] = true,
    [CF_COMMAND_CHECKPOINT] = true};

/* A message that can be read, and says next to nothing. */
static cf_message a_short_message(cf_command command, const person *author)
{
    const cf_bytes byte = cf_bytes_of_text("?");
    cf_message message = {.command = command};

    switch (command) {
    case CF_COMMAND_PUBLISH:
        message.publish.entry = byte;
        break;
    case CF_COMMAND_PUT:
        message.put.bytes = byte;
        break;
    case CF_COMMAND_KNOCK:
        message.knock.sealed = byte;
        break;
    case CF_COMMAND_ADMIT:
        message.admit.sealed = byte;
        break;
    case CF_COMMAND_ENTRY:
        message.entry.entry = byte;
        break;
    case CF_COMMAND_BLOB:
        message.blob.bytes = byte;
        break;
    case CF_COMMAND_FETCH:
        message.get.size = 1;
        break;
    case CF_COMMAND_CHECKPOINT:
        message.checkpoint.device = author->id;
        break;
    default:
        break;
    }
    return message;
}

static void expect_served(cf_command command, bool is_managed)
{
    household a = a_greeted_household();
    const cf_message message = a_short_message(command, &a.lap);

    greet(a.world, a.at_lap, &a.account.user, &a.account.head, 1);
    if (!is_managed)
        cf_authority_destroy(&a.world->broker.authority);
    say(a.world, a.at_lap, &message);
    broker_world_settle(a.world);
    cr_expect_eq(cf_gateway_knows(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id)),
                 by_devices[command], "%s", cf_command_name(command));
    household_end(&a);
}

Test(gateway_sessions, serves_all_that_devices_send_and_ends_with_anything_else)
{
    for (int command = CF_COMMAND_HELLO; command < CF_COMMANDS; command++) {
        expect_served((cf_command)command, true);
        expect_served((cf_command)command, false);
    }
}

Test(gateway_sessions, refuses_what_only_management_serves_where_nobody_manages)
{
    household a = a_greeted_household();
    const cf_message lock = {.command = CF_COMMAND_LOCK,
                             .lock = {.collection = papers, .for_ms = CF_LEASE_FOR_MS_MIN}},
                     query = {.command = CF_COMMAND_QUERY};

    greet(a.world, a.at_lap, &a.account.user, &a.account.head, 1);
    cf_authority_destroy(&a.world->broker.authority);
    say(a.world, a.at_lap, &lock);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNSUPPORTED);
    say(a.world, a.at_lap, &query);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNSUPPORTED);
    write_change(&a.lap, "hello", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(gateway_sessions, turns_away_who_knocks_where_nobody_manages)
{
    household a = a_greeted_household();
    client *newcomer = connect_client(a.world, a.account.user.bytes);
    const cf_message knock = {.command = CF_COMMAND_KNOCK,
                              .knock = {.key = newcomer->key, .sealed = cf_bytes_of_text("?")}};

    cf_authority_destroy(&a.world->broker.authority);
    say(a.world, newcomer, &knock);
    hear_refusal(a.world, newcomer, CF_REFUSED_UNSUPPORTED);
    household_end(&a);
}

Test(gateway_sessions, tells_who_subscribes_twice)
{
    household a = a_greeted_household();
    cf_message again = {.command = CF_COMMAND_SUBSCRIBE, .subscribe = {.credit = 1}};

    greet(a.world, a.at_lap, &a.account.user, &a.account.head, 1);
    subscribe(a.world, a.at_lap, NULL, 0, 1);
    say(a.world, a.at_lap, &again);
    expect_dismissed(&a);
    household_end(&a);
}

/* What HELLO named counts, too. */
Test(gateway_sessions, tells_who_names_too_many_rungs)
{
    household a = a_greeted_household();
    cf_head heads[CF_HEADS_PAGE] = {0};
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION,
                                  .user = a.account.user,
                                  .heads = heads,
                                  .head_count = CF_HEADS_PAGE,
                                  .more = true}};
    cf_message rungs = {.command = CF_COMMAND_SUBSCRIBE,
                        .subscribe = {.rungs = heads, .rung_count = 1, .credit = 1}};

    for (size_t i = 0; i < CF_HEADS_PAGE; i++)
        heads[i].sequence = i + 1;
    for (size_t named = CF_HEADS_PAGE; named <= CF_HEADS_MAX; named += CF_HEADS_PAGE) {
        hello.hello.more = named < CF_HEADS_MAX;
        say(a.world, a.at_lap, &hello);
    }
    hear(a.world, a.at_lap, CF_COMMAND_WELCOME);
    say(a.world, a.at_lap, &rungs);
    expect_dismissed(&a);
    household_end(&a);
}

Test(gateway_sessions, tells_who_is_expelled)
{
    household a = a_greeted_household();

    cf_gateway_expel(a.world->broker.gateway, &a.account.user, "the user goes");
    hear_refusal(a.world, a.at_lap, CF_REFUSED_REMOVED);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_REMOVED);
    cr_expect_eq(cf_gateway_count(a.world->broker.gateway).sessions, 0);
    household_end(&a);
}

static cf_status no_heads(cf_store *store, const cf_hash *user, cf_head_visit *visit, void *context,
                          cf_error *error)
{
    (void)store, (void)user, (void)visit, (void)context;
    return cf_fail(error, CF_IO, "the disk fails");
}

static cf_status nothing_found(cf_store *store, const cf_hash *user, const cf_head *entry,
                               uint64_t *position, cf_error *error)
{
    (void)store, (void)user, (void)entry, (void)position;
    return cf_fail(error, CF_IO, "the disk fails");
}

Test(gateway_sessions, tells_whose_log_can_not_be_read)
{
    household a = a_greeted_household();
    cf_message hello = hello_of(&a.account.user);
    cf_message reports = {.command = CF_COMMAND_QUERY};
    cf_head head = {{{9}}, 5, {{9}}};
    cf_store *store = a.world->broker.store;
    const cf_store well = *store;

    store->heads = no_heads;
    say(a.world, a.at_lap, &hello);
    expect_dismissed(&a);
    store->heads = well.heads;
    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    store->heads = no_heads;
    say(a.world, a.at_lap, &reports);
    expect_dismissed(&a);
    store->heads = well.heads;
    store->find = nothing_found;
    hello.hello.heads = &head;
    hello.hello.head_count = 1;
    say(a.world, a.at_lap, &hello);
    expect_dismissed(&a);
    store->find = well.find;
    household_end(&a);
}
