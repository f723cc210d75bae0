/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/seal.h"

#include <string.h>

#include "codec/compress.h"
#include "codec/limits.h"
#include "tests/codec/given_ring.h"
#include "tests/support/expect.h"

static const cf_hash user = {"somebody"}, other_user = {"somebody else"}, epoch = {"first epoch"};
static const uint8_t key[CF_KEY_SIZE] = "content key one",
                     other_key[CF_KEY_SIZE] = "content key two";
static const cf_id notes = {"notes"}, photos = {"photos"};
static const char plain_text[] = "what only the user's devices read, read, read, read and read";

static cf_bytes plain(void)
{
    return cf_bytes_of_text(plain_text);
}

Test(seal, gives_the_same_bytes_for_the_same_and_another_nonce_for_another)
{
    const cf_seal_keys keys = {"seal", "nonce"}, others = {"seal", "other"};
    cf_buffer first = {0}, again = {0}, under = {0}, bytes = {0}, nonce = {0};

    cf_seal(&keys, cf_bytes_of_text("under"), plain(), &first);
    cf_seal(&keys, cf_bytes_of_text("under"), plain(), &again);
    cf_seal(&keys, cf_bytes_of_text("Under"), plain(), &under);
    cf_seal(&keys, cf_bytes_of_text("under"), cf_bytes_of(plain_text, 20), &bytes);
    cf_seal(&others, cf_bytes_of_text("under"), plain(), &nonce);
    cr_assert(cf_bytes_equal(cf_buffer_view(&first), cf_buffer_view(&again)));
    cr_assert_eq(first.size, plain().size + CF_SEAL_OVERHEAD);
    cr_assert_arr_neq(first.data, under.data, CF_NONCE_SIZE);
    cr_assert_arr_neq(first.data, bytes.data, CF_NONCE_SIZE);
    cr_assert_arr_neq(first.data, nonce.data, CF_NONCE_SIZE);
    cf_buffer_release(&first);
    cf_buffer_release(&again);
    cf_buffer_release(&under);
    cf_buffer_release(&bytes);
    cf_buffer_release(&nonce);
}

Test(seal, goes_round_with_nothing_in_it)
{
    const cf_seal_keys keys = {"seal", "nonce"};
    cf_error error;
    cf_buffer sealed = {0}, back = {0};

    cf_seal(&keys, cf_bytes_of(NULL, 0), cf_bytes_of(NULL, 0), &sealed);
    expect_ok(cf_unseal(&keys, cf_bytes_of(NULL, 0), cf_buffer_view(&sealed), &back, &error),
              error);
    cr_assert_eq(back.size, 0);
    cf_buffer_release(&sealed);
    cf_buffer_release(&back);
}

Test(bodies, go_round_and_open_nowhere_else)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key),
            *other_ring = a_ring_with(&user, &epoch, other_key);
    cf_hash unknown = {"unknown epoch"};
    cf_seal_place place = {ring, &epoch, &notes}, other_key_place = {other_ring, &epoch, &notes},
                  elsewhere = {ring, &epoch, &photos}, unknown_place = {ring, &unknown, &notes};
    cf_buffer body = {0}, back = {0};
    cf_bytes header = cf_bytes_of_text("header"), other_header = cf_bytes_of_text("heades");

    expect_ok(cf_body_seal(&place, header, plain(), &body, &error), error);
    cf_bytes sealed = cf_buffer_view(&body);
    expect_ok(cf_body_open(&place, header, sealed, &back, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&back), plain()));
    cf_buffer_clear(&back);
    expect_fails(cf_body_open(&place, other_header, sealed, &back, &error), CF_FORGED);
    expect_fails(cf_body_open(&other_key_place, header, sealed, &back, &error), CF_FORGED);
    expect_fails(cf_body_open(&elsewhere, header, sealed, &back, &error), CF_FORGED);
    expect_fails(cf_body_open(&unknown_place, header, sealed, &back, &error), CF_MISSING);
    expect_fails(cf_body_seal(&unknown_place, header, plain(), &back, &error), CF_MISSING);
    cr_assert_eq(back.size, 0);
    cf_buffer_release(&body);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
    cf_ring_destroy(&other_ring);
}

Test(bodies, cut_or_changed_anywhere_do_not_open)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&other_user, &epoch, key);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_buffer body = {0}, back = {0};
    cf_bytes header = cf_bytes_of_text("header");

    expect_ok(cf_body_seal(&place, header, plain(), &body, &error), error);
    for (size_t i = 0; i < body.size; i++) {
        expect_fails(cf_body_open(&place, header, cf_bytes_of(body.data, i), &back, &error),
                     CF_FORGED);
        body.data[i] ^= 16;
        expect_fails(cf_body_open(&place, header, cf_buffer_view(&body), &back, &error), CF_FORGED);
        body.data[i] ^= 16;
    }
    cr_assert_eq(back.size, 0);
    cf_buffer_release(&body);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
}

