/* SPDX-License-Identifier: Apache-2.0 */
/* What goes: a file by way of the temporary folder, at once; a directory, for which the disk takes
 * its time, in a job beside others. What a directory is in goes when all in it has gone:
 *
 *     a/b  a/c/d  a/c  a       `a/b` and `a/c/d` are removed at the same time, then `a/c`, then `a`
 */
#include "peer/sources/files/apply_remove.h"

#include "broker/platform/jobs.h"
#include "broker/platform/names.h"
#include "peer/bindings/lifted.h"
#include "peer/merge/node_stat.h"
#include "peer/sources/files/apply_inside.h"
#include "peer/sources/files/apply_outcome.h"

#include <stdlib.h>

cf_status cf_task_hold(cf_task_place *place, uint64_t number, cf_hold *out, cf_error *error)
{
    cf_lifted_open(place->binding, place->files, number, false);
    return cf_binding_hold(place->binding, place->files, number, out, error);
}

bool cf_task_may_hold_more(const cf_task_place *place, const cf_node *node)
{
    cf_buffer path = {0};

    if (node->kind != CF_KIND_DIRECTORY || !cf_include_limits(place->binding->matcher))
        return false;
    cf_binding_path(place->binding, node->number, &path);
    bool passed = cf_include_match_path(place->binding->matcher, cf_buffer_view(&path), true) !=
                  CF_INCLUDE_IN;
    cf_buffer_release(&path);
    return passed;
}

static bool note_first(void *context, cf_bytes name)
{
    cf_name_show(name, context);
    return false;
}

/* CF_CHANGED: it is a directory in which something is left, as far as one can look into it. */
static cf_status check_empty(cf_files *files, const cf_folder *above, cf_bytes name,
                             cf_error *error)
{
    char left[CF_NAME_SHOWN] = "";
    cf_folder *folder = NULL;
    cf_error ignored;

    if (files->open_folder(files, above, name, &folder, &ignored) == CF_OK)
        files->list(files, folder, note_first, left, &ignored);
    files->close_folder(files, &folder);
    return left[0] ? cf_fail(error, CF_CHANGED,
                             "it holds %.100s, which is not synced: move that elsewhere, or remove "
                             "it",
                             left)
                   : CF_OK;
}

static cf_status open_for_removal(cf_task_place *place, const cf_node *node, const cf_folder *above,
                                  cf_error *error)
{
    if (!place->binding->lifted.count)
        return CF_OK;
    cf_status status = node->kind == CF_KIND_DIRECTORY
                           ? check_empty(place->files, above, node->name, error)
                           : CF_OK;
    if (!status)
        cf_lifted_open(place->binding, place->files, node->parent, true);
    return status;
}

static void end_removal(cf_task_place *place, cf_task *task, cf_status status,
                        const cf_error *error)
{
    const cf_node *node = cf_nodes_find(place->binding->nodes, task->number);

    if (!node) { /* forgotten while the disk worked: what is left there is looked at anew */
        task->looks |= status != CF_OK;
        task->state = CF_TASK_DONE;
        return;
    }
    if (status == CF_CHANGED && cf_task_may_hold_more(place, node)) {
        /* The directory stays for that, and is nobody's business any more unless the next look
         * finds in it what is asked for. */
        status = CF_OK;
        task->looks = true;
    }
    if (status) {
        cf_task_stop(place, task, error);
    } else {
        cf_task_touch(place, node->parent);
        cf_binding_drop_node(place->binding, task->number, place->records);
        task->state = CF_TASK_DONE;
    }
}

void cf_task_remove(cf_task_place *place, cf_task *task)
{
    const cf_node *node = cf_nodes_find(place->binding->nodes, task->number);
    cf_hold hold = {0};
    cf_error error;

    cf_status status = cf_task_hold(place, node->parent, &hold, &error);
    if (status) {
        cf_task_stop(place, task, &error);
    } else if (cf_task_check_base(place, task, hold.folder, node)) {
        status = open_for_removal(place, node, hold.folder, &error);
        task->is_leaving = !status && node->kind == CF_KIND_DIRECTORY;
        place->leaving += task->is_leaving;
        if (!status && !task->is_leaving)
            status = cf_task_set_aside(place, task, hold.folder, node, &error);
        if (!task->is_leaving)
            end_removal(place, task, status, &error);
    }
    cf_hold_release(&hold, place->files);
}

