/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pairing.h"

#include <string.h>

#include <sodium.h>

#include "codec/heads.h"
#include "codec/limits.h"
#include "tests/support/expect.h"

static const uint8_t secret[32] = "thirty-two random bytes, perhaps";
static const uint8_t seed[32] = "a seed for tests, 32 bytes long.";
static const cf_hash user = {"somebody"}, other_user = {"somebody else"};

static cf_knock a_knock(const cf_keys *keys)
{
    cf_knock knock = {.name = cf_bytes_of_text("laptop"), .keys = *cf_keys_public(keys)};

    cf_keys_prove(keys, &user, knock.proof);
    return knock;
}

Test(pairing, gives_both_sides_the_same_guest_and_others_another)
{
    uint8_t public[32], other_secret[32] = {1};
    cf_pairing *pairing = cf_pairing_new(secret), *again = cf_pairing_new(secret),
               *other = cf_pairing_new(other_secret);

    cr_assert_arr_eq(cf_pairing_guest_public(pairing), cf_pairing_guest_public(again), 32);
    cr_assert_arr_neq(cf_pairing_guest_public(pairing), cf_pairing_guest_public(other), 32);
    crypto_scalarmult_base(public, cf_pairing_guest_secret(pairing));
    cr_assert_arr_eq(public, cf_pairing_guest_public(pairing), 32);
    cf_pairing_destroy(&pairing);
    cf_pairing_destroy(&again);
    cf_pairing_destroy(&other);
}

Test(knocks, of_a_device_go_round_and_are_the_same_when_sent_again)
{
    cf_error error;
    cf_arena arena = {0};
    cf_pairing *pairing = cf_pairing_new(secret);
    cf_keys *keys = cf_keys_new(seed);
    cf_knock knock = a_knock(keys), back;
    cf_buffer sealed = {0}, again = {0};

    cf_knock_seal(pairing, &knock, &sealed);
    cf_knock_seal(pairing, &knock, &again);
    cr_assert(cf_bytes_equal(cf_buffer_view(&sealed), cf_buffer_view(&again)));
    expect_ok(cf_knock_open(pairing, &user, cf_buffer_view(&sealed), &arena, &back, &error), error);
    cr_assert_not(back.invited);
    cr_assert(cf_bytes_equal(back.name, knock.name));
    cr_assert_arr_eq(&back.keys, &knock.keys, sizeof back.keys);
    cr_assert_arr_eq(back.proof, knock.proof, sizeof back.proof);
    expect_fails(
        cf_knock_open(pairing, &other_user, cf_buffer_view(&sealed), &arena, &back, &error),
        CF_FORGED);
    expect_fails(cf_knock_open(pairing, NULL, cf_buffer_view(&sealed), &arena, &back, &error),
                 CF_MALFORMED);
    cf_buffer_release(&sealed);
    cf_buffer_release(&again);
    cf_arena_release(&arena);
    cf_keys_destroy(&keys);
    cf_pairing_destroy(&pairing);
}

Test(knocks, of_a_new_user_bring_the_first_entry)
{
    cf_error error;
    cf_arena arena = {0};
    cf_pairing *pairing = cf_pairing_new(secret);
    cf_knock knock = {.invited = true, .first_entry = cf_bytes_of_text("an entry")}, back;
    cf_buffer sealed = {0};

    cf_knock_seal(pairing, &knock, &sealed);
    expect_ok(cf_knock_open(pairing, NULL, cf_buffer_view(&sealed), &arena, &back, &error), error);
    cr_assert(back.invited);
    cr_assert(cf_bytes_equal(back.first_entry, knock.first_entry));
    expect_fails(cf_knock_open(pairing, &user, cf_buffer_view(&sealed), &arena, &back, &error),
                 CF_MALFORMED);
    cf_buffer_release(&sealed);
    cf_arena_release(&arena);
    cf_pairing_destroy(&pairing);
}

Test(knocks, cut_changed_or_under_another_code_are_refused)
{
    cf_error error;
    cf_arena arena = {0};
    uint8_t other_secret[32] = {1};
    cf_pairing *pairing = cf_pairing_new(secret), *other = cf_pairing_new(other_secret);
    cf_keys *keys = cf_keys_new(seed);
    cf_knock knock = a_knock(keys), back;
    cf_buffer sealed = {0};

    cf_knock_seal(pairing, &knock, &sealed);
    for (size_t i = 0; i < sealed.size; i++) {
        expect_fails(
            cf_knock_open(pairing, &user, cf_bytes_of(sealed.data, i), &arena, &back, &error),
            CF_FORGED);
        sealed.data[i] ^= 1;
        expect_fails(cf_knock_open(pairing, &user, cf_buffer_view(&sealed), &arena, &back, &error),
                     CF_FORGED);
        sealed.data[i] ^= 1;
    }
    expect_fails(cf_knock_open(other, &user, cf_buffer_view(&sealed), &arena, &back, &error),
                 CF_FORGED);
    cf_buffer_release(&sealed);
    cf_arena_release(&arena);
    cf_keys_destroy(&keys);
    cf_pairing_destroy(&pairing);
    cf_pairing_destroy(&other);
}

