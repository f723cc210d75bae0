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

/* The first ones of a process are hashed by another library than those that follow. */
Test(bulk, hashes_the_hundredth_kilobyte_as_the_first)
{
    uint8_t bytes[1000], again[sizeof CF_DOMAIN + sizeof "test" + sizeof bytes - 1],
        expected[CF_HASH_SIZE];
    const size_t prefix = sizeof again - sizeof bytes;

    memcpy(again, CF_DOMAIN "test", prefix);
    for (size_t i = 0; i < 100; i++) {
        const size_t size = i % 7 ? sizeof bytes - i : 0;
        const cf_bytes parts[] = {cf_bytes_of(bytes, size / 3),
                                  cf_bytes_of(bytes + size / 3, size - size / 3)};

        fill(bytes, sizeof bytes, (uint8_t)i);
        memcpy(again + prefix, bytes, sizeof bytes);
        crypto_hash_sha256(expected, bytes, size);
        cr_assert_arr_eq(cf_sha256_of(cf_bytes_of(bytes, size)).bytes, expected, CF_HASH_SIZE,
                         "%zu", i);
        crypto_hash_sha256(expected, again, prefix + size);
        cr_assert_arr_eq(cf_hash_of("test", parts, 2).bytes, expected, CF_HASH_SIZE, "%zu", i);
    }
}

Test(bulk, seals_byte_for_byte_as_libsodium_does)
{
    static uint8_t plain[70000], ours[70016], theirs[70016], opened[70000];
    uint8_t key[CF_KEY_SIZE], nonce[CF_NONCE_SIZE], associated[120];
    const size_t sizes[] = {0, 1, 15, 16, 17, 63, 64, 65, 1000, 1024, 1025, 65536, 70000};

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

/* Of both libraries. */
Test(bulk, opens_nothing_that_was_changed_and_leaves_no_plain_bytes)
{
    static uint8_t plain[1100], sealed[1116], out[1100], zeros[1100];
    const uint8_t key[CF_KEY_SIZE] = {1}, nonce[CF_NONCE_SIZE] = {2};
    const cf_bytes associated = cf_bytes_of_text("under");

    fill(plain, sizeof plain, 9);
    for (size_t size = 40; size <= sizeof plain; size += sizeof plain - 40) {
        const cf_bytes whole = cf_bytes_of(sealed, size + CF_TAG_SIZE);

        cf_bulk_encrypt(key, nonce, associated, cf_bytes_of(plain, size), sealed);
        for (size_t i = 0; i < whole.size; i++) {
            sealed[i] ^= 1;
            memset(out, 7, size);
            cr_assert_not(cf_bulk_decrypt(key, nonce, associated, whole, out));
            cr_assert_arr_eq(out, zeros, size);
            sealed[i] ^= 1;
        }
        for (size_t cut = 0; cut < whole.size; cut++)
            cr_assert_not(cf_bulk_decrypt(key, nonce, associated, cf_bytes_of(sealed, cut), out));
        cr_assert_not(cf_bulk_decrypt(key, nonce, cf_bytes_of_text("other"), whole, out));
    }
}
