/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan says so that of a deleted directory that lives on elsewhere the contents live on, and
 * no others (model, rule G). */
#ifndef CF_PEER_MERGE_GONE_ALONG_H
#define CF_PEER_MERGE_GONE_ALONG_H
#include "peer/merge/scanned_nodes.h"

/* A conflict copy that nobody touched has no place of its own. A copy that went along with its
 * directory gets a pin there, which counts where the copy's deletion does not:
 *
 *     d with d/a and "d/a (conflict …)" deleted || mv d e: e has both */
void cf_gone_along_pin(cf_scanned_nodes *nodes, const cf_scanned_node *scanned,
                       cf_change_draft *draft);

/* Who writes a directory names those of its deletions which emptied it on this disk: his write does
 * not undo them.
 *
 *     d was deleted and lives on for the sake of d/new, made elsewhere; mv d e: e/new is all */
void cf_gone_along_name(cf_scanned_nodes *nodes, cf_change_draft *draft);

#endif
