/* SPDX-License-Identifier: Apache-2.0 */
/* When the source is looked at: at once by a user's word; else QUIET_MS after it was written to,
 * and not before it has rested REST_TIMES as long as the last look took, REST_MAX_MS at most. What
 * others did shortens that rest to QUIET_MS; long values that come are waited for together. */
#include "codec/deadlines.h"
#include "peer/sources/records/record_source_inside.h"

#include <stdio.h>
#include <stdlib.h>

enum { POLL_MS = 1000, QUIET_MS = 300, REST_MAX_MS = 30000 };
enum { GATHER_MS = 1000 }; /* for which a long value that came waits for others, at least */
enum { WAITED_MS = 2000 }; /* by `status`, at most, for a source that rests */
enum { REST_TIMES = 4 }; /* as long as a look took nothing is looked at that only was written to */

/* When a source may be looked at again that was only written to. A program that goes on writing is
 * not to keep this one busy, however large the source; a clock that was set back changes nothing.
 *
 *     a look took 2 s: for 8 s no save leads to another one; after one that took 10 s, for 30 s */
static uint64_t first_look(const cf_record_source *source, uint64_t now_ms)
{
    bool is_resting =
        now_ms < source->rested_ms && source->rested_ms < now_ms + 2 * (uint64_t)REST_MAX_MS;

    return is_resting ? source->rested_ms : now_ms;
}

/* ---- What is asked ---- */

static void destroy(void *self)
{
    cf_record_source *source = self;

    cf_probe_destroy(&source->probe);
    cf_record_values_destroy(&source->values);
    cf_medium_destroy(&source->medium);
    cf_pendings_release(&source->found);
    cf_pendings_release(&source->notes);
    cf_buffer_release(&source->schema);
    cf_buffer_release(&source->columns);
    cf_buffer_release(&source->awaited);
    cf_rows_destroy(&source->unsaid);
    free(source);
}

static uint64_t applied(const void *self)
{
    const cf_record_source *source = self;

    return source->applied;
}

/* How the source stands is known, so that only what was written to it since has to be looked at. */
static bool is_known(const cf_record_source *source)
{
    return source->context->watch && source->looked && !source->trouble && !source->retry_ms;
}

/* The source was written to, and rests for longer than who asks waits for it. */
static bool rests(const void *self, uint64_t now_ms)
{
    const cf_record_source *source = self;

    return source->look && source->not_before_ms > now_ms + WAITED_MS;
}

/* A look where something was written, as soon as the source has rested. */
static void catch_up(cf_record_source *source, uint64_t now_ms)
{
    uint64_t at_ms = first_look(source, now_ms);

    if (!source->look || source->not_before_ms > at_ms)
        source->not_before_ms = at_ms;
    source->checks = true;
}

/* A look is asked for. What is kept in sync all the time is looked at with all that belongs to it,
 * even where only an answer is wanted; what is in order, only where it was written to. */
static void look(void *self, cf_look_kind kind, cf_delete_word word, uint64_t now_ms)
{
    cf_record_source *source = self;
    const bool agrees = kind == CF_LOOK_AGREES && !source->looked;
    bool look_only = kind != CF_LOOK_SYNCS;

    if (kind == CF_LOOK_CATCHES_UP && is_known(source)) {
        catch_up(source, now_ms);
        return;
    }
    if (look_only && source->context->watch && !agrees) { /* it is kept in sync all the time */
        look_only = false;
        word = (cf_delete_word){0};
    }
    source->asked = source->look = true;
    source->look_only = look_only;
    source->agrees = agrees;
    source->word = word;
    source->tries = 0;
    source->not_before_ms = now_ms;
    if (!look_only)
        cf_downloads_retry(source->context->downloads);
}

/* Others, or a lock, may let the source do more now; not one that was never looked at, or only to
 * tell. */
static void look_again(void *self, uint64_t now_ms)
{
    cf_record_source *source = self;

    if (!source->looked || source->looks_now)
        return;
    source->look = true;
    source->not_before_ms = now_ms;
}

/* A look at once, whatever rest is due; none where the source was never looked at, or only to tell.
 */
static void wake(void *self)
{
    cf_record_source *source = self;

    if (!source->looked || source->looks_now)
        return;
    source->look = true;
    source->not_before_ms = 0;
}

/* A long value has come, or gone out. A look reads all of the file: while more are on their way it
 * waits for them, for a while, and not for longer than the last look lets others wait.
 *
 *   40 values, one every 50 ms: one look after a second, and one when the last has come */
static void gather(cf_record_source *source, bool is_more)
{
    const cf_env *env = source->context->peer->env;
    const uint64_t now_ms = env->now_ms(env->context), rested_ms = first_look(source, now_ms);
    const uint64_t at_ms = rested_ms > now_ms + GATHER_MS ? rested_ms : now_ms + GATHER_MS;

    if (!is_more) {
        wake(source);
    } else if (source->looked && !source->looks_now &&
               (!source->look || source->not_before_ms > at_ms)) {
        source->look = true;
        source->not_before_ms = at_ms;
    }
}

