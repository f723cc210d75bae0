/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/people/broker_world.h"
#include "tests/support/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/log/log_tables.h"
#include "tests/support/quiet.h"

static void fill(void *context, void *out, size_t size)
{
    chance_fill(&((broker_world *)context)->chance, out, size);
}

static uint64_t broker_world_now(void *context)
{
    return ((broker_world *)context)->now_ms;
}

static uint64_t broker_world_steady(void *context)
{
    const broker_world *self = context;

    return self->now_ms - (uint64_t)self->set_ms;
}

void broker_world_set_clock(broker_world *self, int64_t later_ms)
{
    self->now_ms += (uint64_t)later_ms;
    self->set_ms += later_ms;
}

static void count_access(void *context, const uint8_t key[32], bool allowed)
{
    broker_world *self = context;

    (void)key;
    self->allowed = allowed ? self->allowed + 1 : self->allowed - 1;
}

static void note_doubt(void *context, bool doubted)
{
    ((broker_world *)context)->is_doubted = doubted;
}

static void count_absent(void *context, const cf_hash *user)
{
    (void)user;
    ((broker_world *)context)->absent++;
}

static void start(broker_world *self)
{
    self->allowed = 0;
    self->is_doubted = false;
    memory_broker_start(&self->broker, &self->options, self->now_ms);
}

broker_world *a_broker_world(void)
{
    static const uint8_t instance[16] = "this very log";
    broker_world *self = cf_allocate(1, sizeof *self);

    self->env = (cf_env){.random = fill,
                         .now_ms = broker_world_now,
                         .steady_ms = broker_world_steady,
                         .report = no_report,
                         .context = self};
    self->now_ms = 1700000000000;
    self->options = (memory_broker_options){.env = &self->env,
                                            .has_quotas = true,
                                            .access = count_access,
                                            .doubt = note_doubt,
                                            .absent = count_absent,
                                            .context = self};
    memory_broker_make_disks(&self->broker, instance);
    start(self);
    return self;
}

static void end_client(client *ended)
{
    for (size_t i = ended->first; i < ended->count; i++)
        cf_frames_release(&ended->letters[i]);
    free(ended->letters);
    free(ended);
}

void broker_world_crash(broker_world *self)
{
    for (size_t i = 0; i < self->client_count; i++)
        end_client(self->clients[i]);
    self->client_count = 0;
    memory_broker_stop(&self->broker);
    start(self);
}

void broker_world_end(broker_world *self)
{
    for (size_t i = 0; i < self->client_count; i++)
        end_client(self->clients[i]);
    memory_broker_stop(&self->broker);
    memory_broker_drop_disks(&self->broker);
    cf_arena_release(&self->arena);
    free(self);
}

/* A record that no lease has. */
static void put_junk(broker_world *self, const cf_hash *user, cf_bytes key)
{
    const cf_kv record = {key, cf_bytes_of_text("?")};
    cf_error error;

    expect_ok(self->broker.store->write(self->broker.store, user, &record, 1, true, &error), error);
}

void broker_world_damage(broker_world *self, const cf_hash *user)
{
    put_junk(self, user, cf_bytes_of_text("lc?"));
}

void broker_world_damage_member(broker_world *self, const cf_hash *user, uint64_t ordinal)
{
    uint8_t key[CF_LOG_REGISTRY_KEY] = {CF_LOG_REGISTRY};

    cf_put_u64(key + 1, ordinal);
    put_junk(self, user, cf_bytes_of(key, sizeof key));
}

client *connect_client(broker_world *self, const uint8_t curve[32])
{
    client *made = cf_allocate(1, sizeof *made);

    cr_assert_lt(self->client_count, CLIENTS_MAX);
    snprintf(made->routing_id, sizeof made->routing_id, "c%zu", self->client_count);
    memcpy(made->key.bytes, curve, 32);
    made->letters = cf_allocate(LETTERS_MAX, sizeof *made->letters);
    self->clients[self->client_count++] = made;
    return made;
}

static cf_send_answer deliver(void *context, cf_bytes destination, cf_frames *frames)
{
    broker_world *self = context;
    client *to = NULL;

    for (size_t i = 0; i < self->client_count; i++)
        if (cf_bytes_equal(destination, cf_bytes_of_text(self->clients[i]->routing_id)))
            to = self->clients[i];
    if (!to || to->is_gone)
        return CF_SEND_GONE;
    if (to->is_stuck)
        return CF_SEND_BLOCKED;
    cr_assert_lt(to->count, LETTERS_MAX);
    to->letters[to->count++] = *frames;
    *frames = (cf_frames){0};
    return CF_SEND_DONE;
}

void broker_world_settle(broker_world *self)
{
    cf_error error;
    uint64_t next;
    size_t waiting;
    int rounds = 0; /* what the first appends, the second hears of */

    do {
        self->broker.store->commit(self->broker.store, &error);
        waiting = cf_outbox_size(self->broker.outbox);
        next = cf_gateway_tick(self->broker.gateway, self->now_ms);
        cf_outbox_send(self->broker.outbox, deliver, self);
    } while (++rounds < 2 ||
             (next <= broker_world_steady(self) && cf_outbox_size(self->broker.outbox) != waiting));
}

static cf_gateway_peer peer_of(const client *from)
{
    return (cf_gateway_peer){cf_bytes_of_text(from->routing_id), from->key, from->routing_id};
}

void say_bytes(broker_world *self, client *from, const cf_bytes *frames, size_t count)
{
    const cf_gateway_peer peer = peer_of(from);

    from->is_shut = !cf_gateway_handle(self->broker.gateway, &peer, frames, count, self->now_ms);
}

