/* SPDX-License-Identifier: Apache-2.0 */
/* Who is a member no longer: nothing more is taken from him or sent to him, and what others bring
 * of him counts for nothing. */
#include "broker/gateway/eviction.h"
#include "broker/members/registry.h"
#include "codec/bulk.h"
#include "tests/broker/people/broker_world.h"

#include <sodium.h>
#include <string.h>

/* A household in which both have a session and have subscribed, and the lap has written one entry,
 * `written`, while it was a member. */
typedef household ann;

static cf_head written;

static ann anns_house(void)
{
    ann a = a_household();

    greet(a.world, a.at_desk, &a.account.user, &a.account.head, 1);
    greet(a.world, a.at_lap, &a.account.user, &a.account.head, 1);
    subscribe(a.world, a.at_desk, NULL, 0, CF_WINDOW);
    subscribe(a.world, a.at_lap, NULL, 0, CF_WINDOW);
    write_change(&a.lap, "before", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    written = a.lap.head;
    return a;
}

static void revoke_the_lap(ann *a)
{
    shut_out(&a->desk, &a->lap.id, &written, 1);
    publish(a->world, a->at_desk, &a->desk);
    hear(a->world, a->at_desk, CF_COMMAND_ACCEPTED);
}

static bool is_void(ann *a, const person *author)
{
    cf_log *log = cf_users_find(a->world->broker.users, &a->account.user);
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    bool found;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    expect_ok(cf_log_is_void(log, &entry, &found, &error), error);
    cf_arena_release(&arena);
    return found;
}

static void say_hello(ann *a, client *from)
{
    cf_message hello = hello_of(&a->account.user);

    say(a->world, from, &hello);
}

Test(gateway_members, sends_a_revoked_device_nothing_more_and_shuts_out_its_key)
{
    ann a = anns_house();
    size_t allowed = a.world->allowed;

    revoke_the_lap(&a);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN); /* not even the revocation */
    cr_expect_eq(a.world->allowed, allowed - 1);
    write_change(&a.desk, "after", NULL, 0);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    hear_nothing(a.world, a.at_lap);
    say_hello(&a, a.at_lap);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    household_end(&a);
}

/* Lets a device in that says another one's key of connections is its own, as PROTOCOL, section 9,
 * has a newcomer say which keys it has. */
static void let_in_with_key_of(person *owner, const person *newcomer, const person *of)
{
    cf_member member = {
        .kind = CF_MEMBER_ADD, .keys = *cf_keys_public(newcomer->keys), .role = CF_ROLE_MEMBER};
    cf_buffer said = {0};

    member.access.readable = true;
    member.access.epoch = owner->epoch;
    memcpy(member.keys.curve, cf_keys_public(of->keys)->curve, sizeof member.keys.curve);
    cf_domain_append(&said, "join");
    cf_buffer_append(&said, newcomer->user.bytes, CF_HASH_SIZE);
    cf_buffer_append(&said, member.keys.signing, sizeof member.keys.signing);
    cf_buffer_append(&said, member.keys.curve, sizeof member.keys.curve);
    cf_buffer_append(&said, member.keys.sealing, sizeof member.keys.sealing);
    crypto_sign_detached(member.proof, NULL, said.data, said.size,
                         cf_keys_signing_secret(newcomer->keys));
    cf_buffer_release(&said);
    write_operation(owner, &member);
}

/* The lap is shut out, and another device says that the lap's key is its own: the session is none
 * of that device's. */
Test(gateway_members, ends_the_session_of_a_revoked_device_whose_key_another_one_has)
{
    ann a = anns_house();
    person mask = a_device(9, &a.account.user);

    let_in_with_key_of(&a.desk, &mask, &a.lap);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    hear(a.world, a.at_lap, CF_COMMAND_ENTRY);
    revoke_the_lap(&a);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    person_end(&mask);
    household_end(&a);
}

/* What the transport holds for it would go on for as long as its line takes. */
Test(gateway_members, has_the_connection_of_a_revoked_device_cut_when_it_had_time_to_hear_so)
{
    ann a = anns_house();
    cf_bytes cut;

    revoke_the_lap(&a);
    const uint64_t next_ms = cf_gateway_tick(a.world->broker.gateway, a.world->now_ms);
    cr_expect_eq(next_ms, a.world->now_ms + CF_EVICTED_MS);
    a.world->now_ms += CF_EVICTED_MS - 1;
    broker_world_settle(a.world);
    cr_expect_not(cf_gateway_next_cut(a.world->broker.gateway, &cut));
    a.world->now_ms++;
    broker_world_settle(a.world);
    cr_expect(cf_gateway_next_cut(a.world->broker.gateway, &cut));
    cr_expect(cf_bytes_equal(cut, cf_bytes_of_text(a.at_lap->routing_id)));
    cr_expect_not(cf_gateway_next_cut(a.world->broker.gateway, &cut));
    household_end(&a);
}

