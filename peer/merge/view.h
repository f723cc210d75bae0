/* SPDX-License-Identifier: Apache-2.0 */
/* The view: what a user should see of a state, computed group by group. A group is the directories
 * that are shown as one (usually one); it is named by their items. A pure function of the state
 * (model, rules W to E), kept up with it at a cost of the groups that changed. Not thread-safe.
 *
 *     d with a was made here, e with b there, and e was renamed to d there: two items called d, one
 *     group, shown as one directory d with a and b. What is new in d is written to the item that
 *     was placed first (M) */
#ifndef CF_PEER_MERGE_VIEW_H
#define CF_PEER_MERGE_VIEW_H
#include "peer/merge/node.h"
#include "peer/merge/rules.h"
#include "peer/merge/state.h"

typedef struct cf_view cf_view;

typedef struct {
    const cf_id *directories; /* in the order of their coming; the first is written to */
    size_t count;
    bool visible;       /* false: a directory that is shown no more, its group is empty */
    const cf_id *items; /* of what lies in it, only these are meant; none: all. For plain groups */
    size_t item_count;
} cf_group;

/* A node that is shown. Borrows from the arena that was passed. */
typedef struct {
    cf_bytes name; /* unique in its group, valid as one component of a path */
    uint8_t kind;
    cf_bytes content;     /* value of /content; none for a directory */
    cf_bytes mode, mtime; /* may be none: the disk keeps what it has */
    const cf_id *items;
    size_t item_count;
    const cf_ref *refs; /* what the base takes once this is on the disk (model, rule A3) */
    size_t ref_count;
    bool conflict;    /* a copy under a conflict name */
    bool pinned_copy; /* was one, and a pin holds it under that name: nobody gave it another */
    cf_dot written;   /* if either: the entry that wrote its content */
} cf_shown;

typedef struct {
    cf_id directory; /* one of the group's, or the root */
    const cf_shown *shown;
} cf_tree_place;

/* Of an empty state; both are borrowed for its life. */
cf_view *cf_view_new(const cf_rules *rules, const cf_state *state);
void cf_view_destroy(cf_view **view);
const cf_state *cf_view_state(const cf_view *view);

/* To be called after the state changed these items (doubles do no harm), before anything is asked.
 */
void cf_view_update(cf_view *view, const cf_id *items, size_t count);
/* Updates by all items of the state, after that was loaded. */
void cf_view_update_all(cf_view *view);

/* The group that a directory's item belongs to; cf_root_item has the root's. */
void cf_view_group_of(cf_view *view, const cf_id *directory, cf_arena *arena, cf_group *out);
/* A group is plain when it is one directory, and each item in it has a name of its own and one
 * content: then each is shown by itself, and what becomes of one touches no other. Makes a group
 * that is plain mean these of its items alone; false: the group is not plain, and means all. */
bool cf_view_pick(cf_view *view, cf_group *group, const cf_id *items, size_t count);
/* What is shown under this name; NULL: nothing. Of a group that is not plain it lists all. */
const cf_shown *cf_view_named(cf_view *view, const cf_group *group, cf_bytes name, cf_arena *arena);
/* The nodes shown in a group, of those that are meant, in order of their names. */
void cf_view_list(cf_view *view, const cf_group *group, cf_arena *arena, const cf_shown **out,
                  size_t *count);
/* Where an item is shown, conflict copies that nobody touched included; false: nowhere. Costs a
 * list of that group, unless it is the one that was asked for last: who asks for many items asks
 * directory by directory. */
bool cf_view_find(cf_view *view, const cf_id *item, cf_arena *arena, cf_tree_place *out);

/* The write of a content whose conflict copy this item is, where that copy has, or had, no place of
 * its own; false: the state has none. */
bool cf_view_copied(const cf_view *view, const cf_id *copy, cf_id *holder, cf_write *out);
/* Appends the items that lie in this directory and wish for this name, by its hash. */
void cf_view_called(const cf_view *view, const cf_id *directory, cf_bytes name, cf_ids *out);

/* The directory in which cf_view_find looks for an item first; false: in none. */
bool cf_view_directory_of(const cf_view *view, const cf_id *item, cf_id *out);

/* A copy that is shown under a conflict name, by whatever: what is done to the copy, or to the file
 * that it is a copy of, settles nothing, but for another name or its end.
 *
 *     a.txt, and beside it "a (conflict 2026-11-20 13-05-00 abcd).txt"   listed, `free` is empty
 *     a.txt is deleted, the copy stays where it is                       listed, `free` is a.txt
 *     the copy is renamed to b.txt, or deleted                           not listed any more */
typedef struct {
    cf_bytes path;  /* the names down to it, with slashes */
    cf_dot written; /* the entry that wrote its content */
    cf_bytes free;  /* the name that its own is made of, if nothing has that name any more */
} cf_conflict_copy;
/* All conflict copies, in order of their paths; what borrows lies in the arena. Costs a list of
 * each group that isn't plain, and of what is pinned, whatever lies elsewhere. */
void cf_view_conflicts(cf_view *view, cf_arena *arena, const cf_conflict_copy **out, size_t *count);

/* The groups that may have changed since the last call, each once, in no order; of a plain one it
 * means the items that did, or that left it. A directory that vanished is a group of its own, not
 * visible. */
void cf_view_take_changed(cf_view *view, cf_arena *arena, const cf_group **out, size_t *count);
/* Told when there are some again, once until they are taken. */
typedef void cf_view_listener(void *context);
void cf_view_listen(cf_view *view, cf_view_listener *listener, void *context);
/* Makes the directory's group one of them: for what could not be done yet, or after a restart. */
void cf_view_mark_changed(cf_view *view, const cf_id *directory);
/* Makes one item of the directory, which lies there, or did, one of the changed ones. */
void cf_view_mark_item(cf_view *view, const cf_id *directory, const cf_id *item);

/* What the base takes once a step has put `shown` on the disk (model, rule A3): its name, kind,
 * content, items and refs, mode and mtime as far as it has them. Number, parent and stat are the
 * caller's. Borrows from `shown` and the arena. */
void cf_shown_agree(const cf_shown *shown, cf_arena *arena, cf_node *node);
/* A base node, other than `number`, that still shows a content write of `shown`: the step waits for
 * that node's own (model, rule A2). NULL: go on.
 *
 *     "a" is 2 on the disk; the view has "a" with 3, and 2 as its copy: first "a" becomes 3, then
 *     the copy is made. Else a user who deletes "a" in between would have its 2 again, as a copy */
const cf_node *cf_shown_elsewhere(const cf_shown *shown, const cf_nodes *base, uint64_t number);

#endif
