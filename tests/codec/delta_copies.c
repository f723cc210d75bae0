/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta_copies.h"

#include "codec/delta.h"
#include "codec/limits.h"
#include "codec/vcdiff.h"
#include "tests/support/expect.h"

#include <stdio.h>

static cf_buffer make_patch(cf_bytes base, cf_bytes target)
{
    cf_buffer patch = {0};
    cf_error error;

    expect_ok(cf_delta_encode(&(cf_delta_encoding){.source = cf_reader_of_bytes(&base),
                                                   .target = cf_reader_of_bytes(&target),
                                                   .patch = cf_sink_of_buffer(&patch),
                                                   .form = CF_DELTA_LOG},
                              &error),
              error);
    return patch;
}

static cf_status read_copies(const cf_buffer *patch, uint64_t base_size, uint64_t size,
                             cf_delta_copies *out, cf_error *error)
{
    cf_bytes bytes = cf_buffer_view(patch);
    const cf_reader_at source = cf_reader_of_bytes(&bytes);

    return cf_delta_copies_read(&source, base_size, size, out, error);
}

/* How many bytes of the target are said to be copied; each of them is. */
static uint64_t count_copied(const cf_delta_copies *copies, cf_bytes base, cf_bytes target)
{
    uint64_t copied = 0, behind = 0;

    for (size_t i = 0; i < copies->count; i++) {
        const cf_delta_copy *one = &copies->at[i];

        cr_assert_geq(one->at, behind);
        behind = one->at + one->size;
        cr_assert_leq(behind, target.size);
        cr_assert_leq(one->base + one->size, base.size);
        cr_assert_arr_eq(target.data + one->at, base.data + one->base, one->size);
        copied += one->size;
    }
    return copied;
}

enum { SIZE = 300000 };

/* An edit of each kind, of text in which much is alike: every sort of instruction. */
static cf_buffer edit(cf_bytes from, unsigned seed)
{
    cf_buffer out = {0};

    for (size_t at = 0; at < from.size;) {
        const size_t left = from.size - at, size = 40 + (seed = seed * 1103515245 + 12345) % 3000;
        const size_t part = size < left ? size : left;

        cf_buffer_append(&out, from.data + at, part);
        at += part;
        switch (seed / 65536 % 4) {
        case 0:
            cf_buffer_append(&out, "put in", seed / 262144 % 7);
            break;
        case 1:
            at += seed / 262144 % 20;
            break;
        case 2:
            cf_buffer_append(&out, from.data + seed % (from.size - 100), seed / 262144 % 100);
            break;
        default:
            cf_buffer_append(&out, "------------------------", seed / 262144 % 24);
        }
    }
    return out;
}

static cf_buffer make_text(void)
{
    cf_buffer text = {0};
    unsigned seed = 7;

    while (text.size < SIZE) {
        char word[32];

        seed = seed * 1103515245 + 12345;
        cf_buffer_append(&text, word,
                         (size_t)snprintf(word, sizeof word, "%u ", seed / 65536 % 997));
    }
    return text;
}

Test(delta_copies, are_what_a_patch_copies)
{
    cf_buffer base = make_text(), target = edit(cf_buffer_view(&base), 1);
    cf_buffer patch = make_patch(cf_buffer_view(&base), cf_buffer_view(&target));
    cf_delta_copies copies = {0};
    cf_error error;

    expect_ok(read_copies(&patch, base.size, target.size, &copies, &error), error);
    cr_assert_gt(copies.count, 50);
    cr_expect_gt(count_copied(&copies, cf_buffer_view(&base), cf_buffer_view(&target)),
                 target.size - patch.size - 1);
    cf_delta_copies_release(&copies);
    cf_buffer_release(&base);
    cf_buffer_release(&target);
    cf_buffer_release(&patch);
}