/* It went by itself, or the account let it in again. */
Test(gateway_members, cuts_no_connection_that_is_gone_or_has_a_session)
{
    ann a = anns_house();
    client *again = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    cf_member annul = {.kind = CF_MEMBER_ANNUL};
    cf_bytes cut;

    greet(a.world, again, &a.account.user, NULL, 0);
    revoke_the_lap(&a);
    annul.revocation = a.desk.head.hash;
    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id));
    client *at_phrase = connect_client(a.world, cf_keys_public(a.account.keys)->curve);
    write_operation(&a.account, &annul);
    greet(a.world, at_phrase, &a.account.user, NULL, 0);
    publish(a.world, at_phrase, &a.account);
    hear(a.world, at_phrase, CF_COMMAND_ACCEPTED);
    hear_refusal(a.world, again, CF_REFUSED_UNKNOWN);
    greet(a.world, again, &a.account.user, NULL, 0);
    a.world->now_ms += CF_EVICTED_MS;
    broker_world_settle(a.world);
    cr_expect_not(cf_gateway_next_cut(a.world->broker.gateway, &cut));
    household_end(&a);
}

Test(gateway_members, takes_nothing_more_from_a_revoked_device)
{
    static const cf_hash blob = {"a blob"};
    ann a = anns_house();
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {.id = blob,
                              .offset = 0,
                              .total = 2 * CF_BLOB_STEP,
                              .bytes = cf_bytes_of_text("a piece")}};
    cf_message get = {.command = CF_COMMAND_GET, .get = {.id = blob, .offset = 0}};

    say(a.world, a.at_lap, &put);
    hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    shut_out(&a.desk, &a.lap.id, &written, 1);
    publish(a.world, a.at_desk, &a.desk); /* and before anything else happens: */
    put.put.offset = 7;
    say(a.world, a.at_lap, &put);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    say(a.world, a.at_lap, &put);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    say(a.world, a.at_lap, &get);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    write_change(&a.lap, "after", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    household_end(&a);
}

/* Not even what would have been done before anybody looks at the sessions. */
Test(gateway_members, does_nothing_more_for_a_revoked_device)
{
    ann a = anns_house();
    cf_bytes bytes = cf_bytes_of_text("a small blob");
    cf_hash blob = cf_sha256_of(bytes);
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {.id = blob, .offset = 0, .total = bytes.size, .bytes = bytes}};
    cf_blob_held held;
    cf_error error;

    shut_out(&a.desk, &a.lap.id, &written, 1);
    publish(a.world, a.at_desk, &a.desk);
    say(a.world, a.at_lap, &put);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    expect_ok(
        a.world->broker.blobs->held(a.world->broker.blobs, &a.account.user, &blob, &held, &error),
        error);
    cr_expect_not(held.complete);
    cr_expect_eq(held.size, 0);
    household_end(&a);
}

