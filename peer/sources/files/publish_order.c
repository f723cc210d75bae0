/* SPDX-License-Identifier: Apache-2.0 */
/* The deleted ones are sorted by their ways: the numbers of the directories from the root's child
 * down to the one they lay in, or to themselves if they are directories.
 *
 *     d, d/e, d/f, d/e/f with d 1 and e 2: ways 1; 1 2; 1; 1 2; told as d, d/f, d/e, d/e/f
 */
#include "peer/sources/files/publish_order.h"

#include "codec/hash_table.h"
#include "peer/merge/covered.h"

#include <stdlib.h>

typedef struct {
    cf_hash_link link;
    uint64_t directory; /* the last of its numbers; CF_NODE_ROOT: it has none */
    size_t depth;
    uint64_t *numbers;
} way;

typedef struct {
    cf_hash_link link;
    const cf_finding *finding;
} taken_place;

typedef struct {
    const cf_nodes *nodes;
    cf_arena arena;
    cf_hash_table ways;  /* by directory */
    cf_hash_table taken; /* places in which something was found */
} ways;

typedef struct {
    cf_item_changes changes;
    bool is_replaced; /* it is deleted, and something else has its place */
    const way *way;   /* NULL: that, or the item stays, or the base has it nowhere */
} placed;

static uint64_t hash_number(uint64_t number)
{
    return cf_hash_bytes(0, cf_bytes_of(&number, sizeof number));
}

static way *add_way(ways *self, uint64_t directory, size_t depth)
{
    way *added = cf_arena_allocate(&self->arena, 1, sizeof *added);

    added->directory = directory;
    added->depth = depth;
    added->numbers = cf_arena_allocate(&self->arena, depth, sizeof *added->numbers);
    cf_hash_table_add(&self->ways, &added->link, hash_number(directory));
    return added;
}

static const way *way_to(ways *self, uint64_t directory)
{
    size_t depth = 0;

    for (cf_hash_link *link = cf_hash_table_first(&self->ways, hash_number(directory)); link;
         link = cf_hash_table_next(link))
        if (cf_container_of(link, way, link)->directory == directory)
            return cf_container_of(link, way, link);
    for (const cf_node *node = cf_nodes_find(self->nodes, directory); node;
         node = cf_nodes_find(self->nodes, node->parent))
        depth++;
    way *added = add_way(self, directory, depth);
    for (const cf_node *node = cf_nodes_find(self->nodes, directory); node;
         node = cf_nodes_find(self->nodes, node->parent))
        added->numbers[--depth] = node->number;
    return added;
}

static int compare_ways(const way *a, const way *b)
{
    if (a == b)
        return 0;
    if (!a || !b)
        return a ? 1 : -1;
    for (size_t i = 0; i < a->depth && i < b->depth; i++)
        if (a->numbers[i] != b->numbers[i])
            return a->numbers[i] < b->numbers[i] ? -1 : 1;
    return a->depth < b->depth ? -1 : 1;
}

static int by_way_and_item(const void *left, const void *right)
{
    const placed *a = left, *b = right;
    int order =
        a->is_replaced != b->is_replaced ? (a->is_replaced ? -1 : 1) : compare_ways(a->way, b->way);

    return order ? order : a->changes.from < b->changes.from ? -1 : 1;
}

bool cf_publish_deletes(const cf_change *change)
{
    return cf_field_is_deletion(change->field) && cf_deletion_deletes(change->value);
}

static uint64_t hash_place(uint64_t directory, cf_bytes name)
{
    return cf_hash_bytes(hash_number(directory), name);
}

static void note_taken(ways *self, const cf_diff_input *input)
{
    taken_place *places = cf_arena_allocate(&self->arena, input->found_count, sizeof *places);

    for (size_t i = 0; i < input->found_count; i++) {
        places[i].finding = &input->found[i];
        cf_hash_table_add(&self->taken, &places[i].link,
                          hash_place(input->found[i].parent, input->found[i].name));
    }
}

static bool is_taken(const ways *self, const cf_node *node)
{
    const uint64_t hash = hash_place(node->parent, node->name);

    for (cf_hash_link *link = cf_hash_table_first(&self->taken, hash); link;
         link = cf_hash_table_next(link)) {
        const cf_finding *by = cf_container_of(link, taken_place, link)->finding;

        if (by->parent == node->parent && cf_bytes_equal(by->name, node->name) &&
            by->number != node->number)
            return true;
    }
    return false;
}

/* Of what was shown in several places, that in one of them. */
static void place_deleted(ways *self, const cf_id *item, placed *out)
{
    const cf_node *node = cf_nodes_next_of_item(self->nodes, item, NULL);

    if (!node)
        return;
    out->is_replaced = is_taken(self, node);
    if (!out->is_replaced)
        out->way = way_to(self, node->kind == CF_KIND_DIRECTORY ? node->number : node->parent);
}

cf_item_changes *cf_publish_order(const cf_nodes *nodes, const cf_diff *scan, cf_arena *arena,
                                  size_t *count)
{
    ways self = {.nodes = nodes};
    placed *items = cf_arena_allocate(&self.arena, scan->count, sizeof *items);
    size_t n = 0;

    note_taken(&self, scan->input);
    for (size_t from = 0, to; from < scan->count; from = to) {
        const cf_change *first = &scan->changes[from];
        const bool is_deleted = cf_publish_deletes(first);

        for (to = from + 1; to < scan->count && cf_id_equal(&scan->changes[to].item, &first->item);)
            to++;
        items[n] = (placed){.changes = {from, to, is_deleted}};
        if (is_deleted)
            place_deleted(&self, &first->item, &items[n]);
        n++;
    }
    if (n)
        qsort(items, n, sizeof *items, by_way_and_item);
    cf_item_changes *ordered = cf_arena_allocate(arena, n, sizeof *ordered);
    for (size_t i = 0; i < n; i++)
        ordered[i] = items[i].changes;
    *count = n;
    cf_hash_table_release(&self.ways);
    cf_hash_table_release(&self.taken);
    cf_arena_release(&self.arena);
    return ordered;
}
