/* SPDX-License-Identifier: Apache-2.0 */
/* In which order a run goes: batch by batch, each made, recorded, performed, synced and committed
 * before the next; a step that waits for another goes into the next batch, until the last one moves
 * nothing. What is left is told with its reason, and its group is marked for the next run. Where
 * the disk may hang all of that is done apart. */
#include "peer/sources/files/apply_inside.h"

#include "peer/transfer/resupply.h"

#include <stdio.h>
#include <stdlib.h>

cf_applying *cf_applying_new(const cf_applying_options *options)
{
    cf_applying *applying = cf_allocate(1, sizeof *applying);

    applying->options = *options;
    applying->unplaced = cf_unplaced_new();
    return applying;
}

static void end_run(cf_applying *applying)
{
    cf_arena_release(&applying->arena);
    cf_kv_list_release(&applying->records);
    cf_node_set_release(&applying->place.touched);
    cf_node_set_release(&applying->place.watched);
    cf_node_set_release(&applying->lifted);
    cf_hash_table_release(&applying->asked);
    applying->place = (cf_task_place){0};
    applying->tasks = NULL;
    applying->count = applying->first = applying->end = 0;
    applying->phase = CF_APPLY_IDLE;
}

void cf_applying_await(cf_applying *applying)
{
    while (applying->jobs || applying->apart) {
        if (applying->apart)
            cf_coroutine_resume(applying->apart, CF_COROUTINE_FOREVER);
        cf_jobs_await(applying->options.peer->env->jobs);
    }
}

/* What it comes upon at its end nobody asks for any more. */
static void report_failure(const cf_applying *applying)
{
    const cf_error *failed = applying->apart_status  ? &applying->apart_error
                             : applying->sync_status ? &applying->sync_error
                                                     : NULL;

    if (failed)
        cf_report(applying->options.peer->env, CF_REPORT_WARNING, "%s: %s",
                  applying->options.binding->path, failed->text);
}

void cf_applying_end(cf_applying *applying)
{
    if (applying)
        applying->ends = true;
}

void cf_applying_destroy(cf_applying **applying)
{
    if (!*applying)
        return;
    cf_applying_end(*applying);
    if ((*applying)->jobs || (*applying)->apart) {
        cf_applying_await(*applying);
        report_failure(*applying);
    }
    end_run(*applying);
    free((*applying)->pending);
    cf_look_places_release(&(*applying)->look_at);
    free((*applying)->marked.at);
    free((*applying)->marked_items.at);
    free((*applying)->later.at);
    cf_buffer_release(&(*applying)->awaited);
    cf_unplaced_destroy(&(*applying)->unplaced);
    free(*applying);
    *applying = NULL;
}

void cf_applying_mark_group(cf_applying *applying, const cf_group *group)
{
    cf_marked_items *items = &applying->marked_items;

    if (!group->item_count)
        cf_applying_mark(applying, group->directories, group->count ? 1 : 0);
    for (size_t i = 0; i < group->item_count; i++) {
        *cf_one_more(items->at, items->count, items->capacity) =
            (cf_marked_item){group->directories[0], group->items[i]};
    }
}

void cf_applying_wake(cf_applying *applying)
{
    applying->woken = applying->phase != CF_APPLY_IDLE;
    cf_applying_mark(applying, applying->later.at, applying->later.count);
    applying->later.count = 0;
}

void cf_applying_try_all(cf_applying *applying)
{
    cf_unplaced_forget(applying->unplaced);
}

void cf_applying_wake_waiting(cf_applying *applying)
{
    const cf_applying_options *options = &applying->options;

    if (!applying->awaited.size ||
        !cf_has_other_copies(options->peer, &options->binding->collection,
                             cf_buffer_view(&applying->awaited)))
        return;
    cf_buffer_clear(&applying->awaited);
    cf_applying_wake(applying);
}

bool cf_applying_busy(const cf_applying *applying)
{
    return applying->phase != CF_APPLY_IDLE || applying->apart || applying->apart_is_over;
}

void cf_applying_result(const cf_applying *applying, cf_applied *out)
{
    *out = applying->result;
    out->pending = applying->pending;
    out->look_at = &applying->look_at;
    out->watched = applying->place.watched.at;
    out->watched_count = applying->place.watched.count;
}

