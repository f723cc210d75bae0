/* SPDX-License-Identifier: Apache-2.0 */
/* Of two writes to one field in one draft the later value counts, over all that either replaces.
 * What an entry gets is in one order: changes by item and field, the dots of each ascending and
 * once, so that equal drafts make equal entries. */
#include "peer/merge/change_draft.h"

#include <stdlib.h>

typedef struct replaced {
    struct replaced *next;
    cf_dot dot;
} replaced;

typedef struct {
    cf_hash_link link;
    cf_id item;
    cf_bytes field, value;
    bool weak;
    replaced *over;
    size_t over_count;
} drafted;

static uint64_t hash_of(const cf_id *item, cf_bytes field)
{
    return cf_hash_bytes(cf_hash_id(0, item), field);
}

static drafted *find(const cf_change_draft *draft, const cf_id *item, cf_bytes field)
{
    for (cf_hash_link *link = cf_hash_table_first(&draft->table, hash_of(item, field)); link;
         link = cf_hash_table_next(link)) {
        drafted *known = cf_container_of(link, drafted, link);

        if (cf_id_equal(&known->item, item) && cf_bytes_equal(known->field, field))
            return known;
    }
    return NULL;
}

/* The change of this field, a new one where the draft has none; either way the draft is to be
 * finished anew. */
static drafted *get(cf_change_draft *draft, const cf_id *item, cf_bytes field)
{
    drafted *change = find(draft, item, field);

    draft->changed = true;
    if (change)
        return change;
    change = cf_arena_allocate(draft->arena, 1, sizeof *change);
    change->item = *item;
    change->field = field;
    cf_hash_table_add(&draft->table, &change->link, hash_of(item, field));
    return change;
}

void cf_change_draft_write(cf_change_draft *draft, const cf_id *item, cf_bytes field,
                           cf_bytes value, bool weak)
{
    drafted *change = get(draft, item, field);

    change->value = value;
    change->weak = weak;
}

void cf_change_draft_over(cf_change_draft *draft, const cf_id *item, cf_bytes field,
                          const cf_dot *dot)
{
    drafted *change = get(draft, item, field);
    replaced *added = cf_arena_allocate(draft->arena, 1, sizeof *added);

    *added = (replaced){change->over, *dot};
    change->over = added;
    change->over_count++;
}

bool cf_change_draft_has(const cf_change_draft *draft, const cf_id *item, cf_bytes field)
{
    return find(draft, item, field) != NULL;
}

cf_bytes cf_change_draft_value(const cf_change_draft *draft, const cf_id *item, cf_bytes field)
{
    const drafted *change = find(draft, item, field);

    return change ? change->value : (cf_bytes){0};
}

static int by_dot(const void *left, const void *right)
{
    return cf_dot_compare(left, right);
}

/* The change as an entry has it: the dots in `over` ascend, and each is there once. */
static cf_change finished(const drafted *change, cf_arena *arena)
{
    cf_dot *over = cf_arena_allocate(arena, change->over_count, sizeof *over);
    size_t all = 0, count = 0;

    for (const replaced *known = change->over; known; known = known->next)
        over[all++] = known->dot;
    if (all)
        qsort(over, all, sizeof *over, by_dot);
    for (size_t i = 0; i < all; i++)
        if (i == 0 || !cf_dot_equal(&over[i], &over[count - 1]))
            over[count++] = over[i];
    return (cf_change){change->item, change->field, change->value, over, count, change->weak};
}

static int by_item_and_field(const void *left, const void *right)
{
    const drafted *a = *(drafted *const *)left, *b = *(drafted *const *)right;
    int order = cf_id_compare(&a->item, &b->item);

    return order ? order : cf_bytes_compare(a->field, b->field);
}

static void finish(cf_change_draft *draft)
{
    drafted **all = cf_allocate(draft->table.count, sizeof *all);
    size_t count = 0;

    for (cf_hash_link *link = cf_hash_table_walk(&draft->table, NULL); link;
         link = cf_hash_table_walk(&draft->table, link))
        all[count++] = cf_container_of(link, drafted, link);
    if (count)
        qsort(all, count, sizeof *all, by_item_and_field);
    draft->changes = cf_arena_allocate(draft->arena, count, sizeof *draft->changes);
    for (size_t i = 0; i < count; i++)
        draft->changes[i] = finished(all[i], draft->arena);
    draft->change_count = count;
    draft->changed = false;
    free(all);
}

cf_change *cf_change_draft_changes(cf_change_draft *draft, size_t *count)
{
    if (draft->changed)
        finish(draft);
    *count = draft->change_count;
    return draft->changes;
}

void cf_change_draft_release(cf_change_draft *draft)
{
    cf_hash_table_release(&draft->table);
}
