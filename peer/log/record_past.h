/* SPDX-License-Identifier: Apache-2.0 */
/* All that was ever written of one record, by whom and when. One pass over the log. Rows of which a
 * user said that they are one (peer/records/row_same.h) are one record, of several items. */
#ifndef CF_PEER_LOG_RECORD_PAST_H
#define CF_PEER_LOG_RECORD_PAST_H
#include "codec/hash_table.h"
#include "peer/log/peer.h"

typedef struct {
    cf_bytes field; /* of the state; nothing: it deleted the record */
    cf_bytes value; /* as in the state: of a long one its identity; nothing: it took away others' */
    bool is_long;
    cf_dot dot;
    cf_head entry;
    cf_hash device; /* the author */
    uint64_t time_ms;
    const cf_dot *over; /* the writes that it replaced */
    size_t over_count;
    size_t until; /* the place of the first write that replaced this one; SIZE_MAX: none did */
} cf_record_write;

typedef struct {
    cf_record_write *at; /* in the log's order */
    size_t count, capacity;
    cf_hash_table by_dot;
    cf_arena arena;
} cf_record_past; /* {0} is empty */

/* What can't be read, or counts for nothing, says nothing. */
cf_status cf_record_past_read(cf_peer *peer, const cf_id *collection, const cf_id *items,
                              size_t count, cf_record_past *out, cf_error *error);
void cf_record_past_release(cf_record_past *past);

/* What stayed in the field after the write at this place, which wrote no value: of two values in
 * conflict the other one was given up. NULL: nothing did, it emptied the field. */
const cf_record_write *cf_record_past_kept(const cf_record_past *past, size_t place);

/* The write with this dot of the field; NULL: there is none. */
const cf_record_write *cf_record_past_find(const cf_record_past *past, cf_bytes field,
                                           const cf_dot *dot);

#endif
