/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway.h"

#include <stdlib.h>
#include <string.h>

#include "codec/blob.h"
#include "codec/hash.h"
#include "tests/broker/gateway_fixture.h"

/* Ann has a desk (an owner) and a lap (a member), each with a connection that has said HELLO. */
typedef household ann;

static ann anns_house(void)
{
    ann a = a_household();

    greet(a.house, a.at_desk, &a.account.user, NULL, 0);
    greet(a.house, a.at_lap, &a.account.user, NULL, 0);
    return a;
}

static void write_and_publish(ann *a, person *author, caller *from)
{
    write_change(author, "some body", NULL, 0);
    publish(a->house, from, author);
    hear(a->house, from, CF_COMMAND_ACCEPTED);
}

/* The desk knows the member log already. */
static void subscribe_from_now(ann *a)
{
    greet(a->house, a->at_desk, &a->account.user, &a->account.head, 1);
    subscribe(a->house, a->at_desk, NULL, 0, CF_WINDOW);
}

Test(gateway, answers_again_to_anything_before_hello)
{
    ann a = anns_house();
    caller *late = call_in(a.house, cf_keys_public(a.lap.keys)->curve);
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {1}};

    say(a.house, late, &credit);
    hear(a.house, late, CF_COMMAND_AGAIN);
    write_change(&a.lap, "some body", NULL, 0);
    publish(a.house, late, &a.lap);
    hear(a.house, late, CF_COMMAND_AGAIN);
    hear_nothing(a.house, late);
    household_end(&a);
}

/* Its first page has made a session, which is none yet. */
Test(gateway, answers_again_in_the_middle_of_a_hello)
{
    ann a = anns_house();
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {1, a.account.user, &a.account.head, 1, true}};

    say(a.house, a.at_lap, &hello);
    write_change(&a.lap, "some body", NULL, 0);
    publish(a.house, a.at_lap, &a.lap);
    hear(a.house, a.at_lap, CF_COMMAND_AGAIN);
    hear_nothing(a.house, a.at_lap);
    household_end(&a);
}

/* Names of connections are the transport's, and are given again. */
Test(gateway, serves_a_session_to_the_key_that_greeted_only)
{
    ann a = anns_house();
    cf_message locate = {.command = CF_COMMAND_LOCATE, .locate = {a.account.user}};

    greet(a.house, a.at_lap, &a.account.user, NULL, 0);
    memcpy(a.at_lap->key.bytes, cf_keys_public(a.desk.keys)->curve, 32); /* another member's */
    say(a.house, a.at_lap, &locate);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_UNKNOWN);
    say(a.house, a.at_lap, &locate);
    hear(a.house, a.at_lap, CF_COMMAND_AGAIN);
    household_end(&a);
}

/* None of them is durable, so none is answered: they all wait in memory. */
Test(gateway, has_no_more_of_a_session_under_way_than_the_window)
{
    enum { SIZE = 900 * CF_KIB };
    ann a = anns_house();
    char *body = cf_allocate(1, SIZE + 1);
    size_t sent = 0, count = 0;

    memset(body, 'x', SIZE);
    greet(a.house, a.at_lap, &a.account.user, NULL, 0);
    for (; sent <= CF_WINDOW; count++) {
        write_change(&a.lap, body, NULL, 0);
        publish(a.house, a.at_lap, &a.lap);
        sent += a.lap.wire.size;
    }
    write_change(&a.lap, body, NULL, 0);
    publish(a.house, a.at_lap, &a.lap);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_BUSY);
    while (count--)
        hear(a.house, a.at_lap, CF_COMMAND_ACCEPTED);
    free(body);
    household_end(&a);
}

Test(gateway, ends_the_session_of_who_names_too_many_heads)
{
    ann a = anns_house();
    cf_head heads[CF_HEADS_PAGE] = {0};
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {1, a.account.user, heads, CF_HEADS_PAGE, true}};

    for (size_t i = 0; i < CF_HEADS_PAGE; i++)
        heads[i].sequence = i + 1;
    for (size_t named = 0; named < CF_HEADS_MAX; named += CF_HEADS_PAGE)
        say(a.house, a.at_lap, &hello);
    cr_expect(cf_gateway_knows(a.house->gateway, cf_bytes_of_text(a.at_lap->routing_id)));
    say(a.house, a.at_lap, &hello);
    cr_expect_not(cf_gateway_knows(a.house->gateway, cf_bytes_of_text(a.at_lap->routing_id)));
    household_end(&a);
}

