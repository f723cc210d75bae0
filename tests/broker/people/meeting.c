/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/people/meeting.h"
#include "tests/support/frames.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/quiet.h"

static void fill(void *context, void *out, size_t size)
{
    chance_fill(&((meeting *)context)->chance, out, size);
}

static uint64_t meeting_now(void *context)
{
    return ((meeting *)context)->now_ms;
}

static void start(meeting *at)
{
    memory_broker_start(&at->broker, &(memory_broker_options){.env = &at->env}, at->now_ms);
}

static void ignore(void *context, cf_append_answer answer, uint64_t position, const cf_error *error)
{
    (void)context;
    (void)position;
    (void)error;
    cr_assert_eq(answer, CF_APPEND_STORED);
}

static void append_to_log(cf_log *log, cf_bytes wire)
{
    cf_offer offer = {.bringer = CF_BRINGER_AUTHOR};
    cf_store *store = cf_log_store(log);
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(wire, &arena, &entry, &error), error);
    cf_log_append(log, &entry, &offer, NULL, 0, ignore, NULL);
    expect_ok(store->commit(store, &error), error);
    cf_arena_release(&arena);
}

static void found_user(meeting *at)
{
    cf_store *store = cf_store_memory_new(at->broker.disk);
    cf_log *log = NULL;
    cf_error error;

    at->account = an_account(1);
    expect_ok(cf_log_open(store, &at->account.user, NULL, &log, &error), error);
    at->desk = a_device(2, &at->account.user);
    at->lap = a_device(3, &at->account.user);
    first_entry(&at->account);
    for (int step = 0; step < 3; step++) {
        if (step)
            let_in(&at->account, step == 1 ? &at->desk : &at->lap,
                   step == 1 ? CF_ROLE_OWNER : CF_ROLE_MEMBER);
        append_to_log(log, cf_buffer_view(&at->account.wire));
        learn(&at->desk, &at->account);
        learn(&at->lap, &at->account);
    }
    cf_log_destroy(&log);
    cf_store_destroy(&store);
}

void meeting_open(meeting *at)
{
    static const uint8_t instance[16] = "gateway's store";

    *at = (meeting){.chance = {1}, .now_ms = 1800000000000};
    at->env = (cf_env){.context = at, .random = fill, .now_ms = meeting_now, .report = no_report};
    memory_broker_make_disks(&at->broker, instance);
    found_user(at);
    start(at);
}

void meeting_close(meeting *at)
{
    for (size_t i = 0; i < at->count; i++)
        attendee_leave(&at->attendees[i]);
    memory_broker_stop(&at->broker);
    memory_broker_drop_disks(&at->broker);
    person_end(&at->account);
    person_end(&at->desk);
    person_end(&at->lap);
}

void meeting_restart(meeting *at)
{
    memory_broker_stop(&at->broker);
    start(at);
    for (size_t i = 0; i < at->count; i++)
        cut(at->attendees[i]);
}

void cut(attendee *self)
{
    cf_error why;

    self->is_cut = false;
    if (!self->session)
        return;
    cf_fail(&why, CF_UNREACHABLE, "the connection broke");
    cf_gateway_gone(self->at->broker.gateway,
                    cf_bytes_of(self->routing_id, sizeof self->routing_id));
    cf_link_disconnected(self->link, &why, self->at->now_ms);
    self->session = 0;
}

static void count_delivery(attendee *self)
{
    meeting *at = self->at;

    at->delivered++;
    if (at->cut_after && at->delivered == at->cut_after)
        self->is_cut = true;
}

/* To one that does not know FETCH that is any word. */
static void to_old(meeting *at, cf_bytes *first, cf_buffer *unknown)
{
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    expect_ok(cf_message_read(first, 1, &arena, &message, &error), error);
    at->gets += message.command == CF_COMMAND_GET;
    at->fetches += message.command == CF_COMMAND_FETCH;
    if (message.command == CF_COMMAND_HELLO)
        at->last_hello = message.hello.head_count;
    if (at->is_old &&
        (message.command == CF_COMMAND_FETCH || message.command == CF_COMMAND_CONFINE)) {
        cf_pack_array(unknown, 1);
        cf_pack_text(unknown, cf_bytes_of_text("TELEPORT"));
        *first = cf_buffer_view(unknown);
    }
    cf_arena_release(&arena);
}

