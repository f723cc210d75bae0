/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/keys.h"

#include "codec/base32.h"
#include "codec/bulk.h"
#include "codec/secret.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

struct cf_keys {
    uint8_t seed[32];
    uint8_t signing[crypto_sign_SECRETKEYBYTES];
    uint8_t curve[crypto_scalarmult_SCALARBYTES];
    uint8_t sealing[crypto_scalarmult_SCALARBYTES];
    cf_public_keys public;
};

cf_keys *cf_keys_new(const uint8_t seed[32])
{
    cf_keys *keys = cf_secret_allocate(sizeof *keys);
    uint8_t signing_seed[CF_KEY_SIZE];

    memcpy(keys->seed, seed, sizeof keys->seed);
    cf_key_derive(seed, "signing", cf_bytes_of(NULL, 0), signing_seed);
    crypto_sign_seed_keypair(keys->public.signing, keys->signing, signing_seed);
    cf_wipe(signing_seed, sizeof signing_seed);
    cf_key_derive(seed, "curve", cf_bytes_of(NULL, 0), keys->curve);
    crypto_scalarmult_base(keys->public.curve, keys->curve);
    cf_key_derive(seed, "sealing", cf_bytes_of(NULL, 0), keys->sealing);
    crypto_scalarmult_base(keys->public.sealing, keys->sealing);
    sodium_mprotect_readonly(keys);
    return keys;
}

cf_keys *cf_keys_of_phrase(const uint8_t secret[CF_PHRASE_SECRET])
{
    uint8_t key[CF_KEY_SIZE] = {0}, seed[CF_KEY_SIZE];

    memcpy(key, secret, CF_PHRASE_SECRET);
    cf_key_derive(key, "account", cf_bytes_of(NULL, 0), seed);
    cf_keys *keys = cf_keys_new(seed);
    cf_wipe(key, sizeof key);
    cf_wipe(seed, sizeof seed);
    return keys;
}

void cf_keys_destroy(cf_keys **keys)
{
    cf_secret_free(*keys);
    *keys = NULL;
}

const cf_public_keys *cf_keys_public(const cf_keys *keys)
{
    return &keys->public;
}

const uint8_t *cf_keys_seed(const cf_keys *keys)
{
    return keys->seed;
}

const uint8_t *cf_keys_signing_secret(const cf_keys *keys)
{
    return keys->signing;
}

const uint8_t *cf_keys_curve_secret(const cf_keys *keys)
{
    return keys->curve;
}

const uint8_t *cf_keys_sealing_secret(const cf_keys *keys)
{
    return keys->sealing;
}

/* What the newcomer signs: domain ‖ user ‖ its three keys. */
static void proof_message(const cf_public_keys *keys, const cf_hash *user, cf_buffer *out)
{
    cf_domain_append(out, "join");
    cf_buffer_append(out, user->bytes, CF_HASH_SIZE);
    cf_buffer_append(out, keys->signing, sizeof keys->signing);
    cf_buffer_append(out, keys->curve, sizeof keys->curve);
    cf_buffer_append(out, keys->sealing, sizeof keys->sealing);
}

void cf_keys_prove(const cf_keys *keys, const cf_hash *user, uint8_t proof[64])
{
    cf_buffer message = {0};

    proof_message(&keys->public, user, &message);
    crypto_sign_detached(proof, NULL, message.data, message.size, keys->signing);
    cf_buffer_release(&message);
}

/* X25519 with a point of low order gives zeros for every secret. */
static bool is_exchange_key(const uint8_t key[32])
{
    static const uint8_t any_secret[32] = {1};
    uint8_t shared[32];

    return crypto_scalarmult(shared, any_secret, key) == 0;
}

