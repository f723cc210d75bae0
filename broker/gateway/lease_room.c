/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/lease_room.h"

#include "broker/gateway/alone.h"

#include <stdlib.h>
#include <string.h>

/* A change on its way into the store, and who hears of it then. */
typedef struct cf_lease_keeping keeping;
struct cf_lease_keeping {
    keeping *next, **link;
    cf_lease_desk *desk; /* NULL: destroyed meanwhile */
    cf_hash user;
    bool has_asker, is_grant;
    cf_request request;
    cf_command command;
    cf_message answer;
};

static cf_lease_room *room_of(cf_lease_desk *desk, const cf_hash *user)
{
    cf_hash_link *link = cf_hash_table_first(&desk->by_user, cf_hash_hash(user));

    while (link && !cf_hash_equal(&cf_container_of(link, cf_lease_room, by_user)->user, user))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, cf_lease_room, by_user) : NULL;
}

static void make_due(cf_lease_desk *desk, cf_lease_room *room)
{
    if (room->is_due)
        return;
    room->is_due = true;
    room->next_due = NULL;
    *desk->end_of_due = room;
    desk->end_of_due = &room->next_due;
}

static cf_lease_room *add_room(cf_lease_desk *desk, const cf_hash *user)
{
    cf_lease_room *room = cf_allocate(1, sizeof *room);

    room->user = *user;
    room->next = desk->rooms;
    room->at = &desk->rooms;
    if (room->next)
        room->next->at = &room->next;
    desk->rooms = room;
    cf_hash_table_add(&desk->by_user, &room->by_user, cf_hash_hash(user));
    return room;
}

/* Of a room that isn't due. */
static void close_room(cf_lease_desk *desk, cf_lease_room *room)
{
    *room->at = room->next;
    if (room->next)
        room->next->at = room->at;
    cf_hash_table_remove(&desk->by_user, &room->by_user);
    cf_deadlines_set(&desk->deadlines, &room->deadline, UINT64_MAX);
    free(room);
}

cf_lease_room *cf_lease_room_open(cf_lease_desk *desk, const cf_hash *user)
{
    cf_lease_room *room = room_of(desk, user);

    if (!room)
        room = add_room(desk, user);
    make_due(desk, room);
    return room;
}

static void open_room_of_holders(void *context, cf_log *log)
{
    size_t count = 0;
    cf_leases *leases = cf_log_leases(log);

    if (leases)
        cf_leases_all(leases, &count);
    if (count)
        cf_lease_room_open(context, cf_log_user(log));
}

cf_lease_desk *cf_lease_desk_new(cf_service *service)
{
    cf_lease_desk *desk = cf_allocate(1, sizeof *desk);

    desk->service = service;
    desk->end_of_due = &desk->first_due;
    cf_users_each(service->users, open_room_of_holders, desk);
    return desk;
}

void cf_lease_desk_destroy(cf_lease_desk **desk)
{
    if (!*desk)
        return;
    for (keeping *at = (*desk)->keepings; at; at = at->next)
        at->desk = NULL;
    while ((*desk)->rooms)
        close_room(*desk, (*desk)->rooms);
    cf_hash_table_release(&(*desk)->by_user);
    cf_deadlines_release(&(*desk)->deadlines);
    free((*desk)->owed);
    free(*desk);
    *desk = NULL;
}

/* ---- Answers ---- */

void cf_lease_refuse(const cf_service *service, const cf_session *session, cf_command command,
                     const cf_id *request, const char *code, const char *text)
{
    cf_refusal refusal = {
        .request = command,
        .name = cf_bytes_of(request->bytes, CF_ID_SIZE),
        .later = strcmp(code, CF_REFUSED_BUSY) == 0,
        .code = code,
        .text = text,
    };

    cf_audit_note(service->audit,
                  &(cf_audit_event){.what = CF_AUDIT_LEASE_REFUSED,
                                    .user = cf_log_user(session->log),
                                    .device = &session->device,
                                    .address = session->address,
                                    .why = text},
                  service->now_ms);
    cf_refuse(service, cf_session_destination(session), &refusal);
}

