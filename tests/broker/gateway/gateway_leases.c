/* SPDX-License-Identifier: Apache-2.0 */
/* Leases as a gateway gives them, over a broker that crashes. */
#include <string.h>

#include "tests/broker/people/broker_world.h"

enum { TEN_S = 10000 };
static const cf_id page = {"page 7"};

typedef household ann;

static void greet_both(ann *a)
{
    greet(a->world, a->at_desk, &a->account.user, NULL, 0);
    greet(a->world, a->at_lap, &a->account.user, NULL, 0);
}

/* Once more, after the broker crashed. */
static void call(ann *a)
{
    a->at_desk = connect_client(a->world, cf_keys_public(a->desk.keys)->curve);
    a->at_lap = connect_client(a->world, cf_keys_public(a->lap.keys)->curve);
    greet_both(a);
}

static cf_id request_id(const char *text)
{
    cf_id id = {{0}};

    memcpy(id.bytes, text, strlen(text));
    return id;
}

static void ask(ann *a, client *from, const char *request, const cf_id *name, bool wait)
{
    cf_message lock = {
        .command = CF_COMMAND_LOCK,
        .lock = {
            .request = request_id(request), .collection = papers, .for_ms = TEN_S, .wait = wait}};

    if (name)
        lock.lock.name = *name;
    say(a->world, from, &lock);
}

static cf_lease_token hear_lease(ann *a, client *by)
{
    return hear(a->world, by, CF_COMMAND_LEASE).lease.token;
}

static cf_lease_token take(ann *a, client *from, const char *request)
{
    ask(a, from, request, NULL, false);
    return hear_lease(a, from);
}

static void give_back(ann *a, client *from, const char *request, const cf_lease_token *token)
{
    cf_message unlock = {
        .command = CF_COMMAND_UNLOCK,
        .unlock = {.request = request_id(request), .collection = papers, .token = token}};

    say(a->world, from, &unlock);
}

static void publish_with(ann *a, client *from, const person *author, const cf_lease_token *token)
{
    cf_message message = {
        .command = CF_COMMAND_PUBLISH,
        .publish = {.token = token, .entry = cf_buffer_view(&author->wire)},
    };

    say(a->world, from, &message);
}

static void write_and_publish(ann *a, person *author, client *from, const cf_lease_token *token)
{
    write_change(author, "some body", NULL, 0);
    publish_with(a, from, author, token);
}

/* There is an entry in the papers. */
static ann anns_house(void)
{
    ann a = a_household();

    greet_both(&a);
    write_and_publish(&a, &a.desk, a.at_desk, NULL);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    return a;
}

static bool is_later(cf_lease_token a, cf_lease_token b)
{
    return a.generation > b.generation || (a.generation == b.generation && a.counter > b.counter);
}

Test(gateway_leases, lets_only_the_holder_publish_with_its_token)
{
    ann a = anns_house();
    cf_lease_token token = take(&a, a.at_desk, "one");

    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    publish_with(&a, a.at_lap, &a.lap, &token);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    write_and_publish(&a, &a.desk, a.at_desk, NULL);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_LOCKED);
    publish_with(&a, a.at_desk, &a.desk, &token);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    publish_with(&a, a.at_desk, &a.lap, &token);
    hear(a.world, a.at_desk,
         CF_COMMAND_ACCEPTED); /* what its session brings of others is in order */
    household_end(&a);
}

Test(gateway_leases, locks_no_other_collection_no_members_and_nothing_that_is_not_there)
{
    ann a = anns_house();

    take(&a, a.at_desk, "one");
    person phone = a_device(4, &a.account.user);
    let_in(&a.desk, &phone, CF_ROLE_MEMBER);
    publish_with(&a, a.at_lap, &a.desk, NULL);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    person_end(&phone);
    cf_message lock = {.command = CF_COMMAND_LOCK,
                       .lock = {.collection = cf_member_log_id, .for_ms = TEN_S}};
    say(a.world, a.at_lap, &lock);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_MALFORMED);
    lock.lock.collection = cf_catalog_id;
    say(a.world, a.at_lap, &lock);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_MALFORMED);
    lock.lock.collection = request_id("nobody's");
    say(a.world, a.at_lap, &lock);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    lock.lock.collection = papers;
    lock.lock.for_ms = CF_LEASE_FOR_MS_MAX + 1;
    say(a.world, a.at_lap, &lock);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_MALFORMED);
    household_end(&a);
}

