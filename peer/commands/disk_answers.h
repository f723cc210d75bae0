/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the disks of what a verb names answer, asked in a job before the verb touches any of them
 * on the loop's thread (peer/sources/context/probe.h): all sources would stop with one that hangs.
 * A source counts as silent after ten seconds; with --timeout a verb ends before, with CF_IO. */
#ifndef CF_PEER_COMMANDS_DISK_ANSWERS_H
#define CF_PEER_COMMANDS_DISK_ANSWERS_H
#include "peer/program/verb.h"

/* For `prerequisite`: of verbs whose argument is a SOURCE. CF_IO: it is silent. */
extern const cf_prerequisite cf_disk_answers_source;
/* The same, but what is silent is begun: the verb sees that at the binding. */
extern const cf_prerequisite cf_disk_answers_source_or_silence;
/* Of verbs whose arguments are PATHs, or SOURCEs that they ask by themselves before they touch
 * them: so that a path can be resolved, or is known to lie in a source that is silent. */
extern const cf_prerequisite cf_disk_answers_paths;
/* Of a path that need not be a source as yet. */
extern const cf_prerequisite cf_disk_answers_place;

/* For `prepare`: the same of one path, in a process that has no loop as yet. */
cf_status cf_disk_answers_here(const cf_run *run, const char *path, cf_error *error);

#endif