void cf_lease_note(const cf_service *service, cf_audit_decision what, const cf_hash *user,
                   const cf_lease_held *held, const char *why)
{
    cf_audit_note(service->audit,
                  &(cf_audit_event){.what = what,
                                    .user = user,
                                    .device = &held->holder,
                                    .collection = &held->collection,
                                    .why = why},
                  service->now_ms);
}

cf_message cf_lease_message(const cf_id *request, const cf_lease_token *token, uint64_t until_ms)
{
    return (cf_message){.command = CF_COMMAND_LEASE,
                        .lease = {.request = *request, .token = *token, .until_ms = until_ms}};
}

/* The session has been sent all that the log held at the position. */
static bool has_seen(const cf_session *session, uint64_t position)
{
    return !session->is_subscribed ||
           (cf_replay_position(session->replay) > position && !cf_replay_owes(session->replay));
}

/* Who asks on and takes nothing comes anew. */
static void owe(cf_lease_desk *desk, const keeping *kept, cf_session *session)
{
    cf_store *store = desk->service->store;
    cf_owed_lease owed = {.request = kept->request, .user = kept->user, .lease = kept->answer};
    cf_error error;

    if (session->owed_leases == CF_OWED_LEASES_MAX) {
        cf_session_dismiss(desk->service, session, "it asks for locks and takes no entries");
        return;
    }
    session->owed_leases++;
    if (kept->is_grant && store->last(store, &kept->user, &owed.position, &error))
        cf_report(desk->service->env, CF_REPORT_ERROR, "user %s: granting a lease: %s",
                  cf_user_shorten(&kept->user).text, error.text);
    *cf_one_more(desk->owed, desk->owed_count, desk->owed_capacity) = owed;
}

void cf_lease_desk_pay(cf_lease_desk *desk)
{
    size_t left = 0;

    for (size_t i = 0; i < desk->owed_count; i++) {
        const cf_owed_lease *owed = &desk->owed[i];
        cf_session *session = cf_request_session(&owed->request);

        if (session && has_seen(session, owed->position)) {
            session->owed_leases--;
            cf_session_send(desk->service, session, &owed->lease);
        } else if (session) {
            desk->owed[left++] = *owed;
        }
    }
    desk->owed_count = left;
}

/* ---- Keeping ---- */

static void kept(void *context, cf_append_answer answer, uint64_t position, const cf_error *error)
{
    keeping *self = context;
    cf_lease_desk *desk = self->desk;

    (void)position;
    if (!desk) {
        free(self);
        return;
    }
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    cf_session *session = self->has_asker ? cf_request_session(&self->request) : NULL;
    /* Also where it failed: what ended here is read anew, and has to end again. */
    cf_lease_room *in = cf_lease_room_open(desk, &self->user);
    if (answer == CF_APPEND_STORED) {
        in->is_news = true;
        if (session)
            owe(desk, self, session);
    } else {
        cf_report(desk->service->env, CF_REPORT_WARNING, "user %s: a lease was not kept: %s",
                  cf_user_shorten(&self->user).text,
                  answer == CF_APPEND_FAILED ? error->text : "others changed it");
        if (session)
            cf_lease_refuse(desk->service, session, self->command, &self->answer.lease.request,
                            CF_REFUSED_BUSY, "it can't be kept now");
    }
    free(self);
}

/* Commits what has changed; `asker` (or NULL) hears the answer then. */
void cf_lease_keep(cf_lease_desk *desk, cf_log *log, const cf_session *asker, cf_command command,
                   const cf_message *answer)
{
    keeping *self = cf_allocate(1, sizeof *self);

    *self = (keeping){.next = desk->keepings,
                      .link = &desk->keepings,
                      .desk = desk,
                      .user = *cf_log_user(log),
                      .command = command};
    if (asker) {
        self->has_asker = true;
        self->is_grant = command == CF_COMMAND_LOCK;
        self->request = cf_request_of(desk->service, asker, 0);
        self->answer = *answer;
    }
    if (desk->keepings)
        desk->keepings->link = &self->next;
    desk->keepings = self;
    cf_log_keep_leases(log, kept, self);
}