Test(gateway, keeps_eight_sessions_of_a_device_and_lets_its_oldest_go)
{
    ann a = anns_house();
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {1}};

    greet(a.house, a.at_desk, &a.account.user, NULL, 0);
    greet(a.house, a.at_lap, &a.account.user, NULL, 0);
    for (int i = 0; i < 8; i++)
        greet(a.house, call_in(a.house, cf_keys_public(a.lap.keys)->curve), &a.account.user, NULL,
              0);
    cr_expect_eq(cf_gateway_count(a.house->gateway).sessions, 9);
    say(a.house, a.at_lap, &credit);
    hear(a.house, a.at_lap, CF_COMMAND_AGAIN);
    say(a.house, a.at_desk, &credit);
    hear_nothing(a.house, a.at_desk);
    household_end(&a);
}

Test(gateway, says_in_welcome_what_it_holds_and_what_time_it_is)
{
    ann a = anns_house();
    cf_message hello = {.command = CF_COMMAND_HELLO, .hello = {1, a.account.user, NULL, 0, false}};

    say(a.house, a.at_desk, &hello);
    cf_message welcome = hear(a.house, a.at_desk, CF_COMMAND_WELCOME);
    cr_expect_eq(welcome.welcome.now_ms, a.house->now_ms);
    cr_expect_eq(welcome.welcome.window, CF_WINDOW);
    cr_assert_eq(welcome.welcome.head_count, 1);
    cr_expect(cf_hash_equal(&welcome.welcome.heads[0].hash, &a.account.head.hash));
    cr_expect_not(welcome.welcome.more);
    household_end(&a);
}

Test(gateway, takes_hello_in_pages)
{
    ann a = anns_house();
    cf_head unknown = {{{9}}, 5, {{9}}};
    cf_message page = {.command = CF_COMMAND_HELLO,
                       .hello = {1, a.account.user, &unknown, 1, true}};

    say(a.house, a.at_desk, &page);
    hear_nothing(a.house, a.at_desk);
    page.hello.heads = &a.account.head;
    page.hello.more = false;
    say(a.house, a.at_desk, &page);
    hear(a.house, a.at_desk, CF_COMMAND_WELCOME);
    subscribe(a.house, a.at_desk, NULL, 0, CF_WINDOW);
    hear_nothing(a.house, a.at_desk); /* it named what there is */
    household_end(&a);
}

Test(gateway, refuses_hello_of_a_key_that_is_no_member)
{
    ann a = anns_house();
    person stranger = a_device(9, &a.account.user);
    caller *knocking = call_in(a.house, cf_keys_public(stranger.keys)->curve);
    cf_message hello = {.command = CF_COMMAND_HELLO, .hello = {1, a.account.user, NULL, 0, false}};

    say(a.house, knocking, &hello);
    hear_refusal(a.house, knocking, CF_REFUSED_UNKNOWN);
    hello.hello.user = stranger.id; /* nobody's */
    say(a.house, knocking, &hello);
    hear_refusal(a.house, knocking, CF_REFUSED_UNKNOWN);
    hello.hello.version = 2;
    say(a.house, knocking, &hello);
    hear_refusal(a.house, knocking, CF_REFUSED_VERSION);
    person_end(&stranger);
    household_end(&a);
}

Test(gateway, passes_an_entry_on_to_subscribers_and_not_back)
{
    ann a = anns_house();

    subscribe_from_now(&a);
    greet(a.house, a.at_lap, &a.account.user, &a.account.head, 1);
    subscribe(a.house, a.at_lap, NULL, 0, CF_WINDOW);
    write_and_publish(&a, &a.lap, a.at_lap);
    cf_message entry = hear(a.house, a.at_desk, CF_COMMAND_ENTRY);
    cr_expect_eq(entry.entry.position, 4);
    cr_expect(cf_bytes_equal(entry.entry.entry, cf_buffer_view(&a.lap.wire)));
    hear_nothing(a.house, a.at_lap);
    household_end(&a);
}

