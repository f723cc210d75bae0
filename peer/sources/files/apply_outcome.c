/* SPDX-License-Identifier: Apache-2.0 */
/* How a step ends: blocked where something was changed or is missing, since a user was faster;
 * failed for any other reason. Of a file in its place the base takes what the step left there, not
 * what was written since. What came out of an exchange goes if it is what the base had; else it
 * returns to its place, or beside that, or is owed. */
#include "peer/sources/files/apply_outcome.h"

#include "broker/platform/names.h"
#include "codec/clock.h"
#include "peer/adapters/spellings.h"
#include "peer/bindings/disk_trial.h"
#include "peer/bindings/displaced.h"
#include "peer/bindings/lifted.h"
#include "peer/merge/node_stat.h"

#include <errno.h>
#include <stdio.h>

void cf_task_touch(cf_task_place *place, uint64_t directory)
{
    for (size_t i = 0; i < place->touched.count; i++)
        if (place->touched.at[i] == directory)
            return;
    cf_node_set_add(&place->touched, directory);
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
        cf_node_set_add(&place->watched, number);
        return;
    }
    if (cf_binding_hold(place->binding, place->files, number, &hold, &ignored) == CF_OK) {
        cf_watch_add(place->watch, (uint64_t)place->binding->number << 32 | number, hold.folder,
                     &ignored);
        cf_node_set_add(&place->watched, number);
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

/* ---- What takes the place of a file that a user may save in this moment ---- */

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
        cf_rescued_add(place->binding, displaced, task->after.parent, &error, place->records);
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
    if (!task->partial[0])
        return CF_OK;
    return cf_files_rename(displaced->files, displaced->temporary, cf_bytes_of_text(task->partial),
                           displaced->temporary, displaced->temporary_name, error);
}

static void leave_landing(const cf_displaced *displaced, const cf_task *task)
{
    cf_error ignored;

    if (task->partial[0] && task->made)
        cf_files_rename(displaced->files, displaced->temporary, displaced->temporary_name,
                        displaced->temporary, cf_bytes_of_text(task->partial), &ignored);
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
    cf_rescued_add(place->binding, &displaced, node->parent, error, place->records);
    return CF_OK; /* the base's file is gone; when this one returns, it is new */
}

/* ---- Several spellings of a name ---- */

static void await_name(const cf_task_place *place, cf_task *task, cf_bytes other)
{
    char has[CF_NAME_SHOWN], wants[CF_NAME_SHOWN], reason[2 * CF_NAME_SHOWN + 32];

    cf_name_show(other, has);
    cf_name_show(task->after.name, wants);
    snprintf(reason, sizeof reason, "this disk takes %s for %s", has, wants);
    task->reason = cf_arena_text(place->arena, cf_bytes_of_text(reason));
}

bool cf_task_spelled(cf_task_place *place, const cf_task *task, const cf_folder *folder,
                     cf_arena *arena, cf_bytes *other)
{
    cf_spellings spellings;
    cf_error ignored;

    if (!cf_disk_folds(&place->binding->traits) ||
        cf_spellings_list(place->files, folder, &spellings, &ignored))
        return false;
    cf_bytes found = cf_spellings_of(&spellings, task->after.name);
    bool otherwise = found.size && !cf_bytes_equal(found, task->after.name);
    if (otherwise)
        *other = cf_arena_copy(arena, found);
    cf_spellings_release(&spellings);
    return otherwise;
}

bool cf_task_awaits_name(cf_task_place *place, cf_task *task, const cf_folder *folder)
{
    cf_bytes other;

    if (!cf_task_spelled(place, task, folder, place->arena, &other))
        return false;
    await_name(place, task, other);
    return true;
}

/* ---- No such name ---- */

void cf_task_explain_refusal(const cf_task_place *place, const cf_task *task, cf_error *error)
{
    if (!cf_disk_refuses_name(place->files, place->binding->temporary, task->after.name, error))
        return;
    cf_fail(error, CF_IO, "this disk refuses the name%s",
            error->number == ENAMETOOLONG ? ": it is too long" : "");
    cf_task_say_name(task, error);
}

void cf_task_say_name(const cf_task *task, cf_error *error)
{
    const cf_node *node = task->step.node;
    char wants[CF_NAME_SHOWN];

    if (!node || cf_bytes_equal(node->name, task->after.name))
        return;
    cf_name_show(task->after.name, wants);
    cf_error_while(error, "renaming it to %s", wants);
}