/* ---- Time ---- */

/* Devices that were shut out have nothing any more. */
static size_t drop_strangers(cf_lease_room *in, cf_log *log, cf_leases *leases)
{
    const cf_registry *registry = cf_log_registry(log);
    size_t count, ended = 0;
    const cf_lease_held *held;

    if (in->members == cf_registry_count(registry))
        return 0;
    in->members = cf_registry_count(registry);
    held = cf_leases_all(leases, &count);
    for (size_t i = 0; i < count; i++) {
        cf_hash holder = held[i].holder;

        if (cf_registry_is_valid(registry, &holder))
            continue;
        ended += cf_leases_forget_device(leases, &holder);
        held = cf_leases_all(leases, &count);
        i = SIZE_MAX; /* from the beginning: they moved up */
    }
    return ended;
}

static cf_session *session_of(const cf_lease_desk *desk, const cf_hash *user, uint64_t serial)
{
    cf_session *session = cf_sessions_first_of(desk->service->sessions, user);

    while (session && session->serial != serial)
        session = cf_sessions_next_of(session);
    return session;
}

void cf_lease_room_serve_next(cf_lease_desk *desk, cf_log *log, cf_leases *leases)
{
    cf_lease_ask ask;
    cf_lease_held held;

    while (cf_leases_next(leases, desk->service->now_ms, &ask, &held)) {
        cf_message answer = cf_lease_message(&held.request, &held.token, held.until_ms);

        cf_lease_note(desk->service, CF_AUDIT_LEASE_GRANTED, cf_log_user(log), &held, "it waited");
        cf_lease_keep(desk, log, session_of(desk, cf_log_user(log), ask.session), CF_COMMAND_LOCK,
                      &answer);
    }
}

/* What was granted before the user was at another home has no say any more. */
static size_t end_before_move(const cf_lease_desk *desk, const cf_log *log, cf_leases *leases)
{
    uint64_t generation = cf_registry_home_generation(cf_log_registry(log));
    size_t count;
    const cf_lease_held *held = cf_leases_all(leases, &count);

    for (size_t i = 0; i < count && cf_leases_token(leases).generation < generation; i++)
        cf_lease_note(desk->service, CF_AUDIT_LEASE_EXPIRED, cf_log_user(log), &held[i],
                      "the user has moved to another home");
    return cf_leases_raise(leases, generation);
}

/* What ended is noted before it goes. */
static void note_ends(const cf_lease_desk *desk, const cf_log *log, const cf_leases *leases)
{
    size_t count;
    const cf_lease_held *held = cf_leases_all(leases, &count);

    for (size_t i = 0; i < count; i++)
        if (held[i].until_ms && held[i].until_ms <= desk->service->now_ms)
            cf_lease_note(desk->service, CF_AUDIT_LEASE_EXPIRED, cf_log_user(log), &held[i], NULL);
}

void cf_lease_room_look_after(cf_lease_desk *desk, cf_lease_room *in, cf_log *log,
                              cf_leases *leases)
{
    uint64_t now_ms = desk->service->now_ms;
    size_t ended = drop_strangers(in, log, leases) + end_before_move(desk, log, leases);

    if (cf_leases_deadline(leases) <= now_ms) {
        note_ends(desk, log, leases);
        ended += cf_leases_expire(leases, now_ms);
    }
    if (!ended)
        return;
    make_due(desk, in);
    cf_lease_keep(desk, log, NULL, CF_COMMAND_UNLOCK, NULL);
    cf_lease_room_serve_next(desk, log, leases);
}

void cf_lease_desk_expire(cf_lease_desk *desk, cf_log *log)
{
    cf_lease_room *in = room_of(desk, cf_log_user(log));
    cf_leases *leases = in ? cf_log_leases(log) : NULL;

    if (leases)
        cf_lease_room_look_after(desk, in, log, leases);
}

/* ---- What others hear ---- */

