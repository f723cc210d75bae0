/* SPDX-License-Identifier: Apache-2.0 */
/* While a device communicates alone in a collection: what others wait for, what goes on, and when
 * it ends. */
#include "broker/gateway/alone.h"

#include <stdio.h>
#include <string.h>

#include "codec/blob.h"
#include "tests/broker/gateway_fixture.h"

enum { DAY_MS = CF_LEASE_FOR_MS_MAX, PAGES = 40 };
static const cf_id pictures = {"pictures"}, list = {"list"};

typedef household ann;

static void lock(ann *a, caller *from, const char *request, bool shared)
{
    cf_message message = {.command = CF_COMMAND_LOCK,
                          .lock = {.collection = papers, .for_ms = DAY_MS, .shared = shared}};

    memcpy(message.lock.request.bytes, request, strlen(request));
    say(a->house, from, &message);
}

static cf_lease_token take(ann *a, caller *from, const char *request, bool shared)
{
    lock(a, from, request, shared);
    return hear(a->house, from, CF_COMMAND_LEASE).lease.token;
}

static void unlock(ann *a, caller *from, const cf_lease_token *token)
{
    const cf_message message = {.command = CF_COMMAND_UNLOCK,
                                .unlock = {.collection = papers, .token = token}};

    say(a->house, from, &message);
}

static void say_alone(ann *a, caller *from, bool begins)
{
    const cf_message message = {.command = CF_COMMAND_ALONE, .alone = {papers, begins}};

    say(a->house, from, &message);
}

static void publish_with(ann *a, caller *from, const person *author, const cf_lease_token *token)
{
    const cf_message message = {
        .command = CF_COMMAND_PUBLISH,
        .publish = {.token = token, .entry = cf_buffer_view(&author->wire)}};

    say(a->house, from, &message);
    hear(a->house, from, CF_COMMAND_ACCEPTED);
}

static void write_papers(ann *a, const cf_lease_token *token)
{
    write_change(&a->desk, "some body", NULL, 0);
    publish_with(a, a->at_desk, &a->desk, token);
}

/* The desk's next changes are of that collection. */
static void turn_to(ann *a, const cf_id *collection)
{
    begin_chain(&a->desk, collection, &a->account.head);
}

static void follow(ann *a, caller *by)
{
    const cf_message locks = {.command = CF_COMMAND_LOCKS, .locks = {list}};

    say(a->house, by, &locks);
    hear(a->house, by, CF_COMMAND_LEASES);
}

/* Both know all that there is: something in the papers, which the lap follows. */
static ann anns_house(void)
{
    ann a = a_household();

    greet(a.house, a.at_desk, &a.account.user, &a.account.head, 1);
    greet(a.house, a.at_lap, &a.account.user, &a.account.head, 1);
    write_papers(&a, NULL);
    subscribe(a.house, a.at_lap, NULL, 0, CF_WINDOW);
    hear(a.house, a.at_lap, CF_COMMAND_ENTRY);
    follow(&a, a.at_lap);
    return a;
}

static cf_head hear_entry(ann *a, caller *by)
{
    const cf_message message = hear(a->house, by, CF_COMMAND_ENTRY);
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(message.entry.entry, &arena, &entry, &error), error);
    const cf_head head = cf_head_of(&entry);
    cf_arena_release(&arena);
    return head;
}

static void expect_entry(ann *a, caller *by, const cf_head *expected)
{
    const cf_head came = hear_entry(a, by);

    cr_expect(cf_hash_equal(&came.hash, &expected->hash));
}

static void expect_paused(ann *a, caller *by, size_t count, bool waits)
{
    const cf_message paused = hear(a->house, by, CF_COMMAND_PAUSED);

    cr_assert_eq(paused.paused.count, count);
    if (count) {
        cr_expect(cf_id_equal(&paused.paused.collections[0].collection, &papers));
        cr_expect_eq(paused.paused.collections[0].waits, waits);
    }
}

/* The desk has the lease and communicates alone. */
static cf_lease_token begin(ann *a)
{
    const cf_lease_token token = take(a, a->at_desk, "one", false);

    say_alone(a, a->at_desk, true);
    hear(a->house, a->at_lap, CF_COMMAND_LEASES);
    expect_paused(a, a->at_lap, 1, false);
    return token;
}

