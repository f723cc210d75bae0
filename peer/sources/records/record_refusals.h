/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that the medium refused when it was last written, as the home keeps them for a source:
 * [[table, key, hash of the row that was refused, reason]…]. Only a write finds it out, and
 * `status` never writes. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_REFUSALS_H
#define CF_PEER_SOURCES_RECORDS_RECORD_REFUSALS_H
#include "peer/log/peer.h"
#include "peer/records/record.h"

typedef struct {
    cf_bytes table, key, reason;
    uint64_t hash; /* of the row that was to be shown; 0: none was */
} cf_record_refusal;

typedef struct {
    const cf_record_refusal *at; /* ascending by place */
    size_t count;
} cf_record_refusals; /* {0} has none */

/* Of a row of the view; 0 for NULL. */
uint64_t cf_record_refusal_hash(const cf_row *shown);
/* What is kept, in the arena; nothing: nothing is. */
cf_bytes cf_record_refusals_load(cf_peer *peer, uint32_t source, cf_arena *arena);
/* Borrows from what is kept; what can't be read is none. */
cf_record_refusals cf_record_refusals_read(cf_bytes kept, cf_arena *arena);
/* NULL: there is none. */
const cf_record_refusal *cf_record_refusals_find(const cf_record_refusals *refusals, cf_bytes table,
                                                 cf_bytes key);

#endif
