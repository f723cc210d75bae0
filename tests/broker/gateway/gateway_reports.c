/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway tells of a log without sending it, and of a user that has moved. */
#include <stdio.h>

#include "broker/gateway/gateway.h"

#include "broker/management/reports.h"
#include "broker/management/told_address.h"
#include "codec/member.h"
#include "tests/broker/people/broker_world.h"

/* A household that both have a session with, at a broker that knows its address. */
typedef household ann;

static cf_address here;

static ann anns_house(void)
{
    ann a = a_household();
    cf_error error;

    expect_ok(cf_address_read(BROKER_ADDRESS, &here, &error), error);
    cf_gateway_advertise(a.world->broker.gateway, &here);
    greet(a.world, a.at_desk, &a.account.user, NULL, 0);
    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    return a;
}

static void bring(ann *a, client *from, const person *author)
{
    publish(a->world, from, author);
    hear(a->world, from, CF_COMMAND_ACCEPTED);
}

Test(gateway_reports, says_where_the_log_is)
{
    ann a = anns_house();
    cf_message locate = {.command = CF_COMMAND_LOCATE, .locate = {.user = a.account.user}};
    char line[CF_ADDRESS_TEXT];
    uint64_t last;
    cf_error error;

    say(a.world, a.at_lap, &locate);
    cf_message answer = hear(a.world, a.at_lap, CF_COMMAND_ENDPOINTS);
    cf_address_write(&here, line);
    cr_assert_eq(answer.endpoints.endpoint_count, 1);
    cr_expect(cf_bytes_equal(answer.endpoints.endpoints[0], cf_bytes_of_text(line)));
    expect_ok(a.world->broker.store->last(a.world->broker.store, &a.account.user, &last, &error),
              error);
    cr_expect_eq(answer.endpoints.position, last);
    locate.locate.user.bytes[0] ^= 1;
    say(a.world, a.at_lap, &locate);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    household_end(&a);
}

static void ask_where(ann *a, client *by)
{
    cf_message locate = {.command = CF_COMMAND_LOCATE, .locate = {.user = a->account.user}};

    say(a->world, by, &locate);
    hear(a->world, by, CF_COMMAND_ENDPOINTS);
}

static cf_status told_since(ann *a, const person *device, uint64_t *since_ms)
{
    char line[CF_ADDRESS_TEXT];
    cf_error error;

    cf_address_write(&here, line);
    return cf_told_address_since(a->world->broker.store, &a->account.user, &device->id, line,
                                 since_ms, &error);
}

Test(gateway_reports, notes_since_when_a_device_that_keeps_it_knows_the_address)
{
    ann a = anns_house();
    const uint64_t begun_ms = a.world->now_ms;
    uint64_t since_ms = 0;

    ask_where(&a, a.at_lap);
    cr_expect_eq(told_since(&a, &a.lap, &since_ms), CF_MISSING, "who only asks keeps nothing");
    subscribe(a.world, a.at_lap, NULL, 0, 0);
    ask_where(&a, a.at_lap);
    cr_assert_eq(told_since(&a, &a.lap, &since_ms), CF_OK);
    cr_expect_eq(since_ms, begun_ms);
    cr_expect_eq(told_since(&a, &a.desk, &since_ms), CF_MISSING, "the other was not told");
    a.world->now_ms += 5000;
    ask_where(&a, a.at_lap);
    cr_assert_eq(told_since(&a, &a.lap, &since_ms), CF_OK);
    cr_expect_eq(since_ms, begun_ms, "since the first time");
    here.port++;
    cr_expect_eq(told_since(&a, &a.lap, &since_ms), CF_MISSING, "another address");
    cf_gateway_advertise(a.world->broker.gateway, &here);
    ask_where(&a, a.at_lap);
    cr_assert_eq(told_since(&a, &a.lap, &since_ms), CF_OK);
    cr_expect_eq(since_ms, begun_ms + 5000);
    snprintf(here.host, sizeof here.host, "nas");
    cf_gateway_advertise(a.world->broker.gateway, &here);
    ask_where(&a, a.at_lap);
    cr_expect_eq(told_since(&a, &a.lap, &since_ms), CF_MISSING, "no device keeps that");
    household_end(&a);
}