/* What was on its way when the revocation came stands before it in the log, and is void as well. */
Test(gateway_members, acknowledges_nothing_to_a_device_that_is_revoked_meanwhile)
{
    ann a = anns_house();

    write_change(&a.lap, "in a hurry", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    shut_out(&a.desk, &a.lap.id, &written, 1);
    publish(a.world, a.at_desk, &a.desk);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    hear_nothing(a.world, a.at_lap);
    cr_expect(is_void(&a, &a.lap));
    household_end(&a);
}

Test(gateway_members, takes_a_revoked_devices_entries_from_others_and_counts_them_for_nothing)
{
    ann a = anns_house();

    revoke_the_lap(&a);
    write_change(&a.lap, "offline", NULL, 0);
    publish(a.world, a.at_desk, &a.lap);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    cr_expect(is_void(&a, &a.lap));
    household_end(&a);
}

/* As a replay between brokers brings it. */
Test(gateway_members, acts_on_a_revocation_that_another_device_brings)
{
    ann a = anns_house();
    person pad = a_device(4, &a.account.user);
    client *at_pad = connect_client(a.world, cf_keys_public(pad.keys)->curve);

    let_in(&a.desk, &pad, CF_ROLE_MEMBER);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    hear(a.world, a.at_lap, CF_COMMAND_ENTRY);
    greet(a.world, at_pad, &a.account.user, NULL, 0);
    shut_out(&a.desk, &a.lap.id, &written, 1);
    publish(a.world, at_pad, &a.desk);
    hear(a.world, at_pad, CF_COMMAND_ACCEPTED);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    person_end(&pad);
    household_end(&a);
}

/* As an engine in the same process appends it. */
Test(gateway_members, acts_on_a_revocation_that_no_session_brought)
{
    ann a = anns_house();
    cf_log *log = cf_users_find(a.world->broker.users, &a.account.user);
    cf_offer offer = {.bringer = CF_BRINGER_SELF};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;
    cf_verdict verdict;
    size_t allowed = a.world->allowed;

    shut_out(&a.desk, &a.lap.id, &written, 1);
    expect_ok(cf_entry_read(cf_buffer_view(&a.desk.wire), &arena, &entry, &error), error);
    expect_ok(cf_log_check(log, &entry, &offer, &verdict, &error), error);
    cf_log_append(log, &entry, &offer, NULL, 0, NULL, NULL);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    cr_expect_eq(a.world->allowed, allowed - 1);
    cf_arena_release(&arena);
    household_end(&a);
}

Test(gateway_members, lets_a_device_back_in_when_the_account_annuls)
{
    ann a = anns_house();
    client *at_phrase = connect_client(a.world, cf_keys_public(a.account.keys)->curve);
    cf_member annul = {.kind = CF_MEMBER_ANNUL};

    revoke_the_lap(&a);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    annul.revocation = a.desk.head.hash;
    write_operation(&a.account, &annul);
    greet(a.world, at_phrase, &a.account.user, NULL, 0);
    publish(a.world, at_phrase, &a.account);
    hear(a.world, at_phrase, CF_COMMAND_ACCEPTED);
    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    write_change(&a.lap, "back", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

/* Nobody needs to be told: it said so itself. */
Test(gateway_members, ends_the_session_of_a_device_that_leaves)
{
    ann a = anns_house();
    cf_member leave = {.kind = CF_MEMBER_LEAVE, .heads = &written, .head_count = 1};

    write_operation(&a.lap, &leave);
    publish(a.world, a.at_lap, &a.lap);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    household_end(&a);
}

/* Readers and relays are members of the household; what they write counts for nothing. */
Test(gateway_members, refuses_what_a_role_does_not_allow)
{
    static const cf_role roles[] = {CF_ROLE_READER, CF_ROLE_RELAY};

    for (size_t i = 0; i < 2; i++) {
        ann a = anns_house();
        person pad = a_device(4, &a.account.user);
        client *at_pad = connect_client(a.world, cf_keys_public(pad.keys)->curve);
        cf_member home = {
            .kind = CF_MEMBER_HOME, .generation = 1, .address = cf_bytes_of_text(BROKER_ADDRESS)};

        let_in(&a.desk, &pad, roles[i]);
        publish(a.world, a.at_desk, &a.desk);
        hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
        learn(&pad, &a.account);
        learn(&pad, &a.desk);
        pad.epoch = a.account.epoch;
        greet(a.world, at_pad, &a.account.user, NULL, 0);
        write_change(&pad, "not allowed", NULL, 0);
        publish(a.world, at_pad, &pad);
        hear_refusal(a.world, at_pad, CF_REFUSED_ROLE);
        publish(a.world, a.at_desk, &pad);
        hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
        cr_expect(is_void(&a, &pad));
        write_operation(&pad, &home);
        publish(a.world, at_pad, &pad);
        hear_refusal(a.world, at_pad, CF_REFUSED_ROLE);
        publish(a.world, at_pad, &a.lap); /* what it carries of others is held */
        hear(a.world, at_pad, CF_COMMAND_ACCEPTED);
        person_end(&pad);
        household_end(&a);
    }
}

/* A member becomes a reader, later a member again: each entry goes by the role that it knew of. */
Test(gateway_members, judges_by_the_role_in_an_entrys_own_past)
{
    ann a = anns_house();
    cf_member role = {.kind = CF_MEMBER_ROLE,
                      .device = a.lap.id,
                      .role = CF_ROLE_READER,
                      .heads = &written,
                      .head_count = 1};

    write_operation(&a.desk, &role);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    hear(a.world, a.at_lap, CF_COMMAND_ENTRY);
    write_change(&a.lap, "back-dated: it doesn't say that it knows", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_ROLE);
    publish(a.world, a.at_desk, &a.lap);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    cr_expect(is_void(&a, &a.lap));
    hear(a.world, a.at_lap, CF_COMMAND_ENTRY);

    role.role = CF_ROLE_MEMBER;
    role.head_count = 0;
    write_operation(&a.desk, &role);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    learn(&a.lap, &a.desk);
    a.lap.epoch = a.account.epoch;
    write_change(&a.lap, "allowed again", NULL, 0);
    hear(a.world, a.at_lap, CF_COMMAND_ENTRY);
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    cr_expect_not(is_void(&a, &a.lap));
    household_end(&a);
}
