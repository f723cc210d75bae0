/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/envelope.h"

#include "codec/seal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* A sealed key is: a fresh X25519 public key, then the content key under a key made of the shared
 * secret and of everything that it is bound to. That key is used once, so the nonce is zero. */
enum { PUBLIC_SIZE = 32 };
static_assert(PUBLIC_SIZE + CF_KEY_SIZE + CF_TAG_SIZE == CF_SEALED_KEY_SIZE, "no room is left");
static const uint8_t zero_nonce[CF_NONCE_SIZE];

typedef struct {
    const cf_hash *user;
    const cf_hash *commitment;
} binding;

/* KDF(shared secret, user ‖ commitment ‖ fresh public key ‖ recipient's public key) */
static bool envelope_key(binding bound, const uint8_t secret[32], const uint8_t public[32],
                         const uint8_t fresh[32], const uint8_t recipient[32],
                         uint8_t out[CF_KEY_SIZE])
{
    uint8_t shared[32], context[4 * 32];

    if (crypto_scalarmult(shared, secret, public) != 0)
        return false;
    memcpy(context, bound.user->bytes, 32);
    memcpy(context + 32, bound.commitment->bytes, 32);
    memcpy(context + 64, fresh, 32);
    memcpy(context + 96, recipient, 32);
    cf_key_derive(shared, "envelope", cf_bytes_of(context, sizeof context), out);
    cf_wipe(shared, sizeof shared);
    return true;
}

static cf_status seal_key(binding bound, const uint8_t key[CF_KEY_SIZE], const uint8_t sealing[32],
                          const uint8_t random[32], cf_sealed_key *out, cf_error *error)
{
    uint8_t once[CF_KEY_SIZE];

    crypto_scalarmult_base(out->bytes, random);
    if (!envelope_key(bound, random, sealing, out->bytes, sealing, once))
        return cf_fail(error, CF_FORGED, "a device's sealing key is not sound");
    cf_bulk_encrypt(once, zero_nonce, cf_bytes_of(NULL, 0), cf_bytes_of(key, CF_KEY_SIZE),
                    out->bytes + PUBLIC_SIZE);
    cf_wipe(once, sizeof once);
    return CF_OK;
}

static cf_status unseal_key(binding bound, const cf_sealed_key *sealed, const cf_keys *keys,
                            uint8_t out[CF_KEY_SIZE], cf_error *error)
{
    uint8_t once[CF_KEY_SIZE];
    bool opened = false;

    if (envelope_key(bound, cf_keys_sealing_secret(keys), sealed->bytes, sealed->bytes,
                     cf_keys_public(keys)->sealing, once)) {
        cf_bytes rest = cf_bytes_of(sealed->bytes + PUBLIC_SIZE, CF_KEY_SIZE + CF_TAG_SIZE);
        opened = cf_bulk_decrypt(once, zero_nonce, cf_bytes_of(NULL, 0), rest, out);
        cf_wipe(once, sizeof once);
    }
    return opened ? CF_OK : cf_fail(error, CF_FORGED, "a content key for this device doesn't open");
}

/* --- All earlier keys under the new one: [epoch ‖ key]… in the ring's order --- */

enum { PAIR_SIZE = CF_HASH_SIZE + CF_KEY_SIZE };

static void earlier_keys(const uint8_t key[CF_KEY_SIZE], cf_seal_keys *out)
{
    cf_key_derive(key, "earlier keys", cf_bytes_of(NULL, 0), out->seal);
    cf_key_derive(key, "earlier keys nonce", cf_bytes_of(NULL, 0), out->nonce);
}

static void earlier_associated(binding bound, cf_buffer *out)
{
    cf_domain_append(out, "earlier keys");
    cf_buffer_append(out, bound.user->bytes, CF_HASH_SIZE);
    cf_buffer_append(out, bound.commitment->bytes, CF_HASH_SIZE);
}

static size_t count_held(const cf_ring *ring)
{
    size_t held = 0;

    for (size_t i = 0; i < cf_ring_count(ring); i++)
        held += cf_ring_key_at(ring, i) != NULL;
    return held;
}

