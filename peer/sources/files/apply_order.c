/* SPDX-License-Identifier: Apache-2.0 */
/* In which order a batch's steps are done: who wants another's place comes after it, and where they
 * wait for each other all round, one of them steps aside. Each step is looked at a few times,
 * however many wait for one another. */
#include "peer/sources/files/apply_inside.h"

#include "codec/hash_table.h"
#include "peer/adapters/spellings.h"

#include <stdlib.h>

enum { NONE = SIZE_MAX };

/* A step of a node that is there, by the node's number. */
typedef struct {
    uint64_t number;
    cf_task *task;
    bool visited;

    /* While rings are looked for, of those that wait: */
    const cf_node *next; /* stands in its way; NULL: nothing does */
    size_t after;        /* the link of `next`; NONE: it waits for nothing */
    uint64_t last;       /* what it waits for in the end; in a ring, what waits for it */
    size_t chain;        /* the same for all that wait for one another */
    bool resolved;

    cf_hash_link by_spelling; /* where the node lies, but for the case of its name */
    size_t walk;
} link;

typedef struct {
    cf_applying *applying;
    const cf_nodes *nodes;
    link *links;
    size_t count;
    size_t *path; /* room for as many links */
    cf_node_set held_up;
    bool *broken; /* chains in which somebody stepped aside */
    size_t chain_count;
} order;

static int by_number(const void *a, const void *b)
{
    uint64_t one = ((const link *)a)->number, other = ((const link *)b)->number;

    return (one > other) - (one < other);
}

static size_t find(const order *self, uint64_t number)
{
    const link wanted = {.number = number};
    const link *found =
        self->count ? bsearch(&wanted, self->links, self->count, sizeof wanted, by_number) : NULL;

    return found ? (size_t)(found - self->links) : NONE;
}

static void open_order(order *self, cf_applying *applying)
{
    size_t most = applying->end - applying->first;

    *self = (order){.applying = applying, .nodes = applying->options.binding->nodes};
    self->links = cf_allocate(most, sizeof *self->links);
    self->path = cf_allocate(most, sizeof *self->path);
    self->broken = cf_allocate(most, sizeof *self->broken);
    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];

        if (task->state == CF_TASK_WAITING && task->step.node)
            self->links[self->count++] = (link){.number = task->number, .task = task};
    }
    if (self->count)
        qsort(self->links, self->count, sizeof *self->links, by_number);
}

static void close_order(order *self)
{
    free(self->links);
    free(self->path);
    free(self->broken);
    cf_node_set_release(&self->held_up);
}

/* ---- One after the other ---- */

static bool perform(const order *self, cf_task *task)
{
    if (!cf_task_is_prepared(task) || !cf_step_is_ready(self->nodes, &task->step, task->number))
        return false;
    cf_task_perform(&self->applying->place, task);
    return task->state == CF_TASK_DONE;
}

/* The step of what stands where this one's node is to go. */
static size_t place_is_of(const order *self, const cf_task *task)
{
    const cf_node *there =
        task->step.kind == CF_STEP_DELETE
            ? NULL
            : cf_nodes_child(self->nodes, task->step.parent, task->step.shown->name);

    return there && there->number != task->number ? find(self, there->number) : NONE;
}

/* First the one whose place it wants, and the one whose place that wants, and so on. */
static bool perform_chain(order *self, cf_task *task)
{
    size_t depth = 0;

    for (size_t at = place_is_of(self, task); at != NONE && !self->links[at].visited;
         at = place_is_of(self, self->links[at].task)) {
        self->links[at].visited = true;
        self->path[depth++] = at;
    }
    bool progress = false;
    while (depth)
        progress |= perform(self, self->links[self->path[--depth]].task);
    return perform(self, task) || progress;
}

static bool perform_pass(order *self)
{
    cf_applying *applying = self->applying;
    bool progress = false;

    for (size_t i = 0; i < self->count; i++)
        self->links[i].visited = false;
    for (size_t i = applying->first; i < applying->end; i++)
        if (applying->tasks[i].state == CF_TASK_WAITING)
            progress |= perform_chain(self, &applying->tasks[i]);
    return progress;
}

/* ---- What has failed or stands blocked ---- */

