/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of files_identity share: a decision while it is made. */
#ifndef CF_PEER_SOURCES_FILES_FILES_DECISION_INSIDE_H
#define CF_PEER_SOURCES_FILES_FILES_DECISION_INSIDE_H
#include "peer/sources/files/files_identity.h"
#include "peer/sources/files/files_known.h"

/* What is mounted there was not told yet: equal to no disk, nor to itself. */
#define CF_DISK_UNTOLD UINT64_MAX

/* An index that is CF_KNOWN_NONE stands for nothing. */
typedef struct {
    const cf_identity_input *input;
    const cf_listing *listing;
    cf_files_known *known; /* the base's nodes by number, by place, by inode */
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
    /* By the first of all base nodes of one file, and of those of one file and name: the last one
     * up to which none is free, nor will be. */
    size_t *passed, *passed_named;
    bool *occupied; /* by base node: something is listed in its place; NULL: nobody has asked */
    /* By entry: the folder that lists this directory. */
    size_t *folder_at;
    uint64_t *folder_disk; /* by folder, once it is settled what it stands for */
    size_t *looked_in;     /* by base node: the folder in which its name was looked for */
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
/* As cf_decision_missing, of a node that is not away. */
bool cf_decision_left(cf_decision *self, size_t node, bool ask);
/* Which disk lies where a node is missing. */
uint64_t cf_decision_disk_at(const cf_decision *self, size_t node);
/* The node was seen last on the disk. */
bool cf_decision_is_on(const cf_decision *self, size_t node, uint64_t disk);
/* The disk of a listed entry, or of what is in it, in a folder that is settled. */
uint64_t cf_decision_disk_of(const cf_decision *self, size_t entry);
/* The disk of a listed folder that stands for this node. */
uint64_t cf_decision_disk_of_start(const cf_decision *self, size_t folder, size_t node);
/* In a look at everything, once all folders are placed: disks whose roots tell nothing, by what is
 * on them. */
void cf_decision_tell_disks_apart(cf_decision *self);
/* Rule 7. */
void cf_decision_match_contents(cf_decision *self);

#endif
