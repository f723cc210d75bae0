/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk: hashing and sealing at the speed of the CPU's own instructions, by libcrypto, which no
 * other file uses; what is little, by libsodium, whose bytes are the same (SHA-256,
 * XChaCha20-Poly1305), and which has nothing to load first. Any thread. */
#ifndef CF_CODEC_BULK_H
#define CF_CODEC_BULK_H
#include "codec/bytes.h"
#include "codec/ids.h"

/* SHA-256 of bytes that come in pieces. */
typedef struct cf_sha256 cf_sha256;

cf_sha256 *cf_sha256_new(void);
void cf_sha256_update(cf_sha256 *hasher, cf_bytes bytes);
/* The hash of what came since the start; starts again. */
cf_hash cf_sha256_finish(cf_sha256 *hasher);
void cf_sha256_destroy(cf_sha256 **hasher);

/* Plain SHA-256, without a domain. */
cf_hash cf_sha256_of(cf_bytes bytes);
/* SHA-256 of small things, each under a purpose of its own, so that no hash means two things. What
 * is hashed is "counterfoil/1 PURPOSE", a zero byte, and the parts one after the other; the parts'
 * borders are not: all but one of them have a fixed size. */
#define CF_DOMAIN "counterfoil/1 "
cf_hash cf_hash_of(const char *purpose, const cf_bytes *parts, size_t count);
/* Appends the domain of `purpose`, NUL included. */
void cf_domain_append(cf_buffer *out, const char *purpose);
void cf_sha256_update_domain(cf_sha256 *hasher, const char *purpose);

enum { CF_KEY_SIZE = 32, CF_NONCE_SIZE = 24, CF_TAG_SIZE = 16 };

/* XChaCha20-Poly1305 (IETF). `out` has room for plain.size + CF_TAG_SIZE. */
void cf_bulk_encrypt(const uint8_t key[CF_KEY_SIZE], const uint8_t nonce[CF_NONCE_SIZE],
                     cf_bytes associated, cf_bytes plain, uint8_t *out);
/* `out` has room for sealed.size - CF_TAG_SIZE. False, and `out` zeroed, when it was not sealed so.
 */
bool cf_bulk_decrypt(const uint8_t key[CF_KEY_SIZE], const uint8_t nonce[CF_NONCE_SIZE],
                     cf_bytes associated, cf_bytes sealed, uint8_t *out);

#endif
