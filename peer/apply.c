/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/apply.h"

#include "codec/content.h"
#include "peer/apply_steps.h"
#include "peer/contents_small.h"
#include "peer/survey.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH_STEPS = 512 };
#define BATCH_BYTES (64 * CF_MIB)

typedef enum { IDLE, MAKING, SYNCING } apply_phase;

struct cf_applying {
    cf_applying_options options;
    cf_collection *collection;
    cf_ids marked, later;
    bool woken; /* during a run, which may have left undone what is possible now */
    apply_phase phase;

    cf_arena arena; /* of one run */
    cf_task *tasks;
    size_t count;
    size_t first, end; /* the batch; what is before it has ended */
    size_t jobs;
    cf_task_place place;
    cf_records records;
    uint64_t numbers; /* of temporary files and intents */
    cf_status sync_status;
    cf_error sync_error;

    cf_applied result;
    cf_pending *pending;
    size_t pending_capacity;
    uint64_t *look_at;
    size_t look_capacity;
};

cf_applying *cf_applying_new(const cf_applying_options *options)
{
    cf_applying *applying = cf_allocate(1, sizeof *applying);

    applying->options = *options;
    return applying;
}

static cf_files *files_of(const cf_applying *applying)
{
    return applying->options.peer->env->files;
}

static void end_run(cf_applying *applying)
{
    cf_arena_release(&applying->arena);
    cf_records_release(&applying->records);
    free(applying->place.touched);
    applying->place = (cf_task_place){0};
    applying->tasks = NULL;
    applying->count = applying->first = applying->end = 0;
    applying->phase = IDLE;
}

void cf_applying_destroy(cf_applying **applying)
{
    if (!*applying)
        return;
    cf_jobs *jobs = (*applying)->options.peer->env->jobs;

    while ((*applying)->jobs)
        jobs->deliver(jobs);
    end_run(*applying);
    free((*applying)->pending);
    free((*applying)->look_at);
    free((*applying)->marked.at);
    free((*applying)->later.at);
    free(*applying);
    *applying = NULL;
}

void cf_applying_mark(cf_applying *applying, const cf_id *directories, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cf_ids_add(&applying->marked, &directories[i]);
}

bool cf_applying_marked(const cf_applying *applying)
{
    return applying->marked.count > 0;
}

void cf_applying_wake(cf_applying *applying)
{
    applying->woken = applying->phase != IDLE;
    cf_applying_mark(applying, applying->later.at, applying->later.count);
    applying->later.count = 0;
}

bool cf_applying_busy(const cf_applying *applying)
{
    return applying->phase != IDLE;
}

void cf_applying_result(const cf_applying *applying, cf_applied *out)
{
    *out = applying->result;
    out->pending = applying->pending;
    out->look_at = applying->look_at;
}

/* ---- Planning ---- */

static bool is_known_group(const cf_ids *groups, const cf_id *id)
{
    for (size_t i = 0; i < groups->count; i++)
        if (cf_id_equal(&groups->at[i], id))
            return true;
    return false;
}

static int by_id(const void *a, const void *b)
{
    return cf_id_compare(a, b);
}

static void plan_marked(cf_applying *applying, cf_plan *plan)
{
    cf_ids ids = applying->marked, groups = {0};

    applying->marked = (cf_ids){0};
    if (ids.count)
        qsort(ids.at, ids.count, sizeof *ids.at, by_id);
    for (size_t i = 0; i < ids.count; i++) {
        cf_group group;

        if (i > 0 && cf_id_equal(&ids.at[i], &ids.at[i - 1]))
            continue;
        cf_view_group_of(applying->collection->view, &ids.at[i], &applying->arena, &group);
        if (group.count > 1 && is_known_group(&groups, &group.directories[0]))
            continue;
        if (group.count > 1)
            cf_ids_add(&groups, &group.directories[0]);
        cf_plan_group(applying->options.binding->nodes, applying->collection->view, &group,
                      &applying->arena, plan);
    }
    free(groups.at);
    free(ids.at);
}

static void name_temporary(cf_applying *applying, cf_task *task)
{
    snprintf(task->temporary, sizeof task->temporary, "step-%llu",
             (unsigned long long)++applying->numbers);
}

/* The base's own node goes when another takes its place, which a step does more than once. */
static const cf_node *keep_node(cf_applying *applying, const cf_node *node)
{
    cf_node *copy = cf_arena_allocate(&applying->arena, 1, sizeof *copy);

    *copy = cf_node_copy(node, &applying->arena);
    return copy;
}

