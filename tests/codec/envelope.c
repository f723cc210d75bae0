/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/envelope.h"

#include "codec/bulk.h"
#include "codec/seal.h"

#include <string.h>

#include "tests/support/expect.h"

/* A user with three devices, ann, bob and cyd; ann opens epochs. */
enum { ANN, BOB, CYD, PEOPLE };
static const cf_hash user = {"somebody"}, first = {"first epoch"}, second = {"second epoch"};
static const uint8_t first_key[32] = "content key one", second_key[32] = "content key two";
static const uint8_t random_bytes[PEOPLE * 32] = "fresh bytes, some for each who is addressed";

typedef struct {
    cf_keys *keys[PEOPLE];
    cf_hash devices[PEOPLE];
    cf_addressee addressees[PEOPLE];
    cf_ring *rings[PEOPLE];
    cf_arena arena;
} fixture;

static fixture people(void)
{
    fixture f = {0};

    for (int i = 0; i < PEOPLE; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 1)};

        f.keys[i] = cf_keys_new(seed);
        f.devices[i] = (cf_hash){{(uint8_t)(9 - i)}};
        f.addressees[i].device = f.devices[i];
        memcpy(f.addressees[i].sealing, cf_keys_public(f.keys[i])->sealing, 32);
        f.rings[i] = cf_ring_new(&user);
    }
    return f;
}

static void release(fixture *f)
{
    for (int i = 0; i < PEOPLE; i++) {
        cf_keys_destroy(&f->keys[i]);
        cf_ring_destroy(&f->rings[i]);
    }
    cf_arena_release(&f->arena);
}

/* Ann opens an epoch for the first `count` people and tells all rings of it. */
static cf_opening opened(fixture *f, const cf_hash *epoch, const uint8_t key[32], size_t count)
{
    cf_error error;
    cf_opening opening;
    cf_opening_parts parts = {f->rings[ANN], key, f->addressees, count, random_bytes};

    expect_ok(cf_opening_make(&parts, &f->arena, &opening, &error), error);
    for (int i = 0; i < PEOPLE; i++)
        cf_ring_expect(f->rings[i], epoch, &opening.commitment);
    expect_ok(cf_ring_give(f->rings[ANN], epoch, key, &error), error);
    return opening;
}

Test(envelopes, reach_those_they_are_addressed_to_and_no_others)
{
    cf_error error;
    fixture f = people();
    cf_opening opening = opened(&f, &first, first_key, 2);

    expect_ok(cf_opening_open(&opening, &first, &f.devices[BOB], f.keys[BOB], f.rings[BOB], &error),
              error);
    cr_assert_arr_eq(cf_ring_key(f.rings[BOB], &first), first_key, 32);
    expect_fails(
        cf_opening_open(&opening, &first, &f.devices[CYD], f.keys[CYD], f.rings[CYD], &error),
        CF_MISSING);
    expect_fails(
        cf_opening_open(&opening, &first, &f.devices[BOB], f.keys[CYD], f.rings[CYD], &error),
        CF_FORGED);
    cr_assert_not(cf_ring_holds(f.rings[CYD], &first));
    release(&f);
}

Test(envelopes, of_a_later_epoch_bring_all_earlier_keys)
{
    cf_error error;
    fixture f = people();

    opened(&f, &first, first_key, 1);
    cf_opening opening = opened(&f, &second, second_key, 3);
    expect_ok(
        cf_opening_open(&opening, &second, &f.devices[CYD], f.keys[CYD], f.rings[CYD], &error),
        error);
    cr_assert_arr_eq(cf_ring_key(f.rings[CYD], &first), first_key, 32);
    cr_assert_arr_eq(cf_ring_key(f.rings[CYD], &second), second_key, 32);
    release(&f);
}

Test(envelopes, with_a_wrong_earlier_key_still_bring_their_own)
{
    cf_error error;
    fixture f = people();
    cf_ring *fresh = cf_ring_new(&user);
    cf_hash other = cf_commitment(&user, second_key);

    opened(&f, &first, first_key, 1);
    cf_opening opening = opened(&f, &second, second_key, 2);
    cf_ring_expect(fresh, &first, &other);
    cf_ring_expect(fresh, &second, &opening.commitment);
    expect_fails(cf_opening_open(&opening, &second, &f.devices[BOB], f.keys[BOB], fresh, &error),
                 CF_FORGED);
    cr_assert(cf_ring_holds(fresh, &second));
    cr_assert_not(cf_ring_holds(fresh, &first));
    cf_ring_destroy(&fresh);
    release(&f);
}

