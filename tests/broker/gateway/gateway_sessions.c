/* SPDX-License-Identifier: Apache-2.0 */
/* How sessions with the gateway begin, and why they end. */
#include "broker/gateway/gateway.h"
#include "broker/gateway/session.h"

#include <string.h>

#include "codec/pack.h"
#include "tests/broker/people/broker_world.h"

Test(gateway_sessions, answers_again_to_anything_before_hello)
{
    household a = a_greeted_household();
    client *late = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 1}};

    say(a.world, late, &credit);
    hear(a.world, late, CF_COMMAND_AGAIN);
    write_change(&a.lap, "some body", NULL, 0);
    publish(a.world, late, &a.lap);
    hear(a.world, late, CF_COMMAND_AGAIN);
    hear_nothing(a.world, late);
    household_end(&a);
}

/* Its first page has made a session, which is none yet. */
Test(gateway_sessions, answers_again_in_the_middle_of_a_hello)
{
    household a = a_greeted_household();
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION,
                                  .user = a.account.user,
                                  .heads = &a.account.head,
                                  .head_count = 1,
                                  .more = true}};

    say(a.world, a.at_lap, &hello);
    write_change(&a.lap, "some body", NULL, 0);
    publish(a.world, a.at_lap, &a.lap);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    hear_nothing(a.world, a.at_lap);
    household_end(&a);
}

/* Names of connections are the transport's, and are given again. */
Test(gateway_sessions, serves_a_session_to_the_key_that_greeted_only)
{
    household a = a_greeted_household();
    cf_message locate = {.command = CF_COMMAND_LOCATE, .locate = {.user = a.account.user}};

    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    memcpy(a.at_lap->key.bytes, cf_keys_public(a.desk.keys)->curve, 32); /* another member's */
    say(a.world, a.at_lap, &locate);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_UNKNOWN);
    say(a.world, a.at_lap, &locate);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    household_end(&a);
}

Test(gateway_sessions, ends_the_session_of_who_names_too_many_heads)
{
    household a = a_greeted_household();
    cf_head heads[CF_HEADS_PAGE] = {0};
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION,
                                  .user = a.account.user,
                                  .heads = heads,
                                  .head_count = CF_HEADS_PAGE,
                                  .more = true}};

    for (size_t i = 0; i < CF_HEADS_PAGE; i++)
        heads[i].sequence = i + 1;
    for (size_t named = 0; named < CF_HEADS_MAX; named += CF_HEADS_PAGE)
        say(a.world, a.at_lap, &hello);
    cr_expect(cf_gateway_knows(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id)));
    say(a.world, a.at_lap, &hello);
    cr_expect_not(
        cf_gateway_knows(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id)));
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    household_end(&a);
}

Test(gateway_sessions, counts_what_begins_and_ends_and_nothing_else)
{
    household a = a_greeted_household();
    cf_message locate = {.command = CF_COMMAND_LOCATE, .locate = {.user = a.account.user}};
    uint64_t at_first = cf_gateway_changes(a.world->broker.gateway), with_lap;

    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    with_lap = cf_gateway_changes(a.world->broker.gateway);
    cr_expect_neq(with_lap, at_first);
    say(a.world, a.at_lap, &locate);
    cf_gateway_tick(a.world->broker.gateway, a.world->now_ms);
    cr_expect_eq(cf_gateway_changes(a.world->broker.gateway), with_lap);
    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id));
    cr_expect_not(
        cf_gateway_knows(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id)));
    cr_expect_neq(cf_gateway_changes(a.world->broker.gateway), with_lap);
    household_end(&a);
}

