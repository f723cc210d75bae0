/* SPDX-License-Identifier: Apache-2.0 */
/* A batch once its contents are made: intents are recorded, durably, before a step is done; folders
 * are synced before the base follows; and nodes of the base come, and their intents go, in one
 * commit. The steps themselves are apply_perform.c's. */
#include "peer/sources/files/apply_inside.h"

#include "broker/platform/jobs.h"
#include "codec/content.h"
#include "peer/bindings/lifted.h"
#include "peer/merge/node_stat.h"

#include <stdlib.h>

/* ---- Putting into place ---- */

static void put_intent(cf_applying *applying, cf_task *task, const cf_intent *intent)
{
    uint64_t number = ++applying->numbers;

    cf_intent_put(applying->options.binding, number, intent, &applying->records);
    task->intents[task->intent_count++] = number;
}

static void intend_place(cf_applying *applying, cf_task *task, const cf_node *node, cf_bytes name)
{
    cf_node moved = *node;

    moved.name = name;
    put_intent(applying, task, &(cf_intent){.kind = CF_INTENT_PLACE, .after = moved});
}

/* What is in the way of a step whose place is taken may get another name first. */
static void intend_aside(cf_applying *applying, cf_task *task)
{
    const cf_nodes *nodes = applying->options.binding->nodes;
    const cf_node *node = cf_step_in_the_way(nodes, &task->step);
    char name[CF_ASIDE_NAME];

    if (!node)
        return;
    cf_step_aside_name(node->number, name);
    intend_place(applying, task, node, cf_bytes_of_text(name));
}

/* Where several spellings are one name, it may go by way of another one. */
static void intend_respelling(cf_applying *applying, cf_task *task)
{
    const cf_node *node = task->step.node;
    char name[CF_ASIDE_NAME];

    if (!cf_disk_folds(&applying->options.binding->traits))
        return;
    cf_step_aside_name(node->number, name);
    intend_place(applying, task, node, cf_bytes_of_text(name));
}

static void intend_move(cf_applying *applying, cf_task *task)
{
    cf_node moved = *task->step.node;

    intend_respelling(applying, task);
    moved.parent = task->after.parent;
    intend_place(applying, task, &moved, task->after.name);
}

static void intend_step(cf_applying *applying, cf_task *task)
{
    const cf_step *step = &task->step;
    cf_intent intent = {.after = task->after};
    cf_difference difference =
        step->kind == CF_STEP_UPDATE ? cf_step_difference(step) : (cf_difference){0};

    intend_aside(applying, task);
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
    } else if (step->kind == CF_STEP_CREATE) {
        intent.kind = CF_INTENT_MAKE;
    } else {
        return;
    }
    put_intent(applying, task, &intent);
}

/* Where somebody's own permissions forbid what is to be done. */
static void intend_lifting(cf_applying *applying, const cf_task *task)
{
    cf_binding *binding = applying->options.binding;
    cf_files *files = applying->place.files;
    cf_kv_list *records = &applying->records;
    const cf_step *step = &task->step;
    const bool directory = task->after.kind == CF_KIND_DIRECTORY;
    const uint32_t mode = cf_mode_of(task->after.mode, CF_OWNER_BITS);
    cf_difference difference =
        step->kind == CF_STEP_UPDATE ? cf_step_difference(step) : (cf_difference){0};

    cf_lifted_intend(binding, files, task->after.parent, records);
    if (difference.move)
        cf_lifted_intend(binding, files, step->node->parent, records);
    if (difference.move && directory && step->node->parent != task->after.parent)
        cf_lifted_intend(binding, files, task->number, records);
    if (difference.mode && directory)
        cf_lifted_intend_mode(binding, files, task->number, mode, records);
    if (step->kind == CF_STEP_CREATE && directory && (mode & CF_OWNER_BITS) != CF_OWNER_BITS)
        cf_lifted_put(binding, task->number, mode | CF_OWNER_BITS, records);
}

static void intend(cf_applying *applying, cf_task *task)
{
    intend_step(applying, task);
    if (task->intent_count)
        intend_lifting(applying, task);
}

