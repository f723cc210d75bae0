/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/apply_steps.h"
#include "peer/survey.h"

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

static void end(cf_task *task, cf_task_state state, const char *reason)
{
    task->state = state;
    snprintf(task->reason, sizeof task->reason, "%s", reason);
}

/* CF_CHANGED: somebody was faster. All else is told to the user. */
static void stop(cf_task *task, const cf_error *error)
{
    end(task,
        error->status == CF_CHANGED || error->status == CF_MISSING ? CF_TASK_BLOCKED
                                                                   : CF_TASK_FAILED,
        error->text);
}

/* The same file with the same bytes, as far as a stat can tell; a rename has changed its ctime. */
static bool is_moved_base(const cf_stat *now, const cf_node_stat *base)
{
    return now->inode == base->inode && now->birth_ns == base->birth_ns &&
           now->size == base->size && now->mtime_ns == base->mtime_ns;
}

static bool is_base(const cf_stat *now, const cf_node *node)
{
    if (node->kind == CF_KIND_DIRECTORY)
        return now->kind == CF_FILE_FOLDER && now->inode == node->stat.inode &&
               now->birth_ns == node->stat.birth_ns;
    return is_moved_base(now, &node->stat) && now->ctime_ns == node->stat.ctime_ns;
}

static bool check_base(cf_task_place *place, cf_task *task, const cf_folder *folder,
                       const cf_node *node)
{
    cf_stat now;
    cf_error error;

    if (place->files->stat(place->files, folder, node->name, &now, &error)) {
        stop(task, &error);
        return false;
    }
    if (!is_base(&now, node)) {
        end(task, CF_TASK_BLOCKED, "it was changed here meanwhile");
        return false;
    }
    return true;
}

static void put_node(cf_task_place *place, cf_task *task, const cf_folder *folder)
{
    cf_stat now;
    cf_error error;

    if (place->files->stat(place->files, folder, task->after.name, &now, &error)) {
        stop(task, &error);
        return;
    }
    /* If somebody was faster than this look, the base must not take his writing for ours. */
    if (task->after.kind != CF_KIND_FILE || !task->needs_file ||
        is_moved_base(&now, &(cf_node_stat){.inode = task->made_stat.inode,
                                            .birth_ns = task->made_stat.birth_ns,
                                            .size = task->made_stat.size,
                                            .mtime_ns = task->made_stat.mtime_ns}))
        task->after.stat = cf_node_stat_of(&now);
    else
        task->after.stat = cf_node_stat_of(&task->made_stat);
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
        status = files->rename(files, binding->temporary, cf_bytes_of_text(task->temporary),
                               hold.folder, shown->name, &error);
    if (status)
        stop(task, &error);
    else
        put_node(place, task, hold.folder);
    cf_hold_release(&hold, files);
}

/* ---- Update ---- */

/* What was displaced must be what the base had, and nobody may be writing into it; else it returns
 * to its place. */
static bool displaced_is_base(cf_task_place *place, cf_task *task, const cf_node *node)
{
    cf_files *files = place->files;
    cf_bytes name = cf_bytes_of_text(task->temporary);
    cf_file *file = NULL;
    cf_stat now;
    cf_error error;

    if (files->stat(files, place->binding->temporary, name, &now, &error) ||
        !is_moved_base(&now, &node->stat))
        return false;
    if (node->kind != CF_KIND_FILE ||
        files->open_file(files, place->binding->temporary, name, &file, &error))
        return true;
    bool written = files->writer(files, file) == CF_WRITER_OPEN;
    files->close_file(files, &file);
    return !written;
}

static void replace(cf_task_place *place, cf_task *task, const cf_folder *folder,
                    const cf_node *node)
{
    cf_files *files = place->files;
    const cf_folder *temporary = place->binding->temporary;
    cf_bytes name = cf_bytes_of_text(task->temporary);
    cf_error error, ignored;

    if (files->exchange(files, temporary, name, folder, task->after.name, &error)) {
        stop(task, &error);
        return;
    }
    if (!displaced_is_base(place, task, node)) {
        files->exchange(files, temporary, name, folder, task->after.name, &ignored);
        end(task, CF_TASK_BLOCKED, "it was saved here in this moment");
        return;
    }
    put_node(place, task, folder);
    files->unlink(files, temporary, name, &ignored);
}

static cf_status set_attributes(cf_task_place *place, cf_task *task, const cf_folder *folder,
                                cf_difference difference, cf_error *error)
{
    cf_files *files = place->files;
    const cf_shown *shown = task->step.shown;
    cf_status status = CF_OK;
    int64_t mtime;

    if (difference.mode && shown->kind != CF_KIND_SYMLINK)
        status = files->set_mode(files, folder, shown->name, cf_mode_of(shown->mode, 0), error);
    if (!status && difference.mtime && shown->kind == CF_KIND_FILE &&
        cf_mtime_of(shown->mtime, &mtime))
        status = files->set_mtime(files, folder, shown->name, mtime, error);
    return status;
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
        stop(task, &error);
    if (moved) {
        cf_node there = *node;
        cf_stat now;

        touch(place, node->parent);
        there.parent = task->after.parent;
        there.name = task->after.name;
        if (files->stat(files, to->folder, there.name, &now, &error) == CF_OK &&
            is_moved_base(&now, &node->stat))
            there.stat = cf_node_stat_of(&now);
        cf_binding_put_node(binding, &there, place->records);
        touch(place, there.parent);
    }
    cf_hold_release(&from, files);
    return moved;
}

static void update(cf_task_place *place, cf_task *task)
{
    cf_files *files = place->files;
    cf_binding *binding = place->binding;
    cf_difference difference = cf_step_difference(&task->step);
    const cf_node *node = cf_nodes_find(binding->nodes, task->number);
    const cf_node *there = cf_nodes_child(binding->nodes, task->after.parent, task->after.name);
    cf_hold hold = {0};
    cf_error error;

    if (there && there->number != task->number)
        return; /* its place is taken until another step is done */
    if (cf_binding_hold(binding, files, task->after.parent, &hold, &error)) {
        stop(task, &error);
        return;
    }
    bool ready = difference.move ? move(place, task, node, &hold)
                                 : check_base(place, task, hold.folder, node);
    if (ready && difference.content) {
        replace(place, task, hold.folder, cf_nodes_find(binding->nodes, task->number));
    } else if (ready) {
        if (set_attributes(place, task, hold.folder, difference, &error))
            stop(task, &error);
        else
            put_node(place, task, hold.folder);
    }
    cf_hold_release(&hold, files);
}

/* ---- Delete ---- */

static cf_status set_aside(cf_task_place *place, cf_task *task, const cf_folder *folder,
                           const cf_node *node, cf_error *error)
{
    cf_files *files = place->files;
    const cf_folder *temporary = place->binding->temporary;
    cf_bytes name = cf_bytes_of_text(task->temporary);
    cf_error ignored;

    cf_status status = files->rename(files, folder, node->name, temporary, name, error);
    if (status)
        return status;
    if (!displaced_is_base(place, task, node)) {
        files->rename(files, temporary, name, folder, node->name, &ignored);
        return cf_fail(error, CF_CHANGED, "it was saved here in this moment");
    }
    return files->unlink(files, temporary, name, error);
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
        stop(task, &error);
    if (!status && check_base(place, task, hold.folder, node)) {
        status = node->kind == CF_KIND_DIRECTORY
                     ? files->remove_folder(files, hold.folder, node->name, &error)
                     : set_aside(place, task, hold.folder, node, &error);
        if (status) {
            stop(task, &error);
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
