/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pairing.h"

#include "codec/bulk.h"
#include "codec/heads.h"
#include "codec/limits.h"
#include "codec/pack.h"
#include "codec/secret.h"

#include <assert.h>

#include <sodium.h>

enum { KNOCK_DEVICE = 1, KNOCK_INVITED = 2, KNOCK_MEMBERS = 3 };

struct cf_pairing {
    cf_seal_keys knock, admit;
    uint8_t guest_secret[32], guest_public[32];
};

cf_pairing *cf_pairing_new(const uint8_t secret[32])
{
    const cf_bytes none = {0};
    cf_pairing *pairing = cf_secret_allocate(sizeof *pairing);

    cf_key_derive(secret, "knock key", none, pairing->knock.seal);
    cf_key_derive(secret, "knock nonce key", none, pairing->knock.nonce);
    cf_key_derive(secret, "admit key", none, pairing->admit.seal);
    cf_key_derive(secret, "admit nonce key", none, pairing->admit.nonce);
    cf_key_derive(secret, "guest", none, pairing->guest_secret);
    crypto_scalarmult_base(pairing->guest_public, pairing->guest_secret);
    return pairing;
}

void cf_pairing_destroy(cf_pairing **pairing)
{
    cf_secret_free(*pairing);
    *pairing = NULL;
}

const uint8_t *cf_pairing_guest_public(const cf_pairing *pairing)
{
    return pairing->guest_public;
}

const uint8_t *cf_pairing_guest_secret(const cf_pairing *pairing)
{
    return pairing->guest_secret;
}

/* Seals `plain` under the domain of `purpose`. */
static void seal(const cf_seal_keys *keys, const char *purpose, const cf_buffer *plain,
                 cf_buffer *out)
{
    cf_buffer associated = {0};

    cf_domain_append(&associated, purpose);
    cf_seal(keys, cf_buffer_view(&associated), cf_buffer_view(plain), out);
    cf_buffer_release(&associated);
}

static cf_status unseal(const cf_seal_keys *keys, const char *purpose, cf_bytes sealed,
                        cf_arena *arena, cf_bytes *plain, cf_error *error)
{
    cf_buffer associated = {0}, opened = {0};

    if (sealed.size > CF_KNOCK_MAX)
        return cf_fail(error, CF_TOO_LARGE, "%zu bytes in a %s", sealed.size, purpose);
    cf_domain_append(&associated, purpose);
    cf_status status = cf_unseal(keys, cf_buffer_view(&associated), sealed, &opened, error);
    if (!status)
        *plain = cf_arena_copy(arena, cf_buffer_view(&opened));
    cf_buffer_release(&associated);
    cf_buffer_release(&opened);
    return status;
}

static void pack_bin(cf_buffer *out, const void *data, size_t size)
{
    cf_pack_bin(out, cf_bytes_of(data, size));
}

void cf_knock_seal(const cf_pairing *pairing, const cf_knock *knock, cf_buffer *out)
{
    cf_buffer plain = {0};

    if (knock->invited) {
        bool returns = knock->members.size > 0;

        cf_pack_array(&plain, returns ? 3 : 2);
        cf_pack_uint(&plain, returns ? KNOCK_MEMBERS : KNOCK_INVITED);
        cf_pack_bin(&plain, knock->first_entry);
        cf_pack_raw(&plain, knock->members);
    } else {
        cf_pack_array(&plain, 6);
        cf_pack_uint(&plain, KNOCK_DEVICE);
        cf_pack_text(&plain, knock->name);
        pack_bin(&plain, knock->keys.signing, sizeof knock->keys.signing);
        pack_bin(&plain, knock->keys.curve, sizeof knock->keys.curve);
        pack_bin(&plain, knock->keys.sealing, sizeof knock->keys.sealing);
        pack_bin(&plain, knock->proof, sizeof knock->proof);
    }
    seal(&pairing->knock, "knock", &plain, out);
    cf_buffer_release(&plain);
}

static cf_status read_device(cf_reader *reader, cf_knock *out, cf_error *error)
{
    cf_status status = cf_read_text(reader, &out->name, error);

    if (!status && (out->name.size == 0 || out->name.size > CF_NAME_MAX))
        status = cf_fail(error, CF_TOO_LARGE, "a device name of %zu bytes", out->name.size);
    if (!status)
        status = cf_read_bin_exact(reader, out->keys.signing, sizeof out->keys.signing, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->keys.curve, sizeof out->keys.curve, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->keys.sealing, sizeof out->keys.sealing, error);
    return status ? status : cf_read_bin_exact(reader, out->proof, sizeof out->proof, error);
}

