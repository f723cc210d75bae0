/* SPDX-License-Identifier: Apache-2.0 */
/* While a device communicates alone in a collection: what others wait for, what goes on, and when
 * it ends. */
#include "tests/broker/gateway/alone_scene.h"

static const cf_id pictures = {"pictures"};

Test(gateway_alone, keeps_entries_of_that_collection_from_others_until_it_ends)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);
    const cf_head first = alone_hold_back(&a, &token);

    alone_write_papers(&a, &token);
    const cf_head second = a.desk.head;
    hear_nothing(a.world, a.at_lap);
    alone_say(&a, a.at_desk, false);
    alone_expect_entry(&a, a.at_lap, &first);
    alone_expect_over(&a, &second);
    alone_write_papers(&a, &token);
    alone_expect_entry(&a, a.at_lap, &a.desk.head);
    household_end(&a);
}

Test(gateway_alone, lets_the_member_log_and_other_collections_go_on)
{
    household a = alone_house();
    person other = a_device(9, &a.account.user);
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);

    let_in(&a.account, &other, CF_ROLE_READER);
    alone_publish_with(&a, a.at_desk, &a.account, NULL);
    alone_expect_entry(&a, a.at_lap, &a.account.head);
    alone_turn_to(&a, &pictures);
    alone_write_papers(&a, NULL);
    alone_expect_entry(&a, a.at_lap, &a.desk.head);
    shut_out(&a.account, &other.id, NULL, 0);
    alone_publish_with(&a, a.at_desk, &a.account, NULL);
    alone_expect_entry(&a, a.at_lap, &a.account.head);
    alone_say(&a, a.at_desk, false);
    alone_expect_over(&a, &kept);
    person_end(&other);
    household_end(&a);
}

Test(gateway_alone, answers_questions_and_reports_meanwhile)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);
    const cf_message query = {.command = CF_COMMAND_QUERY};
    const cf_message report = {
        .command = CF_COMMAND_REPORT,
        .report = {.heads = &a.account.head, .head_count = 1, .more = false}};
    bool named = false;

    say(a.world, a.at_lap, &report);
    hear(a.world, a.at_lap, CF_COMMAND_REPORTED);
    say(a.world, a.at_lap, &query);
    for (int i = 0; i < 2; i++) {
        const cf_message holds = hear(a.world, a.at_lap, CF_COMMAND_HOLDS);

        for (size_t k = 0; k < holds.holds.head_count; k++)
            named |= cf_hash_equal(&holds.holds.heads[k].hash, &kept.hash);
    }
    hear(a.world, a.at_lap, CF_COMMAND_REPORTED);
    cr_expect(named, "heads go on");
    say(a.world, a.at_lap,
        &(cf_message){.command = CF_COMMAND_CHAINS, .chains = {.devices = &a.desk.id, .count = 1}});
    const cf_message ends = hear(a.world, a.at_lap, CF_COMMAND_ENDS);
    cr_assert_eq(ends.ends.head_count, 1);
    cr_expect_eq(cf_head_compare(ends.ends.heads, &kept), 0);
    household_end(&a);
}

