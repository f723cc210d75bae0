/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/apply_steps.h"
#include "peer/displaced.h"
#include "peer/node_stat.h"

#include <stdio.h>
#include <stdlib.h>

enum { FOLDER_MODE = 0755 };

static void touch(cf_task_place *place, uint64_t directory)
{
    for (size_t i = 0; i < place->touched_count; i++)
        if (place->touched[i] == directory)
            return;
    place->touched = cf_grow(place->touched, &place->touched_capacity, place->touched_count + 1,
                             sizeof *place->touched);
    place->touched[place->touched_count++] = directory;
}

static void end(const cf_task_place *place, cf_task *task, cf_task_state state, const char *reason)
{
    task->state = state;
    task->reason = cf_arena_text(place->arena, cf_bytes_of_text(reason));
}

/* CF_CHANGED: somebody was faster. All else is told to the user. */
static void stop(const cf_task_place *place, cf_task *task, const cf_error *error)
{
    end(place, task,
        error->status == CF_CHANGED || error->status == CF_MISSING ? CF_TASK_BLOCKED
                                                                   : CF_TASK_FAILED,
        error->text);
}

/* Mode, time and place may be set again before the bytes were looked at. */
static bool is_base(const cf_task *task, const cf_stat *now, const cf_node *node)
{
    if (node->kind == CF_KIND_DIRECTORY)
        return now->kind == CF_FILE_FOLDER && cf_node_stat_same_file(&node->stat, now);
    if (node->stat.ctime_ns == CF_CTIME_UNSEEN && task->step.kind == CF_STEP_UPDATE &&
        !task->needs_file)
        return cf_node_stat_same_bytes(&node->stat, now);
    return cf_node_stat_untouched(&node->stat, now);
}

static bool check_base(cf_task_place *place, cf_task *task, const cf_folder *folder,
                       const cf_node *node)
{
    cf_stat now;
    cf_error error;

    if (place->files->stat(place->files, folder, node->name, &now, &error)) {
        stop(place, task, &error);
        return false;
    }
    if (!is_base(task, &now, node)) {
        end(place, task, CF_TASK_BLOCKED, "it was changed here meanwhile");
        return false;
    }
    return true;
}

/* What is in the task's place is what this step left there: the base must not take for ours what a
 * faster user has written since. A directory or a link is compared as a whole whenever we look. */
static bool is_left_by(const cf_task *task, const cf_stat *now)
{
    return task->after.kind != CF_KIND_FILE || cf_node_stat_same_bytes(&task->after.stat, now);
}

static bool is_stamped(const cf_task *task)
{
    if (task->step.kind != CF_STEP_UPDATE || task->needs_file)
        return false;
    cf_difference difference = cf_step_difference(&task->step);
    return difference.mode || difference.mtime || task->step.node->stat.ctime_ns == CF_CTIME_UNSEEN;
}

/* The base learns of it also when it can't be looked at any more. */
static void put_node(cf_task_place *place, cf_task *task, const cf_folder *folder)
{
    cf_stat now;
    cf_error ignored;

    bool seen = place->files->stat(place->files, folder, task->after.name, &now, &ignored) == CF_OK;
    if (task->needs_file)
        task->after.stat = cf_node_stat_of(&task->made_stat);
    if (seen && is_left_by(task, &now))
        task->after.stat = cf_node_stat_of(&now);
    if (is_stamped(task))
        cf_node_distrust(&task->after);
    cf_binding_put_node(place->binding, &task->after, place->records);
    touch(place, task->after.parent);
    task->state = CF_TASK_DONE;
}

/* ---- Create ---- */

static void create(cf_task_place *place, cf_task *task)
{
    cf_files *files = place->files;
    cf_binding *binding = place->binding;
    const cf_shown *shown = task->step.shown;
    cf_hold hold = {0};
    cf_error error;

    if (cf_nodes_child(binding->nodes, task->after.parent, shown->name))
        return; /* what stands there has a step of its own */
    cf_status status = cf_binding_hold(binding, files, task->after.parent, &hold, &error);
    if (!status && shown->kind == CF_KIND_DIRECTORY)
        status = files->make_folder(files, hold.folder, shown->name,
                                    cf_mode_of(shown->mode, FOLDER_MODE), &error);
    else if (!status)
        status = files->rename(files, binding->temporary,
                               cf_bytes_of_text(task->landing[0] ? task->landing : task->temporary),
                               hold.folder, shown->name, &error);
    if (status)
        stop(place, task, &error);
    else
        put_node(place, task, hold.folder);
    cf_hold_release(&hold, files);
}

/* ---- Update ---- */

static cf_displaced displaced_by(const cf_task_place *place, const cf_task *task,
                                 const cf_folder *folder, cf_bytes name)
{
    return (cf_displaced){
        .files = place->files,
        .temporary = place->binding->temporary,
        .temporary_name = cf_bytes_of_text(task->temporary),
        .folder = folder,
        .name = name,
    };
}

