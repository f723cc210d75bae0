/* SPDX-License-Identifier: Apache-2.0 */
/* What this device tells the broker that it has applied: so that others can wait for it. And what
 * it keeps of what it can't have. */
#include "codec/deadlines.h"
#include "peer/engine/engine_inside.h"

#include "codec/pack.h"
#include "peer/log/gone.h"

#include <stdlib.h>

#define META_APPLIED "applied"

enum { GONE_AGAIN_MS = 60000 };

static bool is_behind(cf_engine *engine, const cf_id *collection)
{
    bool behind = false;

    for (size_t i = 0; i < engine->count && !behind; i++)
        behind = cf_id_equal(&engine->bindings[i]->collection, collection) &&
                 (engine->sources[i].paused[0] || cf_source_behind(&engine->sources[i]));
    const cf_collection *known = cf_peer_known_collection(engine->peer, collection);

    return behind || (known && known->waits);
}

/* A collection can only become behind by an entry, and be applied again without one. So those whose
 * heads changed are asked, and those that were behind. */
static void list_due(void *context, const cf_id *collection)
{
    cf_ids_add(context, collection);
}

static cf_ids take_due(cf_engine *engine)
{
    cf_ids due = engine->reports.behind;

    engine->reports.behind = (cf_ids){0};
    cf_author_each_changed(engine->peer->author, list_due, &due);
    cf_ids_sort(&due);
    return due;
}

static void add_writer(cf_heads *into, const cf_heads *from, const cf_id *writer)
{
    size_t count;
    const cf_head *heads = cf_heads_of_writer(from, writer, &count);

    for (size_t i = 0; heads && i < count; i++)
        cf_heads_insert(into, &heads[i]);
}

static bool has_writer(const cf_heads *applied, const cf_heads *heads, const cf_id *writer)
{
    size_t count, had_count;
    const cf_head *of = cf_heads_of_writer(heads, writer, &count);
    const cf_head *had = cf_heads_of_writer(applied, writer, &had_count);
    bool same = count == had_count;

    for (size_t i = 0; same && i < count; i++)
        same = cf_head_compare(&of[i], &had[i]) == 0;
    return same;
}

/* Instead of what was applied of these writers. False: it is the same. */
static bool set_writers(cf_heads *applied, const cf_heads *heads)
{
    bool is_new = false;

    for (size_t i = 0; i < heads->count; i++) {
        const cf_id *writer = &heads->heads[i].writer;
        const cf_head *old;
        size_t count;

        if (has_writer(applied, heads, writer))
            continue;
        while ((old = cf_heads_of_writer(applied, writer, &count))) {
            const cf_head head = *old;

            cf_heads_remove(applied, &head);
        }
        add_writer(applied, heads, writer);
        is_new = true;
    }
    return is_new;
}

static bool are_equal(const cf_heads *a, const cf_heads *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++)
        equal = cf_head_compare(&a->heads[i], &b->heads[i]) == 0;
    return equal;
}

/* What is applied of these collections, the first time of all. False: it is the same. */
static bool gather(cf_engine *engine, const cf_ids *due)
{
    cf_heads before = engine->reports.applied; /* of collections that are gone, too */
    const bool is_first = !engine->reports.knows_applied;
    bool is_new = false;

    if (is_first)
        engine->reports.applied = (cf_heads){0};
    for (size_t i = 0; i < due->count; i++) {
        const cf_heads *heads = cf_author_heads(engine->peer->author, &due->at[i]);

        if (!is_behind(engine, &due->at[i])) {
            is_new |= set_writers(&engine->reports.applied, heads);
            continue;
        }
        cf_ids_add(&engine->reports.behind, &due->at[i]);
        for (size_t k = 0; is_first && k < heads->count; k++)
            add_writer(&engine->reports.applied, &before, &heads->heads[k].writer);
    }
    if (is_first) {
        is_new = !are_equal(&before, &engine->reports.applied);
        cf_heads_release(&before);
    }
    engine->reports.knows_applied = true;
    return is_new;
}

static void save(cf_engine *engine)
{
    cf_store *store = cf_home_store(engine->home);
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error error;

    cf_heads_pack(&value, engine->reports.applied.heads, engine->reports.applied.count);
    cf_kv record = {cf_key_meta(&arena, META_APPLIED), cf_buffer_view(&value)};
    if (store->write(store, cf_peer_user(engine->peer), &record, 1, false, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "noting what is applied: %s", error.text);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

void cf_engine_load_applied(cf_engine *engine)
{
    cf_store *store = cf_home_store(engine->home);
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error ignored;

    cf_status status = store->get(store, cf_peer_user(engine->peer),
                                  cf_key_meta(&arena, META_APPLIED), &value, &ignored);
    cf_reader reader = cf_reader_of(cf_buffer_view(&value));
    if (!status)
        cf_heads_read(&reader, SIZE_MAX, &engine->reports.applied,
                      &ignored); /* else it is said anew */
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static bool is_quiet(const cf_engine *engine)
{
    bool quiet = !engine->inbox_count && !cf_downloads_busy(engine->context.downloads) &&
                 !cf_uploads_busy(engine->context.uploads) && !cf_resupply_busy(engine->resupply);

    for (size_t i = 0; i < engine->count && quiet; i++)
        quiet =
            engine->sources[i].paused[0] || !cf_source_busy(&engine->sources[i], engine->now_ms);
    return quiet;
}

void cf_engine_report(cf_engine *engine)
{
    cf_link *link = engine->peer->link;
    bool is_new;

    if (!link || !cf_link_is_idle_in(link, NULL) || !is_quiet(engine) ||
        (engine->reports.session == cf_link_session(link) &&
         engine->reports.activity == engine->context.activity))
        return;
    engine->reports.activity = engine->context.activity;
    cf_ids due = take_due(engine);
    is_new = gather(engine, &due);
    free(due.at);
    if (is_new || engine->reports.session != cf_link_session(link)) {
        engine->reports.session = cf_link_session(link);
        if (is_new)
            save(engine);
        cf_link_report(link, &engine->reports.applied);
    }
    cf_engine_ask_position(engine);
}

void cf_engine_note_gone(cf_engine *engine, uint64_t *due_ms)
{
    cf_link *link = engine->peer->link;
    const uint64_t session = link ? cf_link_session(link) : 0;
    const size_t lacking = cf_contents_lacking(engine->peer->contents);
    const uint64_t again_ms =
        engine->reports.gone_session ? engine->reports.gone_ms + GONE_AGAIN_MS : 0;
    cf_error error;

    if ((engine->reports.gone_session == session && engine->reports.gone_lacking == lacking) ||
        !link || !cf_link_is_idle(link) || !is_quiet(engine))
        return;
    if (lacking && engine->steady_ms < again_ms) {
        cf_deadline_lower(due_ms, again_ms);
        return;
    }
    engine->reports.gone_session = session;
    engine->reports.gone_lacking = lacking;
    engine->reports.gone_ms = engine->steady_ms;
    if (cf_gone_keep(engine->peer, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "noting what is gone: %s", error.text);
}
