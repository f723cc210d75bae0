/* SPDX-License-Identifier: Apache-2.0 */
/* The base: what was last agreed on between a source's disk and the state, a node for each file,
 * directory and symlink. A node says what lies on the disk and which writes of the state that
 * shows: exactly these a later change of the user's replaces (model, rule B). Not thread-safe. */
#ifndef CF_PEER_MERGE_NODE_H
#define CF_PEER_MERGE_NODE_H
#include "codec/arena.h"
#include "codec/error.h"
#include "codec/ids.h"

/* A write that is shown: `item`'s `field` shows the write `dot`, which is stored with `holder` (the
 * item itself, but for the content of a conflict copy).
 *
 *     a was 1, A wrote 2, B wrote 3, which is later: "a" has the ref (a, a, /content, B's dot),
 *     and "a (conflict …)" has (copy_id(a, A's dot), a, /content, A's dot) */
typedef struct {
    cf_id item, holder;
    cf_bytes field;
    cf_dot dot;
} cf_ref;

/* Nodes carry their refs packed; no bytes are no refs. In any order, equal refs give equal bytes.
 */
void cf_refs_pack(cf_buffer *out, const cf_ref *refs, size_t count);
cf_status cf_refs_read(cf_bytes packed, cf_arena *arena, cf_ref **out, size_t *count,
                       cf_error *error);

/* How the adapter knows the node again; the merge only carries it. A `ctime_ns` that no file has:
 * what the file holds was not seen since something was done to it, and the next look reads it. */
#define CF_CTIME_UNSEEN INT64_MIN
typedef struct {
    uint64_t device, inode, size;
    int64_t birth_ns, mtime_ns, ctime_ns;
    uint32_t mode, links;
    bool is_racy; /* of a file: a save of its size after it was read may have left this very stat */
} cf_node_stat;

enum { CF_NODE_ROOT = 0 }; /* the number of the source's root, which itself is no node */

typedef struct {
    uint64_t number; /* from 1, never used again in the source */
    uint64_t parent; /* the directory's number */
    cf_bytes name;
    uint8_t kind;
    cf_bytes content; /* what /content had as value; none for a directory */
    cf_bytes mode, mtime;
    const cf_id *items; /* the first is written to; others are shown as one with it */
    size_t item_count;
    cf_bytes refs;
    cf_node_stat stat;
    uint64_t disk; /* on which the node was seen last, of a directory that of what it holds: 0 is
                      the source's own, any other is one that is mounted below the root */
    bool is_met;   /* the user had this content here, too, before it came from others */
} cf_node;

/* Another directory stands for what this node did, and what is in this one goes there. A node that
 * is left shows no writes any more, so whatever a user does to it meanwhile replaces none. */
void cf_node_leave(cf_node *node);
bool cf_node_is_left(const cf_node *node);

/* Of what went with a disk that is mounted where nobody sees it, below a share or a FUSE disk: each
 * time that some does it has the next of the numbers 2, 6, 10 and so on. And of what is missing
 * though that disk has come back. No disk has these numbers, which are even (scan_below.c). */
#define CF_DISK_BELOW UINT64_C(2)
#define CF_DISK_BELOW_STEP UINT64_C(4)
#define CF_DISK_RETURNED UINT64_C(4)
static inline bool cf_disk_is_below(uint64_t number)
{
    return number % CF_DISK_BELOW_STEP == CF_DISK_BELOW;
}

static inline bool cf_node_went_below(const cf_node *node)
{
    return cf_disk_is_below(node->disk) || node->disk == CF_DISK_RETURNED;
}

/* The disk of a node whose record is of an earlier build. */
#define CF_DISK_UNTOLD UINT64_MAX

/* The copy lies in the arena, with all its bytes. */
cf_node cf_node_copy(const cf_node *node, cf_arena *arena);

void cf_node_pack(const cf_node *node, cf_buffer *out);
/* `out` borrows from the record and the arena. CF_MALFORMED: the record is damaged. */
cf_status cf_node_read(cf_bytes record, cf_arena *arena, cf_node *out, cf_error *error);

/* The nodes of one source, found by number, place, inode, content, item and content write. */
typedef struct cf_nodes cf_nodes;
cf_nodes *cf_nodes_new(void);
void cf_nodes_destroy(cf_nodes **nodes);
size_t cf_nodes_count(const cf_nodes *nodes);
/* Whether any went with a disk below, which is still held; counted as they come and go. */
bool cf_nodes_hold_below(const cf_nodes *nodes);

/* The disk of what is put into a directory; 0 also where there is no such node. */
uint64_t cf_nodes_disk_in(const cf_nodes *nodes, uint64_t parent);

/* Copies the node in, in place of the one with its number; what was borrowed of that one ends. */
void cf_nodes_put(cf_nodes *nodes, const cf_node *node);
void cf_nodes_drop(cf_nodes *nodes, uint64_t number);

const cf_node *cf_nodes_find(const cf_nodes *nodes, uint64_t number);
const cf_node *cf_nodes_child(const cf_nodes *nodes, uint64_t parent, cf_bytes name);
/* By a path from the root, parts separated by "/"; NULL also for the root itself. */
const cf_node *cf_nodes_at(const cf_nodes *nodes, cf_bytes path);
/* The nodes in a directory, in no order: `previous` NULL gives the first, the last is followed by
 * NULL. */
const cf_node *cf_nodes_next_child(const cf_nodes *nodes, uint64_t parent, const cf_node *previous);
/* In the same way all nodes whose file had this inode number. */
const cf_node *cf_nodes_next_of_inode(const cf_nodes *nodes, uint64_t inode,
                                      const cf_node *previous);
/* In the same way all files that show this content. */
const cf_node *cf_nodes_next_of_content(const cf_nodes *nodes, const cf_hash *content,
                                        const cf_node *previous);
/* In the same way all nodes that have the item among theirs. */
const cf_node *cf_nodes_next_of_item(const cf_nodes *nodes, const cf_id *item,
                                     const cf_node *previous);
/* In the same way all nodes that show the content write `dot` stored with `holder`. A step that
 * would show this write in another node must wait for those (model, rule A2): move first, then
 * create. */
const cf_node *cf_nodes_next_showing(const cf_nodes *nodes, const cf_id *holder, const cf_dot *dot,
                                     const cf_node *previous);
/* In the same way all nodes. */
const cf_node *cf_nodes_next(const cf_nodes *nodes, const cf_node *previous);
void cf_nodes_each(const cf_nodes *nodes, void (*visit)(void *context, const cf_node *node),
                   void *context);

#endif
