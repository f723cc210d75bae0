/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/cases.h"
#include "tests/peer/model/trial.h"

static void run_one(void *context)
{
    case_run(context, false);
}

bool case_is_possible(const test_case *one)
{
    for (unsigned who = 0; who < 2; who++) {
        paper_disk disk;
        uint8_t over;

        paper_begin(&disk, &one->tree);
        for (unsigned step = 0; step < one->works[who].count; step++)
            if (!paper_do(&disk, &one->works[who].ops[step], who, step, &over))
                return false;
    }
    return true;
}

static bool take_if_it_fails(test_case *best, test_case smaller)
{
    if (!case_is_possible(&smaller) || trial_passes(run_one, &smaller, true))
        return false;
    *best = smaller;
    return true;
}

static bool drop_op(test_case *best, unsigned who, unsigned step)
{
    test_case smaller = *best;
    case_work *work = &smaller.works[who];

    if (step >= work->count)
        return false;
    for (unsigned i = step; i + 1 < work->count; i++)
        work->ops[i] = work->ops[i + 1];
    work->ops[--work->count] = (case_op){0};
    for (unsigned i = 0; i < work->count; i++)
        if (work->ops[i].node >= CASE_NODES ||
            (work->ops[i].directory >= CASE_NODES && work->ops[i].directory != CASE_ROOT))
            return false;
    return take_if_it_fails(best, smaller);
}

static bool uses(const test_case *one, uint8_t node)
{
    for (uint8_t i = 0; i < one->tree.count; i++)
        if (one->tree.nodes[i].parent == node || one->tree.nodes[i].copy_of == node + 1)
            return true;
    for (unsigned who = 0; who < 2; who++)
        for (unsigned step = 0; step < one->works[who].count; step++) {
            const case_op *op = &one->works[who].ops[step];
            bool makes = op->kind == OP_CREATE || op->kind == OP_MKDIR;
            bool has_node = op->kind != OP_NONE && !makes, has_place = makes || op->kind == OP_MOVE;

            if ((has_node && op->node == node) ||
                (has_place && (op->directory == node || op->name == node)))
                return true;
        }
    return false;
}

/* The last one; others are numbered so that it is the last. */
static bool drop_node(test_case *best)
{
    test_case smaller = *best;

    if (!smaller.tree.count || uses(best, smaller.tree.count - 1))
        return false;
    smaller.tree.nodes[--smaller.tree.count] = (case_node){0};
    return take_if_it_fails(best, smaller);
}

static bool renumbered_drops(test_case *best)
{
    for (uint8_t last = 0; last < best->tree.count; last++) {
        test_case other = *best;
        case_numbers numbers = {{0, 1, 2, 3}};

        for (uint8_t i = last; i < best->tree.count; i++)
            numbers.to[i] = i == last ? best->tree.count - 1 : i - 1;
        if (uses(best, last) || !case_tree_renumber(&best->tree, &numbers, &other.tree))
            continue;
        for (unsigned who = 0; who < 2; who++)
            other.works[who] = case_work_renumber(&best->works[who], &numbers, CASE_SWAP_NONE);
        if (drop_node(&other)) {
            *best = other;
            return true;
        }
    }
    return false;
}

static bool make_plainer(test_case *best)
{
    test_case smaller = *best;

    smaller.scans_each[0] = smaller.scans_each[1] = false;
    if ((best->scans_each[0] || best->scans_each[1]) && take_if_it_fails(best, smaller))
        return true;
    smaller = *best;
    smaller.order = CASE_BOTH_AT_ONCE;
    if (best->order && take_if_it_fails(best, smaller))
        return true;
    for (uint64_t seed = 0; seed < 2 && best->seed > seed; seed++) {
        smaller = *best;
        smaller.seed = seed;
        if (take_if_it_fails(best, smaller))
            return true;
    }
    return false;
}

test_case case_shrink(const test_case *broken)
{
    test_case small = *broken;
    bool shorter = true;

    while (shorter) {
        shorter = renumbered_drops(&small) || make_plainer(&small);
        for (unsigned i = 0; i < 2 * CASE_OPS; i++)
            shorter = drop_op(&small, i % 2, i / 2) || shorter;
    }
    return small;
}
