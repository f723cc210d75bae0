/* SPDX-License-Identifier: Apache-2.0 */
/* A draft: a file that a program wrote under a name of its own, to put it in the place of another.
 * One that was seen before that, and told, is known. Pure: state, writer and time are arguments. */
#ifndef CF_PEER_SOURCES_FILES_DRAFT_H
#define CF_PEER_SOURCES_FILES_DRAFT_H
#include "peer/merge/node.h"
#include "peer/merge/state.h"

#define CF_DRAFT_MS UINT64_C(600000)

/* Within the last ten minutes this writer made the node's file, by one entry, and nobody wrote any
 * more to it, but the writer its mode and time. `now_ms` is the log's time. */
bool cf_draft_is(const cf_state *state, const cf_node *node, const cf_id *writer, uint64_t now_ms);

#endif
