/* SPDX-License-Identifier: Apache-2.0 */
/* Entries through the gateway: taken, kept, passed on, replayed. */
#include "broker/gateway/gateway.h"

#include <string.h>

#include "codec/blob.h"
#include "codec/bulk.h"
#include "tests/broker/people/broker_world.h"

static void write_and_publish(household *a, person *author, client *from)
{
    write_change(author, "some body", NULL, 0);
    publish(a->world, from, author);
    hear(a->world, from, CF_COMMAND_ACCEPTED);
}

/* The desk knows the member log already. */
static void subscribe_from_now(household *a)
{
    greet(a->world, a->at_desk, &a->account.user, &a->account.head, 1);
    subscribe(a->world, a->at_desk, NULL, 0, CF_WINDOW);
}

/* None of them is durable, so none is answered: they all wait in memory. */
Test(gateway, has_no_more_of_a_session_under_way_than_the_window)
{
    enum { SIZE = 900 * CF_KIB };
    household a = a_greeted_household();
    char *body = cf_allocate(1, SIZE + 1);
    size_t sent = 0, count = 0;

    memset(body, 'x', SIZE);
    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    for (; sent <= CF_WINDOW; count++) {
        write_change(&a.lap, body, NULL, 0);
        publish(a.world, a.at_lap, &a.lap);
        sent += a.lap.wire.size;
    }
    write_change(&a.lap, body, NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_BUSY);
    while (count--)
        hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    free(body);
    household_end(&a);
}

Test(gateway, passes_an_entry_on_to_subscribers_and_not_back)
{
    household a = a_greeted_household();

    subscribe_from_now(&a);
    greet(a.world, a.at_lap, &a.account.user, &a.account.head, 1);
    subscribe(a.world, a.at_lap, NULL, 0, CF_WINDOW);
    write_and_publish(&a, &a.lap, a.at_lap);
    cf_message entry = hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    cr_expect_eq(entry.entry.position, 4);
    cr_expect(cf_bytes_equal(entry.entry.entry, cf_buffer_view(&a.lap.wire)));
    hear_nothing(a.world, a.at_lap);
    household_end(&a);
}

Test(gateway, accepts_the_same_entry_again)
{
    household a = a_greeted_household();

    write_and_publish(&a, &a.lap, a.at_lap);
    publish(a.world, a.at_lap, &a.lap);
    cf_message accepted = hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    cr_expect(cf_hash_equal(&accepted.accepted.head.hash, &a.lap.head.hash));
    publish(a.world, a.at_lap, &a.lap); /* twice before anything is committed */
    write_change(&a.lap, "next", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    publish(a.world, a.at_lap, &a.lap);
    for (int i = 0; i < 3; i++)
        hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(gateway, accepts_only_what_is_durable)
{
    household a = a_greeted_household();

    cf_store_memory_disk_fail(a.world->broker.disk, CF_FULL);
    write_change(&a.lap, "some body", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_FULL);
    for (int i = 0; i < 2; i++) { /* the store has stopped: who is a member is still known */
        publish(a.world, a.at_lap, &a.lap);
        hear_refusal(a.world, a.at_lap, CF_REFUSED_FULL);
    }

    cf_error error;
    cf_store_memory_disk_fail(a.world->broker.disk, CF_OK);
    expect_ok(a.world->broker.store->reopen(a.world->broker.store, &error), error);
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(gateway, keeps_acknowledged_entries_through_a_crash)
{
    household a = a_greeted_household();

    write_and_publish(&a, &a.lap, a.at_lap);
    broker_world_crash(a.world);
    a.at_desk = connect_client(a.world, cf_keys_public(a.desk.keys)->curve);
    subscribe_from_now(&a);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    household_end(&a);
}

Test(gateway, never_shows_one_user_what_is_anothers)
{
    household a = a_greeted_household();
    person bob = an_account(11), pc = a_device(12, &bob.user), pad = a_device(13, &bob.user);

    settle_in(a.world, &bob, &pc, &pad);
    client *at_pc = connect_client(a.world, cf_keys_public(pc.keys)->curve);
    greet(a.world, at_pc, &bob.user, &bob.head, 1);
    subscribe(a.world, at_pc, NULL, 0, CF_WINDOW);
    write_and_publish(&a, &a.lap, a.at_lap);
    hear_nothing(a.world, at_pc);

    cf_message hello = hello_of(&a.account.user);
    client *curious = connect_client(a.world, cf_keys_public(pc.keys)->curve);
    say(a.world, curious, &hello); /* with his own key, for her log */
    hear_refusal(a.world, curious, CF_REFUSED_UNKNOWN);

    write_change(&a.lap, "some body", NULL, 0);
    publish(a.world, at_pc, &a.lap); /* her entry over his session */
    hear_refusal(a.world, at_pc, CF_REFUSED_MALFORMED);
    person_end(&bob);
    person_end(&pc);
    person_end(&pad);
    household_end(&a);
}

Test(gateway, sends_no_more_than_credit_and_one_entry)
{
    household a = a_greeted_household();

    for (int i = 0; i < 5; i++)
        write_and_publish(&a, &a.lap, a.at_lap);
    greet(a.world, a.at_desk, &a.account.user, &a.account.head, 1);
    subscribe(a.world, a.at_desk, NULL, 0, 1);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    hear_nothing(a.world, a.at_desk);
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = a.lap.wire.size + 1}};
    say(a.world, a.at_desk, &credit);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    hear_nothing(a.world, a.at_desk);
    household_end(&a);
}

Test(gateway, keeps_credit_that_is_given_till_the_sum_would_turn_over)
{
    household a = a_greeted_household();
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 10}};

    write_and_publish(&a, &a.lap, a.at_lap);
    greet(a.world, a.at_desk, &a.account.user, &a.account.head, 1);
    subscribe(a.world, a.at_desk, NULL, 0, 1);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    say(a.world, a.at_desk, &credit);
    credit.credit.bytes = UINT64_MAX - 9;
    say(a.world, a.at_desk, &credit);
    write_and_publish(&a, &a.lap, a.at_lap);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    household_end(&a);
}

