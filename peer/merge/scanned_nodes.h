/* SPDX-License-Identifier: Apache-2.0 */
/* Scanned nodes: the nodes of a source as its disk has them during a scan, that is the base with
 * the findings on top; and what is drafted of them. */
#ifndef CF_PEER_MERGE_SCANNED_NODES_H
#define CF_PEER_MERGE_SCANNED_NODES_H
#include "peer/merge/change_draft.h"
#include "peer/merge/diff.h"
#include "peer/merge/fields.h"
#include "peer/merge/node.h"

/* What a base node shows; none for what is new. What a draft's changes replace is what the base
 * showed (model, rules B and T). */
typedef struct {
    const cf_ref *at;
    size_t count;
} cf_refs;

/* A new write of `item`'s field, over all that the refs show of it. */
void cf_draft_set(cf_change_draft *draft, cf_refs refs, const cf_id *item, uint32_t field,
                  cf_bytes value, bool weak);
/* A deletion of `item` that covers all that the refs show of it.
 *
 *     the base shows a with /name A1, /content A1; B2 edited a meanwhile, which this disk doesn't
 *     have: the deletion covers the two writes A1, and a lives by B2 */
void cf_draft_delete(cf_change_draft *draft, cf_refs refs, const cf_id *item);
bool cf_draft_has(const cf_change_draft *draft, const cf_id *item, uint32_t field);
/* The draft deletes the item, and not only tells which of its deletions were seen. */
bool cf_draft_deletes(const cf_change_draft *draft, const cf_id *item);

typedef struct {
    cf_hash_link link;
    uint64_t number, parent;
    cf_bytes name;
    uint8_t kind;
    cf_bytes content, mode, mtime;
    const cf_node *base;       /* NULL: new */
    const cf_finding *finding; /* NULL: as in the base */
    const cf_id *items;        /* of a new one: known once it was scanned */
    size_t item_count;
    cf_refs refs; /* what the base shows */
    bool gone, moved;
    const cf_bytes *path; /* of a finding: the names from the root down */
    size_t depth;
} cf_scanned_node;

typedef struct {
    const cf_diff_input *input;
    cf_arena *arena;
    cf_hash_table table;
    cf_scanned_node *
        *found; /* in the order of their paths, so directories before what is in them */
} cf_scanned_nodes;

void cf_scanned_nodes_open(cf_scanned_nodes *nodes, const cf_diff_input *input, cf_arena *arena);
void cf_scanned_nodes_close(cf_scanned_nodes *nodes);
/* NULL for the root. */
cf_scanned_node *cf_scanned_nodes_at(cf_scanned_nodes *nodes, uint64_t number);
/* Whether the base shows a write of this field of the item. */
bool cf_scanned_node_shows(const cf_scanned_node *scanned, const cf_id *item, uint32_t field);
/* The items of the directory that the scanned node is in. */
void cf_scanned_nodes_above(cf_scanned_nodes *nodes, const cf_scanned_node *scanned,
                            const cf_id **items, size_t *count);

#endif
