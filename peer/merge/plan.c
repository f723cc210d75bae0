/* SPDX-License-Identifier: Apache-2.0 */
/* A group is planned in three passes: where its directory is on the disk, which is waited for if it
 * is not there yet; a step for each thing that is shown and isn't on the disk like that; then what
 * the disk has there and the view does not, children before their directory. What is shown in
 * another group goes by that group's plan (`again`), so that a move is never a deletion and a new
 * file. */
#include "peer/merge/plan.h"

#include <stdio.h>
#include <stdlib.h>

/* The item is among those that are shown as one. */
static bool has_item(const cf_shown *shown, const cf_id *item)
{
    for (size_t i = 0; i < shown->item_count; i++)
        if (cf_id_equal(&shown->items[i], item))
            return true;
    return false;
}

/* Some of the node's items are shown elsewhere by now. */
static bool stands_for_more(const cf_node *node, const cf_shown *shown)
{
    for (size_t i = 0; i < node->item_count; i++)
        if (!has_item(shown, &node->items[i]))
            return true;
    return false;
}

/* Of two nodes of an item, one may be what both were until now, or was left for the other, and
 * still has to go. The nearer one has no items that are shown elsewhere by now, then still shows
 * writes, then is older; of two that were left the younger is nearer.
 *
 *     5 has items x, y, 6 has x alone; x is shown by itself     6 */
static bool is_nearer(const cf_node *node, const cf_node *than, const cf_shown *shown)
{
    bool more = stands_for_more(node, shown), than_more = stands_for_more(than, shown);

    if (more != than_more)
        return than_more;
    if (cf_node_is_left(than)) /* both: what is shown has no writes, the earlier node was left */
        return !cf_node_is_left(node) || node->number > than->number;
    return !cf_node_is_left(node) && node->number < than->number;
}

const cf_node *cf_plan_node_of(const cf_nodes *base, const cf_shown *shown)
{
    for (size_t i = 0; i < shown->item_count; i++) {
        const cf_node *best = NULL, *node = NULL;

        while ((node = cf_nodes_next_of_item(base, &shown->items[i], node)))
            if (node->kind == shown->kind && (!best || is_nearer(node, best, shown)))
                best = node;
        if (best)
            return best;
    }
    return NULL;
}

bool cf_plan_leaves(const cf_state *state, const cf_node *node)
{
    cf_arena arena = {0};
    cf_ref *refs;
    size_t count = 0;
    cf_error ignored;
    bool found = false;

    if (!cf_state_overfull_count(state))
        return false;
    for (size_t i = 0; !found && i < node->item_count; i++)
        found = cf_state_is_overfull(state, &node->items[i]);
    if (!found && cf_refs_read(node->refs, &arena, &refs, &count, &ignored))
        count = 0;
    for (size_t i = 0; !found && i < count; i++)
        found = cf_state_is_overfull(state, &refs[i].holder);
    cf_arena_release(&arena);
    return found;
}

/* What the plan compares: what lies here, and what should. */
typedef struct {
    const cf_nodes *base;
    cf_view *view;
    cf_scope *scope;
} against;

/* Whether any directory of the group that this one is of has a node in the base. */
static bool is_here(const against *with, const cf_id *directory)
{
    cf_arena arena = {0};
    cf_group group;
    bool found = false;

    cf_view_group_of(with->view, directory, &arena, &group);
    for (size_t i = 0; !found && i < group.count; i++)
        found = cf_nodes_next_of_item(with->base, &group.directories[i], NULL) != NULL;
    cf_arena_release(&arena);
    return found;
}

/* Whether a directory is to be here: it is asked for, or it is passed through and leads to
 * something that is, or is here already and so are those above it.
 *
 *     --include d/a, and d/a is shown     d leads to d/a, and is made
 *     d/a is deleted, d has b alone       d stays where it is here, and is not made elsewhere */
static bool is_way(const against *with, const cf_id *directory)
{
    cf_id above;

    switch (cf_scope_of_directory(with->scope, directory)) {
    case CF_INCLUDE_IN:
        return true;
    case CF_INCLUDE_PASS:
        return !cf_scope_above(with->scope, directory, &above) ||
               (is_here(with, directory) && is_way(with, &above)) ||
               cf_scope_leads(with->scope, directory); /* last, for it may go far */
    default:
        return false;
    }
}

