/* SPDX-License-Identifier: Apache-2.0 */
/* In which order a step goes: pauses, locks, what came in, keys, changes of views, transfers,
 * resupply, each source that isn't paused, what is carried; all again as long as any of them did
 * something. Nothing is published before it is known what is locked, or what this home had told
 * before it went back, LOCKS_MS or CATCHES_UP_MS at most. */
#include "broker/platform/jobs.h"
#include "codec/deadlines.h"
#include "peer/engine/engine_inside.h"
#include "peer/sources/context/lock_guard.h"
#include "peer/sources/context/probe.h"

#include <stdlib.h>
#include <string.h>

enum { LOCKS_MS = 2000, CATCHES_UP_MS = 30000 };

/* ---- Two clocks ---- */

/* Deadlines go by the one that nobody sets, sources and leases by the time of day. */

enum {
    COMPARED_MS = 60 * 60 * 1000, /* far less than the day that a clock may be off */
    JUMP_MS = 200,                /* what one clock gains on the other by less is no matter yet */
};

/* Whether the broker's clock agrees is known of the one before. */
static void compare_clocks_again(cf_engine *engine)
{
    if (!engine->peer->link || !cf_link_is_connected(engine->peer->link))
        return;
    engine->session.connecting = true;
    cf_link_begin_anew(engine->peer->link);
}

/* Before anything goes on at `now_ms`, by the time of day: it may have been set since. Sources and
 * leases go by the time of day, as files and people do: what was to be done in a moment is not put
 * off for as long as that was set back, nor does a lease end early because it was set forth. At
 * 3:00 set back to 0:00, a look that was due at 3:01 is due at 0:01. */
static void follow_clock(cf_engine *engine, uint64_t now_ms)
{
    engine->now_ms = now_ms;
    engine->steady_ms = cf_env_steady_ms(engine->env);
    const int64_t apart_ms = (int64_t)(now_ms - engine->steady_ms);
    const int64_t jump_ms = apart_ms - engine->apart_ms;

    if (jump_ms < JUMP_MS && jump_ms > -JUMP_MS)
        return;
    engine->apart_ms = apart_ms;
    for (size_t i = 0; i < engine->count; i++)
        cf_source_clock_set(&engine->sources[i], jump_ms);
    cf_locks_clock_set(engine->context.locks, jump_ms);
    if (engine->clock.status || jump_ms > COMPARED_MS || jump_ms < -COMPARED_MS)
        compare_clocks_again(engine);
}

/* The same moment by the time of day. */
static uint64_t by_time(const cf_engine *engine, uint64_t steady_ms)
{
    if (steady_ms == UINT64_MAX)
        return UINT64_MAX;
    return engine->now_ms + (steady_ms > engine->steady_ms ? steady_ms - engine->steady_ms : 0);
}

/* ---- Watching ---- */

static void watch_changed(void *context, uint64_t folder, cf_bytes name, cf_event_kind kind)
{
    cf_engine *engine = context;

    follow_clock(engine, cf_env_now_ms(engine->env)); /* it may have slept */
    for (size_t i = 0; i < engine->count; i++)
        if (engine->bindings[i]->number == CF_WATCH_SOURCE(folder))
            cf_source_changed(&engine->sources[i], CF_WATCH_NODE(folder), name, kind,
                              engine->now_ms);
}

static void watch_renamed(void *context, uint64_t from_folder, cf_bytes from, uint64_t to_folder,
                          cf_bytes to)
{
    cf_engine *engine = context;
    const cf_look_place before = {.folder = CF_WATCH_NODE(from_folder), .name = from};
    const cf_look_place after = {.folder = CF_WATCH_NODE(to_folder), .name = to};

    for (size_t i = 0; i < engine->count; i++)
        if (engine->bindings[i]->number == CF_WATCH_SOURCE(from_folder) &&
            CF_WATCH_SOURCE(from_folder) == CF_WATCH_SOURCE(to_folder))
            cf_source_renamed(&engine->sources[i], &before, &after);
}

static void watch_moved(void *context, uint64_t folder)
{
    watch_changed(context, folder, CF_WHOLE_FOLDER, CF_EVENT_ABSENT);
}