/* Of more keys than fit the first and the last: the openings of the last have those between. The
 * first are told always, or who opens thousands of epochs would push them out. */
static bool is_told(size_t index, size_t held)
{
    return index < CF_MEMBER_EPOCHS_MAX / 2 || index + CF_MEMBER_EPOCHS_MAX / 2 >= held;
}

static cf_bytes seal_earlier(binding bound, const cf_ring *ring, const uint8_t key[CF_KEY_SIZE],
                             cf_arena *arena)
{
    const size_t held = count_held(ring);
    cf_buffer pairs = {0}, associated = {0}, sealed = {0};
    cf_seal_keys keys;
    size_t index = 0;

    cf_buffer_reserve(&pairs, held * PAIR_SIZE + 1);
    for (size_t i = 0; i < cf_ring_count(ring); i++) {
        const uint8_t *held_key = cf_ring_key_at(ring, i);

        if (!held_key || !is_told(index++, held))
            continue;
        cf_buffer_append(&pairs, cf_ring_epoch(ring, i)->bytes, CF_HASH_SIZE);
        cf_buffer_append(&pairs, held_key, CF_KEY_SIZE);
    }
    if (pairs.size) {
        earlier_keys(key, &keys);
        earlier_associated(bound, &associated);
        cf_seal(&keys, cf_buffer_view(&associated), cf_buffer_view(&pairs), &sealed);
        cf_wipe(&keys, sizeof keys);
    }
    cf_bytes kept = cf_arena_copy(arena, cf_buffer_view(&sealed));
    cf_buffer_wipe(&pairs);
    cf_buffer_release(&associated);
    cf_buffer_release(&sealed);
    return kept;
}

/* Keys of epochs that this device doesn't know are passed over: malformed, or not arrived. A wrong
 * one keeps none of the others out. */
static cf_status take_pairs(cf_bytes pairs, cf_ring *ring, cf_error *error)
{
    cf_status status = CF_OK;

    if (pairs.size % PAIR_SIZE || pairs.size / PAIR_SIZE > CF_MEMBER_EPOCHS_MAX)
        return cf_fail(error, CF_MALFORMED, "%zu bytes of earlier keys", pairs.size);
    for (size_t at = 0; at < pairs.size; at += PAIR_SIZE) {
        cf_hash epoch;

        memcpy(epoch.bytes, pairs.data + at, CF_HASH_SIZE);
        if (cf_ring_commitment(ring, &epoch) && !cf_ring_holds(ring, &epoch) &&
            cf_ring_give(ring, &epoch, pairs.data + at + CF_HASH_SIZE, error))
            status = error->status;
    }
    return status;
}

static cf_status open_earlier(binding bound, const cf_opening *opening,
                              const uint8_t key[CF_KEY_SIZE], cf_ring *ring, cf_error *error)
{
    cf_buffer pairs = {0}, associated = {0};
    cf_seal_keys keys;

    if (opening->earlier.size == 0)
        return CF_OK;
    earlier_keys(key, &keys);
    earlier_associated(bound, &associated);
    cf_status status =
        cf_unseal(&keys, cf_buffer_view(&associated), opening->earlier, &pairs, error);
    if (!status)
        status = take_pairs(cf_buffer_view(&pairs), ring, error);
    cf_wipe(&keys, sizeof keys);
    cf_buffer_release(&associated);
    cf_buffer_wipe(&pairs);
    return status;
}

/* --- Openings --- */

static int by_device(const void *a, const void *b)
{
    return cf_hash_compare(&((const cf_recipient *)a)->device, &((const cf_recipient *)b)->device);
}

