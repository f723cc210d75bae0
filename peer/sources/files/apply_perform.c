/* SPDX-License-Identifier: Apache-2.0 */
/* One step, done on the disk: made, moved, given another mode or time. Nothing is done where
 * something else stands than the base says, or where a disk below may be away; the base's node
 * follows what the disk has. apply_outcome.c replaces contents, apply_remove.c deletes. */
#include "peer/sources/files/apply_outcome.h"
#include "peer/sources/files/apply_remove.h"

#include "peer/bindings/disk_clock.h"
#include "peer/bindings/disk_trial.h"
#include "peer/bindings/lifted.h"
#include "peer/merge/node_stat.h"

enum {
    FOLDER_MODE = 0755,
    CHILDREN = 4, /* of a folder are asked for; when a disk goes, all of them do */
};

/* ---- Folders in which nobody may write ---- */

/* Nothing is lifted for what can't be done: that would be an event each time, and nothing else. */
static void open_place(cf_task_place *place, uint64_t number, const cf_folder *folder,
                       cf_bytes name)
{
    cf_stat now;
    cf_error ignored;

    if (place->binding->lifted.count &&
        place->files->stat(place->files, folder, name, &now, &ignored) == CF_MISSING)
        cf_lifted_open(place->binding, place->files, number, true);
}

/* A directory says which one it is in. */
static void open_for_move(cf_task_place *place, const cf_task *task, const cf_node *node,
                          const cf_folder *to)
{
    const cf_binding *binding = place->binding;
    cf_stat now;
    cf_error ignored;

    if (!binding->lifted.count ||
        place->files->stat(place->files, to, task->after.name, &now, &ignored) != CF_MISSING)
        return;
    cf_lifted_open(place->binding, place->files, node->parent, true);
    cf_lifted_open(place->binding, place->files, task->after.parent, true);
    if (node->kind == CF_KIND_DIRECTORY && node->parent != task->after.parent)
        cf_lifted_open(place->binding, place->files, node->number, true);
}

/* ---- Folders from which a disk below is gone ---- */

static bool misses_a_child(const cf_task_place *place, const cf_folder *folder, uint64_t number,
                           int64_t changed_ns)
{
    const cf_node *child = NULL;
    cf_error ignored;
    cf_stat now;

    for (size_t i = 0;
         i < CHILDREN && (child = cf_nodes_next_child(place->binding->nodes, number, child)); i++)
        if (!cf_node_went_below(child) &&
            cf_binding_has_lost_nothing(place->binding,
                                        (cf_bare_time){.folder = number, .changed_ns = changed_ns},
                                        child->stat.ctime_ns) &&
            place->files->stat_now(place->files, folder, child->name, &now, &ignored) == CF_MISSING)
            return true;
    return false;
}

/* The directory's child after this one that is held: looked for only where something was. */
static const cf_node *next_held(const cf_task_place *place, uint64_t directory,
                                const cf_node *child)
{
    const cf_binding *binding = place->binding;

    if (!cf_nodes_hold_below(binding->nodes) ||
        !cf_bare_times_have_folder(&binding->seen.bare, directory))
        return NULL;
    while ((child = cf_nodes_next_child(binding->nodes, directory, child)) &&
           !cf_disk_is_below(child->disk))
        ;
    return child;
}

static bool misses_what_is_held(const cf_task_place *place, const cf_folder *folder,
                                uint64_t number)
{
    const cf_node *child = NULL;
    cf_error ignored;
    cf_stat now;

    while ((child = next_held(place, number, child)))
        if (place->files->stat_now(place->files, folder, child->name, &now, &ignored) == CF_MISSING)
            return true;
    return false;
}

static const char DISK_IS_AWAY[] = "the disk that was mounted there, or under it, is away";

/* What is brought into a folder gives it another time: then nothing tells any more that nobody has
 * removed what is missing in it (scan_below.c); and the disk that comes back covers it. The task
 * has ended; a look comes first, or that disk. */
static bool is_bare(const cf_task_place *place, cf_task *task, const cf_folder *folder)
{
    cf_error ignored;
    cf_stat now;

    if (!cf_binding_asks_folders(place->binding))
        return false;
    if (misses_what_is_held(place, folder, task->after.parent)) {
        cf_task_end(place, task, CF_TASK_FAILED, DISK_IS_AWAY);
        return true;
    }
    if (place->files->stat_folder(place->files, folder, &now, &ignored) ||
        !misses_a_child(place, folder, task->after.parent, cf_disk_folder_changed(&now)))
        return false;
    task->misses = true;
    cf_task_end(place, task, CF_TASK_BLOCKED, "what lay beside it is missing here");
    return true;
}

/* ---- A directory that is there already ---- */

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

/* Where a directory is to come, one with such stands already: it is that one from now on, and gets
 * its mode by a step of its own; the base's own, if it has one, is left. False: it can't be; what
 * only steps aside never does. */
static bool settle(cf_task_place *place, cf_task *task, const cf_folder *folder)
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

/* ---- Create ---- */

