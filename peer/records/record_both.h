/* SPDX-License-Identifier: Apache-2.0 */
/* Of a set all values are shown. Where two changed one of them apart, both are kept, as if there
 * had been two before; a user is told, and says what is meant.
 *
 *     phones: 100, which A makes 111 and B 222      111 and 222, in one entry: both are kept
 *     he deletes one                                the other is left, nothing is listed any more
 *     he says that both are meant                   222 gets an entry of its own
 *
 * Pure. */
#ifndef CF_PEER_RECORDS_RECORD_BOTH_H
#define CF_PEER_RECORDS_RECORD_BOTH_H
#include "codec/change.h"
#include "peer/records/record_ids.h"
#include "peer/records/record_view.h"

/* A value of an entry, beside its first. */
typedef struct {
    cf_row_conflict other; /* `value` and `field` as in the state */
    cf_bytes first;
} cf_row_both;

/* Ascending by item and field; the values of one entry in the order in which they were written. In
 * the arena, but for what they borrow from view and state. */
const cf_row_both *cf_row_both_kept(const cf_row_view *view, const cf_state *state,
                                    const cf_schema *schema, cf_arena *arena, size_t *count);

/* Gives each of these, all of one item, an entry of its own: appends changes, ascending, to `out`,
 * which has room for two of each. Returns how many. */
size_t cf_row_both_part(const cf_row_both *all, size_t count, const cf_state *state,
                        const cf_record_ids *ids, cf_arena *arena, cf_change *out);

#endif
