/* SPDX-License-Identifier: Apache-2.0 */
/* From HELLO, or CONFINE before HELLO, to WELCOME, see gateway_greeting.h. let_in() decides who
 * gets a session, in the order of its checks. HELLO comes in pages: WELCOME, or MOVED in its place,
 * answers the last page. */
#include "broker/gateway/gateway_greeting.h"

#include "broker/gateway/alone.h"
#include "broker/gateway/log_instance.h"
#include "broker/gateway/prices.h"
#include "broker/gateway/publish.h"
#include "broker/gateway/subscribe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SESSIONS_OF_DEVICE_MAX = 8 };

/* To both: for the peer it is the refusal, for the operator the reason. */
typedef struct {
    char at[160];
} two_versions;

static two_versions name_both(uint64_t version)
{
    two_versions text;

    snprintf(text.at, sizeof text.at,
             "this program speaks version %" PRIu64 " of the protocol, and the broker version %d: "
             "bring the older one up to date",
             version, CF_PROTOCOL_VERSION);
    return text;
}

void cf_greeting_note_version(const cf_service *service, const cf_gateway_peer *peer,
                              const cf_session *session, uint64_t version)
{
    const two_versions why = name_both(version);
    const cf_audit_event event = {.what = CF_AUDIT_MESSAGE_REFUSED,
                                  .user = session ? cf_log_user(session->log) : NULL,
                                  .key = &peer->key,
                                  .address = peer->address,
                                  .why = why.at};

    cf_service_note(service, &event);
}

static void refuse_hello(cf_service *service, const cf_gateway_peer *peer, const cf_hash *user,
                         const cf_refusal *refusal)
{
    cf_audit_event event = {.what = CF_AUDIT_SESSION_REFUSED,
                            .user = user,
                            .key = &peer->key,
                            .address = peer->address,
                            .why = refusal->text};

    cf_service_note(service, &event);
    service->greeting_refused = !refusal->later;
    cf_refuse(service, peer->routing_id, refusal);
}

/* Connections of the user with sessions of other devices: its own oldest make room. */
static bool has_too_many(const cf_service *service, const cf_hash *user, const cf_hash *device)
{
    const cf_sessions *sessions = service->sessions;
    size_t count = 0;

    if (service->sessions_of_user == 0)
        return false;
    for (cf_session *session = cf_sessions_first_of(sessions, user); session;
         session = cf_sessions_next_of(session))
        count += !cf_hash_equal(&session->device, device);
    return count >= service->sessions_of_user;
}

/* A device that reconnects leaves sessions behind until the transport notices: the oldest go. */
static void make_room(cf_service *service, const cf_hash *user, const cf_hash *device)
{
    const cf_sessions *sessions = service->sessions;
    cf_session *oldest = NULL;
    size_t count = 0;

    for (cf_session *session = cf_sessions_first_of(sessions, user); session;
         session = cf_sessions_next_of(session)) {
        if (!cf_hash_equal(&session->device, device))
            continue;
        count++;
        if (!oldest || session->serial < oldest->serial)
            oldest = session;
    }
    if (count < SESSIONS_OF_DEVICE_MAX)
        return;
    cf_outbox_discard(service->outbox, cf_session_destination(oldest));
    cf_session_dismiss(service, oldest, "the device has newer ones");
}

static cf_session *begin_session(cf_service *service, const cf_gateway_peer *peer, cf_log *log,
                                 const cf_device *device)
{
    cf_session *session;

    make_room(service, cf_log_user(log), &device->id);
    session = cf_sessions_add(service->sessions, peer->routing_id, log, &device->id);
    session->key = peer->key;
    session->replay = cf_replay_new(service->store, cf_log_user(log));
    snprintf(session->address, sizeof session->address, "%s", peer->address);
    return session;
}

/* Heads of which a session is told. */
typedef struct {
    const cf_session *session;
    cf_heads heads;
} told_heads;

/* Where it is confined, those of the member log, the catalog and the collections that it named. */
static bool is_told(const cf_session *session, const cf_head *head)
{
    cf_head_place place;

    return !session->is_confined || !cf_log_head_place(session->log, head, &place) ||
           cf_collection_is_common(&place.collection) ||
           cf_ids_has(&session->confined, &place.collection);
}

static bool collect_head(void *context, const cf_head *head)
{
    told_heads *told = context;

    if (is_told(told->session, head))
        cf_heads_insert(&told->heads, head);
    return true;
}