Test(envelopes, with_a_wrong_earlier_key_still_bring_those_behind_it)
{
    cf_error error;
    fixture f = people();
    const cf_hash third = {"third epoch"};
    const uint8_t third_key[32] = "content key three";
    cf_ring *fresh = cf_ring_new(&user);
    cf_hash other = cf_commitment(&user, third_key), right = cf_commitment(&user, second_key);

    opened(&f, &first, first_key, 1);
    opened(&f, &second, second_key, 1);
    cf_opening opening = opened(&f, &third, third_key, 2);
    cf_ring_expect(fresh, &first, &other);
    cf_ring_expect(fresh, &second, &right);
    cf_ring_expect(fresh, &third, &opening.commitment);
    expect_fails(cf_opening_open(&opening, &third, &f.devices[BOB], f.keys[BOB], fresh, &error),
                 CF_FORGED);
    cr_assert_not(cf_ring_holds(fresh, &first));
    cr_assert(cf_ring_holds(fresh, &second));
    cf_ring_destroy(&fresh);
    release(&f);
}

Test(envelopes, give_earlier_keys_to_who_has_their_own)
{
    cf_error error;
    fixture f = people();

    opened(&f, &first, first_key, 1);
    cf_opening opening = opened(&f, &second, second_key, 1);
    expect_fails(cf_opening_open_earlier(&opening, &second, f.rings[CYD], &error), CF_MISSING);
    expect_ok(cf_ring_give(f.rings[CYD], &second, second_key, &error), error);
    expect_ok(cf_opening_open_earlier(&opening, &second, f.rings[CYD], &error), error);
    cr_assert_arr_eq(cf_ring_key(f.rings[CYD], &first), first_key, 32);
    release(&f);
}

static cf_hash numbered(size_t number)
{
    cf_hash epoch = {0};

    cf_put_u32(epoch.bytes, (uint32_t)number);
    return epoch;
}

/* Cyd has as many earlier epochs noted as ann, numbered from 0 on, and the key of the last, which
 * is ann's opening. */
static cf_opening given(fixture *f, size_t epochs)
{
    const cf_hash last = numbered(epochs), commitment = cf_commitment(&user, first_key);
    cf_error error;

    for (size_t i = 0; i < epochs; i++) {
        const cf_hash epoch = numbered(i);

        cf_ring_expect(f->rings[ANN], &epoch, &commitment);
        cf_ring_expect(f->rings[CYD], &epoch, &commitment);
        expect_ok(cf_ring_give(f->rings[ANN], &epoch, first_key, &error), error);
    }
    cf_opening opening = opened(f, &last, first_key, 1);
    expect_ok(cf_ring_give(f->rings[CYD], &last, first_key, &error), error);
    return opening;
}

static size_t held_by_cyd(const fixture *f)
{
    size_t held = 0;

    for (size_t i = 0; i < cf_ring_count(f->rings[CYD]); i++)
        held += cf_ring_holds(f->rings[CYD], cf_ring_epoch(f->rings[CYD], i));
    return held;
}

static bool cyd_holds(const fixture *f, size_t number)
{
    const cf_hash epoch = numbered(number);

    return cf_ring_holds(f->rings[CYD], &epoch);
}

Test(envelopes, bring_as_many_earlier_keys_as_others_take)
{
    fixture f = people();
    cf_error error;
    cf_hash last = numbered(CF_MEMBER_EPOCHS_MAX);
    cf_opening opening = given(&f, CF_MEMBER_EPOCHS_MAX);

    expect_ok(cf_opening_open_earlier(&opening, &last, f.rings[CYD], &error), error);
    cr_expect_eq(held_by_cyd(&f), CF_MEMBER_EPOCHS_MAX + 1);
    release(&f);
}