/* ---- Directories, in jobs ---- */

enum { REMOVED_AT_ONCE = 8 };

typedef struct {
    cf_task *task;
    cf_bytes name;
    cf_node_stat stat; /* of the base's */
    bool is_other;     /* another one stands there now */
    cf_status status;
    cf_error error;
} removal;

typedef struct {
    cf_job job;
    cf_applying *applying;
    cf_hold hold; /* what all of them are in */
    uint64_t parent;
    removal at[REMOVED_AT_ONCE];
    size_t count;
} removing;

/* Since it was looked at, somebody may have put another into its place. */
static void remove_one(cf_files *files, const cf_folder *folder, removal *self)
{
    cf_stat now;

    self->status = files->stat(files, folder, self->name, &now, &self->error);
    self->is_other =
        !self->status && (now.kind != CF_FILE_FOLDER || !cf_node_stat_same_file(&self->stat, &now));
    if (!self->status && !self->is_other)
        self->status = files->remove_folder(files, folder, self->name, &self->error);
    if (self->status == CF_CHANGED)
        check_empty(files, folder, self->name, &self->error);
}

static void remove_folders(cf_job *job)
{
    removing *self = (removing *)job;
    cf_files *files = cf_applying_files(self->applying);

    for (size_t i = 0; i < self->count; i++)
        remove_one(files, self->hold.folder, &self->at[i]);
}

static void end_one(cf_applying *applying, const removal *self)
{
    self->task->is_leaving = false;
    if (self->is_other)
        cf_task_end(&applying->place, self->task, CF_TASK_BLOCKED, "it was changed here meanwhile");
    else
        end_removal(&applying->place, self->task, self->status, &self->error);
}

static void removed(cf_job *job)
{
    removing *self = (removing *)job;
    cf_applying *applying = self->applying;

    for (size_t i = 0; i < self->count; i++) {
        if (job->dropped)
            self->at[i].status = cf_fail(&self->at[i].error, CF_IO, "the program ends");
        end_one(applying, &self->at[i]);
    }
    cf_hold_release(&self->hold, cf_applying_files(applying));
    applying->jobs--;
    free(self);
}

static void submit(cf_applying *applying, removing **batch)
{
    if (!*batch)
        return;
    cf_applying_submit(applying, &(*batch)->job);
    *batch = NULL;
}

/* NULL: the task has ended, since what it is in can't be held. */
static removing *begin(cf_applying *applying, cf_task *task, uint64_t parent)
{
    removing *batch = cf_allocate(1, sizeof *batch);
    cf_error error;

    *batch = (removing){.applying = applying, .parent = parent};
    batch->job = (cf_job){.work = remove_folders, .done = removed};
    if (!cf_task_hold(&applying->place, parent, &batch->hold, &error))
        return batch;
    task->is_leaving = false;
    cf_task_stop(&applying->place, task, &error);
    free(batch);
    return NULL;
}

static void add(cf_applying *applying, removing *batch, cf_task *task, const cf_node *node)
{
    batch->at[batch->count++] = (removal){
        .task = task, .name = cf_arena_copy(&applying->arena, node->name), .stat = node->stat};
}

/* Those that lie together come one after the other. */
void cf_applying_start_removing(cf_applying *applying)
{
    cf_task_place *place = &applying->place;
    removing *batch = NULL;

    for (size_t i = applying->first; i < applying->end && place->leaving; i++) {
        cf_task *task = &applying->tasks[i];

        if (!task->is_leaving)
            continue;
        const cf_node *node = cf_nodes_find(place->binding->nodes, task->number);
        place->leaving--;
        if (batch && (batch->count == REMOVED_AT_ONCE || batch->parent != node->parent))
            submit(applying, &batch);
        if (!batch)
            batch = begin(applying, task, node->parent);
        if (batch)
            add(applying, batch, task, node);
    }
    submit(applying, &batch);
}