Test(delta_copies, lead_through_patches_in_a_row)
{
    cf_buffer base = make_text(), target = {0};
    cf_delta_copies copies = {0};
    cf_error error;

    cf_buffer_append(&target, base.data, base.size);
    cf_delta_copies_all(base.size, &copies);
    for (unsigned i = 0; i < 5; i++) {
        cf_delta_copies later = {0}, joined = {0};
        cf_buffer next = edit(cf_buffer_view(&target), 10 + i);
        cf_buffer patch = make_patch(cf_buffer_view(&target), cf_buffer_view(&next));

        expect_ok(read_copies(&patch, target.size, next.size, &later, &error), error);
        expect_ok(cf_delta_copies_join(&copies, &later, &joined, &error), error);
        cr_expect_gt(count_copied(&joined, cf_buffer_view(&base), cf_buffer_view(&next)), SIZE / 2);
        cf_delta_copies_release(&copies);
        cf_delta_copies_release(&later);
        cf_buffer_release(&target);
        cf_buffer_release(&patch);
        copies = joined;
        target = next;
    }
    cf_delta_copies_release(&copies);
    cf_buffer_release(&base);
    cf_buffer_release(&target);
}

Test(delta_copies, of_patches_that_are_damaged_are_within_their_contents_or_refused)
{
    cf_buffer base = make_text();
    cf_bytes small = cf_bytes_of(base.data, 20000);
    cf_buffer target = edit(small, 3), patch = make_patch(small, cf_buffer_view(&target));
    cf_error error;

    for (size_t i = 0; i < patch.size; i++) {
        cf_delta_copies copies = {0};
        const cf_buffer cut = {.data = patch.data, .size = i};

        expect_fails(read_copies(&cut, small.size, target.size, &copies, &error), CF_MALFORMED);
        cf_delta_copies_release(&copies);
        patch.data[i] ^= 0x55;
        if (!read_copies(&patch, small.size, target.size, &copies, &error))
            for (size_t k = 0; k < copies.count; k++) {
                cr_assert_leq(copies.at[k].at + copies.at[k].size, target.size);
                cr_assert_leq(copies.at[k].base + copies.at[k].size, small.size);
            }
        patch.data[i] ^= 0x55;
        cf_delta_copies_release(&copies);
    }
    cf_buffer_release(&base);
    cf_buffer_release(&target);
    cf_buffer_release(&patch);
}

Test(delta_copies, of_another_size_are_refused)
{
    cf_buffer base = make_text(), patch = make_patch(cf_buffer_view(&base), cf_buffer_view(&base));
    cf_delta_copies copies = {0};
    cf_error error;

    expect_fails(read_copies(&patch, base.size, base.size - 1, &copies, &error), CF_MALFORMED);
    expect_fails(read_copies(&patch, base.size, base.size + 1, &copies, &error), CF_MALFORMED);
    expect_fails(read_copies(&patch, base.size - 1, base.size, &copies, &error), CF_MALFORMED);
    cf_delta_copies_release(&copies);
    cf_buffer_release(&base);
    cf_buffer_release(&patch);
}

Test(delta_copies, are_at_most_so_many)
{
    cf_delta_copies earlier = {0}, later = {0}, joined = {0};
    cf_error error;

    for (uint64_t i = 0; i < CF_DELTA_COPIES_MAX; i++)
        *cf_one_more(earlier.at, earlier.count, earlier.capacity) =
            (cf_delta_copy){.at = 2 * i, .base = 3 * i, .size = 1};
    cf_delta_copies_all(2 * CF_DELTA_COPIES_MAX, &later);
    expect_ok(cf_delta_copies_join(&earlier, &later, &joined, &error), error);
    cr_expect_eq(joined.count, CF_DELTA_COPIES_MAX);
    expect_fails(cf_delta_copies_join(&earlier, &later, &joined, &error), CF_TOO_LARGE);
    cf_delta_copies_release(&earlier);
    cf_delta_copies_release(&later);
    cf_delta_copies_release(&joined);
}
