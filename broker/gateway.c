/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway.h"

#include "broker/enrolment.h"
#include "broker/eviction.h"
#include "broker/lease_desk.h"
#include "broker/publish.h"
#include "broker/reports.h"
#include "broker/session.h"
#include "broker/subscribe.h"
#include "broker/transfer_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_OF_DEVICE_MAX = 8 };

/* Waiting bytes beyond which somebody is not reading: answers to all that may be asked at once. */
#define UNREAD_MAX (4 * CF_WINDOW)
#define UNREAD_STRANGER_MAX (64 * CF_KIB)

struct cf_gateway {
    cf_gateway_options options;
    cf_service service;
    cf_enrolment *enrolment;
    cf_address address; /* port 0: not told yet */
    cf_lease_desk *leases;
};

static void session_ends(void *context, cf_session *session)
{
    cf_gateway *gateway = context;

    cf_subscribe_leave(&gateway->service, session);
    cf_lease_desk_forget(gateway->leases, session);
}

cf_gateway *cf_gateway_new(const cf_gateway_options *options)
{
    cf_gateway *gateway = cf_allocate(1, sizeof *gateway);

    gateway->options = *options;
    gateway->service = (cf_service){
        .env = options->env,
        .store = options->store,
        .blobs = options->blobs,
        .users = options->users,
        .outbox = options->outbox,
        .sessions = cf_sessions_new(),
        .audit = options->audit,
        .quotas = options->quotas,
    };
    gateway->enrolment = cf_enrolment_new(&gateway->service, options->management);
    gateway->leases = cf_lease_desk_new(&gateway->service);
    cf_sessions_watch(gateway->service.sessions, session_ends, gateway);
    return gateway;
}

void cf_gateway_destroy(cf_gateway **gateway)
{
    if (!*gateway)
        return;
    cf_enrolment_destroy(&(*gateway)->enrolment);
    cf_lease_desk_destroy(&(*gateway)->leases);
    cf_sessions_destroy(&(*gateway)->service.sessions);
    free(*gateway);
    *gateway = NULL;
}

void cf_gateway_advertise(cf_gateway *gateway, const cf_address *address)
{
    gateway->address = *address;
}

static void send_again(cf_gateway *gateway, const cf_gateway_peer *peer)
{
    cf_message message = {.command = CF_COMMAND_AGAIN};

    cf_outbox_add(gateway->service.outbox, peer->routing_id, &message);
}

static void refuse_hello(cf_gateway *gateway, const cf_gateway_peer *peer, const cf_hash *user,
                         const cf_refusal *refusal)
{
    cf_audit_event event = {.what = CF_AUDIT_SESSION_REFUSED,
                            .user = user,
                            .key = &peer->key,
                            .address = peer->address,
                            .why = refusal->text};

    cf_audit_note(gateway->service.audit, &event, gateway->service.now_ms);
    cf_refuse(&gateway->service, peer->routing_id, refusal);
}

/* Connections of the user with sessions of other devices: its own oldest make room. */
static bool has_too_many(const cf_gateway *gateway, const cf_hash *user, const cf_hash *device)
{
    cf_sessions *sessions = gateway->service.sessions;
    size_t count = 0;

    if (gateway->options.sessions_of_user == 0)
        return false;
    for (cf_session *session = cf_sessions_next(sessions, NULL); session;
         session = cf_sessions_next(sessions, session))
        count += cf_hash_equal(cf_log_user(session->log), user) &&
                 !cf_hash_equal(&session->device, device);
    return count >= gateway->options.sessions_of_user;
}

/* A device that reconnects leaves sessions behind until the transport notices: the oldest go. */
static void make_room(cf_gateway *gateway, const cf_hash *device)
{
    cf_sessions *sessions = gateway->service.sessions;
    cf_session *oldest = NULL;
    size_t count = 0;

    for (cf_session *session = cf_sessions_next(sessions, NULL); session;
         session = cf_sessions_next(sessions, session)) {
        if (!cf_hash_equal(&session->device, device))
            continue;
        count++;
        if (!oldest || session->serial < oldest->serial)
            oldest = session;
    }
    if (count < SESSIONS_OF_DEVICE_MAX)
        return;
    cf_outbox_discard(gateway->service.outbox, cf_session_destination(oldest));
    cf_session_end(&gateway->service, oldest, "the device has newer ones");
}

