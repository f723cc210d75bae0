/* SPDX-License-Identifier: Apache-2.0 */
/* A spot is made of the base's node when it is first asked for, and the findings are laid over
 * theirs at the beginning; those are then in the order of their paths, so that a directory is
 * scanned before what lies in it. */
#include "peer/merge/spots.h"

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

/* ---- Spots ---- */

static uint64_t hash_of(uint64_t number)
{
    return cf_hash_bytes(0, cf_bytes_of(&number, sizeof number));
}

static cf_spot *find(const cf_spots *spots, uint64_t number)
{
    for (cf_hash_link *link = cf_hash_table_first(&spots->table, hash_of(number)); link;
         link = cf_hash_table_next(link))
        if (cf_container_of(link, cf_spot, link)->number == number)
            return cf_container_of(link, cf_spot, link);
    return NULL;
}

static void take_base(cf_spots *spots, cf_spot *spot, const cf_node *base)
{
    cf_ref *refs = NULL;
    size_t count = 0;
    cf_error error;
    cf_status status = cf_refs_read(base->refs, spots->arena, &refs, &count, &error);

    assert(status == CF_OK); /* cf_nodes_put read them */
    (void)status;
    spot->base = base;
    spot->items = base->items;
    spot->item_count = base->item_count;
    spot->refs = (cf_refs){refs, count};
    spot->parent = base->parent;
    spot->name = base->name;
    spot->kind = base->kind;
    spot->content = base->content;
    spot->mode = base->mode;
    spot->mtime = base->mtime;
}

static cf_spot *get(cf_spots *spots, uint64_t number)
{
    cf_spot *spot = find(spots, number);

    if (spot)
        return spot;
    const cf_node *base = cf_nodes_find(spots->input->base, number);
    spot = cf_arena_allocate(spots->arena, 1, sizeof *spot);
    spot->number = number;
    if (base)
        take_base(spots, spot, base);
    cf_hash_table_add(&spots->table, &spot->link, hash_of(number));
    return spot;
}

static void take_finding(cf_spot *spot, const cf_finding *finding)
{
    assert(finding->number != CF_NODE_ROOT);
    assert(!spot->base || spot->base->kind == finding->kind);
    spot->finding = finding;
    spot->parent = finding->parent;
    spot->name = finding->name;
    spot->kind = finding->kind;
    spot->content = finding->content;
    spot->mode = finding->mode;
    spot->mtime = finding->mtime;
}

static void find_path(cf_spots *spots, cf_spot *spot)
{
    size_t depth = 0;

    for (cf_spot *at = spot; at; at = cf_spots_at(spots, at->parent))
        depth++;
    cf_bytes *path = cf_arena_allocate(spots->arena, depth, sizeof *path);
    spot->path = path;
    spot->depth = depth;
    for (cf_spot *at = spot; at; at = cf_spots_at(spots, at->parent))
        path[--depth] = at->name;
}

static int by_path(const void *left, const void *right)
{
    const cf_spot *a = *(cf_spot *const *)left, *b = *(cf_spot *const *)right;

    for (size_t i = 0; i < a->depth && i < b->depth; i++) {
        int order = cf_bytes_compare(a->path[i], b->path[i]);

        if (order)
            return order;
    }
    return (a->depth > b->depth) - (a->depth < b->depth);
}

void cf_spots_open(cf_spots *spots, const cf_scan_input *input, cf_arena *arena)
{
    *spots = (cf_spots){.input = input, .arena = arena};
    spots->found = cf_arena_allocate(arena, input->found_count, sizeof *spots->found);
    for (size_t i = 0; i < input->found_count; i++) {
        spots->found[i] = get(spots, input->found[i].number);
        take_finding(spots->found[i], &input->found[i]);
    }
    for (size_t i = 0; i < input->gone_count; i++)
        get(spots, input->gone[i])->gone = true;
    for (size_t i = 0; i < input->found_count; i++)
        find_path(spots, spots->found[i]);
    qsort(spots->found, input->found_count, sizeof *spots->found, by_path);
}

void cf_spots_close(cf_spots *spots)
{
    cf_hash_table_release(&spots->table);
}

cf_spot *cf_spots_at(cf_spots *spots, uint64_t number)
{
    return number == CF_NODE_ROOT ? NULL : get(spots, number);
}

bool cf_spot_shows(const cf_spot *spot, const cf_id *item, uint32_t field)
{
    for (size_t i = 0; i < spot->refs.count; i++)
        if (cf_id_equal(&spot->refs.at[i].item, item) && cf_field_is(spot->refs.at[i].field, field))
            return true;
    return false;
}

void cf_spots_above(cf_spots *spots, const cf_spot *spot, const cf_id **items, size_t *count)
{
    const cf_spot *above = cf_spots_at(spots, spot->parent);

    *items = above ? above->items : &cf_root_item;
    *count = above ? above->item_count : 1;
}
