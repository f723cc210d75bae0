/* SPDX-License-Identifier: Apache-2.0 */
/* Which session an answer reaches: the one that asked, by routing id and serial; a new one of the
 * same routing id ends the one before. One that ended within QUIET_MS and did nothing is a detail
 * to the audit log; one with more than CF_UNREAD_MAX unread is dismissed. */
#include "broker/gateway/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { QUIET_MS = 60000 };

struct cf_user_sessions {
    cf_hash_link link;
    cf_hash user;
    cf_session *first;
};

struct cf_sessions {
    cf_hash_table by_routing_id;
    cf_hash_table users; /* who have sessions */
    size_t device_count;
    cf_session *first_due, **end_of_due;
    size_t due_count;
    uint64_t serial, ended;
    cf_session_ending *ending; /* or NULL */
    void *context;
};

cf_sessions *cf_sessions_new(void)
{
    cf_sessions *sessions = cf_allocate(1, sizeof *sessions);

    sessions->end_of_due = &sessions->first_due;
    return sessions;
}

static void free_session(cf_session *session)
{
    cf_replay_destroy(&session->replay);
    cf_heads_release(&session->held);
    cf_heads_release(&session->report);
    free(session->confined.at);
    free(session);
}

void cf_sessions_destroy(cf_sessions **sessions)
{
    if (!*sessions)
        return;
    (*sessions)->ending = NULL;
    for (cf_session *session = cf_sessions_next(*sessions, NULL), *after; session;
         session = after) {
        after = cf_sessions_next(*sessions, session);
        cf_sessions_remove(*sessions, session);
    }
    cf_hash_table_release(&(*sessions)->by_routing_id);
    cf_hash_table_release(&(*sessions)->users);
    free(*sessions);
    *sessions = NULL;
}

/* ---- By user ---- */

static cf_user_sessions *find_user(const cf_sessions *sessions, const cf_hash *user)
{
    cf_hash_link *link = cf_hash_table_first(&sessions->users, cf_hash_hash(user));

    while (link && !cf_hash_equal(&cf_container_of(link, cf_user_sessions, link)->user, user))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, cf_user_sessions, link) : NULL;
}

static cf_user_sessions *find_or_add_user(cf_sessions *sessions, const cf_hash *user)
{
    cf_user_sessions *found = find_user(sessions, user);

    if (found)
        return found;
    cf_user_sessions *made = cf_allocate(1, sizeof *made);
    made->user = *user;
    cf_hash_table_add(&sessions->users, &made->link, cf_hash_hash(user));
    return made;
}

bool cf_sessions_has_device(const cf_sessions *sessions, const cf_hash *user, const cf_hash *device)
{
    const cf_session *session = cf_sessions_first_of(sessions, user);

    while (session && !cf_hash_equal(&session->device, device))
        session = session->beside;
    return session != NULL;
}

/* A user has few sessions: a limit of the gateway's. */
static void join_user(cf_sessions *sessions, cf_session *session)
{
    cf_user_sessions *user = find_or_add_user(sessions, cf_log_user(session->log));

    sessions->device_count += !cf_sessions_has_device(sessions, &user->user, &session->device);
    session->user = user;
    session->beside = user->first;
    if (session->beside)
        session->beside->before = session;
    user->first = session;
}

static void leave_user(cf_sessions *sessions, cf_session *session)
{
    cf_user_sessions *user = session->user;

    *(session->before ? &session->before->beside : &user->first) = session->beside;
    if (session->beside)
        session->beside->before = session->before;
    sessions->device_count -= !cf_sessions_has_device(sessions, &user->user, &session->device);
    if (user->first)
        return;
    cf_hash_table_remove(&sessions->users, &user->link);
    free(user);
}

cf_session *cf_sessions_first_of(const cf_sessions *sessions, const cf_hash *user)
{
    const cf_user_sessions *found = find_user(sessions, user);

    return found ? found->first : NULL;
}

cf_session *cf_sessions_next_of(const cf_session *session)
{
    return session->beside;
}

/* ---- Due ---- */

void cf_sessions_make_due(cf_sessions *sessions, cf_session *session)
{
    if (session->due)
        return;
    session->next_due = NULL;
    session->due = sessions->end_of_due;
    *session->due = session;
    sessions->end_of_due = &session->next_due;
    sessions->due_count++;
}