static cf_session *begin_session(cf_gateway *gateway, const cf_gateway_peer *peer, cf_log *log,
                                 const cf_device *device)
{
    cf_session *session;

    make_room(gateway, &device->id);
    session = cf_sessions_add(gateway->service.sessions, peer->routing_id);
    session->key = peer->key;
    session->device = device->id;
    session->log = log;
    session->replay = cf_replay_new(gateway->service.store, cf_log_user(log));
    snprintf(session->address, sizeof session->address, "%s", peer->address);
    return session;
}

static bool collect_head(void *context, const cf_head *head)
{
    cf_heads_insert(context, head);
    return true;
}

static void send_welcome(cf_gateway *gateway, const cf_session *session, const cf_heads *heads)
{
    cf_store *store = gateway->service.store;
    size_t sent = 0;

    do {
        size_t page = heads->count - sent;
        bool more = page > CF_HEADS_PAGE;
        cf_message message = {
            .command = CF_COMMAND_WELCOME,
            .welcome = {.version = CF_PROTOCOL_VERSION,
                        .now_ms = gateway->service.now_ms,
                        .window = CF_WINDOW,
                        .heads = heads->heads + sent,
                        .head_count = more ? CF_HEADS_PAGE : page,
                        .more = more},
        };

        store->instance(store, message.welcome.instance);
        cf_session_send(&gateway->service, session, &message);
        sent += message.welcome.head_count;
    } while (sent < heads->count);
}

struct wanted {
    const cf_service *service;
    const cf_session *session;
    cf_hash *blobs;
    size_t count, capacity;
};

/* What came by another way since it was noted is passed over. */
static bool collect_wanted(void *context, const cf_hash *blob)
{
    struct wanted *wanted = context;

    if (cf_blob_is_stored(wanted->service->blobs, cf_log_user(wanted->session->log), blob))
        return true;
    wanted->blobs =
        cf_grow(wanted->blobs, &wanted->capacity, wanted->count + 1, sizeof *wanted->blobs);
    wanted->blobs[wanted->count++] = *blob;
    return wanted->count < CF_ENTRY_BLOBS_MAX; /* the next session hears of more */
}

static void welcome(cf_gateway *gateway, cf_session *session)
{
    struct wanted wanted = {.service = &gateway->service, .session = session};
    cf_heads heads = {0};
    cf_error error;
    cf_status status = cf_log_heads(session->log, collect_head, &heads, &error);

    if (!status)
        status = cf_log_wanted(session->log, collect_wanted, &wanted, &error);
    if (status) {
        cf_report(gateway->service.env, CF_REPORT_ERROR, "reading a log: %s", error.text);
        cf_session_end(&gateway->service, session, "its log can't be read");
    } else {
        session->is_greeted = true;
        cf_session_audit(&gateway->service, session, CF_AUDIT_SESSION_BEGUN, NULL, NULL);
        if (gateway->service.quotas)
            cf_quotas_seen(gateway->service.quotas, session->log, gateway->service.now_ms);
        send_welcome(gateway, session, &heads);
        cf_send_wanted(&gateway->service, session, wanted.blobs, wanted.count);
    }
    cf_heads_release(&heads);
    free(wanted.blobs);
}

/* The member log names another broker as the user's home. */
static bool send_moved(cf_gateway *gateway, const cf_gateway_peer *peer, cf_log *log)
{
    cf_message message = {.command = CF_COMMAND_MOVED};
    cf_home_broker home;
    cf_address address;
    cf_arena arena = {0};
    cf_error ignored;

    bool moved =
        gateway->address.port && cf_registry_home(cf_log_registry(log), &home) &&
        cf_address_read(cf_arena_text(&arena, home.address), &address, &ignored) == CF_OK &&
        memcmp(address.key, gateway->address.key, sizeof address.key) != 0;
    if (moved) {
        message.moved.endpoint = home.address;
        cf_outbox_add(gateway->service.outbox, peer->routing_id, &message);
    }
    cf_arena_release(&arena);
    return moved;
}

