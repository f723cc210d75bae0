/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/apply_perform_inside.h"

#include "codec/clock.h"
#include "peer/bindings/lifted.h"
#include "peer/merge/node_stat.h"
#include "peer/merge/racy.h"

void cf_task_touch(cf_task_place *place, uint64_t directory)
{
    for (size_t i = 0; i < place->touched.count; i++)
        if (place->touched.at[i] == directory)
            return;
    cf_numbers_add(&place->touched, directory);
}

void cf_task_end(const cf_task_place *place, cf_task *task, cf_task_state state, const char *reason)
{
    task->state = state;
    task->reason = cf_arena_text(place->arena, cf_bytes_of_text(reason));
}

/* What comes is made in the root's temporary folder, and no file system takes a name from another
 * one. */
static bool lies_elsewhere(const cf_error *error)
{
    return error->status == CF_USAGE;
}

/* Where it was, and where it is to be. */
static bool has_folders(const cf_task_place *place, const cf_task *task)
{
    const uint64_t numbers[] = {task->after.parent,
                                task->step.node ? task->step.node->parent : CF_NODE_ROOT};
    bool has = true;

    for (size_t i = 0; has && i < sizeof numbers / sizeof *numbers; i++) {
        cf_hold hold = {0};
        cf_error ignored;

        has = cf_binding_hold(place->binding, place->files, numbers[i], &hold, &ignored) == CF_OK;
        cf_hold_release(&hold, place->files);
    }
    return has;
}

/* What became of the thing, for people; NULL: what is missing is something else. */
static const char *explain_missing(const cf_task_place *place, const cf_task *task)
{
    const cf_node *folder = cf_nodes_find(place->binding->nodes, task->after.parent);

    if (!place->binding->root)
        return NULL;
    if (folder && cf_disk_is_below(folder->disk))
        return "the disk that was mounted there, or above it, is away";
    if (!has_folders(place, task))
        return "its folder was moved or deleted here";
    return task->step.node ? "it was moved or deleted here" : NULL;
}

/* CF_CHANGED: somebody was faster. All else is told to the user. */
void cf_task_stop(const cf_task_place *place, cf_task *task, const cf_error *error)
{
    cf_error told = *error;

    task->is_of_disk = cf_files_blame_disk(&told);
    if (lies_elsewhere(error))
        cf_fail(&told, CF_IO,
                "another file system is mounted there, into which nothing is brought: mount it "
                "outside of the source and add it as one of its own");
    const char *missing = error->status == CF_MISSING ? explain_missing(place, task) : NULL;
    if (missing)
        cf_fail(&told, CF_MISSING, "%s", missing);
    if (!cf_lifted_blame(place->binding, place->files, task->after.parent, &told) &&
        task->step.node)
        cf_lifted_blame(place->binding, place->files, task->step.node->parent, &told);
    cf_task_end(place, task,
                error->status == CF_CHANGED || error->status == CF_MISSING ? CF_TASK_BLOCKED
                                                                           : CF_TASK_FAILED,
                told.text);
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

bool cf_task_check_base(cf_task_place *place, cf_task *task, const cf_folder *folder,
                        const cf_node *node)
{
    cf_stat now;
    cf_error error;

    if (place->files->stat(place->files, folder, node->name, &now, &error)) {
        cf_task_stop(place, task, &error);
        return false;
    }
    if (!is_base(task, &now, node)) {
        cf_task_end(place, task, CF_TASK_BLOCKED, "it was changed here meanwhile");
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

/* No look would do that: it doesn't go on into what the base knows. But where the disk may hang,
 * the look into it, which is asked for here, does. */
static void watch_folder(cf_task_place *place, uint64_t number)
{
    cf_hold hold = {0};
    cf_error ignored;

    if (place->binding->is_remote) {
        cf_numbers_add(&place->watched, number);
        return;
    }
    if (cf_binding_hold(place->binding, place->files, number, &hold, &ignored) == CF_OK) {
        cf_watch_add(place->watch, (uint64_t)place->binding->number << 32 | number, hold.folder,
                     &ignored);
        cf_numbers_add(&place->watched, number);
    }
    cf_hold_release(&hold, place->files);
}

/* The bytes of a step that writes none are as racy as they were. */
static bool is_racy(const cf_task_place *place, const cf_task *task, const cf_stat *stat)
{
    if (task->after.kind != CF_KIND_FILE)
        return false;
    if (task->needs_file)
        return cf_racy_is_placed(stat, cf_ns_of_ms(place->now_ms));
    return task->step.node && task->step.node->stat.is_racy;
}

/* The new file was given a mode and a time; where it has others, then or in its place, the disk is
 * not what it was taken for. A user who is as fast costs a trial. */
static bool contradicts(const cf_disk_traits *traits, const cf_task *task, const cf_stat *now)
{
    const cf_node *after = &task->after;
    int64_t mtime;

    if (!task->needs_file || after->kind != CF_KIND_FILE)
        return false;
    return (!traits->loses_modes && after->mode.size &&
            (now->mode & 0777) != cf_mode_of(after->mode, 0)) ||
           (!traits->loses_times && cf_mtime_of(after->mtime, &mtime) &&
            !cf_disk_shows(traits, mtime, now->mtime_ns));
}

/* The base learns of it also when it can't be looked at any more. */
void cf_task_put_node(cf_task_place *place, cf_task *task, const cf_folder *folder)
{
    cf_stat now;
    cf_error ignored;

    bool is_new = !cf_nodes_find(place->binding->nodes, task->after.number);
    bool seen = place->files->stat(place->files, folder, task->after.name, &now, &ignored) == CF_OK;
    if (task->needs_file)
        task->after.stat = cf_node_stat_of(&task->made_stat);
    place->binding->is_disk_doubted |= contradicts(&task->traits, task, &task->made_stat) ||
                                       (seen && contradicts(&task->traits, task, &now));
    if (seen && is_left_by(task, &now))
        task->after.stat = cf_node_stat_of(&now);
    task->after.stat.is_racy = is_racy(place, task, seen ? &now : &task->made_stat);
    if (is_stamped(task))
        cf_node_distrust(&task->after);
    if (is_new || task->after.kind != CF_KIND_DIRECTORY)
        task->after.disk = cf_nodes_disk_in(place->binding->nodes, task->after.parent);
    cf_binding_put_node(place->binding, &task->after, place->records);
    cf_task_touch(place, task->after.parent);
    if (place->watch && is_new && task->after.kind == CF_KIND_DIRECTORY)
        watch_folder(place, task->after.number);
    if (is_stamped(task) && task->after.kind == CF_KIND_DIRECTORY)
        cf_task_touch(place, task->number);
    task->state = CF_TASK_DONE;
}