static void end_due(cf_sessions *sessions, cf_session *session)
{
    *session->due = session->next_due;
    if (session->next_due)
        session->next_due->due = session->due;
    else
        sessions->end_of_due = session->due;
    session->due = NULL;
    sessions->due_count--;
}

size_t cf_sessions_count_due(const cf_sessions *sessions)
{
    return sessions->due_count;
}

cf_session *cf_sessions_take_due(cf_sessions *sessions)
{
    cf_session *first = sessions->first_due;

    if (first)
        end_due(sessions, first);
    return first;
}

/* ---- All ---- */

static cf_session *session_of(cf_hash_link *link)
{
    return link ? cf_container_of(link, cf_session, by_routing_id) : NULL;
}

cf_session *cf_sessions_find(const cf_sessions *sessions, cf_bytes routing_id)
{
    cf_hash_link *link = cf_hash_table_first(&sessions->by_routing_id, cf_hash_keyed(routing_id));

    while (link && !cf_bytes_equal(cf_session_destination(session_of(link)), routing_id))
        link = cf_hash_table_next(link);
    return session_of(link);
}

cf_session *cf_sessions_add(cf_sessions *sessions, cf_bytes routing_id, cf_log *log,
                            const cf_hash *device)
{
    cf_session *earlier = cf_sessions_find(sessions, routing_id);
    cf_session *session = cf_allocate(1, sizeof *session);

    assert(routing_id.size <= sizeof session->routing_id.bytes);
    if (earlier)
        cf_sessions_remove(sessions, earlier);
    memcpy(session->routing_id.bytes, routing_id.data, routing_id.size);
    session->routing_id.size = routing_id.size;
    session->log = log;
    session->device = *device;
    session->serial = ++sessions->serial;
    join_user(sessions, session);
    cf_hash_table_add(&sessions->by_routing_id, &session->by_routing_id, cf_hash_keyed(routing_id));
    return session;
}

void cf_sessions_watch(cf_sessions *sessions, cf_session_ending *ending, void *context)
{
    sessions->ending = ending;
    sessions->context = context;
}

void cf_sessions_remove(cf_sessions *sessions, cf_session *session)
{
    if (sessions->ending)
        sessions->ending(sessions->context, session);
    cf_hash_table_remove(&sessions->by_routing_id, &session->by_routing_id);
    leave_user(sessions, session);
    if (session->due)
        end_due(sessions, session);
    sessions->ended++;
    free_session(session);
}

uint64_t cf_sessions_changes(const cf_sessions *sessions)
{
    return sessions->serial + sessions->ended;
}

size_t cf_sessions_count(const cf_sessions *sessions)
{
    return sessions->by_routing_id.count;
}

size_t cf_sessions_count_devices(const cf_sessions *sessions)
{
    return sessions->device_count;
}

cf_session *cf_sessions_next(const cf_sessions *sessions, const cf_session *session)
{
    return session_of(
        cf_hash_table_walk(&sessions->by_routing_id, session ? &session->by_routing_id : NULL));
}

uint64_t cf_service_steady_of(const cf_service *service, uint64_t at_ms)
{
    if (at_ms == UINT64_MAX)
        return UINT64_MAX;
    return service->steady_ms + (at_ms > service->now_ms ? at_ms - service->now_ms : 0);
}

void cf_session_send(const cf_service *service, const cf_session *session,
                     const cf_message *message)
{
    cf_outbox_add(service->outbox, cf_session_destination(session), message);
}

void cf_refuse(const cf_service *service, cf_bytes destination, const cf_refusal *refusal)
{
    cf_message message = {
        .command = CF_COMMAND_REFUSED,
        .refused = {
            .request = cf_bytes_of_text(refusal->request ? cf_command_name(refusal->request) : ""),
            .name = refusal->name,
            .later = refusal->later,
            .code = cf_bytes_of_text(refusal->code),
            .text = cf_bytes_of_text(refusal->text),
        }};

    cf_outbox_add(service->outbox, destination, &message);
}

