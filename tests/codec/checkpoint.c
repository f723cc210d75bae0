/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/checkpoint.h"

#include "tests/support/expect.h"

#include <string.h>

static const cf_hash user = {{1}};
static const cf_head heads[] = {{{{2}}, 3, {{4}}}, {{{5}}, 6, {{7}}}};

static cf_checkpoint signed_by(const cf_keys *keys)
{
    cf_checkpoint made = {.device = {{8}}, .instance = {9}, .position = 10, .digest = {{11}}};

    cf_checkpoint_sign(&made, &user, keys);
    return made;
}

/* Each part counts but the device, whose key it is. */
Test(checkpoint, is_its_devices_word_for_all_of_it)
{
    cf_keys *keys = cf_keys_new((const uint8_t[32]){1}),
            *others = cf_keys_new((const uint8_t[32]){2});
    const cf_checkpoint made = signed_by(keys);
    cf_error error;

    expect_ok(cf_checkpoint_check(&made, &user, cf_keys_public(keys), &error), error);
    cr_expect_eq(cf_checkpoint_check(&made, &user, cf_keys_public(others), &error), CF_FORGED);
    cr_expect_eq(cf_checkpoint_check(&made, &made.digest, cf_keys_public(keys), &error), CF_FORGED);
    cf_checkpoint altered[4] = {made, made, made, made};
    altered[0].instance[15] ^= 1;
    altered[1].position++;
    altered[2].digest.bytes[31] ^= 1;
    altered[3].signature[63] ^= 1;
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(cf_checkpoint_check(&altered[i], &user, cf_keys_public(keys), &error),
                     CF_FORGED, "part %zu", i);
    cf_keys_destroy(&keys);
    cf_keys_destroy(&others);
}

Test(checkpoint, is_read_as_it_was_packed_and_not_when_it_is_cut)
{
    cf_keys *keys = cf_keys_new((const uint8_t[32]){1});
    const cf_checkpoint made = signed_by(keys);
    cf_checkpoint read = {0};
    cf_buffer packed = {0};
    cf_error error;

    cf_checkpoint_pack(&packed, &made);
    cf_reader reader = cf_reader_of(cf_buffer_view(&packed));
    expect_ok(cf_checkpoint_read(&reader, &read, &error), error);
    cr_expect_eq(memcmp(&read, &made, sizeof made), 0);
    for (size_t size = 0; size < packed.size; size++) {
        reader = cf_reader_of(cf_bytes_of(packed.data, size));
        cr_expect(cf_checkpoint_read(&reader, &read, &error), "%zu bytes", size);
    }
    cf_buffer_release(&packed);
    cf_keys_destroy(&keys);
}

Test(checkpoint, has_another_digest_of_other_heads)
{
    const cf_heads both = {(cf_head *)heads, 2, 2}, one = {(cf_head *)heads, 1, 1}, none = {0};
    const cf_hash digests[] = {cf_checkpoint_digest(&both), cf_checkpoint_digest(&one),
                               cf_checkpoint_digest(&none)};

    cr_expect_not(cf_hash_equal(&digests[0], &digests[1]));
    cr_expect_not(cf_hash_equal(&digests[1], &digests[2]));
    const cf_hash again = cf_checkpoint_digest(&both);
    cr_expect(cf_hash_equal(&digests[0], &again));
}
