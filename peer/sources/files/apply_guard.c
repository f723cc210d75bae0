/* SPDX-License-Identifier: Apache-2.0 */
/* What was deleted elsewhere, and stays here until the user says that it is meant. */
#include "peer/merge/numbers.h"
#include "peer/sources/files/apply_inside.h"

/* And the directories in which something stays. */
static void add_held(const cf_nodes *nodes, const cf_node *node, cf_numbers *held)
{
    for (; node; node = cf_nodes_find(nodes, node->parent))
        cf_numbers_add(held, node->number);
}

static void fail_held(cf_applying *applying, const cf_numbers *held, const char *reason)
{
    for (size_t i = 0; i < applying->count; i++) {
        cf_task *task = &applying->tasks[i];

        if (task->step.kind != CF_STEP_DELETE || !cf_numbers_have(held, task->step.node->number))
            continue;
        task->state = CF_TASK_FAILED;
        task->reason = reason;
    }
}

void cf_applying_hold_deletes(cf_applying *applying, const cf_plan *plan, cf_delete_word word)
{
    cf_binding *binding = applying->options.binding;
    cf_arena *arena = &applying->arena;
    const cf_node **nodes = cf_arena_allocate(arena, plan->deletes, sizeof *nodes);
    cf_id *gone = cf_arena_allocate(arena, plan->deletes, sizeof *gone);
    bool *goes = cf_arena_allocate(arena, plan->deletes, sizeof *goes);
    cf_vanishing vanishing = {.side = CF_GUARD_THERE, .word = word, .gone = gone, .goes = goes};
    cf_numbers held = {0};
    uint64_t count = 0;

    for (size_t i = 0; i < plan->count; i++) {
        const cf_node *node = plan->steps[i].node;

        if (plan->steps[i].kind != CF_STEP_DELETE ||
            (node->kind == CF_KIND_DIRECTORY && cf_node_is_left(node)))
            continue;
        nodes[vanishing.count] = node;
        gone[vanishing.count++] = node->item_count ? node->items[0] : (cf_id){0};
    }
    if (cf_binding_allows(applying->options.peer, binding, &vanishing))
        return;
    for (size_t i = 0; i < vanishing.count; i++)
        if (!goes[i]) {
            add_held(binding->nodes, nodes[i], &held);
            count++;
        }
    cf_numbers_sort(&held);
    applying->result.held = true;
    fail_held(applying, &held, cf_binding_held_text(binding, CF_GUARD_THERE, count, arena));
    cf_numbers_release(&held);
}
