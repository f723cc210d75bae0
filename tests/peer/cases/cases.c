/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bytes.h"

/* ---- A disk on paper ---- */

void paper_begin(paper_disk *disk, const case_tree *tree)
{
    *disk = (paper_disk){0};
    for (uint8_t i = 0; i < tree->count; i++)
        disk->nodes[i] = (paper_node){.is_there = true,
                                      .is_directory = tree->nodes[i].is_directory,
                                      .parent = tree->nodes[i].parent,
                                      .name = i,
                                      .content = tree->nodes[i].content};
}

uint8_t paper_at(const paper_disk *disk, uint8_t directory, uint8_t name)
{
    for (uint8_t i = 0; i < CASE_ALL; i++)
        if (disk->nodes[i].is_there && disk->nodes[i].parent == directory &&
            disk->nodes[i].name == name)
            return i;
    return CASE_ROOT;
}

bool paper_is_within(const paper_disk *disk, uint8_t node, uint8_t directory)
{
    for (; node != CASE_ROOT; node = disk->nodes[node].parent)
        if (node == directory)
            return true;
    return directory == CASE_ROOT;
}

bool paper_is_directory(const paper_disk *disk, uint8_t node)
{
    return node == CASE_ROOT || (disk->nodes[node].is_there && disk->nodes[node].is_directory);
}

static void paper_remove(paper_disk *disk, uint8_t node)
{
    for (uint8_t i = 0; i < CASE_ALL; i++)
        if (disk->nodes[i].is_there && disk->nodes[i].parent == node)
            paper_remove(disk, i);
    disk->nodes[node].is_there = false;
}

static bool paper_make(paper_disk *disk, uint8_t made, uint8_t directory, uint8_t name,
                       bool makes_directory, uint8_t content)
{
    if (!paper_is_directory(disk, directory) || paper_at(disk, directory, name) != CASE_ROOT)
        return false;
    disk->nodes[made] = (paper_node){.is_there = true,
                                     .is_directory = makes_directory,
                                     .parent = directory,
                                     .name = name,
                                     .content = makes_directory ? 0 : content};
    return true;
}

static bool paper_replace(paper_disk *disk, uint8_t node, uint8_t made, uint8_t content)
{
    paper_node was = disk->nodes[node];

    paper_remove(disk, node);
    return paper_make(disk, made, was.parent, was.name, !was.is_directory, content);
}

static bool paper_move(paper_disk *disk, uint8_t node, uint8_t directory, uint8_t name,
                       uint8_t *over)
{
    uint8_t there = paper_at(disk, directory, name);

    if (!paper_is_directory(disk, directory) || there == node ||
        (directory != CASE_ROOT && paper_is_within(disk, directory, node)))
        return false;
    if (there != CASE_ROOT && (disk->nodes[there].is_directory || disk->nodes[node].is_directory))
        return false;
    if (there != CASE_ROOT)
        paper_remove(disk, there);
    disk->nodes[node].parent = directory;
    disk->nodes[node].name = name;
    *over = there;
    return true;
}

bool paper_do(paper_disk *disk, const case_op *op, unsigned who, unsigned step, uint8_t *over)
{
    uint8_t node = paper_index(op->node, who), made = paper_made(who, step);
    uint8_t directory = paper_index(op->directory, who);
    uint8_t content = op->shared ? CASE_SHARED : paper_content(who, step);

    *over = CASE_ROOT;
    if (op->kind == OP_NONE)
        return true;
    if (op->kind == OP_CREATE || op->kind == OP_MKDIR)
        return paper_make(disk, made, directory, op->name, op->kind == OP_MKDIR, content);
    paper_node *there = &disk->nodes[node];
    if (!there->is_there)
        return false;
    switch (op->kind) {
    case OP_EDIT:
        if (there->is_directory || there->content == content)
            return false;
        there->content = content;
        return true;
    case OP_DELETE:
        paper_remove(disk, node);
        return true;
    case OP_CHMOD:
        if (there->has_mode)
            return false;
        return there->has_mode = true;
    case OP_REPLACE:
        return paper_replace(disk, node, made, content);
    default:
        return paper_move(disk, node, directory, op->name, over);
    }
}

bool paper_equal(const paper_disk *a, const paper_disk *b)
{
    for (size_t i = 0; i < CASE_ALL; i++) {
        const paper_node *x = &a->nodes[i], *y = &b->nodes[i];

        if (x->is_there != y->is_there ||
            (x->is_there &&
             (x->is_directory != y->is_directory || x->has_mode != y->has_mode ||
              x->parent != y->parent || x->name != y->name || x->content != y->content)))
            return false;
    }
    return true;
}

/* ---- Trees ---- */

