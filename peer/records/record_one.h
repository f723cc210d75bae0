/* SPDX-License-Identifier: Apache-2.0 */
/* Two rows become one by their user's word (model, rule m; row_same.h):
 *
 *     tags 1 "home" and tags 2 "home", shown as "home (2)"; tagged (5, 1), tagged (5, 2)
 *     tag 2 is tag 1: there is one tag, and 5 has that once: both rows of tagged join the same two
 *                     then, and are one, too
 *
 * Pure. */
#ifndef CF_PEER_RECORDS_RECORD_ONE_H
#define CF_PEER_RECORDS_RECORD_ONE_H
#include "peer/merge/change_draft.h"
#include "peer/records/record_view.h"

/* Whether this conflict can end so: a row has the value, and both have counted keys. */
bool cf_row_can_be_one(const cf_schema *schema, const cf_row_conflict *conflict);
/* Drafts that the row `item` is the row `other`. False: both are one already, or one of them isn't
 * there. */
bool cf_row_draft_one(cf_change_draft *draft, const cf_state *state, const cf_row_view *view,
                      const cf_id *item, const cf_id *other);
/* Drafts that each row which would be held back by what is drafted, as another one has its unique
 * values then, is that one; so each that would give way in a text to one that says nothing else. */
void cf_row_draft_held_as_one(cf_change_draft *draft, cf_state *state, const cf_schema *schema,
                              const cf_row_view *view);

#endif
