/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/disk_answers.h"

#include "peer/commands/exclusive.h"
#include "peer/commands/flows_shown.h"
#include "peer/commands/last_try.h"
#include "peer/commands/overview.h"
#include "peer/commands/sources.h"
#include "peer/commands/verbs.h"
#include "peer/commands/waiting.h"
#include "peer/log/catalog.h"
#include "peer/log/catalog_renamed.h"
#include "peer/membership/membership.h"
#include "peer/sources/context/lock_guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 250, PROGRESS_MS = 500 };

#define PROGRESS                                                                                   \
    {                                                                                              \
        "progress", 0, NULL,                                                                       \
            "show what moves in a line that is rewritten, as on a terminal by itself"              \
    }
static const cf_option progress_option = PROGRESS;

typedef struct {
    cf_arena arena;
    cf_id *collections;
    size_t count;
    cf_round *round;
    cf_traffic before;
    cf_flows flows;          /* as last looked at */
    cf_waiting *waiting;     /* --wait-for */
    cf_exclusive *exclusive; /* NULL: others may communicate beside it */
    cf_error unlocked;       /* why its collections can't be locked; CF_OK: they can */
    cf_delete_word word;
    bool dry_run, introduced, gave_up, locked_out;
    bool was_locked_out;  /* at some time; then it is asked again, now and then */
    bool waits_for_locks; /* as long as the user said */
    bool locks_told;
    bool shows_progress, progress_shown;
    uint64_t progress_due_ms;
    uint64_t timeout_ms;
    uint64_t give_up_ms; /* without a connection by then, there is none */
} state;

/* ---- Which collections, and the user's word ---- */

/* What lies in a source isn't synced by itself. */
static cf_status refuse_path(const cf_run *run, const char *named, cf_arena *arena, cf_error *error)
{
    cf_binding *binding;
    cf_bytes rest;
    cf_error ignored;
    char typed[CF_PATH_TYPED];

    if (cf_source_of_path(run, named, arena, &binding, &rest, &ignored))
        return strchr(named, '/')
                   ? cf_fail(
                         error, CF_MISSING,
                         "%.80s is no source, and lies in none: `counterfoil status` lists them",
                         named)
                   : error->status;
    if (!rest.size)
        return error->status;
    cf_buffer path = {0};
    cf_buffer_append_text(&path, "%s/%.*s", binding->path, (int)rest.size, (const char *)rest.data);
    cf_buffer_append(&path, "", 1);
    if (access((const char *)path.data, F_OK) == 0)
        cf_fail(error, CF_MISSING,
                "%.80s lies in a source, which is synced as a whole: `counterfoil sync %s`", named,
                cf_binding_path_typed(binding, typed));
    cf_buffer_release(&path);
    return error->status;
}

/* One that the user named, or whose source he did. */
static cf_status find_collection(const cf_run *run, const char *named, cf_arena *arena, cf_id *out,
                                 cf_error *error)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    cf_catalog_collection found;
    cf_binding *binding;
    cf_error ignored;

    cf_status status = cf_catalog_find(cf_loop_peer(run->loop), named, arena, &found, error);
    if (status == CF_MISSING && cf_source_wanted(run, named, &binding, &ignored) == CF_OK) {
        *out = binding->collection;
        return CF_OK;
    }
    if (status == CF_MISSING)
        return cf_catalog_say_renamed(cf_loop_peer(run->loop), named, error)
                   ? CF_MISSING
                   : refuse_path(run, named, arena, error);
    if (status)
        return status;
    *out = found.id;
    return cf_source_of_collection(engine, &found.id)
               ? CF_OK
               : cf_fail(error, CF_MISSING,
                         "'%s' has no source here: `counterfoil add SOURCE --collection %s`",
                         found.name, found.name);
}