Test(gateway_reports, keeps_the_most_that_a_device_misses_until_all_is_checked)
{
    ann a = anns_house();
    cf_message lacking = {.command = CF_COMMAND_LACKING, .lacking = {.count = 5}};
    cf_reported_lacking kept;
    cf_error error;

    expect_fails(cf_reports_last_lacking(a.world->broker.store, &a.account.user, &kept, &error),
                 CF_MISSING);
    say(a.world, a.at_lap, &lacking);
    lacking.lacking.count = 3;
    a.world->now_ms += 5;
    say(a.world, a.at_desk, &lacking);
    expect_ok(cf_reports_last_lacking(a.world->broker.store, &a.account.user, &kept, &error),
              error);
    cr_expect_eq(kept.count, 5);
    cr_expect_eq(kept.time_ms, a.world->now_ms);
    cf_reports_forget_lacking(a.world->broker.store, a.world->broker.users);
    say(a.world, a.at_lap, &lacking);
    expect_ok(cf_reports_last_lacking(a.world->broker.store, &a.account.user, &kept, &error),
              error);
    cr_expect_eq(kept.count, 3);
    household_end(&a);
}

Test(gateway_reports, tells_what_it_holds_and_who_has_applied_what)
{
    ann a = anns_house();
    cf_message query = {.command = CF_COMMAND_QUERY};
    bool has_papers = false;

    write_change(&a.desk, "some body", NULL, 0);
    bring(&a, a.at_desk, &a.desk);
    cf_head head = a.desk.head;
    cf_message report = {.command = CF_COMMAND_REPORT,
                         .report = {.heads = &head, .head_count = 1, .more = false}};
    say(a.world, a.at_desk, &report);
    cf_message answer = hear(a.world, a.at_desk, CF_COMMAND_REPORTED);
    cr_expect(!answer.reported.more);
    cr_expect(answer.reported.head_count == 0);
    a.world->now_ms += 5000;
    say(a.world, a.at_lap, &query);
    for (int collections = 0; collections < 2; collections++) { /* the member log, and papers */
        answer = hear(a.world, a.at_lap, CF_COMMAND_HOLDS);
        if (!cf_id_equal(&answer.holds.collection, &papers))
            continue;
        has_papers = true;
        cr_assert_eq(answer.holds.head_count, 1);
        cr_expect_eq(cf_head_compare(&answer.holds.heads[0], &head), 0);
    }
    cr_expect(has_papers);
    answer = hear(a.world, a.at_lap, CF_COMMAND_REPORTED);
    cr_assert_not_null(answer.reported.device);
    cr_expect(cf_hash_equal(answer.reported.device, &a.desk.id));
    cr_expect_eq(answer.reported.at_ms, a.world->now_ms - 5000);
    cr_assert_eq(answer.reported.head_count, 1);
    cr_expect_eq(cf_head_compare(&answer.reported.heads[0], &head), 0);
    cr_expect(!answer.reported.more);
    hear_nothing(a.world, a.at_lap);
    household_end(&a);
}

Test(gateway_reports, says_so_when_nobody_has_reported)
{
    ann a = anns_house();
    cf_message query = {.command = CF_COMMAND_QUERY};

    say(a.world, a.at_lap, &query);
    hear(a.world, a.at_lap, CF_COMMAND_HOLDS);
    cf_message answer = hear(a.world, a.at_lap, CF_COMMAND_REPORTED);
    cr_expect_null(answer.reported.device);
    cr_expect(!answer.reported.more);
    household_end(&a);
}

/* ---- Users that have moved ---- */

static void move(ann *a, const char *address, uint64_t generation)
{
    cf_member home = {.kind = CF_MEMBER_HOME,
                      .time_ms = 1,
                      .generation = generation,
                      .address = cf_bytes_of_text(address)};
    cf_buffer body = {0};

    cf_member_pack(&home, &body);
    write_member(&a->desk, cf_buffer_view(&body));
    bring(a, a->at_desk, &a->desk);
    cf_buffer_release(&body);
}

static client *hello(ann *a, const person *from, const cf_head *heads, size_t count)
{
    client *again = connect_client(a->world, cf_keys_public(from->keys)->curve);
    cf_message message = {.command = CF_COMMAND_HELLO,
                          .hello = {.version = CF_PROTOCOL_VERSION,
                                    .user = a->account.user,
                                    .heads = heads,
                                    .head_count = count,
                                    .more = false}};

    say(a->world, again, &message);
    return again;
}

static cf_status give_eio(cf_store *store, const cf_hash *user, cf_bytes key, cf_buffer *value,
                          cf_error *error)
{
    (void)store, (void)user, (void)key, (void)value;
    return cf_fail(error, CF_IO, "the disk gives nothing");
}

