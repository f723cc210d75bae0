/* SPDX-License-Identifier: Apache-2.0 */
/* The base after a scan: a field that the entry wrote shows that write, any other what it showed.
 *
 *     a's node shows /name A1, /content A1; the user edits a, which becomes entry A5:
 *     the node shows /name A1, /content A5. A /content B2 that the state got meanwhile is not among
 *     the refs: it is not on this disk, so the user's next edit doesn't replace B2 either */
#include "peer/merge/diff.h"

#include <assert.h>
#include <stdlib.h>

#include "peer/merge/covered.h"
#include "peer/merge/scanned_nodes.h"

typedef struct {
    const cf_diff *diff;
    const cf_dot *dots;
    cf_arena *arena;
    cf_scanned_nodes scanned;
    cf_node *nodes;
    size_t count, capacity;
    cf_ref *refs; /* of the node at work */
    size_t ref_count, ref_capacity;
} rebase_work;

static size_t first_change(const cf_diff *diff, const cf_id *item)
{
    return cf_changes_first(diff->changes, diff->count, item);
}

static bool is_of(const cf_diff *diff, size_t index, const cf_id *item)
{
    return index < diff->count && cf_id_equal(&diff->changes[index].item, item);
}

/* The entry deletes the item, and not only tells which of its deletions were seen. */
static bool deletes(const cf_diff *diff, const cf_id *item)
{
    size_t first = first_change(diff, item);

    return is_of(diff, first, item) && cf_field_is_deletion(diff->changes[first].field) &&
           cf_deletion_deletes(diff->changes[first].value);
}

/* Whether the diff gives the field a value; to clear it is none. */
static bool writes(const cf_diff *diff, const cf_id *item, cf_bytes field)
{
    for (size_t i = first_change(diff, item); is_of(diff, i, item); i++)
        if (diff->changes[i].value.size && cf_bytes_equal(diff->changes[i].field, field))
            return true;
    return false;
}

static void add_ref(rebase_work *rebasing, const cf_ref *ref)
{
    *cf_one_more(rebasing->refs, rebasing->ref_count, rebasing->ref_capacity) = *ref;
}

/* The refs of one item: where the entry writes the field that write alone. */
static void add_item_refs(rebase_work *rebasing, const cf_scanned_node *scanned, const cf_id *item)
{
    const cf_diff *diff = rebasing->diff;

    for (size_t i = 0; i < scanned->refs.count; i++) {
        const cf_ref *ref = &scanned->refs.at[i];

        if (cf_id_equal(&ref->item, item) && !writes(diff, item, ref->field))
            add_ref(rebasing, ref);
    }
    for (size_t i = first_change(diff, item); is_of(diff, i, item); i++)
        if (diff->changes[i].value.size && !cf_field_is_deletion(diff->changes[i].field))
            add_ref(rebasing, &(cf_ref){*item, *item, diff->changes[i].field, rebasing->dots[i]});
}

/* The bytes are copies: those of the base end when the base is changed. */
static cf_node node_of(const cf_scanned_node *scanned, cf_arena *arena)
{
    return (cf_node){
        .number = scanned->number,
        .parent = scanned->parent,
        .name = cf_arena_copy(arena, scanned->name),
        .kind = scanned->kind,
        .content = cf_arena_copy(arena, scanned->content),
        .mode = cf_arena_copy(arena, scanned->mode),
        .mtime = cf_arena_copy(arena, scanned->mtime),
        .stat = scanned->finding ? scanned->finding->stat : scanned->base->stat,
        .disk = scanned->finding ? scanned->finding->disk : scanned->base->disk,
        .is_met = scanned->base && scanned->base->is_met,
    };
}

/* An item that the entry deletes is none of its node's any more. */
static void add_node(rebase_work *rebasing, const cf_scanned_node *scanned)
{
    cf_node node = node_of(scanned, rebasing->arena);
    cf_id *items = cf_arena_allocate(rebasing->arena, scanned->item_count, sizeof *items);
    cf_buffer refs = {0};

    rebasing->ref_count = 0;
    for (size_t i = 0; i < scanned->item_count; i++) {
        if (deletes(rebasing->diff, &scanned->items[i]))
            continue;
        items[node.item_count++] = scanned->items[i];
        add_item_refs(rebasing, scanned, &scanned->items[i]);
    }
    cf_refs_pack(&refs, rebasing->refs, rebasing->ref_count);
    node.items = items;
    node.refs = cf_arena_copy(rebasing->arena, cf_buffer_view(&refs));
    cf_buffer_release(&refs);
    *cf_one_more(rebasing->nodes, rebasing->count, rebasing->capacity) = node;
}

/* Nodes that were not found by the scan, but an item of which the entry writes (a pin, a /kind, a
 * mode). */
static void add_others(rebase_work *rebasing, const cf_id *item)
{
    const cf_node *node = NULL;

    while ((node = cf_nodes_next_of_item(rebasing->diff->input->base, item, node))) {
        cf_scanned_node *scanned = cf_scanned_nodes_at(&rebasing->scanned, node->number);

        if (scanned->finding || scanned->gone || scanned->moved)
            continue;
        scanned->moved = true; /* once is enough */
        add_node(rebasing, scanned);
    }
}

void cf_diff_rebase(const cf_diff *diff, const cf_dot *dots, cf_arena *arena, const cf_node **nodes,
                    size_t *count)
{
    rebase_work rebasing = {.diff = diff, .dots = dots, .arena = arena};
    cf_scanned_node *const *found = diff->inner;

    cf_scanned_nodes_open(&rebasing.scanned, diff->input, arena);
    for (size_t i = 0; i < diff->input->found_count; i++)
        add_node(&rebasing, found[i]);
    for (size_t i = 0; i < diff->count; i++)
        if (i == 0 || !cf_id_equal(&diff->changes[i].item, &diff->changes[i - 1].item))
            add_others(&rebasing, &diff->changes[i].item);
    cf_node *copy = cf_arena_allocate(arena, rebasing.count, sizeof *copy);
    if (rebasing.count)
        memcpy(copy, rebasing.nodes, rebasing.count * sizeof *copy);
    *nodes = copy;
    *count = rebasing.count;
    cf_scanned_nodes_close(&rebasing.scanned);
    free(rebasing.nodes);
    free(rebasing.refs);
}
