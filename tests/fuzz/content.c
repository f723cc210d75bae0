/* SPDX-License-Identifier: Apache-2.0 */
/* Content references: read, packed again, their slices walked. */
#include "tests/fuzz/target.h"

#include "codec/content.h"
#include "codec/limits.h"
#include "codec/pack.h"

enum { BLOBS = 4 };

bool fuzz_seed(size_t number, cf_buffer *out)
{
    cf_slices list = {0};
    cf_buffer packed = {0};
    cf_content content = {.hash = fuzz_hash('h'), .size = 3 * CF_GIB, .depth = number % 2};

    if (number > 3)
        return false;
    cf_slices_add(&list, (cf_slice){false, 0, 0, CF_BLOB_MAX});
    cf_slices_add(&list, (cf_slice){false, 2, 77, 1000});
    cf_slices_add(&list, (cf_slice){true, 0, 0, 3 * CF_GIB - CF_BLOB_MAX - 1000});
    cf_slices_pack(&list, &packed);
    content.how.slices = cf_buffer_view(&packed);
    content.how.is_patch = number % 2;
    content.how.base = fuzz_hash('b');
    if (number >= 2) {
        content.size = 5;
        content.how.is_inline = true;
        content.how.bytes = cf_bytes_of("bytes", 5);
    }
    cf_content_pack(out, &content);
    cf_slices_release(&list);
    cf_buffer_release(&packed);
    return true;
}

static void walk(const cf_content *content)
{
    cf_slice_reader reader = cf_slice_reader_of(content->how.slices);
    cf_slice slice;
    uint64_t length = 0;

    while (cf_slice_next(&reader, &slice)) {
        fuzz_must(slice.length > 0);
        fuzz_must(slice.zeros ||
                  (slice.blob < BLOBS && slice.offset + slice.length <= CF_BLOB_MAX));
        length += slice.length;
    }
    fuzz_must(length == content->how.length);
}

bool fuzz_run(cf_bytes input)
{
    cf_buffer again = {0}, identity = {0};
    cf_content content;
    cf_error error;
    cf_hash hash;
    uint64_t size;

    /* As the reader of bodies does: the form of the value is checked before. */
    if (cf_value_check(input, &error) || cf_content_read(input, BLOBS, &content, &error))
        return false;
    cf_content_pack(&again, &content);
    fuzz_must(cf_bytes_equal(cf_buffer_view(&again), input));
    fuzz_must(content.size <= CF_FILE_MAX && content.depth <= cf_content_depth_max(content.size));
    if (!content.how.is_inline)
        walk(&content);
    fuzz_must(!cf_content_identity(input, &identity, &error));
    fuzz_must(!cf_content_identity_read(cf_buffer_view(&identity), &hash, &size, &error));
    fuzz_must(cf_hash_equal(&hash, &content.hash) && size == content.size);
    cf_buffer_release(&again);
    cf_buffer_release(&identity);
    return true;
}