/* There or below: the directories above it are, too. */
static void find_held_up(order *self)
{
    const cf_applying *applying = self->applying;

    self->held_up.count = 0;
    for (size_t i = 0; i < applying->count; i++) {
        const cf_task *task = &applying->tasks[i];
        const cf_node *node = NULL;

        if ((task->state == CF_TASK_FAILED || task->state == CF_TASK_BLOCKED) && task->step.node)
            node = cf_nodes_find(self->nodes, task->number);
        for (; node; node = cf_nodes_find(self->nodes, node->parent))
            cf_node_set_add(&self->held_up, node->number);
    }
    cf_node_set_sort(&self->held_up);
}

/* ---- Rings ---- */

static void find_next(order *self)
{
    for (size_t i = 0; i < self->count; i++) {
        link *it = &self->links[i];

        it->resolved = false;
        it->after = NONE;
        it->last = it->number;
        it->next = it->task->state == CF_TASK_WAITING
                       ? cf_step_in_the_way(self->nodes, &it->task->step)
                       : NULL;
        if (it->next)
            it->after = find(self, it->next->number);
    }
}

/* Those of the path that go round; returns how many are before them. */
static size_t close_ring(order *self, size_t begin, size_t depth)
{
    size_t at = depth;

    do {
        const link *it = &self->links[self->path[--at]];

        self->links[it->after].last = it->number;
    } while (self->path[at] != begin);
    return at;
}

/* From one to where its chain ends, or goes on in what is known. */
static void resolve(order *self, size_t from)
{
    size_t depth = 0, at = from, before;
    size_t chain = self->chain_count;
    uint64_t last;

    for (; at != NONE && !self->links[at].resolved; at = self->links[at].after) {
        self->links[at].resolved = true;
        self->links[at].chain = NONE;
        self->path[depth++] = at;
    }
    const link *end = &self->links[self->path[depth - 1]];
    if (at == NONE) {
        last = end->next ? end->next->number : end->number;
        before = depth;
    } else if (self->links[at].chain == NONE) {
        last = self->links[at].number;
        before = close_ring(self, at, depth);
    } else {
        last = self->links[at].last;
        chain = self->links[at].chain;
        before = depth;
    }
    self->chain_count += chain == self->chain_count;
    for (size_t i = 0; i < depth; i++)
        self->links[self->path[i]].chain = chain;
    for (size_t i = 0; i < before; i++)
        self->links[self->path[i]].last = last;
}

static void find_chains(order *self)
{
    find_next(self);
    self->chain_count = 0;
    for (size_t i = 0; i < self->count; i++)
        if (!self->links[i].resolved)
            resolve(self, i);
    for (size_t i = 0; i < self->chain_count; i++)
        self->broken[i] = false;
}

/* It, or what it waits for in the end: aside, it would be hidden for long, or for good. */
static bool stays_aside(const order *self, const cf_node *node)
{
    size_t at = find(self, node->number);
    uint64_t last = at == NONE ? node->number : self->links[at].last;

    return cf_plan_leaves(self->applying->collection->state, node) ||
           cf_node_set_have(&self->held_up, node->number) ||
           (last != node->number && cf_node_set_have(&self->held_up, last));
}

static size_t chain_of(const order *self, const cf_task *task, const cf_node *in_the_way)
{
    size_t at = find(self, in_the_way->number);

    if (at == NONE)
        at = task->step.node ? find(self, task->number) : NONE;
    return at == NONE ? NONE : self->links[at].chain;
}

/* Whatever was to become of the directory, and of what is in it, is planned anew. */
static bool take_over(const order *self, cf_task *task, const cf_node *node)
{
    const uint64_t number = node->number;
    const size_t at = find(self, number);
    cf_ids items = {0};

    for (size_t i = 0; i < node->item_count; i++)
        cf_ids_add(&items, &node->items[i]);
    bool taken = cf_task_take_over(&self->applying->place, task, node);
    if (taken) {
        cf_applying_mark(self->applying, items.at, items.count);
        cf_applying_mark_below(self->applying, cf_nodes_find(self->nodes, number));
    }
    if (taken && at != NONE && self->links[at].task->state == CF_TASK_WAITING) {
        self->links[at].task->state = CF_TASK_DONE;
        cf_applying_mark(self->applying, &self->links[at].task->step.group, 1);
    }
    free(items.at);
    return taken;
}