Test(gateway_sessions, keeps_eight_sessions_of_a_device_and_lets_its_oldest_go)
{
    household a = a_greeted_household();
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 1}};

    greet(a.world, a.at_desk, &a.account.user, NULL, 0);
    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    for (int i = 0; i < 8; i++)
        greet(a.world, connect_client(a.world, cf_keys_public(a.lap.keys)->curve), &a.account.user,
              NULL, 0);
    cr_expect_eq(cf_gateway_count(a.world->broker.gateway).sessions, 9);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    say(a.world, a.at_lap, &credit);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    say(a.world, a.at_desk, &credit);
    hear_nothing(a.world, a.at_desk);
    household_end(&a);
}

Test(gateway_sessions, says_in_welcome_what_it_holds_and_what_time_it_is)
{
    household a = a_greeted_household();
    cf_message hello = hello_of(&a.account.user);

    say(a.world, a.at_desk, &hello);
    cf_message welcome = hear(a.world, a.at_desk, CF_COMMAND_WELCOME);
    cr_expect_eq(welcome.welcome.now_ms, a.world->now_ms);
    cr_expect_eq(welcome.welcome.window, CF_WINDOW);
    cr_assert_eq(welcome.welcome.head_count, 1);
    cr_expect(cf_hash_equal(&welcome.welcome.heads[0].hash, &a.account.head.hash));
    cr_expect_not(welcome.welcome.more);
    household_end(&a);
}

Test(gateway_sessions, takes_hello_in_pages)
{
    household a = a_greeted_household();
    cf_head unknown = {{{9}}, 5, {{9}}};
    cf_message page = {.command = CF_COMMAND_HELLO,
                       .hello = {.version = CF_PROTOCOL_VERSION,
                                 .user = a.account.user,
                                 .heads = &unknown,
                                 .head_count = 1,
                                 .more = true}};

    say(a.world, a.at_desk, &page);
    hear_nothing(a.world, a.at_desk);
    page.hello.heads = &a.account.head;
    page.hello.more = false;
    say(a.world, a.at_desk, &page);
    hear(a.world, a.at_desk, CF_COMMAND_WELCOME);
    subscribe(a.world, a.at_desk, NULL, 0, CF_WINDOW);
    hear_nothing(a.world, a.at_desk); /* it named what there is */
    household_end(&a);
}

Test(gateway_sessions, serves_others_while_what_it_has_of_one_user_is_damaged)
{
    household a = a_household();
    person bob = an_account(11), pc = a_device(12, &bob.user), pad = a_device(13, &bob.user);
    cf_message hello = hello_of(&a.account.user);

    settle_in(a.world, &bob, &pc, &pad);
    const size_t allowed = a.world->allowed;
    broker_world_damage(a.world, &a.account.user);
    a.world->allowed = 0;
    broker_world_crash(a.world);
    cr_expect_eq(a.world->allowed, allowed, "hers are let in to be told");
    cr_expect_not(a.world->is_doubted);
    client *at_pc = connect_client(a.world, cf_keys_public(pc.keys)->curve);
    greet(a.world, at_pc, &bob.user, NULL, 0);
    for (int twice = 0; twice < 2; twice++) {
        client *at_desk = connect_client(a.world, cf_keys_public(a.desk.keys)->curve);

        say(a.world, at_desk, &hello);
        cf_message refused = hear(a.world, at_desk, CF_COMMAND_REFUSED);
        cr_expect(refused.refused.later);
        cr_expect(cf_bytes_equal(refused.refused.code, cf_bytes_of_text(CF_REFUSED_BUSY)));
    }
    cr_expect(cf_users_is_damaged(a.world->broker.users, &a.account.user));
    cr_expect_not(cf_users_is_damaged(a.world->broker.users, &bob.user));
    person_end(&bob);
    person_end(&pc);
    person_end(&pad);
    household_end(&a);
}

static void expect_count(const household *a, uint64_t sessions, uint64_t devices)
{
    const cf_gateway_figures found = cf_gateway_count(a->world->broker.gateway);

    cr_expect_eq(found.sessions, sessions, "%d sessions", (int)found.sessions);
    cr_expect_eq(found.devices, devices, "%d devices", (int)found.devices);
}

