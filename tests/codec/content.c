/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/content.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/expect.h"

static const cf_hash base = {"base"};

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 9));
}

Test(content_hash, is_the_same_however_the_bytes_come)
{
    static uint8_t bytes[3 * CF_LEAF_SIZE + 100];
    const size_t sizes[] = {0, 1, CF_LEAF_SIZE - 1, CF_LEAF_SIZE, CF_LEAF_SIZE + 1, sizeof bytes};
    const size_t steps[] = {1000, CF_LEAF_SIZE - 1, CF_LEAF_SIZE, CF_LEAF_SIZE + 1, sizeof bytes};

    fill(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cf_hash expected = cf_content_hash(cf_bytes_of(bytes, sizes[i]));

        for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
            cf_buffer leaves = {0};
            cf_content_hasher *hasher = cf_content_hasher_new(&leaves);
            uint64_t size;
            cf_error error;

            for (size_t at = 0; at < sizes[i]; at += steps[j])
                cf_content_hasher_update(
                    hasher,
                    cf_bytes_of(bytes + at, at + steps[j] > sizes[i] ? sizes[i] - at : steps[j]));
            cf_hash hash = cf_content_hasher_finish(hasher, &size);
            cr_assert(cf_hash_equal(&hash, &expected));
            cr_assert_eq(size, sizes[i]);
            cr_assert_eq(leaves.size, cf_leaf_count(size) * CF_HASH_SIZE);
            expect_ok(cf_leaves_check(cf_buffer_view(&leaves), size, &hash, &error), error);
            cf_content_hasher_destroy(&hasher);
            cf_buffer_release(&leaves);
        }
    }
}

Test(content_hash, of_holes_is_that_of_zeros)
{
    const size_t size = 5 * CF_LEAF_SIZE;
    uint8_t *bytes = calloc(size, 1);
    cf_content_hasher *hasher = cf_content_hasher_new(NULL);
    uint64_t counted;

    bytes[100] = 1;
    cf_hash expected = cf_content_hash(cf_bytes_of(bytes, size));
    cf_content_hasher_zeros(hasher, 100);
    cf_content_hasher_update(hasher, cf_bytes_of("\1", 1));
    cf_content_hasher_zeros(hasher, size - 101);
    cf_hash hash = cf_content_hasher_finish(hasher, &counted);
    cr_assert(cf_hash_equal(&hash, &expected));
    cr_assert_eq(counted, size);
    cf_content_hasher_destroy(&hasher);
    free(bytes);
}

Test(content_hash, tells_leaves_lengths_and_levels_apart)
{
    static uint8_t zeros[CF_LEAF_SIZE + 1];
    cf_hash empty = cf_content_hash(cf_bytes_of(NULL, 0)),
            one = cf_content_hash(cf_bytes_of(zeros, 1)),
            leaf = cf_leaf_hash(cf_bytes_of(zeros, 1)),
            full = cf_content_hash(cf_bytes_of(zeros, CF_LEAF_SIZE)),
            more = cf_content_hash(cf_bytes_of(zeros, sizeof zeros));

    cr_assert_not(cf_hash_equal(&empty, &one));
    cr_assert_not(cf_hash_equal(&one, &leaf));
    cr_assert_not(cf_hash_equal(&full, &more));
}

