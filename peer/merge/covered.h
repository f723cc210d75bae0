/* SPDX-License-Identifier: Apache-2.0 */
/* What the deletions of an item cover: writes by field and dot.
 *
 *     A1 makes a; B deletes a: (/kind A1, /name A1, /content A1, ...); C, who hadn't seen that,
 *     edits a: /content C1 is not covered, so a lives, with C1 (model, rules T and D)
 *
 * A deletion that covers nothing but other deletions deletes nothing: it tells that the author of
 * its entry had seen these (model, rule G). */
#ifndef CF_PEER_MERGE_COVERED_H
#define CF_PEER_MERGE_COVERED_H
#include "codec/arena.h"
#include "codec/item.h"
#include "peer/merge/state.h"

typedef struct {
    cf_cover *at; /* ascending by field and dot, in the arena */
    size_t count;
} cf_covered;

/* How many deletions are stored with the item, which may be NULL: they are the first of its writes,
 * ascending by their dots. */
size_t cf_deletion_count(const cf_state *state, const cf_item *item);
/* Whether a deletion of this value deletes the item: it covers something else than deletions. One
 * that is damaged, or covers nothing, counts as one that does. */
bool cf_deletion_deletes(cf_bytes value);

/* By all deletions stored with the item. A damaged one covers nothing. */
cf_covered cf_covered_by(const cf_state *state, const cf_item *item, cf_arena *arena);
/* By the item's deletions but for those in `lifted`, which ascend. */
cf_covered cf_covered_but(const cf_state *state, const cf_item *item, const cf_dot *lifted,
                          size_t lifted_count, cf_arena *arena);
bool cf_dots_have(const cf_dot *dots, size_t count, const cf_dot *dot);
bool cf_covered_has(const cf_covered *covered, const cf_state *state, const cf_write *write);

#endif
