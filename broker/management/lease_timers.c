/* SPDX-License-Identifier: Apache-2.0 */
/* When a lease ends by itself: at its time, when its holder is shut out, or when the user has moved
 * to another home. When an answer goes out: once the change is stored; a grant, moreover, once its
 * session has been sent all that the log held then. */
#include "broker/management/lease_commands_inside.h"

#include "broker/gateway/alone.h"

#include <stdlib.h>
#include <string.h>

/* A change on its way into the store, and who hears of it then. */
typedef struct cf_lease_keeping keeping;
struct cf_lease_keeping {
    keeping *next, **link;
    cf_lease_commands *commands; /* NULL: destroyed meanwhile */
    cf_hash user;
    bool has_asker, is_grant;
    cf_request request;
    cf_command command;
    cf_message answer;
};

static cf_lease_timer *room_of(cf_lease_commands *commands, const cf_hash *user)
{
    cf_hash_link *link = cf_hash_table_first(&commands->by_user, cf_hash_hash(user));

    while (link && !cf_hash_equal(&cf_container_of(link, cf_lease_timer, by_user)->user, user))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, cf_lease_timer, by_user) : NULL;
}

static void make_due(cf_lease_commands *commands, cf_lease_timer *room)
{
    if (room->is_due)
        return;
    room->is_due = true;
    room->next_due = NULL;
    *commands->end_of_due = room;
    commands->end_of_due = &room->next_due;
}

static cf_lease_timer *add_room(cf_lease_commands *commands, const cf_hash *user)
{
    cf_lease_timer *room = cf_allocate(1, sizeof *room);

    room->user = *user;
    room->next = commands->timers;
    room->at = &commands->timers;
    if (room->next)
        room->next->at = &room->next;
    commands->timers = room;
    cf_hash_table_add(&commands->by_user, &room->by_user, cf_hash_hash(user));
    return room;
}

/* Of a room that isn't due. */
static void close_room(cf_lease_commands *commands, cf_lease_timer *room)
{
    *room->at = room->next;
    if (room->next)
        room->next->at = room->at;
    cf_hash_table_remove(&commands->by_user, &room->by_user);
    cf_deadlines_set(&commands->deadlines, &room->deadline, UINT64_MAX);
    free(room);
}

cf_lease_timer *cf_lease_timer_open(cf_lease_commands *commands, const cf_hash *user)
{
    cf_lease_timer *room = room_of(commands, user);

    if (!room)
        room = add_room(commands, user);
    make_due(commands, room);
    return room;
}

static void open_room_of_holders(void *context, cf_log *log)
{
    size_t count = 0;
    cf_leases *leases = cf_log_leases(log);

    if (leases)
        cf_leases_all(leases, &count);
    if (count)
        cf_lease_timer_open(context, cf_log_user(log));
}

cf_lease_commands *cf_lease_commands_new(cf_service *service)
{
    cf_lease_commands *commands = cf_allocate(1, sizeof *commands);

    commands->service = service;
    commands->end_of_due = &commands->first_due;
    cf_users_each(service->users, open_room_of_holders, commands);
    return commands;
}

void cf_lease_commands_destroy(cf_lease_commands **commands)
{
    if (!*commands)
        return;
    for (keeping *at = (*commands)->keepings; at; at = at->next)
        at->commands = NULL;
    while ((*commands)->timers)
        close_room(*commands, (*commands)->timers);
    cf_hash_table_release(&(*commands)->by_user);
    cf_deadlines_release(&(*commands)->deadlines);
    free((*commands)->owed);
    free(*commands);
    *commands = NULL;
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

    cf_service_note(service, &(cf_audit_event){.what = CF_AUDIT_LEASE_REFUSED,
                                               .user = cf_log_user(session->log),
                                               .device = &session->device,
                                               .address = session->address,
                                               .why = text});
    cf_refuse(service, cf_session_destination(session), &refusal);
}

