/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask for what: owners and members lock, in a collection that has entries here and is none
 * of those that all have; a holder renews and gives back; only an owner breaks a lease of
 * another's. What of that is granted, waits, or finds the lease taken leases/leases.h says. */
#include "broker/management/lease_commands.h"

#include "broker/gateway/alone.h"
#include "broker/management/lease_commands_inside.h"
#include "codec/keys.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

static cf_role role_of(const cf_session *session)
{
    const cf_device *device = cf_registry_device(cf_log_registry(session->log), &session->device);

    return device ? device->role : CF_ROLE_RELAY;
}

static bool may_write(const cf_session *session)
{
    return role_of(session) == CF_ROLE_OWNER || role_of(session) == CF_ROLE_MEMBER;
}

static bool is_duration(uint64_t for_ms)
{
    return for_ms >= CF_LEASE_FOR_MS_MIN && for_ms <= CF_LEASE_FOR_MS_MAX;
}

static void say_busy(const cf_service *service, const cf_session *session, const cf_id *request,
                     const cf_lease_held *held)
{
    cf_message busy = {
        .command = CF_COMMAND_BUSY,
        .busy = {.request = *request, .holder = held->holder, .until_ms = held->until_ms}};

    cf_session_send(service, session, &busy);
    cf_session_audit(service, session, CF_AUDIT_LEASE_REFUSED, NULL, "another has it");
}

static void lock(cf_lease_commands *commands, cf_session *session, cf_leases *leases,
                 const cf_message *message)
{
    const cf_service *service = commands->service;
    cf_lease_ask ask = {.request = message->lock.request,
                        .collection = message->lock.collection,
                        .name = message->lock.name,
                        .device = session->device,
                        .session = session->serial,
                        .for_ms = message->lock.for_ms,
                        .shared = message->lock.shared,
                        .wait = message->lock.wait};
    cf_lease_held held = {.holder = session->device, .collection = ask.collection};
    cf_message answer;

    if (!is_duration(ask.for_ms) || cf_collection_is_common(&ask.collection)) {
        cf_lease_refuse(service, session, CF_COMMAND_LOCK, &ask.request, CF_REFUSED_MALFORMED,
                        "nobody gets such a lock");
        return;
    }
    if (!may_write(session)) {
        cf_lease_refuse(service, session, CF_COMMAND_LOCK, &ask.request, CF_REFUSED_ROLE,
                        "only owners and members lock");
        return;
    }
    if (!cf_log_has_collection(session->log, &ask.collection)) {
        cf_lease_refuse(service, session, CF_COMMAND_LOCK, &ask.request, CF_REFUSED_UNKNOWN,
                        "nothing of this collection is here yet: put something there, `sync`, and "
                        "lock it then");
        return;
    }
    switch (cf_leases_lock(leases, &ask, service->now_ms, &held)) {
    case CF_LEASE_GRANTED:
        cf_lease_note(service, CF_AUDIT_LEASE_GRANTED, cf_log_user(session->log), &held,
                      held.shared ? "shared" : NULL);
        answer = cf_lease_message(&ask.request, &held.token, held.until_ms);
        cf_lease_keep(commands, session->log, session, CF_COMMAND_LOCK, &answer);
        break;
    case CF_LEASE_BUSY:
        say_busy(service, session, &ask.request, &held);
        break;
    case CF_LEASE_WAITS:
        cf_lease_note(service, CF_AUDIT_LEASE_WAITED, cf_log_user(session->log), &held, NULL);
        break;
    case CF_LEASE_FULL:
        cf_lease_refuse(service, session, CF_COMMAND_LOCK, &ask.request, CF_REFUSED_BUSY,
                        "too many locks, or too many wait");
        break;
    }
}

static void renew(cf_lease_commands *commands, cf_session *session, cf_leases *leases,
                  const cf_message *message)
{
    const cf_id *request = &message->renew.request;
    cf_lease_held held;

    if (!is_duration(message->renew.for_ms)) {
        cf_lease_refuse(commands->service, session, CF_COMMAND_RENEW, request, CF_REFUSED_MALFORMED,
                        "nobody gets such a lock");
    } else if (!cf_leases_renew(leases, &session->device, &message->renew.token,
                                message->renew.for_ms, commands->service->now_ms, &held)) {
        cf_lease_refuse(commands->service, session, CF_COMMAND_RENEW, request, CF_REFUSED_VOID,
                        "the lock is over");
    } else {
        cf_message answer = cf_lease_message(request, &held.token, held.until_ms);

        cf_lease_keep(commands, session->log, session, CF_COMMAND_RENEW, &answer);
    }
}

/* A lease that is about to be broken: by whom, and whose it was. */
static void note_break(const cf_service *service, const cf_session *session,
                       const cf_lease_held *held)
{
    char holder[CF_FINGERPRINT_TEXT], why[64];

    cf_fingerprint(&held->holder, holder);
    snprintf(why, sizeof why, "it was held by %s", holder);
    cf_service_note(service, &(cf_audit_event){.what = CF_AUDIT_LEASE_BROKEN,
                                               .user = cf_log_user(session->log),
                                               .device = &session->device,
                                               .collection = &held->collection,
                                               .address = session->address,
                                               .why = why});
}