/* The desk of a user is another's device, too: it counts for both. */
Test(gateway_sessions, are_counted_by_device)
{
    household a = a_household();
    person bob = an_account(11), pc = a_device(12, &bob.user), shared = a_device(2, &bob.user);
    client *desk[3];

    settle_in(a.world, &bob, &pc, &shared);
    expect_count(&a, 0, 0);
    for (size_t i = 0; i < 3; i++) {
        desk[i] = connect_client(a.world, cf_keys_public(a.desk.keys)->curve);
        greet(a.world, desk[i], i < 2 ? &a.account.user : &bob.user, NULL, 0);
        expect_count(&a, i + 1, i < 2 ? 1 : 2);
    }
    client *lap = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    greet(a.world, lap, &a.account.user, NULL, 0);
    expect_count(&a, 4, 3);
    for (size_t i = 0; i < 3; i++) {
        cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(desk[i]->routing_id));
        expect_count(&a, 3 - i, i == 0 ? 3 : i == 1 ? 2 : 1);
    }
    person_end(&bob);
    person_end(&pc);
    person_end(&shared);
    household_end(&a);
}

/* Whose own entry it is: that device is a stranger here, and can't be told for good that it is. */
Test(gateway_sessions, serves_others_while_a_member_of_one_user_can_not_be_read)
{
    household a = a_household();
    person bob = an_account(11), pc = a_device(12, &bob.user), pad = a_device(13, &bob.user);
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION, .user = a.account.user}};

    settle_in(a.world, &bob, &pc, &pad);
    const size_t allowed = a.world->allowed;
    broker_world_damage_member(a.world, &a.account.user, 2);
    a.world->allowed = 0;
    broker_world_crash(a.world);
    cr_expect_eq(a.world->allowed, allowed - 1, "those that can be read are let in to be told");
    cr_expect(a.world->is_doubted);
    cr_expect(cf_users_is_damaged(a.world->broker.users, &a.account.user));
    cr_expect_not(cf_users_is_damaged(a.world->broker.users, &bob.user));
    client *at_pc = connect_client(a.world, cf_keys_public(pc.keys)->curve);
    greet(a.world, at_pc, &bob.user, NULL, 0);
    const person *const hers[] = {&a.desk, &a.lap};
    for (size_t i = 0; i < 2; i++) {
        client *calling = connect_client(a.world, cf_keys_public(hers[i]->keys)->curve);

        say(a.world, calling, &hello);
        cf_message refused = hear(a.world, calling, CF_COMMAND_REFUSED);
        cr_expect(refused.refused.later);
        cr_expect(cf_bytes_equal(refused.refused.code, cf_bytes_of_text(CF_REFUSED_BUSY)));
        cr_expect(cf_bytes_equal(refused.refused.text, cf_bytes_of_text(CF_LOG_DAMAGED)));
    }
    person_end(&bob);
    person_end(&pc);
    person_end(&pad);
    household_end(&a);
}

Test(gateway_sessions, refuses_hello_of_a_key_that_is_no_member)
{
    household a = a_greeted_household();
    person stranger = a_device(9, &a.account.user);
    client *knocking = connect_client(a.world, cf_keys_public(stranger.keys)->curve);
    cf_message hello = hello_of(&a.account.user);

    say(a.world, knocking, &hello);
    hear_refusal(a.world, knocking, CF_REFUSED_UNKNOWN);
    hello.hello.user = stranger.id; /* nobody's */
    say(a.world, knocking, &hello);
    hear_refusal(a.world, knocking, CF_REFUSED_UNKNOWN);
    person_end(&stranger);
    household_end(&a);
}

/* A later version's, of which only that is known: [command, version, …]. */
static void say_later(household *a, client *at, const char *command)
{
    cf_buffer first = {0};

    cf_pack_array(&first, 7);
    cf_pack_text(&first, cf_bytes_of_text(command));
    for (uint64_t i = 1; i <= 6; i++)
        cf_pack_uint(&first, CF_PROTOCOL_VERSION + i);
    const cf_bytes frames[] = {cf_buffer_view(&first), cf_bytes_of_text("more"),
                               cf_bytes_of_text("and more")};
    say_bytes(a->world, at, frames, 3);
    cf_buffer_release(&first);
}

