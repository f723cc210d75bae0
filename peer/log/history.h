/* SPDX-License-Identifier: Apache-2.0 */
/* The user's history: what each entry of the log did, told with the names that things had then. */
#ifndef CF_PEER_LOG_HISTORY_H
#define CF_PEER_LOG_HISTORY_H
#include "peer/log/peer.h"

/* What an edit wrote into a field of a record. */
typedef struct {
    cf_bytes value; /* as in the state; of a reference the name of that row, as text; none: nothing
                       is there any more */
    bool is_long;   /* it is the identity of what stands elsewhere */
    bool stays;     /* it stood there before: only other values than this were given up */
    bool untold; /* more than one was written, of a set; or none, and the field was written since:
                    nobody looks up what it had then */
} cf_event_value;

typedef struct {
    cf_head entry;
    cf_id collection;
    cf_hash device; /* the author */
    uint64_t time_ms;
    const char *what;  /* "new", "edited", "moved", "deleted", …; a literal */
    cf_id item;        /* zero for what is no item */
    cf_bytes path;     /* raw, from the source's root; of the catalog and the members a name; of a
                          record as peer/log/record_names.h has it */
    cf_bytes from;     /* where it was before; none */
    cf_bytes original; /* it was a conflict copy of this file; none */
    const char *title; /* that a record gives itself now; NULL: none */
    const cf_bytes *fields; /* of a record that was edited: what of it, as people read it */
    size_t field_count;
    const cf_event_value *values; /* of each of these */
    bool unsure;                  /* to tell it needs older entries than were read */
} cf_event;

typedef struct {
    cf_event *at; /* in the log's order */
    size_t count, capacity;
    cf_arena arena;
} cf_history; /* {0} is empty */

/* Reads the log from this position on; from 1 on nothing is unsure. What was there before has the
 * name that it has now, unless it was moved since. */
cf_status cf_history_read(cf_peer *peer, uint64_t position, cf_history *out, cf_error *error);
void cf_history_release(cf_history *history);

#endif