cf_status cf_opening_make(const cf_opening_parts *parts, cf_arena *arena, cf_opening *out,
                          cf_error *error)
{
    cf_opening opening = {.recipient_count = parts->count};
    cf_recipient *recipients = cf_arena_allocate(arena, parts->count, sizeof *recipients);
    binding bound = {cf_ring_user(parts->ring), &opening.commitment};
    cf_status status = CF_OK;

    if (parts->count > CF_MEMBER_RECIPIENTS_MAX)
        return cf_fail(error, CF_TOO_LARGE, "%zu devices", parts->count);
    opening.commitment = cf_commitment(bound.user, parts->key);
    for (size_t i = 0; !status && i < parts->count; i++) {
        recipients[i].device = parts->addressees[i].device;
        status = seal_key(bound, parts->key, parts->addressees[i].sealing, parts->random + 32 * i,
                          &recipients[i].key, error);
    }
    if (status)
        return status;
    qsort(recipients, parts->count, sizeof *recipients, by_device);
    opening.recipients = recipients;
    opening.earlier = seal_earlier(bound, parts->ring, parts->key, arena);
    *out = opening;
    return CF_OK;
}

static const cf_recipient *find_recipient(const cf_opening *opening, const cf_hash *device)
{
    cf_recipient wanted = {.device = *device};

    return opening->recipient_count ? bsearch(&wanted, opening->recipients,
                                              opening->recipient_count, sizeof wanted, by_device)
                                    : NULL;
}

cf_status cf_opening_open(const cf_opening *opening, const cf_hash *epoch, const cf_hash *device,
                          const cf_keys *keys, cf_ring *ring, cf_error *error)
{
    const cf_recipient *recipient = find_recipient(opening, device);
    binding bound = {cf_ring_user(ring), &opening->commitment};
    uint8_t key[CF_KEY_SIZE];

    if (!recipient)
        return cf_fail(error, CF_MISSING, "the epoch's key is not addressed to this device");
    cf_status status = unseal_key(bound, &recipient->key, keys, key, error);
    if (!status)
        status = cf_ring_give(ring, epoch, key, error);
    if (!status)
        status = open_earlier(bound, opening, key, ring, error);
    cf_wipe(key, sizeof key);
    return status;
}

cf_status cf_opening_open_earlier(const cf_opening *opening, const cf_hash *epoch, cf_ring *ring,
                                  cf_error *error)
{
    binding bound = {cf_ring_user(ring), &opening->commitment};
    const uint8_t *held = cf_ring_key(ring, epoch);
    uint8_t key[CF_KEY_SIZE];

    if (!held)
        return cf_fail(error, CF_MISSING, "this device does not have the content key (yet)");
    memcpy(key, held, sizeof key); /* the ring's may move */
    cf_status status = open_earlier(bound, opening, key, ring, error);
    cf_wipe(key, sizeof key);
    return status;
}

/* --- Single keys --- */

cf_status cf_access_make(const cf_ring *ring, const cf_hash *epoch, const uint8_t sealing[32],
                         const uint8_t random[32], cf_access *out, cf_error *error)
{
    const uint8_t *key = cf_ring_key(ring, epoch);
    binding bound = {cf_ring_user(ring), cf_ring_commitment(ring, epoch)};
    cf_access access = {.readable = true, .epoch = *epoch};

    if (!key)
        return cf_fail(error, CF_MISSING, "this device does not have the content key (yet)");
    cf_status status = seal_key(bound, key, sealing, random, &access.key, error);
    if (!status)
        *out = access;
    return status;
}

cf_status cf_access_open(const cf_access *access, const cf_opening *opening, const cf_keys *keys,
                         cf_ring *ring, cf_error *error)
{
    binding bound = {cf_ring_user(ring), cf_ring_commitment(ring, &access->epoch)};
    uint8_t key[CF_KEY_SIZE];

    if (!access->readable || access->limited || !bound.commitment)
        return cf_fail(error, CF_MISSING, "the whole key of an epoch known here is not in it");
    cf_status status = unseal_key(bound, &access->key, keys, key, error);
    if (!status)
        status = cf_ring_give(ring, &access->epoch, key, error);
    if (!status && opening)
        status = open_earlier(bound, opening, key, ring, error);
    cf_wipe(key, sizeof key);
    return status;
}
