/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/narrow.h"

#include "codec/item.h"
#include "peer/merge/plan.h"

#include <stdlib.h>

typedef struct {
    const cf_binding *binding;
    bool keeps_ways; /* directories that are passed through, also where they lead to nothing */
    bool flat;       /* and what is in them */
    cf_bytes *names; /* the way to what is being looked at */
    size_t name_capacity;
    uint64_t *out; /* what is not asked for */
    size_t count, capacity;
    size_t files; /* of them */
} narrowing;

static void leave_out(narrowing *self, const cf_node *node)
{
    self->out = cf_grow(self->out, &self->capacity, self->count + 1, sizeof *self->out);
    self->out[self->count++] = node->number;
    self->files += node->kind != CF_KIND_DIRECTORY;
}

static void leave_out_all(narrowing *self, const cf_node *node)
{
    for (const cf_node *child = NULL;
         (child = cf_nodes_next_child(self->binding->nodes, node->number, child));)
        leave_out_all(self, child);
    leave_out(self, node);
}

static bool keeps_any(narrowing *self, uint64_t directory, size_t depth);

static bool is_left(const cf_nodes *nodes, const cf_node *node)
{
    const cf_node *other = NULL;

    if (node->kind != CF_KIND_DIRECTORY || !node->item_count || !cf_node_is_left(node))
        return false;
    while ((other = cf_nodes_next_of_item(nodes, &node->items[0], other)))
        if (other->number != node->number)
            return true;
    return false;
}

/* The process ended while it was aside, or on its way to another directory: what counts is where
 * the next steps bring it, and what is in it. */
static bool is_on_its_way(const cf_nodes *nodes, const cf_node *node)
{
    return cf_node_is_aside(node) || is_left(nodes, node);
}

/* `depth`: directories above it, whose names are there. */
static bool keeps(narrowing *self, const cf_node *node, size_t depth)
{
    if (is_on_its_way(self->binding->nodes, node))
        return true;
    self->names = cf_grow(self->names, &self->name_capacity, depth + 1, sizeof *self->names);
    self->names[depth] = node->name;
    switch (cf_include_match(self->binding->matcher, self->names, depth + 1,
                             node->kind == CF_KIND_DIRECTORY)) {
    case CF_INCLUDE_IN:
        return true;
    case CF_INCLUDE_PASS:
        if (self->flat || keeps_any(self, node->number, depth + 1) || self->keeps_ways)
            return true;
        leave_out(self, node);
        return false;
    default:
        leave_out_all(self, node);
        return false;
    }
}

static bool keeps_any(narrowing *self, uint64_t directory, size_t depth)
{
    bool any = false;

    for (const cf_node *node = NULL;
         (node = cf_nodes_next_child(self->binding->nodes, directory, node));)
        any |= keeps(self, node, depth);
    return any;
}

static void forget(narrowing *self, cf_binding *binding, cf_records *records)
{
    for (size_t i = 0; i < self->count; i++)
        cf_binding_drop_node(binding, self->out[i], records);
    free(self->out);
    free(self->names);
}

size_t cf_narrow_count(const cf_binding *binding)
{
    narrowing self = {.binding = binding};

    if (cf_include_limits(binding->matcher))
        keeps_any(&self, CF_NODE_ROOT, 0);
    free(self.out);
    free(self.names);
    return self.files;
}

void cf_narrow_base(cf_binding *binding, cf_records *records)
{
    narrowing self = {.binding = binding};

    if (cf_include_limits(binding->matcher))
        keeps_any(&self, CF_NODE_ROOT, 0);
    forget(&self, binding, records);
}

bool cf_narrow_is_moved(const cf_binding *binding, const cf_finding *finding)
{
    const cf_node *node = cf_nodes_find(binding->nodes, finding->number);

    return cf_include_limits(binding->matcher) && node && node->kind == CF_KIND_DIRECTORY &&
           (node->parent != finding->parent || !cf_bytes_equal(node->name, finding->name));
}

/* The names of the directories that are above the node. */
static size_t name_above(narrowing *self, const cf_node *node)
{
    const cf_node *above = cf_nodes_find(self->binding->nodes, node->parent);

    if (!above)
        return 0;
    size_t depth = name_above(self, above);
    self->names = cf_grow(self->names, &self->name_capacity, depth + 1, sizeof *self->names);
    self->names[depth] = above->name;
    return depth + 1;
}

void cf_narrow_node(cf_binding *binding, uint64_t number, bool below, cf_records *records)
{
    narrowing self = {.binding = binding, .keeps_ways = true, .flat = !below};
    const cf_node *node = cf_nodes_find(binding->nodes, number);

    if (node && cf_include_limits(binding->matcher))
        keeps(&self, node, name_above(&self, node));
    forget(&self, binding, records);
}
