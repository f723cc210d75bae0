/* SPDX-License-Identifier: Apache-2.0 */
/* Who is heard: anybody who says HELLO, CONFINE or CLOCK, or, without a session, KNOCK; with all
 * else a session whose key is still its device's, which is looked up for each message. Before a
 * message is read: who leaves too much unread is forgotten, and whose user asks too much for
 * nothing is dismissed. */
#include "broker/gateway/gateway.h"

#include "broker/gateway/alone.h"
#include "broker/gateway/blob_service.h"
#include "broker/gateway/checkpoints.h"
#include "broker/gateway/clocks.h"
#include "broker/gateway/eviction.h"
#include "broker/gateway/gateway_greeting.h"
#include "broker/gateway/prices.h"
#include "broker/gateway/publish.h"
#include "broker/gateway/subscribe.h"
#include "codec/deadlines.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define UNREAD_STRANGER_MAX (64 * CF_KIB)

enum { CLOCK_SET_MS = 1000 }; /* what is less is drift, until it comes to that */

struct cf_gateway {
    cf_service service;
    cf_address address;                           /* port 0: not told yet */
    const cf_served_command *served[CF_COMMANDS]; /* NULL: nobody sends it in a session */
    cf_clocks *clocks;
    bool is_clock_off; /* ours, as it was told */
    cf_routing_id cut; /* the last that was told to be */
};

/* ---- What a session asks ---- */

static void credit(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_subscribe_credit(service, session, message->credit.bytes);
}

/* GET and FETCH */
static void get(cf_service *service, cf_session *session, const cf_message *message)
{
    if (!cf_alones_keep_back(service->alones, session, message))
        cf_blob_service_get(service, session, message);
}

static const cf_served_command own[] = {
    {CF_COMMAND_SUBSCRIBE, CF_PRICE_GREETING, true, cf_subscribe},
    {CF_COMMAND_CREDIT, CF_PRICE_FREE, true, credit},
    {CF_COMMAND_PUBLISH, CF_PRICE_BY_HANDLER, false, cf_publish},
    {CF_COMMAND_HAVE, CF_PRICE_BY_HANDLER, true, cf_blob_service_have},
    {CF_COMMAND_PUT, CF_PRICE_BY_HANDLER, false, cf_blob_service_put},
    {CF_COMMAND_GET, CF_PRICE_BY_HANDLER, false, get},
    {CF_COMMAND_FETCH, CF_PRICE_BY_HANDLER, false, get},
    {CF_COMMAND_CHECKPOINT, CF_PRICE_REPORT, true, cf_checkpoints_take},
};

static void serve_by(cf_gateway *gateway, const cf_served_command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert(!gateway->served[commands[i].command]);
        gateway->served[commands[i].command] = &commands[i];
    }
}

void cf_gateway_manage(cf_gateway *gateway, const cf_policy *policy)
{
    policy = policy ? policy : &cf_policy_none;
    gateway->service.policy = policy;
    memset(gateway->served, 0, sizeof gateway->served);
    serve_by(gateway, own, sizeof own / sizeof *own);
    serve_by(gateway, policy->commands, policy->command_count);
}

cf_service *cf_gateway_service(cf_gateway *gateway)
{
    return &gateway->service;
}

static void serve(cf_gateway *gateway, cf_session *session, const cf_message *message)
{
    const cf_served_command *asked = gateway->served[message->command];
    cf_service *service = &gateway->service;

    if (!asked) {
        cf_session_charge(service, session, CF_PRICE_GARBAGE);
        cf_session_dismiss(service, session, "it sent what only brokers send");
        return;
    }
    session->has_asked |= !asked->is_routine;
    cf_session_charge(service, session, asked->price);
    asked->serve(service, session, message);
}

/* ---- Beginning and end ---- */

static void session_ends(void *context, cf_session *session)
{
    cf_gateway *gateway = context;
    const cf_policy *policy = gateway->service.policy;

    cf_subscribe_leave(&gateway->service, session);
    policy->ending(policy->context, session);
    cf_alones_forget(gateway->service.alones, session);
}

cf_gateway *cf_gateway_new(const cf_gateway_options *options)
{
    cf_gateway *gateway = cf_allocate(1, sizeof *gateway);

    gateway->service = (cf_service){
        .env = options->env,
        .store = options->store,
        .blobs = options->blobs,
        .users = options->users,
        .outbox = options->outbox,
        .sessions = cf_sessions_new(),
        .sessions_of_user = options->sessions_of_user,
        .room_left = options->room_left,
        .absent = options->absent,
        .context = options->context,
        .address = &gateway->address,
        .checked = cf_allocate(CF_CHECKED_BLOBS, sizeof(cf_checked_blob)),
    };
    gateway->service.alones = cf_alones_new(&gateway->service);
    gateway->service.evictions = cf_evictions_new();
    gateway->clocks = cf_clocks_new();
    cf_sessions_watch(gateway->service.sessions, session_ends, gateway);
    cf_gateway_manage(gateway, NULL);
    return gateway;
}

