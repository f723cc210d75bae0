/* SPDX-License-Identifier: Apache-2.0 */
/* Of which collections entries go to the broker, and come: of all, of those that a verb names, or
 * of those that this device keeps. */
#include "peer/engine/engine_inside.h"

#include "codec/limits.h"
#include "peer/log/catalog.h"
#include "peer/log/unsent.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    return cf_id_compare(a, b);
}

/* Ascending, each once. */
static void settle(cf_ids *ids)
{
    size_t kept = 0;

    if (ids->count)
        qsort(ids->at, ids->count, sizeof *ids->at, by_id);
    for (size_t i = 0; i < ids->count; i++)
        if (!kept || !cf_id_equal(&ids->at[kept - 1], &ids->at[i]))
            ids->at[kept++] = ids->at[i];
    ids->count = kept;
}

static void add_all(cf_ids *ids, const cf_ids *from)
{
    for (size_t i = 0; i < from->count; i++)
        cf_ids_add(ids, &from->at[i]);
}

static void add_bound(const cf_engine *engine, cf_ids *ids)
{
    for (size_t i = 0; i < engine->count; i++)
        cf_ids_add(ids, &engine->bindings[i]->collection);
}

/* What was written to a collection before its source was taken away still goes. */
static void add_unsent(const cf_engine *engine, cf_ids *ids)
{
    cf_unsent unsent = {0};
    cf_head_place place;
    cf_error ignored;

    if (cf_unsent_load(cf_home_store(engine->home), cf_peer_user(engine->peer), &unsent, &ignored))
        return;
    for (size_t i = 0; i < unsent.count; i++)
        if (cf_log_head_place(engine->peer->log, &unsent.at[i].last, &place))
            cf_ids_add(ids, &place.collection);
    cf_unsent_release(&unsent);
}

bool cf_engine_keeps_all(const cf_engine *engine)
{
    return engine->scope.keep == CF_KEEPING_ALL || cf_peer_is_relay(engine->peer);
}

static bool are_equal(const cf_ids *a, const cf_ids *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++)
        equal = cf_id_equal(&a->at[i], &b->at[i]);
    return equal;
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

    if (scope->is_named) {
        add_all(&next, &scope->named);
    } else if (!cf_engine_keeps_all(engine)) {
        add_bound(engine, &next);
        add_all(&next, &scope->wanted);
        add_unsent(engine, &next);
    }
    settle(&next);
    const bool is_all =
        (!scope->is_named && cf_engine_keeps_all(engine)) || next.count > CF_COLLECTIONS_MAX - 2;
    const bool is_same = is_all == scope->is_all && (is_all || are_equal(&next, &scope->at));
    free(scope->at.at);
    scope->at = next;
    scope->is_all = is_all;
    scope->is_told = false;
    if (!is_same)
        cf_engine_use_scope(engine);
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

    if (engine->workshop.watch)
        return;
    scope->named.count = 0;
    scope->is_named = collections != NULL;
    for (size_t i = 0; i < count; i++)
        cf_ids_add(&scope->named, &collections[i]);
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

void cf_engine_use_keep(cf_engine *engine)
{
    cf_keeping keep = CF_KEEPING_ALL;
    cf_error error;

    if (cf_keeping_recall(engine->home, &keep, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "%s", error.text);
    engine->scope.keep = keep;
    cf_engine_rescope(engine);
}

cf_kept cf_engine_kept(const cf_engine *engine, cf_arena *arena)
{
    cf_ids bound = {0};

    if (!cf_engine_keeps_all(engine))
        add_bound(engine, &bound);
    settle(&bound);
    cf_id *at = cf_arena_allocate(arena, bound.count + 1, sizeof *at);
    if (bound.count)
        memcpy(at, bound.at, bound.count * sizeof *at);
    const cf_kept kept = {cf_engine_keeps_all(engine), at, bound.count};
    free(bound.at);
    return kept;
}

cf_status cf_engine_introduce(cf_engine *engine, uint64_t now_ms, cf_error *error)
{
    cf_status status = cf_catalog_introduce(engine->peer, now_ms, error);
    cf_arena arena = {0};

    if (!status && !engine->scope.is_told) {
        const cf_kept kept = cf_engine_kept(engine, &arena);

        status = cf_kept_tell(engine->peer, &kept, now_ms, &engine->scope.is_told, error);
    }
    cf_arena_release(&arena);
    return status;
}
