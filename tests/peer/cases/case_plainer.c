/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_plainer.h"

/* One step, and the one before if it leans on that. */
static case_deeds step_of(const case_deeds *from, unsigned step)
{
    case_deeds out = *from;

    for (unsigned i = 0; i < out.count; i++)
        if (i > step || (i < step && !from->deeds[step].leans))
            out.deeds[i] = (case_deed){.directory = CASE_ROOT, .over = CASE_ROOT};
    return out;
}

/* Whether the i-th step of the one has to do with the k-th of the other without the help of others:
 * what comes out may depend on which of them was published first. */
static bool meet(const case_tree *tree, const case_deeds *a, unsigned i, const case_deeds *b,
                 unsigned k)
{
    case_deeds deeds[2];
    case_links links;

    if (i >= a->count || k >= b->count || a->deeds[i].kind == OP_NONE ||
        b->deeds[k].kind == OP_NONE)
        return false;
    deeds[0] = step_of(a, i);
    deeds[1] = step_of(b, k);
    case_link(tree, deeds, &links);
    return links.groups[0][i] == links.groups[1][k];
}

/* Then what the first of them did is published, though the second does away with it. */
static bool steps_meet(const case_tree *tree, const case_deeds *one)
{
    return one->count == CASE_OPS && (one->deeds[1].leans || meet(tree, one, 0, one, 1));
}

bool case_matters_when(const case_tree *tree, const case_deeds deeds[2], const bool scans_each[2],
                       bool is_before)
{
    const case_deeds *a = &deeds[0], *b = &deeds[1];
    case_links links;

    case_link(tree, deeds, &links);
    if (!scans_each[1] || links.ring) /* that may be of more than two steps */
        return true;
    if (!is_before)
        return meet(tree, a, 0, b, 1) || meet(tree, a, 1, b, 0) || steps_meet(tree, a) ||
               steps_meet(tree, b);
    if (scans_each[0])
        return a->count == CASE_OPS && (meet(tree, a, 0, b, 0) || steps_meet(tree, a));
    return b->count == CASE_OPS &&
           (meet(tree, a, 0, b, 0) || meet(tree, a, 1, b, 0) || steps_meet(tree, b));
}

bool case_publish_plainer(test_case *one, const case_deeds deeds[2])
{
    bool is_before = one->order != CASE_BOTH_AT_ONCE;

    if (case_matters_when(&one->tree, deeds, one->scans_each, is_before))
        return false;
    one->scans_each[1] = one->scans_each[0] && is_before;
    one->scans_each[0] = false;
    for (unsigned who = 0; !is_before && who < 2; who++)
        if (one->works[who].count == 1)
            one->works[who] = (case_work){.ops = {{0}, one->works[who].ops[0]}, .count = 2};
    return true;
}

/* The places that a file has, had or gets. */
static bool comes_to(const case_tree *tree, const case_deeds deeds[2], uint8_t node, uint8_t place)
{
    if (case_spot(tree->nodes[node].parent, node) == place)
        return true;
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < deeds[who].count; i++)
            if (deeds[who].deeds[i].kind == OP_MOVE && deeds[who].deeds[i].node == node &&
                deeds[who].deeds[i].to == place)
                return true;
    return false;
}

static bool may_meet(const case_tree *tree, const case_deeds deeds[2], uint8_t a, uint8_t b)
{
    if (comes_to(tree, deeds, b, case_spot(tree->nodes[a].parent, a)))
        return true;
    for (unsigned who = 0; who < 2; who++)
        for (unsigned i = 0; i < deeds[who].count; i++)
            if (deeds[who].deeds[i].kind == OP_MOVE && deeds[who].deeds[i].node == a &&
                comes_to(tree, deeds, b, deeds[who].deeds[i].to))
                return true;
    return false;
}

/* That files are equal is seen where they meet, under one name in one directory. */
bool case_could_differ(const case_tree *tree, const case_deeds deeds[2], uint8_t node)
{
    bool has_equals = false;
    case_links links;

    if (tree->nodes[node].is_directory)
        return false;
    for (uint8_t i = 0; i < tree->count; i++) {
        if (i == node || tree->nodes[i].is_directory ||
            tree->nodes[i].content != tree->nodes[node].content)
            continue;
        has_equals = true;
        if (may_meet(tree, deeds, i, node))
            return false;
    }
    if (!has_equals)
        return false;
    case_link(tree, deeds, &links);
    return !links.directories_meet;
}

bool case_is_whole(const case_tree *tree, const case_deeds deeds[2], bool *directories_meet)
{
    uint8_t all = case_bit(tree->count) - 1;
    case_links links;

    if ((deeds[0].about | deeds[1].about) != all || deeds[0].shared + deeds[1].shared == 1)
        return false;
    case_link(tree, deeds, &links);
    *directories_meet = links.directories_meet;
    if (links.count > 1 || (links.count ? links.needed[1] : 0) != all)
        return false;
    for (uint8_t i = 0; i < tree->count; i++)
        if (case_could_differ(tree, deeds, i))
            return false;
    return true;
}
