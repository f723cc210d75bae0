/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown by now of what the log tells of: it names things as they were called then. */
#ifndef CF_PEER_COMMANDS_LOG_NOW_H
#define CF_PEER_COMMANDS_LOG_NOW_H
#include "peer/commands/hidden_named.h"
#include "peer/log/history.h"

/* Of one collection after the other, as its events come. */
typedef struct {
    const cf_run *run;
    cf_id collection; /* zero: of none yet */
    cf_collection *held;
    cf_hidden_names hidden; /* and the view of its rows */
    cf_id directory;        /* whose path was asked for last; zero: none's */
    cf_buffer directory_path;
} cf_log_now; /* {.run = …} knows nothing yet */

/* By which name a row goes that no source can show; nothing: it is none. */
cf_bytes cf_log_now_hidden(cf_log_now *self, const cf_event *event);
/* Appends the path under which the thing is shown now, where that is another than the event's:
 * "new a.txt" is "b.txt" after mv a.txt b.txt, "new people/2" is "people/3" where another device
 * had made a 2 before. False: it is shown under that name still, or nowhere. */
bool cf_log_now_path(cf_log_now *self, const cf_event *event, cf_buffer *out);
void cf_log_now_release(cf_log_now *self);

#endif