Test(gateway_leases, is_taken_back_by_time_and_then_its_token_is_stale)
{
    ann a = anns_house();
    cf_lease_token old = take(&a, a.at_desk, "one");

    a.world->now_ms += TEN_S;
    write_and_publish(&a, &a.desk, a.at_desk, &old);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_LOCKED);
    cf_lease_token new = take(&a, a.at_lap, "two");
    cr_expect(is_later(new, old));
    publish_with(&a, a.at_desk, &a.desk, &old);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_LOCKED);
    give_back(&a, a.at_lap, "two", &new);
    cf_message over = hear(a.world, a.at_lap, CF_COMMAND_LEASE);
    cr_expect_eq(over.lease.until_ms, 0);
    publish_with(&a, a.at_desk, &a.desk, NULL);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

/* By the clock that the broker has then, as all that it tells. */
Test(gateway_leases, ends_as_late_as_ever_when_the_clock_is_set)
{
    static const int64_t sets_ms[] = {3 * 3600 * 1000, -3 * 3600 * 1000};

    for (size_t i = 0; i < 2; i++) {
        ann a = anns_house();
        cf_message locks = {.command = CF_COMMAND_LOCKS, .locks = {.request = request_id("list")}};

        take(&a, a.at_desk, "one");
        say(a.world, a.at_lap, &locks);
        hear(a.world, a.at_lap, CF_COMMAND_LEASES);
        a.world->now_ms += TEN_S / 2;
        broker_world_set_clock(a.world, sets_ms[i]);
        cf_message all = hear(a.world, a.at_lap, CF_COMMAND_LEASES);
        cr_assert_eq(all.leases.lease_count, 1, "it ended with the old time");
        cr_expect_eq(all.leases.leases[0].until_ms, a.world->now_ms + TEN_S / 2);
        a.world->now_ms += TEN_S / 2 - 1;
        ask(&a, a.at_lap, "two", NULL, false);
        hear(a.world, a.at_lap, CF_COMMAND_BUSY);
        a.world->now_ms++;
        cr_expect_eq(hear(a.world, a.at_lap, CF_COMMAND_LEASES).leases.lease_count, 0);
        take(&a, a.at_desk, "three");
        household_end(&a);
    }
}

/* The door waits by a clock that nobody sets: what is due at a time of day is due in so long. */
Test(gateway_leases, is_looked_after_in_time_whatever_the_time_of_day)
{
    ann a = anns_house();

    broker_world_set_clock(a.world, 3 * 3600 * 1000);
    take(&a, a.at_desk, "one");
    broker_world_settle(a.world);
    cr_expect_eq(cf_gateway_tick(a.world->broker.gateway, a.world->now_ms),
                 cf_env_steady_ms(&a.world->env) + TEN_S);
    household_end(&a);
}

Test(gateway_leases, outlives_a_crash_with_its_token_and_runs_its_full_time_again)
{
    ann a = anns_house();
    cf_lease_token token = take(&a, a.at_desk, "one");

    a.world->now_ms += TEN_S - 1;
    broker_world_crash(a.world);
    call(&a);
    a.world->now_ms += TEN_S - 1;
    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    cf_lease_token again = take(&a, a.at_desk, "one");
    cr_expect_eq(again.counter, token.counter);
    a.world->now_ms += 1;
    publish_with(&a, a.at_lap, &a.lap, NULL);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    broker_world_crash(a.world);
    call(&a);
    cr_expect(is_later(take(&a, a.at_lap, "two"), token), "an end is kept, too");
    household_end(&a);
}

Test(gateway_leases, says_nothing_of_a_lease_that_is_not_durable)
{
    ann a = anns_house();

    cf_store_memory_disk_fail(a.world->broker.disk, CF_IO);
    ask(&a, a.at_desk, "one", NULL, false);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_BUSY);
    cf_store_memory_disk_fail(a.world->broker.disk, CF_OK);
    cf_error error;
    expect_ok(a.world->broker.store->reopen(a.world->broker.store, &error), error);
    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    take(&a, a.at_lap, "two");
    household_end(&a);
}

/* Not only from when it would have ended. */
Test(gateway_leases, runs_its_full_time_from_when_a_write_that_failed_has_it_read_anew)
{
    ann a = anns_house();
    cf_lease_token token = take(&a, a.at_desk, "one");
    cf_error error;

    a.world->now_ms += TEN_S / 2;
    cf_store_memory_disk_fail(a.world->broker.disk, CF_IO);
    write_and_publish(&a, &a.desk, a.at_desk, &token);
    hear(a.world, a.at_desk, CF_COMMAND_REFUSED);
    cf_store_memory_disk_fail(a.world->broker.disk, CF_OK);
    expect_ok(a.world->broker.store->reopen(a.world->broker.store, &error), error);
    broker_world_settle(a.world);
    a.world->now_ms += TEN_S - 1;
    broker_world_settle(a.world);
    ask(&a, a.at_lap, "two", NULL, false);
    cf_message busy = hear(a.world, a.at_lap, CF_COMMAND_BUSY);
    cr_expect_eq(busy.busy.until_ms, a.world->now_ms + 1);
    household_end(&a);
}