static void watch_overflowed(void *context)
{
    cf_engine *engine = context;

    cf_report(engine->env, CF_REPORT_NOTICE, "too many changes at once: looking at everything");
    for (size_t i = 0; i < engine->count; i++)
        cf_source_look(&engine->sources[i], CF_LOOK_SYNCS, (cf_delete_word){0}, engine->now_ms);
}

/* The place is the path, or a directory above it. */
static bool holds(const char *place, const char *path)
{
    const size_t size = strcmp(place, "/") == 0 ? 0 : strlen(place);

    return strncmp(place, path, size) == 0 && (path[size] == '/' || !path[size]);
}

/* Which disk lies there now is told by all that is on it. */
void cf_engine_mounted(cf_engine *engine, const char *place)
{
    for (size_t i = 0; engine->context.watch && i < engine->count; i++) {
        const cf_binding *binding = engine->bindings[i];

        if (cf_format_is_records(binding->format))
            continue;
        if (holds(place, binding->path))
            cf_source_reopen(&engine->sources[i]);
        else if (holds(binding->path, place))
            cf_source_changed(&engine->sources[i], CF_WATCH_UNKNOWN, CF_WHOLE_FOLDER,
                              CF_EVENT_ARRIVED, engine->now_ms);
    }
}

/* Sources that lie side by side may share a file by hard links. One that had its turn before has
 * another. */
static void look_at_file(void *context, const cf_binding *in, const cf_stat *file)
{
    cf_engine *engine = context;

    for (size_t i = 0; i < engine->count; i++)
        if (cf_source_look_at_file(&engine->sources[i], file) && engine->bindings[i] != in)
            engine->context.activity++;
}

/* ---- Opening ---- */

static void add_source(cf_engine *engine, cf_binding *binding)
{
    const cf_source source = cf_source_open(&engine->context, binding);
    size_t bindings = engine->count; /* as many as sources */

    *cf_one_more(engine->bindings, bindings, engine->bindings_capacity) = binding;
    *cf_one_more(engine->sources, engine->count, engine->capacity) = source;
}

static void mark_directory(void *context, const cf_id *item)
{
    if (cf_kind_of(item) == CF_KIND_DIRECTORY)
        cf_view_mark_changed(context, item);
}

/* All of a collection is to be compared with the disk: for a source that is new, and after a start,
 * since what was received and not applied may be that all of a directory went. */
static void mark_everything(cf_collection *collection)
{
    cf_view_mark_changed(collection->view, &cf_root_item);
    cf_state_each(collection->state, mark_directory, collection->view);
}

static cf_status load_sources(cf_engine *engine, cf_error *error)
{
    cf_binding **bindings;
    cf_collection *collection;
    size_t count;

    cf_status status = cf_bindings_load(engine->peer, &bindings, &count, error);
    if (status)
        return status;
    for (size_t i = 0; i < count; i++)
        add_source(engine, bindings[i]);
    free(bindings);
    for (size_t i = 0; !status && i < engine->count; i++) {
        status =
            cf_peer_collection(engine->peer, &engine->bindings[i]->collection, &collection, error);
        if (!status)
            mark_everything(collection);
    }
    return status;
}

static cf_binding *const *get_bindings(void *context, size_t *count)
{
    cf_engine *engine = context;

    *count = engine->count;
    return engine->bindings;
}

static bool is_read(void *context, const cf_hash *hash)
{
    const cf_engine *engine = context;

    return cf_uploads_read_base(engine->context.uploads, hash) ||
           cf_downloads_read_base(engine->context.downloads, hash) ||
           cf_resupply_reads(engine->resupply, hash);
}

static cf_status make_parts(cf_engine *engine, bool watch, cf_error *error)
{
    cf_watch_handler handler = {engine, watch_changed, watch_renamed, watch_moved,
                                watch_overflowed};

    engine->context.peer = engine->peer;
    engine->context.look_at_file = look_at_file;
    engine->context.context = engine;
    cf_engine_watch_intake(engine);
    engine->context.uploads = cf_uploads_new(engine->peer);
    engine->context.downloads = cf_downloads_new(&(cf_downloads_options){
        engine->peer, get_bindings, engine, .unmade = cf_engine_note_unmade});
    engine->context.bases =
        cf_bases_new(&(cf_bases_options){engine->peer, get_bindings, is_read, engine});
    engine->resupply = cf_resupply_new(&(cf_resupply_options){engine->peer, get_bindings, engine});
    cf_status status =
        cf_locks_open(engine->peer, watch, engine->now_ms, &engine->context.locks, error);
    return watch && !status
               ? cf_watch_new(engine->env->files, &handler, &engine->context.watch, error)
               : status;
}

