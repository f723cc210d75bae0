/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/membership/epochs.h"

#include "codec/envelope.h"
#include "codec/secret.h"

#include <stdlib.h>

static uint64_t now_of(const cf_peer *peer)
{
    return peer->env->now_ms(peer->env->context);
}

/* ---- A new key ---- */

static bool is_outgoing(const cf_outgoers *outgoers, const cf_hash *device)
{
    for (size_t i = 0; outgoers && i < outgoers->count; i++)
        if (cf_hash_equal(&outgoers->at[i], device))
            return true;
    return false;
}

static size_t add_addressees(const cf_peer *peer, const cf_outgoers *outgoers, bool own,
                             size_t count, cf_addressee *out)
{
    const cf_registry *registry = cf_log_registry(peer->log);

    for (size_t i = 0; count < CF_MEMBER_RECIPIENTS_MAX && i < cf_registry_device_count(registry);
         i++) {
        const cf_device *device = cf_registry_device_at(registry, i);
        const bool is_own = cf_hash_equal(&device->id, cf_peer_user(peer)) ||
                            cf_hash_equal(&device->id, cf_peer_device(peer));

        if (is_own != own || !device->is_valid || device->role == CF_ROLE_RELAY ||
            is_outgoing(outgoers, &device->id))
            continue;
        out[count].device = device->id;
        memcpy(out[count++].sealing, device->keys.sealing, sizeof out->sealing);
    }
    return count;
}

/* The account and this device come first: where there are more than an opening takes, the others
 * are granted the key afterwards, as all who lack one are. */
static size_t choose_addressees(const cf_peer *peer, const cf_outgoers *outgoers, cf_addressee *out)
{
    return add_addressees(peer, outgoers, false, add_addressees(peer, outgoers, true, 0, out), out);
}

cf_status cf_epochs_make(const cf_peer *peer, const cf_outgoers *outgoers, cf_arena *arena,
                         cf_opening *out, cf_error *error)
{
    const cf_env *env = peer->env;
    size_t most = cf_registry_device_count(cf_log_registry(peer->log));
    cf_addressee *addressees = cf_arena_allocate(arena, most, sizeof *addressees);
    size_t count = choose_addressees(peer, outgoers, addressees), size = 32 * (count + 1);
    uint8_t *random = cf_secret_allocate(size); /* of the key, and one for each envelope */

    env->random(env->context, random, size);
    cf_opening_parts parts = {peer->ring, random, addressees, count, random + 32};
    cf_status status = cf_opening_make(&parts, arena, out, error);
    cf_secret_free(random);
    if (status)
        cf_error_while(error, "making a new content key");
    return status;
}

/* ---- The key that there is ---- */

static const cf_hash *key_to_give(const cf_peer *peer)
{
    const cf_hash *named = cf_registry_epoch(cf_log_registry(peer->log));

    if (named && cf_ring_holds(peer->ring, named))
        return named;
    for (size_t i = cf_ring_count(peer->ring); i-- > 0;)
        if (cf_ring_holds(peer->ring, cf_ring_epoch(peer->ring, i)))
            return cf_ring_epoch(peer->ring, i);
    return NULL;
}

static cf_status give(const cf_peer *peer, const cf_hash *epoch, const uint8_t sealing[32],
                      cf_access *out, cf_error *error)
{
    uint8_t random[32];

    peer->env->random(peer->env->context, random, sizeof random);
    cf_status status = cf_access_make(peer->ring, epoch, sealing, random, out, error);
    cf_wipe(random, sizeof random);
    return status;
}

cf_status cf_epochs_access(const cf_peer *peer, const uint8_t sealing[32], cf_access *out,
                           cf_error *error)
{
    const cf_hash *epoch = key_to_give(peer);

    return epoch ? give(peer, epoch, sealing, out, error)
                 : cf_fail(error, CF_DENIED, "this device has no content key that it could give");
}

/* ---- Operations ---- */

cf_status cf_epochs_open(cf_peer *peer, bool as_account, cf_head *head, cf_error *error)
{
    cf_member operation = {.kind = CF_MEMBER_EPOCH, .time_ms = now_of(peer), .opens = true};
    cf_arena arena = {0};

    cf_status status = cf_epochs_make(peer, NULL, &arena, &operation.opening, error);
    if (!status)
        status = cf_peer_sign(peer, &operation, as_account, head, error);
    cf_arena_release(&arena);
    return status;
}

static cf_status grant(cf_peer *peer, const cf_hash *epoch, const cf_hash *id, cf_error *error)
{
    const cf_device *device = cf_registry_device(cf_log_registry(peer->log), id);
    cf_member operation = {.kind = CF_MEMBER_GRANT, .time_ms = now_of(peer), .device = *id};

    cf_status status = give(peer, epoch, device->keys.sealing, &operation.access, error);
    return status ? status : cf_peer_publish_member(peer, &operation, error);
}

/* Each grant changes the registry, not which epochs there are. */
static cf_status grant_all(cf_peer *peer, const cf_hash *epoch, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_hash *lacking = cf_allocate(cf_registry_device_count(registry), sizeof *lacking);
    const size_t count = cf_registry_list_lacking(registry, epoch, lacking);
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < count; i++)
        status = grant(peer, epoch, &lacking[i], error);
    free(lacking);
    return status;
}

cf_status cf_epochs_hand_out(cf_peer *peer, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    const cf_device *self = cf_registry_device(registry, cf_peer_device(peer));
    cf_status status = CF_OK;
    const cf_hash *named;
    cf_head head;

    if (!self || !self->is_valid || self->role != CF_ROLE_OWNER)
        return CF_OK;
    if (!cf_registry_epoch(registry))
        return cf_epochs_open(peer, false, &head, error);
    for (size_t i = 0; !status && (named = cf_registry_epoch_at(registry, i)); i++) {
        const cf_hash epoch = *named;

        if (cf_ring_holds(peer->ring, &epoch))
            status = grant_all(peer, &epoch, error);
    }
    return status;
}