/* And it was nobody's any more when that turned out. */
Test(gateway_leases, runs_its_time_also_when_its_end_was_not_kept)
{
    ann a = anns_house();
    cf_lease_token token = take(&a, a.at_desk, "one");
    cf_error error;

    cf_store_memory_disk_fail(a.world->broker.disk, CF_IO);
    give_back(&a, a.at_desk, "one", &token);
    cf_gateway_tick(a.world->broker.gateway,
                    a.world->now_ms); /* a disk that fails takes its time */
    hear_refusal(a.world, a.at_desk, CF_REFUSED_BUSY);
    cf_store_memory_disk_fail(a.world->broker.disk, CF_OK);
    expect_ok(a.world->broker.store->reopen(a.world->broker.store, &error), error);
    broker_world_settle(a.world);
    a.world->now_ms += TEN_S - 1;
    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    a.world->now_ms += 1;
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

/* Whose session asks for no entries is owed each of them. */
Test(gateway_leases, bounds_the_answers_that_a_session_is_owed)
{
    ann a = anns_house();

    subscribe(a.world, a.at_desk, NULL, 0, 0);
    for (int i = 0; i < 4096; i++)
        ask(&a, a.at_desk, "one", NULL, false);
    broker_world_settle(a.world);
    hear_nothing(a.world, a.at_desk);
    ask(&a, a.at_desk, "one", NULL, false);
    hear(a.world, a.at_desk, CF_COMMAND_AGAIN);
    household_end(&a);
}

Test(gateway_leases, bounds_what_waits_for_one_who_hears_of_leases_and_is_stuck)
{
    ann a = anns_house();
    const cf_message locks = {.command = CF_COMMAND_LOCKS};
    const cf_bytes lap = cf_bytes_of_text(a.at_lap->routing_id);

    say(a.world, a.at_lap, &locks);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    a.at_lap->is_stuck = true;
    for (int i = 0; i < CF_LEASES_OF_DEVICE_MAX; i++) {
        cf_id name = page;

        memcpy(name.bytes + sizeof name.bytes - sizeof i, &i, sizeof i);
        ask(&a, a.at_desk, "many", &name, false);
        hear_lease(&a, a.at_desk);
        cr_assert_lt(cf_outbox_waiting(a.world->broker.outbox, lap), 5 * CF_WINDOW);
    }
    a.at_lap->is_stuck = false;
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    hear_nothing(a.world, a.at_lap);
    household_end(&a);
}

Test(gateway_leases, gives_it_to_who_waits_until_the_session_ends)
{
    ann a = anns_house();
    client *third = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    cf_lease_token token = take(&a, a.at_desk, "one");

    greet(a.world, third, &a.account.user, NULL, 0);
    ask(&a, a.at_lap, "two", NULL, true);
    ask(&a, third, "three", NULL, true);
    hear_nothing(a.world, a.at_lap);
    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id));
    give_back(&a, a.at_desk, "one", &token);
    hear_lease(&a, a.at_desk);
    cr_expect(is_later(hear_lease(&a, third), token));
    hear_nothing(a.world, a.at_lap);
    ask(&a, a.at_desk, "four", NULL, false);
    cf_message busy = hear(a.world, a.at_desk, CF_COMMAND_BUSY);
    cr_expect(cf_hash_equal(&busy.busy.holder, &a.lap.id));
    cr_expect_eq(busy.busy.until_ms, a.world->now_ms + TEN_S);
    household_end(&a);
}

