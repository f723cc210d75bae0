/* SPDX-License-Identifier: Apache-2.0 */
/* What must come out of a case, which is known from doing it on paper. */
#include <string.h>

#include "tests/peer/cases/case_inside.h"

/* What is born equal on both is one. */
static bool make_the_same(const test_case *of)
{
    for (unsigned i = 0; i < of->works[0].count; i++)
        for (unsigned k = 0; k < of->works[1].count; k++) {
            const case_op *a = &of->works[0].ops[i], *b = &of->works[1].ops[k];

            if (a->kind == b->kind && a->directory == b->directory && a->name == b->name &&
                (a->kind == OP_MKDIR || (a->kind == OP_CREATE && a->shared && b->shared)))
                return true;
        }
    return false;
}

/* Both works one after the other; false: they have to do with each other. */
static bool both_on_paper(const case_life *self, unsigned first, paper_disk *disk)
{
    paper_begin(disk, &self->of->tree);
    for (unsigned i = 0; i < 2; i++) {
        unsigned who = i ? !first : first;
        const case_work *work = &self->of->works[who];

        for (unsigned step = 0; step < work->count; step++) {
            const case_op *op = &work->ops[step];
            bool is_gone =
                op->kind == OP_DELETE && !disk->nodes[paper_index(op->node, who)].is_there;
            uint8_t over;

            if (!is_gone && (!paper_do(disk, op, who, step, &over) ||
                             (op->kind == OP_MOVE && over != self->over[who][step])))
                return false;
        }
    }
    return true;
}

static const model_file *file_on(const case_life *self, const paper_disk *disk, uint8_t node)
{
    const paper_node *paper = &disk->nodes[node];
    const model_file *above =
        paper->parent == CASE_ROOT ? NULL : file_on(self, disk, paper->parent);

    if (paper->parent != CASE_ROOT && !above)
        return NULL;
    return model_child(&self->world.devices[0], above ? above->number : CF_NODE_ROOT,
                       case_name(self, paper->name));
}

/* It has the main file's mode and time, until a user touches it; who moves it writes them down. */
static bool is_copy(const case_life *self, uint8_t node)
{
    return node < CASE_NODES && self->of->tree.nodes[node].copy_of;
}

static bool is_as_on_paper(const case_life *self, const paper_disk *disk, uint8_t node)
{
    const paper_node *paper = &disk->nodes[node];
    const model_file *file = file_on(self, disk, node);
    char content[24] = "";

    if (!paper->is_directory)
        case_content(paper->content, content);
    return file && (file->kind == CF_KIND_DIRECTORY) == paper->is_directory &&
           strcmp(file->content, content) == 0 &&
           (is_copy(self, node) || (file->mode == 0755) == paper->has_mode);
}

/* A content keeps the time at which it was written, whatever else is done to its file. */
static bool has_its_time(const case_life *self, const paper_disk *disk, uint8_t node)
{
    const paper_node *paper = &disk->nodes[node];
    const model_file *file = file_on(self, disk, node);

    for (size_t i = 0; i < self->world.content_count; i++)
        if (self->world.contents[i].shared &&
            strcmp(self->world.contents[i].content, file->content) == 0)
            return true;
    return is_copy(self, node) || paper->is_directory ||
           file->mtime_ns == self->mtimes_ns[paper->content];
}

/* What has nothing to do with each other comes out as if it was done by one. */
static void check_independent(case_life *self)
{
    paper_disk one, other;
    size_t count = 0;

    if (make_the_same(self->of) || !both_on_paper(self, 0, &one) ||
        !both_on_paper(self, 1, &other) || !paper_equal(&one, &other))
        return;
    for (uint8_t i = 0; i < CASE_ALL; i++) {
        count += one.nodes[i].is_there;
        if (one.nodes[i].is_there && !is_as_on_paper(self, &one, i))
            model_fail(&self->world, "independent: node %u is not as it was left", i);
        if (one.nodes[i].is_there && !has_its_time(self, &one, i))
            model_fail(&self->world, "independent: node %u has another time", i);
    }
    if (count != self->world.devices[0].file_count)
        model_fail(&self->world, "independent: %zu nodes, and not %zu",
                   self->world.devices[0].file_count, count);
}

