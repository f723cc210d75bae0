/* SPDX-License-Identifier: Apache-2.0 */
/* What was deleted elsewhere, and stays here until the user says that it is meant, or until
 * something new is in its place there:
 *
 *   "d/a" is held, a new "d/a" has its content:  the node is the new one's, nothing is done
 *   "d/b" is held, a new "d/b" has another:      the node is the new one's, which replaces it
 *   "d/c" is held, nothing is there:             it stays held
 */
#include "peer/merge/node_set.h"
#include "peer/sources/files/apply_inside.h"

/* All that a plan deletes, but for directories that were left for others. */
typedef struct {
    const cf_node **nodes;
    cf_id *items; /* one of each node */
    size_t count;
} deleted;

static deleted gather_deleted(cf_applying *applying, const cf_plan *plan)
{
    deleted out = {.nodes = cf_arena_allocate(&applying->arena, plan->deletes, sizeof *out.nodes),
                   .items = cf_arena_allocate(&applying->arena, plan->deletes, sizeof *out.items)};

    for (size_t i = 0; i < plan->count; i++) {
        const cf_node *node = plan->steps[i].node;

        if (plan->steps[i].kind != CF_STEP_DELETE ||
            (node->kind == CF_KIND_DIRECTORY && cf_node_is_left(node)))
            continue;
        out.nodes[out.count] = node;
        out.items[out.count++] = node->item_count ? node->items[0] : (cf_id){0};
    }
    return out;
}

/* ---- What is in its place again ---- */

/* One that is deleted lies where something new of its kind is to come. */
typedef struct {
    uint64_t number;
    const cf_shown *shown;
} meeting;

static bool may_be(const cf_nodes *nodes, const cf_node *node, const cf_shown *shown)
{
    return node->kind == shown->kind && !cf_plan_node_of(nodes, shown) &&
           !cf_shown_elsewhere(shown, nodes, node->number) &&
           (!shown->conflict || cf_bytes_equal(node->content, shown->content));
}

static meeting *find_meetings(cf_applying *applying, const cf_plan *plan, const deleted *all,
                              size_t *count)
{
    const cf_nodes *nodes = applying->options.binding->nodes;
    meeting *out = cf_arena_allocate(&applying->arena, plan->count, sizeof *out);
    cf_node_set numbers = {0};

    *count = 0;
    for (size_t i = 0; i < all->count; i++)
        cf_node_set_add(&numbers, all->nodes[i]->number);
    cf_node_set_sort(&numbers);
    for (size_t i = 0; i < plan->count; i++) {
        const cf_step *step = &plan->steps[i];
        const cf_node *node = step->kind == CF_STEP_CREATE
                                  ? cf_nodes_child(nodes, step->parent, step->shown->name)
                                  : NULL;

        if (node && cf_node_set_have(&numbers, node->number) && may_be(nodes, node, step->shown))
            out[(*count)++] = (meeting){node->number, step->shown};
    }
    cf_node_set_release(&numbers);
    return out;
}

/* Which writes a node shows that has another content. An edit of that replaces none of it. */
static cf_bytes refs_without_content(const cf_shown *shown, cf_arena *arena)
{
    cf_ref *refs = cf_arena_allocate(arena, shown->ref_count, sizeof *refs);
    cf_buffer packed = {0};
    size_t count = 0;

    for (size_t i = 0; i < shown->ref_count; i++)
        if (!cf_field_is(shown->refs[i].field, CF_FIELD_NUMBER_CONTENT))
            refs[count++] = shown->refs[i];
    cf_refs_pack(&packed, refs, count);
    cf_bytes out = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return out;
}

static void meet(cf_applying *applying, const meeting *met, cf_ids *groups)
{
    cf_binding *binding = applying->options.binding;
    cf_arena *arena = &applying->arena;
    cf_node node = cf_node_copy(cf_nodes_find(binding->nodes, met->number), arena), agreed = node;

    cf_shown_agree(met->shown, arena, &agreed);
    node.items = agreed.items;
    node.item_count = agreed.item_count;
    node.refs = cf_bytes_equal(node.content, agreed.content)
                    ? agreed.refs
                    : refs_without_content(met->shown, arena);
    node.is_met = true;
    cf_binding_put_node(binding, &node, &applying->records);
    for (size_t i = 0; node.kind == CF_KIND_DIRECTORY && i < node.item_count; i++) {
        cf_applying_mark(applying, &node.items[i], 1);
        cf_ids_add(groups, &node.items[i]);
    }
}