Test(gateway, accepts_the_same_entry_again)
{
    ann a = anns_house();

    write_and_publish(&a, &a.lap, a.at_lap);
    publish(a.house, a.at_lap, &a.lap);
    cf_message accepted = hear(a.house, a.at_lap, CF_COMMAND_ACCEPTED);
    cr_expect(cf_hash_equal(&accepted.accepted.head.hash, &a.lap.head.hash));
    publish(a.house, a.at_lap, &a.lap); /* twice before anything is committed */
    write_change(&a.lap, "next", NULL, 0);
    publish(a.house, a.at_lap, &a.lap);
    publish(a.house, a.at_lap, &a.lap);
    for (int i = 0; i < 3; i++)
        hear(a.house, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(gateway, accepts_only_what_is_durable)
{
    ann a = anns_house();

    cf_store_memory_disk_fail(a.house->disk, CF_FULL);
    write_change(&a.lap, "some body", NULL, 0);
    publish(a.house, a.at_lap, &a.lap);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_FULL);
    for (int i = 0; i < 2; i++) { /* the store has stopped: who is a member is still known */
        publish(a.house, a.at_lap, &a.lap);
        hear_refusal(a.house, a.at_lap, CF_REFUSED_FULL);
    }

    cf_error error;
    cf_store_memory_disk_fail(a.house->disk, CF_OK);
    expect_ok(a.house->store->reopen(a.house->store, &error), error);
    publish(a.house, a.at_lap, &a.lap);
    hear(a.house, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(gateway, keeps_acknowledged_entries_through_a_crash)
{
    ann a = anns_house();

    write_and_publish(&a, &a.lap, a.at_lap);
    house_crash(a.house);
    a.at_desk = call_in(a.house, cf_keys_public(a.desk.keys)->curve);
    subscribe_from_now(&a);
    hear(a.house, a.at_desk, CF_COMMAND_ENTRY);
    household_end(&a);
}

Test(gateway, never_shows_one_user_what_is_anothers)
{
    ann a = anns_house();
    person bob = an_account(11), pc = a_device(12, &bob.user), pad = a_device(13, &bob.user);

    settle_in(a.house, &bob, &pc, &pad);
    caller *at_pc = call_in(a.house, cf_keys_public(pc.keys)->curve);
    greet(a.house, at_pc, &bob.user, &bob.head, 1);
    subscribe(a.house, at_pc, NULL, 0, CF_WINDOW);
    write_and_publish(&a, &a.lap, a.at_lap);
    hear_nothing(a.house, at_pc);

    cf_message hello = {.command = CF_COMMAND_HELLO, .hello = {1, a.account.user, NULL, 0, false}};
    caller *curious = call_in(a.house, cf_keys_public(pc.keys)->curve);
    say(a.house, curious, &hello); /* with his own key, for her log */
    hear_refusal(a.house, curious, CF_REFUSED_UNKNOWN);

    write_change(&a.lap, "some body", NULL, 0);
    publish(a.house, at_pc, &a.lap); /* her entry over his session */
    hear_refusal(a.house, at_pc, CF_REFUSED_MALFORMED);
    person_end(&bob);
    person_end(&pc);
    person_end(&pad);
    household_end(&a);
}

Test(gateway, sends_no_more_than_credit_and_one_entry)
{
    ann a = anns_house();

    for (int i = 0; i < 5; i++)
        write_and_publish(&a, &a.lap, a.at_lap);
    greet(a.house, a.at_desk, &a.account.user, &a.account.head, 1);
    subscribe(a.house, a.at_desk, NULL, 0, 1);
    hear(a.house, a.at_desk, CF_COMMAND_ENTRY);
    hear_nothing(a.house, a.at_desk);
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {a.lap.wire.size + 1}};
    say(a.house, a.at_desk, &credit);
    hear(a.house, a.at_desk, CF_COMMAND_ENTRY);
    hear(a.house, a.at_desk, CF_COMMAND_ENTRY);
    hear_nothing(a.house, a.at_desk);
    household_end(&a);
}

/* The log is far larger than what may wait for one who does not read. */
Test(gateway, holds_little_for_a_reader_who_is_stuck_and_serves_the_others)
{
    ann a = anns_house();
    char *body = cf_allocate(1, 200001);
    size_t most = 0;

    memset(body, 'x', 200000);
    subscribe_from_now(&a);
    a.at_desk->is_stuck = true;
    for (int i = 0; i < 100; i++) {
        write_change(&a.lap, body, NULL, 0);
        publish(a.house, a.at_lap, &a.lap);
        hear(a.house, a.at_lap, CF_COMMAND_ACCEPTED);
        if (cf_outbox_size(a.house->outbox) > most)
            most = cf_outbox_size(a.house->outbox);
    }
    cr_expect_gt(most, 0);
    cr_expect_lt(most, 2 * CF_MIB);
    a.at_desk->is_stuck = false;
    for (int i = 0; i < 21; i++) /* as far as its credit goes: 4 MiB */
        hear(a.house, a.at_desk, CF_COMMAND_ENTRY);
    hear_nothing(a.house, a.at_desk);
    free(body);
    household_end(&a);
}

Test(gateway, drops_who_asks_on_and_on_and_does_not_read)
{
    ann a = anns_house();
    cf_buffer bytes = {0};
    cf_error error;

    memset(cf_buffer_reserve(&bytes, CF_BLOB_STEP), 'b', CF_BLOB_STEP);
    bytes.size = CF_BLOB_STEP;
    cf_hash id = cf_blob_id(cf_buffer_view(&bytes));
    a.house->blobs->put(a.house->blobs, &(cf_blob_put){.user = a.account.user,
                                                       .id = id,
                                                       .total = bytes.size,
                                                       .bytes = cf_buffer_view(&bytes)});
    a.at_lap->is_stuck = true;
    cf_message get = {.command = CF_COMMAND_GET, .get = {id, 0}};
    for (int i = 0; i < 500; i++) {
        say(a.house, a.at_lap, &get);
        cr_assert_lt(cf_outbox_size(a.house->outbox), 5 * CF_WINDOW);
    }
    a.at_lap->is_stuck = false;
    a.at_lap->first = a.at_lap->count;
    settle(a.house);
    say(a.house, a.at_lap, &get);
    settle(a.house);
    cr_expect_eq(cf_gateway_count(a.house->gateway).sessions, 1);
    expect_ok(a.house->store->commit(a.house->store, &error), error);
    cf_buffer_release(&bytes);
    household_end(&a);
}

Test(gateway, ends_the_session_of_who_sends_garbage)
{
    ann a = anns_house();
    cf_bytes garbage[2] = {cf_bytes_of_text("\xff\xff no message"), cf_bytes_of_text("x")};

    say_bytes(a.house, a.at_lap, garbage, 1);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_MALFORMED);
    cr_expect_eq(cf_gateway_count(a.house->gateway).sessions, 1);
    say_bytes(a.house, a.at_lap, garbage, 2); /* a stranger now */
    hear(a.house, a.at_lap, CF_COMMAND_AGAIN);
    say_bytes(a.house, a.at_lap, garbage, 0);
    hear(a.house, a.at_lap, CF_COMMAND_AGAIN);
    greet(a.house, a.at_lap, &a.account.user, NULL, 0);
    household_end(&a);
}

Test(gateway, ends_the_session_of_who_sends_oversized_frames)
{
    ann a = anns_house();
    cf_message put = {.command = CF_COMMAND_PUT, .put = {{{1}}, 0, 10, cf_bytes_of_text("piece")}};
    cf_frames frames = {0};
    cf_buffer large = {0};

    cf_buffer_reserve(&large, CF_BLOB_STEP + 1);
    memset(large.data, 0, CF_BLOB_STEP + 1);
    cf_message_write(&put, &frames);
    cf_bytes wire[2] = {cf_buffer_view(&frames.frame[0]), {large.data, CF_BLOB_STEP + 1}};
    say_bytes(a.house, a.at_lap, wire, 2);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_MALFORMED);
    cr_expect_eq(cf_gateway_count(a.house->gateway).sessions, 1);
    cf_buffer_release(&large);
    cf_frames_release(&frames);
    household_end(&a);
}