cf_status cf_applying_write(cf_applying *applying, cf_error *error)
{
    cf_peer *peer = applying->options.peer;
    cf_store *store = cf_home_store(peer->home);
    cf_status status = CF_OK;

    if (applying->records.count)
        status = store->write(store, cf_peer_user(peer), applying->records.at,
                              applying->records.count, true, error);
    cf_kv_list_release(&applying->records);
    return status;
}

cf_status cf_applying_record(cf_applying *applying, cf_error *error)
{
    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];

        if (cf_task_is_prepared(task) && task->intent_count == 0)
            intend(applying, task);
    }
    return cf_applying_write(applying, error);
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
    cf_files *files = cf_applying_files(self->applying);

    self->status = files->sync_folder(files, self->hold.folder, &self->error);
}

static void note_sync(cf_applying *applying, cf_status status, const cf_error *error)
{
    if (!status || applying->sync_status)
        return;
    applying->sync_status = status;
    applying->sync_error = *error;
}

static void synced(cf_job *job)
{
    syncing *self = (syncing *)job;

    note_sync(self->applying, self->status, &self->error);
    cf_hold_release(&self->hold, cf_applying_files(self->applying));
    self->applying->jobs--;
    free(self);
}

static void start_syncing(cf_applying *applying, cf_hold hold)
{
    syncing *self = cf_allocate(1, sizeof *self);

    self->job = (cf_job){.work = sync_folder, .done = synced};
    self->applying = applying;
    self->hold = hold;
    cf_applying_submit(applying, &self->job);
}

/* A disk takes its time for that: it is asked for several files at once, and holds nobody up. */
enum { DROPPED_AT_ONCE = 32, SYNCED_AT_ONCE = 64 };

typedef struct {
    cf_job job;
    cf_applying *applying;
    const char *names[DROPPED_AT_ONCE]; /* the tasks' */
    size_t count;
} dropping;

/* Where that fails, it stays in our own folder, to be taken away later. */
static void drop_displaced(cf_job *job)
{
    dropping *self = (dropping *)job;
    cf_files *files = cf_applying_files(self->applying);
    cf_error ignored;

    for (size_t i = 0; i < self->count; i++)
        files->unlink(files, self->applying->options.binding->temporary,
                      cf_bytes_of_text(self->names[i]), &ignored);
}

static void dropped(cf_job *job)
{
    ((dropping *)job)->applying->jobs--;
    free(job);
}

static void submit_dropping(cf_applying *applying, dropping *batch)
{
    if (batch)
        cf_applying_submit(applying, &batch->job);
}

static void start_dropping(cf_applying *applying)
{
    dropping *batch = NULL;

    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];

        if (!task->drops)
            continue;
        if (!batch) {
            batch = cf_allocate(1, sizeof *batch);
            batch->job = (cf_job){.work = drop_displaced, .done = dropped};
            batch->applying = applying;
        }
        batch->names[batch->count++] = task->temporary;
        task->drops = false;
        if (batch->count == DROPPED_AT_ONCE) {
            submit_dropping(applying, batch);
            batch = NULL;
        }
    }
    submit_dropping(applying, batch);
}

void cf_applying_start_syncing(cf_applying *applying)
{
    cf_node_set *touched = &applying->place.touched;

    start_dropping(applying);
    for (size_t i = 0; touched->count && i < SYNCED_AT_ONCE; i++) {
        cf_hold hold;
        cf_error error;
        const cf_status status = cf_binding_hold(applying->options.binding, applying->place.files,
                                                 touched->at[--touched->count], &hold, &error);

        if (!status)
            start_syncing(applying, hold);
        else if (cf_files_has_failed(&error))
            note_sync(applying, status, &error);
        /* else the directory itself went in a later step, or is not ours to open any more */
    }
}

void cf_applying_drop_intents(cf_applying *applying, cf_task *task)
{
    applying->result.torn |= task->torn;
    for (size_t i = 0; !task->torn && i < task->intent_count; i++)
        cf_intent_drop(applying->options.binding, task->intents[i], &applying->records);
    task->intent_count = 0;
}