/* ---- The end of a run ---- */

/* What others did to a thing that is here, as the disk has it by now. */
static const char *done_elsewhere(const cf_binding *binding, const cf_task *task)
{
    cf_step step = task->step;

    step.node = cf_nodes_find(binding->nodes, task->number);
    const cf_difference difference = step.node ? cf_step_difference(&step) : (cf_difference){0};
    return difference.move      ? "it was moved elsewhere"
           : difference.content ? "it was changed elsewhere"
           : difference.mode    ? "it has another mode elsewhere"
           : difference.mtime   ? "it has another time elsewhere"
                                : "it was changed elsewhere";
}

static const char *what_was_done(const cf_binding *binding, const cf_task *task)
{
    return task->step.kind == CF_STEP_DELETE   ? "it was deleted elsewhere"
           : task->step.kind == CF_STEP_CREATE ? "it is new elsewhere"
                                               : done_elsewhere(binding, task);
}

static const char *why_not_taken(const char *done, cf_arena *arena)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "%s; " CF_ONLY_SENDS, done);
    const char *kept = cf_arena_text(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return kept;
}

static void add_pending(cf_applying *applying, const cf_task *task)
{
    cf_binding *binding = applying->options.binding;
    cf_buffer path = {0};
    cf_pending pending = {
        .kind = CF_PENDING_UNAPPLIED, .reason = task->reason, .tried = task->reason != NULL};

    if (task->step.kind == CF_STEP_DELETE && applying->result.held)
        pending.kind = CF_PENDING_SPARED;
    else if (task->state == CF_TASK_FAILED)
        pending.kind = task->waits ? CF_PENDING_WAITS : CF_PENDING_SKIPPED;
    if (task->step.kind == CF_STEP_CREATE) {
        cf_binding_path(binding, task->step.parent, &path);
        if (path.size)
            cf_buffer_append(&path, "/", 1);
        cf_buffer_append(&path, task->step.shown->name.data, task->step.shown->name.size);
    } else {
        cf_binding_path(binding, task->number, &path);
    }
    if (!task->reason)
        pending.reason = what_was_done(binding, task);
    if (binding->mode == CF_MODE_SEND) {
        pending.kind = CF_PENDING_NOT_TAKEN;
        pending.reason = why_not_taken(pending.reason, &applying->arena);
    }
    if (task->is_of_disk && !applying->result.disk)
        applying->result.disk = task->reason;
    pending.path = cf_arena_copy(&applying->arena, cf_buffer_view(&path));
    *cf_one_more(applying->pending, applying->result.pending_count, applying->pending_capacity) =
        pending;
    applying->result.counts.of[pending.kind]++;
    cf_buffer_release(&path);
}

static void drop_temporary(cf_applying *applying, const cf_task *task)
{
    cf_error ignored;

    if (task->made && !task->partial[0])
        applying->place.files->unlink(applying->place.files, applying->options.binding->temporary,
                                      cf_bytes_of_text(task->temporary), &ignored);
}

/* The directory shows another time now. */
static bool changes_bare(const cf_applying *applying, const cf_task *task)
{
    const cf_binding *binding = applying->options.binding;
    const cf_node *was = task->step.node;

    return task->state == CF_TASK_DONE &&
           (cf_bare_times_have_folder(&binding->seen.bare, task->after.parent) ||
            (was && cf_bare_times_have_folder(&binding->seen.bare, was->parent)));
}