/* As another broker of the same store would have granted it, and this one didn't hear. */
Test(gateway_leases, is_heeded_by_the_store_itself)
{
    ann a = anns_house();
    uint8_t key[2 + 2 * CF_ID_SIZE] = {'l', 'c'};
    cf_kv record = {cf_bytes_of(key, sizeof key), cf_bytes_of_text("a lease")};
    cf_error error;

    memcpy(key + 2, papers.bytes, CF_ID_SIZE);
    expect_ok(a.world->broker.store->write(a.world->broker.store, &a.account.user, &record, 1, true,
                                           &error),
              error);
    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    record.value = (cf_bytes){0};
    expect_ok(a.world->broker.store->write(a.world->broker.store, &a.account.user, &record, 1, true,
                                           &error),
              error);
    publish_with(&a, a.at_lap, &a.lap, NULL);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

Test(gateway_leases, is_renewed_by_its_holder_only)
{
    ann a = anns_house();
    cf_message renew = {.command = CF_COMMAND_RENEW,
                        .renew = {.request = request_id("renew"),
                                  .token = take(&a, a.at_desk, "one"),
                                  .for_ms = TEN_S}};

    a.world->now_ms += TEN_S - 1;
    say(a.world, a.at_lap, &renew);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_VOID);
    say(a.world, a.at_desk, &renew);
    cf_message lease = hear(a.world, a.at_desk, CF_COMMAND_LEASE);
    cr_expect_eq(lease.lease.until_ms, a.world->now_ms + TEN_S);
    a.world->now_ms += TEN_S;
    say(a.world, a.at_desk, &renew);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_VOID);
    household_end(&a);
}

Test(gateway_leases, raises_its_tokens_with_a_change_of_home)
{
    ann a = anns_house();
    cf_member home = {
        .kind = CF_MEMBER_HOME, .generation = 7, .address = cf_bytes_of_text(BROKER_ADDRESS)};
    cf_lease_token before = take(&a, a.at_desk, "one");
    cf_buffer body = {0};

    give_back(&a, a.at_desk, "one", &before);
    hear_lease(&a, a.at_desk);
    cf_member_pack(&home, &body);
    write_member(&a.desk, cf_buffer_view(&body));
    publish_with(&a, a.at_desk, &a.desk, NULL);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    cf_lease_token after = take(&a, a.at_desk, "two");
    cr_expect_eq(after.generation, 7);
    cr_expect(is_later(after, before));
    broker_world_crash(a.world);
    call(&a);
    cf_lease_token again = take(&a, a.at_desk, "two");
    cr_expect(again.generation == 7);
    cr_expect(again.counter == after.counter);
    cf_buffer_release(&body);
    household_end(&a);
}

Test(gateway_leases, is_not_for_readers)
{
    ann a = anns_house();
    person reader = a_device(5, &a.account.user);

    let_in(&a.desk, &reader, CF_ROLE_READER);
    publish_with(&a, a.at_desk, &a.desk, NULL);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    client *at_reader = connect_client(a.world, cf_keys_public(reader.keys)->curve);
    greet(a.world, at_reader, &a.account.user, NULL, 0);
    ask(&a, at_reader, "one", NULL, false);
    hear_refusal(a.world, at_reader, CF_REFUSED_ROLE);
    person_end(&reader);
    household_end(&a);
}

Test(gateway_leases, is_broken_by_owners_only)
{
    ann a = anns_house();
    cf_lease_token token;

    take(&a, a.at_desk, "one");
    give_back(&a, a.at_lap, "break", NULL);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_ROLE);
    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    give_back(&a, a.at_desk, "break", NULL);
    hear_lease(&a, a.at_desk);
    token = take(&a, a.at_lap, "two");
    give_back(&a, a.at_desk, "break", NULL);
    hear_lease(&a, a.at_desk);
    publish_with(&a, a.at_lap, &a.lap, &token);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    publish_with(&a, a.at_lap, &a.lap, NULL);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    household_end(&a);
}

/* Nobody waits for who was shut out, and cannot give anything back. */
Test(gateway_leases, ends_with_the_membership_of_its_holder)
{
    ann a = anns_house();

    take(&a, a.at_lap, "lap's");
    write_and_publish(&a, &a.desk, a.at_desk, NULL);
    hear_refusal(a.world, a.at_desk, CF_REFUSED_LOCKED);
    shut_out(&a.desk, &a.lap.id, NULL, 0);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    take(&a, a.at_desk, "desk's");
    household_end(&a);
}

/* Without being asked again. */
Test(gateway_leases, goes_to_who_waits_when_its_holder_is_shut_out)
{
    ann a = anns_house();

    take(&a, a.at_lap, "lap's");
    ask(&a, a.at_desk, "desk's", NULL, true);
    shut_out(&a.desk, &a.lap.id, NULL, 0);
    publish(a.world, a.at_desk, &a.desk);
    hear(a.world, a.at_desk, CF_COMMAND_ACCEPTED);
    hear_lease(&a, a.at_desk);
    household_end(&a);
}