static bool has_taken_place(const cf_displaced *displaced, const cf_task *task)
{
    cf_node_stat ours = cf_node_stat_of(&task->made_stat);
    cf_stat now;
    cf_error ignored;

    return displaced->files->stat(displaced->files, displaced->folder, displaced->name, &now,
                                  &ignored) == CF_OK &&
           cf_node_stat_same_file(&ours, &now);
}

/* What a user saved returns to its place, or beside, or is owed to him. */
static void return_saved(cf_task_place *place, cf_task *task, const cf_displaced *displaced)
{
    cf_node_stat ours = cf_node_stat_of(&task->made_stat);
    cf_error error;

    if (cf_displaced_exchange(displaced, &ours, &error))
        cf_owed_add(place->binding, displaced, task->after.parent, &error, place->records);
    task->made = cf_displaced_holds(displaced, &ours);
    if (has_taken_place(displaced, task)) {
        put_node(place, task, displaced->folder);
        task->looks = true;
    } else {
        end(place, task, CF_TASK_BLOCKED, "it was saved here in this moment");
    }
}

/* A download has the name of its content, under which it would be gone on with: nothing of a user's
 * must ever stand there. */
static cf_status take_landing(const cf_displaced *displaced, const cf_task *task, cf_error *error)
{
    if (!task->landing[0])
        return CF_OK;
    return displaced->files->rename(displaced->files, displaced->temporary,
                                    cf_bytes_of_text(task->landing), displaced->temporary,
                                    displaced->temporary_name, error);
}

static void leave_landing(const cf_displaced *displaced, const cf_task *task)
{
    cf_error ignored;

    if (task->landing[0] && task->made)
        displaced->files->rename(displaced->files, displaced->temporary, displaced->temporary_name,
                                 displaced->temporary, cf_bytes_of_text(task->landing), &ignored);
}

static void replace(cf_task_place *place, cf_task *task, const cf_folder *folder,
                    const cf_node *node)
{
    cf_files *files = place->files;
    cf_displaced displaced = displaced_by(place, task, folder, task->after.name);
    cf_error error, ignored;

    cf_status status = take_landing(&displaced, task, &error);
    if (!status) {
        status = files->exchange(files, displaced.temporary, displaced.temporary_name, folder,
                                 task->after.name, &error);
        if (status)
            leave_landing(&displaced, task);
    }
    if (status) {
        stop(place, task, &error);
        return;
    }
    if (!cf_displaced_is_base(&displaced, node)) {
        return_saved(place, task, &displaced);
        leave_landing(&displaced, task);
        return;
    }
    put_node(place, task, folder);
    files->unlink(files, displaced.temporary, displaced.temporary_name, &ignored);
}

/* `*done`: what was set, all of it on success. */
static cf_status set_attributes(cf_task_place *place, cf_task *task, const cf_folder *folder,
                                cf_difference *done, cf_error *error)
{
    cf_difference difference = cf_step_difference(&task->step);
    cf_files *files = place->files;
    const cf_shown *shown = task->step.shown;
    cf_status status = CF_OK;
    int64_t mtime;

    *done = (cf_difference){0};
    if (difference.mode && shown->kind != CF_KIND_SYMLINK)
        status = files->set_mode(files, folder, shown->name, cf_mode_of(shown->mode, 0), error);
    done->mode = difference.mode && !status;
    if (status || !difference.mtime || shown->kind != CF_KIND_FILE ||
        !cf_mtime_of(shown->mtime, &mtime))
        return status;
    status = files->set_mtime(files, folder, shown->name, mtime, error);
    if (!status)
        task->after.stat.mtime_ns = mtime;
    return status;
}

/* What was set before the failure is ours. */
static void put_half(cf_task_place *place, const cf_task *task, cf_difference done)
{
    cf_node half = *cf_nodes_find(place->binding->nodes, task->number);

    if (!done.mode)
        return;
    half.mode = task->after.mode;
    cf_node_distrust(&half);
    cf_binding_put_node(place->binding, &half, place->records);
}

/* To its new place, where nothing may stand. */
static bool move(cf_task_place *place, cf_task *task, const cf_node *node, cf_hold *to)
{
    cf_files *files = place->files;
    cf_binding *binding = place->binding;
    cf_hold from = {0};
    cf_error error;
    bool moved = false;

    cf_status status = cf_binding_hold(binding, files, node->parent, &from, &error);
    if (!status && check_base(place, task, from.folder, node)) {
        status =
            files->rename(files, from.folder, node->name, to->folder, task->after.name, &error);
        moved = !status;
    }
    if (status)
        stop(place, task, &error);
    if (moved) {
        cf_node there = *node;
        cf_stat now;

        touch(place, node->parent);
        there.parent = task->after.parent;
        there.name = task->after.name;
        if (files->stat(files, to->folder, there.name, &now, &error) == CF_OK &&
            cf_node_stat_same_bytes(&node->stat, &now))
            there.stat = cf_node_stat_of(&now);
        if (node->stat.ctime_ns == CF_CTIME_UNSEEN)
            cf_node_distrust(&there);
        cf_binding_put_node(binding, &there, place->records);
        touch(place, there.parent);
    }
    cf_hold_release(&from, files);
    return moved;
}