void cf_lease_note(const cf_service *service, cf_audit_decision what, const cf_hash *user,
                   const cf_lease_held *held, const char *why)
{
    cf_service_note(service, &(cf_audit_event){.what = what,
                                               .user = user,
                                               .device = &held->holder,
                                               .collection = &held->collection,
                                               .why = why});
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
static void owe(cf_lease_commands *commands, const keeping *kept, cf_session *session)
{
    cf_store *store = commands->service->store;
    cf_owed_lease owed = {.request = kept->request, .user = kept->user, .lease = kept->answer};
    cf_error error;

    if (session->owed_leases == CF_OWED_LEASES_MAX) {
        cf_session_dismiss(commands->service, session, "it asks for locks and takes no entries");
        return;
    }
    session->owed_leases++;
    if (kept->is_grant && store->last(store, &kept->user, &owed.position, &error))
        cf_report(commands->service->env, CF_REPORT_ERROR, "user %s: granting a lease: %s",
                  cf_user_shorten(&kept->user).text, error.text);
    *cf_one_more(commands->owed, commands->owed_count, commands->owed_capacity) = owed;
}

void cf_lease_commands_pay(cf_lease_commands *commands)
{
    size_t left = 0;

    for (size_t i = 0; i < commands->owed_count; i++) {
        const cf_owed_lease *owed = &commands->owed[i];
        cf_session *session = cf_request_session(&owed->request);

        if (session && has_seen(session, owed->position)) {
            session->owed_leases--;
            cf_session_send(commands->service, session, &owed->lease);
        } else if (session) {
            commands->owed[left++] = *owed;
        }
    }
    commands->owed_count = left;
}

/* ---- Keeping ---- */

static void kept(void *context, cf_append_answer answer, uint64_t position, const cf_error *error)
{
    keeping *self = context;
    cf_lease_commands *commands = self->commands;

    (void)position;
    if (!commands) {
        free(self);
        return;
    }
    *self->link = self->next;
    if (self->next)
        self->next->link = self->link;
    cf_session *session = self->has_asker ? cf_request_session(&self->request) : NULL;
    /* Also where it failed: what ended here is read anew, and has to end again. */
    cf_lease_timer *in = cf_lease_timer_open(commands, &self->user);
    if (answer == CF_APPEND_STORED) {
        in->is_news = true;
        if (session)
            owe(commands, self, session);
    } else {
        cf_report(commands->service->env, CF_REPORT_WARNING, "user %s: a lease was not kept: %s",
                  cf_user_shorten(&self->user).text,
                  answer == CF_APPEND_FAILED ? error->text : "others changed it");
        if (session)
            cf_lease_refuse(commands->service, session, self->command, &self->answer.lease.request,
                            CF_REFUSED_BUSY, "it can't be kept now");
    }
    free(self);
}

/* Commits what has changed; `asker` (or NULL) hears the answer then. */
void cf_lease_keep(cf_lease_commands *commands, cf_log *log, const cf_session *asker,
                   cf_command command, const cf_message *answer)
{
    keeping *self = cf_allocate(1, sizeof *self);

    *self = (keeping){.next = commands->keepings,
                      .link = &commands->keepings,
                      .commands = commands,
                      .user = *cf_log_user(log),
                      .command = command};
    if (asker) {
        self->has_asker = true;
        self->is_grant = command == CF_COMMAND_LOCK;
        self->request = cf_request_of(commands->service, asker, 0);
        self->answer = *answer;
    }
    if (commands->keepings)
        commands->keepings->link = &self->next;
    commands->keepings = self;
    cf_log_keep_leases(log, kept, self);
}

/* ---- Time ---- */

/* Devices that were shut out have nothing any more. */
static size_t drop_strangers(cf_lease_timer *in, cf_log *log, cf_leases *leases)
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

static cf_session *session_of(const cf_lease_commands *commands, const cf_hash *user,
                              uint64_t serial)
{
    cf_session *session = cf_sessions_first_of(commands->service->sessions, user);

    while (session && session->serial != serial)
        session = cf_sessions_next_of(session);
    return session;
}

void cf_lease_timer_serve_next(cf_lease_commands *commands, cf_log *log, cf_leases *leases)
{
    cf_lease_ask ask;
    cf_lease_held held;

    while (cf_leases_next(leases, commands->service->now_ms, &ask, &held)) {
        cf_message answer = cf_lease_message(&held.request, &held.token, held.until_ms);

        cf_lease_note(commands->service, CF_AUDIT_LEASE_GRANTED, cf_log_user(log), &held,
                      "it waited");
        cf_lease_keep(commands, log, session_of(commands, cf_log_user(log), ask.session),
                      CF_COMMAND_LOCK, &answer);
    }
}

/* What was granted before the user was at another home has no say any more. */
static size_t end_before_move(const cf_lease_commands *commands, const cf_log *log,
                              cf_leases *leases)
{
    uint64_t generation = cf_registry_home_generation(cf_log_registry(log));
    size_t count;
    const cf_lease_held *held = cf_leases_all(leases, &count);

    for (size_t i = 0; i < count && cf_leases_token(leases).generation < generation; i++)
        cf_lease_note(commands->service, CF_AUDIT_LEASE_EXPIRED, cf_log_user(log), &held[i],
                      "the user has moved to another home");
    return cf_leases_raise(leases, generation);
}

/* What ended is noted before it goes. */
static void note_ends(const cf_lease_commands *commands, const cf_log *log, const cf_leases *leases)
{
    size_t count;
    const cf_lease_held *held = cf_leases_all(leases, &count);

    for (size_t i = 0; i < count; i++)
        if (held[i].until_ms && held[i].until_ms <= commands->service->now_ms)
            cf_lease_note(commands->service, CF_AUDIT_LEASE_EXPIRED, cf_log_user(log), &held[i],
                          NULL);
}

void cf_lease_timer_look_after(cf_lease_commands *commands, cf_lease_timer *in, cf_log *log,
                               cf_leases *leases)
{
    uint64_t now_ms = commands->service->now_ms;
    size_t ended = drop_strangers(in, log, leases) + end_before_move(commands, log, leases);

    if (cf_leases_deadline(leases) <= now_ms) {
        note_ends(commands, log, leases);
        ended += cf_leases_expire(leases, now_ms);
    }
    if (!ended)
        return;
    make_due(commands, in);
    cf_lease_keep(commands, log, NULL, CF_COMMAND_UNLOCK, NULL);
    cf_lease_timer_serve_next(commands, log, leases);
}

void cf_lease_commands_expire(cf_lease_commands *commands, cf_log *log)
{
    cf_lease_timer *in = room_of(commands, cf_log_user(log));
    cf_leases *leases = in ? cf_log_leases(log) : NULL;

    if (leases)
        cf_lease_timer_look_after(commands, in, log, leases);
}

/* ---- What others hear ---- */

void cf_lease_send_all(const cf_lease_commands *commands, const cf_session *session,
                       cf_leases *leases, const cf_id *request)
{
    size_t count;
    const cf_lease_held *held = cf_leases_all(leases, &count);
    cf_lease *list = cf_allocate(count, sizeof *list);
    cf_message message = {.command = CF_COMMAND_LEASES,
                          .leases = {.request = *request, .leases = list, .lease_count = count}};

    for (size_t i = 0; i < count; i++)
        list[i] = (cf_lease){held[i].collection, held[i].name,   held[i].holder,
                             held[i].until_ms,   held[i].shared, held[i].since_ms};
    cf_session_send(commands->service, session, &message);
    free(list);
}

/* To all of the user who asked once, and read what they are told. */
static void tell(const cf_lease_commands *commands, const cf_hash *user, cf_leases *leases)
{
    static const cf_id unasked;
    const cf_service *service = commands->service;

    for (cf_session *session = cf_sessions_first_of(service->sessions, user), *after; session;
         session = after) {
        after = cf_sessions_next_of(session);
        if (session->hears_leases && !cf_session_drop_unread(service, session))
            cf_lease_send_all(commands, session, leases, &unasked);
    }
}

/* Ends what is over, says what is new, and sets when to come again. */
static void visit(cf_lease_commands *commands, cf_lease_timer *in)
{
    cf_log *log = cf_users_find(commands->service->users, &in->user);
    cf_leases *leases = log ? cf_log_leases(log) : NULL;

    cf_alones_leases_changed(commands->service->alones, &in->user);
    if (log && !leases) { /* the store is being opened again */
        make_due(commands, in);
        return;
    }
    if (log) {
        cf_lease_timer_look_after(commands, in, log, leases);
        if (in->is_news)
            tell(commands, &in->user, leases);
        in->is_news = false;
        cf_deadlines_set(&commands->deadlines, &in->deadline, cf_leases_deadline(leases));
    }
    if ((!log || cf_leases_is_idle(leases)) && !in->is_due)
        close_room(commands, in);
}

/* Takes one from those that are due. */
static cf_lease_timer *take_due(cf_lease_commands *commands)
{
    cf_lease_timer *first = commands->first_due;

    commands->first_due = first->next_due;
    if (!commands->first_due)
        commands->end_of_due = &commands->first_due;
    first->is_due = false;
    return first;
}

uint64_t cf_lease_commands_tick(cf_lease_commands *commands)
{
    cf_deadline *deadline;
    size_t count = 0;

    while ((deadline = cf_deadlines_due(&commands->deadlines, commands->service->now_ms))) {
        cf_deadlines_set(&commands->deadlines, deadline, UINT64_MAX);
        make_due(commands, cf_container_of(deadline, cf_lease_timer, deadline));
    }
    for (const cf_lease_timer *room = commands->first_due; room; room = room->next_due)
        count++; /* what becomes due meanwhile waits for the next round */
    while (count-- > 0)
        visit(commands, take_due(commands));
    return cf_deadlines_next(&commands->deadlines);
}

void cf_lease_commands_members_changed(cf_lease_commands *commands, const cf_hash *user)
{
    cf_lease_timer *in = room_of(commands, user);

    if (in)
        make_due(commands, in);
}

void cf_lease_commands_clock_set(cf_lease_commands *commands, int64_t later_ms)
{
    for (cf_lease_timer *in = commands->timers; in; in = in->next) {
        cf_log *log = cf_users_find(commands->service->users, &in->user);
        cf_leases *leases = log ? cf_log_leases(log) : NULL;

        if (!leases)
            continue;
        cf_leases_clock_set(leases, later_ms);
        make_due(commands, in);
        tell(commands, &in->user, leases);
    }
}

void cf_lease_commands_forget(cf_lease_commands *commands, const cf_session *session)
{
    cf_lease_timer *in = room_of(commands, cf_log_user(session->log));
    cf_leases *leases = in ? cf_log_leases(session->log) : NULL;

    if (!leases)
        return;
    cf_leases_forget_session(leases, session->serial);
    make_due(commands, in);
    cf_lease_timer_serve_next(commands, session->log, leases);
}
