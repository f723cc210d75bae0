/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/prepared.h"

#include <stdlib.h>

cf_status cf_prepared_in_log(cf_peer *peer, const cf_id *collection, const cf_hash *hash,
                             cf_arena *arena, const cf_prepared **out, cf_error *error)
{
    cf_content_source source;

    cf_status status = cf_contents_get(peer->contents, collection, hash, arena, &source, error);
    if (status)
        return status;
    cf_prepared *prepared = cf_arena_allocate(arena, 1, sizeof *prepared);
    *prepared = (cf_prepared){source.content, source.blobs, source.blob_count};
    *out = prepared;
    return CF_OK;
}

uint64_t cf_prepared_size(const cf_prepared *prepared)
{
    const cf_how *how = &prepared->content.how;

    return how->is_inline ? how->bytes.size : how->slices.size;
}

cf_bytes cf_prepared_reference(const cf_prepared *prepared, size_t first_blob, cf_arena *arena)
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
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&reference));
    cf_slices_release(&slices);
    cf_buffer_release(&packed);
    cf_buffer_release(&reference);
    return copy;
}

void cf_blob_list_add(cf_blob_list *list, const cf_prepared *prepared)
{
    if (!prepared->blob_count)
        return;
    list->at =
        cf_grow(list->at, &list->capacity, list->count + prepared->blob_count, sizeof *list->at);
    memcpy(list->at + list->count, prepared->blobs, prepared->blob_count * sizeof *list->at);
    list->count += prepared->blob_count;
}

void cf_blob_list_release(cf_blob_list *list)
{
    free(list->at);
    *list = (cf_blob_list){0};
}
