/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/plan.h"

#include <stdlib.h>

bool cf_plan_directory(const cf_nodes *base, const cf_group *group, uint64_t *number)
{
    for (size_t i = 0; i < group->count; i++) {
        if (cf_id_equal(&group->directories[i], &cf_root_item)) {
            *number = CF_NODE_ROOT;
            return true;
        }
        const cf_node *node = cf_nodes_next_of_item(base, &group->directories[i], NULL);
        if (node) {
            *number = node->number;
            return true;
        }
    }
    return false;
}

const cf_node *cf_plan_node_of(const cf_nodes *base, const cf_shown *shown)
{
    for (size_t i = 0; i < shown->item_count; i++) {
        const cf_node *best = NULL, *node = NULL;

        while ((node = cf_nodes_next_of_item(base, &shown->items[i], node)))
            if (node->kind == shown->kind && (!best || node->number < best->number))
                best = node;
        if (best)
            return best;
    }
    return NULL;
}

static void add(cf_plan *plan, cf_step step)
{
    plan->steps = cf_grow(plan->steps, &plan->capacity, plan->count + 1, sizeof step);
    step.group = plan->group;
    plan->steps[plan->count++] = step;
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

    return (cf_difference){
        .move = node->parent != step->parent || !cf_bytes_equal(node->name, shown->name),
        .content = !cf_bytes_equal(node->content, shown->content),
        .mode = differs(shown->mode, node->mode),
        .mtime = differs(shown->mtime, node->mtime),
    };
}

static bool same_items(const cf_node *node, const cf_shown *shown)
{
    return node->item_count == shown->item_count &&
           memcmp(node->items, shown->items, shown->item_count * sizeof(cf_id)) == 0;
}

static bool same_refs(const cf_node *node, const cf_shown *shown)
{
    cf_buffer packed = {0};

    cf_refs_pack(&packed, shown->refs, shown->ref_count);
    bool same = cf_bytes_equal(cf_buffer_view(&packed), node->refs);
    cf_buffer_release(&packed);
    return same;
}

static bool has_item(const cf_shown *shown, const cf_id *item)
{
    for (size_t i = 0; i < shown->item_count; i++)
        if (cf_id_equal(&shown->items[i], item))
            return true;
    return false;
}

/* What was one node may be two by now: it stays with the first of its items that is shown. */
static bool belongs_elsewhere(const cf_node *node, const cf_shown *shown, cf_view *view)
{
    cf_arena arena = {0};
    cf_place place;
    bool found = false;

    for (size_t i = 0; !found && i < node->item_count && !has_item(shown, &node->items[i]); i++)
        found = cf_view_find(view, &node->items[i], &arena, &place);
    cf_arena_release(&arena);
    return found;
}

static void plan_shown(const cf_nodes *base, uint64_t directory, const cf_shown *shown,
                       cf_view *view, cf_plan *plan)
{
    cf_step step = {.kind = CF_STEP_CREATE, .parent = directory, .shown = shown};

    step.node = cf_plan_node_of(base, shown);
    if (step.node && belongs_elsewhere(step.node, shown, view))
        step.node = NULL;
    if (!step.node) {
        add(plan, step);
        return;
    }
    step.kind = CF_STEP_UPDATE;
    step.number = step.node->number;
    cf_difference difference = cf_step_difference(&step);
    if (difference.move || difference.content || difference.mode || difference.mtime ||
        !same_items(step.node, shown) || !same_refs(step.node, shown))
        add(plan, step);
}

/* Whether anything that is shown belongs to this node. */
static bool is_shown(const cf_nodes *base, const cf_node *node, cf_view *view)
{
    cf_arena arena = {0};
    cf_place place;
    bool found = false;

    for (size_t i = 0; !found && i < node->item_count; i++)
        found = cf_view_find(view, &node->items[i], &arena, &place) &&
                cf_plan_node_of(base, place.shown) == node;
    cf_arena_release(&arena);
    return found;
}

static void plan_delete(const cf_node *node, cf_plan *plan)
{
    add(plan,
        (cf_step){
            .kind = CF_STEP_DELETE, .node = node, .number = node->number, .parent = node->parent});
    plan->deletes++;
}

/* What lies in a directory on the disk and is shown nowhere goes; children before their directory.
 */
static void delete_below(const cf_nodes *base, uint64_t directory, cf_view *view, cf_plan *plan)
{
    for (const cf_node *node = NULL; (node = cf_nodes_next_child(base, directory, node));) {
        if (is_shown(base, node, view))
            continue;
        if (node->kind == CF_KIND_DIRECTORY)
            delete_below(base, node->number, view, plan);
        plan_delete(node, plan);
    }
}

void cf_plan_group(const cf_nodes *base, cf_view *view, const cf_group *group, cf_arena *arena,
                   cf_plan *plan)
{
    size_t before = plan->count, count;
    cf_arena own = {0};
    const cf_shown *shown;
    uint64_t directory;

    if (!group->visible || !cf_plan_directory(base, group, &directory))
        return; /* what vanished is deleted with what holds it */
    plan->group = group->directories[0];
    cf_view_list(view, group, &own, &shown, &count);
    for (size_t i = 0; i < count; i++)
        plan_shown(base, directory, &shown[i], view, plan);
    delete_below(base, directory, view, plan);
    if (plan->count > before)
        cf_arena_join(arena, &own);
    cf_arena_release(&own);
}
