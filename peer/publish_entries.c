/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/publish_inside.h"

#include <stdlib.h>

typedef struct {
    cf_change *changes;
    size_t count;
    cf_hash *blobs;
    size_t blob_count;
} part;

static const cf_prepared *find_prepared(cf_publishing_batch *self, const cf_hash *hash)
{
    for (size_t i = 0; i < self->found_count; i++)
        if (self->prepared[i] && cf_hash_equal(&self->prepared[i]->content.hash, hash))
            return self->prepared[i];
    return NULL;
}

/* A content that is written again because the state forgot its item (model, rule L): the log tells
 * how to get it. */
static cf_status prepare_again(cf_publishing_batch *self, const cf_hash *hash,
                               const cf_prepared **out, cf_error *error)
{
    cf_content_source source;

    cf_status status = cf_contents_get(self->with->peer->contents, &self->collection->id, hash,
                                       &self->arena, &source, error);
    if (status)
        return status;
    cf_prepared *prepared = cf_arena_allocate(&self->arena, 1, sizeof *prepared);
    *prepared = (cf_prepared){source.content, source.blobs, source.blob_count};
    *out = prepared;
    return CF_OK;
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
    return *out ? CF_OK : prepare_again(self, &hash, out, error);
}

/* The reference as this entry says it: slices count from the entry's own list of blobs. */
static cf_bytes pack_reference(cf_publishing_batch *self, const cf_prepared *prepared,
                               size_t first_blob)
{
    cf_content content = prepared->content;
    cf_slices slices = {0};
    cf_buffer packed = {0}, reference = {0};

    if (!content.how.is_inline) {
        cf_slice_reader reader = cf_slice_reader_of(content.how.slices);
        cf_slice slice;

        while (cf_slice_next(&reader, &slice)) {
            slice.blob += slice.zeros ? 0 : first_blob;
            cf_slices_add(&slices, slice);
        }
        cf_slices_pack(&slices, &packed);
        content.how.slices = cf_buffer_view(&packed);
    }
    cf_content_pack(&reference, &content);
    cf_bytes copy = cf_arena_copy(&self->arena, cf_buffer_view(&reference));
    cf_slices_release(&slices);
    cf_buffer_release(&packed);
    cf_buffer_release(&reference);
    return copy;
}

static bool is_content(const cf_change *change)
{
    return change->value.size && cf_bytes_equal(change->field, cf_bytes_of_text(CF_FIELD_CONTENT));
}

static cf_status fill_part(cf_publishing_batch *self, size_t from, size_t to, part *out,
                           cf_error *error)
{
    size_t capacity = 0;

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
        change->value = pack_reference(self, prepared, out->blob_count);
        out->blobs =
            cf_grow(out->blobs, &capacity, out->blob_count + prepared->blob_count, sizeof(cf_hash));
        if (prepared->blob_count)
            memcpy(out->blobs + out->blob_count, prepared->blobs,
                   prepared->blob_count * sizeof(cf_hash));
        out->blob_count += prepared->blob_count;
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
    *bytes += prepared->content.how.is_inline ? prepared->content.how.bytes.size
                                              : prepared->content.how.slices.size;
    *blobs += prepared->blob_count;
}

/* Where the part that begins at `from` ends: all changes of one item stand in one part. */
static size_t end_of_part(cf_publishing_batch *self, size_t from)
{
    const cf_change *changes = self->scan.changes;
    uint64_t bytes = 0;
    size_t blobs = 0, end = from;

    while (end < self->scan.count) {
        size_t next = end;

        do
            measure(self, &changes[next++], &bytes, &blobs);
        while (next < self->scan.count && cf_id_equal(&changes[next].item, &changes[end].item));
        if (end > from && (bytes > CF_PART_SIZE || blobs > CF_ENTRY_BLOBS_MAX))
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
            status = cf_publication_add(self->publication, &body, cut.blobs, cut.blob_count, &dot,
                                        error);
        for (size_t i = from; !status && i < to; i++)
            self->dots[i] = dot;
        free(cut.blobs);
    }
    return status;
}
