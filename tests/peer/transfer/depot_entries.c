/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/transfer/depot_inside.h"

#include "codec/blob.h"
#include "codec/delta.h"

#include <stdlib.h>

/* ---- Entries ---- */

static cf_hash keep_blob(depot *self, cf_bytes piece)
{
    cf_seal_place place = {self->peer.ring, &self->author.next.epoch,
                           &self->author.next.collection};
    cf_error error;

    cr_assert_lt(self->blob_count, DEPOT_BLOBS);
    cf_buffer *sealed = &self->blobs[self->blob_count].sealed;
    expect_ok(cf_blob_seal(&place, piece, sealed, &self->blobs[self->blob_count].id, &error),
              error);
    return self->blobs[self->blob_count++].id;
}

static void write_entry(depot *self, const cf_content *content, const cf_hash *blobs, size_t count)
{
    cf_header *header = &self->author.next;
    cf_seal_place place = {self->peer.ring, &header->epoch, &header->collection};
    cf_buffer value = {0}, plain = {0}, open = {0}, sealed = {0}, wire = {0};
    cf_kv_list records = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    cf_content_pack(&value, content);
    cf_change change = {.item = {"file"},
                        .field = cf_bytes_of_text(CF_FIELD_CONTENT),
                        .value = cf_buffer_view(&value)};
    cf_body body = {.time = {1, header->sequence},
                    .part = 1,
                    .parts = 1,
                    .changes = &change,
                    .change_count = 1};
    cf_body_pack(&body, &plain);
    header->blobs = blobs;
    header->blob_count = count;
    cf_header_pack_open(header, &open);
    expect_ok(cf_body_seal(&place, cf_buffer_view(&open), cf_buffer_view(&plain), &sealed, &error),
              error);
    author_write(&self->author, cf_buffer_view(&sealed), &wire);
    expect_ok(cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &error), error);
    cf_contents_note(self->peer.contents, &entry, content, false, &records);
    cf_append append = {.user = header->user,
                        .epoch = self->epoch,
                        .entry = &entry,
                        .records = records.at,
                        .record_count = records.count};
    self->store->append(self->store, &append);
    expect_ok(self->store->commit(self->store, &error), error);
    cf_kv_list_release(&records);
    cf_arena_release(&arena);
    cf_buffer_release(&value);
    cf_buffer_release(&plain);
    cf_buffer_release(&open);
    cf_buffer_release(&sealed);
    cf_buffer_release(&wire);
}

static bool is_zero(cf_bytes piece)
{
    return piece.data[0] == 0 && memcmp(piece.data, piece.data + 1, piece.size - 1) == 0;
}

/* Keeps the bytes in blobs; the packed list of slices. */
static void cut(depot *self, cf_bytes bytes, cf_buffer *slices, cf_hash *blobs, size_t *count)
{
    cf_slices list = {0};
    size_t piece = cf_blob_piece_size(bytes.size);

    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t size = bytes.size - at < piece ? bytes.size - at : piece;
        cf_bytes part = cf_bytes_of(bytes.data + at, size);
        bool zeros = is_zero(part);

        cf_slices_add(&list, (cf_slice){.zeros = zeros, .blob = *count, .length = size});
        if (!zeros)
            blobs[(*count)++] = keep_blob(self, part);
    }
    cf_slices_pack(&list, slices);
    cf_slices_release(&list);
}

cf_bytes depot_named(depot *self, cf_bytes content)
{
    cf_hash hash = cf_content_hash(content);

    cf_buffer_clear(&self->identity);
    cf_content_identity_pack(&self->identity, &hash, content.size);
    return cf_buffer_view(&self->identity);
}

static void publish(depot *self, cf_content *content, cf_bytes bytes, bool in_blobs)
{
    cf_hash blobs[DEPOT_BLOBS];
    cf_buffer slices = {0};
    size_t count = 0;

    content->how.is_inline = !in_blobs;
    content->how.bytes = bytes;
    content->how.length = bytes.size;
    if (in_blobs) {
        cut(self, bytes, &slices, blobs, &count);
        content->how.slices = cf_buffer_view(&slices);
    }
    write_entry(self, content, blobs, count);
    cf_buffer_release(&slices);
}

void depot_names(depot *self, size_t count)
{
    cf_hash *blobs = cf_allocate(count, sizeof *blobs);
    const cf_content content = {.how.is_inline = true};

    for (size_t i = 0; i < count; i++)
        cf_put_u64(blobs[i].bytes, i + 1);
    write_entry(self, &content, blobs, count);
    free(blobs);
}

cf_bytes depot_whole(depot *self, cf_bytes content)
{
    cf_content made = {.hash = cf_content_hash(content), .size = content.size};

    publish(self, &made, content, content.size > CF_INLINE_MAX);
    return depot_named(self, content);
}

static cf_bytes patch_of(depot *self, cf_bytes base, cf_bytes content, cf_bytes claimed,
                         bool in_blobs)
{
    cf_buffer patch = {0};
    cf_error error;
    cf_delta_encoding encoding = {
        .source = cf_reader_of_bytes(&base),
        .target = cf_reader_of_bytes(&content),
        .patch = cf_sink_of_buffer(&patch),
        .form = CF_DELTA_LOG,
    };
    cf_content made = {.hash = cf_content_hash(claimed),
                       .size = claimed.size,
                       .depth = 1,
                       .how = {.is_patch = true, .base = cf_content_hash(base)}};

    expect_ok(cf_delta_encode(&encoding, &error), error);
    publish(self, &made, cf_buffer_view(&patch), in_blobs);
    cf_buffer_release(&patch);
    return depot_named(self, claimed);
}

cf_bytes depot_patch(depot *self, cf_bytes base, cf_bytes content, bool in_blobs)
{
    return patch_of(self, base, content, content, in_blobs);
}

cf_bytes depot_liar(depot *self, cf_bytes base, cf_bytes content, cf_bytes claimed)
{
    return patch_of(self, base, content, claimed, false);
}
