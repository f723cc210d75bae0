/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/ring.h"

#include <string.h>

#include "tests/support/expect.h"

static const uint8_t seed[32] = "a seed for tests, 32 bytes long.";
static const cf_hash user = {"somebody"}, first = {"first epoch"}, second = {"second epoch"};
static const uint8_t key[CF_KEY_SIZE] = "content key one",
                     other_key[CF_KEY_SIZE] = "content key two";
static const cf_id notes = {"notes"}, photos = {"photos"};

static cf_ring *ring_with_one_key(void)
{
    cf_error error;
    cf_ring *ring = cf_ring_new(&user);
    cf_hash commitment = cf_commitment(&user, key);

    cf_ring_expect(ring, &first, &commitment);
    expect_ok(cf_ring_give(ring, &first, key, &error), error);
    return ring;
}

Test(ring, takes_only_the_key_that_was_committed_to)
{
    cf_error error;
    cf_ring *ring = cf_ring_new(&user);
    cf_hash commitment = cf_commitment(&user, key);

    expect_fails(cf_ring_give(ring, &first, key, &error), CF_MISSING);
    cf_ring_expect(ring, &first, &commitment);
    cr_assert_not(cf_ring_holds(ring, &first));
    expect_fails(cf_ring_give(ring, &first, other_key, &error), CF_FORGED);
    cr_assert_null(cf_ring_key(ring, &first));
    expect_ok(cf_ring_give(ring, &first, key, &error), error);
    cr_assert(cf_ring_holds(ring, &first));
    cr_assert_not(cf_ring_holds(ring, &second));
    cf_ring_expect(ring, &first, &second);
    cr_assert(cf_hash_equal(cf_ring_commitment(ring, &first), &commitment));
    cr_assert_null(cf_ring_commitment(ring, &second));
    cf_ring_destroy(&ring);
}

Test(ring, derives_another_key_for_each_purpose_collection_and_epoch)
{
    cf_error error;
    uint8_t keys[6][CF_KEY_SIZE];
    cf_ring *ring = ring_with_one_key();
    cf_hash commitment = cf_commitment(&user, other_key);

    cf_ring_expect(ring, &second, &commitment);
    expect_fails(cf_ring_derive(ring, &second, &notes, CF_PURPOSE_BODY, keys[0], &error),
                 CF_MISSING);
    expect_ok(cf_ring_give(ring, &second, other_key, &error), error);
    for (cf_purpose purpose = CF_PURPOSE_BODY; purpose <= CF_PURPOSE_LOCK; purpose++)
        expect_ok(cf_ring_derive(ring, &first, &notes, purpose, keys[purpose], &error), error);
    expect_ok(cf_ring_derive(ring, &first, &photos, CF_PURPOSE_BODY, keys[4], &error), error);
    expect_ok(cf_ring_derive(ring, &second, &notes, CF_PURPOSE_BODY, keys[5], &error), error);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++)
            cr_assert_arr_neq(keys[i], keys[j], CF_KEY_SIZE);
    cf_ring_destroy(&ring);
}

Test(ring, names_a_collection_alike_on_each_device_of_one_user)
{
    cf_error error;
    cf_id id, again, other;
    cf_ring *ring = ring_with_one_key(), *empty = cf_ring_new(&user);

    expect_ok(cf_ring_collection_id(ring, cf_bytes_of_text("notes"), &id, &error), error);
    cf_ring_expect(ring, &second, &second);
    expect_ok(cf_ring_collection_id(ring, cf_bytes_of_text("notes"), &again, &error), error);
    expect_ok(cf_ring_collection_id(ring, cf_bytes_of_text("Notes"), &other, &error), error);
    cr_assert(cf_id_equal(&id, &again));
    cr_assert_not(cf_id_equal(&id, &other));
    expect_fails(cf_ring_collection_id(empty, cf_bytes_of_text("notes"), &id, &error), CF_MISSING);
    cf_ring_destroy(&empty);
    cf_ring_destroy(&ring);
}

Test(secrets, go_round_with_epochs_known_and_unknown)
{
    cf_error error;
    cf_buffer file = {0};
    cf_keys *device = cf_keys_new(seed), *device_back;
    cf_ring *ring = ring_with_one_key(), *back;

    for (uint8_t i = 0; i < 20; i++) {
        cf_hash epoch = {{i, 'e'}};
        cf_ring_expect(ring, &epoch, &second);
    }
    cf_secrets_pack(device, ring, &file);
    expect_ok(cf_secrets_read(cf_buffer_view(&file), &device_back, &back, &error), error);
    cr_assert_arr_eq(cf_keys_public(device), cf_keys_public(device_back), sizeof(cf_public_keys));
    cr_assert(cf_hash_equal(cf_ring_user(back), &user));
    cr_assert_eq(cf_ring_count(back), 21);
    cr_assert(cf_hash_equal(cf_ring_epoch(back, 0), &first));
    cr_assert_arr_eq(cf_ring_key(back, &first), key, CF_KEY_SIZE);
    cr_assert_null(cf_ring_key(back, cf_ring_epoch(back, 1)));
    cf_keys_destroy(&device_back);
    cf_ring_destroy(&back);
    cf_keys_destroy(&device);
    cf_ring_destroy(&ring);
    cf_buffer_wipe(&file);
}

Test(secrets, that_are_damaged_anywhere_are_refused)
{
    cf_error error;
    cf_buffer file = {0};
    cf_keys *device = cf_keys_new(seed), *device_back;
    cf_ring *ring = ring_with_one_key(), *back;

    cf_secrets_pack(device, ring, &file);
    for (size_t i = 0; i < file.size; i++) {
        expect_fails(cf_secrets_read(cf_bytes_of(file.data, i), &device_back, &back, &error),
                     CF_BROKEN);
        file.data[i] ^= 8;
        expect_fails(cf_secrets_read(cf_buffer_view(&file), &device_back, &back, &error),
                     CF_BROKEN);
        file.data[i] ^= 8;
    }
    cf_keys_destroy(&device);
    cf_ring_destroy(&ring);
    cf_buffer_wipe(&file);
}