static void prepare_task(cf_applying *applying, const cf_step *planned, cf_task *task)
{
    *task = (cf_task){.step = *planned, .number = planned->number};
    cf_step *step = &task->step;

    if (step->node)
        step->node = keep_node(applying, step->node);
    name_temporary(applying, task);
    if (step->kind == CF_STEP_DELETE) {
        task->after = *step->node;
        return;
    }
    if (step->kind == CF_STEP_UPDATE)
        task->after = *step->node;
    else
        task->number = cf_binding_new_number(applying->options.binding);
    cf_shown_agree(step->shown, &applying->arena, &task->after);
    task->after.number = task->number;
    task->after.parent = step->parent;
    task->needs_file = step->kind == CF_STEP_CREATE ? step->shown->kind != CF_KIND_DIRECTORY
                                                    : cf_step_difference(step).content;
}

/* What frees places comes first, then what is written, entry by entry: to open one costs more than
 * all else. */
static int by_source(const void *a, const void *b)
{
    const cf_task *x = a, *y = b;

    if (x->needs_file != y->needs_file)
        return x->needs_file - y->needs_file;
    int order = cf_head_compare(&x->source, &y->source);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static void find_source(cf_applying *applying, cf_task *task)
{
    cf_error ignored;
    cf_hash hash;
    uint64_t size;

    if (task->needs_file &&
        cf_content_identity_read(task->step.shown->content, &hash, &size, &ignored) == CF_OK)
        cf_contents_entry(applying->options.peer->contents, &applying->collection->id, &hash,
                          &task->source, &ignored);
}

static void make_tasks(cf_applying *applying, const cf_plan *plan)
{
    applying->count = plan->count;
    applying->tasks = cf_arena_allocate(&applying->arena, plan->count, sizeof *applying->tasks);
    for (size_t i = 0; i < plan->count; i++) {
        prepare_task(applying, &plan->steps[i], &applying->tasks[i]);
        find_source(applying, &applying->tasks[i]);
    }
    if (applying->count)
        qsort(applying->tasks, applying->count, sizeof *applying->tasks, by_source);
}

static void hold_deletes(cf_applying *applying, const cf_plan *plan, cf_delete_word word)
{
    size_t items = cf_nodes_count(applying->options.binding->nodes);

    if (cf_guard_allows(word, plan->deletes, items))
        return;
    applying->result.held = true;
    for (size_t i = 0; i < applying->count; i++) {
        cf_task *task = &applying->tasks[i];

        if (task->step.kind != CF_STEP_DELETE)
            continue;
        task->state = CF_TASK_FAILED;
        snprintf(task->reason, sizeof task->reason,
                 "%zu of %zu items were deleted elsewhere: say --yes or --max-delete to delete "
                 "them here too",
                 plan->deletes, items);
    }
}

static void finish_run(cf_applying *applying);

cf_status cf_applying_begin(cf_applying *applying, cf_delete_word word, bool dry, cf_error *error)
{
    cf_binding *binding = applying->options.binding;
    cf_plan plan = {0};

    cf_status status = cf_peer_collection(applying->options.peer, &binding->collection,
                                          &applying->collection, error);
    if (status)
        return status;
    end_run(applying);
    cf_applying_wake(applying); /* what is left is known of this run only */
    applying->result = (cf_applied){0};
    plan_marked(applying, &plan);
    make_tasks(applying, &plan);
    hold_deletes(applying, &plan, word);
    free(plan.steps);
    applying->place = (cf_task_place){
        .files = files_of(applying), .binding = binding, .records = &applying->records};
    if (dry || applying->count == 0)
        finish_run(applying);
    else
        applying->phase = MAKING;
    return CF_OK;
}

/* ---- Making new files ---- */

typedef struct {
    cf_job job;
    cf_applying *applying;
    cf_task *task;
    cf_status status;
    cf_error error;
} making;

static void make(cf_job *job)
{
    making *self = (making *)job;

    self->status =
        cf_task_make(files_of(self->applying), self->applying->options.binding->temporary,
                     self->task, &self->error);
}

static void made(cf_job *job)
{
    making *self = (making *)job;

    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
    self->task->made = !self->status;
    if (self->status) {
        self->task->state = CF_TASK_FAILED;
        memcpy(self->task->reason, self->error.text, sizeof self->task->reason);
    }
    self->applying->jobs--;
    free(self);
}

/* The bytes, or the file that they were fetched into. False: not here yet. */
static bool find_content(cf_applying *applying, cf_task *task)
{
    cf_peer *peer = applying->options.peer;
    cf_buffer bytes = {0};
    cf_download download;
    cf_error error;
    cf_hash hash;
    uint64_t size;

    cf_bytes content = task->step.shown->content;
    if (cf_content_identity_read(content, &hash, &size, &error) == CF_OK && size <= CF_INLINE_MAX &&
        cf_contents_small(peer->contents, &applying->collection->id, &hash, &bytes, &error) ==
            CF_OK) {
        task->small = cf_arena_copy(&applying->arena, cf_buffer_view(&bytes));
        cf_buffer_release(&bytes);
        return true;
    }
    cf_buffer_release(&bytes);
    cf_download_answer answer = cf_downloads_want(applying->options.downloads,
                                                  applying->options.binding, content, &download);
    if (answer == CF_DOWNLOAD_READY) {
        snprintf(task->temporary, sizeof task->temporary, "%.*s", (int)download.name.size,
                 (const char *)download.name.data);
        task->leaves = cf_arena_copy(&applying->arena, download.leaves);
        return true;
    }
    task->state = CF_TASK_FAILED;
    task->waits = applying->result.waits = true;
    snprintf(task->reason, sizeof task->reason, "%s",
             answer == CF_DOWNLOAD_STARTED ? "its content is on the way" : download.reason);
    return false;
}

static void start_making(cf_applying *applying, cf_task *task)
{
    cf_env *env = (cf_env *)applying->options.peer->env;
    making *self = cf_allocate(1, sizeof *self);

    self->job = (cf_job){.work = make, .done = made, .memory = task->small.size};
    self->applying = applying;
    self->task = task;
    applying->jobs++;
    env->jobs->submit(env->jobs, &self->job);
}

/* Its file was fetched for another step of the batch: once that one has taken it, it is on the
 * disk, and is copied from there. */
static bool is_taken_in_batch(const cf_applying *applying, const cf_task *task)
{
    for (size_t i = applying->first; i < applying->end; i++) {
        const cf_task *other = &applying->tasks[i];

        if (other->leaves.size &&
            cf_bytes_equal(other->step.shown->content, task->step.shown->content))
            return true;
    }
    return false;
}

/* Takes the next steps, and starts what has to be written for them. */
static void start_batch(cf_applying *applying)
{
    uint64_t bytes = 0;

    for (applying->end = applying->first;
         applying->end < applying->count && applying->end - applying->first < BATCH_STEPS &&
         bytes < BATCH_BYTES;
         applying->end++) {
        cf_task *task = &applying->tasks[applying->end];

        if (task->state != CF_TASK_WAITING || !task->needs_file || task->made)
            continue;
        if (is_taken_in_batch(applying, task))
            break;
        if (!find_content(applying, task))
            continue;
        bytes += task->small.size;
        start_making(applying, task);
    }
}

/* ---- Putting into place ---- */

static void put_intent(cf_applying *applying, cf_task *task, const cf_intent *intent)
{
    uint64_t number = ++applying->numbers;

    cf_intent_put(applying->options.binding, number, intent, &applying->records);
    task->intents[task->intent_count++] = number;
}

static void intend_place(cf_applying *applying, cf_task *task, const cf_node *at, cf_bytes name)
{
    cf_node moved = *task->step.node;

    moved.parent = at->parent;
    moved.name = name;
    put_intent(applying, task, &(cf_intent){.kind = CF_INTENT_PLACE, .after = moved});
}

/* To its new place; if that is taken, perhaps by way of another name. */
static void intend_move(cf_applying *applying, cf_task *task)
{
    char name[CF_ASIDE_NAME];

    if (cf_nodes_child(applying->options.binding->nodes, task->after.parent, task->after.name)) {
        cf_task_aside(task, name);
        intend_place(applying, task, task->step.node, cf_bytes_of_text(name));
    }
    intend_place(applying, task, &task->after, task->after.name);
}

/* A directory that is made is found again as the same one, and needs none. */
static void intend(cf_applying *applying, cf_task *task)
{
    const cf_step *step = &task->step;
    cf_intent intent = {.after = task->after};
    cf_difference difference =
        step->kind == CF_STEP_UPDATE ? cf_step_difference(step) : (cf_difference){0};

    if (difference.move)
        intend_move(applying, task);
    if (step->kind == CF_STEP_DELETE) {
        intent.kind = CF_INTENT_DELETE;
        intent.temporary = cf_bytes_of_text(task->temporary);
    } else if (task->needs_file) {
        intent.kind = CF_INTENT_PLACE;
        intent.temporary = cf_bytes_of_text(task->temporary);
        intent.after.stat = cf_node_stat_of(&task->made_stat);
    } else if (difference.mode || difference.mtime) {
        intent.kind = CF_INTENT_STAMP;
    } else {
        return;
    }
    put_intent(applying, task, &intent);
}

static cf_status write_records(cf_applying *applying, cf_error *error)
{
    cf_peer *peer = applying->options.peer;
    cf_store *store = cf_home_store(peer->home);
    cf_status status = CF_OK;

    if (applying->records.count)
        status = store->write(store, cf_peer_user(peer), applying->records.at,
                              applying->records.count, true, error);
    cf_records_release(&applying->records);
    return status;
}

static cf_status record_intents(cf_applying *applying, cf_error *error)
{
    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];

        if (task->state == CF_TASK_WAITING && task->intent_count == 0)
            intend(applying, task);
    }
    return write_records(applying, error);
}

