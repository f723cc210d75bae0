/* SPDX-License-Identifier: Apache-2.0 */
/* Guests: who holds a code, with a connection under its guest key. */
#ifndef CF_TESTS_GUESTS_H
#define CF_TESTS_GUESTS_H
#include "codec/pairing.h"
#include "tests/broker/people/broker_world.h"

typedef struct {
    cf_pairing *pairing;
    client *door;
} guest;

guest a_guest(broker_world *world, const uint8_t secret[32]);
void guest_knock(broker_world *world, guest *from, const cf_hash *user, cf_bytes sealed);

#endif
