/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/people/gateway_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/log/log_tables.h"

static void seeded_random(void *context, void *out, size_t size)
{
    static uint64_t state = 88172645463325252u; /* xorshift */

    (void)context;
    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((uint8_t *)out)[i] = (uint8_t)state;
    }
}

static uint64_t house_now(void *context)
{
    return ((broker_world *)context)->now_ms;
}

static uint64_t house_steady(void *context)
{
    const broker_world *self = context;

    return self->now_ms - (uint64_t)self->set_ms;
}

void house_set_clock(broker_world *self, int64_t later_ms)
{
    self->now_ms += (uint64_t)later_ms;
    self->set_ms += later_ms;
}

static void no_report(void *context, cf_report_level level, const char *text)
{
    (void)context;
    (void)level;
    (void)text;
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
    cf_error error;

    self->allowed = 0;
    self->is_doubted = false;
    self->store = cf_store_memory_new(self->disk);
    self->blobs = cf_blob_memory_new(self->blob_disk);
    self->outbox = cf_outbox_new();
    cf_users_options users = {.env = &self->env,
                              .store = self->store,
                              .access = count_access,
                              .doubt = note_doubt,
                              .context = self};
    expect_ok(cf_users_open(&users, &self->users, &error), error);
    cf_quotas_options quotas = {
        .store = self->store, .blobs = self->blobs, .entries_per_minute = self->entries_per_minute};
    self->quotas = cf_quotas_new(&quotas);
    cf_management_options management = {.env = &self->env,
                                        .store = self->store,
                                        .blobs = self->blobs,
                                        .users = self->users,
                                        .quotas = self->quotas,
                                        .closed = self->closed};
    expect_ok(cf_management_open(&management, self->now_ms, &self->management, &error), error);
    cf_gateway_options gateway = {.env = &self->env,
                                  .store = self->store,
                                  .blobs = self->blobs,
                                  .users = self->users,
                                  .sessions_of_user = self->sessions_of_user,
                                  .outbox = self->outbox,
                                  .absent = count_absent,
                                  .context = self};
    self->gateway = cf_gateway_new(&gateway);
    cf_authority_options authority = {.gateway = self->gateway,
                                      .management = self->management,
                                      .quotas = self->quotas,
                                      .waste_per_second = self->waste_per_second};
    self->authority = cf_authority_new(&authority);
}

static void stop(broker_world *self)
{
    cf_error error;

    cf_store_memory_disk_fail(self->disk, CF_IO); /* what isn't committed is answered, and lost */
    self->store->commit(self->store, &error);
    cf_store_memory_disk_fail(self->disk, CF_OK);
    cf_authority_destroy(&self->authority);
    cf_gateway_destroy(&self->gateway);
    cf_quotas_destroy(&self->quotas);
    cf_management_destroy(&self->management);
    cf_users_destroy(&self->users);
    cf_outbox_destroy(&self->outbox);
    cf_blobs_destroy(&self->blobs);
    cf_store_destroy(&self->store);
}

broker_world *a_house(void)
{
    static const uint8_t instance[16] = "this very log";
    broker_world *self = cf_allocate(1, sizeof *self);

    self->env = (cf_env){.random = seeded_random,
                         .now_ms = house_now,
                         .steady_ms = house_steady,
                         .report = no_report,
                         .context = self};
    self->now_ms = 1700000000000;
    self->disk = cf_store_memory_disk_new(instance);
    self->blob_disk = cf_blob_memory_disk_new();
    start(self);
    return self;
}

static void end_client(caller *ended)
{
    for (size_t i = ended->first; i < ended->count; i++)
        cf_frames_release(&ended->letters[i]);
    free(ended->letters);
    free(ended);
}

void house_crash(broker_world *self)
{
    for (size_t i = 0; i < self->client_count; i++)
        end_client(self->clients[i]);
    self->client_count = 0;
    stop(self);
    start(self);
}

void house_end(broker_world *self)
{
    for (size_t i = 0; i < self->client_count; i++)
        end_client(self->clients[i]);
    stop(self);
    cf_store_memory_disk_destroy(&self->disk);
    cf_blob_memory_disk_destroy(&self->blob_disk);
    cf_arena_release(&self->arena);
    free(self);
}

/* A record that no lease has. */
static void put_junk(broker_world *self, const cf_hash *user, cf_bytes key)
{
    const cf_kv record = {key, cf_bytes_of_text("?")};
    cf_error error;

    expect_ok(self->store->write(self->store, user, &record, 1, true, &error), error);
}

void house_damage(broker_world *self, const cf_hash *user)
{
    put_junk(self, user, cf_bytes_of_text("lc?"));
}

void house_damage_member(broker_world *self, const cf_hash *user, uint64_t ordinal)
{
    uint8_t key[CF_LOG_REGISTRY_KEY] = {CF_LOG_REGISTRY};

    cf_put_u64(key + 1, ordinal);
    put_junk(self, user, cf_bytes_of(key, sizeof key));
}