/* Whether the scope asks for what is shown in this directory. `node`: the node of what is shown;
 * NULL: none yet. */
static bool is_asked_for(const against *with, const cf_id *directory, const cf_shown *shown,
                         const cf_node *node)
{
    cf_include_answer answer = cf_scope_answer(with->scope, directory, shown);

    if (answer != CF_INCLUDE_PASS)
        return answer == CF_INCLUDE_IN;
    return (node && is_way(with, directory)) || cf_scope_leads(with->scope, &shown->items[0]);
}

/* Where the item is shown, if the node is the one of what is shown there, and the scope asks for
 * that. */
static bool find_of_node(const against *with, const cf_id *item, const cf_node *node,
                         cf_arena *arena, cf_tree_place *out)
{
    return cf_view_find(with->view, item, arena, out) &&
           cf_plan_node_of(with->base, out->shown) == node &&
           is_asked_for(with, &out->directory, out->shown, node);
}

/* Equal files that were shown as one are one node. Once they differ the node goes with the first of
 * its items that no other node shows; the others are made anew.
 *     a (two equal files), one is edited     the node stays with the first, the edited one is new
 */
static bool belongs_elsewhere(const against *with, const cf_node *node, const cf_shown *shown)
{
    cf_arena arena = {0};
    cf_tree_place place;
    bool found = false;

    for (size_t i = 0; !found && i < node->item_count && !has_item(shown, &node->items[i]); i++)
        found = find_of_node(with, &node->items[i], node, &arena, &place);
    cf_arena_release(&arena);
    return found;
}

bool cf_plan_directory(const cf_nodes *base, cf_view *view, cf_scope *scope, const cf_group *group,
                       uint64_t *number)
{
    const against with = {base, view, scope};
    cf_shown shown = {
        .kind = CF_KIND_DIRECTORY, .items = group->directories, .item_count = group->count};

    *number = CF_NODE_ROOT;
    if (has_item(&shown, &cf_root_item))
        return true;
    const cf_node *node = cf_plan_node_of(base, &shown);
    if (!node || belongs_elsewhere(&with, node, &shown))
        return false;
    *number = node->number;
    return true;
}

static void add(cf_plan *plan, cf_step step)
{
    step.group = plan->group;
    *cf_one_more(plan->steps, plan->count, plan->capacity) = step;
}

/* A disk keeps a mode or time for which the view has none. */
static bool differs(cf_bytes shown, cf_bytes there)
{
    return shown.size && !cf_bytes_equal(shown, there);
}

cf_difference cf_step_difference(const cf_step *step)
{
    const cf_node *node = step->node;
    const cf_shown *shown = step->shown;
    cf_difference difference = {
        .move = node->parent != step->parent || !cf_bytes_equal(node->name, shown->name),
        .content = !cf_bytes_equal(node->content, shown->content),
        .mode = differs(shown->mode, node->mode),
        .mtime = differs(shown->mtime, node->mtime),
    };

    /* Mode and time are the file's, under all its names: the node has to be another file. */
    if (shown->kind == CF_KIND_FILE && node->stat.links > 1)
        difference.content |= difference.mode || difference.mtime;
    return difference;
}

/* The node stands for just the items that are shown, in their order. */
static bool same_items(const cf_node *node, const cf_shown *shown)
{
    return node->item_count == shown->item_count &&
           memcmp(node->items, shown->items, shown->item_count * sizeof(cf_id)) == 0;
}

bool cf_step_opens_directory(const cf_step *step)
{
    return step->kind != CF_STEP_DELETE && step->shown->kind == CF_KIND_DIRECTORY &&
           (step->kind == CF_STEP_CREATE || !same_items(step->node, step->shown));
}

bool cf_step_may_show(const cf_nodes *base, const cf_step *step, uint64_t number)
{
    return step->kind == CF_STEP_DELETE || !cf_shown_elsewhere(step->shown, base, number);
}

bool cf_node_is_within(const cf_nodes *base, uint64_t number, uint64_t directory)
{
    while (number != directory) {
        const cf_node *node = cf_nodes_find(base, number);

        if (!node)
            return false;
        number = node->parent;
    }
    return true;
}