cf_status cf_engine_open(const cf_engine_options *options, uint64_t now_ms, cf_engine **out,
                         cf_error *error)
{
    cf_engine *engine = cf_allocate(1, sizeof *engine);

    engine->env = options->env;
    engine->home = options->home;
    engine->now_ms = now_ms;
    engine->steady_ms = cf_env_steady_ms(options->env);
    engine->apart_ms = (int64_t)(now_ms - engine->steady_ms);
    engine->most = UINT64_MAX;
    cf_status status = cf_peer_open(options->env, options->home, &engine->peer, error);
    if (!status)
        status = make_parts(engine, options->watch, error);
    if (!status)
        status = load_sources(engine, error);
    if (!status) {
        cf_engine_use_pauses(engine);
        cf_engine_use_metered(engine);
        cf_engine_use_keep(engine);
    }
    if (!status)
        status = cf_engine_use_broker(engine, error);
    if (!status) {
        cf_bases_sweep(engine->context.bases, engine->bindings, engine->count);
        cf_engine_load_applied(engine);
        cf_checkpoints_load(engine->peer, &engine->checkpoint.own);
        cf_engine_load_unmade(engine);
        cf_engine_open_carried(engine);
    }
    if (status) {
        cf_engine_close(&engine);
        return status;
    }
    *out = engine;
    return CF_OK;
}

void cf_engine_close(cf_engine **engine)
{
    cf_engine *self = *engine;

    if (!self)
        return;
    if (self->peer)
        cf_engine_save_acknowledged(self);
    cf_acknowledged_release(&self->acknowledged);
    cf_pauses_release(&self->pauses);
    free(self->told_locks);
    cf_engine_release_scope(&self->scope);
    cf_unmade_release(&self->unmade.own);
    cf_heads_release(&self->reports.applied);
    free(self->reports.behind.at);
    for (size_t i = 0; i < self->count; i++)
        cf_source_end(&self->sources[i]);
    cf_resupply_destroy(&self->resupply);
    cf_carried_destroy(&self->carried);
    cf_heads_release(&self->session.refusals);
    cf_uploads_destroy(&self->context.uploads);
    cf_downloads_destroy(&self->context.downloads);
    for (size_t i = 0; i < self->count; i++) {
        cf_bases_forget(self->context.bases, self->bindings[i]);
        cf_source_close(&self->sources[i]);
    }
    cf_bases_destroy(&self->context.bases);
    cf_watch_destroy(&self->context.watch);
    for (size_t i = 0; i < self->count; i++)
        cf_binding_destroy(&self->bindings[i], self->env->files);
    for (size_t i = 0; i < self->inbox_count; i++)
        cf_buffer_release(&self->inbox[i]);
    cf_locks_close(&self->context.locks);
    if (self->peer)
        cf_link_destroy(&self->peer->link);
    cf_peer_close(&self->peer);
    free(self->inbox);
    free(self->sources);
    free(self->bindings);
    free(self);
    *engine = NULL;
}

cf_locks *cf_engine_locks(cf_engine *engine)
{
    return engine->context.locks;
}

cf_peer *cf_engine_peer(cf_engine *engine)
{
    return engine->peer;
}

cf_link *cf_engine_link(cf_engine *engine)
{
    return engine->peer->link;
}

cf_watch *cf_engine_watch(cf_engine *engine)
{
    return engine->context.watch;
}

/* ---- Stepping ---- */

