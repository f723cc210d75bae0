/* SPDX-License-Identifier: Apache-2.0 */
/* How sources, the broker and transfers stand, for `status`: worked out when it is asked. Of
 * several reasons that one path is pending, the first one added is told, so the order of
 * cf_engine_status counts. What is held is said once by itself, too, where a process serves. */
#include "peer/bindings/pendings.h"
#include "peer/engine/engine_inside.h"
#include "peer/log/catalog.h"
#include "peer/log/dot_entry.h"
#include "peer/log/record_names.h"
#include "peer/log/unsent.h"
#include "peer/sources/context/lock_guard.h"
#include "peer/sources/records/record_conflicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Conflict copies ---- */

typedef struct {
    cf_engine *engine;
    const cf_binding *binding;
    cf_collection *collection;
    cf_arena *arena;
    cf_conflict *at;
    size_t count, capacity;
} conflicts;

static void add_conflict(void *context, const cf_dot *written, cf_bytes path,
                         const cf_record_conflict *field)
{
    conflicts *list = context;
    cf_conflict conflict = {.path = cf_arena_copy(list->arena, path),
                            .field = field,
                            .written = *written,
                            .device = cf_dot_device(list->engine->peer, written)};

    *cf_one_more(list->at, list->count, list->capacity) = conflict;
}

static void add_copy(conflicts *list, const cf_conflict_copy *copy)
{
    add_conflict(list, &copy->written, copy->path, NULL);
    list->at[list->count - 1].free = cf_arena_copy(list->arena, copy->free);
}

static void find_conflicts(conflicts *list)
{
    const cf_conflict_copy *copies;
    cf_arena arena = {0};
    size_t count;

    cf_view_conflicts(list->collection->view, &arena, &copies, &count);
    for (size_t i = 0; i < count; i++)
        if (cf_include_match_path(list->binding->matcher, copies[i].path, false) == CF_INCLUDE_IN)
            add_copy(list, &copies[i]);
    cf_arena_release(&arena);
}

/* ---- Items that are overfull ---- */

typedef struct {
    cf_engine *engine;
    const cf_binding *binding;
    const cf_collection *collection;
    cf_pendings *pendings;
} overfull_search;

static void append_place(const overfull_search *search, const cf_id *item, bool *here,
                         cf_buffer *out)
{
    const cf_binding *binding = search->binding;
    const cf_node *node = cf_nodes_next_of_item(binding->nodes, item, NULL);
    const cf_row *row = cf_rows_of_item(binding->rows, item);

    *here = node || row;
    if (node)
        cf_binding_path(binding, node->number, out);
    else if (row)
        cf_binding_row_path(binding, item->bytes[0], row->table, row->key, out);
    else
        cf_item_path(search->collection, item, out);
}

static void add_overfull(void *context, const cf_id *item)
{
    overfull_search *search = context;
    const cf_overfull full = cf_state_overfull_of(search->collection->state, item);
    const cf_hash device = cf_dot_device(search->engine->peer, &full.one);
    cf_buffer path = {0};
    cf_arena arena = {0};
    char text[512];
    bool here;

    append_place(search, item, &here, &path);
    snprintf(
        text, sizeof text,
        "it has more writes than an item may have (%zu), %zu of them by %s: %s. If that device "
        "is not to be trusted, shut it out (`counterfoil devices revoke`)",
        full.writes, full.by_one, cf_catalog_device_name(search->engine->peer, &device, &arena),
        here ? "what lies here stays as it is; a copy of it under another name is synced"
             : "it is shown nowhere");
    cf_pendings_add(search->pendings, CF_PENDING_SKIPPED, cf_buffer_view(&path), text);
    cf_buffer_release(&path);
    cf_arena_release(&arena);
}

static void add_all_overfull(cf_engine *engine, const cf_binding *binding,
                             const cf_collection *collection, cf_pendings *pendings)
{
    overfull_search search = {engine, binding, collection, pendings};

    cf_state_each_overfull(collection->state, add_overfull, &search);
}

