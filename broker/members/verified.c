/* SPDX-License-Identifier: Apache-2.0 */
/* Which signatures need no second look: those of the first entries, as many as the record says, if
 * its seal is right for just these entries in this order. A version, a size or a count that doesn't
 * fit what lies there, and nothing counts as verified. */
#include "broker/members/verified.h"

#include "codec/keys.h"

#include <string.h>

#include <sodium.h>

/* version ‖ count ‖ a bit for each entry ‖ keyed hash of these and of the entries' digest */
enum { VERSION = 1, BITS = 1 + 8, SEAL = CF_HASH_SIZE };

void cf_verified_extend(cf_hash *digest, cf_bytes wire)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, CF_HASH_SIZE);
    crypto_generichash_update(&state, digest->bytes, CF_HASH_SIZE);
    crypto_generichash_update(&state, wire.data, wire.size);
    crypto_generichash_final(&state, digest->bytes, CF_HASH_SIZE);
}

static void seal(const cf_keys *keys, const cf_hash *user, cf_bytes said, const cf_hash *digest,
                 uint8_t out[SEAL])
{
    crypto_generichash_state state;
    uint8_t key[CF_KEY_SIZE];

    cf_key_derive(cf_keys_seed(keys), "verified members", cf_bytes_of(user->bytes, CF_HASH_SIZE),
                  key);
    crypto_generichash_init(&state, key, sizeof key, SEAL);
    crypto_generichash_update(&state, said.data, said.size);
    crypto_generichash_update(&state, digest->bytes, CF_HASH_SIZE);
    crypto_generichash_final(&state, out, SEAL);
    cf_wipe(&state, sizeof state);
    cf_wipe(key, sizeof key);
}

static size_t size_of(size_t count)
{
    return BITS + (count + 7) / 8 + SEAL;
}

cf_bytes cf_verified_make(const cf_keys *keys, const cf_hash *user, const cf_registry *registry,
                          const cf_hash *digest, cf_arena *arena)
{
    size_t count = cf_registry_count(registry), size = size_of(count);
    uint8_t *record = cf_arena_allocate(arena, size, 1);

    record[0] = VERSION;
    cf_put_u64(record + 1, count);
    for (size_t i = 0; i < count; i++) {
        const cf_operation *operation = cf_registry_operation(registry, i);

        if (operation->kind == CF_MEMBER_ADD && operation->is_allowed)
            record[BITS + i / 8] |= (uint8_t)(1U << i % 8);
    }
    seal(keys, user, cf_bytes_of(record, size - SEAL), digest, record + size - SEAL);
    return cf_bytes_of(record, size);
}

cf_verified cf_verified_read(const cf_keys *keys, const cf_hash *user, cf_bytes record,
                             const cf_bytes *wires, size_t wire_count)
{
    cf_hash digest = {0};
    uint8_t sealed[SEAL];

    if (record.size < BITS || record.data[0] != VERSION)
        return (cf_verified){0};
    uint64_t count = cf_get_u64(record.data + 1);
    if (count > wire_count || record.size != size_of(count))
        return (cf_verified){0};
    for (size_t i = 0; i < count; i++)
        cf_verified_extend(&digest, wires[i]);
    seal(keys, user, cf_bytes_of(record.data, record.size - SEAL), &digest, sealed);
    if (sodium_memcmp(sealed, record.data + record.size - SEAL, SEAL) != 0)
        return (cf_verified){0};
    return (cf_verified){count, record.data + BITS};
}

cf_member_known cf_verified_of(const cf_verified *verified, size_t index)
{
    if (index >= verified->count)
        return (cf_member_known){0};
    return (cf_member_known){.is_signed = true,
                             .is_proven = verified->admitted[index / 8] >> index % 8 & 1};
}