/* What changed in the view of a collection is to be applied by each source that shows it. */
static void distribute_changes(cf_engine *engine)
{
    const cf_collection *collection;

    while ((collection = cf_peer_next_changed(engine->peer))) {
        cf_arena arena = {0};
        const cf_group *groups;
        size_t count;

        cf_view_take_changed(collection->view, &arena, &groups, &count);
        for (size_t k = 0; k < engine->count; k++)
            for (size_t g = 0;
                 g < count && cf_id_equal(&engine->bindings[k]->collection, &collection->id); g++)
                cf_source_mark(&engine->sources[k], &groups[g]);
        cf_arena_release(&arena);
    }
}

static cf_source *source_of(cf_engine *engine, const cf_binding *binding)
{
    for (size_t i = 0; i < engine->count; i++)
        if (engine->bindings[i] == binding)
            return &engine->sources[i];
    return NULL;
}

static void step_transfers(cf_engine *engine)
{
    const cf_binding *binding;
    uint64_t folder;

    cf_uploads_step(engine->context.uploads);
    cf_downloads_step(engine->context.downloads);
    cf_bases_step(engine->context.bases);
    if (cf_bases_overdue(engine->context.bases))
        cf_bases_sweep(engine->context.bases, engine->bindings, engine->count);
    while (cf_uploads_finished(engine->context.uploads, &binding, &folder)) {
        cf_source *source = source_of(engine, binding);

        engine->context.activity++;
        if (source)
            cf_source_look_at_folder(source, folder);
    }
    while ((binding = cf_downloads_finished(engine->context.downloads))) {
        cf_source *source = source_of(engine, binding);

        engine->context.activity++;
        if (source)
            cf_source_came(source);
    }
}

/* Who is about to hear what is locked, or what this home itself had told before it went back,
 * publishes nothing before, for a while. */
static void await_locks(cf_engine *engine, uint64_t *deadline)
{
    const uint64_t now_ms = engine->steady_ms;
    bool connects = engine->context.watch;

    for (const cf_round *round = engine->rounds; round; round = round->next)
        connects |= round->options.kind == CF_ROUND_SYNC;
    const cf_link *link = engine->peer->link;

    engine->session.catches_up &=
        link && cf_link_is_connected(link) && (!cf_link_has_received(link) || engine->inbox_count);
    bool awaits = connects && link && (engine->session.connecting || cf_link_is_connected(link)) &&
                  (engine->session.catches_up || !cf_locks_are_known(engine->context.locks));
    if (!awaits)
        engine->locks_due_ms = 0;
    else if (!engine->locks_due_ms)
        engine->locks_due_ms = now_ms + (engine->session.catches_up ? CATCHES_UP_MS : LOCKS_MS);
    engine->context.awaits_locks = awaits && now_ms < engine->locks_due_ms;
    if (engine->context.awaits_locks)
        cf_deadline_lower(deadline, engine->locks_due_ms);
}

bool cf_engine_is_any_silent(const cf_engine *engine)
{
    bool any = false;

    for (size_t i = 0; i < engine->count; i++)
        any |= engine->bindings[i]->silence != NULL;
    return any;
}

cf_probe *cf_engine_probe(cf_engine *engine, const cf_binding *binding)
{
    size_t i = 0;

    while (engine->bindings[i] != binding)
        i++;
    return engine->sources[i].probe;
}

/* What reads of a disk that hangs, begun while it still answered, are not to keep from others. */
static void relieve_workers(const cf_engine *engine, uint64_t now_ms, uint64_t *deadline)
{
    cf_jobs *jobs = engine->env->jobs;

    if (!cf_engine_is_any_silent(engine))
        return;
    jobs->relieve(jobs, CF_PROBE_SILENT_MS);
    cf_deadline_lower(deadline, now_ms + CF_PROBE_SILENT_MS);
}