static void break_all(const cf_lease_commands *commands, const cf_session *session,
                      cf_leases *leases, const cf_lease_ask *ask)
{
    size_t count;
    const cf_lease_held *held = cf_leases_all(leases, &count);

    for (size_t i = 0; i < count; i++)
        if (cf_id_equal(&held[i].collection, &ask->collection) &&
            cf_id_equal(&held[i].name, &ask->name))
            note_break(commands->service, session, &held[i]);
    cf_leases_break(leases, &ask->collection, &ask->name);
}

static void give_back(const cf_lease_commands *commands, const cf_session *session,
                      cf_leases *leases, const cf_lease_ask *ask, const cf_lease_token *token)
{
    cf_lease_held held = {.holder = session->device, .collection = ask->collection};

    if (cf_leases_unlock(leases, ask, token))
        cf_lease_note(commands->service, CF_AUDIT_LEASE_RELEASED, cf_log_user(session->log), &held,
                      NULL);
}

static void unlock(cf_lease_commands *commands, cf_session *session, cf_leases *leases,
                   const cf_message *message)
{
    const cf_service *service = commands->service;
    cf_lease_ask ask = {.request = message->unlock.request,
                        .collection = message->unlock.collection,
                        .name = message->unlock.name,
                        .device = session->device};
    bool breaks = !message->unlock.token;

    if (breaks && role_of(session) != CF_ROLE_OWNER) {
        cf_lease_refuse(service, session, CF_COMMAND_UNLOCK, &ask.request, CF_REFUSED_ROLE,
                        "only an owner breaks a lock of another's");
        return;
    }
    if (breaks)
        break_all(commands, session, leases, &ask);
    else
        give_back(commands, session, leases, &ask, message->unlock.token);
    cf_lease_token token = cf_leases_token(leases);
    cf_message answer = cf_lease_message(&ask.request, &token, 0);
    cf_lease_keep(commands, session->log, session, CF_COMMAND_UNLOCK, &answer);
    cf_lease_timer_serve_next(commands, session->log, leases);
}

/* The session says what it needs the lease for. Who has none says nothing that counts. */
static void take_alone(cf_lease_commands *commands, cf_session *session, cf_leases *leases,
                       const cf_message *message)
{
    static const cf_id whole;
    size_t count;
    const cf_lease_held *held = cf_leases_all(leases, &count);

    if (!message->alone.begins)
        cf_alones_end(commands->service->alones, session, &message->alone.collection);
    for (size_t i = 0; i < count; i++)
        if (cf_id_equal(&held[i].collection, &message->alone.collection) &&
            cf_id_equal(&held[i].name, &whole) && !held[i].shared &&
            cf_hash_equal(&held[i].holder, &session->device)) {
            if (message->alone.begins &&
                !cf_alones_begin(commands->service->alones, session, &held[i]))
                continue;
            cf_lease_note(commands->service,
                          message->alone.begins ? CF_AUDIT_EXCLUSIVE_BEGUN
                                                : CF_AUDIT_EXCLUSIVE_ENDED,
                          cf_log_user(session->log), &held[i], "it communicates alone");
        }
}

static void tell_of_all(cf_lease_commands *commands, cf_session *session, cf_leases *leases,
                        const cf_message *message)
{
    session->hears_leases = true;
    cf_lease_send_all(commands, session, leases, &message->locks.request);
    if (session->owes_paused)
        cf_sessions_make_due(commands->service->sessions, session);
}

/* One of the commands. */
typedef struct {
    cf_command command;
    void (*handle)(cf_lease_commands *commands, cf_session *session, cf_leases *leases,
                   const cf_message *message);
    size_t request;  /* where the message has the id that its answer repeats; 0: it has none */
    bool only_reads; /* everybody says it who comes */
} lease_command;

#define REQUEST(member) offsetof(cf_message, member.request)
static const lease_command served[] = {
    {CF_COMMAND_LOCK, lock, REQUEST(lock), false},
    {CF_COMMAND_RENEW, renew, REQUEST(renew), false},
    {CF_COMMAND_UNLOCK, unlock, REQUEST(unlock), false},
    {CF_COMMAND_LOCKS, tell_of_all, REQUEST(locks), true},
    {CF_COMMAND_ALONE, take_alone, 0, false},
};

static const lease_command *find_command(cf_command command)
{
    for (size_t i = 0; i < sizeof served / sizeof *served; i++)
        if (served[i].command == command)
            return &served[i];
    return NULL;
}

void cf_lease_commands_handle(cf_lease_commands *commands, cf_session *session,
                              const cf_message *message)
{
    const lease_command *asked = find_command(message->command);
    cf_leases *leases = cf_log_leases(session->log);

    assert(asked);
    if (!leases && asked->request)
        cf_lease_refuse(commands->service, session, message->command,
                        (const cf_id *)((const char *)message + asked->request), CF_REFUSED_BUSY,
                        "the store is being opened again");
    if (!leases)
        return;
    cf_lease_commands_expire(commands, session->log);
    /* A user that came from another home has tokens of a later generation. */
    cf_leases_raise(leases, cf_registry_home_generation(cf_log_registry(session->log)));
    if (!asked->only_reads)
        cf_lease_timer_open(commands, cf_log_user(session->log));
    asked->handle(commands, session, leases, message);
}
