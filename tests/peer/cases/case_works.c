/* SPDX-License-Identifier: Apache-2.0 */
/* All that a user can do in at most two steps. */
#include <stdlib.h>
#include <string.h>

#include "codec/bytes.h"
#include "tests/peer/cases/cases.h"

typedef struct {
    const case_tree *tree;
    case_work *all, now;
    size_t count, capacity;
} work_list;

static void add_work(work_list *list)
{
    *cf_one_more(list->all, list->count, list->capacity) = list->now;
}

static void add_works(work_list *list, const paper_disk *disk);

static void try_op(work_list *list, const paper_disk *disk, case_op op)
{
    paper_disk after = *disk;
    uint8_t over;

    if (!paper_do(&after, &op, 0, list->now.count, &over))
        return;
    list->now.ops[list->now.count++] = op;
    add_work(list);
    if (list->now.count < CASE_OPS)
        add_works(list, &after);
    list->now.ops[--list->now.count] = (case_op){0};
}

/* Both users know the directory; in one's own, all fresh names are the same. */
static bool is_shared_place(uint8_t directory)
{
    return directory < CASE_NODES || directory == CASE_ROOT;
}

/* A name that is or was taken there, or a fresh one. */
static bool may_be_named(const work_list *list, uint8_t directory, uint8_t name)
{
    if (name < CASE_NODES)
        return name < list->tree->count && list->tree->nodes[name].parent == directory;
    return name == CASE_X || is_shared_place(directory);
}

static void try_places(work_list *list, const paper_disk *disk, case_op op)
{
    for (uint8_t directory = 0; directory <= CASE_ROOT; directory++) {
        if (directory != CASE_ROOT &&
            (directory >= CASE_ALL || !paper_is_directory(disk, directory)))
            continue;
        op.directory = directory;
        for (op.name = 0; op.name < CASE_NAMES; op.name++) {
            bool keeps = op.kind == OP_MOVE && disk->nodes[op.node].name == op.name;

            if (keeps || may_be_named(list, directory, op.name))
                try_op(list, disk, op);
        }
    }
}

static void add_works(work_list *list, const paper_disk *disk)
{
    try_places(list, disk, (case_op){.kind = OP_CREATE});
    try_places(list, disk, (case_op){.kind = OP_CREATE, .shared = true});
    try_places(list, disk, (case_op){.kind = OP_MKDIR});
    for (uint8_t node = 0; node < CASE_NODES + CASE_OPS; node++) {
        if (!disk->nodes[node].is_there)
            continue;
        for (uint8_t kind = OP_EDIT; kind < OP_MOVE; kind++)
            try_op(list, disk, (case_op){.kind = kind, .node = node});
        try_op(list, disk, (case_op){.kind = OP_EDIT, .node = node, .shared = true});
        try_places(list, disk, (case_op){.kind = OP_MOVE, .node = node});
    }
}

/* Of one step, at the first moment or at the second. */
static void add_pauses(work_list *list)
{
    size_t count = list->count;

    for (size_t i = 0; i < count; i++) {
        if (list->all[i].count != 1)
            continue;
        case_op op = list->all[i].ops[0];
        list->now = (case_work){.ops = {op}, .count = CASE_OPS};
        add_work(list);
        list->now = (case_work){.ops = {{0}, op}, .count = CASE_OPS};
        add_work(list);
    }
}

int case_work_compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(case_work));
}

size_t cases_works(const case_tree *tree, bool pauses, case_work **out)
{
    work_list list = {.tree = tree};
    paper_disk disk;

    paper_begin(&disk, tree);
    add_work(&list); /* nothing */
    add_works(&list, &disk);
    if (pauses)
        add_pauses(&list);
    qsort(list.all, list.count, sizeof *list.all, case_work_compare);
    *out = list.all;
    return list.count;
}

static uint8_t renumber(uint8_t node, const case_numbers *numbers)
{
    return node < CASE_NODES ? numbers->to[node] : node;
}

static bool is_swapped(uint8_t directory, unsigned swaps)
{
    return is_shared_place(directory) &&
           swaps >> (directory == CASE_ROOT ? CASE_NODES : directory) & 1;
}

case_work case_work_renumber(const case_work *work, const case_numbers *numbers, unsigned swaps)
{
    case_work other = *work;

    for (uint8_t i = 0; i < work->count; i++) {
        case_op *op = &other.ops[i];
        bool has_place = op->kind == OP_CREATE || op->kind == OP_MKDIR || op->kind == OP_MOVE;

        if (op->kind != OP_NONE && op->kind != OP_CREATE && op->kind != OP_MKDIR)
            op->node = renumber(op->node, numbers);
        if (!has_place)
            continue;
        op->directory = renumber(op->directory, numbers);
        if (op->name < CASE_NODES)
            op->name = numbers->to[op->name];
        else if (is_swapped(op->directory, swaps))
            op->name = op->name == CASE_X ? CASE_Y : CASE_X;
    }
    return other;
}
