/* SPDX-License-Identifier: Apache-2.0 */
/* In which order a scan's changes are cut into entries. For the files of publishing alone. */
#ifndef CF_PEER_SOURCES_FILES_PUBLISH_ORDER_H
#define CF_PEER_SOURCES_FILES_PUBLISH_ORDER_H
#include "peer/merge/diff.h"

/* What a scan says of one item: its changes from `from` to before `to`. */
typedef struct {
    size_t from, to;
    bool is_deleted; /* the item, by the first of them */
} cf_item_changes;

/* Whether the change deletes its item. */
bool cf_publish_deletes(const cf_change *change);

/* All items of the scan, in the arena. First the deleted ones whose place something else has: who
 * has heard of that alone would show both. Then those that stay, by their ids: who copies them from
 * what is deleted has that still. Then the other deleted ones, each behind the deleted directory it
 * lay in, and before what lay beside that: so few entries tell of what was in one directory, and
 * repeat its deletion (PROTOCOL, "What an author writes"). */
cf_item_changes *cf_publish_order(const cf_nodes *nodes, const cf_diff *scan, cf_arena *arena,
                                  size_t *count);

#endif
