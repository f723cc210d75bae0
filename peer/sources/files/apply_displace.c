/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/apply_perform_inside.h"

#include "peer/bindings/displaced.h"
#include "peer/merge/node_stat.h"

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
    task->torn = cf_displaced_is_torn(displaced);
    cf_displaced_holds(displaced, &ours, &task->made, &error);
    if (has_taken_place(displaced, task)) {
        cf_task_put_node(place, task, displaced->folder);
        task->looks = true;
    } else {
        cf_task_end(place, task, CF_TASK_BLOCKED, "it was saved here in this moment");
    }
}

/* A download has the name of its content, under which it would be gone on with: nothing of a user's
 * must ever stand there. */
static cf_status take_landing(const cf_displaced *displaced, const cf_task *task, cf_error *error)
{
    if (!task->landing[0])
        return CF_OK;
    return cf_files_rename(displaced->files, displaced->temporary, cf_bytes_of_text(task->landing),
                           displaced->temporary, displaced->temporary_name, error);
}

static void leave_landing(const cf_displaced *displaced, const cf_task *task)
{
    cf_error ignored;

    if (task->landing[0] && task->made)
        cf_files_rename(displaced->files, displaced->temporary, displaced->temporary_name,
                        displaced->temporary, cf_bytes_of_text(task->landing), &ignored);
}

void cf_task_replace(cf_task_place *place, cf_task *task, const cf_folder *folder,
                     const cf_node *node)
{
    cf_displaced displaced = displaced_by(place, task, folder, task->after.name);
    cf_node_stat ours = cf_node_stat_of(&task->made_stat);
    bool is_base;
    cf_error error;

    cf_status status = take_landing(&displaced, task, &error);
    if (!status) {
        status = cf_displaced_swap(&displaced, &ours, &error);
        task->torn = status && cf_displaced_is_torn(&displaced);
        if (status && !task->torn)
            leave_landing(&displaced, task);
    }
    if (status) {
        cf_task_stop(place, task, &error);
        return;
    }
    cf_displaced_is_base(&displaced, node, &is_base, &error);
    if (!is_base) {
        return_saved(place, task, &displaced);
        leave_landing(&displaced, task);
        return;
    }
    cf_task_put_node(place, task, folder);
    task->drops = true;
}

cf_status cf_task_set_aside(cf_task_place *place, cf_task *task, const cf_folder *folder,
                            const cf_node *node, cf_error *error)
{
    cf_displaced displaced = displaced_by(place, task, folder, node->name);
    bool is_base;

    cf_status status = cf_files_rename(place->files, folder, node->name, displaced.temporary,
                                       displaced.temporary_name, error);
    if (status)
        return status;
    cf_displaced_is_base(&displaced, node, &is_base, error);
    if (is_base) {
        task->drops = true;
        return CF_OK;
    }
    if (cf_displaced_return(&displaced, error) == CF_OK)
        return cf_fail(error, CF_CHANGED, "it was saved here in this moment");
    cf_owed_add(place->binding, &displaced, node->parent, error, place->records);
    return CF_OK; /* the base's file is gone; when this one returns, it is new */
}
