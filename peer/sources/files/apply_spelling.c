/* SPDX-License-Identifier: Apache-2.0 */
/* Names that a step can't have on this disk: several spellings are one name there, or it takes no
 * such name. */
#include "peer/sources/files/apply_perform_inside.h"

#include "broker/platform/names.h"
#include "peer/adapters/spellings.h"
#include "peer/bindings/disk_trial.h"

#include <errno.h>
#include <stdio.h>

/* ---- Several spellings ---- */

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