cf_status cf_engine_step(cf_engine *engine, uint64_t now_ms, uint64_t *deadline, cf_error *error)
{
    cf_status status = CF_OK;
    uint64_t before, steady_due; /* of what goes by the clock that nobody sets */

    follow_clock(engine, now_ms);
    do {
        before = engine->context.activity;
        *deadline = steady_due = UINT64_MAX;
        cf_engine_follow_pauses(engine, deadline);
        cf_engine_follow_metered(engine, &steady_due);
        cf_locks_step(engine->context.locks, now_ms, deadline);
        await_locks(engine, &steady_due);
        if (engine->inbox_count)
            status = cf_engine_take_inbox(engine, error);
        if (!status)
            status = cf_engine_hand_out_keys(engine, error);
        if (!status)
            distribute_changes(engine);
        if (!status)
            step_transfers(engine);
        if (!status)
            status = cf_resupply_step(engine->resupply, engine->context.silent != NULL,
                                      engine->steady_ms, &steady_due, error);
        for (size_t i = 0; !status && i < engine->count; i++)
            if (!engine->sources[i].paused[0])
                status = cf_source_step(&engine->sources[i], now_ms, deadline, error);
        if (!status)
            status = cf_engine_step_carried(engine, &steady_due, error);
        if (engine->looks != engine->context.looks)
            cf_resupply_looked(engine->resupply, engine->steady_ms, &steady_due);
        engine->looks = engine->context.looks;
    } while (!status && engine->context.activity != before);
    if (!status) {
        cf_engine_look_flows(engine);
        cf_engine_tell_held(engine);
        cf_engine_say_checkpoint(engine);
        cf_engine_report(engine);
        cf_engine_note_gone(engine, &steady_due);
        cf_engine_step_fault(engine, &steady_due);
    }
    relieve_workers(engine, now_ms, deadline);
    for (const cf_round *round = engine->rounds; round; round = round->next)
        cf_deadline_lower(&steady_due, cf_round_deadline(round));
    cf_deadline_lower(deadline, by_time(engine, steady_due));
    return status;
}

/* ---- Bindings ---- */

size_t cf_engine_binding_count(const cf_engine *engine)
{
    return engine->count;
}

cf_binding *cf_engine_binding_at(const cf_engine *engine, size_t index)
{
    return engine->bindings[index];
}

cf_status cf_engine_take_binding(cf_engine *engine, cf_binding *binding, cf_error *error)
{
    cf_collection *collection;

    cf_status status = cf_peer_collection(engine->peer, &binding->collection, &collection, error);
    if (status)
        return status;
    add_source(engine, binding);
    mark_everything(collection);
    cf_engine_rescope(engine);
    return CF_OK;
}

cf_status cf_engine_drop_binding(cf_engine *engine, cf_binding *binding, cf_error *error)
{
    for (size_t i = 0; i < engine->count; i++) {
        if (engine->bindings[i] != binding)
            continue;
        cf_source_end(&engine->sources[i]);
        cf_uploads_forget(engine->context.uploads, binding);
        cf_downloads_forget(engine->context.downloads, binding);
        cf_bases_forget(engine->context.bases, binding);
        cf_source_close(&engine->sources[i]);
        if (engine->context.watch)
            cf_watch_forget_source(engine->context.watch, binding->number);
        cf_lock_guard_release(engine->peer, binding);
        cf_status status = cf_binding_drop(engine->peer, binding, error);
        cf_binding_destroy(&binding, engine->env->files);
        memmove(&engine->sources[i], &engine->sources[i + 1],
                (engine->count - i - 1) * sizeof *engine->sources);
        memmove(&engine->bindings[i], &engine->bindings[i + 1],
                (engine->count - i - 1) * sizeof(void *));
        engine->count--;
        cf_engine_rescope(engine);
        return status;
    }
    return cf_fail(error, CF_MISSING, "no such source");
}

void cf_engine_tidy_bases(cf_engine *engine)
{
    cf_bases_tidy(engine->context.bases, engine->bindings, engine->count);
}

void cf_engine_unguard(cf_engine *engine)
{
    for (size_t i = 0; i < engine->count; i++)
        if (!engine->bindings[i]->silence)
            cf_lock_guard_release(engine->peer, engine->bindings[i]);
}

void cf_engine_touch_binding(cf_engine *engine, cf_binding *binding)
{
    cf_source *source = source_of(engine, binding);
    cf_collection *collection;
    cf_error ignored;

    if (!source)
        return;
    if (cf_peer_collection(engine->peer, &binding->collection, &collection, &ignored) == CF_OK)
        mark_everything(collection); /* other things may be asked for than before */
    cf_source_reopen(source);
    cf_source_look(source, CF_LOOK_SYNCS, (cf_delete_word){0}, engine->now_ms);
}
