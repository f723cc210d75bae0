/* SPDX-License-Identifier: Apache-2.0 */
/* What a database undoes that is, byte for byte, what it was before, as its program may have
 * brought it back there, or that a copy lies over; and whose work that is.
 *
 *     row 7 was added here, deleted here, and is back:            only what this device did itself
 *     it is deleted again:                                        the same, it was before
 *     row 8, which another device changed, says what it had said: that one's work is undone
 *     row 9 says what nobody ever said of it:                     anew */
#ifndef CF_PEER_SOURCES_RECORDS_DATABASE_UNDONE_H
#define CF_PEER_SOURCES_RECORDS_DATABASE_UNDONE_H
#include "peer/adapters/record_file.h"
#include "peer/adapters/sqlite/database_schema.h"
#include "peer/bindings/binding.h"

typedef struct {
    size_t others; /* rows in which the work of another device would be undone */
    size_t first;  /* rows missing that this device never took away before */
    size_t before; /* rows that say all they say as they said it once, or are back so */
    size_t anew;   /* rows that say something else */
} cf_database_undone;

/* Which columns count: those that the database has now, and had when it was last looked at. What
 * others wrote in a column that there isn't here is undone by nobody, and what stands in a new one
 * is no edit. */
typedef struct {
    const cf_database_schema *schema;
    const cf_row_format *had; /* NULL: nobody knows */
} cf_database_columns;
bool cf_database_counts(const cf_database_columns *columns, cf_bytes table, cf_bytes name);

/* What the field says can be compared; of a long value that lies beside the row nobody knows yet
 * which content it is. */
bool cf_database_comparable(const cf_row_field *field);
/* The row in the database says something else in the column, which counts, than the base's row, as
 * far as that can be compared. */
bool cf_database_differs_in(const cf_database_columns *columns, const cf_row *there,
                            const cf_row *base, cf_bytes name);
/* In any column. */
bool cf_database_differs(const cf_database_columns *columns, const cf_row *there,
                         const cf_row *base);
/* The value, as the log has it, says this; a row that is referred to is known by the key that it
 * has in the base. */
bool cf_database_said(const cf_binding *binding, cf_bytes value, cf_bytes said);

/* Reads the log once. */
cf_status cf_database_undone_count(cf_peer *peer, const cf_binding *binding,
                                   const cf_database_columns *columns, const cf_record_file *file,
                                   cf_database_undone *out, cf_error *error);

#endif
