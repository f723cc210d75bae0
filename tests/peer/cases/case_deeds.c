/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_deeds.h"

#include <string.h>

static bool removes(uint8_t kind)
{
    return kind == OP_DELETE || kind == OP_REPLACE;
}

/* What is above and below these nodes, and the copies' main files and copies. */
static uint8_t around(const case_tree *tree, uint8_t nodes)
{
    for (uint8_t before = 0; before != nodes;) {
        before = nodes;
        for (uint8_t i = 0; i < tree->count; i++) {
            const case_node *node = &tree->nodes[i];
            uint8_t near = node->parent == CASE_ROOT ? 0 : case_bit(node->parent);

            near |= node->copy_of ? case_bit(node->copy_of - 1) : 0;
            if (nodes & case_bit(i))
                nodes |= near;
            else if (nodes & near)
                nodes |= case_bit(i);
        }
    }
    return nodes;
}

static case_deed deed_of(const paper_disk *disk, const case_op *op, unsigned who, unsigned step)
{
    uint8_t node = paper_index(op->node, who), directory = paper_index(op->directory, who);
    case_deed deed = {.kind = op->kind, .node = node, .directory = CASE_ROOT, .over = CASE_ROOT};

    deed.made = paper_made(who, step);
    if (op->kind == OP_MOVE || op->kind == OP_REPLACE)
        deed.from = deed.to = case_spot(disk->nodes[node].parent, disk->nodes[node].name);
    deed.brings_directory = op->kind == OP_MKDIR ||
                            (op->kind == OP_MOVE && disk->nodes[node].is_directory) ||
                            (op->kind == OP_REPLACE && !disk->nodes[node].is_directory);
    if (op_has_place(op->kind)) {
        deed.directory = directory;
        deed.to = case_spot(directory, op->name);
    }
    if (op->kind == OP_MOVE)
        deed.over = paper_at(disk, directory, op->name);
    if (deed.over != CASE_ROOT)
        deed.gone = case_bit(deed.over);
    for (uint8_t i = 0; removes(op->kind) && i < CASE_ALL; i++)
        if (disk->nodes[i].is_there && paper_is_within(disk, i, node))
            deed.gone |= case_bit(i);
    return deed;
}

static bool leans(const paper_disk *begun, const case_op *op, unsigned who, unsigned step,
                  const case_deed *deed)
{
    paper_disk disk = *begun;
    case_deed alone;
    uint8_t over;

    if (!paper_do(&disk, op, who, step, &over))
        return true;
    alone = deed_of(begun, op, who, step);
    return memcmp(&alone, deed, sizeof alone) != 0;
}

case_deeds case_deeds_of(const case_tree *tree, const case_work *work, unsigned who)
{
    case_deeds out = {.count = work->count};
    paper_disk disk, begun;
    uint8_t over;

    paper_begin(&begun, tree);
    disk = begun;
    for (uint8_t step = 0; step < work->count; step++) {
        const case_op *op = &work->ops[step];
        case_deed *deed = &out.deeds[step];

        *deed = deed_of(&disk, op, who, step);
        deed->leans = leans(&begun, op, who, step, deed);
        out.shared += op->shared;
        if (op_has_node(op->kind) && op->node < CASE_NODES)
            out.about |= case_bit(op->node);
        if (op_has_place(op->kind) && op->directory < CASE_NODES)
            out.about |= case_bit(op->directory);
        if (op_has_place(op->kind) && op->name < CASE_NODES)
            out.about |= case_bit(op->name);
        out.about |= deed->gone & (case_bit(CASE_NODES) - 1);
        paper_do(&disk, op, who, step, &over);
    }
    out.about = around(tree, out.about);
    return out;
}