/* Where it is, and where it was to be. */
static void look_at_task(cf_applying *applying, const cf_task *task)
{
    const cf_node *node = cf_nodes_find(applying->options.binding->nodes, task->number);
    const cf_step *step = &task->step;
    cf_look_places *places = &applying->look_at;

    if (step->shown)
        cf_look_places_add(places, step->parent, step->shown->name, CF_ABSENCE_WAITS);
    if (node)
        cf_look_places_add(places, node->parent, node->name, CF_ABSENCE_WAITS);
    if (task->misses)
        cf_look_places_add(places, task->after.parent, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
    if (task->looks || changes_bare(applying, task) || !(step->shown || node))
        cf_look_places_add(places, node ? node->parent : step->parent, CF_WHOLE_FOLDER,
                           CF_ABSENCE_WAITS);
}

/* Of what did not come to its turn: the inodes of its files will be others' soon. */
static cf_status drop_all_intents(cf_applying *applying, cf_error *error)
{
    for (size_t i = 0; i < applying->count; i++)
        cf_applying_drop_intents(applying, &applying->tasks[i]);
    return cf_applying_write(applying, error);
}

/* What one of them found holds for those that waited for it. */
static void learn(cf_applying *applying, const cf_task *task)
{
    const cf_step *step = &task->step;
    bool places = step->kind == CF_STEP_CREATE || task->needs_file;

    if (!places || task->is_put_off || task->waits)
        return;
    if (task->state == CF_TASK_DONE)
        applying->woken |= cf_unplaced_passed(applying->unplaced, step);
    else if (task->state == CF_TASK_FAILED && (task->made || !task->needs_file))
        cf_unplaced_failed(applying->unplaced, step, task->reason);
}

/* Keeps the arena: what is pending lies in it until the next run. */
static void finish_run(cf_applying *applying)
{
    for (size_t i = 0; i < applying->count; i++) {
        const cf_task *task = &applying->tasks[i];

        learn(applying, task);
        if (task->state == CF_TASK_BLOCKED || task->looks || changes_bare(applying, task))
            look_at_task(applying, task);
        if (task->state == CF_TASK_DONE)
            continue;
        add_pending(applying, task);
        drop_temporary(applying, task);
        cf_ids_add(&applying->later, &task->step.group);
    }
    applying->phase = CF_APPLY_IDLE;
    if (applying->woken)
        cf_applying_wake(applying);
}

/* Carries what still waits into the next batch; false when nothing moves any more. */
static bool next_batch(cf_applying *applying)
{
    size_t done = 0;

    for (size_t i = applying->first; i < applying->end; i++)
        if (applying->tasks[i].state != CF_TASK_WAITING)
            done++;
    if (applying->is_last && done == 0)
        return false;
    /* What has ended goes to the front, what waits stays before what comes. */
    cf_task *waiting = cf_allocate(applying->end - applying->first - done, sizeof *waiting);
    size_t count = 0, ended = applying->first;
    for (size_t i = applying->first; i < applying->end; i++) {
        if (applying->tasks[i].state == CF_TASK_WAITING)
            waiting[count++] = applying->tasks[i];
        else
            applying->tasks[ended++] = applying->tasks[i];
    }
    if (count)
        memcpy(&applying->tasks[ended], waiting, count * sizeof *waiting);
    free(waiting);
    applying->first = ended;
    return applying->first < applying->count;
}

cf_status cf_applying_begin(cf_applying *applying, const cf_applying_how *how, cf_error *error)
{
    cf_binding *binding = applying->options.binding;

    cf_status status = cf_peer_collection(applying->options.peer, &binding->collection,
                                          &applying->collection, error);
    if (status)
        return status;
    end_run(applying);
    cf_applying_wake(applying); /* what is left is known of this run only */
    cf_buffer_clear(&applying->awaited);
    applying->result = (cf_applied){0};
    cf_look_places_release(&applying->look_at);
    status = cf_applying_plan(applying, how, error);
    if (status)
        return status;
    const cf_env *env = applying->options.peer->env;
    applying->place = (cf_task_place){.files = cf_applying_files(applying),
                                      .binding = binding,
                                      .records = &applying->records,
                                      .arena = &applying->arena,
                                      .watch = applying->options.watch,
                                      .now_ms = env->now_ms(env->context)};
    if (!how->dry && applying->count)
        applying->phase = CF_APPLY_STARTING;
    else if (!how->dry && cf_applying_start_returning(applying))
        applying->phase = CF_APPLY_RETURNING;
    else
        finish_run(applying);
    return CF_OK;
}

cf_status cf_applying_compare(cf_applying *applying, cf_error *error)
{
    return cf_applying_marked(applying) && !cf_applying_busy(applying)
               ? cf_applying_begin(applying, &(cf_applying_how){.dry = true}, error)
               : CF_OK;
}

/* The batch is durable: the next one, or the end. */
static cf_status go_on(cf_applying *applying, cf_error *error)
{
    cf_applying_after_commit(applying);
    if (next_batch(applying)) {
        applying->phase = CF_APPLY_STARTING;
        return CF_OK;
    }
    cf_status status = drop_all_intents(applying, error);
    if (!status && cf_applying_start_returning(applying))
        applying->phase = CF_APPLY_RETURNING;
    else
        finish_run(applying);
    return status;
}

static cf_status return_some(cf_applying *applying, cf_error *error)
{
    bool more;

    cf_status status = cf_applying_return(applying, &more, error);
    if (!status && !more)
        finish_run(applying);
    return status;
}

static void perform(cf_applying *applying)
{
    cf_applying_perform(applying);
    if (applying->jobs)
        return; /* what is removed makes room for more */
    cf_applying_start_syncing(applying);
    applying->phase = CF_APPLY_SYNCING;
}

/* As far as it goes without what jobs do. */
static cf_status go_through(cf_applying *applying, cf_error *error)
{
    cf_status status = CF_OK;

    while (!status && applying->phase != CF_APPLY_IDLE && !applying->jobs && !applying->ends) {
        if (applying->phase == CF_APPLY_STARTING) {
            cf_applying_start_batch(applying);
            applying->phase = CF_APPLY_MAKING;
        } else if (applying->phase == CF_APPLY_MAKING) {
            status = cf_applying_record(applying, error);
            applying->phase = CF_APPLY_PERFORMING;
        } else if (applying->phase == CF_APPLY_PERFORMING) {
            perform(applying);
        } else if (applying->sync_status) {
            *error = applying->sync_error;
            status = applying->sync_status;
        } else if (applying->phase == CF_APPLY_SYNCING && applying->place.touched.count) {
            cf_applying_start_syncing(applying);
        } else if (applying->phase == CF_APPLY_SYNCING) {
            status = cf_applying_commit(applying, error);
            if (!status)
                status = go_on(applying, error);
        } else {
            status = return_some(applying, error);
        }
    }
    return status;
}

/* ---- Where the disk may hang ---- */

enum { PATIENCE_MS = 50 };

static void run_apart(void *context)
{
    cf_applying *applying = context;

    applying->apart_status = go_through(applying, &applying->apart_error);
}

static void end_apart(void *context)
{
    cf_applying *applying = context;
    cf_job *job = applying->submitted, *next;

    cf_coroutine_destroy(&applying->apart);
    applying->place.files = cf_applying_files(applying);
    applying->apart_is_over = true;
    applying->is_stuck = false;
    for (applying->submitted = NULL; job; job = next) {
        next = job->next;
        cf_binding_submit(applying->options.binding, applying->options.peer->env->jobs, job);
    }
}

static void begin_apart(cf_applying *applying)
{
    cf_jobs *jobs = applying->options.peer->env->jobs;

    applying->apart = cf_coroutine_new(&(cf_coroutine_options){
        .jobs = jobs, .run = run_apart, .ended = end_apart, .context = applying});
    applying->submitted_end = &applying->submitted;
    applying->apart_status = CF_OK;
    applying->place.files = cf_coroutine_files(applying->apart, cf_applying_files(applying));
    cf_binding_submit(applying->options.binding, jobs, cf_coroutine_job(applying->apart));
}

static cf_status step_apart(cf_applying *applying, cf_error *error)
{
    cf_status status = CF_OK;

    /* One that is under way goes on, whatever jobs it has: they are passed on when it is over. */
    while (!status &&
           (applying->apart_is_over || applying->apart || (applying->phase && !applying->jobs))) {
        if (applying->apart_is_over) {
            applying->apart_is_over = false;
            status = applying->apart_status;
        } else if (!applying->apart) {
            begin_apart(applying);
        } else {
            applying->is_stuck = !cf_coroutine_resume(applying->apart, PATIENCE_MS) &&
                                 cf_coroutine_hangs(applying->apart);
            return CF_OK;
        }
    }
    if (status)
        *error = applying->apart_error;
    return status;
}

bool cf_applying_is_stuck(const cf_applying *applying)
{
    return applying->is_stuck;
}

cf_status cf_applying_step(cf_applying *applying, bool *busy, cf_error *error)
{
    const bool is_apart = applying->apart || applying->apart_is_over ||
                          (applying->options.binding->is_remote && applying->phase);

    cf_status status = is_apart ? step_apart(applying, error) : go_through(applying, error);
    *busy = cf_applying_busy(applying);
    return status;
}
