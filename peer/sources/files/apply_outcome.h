/* SPDX-License-Identifier: Apache-2.0 */
/* How a step to the disk ends, what takes the place of a file that a user may save in this moment,
 * and names that a step can't have. For apply_perform.c and apply_remove.c alone. */
#ifndef CF_PEER_SOURCES_FILES_APPLY_OUTCOME_H
#define CF_PEER_SOURCES_FILES_APPLY_OUTCOME_H
#include "peer/sources/files/apply_inside.h"

/* The directory is to be synced. */
void cf_task_touch(cf_task_place *place, uint64_t directory);
void cf_task_end(const cf_task_place *place, cf_task *task, cf_task_state state,
                 const char *reason);
/* The task could not be done, because of this. */
void cf_task_stop(const cf_task_place *place, cf_task *task, const cf_error *error);
/* Ends the task unless the disk is as the base has it. */
bool cf_task_check_base(cf_task_place *place, cf_task *task, const cf_folder *folder,
                        const cf_node *node);
/* The task is done: the base gets what it leaves in its place. */
void cf_task_put_node(cf_task_place *place, cf_task *task, const cf_folder *folder);

/* Puts the task's new file into the place of the base's. */
void cf_task_replace(cf_task_place *place, cf_task *task, const cf_folder *folder,
                     const cf_node *node);
/* Takes the base's file away, by way of the temporary folder. */
cf_status cf_task_set_aside(cf_task_place *place, cf_task *task, const cf_folder *folder,
                            const cf_node *node, cf_error *error);

/* What has this name in the folder is not spelled so: on this disk several spellings are one name.
 * `*other`: how it is spelled, in the arena. */
bool cf_task_spelled(cf_task_place *place, const cf_task *task, const cf_folder *folder,
                     cf_arena *arena, cf_bytes *other);
/* The same: the task waits until that has gone from there, and says so. Nothing of what stands
 * there is the task's business. `Case` lies there, `cASE` is to come: "this disk takes Case for
 * cASE" */
bool cf_task_awaits_name(cf_task_place *place, cf_task *task, const cf_folder *folder);
/* The step failed, and so does a file of that name in the temporary folder: then the disk refuses
 * the name, whatever word it has for that, and the error becomes CF_IO and says so. */
void cf_task_explain_refusal(const cf_task_place *place, const cf_task *task, cf_error *error);
/* Puts the name that it was to get before what is wrong with that: it is told of by the other. */
void cf_task_say_name(const cf_task *task, cf_error *error);

#endif