Test(gateway, takes_the_entries_of_another_device_with_fewer_questions)
{
    ann a = anns_house();
    static const cf_hash blob = {"not here"};

    write_change(&a.lap, "some body", &blob, 1);
    publish(a.house, a.at_lap, &a.lap);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_BLOBS);
    publish(a.house, a.at_desk, &a.lap);
    hear(a.house, a.at_desk, CF_COMMAND_ACCEPTED);
    cf_message wanted = hear(a.house, a.at_desk, CF_COMMAND_WANTED);
    cr_assert_eq(wanted.wanted.id_count, 1);
    cr_expect(cf_hash_equal(&wanted.wanted.ids[0], &blob));

    /* World 941590: its author, who was refused before, offers it again, and has the content. */
    publish(a.house, a.at_lap, &a.lap);
    hear(a.house, a.at_lap, CF_COMMAND_ACCEPTED);
    hear(a.house, a.at_lap, CF_COMMAND_WANTED);

    greet(a.house, a.at_lap, &a.account.user, NULL, 0); /* told to each that comes */
    hear(a.house, a.at_lap, CF_COMMAND_WANTED);
    household_end(&a);
}

Test(gateway, takes_an_entry_whose_author_can_not_make_its_blobs_again)
{
    ann a = anns_house();
    static const cf_hash blob = {"lost for good"};

    write_change(&a.lap, "some body", &blob, 1);
    cf_message message = {
        .command = CF_COMMAND_PUBLISH,
        .publish = {.without = &blob, .without_count = 1, .entry = cf_buffer_view(&a.lap.wire)}};
    say(a.house, a.at_lap, &message);
    hear(a.house, a.at_lap, CF_COMMAND_ACCEPTED);
    hear(a.house, a.at_lap, CF_COMMAND_WANTED);
    household_end(&a);
}