static bool frees_place(const order *self, cf_task *task, const cf_node *in_the_way)
{
    return take_over(self, task, in_the_way) ||
           cf_task_step_aside(&self->applying->place, task, in_the_way);
}

/* One of each chain steps aside, or is taken over. */
static bool break_rings(order *self)
{
    cf_applying *applying = self->applying;
    bool any = false;

    find_held_up(self);
    find_chains(self);
    for (size_t i = applying->first; i < applying->end; i++) {
        cf_task *task = &applying->tasks[i];
        const cf_node *node =
            cf_task_is_prepared(task) ? cf_step_in_the_way(self->nodes, &task->step) : NULL;
        size_t chain = node ? chain_of(self, task, node) : NONE;

        if (!node || (chain != NONE && self->broken[chain]) ||
            !cf_step_may_show(self->nodes, &task->step, task->number) || stays_aside(self, node))
            continue;
        any |= frees_place(self, task, node);
        if (chain != NONE)
            self->broken[chain] = true; /* or can't be: who stepped aside would stay there */
    }
    return any;
}

/* ---- Rings of names that are one on this disk ---- */

static uint64_t key_of(uint64_t parent, cf_bytes name)
{
    uint64_t key = cf_hash_bytes(0, cf_bytes_of(&parent, sizeof parent));

    for (size_t i = 0; i < name.size; i++) {
        const uint8_t letter = cf_spelling_lower(name.data[i]);

        key = cf_hash_bytes(key, cf_bytes_of(&letter, 1));
    }
    return key;
}

/* Whoever lies where this one is to go, in whatever case, and is to go elsewhere itself. */
static link *holder(const order *self, const cf_hash_table *spellings, const link *it)
{
    const cf_step *step = &it->task->step;
    cf_hash_link *at = step->kind == CF_STEP_UPDATE
                           ? cf_hash_table_first(spellings, key_of(step->parent, step->shown->name))
                           : NULL;

    for (; at; at = cf_hash_table_next(at)) {
        link *other = cf_container_of(at, link, by_spelling);
        const cf_node *node = cf_nodes_find(self->nodes, other->number);

        if (other != it && node->parent == step->parent &&
            cf_spelling_alike(node->name, step->shown->name))
            return other;
    }
    return NULL;
}

static bool is_ring(const order *self, const cf_hash_table *spellings, link *begin)
{
    for (link *at = begin; at; at = holder(self, spellings, at)) {
        if (at->walk)
            return at == begin && at->walk == begin->number;
        at->walk = begin->number;
    }
    return false;
}

/* `a` is to be `B`, and `b` to be `A`: one of them steps aside. */
static bool break_respellings(order *self)
{
    cf_task_place *place = &self->applying->place;
    cf_hash_table spellings = {0};
    bool any = false;

    for (size_t i = 0; i < self->count; i++) {
        const cf_node *node = cf_nodes_find(self->nodes, self->links[i].number);

        self->links[i].walk = 0;
        if (node && self->links[i].task->state == CF_TASK_WAITING && !cf_node_is_aside(node))
            cf_hash_table_add(&spellings, &self->links[i].by_spelling,
                              key_of(node->parent, node->name));
    }
    for (cf_hash_link *at = NULL; (at = cf_hash_table_walk(&spellings, at));) {
        link *it = cf_container_of(at, link, by_spelling);
        const cf_node *node = cf_nodes_find(self->nodes, it->number);

        if (cf_task_is_prepared(it->task) && is_ring(self, &spellings, it) &&
            !stays_aside(self, node))
            any |= cf_task_step_aside(place, it->task, node);
    }
    cf_hash_table_release(&spellings);
    return any;
}

/* ---- All of it ---- */

/* Somebody does. */
static bool step_aside(order *self)
{
    return break_rings(self) ||
           (cf_disk_folds(&self->applying->options.binding->traits) && break_respellings(self));
}

/* What is left waits for directories that are being removed; then for each other, or for a step of
 * a later batch. */
void cf_applying_perform(cf_applying *applying)
{
    order self;
    bool goes_on;

    open_order(&self, applying);
    do {
        while (perform_pass(&self))
            ;
        goes_on = applying->place.leaving;
        if (goes_on)
            cf_applying_start_removing(applying);
        else
            goes_on = applying->is_last && step_aside(&self);
    } while (goes_on && !applying->jobs);
    close_order(&self);
}
