/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: the secrets of one identity (a device, an account or a broker). They live in locked memory,
 * are wiped on destroy, and are never copied or printed. Not changed once made, so any thread may
 * read them. codec/PROTOCOL.md, "Keys and sealing". */
#ifndef CF_CODEC_KEYS_H
#define CF_CODEC_KEYS_H
#include "codec/bulk.h"
#include "codec/error.h"
#include "codec/secret.h"

/* The recovery phrase: the account's secret as a person keeps it on paper. 16 random bytes and a
 * checksum, in eight groups of four base32 letters. */
enum { CF_PHRASE_SECRET = 16, CF_PHRASE_TEXT = 40 /* with the NUL */ };

/* Both are secrets: cf_wipe them (codec/secret.h). */
void cf_phrase_write(const uint8_t secret[CF_PHRASE_SECRET], char text[CF_PHRASE_TEXT]);
/* Ignores case, spaces and hyphens. CF_USAGE on a typing mistake. */
cf_status cf_phrase_read(const char *text, uint8_t secret[CF_PHRASE_SECRET], cf_error *error);

/* What others know of an identity. */
typedef struct {
    uint8_t signing[32]; /* Ed25519 */
    uint8_t curve[32];   /* X25519, for ZeroMQ's CURVE */
    uint8_t sealing[32]; /* X25519, content keys are sealed to it */
} cf_public_keys;

typedef struct cf_keys cf_keys;

/* A device or a broker, from 32 random bytes; the caller wipes his copy. */
cf_keys *cf_keys_new(const uint8_t seed[32]);
/* The account, from its recovery phrase's secret. */
cf_keys *cf_keys_of_phrase(const uint8_t secret[CF_PHRASE_SECRET]);
void cf_keys_destroy(cf_keys **keys);

const cf_public_keys *cf_keys_public(const cf_keys *keys);
/* Borrowed until the destroy. */
const uint8_t *cf_keys_seed(const cf_keys *keys);           /* 32 bytes, to keep in a 0600 file */
const uint8_t *cf_keys_signing_secret(const cf_keys *keys); /* 64 bytes, for cf_entry_build */
const uint8_t *cf_keys_curve_secret(const cf_keys *keys);   /* 32 bytes, for ZeroMQ */
const uint8_t *cf_keys_sealing_secret(const cf_keys *keys); /* 32 bytes */

/* The newcomer's own word that these keys belong to this user: its signature over (user, keys). */
void cf_keys_prove(const cf_keys *keys, const cf_hash *user, uint8_t proof[64]);
/* CF_FORGED unless the keys are sound (no points of low order) and the proof is theirs. */
cf_status cf_keys_check_proof(const cf_public_keys *keys, const cf_hash *user,
                              const uint8_t proof[64], cf_error *error);

/* A key by purpose: keyed BLAKE2b-256 over the domain of `purpose` and `context`. */
void cf_key_derive(const uint8_t key[CF_KEY_SIZE], const char *purpose, cf_bytes context,
                   uint8_t out[CF_KEY_SIZE]);

/* What two people compare when a device joins: four groups of four base32 letters of its id. */
enum { CF_FINGERPRINT_TEXT = 20 /* with the NUL */ };
void cf_fingerprint(const cf_hash *device, char text[CF_FINGERPRINT_TEXT]);

#endif
