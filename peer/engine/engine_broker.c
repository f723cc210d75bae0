/* SPDX-License-Identifier: Apache-2.0 */
/* Which broker the engine talks to: the one that was set, and where the user has moved since. */
#include "peer/engine/engine_inside.h"
#include "peer/engine/limits.h"
#include "peer/log/unsupported.h"

#include "codec/address.h"

#include <stdio.h>

#define HOME_FOLLOWED "home-followed" /* the generation of the last `home` that was followed */
/* Where it was before a broker said that the user has moved: until the member log says so, too. */
#define HOME_BEFORE "broker-before"

enum { FOLLOW_AGAIN_MS = 30000 };

static cf_status read_line(cf_engine *engine, const char *name, cf_buffer *out, cf_error *error)
{
    cf_status status = cf_home_get(engine->home, name, out, error);

    cf_buffer_append(out, "", 1);
    return status == CF_MISSING ? CF_OK : status;
}

static bool has_same_key(const char *a, const char *b)
{
    cf_address first, second;
    cf_error ignored;

    return cf_address_read(a, &first, &ignored) == CF_OK &&
           cf_address_read(b, &second, &ignored) == CF_OK &&
           memcmp(first.key, second.key, sizeof first.key) == 0;
}

/* ---- Where the user was removed ---- */

#define REMOVED_FROM "removed-from" /* the broker's line; empty: it was not, or is there again */

void cf_engine_note_removed(cf_engine *engine, bool was_removed)
{
    cf_error error;

    if (was_removed == engine->session.was_removed)
        return;
    engine->session.was_removed = was_removed;
    if (cf_home_set(engine->home, REMOVED_FROM,
                    cf_bytes_of_text(was_removed ? engine->broker.line : ""), &error))
        cf_report(engine->env, CF_REPORT_WARNING, "noting that the user was removed: %s",
                  error.text);
}

/* A broker says it once, to who is connected then; later it doesn't know the device. */
static cf_status recall_removed(cf_engine *engine, cf_error *error)
{
    cf_buffer line = {0};

    cf_status status = read_line(engine, REMOVED_FROM, &line, error);
    engine->session.was_removed =
        !status && has_same_key((const char *)line.data, engine->broker.line);
    if (engine->session.was_removed)
        cf_fail(&engine->session.loss, CF_DENIED, "%s", CF_ENGINE_REMOVED);
    cf_buffer_release(&line);
    return status;
}

/* ---- Which is used ---- */