/* Who opens epochs without end keeps nobody from opening one, and from telling the first keys. */
Test(envelopes, bring_the_first_and_the_last_of_more_keys_than_others_take)
{
    enum { MANY = CF_MEMBER_EPOCHS_MAX + 10, HALF = CF_MEMBER_EPOCHS_MAX / 2 };
    fixture f = people();
    cf_error error;
    cf_hash last = numbered(MANY);
    cf_opening opening = given(&f, MANY);

    expect_ok(cf_opening_open_earlier(&opening, &last, f.rings[CYD], &error), error);
    cr_expect_eq(held_by_cyd(&f), CF_MEMBER_EPOCHS_MAX + 1);
    cr_expect(cyd_holds(&f, 0));
    cr_expect(cyd_holds(&f, HALF - 1));
    cr_expect_not(cyd_holds(&f, HALF));
    cr_expect_not(cyd_holds(&f, MANY - HALF - 1));
    cr_expect(cyd_holds(&f, MANY - HALF));
    release(&f);
}

/* Whoever seals more of them by a program of his own: as PROTOCOL, section 9, has them. */
static cf_bytes sealed_pairs(fixture *f, const cf_opening *opening, size_t count)
{
    cf_buffer pairs = {0}, associated = {0}, sealed = {0};
    cf_seal_keys keys;

    for (size_t i = 0; i < count; i++) {
        const cf_hash epoch = numbered(i);

        cf_buffer_append(&pairs, epoch.bytes, CF_HASH_SIZE);
        cf_buffer_append(&pairs, first_key, sizeof first_key);
    }
    cf_key_derive(first_key, "earlier keys", cf_bytes_of(NULL, 0), keys.seal);
    cf_key_derive(first_key, "earlier keys nonce", cf_bytes_of(NULL, 0), keys.nonce);
    cf_domain_append(&associated, "earlier keys");
    cf_buffer_append(&associated, user.bytes, CF_HASH_SIZE);
    cf_buffer_append(&associated, opening->commitment.bytes, CF_HASH_SIZE);
    cf_seal(&keys, cf_buffer_view(&associated), cf_buffer_view(&pairs), &sealed);
    cf_bytes kept = cf_arena_copy(&f->arena, cf_buffer_view(&sealed));
    cf_buffer_release(&pairs);
    cf_buffer_release(&associated);
    cf_buffer_release(&sealed);
    return kept;
}

Test(envelopes, with_more_earlier_keys_than_may_be_give_none_of_them)
{
    fixture f = people();
    cf_error error;
    cf_hash last = numbered(1);
    cf_opening opening = given(&f, 1);

    opening.earlier = sealed_pairs(&f, &opening, CF_MEMBER_EPOCHS_MAX + 1);
    expect_fails(cf_opening_open_earlier(&opening, &last, f.rings[CYD], &error), CF_MALFORMED);
    cr_expect_eq(held_by_cyd(&f), 1);
    opening.earlier = sealed_pairs(&f, &opening, CF_MEMBER_EPOCHS_MAX);
    expect_ok(cf_opening_open_earlier(&opening, &last, f.rings[CYD], &error), error);
    cr_expect_eq(held_by_cyd(&f), 2);
    release(&f);
}

Test(envelopes, are_made_for_no_more_than_others_take)
{
    enum { MANY = CF_MEMBER_RECIPIENTS_MAX + 1 };
    cf_error error;
    fixture f = people();
    cf_addressee *all = cf_arena_allocate(&f.arena, MANY, sizeof *all);
    uint8_t *random = cf_arena_allocate(&f.arena, MANY, 32);
    cf_opening opening;

    for (uint32_t i = 0; i < MANY; i++) {
        all[i] = f.addressees[BOB];
        cf_put_u32(all[i].device.bytes, i);
        cf_put_u32(random + 32 * i, i + 1);
    }
    cf_opening_parts parts = {f.rings[ANN], first_key, all, MANY, random};
    expect_fails(cf_opening_make(&parts, &f.arena, &opening, &error), CF_TOO_LARGE);
    parts.count--;
    expect_ok(cf_opening_make(&parts, &f.arena, &opening, &error), error);
    cr_expect_eq(opening.recipient_count, CF_MEMBER_RECIPIENTS_MAX);
    release(&f);
}

