/* SPDX-License-Identifier: Apache-2.0 */
/* What a source had room for when it was last agreed, as its home keeps it: [table…], a table being
 * [name, whole, [field…]], and behind the fields, of a database, [column…] that its key is made of,
 * and [[parent, [column…], [column…]]…], its ties, a column of these being [field, part, parts],
 * and behind them how it compares, unless by bytes. What follows the tables record_source_held.c
 * says. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_HELD_H
#define CF_PEER_SOURCES_RECORDS_RECORD_HELD_H
#include "codec/pack.h"
#include "peer/log/peer.h"
#include "peer/records/schema.h"

cf_bytes cf_record_held_key(cf_arena *arena, uint32_t source);
/* All that is kept of the source, packed, in the arena. CF_MISSING: nothing is. */
cf_status cf_record_held_load(cf_peer *peer, uint32_t source, cf_arena *arena, cf_bytes *out,
                              cf_error *error);

/* The tables at the beginning of what is kept: written, and read. */
void cf_record_held_pack(const cf_row_format *format, cf_buffer *out);
cf_status cf_record_held_read(cf_reader *reader, cf_arena *arena, cf_row_format *out,
                              cf_error *error);
/* Loads what is kept of the source, and reads its tables. */
cf_status cf_record_held_format(cf_peer *peer, uint32_t source, cf_arena *arena, cf_row_format *out,
                                cf_error *error);

#endif
