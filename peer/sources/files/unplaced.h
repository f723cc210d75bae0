/* SPDX-License-Identifier: Apache-2.0 */
/* Things that could not be put into their places. Of those in one directory that failed for one
 * reason one is tried, each in its turn, and the others wait for it: when it goes into its place,
 * all are tried. Decides; owned by the engine's thread. */
#ifndef CF_PEER_SOURCES_FILES_UNPLACED_H
#define CF_PEER_SOURCES_FILES_UNPLACED_H
#include "peer/merge/plan.h"

typedef struct cf_unplaced cf_unplaced;

cf_unplaced *cf_unplaced_new(void);
void cf_unplaced_destroy(cf_unplaced **unplaced);

/* A run over a plan begins: one for each reason may be tried again. */
void cf_unplaced_begin(cf_unplaced *unplaced);
/* Why this step failed, if it is not to be tried in this run; NULL: it is to be tried. A step of
 * which something is another is another step. Borrowed until the next call of failed or forget. */
const char *cf_unplaced_waits(cf_unplaced *unplaced, const cf_step *step);
/* A new thing, or a new content, could not be put into the directory step->parent. */
void cf_unplaced_failed(cf_unplaced *unplaced, const cf_step *step, const char *reason);
/* The step's thing could be put there. True: it had failed before, and those that wait for it may
 * be tried. */
bool cf_unplaced_passed(cf_unplaced *unplaced, const cf_step *step);
/* All are tried. */
void cf_unplaced_forget(cf_unplaced *unplaced);

#endif