void cf_refuse_full(cf_service *service, const cf_session *session, cf_command request,
                    const cf_hash *name)
{
    const bool is_entry = request == CF_COMMAND_PUBLISH;
    const cf_hash *user = cf_log_user(session->log);

    service->full_ms = service->now_ms;
    service->full_count++;
    service->full_user = *user;
    cf_report(service->env, CF_REPORT_WARNING,
              "user %s: %s was refused, since there is too little room on the disk",
              cf_user_shorten(user).text, is_entry ? "an entry" : "a content");
    cf_refuse(service, cf_session_destination(session),
              &(cf_refusal){.request = request,
                            .name = cf_bytes_of(name->bytes, CF_HASH_SIZE),
                            .later = true,
                            .code = CF_REFUSED_FULL,
                            .text = CF_TEXT_FULL});
}

static bool did_nothing(const cf_service *service, const cf_session *session)
{
    return !session->has_sent && !session->has_asked && service->steady_ms >= session->begun_ms &&
           service->steady_ms - session->begun_ms < QUIET_MS;
}

static cf_audit_event event_of(const cf_session *session, cf_audit_decision what)
{
    return (cf_audit_event){.what = what,
                            .user = cf_log_user(session->log),
                            .device = &session->device,
                            .key = what == CF_AUDIT_SESSION_BEGUN ? &session->key : NULL,
                            .address = session->address};
}

void cf_session_audit(const cf_service *service, const cf_session *session, cf_audit_decision what,
                      const cf_hash *entry, const char *why)
{
    cf_audit_event event = event_of(session, what);

    event.entry = entry;
    event.why = why;
    cf_service_note(service, &event);
}

void cf_session_charge(const cf_service *service, const cf_session *session, int64_t points)
{
    cf_service_charge(service, cf_log_user(session->log), points);
}

void cf_session_end(const cf_service *service, cf_session *session, const char *why)
{
    cf_session_audit(service, session, CF_AUDIT_SESSION_ENDED, NULL, why);
    cf_sessions_remove(service->sessions, session);
}

void cf_session_gone(const cf_service *service, cf_session *session)
{
    cf_audit_event event = event_of(session, CF_AUDIT_SESSION_ENDED);

    event.why = "the connection is gone";
    event.is_detail = did_nothing(service, session);
    cf_service_note(service, &event);
    cf_sessions_remove(service->sessions, session);
}

void cf_session_dismiss(const cf_service *service, cf_session *session, const char *why)
{
    cf_message message = {.command = CF_COMMAND_AGAIN};

    cf_session_send(service, session, &message);
    cf_session_end(service, session, why);
}

bool cf_session_drop_unread(const cf_service *service, cf_session *session)
{
    if (cf_outbox_waiting(service->outbox, cf_session_destination(session)) <= CF_UNREAD_MAX)
        return false;
    cf_outbox_discard(service->outbox, cf_session_destination(session));
    cf_session_dismiss(service, session, "it doesn't read what it is told");
    return true;
}

void cf_session_end_unread(const cf_service *service, cf_session *session, const cf_error *error)
{
    cf_report(service->env, CF_REPORT_ERROR, "user %s: reading the log: %s",
              cf_user_shorten(cf_log_user(session->log)).text, error->text);
    if (error->status == CF_BROKEN) {
        cf_refuse(service, cf_session_destination(session),
                  &(cf_refusal){.request = CF_COMMAND_HELLO,
                                .code = CF_REFUSED_BUSY,
                                .later = true,
                                .text = CF_LOG_DAMAGED});
        cf_session_end(service, session, "its log is damaged");
    } else {
        cf_session_dismiss(service, session, "its log can't be read");
    }
}

void cf_sessions_wake(cf_sessions *sessions, const cf_hash *user)
{
    for (cf_session *session = cf_sessions_first_of(sessions, user); session;
         session = cf_sessions_next_of(session)) {
        session->is_behind = true;
        cf_sessions_make_due(sessions, session);
    }
}

cf_request cf_request_of(cf_service *service, const cf_session *session, size_t size)
{
    return (cf_request){service, session->routing_id, session->serial, size};
}

cf_session *cf_request_session(const cf_request *request)
{
    cf_session *session =
        cf_sessions_find(request->service->sessions,
                         cf_bytes_of(request->routing_id.bytes, request->routing_id.size));

    return session && session->serial == request->serial ? session : NULL;
}