Test(gateway_sessions, refuses_another_version_whatever_follows)
{
    household a = a_greeted_household();
    person stranger = a_device(9, &a.account.user);
    client *knocking = connect_client(a.world, cf_keys_public(stranger.keys)->curve);

    say_later(&a, knocking, "HELLO");
    hear_refusal(a.world, knocking, CF_REFUSED_VERSION);
    say_later(&a, knocking, "CLOCK");
    cf_message clock = hear(a.world, knocking, CF_COMMAND_CLOCK);
    cr_expect_eq(clock.clock.version, CF_PROTOCOL_VERSION);
    cr_expect_eq(cf_gateway_clock(a.world->broker.gateway).all, 0,
                 "what it says of its time isn't read");
    say_later(&a, a.at_lap, "HELLO");
    hear_refusal(a.world, a.at_lap, CF_REFUSED_VERSION);
    person_end(&stranger);
    household_end(&a);
}

typedef struct {
    cf_buffer lines;
} operators_log;

static void keep_line(void *context, cf_report_level level, const char *text)
{
    operators_log *kept = context;

    (void)level;
    cf_buffer_append_text(&kept->lines, "%s\n", text);
}

/* The next line has all of these, which stand in this order. */
static void expect_line(operators_log *kept, const char *const parts[], size_t count)
{
    cf_buffer_append(&kept->lines, "", 1);
    const char *line = (const char *)kept->lines.data, *end = strchr(line, '\n');

    cr_assert_not_null(end, "nothing was noted");
    for (size_t i = 0; i < count; i++) {
        const char *part = strstr(line, parts[i]);

        cr_assert_not_null(part, "no '%s' in: %s", parts[i], line);
        cr_assert_lt(part, end, "'%s' is on a later line", parts[i]);
        line = part;
    }
    cr_assert_str_empty(end + 1);
    kept->lines.size = 0;
}

#define EXPECT_LINE(kept, ...)                                                                     \
    expect_line(kept, (const char *const[]){__VA_ARGS__},                                          \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Of the version that cannot be, the text is the longest. */
static void say_last_version(household *a, client *at)
{
    cf_message hello = hello_of(&a->account.user);

    hello.hello.version = UINT64_MAX;
    say(a->world, at, &hello);
}

Test(gateway_sessions, tells_the_operator_both_versions_of_who_speaks_another)
{
    operators_log kept = {0};
    const cf_env env = {.report = keep_line, .context = &kept};
    cf_audit *audit = cf_audit_new(&env);
    household a = a_greeted_household();
    person stranger = a_device(9, &a.account.user);

    a.world->options.audit = audit;
    broker_world_crash(a.world);
    client *knocking = connect_client(a.world, cf_keys_public(stranger.keys)->curve);
    say_later(&a, knocking, "HELLO");
    EXPECT_LINE(&kept, "what=session-refused key=", "speaks version 2 of", "broker version 1:");
    say_later(&a, knocking, "CLOCK");
    EXPECT_LINE(&kept, "what=message-refused key=", "speaks version 2 of", "broker version 1:");
    say_last_version(&a, knocking);
    EXPECT_LINE(&kept, "session-refused", "18446744073709551615", "version 1: ", "up to date\"\n");

    client *at_lap = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    greet(a.world, at_lap, &a.account.user, NULL, 0);
    EXPECT_LINE(&kept, "what=session-begun user=");
    const cf_message clock = {.command = CF_COMMAND_CLOCK,
                              .clock = {.version = CF_PROTOCOL_VERSION, .now_ms = a.world->now_ms}};
    say(a.world, at_lap, &clock);
    say_later(&a, at_lap, "CLOCK");
    EXPECT_LINE(&kept, "what=message-refused user=", "speaks version 2 of", "broker version 1:");
    a.at_lap = at_lap;
    person_end(&stranger);
    household_end(&a);
    cf_audit_destroy(&audit);
    cf_buffer_release(&kept.lines);
}

Test(gateway_sessions, ends_the_session_of_who_sends_garbage)
{
    household a = a_greeted_household();
    cf_bytes garbage[2] = {cf_bytes_of_text("\xff\xff no message"), cf_bytes_of_text("x")};

    say_bytes(a.world, a.at_lap, garbage, 1);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_MALFORMED);
    cr_expect_eq(cf_gateway_count(a.world->broker.gateway).sessions, 1);
    say_bytes(a.world, a.at_lap, garbage, 2); /* a stranger now */
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    say_bytes(a.world, a.at_lap, garbage, 0);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    greet(a.world, a.at_lap, &a.account.user, NULL, 0);
    household_end(&a);
}