bool cf_step_is_ready(const cf_nodes *base, const cf_step *step, uint64_t number)
{
    if (step->kind == CF_STEP_DELETE)
        return cf_nodes_find(base, number) && !cf_nodes_next_child(base, number, NULL);
    const cf_node *there = cf_nodes_child(base, step->parent, step->shown->name);
    if (there && there->number != number)
        return false; /* the node that is there has a step of its own */
    if (step->kind == CF_STEP_UPDATE && cf_step_difference(step).move &&
        cf_node_is_within(base, step->parent, number))
        return false; /* the node goes into one that is in itself now, and has to leave first */
    return cf_step_may_show(base, step, number);
}

void cf_step_aside_name(uint64_t number, char name[CF_ASIDE_NAME])
{
    snprintf(name, CF_ASIDE_NAME, ".counterfoil-moving-%llu", (unsigned long long)number);
}

bool cf_node_is_aside(const cf_node *node)
{
    char name[CF_ASIDE_NAME];

    cf_step_aside_name(node->number, name);
    return cf_bytes_equal(node->name, cf_bytes_of_text(name));
}

const cf_node *cf_step_in_the_way(const cf_nodes *base, const cf_step *step)
{
    if (step->kind == CF_STEP_DELETE ||
        (step->kind == CF_STEP_CREATE && step->shown->kind != CF_KIND_DIRECTORY))
        return NULL;
    const cf_node *node = cf_nodes_child(base, step->parent, step->shown->name);
    return !node || node->number == step->number || cf_node_is_aside(node) ? NULL : node;
}

/* The base has the refs of the view: no other write came to stand for what lies there. */
static bool same_refs(const cf_node *node, const cf_shown *shown)
{
    cf_buffer packed = {0};

    cf_refs_pack(&packed, shown->refs, shown->ref_count);
    bool same = cf_bytes_equal(cf_buffer_view(&packed), node->refs);
    cf_buffer_release(&packed);
    return same;
}

/* A step for one thing that is shown: CREATE where no node is there for that, UPDATE where its node
 * differs, be it in items or refs alone. None for what the scope doesn't ask for. */
static void plan_shown(const against *with, uint64_t directory, const cf_shown *shown,
                       cf_plan *plan)
{
    cf_step step = {.kind = CF_STEP_CREATE, .parent = directory, .shown = shown};

    step.node = cf_plan_node_of(with->base, shown);
    if (step.node && belongs_elsewhere(with, step.node, shown))
        step.node = NULL;
    if (!is_asked_for(with, &plan->group, shown, step.node))
        return;
    if (!step.node) {
        add(plan, step);
        return;
    }
    if (cf_plan_leaves(cf_view_state(with->view), step.node))
        return;
    step.kind = CF_STEP_UPDATE;
    step.number = step.node->number;
    cf_difference difference = cf_step_difference(&step);
    if (difference.move || difference.content || difference.mode || difference.mtime ||
        !same_items(step.node, shown) || !same_refs(step.node, shown))
        add(plan, step);
}

/* Whether anything that is shown belongs to this node, and in which directory that is. */
static bool is_shown(const against *with, const cf_node *node, cf_id *directory)
{
    cf_arena arena = {0};
    cf_tree_place place;
    bool found = false;

    for (size_t i = 0; !found && i < node->item_count; i++)
        found = find_of_node(with, &node->items[i], node, &arena, &place);
    if (found)
        *directory = place.directory;
    cf_arena_release(&arena);
    return found;
}

/* A node that lies in this group's directory is shown in another one, whose plan moves that node.
 * Until then this group is planned again: should the item be deleted there first, only this group's
 * plan would find the node. */
static void plan_again(cf_plan *plan, const cf_group *group, const cf_id *shown_in)
{
    for (size_t i = 0; i < group->count; i++)
        if (cf_id_equal(&group->directories[i], shown_in))
            return;
    if (!plan->again.count || !cf_id_equal(&plan->again.at[plan->again.count - 1], &plan->group))
        cf_ids_add(&plan->again, &plan->group);
}

/* For the guard a directory that was left is no deletion: another one stands for what it did. */
static void plan_delete(const cf_node *node, cf_plan *plan)
{
    add(plan,
        (cf_step){
            .kind = CF_STEP_DELETE, .node = node, .number = node->number, .parent = node->parent});
    plan->deletes += node->kind != CF_KIND_DIRECTORY || !cf_node_is_left(node);
}

