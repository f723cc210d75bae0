/* SPDX-License-Identifier: Apache-2.0 */
/* Contents that a user gave up, because nobody had them any more: the state says so beside the item
 * that the write is stored with. Whoever has such a content after all keeps it: what replaced or
 * deleted it was done by one who never saw it. */
#ifndef CF_PEER_MERGE_GIVEN_UP_H
#define CF_PEER_MERGE_GIVEN_UP_H
#include "peer/merge/node.h"
#include "peer/merge/state.h"

/* The changes that give up these writes of contents, ascending; all in the arena. */
cf_change *cf_given_up_changes(const cf_ref *contents, size_t count, cf_arena *arena,
                               size_t *change_count);

/* What the node shows is such a content. */
bool cf_node_is_given_up(const cf_state *state, const cf_node *node);

#endif
