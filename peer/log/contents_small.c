/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/contents_small.h"

#include "codec/delta.h"

static cf_status apply_patch(cf_bytes base, const cf_content *content, cf_buffer *out,
                             cf_error *error)
{
    cf_delta_decoding decoding = {
        .source = cf_source_of_bytes(&base),
        .patch = cf_source_of_bytes(&content->how.bytes),
        .target = cf_sink_of_buffer(out),
        .form = CF_DELTA_LOG,
        .target_max = content->size,
    };

    return cf_delta_decode(&decoding, error);
}

/* From the content down to one that is whole. */
static cf_status read_chain(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_arena *arena, cf_content_source chain[CF_DELTA_DEPTH_MAX + 1],
                            size_t *count, cf_error *error)
{
    cf_hash at = *hash;

    for (*count = 0; *count <= CF_DELTA_DEPTH_MAX; at = chain[*count - 1].content.how.base) {
        const cf_content *content = &chain[*count].content;

        cf_status status = cf_contents_get(contents, collection, &at, arena, &chain[*count], error);
        if (!status && (!content->how.is_inline || content->size > CF_INLINE_MAX))
            status = cf_fail(error, CF_MISSING, "the content is not in the log itself");
        if (status)
            return status;
        ++*count;
        if (!content->how.is_patch)
            return CF_OK;
    }
    return cf_fail(error, CF_MALFORMED, "a chain of more than %d patches", CF_DELTA_DEPTH_MAX);
}

cf_status cf_contents_small(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_buffer *out, cf_error *error)
{
    cf_content_source chain[CF_DELTA_DEPTH_MAX + 1];
    cf_arena arena = {0};
    cf_buffer bytes = {0}, next = {0};
    size_t count = 0;

    cf_status status = read_chain(contents, collection, hash, &arena, chain, &count, error);
    if (!status)
        cf_buffer_append(&bytes, chain[count - 1].content.how.bytes.data,
                         chain[count - 1].content.how.bytes.size);
    for (size_t i = count - 1; !status && i-- > 0;) {
        cf_buffer_clear(&next);
        status = apply_patch(cf_buffer_view(&bytes), &chain[i].content, &next, error);
        cf_buffer swap = bytes;
        bytes = next;
        next = swap;
    }
    cf_hash made = status ? *hash : cf_content_hash(cf_buffer_view(&bytes));
    if (!status && !cf_hash_equal(&made, hash))
        status = cf_fail(error, CF_FORGED, "a content is not what its name says");
    if (!status)
        cf_buffer_append(out, bytes.data, bytes.size);
    cf_buffer_release(&bytes);
    cf_buffer_release(&next);
    cf_arena_release(&arena);
    return status;
}