void cf_gateway_limit_sessions(cf_gateway *gateway, size_t sessions_of_user)
{
    gateway->service.sessions_of_user = sessions_of_user;
}

void cf_gateway_destroy(cf_gateway **gateway)
{
    if (!*gateway)
        return;
    cf_alones_destroy(&(*gateway)->service.alones);
    cf_evictions_destroy(&(*gateway)->service.evictions);
    cf_clocks_destroy(&(*gateway)->clocks);
    cf_sessions_destroy(&(*gateway)->service.sessions);
    free((*gateway)->service.checked);
    free(*gateway);
    *gateway = NULL;
}

void cf_gateway_advertise(cf_gateway *gateway, const cf_address *address)
{
    gateway->address = *address;
}

/* ---- Messages ---- */

static void send_again(cf_gateway *gateway, const cf_gateway_peer *peer)
{
    cf_message message = {.command = CF_COMMAND_AGAIN};

    cf_outbox_add(gateway->service.outbox, peer->routing_id, &message);
}

/* ---- Clocks ---- */

static void tell_clock(cf_gateway *gateway)
{
    const cf_env *env = gateway->service.env;
    const cf_clocks_verdict verdict = cf_clocks_judge(gateway->clocks);
    const bool is_off = verdict.difference_ms != 0;
    char distance[CF_CLOCK_TEXT];

    if (is_off == gateway->is_clock_off)
        return;
    gateway->is_clock_off = is_off;
    cf_clock_write_distance(verdict.difference_ms, distance);
    if (is_off)
        cf_report(env, CF_REPORT_ERROR,
                  "the clock of this machine is wrong: %zu of %zu devices say that it is %s %s "
                  "theirs, and publish nothing until it is set",
                  verdict.count, verdict.all, distance,
                  verdict.difference_ms > 0 ? "behind" : "ahead of");
    else
        cf_report(env, CF_REPORT_NOTICE, "the clock of this machine agrees with its devices'");
}

/* How far a device's clock is ahead of ours. Who says nothing before SUBSCRIBE agrees: 0. */
static void hear_clock(cf_gateway *gateway, const cf_gateway_peer *peer, int64_t difference_ms)
{
    char distance[CF_CLOCK_TEXT];

    if (cf_clocks_heard(gateway->clocks, &peer->key, difference_ms)) {
        cf_clock_write_distance(difference_ms, distance);
        cf_report(gateway->service.env, CF_REPORT_WARNING,
                  "the clock of a device at %s is %s %s this machine's: nothing of it is published "
                  "until the one that is wrong is set",
                  peer->address, distance, difference_ms > 0 ? "ahead of" : "behind");
    }
    tell_clock(gateway);
}

void cf_gateway_clock_set(cf_gateway *gateway, int64_t later_ms)
{
    cf_clocks_set(gateway->clocks, later_ms);
    tell_clock(gateway);
}

cf_clocks_verdict cf_gateway_clock(const cf_gateway *gateway)
{
    return cf_clocks_judge(gateway->clocks);
}

/* Also without a session: a newcomer asks before it knocks. */
static void compare_clocks(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session,
                           const cf_message *message)
{
    const uint64_t now_ms = gateway->service.now_ms;
    const cf_message answer = {.command = CF_COMMAND_CLOCK,
                               .clock = {.version = CF_PROTOCOL_VERSION, .now_ms = now_ms}};

    if (session) {
        cf_session_charge(&gateway->service, session, CF_PRICE_REPORT);
        session->told_clock = true;
    }
    cf_outbox_add(gateway->service.outbox, peer->routing_id, &answer);
    if (message->clock.version != CF_PROTOCOL_VERSION)
        cf_greeting_note_version(&gateway->service, peer, session, message->clock.version);
    else
        hear_clock(gateway, peer, cf_clock_difference_ms(message->clock.now_ms, now_ms));
}