Test(content_hash, lets_each_leaf_be_checked_alone)
{
    static uint8_t bytes[2 * CF_LEAF_SIZE + 10];
    cf_error error;
    cf_buffer leaves = {0};
    cf_content_hasher *hasher = cf_content_hasher_new(&leaves);
    uint64_t size;
    cf_hash other = {"other"};

    fill(bytes, sizeof bytes);
    cf_content_hasher_update(hasher, cf_bytes_of(bytes, sizeof bytes));
    cf_hash hash = cf_content_hasher_finish(hasher, &size);
    cf_bytes view = cf_buffer_view(&leaves);
    cr_assert(cf_leaf_fits(view, 0, cf_bytes_of(bytes, CF_LEAF_SIZE)));
    cr_assert(cf_leaf_fits(view, 2, cf_bytes_of(bytes + 2 * CF_LEAF_SIZE, 10)));
    cr_assert_not(cf_leaf_fits(view, 1, cf_bytes_of(bytes, CF_LEAF_SIZE)));
    cr_assert_not(cf_leaf_fits(view, 2, cf_bytes_of(bytes + 2 * CF_LEAF_SIZE, 9)));
    cr_assert_not(cf_leaf_fits(view, 3, cf_bytes_of(bytes, 0)));
    expect_fails(cf_leaves_check(view, size, &other, &error), CF_FORGED);
    expect_fails(cf_leaves_check(view, size - 10, &hash, &error), CF_FORGED);
    expect_fails(cf_leaves_check(view, size + 1, &hash, &error), CF_FORGED);
    expect_fails(cf_leaves_check(cf_bytes_of(leaves.data, 64), size, &hash, &error), CF_FORGED);
    leaves.data[40] ^= 1;
    expect_fails(cf_leaves_check(view, size, &hash, &error), CF_FORGED);
    cf_content_hasher_destroy(&hasher);
    cf_buffer_release(&leaves);
}

Test(content_identity, goes_round_and_comes_out_of_a_reference)
{
    cf_error error;
    cf_buffer identity = {0}, reduced = {0}, reference = {0};
    cf_content content = {.hash = {"content"}, .size = 3, .how = {.is_inline = true}};
    cf_hash hash;
    uint64_t size;

    content.how.bytes = cf_bytes_of_text("abc");
    cf_content_pack(&reference, &content);
    cf_content_identity_pack(&identity, &content.hash, 3);
    expect_ok(cf_content_identity(cf_buffer_view(&reference), &reduced, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&identity), cf_buffer_view(&reduced)));
    expect_ok(cf_content_identity_read(cf_buffer_view(&identity), &hash, &size, &error), error);
    cr_assert(cf_hash_equal(&hash, &content.hash));
    cr_assert_eq(size, 3);
    for (size_t i = 0; i < identity.size; i++)
        expect_fails(cf_content_identity_read(cf_bytes_of(identity.data, i), &hash, &size, &error),
                     CF_MALFORMED);
    expect_fails(cf_content_identity_read(cf_buffer_view(&reference), &hash, &size, &error),
                 CF_MALFORMED);
    cf_buffer_clear(&identity);
    cf_content_identity_pack(&identity, &content.hash, CF_FILE_MAX + 1);
    expect_fails(cf_content_identity_read(cf_buffer_view(&identity), &hash, &size, &error),
                 CF_TOO_LARGE);
    cf_buffer_release(&identity);
    cf_buffer_release(&reduced);
    cf_buffer_release(&reference);
}

Test(slices, join_neighbours_and_come_back_one_by_one)
{
    cf_slices slices = {0};
    cf_slice slice;
    cf_buffer packed = {0};

    cf_slices_add(&slices, (cf_slice){.blob = 1, .offset = 0, .length = 10});
    cf_slices_add(&slices, (cf_slice){.blob = 1, .offset = 10, .length = 5});
    cf_slices_add(&slices, (cf_slice){.blob = 1, .offset = 16, .length = 1});
    cf_slices_add(&slices, (cf_slice){.zeros = true, .length = 100});
    cf_slices_add(&slices, (cf_slice){.zeros = true, .length = 200});
    cf_slices_add(&slices, (cf_slice){.blob = 2, .offset = 0, .length = 7});
    cr_assert_eq(slices.count, 4);
    cr_assert_eq(slices.length, 323);
    cf_slices_pack(&slices, &packed);
    cf_slice_reader reader = cf_slice_reader_of(cf_buffer_view(&packed));
    for (size_t i = 0; i < slices.count; i++) {
        cr_assert(cf_slice_next(&reader, &slice));
        cr_assert_eq(slice.zeros, slices.items[i].zeros);
        cr_assert_eq(slice.blob, slices.items[i].blob);
        cr_assert_eq(slice.offset, slices.items[i].offset);
        cr_assert_eq(slice.length, slices.items[i].length);
    }
    cr_assert_not(cf_slice_next(&reader, &slice));
    cf_slices_release(&slices);
    cf_buffer_release(&packed);
}

