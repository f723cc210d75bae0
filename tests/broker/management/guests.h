/* SPDX-License-Identifier: Apache-2.0 */
/* Guests: who holds a code, with a connection under its guest key. */
#ifndef CF_TESTS_GUESTS_H
#define CF_TESTS_GUESTS_H
#include "codec/pairing.h"
#include "tests/broker/people/gateway_fixture.h"

typedef struct {
    cf_pairing *pairing;
    caller *door;
} guest;

guest a_guest(broker_world *house, const uint8_t secret[32]);
void guest_knock(broker_world *house, guest *from, const cf_hash *user, cf_bytes sealed);

#endif