/* Who is welcomed, to which log. */
typedef struct {
    cf_service *service;
    const cf_session *session;
    uint8_t instance[CF_LOG_INSTANCE_SIZE];
} greeting;

static void send_page(const greeting *self, const cf_head *heads, size_t count, bool more)
{
    const cf_service *service = self->service;
    cf_message message = {
        .command = CF_COMMAND_WELCOME,
        .welcome = {.version = CF_PROTOCOL_VERSION,
                    .now_ms = service->now_ms,
                    .window = CF_WINDOW,
                    .heads = heads,
                    .head_count = count,
                    .more = more},
    };

    memcpy(message.welcome.instance, self->instance, sizeof self->instance);
    cf_session_send(service, self->session, &message);
}

/* What is not the last ends with a page that isn't full, if need be an empty one. */
static void send_pages(const greeting *self, const cf_head *heads, size_t count, bool is_last)
{
    size_t sent = 0, page;

    do {
        page = count - sent < CF_HEADS_PAGE ? count - sent : CF_HEADS_PAGE;
        send_page(self, heads + sent, page, !is_last || sent + page < count);
        sent += page;
    } while (is_last ? sent < count : page == CF_HEADS_PAGE);
}

/* Of what does not fit in one page the member log comes first: who gets more than it takes goes on
 * with that alone. */
static void send_welcome(const greeting *self, const cf_heads *heads)
{
    const cf_registry *registry = cf_log_registry(self->session->log);
    cf_heads members = {0}, others = {0};

    if (heads->count <= CF_HEADS_PAGE) {
        send_pages(self, heads->heads, heads->count, true);
        return;
    }
    for (size_t i = 0; i < heads->count; i++)
        cf_heads_insert(cf_registry_holds(registry, &heads->heads[i].hash) ? &members : &others,
                        &heads->heads[i]);
    send_pages(self, members.heads, members.count, false);
    send_pages(self, others.heads, others.count, true);
    cf_heads_release(&members);
    cf_heads_release(&others);
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
    *cf_one_more(wanted->blobs, wanted->count, wanted->capacity) = *blob;
    return wanted->count < CF_ENTRY_BLOBS_MAX; /* the next session hears of more */
}

static void welcome(cf_service *service, cf_session *session)
{
    struct wanted wanted = {.service = service, .session = session};
    greeting found = {service, session, {0}};
    told_heads told = {.session = session};
    cf_error error;
    cf_status status = cf_log_heads(session->log, collect_head, &told, &error);

    if (!status)
        status = cf_log_instance(service->store, cf_log_user(session->log), found.instance, &error);
    if (!status)
        status = cf_log_wanted(session->log, collect_wanted, &wanted, &error);
    if (status) {
        cf_session_end_unread(service, session, &error);
    } else {
        session->is_greeted = true;
        session->begun_ms = service->steady_ms;
        cf_session_audit(service, session, CF_AUDIT_SESSION_BEGUN, NULL, NULL);
        service->policy->greeted(service->policy->context, session);
        send_welcome(&found, &told.heads);
        cf_send_wanted(service, session, wanted.blobs, wanted.count);
        cf_alones_greet(service->alones, session);
    }
    cf_heads_release(&told.heads);
    free(wanted.blobs);
}

/* The member log names another broker as the user's home. */
static bool send_moved(cf_service *service, const cf_gateway_peer *peer, cf_log *log)
{
    cf_message message = {.command = CF_COMMAND_MOVED};
    cf_home_broker home;
    cf_address address;

    bool moved =
        service->address->port &&
        cf_registry_has_moved(cf_log_registry(log), service->address->key, &home, &address);
    if (moved) {
        message.moved.endpoint = home.address;
        cf_outbox_add(service->outbox, peer->routing_id, &message);
    }
    return moved;
}

/* Whether the user has asked too much for nothing. Refusing costs next to nothing: how often a
 * connection may say something without a session is bounded. */
static bool is_unheard(cf_service *service, const cf_gateway_peer *peer, const cf_log *log)
{
    uint64_t wait_ms = service->policy->wait_ms(service->policy->context, cf_log_user(log));
    uint64_t seconds = (wait_ms + 999) / 1000;
    char text[120];
    cf_refusal refusal = {
        .request = CF_COMMAND_HELLO, .code = CF_REFUSED_BUSY, .later = true, .text = text};

    if (!wait_ms)
        return false;
    snprintf(text, sizeof text,
             "this user's programs ask the broker too much for nothing: it hears them again in "
             "%" PRIu64 " second%s",
             seconds, seconds == 1 ? "" : "s");
    refuse_hello(service, peer, cf_log_user(log), &refusal);
    return true;
}

