/* SPDX-License-Identifier: Apache-2.0 */
/* What a node of the base remembers of its file, and what a stat shows now. */
#ifndef CF_PEER_MERGE_NODE_STAT_H
#define CF_PEER_MERGE_NODE_STAT_H
#include "broker/platform/files.h"
#include "peer/merge/node.h"

/* Not racy: who knows better says so. */
cf_node_stat cf_node_stat_of(const cf_stat *stat);
cf_stat cf_stat_of_node(const cf_node *node);

/* The same file, whatever is in it by now. */
bool cf_node_stat_same_file(const cf_node_stat *known, const cf_stat *now);
/* And the same bytes, as far as size and time tell; it may have been renamed. */
bool cf_node_stat_same_bytes(const cf_node_stat *known, const cf_stat *now);
/* And nothing was done to it at all, as far as times tell: of a racy one they don't. */
bool cf_node_stat_untouched(const cf_node_stat *known, const cf_stat *now);

/* We have set mode or time of a file: what a user saved in the moment before has been stamped over,
 * so only reading tells whether it is still the base's. */
void cf_node_distrust(cf_node *node);

/* Values of fields as the disk takes them; the default when there is none. */
uint32_t cf_mode_of(cf_bytes value, uint32_t otherwise);
bool cf_mtime_of(cf_bytes value, int64_t *mtime_ns);

#endif