/* The base's new nodes without their intents, in one commit. */
cf_status cf_applying_commit(cf_applying *applying, cf_error *error)
{
    cf_binding *binding = applying->options.binding;

    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];
        cf_hash hash;
        uint64_t size;

        if (task->state == CF_TASK_WAITING)
            continue; /* its intents stay with it */
        cf_applying_drop_intents(applying, task);
        if (task->state == CF_TASK_DONE && task->leaves.size &&
            cf_content_identity_read(task->step.shown->content, &hash, &size, error) == CF_OK)
            cf_leaves_put(&hash, task->leaves, &applying->records);
    }
    cf_binding_put(binding, &applying->records);
    return cf_applying_write(applying, error);
}

void cf_applying_submit(cf_applying *applying, cf_job *job)
{
    applying->jobs++;
    if (!applying->apart) {
        cf_binding_submit(applying->options.binding, applying->options.peer->env->jobs, job);
        return;
    }
    job->next = NULL;
    *applying->submitted_end = job;
    applying->submitted_end = &job->next;
}

void cf_applying_mark(cf_applying *applying, const cf_id *directories, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cf_ids_add(&applying->marked, &directories[i]);
}

bool cf_applying_marked(const cf_applying *applying)
{
    return applying->marked.count > 0 || applying->marked_items.count > 0;
}

void cf_applying_mark_below(cf_applying *applying, const cf_node *directory)
{
    const cf_node *node = NULL;

    cf_applying_mark(applying, directory->items, directory->item_count);
    while ((node = cf_nodes_next_child(applying->options.binding->nodes, directory->number, node)))
        if (node->kind == CF_KIND_DIRECTORY)
            cf_applying_mark_below(applying, node);
}

static void mark_above(cf_applying *applying, const cf_node *directory)
{
    const cf_node *above = cf_nodes_find(applying->options.binding->nodes, directory->parent);

    if (above)
        cf_applying_mark(applying, above->items, above->item_count);
    else
        cf_applying_mark(applying, &cf_root_item, 1);
}

/* In another place, of what is in it something else may be asked for. */
static void mark_moved(cf_applying *applying, const cf_step *step, const cf_node *node)
{
    if (!cf_include_limits(applying->options.binding->matcher) || step->kind != CF_STEP_UPDATE ||
        node->kind != CF_KIND_DIRECTORY || !cf_step_difference(step).move)
        return;
    cf_applying_mark_below(applying, node);
    if (cf_node_is_left(node))
        mark_above(applying, node);
    applying->result.unveils = true;
}

void cf_applying_after_commit(cf_applying *applying)
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
        if (task->partial[0]) {
            cf_downloads_take(applying->options.downloads, binding, task->step.shown->content);
            if (node)
                cf_bases_keep(applying->options.bases, binding, node,
                              task->step.node ? task->step.node->content : (cf_bytes){0});
        }
        if (node)
            mark_moved(applying, &task->step, node);
        if (task->settled)
            cf_applying_mark(applying, &task->step.group, 1);
        if (cf_step_opens_directory(&task->step))
            cf_applying_mark(applying, task->step.shown->items, task->step.shown->item_count);
    }
}

/* ---- Folders get their modes back ---- */

enum { RETURNED_AT_ONCE = 256 }; /* each is held until it is synced */

bool cf_applying_start_returning(cf_applying *applying)
{
    const cf_binding *binding = applying->options.binding;

    applying->lifted.count = applying->returned = 0;
    if (!binding->lifted.count || cf_applying_marked(applying))
        return false;
    cf_lifted_list(binding, &applying->lifted);
    return true;
}

cf_status cf_applying_return(cf_applying *applying, bool *more, cf_error *error)
{
    size_t end = applying->returned + RETURNED_AT_ONCE;

    cf_status status = cf_applying_write(applying, error);
    *more = applying->returned < applying->lifted.count;
    for (; !status && applying->returned < applying->lifted.count && applying->returned < end;
         applying->returned++) {
        cf_hold hold;

        cf_lifted_give_back(applying->options.binding, applying->place.files,
                            applying->lifted.at[applying->returned], &hold, &applying->records);
        if (hold.folder)
            start_syncing(applying, hold);
    }
    return status;
}