/* So that there is something that the lap waits for. */
static cf_head hold_back(ann *a, const cf_lease_token *token)
{
    write_papers(a, token);
    expect_paused(a, a->at_lap, 1, true);
    hear_nothing(a->house, a->at_lap);
    return a->desk.head;
}

static void expect_over(ann *a, const cf_head *head)
{
    expect_entry(a, a->at_lap, head);
    expect_paused(a, a->at_lap, 0, false);
    hear_nothing(a->house, a->at_lap);
}

Test(gateway_alone, keeps_entries_of_that_collection_from_others_until_it_ends)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);
    const cf_head first = hold_back(&a, &token);

    write_papers(&a, &token);
    const cf_head second = a.desk.head;
    hear_nothing(a.house, a.at_lap);
    say_alone(&a, a.at_desk, false);
    expect_entry(&a, a.at_lap, &first);
    expect_over(&a, &second);
    write_papers(&a, &token);
    expect_entry(&a, a.at_lap, &a.desk.head);
    household_end(&a);
}

Test(gateway_alone, lets_the_member_log_and_other_collections_go_on)
{
    ann a = anns_house();
    person other = a_device(9, &a.account.user);
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);

    let_in(&a.account, &other, CF_ROLE_READER);
    publish_with(&a, a.at_desk, &a.account, NULL);
    expect_entry(&a, a.at_lap, &a.account.head);
    turn_to(&a, &pictures);
    write_papers(&a, NULL);
    expect_entry(&a, a.at_lap, &a.desk.head);
    shut_out(&a.account, &other.id, NULL, 0);
    publish_with(&a, a.at_desk, &a.account, NULL);
    expect_entry(&a, a.at_lap, &a.account.head);
    say_alone(&a, a.at_desk, false);
    expect_over(&a, &kept);
    person_end(&other);
    household_end(&a);
}

Test(gateway_alone, answers_questions_and_reports_meanwhile)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);
    const cf_message query = {.command = CF_COMMAND_QUERY};
    const cf_message report = {.command = CF_COMMAND_REPORT, .report = {&a.account.head, 1, false}};
    bool named = false;

    say(a.house, a.at_lap, &report);
    hear(a.house, a.at_lap, CF_COMMAND_REPORTED);
    say(a.house, a.at_lap, &query);
    for (int i = 0; i < 2; i++) {
        const cf_message holds = hear(a.house, a.at_lap, CF_COMMAND_HOLDS);

        for (size_t k = 0; k < holds.holds.head_count; k++)
            named |= cf_hash_equal(&holds.holds.heads[k].hash, &kept.hash);
    }
    hear(a.house, a.at_lap, CF_COMMAND_REPORTED);
    cr_expect(named, "heads go on");
    say(a.house, a.at_lap, &(cf_message){.command = CF_COMMAND_CHAINS, .chains = {&a.desk.id, 1}});
    const cf_message ends = hear(a.house, a.at_lap, CF_COMMAND_ENDS);
    cr_assert_eq(ends.ends.head_count, 1);
    cr_expect_eq(cf_head_compare(ends.ends.heads, &kept), 0);
    household_end(&a);
}

/* The lease is another's, as ever. */
Test(gateway_alone, refuses_what_others_publish_as_any_lease_does)
{
    ann a = anns_house();

    begin(&a);
    write_change(&a.lap, "some body", NULL, 0);
    publish(a.house, a.at_lap, &a.lap);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_LOCKED);
    household_end(&a);
}

Test(gateway_alone, lets_all_sessions_of_its_device_pass)
{
    ann a = anns_house();
    caller *second = call_in(a.house, cf_keys_public(a.desk.keys)->curve);

    greet(a.house, second, &a.account.user, &a.desk.head, 1);
    subscribe(a.house, second, NULL, 0, CF_WINDOW);
    const cf_lease_token token = begin(&a);
    hold_back(&a, &token);
    hear_entry(&a, second);
    household_end(&a);
}