/* Packs the slices [0, 0, 10] [50 zeros] and what `how` says besides. */
static void pack_sliced(cf_content *content, cf_buffer *slices, cf_buffer *out)
{
    cf_slices list = {0};

    cf_slices_add(&list, (cf_slice){.blob = 0, .offset = 0, .length = 10});
    cf_slices_add(&list, (cf_slice){.zeros = true, .length = 50});
    cf_slices_pack(&list, slices);
    content->how.slices = cf_buffer_view(slices);
    cf_content_pack(out, content);
    cf_slices_release(&list);
}

static void expect_same_when_read(const cf_content *content, cf_bytes packed)
{
    cf_error error;
    cf_content back;
    cf_buffer again = {0};

    expect_ok(cf_content_read(packed, 1, &back, &error), error);
    cr_assert(cf_hash_equal(&back.hash, &content->hash));
    cr_assert_eq(back.size, content->size);
    cr_assert_eq(back.depth, content->depth);
    cr_assert_eq(back.how.is_patch, content->how.is_patch);
    cr_assert_eq(back.how.is_inline, content->how.is_inline);
    cf_content_pack(&again, &back);
    cr_assert(cf_bytes_equal(cf_buffer_view(&again), packed));
    for (size_t size = 0; size < packed.size; size++)
        expect_fails(cf_content_read(cf_bytes_of(packed.data, size), 1, &back, &error),
                     CF_MALFORMED);
    cf_buffer_append(&again, "", 1);
    expect_fails(cf_content_read(cf_buffer_view(&again), 1, &back, &error), CF_MALFORMED);
    cf_buffer_release(&again);
}

Test(content_reference, goes_round_in_its_four_forms_and_is_refused_when_cut)
{
    cf_buffer out = {0}, slices = {0};
    cf_content content = {.hash = {"content"}, .size = 3, .how = {.is_inline = true}};

    content.how.bytes = cf_bytes_of_text("abc");
    cf_content_pack(&out, &content);
    expect_same_when_read(&content, cf_buffer_view(&out));

    cf_buffer_clear(&out);
    content = (cf_content){.hash = {"content"}, .size = 1000, .depth = 16};
    content.how = (cf_how){.is_patch = true, .base = base, .is_inline = true};
    content.how.bytes = cf_bytes_of_text("patch");
    cf_content_pack(&out, &content);
    expect_same_when_read(&content, cf_buffer_view(&out));

    cf_buffer_clear(&out);
    content.how = (cf_how){.is_patch = true, .base = base};
    pack_sliced(&content, &slices, &out);
    expect_same_when_read(&content, cf_buffer_view(&out));

    cf_buffer_clear(&out);
    cf_buffer_clear(&slices);
    content = (cf_content){.hash = {"content"}, .size = 60};
    pack_sliced(&content, &slices, &out);
    expect_same_when_read(&content, cf_buffer_view(&out));
    cf_buffer_release(&out);
    cf_buffer_release(&slices);
}

