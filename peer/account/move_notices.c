/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/move_notices.h"

#include "codec/deadlines.h"
#include "codec/member.h"
#include "peer/account/migrations.h"
#include "peer/engine/engine.h"
#include "peer/engine/connections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BROKERS_MAX = 8,          /* those that were left last */
    PATIENCE_MS = 3000,       /* of one session, */
    PATIENCE_AGAIN_MS = 1000, /* and where the one before was in vain */
    AGAIN_MS = 60000,         /* to who could not be reached, in the same session */
    NAME_SIZE = 5 + 16 + 1,   /* "told-", and the beginning of the broker's key */
    RECORD_SIZE = 4 * 8,
    OLD_RECORD_SIZE = 3 * 8, /* before it had `words` */
};

/* What was said of a broker that could not be told, since it was told last. */
enum { NOTHING_SAID = 0, SAID = 1, GIVEN_UP = 2 };

/* How many entries of the member log a broker was told of, how many it was to be told of when that
 * was tried last, when, and what was said of it. */
typedef struct {
    uint64_t told, tried, tried_ms, words;
} record;

typedef struct {
    cf_move_notices *notices;
    cf_address to;
    cf_link *link;
    cf_connection *connection;
    record kept;
    uint64_t give_up_ms;
    bool is_over, is_told;
    cf_error why; /* it could not be told */
} notice;

struct cf_move_notices {
    const cf_connections *connections;
    cf_engine *engine;
    cf_migrations *migrations;
    notice *out[BROKERS_MAX];
    size_t count;
    size_t seen;      /* entries of the member log at the last look */
    uint64_t next_ms; /* when somebody is due that could not be reached */
    uint64_t session; /* with the broker in use, in which all were tried */
};

/* ---- What is kept ---- */

static void name_of(const cf_address *broker, char name[NAME_SIZE])
{
    memcpy(name, "told-", 5);
    cf_hex(cf_bytes_of(broker->key, 8), name + 5);
}

static cf_status read_record(cf_home *home, const cf_address *broker, record *out, cf_error *error)
{
    cf_buffer value = {0};
    char name[NAME_SIZE];

    *out = (record){0};
    name_of(broker, name);
    cf_status status = cf_home_get(home, name, &value, error);
    if (!status && (value.size == RECORD_SIZE || value.size == OLD_RECORD_SIZE))
        *out = (record){cf_get_u64(value.data), cf_get_u64(value.data + 8),
                        cf_get_u64(value.data + 16),
                        value.size == RECORD_SIZE ? cf_get_u64(value.data + 24) : NOTHING_SAID};
    cf_buffer_release(&value);
    return status == CF_MISSING ? CF_OK : status;
}

static cf_status keep_record(cf_home *home, const cf_address *broker, const record *kept,
                             cf_error *error)
{
    uint8_t value[RECORD_SIZE];
    char name[NAME_SIZE];

    name_of(broker, name);
    cf_put_u64(value, kept->told);
    cf_put_u64(value + 8, kept->tried);
    cf_put_u64(value + 16, kept->tried_ms);
    cf_put_u64(value + 24, kept->words);
    return cf_home_set(home, name, cf_bytes_of(value, sizeof value), error);
}

/* ---- Who is to be told ---- */

typedef struct {
    cf_address brokers[BROKERS_MAX];
    size_t count;
} broker_list;

static bool is_listed(const broker_list *list, const cf_address *broker)
{
    for (size_t i = 0; i < list->count; i++)
        if (memcmp(list->brokers[i].key, broker->key, sizeof broker->key) == 0)
            return true;
    return false;
}

static void list_home(broker_list *list, const cf_registry *registry, size_t index)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_member member;
    cf_address broker;
    cf_error ignored;

    if (cf_entry_read(cf_registry_entry(registry, index), &arena, &entry, &ignored) == CF_OK &&
        cf_member_read(entry.body, &arena, &member, &ignored) == CF_OK &&
        cf_address_read(cf_arena_text(&arena, member.address), &broker, &ignored) == CF_OK &&
        !is_listed(list, &broker))
        list->brokers[list->count++] = broker;
    cf_arena_release(&arena);
}

/* Whoever a `home` names. The broker in use is the first; it is none of them. */
static cf_status list_brokers(const cf_peer *peer, broker_list *list, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_buffer line = {0};

    list->count = 0;
    cf_status status = cf_home_get(peer->home, CF_HOME_BROKER, &line, error);
    cf_buffer_append(&line, "", 1);
    if (!status)
        status = cf_address_read((const char *)line.data, &list->brokers[0], error);
    cf_buffer_release(&line);
    if (status)
        return status;
    list->count = 1;
    for (size_t i = cf_registry_count(registry); i > 0 && list->count < BROKERS_MAX; i--)
        if (cf_registry_operation(registry, i - 1)->kind == CF_MEMBER_HOME)
            list_home(list, registry, i - 1);
    return CF_OK;
}