Test(gateway_alone, names_heads_to_who_comes_meanwhile_and_says_when_all_else_was_sent)
{
    ann a = anns_house();
    caller *later = call_in(a.house, cf_keys_public(a.lap.keys)->curve);
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);
    const cf_message hello = {.command = CF_COMMAND_HELLO,
                              .hello = {CF_PROTOCOL_VERSION, a.account.user, NULL, 0, false}};
    bool named = false;

    turn_to(&a, &pictures);
    write_papers(&a, NULL);
    say(a.house, later, &hello);
    const cf_message welcome = hear(a.house, later, CF_COMMAND_WELCOME);
    for (size_t i = 0; i < welcome.welcome.head_count; i++)
        named |= cf_hash_equal(&welcome.welcome.heads[i].hash, &kept.hash);
    cr_expect(named);
    follow(&a, later);
    hear_nothing(a.house, later);
    subscribe(a.house, later, NULL, 0, CF_WINDOW);
    for (int i = 0; i < 3; i++)
        hear_entry(&a, later); /* of the member log */
    expect_entry(&a, later, &a.desk.head);
    expect_paused(&a, later, 1, true);
    hear_nothing(a.house, later);
    say_alone(&a, a.at_desk, false);
    hear_entry(&a, later);
    expect_entry(&a, later, &kept);
    expect_paused(&a, later, 0, false);
    household_end(&a);
}

Test(gateway_alone, tells_nobody_who_did_not_ask_for_leases)
{
    ann a = a_household();

    greet(a.house, a.at_desk, &a.account.user, &a.account.head, 1);
    greet(a.house, a.at_lap, &a.account.user, &a.account.head, 1);
    write_papers(&a, NULL);
    take(&a, a.at_desk, "one", false);
    say_alone(&a, a.at_desk, true);
    subscribe(a.house, a.at_lap, NULL, 0, CF_WINDOW);
    hear_nothing(a.house, a.at_lap);
    say_alone(&a, a.at_desk, false);
    expect_entry(&a, a.at_lap, &a.desk.head);
    hear_nothing(a.house, a.at_lap);
    household_end(&a);
}

/* ---- When it ends ---- */

Test(gateway_alone, ends_with_the_lease)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);

    unlock(&a, a.at_desk, &token);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    expect_over(&a, &kept);
    household_end(&a);
}

Test(gateway_alone, ends_when_an_owner_breaks_the_lease)
{
    ann a = anns_house();
    caller *second = call_in(a.house, cf_keys_public(a.desk.keys)->curve);
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);

    greet(a.house, second, &a.account.user, &a.desk.head, 1);
    unlock(&a, second, NULL);
    hear(a.house, second, CF_COMMAND_LEASE);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    expect_over(&a, &kept);
    household_end(&a);
}

/* Whoever has the lease under a new token has forgotten what it was for. */
Test(gateway_alone, ends_when_the_lease_is_had_again)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);

    take(&a, a.at_desk, "two", false);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    expect_over(&a, &kept);
    household_end(&a);
}

Test(gateway_alone, ends_after_ten_minutes_however_long_the_lease_is_and_the_clock_is_set)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);

    house_set_clock(a.house, 3600 * 1000);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    a.house->now_ms += CF_ALONE_MS - 1;
    say_alone(&a, a.at_desk, true); /* which changes nothing */
    hear_nothing(a.house, a.at_lap);
    a.house->now_ms++;
    expect_over(&a, &kept);
    household_end(&a);
}

/* The same lease, and so the same sync. */
Test(gateway_alone, does_not_begin_anew_under_that_lease_before_it_said_that_it_ended)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);

    a.house->now_ms += CF_ALONE_MS;
    expect_over(&a, &kept);
    say_alone(&a, a.at_desk, true);
    write_papers(&a, &token);
    expect_entry(&a, a.at_lap, &a.desk.head);
    say_alone(&a, a.at_desk, false);
    say_alone(&a, a.at_desk, true);
    expect_paused(&a, a.at_lap, 1, false);
    hold_back(&a, &token);
    household_end(&a);
}

Test(gateway_alone, ends_a_minute_after_its_device_s_last_session)
{
    ann a = anns_house();
    caller *second = call_in(a.house, cf_keys_public(a.desk.keys)->curve);
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);

    greet(a.house, second, &a.account.user, &a.desk.head, 1);
    cf_gateway_gone(a.house->gateway, cf_bytes_of_text(a.at_desk->routing_id));
    a.house->now_ms += CF_ALONE_GONE_MS;
    hear_nothing(a.house, a.at_lap); /* it has another */
    cf_gateway_gone(a.house->gateway, cf_bytes_of_text(second->routing_id));
    a.house->now_ms += CF_ALONE_GONE_MS - 1;
    hear_nothing(a.house, a.at_lap);
    a.house->now_ms++;
    expect_over(&a, &kept);
    household_end(&a);
}