Test(knocks, keep_to_their_limits)
{
    static char name[CF_NAME_MAX + 1];
    static uint8_t entry[CF_KNOCK_MAX];
    cf_error error;
    cf_arena arena = {0};
    cf_pairing *pairing = cf_pairing_new(secret);
    cf_keys *keys = cf_keys_new(seed);
    cf_knock knock = a_knock(keys), back;
    const cf_bytes names[] = {{NULL, 0}, {(const uint8_t *)name, sizeof name}};
    cf_buffer sealed = {0};

    memset(name, 'n', sizeof name);
    for (size_t i = 0; i < 2; i++) {
        cf_buffer_clear(&sealed);
        knock.name = names[i];
        cf_knock_seal(pairing, &knock, &sealed);
        expect_fails(cf_knock_open(pairing, &user, cf_buffer_view(&sealed), &arena, &back, &error),
                     CF_TOO_LARGE);
    }
    cf_buffer_clear(&sealed);
    knock = (cf_knock){.invited = true, .first_entry = cf_bytes_of(entry, sizeof entry)};
    cf_knock_seal(pairing, &knock, &sealed);
    expect_fails(cf_knock_open(pairing, NULL, cf_buffer_view(&sealed), &arena, &back, &error),
                 CF_TOO_LARGE);
    cf_buffer_release(&sealed);
    cf_arena_release(&arena);
    cf_keys_destroy(&keys);
    cf_pairing_destroy(&pairing);
}

Test(admits, answer_one_knock_and_no_other)
{
    static const cf_head heads[] = {{{"writer a"}, 3, {"x"}}, {{"writer b"}, 1, {"z"}}};
    cf_error error;
    cf_arena arena = {0};
    cf_pairing *pairing = cf_pairing_new(secret);
    cf_buffer sealed = {0};
    cf_hash knock = cf_knock_hash(cf_bytes_of_text("knock")),
            other = cf_knock_hash(cf_bytes_of_text("other"));
    cf_admit admit = {knock, user, CF_ROLE_MEMBER, heads, 2}, back;

    cf_admit_seal(pairing, &admit, &sealed);
    expect_ok(cf_admit_open(pairing, &knock, cf_buffer_view(&sealed), &arena, &back, &error),
              error);
    cr_assert(cf_hash_equal(&back.user, &user));
    cr_assert_eq(back.role, CF_ROLE_MEMBER);
    cr_assert_eq(back.head_count, 2);
    cr_assert_eq(cf_head_compare(&back.heads[1], &heads[1]), 0);
    expect_fails(cf_admit_open(pairing, &other, cf_buffer_view(&sealed), &arena, &back, &error),
                 CF_CHANGED);
    for (size_t i = 0; i < sealed.size; i++) {
        expect_fails(
            cf_admit_open(pairing, &knock, cf_bytes_of(sealed.data, i), &arena, &back, &error),
            CF_FORGED);
        sealed.data[i] ^= 1;
        expect_fails(cf_admit_open(pairing, &knock, cf_buffer_view(&sealed), &arena, &back, &error),
                     CF_FORGED);
        sealed.data[i] ^= 1;
    }
    cf_buffer_release(&sealed);
    cf_arena_release(&arena);
    cf_pairing_destroy(&pairing);
}

Test(admits, are_no_knocks)
{
    cf_error error;
    cf_arena arena = {0};
    cf_pairing *pairing = cf_pairing_new(secret);
    cf_knock knock = {.invited = true, .first_entry = cf_bytes_of_text("an entry")};
    cf_buffer sealed = {0};
    cf_admit back;

    cf_knock_seal(pairing, &knock, &sealed);
    expect_fails(cf_admit_open(pairing, &user, cf_buffer_view(&sealed), &arena, &back, &error),
                 CF_FORGED);
    cf_buffer_release(&sealed);
    cf_arena_release(&arena);
    cf_pairing_destroy(&pairing);
}

Test(admits, with_all_the_heads_they_may_have_fit_a_message)
{
    static cf_head heads[CF_ADMIT_HEADS_MAX];
    cf_error error;
    cf_arena arena = {0};
    cf_pairing *pairing = cf_pairing_new(secret);
    cf_buffer sealed = {0};
    cf_admit admit = {user, user, CF_ROLE_OWNER, heads, CF_ADMIT_HEADS_MAX}, back;

    for (size_t i = 0; i < CF_ADMIT_HEADS_MAX; i++)
        heads[i] = (cf_head){{"writer"}, CF_SEQUENCE_MAX - CF_ADMIT_HEADS_MAX + i, {"x"}};
    cf_admit_seal(pairing, &admit, &sealed);
    cr_assert_lt(sealed.size, CF_KNOCK_MAX);
    expect_ok(cf_admit_open(pairing, &user, cf_buffer_view(&sealed), &arena, &back, &error), error);
    cr_assert_eq(back.head_count, CF_ADMIT_HEADS_MAX);
    cf_buffer_release(&sealed);
    cf_arena_release(&arena);
    cf_pairing_destroy(&pairing);
}
