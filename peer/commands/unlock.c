/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/commands/disk_answers.h"
#include "peer/commands/lockable.h"
#include "peer/commands/verbs.h"
#include "peer/log/catalog.h"
#include "peer/log/catalog_rights.h"

#include <stdlib.h>
#include <string.h>

/* ---- The record of a lock that an owner broke ---- */

typedef struct {
    cf_id collection;
    cf_hash holder;
    const char *what; /* for people: what was locked, and by whom */
} lock_break;

/* No more of it than a name may have, not cut within a character. */
static cf_bytes short_name(const char *what)
{
    size_t size = strlen(what);

    if (size > CF_NAME_MAX)
        size = CF_NAME_MAX;
    while (what[size] && ((uint8_t)what[size] & 0xc0) == 0x80)
        size--;
    return cf_bytes_of(what, size);
}

/* An item of the catalog, so that every device's `log` shows it. codec/PROTOCOL.md, "Items, fields
 * and values". */
static cf_status record_break(cf_peer *peer, const lock_break *broken, uint64_t now_ms,
                              cf_error *error)
{
    cf_buffer values[3] = {{0}};
    cf_collection *catalog;
    cf_id item;

    peer->env->random(peer->env->context, item.bytes, CF_ID_SIZE);
    item.bytes[0] = CF_CATALOG_BREAK;
    cf_pack_bin(&values[0], cf_bytes_of(broken->collection.bytes, CF_ID_SIZE));
    cf_pack_bin(&values[1], cf_bytes_of(broken->holder.bytes, CF_HASH_SIZE));
    cf_pack_text(&values[2], short_name(broken->what));
    const cf_change changes[] = {
        {.item = item,
         .field = cf_bytes_of_text("/collection"),
         .value = cf_buffer_view(&values[0])},
        {.item = item, .field = cf_bytes_of_text("/holder"), .value = cf_buffer_view(&values[1])},
        {.item = item,
         .field = cf_bytes_of_text(CF_FIELD_NAME),
         .value = cf_buffer_view(&values[2])},
    };
    cf_status status = cf_peer_collection(peer, &cf_catalog_id, &catalog, error);
    if (!status)
        status = cf_peer_publish_changes(peer, catalog, changes, 3, now_ms, error);
    for (size_t i = 0; i < 3; i++)
        cf_buffer_release(&values[i]);
    return status;
}

/* ---- The verb ---- */

enum { LOOK_AGAIN_MS = 250 };

typedef struct {
    cf_arena arena;
    cf_lockable what;
    cf_id request;
    cf_hash holder; /* whose lock is broken */
    bool breaks, has_request, is_recorded;
    bool regains; /* what this device has and has forgotten, to give it back */
    cf_ids gone;  /* items that are called so, or were last */
    uint64_t give_up_ms;
} state;

static cf_locks *locks_of(const cf_run *run)
{
    return cf_engine_locks(cf_loop_engine(run->loop));
}

static bool is_owner(cf_peer *peer)
{
    const cf_device *device = cf_registry_device(cf_log_registry(peer->log), cf_peer_device(peer));

    return device && device->role == CF_ROLE_OWNER;
}

/* What is locked may be deleted by now. */
static cf_status name(const cf_run *run, state *self, cf_error *error)
{
    const char *given = run->options.arguments[0];
    cf_error ignored;

    cf_status status = cf_lockable_named(run, given, &self->arena, &self->what, error);
    if (status == CF_MISSING &&
        cf_lockable_gone(run, given, &self->arena, &self->what, &self->gone, &ignored) == CF_OK) {
        self->what.item = self->gone.at[0];
        status = CF_OK;
    }
    return status;
}

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);
    uint64_t timeout_ms = 0;

    run->state = self;
    self->breaks = cf_options_has(&run->options, "break");
    cf_status status = cf_run_check_count(run, 1, 1, error);
    if (!status)
        status = cf_run_timeout(run, &timeout_ms, error);
    if (!status)
        status = name(run, self, error);
    if (!status && self->breaks && !is_owner(cf_loop_peer(run->loop)))
        status = cf_fail(error, CF_DENIED, "only an owner breaks a lock; this device is none");
    self->give_up_ms = cf_loop_now(run->loop) + timeout_ms;
    cf_loop_wake(run->loop);
    return status;
}

/* As briefly as it can be had. */
static cf_status regain(cf_run *run, state *self, const cf_lease *forgotten, cf_error *error)
{
    cf_lock_wish wish = {.collection = self->what.collection,
                         .item = self->what.item,
                         .for_ms = CF_LEASE_FOR_MS_MIN,
                         .shared = forgotten->shared};

    cf_status status = cf_locks_ask(locks_of(run), &wish, &self->request, error);
    self->breaks = false;
    self->regains = self->has_request = !status;
    return status;
}

static cf_status say_locked(cf_run *run, state *self, const cf_hash *holder, cf_error *error)
{
    return cf_fail(error, CF_LOCKED, "%s is locked by %s: an owner ends that with --break",
                   cf_lockable_text(self->what.name, self->what.path, &self->arena),
                   cf_catalog_device_name(cf_loop_peer(run->loop), holder, &self->arena));
}

static bool is_locked(cf_locks *locks, const cf_id *collection, const cf_id *item)
{
    return cf_locks_own(locks, collection, item) || cf_locks_of_this(locks, collection, item) ||
           cf_locks_of_other(locks, collection, item);
}

