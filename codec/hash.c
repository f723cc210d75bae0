/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/hash.h"

#include <string.h>

#include <sodium.h>

cf_hash cf_hash_of(const char *purpose, const cf_bytes *parts, size_t count)
{
    crypto_hash_sha256_state state;
    cf_hash hash;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)CF_DOMAIN, strlen(CF_DOMAIN));
    crypto_hash_sha256_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    for (size_t i = 0; i < count; i++)
        crypto_hash_sha256_update(&state, parts[i].data, parts[i].size);
    crypto_hash_sha256_final(&state, hash.bytes);
    return hash;
}
