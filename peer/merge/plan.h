/* SPDX-License-Identifier: Apache-2.0 */
/* The plan: what has to be done to a disk so that it shows the view, as single steps that are each
 * whole by themselves. Pure: base and view in, steps out.
 *
 *     base: 5 "a", 6 "b" (other content), 7 "c"; the view: 5's item as "b", 6's as "a"
 *     UPDATE 5 to "b", UPDATE 6 to "a", DELETE 7. Each of the first two waits for the other's
 *     place (cf_step_is_ready), so that one of them takes another name first (in_the_way) */
#ifndef CF_PEER_MERGE_PLAN_H
#define CF_PEER_MERGE_PLAN_H
#include "peer/merge/scope.h"
#include "peer/merge/view.h"

typedef enum {
    CF_STEP_CREATE, /* what is shown is not on the disk */
    CF_STEP_UPDATE, /* a node moves, or gets other content, mode, time; or only other writes stand
                       for what it shows */
    CF_STEP_DELETE, /* a node is shown no more */
} cf_step_kind;

typedef struct {
    cf_step_kind kind;
    const cf_node *node;   /* UPDATE, DELETE; as it was when planned */
    uint64_t number;       /* the node's; CREATE: 0 */
    uint64_t parent;       /* where it belongs: a node of the base */
    cf_id group;           /* a directory of the group that asks for it */
    const cf_shown *shown; /* CREATE, UPDATE */
} cf_step;

typedef struct {
    cf_step *steps;
    size_t count, capacity;
    size_t deletes; /* steps that delete, but for directories that were left for others */
    cf_id group;    /* of the steps being added */
    cf_scope
        *scope;   /* set before: what it doesn't ask for is to this disk as if it were not shown */
    cf_ids again; /* groups to be planned once more after all this: what lies there moves away,
                     or their directory is not there yet */
} cf_plan;
void cf_plan_release(cf_plan *plan);

/* Adds the steps for a group, or for the items of it that are meant. A group whose directory is not
 * on the disk yet needs none: it is to be marked as changed when it is. All lives in the arena, but
 * for the lists. */
void cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group, cf_arena *arena,
                   cf_plan *plan);

/* Nothing is done to the node, whatever is shown: the node is, or shows a content of, an item that
 * is overfull. Nobody has deleted that item, so what lies on the disk stays as it is. */
bool cf_plan_leaves(const cf_state *state, const cf_node *node);
/* The node that belongs to what is shown; NULL: none yet. */
const cf_node *cf_plan_node_of(const cf_nodes *base, const cf_shown *shown);
/* The node of a group's directory; false: the directory is not on the disk. */
bool cf_plan_directory(const cf_nodes *base, cf_view *view, cf_scope *scope, const cf_group *group,
                       uint64_t *number);

/* What an update has to do to the disk. */
typedef struct {
    bool move, content, mode, mtime;
} cf_difference;
cf_difference cf_step_difference(const cf_step *step);
/* Once this step is done, what lies in its directory is to be planned: the directory is new, or was
 * that of another group, and what is there by now was compared with nothing. */
bool cf_step_opens_directory(const cf_step *step);

/* Steps are made in any order that keeps this: the node's place is free, it doesn't go into itself,
 * what is deleted is empty, and cf_step_may_show. `number`: the node's, for CREATE a fresh one. */
bool cf_step_is_ready(const cf_nodes *base, const cf_step *step, uint64_t number);
/* No other node still shows the content write that this one is to show (model, rule A2). */
bool cf_step_may_show(const cf_nodes *base, const cf_step *step, uint64_t number);

/* When all that is left waits for each other: what stands in the place of a move, or of a directory
 * that is to be made, takes another name for now, in its own directory. That node may belong below
 * what comes there, or hold it. NULL: nothing stands there. */
const cf_node *cf_step_in_the_way(const cf_nodes *base, const cf_step *step);
enum { CF_ASIDE_NAME = 48 };
void cf_step_aside_name(uint64_t number, char name[CF_ASIDE_NAME]);
bool cf_node_is_aside(const cf_node *node);

/* The node is the directory, or lies below it. */
bool cf_node_is_within(const cf_nodes *base, uint64_t number, uint64_t directory);

#endif
