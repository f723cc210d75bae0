/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the view: which deletions count (model, rule G). A deletion of an item that went along
 * with its directory counts only if the directory's does. It is *lifted* from the item while its
 * directory, deleted by the same entry, *lifts* it: because the directory lives nevertheless, by a
 * move whose author had not seen the deletion, or because it is lifted from the directory, too.
 *
 *     rm -r d || mv d e          the deletion of d/a is lifted: e/a is there
 *     rm d/a, later rm -r d || mv d e     d/a was deleted by an entry that did not delete d
 *     rm -r d, then d/new is made elsewhere, then mv d e by one who sees only d/new
 *                                the move names the deletion, and d lifts nothing by the move */
#ifndef CF_PEER_MERGE_VIEW_GRAVES_H
#define CF_PEER_MERGE_VIEW_GRAVES_H
#include "peer/merge/view_inside.h"

/* Names of entries, ascending. */
typedef struct {
    cf_dot *at;
    size_t count;
} cf_dot_list;

/* What the view knows of an item that has a deletion. Owned by its cf_seen. */
typedef struct cf_grave {
    cf_hash_link link; /* by `above` */
    cf_seen *seen;
    cf_id above;        /* the directory in which it is placed by all its deletions */
    cf_dot_list lifted; /* of its deletions those that don't count, */
    cf_dot_list lifts;  /* and those that it lifts from what went along; of a directory */
} cf_grave;

/* What directories lift, each worked out once while the state is as it is. {view} is empty. */
typedef struct {
    cf_view *view;
    cf_arena arena;
    cf_hash_table known;
} cf_lifting;
void cf_lifting_release(cf_lifting *lifting);

/* Brings the item's grave up to its state. Adds to `along` what went along with it, where this
 * makes a difference. */
void cf_view_renew_grave(cf_lifting *lifting, cf_seen *seen, cf_seen_list *along);
void cf_view_drop_grave(cf_view *view, cf_seen *seen);

#endif