/* A device would take another instance for a log that went back. */
Test(gateway_reports, names_no_other_log_where_the_disk_fails)
{
    ann a = anns_house();
    cf_message locate = {.command = CF_COMMAND_LOCATE, .locate = {.user = a.account.user}};
    cf_store *store = a.world->broker.store;
    uint8_t instance[16];

    cf_message answer = hear(a.world, hello(&a, &a.desk, NULL, 0), CF_COMMAND_WELCOME);
    memcpy(instance, answer.welcome.instance, sizeof instance);
    cf_status (*get)(cf_store *, const cf_hash *, cf_bytes, cf_buffer *, cf_error *) = store->get;
    store->get = give_eio;
    say(a.world, a.at_lap, &locate);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_BUSY);
    hear(a.world, hello(&a, &a.desk, NULL, 0), CF_COMMAND_AGAIN);
    store->get = get;
    answer = hear(a.world, hello(&a, &a.desk, NULL, 0), CF_COMMAND_WELCOME);
    cr_expect_arr_eq(answer.welcome.instance, instance, sizeof instance);
    household_end(&a);
}

Test(gateway_reports, sends_a_user_that_moved_to_the_other_broker)
{
    static const char elsewhere[] =
        "tcp://other.example:7817#afbagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qa";
    ann a = anns_house();
    const cf_head unknown = {.writer.bytes = {7}, .sequence = 3, .hash.bytes = {7}};

    move(&a, elsewhere, 1);
    cf_message answer = hear(a.world, hello(&a, &a.lap, NULL, 0), CF_COMMAND_MOVED);
    cr_expect(cf_bytes_equal(answer.moved.endpoint, cf_bytes_of_text(elsewhere)));
    hear(a.world, hello(&a, &a.lap, &unknown, 1), CF_COMMAND_WELCOME);
    move(&a, BROKER_ADDRESS, 2);
    hear(a.world, hello(&a, &a.lap, NULL, 0), CF_COMMAND_WELCOME);
    household_end(&a);
}

/* A report in many parts that never ends. */
Test(gateway_reports, ends_the_session_of_who_reports_too_many_heads)
{
    ann a = anns_house();
    cf_head heads[CF_HEADS_PAGE] = {0};
    cf_message report = {.command = CF_COMMAND_REPORT,
                         .report = {.heads = heads, .head_count = CF_HEADS_PAGE, .more = true}};

    for (uint64_t named = 0; named <= CF_HEADS_MAX; named += CF_HEADS_PAGE) {
        for (size_t i = 0; i < CF_HEADS_PAGE; i++) {
            heads[i].sequence = 1;
            cf_put_u64(heads[i].writer.bytes, named + i);
        }
        say(a.world, a.at_lap, &report);
        cr_assert_eq(
            cf_gateway_knows(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id)),
            named < CF_HEADS_MAX);
    }
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    household_end(&a);
}

static cf_message hear_ends(ann *a, const cf_hash *device)
{
    const cf_message ends = hear(a->world, a->at_lap, CF_COMMAND_ENDS);

    cr_assert(cf_hash_equal(&ends.ends.device, device));
    return ends;
}

/* In all collections, also what nobody else has yet; the order is that of the question. */
Test(gateway_reports, names_the_heads_of_the_devices_that_are_asked_for)
{
    ann a = anns_house();
    const cf_id films = {"films"};
    const cf_hash asked[] = {a.lap.id, {{7}}, a.desk.id};

    begin_chain(&a.desk, &papers, &a.account.head);
    write_change(&a.desk, "of papers", NULL, 0);
    bring(&a, a.at_desk, &a.desk);
    const cf_head first = a.desk.head;
    begin_chain(&a.desk, &films, &a.account.head);
    write_change(&a.desk, "of another collection", NULL, 0);
    bring(&a, a.at_desk, &a.desk);
    say(a.world, a.at_lap,
        &(cf_message){.command = CF_COMMAND_CHAINS, .chains = {.devices = asked, .count = 3}});
    for (int i = 0; i < 2; i++) {
        const cf_message none = hear_ends(&a, &asked[i]);

        cr_expect_eq(none.ends.head_count, 0);
        cr_expect_not(none.ends.more);
    }
    const cf_message ends = hear_ends(&a, &a.desk.id);
    cr_assert_eq(ends.ends.head_count, 2);
    cr_expect_not(ends.ends.more);
    const cf_head *heads = ends.ends.heads;
    cr_expect(cf_head_compare(&heads[0], &first) == 0 || cf_head_compare(&heads[1], &first) == 0);
    cr_expect(cf_head_compare(&heads[0], &a.desk.head) == 0 ||
              cf_head_compare(&heads[1], &a.desk.head) == 0);
    household_end(&a);
}

/* Else 1,024 times one device with many heads would be as many times these. */
Test(gateway_reports, names_the_heads_of_a_device_that_is_asked_for_twice_once)
{
    ann a = anns_house();
    const cf_hash asked[] = {a.desk.id, a.desk.id};

    begin_chain(&a.desk, &papers, &a.account.head);
    write_change(&a.desk, "of papers", NULL, 0);
    bring(&a, a.at_desk, &a.desk);
    say(a.world, a.at_lap,
        &(cf_message){.command = CF_COMMAND_CHAINS, .chains = {.devices = asked, .count = 2}});
    cr_expect_eq(hear_ends(&a, &a.desk.id).ends.head_count, 1);
    cr_expect_eq(hear_ends(&a, &a.desk.id).ends.head_count, 0);
    household_end(&a);
}

