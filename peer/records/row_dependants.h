/* SPDX-License-Identifier: Apache-2.0 */
/* Dependants: rows that a source doesn't show, also since they are held back, and that refer to a
 * row which it shows, or to another dependant. What is known of them when that was last agreed is
 * kept beside the base, as rows without fields whose key is their item: which writes a deletion
 * covers, and what they refer to. So they go with the row when a user deletes it there, and a row
 * that came since, which nobody could know there, brings it back (model, rules e and t). */
#ifndef CF_PEER_RECORDS_ROW_DEPENDANTS_H
#define CF_PEER_RECORDS_ROW_DEPENDANTS_H
#include "peer/records/record_view.h"
#include "peer/records/row_refs.h"

/* What is kept of a row that has these refs. In the arena.
 *
 *     the source shows people, no phones; phone 1 says number 100 (A1), person Ann's item (A1)
 *     key: phone 1's item; refs: /columns/number A1 with no value, /columns/person A1 with its own
 */
cf_row cf_row_dependant(const cf_row *row, const cf_row_ref *refs, size_t count, cf_arena *arena);

/* What is kept of a row of the view. */
cf_row cf_row_view_dependant(const cf_row_view *view, const cf_row *row, cf_arena *arena);

#endif