static void hello(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session,
                  const cf_message *message)
{
    cf_log *log = cf_users_find(gateway->service.users, &message->hello.user);
    const cf_device *device =
        log ? cf_registry_by_curve(cf_log_registry(log), peer->key.bytes) : NULL;
    bool goes_on = session && !session->is_greeted && session->log == log &&
                   cf_hash_equal(&session->key, &peer->key);

    cf_refusal refusal = {.request = CF_COMMAND_HELLO};

    if (message->hello.version != CF_PROTOCOL_VERSION) {
        refusal.code = CF_REFUSED_VERSION;
        refusal.text = "this broker speaks version 1 only";
    } else if (!device) {
        refusal.code = CF_REFUSED_UNKNOWN;
        refusal.text = "this user has no device with that key";
    } else if (!goes_on && has_too_many(gateway, cf_log_user(log), &device->id)) {
        refusal.code = CF_REFUSED_BUSY;
        refusal.later = true;
        refusal.text = "this user has as many connections as the broker allows";
    }
    if (refusal.code) {
        refuse_hello(gateway, peer, log ? &message->hello.user : NULL, &refusal);
        return;
    }
    if (!goes_on)
        session = begin_session(gateway, peer, log, device);
    if (!cf_subscribe_heads(&gateway->service, session, message->hello.heads,
                            message->hello.head_count) ||
        message->hello.more)
        return;
    /* Who knows of more than the log here may know of a later home, too. */
    if (!session->brings_more && send_moved(gateway, peer, log))
        cf_session_end(&gateway->service, session, "the user has moved");
    else
        welcome(gateway, session);
}

static void locate(cf_gateway *gateway, const cf_session *session, const cf_message *message)
{
    char line[CF_ADDRESS_TEXT] = "";

    if (gateway->address.port)
        cf_address_write(&gateway->address, line);
    cf_reports_locate(&gateway->service, session, &message->locate.user, line);
}

static void serve(cf_gateway *gateway, cf_session *session, const cf_message *message)
{
    cf_service *service = &gateway->service;

    switch (message->command) {
    case CF_COMMAND_SUBSCRIBE:
        cf_subscribe(service, session, message);
        break;
    case CF_COMMAND_CREDIT:
        cf_subscribe_credit(session, message->credit.bytes);
        break;
    case CF_COMMAND_PUBLISH:
        cf_lease_desk_expire(gateway->leases, session->log);
        cf_publish(service, session, message);
        break;
    case CF_COMMAND_HAVE:
        cf_transfer_have(service, session, message);
        break;
    case CF_COMMAND_PUT:
        cf_transfer_put(service, session, message);
        break;
    case CF_COMMAND_GET:
        cf_transfer_get(service, session, message);
        break;
    case CF_COMMAND_GUEST:
        cf_enrolment_guest(gateway->enrolment, session, message);
        break;
    case CF_COMMAND_ADMIT:
        cf_enrolment_admit(gateway->enrolment, session, message);
        break;
    case CF_COMMAND_LOCK:
    case CF_COMMAND_RENEW:
    case CF_COMMAND_UNLOCK:
    case CF_COMMAND_LOCKS:
        cf_lease_desk_handle(gateway->leases, session, message);
        break;
    case CF_COMMAND_LOCATE:
        locate(gateway, session, message);
        break;
    case CF_COMMAND_REPORT:
        cf_reports_take(service, session, message);
        break;
    case CF_COMMAND_QUERY:
        cf_reports_answer(service, session);
        break;
    default:
        cf_session_end(service, session, "it sent what only brokers send");
        break;
    }
}