static bool may_show(const cf_applying *applying, const cf_task *task)
{
    return task->step.kind == CF_STEP_DELETE ||
           !cf_shown_elsewhere(task->step.shown, applying->options.binding->nodes, task->number);
}

static bool perform_pass(cf_applying *applying)
{
    bool progress = false;

    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];

        if (task->state != CF_TASK_WAITING || !may_show(applying, task))
            continue;
        cf_task_perform(&applying->place, task);
        progress |= task->state == CF_TASK_DONE;
    }
    return progress;
}

static bool break_ring(cf_applying *applying)
{
    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];

        if (task->state == CF_TASK_WAITING && may_show(applying, task) &&
            cf_task_step_aside(&applying->place, task))
            return true;
    }
    return false;
}

static void perform(cf_applying *applying)
{
    do {
        while (perform_pass(applying))
            ;
        /* What is left waits for each other, or for a step of a later batch. */
    } while (applying->end == applying->count && break_ring(applying));
}

/* ---- Making it last ---- */

typedef struct {
    cf_job job;
    cf_applying *applying;
    cf_hold hold;
    cf_status status;
    cf_error error;
} syncing;

static void sync_folder(cf_job *job)
{
    syncing *self = (syncing *)job;
    cf_files *files = files_of(self->applying);

    self->status = files->sync_folder(files, self->hold.folder, &self->error);
}