void cf_lease_send_all(const cf_lease_desk *desk, const cf_session *session, cf_leases *leases,
                       const cf_id *request)
{
    size_t count;
    const cf_lease_held *held = cf_leases_all(leases, &count);
    cf_lease *list = cf_allocate(count, sizeof *list);
    cf_message message = {.command = CF_COMMAND_LEASES,
                          .leases = {.request = *request, .leases = list, .lease_count = count}};

    for (size_t i = 0; i < count; i++)
        list[i] = (cf_lease){held[i].collection, held[i].name,   held[i].holder,
                             held[i].until_ms,   held[i].shared, held[i].since_ms};
    cf_session_send(desk->service, session, &message);
    free(list);
}

/* To all of the user who asked once, and read what they are told. */
static void tell(const cf_lease_desk *desk, const cf_hash *user, cf_leases *leases)
{
    static const cf_id unasked;
    const cf_service *service = desk->service;

    for (cf_session *session = cf_sessions_first_of(service->sessions, user), *after; session;
         session = after) {
        after = cf_sessions_next_of(session);
        if (session->hears_leases && !cf_session_drop_unread(service, session))
            cf_lease_send_all(desk, session, leases, &unasked);
    }
}

/* Ends what is over, says what is new, and sets when to come again. */
static void visit(cf_lease_desk *desk, cf_lease_room *in)
{
    cf_log *log = cf_users_find(desk->service->users, &in->user);
    cf_leases *leases = log ? cf_log_leases(log) : NULL;

    cf_alones_leases_changed(desk->service->alones, &in->user);
    if (log && !leases) { /* the store is being opened again */
        make_due(desk, in);
        return;
    }
    if (log) {
        cf_lease_room_look_after(desk, in, log, leases);
        if (in->is_news)
            tell(desk, &in->user, leases);
        in->is_news = false;
        cf_deadlines_set(&desk->deadlines, &in->deadline, cf_leases_deadline(leases));
    }
    if ((!log || cf_leases_is_idle(leases)) && !in->is_due)
        close_room(desk, in);
}

/* Takes one from those that are due. */
static cf_lease_room *take_due(cf_lease_desk *desk)
{
    cf_lease_room *first = desk->first_due;

    desk->first_due = first->next_due;
    if (!desk->first_due)
        desk->end_of_due = &desk->first_due;
    first->is_due = false;
    return first;
}

uint64_t cf_lease_desk_tick(cf_lease_desk *desk)
{
    cf_deadline *deadline;
    size_t count = 0;

    while ((deadline = cf_deadlines_due(&desk->deadlines, desk->service->now_ms))) {
        cf_deadlines_set(&desk->deadlines, deadline, UINT64_MAX);
        make_due(desk, cf_container_of(deadline, cf_lease_room, deadline));
    }
    for (const cf_lease_room *room = desk->first_due; room; room = room->next_due)
        count++; /* what becomes due meanwhile waits for the next round */
    while (count-- > 0)
        visit(desk, take_due(desk));
    return cf_deadlines_next(&desk->deadlines);
}

void cf_lease_desk_members_changed(cf_lease_desk *desk, const cf_hash *user)
{
    cf_lease_room *in = room_of(desk, user);

    if (in)
        make_due(desk, in);
}

void cf_lease_desk_clock_set(cf_lease_desk *desk, int64_t later_ms)
{
    for (cf_lease_room *in = desk->rooms; in; in = in->next) {
        cf_log *log = cf_users_find(desk->service->users, &in->user);
        cf_leases *leases = log ? cf_log_leases(log) : NULL;

        if (!leases)
            continue;
        cf_leases_clock_set(leases, later_ms);
        make_due(desk, in);
        tell(desk, &in->user, leases);
    }
}

void cf_lease_desk_forget(cf_lease_desk *desk, const cf_session *session)
{
    cf_lease_room *in = room_of(desk, cf_log_user(session->log));
    cf_leases *leases = in ? cf_log_leases(session->log) : NULL;

    if (!leases)
        return;
    cf_leases_forget_session(leases, session->serial);
    make_due(desk, in);
    cf_lease_room_serve_next(desk, session->log, leases);
}