void say(broker_world *self, client *from, const cf_message *message)
{
    const cf_gateway_peer peer = peer_of(from);

    from->is_shut = !gateway_hears(self->broker.gateway, &peer, message, self->now_ms);
}

static cf_message next_letter(broker_world *self, client *by, const char *expected)
{
    cf_error error;
    cf_message message;
    cf_bytes wire[CF_MESSAGE_FRAMES];
    cf_frames *letter;

    broker_world_settle(self);
    cr_assert_lt(by->first, by->count, "%s hears nothing, expected %s", by->routing_id, expected);
    letter = &by->letters[by->first++];
    cf_arena_release(&self->arena);
    for (size_t i = 0; i < letter->count; i++)
        wire[i] = cf_arena_copy(&self->arena, cf_buffer_view(&letter->frame[i]));
    expect_ok(cf_message_read(wire, letter->count, &self->arena, &message, &error), error);
    cf_frames_release(letter);
    return message;
}

cf_message hear(broker_world *self, client *by, cf_command command)
{
    cf_message message = next_letter(self, by, cf_command_name(command));

    cr_assert_eq(message.command, command, "%s hears %s %.*s instead of %s", by->routing_id,
                 cf_command_name(message.command),
                 message.command == CF_COMMAND_REFUSED ? (int)message.refused.text.size : 0,
                 message.command == CF_COMMAND_REFUSED ? (const char *)message.refused.text.data
                                                       : "",
                 cf_command_name(command));
    return message;
}

void hear_refusal(broker_world *self, client *by, const char *code)
{
    cf_message message = hear(self, by, CF_COMMAND_REFUSED);

    cr_expect(cf_bytes_equal(message.refused.code, cf_bytes_of_text(code)), "%.*s: %.*s",
              (int)message.refused.code.size, (const char *)message.refused.code.data,
              (int)message.refused.text.size, (const char *)message.refused.text.data);
    cr_expect_gt(message.refused.text.size, 0, "nobody reads why: %s", code);
}

void hear_nothing(broker_world *self, client *by)
{
    broker_world_settle(self);
    cr_expect_eq(by->first, by->count, "%s hears something", by->routing_id);
}

void settle_in(broker_world *self, person *account, person *first, person *second)
{
    person *devices[] = {first, second};
    cf_error error;
    cf_log *log;

    expect_ok(cf_users_add(self->broker.users, &account->user, &log, &error), error);
    first_entry(account);
    append_entry(log, account);
    learn(first, account);
    learn(second, account);
    for (int i = 0; i < 2; i++) {
        let_in(account, devices[i], i ? CF_ROLE_MEMBER : CF_ROLE_OWNER);
        append_entry(log, account);
        learn(first, account);
        learn(second, account);
    }
    broker_world_settle(self);
    cf_users_refresh(self->broker.users, &account->user);
}

cf_message hello_of(const cf_hash *user)
{
    return (cf_message){.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION, .user = *user}};
}

void greet(broker_world *self, client *from, const cf_hash *user, const cf_head *heads,
           size_t count)
{
    cf_message hello = hello_of(user);

    hello.hello.heads = heads;
    hello.hello.head_count = count;
    say(self, from, &hello);
    hear(self, from, CF_COMMAND_WELCOME);
}

void subscribe(broker_world *self, client *from, const cf_head *rungs, size_t count,
               uint64_t credit)
{
    cf_message message = {.command = CF_COMMAND_SUBSCRIBE,
                          .subscribe = {.rungs = rungs, .rung_count = count, .credit = credit}};

    say(self, from, &message);
    hear(self, from, CF_COMMAND_SUBSCRIBED);
}

void publish(broker_world *self, client *from, const person *author)
{
    cf_message message = {.command = CF_COMMAND_PUBLISH,
                          .publish = {.entry = cf_buffer_view(&author->wire)}};

    say(self, from, &message);
}

household a_household(void)
{
    household made = {.world = a_broker_world(), .account = an_account(1)};

    made.desk = a_device(2, &made.account.user);
    made.lap = a_device(3, &made.account.user);
    settle_in(made.world, &made.account, &made.desk, &made.lap);
    made.at_desk = connect_client(made.world, cf_keys_public(made.desk.keys)->curve);
    made.at_lap = connect_client(made.world, cf_keys_public(made.lap.keys)->curve);
    return made;
}

household a_greeted_household(void)
{
    household self = a_household();

    greet(self.world, self.at_desk, &self.account.user, NULL, 0);
    greet(self.world, self.at_lap, &self.account.user, NULL, 0);
    return self;
}

household another_household(broker_world *world, uint16_t seed)
{
    household made = {.world = world, .account = an_account(seed)};

    made.desk = a_device(seed + 1, &made.account.user);
    made.lap = a_device(seed + 2, &made.account.user);
    settle_in(world, &made.account, &made.desk, &made.lap);
    made.at_desk = connect_client(world, cf_keys_public(made.desk.keys)->curve);
    greet(world, made.at_desk, &made.account.user, NULL, 0);
    return made;
}

void household_leave(household *self)
{
    person_end(&self->account);
    person_end(&self->desk);
    person_end(&self->lap);
}

void household_end(household *self)
{
    broker_world_end(self->world);
    household_leave(self);
}

void household_saves(household *self)
{
    write_change(&self->desk, "some body", NULL, 0);
    publish(self->world, self->at_desk, &self->desk);
    hear(self->world, self->at_desk, CF_COMMAND_ACCEPTED);
    hear(self->world, self->at_lap, CF_COMMAND_ENTRY);
}

void client_forgets(client *at)
{
    while (at->first < at->count)
        cf_frames_release(&at->letters[at->first++]);
    at->first = at->count = 0;
}