static void synced(cf_job *job)
{
    syncing *self = (syncing *)job;

    if (self->status && !self->applying->sync_status) {
        self->applying->sync_status = self->status;
        self->applying->sync_error = self->error;
    }
    cf_hold_release(&self->hold, files_of(self->applying));
    self->applying->jobs--;
    free(self);
}

static void start_syncing(cf_applying *applying)
{
    const cf_env *env = applying->options.peer->env;
    cf_error ignored;

    for (size_t i = 0; i < applying->place.touched_count; i++) {
        syncing *self = cf_allocate(1, sizeof *self);

        self->job = (cf_job){.work = sync_folder, .done = synced};
        self->applying = applying;
        if (cf_binding_hold(applying->options.binding, env->files, applying->place.touched[i],
                            &self->hold, &ignored)) {
            free(self); /* the directory itself went in a later step */
            continue;
        }
        applying->jobs++;
        env->jobs->submit(env->jobs, &self->job);
    }
    applying->place.touched_count = 0;
}

static void drop_intents(cf_applying *applying, cf_task *task)
{
    for (size_t i = 0; i < task->intent_count; i++)
        cf_intent_drop(applying->options.binding, task->intents[i], &applying->records);
    task->intent_count = 0;
}

/* The base's new nodes without their intents, in one commit. */
static cf_status commit_base(cf_applying *applying, cf_error *error)
{
    cf_binding *binding = applying->options.binding;

    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];
        cf_hash hash;
        uint64_t size;

        if (task->state == CF_TASK_WAITING)
            continue; /* its intents stay with it */
        drop_intents(applying, task);
        if (task->state == CF_TASK_DONE && task->leaves.size &&
            cf_content_identity_read(task->step.shown->content, &hash, &size, error) == CF_OK)
            cf_leaves_put(&hash, task->leaves, &applying->records);
    }
    cf_binding_put(binding, &applying->records);
    return write_records(applying, error);
}

static void after_commit(cf_applying *applying)
{
    cf_binding *binding = applying->options.binding;

    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];

        if (task->state != CF_TASK_DONE)
            continue;
        applying->result.applied++;
        if (task->step.kind == CF_STEP_DELETE)
            continue;
        const cf_node *node = cf_nodes_find(binding->nodes, task->number);
        if (task->leaves.size) {
            cf_downloads_take(applying->options.downloads, binding, task->step.shown->content);
            if (node)
                cf_bases_keep(applying->options.bases, binding, node);
        }
        if (task->step.kind == CF_STEP_CREATE && task->step.shown->kind == CF_KIND_DIRECTORY)
            cf_applying_mark(applying, task->step.shown->items, task->step.shown->item_count);
    }
}