static cf_status read_collections(const cf_run *run, cf_arena *arena, cf_id **out, size_t *count,
                                  cf_error *error)
{
    const cf_options *options = &run->options;
    cf_status status = CF_OK;

    *out = cf_arena_allocate(arena, options->argument_count, sizeof **out);
    *count = options->argument_count;
    for (size_t i = 0; !status && i < options->argument_count; i++)
        status = find_collection(run, options->arguments[i], arena, &(*out)[i], error);
    return status;
}

static cf_status read_word(const cf_run *run, cf_delete_word *out, cf_error *error)
{
    const char *limit = cf_options_value(&run->options, "max-delete");

    *out = (cf_delete_word){0};
    if (limit)
        return cf_delete_word_read(limit, out, error);
    if (cf_options_has(&run->options, "yes"))
        *out = cf_delete_word_all();
    return CF_OK;
}

/* ---- The round ---- */

static void begin_round(cf_run *run, state *self)
{
    cf_engine *engine = cf_loop_engine(run->loop);

    cf_engine_traffic(engine, &self->before);
    self->round = cf_round_begin(
        engine, &(cf_round_options){.kind = self->dry_run ? CF_ROUND_LOOK : CF_ROUND_SYNC,
                                    .collections = self->collections,
                                    .collection_count = self->count,
                                    .word = self->word,
                                    .patience_ms = self->timeout_ms,
                                    .leaves_locked = !self->waits_for_locks});
}

/* Who runs this may be `serve`, which doesn't see the terminal. */
static cf_status prepare(cf_run *run, cf_error *error)
{
    (void)error;
    if (isatty(STDERR_FILENO) && !cf_options_has(&run->options, "progress"))
        cf_options_add_own(&run->options, &progress_option);
    return CF_OK;
}

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);

    run->state = self;
    self->dry_run = cf_options_has(&run->options, "dry-run");
    self->waits_for_locks = cf_options_value(&run->options, "timeout") != NULL;
    self->shows_progress = cf_options_has(&run->options, "progress") && !run->quiet;
    cf_status status = read_collections(run, &self->arena, &self->collections, &self->count, error);
    if (!status)
        status = read_word(run, &self->word, error);
    if (!status)
        status = cf_run_timeout(run, &self->timeout_ms, error);
    if (!status && !self->dry_run)
        status = cf_waiting_new(run, &self->waiting, error);
    if (!status && cf_options_has(&run->options, "exclusive"))
        status = cf_peer_may_write(cf_loop_peer(run->loop), error);
    if (status)
        return status;
    if (self->count && !self->dry_run)
        cf_engine_confine(cf_loop_engine(run->loop), self->collections, self->count);
    run->connects = true; /* not before: what else is unsent would go */
    if (!self->count && !self->dry_run)
        cf_loop_try_before(run->loop);
    self->give_up_ms = cf_loop_now(run->loop) + self->timeout_ms;
    if (cf_options_has(&run->options, "exclusive") && !self->dry_run)
        self->exclusive = cf_exclusive_new(run, self->collections, self->count,
                                           self->waits_for_locks, self->give_up_ms);
    else
        begin_round(run, self);
    cf_loop_wake(run->loop);
    return CF_OK;
}

static json_t *traffic_json(const cf_traffic *before, const cf_traffic *after)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "entries_sent",
                     (json_int_t)(after->entries_sent - before->entries_sent), "entries_received",
                     (json_int_t)(after->entries_received - before->entries_received), "bytes_sent",
                     (json_int_t)(after->bytes_sent - before->bytes_sent), "bytes_received",
                     (json_int_t)(after->bytes_received - before->bytes_received), "deltas",
                     (json_int_t)(after->deltas - before->deltas), "delta_bytes",
                     (json_int_t)(after->delta_bytes - before->delta_bytes), "blobs_sent",
                     (json_int_t)(after->blobs_sent - before->blobs_sent), "files_applied",
                     (json_int_t)(after->files_applied - before->files_applied));
}

