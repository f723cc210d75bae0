/* SPDX-License-Identifier: Apache-2.0 */
/* Of which collections entries go to the broker, and come: of all, of those that a verb names, or
 * of those that this device keeps. All of them while something is brought from a broker that the
 * user has left. */
#include "peer/engine/engine_inside.h"

#include "codec/limits.h"
#include "peer/engine/limits.h"
#include "peer/log/catalog.h"
#include "peer/membership/left_brokers.h"

#include <stdlib.h>

static void add_bound(const cf_engine *engine, cf_ids *ids)
{
    for (size_t i = 0; i < engine->count; i++)
        cf_ids_add(ids, &engine->bindings[i]->collection);
}

bool cf_engine_keeps_all(const cf_engine *engine)
{
    return engine->scope.keep == CF_KEEPING_ALL || cf_peer_is_relay(engine->peer);
}

/* Collections that a device wrote to. */
typedef struct {
    const cf_engine *engine;
    cf_ids *ids;
} written;

static bool add_if_own(void *context, const cf_head *head)
{
    const written *self = context;
    const cf_peer *peer = self->engine->peer;
    cf_head_place place;

    if (cf_log_head_place(peer->log, head, &place) &&
        cf_hash_equal(&place.device, cf_peer_device(peer)) &&
        !cf_collection_is_common(&place.collection))
        cf_ids_add(self->ids, &place.collection);
    return true;
}

/* What this device wrote may lie nowhere else: where a broker lost it, it is brought back. */
static cf_status add_written(const cf_engine *engine, cf_ids *ids, cf_error *error)
{
    written self = {engine, ids};

    return cf_log_heads(engine->peer->log, add_if_own, &self, error);
}

/* Besides the member log and the catalog. True: all, also where the log can't be read. */
static bool find_kept(const cf_engine *engine, cf_ids *ids)
{
    cf_error error;

    if (cf_engine_keeps_all(engine))
        return true;
    add_bound(engine, ids);
    const bool fails = add_written(engine, ids, &error) != CF_OK;
    cf_ids_sort(ids);
    if (!fails)
        return false;
    cf_report(engine->env, CF_REPORT_WARNING, "what this device wrote: %s", error.text);
    return true;
}

void cf_engine_use_scope(cf_engine *engine)
{
    static const cf_id none;
    const cf_engine_scope *scope = &engine->scope;

    if (engine->peer->link && !scope->is_all)
        cf_link_confine(engine->peer->link, scope->at.count ? scope->at.at : &none,
                        scope->at.count);
    else if (engine->peer->link)
        cf_link_confine(engine->peer->link, NULL, 0);
}

void cf_engine_rescope(cf_engine *engine)
{
    cf_engine_scope *scope = &engine->scope;
    cf_ids next = {0};

    bool is_all = scope->brings || (!scope->is_named && find_kept(engine, &next));
    const cf_ids *more = scope->is_named ? &scope->named : &scope->wanted;
    cf_ids_add_all(&next, more->at, more->count);
    cf_ids_sort(&next);
    is_all |= next.count > CF_KEPT_MAX;
    const bool is_same = is_all == scope->is_all && (is_all || cf_ids_equal(&next, &scope->at));
    free(scope->at.at);
    scope->at = next;
    scope->is_all = is_all;
    scope->is_told = false;
    scope->was_all = cf_engine_keeps_all(engine);
    if (!is_same)
        cf_engine_use_scope(engine);
}

void cf_engine_follow_role(cf_engine *engine)
{
    if (engine->scope.was_all != cf_engine_keeps_all(engine))
        cf_engine_rescope(engine);
}

void cf_engine_release_scope(cf_engine_scope *scope)
{
    free(scope->named.at);
    free(scope->wanted.at);
    free(scope->at.at);
}

void cf_engine_confine(cf_engine *engine, const cf_id *collections, size_t count)
{
    cf_engine_scope *scope = &engine->scope;

    if (engine->context.watch)
        return;
    scope->named.count = 0;
    scope->is_named = collections != NULL;
    cf_ids_add_all(&scope->named, collections, count);
    cf_engine_rescope(engine);
}

void cf_engine_want(cf_engine *engine, const cf_id *collection)
{
    cf_ids *wanted = &engine->scope.wanted;

    if (!collection && !wanted->count)
        return;
    wanted->count = 0;
    if (collection)
        cf_ids_add(wanted, collection);
    cf_engine_rescope(engine);
}

bool cf_engine_carries(const cf_engine *engine, const cf_id *collection)
{
    const cf_engine_scope *scope = &engine->scope;
    const cf_kept carried = {scope->is_all, scope->at.at, scope->at.count};

    return cf_kept_has(&carried, collection);
}