/* The process takes some bits off what it makes; a mode that can't be set now is a step of its own.
 */
static cf_status make_directory(cf_task_place *place, cf_task *task, const cf_folder *folder,
                                cf_error *error)
{
    cf_files *files = place->files;
    const cf_shown *shown = task->step.shown;
    const uint32_t mode =
        cf_lifted_mode(place->binding, task->number, cf_mode_of(shown->mode, FOLDER_MODE));
    cf_stat now;
    cf_error ignored;

    cf_status status = files->make_folder(files, folder, shown->name, mode, error);
    if (status)
        cf_task_explain_refusal(place, task, error);
    if (!status && shown->mode.size && !place->binding->traits.loses_modes &&
        (files->stat(files, folder, shown->name, &now, &ignored) ||
         ((now.mode & 0777) != mode &&
          files->set_mode(files, folder, shown->name, (now.mode & 07000) | mode, &ignored))))
        task->after.mode = (cf_bytes){0};
    return status;
}

static cf_status place_file(cf_task_place *place, cf_task *task, const cf_folder *folder,
                            cf_error *error)
{
    const cf_folder *temporary = place->binding->temporary;
    const cf_bytes name = cf_bytes_of_text(task->partial[0] ? task->partial : task->temporary);

    cf_status status =
        cf_files_place(place->files, temporary, name, folder, task->after.name, error);
    if (status)
        cf_task_explain_refusal(place, task, error);
    return status;
}

/* Something stands there, or it can't be made for another reason. */
static void end_unplaced(cf_task_place *place, cf_task *task, const cf_folder *folder,
                         const cf_error *error)
{
    const bool taken = error->status == CF_CHANGED;

    if (!taken || !(cf_task_awaits_name(place, task, folder) || settle(place, task, folder)))
        cf_task_stop(place, task, error);
}

/* What would then be listed is a name that nobody gave, and what was to come would be missing. The
 * task has ended. */
static bool changes_name(const cf_task_place *place, cf_task *task)
{
    const cf_binding *binding = place->binding;
    cf_error told;

    if (!cf_disk_changes_name(&binding->traits, place->files, binding->temporary, task->after.name))
        return false;
    cf_fail(&told, CF_IO, "this disk changes the name");
    cf_task_say_name(task, &told);
    cf_task_end(place, task, CF_TASK_FAILED, told.text);
    return true;
}

static void create(cf_task_place *place, cf_task *task)
{
    cf_files *files = place->files;
    const cf_shown *shown = task->step.shown;
    cf_hold hold = {0};
    cf_error error;

    cf_status status = cf_task_hold(place, task->after.parent, &hold, &error);
    if (status) {
        cf_task_stop(place, task, &error);
        return;
    }
    if (changes_name(place, task) || is_bare(place, task, hold.folder)) {
        cf_hold_release(&hold, files);
        return;
    }
    open_place(place, task->after.parent, hold.folder, shown->name);
    status = shown->kind == CF_KIND_DIRECTORY ? make_directory(place, task, hold.folder, &error)
                                              : place_file(place, task, hold.folder, &error);
    if (status)
        end_unplaced(place, task, hold.folder, &error);
    else
        cf_task_put_node(place, task, hold.folder);
    cf_hold_release(&hold, files);
}

/* ---- Update ---- */