static void show(cf_run *run, const state *self, const cf_overview *overview)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_traffic traffic;

    cf_engine_traffic(cf_loop_engine(run->loop), &traffic);
    if (run->json) {
        json_t *document = cf_overview_json(overview, peer);

        json_object_set_new(document, "traffic", traffic_json(&self->before, &traffic));
        json_object_set_new(document, "transfer", cf_flows_json(&self->flows));
        cf_print_json(&run->output, document);
    } else if (run->quiet) {
        cf_overview_say(overview, &run->output);
    } else {
        cf_overview_print(overview, peer, &run->output);
    }
}

static bool is_pending(const cf_binding_status *status, cf_pending_kind kind)
{
    for (size_t i = 0; i < status->pending_count; i++)
        if (status->pending[i].kind == kind)
            return true;
    return false;
}

/* To one that only sends nothing is brought back. */
static void say_held(cf_run *run, const cf_binding *binding, const char *path)
{
    if (binding->mode == CF_MODE_SEND)
        cf_say(&run->output,
               "stopped for safety: if these deletions are meant, `counterfoil sync %s --yes` (or "
               "--max-delete) says so; if not, put back what is missing",
               path);
    else
        cf_say(&run->output,
               "stopped for safety: if these deletions are meant, `counterfoil sync %s --yes` (or "
               "--max-delete) says so; if not, `counterfoil repair %s --refill` brings them back, "
               "but nothing that was deleted elsewhere, or went before these were held",
               path, path);
}

/* What stops one source, with the commands that end it. */
static void say_stop(cf_run *run, const cf_binding_status *status)
{
    cf_buffer word = {0}, again = {0};

    cf_binding_path_word(status->binding, &word);
    cf_buffer_append(&word, "", 1);
    cf_binding_mine_command(cf_loop_peer(run->loop), status->binding, &again);
    cf_buffer_append(&again, "", 1);
    const char *path = (const char *)word.data;
    if (is_pending(status, CF_PENDING_HELD))
        say_held(run, status->binding, path);
    if (is_pending(status, CF_PENDING_AWAY))
        cf_say(&run->output,
               "stopped for safety: what is missing with a file system is not deleted elsewhere. "
               "Let that be there as it was; if the deletions are meant, `counterfoil sync %s "
               "--yes` says so",
               path);
    if (is_pending(status, CF_PENDING_SPARED))
        cf_say(&run->output,
               "stopped for safety: what was deleted elsewhere is still here. If that was meant, "
               "`counterfoil sync %s --yes` (or --max-delete) says so; if not, `counterfoil remove "
               "%s` and %s bring it back everywhere",
               path, path, (const char *)again.data);
    cf_buffer_release(&word);
    cf_buffer_release(&again);
}

static void say_next(cf_run *run, const state *self, const cf_overview *overview)
{
    const cf_broker_status *broker = &overview->broker;

    for (size_t i = 0; i < overview->count; i++)
        say_stop(run, &overview->sources[i].status);
    /* Where the link's own report does not reach the user. */
    if (broker->trouble &&
        (run->quiet || cf_loop_serves(run->loop) || cf_engine_is_paused(cf_loop_engine(run->loop))))
        cf_say(&run->output, "the broker: %s", broker->text);
    if (!cf_overview_in_sync(overview))
        cf_flows_say_left(&self->flows, &run->output);
}

/* Something of ours waits for a lock that another has. Whose that is and how long is said once. */
static bool is_locked_out(cf_run *run, state *self, const cf_id *collection, bool tells)
{
    cf_engine *engine = cf_loop_engine(run->loop);
    const cf_lease *lease = cf_engine_lock_of(engine, collection);
    cf_arena arena = {0};

    if (!cf_engine_is_locked(engine, collection))
        return false;
    if (tells && lease)
        cf_say(&run->output, "%s%s", cf_lock_guard_line(cf_loop_peer(run->loop), lease, &arena),
               self->waits_for_locks ? ": waiting for it" : "");
    cf_arena_release(&arena);
    return true;
}

static bool is_before(const cf_engine *engine, size_t end, const cf_id *collection)
{
    for (size_t i = 0; i < end; i++)
        if (cf_id_equal(&cf_engine_binding_at(engine, i)->collection, collection))
            return true;
    return false;
}