Test(envelopes, changed_anywhere_do_not_open)
{
    cf_error error;
    fixture f = people();

    opened(&f, &first, first_key, 1);
    cf_opening opening = opened(&f, &second, second_key, 1);
    cf_recipient recipient = opening.recipients[0];
    cf_buffer earlier = {0};
    cf_buffer_append(&earlier, opening.earlier.data, opening.earlier.size);
    opening.recipients = &recipient;
    opening.earlier = cf_buffer_view(&earlier);
    for (size_t i = 0; i < CF_SEALED_KEY_SIZE; i++) {
        /* the top bit of an X25519 key means nothing: RFC 7748 */
        uint8_t change = i == 31 ? 1 : 128;

        recipient.key.bytes[i] ^= change;
        expect_fails(
            cf_opening_open(&opening, &second, &f.devices[ANN], f.keys[ANN], f.rings[BOB], &error),
            CF_FORGED);
        recipient.key.bytes[i] ^= change;
    }
    for (size_t i = 0; i < earlier.size; i++) {
        earlier.data[i] ^= 1;
        expect_fails(
            cf_opening_open(&opening, &second, &f.devices[ANN], f.keys[ANN], f.rings[BOB], &error),
            CF_FORGED);
        earlier.data[i] ^= 1;
    }
    cr_assert_not(cf_ring_holds(f.rings[BOB], &first));
    cf_buffer_release(&earlier);
    release(&f);
}

Test(envelopes, cannot_be_moved_to_another_user_or_epoch)
{
    cf_error error;
    fixture f = people();
    cf_hash other_user = {"somebody else"}, other_commitment = {"another key"};
    cf_ring *other_ring = cf_ring_new(&other_user);
    cf_opening opening = opened(&f, &first, first_key, 2);

    cf_ring_expect(other_ring, &first, &opening.commitment);
    expect_fails(
        cf_opening_open(&opening, &first, &f.devices[BOB], f.keys[BOB], other_ring, &error),
        CF_FORGED);
    opening.commitment = other_commitment;
    expect_fails(
        cf_opening_open(&opening, &first, &f.devices[BOB], f.keys[BOB], f.rings[BOB], &error),
        CF_FORGED);
    cf_ring_destroy(&other_ring);
    release(&f);
}

Test(envelopes, are_not_made_for_keys_that_are_none)
{
    cf_error error;
    fixture f = people();
    cf_opening opening;
    cf_access access;
    cf_opening_parts parts = {f.rings[ANN], first_key, f.addressees, 2, random_bytes};
    uint8_t zeros[32] = {0};

    memset(f.addressees[BOB].sealing, 0, 32);
    expect_fails(cf_opening_make(&parts, &f.arena, &opening, &error), CF_FORGED);
    opened(&f, &first, first_key, 1);
    expect_fails(cf_access_make(f.rings[ANN], &first, zeros, random_bytes, &access, &error),
                 CF_FORGED);
    release(&f);
}

Test(access, brings_a_newcomer_the_key_and_with_the_opening_all_earlier_ones)
{
    cf_error error;
    fixture f = people();
    cf_access access;
    uint8_t sealing[32];

    memcpy(sealing, cf_keys_public(f.keys[CYD])->sealing, 32);
    opened(&f, &first, first_key, 1);
    cf_opening opening = opened(&f, &second, second_key, 1);
    expect_fails(cf_access_make(f.rings[BOB], &second, sealing, random_bytes, &access, &error),
                 CF_MISSING);
    expect_ok(cf_access_make(f.rings[ANN], &second, sealing, random_bytes, &access, &error), error);
    expect_fails(cf_access_open(&access, NULL, f.keys[BOB], f.rings[BOB], &error), CF_FORGED);
    expect_ok(cf_access_open(&access, NULL, f.keys[CYD], f.rings[CYD], &error), error);
    cr_assert(cf_ring_holds(f.rings[CYD], &second));
    cr_assert_not(cf_ring_holds(f.rings[CYD], &first));
    expect_ok(cf_access_open(&access, &opening, f.keys[CYD], f.rings[CYD], &error), error);
    cr_assert_arr_eq(cf_ring_key(f.rings[CYD], &first), first_key, 32);
    access.epoch.bytes[0] ^= 1;
    expect_fails(cf_access_open(&access, NULL, f.keys[CYD], f.rings[CYD], &error), CF_MISSING);
    release(&f);
}