/* The lease is another's, as ever. */
Test(gateway_alone, refuses_what_others_publish_as_any_lease_does)
{
    household a = alone_house();

    alone_begin(&a);
    write_change(&a.lap, "some body", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    household_end(&a);
}

Test(gateway_alone, lets_all_sessions_of_its_device_pass)
{
    household a = alone_house();
    client *second = connect_client(a.world, cf_keys_public(a.desk.keys)->curve);

    greet(a.world, second, &a.account.user, &a.desk.head, 1);
    subscribe(a.world, second, NULL, 0, CF_WINDOW);
    const cf_lease_token token = alone_begin(&a);
    alone_hold_back(&a, &token);
    alone_hear_entry(&a, second);
    household_end(&a);
}

Test(gateway_alone, names_heads_to_who_comes_meanwhile_and_says_when_all_else_was_sent)
{
    household a = alone_house();
    client *later = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);
    const cf_message hello = hello_of(&a.account.user);
    bool named = false;

    alone_turn_to(&a, &pictures);
    alone_write_papers(&a, NULL);
    say(a.world, later, &hello);
    const cf_message welcome = hear(a.world, later, CF_COMMAND_WELCOME);
    for (size_t i = 0; i < welcome.welcome.head_count; i++)
        named |= cf_hash_equal(&welcome.welcome.heads[i].hash, &kept.hash);
    cr_expect(named);
    alone_follow(&a, later);
    hear_nothing(a.world, later);
    subscribe(a.world, later, NULL, 0, CF_WINDOW);
    for (int i = 0; i < 3; i++)
        alone_hear_entry(&a, later); /* of the member log */
    alone_expect_entry(&a, later, &a.desk.head);
    alone_expect_paused(&a, later, 1, true);
    hear_nothing(a.world, later);
    alone_say(&a, a.at_desk, false);
    alone_hear_entry(&a, later);
    alone_expect_entry(&a, later, &kept);
    alone_expect_paused(&a, later, 0, false);
    household_end(&a);
}

Test(gateway_alone, tells_nobody_who_did_not_ask_for_leases)
{
    household a = a_household();

    greet(a.world, a.at_desk, &a.account.user, &a.account.head, 1);
    greet(a.world, a.at_lap, &a.account.user, &a.account.head, 1);
    alone_write_papers(&a, NULL);
    alone_take(&a, a.at_desk, "one", false);
    alone_say(&a, a.at_desk, true);
    subscribe(a.world, a.at_lap, NULL, 0, CF_WINDOW);
    hear_nothing(a.world, a.at_lap);
    alone_say(&a, a.at_desk, false);
    alone_expect_entry(&a, a.at_lap, &a.desk.head);
    hear_nothing(a.world, a.at_lap);
    household_end(&a);
}

/* ---- When it ends ---- */

Test(gateway_alone, ends_with_the_lease)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);

    alone_unlock(&a, a.at_desk, &token);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    alone_expect_over(&a, &kept);
    household_end(&a);
}

Test(gateway_alone, ends_when_an_owner_breaks_the_lease)
{
    household a = alone_house();
    client *second = connect_client(a.world, cf_keys_public(a.desk.keys)->curve);
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);

    greet(a.world, second, &a.account.user, &a.desk.head, 1);
    alone_unlock(&a, second, NULL);
    hear(a.world, second, CF_COMMAND_LEASE);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    alone_expect_over(&a, &kept);
    household_end(&a);
}

/* Whoever has the lease under a new token has forgotten what it was for. */
Test(gateway_alone, ends_when_the_lease_is_had_again)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);

    alone_take(&a, a.at_desk, "two", false);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    alone_expect_over(&a, &kept);
    household_end(&a);
}

Test(gateway_alone, ends_after_ten_minutes_however_long_the_lease_is_and_the_clock_is_set)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);

    broker_world_set_clock(a.world, 3600 * 1000);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    a.world->now_ms += CF_ALONE_MS - 1;
    alone_say(&a, a.at_desk, true); /* which changes nothing */
    hear_nothing(a.world, a.at_lap);
    a.world->now_ms++;
    alone_expect_over(&a, &kept);
    household_end(&a);
}

/* The same lease, and so the same sync. */
Test(gateway_alone, does_not_begin_anew_under_that_lease_before_it_said_that_it_ended)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);

    a.world->now_ms += CF_ALONE_MS;
    alone_expect_over(&a, &kept);
    alone_say(&a, a.at_desk, true);
    alone_write_papers(&a, &token);
    alone_expect_entry(&a, a.at_lap, &a.desk.head);
    alone_say(&a, a.at_desk, false);
    alone_say(&a, a.at_desk, true);
    alone_expect_paused(&a, a.at_lap, 1, false);
    alone_hold_back(&a, &token);
    household_end(&a);
}