Test(content_reference, survives_any_changed_byte)
{
    cf_error error;
    cf_content content = {.hash = {"content"}, .size = 60}, back;
    cf_buffer out = {0}, slices = {0};

    pack_sliced(&content, &slices, &out);
    for (size_t i = 0; i < out.size; i++)
        for (unsigned change = 1; change < 256; change++) {
            out.data[i] ^= (uint8_t)change;
            if (cf_content_read(cf_buffer_view(&out), 1, &back, &error) == CF_OK &&
                !back.how.is_inline) {
                cf_slice_reader reader = cf_slice_reader_of(back.how.slices);
                uint64_t length = 0;

                for (cf_slice slice; cf_slice_next(&reader, &slice);)
                    length += slice.length;
                cr_assert_eq(length, back.how.length);
            }
            out.data[i] ^= (uint8_t)change;
        }
    cf_buffer_release(&out);
    cf_buffer_release(&slices);
}

static void expect_content_refused(const cf_content *content, cf_status expected)
{
    cf_error error;
    cf_content back;
    cf_buffer out = {0};

    cf_content_pack(&out, content);
    expect_fails(cf_content_read(cf_buffer_view(&out), 1, &back, &error), expected);
    cf_buffer_release(&out);
}

Test(content_reference, keeps_to_its_limits)
{
    static uint8_t bytes[CF_INLINE_MAX + 1];
    cf_content whole = {.size = sizeof bytes, .how = {.is_inline = true}};
    cf_content patch = {.size = 9, .depth = 17, .how = {.is_patch = true, .is_inline = true}};

    whole.how.bytes = cf_bytes_of(bytes, sizeof bytes);
    expect_content_refused(&whole, CF_TOO_LARGE);
    whole.how.bytes.size = 9;
    expect_content_refused(&whole, CF_MALFORMED);
    whole.size = 9;
    whole.depth = 1;
    expect_content_refused(&whole, CF_MALFORMED);
    patch.how.bytes = cf_bytes_of(bytes, 9);
    expect_content_refused(&patch, CF_TOO_LARGE);
    patch.depth = 0;
    expect_content_refused(&patch, CF_MALFORMED);
    patch.depth = 5;
    patch.size = CF_DELTA_LARGE + 1;
    expect_content_refused(&patch, CF_TOO_LARGE);
    patch.size = CF_FILE_MAX + 1;
    patch.depth = 1;
    expect_content_refused(&patch, CF_TOO_LARGE);
    patch.size = 9;
    patch.how.bytes.size = 0;
    expect_content_refused(&patch, CF_MALFORMED);
}

static void expect_slices_refused(const cf_slice *slices, size_t count, cf_status expected)
{
    cf_slices list = {.items = (cf_slice *)slices, .count = count};
    cf_error error;
    cf_how how;
    cf_buffer out = {0};

    cf_slices_pack(&list, &out);
    expect_fails(cf_how_read(cf_buffer_view(&out), 2, &how, &error), expected);
    cf_buffer_release(&out);
}

Test(content_reference, refuses_slices_that_are_not_sound)
{
    const cf_slice empty = {.blob = 0, .length = 0}, unnamed = {.blob = 2, .length = 1},
                   beyond = {.offset = CF_BLOB_MAX, .length = 1},
                   wraps = {.offset = UINT64_MAX, .length = 2}, long_one = {.length = CF_FILE_MAX},
                   unjoined[] = {{.length = 4}, {.offset = 4, .length = 4}},
                   holes[] = {{.zeros = true, .length = 4}, {.zeros = true, .length = 4}},
                   many[] = {{.zeros = true, .length = CF_FILE_MAX}, {.length = 1}};

    expect_slices_refused(&empty, 0, CF_MALFORMED);
    expect_slices_refused(&empty, 1, CF_MALFORMED);
    expect_slices_refused(&unnamed, 1, CF_MALFORMED);
    expect_slices_refused(&beyond, 1, CF_MALFORMED);
    expect_slices_refused(&wraps, 1, CF_MALFORMED);
    expect_slices_refused(&long_one, 1, CF_MALFORMED);
    expect_slices_refused(unjoined, 2, CF_MALFORMED);
    expect_slices_refused(holes, 2, CF_MALFORMED);
    expect_slices_refused(many, 2, CF_TOO_LARGE);
}