/* The log is far larger than what may wait for one who does not read. */
Test(gateway, holds_little_for_a_reader_who_is_stuck_and_serves_the_others)
{
    household a = a_greeted_household();
    char *body = cf_allocate(1, 200001);
    size_t most = 0;

    memset(body, 'x', 200000);
    subscribe_from_now(&a);
    a.at_desk->is_stuck = true;
    for (int i = 0; i < 100; i++) {
        write_change(&a.lap, body, NULL, 0);
        publish(a.world, a.at_lap, &a.lap);
        hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
        if (cf_outbox_size(a.world->broker.outbox) > most)
            most = cf_outbox_size(a.world->broker.outbox);
    }
    cr_expect_gt(most, 0);
    cr_expect_lt(most, 2 * CF_MIB);
    a.at_desk->is_stuck = false;
    for (int i = 0; i < 21; i++) /* as far as its credit goes: 4 MiB */
        hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    hear_nothing(a.world, a.at_desk);
    free(body);
    household_end(&a);
}

Test(gateway, drops_who_asks_on_and_on_and_does_not_read)
{
    household a = a_greeted_household();
    cf_buffer bytes = {0};
    cf_error error;

    memset(cf_buffer_reserve(&bytes, CF_BLOB_STEP), 'b', CF_BLOB_STEP);
    bytes.size = CF_BLOB_STEP;
    cf_hash id = cf_blob_id(cf_buffer_view(&bytes));
    a.world->broker.blobs->put(a.world->broker.blobs,
                               &(cf_blob_put){.user = a.account.user,
                                              .id = id,
                                              .total = bytes.size,
                                              .bytes = cf_buffer_view(&bytes)});
    a.at_lap->is_stuck = true;
    cf_message get = {.command = CF_COMMAND_GET, .get = {.id = id}};
    for (int i = 0; i < 500; i++) {
        say(a.world, a.at_lap, &get);
        cr_assert_lt(cf_outbox_size(a.world->broker.outbox), 5 * CF_WINDOW);
    }
    a.at_lap->is_stuck = false;
    a.at_lap->first = a.at_lap->count;
    broker_world_settle(a.world);
    say(a.world, a.at_lap, &get);
    broker_world_settle(a.world);
    cr_expect_eq(cf_gateway_count(a.world->broker.gateway).sessions, 1);
    expect_ok(a.world->broker.store->commit(a.world->broker.store, &error), error);
    cf_buffer_release(&bytes);
    household_end(&a);
}

