/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/apply_perform_inside.h"

#include "peer/merge/node_stat.h"

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

/* What is in the directory that it was until now has to come, one by one. */
static void leave(cf_task_place *place, const cf_task *task)
{
    const cf_node *node = cf_nodes_find(place->binding->nodes, task->number);

    if (!node)
        return; /* it is new here */
    cf_node left = *node;
    cf_node_leave(&left);
    cf_binding_put_node(place->binding, &left, place->records);
}

bool cf_task_settle(cf_task_place *place, cf_task *task, const cf_folder *folder)
{
    cf_binding *binding = place->binding;
    cf_stat now;
    cf_error ignored;

    if (!task->step.shown || task->after.kind != CF_KIND_DIRECTORY ||
        !cf_include_limits(binding->matcher) ||
        cf_nodes_child(binding->nodes, task->after.parent, task->after.name) ||
        place->files->stat(place->files, folder, task->after.name, &now, &ignored) ||
        now.kind != CF_FILE_FOLDER)
        return false;
    if (task->step.kind == CF_STEP_UPDATE)
        task->after.number = cf_binding_new_number(binding);
    leave(place, task);
    task->after.mode = (cf_bytes){0};
    cf_task_put_node(place, task, folder);
    task->settled = true;
    return true;
}

bool cf_task_take_over(cf_task_place *place, cf_task *task, const cf_node *node)
{
    cf_node taken = task->after;

    if (task->after.kind != CF_KIND_DIRECTORY || !cf_task_may_hold_more(place, node))
        return false;
    taken.number = node->number;
    taken.mode = (cf_bytes){0};
    taken.stat = node->stat;
    taken.disk = node->disk;
    leave(place, task);
    cf_binding_put_node(place->binding, &taken, place->records);
    task->state = CF_TASK_DONE;
    task->settled = true;
    return true;
}