/* A body of so many bytes, all alike, in a frame of this size; it says what opening it came to. */
static cf_status open_padded(size_t size, size_t frame_size, size_t *sealed_size)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_seal_keys keys;
    cf_buffer large = {0}, frame = {0}, associated = {0}, body = {0}, back = {0};

    memset(cf_buffer_reserve(&large, size), 'x', size);
    large.size = size;
    expect_ok(cf_seal_keys_of(&place, CF_PURPOSE_BODY, &keys, &error), error);
    cf_domain_append(&associated, "body");
    cf_buffer_append(&associated, plain().data, plain().size);
    cf_frame_pack(cf_buffer_view(&large), &frame);
    cf_frame_pad(&frame, frame_size);
    cf_seal(&keys, cf_buffer_view(&associated), cf_buffer_view(&frame), &body);
    *sealed_size = body.size;
    cf_status status = cf_body_open(&place, plain(), cf_buffer_view(&body), &back, &error);
    cr_expect_eq(back.size, status ? 0 : size);
    cf_buffer_release(&large);
    cf_buffer_release(&frame);
    cf_buffer_release(&associated);
    cf_buffer_release(&body);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
    return status;
}

Test(bodies, open_to_no_more_than_1024_times_what_is_sealed)
{
    enum { FRAME = 4000 };
    const size_t most = 1024 * (FRAME + CF_SEAL_OVERHEAD) + 65536;
    size_t sealed;

    cr_expect_eq(open_padded(most, FRAME, &sealed), CF_OK);
    cr_expect_eq(open_padded(most + 1, FRAME, &sealed), CF_TOO_LARGE);
    cr_expect_eq(sealed, FRAME + CF_SEAL_OVERHEAD);
    cr_expect_eq(open_padded(65536, 0, &sealed), CF_OK);
    cr_expect_eq(open_padded(CF_BODY_MAX, 0, &sealed), CF_TOO_LARGE);
    cr_expect_lt(sealed, 4096, "a few bytes, in which there are 16 MiB");
}

Test(bodies, are_padded_by_their_author_until_they_are_taken)
{
    static const size_t sizes[] = {1, 65536, 65537, 1 << 20, CF_BODY_MAX - 1, CF_BODY_MAX};
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_buffer large = {0}, body = {0}, back = {0};

    memset(cf_buffer_reserve(&large, CF_BODY_MAX), 'x', CF_BODY_MAX);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        large.size = sizes[i];
        cf_buffer_clear(&body);
        cf_buffer_clear(&back);
        expect_ok(cf_body_seal(&place, plain(), cf_buffer_view(&large), &body, &error), error);
        cr_expect_leq(body.size, sizes[i] / 1024 + 128);
        expect_ok(cf_body_open(&place, plain(), cf_buffer_view(&body), &back, &error), error);
        cr_expect(cf_bytes_equal(cf_buffer_view(&back), cf_buffer_view(&large)));
    }
    cf_buffer_release(&large);
    cf_buffer_release(&body);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
}

Test(bodies, are_refused_beyond_their_limit_on_both_sides)
{
    cf_error error;
    cf_ring *ring = a_ring_with(&user, &epoch, key);
    cf_seal_place place = {ring, &epoch, &notes};
    cf_seal_keys keys;
    cf_buffer large = {0}, frame = {0}, associated = {0}, body = {0}, back = {0};

    memset(cf_buffer_reserve(&large, CF_BODY_MAX + 1), 'x', CF_BODY_MAX + 1);
    large.size = CF_BODY_MAX;
    expect_ok(cf_body_seal(&place, plain(), cf_buffer_view(&large), &body, &error), error);
    expect_ok(cf_body_open(&place, plain(), cf_buffer_view(&body), &back, &error), error);
    large.size++;
    expect_fails(cf_body_seal(&place, plain(), cf_buffer_view(&large), &body, &error),
                 CF_TOO_LARGE);

    cf_buffer_clear(&body);
    cf_buffer_clear(&back);
    expect_ok(cf_seal_keys_of(&place, CF_PURPOSE_BODY, &keys, &error), error);
    cf_domain_append(&associated, "body");
    cf_buffer_append(&associated, plain().data, plain().size);
    cf_frame_pack(cf_buffer_view(&large), &frame);
    cf_seal(&keys, cf_buffer_view(&associated), cf_buffer_view(&frame), &body);
    expect_fails(cf_body_open(&place, plain(), cf_buffer_view(&body), &back, &error), CF_TOO_LARGE);
    cr_assert_eq(back.size, 0);
    cf_buffer_release(&large);
    cf_buffer_release(&frame);
    cf_buffer_release(&associated);
    cf_buffer_release(&body);
    cf_buffer_release(&back);
    cf_ring_destroy(&ring);
}
