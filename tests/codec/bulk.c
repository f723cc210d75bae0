/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bulk.h"

#include <string.h>

#include <sodium.h>

#include "tests/support/expect.h"

static void fill(uint8_t *bytes, size_t size, uint8_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(seed + i * 31 + (i >> 8));
}

Test(bulk, hashes_as_the_standard_says)
{
    char text[2 * CF_HASH_SIZE + 1];
    cf_hash hash = cf_sha256_of(cf_bytes_of_text("abc"));

    cf_hex(cf_bytes_of(hash.bytes, CF_HASH_SIZE), text);
    cr_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

Test(bulk, hashes_pieces_as_the_whole_and_starts_again)
{
    uint8_t bytes[1000], expected[CF_HASH_SIZE];
    cf_sha256 *hasher = cf_sha256_new();

    fill(bytes, sizeof bytes, 1);
    crypto_hash_sha256(expected, bytes, sizeof bytes);
    for (size_t piece = 1; piece < 200; piece += 7) {
        for (size_t at = 0; at < sizeof bytes; at += piece)
            cf_sha256_update(
                hasher,
                cf_bytes_of(bytes + at, at + piece > sizeof bytes ? sizeof bytes - at : piece));
        cf_hash hash = cf_sha256_finish(hasher);
        cr_assert_arr_eq(hash.bytes, expected, CF_HASH_SIZE);
    }
    cf_sha256_destroy(&hasher);
}

Test(bulk, seals_byte_for_byte_as_libsodium_does)
{
    static uint8_t plain[70000], ours[70016], theirs[70016], opened[70000];
    uint8_t key[CF_KEY_SIZE], nonce[CF_NONCE_SIZE], associated[100];
    const size_t sizes[] = {0, 1, 15, 16, 17, 63, 64, 65, 1000, 65536, 70000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i], extra = i * 9;
        unsigned long long length;

        fill(plain, size, (uint8_t)i);
        fill(key, sizeof key, (uint8_t)(i + 1));
        fill(nonce, sizeof nonce, (uint8_t)(i + 2));
        fill(associated, extra, (uint8_t)(i + 3));
        crypto_aead_xchacha20poly1305_ietf_encrypt(theirs, &length, plain, size, associated, extra,
                                                   NULL, nonce, key);
        cf_bulk_encrypt(key, nonce, cf_bytes_of(associated, extra), cf_bytes_of(plain, size), ours);
        cr_assert_arr_eq(ours, theirs, size + CF_TAG_SIZE, "%zu bytes", size);
        cr_assert(cf_bulk_decrypt(key, nonce, cf_bytes_of(associated, extra),
                                  cf_bytes_of(ours, size + CF_TAG_SIZE), opened));
        cr_assert_arr_eq(opened, plain, size);
    }
}

Test(bulk, opens_nothing_that_was_changed_and_leaves_no_plain_bytes)
{
    uint8_t key[CF_KEY_SIZE] = {1}, nonce[CF_NONCE_SIZE] = {2}, plain[40], sealed[56], out[40];
    const uint8_t zeros[40] = {0};
    cf_bytes associated = cf_bytes_of_text("under");

    fill(plain, sizeof plain, 9);
    cf_bulk_encrypt(key, nonce, associated, cf_bytes_of(plain, sizeof plain), sealed);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 1;
        memset(out, 7, sizeof out);
        cr_assert_not(
            cf_bulk_decrypt(key, nonce, associated, cf_bytes_of(sealed, sizeof sealed), out));
        cr_assert_arr_eq(out, zeros, sizeof out);
        sealed[i] ^= 1;
    }
    for (size_t size = 0; size < sizeof sealed; size++)
        cr_assert_not(cf_bulk_decrypt(key, nonce, associated, cf_bytes_of(sealed, size), out));
    cr_assert_not(cf_bulk_decrypt(key, nonce, cf_bytes_of_text("other"),
                                  cf_bytes_of(sealed, sizeof sealed), out));
}
