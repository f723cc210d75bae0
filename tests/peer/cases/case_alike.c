/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/cases/case_alike.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_MADE = CASE_NODES, SECOND_MADE = CASE_NODES + 1, OWN = CASE_SHARED + 1 };

/* When each was last written; 0: it was not. */
typedef struct {
    uint8_t place, content, mode, gone;
} moments;

typedef struct {
    paper_node nodes[CASE_NODES + CASE_OPS];
    moments moments[CASE_NODES + CASE_OPS];
    uint8_t moment;
    uint32_t only; /* a work that is like no other */
} outcome;

typedef struct {
    outcome outcome;
    uint32_t number;
    unsigned steps;
} numbered;

unsigned case_steps(const case_work *work)
{
    unsigned count = 0;

    for (unsigned i = 0; i < work->count; i++)
        count += work->ops[i].kind != OP_NONE;
    return count;
}

static void swap_made(outcome *out)
{
    paper_node node = out->nodes[FIRST_MADE];
    moments when = out->moments[FIRST_MADE];

    out->nodes[FIRST_MADE] = out->nodes[SECOND_MADE];
    out->nodes[SECOND_MADE] = node;
    out->moments[FIRST_MADE] = out->moments[SECOND_MADE];
    out->moments[SECOND_MADE] = when;
    for (uint8_t i = 0; i < CASE_NODES + CASE_OPS; i++) {
        uint8_t *parent = &out->nodes[i].parent;

        if (*parent == FIRST_MADE || *parent == SECOND_MADE)
            *parent = FIRST_MADE + SECOND_MADE - *parent;
    }
}

static void tidy(outcome *out)
{
    const paper_node *first = &out->nodes[FIRST_MADE], *second = &out->nodes[SECOND_MADE];

    for (uint8_t i = 0; i < CASE_NODES + CASE_OPS; i++) {
        paper_node *node = &out->nodes[i];

        if (!node->is_there)
            *node = (paper_node){0};
        else if (node->content > OWN)
            node->content = OWN;
    }
    if (!second->is_there || second->parent == FIRST_MADE)
        return;
    if (!first->is_there || memcmp(second, first, sizeof *second) < 0)
        swap_made(out);
}

static void note_moments(const paper_disk *before, const paper_disk *after, const case_op *op,
                         uint8_t moment, outcome *out)
{
    for (uint8_t i = 0; i < CASE_NODES + CASE_OPS; i++) {
        moments *when = &out->moments[i];
        bool was = before->nodes[i].is_there, is = after->nodes[i].is_there;

        if (was && !is)
            when->gone = moment;
        if (!was && is)
            *when = (moments){moment, moment, moment, 0};
        if (!was || !is || op->node != i)
            continue;
        when->place = op->kind == OP_MOVE ? moment : when->place;
        when->content = op->kind == OP_EDIT ? moment : when->content;
        when->mode = op->kind == OP_CHMOD ? moment : when->mode;
    }
}

/* What is gone may come back as it was published last; what was made has its id from how it was
 * made first. */
static bool shows_another_past(const moments *when, bool is_made)
{
    bool written = when->place || when->content || when->mode;

    return (when->gone && written) ||
           (is_made && (when->place != when->content || when->content != when->mode));
}

static void make_outcome(const case_set *set, case_role role, uint32_t number, outcome *out)
{
    const case_work *work = &set->works[number];
    paper_disk disk, begun;
    uint8_t over;

    memset(out, 0, sizeof *out);
    paper_begin(&disk, &set->tree);
    begun = disk;
    for (uint8_t step = 0; step < work->count; step++) {
        paper_disk before = disk;

        paper_do(&disk, &work->ops[step], 0, step, &over);
        if (role == PUBLISHED_EACH)
            note_moments(&before, &disk, &work->ops[step], step + 1, out);
    }
    memcpy(out->nodes, disk.nodes, sizeof out->nodes);
    if (role == PUBLISHED_ONCE && !paper_equal(&disk, &begun))
        out->moment = work->count;
    for (uint8_t i = 0; i <= SECOND_MADE; i++)
        if (shows_another_past(&out->moments[i], i >= FIRST_MADE))
            out->only = number + 1;
    tidy(out);
}

static int compare(const void *left, const void *right)
{
    const numbered *a = left, *b = right;
    int order = memcmp(&a->outcome, &b->outcome, sizeof a->outcome);

    if (order)
        return order;
    if (a->steps != b->steps)
        return a->steps < b->steps ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

void case_alike(const case_set *set, case_role role, uint32_t *first)
{
    numbered *all = calloc(set->count + 1, sizeof *all);
    uint32_t number = 0;

    if (!all)
        abort();
    for (uint32_t i = 0; i < set->count; i++) {
        all[i].number = i;
        all[i].steps = case_steps(&set->works[i]);
        make_outcome(set, role, i, &all[i].outcome);
        if (role == RECEIVING)
            all[i].outcome.only = i + 1;
    }
    qsort(all, set->count, sizeof *all, compare);
    for (size_t i = 0; i < set->count; i++) {
        if (i == 0 || memcmp(&all[i].outcome, &all[i - 1].outcome, sizeof(outcome)) != 0)
            number = all[i].number;
        first[all[i].number] = number;
    }
    free(all);
}