Test(gateway_alone, goes_on_with_a_device_that_is_back_within_a_minute)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);

    hold_back(&a, &token);
    cf_gateway_gone(a.house->gateway, cf_bytes_of_text(a.at_desk->routing_id));
    a.house->now_ms += CF_ALONE_GONE_MS - 1;
    caller *back = call_in(a.house, cf_keys_public(a.desk.keys)->curve);
    greet(a.house, back, &a.account.user, &a.desk.head, 1);
    a.house->now_ms += CF_ALONE_GONE_MS;
    hear_nothing(a.house, a.at_lap);
    household_end(&a);
}

/* The lease stays, as any would. */
Test(gateway_alone, ends_when_its_device_may_not_write_any_more)
{
    ann a = anns_house();
    cf_member role = {
        .kind = CF_MEMBER_ROLE, .time_ms = 1, .device = a.lap.id, .role = CF_ROLE_READER};

    follow(&a, a.at_desk);
    subscribe(a.house, a.at_desk, NULL, 0, CF_WINDOW);
    hear_entry(&a, a.at_desk);
    lock(&a, a.at_lap, "one", false);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    const cf_lease_token token = hear(a.house, a.at_lap, CF_COMMAND_LEASE).lease.token;
    hear(a.house, a.at_desk, CF_COMMAND_LEASES);
    say_alone(&a, a.at_lap, true);
    expect_paused(&a, a.at_desk, 1, false);
    write_change(&a.lap, "some body", NULL, 0);
    publish_with(&a, a.at_lap, &a.lap, &token);
    expect_paused(&a, a.at_desk, 1, true);
    write_operation(&a.account, &role);
    publish_with(&a, a.at_desk, &a.account, NULL);
    expect_entry(&a, a.at_desk, &a.lap.head);
    expect_paused(&a, a.at_desk, 0, false);
    say_alone(&a, a.at_lap, true);
    hear_nothing(a.house, a.at_desk);
    household_end(&a);
}

Test(gateway_alone, is_not_begun_by_who_has_no_such_lease)
{
    ann a = anns_house();

    say_alone(&a, a.at_desk, true);
    write_papers(&a, NULL);
    expect_entry(&a, a.at_lap, &a.desk.head);
    const cf_lease_token shared = take(&a, a.at_desk, "one", true);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    say_alone(&a, a.at_desk, true);
    write_papers(&a, &shared);
    expect_entry(&a, a.at_lap, &a.desk.head);
    unlock(&a, a.at_desk, &shared);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    lock(&a, a.at_lap, "two", false);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    hear(a.house, a.at_lap, CF_COMMAND_LEASE);
    say_alone(&a, a.at_desk, true);
    hear_nothing(a.house, a.at_lap);
    household_end(&a);
}

Test(gateway_alone, is_forgotten_by_a_broker_that_is_started_again)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);

    hold_back(&a, &token);
    house_crash(a.house);
    a.at_lap = call_in(a.house, cf_keys_public(a.lap.keys)->curve);
    greet(a.house, a.at_lap, &a.account.user, &a.account.head, 1);
    subscribe(a.house, a.at_lap, NULL, 0, CF_WINDOW);
    hear_entry(&a, a.at_lap);
    expect_entry(&a, a.at_lap, &a.desk.head);
    household_end(&a);
}

/* ---- What was kept back ---- */

Test(gateway_alone, sends_what_it_kept_back_before_the_next_lease)
{
    ann a = anns_house();
    const cf_lease_token token = begin(&a);
    const cf_head kept = hold_back(&a, &token);
    const cf_message wait = {
        .command = CF_COMMAND_LOCK,
        .lock = {.request = {"mine"}, .collection = papers, .for_ms = DAY_MS, .wait = true}};

    say(a.house, a.at_lap, &wait);
    hear_nothing(a.house, a.at_lap);
    unlock(&a, a.at_desk, &token);
    hear(a.house, a.at_lap, CF_COMMAND_LEASES);
    expect_entry(&a, a.at_lap, &kept);
    expect_paused(&a, a.at_lap, 0, false);
    hear(a.house, a.at_lap, CF_COMMAND_LEASE);
    household_end(&a);
}

