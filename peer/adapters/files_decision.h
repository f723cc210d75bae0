/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of files_identity share: a decision while it is made. */
#ifndef CF_PEER_ADAPTERS_FILES_DECISION_H
#define CF_PEER_ADAPTERS_FILES_DECISION_H
#include "peer/adapters/files_identity.h"
#include "peer/adapters/files_known.h"

/* An index that is CF_KNOWN_NONE stands for nothing. */
typedef struct {
    const cf_identity_input *input;
    const cf_listing *listing;
    const cf_known *known; /* the base's nodes by number, by place, by inode */
    cf_token *tokens;
    /* By base node: the entry that is it. */
    size_t *claimed;
    /* By folder: whether it is settled what it stands for, and that: the index of a base node,
     * CF_KNOWN_ROOT, or nothing. */
    bool *resolved;
    size_t *folder_node;
    /* By base node: the folder that lists it; the last one is the root's. */
    size_t *folder_of;
    /* By base node: its name was looked for where the base has it; surely, or in vain. */
    bool *looked, *unsure;
    bool *wanted; /* by base node: that is asked for */
    /* By entry: the folder that lists this directory. */
    size_t *folder_at;
    cf_arena *arena;
    cf_identity *out;
} cf_decision;

const cf_identity_node *cf_decision_node(const cf_decision *self, size_t index);
/* Of a node or of CF_KNOWN_ROOT. */
uint64_t cf_decision_number(const cf_decision *self, size_t index);
void cf_decision_claim(cf_decision *self, size_t entry, size_t node, cf_token_how how);
/* True while an entry has no token, but should. */
bool cf_decision_open(const cf_decision *self, size_t entry);
/* The base node at an entry's place, if it is of its kind and free. */
size_t cf_decision_free_at_place(const cf_decision *self, size_t entry);

/* Rules 1 and 2, and which node each listed folder stands for. */
void cf_decision_place_folders(cf_decision *self);
/* Whether the place of a node that nothing has claimed is surely empty; with `ask` the listing that
 * would tell is wanted. */
bool cf_decision_missing(cf_decision *self, size_t node, bool ask);
/* Rule 7. */
void cf_decision_match_contents(cf_decision *self);

#endif
