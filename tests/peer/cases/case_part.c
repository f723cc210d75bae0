/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_part.h"

#include <string.h>

test_case case_part(const test_case *one, const case_links *links, uint8_t group,
                    uint8_t original[CASE_ALL])
{
    test_case part = *one;
    uint8_t to[CASE_ALL + CASE_OPS];

    part.tree.count = 0;
    memset(part.tree.nodes, 0, sizeof part.tree.nodes);
    for (uint8_t i = 0; i < sizeof to; i++)
        to[i] = i;
    for (uint8_t i = 0; i < CASE_ALL; i++)
        original[i] = i;
    for (uint8_t i = 0; i < one->tree.count; i++) {
        if (!(links->needed[group] >> i & 1))
            continue;
        case_node node = one->tree.nodes[i];
        node.parent = node.parent == CASE_ROOT ? CASE_ROOT : to[node.parent];
        original[part.tree.count] = i;
        part.called[part.tree.count] = i + 1;
        to[i] = part.tree.count;
        part.tree.nodes[part.tree.count++] = node;
    }
    for (uint8_t i = 0; i < part.tree.count; i++)
        if (part.tree.nodes[i].copy_of)
            part.tree.nodes[i].copy_of = to[part.tree.nodes[i].copy_of - 1] + 1;
    for (unsigned who = 0; who < 2; who++)
        for (unsigned step = 0; step < one->works[who].count; step++) {
            case_op *op = &part.works[who].ops[step];

            if (links->groups[who][step] != group)
                *op = (case_op){0};
            if (op->kind == OP_NONE)
                continue;
            op->node = op->node < CASE_NODES ? to[op->node] : op->node;
            op->name = op->name < CASE_NODES ? to[op->name] : op->name;
            op->directory = op->directory < CASE_NODES ? to[op->directory] : op->directory;
        }
    return part;
}
