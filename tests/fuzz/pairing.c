/* SPDX-License-Identifier: Apache-2.0 */
/* KNOCK and ADMIT, as somebody with the code can make them: the input is what is sealed, and, once
 * more, the sealed bytes. */
#include "tests/fuzz/target.h"

#include "codec/bulk.h"
#include "codec/keys.h"
#include "codec/pack.h"
#include "codec/pairing.h"
#include "codec/seal.h"

static const uint8_t code[32] = "the 32 random bytes of a code..";

static void pack_knock(cf_buffer *out)
{
    const cf_hash seed = fuzz_hash('s'), user = fuzz_hash('u');
    cf_keys *keys = cf_keys_new(seed.bytes);
    const cf_public_keys *public = cf_keys_public(keys);
    uint8_t proof[64];

    cf_keys_prove(keys, &user, proof);
    cf_pack_array(out, 6);
    cf_pack_uint(out, 1);
    cf_pack_text(out, cf_bytes_of_text("laptop"));
    cf_pack_bin(out, cf_bytes_of(public->signing, 32));
    cf_pack_bin(out, cf_bytes_of(public->curve, 32));
    cf_pack_bin(out, cf_bytes_of(public->sealing, 32));
    cf_pack_bin(out, cf_bytes_of(proof, sizeof proof));
    cf_keys_destroy(&keys);
}

static void pack_admit(cf_buffer *out)
{
    const cf_hash hash = fuzz_hash('h');

    cf_pack_array(out, 4);
    cf_pack_bin(out, cf_bytes_of(hash.bytes, 32));
    cf_pack_bin(out, cf_bytes_of(hash.bytes, 32));
    cf_pack_uint(out, CF_ROLE_MEMBER);
    cf_pack_array(out, 1);
    cf_pack_array(out, 3);
    cf_pack_bin(out, cf_bytes_of(hash.bytes, 16));
    cf_pack_uint(out, 4);
    cf_pack_bin(out, cf_bytes_of(hash.bytes, 32));
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    if (number == 0)
        pack_knock(out);
    if (number == 1)
        pack_admit(out);
    if (number == 2) {
        cf_pack_array(out, 2);
        cf_pack_uint(out, 2);
        cf_pack_bin(out, cf_bytes_of_text("a first entry"));
    }
    return number <= 2;
}

/* Sealed as codec/PROTOCOL.md says in "Addresses, codes and pairing". */
static void seal(const char *key, const char *nonce_key, const char *purpose, cf_bytes plain,
                 cf_buffer *out)
{
    cf_seal_keys keys;
    cf_buffer domain = {0};

    cf_key_derive(code, key, (cf_bytes){0}, keys.seal);
    cf_key_derive(code, nonce_key, (cf_bytes){0}, keys.nonce);
    cf_buffer_append(&domain, CF_DOMAIN, sizeof CF_DOMAIN - 1);
    cf_buffer_append(&domain, purpose, strlen(purpose) + 1);
    cf_seal(&keys, cf_buffer_view(&domain), plain, out);
    cf_buffer_release(&domain);
}

static bool open_both(const cf_pairing *pairing, cf_bytes knock, cf_bytes admit)
{
    const cf_hash hash = fuzz_hash('h'), user = fuzz_hash('u');
    cf_arena arena = {0};
    cf_error error;
    cf_knock knocked;
    cf_admit admitted;
    bool opened = false;

    for (int i = 0; i < 2; i++)
        if (!cf_knock_open(pairing, i ? &user : NULL, knock, &arena, &knocked, &error)) {
            fuzz_must(knocked.invited == !i);
            opened = true;
        }
    if (!cf_admit_open(pairing, &hash, admit, &arena, &admitted, &error)) {
        fuzz_must(admitted.head_count <= CF_ADMIT_HEADS_MAX);
        opened = true;
    }
    cf_arena_release(&arena);
    return opened;
}

bool fuzz_run(cf_bytes input)
{
    cf_pairing *pairing = cf_pairing_new(code);
    cf_buffer knock = {0}, admit = {0};

    seal("knock key", "knock nonce key", "knock", input, &knock);
    seal("admit key", "admit nonce key", "admit", input, &admit);
    bool opened = open_both(pairing, cf_buffer_view(&knock), cf_buffer_view(&admit));
    fuzz_must(!open_both(pairing, input, input));
    cf_buffer_release(&knock);
    cf_buffer_release(&admit);
    cf_pairing_destroy(&pairing);
    return opened;
}
