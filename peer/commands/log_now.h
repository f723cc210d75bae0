/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown by now of what the log tells of: it names things as they were called then. */
#ifndef CF_PEER_COMMANDS_LOG_NOW_H
#define CF_PEER_COMMANDS_LOG_NOW_H
#include "peer/log/history.h"
#include "peer/records/record_view.h"

/* Of one collection after the other, as its events come. */
typedef struct {
    cf_peer *peer;
    cf_id collection; /* zero: of none yet */
    cf_collection *held;
    cf_row_view *rows;
    cf_schema schema;
    cf_id directory; /* whose path was asked for last; zero: none's */
    cf_buffer directory_path;
    cf_arena arena;
} cf_log_now; /* {.peer = …} knows nothing yet */

/* It is of a row that no source can show. */
bool cf_log_now_hidden(cf_log_now *self, const cf_event *event);
/* Appends the path under which the thing is shown now, where that is another than the event's:
 * "new a.txt" is "b.txt" after mv a.txt b.txt, "new people/2" is "people/3" where another device
 * had made a 2 before. False: it is shown under that name still, or nowhere. */
bool cf_log_now_path(cf_log_now *self, const cf_event *event, cf_buffer *out);
void cf_log_now_release(cf_log_now *self);

#endif
