/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/hash.h"

#include "codec/bulk.h"

cf_hash cf_hash_of(const char *purpose, const cf_bytes *parts, size_t count)
{
    cf_sha256 *hasher = cf_sha256_new();

    cf_sha256_update_domain(hasher, purpose);
    for (size_t i = 0; i < count; i++)
        cf_sha256_update(hasher, parts[i]);
    cf_hash hash = cf_sha256_finish(hasher);
    cf_sha256_destroy(&hasher);
    return hash;
}