Test(gateway_alone, ends_a_minute_after_its_device_s_last_session)
{
    household a = alone_house();
    client *second = connect_client(a.world, cf_keys_public(a.desk.keys)->curve);
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);

    greet(a.world, second, &a.account.user, &a.desk.head, 1);
    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(a.at_desk->routing_id));
    a.world->now_ms += CF_ALONE_GONE_MS;
    hear_nothing(a.world, a.at_lap); /* it has another */
    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(second->routing_id));
    a.world->now_ms += CF_ALONE_GONE_MS - 1;
    hear_nothing(a.world, a.at_lap);
    a.world->now_ms++;
    alone_expect_over(&a, &kept);
    household_end(&a);
}

Test(gateway_alone, goes_on_with_a_device_that_is_back_within_a_minute)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);

    alone_hold_back(&a, &token);
    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(a.at_desk->routing_id));
    a.world->now_ms += CF_ALONE_GONE_MS - 1;
    client *back = connect_client(a.world, cf_keys_public(a.desk.keys)->curve);
    greet(a.world, back, &a.account.user, &a.desk.head, 1);
    a.world->now_ms += CF_ALONE_GONE_MS;
    hear_nothing(a.world, a.at_lap);
    household_end(&a);
}

/* The lease stays, as any would. */
Test(gateway_alone, ends_when_its_device_may_not_write_any_more)
{
    household a = alone_house();
    cf_member role = {
        .kind = CF_MEMBER_ROLE, .time_ms = 1, .device = a.lap.id, .role = CF_ROLE_READER};

    alone_follow(&a, a.at_desk);
    subscribe(a.world, a.at_desk, NULL, 0, CF_WINDOW);
    alone_hear_entry(&a, a.at_desk);
    alone_lock(&a, a.at_lap, "one", false);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    const cf_lease_token token = hear(a.world, a.at_lap, CF_COMMAND_LEASE).lease.token;
    hear(a.world, a.at_desk, CF_COMMAND_LEASES);
    alone_say(&a, a.at_lap, true);
    alone_expect_paused(&a, a.at_desk, 1, false);
    write_change(&a.lap, "some body", NULL, 0);
    alone_publish_with(&a, a.at_lap, &a.lap, &token);
    alone_expect_paused(&a, a.at_desk, 1, true);
    write_operation(&a.account, &role);
    alone_publish_with(&a, a.at_desk, &a.account, NULL);
    alone_expect_entry(&a, a.at_desk, &a.lap.head);
    alone_expect_paused(&a, a.at_desk, 0, false);
    alone_say(&a, a.at_lap, true);
    hear_nothing(a.world, a.at_desk);
    household_end(&a);
}

Test(gateway_alone, is_not_begun_by_who_has_no_such_lease)
{
    household a = alone_house();

    alone_say(&a, a.at_desk, true);
    alone_write_papers(&a, NULL);
    alone_expect_entry(&a, a.at_lap, &a.desk.head);
    const cf_lease_token shared = alone_take(&a, a.at_desk, "one", true);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    alone_say(&a, a.at_desk, true);
    alone_write_papers(&a, &shared);
    alone_expect_entry(&a, a.at_lap, &a.desk.head);
    alone_unlock(&a, a.at_desk, &shared);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    alone_lock(&a, a.at_lap, "two", false);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    hear(a.world, a.at_lap, CF_COMMAND_LEASE);
    alone_say(&a, a.at_desk, true);
    hear_nothing(a.world, a.at_lap);
    household_end(&a);
}

Test(gateway_alone, is_forgotten_by_a_broker_that_is_started_again)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);

    alone_hold_back(&a, &token);
    broker_world_crash(a.world);
    a.at_lap = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    greet(a.world, a.at_lap, &a.account.user, &a.account.head, 1);
    subscribe(a.world, a.at_lap, NULL, 0, CF_WINDOW);
    alone_hear_entry(&a, a.at_lap);
    alone_expect_entry(&a, a.at_lap, &a.desk.head);
    household_end(&a);
}