static void handle_message(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session,
                           const cf_message *message)
{
    if (message->command == CF_COMMAND_HELLO) {
        cf_greet(&gateway->service, peer, session, message);
    } else if (message->command == CF_COMMAND_CONFINE) {
        cf_confine(&gateway->service, peer, session, message);
    } else if (message->command == CF_COMMAND_CLOCK) {
        compare_clocks(gateway, peer, session, message);
    } else if (!session && message->command == CF_COMMAND_KNOCK) {
        const cf_audit_event event = {
            .what = CF_AUDIT_GUEST_KNOCKED, .key = &peer->key, .address = peer->address};

        cf_service_note(&gateway->service, &event);
        gateway->service.policy->knock(&gateway->service, peer->routing_id, &peer->key, message);
    } else if (!session || !session->is_greeted) {
        send_again(gateway, peer);
    } else if (!cf_hash_equal(&session->key, &peer->key) || !cf_session_is_member(session)) {
        cf_session_evict(&gateway->service, session); /* looked up for every message */
    } else {
        if (message->command == CF_COMMAND_SUBSCRIBE && !session->told_clock)
            hear_clock(gateway, peer, 0);
        serve(gateway, session, message);
    }
}

/* A stranger's garbage gets the same answer as anything before HELLO. */
static void handle_garbage(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session,
                           const cf_error *why)
{
    cf_refusal refusal = {.code = why->status == CF_DENIED ? CF_REFUSED_UNSUPPORTED
                                                           : CF_REFUSED_MALFORMED,
                          .text = why->text};

    cf_audit_event event = {.what = CF_AUDIT_MESSAGE_REFUSED,
                            .user = session ? cf_log_user(session->log) : NULL,
                            .key = &peer->key,
                            .address = peer->address,
                            .why = why->text};

    cf_service_note(&gateway->service, &event);
    if (!session) {
        send_again(gateway, peer);
        return;
    }
    cf_session_charge(&gateway->service, session, CF_PRICE_GARBAGE);
    cf_refuse(&gateway->service, peer->routing_id, &refusal);
    if (why->status != CF_DENIED)
        cf_session_end(&gateway->service, session, "it sent garbage");
}

/* Who doesn't read gets nothing more, and is forgotten. */
static bool is_unread(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session)
{
    size_t waiting = cf_outbox_waiting(gateway->service.outbox, peer->routing_id);

    if (waiting <= (session ? CF_UNREAD_MAX : UNREAD_STRANGER_MAX))
        return false;
    cf_outbox_discard(gateway->service.outbox, peer->routing_id);
    if (session)
        cf_session_end(&gateway->service, session, "it asks and doesn't read");
    return true;
}

/* Whose user has asked too much for nothing is not even read; what it says next, it says without a
 * session. */
static bool is_unheard(cf_gateway *gateway, cf_session *session)
{
    const cf_service *service = &gateway->service;
    const cf_hash *user = session ? cf_log_user(session->log) : NULL;

    if (!user || service->policy->is_heard(service->policy->context, user))
        return false;
    cf_session_dismiss(service, session, "it asks too much for nothing");
    return true;
}

/* Leases end by the time of day, since that is what is told of them. */
static void take_time(cf_gateway *gateway, uint64_t now_ms)
{
    cf_service *service = &gateway->service;
    const bool is_first = !service->now_ms;

    service->now_ms = now_ms;
    service->steady_ms = service->env->steady_ms ? cf_env_steady_ms(service->env) : now_ms;
    const int64_t ahead_ms = (int64_t)(now_ms - service->steady_ms);
    const int64_t later_ms = ahead_ms - service->ahead_ms;
    if (!is_first && later_ms < CLOCK_SET_MS && later_ms > -CLOCK_SET_MS)
        return;
    service->ahead_ms = ahead_ms;
    if (!is_first)
        service->policy->clock_set(service->policy->context, later_ms);
}

bool cf_gateway_handle(cf_gateway *gateway, const cf_gateway_peer *peer, const cf_bytes *frames,
                       size_t count, uint64_t now_ms)
{
    cf_gateway_peer known = *peer;
    cf_session *session = cf_sessions_find(gateway->service.sessions, peer->routing_id);
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    if (!known.address)
        known.address = "?";
    take_time(gateway, now_ms);
    gateway->service.greeting_refused = false;
    if (is_unread(gateway, &known, session))
        return false;
    if (is_unheard(gateway, session))
        return true;
    if (cf_message_read(frames, count, &arena, &message, &error))
        handle_garbage(gateway, &known, session, &error);
    else
        handle_message(gateway, &known, session, &message);
    cf_arena_release(&arena);
    return true;
}

bool cf_gateway_refused_greeting(const cf_gateway *gateway)
{
    return gateway->service.greeting_refused;
}

uint64_t cf_gateway_last_full(const cf_gateway *gateway, cf_hash *user, uint64_t *count)
{
    *user = gateway->service.full_user;
    *count = gateway->service.full_count;
    return gateway->service.full_ms;
}

uint64_t cf_gateway_set_aside(const cf_gateway *gateway)
{
    return gateway->service.set_aside;
}

bool cf_gateway_blobs_fail(const cf_gateway *gateway, cf_error *why)
{
    if (gateway->service.blobs_fail)
        *why = gateway->service.blobs_failure;
    return gateway->service.blobs_fail;
}

