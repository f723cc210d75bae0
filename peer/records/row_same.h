/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of which a user said that they are one (model, rule m). Row 6 "home" was made apart from row
 * 1 "home", and gives way to that. He says that both are one:
 *
 *     row 6: /tie//= ["=", the item of row 1], weak
 *
 * From then on whatever anybody writes of either is of row 1, which comes first since it says of no
 * other that it is that:
 *
 *     name: Ann by row 1, Bob by row 6, later; phone 3 is of row 6
 *     row 1 is called Bob, Ann is listed, and phone 3 is of row 1
 *
 * Nothing undoes such a word. Programs that don't know the field take it for a tie that refers to
 * no row, and go on having two. */
#ifndef CF_PEER_RECORDS_ROW_SAME_H
#define CF_PEER_RECORDS_ROW_SAME_H
#include "peer/merge/change_draft.h"
#include "peer/records/record_view.h"

/* Whether rows of the table can be one: their keys are counted. A key that is natural is the row,
 * and who gives it to a row anew means that one. */
bool cf_table_has_same(const cf_schema_table *table);
/* The value by which a row says that it is the row of this item. In the arena. */
cf_bytes cf_row_same_pack(const cf_id *item, cf_arena *arena);
bool cf_row_same_read(cf_bytes value, cf_id *item);

/* The row that this one is: another one, or this. */
const cf_id *cf_row_view_one(const cf_row_view *view, const cf_id *item);
/* Of a row that comes first the others that are one with it, ascending; NULL and 0: none. */
const cf_id *cf_row_view_others(const cf_row_view *view, const cf_id *item, size_t *count);
/* All that are one with the row, the first one first; at least itself. */
const cf_id *cf_row_view_all_of_one(const cf_row_view *view, const cf_id *item, size_t *count);

/* Drafts that the other one says, too, what this change says of the first, where that replaces
 * something that stands there. */
void cf_row_spread_write(cf_change_draft *draft, const cf_state *state, const cf_change *change,
                         const cf_id *other);

#endif
