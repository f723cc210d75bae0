/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that join others, as `members (person, grp)`: what they are is what they join, and their key
 * (cf_database_give_keys) only a number that was made up of that, by who had the row first. A
 * source that has no base of such a row asks the view:
 *
 *     (1, 2) here, and nothing in the base; people/1 and groups/2 are shown here as there
 *     there: a row under 4711 that joins these two       -> the row here is 4711 as well
 *
 * Pure functions. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_TUPLES_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_TUPLES_H
#include "peer/adapters/sqlite/database_schema.h"
#include "peer/records/record_view.h"

/* Gives rows of the file that the base doesn't have the keys under which the view shows the same
 * joins, as far as the base has none of those. */
void cf_database_joins_give(const cf_database_schema *schema, cf_record_file *file,
                            const cf_rows *base, const cf_row_view *view);
/* Whether the table's rows are such; whether the field says what they join, and what of its value
 * counts: appended. */
bool cf_database_joins(const cf_database_schema *schema, cf_bytes table);
bool cf_database_joins_by(const cf_database_schema *schema, cf_bytes table, cf_bytes field,
                          cf_bytes value, cf_buffer *out);
/* The key that who had these rows in his base would have made up first; NULL: who had none of what
 * it joins. Of a row of such a table. In the arena. */
cf_bytes cf_database_join_key(const cf_database_schema *schema, const cf_row *row,
                              const cf_rows *base, cf_arena *arena);

#endif
