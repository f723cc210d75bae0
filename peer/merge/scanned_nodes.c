/* SPDX-License-Identifier: Apache-2.0 */
/* A scanned node is made of the base's node when it is first asked for, and the findings are laid
 * over theirs at the beginning; those are then in the order of their paths, so that a directory is
 * scanned before what lies in it. */
#include "peer/merge/scanned_nodes.h"

#include "peer/merge/covered.h"

#include <assert.h>
#include <stdlib.h>

/* ---- What a scan drafts ---- */

void cf_draft_set(cf_change_draft *draft, cf_refs refs, const cf_id *item, uint32_t field,
                  cf_bytes value, bool weak)
{
    cf_bytes name = cf_field_fixed(field);

    cf_change_draft_write(draft, item, name, value, weak);
    for (size_t i = 0; i < refs.count; i++) {
        const cf_ref *ref = &refs.at[i];

        if (!cf_id_equal(&ref->item, item) || !cf_bytes_equal(ref->field, name))
            continue;
        cf_change_draft_over(draft, &ref->holder, name, &ref->dot); /* where it is stored */
    }
}

void cf_draft_delete(cf_change_draft *draft, cf_refs refs, const cf_id *item)
{
    cf_cover *covers = cf_allocate(refs.count, sizeof *covers);
    size_t count = 0;
    cf_buffer value = {0};

    for (size_t i = 0; i < refs.count; i++)
        if (cf_id_equal(&refs.at[i].item, item))
            covers[count++] = (cf_cover){refs.at[i].field, refs.at[i].dot};
    cf_covers_pack(&value, covers, count);
    cf_change_draft_write(draft, item, cf_field_fixed(CF_FIELD_NUMBER_DELETED),
                          cf_arena_copy(draft->arena, cf_buffer_view(&value)), false);
    cf_buffer_release(&value);
    free(covers);
}

bool cf_draft_has(const cf_change_draft *draft, const cf_id *item, uint32_t field)
{
    return cf_change_draft_has(draft, item, cf_field_fixed(field));
}

bool cf_draft_deletes(const cf_change_draft *draft, const cf_id *item)
{
    cf_bytes value = cf_change_draft_value(draft, item, cf_field_fixed(CF_FIELD_NUMBER_DELETED));

    return value.size && cf_deletion_deletes(value);
}

/* ---- Nodes ---- */

static uint64_t hash_of(uint64_t number)
{
    return cf_hash_bytes(0, cf_bytes_of(&number, sizeof number));
}

static cf_scanned_node *find(const cf_scanned_nodes *nodes, uint64_t number)
{
    for (cf_hash_link *link = cf_hash_table_first(&nodes->table, hash_of(number)); link;
         link = cf_hash_table_next(link))
        if (cf_container_of(link, cf_scanned_node, link)->number == number)
            return cf_container_of(link, cf_scanned_node, link);
    return NULL;
}

static void take_base(cf_scanned_nodes *nodes, cf_scanned_node *scanned, const cf_node *base)
{
    cf_ref *refs = NULL;
    size_t count = 0;
    cf_error error;
    cf_status status = cf_refs_read(base->refs, nodes->arena, &refs, &count, &error);

    assert(status == CF_OK); /* cf_nodes_put read them */
    (void)status;
    scanned->base = base;
    scanned->items = base->items;
    scanned->item_count = base->item_count;
    scanned->refs = (cf_refs){refs, count};
    scanned->parent = base->parent;
    scanned->name = base->name;
    scanned->kind = base->kind;
    scanned->content = base->content;
    scanned->mode = base->mode;
    scanned->mtime = base->mtime;
}

static cf_scanned_node *get(cf_scanned_nodes *nodes, uint64_t number)
{
    cf_scanned_node *scanned = find(nodes, number);

    if (scanned)
        return scanned;
    const cf_node *base = cf_nodes_find(nodes->input->base, number);
    scanned = cf_arena_allocate(nodes->arena, 1, sizeof *scanned);
    scanned->number = number;
    if (base)
        take_base(nodes, scanned, base);
    cf_hash_table_add(&nodes->table, &scanned->link, hash_of(number));
    return scanned;
}

/* What was found takes the place of what the base says; a node never becomes another kind of thing.
 */
static void take_finding(cf_scanned_node *scanned, const cf_finding *finding)
{
    assert(finding->number != CF_NODE_ROOT);
    assert(!scanned->base || scanned->base->kind == finding->kind);
    scanned->finding = finding;
    scanned->parent = finding->parent;
    scanned->name = finding->name;
    scanned->kind = finding->kind;
    scanned->content = finding->content;
    scanned->mode = finding->mode;
    scanned->mtime = finding->mtime;
}

static void find_path(cf_scanned_nodes *nodes, cf_scanned_node *scanned)
{
    size_t depth = 0;

    for (cf_scanned_node *at = scanned; at; at = cf_scanned_nodes_at(nodes, at->parent))
        depth++;
    cf_bytes *path = cf_arena_allocate(nodes->arena, depth, sizeof *path);
    scanned->path = path;
    scanned->depth = depth;
    for (cf_scanned_node *at = scanned; at; at = cf_scanned_nodes_at(nodes, at->parent))
        path[--depth] = at->name;
}

static int by_path(const void *left, const void *right)
{
    const cf_scanned_node *a = *(cf_scanned_node *const *)left,
                          *b = *(cf_scanned_node *const *)right;

    for (size_t i = 0; i < a->depth && i < b->depth; i++) {
        int order = cf_bytes_compare(a->path[i], b->path[i]);

        if (order)
            return order;
    }
    return (a->depth > b->depth) - (a->depth < b->depth);
}

void cf_scanned_nodes_open(cf_scanned_nodes *nodes, const cf_diff_input *input, cf_arena *arena)
{
    *nodes = (cf_scanned_nodes){.input = input, .arena = arena};
    nodes->found = cf_arena_allocate(arena, input->found_count, sizeof *nodes->found);
    for (size_t i = 0; i < input->found_count; i++) {
        nodes->found[i] = get(nodes, input->found[i].number);
        take_finding(nodes->found[i], &input->found[i]);
    }
    for (size_t i = 0; i < input->gone_count; i++)
        get(nodes, input->gone[i])->gone = true;
    for (size_t i = 0; i < input->found_count; i++)
        find_path(nodes, nodes->found[i]);
    qsort(nodes->found, input->found_count, sizeof *nodes->found, by_path);
}

void cf_scanned_nodes_close(cf_scanned_nodes *nodes)
{
    cf_hash_table_release(&nodes->table);
}

cf_scanned_node *cf_scanned_nodes_at(cf_scanned_nodes *nodes, uint64_t number)
{
    return number == CF_NODE_ROOT ? NULL : get(nodes, number);
}

bool cf_scanned_node_shows(const cf_scanned_node *scanned, const cf_id *item, uint32_t field)
{
    for (size_t i = 0; i < scanned->refs.count; i++)
        if (cf_id_equal(&scanned->refs.at[i].item, item) &&
            cf_field_is(scanned->refs.at[i].field, field))
            return true;
    return false;
}

void cf_scanned_nodes_above(cf_scanned_nodes *nodes, const cf_scanned_node *scanned,
                            const cf_id **items, size_t *count)
{
    const cf_scanned_node *above = cf_scanned_nodes_at(nodes, scanned->parent);

    *items = above ? above->items : &cf_root_item;
    *count = above ? above->item_count : 1;
}