Test(gateway_leases, tells_those_who_asked_of_every_change)
{
    ann a = anns_house();
    cf_message locks = {.command = CF_COMMAND_LOCKS, .locks = {.request = request_id("list")}};

    say(a.world, a.at_lap, &locks);
    cf_message list = hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    cr_expect_eq(list.leases.lease_count, 0);
    cr_expect(cf_id_equal(&list.leases.request, &locks.locks.request));
    ask(&a, a.at_desk, "one", &page, false);
    cf_lease_token token = hear_lease(&a, a.at_desk);
    list = hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    cr_assert_eq(list.leases.lease_count, 1);
    cr_expect(cf_id_equal(&list.leases.leases[0].name, &page));
    cr_expect(cf_hash_equal(&list.leases.leases[0].holder, &a.desk.id));
    hear_nothing(a.world, a.at_desk);
    cf_message unlock = {
        .command = CF_COMMAND_UNLOCK,
        .unlock = {.request = request_id("one"),
                   .collection = papers,
                   .name = page,
                   .token = &token},
    };
    say(a.world, a.at_desk, &unlock);
    hear_lease(&a, a.at_desk);
    cr_expect_eq(hear(a.world, a.at_lap, CF_COMMAND_LEASES).leases.lease_count, 0);
    ask(&a, a.at_desk, "two", &page, false);
    hear_lease(&a, a.at_desk);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    a.world->now_ms += TEN_S;
    cr_expect_eq(hear(a.world, a.at_lap, CF_COMMAND_LEASES).leases.lease_count, 0);
    household_end(&a);
}

Test(gateway_leases, comes_after_the_entries_that_its_holder_lacks)
{
    ann a = anns_house();
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = CF_WINDOW}};

    greet(a.world, a.at_desk, &a.account.user, &a.account.head, 1);
    subscribe(a.world, a.at_desk, NULL, 0, 0);
    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    ask(&a, a.at_desk, "one", NULL, false);
    hear_nothing(a.world, a.at_desk);
    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    say(a.world, a.at_desk, &credit);
    for (int i = 0; i < 2; i++)
        hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    hear_lease(&a, a.at_desk);
    hear_nothing(a.world, a.at_desk);
    household_end(&a);
}

/* What is being removed from waits for the replay, and holds up those to come. */
static void be_ready(void *context)
{
    *(bool *)context = true;
}

Test(gateway_leases, shares_communication_while_a_log_is_replayed)
{
    ann a = anns_house();
    cf_replay_lock *replay_lock = cf_users_replay_lock(a.world->broker.users);
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = CF_WINDOW}};
    bool ready = false;

    greet(a.world, a.at_desk, &a.account.user, &a.account.head, 1);
    for (int i = 0; i < 2; i++) {
        write_and_publish(&a, &a.lap, a.at_lap, NULL);
        hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    }
    subscribe(a.world, a.at_desk, NULL, 0, 1);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    cf_exclusion *exclusion =
        cf_exclusion_begin(replay_lock, &a.account.user, a.world->now_ms, be_ready, &ready);
    cr_expect_not(ready, "a replay is under way");
    say(a.world, a.at_desk, &credit);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    cr_expect(ready);
    write_and_publish(&a, &a.lap, a.at_lap, NULL);
    hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    hear_nothing(a.world, a.at_desk);
    cf_exclusion_end(&exclusion);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    household_end(&a);
}

Test(gateway_leases, ends_a_replay_that_holds_up_for_too_long)
{
    ann a = anns_house();
    cf_replay_lock *replay_lock = cf_users_replay_lock(a.world->broker.users);
    bool ready = false;

    greet(a.world, a.at_desk, &a.account.user, &a.account.head, 1);
    for (int i = 0; i < 2; i++) {
        write_and_publish(&a, &a.lap, a.at_lap, NULL);
        hear(a.world, a.at_lap, CF_COMMAND_ACCEPTED);
    }
    subscribe(a.world, a.at_desk, NULL, 0, 1);
    hear(a.world, a.at_desk, CF_COMMAND_ENTRY);
    cf_exclusion *exclusion =
        cf_exclusion_begin(replay_lock, &a.account.user, a.world->now_ms, be_ready, &ready);
    a.world->now_ms += CF_REPLAY_LOCK_WAIT_MS - 1;
    broker_world_settle(a.world);
    cr_expect_not(ready);
    a.world->now_ms++;
    broker_world_settle(a.world);
    cr_expect(ready);
    hear(a.world, a.at_desk, CF_COMMAND_AGAIN);
    cr_expect_eq(cf_gateway_count(a.world->broker.gateway).sessions, 1);
    cf_exclusion_end(&exclusion);
    household_end(&a);
}
