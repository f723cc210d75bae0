/* SPDX-License-Identifier: Apache-2.0 */
/* What is not in sync and why, by path, each once: a look at some places passes what is known of
 * these alone. It owns what it holds. */
#ifndef CF_PEER_BINDINGS_PENDING_TREE_H
#define CF_PEER_BINDINGS_PENDING_TREE_H
#include "codec/hash_table.h"
#include "peer/bindings/binding_report.h"

typedef struct {
    void *root;            /* of tsearch(3) */
    cf_hash_table reasons; /* each once, whoever shares it */
    cf_hash_table moved;   /* of what was moved, by its node */
    size_t count;
    cf_pending_counts counts;
} cf_pending_tree; /* {0} is empty */

/* Where the path is known already, nothing happens. One that ends with a slash is of what lies in
 * that directory, and is shown without the slash. A reason that is NULL is to be found out when
 * it is shown. */
void cf_pending_tree_add(cf_pending_tree *tree, cf_pending_kind kind, cf_bytes path,
                         const char *reason);
/* The same, as a look has it. */
void cf_pending_tree_take(cf_pending_tree *tree, const cf_pending *pending);
/* Whether one of them says that the node lies there, of another place. */
bool cf_pending_tree_has_moved(const cf_pending_tree *tree, uint64_t node);
/* Drops what has this path or lies below it. */
void cf_pending_tree_drop(cf_pending_tree *tree, cf_bytes path);
/* Drops what lies in this directory itself, not deeper; "": in the source's own. */
void cf_pending_tree_drop_in(cf_pending_tree *tree, cf_bytes directory);
typedef void cf_pending_visit(void *context, const cf_pending *pending);
/* Calls `visit` for each, by path; what that gets lives until the call returns. */
void cf_pending_tree_each(const cf_pending_tree *tree, cf_pending_visit *visit, void *context);
void cf_pending_tree_release(cf_pending_tree *tree);

#endif