/* What nobody touched, nor a directory above it, is where it was. */
static void check_untouched(case_life *self, const paper_disk disks[2])
{
    paper_disk before;

    paper_begin(&before, &self->of->tree);
    for (uint8_t i = 0; i < self->of->tree.count; i++) {
        bool same = true;

        for (uint8_t at = i; at != CASE_ROOT; at = before.nodes[at].parent)
            for (unsigned who = 0; who < 2; who++)
                same &= disks[who].nodes[at].is_there &&
                        disks[who].nodes[at].name == before.nodes[at].name &&
                        disks[who].nodes[at].parent == before.nodes[at].parent &&
                        disks[who].nodes[at].content == before.nodes[at].content &&
                        !disks[who].nodes[at].has_mode;
        if (same && !is_as_on_paper(self, &before, i))
            model_fail(&self->world, "untouched: node %u is not where it was", i);
    }
}

static bool touches(const case_life *self, unsigned who, uint8_t node)
{
    const case_work *work = &self->of->works[who];

    for (unsigned step = 0; step < work->count; step++)
        if (work->ops[step].kind > OP_MKDIR && work->ops[step].kind != OP_DELETE &&
            work->ops[step].node == node)
            return true;
    return false;
}

static bool moves(const case_life *self, unsigned who, uint8_t node)
{
    const case_work *work = &self->of->works[who];

    for (unsigned step = 0; step < work->count; step++)
        if (work->ops[step].kind == OP_MOVE && work->ops[step].node == node)
            return true;
    return false;
}

static bool is_in(const case_tree *tree, uint8_t node, uint8_t directory)
{
    while (node != CASE_ROOT && node != directory)
        node = tree->nodes[node].parent;
    return node == directory;
}

/* The first of two steps that are published each removed the node, and the directory above it, or
 * only the node. */
static bool goes_before(const case_life *self, unsigned who, uint8_t node, uint8_t directory)
{
    const case_op *first = &self->of->works[who].ops[0];

    return self->of->scans_each[who] && first->kind == OP_DELETE && first->node < CASE_NODES &&
           is_in(&self->of->tree, node, first->node) &&
           !is_in(&self->of->tree, directory, first->node);
}

/* It went along with a directory that the other moved, so it may be there: rm -r d || mv d e. Where
 * it lay then is what the paper of the one says who removed it. */
static bool went_along(const case_life *self, const paper_disk disks[2], unsigned who, uint8_t node)
{
    const paper_disk *disk = &disks[who];

    for (uint8_t at = disk->nodes[node].parent; at != CASE_ROOT; at = disk->nodes[at].parent)
        if (at < CASE_NODES && !disk->nodes[at].is_there && moves(self, !who, at) &&
            !goes_before(self, who, node, at))
            return true;
    return false;
}

static bool is_anywhere(const case_life *self, const char *content)
{
    for (size_t k = 0; k < self->world.devices[0].file_count; k++)
        if (strcmp(self->world.devices[0].files[k].content, content) == 0)
            return true;
    return false;
}

/* Deletes stay dead: of a file that one deleted and the other did nothing to, nothing is left. */
static void check_dead(case_life *self, const paper_disk disks[2])
{
    const case_tree *tree = &self->of->tree;
    char content[24];

    for (uint8_t i = 0; i < tree->count; i++)
        for (unsigned who = 0; who < 2; who++) {
            if (tree->nodes[i].is_directory || disks[who].nodes[i].is_there ||
                touches(self, !who, i) || touches(self, who, i) || went_along(self, disks, who, i))
                continue;
            case_content(tree->nodes[i].content, content);
            if (!model_content_of(&self->world, content)->shared && is_anywhere(self, content))
                model_fail(&self->world, "deletes stay dead: %s is back", content);
        }
}

/* A directory that one moved and the other deleted, as all that they did, has its files. */
static void check_moved(case_life *self)
{
    const case_tree *tree = &self->of->tree;
    char content[24];

    for (unsigned who = 0; who < 2; who++) {
        const case_work *one = &self->of->works[who], *other = &self->of->works[!who];

        if (one->count != 1 || other->count != 1 || one->ops[0].kind != OP_DELETE ||
            other->ops[0].kind != OP_MOVE || !is_in(tree, other->ops[0].node, one->ops[0].node))
            continue;
        for (uint8_t i = 0; i < tree->count; i++) {
            case_content(tree->nodes[i].content, content);
            if (!tree->nodes[i].is_directory && is_in(tree, i, other->ops[0].node) &&
                !is_anywhere(self, content))
                model_fail(&self->world, "moved: %s is gone with what it lay in", content);
        }
    }
}

void case_check(case_life *self, const paper_disk disks[2])
{
    check_independent(self);
    check_untouched(self, disks);
    check_dead(self, disks);
    check_moved(self);
}
