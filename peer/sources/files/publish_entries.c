/* SPDX-License-Identifier: Apache-2.0 */
/* Where a part ends: before the item with which it would be larger than this device's entries are,
 * or name more than CF_ENTRY_BLOBS_MAX blobs; an item is never cut. A part that deletes an item
 * deletes the directories above, too, as far up as the scan does. */
#include "peer/sources/files/publish_entries.h"

#include "codec/item.h"
#include "peer/sources/files/publish_order.h"
#include "peer/transfer/uploads.h"

#include <stdlib.h>

void cf_publish_mark(cf_publishing_batch *self, const cf_node *node)
{
    const cf_node *above =
        node->parent ? cf_nodes_find(self->with->binding->nodes, node->parent) : NULL;
    const cf_id *directory = above && above->item_count ? &above->items[0] : &cf_root_item;

    for (size_t i = 0; i < node->item_count; i++)
        cf_view_mark_item(self->collection->view, directory, &node->items[i]);
}

cf_status cf_publish_write(cf_publishing_batch *self, cf_error *error)
{
    cf_store *store = cf_home_store(self->with->peer->home);

    return store->write(store, cf_peer_user(self->with->peer), self->records.at,
                        self->records.count, true, error);
}

/* ---- Deletions that a part repeats ---- */

/* Which deletions a part repeats (PROTOCOL, "What an author writes"): what went along with its
 * directory is told by the same entry as that is. */

/* The deletions of directories that a part has to repeat. {0} is empty. */
typedef struct {
    cf_arena arena;
    cf_hash_table told;
    const cf_change **at; /* of the scan */
    size_t count, capacity;
} directories_above;

/* A deleted item that the part tells of already. */
typedef struct {
    cf_hash_link link;
    cf_id item;
} told_item;

static bool is_told(const directories_above *self, const cf_id *item)
{
    for (cf_hash_link *link = cf_hash_table_first(&self->told, cf_hash_id(0, item)); link;
         link = cf_hash_table_next(link))
        if (cf_id_equal(&cf_container_of(link, told_item, link)->item, item))
            return true;
    return false;
}

static void tell(directories_above *self, const cf_id *item)
{
    told_item *added = cf_arena_allocate(&self->arena, 1, sizeof *added);

    added->item = *item;
    cf_hash_table_add(&self->told, &added->link, cf_hash_id(0, item));
}

static const cf_change *deletion_of(const cf_diff *scan, const cf_id *item)
{
    const cf_change *found =
        cf_changes_find(scan->changes, scan->count, item, cf_field_fixed(CF_FIELD_NUMBER_DELETED));

    return found && cf_publish_deletes(found) ? found : NULL;
}

/* False: the scan doesn't delete it, or the part tells of it and of those above already. */
static bool add_directory(directories_above *self, const cf_diff *scan, const cf_node *directory)
{
    bool added = false;

    for (size_t i = 0; i < directory->item_count; i++) {
        const cf_change *deletion = deletion_of(scan, &directory->items[i]);

        if (!deletion || is_told(self, &directory->items[i]))
            continue;
        tell(self, &directory->items[i]);
        *cf_one_more(self->at, self->count, self->capacity) = deletion;
        added = true;
    }
    return added;
}

static void tell_deleted(directories_above *self, const cf_publishing_batch *batch,
                         const cf_item_changes *changes)
{
    if (changes->is_deleted)
        tell(self, &batch->scan.changes[changes->from].item);
}

/* Of an item of the part that the scan deletes: the deletions of the directories above, as far up
 * as it deletes them.
 *
 *     d/e/f in a part, d/e and d in others, all deleted: the part has d/e and d, too */
static void add_above(directories_above *self, const cf_publishing_batch *batch,
                      const cf_item_changes *changes)
{
    const cf_id *item = &batch->scan.changes[changes->from].item;
    const cf_nodes *nodes = batch->with->binding->nodes;
    const cf_node *node = NULL;

    if (!changes->is_deleted)
        return;
    while ((node = cf_nodes_next_of_item(nodes, item, node))) {
        const cf_node *above = cf_nodes_find(nodes, node->parent);

        while (above && add_directory(self, &batch->scan, above))
            above = cf_nodes_find(nodes, above->parent);
    }
}

static void release_above(directories_above *self)
{
    cf_hash_table_release(&self->told);
    cf_arena_release(&self->arena);
    free(self->at);
}

/* ---- Changes cut into parts ---- */

typedef struct {
    cf_change *changes;
    size_t count;
    cf_blob_list blobs;
} part;

static const cf_prepared *find_prepared(cf_publishing_batch *self, const cf_hash *hash)
{
    for (size_t i = 0; i < self->found_count; i++)
        if (self->prepared[i] && cf_hash_equal(&self->prepared[i]->content.hash, hash))
            return self->prepared[i];
    return NULL;
}