/* Replays that hold up for too long what removes from their log. */
static uint64_t end_overdue(cf_gateway *gateway, uint64_t steady_ms)
{
    const cf_replay_lock *replay_lock = cf_users_replay_lock(gateway->service.users);
    cf_sessions *sessions = gateway->service.sessions;

    if (cf_replay_lock_deadline(replay_lock) > steady_ms)
        return cf_replay_lock_deadline(replay_lock);
    for (cf_session *session = cf_sessions_next(sessions, NULL), *after; session; session = after) {
        after = cf_sessions_next(sessions, session);
        if (session->is_replaying &&
            cf_replay_lock_is_overdue(replay_lock, cf_log_user(session->log), steady_ms))
            cf_session_dismiss(&gateway->service, session, "its replay holds up the broker");
    }
    return cf_replay_lock_deadline(replay_lock);
}

/* Users whose members changed since this last looked, however that came. */
static void follow_members(cf_gateway *gateway)
{
    const cf_policy *policy = gateway->service.policy;
    cf_hash user;

    while (cf_users_next_changed(gateway->service.users, &user)) {
        policy->members_changed(policy->context, &user);
        cf_sessions_evict_nonmembers(&gateway->service, &user);
    }
}

uint64_t cf_gateway_tick(cf_gateway *gateway, uint64_t now_ms)
{
    cf_service *service = &gateway->service;
    const cf_policy *policy = service->policy;

    take_time(gateway, now_ms);
    uint64_t next = policy->begin_round(policy->context);
    cf_deadline_lower(&next, end_overdue(gateway, service->steady_ms));
    follow_members(gateway);
    for (size_t left = cf_sessions_count_due(service->sessions); left > 0; left--)
        if (cf_subscribe_pump(service, cf_sessions_take_due(service->sessions)))
            next = service->steady_ms;
    cf_deadline_lower(&next, policy->end_round(policy->context));
    return cf_deadline_earlier(next, cf_evictions_deadline(service->evictions));
}

bool cf_gateway_next_cut(cf_gateway *gateway, cf_bytes *routing_id)
{
    const cf_service *service = &gateway->service;

    while (cf_evictions_take(service->evictions, service->steady_ms, &gateway->cut)) {
        *routing_id = cf_bytes_of(gateway->cut.bytes, gateway->cut.size);
        if (!cf_gateway_knows(gateway, *routing_id)) /* else it is a member's of another user */
            return true;
    }
    return false;
}

bool cf_gateway_knows(const cf_gateway *gateway, cf_bytes routing_id)
{
    return cf_sessions_find(gateway->service.sessions, routing_id) != NULL;
}

uint64_t cf_gateway_changes(const cf_gateway *gateway)
{
    return cf_sessions_changes(gateway->service.sessions);
}

void cf_gateway_gone(cf_gateway *gateway, cf_bytes routing_id)
{
    cf_session *session = cf_sessions_find(gateway->service.sessions, routing_id);

    cf_outbox_discard(gateway->service.outbox, routing_id);
    cf_evictions_forget(gateway->service.evictions, routing_id);
    if (session)
        cf_session_gone(&gateway->service, session);
}

void cf_gateway_ask(cf_gateway *gateway, const cf_hash *user, const cf_hash *blobs, size_t count)
{
    cf_send_wanted_to_all(&gateway->service, user, blobs, count);
}

void cf_gateway_expel(cf_gateway *gateway, const cf_hash *user, const char *why)
{
    const cf_sessions *sessions = gateway->service.sessions;
    const cf_policy *policy = gateway->service.policy;
    const cf_refusal refusal = {.request = CF_COMMAND_HELLO,
                                .code = CF_REFUSED_REMOVED,
                                .text = "the operator of this broker removed the user from it"};

    policy->expelled(policy->context, user);
    for (cf_session *session = cf_sessions_first_of(sessions, user), *after; session;
         session = after) {
        after = cf_sessions_next_of(session);
        cf_evictions_note(&gateway->service, session);
        cf_outbox_discard(gateway->service.outbox, cf_session_destination(session));
        cf_refuse(&gateway->service, cf_session_destination(session), &refusal);
        cf_session_end(&gateway->service, session, why);
    }
}

bool cf_gateway_has_session(const cf_gateway *gateway, const cf_hash *user, const cf_hash *device)
{
    return cf_sessions_has_device(gateway->service.sessions, user, device);
}

cf_gateway_figures cf_gateway_count(const cf_gateway *gateway)
{
    const cf_sessions *sessions = gateway->service.sessions;

    return (cf_gateway_figures){.sessions = cf_sessions_count(sessions),
                                .devices = cf_sessions_count_devices(sessions)};
}