/* Another may have the name of what is locked, if anything has. */
static void choose_of_gone(cf_run *run, state *self)
{
    cf_locks *locks = locks_of(run);
    cf_lockable ignored_place;
    cf_error ignored;

    if (!self->what.path.size || is_locked(locks, &self->what.collection, &self->what.item))
        return;
    if (!self->gone.count && cf_lockable_gone(run, run->options.arguments[0], &self->arena,
                                              &ignored_place, &self->gone, &ignored))
        return;
    for (size_t i = 0; i < self->gone.count; i++)
        if (is_locked(locks, &self->what.collection, &self->gone.at[i])) {
            self->what.item = self->gone.at[i];
            return;
        }
}

/* What is to be ended, once it is known who has it. */
static cf_status ask(cf_run *run, state *self, cf_error *error)
{
    cf_locks *locks = locks_of(run);

    choose_of_gone(run, self);
    const cf_lock *own = cf_locks_own(locks, &self->what.collection, &self->what.item);
    const cf_lease *other = cf_locks_of_other(locks, &self->what.collection, &self->what.item);

    if (own && !(self->breaks && other)) {
        self->breaks = false;
        self->has_request = true;
        self->request = own->request;
        cf_locks_give_back(locks, &self->request);
        return CF_OK;
    }
    const cf_lease *forgotten = cf_locks_of_this(locks, &self->what.collection, &self->what.item);
    if (forgotten && !(self->breaks && other))
        return regain(run, self, forgotten, error);
    if (!other)
        return cf_fail(error, CF_MISSING, "%s is not locked",
                       cf_lockable_text(self->what.name, self->what.path, &self->arena));
    self->holder = other->holder;
    if (!self->breaks)
        return say_locked(run, self, &other->holder, error);
    cf_status status =
        cf_locks_break(locks, &self->what.collection, &self->what.item, &self->request, error);
    self->has_request = !status;
    return status;
}

/* In the log, for all. */
static cf_status record(cf_run *run, state *self, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s of %s",
                          cf_lockable_text(self->what.name, self->what.path, &self->arena),
                          cf_catalog_device_name(peer, &self->holder, &self->arena));
    lock_break broken = {self->what.collection, self->holder,
                         cf_arena_text(&self->arena, cf_buffer_view(&text))};
    self->is_recorded = true;
    cf_buffer_release(&text);
    cf_loop_wake(run->loop);
    return record_break(peer, &broken, cf_loop_time(run->loop), error);
}

static void show(const cf_run *run, state *self)
{
    if (run->json) {
        json_t *object =
            json_pack("{s:s, s:b}", "collection", self->what.name, "broken", (int)self->breaks);

        if (self->what.path.size)
            json_object_set_new(object, "path", cf_json_name(self->what.path));
        cf_print_json(&run->output, object);
    } else if (!run->quiet) {
        cf_print(&run->output, "unlocked %s\n",
                 cf_lockable_text(self->what.name, self->what.path, &self->arena));
    }
}

/* The broker has ended it; what is said of it in the log is on its way. */
static cf_status finish(cf_run *run, state *self, uint64_t now_ms, bool *over, cf_error *error)
{
    cf_status status = CF_OK;

    if (self->breaks && !self->is_recorded)
        status = record(run, self, error);
    else
        *over = !self->breaks || cf_link_is_idle(cf_engine_link(cf_loop_engine(run->loop))) ||
                now_ms >= self->give_up_ms;
    if (!status && *over)
        show(run, self);
    return status;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    const cf_lock *lock = self->has_request ? cf_locks_find(locks_of(run), &self->request) : NULL;
    cf_status status = CF_OK;
    bool over = false;

    if (self->regains && lock && lock->state == CF_LOCK_HELD) {
        cf_locks_give_back(locks_of(run), &self->request);
        cf_loop_wake(run->loop);
    } else if (self->regains && lock && lock->state == CF_LOCK_BUSY)
        status = say_locked(run, self, &lock->holder, error);
    else if (!self->has_request && cf_locks_are_known(locks_of(run)))
        status = ask(run, self, error);
    else if (lock && lock->state == CF_LOCK_DENIED) {
        *error = lock->why;
        status = lock->why.status;
    } else if (self->has_request && (!lock || lock->state == CF_LOCK_OVER))
        status = finish(run, self, now_ms, &over, error);
    else
        status = cf_lock_await(run, now_ms, self->give_up_ms, error);
    progress->over = over;
    progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
    return status;
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    if (self->has_request && cf_loop_engine(run->loop))
        cf_locks_forget(locks_of(run), &self->request);
    cf_arena_release(&self->arena);
    free(self->gone.at);
    free(self);
}

static const cf_option options[] = {
    {"break", 0, NULL, "end another's lock, too; for owners, and recorded in the log"},
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_unlock = {
    .name = "unlock",
    .usage = "unlock PATH|COLLECTION|COLLECTION//KEY",
    .summary = "Gives back a lock, or breaks another's",
    .more = "Exits 3 when nobody has it, 9 when another has.",
    .needs = CF_NEEDS_PEER,
    .connects = true,
    .options = options,
    .prerequisite = &cf_disk_answers_paths,
    .start = start,
    .step = step,
    .end = end,
};