/* A directory goes into one that is in itself now, which has to leave it first. */
static bool goes_into_itself(const cf_nodes *nodes, const cf_task *task)
{
    for (uint64_t at = task->after.parent; at != CF_NODE_ROOT;) {
        const cf_node *node = at == task->number ? NULL : cf_nodes_find(nodes, at);

        if (!node)
            return at == task->number;
        at = node->parent;
    }
    return false;
}

static void update(cf_task_place *place, cf_task *task)
{
    cf_files *files = place->files;
    cf_binding *binding = place->binding;
    cf_difference difference = cf_step_difference(&task->step), done;
    const cf_node *node = cf_nodes_find(binding->nodes, task->number);
    const cf_node *there = cf_nodes_child(binding->nodes, task->after.parent, task->after.name);
    cf_hold hold = {0};
    cf_error error;

    if (there && there->number != task->number)
        return; /* its place is taken until another step is done */
    if (difference.move && goes_into_itself(binding->nodes, task))
        return;
    if (cf_binding_hold(binding, files, task->after.parent, &hold, &error)) {
        stop(place, task, &error);
        return;
    }
    bool ready = difference.move ? move(place, task, node, &hold)
                                 : check_base(place, task, hold.folder, node);
    if (ready && difference.content) {
        replace(place, task, hold.folder, cf_nodes_find(binding->nodes, task->number));
    } else if (ready) {
        if (set_attributes(place, task, hold.folder, &done, &error)) {
            stop(place, task, &error);
            put_half(place, task, done);
        } else {
            put_node(place, task, hold.folder);
        }
    }
    cf_hold_release(&hold, files);
}

/* ---- Delete ---- */

static cf_status set_aside(cf_task_place *place, cf_task *task, const cf_folder *folder,
                           const cf_node *node, cf_error *error)
{
    cf_files *files = place->files;
    cf_displaced displaced = displaced_by(place, task, folder, node->name);
    cf_error ignored;

    cf_status status = files->rename(files, folder, node->name, displaced.temporary,
                                     displaced.temporary_name, error);
    if (status)
        return status;
    if (cf_displaced_is_base(&displaced, node)) {
        /* Where that fails, it stays in our own folder, to be taken away later. */
        files->unlink(files, displaced.temporary, displaced.temporary_name, &ignored);
        return CF_OK;
    }
    if (cf_displaced_return(&displaced, error) == CF_OK)
        return cf_fail(error, CF_CHANGED, "it was saved here in this moment");
    cf_owed_add(place->binding, &displaced, node->parent, error, place->records);
    return CF_OK; /* the base's file is gone; when this one returns, it is new */
}

static void remove_node(cf_task_place *place, cf_task *task)
{
    cf_files *files = place->files;
    cf_binding *binding = place->binding;
    const cf_node *node = cf_nodes_find(binding->nodes, task->number);
    cf_hold hold = {0};
    cf_error error;

    if (!node || cf_nodes_next_child(binding->nodes, task->number, NULL))
        return; /* what is in it goes first */
    cf_status status = cf_binding_hold(binding, files, node->parent, &hold, &error);
    if (status)
        stop(place, task, &error);
    if (!status && check_base(place, task, hold.folder, node)) {
        status = node->kind == CF_KIND_DIRECTORY
                     ? files->remove_folder(files, hold.folder, node->name, &error)
                     : set_aside(place, task, hold.folder, node, &error);
        if (status) {
            stop(place, task, &error);
        } else {
            touch(place, node->parent);
            cf_binding_drop_node(binding, task->number, place->records);
            task->state = CF_TASK_DONE;
        }
    }
    cf_hold_release(&hold, files);
}

void cf_task_perform(cf_task_place *place, cf_task *task)
{
    switch (task->step.kind) {
    case CF_STEP_CREATE:
        create(place, task);
        break;
    case CF_STEP_UPDATE:
        update(place, task);
        break;
    case CF_STEP_DELETE:
        remove_node(place, task);
        break;
    }
}

void cf_task_aside(const cf_task *task, char name[CF_ASIDE_NAME])
{
    snprintf(name, CF_ASIDE_NAME, ".counterfoil-moving-%llu", (unsigned long long)task->number);
}

bool cf_task_step_aside(cf_task_place *place, cf_task *task)
{
    const cf_node *node = cf_nodes_find(place->binding->nodes, task->number);
    cf_hold hold = {0};
    cf_error error;
    char name[CF_ASIDE_NAME];

    if (task->step.kind != CF_STEP_UPDATE || !node || !cf_step_difference(&task->step).move)
        return false;
    cf_task_aside(task, name);
    if (cf_bytes_equal(node->name, cf_bytes_of_text(name)))
        return false; /* it stands aside already */
    cf_task aside = *task;
    aside.after = *node;
    aside.after.name = cf_bytes_of_text(name);
    bool moved =
        cf_binding_hold(place->binding, place->files, node->parent, &hold, &error) == CF_OK &&
        move(place, &aside, node, &hold);
    cf_hold_release(&hold, place->files);
    return moved;
}