static void came(void *self)
{
    cf_record_source *source = self;

    gather(source, cf_downloads_busy(source->context->downloads));
}

static void look_at(void *self, uint64_t folder)
{
    cf_record_source *source = self;

    (void)folder;
    gather(source, cf_uploads_busy(source->context->uploads));
}

/* Something was written to the source: it is looked at when that has been quiet, and the source has
 * rested. */
static void look_soon(cf_record_source *source, uint64_t now_ms)
{
    uint64_t rested_ms = first_look(source, now_ms), quiet_ms = now_ms + QUIET_MS;

    source->look = true;
    source->tries = 0;
    source->not_before_ms = quiet_ms > rested_ms ? quiet_ms : rested_ms;
}

/* The watch saw something in the folder. */
static void changed(void *self, uint64_t folder, cf_bytes name, cf_event_kind kind, uint64_t now_ms)
{
    cf_record_source *source = self;

    (void)folder, (void)name, (void)kind;
    if (source->look)
        return;
    look_soon(source, now_ms);
}

static void end_word(void *self)
{
    cf_record_source *source = self;

    source->word = (cf_delete_word){0};
}

/* ---- When ---- */

/* Whether the medium is to be asked if it was written to. */
static bool asks_disk(const cf_record_source *source, uint64_t now_ms)
{
    return source->checks || (source->context->watch && now_ms >= source->poll_ms);
}

/* Asks the medium whether it was written to: at once for who wants to know how the source stands,
 * who doesn't wait until it has rested; else every second, where a watch is kept. */
static void poll(cf_record_source *source, uint64_t now_ms)
{
    source->look |= source->checks && cf_medium_changed(source->medium);
    source->checks = false;
    if (!source->context->watch || now_ms < source->poll_ms)
        return;
    source->poll_ms = now_ms + POLL_MS;
    if (!source->look && cf_medium_changed(source->medium))
        look_soon(source, now_ms);
}

/* What the last look could not do is tried again then, however many looks there are before. */
static void keep_retry(cf_record_source *source, uint64_t before_ms)
{
    if (before_ms && source->retry_ms > before_ms)
        source->retry_ms = before_ms;
}

/* Looks at the source again after something others did: the log or the catalog has more, what was
 * locked is free, a long value was sent; or where it is time to try again what failed. */
static cf_status handle_news(cf_record_source *source, uint64_t now_ms, cf_error *error)
{
    cf_source_context *context = source->context;
    cf_collection *collection;

    if (!source->looked || source->looks_now)
        return CF_OK;
    cf_status status =
        cf_peer_collection(context->peer, &source->binding->collection, &collection, error);
    if (status)
        return status;
    bool freed = source->held_back && source->guarded != cf_locks_changes(context->locks);
    bool due = source->retry_ms && now_ms >= source->retry_ms;
    if (source->changes == collection->changes && !freed && !due &&
        !cf_record_source_schema_changed(source) && !cf_record_source_has_awaited(source))
        return CF_OK;
    if (due) {
        source->retry_ms = 0;
        cf_downloads_retry_disk(context->downloads);
    }
    source->look = true;
    if (source->not_before_ms > now_ms + QUIET_MS) /* it was to rest */
        source->not_before_ms = now_ms + QUIET_MS;
    return CF_OK;
}

uint64_t cf_record_source_rest(uint64_t began_ms, uint64_t ended_ms)
{
    uint64_t took = ended_ms > began_ms ? ended_ms - began_ms : 0; /* a clock can be set back */
    uint64_t rest = took < REST_MAX_MS / REST_TIMES ? took * REST_TIMES : REST_MAX_MS;

    return ended_ms + rest;
}

/* What the look takes is measured by a clock of its own: the time of the step is that of its
 * beginning, and the step that follows a publication at once has the same. By a clock that nobody
 * sets: else a look in which the time of day was set forth would have taken hours. */
static cf_status run(cf_record_source *source, uint64_t now_ms, cf_look_kind kind, cf_error *error)
{
    const cf_env *env = source->context->peer->env;
    const uint64_t began_ms = cf_env_steady_ms(env);

    cf_status status = cf_record_source_run(source, now_ms, kind, error);
    const uint64_t took_ms = cf_env_steady_ms(env) - began_ms;
    const uint64_t ended_ms = env->now_ms(env->context);

    source->rested_ms = cf_record_source_rest(ended_ms - took_ms, ended_ms);
    return status;
}

static void set_back(void *self, uint64_t by_ms)
{
    cf_record_source *source = self;

    source->not_before_ms = cf_deadline_set_back(source->not_before_ms, by_ms);
    source->poll_ms = cf_deadline_set_back(source->poll_ms, by_ms);
    source->retry_ms = cf_deadline_set_back(source->retry_ms, by_ms);
    source->rested_ms = cf_deadline_set_back(source->rested_ms, by_ms);
}

/* One step: asks the disk where it may have been written to, and looks where a look is due and the
 * disk answers. */