static cf_status prepared_of(cf_publishing_batch *self, cf_bytes identity, const cf_prepared **out,
                             cf_error *error)
{
    cf_hash hash;
    uint64_t size;

    cf_status status = cf_content_identity_read(identity, &hash, &size, error);
    if (status)
        return status;
    *out = find_prepared(self, &hash);
    /* The content is written again because the state forgot its item (model, rule L). */
    return *out ? CF_OK
                : cf_prepared_in_log(self->with->peer, &self->collection->id, &hash, &self->arena,
                                     out, error);
}

static bool is_content(const cf_change *change)
{
    return change->value.size && cf_item_has_content(&change->item, change->field, change->value);
}

/* The changes of these items, and the deletions that the part repeats. */
static void gather_part(cf_publishing_batch *self, const cf_item_changes *items, size_t count,
                        part *out)
{
    directories_above above = {0};
    size_t own = 0;

    for (size_t i = 0; i < count; i++) {
        own += items[i].to - items[i].from;
        tell_deleted(&above, self, &items[i]);
    }
    for (size_t i = 0; i < count; i++)
        add_above(&above, self, &items[i]);
    out->changes = cf_arena_allocate(&self->arena, own + above.count, sizeof *out->changes);
    for (size_t i = 0; i < count; i++)
        for (size_t k = items[i].from; k < items[i].to; k++)
            out->changes[out->count++] = self->scan.changes[k];
    for (size_t i = 0; i < above.count; i++)
        out->changes[out->count++] = *above.at[i];
    qsort(out->changes, out->count, sizeof *out->changes, cf_change_compare);
    release_above(&above);
}

static cf_status fill_part(cf_publishing_batch *self, const cf_item_changes *items, size_t count,
                           part *out, cf_error *error)
{
    gather_part(self, items, count, out);
    for (size_t i = 0; i < out->count; i++) {
        cf_change *change = &out->changes[i];
        const cf_prepared *prepared;

        if (!is_content(change))
            continue;
        cf_status status = prepared_of(self, change->value, &prepared, error);
        if (status)
            return status;
        change->value = cf_prepared_reference(prepared, out->blobs.count, &self->arena);
        cf_blob_list_add(&out->blobs, prepared);
    }
    return CF_OK;
}

/* What a change takes in a body, and in its header. */
static void measure(cf_publishing_batch *self, const cf_change *change, uint64_t *bytes,
                    size_t *blobs)
{
    const cf_prepared *prepared;
    cf_error ignored;

    *bytes += 64 + change->value.size + 8 * change->over_count;
    if (!is_content(change) || prepared_of(self, change->value, &prepared, &ignored))
        return;
    *bytes += cf_prepared_size(prepared);
    *blobs += prepared->blob_count;
}

/* How many of these items the part has that begins with them: one at least. */
static size_t size_of_part(cf_publishing_batch *self, const cf_item_changes *items, size_t count)
{
    const uint64_t most = cf_peer_entry_size(self->with->peer);
    directories_above above = {0};
    uint64_t bytes = 0;
    size_t blobs = 0, n = 0;

    for (; n < count; n++) {
        size_t repeated = above.count;

        tell_deleted(&above, self, &items[n]);
        add_above(&above, self, &items[n]);
        while (repeated < above.count)
            measure(self, above.at[repeated++], &bytes, &blobs);
        for (size_t i = items[n].from; i < items[n].to; i++)
            measure(self, &self->scan.changes[i], &bytes, &blobs);
        if (n && (bytes > most || blobs > CF_ENTRY_BLOBS_MAX))
            break;
    }
    release_above(&above);
    return n;
}

static cf_status publish_part(cf_publishing_batch *self, const cf_item_changes *items, size_t count,
                              cf_error *error)
{
    part cut = {0};
    cf_dot dot;

    cf_status status = fill_part(self, items, count, &cut, error);
    cf_body body = {
        .time = cf_publication_time(self->publication, self->with->now_ms),
        .part = 1,
        .parts = 1,
        .changes = cut.changes,
        .change_count = cut.count,
    };
    if (!status)
        status = cf_publication_add(self->publication, &body, cut.blobs.at, cut.blobs.count, &dot,
                                    error);
    for (size_t i = 0; !status && i < count; i++)
        for (size_t k = items[i].from; k < items[i].to; k++)
            self->dots[k] = dot;
    cf_blob_list_release(&cut.blobs);
    return status;
}

static cf_status publish_supplies(cf_publishing_batch *self, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && self->scan.count && i < self->found_count; i++)
        if (self->prepared[i])
            status = cf_prepared_add_supply(self->prepared[i], self->publication,
                                            self->with->now_ms, error);
    return status;
}

cf_status cf_publish_entries(cf_publishing_batch *self, cf_error *error)
{
    cf_status status = CF_OK;
    size_t count;

    self->dots = cf_arena_allocate(&self->arena, self->scan.count, sizeof *self->dots);
    const cf_item_changes *items =
        cf_publish_order(self->with->binding->nodes, &self->scan, &self->arena, &count);
    for (size_t from = 0, size; !status && from < count; from += size) {
        size = size_of_part(self, &items[from], count - from);
        status = publish_part(self, &items[from], size, error);
    }
    return status ? status : publish_supplies(self, error);
}