static bool is_any_locked_out(cf_run *run, state *self, bool tells)
{
    const cf_engine *engine = cf_loop_engine(run->loop);
    bool locked = false;

    tells = tells && !self->locks_told;
    for (size_t i = 0; i < self->count; i++)
        locked |= is_locked_out(run, self, &self->collections[i], tells);
    for (size_t i = 0; !self->count && i < cf_engine_binding_count(engine); i++) {
        const cf_id *collection = &cf_engine_binding_at(engine, i)->collection;

        locked |= !is_before(engine, i, collection) && is_locked_out(run, self, collection, tells);
    }
    self->locks_told |= tells;
    return locked;
}

/* Those locks stand on stderr already. */
static void drop_told_locks(cf_run *run, const state *self, cf_overview *overview)
{
    const cf_engine *engine = cf_loop_engine(run->loop);

    for (size_t i = 0; self->locks_told && !run->json && i < overview->count; i++)
        if (cf_engine_is_locked(engine, &overview->sources[i].status.binding->collection))
            overview->sources[i].status.lock = NULL;
}

static void note_silence(cf_run *run, state *self, cf_broker_status *broker)
{
    const cf_link *link = cf_engine_link(cf_loop_engine(run->loop));
    /* What it takes later only, or when a lock has ended, it has answered, however often that is
     * tried again. */
    const bool waits =
        broker->delay[0] || (self->was_locked_out && is_any_locked_out(run, self, false));
    bool unanswered = cf_round_is_unanswered(self->round) && !waits;

    size_t owed = link ? cf_link_owed(link) : 0;

    if (!self->gave_up && !unanswered)
        return;
    broker->trouble = CF_UNREACHABLE;
    if (unanswered && owed)
        snprintf(broker->text, sizeof broker->text,
                 "no answer from the broker: it names entries (%zu heads) that it does not send",
                 owed);
    else
        snprintf(broker->text, sizeof broker->text, "no answer from the broker%s",
                 unanswered ? "" : "; it can't be connected");
}

static void show_progress(cf_run *run, state *self, uint64_t now_ms)
{
    if (!self->shows_progress || now_ms < self->progress_due_ms)
        return;
    self->progress_due_ms = now_ms + PROGRESS_MS;
    cf_engine_flows(cf_loop_engine(run->loop), &self->flows);
    cf_flows_rewrite(&self->flows, &self->progress_shown, &run->output);
}

static void take_progress_away(cf_run *run, state *self)
{
    cf_flows_rewrite(&(cf_flows){0}, &self->progress_shown, &run->output);
}

static cf_status finish(cf_run *run, state *self, cf_error *error)
{
    cf_overview overview;

    take_progress_away(run, self);
    cf_engine_flows(cf_loop_engine(run->loop), &self->flows);
    cf_status status = cf_overview_take(
        run,
        &(cf_overview_options){.collections = self->collections, .collection_count = self->count},
        &self->arena, &overview, error);
    if (!status && !overview.broker.trouble)
        note_silence(run, self, &overview.broker);
    if (!status && !self->dry_run && !cf_engine_is_paused(cf_loop_engine(run->loop)))
        status = cf_last_try_keep(cf_loop_home(run->loop), &overview.broker, error);
    if (status)
        return status;
    cf_exit_standing standing = cf_overview_standing(&overview, !self->dry_run);
    standing.locked |= is_any_locked_out(run, self, self->locked_out);
    drop_told_locks(run, self, &overview);
    show(run, self, &overview);
    cf_source_say_none(run);
    if (self->dry_run) {
        run->exit_code = cf_exit_standing_exit_code(
            &(cf_exit_standing){.repair = standing.repair, .stop = standing.stop});
        return CF_OK;
    }
    say_next(run, self, &overview);
    if (cf_membership_standing(cf_loop_peer(run->loop), error)) {
        cf_say(&run->output, "%s", error->text);
        standing.denied = true;
    }
    run->exit_code = cf_exit_standing_exit_code(&standing);
    return CF_OK;
}