/* A node, and in which directory its item is to be looked for. */
typedef struct {
    const cf_node *node;
    cf_id directory;
} sought;

static int by_directory(const void *left, const void *right)
{
    const sought *a = left, *b = right;
    int order = cf_id_compare(&a->directory, &b->directory);

    return order ? order
                 : (a->node->number > b->node->number) - (a->node->number < b->node->number);
}

/* What lies in a directory on the disk, what is shown in one directory together: of a folder half
 * of which was moved to another, each would else be listed for every node. */
static sought *children_of(const against *with, uint64_t directory, size_t *count)
{
    sought *children = NULL;
    size_t capacity = 0;

    *count = 0;
    for (const cf_node *node = NULL; (node = cf_nodes_next_child(with->base, directory, node));) {
        sought child = {.node = node};

        for (size_t i = 0; i < node->item_count &&
                           !cf_view_directory_of(with->view, &node->items[i], &child.directory);
             i++)
            ;
        *cf_one_more(children, *count, capacity) = child;
    }
    if (*count)
        qsort(children, *count, sizeof *children, by_directory);
    return children;
}

static bool delete_below(const against *with, uint64_t directory, const cf_group *group,
                         cf_plan *plan);

/* A node that is shown nowhere is deleted, children before their directory; one that is shown
 * elsewhere is moved by another plan. False: the node stays for an overfull item, or something
 * below it does. */
static bool delete_unshown(const against *with, const cf_node *node, const cf_group *group,
                           cf_plan *plan)
{
    cf_id shown_in;

    if (is_shown(with, node, &shown_in)) {
        plan_again(plan, group, &shown_in);
        return true;
    }
    bool goes = !cf_plan_leaves(cf_view_state(with->view), node);
    if (node->kind == CF_KIND_DIRECTORY)
        goes &= delete_below(with, node->number, group, plan);
    if (goes)
        plan_delete(node, plan);
    return goes;
}

static bool delete_below(const against *with, uint64_t directory, const cf_group *group,
                         cf_plan *plan)
{
    size_t count;
    sought *children = children_of(with, directory, &count);
    bool all = true;

    for (size_t i = 0; i < count; i++)
        all &= delete_unshown(with, children[i].node, group, plan);
    free(children);
    return all;
}

/* The node has an earlier one of these items, too, and was met by that. */
static bool is_met_before(const cf_node *node, const cf_id *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < node->item_count; k++)
            if (cf_id_equal(&items[i], &node->items[k]))
                return true;
    return false;
}

/* As delete_below, of the nodes of those items alone that the group means. */
static void delete_items(const against *with, uint64_t directory, const cf_group *group,
                         cf_plan *plan)
{
    for (size_t i = 0; i < group->item_count; i++)
        for (const cf_node *node = NULL;
             (node = cf_nodes_next_of_item(with->base, &group->items[i], node));)
            if (node->parent == directory &&
                (node->item_count == 1 || !is_met_before(node, group->items, i)))
                delete_unshown(with, node, group, plan);
}

void cf_plan_release(cf_plan *plan)
{
    free(plan->steps);
    free(plan->again.at);
    *plan = (cf_plan){0};
}

void cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group, cf_arena *arena,
                   cf_plan *plan)
{
    const against with = {base, view, plan->scope};
    size_t before = plan->count, count;
    cf_arena own = {0};
    const cf_shown *shown;
    uint64_t directory;

    if (!group->visible)
        return; /* what vanished is deleted with what holds it */
    plan->group = group->directories[0];
    if (cf_scope_of_directory(plan->scope, &plan->group) == CF_INCLUDE_OUT)
        return; /* a directory that is not asked for any more, too */
    if (!cf_plan_directory(base, view, plan->scope, group, &directory)) {
        cf_ids_add(&plan->again, &plan->group);
        return;
    }
    cf_view_list(view, group, &own, &shown, &count);
    for (size_t i = 0; i < count; i++)
        plan_shown(&with, directory, &shown[i], plan);
    if (group->item_count)
        delete_items(&with, directory, group, plan);
    else
        delete_below(&with, directory, group, plan);
    if (plan->count > before)
        cf_arena_join(arena, &own);
    cf_arena_release(&own);
}
