/* SPDX-License-Identifier: Apache-2.0 */
/* Which deletions a part repeats (PROTOCOL, "Deletions"): what went along with its directory is
 * told by the same entry as that is. */
#include "peer/sources/files/publish_inside.h"

#include <stdlib.h>

#include "peer/merge/covered.h"

/* A deleted item that the part tells of already. */
typedef struct {
    cf_table_link link;
    cf_id item;
} told_item;

static bool is_told(const cf_publish_above *self, const cf_id *item)
{
    for (cf_table_link *link = cf_table_first(&self->told, cf_hash_id(0, item)); link;
         link = cf_table_next(link))
        if (cf_id_equal(&cf_linked(link, told_item, link)->item, item))
            return true;
    return false;
}

static void tell(cf_publish_above *self, const cf_id *item)
{
    told_item *added = cf_arena_allocate(&self->arena, 1, sizeof *added);

    added->item = *item;
    cf_table_add(&self->told, &added->link, cf_hash_id(0, item));
}

static const cf_change *deletion_of(const cf_scan *scan, const cf_id *item)
{
    const cf_change *found =
        cf_changes_find(scan->changes, scan->count, item, cf_field_fixed(CF_FIELD_NUMBER_DELETED));

    return found && cf_deletion_deletes(found->value) ? found : NULL;
}

/* False: the scan doesn't delete it, or the part tells of it and of those above already. */
static bool add_directory(cf_publish_above *self, const cf_scan *scan, const cf_node *directory)
{
    bool added = false;

    for (size_t i = 0; i < directory->item_count; i++) {
        const cf_change *deletion = deletion_of(scan, &directory->items[i]);

        if (!deletion || is_told(self, &directory->items[i]))
            continue;
        tell(self, &directory->items[i]);
        self->at = cf_grow(self->at, &self->capacity, self->count + 1, sizeof *self->at);
        self->at[self->count++] = deletion;
        added = true;
    }
    return added;
}

void cf_publish_add_above(cf_publish_above *self, const cf_publishing_batch *batch,
                          const cf_id *item)
{
    const cf_nodes *nodes = batch->with->binding->nodes;
    const cf_node *node = NULL;

    if (!deletion_of(&batch->scan, item))
        return;
    while ((node = cf_nodes_next_of_item(nodes, item, node))) {
        const cf_node *above = cf_nodes_find(nodes, node->parent);

        while (above && add_directory(self, &batch->scan, above))
            above = cf_nodes_find(nodes, above->parent);
    }
}

void cf_publish_above_release(cf_publish_above *self)
{
    cf_table_release(&self->told);
    cf_arena_release(&self->arena);
    free(self->at);
}