/* `*done`: what was set, all of it on success. */
static cf_status set_attributes(cf_task_place *place, cf_task *task, const cf_folder *folder,
                                cf_difference *done, cf_error *error)
{
    cf_difference difference = cf_step_difference(&task->step);
    const cf_disk_traits *traits = &place->binding->traits;
    cf_files *files = place->files;
    const cf_shown *shown = task->step.shown;
    cf_status status = CF_OK;
    int64_t mtime;

    *done = (cf_difference){0};
    if (difference.mode && shown->kind != CF_KIND_SYMLINK && !traits->loses_modes)
        status = files->set_mode(
            files, folder, shown->name,
            cf_lifted_mode(place->binding, task->number, cf_mode_of(shown->mode, 0)), error);
    done->mode = difference.mode && !status;
    if (status || !difference.mtime || traits->loses_times || shown->kind != CF_KIND_FILE ||
        !cf_mtime_of(shown->mtime, &mtime))
        return status;
    status = files->set_mtime(files, folder, shown->name, mtime, error);
    if (!status)
        task->after.stat.mtime_ns = cf_disk_time(traits, mtime);
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

static void put_moved(cf_task_place *place, const cf_task *task, const cf_node *node, cf_bytes name,
                      const cf_folder *folder)
{
    cf_node there = *node;
    cf_stat now;
    cf_error ignored;

    cf_task_touch(place, node->parent);
    there.parent = task->after.parent;
    there.name = name;
    if (place->files->stat(place->files, folder, there.name, &now, &ignored) == CF_OK &&
        cf_node_stat_same_bytes(&node->stat, &now))
        there.stat = cf_node_stat_of(&now);
    there.stat.is_racy = node->stat.is_racy;
    if (node->stat.ctime_ns == CF_CTIME_UNSEEN)
        cf_node_distrust(&there);
    cf_binding_put_node(place->binding, &there, place->records);
    cf_task_touch(place, there.parent);
}

/* The node has the task's name already, but for how it is spelled: by way of another one, since a
 * rename of a thing to itself does nothing. */
static cf_status respell(cf_task_place *place, const cf_task *task, const cf_node *node,
                         const cf_folder *folder, cf_error *error)
{
    cf_files *files = place->files;
    char name[CF_ASIDE_NAME];
    cf_error ignored;

    cf_step_aside_name(node->number, name);
    const cf_bytes aside = cf_bytes_of_text(name);
    cf_status status = cf_files_rename(files, folder, node->name, folder, aside, error);
    if (status)
        return status;
    status = cf_files_rename(files, folder, aside, folder, task->after.name, error);
    if (status && cf_files_rename(files, folder, aside, folder, node->name, &ignored))
        put_moved(place, task, node, aside, folder);
    return status;
}

static cf_status move_node(cf_task_place *place, cf_task *task, const cf_node *node,
                           const cf_folder *from, const cf_folder *to, cf_error *error)
{
    cf_bytes other;

    cf_status status = cf_files_rename(place->files, from, node->name, to, task->after.name, error);
    if (status == CF_CHANGED && node->parent == task->after.parent &&
        cf_task_spelled(place, task, to, place->arena, &other) &&
        cf_bytes_equal(other, node->name)) {
        status = respell(place, task, node, to, error);
        node = cf_nodes_find(place->binding->nodes, task->number); /* it may have stayed aside */
    }
    if (status)
        cf_task_explain_refusal(place, task, error);
    return status;
}

/* To its new place, where nothing may stand. False: the task has ended, one way or another. */
static bool move(cf_task_place *place, cf_task *task, const cf_node *node, const cf_folder *to)
{
    cf_files *files = place->files;
    cf_hold from = {0};
    cf_error error;
    bool moved = false;

    cf_status status = cf_task_hold(place, node->parent, &from, &error);
    if (status) {
        cf_task_stop(place, task, &error);
    } else if (next_held(place, node->number, NULL)) { /* the disk would come back elsewhere */
        cf_task_end(place, task, CF_TASK_FAILED, DISK_IS_AWAY);
    } else if (cf_task_check_base(place, task, from.folder, node) && !changes_name(place, task) &&
               !is_bare(place, task, to)) {
        open_for_move(place, task, node, to);
        moved = !move_node(place, task, node, from.folder, to, &error);
        if (moved)
            put_moved(place, task, node, task->after.name, to);
        else
            end_unplaced(place, task, to, &error);
    }
    cf_hold_release(&from, files);
    return moved;
}

static void update(cf_task_place *place, cf_task *task)
{
    cf_files *files = place->files;
    cf_binding *binding = place->binding;
    cf_difference difference = cf_step_difference(&task->step), done;
    const cf_node *node = cf_nodes_find(binding->nodes, task->number);
    cf_hold hold = {0};
    cf_error error;

    if (cf_task_hold(place, task->after.parent, &hold, &error)) {
        cf_task_stop(place, task, &error);
        return;
    }
    bool ready = difference.move ? move(place, task, node, hold.folder)
                                 : cf_task_check_base(place, task, hold.folder, node);
    if (ready && difference.content) {
        cf_lifted_open(binding, files, task->after.parent, true);
        cf_task_replace(place, task, hold.folder, cf_nodes_find(binding->nodes, task->number));
    } else if (ready) {
        if (set_attributes(place, task, hold.folder, &done, &error)) {
            cf_task_stop(place, task, &error);
            put_half(place, task, done);
        } else {
            cf_task_put_node(place, task, hold.folder);
        }
    }
    cf_hold_release(&hold, files);
}

/* ---- Delete ---- */

/* The thing is the user's alone now, and the next look publishes it. */
static void give_back(cf_task_place *place, cf_task *task)
{
    cf_binding_drop_node(place->binding, task->number, place->records);
    task->state = CF_TASK_DONE;
    task->looks = true;
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
        if (task->stays)
            give_back(place, task);
        else
            cf_task_remove(place, task);
        break;
    }
}

bool cf_task_step_aside(cf_task_place *place, cf_task *task, const cf_node *node)
{
    cf_hold hold = {0};
    cf_error error;
    char name[CF_ASIDE_NAME];

    cf_step_aside_name(node->number, name);
    cf_task aside = {.step = {.kind = CF_STEP_UPDATE}, .number = node->number, .after = *node};
    aside.after.name = cf_bytes_of_text(name);
    cf_status status = cf_task_hold(place, node->parent, &hold, &error);
    if (status)
        cf_task_stop(place, &aside, &error);
    bool moved = !status && move(place, &aside, node, hold.folder);
    if (!moved)
        cf_task_end(place, task, aside.state, aside.reason);
    cf_hold_release(&hold, place->files);
    return moved;
}