/* Nobody waits for ever who takes little at a time. */
Test(gateway_alone, does_not_keep_back_again_what_it_owes)
{
    ann a = anns_house();
    cf_lease_token token = begin(&a);
    cf_head kept[3];
    cf_heads held = {0};
    caller *slow = call_in(a.house, cf_keys_public(a.lap.keys)->curve);
    const cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {1}};

    cf_heads_insert(&held, &a.account.head);
    cf_heads_insert(&held, &a.desk.head);
    greet(a.house, slow, &a.account.user, held.heads, held.count);
    subscribe(a.house, slow, NULL, 0, 1);
    for (int i = 0; i < 3; i++) {
        write_papers(&a, &token);
        kept[i] = a.desk.head;
    }
    say_alone(&a, a.at_desk, false);
    expect_entry(&a, slow, &kept[0]);
    hear_nothing(a.house, slow);
    say_alone(&a, a.at_desk, true);
    for (int i = 1; i < 3; i++) {
        hear_nothing(a.house, slow);
        say(a.house, slow, &credit);
        expect_entry(&a, slow, &kept[i]);
    }
    write_papers(&a, &token);
    say(a.house, slow, &credit);
    hear_nothing(a.house, slow);
    cf_heads_release(&held);
    household_end(&a);
}

/* ---- Blobs ---- */

static cf_hash store_blob(ann *a, caller *from, const char *text)
{
    const cf_hash id = cf_blob_id(cf_bytes_of_text(text));
    const cf_message put = {.command = CF_COMMAND_PUT,
                            .put = {id, 0, strlen(text), cf_bytes_of_text(text)}};

    say(a->house, from, &put);
    hear(a->house, from, CF_COMMAND_STORED);
    return id;
}

static void get(ann *a, caller *by, const cf_hash *id, bool fetches)
{
    const cf_message message = {.command = fetches ? CF_COMMAND_FETCH : CF_COMMAND_GET,
                                .get = {.id = *id, .size = 100}};

    say(a->house, by, &message);
}

static cf_hash write_blob(ann *a, const char *text, const cf_lease_token *token)
{
    const cf_hash id = store_blob(a, a->at_desk, text);

    write_change(&a->desk, "some body", &id, 1);
    publish_with(a, a->at_desk, &a->desk, token);
    return id;
}

Test(gateway_alone, keeps_the_blobs_of_that_collection_from_others)
{
    ann a = anns_house();
    const cf_hash mine = write_blob(&a, "of the papers", NULL);
    char text[32];

    hear_entry(&a, a.at_lap);
    for (int i = 0; i < PAGES; i++) { /* more than are read at a time */
        snprintf(text, sizeof text, "page %d", i);
        write_blob(&a, text, NULL);
        hear_entry(&a, a.at_lap);
    }
    const cf_hash last = cf_blob_id(cf_bytes_of_text(text));
    turn_to(&a, &pictures);
    const cf_hash other = write_blob(&a, "of the pictures", NULL);
    hear_entry(&a, a.at_lap);
    begin(&a);
    for (int fetches = 0; fetches < 2; fetches++) {
        get(&a, a.at_lap, &mine, fetches);
        hear_refusal(a.house, a.at_lap, CF_REFUSED_LOCKED);
        get(&a, a.at_lap, &last, fetches);
        hear_refusal(a.house, a.at_lap, CF_REFUSED_LOCKED);
        get(&a, a.at_lap, &other, fetches);
        hear(a.house, a.at_lap, CF_COMMAND_BLOB);
        get(&a, a.at_desk, &mine, fetches);
        hear(a.house, a.at_desk, CF_COMMAND_BLOB);
    }
    store_blob(&a, a.at_lap, "what others bring");
    say_alone(&a, a.at_desk, false);
    expect_paused(&a, a.at_lap, 0, false);
    get(&a, a.at_lap, &mine, false);
    hear(a.house, a.at_lap, CF_COMMAND_BLOB);
    household_end(&a);
}

/* Until it is known whose it is a GET waits, and no more than a client may have without an answer.
 */
Test(gateway_alone, answers_sixteen_that_wait_and_refuses_more)
{
    ann a = anns_house();
    const cf_hash mine = write_blob(&a, "of the papers", NULL);

    hear_entry(&a, a.at_lap);
    begin(&a);
    for (int i = 0; i < 17; i++)
        get(&a, a.at_lap, &mine, false);
    hear_refusal(a.house, a.at_lap, CF_REFUSED_BUSY);
    for (int i = 0; i < 16; i++)
        hear_refusal(a.house, a.at_lap, CF_REFUSED_LOCKED);
    hear_nothing(a.house, a.at_lap);
    household_end(&a);
}
