/* SPDX-License-Identifier: Apache-2.0 */
/* How much is sent: as credit allows, ROUND at a time, nothing while something waits in the outbox,
 * or while a log's replays are locked. A session names CF_HEADS_MAX heads and rungs at most, and
 * subscribes once. */
#include "broker/gateway/subscribe.h"

#include "broker/gateway/alone.h"
#include "broker/gateway/prices.h"

#define ROUND (1 * CF_MIB) /* bytes for one session before the others have their turn */

static bool fits(cf_service *service, cf_session *session, size_t count)
{
    session->named += count;
    if (session->named <= CF_HEADS_MAX)
        return true;
    cf_session_dismiss(service, session, "it named too many heads");
    return false;
}

bool cf_subscribe_heads(cf_service *service, cf_session *session, const cf_head *heads,
                        size_t count)
{
    cf_error error;

    if (!fits(service, session, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool held;

        if (cf_replay_holds(session->replay, &heads[i], &held, &error)) {
            cf_session_end_unread(service, session, &error);
            return false;
        }
        session->brings_more |= !held;
    }
    return true;
}

static void answer_rungs(cf_service *service, cf_session *session)
{
    size_t sent = 0;

    do {
        size_t page = session->held.count - sent;
        bool more = page > CF_HEADS_PAGE;

        page = more ? CF_HEADS_PAGE : page;
        cf_message message = {
            .command = CF_COMMAND_SUBSCRIBED,
            .subscribed = {.held = session->held.heads + sent, .held_count = page, .more = more}};
        cf_session_send(service, session, &message);
        sent += page;
    } while (sent < session->held.count);
    cf_heads_release(&session->held);
}

void cf_subscribe(cf_service *service, cf_session *session, const cf_message *message)
{
    cf_error error;

    cf_session_charge(service, session, (int64_t)message->subscribe.rung_count / CF_PRICE_HEADS);
    if (session->is_subscribed) {
        cf_session_charge(service, session, CF_PRICE_GARBAGE);
        cf_session_dismiss(service, session, "it subscribed twice");
        return;
    }
    if (!fits(service, session, message->subscribe.rung_count))
        return;
    cf_subscribe_credit(service, session, message->subscribe.credit);
    if (cf_replay_rungs(session->replay, message->subscribe.rungs, message->subscribe.rung_count,
                        &session->held, &error)) {
        cf_session_end_unread(service, session, &error);
        return;
    }
    if (message->subscribe.more)
        return;
    if (message->subscribe.collections)
        cf_replay_select(session->replay, message->subscribe.collections,
                         message->subscribe.collection_count);
    if (cf_replay_begin(session->replay, &error)) {
        cf_session_end_unread(service, session, &error);
        return;
    }
    answer_rungs(service, session);
    session->is_subscribed = true;
    session->is_behind = true;
    cf_sessions_make_due(service->sessions, session);
}

void cf_subscribe_credit(const cf_service *service, cf_session *session, uint64_t bytes)
{
    cf_sessions_make_due(service->sessions, session);
    session->credit =
        bytes < CF_CREDIT_MAX - session->credit ? session->credit + bytes : CF_CREDIT_MAX;
}

struct round {
    const cf_service *service;
    cf_session *session;
    uint64_t sent;
    bool stopped;
};

/* Of the first run only, and where there was something to send. */
static void note(const cf_service *service, const cf_session *session, cf_audit_decision what)
{
    if (!session->was_replayed)
        cf_service_note(service, &(cf_audit_event){.what = what,
                                                   .user = cf_log_user(session->log),
                                                   .device = &session->device,
                                                   .address = session->address});
}

static bool send_entry(void *context, uint64_t position, cf_bytes wire)
{
    struct round *round = context;
    cf_message message = {.command = CF_COMMAND_ENTRY,
                          .entry = {.position = position, .entry = wire}};

    cf_session_send(round->service, round->session, &message);
    if (!round->session->has_sent)
        note(round->service, round->session, CF_AUDIT_REPLAY_BEGUN);
    round->session->has_sent = true;
    round->sent += wire.size;
    round->session->credit -=
        wire.size < round->session->credit ? wire.size : round->session->credit;
    round->stopped = round->session->credit == 0 || round->sent >= ROUND;
    return !round->stopped;
}

/* A replay shares the replay lock until it has caught up; of what comes later, each run does. */
static bool enter(const cf_service *service, cf_session *session)
{
    if (session->is_replaying)
        return true;
    session->is_replaying =
        cf_replay_lock_enter(cf_users_replay_lock(service->users), cf_log_user(session->log));
    return session->is_replaying;
}

void cf_subscribe_leave(const cf_service *service, cf_session *session)
{
    if (!session->is_replaying)
        return;
    session->is_replaying = false;
    if (session->has_sent)
        note(service, session, CF_AUDIT_REPLAY_ENDED);
    session->was_replayed = true;
    cf_replay_lock_leave(cf_users_replay_lock(service->users), cf_log_user(session->log));
}

static bool pump(cf_service *service, cf_session *session, bool *is_gone)
{
    struct round round = {.service = service, .session = session};
    cf_error error;

    if (!session->is_subscribed || !session->is_behind || session->credit == 0)
        return false;
    cf_sessions_make_due(service->sessions, session);
    if (cf_outbox_waiting(service->outbox, cf_session_destination(session)))
        return true; /* first what is waiting, so that nothing piles up */
    if (!enter(service, session))
        return false;
    const size_t kept = cf_replay_count_kept(session->replay);
    if (cf_replay_next(session->replay, send_entry, &round, &error)) {
        *is_gone = true;
        cf_session_end_unread(service, session, &error);
        return false;
    }
    session->owes_paused |= cf_replay_count_kept(session->replay) != kept;
    session->is_behind = round.stopped || cf_replay_has_more(session->replay);
    if (!session->is_behind)
        cf_subscribe_leave(service, session);
    return session->is_behind && session->credit > 0;
}

/* What is kept from it it is told when it has all else. */
bool cf_subscribe_pump(cf_service *service, cf_session *session)
{
    bool is_gone = false;
    const bool more = pump(service, session, &is_gone);

    if (!is_gone && session->owes_paused && session->is_subscribed && !session->is_behind)
        cf_alones_tell(service->alones, session);
    return more;
}