/* A device that has just joined says its name once it can, and the round goes on with that. */
static cf_status introduce(cf_run *run, state *self, uint64_t now_ms, cf_progress *progress,
                           cf_error *error)
{
    self->introduced = true;
    progress->over = false;
    progress->deadline_ms = now_ms;
    return cf_engine_introduce(cf_loop_engine(run->loop), cf_loop_time(run->loop), error);
}

/* Before the round its collections are locked, where that is wanted. Those that it got are given
 * back before it says why it has not got all. */
static cf_status lock_first(cf_run *run, state *self, uint64_t now_ms, cf_error *error)
{
    bool held = false;

    if (!self->unlocked.status && cf_exclusive_step(self->exclusive, now_ms, &held, error) != CF_OK)
        self->unlocked = *error;
    if (held)
        begin_round(run, self);
    if (!self->unlocked.status || !cf_exclusive_is_released(self->exclusive, now_ms))
        return CF_OK;
    *error = self->unlocked;
    return error->status;
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    const cf_link *link = cf_engine_link(cf_loop_engine(run->loop));

    if (!self->round) {
        progress->over = false;
        progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
        return lock_first(run, self, now_ms, error);
    }
    self->gave_up =
        !self->dry_run && link && !cf_link_is_connected(link) && now_ms >= self->give_up_ms;
    bool over = cf_round_over(self->round, now_ms) && !cf_loop_is_migrating(run->loop);
    self->locked_out = cf_round_is_locked_out(self->round) && !self->dry_run;
    self->was_locked_out |= self->locked_out;
    if (self->locked_out && self->waits_for_locks)
        is_any_locked_out(run, self, true);
    over |= self->gave_up || (self->locked_out && now_ms >= self->give_up_ms);
    show_progress(run, self, now_ms);
    if (!over || (self->exclusive && !cf_exclusive_is_released(self->exclusive, now_ms))) {
        progress->over = false;
        progress->deadline_ms = now_ms + LOOK_AGAIN_MS;
        return CF_OK;
    }
    if (!self->introduced && !self->dry_run)
        return introduce(run, self, now_ms, progress, error);
    cf_status status = CF_OK;
    if (self->waiting && !self->gave_up && !self->locked_out &&
        !cf_waiting_over(self->waiting, now_ms, &progress->deadline_ms, &status, error)) {
        progress->over = false;
        return CF_OK;
    }
    return status ? status : finish(run, self, error);
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    cf_round_end(&self->round);
    if (cf_loop_engine(run->loop))
        cf_engine_confine(cf_loop_engine(run->loop), NULL, 0);
    cf_waiting_destroy(&self->waiting);
    cf_exclusive_destroy(&self->exclusive);
    cf_arena_release(&self->arena);
    free(self);
}

static const cf_option options[] = {
    {"dry-run", 'n', NULL, "only list what would be done"},
    {"yes", 0, NULL, "a mass delete is meant"},
    {"max-delete", 0, "N|P%", "how many deletions are meant"},
    {"wait-for", 0, "DEVICE|all", "return when these have applied what this device published"},
    {"exclusive", 0, NULL,
     "keep other devices from changing the collections, and from getting any of it, meanwhile"},
    {"timeout", 0, "T",
     "how long to wait while nothing moves: for the broker, for devices (30s each), for another's "
     "lock (not at all)"},
    PROGRESS,
    {0},
};

const cf_verb cf_verb_sync = {
    .name = "sync",
    .usage = "sync [COLLECTION|SOURCE...]",
    .summary = "One round: looks, sends, receives and applies until nothing is left to do",
    .more = "A source is synced with the other sources of its collection here; where some are "
            "named, nothing else is sent or fetched, unless `serve` runs. Exits 4 as long as "
            "conflict copies lie there, 5 when the broker can't be reached, 8 when a mass delete "
            "needs a word, 9 when only what another device has locked is left.",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prerequisite = &cf_disk_answers_paths,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
