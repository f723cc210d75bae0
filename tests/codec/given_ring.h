/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CF_TESTS_GIVEN_RING_H
#define CF_TESTS_GIVEN_RING_H
#include "codec/ring.h"
#include "tests/support/expect.h"

/* The owner's ring, with the content key of this epoch. */
static inline cf_ring *a_ring_with(const cf_hash *owner, const cf_hash *epoch,
                                   const uint8_t content_key[CF_KEY_SIZE])
{
    cf_error error;
    cf_ring *ring = cf_ring_new(owner);
    cf_hash commitment = cf_commitment(owner, content_key);

    cf_ring_expect(ring, epoch, &commitment);
    expect_ok(cf_ring_give(ring, epoch, content_key, &error), error);
    return ring;
}

#endif