static bool may_delete(const cf_applying *applying, const deleted *all, cf_delete_word word)
{
    return cf_binding_would_allow(
        applying->options.peer, applying->options.binding,
        &(cf_vanishing){
            .side = CF_GUARD_THERE, .word = word, .gone = all->items, .count = all->count});
}

bool cf_applying_meet_held(cf_applying *applying, const cf_plan *plan, cf_delete_word word,
                           cf_ids *groups)
{
    const bool is_held = groups->count > 0;
    size_t count = 0;

    if (!plan->deletes)
        return false;
    const deleted all = gather_deleted(applying, plan);
    const meeting *meetings = find_meetings(applying, plan, &all, &count);
    if (!count || (!is_held && may_delete(applying, &all, word)))
        return false;
    for (size_t i = 0; i < count; i++)
        meet(applying, &meetings[i], groups);
    for (size_t i = 0; i < plan->count; i++)
        cf_ids_add(groups, &plan->steps[i].group);
    for (size_t i = 0; i < plan->again.count; i++)
        cf_ids_add(groups, &plan->again.at[i]);
    return true;
}

/* ---- What stays ---- */

/* And the directories in which something stays. */
static void add_held(const cf_nodes *nodes, const cf_node *node, cf_node_set *held)
{
    for (; node; node = cf_nodes_find(nodes, node->parent))
        cf_node_set_add(held, node->number);
}

static void fail_held(cf_applying *applying, const cf_node_set *held, const char *reason)
{
    for (size_t i = 0; i < applying->count; i++) {
        cf_task *task = &applying->tasks[i];

        if (task->step.kind != CF_STEP_DELETE || !cf_node_set_have(held, task->step.node->number))
            continue;
        task->state = CF_TASK_FAILED;
        task->waits = applying->result.awaits_more;
        task->reason = reason;
    }
}

/* One act is told by several entries, the first of which may tell of few enough to go: what they
 * delete is judged when it is known what else goes.
 *
 *     12:00:00  60 of 300 are deleted elsewhere      they wait
 *     12:00:02  60 more                              120 wait
 *     12:00:04  60 more                              180 of 300: held, whatever comes then */
static bool awaits_more(const cf_applying *applying, const deleted *all, const cf_applying_how *how)
{
    return how->more_comes && !how->word.given && !cf_guard_are_few(all->count) &&
           may_delete(applying, all, how->word);
}

void cf_applying_hold_deletes(cf_applying *applying, const cf_plan *plan,
                              const cf_applying_how *how)
{
    cf_binding *binding = applying->options.binding;
    cf_arena *arena = &applying->arena;
    const deleted all = gather_deleted(applying, plan);
    bool *goes = cf_arena_allocate(arena, all.count, sizeof *goes);
    const cf_vanishing vanishing = {.side = CF_GUARD_THERE,
                                    .word = how->word,
                                    .gone = all.items,
                                    .count = all.count,
                                    .goes = goes};
    cf_node_set held = {0};
    uint64_t count = 0;

    applying->result.awaits_more = awaits_more(applying, &all, how);
    if (!all.count)
        cf_binding_end_count(applying->options.peer, binding, CF_GUARD_THERE);
    if (!applying->result.awaits_more &&
        cf_binding_allows(applying->options.peer, binding, &vanishing))
        return;
    for (size_t i = 0; i < all.count; i++)
        if (!goes[i]) {
            add_held(binding->nodes, all.nodes[i], &held);
            count++;
        }
    cf_node_set_sort(&held);
    applying->result.held = !applying->result.awaits_more;
    fail_held(
        applying, &held,
        applying->result.held
            ? cf_binding_held_text(applying->options.peer, binding, CF_GUARD_THERE, count, arena)
            : "it was deleted elsewhere, and waits until it is known what else was");
    cf_node_set_release(&held);
}