bool case_tree_renumber(const case_tree *tree, const case_numbers *numbers, case_tree *out)
{
    uint8_t contents[CASE_NODES + 1], next = 0; /* one may be set apart */

    *out = (case_tree){.count = tree->count};
    memset(contents, CASE_ROOT, sizeof contents);
    for (uint8_t i = 0; i < tree->count; i++) {
        const case_node *from = &tree->nodes[i];
        case_node *to = &out->nodes[numbers->to[i]];

        *to = *from;
        if (from->parent != CASE_ROOT)
            to->parent = numbers->to[from->parent];
        if (from->copy_of)
            to->copy_of = (uint8_t)(numbers->to[from->copy_of - 1] + 1);
        if (to->parent != CASE_ROOT && to->parent >= numbers->to[i])
            return false;
    }
    for (uint8_t i = 0; i < tree->count; i++) {
        case_node *node = &out->nodes[i];

        if (node->is_directory)
            continue;
        if (contents[node->content] == CASE_ROOT)
            contents[node->content] = next++;
        node->content = contents[node->content];
    }
    return true;
}

static size_t all_numbers(uint8_t count, case_numbers out[24])
{
    size_t found = 0;

    for (unsigned code = 0; code < 256; code++) {
        case_numbers numbers;
        unsigned used = 0;

        for (uint8_t i = 0; i < CASE_NODES; i++) {
            numbers.to[i] = code >> 2 * i & 3;
            used |= 1U << numbers.to[i];
        }
        bool others_stay = true;
        for (uint8_t i = count; i < CASE_NODES; i++)
            others_stay &= numbers.to[i] == i;
        if (used == (1U << CASE_NODES) - 1 && others_stay)
            out[found++] = numbers;
    }
    return found;
}

size_t cases_same(const case_tree *tree, case_numbers out[24])
{
    case_numbers all[24];
    size_t found = 0, count = all_numbers(tree->count, all);

    for (size_t i = 0; i < count; i++) {
        case_tree other;

        if (case_tree_renumber(tree, &all[i], &other) && memcmp(&other, tree, sizeof other) == 0)
            out[found++] = all[i];
    }
    return found;
}

static bool is_first_of_its_kind(const case_tree *tree)
{
    case_numbers all[24];
    size_t count = all_numbers(tree->count, all);

    for (size_t i = 0; i < count; i++) {
        case_tree other;

        if (case_tree_renumber(tree, &all[i], &other) && memcmp(&other, tree, sizeof other) < 0)
            return false;
    }
    return true;
}

typedef struct {
    case_tree *at;
    size_t count, most;
} tree_list;

static void add_tree(tree_list *list, const case_tree *tree)
{
    if (is_first_of_its_kind(tree) && list->count < list->most)
        list->at[list->count++] = *tree;
}

static bool has_its_content_alone(const case_tree *tree, uint8_t node)
{
    for (uint8_t i = 0; i < tree->count; i++)
        if (i != node && !tree->nodes[i].is_directory &&
            tree->nodes[i].content == tree->nodes[node].content)
            return false;
    return !tree->nodes[node].is_directory;
}

/* And with one of its files as the conflict copy of another. */
static void add_with_copies(tree_list *list, case_tree *tree)
{
    add_tree(list, tree);
    for (uint8_t i = 0; i < tree->count; i++)
        for (uint8_t copy = 0; copy < tree->count; copy++) {
            if (copy == i || tree->nodes[i].parent != tree->nodes[copy].parent ||
                !has_its_content_alone(tree, i) || !has_its_content_alone(tree, copy))
                continue;
            tree->nodes[copy].copy_of = i + 1;
            add_tree(list, tree);
            tree->nodes[copy].copy_of = 0;
        }
}

static void add_trees(tree_list *list, case_tree *tree, uint8_t at, uint8_t contents)
{
    if (at == tree->count) {
        add_with_copies(list, tree);
        return;
    }
    for (unsigned parent = 0; parent <= at; parent++) {
        if (parent < at && !tree->nodes[parent].is_directory)
            continue;
        case_node *node = &tree->nodes[at];
        node->parent = parent < at ? (uint8_t)parent : CASE_ROOT;
        node->content = 0;
        node->is_directory = true;
        add_trees(list, tree, at + 1, contents);
        node->is_directory = false;
        for (uint8_t content = 0; content <= contents; content++) {
            node->content = content;
            add_trees(list, tree, at + 1, content == contents ? contents + 1 : contents);
        }
    }
}

size_t cases_trees(uint8_t count, case_tree *out, size_t most)
{
    case_tree tree = {.count = count};
    tree_list list = {.at = out, .most = most};

    add_trees(&list, &tree, 0, 0);
    return list.count;
}