static cf_status read_members(cf_reader *reader, cf_knock *out, cf_error *error)
{
    cf_bytes ignored;
    size_t count = 0;

    cf_status status = cf_read_bin(reader, &out->first_entry, error);
    cf_reader inside = *reader;
    if (!status)
        status = cf_read_value(reader, &out->members, error);
    if (!status)
        status = cf_read_array(&inside, &count, error);
    for (size_t i = 0; !status && i < count; i++)
        status = cf_read_bin(&inside, &ignored, error);
    return status;
}

static cf_status read_knock(cf_bytes plain, cf_knock *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(plain);
    uint64_t kind = 0;
    size_t count = 0;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status)
        status = cf_read_uint(&reader, &kind, error);
    if (status)
        return status;
    out->invited = kind == KNOCK_INVITED || kind == KNOCK_MEMBERS;
    if (kind == KNOCK_INVITED && count == 2)
        status = cf_read_bin(&reader, &out->first_entry, error);
    else if (kind == KNOCK_MEMBERS && count == 3)
        status = read_members(&reader, out, error);
    else if (kind == KNOCK_DEVICE && count == 6)
        status = read_device(&reader, out, error);
    else
        status = cf_fail(error, CF_MALFORMED, "a KNOCK of an unknown kind");
    return status ? status : cf_read_end(&reader, error);
}

cf_status cf_knock_open(const cf_pairing *pairing, const cf_hash *user, cf_bytes sealed,
                        cf_arena *arena, cf_knock *out, cf_error *error)
{
    cf_knock knock = {0};
    cf_bytes plain;

    cf_status status = unseal(&pairing->knock, "knock", sealed, arena, &plain, error);
    if (!status)
        status = read_knock(plain, &knock, error);
    if (!status && knock.invited != (user == NULL))
        status = cf_fail(error, CF_MALFORMED,
                         user ? "a KNOCK with an invitation for a new user"
                              : "a KNOCK with a device's pairing code");
    if (!status && user)
        status = cf_keys_check_proof(&knock.keys, user, knock.proof, error);
    if (!status)
        *out = knock;
    return status;
}

cf_hash cf_knock_hash(cf_bytes sealed)
{
    return cf_hash_of("knock", &sealed, 1);
}

void cf_admit_seal(const cf_pairing *pairing, const cf_admit *admit, cf_buffer *out)
{
    cf_buffer plain = {0};

    assert(admit->head_count <= CF_ADMIT_HEADS_MAX);
    cf_pack_array(&plain, 4);
    pack_bin(&plain, admit->knock.bytes, CF_HASH_SIZE);
    pack_bin(&plain, admit->user.bytes, CF_HASH_SIZE);
    cf_pack_uint(&plain, admit->role);
    cf_heads_pack(&plain, admit->heads, admit->head_count);
    seal(&pairing->admit, "admit", &plain, out);
    cf_buffer_release(&plain);
}

static cf_status read_admit(cf_bytes plain, cf_arena *arena, cf_admit *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(plain);
    cf_heads heads = {0};
    uint64_t role = 0;
    size_t count = 0;

    cf_status status = cf_read_array(&reader, &count, error);
    if (!status && count != 4)
        status = cf_fail(error, CF_MALFORMED, "an ADMIT has %zu parts", count);
    if (!status)
        status = cf_read_bin_exact(&reader, out->knock.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(&reader, out->user.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_uint(&reader, &role, error);
    if (!status && (role < CF_ROLE_OWNER || role > CF_ROLE_RELAY))
        status = cf_fail(error, CF_MALFORMED, "an unknown role");
    if (!status)
        status = cf_heads_read(&reader, CF_ADMIT_HEADS_MAX, &heads, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (!status) {
        cf_bytes all = cf_bytes_of(heads.heads, heads.count * sizeof *heads.heads);
        out->role = (cf_role)role;
        out->heads = (const cf_head *)(const void *)cf_arena_copy(arena, all).data;
        out->head_count = heads.count;
    }
    cf_heads_release(&heads);
    return status;
}

cf_status cf_admit_open(const cf_pairing *pairing, const cf_hash *knock, cf_bytes sealed,
                        cf_arena *arena, cf_admit *out, cf_error *error)
{
    cf_admit admit = {0};
    cf_bytes plain;

    cf_status status = unseal(&pairing->admit, "admit", sealed, arena, &plain, error);
    if (!status)
        status = read_admit(plain, arena, &admit, error);
    if (!status && !cf_hash_equal(&admit.knock, knock))
        status = cf_fail(error, CF_CHANGED, "an ADMIT that answers another KNOCK");
    if (!status)
        *out = admit;
    return status;
}