Test(gateway_sessions, ends_the_session_of_who_sends_oversized_frames)
{
    household a = a_greeted_household();
    cf_message put = {
        .command = CF_COMMAND_PUT,
        .put = {.id = {{1}}, .offset = 0, .total = 10, .bytes = cf_bytes_of_text("piece")}};
    cf_frames frames = {0};
    cf_buffer large = {0};

    cf_buffer_reserve(&large, CF_BLOB_STEP + 1);
    memset(large.data, 0, CF_BLOB_STEP + 1);
    cf_message_write(&put, &frames);
    cf_bytes wire[2] = {cf_buffer_view(&frames.frame[0]), {large.data, CF_BLOB_STEP + 1}};
    say_bytes(a.world, a.at_lap, wire, 2);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_MALFORMED);
    cr_expect_eq(cf_gateway_count(a.world->broker.gateway).sessions, 1);
    cf_buffer_release(&large);
    cf_frames_release(&frames);
    household_end(&a);
}

Test(gateway_sessions, forgets_a_session_whose_connection_is_gone)
{
    household a = a_greeted_household();

    cf_gateway_gone(a.world->broker.gateway, cf_bytes_of_text(a.at_lap->routing_id));
    cr_expect_eq(cf_gateway_count(a.world->broker.gateway).sessions, 1);
    cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 1}};
    say(a.world, a.at_lap, &credit);
    hear(a.world, a.at_lap, CF_COMMAND_AGAIN);
    household_end(&a);
}

/* More than a page: the member log's heads come first, in a page that isn't full. */
Test(gateway, welcomes_with_the_member_log_first)
{
    enum { CHAINS = CF_HEADS_PAGE + 1 };
    household a = a_household();
    cf_log *log = cf_users_find(a.world->broker.users, &a.account.user);
    const cf_head member = a.account.head;

    for (size_t i = 0; i < CHAINS; i++) {
        begin_chain(&a.lap, &papers, &member);
        write_change(&a.lap, "one entry", NULL, 0);
        append_entry(log, &a.lap);
    }
    broker_world_settle(a.world);
    say(a.world, a.at_desk,
        &(cf_message){.command = CF_COMMAND_HELLO,
                      .hello = {.version = CF_PROTOCOL_VERSION, .user = a.account.user}});
    cf_message page = hear(a.world, a.at_desk, CF_COMMAND_WELCOME);
    cr_expect_eq(page.welcome.head_count, 1);
    cr_expect_eq(cf_head_compare(page.welcome.heads, &member), 0);
    cr_expect(page.welcome.more);
    page = hear(a.world, a.at_desk, CF_COMMAND_WELCOME);
    cr_expect_eq(page.welcome.head_count, CF_HEADS_PAGE);
    cr_expect(page.welcome.more);
    page = hear(a.world, a.at_desk, CF_COMMAND_WELCOME);
    cr_expect_eq(page.welcome.head_count, 1);
    cr_expect_not(page.welcome.more);
    household_end(&a);
}