Test(gateway, refuses_gaps_for_now_and_forgeries_for_good)
{
    ann a = anns_house();

    write_change(&a.lap, "lost", NULL, 0);
    write_change(&a.lap, "after it", NULL, 0);
    publish(a.house, a.at_lap, &a.lap);
    cf_message refused = hear(a.house, a.at_lap, CF_COMMAND_REFUSED);
    cr_expect(refused.refused.later);
    cr_expect(cf_bytes_equal(refused.refused.code, cf_bytes_of_text(CF_REFUSED_GAP)));
    cr_expect(cf_bytes_equal(refused.refused.name, cf_bytes_of(a.lap.head.hash.bytes, 32)));

    a.lap.wire.data[a.lap.wire.size - 1] ^= 1;
    publish(a.house, a.at_lap, &a.lap);
    refused = hear(a.house, a.at_lap, CF_COMMAND_REFUSED);
    cr_expect_not(refused.refused.later);
    household_end(&a);
}

/* Two entries with one sequence: both branches are taken, and replayed. */
Test(gateway, replays_both_branches_of_a_fork)
{
    ann a = anns_house();

    write_and_publish(&a, &a.lap, a.at_lap);
    cf_header before = a.lap.changes;
    write_and_publish(&a, &a.lap, a.at_lap);
    cf_head first = a.lap.head;
    a.lap.changes = before;
    write_change(&a.lap, "another second", NULL, 0);
    publish(a.house, a.at_lap, &a.lap);
    hear(a.house, a.at_lap, CF_COMMAND_ACCEPTED);

    cf_head known[] = {a.account.head, first}; /* the desk has the first branch only */
    greet(a.house, a.at_desk, &a.account.user, known, 2);
    subscribe(a.house, a.at_desk, NULL, 0, CF_WINDOW);
    bool came = false;
    settle(a.house);
    while (a.at_desk->first < a.at_desk->count) {
        cf_message entry = hear(a.house, a.at_desk, CF_COMMAND_ENTRY);
        came = came || cf_bytes_equal(entry.entry.entry, cf_buffer_view(&a.lap.wire));
    }
    cr_expect(came);
    household_end(&a);
}

Test(gateway, replays_chosen_collections_and_always_the_member_log)
{
    ann a = anns_house();
    static const cf_id other = {"something else"};
    cf_message message = {
        .command = CF_COMMAND_SUBSCRIBE,
        .subscribe = {.collections = &other, .collection_count = 1, .credit = CF_WINDOW}};

    write_and_publish(&a, &a.lap, a.at_lap);
    say(a.house, a.at_desk, &message);
    hear(a.house, a.at_desk, CF_COMMAND_SUBSCRIBED);
    for (int i = 0; i < 3; i++)
        hear(a.house, a.at_desk, CF_COMMAND_ENTRY);
    hear_nothing(a.house, a.at_desk);
    household_end(&a);
}

static cf_buffer a_large_blob(cf_hash *id)
{
    cf_buffer bytes = {0};

    bytes.size = 3 * CF_BLOB_STEP - 5;
    cf_buffer filled = {0};
    memset(cf_buffer_reserve(&filled, bytes.size), 'b', bytes.size);
    filled.size = bytes.size;
    *id = cf_blob_id(cf_buffer_view(&filled));
    return filled;
}

static void put_piece(ann *a, const cf_hash *id, const cf_buffer *blob, size_t offset)
{
    size_t left = blob->size - offset;
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {*id,
                              offset,
                              blob->size,
                              {blob->data + offset, left < CF_BLOB_STEP ? left : CF_BLOB_STEP}}};

    say(a->house, a->at_lap, &put);
}