cf_status cf_keys_check_proof(const cf_public_keys *keys, const cf_hash *user,
                              const uint8_t proof[64], cf_error *error)
{
    cf_buffer message = {0};

    if (!crypto_core_ed25519_is_valid_point(keys->signing) || !is_exchange_key(keys->curve) ||
        !is_exchange_key(keys->sealing))
        return cf_fail(error, CF_FORGED, "the device's keys are not sound");
    proof_message(keys, user, &message);
    bool signed_by_it =
        crypto_sign_verify_detached(proof, message.data, message.size, keys->signing) == 0;
    cf_buffer_release(&message);
    if (!signed_by_it)
        return cf_fail(error, CF_FORGED, "the device has not signed its keys for this user");
    return CF_OK;
}

void cf_key_derive(const uint8_t key[CF_KEY_SIZE], const char *purpose, cf_bytes context,
                   uint8_t out[CF_KEY_SIZE])
{
    crypto_generichash_state state;
    cf_buffer domain = {0};

    cf_domain_append(&domain, purpose);
    crypto_generichash_init(&state, key, CF_KEY_SIZE, CF_KEY_SIZE);
    crypto_generichash_update(&state, domain.data, domain.size);
    if (context.size)
        crypto_generichash_update(&state, context.data, context.size);
    crypto_generichash_final(&state, out, CF_KEY_SIZE);
    sodium_memzero(&state, sizeof state);
    cf_buffer_release(&domain);
}

void cf_fingerprint(const cf_hash *device, char text[CF_FINGERPRINT_TEXT])
{
    char letters[CF_BASE32_LENGTH(10) + 1];

    cf_base32_write(cf_bytes_of(device->bytes, 10), letters);
    snprintf(text, CF_FINGERPRINT_TEXT, "%.4s-%.4s-%.4s-%.4s", letters, letters + 4, letters + 8,
             letters + 12);
}

/* ---- The recovery phrase ---- */

enum { CHECK_SIZE = 4, PHRASE_SIZE = CF_PHRASE_SECRET + CHECK_SIZE, GROUP = 4 };

static void check_of(const uint8_t secret[CF_PHRASE_SECRET], uint8_t check[CHECK_SIZE])
{
    cf_bytes piece = cf_bytes_of(secret, CF_PHRASE_SECRET);
    cf_hash hash = cf_hash_of("recovery phrase", &piece, 1);

    memcpy(check, hash.bytes, CHECK_SIZE);
}

void cf_phrase_write(const uint8_t secret[CF_PHRASE_SECRET], char text[CF_PHRASE_TEXT])
{
    uint8_t whole[PHRASE_SIZE];
    char letters[CF_BASE32_LENGTH(PHRASE_SIZE) + 1];

    memcpy(whole, secret, CF_PHRASE_SECRET);
    check_of(secret, whole + CF_PHRASE_SECRET);
    cf_base32_write(cf_bytes_of(whole, sizeof whole), letters);
    for (size_t i = 0; letters[i]; i++) {
        if (i && i % GROUP == 0)
            *text++ = ' ';
        *text++ = letters[i];
    }
    *text = '\0';
    cf_wipe(whole, sizeof whole);
    cf_wipe(letters, sizeof letters);
}

cf_status cf_phrase_read(const char *text, uint8_t secret[CF_PHRASE_SECRET], cf_error *error)
{
    cf_buffer whole = {0};
    cf_status status = CF_OK;
    uint8_t check[CHECK_SIZE];

    cf_buffer_reserve(&whole, strlen(text)); /* so that growing leaves no copy behind */
    if (!cf_base32_read(text, &whole) || whole.size != PHRASE_SIZE) {
        status = cf_fail(error, CF_USAGE,
                         "a recovery phrase is eight groups of four letters a-z and digits 2-7");
        goto done;
    }
    check_of(whole.data, check);
    if (memcmp(check, whole.data + CF_PHRASE_SECRET, CHECK_SIZE) != 0) {
        status = cf_fail(error, CF_USAGE, "the recovery phrase has a typing mistake");
        goto done;
    }
    memcpy(secret, whole.data, CF_PHRASE_SECRET);
done:
    cf_buffer_wipe(&whole);
    return status;
}