/* ---- What is kept ---- */

/* The user left a broker, whose entries are to be at the new one before that is asked which blobs
 * it lacks: what it isn't brought it can't name. */
static bool has_left_any(const cf_engine *engine)
{
    cf_left_brokers left;
    cf_error error;

    return cf_left_brokers_read(engine->home, &left, &error) || left.count;
}

void cf_engine_move(cf_engine *engine, bool is_moving)
{
    engine->scope.is_moving = is_moving;
    cf_engine_use_keep(engine);
}

void cf_engine_use_keep(cf_engine *engine)
{
    cf_keeping keep = CF_KEEPING_ALL;
    cf_error error;

    if (cf_keeping_recall(engine->home, &keep, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "%s", error.text);
    engine->scope.keep = keep;
    engine->scope.brings = engine->scope.is_moving || has_left_any(engine);
    cf_engine_rescope(engine);
}

cf_kept cf_engine_kept(const cf_engine *engine, cf_arena *arena)
{
    cf_ids ids = {0};

    const bool is_all = find_kept(engine, &ids);
    const cf_kept kept = cf_kept_copy(is_all, &ids, arena);
    free(ids.at);
    return kept;
}

/* The collections of its sources. */
static cf_kept find_sources(const cf_engine *engine, cf_arena *arena)
{
    cf_ids ids = {0};

    add_bound(engine, &ids);
    const cf_kept sources = cf_kept_copy(false, &ids, arena);
    free(ids.at);
    return sources;
}

cf_status cf_engine_introduce(cf_engine *engine, uint64_t now_ms, cf_error *error)
{
    cf_status status = cf_catalog_introduce(engine->peer, now_ms, error);
    cf_arena arena = {0};

    if (!status && !engine->scope.is_told && cf_kept_may_tell(engine->peer)) {
        const cf_kept_here here = {cf_engine_kept(engine, &arena), find_sources(engine, &arena)};

        status = cf_kept_tell(engine->peer, &here, now_ms, &engine->scope.is_told, error);
    }
    if (!status)
        status = cf_engine_tell_unmade(engine, now_ms, error);
    cf_arena_release(&arena);
    return status;
}

/* ---- What a relay carries ---- */

/* What a relay carries besides the log: its blobs. */

static uint64_t recall_room(const cf_engine *engine)
{
    uint64_t room;
    cf_error error;

    if (cf_limits_recall_carried(engine->home, &room, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "%s", error.text);
    return room;
}

/* Who is a relay no longer keeps what it has, and brings it: it may be all that there is. */
void cf_engine_open_carried(cf_engine *engine)
{
    cf_blobs *blobs;
    cf_error error;

    if (engine->carried || engine->carries_nothing)
        return;
    cf_status status = cf_home_blobs(engine->home, cf_peer_is_relay(engine->peer), &blobs, &error);
    if (!status)
        engine->carried =
            cf_carried_new(&(cf_carried_options){engine->peer, blobs, recall_room(engine)});
    else if (status != CF_MISSING)
        cf_report(engine->env, CF_REPORT_WARNING, "no blobs can be carried here: %s", error.text);
    engine->carries_nothing = status && (cf_peer_is_relay(engine->peer) || status != CF_MISSING);
}

void cf_engine_use_carried(cf_engine *engine)
{
    if (engine->carried)
        cf_carried_allow(engine->carried, recall_room(engine));
}

void cf_engine_recheck_carried(cf_engine *engine)
{
    if (engine->carried)
        cf_carried_look_anew(engine->carried);
}

cf_status cf_engine_step_carried(cf_engine *engine, uint64_t *deadline, cf_error *error)
{
    const bool relays = cf_peer_is_relay(engine->peer);

    if (relays)
        cf_engine_open_carried(engine);
    if (!engine->carried)
        return CF_OK;
    return cf_carried_step(engine->carried, relays && engine->most == UINT64_MAX, engine->steady_ms,
                           deadline, error);
}

bool cf_engine_brings_carried(const cf_engine *engine)
{
    return engine->carried && engine->peer->link &&
           cf_transfer_is_offering(cf_link_transfer(engine->peer->link));
}

bool cf_engine_carried(const cf_engine *engine, cf_carried_shown *out)
{
    if (!engine->carried)
        return false;
    const bool relays = cf_peer_is_relay(engine->peer);

    cf_carried_show(engine->carried, out);
    if (!relays)
        out->lacks = out->absent = 0; /* it fetches none any more */
    return relays || out->count;
}