Test(gateway_reports, names_more_heads_than_a_message_holds_in_pages)
{
    enum { CHAINS = CF_HEADS_PAGE + 1 };
    ann a = anns_house();
    cf_log *log = cf_users_find(a.world->broker.users, &a.account.user);
    const cf_head member = a.account.head;

    for (size_t i = 0; i < CHAINS; i++) {
        begin_chain(&a.desk, &papers, &member);
        write_change(&a.desk, "one entry", NULL, 0);
        append_entry(log, &a.desk);
    }
    broker_world_settle(a.world);
    say(a.world, a.at_lap,
        &(cf_message){.command = CF_COMMAND_CHAINS, .chains = {.devices = &a.desk.id, .count = 1}});
    cf_message ends = hear_ends(&a, &a.desk.id);
    cr_expect_eq(ends.ends.head_count, CF_HEADS_PAGE);
    cr_expect(ends.ends.more);
    ends = hear_ends(&a, &a.desk.id);
    cr_expect_eq(ends.ends.head_count, 1);
    cr_expect_not(ends.ends.more);
    household_end(&a);
}

/* ---- Checkpoints ---- */

static cf_checkpoint checkpoint_of(const person *device, uint8_t number)
{
    return (cf_checkpoint){.device = device->id, .position = number, .digest = {{number}}};
}

static cf_message say_checkpoint(ann *a, client *from, const cf_checkpoint *checkpoint)
{
    say(a->world, from, &(cf_message){.command = CF_COMMAND_CHECKPOINT, .checkpoint = *checkpoint});
    return hear(a->world, from, CF_COMMAND_CHECKPOINTS);
}

Test(gateway_reports, each_device_gets_the_last_checkpoints_of_the_others)
{
    ann a = anns_house();
    const cf_checkpoint first = checkpoint_of(&a.desk, 1), second = checkpoint_of(&a.desk, 2),
                        other = checkpoint_of(&a.lap, 3);

    cr_expect_eq(say_checkpoint(&a, a.at_desk, &first).checkpoints.count, 0);
    cr_expect_eq(say_checkpoint(&a, a.at_desk, &second).checkpoints.count, 0, "not one's own");
    cf_message heard = say_checkpoint(&a, a.at_lap, &other);
    cr_assert_eq(heard.checkpoints.count, 1);
    cr_expect_eq(memcmp(&heard.checkpoints.at[0], &second, sizeof second), 0, "the last one");
    heard = say_checkpoint(&a, a.at_desk, &second);
    cr_assert_eq(heard.checkpoints.count, 1);
    cr_expect_eq(memcmp(&heard.checkpoints.at[0], &other, sizeof other), 0);
    household_end(&a);
}

Test(gateway_reports, nobody_says_a_checkpoint_of_another)
{
    ann a = anns_house();
    const cf_checkpoint desks = checkpoint_of(&a.desk, 1), laps = checkpoint_of(&a.lap, 2);

    say(a.world, a.at_lap, &(cf_message){.command = CF_COMMAND_CHECKPOINT, .checkpoint = desks});
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    cr_expect_eq(say_checkpoint(&a, a.at_lap, &laps).checkpoints.count, 0);
    household_end(&a);
}

Test(gateway_reports, checkpoints_of_who_is_not_in_are_not_told)
{
    ann a = anns_house();
    cf_store *store = a.world->broker.store;
    const cf_checkpoint desks = checkpoint_of(&a.desk, 1), laps = checkpoint_of(&a.lap, 2);
    uint8_t key[33] = {'j'};
    cf_buffer value = {0};
    cf_checkpoint stranger = {.device = {{1}}, .position = 3};
    cf_error error;

    memcpy(key + 1, stranger.device.bytes, 32);
    cf_checkpoint_pack(&value, &stranger);
    const cf_kv record = {cf_bytes_of(key, sizeof key), cf_buffer_view(&value)};
    expect_ok(store->write(store, &a.account.user, &record, 1, true, &error), error);
    say_checkpoint(&a, a.at_desk, &desks);
    cf_message heard = say_checkpoint(&a, a.at_lap, &laps);
    cr_assert_eq(heard.checkpoints.count, 1, "nobody has let that one in");
    cr_expect(cf_hash_equal(&heard.checkpoints.at[0].device, &a.desk.id));
    cf_buffer_release(&value);
    household_end(&a);
}