/* ---- One session ---- */

static void on_idle(void *context)
{
    notice *self = context;

    self->is_over = self->is_told = true;
    cf_connections_wake(self->notices->connections);
}

/* It holds all that we do. */
static void on_moved(void *context, cf_bytes address)
{
    (void)address;
    on_idle(context);
}

/* Who knows neither the user nor this device holds nothing of it, or is to be told by others. */
static void on_lost(void *context, const cf_link_loss *loss)
{
    notice *self = context;

    self->is_told = self->is_told || loss->why->status == CF_DENIED;
    self->is_over = true;
    self->why = *loss->why;
    cf_connections_wake(self->notices->connections);
}

static void on_refused(void *context, const cf_link_refusal *refusal)
{
    notice *self = context;

    if (!refusal->never)
        return;
    self->is_over = true;
    cf_fail(&self->why, CF_DENIED, "%.*s", (int)refusal->text.size,
            (const char *)refusal->text.data);
    cf_connections_wake(self->notices->connections);
}

static void on_entry(void *context, const cf_entry *entry)
{
    notice *self = context;

    cf_link_credit(self->link, entry->wire.size);
}

static void send_out(cf_move_notices *notices, const cf_address *to, const record *kept,
                     uint64_t now_ms)
{
    const cf_peer *peer = cf_engine_peer(notices->engine);
    notice *self = cf_allocate(1, sizeof *self);
    cf_link_options link = {.env = notices->connections->env,
                            .store = cf_home_store(peer->home),
                            .user = *cf_peer_user(peer),
                            .only_members = true,
                            .events = cf_link_silence(self)};

    *self = (notice){.notices = notices, .to = *to, .kept = *kept};
    self->give_up_ms = now_ms + (kept->tried < notices->seen ? PATIENCE_MS : PATIENCE_AGAIN_MS);
    self->kept.tried = notices->seen;
    self->kept.tried_ms = cf_env_now_ms(notices->connections->env);
    link.events.idle = on_idle;
    link.events.moved = on_moved;
    link.events.lost = on_lost;
    link.events.refused = on_refused;
    link.events.entry = on_entry;
    self->link = cf_link_new(&link);
    cf_link_start(self->link);
    self->connection =
        cf_connect(notices->connections,
                   &(cf_connection_options){.link = self->link,
                                            .address = &self->to,
                                            .curve_public = cf_keys_public(peer->keys)->curve,
                                            .curve_secret = cf_keys_curve_secret(peer->keys)});
    notices->out[notices->count++] = self;
}

static void free_notice(notice **self)
{
    cf_disconnect((*self)->notices->connections, &(*self)->connection);
    cf_link_destroy(&(*self)->link);
    free(*self);
    *self = NULL;
}

static void take_back(cf_move_notices *notices, notice **self, uint64_t now_ms)
{
    const cf_env *env = notices->connections->env;
    cf_home *home = cf_engine_peer(notices->engine)->home;
    notice *it = *self;
    record now;
    cf_error error;

    if (read_record(home, &it->to, &now, &error) == CF_OK && now.words > it->kept.words)
        it->kept.words = now.words; /* it was given up meanwhile */
    if (it->is_told) {
        it->kept.told = it->kept.tried;
        it->kept.words = NOTHING_SAID;
    } else {
        cf_deadline_lower(&notices->next_ms, now_ms + AGAIN_MS);
    }
    if (!it->is_told && it->kept.words == NOTHING_SAID) {
        it->kept.words = SAID;
        cf_report(env, CF_REPORT_WARNING,
                  "%s:%u, where this user was before, could not be told which devices are in (%s); "
                  "it is tried again, and waited for, by each sync. If that broker never comes "
                  "back, `counterfoil broker --give-up` ends that",
                  it->to.host, (unsigned)it->to.port, it->why.status ? it->why.text : "no answer");
    }
    if (keep_record(home, &it->to, &it->kept, &error))
        cf_report(env, CF_REPORT_WARNING, "keeping what a broker was told: %s", error.text);
    if (it->kept.tried < cf_registry_count(cf_log_registry(cf_engine_peer(notices->engine)->log)))
        notices->seen = 0; /* the member log has grown meanwhile */
    free_notice(self);
}

static bool is_out(const cf_move_notices *notices, const cf_address *to)
{
    for (size_t i = 0; i < notices->count; i++)
        if (memcmp(notices->out[i]->to.key, to->key, sizeof to->key) == 0)
            return true;
    return cf_migrations_are_first(notices->migrations, to);
}

/* ---- All of them ---- */

cf_move_notices *cf_move_notices_new(const cf_connections *connections, cf_engine *engine)
{
    cf_move_notices *notices = cf_allocate(1, sizeof *notices);

    notices->connections = connections;
    notices->engine = engine;
    notices->migrations = cf_migrations_new(connections, engine);
    notices->next_ms = UINT64_MAX;
    return notices;
}