/* ---- What the broker does not have yet ---- */

/* What it says of entries or blobs that it takes later only; NULL: nothing. */
static const char *delay_of(const cf_engine *engine)
{
    return engine->session.delay[0] ? engine->session.delay
                                    : cf_uploads_delay(engine->context.uploads);
}

static const char *tried_again(cf_arena *arena, const char *why)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s; it is tried again", why);
    const char *copy = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return copy;
}

static const char *how_sending_goes(const cf_engine *engine, cf_arena *arena)
{
    const char *delay = cf_uploads_delay(engine->context.uploads);

    if (!cf_uploads_may_seal(engine->context.uploads))
        return "it waits for the broker";
    if (cf_uploads_deferred(engine->context.uploads) && !cf_uploads_busy(engine->context.uploads))
        return CF_WAITS_METERED; /* what stands in its way does */
    return delay ? tried_again(arena, delay) : "it is being sent";
}

typedef struct {
    cf_engine *engine;
    const cf_binding *binding;
    cf_pendings *pendings;
    cf_pending_kind kind;
    const char *reason;
} unsent_search;

static void add_items(unsent_search *search, const cf_entry *entry)
{
    const cf_nodes *nodes = search->binding->nodes;
    const cf_body *body;
    cf_buffer path = {0};
    cf_error ignored;

    if (!cf_id_equal(&entry->header.collection, &search->binding->collection) ||
        cf_contents_open(search->engine->peer->contents, entry, &body, &ignored))
        return;
    for (size_t i = 0; i < body->change_count; i++) {
        const cf_id *item = &body->changes[i].item;
        const cf_node *node = cf_nodes_next_of_item(nodes, item, NULL);
        const cf_row *row = cf_rows_of_item(search->binding->rows, item);

        if ((!node && !row) || (i > 0 && cf_id_equal(item, &body->changes[i - 1].item)))
            continue;
        cf_buffer_clear(&path);
        if (node)
            cf_binding_path(search->binding, node->number, &path);
        else
            cf_binding_row_path(search->binding, item->bytes[0], row->table, row->key, &path);
        cf_pendings_add(search->pendings, search->kind, cf_buffer_view(&path), search->reason);
    }
    cf_buffer_release(&path);
}