/* `session` is one that this greeting leaves behind, or NULL. */
static void charge(const cf_service *service, const cf_log *log, const cf_session *session,
                   size_t heads)
{
    cf_service_charge(service, cf_log_user(log),
                      (session ? CF_PRICE_ANEW : CF_PRICE_GREETING) +
                          (int64_t)heads / CF_PRICE_HEADS);
}

/* Of a HELLO of another version nothing else is known. */
static void refuse_version(cf_service *service, const cf_gateway_peer *peer, uint64_t version)
{
    const two_versions text = name_both(version);
    const cf_refusal refusal = {
        .request = CF_COMMAND_HELLO, .code = CF_REFUSED_VERSION, .text = text.at};

    refuse_hello(service, peer, NULL, &refusal);
}

/* Whether this session is one that is being begun, of this user, to be gone on with. */
static bool goes_on(const cf_session *session, const cf_log *log, const cf_gateway_peer *peer)
{
    return session && !session->is_greeted && session->log == log &&
           cf_hash_equal(&session->key, &peer->key);
}

/* Begins a session of this user, or goes on with the one that is being begun. NULL: it was
 * refused. */
static cf_session *let_in(cf_service *service, const cf_gateway_peer *peer, cf_session *session,
                          const cf_hash *user, size_t heads)
{
    cf_log *log = cf_users_find(service->users, user);
    const cf_device *device =
        log ? cf_registry_by_curve(cf_log_registry(log), peer->key.bytes) : NULL;
    const bool is_known = goes_on(session, log, peer);
    cf_refusal refusal = {.request = CF_COMMAND_HELLO};

    if (device && is_unheard(service, peer, log))
        return NULL;
    if (device)
        charge(service, log, is_known ? NULL : session, heads);
    if (cf_users_is_damaged(service->users, user)) {
        refusal.code = CF_REFUSED_BUSY;
        refusal.later = true;
        refusal.text = CF_LOG_DAMAGED;
    } else if (!device) {
        refusal.code = CF_REFUSED_UNKNOWN;
        refusal.text = "this user has no device with that key";
    } else if (!is_known && has_too_many(service, cf_log_user(log), &device->id)) {
        refusal.code = CF_REFUSED_BUSY;
        refusal.later = true;
        refusal.text = "this user has as many connections as the broker allows";
    }
    if (refusal.code) {
        refuse_hello(service, peer, log ? user : NULL, &refusal);
        return NULL;
    }
    return is_known ? session : begin_session(service, peer, log, device);
}

void cf_confine(cf_service *service, const cf_gateway_peer *peer, cf_session *session,
                const cf_message *message)
{
    const cf_message answer = {.command = CF_COMMAND_CONFINED};
    const size_t count = message->confine.count;

    if (session && session->is_greeted) {
        cf_session_charge(service, session, CF_PRICE_GARBAGE);
        cf_session_dismiss(service, session, "it confined a session that had begun");
        return;
    }
    session = let_in(service, peer, session, &message->confine.user, count);
    if (!session)
        return;
    session->is_confined = true;
    session->confined.count = 0;
    cf_ids_add_all(&session->confined, message->confine.collections, count);
    cf_ids_sort(&session->confined);
    cf_session_send(service, session, &answer);
}

void cf_greet(cf_service *service, const cf_gateway_peer *peer, cf_session *session,
              const cf_message *message)
{
    if (message->hello.version != CF_PROTOCOL_VERSION) {
        if (session)
            cf_session_charge(service, session, CF_PRICE_ANEW);
        refuse_version(service, peer, message->hello.version);
        return;
    }
    session = let_in(service, peer, session, &message->hello.user, message->hello.head_count);
    if (!session ||
        !cf_subscribe_heads(service, session, message->hello.heads, message->hello.head_count) ||
        message->hello.more)
        return;
    /* Who knows of more than the log here may know of a later home, too. */
    if (!session->brings_more && send_moved(service, peer, session->log))
        cf_session_end(service, session, "the user has moved");
    else
        welcome(service, session);
}
