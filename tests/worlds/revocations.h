/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker does with a device from the moment on at which it has taken that device's
 * revocation, in any world: when that turn of its loop ends there is no session of the device, and
 * what goes out to the device's keys from then on says only that nobody listens; and CF_EVICTED_MS
 * later what was under way to it is cut off. */
#ifndef CF_TESTS_WORLDS_REVOCATIONS_H
#define CF_TESTS_WORLDS_REVOCATIONS_H
#include "tests/worlds/world.h"

/* Whether the broker knows a device with this key that was revoked. */
bool revocations_has(const world_broker *of, const cf_hash *curve);
/* So long after a broker has taken it nothing that it sent before comes out of the line either. */
void revocations_heard(const world_broker *from, const device *by, const cf_message *message);
/* At the end of the broker's turn. */
void revocations_look(world_broker *of);
/* Of each message that it sends; NULL: one that can't be read. */
void revocations_sent(world_broker *of, const cf_hash *curve, const cf_message *message);

#endif