Test(gateway, takes_a_blob_piece_by_piece_and_gives_it_back)
{
    ann a = anns_house();
    cf_hash id;
    cf_buffer blob = a_large_blob(&id), back = {0};
    cf_message have = {.command = CF_COMMAND_HAVE, .have = {&id, 1}};

    say(a.house, a.at_lap, &have);
    cf_message missing = hear(a.house, a.at_lap, CF_COMMAND_MISSING);
    cr_assert_eq(missing.missing.blob_count, 1);
    cr_expect_eq(missing.missing.blobs[0].held, 0);
    put_piece(&a, &id, &blob, 0);
    missing = hear(a.house, a.at_lap, CF_COMMAND_MISSING);
    cr_expect_eq(missing.missing.blobs[0].held, CF_BLOB_STEP);

    cf_message get = {.command = CF_COMMAND_GET, .get = {id, 0}};
    say(a.house, a.at_desk, &get);
    hear(a.house, a.at_desk, CF_COMMAND_ABSENT); /* not yet */

    put_piece(&a, &id, &blob, CF_BLOB_STEP);
    hear(a.house, a.at_lap, CF_COMMAND_MISSING);
    put_piece(&a, &id, &blob, 2 * CF_BLOB_STEP);
    hear(a.house, a.at_lap, CF_COMMAND_STORED);
    say(a.house, a.at_lap, &have);
    missing = hear(a.house, a.at_lap, CF_COMMAND_MISSING);
    cr_expect_eq(missing.missing.blob_count, 0);

    while (back.size < blob.size) {
        get.get.offset = back.size;
        say(a.house, a.at_desk, &get);
        cf_message piece = hear(a.house, a.at_desk, CF_COMMAND_BLOB);
        cr_assert_eq(piece.blob.offset, back.size);
        cr_assert_eq(piece.blob.total, blob.size);
        cf_buffer_append(&back, piece.blob.bytes.data, piece.blob.bytes.size);
    }
    cr_expect(cf_bytes_equal(cf_buffer_view(&back), cf_buffer_view(&blob)));
    cf_buffer_release(&blob);
    cf_buffer_release(&back);
    household_end(&a);
}

Test(gateway, refuses_a_blob_that_is_not_what_it_is_named)
{
    ann a = anns_house();
    cf_hash id;
    cf_buffer blob = a_large_blob(&id);

    blob.data[7] ^= 1;
    for (size_t offset = 0; offset < blob.size; offset += CF_BLOB_STEP)
        put_piece(&a, &id, &blob, offset);
    hear(a.house, a.at_lap, CF_COMMAND_MISSING);
    hear(a.house, a.at_lap, CF_COMMAND_MISSING);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_FORGED);
    cf_buffer_release(&blob);
    household_end(&a);
}

/* Ann's blob is not Bob's, even when he knows its name. */
Test(gateway, keeps_each_users_blobs_apart)
{
    ann a = anns_house();
    person bob = an_account(11), pc = a_device(12, &bob.user), pad = a_device(13, &bob.user);
    cf_hash id;
    cf_buffer blob = a_large_blob(&id);

    settle_in(a.house, &bob, &pc, &pad);
    caller *at_pc = call_in(a.house, cf_keys_public(pc.keys)->curve);
    greet(a.house, at_pc, &bob.user, NULL, 0);
    for (size_t offset = 0; offset < blob.size; offset += CF_BLOB_STEP)
        put_piece(&a, &id, &blob, offset);
    cf_message get = {.command = CF_COMMAND_GET, .get = {id, 0}};
    say(a.house, at_pc, &get);
    hear(a.house, at_pc, CF_COMMAND_ABSENT);
    cf_buffer_release(&blob);
    person_end(&bob);
    person_end(&pc);
    person_end(&pad);
    household_end(&a);
}

Test(gateway, forgets_a_session_whose_connection_is_gone)
{
    ann a = anns_house();

    cf_gateway_gone(a.house->gateway, cf_bytes_of_text(a.at_lap->routing_id));
    cr_expect_eq(cf_gateway_count(a.house->gateway).sessions, 1);
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {1}};
    say(a.house, a.at_lap, &credit);
    hear(a.house, a.at_lap, CF_COMMAND_AGAIN);
    household_end(&a);
}
