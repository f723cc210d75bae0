/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/publish_inside.h"

#include "codec/item.h"
#include "peer/transfer/prepared.h"

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
    /* It is written again because the state forgot its item (model, rule L). */
    return *out ? CF_OK
                : cf_prepared_in_log(self->with->peer, &self->collection->id, &hash, &self->arena,
                                     out, error);
}

static bool is_content(const cf_change *change)
{
    return change->value.size && cf_item_has_content(&change->item, change->field, change->value);
}

static cf_status fill_part(cf_publishing_batch *self, size_t from, size_t to, part *out,
                           cf_error *error)
{
    out->changes = cf_arena_allocate(&self->arena, to - from, sizeof *out->changes);
    out->count = to - from;
    for (size_t i = 0; i < out->count; i++) {
        cf_change *change = &out->changes[i];
        const cf_prepared *prepared;

        *change = self->scan.changes[from + i];
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

/* Where the part that begins at `from` ends: all changes of one item stand in one part. */
static size_t end_of_part(cf_publishing_batch *self, size_t from)
{
    const cf_change *changes = self->scan.changes;
    const uint64_t most = cf_peer_entry_size(self->with->peer);
    uint64_t bytes = 0;
    size_t blobs = 0, end = from;

    while (end < self->scan.count) {
        size_t next = end;

        do
            measure(self, &changes[next++], &bytes, &blobs);
        while (next < self->scan.count && cf_id_equal(&changes[next].item, &changes[end].item));
        if (end > from && (bytes > most || blobs > CF_ENTRY_BLOBS_MAX))
            break;
        end = next;
    }
    return end;
}

cf_status cf_publish_entries(cf_publishing_batch *self, cf_error *error)
{
    cf_status status = CF_OK;

    self->dots = cf_arena_allocate(&self->arena, self->scan.count, sizeof *self->dots);
    for (size_t from = 0, to; !status && from < self->scan.count; from = to) {
        part cut = {0};
        cf_dot dot;

        to = end_of_part(self, from);
        status = fill_part(self, from, to, &cut, error);
        cf_body body = {
            .time = cf_publication_time(self->publication, self->with->now_ms),
            .part = 1,
            .parts = 1,
            .changes = cut.changes,
            .change_count = cut.count,
        };
        if (!status)
            status = cf_publication_add(self->publication, &body, cut.blobs.at, cut.blobs.count,
                                        &dot, error);
        for (size_t i = from; !status && i < to; i++)
            self->dots[i] = dot;
        cf_blob_list_release(&cut.blobs);
    }
    return status;
}
