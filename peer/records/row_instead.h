/* SPDX-License-Identifier: Apache-2.0 */
/* What a row says of a column whose value only one row can have, for when another row has it
 * (model, rule h). In the state that is a field of its own beside the column's, weak:
 *
 *     /columns/pos 3, /tie//columns/pos ["=", 2]      the row was at 2 before
 *     /columns/pos 3, /tie//columns/pos ["=", 4, 3]   the row was shown at 4, as another is at 3;
 *                                                     it is at 4 as long as it wishes for 3
 *     /columns/of P, /tie//columns/of ["=", nil, P]   the row referred to nothing, as another one
 *                                                     refers to P: ["@", item]
 *
 * Programs that don't know the field take it for a tie that refers to no row: it says nothing. */
#ifndef CF_PEER_RECORDS_ROW_INSTEAD_H
#define CF_PEER_RECORDS_ROW_INSTEAD_H
#include "peer/records/schema.h"

typedef struct {
    cf_bytes value; /* nothing: the column was empty */
    cf_bytes wish;  /* for which the value stands; nothing: the value is that from before */
} cf_row_instead;

/* Whether the column of a row of the table can give way, unless it is required: the column is in a
 * unique tuple, and merges as CF_MERGE_LATEST, or as CF_MERGE_REFERENCE, of which only nothing can
 * stand in the stead. */
bool cf_column_gives_way(const cf_schema_table *table, cf_bytes column);
bool cf_column_refers(const cf_schema_table *table, cf_bytes column);

/* The field of the state that belongs to the column, in the arena; nothing: there is none, as its
 * name is too long. */
cf_bytes cf_row_instead_field(cf_bytes column, cf_arena *arena);
/* The column that such a field belongs to; nothing: `field` is no such field. */
cf_bytes cf_row_instead_column(cf_bytes field);

/* In the arena; nothing: a value stands elsewhere (codec/content.h), or all would take more than
 * CF_INLINE_MAX bytes. */
cf_bytes cf_row_instead_pack(const cf_row_instead *instead, cf_arena *arena);
/* Borrows from the value; false: the value says no such thing. The wish may be a reference. */
bool cf_row_instead_read(cf_bytes value, cf_row_instead *out);

#endif
