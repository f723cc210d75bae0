/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/keys.h"

#include <string.h>

#include <sodium.h>

#include "codec/entry.h"
#include "tests/support/expect.h"

static const uint8_t seed[32] = "a seed for tests, 32 bytes long.";
static const cf_hash user = {"somebody"};

Test(phrase, goes_round_whatever_the_hand_makes_of_it)
{
    const uint8_t secret[CF_PHRASE_SECRET] = "sixteen bytes ..";
    uint8_t back[CF_PHRASE_SECRET];
    char text[CF_PHRASE_TEXT], typed[128] = " ";
    cf_error error;

    cf_phrase_write(secret, text);
    cr_assert_eq(strlen(text), CF_PHRASE_TEXT - 1);
    expect_ok(cf_phrase_read(text, back, &error), error);
    cr_assert_arr_eq(back, secret, sizeof secret);
    for (size_t i = 0, at = 1; text[i]; i++) {
        typed[at++] = (char)(text[i] == ' ' ? '-' : (text[i] >= 'a' ? text[i] - 32 : text[i]));
        typed[at++] = ' ';
    }
    expect_ok(cf_phrase_read(typed, back, &error), error);
    cr_assert_arr_eq(back, secret, sizeof secret);
}

Test(phrase, notices_every_single_mistake_and_cut)
{
    const uint8_t secret[CF_PHRASE_SECRET] = "sixteen bytes ..";
    uint8_t back[CF_PHRASE_SECRET];
    char text[CF_PHRASE_TEXT], cut[CF_PHRASE_TEXT];
    cf_error error;

    cf_phrase_write(secret, text);
    for (size_t i = 0; text[i]; i++) {
        char was = text[i];

        memcpy(cut, text, i);
        cut[i] = '\0';
        expect_fails(cf_phrase_read(cut, back, &error), CF_USAGE);
        if (was == ' ')
            continue;
        for (const char *letter = "abcdefghijklmnopqrstuvwxyz234567018!"; *letter; letter++) {
            if (*letter == was)
                continue;
            text[i] = *letter;
            expect_fails(cf_phrase_read(text, back, &error), CF_USAGE);
        }
        text[i] = was;
    }
}

Test(keys, are_the_same_for_the_same_seed_and_all_different)
{
    uint8_t public[32];
    cf_keys *keys = cf_keys_new(seed), *again = cf_keys_new(cf_keys_seed(keys));
    const cf_public_keys *known = cf_keys_public(keys);

    cr_assert_arr_eq(known, cf_keys_public(again), sizeof *known);
    crypto_scalarmult_base(public, cf_keys_curve_secret(keys));
    cr_assert_arr_eq(public, known->curve, sizeof public);
    crypto_scalarmult_base(public, cf_keys_sealing_secret(keys));
    cr_assert_arr_eq(public, known->sealing, sizeof public);
    crypto_sign_ed25519_sk_to_pk(public, cf_keys_signing_secret(keys));
    cr_assert_arr_eq(public, known->signing, sizeof public);
    cr_assert_arr_neq(known->curve, known->sealing, sizeof public);
    cf_keys_destroy(&keys);
    cf_keys_destroy(&again);
    cr_assert_null(keys);
    cf_keys_destroy(&keys);
}

Test(keys, of_an_account_come_from_the_phrase_alone)
{
    uint8_t secret[CF_PHRASE_SECRET] = "sixteen bytes ..";
    cf_keys *account = cf_keys_of_phrase(secret), *again = cf_keys_of_phrase(secret);

    cr_assert_arr_eq(cf_keys_public(account), cf_keys_public(again), sizeof(cf_public_keys));
    cf_keys_destroy(&again);
    secret[15] ^= 1;
    again = cf_keys_of_phrase(secret);
    cr_assert_arr_neq(cf_keys_public(account), cf_keys_public(again), sizeof(cf_public_keys));
    cf_keys_destroy(&again);
    cf_keys_destroy(&account);
}

Test(keys, prove_themselves_for_one_user_only)
{
    cf_error error;
    uint8_t proof[64];
    cf_hash other = {"somebody else"};
    cf_keys *keys = cf_keys_new(seed);
    cf_public_keys changed = *cf_keys_public(keys);

    cf_keys_prove(keys, &user, proof);
    expect_ok(cf_keys_check_proof(&changed, &user, proof, &error), error);
    expect_fails(cf_keys_check_proof(&changed, &other, proof, &error), CF_FORGED);
    for (size_t i = 0; i < sizeof proof; i++) {
        proof[i] ^= 4;
        expect_fails(cf_keys_check_proof(&changed, &user, proof, &error), CF_FORGED);
        proof[i] ^= 4;
    }
    for (size_t i = 0; i < sizeof changed; i++) {
        ((uint8_t *)&changed)[i] ^= 1;
        expect_fails(cf_keys_check_proof(&changed, &user, proof, &error), CF_FORGED);
        ((uint8_t *)&changed)[i] ^= 1;
    }
    cf_keys_destroy(&keys);
}

Test(keys, of_low_order_are_refused_even_when_signed)
{
    cf_error error;
    uint8_t proof[64];
    cf_keys *keys = cf_keys_new(seed);
    cf_public_keys weak = *cf_keys_public(keys);
    cf_buffer message = {0};

    memset(weak.sealing, 0, sizeof weak.sealing);
    cf_domain_append(&message, "join");
    cf_buffer_append(&message, user.bytes, CF_HASH_SIZE);
    cf_buffer_append(&message, &weak, sizeof weak);
    crypto_sign_detached(proof, NULL, message.data, message.size, cf_keys_signing_secret(keys));
    expect_fails(cf_keys_check_proof(&weak, &user, proof, &error), CF_FORGED);
    cf_buffer_release(&message);
    cf_keys_destroy(&keys);
}

Test(keys, have_a_fingerprint_a_person_can_read_out)
{
    char text[CF_FINGERPRINT_TEXT], other[CF_FINGERPRINT_TEXT];
    cf_hash device = {{0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x1f}}, next = device;

    cf_fingerprint(&device, text);
    cr_assert_str_eq(text, "74aa-aaaa-aaaa-aaa7");
    next.bytes[9] ^= 1;
    cf_fingerprint(&next, other);
    cr_assert_str_neq(text, other);
}

Test(keys, derived_for_one_purpose_or_context_serve_no_other)
{
    uint8_t first[32], purpose[32], context[32], key[32];

    cf_key_derive(seed, "one", cf_bytes_of_text("x"), first);
    cf_key_derive(seed, "two", cf_bytes_of_text("x"), purpose);
    cf_key_derive(seed, "one", cf_bytes_of_text("y"), context);
    cf_key_derive(first, "one", cf_bytes_of_text("x"), key);
    cr_assert_arr_neq(first, purpose, 32);
    cr_assert_arr_neq(first, context, 32);
    cr_assert_arr_neq(first, key, 32);
}