void cf_move_notices_destroy(cf_move_notices **notices)
{
    if (!*notices)
        return;
    cf_migrations_destroy(&(*notices)->migrations);
    for (size_t i = 0; i < (*notices)->count; i++)
        free_notice(&(*notices)->out[i]);
    free(*notices);
    *notices = NULL;
}

void cf_move_notices_try_all(cf_move_notices *notices)
{
    notices->session = 0; /* as in a new one */
    cf_migrations_try_all(notices->migrations);
}

bool cf_move_notices_migrate(const cf_move_notices *notices)
{
    return notices && cf_migrations_are_out(notices->migrations);
}

bool cf_move_notices_are_out(const cf_move_notices *notices)
{
    bool out = notices && cf_move_notices_migrate(notices);

    for (size_t i = 0; notices && i < notices->count; i++)
        out |= notices->out[i]->kept.words != GIVEN_UP;
    return out;
}

cf_status cf_move_notices_give_up(cf_peer *peer, cf_error *error)
{
    const size_t members = cf_registry_count(cf_log_registry(peer->log));
    broker_list list;
    cf_status status = list_brokers(peer, &list, error);

    if (status == CF_MISSING)
        return CF_OK; /* it never was at any */
    for (size_t i = 1; !status && i < list.count; i++) {
        record kept;

        status = read_record(peer->home, &list.brokers[i], &kept, error);
        if (status || kept.told >= members)
            continue;
        kept.words = GIVEN_UP;
        status = keep_record(peer->home, &list.brokers[i], &kept, error);
    }
    return status;
}

static void take_back_those_over(cf_move_notices *notices, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < notices->count; i++) {
        notice *it = notices->out[i];

        if (it->is_over || now_ms >= it->give_up_ms)
            take_back(notices, &it, now_ms);
        else
            notices->out[kept++] = it;
    }
    notices->count = kept;
}

/* Who can be reached again may be so because this device can reach others again. */
static bool begins_session(cf_move_notices *notices)
{
    const cf_link *link = cf_engine_link(notices->engine);
    uint64_t session = link && cf_link_is_connected(link) ? cf_link_session(link) : 0;
    bool begins = session && session != notices->session;

    if (begins)
        notices->session = session;
    return begins;
}

/* The last try is kept in the home, by the time of day; one that is to come is of a clock that was
 * set back. Returns how long it is until the next one is due. */
static uint64_t due_in_ms(const cf_move_notices *notices, const record *kept)
{
    const uint64_t time_ms = cf_env_now_ms(notices->connections->env);
    const uint64_t ago_ms = time_ms > kept->tried_ms ? time_ms - kept->tried_ms : 0;

    if (kept->tried_ms > time_ms || ago_ms >= AGAIN_MS)
        return 0;
    return AGAIN_MS - ago_ms;
}

static cf_status look(cf_move_notices *notices, uint64_t now_ms, bool tries_all, cf_error *error)
{
    cf_home *home = cf_engine_peer(notices->engine)->home;
    broker_list list;

    notices->next_ms = UINT64_MAX;
    cf_status status = list_brokers(cf_engine_peer(notices->engine), &list, error);
    if (!status)
        status = cf_migrations_look(notices->migrations, &list.brokers[0], now_ms, error);
    for (size_t i = 1; !status && i < list.count; i++) {
        record kept;

        if (is_out(notices, &list.brokers[i]))
            continue;
        status = read_record(home, &list.brokers[i], &kept, error);
        if (status || kept.told >= notices->seen)
            continue;
        const uint64_t due_ms = due_in_ms(notices, &kept);

        if (tries_all || kept.tried < notices->seen || !due_ms)
            send_out(notices, &list.brokers[i], &kept, now_ms);
        else
            cf_deadline_lower(&notices->next_ms, now_ms + due_ms);
    }
    return status;
}

uint64_t cf_move_notices_step(cf_move_notices *notices, uint64_t now_ms)
{
    size_t members = cf_registry_count(cf_log_registry(cf_engine_peer(notices->engine)->log));
    uint64_t next_ms, migrations_ms;
    cf_error error;

    take_back_those_over(notices, now_ms);
    if (cf_migrations_step(notices->migrations, now_ms, &migrations_ms))
        notices->seen = 0; /* who waited for them may go now */
    bool begins = begins_session(notices);
    if (begins || members != notices->seen || now_ms >= notices->next_ms) {
        notices->seen = members;
        if (look(notices, now_ms, begins, &error) && error.status != CF_MISSING)
            cf_report(notices->connections->env, CF_REPORT_WARNING,
                      "telling the brokers before: %s", error.text);
    }
    next_ms = cf_deadline_earlier(notices->next_ms, migrations_ms);
    for (size_t i = 0; i < notices->count; i++)
        cf_deadline_lower(&next_ms, notices->out[i]->give_up_ms);
    return next_ms;
}
