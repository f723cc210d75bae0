/* SPDX-License-Identifier: Apache-2.0 */
/* What the deletions of an item cover: writes by field and dot. */
#ifndef CF_PEER_MERGE_COVERED_H
#define CF_PEER_MERGE_COVERED_H
#include "codec/arena.h"
#include "codec/item.h"
#include "peer/merge/state.h"

typedef struct {
    cf_cover *at; /* ascending by field and dot, in the arena */
    size_t count;
} cf_covered;

/* By all deletions stored with the item, which may be NULL. A damaged one covers nothing. */
cf_covered cf_covered_by(const cf_state *state, const cf_item *item, cf_arena *arena);
bool cf_covered_has(const cf_covered *covered, const cf_state *state, const cf_write *write);

#endif