caller *call_in(broker_world *self, const uint8_t curve[32])
{
    caller *made = cf_allocate(1, sizeof *made);

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
    caller *to = NULL;

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

void house_settle(broker_world *self)
{
    cf_error error;
    uint64_t next;
    size_t waiting;
    int rounds = 0; /* what the first appends, the second hears of */

    do {
        self->store->commit(self->store, &error);
        waiting = cf_outbox_size(self->outbox);
        next = cf_gateway_tick(self->gateway, self->now_ms);
        cf_outbox_send(self->outbox, deliver, self);
    } while (++rounds < 2 ||
             (next <= house_steady(self) && cf_outbox_size(self->outbox) != waiting));
}

void say_bytes(broker_world *self, caller *from, const cf_bytes *frames, size_t count)
{
    cf_gateway_peer peer = {cf_bytes_of_text(from->routing_id), from->key, from->routing_id};

    from->is_shut = !cf_gateway_handle(self->gateway, &peer, frames, count, self->now_ms);
}

void say(broker_world *self, caller *from, const cf_message *message)
{
    cf_frames frames = {0};
    cf_bytes wire[CF_MESSAGE_FRAMES];

    cf_message_write(message, &frames);
    for (size_t i = 0; i < frames.count; i++)
        wire[i] = cf_buffer_view(&frames.frame[i]);
    say_bytes(self, from, wire, frames.count);
    cf_frames_release(&frames);
}

static cf_message next_letter(broker_world *self, caller *by, const char *expected)
{
    cf_error error;
    cf_message message;
    cf_bytes wire[CF_MESSAGE_FRAMES];
    cf_frames *letter;

    house_settle(self);
    cr_assert_lt(by->first, by->count, "%s hears nothing, expected %s", by->routing_id, expected);
    letter = &by->letters[by->first++];
    cf_arena_release(&self->arena);
    for (size_t i = 0; i < letter->count; i++)
        wire[i] = cf_arena_copy(&self->arena, cf_buffer_view(&letter->frame[i]));
    expect_ok(cf_message_read(wire, letter->count, &self->arena, &message, &error), error);
    cf_frames_release(letter);
    return message;
}

cf_message hear(broker_world *self, caller *by, cf_command command)
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

void hear_refusal(broker_world *self, caller *by, const char *code)
{
    cf_message message = hear(self, by, CF_COMMAND_REFUSED);

    cr_expect(cf_bytes_equal(message.refused.code, cf_bytes_of_text(code)), "%.*s: %.*s",
              (int)message.refused.code.size, (const char *)message.refused.code.data,
              (int)message.refused.text.size, (const char *)message.refused.text.data);
    cr_expect_gt(message.refused.text.size, 0, "nobody reads why: %s", code);
}

void hear_nothing(broker_world *self, caller *by)
{
    house_settle(self);
    cr_expect_eq(by->first, by->count, "%s hears something", by->routing_id);
}

void settle_in(broker_world *self, person *account, person *first, person *second)
{
    person *devices[] = {first, second};
    cf_error error;
    cf_log *log;

    expect_ok(cf_users_add(self->users, &account->user, &log, &error), error);
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
    house_settle(self);
    cf_users_refresh(self->users, &account->user);
}

cf_message hello_of(const cf_hash *user)
{
    return (cf_message){.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION, .user = *user}};
}

void greet(broker_world *self, caller *from, const cf_hash *user, const cf_head *heads,
           size_t count)
{
    cf_message hello = hello_of(user);

    hello.hello.heads = heads;
    hello.hello.head_count = count;
    say(self, from, &hello);
    hear(self, from, CF_COMMAND_WELCOME);
}

void subscribe(broker_world *self, caller *from, const cf_head *rungs, size_t count,
               uint64_t credit)
{
    cf_message message = {.command = CF_COMMAND_SUBSCRIBE,
                          .subscribe = {.rungs = rungs, .rung_count = count, .credit = credit}};

    say(self, from, &message);
    hear(self, from, CF_COMMAND_SUBSCRIBED);
}

void publish(broker_world *self, caller *from, const person *author)
{
    cf_message message = {.command = CF_COMMAND_PUBLISH,
                          .publish = {.entry = cf_buffer_view(&author->wire)}};

    say(self, from, &message);
}

household a_household(void)
{
    household made = {.house = a_house(), .account = an_account(1)};

    made.desk = a_device(2, &made.account.user);
    made.lap = a_device(3, &made.account.user);
    settle_in(made.house, &made.account, &made.desk, &made.lap);
    made.at_desk = call_in(made.house, cf_keys_public(made.desk.keys)->curve);
    made.at_lap = call_in(made.house, cf_keys_public(made.lap.keys)->curve);
    return made;
}

household a_greeted_household(void)
{
    household self = a_household();

    greet(self.house, self.at_desk, &self.account.user, NULL, 0);
    greet(self.house, self.at_lap, &self.account.user, NULL, 0);
    return self;
}

void household_end(household *self)
{
    house_end(self->house);
    person_end(&self->account);
    person_end(&self->desk);
    person_end(&self->lap);
}