static cf_status step(void *self, uint64_t now_ms, uint64_t *deadline, cf_error *error)
{
    cf_record_source *source = self;
    const cf_source_context *context = source->context;

    if (!context->watch && !source->asked)
        return CF_OK;
    bool answers = true;
    if (asks_disk(source, now_ms))
        answers = cf_probe_answers(source->probe, now_ms, deadline);
    if (answers)
        poll(source, now_ms);
    cf_status status = handle_news(source, now_ms, error);
    bool may = source->look_only || !context->awaits_locks;
    const bool is_due = source->look && may && now_ms >= source->not_before_ms;
    if (!status && is_due && answers)
        answers = cf_probe_answers(source->probe, now_ms, deadline);
    if (!answers)
        return status;
    if (!status && is_due) {
        const cf_look_kind kind = source->agrees      ? CF_LOOK_AGREES
                                  : source->look_only ? CF_LOOK_TELLS
                                                      : CF_LOOK_SYNCS;
        uint64_t retry_ms = source->retry_ms;

        source->look = source->look_only = source->agrees = false;
        source->retry_ms = 0;
        status = run(source, now_ms, kind, error);
        source->look |= kind == CF_LOOK_AGREES && context->watch;
        keep_retry(source, retry_ms);
    }
    if (!is_due)
        cf_probe_rest(source->probe);
    if (source->look && may)
        cf_deadline_lower(deadline, source->not_before_ms);
    if (source->retry_ms && context->watch)
        cf_deadline_lower(deadline, source->retry_ms);
    if (context->watch)
        cf_deadline_lower(deadline, source->poll_ms);
    return status;
}

/* A look is due, or a question to the disk, which answers. */
static bool busy(const void *self, uint64_t now_ms)
{
    const cf_record_source *source = self;

    (void)now_ms;
    return !source->binding->silence && (source->look || source->checks);
}

static bool agrees(const void *self)
{
    const cf_record_source *source = self;

    return !source->binding->silence && source->agrees;
}

/* ---- What is known ---- */

/* What the last look found, and that the source rests, if it does. */
static void tell(void *self, cf_pendings *pendings, const char *sending, cf_binding_status *out)
{
    const cf_record_source *source = self;
    const cf_env *env = source->context->peer->env;

    (void)sending;
    if (rests(source, env->now_ms(env->context)))
        cf_pendings_add(pendings, CF_PENDING_WAITS,
                        cf_bytes_of_text(cf_binding_file_name(source->binding)),
                        "it is written to all the time: what was written last is looked at within "
                        "half a minute");
    for (size_t i = 0; i < source->notes.count; i++)
        cf_pendings_add(pendings, source->notes.at[i].kind, source->notes.at[i].path,
                        source->notes.at[i].reason);
    *out = (cf_binding_status){
        .binding = source->binding,
        .items = cf_rows_count(source->binding->rows),
        .trouble = source->trouble,
        .trouble_text = source->trouble_text,
    };
}

static size_t count_held(const void *self)
{
    return ((const cf_record_source *)self)->notes.held;
}

/* Rows of the base that show a write which was undone, as of a revoked device, are forgotten: the
 * next look meets them anew. */
static void forget(void *self, cf_is_undone *is_undone, const void *context, cf_kv_list *records)
{
    cf_record_source *source = self;
    cf_binding *binding = source->binding;
    const cf_row *row = cf_rows_next(binding->rows, NULL);

    while (row) {
        const cf_row *next = cf_rows_next(binding->rows, row);
        cf_arena arena = {0};
        cf_row_ref *refs;
        size_t count;
        cf_error ignored;
        bool undone = false;

        if (cf_row_refs_read(row, &arena, &refs, &count, &ignored) == CF_OK)
            for (size_t i = 0; i < count && !undone; i++)
                undone = is_undone(context, &refs[i].dot);
        if (undone) {
            cf_bytes table = cf_arena_copy(&arena, row->table);

            cf_binding_drop_row(binding, table, cf_arena_copy(&arena, row->key), records);
            source->look = true;
        }
        cf_arena_release(&arena);
        row = next;
    }
}

cf_source cf_record_source_open(cf_source_context *context, cf_binding *binding)
{
    static const cf_source_operations operations = {
        .destroy = destroy,
        .look = look,
        .look_again = look_again,
        .end_word = end_word,
        .step = step,
        .busy = busy,
        .rests = rests,
        .agrees = agrees,
        .status = tell,
        .held = count_held,
        .applied = applied,
        .forget = forget,
        .look_at = look_at,
        .wake = wake,
        .came = came,
        .changed = changed,
        .set_back = set_back,
    };
    cf_record_source *source = cf_allocate(1, sizeof *source);

    source->context = context;
    source->binding = binding;
    source->probe = cf_probe_new(context->peer->env, binding);
    source->medium = cf_medium_new(context->peer->env->files, context->peer, binding);
    source->values = cf_record_values_new(context, binding);
    source->medium->watch = context->watch;
    source->look = context->watch != NULL;
    return (cf_source){.self = source, .operations = &operations, .probe = source->probe};
}
