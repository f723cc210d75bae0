/* SPDX-License-Identifier: Apache-2.0 */
/* What is left out: what the patterns don't ask for, or, until the base has forgotten that, didn't
 * at some time since. A directory that is only passed through stays for what is in it. What a step
 * had under way when the process ended is not judged by where it lies. */
#include "peer/sources/files/deselect.h"

#include "codec/item.h"
#include "peer/log/tables.h"
#include "peer/merge/plan.h"

#include <stdlib.h>

typedef struct {
    const cf_binding *binding;
    bool keeps_ways; /* directories that are passed through, also where they lead to nothing */
    bool flat;       /* and what is in them */
    bool earlier;    /* what was asked for before counts, too */
    cf_bytes *names; /* the way to what is being looked at */
    size_t name_capacity;
    uint64_t *out; /* what is not asked for */
    size_t count, capacity;
    size_t files; /* of them */
} deselecting;

static void leave_out(deselecting *self, const cf_node *node)
{
    *cf_one_more(self->out, self->count, self->capacity) = node->number;
    self->files += node->kind != CF_KIND_DIRECTORY;
}

static void leave_out_all(deselecting *self, const cf_node *node)
{
    for (const cf_node *child = NULL;
         (child = cf_nodes_next_child(self->binding->nodes, node->number, child));)
        leave_out_all(self, child);
    leave_out(self, node);
}

static bool keeps_any(deselecting *self, uint64_t directory, size_t depth);

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

/* What is left out now, or was at some time. */
static cf_include_answer ask(const deselecting *self, const cf_node *node, size_t count)
{
    bool directory = node->kind == CF_KIND_DIRECTORY;
    const cf_binding *binding = self->binding;

    cf_include_answer answer = cf_include_match(binding->matcher, self->names, count, directory);
    for (size_t i = 0; self->earlier && i < binding->earlier_count; i++) {
        cf_include_answer then =
            cf_include_match(binding->earlier[i].matcher, self->names, count, directory);

        answer = then < answer ? then : answer;
    }
    return answer;
}

/* `depth`: directories above it, whose names are there. */
static bool keeps(deselecting *self, const cf_node *node, size_t depth)
{
    if (is_on_its_way(self->binding->nodes, node))
        return true;
    self->names = cf_grow(self->names, &self->name_capacity, depth + 1, sizeof *self->names);
    self->names[depth] = node->name;
    switch (ask(self, node, depth + 1)) {
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

static bool keeps_any(deselecting *self, uint64_t directory, size_t depth)
{
    bool any = false;

    for (const cf_node *node = NULL;
         (node = cf_nodes_next_child(self->binding->nodes, directory, node));)
        any |= keeps(self, node, depth);
    return any;
}

static void forget(deselecting *self, cf_binding *binding, cf_kv_list *records)
{
    for (size_t i = 0; i < self->count; i++)
        cf_binding_drop_node(binding, self->out[i], records);
    free(self->out);
    free(self->names);
}

size_t cf_deselect_count(const cf_binding *binding)
{
    deselecting self = {.binding = binding};

    if (cf_include_limits(binding->matcher))
        keeps_any(&self, CF_NODE_ROOT, 0);
    free(self.out);
    free(self.names);
    return self.files;
}

/* Nodes that go out are known until the store has forgotten them. */
static void put(const deselecting *self, cf_arena *arena, cf_kv_list *records)
{
    cf_binding now = *self->binding;

    for (size_t i = 0; i < self->count; i++)
        cf_kv_list_delete(records, cf_key_numbered(arena, CF_TABLE_NODE, now.number, self->out[i]));
    if (!now.earlier_count)
        return;
    now.earlier_count = 0;
    cf_binding_put(&now, records);
}

cf_status cf_deselect_base(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    deselecting self = {.binding = binding, .earlier = true};
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};
    cf_arena arena = {0};
    cf_status status = CF_OK;

    if (cf_include_limits(binding->matcher) || binding->earlier_count)
        keeps_any(&self, CF_NODE_ROOT, 0);
    put(&self, &arena, &records);
    if (records.count)
        status = store->write(store, cf_peer_user(peer), records.at, records.count, true, error);
    for (size_t i = 0; !status && i < self.count; i++)
        cf_nodes_drop(binding->nodes, self.out[i]);
    if (!status)
        cf_binding_end_earlier(binding);
    free(self.out);
    free(self.names);
    cf_kv_list_release(&records);
    cf_arena_release(&arena);
    return status;
}

bool cf_deselect_is_moved(const cf_binding *binding, const cf_finding *finding)
{
    const cf_node *node = cf_nodes_find(binding->nodes, finding->number);

    return cf_include_limits(binding->matcher) && node && node->kind == CF_KIND_DIRECTORY &&
           (node->parent != finding->parent || !cf_bytes_equal(node->name, finding->name));
}

/* The names of the directories that are above the node. */
static size_t name_above(deselecting *self, const cf_node *node)
{
    const cf_node *above = cf_nodes_find(self->binding->nodes, node->parent);

    if (!above)
        return 0;
    size_t depth = name_above(self, above);
    self->names = cf_grow(self->names, &self->name_capacity, depth + 1, sizeof *self->names);
    self->names[depth] = above->name;
    return depth + 1;
}

void cf_deselect_node(cf_binding *binding, uint64_t number, bool below, cf_kv_list *records)
{
    deselecting self = {.binding = binding, .keeps_ways = true, .flat = !below};
    const cf_node *node = cf_nodes_find(binding->nodes, number);

    if (node && cf_include_limits(binding->matcher))
        keeps(&self, node, name_above(&self, node));
    forget(&self, binding, records);
}