static void visit_unsent(void *context, const cf_head *head)
{
    unsent_search *search = context;
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    if (!cf_withheld_has(&search->engine->peer->withheld, head) &&
        cf_log_get(search->engine->peer->log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK)
        add_items(search, &entry);
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
}

bool cf_engine_is_locked(const cf_engine *engine, const cf_id *collection)
{
    const cf_link *link = engine->peer->link;

    return link && (cf_link_is_locked(link, collection) ||
                    (cf_link_is_paused(link, collection) &&
                     cf_downloads_are_paused(engine->context.downloads, collection)));
}

const cf_lease *cf_engine_lock_of(cf_engine *engine, const cf_id *collection)
{
    static const cf_id whole;
    cf_locks *locks = engine->context.locks;

    return cf_locks_own(locks, collection, &whole) ? NULL
                                                   : cf_locks_of_other(locks, collection, &whole);
}

static void find_unsent(cf_engine *engine, const cf_binding *binding, cf_pendings *pendings)
{
    unsent_search search = {engine, binding, pendings, CF_PENDING_UNSENT,
                            "it is not at the broker yet"};
    const cf_lease *lease = cf_engine_lock_of(engine, &binding->collection);
    cf_arena arena = {0};
    cf_error ignored;

    if (engine->session.delay[0])
        search.reason = tried_again(&arena, engine->session.delay);
    if (lease) {
        search.kind = CF_PENDING_LOCKED;
        search.reason = cf_lock_guard_text(engine->peer, lease, &arena);
    }
    if (engine->peer->link)
        cf_unsent_each(cf_home_store(engine->home), cf_peer_user(engine->peer), visit_unsent,
                       &search, &ignored);
    cf_arena_release(&arena);
}

static bool is_among(const cf_id *collections, size_t count, const cf_id *collection)
{
    bool is = count == 0 || cf_collection_is_common(collection);

    for (size_t i = 0; !is && i < count; i++)
        is = cf_id_equal(&collections[i], collection);
    return is;
}

size_t cf_engine_unsent(cf_engine *engine, const cf_id *collections, size_t count)
{
    cf_unsent unsent = {0};
    cf_error ignored;
    cf_id collection;

    if (!engine->peer->link ||
        cf_unsent_load(cf_home_store(engine->home), cf_peer_user(engine->peer), &unsent, &ignored))
        return 0;
    cf_unsent_leave_out(&unsent, &engine->peer->withheld);
    for (size_t i = unsent.count; i > 0; i--)
        if (cf_log_head_collection(engine->peer->log, &unsent.at[i - 1].last, &collection) &&
            !is_among(collections, count, &collection))
            unsent.at[i - 1] = unsent.at[--unsent.count];
    const size_t entries = (size_t)cf_unsent_count(&unsent);
    cf_unsent_release(&unsent);
    return entries;
}

/* ---- Status ---- */

void cf_engine_status(cf_engine *engine, const cf_binding *binding, cf_arena *arena,
                      cf_binding_status *out)
{
    conflicts list = {.engine = engine, .binding = binding, .arena = arena};
    cf_source *source = NULL;
    cf_pendings pendings = {0};
    cf_error ignored;

    /* First: of several reasons the first is told. */
    if (cf_peer_collection(engine->peer, &binding->collection, &list.collection, &ignored) ==
        CF_OK) {
        add_all_overfull(engine, binding, list.collection, &pendings);
        if (list.collection->waits)
            cf_pendings_add(&pendings, CF_PENDING_WAITS,
                            cf_bytes_of_text(cf_binding_file_name(binding)),
                            list.collection->waits);
    }
    for (size_t i = 0; i < engine->count; i++)
        if (engine->bindings[i] == binding)
            source = &engine->sources[i];
    if (source)
        cf_source_status(source, &pendings, how_sending_goes(engine, arena), out);
    find_unsent(engine, binding, &pendings);
    const cf_lease *lease = cf_engine_lock_of(engine, &binding->collection);
    out->lock = lease ? cf_lock_guard_text(engine->peer, lease, arena) : NULL;
    out->is_kept_back = cf_engine_is_locked(engine, &binding->collection);
    cf_pendings_sort(&pendings);
    out->pending = cf_pendings_copy(&pendings, arena);
    out->pending_count = pendings.count;
    cf_pendings_release(&pendings);
    if (list.collection && source) {
        if (cf_format_is_records(binding->format))
            cf_record_conflicts(engine->peer, binding, list.collection, &source->conflicts, arena,
                                add_conflict, &list);
        else
            find_conflicts(&list);
    }
    out->conflicts = (const cf_conflict *)cf_arena_copy(
                         arena, cf_bytes_of(list.at, list.count * sizeof *list.at))
                         .data;
    out->conflict_count = list.count;
    free(list.at);
}

static bool has_line(cf_bytes lines, const char *line)
{
    const size_t size = strlen(line) + 1;

    for (size_t at = 0; at < lines.size; at += strlen((const char *)lines.data + at) + 1)
        if (lines.size - at >= size && memcmp(lines.data + at, line, size) == 0)
            return true;
    return false;
}

/* What was told and is so still is not told again. */
static void tell_held(const cf_engine *engine, cf_source *source)
{
    cf_pendings pendings = {0};
    cf_binding_status status;
    cf_buffer told = {0};
    cf_arena arena = {0};
    size_t count;

    cf_source_status(source, &pendings, "", &status);
    cf_pendings_sort(&pendings);
    cf_held_group *groups = cf_pendings_group_held(pendings.at, pendings.count, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (!has_line(cf_buffer_view(&source->told), groups[i].text))
            cf_report(engine->env, CF_REPORT_WARNING, "%s: %s", status.binding->path,
                      groups[i].text);
        cf_buffer_append(&told, groups[i].text, strlen(groups[i].text) + 1);
    }
    free(groups);
    cf_buffer_release(&source->told);
    source->told = told;
    cf_arena_release(&arena);
    cf_pendings_release(&pendings);
}

static void tell_held_no_more(cf_engine *engine, size_t source)
{
    cf_buffer_release(&engine->sources[source].told);
    cf_report(engine->env, CF_REPORT_NOTICE, "%s: nothing is held any more",
              engine->bindings[source]->path);
}

void cf_engine_tell_held(cf_engine *engine)
{
    for (size_t i = 0; engine->context.watch && i < engine->count; i++) {
        cf_source *source = &engine->sources[i];
        size_t held = cf_source_held(source);

        if (cf_source_busy(source, engine->now_ms))
            continue; /* it may become more at once */
        if (held && held != source->told_held)
            tell_held(engine, source);
        else if (!held && source->told_held)
            tell_held_no_more(engine, i);
        source->told_held = held;
    }
}

void cf_engine_broker_status(cf_engine *engine, cf_broker_status *out)
{
    const cf_link *link = engine->peer->link;
    const char *delay = delay_of(engine);

    *out = (cf_broker_status){
        .set = link != NULL,
        .connected = link && cf_link_is_connected(link),
        .trouble = engine->session.loss.status,
        .retry_ms = engine->session.retry_ms,
        .denials = engine->session.denials,
        .refused = engine->session.refusals.count > 0,
        .heard_at_ms = link ? cf_link_heard_at(link) : 0,
    };
    if (out->connected)
        out->trouble = CF_OK;
    snprintf(out->text, sizeof out->text, "%s",
             engine->session.refusals.count ? engine->session.refusal : engine->session.loss.text);
    if (out->connected && engine->session.crowded) {
        snprintf(out->text, sizeof out->text, "%s", CF_ENGINE_CROWDED);
        out->trouble = CF_TOO_LARGE;
    }
    if (cf_engine_tell_fault(engine, out->text)) {
        out->is_faulty = true;
        out->trouble = CF_MALFORMED;
    }
    snprintf(out->delay, sizeof out->delay, "%s", delay && out->connected ? delay : "");
    out->unsent = cf_engine_unsent(engine, NULL, 0);
}

void cf_engine_traffic(const cf_engine *engine, cf_traffic *out)
{
    cf_upload_figures figures = cf_uploads_count(engine->context.uploads);

    *out = engine->traffic;
    out->deltas = figures.deltas;
    out->delta_bytes = figures.delta_bytes;
    out->blobs_sent = figures.blobs;
    for (size_t i = 0; i < engine->count; i++)
        out->files_applied += cf_source_applied(&engine->sources[i]);
}

/* ---- Flows ---- */

void cf_engine_look_flows(cf_engine *engine)
{
    const uint64_t now_ms = cf_env_steady_ms(engine->env);
    const cf_flow_count up = cf_uploads_flow(engine->context.uploads);
    const cf_flow_count down = cf_downloads_flow(engine->context.downloads);

    cf_flow_look(&engine->up, &up, now_ms);
    cf_flow_look(&engine->down, &down, now_ms);
}

void cf_engine_flows(cf_engine *engine, cf_flows *out)
{
    const uint64_t now_ms = cf_env_steady_ms(engine->env);

    cf_engine_look_flows(engine);
    *out = (cf_flows){cf_flow_show(&engine->up, now_ms), cf_flow_show(&engine->down, now_ms)};
}
