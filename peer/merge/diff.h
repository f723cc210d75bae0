/* SPDX-License-Identifier: Apache-2.0 */
/* Scan: from what the user did to a source, found by comparing its disk with the base, to the
 * changes that say so (model, rules B, F, I, L, T). Work is proportional to what was found and to
 * the groups it lies in.
 *
 *     the disk and the base have a with 1 (A1), the state has 2 by now (B2, over A1); the user
 *     saves 3: the change is /content 3 over A1. B2 and the 3 live: one is shown as a copy (B) */
#ifndef CF_PEER_MERGE_DIFF_H
#define CF_PEER_MERGE_DIFF_H
#include "peer/merge/view.h"

/* A node as the disk has it. Its number is that of the base's node which it is (a kind never
 * changes), or a fresh one when it is new. */
typedef struct {
    uint64_t number;
    uint64_t parent; /* the directory's number, a new one's too; CF_NODE_ROOT */
    cf_bytes name;
    uint8_t kind;
    cf_bytes content, mode, mtime; /* values, as in cf_node */
    cf_node_stat stat;
    uint64_t disk;
} cf_finding;

typedef struct {
    const cf_rules *rules;
    cf_state *state; /* both are tried out and are as before at the end */
    cf_view *view;
    const cf_nodes *base;
    cf_id writer; /* of the entry that the changes will be: one that the log has not */
    uint64_t sequence;
    cf_time time;            /* later than all that the log has */
    const cf_finding *found; /* what is new or differs from the base; the rest is as it was */
    size_t found_count;
    const uint64_t *gone; /* nodes that are missing, also those below a missing directory */
    size_t gone_count;
} cf_diff_input;

/* Lives in the arena of the scan, borrows the input. */
typedef struct {
    const cf_diff_input *input;
    const cf_change *changes; /* ascending by (item, field), at most one for each */
    size_t count;
    const void *inner;
} cf_diff;

/* What is there to publish; no changes: nothing that counts was done. */
void cf_diff_run(const cf_diff_input *input, cf_arena *arena, cf_diff *out);

/* The base's new nodes, once it is known which entry carries each change: `dots` has one for each.
 * Nodes which are not among them stay as they are; the input's `gone` are to be dropped. To be
 * called before the base is changed. */
void cf_diff_rebase(const cf_diff *diff, const cf_dot *dots, cf_arena *arena, const cf_node **nodes,
                    size_t *count);

#endif