static cf_send_answer send_to_gateway(void *context, cf_bytes destination, cf_frames *frames)
{
    attendee *self = context;
    meeting *at = self->at;
    cf_bytes views[CF_MESSAGE_FRAMES];
    size_t count = frames_view(frames, views);
    cf_buffer unknown = {0};
    cf_gateway_peer peer = {cf_bytes_of(self->routing_id, sizeof self->routing_id), self->curve,
                            "here"};

    cr_expect_eq(destination.size, 0);
    if (self->is_cut)
        return CF_SEND_GONE;
    if (count == 1)
        to_old(at, views, &unknown);
    cf_gateway_handle(at->broker.gateway, &peer, views, count, at->now_ms);
    cf_buffer_release(&unknown);
    count_delivery(self);
    return CF_SEND_DONE;
}

static void note_command(attendee *self, const cf_bytes *views, size_t count)
{
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    expect_ok(cf_message_read(views, count, &arena, &message, &error), error);
    self->messages[message.command]++;
    cf_arena_release(&arena);
}

static cf_send_answer send_to_attendee(void *context, cf_bytes destination, cf_frames *frames)
{
    meeting *at = context;
    cf_bytes views[CF_MESSAGE_FRAMES];
    size_t count = frames_view(frames, views);

    for (size_t i = 0; i < at->count; i++) {
        attendee *self = at->attendees[i];
        cf_bytes routing_id = cf_bytes_of(self->routing_id, sizeof self->routing_id);
        if (!self->session || self->is_cut || !cf_bytes_equal(routing_id, destination))
            continue;
        note_command(self, views, count);
        cf_link_handle(self->link, views, count, at->now_ms, self->outbox);
        count_delivery(self);
        return CF_SEND_DONE;
    }
    return CF_SEND_GONE;
}

static void follow_session(attendee *self)
{
    uint64_t session = cf_link_session(self->link);

    if (session == self->session)
        return;
    if (self->session)
        cf_gateway_gone(self->at->broker.gateway,
                        cf_bytes_of(self->routing_id, sizeof self->routing_id));
    self->session = session;
    cf_put_u64(self->routing_id, ++self->at->connections);
}

static uint64_t tick_attendee(attendee *self)
{
    if (self->is_cut)
        cut(self);
    uint64_t next_ms = cf_link_tick(self->link, self->at->now_ms, self->outbox);
    follow_session(self);
    if (self->session)
        cf_outbox_send(self->outbox, send_to_gateway, self);
    return next_ms;
}

/* Returns the earliest deadline. */
static uint64_t pass_messages(meeting *at)
{
    uint64_t next_ms = UINT64_MAX;
    size_t before = 0;
    cf_error error;

    do {
        before = at->delivered;
        next_ms = UINT64_MAX;
        for (size_t i = 0; i < at->count; i++) {
            uint64_t own_ms = tick_attendee(at->attendees[i]);
            next_ms = own_ms < next_ms ? own_ms : next_ms;
        }
        expect_ok(at->broker.store->commit(at->broker.store, &error), error);
        cf_gateway_tick(at->broker.gateway, at->now_ms);
        cf_outbox_send(at->broker.outbox, send_to_attendee, at);
    } while (at->delivered != before);
    return next_ms;
}

void meet(meeting *at)
{
    pass_messages(at);
}

bool everybody_is_idle(const meeting *at)
{
    for (size_t i = 0; i < at->count; i++) {
        if (!cf_link_is_idle(at->attendees[i]->link))
            return false;
    }
    return true;
}

void meet_until_idle(meeting *at)
{
    uint64_t end_ms = at->now_ms + 3600000;

    for (uint64_t next_ms = pass_messages(at); !everybody_is_idle(at);
         next_ms = pass_messages(at)) {
        cr_assert_lt(next_ms, end_ms, "nobody has anything to do, but not all are idle");
        at->now_ms = next_ms > at->now_ms ? next_ms : at->now_ms + 1;
    }
}

static bool collect(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

static void expect_heads(cf_store *store, const meeting *at, const cf_heads *expected)
{
    cf_heads heads = {0};
    cf_error error;

    expect_ok(store->heads(store, &at->account.user, collect, &heads, &error), error);
    cr_expect_eq(heads.count, expected->count);
    for (size_t i = 0; i < expected->count; i++)
        cr_expect(cf_heads_contain(&heads, &expected->heads[i]));
    cf_heads_release(&heads);
}

void expect_equal_logs(meeting *at)
{
    cf_heads heads = {0};
    cf_error error;

    expect_ok(at->broker.store->heads(at->broker.store, &at->account.user, collect, &heads, &error),
              error);
    for (size_t i = 0; i < at->count; i++) {
        if (at->attendees[i]->store)
            expect_heads(at->attendees[i]->store, at, &heads);
    }
    cf_heads_release(&heads);
}
