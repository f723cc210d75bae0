/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/blob.h"

#include <stdlib.h>
#include <string.h>

#include "codec/compress.h"
#include "tests/codec/given_ring.h"
#include "tests/support/expect.h"

static const cf_hash user = {"somebody"}, other_user = {"somebody else"}, epoch = {"first epoch"};
static const uint8_t key[CF_KEY_SIZE] = "content key one",
                     other_key[CF_KEY_SIZE] = "content key two";
static const cf_id notes = {"notes"}, photos = {"photos"};

Test(blobs, go_round_and_are_the_same_for_the_same_piece)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_buffer sealed = {0}, again = {0}, back = {0};
    cf_hash id, id_again, found;

    for (size_t size = 1; size <= CF_BLOB_MAX; size *= 16) {
        uint8_t *piece = calloc(size, 1);

        cf_buffer_clear(&sealed);
        cf_buffer_clear(&again);
        cf_buffer_clear(&back);
        memset(piece, 'p', size / 2);
        expect_ok(cf_blob_seal(&place, cf_bytes_of(piece, size), &sealed, &id, &error), error);
        expect_ok(cf_blob_seal(&place, cf_bytes_of(piece, size), &again, &id_again, &error), error);
        cr_assert(cf_bytes_equal(cf_buffer_view(&sealed), cf_buffer_view(&again)));
        cr_assert(cf_hash_equal(&id, &id_again));
        cr_assert_leq(sealed.size, size + CF_BLOB_OVERHEAD);
        expect_ok(cf_blob_epoch(cf_buffer_view(&sealed), &found, &error), error);
        cr_assert(cf_hash_equal(&found, &epoch));
        expect_ok(cf_blob_open(ring, &notes, &id, cf_buffer_view(&sealed), &back, &error), error);
        cr_assert(cf_bytes_equal(cf_buffer_view(&back), cf_bytes_of(piece, size)));
        free(piece);
    }
    cf_buffer_release(&sealed);
    cf_buffer_release(&again);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
}

Test(blobs, open_under_no_other_key_user_or_collection)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key), *other = a_ring_with(&user, &epoch, other_key),
            *stranger = a_ring_with(&other_user, &epoch, key), *empty = cf_ring_new(&user);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_buffer sealed = {0}, back = {0};
    cf_hash id;

    expect_ok(cf_blob_seal(&place, cf_bytes_of_text("a piece"), &sealed, &id, &error), error);
    cf_bytes bytes = cf_buffer_view(&sealed);
    expect_fails(cf_blob_open(other, &notes, &id, bytes, &back, &error), CF_FORGED);
    expect_fails(cf_blob_open(stranger, &notes, &id, bytes, &back, &error), CF_FORGED);
    expect_fails(cf_blob_open(ring, &photos, &id, bytes, &back, &error), CF_FORGED);
    expect_fails(cf_blob_open(empty, &notes, &id, bytes, &back, &error), CF_MISSING);
    cr_assert_eq(back.size, 0);
    cf_buffer_release(&sealed);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
    cf_ring_destroy(&other);
    cf_ring_destroy(&stranger);
    cf_ring_destroy(&empty);
}

Test(blobs, cut_or_changed_anywhere_are_refused_under_their_name_and_under_a_new_one)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_buffer sealed = {0}, back = {0};
    cf_hash id, renamed;

    expect_ok(cf_blob_seal(&place, cf_bytes_of_text("a piece"), &sealed, &id, &error), error);
    for (size_t i = 0; i < sealed.size; i++) {
        cf_bytes cut = cf_bytes_of(sealed.data, i);

        expect_fails(cf_blob_open(ring, &notes, &id, cut, &back, &error), CF_FORGED);
        renamed = cf_blob_id(cut);
        cr_assert(cf_blob_open(ring, &notes, &renamed, cut, &back, &error));
        sealed.data[i] ^= 1;
        expect_fails(cf_blob_open(ring, &notes, &id, cf_buffer_view(&sealed), &back, &error),
                     CF_FORGED);
        renamed = cf_blob_id(cf_buffer_view(&sealed));
        cr_assert(cf_blob_open(ring, &notes, &renamed, cf_buffer_view(&sealed), &back, &error));
        sealed.data[i] ^= 1;
    }
    cr_assert_eq(back.size, 0);
    cf_buffer_release(&sealed);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
}

Test(blobs, hold_between_one_byte_and_the_limit)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_buffer sealed = {0};
    cf_hash id;
    uint8_t *piece = calloc(CF_BLOB_MAX + 1, 1);

    expect_fails(cf_blob_seal(&place, cf_bytes_of(piece, 0), &sealed, &id, &error), CF_TOO_LARGE);
    expect_fails(cf_blob_seal(&place, cf_bytes_of(piece, CF_BLOB_MAX + 1), &sealed, &id, &error),
                 CF_TOO_LARGE);
    free(piece);
    cf_buffer_release(&sealed);
    cf_ring_destroy(&ring);
}

Test(blobs, that_hold_more_than_a_piece_may_have_are_refused)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_seal_keys keys;
    cf_buffer associated = {0}, frame = {0}, sealed = {0}, back = {0};
    uint8_t *piece = calloc(CF_BLOB_MAX + 1, 1);

    expect_ok(cf_seal_keys_of(&place, CF_PURPOSE_BLOB, &keys, &error), error);
    cf_domain_append(&associated, "blob");
    cf_buffer_append(&associated, user.bytes, CF_HASH_SIZE);
    cf_buffer_append(&associated, notes.bytes, CF_ID_SIZE);
    cf_buffer_append(&associated, "\1", 1);
    cf_buffer_append(&associated, epoch.bytes, CF_HASH_SIZE);
    cf_frame_pack(cf_bytes_of(piece, CF_BLOB_MAX + 1), &frame);
    cf_buffer_append(&sealed, "\1", 1);
    cf_buffer_append(&sealed, epoch.bytes, CF_HASH_SIZE);
    cf_seal(&keys, cf_buffer_view(&associated), cf_buffer_view(&frame), &sealed);
    cf_hash id = cf_blob_id(cf_buffer_view(&sealed));
    expect_fails(cf_blob_open(ring, &notes, &id, cf_buffer_view(&sealed), &back, &error),
                 CF_TOO_LARGE);
    free(piece);
    cf_buffer_release(&associated);
    cf_buffer_release(&frame);
    cf_buffer_release(&sealed);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
}

Test(blobs, cut_content_into_pieces_that_one_header_can_name)
{
    cr_assert_eq(cf_blob_piece_size(0), CF_BLOB_PIECE);
    cr_assert_eq(cf_blob_piece_size(CF_BLOB_LARGE - 1), CF_BLOB_PIECE);
    cr_assert_eq(cf_blob_piece_size(CF_BLOB_LARGE), CF_BLOB_PIECE_LARGE);
    cr_assert_eq(cf_blob_piece_size(64 * CF_GIB), CF_BLOB_PIECE_LARGE);
    cr_assert_eq(cf_blob_piece_size(64 * CF_GIB + 1), 2 * CF_BLOB_PIECE_LARGE);
    cr_assert_eq(cf_blob_piece_size(CF_FILE_MAX), CF_BLOB_MAX);
    for (uint64_t size = 1; size <= CF_FILE_MAX; size = size * 3 + 1) {
        uint64_t piece = cf_blob_piece_size(size);
        cr_assert_leq((size + piece - 1) / piece, CF_ENTRY_BLOBS_MAX);
    }
}