void cf_engine_use_limits(cf_engine *engine)
{
    cf_limits limits = {0};
    cf_error error;

    if (!engine->peer->link)
        return;
    if (cf_limits_recall(engine->home, &limits, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "%s", error.text);
    cf_link_limit(engine->peer->link, limits.up, limits.down);
}

/* Without an address there is no session. */
static bool read_own(const cf_engine *engine, cf_address *out)
{
    cf_error ignored;

    return cf_address_read(engine->broker.line, out, &ignored) == CF_OK;
}

void cf_engine_recall_unsupported(cf_engine *engine)
{
    cf_address own;

    if (read_own(engine, &own))
        cf_unsupported_recall(engine->home, &own, engine->env, engine->peer->link);
}

void cf_engine_note_unsupported(cf_engine *engine, cf_command command)
{
    cf_address own;

    if (read_own(engine, &own))
        cf_unsupported_note(engine->home, &own, engine->env, command);
}

static bool collection_of(void *context, const cf_head *head, cf_id *out)
{
    const cf_engine *engine = context;

    return cf_log_head_collection(engine->peer->log, head, out);
}

static bool withholds(void *context, const cf_head *entry)
{
    const cf_engine *engine = context;

    return cf_withheld_has(&engine->peer->withheld, entry);
}

cf_status cf_engine_use_broker(cf_engine *engine, cf_error *error)
{
    cf_peer *peer = engine->peer;
    cf_buffer line = {0};

    cf_status status = read_line(engine, CF_HOME_BROKER, &line, error);
    const char *address = (const char *)line.data;
    bool is_other = !status && *address && strcmp(address, engine->broker.line) != 0;
    if (is_other)
        snprintf(engine->broker.line, sizeof engine->broker.line, "%s", address);
    cf_buffer_release(&line);
    if (!is_other)
        return status;
    engine->broker.number++;
    engine->session.connecting = !engine->is_paused;
    if (!peer->link) {
        peer->link = cf_link_new(&(cf_link_options){
            .env = engine->env,
            .store = cf_home_store(engine->home),
            .user = *cf_peer_user(peer),
            .collection_of = collection_of,
            .withholds = withholds,
            .events = cf_engine_link_events(engine),
        });
        cf_engine_use_limits(engine);
        cf_engine_use_scope(engine);
        cf_engine_reach(engine);
    } else {
        cf_engine_save_acknowledged(engine);
        cf_link_stop(peer->link);
        engine->session.loss = (cf_error){0};
        cf_heads_release(&engine->session.refusals);
    }
    cf_engine_recall_unsupported(engine);
    return recall_removed(engine, error);
}

/* ---- Where else it is ---- */

void cf_engine_told_addresses(cf_engine *engine, const cf_bytes *lines, size_t count)
{
    cf_told_addresses told;
    cf_address own;
    cf_error error;
    bool changed = false;

    if (!engine->broker.awaits_addresses)
        return;
    engine->broker.awaits_addresses = false;
    cf_status status = cf_address_read(engine->broker.line, &own, &error);
    if (!status)
        status = cf_told_addresses_load(engine->home, &own, &told, &error);
    if (!status)
        changed = cf_told_addresses_take(&told, &own, lines, count);
    if (!status && changed) {
        status = cf_told_addresses_save(engine->home, &told, &error);
        engine->broker.told_number++;
    }
    if (status)
        cf_report(engine->env, CF_REPORT_WARNING, "noting where else the broker is: %s",
                  error.text);
}

uint64_t cf_engine_elsewhere(cf_engine *engine, cf_told_addresses *out)
{
    cf_address own;
    cf_error ignored;

    if (out && (cf_address_read(engine->broker.line, &own, &ignored) ||
                cf_told_addresses_load(engine->home, &own, out, &ignored)))
        *out = (cf_told_addresses){0};
    return engine->broker.told_number;
}

uint64_t cf_engine_broker_number(const cf_engine *engine)
{
    return engine->broker.number;
}

/* ---- Moving ---- */

static cf_status switch_to(cf_engine *engine, const char *address, cf_error *error)
{
    cf_status status = cf_home_set(engine->home, CF_HOME_BROKER, cf_bytes_of_text(address), error);

    return status ? status : cf_engine_use_broker(engine, error);
}

static bool reads_as_address(const char *text)
{
    cf_address address;
    cf_error ignored;

    return cf_address_read(text, &address, &ignored) == CF_OK;
}

/* As the member log names it, or NULL. */
static const char *read_home(const cf_engine *engine, cf_arena *arena)
{
    cf_home_broker home;

    return cf_registry_home(cf_log_registry(engine->peer->log), &home)
               ? cf_arena_text(arena, home.address)
               : NULL;
}

bool cf_engine_is_home(const cf_engine *engine, const char *address)
{
    cf_arena arena = {0};
    const char *home = read_home(engine, &arena);

    bool is = has_same_key(home ? home : engine->broker.line, address);
    cf_arena_release(&arena);
    return is;
}

static cf_status read_followed(cf_engine *engine, uint64_t *generation, cf_error *error)
{
    cf_buffer value = {0};

    *generation = 0;
    cf_status status = cf_home_get(engine->home, HOME_FOLLOWED, &value, error);
    if (!status && value.size == 8)
        *generation = cf_get_u64(value.data);
    cf_buffer_release(&value);
    return status == CF_MISSING ? CF_OK : status;
}

static cf_status keep_followed(cf_engine *engine, uint64_t generation, cf_error *error)
{
    uint8_t value[8];

    cf_put_u64(value, generation);
    cf_status status =
        cf_home_set(engine->home, HOME_FOLLOWED, cf_bytes_of(value, sizeof value), error);
    return status ? status : cf_home_set(engine->home, HOME_BEFORE, (cf_bytes){0}, error);
}

static cf_status follow(cf_engine *engine, const cf_home_broker *home, cf_error *error)
{
    cf_arena arena = {0};
    const char *address = cf_arena_text(&arena, home->address);
    bool moves = reads_as_address(address) && !has_same_key(address, engine->broker.line);

    cf_status status = keep_followed(engine, home->generation, error);
    if (!status && moves) {
        cf_report(engine->env, CF_REPORT_NOTICE, "the user has moved to another broker: %s",
                  address);
        status = switch_to(engine, address, error);
    }
    cf_arena_release(&arena);
    return status;
}

/* Not while there is more to come: a later `home` may say otherwise, and what an earlier one names
 * may be gone by now. */
cf_status cf_engine_follow_home(cf_engine *engine, cf_error *error)
{
    const cf_link *link = engine->peer->link;
    cf_home_broker home;
    uint64_t followed;

    if (!link || (cf_link_is_connected(link) && !cf_link_has_all_but_paused(link)) ||
        !cf_registry_home(cf_log_registry(engine->peer->log), &home))
        return CF_OK;
    cf_status status = read_followed(engine, &followed, error);
    if (!status && home.generation > followed)
        status = follow(engine, &home, error);
    return status;
}

static cf_status publish_home(cf_engine *engine, const char *address, cf_error *error)
{
    cf_peer *peer = engine->peer;
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_member home = {.kind = CF_MEMBER_HOME,
                      .time_ms = engine->env->now_ms(engine->env->context),
                      .generation = cf_registry_home_generation(registry) + 1,
                      .address = cf_bytes_of_text(address)};

    cf_status status = cf_peer_publish_member(peer, &home, error);
    return status ? status : keep_followed(engine, home.generation, error);
}

/* The first time it also says where the user was, so that every device, whenever it came, knows who
 * else holds the log. */
cf_status cf_engine_publish_home(cf_engine *engine, const char *address, cf_error *error)
{
    cf_arena arena = {0};
    cf_status status = CF_OK;

    bool is_first = !read_home(engine, &arena) && engine->broker.line[0];
    cf_arena_release(&arena);
    if (is_first && has_same_key(engine->broker.line, address))
        return CF_OK;
    if (is_first)
        status = publish_home(engine, engine->broker.line, error);
    return status ? status : publish_home(engine, address, error);
}

/* ---- What a broker says ---- */

/* A broker is believed only once the member log that the next one has says the same. */
static cf_status try_move(cf_engine *engine, const char *address, cf_error *error)
{
    cf_buffer before = {0};

    cf_status status = read_line(engine, HOME_BEFORE, &before, error);
    if (!status && before.size == 1)
        status =
            cf_home_set(engine->home, HOME_BEFORE, cf_bytes_of_text(engine->broker.line), error);
    cf_buffer_release(&before);
    if (status)
        return status;
    cf_report(engine->env, CF_REPORT_NOTICE, "the broker says that the user has moved to %s",
              address);
    return switch_to(engine, address, error);
}

void cf_engine_moved(cf_engine *engine, cf_bytes address)
{
    cf_arena arena = {0};
    const char *text = cf_arena_text(&arena, address);
    cf_error error = {0};

    bool is_early = engine->broker.went_back_ms &&
                    engine->steady_ms < engine->broker.went_back_ms + FOLLOW_AGAIN_MS;
    if (!is_early && reads_as_address(text) && !has_same_key(text, engine->broker.line) &&
        try_move(engine, text, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "following the user: %s", error.text);
    cf_arena_release(&arena);
}

static bool is_at_home(const cf_engine *engine)
{
    cf_arena arena = {0};
    const char *home = read_home(engine, &arena);

    bool is = home && has_same_key(home, engine->broker.line);
    cf_arena_release(&arena);
    return is;
}

/* Unless the member log had said it before the broker did. */
static cf_status go_back(cf_engine *engine, cf_error *error)
{
    cf_buffer before = {0};

    cf_status status = read_line(engine, HOME_BEFORE, &before, error);
    if (!status && before.size > 1 && is_at_home(engine)) {
        status = cf_home_set(engine->home, HOME_BEFORE, (cf_bytes){0}, error);
    } else if (!status && before.size > 1) {
        engine->broker.went_back_ms = engine->steady_ms;
        status = cf_home_set(engine->home, HOME_BEFORE, (cf_bytes){0}, error);
        if (!status)
            status = switch_to(engine, (const char *)before.data, error);
    }
    cf_buffer_release(&before);
    return status;
}

void cf_engine_check_move(cf_engine *engine)
{
    cf_error error = {0};

    if (go_back(engine, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "going back to the broker before: %s",
                  error.text);
}
