/* SPDX-License-Identifier: Apache-2.0 */
/* A step that removes, and the folders in which steps are done. For the files of apply alone. */
#ifndef CF_PEER_SOURCES_FILES_APPLY_REMOVE_H
#define CF_PEER_SOURCES_FILES_APPLY_REMOVE_H
#include "peer/sources/files/apply_inside.h"

/* Holds a folder, so that it can be looked at. */
cf_status cf_task_hold(cf_task_place *place, uint64_t number, cf_hold *out, cf_error *error);
/* The directory is only passed through: what is not asked for, and the scan has no eye for, may
 * lie in it. */
bool cf_task_may_hold_more(const cf_task_place *place, const cf_node *node);
/* Takes away what goes. A directory only may go from now on: a job removes it. */
void cf_task_remove(cf_task_place *place, cf_task *task);

#endif