static void handle_message(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session,
                           const cf_message *message)
{
    if (message->command == CF_COMMAND_HELLO) {
        hello(gateway, peer, session, message);
    } else if (!session && message->command == CF_COMMAND_KNOCK) {
        cf_enrolment_knock(gateway->enrolment, peer->routing_id, &peer->key, message);
    } else if (!session || !session->is_greeted) {
        send_again(gateway, peer);
    } else if (!cf_hash_equal(&session->key, &peer->key) || !cf_session_is_member(session)) {
        cf_session_evict(&gateway->service, session); /* looked up for every message */
    } else {
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

    cf_audit_note(gateway->service.audit, &event, gateway->service.now_ms);
    if (!session) {
        send_again(gateway, peer);
        return;
    }
    cf_refuse(&gateway->service, peer->routing_id, &refusal);
    if (why->status != CF_DENIED)
        cf_session_end(&gateway->service, session, "it sent garbage");
}

/* Who doesn't read gets nothing more, and is forgotten. */
static bool is_unread(cf_gateway *gateway, const cf_gateway_peer *peer, cf_session *session)
{
    size_t waiting = cf_outbox_waiting(gateway->service.outbox, peer->routing_id);

    if (waiting <= (session ? UNREAD_MAX : UNREAD_STRANGER_MAX))
        return false;
    cf_outbox_discard(gateway->service.outbox, peer->routing_id);
    if (session)
        cf_session_end(&gateway->service, session, "it asks and doesn't read");
    return true;
}

void cf_gateway_handle(cf_gateway *gateway, const cf_gateway_peer *peer, const cf_bytes *frames,
                       size_t count, uint64_t now_ms)
{
    cf_gateway_peer known = *peer;
    cf_session *session = cf_sessions_find(gateway->service.sessions, peer->routing_id);
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    if (!known.address)
        known.address = "?";
    gateway->service.now_ms = now_ms;
    if (is_unread(gateway, &known, session))
        return;
    if (cf_message_read(frames, count, &arena, &message, &error))
        handle_garbage(gateway, &known, session, &error);
    else
        handle_message(gateway, &known, session, &message);
    cf_arena_release(&arena);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Replays that hold up for too long what removes from their log. */
static uint64_t end_overdue(cf_gateway *gateway, uint64_t now_ms)
{
    const cf_communication *communication = cf_users_communication(gateway->service.users);
    cf_sessions *sessions = gateway->service.sessions;

    if (cf_communication_deadline(communication) > now_ms)
        return cf_communication_deadline(communication);
    for (cf_session *session = cf_sessions_next(sessions, NULL), *after; session; session = after) {
        after = cf_sessions_next(sessions, session);
        if (session->is_replaying &&
            cf_communication_is_overdue(communication, cf_log_user(session->log), now_ms))
            cf_session_end(&gateway->service, session, "its replay holds up the broker");
    }
    return cf_communication_deadline(communication);
}

uint64_t cf_gateway_tick(cf_gateway *gateway, uint64_t now_ms)
{
    cf_sessions *sessions = gateway->service.sessions;
    uint64_t next;

    gateway->service.now_ms = now_ms;
    next = cf_enrolment_tick(gateway->enrolment, now_ms);
    if (gateway->options.management)
        next = earlier(next, cf_management_tick(gateway->options.management, now_ms));
    next = earlier(next, end_overdue(gateway, now_ms));
    cf_sessions_evict(&gateway->service);
    for (cf_session *session = cf_sessions_next(sessions, NULL), *after; session; session = after) {
        after = cf_sessions_next(sessions, session);
        if (cf_subscribe_pump(&gateway->service, session))
            next = now_ms;
    }
    return earlier(next, cf_lease_desk_tick(gateway->leases));
}

bool cf_gateway_knows(const cf_gateway *gateway, cf_bytes routing_id)
{
    return cf_sessions_find(gateway->service.sessions, routing_id) != NULL;
}

void cf_gateway_gone(cf_gateway *gateway, cf_bytes routing_id)
{
    cf_session *session = cf_sessions_find(gateway->service.sessions, routing_id);

    cf_outbox_discard(gateway->service.outbox, routing_id);
    if (session)
        cf_session_end(&gateway->service, session, "the connection is gone");
}

void cf_gateway_expel(cf_gateway *gateway, const cf_hash *user, const char *why)
{
    cf_sessions *sessions = gateway->service.sessions;

    cf_enrolment_forget(gateway->enrolment, user);
    for (cf_session *session = cf_sessions_next(sessions, NULL), *after; session; session = after) {
        after = cf_sessions_next(sessions, session);
        if (!cf_hash_equal(cf_log_user(session->log), user))
            continue;
        cf_outbox_discard(gateway->service.outbox, cf_session_destination(session));
        cf_session_end(&gateway->service, session, why);
    }
}

cf_gateway_figures cf_gateway_count(const cf_gateway *gateway)
{
    cf_sessions *sessions = gateway->service.sessions;
    cf_gateway_figures figures = {.sessions = cf_sessions_count(sessions)};

    for (cf_session *session = cf_sessions_next(sessions, NULL); session;
         session = cf_sessions_next(sessions, session)) {
        bool is_first = true;

        for (cf_session *other = cf_sessions_next(sessions, session); other && is_first;
             other = cf_sessions_next(sessions, other))
            is_first = !cf_hash_equal(&other->device, &session->device);
        figures.devices += is_first;
    }
    return figures;
}