Test(gateway, takes_the_entries_of_another_device_with_fewer_questions)
{
    household a = a_greeted_household();
    static const cf_hash blob = {"not here"};

    write_change(&a.lap, "some body", &blob, 1);
    publish(a.world, a.at_lap, &a.lap);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_BLOBS);
    publish(a.world, a.at_desk, &a.lap);
    cf_message wanted = hear(a.world, a.at_desk, CF_COMMAND_WANTED);
    cr_assert_eq(wanted.wanted.id_count, 1);
    cr_expect(cf_hash_equal(&wanted.wanted.ids[0], &blob));
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED); /* who hears it knows what is lacking */

    /* World 941590: its author, who was refused before, offers it again, and has the content. */
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_WANTED);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);

    greet(a.world, a.at_lap, &a.account.user, NULL, 0); /* told to each that comes */
    hear(a.world, a.at_lap, CF_COMMAND_WANTED);
    household_end(&a);
}

Test(gateway, takes_an_entry_whose_author_can_not_make_its_blobs_again)
{
    household a = a_greeted_household();
    static const cf_hash blob = {"lost for good"};

    write_change(&a.lap, "some body", &blob, 1);
    cf_message message = {
        .command = CF_COMMAND_PUBLISH,
        .publish = {.without = &blob, .without_count = 1, .entry = cf_buffer_view(&a.lap.wire)}};
    say(a.world, a.at_lap, &message);
    hear(a.world, a.at_lap, CF_COMMAND_WANTED);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(gateway, refuses_gaps_for_now_and_forgeries_for_good)
{
    household a = a_greeted_household();

    write_change(&a.lap, "lost", NULL, 0);
    write_change(&a.lap, "after it", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    cf_message refused = hear(a.world, a.at_lap, CF_COMMAND_REFUSED);
    cr_expect(refused.refused.later);
    cr_expect(cf_bytes_equal(refused.refused.code, cf_bytes_of_text(CF_REFUSED_GAP)));
    cr_expect(cf_bytes_equal(refused.refused.name, cf_bytes_of(a.lap.head.hash.bytes, 32)));

    a.lap.wire.data[a.lap.wire.size - 1] ^= 1;
    publish(a.world, a.at_lap, &a.lap);
    refused = hear(a.world, a.at_lap, CF_COMMAND_REFUSED);
    cr_expect_not(refused.refused.later);
    household_end(&a);
}

/* Two entries with one sequence: both branches are taken, and replayed. */
Test(gateway, replays_both_branches_of_a_fork)
{
    household a = a_greeted_household();

    write_and_publish(&a, &a.lap, a.at_lap);
    cf_header before = a.lap.changes;
    write_and_publish(&a, &a.lap, a.at_lap);
    cf_head first = a.lap.head;
    a.lap.changes = before;
    write_change(&a.lap, "another second", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);

    cf_head known[] = {a.account.head, first}; /* the desk has the first branch only */
    greet(a.world, a.at_desk, &a.account.user, known, 2);
    subscribe(a.world, a.at_desk, NULL, 0, CF_WINDOW);
    bool came = false;
    broker_world_settle(a.world);
    while (a.at_desk->first < a.at_desk->count) {
        cf_message entry = hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
        came = came || cf_bytes_equal(entry.entry.entry, cf_buffer_view(&a.lap.wire));
    }
    cr_expect(came);
    household_end(&a);
}

Test(gateway, replays_chosen_collections_and_always_the_member_log)
{
    household a = a_greeted_household();
    static const cf_id other = {"something else"};
    cf_message message = {
        .command = CF_COMMAND_SUBSCRIBE,
        .subscribe = {.collections = &other, .collection_count = 1, .credit = CF_WINDOW}};

    write_and_publish(&a, &a.lap, a.at_lap);
    say(a.world, a.at_desk, &message);
    hear(a.world, a.at_desk, CF_COMMAND_SUBSCRIBED);
    for (int i = 0; i < 3; i++)
        hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    hear_nothing(a.world, a.at_desk);
    household_end(&a);
}
