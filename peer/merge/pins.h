/* SPDX-License-Identifier: Apache-2.0 */
/* Pins: a user's change moves nothing else (model, rule F). What would move or vanish because of
 * a draft, though the user left it where it is, is pinned there. */
#ifndef CF_PEER_MERGE_PINS_H
#define CF_PEER_MERGE_PINS_H
#include "peer/merge/scanned_nodes.h"

/* Adds to the draft what keeps everything else in its place; looks at the groups it touches. */
void cf_pins_add(cf_scanned_nodes *nodes, cf_change_draft *draft);

#endif
