/* SPDX-License-Identifier: Apache-2.0 */
/* What this device tells the broker that it has applied: so that others can wait for it. */
#include "peer/engine/engine_inside.h"

#include "codec/pack.h"
#include "peer/log/gone.h"

#define META_APPLIED "applied"

static bool is_behind(cf_engine *engine, const cf_id *collection)
{
    bool behind = false;

    for (size_t i = 0; i < engine->count && !behind; i++) {
        cf_pendings pendings = {0};
        cf_binding_status status = {0};

        if (!cf_id_equal(&engine->bindings[i]->collection, collection))
            continue;
        cf_source_status(&engine->sources[i], &pendings, "", &status);
        behind = status.trouble != CF_OK;
        for (size_t k = 0; k < pendings.count; k++)
            behind |= pendings.at[k].kind == CF_PENDING_UNAPPLIED ||
                      pendings.at[k].kind == CF_PENDING_WAITS ||
                      pendings.at[k].kind == CF_PENDING_HELD ||
                      pendings.at[k].kind == CF_PENDING_SPARED;
        cf_pendings_release(&pendings);
    }
    for (size_t i = 0; i < engine->peer->collection_count && !behind; i++)
        behind = cf_id_equal(&engine->peer->collections[i]->id, collection) &&
                 engine->peer->collections[i]->waits;
    return behind;
}

typedef struct {
    cf_engine *engine;
    cf_heads applied;
} gathering;

/* What was applied of it before. */
static void keep_writers(gathering *self, const cf_heads *heads)
{
    for (size_t i = 0; i < heads->count; i++) {
        size_t count = 0;
        const cf_head *before =
            cf_heads_of_writer(&self->engine->applied, &heads->heads[i].writer, &count);

        for (size_t k = 0; k < count; k++)
            cf_heads_insert(&self->applied, &before[k]);
    }
}

static void gather(void *context, const cf_id *collection, const cf_heads *heads)
{
    gathering *self = context;

    if (is_behind(self->engine, collection))
        keep_writers(self, heads);
    else
        cf_heads_add_new(&self->applied, heads, NULL);
}

static bool are_equal(const cf_heads *a, const cf_heads *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++)
        equal = cf_head_compare(&a->heads[i], &b->heads[i]) == 0;
    return equal;
}

static void save(cf_engine *engine)
{
    cf_store *store = cf_home_store(engine->home);
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error error;

    cf_heads_pack(&value, engine->applied.heads, engine->applied.count);
    cf_record record = {cf_key_meta(&arena, META_APPLIED), cf_buffer_view(&value)};
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
        cf_heads_read(&reader, SIZE_MAX, &engine->applied, &ignored); /* else it is said anew */
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static bool is_quiet(const cf_engine *engine)
{
    bool quiet = !engine->inbox_count && !cf_downloads_busy(engine->workshop.downloads) &&
                 !cf_uploads_busy(engine->workshop.uploads) && !cf_resupply_busy(engine->resupply);

    for (size_t i = 0; i < engine->count && quiet; i++)
        quiet = !cf_source_busy(&engine->sources[i], engine->now_ms);
    return quiet;
}

/* What nobody brought back in this session so far. */
static void note_gone(cf_engine *engine)
{
    size_t lacking = cf_contents_lacking(engine->peer->contents);
    cf_error error;

    if (engine->noted_session == cf_link_session(engine->peer->link) &&
        engine->noted_lacking == lacking)
        return;
    engine->noted_session = cf_link_session(engine->peer->link);
    engine->noted_lacking = lacking;
    if (cf_gone_keep(engine->peer, &error))
        cf_report(engine->env, CF_REPORT_WARNING, "noting what is gone: %s", error.text);
}

void cf_engine_report(cf_engine *engine)
{
    cf_link *link = engine->peer->link;
    gathering self = {.engine = engine};

    if (!link || !cf_link_is_idle(link) || !is_quiet(engine) ||
        (engine->reported_session == cf_link_session(link) &&
         engine->reported_activity == engine->workshop.activity))
        return;
    engine->reported_activity = engine->workshop.activity;
    note_gone(engine);
    cf_author_each(engine->peer->author, gather, &self);
    bool is_new = !are_equal(&self.applied, &engine->applied);
    if (is_new || engine->reported_session != cf_link_session(link)) {
        engine->reported_session = cf_link_session(link);
        cf_heads_release(&engine->applied);
        engine->applied = self.applied;
        self.applied = (cf_heads){0};
        if (is_new)
            save(engine);
        cf_link_report(link, &engine->applied);
    }
    cf_heads_release(&self.applied);
}
