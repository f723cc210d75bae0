/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/draft.h"

#include <stdlib.h>

typedef struct replaced {
    struct replaced *next;
    cf_dot dot;
} replaced;

typedef struct {
    cf_table_link link;
    cf_id item;
    cf_bytes field;
    cf_bytes value;
    bool weak;
    replaced *over;
    size_t over_count;
} drafted;

static uint64_t hash_of(const cf_id *item, cf_bytes field)
{
    return cf_hash_bytes(cf_hash_id(0, item), field);
}

static drafted *find(const cf_draft *draft, const cf_id *item, cf_bytes field)
{
    for (cf_table_link *link = cf_table_first(&draft->table, hash_of(item, field)); link;
         link = cf_table_next(link)) {
        drafted *known = cf_linked(link, drafted, link);

        if (cf_id_equal(&known->item, item) && cf_bytes_equal(known->field, field))
            return known;
    }
    return NULL;
}

static drafted *get(cf_draft *draft, const cf_id *item, cf_bytes field)
{
    drafted *change = find(draft, item, field);

    if (change)
        return change;
    change = cf_arena_allocate(draft->arena, 1, sizeof *change);
    change->item = *item;
    change->field = field;
    cf_table_add(&draft->table, &change->link, hash_of(item, field));
    return change;
}

static void add_over(cf_draft *draft, drafted *change, const cf_dot *dot)
{
    for (const replaced *known = change->over; known; known = known->next)
        if (cf_dot_equal(&known->dot, dot))
            return;
    replaced *added = cf_arena_allocate(draft->arena, 1, sizeof *added);
    added->dot = *dot;
    added->next = change->over;
    change->over = added;
    change->over_count++;
}

void cf_draft_set(cf_draft *draft, cf_refs refs, const cf_id *item, uint32_t field, cf_bytes value,
                  bool weak)
{
    cf_bytes name = cf_field_fixed(field);
    drafted *change = get(draft, item, name);

    change->value = value;
    change->weak = weak;
    for (size_t i = 0; i < refs.count; i++) {
        const cf_ref *ref = &refs.at[i];

        if (!cf_id_equal(&ref->item, item) || !cf_bytes_equal(ref->field, name))
            continue;
        if (cf_id_equal(&ref->holder, item)) /* else the write is removed where it is stored */
            add_over(draft, change, &ref->dot);
        else
            add_over(draft, get(draft, &ref->holder, name), &ref->dot);
    }
}

void cf_draft_delete(cf_draft *draft, cf_refs refs, const cf_id *item)
{
    drafted *change = get(draft, item, cf_field_fixed(CF_FIELD_NUMBER_DELETED));
    cf_cover *covers = cf_allocate(refs.count, sizeof *covers);
    size_t count = 0;
    cf_buffer value = {0};

    for (size_t i = 0; i < refs.count; i++)
        if (cf_id_equal(&refs.at[i].item, item))
            covers[count++] = (cf_cover){refs.at[i].field, refs.at[i].dot};
    cf_covers_pack(&value, covers, count);
    change->value = cf_arena_copy(draft->arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    free(covers);
}

bool cf_draft_has(const cf_draft *draft, const cf_id *item, uint32_t field)
{
    return find(draft, item, cf_field_fixed(field)) != NULL;
}

static int by_dot(const void *left, const void *right)
{
    return cf_dot_compare(left, right);
}

static cf_change finished(const drafted *change, cf_arena *arena)
{
    cf_dot *over = cf_arena_allocate(arena, change->over_count, sizeof *over);
    size_t count = 0;

    for (const replaced *known = change->over; known; known = known->next)
        over[count++] = known->dot;
    qsort(over, count, sizeof *over, by_dot);
    return (cf_change){change->item, change->field, change->value, over, count, change->weak};
}

static int by_item_and_field(const void *left, const void *right)
{
    const cf_change *a = left, *b = right;
    int order = cf_id_compare(&a->item, &b->item);

    return order ? order : cf_bytes_compare(a->field, b->field);
}

void cf_draft_changes(const cf_draft *draft, cf_arena *arena, cf_change **out, size_t *count)
{
    cf_change *changes = cf_arena_allocate(arena, draft->table.count, sizeof *changes);

    *count = 0;
    for (cf_table_link *link = cf_table_walk(&draft->table, NULL); link;
         link = cf_table_walk(&draft->table, link))
        changes[(*count)++] = finished(cf_linked(link, drafted, link), arena);
    qsort(changes, *count, sizeof *changes, by_item_and_field);
    *out = changes;
}

void cf_draft_release(cf_draft *draft)
{
    cf_table_release(&draft->table);
}
