/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry did to one record, for the history. */
#ifndef CF_PEER_LOG_HISTORY_RECORDS_H
#define CF_PEER_LOG_HISTORY_RECORDS_H
#include "peer/log/history.h"

/* Says in the event what was done, to which fields, and what the record calls itself. All in the
 * arena; the collection may be NULL. */
void cf_history_record(const cf_collection *collection, const cf_change *changes, size_t count,
                       cf_event *event, cf_arena *arena);

#endif