/* ---- The end of a run ---- */

static void add_pending(cf_applying *applying, const cf_task *task)
{
    cf_binding *binding = applying->options.binding;
    cf_buffer path = {0};
    cf_pending pending = {.kind = CF_PENDING_UNAPPLIED, .reason = task->reason};

    if (task->step.kind == CF_STEP_DELETE && applying->result.held)
        pending.kind = CF_PENDING_HELD;
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
    if (!task->reason[0])
        pending.reason = task->step.kind == CF_STEP_DELETE   ? "it was deleted elsewhere"
                         : task->step.kind == CF_STEP_CREATE ? "it is new elsewhere"
                                                             : "it was changed elsewhere";
    pending.path = cf_arena_copy(&applying->arena, cf_buffer_view(&path));
    applying->pending = cf_grow(applying->pending, &applying->pending_capacity,
                                applying->result.pending_count + 1, sizeof pending);
    applying->pending[applying->result.pending_count++] = pending;
    cf_buffer_release(&path);
}

static void drop_temporary(cf_applying *applying, const cf_task *task)
{
    cf_error ignored;

    if (task->made && !task->leaves.size)
        files_of(applying)->unlink(files_of(applying), applying->options.binding->temporary,
                                   cf_bytes_of_text(task->temporary), &ignored);
}

static void look_at_task(cf_applying *applying, const cf_task *task)
{
    const cf_node *node = cf_nodes_find(applying->options.binding->nodes, task->number);
    uint64_t folders[2] = {task->step.parent, node ? node->parent : task->step.parent};

    for (size_t i = 0; i < 2; i++) {
        applying->look_at = cf_grow(applying->look_at, &applying->look_capacity,
                                    applying->result.look_count + 1, sizeof *applying->look_at);
        applying->look_at[applying->result.look_count++] = folders[i];
    }
}

/* Of what did not come to its turn: the inodes of its files will be others' soon. */
static cf_status drop_all_intents(cf_applying *applying, cf_error *error)
{
    for (size_t i = 0; i < applying->count; i++)
        drop_intents(applying, &applying->tasks[i]);
    return write_records(applying, error);
}

/* Keeps the arena: what is pending lies in it until the next run. */
static void finish_run(cf_applying *applying)
{
    for (size_t i = 0; i < applying->count; i++) {
        const cf_task *task = &applying->tasks[i];

        if (task->state == CF_TASK_DONE)
            continue;
        if (task->state == CF_TASK_BLOCKED)
            look_at_task(applying, task);
        add_pending(applying, task);
        drop_temporary(applying, task);
        cf_ids_add(&applying->later, &task->step.group);
    }
    applying->phase = IDLE;
    if (applying->woken)
        cf_applying_wake(applying);
}

/* Carries what still waits into the next batch; false when nothing moves any more. */
static bool next_batch(cf_applying *applying)
{
    size_t done = 0, waiting = applying->first;

    for (size_t i = applying->first; i < applying->end; i++)
        if (applying->tasks[i].state != CF_TASK_WAITING)
            done++;
    if (applying->end == applying->count && (done == 0 || applying->first == applying->end))
        return false;
    for (size_t i = applying->first; i < applying->end; i++) {
        /* What has ended goes to the front, in any order; what waits stays before what comes. */
        if (applying->tasks[i].state == CF_TASK_WAITING)
            continue;
        cf_task ended = applying->tasks[i];

        memmove(&applying->tasks[waiting + 1], &applying->tasks[waiting],
                (i - waiting) * sizeof ended);
        applying->tasks[waiting++] = ended;
    }
    applying->first = waiting;
    return applying->first < applying->count;
}

cf_status cf_applying_step(cf_applying *applying, bool *busy, cf_error *error)
{
    cf_status status = CF_OK;

    while (!status && applying->phase != IDLE && !applying->jobs) {
        if (applying->phase == MAKING && applying->end == applying->first) {
            start_batch(applying);
            if (applying->jobs)
                break;
        }
        if (applying->phase == MAKING) {
            status = record_intents(applying, error);
            if (status)
                break;
            perform(applying);
            start_syncing(applying);
            applying->phase = SYNCING;
        } else {
            status = applying->sync_status;
            if (status)
                *error = applying->sync_error;
            if (!status)
                status = commit_base(applying, error);
            if (status)
                break;
            after_commit(applying);
            if (next_batch(applying)) {
                applying->end = applying->first;
                applying->phase = MAKING;
            } else {
                status = drop_all_intents(applying, error);
                finish_run(applying);
            }
        }
    }
    *busy = applying->phase != IDLE;
    return status;
}
