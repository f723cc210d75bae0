/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta.h"
#include "peer/log/contents.h"
#include "peer/transfer/upload_inside.h"

enum { DELTA_WORTH = 512 };

static void fill_known(cf_upload *one, const cf_content_source *source)
{
    one->prepared.content = source->content;
    one->prepared.blobs = source->blobs;
    one->prepared.blob_count = source->blob_count;
}

/* The log has it: it is named again, nothing travels. */
cf_upload *cf_upload_name_again(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_peer *peer = uploads->peer;
    cf_content_source source;
    cf_arena arena = {0};
    cf_error ignored;

    if (!cf_contents_available(peer->contents, &file->binding->collection, &file->hash) ||
        cf_contents_get(peer->contents, &file->binding->collection, &file->hash, &arena, &source,
                        &ignored)) {
        cf_arena_release(&arena);
        return NULL;
    }
    cf_upload *one = cf_upload_add(uploads, file, CF_UPLOAD_IS_READY);
    cf_arena_release(&arena);
    cf_contents_get(peer->contents, &file->binding->collection, &file->hash, &one->arena, &source,
                    &ignored);
    fill_known(one, &source);
    return one;
}

bool cf_upload_read_before(cf_uploads *uploads, cf_upload *one, cf_bytes before)
{
    cf_error ignored;

    one->has_before =
        before.size &&
        !cf_content_identity_read(before, &one->before, &one->before_size, &ignored) &&
        cf_contents_available(uploads->peer->contents, &one->collection, &one->before) &&
        !cf_contents_find(uploads->peer->contents, &one->collection, &one->before,
                          &one->before_depth, &one->before_size, &ignored) &&
        one->before_depth < cf_content_depth_max(one->stat.size) &&
        one->before_depth < cf_content_depth_max(one->before_size);
    return one->has_before;
}

void cf_upload_become_patch(cf_uploads *uploads, cf_upload *one, cf_bytes patch)
{
    cf_content *content = &one->prepared.content;

    content->depth = one->before_depth + 1;
    content->how = (cf_how){.is_patch = true,
                            .base = one->before,
                            .is_inline = true,
                            .bytes = cf_arena_copy(&one->arena, patch),
                            .length = patch.size};
    uploads->figures.deltas++;
    uploads->figures.delta_bytes += patch.size;
}

/* An edit of a small file: the log itself has the base. */
static bool delta_small(cf_uploads *uploads, cf_upload *one, cf_bytes whole)
{
    cf_buffer base = {0}, patch = {0};
    cf_error ignored;
    bool made = false;

    if (whole.size >= DELTA_WORTH && one->before_size <= CF_INLINE_MAX &&
        cf_contents_small(uploads->peer->contents, &one->collection, &one->before, &base,
                          &ignored) == CF_OK) {
        cf_bytes source = cf_buffer_view(&base);
        cf_delta_encoding encoding = {
            .source = cf_source_of_bytes(&source),
            .target = cf_source_of_bytes(&whole),
            .patch = cf_sink_of_buffer(&patch),
            .form = CF_DELTA_LOG,
        };

        made = cf_delta_encode(&encoding, &ignored) == CF_OK && patch.size < whole.size / 2;
        if (made)
            cf_upload_become_patch(uploads, one, cf_buffer_view(&patch));
    }
    cf_buffer_release(&base);
    cf_buffer_release(&patch);
    return made;
}

cf_upload *cf_upload_small(cf_uploads *uploads, const cf_upload_file *file)
{
    cf_upload *one = cf_upload_add(uploads, file, CF_UPLOAD_IS_READY);
    cf_bytes whole = cf_buffer_view(&file->read->whole);

    if (cf_upload_read_before(uploads, one, file->before) && delta_small(uploads, one, whole))
        return one;
    one->prepared.content.how = (cf_how){
        .is_inline = true, .bytes = cf_arena_copy(&one->arena, whole), .length = whole.size};
    return one;
}
