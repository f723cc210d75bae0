/* SPDX-License-Identifier: Apache-2.0 */
/* Whose work a database undoes that is, byte for byte, what it was before: its program may have
 * brought it back there, or a copy lies over it.
 *
 *     row 7 was added here, deleted here, and is back:            only what this device did itself
 *     it is deleted again:                                        the same, it was before
 *     row 8, which another device changed, says what it had said: that one's work is undone */
#ifndef CF_PEER_SOURCES_RECORDS_DATABASE_UNDONE_H
#define CF_PEER_SOURCES_RECORDS_DATABASE_UNDONE_H
#include "peer/adapters/record_file.h"
#include "peer/adapters/sqlite/database_schema.h"
#include "peer/bindings/binding.h"

typedef struct {
    size_t others; /* rows in which the work of another device would be undone */
    size_t first;  /* rows missing that this device never took away before */
} cf_database_undone;

/* Reads the log once. */
cf_status cf_database_undone_count(cf_peer *peer, const cf_binding *binding,
                                   const cf_database_schema *schema, const cf_record_file *file,
                                   cf_database_undone *out, cf_error *error);

#endif
