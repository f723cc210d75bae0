/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/bulk.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

struct cf_sha256 {
    EVP_MD_CTX *context;
};

/* Fetched once: a fetch by each call would cost more than hashing a kilobyte. */
static EVP_MD *sha256;
static EVP_CIPHER *chacha20_poly1305;
static once_flag fetched = ONCE_FLAG_INIT;

/* Only a lack of memory or a libcrypto without these algorithms ends here. */
static void must(bool worked)
{
    if (!worked) {
        fputs("counterfoil: libcrypto failed\n", stderr);
        abort();
    }
}

/* What the machine's configuration says of providers is for others: these two are what the format
 * has. Reading it would take as long as all else that a verb hashes. */
static void fetch(void)
{
    must(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    chacha20_poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    must(sha256 && chacha20_poly1305);
}

static void start(cf_sha256 *hasher)
{
    must(EVP_DigestInit_ex2(hasher->context, sha256, NULL) == 1);
}

cf_sha256 *cf_sha256_new(void)
{
    cf_sha256 *hasher = cf_allocate(1, sizeof *hasher);

    call_once(&fetched, fetch);
    hasher->context = EVP_MD_CTX_new();
    must(hasher->context);
    start(hasher);
    return hasher;
}

void cf_sha256_update(cf_sha256 *hasher, cf_bytes bytes)
{
    if (bytes.size)
        must(EVP_DigestUpdate(hasher->context, bytes.data, bytes.size) == 1);
}

cf_hash cf_sha256_finish(cf_sha256 *hasher)
{
    cf_hash hash;

    must(EVP_DigestFinal_ex(hasher->context, hash.bytes, NULL) == 1);
    start(hasher);
    return hash;
}

void cf_sha256_destroy(cf_sha256 **hasher)
{
    if (!*hasher)
        return;
    EVP_MD_CTX_free((*hasher)->context);
    free(*hasher);
    *hasher = NULL;
}

/* What a process hashes before libcrypto's algorithms are fetched: that takes as long as libsodium
 * takes for ten times as much, and most verbs hash less, as `sync` where nothing is new.
 */
enum { BEFORE_FETCH = 32 * 1024 };
static atomic_size_t hashed;

static bool is_little(size_t size)
{
    return atomic_load(&hashed) <= BEFORE_FETCH &&
           atomic_fetch_add(&hashed, size) + size <= BEFORE_FETCH;
}

static cf_hash hash_little(const cf_bytes domain[2], const cf_bytes *parts, size_t count)
{
    crypto_hash_sha256_state state;
    cf_hash hash;

    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < 2 + count; i++) {
        const cf_bytes part = i < 2 ? domain[i] : parts[i - 2];

        if (part.size)
            crypto_hash_sha256_update(&state, part.data, part.size);
    }
    crypto_hash_sha256_final(&state, hash.bytes);
    sodium_memzero(&state, sizeof state);
    return hash;
}

static cf_hash hash_parts(const cf_bytes domain[2], const cf_bytes *parts, size_t count)
{
    size_t size = domain[0].size + domain[1].size;

    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    if (is_little(size))
        return hash_little(domain, parts, count);

    cf_sha256 *hasher = cf_sha256_new();
    for (size_t i = 0; i < 2 + count; i++)
        cf_sha256_update(hasher, i < 2 ? domain[i] : parts[i - 2]);
    cf_hash hash = cf_sha256_finish(hasher);
    cf_sha256_destroy(&hasher);
    return hash;
}

cf_hash cf_sha256_of(cf_bytes bytes)
{
    const cf_bytes none[2] = {{0}};

    return hash_parts(none, &bytes, 1);
}

void cf_domain_append(cf_buffer *out, const char *purpose)
{
    cf_buffer_append(out, CF_DOMAIN, strlen(CF_DOMAIN));
    cf_buffer_append(out, purpose, strlen(purpose) + 1);
}

void cf_sha256_update_domain(cf_sha256 *hasher, const char *purpose)
{
    cf_sha256_update(hasher, cf_bytes_of_text(CF_DOMAIN));
    cf_sha256_update(hasher, cf_bytes_of(purpose, strlen(purpose) + 1));
}

cf_hash cf_hash_of(const char *purpose, const cf_bytes *parts, size_t count)
{
    const cf_bytes domain[2] = {cf_bytes_of_text(CF_DOMAIN),
                                cf_bytes_of(purpose, strlen(purpose) + 1)};

    return hash_parts(domain, parts, count);
}

/* Up to so much of it, a seal takes libsodium less than libcrypto takes to make a context. */
enum { SMALL_SEAL = 1024 };

/* XChaCha20 is ChaCha20 under a key made from the first 16 bytes of the nonce (HChaCha20). */
static EVP_CIPHER_CTX *begin(const uint8_t key[CF_KEY_SIZE], const uint8_t nonce[CF_NONCE_SIZE],
                             cf_bytes associated, bool encrypt)
{
    uint8_t subkey[32], rest[12] = {0};
    int written;

    call_once(&fetched, fetch);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    must(context);
    must(crypto_core_hchacha20(subkey, nonce, key, NULL) == 0);
    memcpy(rest + 4, nonce + 16, 8);
    must(EVP_CipherInit_ex2(context, chacha20_poly1305, subkey, rest, encrypt, NULL) == 1);
    sodium_memzero(subkey, sizeof subkey);
    assert(associated.size <= INT_MAX);
    if (associated.size)
        must(EVP_CipherUpdate(context, NULL, &written, associated.data, (int)associated.size) == 1);
    return context;
}

void cf_bulk_encrypt(const uint8_t key[CF_KEY_SIZE], const uint8_t nonce[CF_NONCE_SIZE],
                     cf_bytes associated, cf_bytes plain, uint8_t *out)
{
    int written;

    if (plain.size <= SMALL_SEAL) {
        must(crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain.data, plain.size,
                                                        associated.data, associated.size, NULL,
                                                        nonce, key) == 0);
        return;
    }
    EVP_CIPHER_CTX *context = begin(key, nonce, associated, true);
    assert(plain.size <= INT_MAX);
    must(EVP_CipherUpdate(context, out, &written, plain.data, (int)plain.size) == 1);
    must(EVP_CipherFinal_ex(context, out + plain.size, &written) == 1);
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CF_TAG_SIZE, out + plain.size) == 1);
    EVP_CIPHER_CTX_free(context);
}

bool cf_bulk_decrypt(const uint8_t key[CF_KEY_SIZE], const uint8_t nonce[CF_NONCE_SIZE],
                     cf_bytes associated, cf_bytes sealed, uint8_t *out)
{
    uint8_t tag[CF_TAG_SIZE], nothing[EVP_MAX_BLOCK_LENGTH]; /* a stream cipher's last block */
    int written;

    if (sealed.size < CF_TAG_SIZE || sealed.size > INT_MAX)
        return false;
    size_t size = sealed.size - CF_TAG_SIZE;
    if (size <= SMALL_SEAL)
        return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data, sealed.size,
                                                          associated.data, associated.size, nonce,
                                                          key) == 0;
    EVP_CIPHER_CTX *context = begin(key, nonce, associated, false);
    memcpy(tag, sealed.data + size, sizeof tag);
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CF_TAG_SIZE, tag) == 1);
    bool opened = EVP_CipherUpdate(context, out, &written, sealed.data, (int)size) &&
                  EVP_CipherFinal_ex(context, nothing, &written) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!opened)
        sodium_memzero(out, size);
    return opened;
}
